//! The world as Prometheus has scraped it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{
    World,
    block::{BOUNDS, BUCKETS, MetricBlock, SCRAPE, SLOTS, block_of},
    engine::Engine,
    model::{Model, SECOND},
    rng::{hash, unit},
    series::{self, Series, Value},
    spans::trace_id,
};
use crate::{
    demo::{
        filter::LabelFilter,
        store::{Metadata, MetricStore, STALE, StoredExemplar, StoredSeries},
    },
    model::labels::{Labels, MatchOp, Matcher},
};

/// What the counters had counted at the begin of the anchor block.
#[derive(Debug, Default)]
pub struct Base(OnceLock<(Vec<f64>, Vec<f64>)>);

impl Base {
    /// By cell, and sums by histogram in nanoseconds. Estimated from the block before the anchor and the age of the
    /// processes, so that no day has to be simulated; every change after and before is exact.
    fn get(&self, engine: &Engine) -> &(Vec<f64>, Vec<f64>) {
        self.0.get_or_init(|| {
            let layout = &engine.layout;
            let mut cells = vec![0.0; layout.cells()];
            let mut sums = vec![0.0; layout.histograms()];
            let Some(block) = engine.metrics(engine.anchor - 1, engine.anchor - 1).pop() else { return (cells, sums) };
            for (histogram, sum) in sums.iter_mut().enumerate() {
                for bucket in 0..BUCKETS {
                    let seen: f64 = block.cell(histogram * BUCKETS + bucket).map_or(0.0, |row| row.iter().map(|n| f64::from(*n)).sum());
                    let count = (seen + 1.5) * blocks_of_life(engine, histogram);
                    cells[histogram * BUCKETS + bucket] = count.floor();
                    *sum += count.floor() * BOUNDS[bucket.min(BOUNDS.len() - 1)] * 0.7e9;
                }
            }
            (cells, sums)
        })
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
    fn new(engine: &Engine, from: i64, to: i64) -> Self {
        let slots = SLOTS as i64;
        let first = from.div_euclid(slots).min(engine.anchor);
        let last = to.div_euclid(slots).max(engine.anchor);
        let blocks = engine.metrics(first - 1, last);
        let len = (last - first + 1) as usize * SLOTS;
        Self { blocks, first: first * slots, len, anchor: (engine.anchor - first) * slots }
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
            *value = (*value + (base - at_anchor)).max(0.0);
        }
    }

    fn values(&self, engine: &Engine, base: &(Vec<f64>, Vec<f64>), value: &Value) -> Vec<f64> {
        let mut out = vec![0.0; self.len];
        match value {
            Value::Count(cells) => {
                for cell in cells {
                    self.add(&mut out, |b| b.cell(*cell as usize).map(|r| r.as_slice()), f64::from);
                }
                self.accumulate(&mut out, cells.iter().map(|c| base.0[*c as usize]).sum());
            }
            Value::Sum(histograms) => {
                for h in histograms {
                    self.add(&mut out, |b| b.sum(*h as usize).map(|r| r.as_slice()), |ns| ns as f64);
                }
                self.accumulate(&mut out, histograms.iter().map(|h| base.1[*h as usize]).sum());
                out.iter_mut().for_each(|v| *v /= 1e9);
            }
            Value::Cpu(work) => {
                let mut start = 0.0;
                for (h, cost) in work {
                    for cell in *h as usize * BUCKETS..(*h as usize + 1) * BUCKETS {
                        self.add(&mut out, |b| b.cell(cell).map(|r| r.as_slice()), |n| f64::from(n) * cost);
                        start += base.0[cell] * cost;
                    }
                }
                self.accumulate(&mut out, start);
            }
            Value::Gauge(cell) => self.add(&mut out, |b| b.cell(*cell as usize).map(|r| r.as_slice()), f64::from),
            Value::Rest(max, cell) => {
                self.add(&mut out, |b| b.cell(*cell as usize).map(|r| r.as_slice()), f64::from);
                out.iter_mut().for_each(|v| *v = max - *v);
            }
            Value::Constant(_) | Value::Steps(..) | Value::Memory(_) => {
                for (i, v) in out.iter_mut().enumerate() {
                    *v = uncounted(&engine.model, value, (self.first + i as i64) * SCRAPE * SECOND);
                }
            }
        }
        out
    }
}

/// The value of what is not counted.
fn uncounted(model: &Model, value: &Value, at: i64) -> f64 {
    match value {
        Value::Constant(v) => *v,
        Value::Steps(from, steps) => from + steps.iter().filter(|s| **s <= at).count() as f64,
        Value::Memory(pod) => {
            let slot = (at / (60 * SECOND)) as u64;
            let noise = unit(hash(model.seed ^ u64::from(*pod), slot)) * 0.04;
            (model.pods[*pod as usize].service.info().memory_mib * (1.0 + noise) * 1_048_576.0).floor()
        }
        _ => 0.0,
    }
}

impl Value {
    const fn is_counted(&self) -> bool {
        !matches!(self, Self::Constant(_) | Self::Steps(..) | Self::Memory(_))
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
        let counted = found.iter().any(|s| s.value.is_counted());
        let base = counted.then(|| self.base.get(&self.engine));
        let window = counted.then(|| Window::new(&self.engine, from, to));
        let mut out = Vec::with_capacity(found.len());
        for series in found {
            let values = match (&window, base) {
                (Some(window), Some(base)) if series.value.is_counted() => {
                    Some((window.first, window.values(&self.engine, base, &series.value)))
                }
                _ => None,
            };
            let value = |slot: i64, at: i64| match &values {
                Some((first, values)) => values.get((slot - first) as usize).copied().unwrap_or_default(),
                None => uncounted(&self.engine.model, &series.value, at),
            };
            let samples: Vec<(i64, f64)> = self
                .instants(series.target, (from, to), (start, end))
                .map(|(at, slot)| (at / 1_000_000, slot.map_or(f64::from_bits(STALE), |slot| value(slot, at))))
                .collect();
            if !samples.is_empty() {
                out.push(StoredSeries { labels: series.labels.clone(), samples });
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
        let (start, end) = (nanos(start).max(self.horizon(self.clock.now().0)), nanos(end).min(self.clock.now().0));
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
