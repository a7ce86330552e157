//! The graph: lines in braille over time, with axes, thresholds, marks and dots. A pure function of data and area.

mod axis;
mod canvas;
mod ends;
mod heat;
mod plane;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, time::Duration};

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};

pub use self::{
    axis::Unit,
    heat::Heat,
    plane::{Extent, Plane, TimeAxis},
};
use self::{
    axis::{Scale, duration_scale, value_scale},
    canvas::Canvas,
};
use super::text::{put, width};
use crate::{
    app::Shared,
    model::{
        series::Sample,
        time::{TimeRange, Timestamp, nanos},
    },
    theme::Role,
};

/// One line.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Its samples by time. NaN is a gap.
    pub samples: Cow<'a, [Sample]>,
    /// Its colour.
    pub style: Style,
    /// Whether the area below it is filled. A later line lies on top.
    pub fill: bool,
    /// Text at its end: name and last value. Empty: none.
    pub end: String,
}

impl Line<'_> {
    /// The text at its end, or the name in it alone.
    fn end_text(&self, name: bool) -> &str {
        self.end.split(' ').next().filter(|_| name).unwrap_or(&self.end)
    }
}

/// What a line hides: the lowest and the highest value around each of its samples.
#[derive(Clone, Debug)]
pub struct Band<'a> {
    /// By time.
    pub low: &'a [Sample],
    /// By time.
    pub high: &'a [Sample],
    /// Its colour.
    pub style: Style,
}

/// A mark at an instant.
#[derive(Clone, Debug)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// The character on the axis.
    pub glyph: &'static str,
    /// A few words, shown where there is room.
    pub label: String,
    /// Its colour.
    pub style: Style,
    /// Whether a dotted line goes through the whole graph.
    pub line: bool,
}

/// A single observation.
#[derive(Clone, Copy, Debug)]
pub struct Dot {
    /// When.
    pub at: Timestamp,
    /// Its value.
    pub value: f64,
    /// Whether it is the selected one.
    pub selected: bool,
    /// Whether it failed.
    pub failed: bool,
}

/// A horizontal line.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// Where.
    pub value: f64,
    /// Text at its end.
    pub label: String,
}

/// A graph to be drawn.
#[derive(Clone, Debug)]
pub struct Chart<'a> {
    /// What the width stands for.
    pub range: TimeRange,
    /// How far apart samples are: two further apart than this (and a bit) have a gap between them.
    pub step: Duration,
    /// Unit of the values.
    pub unit: Unit,
    /// Bands, behind all lines.
    pub bands: Vec<Band<'a>>,
    /// The lines; a later one lies on top.
    pub lines: Vec<Line<'a>>,
    /// Threshold lines.
    pub thresholds: Vec<Threshold>,
    /// Marks.
    pub marks: Vec<Mark>,
    /// Exemplars.
    pub dots: Vec<Dot>,
    /// The value cursor.
    pub cursor: Option<Timestamp>,
    /// Whether the first word of a line's end is its name: it stays alone where the value has no room.
    pub named: bool,
    /// Whether equal ratios of the values, which are durations in seconds then, have equal heights.
    pub log: bool,
}

/// Where the parts of a graph lie.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Lines and dots.
    plot: Rect,
    /// Texts at the lines' ends.
    ends: Rect,
    /// Whether these are the lines' names alone.
    names: bool,
    /// Whether there is an axis of time below.
    axis: bool,
}

/// The narrowest plot that still gives room away to texts at the ends.
const MIN_PLOT: u16 = 20;
/// Room for the words of a threshold on the narrowest graph that has any.
const LEAST_WORDS: usize = 12;

impl<'a> Chart<'a> {
    /// An empty graph.
    pub fn new(range: TimeRange, step: Duration, unit: Unit) -> Self {
        Self {
            range,
            step,
            unit,
            bands: Vec::new(),
            lines: Vec::new(),
            thresholds: Vec::new(),
            marks: Vec::new(),
            dots: Vec::new(),
            cursor: None,
            named: false,
            log: false,
        }
    }

