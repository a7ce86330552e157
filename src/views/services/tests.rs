use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, look as app_look, needs, red_mapping, test_shared, with},
    },
    core::request::{Request, Response},
    model::{
        backend::{Backend, ErrorKind, SourceError},
        series::{Sample, Series},
        time::TimeRange,
    },
    red::RedMapping,
    views::Act,
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const SIZE: (u16, u16) = (120, 24);

fn stage() -> (Shared, Scope) {
    let mut shared = test_shared();
    shared.red.settle(NOW, Ok(Arc::new(red_mapping(&["cart", "orders", "web"]))));
    (shared, Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))))
}

fn vector(values: &[(&str, f64)]) -> Response {
    let element = |(service, value): &(&str, f64)| {
        ([("service", *service), ("family", "0")].into_iter().collect(), Sample { at: NOW, value: *value })
    };
    Response::Vector(Vector { elements: values.iter().map(element).collect(), warnings: Vec::new() })
}

fn hour(values: &[(&str, f64)], until: u64) -> Response {
    let range = TimeRange { start: NOW - HOUR, end: NOW };
    let samples = |value: f64| (0..until).map(|m| Sample { at: range.start + Duration::from_secs(60 * m), value }).collect();
    let series =
        values.iter().map(|(s, v)| Series { labels: [("service", *s), ("family", "0")].into_iter().collect(), samples: samples(*v) });
    Response::Matrix(Matrix { series: series.collect(), range, step: Duration::from_secs(60), warnings: Vec::new() })
}

fn view(look: &Look<'_>) -> Services {
    let mut view = Services::default();
    feed(&mut view, look, SIZE, |need| {
        Some(Ok(match (need.slot.pane, need.slot.part) {
            ("now", 0) => vector(&[("cart", 30.0), ("orders", 41.2)]),
            ("now", 1) => vector(&[("cart", 0.0), ("orders", 9.8)]),
            ("now", _) => vector(&[("cart", 0.05), ("orders", 8.42)]),
            ("highest" | "mixed", _) => vector(&[]),
            (_, 0) => hour(&[("cart", 30.0), ("orders", 60.0), ("web", 12.0)], 40),
            (_, 1) => hour(&[("cart", 0.0), ("orders", 0.1)], 65),
            _ => hour(&[("cart", 0.05), ("orders", 0.12)], 65),
        }))
    });
    view
}

#[test]
fn the_worst_is_first_and_a_vanished_service_on_top() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let text = draw(&view(&look), &look, SIZE.0, SIZE.1);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].contains("web") && lines[2].contains("no data since 09:34"), "{text}");
    assert!(lines[3].contains("orders") && lines[3].contains("23.8 %") && lines[3].contains("+9.70 /s failing"), "{text}");
    assert!(lines[4].contains("cart") && lines[4].contains("▇"), "{text}");
    assert!(text.contains("2 of 3 worse than an hour before") && text.contains("found: Micrometer"), "{text}");
}

#[test]
fn what_failed_an_hour_before_as_well_is_not_called_well() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = Services::default();
    feed(&mut view, &look, SIZE, |need| {
        Some(Ok(match (need.slot.pane, need.slot.part) {
            ("now", 0) => vector(&[("cart", 30.0), ("orders", 40.0)]),
            ("now", 1) => vector(&[("cart", 0.0), ("orders", 11.2)]),
            (_, 0) => hour(&[("cart", 30.0), ("orders", 40.0)], 65),
            (_, 1) => hour(&[("cart", 0.0), ("orders", 11.2)], 65),
            ("now", _) => vector(&[]),
            _ => hour(&[], 0),
        }))
    });
    let text = draw(&view, &look, SIZE.0, SIZE.1);
    assert!(text.contains("1 of 2 failing, as an hour before"), "{text}");
    assert!(text.lines().nth(2).is_some_and(|l| l.contains("orders") && l.contains("28.0 %") && l.contains("errors above 1 %")), "{text}");
}

