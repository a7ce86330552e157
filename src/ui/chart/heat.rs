//! The heatmap: how many observations each bucket has over time, as blocks that are the higher the more there are.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{Chart, Layout, Mark, TimeAxis, Unit};
use crate::{
    app::Shared,
    model::{
        series::Sample,
        time::{TimeRange, Timestamp},
    },
    theme::Role,
    ui::text::{put, width},
};

/// A heatmap to be drawn.
#[derive(Clone, Debug)]
pub struct Heat {
    chart: Chart<'static>,
    /// Upper bound and observations of each bucket, the lowest first.
    buckets: Vec<(f64, Vec<Sample>)>,
}

/// Neighbouring buckets that share a row, and their highest bound.
struct Row {
    bound: f64,
    /// By column of the plot.
    counts: Vec<f64>,
}

impl Heat {
    /// Of buckets in the order of their upper bounds; those beyond the lowest and the highest observation are left out.
    pub fn new(range: TimeRange, step: Duration, mut buckets: Vec<(f64, Vec<Sample>)>) -> Self {
        let is_empty = |b: &(f64, Vec<Sample>)| b.1.iter().all(|s| s.value.is_nan() || s.value <= 0.0);
        while buckets.len() > 1 && buckets.last().is_some_and(is_empty) {
            buckets.pop();
        }
        let low = buckets.iter().take_while(|b| is_empty(b)).count();
        buckets.drain(..low.min(buckets.len().saturating_sub(1)));
        Self { chart: Chart::new(range, step, Unit::Seconds), buckets }
    }

    /// With marks and the value cursor.
    #[must_use]
    pub fn marked(mut self, marks: Vec<Mark>, cursor: Option<Timestamp>) -> Self {
        (self.chart.marks, self.chart.cursor) = (marks, cursor);
        self
    }

    /// The plot's columns as instants; `None` where there is no room for a plot.
    pub fn time_axis(&self, area: Rect) -> Option<TimeAxis> {
        let plot = self.layout(area).plot;
        (!plot.is_empty()).then_some(TimeAxis { area: plot, range: self.chart.range })
    }

    /// Draws it.
    pub fn render(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let layout = self.layout(area);
        let plot = layout.plot;
        if layout.axis {
            self.chart.draw_time_axis(shared, area, plot, buf);
        }
        if plot.is_empty() {
            return;
        }
        let rows = self.rows(plot);
        let most = rows.iter().flat_map(|r| &r.counts).copied().fold(0.0, f64::max);
        for y in 0..plot.height {
            // Fewer rows than the plot is high: each is as high as it can be.
            let row = usize::from(y) * rows.len() / usize::from(plot.height);
            let place = Rect { y: plot.bottom() - 1 - y, height: 1, ..plot };
            self.draw_row(shared, &rows[row], most, place, buf);
            let is_highest = (usize::from(y) + 1) * rows.len() / usize::from(plot.height) != row;
            if is_highest {
                label(shared, area, place, rows[row].bound, buf);
            }
        }
        self.chart.draw_cursor(shared, plot, buf);
        self.chart.draw_marks(layout, buf);
    }

    fn draw_row(&self, shared: &Shared, row: &Row, most: f64, place: Rect, buf: &mut Buffer) {
        let style = shared.theme.style(Role::P95);
        for (i, count) in row.counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            // By the root: a few that are slow stay visible beside many that are fast.
            let share = (count / most).sqrt();
            let level = ((share * 8.0).ceil() as usize).clamp(1, 8);
            let style = if share >= 0.75 { style.add_modifier(Modifier::BOLD) } else { style };
            let x = place.x + u16::try_from(i).unwrap_or(0);
            put(buf, Rect { x, width: 1, ..place }, x, shared.glyphs.levels[level - 1], style);
        }
    }

    fn layout(&self, area: Rect) -> Layout {
        let labels = self.buckets.iter().map(|b| width(&text(b.0))).max().unwrap_or(0);
        let left = u16::try_from(labels).unwrap_or(0) + 1;
        let left = if area.width >= left + 8 { left } else { 0 };
        let axis = area.height >= 3;
        let plot = Rect::new(area.x + left, area.y, area.width - left, area.height - u16::from(axis));
        Layout { plot, ends: Rect { x: plot.right(), width: 0, ..plot }, names: false, axis }
    }

    /// The buckets as rows, as many as the plot is high at the most. A column shows the most of what is in it.
    fn rows(&self, plot: Rect) -> Vec<Row> {
        let together = self.buckets.len().div_ceil(usize::from(plot.height.max(1))).max(1);
        let columns = usize::from(plot.width);
        let rows = self.buckets.chunks(together).map(|group| {
            let mut counts = vec![0.0f64; columns];
            for (_, samples) in group {
                let mut own = vec![0.0f64; columns];
                for (sample, next) in samples.iter().zip(samples.iter().skip(1).map(Some).chain([None])) {
                    let Some(from) = self.chart.column(sample.at, plot) else { continue };
                    let until = next.filter(|n| !self.chart.is_gap(sample.at, n.at)).and_then(|n| self.chart.column(n.at, plot));
                    for x in from..until.unwrap_or(from).max(from + 1) {
                        let cell = &mut own[usize::from(x - plot.x)];
                        *cell = cell.max(sample.value);
                    }
                }
                counts.iter_mut().zip(own).for_each(|(all, one)| *all += one);
            }
            Row { bound: group.last().map_or(f64::NAN, |b| b.0), counts }
        });
        rows.collect()
    }
}

fn label(shared: &Shared, area: Rect, place: Rect, bound: f64, buf: &mut Buffer) {
    if place.x == area.x {
        return;
    }
    let style = shared.theme.style(Role::Dim);
    let text = text(bound);
    let x = (place.x - 1).saturating_sub(u16::try_from(width(&text)).unwrap_or(0)).max(area.x);
    put(buf, Rect { x: area.x, width: place.x - 1 - area.x, ..place }, x, &text, style);
    put(buf, Rect { x: place.x - 1, width: 1, ..place }, place.x - 1, shared.glyphs.joints[1], style);
}

/// A bucket's upper bound.
fn text(bound: f64) -> String {
    if bound.is_infinite() { "more".to_owned() } else { Unit::Seconds.tick(bound) }
}
