//! Changes to a line, as what writes, ships and cuts logs would make them, and as someone hostile would.

use proptest::prelude::*;

/// One change. Places are shares of the line's length, so that they mean something on a line of any length.
#[derive(Clone, Debug)]
pub enum Change {
    /// Something is put in.
    Insert(u16, String),
    /// A part is left out.
    Delete(u16, u16),
    /// A part is there several times.
    Repeat(u16, u16, u8),
    /// A part of another line is put in: which, from where to where, to where.
    Splice(usize, u16, u16, u16),
    /// The rest is cut off.
    Cut(u16),
    /// It is put into something.
    Wrap(Wrap),
}

/// What a line is put into.
#[derive(Clone, Copy, Debug)]
pub enum Wrap {
    /// Docker's json-file.
    Docker,
    /// A CRI runtime's.
    Cri,
    /// Syslog.
    Syslog,
    /// A field of JSON.
    Field,
    /// An object of JSON, if it is a value.
    Object,
}

/// What formats are made of.
const PIECES: [&str; 58] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\\"",
    "\\n",
    "\\u00e9",
    "\\ud83d",
    ":",
    ",",
    "=",
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "é",
    "|",
    " - ",
    "---",
    "<34>",
    "<34>1 ",
    "{\"",
    "\":",
    "\":\"",
    "\",\"",
    "null",
    "-1.5e9",
    "a=b ",
    "a=\"b c\" ",
    "msg=",
    "level=error ",
    "\"level\":50,",
    "ERROR",
    "[error] ",
    "2026-11-22T05:01:02.123Z ",
    "2026/11/22 05:01:02 ",
    "E1122 05:01:02.123456       1 a.go:1] ",
    "[22/Nov/2026:05:01:02 +0000] ",
    "stderr F ",
    "Caused by: a.B: c\n",
    "\tat a.b.C.d(C.java:1)\n",
    "Traceback (most recent call last):\n",
    "  File \"a.py\", line 1, in b\n",
    "panic: ",
    "goroutine 1 [running]:\n",
    "a.b(0x1)\n\t/a/b.go:1 +0x1\n",
    "   0: std::a\n",
    "trace_id=0af7651916cd43dd8448eb211c80319c ",
    "\"trace\":{\"id\":\"",
    "\"dd\":{\"trace_id\":\"",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "[x,0af7651916cd43dd,b7ad6b7169203331]",
    "\"stack\":\"",
];

/// A few changes.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{1,6}",
        1 => (prop::sample::select(PIECES.to_vec()), 1_usize..3000).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    let wraps = vec![Wrap::Docker, Wrap::Cri, Wrap::Syslog, Wrap::Field, Wrap::Object];
    let change = prop_oneof![
        6 => (any::<u16>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        3 => (any::<u16>(), 0_u16..4000).prop_map(|(at, length)| Change::Delete(at, length)),
        2 => (any::<u16>(), 0_u16..8000, 2_u8..20).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        2 => (any::<usize>(), any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(n, from, to, at)| Change::Splice(n, from, to, at)),
        1 => any::<u16>().prop_map(Change::Cut),
        2 => prop::sample::select(wraps).prop_map(Change::Wrap),
    ];
    prop::collection::vec(change, 0..8)
}

/// A line after changes. `others` are lines to take parts of.
pub fn changed(line: &str, changes: &[Change], others: &[&str]) -> String {
    /// Larger ones are not made larger still.
    const LARGE: usize = 1 << 20;
    let mut line = line.to_owned();
    for change in changes {
        if line.len() >= LARGE {
            break;
        }
        line = match change {
            Change::Insert(at, piece) => with(&line, place(&line, *at), piece),
            Change::Delete(at, length) => {
                let (from, to) = part(&line, *at, *length);
                format!("{}{}", &line[..from], &line[to..])
            }
            Change::Repeat(at, length, times) => {
                let (from, to) = part(&line, *at, *length);
                with(&line, to, &line[from..to].repeat(usize::from(*times)))
            }
            Change::Splice(n, from, to, at) => {
                let other = others[n % others.len()];
                let (from, to) = (place(other, *from.min(to)), place(other, *from.max(to)));
                with(&line, place(&line, *at), &other[from..to])
            }
            Change::Cut(at) => line[..place(&line, *at)].to_owned(),
            Change::Wrap(wrap) => wrapped(*wrap, &line),
        };
    }
    line
}

fn wrapped(wrap: Wrap, line: &str) -> String {
    let quoted = || serde_json::to_string(line).unwrap();
    match wrap {
        Wrap::Docker => format!(r#"{{"log":{},"stream":"stderr","time":"2026-11-22T05:01:02.1Z"}}"#, quoted()),
        Wrap::Cri => format!("2026-11-22T05:01:02.123456789Z stdout F {line}"),
        Wrap::Syslog => format!("<30>Nov 22 05:01:02 host-1 app[7]: {line}"),
        Wrap::Field => format!(r#"{{"level":"info","message":{}}}"#, quoted()),
        Wrap::Object => format!(r#"{{"a":{line}}}"#),
    }
}

fn place(line: &str, share: u16) -> usize {
    let at = line.len() * usize::from(share) / usize::from(u16::MAX);
    (0..=at).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0)
}

fn part(line: &str, at: u16, length: u16) -> (usize, usize) {
    (place(line, at), place(line, at.saturating_add(length)))
}

fn with(line: &str, at: usize, piece: &str) -> String {
    format!("{}{piece}{}", &line[..at], &line[at..])
}
