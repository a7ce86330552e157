//! Which lines of a segment are shown, as far as that is known: many lines are looked at by a worker, those about the cursor
//! at once.

use std::{ops::Range, sync::Arc};

use super::{
    filtering::Judged,
    lines::{Judge, Lines},
    row::{LineId, Row},
    show::Rule,
};

/// What is known of the rows of a segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// Rows that were looked at; the others are still to be.
    seen: Range<usize>,
    /// Those of them that are shown. Shared with whoever found them out or counts them: a key waits while they are handed on.
    shown: Arc<Vec<u32>>,
    /// Those of them that pass, and wait behind a held screen.
    held: Vec<u32>,
    /// All rows that wait, whatever is known of them.
    waiting: usize,
}

/// How far to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Until so many lines are shown.
    pub lines: usize,
    /// Over so many bytes.
    pub bytes: usize,
}

/// What a row costs beside its text, in bytes.
pub(super) const ROW: usize = 256;

impl Reach {
    fn is_over(self) -> bool {
        self.lines == 0 || self.bytes == 0
    }
}

impl Verdict {
    /// All rows so far are shown.
    pub(super) fn all(rows: usize) -> Self {
        Self { seen: 0..rows, shown: Arc::new((0..).take(rows).collect()), ..Self::default() }
    }

    /// What is known of some rows by `known`; where that says nothing they are looked at.
    pub(super) fn of(lines: &Lines, seen: Range<usize>, rule: Rule<'_>, mut known: impl FnMut(usize, &Row) -> Option<bool>) -> Self {
        let mut out = Self { seen: seen.clone(), ..Self::unknown(lines, rule) };
        let mut judge = Judge::new(lines, rule);
        for (i, row) in lines.rows.iter().enumerate().take(seen.end).skip(seen.start) {
            if known(i, row).unwrap_or_else(|| judge.passes(i)) {
                out.note(i, row, rule);
            }
        }
        out
    }

    /// Nothing is known of the rows but which wait.
    pub(super) fn unknown(lines: &Lines, rule: Rule<'_>) -> Self {
        let waiting = if rule.show.held.is_none() { 0 } else { lines.rows.iter().filter(|r| rule.show.is_waiting(r.id())).count() };
        Self { waiting, ..Self::default() }
    }

    fn note(&mut self, i: usize, row: &Row, rule: Rule<'_>) {
        let list = if rule.show.is_waiting(row.id()) { &mut self.held } else { Arc::make_mut(&mut self.shown) };
        list.push(u32::try_from(i).unwrap_or(u32::MAX));
    }

    /// What a worker found out.
    pub(super) fn from_worker(lines: &Lines, judged: &Judged, rule: Rule<'_>) -> Self {
        // Most segments are full and as the worker saw them: a key waits while their rows are gone through.
        let is_same = Arc::ptr_eq(&lines.rows, &judged.lines.rows) && Arc::ptr_eq(&lines.folds, &judged.lines.folds);
        if is_same && rule.show.held.is_none() {
            return Self { seen: 0..lines.rows.len(), shown: judged.passing.clone(), ..Self::default() };
        }
        let mut there = judged.lines.rows.iter().enumerate().peekable();
        let mut passing = judged.passing.iter().copied().peekable();
        Self::of(lines, 0..lines.rows.len(), rule, |i, row| {
            while there.next_if(|(_, old)| old.id() < row.id()).is_some() {}
            let (place, _) = there.next_if(|(_, old)| old.id() == row.id())?;
            // More lines of a trace may have come, or it is cut.
            if !is_same && (lines.folds.lead(i).is_some() || judged.lines.folds.lead(place).is_some()) {
                return None;
            }
            while passing.next_if(|p| (*p as usize) < place).is_some() {}
            Some(passing.peek().is_some_and(|p| *p as usize == place))
        })
    }

    /// The names of the lines that pass, and from where to where they were looked for in so many first rows.
    pub(super) fn named(&self, lines: &Lines, rows: usize) -> Named {
        let id = |row: usize| lines.rows.get(row).map(Row::id);
        let seen = id(self.seen.start).zip(self.seen.end.checked_sub(1).and_then(id)).filter(|_| !self.seen.is_empty());
        Named { seen, whole: self.seen.len() == rows, passing: self.passing().iter().filter_map(|row| id(*row as usize)).collect() }
    }

    /// The rows that pass, whether they wait or not.
    pub(super) fn passing(&self) -> Arc<Vec<u32>> {
        if self.held.is_empty() {
            return self.shown.clone();
        }
        let mut passing = [self.shown.as_slice(), &self.held].concat();
        passing.sort_unstable();
        Arc::new(passing)
    }

