//! Which lines of a segment go on from the line before them of their stream: those of a stack trace that a shipper sent one by
//! one. They stay lines of their own, for that is what the server holds; who shows lines shows them with the first one, and who
//! decides on one decides on all ([`super::lines`]).

use std::time::Duration;

use super::{
    lines::Lines,
    row::{LineId, Row},
};
use crate::{
    log_fields::{Part, is_panic, looks_inner, own},
    model::{
        log::Level,
        time::{Timestamp, nanos},
    },
};

/// Between two lines of a trace, as Promtail waits for the next one (`max_wait_time` of its multiline stage).
const GAP: Duration = Duration::from_secs(3);
/// Between a line that tells of a failure and what was thrown: one write, which a shipper that polls files reads at once or in two.
const WRITE: Duration = Duration::from_millis(250);
/// A line is looked for among so many before it: lines of other streams come between.
pub(super) const REACH: usize = 1024;
/// The message of a panic, which may look like anything, is looked for among so many after it.
pub(super) const MESSAGE: usize = 64;
/// Lines that go on from one, as many as in a file: then the next one begins.
const MOST: u16 = 2000;

/// The traces of a segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Folds {
    /// For each row; empty where none is of a trace.
    of: Vec<Fold>,
    /// By their first rows here.
    traces: Vec<Trace>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Fold {
    /// The first row of the trace here, or [`ALONE`].
    lead: u32,
    /// How many lines of the trace come before.
    place: u16,
    part: Part,
}

const ALONE: u32 = u32::MAX;
const NONE: Fold = Fold { lead: ALONE, place: 0, part: Part::None };

/// What is here of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Trace {
    /// Its first row here and its last one.
    lead: u32,
    last: u32,
    /// The worst level of its rows.
    worst: Level,
    /// Its first line, where that is in an earlier segment.
    head: Option<LineId>,
}

/// A line that another goes on from.
struct Before<'l> {
    /// Of an earlier segment.
    is_outside: bool,
    row: usize,
    lines: &'l Lines,
}

impl Folds {
    /// The first row here of the trace that a row is of.
    pub(super) fn lead(&self, row: usize) -> Option<usize> {
        self.of.get(row).map(|fold| fold.lead).filter(|lead| *lead != ALONE).map(|lead| lead as usize)
    }

    /// Whether a row goes on from another line.
    pub(super) fn goes_on(&self, row: usize) -> bool {
        self.of(row).is_some()
    }

    /// The first line of a trace that begins in an earlier segment.
    pub(super) fn head(&self, lead: usize) -> Option<LineId> {
        self.trace(lead)?.head
    }

    /// The worst level of the rows of a trace, by the first one here.
    pub(super) fn worst(&self, lead: usize) -> Level {
        self.trace(lead).map_or(Level::Unknown, |trace| trace.worst)
    }

