//! What Tempo refuses although it parses: types that do not go together.

use super::ast::{Aggregate, Field, Function, Intrinsic, Metrics, Only, Operator, Query, Scope, Spanset, Stage, Static};
use crate::demo::grammar::{ParseError, re2};

/// What a field is known to be before any span is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Any,
    Nil,
    Text,
    Number,
    Bool,
    Status,
    Kind,
}

/// Checks a query.
pub(super) fn validate(query: &Query) -> Result<(), ParseError> {
    pipeline(&query.pipeline)?;
    query.metrics.as_ref().map_or(Ok(()), metrics)
}

fn metrics(metrics: &Metrics) -> Result<(), ParseError> {
    /// Labels of a series.
    const MAX_BY: usize = 5;
    // One is taken by the bucket.
    let bucketed = matches!(metrics.function, Function::Quantile(..) | Function::Histogram(_));
    if metrics.by.len() + usize::from(bucketed) > MAX_BY {
        return fail(format!("metrics group by {} values not yet supported", metrics.by.len()));
    }
    for field in &metrics.by {
        type_of(field)?;
    }
    match &metrics.function {
        Function::Rate | Function::Count => {}
        Function::Over(_, of) | Function::Histogram(of) => drop(type_of(of)?),
        Function::Quantile(of, quantiles) => {
            type_of(of)?;
            if let Some(q) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
                return fail(format!("quantile must be between 0 and 1: {q}"));
            }
        }
        Function::Compare { selection, top, window } => {
            boolean(selection)?;
            if *top <= 0 {
                return fail("compare() top number of values must be integer greater than 0".to_owned());
            }
            if *window != (0, 0) && (window.0 <= 0 || window.1 <= 0) {
                return fail("compare() timestamps must be positive integer unix nanoseconds".to_owned());
            }
            if *window != (0, 0) && window.1 <= window.0 {
                return fail("compare() end timestamp must be greater than start timestamp".to_owned());
            }
            if metrics.only.is_some() {
                return fail("`compare()` cannot be used with second stage functions".to_owned());
            }
        }
    }
    match metrics.only {
        Some(Only::Top(limit) | Only::Bottom(limit)) if limit <= 0 => fail("limit must be greater than 0".to_owned()),
        _ => Ok(()),
    }
}

fn fail<T>(message: String) -> Result<T, ParseError> {
    Err(ParseError::whole(message))
}

fn pipeline(stages: &[Stage]) -> Result<(), ParseError> {
    for stage in stages {
        match stage {
            Stage::Spans(set) => spanset(set)?,
            Stage::Filter { aggregate, op, value } => filter(aggregate, *op, value)?,
            Stage::By(field) => {
                type_of(field)?;
                if !references_span(field) {
                    return fail(format!("grouping field expressions must reference the span: by({field})"));
                }
            }
            Stage::Coalesce => {}
            Stage::Select(fields) => {
                for field in fields {
                    type_of(field)?;
                }
            }
        }
    }
    Ok(())
}

/// A filter of spans.
fn boolean(field: &Field) -> Result<(), ParseError> {
    match type_of(field)? {
        Type::Any | Type::Bool => Ok(()),
        _ => fail(format!("span filter field expressions must resolve to a boolean: {{ {field} }}")),
    }
}

fn spanset(set: &Spanset) -> Result<(), ParseError> {
    match set {
        Spanset::Filter(field) => boolean(field),
        Spanset::Pipeline(stages) => pipeline(stages),
        Spanset::Operation { left, right, .. } => {
            spanset(left)?;
            spanset(right)
        }
    }
}

fn filter(aggregate: &Aggregate, op: Operator, value: &Static) -> Result<(), ParseError> {
    if let Aggregate::Of(_, field) = aggregate {
        if !matches!(type_of(field)?, Type::Any | Type::Number) {
            return fail(format!("aggregate field expressions must resolve to a number type: {aggregate}"));
        }
        if !references_span(field) {
            return fail(format!("aggregate field expressions must reference the span: {aggregate}"));
        }
    }
    match static_type(value) {
        Type::Number => Ok(()),
        _ => fail(format!("binary operations must operate on the same type: {aggregate} {} {value}", op.as_str())),
    }
}

