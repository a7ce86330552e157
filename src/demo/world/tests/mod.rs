//! What the shop's backends tell is what its requests did.

mod exporters;
mod formats;
mod jobs;
mod scenarios;
mod trace_metrics;
mod trace_places;

use std::{
    collections::{BTreeMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use super::{shop::Service, *};
use crate::{
    demo::store::{Direction, LogHint, LogStore, MetricStore, STALE, SpanHint, StoredSeries, StoredTrace, TraceHint, TraceStore, Volume},
    log_fields::trace_id::written,
    model::{
        labels::{MatchOp, Matcher},
        time::TimeRange,
        trace::TraceId,
    },
    wire::otlp::Span,
};

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// 2025-11-21 08:00:07 UTC.
const START: Timestamp = Timestamp::from_secs(1_763_712_007);

fn world_at(scenario: Scenario, now: Timestamp) -> Arc<World> {
    World::new(scenario, 7, START, Arc::new(At(now)))
}

fn incident() -> Arc<World> {
    world_at(Scenario::builtin("pool-exhaustion").unwrap(), START)
}

fn select(world: &World, name: &str, more: &[(&str, &str)], from: Timestamp, to: Timestamp) -> Vec<StoredSeries> {
    let matchers: Vec<Matcher> =
        std::iter::once(("__name__", name)).chain(more.iter().copied()).map(|(n, v)| Matcher::equal(n, v)).collect();
    world.select(&matchers, from.millis(), to.millis())
}

/// How much all series of a selection counted in a range, from the first sample to the last.
fn increase(world: &World, name: &str, more: &[(&str, &str)], from: Timestamp, to: Timestamp) -> f64 {
    let ends = |s: &StoredSeries| s.samples.iter().filter(|v| v.1.to_bits() != STALE).map(|v| v.1).collect::<Vec<_>>();
    select(world, name, more, from, to).iter().map(|s| ends(s).last().unwrap_or(&0.0) - ends(s).first().unwrap_or(&0.0)).sum()
}

/// Share of failed purchases between two instants.
fn checkout_errors(world: &World, from: Timestamp, to: Timestamp) -> f64 {
    let count = |more: &[(&str, &str)]| {
        increase(
            world,
            "http_server_requests_seconds_count",
            &[&[("application", "checkout"), ("uri", "/checkout")], more].concat(),
            from,
            to,
        )
    };
    count(&[("status", "500")]) / count(&[])
}

#[test]
fn the_incident_shows_after_its_onset_and_not_before() {
    let world = incident();
    let onset = world.onset();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let before = checkout_errors(&world, onset - minutes(6), onset);
    let after = checkout_errors(&world, onset + minutes(6), onset + minutes(12));
    assert!(before < 0.01, "{before}");
    assert!((0.15..0.35).contains(&after), "{after}");
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn traces(world: &World, hint: &TraceHint, from: Timestamp, to: Timestamp) -> Vec<StoredTrace> {
    let mut all = Vec::new();
    TraceStore::scan(world, hint, TimeRange::new(from, to), &mut |t| {
        all.push(t);
        ControlFlow::Continue(())
    });
    all
}

fn spans(trace: &StoredTrace) -> impl Iterator<Item = (String, &Span)> {
    let service = |r: &crate::wire::otlp::ResourceSpans| match r.resource.as_ref().and_then(|r| r.attributes[0].value.clone()?.value) {
        Some(crate::wire::otlp::any_value::Value::String(s)) => s,
        other => panic!("service.name is {other:?}"),
    };
    trace.spans.iter().flat_map(move |r| r.scope_spans.iter().flat_map(|s| &s.spans).map(move |s| (service(r), s)))
}

/// Lines with their text: instant, stream, level, trace, text with structured metadata.
fn lines(
    world: &World,
    hint: &LogHint,
    from: Timestamp,
    to: Timestamp,
    direction: Direction,
) -> Vec<(i64, String, &'static str, Option<TraceId>, String)> {
    let mut all = Vec::new();
    LogStore::scan(world, hint, TimeRange::new(from, to), direction, &mut |l| {
        let mut text = String::new();
        l.write_text(&mut text);
        text.push_str(&l.metadata().to_string());
        all.push((l.at().0, l.stream().to_string(), l.level(), l.trace(), text));
        ControlFlow::Continue(())
    });
    all
}

#[test]
fn answers_do_not_depend_on_the_order_of_questions() {
    let windows: Vec<(Timestamp, Timestamp)> =
        [(1_500, 1_300), (1_100, 1_000), (400, 300)].map(|(a, b)| (START - seconds(a), START - seconds(b))).to_vec();
    let ask = |world: &World, (from, to): (Timestamp, Timestamp)| {
        let series = world.select(&[Matcher::new("__name__", crate::model::labels::MatchOp::Regex, ".+")], from.millis(), to.millis());
        let bits: Vec<_> =
            series.iter().map(|s| (s.labels.clone(), s.samples.iter().map(|v| (v.0, v.1.to_bits())).collect::<Vec<_>>())).collect();
        let exemplars = world.exemplars(&[Matcher::equal("service_name", "web")], from.millis(), to.millis());
        (
            bits,
            exemplars,
            lines(world, &LogHint::default(), from, from + seconds(20), Direction::Forward),
            traces(world, &TraceHint::default(), from, from + seconds(5)),
        )
    };
    let (one, other) = (incident(), incident());
    let forward: Vec<_> = windows.iter().map(|w| ask(&one, *w)).collect();
    let mut backward: Vec<_> = windows.iter().rev().map(|w| ask(&other, *w)).collect();
    backward.reverse();
    assert!(forward == backward);
    assert!(forward.iter().all(|f| !f.0.is_empty() && !f.1.is_empty() && !f.2.is_empty() && !f.3.is_empty()));
}

#[test]
fn span_metrics_count_exactly_the_stored_spans() {
    let world = incident();
    for ago in [1_400, 300] {
        let range = (START - seconds(ago + 50), START - seconds(ago));
        let series = select(&world, "traces_spanmetrics_calls_total", &[], range.0, range.1);
        let ends = (series[0].samples[0].0 * 1_000_000, series[0].samples.last().unwrap().0 * 1_000_000);
        let mut counted = BTreeMap::new();
        for s in &series {
            let key = (
                s.labels.get("service").unwrap().to_owned(),
                s.labels.get("span_name").unwrap().to_owned(),
                s.labels.get("status_code") == Some("STATUS_CODE_ERROR"),
            );
            let n = s.samples.last().unwrap().1 - s.samples[0].1;
            if n > 0.0 {
                counted.insert(key, n as u64);
            }
        }
        let mut stored = BTreeMap::new();
        for trace in traces(&world, &TraceHint::default(), range.0 - seconds(45), range.1) {
            // Jobs are traced, and no one scrapes them.
            for (service, span) in spans(&trace).filter(|(service, _)| Service::parse(service).is_some()) {
                let skew = if service == "catalog" { 40_000_000 } else { 0 };
                if (ends.0 + 1..=ends.1).contains(&(span.end_time_unix_nano as i64 - skew)) {
                    *stored.entry((service, span.name.clone(), span.status.is_some())).or_default() += 1;
                }
            }
        }
        assert_eq!(counted, stored);
    }
}

#[test]
fn an_access_line_is_logged_for_every_request_of_web() {
    let world = incident();
    let (from, to) = (START - seconds(330), START - seconds(300));
    let hint = LogHint { matchers: vec![Matcher::equal("service_name", "web")], trace: None };
    let logged: HashSet<TraceId> = lines(&world, &hint, from, to, Direction::Backward)
        .into_iter()
        .filter(|l| l.4.contains("request completed"))
        .filter_map(|l| l.3)
        .collect();
    let ended = |t: &StoredTrace| {
        spans(t).any(|(s, span)| s == "web" && span.kind == 2 && (from.0..to.0).contains(&(span.end_time_unix_nano as i64)))
    };
    let traced: HashSet<TraceId> =
        traces(&world, &TraceHint::default(), from - seconds(60), to).into_iter().filter(ended).map(|t| t.id).collect();
    assert!(logged.len() > 2_000);
    assert_eq!(logged, traced);
}

#[test]
fn a_line_names_a_trace_and_a_span_that_exist_and_says_its_level() {
    let world = incident();
    let (from, to) = (START - seconds(120), START - seconds(110));
    let all = lines(&world, &LogHint::default(), from, to, Direction::Forward);
    assert!(all.is_sorted_by_key(|l| l.0));
    assert!(all.iter().any(|l| l.4.contains("timeout acquiring connection from pool pool=orders wait_ms=8000 in_use=2 max=2")));
    for (at, stream, level, trace, text) in &all {
        // What is no service of the shop is looked at apart.
        let ours = !stream.contains("sessions") && !stream.contains("ingress");
        let said = ["level=", "\"level\":\"", "["]
            .iter()
            .any(|before| text.contains(&format!("{before}{level}")) || text.contains(&format!("{before}{}", level.to_uppercase())));
        assert!(said || !ours, "{level}: {text}");
        assert!(!ours || *level == "info" || !text.to_lowercase().contains("info"), "Loki would take this for info: {text}");
        let Some(trace) = trace else {
            assert!(!ours || stream.contains("cart"), "{text}");
            continue;
        };
        let stored = world.trace(*trace).unwrap();
        assert!(regex::Regex::new(&written(*trace)).unwrap().is_match(text), "{text}");
        if !text.contains(&trace.to_string()) {
            // Forms of an id that have no place for a span.
            assert!(text.contains("X-Amzn-Trace-Id") || text.contains("dd.trace_id"), "{text}");
            continue;
        }
        let hex = |s: &Span| s.span_id.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert!(spans(&stored).any(|(service, s)| text.contains(&hex(s)) && (!ours || stream.contains(&service))), "{text}");
        let own = lines(&world, &LogHint { matchers: Vec::new(), trace: Some(*trace) }, from, to, Direction::Backward);
        assert!(own.iter().any(|l| l.0 == *at && l.4 == *text));
    }
}

#[test]
fn an_exemplar_leads_to_a_span_of_its_value() {
    let world = incident();
    let (from, to) = (START - seconds(240), START - seconds(180));
    let exemplars = world.exemplars(&[], from.millis(), to.millis());
    assert!(exemplars.iter().any(|e| e.value > 7.5 && e.series.get("application") == Some("orders")));
    for e in &exemplars {
        let id = e.labels.get("trace_id").or_else(|| e.labels.get("traceID")).and_then(TraceId::parse).unwrap();
        let stored = world.trace(id).unwrap();
        assert!(spans(&stored).any(|(_, s)| (s.end_time_unix_nano - s.start_time_unix_nano) as f64 / 1e9 == e.value), "{e:?}");
        let Some(le) = e.series.get("le") else {
            assert_eq!(e.series.get("service_name"), Some("payments"), "{e:?}");
            continue;
        };
        let le = le.replace("+Inf", "inf").parse::<f64>().unwrap();
        assert!(e.value <= le);
    }
}

#[test]
fn failed_traces_of_checkout_wait_for_a_connection_of_orders() {
    let world = incident();
    let hint = TraceHint { services: vec!["checkout".to_owned()], error: true, min_duration: 0 };
    let found = traces(&world, &hint, START - seconds(300), START - seconds(240));
    assert!(found.len() > 100);
    let waits = found
        .iter()
        .filter(|t| {
            spans(t).any(|(s, span)| s == "orders" && span.name == "pool.acquire" && span.status.is_some() && span.events.len() == 1)
        })
        .count();
    assert!(waits * 100 > found.len() * 95, "{waits} of {}", found.len());
    let insert = |from: u64| -> f64 {
        let range = (START - seconds(from), START - seconds(from - 60));
        let labels = [("service", "orders"), ("span_name", "INSERT orders")];
        increase(&world, "traces_spanmetrics_latency_sum", &labels, range.0, range.1)
            / increase(&world, "traces_spanmetrics_latency_count", &labels, range.0, range.1)
    };
    assert!((insert(300) / insert(1_500) - 1.0).abs() < 0.05, "postgres is as fast as before");
}

#[test]
fn connections_in_use_are_rate_times_hold_for_pools_that_no_scenario_has() {
    for (pool, factor) in [(9, 2.0), (30, 6.0)] {
        let text = format!(
            "name = 'x'\ndescription = ''\nonset = '-40m'\n[[change]]\nkind = 'deploy'\nservice = 'orders'\nversion = '2'\nset = {{ pool = {pool} }}\n[[change]]\nkind = 'slow'\nservice = 'postgres'\nfactor = {factor:?}\n[truth]\nfirst_symptom = ''\nblast_radius = []\nmust_fire = []\nmust_not_fire = []\nevidence = []\n"
        );
        let world = world_at(Scenario::parse("x", &text).unwrap(), START);
        let (from, to) = (START - seconds(2_250), START);
        let alive: Vec<StoredSeries> = select(&world, "hikaricp_connections_active", &[], from, to);
        let mean = |s: &StoredSeries| s.samples.iter().map(|v| v.1).sum::<f64>() / s.samples.len() as f64;
        let in_use: f64 = alive.iter().map(mean).sum();
        let statements = ["INSERT orders", "INSERT order_items", "SELECT orders"];
        let busy: f64 = statements
            .iter()
            .map(|s| increase(&world, "traces_spanmetrics_latency_sum", &[("service", "orders"), ("span_name", s)], from, to))
            .sum();
        let expected = busy / 2_235.0;
        assert!((in_use / expected - 1.0).abs() < 0.05, "pool {pool}: {in_use} in use, {expected} expected");
        assert_eq!(alive.len(), 3);
    }
}

#[test]
fn a_deploy_replaces_pods_and_their_counters() {
    let world = incident();
    let onset = world.onset();
    let names = |from, to| -> HashSet<String> {
        select(&world, "up", &[("job", "orders")], from, to).iter().map(|s| s.labels.get("pod").unwrap().to_owned()).collect()
    };
    let (old, new) = (names(onset - seconds(120), onset - seconds(60)), names(onset + seconds(120), onset + seconds(180)));
    assert_eq!((old.len(), new.len()), (3, 3));
    assert!(old.is_disjoint(&new));
    let counts = select(
        &world,
        "http_server_requests_seconds_count",
        &[("application", "orders"), ("status", "201")],
        onset - seconds(120),
        onset + seconds(180),
    );
    for s in &counts {
        let fresh = new.contains(s.labels.get("pod").unwrap());
        assert_eq!(s.samples[0].1 < 200.0, fresh, "{:?}", s.samples[0]);
        assert_eq!(s.samples.last().unwrap().1.to_bits() == STALE, !fresh);
        assert!(s.samples.windows(2).all(|w| w[1].1 >= w[0].1 || w[1].1.to_bits() == STALE), "a counter never goes down");
    }
    let versions: HashSet<String> = select(&world, "orders_build_info", &[], onset - seconds(120), onset + seconds(180))
        .iter()
        .map(|s| s.labels.get("version").unwrap().to_owned())
        .collect();
    assert_eq!(versions, ["1.41.3", "1.42.0"].map(str::to_owned).into());
}

#[test]
fn nothing_later_than_now_exists() {
    let now = START - seconds(600);
    let world = world_at(Scenario::builtin("pool-exhaustion").unwrap(), now);
    let later = now + seconds(60);
    assert!(select(&world, "up", &[], now + Duration::from_nanos(1_000_000), later).is_empty());
    assert!(lines(&world, &LogHint::default(), now + Duration::from_nanos(1), later, Direction::Forward).is_empty());
    let newest = traces(&world, &TraceHint::default(), now - seconds(2), later);
    assert!(!newest.is_empty());
    assert!(
        newest
            .iter()
            .flat_map(|t| spans(t).map(|(s, span)| (s, span.end_time_unix_nano)).collect::<Vec<_>>())
            .all(|(s, end)| s == "catalog" || end as i64 <= now.0)
    );
}

#[test]
fn a_sample_is_the_same_in_every_window() {
    let start = START - seconds(1_200);
    let all = [Matcher::new(
        "__name__",
        crate::model::labels::MatchOp::Regex,
        "container_cpu.*|http_server_request_duration_seconds_(sum|count)",
    )];
    let part = |world: &World, from: Timestamp| -> Vec<_> {
        world
            .select(&all, from.millis(), (start + seconds(60)).millis())
            .iter()
            .map(|s| (s.labels.clone(), s.samples.last().unwrap().0, s.samples.last().unwrap().1.to_bits()))
            .collect()
    };
    let want = part(&incident(), start);
    assert!(want.len() > 50);
    assert_eq!(part(&incident(), start - seconds(900)), want);
}

#[test]
fn what_was_logged_is_counted_as_it_is_and_measured_by_a_few_lines() {
    let world = incident();
    let counted = |from: Timestamp, to: Timestamp, matchers: &[Matcher]| {
        let mut total = Volume::default();
        LogStore::volume(&*world, matchers, TimeRange::new(from, to), &mut |at, _, volume| {
            assert!(at >= from && at < to, "{at:?}");
            total += volume;
        });
        total
    };
    let orders = [Matcher::equal("service_name", "orders")];
    let (from, to) = (START - seconds(777), START - seconds(77));
    for matchers in [&orders[..], &[]] {
        let (mut exact, mut text) = (Volume::default(), String::new());
        let hint = LogHint { matchers: matchers.to_vec(), trace: None };
        LogStore::scan(&*world, &hint, TimeRange::new(from, to), Direction::Forward, &mut |l| {
            exact += Volume::of(l, &mut text);
            ControlFlow::Continue(())
        });
        let estimate = counted(from, to, matchers);
        assert_eq!(estimate.entries, exact.entries);
        assert!((estimate.bytes as f64 / exact.bytes as f64 - 1.0).abs() < 0.05, "{} of {} bytes", estimate.bytes, exact.bytes);
    }
    // Of long windows some blocks are counted, each for several.
    let (from, to) = (START - seconds(5_400), START);
    let mut entries = 0_u64;
    LogStore::scan(&*world, &LogHint { matchers: orders.to_vec(), trace: None }, TimeRange::new(from, to), Direction::Forward, &mut |_| {
        entries += 1;
        ControlFlow::Continue(())
    });
    let estimate = counted(from, to, &orders);
    assert!((estimate.entries as f64 / entries as f64 - 1.0).abs() < 0.1, "{} of {entries} lines", estimate.entries);
}
