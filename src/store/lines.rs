//! The lines of a segment as they are at some moment.

use std::sync::Arc;

use super::{
    row::{LineId, Row, decode},
    show::Rule,
};
use crate::log_patterns::Kind;

/// The lines of a segment as they are at some moment, to be read elsewhere while others are added to the segment.
#[derive(Clone, Default)]
pub(super) struct Lines {
    pub(super) bytes: Arc<String>,
    pub(super) rows: Arc<Vec<Row>>,
    /// What is known of the forms of the first rows.
    pub(super) numbers: Numbers,
}

/// The numbers of the forms of a segment's first rows, in the order of the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) kinds: Arc<Vec<Kind>>,
    /// Which numbering they are of.
    pub(super) generation: u64,
    /// Counts the times that the rows were put into another order: what is known of an earlier one does not hold.
    pub(super) order: u64,
}

impl Numbers {
    /// The number of a row's form.
    pub(super) fn of(&self, row: usize, generation: u64) -> Option<Kind> {
        self.kinds.get(row).copied().filter(|_| self.generation == generation)
    }

    /// Others for the same rows.
    pub(super) fn with(&self, kinds: Arc<Vec<Kind>>, generation: u64) -> Self {
        Self { kinds, generation, order: self.order }
    }
}

impl Lines {
    pub(super) fn text(&self, row: &Row) -> &str {
        let from = row.offset as usize;
        &self.bytes[from..from + row.text as usize]
    }

    pub(super) fn metadata(&self, row: &Row) -> &str {
        let from = row.offset as usize + row.text as usize;
        &self.bytes[from..from + row.metadata as usize]
    }

    /// Whether the line of a row is to be shown.
    pub(super) fn row_passes(&self, i: usize, rule: Rule<'_>) -> bool {
        self.rows.get(i).is_some_and(|row| self.passes(row, rule, |generation| self.numbers.of(i, generation)))
    }

    /// The rows of all lines that are to be shown.
    pub(super) fn passing(&self, rule: Rule<'_>) -> Vec<u32> {
        (0..).take(self.rows.len()).filter(|row| self.row_passes(*row as usize, rule)).collect()
    }

    /// Whether a line is to be shown; `kind` tells the number of its form in a numbering, where it is known.
    pub(super) fn passes(&self, row: &Row, rule: Rule<'_>, kind: impl Fn(u64) -> Option<Kind>) -> bool {
        rule.passes((row.at, row.level, row.stream), self.text(row), decode(self.metadata(row)), kind)
    }

    /// The same lines with these numbers.
    pub(super) fn numbered(&self, numbers: Numbers) -> Self {
        Self { numbers, ..self.clone() }
    }

    /// The name of the first line, which the segment is known by.
    pub(super) fn first(&self) -> Option<LineId> {
        self.rows.first().map(Row::id)
    }
}
