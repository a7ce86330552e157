//! How many of the shown lines of each level there are over time, counted on a worker: it is handed the facts of the lines as
//! they are at some moment, not their texts.

use std::{fmt, sync::Arc, time::Duration};

use super::row::Row;
use crate::model::{
    labels::Labels,
    log::Level,
    series::{Matrix, Sample, Series},
    time::{TimeRange, Timestamp, nanos},
};

/// All of them, each at its place.
const LEVELS: [Level; 7] = [Level::Unknown, Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
/// Steps are counted up to so many.
const MOST: i64 = 20_000;

/// Lines to be counted.
pub struct CountJob {
    pub(super) runs: Vec<Run>,
    /// From where on, in steps of this length, up to where: the end is not within.
    pub(super) range: TimeRange,
    pub(super) step: Duration,
}

/// Neighbouring lines.
pub(super) struct Run {
    pub(super) rows: Arc<Vec<Row>>,
    /// Which of them are shown; `None` where all are.
    pub(super) shown: Option<Arc<Vec<u32>>>,
}

impl fmt::Debug for CountJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountJob({} runs, {:?}, {:?})", self.runs.len(), self.range, self.step)
    }
}

/// Each is a question of its own.
impl PartialEq for CountJob {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl CountJob {
    /// Counts: as Loki's `count_over_time` tells it, a count stands at the end of its step.
    pub fn run(&self) -> Matrix {
        let TimeRange { start, end } = self.range;
        let mut tally = Tally { start, step: nanos(self.step).max(1), counts: Vec::new(), within: 0..0 };
        let steps = (end.0.saturating_sub(start.0) / tally.step).clamp(1, MOST);
        tally.counts = vec![[0; LEVELS.len()]; usize::try_from(steps).unwrap_or(1)];
        for run in &self.runs {
            match &run.shown {
                None => run.rows.iter().for_each(|row| tally.add(row)),
                Some(shown) => shown.iter().filter_map(|row| run.rows.get(*row as usize)).for_each(|row| tally.add(row)),
            }
        }
        let series = LEVELS.iter().enumerate().map(|(i, level)| tally.series(i, *level)).filter(|s| !s.samples.is_empty()).collect();
        Matrix { series, range: TimeRange { start: start + self.step, end }, step: self.step, warnings: Vec::new() }
    }
}

struct Tally {
    start: Timestamp,
    step: i64,
    counts: Vec<[u32; LEVELS.len()]>,
    /// The step that the last line was in: the next one mostly is as well.
    within: std::ops::Range<i64>,
}

impl Tally {
    fn add(&mut self, row: &Row) {
        let after = row.at.0.saturating_sub(self.start.0);
        if !self.within.contains(&after) {
            let first = after - after.rem_euclid(self.step);
            self.within = first..first.saturating_add(self.step);
        }
        let step = usize::try_from(self.within.start / self.step).ok();
        if let Some(counts) = step.and_then(|step| self.counts.get_mut(step)) {
            counts[row.level as usize] += 1;
        }
    }

    fn series(&self, place: usize, level: Level) -> Series {
        let end = |step: usize| Timestamp(self.start.0 + self.step * (step as i64 + 1));
        let counted = self.counts.iter().enumerate().filter(|(_, counts)| counts[place] > 0);
        let samples = counted.map(|(step, counts)| Sample { at: end(step), value: f64::from(counts[place]) }).collect();
        Series { labels: [("detected_level", level.as_str())].into_iter().collect::<Labels>(), samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::log::LogLine,
        store::{LogStore, Pattern, Show},
    };

    fn line(millis: i64, level: Level, text: &str) -> LogLine {
        LogLine { at: Timestamp::from_millis(millis), level, text: text.into(), ..LogLine::default() }
    }

    fn counts(matrix: &Matrix) -> Vec<(String, i64, f64)> {
        let of = |s: &Series| {
            let level = s.labels.get("detected_level").unwrap_or_default().to_owned();
            s.samples.iter().map(move |sample| (level.clone(), sample.at.millis(), sample.value)).collect::<Vec<_>>()
        };
        matrix.series.iter().flat_map(of).collect()
    }

    #[test]
    fn lines_that_are_shown_are_counted_where_their_step_ends() {
        let mut store = LogStore::new(1 << 20);
        let lines = [(9_999, Level::Info, "early"), (10_000, Level::Info, "a"), (10_999, Level::Error, "b"), (11_000, Level::Error, "c")];
        store.insert(lines.iter().map(|(at, level, text)| line(*at, *level, text)).collect());
        store.insert(vec![line(13_000, Level::Info, "at the end, which is not within"), line(12_500, Level::Error, "c")]);
        let range = TimeRange { start: Timestamp::from_secs(10), end: Timestamp::from_secs(13) };
        let all = store.count_job(range, Duration::from_secs(1)).run();
        let of = |level: &str, at, n| (level.to_owned(), at, n);
        let errors = [of("error", 11_000, 1.0), of("error", 12_000, 1.0), of("error", 13_000, 1.0)];
        assert_eq!(counts(&all), [&[of("info", 11_000, 1.0)][..], &errors].concat());
        assert_eq!(all.range, TimeRange { start: Timestamp::from_secs(11), end: Timestamp::from_secs(13) });

        store.set_show(Show { pattern: Pattern::parse("c").unwrap(), ..Show::default() });
        store.look_around(None, 10);
        let some = store.count_job(range, Duration::from_secs(1)).run();
        assert_eq!(counts(&some), errors[1..]);
    }
}
