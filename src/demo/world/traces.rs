//! The world as Tempo has received it.

use std::ops::ControlFlow;

use super::{
    World,
    block::{Services, block_of},
    engine::RECORD_BLOCKS,
    jobs::Run,
    logs::CHUNK,
    model::{Request, SECOND},
    record::TraceRecord,
    sampled::{Wanted, is_sampled, traces_of, walk},
    shop::{SERVICE, Service},
    spans::{Collector, build, decode, trace_id},
    walk::Hop,
};
use crate::{
    demo::store::{SpanHint, StoredTrace, TraceHint, TraceStore},
    model::{time::TimeRange, trace::TraceId},
};

impl World {
    fn stored(&self, key: u64, mail: bool, now: i64) -> Option<StoredTrace> {
        let request = self.engine.model.request(key)?;
        if request.at < self.horizon(now) || request.at > now {
            return None;
        }
        let mut collector = Collector::new(mail);
        self.engine.observe(&request, &mut collector);
        self.made(&request, mail, &collector.hops, now)
    }

    /// The trace of some hops: to make spans is most of the work.
    fn made(&self, request: &Request, mail: bool, hops: &[Hop], now: i64) -> Option<StoredTrace> {
        let spans = build(&self.engine.model, request, mail, hops, now);
        (!spans.is_empty()).then(|| StoredTrace { id: trace_id(self.engine.model.seed, request.key, mail), spans })
    }
}

/// Services of a hint as bits; all when it names none, as the caller filters again.
fn services(named: &[String]) -> Services {
    if named.is_empty() {
        return Services::MAX;
    }
    named.iter().fold(0, |bits, name| bits | Service::parse(name).map_or(0, |s| 1 << s as u8))
}

/// Whether it is known of a request before it is walked whether a hint may mean it.
const fn is_broad(hint: &TraceHint) -> bool {
    !hint.error && hint.min_duration == 0
}

/// What a sample walks.
fn wanted_of(hint: &TraceHint, spans: &SpanHint, one_in: u64) -> Wanted {
    let bit = |kind: &i32| u32::try_from(*kind).ok().and_then(|kind| 1_u8.checked_shl(kind)).unwrap_or(0);
    let kinds = if spans.kinds.is_empty() { u8::MAX } else { spans.kinds.iter().fold(0, |bits, kind| bits | bit(kind)) };
    Wanted { traces: services(&hint.services), spans: services(&spans.services), kinds, roots: spans.roots, one_in }
}

fn may_match(hint: &TraceHint, wanted: Services, trace: &TraceRecord) -> bool {
    trace.services & wanted != 0 && (!hint.error || trace.failed & wanted != 0) && trace.longest >= hint.min_duration
}

impl World {
    /// The part of a range that exists, in nanoseconds.
    fn known(&self, range: TimeRange) -> (i64, i64) {
        let now = self.clock.now().0;
        (range.start.0.max(self.horizon(now)), range.end.0.min(now))
    }

    /// Visits requests that match, newest first.
    fn each_request(
        &self,
        hint: &TraceHint,
        (from, to): (i64, i64),
        visit: &mut dyn FnMut(&TraceRecord) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let wanted = services(&hint.services);
        if from > to || SERVICE.iter().all(|s| wanted & (1 << s.service as u8) == 0) {
            return ControlFlow::Continue(());
        }
        let (first, mut last) = (block_of(from), block_of(to));
        let mut chunk = 1;
        while last >= first {
            let lo = first.max(last - chunk + 1);
            let blocks = self.engine.records(lo - 1, last);
            for (i, pair) in blocks.windows(2).enumerate().rev() {
                let k = lo + i as i64;
                let starts_here = |t: &&TraceRecord| block_of(t.start) == k && (from..=to).contains(&t.start) && may_match(hint, wanted, t);
                let mut found: Vec<&TraceRecord> = pair.iter().flat_map(|b| b.traces.iter()).filter(starts_here).collect();
                found.sort_by_key(|t| std::cmp::Reverse((t.start, t.key, t.mail)));
                found.into_iter().try_for_each(&mut *visit)?;
            }
            last = lo - 1;
            chunk = (chunk * 2).min(CHUNK);
        }
        ControlFlow::Continue(())
    }

    /// Jobs of which something is in a range, the newest last.
    fn jobs(&self, hint: &TraceHint, (from, to): (i64, i64)) -> Vec<Run> {
        let mut runs = Run::between(self.engine.model.start, from, to);
        runs.retain(|r| r.may_match(hint) && r.start >= self.horizon(to));
        runs
    }