#[test]
fn the_number_of_questions_does_not_depend_on_the_services() {
    let (mut shared, scope) = stage();
    let few = needs(&Services::default(), &look(&shared, &scope, NOW), SIZE.0, SIZE.1).len();
    let names: Vec<String> = (0..1000).map(|i| format!("s{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shared.red.settle(NOW, Ok(Arc::new(red_mapping(&names))));
    assert_eq!(needs(&Services::default(), &look(&shared, &scope, NOW), SIZE.0, SIZE.1).len(), few);
    assert!(few <= 8);
}

#[test]
fn a_server_that_refuses_gets_smaller_questions_and_the_screen_says_what_was_cut() {
    let (mut shared, scope) = stage();
    let names: Vec<String> = (0..1000).map(|i| format!("s{i:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shared.red.settle(NOW, Ok(Arc::new(red_mapping(&names))));
    let look = look(&shared, &scope, NOW);
    let p95 = |view: &Services| {
        let all = needs(view, &look, SIZE.0, SIZE.1);
        assert!(all.len() <= 8);
        all.into_iter().find(|n| (n.slot.pane, n.slot.part) == ("now", 2)).unwrap().request
    };
    let asked = |request: &Request| match request {
        Request::Instant { query, .. } => names.iter().filter(|n| query.contains(*n)).count(),
        _ => 0,
    };
    let mut view = Services::default();
    let whole = p95(&view);
    assert_eq!(asked(&whole), 0, "all of them, without names");
    for count in [250, 62] {
        feed(&mut view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
            ("now", 2) => Some(Err(SourceError::new(Backend::Prometheus, ErrorKind::Refused, "too many series"))),
            ("now", 0) => Some(Ok(vector(&[("s900", 5.0), ("s901", 4.0)]))),
            _ => None,
        });
        let request = p95(&view);
        assert_eq!(asked(&request), count);
        let Request::Instant { query, .. } = request else { panic!("{request:?}") };
        assert!(query.contains("s900"), "those on the screen first");
    }
    let text = draw(&view, &look, SIZE.0, SIZE.1);
    assert!(text.contains("cut: p95 of 62 of 1000 services, / chooses which: too many series"), "{text}");
    assert!(text.contains("s900") && text.contains("5.00 /s"), "the rates are there: {text}");
    let later = app_look(&shared, &scope, NOW + Duration::from_secs(3600));
    for _ in 0..9 {
        feed(&mut view, &later, SIZE, |need| match (need.slot.pane, need.slot.part) {
            ("now", 2) => Some(Ok(vector(&[("s900", 0.2)]))),
            _ => None,
        });
    }
    assert_eq!(p95(&view), whole, "all are asked again once it was answered well for a while");
    assert!(!draw(&view, &later, SIZE.0, SIZE.1).contains("cut:"));
}

#[test]
fn what_takes_too_long_once_is_neither_hidden_nor_cut() {
    let (mut shared, scope) = stage();
    let names: Vec<String> = (0..1000).map(|i| format!("s{i:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shared.red.settle(NOW, Ok(Arc::new(red_mapping(&names))));
    let look = look(&shared, &scope, NOW);
    let rates = |view: &Services| needs(view, &look, SIZE.0, SIZE.1).into_iter().find(|n| n.slot.pane == "now").unwrap().request;
    let mut view = Services::default();
    let answer = |view: &mut Services, rate: Result<Response, SourceError>| {
        feed(view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
            ("now", 0) => Some(rate.clone()),
            _ => None,
        });
    };
    let slow = || Err(SourceError::new(Backend::Prometheus, ErrorKind::Timeout(Duration::from_secs(10)), "no complete answer within 10s"));
    answer(&mut view, Ok(vector(&[("s900", 5.0), ("s901", 4.0)])));
    let whole = rates(&view);
    answer(&mut view, slow());
    let text = draw(&view, &look, SIZE.0, SIZE.1);
    assert!(text.contains("stale") && text.contains("no complete answer within 10s"), "{text}");
    assert!(text.contains("s901") && !text.contains("cut:"), "all of them, dated: {text}");
    assert_eq!(rates(&view), whole, "the same once more");
    answer(&mut view, slow());
    let text = draw(&view, &look, SIZE.0, SIZE.1);
    assert!(text.contains("stale") && text.contains("s901") && text.contains("cut: rate of 250 of 1000"), "{text}");
    assert_ne!(rates(&view), whole);
}

#[test]
fn a_column_that_was_never_answered_says_why() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let fault = || Some(Err(SourceError::new(Backend::Prometheus, ErrorKind::Server(500), "the store is on fire")));
    for (place, said) in [
        (("now", 2), "p95 not answered: the store is on fire"),
        (("hour", 1), "the hour's errors not answered: the store is on fire"),
        (("mixed", 0), "whether buckets differ not answered: the store is on fire"),
    ] {
        let mut view = Services::default();
        feed(&mut view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
            failing if failing == place => fault(),
            ("now", 0) => Some(Ok(vector(&[("cart", 30.0)]))),
            _ => None,
        });
        let text = draw(&view, &look, 160, 12);
        assert!(text.contains(said) && text.contains("cart"), "{said}\n{text}");
    }
}

#[test]
fn a_p95_beyond_the_highest_bucket_is_marked() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = Services::default();
    let answer = |need: &crate::core::request::Subscription| {
        Some(Ok(match (need.slot.pane, need.slot.part) {
            ("now", 0) => vector(&[("cart", 30.0), ("orders", 41.2)]),
            ("now", 2) => vector(&[("cart", 1.0), ("orders", 10.0)]),
            ("highest", _) => vector(&[("cart", 10.0), ("orders", 10.0)]),
            _ => return None,
        }))
    };
    feed(&mut view, &look, SIZE, answer);
    assert_eq!(needs(&view, &look, SIZE.0, SIZE.1).len(), 8, "asked only where a p95 is a bound");
    feed(&mut view, &look, SIZE, answer);
    let text = draw(&view, &look, SIZE.0, SIZE.1);
    assert!(text.contains(">10.0 s") && text.contains(" 1.00 s") && !text.contains(">1.00 s"), "{text}");
}

#[test]
fn a_p95_of_buckets_that_differ_is_marked_and_what_was_not_found_is_said() {
    let (mut shared, scope) = stage();
    let notes = ["gRPC server is left out: too many series", "x"].map(str::to_owned).into();
    shared.red.settle(NOW, Ok(Arc::new(RedMapping { notes, ..red_mapping(&["cart", "orders"]) })));
    let look = look(&shared, &scope, NOW);
    let mut view = Services::default();
    feed(&mut view, &look, SIZE, |need| {
        Some(Ok(match (need.slot.pane, need.slot.part) {
            ("now", 0) => vector(&[("cart", 30.0), ("orders", 41.2)]),
            ("now", 1) => vector(&[("cart", 0.0)]),
            ("now", 2) => vector(&[("cart", 0.7), ("orders", 0.9)]),
            ("mixed", _) => vector(&[("orders", 1.0)]),
            _ => return None,
        }))
    });
    let text = draw(&view, &look, 200, 12);
    let orders = text.lines().find(|l| l.contains("orders")).unwrap();
    assert!(orders.contains("~900 ms") && orders.contains("buckets of its instances differ"), "{text}");
    assert!(orders.contains("its requests have no status"), "an error share that is missing says why: {text}");
    let cart = text.lines().find(|l| l.contains("cart")).unwrap();
    assert!(cart.contains(" 700 ms") && !cart.contains("differ"), "{text}");
    assert!(text.contains("gRPC server is left out: too many series; 1 more, redline doctor tells"), "{text}");
}

#[test]
fn questions_of_the_p95_get_smaller_as_well() {
    let (mut shared, scope) = stage();
    let names: Vec<String> = (0..40).map(|i| format!("s{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shared.red.settle(NOW, Ok(Arc::new(red_mapping(&names))));
    let look = look(&shared, &scope, NOW);
    let all: Vec<(&str, f64)> = names.iter().map(|n| (*n, 1.0)).collect();
    let mut view = Services::default();
    for _ in 0..2 {
        feed(&mut view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
            ("now", 0 | 2) => Some(Ok(vector(&all))),
            ("highest" | "mixed", _) => Some(Err(SourceError::new(Backend::Prometheus, ErrorKind::Refused, "too many series"))),
            _ => None,
        });
    }
    for pane in ["highest", "mixed"] {
        let need = needs(&view, &look, SIZE.0, SIZE.1).into_iter().find(|n| n.slot.pane == pane).unwrap();
        let Request::Instant { query, .. } = need.request else { panic!("{need:?}") };
        assert!(names.iter().filter(|n| query.contains(*n)).count() <= 10, "{pane}: {query}");
    }
    let text = draw(&view, &look, 160, 12);
    assert!(text.contains("cut: whether a p95 is longer of 10 of 40 services") || text.contains("longer of 10, whether buckets"), "{text}");
}

#[test]
fn a_click_on_a_heading_orders_by_its_column() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let kind = crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left);
    for (heading, order, first) in [("SERVICE", "by name", "cart"), ("RATE", "by rate", "orders"), ("WHY HERE", "worst first", "web")] {
        let text = draw(&view, &look, SIZE.0, SIZE.1);
        let column = text.lines().nth(1).unwrap().split(heading).next().unwrap().chars().count() as u16;
        let event = MouseEvent { kind, column, row: 1, modifiers: crossterm::event::KeyModifiers::NONE };
        let (pointed, _) = with(&look, SIZE, |cx| view.mouse(cx, event));
        assert_eq!(pointed, Pointed::Used);
        let text = draw(&view, &look, SIZE.0, SIZE.1);
        assert!(text.contains(order) && text.lines().nth(2).unwrap().contains(first), "{heading}: {text}");
    }
}

