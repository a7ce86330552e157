//! Counts of blocks added up to what counters show.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    block::{ASKED, BLOCK, BOUNDS, BUCKETS, Layout, MetricBlock, NATIVE_BUCKETS, SCRAPE, SLOTS, WIDE},
    engine::Engine,
    exporters::{PERIODS, Quota, quotas},
    model::{PodId, SECOND},
    rng::hash,
    series::{Value, whole},
    shop::{OP, Op, REPLICAS},
    walk::PARTITIONS,
};

/// What the counters had counted at the begin of a block. Whole numbers, so that sums do not depend on their order.
#[derive(Debug)]
pub struct Base {
    anchor: i64,
    cells: Vec<f64>,
    /// Nanoseconds: durations by histogram, then CPU time by pod, then waits by pool.
    sums: Vec<f64>,
    /// Periods in which a quota was used up, with the quotas.
    throttled: Vec<(Vec<Quota>, f64)>,
}

/// The base that is in use: it follows the time, so that no more than a day has to be counted from it.
#[derive(Debug, Default)]
pub struct Bases(Mutex<Option<Arc<Base>>>);

/// Slots before one that some values depend on: those of a minute.
const LOOK_BACK: i64 = 60 / SCRAPE - 1;
/// Blocks that what has no age of its own has been counting for at the anchor: more than are kept.
const LIFE: f64 = 2_000.0;

/// Blocks that the base may lie behind, and how far it then moves.
const BEHIND: i64 = 20 * 3_600 / BLOCK;
const MOVE: i64 = 12 * 3_600 / BLOCK;

impl Bases {
    /// The one to count a window from, for the newest block there is.
    pub fn get(&self, engine: &Engine, newest: i64) -> Arc<Base> {
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
        let throttled = quotas(&engine.model, layout).into_iter().map(|q| (q, 0.0)).collect();
        let mut base = Self { anchor: engine.anchor, cells: vec![0.0; layout.cells()], sums: vec![0.0; layout.sums()], throttled };
        let Some(block) = engine.metrics(engine.anchor - 1, engine.anchor - 1).pop() else { return base };
        for (histogram, sum) in base.sums.iter_mut().enumerate().take(layout.histograms()) {
            let life = blocks_of_life(engine, histogram);
            for (bucket, bound) in BOUNDS.iter().chain(&[20.0]).enumerate() {
                let cell = histogram * BUCKETS + bucket;
                let seen = total(block.cell(cell));
                base.cells[cell] = ((seen + 1.5) * life).floor();
                *sum += (base.cells[cell] * bound * 0.7e9).floor();
            }
        }
        for (histogram, first) in (0..layout.histograms()).filter_map(|h| Some((h, layout.native(h)?))) {
            let life = blocks_of_life(engine, histogram);
            for cell in first..first + NATIVE_BUCKETS {
                let seen = total(block.cell(cell));
                base.cells[cell] = (seen * life).floor();
            }
        }
        for (id, pod) in engine.model.pods.iter().enumerate() {
            let work = OP.iter().filter(|op| op.service == pod.service && op.is_work());
            base.sums[layout.cpu(id as PodId)] = work.map(|op| base.requests(layout, op.op, id as PodId) * op.cpu_ns() as f64).sum();
        }
        base.estimate_waits(engine, &block);
        base.estimate_throttled(engine, &block);
        base
    }

    /// What pools were asked for and what was consumed, as if it had always been as in a block.
    fn estimate_waits(&mut self, engine: &Engine, block: &MetricBlock) {
        let (layout, model) = (&engine.layout, &engine.model);
        let old = |id: &PodId| model.pods[*id as usize].born < model.birth;
        for (id, cell) in (0..model.pods.len() as PodId).filter(old).filter_map(|id| Some((id, layout.pool(id)? + ASKED))) {
            self.cells[cell] = total(block.cell(cell)) * LIFE;
            self.sums[layout.waited(id)] = total(block.sum(layout.waited(id))) * LIFE;
        }
        for cell in (0..PARTITIONS).map(|partition| layout.consumed(partition)) {
            self.cells[cell] = total(block.cell(cell)) * LIFE;
        }
    }

    /// The same of the quotas.
    fn estimate_throttled(&mut self, engine: &Engine, block: &MetricBlock) {
        for (quotas, periods) in &mut self.throttled {
            let old = quotas.iter().filter(|q| q.born < engine.model.birth);
            let used = old.map(|q| (q, total(block.sum(q.row as usize)) / SLOTS as f64));
            *periods = held_back(used) * SLOTS as f64 * LIFE;
        }
    }

    /// Whether a cell had counted anything.
    pub fn has(&self, cell: usize) -> bool {
        self.cells[cell] > 0.0
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
        let last = (anchor * SLOTS as i64 - 1 - window.first) as usize;
        let end = |value: &Value| window.counted(self, value).get(last).copied().unwrap_or_default();
        let cells = (0..self.cells.len()).map(|c| end(&Value::Count(vec![c as u32]))).collect();
        let sums = (0..self.sums.len()).map(|h| end(&Value::Sum(vec![h as u16]))).collect();
        let throttled =
            self.throttled.iter().enumerate().map(|(i, (quotas, _))| (quotas.clone(), end(&Value::Throttled(i, 1.0)))).collect();
        Self { anchor, cells, sums, throttled }
    }
}

/// All of a row of a block.
fn total<T: Copy + Into<u64>>(row: Option<&[T; WIDE]>) -> f64 {
    row.map_or(0, |row| row.iter().map(|n| (*n).into()).sum::<u64>()) as f64
}

