//! What Tempo refuses although it parses: types that do not go together.

use super::ast::{Aggregate, Field, Intrinsic, Operator, Query, Spanset, Stage, Static};
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
    pipeline(&query.pipeline)
}

fn fail<T>(message: String) -> Result<T, ParseError> {
    Err(ParseError::whole(message))
}

fn pipeline(stages: &[Stage]) -> Result<(), ParseError> {
    for (i, stage) in stages.iter().enumerate() {
        match stage {
            Stage::Spans(set) => spanset(set)?,
            Stage::Filter { aggregate, op, value } => filter(aggregate, *op, value)?,
            Stage::By(field) => {
                type_of(field)?;
                if !references_span(field) {
                    return fail(format!("grouping field expressions must reference the span: by({field})"));
                }
            }
            Stage::Coalesce if i == 0 => return fail("coalesce() needs something before it".to_owned()),
            Stage::Coalesce => {}
            Stage::Select(fields) => {
                for field in fields {
                    if !matches!(field, Field::Attribute(_) | Field::Intrinsic(_)) {
                        return fail(format!("select field expressions must be attributes or intrinsics: {field}"));
                    }
                }
            }
        }
    }
    Ok(())
}

fn spanset(set: &Spanset) -> Result<(), ParseError> {
    match set {
        Spanset::Filter(field) => match type_of(field)? {
            Type::Any | Type::Bool => Ok(()),
            _ => fail(format!("span filter field expressions must resolve to a boolean: {{ {field} }}")),
        },
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
        Field::Intrinsic(Intrinsic::Duration | Intrinsic::TraceDuration) => Type::Number,
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
