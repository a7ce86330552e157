use super::*;
use crate::{
    model::trace::{TraceHit, Value},
    trace::typical::{RootName, typical},
};

fn hit(id: u128, ms: i64, errors: Option<u32>, name: &str) -> TraceHit {
    TraceHit {
        trace: TraceId(id),
        root_service: Some("shop".into()),
        root_name: Some(name.into()),
        start: Timestamp(BASE),
        duration_ns: ms,
        span_count: None,
        error_count: errors,
        matched: 0,
        spans: Vec::new(),
    }
}

#[test]
fn the_typical_one_is_the_median_of_good_ones_of_the_same_root() {
    let mut hits = vec![
        hit(1, 50, None, "pay"),
        hit(2, 10, Some(0), "pay"),
        hit(3, 20, None, "pay"),
        hit(4, 1, None, "cart"),
        hit(5, 2, Some(3), "pay"),
    ];
    let root = RootName { service: "shop".into(), sent_service: "shop".into(), name: "pay".into() };
    let found = |hits: &[TraceHit], but: &[u128]| {
        let but: Vec<TraceId> = but.iter().map(|id| TraceId(*id)).collect();
        typical(hits, &root, &but).map(|t| (t.hit.trace.0, t.of))
    };
    assert_eq!(found(&hits, &[9]), Some((3, 3)));
    hits.push(hit(9, 30, None, "pay"));
    assert_eq!(found(&hits, &[9]), Some((3, 3)), "not the trace itself");
    assert_eq!(found(&hits, &[9, 3]), Some((2, 2)), "nor one that is known to be no good");
    assert_eq!(found(&[], &[]), None);
}

#[test]
fn a_root_is_known_by_the_name_it_was_sent_with_not_by_its_title_and_by_either_name_of_its_service() {
    let text = |text: &str| Value::Text(text.into());
    let attributes = [("http.request.method", text("POST")), ("http.route", text("/pay"))].into();
    let resource = Resource { service: "shop-prod".into(), attributes: [("service.name", text("shop"))].into() };
    let sent = Span { name: "POST".into(), kind: SpanKind::Server, attributes, ..span(1, 0, 0, 100) };
    let trace = Trace::build(Spans { trace: TraceId(1), resources: vec![resource], spans: vec![sent], partial: None });
    assert_eq!(trace.name(0), "POST /pay");
    let root = RootName::of(&trace).unwrap();
    assert_eq!(root, RootName { service: "shop-prod".into(), sent_service: "shop".into(), name: "POST".into() });
    assert!(root.is_of(&hit(2, 1, None, "POST")) && !root.is_of(&hit(2, 1, None, "POST /pay")));
    assert_eq!(RootName::of(&build(vec![span(2, 7, 0, 10)])), None, "its root was not delivered");
}
