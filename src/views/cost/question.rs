//! The question on the page: how much would be read, and what can be done.

use crossterm::event::MouseEvent;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Cost, Offer, Reading, Row};
use crate::{
    core::command::Command,
    model::series::Matrix,
    theme::Role,
    ui::{
        format,
        table::{Cell, Column, Table, visible_rows},
        text::{put, wrap},
    },
    views::{Look, Pointed},
};

/// From this height on the words have an empty row below.
const ROOMY: u16 = 10;

/// What the user is asked.
pub(in crate::views) struct Question {
    words: String,
    /// What can be done.
    pub(in crate::views) rows: Vec<Row>,
}

impl Question {
    /// The words and the place of the rows.
    fn parts(&self, area: Rect) -> (Vec<String>, Rect) {
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let mut lines = wrap(&self.words, usize::from(inner.width));
        lines.truncate(usize::from(area.height.saturating_sub(3)));
        let gap = if area.height >= ROOMY { 1 } else { 0 };
        let words = u16::try_from(lines.len()).unwrap_or(u16::MAX) + 2 * gap;
        let rows = Rect { y: area.y + words.min(area.height), height: area.height.saturating_sub(words), ..area };
        (lines, rows)
    }
}

impl Cost {
    /// What is asked where so much would be read.
    pub(in crate::views) fn question(&self, look: &Look<'_>, readings: &[Reading], size: u64, over_time: Option<&Matrix>) -> Question {
        let words = self.words(look, readings, size);
        Question { words, rows: self.offers(look, readings, size, over_time) }
    }

    fn words(&self, look: &Look<'_>, readings: &[Reading], size: u64) -> String {
        let services = self.services_read(look, readings);
        let of = services.filter(|n| *n > 1).map_or_else(String::new, |n| format!(" of {}", format::counted(n, "service")));
        let limit = look.shared.settings.ask_above.unwrap_or_default();
        let window = self.main(readings).map_or(look.scope.window, |reading| reading.window);
        let before = readings.iter().map(|reading| reading.reach.before).max().filter(|before| !before.is_zero());
        let before = before.map_or_else(String::new, |before| format!(" and the {} before", format::span(before)));
        format!(
            "This would read {}{of} over {}{before}: more than {}, above which redline asks first (ask_above in config.toml).",
            format::bytes(size as f64),
            format::span(window.range(look.now).duration()),
            format::bytes(limit as f64)
        )
    }

    pub(in crate::views) fn draw_question(&self, question: &Question, focused: bool, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let (lines, table) = question.parts(area);
        let first = area.y + u16::from(area.height >= ROOMY);
        for (y, line) in (first..area.bottom()).zip(&lines) {
            put(buf, Rect { y, height: 1, ..area }, area.x + 1, line, shared.theme.style(Role::Warn));
        }
        let rows = &question.rows;
        let columns = [Column::text("INSTEAD OR ANYWAY", 20, 60), Column::number("READS", 9)];
        let style = shared.theme.style(Role::Text);
        Table { columns: &columns, rows: rows.len(), state: &self.table, focused }.render(shared, table, buf, |row, column| {
            rows.get(row).map_or_else(Cell::default, |row| match column {
                0 => Cell::new(row.words.clone(), style),
                _ => Cell::new(format::bytes(row.bytes as f64), style),
            })
        });
    }

    /// Moves in the rows. Returns false for commands that do not.
    pub(in crate::views) fn move_in(&mut self, question: &Question, command: Command, area: Rect) -> bool {
        let (_, table) = question.parts(area);
        self.table.command(command, question.rows.len(), visible_rows(table))
    }

    /// What the mouse does to the rows.
    pub(in crate::views) fn point_at(&mut self, question: &Question, event: MouseEvent, area: Rect) -> Pointed {
        let (_, table) = question.parts(area);
        self.table.mouse(event, table, question.rows.len())
    }

    /// The row that is selected.
    pub(in crate::views) fn chosen(&self, rows: Vec<Row>) -> Option<Row> {
        rows.into_iter().nth(self.table.selected)
    }

    /// Selects an offer where it is now: answers bring rows above it.
    pub(in crate::views) fn choose(&mut self, offer: &Offer, rows: &[Row]) {
        if let Some(row) = rows.iter().position(|row| row.offer == *offer) {
            self.table.selected = row;
        }
    }
}
