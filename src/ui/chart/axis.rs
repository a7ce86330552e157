//! The axes: round numbers, and how they are drawn.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Chart, Layout, Mark};
use crate::{
    app::Shared,
    model::time::{TimeRange, Timestamp, nanos},
    theme::Role,
    ui::{
        format,
        text::{put, width},
    },
};

/// What the values of a graph are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    #[default]
    Plain,
    /// Something a second.
    Rate,
    /// A share, 0 to 1.
    Share,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// A value with its unit, three significant digits.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Plain => format::number(value),
            Self::Rate => format::rate(value),
            Self::Share => format::percent(value),
            Self::Seconds => format::seconds(value),
            Self::Bytes => format::bytes(value),
        }
    }

    /// A value that someone wrote, such as a threshold: without zeros at the end.
    pub fn constant(self, value: f64) -> String {
        format::without_zeros(&self.show(value))
    }

    /// A round value at an axis, as short as it goes.
    pub(super) fn tick(self, value: f64) -> String {
        match self {
            Self::Plain | Self::Rate => short(value),
            Self::Share => format!("{}%", short(value * 100.0)),
            Self::Bytes => format::without_zeros(&format::bytes(value)),
            Self::Seconds if value == 0.0 => "0s".to_owned(),
            Self::Seconds if value >= 120.0 => duration_tick(value),
            Self::Seconds if value.abs() >= 1.0 => format!("{}s", short(value)),
            Self::Seconds if value.abs() >= 1e-3 => format!("{}ms", short(value * 1e3)),
            Self::Seconds => format!("{}us", short(value * 1e6)),
        }
    }
}

/// A round number without trailing zeros: `40`, `0.5`, `12k`.
fn short(value: f64) -> String {
    for (unit, name) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")] {
        if value.abs() >= unit {
            let by = if name == "k" { 1e3 } else { unit };
            return format!("{}{name}", plain(value / by));
        }
    }
    plain(value)
}

fn plain(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-4 || value.abs() >= 1e15) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The axis of values: its two ends and what is written beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Value at the lower edge.
    pub low: f64,
    /// Value at the upper edge.
    pub high: f64,
    /// Round values and their texts.
    pub ticks: Vec<(f64, String)>,
    /// Whether equal ratios have equal heights. Both edges are above zero then.
    pub log: bool,
}

impl Scale {
    /// Where a value lies, 0 at the lower edge to 1 at the upper edge; beyond them it is kept at the edge.
    pub fn share(&self, value: f64) -> f64 {
        let share = match self.log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The value at a share of the height.
    pub fn value(&self, share: f64) -> f64 {
        if self.log { self.low * (self.high / self.low).powf(share) } else { self.low + (self.high - self.low) * share }
    }

    /// The row of a plot that a value lies in.
    pub fn row(&self, value: f64, plot: Rect) -> u16 {
        let below = (self.share(value) * f64::from(plot.height)).floor().min(f64::from(plot.height.max(1) - 1));
        plot.y + plot.height.max(1) - 1 - below as u16
    }
}

/// 1, 2 or 5 times a power of ten, not less than `least`; where it is the only step, more of them, to waste no height.
fn round_up(least: f64, only: bool) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps: &[f64] = if only { &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0] } else { &[1.0, 2.0, 5.0, 10.0] };
    steps.iter().map(|m| m * power).find(|s| *s >= least * (1.0 - 1e-9)).unwrap_or(power * 10.0)
}

/// An axis from zero (or below, where values are negative) that holds all finite values, with round numbers.
pub fn value_scale(values: impl Iterator<Item = f64>, rows: u16, unit: Unit) -> Scale {
    // Beyond this the differences of two values are no longer finite.
    let sane = |v: &f64| v.is_finite() && v.abs() < 1e300;
    let (mut low, mut high) = values.filter(sane).fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    if high - low < 1e-300 {
        high = if unit == Unit::Share { 0.01 } else { 1.0 };
    }
    let wanted = f64::from((rows / 2).clamp(1, 5));
    let step = match unit {
        Unit::Seconds if high - low > wanted * SIXTIETHS => {
            let least = (high - low) / wanted;
            ROUND.into_iter().find(|step| *step >= least).unwrap_or_else(|| round_up(least, false))
        }
        Unit::Bytes => ((high - low) / wanted).log2().ceil().exp2(),
        _ => round_up((high - low) / wanted, rows < 4),
    };
    low = (low / step + 1e-9).floor() * step;
    high = (high / step - 1e-9).ceil() * step;
    let count = (((high - low) / step).round() as usize).clamp(1, 12);
    let ticks = (0..=count).map(|i| low + step * i as f64).map(|v| (v, unit.tick(v))).collect();
    Scale { low, high, ticks, log: false }
}

/// Steps of more seconds are of minutes, hours and days, not of tens.
const SIXTIETHS: f64 = 20.0;

/// What durations are rounded to, in seconds: each some times the one before.
const ROUND: [f64; 38] = [
    1e-6,
    2e-6,
    5e-6,
    1e-5,
    2e-5,
    5e-5,
    1e-4,
    2e-4,
    5e-4,
    1e-3,
    2e-3,
    5e-3,
    1e-2,
    2e-2,
    5e-2,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
    3600.0,
    7200.0,
    18_000.0,
    36_000.0,
    86_400.0,
    172_800.0,
    432_000.0,
    864_000.0,
    1_728_000.0,
    4_320_000.0,
];
/// Those of them that are written where not all have room.
const COARSE: [f64; 14] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0, 86_400.0, 864_000.0];

