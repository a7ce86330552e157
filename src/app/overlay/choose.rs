//! A list to choose one row from.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Done, draw_box, middle, row_style, scroll};
use crate::{
    theme::Role,
    ui::text::{put, truncate, width},
    views::Look,
};

/// Rows with a name, a text beside it, and what choosing them means.
pub(in crate::app) struct Choose {
    title: &'static str,
    rows: Vec<(String, String, Done)>,
    selected: usize,
}

impl Choose {
    pub(in crate::app) fn new(title: &'static str, rows: Vec<(String, String, Done)>) -> Self {
        Self { title, rows, selected: 0 }
    }

    pub(in crate::app) fn key(&mut self, key: KeyEvent) -> Done {
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return Done::Close,
            KeyCode::Enter => return self.rows.get(self.selected).map_or(Done::Close, |(_, _, done)| done.clone()),
            KeyCode::Down | KeyCode::Char('j') => self.selected = (self.selected + 1).min(self.rows.len().saturating_sub(1)),
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char(c @ '1'..='9') => {
                let n = c as usize - '1' as usize;
                return self.rows.get(n).map_or(Done::Open, |(_, _, done)| done.clone());
            }
            _ => {}
        }
        Done::Open
    }

    /// A click on a line of the box chooses its row.
    pub(super) fn click(&self, line: usize, height: u16) -> Option<Done> {
        self.rows.get(scroll(self.selected, height) + line).map(|(_, _, done)| done.clone())
    }

    fn names(&self) -> usize {
        self.rows.iter().map(|(name, _, _)| width(name)).max().unwrap_or(0)
    }

    pub(super) fn place(&self, area: Rect) -> Rect {
        let texts = self.rows.iter().map(|(_, text, _)| width(text)).max().unwrap_or(0);
        let wanted = u16::try_from(self.names() + texts + 12).unwrap_or(u16::MAX).max(30);
        middle(area, wanted, u16::try_from(self.rows.len() + 2).unwrap_or(u16::MAX))
    }

    pub(in crate::app) fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        let names = self.names();
        let inner = draw_box(look, self.place(area), self.title, "Enter or number chooses, Esc closes", buf);
        let first = scroll(self.selected, inner.height);
        for (y, (i, (name, text, _))) in (inner.y..inner.bottom()).zip(self.rows.iter().enumerate().skip(first)) {
            let row = Rect::new(inner.x, y, inner.width, 1);
            let selected = i == self.selected;
            let style = row_style(theme, selected);
            if selected {
                put(buf, row, row.x, look.shared.glyphs.selected, theme.style(Role::SelectionBar));
            }
            let number = if i < 9 { (i + 1).to_string() } else { String::new() };
            put(buf, row, row.x + 2, &number, theme.style(Role::Accent));
            let x = put(buf, row, row.x + 4, name, style).max(row.x + 4 + u16::try_from(names).unwrap_or(0)) + 2;
            let room = usize::from(row.right().saturating_sub(x));
            put(buf, row, x, &truncate(text, room, look.shared.glyphs.ellipsis), theme.style(Role::Dim));
        }
    }
}