    /// How many rows are not looked at yet.
    pub(super) fn open(&self, rows: usize) -> usize {
        rows - self.seen.len()
    }

    /// The rows that are shown.
    pub(super) fn shown(&self) -> &Arc<Vec<u32>> {
        &self.shown
    }

    /// How many rows wait, and how many of those would be shown.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.waiting, self.held.len())
    }

    /// Rows were added at the end. They are looked at where all before them were, unless they are many.
    pub(super) fn extend(&mut self, lines: &Lines, from: usize, rule: Rule<'_>, bytes: usize) {
        self.waiting += lines.rows[from..].iter().filter(|r| rule.show.is_waiting(r.id())).count();
        if self.seen.end == from {
            self.look_on(lines, rule, &mut Reach { lines: usize::MAX, bytes });
        }
    }

    /// Begins at a row, where nothing was looked at yet.
    pub(super) fn begin(&mut self, row: usize) {
        if self.seen.is_empty() {
            self.seen = row..row;
        }
    }

    /// How many rows from one on, or before it, are known to be shown.
    pub(super) fn known(&self, from: usize, onward: bool) -> usize {
        let before = self.shown.partition_point(|row| (*row as usize) < from);
        if onward { self.shown.len() - before } else { before }
    }

    /// Looks at the next rows.
    pub(super) fn look_on(&mut self, lines: &Lines, rule: Rule<'_>, reach: &mut Reach) {
        let mut judge = Judge::new(lines, rule);
        for (i, row) in lines.rows.iter().enumerate().skip(self.seen.end) {
            if reach.is_over() {
                return;
            }
            if judge.passes(i) {
                self.note(i, row, rule);
                reach.lines -= 1;
            }
            reach.bytes = reach.bytes.saturating_sub(row.size() + ROW);
            self.seen.end = i + 1;
        }
    }

    /// Looks at the rows before.
    pub(super) fn look_back(&mut self, lines: &Lines, rule: Rule<'_>, reach: &mut Reach) {
        let mut found = Self::default();
        let mut judge = Judge::new(lines, rule);
        for (i, row) in lines.rows.iter().enumerate().take(self.seen.start).rev() {
            if reach.is_over() {
                break;
            }
            if judge.passes(i) {
                found.note(i, row, rule);
                reach.lines -= 1;
            }
            reach.bytes = reach.bytes.saturating_sub(row.size() + ROW);
            self.seen.start = i;
        }
        for (all, mut found) in [(Arc::make_mut(&mut self.shown), Arc::unwrap_or_clone(found.shown)), (&mut self.held, found.held)] {
            found.reverse();
            found.append(all);
            *all = found;
        }
    }

    /// Whether rows are still to be looked at on the way to the end, or to the beginning.
    pub(super) fn is_open(&self, rows: usize, onward: bool) -> bool {
        if onward { self.seen.end < rows } else { self.seen.start > 0 }
    }

    /// The last rows are gone.
    pub(super) fn truncate(&mut self, lines: &Lines, rule: Rule<'_>) {
        let rows = lines.rows.len();
        self.seen = self.seen.start.min(rows)..self.seen.end.min(rows);
        for list in [Arc::make_mut(&mut self.shown), &mut self.held] {
            list.truncate(list.partition_point(|row| (*row as usize) < rows));
        }
        self.waiting = Self::unknown(lines, rule).waiting;
    }
}

/// What was known of rows before they moved to other places, by the names of their lines.
pub(super) struct Named {
    /// The first and the last line that were looked at.
    seen: Option<(LineId, LineId)>,
    /// All lines were.
    whole: bool,
    passing: Vec<LineId>,
}

impl Named {
    /// The same of lines that are in their places again. Rows that were not `there` before are looked at, unless they are
    /// beyond what was looked at before and take more than so many bytes.
    pub(super) fn placed(&self, lines: &Lines, rule: Rule<'_>, there: impl Fn(usize, LineId) -> bool, bytes: usize) -> Verdict {
        let rows = &lines.rows;
        let known = |(first, last): (LineId, LineId)| rows.partition_point(|r| r.id() < first)..rows.partition_point(|r| r.id() <= last);
        let within = self.seen.map_or(0..0, known);
        let new = || rows[..within.start].iter().chain(&rows[within.end..]).map(|r| r.size() + ROW).sum::<usize>();
        let seen = if self.whole && new() <= bytes { 0..rows.len() } else { within };
        let mut passing = self.passing.iter().peekable();
        Verdict::of(lines, seen, rule, |i, row| {
            let id = row.id();
            while passing.next_if(|p| **p < id).is_some() {}
            there(i, id).then(|| passing.peek() == Some(&&id))
        })
    }
}
