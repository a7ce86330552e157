//! A run of neighbouring lines: their texts in one buffer, their facts in rows sorted by time.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::log_store::Show;
use crate::model::{
    labels::Labels,
    log::{Level, LogLine},
    time::Timestamp,
    trace::{SpanId, TraceId},
};

/// Names a line for as long as it is kept. Ordered as the lines are: by time, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId {
    /// The line's time.
    pub at: Timestamp,
    /// Counts arrivals.
    pub arrival: u64,
}

/// A line as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its name.
    pub id: LineId,
    /// Labels of its stream.
    pub stream: &'a Arc<Labels>,
    /// The text.
    pub text: &'a str,
    /// How bad it says it is.
    pub level: Level,
    /// The trace it belongs to.
    pub trace: Option<TraceId>,
    /// The span it belongs to.
    pub span: Option<SpanId>,
    /// Where the trace id was found.
    pub trace_from: Option<&'static str>,
    metadata: &'a str,
}

impl<'a> Line<'a> {
    /// Its structured metadata.
    pub fn metadata(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.metadata.split_terminator(END).filter_map(|pair| pair.split_once(MIDDLE))
    }
}

const MIDDLE: char = '\u{1f}';
const END: char = '\u{1e}';

/// Facts of a line, without its text.
#[derive(Clone, Copy)]
struct Row {
    id: LineId,
    offset: u32,
    text: u32,
    metadata: u32,
    stream: u32,
    hash: u32,
    /// Index into the segment's traces plus one; 0 is none.
    trace: u32,
    level: Level,
}

