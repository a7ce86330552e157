//! What patterns are compared with.

use std::time::Duration;

use super::super::{Logs, past::Past, query::Plan};
use crate::{
    core::{
        request::{Refresh, Request},
        slot::Slot,
    },
    log_patterns::Windows,
    model::{
        backend::SourceError,
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
}

impl Compare {
    pub(super) fn next(self, look: &Look<'_>) -> Self {
        match self.here(look) {
            Self::Onset => Self::Halves,
            Self::Halves => Self::Previous,
            Self::Previous => Self::Day,
            Self::Day => Self::Week,
            Self::Week => Self::Onset.here(look),
        }
    }

    /// What it comes to in this scope.
    pub(super) fn here(self, look: &Look<'_>) -> Self {
        if self == Self::Onset && onset(look).is_none() { Self::Halves } else { self }
    }

    /// How far back the other window lies, where it is none of the lines'.
    fn shift(self, range: TimeRange) -> Option<Duration> {
        match self {
            Self::Onset | Self::Halves => None,
            Self::Previous => Some(range.duration()),
            Self::Day => Some(DAY),
            Self::Week => Some(7 * DAY),
        }
    }
}

/// When the condition of the scope's alert began to hold, within the window.
fn onset(look: &Look<'_>) -> Option<Timestamp> {
    let range = look.range();
    look.scope.alert.as_ref()?.onset.filter(|at| range.start < *at && *at < range.end)
}

/// Lines of an earlier window: the newest of them, as many as a server hands out at once.
pub(super) struct Earlier {
    pub(super) store: LogStore,
    range: TimeRange,
    /// What is known of each stream, and from when on all is there.
    answered: [Slot<Timestamp>; 2],
}

impl Earlier {
    fn new(range: TimeRange) -> Self {
        Self { store: LogStore::new(BYTES), range, answered: Default::default() }
    }

    /// The window whose lines are there; `None` before the first answer.
    fn known(&self) -> Option<TimeRange> {
        let reached = self.answered.iter().filter_map(Slot::value).max()?;
        Some(TimeRange { start: *reached.max(&self.range.start), end: self.range.end })
    }
}

impl Logs {
    /// Compares with what comes next.
    pub(super) fn compare_next(&mut self, look: &Look<'_>) {
        let patterns = &mut self.patterns;
        patterns.compare = patterns.compare.next(look);
        patterns.earlier = patterns.compare.shift(look.range()).map(|shift| {
            let range = look.range();
            Earlier::new(TimeRange { start: range.start - shift, end: range.end - shift })
        });
    }

    pub(super) fn ask_earlier(&self, plan: &Plan, needs: &mut Needs<'_>) {
        let Some(earlier) = &self.patterns.earlier else { return };
        for (part, query) in (0..).zip(&plan.streams) {
            let request = Request::LogOlder { query: query.clone(), window: TimeWindow::Fixed(earlier.range), before: earlier.range.end };
            needs.ask("earlier", part, request, Refresh::Once);
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
    fn known_from(&self, range: TimeRange) -> Timestamp {
        let oldest = self.store.oldest().map_or(range.start, |oldest| oldest.max(range.start));
        let left = |past: &Past| match past.older() {
            Some(Older::Left(before)) => Some(before),
            Some(Older::Coming | Older::Nothing) | None => None,
        };
        self.told.past.iter().filter_map(left).fold(oldest, Timestamp::max)
    }

    /// What is compared, as far as lines of it are known.
    pub(super) fn windows(&self, look: &Look<'_>) -> Windows {
        const INSTANT: Duration = Duration::from_nanos(1);
        let range = look.range();
        let from = self.known_from(range).min(range.end);
        let split = match self.patterns.compare.here(look) {
            Compare::Onset => onset(look).unwrap_or(range.start),
            Compare::Halves => from + TimeRange { start: from, end: range.end }.duration() / 2,
            Compare::Previous | Compare::Day | Compare::Week => {
                let before = self.patterns.earlier.as_ref().and_then(Earlier::known);
                return Windows { before, after: TimeRange { start: from, end: range.end } };
            }
        };
        let before = (from < split).then(|| TimeRange { start: from, end: split - INSTANT });
        Windows { before, after: TimeRange { start: split, end: range.end } }
    }

    /// `since the onset at 14:43 against 14:20 – 14:43`, and the same in fewer words.
    pub(super) fn compared(&self, look: &Look<'_>, windows: &Windows) -> [String; 2] {
        let zone = look.shared.settings.zone.0;
        let (since, dash) = (format::day_clock(windows.after.start, look.now, zone), look.shared.glyphs.dash);
        let compare = self.patterns.compare.here(look);
        let what = match compare {
            Compare::Onset => format!("since the onset at {since}"),
            Compare::Halves => format!("since {since}"),
            Compare::Previous | Compare::Day | Compare::Week => "all".to_owned(),
        };
        if let Some(before) = windows.before {
            let (start, end) = (format::day_clock(before.start, look.now, zone), format::day_clock(before.end, before.start, zone));
            return [format!("{what} against {start} {dash} {end}"), format!("against {start} {dash} {end}")];
        }
        let name = match compare {
            Compare::Onset | Compare::Halves => {
                return [format!("{what}: no line before is loaded, so none is called new"), "not compared".to_owned()];
            }
            Compare::Previous => "the period before",
            Compare::Day => "the day before",
            Compare::Week => "the week before",
        };
        match self.patterns.earlier.as_ref().and_then(|e| e.answered.iter().find_map(Slot::error)) {
            Some(error) => [format!("not compared with {name}: {}", error.message), "not compared".to_owned()],
            None if self.patterns.told.is_some() => {
                [format!("not compared with {name}: Loki keeps no patterns so long"), "not compared".to_owned()]
            }
            None => [format!("reading {name}"), "reading".to_owned()],
        }
    }
}
