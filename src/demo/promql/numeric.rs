//! Arithmetic as Prometheus does it: compensated sums, quantiles, and Go's treatment of NaN.

/// A Kahan sum with Neumaier's improvement (`util/kahansum`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Kahan {
    /// The sum without its compensation.
    pub sum: f64,
    /// What the sum has lost.
    pub lost: f64,
}

impl Kahan {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    /// The sum with its compensation.
    pub fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

/// The mean of values; `None` without any. The sum is divided at the end unless it would overflow.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (Kahan::default(), 0.0);
    let mut incremental: Option<Kahan> = None;
    for value in values {
        count += 1.0;
        if count == 1.0 {
            sum.sum = value;
            continue;
        }
        if incremental.is_none() {
            let mut next = sum;
            next.add(value);
            if !next.sum.is_infinite() {
                sum = next;
                continue;
            }
        }
        let mean = incremental.unwrap_or(Kahan { sum: sum.sum / (count - 1.0), lost: sum.lost / (count - 1.0) });
        let weight = (count - 1.0) / count;
        let mut next = Kahan { sum: weight * mean.sum, lost: weight * mean.lost };
        next.add(value / count);
        incremental = Some(next);
    }
    match incremental {
        _ if count == 0.0 => None,
        Some(mean) => Some(mean.sum + mean.lost),
        None => Some(sum.sum / count + sum.lost / count),
    }
}

/// The quantile of values, interpolated between neighbours; NaN without any. Sorts the values, NaN first.
pub fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = (rank.floor().max(0.0) as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Order of values with NaN below all others.
pub fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    b.is_nan().cmp(&a.is_nan()).then_with(|| a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
}

/// The larger value; NaN if either is, but infinity before that (Go's `math.Max`).
pub fn max(a: f64, b: f64) -> f64 {
    let nan = (a.is_nan() || b.is_nan()) && a != f64::INFINITY && b != f64::INFINITY;
    if nan { f64::NAN } else { a.max(b) }
}

/// The smaller value; NaN if either is, but negative infinity before that (Go's `math.Min`).
pub fn min(a: f64, b: f64) -> f64 {
    -max(-a, -b)
}

/// A value as Go writes it with `'f'` and the shortest precision.
pub fn format(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        format!("{value}")
    }
}
