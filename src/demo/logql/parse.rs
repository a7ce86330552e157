//! LogQL's grammar: queries, selectors and pipelines. `metrics` has the part that makes numbers of lines.

use winnow::{
    Parser,
    combinator::{alt, delimited, opt, preceded, repeat, separated},
};

use super::{
    ast::{CompareOp, Expr, Formatted, LabelFilter, LineOp, LogExpr, NameMatcher, Quantity, Stage},
    parse_metrics,
};
use crate::{
    demo::grammar::{
        Dialect, Input, Kind, ParseError, Parsed, identifier, keyword, nested, next_is, number, one_of, operator, parse as run, peek,
        peek_second, scan, symbol, text, token, unsupported,
    },
    model::labels::{MatchOp, Matcher},
};

/// Loki's own limit.
const MAX_QUERY: usize = 131_072;

const DIALECT: Dialect = Dialect {
    symbols: &[
        "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "]", ",", ".", "=", "|", ">", "<", "+", "-",
        "*", "/", "%", "^",
    ],
    keywords: &[
        "unwrap",
        "by",
        "without",
        "bool",
        "offset",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "or",
        "and",
        "unless",
        "json",
        "regexp",
        "logfmt",
        "unpack",
        "pattern",
        "label_format",
        "line_format",
        "decolorize",
        "drop",
        "keep",
        "variants",
        "of",
    ],
    functions: &[
        "rate",
        "rate_counter",
        "count_over_time",
        "bytes_rate",
        "bytes_over_time",
        "avg_over_time",
        "sum_over_time",
        "min_over_time",
        "max_over_time",
        "stdvar_over_time",
        "stddev_over_time",
        "quantile_over_time",
        "first_over_time",
        "last_over_time",
        "absent_over_time",
        "vector",
        "sum",
        "avg",
        "max",
        "min",
        "count",
        "stddev",
        "stdvar",
        "bottomk",
        "topk",
        "sort",
        "sort_desc",
        "label_replace",
        "approx_topk",
        "bytes",
        "duration",
        "duration_seconds",
        "ip",
    ],
    scopes: &[],
    scoped_words: &[],
    loki: true,
};

/// Parses and validates a query.
///
/// # Errors
/// A mistake in it, or something that the demo does not support, as Loki words it.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    if query.len() >= MAX_QUERY {
        return Err(ParseError::whole(format!("input size too long ({} > {MAX_QUERY})", query.len())));
    }
    let tokens = scan(query, &DIALECT)?;
    let expr = run(&tokens, parse_metrics::expr)?;
    super::validate::validate(&expr)?;
    Ok(expr)
}

/// Parses a bare selector, as `match[]` and label queries have it.
///
/// # Errors
/// As [`parse`]; a pipeline is one.
pub fn parse_selector(query: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse(query)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.matchers),
        _ => Err(ParseError::whole("only label matchers are supported")),
    }
}

/// `{a="b"}` with its pipeline, perhaps in parentheses.
pub(super) fn log_expr(input: &mut Input<'_>) -> Parsed<LogExpr> {
    let matchers = selector(input)?;
    let stages = stages(input)?;
    Ok(LogExpr { matchers, stages })
}

pub(super) fn selector(input: &mut Input<'_>) -> Parsed<Vec<Matcher>> {
    symbol("{")(input)?;
    let matchers = separated(0.., matcher, symbol(",")).parse_next(input)?;
    symbol("}")(input)?;
    Ok(matchers)
}

fn matcher(input: &mut Input<'_>) -> Parsed<Matcher> {
    let name = identifier(input)?;
    let op = alt((
        symbol("=").map(|()| MatchOp::Equal),
        symbol("!=").map(|()| MatchOp::NotEqual),
        symbol("=~").map(|()| MatchOp::Regex),
        symbol("!~").map(|()| MatchOp::NotRegex),
    ))
    .parse_next(input)?;
    Ok(Matcher::new(name, op, text(input)?))
}

