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
    rng::hash,
    shop::{SERVICE, Service},
    spans::{Collector, build, decode, trace_id},
};
use crate::{
    demo::store::{StoredTrace, TraceHint, TraceStore},
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
        let spans = build(&self.engine.model, &request, mail, &collector.hops, now);
        (!spans.is_empty()).then(|| StoredTrace { id: trace_id(self.engine.model.seed, key, mail), spans })
    }
}

/// Services of a hint as bits; all when it names one that does not exist, as the caller filters again.
fn services(hint: &TraceHint) -> Services {
    if hint.services.is_empty() {
        return Services::MAX;
    }
    hint.services.iter().fold(0, |bits, name| bits | Service::parse(name).map_or(0, |s| 1 << s as u8))
}

fn may_match(hint: &TraceHint, wanted: Services, trace: &TraceRecord) -> bool {
    trace.services & wanted != 0 && (!hint.error || trace.failed & wanted != 0) && trace.longest >= hint.min_duration
}

/// Whether a request is one of those that stand for all.
const fn is_sampled(key: u64, one_in: u64) -> bool {
    one_in < 2 || hash(key, 0x7361_6d70).is_multiple_of(one_in)
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
        let wanted = services(hint);
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

    /// Visits a part of the requests of a range that is too long to look at each.
    fn few_requests(
        &self,
        (from, to): (i64, i64),
        one_in: u64,
        visit: &mut dyn FnMut(StoredTrace, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for second in (from.div_euclid(SECOND)..=to.div_euclid(SECOND)).rev() {
            let mut some: Vec<Request> = Vec::new();
            self.engine.model.arrivals(second, |r| some.extend(is_sampled(r.key, one_in).then_some(r)));
            for request in some.iter().rev().filter(|r| (from..=to).contains(&r.at)) {
                for mail in [true, false] {
                    if let Some(stored) = self.stored(request.key, mail, self.clock.now().0) {
                        visit(stored, one_in)?;
                    }
                }
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
        let mut count = 0;
        if is_kept(known) {
            let _ = self.each_request(hint, known, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            });
        } else {
            (known.0.div_euclid(SECOND)..=known.1.div_euclid(SECOND)).for_each(|s| self.engine.model.arrivals(s, |_| count += 1));
        }
        count
    }

    fn sample(&self, hint: &TraceHint, range: TimeRange, one_in: u64, visit: &mut dyn FnMut(StoredTrace, u64) -> ControlFlow<()>) {
        let (known, now) = (self.known(range), self.clock.now().0);
        let flow = if is_kept(known) {
            self.each_request(hint, known, &mut |trace| {
                let stored = if is_sampled(trace.key, one_in) { self.stored(trace.key, trace.mail, now) } else { None };
                stored.map_or(ControlFlow::Continue(()), |stored| visit(stored, one_in))
            })
        } else {
            self.few_requests(known, one_in, visit)
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
