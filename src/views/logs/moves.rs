//! What keys and the mouse do to the list and to what it shows.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{Logs, Wanted, fields::NEARBY, ids, list::Screen};
use crate::{
    core::command::{Command, ViewKind},
    model::{log::Level, time::TimeRange},
    store::Show,
    ui::table::WHEEL,
    views::{Act, Cx, Pointed},
};

/// Cells that the text of the lines moves by, and the furthest it goes.
const SHIFT: usize = 20;
const MOST_SHIFT: usize = 16 << 10;

impl Logs {
    pub(super) fn settle(&mut self, cx: &Cx<'_>) {
        let screen = self.screen(&cx.look, cx.area);
        self.go_on_filtering(screen.height);
        self.select_wanted(&screen);
        self.list.settle(&self.store, &screen);
        if self.list.follow {
            self.left = self.store.mark();
        }
        self.see(cx, &screen);
        self.note_question(&cx.look);
        self.note_passing(&cx.look);
        self.note_width(cx.area.width);
        self.count_lines(&cx.look);
    }

    /// Takes note of what is on the screen: what is told of each line depends on it.
    fn see(&mut self, cx: &Cx<'_>, screen: &Screen) {
        for placed in self.list.visible(&self.store, screen) {
            self.columns.see(&placed.line, &cx.look);
        }
    }

    pub(super) fn list_height(&self, area: Rect) -> usize {
        usize::from(self.places(area).list.height)
    }

    pub(super) fn show(&mut self, cx: &Cx<'_>, change: impl FnOnce(&mut Show)) {
        let mut show = self.store.show().clone();
        change(&mut show);
        self.store.set_show(show);
        self.stop_filtering();
        self.settle(cx);
    }

    pub(super) fn go(&mut self, i: usize, cx: &Cx<'_>) {
        let screen = self.screen(&cx.look, cx.area);
        self.wanted = None;
        self.spree = 0;
        self.list.follow = false;
        self.list.select(&self.store, i, &screen);
        self.detail.another();
        self.see(cx, &screen);
    }

    pub(super) fn cycle_level(&mut self, cx: &mut Cx<'_>) {
        let level = match self.level() {
            Level::Unknown => Level::Error,
            Level::Error => Level::Warn,
            _ => Level::Unknown,
        };
        self.set_level(cx, level);
        cx.notice(match level {
            Level::Warn => "warnings and worse",
            Level::Error => "errors only",
            _ => "all levels",
        });
    }

    pub(super) fn set_level(&mut self, cx: &Cx<'_>, level: Level) {
        self.narrow(cx, |show| show.level = level);
    }

    pub(super) fn set_paused(&mut self, cx: &Cx<'_>, paused: bool) {
        self.list.follow = !paused;
        if !paused {
            self.wanted = None;
        }
        let held = paused.then(|| self.store.mark());
        self.show(cx, |show| show.held = held);
    }

    pub(super) fn drill(&mut self, cx: &mut Cx<'_>) {
        let Some(line) = self.line() else { return };
        let traces = ids::traces(&line, &self.record(&line), &cx.look.shared.settings.trace_ids);
        let own = line.trace;
        let span = |trace| line.span.filter(|_| own == Some(trace));
        let near = TimeRange::new(line.id.at, line.id.at);
        let open = |trace| Act::Push(ViewKind::Waterfall, Box::new(cx.look.scope.with_trace_near(trace, span(trace), near)));
        let act = match traces.as_slice() {
            [] => None,
            [(trace, _)] => Some(open(*trace)),
            several => {
                let rows = several.iter().map(|(trace, from)| (trace.to_string(), from.clone(), open(*trace)));
                Some(Act::Choose("traces of this line", rows.collect()))
            }
        };
        let refused = act.as_ref().and_then(|_| self.lacks_tempo(&cx.look));
        if let Some(why) = refused {
            cx.notice(why);
        }
        match act.filter(|_| refused.is_none()) {
            Some(act) => {
                // The way back ends on this line, whatever has arrived by then.
                self.list.follow = false;
                self.wanted = None;
                cx.acts.push(act);
            }
            None => {
                self.set_in_detail(!self.in_detail);
                self.detail.select_key(NEARBY);
            }
        }
    }

    /// Goes into the detail, which stays on its line, or out of it.
    pub(super) fn set_in_detail(&mut self, inside: bool) {
        self.in_detail = inside;
        self.counts = None;
        if inside {
            self.list.follow = false;
        }
    }

    pub(super) fn shift_text(&mut self, right: bool) {
        self.shift = if right { (self.shift + SHIFT).min(MOST_SHIFT) } else { self.shift.saturating_sub(SHIFT) };
    }

    pub(super) fn move_or_scroll(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let places = self.places(cx.area);
        if self.in_detail {
            if let Some(counts) = &mut self.counts {
                return counts.command(command, places.sheet);
            }
            let items = self.items(&cx.look);
            return self.detail.command(command, &items, places.sheet);
        }
        let screen = self.screen(&cx.look, cx.area);
        let moved = self.list.command(&self.store, command, &screen);
        if moved {
            self.wanted = None;
            self.detail.another();
            self.spree = 0;
            if let Some(oldest) = self.store.oldest().filter(|_| command == Command::Top && self.is_filtering()) {
                // Which line is the first one is not known yet.
                self.wanted = Some(Wanted::Time(oldest));
            }
            self.settle(cx);
            self.tell_full(cx, command);
        }
        moved
    }

    fn click_field(&mut self, cx: &Cx<'_>, sheet: Rect, event: MouseEvent) {
        match &mut self.counts {
            Some(counts) => counts.click(event, sheet),
            None if self.builder.open => self.click_condition(usize::from(event.row - sheet.y)),
            None => {
                let items = self.items(&cx.look);
                self.detail.click(&items, sheet, event.column, event.row);
            }
        }
    }

    pub(super) fn pointed(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        if self.patterns.open {
            return self.pattern_pointed(cx, event);
        }
        if let Some(pointed) = self.question_pointed(cx, event) {
            return pointed;
        }
        let places = self.places(cx.area);
        let at = Position::new(event.column, event.row);
        let step = match event.kind {
            MouseEventKind::ScrollDown => Some(Command::Down),
            MouseEventKind::ScrollUp => Some(Command::Up),
            MouseEventKind::Down(MouseButton::Left) => None,
            _ => return Pointed::Nothing,
        };
        let inside = places.sheet.contains(at);
        if !inside && !places.list.contains(at) {
            return Pointed::Nothing;
        }
        if let Some(step) = step {
            // The wheel moves what is under it, and leaves the keys where they are.
            let in_detail = std::mem::replace(&mut self.in_detail, inside);
            let used = (0..WHEEL).fold(false, |used, _| self.move_or_scroll(cx, step) || used);
            self.in_detail = in_detail;
            return if used { Pointed::Used } else { Pointed::Nothing };
        }
        if inside != self.in_detail {
            self.set_in_detail(inside);
        }
        if !self.in_detail {
            let row = isize::try_from(event.row - places.list.y).unwrap_or(0);
            let visible = self.list.visible(&self.store, &self.screen(&cx.look, cx.area));
            let Some(id) = visible.iter().rev().find(|p| p.row <= row).map(|p| p.line.id) else { return Pointed::Nothing };
            let i = self.store.position(id);
            self.go(i, cx);
            return Pointed::Item;
        }
        self.click_field(cx, places.sheet, event);
        Pointed::Used
    }
}
