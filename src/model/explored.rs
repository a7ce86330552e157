//! What a PromQL that a user typed gives: anything, not only numbers by series.

use super::{
    labels::Labels,
    series::{Matrix, Sample},
    time::Timestamp,
};

/// The answer to a typed query.
#[derive(Clone, Debug, PartialEq)]
pub enum Explored {
    /// Of a range query.
    Graph {
        /// The series that are kept.
        matrix: Matrix,
        /// How many the server gave.
        total: usize,
    },
    /// Of an instant query: an instant vector, or the samples of a range vector.
    Table(Table),
    /// A number without series.
    Scalar(Sample),
    /// A text.
    Text(String),
}

/// Series with what each has at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The series that are kept, in the server's order.
    pub rows: Vec<(Labels, Value)>,
    /// How many the server gave.
    pub total: usize,
    /// What the server warned of.
    pub warnings: Vec<String>,
}

/// What a series has.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number; NaN and ±Inf are legal.
    Number(f64),
    /// A native histogram in words: count, sum and buckets.
    Histogram(String),
    /// The samples of a range: how many, and the newest.
    Samples(usize, Option<(Timestamp, f64)>),
}

impl Value {
    /// Its number, for sorting.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) | Self::Samples(_, Some((_, value))) => Some(*value),
            Self::Histogram(_) | Self::Samples(_, None) => None,
        }
    }
}

/// Names that completion offers: metrics, labels or values, and whether there are more than were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The names.
    pub names: Vec<compact_str::CompactString>,
    /// Whether the list was cut.
    pub cut: bool,
}

/// What a metric says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// `counter`, `gauge`, `histogram`, `summary`; empty where nobody knows.
    pub kind: String,
    /// Its help text.
    pub help: String,
}
