//! The world as Prometheus has scraped it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    World,
    block::{BLOCK, BOUNDS, BUCKETS, Layout, MetricBlock, NATIVE, NATIVE_BUCKETS, NATIVE_SCHEMA, SCRAPE, SLOTS, block_of},
    engine::Engine,
    exporters::{NODE_MEMORY, SYSTEM_MEMORY},
    model::{Model, Pod, PodId, SECOND},
    rng::{hash, unit},
    series::{self, Series, Value},
    shop::{OP, Op, REPLICAS},
    spans::trace_id,
};
use crate::{
    demo::{
        filter::LabelFilter,
        native::Native,
        store::{Metadata, MetricStore, STALE, StoredExemplar, StoredSeries},
    },
    model::labels::{Labels, MatchOp, Matcher},
};

/// Durations up to this are zeros to native histograms, as client libraries have it: 2 to the power of -128.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// What the counters had counted at the begin of a block. Whole numbers, so that sums do not depend on their order.
#[derive(Debug)]
struct Base {
    anchor: i64,
    cells: Vec<f64>,
    /// Nanoseconds: durations by histogram, then CPU time by pod.
    sums: Vec<f64>,
}

/// The base that is in use: it follows the time, so that no more than a day has to be counted from it.
#[derive(Debug, Default)]
pub struct Bases(Mutex<Option<Arc<Base>>>);

/// Blocks that the base may lie behind, and how far it then moves.
const BEHIND: i64 = 20 * 3_600 / BLOCK;
const MOVE: i64 = 12 * 3_600 / BLOCK;

impl Bases {
    fn get(&self, engine: &Engine, newest: i64) -> Arc<Base> {
        let mut base = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = base.take().unwrap_or_else(|| Arc::new(Base::estimate(engine)));
        while newest - now.anchor > BEHIND {
            now = Arc::new(now.moved(engine, MOVE));
        }
        *base = Some(now.clone());
        now
    }
}

impl Base {
    /// At the anchor: estimated from the block before it and the age of the processes, so that no day has to be
    /// simulated. Every change after and before is exact.
    fn estimate(engine: &Engine) -> Self {
        let layout = &engine.layout;
        let mut base = Self { anchor: engine.anchor, cells: vec![0.0; layout.cells()], sums: vec![0.0; layout.sums()] };
        let Some(block) = engine.metrics(engine.anchor - 1, engine.anchor - 1).pop() else { return base };
        for (histogram, sum) in base.sums.iter_mut().enumerate().take(layout.histograms()) {
            let life = blocks_of_life(engine, histogram);
            for (bucket, bound) in BOUNDS.iter().chain(&[20.0]).enumerate() {
                let cell = histogram * BUCKETS + bucket;
                let seen: f64 = block.cell(cell).map_or(0.0, |row| row.iter().map(|n| f64::from(*n)).sum());
                base.cells[cell] = ((seen + 1.5) * life).floor();
                *sum += (base.cells[cell] * bound * 0.7e9).floor();
            }
        }
        for (histogram, first) in (0..layout.histograms()).filter_map(|h| Some((h, layout.native(h)?))) {
            let life = blocks_of_life(engine, histogram);
            for cell in first..first + NATIVE_BUCKETS {
                let seen: f64 = block.cell(cell).map_or(0.0, |row| row.iter().map(|n| f64::from(*n)).sum());
                base.cells[cell] = (seen * life).floor();
            }
        }
        for (id, pod) in engine.model.pods.iter().enumerate() {
            let work = OP.iter().filter(|op| op.service == pod.service && op.is_work());
            base.sums[layout.cpu(id as PodId)] = work.map(|op| base.requests(layout, op.op, id as PodId) * op.cpu_ns() as f64).sum();
        }
        base
    }

