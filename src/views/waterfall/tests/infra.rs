//! The way from a span to what it ran on.

use super::{
    super::super::infra::place_of_span,
    detail::{go_to, rich, rich_page},
    *,
};
use crate::model::labels::Matcher;

const MINUTE: i64 = 60_000 * MS;

#[test]
fn a_span_leads_to_its_pod_with_the_time_before_it_and_leaves_the_condition_on_another_pod() {
    let scope = scope(None).with_service("orders").with_matcher(Matcher::equal("pod", "orders-0")).with_trace(TraceId(0xabc), None);
    let (mut view, _) = answered(&scope, BIG, Ok(rich()));
    let acts = press(&mut view, &scope, BIG, Command::Infra);
    let [Act::Infra(place, infra)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(place, &[("pod", "orders-1")].into_iter().collect());
    assert_eq!((infra.service.as_deref(), infra.matchers.as_slice()), (Some("orders"), &[][..]));
    let (start, end) = (Timestamp(START - 31 * MINUTE), Timestamp(START + 10 * MS + MINUTE));
    assert_eq!(infra.window, TimeWindow::Fixed(TimeRange { start, end }));
}

#[test]
fn a_value_that_says_where_leads_there_and_repeated_spans_lead_to_their_service() {
    let (mut view, scope) = rich_page();
    go_to(&mut view, &scope, "k8s.pod.name");
    let acts = press(&mut view, &scope, BIG, Command::Infra);
    assert!(matches!(acts.as_slice(), [Act::Infra(place, _)] if place.get("pod") == Some("orders-1")), "{acts:?}");

    let attributes = [("k8s.pod.name", Value::Text("cart-1".into()))];
    let resources = vec![Resource { service: "cart".into(), attributes: attributes.into() }];
    let calls = (2..9).map(|id| span(id, 1, 0, "reserve", 10 * id as i64, 10 * id as i64 + 5));
    let spans = std::iter::once(span(1, 0, 0, "POST /cart", 0, 200)).chain(calls).collect();
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    assert_eq!(place_of_span(&trace, 1).get("pod"), Some("cart-1"));
    let (mut view, _) = answered(&scope, BIG, Ok(trace));
    press(&mut view, &scope, BIG, Command::Down);
    assert!(matches!(view.item(), Some(Item::Group(_))), "{}", screen(&view, &scope, BIG));
    for command in [Command::Down, Command::SpanTable] {
        let acts = press(&mut view, &scope, BIG, Command::Infra);
        assert!(
            matches!(acts.as_slice(), [Act::Infra(place, infra)] if place.is_empty() && infra.service.as_deref() == Some("cart")),
            "{acts:?}"
        );
        press(&mut view, &scope, BIG, command);
    }
}
