//! TraceQL's grammar.

use winnow::{
    Parser,
    combinator::{alt, preceded, separated},
};

use super::{
    ast::{
        Aggregate, AggregateOp, Attribute, Field, Intrinsic, KINDS, Operator, Query, STATUSES, Scope, Spanset, SpansetOp, Stage, Static,
    },
    validate::validate,
};
use crate::demo::grammar::{
    Dialect, Input, Kind, ParseError, Parsed, keyword, nested, next_is, one_of, operator, parse as run, peek, refuse, scan, symbol, token,
    unsupported,
};

/// Longer queries are refused.
const MAX_QUERY: usize = 131_072;

const DIALECT: Dialect = Dialect {
    symbols: &[
        "!>>", "!<<", "&>>", "&<<", "!>", "!<", "&>", "&<", "&~", "&&", "||", ">>", "<<", ">=", "<=", "!=", "=~", "!~", "{", "}", "(", ")",
        ",", ".", "=", ">", "<", "+", "-", "/", "%", "*", "^", "!", "|", "~",
    ],
    keywords: &[
        "true",
        "false",
        "nil",
        "ok",
        "error",
        "unset",
        "unspecified",
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
        "duration",
        "childCount",
        "name",
        "status",
        "statusMessage",
        "kind",
        "parent",
        "rootName",
        "rootServiceName",
        "traceDuration",
        "nestedSetLeft",
        "nestedSetRight",
        "nestedSetParent",
        "count",
        "avg",
        "max",
        "min",
        "sum",
        "by",
        "coalesce",
        "select",
        "with",
        "rate",
        "count_over_time",
        "min_over_time",
        "max_over_time",
        "avg_over_time",
        "sum_over_time",
        "quantile_over_time",
        "histogram_over_time",
        "compare",
        "topk",
        "bottomk",
    ],
    functions: &[],
    scopes: &["resource.", "span.", "event.", "link.", "instrumentation.", "."],
    scoped_words: &[
        "trace:id",
        "trace:duration",
        "trace:rootName",
        "trace:rootService",
        "span:id",
        "span:parentID",
        "span:duration",
        "span:name",
        "span:kind",
        "span:statusMessage",
        "span:status",
        "event:name",
        "event:timeSinceStart",
        "link:traceID",
        "link:spanID",
    ],
    loki: false,
};

/// Parses and validates a query.
///
/// # Errors
/// A mistake in it, or something that the demo does not support.
pub fn parse(query: &str) -> Result<Query, ParseError> {
    if query.len() >= MAX_QUERY {
        return Err(ParseError::whole(format!("input size too long ({} > {MAX_QUERY})", query.len())));
    }
    let tokens = scan(query, &DIALECT)?;
    let query = run(&tokens, query_of)?;
    validate(&query)?;
    Ok(query)
}

fn query_of(input: &mut Input<'_>) -> Parsed<Query> {
    let pipeline = pipeline(input)?;
    if next_is(input, "with") {
        hints(input)?;
    }
    Ok(Query { pipeline })
}

/// `with (most_recent=true)`: the demo always answers the newest first.
fn hints(input: &mut Input<'_>) -> Parsed<()> {
    keyword("with")(input)?;
    symbol("(")(input)?;
    let name = |t: &crate::demo::grammar::Token| (t.kind == Kind::Word && t.text == "most_recent").then_some(());
    if token("most_recent", name)(input).is_err() {
        return unsupported(input, "hints other than most_recent");
    }
    symbol("=")(input)?;
    alt((keyword("true"), keyword("false"))).parse_next(input)?;
    symbol(")")(input)
}

fn pipeline(input: &mut Input<'_>) -> Parsed<Vec<Stage>> {
    let mut stages = vec![stage(input)?];
    while next_is(input, "|") {
        operator(input)?;
        symbol("|")(input)?;
        stages.push(stage(input)?);
    }
    Ok(stages)
}

const METRICS: &[&str] = &[
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
];

fn stage(input: &mut Input<'_>) -> Parsed<Stage> {
    if METRICS.iter().any(|m| next_is(input, m)) {
        return unsupported(input, "TraceQL metrics");
    }
    if next_is(input, "coalesce") {
        return (keyword("coalesce"), symbol("("), symbol(")")).map(|_| Stage::Coalesce).parse_next(input);
    }
    if next_is(input, "by") {
        return preceded(keyword("by"), in_parentheses).map(Stage::By).parse_next(input);
    }
    if next_is(input, "select") {
        keyword("select")(input)?;
        symbol("(")(input)?;
        let fields = separated(1.., field, symbol(",")).map(Stage::Select).parse_next(input)?;
        symbol(")")(input)?;
        return Ok(fields);
    }
    if next_is(input, "{") || (next_is(input, "(") && opens_spanset(input)) {
        return spanset(input, 1).map(Stage::Spans);
    }
    scalar_filter(input)
}

/// Whether what the parentheses hold is about spans, not about numbers.
fn opens_spanset(input: &Input<'_>) -> bool {
    let first = input.input.iter().find(|t| t.kind != Kind::Symbol("("));
    first.is_some_and(|t| matches!(t.kind, Kind::Symbol("{") | Kind::Keyword("by" | "select" | "coalesce")))
}

const SPANSET_OPS: &[(&str, (u8, SpansetOp))] = &[
    ("&&", (1, SpansetOp::And)),
    ("||", (1, SpansetOp::Or)),
    (">", (2, SpansetOp::Child)),
    (">>", (2, SpansetOp::Descendant)),
    ("<", (2, SpansetOp::Parent)),
    ("<<", (2, SpansetOp::Ancestor)),
    ("~", (2, SpansetOp::Sibling)),
];

