//! A range of the volume, chosen by keys: the value cursor moves over it, a second end is set and pulled, and `Enter` makes it
//! the window. With the mouse it is dragged, as over any graph.

#[cfg(test)]
mod tests;

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{Logs, patterns::INSTANT, volume};
use crate::{
    core::command::Command,
    model::{
        series::Matrix,
        time::{TimeRange, TimeWindow, Timestamp, nanos},
    },
    ui::{chart::TimeAxis, format},
    views::{Act, Cx, Look},
};

/// Steps of the cursor for a key that moves by pages.
const PAGE: i64 = 10;

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Brush {
    /// The start of the cell under the cursor.
    at: Timestamp,
    /// The start of the cell that the range was begun in.
    from: Option<Timestamp>,
    /// The first of two windows whose patterns are to be compared.
    other: Option<TimeRange>,
    /// The length of a cell: as many steps of the counts as the narrowest column of the screen shows.
    cell: Duration,
}

impl Brush {
    /// At the end of what is counted.
    fn new(matrix: &Matrix, columns: u16) -> Self {
        let step = nanos(matrix.step).max(1);
        let steps = nanos(matrix.range.duration()).div_euclid(step * i64::from(columns.max(1))).max(0) + 1;
        let cell = Duration::from_nanos((step * steps).unsigned_abs());
        let brush = Self { at: matrix.range.end, from: None, other: None, cell };
        Self { at: brush.first_of(Timestamp(matrix.range.end.0 - 1)), ..brush }
    }

    fn first_of(&self, at: Timestamp) -> Timestamp {
        at.align_down(self.cell)
    }

    /// The chosen range, as far as anything is counted of it: the first step ends where the counts begin.
    fn range(&self, matrix: &Matrix) -> TimeRange {
        let from = self.from.unwrap_or(self.at);
        let (first, last) = (self.at.min(from), self.at.max(from));
        let begin = matrix.range.start - matrix.step;
        TimeRange { start: first.max(begin), end: (last + self.cell).min(matrix.range.end).max(first) }
    }

    pub(super) fn moved(self, cells: i64, matrix: &Matrix) -> Self {
        let to = Timestamp(self.at.0.saturating_add(nanos(self.cell).saturating_mul(cells)));
        let (first, last) = (self.first_of(matrix.range.start - matrix.step), self.first_of(Timestamp(matrix.range.end.0 - 1)));
        Self { at: to.clamp(first, last.max(first)), ..self }
    }
}

