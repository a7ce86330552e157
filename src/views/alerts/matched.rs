//! What an expression gave, found by the alert that it belongs to.

use crate::model::{
    alert::Alert,
    label_index::LabelIndex,
    series::{Matrix, Series},
};

/// A matrix whose series are found by an alert's labels: one of 10,000 alerts is one of 10,000 series.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    pub(super) matrix: Matrix,
    index: LabelIndex,
}

impl PartialEq for Matched {
    fn eq(&self, other: &Self) -> bool {
        self.matrix == other.matrix
    }
}

impl From<Matrix> for Matched {
    fn from(matrix: Matrix) -> Self {
        Self { index: LabelIndex::of(matrix.series.iter().map(|s| &s.labels)), matrix }
    }
}

impl Matched {
    /// The series that belongs to an alert: none of its labels is another one of the alert's.
    pub(super) fn series_of(&self, alert: &Alert) -> Option<&Series> {
        self.index.agreeing(&alert.labels).next().and_then(|place| self.matrix.series.get(place))
    }
}
