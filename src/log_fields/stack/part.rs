//! Stack traces whose lines come one by one, as a shipper without a multiline stage sends them: which line goes on from the
//! line before it of the same writer.
//!
//! Told by the two of them alone. What may be a line of another thread, or one that only looks like a frame, goes on from none:
//! it stays a line of its own rather than being hidden below one that it has nothing to do with.

use super::{TRACEBACK, clip, is_usual_kind, kind_and_message, rust::panicked};
use crate::{
    log_fields::{
        dotnet,
        instant::{is_padded_level, without_colour},
        own::{Written, own, written},
    },
    model::log::Level,
};

/// Longer lines go on from none.
const LONG: usize = 16 << 10;

/// How far a trace has come with a line, for the line after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// No trace, nor a line that one stands below.
    None,
    /// A line that may have frames below it.
    Said,
    /// One that tells of a failure: what was thrown may stand below it.
    Failed,
    /// The head of .NET's console logger, whose message is on the next line.
    Head,
    /// What was thrown.
    Thrown,
    /// Frames with `at`.
    At,
    /// A traceback of Python.
    Python,
    /// What Python says last.
    Raised,
    /// Another traceback is announced.
    Chain,
    /// A panic of Go or a stack of a goroutine.
    Go,
    /// A panic of Rust, whose message is on the next line.
    Panicked,
    /// A panic or a backtrace of Rust.
    Rust,
}

/// What a line looks like that may go on from another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Blank,
    At,
    Left,
    Cause,
    File,
    Traceback,
    Announced,
    Goroutine,
    Function,
    Place,
    Signal,
    Backtrace,
    Note,
    Thrown,
    Word,
    End,
    Inner,
}

/// Whether a line, whatever a runtime put around it, looks like one of a stack trace that goes on from another: asked of every
/// line, so it looks at few bytes.
pub fn looks_inner(text: &str) -> bool {
    match written(text) {
        Written::Plain(own) => look(own).is_some(),
        // A record within is told without taking its escapes out.
        Written::Escaped(range) => !text[range].starts_with(|c: char| c == '{' || c.is_ascii_digit()) && look(&own(text)).is_some(),
    }
}

/// Whether a line is a panic of Rust: what goes on from it, its message, may look like anything.
pub fn is_panic(text: &str) -> bool {
    let text = match written(text) {
        Written::Plain(own) => own,
        Written::Escaped(range) => &text[range],
    };
    text.starts_with("thread '") && panicked(text).is_some()
}

impl Part {
    /// Of a line that goes on from none, by what the program wrote ([`own`]).
    pub fn of(text: &str, level: Level) -> Self {
        let text = clip(without_colour(text).trim_end(), super::LONG);
        if is_object(text) {
            return Self::None;
        }
        match look(text) {
            Some(Look::At | Look::Left) => return Self::At,
            Some(Look::Cause | Look::Thrown) => return Self::Thrown,
            Some(Look::File | Look::Traceback) => return Self::Python,
            Some(Look::Goroutine | Look::Place | Look::Signal) => return Self::Go,
            Some(Look::Backtrace) => return Self::Rust,
            Some(Look::Blank) => return Self::None,
            _ => {}
        }
        if dotnet::line(text).is_some() {
            Self::Head
        } else if text.starts_with("panic: ") || text.starts_with("fatal error: ") {
            Self::Go
        } else if is_panic(text) {
            if text.ends_with(':') { Self::Panicked } else { Self::Rust }
        } else if text.ends_with(TRACEBACK) {
            Self::Python
        } else if kind_and_message(text).is_some() {
            Self::Thrown
        } else if level >= Level::Warn {
            Self::Failed
        } else if level == Level::Unknown {
            Self::Said
        } else {
            Self::None
        }
    }

    /// Of a line that goes on from one that has come so far, by what the program wrote; `None` where it does not.
    #[must_use]
    pub fn next(self, text: &str) -> Option<Self> {
        // An entry of several lines was put together by whoever sent it.
        if text.len() > LONG || text.trim_end().contains('\n') {
            return None;
        }
        let Some(look) = look(text) else { return (self == Self::Panicked && may_be_said(text)).then_some(Self::Rust) };
        Some(match (look, self) {
            (Look::At | Look::Inner | Look::Blank | Look::Note | Look::Backtrace, Self::Rust | Self::Panicked) => Self::Rust,
            (Look::Backtrace, Self::Said | Self::Failed | Self::Thrown) => Self::Rust,
            (_, Self::Panicked) => Self::Rust,
            (Look::At, Self::Said | Self::Failed | Self::Head | Self::Thrown | Self::At) => Self::At,
            (Look::Left, Self::Thrown | Self::At) => Self::At,
            (Look::Cause, Self::Failed | Self::Head | Self::Thrown | Self::At) => Self::Thrown,
            (Look::Thrown, Self::Failed) | (Look::Blank, Self::Thrown) => Self::Thrown,
            (Look::End, Self::Thrown | Self::At) => Self::At,
            (Look::Thrown | Look::Word, Self::Python) => Self::Raised,
            (Look::Traceback, Self::Failed | Self::Chain) | (Look::File, Self::Failed | Self::Said | Self::Python) => Self::Python,
            (Look::Announced, Self::Raised) | (Look::Blank, Self::Chain) => Self::Chain,
            (Look::Blank, Self::Raised) => Self::Raised,
            (Look::Goroutine, Self::Said | Self::Failed | Self::Thrown | Self::Go) => Self::Go,
            (Look::Function, Self::Failed | Self::Go) => Self::Go,
            (Look::Place | Look::Signal | Look::Blank, Self::Go) => Self::Go,
            (_, Self::Head | Self::Thrown | Self::At | Self::Python | Self::Raised | Self::Go) if is_inner(look) => self,
            _ => return None,
        })
    }
}