type TraceRef = (TraceId, Option<SpanId>, Option<&'static str>);

/// A run of lines.
#[derive(Default)]
pub(super) struct Segment {
    bytes: String,
    rows: Vec<Row>,
    traces: Vec<TraceRef>,
    /// The worst level of all rows.
    worst: Level,
    /// Rows that are shown, when not all are.
    shown: Option<Vec<u32>>,
}

/// Rows of a full segment.
pub(super) const ROWS: usize = 4096;
/// Bytes of a full segment.
pub(super) const BYTES: usize = 1 << 20;
/// Trace references that are compared before a new one is noted: lines of a request come together.
const NEIGHBOURS: usize = 8;

impl Segment {
    pub(super) fn first_at(&self) -> Timestamp {
        self.rows.first().map_or(Timestamp::ZERO, |r| r.id.at)
    }

    pub(super) fn last_at(&self) -> Timestamp {
        self.rows.last().map_or(Timestamp::ZERO, |r| r.id.at)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Memory it holds, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.rows.capacity() * size_of::<Row>() + self.traces.capacity() * size_of::<TraceRef>()
    }

    /// Adds lines that belong here, sorted by time and named from `arrival` on; those it has already are left out.
    /// Returns how many were new.
    pub(super) fn merge(&mut self, lines: &[(u32, LogLine)], mut arrival: u64, show: &Show) -> usize {
        let before = self.rows.len();
        let mut in_order = true;
        for (stream, line) in lines {
            let metadata = encode(&line.metadata);
            let hash = hash(*stream, &line.text, &metadata);
            if self.has(before, line.at, hash, *stream, &line.text, &metadata) {
                continue;
            }
            let Ok(offset) = u32::try_from(self.bytes.len()) else { break };
            self.bytes.push_str(&line.text);
            self.bytes.push_str(&metadata);
            in_order &= self.rows.last().is_none_or(|r| r.id.at <= line.at);
            let trace = line.trace.map_or(0, |t| self.note_trace((t, line.span, line.trace_from)));
            self.rows.push(Row {
                id: LineId { at: line.at, arrival },
                offset,
                text: size32(&line.text),
                metadata: size32(&metadata),
                stream: *stream,
                hash,
                trace,
                level: line.level,
            });
            self.worst = self.worst.max(line.level);
            arrival += 1;
        }
        if in_order {
            self.show_from(before, show);
        } else {
            self.rows.sort_by_key(|r| r.id);
            self.refilter(show);
        }
        self.rows.len() - before
    }

    /// Whether the line is among the first `sorted` rows, or among those added after them.
    fn has(&self, sorted: usize, at: Timestamp, hash: u32, stream: u32, text: &str, metadata: &str) -> bool {
        let old = &self.rows[..sorted];
        let from = old.partition_point(|r| r.id.at < at);
        let same_time = |r: &&Row| r.id.at == at;
        let mut candidates = old[from..].iter().take_while(same_time).chain(self.rows[sorted..].iter().rev().take_while(same_time));
        candidates.any(|r| r.hash == hash && r.stream == stream && self.text(r) == text && self.metadata(r) == metadata)
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

    /// Cuts off what is too much for one segment, at a place where the time changes.
    pub(super) fn split(&mut self, show: &Show) -> Option<Self> {
        if self.rows.len() <= ROWS && self.bytes.len() <= BYTES {
            return None;
        }
        let (mut rows, mut bytes) = (0, 0);
        while rows < self.rows.len().min(ROWS / 2) && (rows == 0 || bytes < BYTES / 2) {
            bytes += self.rows[rows].text as usize + self.rows[rows].metadata as usize;
            rows += 1;
        }
        while rows < self.rows.len() && rows > 0 && self.rows[rows].id.at == self.rows[rows - 1].id.at {
            rows += 1;
        }
        let rest = self.copy(rows..self.rows.len(), show);
        if rest.rows.is_empty() {
            return None;
        }
        *self = self.copy(0..rows, show);
        Some(rest)
    }

    /// Forgets its older half. Returns how many lines that were.
    pub(super) fn halve(&mut self, show: &Show) -> usize {
        let gone = self.rows.len().div_ceil(2);
        *self = self.copy(gone..self.rows.len(), show);
        gone
    }

    fn copy(&self, rows: std::ops::Range<usize>, show: &Show) -> Self {
        let rows = &self.rows[rows];
        let mut out = Self { rows: Vec::with_capacity(rows.len()), ..Self::default() };
        out.bytes.reserve_exact(rows.iter().map(|r| r.text as usize + r.metadata as usize).sum());
        for row in rows {
            let offset = u32::try_from(out.bytes.len()).unwrap_or(0);
            out.bytes.push_str(self.text(row));
            out.bytes.push_str(self.metadata(row));
            let trace = self.trace(row).map_or(0, |t| out.note_trace(t));
            out.worst = out.worst.max(row.level);
            out.rows.push(Row { offset, trace, ..*row });
        }
        out.refilter(show);
        out
    }

    pub(super) fn refilter(&mut self, show: &Show) {
        self.shown = None;
        if !show.is_all() {
            self.shown = Some(Vec::new());
            self.show_from(0, show);
        }
    }

    fn show_from(&mut self, from: usize, show: &Show) {
        if show.is_all() {
            return;
        }
        let mut shown = self.shown.take().unwrap_or_default();
        for (i, row) in self.rows.iter().enumerate().skip(from) {
            if show.passes(row.id, row.level, self.text(row)) {
                shown.push(u32::try_from(i).unwrap_or(0));
            }
        }
        self.shown = Some(shown);
    }

    /// How many lines are shown.
    pub(super) fn shown(&self) -> usize {
        self.shown.as_ref().map_or(self.rows.len(), Vec::len)
    }

    fn shown_row(&self, i: usize) -> Option<&Row> {
        match &self.shown {
            None => self.rows.get(i),
            Some(shown) => shown.get(i).and_then(|row| self.rows.get(*row as usize)),
        }
    }

    /// How many of the shown lines come before a line.
    pub(super) fn shown_before(&self, id: LineId) -> usize {
        match &self.shown {
            None => self.rows.partition_point(|r| r.id < id),
            Some(shown) => shown.partition_point(|row| self.rows[*row as usize].id < id),
        }
    }

    /// The shown line of a number.
    pub(super) fn line<'a>(&'a self, i: usize, streams: &'a [Arc<Labels>]) -> Option<Line<'a>> {
        let row = self.shown_row(i)?;
        let (trace, span, trace_from) = self.trace(row).map_or((None, None, None), |(t, s, f)| (Some(t), s, f));
        let stream = streams.get(row.stream as usize)?;
        Some(Line { id: row.id, stream, text: self.text(row), level: row.level, trace, span, trace_from, metadata: self.metadata(row) })
    }

    /// No line is worse than this.
    pub(super) fn worst(&self) -> Level {
        self.worst
    }

    /// The level of the shown line of a number.
    pub(super) fn level(&self, i: usize) -> Option<Level> {
        self.shown_row(i).map(|r| r.level)
    }

    fn text(&self, row: &Row) -> &str {
        let from = row.offset as usize;
        &self.bytes[from..from + row.text as usize]
    }

    fn metadata(&self, row: &Row) -> &str {
        let from = row.offset as usize + row.text as usize;
        &self.bytes[from..from + row.metadata as usize]
    }

    fn trace(&self, row: &Row) -> Option<TraceRef> {
        (row.trace as usize).checked_sub(1).and_then(|i| self.traces.get(i)).copied()
    }
}

fn encode(metadata: &Labels) -> String {
    let mut out = String::new();
    for (name, value) in metadata.iter() {
        out.push_str(name);
        out.push(MIDDLE);
        out.extend(value.chars().filter(|c| *c != END));
        out.push(END);
    }
    out
}

fn hash(stream: u32, text: &str, metadata: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    (stream, text, metadata).hash(&mut hasher);
    hasher.finish() as u32
}

fn size32(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