    /// The rows of a trace, by the first one here.
    pub(super) fn rows(&self, lead: usize) -> impl Iterator<Item = usize> + '_ {
        let last = self.trace(lead).map_or(lead, |trace| trace.last as usize);
        (lead..=last).filter(move |row| *row == lead || self.lead(*row) == Some(lead))
    }

    /// Where a trace goes on that begins at a line of an earlier segment.
    fn continued(&self, head: LineId) -> Option<usize> {
        let near = self.traces.iter().take_while(|trace| trace.lead as usize <= REACH);
        near.into_iter().find(|trace| trace.head == Some(head)).map(|trace| trace.lead as usize)
    }

    /// Whether a trace begins in an earlier segment.
    pub(super) fn begins_outside(&self) -> bool {
        self.traces.iter().any(|trace| trace.head.is_some())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.of.len() * size_of::<Fold>() + self.traces.len() * size_of::<Trace>()
    }

    /// Whether there are traces, and not as many rows are told of.
    pub(super) fn lacks(&self, rows: usize) -> bool {
        !self.of.is_empty() && self.of.len() < rows
    }

    /// There are so many rows; the last ones go on from none.
    pub(super) fn reach(&mut self, rows: usize) {
        self.of.resize(rows, NONE);
    }

    /// Only the first rows are left, of these levels. Returns the first rows of the traces that were cut.
    pub(super) fn truncate(&mut self, rows: &[Row]) -> Vec<usize> {
        self.of.truncate(rows.len());
        self.traces.retain(|trace| (trace.lead as usize) < rows.len());
        let is_cut = |trace: &&Trace| trace.last as usize >= rows.len();
        let cut: Vec<usize> = self.traces.iter().filter(is_cut).map(|trace| trace.lead as usize).collect();
        for lead in &cut {
            let Some(at) = self.place(*lead).ok() else { continue };
            let left = (*lead..rows.len()).filter(|row| self.lead(*row) == Some(*lead));
            let (last, worst) = left.fold((*lead, Level::Unknown), |(_, worst), row| (row, worst.max(rows[row].level)));
            if last == *lead && self.traces[at].head.is_none() {
                self.traces.remove(at);
                self.of[*lead] = NONE;
            } else {
                self.traces[at] = Trace { last: row32(last), worst, ..self.traces[at] };
            }
        }
        if self.traces.is_empty() {
            self.of.clear();
        }
        cut
    }

    /// A row that is not after this one, and between traces if there is one near.
    pub(super) fn between(&self, row: usize) -> usize {
        let mut cut = row;
        while let Some(trace) = self.traces.iter().take_while(|t| (t.lead as usize) < cut).find(|t| t.last as usize >= cut) {
            cut = trace.lead as usize;
        }
        if row - cut < REACH { cut } else { row }
    }

    /// The number of a trace, or what it would be.
    fn place(&self, lead: usize) -> Result<usize, usize> {
        self.traces.binary_search_by_key(&lead, |trace| trace.lead as usize)
    }

    fn trace(&self, lead: usize) -> Option<&Trace> {
        self.traces.get(self.place(lead).ok()?)
    }

    fn of(&self, row: usize) -> Option<Fold> {
        self.of.get(row).copied().filter(|fold| fold.place > 0)
    }

    /// Takes note that a row is of a trace, by the first row here, perhaps this one, and the first line elsewhere.
    fn add(&mut self, lines: &Lines, row: usize, fold: Fold, head: Option<LineId>) {
        self.reach(lines.rows.len());
        let lead = fold.lead as usize;
        let level = |row: usize| lines.rows.get(row).map_or(Level::Unknown, |row| row.level);
        match self.place(lead) {
            Ok(at) => {
                let trace = &mut self.traces[at];
                (trace.last, trace.worst) = (row32(row), trace.worst.max(level(row)));
            }
            Err(at) => {
                let worst = level(lead).max(level(row));
                self.traces.insert(at, Trace { lead: fold.lead, last: row32(row), worst, head });
                self.of[lead].lead = fold.lead;
            }
        }
        self.of[row] = fold;
    }

    /// Finds out which rows go on, from a row on. `segments` are those before, the last one first.
    pub(super) fn find<'l>(lines: &Lines, from: usize, segments: impl Iterator<Item = &'l Lines> + Clone) -> Found {
        let mut out = Found { folds: None, grown: Vec::new() };
        let mut messages = if from < MESSAGE { messages(segments.clone()) } else { 0 };
        for (i, row) in lines.rows.iter().enumerate().skip(from.saturating_sub(MESSAGE)) {
            let text = lines.text(row);
            let is_message = i < messages;
            if is_panic(text) {
                messages = i + 1 + MESSAGE;
            }
            if i < from || !(is_message || looks_inner(text)) {
                continue;
            }
            let known = out.folds.as_ref().unwrap_or(&lines.folds);
            let Some(before) = before_row(lines, i, segments.clone()) else { continue };
            let of_before = if before.is_outside { &before.lines.folds } else { known };
            let Some((place, part)) = before.next(of_before, row, &own(text)) else { continue };
            let lead = of_before.lead(before.row).unwrap_or(before.row);
            let head = || of_before.head(lead).or_else(|| before.lines.rows.get(lead).map(Row::id));
            let (lead, head) = if before.is_outside { (i, head()) } else { (lead, None) };
            let folds = out.folds.get_or_insert_with(|| Folds::clone(&lines.folds));
            folds.add(lines, i, Fold { lead: row32(lead), place, part }, head);
            if lead < from && !out.grown.contains(&lead) {
                out.grown.push(lead);
            }
        }
        out
    }
}

