//! From bytes to lines.

use std::borrow::Cow;

use crate::model::opened::LineNotes;

/// What of a line is kept.
pub(super) const LONGEST: usize = 8 << 20;

/// A line as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawLine<'a> {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    /// It was longer.
    pub(super) cut: bool,
}

/// Puts lines together from pieces of any size.
#[derive(Default)]
pub(super) struct Splitter {
    /// The beginning of a line whose end is still to come.
    rest: Vec<u8>,
    /// The line is longer than any may be: its end is left out.
    too_long: bool,
    /// Where the next piece begins, and where its first line does.
    offset: u64,
    line: u64,
}

impl Splitter {
    /// For a file from an offset on.
    pub(super) fn new(offset: u64) -> Self {
        Self { offset, line: offset, ..Self::default() }
    }

    /// Where the next piece begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How long the line is whose end is still to come.
    pub(super) fn unended(&self) -> u64 {
        self.offset - self.line
    }

    /// Takes a piece and hands on the lines that end in it.
    pub(super) fn feed(&mut self, mut piece: &[u8], mut take: impl FnMut(RawLine<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            self.add(&piece[..end], &mut take);
            self.offset += 1;
            self.line = self.offset;
            piece = &piece[end + 1..];
        }
        if !piece.is_empty() {
            self.keep(piece);
        }
    }

    /// A line ends: most are within one piece and are not copied.
    fn add(&mut self, end: &[u8], take: &mut impl FnMut(RawLine<'_>)) {
        if self.rest.is_empty() && !self.too_long && end.len() <= LONGEST {
            take(RawLine { offset: self.offset, bytes: end, cut: false });
            self.offset += end.len() as u64;
            return;
        }
        self.keep(end);
        self.finish(take);
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.rest.len());
        self.too_long |= piece.len() > room;
        self.rest.extend_from_slice(&piece[..piece.len().min(room)]);
        self.offset += piece.len() as u64;
    }

    /// Hands on the last line, which has no end.
    pub(super) fn finish(&mut self, mut take: impl FnMut(RawLine<'_>)) {
        if !self.rest.is_empty() {
            let offset = self.line;
            take(RawLine { offset, bytes: &self.rest, cut: self.too_long });
        }
        self.rest = Vec::new();
        self.too_long = false;
        self.line = self.offset;
    }
}

/// The text of a line without what ends it. Bytes that are no UTF-8 become one character that says so; zero bytes around the
/// line, which a file has that was emptied while its writer went on, are left out.
pub(super) fn text<'a>(line: RawLine<'a>, notes: &mut LineNotes) -> Cow<'a, str> {
    let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| *b != 0).map_or(start, |last| last + 1);
    notes.zeros += u64::from(end - start < bytes.len());
    notes.cut += u64::from(line.cut);
    let text = String::from_utf8_lossy(&bytes[start..end]);
    notes.not_utf8 += u64::from(matches!(text, Cow::Owned(_)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<(u64, String, bool)> {
        let (mut splitter, mut out) = (Splitter::default(), Vec::new());
        let mut notes = LineNotes::default();
        let mut take = |line: RawLine<'_>| out.push((line.offset, text(line, &mut notes).into_owned(), line.cut));
        pieces.iter().for_each(|piece| splitter.feed(piece, &mut take));
        splitter.finish(&mut take);
        out
    }

    #[test]
    fn lines_are_whole_wherever_the_pieces_end() {
        let whole = b"one\r\n\ntwo is longer\nlast";
        let expected =
            [(0, "one"), (5, ""), (6, "two is longer"), (20, "last")].map(|(at, text): (u64, &str)| (at, text.to_owned(), false));
        for size in 1..=whole.len() {
            assert_eq!(split(&whole.chunks(size).collect::<Vec<_>>()), expected, "pieces of {size}");
        }
        assert_eq!(split(&[]), []);
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let piece = vec![b'x'; LONGEST / 2 + 1];
        let lines = split(&[&piece, &piece, &piece, b"\nnext\n"]);
        assert_eq!((lines[0].1.len(), lines[0].2), (LONGEST, true));
        assert_eq!((lines[1].1.as_str(), lines[1].2), ("next", false));
        let mut splitter = Splitter::new(7);
        splitter.feed(b"one\ntwo", |_| ());
        splitter.feed(&piece, |_| ());
        assert_eq!(splitter.unended(), piece.len() as u64 + 3);
        splitter.feed(b"\n", |_| ());
        assert_eq!(splitter.unended(), 0);
    }

    #[test]
    fn bytes_that_are_no_text_are_counted_and_kept_harmless() {
        let mut notes = LineNotes::default();
        let mut read = |bytes: &[u8]| text(RawLine { offset: 0, bytes, cut: false }, &mut notes).into_owned();
        assert_eq!(read(b"caf\xe9 \xff"), "caf\u{fffd} \u{fffd}");
        assert_eq!(read(b"\0\0\0started\0"), "started");
        assert_eq!(read(b"a\0b"), "a\0b");
        assert_eq!(read(b"\0\0"), "");
        assert_eq!((notes.not_utf8, notes.zeros), (1, 2));
    }
}