    /// Those of them that begin in it.
    fn begun(&self, hint: &TraceHint, known: (i64, i64)) -> Vec<Run> {
        let mut runs = self.jobs(hint, known);
        runs.retain(|r| r.start >= known.0);
        runs
    }

    fn job(&self, run: Run) -> Option<StoredTrace> {
        run.trace(self.engine.model.seed, self.clock.now().0)
    }

    /// Visits a part of the requests of a range, newest first. Only those are walked.
    fn few_requests(
        &self,
        wanted: Wanted,
        (from, to): (i64, i64),
        visit: &mut dyn FnMut(StoredTrace, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (first, last, now) = (block_of(from), block_of(to), self.clock.now().0);
        if from > to || wanted.traces == 0 {
            return ControlFlow::Continue(());
        }
        let kept = wanted.is_narrow().then(|| self.sampled.blocks(&self.engine, wanted, first, last));
        for block in (first..=last).rev() {
            let walked = match &kept {
                Some(blocks) => blocks[(block - first) as usize].clone(),
                None => walk(&self.engine, wanted, block),
            };
            for trace in walked.iter().rev().filter(|w| (from..=to).contains(&w.request.at)) {
                self.made(&trace.request, trace.mail, &trace.hops, now)
                    .map_or(ControlFlow::Continue(()), |made| visit(made, wanted.one_in))?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether so few blocks are looked at that they are kept.
const fn is_kept((from, to): (i64, i64)) -> bool {
    block_of(to) - block_of(from) + 3 < RECORD_BLOCKS as i64
}

impl TraceStore for World {
    fn trace(&self, id: TraceId) -> Option<StoredTrace> {
        match decode(self.engine.model.seed, id) {
            Some((key, mail)) => self.stored(key, mail, self.clock.now().0),
            None => {
                let run = Run::decode(self.engine.model.seed, id, self.engine.model.start)?;
                (run.start >= self.horizon(self.clock.now().0)).then(|| self.job(run)).flatten()
            }
        }
    }

    fn scan(&self, hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {
        let (known, now) = (self.known(range), self.clock.now().0);
        let mut jobs = self.begun(hint, known);
        let flow = self.each_request(hint, known, &mut |trace| {
            while let Some(run) = jobs.pop_if(|run| run.start >= trace.start) {
                self.job(run).map_or(ControlFlow::Continue(()), &mut *visit)?;
            }
            self.stored(trace.key, trace.mail, now).map_or(ControlFlow::Continue(()), &mut *visit)
        });
        if flow.is_continue() {
            let _ = jobs.into_iter().rev().filter_map(|run| self.job(run)).try_for_each(visit);
        }
    }

    fn about(&self, hint: &TraceHint, range: TimeRange) -> u64 {
        let known = self.known(range);
        if is_broad(hint) || !is_kept(known) {
            let wanted = services(&hint.services);
            let seconds = known.0.div_euclid(SECOND)..=known.1.div_euclid(SECOND);
            return seconds.map(|second| self.engine.model.about(second, |route| traces_of(route, wanted))).sum::<f64>() as u64;
        }
        let mut count = 0;
        let _ = self.each_request(hint, known, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        count
    }

    fn sample(
        &self,
        (hint, spans): (&TraceHint, &SpanHint),
        range: TimeRange,
        one_in: u64,
        visit: &mut dyn FnMut(StoredTrace, u64) -> ControlFlow<()>,
    ) {
        let (known, now) = (self.known(range), self.clock.now().0);
        let flow = if is_broad(hint) || !is_kept(known) {
            self.few_requests(wanted_of(hint, spans, one_in), known, visit)
        } else {
            self.each_request(hint, known, &mut |trace| {
                let stored = if is_sampled(trace.key, one_in) { self.stored(trace.key, trace.mail, now) } else { None };
                stored.map_or(ControlFlow::Continue(()), |stored| visit(stored, one_in))
            })
        };
        if flow.is_continue() {
            let _ = self.begun(hint, known).into_iter().rev().filter_map(|run| self.job(run)).try_for_each(|trace| visit(trace, 1));
        }
    }

    fn rare(&self, hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {
        let jobs = self.jobs(hint, self.known(range));
        let _ = jobs.into_iter().rev().filter_map(|run| self.job(run)).try_for_each(visit);
    }
}
