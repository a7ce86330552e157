//! Native histograms with exponential buckets, as floats (`model/histogram`).
//!
//! Histograms of different zero thresholds and with custom buckets are not supported: who needs them is told so.

use crate::wire::remote_write::{BucketSpan, Histogram};

/// A histogram whose buckets grow by a constant factor. Buckets without a count are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Native {
    /// Buckets of a power of two are two to the power of this.
    pub schema: i32,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Observations up to this are counted as zeros.
    pub zero_threshold: f64,
    /// How many zeros.
    pub zero_count: f64,
    /// Counts of positive observations by the number of the bucket, ascending.
    pub positive: Vec<(i32, f64)>,
    /// Counts of negative observations by the number of the bucket, ascending from zero.
    pub negative: Vec<(i32, f64)>,
}

/// Two histograms that the demo cannot put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("native histograms of different zero thresholds are not supported by redline's demo")]
pub struct Mismatch;

/// A bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Observations in it.
    pub count: f64,
}

/// Half of two to the power of so many eighths, to the digit that Prometheus has (`exponentialBounds`).
const EIGHTHS: [f64; 8] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    0.707_106_781_186_547_5,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_4,
    0.917_004_043_204_671_1,
];

/// The upper bound of a bucket of positive observations.
pub fn bound(index: i32, schema: i32) -> f64 {
    let per_octave = 1_i32 << schema.max(0);
    if schema < 0 {
        let exponent = index << -schema;
        return if exponent == 1024 { f64::MAX } else { 2.0_f64.powi(exponent) };
    }
    let (octave, part) = (index.div_euclid(per_octave), index.rem_euclid(per_octave));
    if part == 0 && octave == 1024 {
        return f64::MAX;
    }
    let fraction =
        if schema <= 3 { EIGHTHS[(part << (3 - schema.max(0))) as usize] } else { (f64::from(part) / f64::from(per_octave)).exp2() / 2.0 };
    fraction * 2.0_f64.powi(octave + 1)
}

/// The number of the bucket that a positive observation is in.
pub fn index(value: f64, schema: i32) -> i32 {
    let near = (value.log2() * 2.0_f64.powi(schema)).ceil() as i32;
    // The logarithm of a bound may be rounded to either side of its bucket.
    (near - 1..=near + 1).find(|i| value <= bound(*i, schema)).unwrap_or(near)
}

/// The number of a bucket at a lower schema.
const fn reduced(index: i32, by: i32) -> i32 {
    ((index - 1) >> by) + 1
}

impl Native {
    /// Buckets from the lowest to the highest, those without a count left out.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let sides = |i: i32| (bound(i - 1, self.schema), bound(i, self.schema));
        let negative = self.negative.iter().rev().map(move |&(i, count)| {
            let (near, far) = sides(i);
            Bucket { lower: -far, upper: -near, count }
        });
        let zero = Bucket { lower: -self.zero_threshold, upper: self.zero_threshold, count: self.zero_count };
        let positive = self.positive.iter().map(move |&(i, count)| {
            let (lower, upper) = sides(i);
            Bucket { lower, upper, count }
        });
        // Prometheus leaves out a negative count of zeros, though not of others.
        let zero = (zero.count > 0.0).then_some(zero);
        negative.chain(zero).chain(positive).filter(|b| b.count != 0.0)
    }

    /// The sum of two.
    ///
    /// # Errors
    /// They do not go together.
    pub fn plus(&self, other: &Self) -> Result<Self, Mismatch> {
        self.joined(other, 1.0)
    }

    /// The difference of two.
    ///
    /// # Errors
    /// They do not go together.
    pub fn minus(&self, other: &Self) -> Result<Self, Mismatch> {
        self.joined(other, -1.0)
    }

    fn joined(&self, other: &Self, sign: f64) -> Result<Self, Mismatch> {
        let schema = self.schema.min(other.schema);
        let (mut out, other) = (self.at_schema(schema), other.at_schema(schema));
        if out.zero_threshold != other.zero_threshold {
            return Err(Mismatch);
        }
        out.count += sign * other.count;
        out.sum += sign * other.sum;
        out.zero_count += sign * other.zero_count;
        out.positive = joined(&out.positive, &other.positive, sign);
        out.negative = joined(&out.negative, &other.negative, sign);
        Ok(out)
    }

    /// Each count and the sum changed.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let each =
            |buckets: &[(i32, f64)]| -> Vec<(i32, f64)> { buckets.iter().map(|(i, n)| (*i, f(*n))).filter(|b| b.1 != 0.0).collect() };
        Self {
            count: f(self.count),
            sum: f(self.sum),
            zero_count: f(self.zero_count),
            positive: each(&self.positive),
            negative: each(&self.negative),
            ..*self
        }
    }

    /// Divided by a number; division by zero leaves no bucket.
    pub fn divided(&self, by: f64) -> Self {
        let out = self.map(|n| n / by);
        if by == 0.0 { Self { positive: Vec::new(), negative: Vec::new(), ..out } } else { out }
    }

    /// With wider buckets.
    pub fn at_schema(&self, schema: i32) -> Self {
        let by = self.schema - schema;
        let reduce = |buckets: &[(i32, f64)]| -> Vec<(i32, f64)> {
            let mut out: Vec<(i32, f64)> = Vec::with_capacity(buckets.len());
            for &(i, n) in buckets {
                match out.last_mut() {
                    Some(last) if last.0 == reduced(i, by) => last.1 += n,
                    _ => out.push((reduced(i, by), n)),
                }
            }
            out
        };
        if by <= 0 {
            return self.clone();
        }
        Self { schema, positive: reduce(&self.positive), negative: reduce(&self.negative), ..*self }
    }

    /// Whether its process has started anew since an earlier one (`DetectReset`).
    pub fn is_reset_of(&self, earlier: &Self) -> bool {
        if self.count < earlier.count || self.schema > earlier.schema || self.zero_threshold < earlier.zero_threshold {
            return true;
        }
        let earlier = earlier.at_schema(self.schema);
        let fell = |now: &[(i32, f64)], then: &[(i32, f64)]| {
            then.iter().any(|(i, n)| *n > now.binary_search_by_key(i, |b| b.0).map_or(0.0, |at| now[at].1))
        };
        self.zero_count < earlier.zero_count || fell(&self.positive, &earlier.positive) || fell(&self.negative, &earlier.negative)
    }
}