    /// How often a pod did an operation; of what only spans count, each pod did its share.
    fn requests(&self, layout: &Layout, op: Op, pod: PodId) -> f64 {
        let all = |h: usize| self.cells[h * BUCKETS..(h + 1) * BUCKETS].iter().sum::<f64>();
        let own: Vec<usize> = (0..3).filter_map(|status| layout.own(op, status, pod)).collect();
        if own.is_empty() {
            return layout.span(op, false).map_or(0.0, |h| (all(h) / REPLICAS as f64).floor());
        }
        own.into_iter().map(all).sum()
    }

    /// The same, some blocks later.
    fn moved(&self, engine: &Engine, blocks: i64) -> Self {
        let anchor = self.anchor + blocks;
        let window = Window::new(engine, self, self.anchor * SLOTS as i64, anchor * SLOTS as i64 - 1);
        let end = |value: &Value| window.counted(self, value).get(blocks as usize * SLOTS - 1).copied().unwrap_or_default();
        let cells = (0..self.cells.len()).map(|c| end(&Value::Count(vec![c as u32]))).collect();
        let sums = (0..self.sums.len()).map(|h| end(&Value::Sum(vec![h as u16]))).collect();
        Self { anchor, cells, sums }
    }
}

/// How many blocks a histogram has been counting for at the anchor: none when its pod is younger.
fn blocks_of_life(engine: &Engine, histogram: usize) -> f64 {
    let age = hash(engine.model.seed, 600 + histogram as u64) % 900 + 1_500;
    let pod = engine.layout.pod_of(histogram).map(|p| &engine.model.pods[p as usize]);
    if pod.is_some_and(|p| p.born >= engine.model.birth) { 0.0 } else { age as f64 }
}

/// Blocks in a row, from which counts are read.
struct Window {
    blocks: Vec<Arc<MetricBlock>>,
    /// First slot of the second block; the first is there for its spill.
    first: i64,
    len: usize,
    /// Index of the first slot at or after the anchor.
    anchor: i64,
}

impl Window {
    /// Slots `from..=to` and all between them and the anchor.
    fn new(engine: &Engine, base: &Base, from: i64, to: i64) -> Self {
        let slots = SLOTS as i64;
        let first = from.div_euclid(slots).min(base.anchor);
        let last = to.div_euclid(slots).max(base.anchor);
        let blocks = engine.metrics(first - 1, last);
        let len = (last - first + 1) as usize * SLOTS;
        Self { blocks, first: first * slots, len, anchor: (base.anchor - first) * slots }
    }

    /// Adds a row of each block to the slots it belongs to.
    fn add<T: Copy>(&self, out: &mut [f64], row: impl Fn(&MetricBlock) -> Option<&[T]>, number: impl Fn(T) -> f64) {
        for (i, block) in self.blocks.iter().enumerate() {
            let Some(row) = row(block) else { continue };
            let begin = (i as i64 - 1) * SLOTS as i64;
            for (j, value) in row.iter().enumerate() {
                if let Ok(slot) = usize::try_from(begin + j as i64)
                    && slot < out.len()
                {
                    out[slot] += number(*value);
                }
            }
        }
    }

    /// From what was counted in each slot to what a counter shows, given what it showed at the anchor.
    fn accumulate(&self, out: &mut [f64], base: f64) {
        let mut total = 0.0;
        let mut at_anchor = 0.0;
        for (i, value) in out.iter_mut().enumerate() {
            total += *value;
            *value = total;
            if (i as i64) < self.anchor {
                at_anchor = total;
            }
        }
        for value in out {
            *value = (*value - at_anchor + base).max(0.0);
        }
    }

    /// Adds a cell of each block.
    fn add_cell(&self, out: &mut [f64], cell: usize, factor: f64) {
        self.add(out, |b| b.cell(cell).map(|r| r.as_slice()), |n| f64::from(n) * factor);
    }