impl Logs {
    /// What a key does to the range. `None`: it means what it means elsewhere.
    pub(super) fn brush_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        if self.patterns.open {
            // What is not to be seen is not moved.
            self.brush = None;
        }
        let Some(brush) = self.brush else {
            return (command == Command::ValueCursor).then(|| self.begin_brush(cx));
        };
        let Some(matrix) = self.volume.value() else {
            self.brush = None;
            return None;
        };
        let extended = Brush { from: brush.from.or(Some(brush.at)), ..brush };
        let next = match command {
            Command::Fold | Command::Left => brush.moved(-1, matrix),
            Command::Unfold | Command::Right => brush.moved(1, matrix),
            Command::ShiftLeft => extended.moved(-1, matrix),
            Command::ShiftRight => extended.moved(1, matrix),
            Command::PageUp => brush.moved(-PAGE, matrix),
            Command::PageDown => brush.moved(PAGE, matrix),
            Command::Top => brush.moved(i64::MIN / 2, matrix),
            Command::Bottom => brush.moved(i64::MAX / 2, matrix),
            // A range that was begun is begun anew, at the cursor.
            Command::Pause => Brush { from: Some(brush.at), ..brush },
            Command::Back | Command::ValueCursor => {
                self.brush = None;
                return Some(true);
            }
            Command::Drill => {
                let range = brush.range(matrix);
                self.brush = None;
                // The last step may end in the future, where lines of a server are counted; a step of those that are held ends
                // before the next one.
                let end = if self.files.is_some() { range.end - INSTANT } else { range.end.min(cx.look.now) };
                let end = end.max(range.start + TimeWindow::MIN);
                cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(TimeWindow::Fixed(TimeRange { end, ..range })))));
                return Some(true);
            }
            Command::ChooseWindows => {
                let range = brush.range(matrix);
                return Some(self.window_chosen(cx, brush, range));
            }
            _ => return None,
        };
        self.brush = Some(next);
        Some(true)
    }

    /// Takes a range for one of two windows whose patterns are compared; with the second one they are shown.
    fn window_chosen(&mut self, cx: &mut Cx<'_>, brush: Brush, range: TimeRange) -> bool {
        let Some(other) = brush.other else {
            self.brush = Some(Brush { from: None, other: Some(range), ..brush });
            let key = cx.look.shared.keymap.key(Command::ChooseWindows).unwrap_or_default();
            cx.notice(format!("now the other window: {key} takes it and compares the patterns of both"));
            return true;
        };
        if range.start < other.end && other.start < range.end {
            cx.notice("the two windows have lines in common: choose another one");
            return true;
        }
        self.brush = None;
        let (before, after) = if range.start < other.start { (range, other) } else { (other, range) };
        self.compare_brushed(cx, before, TimeRange { end: after.end.min(cx.look.now), ..after });
        true
    }

    fn begin_brush(&mut self, cx: &mut Cx<'_>) -> bool {
        let area = self.places(cx.area).volume();
        let columns = self.volume.value().map(|matrix| volume::columns(matrix, self.volume_is_bytes, &cx.look, area));
        match (self.volume.value(), columns) {
            (Some(matrix), Some(columns)) if area.height > 0 && columns > 0 => {
                self.brush = Some(Brush::new(matrix, columns));
                // The volume is above the lines.
                self.patterns.open = false;
            }
            _ if self.in_detail => cx.notice("the volume is above the lines: go back to them first"),
            _ => cx.notice("there is no volume to choose a range of"),
        }
        true
    }

    /// `14:43:10 – 14:47:00 UTC · 3m50s · 1,204 lines: 1,100 error, 104 warn`
    pub(super) fn brushed(&self, look: &Look<'_>) -> Option<String> {
        let range = self.brush?.range(self.volume.value()?);
        let (offset, zone) = &look.shared.settings.zone;
        let (dash, dot) = (look.shared.glyphs.dash, look.shared.glyphs.middle_dot);
        let clock = |at| format::clock_seconds(at, *offset);
        let length = format::span(range.duration());
        let held = self.volume_in(look, range)?;
        let other = self.brush?.other.map_or_else(String::new, |o| format!(" {dot} with {} {dash} {}", clock(o.start), clock(o.end)));
        Some(format!("{} {dash} {} {zone}{other} {dot} {length} {dot} {held}", clock(range.start), clock(range.end)))
    }

    /// How much there is in a range: `1,204 lines: 1,100 error, 104 warn`, or bytes.
    pub(super) fn volume_in(&self, look: &Look<'_>, range: TimeRange) -> Option<String> {
        let matrix = self.volume.value()?;
        let parts = volume::within(matrix, self.volume_is_bytes, look, range);
        let total: f64 = parts.iter().map(|(_, n)| n).sum();
        if self.volume_is_bytes {
            return Some(format::bytes(total));
        }
        let lines = format::counted(total.round() as usize, "line");
        let parts: Vec<String> = parts.iter().map(|(name, n)| format!("{} {name}", format::count(n.round() as u64))).collect();
        let unread = match (self.is_partly_unread(look, range), &self.files) {
            (false, _) => "",
            (true, Some(_)) => ", not all was read",
            (true, None) => ", not all may be kept",
        };
        Some(if parts.is_empty() { format!("{lines}{unread}") } else { format!("{lines}: {}{unread}", parts.join(", ")) })
    }

    /// Shows the range on every trend of the volume.
    pub(super) fn draw_brush(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (Some(brush), Some(matrix)) = (self.brush, self.volume.value()) else { return };
        for TimeAxis { area: trend, range: whole } in volume::axes(matrix, self.volume_is_bytes, look, area) {
            let share = |at: Timestamp| at.since(whole.start).as_secs_f64() / whole.duration().as_secs_f64().max(1e-9);
            let column = |at: Timestamp| (share(at) * f64::from(trend.width)) as u16;
            let columns = [Some(brush.range(matrix)), brush.other].into_iter().flatten().map(|range| {
                // A count is drawn where its step ends.
                let first = column(range.start + matrix.step).min(trend.width.saturating_sub(1));
                first..=column(range.end).clamp(first, trend.width.saturating_sub(1))
            });
            let columns: Vec<_> = columns.collect();
            for x in (0..trend.width).filter(|x| columns.iter().any(|columns| columns.contains(x))) {
                if let Some(cell) = buf.cell_mut((trend.x + x, trend.y)) {
                    cell.modifier.toggle(Modifier::REVERSED);
                }
            }
        }
    }
}