/// Whether it is indented, whatever else it is.
fn is_inner(look: Look) -> bool {
    matches!(look, Look::Inner | Look::At | Look::File | Look::Place)
}

fn look(text: &str) -> Option<Look> {
    let text = without_colour(text);
    let Some(first) = text.bytes().next() else { return Some(Look::Blank) };
    match first {
        b' ' | b'\t' => indented(text),
        b'{' | b'0'..=b'9' | b'<' | b'"' => None,
        b'}' | b']' => (text.trim_end().len() <= 3).then_some(Look::End),
        b'-' if text.starts_with("---> ") || text.starts_with("--- End of ") => Some(Look::Cause),
        b'.' => is_left(text.trim_end()).then_some(Look::Left),
        b'[' => text.starts_with("[signal ").then_some(Look::Signal),
        b'\r' if text == "\r" => Some(Look::Blank),
        _ if first.is_ascii_alphabetic() || first == b'_' => worded(text.trim_end()),
        _ => None,
    }
}

fn indented(text: &str) -> Option<Look> {
    let inner = text.trim();
    Some(if inner.is_empty() {
        Look::Blank
    } else if inner.starts_with("at ") {
        Look::At
    } else if is_left(inner) {
        Look::Left
    } else if ["Caused by: ", "Suppressed: ", "---> ", "--- End of "].iter().any(|start| inner.starts_with(start)) {
        Look::Cause
    } else if inner.starts_with("File \"") {
        Look::File
    } else if inner.ends_with(TRACEBACK) {
        Look::Traceback
    } else if is_go_place(inner) {
        Look::Place
    } else if is_padded_level(text) {
        return None;
    } else {
        Look::Inner
    })
}

/// `... 12 more`
fn is_left(text: &str) -> bool {
    text.starts_with("... ") && (text.ends_with(" more") || text.ends_with(" common frames omitted"))
}

/// What begins with a letter.
fn worded(text: &str) -> Option<Look> {
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let starts = |start: &str| text.starts_with(start);
    if starts("Caused by:") || starts("Suppressed: ") {
        return Some(Look::Cause);
    }
    if starts(TRACEBACK) {
        return Some(Look::Traceback);
    }
    if starts("During handling of the above exception") || starts("The above exception was the direct cause") {
        return Some(Look::Announced);
    }
    if starts("goroutine ") && text.ends_with("]:") {
        return Some(Look::Goroutine);
    }
    if starts("exit status ") {
        return Some(Look::Signal);
    }
    if starts("stack backtrace:") || starts("Stack backtrace:") {
        return Some(Look::Backtrace);
    }
    if starts("note: ") {
        return Some(Look::Note);
    }
    let name = word.strip_suffix(':').unwrap_or(word);
    let is_named = name.len() < word.len() || rest.is_empty();
    if starts("Exception in thread ") || (is_named || rest.starts_with(" (0x")) && is_usual_kind(name) {
        return Some(Look::Thrown);
    }
    if starts("created by ") || is_go_function(text) {
        return Some(Look::Function);
    }
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    (is_named && is_name && Level::parse(name).is_none()).then_some(Look::Word)
}

/// `main.(*Pool).take(0xc000012345, {0x2, 0x3})`, and without the arguments as zap writes it.
fn is_go_function(text: &str) -> bool {
    let name = text.rfind('(').filter(|_| text.ends_with(')')).map_or(text, |at| &text[..at]);
    let last = name.rsplit('/').next().unwrap_or(name);
    let is_called = matches!(name, "panic" | "main.main") || last.split('.').filter(|part| !part.is_empty()).count() > 1;
    is_called && !name.contains([' ', ':', '=', ',', '"'])
}

