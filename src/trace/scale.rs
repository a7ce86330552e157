//! Where a time is drawn: in proportion, or with idle stretches folded to a few cells.

use std::ops::Range;

use super::Trace;
use crate::model::time::{TimeRange, Timestamp};

/// Positions are counted in parts of a cell: so many to one.
pub const EIGHTHS: u32 = 8;
/// Cells of a break, and of one where there are few cells. Where there are fewer still, nothing is folded.
const BREAK: u16 = 8;
const SMALL_BREAK: u16 = 6;
const ROOMY: u16 = 48;
/// Cells of a break at the most.
const WIDE_BREAK: u16 = 22;
const LEAST: u16 = 24;
/// A stretch that takes fewer times the cells of a break is not worth one.
const WORTH: i128 = 2;

/// A stretch of time that is folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// From, within the visible range.
    pub from: Timestamp,
    /// To, within the visible range.
    pub to: Timestamp,
    /// The span that waits longest across it, of those that wait for no other; `None` when nothing runs.
    pub waiting: Option<u32>,
    /// The cells that it takes.
    pub cells: Range<u16>,
}

impl Break {
    /// The time that it hides, in nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        self.to.0.saturating_sub(self.from.0)
    }
}

/// A stretch of time and the eighths that it is drawn on, in proportion within.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    from: i64,
    to: i64,
    begin: u32,
    end: u32,
}

/// Times of a range on so many cells. Later is never further left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    range: TimeRange,
    width: u16,
    /// One behind the other, in time and place: together all of the range on all of the cells.
    pieces: Vec<Piece>,
    breaks: Vec<Break>,
}

impl Scale {
    /// All in proportion.
    pub fn real(range: TimeRange, width: u16) -> Self {
        let piece = Piece { from: range.start.0, to: range.end.0, begin: 0, end: u32::from(width) * EIGHTHS };
        Self { range, width, pieces: vec![piece], breaks: Vec::new() }
    }

    /// Idle stretches of a trace that take much of the range folded to as many cells each; the rest in proportion, but that no part of
    /// it is narrower than a cell. All in proportion when there are none, or nothing else.
    pub fn folded(trace: &Trace, range: TimeRange, width: u16) -> Self {
        let cells = match width {
            ..LEAST => return Self::real(range, width),
            LEAST..ROOMY => SMALL_BREAK,
            _ => BREAK,
        };
        let total = i128::from(range.end.0) - i128::from(range.start.0);
        let worth = |from: i64, to: i64| i128::from(to.saturating_sub(from)) * i128::from(width) >= total * i128::from(cells) * WORTH;
        let begin = trace.idle.partition_point(|idle| idle.to <= range.start.0);
        let within = trace.idle[begin..].iter().take_while(|idle| idle.from < range.end.0);
        let cut = within.filter_map(|idle| {
            let (from, to) = (idle.from.max(range.start.0), idle.to.min(range.end.0));
            let folds = to.saturating_sub(from) >= idle.least_ns && worth(from, to);
            folds.then_some(Break { from: Timestamp(from), to: Timestamp(to), waiting: idle.waiting, cells: 0..cells })
        });
        let mut breaks: Vec<Break> = cut.collect();
        let hidden: i128 = breaks.iter().map(|b| i128::from(b.duration_ns())).sum();
        if breaks.is_empty() || hidden >= total {
            return Self::real(range, width);
        }
        // Where there is room each tells who waits; none is drawn wider than half of what it hides would be.
        let room = width / 3 / u16::try_from(breaks.len()).unwrap_or(u16::MAX).max(1);
        for at in &mut breaks {
            let real = i128::from(at.duration_ns()) * i128::from(width) / total / WORTH;
            let most = u16::try_from(real).unwrap_or(u16::MAX).min(room).min(WIDE_BREAK);
            at.cells = 0..cells.max(most);
        }
        Self::with(range, width, breaks)
    }

