//! The seam between the simulated world and the protocol servers.
//!
//! The world implements these traits; so do plain in-memory stores in tests, which lets the same generated data be put
//! into the demo's servers and into real ones and the answers be compared.

use std::{ops::ControlFlow, sync::Arc};

use super::native::Native;
use crate::{
    model::{
        labels::{Labels, Matcher},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
    wire::otlp::ResourceSpans,
};

/// The clock of a demo run: the wall clock, or one that `--at` fixed.
pub trait Clock: Send + Sync {
    /// The instant the world has reached; nothing later exists.
    fn now(&self) -> Timestamp;
}

/// One stored series. Timestamps are in milliseconds, as Prometheus keeps them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredSeries {
    /// Labels with `__name__`.
    pub labels: Arc<Labels>,
    /// Samples by time; a staleness marker is [`STALE`].
    pub samples: Vec<(i64, f64)>,
    /// Native histograms by time. Where they end, a staleness marker is among the samples.
    pub histograms: Vec<(i64, Arc<Native>)>,
}

/// Prometheus' staleness marker (`model/value`, `StaleNaN`): the bit pattern, compared as bits.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// An exemplar of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExemplar {
    /// Labels of its series with `__name__`.
    pub series: Arc<Labels>,
    /// Labels of the exemplar: `trace_id`.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// Milliseconds.
    pub at: i64,
}

/// Type and help of a metric family.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// Family name as Prometheus' metadata API has it.
    pub family: &'static str,
    /// `counter`, `gauge`, `histogram`, `summary`.
    pub kind: &'static str,
    /// Help text.
    pub help: &'static str,
    /// Unit, often empty.
    pub unit: &'static str,
}

/// Scraped series.
pub trait MetricStore: Send + Sync {
    /// Series that match all matchers and have samples in `start..=end` (milliseconds), with just those samples.
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries>;
    /// Label sets of the series that match and exist in the range, without their samples.
    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>>;
    /// Exemplars of matching series in the range, by series, then time.
    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar>;
    /// Metadata of all families.
    fn metadata(&self) -> Vec<Metadata>;
}

/// One log line that exists but need not be written out: counting lines must not build them.
pub trait LogEntry {
    /// When.
    fn at(&self) -> Timestamp;
    /// Labels of its stream.
    fn stream(&self) -> &Arc<Labels>;
    /// `detected_level`, as Loki's distributor would have set it.
    fn level(&self) -> &'static str;
    /// The trace it was written in.
    fn trace(&self) -> Option<TraceId>;
    /// Appends the line's text.
    fn write_text(&self, out: &mut String);
    /// Structured metadata without `detected_level`.
    fn metadata(&self) -> Labels;
}

/// Order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// What a scan for lines may skip. A store may ignore it: the caller filters again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogHint {
    /// Stream matchers.
    pub matchers: Vec<Matcher>,
    /// Only lines of this trace.
    pub trace: Option<TraceId>,
}

/// How much was logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Lines.
    pub entries: u64,
    /// Bytes of their text and of their structured metadata: 8 for a label, as a chunk keeps names and values once, and the
    /// values that are never the same.
    pub bytes: u64,
}

impl Volume {
    /// What one line takes.
    pub fn of(entry: &dyn LogEntry, text: &mut String) -> Self {
        text.clear();
        entry.write_text(text);
        let level = if entry.level().is_empty() { 0 } else { LABEL };
        let own = |value: &str| if value.len() >= ID { value.len() } else { 0 };
        let metadata: usize = entry.metadata().iter().filter(|(n, _)| *n != DETECTED_LEVEL).map(|(_, v)| LABEL + own(v)).sum();
        Self { entries: 1, bytes: (text.len() + level + metadata) as u64 }
    }
}

impl std::ops::AddAssign for Volume {
    fn add_assign(&mut self, more: Self) {
        self.entries += more.entries;
        self.bytes += more.bytes;
    }
}

/// Bytes that a chunk needs for a label of structured metadata, and from what length on its value is taken for an id.
const LABEL: usize = 8;
const ID: usize = 16;

/// The level that Loki's distributor adds to a line's structured metadata.
pub const DETECTED_LEVEL: &str = "detected_level";

/// Log lines.
pub trait LogStore: Send + Sync {
    /// Streams that match and have lines in the range.
    fn streams(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Arc<Labels>>;
    /// Visits the lines in `range.start..range.end` (end exclusive, as Loki has it) in the order of time until told to stop.
    fn scan(&self, hint: &LogHint, range: TimeRange, direction: Direction, visit: &mut dyn FnMut(&dyn LogEntry) -> ControlFlow<()>);
    /// Visits how much the matching streams have in the range (end exclusive), in pieces that lie at an instant. A store
    /// may estimate, as Loki does, so that the answer costs less than the query it is asked for.
    fn volume(&self, matchers: &[Matcher], range: TimeRange, visit: &mut dyn FnMut(Timestamp, &Arc<Labels>, Volume)) {
        let mut text = String::new();
        let hint = LogHint { matchers: matchers.to_vec(), trace: None };
        self.scan(&hint, range, Direction::Forward, &mut |entry| {
            visit(entry.at(), entry.stream(), Volume::of(entry, &mut text));
            ControlFlow::Continue(())
        });
    }
}

/// What a scan for traces may skip. A store may ignore it: the caller filters again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceHint {
    /// A span of one of these services takes part; empty for any.
    pub services: Vec<String>,
    /// Some span of them has an error.
    pub error: bool,
    /// Some span lasts at least this many nanoseconds.
    pub min_duration: i64,
}

/// Which spans of a trace are wanted: those that fulfil all of it. A store may ignore it: the caller filters again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanHint {
    /// Of one of these services; empty for any.
    pub services: Vec<String>,
    /// Of one of these kinds, by OpenTelemetry's numbers; empty for any.
    pub kinds: Vec<i32>,
    /// Without a parent.
    pub roots: bool,
}

/// One trace as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTrace {
    /// Its id.
    pub id: TraceId,
    /// Its spans by service instance, in the order of arrival.
    pub spans: Vec<ResourceSpans>,
}

/// Traces.
pub trait TraceStore: Send + Sync {
    /// A trace by id.
    fn trace(&self, id: TraceId) -> Option<StoredTrace>;
    /// Visits traces that start in the range, newest first, until told to stop.
    fn scan(&self, hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>);
    /// About how many traces a scan visits.
    fn about(&self, hint: &TraceHint, range: TimeRange) -> u64 {
        let mut count = 0;
        self.scan(hint, range, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        count
    }
    /// Visits about one in so many of the traces that a scan visits, or the wanted part of each, with how many it stands for; what
    /// is rare is not skipped.
    fn sample(
        &self,
        (hint, _wanted): (&TraceHint, &SpanHint),
        range: TimeRange,
        _one_in: u64,
        visit: &mut dyn FnMut(StoredTrace, u64) -> ControlFlow<()>,
    ) {
        self.scan(hint, range, &mut |trace| visit(trace, 1));
    }
    /// Visits what is rare among the traces that have something in a range, newest first: what a look at the newest few would
    /// miss, and what lasts so long that it may have begun long before.
    fn rare(&self, _hint: &TraceHint, _range: TimeRange, _visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {}
}
