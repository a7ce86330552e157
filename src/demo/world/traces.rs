//! The world as Tempo has received it.

use std::ops::ControlFlow;

use super::{
    World,
    block::{Services, block_of},
    logs::CHUNK,
    record::TraceRecord,
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

impl TraceStore for World {
    fn trace(&self, id: TraceId) -> Option<StoredTrace> {
        let (key, mail) = decode(self.engine.model.seed, id)?;
        self.stored(key, mail, self.clock.now().0)
    }

    fn scan(&self, hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {
        let now = self.clock.now().0;
        let (from, to) = (range.start.0.max(self.horizon(now)), range.end.0.min(now));
        let wanted = services(hint);
        if from > to || SERVICE.iter().all(|s| wanted & (1 << s.service as u8) == 0) {
            return;
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
                for trace in found {
                    if let Some(stored) = self.stored(trace.key, trace.mail, now)
                        && visit(stored).is_break()
                    {
                        return;
                    }
                }
            }
            last = lo - 1;
            chunk = (chunk * 2).min(CHUNK);
        }
    }
}
