//! A run of neighbouring lines: their texts in one buffer, their facts in rows sorted by time.

mod cut;
mod folding;
mod merge;
mod shown;
mod wanted;

use std::{ops::Range, sync::Arc};

use memchr::memmem::Finder;

use self::wanted::Wanted;
use super::{
    lines::{Lines, Numbers},
    row::{Line, LineId, Row, TraceRef},
    streams::Streams,
    verdict::Verdict,
};
use crate::{
    log_patterns::Kind,
    model::{log::Level, time::Timestamp, trace::TraceId},
};

/// A run of lines.
#[derive(Default)]
pub(super) struct Segment {
    lines: Lines,
    traces: Vec<TraceRef>,
    /// Where trace ids were found: a handful of words.
    places: Vec<&'static str>,
    /// The worst level of all rows.
    worst: Level,
    /// Which rows are shown; `None` where all are.
    verdict: Option<Verdict>,
    /// All arrivals are within.
    arrivals: Range<u64>,
    /// It may have lines that nobody asks for.
    mixed: bool,
    /// Which of its lines are asked for, as far as that was found out.
    wanted: Wanted,
    /// Rows of which it is known whether they go on from others.
    folded: usize,
    /// Lines that were of traces before the rows were put elsewhere: they are to be decided on again.
    loose: Vec<LineId>,
}

/// Rows of a full segment.
pub(super) const ROWS: usize = 4096;
/// Bytes of a full segment.
pub(super) const BYTES: usize = 1 << 20;
/// Trace references that are compared before a new one is noted: lines of a request come together.
const NEIGHBOURS: usize = 8;

impl Segment {
    pub(super) fn first_at(&self) -> Timestamp {
        self.lines.rows.first().map_or(Timestamp::ZERO, |r| r.at)
    }

    /// The time of the first row that has one, not just a place in a file.
    pub(super) fn first_dated(&self) -> Option<Timestamp> {
        let first = self.lines.rows.partition_point(|r| r.at < Timestamp::FIRST);
        self.lines.rows.get(first).map(|r| r.at)
    }

    pub(super) fn last_at(&self) -> Timestamp {
        self.lines.rows.last().map_or(Timestamp::ZERO, |r| r.at)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.rows.len()
    }

    /// Whether it has half of what it may have.
    pub(super) fn is_well_filled(&self) -> bool {
        self.len() >= ROWS / 2 || self.lines.bytes.len() >= BYTES / 2
    }

    /// Forgets the room for more.
    pub(super) fn shrink(&mut self) {
        Arc::make_mut(&mut self.lines.bytes).shrink_to_fit();
        Arc::make_mut(&mut self.lines.rows).shrink_to_fit();
        self.traces.shrink_to_fit();
    }

    /// Memory it uses, in bytes. Room for more that was never written to takes none.
    pub(super) fn size(&self) -> usize {
        self.lines.bytes.len()
            + self.lines.rows.len() * size_of::<Row>()
            + self.lines.numbers.kinds.capacity() * size_of::<Kind>()
            + self.traces.capacity() * size_of::<TraceRef>()
            + self.lines.folds.size()
    }

    /// The numbers of its lines' streams, those of neighbours not repeated.
    pub(super) fn streams(&self) -> impl Iterator<Item = u32> {
        self.lines.rows.chunk_by(|a, b| a.stream == b.stream).map(|same| same[0].stream)
    }

    fn push(&mut self, row: Row) {
        let arrival = row.id().arrival;
        self.arrivals = if self.lines.rows.is_empty() {
            arrival..arrival + 1
        } else {
            self.arrivals.start.min(arrival)..self.arrivals.end.max(arrival + 1)
        };
        self.worst = self.worst.max(row.level);
        Arc::make_mut(&mut self.lines.rows).push(row);
    }

    fn note_trace(&mut self, trace: TraceRef) -> u32 {
        let from = self.traces.len().saturating_sub(NEIGHBOURS);
        let place = self.traces[from..].iter().position(|t| *t == trace).map_or_else(
            || {
                self.traces.push(trace);
                self.traces.len() - 1
            },
            |i| from + i,
        );
        u32::try_from(place + 1).unwrap_or(0)
    }

    /// The first row that is not before a line.
    pub(super) fn row_of(&self, id: LineId) -> usize {
        self.lines.rows.partition_point(|r| r.id() < id)
    }

    /// The lines of a trace, by its id and the name that it has in texts.
    pub(super) fn lines_of<'a>(&'a self, trace: TraceId, name: &Finder<'_>, streams: &'a Streams) -> Vec<Line<'a>> {
        // Most have none, which is quickly seen of all their texts at once.
        if !self.traces.iter().any(|t| t.trace() == trace) && name.find(self.lines.bytes.as_bytes()).is_none() {
            return Vec::new();
        }
        let is_of = |row: &&Row| self.trace(row).is_some_and(|t| t.trace() == trace) || name.find(self.text(row).as_bytes()).is_some();
        self.lines.rows.iter().filter(is_of).filter_map(|row| self.line_of(row, streams)).collect()
    }

    fn line_of<'a>(&'a self, row: &'a Row, streams: &'a Streams) -> Option<Line<'a>> {
        let trace = self.trace(row);
        Some(Line {
            id: row.id(),
            stream: streams.get(row.stream)?,
            text: self.text(row),
            level: row.level,
            trace: trace.map(TraceRef::trace),
            span: trace.and_then(TraceRef::span),
            trace_from: (row.place as usize).checked_sub(1).and_then(|i| self.places.get(i)).copied(),
            metadata: self.metadata(row),
        })
    }

    /// No line is worse than this.
    pub(super) fn worst(&self) -> Level {
        self.worst
    }

    /// Its lines as they are now.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Takes the numbers of its lines' forms, where the lines are still in the order they were numbered in.
    pub(super) fn set_numbers(&mut self, numbers: &Numbers) {
        if numbers.order == self.lines.numbers.order && numbers.kinds.len() <= self.lines.rows.len() {
            self.lines.numbers = numbers.clone();
        }
    }

    fn text(&self, row: &Row) -> &str {
        self.lines.text(row)
    }

    fn metadata(&self, row: &Row) -> &str {
        self.lines.metadata(row)
    }

    fn trace(&self, row: &Row) -> Option<TraceRef> {
        (row.trace as usize).checked_sub(1).and_then(|i| self.traces.get(i)).copied()
    }
}

fn size32(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
