//! Text that came from outside, made harmless and cut to its place.
//!
//! No byte of a log, label or span reaches the terminal as a control sequence or a bidi override: all text from outside
//! is drawn by [`put`] or [`put_right`], which replace such characters.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells that a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Whether a character could move the cursor or reorder what is drawn.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Cells that [`put`] draws a grapheme in.
pub fn cells(grapheme: &str) -> usize {
    if grapheme.chars().any(is_harmful) { 1 } else { grapheme.width() }
}

/// Draws text from column `x` to the right edge of `area`'s first row and returns the column after it. Harmful
/// characters become `·`, tabs become a space; a text that does not fit is cut.
pub fn put(buf: &mut Buffer, area: Rect, x: u16, text: &str, style: Style) -> u16 {
    let mut x = x.max(area.x);
    if area.height == 0 {
        return x;
    }
    let mut cell = |x: u16, symbol: &str, w: u16| -> bool {
        if x + w > area.right() {
            return false;
        }
        if let Some(c) = buf.cell_mut((x, area.y)) {
            // Nothing of what was there shines through: a mark on a faint axis is not faint.
            c.set_symbol(symbol).set_style(Style::reset().patch(style));
        }
        for extra in 1..w {
            if let Some(c) = buf.cell_mut((x + extra, area.y)) {
                c.reset();
            }
        }
        true
    };
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        // Most text: each byte is a cell.
        for at in 0..text.len() {
            if !cell(x, &text[at..=at], 1) {
                break;
            }
            x += 1;
        }
        return x;
    }
    for grapheme in text.graphemes(true) {
        let symbol = match grapheme {
            "\t" => " ",
            _ if grapheme.chars().any(is_harmful) => "·",
            _ => grapheme,
        };
        let w = cells(grapheme);
        if w == 0 {
            continue;
        }
        let w = u16::try_from(w).unwrap_or(1);
        if !cell(x, symbol, w) {
            break;
        }
        x += w;
    }
    x
}

/// Replaces what is not ASCII, for a terminal that may show nothing else: signs of units by a like one, others by `?`.
pub fn to_ascii(buf: &mut Buffer) {
    for cell in buf.content.iter_mut().filter(|c| !c.symbol().is_ascii()) {
        let like = match cell.symbol() {
            "×" => "x",
            "–" | "—" | "─" => "-",
            "µ" => "u",
            "±" | "…" => "~",
            "·" => ".",
            "≥" => ">",
            _ => "?",
        };
        cell.set_symbol(like);
    }
}

/// Draws text that ends at the right edge of `area`'s first row.
pub fn put_right(buf: &mut Buffer, area: Rect, text: &str, style: Style) {
    let w = u16::try_from(width(text)).unwrap_or(u16::MAX).min(area.width);
    put(buf, area, area.right() - w, text, style);
}

/// Breaks a text into rows of at most `room` cells: after a space where that leaves the row more than half full, else
/// within the word. Nothing is lost but the space at a break; an empty text is one row.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    // Where the row could end, and the cells up to there.
    let mut space: Option<(usize, usize)> = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        let cells = width(grapheme);
        if used + cells > room && used > 0 {
            match space.filter(|(_, before)| before * 2 > room) {
                _ if grapheme == " " => {
                    rows.push(text[start..at].to_owned());
                    (start, used, space) = (at + 1, 0, None);
                    continue;
                }
                Some((end, before)) => {
                    rows.push(text[start..end].to_owned());
                    (start, used) = (end + 1, used - before - 1);
                }
                None => {
                    rows.push(text[start..at].to_owned());
                    (start, used) = (at, 0);
                }
            }
            space = None;
        }
        if grapheme == " " {
            space = Some((at, used));
        }
        used += cells;
    }
    rows.push(text[start..].to_owned());
    rows
}

/// The text cut at its end to `room` cells, with a mark where it was cut.
pub fn truncate(text: &str, room: usize, mark: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = width(mark);
    for g in text.graphemes(true) {
        used += width(g);
        if used > room {
            break;
        }
        out.push_str(g);
    }
    if room > 0 {
        out.push_str(mark);
    }
    out
}

/// The text cut at its beginning to `room` cells, with a mark where it was cut.
pub fn truncate_left(text: &str, room: usize, mark: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = width(mark);
    for c in text.chars().rev() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(c);
    }
    mark.chars().take(room).chain(kept.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, w: u16) -> String {
        let area = Rect::new(0, 0, w, 1);
        let mut buf = Buffer::empty(area);
        put(&mut buf, area, 0, text, Style::new());
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn control_and_bidi_characters_are_replaced() {
        assert_eq!(drawn("a\u{1b}[2Jb\u{202e}c\rd\te", 12), "a·[2Jb·c·d e");
    }

    #[test]
    fn a_text_wraps_at_words_and_loses_nothing() {
        let cases = [
            ("no break", 10, vec!["no break"]),
            ("one two three", 9, vec!["one two", "three"]),
            ("one two three", 7, vec!["one two", "three"]),
            ("a histogram_quantile(0.95)", 10, vec!["a histogra", "m_quantile", "(0.95)"]),
            ("    at com.shop", 8, vec!["    at", "com.shop"]),
            ("", 5, vec![""]),
            ("日本語", 3, vec!["日", "本", "語"]),
        ];
        for (text, room, rows) in cases {
            assert_eq!(wrap(text, room), rows, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn wrapped_rows_fit_and_keep_every_character(text in "[a-c日 ]{0,60}", room in 2..20_usize) {
            let rows = wrap(&text, room);
            proptest::prop_assert!(rows.iter().all(|row| width(row) <= room), "{:?}", rows);
            proptest::prop_assert_eq!(rows.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn a_terminal_without_unicode_gets_ascii_alone() {
        let mut buf = Buffer::with_lines(["×6.2  3 µs  – é日"]);
        to_ascii(&mut buf);
        assert_eq!(buf, Buffer::with_lines(["x6.2  3 us  - ?? "]));
    }

    #[test]
    fn wide_characters_are_never_cut_in_half() {
        assert_eq!(drawn("日本", 3), "日  ");
        assert_eq!(truncate("日本語", 4, "…"), "日…");
        assert_eq!(truncate_left("orders ▸ Logs", 6, "…"), "… Logs");
    }
}
