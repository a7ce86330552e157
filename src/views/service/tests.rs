use std::{sync::Arc, time::Duration};

mod before;
mod breakdown;
mod calls;
mod durations;
mod exemplars;
mod graphs;
mod missing;

use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, red_mapping, test_shared, type_text, with},
    },
    core::{
        request::{Refresh, Request, Response, Subscription},
        scope::ScopeAlert,
        slot::Slot,
    },
    model::{
        alert_book::PrometheusAlerts,
        backend::{Backend, ErrorKind, SourceError},
        labels::{Labels, Matcher},
        series::{Matrix, Sample, Series, Vector},
        time::{TimeRange, TimeWindow},
        trace::TraceId,
    },
    red::{Durations, RedMapping, Requests, Unanswered},
    views::Act,
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const SIZE: (u16, u16) = (120, 30);

fn stage() -> (Shared, Scope) {
    let mut shared = test_shared();
    shared.red.settle(NOW, Ok(Arc::new(red_mapping(&["orders"]))));
    let window = TimeWindow::Last(Duration::from_secs(3600));
    (shared, Scope::new("prod", window).with_service("orders"))
}

fn series(labels: &[(&str, &str)], range: TimeRange, value: impl Fn(u64) -> f64) -> Series {
    let samples = (0..=60).map(|m| Sample { at: range.start + Duration::from_secs(60 * m), value: value(m) });
    Series { labels: labels.iter().copied().collect(), samples: samples.collect() }
}

fn matrix(range: TimeRange, series: Vec<Series>) -> Response {
    Response::Matrix(Matrix { series, range, step: Duration::from_secs(60), warnings: Vec::new() })
}

fn vector(rows: &[(&str, f64)]) -> Response {
    let element = |(route, value): &(&str, f64)| ([("uri", *route)].into_iter().collect(), Sample { at: NOW, value: *value });
    Response::Vector(Vector { elements: rows.iter().map(element).collect(), warnings: Vec::new() })
}

const HOUR: Duration = Duration::from_secs(3600);

fn back(range: TimeRange) -> TimeRange {
    TimeRange { start: range.start - HOUR, end: range.end - HOUR }
}

/// Elements that one label tells apart.
fn figures(label: &str, rows: &[(&str, f64)]) -> Response {
    elements(&rows.iter().map(|(name, value)| (vec![(label, *name)], *value)).collect::<Vec<_>>())
}

fn elements(rows: &[(Vec<(&str, &str)>, f64)]) -> Response {
    let element = |(labels, value): &(Vec<(&str, &str)>, f64)| (labels.iter().copied().collect(), Sample { at: NOW, value: *value });
    Response::Vector(Vector { elements: rows.iter().map(element).collect(), warnings: Vec::new() })
}

fn calls() -> Response {
    let edge = |figure, client, server, value| (vec![("figure", figure), ("client", client), ("server", server)], value);
    elements(&[
        edge("rate", "shop/checkout", "shop/orders", 38.1),
        edge("failed", "shop/checkout", "shop/orders", 9.1),
        edge("p95", "shop/checkout", "shop/orders", 8.44),
        edge("rate", "shop/orders", "postgres", 40.9),
        edge("p95", "shop/orders", "postgres", 0.003),
    ])
}

fn saturated() -> Response {
    let of = |name, pod, value| (vec![("__name__", name), ("pod", pod)], value);
    elements(&[
        of("hikaricp_connections_active", "orders-1", 2.0),
        of("hikaricp_connections_max", "orders-1", 2.0),
        of("hikaricp_connections_active", "orders-2", 1.0),
        of("hikaricp_connections_max", "orders-2", 2.0),
        of("container_memory_working_set_bytes", "orders-1", 432_013_312.0),
        (vec![("figure", "cpu"), ("pod", "orders-1")], 0.21),
        (vec![("__name__", "kube_pod_container_resource_limits"), ("resource", "cpu"), ("pod", "orders-1")], 2.0),
        (vec![("figure", "restarts")], 0.0),
        (vec![("__name__", "kube_deployment_spec_replicas")], 3.0),
        (vec![("__name__", "kube_deployment_status_replicas_available")], 2.0),
    ])
}

fn exemplar(second: i64, value: f64, trace: u128) -> Exemplar {
    let at = NOW - Duration::from_secs(second.unsigned_abs());
    Exemplar { at, value, trace: Some(TraceId(trace)), labels: Labels::new(), series: Labels::new() }
}

