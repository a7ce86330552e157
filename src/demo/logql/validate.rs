//! What Loki refuses although it parses.

use super::ast::{AggregateOp, BinaryOp, Expr, Formatted, LogExpr, MetricExpr, NameMatcher, RangeExpr, RangeOp, Stage};
use super::{line::ERROR, matcher::CompiledMatcher, pattern, template::Template};
use crate::demo::grammar::{ParseError, re2};

const EMPTY_COMPATIBLE: &str = "queries require at least one regexp or equality matcher that does not have an empty-compatible value. \
     For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

/// Checks a query.
pub(super) fn validate(expr: &Expr) -> Result<(), ParseError> {
    match expr {
        Expr::Log(log) => validate_log(log),
        Expr::Metric(metric) => validate_metric(metric),
    }
}

fn validate_log(log: &LogExpr) -> Result<(), ParseError> {
    let mut selective = false;
    for matcher in &log.matchers {
        selective |= !CompiledMatcher::new(matcher)?.matches("");
    }
    if !selective {
        return Err(ParseError::whole(EMPTY_COMPATIBLE));
    }
    log.stages.iter().try_for_each(validate_stage)
}

fn validate_stage(stage: &Stage) -> Result<(), ParseError> {
    match stage {
        Stage::Line { op, texts } => super::matcher::CompiledLine::new(*op, texts).map(drop),
        Stage::Label(filter) => super::matcher::CompiledFilter::new(filter).map(drop),
        Stage::Regexp(p) => {
            let invalid = |reason: String| ParseError::whole(format!("invalid regexp parser: {reason}"));
            if re2::compile(p).map_err(invalid)?.capture_names().flatten().next().is_none() {
                return Err(invalid("at least one named capture must be supplied".to_owned()));
            }
            Ok(())
        }
        Stage::Pattern(p) => {
            pattern::Pattern::new(p).map(drop).map_err(|reason| ParseError::whole(format!("invalid pattern parser: {reason}")))
        }
        Stage::Drop(names) | Stage::Keep(names) => names.iter().try_for_each(|n| match n {
            NameMatcher::Name(_) => Ok(()),
            NameMatcher::Matcher(m) => CompiledMatcher::new(m).map(drop),
        }),
        Stage::LineFormat(text) => {
            Template::new(text).map(drop).map_err(|reason| ParseError::whole(format!("invalid line template: {reason}")))
        }
        Stage::LabelFormat(all) => validate_formats(all),
        _ => Ok(()),
    }
}

fn validate_formats(all: &[(String, Formatted)]) -> Result<(), ParseError> {
    for (i, (name, value)) in all.iter().enumerate() {
        if name == ERROR {
            return Err(ParseError::whole(format!("{name} cannot be formatted")));
        }
        if all[..i].iter().any(|(other, _)| other == name) {
            return Err(ParseError::whole(format!("multiple label name '{name}' not allowed in a single format operation")));
        }
        if let Formatted::Template(text) = value {
            Template::new(text).map_err(|reason| ParseError::whole(format!("invalid template for label '{name}': {reason}")))?;
        }
    }
    Ok(())
}

fn validate_metric(metric: &MetricExpr) -> Result<(), ParseError> {
    match metric {
        MetricExpr::Number(_) | MetricExpr::Vector(_) => Ok(()),
        MetricExpr::Range(range) => validate_range(range),
        MetricExpr::Aggregate { op, parameter, inner, .. } => {
            let ranked = matches!(op, AggregateOp::TopK | AggregateOp::BottomK);
            match parameter {
                None if ranked => return Err(ParseError::whole(format!("parameter required for operation {}", op.name()))),
                Some(_) if !ranked => return Err(ParseError::whole(format!("unsupported parameter for operation {}", op.name()))),
                Some(k) if k.fract() != 0.0 || *k <= 0.0 => {
                    return Err(ParseError::whole(format!("invalid parameter (must be greater than 0) {}({k},", op.name())));
                }
                _ => {}
            }
            validate_metric(inner)
        }
        MetricExpr::Binary { op, left, right, .. } => {
            let number = |e: &MetricExpr| matches!(e, MetricExpr::Number(_));
            if matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) && (number(left) || number(right)) {
                return Err(ParseError::whole("unexpected literal for leg of logical/set binary operation"));
            }
            validate_metric(left)?;
            validate_metric(right)
        }
    }
}

fn validate_range(range: &RangeExpr) -> Result<(), ParseError> {
    let name = range.op.name();
    let fail = |message: String| Err(ParseError::whole(message));
    match (range.op, &range.unwrap) {
        (RangeOp::Count | RangeOp::Bytes | RangeOp::BytesRate, Some(_)) => return fail(format!("invalid aggregation {name} with unwrap")),
        (RangeOp::Sum | RangeOp::Avg | RangeOp::Min | RangeOp::Max | RangeOp::Quantile, None) => {
            return fail(format!("invalid aggregation {name} without unwrap"));
        }
        _ => {}
    }
    if range.grouping.is_some() && !matches!(range.op, RangeOp::Avg | RangeOp::Min | RangeOp::Max | RangeOp::Quantile) {
        return fail(format!("grouping not allowed for {name} aggregation"));
    }
    match (range.op == RangeOp::Quantile, range.parameter) {
        (true, None) => return fail(format!("parameter required for operation {name}")),
        (false, Some(_)) => return fail(format!("parameter {} not supported for operation {name}", range.parameter.unwrap_or_default())),
        _ => {}
    }
    for filter in range.unwrap.iter().flat_map(|u| &u.filters) {
        super::matcher::CompiledFilter::new(filter)?;
    }
    validate_log(&range.log)
}