/// All stages that follow; a stage that starts but does not parse is an error, not the end.
pub(super) fn stages(input: &mut Input<'_>) -> Parsed<Vec<Stage>> {
    let mut stages = Vec::new();
    while starts_stage(input) {
        stages.push(stage(input)?);
    }
    Ok(stages)
}

fn starts_stage(input: &Input<'_>) -> bool {
    let unwrap = peek_second(input).is_some_and(|t| t.kind == Kind::Keyword("unwrap"));
    match peek(input).map(|t| &t.kind) {
        Some(Kind::Symbol("|")) => !unwrap,
        Some(Kind::Symbol(s)) => ["|=", "|~", "|>", "!=", "!~", "!>"].contains(s),
        _ => false,
    }
}

fn stage(input: &mut Input<'_>) -> Parsed<Stage> {
    if !next_is(input, "|") {
        return line_filter(input);
    }
    symbol("|")(input)?;
    alt((
        preceded(keyword("json"), fields).map(Stage::Json),
        preceded(keyword("logfmt"), logfmt),
        preceded(keyword("regexp"), text).map(Stage::Regexp),
        preceded(keyword("pattern"), text).map(Stage::Pattern),
        preceded(keyword("drop"), names).map(Stage::Drop),
        preceded(keyword("keep"), names).map(Stage::Keep),
        keyword("decolorize").map(|()| Stage::Decolorize),
        alt((
            keyword("unpack").map(|()| Stage::Unpack),
            preceded(keyword("line_format"), text).map(Stage::LineFormat),
            preceded(keyword("label_format"), separated(1.., formatted, symbol(","))).map(Stage::LabelFormat),
        )),
        label_filter.map(Stage::Label),
    ))
    .parse_next(input)
}

const LINE_OPS: &[(&str, LineOp)] = &[
    ("|=", LineOp::Contains),
    ("!=", LineOp::NotContains),
    ("|~", LineOp::Match),
    ("!~", LineOp::NotMatch),
    ("|>", LineOp::Pattern),
    ("!>", LineOp::NotPattern),
];

fn line_filter(input: &mut Input<'_>) -> Parsed<Stage> {
    let op = one_of("line filter", LINE_OPS)(input)?;
    if next_is(input, "ip") {
        return match op {
            LineOp::Contains | LineOp::NotContains => {
                let pattern = ip(input)?;
                if next_is(input, "or") {
                    unsupported(input, "`or` after ip()")
                } else {
                    Ok(Stage::LineIp { negate: op == LineOp::NotContains, pattern })
                }
            }
            _ => unsupported(input, "ip() with |~, !~, |> and !>"),
        };
    }
    let mut texts = vec![text(input)?];
    // `or` may also go on with the next query of a binary operation, which is never a string.
    while next_is(input, "or") && peek_second(input).is_some_and(|t| !matches!(t.kind, Kind::Symbol(_))) {
        keyword("or")(input)?;
        texts.push(text(input)?);
    }
    Ok(Stage::Line { op, texts })
}

/// `ip("10.0.0.0/8")`
fn ip(input: &mut Input<'_>) -> Parsed<String> {
    delimited((keyword("ip"), symbol("(")), text, symbol(")")).parse_next(input)
}

/// `a=b` or `a="{{.c}}"`
fn formatted(input: &mut Input<'_>) -> Parsed<(String, Formatted)> {
    let name = identifier(input)?;
    symbol("=")(input)?;
    let value = alt((text.map(Formatted::Template), identifier.map(Formatted::Renamed))).parse_next(input)?;
    Ok((name, value))
}

/// `a="b.c", d` after a parser; empty when nothing follows.
fn fields(input: &mut Input<'_>) -> Parsed<Vec<(String, String)>> {
    let field = |input: &mut Input<'_>| {
        let label = identifier(input)?;
        let path = opt(preceded(symbol("="), text)).parse_next(input)?;
        Ok((label.clone(), path.unwrap_or(label)))
    };
    separated(0.., field, symbol(",")).parse_next(input)
}

