//! Functions over range vectors (`promql/functions.go`): each sees the samples of one series in one window.

use promql_parser::{
    label::MatchOp,
    parser::{Call, Expr, VectorSelector},
};
use std::sync::Arc;

use super::{
    Point, QueryError, Series,
    eval::{Column, Evaluator, Grid, mismatch},
    invariant::{is_fixed_subquery, is_invariant},
    labels::{same_labels, without_name},
    numeric::{Kahan, mean, quantile},
};
use crate::{
    demo::native::{Mismatch, Native},
    model::labels::Labels,
};

/// One window of one series: `start < t <= end`. It has at least one sample or histogram.
struct Window<'a> {
    /// By time.
    samples: &'a [(i64, f64)],
    /// By time.
    histograms: &'a [(i64, Arc<Native>)],
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
    let mut columns = Vec::with_capacity(windows.series.len());
    for Series { labels, points, histograms } in &windows.series {
        let labels = if call.func.name == "last_over_time" { labels.clone() } else { without_name(labels) };
        let mut column = Column::floats(labels, vec![None; grid.len]);
        let (mut floats, mut natives) = (Sliding::of(points), Sliding::of(histograms));
        for step in 0..grid.len {
            let end = windows.shift.apply(grid.at(step));
            let start = end.saturating_sub(windows.range);
            let (samples, histograms) = (floats.within(start, end), natives.within(start, end));
            let param = params.as_ref().and_then(|p| p.get(step)).copied().unwrap_or(f64::NAN);
            let window = Window { samples, histograms, start, end, step: grid.at(step), param };
            if !histograms.is_empty() {
                column.set(step, with_histograms(call.func.name, &window, function)?);
            } else if !samples.is_empty() {
                column.values[step] = function(&window);
            }
        }
        columns.push(column);
    }
    columns.retain(Column::has_values);
    if call.func.name == "absent_over_time" {
        return Ok(absent(&columns, range, grid));
    }
    distinct(columns)
}

/// A window that slides over samples by time.
struct Sliding<'a, T> {
    samples: &'a [(i64, T)],
    from: usize,
    to: usize,
}

impl<'a, T> Sliding<'a, T> {
    const fn of(samples: &'a [(i64, T)]) -> Self {
        Self { samples, from: 0, to: 0 }
    }

    /// Samples after `start` up to `end`, which are no earlier than before.
    fn within(&mut self, start: i64, end: i64) -> &'a [(i64, T)] {
        while self.samples.get(self.to).is_some_and(|s| s.0 <= end) {
            self.to += 1;
        }
        while self.samples.get(self.from).is_some_and(|s| s.0 <= start) {
            self.from += 1;
        }
        self.samples.get(self.from..self.to).unwrap_or_default()
    }
}

/// A function over a window with native histograms: numbers beside them count only where the function knows both.
fn with_histograms(name: &str, w: &Window, function: Function) -> Result<Option<Point>, QueryError> {
    let alone = w.samples.is_empty();
    let made = |h: Native| Some(Point::Histogram(Arc::new(h)));
    Ok(match name {
        "rate" | "increase" | "delta" if alone => native_change(w, name != "delta", name == "rate")?.and_then(made),
        "irate" | "idelta" => match points(w).as_slice() {
            [.., (_, Point::Float(_)), (_, Point::Float(_))] => function(w).map(Point::Float),
            [.., (from, Point::Histogram(before)), (to, Point::Histogram(last))] if from < to => {
                made(native_instant_change((*from, before), (*to, last), name == "irate")?)
            }
            _ => None,
        },
        "sum_over_time" | "avg_over_time" if alone => {
            let mut sum = Native::clone(&w.histograms[0].1);
            for (_, h) in &w.histograms[1..] {
                sum = sum.plus(h).map_err(failed)?;
            }
            made(if name == "sum_over_time" { sum } else { sum.divided(w.histograms.len() as f64) })
        }
        "rate" | "increase" | "delta" | "sum_over_time" | "avg_over_time" => None,
        "count_over_time" => Some(Point::Float((w.samples.len() + w.histograms.len()) as f64)),
        "present_over_time" | "absent_over_time" => Some(Point::Float(1.0)),
        "last_over_time" => points(w).pop().map(|p| p.1),
        // Prometheus compares how they are stored as well, and so may see a change where there is none.
        "changes" => Some(Point::Float(points(w).windows(2).filter(|p| p[0].1 != p[1].1).count() as f64)),
        "resets" => Some(Point::Float(points(w).windows(2).filter(|p| is_reset(&p[0].1, &p[1].1)).count() as f64)),
        _ if alone => None,
        _ => function(&Window { histograms: &[], ..*w }).map(Point::Float),
    })
}

