//! What a graph's cells stand for.

use ratatui::layout::{Position, Rect};

use super::axis::Scale;
use crate::model::time::{TimeRange, Timestamp, nanos};

/// The cells of a plot as instants and values.
#[derive(Clone, Debug)]
pub struct Plane {
    /// The place.
    pub plot: Rect,
    pub(super) range: TimeRange,
    pub(super) scale: Scale,
}

/// What cells of a [`Plane`] stood for when they were chosen: what is drawn moves on, and it stays around the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// From when to when.
    pub time: TimeRange,
    /// The least and the highest value, in the unit of the graph.
    pub values: (f64, f64),
}

impl Extent {
    /// What holds both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let time = TimeRange { start: self.time.start.min(other.time.start), end: self.time.end.max(other.time.end) };
        Self { time, values: (self.values.0.min(other.values.0), self.values.1.max(other.values.1)) }
    }
}

impl Plane {
    /// What cells stand for: from when to when, and from which value up to which; those at the lowest edge have all below it.
    pub fn cells(&self, cells: Rect) -> Option<Extent> {
        let cells = cells.intersection(self.plot);
        if cells.is_empty() {
            return None;
        }
        let axis = TimeAxis { area: self.plot, range: self.range };
        let time = TimeRange { start: axis.column(cells.x).start, end: axis.column(cells.right() - 1).end };
        let value = |y: u16| self.scale.value(f64::from(self.plot.bottom() - y) / f64::from(self.plot.height));
        let low = if cells.bottom() == self.plot.bottom() { f64::NEG_INFINITY } else { value(cells.bottom()) };
        Some(Extent { time, values: (low, value(cells.y)) })
    }

    /// The cells that an extent lies in, as far as they are in the plot: the inverse of [`Self::cells`].
    pub fn covering(&self, of: Extent) -> Option<Rect> {
        let Extent { time, values: (low, high) } = of;
        let (length, plot) = (nanos(self.range.duration()).max(1) as f64, self.plot);
        let column = |at: Timestamp| (at.0.saturating_sub(self.range.start.0) as f64 / length * f64::from(plot.width)).round();
        let row = |value: f64| ((1.0 - self.scale.share(value)) * f64::from(plot.height)).round();
        if time.end <= self.range.start || time.start >= self.range.end {
            return None;
        }
        let span = |from: f64, to: f64, size: u16| {
            let from = from.clamp(0.0, f64::from(size) - 1.0);
            (from as u16, to.clamp(from + 1.0, f64::from(size)) as u16)
        };
        let ((left, right), (top, bottom)) =
            (span(column(time.start), column(time.end), plot.width), span(row(high), row(low), plot.height));
        Some(Rect::new(plot.x + left, plot.y + top, right - left, bottom - top))
    }

    /// The cell of an instant and a value.
    pub fn place(&self, at: Timestamp, value: f64) -> Option<Position> {
        let share = at.0.saturating_sub(self.range.start.0) as f64 / nanos(self.range.duration()).max(1) as f64;
        let column = (share * f64::from(self.plot.width)).floor();
        let is_in = self.range.contains(at) && column < f64::from(self.plot.width);
        is_in.then(|| Position::new(self.plot.x + column as u16, self.scale.row(value, self.plot)))
    }
}

/// A place on the screen whose columns are instants: what a range of time can be dragged over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeAxis {
    /// The place.
    pub area: Rect,
    /// What its width stands for.
    pub range: TimeRange,
}

impl TimeAxis {
    /// The part of the range that a column stands for; the nearest one for a column outside.
    pub fn column(&self, column: u16) -> TimeRange {
        let width = self.area.width.max(1);
        let n = column.saturating_sub(self.area.x).min(width - 1);
        let at = |n: u16| self.range.start + self.range.duration().mul_f64(f64::from(n) / f64::from(width));
        TimeRange { start: at(n), end: at(n + 1) }
    }
}
