//! Expressions over one span.

use winnow::{Parser, combinator::alt};

use super::super::ast::{Attribute, Field, Intrinsic, KINDS, Operator, STATUSES, Scope, Static};
use crate::demo::grammar::{Input, Kind, Parsed, nested, next_is, one_of, operator, peek, refuse_whole, symbol, token};

/// An expression in parentheses.
pub fn in_parentheses(input: &mut Input<'_>) -> Parsed<Field> {
    symbol("(")(input)?;
    let inner = nested(input, field)?;
    symbol(")")(input)?;
    Ok(inner)
}

/// An expression over a span.
pub fn field(input: &mut Input<'_>) -> Parsed<Field> {
    binary(input, 1)
}

/// Operators by how strongly they bind: `&&` and `||` alike, as in Tempo.
const OPERATORS: &[(&str, (u8, Operator))] = &[
    ("&&", (1, Operator::And)),
    ("||", (1, Operator::Or)),
    ("=", (2, Operator::Equal)),
    ("!=", (2, Operator::NotEqual)),
    ("=~", (2, Operator::Regex)),
    ("!~", (2, Operator::NotRegex)),
    (">", (2, Operator::Greater)),
    (">=", (2, Operator::GreaterEqual)),
    ("<", (2, Operator::Less)),
    ("<=", (2, Operator::LessEqual)),
    ("+", (3, Operator::Add)),
    ("-", (3, Operator::Sub)),
    ("*", (5, Operator::Mul)),
    ("/", (5, Operator::Div)),
    ("%", (5, Operator::Mod)),
    ("^", (6, Operator::Pow)),
];
/// `!` and unary `-` bind stronger than `+`, weaker than `*`.
const UNARY: u8 = 4;

fn binary(input: &mut Input<'_>, weakest: u8) -> Parsed<Field> {
    let mut left = primary(input)?;
    loop {
        let found = peek(input).and_then(|t| match t.kind {
            Kind::Symbol(s) => OPERATORS.iter().find(|(o, _)| *o == s),
            _ => None,
        });
        let Some((strength, op)) = found.map(|(_, o)| *o).filter(|(strength, _)| *strength >= weakest) else { return Ok(left) };
        operator(input)?;
        one_of("operator", OPERATORS)(input)?;
        if matches!(op, Operator::Equal | Operator::NotEqual) && next_is(input, "nil") {
            symbol_nil(input)?;
            left = Field::Binary(op, Box::new(left), Box::new(Field::Static(Static::Nil)));
            continue;
        }
        let tighter = if op == Operator::Pow { strength } else { strength + 1 };
        let right = nested(input, |i| binary(i, tighter))?;
        left = Field::Binary(op, Box::new(left), Box::new(right));
    }
}

fn primary(input: &mut Input<'_>) -> Parsed<Field> {
    if next_is(input, "(") {
        return in_parentheses(input);
    }
    if next_is(input, "!") {
        symbol("!")(input)?;
        return nested(input, |i| binary(i, UNARY)).map(|f| Field::Not(Box::new(f)));
    }
    if next_is(input, "-") {
        symbol("-")(input)?;
        let inner = nested(input, |i| binary(i, UNARY))?;
        return Ok(Field::Negate(Box::new(inner)));
    }
    if next_is(input, "nil") {
        return nil_first(input);
    }
    alt((reference, literal.map(Field::Static))).parse_next(input)
}

/// `nil != .a`, which says the same as `.a != nil`; of nil itself neither holds.
fn nil_first(input: &mut Input<'_>) -> Parsed<Field> {
    symbol_nil(input)?;
    let op = one_of("operator", &[("=", Operator::Equal), ("!=", Operator::NotEqual)])(input)?;
    if next_is(input, "nil") {
        symbol_nil(input)?;
        return Ok(Field::Static(Static::Bool(false)));
    }
    let right = nested(input, |i| binary(i, 3))?;
    Ok(Field::Binary(op, Box::new(right), Box::new(Field::Static(Static::Nil))))
}

fn symbol_nil(input: &mut Input<'_>) -> Parsed<()> {
    token("nil", |t| (t.kind == Kind::Keyword("nil")).then_some(()))(input)
}

