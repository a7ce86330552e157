//! Simulates blocks when they are asked for and keeps a bounded number of them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    block::{BLOCK, Counter, Layout, MetricBlock, block_of},
    model::{Model, Request, SECOND},
    pool::{PoolState, Wait, Waited},
    record::{RecordBlock, Recorder},
    walk::{Observer, Walk},
};

/// Seconds that the pools are simulated beyond a block's end, so that its last requests are done.
const LOOKAHEAD: i64 = 45;
/// Seconds that the pools are simulated before the first block that remembers.
const WARM_UP: i64 = 10;
/// Blocks of counts that are kept: 25 hours and the edges.
const METRIC_BLOCKS: usize = 25 * 30 + 8;
/// Blocks of records that are kept: a bit more than an hour.
pub const RECORD_BLOCKS: usize = 34;

/// The simulation with its caches.
#[derive(Debug)]
pub struct Engine {
    pub model: Model,
    pub layout: Layout,
    /// The block at whose begin the counters are fixed. Later blocks know what happened in the one before.
    pub anchor: i64,
    cache: Mutex<Cache>,
    /// Held while blocks are made, so that two questions do not make the same.
    making: Mutex<()>,
    /// The same of the pools alone, for which a trace does not wait until all blocks are made that somebody else asked for.
    preparing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Cache {
    metrics: BTreeMap<i64, Arc<MetricBlock>>,
    records: BTreeMap<i64, (u64, Arc<RecordBlock>)>,
    uses: u64,
    waits: BTreeMap<i64, Arc<[Waited]>>,
    states: BTreeMap<i64, PoolState>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Nothing is simulated yet.
    pub fn new(model: Model) -> Self {
        let layout = Layout::new(&model);
        let anchor = block_of(model.first_change().map_or(model.start, |t| t.min(model.start)));
        Self { model, layout, anchor, cache: Mutex::default(), making: Mutex::default(), preparing: Mutex::default() }
    }

    /// Counts of blocks `first..=last`.
    pub fn metrics(&self, first: i64, last: i64) -> Vec<Arc<MetricBlock>> {
        let missing = |cache: &Cache| -> Vec<i64> { (first..=last).filter(|k| !cache.metrics.contains_key(k)).collect() };
        if !missing(&lock(&self.cache)).is_empty() {
            let _making = lock(&self.making);
            let todo = missing(&lock(&self.cache));
            self.prepare_waits(&todo);
            let made = parallel(&todo, |k| self.count(k));
            let mut cache = lock(&self.cache);
            cache.metrics.extend(made);
            let out = (first..=last).filter_map(|k| cache.metrics.get(&k).cloned()).collect();
            cache.forget_metrics(last);
            return out;
        }
        let cache = lock(&self.cache);
        (first..=last).filter_map(|k| cache.metrics.get(&k).cloned()).collect()
    }

    /// Records of blocks `first..=last`, at most [`RECORD_BLOCKS`] of them.
    pub fn records(&self, first: i64, last: i64) -> Vec<Arc<RecordBlock>> {
        let missing = |cache: &Cache| -> Vec<i64> { (first..=last).filter(|k| !cache.records.contains_key(k)).collect() };
        let _making = if missing(&lock(&self.cache)).is_empty() { None } else { Some(lock(&self.making)) };
        let todo = missing(&lock(&self.cache));
        self.prepare_waits(&todo);
        let made = parallel(&todo, |k| self.record(k));
        let mut cache = lock(&self.cache);
        cache.uses += 1;
        let now = cache.uses;
        cache.records.extend(made.into_iter().map(|(k, r)| (k, (now, r))));
        let out = (first..=last)
            .filter_map(|k| {
                let entry = cache.records.get_mut(&k)?;
                entry.0 = now;
                Some(entry.1.clone())
            })
            .collect();
        cache.forget_records();
        out
    }

    fn count(&self, block: i64) -> Arc<MetricBlock> {
        let mut counter = Counter::new(&self.model, &self.layout, block);
        self.walk_block(block, &mut counter);
        counter.probes();
        counter.finish()
    }

    fn record(&self, block: i64) -> Arc<RecordBlock> {
        let mut recorder = Recorder::new(&self.model, &self.layout, block);
        let waits = self.waits(block);
        for second in block * BLOCK..(block + 1) * BLOCK {
            self.model.arrivals(second, |request| {
                walk(&self.model, &request, &waits, &mut recorder);
                recorder.end_request();
            });
        }
        recorder.finish()
    }

    fn walk_block(&self, block: i64, observer: &mut impl Observer) {
        let waits = self.waits(block);
        for second in block * BLOCK..(block + 1) * BLOCK {
            self.model.arrivals(second, |request| walk(&self.model, &request, &waits, observer));
        }
    }

    /// Shows one request's walk.
    pub fn observe(&self, request: &Request, observer: &mut impl Observer) {
        let block = block_of(request.at);
        if !self.waits_known(block) {
            self.prepare_waits(&[block]);
        }
        walk(&self.model, request, &self.waits(block), observer);
    }

    fn waits_known(&self, block: i64) -> bool {
        block < self.anchor || lock(&self.cache).waits.contains_key(&block)
    }

    /// Waits of the requests of a block that is prepared, by key and attempt. Before the first change there are many
    /// times the connections and processors that are needed, and nobody waits.
    fn waits(&self, block: i64) -> Arc<[Waited]> {
        if block < self.anchor { Arc::default() } else { lock(&self.cache).waits.get(&block).cloned().unwrap_or_default() }
    }

    /// Simulates the pools from the first block that remembers up to the last one asked for.
    fn prepare_waits(&self, blocks: &[i64]) {
        let Some(last) = blocks.iter().copied().max() else { return };
        let _preparing = lock(&self.preparing);
        loop {
            let (block, state) = {
                let mut cache = lock(&self.cache);
                let next = cache.waits.last_key_value().map_or(self.anchor, |(k, _)| k + 1);
                if next > last {
                    return;
                }
                (next, cache.states.remove(&next).unwrap_or_else(|| self.first_state()))
            };
            let (waits, next) = self.simulate_pools(block, state);
            let mut cache = lock(&self.cache);
            cache.waits.insert(block, waits);
            cache.states.insert(block + 1, next);
            while cache.waits.len() > METRIC_BLOCKS {
                cache.waits.pop_first();
            }
        }
    }

    fn first_state(&self) -> PoolState {
        let begin = self.anchor * BLOCK;
        let mut state = PoolState::idle(&self.model);
        for second in begin - WARM_UP..begin {
            state.arrive(&self.model, second, |_| {});
            state.serve_until(&self.model, (second + 1) * SECOND, |_| {});
        }
        state
    }

    fn simulate_pools(&self, block: i64, mut state: PoolState) -> (Arc<[Waited]>, PoolState) {
        let (begin, end) = (block * BLOCK, (block + 1) * BLOCK);
        let own = (begin as u64) << 18..(end as u64) << 18;
        let mut waits = Vec::new();
        let mut next = None;
        for second in begin..end + LOOKAHEAD {
            if second == end {
                next = Some(state.clone());
            }
            let mut keep = |w: Waited| {
                if own.contains(&w.0) {
                    waits.push(w);
                }
            };
            state.arrive(&self.model, second, &mut keep);
            state.serve_until(&self.model, (second + 1) * SECOND, &mut keep);
        }
        waits.sort_unstable();
        (waits.into(), next.unwrap_or(state))
    }
}

impl Cache {
    fn forget_metrics(&mut self, newest: i64) {
        while self.metrics.len() > METRIC_BLOCKS {
            match self.metrics.first_key_value() {
                Some((k, _)) if *k < newest => self.metrics.pop_first(),
                _ => self.metrics.pop_last(),
            };
        }
    }

    fn forget_records(&mut self) {
        while self.records.len() > RECORD_BLOCKS {
            let Some(oldest) = self.records.iter().min_by_key(|(_, (used, _))| *used).map(|(k, _)| *k) else { return };
            self.records.remove(&oldest);
        }
    }
}

fn walk(model: &Model, request: &Request, waits: &[Waited], observer: &mut impl Observer) {
    let find = |n: u8| waits.binary_search_by_key(&(request.key, n), |w| (w.0, w.1)).map_or(Wait(0), |i| waits[i].2);
    Walk::new(model, request, observer).run(&find);
}

/// Makes one thing for each number, on two threads when there is more than one.
pub fn parallel<T: Send>(numbers: &[i64], make: impl Fn(i64) -> T + Sync) -> Vec<(i64, T)> {
    if numbers.len() < 2 {
        return numbers.iter().map(|n| (*n, make(*n))).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some(n) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            made.push((*n, make(*n)));
        }
        made
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut made = work();
        match other.join() {
            Ok(more) => made.extend(more),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        made
    })
}
