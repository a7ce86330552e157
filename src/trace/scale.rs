//! Where a time is drawn: in proportion, or with idle stretches folded to a few cells.

use std::ops::Range;

use super::{Trace, idle::Idle};
use crate::model::time::{TimeRange, Timestamp};

/// Positions are counted in parts of a cell: so many to one.
pub const EIGHTHS: u32 = 8;
/// Cells of a break: its length is written between the lines that bound it.
const BREAK: u16 = 8;
/// Cells of a break at the most.
const WIDE_BREAK: u16 = 22;
/// Where there are fewer cells, nothing is folded.
const LEAST: u16 = 24;
/// A stretch that takes fewer cells, beside what is left when all others are folded, is not worth a break: a quarter of them, within
/// these.
const WORTH: Range<u16> = 12..16;

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
    fn of(idle: &Idle, from: i64, to: i64) -> Self {
        Self { from: Timestamp(from), to: Timestamp(to), waiting: idle.waiting, cells: 0..BREAK }
    }

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

    /// Idle stretches of a trace that take much of what would be left without the others folded to as many cells each; the rest
    /// in proportion, but that no part of it is narrower than a cell. All in proportion when there are none, or nothing else.
    pub fn folded(trace: &Trace, range: TimeRange, width: u16) -> Self {
        if width < LEAST {
            return Self::real(range, width);
        }
        let mut folding = Folding::new(trace, range, width);
        folding.fold();
        if folding.breaks.is_empty() || folding.left <= 0 {
            return Self::real(range, width);
        }
        Self::with(range, width, folding.widened())
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

    /// The cells around a break, up to the breaks next to it.
    pub fn around(&self, number: usize) -> Range<u16> {
        let from = number.checked_sub(1).map_or(0, |before| self.breaks[before].cells.end);
        from..self.breaks.get(number + 1).map_or(self.width, |after| after.cells.start)
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

/// Which idle stretches of a range become breaks.
struct Folding<'a> {
    width: u16,
    /// As long as they are, the longest first: no more than there is room for.
    whole: Vec<&'a Idle>,
    /// Those that the ends of the range cut, as far as they lie in it, and the time of them in nanoseconds.
    cut: Vec<Break>,
    cut_ns: i128,
    /// The time that is in no break, in nanoseconds.
    left: i128,
    /// The longest first, but for those that are cut.
    breaks: Vec<Break>,
}

impl<'a> Folding<'a> {
    fn new(trace: &'a Trace, range: TimeRange, width: u16) -> Self {
        let (start, end) = (range.start.0, range.end.0);
        let begin = trace.idle.partition_point(|idle| idle.to <= start);
        let within = trace.idle[begin..].iter().take_while(|idle| idle.from < end);
        let (mut whole, cut): (Vec<&Idle>, Vec<&Idle>) = within.partition(|idle| start <= idle.from && idle.to <= end);
        let by_length = |a: &&Idle, b: &&Idle| (b.to.saturating_sub(b.from), a.from).cmp(&(a.to.saturating_sub(a.from), b.from));
        // Not all are put in order: of some traces they are as many as spans.
        let most = most_breaks(width);
        if whole.len() > most {
            whole.select_nth_unstable_by(most, by_length);
            whole.truncate(most);
        }
        whole.sort_unstable_by(by_length);
        let part = |idle: &Idle| Break::of(idle, idle.from.max(start), idle.to.min(end));
        let cut_ns = cut.iter().map(|idle| i128::from(part(idle).duration_ns())).sum();
        // Of others so little is left that it squashes nothing.
        let squashes = |idle: &&Idle| part(idle).duration_ns() >= idle.least_ns;
        let mut cut: Vec<Break> = cut.into_iter().filter(squashes).map(part).collect();
        cut.sort_unstable_by_key(|part| std::cmp::Reverse(part.duration_ns()));
        Self { width, whole, cut, cut_ns, left: i128::from(end) - i128::from(start), breaks: Vec::new() }
    }

    /// Folds as many of the longest as are each worth it beside the others. What is cut has no part in that, so that looking
    /// closer unfolds nothing; then it is folded as well where it is worth it.
    fn fold(&mut self) {
        let (mut count, mut left) = (0, self.left - self.cut_ns);
        for (before, idle) in self.whole.iter().enumerate() {
            if self.is_worth(idle.to.saturating_sub(idle.from), before, left) {
                count = before + 1;
            }
            left -= i128::from(idle.to.saturating_sub(idle.from));
        }
        for idle in std::mem::take(&mut self.whole).into_iter().take(count) {
            self.add(Break::of(idle, idle.from, idle.to));
        }
        for part in std::mem::take(&mut self.cut) {
            if self.breaks.len() < most_breaks(self.width) && self.is_worth(part.duration_ns(), self.breaks.len(), self.left) {
                self.add(part);
            }
        }
    }

    fn add(&mut self, part: Break) {
        self.left -= i128::from(part.duration_ns());
        self.breaks.push(part);
    }

    /// Whether a stretch would take much of the cells that so many breaks leave, beside or within so much time.
    fn is_worth(&self, length_ns: i64, breaks: usize, left: i128) -> bool {
        let cells = i128::from(self.width) - i128::try_from(breaks).unwrap_or_default() * i128::from(BREAK);
        i128::from(length_ns) * cells >= left * i128::from((self.width / 4).clamp(WORTH.start, WORTH.end))
    }

    /// The breaks in order of time, the longest ones first as wide as tells who waits, where there is room; but none wider than
    /// half of what it hides would be.
    fn widened(self) -> Vec<Break> {
        let Self { width, mut breaks, left, .. } = self;
        let count = u16::try_from(breaks.len()).unwrap_or(u16::MAX);
        let cells = i128::from(width.saturating_sub(count.saturating_sub(1).saturating_mul(BREAK)));
        let mut spare = (width / 5 * 2).saturating_sub(count.saturating_mul(BREAK));
        for part in &mut breaks {
            let length = i128::from(part.duration_ns());
            let unfolded = length * cells / (left + length).max(1) / 2;
            let wanted = u16::try_from(unfolded).unwrap_or(u16::MAX).clamp(BREAK, WIDE_BREAK);
            let more = (wanted - BREAK).min(spare);
            spare -= more;
            part.cells = 0..BREAK + more;
        }
        breaks.sort_unstable_by_key(|part| part.from);
        breaks
    }
}

/// So many breaks leave about a third of the cells to what happens between them.
fn most_breaks(width: u16) -> usize {
    (usize::from(width) * 2).div_ceil(3) / usize::from(BREAK)
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