fn answer(need: &Subscription) -> Response {
    let range = TimeRange { start: NOW - Duration::from_secs(3600), end: NOW };
    let then = |m: u64, a: f64, b: f64| if m < 30 { a } else { b };
    match (need.slot.pane, need.slot.part) {
        ("rate", _) => matrix(
            range,
            vec![series(&[("class", "2xx")], range, |m| then(m, 60.0, 31.4)), series(&[("class", "5xx")], range, |m| then(m, 0.1, 9.8))],
        ),
        ("errors", _) => matrix(range, vec![series(&[], range, |m| then(m, 0.002, 0.238))]),
        ("duration", _) => {
            let line = |(name, now): (&str, f64)| series(&[("line", name)], range, |m| then(m, 0.1, now));
            matrix(range, [("p50", 6.0), ("p95", 8.0), ("p99", 10.0)].into_iter().map(line).collect())
        }
        ("then", 1) => matrix(back(range), vec![series(&[], back(range), |_| 0.004)]),
        ("then", 2) => matrix(back(range), vec![series(&[("line", "p95")], back(range), |_| 0.2)]),
        ("then", _) => matrix(back(range), vec![series(&[("class", "2xx")], back(range), |_| 20.6)]),
        ("deploys", _) => {
            let mut new = series(&[("version", "1.42.0"), ("source", "0")], range, |_| 1.0);
            new.samples.drain(..25);
            matrix(range, vec![series(&[("version", "1.41.3"), ("source", "0")], range, |_| 3.0), new])
        }
        ("labels", _) => Response::LabelNames(["__name__", "instance", "le", "status", "uri"].map(Into::into).into()),
        ("counts", _) => figures("label", &[("instance", 3.0), ("status", 4.0), ("uri", 1.0)]),
        ("calls", _) => calls(),
        ("saturation", _) => saturated(),
        ("exemplars", _) => {
            Response::Exemplars(vec![exemplar(600, 4.0, 1), exemplar(310, 2.0, 2), exemplar(300, 9.0, 2), exemplar(290, 9.0, 2)])
        }
        ("rows", 0) => vector(&[("/orders", 12.4), ("/orders/{id}", 24.1), ("/health", 4.7)]),
        ("rows", 1) => vector(&[("/orders", 8.8), ("/orders/{id}", 0.3), ("/health", 0.0)]),
        ("rows", _) => vector(&[("/orders", 9.9), ("/orders/{id}", 8.1)]),
        ("rows before", 0) => vector(&[("/orders", 13.0), ("/orders/{id}", 30.0), ("/health", 4.7)]),
        ("rows before", 1) => vector(&[("/orders", 0.026), ("/orders/{id}", 0.03), ("/health", 0.0)]),
        ("rows before", _) => vector(&[("/orders", 0.143), ("/orders/{id}", 0.14)]),
        ("peaks" | "heat", _) => matrix(range, Vec::new()),
        ("limits", _) => Response::PrometheusAlerts(PrometheusAlerts::default()),
        ("peers", _) => Response::LabelNames(Vec::new()),
        ("mixed" | "now", _) => vector(&[]),
        ("before", 0) => vector(&[("", 62.0)]),
        ("before", 1) => vector(&[("", 0.002)]),
        _ => vector(&[("", 0.143)]),
    }
}

fn view(look: &Look<'_>) -> Service {
    let mut view = Service::default();
    feed(&mut view, look, SIZE, |need| Some(Ok(answer(need))));
    view
}

fn run(view: &mut Service, look: &Look<'_>, command: Command) -> Vec<Act> {
    with(look, SIZE, |cx| view.command(cx, command)).1
}

#[test]
fn the_page_says_what_is_and_what_was() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let text = draw(&view(&look), &look, 140, 30);
    for part in [
        "Rate ── 41.2 /s  -34 %",
        "Errors ── 23.8 %  was 0.2 %",
        "Duration ── p95 8.00 s  was 143 ms",
        "5xx 9.80",
        "2xx 31.4",
        "p50 6.00 s",
        "p99 >10.0 s",
        "◆",
        "┊ deploy 1.42.0",
        "found: http_server_requests_seconds_count (Micrometer)",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let rows: Vec<&str> = text.lines().filter(|l| l.contains("/s") && !l.contains("Rate")).collect();
    assert!(rows[0].contains("/orders ") && rows[0].contains("71.0 %") && rows[0].contains("97 %") && rows[0].contains("×69"), "{text}");
    assert!(text.lines().any(|l| l.contains("/health") && l.contains("0.0 %") && l.contains('–')), "{text}");
}

