//! Lines as a container runtime keeps them: each in a wrapper with a time of its own, long ones in several parts, and those of
//! a stack trace one by one.

use memchr::memmem;

use crate::log_fields::{cri, instant::goes_on};

/// What Docker writes before a line, and what follows it.
const HEAD: &str = "{\"log\":\"";
const TAIL: &str = "\",\"stream\":\"";

/// A line in its wrapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// `stdout` or `stderr`: what is written to one goes not on from what is written to the other.
    pub(super) side: &'static str,
    head: &'a str,
    /// The line itself, escaped where the wrapper is an object.
    own: &'a str,
    tail: &'a str,
    /// The next line of its side goes on with it.
    is_part: bool,
    /// It goes on from the line before it.
    goes_on: bool,
}

impl<'a> Piece<'a> {
    /// Takes the wrapper off, where there is one.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        Self::of_docker(text).or_else(|| Self::of_cri(text))
    }

    /// `2026-11-22T05:01:02.123456789Z stderr P message`
    fn of_cri(text: &'a str) -> Option<Self> {
        let line = cri(text)?;
        let head = &text[..text.len() - line.own.len()];
        let side = if line.stream == "stderr" { "stderr" } else { "stdout" };
        let goes_on = line.own.is_empty() || goes_on(line.own);
        Some(Self { side, head, own: line.own, tail: "", is_part: line.tag.starts_with('P'), goes_on })
    }

    /// `{"log":"message\n","stream":"stderr","time":"2026-…"}`
    fn of_docker(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(HEAD)?;
        let (own, tail) = rest.split_at(memmem::find(rest.as_bytes(), TAIL.as_bytes())?);
        let side = if tail[TAIL.len()..].starts_with("stderr\"") { "stderr" } else { "stdout" };
        let goes_on = own == "\\n" || own.starts_with("\\t") || goes_on(own);
        Some(Self { side, head: HEAD, own, tail, is_part: !ends_line(own), goes_on })
    }

    /// Whether it is not the beginning of anything.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Whether the next line of its side goes on with it.
    pub(super) fn is_part(&self) -> bool {
        self.is_part
    }
}

/// Whether an escaped text ends with an escaped line feed.
fn ends_line(escaped: &str) -> bool {
    let Some(rest) = escaped.strip_suffix('n') else { return false };
    rest.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// A line that is put together from pieces.
pub(super) struct Whole {
    /// Where the first one begins.
    pub(super) offset: u64,
    text: String,
    tail: String,
    lines: usize,
    is_part: bool,
}

impl Whole {
    /// Begins with a piece.
    pub(super) fn new(piece: Piece<'_>, offset: u64) -> Self {
        let text = [piece.head, piece.own].concat();
        Self { offset, text, tail: piece.tail.to_owned(), lines: 1, is_part: piece.is_part }
    }

    /// Adds a piece that goes on with it, where there is room. Returns whether it did.
    pub(super) fn add(&mut self, piece: Piece<'_>, most: (usize, usize)) -> bool {
        let fits = self.lines < most.0 && self.text.len() + piece.own.len() < most.1;
        let belongs = self.is_part || piece.goes_on;
        if !fits || !belongs {
            return false;
        }
        // An object's line feed is in its text.
        if !self.is_part && self.tail.is_empty() {
            self.text.push('\n');
        }
        self.lines += usize::from(!self.is_part);
        self.text.push_str(piece.own);
        self.is_part = piece.is_part;
        true
    }

    /// The line, with the wrapper and the time of the first piece.
    pub(super) fn into_text(mut self) -> String {
        self.text.push_str(&self.tail);
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[&str]) -> Vec<String> {
        let (mut out, mut open): (Vec<String>, Option<Whole>) = (Vec::new(), None);
        for line in lines {
            let piece = Piece::of(line).unwrap();
            if open.as_mut().is_some_and(|whole| whole.add(piece, (100, 200))) {
                continue;
            }
            out.extend(open.replace(Whole::new(piece, 0)).map(Whole::into_text));
        }
        out.extend(open.map(Whole::into_text));
        out
    }

    #[test]
    fn parts_of_a_line_and_lines_of_a_trace_become_one() {
        let docker = |log: &str, at: u8| format!("{{\"log\":\"{log}\",\"stream\":\"stderr\",\"time\":\"2026-11-22T05:00:0{at}Z\"}}");
        let lines =
            [docker("in two ", 1), docker("parts \\\\n", 2), docker(", three\\n", 3), docker("\\tat x.Y\\n", 4), docker("next\\n", 5)];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(joined(&lines), [docker("in two parts \\\\n, three\\n\\tat x.Y\\n", 1), docker("next\\n", 5)]);

        let cri =
            ["2026-11-22T05:00:01Z stdout P in two", "2026-11-22T05:00:02Z stdout F  parts", "2026-11-22T05:00:03Z stdout F \tat x.Y"];
        assert_eq!(joined(&cri), ["2026-11-22T05:00:01Z stdout P in two parts\n\tat x.Y"]);
        let long = docker(&"x".repeat(150), 1);
        assert_eq!(joined(&[&long, &long]).len(), 2, "as much as there is room for");
        assert_eq!(Piece::of("{\"log\":\"no wrapper\"}"), None);
        assert_eq!(Piece::of("a {\"log\":\"x\",\"stream\":\"stdout\"}"), None);
        assert_eq!(Piece::of("redirect stdout F done"), None);
    }
}
