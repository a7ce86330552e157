//! How many bytes of log lines there are, before they are read.

use std::{collections::BTreeMap, time::Duration};

use super::{
    labels::Labels,
    series::Matrix,
    time::{TimeRange, Timestamp},
};

/// Lengths of windows that are offered in place of a longer one, in seconds.
const LENGTHS: [u64; 16] =
    [1_209_600, 604_800, 259_200, 172_800, 86_400, 43_200, 21_600, 10_800, 7_200, 3_600, 1_800, 900, 600, 300, 120, 60];

/// Bytes by series: streams that have the same values of the labels that were told apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogSize {
    /// Labels and bytes, the largest first.
    pub series: Vec<(Labels, u64)>,
}

impl LogSize {
    /// Of these series, those without bytes left out: an index may know a stream longer than its lines.
    pub fn new(mut series: Vec<(Labels, u64)>) -> Self {
        series.retain(|(_, bytes)| *bytes > 0);
        series.sort_by(|a, b| (std::cmp::Reverse(a.1), &a.0).cmp(&(std::cmp::Reverse(b.1), &b.0)));
        Self { series }
    }

    /// All bytes.
    pub fn total(&self) -> u64 {
        self.series.iter().map(|(_, bytes)| bytes).fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Bytes by the values of a label, the largest first; what does not have it is left out.
    pub fn by(&self, label: &str) -> Vec<(&str, u64)> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (labels, bytes) in &self.series {
            let Some(value) = labels.get(label).filter(|v| !v.is_empty()) else { continue };
            let sum = sums.entry(value).or_default();
            *sum = sum.saturating_add(*bytes);
        }
        let mut out: Vec<(&str, u64)> = sums.into_iter().collect();
        out.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        out
    }
}

/// What is read beside a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// So long before it reading begins: the range of a metric query.
    pub before: Duration,
    /// So long before it all of it lies.
    pub offset: Duration,
}

impl Reach {
    /// What is read for a window.
    pub fn of(self, window: TimeRange) -> TimeRange {
        let end = window.end - self.offset;
        TimeRange { start: window.start - self.offset - self.before, end }
    }

    /// The window that this is read for.
    pub fn window(self, read: TimeRange) -> TimeRange {
        let end = read.end + self.offset;
        TimeRange { start: (read.start + self.before + self.offset).min(end), end }
    }
}

/// Bytes of a part of what was counted over time, as far as its steps tell. A sample stands at the end of its step.
pub fn bytes_within(matrix: &Matrix, part: TimeRange) -> u64 {
    let of = |at: Timestamp, bytes: f64| {
        let start = Timestamp(at.0.saturating_sub(1)).align_down(matrix.step).max(matrix.range.start);
        let whole = at.since(start).as_secs_f64();
        let shared = at.min(part.end).since(start.max(part.start)).as_secs_f64();
        if whole > 0.0 { bytes * shared / whole } else { 0.0 }
    };
    matrix.series.iter().flat_map(|s| &s.samples).filter(|s| s.value.is_finite()).map(|s| of(s.at, s.value)).sum::<f64>() as u64
}

/// The longest window below a limit that has any bytes, with these, of those that are shorter than `whole`; `at` gives what is read for a
/// length. `size` is what is read of all of it: several queries may read the same bytes.
pub fn longest_below(
    matrix: &Matrix,
    (limit, size): (u64, u64),
    whole: Duration,
    at: impl Fn(Duration) -> TimeRange,
) -> Option<(Duration, u64)> {
    let counted = bytes_within(matrix, matrix.range);
    if counted == 0 {
        return None;
    }
    let times = size as f64 / counted as f64;
    let lengths = LENGTHS.iter().map(|s| Duration::from_secs(*s)).filter(|length| *length < whole);
    let mut sized = lengths.map(|length| (length, (bytes_within(matrix, at(length)) as f64 * times) as u64));
    // Where nothing was written nothing is to be read: that is no way to less.
    sized.find(|(_, bytes)| *bytes <= limit).filter(|(_, bytes)| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::series::{Sample, Series};

    #[test]
    fn the_longest_window_is_found_whose_bytes_fit() {
        const AT: fn(i64) -> Timestamp = Timestamp::from_secs;
        let range = TimeRange { start: AT(100), end: AT(7300) };
        let samples =
            [(1800, 170.0), (3600, 180.0), (5400, 180.0), (7200, 900.0), (7300, 100.0)].map(|(at, value)| Sample { at: AT(at), value });
        let series = vec![Series { labels: Labels::new(), samples: samples.into() }];
        let matrix = Matrix { series, range, step: Duration::from_secs(1800), warnings: Vec::new() };
        assert_eq!(bytes_within(&matrix, range), 1530);
        assert_eq!(bytes_within(&matrix, TimeRange { start: AT(6300), end: AT(7250) }), 500, "a part of a step counts in part");
        let newest = |length| TimeRange { start: range.end - length, end: range.end };
        assert_eq!(longest_below(&matrix, (1200, 1530), range.duration(), newest), Some((Duration::from_secs(3600), 1170)));
        let twice = longest_below(&matrix, (1100, 3060), range.duration(), newest).unwrap();
        assert_eq!(twice.0, Duration::from_secs(900), "it is read twice");
        assert_eq!(longest_below(&matrix, (5, 1530), range.duration(), newest), None);
        let empty = |length| TimeRange { start: AT(90_000), end: AT(90_000) + length };
        assert_eq!(longest_below(&matrix, (5, 1530), range.duration(), empty), None);
    }

    #[test]
    fn series_are_summed_by_a_label_and_ordered_by_size() {
        let labels = |app: &str, pod: &str| [("app", app), ("pod", pod)].into_iter().filter(|(_, v)| !v.is_empty()).collect::<Labels>();
        let size = LogSize::new(vec![
            (labels("a", "1"), 5),
            (labels("b", "1"), 7),
            (labels("a", "2"), 4),
            (labels("", "3"), u64::MAX),
            (labels("c", "1"), 0),
        ]);
        assert_eq!(size.total(), u64::MAX, "a hostile answer does not overflow");
        assert_eq!(size.by("app"), [("a", 9), ("b", 7)]);
        assert_eq!(size.series[1].1, 7);
    }

    #[test]
    fn a_reach_is_added_and_taken_off() {
        const AT: fn(i64) -> Timestamp = Timestamp::from_secs;
        let reach = Reach { before: Duration::from_secs(60), offset: Duration::from_secs(1000) };
        let window = TimeRange { start: AT(5000), end: AT(6000) };
        assert_eq!(reach.of(window), TimeRange { start: AT(3940), end: AT(5000) });
        assert_eq!(reach.window(reach.of(window)), window);
    }
}
