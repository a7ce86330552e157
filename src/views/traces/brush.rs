//! A box in the dots: its time becomes the window, its durations conditions. By keys the cursor moves over the dots and a second
//! corner is set; with the mouse it is dragged.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Modifier,
};

use super::{Traces, rows::Row};
use crate::{
    core::command::Command,
    model::{
        time::{TimeRange, TimeWindow, Timestamp},
        trace::TraceHit,
    },
    ui::{
        chart::{Extent, Plane},
        format,
    },
    views::{Act, Cx, Look},
};

/// Where a cursor is until there is a place for it.
const NOWHERE: Extent = Extent { time: TimeRange { start: Timestamp::ZERO, end: Timestamp::ZERO }, values: (0.0, 0.0) };
/// Cells of the cursor for a key that moves by pages.
const PAGE: i32 = 10;
const MILLISECOND: u64 = 1_000_000;

/// How long traces take: those that are as long as the first at the least, and shorter than the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) least: Duration,
    pub(super) below: Option<Duration>,
}

impl Lengths {
    /// Of a box of durations in seconds. Servers tell durations in whole milliseconds: all that are shown in it are.
    fn of(low: f64, high: f64) -> Self {
        let whole = |seconds: f64| (seconds * 1e3).floor().clamp(0.0, 1e15) as u64;
        let ms = |n: u64| Duration::from_nanos(n.saturating_mul(MILLISECOND));
        let below = high.is_finite().then(|| ms(whole(high) + 1));
        Self { least: if low > 0.0 { ms(whole(low)) } else { Duration::ZERO }, below }
    }

    pub(super) fn has(&self, ns: i64) -> bool {
        let ns = u128::try_from(ns).unwrap_or(0);
        ns >= self.least.as_nanos() && self.below.is_none_or(|below| ns < below.as_nanos())
    }

    /// `200 ms to 4.00 s`
    pub(super) fn words(&self) -> String {
        let seconds = |d: Duration| format::seconds(d.as_secs_f64());
        match self.below {
            Some(below) => format!("{} to {}", seconds(self.least), seconds(below)),
            None => format!("from {} on", seconds(self.least)),
        }
    }
}

/// How long the traces in a box take.
fn lengths(extent: Extent) -> Lengths {
    Lengths::of(extent.values.0, extent.values.1)
}

/// The cursor and the other corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Brush {
    at: Extent,
    from: Option<Extent>,
}

impl Brush {
    /// The cursor so many cells further; one that the window has left behind begins at its edge.
    fn moved(self, by: (i32, i32), plane: &Plane) -> Self {
        let plot = plane.plot;
        let edge = || Rect::new(plot.x, plot.bottom() - 1, 1, 1);
        let cell = plane.covering(self.at).unwrap_or_else(edge);
        let to = |at: u16, by: i32, first: u16, size: u16| {
            (i32::from(at) + by).clamp(i32::from(first), i32::from(first) + i32::from(size.max(1)) - 1) as u16
        };
        let cell = Rect::new(to(cell.x, by.0, plot.x, plot.width), to(cell.y, by.1, plot.y, plot.height), 1, 1);
        Self { at: plane.cells(cell).unwrap_or(self.at), ..self }
    }

    /// All of the box.
    pub(super) fn extent(self) -> Extent {
        self.from.map_or(self.at, |from| self.at.with(from))
    }
}

/// The window and the durations before a box was taken.
pub(super) type Before = (TimeWindow, Option<Lengths>);

