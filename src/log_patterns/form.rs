//! The form of a line: what is left of it when all that varies is masked. Lines of one form are one to the clustering.
//!
//! Structured lines (JSON, logfmt) are known by their message and by what they say of a cause, not by their other fields:
//! those come and go with what one line happens to know. Lines without a message are known by the names of their fields.

use std::fmt::Write as _;

use super::{
    cut,
    mask::{WILDCARD, is_name, mask, value_of},
    object::{self, unescaped},
};
use crate::{
    log_fields::{MESSAGES, is_shown_elsewhere, without_ansi},
    model::log::Level,
};

/// Bytes of a line that are looked at.
const LOOK_AT: usize = 4096;
/// Bytes of a form.
const MAX_FORM: usize = 512;
/// Names of fields in the form of a line without a message.
const NAMES: usize = 16;
/// How often a line may stand in the message of another, as container runtimes wrap them.
const WRAPPED: u8 = 2;

/// Fields that container runtimes put beside a line.
const WRAPPERS: [&str; 3] = ["stream", "attrs", "_p"];

/// Writes the form of a line.
pub fn form(line: &str, out: &mut String) {
    out.clear();
    form_of(&without_ansi(cut(line, LOOK_AT)), out, WRAPPED);
    out.truncate(cut(out, MAX_FORM).len());
}

fn form_of(line: &str, out: &mut String, wraps: u8) {
    let line = line.trim_start();
    if let Some(object) = object::read(line) {
        of_object(&object, out, wraps);
        return;
    }
    let first = line.lines().next().unwrap_or("");
    if !of_logfmt(first, out) {
        mask(without_head(first), out);
    }
    if out.is_empty() {
        mask(first, out);
    }
}

fn of_object(object: &object::Object<'_>, out: &mut String, wraps: u8) {
    let Some(message) = object.message.map(unescaped).filter(|m| !m.trim().is_empty()) else {
        return of_names(object.fields.iter().map(|(name, _)| *name), out);
    };
    let is_wrapper = message.starts_with('{') || object.fields.iter().all(|(name, _)| WRAPPERS.contains(name));
    if wraps > 0 && is_wrapper {
        form_of(&message, out, wraps - 1);
    } else {
        mask(message.lines().next().unwrap_or(""), out);
    }
    for (name, value) in object.causes() {
        cause(name, &unescaped(value), out);
    }
}

/// A line that is nothing but pairs, by its message. Returns false when it is no such line.
fn of_logfmt(line: &str, out: &mut String) -> bool {
    let mut pairs = Pairs(line).peekable();
    if pairs.peek().is_none() {
        return false;
    }
    let pairs: Vec<(&str, &str)> = pairs.collect();
    let Some(message) = MESSAGES.iter().find_map(|m| pairs.iter().find(|(name, value)| name == m && !value.is_empty())) else {
        let is_whole = pairs.len() > 1 && line.split_ascii_whitespace().all(|word| word.contains('=') || line.contains('"'));
        if is_whole {
            of_names(pairs.iter().map(|(name, _)| *name).filter(|name| !is_shown_elsewhere(name)), out);
        }
        return is_whole;
    };
    mask(unescaped(message.1).lines().next().unwrap_or(""), out);
    for (name, value) in pairs.iter().filter(|(name, value)| super::mask::is_cause(name) && !value.is_empty()) {
        cause(name, &unescaped(value), out);
    }
    true
}

fn cause(name: &str, value: &str, out: &mut String) {
    let begin = out.len();
    mask(value.lines().next().unwrap_or(""), out);
    if out.len() > begin {
        let after_space = begin + usize::from(begin > 0);
        out.insert(after_space, '=');
        out.insert_str(after_space, name);
    }
}

fn of_names<'n>(names: impl Iterator<Item = &'n str>, out: &mut String) {
    for (i, name) in names.take(NAMES).enumerate() {
        let space = if i > 0 { " " } else { "" };
        // Writing to a string does not fail.
        let _ = write!(out, "{space}{name}={WILDCARD}");
    }
}

/// The pairs at the beginning of a text.
struct Pairs<'t>(&'t str);

impl<'t> Iterator for Pairs<'t> {
    type Item = (&'t str, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once('=').filter(|(name, _)| is_name(name))?;
        let (value, after) = value_of(rest);
        // A value that goes on, as `a=b,c` does, is one value.
        let end = after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len());
        self.0 = after[end..].trim_start();
        Some((name, value))
    }
}

/// Zones that PostgreSQL writes after its times.
const ZONES: [&str; 12] = ["UTC", "GMT", "CET", "CEST", "EST", "EDT", "CST", "CDT", "PST", "PDT", "MSK", "JST"];

