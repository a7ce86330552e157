//! What the shop does beside its customers' requests: few and odd, each a trace of its own.
//!
//! They are traced and logged: they run in pods that nobody scrapes, and those that run for long push when they end. Each kind comes again and again at fixed
//! distances from the demo's start, and is made when it is asked for.

mod batch;
mod build;
mod calls;
mod line;
mod push;

use self::build::Builder;
pub use self::{
    line::JobLine,
    push::{BATCH, Ends},
};
use super::{
    model::SECOND,
    rng::{hash, scramble, unscramble},
};
use crate::{
    demo::store::{StoredTrace, TraceHint},
    model::trace::TraceId,
};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Job {
    /// 100,000 spans: all products are written into the search index.
    Reindex,
    /// One query, and then one for each of its rows.
    Report,
    /// What a request begins is done minutes later.
    Return,
    /// A host's clock is ahead, and some spans never came.
    Parcel,
    /// Most of an hour in which little happens.
    Invoices,
}

const ALL: [Job; 5] = [Job::Reindex, Job::Report, Job::Return, Job::Parcel, Job::Invoices];

const MINUTE: i64 = 60 * SECOND;

/// Facts of a job.
struct Info {
    /// All services that take part, the one that begins first.
    services: &'static [&'static str],
    /// Those with a failed span.
    failed: &'static [&'static str],
    /// The first begins so long before the demo's start, and one comes so long after another.
    before: i64,
    every: i64,
    /// How long it takes from its begin to its last span's end, at most.
    length: i64,
}

impl Job {
    /// The service that begins it.
    pub const fn service(self) -> &'static str {
        self.info().services[0]
    }

    const fn info(self) -> &'static Info {
        match self {
            Self::Reindex => &Info {
                services: &["indexer", "search"],
                failed: &["search"],
                before: 42 * MINUTE,
                every: 360 * MINUTE,
                length: 25 * MINUTE,
            },
            Self::Report => &Info { services: &["reports"], failed: &[], before: 390 * SECOND, every: 15 * MINUTE, length: 8 * SECOND },
            Self::Return => {
                &Info { services: &["returns", "refunds"], failed: &[], before: 9 * MINUTE, every: 20 * MINUTE, length: 5 * MINUTE }
            }
            Self::Parcel => &Info {
                services: &["shipping", "warehouse", "labels"],
                failed: &["labels"],
                before: 200 * SECOND,
                every: 10 * MINUTE,
                length: 5 * SECOND,
            },
            Self::Invoices => &Info {
                services: &["invoicing", "banking"],
                failed: &["invoicing", "banking"],
                before: 62 * MINUTE,
                every: 240 * MINUTE,
                length: 56 * MINUTE,
            },
        }
    }
}

/// One run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub job: Job,
    /// Which one: the first before the demo's start is 0.
    number: i64,
    /// When it begins, nanoseconds.
    pub start: i64,
}

/// Runs are numbered from here on in ids.
const FIRST: i64 = 1 << 20;
/// What tells an id of a run.
const MARK: u64 = 0x6a6f_6273;
/// Bits that a run's number takes in an id.
const NUMBER_BITS: u32 = 24;

impl Run {
    /// One run of a job in a world that starts at an instant.
    const fn new(job: Job, number: i64, world: i64) -> Self {
        let info = job.info();
        Self { job, number, start: world - info.before + number * info.every }
    }

    /// Those of which something lies in a range, oldest first.
    pub fn between(world: i64, from: i64, to: i64) -> Vec<Self> {
        let mut runs = Vec::new();
        for job in ALL {
            let (info, first) = (job.info(), Self::new(job, 0, world).start);
            let number = |at: i64| (at - first).div_euclid(info.every);
            runs.extend((number(from - info.length)..=number(to)).map(|n| Self::new(job, n, world)));
        }
        runs.retain(|r| r.start <= to && r.start + r.job.info().length >= from && r.number.abs() < FIRST);
        runs.sort_by_key(|r| (r.start, r.job as u8));
        runs
    }

    /// The id of its trace.
    pub fn trace_id(self, seed: u64) -> TraceId {
        let low = scramble((self.number + FIRST) as u64 | (self.job as u64) << NUMBER_BITS, seed ^ MARK);
        TraceId(u128::from(hash(low, seed ^ MARK) | 1) << 64 | u128::from(low))
    }

    /// The run of an id, if it is one.
    pub fn decode(seed: u64, id: TraceId, world: i64) -> Option<Self> {
        let plain = unscramble(id.0 as u64, seed ^ MARK);
        let job = *ALL.get(usize::try_from(plain >> NUMBER_BITS).ok()?)?;
        let run = Self::new(job, (plain & ((1 << NUMBER_BITS) - 1)) as i64 - FIRST, world);
        (run.trace_id(seed) == id).then_some(run)
    }

    /// Whether a search that skips what it can must look at it.
    pub fn may_match(self, hint: &TraceHint) -> bool {
        let info = self.job.info();
        let meant = |services: &[&str]| hint.services.is_empty() || hint.services.iter().any(|s| services.contains(&s.as_str()));
        meant(info.services) && (!hint.error || meant(info.failed) && !info.failed.is_empty()) && info.length >= hint.min_duration
    }

    /// Its spans that have ended by now.
    pub fn trace(self, seed: u64, now: i64) -> Option<StoredTrace> {
        let id = self.trace_id(seed);
        let mut builder = Builder::new(id, self.key(seed), now);
        self.make(&mut builder);
        let spans = builder.finish();
        (!spans.is_empty()).then_some(StoredTrace { id, spans })
    }

    /// What it logs from its begin to its end, by time.
    pub fn lines(self, seed: u64) -> Vec<JobLine> {
        let mut builder = Builder::of_lines(self.trace_id(seed), self.key(seed));
        self.make(&mut builder);
        builder.finish_lines()
    }

    /// What its random numbers begin with.
    fn key(self, seed: u64) -> u64 {
        hash(seed ^ MARK, (self.number + FIRST) as u64 | (self.job as u64) << NUMBER_BITS)
    }

    fn make(self, builder: &mut Builder) {
        match self.job {
            Job::Reindex => batch::reindex(builder, self.start),
            Job::Report => calls::report(builder, self.start),
            Job::Return => calls::give_back(builder, self.start),
            Job::Parcel => calls::parcel(builder, self.start),
            Job::Invoices => batch::invoices(builder, self.start),
        }
    }
}
