//! What the shop does beside requests is found, and is what it is said to be.

use super::*;
use crate::{
    demo::logql::level,
    model::log::{Level, LogLine},
};

fn quiet() -> Arc<World> {
    world_at(Scenario::builtin("quiet").unwrap(), START)
}

/// The newest trace whose root has a name, of a service.
fn job(world: &World, service: &str, root: &str) -> StoredTrace {
    let hint = TraceHint { services: vec![service.to_owned()], ..TraceHint::default() };
    let found = traces(world, &hint, START - seconds(4_000), START).into_iter();
    let mut named = found.filter(|t| spans(t).any(|(s, span)| s == service && span.name == root && span.parent_span_id.is_empty()));
    named.next().unwrap_or_else(|| panic!("no {root} of {service}"))
}

fn named<'t>(trace: &'t StoredTrace, name: &str) -> Vec<(String, &'t Span)> {
    spans(trace).filter(|(_, s)| s.name == name).collect()
}

#[test]
fn the_nightly_reindex_has_100_000_spans_of_one_tree() {
    let world = quiet();
    let trace = job(&world, "indexer", "nightly reindex");
    assert_eq!(spans(&trace).count(), 100_000);
    let ids: HashSet<&[u8]> = spans(&trace).map(|(_, s)| s.span_id.as_slice()).collect();
    assert_eq!(ids.len(), 100_000);
    assert!(spans(&trace).all(|(_, s)| s.parent_span_id.is_empty() || ids.contains(s.parent_span_id.as_slice())));
    let failed = spans(&trace).filter(|(_, s)| s.status.is_some()).count();
    assert!((50..200).contains(&failed), "{failed} failed");
    // As much of it as had happened while it ran, and all of it by its id.
    let running = world_at(Scenario::builtin("quiet").unwrap(), START - seconds(30 * 60));
    let so_far = running.trace(trace.id).map_or(0, |t| spans(&t).count());
    assert!((10_000..90_000).contains(&so_far), "{so_far}");
    assert_eq!(world.trace(trace.id), Some(trace));
}

#[test]
fn a_report_asks_once_and_then_once_for_each_row() {
    let trace = job(&quiet(), "reports", "GET /reports/sales");
    assert_eq!((named(&trace, "SELECT shops").len(), named(&trace, "SELECT orders").len()), (1, 240));
}

#[test]
fn a_return_is_done_minutes_after_it_was_answered() {
    let trace = job(&quiet(), "returns", "POST /returns");
    let (answered, consumed) = (named(&trace, "POST /returns")[0].1, named(&trace, "refund.requested process")[0].1);
    let later = (consumed.start_time_unix_nano - answered.end_time_unix_nano) as f64 / 60e9;
    assert!((4.0..5.0).contains(&later), "{later} min");
    let sent = named(&trace, "refund.requested publish")[0].1;
    assert_eq!((&consumed.parent_span_id, &consumed.links[0].span_id), (&sent.span_id, &sent.span_id));
}

#[test]
fn a_parcels_depot_is_ahead_and_some_of_its_spans_have_no_parent() {
    let trace = job(&quiet(), "shipping", "POST /parcels");
    let picks = named(&trace, "POST /picks");
    let of = |service: &str| picks.iter().find(|(s, _)| s == service).unwrap().1;
    let ahead = of("warehouse").start_time_unix_nano as i64 - of("shipping").start_time_unix_nano as i64;
    assert_eq!(ahead, 302_000_000);
    let ids: HashSet<&[u8]> = spans(&trace).map(|(_, s)| s.span_id.as_slice()).collect();
    let orphan = |s: &&Span| !s.parent_span_id.is_empty() && !ids.contains(s.parent_span_id.as_slice());
    let orphans: Vec<&Span> = spans(&trace).map(|(_, s)| s).filter(orphan).collect();
    let parents: HashSet<&[u8]> = orphans.iter().map(|s| s.parent_span_id.as_slice()).collect();
    assert_eq!((orphans.len(), parents.len()), (4, 2));
}

