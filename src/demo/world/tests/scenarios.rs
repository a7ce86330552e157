//! Scenarios are held to their ground truth, for more than one seed.

use super::*;
use crate::demo::rules::{RuleEngine, RuleFile};

const SEEDS: [u64; 2] = [7, 20];

fn world_of(scenario: &str, seed: u64) -> Arc<World> {
    World::new(Scenario::builtin(scenario).unwrap(), seed, START, Arc::new(At(START)))
}

/// Each alert that fires at the start: name, service, and since when, in seconds after the onset.
fn fired(world: &Arc<World>) -> Vec<(String, String, i64)> {
    let onset = world.onset();
    let since = onset - seconds(1_200);
    let rules = RuleEngine::new(RuleFile::shop().unwrap(), "rules.yml", world.clone(), Arc::new(At(START)), since).unwrap();
    let wrong: Vec<String> = rules.status().into_iter().flat_map(|s| s.rules).filter_map(|r| r.error).collect();
    assert_eq!(wrong, Vec::<String>::new());
    let service = |labels: &Labels| labels.get("service").unwrap_or_default().to_owned();
    let one = |(rule, alert): (&crate::demo::rules::Rule, crate::demo::rules::ActiveAlert)| {
        Some((rule.name.clone(), service(&alert.labels), (alert.fired_at? - onset.millis()) / 1_000))
    };
    rules.alerts().into_iter().filter_map(one).collect()
}

/// Alerts as the truth says: those that must fire do so this many seconds after the onset.
fn assert_alerts(scenario: &str, after: std::ops::RangeInclusive<i64>) {
    for seed in SEEDS {
        let world = world_of(scenario, seed);
        let (fired, truth) = (fired(&world), &world.scenario().truth);
        for name in &truth.must_fire {
            let first = fired.iter().filter(|f| f.0 == *name).map(|f| f.2).min();
            assert!(first.is_some_and(|first| after.contains(&first)), "{scenario}, seed {seed}: {name} in {fired:?}");
        }
        // Where nothing happens, nothing else alerts.
        let other = |name: &String| truth.cause.is_none() && !truth.must_fire.contains(name);
        let wrong: Vec<_> = fired.iter().filter(|f| truth.must_not_fire.contains(&f.0) || other(&f.0)).collect();
        assert!(wrong.is_empty(), "{scenario}, seed {seed}: {wrong:?}");
    }
}

/// Mean duration and share of failures of each service's routes in a stretch of five minutes.
fn routes(world: &World, from: Timestamp) -> BTreeMap<(String, String), (f64, f64)> {
    let to = from + seconds(300);
    let mut out = BTreeMap::<(String, String), [f64; 3]>::new();
    for (i, name) in ["traces_spanmetrics_latency_sum", "traces_spanmetrics_latency_count"].into_iter().enumerate() {
        for s in select(world, name, &[("span_kind", "SPAN_KIND_SERVER")], from, to) {
            let label = |name: &str| s.labels.get(name).unwrap_or_default().to_owned();
            let counted = s.samples.last().unwrap().1 - s.samples[0].1;
            let entry = out.entry((label("service"), label("span_name"))).or_default();
            entry[i] += counted;
            if i == 1 && label("status_code") == "STATUS_CODE_ERROR" {
                entry[2] += counted;
            }
        }
    }
    out.into_iter().map(|(route, [sum, count, failed])| (route, (sum / count, failed / count))).collect()
}

/// Services of which some route takes a quarter longer than before, or fails more often by one in a hundred.
fn noticed(world: &World) -> Vec<String> {
    let (before, after) = (routes(world, world.onset() - seconds(900)), routes(world, START - seconds(300)));
    let worse = |(route, now): &(&(String, String), &(f64, f64))| {
        let was = before[*route];
        now.0 > was.0 * 1.25 || now.1 > was.1 + 0.01
    };
    let mut services: Vec<String> = after.iter().filter(worse).map(|(route, _)| route.0.clone()).collect();
    services.dedup();
    services
}

#[test]
fn pool_exhaustion_alerts_minutes_after_its_onset() {
    assert_alerts("pool-exhaustion", 60..=240);
}

#[test]
fn a_bad_pod_alerts_by_its_pod_and_its_disk_and_not_by_its_fleet() {
    assert_alerts("bad-pod", 60..=420);
}

#[test]
fn a_bad_version_alerts_by_what_fails_of_its_service() {
    assert_alerts("bad-version", 60..=300);
}