/// Periods of a slot in which somebody has used up a quota, for the nanoseconds that are used.
fn held_back<'a>(used: impl Iterator<Item = (&'a Quota, f64)>) -> f64 {
    let free: f64 = used.map(|(quota, ns)| 1.0 - quota.throttled(ns / (SCRAPE * SECOND) as f64)).product();
    ((1.0 - free) * PERIODS * SCRAPE as f64).floor()
}

/// How many blocks a histogram has been counting for at the anchor: none when its pod is younger.
fn blocks_of_life(engine: &Engine, histogram: usize) -> f64 {
    let age = hash(engine.model.seed, 600 + histogram as u64) % 900 + 1_500;
    let pod = engine.layout.pod_of(histogram).map(|p| &engine.model.pods[p as usize]);
    if pod.is_some_and(|p| p.born >= engine.model.birth) { 0.0 } else { age as f64 }
}

/// Blocks in a row, from which counts are read.
pub struct Window {
    blocks: Vec<Arc<MetricBlock>>,
    /// First slot of the second block; the first is there for its spill.
    first: i64,
    len: usize,
    /// Index of the first slot at or after the anchor.
    anchor: i64,
}

impl Window {
    /// Slots `from..=to`, those that they look back on, and all between them and the anchor.
    pub fn new(engine: &Engine, base: &Base, from: i64, to: i64) -> Self {
        let slots = SLOTS as i64;
        let first = (from - LOOK_BACK).div_euclid(slots).min(base.anchor);
        let last = to.div_euclid(slots).max(base.anchor);
        let blocks = engine.metrics(first - 1, last);
        let len = (last - first + 1) as usize * SLOTS;
        Self { blocks, first: first * slots, len, anchor: (base.anchor - first) * slots }
    }

    /// The slot that counts begin with.
    pub const fn first(&self) -> i64 {
        self.first
    }

    /// Whether a cell has counted anything.
    pub fn has(&self, cell: usize) -> bool {
        self.blocks.iter().any(|b| b.cell(cell).is_some())
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

    /// What rows of sums have counted in each slot, nanoseconds.
    fn summed(&self, rows: &[u16]) -> Vec<f64> {
        let mut out = vec![0.0; self.len];
        for row in rows {
            self.add(&mut out, |b| b.sum(*row as usize).map(|r| r.as_slice()), |ns| ns as f64);
        }
        out
    }

    /// Processors that rows of sums keep busy over so many slots up to each.
    fn busy(&self, rows: &[u16], slots: usize) -> Vec<f64> {
        let summed = self.summed(rows);
        let mean = |i: usize| summed[(i + 1).saturating_sub(slots)..=i].iter().sum::<f64>() / (slots as i64 * SCRAPE * SECOND) as f64;
        (0..summed.len()).map(mean).collect()
    }

    /// Periods of each slot in which quotas are used up.
    fn throttled(&self, quotas: &[Quota]) -> Vec<f64> {
        let used: Vec<(&Quota, Vec<f64>)> = quotas.iter().map(|q| (q, self.summed(&[q.row]))).collect();
        (0..self.len).map(|slot| held_back(used.iter().map(|(q, ns)| (*q, ns[slot])))).collect()
    }

    /// What is counted of a series by each slot, in its smallest unit: seconds as nanoseconds.
    pub fn counted(&self, base: &Base, value: &Value) -> Vec<f64> {
        let mut out = vec![0.0; self.len];
        match value {
            Value::Count(cells) => {
                cells.iter().for_each(|c| self.add_cell(&mut out, *c as usize, 1.0));
                self.accumulate(&mut out, cells.iter().map(|c| base.cells[*c as usize]).sum());
            }
            Value::Sum(rows) | Value::Along(_, rows, _) => {
                out = self.summed(rows);
                self.accumulate(&mut out, rows.iter().map(|h| base.sums[*h as usize]).sum());
            }
            Value::Gauge(cells) => cells.iter().for_each(|c| self.add_cell(&mut out, *c as usize, 1.0)),
            Value::Rest(_, cells) => cells.iter().for_each(|c| self.add_cell(&mut out, *c as usize, -1.0)),
            Value::Probe { right, wrong, .. } => {
                let mut all = vec![0.0; self.len];
                wrong.iter().for_each(|c| self.add_cell(&mut out, *c as usize, 1.0));
                right.iter().chain(wrong).for_each(|c| self.add_cell(&mut all, *c as usize, 1.0));
                out.iter_mut().zip(all).for_each(|(wrong, all)| *wrong /= all.max(1.0));
            }
            Value::Mean(rows) => {
                let mut all = vec![0.0; self.len];
                rows.iter().flat_map(|h| whole(*h)).for_each(|c| self.add_cell(&mut all, c as usize, 1.0));
                out = self.summed(rows);
                out.iter_mut().zip(all).for_each(|(ns, all)| *ns /= 1e9 * all.max(1.0));
            }
            Value::Busy { work, slots, .. } => out = self.busy(work, *slots),
            Value::Throttled(index, _) => {
                let (quotas, before) = &base.throttled[*index];
                out = self.throttled(quotas);
                self.accumulate(&mut out, *before);
            }
            Value::Native(_)
            | Value::Constant(_)
            | Value::Line(_)
            | Value::Whole(_)
            | Value::Memory(..)
            | Value::Available(_)
            | Value::Load(..)
            | Value::Pushed(..) => {}
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        demo::world::{Scenario, model::Model, series::Registry},
        model::time::Timestamp,
    };

    #[test]
    fn counters_go_on_when_the_base_moves() {
        // In the second one quotas are used up.
        for name in ["pool-exhaustion", "surge"] {
            goes_on(&Scenario::builtin(name).unwrap());
        }
    }

    fn goes_on(scenario: &Scenario) {
        let engine = Engine::new(Model::new(scenario, 7, Timestamp::from_secs(1_763_712_007)));
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