fn spanset(input: &mut Input<'_>, weakest: u8) -> Parsed<Spanset> {
    let mut left = spanset_primary(input)?;
    loop {
        let found = peek(input).and_then(|t| match t.kind {
            Kind::Symbol(s) => SPANSET_OPS.iter().find(|(o, _)| *o == s),
            _ => None,
        });
        let Some((strength, op)) = found.map(|(_, o)| *o).filter(|(strength, _)| *strength >= weakest) else { break };
        operator(input)?;
        one_of("spanset operator", SPANSET_OPS)(input)?;
        let right = nested(input, |i| spanset(i, strength + 1))?;
        left = Spanset::Operation { op, left: Box::new(left), right: Box::new(right) };
    }
    for negated in ["!>>", "!<<", "!>", "!<", "!~", "&>>", "&<<", "&>", "&<", "&~"] {
        if next_is(input, negated) {
            return unsupported(input, &format!("the spanset operator {negated}"));
        }
    }
    Ok(left)
}

fn spanset_primary(input: &mut Input<'_>) -> Parsed<Spanset> {
    if next_is(input, "(") {
        symbol("(")(input)?;
        let mut stages = nested(input, pipeline)?;
        symbol(")")(input)?;
        // A lone set in parentheses is itself.
        return Ok(match stages.pop() {
            Some(Stage::Spans(only)) if stages.is_empty() => only,
            last => Spanset::Pipeline(stages.into_iter().chain(last).collect()),
        });
    }
    symbol("{")(input)?;
    if next_is(input, "}") {
        symbol("}")(input)?;
        return Ok(Spanset::Filter(Field::Static(Static::Bool(true))));
    }
    let filter = field(input)?;
    symbol("}")(input)?;
    Ok(Spanset::Filter(filter))
}

const COMPARISONS: &[(&str, Operator)] = &[
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterEqual),
];

fn scalar_filter(input: &mut Input<'_>) -> Parsed<Stage> {
    let aggregate = aggregate(input)?;
    let op = one_of("comparison", COMPARISONS)(input)?;
    let negative = next_is(input, "-");
    if negative {
        symbol("-")(input)?;
    }
    let value = match literal(input)? {
        Static::Int(n) if negative => Static::Int(-n),
        Static::Float(n) if negative => Static::Float(-n),
        Static::Duration(d) if negative => Static::Duration(-d),
        value => value,
    };
    Ok(Stage::Filter { aggregate, op, value })
}

const AGGREGATES: &[(&str, AggregateOp)] =
    &[("min", AggregateOp::Min), ("max", AggregateOp::Max), ("avg", AggregateOp::Avg), ("sum", AggregateOp::Sum)];

fn aggregate(input: &mut Input<'_>) -> Parsed<Aggregate> {
    let number =
        peek(input).is_some_and(|t| matches!(t.kind, Kind::Integer(_) | Kind::Float(_) | Kind::Duration(_) | Kind::Symbol("(" | "-")));
    if number {
        return unsupported(input, "arithmetic around aggregates");
    }
    if next_is(input, "count") {
        return (keyword("count"), symbol("("), symbol(")")).map(|_| Aggregate::Count).parse_next(input);
    }
    let op = one_of("aggregate", AGGREGATES)(input)?;
    Ok(Aggregate::Of(op, in_parentheses(input)?))
}

fn in_parentheses(input: &mut Input<'_>) -> Parsed<Field> {
    symbol("(")(input)?;
    let inner = nested(input, field)?;
    symbol(")")(input)?;
    Ok(inner)
}

/// An expression over a span.
fn field(input: &mut Input<'_>) -> Parsed<Field> {
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
    for name in [
        "childCount",
        "parent",
        "nestedSetLeft",
        "nestedSetRight",
        "nestedSetParent",
        "event:name",
        "event:timeSinceStart",
        "link:traceID",
        "link:spanID",
    ] {
        if next_is(input, name) {
            return unsupported(input, name);
        }
    }
    if let Some(Kind::Attribute { parent: true, .. }) = peek(input).map(|t| &t.kind) {
        return unsupported(input, "attributes of the parent");
    }
    if let Some(Kind::Attribute { scope: "event" | "link" | "instrumentation", .. }) = peek(input).map(|t| &t.kind) {
        return unsupported(input, "attributes of events, links and instrumentation");
    }
    alt((attribute, one_of("intrinsic", INTRINSICS).map(Field::Intrinsic), literal.map(Field::Static))).parse_next(input)
}

fn attribute(input: &mut Input<'_>) -> Parsed<Field> {
    token("attribute", |t| match &t.kind {
        Kind::Attribute { parent: false, scope, name } => {
            let scope = match *scope {
                "span" => Scope::Span,
                "resource" => Scope::Resource,
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
];

/// A value.
fn literal(input: &mut Input<'_>) -> Parsed<Static> {
    let number = |of: &[&str], name: &str| of.iter().position(|n| *n == name).and_then(|i| i32::try_from(i).ok());
    let found = token("value", |t| {
        Some(match &t.kind {
            Kind::Text(s) => Static::Text(s.clone()),
            Kind::Integer(n) => Static::Int(*n),
            Kind::Float(n) => Static::Float(*n),
            Kind::Duration(d) => Static::Duration(*d),
            Kind::Keyword("true") => Static::Bool(true),
            Kind::Keyword("false") => Static::Bool(false),
            Kind::Keyword("nil") => Static::Nil,
            Kind::Keyword(k) => return number(&STATUSES, k).map(Static::Status).or_else(|| number(&KINDS, k).map(Static::Kind)),
            _ => return None,
        })
    })(input)?;
    if found == Static::Nil && !next_is(input, "}") && !next_is(input, ")") && !next_is(input, "&&") && !next_is(input, "||") {
        return refuse(input, "the demo supports nil only on the right side of = and !=");
    }
    Ok(found)
}
