//! Which lines of a segment go on from the line before them of their stream: those of a stack trace that a shipper sent one by
//! one. They stay lines of their own, for that is what the server holds; who shows lines shows them with the first one, and who
//! decides on one decides on all.

use std::{borrow::Cow, time::Duration};

use super::{
    lines::Lines,
    row::{LineId, Row},
};
use crate::{
    log_fields::{Part, is_panic, looks_inner},
    model::time::nanos,
};

/// Between two lines of a trace, as Promtail waits for the next one (`max_wait_time` of its multiline stage).
const GAP: Duration = Duration::from_secs(3);
/// Between a line that tells of a failure and what was thrown: one write, which a shipper that polls files reads at once or in two.
const WRITE: Duration = Duration::from_millis(250);
/// A line is looked for among so many before it: lines of other streams come between.
pub(super) const REACH: usize = 1024;
/// The message of a panic, which may look like anything, is looked for among so many after it.
const MESSAGE: usize = 64;
/// Lines that go on from one, as many as in a file: then the next one begins.
const MOST: u16 = 2000;

/// The traces of a segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Folds {
    /// For each row; empty where none is of a trace.
    of: Vec<Fold>,
    /// The first rows here of traces that begin in an earlier segment, and how the first lines of those are called.
    outside: Vec<(usize, LineId)>,
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

/// A line that another goes on from.
struct Before<'l> {
    /// The segment, as places before, and the row.
    segment: usize,
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
        self.lead(row).is_some_and(|lead| lead != row || self.head(lead).is_some())
    }

    /// The first line of a trace that begins in an earlier segment.
    pub(super) fn head(&self, lead: usize) -> Option<LineId> {
        self.outside.iter().find(|(row, _)| *row == lead).map(|(_, head)| *head)
    }

    /// The rows of a trace, by the first one here.
    pub(super) fn rows(&self, lead: usize) -> impl Iterator<Item = usize> + '_ {
        let mut last = lead;
        let seen = (lead..self.of.len().max(lead + 1)).map_while(move |row| {
            let is_of = row == lead || self.lead(row) == Some(lead);
            last = if is_of { row } else { last };
            (row - last <= REACH).then_some((row, is_of))
        });
        seen.filter(|(_, is_of)| *is_of).map(|(row, _)| row)
    }

    /// Memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.of.len() * size_of::<Fold>()
    }

    /// Whether there are traces, and not as many rows are told of.
    pub(super) fn lacks(&self, rows: usize) -> bool {
        !self.of.is_empty() && self.of.len() < rows
    }

    /// Only the first rows are left.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.of.truncate(rows);
        self.outside.retain(|(row, _)| *row < rows);
    }

    /// A row that is not after this one, and between traces if there is one near.
    pub(super) fn between(&self, row: usize) -> usize {
        let mut cut = row;
        while let Some(lead) = (cut..self.of.len().min(row + REACH)).filter_map(|r| self.lead(r)).find(|lead| *lead < cut) {
            cut = lead;
        }
        if row - cut < REACH { cut } else { row }
    }

    /// Takes note that lines of a later segment go on from this row.
    pub(super) fn mark(&mut self, row: usize, rows: usize) {
        self.of.resize(rows.max(row + 1), Fold { lead: ALONE, place: 0, part: Part::None });
        if self.of[row].lead == ALONE {
            self.of[row].lead = u32::try_from(row).unwrap_or(ALONE);
        }
    }

    fn add(&mut self, row: usize, rows: usize, lead: usize, place: u16, part: Part) {
        self.mark(lead, rows);
        self.of[row] = Fold { lead: u32::try_from(lead).unwrap_or(ALONE), place, part };
    }

    fn of(&self, row: usize) -> Option<Fold> {
        self.of.get(row).copied().filter(|fold| fold.lead != ALONE && (fold.place > 0))
    }

    /// Finds out which rows go on, from a row on. `segments` are those before, the last one first.
    pub(super) fn find<'l>(lines: &Lines, from: usize, segments: impl Iterator<Item = &'l Lines> + Clone) -> Found {
        let mut out = Found { folds: None, from_outside: Vec::new(), grown: Vec::new() };
        let mut panicked = None;
        for (i, row) in lines.rows.iter().enumerate().skip(from.saturating_sub(MESSAGE)) {
            let text = lines.text(row);
            let is_message = panicked.is_some_and(|at| i - at <= MESSAGE);
            if is_panic(text) {
                panicked = Some(i);
            }
            if i < from || !(is_message || looks_inner(text)) {
                continue;
            }
            let known = out.folds.as_ref().unwrap_or(&lines.folds);
            let Some(found) = before_row(lines, i, segments.clone()) else { continue };
            let fold = if found.segment == 0 { known.of(found.row) } else { found.lines.folds.of(found.row) };
            let place = fold.map_or(0, |f| f.place);
            let head = found.lines.rows.get(found.row);
            let before = match (fold, head) {
                (Some(fold), _) => fold.part,
                (None, Some(head)) => Part::of(found.lines.text(head), head.level),
                (None, None) => Part::None,
            };
            let is_apart = head.is_none_or(|head| row.at.0.saturating_sub(head.at.0) > nanos(WRITE));
            let part = if before == Part::Failed && is_apart { None } else { before.next(text) };
            let Some(part) = part.filter(|_| place < MOST) else { continue };
            let folds = out.folds.get_or_insert_with(|| Folds::clone(&lines.folds));
            let rows = lines.rows.len();
            if found.segment == 0 {
                let lead = folds.lead(found.row).unwrap_or(found.row);
                folds.add(i, rows, lead, place + 1, part);
                if lead < from && !out.grown.contains(&lead) {
                    out.grown.push(lead);
                }
            } else {
                let lead = found.lines.folds.lead(found.row).unwrap_or(found.row);
                let head = found.lines.folds.head(lead).or_else(|| found.lines.rows.get(lead).map(Row::id));
                folds.add(i, rows, i, place + 1, part);
                folds.outside.extend(head.map(|head| (i, head)));
                out.from_outside.push((found.segment, lead));
            }
        }
        if let Some(folds) = out.folds.as_mut().filter(|f| f.of.len() < lines.rows.len()) {
            folds.mark_all(lines.rows.len());
        }
        out
    }

    /// There are so many rows; the last ones go on from none.
    pub(super) fn mark_all(&mut self, rows: usize) {
        self.of.resize(rows, Fold { lead: ALONE, place: 0, part: Part::None });
    }
}

