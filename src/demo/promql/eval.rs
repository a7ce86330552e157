//! Evaluation over a grid of steps: selectors, subqueries and the dispatch to operators.

use std::{sync::Arc, time::SystemTime};

use promql_parser::parser::{AtModifier, Expr, Offset, SubqueryExpr, VectorSelector};

use super::{
    Budget, Limits, Point, QueryError, Series, aggregate, binary, functions,
    invariant::is_invariant,
    labels::{merge, without_name},
    matchers, window,
};
use crate::{
    demo::{
        native::Native,
        store::{MetricStore, STALE},
    },
    model::labels::Labels,
};

/// The instants of an evaluation, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub start: i64,
    pub step: i64,
    pub len: usize,
}

impl Grid {
    /// From `start` to `end`, both inclusive; empty when `end < start`.
    pub fn new(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        let len = if end < start { 0 } else { usize::try_from((end - start) / step + 1).unwrap_or(0) };
        Self { start, step, len }
    }

    /// The instant of a step.
    pub fn at(&self, i: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(i as i64))
    }

    /// The last instant.
    pub fn end(&self) -> i64 {
        self.at(self.len.saturating_sub(1))
    }
}

/// A series with one value, or none, per step.
#[derive(Clone, Debug)]
pub struct Column {
    pub labels: Arc<Labels>,
    pub values: Vec<Option<f64>>,
    /// Native histograms by step, where there are any; a step has a value or one of these.
    pub histograms: Vec<Option<Arc<Native>>>,
}

impl Column {
    /// A column of numbers alone.
    pub const fn floats(labels: Arc<Labels>, values: Vec<Option<f64>>) -> Self {
        Self { labels, values, histograms: Vec::new() }
    }

    /// A column of any points.
    pub fn of_points(labels: Arc<Labels>, points: impl Iterator<Item = Option<Point>>) -> Self {
        let mut column = Self::floats(labels, Vec::new());
        for (step, point) in points.enumerate() {
            column.values.push(None);
            column.set(step, point);
        }
        column
    }

    /// Its native histogram at a step.
    pub fn histogram(&self, step: usize) -> Option<&Arc<Native>> {
        self.histograms.get(step)?.as_ref()
    }

    /// What it has at a step.
    pub fn point(&self, step: usize) -> Option<Point> {
        let histogram = || self.histogram(step).cloned().map(Point::Histogram);
        self.values.get(step).copied().flatten().map(Point::Float).or_else(histogram)
    }

    /// Puts something at a step, or takes away what is there.
    pub fn set(&mut self, step: usize, point: Option<Point>) {
        let (value, histogram) = match point {
            Some(Point::Float(value)) => (Some(value), None),
            Some(Point::Histogram(histogram)) => (None, Some(histogram)),
            None => (None, None),
        };
        self.values[step] = value;
        if histogram.is_some() && self.histograms.len() < self.values.len() {
            self.histograms.resize(self.values.len(), None);
        }
        if let Some(place) = self.histograms.get_mut(step) {
            *place = histogram;
        }
    }

    /// Whether it has anything at a step.
    pub fn has(&self, step: usize) -> bool {
        self.values.get(step).is_some_and(Option::is_some) || self.histogram(step).is_some()
    }

    /// Its values with their instants.
    pub fn into_series(self, grid: Grid) -> Series {
        let points = self.values.into_iter().enumerate().filter_map(|(i, v)| Some((grid.at(i), v?))).collect();
        let histograms = self.histograms.into_iter().enumerate().filter_map(|(i, h)| Some((grid.at(i), h?))).collect();
        Series { labels: self.labels, points, histograms }
    }

    /// Whether it has anything at any step.
    pub fn has_values(&self) -> bool {
        self.values.iter().any(Option::is_some) || self.histograms.iter().any(Option::is_some)
    }
}

/// What an expression evaluates to.
#[derive(Debug)]
pub enum Value {
    Scalar(Vec<f64>),
    Vector(Vec<Column>),
    Text(String),
}

impl Value {
    /// The value of one step at so many.
    fn repeated(self, len: usize) -> Self {
        match self {
            Self::Scalar(values) => Self::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); len]),
            Self::Vector(mut columns) => {
                for c in &mut columns {
                    c.values = vec![c.values.first().copied().flatten(); len];
                    c.histograms = c.histogram(0).cloned().map_or_else(Vec::new, |h| vec![Some(h); len]);
                }
                Self::Vector(columns)
            }
            Self::Text(text) => Self::Text(text),
        }
    }
}

/// When a selector looks: `offset` before the step, or before a fixed instant.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    fixed: Option<i64>,
    offset: i64,
}

impl Shift {
    /// The instant that is looked at from a step.
    pub fn apply(self, step: i64) -> i64 {
        self.fixed.unwrap_or(step).saturating_sub(self.offset)
    }
}