    /// Draws it.
    pub fn render(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let scale = self.scale(area.height);
        let layout = self.layout(area, &scale);
        self.draw_axes(shared, area, layout, &scale, buf);
        if layout.plot.is_empty() {
            return;
        }
        self.draw_thresholds(shared, layout, &scale, buf);
        self.draw_mark_lines(shared, layout.plot, buf);
        self.draw_lines(shared, layout.plot, &scale, buf);
        self.draw_dots(shared, layout.plot, &scale, buf);
        self.draw_cursor(shared, layout.plot, buf);
        self.draw_marks(layout, buf);
        self.draw_ends(shared, layout, &scale, buf);
    }

    /// The plot's columns as instants; `None` where there is no room for a plot.
    pub fn time_axis(&self, area: Rect) -> Option<TimeAxis> {
        let plot = self.layout(area, &self.scale(area.height)).plot;
        (!plot.is_empty()).then_some(TimeAxis { area: plot, range: self.range })
    }

    /// The plot's cells as instants and values; `None` where there is no room for a plot.
    pub fn plane(&self, area: Rect) -> Option<Plane> {
        let scale = self.scale(area.height);
        let plot = self.layout(area, &scale).plot;
        (!plot.is_empty()).then_some(Plane { plot, range: self.range, scale })
    }

    /// The dot at a place, or else the nearest one in a cell beside it.
    pub fn dot_at(&self, area: Rect, at: Position) -> Option<usize> {
        let scale = self.scale(area.height);
        let plot = self.layout(area, &scale).plot;
        let away = |dot: &Dot| {
            let (x, y) = (self.column(dot.at, plot)?, scale.row(dot.value, plot));
            Some(x.abs_diff(at.x).max(y.abs_diff(at.y)))
        };
        let dots = self.dots.iter().enumerate().filter(|(_, d)| d.value.is_finite() && plot.contains(at));
        dots.filter_map(|(i, dot)| Some((away(dot)?, i))).filter(|(away, _)| *away <= 1).min().map(|(_, i)| i)
    }

    fn scale(&self, height: u16) -> Scale {
        let bands = self.bands.iter().flat_map(|b| b.low.iter().chain(b.high));
        let values = self.lines.iter().flat_map(|l| l.samples.iter()).chain(bands).filter(|s| self.range.contains(s.at)).map(|s| s.value);
        let others = self.thresholds.iter().map(|t| t.value).chain(self.dots.iter().map(|d| d.value));
        let (all, rows) = (values.chain(others), height.saturating_sub(1));
        if self.log { duration_scale(all, rows) } else { value_scale(all, rows, self.unit) }
    }

    fn layout(&self, area: Rect, scale: &Scale) -> Layout {
        let labels = scale.ticks.iter().map(|(_, text)| width(text)).max().unwrap_or(0);
        let left = u16::try_from(labels).unwrap_or(0) + 1;
        let left = if area.width >= left + 8 { left } else { 0 };
        let axis = area.height >= 3;
        let ends = |names: bool, thresholds: bool| {
            // The words of a threshold may be many: they are cut rather than the graph.
            let most = usize::from(area.width / 4).max(LEAST_WORDS);
            let thresholds = self.thresholds.iter().filter(|_| thresholds).map(|t| width(&t.label).min(most));
            let widths: Vec<usize> = self.lines.iter().map(|l| width(l.end_text(names))).chain(thresholds).filter(|w| *w > 0).collect();
            let lacking = widths.len().saturating_sub(usize::from(area.height - u16::from(axis)));
            // What is not written is counted behind the last one.
            let count = if lacking > 0 { width(&format!(" +{lacking}")) } else { 0 };
            let widest = widths.into_iter().max().map_or(0, |widest| widest + count);
            let ends = u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(1);
            (ends > 1 && area.width >= left.saturating_add(MIN_PLOT).saturating_add(ends)).then_some((ends, names))
        };
        // The names of the lines are wanted most.
        let named = || ends(true, true).or_else(|| ends(true, false)).filter(|_| self.named);
        let (ends, names) = ends(false, true).or_else(named).unwrap_or_default();
        let plot = Rect::new(area.x + left, area.y, area.width - left - ends, area.height - u16::from(axis));
        Layout { plot, ends: Rect { x: plot.right(), width: ends, ..plot }, names, axis }
    }

