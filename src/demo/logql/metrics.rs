//! Running a metric query: aggregations and operators over what `samples` counted.

use std::collections::{BTreeMap, HashMap};

use super::{
    ast::{AggregateOp, BinaryOp, Grouping, MetricExpr, RangeOp},
    samples,
};
use crate::{
    demo::{grammar::ParseError, store::LogStore},
    model::labels::Labels,
};

/// The instants at which a query is evaluated, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first one.
    pub start: i64,
    /// From one to the next, positive.
    pub step: i64,
    /// How many, at least one.
    pub count: usize,
}

/// A series of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its value at each step.
    pub values: Vec<Option<f64>>,
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Series, unsorted.
    Series(Vec<Series>),
}

/// Why a query has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// It cannot be run.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A line did not parse, and the query does not filter such lines out.
    #[error("{0}")]
    Pipeline(String),
    /// It would answer too much.
    #[error("{0}")]
    Limit(String),
}

/// Evaluates a metric query.
///
/// # Errors
/// Lines that do not parse, series that cannot be matched, too many values.
pub fn evaluate(store: &dyn LogStore, expr: &MetricExpr, steps: Steps) -> Result<Value, EvalError> {
    Ok(match expr {
        MetricExpr::Number(n) => Value::Number(*n),
        MetricExpr::Vector(n) => Value::Series(vec![Series { labels: Labels::new(), values: vec![Some(*n); steps.count] }]),
        MetricExpr::Range(range) => Value::Series(samples::evaluate(store, range, None, steps)?),
        MetricExpr::Aggregate { op, parameter, grouping, inner } => {
            if let (AggregateOp::Sum, MetricExpr::Range(range)) = (op, inner.as_ref())
                && matches!(range.op, RangeOp::Count | RangeOp::Rate | RangeOp::Bytes | RangeOp::BytesRate | RangeOp::Sum)
            {
                return Ok(Value::Series(samples::evaluate(store, range, Some(grouping), steps)?));
            }
            let series = match evaluate(store, inner, steps)? {
                Value::Series(series) => series,
                Value::Number(_) => return Err(ParseError::whole("the demo does not support aggregating a number").into()),
            };
            Value::Series(aggregate(*op, *parameter, grouping, series, steps.count))
        }
        MetricExpr::Binary { op, return_bool, matching, left, right } => {
            let (left, right) = (evaluate(store, left, steps)?, evaluate(store, right, steps)?);
            binary(*op, *return_bool, matching, left, right)?
        }
    })
}

/// The labels that a grouping leaves.
fn group_labels(grouping: &Grouping, labels: &Labels) -> Labels {
    labels.iter().filter(|(n, _)| grouping.labels.iter().any(|l| l == n) != grouping.without).collect()
}

fn aggregate(op: AggregateOp, parameter: Option<f64>, grouping: &Grouping, series: Vec<Series>, steps: usize) -> Vec<Series> {
    let mut groups: BTreeMap<Labels, Vec<Series>> = BTreeMap::new();
    for s in series {
        groups.entry(group_labels(grouping, &s.labels)).or_default().push(s);
    }
    if matches!(op, AggregateOp::TopK | AggregateOp::BottomK) {
        let k = parameter.unwrap_or(1.0) as usize;
        return groups.into_values().flat_map(|members| ranked(op, k, members, steps)).collect();
    }
    let fold = |members: &[Series], k: usize| {
        let values: Vec<f64> = members.iter().filter_map(|s| s.values[k]).collect();
        let first = *values.first()?;
        let rest = values.iter().skip(1).copied();
        Some(match op {
            AggregateOp::Min => rest.fold(first, |a, b| if a.is_nan() || b < a { b } else { a }),
            AggregateOp::Max => rest.fold(first, |a, b| if a.is_nan() || b > a { b } else { a }),
            AggregateOp::Count => values.len() as f64,
            AggregateOp::Avg => values.iter().sum::<f64>() / values.len() as f64,
            _ => rest.fold(first, |a, b| a + b),
        })
    };
    groups.into_iter().map(|(labels, members)| Series { labels, values: (0..steps).map(|k| fold(&members, k)).collect() }).collect()
}

