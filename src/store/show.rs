//! Which lines are shown, and what is needed to decide on it.

use std::{borrow::Cow, sync::Arc};

use super::{condition::Condition, filter::Pattern, patterns::Chosen, row::LineId, streams::Streams};
use crate::{
    log_patterns::Kind,
    model::{
        log::{Level, LogLine},
        time::{TimeRange, Timestamp},
    },
};

/// Which lines are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Show {
    /// The text.
    pub pattern: Option<Pattern>,
    /// What fields must be, or must not.
    pub conditions: Vec<Condition>,
    /// At least this bad; [`Level::Unknown`] shows all.
    pub level: Level,
    /// Of this time; what has none is of any.
    pub within: Option<TimeRange>,
    /// The screen is held: what is new since then waits.
    pub held: Option<Mark>,
    /// Lines of these patterns alone.
    pub only: Option<Arc<Chosen>>,
    /// No lines of these patterns.
    pub without: Option<Arc<Chosen>>,
}

/// What had arrived at some moment. All that arrives later is new, but for lines older than all that was there: those only
/// come because someone goes back to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Counts the lines that had arrived.
    pub arrivals: u64,
    /// The oldest of them.
    pub oldest: Timestamp,
    /// The newest of them.
    pub newest: Timestamp,
}

impl Mark {
    /// All that is not newer than what was there counts as there, for when other lines of that time are asked for.
    #[must_use]
    pub fn by_time(self) -> Self {
        Self { arrivals: 0, oldest: self.newest, ..self }
    }

    /// Whether a line arrived later.
    pub(super) fn is_new(self, id: LineId) -> bool {
        id.arrival >= self.arrivals && id.at > self.oldest
    }
}

impl Show {
    pub(super) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether not all lines pass that there are.
    pub(super) fn filters(&self) -> bool {
        let Self { pattern, conditions, level, within, held: _, only, without } = self;
        within.is_some() || pattern.is_some() || !conditions.is_empty() || *level != Level::default() || only.is_some() || without.is_some()
    }

    /// Whether just the lines are shown, or wait to be, that are asked for by a level and conditions.
    pub(super) fn are_asked(&self, asked: &Self) -> bool {
        let Self { pattern, conditions, level, within, held: _, only, without } = self;
        let is_local = within.is_some() || pattern.is_some() || only.is_some() || without.is_some();
        !is_local && (*level, conditions) == (asked.level, &asked.conditions)
    }

    /// Bytes of lines that are looked at while a key waits; more of them are left to a worker.
    pub(super) fn at_once(&self) -> usize {
        let is_read = self.pattern.as_ref().is_some_and(Pattern::is_expression);
        let takes_apart = !self.conditions.is_empty() || self.only.is_some() || self.without.is_some();
        match takes_apart || is_read {
            true => TAKEN_APART,
            false if self.pattern.is_some() => SEARCHED,
            false => JUDGED,
        }
    }

    pub(super) fn is_waiting(&self, id: LineId) -> bool {
        self.held.is_some_and(|mark| mark.is_new(id))
    }

    /// Whether a line that is yet to be stored passes.
    pub(super) fn takes(&self, line: &LogLine) -> bool {
        let labels = Some(&*line.stream);
        self.is_of(line.at, line.level)
            && self.reads(&line.text, |_| None)
            && self.conditions.iter().all(|c| c.passes(labels, line.metadata.iter(), &line.text))
    }

    /// Whether a line is bad enough, and of the time.
    pub(super) fn is_of(&self, at: Timestamp, level: Level) -> bool {
        level >= self.level && self.within.is_none_or(|within| at.is_place() || within.contains(at))
    }

    /// Whether a line passes by its text, but for the conditions; `kind` is asked for the number of its form in a numbering,
    /// where it is known.
    pub(super) fn reads(&self, text: &str, kind: impl Fn(u64) -> Option<Kind>) -> bool {
        let is_of = |chosen: &Arc<Chosen>| chosen.has(kind(chosen.generation()), text);
        self.pattern.as_ref().is_none_or(|p| p.passes(text))
            && self.only.as_ref().is_none_or(is_of)
            && !self.without.as_ref().is_some_and(is_of)
    }

    /// The same of a text that is put together only where it matters.
    pub(super) fn reads_of<'t>(&self, text: impl Fn() -> Cow<'t, str>, kind: impl Fn(u64) -> Option<Kind>) -> bool {
        let asks = self.pattern.is_some() || self.only.is_some() || self.without.is_some();
        !asks || self.reads(&text(), kind)
    }
}

/// What is shown, and what is needed to decide on it.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub(super) show: &'a Show,
    pub(super) streams: &'a Streams,
}

/// Bytes that are searched for a text while a key waits: a few milliseconds.
const SEARCHED: usize = 2 << 20;
/// Bytes of lines whose level is looked at while a key waits.
const JUDGED: usize = 64 << 20;
/// Bytes of lines that are taken apart, or read by a regular expression, while a key waits.
const TAKEN_APART: usize = 512 << 10;
