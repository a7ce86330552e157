//! Lines as a list shows them: those of a stack trace that came one by one are one row, that of the first of them which is shown.

use std::{borrow::Cow, ops::Range};

use foldhash::HashMap;

use super::{Line, LineId, LogStore, Segment};
use crate::{
    log_fields::joined,
    model::log::Level,
    store::{folds::parts, lines::Lines},
};

/// A segment and a row of it.
type Place = (usize, usize);

impl LogStore {
    /// The number of the shown line whose row shows the line of a number: itself, or the first of its trace.
    pub fn row_of(&self, i: usize) -> usize {
        let (segment, n) = self.place(i);
        let row = self.segments.get(segment).and_then(|s| s.row(n));
        row.map_or(i, |row| self.number(self.start((segment, row))).unwrap_or(i))
    }

    /// The rows from the one on that begins at the shown line of a number or after it, with the numbers of their lines.
    pub fn rows_from(&self, first: usize) -> impl Iterator<Item = (usize, Line<'_>)> {
        let (segment, skip) = self.place(first);
        let rest = self.segments.iter().enumerate().skip(segment);
        let lines = rest.flat_map(move |(n, s)| (if n == segment { skip } else { 0 }..s.shown()).map(move |i| (n, i)));
        self.rows((first..).zip(lines))
    }

    /// The rows before the one of the shown line of a number, the nearest first.
    pub fn rows_before(&self, end: usize) -> impl Iterator<Item = (usize, Line<'_>)> {
        let (segment, left) = self.place(end);
        let rest = self.segments.iter().enumerate().take(segment + 1).rev();
        let lines = rest.flat_map(move |(n, s)| (0..if n == segment { left } else { s.shown() }).rev().map(move |i| (n, i)));
        self.rows((0..end.min(self.shown())).rev().zip(lines))
    }

    /// Of lines, by number and by segment and place there, those that begin rows.
    fn rows<'s>(&'s self, lines: impl Iterator<Item = (usize, Place)> + 's) -> impl Iterator<Item = (usize, Line<'s>)> {
        let mut starts: HashMap<Place, Place> = HashMap::default();
        lines.filter_map(move |(number, (at, i))| {
            let segment = self.segments.get(at)?;
            let row = segment.row(i)?;
            let begins = segment.lines().folds.lead(row).is_none_or(|lead| {
                let start = starts.entry((at, lead)).or_insert_with(|| self.start((at, row)));
                *start == (at, row)
            });
            if begins { Some((number, self.line((at, i))?)) } else { None }
        })
    }

    /// The text of a shown line with all that goes on from it.
    pub fn whole<'s>(&'s self, line: &Line<'s>) -> Cow<'s, str> {
        match self.place_of(line.id) {
            Some(place) => joined(self.parts(place).flat_map(|(lines, row)| lines.texts(row))),
            None => Cow::Borrowed(line.text),
        }
    }

    /// Which of the shown lines of a trace begins its row.
    fn start(&self, (at, row): Place) -> Place {
        let segment = &self.segments[at];
        let folds = &segment.lines().folds;
        let Some(lead) = folds.lead(row) else { return (at, row) };
        let head = folds.head(lead).and_then(|head| self.place_of(head));
        let shown = |(lines, lead): (&Lines, usize)| {
            let (at, _) = self.place_of(lines.rows.get(lead)?.id())?;
            let row = lines.folds.rows(lead).find(|row| self.segments[at].shown_place(*row).is_some())?;
            Some((at, row))
        };
        self.parts(head.unwrap_or((at, row))).find_map(shown).unwrap_or((at, row))
    }

    /// Where a line is, shown or not.
    pub(super) fn place_of(&self, id: LineId) -> Option<Place> {
        let at = self.segments.partition_point(|s| s.first_at() <= id.at).saturating_sub(1);
        let segment = self.segments.get(at)?;
        let row = segment.row_of(id);
        (segment.lines().rows.get(row)?.id() == id).then_some((at, row))
    }

    fn number(&self, (at, row): Place) -> Option<usize> {
        let before: usize = self.segments[..at].iter().map(Segment::shown).sum();
        Some(before + self.segments[at].shown_place(row)?)
    }

    /// The next shown row after a number that is at least this bad; from the beginning again after the last.
    pub fn next_at_level(&self, after: usize, level: Level) -> Option<usize> {
        self.rows_at_level(after + 1..usize::MAX, level).next().or_else(|| self.rows_at_level(0..after + 1, level).next())
    }

    /// The last shown row before a number that is at least this bad; from the end again before the first.
    pub fn previous_at_level(&self, before: usize, level: Level) -> Option<usize> {
        self.rows_at_level(0..before, level).next_back().or_else(|| self.rows_at_level(before..usize::MAX, level).next_back())
    }

    /// The rows of these numbers that are at least this bad. Costs a look at each segment, and at each line of those that have such.
    fn rows_at_level(&self, numbers: Range<usize>, level: Level) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let ends = self.segments.iter().scan(0, |end, segment| {
            *end += segment.shown();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        (0..self.segments.len()).filter(move |at| self.within_reach(*at).any(|s| s.worst() >= level)).flat_map(move |at| {
            let (shown, end) = (self.segments[at].shown(), ends[at]);
            let from = numbers.start.clamp(end - shown, end);
            let to = numbers.end.clamp(from, end);
            (from..to).filter(move |number| self.is_row_at_level((at, number + shown - end), level))
        })
    }

    /// Whether a shown line begins a row that is at least this bad.
    fn is_row_at_level(&self, (at, i): Place, level: Level) -> bool {
        let Some(row) = self.segments[at].row(i) else { return false };
        let is_traced = self.segments[at].lines().folds.lead(row).is_some();
        self.is_at_level((at, row), level) && (!is_traced || self.start((at, row)) == (at, row))
    }

    fn is_at_level(&self, place: Place, level: Level) -> bool {
        self.parts(place).any(|(lines, row)| lines.level(row) >= level)
    }

    /// The shown line of a number in a segment, with the level of its row.
    pub(super) fn line(&self, (at, i): Place) -> Option<Line<'_>> {
        let segment = self.segments.get(at)?;
        let line = segment.line(i, &self.streams)?;
        let level = self.parts((at, segment.row(i)?)).map(|(lines, row)| lines.level(row)).max();
        Some(Line { level: level.unwrap_or(line.level), ..line })
    }

    /// The parts of the trace of a row from its segment on.
    pub(super) fn parts(&self, (at, row): Place) -> impl Iterator<Item = (&Lines, usize)> {
        parts(self.segments.iter().skip(at).map(Segment::lines), row)
    }
}