/// An attribute or a property that every span has.
pub fn reference(input: &mut Input<'_>) -> Parsed<Field> {
    if let Some(Kind::Attribute { parent: true, .. }) = peek(input).map(|t| &t.kind) {
        return refuse_whole(input, "parent not yet supported");
    }
    alt((attribute, one_of("intrinsic", INTRINSICS).map(Field::Intrinsic))).parse_next(input)
}

fn attribute(input: &mut Input<'_>) -> Parsed<Field> {
    token("attribute", |t| match &t.kind {
        Kind::Attribute { parent: false, scope, name } => {
            let scope = match *scope {
                "span" => Scope::Span,
                "resource" => Scope::Resource,
                "event" => Scope::Event,
                "link" => Scope::Link,
                "instrumentation" => Scope::Instrumentation,
                _ => Scope::Any,
            };
            Some(Field::Attribute(Attribute { scope, name: name.clone() }))
        }
        _ => None,
    })(input)
}

const INTRINSICS: &[(&str, Intrinsic)] = &[
    ("name", Intrinsic::Name),
    ("span:name", Intrinsic::Name),
    ("status", Intrinsic::Status),
    ("span:status", Intrinsic::Status),
    ("statusMessage", Intrinsic::StatusMessage),
    ("span:statusMessage", Intrinsic::StatusMessage),
    ("duration", Intrinsic::Duration),
    ("span:duration", Intrinsic::Duration),
    ("kind", Intrinsic::Kind),
    ("span:kind", Intrinsic::Kind),
    ("rootName", Intrinsic::RootName),
    ("trace:rootName", Intrinsic::RootName),
    ("rootServiceName", Intrinsic::RootService),
    ("trace:rootService", Intrinsic::RootService),
    ("traceDuration", Intrinsic::TraceDuration),
    ("trace:duration", Intrinsic::TraceDuration),
    ("trace:id", Intrinsic::TraceId),
    ("span:id", Intrinsic::SpanId),
    ("span:parentID", Intrinsic::ParentId),
    ("event:name", Intrinsic::EventName),
    ("event:timeSinceStart", Intrinsic::EventTime),
    ("link:traceID", Intrinsic::LinkTrace),
    ("link:spanID", Intrinsic::LinkSpan),
    ("instrumentation:name", Intrinsic::InstrumentationName),
    ("instrumentation:version", Intrinsic::InstrumentationVersion),
    ("nestedSetParent", Intrinsic::NestedSetParent),
    ("nestedSetLeft", Intrinsic::NestedSetLeft),
    ("nestedSetRight", Intrinsic::NestedSetRight),
    ("childCount", Intrinsic::ChildCount),
    ("parent", Intrinsic::Parent),
];

/// A value.
pub fn literal(input: &mut Input<'_>) -> Parsed<Static> {
    let named = |of: &[&str], name: &str| of.iter().position(|n| *n == name).and_then(|i| i32::try_from(i).ok());
    token("value", |t| {
        Some(match &t.kind {
            Kind::Text(s) => Static::Text(s.clone()),
            Kind::Keyword("true") => Static::Bool(true),
            Kind::Keyword("false") => Static::Bool(false),
            Kind::Keyword(k) => return named(&STATUSES, k).map(Static::Status).or_else(|| named(&KINDS, k).map(Static::Kind)),
            _ => return numeric_of(&t.kind),
        })
    })(input)
}

fn numeric_of(kind: &Kind) -> Option<Static> {
    match kind {
        Kind::Integer(n) => Some(Static::Int(*n)),
        Kind::Float(n) => Some(Static::Float(*n)),
        Kind::Duration(d) => Some(Static::Duration(*d)),
        _ => None,
    }
}

/// A number or a duration.
pub fn numeric(input: &mut Input<'_>) -> Parsed<Static> {
    token("value", |t| numeric_of(&t.kind))(input)
}

/// The property of a name, if it is one.
pub fn intrinsic(name: &str) -> Option<Field> {
    INTRINSICS.iter().find(|(n, _)| *n == name).map(|(_, i)| Field::Intrinsic(*i))
}
