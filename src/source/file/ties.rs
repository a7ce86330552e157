//! Lines of a file that tell the same time stay in their order: each gets an instant of its own, some nanoseconds on.

use std::time::Duration;

use foldhash::HashMap;

use crate::model::time::{Timestamp, nanos};

/// Instants that are remembered, and how far back.
const MOST: usize = 8192;
const REMEMBERED: Duration = Duration::from_secs(60);
/// Nanoseconds that the instants of a run of lines are apart from those of the run before: so many runs are less than a
/// thousandth of a second, which is the least that is shown.
const APART: i64 = 8000;
/// Runs that are told apart.
pub(super) const RUNS: u64 = 120;

/// What times were told, and how often.
#[derive(Clone, Default)]
pub(super) struct Ties {
    told: HashMap<Timestamp, i64>,
    newest: Timestamp,
    base: i64,
}

impl Ties {
    /// The instant of a line that tells a time, after those of all lines before it that tell the same.
    pub(super) fn apart(&mut self, told: Timestamp) -> Timestamp {
        self.newest = self.newest.max(told);
        if self.told.len() >= MOST {
            let since = self.newest - REMEMBERED;
            self.told.retain(|at, _| *at >= since);
            if self.told.len() >= MOST / 2 {
                self.told.clear();
            }
        }
        let before = self.told.entry(told).or_default();
        let at = Timestamp(told.0.saturating_add(self.base + *before));
        *before += 1;
        at
    }

    /// A run of lines begins whose place among the others is this: lines of a higher one stand behind it in the file.
    pub(super) fn begin_run(&mut self, run: u64) {
        self.told.clear();
        self.base = i64::try_from(run.min(RUNS)).unwrap_or(0) * APART;
    }
}

/// Whether a time is told no finer than it is shown: then many lines tell the same, and nothing is lost by moving them apart.
pub(super) fn is_coarse(told: Timestamp) -> bool {
    told.0 % nanos(Duration::from_millis(1)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_time_are_in_their_order_whichever_run_is_read_first() {
        let at = |s: i64| Timestamp::from_secs(1_795_323_600 + s);
        let mut ties = Ties::default();
        ties.begin_run(3);
        let later: Vec<Timestamp> = [at(1), at(0), at(1), at(1)].map(|t| ties.apart(t)).into();
        ties.begin_run(2);
        let earlier: Vec<Timestamp> = [at(1), at(1)].map(|t| ties.apart(t)).into();
        assert!(earlier[0] < earlier[1] && earlier[1] < later[0] && later[0] < later[2] && later[2] < later[3]);
        assert!(later[1] < earlier[0]);
        assert!(later.iter().chain(&earlier).all(|t| t.0 % 1_000_000_000 < 1_000_000), "not to be seen: {later:?}");
    }

    #[test]
    fn instants_of_long_ago_are_forgotten() {
        let mut ties = Ties::default();
        for i in 0..1_000_000 {
            ties.apart(Timestamp::from_millis(1_795_323_600_000 + i / 3));
        }
        assert!(ties.told.len() <= MOST);
    }
}
