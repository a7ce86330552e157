//! nginx' error log: `2026/11/22 05:01:02 [error] 31#31: *1 message, client: 10.0.0.1, server: _, request: "GET / HTTP/1.1"`.

use super::{Format, MAX_FIELDS, Pair, Record, is_digits, json, logfmt, pair, time};
use crate::model::log::Level;

/// What nginx tells after the message, in its order.
const NAMES: [&str; 8] = ["client", "server", "request", "subrequest", "upstream", "bytes from/to client", "host", "referrer"];

/// A line of the error log.
pub(super) fn line(text: &str) -> Option<Record> {
    level(text)?;
    let (level, rest) = text[21..].split_once("] ")?;
    let (process, mut rest) = rest.split_once(": ")?;
    let (pid, tid) = process.split_once('#').filter(|(pid, tid)| is_digits(pid) && is_digits(tid))?;
    let mut told = vec![pair("level", level), pair("time", &text[..19]), pair("pid", pid), pair("tid", tid)];
    if let Some((connection, after)) = rest.strip_prefix('*').and_then(|r| r.split_once(' ')) {
        told.push(pair("connection", connection));
        rest = after;
    }
    let (message, fields) = told_after(rest);
    Some(Record { fields, ..Record::new(Format::NginxError, message) }.with_quiet(told))
}

/// The message and what is told after it.
fn told_after(text: &str) -> (&str, Vec<Pair>) {
    let Some(at) = NAMES.iter().filter_map(|name| text.find(&format!(", {name}: "))).min() else { return (text, Vec::new()) };
    let (message, mut rest) = text.split_at(at);
    let mut fields = Vec::new();
    while let Some((name, value)) = rest.strip_prefix(", ").and_then(|r| r.split_once(": ")).filter(|(name, _)| NAMES.contains(name)) {
        if fields.len() >= MAX_FIELDS {
            break;
        }
        if let Some((quoted, after)) = logfmt::quoted(value) {
            fields.push((name.to_owned(), json::unescape(quoted).into_owned()));
            rest = after;
        } else {
            let end = value.find(", ").unwrap_or(value.len());
            fields.push(pair(name, &value[..end]));
            rest = &value[end..];
        }
    }
    if !rest.is_empty() {
        fields.push(pair("more", rest));
    }
    (message, fields)
}

/// The level in brackets after the time, in small letters.
pub(super) fn level(text: &str) -> Option<Level> {
    if !time::shape(text.as_bytes(), b"0000/00/00 00:00:00 [") {
        return None;
    }
    Level::parse(text.get(21..)?.split(']').next()?)
}
