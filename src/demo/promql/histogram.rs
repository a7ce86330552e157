//! Classic histograms, with native ones beside them: `histogram_quantile` and `histogram_fraction` (`promql/quantile.go`).

use std::{collections::HashMap, sync::Arc};

use super::{
    QueryError,
    eval::{Column, Grid},
    labels::{merge, without_name},
};
use crate::{demo::native::Native, model::labels::Labels};

/// Differences between neighbouring buckets that are rounding errors, relative to their counts.
const TOLERANCE: f64 = 1e-12;

/// Upper bound and cumulative count.
type Bucket = (f64, f64);

/// Folds the buckets of each classic histogram, sorted by bound and at least one, and each native one, at each step. Where
/// both are of the same labels neither counts.
pub fn fold(
    columns: &[Column],
    grid: Grid,
    fold: impl Fn(usize, &mut Vec<Bucket>) -> f64,
    native: impl Fn(usize, &Native) -> f64,
) -> Result<Vec<Column>, QueryError> {
    let mut histograms: HashMap<Labels, Vec<(f64, usize)>> = HashMap::new();
    let mut order = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let Some(bound) = column.labels.get("le").and_then(|le| le.parse::<f64>().ok()) else { continue };
        let mut labels = (*column.labels).clone();
        labels.remove("le");
        let members = histograms.entry(labels).or_insert_with_key(|labels| {
            order.push(labels.clone());
            Vec::new()
        });
        members.push((bound, i));
    }
    let mut natives: HashMap<&Labels, &Column> = columns.iter().filter(|c| !c.histograms.is_empty()).map(|c| (&*c.labels, c)).collect();
    let mut buckets = Vec::new();
    let mut out = Vec::with_capacity(order.len());
    for labels in order {
        let beside = natives.remove(&labels);
        let mut members = histograms.remove(&labels).unwrap_or_default();
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut values = Vec::with_capacity(grid.len);
        for step in 0..grid.len {
            buckets.clear();
            buckets.extend(members.iter().filter_map(|&(bound, i)| Some((bound, columns[i].values[step]?))));
            values.push(match (buckets.is_empty(), beside.and_then(|c| c.histogram(step))) {
                (true, Some(h)) => Some(native(step, h)),
                (false, None) => Some(fold(step, &mut buckets)),
                (true, None) | (false, Some(_)) => None,
            });
        }
        out.push(Column::floats(without_name(&Arc::new(labels)), values));
    }
    for column in columns.iter().filter(|c| natives.contains_key(&*c.labels)) {
        let values = (0..grid.len).map(|step| column.histogram(step).map(|h| native(step, h)));
        out.push(Column::floats(without_name(&column.labels), values.collect()));
    }
    out.retain(Column::has_values);
    merge(out)
}

/// The quantile, interpolated within its bucket; NaN without observations or without an infinite bucket.
pub fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    make_monotonic(buckets);
    let observations = buckets.last().map_or(0.0, |b| b.1);
    if buckets.len() < 2 || observations == 0.0 {
        return f64::NAN;
    }
    let last = buckets.len() - 1;
    let rank = q * observations;
    // A NaN count is never at or above the rank, as in Go's binary search.
    let i = buckets[..last].partition_point(|b| b.1 < rank || b.1.is_nan() || rank.is_nan());
    if i == last {
        return buckets[last - 1].0;
    }
    if i == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (start, below) = if i > 0 { buckets[i - 1] } else { (0.0, 0.0) };
    let (end, count) = buckets[i];
    start + (end - start) * ((rank - below) / (count - below))
}

/// The share of observations between two bounds.
pub fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets.last().map_or(0.0, |b| b.1);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, count, buckets) - rank_of(lower, count, buckets)) / count
}

/// How many observations are at or below a value, interpolated within its bucket.
fn rank_of(value: f64, count: f64, buckets: &[Bucket]) -> f64 {
    let (mut rank, mut low) = (0.0, if buckets.first().is_some_and(|b| b.0 <= 0.0) { f64::NEG_INFINITY } else { 0.0 });
    for &(bound, cumulative) in buckets {
        if low >= value {
            return min_count(rank, count);
        }
        if bound > value {
            let inside = if low == f64::NEG_INFINITY { cumulative } else { rank + (cumulative - rank) * (value - low) / (bound - low) };
            return min_count(inside, count);
        }
        rank = cumulative;
        low = bound;
    }
    count
}

fn min_count(rank: f64, count: f64) -> f64 {
    if rank > count { count } else { rank }
}

/// Adds up buckets of the same bound.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|b, kept| {
        let same = b.0 == kept.0;
        if same {
            kept.1 += b.1;
        }
        same
    });
}

/// Lifts counts that fall below the ones before them, and ignores differences that are rounding errors.
fn make_monotonic(buckets: &mut [Bucket]) {
    let mut previous = buckets.first().map_or(0.0, |b| b.1);
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.1 < previous || almost_equal(previous, bucket.1) {
            bucket.1 = previous;
        } else {
            previous = bucket.1;
        }
    }
}

/// `util/almost`: equal up to a relative tolerance.
fn almost_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
