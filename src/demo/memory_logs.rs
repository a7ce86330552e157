//! Log lines kept in memory, for tests of what reads a [`LogStore`].

use std::{ops::ControlFlow, sync::Arc};

use super::{
    logql::{
        level,
        matcher::{CompiledMatcher, compile},
    },
    store::{Direction, LogEntry, LogHint, LogStore},
};
use crate::model::{
    labels::{Labels, Matcher},
    time::{TimeRange, Timestamp},
    trace::TraceId,
};

/// A line as a shipper sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemLine {
    /// When.
    pub at: Timestamp,
    /// Labels of its stream.
    pub stream: Arc<Labels>,
    /// Structured metadata.
    pub metadata: Labels,
    /// The line.
    pub text: String,
    level: &'static str,
}

/// Lines in the order of time.
#[derive(Debug, Default)]
pub struct MemLogs(Vec<MemLine>);

impl MemLogs {
    /// A store with these lines: instant, stream, structured metadata, text.
    pub fn new(lines: impl IntoIterator<Item = (Timestamp, Arc<Labels>, Labels, String)>) -> Self {
        let line = |(at, stream, metadata, text): (Timestamp, Arc<Labels>, Labels, String)| {
            let level = known_level(&level::detect(&stream, &metadata, &text));
            MemLine { at, stream, metadata, text, level }
        };
        let mut lines: Vec<MemLine> = lines.into_iter().map(line).collect();
        lines.sort_by_key(|l| l.at);
        Self(lines)
    }

    /// All lines by time.
    pub fn lines(&self) -> &[MemLine] {
        &self.0
    }

    fn matching(&self, matchers: &[Matcher], range: TimeRange) -> impl DoubleEndedIterator<Item = &MemLine> {
        // A matcher that does not compile selects nothing; the parser has refused it before.
        let compiled: Option<Vec<CompiledMatcher>> = compile(matchers).ok();
        let passes = move |l: &&MemLine| compiled.as_ref().is_some_and(|all| all.iter().all(|m| m.matches_labels(&l.stream)));
        self.0.iter().filter(move |l| l.at >= range.start && l.at < range.end).filter(passes)
    }
}

/// The level as a name that lives forever; other spellings than Loki's own are `unknown` here.
fn known_level(level: &str) -> &'static str {
    ["trace", "debug", "info", "warn", "error", "critical", "fatal"].into_iter().find(|l| *l == level).unwrap_or("unknown")
}

impl LogEntry for MemLine {
    fn at(&self) -> Timestamp {
        self.at
    }
    fn stream(&self) -> &Arc<Labels> {
        &self.stream
    }
    fn level(&self) -> &'static str {
        self.level
    }
    fn trace(&self) -> Option<TraceId> {
        self.metadata.get("trace_id").and_then(TraceId::parse)
    }
    fn write_text(&self, out: &mut String) {
        out.push_str(&self.text);
    }
    fn metadata(&self) -> Labels {
        self.metadata.clone()
    }
}

impl LogStore for MemLogs {
    fn streams(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Arc<Labels>> {
        let mut streams: Vec<Arc<Labels>> = self.matching(matchers, range).map(|l| l.stream.clone()).collect();
        streams.sort_unstable();
        streams.dedup();
        streams
    }

    fn scan(&self, hint: &LogHint, range: TimeRange, direction: Direction, visit: &mut dyn FnMut(&dyn LogEntry) -> ControlFlow<()>) {
        let lines = self.matching(&hint.matchers, range);
        let mut go = |line: &MemLine| visit(line);
        // What matters is that the visitor was told to stop, not by which line.
        let _ = match direction {
            Direction::Forward => lines.into_iter().try_for_each(&mut go),
            Direction::Backward => lines.rev().try_for_each(&mut go),
        };
    }
}
