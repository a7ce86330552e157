//! Spans that an answer is explained by.

use super::{Label, Series, Steps};

/// A span of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Its trace, and what the query speaks of.
    pub labels: Vec<Label>,
    /// What was measured; of what is only counted the sample of its step.
    pub value: f64,
    /// Milliseconds.
    pub at: i64,
}

/// How many exemplars are still to be taken: few at a time, so that they are spread over the range.
#[derive(Debug)]
pub struct Exemplars {
    steps: Steps,
    taken: Vec<usize>,
    left: usize,
}

/// Exemplars of one stretch.
const EACH: usize = 2;

impl Exemplars {
    /// So many over all steps; none of an instant query.
    pub fn new(steps: Steps, most: usize) -> Self {
        let left = if steps.is_instant() { 0 } else { most };
        Self { steps, taken: vec![0; (left / EACH).max(1)], left }
    }

    /// Whether a span that begins at an instant (nanoseconds) is taken.
    pub fn take(&mut self, at: i64) -> bool {
        let (start, end) = self.steps.bounds();
        let stretch = i128::from(at - start) * self.taken.len() as i128 / i128::from((end - start).max(1));
        let stretch = usize::try_from(stretch).unwrap_or(0).min(self.taken.len() - 1);
        if self.left == 0 || self.taken[stretch] >= EACH {
            return false;
        }
        self.left -= 1;
        self.taken[stretch] += 1;
        true
    }
}

/// Gives exemplars without a value that of their step, and orders them by time. Those in steps without a sample are left out.
pub fn value(series: &mut [Series], steps: Steps) {
    for series in series {
        let values = &series.values;
        let sample = |e: &Exemplar| steps.index(e.at * 1_000_000 + 1).and_then(|i| values.get(i)).copied().unwrap_or(f64::NAN);
        series.exemplars.retain(|e| !sample(e).is_nan());
        for exemplar in series.exemplars.iter_mut().filter(|e| e.value.is_nan()) {
            exemplar.value = sample(exemplar);
        }
        series.exemplars.sort_by_key(|e| e.at);
    }
}
