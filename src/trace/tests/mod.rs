mod compare;
mod path;
mod repeats;
mod scale;
mod skew;
mod structure;
mod title;
mod typical;

use proptest::prelude::*;

use super::{Flags, Trace};
use crate::model::{
    time::Timestamp,
    trace::{Resource, Span, SpanId, SpanKind, Spans, TraceId, Value},
};

const BASE: i64 = 1_700_000_000_000_000_000;

fn span(id: u64, parent: u64, start: i64, end: i64) -> Span {
    Span {
        id: SpanId(id),
        parent: (parent != 0).then_some(SpanId(parent)),
        name: format!("op{id}").into(),
        kind: SpanKind::Internal,
        start: Timestamp(if start == i64::MIN { 0 } else { BASE + start }),
        end: Timestamp(if end == i64::MIN { 0 } else { BASE + end }),
        ..Span::default()
    }
}

fn resource(service: &str, host: &str) -> Resource {
    Resource { service: service.into(), attributes: [("host.name", Value::Text(host.into()))].into() }
}

fn build(spans: Vec<Span>) -> Trace {
    Trace::build(Spans { trace: TraceId(7), resources: vec![resource("a", "h1"), resource("b", "h2")], spans, partial: None })
}

/// One line a node: indent, id, flags.
fn shape(trace: &Trace) -> Vec<String> {
    let line = |n: &super::Node| {
        let flags: Vec<&str> = n.flags.names().collect();
        let missing = if n.is_missing() { "?" } else { "" };
        format!("{}{}{missing} {}", ".".repeat(n.depth as usize), n.id.0, flags.join(",")).trim_end().to_owned()
    };
    trace.nodes.iter().map(line).collect()
}

#[test]
fn siblings_are_by_start_and_self_time_is_what_children_do_not_cover() {
    let t = build(vec![span(3, 1, 50, 80), span(1, 0, 0, 100), span(2, 1, 10, 60), span(4, 3, 70, 200)]);
    assert_eq!(shape(&t), ["1", ".2", ".3", "..4"]);
    assert_eq!(t.nodes.iter().map(|n| n.self_ns).collect::<Vec<_>>(), [30, 50, 20, 130]);
    assert_eq!(t.nodes.iter().map(|n| n.subtree_end).collect::<Vec<_>>(), [4, 2, 4, 4]);
    assert_eq!((t.duration_ns(), t.root, t.roots, t.span_count), (200, Some(0), 1, 4));
    assert_eq!(t.find(SpanId(4)), Some(3));
    assert_eq!(t.find(SpanId(9)), None);
}

#[test]
fn orphans_stand_together_under_the_span_they_miss() {
    let t = build(vec![span(1, 0, 0, 100), span(2, 9, 10, 20), span(3, 9, 5, 30), span(4, 8, 40, 50)]);
    assert_eq!(shape(&t), ["1", "9?", ".3 orphan", ".2 orphan", "8?", ".4 orphan"]);
    assert_eq!((t.nodes[1].start.0 - BASE, t.nodes[1].duration_ns, t.nodes[1].self_ns), (5, 25, 0));
    assert_eq!((t.roots, t.root, t.span_count), (3, Some(0), 4));
    assert!(t.missing_count() > 0 && t.name(1) == "missing span 0000");
}

#[test]
fn copies_are_dropped_and_other_spans_of_one_id_kept() {
    let t = build(vec![span(1, 0, 0, 100), span(1, 0, 0, 100), span(2, 1, 10, 20), Span { name: "other".into(), ..span(2, 1, 30, 40) }]);
    assert_eq!(shape(&t), ["1 duplicate", ".2 duplicate", ".2 duplicate"]);
    assert_eq!(t.copies, 1);
}

#[test]
fn client_and_server_of_one_id_are_parent_and_child() {
    let client = Span { kind: SpanKind::Client, ..span(2, 1, 10, 90) };
    let server = Span { kind: SpanKind::Server, resource: 1, ..span(2, 1, 20, 80) };
    let below = Span { resource: 1, ..span(3, 2, 30, 70) };
    let t = build(vec![below, server, span(1, 0, 0, 100), client]);
    assert_eq!(shape(&t), ["1", ".2 duplicate", "..2 duplicate", "...3"]);
    assert_eq!((t.service(1), t.service(2)), ("a", "b"));
}