#[test]
fn an_invoice_run_takes_most_of_an_hour_and_works_for_minutes() {
    let trace = job(&quiet(), "invoicing", "invoice run");
    let minutes = |s: &Span| (s.end_time_unix_nano - s.start_time_unix_nano) as f64 / 60e9;
    let root = named(&trace, "invoice run")[0].1;
    assert!((40.0..56.0).contains(&minutes(root)), "{} min", minutes(root));
    assert!(minutes(named(&trace, "acquire lock")[0].1) > 11.0);
    let working: f64 =
        spans(&trace).map(|(_, s)| s).filter(|s| s.parent_span_id == root.span_id && s.name != "acquire lock").map(minutes).sum();
    assert!(working < 5.0, "{working} min");
    let gap = named(&trace, "PUT /settlements/{date}").iter().map(|(_, s)| s.start_time_unix_nano).min().unwrap()
        - named(&trace, "invoice page").iter().map(|(_, s)| s.end_time_unix_nano).max().unwrap();
    assert!(gap as f64 / 60e9 > 25.0);
}

#[test]
fn jobs_come_in_their_place_and_are_not_missed_by_samples() {
    let world = quiet();
    let (from, to) = (START - seconds(420), START - seconds(370));
    let hint = TraceHint { min_duration: 2_000_000_000, ..TraceHint::default() };
    let first = |t: &StoredTrace| spans(t).map(|(_, s)| s.start_time_unix_nano).min().unwrap();
    let found = traces(&world, &hint, from, to);
    let report = found.iter().position(|t| spans(t).any(|(s, _)| s == "reports")).expect("the report is found");
    assert!(report > 0 && first(&found[report - 1]) >= first(&found[report]) && first(&found[report]) >= first(&found[report + 1]));
    let (mut rare, mut weights) = (0, 0);
    let range = TimeRange::new(START - seconds(3_600), START);
    TraceStore::sample(&*world, (&TraceHint::default(), &SpanHint::default()), range, 2_000, &mut |trace, weight| {
        rare += usize::from(spans(&trace).any(|(s, _)| matches!(s.as_str(), "indexer" | "reports" | "returns" | "shipping" | "invoicing")));
        weights += weight;
        ControlFlow::Continue(())
    });
    let about = world.about(&TraceHint::default(), range);
    assert!(rare >= 5 && (weights as f64 / about as f64 - 1.0).abs() < 0.3, "{rare} jobs, {weights} traces of {about}");
}

#[test]
fn each_job_logs_lines_that_name_its_spans() {
    let world = quiet();
    for (service, root, least) in [
        ("indexer", "nightly reindex", 10),
        ("reports", "GET /reports/sales", 2),
        ("returns", "POST /returns", 4),
        ("shipping", "POST /parcels", 5),
        ("invoicing", "invoice run", 8),
    ] {
        let trace = job(&world, service, root);
        let ids: HashSet<String> = spans(&trace).map(|(_, s)| s.span_id.iter().map(|b| format!("{b:02x}")).collect()).collect();
        let everything = TimeRange::new(START - seconds(2 * 3_600), START);
        let lines = |hint: LogHint, direction| {
            let mut all = Vec::new();
            LogStore::scan(&*world, &hint, everything, direction, &mut |entry| {
                if entry.trace() == Some(trace.id) {
                    let mut text = String::new();
                    entry.write_text(&mut text);
                    all.push((entry.at(), entry.stream().to_string(), text));
                }
                ControlFlow::Continue(())
            });
            all
        };
        let of_trace = lines(LogHint { matchers: Vec::new(), trace: Some(trace.id) }, Direction::Forward);
        assert!(of_trace.len() >= least, "{root}: {of_trace:?}");
        for (_, stream, text) in &of_trace {
            let span = text.split_once("span_id=").unwrap().1;
            assert!(ids.contains(span) && text.contains(&trace.id.to_string()) && stream.contains("app="), "{stream} {text}");
        }
        assert!(of_trace.is_sorted_by_key(|(at, ..)| *at));
        let matchers = vec![
            Matcher::new("namespace", MatchOp::Equal, "shop"),
            Matcher::new("app", MatchOp::Regex, "indexer|search|reports|returns|refunds|shipping|warehouse|labels|invoicing|banking"),
        ];
        let mut all = lines(LogHint { matchers: matchers.clone(), trace: None }, Direction::Backward);
        all.sort();
        let mut sorted = of_trace.clone();
        sorted.sort();
        assert_eq!(all, sorted, "found among all lines as well");
        let streams: HashSet<String> = LogStore::streams(&*world, &matchers, everything).iter().map(|s| s.to_string()).collect();
        assert!(of_trace.iter().all(|(_, stream, _)| streams.contains(stream)));
    }
}

