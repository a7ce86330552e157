//! What an expression says of one span.

use std::collections::HashMap;

use regex::Regex;

use super::{
    ast::{Attribute, Field, Intrinsic, Operator, Scope, Static},
    rows::{Row, Rows, find},
    value::{arithmetic, compare},
};
use crate::{
    demo::grammar::{ParseError, re2},
    model::trace::{SpanId, TraceId},
    wire::otlp::{KeyValue, any_value::Value},
};

/// Expressions with their regular expressions compiled.
#[derive(Debug, Default)]
pub struct Expressions<'q> {
    regexes: HashMap<&'q str, Regex>,
}

impl<'q> Expressions<'q> {
    /// Takes in an expression before it is evaluated.
    ///
    /// # Errors
    /// A regular expression that does not compile.
    pub fn prepare(&mut self, field: &'q Field) -> Result<(), ParseError> {
        match field {
            Field::Binary(op, left, right) => {
                if let (Operator::Regex | Operator::NotRegex, Field::Static(Static::Text(pattern))) = (op, right.as_ref()) {
                    self.regexes.insert(pattern, re2::compile(pattern).map_err(ParseError::whole)?);
                }
                self.prepare(left)?;
                self.prepare(right)
            }
            Field::Not(inner) | Field::Negate(inner) => self.prepare(inner),
            _ => Ok(()),
        }
    }

    /// Whether an expression holds.
    pub fn holds(&self, field: &Field, rows: &Rows<'_>, span: usize) -> bool {
        self.value(field, rows, span) == Static::Bool(true)
    }

    /// The value of an expression; of what a span has several of, the first.
    pub fn value(&self, field: &Field, rows: &Rows<'_>, span: usize) -> Static {
        match field {
            Field::Static(value) => value.clone(),
            Field::Attribute(attribute) => attribute_value(attribute, &rows.spans[span]),
            Field::Intrinsic(intrinsic) => intrinsic_value(*intrinsic, rows, span),
            Field::Not(inner) => match self.value(inner, rows, span) {
                Static::Bool(b) => Static::Bool(!b),
                _ => Static::Nil,
            },
            Field::Negate(inner) => match self.value(inner, rows, span) {
                Static::Int(n) => Static::Int(n.wrapping_neg()),
                Static::Float(n) => Static::Float(-n),
                Static::Duration(d) => Static::Duration(d.wrapping_neg()),
                _ => Static::Nil,
            },
            Field::Binary(op, left, right) => self.binary(*op, left, right, rows, span),
        }
    }

    /// All values that an attribute or a property has in a span.
    pub fn all(&self, field: &Field, rows: &Rows<'_>, span: usize) -> Vec<Static> {
        several(field, rows, span).unwrap_or_else(|| vec![self.value(field, rows, span)])
    }

    fn binary(&self, op: Operator, left: &Field, right: &Field, rows: &Rows<'_>, span: usize) -> Static {
        if let Some(all) = several(left, rows, span)
            && !op.is_arithmetic()
        {
            let b = self.value(right, rows, span);
            return Static::Bool(match b {
                Static::Nil => all.is_empty() == (op == Operator::Equal),
                b => all.iter().any(|a| self.compared(op, a, &b)),
            });
        }
        let a = self.value(left, rows, span);
        // The right side of these need not be known when the left side decides.
        match (op, &a) {
            (Operator::And, Static::Bool(false)) => return Static::Bool(false),
            (Operator::Or, Static::Bool(true)) => return Static::Bool(true),
            _ => {}
        }
        let b = self.value(right, rows, span);
        if matches!(right, Field::Static(Static::Nil)) {
            return Static::Bool((a == Static::Nil) == (op == Operator::Equal));
        }
        if op.is_arithmetic() {
            return arithmetic(op, &a, &b);
        }
        // Whole numbers and fractions are stored apart: an attribute is compared only with literals of its own kind.
        if let (Field::Attribute(_), Field::Static(_)) = (left, right)
            && matches!((&a, &b), (Static::Int(_), Static::Float(_)) | (Static::Float(_), Static::Int(_)))
        {
            return Static::Bool(false);
        }
        Static::Bool(match (op, &a, &b) {
            (Operator::And, Static::Bool(a), Static::Bool(b)) => *a && *b,
            (Operator::Or, Static::Bool(a), Static::Bool(b)) => *a || *b,
            _ => self.compared(op, &a, &b),
        })
    }

    fn compared(&self, op: Operator, a: &Static, b: &Static) -> bool {
        let holds = match (op, a, b) {
            (Operator::Regex | Operator::NotRegex, Static::Text(text), Static::Text(pattern)) => {
                self.regexes.get(pattern.as_str()).map(|r| r.is_match(text) == (op == Operator::Regex))
            }
            _ => compare(op, a, b),
        };
        holds.unwrap_or(false)
    }
}

