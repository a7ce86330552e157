//! What a scan for a query's traces may skip.

use super::ast::{Field, Intrinsic, Kept, Operator, Query, Scope, Spanset, SpansetOp, Stage, Static};
use crate::demo::store::TraceHint;

/// What every trace that the query selects fulfils.
pub fn hint(query: &Query) -> TraceHint {
    pipeline(&query.pipeline)
}

fn pipeline(stages: &[Stage]) -> TraceHint {
    let sets = stages.iter().filter_map(|s| if let Stage::Spans(set) = s { Some(spanset(set)) } else { None });
    sets.fold(TraceHint::default(), across)
}

fn spanset(set: &Spanset) -> TraceHint {
    match set {
        Spanset::Filter(filter) => field(filter),
        Spanset::Pipeline(stages) => pipeline(stages),
        Spanset::Operation { op: SpansetOp::Or, left, right } => either(spanset(left), spanset(right)),
        // The left side may be missing.
        Spanset::Operation { op: SpansetOp::Structural(_, Kept::Without), right, .. } => spanset(right),
        Spanset::Operation { left, right, .. } => across(spanset(left), spanset(right)),
    }
}

/// What two sets need, each of spans of its own: the error of one need not be in a service of the other.
fn across(a: TraceHint, b: TraceHint) -> TraceHint {
    let min_duration = a.min_duration.max(b.min_duration);
    let error = a.error || b.error;
    let named = if a.services.is_empty() { b } else { a };
    TraceHint { error: if named.services.is_empty() { error } else { named.error }, min_duration, ..named }
}

/// What one span needs that fulfils both.
fn both(a: TraceHint, b: TraceHint) -> TraceHint {
    TraceHint {
        services: if a.services.is_empty() { b.services } else { a.services },
        error: a.error || b.error,
        min_duration: a.min_duration.max(b.min_duration),
    }
}

fn either(a: TraceHint, b: TraceHint) -> TraceHint {
    let services = either_of(&a.services, &b.services);
    TraceHint { services, error: a.error && b.error, min_duration: a.min_duration.min(b.min_duration) }
}

fn field(filter: &Field) -> TraceHint {
    let Field::Binary(op, left, right) = filter else { return TraceHint::default() };
    match (op, left.as_ref(), right.as_ref()) {
        (Operator::And, a, b) => both(field(a), field(b)),
        (Operator::Or, a, b) => either(field(a), field(b)),
        (Operator::Equal, Field::Intrinsic(Intrinsic::Status), Field::Static(Static::Status(2))) => {
            TraceHint { error: true, ..TraceHint::default() }
        }
        (Operator::Greater | Operator::GreaterEqual, Field::Intrinsic(Intrinsic::Duration), Field::Static(Static::Duration(d))) => {
            TraceHint { min_duration: (*d).max(0), ..TraceHint::default() }
        }
        _ => TraceHint { services: service(filter), ..TraceHint::default() },
    }
}

/// The service that `resource.service.name = "…"` names.
pub(super) fn service(filter: &Field) -> Vec<String> {
    let Field::Binary(Operator::Equal, left, right) = filter else { return Vec::new() };
    match (left.as_ref(), right.as_ref()) {
        (Field::Attribute(a), Field::Static(Static::Text(service))) if a.scope == Scope::Resource && a.name == "service.name" => {
            vec![service.clone()]
        }
        _ => Vec::new(),
    }
}

/// What is one of either; where one of them is empty, which is any, any.
pub(super) fn either_of<T: Clone>(a: &[T], b: &[T]) -> Vec<T> {
    if a.is_empty() || b.is_empty() { Vec::new() } else { [a, b].concat() }
}