/// The text after what nearly every line begins with: times, a level, a process's or thread's number.
fn without_head(line: &str) -> &str {
    let mut rest = line;
    loop {
        let begins = rest.len() == line.len();
        let (word, after) = rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
        let bare = word.trim_matches(['[', ']', '(', ')', ':', '|', '-']);
        let is_time = bare.starts_with(|c: char| c.is_ascii_digit())
            && bare.bytes().all(|b| b.is_ascii_digit() || b":.,-/+TZ".contains(&b))
            && !bare.contains("..");
        let is_level = Level::parse(bare).is_some() && (word.len() > bare.len() || !bare.bytes().any(|b| b.is_ascii_lowercase()));
        let is_bracket = !begins && word.starts_with('[') && word.ends_with(']');
        let is_filler = !begins && (bare.is_empty() || word == "LOG:" || ZONES.contains(&word));
        let is_klog = begins && is_klog_date(word) && after.starts_with(|c: char| c.is_ascii_digit());
        if after.trim_start().is_empty() || !(is_time || is_level || is_bracket || is_filler || is_klog) {
            return rest;
        }
        rest = after.trim_start();
    }
}

/// `I1122`: the letter of a level and the day.
fn is_klog_date(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['I', 'W', 'E', 'F']) && word.bytes().skip(1).all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn formed(line: &str) -> String {
        let mut out = String::new();
        form(line, &mut out);
        out
    }

    #[test]
    fn lines_of_one_statement_have_one_form() {
        for (line, expected) in [
            (r#"{"level":"error","ts":1.5,"msg":"served 5 bytes","code":500,"trace_id":"0af7"}"#, "served <*> bytes"),
            (r#"{"msg":"no luck","error":"dial 10.0.0.1:80: refused","n":1}"#, "no luck error=dial <*>: refused"),
            (r#"{"method":"GET","path":"/a","took":5}"#, "method=<*> path=<*> took=<*>"),
            (r#"ts=2026-11-21T14:57:42Z level=info msg="charged it 7 times" order=7 took_ms=1.5"#, "charged it <*> times"),
            (r#"level=error msg="no luck" err="i/o timeout" n=5"#, "no luck err=i/o timeout"),
            ("ts=5 route=/a status=200 took=5ms", "route=<*> status=<*> took=<*>"),
            (
                "2026-11-21 14:57:42.113 [ERROR] [orders,0af7651916cd43dd8448eb211c80319c,b7ad6b7169203331] [nio-8080-exec-7] c.s.Pool : timeout acquiring pool=orders wait_ms=8000",
                "c.s.Pool : timeout acquiring pool=<*> wait_ms=<*>",
            ),
            ("2026-11-21 14:57:42.113 ERROR 1 --- [main] c.shop.App : failed\njava.lang.X: y", "c.shop.App : failed"),
            ("2026-11-21T14:57:42.113Z\tERROR\tserver/handler.go:88\tno luck\t{\"code\":5}", "server/handler.go:<*> no luck {<*>}"),
            (r#"{"log":"2026-11-21 14:57:42 INFO: warmed up 5\n","stream":"stdout","time":"x"}"#, "warmed up <*>"),
            (r#"{"log":"{\"msg\":\"inner 5\",\"a\":1}\n","stream":"stdout"}"#, "inner <*>"),
            ("2026-11-21 14:57:42.113 UTC [4242] LOG:  checkpoint complete: wrote 55 buffers", "checkpoint complete: wrote <*> buffers"),
            ("I1121 14:57:42.113012    9000 kubelet.go:1711] pulled 5 images", "kubelet.go:<*>] pulled <*> images"),
            ("E1121 is no such day", "<*> is no such day"),
            ("\u{1b}[31mred\u{1b}[0m words", "red words"),
            ("{not json", "{not json"),
            ("12:00", "<*>"),
            ("", ""),
        ] {
            assert_eq!(formed(line), expected, "{line}");
        }
    }

    #[test]
    fn a_hostile_line_has_a_short_form() {
        for line in [
            "x".repeat(1 << 20),
            format!("{{\"msg\":\"{}", "a ".repeat(1 << 19)),
            "\"".repeat(1 << 20),
            "é".repeat(1 << 19),
            "[{".repeat(1 << 19),
        ] {
            assert!(formed(&line).len() <= MAX_FORM);
        }
    }

    proptest! {
        #[test]
        fn anything_has_a_form(line in r#"[\[\]{}":=,'/ \n\t\\a-zA-Z0-9.\u{1b}é-]{0,80}"#) {
            prop_assert!(formed(&line).len() <= MAX_FORM);
        }
    }
}
