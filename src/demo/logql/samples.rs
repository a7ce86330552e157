//! Range aggregations: one pass over the lines, each added to the windows it lies in.

use std::{collections::HashMap, ops::ControlFlow};

use super::{
    ast::{Conversion, Grouping, RangeExpr, RangeOp, Unwrap},
    entries::trace_hint,
    ingest,
    line::{ERROR, LEVEL, Line},
    matcher::{self, CompiledFilter, bad_duration, bad_float, go_float},
    metrics::{EvalError, Series, Steps},
    pipeline::Pipeline,
};
use crate::{
    demo::{
        grammar::literal,
        store::{Direction, LogEntry, LogStore},
    },
    model::{
        labels::Labels,
        time::{TimeRange, Timestamp},
    },
};

/// How many values a query may hold: series times steps.
const MAX_CELLS: usize = 20_000_000;

/// Evaluates a range aggregation at all steps; `outer` is the grouping of a sum around it.
pub(super) fn evaluate(store: &dyn LogStore, expr: &RangeExpr, outer: Option<&Grouping>, steps: Steps) -> Result<Vec<Series>, EvalError> {
    let mut reader = Reader::new(expr, outer)?;
    let compiled = matcher::compile(&expr.log.matchers)?;
    let mut windows = Windows { expr, steps, all: Vec::new() };
    let mut result = Ok(());
    let last = steps.start + steps.step * (steps.count as i64 - 1);
    let range = TimeRange { start: Timestamp(steps.start - expr.offset - expr.range + 1), end: Timestamp(last - expr.offset + 1) };
    let trace = trace_hint(&expr.log.stages);
    ingest::scan(store, &expr.log.matchers, &compiled, trace, (range, Direction::Forward), &mut |entry, stream, number| {
        let Some(touched) = windows.touched(entry.at()) else { return ControlFlow::Continue(()) };
        match reader.read(entry, stream, number) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some((group, value))) if windows.add(group, touched, value) => ControlFlow::Continue(()),
            Ok(Some(_)) => {
                result = Err(EvalError::Limit(format!("the demo holds at most {MAX_CELLS} values for a query; aggregate to fewer series")));
                ControlFlow::Break(())
            }
            Err(error) => {
                result = Err(error);
                ControlFlow::Break(())
            }
        }
    });
    result?;
    Ok(windows.finish(reader.groups))
}

/// Makes of each line its group and its value.
struct Reader<'q> {
    pipeline: Pipeline,
    unwrap: Option<(&'q Unwrap, Vec<CompiledFilter>)>,
    bytes: bool,
    grouping: Option<Grouping>,
    /// Whether a line's group follows from its stream and level.
    plain: bool,
    numbers: HashMap<Labels, usize>,
    known: HashMap<(usize, &'static str), usize>,
    groups: Vec<Labels>,
}

impl<'q> Reader<'q> {
    fn new(expr: &'q RangeExpr, outer: Option<&Grouping>) -> Result<Self, EvalError> {
        let mut pipeline = Pipeline::new(&expr.log)?;
        let filters = expr.unwrap.iter().flat_map(|u| &u.filters).map(CompiledFilter::new).collect::<Result<Vec<_>, _>>()?;
        let mut grouping = outer.or(expr.grouping.as_ref()).cloned();
        if let Some(by) = grouping.as_ref().filter(|g| !g.without) {
            let mut wanted: Vec<String> = by.labels.iter().chain(expr.unwrap.iter().map(|u| &u.label)).cloned().collect();
            let mut read = Vec::new();
            filters.iter().for_each(|f| f.names(&mut read));
            wanted.extend(read.into_iter().map(str::to_owned));
            pipeline.want(wanted);
        }
        // A value is not a label of its own series.
        if let Some(unwrap) = &expr.unwrap {
            let without = grouping.get_or_insert(Grouping { without: true, labels: Vec::new() });
            if without.without {
                without.labels.push(unwrap.label.clone());
            }
        }
        Ok(Self {
            plain: !pipeline.makes_labels() && expr.unwrap.is_none(),
            pipeline,
            unwrap: expr.unwrap.as_ref().map(|u| (u, filters)),
            bytes: matches!(expr.op, RangeOp::Bytes | RangeOp::BytesRate),
            grouping,
            numbers: HashMap::new(),
            known: HashMap::new(),
            groups: Vec::new(),
        })
    }

    fn read(&mut self, entry: &dyn LogEntry, stream: &Labels, number: usize) -> Result<Option<(usize, f64)>, EvalError> {
        let mut line = Line::new(entry, stream);
        if !self.pipeline.run(&mut line) {
            return Ok(None);
        }
        let value = match &self.unwrap {
            Some((unwrap, filters)) => {
                let Some(value) = unwrapped(unwrap, &mut line) else { return Ok(None) };
                if !filters.iter().all(|f| f.matches(&mut line)) {
                    return Ok(None);
                }
                value
            }
            None if self.bytes => line.text().len() as f64,
            None => 1.0,
        };
        if let Some(error) = line.error {
            return Err(EvalError::Pipeline(pipeline_error(error, &line.categories().merged())));
        }
        Ok(Some((self.group(&mut line, entry.level(), stream, number), value)))
    }

    fn group(&mut self, line: &mut Line<'_>, level: &'static str, stream: &Labels, number: usize) -> usize {
        let plain = self.plain
            && self.grouping.as_ref().is_some_and(|g| !g.without && g.labels.iter().all(|l| l == LEVEL || stream.get(l).is_some()));
        if plain && let Some(group) = self.known.get(&(number, level)) {
            return *group;
        }
        let labels = match &self.grouping {
            Some(by) if !by.without => by.labels.iter().filter_map(|l| Some((l.as_str(), line.get(l)?.to_owned()))).collect(),
            Some(without) => {
                let mut all = line.categories().merged();
                without.labels.iter().for_each(|l| all.remove(l));
                all
            }
            None => line.categories().merged(),
        };
        let next = self.groups.len();
        let group = *self.numbers.entry(labels).or_insert_with_key(|labels| {
            self.groups.push(labels.clone());
            next
        });
        if plain {
            self.known.insert((number, level), group);
        }
        group
    }
}

/// The value in a line; `None` when the line has none, a fault on the line when it is no number.
fn unwrapped(unwrap: &Unwrap, line: &mut Line<'_>) -> Option<f64> {
    let text = line.get(&unwrap.label).filter(|t| !t.is_empty())?.to_owned();
    let (value, problem) = match unwrap.conversion {
        Conversion::Number => (go_float(&text), bad_float(&text)),
        Conversion::Duration => (literal::go_duration(&text).map(|d| d as f64 / 1e9), bad_duration(&text)),
        Conversion::Bytes => (literal::bytes(&text).map(|b| b as f64), bad_float(&text)),
    };
    if value.is_none() {
        line.fail("SampleExtractionErr", problem);
    }
    Some(value.unwrap_or(0.0))
}

fn pipeline_error(error: &str, labels: &Labels) -> String {
    format!(
        "pipeline error: '{error}' for series: '{labels}'.\n\
         Use a label filter to intentionally skip this error. (e.g | {ERROR}!=\"{error}\").\n\
         To skip all potential errors you can match empty errors.(e.g {ERROR}=\"\")\n\
         The label filter can also be specified after unwrap. (e.g | unwrap latency | {ERROR}=\"\" )\n"
    )
}

/// The windows of all series: the one at step `k` holds what lies in `(t - range, t]`.
struct Windows<'q> {
    expr: &'q RangeExpr,
    steps: Steps,
    all: Vec<Window>,
}