    /// Gives each break its cells, and the rest of them to what lies between.
    fn with(range: TimeRange, width: u16, mut breaks: Vec<Break>) -> Self {
        let taken: u16 = breaks.iter().map(|b| b.cells.end).sum();
        let mut work: Vec<(i64, i64)> = Vec::new();
        let mut from = range.start.0;
        for at in &breaks {
            work.push((from, at.from.0));
            from = at.to.0;
        }
        work.push((from, range.end.0));
        let widths = share(&work, width.saturating_sub(taken));
        let mut pieces = Vec::new();
        let mut cell = 0u16;
        let mut add = |from: i64, to: i64, cells: u16| {
            let begin = cell;
            cell = cell.saturating_add(cells);
            if cells > 0 {
                pieces.push(Piece { from, to, begin: u32::from(begin) * EIGHTHS, end: u32::from(cell) * EIGHTHS });
            }
            begin..cell
        };
        for (place, (from, to)) in work.into_iter().enumerate() {
            add(from, to, widths[place]);
            if let Some(at) = breaks.get_mut(place) {
                at.cells = add(at.from.0, at.to.0, at.cells.end);
            }
        }
        Self { range, width, pieces, breaks }
    }

    /// The range that is drawn.
    pub fn range(&self) -> TimeRange {
        self.range
    }

    /// The cells that it is drawn on.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// What is folded, in order of time.
    pub fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// The stretches between breaks and their cells, in order of time.
    pub fn work(&self) -> impl Iterator<Item = (TimeRange, Range<u16>)> {
        let cell = |eighth: u32| u16::try_from(eighth / EIGHTHS).unwrap_or(u16::MAX);
        let is_break = |cells: &Range<u16>| self.breaks.binary_search_by_key(&cells.start, |b| b.cells.start).is_ok();
        let all =
            self.pieces.iter().map(move |p| (TimeRange { start: Timestamp(p.from), end: Timestamp(p.to) }, cell(p.begin)..cell(p.end)));
        all.filter(move |(_, cells)| !is_break(cells))
    }

    /// Where a time is, in eighths of a cell from the left; what is outside the range is at its ends.
    pub fn eighth(&self, at: Timestamp) -> u32 {
        let at = at.0.clamp(self.range.start.0, self.range.end.0.max(self.range.start.0));
        let place = self.pieces.partition_point(|p| p.to <= at);
        let Some(piece) = self.pieces.get(place).filter(|p| p.to > p.from) else {
            // The end of the last one; a range without length is all at its beginning.
            return if at > self.range.start.0 { u32::from(self.width) * EIGHTHS } else { 0 };
        };
        let (offset, length) = (i128::from(at) - i128::from(piece.from), i128::from(piece.to) - i128::from(piece.from));
        piece.begin + u32::try_from(offset * i128::from(piece.end - piece.begin) / length).unwrap_or_default()
    }

    /// The first time of an eighth.
    pub fn time_at(&self, eighth: u32) -> Timestamp {
        let place = self.pieces.partition_point(|p| p.end <= eighth);
        let Some(piece) = self.pieces.get(place) else { return self.range.end };
        let (eighths, length) = (i128::from(piece.end - piece.begin), i128::from(piece.to) - i128::from(piece.from));
        let offset = (i128::from(eighth - piece.begin) * length + eighths - 1) / eighths;
        Timestamp(i64::try_from(i128::from(piece.from) + offset).unwrap_or(i64::MAX))
    }

    /// The eighths of what lasts from `start` to `end`, one at least; nothing when that is outside the range.
    pub fn bar(&self, start: Timestamp, end: Timestamp) -> Option<Range<u32>> {
        if end < self.range.start || start > self.range.end || self.width == 0 {
            return None;
        }
        let last = u32::from(self.width) * EIGHTHS;
        let begin = self.eighth(start).min(last - 1);
        Some(begin..self.eighth(end).clamp(begin + 1, last))
    }
}

/// Cells for each stretch, by its length; one at least for those that have any.
fn share(stretches: &[(i64, i64)], cells: u16) -> Vec<u16> {
    let length = |(from, to): &(i64, i64)| i128::from(to.saturating_sub(*from).max(0));
    let total: i128 = stretches.iter().map(length).sum::<i128>().max(1);
    let lasting = stretches.iter().filter(|s| length(s) > 0).count();
    let spare = i128::from(cells).saturating_sub(i128::try_from(lasting).unwrap_or(i128::MAX)).max(0);
    let (mut before, mut given) = (0i128, 0i128);
    let cells_of = |stretch: &(i64, i64)| {
        before += length(stretch);
        // What was rounded off comes to those behind.
        let more = spare * before / total - given;
        given += more;
        u16::try_from(more + i128::from(length(stretch) > 0)).unwrap_or_default()
    };
    stretches.iter().map(cells_of).collect()
}
