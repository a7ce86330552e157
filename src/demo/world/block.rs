//! What a block of time has counted: cells of histograms and pools by scrape.
//!
//! A block owns the requests that arrive in it. What they do later, up to a minute after its end, is counted in the
//! block's spill, which belongs to the first scrapes of the next block.

use std::sync::Arc;

use super::{
    model::{Model, PodId, Request, SECOND},
    shop::{Family, OP, OPS, Op, Outcome, SERVICES, Service},
    walk::{Hop, Observer, PARTITIONS, lost},
};
use crate::{demo::native, wire::otlp::SpanKind};

/// Seconds of a block.
pub const BLOCK: i64 = 120;
/// Seconds between two scrapes.
pub const SCRAPE: i64 = 15;
/// Scrapes of a block.
pub const SLOTS: usize = (BLOCK / SCRAPE) as usize;
/// Scrapes of a block and its spill.
pub const WIDE: usize = SLOTS + 5;
/// Upper bounds of all histograms' buckets in seconds; `+Inf` follows.
pub const BOUNDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0];
/// Buckets of a histogram with `+Inf`.
pub const BUCKETS: usize = BOUNDS.len() + 1;
/// Schema of native histograms: four buckets for a power of two.
pub const NATIVE_SCHEMA: i32 = 2;
/// Buckets of a native histogram: from a microsecond to a minute.
pub const NATIVE: std::ops::RangeInclusive<i32> = -80..=24;
/// How many these are.
pub const NATIVE_BUCKETS: usize = 105;
/// Seconds between two probes of a pod by its kubelet.
const PROBE: i64 = 5;

const BOUNDS_NS: [i64; 13] = {
    let mut out = [0; 13];
    let mut i = 0;
    while i < 13 {
        out[i] = (BOUNDS[i] * 1e9) as i64;
        i += 1;
    }
    out
};

/// The bucket that a duration in nanoseconds is counted in.
pub fn bucket(ns: i64) -> usize {
    BOUNDS_NS.iter().position(|b| ns <= *b).unwrap_or(BOUNDS.len())
}

/// The number of the block of an instant.
pub const fn block_of(ns: i64) -> i64 {
    ns.div_euclid(BLOCK * SECOND)
}

/// Who keeps connections to what exporters watch, and when these are scraped.
const CONNECTED: [(Service, &str, i64); 5] = [
    (Service::Catalog, "postgres", POSTGRES_PHASE),
    (Service::Orders, "postgres", POSTGRES_PHASE),
    (Service::Inventory, "postgres", POSTGRES_PHASE),
    (Service::Catalog, "redis", REDIS_PHASE),
    (Service::Cart, "redis", REDIS_PHASE),
];
/// Nothing is counted here.
const ABSENT: u16 = u16::MAX;
/// Cells of a pool: active, pending, timeouts, how often one was asked for.
const POOL_CELLS: usize = 4;
/// Which of them the last is.
pub const ASKED: usize = 3;

/// Where everything is counted.
#[derive(Debug)]
pub struct Layout {
    /// Histograms of the services' own metrics, by operation, status and pod.
    own: Vec<u16>,
    /// Histograms of span metrics, by operation and error.
    spans: [[u16; 2]; OPS],
    pods: usize,
    histograms: usize,
    /// First cell of a pod's pool.
    pools: Vec<Option<usize>>,
    /// First cell of the native buckets of a histogram that has them.
    native: Vec<Option<usize>>,
    /// Cell of the calls of an operation that are in flight at a scrape of who is called.
    in_flight: [Option<(usize, i64)>; OPS],
    /// First cell of the events that wait to be consumed, by partition, then of those that are.
    lag: usize,
    cells: usize,
    /// Offset of a pod's scrapes in nanoseconds.
    pub phases: Vec<i64>,
}

/// Offset of the span metrics' samples in nanoseconds.
pub const SPAN_PHASE: i64 = 3_217_000_000;
/// Offsets of the scrapes of the exporters beside what services call.
pub const POSTGRES_PHASE: i64 = 8_411_000_000;
pub const REDIS_PHASE: i64 = 10_902_000_000;
pub const KAFKA_PHASE: i64 = 1_730_000_000;

