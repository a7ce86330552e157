//! Functions over range vectors (`promql/functions.go`): each sees the samples of one series in one window.

use promql_parser::{
    label::MatchOp,
    parser::{Call, Expr, VectorSelector},
};
use std::sync::Arc;

use super::{
    QueryError, Series,
    eval::{Column, Evaluator, Grid, mismatch},
    invariant::{is_fixed_subquery, is_invariant},
    labels::{same_labels, without_name},
    numeric::{Kahan, mean, quantile},
};
use crate::model::labels::Labels;

/// One window of one series: `start < t <= end`.
struct Window<'a> {
    /// At least one sample, by time.
    samples: &'a [(i64, f64)],
    /// Milliseconds.
    start: i64,
    /// Milliseconds.
    end: i64,
    /// The step that is evaluated, in milliseconds.
    step: i64,
    /// The function's scalar argument, NaN without one.
    param: f64,
}

type Function = fn(&Window) -> Option<f64>;

/// The function of a name.
fn function(name: &str) -> Option<Function> {
    Some(match name {
        "rate" => |w| extrapolated(w, true, true),
        "increase" => |w| extrapolated(w, true, false),
        "delta" => |w| extrapolated(w, false, false),
        "irate" => |w| instant_change(w, true),
        "idelta" => |w| instant_change(w, false),
        "avg_over_time" => |w| mean(values(w)),
        "min_over_time" => |w| values(w).reduce(|low, v| if v < low || low.is_nan() { v } else { low }),
        "max_over_time" => |w| values(w).reduce(|high, v| if v > high || high.is_nan() { v } else { high }),
        "sum_over_time" => |w| {
            let mut sum = Kahan::default();
            values(w).for_each(|v| sum.add(v));
            Some(sum.total())
        },
        "count_over_time" => |w| Some(w.samples.len() as f64),
        "last_over_time" => |w| w.samples.last().map(|s| s.1),
        "present_over_time" | "absent_over_time" => |_| Some(1.0),
        "stddev_over_time" => |w| Some(variance(w).sqrt()),
        "stdvar_over_time" => |w| Some(variance(w)),
        "quantile_over_time" => |w| Some(quantile(w.param, &mut values(w).collect::<Vec<_>>())),
        "changes" => |w| Some(pairs(w).filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan())).count() as f64),
        "resets" => |w| Some(pairs(w).filter(|(a, b)| b < a).count() as f64),
        "deriv" => |w| regression(w.samples, w.samples.first()?.0).map(|line| line.0),
        "predict_linear" => |w| regression(w.samples, w.step).map(|(slope, intercept)| slope * w.param + intercept),
        _ => return None,
    })
}

/// Whether there is such a function.
pub fn is_known(name: &str) -> bool {
    function(name).is_some()
}

/// Evaluates a call at every step.
pub fn eval(evaluator: &Evaluator, call: &Call, grid: Grid) -> Result<Vec<Column>, QueryError> {
    let (Some(function), args) = (function(call.func.name), &call.args.args) else { return Err(mismatch("range vector")) };
    let (range, param) = match (call.func.name, args.as_slice()) {
        ("quantile_over_time", [param, range]) | ("predict_linear", [range, param]) => (range, Some(param)),
        (_, [range]) => (range, None),
        _ => return Err(mismatch("range vector")),
    };
    let at_every_step = call.func.name == "predict_linear" || param.is_some_and(|p| !is_invariant(p));
    if at_every_step && is_fixed_subquery(range) {
        return Ok(Vec::new());
    }
    let params = param.map(|p| evaluator.scalar(p, grid)).transpose()?;
    let windows = evaluator.windows(range, grid)?;
    let apply = |samples: &[(i64, f64)], start: i64, end: i64, step: usize| {
        let param = params.as_ref().and_then(|p| p.get(step)).copied().unwrap_or(f64::NAN);
        function(&Window { samples, start, end, step: grid.at(step), param })
    };
    let mut columns = Vec::with_capacity(windows.series.len());
    for Series { labels, points } in &windows.series {
        let (mut from, mut to) = (0, 0);
        let values = (0..grid.len).map(|step| {
            let end = windows.shift.apply(grid.at(step));
            let start = end.saturating_sub(windows.range);
            while points.get(to).is_some_and(|p| p.0 <= end) {
                to += 1;
            }
            while points.get(from).is_some_and(|p| p.0 <= start) {
                from += 1;
            }
            let samples = points.get(from..to).filter(|s| !s.is_empty())?;
            apply(samples, start, end, step)
        });
        let values = values.collect();
        let labels = if call.func.name == "last_over_time" { labels.clone() } else { without_name(labels) };
        columns.push(Column { labels, values });
    }
    columns.retain(Column::has_values);
    if call.func.name == "absent_over_time" {
        return Ok(absent(&columns, range, grid));
    }
    distinct(columns)
}

