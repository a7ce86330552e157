//! The world as Prometheus has scraped it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    World,
    block::{Layout, NATIVE, NATIVE_SCHEMA, SCRAPE, block_of},
    counters::{Base, Window},
    exporters::{NODE_MEMORY, SYSTEM_MEMORY},
    model::{Model, Pod, PodId, SECOND},
    rng::{hash, unit},
    series::{self, Pushed, Series, Value},
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
            let used = base.has(cell) || window.has(cell);
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
        Value::Count(_) | Value::Gauge(_) | Value::Native(_) | Value::Mean(_) => counted,
        Value::Sum(_) => counted / 1e9,
        Value::Along(line, _, factor) => line.at(at) + counted / 1e9 * factor,
        Value::Rest(line, _) => (line.at(at) + counted).max(0.0),
        Value::Line(line) => line.at(at),
        Value::Whole(line) => line.at(at).floor(),
        Value::Busy { lasting, factor, .. } => lasting.at(at) + counted * factor,
        Value::Throttled(_, factor) => counted * factor,
        Value::Constant(v) => *v,
        Value::Memory(pod, factor) => (memory(model, *pod, at) * factor).floor(),
        Value::Available(node) => {
            let alive = |p: &(usize, &Pod)| p.1.node == *node && p.1.born <= at && p.1.gone.is_none_or(|gone| at < gone);
            let used: f64 = model.pods.iter().enumerate().filter(alive).map(|(id, _)| memory(model, id as PodId, at)).sum();
            NODE_MEMORY - SYSTEM_MEMORY - used
        }
        Value::Pushed(job, what) => {
            let (begin, end) = model.ends.last(model.seed, model.start, *job, at);
            match what {
                Pushed::At => end as f64 / 1e9,
                Pushed::Duration => (end - begin) as f64 / 1e9,
            }
        }
        Value::Load(fixed, moving) => (fixed + moving * model.load(at)).floor(),
        Value::Probe { shown, .. } => shown[usize::from(unit(hash(model.seed ^ 0x7072_6f62, at as u64)) < counted)],
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
                        Some(slot) => histograms.push((at / 1_000_000, Arc::new(counts.at((slot - window.first()) as usize)))),
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
                .map(|(window, base)| (window.first(), window.counted(base, &series.value)));
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