impl Layout {
    /// The layout of a model.
    pub fn new(model: &Model) -> Self {
        let pods = model.pods.len();
        let mut next = 0_u16;
        let mut take = || {
            next += 1;
            next - 1
        };
        let mut own = vec![ABSENT; OPS * 3 * pods];
        let mut spans = [[ABSENT; 2]; OPS];
        for op in &OP {
            for (status, _) in op.statuses.iter().enumerate().filter(|(_, s)| !s.is_empty()) {
                for (pod, _) in model.pods.iter().enumerate().filter(|(_, p)| p.service == op.service) {
                    own[(op.op as usize * 3 + status) * pods + pod] = take();
                }
            }
            if !op.op.is_health() {
                spans[op.op as usize] = [take(), take()];
            }
        }
        let histograms = next as usize;
        let mut cells = histograms * BUCKETS;
        let pools = model
            .pods
            .iter()
            .map(|p| {
                (p.pool > 0).then(|| {
                    cells += POOL_CELLS;
                    cells - POOL_CELLS
                })
            })
            .collect();
        let mut native = vec![None; histograms];
        for op in OP.iter().filter(|op| op.service.info().family == Family::OtelNative) {
            for h in own[op.op as usize * 3 * pods..(op.op as usize + 1) * 3 * pods].iter().filter(|h| **h != ABSENT) {
                native[*h as usize] = Some(cells);
                cells += NATIVE_BUCKETS;
            }
        }
        let mut in_flight = [None; OPS];
        for (service, peer, phase) in CONNECTED {
            for op in OP.iter().filter(|op| op.service == service && op.peer == Some(peer)) {
                in_flight[op.op as usize] = Some((cells, phase));
            }
            cells += 1;
        }
        let lag = cells;
        cells += 2 * PARTITIONS;
        let phases = (0..pods).map(|i| (super::rng::hash(model.seed, 90 + i as u64) % 14_000) as i64 * 1_000_000).collect();
        Self { own, spans, pods, histograms, pools, native, in_flight, lag, cells, phases }
    }

    /// The histogram of an operation's status in a pod.
    pub fn own(&self, op: Op, status: usize, pod: PodId) -> Option<usize> {
        let h = self.own[(op as usize * 3 + status) * self.pods + pod as usize];
        (h != ABSENT).then_some(h as usize)
    }

    /// The pod whose requests a histogram counts; none for spans.
    pub fn pod_of(&self, histogram: usize) -> Option<PodId> {
        self.own.iter().position(|h| *h as usize == histogram).map(|i| (i % self.pods) as PodId)
    }

    /// First cell of a histogram's native buckets, where it has them.
    pub fn native(&self, histogram: usize) -> Option<usize> {
        self.native.get(histogram).copied().flatten()
    }

    /// The histogram of an operation's spans.
    pub fn span(&self, op: Op, error: bool) -> Option<usize> {
        let h = self.spans[op as usize][usize::from(error)];
        (h != ABSENT).then_some(h as usize)
    }

    /// First cell of a pod's pool: active, pending, timeouts, how often one was asked for.
    pub fn pool(&self, pod: PodId) -> Option<usize> {
        self.pools[pod as usize]
    }

    /// Cell of a service's calls of something without pods of ours that are in flight.
    pub fn in_flight(&self, service: Service, peer: &str) -> Option<usize> {
        let op = OP.iter().find(|op| op.service == service && op.peer == Some(peer))?;
        self.in_flight[op.op as usize].map(|(cell, _)| cell)
    }

    /// Cell of the events of a partition that wait to be consumed.
    pub const fn lag(&self, partition: usize) -> usize {
        self.lag + partition
    }

    /// Cell of the events of a partition that were consumed.
    pub const fn consumed(&self, partition: usize) -> usize {
        self.lag + PARTITIONS + partition
    }

    /// The row of sums with a pod's CPU time.
    pub const fn cpu(&self, pod: PodId) -> usize {
        self.histograms + pod as usize
    }

    /// The row of sums with the time that was waited for a pod's connections.
    pub const fn waited(&self, pod: PodId) -> usize {
        self.histograms + self.pods + pod as usize
    }

    /// How many rows of sums: histograms, then pods, then pools by pod.
    pub const fn sums(&self) -> usize {
        self.histograms + 2 * self.pods
    }

    /// How many histograms.
    pub const fn histograms(&self) -> usize {
        self.histograms
    }

    /// How many cells.
    pub const fn cells(&self) -> usize {
        self.cells
    }
}

/// Rows of a table of which most are zero.
#[derive(Debug)]
struct Sparse<T> {
    index: Vec<u16>,
    rows: Vec<[T; WIDE]>,
}

impl<T: Copy + Default + PartialEq> Sparse<T> {
    fn pack(rows: &[[T; WIDE]]) -> Self {
        let zero = [T::default(); WIDE];
        let mut out = Self { index: Vec::with_capacity(rows.len()), rows: Vec::new() };
        for row in rows {
            out.index.push(if *row == zero { ABSENT } else { out.rows.len() as u16 });
            if *row != zero {
                out.rows.push(*row);
            }
        }
        out.rows.shrink_to_fit();
        out
    }

    fn row(&self, i: usize) -> Option<&[T; WIDE]> {
        self.rows.get(self.index[i] as usize)
    }
}

/// The counts of one block.
#[derive(Debug)]
pub struct MetricBlock {
    cells: Sparse<u16>,
    sums: Sparse<u64>,
}

impl MetricBlock {
    /// A cell by scrape, spill included.
    pub fn cell(&self, cell: usize) -> Option<&[u16; WIDE]> {
        self.cells.row(cell)
    }

    /// A row of sums in nanoseconds by scrape, spill included.
    pub fn sum(&self, row: usize) -> Option<&[u64; WIDE]> {
        self.sums.row(row)
    }
}

/// Counts hops.
pub struct Counter<'a> {
    model: &'a Model,
    layout: &'a Layout,
    begin: i64,
    cells: Vec<[u16; WIDE]>,
    sums: Vec<[u64; WIDE]>,
    lost: (u64, Option<u8>),
}

