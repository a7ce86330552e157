//! Which lines of a segment are shown, as far as that is known.

use super::{
    super::{
        counting::Run,
        filtering::Judged,
        row::{Line, LineId, Row},
        show::{Mark, Rule},
        streams::Streams,
        verdict::{Reach, Verdict},
    },
    Segment,
};

impl Segment {
    /// Which rows are shown, as far as that is known.
    pub(in super::super) fn run(&self) -> Run {
        Run { rows: self.lines.rows.clone(), shown: self.verdict.as_ref().map(|v| v.shown().clone()) }
    }

    /// Other lines are to be shown. What filters nothing is known at once, the rest is to be looked at.
    pub(in super::super) fn forget_verdict(&mut self, rule: Rule<'_>) {
        self.verdict = match rule.show.is_all() {
            true => None,
            false if rule.show.filters() => Some(Verdict::unknown(&self.lines, rule)),
            false => Some(Verdict::of(&self.lines, 0..self.lines.rows.len(), rule, |_, _| Some(true))),
        };
    }

    /// The screen is held from other lines on; which lines pass stays as it is.
    pub(in super::super) fn hold(&mut self, rule: Rule<'_>) {
        let known = self.verdict.get_or_insert_with(|| Verdict::all(self.lines.rows.len())).named(&self.lines, self.lines.rows.len());
        self.verdict = (!rule.show.is_all()).then(|| known.placed(&self.lines, rule, |_, _| true, 0));
    }

    /// Takes what a worker found out.
    pub(in super::super) fn take(&mut self, judged: &Judged, rule: Rule<'_>) {
        if self.open() > 0 {
            self.verdict = Some(Verdict::from_worker(&self.lines, judged, rule));
        }
    }

    /// How many lines are still to be looked at.
    pub(in super::super) fn open(&self) -> usize {
        self.verdict.as_ref().map_or(0, |v| v.open(self.lines.rows.len()))
    }

    /// Looks at lines onward or back from a row, further than is known already. Returns whether it came to the end.
    pub(in super::super) fn look(&mut self, from: usize, onward: bool, rule: Rule<'_>, reach: &mut Reach) -> bool {
        let rows = self.lines.rows.len();
        let Some(verdict) = &mut self.verdict else {
            reach.lines = reach.lines.saturating_sub(if onward { rows - from } else { from });
            return true;
        };
        verdict.begin(from);
        reach.lines = reach.lines.saturating_sub(verdict.known(from, onward));
        if onward {
            verdict.look_on(&self.lines, rule, reach)
        } else {
            verdict.look_back(&self.lines, rule, reach)
        }
        !verdict.is_open(rows, onward)
    }

    fn shown_rows(&self) -> Option<&[u32]> {
        self.verdict.as_ref().map(|v| v.shown().as_slice())
    }

    /// How many lines are shown.
    pub(in super::super) fn shown(&self) -> usize {
        self.shown_rows().map_or(self.lines.rows.len(), <[u32]>::len)
    }

    /// How many lines a held screen leaves out, and how many of those would be shown.
    pub(in super::super) fn waiting(&self) -> (usize, usize) {
        self.verdict.as_ref().map_or((0, 0), Verdict::waiting)
    }

    /// How many of the shown lines arrived since.
    pub(in super::super) fn shown_since(&self, mark: Mark) -> usize {
        if self.arrivals.end <= mark.arrivals || self.last_at() <= mark.oldest {
            0
        } else if self.arrivals.start >= mark.arrivals && self.first_at() > mark.oldest {
            self.shown()
        } else {
            (0..self.shown()).filter_map(|i| self.shown_row(i)).filter(|row| mark.is_new(row.id())).count()
        }
    }

    fn shown_row(&self, i: usize) -> Option<&Row> {
        self.lines.rows.get(self.row(i)?)
    }

    /// The row of the shown line of a number.
    pub(in super::super) fn row(&self, i: usize) -> Option<usize> {
        match self.shown_rows() {
            None => Some(i),
            Some(shown) => shown.get(i).map(|row| *row as usize),
        }
    }

    /// The number of the line of a row among those shown.
    pub(in super::super) fn shown_place(&self, row: usize) -> Option<usize> {
        match self.shown_rows() {
            None => Some(row),
            Some(shown) => u32::try_from(row).ok().and_then(|row| shown.binary_search(&row).ok()),
        }
    }

    /// How many of the shown lines come before a line.
    pub(in super::super) fn shown_before(&self, id: LineId) -> usize {
        match self.shown_rows() {
            None => self.lines.rows.partition_point(|r| r.id() < id),
            Some(shown) => shown.partition_point(|row| self.lines.rows[*row as usize].id() < id),
        }
    }

    /// The shown line of a number.
    pub(in super::super) fn line<'a>(&'a self, i: usize, streams: &'a Streams) -> Option<Line<'a>> {
        self.line_of(self.lines.rows.get(self.row(i)?)?, streams)
    }
}
