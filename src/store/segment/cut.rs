//! A segment that is cut: in two where it has too much, or to the lines that are kept.

use std::{ops::Range, sync::Arc};

use super::{
    super::{row::Row, show::Rule},
    BYTES, ROWS, Segment,
};

impl Segment {
    /// Cuts off what is too much for one segment, at a place where the time changes. Where lines were only `appended`
    /// from a row on, the older ones stay together; else both halves keep room for more late lines.
    pub(in super::super) fn split(&mut self, appended: Option<usize>, rule: Rule<'_>) -> Option<Self> {
        if self.lines.rows.len() <= ROWS && self.lines.bytes.len() <= BYTES {
            return None;
        }
        let rows = match appended {
            Some(from) => self.rows_within(ROWS, BYTES).max(from),
            None => self.rows_within(ROWS / 2, BYTES / 2),
        };
        let rows = self.between_traces(self.at_change_of_time(rows.max(1)));
        let appended = appended.filter(|from| *from <= rows);
        let mut rest = self.copy(rows..self.lines.rows.len(), rule);
        if rest.lines.rows.is_empty() {
            return None;
        }
        if appended.is_some() {
            // As many lines of that kind will come: growing step by step would copy each of them twice.
            let (bytes, all) = (Arc::make_mut(&mut rest.lines.bytes), Arc::make_mut(&mut rest.lines.rows));
            bytes.reserve((BYTES + BYTES / 16).saturating_sub(bytes.len()));
            all.reserve((rows + rows / 16).saturating_sub(all.len()));
            self.truncate(rows, rule);
        } else {
            *self = self.copy(0..rows, rule);
        }
        Some(rest)
    }

    /// Forgets the last rows, whose texts are the last as well, and the room for more.
    fn truncate(&mut self, rows: usize, rule: Rule<'_>) {
        let (bytes, all) = (Arc::make_mut(&mut self.lines.bytes), Arc::make_mut(&mut self.lines.rows));
        bytes.truncate(all[rows].offset as usize);
        bytes.shrink_to_fit();
        all.truncate(rows);
        all.shrink_to_fit();
        if self.lines.numbers.kinds.len() > rows {
            Arc::make_mut(&mut self.lines.numbers.kinds).truncate(rows);
        }
        self.traces.shrink_to_fit();
        if !self.lines.folds.is_empty() {
            self.loose.extend(self.traced(0..rows));
            let cut = Arc::make_mut(&mut self.lines.folds).truncate(&self.lines.rows);
            cut.into_iter().min().into_iter().for_each(|first| self.forget_numbers(first));
        }
        self.folded = self.folded.min(rows);
        if let Some(verdict) = &mut self.verdict {
            verdict.truncate(&self.lines, rule);
        }
    }

    /// How many rows from the first on have their lines within so many bytes; at least one.
    fn rows_within(&self, rows: usize, bytes: usize) -> usize {
        let sizes = self.lines.rows.iter().take(rows).scan(0, |sum, r| {
            *sum += r.size();
            Some(*sum)
        });
        sizes.take_while(|sum| *sum <= bytes).count().max(1)
    }

    /// The first row from this one on that is not of the instant of the row before it.
    fn at_change_of_time(&self, row: usize) -> usize {
        let Some(last) = row.checked_sub(1).and_then(|i| self.lines.rows.get(i)) else { return row };
        row + self.lines.rows[row..].iter().take_while(|r| r.at == last.at).count()
    }

    /// The same row, or one not far before that no trace goes on over.
    fn between_traces(&self, row: usize) -> usize {
        let cut = self.lines.folds.between(row);
        let is_of_its_instant =
            |row: &usize| *row > 0 && self.lines.rows.get(*row).map(|r| r.at) == self.lines.rows.get(row - 1).map(|r| r.at);
        if cut == 0 || is_of_its_instant(&cut) { row } else { cut }
    }

    /// Forgets its older half. Returns how many lines that were.
    pub(in super::super) fn halve(&mut self, rule: Rule<'_>) -> usize {
        let gone = self.lines.rows.len().div_ceil(2);
        *self = self.copy(gone..self.lines.rows.len(), rule);
        gone
    }

    fn copy(&self, rows: Range<usize>, rule: Rule<'_>) -> Self {
        self.copy_of(self.lines.rows[rows].iter(), rule)
    }

    pub(super) fn copy_of<'r>(&self, rows: impl ExactSizeIterator<Item = &'r Row> + Clone, rule: Rule<'_>) -> Self {
        let loose = self.traced(0..self.lines.rows.len());
        let mut out = Self { mixed: self.mixed, loose, ..Self::default() };
        out.lines.rows = Arc::new(Vec::with_capacity(rows.len()));
        let mut bytes = String::with_capacity(rows.clone().map(Row::size).sum());
        for row in rows {
            let offset = u32::try_from(bytes.len()).unwrap_or(0);
            bytes.push_str(self.text(row));
            bytes.push_str(self.metadata(row));
            let trace = self.trace(row).map_or(0, |t| out.note_trace(t));
            out.push(Row { offset, trace, ..*row });
        }
        out.lines.bytes = Arc::new(bytes);
        out.lines.numbers.order = self.lines.numbers.order + 1;
        out.places.clone_from(&self.places);
        out.traces.shrink_to_fit();
        out.verdict = self.verdict.as_ref().map(|v| v.named(&self.lines, self.lines.rows.len()).placed(&out.lines, rule, |_, _| true, 0));
        out
    }
}
