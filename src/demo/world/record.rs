//! What a block of time can be searched by: its log lines, traces and exemplars, without their text.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    block::{BLOCK, Layout, SCRAPE, SPAN_PHASE, Services, bucket},
    lines::{Kind, lines},
    model::{GRACE, Model, PodId, Request, SECOND},
    platform::stream_of,
    walk::{Hop, Observer, lost},
};
use crate::wire::otlp::SpanKind;

/// Index of a request within the blocks around it, and whether its mail is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Local(u32);

const MAIL: u32 = 1 << 31;

impl Local {
    fn new(begin: i64, key: u64, mail: bool) -> Self {
        let local = (key - ((begin as u64) << 18)) as u32;
        Self(local | if mail { MAIL } else { 0 })
    }

    fn key(self, begin: i64) -> u64 {
        ((begin as u64) << 18) + u64::from(self.0 & !MAIL)
    }

    const fn mail(self) -> bool {
        self.0 & MAIL != 0
    }
}

/// A log line: instant, kind, level, pod and hop in one number that sorts by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRecord {
    packed: u64,
    local: Local,
}

/// A log line, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Nanoseconds.
    pub at: i64,
    pub kind: Kind,
    pub level: Level,
    /// Whose stream it is in: a pod's, or one of those that follow.
    pub pod: PodId,
    /// Key of the request.
    pub key: u64,
    pub mail: bool,
    pub hop: u8,
}

/// Levels that the shop logs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    Info,
    Warn,
    Error,
    /// Loki finds none.
    Unknown,
}

impl Level {
    /// As Loki detects it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }
}

/// A trace: what a search for it needs.
#[derive(Clone, Copy, Debug)]
pub struct TraceRecord {
    /// Nanoseconds.
    pub start: i64,
    pub key: u64,
    pub mail: bool,
    /// The longest span, nanoseconds.
    pub longest: i64,
    /// Services that have a span in it.
    pub services: Services,
    /// Services that have a failed span in it.
    pub failed: Services,
}

/// An observation of a histogram that carries its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExemplarRecord {
    pub histogram: u16,
    pub bucket: u8,
    /// Nanoseconds.
    pub at: i64,
    pub value: i64,
    pub key: u64,
    pub mail: bool,
}

/// What one block's requests wrote and did, by time. Some of it happens after the block's end.
#[derive(Debug)]
pub struct RecordBlock {
    begin: i64,
    lines: Vec<LineRecord>,
    /// Traces by start.
    pub traces: Vec<TraceRecord>,
    /// Exemplars by histogram, bucket and time.
    pub exemplars: Vec<ExemplarRecord>,
}

impl RecordBlock {
    /// Lines in `from..to` by time.
    pub fn lines(&self, from: i64, to: i64) -> impl DoubleEndedIterator<Item = Line> + '_ {
        let begin = self.begin * SECOND;
        let key = |at: i64| (at.clamp(begin, begin + (1 << 38) - 1) - begin) as u64;
        let first = self.lines.partition_point(|l| l.packed >> 26 < key(from));
        let last = self.lines.partition_point(|l| l.packed >> 26 < key(to)).max(first);
        self.lines[first..last].iter().map(|l| self.unpack(*l))
    }

    fn unpack(&self, l: LineRecord) -> Line {
        Line {
            at: self.begin * SECOND + (l.packed >> 26) as i64,
            kind: Kind::ALL[(l.packed >> 20 & 63) as usize],
            level: [Level::Info, Level::Warn, Level::Error, Level::Unknown][(l.packed >> 18 & 3) as usize],
            pod: (l.packed >> 10 & 255) as u8,
            key: l.local.key(self.begin),
            mail: l.local.mail(),
            hop: (l.packed >> 2 & 255) as u8,
        }
    }
}

/// One in so many requests is looked at for exemplars.
const EXEMPLARS: u64 = 12;

/// Makes a [`RecordBlock`].
pub struct Recorder<'a> {
    model: &'a Model,
    layout: &'a Layout,
    begin: i64,
    lines: Vec<LineRecord>,
    traces: Vec<TraceRecord>,
    exemplars: BTreeMap<(u16, u8, i64), ExemplarRecord>,
    open: [Option<TraceRecord>; 2],
    current: u64,
    lost: Option<u8>,
    sampled: bool,
}