/// What came of looking.
pub(super) struct Found {
    /// `None` where nothing goes on that is not known to.
    pub(super) folds: Option<Folds>,
    /// Lines in earlier segments that have some here that go on from them: so many segments before, and the row.
    pub(super) from_outside: Vec<(usize, usize)>,
    /// First rows of traces of which some lines were known before.
    pub(super) grown: Vec<usize>,
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
                return Some(Before { segment, row: j, lines });
            }
            left -= 1;
        }
    }
    None
}

/// The text of a row of the first of these segments with what goes on from it, also in later ones.
pub(super) fn whole<'l>(mut segments: impl Iterator<Item = &'l Lines>, row: usize) -> Cow<'l, str> {
    let Some((lines, first)) = segments.next().and_then(|lines| Some((lines, lines.rows.get(row)?))) else { return Cow::Borrowed("") };
    let Some(lead) = lines.folds.lead(row) else { return Cow::Borrowed(lines.text(first)) };
    let head = lines.folds.head(lead).or_else(|| lines.rows.get(lead).map(Row::id));
    let mut out = lines.whole(lead).into_owned();
    let mut last = lines.folds.rows(lead).last().and_then(|row| lines.rows.get(row)).map_or(first.at, |row| row.at);
    for lines in segments {
        if lines.rows.first().is_none_or(|row| row.at.0.saturating_sub(last.0) > nanos(GAP)) {
            break;
        }
        let Some((lead, _)) = lines.folds.outside.iter().find(|(_, of)| Some(*of) == head) else { continue };
        out.push('\n');
        out.push_str(&lines.whole(*lead));
        last = lines.folds.rows(*lead).last().and_then(|row| lines.rows.get(row)).map_or(last, |row| row.at);
    }
    Cow::Owned(out)
}