impl<'a> Counter<'a> {
    /// Counts a block from zero.
    pub fn new(model: &'a Model, layout: &'a Layout, block: i64) -> Self {
        Self {
            model,
            layout,
            begin: block * BLOCK * SECOND,
            cells: vec![[0; WIDE]; layout.cells],
            sums: vec![[0; WIDE]; layout.sums()],
            lost: (u64::MAX, None),
        }
    }

    /// The first scrape at or after an instant; what is later than the spill is in its last.
    fn slot(&self, at: i64, phase: i64) -> usize {
        let slot = (at - phase - self.begin + SCRAPE * SECOND - 1).div_euclid(SCRAPE * SECOND);
        slot.clamp(0, WIDE as i64 - 1) as usize
    }

    fn observe(&mut self, histogram: usize, duration: i64, slot: usize) {
        let cell = &mut self.cells[histogram * BUCKETS + bucket(duration)][slot];
        *cell = cell.saturating_add(1);
        self.sums[histogram][slot] += duration as u64;
        if let Some(first) = self.layout.native(histogram) {
            let index = native::index(duration as f64 / 1e9, NATIVE_SCHEMA).clamp(*NATIVE.start(), *NATIVE.end());
            let cell = &mut self.cells[first + (index - NATIVE.start()) as usize][slot];
            *cell = cell.saturating_add(1);
        }
    }

    /// Counts something at each scrape between two instants.
    fn held(&mut self, cell: usize, phase: i64, from: i64, to: i64) {
        for slot in self.slot(from, phase)..self.slot(to, phase) {
            self.cells[cell][slot] = self.cells[cell][slot].saturating_add(1);
        }
    }

    /// Counts the kubelets' probes, which are no customers' requests.
    pub fn probes(&mut self) {
        for op in OP.iter().filter(|op| op.op.is_health()) {
            for second in self.begin / SECOND..self.begin / SECOND + BLOCK {
                let epoch = self.model.epoch_at(second * SECOND);
                for pod in epoch.pods[op.service as usize] {
                    if (second + i64::from(pod)) % PROBE != 0 {
                        continue;
                    }
                    let took = self.model.own(epoch, op.op, pod, super::rng::hash(self.model.seed ^ u64::from(pod), second as u64));
                    let slot = self.slot(second * SECOND + took, self.layout.phases[pod as usize]);
                    if let Some(h) = self.layout.own(op.op, 0, pod) {
                        self.observe(h, took, slot);
                    }
                    self.sums[self.layout.cpu(pod)][slot] += op.cpu_ns();
                }
            }
        }
    }

    /// The finished block.
    pub fn finish(self) -> Arc<MetricBlock> {
        Arc::new(MetricBlock { cells: Sparse::pack(&self.cells), sums: Sparse::pack(&self.sums) })
    }
}

impl Observer for Counter<'_> {
    fn hop(&mut self, request: &Request, hop: &Hop) {
        let took = hop.end - hop.start;
        if hop.op.info().is_work() {
            let slot = self.slot(hop.end, self.layout.phases[hop.pod as usize]);
            if let Some(h) = self.layout.own(hop.op, hop.outcome.status_index(), hop.pod) {
                self.observe(h, took, slot);
            }
            if hop.outcome != Outcome::Overloaded {
                self.sums[self.layout.cpu(hop.pod)][slot] += hop.op.info().cpu_ns();
            }
        }
        if let Some((cell, phase)) = self.layout.in_flight[hop.op as usize] {
            self.held(cell, phase, hop.start, hop.end);
        }
        if self.lost.0 != request.key {
            self.lost = (request.key, lost(request));
        }
        if let Some(h) = self.layout.span(hop.op, hop.outcome.is_error())
            && (hop.mail || self.lost.1 != Some(hop.id))
        {
            let slot = self.slot(hop.end, SPAN_PHASE);
            self.observe(h, took, slot);
        }
    }

    fn connection(&mut self, pod: PodId, asked: i64, got: Option<i64>, back: i64) {
        let Some(cell) = self.layout.pool(pod) else { return };
        let phase = self.layout.phases[pod as usize];
        if let Some(got) = got {
            self.held(cell, phase, got, back);
        }
        self.held(cell + 1, phase, asked, got.unwrap_or(back));
        let until = got.unwrap_or(back);
        let slot = self.slot(until, phase);
        self.cells[cell + ASKED][slot] += 1;
        self.sums[self.layout.waited(pod)][slot] += (until - asked) as u64;
        if got.is_none() {
            self.cells[cell + 2][slot] += 1;
        }
    }

    fn event(&mut self, partition: usize, published: i64, consumed: i64) {
        self.held(self.layout.lag(partition), KAFKA_PHASE, published, consumed);
        let slot = self.slot(consumed, KAFKA_PHASE);
        self.cells[self.layout.consumed(partition)][slot] += 1;
    }
}

/// Whether a span is counted by the service graph as a call of one service by another.
pub const fn is_call(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Client | SpanKind::Producer)
}

/// Services that took part in a trace, as bits.
pub type Services = u8;
const _: () = assert!(SERVICES <= Services::BITS as usize);
