//! A one-line text field, as filters, queries, the palette and the time picker use it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};
use unicode_width::UnicodeWidthStr;

/// Longest text that a field takes, in bytes: a paste of a whole log does not hang the editor.
const MAX_BYTES: usize = 8 * 1024;

/// What a key did to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The text or the cursor changed.
    Changed,
    /// `Enter`.
    Accepted,
    /// `Esc`.
    Cancelled,
    /// Nothing: the key is for someone else.
    Ignored,
}

/// A text field with a cursor.
#[derive(Clone, Debug, Default)]
pub struct Field {
    input: Input,
}

impl Field {
    /// With a text to begin from, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor's column in cells from the start of the text.
    pub fn column(&self) -> u16 {
        u16::try_from(self.input.visual_cursor()).unwrap_or(u16::MAX)
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let request = match (key.code, ctrl) {
            (KeyCode::Enter, _) => return Typed::Accepted,
            (KeyCode::Esc, _) => return Typed::Cancelled,
            (KeyCode::Left, false) => InputRequest::GoToPrevChar,
            (KeyCode::Left, true) => InputRequest::GoToPrevWord,
            (KeyCode::Right, false) => InputRequest::GoToNextChar,
            (KeyCode::Right, true) => InputRequest::GoToNextWord,
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => InputRequest::GoToStart,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
            (KeyCode::Backspace, false) => InputRequest::DeletePrevChar,
            (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
            (KeyCode::Char('w'), true) | (KeyCode::Backspace, true) => InputRequest::DeletePrevWord,
            (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
            (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
            (KeyCode::Char(c), false) if !c.is_control() && self.text().len() < MAX_BYTES => InputRequest::InsertChar(c),
            _ => return Typed::Ignored,
        };
        self.input.handle(request);
        Typed::Changed
    }

    /// Inserts pasted text as one line, without control characters, cut at the limit.
    pub fn paste(&mut self, text: &str) {
        let clean = text.chars().map(|c| if c == '\n' || c == '\t' { ' ' } else { c }).filter(|c| !c.is_control());
        let mut value: String = self.text().chars().take(self.input.cursor()).collect();
        let rest: String = self.text().chars().skip(self.input.cursor()).collect();
        for c in clean {
            if value.len() + rest.len() + c.len_utf8() > MAX_BYTES {
                break;
            }
            value.push(c);
        }
        let cursor = value.chars().count();
        self.input = Input::new(value + &rest).with_cursor(cursor);
    }

    /// The text as it fits into `width` cells around the cursor, and the cursor's column in it.
    pub fn visible(&self, width: u16) -> (String, u16) {
        let width = width.max(1);
        let scroll = self.input.visual_scroll(usize::from(width.saturating_sub(1)));
        let (mut skipped, mut out) = (0, String::new());
        for c in self.text().chars() {
            let mut utf8 = [0; 4];
            let w = c.encode_utf8(&mut utf8).width();
            if skipped < scroll {
                skipped += w;
            } else if out.width() + w < usize::from(width) {
                out.push(c);
            } else {
                break;
            }
        }
        let column = usize::from(self.column()).saturating_sub(scroll);
        (out, u16::try_from(column).unwrap_or(width).min(width - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_one_line_bounded_and_without_control_characters() {
        let mut field = Field::new("ab");
        field.key(KeyEvent::from(KeyCode::Left));
        field.paste("x\n\u{1b}[2Jy");
        assert_eq!(field.text(), "ax [2Jyb");
        assert_eq!(field.column(), 7);
        field.paste(&"é".repeat(10_000));
        assert!(field.text().len() <= MAX_BYTES && field.text().ends_with('b'));
    }

    #[test]
    fn a_long_text_scrolls_with_the_cursor() {
        let field = Field::new("0123456789");
        assert_eq!(field.visible(5), ("6789".to_owned(), 4));
    }
}
