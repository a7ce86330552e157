//! TraceQL metrics: what is computed of the chosen spans over time.

mod compare;
mod exemplars;
mod quantile;
mod steps;

use std::collections::BTreeMap;

pub use exemplars::Exemplar;
pub use steps::Steps;

use super::{
    ast::{AggregateOp, Field, Function, Metrics, Only, Query, Static},
    eval::Evaluator,
    rows::Rows,
    value::number,
};
use crate::demo::grammar::ParseError;
use compare::Comparison;
use exemplars::Exemplars;

/// A label of a series: the name as TraceQL writes it, the value with its type.
pub type Label = (String, Static);

/// A series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels, in the order of the query.
    pub labels: Vec<Label>,
    /// One for each step; NaN where there is none.
    pub values: Vec<f64>,
    /// Spans that it was computed of.
    pub exemplars: Vec<Exemplar>,
}

/// What was seen of a series in one step.
#[derive(Clone, Copy, Debug)]
struct Cell {
    count: f64,
    sum: f64,
    least: f64,
    most: f64,
}

const NOTHING: Cell = Cell { count: 0.0, sum: 0.0, least: f64::NAN, most: f64::NAN };

#[derive(Debug)]
struct Group {
    labels: Vec<Label>,
    bucket: Option<f64>,
    cells: Vec<Cell>,
    exemplars: Vec<Exemplar>,
}

/// Labels of a series, its buckets by step, and its exemplars.
type Buckets = (Vec<Label>, Vec<quantile::Histogram>, Vec<Exemplar>);

/// Takes in traces, and has the series at the end.
#[derive(Debug)]
pub struct Accumulator<'q> {
    evaluator: Evaluator<'q>,
    metrics: &'q Metrics,
    steps: Steps,
    groups: BTreeMap<String, Group>,
    exemplars: Exemplars,
    comparison: Option<Comparison>,
}

impl<'q> Accumulator<'q> {
    /// Nothing taken in yet. `exemplars` is how many are told at most.
    ///
    /// # Errors
    /// A query without metrics, a regular expression that does not compile.
    pub fn new(query: &'q Query, steps: Steps, exemplars: usize) -> Result<Self, ParseError> {
        let metrics = query.metrics.as_ref().ok_or_else(|| ParseError::whole("not a metrics query"))?;
        let comparison = matches!(metrics.function, Function::Compare { .. }).then(|| Comparison::new(steps));
        let exemplars = Exemplars::new(steps, exemplars);
        Ok(Self { evaluator: Evaluator::new(query)?, metrics, steps, groups: BTreeMap::new(), exemplars, comparison })
    }

    /// Takes in a trace that stands for so many like it.
    pub fn observe(&mut self, rows: &Rows<'_>, weight: f64) {
        let mut shown = None;
        for span in self.evaluator.select(rows).into_iter().flat_map(|set| set.spans) {
            let start = i64::try_from(rows.spans[span].span.start_time_unix_nano).unwrap_or(i64::MAX);
            let Some(step) = self.steps.index(start) else { continue };
            if let (Some(comparison), Function::Compare { selection, window, .. }) = (&mut self.comparison, &self.metrics.function) {
                let inside = *window == (0, 0) || (start > window.0 && start <= window.1);
                let selected = inside && self.evaluator.expressions.holds(selection, rows, span);
                comparison.observe(rows, span, step, selected, weight);
                continue;
            }
            if let Some(key) = self.count(rows, span, step, weight) {
                shown.get_or_insert((key, span, start));
            }
        }
        // One span of a trace is enough of an example.
        if let Some((key, span, start)) = shown
            && self.exemplars.take(start)
        {
            let exemplar = self.exemplar(rows, span, start);
            if let Some(group) = self.groups.get_mut(&key) {
                group.exemplars.push(exemplar);
            }
        }
    }

