//! LogQL's grammar: range aggregations, aggregations and operators.

use winnow::{
    Parser,
    combinator::{alt, opt, preceded, separated},
    error::EmptyError,
};

use super::{
    ast::{AggregateOp, BinaryOp, CompareOp, Conversion, Expr, Grouping, LogExpr, MetricExpr, RangeExpr, RangeOp, Stage, Unwrap},
    parse::{log_expr, selector, signed_number, stages},
};
use crate::demo::grammar::{
    Input, Kind, Parsed, identifier, keyword, nested, next_is, number, one_of, operator, peek, peek_second, refuse, refuse_whole, symbol,
    token, unsupported,
};

/// A whole query.
pub(super) fn expr(input: &mut Input<'_>) -> Parsed<Expr> {
    binary(input, 0)
}

fn metric(input: &mut Input<'_>) -> Parsed<MetricExpr> {
    match nested(input, |i| binary(i, 0))? {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(_) => token("RANGE", |_| None)(input),
    }
}

/// Operators by how strongly they bind; `^` binds to the right.
const OPERATORS: &[(&str, (u8, BinaryOp))] = &[
    ("or", (1, BinaryOp::Or)),
    ("and", (2, BinaryOp::And)),
    ("unless", (2, BinaryOp::Unless)),
    ("==", (3, BinaryOp::Compare(CompareOp::Equal))),
    ("!=", (3, BinaryOp::Compare(CompareOp::NotEqual))),
    (">", (3, BinaryOp::Compare(CompareOp::Greater))),
    (">=", (3, BinaryOp::Compare(CompareOp::GreaterEqual))),
    ("<", (3, BinaryOp::Compare(CompareOp::Less))),
    ("<=", (3, BinaryOp::Compare(CompareOp::LessEqual))),
    ("+", (4, BinaryOp::Add)),
    ("-", (4, BinaryOp::Sub)),
    ("*", (5, BinaryOp::Mul)),
    ("/", (5, BinaryOp::Div)),
    ("%", (5, BinaryOp::Mod)),
    ("^", (6, BinaryOp::Pow)),
];

fn binary(input: &mut Input<'_>, weakest: u8) -> Parsed<Expr> {
    let mut left = primary(input)?;
    loop {
        let next = peek(input).and_then(|t| match t.kind {
            Kind::Symbol(s) | Kind::Keyword(s) => OPERATORS.iter().find(|(o, _)| *o == s),
            _ => None,
        });
        let Some((name, (strength, op))) = next.filter(|(_, (strength, _))| *strength >= weakest) else { return Ok(left) };
        let (name, strength, op) = (*name, *strength, *op);
        operator(input)?;
        one_of("operator", OPERATORS)(input)?;
        let (return_bool, matching) = modifier(input)?;
        let tighter = if op == BinaryOp::Pow { strength } else { strength + 1 };
        let right = nested(input, |i| binary(i, tighter))?;
        let (Expr::Metric(l), Expr::Metric(r)) = (left, right) else {
            return refuse_whole(input, format!("unexpected type for left leg of binary operation ({}): *syntax.MatchersExpr", name));
        };
        left = Expr::Metric(MetricExpr::Binary { op, return_bool, matching, left: Box::new(l), right: Box::new(r) });
    }
}

fn modifier(input: &mut Input<'_>) -> Parsed<(bool, Grouping)> {
    let return_bool = opt(keyword("bool")).parse_next(input)?.is_some();
    let on = opt(preceded(keyword("on"), label_list)).parse_next(input)?;
    let ignoring = opt(preceded(keyword("ignoring"), label_list)).parse_next(input)?;
    if next_is(input, "group_left") || next_is(input, "group_right") {
        return unsupported(input, "group_left and group_right");
    }
    let matching = match on {
        Some(labels) => Grouping { without: false, labels },
        None => Grouping { without: true, labels: ignoring.unwrap_or_default() },
    };
    Ok((return_bool, matching))
}

fn label_list(input: &mut Input<'_>) -> Parsed<Vec<String>> {
    symbol("(")(input)?;
    let labels = separated(0.., identifier, symbol(",")).parse_next(input)?;
    symbol(")")(input)?;
    Ok(labels)
}

fn grouping(input: &mut Input<'_>) -> Parsed<Option<Grouping>> {
    let by = preceded(keyword("by"), label_list).map(|labels| Grouping { without: false, labels });
    let without = preceded(keyword("without"), label_list).map(|labels| Grouping { without: true, labels });
    if next_is(input, "by") || next_is(input, "without") { alt((by, without)).map(Some).parse_next(input) } else { Ok(None) }
}

fn primary(input: &mut Input<'_>) -> Parsed<Expr> {
    if next_is(input, "(") {
        symbol("(")(input)?;
        let inner = nested(input, |i| binary(i, 0))?;
        symbol(")")(input)?;
        return Ok(inner);
    }
    for name in UNSUPPORTED {
        if next_is(input, name) {
            return unsupported(input, name);
        }
    }
    alt((
        log_expr.map(Expr::Log),
        range_aggregation.map(|r| Expr::Metric(MetricExpr::Range(r))),
        aggregation.map(Expr::Metric),
        vector.map(Expr::Metric),
        signed_number.map(|n| Expr::Metric(MetricExpr::Number(n))),
    ))
    .parse_next(input)
}

const UNSUPPORTED: &[&str] = &[
    "rate_counter",
    "stdvar_over_time",
    "stddev_over_time",
    "first_over_time",
    "last_over_time",
    "absent_over_time",
    "stddev",
    "stdvar",
    "sort",
    "sort_desc",
    "label_replace",
    "approx_topk",
    "variants",
];