#[test]
fn of_several_parents_the_one_of_the_own_service_is_taken_and_never_the_span_itself() {
    let named = |name: &str, s: Span| Span { name: name.into(), ..s };
    let of_b = |s: Span| Span { resource: 1, ..s };
    // Two spans of id 2, of services a and b; a span of b below it; one of b that has the same id and names it as its parent.
    let t = build(vec![
        span(1, 0, 0, 100),
        span(2, 1, 10, 20),
        of_b(named("itself", span(2, 2, 40, 50))),
        of_b(named("other", span(2, 1, 30, 60))),
        of_b(span(3, 2, 42, 44)),
    ]);
    let parent = |name: &str| {
        let node = (0..t.nodes.len()).find(|i| t.name(*i) == name).unwrap();
        t.nodes[node].parent.map(|p| t.name(p as usize).to_string())
    };
    assert_eq!([parent("itself"), parent("op3"), parent("other")], [Some("other".into()), Some("itself".into()), Some("op1".into())]);
}

#[test]
fn a_hundred_thousand_spans_of_one_id_are_laid_out() {
    let servers = |i: i64| Span { kind: SpanKind::Server, resource: (i % 2) as u32, ..span(2, 2, i, i + 1) };
    let t = build((0..100_000).map(servers).collect());
    assert_eq!((t.span_count, t.copies, t.missing_count()), (100_000, 0, 0));
}

#[test]
fn cycles_are_cut_once() {
    let t = build(vec![span(1, 3, 0, 10), span(2, 1, 1, 9), span(3, 2, 2, 8), span(4, 4, 20, 30)]);
    assert_eq!(shape(&t), ["1 cycle", ".2", "..3", "4 cycle"]);
}

#[test]
fn impossible_times_are_flagged_and_drawn() {
    let t = build(vec![span(1, 0, 0, 100), span(2, 1, 50, 40), span(3, 1, i64::MIN, i64::MIN)]);
    assert_eq!(shape(&t), ["1", ".3 untimed", ".2 negative"]);
    assert_eq!((t.nodes[1].start.0 - BASE, t.nodes[1].duration_ns, t.nodes[2].duration_ns), (0, 0, 0));
}

#[test]
fn only_clocks_of_two_hosts_can_differ() {
    let before = |resource| Span { resource, ..span(2, 1, -30, 20) };
    assert_eq!(shape(&build(vec![span(1, 0, 0, 100), before(1)])), ["1", ".2 skewed"]);
    assert_eq!(shape(&build(vec![span(1, 0, 0, 100), before(0)])), ["1", ".2"]);
    let consumer = Span { kind: SpanKind::Consumer, ..before(1) };
    assert_eq!(shape(&build(vec![span(1, 0, 0, 100), consumer])), ["1", ".2"]);
    let call = Span { kind: SpanKind::Client, ..span(1, 0, 0, 100) };
    let late = Span { kind: SpanKind::Server, resource: 1, ..span(2, 1, 150, 160) };
    assert_eq!(shape(&build(vec![call, late])), ["1", ".2 skewed"]);
}

