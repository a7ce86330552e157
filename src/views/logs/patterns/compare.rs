//! What patterns are compared with.

use std::time::Duration;

use super::super::{Logs, cost::Verdict, past::Past, query::Plan};
use crate::{
    core::{
        request::{Refresh, Request},
        slot::Slot,
    },
    log_patterns::Windows,
    model::{
        backend::{Backend, ErrorKind, SourceError},
        log::{LogEvent, Older},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    store::LogStore,
    ui::format,
    views::{Look, Needs},
};

const DAY: Duration = Duration::from_secs(86_400);
/// Room for the lines of an earlier window: a page of them.
const BYTES: usize = 32 << 20;

/// Windows end before this.
pub(super) const INSTANT: Duration = Duration::from_nanos(1);

/// The next one at each `d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Compare {
    /// Since the onset of the scope's alert; without one as `Halves`.
    #[default]
    Onset,
    /// The second half of the window with the first.
    Halves,
    /// The window with the one of its length before it.
    Previous,
    /// The window a day before.
    Day,
    /// The window a week before.
    Week,
    /// Two that the user named.
    Chosen(ChosenWindows),
}

/// Two windows that the user named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChosenWindows {
    pub(super) before: TimeRange,
    /// A part of the page's window; `None`: all of it.
    pub(super) after: Option<TimeWindow>,
}

impl Compare {
    pub(super) fn next(self, look: &Look<'_>) -> Self {
        match self.here(look) {
            Self::Onset => Self::Halves,
            Self::Halves => Self::Previous,
            Self::Previous => Self::Day,
            Self::Day => Self::Week,
            Self::Week | Self::Chosen(_) => Self::Onset.here(look),
        }
    }

    /// What it comes to in this scope.
    pub(super) fn here(self, look: &Look<'_>) -> Self {
        if self == Self::Onset && onset(look).is_none() { Self::Halves } else { self }
    }

    /// What is to be compared, where lines are known from an instant on.
    fn windows(self, look: &Look<'_>, from: Timestamp) -> Windows {
        let range = look.range();
        let ago = |length: Duration| TimeRange { start: range.start - length, end: range.end - length - INSTANT };
        let split = |start: Timestamp, at: Timestamp| Windows {
            before: (start < at).then(|| TimeRange { start, end: at - INSTANT }),
            after: TimeRange { start: at, end: range.end },
        };
        match self.here(look) {
            Self::Onset => split(range.start, onset(look).unwrap_or(range.start)),
            Self::Halves => split(from, from + TimeRange::new(from.min(range.end), range.end).duration() / 2),
            Self::Previous => Windows { before: Some(ago(range.duration())), after: range },
            Self::Day => Windows { before: Some(ago(DAY)), after: range },
            Self::Week => Windows { before: Some(ago(7 * DAY)), after: range },
            Self::Chosen(ChosenWindows { before, after }) => {
                // The window of the page may have become another one since.
                let after = after.map(|w| w.range(look.now)).filter(|w| range.start <= w.start && w.end <= range.end);
                Windows { before: Some(before), after: after.unwrap_or(range) }
            }
        }
    }
}

/// When the condition of the scope's alert began to hold, within the window.
fn onset(look: &Look<'_>) -> Option<Timestamp> {
    let range = look.range();
    look.scope.alert.as_ref()?.onset.filter(|at| range.start < *at && *at < range.end)
}

/// Lines of a window that is compared with and that the page does not have: the newest of them, as many as a server hands
/// out at once.
pub(super) struct Earlier {
    pub(super) store: LogStore,
    /// The window. From its end on the page's own lines count.
    range: TimeRange,
    /// What is known of each stream, and from when on all is there.
    answered: [Slot<Timestamp>; 2],
}

impl Earlier {
    fn new(range: TimeRange) -> Self {
        Self { store: LogStore::new(BYTES), range, answered: Default::default() }
    }

    /// The window whose lines are there; `None` before the first answer.
    pub(super) fn known(&self) -> Option<TimeRange> {
        let reached = self.answered.iter().filter_map(Slot::value).max()?;
        Some(TimeRange { start: *reached.max(&self.range.start), end: self.range.end })
    }

    /// From when on the page's own lines count as lines of before.
    pub(super) fn end(&self) -> Timestamp {
        self.range.end
    }

    /// Why they did not come.
    pub(super) fn error(&self) -> Option<&SourceError> {
        self.answered.iter().find_map(Slot::error)
    }
}

impl Logs {
    /// Compares with what comes next.
    pub(super) fn compare_next(&mut self, look: &Look<'_>) {
        self.compare_with(self.patterns.compare.next(look));
    }

    pub(super) fn compare_with(&mut self, compare: Compare) {
        self.patterns.compare = compare;
        self.patterns.earlier = None;
    }

