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
        total: Total,
    },
    /// Of an instant query: an instant vector, or the samples of a range vector.
    Table(Table),
    /// A number without series, and what the server warned of.
    Scalar(Sample, Vec<String>),
    /// A text, and what the server warned of.
    Text(String, Vec<String>),
}

impl Explored {
    /// What the server warned of.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Graph { matrix, .. } => &matrix.warnings,
            Self::Table(table) => &table.warnings,
            Self::Scalar(_, warnings) | Self::Text(_, warnings) => warnings,
        }
    }
}

/// How many series the server gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// The number.
    pub series: usize,
    /// Whether there may be more: it is as many as were asked for.
    pub cut: bool,
}

/// Series with what each has at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The series that are kept, in the server's order.
    pub rows: Vec<(Labels, Value)>,
    /// How many the server gave.
    pub total: Total,
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