#[test]
fn an_error_shows_on_all_above_it() {
    let t = build(vec![span(1, 0, 0, 100), Span { error: true, ..span(3, 2, 20, 30) }, span(2, 1, 10, 50), span(4, 1, 60, 70)]);
    assert_eq!(t.nodes.iter().map(|n| n.error_within).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(t.error_count, 1);
}

#[test]
fn a_chain_of_a_hundred_thousand_spans_is_laid_out() {
    let t = build((1..=100_000).rev().map(|i| span(i, i - 1, i as i64, 200_000 - i as i64)).collect());
    assert_eq!((t.nodes.len(), t.nodes[99_999].depth, t.ancestors(99_999).count()), (100_000, 99_999, 99_999));
}

#[test]
fn nothing_at_all_is_a_trace_without_a_root() {
    let t = build(Vec::new());
    assert_eq!((t.root, t.duration_ns(), t.nodes.len()), (None, 0, 0));
}

/// Spans whose ids and parents are anything, cycles and copies as well, and some of whose times are missing.
fn hostile() -> impl Strategy<Value = Vec<Span>> {
    let time = || prop_oneof![1 => Just(i64::MIN), 9 => -50i64..50];
    let kinds = [SpanKind::Internal, SpanKind::Client, SpanKind::Server, SpanKind::Consumer];
    let one = (1u64..12, 0u64..14, time(), time(), 0u32..3, prop::sample::select(kinds.to_vec()))
        .prop_map(|(id, parent, start, end, resource, kind)| Span { resource, kind, ..span(id, parent, start, end) });
    prop::collection::vec(one, 0..40)
}

/// The same with times at the ends of what a number can say.
fn extreme() -> impl Strategy<Value = Vec<Span>> {
    let time = || prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, BASE, BASE + 1000, i64::MAX - 1, i64::MAX]);
    let kinds = [SpanKind::Internal, SpanKind::Client, SpanKind::Server];
    let one = (1u64..8, 0u64..8, time(), time(), 0u32..2, prop::sample::select(kinds.to_vec()));
    let one = one.prop_map(|(id, parent, start, end, resource, kind)| Span {
        start: Timestamp(start),
        end: Timestamp(end),
        resource,
        kind,
        ..span(id, parent, 0, 0)
    });
    prop::collection::vec(one, 1..10)
}

/// A tree as calls make it: children begin within their parent, a few of them end after it.
fn calls() -> impl Strategy<Value = Vec<Span>> {
    let one = (0usize..1000, 0.0f64..1.0, 0.0f64..1.1, 0u64..4, 0u32..2);
    prop::collection::vec(one, 0..60).prop_map(|raw| {
        let mut spans = vec![span(1, 0, 0, 1_000_000)];
        for (i, (parent, start, length, name, resource)) in raw.into_iter().enumerate() {
            let parent = &spans[parent % spans.len()];
            let (from, all) = (parent.start.0 - BASE, parent.end.0 - parent.start.0);
            let start = from + (all as f64 * start) as i64;
            let end = start + ((from + all - start) as f64 * length) as i64;
            spans.push(Span { name: format!("op{name}").into(), resource, ..span(i as u64 + 2, parent.id.0, start, end) });
        }
        spans
    })
}

proptest! {
    #[test]
    fn every_span_is_there_once_below_its_parent(spans in hostile()) {
        let service = |s: &Span| if s.resource < 2 { s.resource } else { 2 };
        let mut wanted: Vec<_> = spans.iter().map(|s| (s.id, s.start, s.end, s.name.clone(), service(s))).collect();
        wanted.sort();
        wanted.dedup();
        let t = build(spans);
        let mut got: Vec<_> = (0..t.nodes.len()).filter_map(|i| t.span(i)).map(|s| (s.id, s.start, s.end, s.name.clone(), service(s))).collect();
        got.sort();
        prop_assert_eq!(got, wanted);
        for (i, node) in t.nodes.iter().enumerate() {
            prop_assert!(node.duration_ns >= 0 && node.self_ns >= 0 && node.self_ns <= node.duration_ns);
            prop_assert!(node.start >= t.range.start && node.end() <= t.range.end);
            match node.parent {
                None => prop_assert_eq!(node.depth, 0),
                Some(p) => {
                    let parent = &t.nodes[p as usize];
                    prop_assert!((p as usize) < i && i < parent.subtree_end as usize && node.depth == parent.depth + 1);
                    prop_assert!(node.is_missing() || !parent.is_missing() || node.flags.has(Flags::ORPHAN));
                }
            }
        }
    }
}

#[test]
fn attributes_share_their_names_and_a_span_is_small() {
    let mut keys = crate::model::trace::Keys::default();
    assert_eq!(&*keys.get("http.route"), "http.route");
    assert!(size_of::<Value>() <= 24 && size_of::<Span>() <= 104 && size_of::<super::Node>() <= 88);
}
