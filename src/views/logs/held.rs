//! The volume of files: what a server tells of its lines is counted here among the lines that are held, on a worker. Only lines
//! that are shown count, as the filters of this page are its own.

use std::{sync::Arc, time::Duration};

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Logs, volume};
use crate::{
    core::request::{Refresh, Request, step},
    model::{
        opened::{FileState, OpenedFile},
        time::{TimeRange, TimeWindow, Timestamp, nanos},
    },
    store::{CountJob, Show},
    theme::Role,
    ui::{chart::TimeAxis, text::put},
    views::{Look, Needs},
};

/// Between two counts of lines that keep coming.
const EVERY: Duration = Duration::from_millis(500);
/// The shortest time that is drawn, and the shortest step.
const SHORTEST: Duration = Duration::from_secs(1);
const FINEST: Duration = Duration::from_millis(1);
/// What is drawn of the time before the lines that there was room for, as a part of theirs.
const BEFORE: u32 = 8;

/// What is being counted.
#[derive(Default)]
pub(super) struct Counting {
    job: Option<Arc<CountJob>>,
    /// What was counted last.
    basis: Option<Basis>,
    ended: Timestamp,
    /// Columns of the page.
    width: u16,
}

#[derive(Clone, PartialEq)]
struct Basis {
    window: TimeWindow,
    range: TimeRange,
    step: Duration,
    show: Show,
    arrivals: u64,
    dropped: u64,
}

impl Counting {
    /// Other lines are read.
    pub(super) fn restart(&mut self) {
        *self = Self { width: self.width, ..Self::default() };
    }

    /// A count came.
    pub(super) fn ended(&mut self, now: Timestamp) {
        (self.job, self.ended) = (None, now);
    }
}

impl Logs {
    /// What is to be counted now; nothing while it is not known which lines are shown.
    fn count_basis(&self, look: &Look<'_>) -> Option<Basis> {
        if self.files.is_none() || self.counting.width == 0 || self.is_filtering() {
            return None;
        }
        let range = self.counted_range(look)?;
        let step = step(range.duration().max(SHORTEST), self.counting.width / 2, FINEST);
        let range = TimeRange { start: range.start.align_down(step), end: range.end.align_down(step) + step };
        let (show, arrivals, dropped) = (self.store.show().clone(), self.store.arrivals(), self.store.dropped());
        Some(Basis { window: look.scope.window, range, step, show, arrivals, dropped })
    }

    /// The time that is drawn: the window, or that of the lines where all are asked for.
    fn counted_range(&self, look: &Look<'_>) -> Option<TimeRange> {
        let (first, last) = (self.store.oldest_dated()?, self.store.newest()?);
        if look.scope.window != TimeWindow::EVERYTHING {
            return Some(look.range());
        }
        let held = TimeRange { start: first, end: last };
        let before = if self.unread(look).is_some_and(|unread| unread.start > Timestamp(i64::MIN)) {
            held.duration().max(SHORTEST) / BEFORE
        } else {
            Duration::ZERO
        };
        Some(TimeRange { start: first - before, ..held })
    }

    /// When lines are to be counted; `None` while they are or where nothing has changed.
    fn count_due(&self, look: &Look<'_>) -> Option<Timestamp> {
        if self.counting.job.is_some() {
            return None;
        }
        let new = self.count_basis(look)?;
        match &self.counting.basis {
            Some(old) if *old == new => {
                look.scope.window.is_live().then_some(new.range.end).filter(|_| new.window != TimeWindow::EVERYTHING)
            }
            Some(old) if (&old.show, old.window) == (&new.show, new.window) => Some(self.counting.ended + EVERY),
            _ => Some(look.now),
        }
    }

    pub(super) fn count_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.count_due(look).map(|due| due.max(look.now))
    }

    /// Has a worker count the lines, when it is time.
    pub(super) fn count_lines(&mut self, look: &Look<'_>) {
        if self.count_due(look).is_some_and(|due| due <= look.now)
            && let Some(basis) = self.count_basis(look)
        {
            self.counting.job = Some(Arc::new(self.store.count_job(basis.range, basis.step)));
            self.counting.basis = Some(basis);
        }
    }

    /// The page is so wide.
    pub(super) fn note_width(&mut self, width: u16) {
        self.counting.width = width;
    }

    pub(super) fn ask_count(&self, needs: &mut Needs<'_>) {
        if let Some(job) = &self.counting.job {
            needs.ask("volume", 0, Request::Count(job.clone()), Refresh::Once);
        }
    }

    /// Between which instants lines are known to be whole: what is before and after was not read, or was dropped, or the server does
    /// not hand it out. `None` where all is known.
    pub(super) fn unread(&self, look: &Look<'_>) -> Option<TimeRange> {
        let Some(files) = &self.files else {
            let start = self.told.handed_out_from(look.now)?;
            return Some(TimeRange { start, end: Timestamp::LATEST });
        };
        // Of a file that has told no time yet, nothing is known.
        let begun = |file: &OpenedFile| file.reached.map_or(Timestamp::LATEST, |reached| reached.start);
        let before =
            |file: &OpenedFile| (file.left > 0 && (file.reached.is_some() || file.state == FileState::Reading)).then(|| begun(file));
        let after = |file: &OpenedFile| file.reached.filter(|_| file.left == 0 && file.state == FileState::Reading && file.size.is_some());
        let dropped = self.store.oldest_dated().filter(|_| self.store.dropped() > 0);
        let start = files.told().iter().filter_map(before).chain(dropped).max();
        let end = files.told().iter().filter_map(after).map(|reached| reached.end).min();
        let known = TimeRange { start: start.unwrap_or(Timestamp(i64::MIN)), end: end.unwrap_or(Timestamp::LATEST) };
        (start.is_some() || end.is_some()).then_some(known)
    }

    /// Whether a range has a part of which not all lines were read.
    pub(super) fn is_partly_unread(&self, look: &Look<'_>, range: TimeRange) -> bool {
        self.unread(look).is_some_and(|known| range.start < known.start || known.end < range.end)
    }

    /// Nothing drawn must not look like no lines where they were not read.
    pub(super) fn draw_unread(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(matrix) = self.volume.value().filter(|_| self.unread(look).is_some()) else { return };
        let (glyph, style) = (look.shared.glyphs.stale, look.shared.theme.style(Role::Dim));
        for TimeAxis { area: trend, range } in volume::axes(matrix, self.volume_is_bytes, look, area) {
            let cell = nanos(range.duration()) / i64::from(trend.width.max(1));
            for x in 0..trend.width {
                let start = Timestamp(range.start.0.saturating_add(cell * i64::from(x))) - matrix.step;
                let at = TimeRange { start, end: Timestamp(start.0.saturating_add(cell)) };
                let is_blank = buf.cell((trend.x + x, trend.y)).is_some_and(|cell| cell.symbol() == " ");
                if is_blank && self.is_partly_unread(look, at) {
                    put(buf, trend, trend.x + x, glyph, style);
                }
            }
        }
    }
}
