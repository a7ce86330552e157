//! The one place that reads the wall clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use crate::model::time::Timestamp;

/// Clocks that differ by less are one: an answer tells its time to a second and is on its way for a while.
const ONE: u64 = 30_000_000_000;

/// The clock of a run: the wall clock, or the demo's. All of its clones go right once one has been set right.
#[derive(Clone)]
pub struct Clock {
    own: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Nanoseconds that are added.
    correction: Arc<AtomicI64>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::from_fn(system_now)
    }

    /// Another clock.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { own: Arc::new(now), correction: Arc::default() }
    }

    /// The instant.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.uncorrected().0.saturating_add(self.correction.load(Ordering::Relaxed)))
    }

    /// The instant as this machine has it.
    pub fn uncorrected(&self) -> Timestamp {
        (self.own)()
    }

    /// Goes by the clock that dates the samples and alerts, which is `skew` nanoseconds ahead of this machine's: where they
    /// are far apart, windows that end at this machine's now would miss the newest data or ask for the future.
    pub fn correct(&self, skew: i64) {
        let told = self.correction.load(Ordering::Relaxed);
        let wanted = if skew.unsigned_abs() > ONE { skew } else { 0 };
        // What only trembles by a second is no news.
        if wanted.abs_diff(told) > ONE || wanted == 0 {
            self.correction.store(wanted, Ordering::Relaxed);
        }
    }

    /// Nanoseconds that this machine's clock is behind; 0 where it goes right.
    pub fn correction(&self) -> i64 {
        self.correction.load(Ordering::Relaxed)
    }
}

/// The machine's clock in nanoseconds since the epoch.
pub fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_go_by_the_clock_that_is_far_off_and_come_back() {
        let clock = Clock::from_fn(|| Timestamp::from_secs(1000));
        let other = clock.clone();
        clock.correct(5_000_000_000);
        assert_eq!(other.now(), Timestamp::from_secs(1000), "a few seconds are the way of the answer");
        clock.correct(600_000_000_000);
        assert_eq!((other.now(), other.uncorrected()), (Timestamp::from_secs(1600), Timestamp::from_secs(1000)));
        clock.correct(601_000_000_000);
        assert_eq!(other.correction(), 600_000_000_000, "it does not tremble");
        clock.correct(-600_000_000_000);
        assert_eq!(other.now(), Timestamp::from_secs(400));
        clock.correct(0);
        assert_eq!(other.now(), Timestamp::from_secs(1000));
    }
}
