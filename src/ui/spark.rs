//! Sparklines: a trend in a few cells.

use crate::{
    model::{
        series::Sample,
        time::{TimeRange, nanos},
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
    fn nothing_and_one_sample_are_drawn() {
        assert_eq!(drawn(&[], 3), "   ");
        assert_eq!(drawn(&[(0, f64::INFINITY)], 3), "   ");
        assert_eq!(drawn(&[(80, 2.0)], 3), "  ▇");
        assert_eq!(drawn(&[(80, 2.0)], 0), "");
    }
}
