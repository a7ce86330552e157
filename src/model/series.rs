//! What Prometheus (and Loki's metric queries) answer.

use std::time::Duration;

use super::{
    labels::Labels,
    time::{TimeRange, Timestamp},
    trace::TraceId,
};

/// One value at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// The value; NaN and ±Inf are legal.
    pub value: f64,
}

/// The result of an instant query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vector {
    /// One element a series; a scalar is one element without labels.
    pub elements: Vec<(Labels, Sample)>,
    /// What the server warned of: partial results, truncation, notes.
    pub warnings: Vec<String>,
}

/// One line of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Samples by time. A gap is a missing sample, never a zero.
    pub samples: Vec<Sample>,
}

impl Series {
    /// The last value that is a number.
    pub fn last(&self) -> Option<Sample> {
        self.samples.iter().rev().find(|s| !s.value.is_nan()).copied()
    }
}

/// The result of a range query.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The series, in the server's order.
    pub series: Vec<Series>,
    /// The range asked for.
    pub range: TimeRange,
    /// The step asked for; samples further apart than this are a gap.
    pub step: Duration,
    /// What the server warned of.
    pub warnings: Vec<String>,
}

/// One observation of a histogram that carries its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// When it was observed.
    pub at: Timestamp,
    /// The value, in the metric's unit.
    pub value: f64,
    /// Its trace, where a label names one.
    pub trace: Option<TraceId>,
    /// The exemplar's own labels.
    pub labels: Labels,
    /// The labels of the series it hangs on.
    pub series: Labels,
}