/// The values of what a span may have several of.
fn several(field: &Field, rows: &Rows<'_>, span: usize) -> Option<Vec<Static>> {
    let span = rows.spans[span].span;
    let of = |attributes: &[KeyValue], name: &str| stored(find(attributes, name));
    let all: Vec<Static> = match field {
        Field::Attribute(Attribute { scope: Scope::Event, name }) => span.events.iter().map(|e| of(&e.attributes, name)).collect(),
        Field::Attribute(Attribute { scope: Scope::Link, name }) => span.links.iter().map(|l| of(&l.attributes, name)).collect(),
        Field::Intrinsic(Intrinsic::EventName) => span.events.iter().map(|e| Static::Text(e.name.clone())).collect(),
        Field::Intrinsic(Intrinsic::EventTime) => {
            let since = |e: &crate::wire::otlp::Event| e.time_unix_nano.wrapping_sub(span.start_time_unix_nano) as i64;
            span.events.iter().map(|e| Static::Duration(since(e))).collect()
        }
        Field::Intrinsic(Intrinsic::LinkTrace) => span.links.iter().map(|l| Static::Text(trace_hex(&l.trace_id))).collect(),
        Field::Intrinsic(Intrinsic::LinkSpan) => span.links.iter().map(|l| Static::Text(hex(&l.span_id))).collect(),
        _ => return None,
    };
    Some(all.into_iter().filter(|v| *v != Static::Nil).collect())
}

/// A value as it is stored.
pub fn stored(value: Option<&Value>) -> Static {
    match value {
        Some(Value::String(s)) => Static::Text(s.clone()),
        Some(Value::Bool(b)) => Static::Bool(*b),
        Some(Value::Int(n)) => Static::Int(*n),
        Some(Value::Double(n)) => Static::Float(*n),
        _ => Static::Nil,
    }
}

fn attribute_value(attribute: &Attribute, row: &Row<'_>) -> Static {
    let name = &attribute.name;
    let own = || find(&row.span.attributes, name);
    let resource = || find(row.resource, name);
    let event = || row.span.events.iter().find_map(|e| find(&e.attributes, name));
    let link = || row.span.links.iter().find_map(|l| find(&l.attributes, name));
    stored(match attribute.scope {
        Scope::Span => own(),
        Scope::Resource => resource(),
        Scope::Event => event(),
        Scope::Link => link(),
        // No scope of ours has attributes.
        Scope::Instrumentation => None,
        Scope::Any => own().or_else(resource).or_else(event).or_else(link),
    })
}

fn intrinsic_value(intrinsic: Intrinsic, rows: &Rows<'_>, span: usize) -> Static {
    let row = &rows.spans[span];
    let status = row.span.status.as_ref();
    let text = |t: Option<&str>| t.map_or(Static::Nil, |t| Static::Text(t.to_owned()));
    match intrinsic {
        Intrinsic::Name => Static::Text(row.span.name.clone()),
        Intrinsic::Status => Static::Status(status.map_or(0, |s| s.code)),
        Intrinsic::StatusMessage => Static::Text(status.map(|s| s.message.clone()).unwrap_or_default()),
        Intrinsic::Duration => Static::Duration(row.duration()),
        Intrinsic::Kind => Static::Kind(row.span.kind),
        Intrinsic::RootName => text(rows.root_name()),
        Intrinsic::RootService => text(rows.root_service()),
        Intrinsic::TraceDuration => Static::Duration(rows.duration()),
        Intrinsic::TraceId => Static::Text(rows.id.to_string()),
        Intrinsic::SpanId => Static::Text(hex(&row.span.span_id)),
        Intrinsic::ParentId => Static::Text(hex(&row.span.parent_span_id)),
        Intrinsic::InstrumentationName => text(row.scope.map(|s| s.name.as_str())),
        Intrinsic::InstrumentationVersion => text(row.scope.map(|s| s.version.as_str())),
        Intrinsic::NestedSetParent => Static::Int(rows.nested()[span].parent),
        Intrinsic::NestedSetLeft => Static::Int(rows.nested()[span].left),
        Intrinsic::NestedSetRight => Static::Int(rows.nested()[span].right),
        Intrinsic::ChildCount => Static::Int(rows.nested()[span].children),
        Intrinsic::Parent => Static::Nil,
        Intrinsic::EventName | Intrinsic::EventTime | Intrinsic::LinkTrace | Intrinsic::LinkSpan => {
            several(&Field::Intrinsic(intrinsic), rows, span).and_then(|all| all.into_iter().next()).unwrap_or(Static::Nil)
        }
    }
}

/// A span id as 16 hex digits, empty when there is none.
pub fn hex(id: &[u8]) -> String {
    <[u8; 8]>::try_from(id).map(|bytes| SpanId(u64::from_be_bytes(bytes)).to_string()).unwrap_or_default()
}

fn trace_hex(id: &[u8]) -> String {
    <[u8; 16]>::try_from(id).map(|bytes| TraceId(u128::from_be_bytes(bytes)).to_string()).unwrap_or_default()
}