struct Window {
    counts: Vec<i64>,
    values: Vec<f64>,
    samples: Vec<Vec<f64>>,
}

impl Windows<'_> {
    /// The first and last step whose window holds an instant.
    fn touched(&self, at: Timestamp) -> Option<(usize, usize)> {
        let since = at.0 + self.expr.offset - self.steps.start;
        let first = (since + self.steps.step - 1).div_euclid(self.steps.step).max(0);
        let last = (since + self.expr.range - 1).div_euclid(self.steps.step).min(self.steps.count as i64 - 1);
        (first <= last).then_some((first as usize, last as usize))
    }

    /// Whether values are whole numbers, which add up exactly in any order: then windows are kept as differences.
    fn is_counting(&self) -> bool {
        self.expr.unwrap.is_none()
    }

    /// Adds a value; false when there are too many series.
    fn add(&mut self, series: usize, (first, last): (usize, usize), value: f64) -> bool {
        if series >= self.all.len() {
            if (series + 1) * (self.steps.count + 1) > MAX_CELLS {
                return false;
            }
            let size = self.steps.count + 1;
            let quantile = self.expr.op == RangeOp::Quantile;
            let samples = if quantile { vec![Vec::new(); size] } else { Vec::new() };
            self.all.push(Window { counts: vec![0; size], values: vec![0.0; size], samples });
        }
        let counting = self.is_counting();
        let window = &mut self.all[series];
        if counting {
            window.counts[first] += 1;
            window.counts[last + 1] -= 1;
            window.values[first] += value;
            window.values[last + 1] -= value;
            return true;
        }
        for k in first..=last {
            let old = window.values[k];
            window.values[k] = match self.expr.op {
                _ if window.counts[k] == 0 => value,
                RangeOp::Min => old.min(value),
                RangeOp::Max => old.max(value),
                _ => old + value,
            };
            window.counts[k] += 1;
            if let Some(samples) = window.samples.get_mut(k) {
                samples.push(value);
            }
        }
        true
    }

    fn finish(self, groups: Vec<Labels>) -> Vec<Series> {
        let counting = self.is_counting();
        let (expr, count) = (self.expr, self.steps.count);
        let series = self.all.into_iter().zip(groups).map(|(mut window, labels)| {
            if counting {
                for k in 1..count {
                    window.counts[k] += window.counts[k - 1];
                    window.values[k] += window.values[k - 1];
                }
            }
            let values = (0..count).map(|k| (window.counts[k] > 0).then(|| result(expr, &mut window, k))).collect();
            Series { labels, values }
        });
        series.collect()
    }
}

fn result(expr: &RangeExpr, window: &mut Window, k: usize) -> f64 {
    let value = window.values[k];
    match expr.op {
        RangeOp::Rate | RangeOp::BytesRate => value / (expr.range as f64 / 1e9),
        RangeOp::Avg => value / window.counts[k] as f64,
        RangeOp::Quantile => quantile(expr.parameter.unwrap_or_default(), &mut window.samples[k]),
        _ => value,
    }
}

fn quantile(q: f64, samples: &mut [f64]) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    samples.sort_unstable_by(f64::total_cmp);
    let rank = q * (samples.len() as f64 - 1.0);
    let (low, high) = (rank.floor() as usize, (rank.floor() as usize + 1).min(samples.len() - 1));
    let weight = rank - rank.floor();
    samples[low] * (1.0 - weight) + samples[high] * weight
}
