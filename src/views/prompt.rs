//! A text that is typed into a view's footer: a search, a filter, a query.

use crossterm::event::KeyEvent;

use crate::{
    store::Pattern,
    ui::{
        field::{Field, Typed},
        text::{truncate, width},
    },
};

/// A text field with its label.
#[derive(Debug)]
pub struct Prompt {
    label: &'static str,
    field: Field,
    /// What can be typed, said while there is nothing.
    forms: &'static str,
    /// What is said after the text: how many matches, what is wrong.
    pub(super) note: String,
}

/// A prompt as it is drawn.
#[derive(Debug, PartialEq, Eq)]
pub struct PromptLine {
    /// Label, text and note.
    pub text: String,
    /// What follows them, dim.
    pub forms: &'static str,
    /// The cursor's column.
    pub column: u16,
}

impl Prompt {
    pub(super) fn new(label: &'static str, text: &str, forms: &'static str) -> Self {
        Self { label, field: Field::new(text), forms, note: String::new() }
    }

    /// For what [`Pattern::parse`] takes.
    pub(super) fn pattern(pattern: Option<&Pattern>) -> Self {
        Self::new("/", pattern.map_or("", Pattern::as_str), Pattern::FORMS)
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Typed {
        self.field.key(key)
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.field.paste(text);
    }

    pub(super) fn replace(&mut self, text: &str) {
        self.field = Field::new(text);
    }

    pub(super) fn text(&self) -> &str {
        self.field.text()
    }

    /// As it fits into the footer.
    pub fn line(&self, columns: u16) -> PromptLine {
        let label = u16::try_from(width(self.label)).unwrap_or(0) + 1;
        if self.text().is_empty() && !self.forms.is_empty() {
            return PromptLine { text: format!(" {}   ", self.label), forms: self.forms, column: label };
        }
        let note = truncate(&self.note, usize::from(columns / 2), "");
        let room = columns.saturating_sub(label + u16::try_from(width(&note)).unwrap_or(0) + 4).max(4);
        let (text, column) = self.field.visible(room);
        PromptLine { text: format!(" {}{text}   {note}", self.label), forms: "", column: label + column }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    #[test]
    fn the_forms_are_said_until_something_is_typed() {
        let mut prompt = Prompt::pattern(None);
        let line = prompt.line(80);
        assert_eq!((line.text.as_str(), line.column), (" /   ", 2));
        assert!(["text", "/regex/", "!text"].iter().all(|form| line.forms.contains(form)), "{line:?}");
        prompt.key(KeyEvent::from(KeyCode::Char('a')));
        assert_eq!(prompt.line(80).forms, "");
        prompt.key(KeyEvent::from(KeyCode::Backspace));
        assert_eq!(prompt.line(80), line);
    }

    #[test]
    fn a_long_text_is_seen_around_its_cursor() {
        let mut prompt = Prompt::new("query ", &"x".repeat(200), "");
        prompt.note = "a note".repeat(20);
        for columns in [1, 20, 40, 80] {
            let line = prompt.line(columns);
            assert!(columns < 20 || line.column < columns, "{line:?} in {columns}");
        }
    }
}
