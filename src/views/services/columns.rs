//! What was answered, read once: each refresh joins all columns after each of its answers, and looking a thousand names up
//! in all of them every time was most of its cost.

use compact_str::CompactString;
use foldhash::HashMap;

use crate::model::{
    series::{Matrix, Sample, Vector},
    time::{TimeRange, Timestamp},
};

/// Services by number.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<CompactString, usize>,
    names: Vec<CompactString>,
}

/// A figure of now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// Whose.
    pub service: usize,
    /// The place of its family in the mapping, as it is labelled.
    pub family: Option<usize>,
    /// A number.
    pub value: f64,
}

/// The last hour of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// Whose.
    pub service: usize,
    /// The place of its family in the mapping, as it is labelled.
    pub family: Option<usize>,
    /// Where it is in the answer.
    pub place: usize,
    /// What was normal at the hour's beginning.
    pub before: Option<f64>,
    /// The highest value.
    pub peak: Option<f64>,
    /// The last sample.
    pub last: Option<Timestamp>,
}

impl Names {
    /// The name of a number.
    pub fn name(&self, service: usize) -> &CompactString {
        &self.names[service]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The number of a name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.numbers.insert(name.into(), number);
        self.names.push(name.into());
        number
    }

    /// The figures of an answer that are numbers.
    pub fn told(&mut self, vector: Option<&Vector>) -> Vec<Told> {
        let elements = vector.into_iter().flat_map(|v| &v.elements).filter(|(_, sample)| sample.value.is_finite());
        let told = elements.filter_map(|(labels, sample)| {
            let service = self.number(labels.get("service")?);
            Some(Told { service, family: labels.get("family").and_then(|f| f.parse().ok()), value: sample.value })
        });
        told.collect()
    }

    /// The hours of an answer.
    pub fn past(&mut self, matrix: Option<&Matrix>) -> Vec<Past> {
        let mut early = Vec::new();
        let range = matrix.map(|m| m.range);
        let series = matrix.into_iter().flat_map(|m| m.series.iter().enumerate());
        let past = series.zip(range.into_iter().cycle()).filter_map(|((place, series), range)| {
            Some(Past {
                service: self.number(series.labels.get("service")?),
                family: series.labels.get("family").and_then(|f| f.parse().ok()),
                place,
                before: normal(&series.samples, range, &mut early),
                peak: series.samples.iter().map(|s| s.value).filter(|v| v.is_finite()).max_by(f64::total_cmp),
                last: series.last().map(|s| s.at),
            })
        });
        past.collect()
    }
}

/// What was normal an hour before: the median of the first third of the range.
fn normal(samples: &[Sample], range: TimeRange, early: &mut Vec<f64>) -> Option<f64> {
    let until = range.start + range.duration() / 3;
    early.clear();
    early.extend(samples.iter().take_while(|s| s.at <= until).map(|s| s.value).filter(|v| v.is_finite()));
    let middle = early.len() / 2;
    (!early.is_empty()).then(|| *early.select_nth_unstable_by(middle, f64::total_cmp).1)
}
