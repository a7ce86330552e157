//! Functions of native histograms (`promql/quantile.go`, `promql/functions.go`).

use crate::demo::native::{Bucket, Native};

use super::numeric::Kahan;

/// The function of a name that makes a number of a histogram.
pub fn simple(name: &str) -> Option<fn(&Native) -> f64> {
    Some(match name {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => |h| h.sum / h.count,
        "histogram_stdvar" => variance,
        "histogram_stddev" => |h| variance(h).sqrt(),
        _ => return None,
    })
}

/// The zero bucket reaches only to the side that has observations.
fn narrowed(h: &Native, bucket: Bucket) -> Bucket {
    if bucket.lower > 0.0 || bucket.upper < 0.0 {
        return bucket;
    }
    match (h.negative.is_empty(), h.positive.is_empty()) {
        (true, false) => Bucket { lower: 0.0, ..bucket },
        (false, true) => Bucket { upper: 0.0, ..bucket },
        _ => bucket,
    }
}

/// The quantile, interpolated on a logarithmic scale within its bucket.
pub fn quantile(q: f64, h: &Native) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if h.count == 0.0 || q.is_nan() {
        return f64::NAN;
    }
    let forward = h.sum.is_nan() || q < 0.5;
    let mut rank = if forward { q } else { 1.0 - q } * h.count;
    let mut buckets: Vec<Bucket> = h.buckets().collect();
    if !forward {
        buckets.reverse();
    }
    let (mut count, mut found) = (0.0, None);
    for bucket in buckets {
        count += bucket.count;
        found = Some(bucket);
        if count >= rank {
            break;
        }
    }
    let Some(bucket) = found.map(|b| narrowed(h, b)) else { return f64::NAN };
    let count = if count > h.count { h.count } else { count };
    if count < rank {
        return if h.sum.is_nan() { f64::NAN } else { bucket.upper };
    }
    rank = if forward { rank - (count - bucket.count) } else { count - rank };
    let part = rank / bucket.count;
    if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
        return bucket.lower + (bucket.upper - bucket.lower) * part;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 { (lower + (upper - lower) * part).exp2() } else { -(upper + (lower - upper) * (1.0 - part)).exp2() }
}

/// The share of observations between two bounds.
pub fn fraction(lower: f64, upper: f64, h: &Native) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (all, [below_lower, below_upper]) = (inside(h), [lower, upper].map(|v| rank_of(v, h)));
    let most = if h.sum.is_nan() { all } else { h.count };
    let capped = |rank: Option<f64>| rank.filter(|r| *r <= most).unwrap_or(most);
    (capped(below_upper) - capped(below_lower)) / h.count
}

/// What the buckets count: observations that are no number are not in them.
fn inside(h: &Native) -> f64 {
    h.buckets().map(|b| b.count).sum()
}

/// How many observations are below a value; nothing when it is above all buckets.
fn rank_of(value: f64, h: &Native) -> Option<f64> {
    let mut rank = 0.0;
    for bucket in h.buckets() {
        let zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        let bucket = narrowed(h, bucket);
        if bucket.lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            let part = if zero {
                (value - bucket.lower) / (bucket.upper - bucket.lower)
            } else {
                let [lower, upper, value_at] = [bucket.lower, bucket.upper, value].map(|v| v.abs().log2());
                if value > 0.0 { (value_at - lower) / (upper - lower) } else { 1.0 - (value_at - upper) / (lower - upper) }
            };
            return Some(rank + bucket.count * part);
        }
        rank += bucket.count;
    }
    None
}

/// The variance, each observation taken for the middle of its bucket.
fn variance(h: &Native) -> f64 {
    let mean = h.sum / h.count;
    let mut sum = Kahan::default();
    for bucket in h.buckets() {
        let middle =
            if bucket.lower <= 0.0 && bucket.upper >= 0.0 { 0.0 } else { (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper) };
        sum.add(bucket.count * (middle - mean) * (middle - mean));
    }
    (sum.sum + sum.lost) / h.count
}
