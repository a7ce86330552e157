//! A line as it is kept: its facts in a row, its text beside it.

use std::sync::Arc;

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
    pub(super) metadata: &'a str,
}

impl<'a> Line<'a> {
    /// The same as a line of its own, which goes to another page.
    pub fn to_log_line(&self) -> LogLine {
        LogLine {
            at: self.id.at,
            stream: self.stream.clone(),
            metadata: self.metadata().collect(),
            text: self.text.into(),
            level: self.level,
            trace: self.trace,
            span: self.span,
            trace_from: self.trace_from,
            copy: 0,
        }
    }

    /// Its structured metadata.
    pub fn metadata(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        decode(self.metadata)
    }
}

const MIDDLE: char = '\u{1f}';
const END: char = '\u{1e}';

/// Facts of a line, without its text. There are a million of them: 40 bytes.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) at: Timestamp,
    /// The arrival, 48 bits of it: enough for 400 years of 20,000 lines a second.
    pub(super) arrival_low: u32,
    pub(super) arrival_high: u16,
    pub(super) level: Level,
    /// Index into the segment's places plus one; 0 is none.
    pub(super) place: u8,
    pub(super) offset: u32,
    pub(super) text: u32,
    pub(super) metadata: u32,
    pub(super) stream: u32,
    pub(super) hash: u32,
    /// Index into the segment's traces plus one; 0 is none.
    pub(super) trace: u32,
}

impl Row {
    pub(super) fn id(&self) -> LineId {
        LineId { at: self.at, arrival: u64::from(self.arrival_high) << 32 | u64::from(self.arrival_low) }
    }

    /// Bytes of its line.
    pub(super) fn size(&self) -> usize {
        self.text as usize + self.metadata as usize
    }
}

/// A trace and a span of it, without the holes that the model's types leave: lines of one span share it.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct TraceRef {
    high: u64,
    low: u64,
    /// 0 is none.
    span: u64,
}

impl TraceRef {
    pub(super) fn new(trace: TraceId, span: Option<SpanId>) -> Self {
        Self { high: (trace.0 >> 64) as u64, low: trace.0 as u64, span: span.map_or(0, |s| s.0) }
    }

    pub(super) fn trace(self) -> TraceId {
        TraceId(u128::from(self.high) << 64 | u128::from(self.low))
    }

    pub(super) fn span(self) -> Option<SpanId> {
        (self.span != 0).then_some(SpanId(self.span))
    }
}

pub(super) fn decode(metadata: &str) -> impl Iterator<Item = (&str, &str)> + Clone {
    metadata.split_terminator(END).filter_map(|pair| pair.split_once(MIDDLE))
}

pub(super) fn encode(metadata: &Labels, out: &mut String) {
    out.clear();
    for (name, value) in metadata.iter() {
        out.push_str(name);
        out.push(MIDDLE);
        out.extend(value.chars().filter(|c| *c != END));
        out.push(END);
    }
}