    /// What is counted of a series by each slot, in its smallest unit: seconds as nanoseconds.
    fn counted(&self, base: &Base, value: &Value) -> Vec<f64> {
        let mut out = vec![0.0; self.len];
        match value {
            Value::Count(cells) => {
                cells.iter().for_each(|c| self.add_cell(&mut out, *c as usize, 1.0));
                self.accumulate(&mut out, cells.iter().map(|c| base.cells[*c as usize]).sum());
            }
            Value::Sum(rows) | Value::Along(_, rows, _) => {
                for h in rows {
                    self.add(&mut out, |b| b.sum(*h as usize).map(|r| r.as_slice()), |ns| ns as f64);
                }
                self.accumulate(&mut out, rows.iter().map(|h| base.sums[*h as usize]).sum());
            }
            Value::Gauge(cells) => cells.iter().for_each(|c| self.add_cell(&mut out, *c as usize, 1.0)),
            Value::Rest(_, cells) => cells.iter().for_each(|c| self.add_cell(&mut out, *c as usize, -1.0)),
            Value::Probe(right, wrong) => {
                let mut all = vec![0.0; self.len];
                wrong.iter().for_each(|c| self.add_cell(&mut out, *c as usize, 1.0));
                right.iter().chain(wrong).for_each(|c| self.add_cell(&mut all, *c as usize, 1.0));
                out.iter_mut().zip(all).for_each(|(wrong, all)| *wrong /= all.max(1.0));
            }
            Value::Native(_) | Value::Constant(_) | Value::Line(_) | Value::Memory(_) | Value::Available(_) | Value::Load(..) => {}
        }
        out
    }
}

/// What a native histogram's buckets and sum show in each slot of a window.
struct NativeCounts {
    buckets: Vec<(i32, Vec<f64>)>,
    /// Nanoseconds.
    sums: Vec<f64>,
}

impl NativeCounts {
    fn new(window: &Window, base: &Base, layout: &Layout, histogram: u16) -> Self {
        let first = layout.native(histogram as usize).unwrap_or_default();
        let counted = |(cell, index): (usize, i32)| {
            let used = base.cells[cell] > 0.0 || window.blocks.iter().any(|b| b.cell(cell).is_some());
            used.then(|| (index, window.counted(base, &Value::Count(vec![cell as u32]))))
        };
        Self { buckets: (first..).zip(NATIVE).filter_map(counted).collect(), sums: window.counted(base, &Value::Sum(vec![histogram])) }
    }

    fn at(&self, slot: usize) -> Native {
        let count = |(index, counts): &(i32, Vec<f64>)| Some((*index, counts.get(slot).copied().filter(|n| *n > 0.0)?));
        let positive: Vec<(i32, f64)> = self.buckets.iter().filter_map(count).collect();
        let (count, sum) = (positive.iter().map(|b| b.1).sum(), self.sums.get(slot).copied().unwrap_or_default() / 1e9);
        Native { schema: NATIVE_SCHEMA, count, sum, zero_threshold: ZERO_THRESHOLD, positive, ..Native::default() }
    }
}

/// Bytes of a pod's memory.
fn memory(model: &Model, pod: PodId, at: i64) -> f64 {
    let slot = (at / (60 * SECOND)) as u64;
    let noise = unit(hash(model.seed ^ u64::from(pod), slot)) * 0.04;
    (model.pods[pod as usize].service.info().memory_mib * (1.0 + noise) * 1_048_576.0).floor()
}

/// What a series shows at an instant, given what was counted until then, in the smallest unit.
fn shown(model: &Model, value: &Value, at: i64, counted: f64) -> f64 {
    match value {
        Value::Count(_) | Value::Gauge(_) | Value::Native(_) => counted,
        Value::Sum(_) => counted / 1e9,
        Value::Along(line, _, factor) => line.at(at) + counted / 1e9 * factor,
        Value::Rest(line, _) => (line.at(at) + counted).max(0.0),
        Value::Line(line) => line.at(at),
        Value::Constant(v) => *v,
        Value::Memory(pod) => memory(model, *pod, at),
        Value::Available(node) => {
            let alive = |p: &(usize, &Pod)| p.1.node == *node && p.1.born <= at && p.1.gone.is_none_or(|gone| at < gone);
            let used: f64 = model.pods.iter().enumerate().filter(alive).map(|(id, _)| memory(model, id as PodId, at)).sum();
            NODE_MEMORY - SYSTEM_MEMORY - used
        }
        Value::Load(fixed, moving) => (fixed + moving * model.load(at)).floor(),
        Value::Probe(..) => f64::from(u8::from(unit(hash(model.seed ^ 0x7072_6f62, at as u64)) >= counted)),
    }
}

