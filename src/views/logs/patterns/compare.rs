//! What patterns are compared with.

use std::time::Duration;

use super::{
    super::{Logs, past::Past, query::Plan},
    Patterns,
};
use crate::{
    core::{
        command::Command,
        request::{Refresh, Request},
        slot::Slot,
    },
    log_patterns::Windows,
    model::{
        backend::{Backend, ErrorKind, SourceError},
        log::{Limit, LogEvent, Older},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    store::LogStore,
    ui::format,
    views::{Cx, Look, Needs, cost::Verdict},
};

const DAY: Duration = Duration::from_secs(86_400);
/// Room for the lines of an earlier window: a page of them.
const BYTES: usize = 32 << 20;

/// Windows end before this.
pub(in super::super) const INSTANT: Duration = Duration::from_nanos(1);

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
    /// The query of each stream that is asked, and from when on all of its lines are there.
    streams: Vec<(String, Slot<Timestamp>)>,
    /// Why the server hands out none of before that.
    limit: Option<Limit>,
}

impl Earlier {
    fn new(range: TimeRange, streams: Vec<String>) -> Self {
        let streams = streams.into_iter().map(|query| (query, Slot::default())).collect();
        Self { store: LogStore::new(BYTES), range, streams, limit: None }
    }

    /// These are asked: what came of one of them goes with it.
    fn keep_to(&mut self, streams: &[String]) {
        let mut before = std::mem::take(&mut self.streams);
        let mut slot = |query: &String| {
            let known = before.iter_mut().find(|(known, _)| known == query);
            known.map(|(_, slot)| std::mem::take(slot)).unwrap_or_default()
        };
        self.streams = streams.iter().map(|query| (query.clone(), slot(query))).collect();
    }

    /// The window whose lines are there; `None` before each stream has answered: a line that is in another one would be new.
    pub(super) fn known(&self) -> Option<TimeRange> {
        let reached: Option<Vec<Timestamp>> = self.streams.iter().map(|(_, slot)| slot.value().copied()).collect();
        let start = reached?.into_iter().max()?.max(self.range.start);
        Some(TimeRange { start, end: self.range.end })
    }

    /// From when on the page's own lines count as lines of before.
    pub(super) fn end(&self) -> Timestamp {
        self.range.end
    }

    /// Why the server hands out less than the window.
    pub(super) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Why they did not come.
    pub(super) fn error(&self) -> Option<&SourceError> {
        self.streams.iter().find_map(|(_, slot)| slot.error())
    }
}

impl Patterns {
    /// Other lines are asked for: those of before are other ones too.
    pub(in super::super) fn drop_earlier(&mut self) {
        self.earlier = None;
    }

    /// The same lines are asked for by these queries.
    pub(in super::super) fn keep_earlier_to(&mut self, streams: &[String]) {
        if let Some(earlier) = &mut self.earlier {
            earlier.keep_to(streams);
        }
    }
}

impl Logs {
    /// Compares with what comes next.
    pub(super) fn compare_next(&mut self, cx: &mut Cx<'_>) {
        let next = self.patterns.compare.next(&cx.look);
        // Of files all lines that there are are here: there is no period before them to be asked for.
        let is_elsewhere = self.files.is_some() && matches!(next, Compare::Previous | Compare::Day | Compare::Week);
        if is_elsewhere {
            let key = cx.look.shared.keymap.key(Command::ChooseWindows).unwrap_or_default();
            cx.notice(format!("of files the lines that are here are compared by halves: {key} names other times"));
        }
        self.compare_with(if is_elsewhere { Compare::Onset.here(&cx.look) } else { next });
    }

    pub(super) fn compare_with(&mut self, compare: Compare) {
        // The lines of before are those that are here: they are not asked for twice.
        if self.patterns.compare != compare {
            self.patterns.compare = compare;
            self.patterns.earlier = None;
        }
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
            let streams = self.plan(look).map_or_else(Vec::new, |plan| plan.streams);
            self.patterns.earlier = Some(Earlier::new(range, streams));
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
        // As soon as another plan is noted they are asked by its queries.
        if !earlier.streams.iter().map(|(query, _)| query).eq(&plan.streams) {
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
            if let Some((_, slot)) = earlier.streams.first_mut() {
                slot.settle(look.now, Err(error));
            }
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
                    earlier.limit = if let Older::Withheld(limit) = older { Some(limit) } else { earlier.limit };
                }
            }
            reached
        });
        if let Some((_, slot)) = earlier.streams.get_mut(part as usize) {
            slot.settle(asked, result);
        }
    }

    /// From when on the lines of the window are here. Before the first of them the streams may not have been there at all: a
    /// rate over that time would say too little.
    pub(super) fn known_from(&self, range: TimeRange) -> Timestamp {
        let oldest = self.store.oldest().map_or(range.start, |oldest| oldest.max(range.start));
        let left = |past: &Past| match past.older() {
            Some(Older::Left(before)) => Some(before),
            Some(Older::Coming | Older::Nothing | Older::Withheld(_)) | None => None,
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