/// An axis of durations in seconds on which equal ratios have equal heights, between round ones.
pub fn duration_scale(values: impl Iterator<Item = f64>, rows: u16) -> Scale {
    let (mut low, mut high) = (f64::INFINITY, 0.0f64);
    for value in values.filter(|v| v.is_finite() && *v > 0.0) {
        (low, high) = (low.min(value), high.max(value));
    }
    if high == 0.0 {
        (low, high) = (1e-3, 1.0);
    }
    let (first, last) = (ROUND[0], ROUND[ROUND.len() - 1]);
    let low = ROUND.iter().rev().copied().find(|r| *r <= low).unwrap_or(first);
    let high = ROUND.iter().copied().find(|r| *r >= high && *r > low).unwrap_or(last);
    let low = if low < high { low } else { ROUND[ROUND.len() - 2] };
    let within = |all: &[f64]| all.iter().copied().filter(|r| (low..=high).contains(r)).collect::<Vec<f64>>();
    // Each has a row of its own, with one between.
    let room = usize::from(rows / 2 + 1).max(2);
    let all = within(&ROUND);
    let coarse = within(&COARSE);
    let chosen = if all.len() <= room {
        all
    } else if coarse.len() >= 2 {
        every(&coarse, room)
    } else {
        vec![low, high]
    };
    Scale { low, high, ticks: chosen.into_iter().map(|v| (v, duration_tick(v))).collect(), log: true }
}

/// As many as there is room for, evenly.
fn every(all: &[f64], room: usize) -> Vec<f64> {
    all.iter().copied().step_by(all.len().div_ceil(room.max(1)).max(1)).collect()
}

/// `10ms`, `30s`, `10m`, `2h`, `5d`
fn duration_tick(seconds: f64) -> String {
    match seconds {
        s if s >= 86_400.0 => format!("{}d", short(s / 86_400.0)),
        s if s >= 3600.0 => format!("{}h", short(s / 3600.0)),
        s if s >= 60.0 => format!("{}m", short(s / 60.0)),
        s => Unit::Seconds.tick(s),
    }
}

/// Round instants of a range with their clock texts, as many as fit into `columns`.
pub fn time_ticks(range: TimeRange, columns: u16, offset: i32) -> Vec<(Timestamp, String)> {
    const STEPS: [u64; 17] = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800];
    let seconds = range.duration().as_secs_f64();
    let per_label = if seconds < 300.0 { 12.0 } else { 9.0 };
    let room = (f64::from(columns) / per_label).max(1.0);
    let Some(step) = STEPS.iter().copied().find(|s| seconds / *s as f64 <= room) else { return Vec::new() };
    let step = Duration::from_secs(step);
    let zone = Duration::from_secs(u64::from(offset.unsigned_abs()));
    // Rounds in the zone that is shown: midnight is midnight there.
    let local = if offset < 0 { range.start - zone } else { range.start + zone };
    let first = local.align_down(step);
    let first = if offset < 0 { first + zone } else { first - zone };
    let text = |at| match step.as_secs() {
        86_400.. => format::day_clock(at, range.start, offset),
        60.. => format::clock(at, offset),
        _ => format::clock_seconds(at, offset),
    };
    let count = nanos(range.duration()) / nanos(step).max(1) + 2;
    let ticks = (0..count.clamp(0, 200)).map(|i| Timestamp(first.0.saturating_add(nanos(step).saturating_mul(i))));
    ticks.filter(|at| range.contains(*at)).map(|at| (at, text(at))).collect()
}

impl Chart<'_> {
    pub(super) fn draw_axes(&self, shared: &Shared, area: Rect, layout: Layout, scale: &Scale, buf: &mut Buffer) {
        let style = shared.theme.style(Role::Dim);
        let plot = layout.plot;
        if plot.x > area.x {
            let joint = shared.glyphs.joints[1];
            for y in plot.y..plot.bottom() {
                put(buf, Rect::new(plot.x - 1, y, 1, 1), plot.x - 1, shared.glyphs.vertical, style);
            }
            for (value, text) in &scale.ticks {
                let y = scale.row(*value, plot);
                put(buf, Rect::new(plot.x - 1, y, 1, 1), plot.x - 1, joint, style);
                let x = (plot.x - 1).saturating_sub(u16::try_from(width(text)).unwrap_or(0)).max(area.x);
                put(buf, Rect::new(area.x, y, plot.x - 1 - area.x, 1), x, text, style);
            }
        }
        if layout.axis {
            self.draw_time_axis(shared, area, plot, buf);
        }
    }

    pub(super) fn draw_time_axis(&self, shared: &Shared, area: Rect, plot: Rect, buf: &mut Buffer) {
        let style = shared.theme.style(Role::Dim);
        let row = Rect::new(plot.x, plot.bottom(), plot.width, 1);
        for x in row.x..row.right() {
            put(buf, row, x, shared.glyphs.horizontal, style);
        }
        if plot.x > area.x {
            put(buf, Rect::new(plot.x - 1, row.y, 1, 1), plot.x - 1, shared.glyphs.corners[2], style);
        }
        let mut free = row.x;
        for (at, text) in time_ticks(self.range, plot.width, shared.settings.zone.0) {
            let Some(x) = self.column(at, plot) else { continue };
            let w = u16::try_from(width(&text)).unwrap_or(0);
            let x = x.min(row.right().saturating_sub(w));
            let is_marked = |m: &Mark| self.column(m.at, plot).is_some_and(|mark| (x..x + w).contains(&mark));
            if x >= free && x + w <= row.right() && !self.marks.iter().any(is_marked) {
                free = put(buf, row, x, &text, style) + 2;
            }
        }
    }
}