fn failed(mismatch: Mismatch) -> QueryError {
    QueryError::Execution(mismatch.to_string())
}

/// Numbers and histograms of a window by time.
fn points(w: &Window) -> Vec<(i64, Point)> {
    let floats = w.samples.iter().map(|s| (s.0, Point::Float(s.1)));
    let mut all: Vec<(i64, Point)> = floats.chain(w.histograms.iter().map(|h| (h.0, Point::Histogram(h.1.clone())))).collect();
    all.sort_by_key(|p| p.0);
    all
}

fn is_reset(before: &Point, after: &Point) -> bool {
    match (before, after) {
        (Point::Float(before), Point::Float(after)) => after < before,
        (Point::Histogram(before), Point::Histogram(after)) => after.is_reset_of(before),
        _ => true,
    }
}

/// The change of native histograms, extended to the window's bounds as that of numbers is.
fn native_change(w: &Window, is_counter: bool, is_rate: bool) -> Result<Option<Native>, QueryError> {
    let [first, .., last] = w.histograms else { return Ok(None) };
    let reset_at_once = is_counter && w.histograms[1].1.is_reset_of(&first.1);
    let nothing = Native { schema: w.histograms[1].1.schema, zero_threshold: first.1.zero_threshold, ..Native::default() };
    let begin = if reset_at_once { &nothing } else { &*first.1 };
    let mut change = last.1.minus(begin).map_err(failed)?;
    if is_counter {
        let mut before = begin;
        for (_, h) in &w.histograms[1..] {
            if h.is_reset_of(before) {
                change = change.plus(before).map_err(failed)?;
            }
            before = h;
        }
    }
    let zero = (is_counter && change.count > 0.0 && first.1.count >= 0.0).then(|| first.1.count / change.count);
    let factor = extension(w, (first.0, last.0), w.histograms.len(), zero, is_rate);
    Ok(Some(change.map(|n| n * factor)))
}

/// The change between two native histograms at instants.
fn native_instant_change((from, before): (i64, &Native), (to, last): (i64, &Native), is_rate: bool) -> Result<Native, QueryError> {
    let change = if is_rate && last.is_reset_of(before) { last.clone() } else { last.minus(before).map_err(failed)? };
    Ok(if is_rate { change.divided((to - from) as f64 / 1000.0) } else { change })
}

/// Refuses two series of the same labels, even where their values do not meet: so does Prometheus here.
fn distinct(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut seen = std::collections::HashSet::with_capacity(columns.len());
    if columns.iter().all(|c| seen.insert(&c.labels)) { Ok(columns) } else { Err(same_labels()) }
}

/// One series of 1 at the steps where no series has a value.
pub fn absent(columns: &[Column], arg: &Expr, grid: Grid) -> Vec<Column> {
    let missing = |step: usize| columns.iter().all(|c| !c.has(step)).then_some(1.0);
    let column = Column::floats(Arc::new(labels_of_absent(arg)), (0..grid.len).map(missing).collect());
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
    let zero = (is_counter && change > 0.0 && first >= 0.0).then(|| first / change);
    Some(change * extension(w, (first_at, last_at), w.samples.len(), zero, is_rate))
}

/// By how much the change between the first and the last of some samples grows when it is extended to the window's bounds;
/// `zero` is how far before the first sample, in terms of its change, a counter was zero.
fn extension(w: &Window, (first_at, last_at): (i64, i64), samples: usize, zero: Option<f64>, is_rate: bool) -> f64 {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(first_at - w.start);
    let mut to_end = seconds(w.end - last_at);
    let sampled = seconds(last_at - first_at);
    let average = sampled / (samples - 1) as f64;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    // A counter is not extended below zero.
    if let Some(to_zero) = zero.map(|zero| sampled * zero)
        && to_zero < to_start
    {
        to_start = to_zero;
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    if is_rate { factor / seconds(w.end - w.start) } else { factor }
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