#[test]
fn a_label_that_cannot_be_rendered_has_a_traceback_that_comes_line_by_line_and_is_one_row() {
    let world = quiet();
    let hint = LogHint { matchers: vec![Matcher::equal("app", "labels")], trace: None };
    let mut lines = Vec::new();
    LogStore::scan(&*world, &hint, TimeRange::new(START - seconds(3_600), START), Direction::Forward, &mut |entry| {
        let mut text = String::new();
        entry.write_text(&mut text);
        assert_eq!(level::detect(entry.stream(), &entry.metadata(), &text), entry.level(), "{text}");
        let level = Level::parse(entry.level()).unwrap_or_default();
        lines.push(LogLine {
            at: entry.at(),
            stream: entry.stream().clone(),
            metadata: entry.metadata(),
            text: text.into(),
            level,
            trace: entry.trace(),
            ..LogLine::default()
        });
        ControlFlow::Continue(())
    });
    assert!(lines.len() > 18 && lines.iter().all(|line| !line.text.contains('\n')), "{lines:?}");
    let records = lines.iter().filter(|line| line.trace.is_some()).count();
    assert_eq!(lines.len(), records * 9, "a record, and eight lines that name no trace");
    let mut store = crate::store::LogStore::new(1 << 20);
    store.insert(lines);
    assert_eq!(store.rows_from(0).count(), records);
}

#[test]
fn a_batch_job_pushes_when_its_last_span_ends() {
    let world = quiet();
    let pushed = |name: &str, service: &str, ago: u64| {
        let series = select(&world, name, &[("job", service)], START - seconds(ago + 20), START - seconds(ago));
        assert_eq!(series.len(), 1, "{name} of {service}");
        assert_eq!(series[0].labels.get("instance"), None, "a group is of no instance");
        series[0].samples[0].1
    };
    for (service, root, every) in [("indexer", "nightly reindex", 6.0), ("invoicing", "invoice run", 4.0)] {
        let trace = job(&world, service, root);
        let of = named(&trace, root)[0].1;
        let (begin, end) = (of.start_time_unix_nano as f64 / 1e9, of.end_time_unix_nano as f64 / 1e9);
        let now = pushed("push_time_seconds", service, 0);
        assert!((now - end).abs() < 1e-3 && (pushed("batch_job_duration_seconds", service, 0) - (end - begin)).abs() < 1e-3, "{service}");
        assert_eq!(pushed("push_failure_time_seconds", service, 0), 0.0);
        // While it runs, the run before it is the last.
        let running = pushed("push_time_seconds", service, (START.0 as f64 / 1e9 - end) as u64 + 60);
        assert!(((now - running) / 3_600.0 / every - 1.0).abs() < 0.02, "{service}: {} s between two", now - running);
    }
    assert_eq!(select(&world, "up", &[("job", "pushgateway")], START - seconds(20), START).len(), 1);
    let jobs: HashSet<String> = select(&world, "push_time_seconds", &[], START - seconds(20), START)
        .iter()
        .map(|s| s.labels.get("job").unwrap().to_owned())
        .collect();
    assert_eq!(jobs.len(), 2);
}
