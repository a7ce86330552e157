//! The table by a label: which labels, which values, and what nobody can tell by them.

use super::*;
use crate::red::{
    FailureCounter, Failures, StatusRule, StatusShape,
    breakdown::{OF_ALL, SUM, VALUES},
};

#[test]
fn b_breaks_down_by_any_label_and_says_how_many_values_each_has() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    run(&mut view, &look, Command::Breakdown);
    feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
    let text = draw(&view, &look, 140, 30);
    let labels: Vec<&str> =
        text.lines().filter_map(|l| ["instance", "status", "uri", "le"].into_iter().find(|n| l.contains(&format!("{n}    ")))).collect();
    assert_eq!(labels, ["instance", "status", "uri"], "those that tell something apart first\n{text}");
    assert!(text.lines().any(|l| l.contains("status") && l.contains('4')), "{text}");
    type_text(&mut view, &look, SIZE, "stat\r");
    assert!(!view.is_typing());
    let asked = needs(&view, &look, SIZE.0, SIZE.1);
    let by_status = |n: &Subscription| matches!(&n.request, Request::Instant { query, .. } if query.contains("by (status)"));
    assert_eq!(asked.iter().filter(|n| n.slot.pane == "rows" && by_status(n)).count(), 3, "p95 as well of the rows that these have");
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "rows" => Some(Ok(figures("status", &[("200", 1.0), ("500", 2.0)]))),
        _ => None,
    });
    assert!(draw(&view, &look, 140, 30).contains("by status"));
    // Enter narrows to the row, ! leaves it out.
    for (command, op) in [(Command::Drill, MatchOp::Equal), (Command::Exclude, MatchOp::NotEqual)] {
        let acts = run(&mut view, &look, command);
        let matcher = Matcher::new("status", op, "500");
        assert!(matches!(&acts[..], [Act::Push(ViewKind::Service, s)] if s.matchers == [matcher.clone()]), "{acts:?}");
    }
}

#[test]
fn conditions_hold_where_the_series_have_their_label_and_the_others_are_named() {
    let (shared, scope) = stage();
    let by = |name: &str| Matcher::equal(name, "x");
    let scope = scope.with_matcher(by("instance")).with_matcher(by("level"));
    let look = look(&shared, &scope, NOW);
    let rate = |view: &Service| {
        let all = needs(view, &look, SIZE.0, SIZE.1);
        all.into_iter().find(|n| n.slot.pane == "rate").map(|n| format!("{:?}", n.request))
    };
    assert_eq!(rate(&Service::default()), None, "not known yet");
    let mut view = Service::default();
    feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
    let query = rate(&view).unwrap();
    assert!(query.contains("instance=") && !query.contains("level="), "{query}");
    feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
    assert!(draw(&view, &look, 140, 30).contains("not by level"));
}

#[test]
fn failures_that_nobody_can_tell_by_a_label_are_no_zero() {
    let (mut shared, scope) = stage();
    let mut mapping = red_mapping(&["orders"]);
    let counter = FailureCounter { metric: "shop_errors_total".to_owned(), labels: vec!["application".into(), "uri".into()] };
    mapping.families[0].failures = Some(Failures::Counter(counter));
    shared.red.settle(NOW, Ok(Arc::new(mapping)));
    let errors = |view: &Service, look: &Look<'_>| {
        let all = needs(view, look, SIZE.0, SIZE.1);
        let is = |pane: &str, part: u32| all.iter().any(|n| (n.slot.pane, n.slot.part) == (pane, part));
        (is("errors", 0), is("rows", 1))
    };
    let narrow = scope.with_matcher(Matcher::equal("instance", "x"));
    for (scope, label, asked, said) in [
        (&scope, "uri", (true, true), "found:"),
        (&scope, "instance", (true, false), "no errors by instance: shop_errors_total lacks it"),
        (&narrow, "uri", (false, false), "shop_errors_total has no label instance"),
    ] {
        let look = look(&shared, scope, NOW);
        let mut view = Service { label: Some(label.to_owned()), ..Service::default() };
        feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
        feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
        assert_eq!(errors(&view, &look), asked, "{said}");
        let text = draw(&view, &look, 200, 40);
        assert!(text.contains(said), "{said}\n{text}");
    }
}

/// A gRPC server as go-grpc-middleware measures it: its durations have no code.
fn grpc() -> RedMapping {
    let mut mapping = red_mapping(&["orders"]);
    let family = &mut mapping.families[0];
    family.name = "gRPC server".to_owned();
    family.requests = Requests::Counter("grpc_server_handled_total".to_owned());
    family.durations = Some(Durations::Classic { buckets: "grpc_server_handling_seconds_bucket".to_owned(), bounds: vec![1.0, 10.0] });
    family.route_label = Some("grpc_method".to_owned());
    family.duration_labels = ["application", "grpc_method"].map(Into::into).into();
    family.failures = Some(Failures::Status(StatusRule { label: "grpc_code".to_owned(), shape: StatusShape::GrpcName }));
    mapping
}

