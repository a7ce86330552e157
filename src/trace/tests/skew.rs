use proptest::prelude::*;

use super::*;

/// A call from host h1 to host h2, whose clock is `late` ns behind.
fn call(id: u64, parent: u64, start: i64, end: i64, late: i64) -> [Span; 2] {
    let client = Span { kind: SpanKind::Client, ..span(id, parent, start, end) };
    let server = Span { kind: SpanKind::Server, resource: 1, ..span(id + 1, id, start + 10 - late, end - 10 - late) };
    [client, server]
}

fn shifts(t: &Trace) -> Vec<(u64, i64)> {
    let mut all: Vec<_> = t.nodes.iter().map(|n| (n.id.0, n.shift_ns)).collect();
    all.sort();
    all
}

#[test]
fn a_clock_is_moved_into_the_calls_that_waited_for_it_all_its_spans_by_as_much() {
    let mut spans = vec![span(1, 0, 0, 1000)];
    spans.extend(call(2, 1, 100, 300, 5000));
    spans.extend(call(4, 1, 400, 600, 5000));
    spans.push(Span { resource: 1, ..span(6, 3, 150 - 5000, 200 - 5000) });
    let told = build(spans);
    assert!(told.is_skewed() && told.skewed_count == 2);
    let put_right = told.corrected();
    assert_eq!(shifts(&put_right), [(1, 0), (2, 0), (3, 5000), (4, 0), (5, 5000), (6, 5000)]);
    assert!(!put_right.is_skewed() && put_right.nodes.iter().all(|n| n.flags.is_empty()));
    assert_eq!((put_right.duration_ns(), told.duration_ns()), (1000, 5890));
    let node = put_right.find(SpanId(3)).unwrap();
    assert_eq!(
        (put_right.nodes[node].start.0 - BASE, put_right.span(node).unwrap().start.0 - BASE),
        (110, 110 - 5000),
        "delivered as it was"
    );
    assert_eq!(put_right.path.on_path_ns(node as u32), 90 + 40, "what was called is on the path again");
    assert_eq!(told.path.on_path_ns(told.find(SpanId(3)).unwrap() as u32), 0);
}

#[test]
fn hosts_that_are_called_by_moved_ones_move_with_them() {
    let resources = ["h1", "h2", "h3"].map(|host| resource(host, host)).to_vec();
    let at = |resource, kind, s: Span| Span { resource, kind, ..s };
    let spans = vec![
        at(0, SpanKind::Client, span(1, 0, 0, 100)),
        at(1, SpanKind::Server, span(2, 1, -990, -910)),
        at(1, SpanKind::Client, span(3, 2, -980, -920)),
        at(2, SpanKind::Server, span(4, 3, -970, -930)),
    ];
    let t = Trace::build(Spans { trace: TraceId(7), resources, spans, partial: None }).corrected();
    assert_eq!(shifts(&t), [(1, 0), (2, 1000), (3, 1000), (4, 1000)], "it fits its caller's clock once that is right");
}

#[test]
fn a_clock_that_is_only_known_from_what_it_called_is_moved_no_further_than_it_must() {
    let called = Span { kind: SpanKind::Internal, ..span(11, 10, 500, 900) };
    let t = build(vec![span(1, 0, 0, 1000), Span { resource: 1, ..span(10, 0, 5000, 5010) }, called]).corrected();
    assert_eq!(shifts(&t), [(1, 0), (10, -4500), (11, 0)]);
}

#[test]
fn what_nothing_bounds_stays() {
    let consumer = Span { kind: SpanKind::Consumer, resource: 1, ..span(2, 1, -500, -400) };
    let t = build(vec![span(1, 0, 0, 100), consumer, Span { resource: 1, ..span(3, 9, 5000, 5001) }]);
    assert_eq!(t.corrected(), t);
    // A host that tells nothing: each of its processes is a clock, and so is a span that cannot be its caller's.
    let resources = vec![Resource { service: "a".into(), ..Resource::default() }];
    let spans = vec![span(1, 0, 0, 100), span(2, 1, 10, 20), span(3, 1, -50, 20), span(4, 3, -40, 10)];
    let t = Trace::build(Spans { trace: TraceId(7), resources, spans, partial: None }).corrected();
    assert_eq!(shifts(&t), [(1, 0), (2, 0), (3, 50), (4, 50)]);
}

proptest! {
    #[test]
    fn clocks_that_differ_are_put_right(spans in calls(), late in -5_000_000i64..5_000_000) {
        let true_one = build(spans.clone());
        prop_assume!(!true_one.is_skewed());
        let moved = spans.into_iter().map(|s| if s.resource == 1 { Span { start: Timestamp(s.start.0 - late), end: Timestamp(s.end.0 - late), ..s } } else { s });
        let t = build(moved.collect()).corrected();
        prop_assert!(!t.is_skewed(), "{:?}", shape(&t));
    }

    #[test]
    fn a_corrected_trace_has_the_same_spans_and_needs_no_more(spans in prop_oneof![calls(), hostile()]) {
        let t = build(spans);
        let once = t.corrected();
        let ids = |t: &Trace| {
            let mut all: Vec<_> = (0..t.nodes.len()).map(|i| (t.nodes[i].id, t.span(i).cloned().map(|s| (s.start, s.end, s.name)), t.nodes[i].duration_ns)).filter(|n| n.1.is_some()).collect();
            all.sort();
            all
        };
        prop_assert_eq!(ids(&t), ids(&once));
        prop_assert_eq!(t.roots, once.roots);
        for (i, node) in once.nodes.iter().enumerate() {
            prop_assert!(node.parent.is_none_or(|p| (p as usize) < i));
        }
    }
}
