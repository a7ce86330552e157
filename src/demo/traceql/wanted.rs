//! Which spans of a trace metrics are computed of, where the others say nothing about them.

use super::{
    ast::{Field, Function, Intrinsic, Operator, Query, Spanset, Stage, Static},
    hint::{either_of, service},
};
use crate::demo::store::SpanHint;

/// What every span that the query selects fulfils; nothing where it looks at more of a trace than at one span by itself.
pub fn wanted(query: &Query) -> SpanHint {
    let of = match query.metrics.as_ref().map(|m| &m.function) {
        None | Some(Function::Compare { .. }) => return SpanHint::default(),
        Some(Function::Rate | Function::Count) => None,
        Some(Function::Over(_, of) | Function::Quantile(of, _) | Function::Histogram(of)) => Some(of),
    };
    let by = query.metrics.iter().flat_map(|m| &m.by);
    match query.pipeline.as_slice() {
        [Stage::Spans(Spanset::Filter(filter))] if by.chain(of).chain([filter]).all(is_of_one_span) => field(filter),
        _ => SpanHint::default(),
    }
}

/// Whether nothing but the span itself decides on the value.
fn is_of_one_span(field: &Field) -> bool {
    match field {
        Field::Static(_) | Field::Attribute(_) => true,
        Field::Intrinsic(intrinsic) => !matches!(
            intrinsic,
            Intrinsic::RootName
                | Intrinsic::RootService
                | Intrinsic::TraceDuration
                | Intrinsic::NestedSetParent
                | Intrinsic::NestedSetLeft
                | Intrinsic::NestedSetRight
                | Intrinsic::ChildCount
                | Intrinsic::Parent
        ),
        Field::Binary(op, left, right) => is_root(*op, left, right) || (is_of_one_span(left) && is_of_one_span(right)),
        Field::Not(inner) | Field::Negate(inner) => is_of_one_span(inner),
    }
}

/// `nestedSetParent < 0`: it is a root.
fn is_root(op: Operator, left: &Field, right: &Field) -> bool {
    (op, left, right) == (Operator::Less, &Field::Intrinsic(Intrinsic::NestedSetParent), &Field::Static(Static::Int(0)))
}

fn field(filter: &Field) -> SpanHint {
    let Field::Binary(op, left, right) = filter else { return SpanHint::default() };
    match (op, left.as_ref(), right.as_ref()) {
        (Operator::And, a, b) => both(field(a), field(b)),
        (Operator::Or, a, b) => either(field(a), field(b)),
        (Operator::Equal, Field::Intrinsic(Intrinsic::Kind), Field::Static(Static::Kind(kind))) => {
            SpanHint { kinds: vec![*kind], ..SpanHint::default() }
        }
        (op, left, right) => SpanHint { services: service(filter), roots: is_root(*op, left, right), ..SpanHint::default() },
    }
}

fn both(a: SpanHint, b: SpanHint) -> SpanHint {
    SpanHint {
        services: if a.services.is_empty() { b.services } else { a.services },
        kinds: if a.kinds.is_empty() { b.kinds } else { a.kinds },
        roots: a.roots || b.roots,
    }
}

fn either(a: SpanHint, b: SpanHint) -> SpanHint {
    let services = either_of(&a.services, &b.services);
    SpanHint { services, kinds: either_of(&a.kinds, &b.kinds), roots: a.roots && b.roots }
}
