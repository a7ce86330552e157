//! The lines of durations in an answer: quantiles of the service, or of each of its instances.

use std::time::Duration;

use super::ask::{FAILED, LINE, SUCCEEDED, looked_at, named_quantile, quantile_name};
use crate::{
    model::series::{Matrix, Sample, Series},
    theme::Role,
};

/// A series without a sample for so long has ended, as Prometheus' own lookback has it.
const LOOKBACK: Duration = Duration::from_secs(300);

/// The lines of durations, the topmost last: what one looks at. What failed has its own where something did.
pub(super) fn durations(matrix: &Matrix) -> Vec<(String, Role)> {
    let Some(main) = main_line(matrix) else { return Vec::new() };
    let fails = lines(matrix, FAILED).any(|s| s.last().is_some());
    let mut out: Vec<(String, Role)> = Vec::new();
    if fails {
        out.extend([(SUCCEEDED.to_owned(), Role::Status2xx), (FAILED.to_owned(), Role::Status5xx)]);
    }
    let role = |q: f64| if named_quantile(&main).is_some_and(|m| q > m) { Role::P99 } else { Role::P50 };
    let others = quantiles(matrix).into_iter().map(|q| (quantile_name(q), role(q))).filter(|(name, _)| *name != main);
    out.extend(others);
    out.push((main, Role::P95));
    out
}

/// The quantiles that an answer has, ascending.
fn quantiles(matrix: &Matrix) -> Vec<f64> {
    let mut all: Vec<f64> = matrix.series.iter().filter_map(|s| named_quantile(s.labels.get(LINE)?)).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// The name of the line of durations that is looked at: p95, or what is nearest to it.
pub(super) fn main_line(matrix: &Matrix) -> Option<String> {
    looked_at(quantiles(matrix).into_iter()).map(quantile_name)
}

/// The lines that a duration's answer has by a name: one, or one of each instance.
pub(super) fn lines<'a>(matrix: &'a Matrix, name: &str) -> impl Iterator<Item = &'a Series> {
    matrix.series.iter().filter(move |s| s.labels.get(LINE) == Some(name))
}

/// Of the lines by a name the one that is slowest now. Quantiles of single instances are not put together.
pub(super) fn slowest<'a>(matrix: &'a Matrix, name: &str) -> Option<&'a Series> {
    // An instance that is gone is not slow.
    let is_there = |s: &Series| latest(s, matrix).is_some();
    lines(matrix, name).max_by(|a, b| is_there(a).cmp(&is_there(b)).then(last(a).total_cmp(&last(b))))
}

/// For comparing: one without a sample is below all.
pub(super) fn last(series: &Series) -> f64 {
    series.last().map_or(f64::NEG_INFINITY, |s| s.value)
}

/// A series' last value, if it is of the window's end: one that ended earlier is no value of now.
pub(super) fn latest(series: &Series, matrix: &Matrix) -> Option<Sample> {
    series.last().filter(|s| s.at + LOOKBACK + matrix.step >= matrix.range.end)
}