impl Native {
    /// As remote write sends it, at an instant (milliseconds).
    pub fn to_wire(&self, timestamp: i64) -> Histogram {
        let counts = |buckets: &[(i32, f64)]| buckets.iter().map(|b| b.1).collect();
        Histogram {
            count: Some(self.count),
            sum: self.sum,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: Some(self.zero_count),
            negative_spans: spans(&self.negative),
            negative_counts: counts(&self.negative),
            positive_spans: spans(&self.positive),
            positive_counts: counts(&self.positive),
            timestamp,
        }
    }
}

/// Runs of neighbouring buckets.
fn spans(buckets: &[(i32, f64)]) -> Vec<BucketSpan> {
    let mut out: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for &(index, _) in buckets {
        match out.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => out.push(BucketSpan { offset: index - next, length: 1 }),
        }
        next = index + 1;
    }
    out
}

fn joined(a: &[(i32, f64)], b: &[(i32, f64)], sign: f64) -> Vec<(i32, f64)> {
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().map(|(i, n)| (*i, sign * n)).peekable());
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    loop {
        let next = match (a.peek().copied(), b.peek().copied()) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                a.next();
                b.next();
                (x.0, x.1 + y.1)
            }
            (Some(x), other) if other.is_none_or(|y| x.0 < y.0) => {
                a.next();
                x
            }
            (_, Some(y)) => {
                b.next();
                y
            }
            _ => return out,
        };
        if next.1 != 0.0 {
            out.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(schema: i32, positive: &[(i32, f64)]) -> Native {
        let count = positive.iter().map(|b| b.1).sum();
        Native { schema, count, sum: count, positive: positive.to_vec(), ..Native::default() }
    }

    #[test]
    fn a_value_is_in_the_bucket_whose_bounds_are_around_it() {
        for schema in [-2, 0, 1, 3, 8] {
            for value in [1e-9, 0.02, 0.5, 1.0, 1.0001, 7.3, 1e9] {
                let i = index(value, schema);
                assert!(bound(i - 1, schema) < value && value <= bound(i, schema), "{value} at schema {schema}");
            }
        }
        assert_eq!([0, 1, 2, 3, -1].map(|i| bound(i, 0)), [1.0, 2.0, 4.0, 8.0, 0.5]);
        assert_eq!(bound(1024 * 8, 3), f64::MAX);
        assert_eq!(bound(-26, 2).to_string(), "0.011048543456039804", "the digits of a real Prometheus");
    }

    #[test]
    fn wider_buckets_hold_the_same_observations() {
        let fine = of(3, &[(-7, 1.0), (0, 2.0), (1, 4.0), (8, 8.0), (9, 16.0)]);
        assert_eq!(fine.at_schema(0).positive, [(0, 3.0), (1, 12.0), (2, 16.0)]);
        assert_eq!(fine.plus(&of(0, &[(1, 1.0), (5, 1.0)])).unwrap().positive, [(0, 3.0), (1, 13.0), (2, 16.0), (5, 1.0)]);
    }

    #[test]
    fn buckets_are_written_as_runs() {
        let sent = of(3, &[(-7, 1.0), (-6, 2.0), (0, 4.0), (2, 8.0)]).to_wire(5);
        let runs: Vec<(i32, u32)> = sent.positive_spans.iter().map(|s| (s.offset, s.length)).collect();
        assert_eq!((runs, sent.positive_counts), (vec![(-7, 2), (5, 1), (1, 1)], vec![1.0, 2.0, 4.0, 8.0]));
    }

    #[test]
    fn a_bucket_that_falls_is_a_reset() {
        let (early, late) = (of(3, &[(1, 2.0), (4, 1.0)]), of(3, &[(1, 9.0), (4, 1.0)]));
        assert!(!late.is_reset_of(&early));
        assert!(early.is_reset_of(&late));
        assert!(of(3, &[(1, 9.0)]).is_reset_of(&early), "bucket 4 is gone");
        assert_eq!(late.minus(&early).unwrap().positive, [(1, 7.0)]);
    }
}
