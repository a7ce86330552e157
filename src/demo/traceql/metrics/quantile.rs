//! Quantiles of buckets whose bounds are powers of two, as Tempo reckons them.

use super::super::ast::Static;

/// The bucket of a value: the next power of two, of durations in seconds; none of what is smaller than two, and of fractions.
pub fn bucket(value: &Static) -> Option<f64> {
    let bound = |n: i64| (n as f64).log2().ceil().exp2();
    match value {
        Static::Int(n) if *n >= 2 => Some(bound(*n)),
        Static::Duration(ns) if *ns >= 2 => Some(bound(*ns) / 1e9),
        _ => None,
    }
}

/// Counts by upper bound, bounds rising.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram(Vec<(f64, f64)>);

impl Histogram {
    /// Counts into a bucket.
    pub fn add(&mut self, bound: f64, count: f64) {
        if count == 0.0 {
            return;
        }
        match self.0.binary_search_by(|(b, _)| b.total_cmp(&bound)) {
            Ok(i) => self.0[i].1 += count,
            Err(i) => self.0.insert(i, (bound, count)),
        }
    }

    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(bound, count)| self.add(*bound, *count));
    }

    /// A quantile, between two bounds by powers; 0 of nothing.
    pub fn quantile(&self, q: f64) -> f64 {
        let total: f64 = self.0.iter().map(|b| b.1).sum();
        let wanted = (q * total).ceil().max(1.0);
        let mut below = 0.0;
        for (i, (bound, count)) in self.0.iter().enumerate() {
            if below + count == wanted {
                return *bound;
            }
            if below + count > wanted || i + 1 == self.0.len() {
                let most = bound.log2();
                let least = if i > 0 { self.0[i - 1].0.log2() } else { most - 1.0 };
                return (least + (most - least) * (wanted - below) / count).exp2();
            }
            below += count;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_bounds_of_their_bucket() {
        let mut h = Histogram::default();
        h.add(1.024, 3.0);
        h.add(0.512, 1.0);
        assert_eq!(h.quantile(0.0), 0.512);
        assert_eq!(h.quantile(0.25), 0.512);
        assert_eq!(h.quantile(1.0), 1.024);
        assert!((h.quantile(0.5) - 0.512 * 2_f64.powf(1.0 / 3.0)).abs() < 1e-12, "{}", h.quantile(0.5));
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
        assert_eq!(bucket(&Static::Duration(700_000_000)), Some(1.073_741_824));
        assert_eq!((bucket(&Static::Int(5)), bucket(&Static::Int(1)), bucket(&Static::Float(5.0))), (Some(8.0), None, None));
    }
}
