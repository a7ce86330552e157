//! Lines as a list shows them: those of a stack trace that came one by one are one row, that of the first of them which is shown.

use std::borrow::Cow;

use foldhash::HashMap;

use super::{Line, LineId, LogStore, Segment};
use crate::{model::log::Level, store::folds::whole};

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
            if begins { Some((number, segment.line(i, &self.streams)?)) } else { None }
        })
    }

    /// The text of a shown line with all that goes on from it.
    pub fn whole<'s>(&'s self, line: &Line<'s>) -> Cow<'s, str> {
        match self.place_of(line.id) {
            Some((segment, row)) => whole(self.segments[segment..].iter().map(Segment::lines), row),
            None => Cow::Borrowed(line.text),
        }
    }

    /// Which of the shown lines of a trace begins its row.
    fn start(&self, (at, row): Place) -> Place {
        let segment = &self.segments[at];
        let folds = &segment.lines().folds;
        let Some(lead) = folds.lead(row) else { return (at, row) };
        let is_shown = |(at, row): &Place| self.segments[*at].shown_place(*row).is_some();
        let head = folds.head(lead).and_then(|head| self.place_of(head)).filter(is_shown);
        head.unwrap_or_else(|| (at, folds.rows(lead).find(|row| is_shown(&(at, *row))).unwrap_or(row)))
    }

    /// Where a line is, shown or not.
    fn place_of(&self, id: LineId) -> Option<Place> {
        let at = self.segments.partition_point(|s| s.first_at() <= id.at).saturating_sub(1);
        let segment = self.segments.get(at)?;
        let row = segment.row_of(id);
        (segment.lines().rows.get(row)?.id() == id).then_some((at, row))
    }

    fn number(&self, (at, row): Place) -> Option<usize> {
        let before: usize = self.segments[..at].iter().map(Segment::shown).sum();
        Some(before + self.segments[at].shown_place(row)?)
    }

    /// The number of the line that begins the row of a line that is this bad, by its number and by its segment and place there;
    /// `None` where the row says by itself that it is less bad.
    pub(super) fn row_at_level(&self, number: usize, (at, i): Place, level: Level) -> Option<usize> {
        let segment = self.segments.get(at)?;
        let row = segment.row(i)?;
        let start = self.start((at, row));
        if start == (at, row) {
            return Some(number);
        }
        if self.segments[start.0].lines().level(start.1) >= level { self.number(start) } else { None }
    }
}