impl Traces {
    /// What a key does to the box. `None`: it means what it means elsewhere.
    pub(super) fn brush_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        let Some(brush) = self.brush else {
            return match command {
                Command::ValueCursor => Some(self.begin_brush(cx)),
                Command::Back | Command::Widen if !self.boxes.is_empty() => Some(self.widen(cx)),
                _ => None,
            };
        };
        let Some(plane) = self.plane_of_dots(&cx.look, cx.area) else {
            self.brush = None;
            return None;
        };
        let extended = Brush { from: brush.from.or(Some(brush.at)), ..brush };
        let next = match command {
            Command::Fold => brush.moved((-1, 0), &plane),
            Command::Unfold => brush.moved((1, 0), &plane),
            Command::ShiftLeft => extended.moved((-1, 0), &plane),
            Command::ShiftRight => extended.moved((1, 0), &plane),
            Command::Up => brush.moved((0, -1), &plane),
            Command::Down => brush.moved((0, 1), &plane),
            Command::PageUp => brush.moved((-PAGE, 0), &plane),
            Command::PageDown => brush.moved((PAGE, 0), &plane),
            Command::Top => brush.moved((0, i32::from(i16::MIN)), &plane),
            Command::Bottom => brush.moved((0, i32::from(i16::MAX)), &plane),
            // A box that was begun is begun anew, at the cursor.
            Command::Pause => Brush { from: Some(brush.at), ..brush },
            Command::Back | Command::ValueCursor => {
                self.brush = None;
                return Some(true);
            }
            Command::Drill => {
                self.narrow(cx, brush.extent());
                return Some(true);
            }
            _ => return None,
        };
        self.brush = Some(next);
        Some(true)
    }

    /// Begins at the selected dot.
    fn begin_brush(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.list.rows.is_empty() {
            cx.notice("there are no dots to choose from");
            return true;
        }
        // Where there is no room for both, the dots take the list's while a box is chosen.
        self.brush = Some(Brush { at: NOWHERE, from: None });
        let Some(plane) = self.plane_of_dots(&cx.look, cx.area) else {
            self.brush = None;
            cx.notice("the screen is too small for the dots");
            return true;
        };
        let at = self.selected().and_then(|h| plane.place(h.start, h.duration_ns as f64 / 1e9));
        let middle = Position::new(plane.plot.x + plane.plot.width / 2, plane.plot.y + plane.plot.height / 2);
        let at = at.unwrap_or(middle);
        self.brush = plane.cells(Rect::new(at.x, at.y, 1, 1)).map(|at| Brush { at, from: None });
        true
    }

    /// Has a box narrow the search.
    pub(super) fn narrow(&mut self, cx: &mut Cx<'_>, extent: Extent) {
        self.brush = None;
        self.boxes.push((cx.look.scope.window, self.lengths));
        self.lengths = Some(lengths(extent));
        self.live = false;
        let range = TimeRange { start: extent.time.start, end: extent.time.end.max(extent.time.start + TimeWindow::MIN) };
        cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(TimeWindow::Fixed(range)))));
    }

    /// Takes the last box back.
    fn widen(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some((window, lengths)) = self.boxes.pop() else { return false };
        self.lengths = lengths;
        cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(window))));
        true
    }

    /// `14:43:10 – 14:47:00 UTC · 200 ms to 4.00 s · 12 traces, 5 failed`
    pub(super) fn boxed(&self, look: &Look<'_>, extent: Extent) -> String {
        let (range, lengths) = (extent.time, lengths(extent));
        let is_in = |h: &&TraceHit| range.contains(h.start) && lengths.has(h.duration_ns);
        let hits = || self.list.rows.iter().filter_map(|r| if let Row::Hit(i) = r { self.hits().get(*i) } else { None });
        let (all, failed) = (hits().filter(is_in).count(), hits().filter(is_in).filter(|h| self.is_error(h)).count());
        let (offset, zone) = &look.shared.settings.zone;
        let (dash, dot) = (look.shared.glyphs.dash, look.shared.glyphs.middle_dot);
        let clock = |at| format::clock_seconds(at, *offset);
        let held = format!("{}, {failed} failed", format::counted(all, "trace"));
        format!("{} {dash} {} {zone} {dot} {} {dot} {held}", clock(range.start), clock(range.end), lengths.words())
    }

    pub(super) fn draw_brush(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some((brush, plane)) = self.brush.zip(self.plane_of_dots(look, area)) else { return };
        let Some(cells) = plane.covering(brush.extent()) else { return };
        for at in cells.intersection(buf.area).positions() {
            buf[at].modifier.toggle(Modifier::REVERSED);
        }
    }
}