/// What came of looking.
pub(super) struct Found {
    /// `None` where nothing goes on that is not known to.
    pub(super) folds: Option<Folds>,
    /// First rows of traces of which some lines were known before.
    pub(super) grown: Vec<usize>,
}

impl Before<'_> {
    /// How far a trace has come with a line that follows, and with how many lines; `None` where it does not go on from this one.
    fn next(&self, folds: &Folds, row: &Row, text: &str) -> Option<(u16, Part)> {
        let before = self.lines.rows.get(self.row)?;
        let fold = folds.of(self.row);
        let part = fold.map_or_else(|| Part::of(&own(self.lines.text(before)), before.level), |fold| fold.part);
        let place = fold.map_or(0, |fold| fold.place);
        let is_apart = row.at.0.saturating_sub(before.at.0) > nanos(WRITE);
        if place >= MOST || (part == Part::Failed && is_apart) {
            return None;
        }
        Some((place + 1, part.next(text)?))
    }
}

/// Among how many first rows the message of a panic of the segments before, the last one first, is looked for.
fn messages<'l>(segments: impl Iterator<Item = &'l Lines>) -> usize {
    let mut texts = segments.flat_map(|lines| lines.rows.iter().rev().map(|row| lines.text(row))).take(MESSAGE);
    texts.position(is_panic).map_or(0, |after| MESSAGE - after)
}

/// The line before a row's of the same stream.
fn before_row<'l, 's: 'l>(lines: &'l Lines, i: usize, before: impl Iterator<Item = &'s Lines>) -> Option<Before<'l>> {
    let row = lines.rows.get(i)?;
    let mut left = REACH;
    let all = std::iter::once((lines, i)).chain(before.map(|lines| (lines, lines.rows.len())));
    for (segment, (lines, end)) in all.enumerate() {
        for (j, other) in lines.rows[..end].iter().enumerate().rev() {
            if left == 0 || row.at.0.saturating_sub(other.at.0) > nanos(GAP) {
                return None;
            }
            if other.stream == row.stream {
                return Some(Before { is_outside: segment > 0, row: j, lines });
            }
            left -= 1;
        }
    }
    None
}

/// The parts of the trace that a row of the first of these segments is of, from the one there on: their segments, and their first
/// rows. Costs nothing where the segment does not end near the row.
pub(super) fn parts<'l>(segments: impl Iterator<Item = &'l Lines>, row: usize) -> impl Iterator<Item = (&'l Lines, usize)> {
    let (mut head, mut last): (Option<LineId>, Option<Timestamp>) = (None, None);
    // Rows after the last one of the trace.
    let mut after = 0;
    let all = segments.map_while(move |lines| {
        let lead = match head {
            None => lines.rows.get(row).map(|_| Some(lines.folds.lead(row).unwrap_or(row)))?,
            Some(head) => {
                let next = lines.rows.first()?;
                let is_near = after <= REACH && last.is_some_and(|last| next.at.0.saturating_sub(last.0) <= nanos(GAP));
                is_near.then(|| lines.folds.continued(head))?
            }
        };
        let end = lead.map(|lead| lines.folds.trace(lead).map_or(lead, |trace| trace.last as usize));
        if let Some((lead, end)) = lead.zip(end) {
            head = head.or_else(|| lines.folds.head(lead)).or_else(|| lines.rows.get(lead).map(Row::id));
            last = lines.rows.get(end).map(|row| row.at);
        }
        after = end.map_or(after + lines.rows.len(), |end| lines.rows.len().saturating_sub(end + 1));
        Some(lead.map(|lead| (lines, lead)))
    });
    all.flatten()
}

fn row32(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(ALONE)
}
