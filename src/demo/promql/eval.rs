//! Evaluation over a grid of steps: selectors, subqueries and the dispatch to operators.

use std::{sync::Arc, time::SystemTime};

use promql_parser::parser::{AtModifier, Expr, Offset, SubqueryExpr, VectorSelector};

use super::{
    Budget, Limits, QueryError, Series, aggregate, binary, functions,
    invariant::is_invariant,
    labels::{merge, without_name},
    matchers, window,
};
use crate::{
    demo::store::{MetricStore, STALE},
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
}

impl Column {
    /// Its values with their instants.
    pub fn into_series(self, grid: Grid) -> Series {
        let points = self.values.into_iter().enumerate().filter_map(|(i, v)| Some((grid.at(i), v?))).collect();
        Series { labels: self.labels, points }
    }

    /// Whether it has a value at any step.
    pub fn has_values(&self) -> bool {
        self.values.iter().any(Option::is_some)
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
                columns.iter_mut().for_each(|c| c.values = vec![c.values.first().copied().flatten(); len]);
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
            Expr::VectorSelector(selector) => Value::Vector(self.instant_selector(selector, grid, |sample| sample.1)?),
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
            series.points.retain(|p| p.0 > end.saturating_sub(windows.range) && p.0 <= end);
            series
        };
        Ok(windows.series.into_iter().map(cut).filter(|s| !s.points.is_empty()).collect())
    }

    /// A selector of an instant vector; `pick` says what of the sample (milliseconds, value) is the value.
    pub fn instant_selector(&self, selector: &VectorSelector, grid: Grid, pick: fn((i64, f64)) -> f64) -> Result<Vec<Column>, QueryError> {
        if grid.len == 0 {
            return Ok(Vec::new());
        }
        let shift = self.shift(selector.at.as_ref(), selector.offset.as_ref());
        let from = shift.apply(grid.start).saturating_sub(self.lookback).saturating_add(1);
        let found = self.store.select(&matchers(selector), from, shift.apply(grid.end()));
        let mut columns = Vec::with_capacity(found.len());
        for series in found {
            self.budget.take(series.samples.len())?;
            let mut next = 0;
            let values = (0..grid.len).map(|i| {
                let at = shift.apply(grid.at(i));
                while series.samples.get(next).is_some_and(|s| s.0 <= at) {
                    next += 1;
                }
                let sample = *series.samples.get(next.checked_sub(1)?)?;
                (sample.0 > at.saturating_sub(self.lookback) && !is_stale(sample.1)).then(|| pick(sample))
            });
            let column = Column { values: values.collect(), labels: series.labels };
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
            self.budget.take(s.samples.len())?;
            s.samples.retain(|sample| !is_stale(sample.1));
            series.push(Series { labels: s.labels, points: s.samples });
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
    column
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