fn logfmt(input: &mut Input<'_>) -> Parsed<Stage> {
    let flag = token("FUNCTION_FLAG", |t| (t.kind == Kind::Flag).then_some(t.text.as_str()));
    let flags: Vec<&str> = repeat(0.., flag).parse_next(input)?;
    let fields = fields(input)?;
    Ok(Stage::Logfmt { strict: flags.contains(&"--strict"), keep_empty: flags.contains(&"--keep-empty"), fields })
}

fn names(input: &mut Input<'_>) -> Parsed<Vec<NameMatcher>> {
    let one = alt((matcher.map(NameMatcher::Matcher), identifier.map(NameMatcher::Name)));
    separated(1.., one, symbol(",")).parse_next(input)
}

/// `a="b" and (c>5 or d<1s)`: `or` binds weaker than `and` and the comma.
pub(super) fn label_filter(input: &mut Input<'_>) -> Parsed<LabelFilter> {
    let mut left = and_filter(input)?;
    while next_is(input, "or") {
        operator(input)?;
        keyword("or")(input)?;
        left = LabelFilter::Or(Box::new(left), Box::new(and_filter(input)?));
        if next_is(input, ",") {
            return unsupported(input, "a comma after `or` in a label filter; write `and` with parentheses");
        }
    }
    Ok(left)
}

fn and_filter(input: &mut Input<'_>) -> Parsed<LabelFilter> {
    let mut left = primary_filter(input)?;
    let mut comma = false;
    while next_is(input, "and") || next_is(input, ",") {
        operator(input)?;
        comma |= next_is(input, ",");
        alt((keyword("and"), symbol(","))).parse_next(input)?;
        left = LabelFilter::And(Box::new(left), Box::new(primary_filter(input)?));
    }
    if comma && next_is(input, "or") {
        return unsupported(input, "`or` after a comma in a label filter; write `and` with parentheses");
    }
    Ok(left)
}

fn primary_filter(input: &mut Input<'_>) -> Parsed<LabelFilter> {
    if next_is(input, "(") {
        return delimited(symbol("("), |i: &mut Input<'_>| nested(i, label_filter), symbol(")")).parse_next(input);
    }
    alt((matcher.map(LabelFilter::Match), comparison)).parse_next(input)
}

const COMPARE_OPS: &[(&str, CompareOp)] = &[
    ("=", CompareOp::Equal),
    ("==", CompareOp::Equal),
    ("!=", CompareOp::NotEqual),
    (">", CompareOp::Greater),
    (">=", CompareOp::GreaterEqual),
    ("<", CompareOp::Less),
    ("<=", CompareOp::LessEqual),
];

fn comparison(input: &mut Input<'_>) -> Parsed<LabelFilter> {
    let name = identifier(input)?;
    let op = one_of("comparison", COMPARE_OPS)(input)?;
    if next_is(input, "ip") {
        return match op {
            CompareOp::Equal | CompareOp::NotEqual => Ok(LabelFilter::Ip { name, negate: op == CompareOp::NotEqual, pattern: ip(input)? }),
            _ => unsupported(input, "ip() with an order"),
        };
    }
    let value = alt((
        token("DURATION", |t| if let Kind::Duration(d) = t.kind { Some(Quantity::Duration(d)) } else { None }),
        token("BYTES", |t| if let Kind::Bytes(b) = t.kind { Some(Quantity::Bytes(b)) } else { None }),
        signed_number.map(Quantity::Number),
    ))
    .parse_next(input)?;
    Ok(LabelFilter::Compare { name, op, value })
}

/// A number with a sign.
pub(super) fn signed_number(input: &mut Input<'_>) -> Parsed<f64> {
    alt((number, preceded(symbol("+"), number), preceded(symbol("-"), number).map(|n| -n))).parse_next(input)
}
