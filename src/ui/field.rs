//! A one-line text field, as filters, queries, the palette and the time picker use it.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation;

use super::text::cells;

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
#[derive(Clone, Debug)]
pub struct Field {
    input: Input,
    /// The longest text that it takes, in bytes.
    most: usize,
}

impl Default for Field {
    fn default() -> Self {
        Self::new("")
    }
}

impl Field {
    /// With a text to begin from, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()), most: MAX_BYTES }
    }

    /// The same for texts of up to so many bytes.
    #[must_use]
    pub fn up_to(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Whether so many more bytes have room.
    pub fn takes(&self, bytes: usize) -> bool {
        self.text().len() + bytes <= self.most
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor's byte in the text.
    pub fn cursor(&self) -> usize {
        self.text().char_indices().nth(self.input.cursor()).map_or(self.text().len(), |(i, _)| i)
    }

    /// Puts a text in the place of some bytes and the cursor behind it. What would be longer than a field may be is left.
    pub fn splice(&mut self, bytes: Range<usize>, text: &str) {
        let (Some(before), Some(after)) = (self.text().get(..bytes.start), self.text().get(bytes.end..)) else { return };
        if before.len() + text.len() + after.len() > self.most {
            return;
        }
        let cursor = before.chars().count() + text.chars().count();
        self.input = Input::new(format!("{before}{text}{after}")).with_cursor(cursor);
    }

    /// Puts the cursor into a column of the part of the text that is shown.
    pub fn click(&mut self, shown: Range<usize>, column: u16) {
        let mut place = shown.start;
        let mut left = usize::from(column);
        for grapheme in self.text()[shown].graphemes(true) {
            let cells = cells(grapheme);
            if left < cells.max(1) {
                break;
            }
            left -= cells;
            place += grapheme.len();
        }
        let cursor = self.text()[..place].chars().count();
        self.input.handle(InputRequest::SetCursor(cursor));
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let request = match (key.code, ctrl) {
            (KeyCode::Left, _) | (KeyCode::Char('b'), _) if alt => InputRequest::GoToPrevWord,
            (KeyCode::Right, _) | (KeyCode::Char('f'), _) if alt => InputRequest::GoToNextWord,
            (KeyCode::Char('d'), _) if alt => InputRequest::DeleteNextWord,
            (KeyCode::Backspace, _) if alt => InputRequest::DeletePrevWord,
            (KeyCode::Char(_), _) if alt => return Typed::Ignored,
            (KeyCode::Enter, _) => return Typed::Accepted,
            (KeyCode::Esc, _) => return Typed::Cancelled,
            (KeyCode::Left, false) | (KeyCode::Char('b'), true) => InputRequest::GoToPrevChar,
            (KeyCode::Left, true) => InputRequest::GoToPrevWord,
            (KeyCode::Right, false) | (KeyCode::Char('f'), true) => InputRequest::GoToNextChar,
            (KeyCode::Right, true) => InputRequest::GoToNextWord,
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => InputRequest::GoToStart,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
            (KeyCode::Backspace, false) => InputRequest::DeletePrevChar,
            (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
            (KeyCode::Char('w'), true) | (KeyCode::Backspace, true) => InputRequest::DeletePrevWord,
            (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
            (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
            (KeyCode::Char(c), false) if !c.is_control() && self.takes(c.len_utf8()) => InputRequest::InsertChar(c),
            _ => return Typed::Ignored,
        };
        self.input.handle(request);
        Typed::Changed
    }

    /// Inserts pasted text as one line, without control characters, cut at the limit.
    pub fn paste(&mut self, text: &str) {
        let clean = text.chars().map(|c| if c == '\n' || c == '\t' { ' ' } else { c }).filter(|c| !c.is_control());
        let (before, rest) = self.text().split_at(self.cursor());
        let mut value = before.to_owned();
        for c in clean {
            if value.len() + rest.len() + c.len_utf8() > self.most {
                break;
            }
            value.push(c);
        }
        let cursor = value.chars().count();
        self.input = Input::new(value + rest).with_cursor(cursor);
    }

    /// The text as it fits into `width` cells around the cursor, and the cursor's column in it.
    pub fn visible(&self, width: u16) -> (String, u16) {
        let (shown, column) = self.window(width);
        (self.text()[shown].to_owned(), column)
    }

    /// The bytes of the text that fit into `width` cells around the cursor, and the cursor's column in them.
    pub fn window(&self, width: u16) -> (Range<usize>, u16) {
        // The last cell is the cursor's, when it stands behind the text.
        let room = usize::from(width.max(1) - 1);
        let (before, after) = self.text().split_at(self.cursor());
        let fit = |graphemes: &mut dyn Iterator<Item = &str>, room: usize| {
            let (mut bytes, mut used) = (0, 0);
            for grapheme in graphemes.take_while(|g| {
                used += cells(g);
                used <= room
            }) {
                bytes += grapheme.len();
            }
            bytes
        };
        let start = before.len() - fit(&mut before.graphemes(true).rev(), room);
        let column = before[start..].graphemes(true).map(cells).sum::<usize>();
        let end = before.len() + fit(&mut after.graphemes(true), room - column);
        (start..end, u16::try_from(column).unwrap_or(width))
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
        assert_eq!(field.cursor(), 7);
        field.paste(&"é".repeat(10_000));
        assert!(field.text().len() <= MAX_BYTES && field.text().ends_with('b'));
    }

    #[test]
    fn a_long_text_scrolls_with_the_cursor() {
        let field = Field::new("0123456789");
        assert_eq!(field.visible(5), ("6789".to_owned(), 4));
        assert_eq!(Field::new("0123").visible(5), ("0123".to_owned(), 4));
        assert_eq!(Field::new("日本語").visible(6), ("本語".to_owned(), 4));
        let mut within = Field::new("0123456789");
        within.click(0..10, 2);
        assert_eq!(within.visible(5), ("0123".to_owned(), 2));
        assert_eq!(Field::new("abc").visible(1), (String::new(), 0));
    }

    #[test]
    fn a_part_is_replaced_and_words_are_walked_over() {
        let mut field = Field::new("sum(é, b)");
        field.splice(4..6, "rate");
        assert_eq!((field.text(), field.cursor()), ("sum(rate, b)", 8));
        field.key(KeyEvent::new(KeyCode::Char('b'), KeyModifiers::ALT));
        assert_eq!(field.cursor(), 4);
        field.key(KeyEvent::new(KeyCode::Char('d'), KeyModifiers::ALT));
        assert_eq!(field.text(), "sum(b)");
        field.click(0..6, 5);
        assert_eq!(field.cursor(), 5);
        field.splice(0..0, &"x".repeat(MAX_BYTES));
        assert_eq!(field.text(), "sum(b)", "too long");
    }
}
