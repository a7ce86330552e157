//! TraceQL's grammar.

use winnow::{
    Parser,
    combinator::{preceded, separated},
};

mod metrics;
mod operand;

pub use operand::intrinsic;
use operand::{field, in_parentheses, literal, numeric, reference};

use super::{
    ast::{Aggregate, AggregateOp, Field, Kept, Operator, Query, Relation, Spanset, SpansetOp, Stage, Static},
    validate::validate,
};
use crate::demo::grammar::{
    Dialect, Input, Kind, ParseError, Parsed, identifier, keyword, nested, next_is, one_of, operator, parse as run, peek, refuse_whole,
    scan, symbol,
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
        "instrumentation:name",
        "instrumentation:version",
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
    let mut pipeline = vec![stage(input)?];
    let mut computed = None;
    while next_is(input, "|") {
        operator(input)?;
        symbol("|")(input)?;
        if metrics::begins(input) {
            computed = Some(metrics::metrics(input)?);
            break;
        }
        pipeline.push(stage(input)?);
    }
    let hints = if next_is(input, "with") { hints(input)? } else { Vec::new() };
    Ok(Query { pipeline, metrics: computed, hints })
}

/// `with (most_recent=true)`
fn hints(input: &mut Input<'_>) -> Parsed<Vec<(String, Static)>> {
    let hint = |input: &mut Input<'_>| {
        let name = identifier(input)?;
        symbol("=")(input)?;
        Ok((name, literal(input)?))
    };
    keyword("with")(input)?;
    symbol("(")(input)?;
    let hints = separated(1.., hint, symbol(",")).parse_next(input)?;
    symbol(")")(input)?;
    Ok(hints)
}

/// A pipeline in parentheses.
fn pipeline(input: &mut Input<'_>) -> Parsed<Vec<Stage>> {
    let mut stages = vec![stage(input)?];
    while next_is(input, "|") {
        operator(input)?;
        symbol("|")(input)?;
        stages.push(stage(input)?);
    }
    Ok(stages)
}