impl<'a> Recorder<'a> {
    /// Nothing recorded yet. What pods write about themselves is in the block from the start.
    pub fn new(model: &'a Model, layout: &'a Layout, block: i64) -> Self {
        let begin = block * BLOCK;
        let mut new = Self {
            model,
            layout,
            begin,
            lines: Vec::new(),
            traces: Vec::new(),
            exemplars: BTreeMap::new(),
            open: [None; 2],
            current: u64::MAX,
            lost: None,
            sampled: false,
        };
        for (pod, p) in model.pods.iter().enumerate() {
            let born =
                [Kind::Starting, Kind::PoolStarted, Kind::Started].map(|k| (k, p.born + 3 * SECOND * (k as i64 - Kind::Starting as i64)));
            let gone = p.gone.map(|t| (Kind::Stopping, t - 29 * SECOND));
            for (kind, at) in born.into_iter().chain(gone).filter(|(k, _)| *k != Kind::PoolStarted || p.pool > 0) {
                if (begin * SECOND..(begin + BLOCK) * SECOND).contains(&at) {
                    new.push(Local(0), at, kind, Level::Info, pod as u8, 0);
                }
            }
            let kubelet = [(Kind::KubeletAdd, Some(p.created + SECOND)), (Kind::KubeletKill, p.gone.map(|t| t - GRACE))];
            for (kind, at) in kubelet.into_iter().filter_map(|(kind, at)| Some((kind, at?))) {
                if (begin * SECOND..(begin + BLOCK) * SECOND).contains(&at) {
                    let stream = stream_of(kind, model.pods.len(), None, pod as u8, p.node);
                    new.push(Local(0), at, kind, Level::Unknown, stream, pod as u8);
                }
            }
        }
        new
    }

    fn push(&mut self, local: Local, at: i64, kind: Kind, level: Level, pod: PodId, hop: u8) {
        let rel = (at - self.begin * SECOND).clamp(0, (1 << 38) - 1) as u64;
        let packed = rel << 26 | (kind as u64) << 20 | (level as u64) << 18 | u64::from(pod) << 10 | u64::from(hop) << 2;
        self.lines.push(LineRecord { packed, local });
    }

    /// The request's walk is over.
    pub fn end_request(&mut self) {
        self.traces.extend(self.open.iter_mut().filter_map(Option::take));
    }

    /// The finished block.
    pub fn finish(mut self) -> Arc<RecordBlock> {
        self.lines.sort_unstable();
        self.lines.shrink_to_fit();
        self.traces.sort_by_key(|t| (t.start, t.key, t.mail));
        self.traces.shrink_to_fit();
        Arc::new(RecordBlock {
            begin: self.begin,
            lines: self.lines,
            traces: self.traces,
            exemplars: self.exemplars.into_values().collect(),
        })
    }

    fn exemplar(&mut self, histogram: Option<usize>, request: &Request, hop: &Hop, phase: i64) {
        let Some(histogram) = histogram else { return };
        let value = hop.end - hop.start;
        let record = ExemplarRecord {
            histogram: histogram as u16,
            bucket: bucket(value) as u8,
            at: hop.end,
            value,
            key: request.key,
            mail: hop.mail,
        };
        let scrape = (hop.end - phase).div_euclid(SCRAPE * SECOND);
        self.exemplars.insert((record.histogram, record.bucket, scrape), record);
    }
}

impl Observer for Recorder<'_> {
    fn hop(&mut self, request: &Request, hop: &Hop) {
        if self.current != request.key {
            self.current = request.key;
            self.lost = lost(request);
            self.sampled = request.draw(13).is_multiple_of(EXEMPLARS);
        }
        let local = Local::new(self.begin, request.key, hop.mail);
        let pods = self.model.pods.len();
        lines(request, hop, |kind, level, at| {
            self.push(local, at, kind, level, stream_of(kind, pods, Some(request), hop.pod, 0), hop.id);
        });
        if !hop.mail && self.lost == Some(hop.id) {
            return;
        }
        let bit = 1 << hop.op.info().service as u8;
        let new = TraceRecord { start: hop.start, key: request.key, mail: hop.mail, longest: 0, services: 0, failed: 0 };
        let trace = self.open[usize::from(hop.mail)].get_or_insert(new);
        trace.start = trace.start.min(hop.start);
        trace.longest = trace.longest.max(hop.end - hop.start);
        trace.services |= bit;
        trace.failed |= if hop.outcome.is_error() { bit } else { 0 };
        if self.sampled && matches!(hop.op.info().kind, SpanKind::Server | SpanKind::Consumer) {
            self.exemplar(self.layout.own(hop.op, hop.outcome.status_index(), hop.pod), request, hop, self.layout.phases[hop.pod as usize]);
            self.exemplar(self.layout.span(hop.op, hop.outcome.is_error()), request, hop, SPAN_PHASE);
        }
    }
}