#[test]
fn enter_opens_the_service_and_e_goes_to_the_next_bad_one() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    with(&look, SIZE, |cx| view.command(cx, Command::NextError));
    let (_, acts) = with(&look, SIZE, |cx| view.command(cx, Command::Drill));
    assert!(matches!(&acts[..], [Act::Push(ViewKind::Service, s)] if s.service.as_deref() == Some("orders")), "{acts:?}");
}

#[test]
fn enter_opens_the_family_that_the_figures_are_of() {
    let mut mapping = red_mapping(&["cart", "orders"]);
    let mut spans = mapping.families[0].clone();
    spans.name = "Tempo span metrics".to_owned();
    spans.requests = crate::red::Requests::Counter("traces_spanmetrics_calls_total".to_owned());
    mapping.families.push(spans);
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(mapping)));
    let look = look(&shared, &scope, NOW);
    let mut view = Services { order: Order::Name, ..Services::default() };
    feed(&mut view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
        ("now", 0) => {
            let Response::Vector(mut told) = vector(&[("cart", 30.0), ("orders", 41.2)]) else { unreachable!() };
            // What the service itself counts it has stopped to count.
            told.elements[1].0.set("family", "1");
            Some(Ok(Response::Vector(told)))
        }
        _ => None,
    });
    for (service, family) in [("cart", None), ("orders", Some("Tempo span metrics"))] {
        let (_, acts) = with(&look, SIZE, |cx| view.command(cx, Command::Drill));
        let [Act::Push(ViewKind::Service, scope)] = &acts[..] else { panic!("{acts:?}") };
        assert_eq!((scope.service.as_deref(), scope.family.as_deref()), (Some(service), family));
        with(&look, SIZE, |cx| view.command(cx, Command::Down));
    }
}

#[test]
fn what_is_looked_for_is_said_before_and_after() {
    let (mut shared, scope) = stage();
    shared.red = Slot::default();
    let text = draw(&Services::default(), &look(&shared, &scope, NOW), 120, 12);
    assert!(text.contains("Looking for RED metrics.") && text.contains("Micrometer"), "{text}");
    shared.red.settle(NOW, Ok(Arc::new(RedMapping::default())));
    let text = draw(&Services::default(), &look(&shared, &scope, NOW), 120, 12);
    assert!(text.contains("no RED metrics") && text.contains("redline doctor"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_size_and_data_is_drawn(w in 1u16..=120, h in 1u16..=50, a in any::<f64>(), b in any::<f64>(), name in ".{0,20}") {
        let (shared, scope) = stage();
        let look = look(&shared, &scope, NOW);
        let mut view = Services::default();
        feed(&mut view, &look, SIZE, |need| Some(Ok(match need.slot.pane {
            "now" => vector(&[(&name, a), ("b", b)]),
            _ => hour(&[(&name, b), ("c", a)], 30),
        })));
        for _ in 0..5 {
            with(&look, SIZE, |cx| view.command(cx, Command::Order));
            draw(&view, &look, w, h);
        }
    }
}