/// `/app/pool.go:12 +0x1d`
fn is_go_place(text: &str) -> bool {
    let place = text.split(" +0x").next().unwrap_or(text);
    place.rsplit_once(':').is_some_and(|(file, line)| file.ends_with(".go") && line.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a line may be the message of Rust's panic, which is any text: what begins as records do is none.
fn may_be_said(text: &str) -> bool {
    let first = text.bytes().next().unwrap_or(b'{');
    let word = text.split(' ').next().unwrap_or_default();
    !matches!(first, b'{' | b'[' | b'<' | b'0'..=b'9') && !word.contains('=')
}

/// An object keeps its line feeds within.
fn is_object(text: &str) -> bool {
    text.len() > 2 && text.starts_with('{') && text.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_fields::{level::level, trace_id::Told};

    /// The lines put together, a line that goes on marked.
    fn folded(text: &str) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut before: Option<(&str, Option<Part>)> = None;
        for line in text.lines() {
            let level = |text| level(&Told::default(), &Told::default(), text);
            let part = before.and_then(|(head, part)| match part {
                None => Part::of(head, level(head)).next(line),
                Some(part) => part.next(line),
            });
            match out.last_mut().filter(|_| part.is_some()) {
                Some(last) => *last = format!("{last}\n{line}"),
                None => out.push(line.to_owned()),
            }
            before = Some((line, part));
        }
        out
    }

    #[test]
    fn traces_of_every_language_are_put_together_from_their_lines() {
        let corpus = include_str!("../../../fuzz/corpus.log");
        let traces = corpus.split("\n%%\n").filter(|line| super::super::super::recognise(line).stack_trace().is_some());
        // What stands in an object or is escaped there is one line.
        let mut whole = 0;
        for trace in traces.filter(|t| t.contains('\n') && !t.starts_with('{')) {
            let trace = trace.trim_end();
            assert_eq!(folded(&format!("2026-11-22 05:01:02 INFO x\n{trace}\n2026-11-22 05:01:03 INFO y")).len(), 3, "{trace}");
            whole += 1;
        }
        assert!(whole > 8, "{whole}");
    }

    #[test]
    fn chains_groups_and_what_stands_between_belong_to_their_trace() {
        for trace in [
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\n    ~^^\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nshop.errors.out_of_stock: x",
            "ERROR:root:no luck\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n  [Previous line repeated 970 more times]\nRecursionError: x",
            "2026-11-22 ERROR Api : failed\njava.lang.IllegalStateException: outer\n\tat com.shop.Api.pay(Api.java:1)\nCaused by: java.sql.SQLException: x\n  Position: 15\n\tat com.shop.Pool.take(Pool.java:4)\n\t... 12 more",
            "Error: connect ECONNREFUSED\n    at Socket.emit (node:net:1494:16) {\n  errno: -111,\n  code: 'ECONNREFUSED'\n}",
            "fail: Shop.Orders.Pool[17]\n      no luck\n      System.Exception: x\n         at Shop.Pool.Take() in /src/Pool.cs:line 4\n       ---> System.Exception: y\n         --- End of inner exception stack trace ---",
            "panic: x [recovered]\n\tpanic: x\n\ngoroutine 7 [running]:\nmain.(*Pool).take(0xc0, {0x1, 0x2})\n\t/app/pool.go:12 +0x1d\ncreated by main.main in goroutine 1\n\t/app/main.go:7 +0x1\nexit status 2",
            "thread '<unnamed>' (4711) panicked at src/main.rs:1:1:\nno luck at all\nnote: run with `RUST_BACKTRACE=1`",
            "thread 'main' panicked at src/main.rs:1:1:\nno luck at all\nstack backtrace:\n   0: shop::take\n             at ./src/main.rs:1:1\nnote: Some details are omitted",
        ] {
            assert_eq!(folded(trace), [trace], "{trace}");
        }
    }

    #[test]
    fn what_may_be_of_another_goes_on_from_none() {
        for (text, rows) in [
            ("2026-11-22 05:01:02 INFO Api : served\n\tat com.shop.Api.pay(Api.java:1)\n\tat com.shop.Api.b(Api.java:2)", 2),
            ("INFO served\njava.lang.IllegalStateException: x\n\tat com.shop.Api.pay(Api.java:1)", 2),
            ("{\"level\":\"error\",\"msg\":\"x\"}\n\tat com.shop.Api.pay(Api.java:1)", 2),
            ("x\n\tat a.B.c(B.java:1)\njava.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)", 2),
            ("Hibernate: \n    select\n        id\n    from orders", 4),
            ("apiVersion: v1\nmetadata:\n  name: x", 3),
            ("ERROR no luck\n  details follow\ncom.shop.Api: started\nINFO: x", 4),
            ("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nINFO:     127.0.0.1 \"GET /\"", 2),
            ("KeyError\nTraceback (most recent call last):", 2),
            ("thread 'main' (see below) panicked at a.rs:1:1:\nx", 2),
            ("thread 'main' panicked at a.rs:1:1:\n{\"level\":\"info\"}\nx", 3),
            ("ERROR a\n INFO b\n WARN c", 3),
        ] {
            assert_eq!(folded(text).len(), rows, "{text}: {:?}", folded(text));
        }
    }
}