fn vector(input: &mut Input<'_>) -> Parsed<MetricExpr> {
    keyword("vector")(input)?;
    symbol("(")(input)?;
    let value = number(input)?;
    symbol(")")(input)?;
    Ok(MetricExpr::Vector(value))
}

const AGGREGATE_OPS: &[(&str, AggregateOp)] = &[
    ("sum", AggregateOp::Sum),
    ("avg", AggregateOp::Avg),
    ("min", AggregateOp::Min),
    ("max", AggregateOp::Max),
    ("count", AggregateOp::Count),
    ("topk", AggregateOp::TopK),
    ("bottomk", AggregateOp::BottomK),
];

fn aggregation(input: &mut Input<'_>) -> Parsed<MetricExpr> {
    let op = one_of("aggregation", AGGREGATE_OPS)(input)?;
    let before = grouping(input)?;
    symbol("(")(input)?;
    let parameter = parameter(input)?;
    let inner = Box::new(metric(input)?);
    symbol(")")(input)?;
    let after = if before.is_none() { grouping(input)? } else { None };
    let grouping = before.or(after).unwrap_or(Grouping { without: false, labels: Vec::new() });
    Ok(MetricExpr::Aggregate { op, parameter, grouping, inner })
}

/// `0.9,` before the argument: a number followed by a comma.
fn parameter(input: &mut Input<'_>) -> Parsed<Option<f64>> {
    if !peek_second(input).is_some_and(|t| t.kind == Kind::Symbol(",")) {
        return Ok(None);
    }
    let value = number(input)?;
    symbol(",")(input)?;
    Ok(Some(value))
}

const RANGE_OPS: &[(&str, RangeOp)] = &[
    ("count_over_time", RangeOp::Count),
    ("rate", RangeOp::Rate),
    ("bytes_over_time", RangeOp::Bytes),
    ("bytes_rate", RangeOp::BytesRate),
    ("sum_over_time", RangeOp::Sum),
    ("avg_over_time", RangeOp::Avg),
    ("min_over_time", RangeOp::Min),
    ("max_over_time", RangeOp::Max),
    ("quantile_over_time", RangeOp::Quantile),
];

fn range_aggregation(input: &mut Input<'_>) -> Parsed<RangeExpr> {
    let op = one_of("range aggregation", RANGE_OPS)(input)?;
    symbol("(")(input)?;
    let parameter = parameter(input)?;
    let window = log_range(input)?;
    symbol(")")(input)?;
    let grouping = grouping(input)?;
    let Window { log, unwrap, range, offset } = window;
    let Some(range) = range else { return Err(EmptyError) };
    Ok(RangeExpr { op, parameter, log, unwrap, range, offset: offset.unwrap_or(0), grouping })
}

#[derive(Default)]
struct Window {
    log: LogExpr,
    unwrap: Option<Unwrap>,
    range: Option<i64>,
    offset: Option<i64>,
}

/// The range may stand right after the selector, after the pipeline, or after parentheses around either.
fn log_range(input: &mut Input<'_>) -> Parsed<Window> {
    let window = window(input)?;
    if window.range.is_none() {
        return token("RANGE", |_| None)(input);
    }
    Ok(window)
}

fn window(input: &mut Input<'_>) -> Parsed<Window> {
    let mut window = if next_is(input, "(") {
        symbol("(")(input)?;
        let inner = nested(input, window)?;
        symbol(")")(input)?;
        inner
    } else {
        Window { log: LogExpr { matchers: selector(input)?, stages: Vec::new() }, ..Window::default() }
    };
    for _ in 0..2 {
        if window.range.is_none() {
            (window.range, window.offset) = range_and_offset(input)?;
        }
        window.log.stages.extend(stages(input)?);
        if next_is(input, "|") {
            window.unwrap = Some(unwrap(input)?);
        }
    }
    Ok(window)
}

/// Windows and offsets that are longer (63 years) would leave the range of timestamps.
const MAX_WINDOW: i64 = 2_000_000_000_000_000_000;

fn range_and_offset(input: &mut Input<'_>) -> Parsed<(Option<i64>, Option<i64>)> {
    let range = opt(token("RANGE", |t| if let Kind::Range(r) = t.kind { Some(r) } else { None })).parse_next(input)?;
    if range.is_some_and(|r| r > MAX_WINDOW) {
        return unsupported(input, "ranges of more than 63 years");
    }
    if range.is_none() || !next_is(input, "offset") {
        return Ok((range, None));
    }
    keyword("offset")(input)?;
    let negative = opt(symbol("-")).parse_next(input)?.is_some();
    let offset = token("DURATION", |t| if let Kind::Duration(d) = t.kind { Some(d) } else { None })(input)?;
    if offset.abs() > MAX_WINDOW {
        return unsupported(input, "offsets of more than 63 years");
    }
    Ok((range, Some(if negative { -offset } else { offset })))
}

const CONVERSIONS: &[(&str, Conversion)] =
    &[("bytes", Conversion::Bytes), ("duration", Conversion::Duration), ("duration_seconds", Conversion::Duration)];

fn unwrap(input: &mut Input<'_>) -> Parsed<Unwrap> {
    symbol("|")(input)?;
    keyword("unwrap")(input)?;
    let converted = (one_of("conversion", CONVERSIONS), symbol("("), identifier, symbol(")")).map(|(c, (), label, ())| (c, label));
    let (conversion, label) = alt((converted, identifier.map(|l| (Conversion::Number, l)))).parse_next(input)?;
    let mut filters = Vec::new();
    for stage in stages(input)? {
        match stage {
            Stage::Label(filter) => filters.push(filter),
            _ => return refuse(input, "syntax error: only label filters can follow unwrap"),
        }
    }
    Ok(Unwrap { label, conversion, filters })
}
