//! The mouse: clicks on the frame and the view, double clicks, and a range of time dragged over a graph.

use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Modifier,
};

use super::{
    App, Urgency,
    frame::{self, Target},
};
use crate::{
    core::command::Command,
    model::time::{TimeRange, TimeWindow, Timestamp},
    ui::{
        chart::{Extent, TimeAxis},
        format,
    },
    views::{Look, Pointed, View},
};

/// Between the two clicks of a double one.
const DOUBLE: Duration = Duration::from_millis(400);
/// Columns that a range has at least: a hand that shakes means a click.
const LEAST: u16 = 2;

/// What the mouse did before.
#[derive(Default)]
pub(super) struct Pointer {
    /// The last click, which a second one makes a double click.
    clicked: Option<(Timestamp, Position)>,
    drag: Option<Drag>,
}

/// A button held down over a graph.
struct Drag {
    axis: TimeAxis,
    from: Position,
    to: Position,
    /// What its corners stood for when they were set, where its rows count as well: what is drawn below them moves on.
    corners: Option<(Extent, Extent)>,
}

impl Drag {
    /// The chosen columns; none as long as it is a click.
    fn columns(&self) -> Option<(u16, u16)> {
        let (from, to) = (self.from.x, self.to.x);
        (from.abs_diff(to) >= LEAST).then(|| (from.min(to), from.max(to)))
    }

    /// The chosen box; none as long as it is a click.
    fn extent(&self) -> Option<Extent> {
        self.columns()?;
        self.corners.map(|(from, to)| from.with(to))
    }

    /// The cells that are chosen: of a box where it is now, else all rows.
    fn cells(&self, view: &dyn View, look: &Look<'_>, area: Rect) -> Option<Rect> {
        let (first, last) = self.columns()?;
        match self.extent() {
            Some(extent) => view.plane(look, area)?.covering(extent),
            None => Some(Rect { x: first, width: last - first + 1, ..self.axis.area }),
        }
    }

    fn range(&self) -> Option<TimeRange> {
        let (first, last) = self.columns()?;
        Some(TimeRange { start: self.axis.column(first).start, end: self.axis.column(last).end })
    }
}

impl Pointer {
    /// Forgets a range that is being dragged; returns whether there was one.
    pub(super) fn let_go(&mut self) -> bool {
        self.drag.take().is_some_and(|d| d.columns().is_some())
    }

    /// The chosen range in words.
    pub(super) fn note(&self, view: &dyn View, look: &Look<'_>, area: Rect) -> Option<String> {
        let drag = self.drag.as_ref()?;
        let range = drag.range()?;
        if let Some(extent) = drag.extent() {
            return Some(format!("{}   release narrows, Esc cancels", view.box_words(look, extent)));
        }
        if let Some(words) = drag.columns().and_then(|columns| view.dragged_words(look, area, columns)) {
            return Some(format!("{words}   release zooms, Esc cancels"));
        }
        let (offset, zone) = &look.shared.settings.zone;
        let clock = |at| format::clock_seconds(at, *offset);
        let length = format::seconds(range.duration().as_secs_f64());
        let (dash, dot) = (look.shared.glyphs.dash, look.shared.glyphs.middle_dot);
        let held = view.held_in(look, range).map_or_else(String::new, |held| format!(" {dot} {held}"));
        Some(format!("{} {dash} {} {zone} {dot} {length}{held}   release zooms, Esc cancels", clock(range.start), clock(range.end)))
    }

    /// Shows the chosen range on its graph.
    pub(super) fn render(&self, view: &dyn View, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(cells) = self.drag.as_ref().and_then(|drag| drag.cells(view, look, area)) else { return };
        for at in cells.intersection(buf.area).positions() {
            buf[at].modifier.toggle(Modifier::REVERSED);
        }
    }
}

