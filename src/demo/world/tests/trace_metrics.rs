//! What metrics of traces are computed of.

use super::*;
use crate::demo::traceql::{
    hint::hint,
    metrics::{Accumulator, Series, Steps},
    parse,
    rows::Rows,
    wanted::wanted,
};

/// The answer of a query over two minutes, of one trace in four, and how many spans it was computed of.
fn answer(world: &World, query: &str, parts: bool) -> (Vec<Series>, usize) {
    let query = parse(query).unwrap();
    let wanted = if parts { wanted(&query) } else { SpanHint::default() };
    let steps = Steps::range((START - seconds(120)).0, START.0, 30_000_000_000);
    let range = TimeRange::new(START - seconds(150), START);
    let (mut all, mut spans) = (Accumulator::new(&query, steps, 100).unwrap(), 0);
    TraceStore::sample(world, (&hint(&query), &wanted), range, 4, &mut |trace, weight| {
        let rows = Rows::new(&trace);
        spans += rows.spans.len();
        all.observe(&rows, weight as f64);
        ControlFlow::Continue(())
    });
    (all.finish(), spans)
}

#[test]
fn metrics_of_the_wanted_spans_are_those_of_whole_traces() {
    let world = incident();
    for query in [
        r#"{ resource.service.name="checkout" && (kind=server || kind=consumer) } | rate() by (status)"#,
        r#"{ resource.service.name="mailer" && (kind=server || kind=consumer) } | quantile_over_time(duration, .95)"#,
        "{ nestedSetParent<0 } | rate() by (status)",
        r#"{ nestedSetParent<0 || resource.service.name="orders" } | count_over_time() by (name)"#,
        "{ kind=client && status=error } | avg_over_time(duration) by (resource.service.name)",
        r#"{ resource.service.name="cart" && rootName="POST /api/cart" } | rate()"#,
        r#"{ resource.service.name="web" && childCount>1 } | rate() by (rootName)"#,
        r#"{ resource.service.name="web" && kind=server } | rate() by (nestedSetRight)"#,
        r#"{ resource.service.name="web" } >> { resource.service.name="payments" && kind=server } | rate()"#,
        r#"{ kind=server } | count() > 3 | rate()"#,
    ] {
        let ((whole, _), (part, _)) = (answer(&world, query, false), answer(&world, query, true));
        assert!(whole.iter().any(|s| s.values.iter().any(|v| *v > 0.0)), "{query} finds nothing");
        // Of NaN nobody is a copy.
        assert_eq!(format!("{whole:?}"), format!("{part:?}"), "{query}");
    }
}

#[test]
fn of_a_trace_no_more_is_made_than_is_looked_at() {
    let world = incident();
    for query in [
        r#"{ resource.service.name="checkout" && (kind=server || kind=consumer) } | rate() by (status)"#,
        "{ nestedSetParent<0 } | quantile_over_time(duration, .95)",
    ] {
        let ((_, whole), (_, part)) = (answer(&world, query, false), answer(&world, query, true));
        assert!(part * 5 < whole && part > 300, "{part} of {whole} spans for {query}");
    }
}

#[test]
fn requests_that_are_not_walked_come_to_no_service_that_is_meant() {
    let world = incident();
    for service in ["web", "catalog", "cart", "checkout", "orders", "payments", "inventory", "mailer"] {
        let hint = TraceHint { services: vec![service.to_owned()], ..TraceHint::default() };
        let (mut searched, mut sampled) = (HashSet::new(), HashSet::new());
        TraceStore::scan(&*world, &hint, TimeRange::new(START - seconds(20), START), &mut |trace| {
            searched.insert(trace.id);
            ControlFlow::Continue(())
        });
        TraceStore::sample(&*world, (&hint, &SpanHint::default()), TimeRange::new(START - seconds(60), START), 1, &mut |trace, _| {
            sampled.insert(trace.id);
            ControlFlow::Continue(())
        });
        assert!(searched.len() > 100 && searched.is_subset(&sampled), "{service}: {} of {}", sampled.len(), searched.len());
    }
}