/// Series with samples in any distance, for functions over windows. Staleness markers are gone.
pub struct Windows {
    pub series: Vec<Series>,
    pub shift: Shift,
    /// Milliseconds.
    pub range: i64,
}

/// The evaluation of one query.
pub struct Evaluator<'a> {
    store: &'a dyn MetricStore,
    /// The instants of the query itself, for `start()` and `end()`.
    query: Grid,
    lookback: i64,
    budget: Budget<'a>,
}

impl<'a> Evaluator<'a> {
    pub fn new(store: &'a dyn MetricStore, query: Grid, limits: &'a Limits) -> Self {
        Self { store, query, lookback: millis(limits.lookback), budget: Budget::new(limits) }
    }

    /// Evaluates an expression that is not a range vector.
    pub fn eval(&self, expr: &Expr, grid: Grid) -> Result<Value, QueryError> {
        self.budget.take(0)?;
        if grid.len > 1 && is_invariant(expr) {
            return Ok(self.eval(expr, Grid { len: 1, ..grid })?.repeated(grid.len));
        }
        let value = match expr {
            Expr::Paren(e) => return self.eval(&e.expr, grid),
            Expr::NumberLiteral(n) => Value::Scalar(vec![n.val; grid.len]),
            Expr::StringLiteral(text) => Value::Text(text.val.clone()),
            Expr::VectorSelector(selector) => Value::Vector(self.instant_selector(selector, grid)?),
            Expr::Unary(e) => match self.eval(&e.expr, grid)? {
                Value::Scalar(values) => Value::Scalar(values.into_iter().map(|v| -v).collect()),
                Value::Vector(columns) => Value::Vector(merge(columns.into_iter().map(negate).collect())?),
                Value::Text(_) => return Err(mismatch("scalar or instant vector")),
            },
            Expr::Binary(e) => binary::eval(self, e, grid)?,
            Expr::Aggregate(e) => Value::Vector(aggregate::eval(self, e, grid)?),
            Expr::Call(call) if window::is_known(call.func.name) => Value::Vector(window::eval(self, call, grid)?),
            Expr::Call(call) => functions::eval(self, call, grid)?,
            Expr::MatrixSelector(_) | Expr::Subquery(_) | Expr::Extension(_) => return Err(mismatch("scalar or instant vector")),
        };
        if let Value::Vector(columns) = &value {
            self.budget.take(columns.len().saturating_mul(grid.len))?;
        }
        Ok(value)
    }

    /// Evaluates an instant vector.
    pub fn vector(&self, expr: &Expr, grid: Grid) -> Result<Vec<Column>, QueryError> {
        match self.eval(expr, grid)? {
            Value::Vector(columns) => Ok(columns),
            Value::Scalar(_) | Value::Text(_) => Err(mismatch("instant vector")),
        }
    }

