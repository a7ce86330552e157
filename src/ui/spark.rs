//! Sparklines: a trend in a few cells.

use std::time::Duration;

use crate::{
    model::{
        series::Sample,
        time::{TimeRange, Timestamp, nanos},
    },
    theme::Glyphs,
};

/// The trend of a range in `width` cells, one character each, from zero (or the lowest value, where that is below zero)
/// to the highest. Each cell shows the highest value in it, so that no peak is lost; a cell without one is blank.
pub fn spark(samples: &[Sample], range: TimeRange, width: usize, glyphs: &Glyphs) -> String {
    let whole = nanos(range.duration()).max(1) as f64;
    let mut cells: Vec<Option<f64>> = vec![None; width];
    for sample in samples.iter().filter(|s| s.value.is_finite() && range.contains(s.at)) {
        let share = sample.at.0.saturating_sub(range.start.0) as f64 / whole;
        let i = ((share * width as f64) as usize).min(width.saturating_sub(1));
        if let Some(cell) = cells.get_mut(i) {
            *cell = Some(cell.map_or(sample.value, |v| v.max(sample.value)));
        }
    }
    bridge(&mut cells, samples.len());
    let (low, high) = cells.iter().flatten().fold((0.0f64, 0.0f64), |(l, h), v| (l.min(*v), h.max(*v)));
    cells.iter().map(|cell| cell.map_or(" ", |v| level(v, low, high, glyphs))).collect()
}

/// Counts of a range in `width` cells, each of which stands at the end of the step that it counts: the highest of a cell, from
/// zero. A cell without any is blank, and one of many steps is seen.
pub fn bars(samples: &[Sample], range: TimeRange, step: Duration, width: usize, glyphs: &Glyphs) -> String {
    let whole = nanos(range.duration()).max(1) as f64;
    let cell = |at: Timestamp| (at.0.saturating_sub(range.start.0) as f64 / whole * width as f64) as usize;
    let mut cells: Vec<f64> = vec![0.0; width];
    for sample in samples.iter().filter(|s| s.value > 0.0 && s.value.is_finite() && range.contains(s.at)) {
        let last = cell(sample.at).min(width.saturating_sub(1));
        // Where a step is longer than a cell it has all of them that are in it.
        let first = if sample.at - step < range.start { 0 } else { (cell(sample.at - step) + 1).min(last) };
        cells.iter_mut().take(last + 1).skip(first).for_each(|cell| *cell = cell.max(sample.value));
    }
    let high = cells.iter().copied().fold(0.0, f64::max);
    cells.iter().map(|value| if *value > 0.0 { level(*value, 0.0, high, glyphs) } else { " " }).collect()
}

/// Where there are fewer samples than cells, the cells between two neighbours repeat the earlier one; more is a gap.
fn bridge(cells: &mut [Option<f64>], samples: usize) {
    let reach = if samples > 1 { cells.len().div_ceil(samples) } else { 0 };
    let mut last: Option<(usize, f64)> = None;
    for i in 0..cells.len() {
        match (cells[i], last) {
            (Some(v), _) => last = Some((i, v)),
            (None, Some((at, v))) if i - at <= reach && cells[i..].iter().take(reach).any(Option::is_some) => cells[i] = Some(v),
            _ => {}
        }
    }
}

/// The highest level is not a full cell: trends in neighbouring rows stay apart.
fn level(value: f64, low: f64, high: f64, glyphs: &Glyphs) -> &'static str {
    let top = glyphs.levels.len() - 2;
    let share = if high - low > 0.0 { (value - low) / (high - low) } else { 0.0 };
    glyphs.levels[((share * top as f64).round() as usize).min(top)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn drawn(values: &[(i64, f64)], width: usize) -> String {
        let samples: Vec<Sample> = values.iter().map(|(at, value)| Sample { at: Timestamp::from_secs(*at), value: *value }).collect();
        spark(&samples, TimeRange::new(Timestamp::ZERO, Timestamp::from_secs(80)), width, Glyphs::UNICODE)
    }

    #[test]
    fn a_trend_is_drawn_from_zero_to_its_peak() {
        assert_eq!(drawn(&(0..8).map(|i| (i * 10, i as f64)).collect::<Vec<_>>(), 8), "▁▂▃▄▄▅▆▇");
        assert_eq!(drawn(&(0..8).map(|i| (i * 10, 0.0)).collect::<Vec<_>>(), 8), "▁▁▁▁▁▁▁▁");
    }

    #[test]
    fn gaps_stay_blank_and_peaks_stay() {
        assert_eq!(drawn(&[(0, 1.0), (10, 1.0), (60, 1.0), (70, f64::NAN)], 8), "▇▇    ▇ ");
        let mut many: Vec<(i64, f64)> = (0..80).map(|i| (i, 1.0)).collect();
        many[33].1 = 7.0;
        assert_eq!(drawn(&many, 4), "▂▇▂▂");
    }

    #[test]
    fn counts_are_where_they_are_and_nothing_is_between_them() {
        let counts = |values: &[(i64, f64)], step: u64, width: usize| {
            let samples: Vec<Sample> = values.iter().map(|(at, value)| Sample { at: Timestamp::from_secs(*at), value: *value }).collect();
            let range = TimeRange::new(Timestamp::from_secs(step as i64), Timestamp::from_secs(80));
            bars(&samples, range, Duration::from_secs(step), width, Glyphs::UNICODE)
        };
        assert_eq!(counts(&[(15, 1.0), (65, 2.0)], 1, 8), " ▄    ▇ ", "two of eighty steps");
        assert_eq!(counts(&[(20, 1.0), (80, 2.0)], 20, 12), "▄        ▇▇▇", "a step has several cells");
        assert_eq!(counts(&[(20, 1.0), (40, 200.0)], 10, 8), " ▁ ▇    ", "one of many is seen");
        assert_eq!(
            (counts(&[], 1, 3), counts(&[(80, f64::NAN)], 1, 2), counts(&[(80, 1.0)], 1, 0)),
            ("   ".into(), "  ".into(), "".into())
        );
    }

    #[test]
    fn nothing_and_one_sample_are_drawn() {
        assert_eq!(drawn(&[], 3), "   ");
        assert_eq!(drawn(&[(0, f64::INFINITY)], 3), "   ");
        assert_eq!(drawn(&[(80, 2.0)], 3), "  ▇");
        assert_eq!(drawn(&[(80, 2.0)], 0), "");
    }
}