impl Value {
    const fn is_counted(&self) -> bool {
        !matches!(self, Self::Constant(_) | Self::Line(_) | Self::Memory(_) | Self::Available(_) | Self::Load(..))
    }
}

impl World {
    fn matching(&self, matchers: &[Matcher]) -> Vec<&Series> {
        let Ok(filter) = LabelFilter::new(matchers) else { return Vec::new() };
        let name = matchers.iter().find(|m| m.name == "__name__" && m.op == MatchOp::Equal);
        match name {
            Some(name) => {
                let ids = self.registry.by_name.get(name.value.as_str()).map_or(&[][..], Vec::as_slice);
                ids.iter().map(|i| &self.registry.series[*i]).filter(|s| filter.matches(&s.labels)).collect()
            }
            None => self.registry.series.iter().filter(|s| filter.matches(&s.labels)).collect(),
        }
    }

    /// Slots whose scrapes may lie in a range of nanoseconds, as far as there are any.
    fn slots(&self, start: i64, end: i64) -> Option<(i64, i64)> {
        let now = self.clock.now().0;
        let (start, end) = (start.max(self.horizon(now)), end.min(now));
        let step = SCRAPE * SECOND;
        (start <= end).then(|| (start.div_euclid(step) - 1, end.div_euclid(step)))
    }

    /// Instants of a series' samples in a range, with the slot; nothing in it for a staleness marker.
    fn instants(&self, target: usize, (from, to): (i64, i64), (start, end): (i64, i64)) -> impl Iterator<Item = (i64, Option<i64>)> + '_ {
        let target = &self.registry.targets[target];
        let (start, end) = (start.max(self.horizon(self.clock.now().0)), end.min(self.clock.now().0));
        let samples = (from..=to).filter_map(move |slot| Some((target.scrape(slot)?, Some(slot))));
        let stale = target.stale_at().map(|at| (at, None));
        samples.chain(stale).filter(move |(at, _)| (start..=end).contains(at))
    }
}

fn nanos(ms: i64) -> i64 {
    ms.saturating_mul(1_000_000)
}

