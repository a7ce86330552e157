//! PromQL as Prometheus 3 evaluates it, over any [`MetricStore`].
//!
//! [`parse`] reads a query and refuses what is not supported by name; [`instant`] and [`range`] evaluate it. Every
//! selector is read from the store once for the whole range; the evaluation then steps through columns, one value per
//! step and series. Experimental functions are not supported.

mod aggregate;
mod binary;
mod check;
mod duration;
mod eval;
mod functions;
mod histogram;
mod invariant;
mod labels;
mod native;
mod numeric;
mod place;
mod window;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub use check::parse;
pub use duration::parse_duration;
pub use numeric::format as format_value;
pub use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;

use self::eval::{Evaluator, Grid, Value};
use super::{native::Native, store::MetricStore};
use crate::model::labels::{Labels, MatchOp, Matcher};

/// Why a query has no answer, by Prometheus' error types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The query is wrong, or not supported by the demo.
    #[error("{0}")]
    BadData(String),
    /// The query cannot be evaluated on this data.
    #[error("{0}")]
    Execution(String),
    /// It took longer than [`Limits::timeout`].
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Nobody waits for the answer any more.
    #[error("query was canceled in expression evaluation")]
    Canceled,
}

/// What a query may use, and the settings that Prometheus has for all queries.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a sample stands for its series.
    pub lookback: Duration,
    /// Step of subqueries that have none: Prometheus' evaluation interval.
    pub subquery_step: Duration,
    /// Longest evaluation.
    pub timeout: Duration,
    /// Most samples that a query may hold.
    pub max_samples: usize,
    /// Set by whoever stops waiting for the answer.
    pub canceled: Arc<AtomicBool>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            subquery_step: Duration::from_secs(15),
            timeout: Duration::from_secs(120),
            max_samples: 50_000_000,
            canceled: Arc::default(),
        }
    }
}

/// A series of a matrix. Timestamps are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its values by time, gaps left out.
    pub points: Vec<(i64, f64)>,
    /// Its native histograms by time.
    pub histograms: Vec<(i64, Arc<Native>)>,
}

impl Series {
    /// Whether it has nothing at any time.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.histograms.is_empty()
    }
}

/// What a series has at an instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Native>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// One number.
    Scalar(f64),
    /// One text.
    Text(String),
    /// One value per series, in the order that `sort` and `topk` give.
    Vector(Vec<(Arc<Labels>, Point)>),
    /// Many values per series: the raw samples of a range selector.
    Matrix(Vec<Series>),
}

/// Evaluates at one instant (milliseconds).
///
/// # Errors
/// The evaluation fails as it would in Prometheus, or a limit is reached.
pub fn instant(store: &dyn MetricStore, expr: &Expr, at: i64, limits: &Limits) -> Result<Answer, QueryError> {
    let grid = Grid { start: at, step: 1, len: 1 };
    let evaluator = Evaluator::new(store, grid, limits);
    if expr.value_type() == ValueType::Matrix {
        return Ok(Answer::Matrix(by_labels(evaluator.matrix(expr, grid)?)));
    }
    Ok(match evaluator.eval(expr, grid)? {
        Value::Scalar(values) => Answer::Scalar(values.first().copied().unwrap_or(f64::NAN)),
        Value::Text(text) => Answer::Text(text),
        Value::Vector(columns) => Answer::Vector(columns.into_iter().filter_map(|c| Some((c.labels.clone(), c.point(0)?))).collect()),
    })
}

/// Evaluates at `start`, `start + step`, … up to and including `end` (milliseconds, `step > 0`).
///
/// # Errors
/// As [`instant`]; also when the expression is neither a scalar nor an instant vector.
pub fn range(store: &dyn MetricStore, expr: &Expr, start: i64, end: i64, step: i64, limits: &Limits) -> Result<Vec<Series>, QueryError> {
    let kind = match expr.value_type() {
        ValueType::Matrix => Some("range vector"),
        ValueType::String => Some("string"),
        ValueType::Scalar | ValueType::Vector => None,
    };
    if let Some(kind) = kind {
        return Err(QueryError::BadData(format!("invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector")));
    }
    let grid = Grid::new(start, end, step);
    let series = match Evaluator::new(store, grid, limits).eval(expr, grid)? {
        Value::Scalar(values) => {
            let points = values.into_iter().enumerate().map(|(i, v)| (grid.at(i), v)).collect();
            vec![Series { labels: Arc::new(Labels::new()), points, histograms: Vec::new() }]
        }
        Value::Vector(columns) => columns.into_iter().map(|c| c.into_series(grid)).filter(|s| !s.is_empty()).collect(),
        Value::Text(_) => Vec::new(),
    };
    Ok(by_labels(series))
}

/// All selectors of an expression as matchers, for exemplars.
pub fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    let mut found = Vec::new();
    check::visit(expr, &mut |e| match e {
        Expr::VectorSelector(selector) => found.push(matchers(selector)),
        Expr::MatrixSelector(selector) => found.push(matchers(&selector.vs)),
        _ => {}
    });
    found
}

/// Matchers of a selector, its name included.
fn matchers(selector: &promql_parser::parser::VectorSelector) -> Vec<Matcher> {
    use promql_parser::label::MatchOp as Op;
    let name = selector.name.iter().map(|name| Matcher::equal("__name__", name.as_str()));
    let rest = selector.matchers.matchers.iter().map(|m| {
        let op = match m.op {
            Op::Equal => MatchOp::Equal,
            Op::NotEqual => MatchOp::NotEqual,
            Op::Re(_) => MatchOp::Regex,
            Op::NotRe(_) => MatchOp::NotRegex,
        };
        Matcher::new(m.name.as_str(), op, m.value.as_str())
    });
    name.chain(rest).collect()
}

fn by_labels(mut series: Vec<Series>) -> Vec<Series> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

/// The time and sample budget of one query.
struct Budget<'a> {
    limits: &'a Limits,
    deadline: Instant,
    samples: std::cell::Cell<usize>,
}

impl<'a> Budget<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, deadline: Instant::now() + limits.timeout, samples: std::cell::Cell::new(0) }
    }

    /// Takes so many samples; fails when there are none left, the time is over or nobody waits any more.
    fn take(&self, samples: usize) -> Result<(), QueryError> {
        self.samples.set(self.samples.get().saturating_add(samples));
        if self.samples.get() > self.limits.max_samples {
            return Err(QueryError::Execution("query processing would load too many samples into memory in query execution".into()));
        }
        if self.limits.canceled.load(Ordering::Relaxed) {
            return Err(QueryError::Canceled);
        }
        if Instant::now() > self.deadline { Err(QueryError::Timeout) } else { Ok(()) }
    }
}
