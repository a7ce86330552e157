//! The question on the page: how much would be read, and what can be done.

use crossterm::event::MouseEvent;
use ratatui::{buffer::Buffer, layout::Rect};

use super::super::Logs;
use crate::{
    core::command::Command,
    theme::Role,
    ui::{
        format,
        table::{Cell, Column, Table, TableState, visible_rows},
        text::{put, truncate, width, wrap},
    },
    views::{Cx, Look, Pointed},
};

/// From this height on the words have an empty row below.
const ROOMY: u16 = 10;

impl Logs {
    /// Whether keys choose from something other than lines: a range of the volume, or an answer to the question.
    pub(in super::super) fn chooses(&self) -> bool {
        self.brush.is_some() || self.cost.asks
    }

    /// The keys for the footer while something is chosen.
    pub(in super::super) fn hints_of_choice(&self) -> Option<&'static [Command]> {
        use Command::{Drill, EditQuery, Fold, Pause, TimePicker, Unfold, ValueCursor};
        match (self.brush.is_some(), self.cost.asks) {
            (true, _) => Some(&[Drill, Pause, Fold, Unfold, ValueCursor]),
            (false, true) => Some(&[Drill, ValueCursor, TimePicker, EditQuery]),
            (false, false) => None,
        }
    }

    /// Words for a key while something is chosen.
    pub(in super::super) fn hint_of_choice(&self, command: Command) -> Option<&'static str> {
        let brushes = self.brush.is_some();
        match command {
            Command::Drill => Some(if brushes { "this window" } else { "take it" }),
            Command::Fold if brushes => Some("earlier"),
            Command::Unfold if brushes => Some("later"),
            Command::Pause if brushes => Some("from here"),
            Command::ValueCursor => Some(if brushes { "give up" } else { "choose a range" }),
            _ => None,
        }
    }

    /// The query, and what is above the rows.
    pub(in super::super) fn title_of_question(&self, look: &Look<'_>, size: u64, room: usize) -> String {
        let glyphs = look.shared.glyphs;
        let rest = format!(" {} would read {}", glyphs.horizontal.repeat(2), format::bytes(size as f64));
        let query = self.plan(look).map_or_else(|| "logs".to_owned(), |plan| plan.base);
        truncate(&query, room.saturating_sub(width(&rest)), glyphs.ellipsis) + &rest
    }

    /// What is asked, in words.
    fn words_of_question(&self, look: &Look<'_>, size: u64) -> String {
        let services = self.plan(look).and_then(|plan| self.services_read(look, &plan));
        let of = services.filter(|n| *n > 1).map_or_else(String::new, |n| format!(" of {}", format::counted(n, "service")));
        let limit = look.shared.settings.ask_above.unwrap_or_default();
        format!(
            "This would read {}{of} over {}: more than {}, above which redline asks first (ask_above in config.toml).",
            format::bytes(size as f64),
            format::span(look.range().duration()),
            format::bytes(limit as f64)
        )
    }

    /// The words and the rows.
    fn parts_of_question(&self, look: &Look<'_>, size: u64, area: Rect) -> (Vec<String>, Rect) {
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let mut lines = wrap(&self.words_of_question(look, size), usize::from(inner.width));
        lines.truncate(usize::from(area.height.saturating_sub(3)));
        let gap = if area.height >= ROOMY { 1 } else { 0 };
        let words = u16::try_from(lines.len()).unwrap_or(u16::MAX) + 2 * gap;
        let rows = Rect { y: area.y + words.min(area.height), height: area.height.saturating_sub(words), ..area };
        (lines, rows)
    }

    pub(in super::super) fn draw_question(&self, look: &Look<'_>, size: u64, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let (lines, table) = self.parts_of_question(look, size, area);
        let first = area.y + u16::from(area.height >= ROOMY);
        for (y, line) in (first..area.bottom()).zip(&lines) {
            put(buf, Rect { y, height: 1, ..area }, area.x + 1, line, shared.theme.style(Role::Warn));
        }
        let rows = self.offers(look, size);
        let columns = [Column::text("INSTEAD OR ANYWAY", 20, 60), Column::number("READS", 9)];
        let state = self.cost.table;
        let style = shared.theme.style(Role::Text);
        Table { columns: &columns, rows: rows.len(), state: &state, focused: true }.render(shared, table, buf, |row, column| {
            rows.get(row).map_or_else(Cell::default, |row| match column {
                0 => Cell::new(row.words.clone(), style),
                _ => Cell::new(format::bytes(row.bytes as f64), style),
            })
        });
    }

    /// What a command means to the question. `None`: what it means elsewhere.
    pub(in super::super) fn question_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        let size = self.question(&cx.look).filter(|_| !self.patterns.open && !self.in_detail)?;
        let rows = self.offers(&cx.look, size);
        if command == Command::Drill {
            let row = rows.into_iter().nth(self.cost.table.selected)?;
            self.take(cx, row);
            return Some(true);
        }
        let (_, table) = self.parts_of_question(&cx.look, size, self.places(cx.area).list);
        self.cost.table.command(command, rows.len(), visible_rows(table)).then_some(true)
    }

    /// What the mouse does to the question. `None`: there is none.
    pub(in super::super) fn question_pointed(&mut self, cx: &Cx<'_>, event: MouseEvent) -> Option<Pointed> {
        let size = self.question(&cx.look)?;
        let rows = self.offers(&cx.look, size).len();
        let (_, table) = self.parts_of_question(&cx.look, size, self.places(cx.area).list);
        let mut state: TableState = self.cost.table;
        let pointed = state.mouse(event, table, rows);
        self.cost.table = state;
        Some(pointed)
    }
}