    /// The window whose lines are still to be asked for: that of before, unless it is among the lines that are here, as it is
    /// where files are read. Of a window that goes over into theirs, what lies before them.
    fn lacking(&self, look: &Look<'_>) -> Option<TimeRange> {
        if self.files.is_some() || self.store.is_empty() || self.told.is_coming() || self.patterns.earlier.is_some() {
            return None;
        }
        let range = look.range();
        let from = self.known_from(range);
        let Windows { before, after } = self.patterns.compare.windows(look, from);
        let before = before?;
        let end = before.end + INSTANT;
        let is_beside = match self.patterns.compare.here(look) {
            Compare::Onset | Compare::Halves => true,
            Compare::Previous | Compare::Day | Compare::Week | Compare::Chosen(_) => false,
        };
        match () {
            () if !is_beside && before.start >= from && before.end <= range.end => None,
            () if !is_beside => Some(TimeRange { start: before.start, end }),
            // All that there is before is here, or as much of it as there is after.
            () if before.start >= from || !self.told.has_left() => None,
            () if end.since(from) >= after.end.since(end) => None,
            () => Some(TimeRange { start: before.start, end: end.min(from) }),
        }
    }

    /// Whether lines of before are to be asked for.
    pub(super) fn lacks_earlier(&self, look: &Look<'_>) -> bool {
        self.lacking(look).is_some()
    }

    /// Asks for the lines of before that are not here, and drops those that are.
    pub(super) fn want_earlier(&mut self, look: &Look<'_>) {
        let from = self.known_from(look.range());
        let is_onset = self.patterns.compare.here(look) == Compare::Onset;
        self.patterns.earlier.take_if(|e| is_onset && e.known().is_some_and(|known| from < known.start));
        if let Some(range) = self.lacking(look) {
            self.patterns.earlier = Some(Earlier::new(range));
        }
    }

    pub(super) fn ask_earlier(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) {
        let Some(earlier) = &self.patterns.earlier else { return };
        let (window, own) = (TimeWindow::Fixed(earlier.range), look.range());
        // What lies in the page's window was asked about with it.
        let is_own = own.start <= earlier.range.start && earlier.range.end <= own.end;
        if !is_own && !self.ask_sizes(look, plan, window, "earlier size", needs).may_read() {
            return;
        }
        for (part, query) in (0..).zip(&plan.streams) {
            let request = Request::LogOlder { query: query.clone(), window: TimeWindow::Fixed(earlier.range), before: earlier.range.end };
            needs.ask("earlier", part, request, Refresh::Once);
        }
    }

    /// Does without the lines of before where they are too many to be read unasked.
    pub(in super::super) fn earlier_size_came(&mut self, look: &Look<'_>) {
        let Some(range) = self.patterns.earlier.as_ref().map(|e| e.range) else { return };
        let verdict = self.plan(look).map(|plan| self.verdict(look, &plan, TimeWindow::Fixed(range)));
        if let (Some(Verdict::Asks(size)), Some(earlier)) = (verdict, &mut self.patterns.earlier) {
            let limit = look.shared.settings.ask_above.unwrap_or_default();
            let (size, limit) = (format::bytes(size as f64), format::bytes(limit as f64));
            let error = SourceError::new(Backend::Loki, ErrorKind::Refused, format!("it would read {size}, more than {limit}"));
            earlier.answered[0].settle(look.now, Err(error));
        }
    }

    pub(super) fn earlier_came(&mut self, asked: Timestamp, part: u32, result: Result<Vec<LogEvent>, SourceError>) {
        let Some(earlier) = &mut self.patterns.earlier else { return };
        let mut reached = earlier.range.start;
        let result = result.map(|events| {
            for event in events {
                if let LogEvent::History { lines, reached: from, older } = event {
                    earlier.store.insert(lines);
                    reached = if older == Older::Nothing { earlier.range.start } else { from };
                }
            }
            reached
        });
        if let Some(slot) = earlier.answered.get_mut(part as usize) {
            slot.settle(asked, result);
        }
    }

    /// From when on the lines of the window are here. Before the first of them the streams may not have been there at all: a
    /// rate over that time would say too little.
    pub(super) fn known_from(&self, range: TimeRange) -> Timestamp {
        let oldest = self.store.oldest().map_or(range.start, |oldest| oldest.max(range.start));
        let left = |past: &Past| match past.older() {
            Some(Older::Left(before)) => Some(before),
            Some(Older::Coming | Older::Nothing) | None => None,
        };
        self.told.past.iter().filter_map(left).fold(oldest, Timestamp::max)
    }

    /// What is compared, as far as lines of it are known.
    pub(super) fn windows(&self, look: &Look<'_>) -> Windows {
        let range = look.range();
        let from = self.known_from(range).min(range.end);
        let wanted = self.patterns.compare.windows(look, from);
        let after = TimeRange { start: wanted.after.start.max(from).min(wanted.after.end), end: wanted.after.end };
        let Some(before) = wanted.before else { return Windows { before: None, after } };
        let own = TimeRange { start: before.start.max(from), end: before.end };
        let own = (own.start < own.end && own.end <= range.end).then_some(own);
        let other = self.patterns.earlier.as_ref().and_then(|earlier| {
            let known = earlier.known()?;
            // The lines between the two may have been dropped since.
            let end = if from <= known.end { before.end } else { before.end.min(known.end - INSTANT) };
            (known.start < end).then_some(TimeRange { start: known.start, end })
        });
        Windows { before: other.or(own), after }
    }

    /// The same where the whole window is known, and no other one.
    pub(super) fn whole_windows(&self, look: &Look<'_>) -> Windows {
        let range = look.range();
        let Windows { before, after } = self.patterns.compare.windows(look, range.start);
        Windows { before: before.filter(|w| range.start <= w.start && w.end <= range.end), after }
    }
}