    /// Counts a span; the key of its series, none where it is in none.
    fn count(&mut self, rows: &Rows<'_>, span: usize, step: usize, weight: f64) -> Option<String> {
        let (mut value, mut bucket) = (1.0, None);
        match &self.metrics.function {
            Function::Rate | Function::Count | Function::Compare { .. } => {}
            Function::Over(_, of) => value = measure(&self.evaluator.expressions.value(of, rows, span))?,
            Function::Quantile(of, _) | Function::Histogram(of) => {
                bucket = Some(quantile::bucket(&self.evaluator.expressions.value(of, rows, span))?);
            }
        }
        let labels: Vec<Label> =
            self.metrics.by.iter().map(|by| (by.to_string(), self.evaluator.expressions.value(by, rows, span))).collect();
        let key = format!("{:?} {bucket:?}", labels.iter().map(|(_, v)| v).collect::<Vec<_>>());
        let length = self.steps.count();
        let new = || Group { labels, bucket, cells: vec![NOTHING; length], exemplars: Vec::new() };
        let cell = &mut self.groups.entry(key.clone()).or_insert_with(new).cells[step];
        cell.count += weight;
        cell.sum += value * weight;
        cell.least = cell.least.min(value);
        cell.most = cell.most.max(value);
        Some(key)
    }

    fn exemplar(&self, rows: &Rows<'_>, span: usize, start: i64) -> Exemplar {
        let value_of = |field: &Field| self.evaluator.expressions.value(field, rows, span);
        let mut labels = vec![("trace:id".to_owned(), Static::Text(format!("{:x}", rows.id.0)))];
        let (of, value) = match &self.metrics.function {
            Function::Over(_, of) | Function::Quantile(of, _) => (Some(of), measure(&value_of(of)).unwrap_or(f64::NAN)),
            // The sample of its step, which is not known yet.
            Function::Histogram(of) => (Some(of), f64::NAN),
            _ => (None, f64::NAN),
        };
        for field in self.evaluator.references().iter().copied().chain(&self.metrics.by).chain(of) {
            let (name, value) = (field.to_string(), value_of(field));
            if value != Static::Nil && labels.iter().all(|(n, _)| *n != name) {
                labels.push((name, value));
            }
        }
        Exemplar { labels, value, at: start / 1_000_000 }
    }

    /// The series, ordered by their labels.
    pub fn finish(mut self) -> Vec<Series> {
        if let (Some(comparison), Function::Compare { top, .. }) = (self.comparison.take(), &self.metrics.function) {
            return ordered(comparison.finish(usize::try_from(*top).unwrap_or(usize::MAX)));
        }
        let nothing_seen = self.groups.is_empty() && self.metrics.by.is_empty();
        if nothing_seen && matches!(self.metrics.function, Function::Rate | Function::Count) {
            let cells = vec![NOTHING; self.steps.count()];
            self.groups.insert(String::new(), Group { labels: Vec::new(), bucket: None, cells, exemplars: Vec::new() });
        }
        let series = match &self.metrics.function {
            Function::Quantile(_, quantiles) => self.quantiles(quantiles),
            _ => std::mem::take(&mut self.groups).into_values().map(|g| self.series(g)).collect(),
        };
        let mut series = ordered(series);
        if let Some(only) = self.metrics.only {
            series = chosen(series, only, self.steps.count());
        }
        exemplars::value(&mut series, self.steps);
        series
    }

    fn series(&self, group: Group) -> Series {
        let value = |cell: &Cell| match &self.metrics.function {
            Function::Rate => cell.count / self.steps.seconds(),
            Function::Over(AggregateOp::Min, _) => cell.least,
            Function::Over(AggregateOp::Max, _) => cell.most,
            Function::Over(AggregateOp::Avg, _) => cell.sum / cell.count,
            Function::Over(AggregateOp::Sum, _) if cell.count == 0.0 => f64::NAN,
            Function::Over(AggregateOp::Sum, _) => cell.sum,
            _ => cell.count,
        };
        let mut labels = named(group.labels, &self.metrics.by, group.bucket.is_some());
        labels.extend(group.bucket.map(|bucket| ("__bucket".to_owned(), Static::Float(bucket))));
        if labels.is_empty() {
            labels.push(("__name__".to_owned(), Static::Text(function_name(&self.metrics.function).to_owned())));
        }
        Series { labels, values: group.cells.iter().map(value).collect(), exemplars: group.exemplars }
    }

