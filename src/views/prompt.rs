//! A text that is typed into a view's footer: a search, a filter, a query.

use crossterm::event::KeyEvent;

use crate::ui::{
    field::{Field, Typed},
    text::{truncate, width},
};

/// A text field with its label.
pub(super) struct Prompt {
    label: &'static str,
    field: Field,
    /// Columns of the footer.
    width: u16,
    /// What is said after the text: how many matches, what is wrong.
    pub(super) note: String,
}

impl Prompt {
    pub(super) fn new(label: &'static str, text: &str, width: u16) -> Self {
        Self { label, field: Field::new(text), width, note: String::new() }
    }

    pub(super) fn key(&mut self, width: u16, key: KeyEvent) -> Typed {
        self.width = width;
        self.field.key(key)
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.field.paste(text);
    }

    pub(super) fn text(&self) -> &str {
        self.field.text()
    }

    /// The footer's line and the cursor's column in it.
    pub(super) fn line(&self) -> (String, u16) {
        let label = u16::try_from(width(self.label)).unwrap_or(0) + 1;
        let note = truncate(&self.note, usize::from(self.width / 2), "");
        let room = self.width.saturating_sub(label + u16::try_from(width(&note)).unwrap_or(0) + 4).max(4);
        let (text, column) = self.field.visible(room);
        (format!(" {}{text}   {note}", self.label), label + column)
    }
}
