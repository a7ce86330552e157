//! What a program wrote, of lines that came one by one with something of a container runtime around each. Asked of every line as
//! it arrives, so it looks at few bytes, and copies what JSON escapes alone.

use std::{borrow::Cow, ops::Range};

use super::{json, wrapper};

/// How the objects begin that runtimes and shippers put around a line.
const OBJECTS: [&str; 4] = ["{\"log\":", "{\"stream\":", "{\"time\":", "{\"date\":"];
/// The member that has the line in it.
const LOG: &[u8] = b"\"log\":";
/// It is among the first ones: those before it are short.
const NEAR: usize = 160;

/// What the program wrote.
pub fn own(text: &str) -> Cow<'_, str> {
    match written(text) {
        Written::Plain(own) => own.into(),
        Written::Escaped(range) => json::unescape(&text[range]),
    }
}

/// The same, where it stands in the line.
pub(super) enum Written<'a> {
    Plain(&'a str),
    /// In an object, as JSON escapes it, without the line feed at the end.
    Escaped(Range<usize>),
}

pub(super) fn written(text: &str) -> Written<'_> {
    match text.as_bytes().first() {
        Some(b'{') => in_object(text).map_or(Written::Plain(text), Written::Escaped),
        Some(b'0'..=b'9') => Written::Plain(wrapper::cri(text).map_or(text, |cri| cri.own)),
        _ => Written::Plain(text),
    }
}

fn in_object(text: &str) -> Option<Range<usize>> {
    if !OBJECTS.iter().any(|begin| text.starts_with(begin)) {
        return None;
    }
    let near = &text.as_bytes()[..text.len().min(NEAR)];
    let name = memchr::memmem::find(near, LOG).filter(|at| matches!(near[at.saturating_sub(1)], b'{' | b',' | b' '))?;
    let after = &text[name + LOG.len()..];
    let quote = text.len() - after.trim_start_matches(' ').len();
    if text.as_bytes().get(quote) != Some(&b'"') {
        return None;
    }
    let inner = &text[quote + 1..json::skip(text, quote)? - 1];
    let mut own = inner;
    while let Some(rest) = own.strip_suffix("\\n").or_else(|| own.strip_suffix("\\r")).filter(|rest| !rest.ends_with('\\')) {
        own = rest;
    }
    Some(quote + 1..quote + 1 + own.len())
}

/// One text of lines that came one by one, as one who puts them together before sending writes it: what is around the first
/// line is around all.
pub fn joined<'a>(mut lines: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    let first = lines.next().unwrap_or_default();
    let Some(second) = lines.next() else { return Cow::Borrowed(first) };
    let rest = std::iter::once(second).chain(lines);
    if let Written::Escaped(range) = written(first) {
        let mut out = first[..range.end].to_owned();
        for line in rest {
            out.push_str("\\n");
            match written(line) {
                Written::Escaped(range) => out.push_str(&line[range]),
                Written::Plain(own) => {
                    let quoted = serde_json::json!(own).to_string();
                    out.push_str(&quoted[1..quoted.len() - 1]);
                }
            }
        }
        out.push_str(&first[range.end..]);
        return Cow::Owned(out);
    }
    let mut out = first.to_owned();
    for line in rest {
        out.push('\n');
        out.push_str(&own(line));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_fields::{looks_inner, recognise};

    #[test]
    fn what_runtimes_put_around_a_line_is_taken_off() {
        for (text, expected) in [
            (r#"{"log":"\tat a.B.c(B.java:1)\n","stream":"stdout","time":"2026-11-22T05:01:02.1Z"}"#, "\tat a.B.c(B.java:1)"),
            (r#"{"log":"plain\r\n","stream":"stderr"}"#, "plain"),
            (r#"{"log":"\n","stream":"stdout"}"#, ""),
            (r#"{"log":"C:\\n","stream":"stdout"}"#, "C:\\n"),
            (r#"{"time":"2026-11-22T05:01:02Z","stream":"stdout","log":"say \"x\"\n"}"#, "say \"x\""),
            (r#"{"date":1763787662.5,"log":"\tat a.b(c:1)","kubernetes":{"pod_name":"a"}}"#, "\tat a.b(c:1)"),
            ("2026-11-22T05:01:02.123456789Z stdout F \tat a.B.c(B.java:1)", "\tat a.B.c(B.java:1)"),
            ("2026-11-22T05:01:02.123456789Z stderr F ", ""),
            ("2026-11-22 05:01:02 INFO x", "2026-11-22 05:01:02 INFO x"),
            (r#"{"log": "\tat a.b(c:1)\n", "stream": "stdout"}"#, "\tat a.b(c:1)"),
            (r#"{"stream": "stdout", "log": "x"}"#, "x"),
            (r#"{"level":"info","log":"x"}"#, r#"{"level":"info","log":"x"}"#),
            (r#"{"log":"cut"#, r#"{"log":"cut"#),
            (r#"{"log":7}"#, r#"{"log":7}"#),
        ] {
            assert_eq!(own(text), expected, "{text}");
            assert_eq!(looks_inner(text), looks_inner(expected), "{text}");
        }
    }

    #[test]
    fn lines_that_came_one_by_one_read_as_one_that_came_whole() {
        let lines = ["order failed: \"x\"", "a.B: no \u{e9} \"luck\"", "\tat a.B.c(B.java:1)"];
        let cri = lines.map(|line| format!("2026-11-22T05:01:02.123456789Z stdout F {line}"));
        let docker = lines.map(|line| serde_json::json!({ "log": format!("{line}\n"), "stream": "stdout", "time": "t" }).to_string());
        let mixed = [docker[0].clone(), lines[1].to_owned(), lines[2].to_owned()];
        for all in [lines.map(str::to_owned), cri, docker, mixed] {
            let whole = joined(all.iter().map(String::as_str)).into_owned();
            let record = recognise(&whole);
            assert_eq!((record.message.as_str(), record.rest), (lines[0], lines[1..].iter().map(|l| (*l).to_owned()).collect()), "{whole}");
        }
        assert_eq!((joined(["a"].into_iter()), joined(std::iter::empty())), ("a".into(), "".into()));
    }
}
