//! When batch jobs have ended, which they push to a gateway.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{Job, Run, build::Builder};

/// Jobs that push when they end.
pub const BATCH: [Job; 2] = [Job::Reindex, Job::Invoices];

/// Ends of the runs that were asked for, as to find one takes the whole run: a few a day.
#[derive(Debug, Default)]
pub struct Ends(Mutex<HashMap<(u8, i64), i64>>);

impl Ends {
    /// Begin and end of the last run of a job that has ended by an instant, in a world that starts at another.
    pub fn last(&self, seed: u64, world: i64, job: Job, at: i64) -> (i64, i64) {
        let newest = (at - Run::new(job, 0, world).start).div_euclid(job.info().every);
        let run = Run::new(job, newest, world);
        let end = self.end(seed, run);
        if end <= at {
            return (run.start, end);
        }
        let before = Run::new(job, newest - 1, world);
        (before.start, self.end(seed, before))
    }

    fn end(&self, seed: u64, run: Run) -> i64 {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ends.entry((run.job as u8, run.number)).or_insert_with(|| {
            // Nothing has ended that long ago: no span is kept.
            let mut builder = Builder::new(run.trace_id(seed), run.key(seed), i64::MIN);
            run.make(&mut builder);
            builder.end
        })
    }
}
