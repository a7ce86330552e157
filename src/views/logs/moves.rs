//! What keys and the mouse do to the list and to what it shows.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{Logs, Told};
use crate::{
    core::command::{Command, ViewKind},
    model::log::Level,
    store::{Mark, Show},
    ui::table::WHEEL,
    views::{Cx, Pointed},
};

impl Logs {
    pub(super) fn settle(&mut self, area: Rect) {
        let height = self.list_height(area);
        self.select_wanted(height);
        self.list.settle(&self.store, height);
        if self.list.follow {
            self.left = self.store.mark();
        }
    }

    /// Selects the first line of the span that led here, until the user moves.
    fn select_wanted(&mut self, height: usize) {
        const LOOK_AT: usize = 20_000;
        let Some(span) = self.wanted else { return };
        if let Some(i) = self.store.window(0).take(LOOK_AT).position(|l| l.span == Some(span)) {
            self.list.follow = false;
            self.list.select(&self.store, i, height);
        }
    }

    pub(super) fn list_height(&self, area: Rect) -> usize {
        usize::from(self.places(area).list.height)
    }

    pub(super) fn show(&mut self, area: Rect, change: impl FnOnce(&mut Show)) {
        let mut show = self.store.show().clone();
        change(&mut show);
        self.store.set_show(show);
        self.settle(area);
    }

    fn go(&mut self, i: usize, area: Rect) {
        let height = self.list_height(area);
        self.wanted = None;
        self.spree = 0;
        self.list.follow = false;
        self.list.select(&self.store, i, height);
        self.scroll = 0;
    }

    pub(super) fn next_error(&mut self, cx: &mut Cx<'_>) {
        let at = self.list.index(&self.store).unwrap_or(0);
        match self.store.next_at_level(at, Level::Error) {
            None => cx.notice("no error among these lines"),
            Some(i) => {
                if i <= at {
                    cx.notice("no error after this line: from the first one again");
                }
                self.go(i, cx.area);
            }
        }
    }

    pub(super) fn cycle_level(&mut self, cx: &mut Cx<'_>) {
        let level = match self.level() {
            Level::Unknown => Level::Error,
            Level::Error => Level::Warn,
            _ => Level::Unknown,
        };
        // The server is asked for these levels alone, so that history reaches further back. Lines that are here stay.
        self.told = Told::default();
        self.left = self.left.by_time();
        self.show(cx.area, |show| {
            show.level = level;
            show.held = show.held.map(Mark::by_time);
        });
        cx.notice(match level {
            Level::Warn => "warnings and worse",
            Level::Error => "errors only",
            _ => "all levels",
        });
    }

    pub(super) fn set_paused(&mut self, cx: &Cx<'_>, paused: bool) {
        self.list.follow = !paused;
        let held = paused.then(|| self.store.mark());
        self.show(cx.area, |show| show.held = held);
    }

    pub(super) fn drill(&mut self, cx: &mut Cx<'_>) {
        let to = self.line().and_then(|l| l.trace.map(|t| (t, l.span)));
        match to {
            Some((trace, span)) => {
                // The way back ends on this line, whatever has arrived by then.
                self.list.follow = false;
                self.wanted = None;
                let scope = cx.look.scope.with_trace(trace, span);
                cx.push(ViewKind::Waterfall, scope);
            }
            None => self.in_detail = !self.in_detail,
        }
    }

    pub(super) fn move_or_scroll(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let places = self.places(cx.area);
        if self.in_detail {
            let sheet = self.sheet(&cx.look);
            return sheet.scroll(&mut self.scroll, command, places.sheet, cx.look.shared);
        }
        let moved = self.list.command(&self.store, command, usize::from(places.list.height));
        if moved {
            self.wanted = None;
            self.scroll = 0;
            self.spree = 0;
            self.settle(cx.area);
            self.tell_full(cx, command);
        }
        moved
    }

    pub(super) fn pointed(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let places = self.places(cx.area);
        let at = Position::new(event.column, event.row);
        let step = match event.kind {
            MouseEventKind::ScrollDown => Some(Command::Down),
            MouseEventKind::ScrollUp => Some(Command::Up),
            MouseEventKind::Down(MouseButton::Left) => None,
            _ => return Pointed::Nothing,
        };
        if places.sheet.contains(at) || places.list.contains(at) {
            self.in_detail = places.sheet.contains(at);
        } else {
            return Pointed::Nothing;
        }
        if let Some(step) = step {
            let used = (0..WHEEL).fold(false, |used, _| self.move_or_scroll(cx, step) || used);
            return if used { Pointed::Used } else { Pointed::Nothing };
        }
        if !self.in_detail {
            let row = isize::try_from(event.row - places.list.y).unwrap_or(0);
            let visible = self.list.visible(&self.store, usize::from(places.list.height));
            let Some(id) = visible.iter().rev().find(|p| p.row <= row).map(|p| p.line.id) else { return Pointed::Nothing };
            let i = self.store.position(id);
            self.go(i, cx.area);
            return Pointed::Item;
        }
        Pointed::Used
    }
}