/// A text of a resource.
fn of_resource<'r>(resource: &'r crate::wire::otlp::ResourceSpans, name: &str) -> &'r str {
    use crate::wire::otlp::any_value::Value;
    let found = resource.resource.iter().flat_map(|r| &r.attributes).find(|a| a.key == name);
    match found.and_then(|a| a.value.as_ref()?.value.as_ref()) {
        Some(Value::String(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn of_a_bad_version_one_route_fails_and_is_slow_and_the_traces_the_metrics_and_the_lines_say_which() {
    for seed in SEEDS {
        let world = world_of("bad-version", seed);
        let (from, to) = (START - seconds(360), START - seconds(120));
        // Requests, failures and length in nanoseconds, by version and route.
        let mut seen = BTreeMap::<(String, String), (f64, f64, f64)>::new();
        let hint = TraceHint { services: vec!["web".to_owned()], ..TraceHint::default() };
        for trace in traces(&world, &hint, from, to) {
            for resource in trace.spans.iter().filter(|r| of_resource(r, "service.name") == "web") {
                for span in resource.scope_spans[0].spans.iter().filter(|s| s.kind == 2) {
                    let of = seen.entry((of_resource(resource, "service.version").to_owned(), span.name.clone())).or_default();
                    *of = (of.0 + 1.0, of.1 + f64::from(u8::from(span.status.is_some())), of.2 + length(span));
                }
            }
        }
        for ((version, route), (all, failed, length)) in &seen {
            let bad = version == "3.9.0" && route == "POST /api/cart";
            let good = &seen[&("3.8.2".to_owned(), route.clone())];
            let slower = length / all / (good.2 / good.0);
            assert!((bad && (0.4..0.6).contains(&(failed / all))) || (!bad && failed / all < 0.02), "{version} {route}: {failed} of {all}");
            assert!((bad && slower > 1.8) || (!bad && (0.8..1.25).contains(&slower)), "{version} {route}: {slower} times as slow");
        }
        assert_eq!(seen.len(), 10, "{seen:?}");
        let versions = select(&world, "web_build_info", &[("version", "3.9.0")], from, to);
        let [canary] = versions.as_slice() else { panic!("{versions:?}") };
        let canary = canary.labels.get("pod").unwrap();
        let failures = |pod: &str, route: &str| {
            let labels = [("pod", pod), ("http_route", route), ("http_response_status_code", "500")];
            increase(&world, "http_server_request_duration_seconds_count", &labels, from, to)
        };
        for pod in select(&world, "web_build_info", &[], to - seconds(30), to).iter().map(|s| s.labels.get("pod").unwrap()) {
            let expected = if pod == canary { 500.0..1_300.0 } else { 0.0..20.0 };
            assert!(expected.contains(&failures(pod, "/api/cart")), "{pod}: {}", failures(pod, "/api/cart"));
            assert!(failures(pod, "/") < 20.0);
        }
        let lines = |matchers: Vec<Matcher>| {
            let mut texts = Vec::new();
            LogStore::scan(&*world, &LogHint { matchers, trace: None }, TimeRange::new(from, to), Direction::Forward, &mut |l| {
                if l.level() == "error" {
                    let mut text = String::new();
                    l.write_text(&mut text);
                    texts.push(text);
                }
                ControlFlow::Continue(())
            });
            texts.iter().filter(|t| t.contains("\"route\":\"/api/cart\"") && t.contains("TypeError")).count()
        };
        let (own, all) = (lines(vec![Matcher::equal("pod", canary)]), lines(vec![Matcher::equal("service_name", "web")]));
        assert!(own > 500 && own * 100 > all * 95, "{own} of {all} lines");
    }
}

#[test]
fn a_surge_alerts_at_the_edge_alone() {
    assert_alerts("surge", 60..=300);
}

#[test]
fn a_quiet_hour_has_two_alerts_that_mean_nothing() {
    assert_alerts("quiet", -1_200..=0);
}

#[test]
fn a_cascade_has_forty_alerts_within_six_minutes_of_every_service_above_postgres() {
    assert_alerts("cascade", 15..=360);
    for seed in SEEDS {
        let world = world_of("cascade", seed);
        let fired = fired(&world);
        let in_time = fired.iter().filter(|f| f.2 <= 360).count();
        assert!((40..=60).contains(&in_time), "{in_time} with seed {seed}: {fired:?}");
        let services: HashSet<&str> = fired.iter().map(|f| f.1.as_str()).collect();
        assert_eq!(services, world.scenario().truth.blast_radius.iter().map(String::as_str).collect(), "{fired:?}");
    }
}

#[test]
fn a_pool_that_only_makes_wait_alerts_by_its_latency_and_by_no_error() {
    assert_alerts("pool-wait", 60..=300);
}

#[test]
fn a_slow_dependency_alerts_by_its_latency_and_by_no_error() {
    assert_alerts("slow-dependency", 45..=240);
}

/// Lines of a level and of a service in a stretch, with their traces.
fn lines_of(world: &World, service: &str, level: &str, from: Timestamp, to: Timestamp) -> Vec<(String, Option<TraceId>)> {
    let mut found = Vec::new();
    let hint = LogHint::default();
    LogStore::scan(world, &hint, TimeRange::new(from, to), Direction::Forward, &mut |l| {
        if l.level() == level && l.stream().iter().any(|(_, v)| v == service) {
            let mut text = String::new();
            l.write_text(&mut text);
            found.push((text, l.trace()));
        }
        ControlFlow::Continue(())
    });
    found
}

/// Nanoseconds of a span.
const fn length(span: &Span) -> f64 {
    (span.end_time_unix_nano - span.start_time_unix_nano) as f64
}

/// How long purchases take: the shortest that all but one in twenty take, the median, and what one in twenty takes longer.
fn purchases(world: &World, from: Timestamp, to: Timestamp) -> [f64; 3] {
    let hint = TraceHint { services: vec!["checkout".to_owned()], error: false, min_duration: 0 };
    let whole = |t: &StoredTrace| {
        let mut own = spans(t).filter(|(_, s)| s.name == "POST /api/checkout");
        own.next().map(|(_, s)| length(s) / 1e9)
    };
    let mut all: Vec<f64> = traces(world, &hint, from, to).iter().filter_map(whole).collect();
    all.sort_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|q| all[(all.len() as f64 * q) as usize])
}

/// Span that takes most of the slow purchases, and the share of the time that it takes.
fn slowest_span(world: &World, from: Timestamp, to: Timestamp) -> (String, f64) {
    let hint = TraceHint { services: vec!["checkout".to_owned()], error: false, min_duration: 5_000_000_000 };
    let (mut own, mut whole) = (BTreeMap::<String, f64>::new(), 0.0);
    for trace in traces(world, &hint, from, to) {
        let all: Vec<&Span> = spans(&trace).map(|(_, s)| s).collect();
        for span in &all {
            let children: f64 = all.iter().filter(|c| c.parent_span_id == span.span_id).map(|c| length(c)).sum();
            *own.entry(span.name.clone()).or_default() += (length(span) - children).max(0.0);
            whole += if span.parent_span_id.is_empty() { length(span) } else { 0.0 };
        }
    }
    let (name, time) = own.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    (name, time / whole)
}

#[test]
fn purchases_are_slow_and_right_where_nothing_fails_and_what_they_wait_for_is_named() {
    for (scenario, [fast, slow], span, line, service) in [
        ("pool-wait", [7.0, 12.0], "pool.acquire", "slow request route=/orders", "orders"),
        ("slow-dependency", [8.0, 13.5], "POST /v2/authorizations", "slow authorization", "payments"),
    ] {
        for seed in SEEDS {
            let world = world_of(scenario, seed);
            let (from, to) = (START - seconds(400), START - seconds(60));
            let took = purchases(&world, from, to);
            assert!(took[0] > fast && took[1] > 8.0 && took[2] < slow, "{scenario}, seed {seed}: {took:?} s");
            let (name, share) = slowest_span(&world, to - seconds(60), to);
            assert!(name == span && share > 0.6, "{scenario}, seed {seed}: {share} of the time in {name}");
            // Requests fail as they always have, and no line says more at error level than before.
            let failed = |from: Timestamp, to: Timestamp| {
                let labels = [("span_kind", "SPAN_KIND_SERVER"), ("status_code", "STATUS_CODE_ERROR")];
                increase(&world, "traces_spanmetrics_calls_total", &labels, from, to)
            };
            let before = world.onset() - seconds(700);
            let (now, once) = (failed(from, to), failed(before, before + seconds(340)));
            assert!(now < once * 1.4 + 20.0, "{scenario}, seed {seed}: {now} failed, {once} before");
            for (text, _) in lines_of(&world, "orders", "error", from, to).iter().chain(&lines_of(&world, "checkout", "error", from, to)) {
                assert!(!text.contains("timeout") && !text.contains("within"), "{scenario}, seed {seed}: {text}");
            }
            // Warnings name the cause and the trace that shows it.
            let warnings = lines_of(&world, service, "warn", from, to);
            let slow: Vec<_> = warnings.iter().filter(|(text, _)| text.contains(line)).collect();
            assert!(slow.len() > 2_000 && slow.iter().all(|(_, trace)| trace.is_some()), "{scenario}, seed {seed}: {} lines", slow.len());
        }
    }
}

#[test]
fn a_pools_gauges_tell_who_waits_and_how_long() {
    for seed in SEEDS {
        let world = world_of("pool-wait", seed);
        let of = |name: &str, from: Timestamp, to: Timestamp| -> f64 {
            let mean = |s: &StoredSeries| {
                let alive: Vec<f64> = s.samples.iter().map(|v| v.1).filter(|v| v.to_bits() != STALE).collect();
                alive.iter().sum::<f64>() / alive.len().max(1) as f64
            };
            select(&world, name, &[("application", "orders")], from, to).iter().map(mean).sum()
        };
        let (from, to) = (START - seconds(400), START - seconds(60));
        assert_eq!(of("hikaricp_connections_max", from, to), 6.0);
        let (pending, active) = (of("hikaricp_connections_pending", from, to), of("hikaricp_connections_active", from, to));
        let asked = increase(&world, "hikaricp_connections_acquire_seconds_count", &[], from, to);
        let waited = increase(&world, "hikaricp_connections_acquire_seconds_sum", &[], from, to);
        // Little's law: who waits is who comes times how long each waits.
        let expected = waited / 330.0;
        assert!((pending / expected - 1.0).abs() < 0.07, "{pending} wait, {expected} expected");
        assert!(waited / asked > 7.0 && waited / asked <= 10.0, "{} s each", waited / asked);
        // The reserve takes what six connections are too few for.
        assert!((5.8..7.2).contains(&active), "{active} in use");
        assert_eq!(increase(&world, "hikaricp_connections_timeout_total", &[], from, to), 0.0);
    }
}

#[test]
fn who_notices_is_the_blast_radius() {
    for scenario in Scenario::names() {
        for seed in SEEDS {
            let world = world_of(scenario, seed);
            let mut radius = world.scenario().truth.blast_radius.clone();
            radius.sort();
            assert_eq!(noticed(&world), radius, "{scenario}, seed {seed}");
        }
    }
}

#[test]
fn one_pod_in_three_of_catalog_is_slow_and_it_is_the_one_on_the_busy_disk() {
    for seed in SEEDS {
        let world = world_of("bad-pod", seed);
        let (from, to) = (START - seconds(600), START);
        let nodes = select(&world, "node_disk_io_time_seconds_total", &[], from, to);
        let busy = |s: &&StoredSeries| s.samples.last().unwrap().1 - s.samples[0].1 > 500.0;
        let busy: Vec<&str> = nodes.iter().filter(busy).map(|s| s.labels.get("node").unwrap()).collect();
        assert_eq!(busy.len(), 1);
        let pods = select(&world, "kube_pod_info", &[("node", busy[0])], to - seconds(60), to);
        let there: Vec<&str> = pods.iter().map(|s| s.labels.get("pod").unwrap()).collect();
        let mean = |pod: &str| {
            let of = |name: &str| increase(&world, name, &[("pod", pod)], from, to);
            of("http_request_duration_seconds_sum") / of("http_request_duration_seconds_count")
        };
        let catalog = select(&world, "up", &[("job", "catalog")], to - seconds(60), to);
        let mut slow = 0;
        for pod in catalog.iter().map(|s| s.labels.get("pod").unwrap()) {
            assert_eq!(mean(pod) > 0.05, there.contains(&pod), "{pod} takes {}", mean(pod));
            slow += usize::from(there.contains(&pod));
        }
        assert_eq!(slow, 1);
    }
}

#[test]
fn in_a_surge_web_uses_all_it_may_and_what_it_calls_is_as_fast_as_before() {
    let world = world_of("surge", 7);
    let (from, to) = (START - seconds(420), START - seconds(60));
    let cpu = increase(&world, "container_cpu_usage_seconds_total", &[("container", "web")], from, to);
    assert!((cpu / (3.0 * 2.0 * 345.0) - 1.0).abs() < 0.06, "{cpu} s of processors");
    let failed = increase(
        &world,
        "http_server_request_duration_seconds_count",
        &[("service_name", "web"), ("http_response_status_code", "500")],
        from,
        to,
    );
    let hint = TraceHint { services: vec!["web".to_owned()], error: true, min_duration: 0 };
    let one = traces(&world, &hint, to - seconds(5), to);
    let turned_away = one.iter().filter(|t| spans(t).count() == 1).count();
    assert!(failed > 1_000.0 && turned_away * 10 > one.len() * 8, "{failed} failed, {turned_away} of {}", one.len());
}

#[test]
fn the_rules_begin_before_the_onset_of_any_scenario() {
    let minutes = |n: u64| seconds(60 * n);
    assert_eq!(rules_since(START, START - minutes(18)), START - minutes(60), "no more than needed");
    assert_eq!(rules_since(START, START + minutes(60)), START - minutes(60));
    for onset in [115, 180, 720] {
        assert!(rules_since(START, START - minutes(onset)) <= START - minutes(onset + 10), "{onset}");
    }
}
