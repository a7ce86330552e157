//! What is computed of spans over time.

use winnow::{Parser, combinator::separated};

use super::{
    super::ast::{AggregateOp, Field, Function, Metrics, Only},
    filter,
    operand::reference,
};
use crate::demo::grammar::{Input, Kind, Parsed, keyword, next_is, number, one_of, symbol, token};

#[derive(Clone, Copy)]
enum Name {
    Rate,
    Count,
    Over(AggregateOp),
    Quantile,
    Histogram,
    Compare,
}

const NAMES: &[(&str, Name)] = &[
    ("rate", Name::Rate),
    ("count_over_time", Name::Count),
    ("min_over_time", Name::Over(AggregateOp::Min)),
    ("max_over_time", Name::Over(AggregateOp::Max)),
    ("avg_over_time", Name::Over(AggregateOp::Avg)),
    ("sum_over_time", Name::Over(AggregateOp::Sum)),
    ("quantile_over_time", Name::Quantile),
    ("histogram_over_time", Name::Histogram),
    ("compare", Name::Compare),
];

/// Whether a metrics stage comes next.
pub fn begins(input: &Input<'_>) -> bool {
    NAMES.iter().any(|(name, _)| next_is(input, name))
}

/// `rate() by (name) | topk(3)`
pub fn metrics(input: &mut Input<'_>) -> Parsed<Metrics> {
    let name = one_of("metrics function", NAMES)(input)?;
    symbol("(")(input)?;
    let function = match name {
        Name::Rate => Function::Rate,
        Name::Count => Function::Count,
        Name::Over(op) => Function::Over(op, reference(input)?),
        Name::Histogram => Function::Histogram(reference(input)?),
        Name::Quantile => {
            let of = reference(input)?;
            symbol(",")(input)?;
            Function::Quantile(of, separated(1.., number, symbol(",")).parse_next(input)?)
        }
        Name::Compare => compare(input)?,
    };
    symbol(")")(input)?;
    let by = if next_is(input, "by") && !matches!(name, Name::Compare) { by(input)? } else { Vec::new() };
    let only = if next_is(input, "|") { Some(only(input)?) } else { None };
    Ok(Metrics { function, by, only })
}

fn by(input: &mut Input<'_>) -> Parsed<Vec<Field>> {
    keyword("by")(input)?;
    symbol("(")(input)?;
    let fields = separated(1.., reference, symbol(",")).parse_next(input)?;
    symbol(")")(input)?;
    Ok(fields)
}

fn only(input: &mut Input<'_>) -> Parsed<Only> {
    symbol("|")(input)?;
    let largest = keyword("topk")(input).is_ok();
    if !largest {
        keyword("bottomk")(input)?;
    }
    symbol("(")(input)?;
    let limit = integer(input)?;
    symbol(")")(input)?;
    Ok(if largest { Only::Top(limit) } else { Only::Bottom(limit) })
}

/// The inside of `compare({ status = error }, 10, start, end)`.
fn compare(input: &mut Input<'_>) -> Parsed<Function> {
    /// Values of an attribute that are told where the query does not say.
    const TOP: i64 = 10;
    let selection = filter(input)?;
    let mut next = |default: i64| {
        if !next_is(input, ",") {
            return Ok(default);
        }
        symbol(",")(input)?;
        integer(input)
    };
    let (top, start) = (next(TOP)?, next(0)?);
    let end = if start == 0 { 0 } else { next(0)? };
    Ok(Function::Compare { selection, top, window: (start, end) })
}

fn integer(input: &mut Input<'_>) -> Parsed<i64> {
    token("INTEGER", |t| if let Kind::Integer(n) = t.kind { Some(n) } else { None })(input)
}
