//! Aggregation operators.

use std::{collections::HashMap, sync::Arc};

use promql_parser::parser::{
    AggregateExpr, Expr, LabelModifier,
    token::{T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM, T_TOPK},
};

use super::{
    Point, QueryError,
    eval::{Column, Evaluator, Grid, mismatch},
    invariant::unwrap,
    labels::{group, merge},
    numeric::{Kahan, format, mean, nan_first, quantile},
};
use crate::{demo::native::Native, model::labels::Labels};

/// Indexes of the columns of each group, groups in the order of their first column.
struct Groups {
    labels: Vec<Labels>,
    members: Vec<Vec<usize>>,
}

impl Groups {
    fn of(columns: &[Column], e: &AggregateExpr) -> Self {
        let mut groups = Self { labels: Vec::new(), members: Vec::new() };
        let mut places: HashMap<Labels, usize> = HashMap::new();
        for (i, column) in columns.iter().enumerate() {
            let labels = group(&column.labels, e.modifier.as_ref());
            let place = *places.entry(labels).or_insert_with_key(|labels| {
                groups.labels.push(labels.clone());
                groups.members.push(Vec::new());
                groups.members.len() - 1
            });
            groups.members[place].push(i);
        }
        groups
    }
}

/// Evaluates an aggregation at every step.
pub fn eval(evaluator: &Evaluator, e: &AggregateExpr, grid: Grid) -> Result<Vec<Column>, QueryError> {
    let columns = evaluator.vector(&e.expr, grid)?;
    match e.op.id() {
        T_COUNT_VALUES => count_values(&columns, e, grid),
        T_TOPK | T_BOTTOMK => {
            let k = evaluator.scalar(param(e)?, grid)?;
            ranked(&columns, e, &k)
        }
        T_QUANTILE => {
            let q = evaluator.scalar(param(e)?, grid)?;
            Ok(folded(&columns, e, grid, |step, values| Some(quantile(q.get(step).copied().unwrap_or(f64::NAN), values))))
        }
        op => {
            let fold = fold(op).ok_or_else(|| mismatch("aggregation operator"))?;
            if columns.iter().any(|c| !c.histograms.is_empty()) && matches!(op, T_SUM | T_AVG | T_COUNT | T_GROUP) {
                return mixed(&columns, e, grid, fold);
            }
            Ok(folded(&columns, e, grid, |_, values| fold(values)))
        }
    }
}

fn param(e: &AggregateExpr) -> Result<&Expr, QueryError> {
    e.param.as_deref().ok_or_else(|| mismatch("scalar"))
}

/// Makes one value of the values of a group, at least one.
type Fold = fn(&[f64]) -> Option<f64>;

/// The fold of a simple aggregation.
fn fold(op: u16) -> Option<Fold> {
    Some(match op {
        T_SUM => |values| {
            let mut sum = Kahan::default();
            values.iter().for_each(|v| sum.add(*v));
            Some(sum.sum + sum.lost)
        },
        T_AVG => |values| mean(values.iter().copied()),
        T_MIN => |values| values.iter().copied().reduce(|low, v| if low > v || low.is_nan() { v } else { low }),
        T_MAX => |values| values.iter().copied().reduce(|high, v| if high < v || high.is_nan() { v } else { high }),
        T_COUNT => |values| Some(values.len() as f64),
        T_GROUP => |_| Some(1.0),
        T_STDDEV => |values| variance(values).map(f64::sqrt),
        T_STDVAR => variance,
        _ => return None,
    })
}

/// Welford's variance of the population; NaN when the first value is not finite.
fn variance(values: &[f64]) -> Option<f64> {
    let (&first, rest) = values.split_first()?;
    let (mut count, mut mean) = (1.0, first);
    let mut sum = if first.is_finite() { 0.0 } else { f64::NAN };
    for value in rest {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        sum += delta * (value - mean);
    }
    Some(sum / count)
}

/// One column a group where native histograms are among the values: they are added up, or counted. Numbers and histograms
/// do not add up.
fn mixed(columns: &[Column], e: &AggregateExpr, grid: Grid, fold: Fold) -> Result<Vec<Column>, QueryError> {
    let groups = Groups::of(columns, e);
    let mut out = Vec::with_capacity(groups.labels.len());
    for (labels, members) in groups.labels.into_iter().zip(&groups.members) {
        let mut column = Column::floats(Arc::new(labels), vec![None; grid.len]);
        for step in 0..grid.len {
            let points: Vec<Point> = members.iter().filter_map(|&i| columns[i].point(step)).collect();
            column.set(step, together(&points, e.op.id(), fold)?);
        }
        out.push(column);
    }
    out.retain(Column::has_values);
    Ok(out)
}