    /// Buckets of a series become its quantiles.
    fn quantiles(&mut self, quantiles: &[f64]) -> Vec<Series> {
        let mut merged: BTreeMap<String, Buckets> = BTreeMap::new();
        for group in std::mem::take(&mut self.groups).into_values() {
            let key = format!("{:?}", group.labels);
            let (_, histograms, exemplars) =
                merged.entry(key).or_insert_with(|| (group.labels, vec![quantile::Histogram::default(); group.cells.len()], Vec::new()));
            for (histogram, cell) in histograms.iter_mut().zip(&group.cells) {
                histogram.add(group.bucket.unwrap_or_default(), cell.count);
            }
            exemplars.extend(group.exemplars);
        }
        let mut all = quantile::Histogram::default();
        merged.values().flat_map(|(_, histograms, _)| histograms).for_each(|h| all.merge(h));
        let nearest = |value: f64| {
            let distance = |q: &f64| (all.quantile(*q) - value).abs();
            quantiles.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)))
        };
        let mut out = Vec::new();
        for (labels, histograms, exemplars) in merged.into_values() {
            for q in quantiles {
                let mut labels = named(labels.clone(), &self.metrics.by, true);
                labels.push(("p".to_owned(), Static::Float(*q)));
                let values = histograms.iter().map(|h| h.quantile(*q)).collect();
                let exemplars = exemplars.iter().filter(|e| nearest(e.value) == Some(*q)).cloned().collect();
                out.push(Series { labels, values, exemplars });
            }
        }
        out
    }
}

/// Labels that a series has: those of missing attributes are left out, but for one where there is no other.
fn named(labels: Vec<Label>, by: &[Field], another: bool) -> Vec<Label> {
    let kept: Vec<Label> = labels.into_iter().filter(|(_, v)| *v != Static::Nil).collect();
    match by.first() {
        Some(first) if kept.is_empty() && !another => vec![(first.to_string(), Static::Nil)],
        _ => kept,
    }
}

/// A number as it is computed with: durations are seconds.
fn measure(value: &Static) -> Option<f64> {
    match value {
        Static::Duration(ns) => Some(*ns as f64 / 1e9),
        value => number(value).filter(|n| !n.is_nan()),
    }
}

const fn function_name(function: &Function) -> &'static str {
    match function {
        Function::Rate => "rate",
        Function::Count => "count_over_time",
        Function::Over(AggregateOp::Min, _) => "min_over_time",
        Function::Over(AggregateOp::Max, _) => "max_over_time",
        Function::Over(AggregateOp::Avg, _) => "avg_over_time",
        Function::Over(AggregateOp::Sum, _) => "sum_over_time",
        Function::Quantile(..) => "quantile_over_time",
        Function::Histogram(_) => "histogram_over_time",
        Function::Compare { .. } => "compare",
    }
}

/// As Tempo orders them: fewer labels first, then by names and values.
fn ordered(mut series: Vec<Series>) -> Vec<Series> {
    let key = |s: &Series| (s.labels.len(), s.labels.iter().map(|(n, v)| (n.clone(), v.to_string())).collect::<Vec<_>>());
    series.sort_by_cached_key(key);
    series
}

/// At each step the series with the largest or the smallest values.
fn chosen(series: Vec<Series>, only: Only, steps: usize) -> Vec<Series> {
    let (limit, largest) = match only {
        Only::Top(n) => (n, true),
        Only::Bottom(n) => (n, false),
    };
    let mut out: Vec<Series> = series.iter().map(|s| Series { values: vec![f64::NAN; steps], ..s.clone() }).collect();
    for step in 0..steps {
        let mut order: Vec<usize> = (0..series.len()).filter(|i| !series[*i].values[step].is_nan()).collect();
        let value = |i: usize| series[i].values[step];
        // Of equals the first in the alphabet are the largest.
        order.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
        if !largest {
            order.reverse();
        }
        for i in order.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            out[i].values[step] = series[i].values[step];
        }
    }
    out.retain(|s| s.values.iter().any(|v| !v.is_nan()));
    out
}