/// Refuses two series of the same labels, even where their values do not meet: so does Prometheus here.
fn distinct(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut seen = std::collections::HashSet::with_capacity(columns.len());
    if columns.iter().all(|c| seen.insert(&c.labels)) { Ok(columns) } else { Err(same_labels()) }
}

/// One series of 1 at the steps where no series has a value.
pub fn absent(columns: &[Column], arg: &Expr, grid: Grid) -> Vec<Column> {
    let missing = |step: usize| columns.iter().all(|c| c.values.get(step).copied().flatten().is_none()).then_some(1.0);
    let column = Column { labels: Arc::new(labels_of_absent(arg)), values: (0..grid.len).map(missing).collect() };
    if column.has_values() { vec![column] } else { Vec::new() }
}

/// The labels that the selector fixes by one equality each.
fn labels_of_absent(arg: &Expr) -> Labels {
    let selector: &VectorSelector = match arg {
        Expr::Paren(e) => return labels_of_absent(&e.expr),
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(selector) => &selector.vs,
        _ => return Labels::new(),
    };
    let mut labels = Labels::new();
    let mut seen: Vec<&str> = Vec::new();
    for m in selector.matchers.matchers.iter().filter(|m| m.name != "__name__") {
        if m.op == MatchOp::Equal && !seen.contains(&m.name.as_str()) {
            super::labels::set(&mut labels, &m.name, &m.value);
            seen.push(&m.name);
        } else {
            labels.remove(&m.name);
        }
    }
    labels
}

fn values<'a>(w: &'a Window) -> impl Iterator<Item = f64> + 'a {
    w.samples.iter().map(|s| s.1)
}

fn pairs<'a>(w: &'a Window) -> impl Iterator<Item = (f64, f64)> + 'a {
    w.samples.windows(2).map(|p| (p[0].1, p[1].1))
}

/// `extrapolatedRate`: the change between the first and last sample, extended to the window's bounds when they are near.
fn extrapolated(w: &Window, is_counter: bool, is_rate: bool) -> Option<f64> {
    let (&(first_at, first), &(last_at, last)) = (w.samples.first()?, w.samples.last()?);
    if w.samples.len() < 2 {
        return None;
    }
    let mut change = last - first;
    if is_counter {
        change += pairs(w).filter(|(a, b)| b < a).map(|(a, _)| a).sum::<f64>();
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(first_at - w.start);
    let mut to_end = seconds(w.end - last_at);
    let sampled = seconds(last_at - first_at);
    let average = sampled / (w.samples.len() - 1) as f64;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if is_counter && change > 0.0 && first >= 0.0 {
        // A counter is not extended below zero.
        let to_zero = sampled * (first / change);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if is_rate {
        factor /= seconds(w.end - w.start);
    }
    Some(change * factor)
}

/// `instantValue`: the change between the last two samples.
fn instant_change(w: &Window, is_rate: bool) -> Option<f64> {
    let [.., (before_at, before), (at, value)] = *w.samples else { return None };
    if at == before_at {
        return None;
    }
    let change = if is_rate && value < before { value } else { value - before };
    Some(if is_rate { change / ((at - before_at) as f64 / 1000.0) } else { change })
}

/// Welford's variance of the population.
fn variance(w: &Window) -> f64 {
    let (mut count, mut mean, mut aux) = (0.0, Kahan::default(), Kahan::default());
    for value in values(w) {
        count += 1.0;
        let delta = value - (mean.sum + mean.lost);
        mean.add(delta / count);
        aux.add(delta * (value - (mean.sum + mean.lost)));
    }
    (aux.sum + aux.lost) / count
}

/// Slope a second, and the value at `at` (milliseconds), of the least-squares line.
fn regression(samples: &[(i64, f64)], at: i64) -> Option<(f64, f64)> {
    let first = samples.first()?.1;
    if samples.len() < 2 {
        return None;
    }
    if samples.iter().skip(1).all(|s| s.1 == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let [mut x, mut y, mut xy, mut xx] = [Kahan::default(); 4];
    for &(t, value) in samples {
        let seconds = (t - at) as f64 / 1000.0;
        x.add(seconds);
        y.add(value);
        xy.add(seconds * value);
        xx.add(seconds * seconds);
    }
    let n = samples.len() as f64;
    let [x, y, xy, xx] = [x, y, xy, xx].map(|k| k.sum + k.lost);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Some((slope, y / n - slope * x / n))
}
