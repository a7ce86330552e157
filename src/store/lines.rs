//! The lines of a segment as they are at some moment.

use std::{borrow::Cow, sync::Arc};

use foldhash::HashMap;

use super::{
    condition::Condition,
    folds::Folds,
    row::{LineId, Row, decode},
    show::Rule,
};
use crate::{log_fields::joined, log_patterns::Kind, model::log::Level};

/// The lines of a segment as they are at some moment, to be read elsewhere while others are added to the segment.
#[derive(Clone, Default)]
pub(super) struct Lines {
    pub(super) bytes: Arc<String>,
    pub(super) rows: Arc<Vec<Row>>,
    /// What is known of the forms of the first rows.
    pub(super) numbers: Numbers,
    /// Which of them go on from others.
    pub(super) folds: Arc<Folds>,
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

    /// The texts of a row and of the lines here that go on from it.
    pub(super) fn texts(&self, row: usize) -> impl Iterator<Item = &str> {
        self.folds.rows(row).filter_map(|row| self.rows.get(row)).map(|row| self.text(row))
    }

    /// The text of a row with the lines here that go on from it.
    pub(super) fn whole(&self, row: usize) -> Cow<'_, str> {
        joined(self.texts(row))
    }

    /// How bad a line says it is; of a trace, how bad the worst of its lines here does.
    pub(super) fn level(&self, row: usize) -> Level {
        match self.folds.lead(row) {
            Some(lead) => self.folds.worst(lead),
            None => self.rows.get(row).map_or(Level::Unknown, |row| row.level),
        }
    }

    /// Whether the line of a row is to be shown.
    pub(super) fn row_passes(&self, i: usize, rule: Rule<'_>) -> bool {
        self.passes(i, rule, |row, generation| self.numbers.of(row, generation))
    }

    /// The rows of all lines that are to be shown.
    pub(super) fn passing(&self, rule: Rule<'_>) -> Vec<u32> {
        let mut judge = Judge::new(self, rule);
        (0..).take(self.rows.len()).filter(|row| judge.passes(*row as usize)).collect()
    }

    /// Whether a line is to be shown. `kind` tells the number of the form of a row in a numbering, where it is known.
    pub(super) fn passes(&self, i: usize, rule: Rule<'_>, kind: impl Fn(usize, u64) -> Option<Kind>) -> bool {
        let lead = self.folds.lead(i);
        let first = lead.unwrap_or(i);
        let Some(row) = self.rows.get(first) else { return false };
        let (show, kind) = (rule.show, |generation| kind(first, generation));
        match lead {
            None => show.is_of(row.at, row.level) && show.reads(self.text(row), kind) && self.is_asked(row, rule),
            Some(lead) => {
                show.is_of(row.at, self.level(lead)) && self.trace_is_asked(lead, rule) && show.reads_of(|| self.whole(lead), kind)
            }
        }
    }

    /// Whether a server that is asked with the conditions hands a line out.
    fn is_asked(&self, row: &Row, rule: Rule<'_>) -> bool {
        rule.show.conditions.iter().all(|condition| self.meets(row, condition, rule))
    }

    /// The same of a trace, all lines of which are shown or none is. A server decides on each line for itself, so one of them that
    /// it hands out brings the others that are here; but what its first line is left out for leaves out all of them, also those
    /// that the server hands out without it.
    fn trace_is_asked(&self, lead: usize, rule: Rule<'_>) -> bool {
        let leaves_out = |row: &Row| rule.show.conditions.iter().any(|c| !c.keep && !self.meets(row, c, rule));
        rule.show.conditions.is_empty()
            || !self.rows.get(lead).is_some_and(leaves_out)
                && self.folds.rows(lead).filter_map(|row| self.rows.get(row)).any(|row| self.is_asked(row, rule))
    }

    fn meets(&self, row: &Row, condition: &Condition, rule: Rule<'_>) -> bool {
        condition.passes(rule.streams.get(row.stream).map(|l| &**l), decode(self.metadata(row)), self.text(row))
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

/// Decides on rows one after the other, and on each trace once.
pub(super) struct Judge<'l> {
    lines: &'l Lines,
    rule: Rule<'l>,
    decided: HashMap<usize, bool>,
}

impl<'l> Judge<'l> {
    pub(super) fn new(lines: &'l Lines, rule: Rule<'l>) -> Self {
        Self { lines, rule, decided: HashMap::default() }
    }

    /// Whether the line of a row is to be shown.
    pub(super) fn passes(&mut self, row: usize) -> bool {
        match self.lines.folds.lead(row) {
            None => self.lines.row_passes(row, self.rule),
            Some(lead) => *self.decided.entry(lead).or_insert_with(|| self.lines.row_passes(lead, self.rule)),
        }
    }
}