fn references_span(field: &Field) -> bool {
    let mut found = false;
    field.references(&mut |_| found = true);
    found
}

fn static_type(value: &Static) -> Type {
    match value {
        Static::Nil => Type::Nil,
        Static::Text(_) => Type::Text,
        Static::Int(_) | Static::Float(_) | Static::Duration(_) => Type::Number,
        Static::Bool(_) => Type::Bool,
        Static::Status(_) => Type::Status,
        Static::Kind(_) => Type::Kind,
    }
}

fn type_of(field: &Field) -> Result<Type, ParseError> {
    Ok(match field {
        Field::Static(value) => static_type(value),
        Field::Attribute(_) => Type::Any,
        Field::Intrinsic(Intrinsic::Parent) => return fail("intrinsic (parent) not yet supported".to_owned()),
        Field::Intrinsic(
            Intrinsic::Duration
            | Intrinsic::TraceDuration
            | Intrinsic::EventTime
            | Intrinsic::NestedSetParent
            | Intrinsic::NestedSetLeft
            | Intrinsic::NestedSetRight
            | Intrinsic::ChildCount,
        ) => Type::Number,
        Field::Intrinsic(Intrinsic::Status) => Type::Status,
        Field::Intrinsic(Intrinsic::Kind) => Type::Kind,
        Field::Intrinsic(_) => Type::Text,
        Field::Not(inner) => match type_of(inner)? {
            Type::Any | Type::Bool => Type::Bool,
            _ => return fail(format!("illegal operation for the given type: {field}")),
        },
        Field::Negate(inner) => match type_of(inner)? {
            Type::Any | Type::Number => Type::Number,
            _ => return fail(format!("illegal operation for the given type: {field}")),
        },
        Field::Binary(op, left, right) => return binary(*op, left, right, field),
    })
}

fn binary(op: Operator, left: &Field, right: &Field, whole: &Field) -> Result<Type, ParseError> {
    let (l, r) = (type_of(left)?, type_of(right)?);
    let nil = matches!(op, Operator::Equal | Operator::NotEqual) && r == Type::Nil;
    if nil && op == Operator::Equal {
        match left {
            Field::Intrinsic(i) => return fail(format!("{}=nil is not valid because intrinsics cannot be nil", i.as_str())),
            Field::Attribute(a) if a.scope == Scope::Resource && a.name == "service.name" => {
                return fail("resource.service.name=nil is not valid because resource.service.name cannot be nil".to_owned());
            }
            _ => {}
        }
    }
    if !nil && l != r && l != Type::Any && r != Type::Any {
        return fail(format!("binary operations must operate on the same type: {whole}"));
    }
    let fits = |t: Type| match op {
        _ if t == Type::Any => true,
        Operator::Equal | Operator::NotEqual => true,
        Operator::Regex | Operator::NotRegex => t == Type::Text,
        Operator::And | Operator::Or => t == Type::Bool,
        Operator::Greater | Operator::GreaterEqual | Operator::Less | Operator::LessEqual => matches!(t, Type::Number | Type::Text),
        _ => t == Type::Number,
    };
    if !fits(l) || !fits(r) {
        return fail(format!("illegal operation for the given types: {whole}"));
    }
    if matches!(op, Operator::Regex | Operator::NotRegex) {
        match right {
            Field::Static(Static::Text(pattern)) => drop(re2::compile(pattern).map_err(ParseError::whole)?),
            _ => return fail(format!("the demo supports only literal regular expressions: {whole}")),
        }
    }
    Ok(if op.is_arithmetic() { Type::Number } else { Type::Bool })
}
