//! Which rows of a segment go on from others, and what is decided anew when that changes.

use std::{ops::Range, sync::Arc};

use super::{
    super::{
        folds::{Folds, Found},
        row::{LineId, Row},
        show::Rule,
    },
    Segment,
    wanted::Wanted,
};

impl Segment {
    /// The lines of traces among these rows.
    pub(super) fn traced(&self, rows: Range<usize>) -> Vec<LineId> {
        let all = if self.lines.folds.is_empty() { 0..0 } else { rows };
        all.filter(|row| self.lines.folds.lead(*row).is_some()).filter_map(|row| self.lines.rows.get(row)).map(Row::id).collect()
    }

    /// Decides again on the traces whose lines were put elsewhere, and on those that came of it.
    pub(in super::super) fn judge_loose(&mut self, rule: Rule<'_>) {
        let (loose, folds) = (std::mem::take(&mut self.loose), self.lines.folds.clone());
        if !loose.is_empty() || !folds.is_empty() {
            self.judge_again(|row, id| folds.lead(row).is_some() || loose.binary_search(&id).is_ok(), rule);
        }
    }

    /// Decides again on some rows: others go on from them now, or none does.
    pub(in super::super) fn judge_again(&mut self, rows: impl Fn(usize, LineId) -> bool, rule: Rule<'_>) {
        self.wanted = Wanted::default();
        let known = self.verdict.take().map(|v| v.named(&self.lines, self.lines.rows.len()));
        self.verdict = known.map(|k| k.placed(&self.lines, rule, |row, id| !rows(row, id), rule.show.at_once()));
    }

    /// Rows from which on it is to be found out whether they go on from others.
    pub(in super::super) fn folded(&self) -> usize {
        self.folded
    }

    /// Takes what was found out of all rows that go on from others. Returns the first rows of traces that grew.
    pub(in super::super) fn fold(&mut self, found: Found) -> Vec<usize> {
        self.folded = self.lines.rows.len();
        if let Some(folds) = found.folds {
            self.lines.folds = Arc::new(folds);
        } else if self.lines.folds.lacks(self.folded) {
            Arc::make_mut(&mut self.lines.folds).reach(self.folded);
        }
        if let Some(first) = found.grown.iter().min() {
            self.forget_numbers(*first);
        }
        found.grown
    }

    /// Forgets which rows go on. Returns what was known.
    pub(in super::super) fn unfold(&mut self) -> Arc<Folds> {
        self.folded = 0;
        std::mem::take(&mut self.lines.folds)
    }

    /// Which rows go on is what was known before, where that is the same. Returns whether it is.
    pub(in super::super) fn fold_back(&mut self, old: &Arc<Folds>) -> bool {
        let is_same = **old == *self.lines.folds;
        if is_same {
            // Whoever looks at the lines elsewhere knows them by these.
            self.lines.folds = old.clone();
        }
        is_same
    }

    /// Forgets the numbers of forms from a row on: they are others now.
    pub(in super::super) fn forget_numbers(&mut self, from: usize) {
        let numbers = &mut self.lines.numbers;
        if numbers.kinds.len() > from {
            Arc::make_mut(&mut numbers.kinds).truncate(from);
        }
        numbers.order += 1;
    }
}