#[test]
fn enter_narrows_to_the_route() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let acts = run(&mut view, &look, Command::Drill);
    let [Act::Push(ViewKind::Service, narrow)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(narrow.matchers, [Matcher::equal("uri", "/orders")]);
    let asked = needs(&view, &crate::app::testing::look(&shared, narrow, NOW), SIZE.0, SIZE.1);
    let rate = asked.iter().find(|n| n.slot.pane == "rate").unwrap();
    assert!(matches!(&rate.request, Request::Range { query, .. } if query.contains(r#"uri="/orders""#)), "{rate:?}");
}

#[test]
fn a_page_of_a_route_is_called_after_it_and_enter_there_says_what_is_left() {
    let (shared, scope) = stage();
    let alert = ScopeAlert { name: "A".into(), labels: Labels::new(), onset: Some(NOW - Duration::from_secs(900)) };
    let service = scope.with_alert(alert, scope.service.clone(), NOW);
    let route = service.with_matcher(Matcher::equal("uri", "/orders"));
    let look = |scope| crate::app::testing::look(&shared, scope, NOW);
    let mut view = view(&look(&route));
    assert_eq!([view.crumb(&look(&service)), view.crumb(&look(&route))], ["A ▸ orders", "/orders"]);
    let acts = run(&mut view, &look(&route), Command::Drill);
    assert!(matches!(&acts[..], [Act::Notice(text)] if text.ends_with("Esc leaves it, 3 shows the logs of all routes")), "{acts:?}");
}

#[test]
fn a_deploy_back_to_an_older_version_is_marked_and_a_gap_of_the_scrapes_is_not() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let version = |name: &str, up: &dyn Fn(u64) -> bool| {
        let mut s = series(&[("version", name), ("source", "0")], range, |m| m as f64);
        s.samples.retain(|s| up(s.value as u64));
        s
    };
    let deployed = |old: &dyn Fn(u64) -> bool, new: &dyn Fn(u64) -> bool| {
        let mut view = Service::default();
        feed(&mut view, &look, SIZE, |need| {
            Some(Ok(match (need.slot.pane, need.slot.part) {
                ("deploys", 0) => matrix(range, vec![version("1.41", old), version("1.42", new)]),
                _ => answer(need),
            }))
        });
        let minute = |at: Timestamp| at.since(range.start).as_secs() / 60;
        view.data.deploys("orders").into_iter().map(|(at, what)| (minute(at), what)).collect::<Vec<_>>()
    };
    let back = deployed(&|m| !(20..40).contains(&m), &|m| (20..40).contains(&m));
    assert_eq!(back, [(20, "deploy 1.42".to_owned()), (40, "deploy 1.41".to_owned())]);
    assert_eq!(deployed(&|m| !(20..40).contains(&m), &|_| false), []);
}

#[test]
fn the_table_says_what_its_figures_are_taken_over() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let view = view(&look);
    let asked = needs(&view, &look, SIZE.0, SIZE.1);
    let over = |pane: &str, window: &str| {
        let query = asked.iter().filter(|n| n.slot.pane == pane).find_map(|n| match &n.request {
            Request::Range { query, .. } | Request::Instant { query, .. } => Some(query),
            _ => None,
        });
        query.is_some_and(|q| q.contains(window))
    };
    assert!(over("rows", "[120s]") && !over("rate", "[120s]"), "{asked:?}");
    assert!(draw(&view, &look, 140, 30).contains("by route, last 2m"));
}

#[test]
fn the_cursor_shows_exact_values_in_all_panels() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    run(&mut view, &look, Command::ValueCursor);
    for _ in 0..40 {
        run(&mut view, &look, Command::Left);
    }
    let text = draw(&view, &look, 180, 30);
    for part in ["09:20:00 2xx 60.0 /s  5xx 0.10 /s", "09:20:00 0.2 %", "p95 100 ms  p99 100 ms  p50 100 ms"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(view.yanks(&look).iter().any(|y| y.text.contains("0.2 %")));
}

#[test]
fn a_page_costs_at_most_sixty_requests_a_minute() {
    let (mut shared, mut scope) = stage();
    scope = scope.with_alert(
        ScopeAlert { name: "A".into(), labels: Labels::new(), onset: Some(NOW - Duration::from_secs(900)) },
        scope.service.clone(),
        NOW,
    );
    shared.settings.refresh = Duration::from_secs(5);
    shared.settings.refresh_slow = Duration::from_secs(30);
    let mut mapping = red_mapping(&["orders"]);
    mapping.scrape_interval = Some(Duration::from_secs(5));
    shared.red.settle(NOW, Ok(Arc::new(mapping)));
    let mut view = view(&look(&shared, &scope, NOW));
    run(&mut view, &look(&shared, &scope, NOW), Command::Compare);
    run(&mut view, &look(&shared, &scope, NOW), Command::Breakdown);
    let asked = needs(&view, &look(&shared, &scope, NOW), SIZE.0, SIZE.1);
    let minute: f64 = asked.iter().map(|n| if let Refresh::Every(d) = n.refresh { 60.0 / d.as_secs_f64() } else { 0.0 }).sum();
    assert!(minute <= 60.0 && !asked.is_empty(), "{minute}");
    let later = needs(&view, &look(&shared, &scope, NOW + Duration::from_secs(7)), SIZE.0, SIZE.1);
    assert_eq!(asked, later, "time alone asks nothing anew");
}

#[test]
fn a_small_screen_stacks_the_panes_and_grows_the_focused_one() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let rows = |text: &str| text.lines().filter(|l| l.contains("/orders") || l.contains("/health")).count();
    let text = draw(&view, &look, 80, 21);
    assert!(["Rate", "Errors", "Duration", "by route"].iter().all(|p| text.contains(p)), "{text}");
    assert_eq!(rows(&text), 3, "{text}");
    for _ in 0..3 {
        run(&mut view, &look, Command::PreviousPane);
    }
    run(&mut view, &look, Command::FullScreen);
    let text = draw(&view, &look, 80, 21);
    assert!(text.contains("Rate") && !text.contains("Errors"), "{text}");
}