    /// Where an instant lies, 0 at the left edge to 1 at the right edge.
    fn share(&self, at: Timestamp) -> f64 {
        let whole = nanos(self.range.duration()).max(1) as f64;
        (at.0.saturating_sub(self.range.start.0)) as f64 / whole
    }

    fn column(&self, at: Timestamp, plot: Rect) -> Option<u16> {
        let share = self.share(at);
        let column = (share * f64::from(plot.width)).floor().clamp(0.0, f64::from(plot.width) - 1.0);
        ((-1e-9..=1.0 + 1e-9).contains(&share)).then_some(plot.x + column as u16)
    }

    fn draw_thresholds(&self, shared: &Shared, layout: Layout, scale: &Scale, buf: &mut Buffer) {
        let style = shared.theme.style(Role::Threshold);
        for threshold in self.thresholds.iter().filter(|t| t.value.is_finite()) {
            let y = scale.row(threshold.value, layout.plot);
            for x in layout.plot.x..layout.plot.right() {
                put(buf, Rect::new(x, y, 1, 1), x, shared.glyphs.dashed, style);
            }
        }
    }

    fn draw_mark_lines(&self, shared: &Shared, plot: Rect, buf: &mut Buffer) {
        for mark in self.marks.iter().filter(|m| m.line) {
            let Some(x) = self.column(mark.at, plot) else { continue };
            for y in plot.y..plot.bottom() {
                put(buf, Rect::new(x, y, 1, 1), x, shared.glyphs.dotted, mark.style);
            }
        }
    }

    fn draw_lines(&self, shared: &Shared, plot: Rect, scale: &Scale, buf: &mut Buffer) {
        let mut canvas = Canvas::new(plot);
        for (owner, band) in self.bands.iter().enumerate() {
            self.draw_band(&mut canvas, self.lines.len() + owner, band, scale);
        }
        for (owner, line) in self.lines.iter().enumerate() {
            let points = line.samples.iter().filter(|s| self.range.contains(s.at) && !s.value.is_nan());
            let mut previous: Option<(Timestamp, (usize, usize))> = None;
            for sample in points {
                let point = canvas.dot(self.share(sample.at), scale.share(sample.value));
                let joined = previous.filter(|(at, _)| !self.is_gap(*at, sample.at));
                canvas.segment(joined.map_or(point, |(_, p)| p), point, owner, line.fill);
                previous = Some((sample.at, point));
            }
        }
        let bands = &self.bands;
        canvas.render(shared.glyphs, buf, |owner| self.lines.get(owner).map_or_else(|| bands[owner - self.lines.len()].style, |l| l.style));
    }

    /// From the lowest to the highest value at each instant; the highest ones are joined, so that no peak stands alone.
    fn draw_band(&self, canvas: &mut Canvas, owner: usize, band: &Band<'_>, scale: &Scale) {
        let mut previous: Option<(Timestamp, (usize, usize))> = None;
        for high in band.high.iter().filter(|s| self.range.contains(s.at) && !s.value.is_nan()) {
            let top = canvas.dot(self.share(high.at), scale.share(high.value));
            let low = band.low.binary_search_by_key(&high.at, |s| s.at).map_or(high.value, |i| band.low[i].value);
            let bottom = canvas.dot(self.share(high.at), scale.share(if low.is_nan() { high.value } else { low }));
            canvas.segment(bottom, top, owner, false);
            if let Some((_, from)) = previous.filter(|(at, _)| !self.is_gap(*at, high.at)) {
                canvas.segment(from, top, owner, false);
            }
            previous = Some((high.at, top));
        }
    }

    /// Whether a sample is missing between two instants. A step and three quarters: jitter of the grid is no gap.
    fn is_gap(&self, from: Timestamp, to: Timestamp) -> bool {
        nanos(to.since(from)) > nanos(self.step).saturating_mul(7) / 4
    }