fn together(points: &[Point], op: u16, fold: Fold) -> Result<Option<Point>, QueryError> {
    let floats =
        |points: &[Point]| -> Option<Vec<f64>> { points.iter().map(|p| if let Point::Float(v) = p { Some(*v) } else { None }).collect() };
    if points.is_empty() {
        return Ok(None);
    }
    if matches!(op, T_COUNT | T_GROUP) {
        return Ok(fold(&vec![0.0; points.len()]).map(Point::Float));
    }
    if let Some(values) = floats(points) {
        return Ok(fold(&values).map(Point::Float));
    }
    let mut sum: Option<Native> = None;
    for point in points {
        let Point::Histogram(h) = point else { return Ok(None) };
        sum = Some(match sum {
            None => (**h).clone(),
            Some(sum) => sum.plus(h).map_err(|e| QueryError::Execution(e.to_string()))?,
        });
    }
    let mean = |sum: Native| if op == T_AVG { sum.divided(points.len() as f64) } else { sum };
    Ok(sum.map(|sum| Point::Histogram(Arc::new(mean(sum)))))
}

/// One column a group, its values folded at each step; native histograms are left out.
fn folded(columns: &[Column], e: &AggregateExpr, grid: Grid, mut fold: impl FnMut(usize, &mut [f64]) -> Option<f64>) -> Vec<Column> {
    let groups = Groups::of(columns, e);
    let mut buffer = Vec::new();
    let mut out = Vec::with_capacity(groups.labels.len());
    for (labels, members) in groups.labels.into_iter().zip(&groups.members) {
        let mut values = Vec::with_capacity(grid.len);
        for step in 0..grid.len {
            buffer.clear();
            buffer.extend(members.iter().filter_map(|&i| columns[i].values[step]));
            values.push(if buffer.is_empty() { None } else { fold(step, &mut buffer) });
        }
        out.push(Column::floats(Arc::new(labels), values));
    }
    out.retain(Column::has_values);
    out
}

/// `topk` and `bottomk`: the columns themselves, with values only where they rank.
fn ranked(columns: &[Column], e: &AggregateExpr, k: &[f64]) -> Result<Vec<Column>, QueryError> {
    if k.iter().any(|k| k.is_nan()) {
        return Err(QueryError::Execution("Parameter value is NaN".into()));
    }
    if k.iter().copied().fold(f64::NEG_INFINITY, f64::max) < 1.0 {
        return Ok(Vec::new());
    }
    if let Some(k) = k.iter().find(|k| k.abs() >= 9.2e18) {
        let flow = if *k < 0.0 { "underflows" } else { "overflows" };
        return Err(QueryError::Execution(format!("Scalar value {k} {flow} int64")));
    }
    let top = e.op.id() == T_TOPK;
    let mut out: Vec<Column> = columns.iter().map(|c| Column::floats(c.labels.clone(), vec![None; c.values.len()])).collect();
    let mut order = Vec::with_capacity(columns.len());
    for members in Groups::of(columns, e).members {
        for (step, &k) in k.iter().enumerate() {
            let mut present: Vec<(usize, f64)> = members.iter().filter_map(|&i| Some((i, columns[i].values[step]?))).collect();
            present.sort_by(|a, b| match (a.1.is_nan(), b.1.is_nan()) {
                (false, false) if top => nan_first(b.1, a.1),
                (false, false) => nan_first(a.1, b.1),
                (a_nan, b_nan) => a_nan.cmp(&b_nan),
            });
            present.truncate(k.max(0.0) as usize);
            for (i, value) in present {
                out[i].values[step] = Some(value);
                order.push(i);
            }
        }
    }
    if k.len() == 1 {
        return Ok(order.into_iter().map(|i| out[i].clone()).collect());
    }
    out.retain(Column::has_values);
    Ok(out)
}

fn count_values(columns: &[Column], e: &AggregateExpr, grid: Grid) -> Result<Vec<Column>, QueryError> {
    let Some(Expr::StringLiteral(label)) = e.param.as_deref().map(unwrap) else { return Err(mismatch("string")) };
    if label.val.is_empty() {
        return Err(QueryError::Execution("invalid label name \"\"".into()));
    }
    if columns.iter().any(|c| !c.histograms.is_empty()) {
        return Err(QueryError::Execution("count_values of native histograms is not supported by redline's demo".into()));
    }
    let mut counts: HashMap<Labels, Vec<Option<f64>>> = HashMap::new();
    let mut order = Vec::new();
    for column in columns {
        for (step, value) in column.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let labels = counted_labels(&column.labels, &label.val, *value, e.modifier.as_ref());
            let values = counts.entry(labels).or_insert_with_key(|labels| {
                order.push(labels.clone());
                vec![None; grid.len]
            });
            values[step] = Some(values[step].unwrap_or(0.0) + 1.0);
        }
    }
    merge(order.into_iter().filter_map(|labels| counts.remove(&labels).map(|values| Column::floats(Arc::new(labels), values))).collect())
}

/// The group of a value: `by` keeps its label, `without` may drop it.
fn counted_labels(labels: &Labels, name: &str, value: f64, modifier: Option<&LabelModifier>) -> Labels {
    let mut labels = labels.clone();
    labels.set(name, format(value));
    match modifier {
        Some(LabelModifier::Exclude(_)) => group(&labels, modifier),
        Some(LabelModifier::Include(_)) | None => {
            let mut kept = group(&labels, modifier);
            kept.set(name, format(value));
            kept
        }
    }
}