/// Leaves each step only the `k` highest or lowest values.
fn ranked(op: AggregateOp, k: usize, mut members: Vec<Series>, steps: usize) -> Vec<Series> {
    members.sort_by(|a, b| a.labels.cmp(&b.labels));
    for step in 0..steps {
        let mut order: Vec<(f64, usize)> = members.iter().enumerate().filter_map(|(i, s)| Some((s.values[step]?, i))).collect();
        order.sort_by(|a, b| if op == AggregateOp::TopK { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
        for (_, i) in order.into_iter().skip(k) {
            members[i].values[step] = None;
        }
    }
    members.retain(|s| s.values.iter().any(Option::is_some));
    members
}

fn binary(op: BinaryOp, return_bool: bool, matching: &Grouping, left: Value, right: Value) -> Result<Value, EvalError> {
    let with = |series: Vec<Series>, apply: &dyn Fn(f64) -> Option<f64>| {
        let apply_all = |s: Series| Series { labels: s.labels, values: s.values.into_iter().map(|v| v.and_then(apply)).collect() };
        Value::Series(series.into_iter().map(apply_all).filter(|s| s.values.iter().any(Option::is_some)).collect())
    };
    Ok(match (left, right) {
        (Value::Number(a), Value::Number(b)) => Value::Number(arithmetic(op, true, a, b, a).unwrap_or_default()),
        (Value::Series(a), Value::Number(b)) => with(a, &|v| arithmetic(op, return_bool, v, b, v)),
        (Value::Number(a), Value::Series(b)) => with(b, &|v| arithmetic(op, return_bool, a, v, v)),
        (Value::Series(a), Value::Series(b)) => Value::Series(match op {
            BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => set_operation(op, matching, a, b),
            _ => one_to_one(op, return_bool, matching, a, b)?,
        }),
    })
}

/// `a op b`; comparisons keep `kept` where they hold, or give 0 and 1.
fn arithmetic(op: BinaryOp, return_bool: bool, a: f64, b: f64, kept: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div if b == 0.0 => f64::NAN,
        BinaryOp::Div => a / b,
        BinaryOp::Mod if b == 0.0 => f64::NAN,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Compare(compare) => match (compare.holds(&a, &b), return_bool) {
            (holds, true) => f64::from(u8::from(holds)),
            (true, false) => kept,
            (false, false) => return None,
        },
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => return None,
    })
}

/// Series by the labels that both sides are matched on.
fn by_key<'s>(side: &str, matching: &Grouping, series: &'s [Series]) -> Result<HashMap<Labels, &'s Series>, EvalError> {
    let mut out = HashMap::new();
    for s in series {
        let key = group_labels(matching, &s.labels);
        if let Some(other) = out.insert(key.clone(), s) {
            let message = format!(
                "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not \
                 allowed: matching labels must be unique on one side",
                s.labels, other.labels
            );
            return Err(EvalError::Pipeline(message));
        }
    }
    Ok(out)
}

fn one_to_one(op: BinaryOp, return_bool: bool, matching: &Grouping, a: Vec<Series>, b: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    let right = by_key("right", matching, &b)?;
    let left = by_key("left", matching, &a)?;
    let pairs = left.into_iter().filter_map(|(key, l)| right.get(&key).map(|r| (key, l, *r)));
    let combined = pairs.map(|(labels, l, r)| {
        let values =
            l.values.iter().zip(&r.values).map(|(a, b)| a.zip(*b).and_then(|(a, b)| arithmetic(op, return_bool, a, b, a))).collect();
        Series { labels, values }
    });
    Ok(combined.filter(|s: &Series| s.values.iter().any(Option::is_some)).collect())
}

fn set_operation(op: BinaryOp, matching: &Grouping, a: Vec<Series>, b: Vec<Series>) -> Vec<Series> {
    let present = |series: &[Series]| {
        let mut at: HashMap<Labels, Vec<bool>> = HashMap::new();
        for s in series {
            let seen = at.entry(group_labels(matching, &s.labels)).or_insert_with(|| vec![false; s.values.len()]);
            s.values.iter().enumerate().for_each(|(k, v)| seen[k] |= v.is_some());
        }
        at
    };
    let keep = |series: Vec<Series>, other: &HashMap<Labels, Vec<bool>>, wanted: bool| -> Vec<Series> {
        let one = |s: Series| {
            let seen = other.get(&group_labels(matching, &s.labels));
            let kept = |k: usize| seen.is_some_and(|seen| seen[k]) == wanted;
            Series { labels: s.labels, values: s.values.into_iter().enumerate().map(|(k, v)| v.filter(|_| kept(k))).collect() }
        };
        series.into_iter().map(one).filter(|s| s.values.iter().any(Option::is_some)).collect()
    };
    match op {
        BinaryOp::And => keep(a, &present(&b), true),
        BinaryOp::Unless => keep(a, &present(&b), false),
        _ => {
            let seen = present(&a);
            let mut out = a;
            for s in keep(b, &seen, false) {
                match out.iter_mut().find(|o| o.labels == s.labels) {
                    Some(same) => same.values.iter_mut().zip(s.values).for_each(|(old, new)| *old = old.or(new)),
                    None => out.push(s),
                }
            }
            out
        }
    }
}