    fn draw_dots(&self, shared: &Shared, plot: Rect, scale: &Scale, buf: &mut Buffer) {
        let (selected, others): (Vec<&Dot>, Vec<&Dot>) = self.dots.iter().filter(|d| d.value.is_finite()).partition(|d| d.selected);
        let mut places: Vec<(u16, u16, &Dot)> =
            others.into_iter().filter_map(|d| Some((scale.row(d.value, plot), self.column(d.at, plot)?, d))).collect();
        places.sort_by_key(|(row, column, dot)| (*row, *column, dot.failed));
        let mut last: Option<(u16, u16)> = None;
        // Of a row of dots without a gap every other one is left out, so that the line below it is seen.
        places.retain(|(row, column, _)| {
            let beside = last.is_some_and(|(r, c)| r == *row && column.abs_diff(c) == 1);
            last = if beside { last } else { Some((*row, *column)) };
            !beside
        });
        for dot in places.into_iter().map(|(.., dot)| dot).chain(selected) {
            let Some(x) = self.column(dot.at, plot) else { continue };
            let (glyph, role) = if dot.failed { (shared.glyphs.times, Role::Bad) } else { (shared.glyphs.diamond, Role::Exemplar) };
            let mut style = shared.theme.style(role);
            if dot.selected {
                style = shared.theme.style(Role::Accent).add_modifier(Modifier::BOLD | Modifier::REVERSED);
            }
            put(buf, Rect::new(x, scale.row(dot.value, plot), 1, 1), x, glyph, style);
        }
    }

    fn draw_cursor(&self, shared: &Shared, plot: Rect, buf: &mut Buffer) {
        let Some(x) = self.cursor.and_then(|at| self.column(at, plot)) else { return };
        let style = shared.theme.style(Role::Accent);
        for y in plot.y..plot.bottom() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                if cell.symbol() == " " || cell.symbol() == shared.glyphs.dashed {
                    cell.set_symbol(shared.glyphs.vertical).set_style(style);
                } else {
                    cell.modifier.insert(Modifier::REVERSED);
                }
            }
        }
    }

    /// The marks' characters on the axis and their words where the plot is empty.
    fn draw_marks(&self, layout: Layout, buf: &mut Buffer) {
        let plot = layout.plot;
        for mark in &self.marks {
            let Some(x) = self.column(mark.at, plot) else { continue };
            if layout.axis {
                put(buf, Rect::new(x, plot.bottom(), 1, 1), x, mark.glyph, mark.style);
            }
            if mark.label.is_empty() {
                continue;
            }
            let needed = u16::try_from(width(&mark.label) + 2).unwrap_or(u16::MAX);
            let places = (plot.y..plot.bottom()).rev().flat_map(|y| [(x, y, true), (x.saturating_sub(needed - 1), y, false)]);
            let free = |&(from, y, _): &(u16, u16, bool)| {
                from >= plot.x
                    && from.saturating_add(needed) <= plot.right()
                    && (from..from + needed).all(|cx| buf.cell((cx, y)).is_some_and(|c| c.symbol() == " " || (mark.line && cx == x)))
            };
            if let Some((from, y, is_right)) = places.clone().find(free) {
                let text = if is_right { format!("{} {}", mark.glyph, mark.label) } else { format!("{} {}", mark.label, mark.glyph) };
                put(buf, Rect::new(from, y, needed, 1), from, &text, mark.style);
            }
        }
    }
}

/// The sample that a cursor at `at` means: the nearest one, if it is at most a step away.
pub fn value_at(samples: &[Sample], at: Timestamp, step: Duration) -> Option<f64> {
    let after = samples.partition_point(|s| s.at < at);
    let near = samples.get(after.saturating_sub(1)..(after + 1).min(samples.len()))?;
    near.iter().filter(|s| s.at.0.abs_diff(at.0) <= nanos(step).unsigned_abs()).min_by_key(|s| s.at.0.abs_diff(at.0)).map(|s| s.value)
}

/// Each series with the ones before it added, at the instants that any has: the lines of a stack, bottom first.
pub fn stack(series: &[&[Sample]]) -> Vec<Vec<Sample>> {
    let mut sums: std::collections::BTreeMap<Timestamp, f64> = std::collections::BTreeMap::new();
    for sample in series.iter().flat_map(|s| s.iter()) {
        sums.entry(sample.at).or_insert(0.0);
    }
    series
        .iter()
        .map(|samples| {
            for s in samples.iter().filter(|s| s.value.is_finite()) {
                if let Some(sum) = sums.get_mut(&s.at) {
                    *sum += s.value;
                }
            }
            sums.iter().map(|(at, value)| Sample { at: *at, value: *value }).collect()
        })
        .collect()
}
