//! Draws the page: the queries, their results, and the list of what can be typed next.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    super::editor::{line, popup::Popup},
    NAMES, Query,
};
use crate::{
    core::typed::Language,
    theme::Role,
    ui::{panel::Panel, text::put},
    views::Look,
};

/// Cells before a query's text: the selection bar, its letter and a blank.
pub(super) const LEAD: u16 = 3;

impl Query {
    /// Lines that a query takes: its text, and what is wrong or how the function at the cursor is written.
    fn lines_of(&self, row: usize) -> u16 {
        let typing = self.editor.typing && row == self.focus;
        match self.rows[row].fault() {
            Some(_) => 3,
            None => 1 + u16::from(typing),
        }
    }

    /// Lines that all queries take.
    pub(super) fn lines(&self) -> u16 {
        (0..self.rows.len()).map(|row| self.lines_of(row)).sum()
    }

    /// The queries that are seen, each with its first line: as many as fit, the focused one among them.
    fn seen(&self, inner: Rect) -> Vec<(usize, u16)> {
        let mut first = self.focus;
        let mut room = inner.height.saturating_sub(self.lines_of(self.focus));
        while first > 0 && self.lines_of(first - 1) <= room {
            first -= 1;
            room -= self.lines_of(first);
        }
        let mut y = inner.y;
        let mut out = Vec::new();
        for row in first..self.rows.len() {
            if y >= inner.bottom() {
                break;
            }
            out.push((row, y));
            y += self.lines_of(row);
        }
        out
    }

    /// The query whose text is at a place, and the column in it.
    pub(super) fn line_at(&self, area: Rect, at: Position) -> Option<(usize, u16)> {
        let inner = Panel::inner(self.places(area).queries);
        let (row, y) = self.seen(inner).into_iter().find(|(_, y)| *y == at.y).filter(|_| inner.contains(at))?;
        debug_assert_eq!(y, at.y);
        Some((row, at.x.saturating_sub(inner.x + LEAD)))
    }

    /// The text that is typed, its place, and the list below it.
    pub(super) fn popup(&self, area: Rect) -> Popup<'_> {
        let inner = Panel::inner(self.places(area).queries);
        let y = self.seen(inner).iter().find(|(row, _)| *row == self.focus).map_or(inner.y, |(_, y)| *y);
        let line = Rect { x: inner.x + LEAD, y, width: inner.width.saturating_sub(LEAD).max(1), height: 1 };
        Popup { editor: &self.editor, text: &self.row().text, catalog: &self.catalog, pane: NAMES, line, area }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let places = self.places(area);
        self.render_queries(look, area, buf);
        for (i, place) in places.results.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
            self.render_result(i, look, *place, buf);
        }
        self.popup(area).render(look, buf);
    }

    fn render_queries(&self, look: &Look<'_>, page: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let area = self.places(page).queries;
        let several = self.rows.len() > 1;
        let note = if several { format!("{} of {}", self.focus + 1, self.rows.len()) } else { String::new() };
        let panel = Panel::new(self.languages()).focused(self.editor.typing).note(note);
        let inner = panel.render(shared, area, buf);
        for (row, y) in self.seen(inner) {
            let focused = row == self.focus;
            let height = self.lines_of(row).min(inner.bottom() - y);
            let line = Rect { y, height: 1, ..inner };
            if focused {
                put(buf, line, line.x, shared.glyphs.selected, shared.theme.style(Role::SelectionBar));
            }
            let letter = shared.theme.style(if focused { Role::Accent } else { Role::Dim });
            put(buf, line, line.x + 1, &letter_of(row), letter);
            let text = Rect { x: line.x + LEAD, width: line.width.saturating_sub(LEAD), ..line };
            if text.is_empty() {
                continue;
            }
            let typing = self.editor.typing && focused;
            let (row, fault) = (&self.rows[row], self.rows[row].fault());
            line::render(shared, &row.text, fault.as_ref(), typing, text, buf);
            let below = Rect { y: y + 1, height: height - 1, ..text };
            if below.is_empty() {
                continue;
            }
            match fault {
                Some(fault) => line::render_fault(shared, &row.text, &fault, typing, below, buf),
                None if typing => self.popup(page).render_call(look, below, buf),
                None => {}
            }
        }
    }

    /// `PromQL`, `LogQL`, or all that there are.
    fn languages(&self) -> String {
        let has = |language: &Language| self.rows.iter().any(|r| r.text.language == *language);
        [Language::PromQl, Language::LogQl, Language::TraceQl].into_iter().filter(has).map(Language::name).collect::<Vec<_>>().join(" and ")
    }
}

/// `a`, `b`, `c`…
pub(super) fn letter_of(row: usize) -> String {
    char::from(b'a' + u8::try_from(row % 26).unwrap_or(0)).to_string()
}