    /// Evaluates a scalar at every step.
    pub fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            Value::Vector(_) | Value::Text(_) => Err(mismatch("scalar")),
        }
    }

    /// The samples of a range vector at one instant.
    pub fn matrix(&self, expr: &Expr, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let windows = self.windows(expr, grid)?;
        let end = windows.shift.apply(grid.start);
        let cut = |mut series: Series| {
            let inside = |at: i64| at > end.saturating_sub(windows.range) && at <= end;
            series.points.retain(|p| inside(p.0));
            series.histograms.retain(|h| inside(h.0));
            series
        };
        Ok(windows.series.into_iter().map(cut).filter(|s| !s.is_empty()).collect())
    }

    /// A selector of an instant vector.
    pub fn instant_selector(&self, selector: &VectorSelector, grid: Grid) -> Result<Vec<Column>, QueryError> {
        self.newest(selector, grid, |_, point| point)
    }

    /// When the samples of an instant vector were taken, in seconds.
    pub fn timestamps(&self, selector: &VectorSelector, grid: Grid) -> Result<Vec<Column>, QueryError> {
        self.newest(selector, grid, |at, _| Point::Float(at as f64 / 1000.0))
    }

    /// The newest sample of each series at each step; `pick` makes of its time (milliseconds) and value what is wanted.
    fn newest(&self, selector: &VectorSelector, grid: Grid, pick: fn(i64, Point) -> Point) -> Result<Vec<Column>, QueryError> {
        if grid.len == 0 {
            return Ok(Vec::new());
        }
        let shift = self.shift(selector.at.as_ref(), selector.offset.as_ref());
        let from = shift.apply(grid.start).saturating_sub(self.lookback).saturating_add(1);
        let found = self.store.select(&matchers(selector), from, shift.apply(grid.end()));
        let mut columns = Vec::with_capacity(found.len());
        for series in found {
            self.budget.take(series.samples.len() + series.histograms.len())?;
            let (mut floats, mut histograms) = (Newest::of(&series.samples), Newest::of(&series.histograms));
            let recent = |t: i64, at: i64| t > at.saturating_sub(self.lookback);
            let float = |found: Option<&(i64, f64)>, at: i64| {
                let (t, v) = *found?;
                (recent(t, at) && !is_stale(v)).then(|| pick(t, Point::Float(v)))
            };
            let column = if series.histograms.is_empty() {
                let value = |i: usize| match float(floats.at(shift.apply(grid.at(i))), shift.apply(grid.at(i))) {
                    Some(Point::Float(value)) => Some(value),
                    _ => None,
                };
                Column::floats(series.labels, (0..grid.len).map(value).collect())
            } else {
                let points = (0..grid.len).map(|i| {
                    let at = shift.apply(grid.at(i));
                    match (floats.at(at), histograms.at(at)) {
                        (sample, Some((t, h))) if sample.is_none_or(|s| s.0 < *t) => {
                            recent(*t, at).then(|| pick(*t, Point::Histogram(h.clone())))
                        }
                        (sample, _) => float(sample, at),
                    }
                });
                Column::of_points(series.labels.clone(), points)
            };
            if column.has_values() {
                columns.push(column);
            }
        }
        Ok(columns)
    }

    /// The series that a function over windows reads.
    pub fn windows(&self, expr: &Expr, grid: Grid) -> Result<Windows, QueryError> {
        match expr {
            Expr::Paren(e) => self.windows(&e.expr, grid),
            Expr::MatrixSelector(e) => {
                let (shift, range) = (self.shift(e.vs.at.as_ref(), e.vs.offset.as_ref()), millis(e.range));
                let series = if grid.len == 0 { Vec::new() } else { self.range_selector(&e.vs, shift, range, grid)? };
                Ok(Windows { series, shift, range })
            }
            Expr::Subquery(e) => self.subquery(e, grid),
            _ => Err(mismatch("range vector")),
        }
    }

    fn range_selector(&self, selector: &VectorSelector, shift: Shift, range: i64, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let from = shift.apply(grid.start).saturating_sub(range).saturating_add(1);
        let found = self.store.select(&matchers(selector), from, shift.apply(grid.end()));
        let mut series = Vec::with_capacity(found.len());
        for mut s in found {
            self.budget.take(s.samples.len() + s.histograms.len())?;
            s.samples.retain(|sample| !is_stale(sample.1));
            series.push(Series { labels: s.labels, points: s.samples, histograms: s.histograms });
        }
        Ok(series)
    }

    /// Evaluates the inner expression on its own grid, which is aligned to its step and left-open as a range selector is.
    fn subquery(&self, e: &SubqueryExpr, grid: Grid) -> Result<Windows, QueryError> {
        let (shift, range) = (self.shift(e.at.as_ref(), e.offset.as_ref()), millis(e.range));
        let step = e.step.map_or_else(|| millis(self.budget.limits.subquery_step), millis).max(1);
        let after = shift.apply(grid.start).saturating_sub(range);
        let inner = Grid::new(after.div_euclid(step).saturating_add(1).saturating_mul(step), shift.apply(grid.end()), step);
        self.budget.take(inner.len)?;
        let series = if grid.len == 0 { Vec::new() } else { self.vector(&e.expr, inner)? };
        Ok(Windows { series: series.into_iter().map(|c| c.into_series(inner)).collect(), shift, range })
    }

    fn shift(&self, at: Option<&AtModifier>, offset: Option<&Offset>) -> Shift {
        let fixed = at.map(|at| match at {
            AtModifier::Start => self.query.start,
            AtModifier::End => self.query.end(),
            AtModifier::At(time) => match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(after) => millis(after),
                Err(before) => -millis(before.duration()),
            },
        });
        let offset = match offset {
            None => 0,
            Some(Offset::Pos(d)) => millis(*d),
            Some(Offset::Neg(d)) => -millis(*d),
        };
        Shift { fixed, offset }
    }
}

fn negate(mut column: Column) -> Column {
    column.labels = without_name(&column.labels);
    column.values.iter_mut().flatten().for_each(|v| *v = -*v);
    column.histograms.iter_mut().flatten().for_each(|h| *h = Arc::new(h.map(|n| -n)));
    column
}

/// Walks through samples by time.
struct Newest<'a, T> {
    samples: &'a [(i64, T)],
    next: usize,
}

impl<'a, T> Newest<'a, T> {
    const fn of(samples: &'a [(i64, T)]) -> Self {
        Self { samples, next: 0 }
    }

    /// The newest sample at an instant that is no earlier than the one before.
    fn at(&mut self, at: i64) -> Option<&'a (i64, T)> {
        while self.samples.get(self.next).is_some_and(|s| s.0 <= at) {
            self.next += 1;
        }
        self.samples.get(self.next.checked_sub(1)?)
    }
}

fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE
}

/// Whole milliseconds, at most far beyond any timestamp so that sums of a few of them do not overflow.
fn millis(d: std::time::Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 16)
}

/// The parser checks types; this is for what it lets through.
pub fn mismatch(expected: &str) -> QueryError {
    QueryError::BadData(format!("parse error: expected type {expected}"))
}