impl MetricStore for World {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        let (start, end) = (nanos(start), nanos(end));
        let Some((from, to)) = self.slots(start, end) else { return Vec::new() };
        let found = self.matching(matchers);
        let counted = found.iter().any(|s| s.value.is_counted()).then(|| {
            let base = self.bases.get(&self.engine, block_of(self.clock.now().0));
            (Window::new(&self.engine, &base, from, to), base)
        });
        let mut out = Vec::with_capacity(found.len());
        for series in found {
            if let (Value::Native(histogram), Some((window, base))) = (&series.value, &counted) {
                let counts = NativeCounts::new(window, base, &self.engine.layout, *histogram);
                let (mut samples, mut histograms) = (Vec::new(), Vec::new());
                for (at, slot) in self.instants(series.target, (from, to), (start, end)) {
                    match slot {
                        Some(slot) => histograms.push((at / 1_000_000, Arc::new(counts.at((slot - window.first) as usize)))),
                        None => samples.push((at / 1_000_000, f64::from_bits(STALE))),
                    }
                }
                if !samples.is_empty() || !histograms.is_empty() {
                    out.push(StoredSeries { labels: series.labels.clone(), samples, histograms });
                }
                continue;
            }
            let counts = counted
                .as_ref()
                .filter(|_| series.value.is_counted())
                .map(|(window, base)| (window.first, window.counted(base, &series.value)));
            let value = |slot: i64, at: i64| {
                let counted = counts.as_ref().and_then(|(first, counts)| counts.get((slot - first) as usize).copied());
                shown(&self.engine.model, &series.value, at, counted.unwrap_or_default())
            };
            let samples: Vec<(i64, f64)> = self
                .instants(series.target, (from, to), (start, end))
                .map(|(at, slot)| (at / 1_000_000, slot.map_or(f64::from_bits(STALE), |slot| value(slot, at))))
                .collect();
            if !samples.is_empty() {
                out.push(StoredSeries { labels: series.labels.clone(), samples, histograms: Vec::new() });
            }
        }
        out
    }

    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>> {
        let (start, end) = (nanos(start), nanos(end));
        let Some(slots) = self.slots(start, end) else { return Vec::new() };
        self.matching(matchers)
            .into_iter()
            .filter(|s| self.instants(s.target, slots, (start, end)).next().is_some())
            .map(|s| s.labels.clone())
            .collect()
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar> {
        // All of the last millisecond: exemplars have times in whole ones.
        let end = nanos(end).saturating_add(999_999).min(self.clock.now().0);
        let start = nanos(start).max(self.horizon(self.clock.now().0));
        let Ok(filter) = LabelFilter::new(matchers) else { return Vec::new() };
        if start > end {
            return Vec::new();
        }
        let mut out: BTreeMap<(usize, i64), StoredExemplar> = BTreeMap::new();
        self.each_record_block(start, end, &mut |block| {
            for e in block.exemplars.iter().filter(|e| (start..=end).contains(&e.at)) {
                for id in self.registry.buckets.get(&(e.histogram, e.bucket)).into_iter().flatten() {
                    let series = &self.registry.series[*id];
                    if !filter.matches(&series.labels) {
                        continue;
                    }
                    let pushed = series.labels.get("span_name").is_some() || series.labels.get("client").is_some();
                    let trace = trace_id(self.engine.model.seed, e.key, e.mail).to_string();
                    let labels = [(if pushed { "traceID" } else { "trace_id" }, trace)].into_iter().collect();
                    out.insert(
                        (*id, e.at),
                        StoredExemplar { series: series.labels.clone(), labels, value: e.value as f64 / 1e9, at: e.at / 1_000_000 },
                    );
                }
            }
        });
        out.into_values().collect()
    }

    fn metadata(&self) -> Vec<Metadata> {
        series::metadata()
    }
}

impl World {
    /// First instant that is kept.
    pub(super) fn horizon(&self, now: i64) -> i64 {
        self.engine.model.birth.max(now - 25 * 3_600 * SECOND)
    }

    /// Blocks that the last `age` nanoseconds before now are in, oldest first.
    pub(super) fn blocks_back(&self, age: i64) -> std::ops::RangeInclusive<i64> {
        let now = self.clock.now().0;
        block_of((now - age).max(self.horizon(now)))..=block_of(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        demo::world::{Scenario, series::Registry},
        model::time::Timestamp,
    };

    #[test]
    fn counters_go_on_when_the_base_moves() {
        let scenario = Scenario::builtin("pool-exhaustion").unwrap();
        let engine = Engine::new(Model::new(&scenario, 7, Timestamp::from_secs(1_763_712_007)));
        let registry = Registry::new(&engine.model, &engine.layout, &scenario.thresholds);
        let early = Base::estimate(&engine);
        let late = early.moved(&engine, 4);
        let slots = |block: i64| (engine.anchor + block) * SLOTS as i64;
        let windows = [&early, &late].map(|base| Window::new(&engine, base, slots(2), slots(6) - 1));
        let first = slots(2) + 1;
        for series in registry.series.iter().filter(|s| s.value.is_counted()) {
            let read = |window: &Window, base: &Base| {
                window.counted(base, &series.value)[(first - window.first) as usize..(slots(6) - window.first) as usize].to_vec()
            };
            assert_eq!(read(&windows[0], &early), read(&windows[1], &late), "{}", series.labels);
        }
    }
}