#[test]
fn failed_and_successful_requests_have_their_own_durations() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let view = Service::default();
    let asked = needs(&view, &look, SIZE.0, SIZE.1);
    let query = asked.iter().find(|n| n.slot.pane == "duration").map(|n| format!("{:?}", n.request)).unwrap();
    assert!(query.contains(r#"status=~\\\"5..\\\""#) || query.contains("5.."), "{query}");
    assert_eq!(query.matches("histogram_quantile").count(), 5, "one question for all lines");
    let mut view = Service::default();
    let range = look.range();
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "duration" => {
            // At first nothing failed.
            let line = |(name, value): (&str, f64)| {
                series(&[("line", name)], range, |m| if name == "failed" && m < 30 { f64::NAN } else { value })
            };
            let lines = [("p50", 1.0), ("p95", 2.0), ("p99", 3.0), ("failed", 8.0), ("ok", 0.5)];
            Some(Ok(matrix(range, lines.into_iter().map(line).collect())))
        }
        _ => Some(Ok(answer(need))),
    });
    let text = draw(&view, &look, 200, 40);
    assert!(text.contains("failed 8.00 s") && text.contains("ok 500 ms"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_size_and_data_is_drawn(w in 1u16..=120, h in 1u16..=50, a in any::<f64>(), b in any::<f64>(), name in ".{0,20}") {
        let (shared, scope) = stage();
        let look = look(&shared, &scope, NOW);
        let range = look.range();
        let mut view = Service::default();
        feed(&mut view, &look, SIZE, |need| Some(Ok(match need.request {
            Request::Instant { .. } => vector(&[(&name, a), ("b", b)]),
            Request::Exemplars { .. } => Response::Exemplars(vec![exemplar(5, a, 1), exemplar(10, b, 2)]),
            Request::LabelNames { .. } => Response::LabelNames(vec![name.as_str().into()]),
            _ => matrix(range, vec![series(&[("class", &name), ("version", "2")], range, |m| if m % 3 == 0 { a } else { b })]),
        })));
        use Command::{Breakdown, Compare, Exclude, FullScreen, NextExemplar, NextPane, Order, ValueCursor};
        for command in [ValueCursor, NextExemplar, NextPane, Compare, NextPane, NextPane, Order, FullScreen, Exclude, Breakdown] {
            run(&mut view, &look, command);
            draw(&view, &look, w, h);
            needs(&view, &look, w, h);
        }
    }
}