#[test]
fn durations_that_nobody_can_tell_by_a_label_are_not_those_of_all() {
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(grpc())));
    for op in [MatchOp::Equal, MatchOp::NotEqual] {
        let scope = scope.with_matcher(Matcher::new("grpc_code", op, "Unavailable"));
        let look = look(&shared, &scope, NOW);
        let mut view = Service::default();
        for _ in 0..2 {
            feed(&mut view, &look, SIZE, |need| match need.slot.pane {
                "labels" => Some(Ok(Response::LabelNames(["grpc_code", "grpc_method"].map(Into::into).into()))),
                _ => Some(Ok(answer(need))),
            });
        }
        let asked = needs(&view, &look, 200, 40);
        let of_durations = |n: &Subscription| format!("{:?}", n.request).contains("grpc_server_handling");
        assert_eq!((asked.iter().filter(|n| of_durations(n)).count(), asked.iter().any(|n| n.slot.pane == "rate")), (0, true));
        let text = draw(&view, &look, 200, 40);
        assert!(text.contains("grpc_server_handling_seconds has no label grpc_code") && !text.contains("p95 8.00 s"), "{text}");
        let acts = run(&mut view, &look, Command::NextExemplar);
        assert!(
            matches!(&acts[..], [Act::Notice(why)] if why.ends_with("grpc_server_handling_seconds has no label grpc_code")),
            "{acts:?}"
        );
    }
}

#[test]
fn a_row_has_not_the_p95_of_all() {
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(grpc())));
    let look = look(&shared, &scope, NOW);
    let mut view = Service { label: Some("grpc_code".to_owned()), ..Service::default() };
    feed(&mut view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
        // Some requests have no code, as durations have none.
        ("rows", 0) => Some(Ok(figures("grpc_code", &[("OK", 4.0), ("", 2.0)]))),
        ("rows", 2) => Some(Ok(figures("le", &[("", 9.9)]))),
        _ => Some(Ok(answer(need))),
    });
    let text = draw(&view, &look, 200, 40);
    let row = text.lines().find(|l| l.contains("(none)")).unwrap();
    assert!(!row.contains("9.90 s") && text.contains("no p95 by grpc_code: grpc_server_handling_seconds lacks it"), "{text}");
}

/// What a server answers of a label with ten thousand values.
fn of_many(figure: u32) -> Response {
    let named = |i: usize| (vec![("user".to_owned(), format!("u{i:03}"))], if figure == 1 { 0.5 } else { 2.0 });
    let all = |what: &str, value| (vec![(OF_ALL.to_owned(), what.to_owned())], value);
    let of_all = match figure {
        0 => vec![all(SUM, 20_200.0), all(VALUES, 10_000.0)],
        1 => vec![all(SUM, 100.0)],
        _ => Vec::new(),
    };
    let element = |(labels, value): (Vec<(String, String)>, f64)| (labels.into_iter().collect(), Sample { at: NOW, value });
    Response::Vector(Vector { elements: (0..100).map(named).chain(of_all).map(element).collect(), warnings: Vec::new() })
}

#[test]
fn of_ten_thousand_values_the_busiest_have_a_row_and_the_others_are_summed() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = Service { label: Some("user".to_owned()), ..Service::default() };
    let asked = needs(&view, &look, SIZE.0, SIZE.1);
    for need in asked.iter().filter(|n| n.slot.pane.starts_with("rows")) {
        let Request::Instant { query, .. } = &need.request else { panic!("{need:?}") };
        assert!(query.contains("and on (user) (topk(100, "), "no answer is larger than what is read: {query}");
    }
    feed(&mut view, &look, SIZE, |need| Some(Ok(if need.slot.pane == "rows" { of_many(need.slot.part) } else { answer(need) })));
    let text = draw(&view, &look, 200, 50);
    assert!(text.contains("1 of 101") && text.contains("of 10,000 values the busiest and those that fail most"), "{text}");
    run(&mut view, &look, Command::Bottom);
    let text = draw(&view, &look, 200, 50);
    let others = text.lines().find(|l| l.contains("9,900 others")).unwrap_or_else(|| panic!("{text}"));
    // 20,200 requests a second less 100 times 2, and 100 failures less 100 times a half.
    assert!(others.contains("20.0 k /s") && others.contains("0.2 %") && others.contains("50 %"), "{others}");
    for command in [Command::Drill, Command::Exclude] {
        let acts = run(&mut view, &look, command);
        assert!(matches!(&acts[..], [Act::Notice(why)] if why.starts_with("these are many values")), "{acts:?}");
    }
    run(&mut view, &look, Command::Filter);
    type_text(&mut view, &look, SIZE, "7");
    let text = draw(&view, &look, 200, 50);
    assert!(text.contains("u097") && !text.contains("u098") && text.contains("9,900 others"), "they may be among them\n{text}");
}

#[test]
fn a_label_beyond_the_first_thirty_is_counted_as_well() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let names: Vec<String> = (0..70).map(|i| format!("label_{i:02}")).collect();
    let mut view = Service::default();
    run(&mut view, &look, Command::Breakdown);
    let told = |need: &Subscription| {
        let Request::Instant { query, .. } = &need.request else { return answer(need) };
        let counted: Vec<(&str, f64)> = names.iter().filter(|n| query.contains(*n)).map(|n| (n.as_str(), 7.0)).collect();
        assert!(counted.len() <= 30, "{query}");
        figures("label", &counted)
    };
    for _ in 0..2 {
        feed(&mut view, &look, SIZE, |need| {
            Some(Ok(match need.slot.pane {
                "labels" => Response::LabelNames(names.iter().map(|n| n.as_str().into()).collect()),
                "counts" => told(need),
                _ => answer(need),
            }))
        });
    }
    let picker = view.picker.as_ref().unwrap();
    assert_eq!((picker.choices.len(), picker.choices.iter().filter(|c| c.1 == Some(7)).count()), (70, 70));
}