impl App {
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        if let Some(mut overlay) = self.overlay.take() {
            let done = overlay.mouse(&self.look(), self.top().view.kind(), self.size, event);
            self.overlay = Some(overlay);
            if let Some(done) = done {
                self.mark(Urgency::Input);
                self.overlay_done(done);
            }
            return;
        }
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.pressed_at(event),
            MouseEventKind::Drag(MouseButton::Left) => self.dragged_to(Position::new(event.column, event.row)),
            MouseEventKind::Up(MouseButton::Left) => self.released(),
            _ => {
                self.point(event);
            }
        }
    }

    fn pressed_at(&mut self, event: MouseEvent) {
        let at = Position::new(event.column, event.row);
        self.pointer.let_go();
        let before = self.pointer.clicked.take();
        let target = self.frame().target_at(self.size, at);
        if self.notice.take().is_some() {
            self.mark(Urgency::Input);
        }
        match target {
            Some(Target::Page(depth)) => {
                self.keep_draft_of_all_above(depth);
                self.mark(Urgency::Input);
            }
            Some(Target::Type(key)) => self.key(key),
            Some(Target::Run(command)) => {
                self.pressed.clear();
                self.mark(Urgency::Input);
                self.run(command);
            }
            None if frame::body(self.size).contains(at) => self.pressed_in_view(event, at, before),
            None => {}
        }
    }

    fn pressed_in_view(&mut self, event: MouseEvent, at: Position, before: Option<(Timestamp, Position)>) {
        let pointed = self.point(event);
        let twice = before.is_some_and(|(when, place)| place == at && self.now.since(when) <= DOUBLE);
        if twice && pointed == Pointed::Item {
            self.run(Command::Drill);
            return;
        }
        self.pointer.clicked = Some((self.now, at));
        let (look, body) = (self.look(), self.body());
        let view = &self.top().view;
        let corner = view.plane(&look, body).and_then(|plane| plane.cells(Rect::new(at.x, at.y, 1, 1)));
        let axis = view.time_axis(&look, body, at);
        self.pointer.drag = axis.map(|axis| Drag { axis, from: at, to: at, corners: corner.map(|at| (at, at)) });
    }

    fn dragged_to(&mut self, to: Position) {
        let Some(drag) = &mut self.pointer.drag else { return };
        let area = drag.axis.area;
        let within = |at: u16, first: u16, end: u16| at.clamp(first, end.max(first + 1) - 1);
        let to = Position::new(within(to.x, area.x, area.right()), within(to.y, area.y, area.bottom()));
        drag.to = to;
        self.pointer.clicked = None;
        let plane = self.top().view.plane(&self.look(), self.body());
        let corner = plane.and_then(|plane| plane.cells(Rect::new(to.x, to.y, 1, 1)));
        if let Some(((_, held), corner)) = self.pointer.drag.as_mut().and_then(|drag| drag.corners.as_mut()).zip(corner) {
            *held = corner;
        }
        self.mark(Urgency::Input);
    }

    fn released(&mut self) {
        let Some(drag) = self.pointer.drag.take() else { return };
        let (Some(range), Some(columns)) = (drag.range(), drag.columns()) else { return };
        if let Some(extent) = drag.extent() {
            self.with_view(|view, cx| view.dragged_box(cx, extent));
            return self.mark(Urgency::Input);
        }
        let mut is_taken = false;
        self.with_view(|view, cx| is_taken = view.dragged(cx, columns));
        if is_taken {
            return self.mark(Urgency::Input);
        }
        let end = range.end.max(range.start + TimeWindow::MIN);
        self.set_window(TimeWindow::Fixed(TimeRange { start: range.start, end }));
    }

    /// Lets the view have an event.
    fn point(&mut self, event: MouseEvent) -> Pointed {
        let mut pointed = Pointed::Nothing;
        self.with_view(|view, cx| pointed = view.mouse(cx, event));
        if pointed != Pointed::Nothing {
            self.mark(Urgency::Input);
        }
        pointed
    }
}

#[cfg(test)]
mod tests;