fn stage(input: &mut Input<'_>) -> Parsed<Stage> {
    if next_is(input, "coalesce") {
        return (keyword("coalesce"), symbol("("), symbol(")")).map(|_| Stage::Coalesce).parse_next(input);
    }
    if next_is(input, "by") {
        return preceded(keyword("by"), in_parentheses).map(Stage::By).parse_next(input);
    }
    if next_is(input, "select") {
        keyword("select")(input)?;
        symbol("(")(input)?;
        let fields = separated(1.., reference, symbol(",")).map(Stage::Select).parse_next(input)?;
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

const fn structural(relation: Relation, kept: Kept) -> (u8, SpansetOp) {
    (2, SpansetOp::Structural(relation, kept))
}

const SPANSET_OPS: &[(&str, (u8, SpansetOp))] = &[
    ("&&", (1, SpansetOp::And)),
    ("||", (1, SpansetOp::Or)),
    (">", structural(Relation::Child, Kept::Right)),
    (">>", structural(Relation::Descendant, Kept::Right)),
    ("<", structural(Relation::Parent, Kept::Right)),
    ("<<", structural(Relation::Ancestor, Kept::Right)),
    ("~", structural(Relation::Sibling, Kept::Right)),
    ("!>", structural(Relation::Child, Kept::Without)),
    ("!>>", structural(Relation::Descendant, Kept::Without)),
    ("!<", structural(Relation::Parent, Kept::Without)),
    ("!<<", structural(Relation::Ancestor, Kept::Without)),
    ("!~", structural(Relation::Sibling, Kept::Without)),
    ("&>", structural(Relation::Child, Kept::Both)),
    ("&>>", structural(Relation::Descendant, Kept::Both)),
    ("&<", structural(Relation::Parent, Kept::Both)),
    ("&<<", structural(Relation::Ancestor, Kept::Both)),
    ("&~", structural(Relation::Sibling, Kept::Both)),
];

fn spanset(input: &mut Input<'_>, weakest: u8) -> Parsed<Spanset> {
    let mut left = spanset_primary(input)?;
    loop {
        let found = peek(input).and_then(|t| match t.kind {
            Kind::Symbol(s) => SPANSET_OPS.iter().find(|(o, _)| *o == s),
            _ => None,
        });
        let Some((strength, op)) = found.map(|(_, o)| *o).filter(|(strength, _)| *strength >= weakest) else { return Ok(left) };
        operator(input)?;
        one_of("spanset operator", SPANSET_OPS)(input)?;
        let right = nested(input, |i| spanset(i, strength + 1))?;
        left = Spanset::Operation { op, left: Box::new(left), right: Box::new(right) };
    }
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
    if !next_is(input, "{") {
        // Neither is there: both are named.
        symbol("{")(input).or_else(|_| symbol("(")(input))?;
    }
    filter(input).map(Spanset::Filter)
}

/// `{ … }`
fn filter(input: &mut Input<'_>) -> Parsed<Field> {
    symbol("{")(input)?;
    if next_is(input, "}") {
        symbol("}")(input)?;
        return Ok(Field::Static(Static::Bool(true)));
    }
    let filter = field(input)?;
    symbol("}")(input)?;
    Ok(filter)
}

const COMPARISONS: &[(&str, Operator)] = &[
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterEqual),
];

/// `count() > 2`. Tempo reads arithmetic around it as well, and then refuses it.
fn scalar_filter(input: &mut Input<'_>) -> Parsed<Stage> {
    let left = scalar(input)?;
    let op = one_of("comparison", COMPARISONS)(input)?;
    match (left, scalar(input)?) {
        (Scalar::Aggregate(aggregate), Scalar::Number(value)) => Ok(Stage::Filter { aggregate, op, value }),
        (Scalar::Aggregate(_), _) => refuse_whole(input, "scalar filter rhs of type (%v) not yet supported"),
        _ => refuse_whole(input, "scalar filter lhs of type (%v) not yet supported"),
    }
}

/// A side of a comparison of sets.
enum Scalar {
    Aggregate(Aggregate),
    Number(Static),
    Arithmetic,
}

const ARITHMETIC: &[(&str, ())] = &[("+", ()), ("-", ()), ("*", ()), ("/", ()), ("%", ()), ("^", ())];

fn scalar(input: &mut Input<'_>) -> Parsed<Scalar> {
    let mut left = scalar_primary(input)?;
    while ARITHMETIC.iter().any(|(o, ())| next_is(input, o)) {
        operator(input)?;
        one_of("operator", ARITHMETIC)(input)?;
        scalar_primary(input)?;
        left = Scalar::Arithmetic;
    }
    Ok(left)
}

fn scalar_primary(input: &mut Input<'_>) -> Parsed<Scalar> {
    if next_is(input, "(") {
        symbol("(")(input)?;
        let inner = nested(input, scalar)?;
        symbol(")")(input)?;
        return Ok(inner);
    }
    if next_is(input, "-") {
        symbol("-")(input)?;
        return numeric.map(|value| Scalar::Number(negative(value))).parse_next(input);
    }
    if peek(input).is_some_and(|t| matches!(t.kind, Kind::Integer(_) | Kind::Float(_) | Kind::Duration(_))) {
        return numeric.map(Scalar::Number).parse_next(input);
    }
    aggregate.map(Scalar::Aggregate).parse_next(input)
}

fn negative(value: Static) -> Static {
    match value {
        Static::Int(n) => Static::Int(-n),
        Static::Float(n) => Static::Float(-n),
        Static::Duration(d) => Static::Duration(-d),
        value => value,
    }
}

fn aggregate(input: &mut Input<'_>) -> Parsed<Aggregate> {
    // Each by itself: the error of what is none of them does not name so many.
    for (name, op) in [("min", AggregateOp::Min), ("max", AggregateOp::Max), ("avg", AggregateOp::Avg), ("sum", AggregateOp::Sum)] {
        if keyword(name)(input).is_ok() {
            return in_parentheses(input).map(|of| Aggregate::Of(op, of));
        }
    }
    (keyword("count"), symbol("("), symbol(")")).map(|_| Aggregate::Count).parse_next(input)
}
