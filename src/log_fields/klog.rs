//! Kubernetes' components and glog: `E1122 05:01:02.123456       1 file.go:123] message`.

use super::{Format, Record, is_digits, json, logfmt, pair, prose, time, word};
use crate::model::log::Level;

/// A line with klog's head.
pub(super) fn line(text: &str) -> Option<Record> {
    level(text)?;
    let (letter, day) = text.get(1..5).map(|day| (&text[..1], day))?;
    let (clock, rest) = word(&text[6..]);
    let (thread, rest) = word(rest);
    let (caller, message) = rest.split_once(']').filter(|(caller, _)| !caller.contains(char::is_whitespace))?;
    if !is_digits(thread) {
        return None;
    }
    let message = message.trim_start();
    let structured = logfmt::quoted(message).and_then(|(said, after)| {
        // The message in quotes, then its fields.
        let fields =
            if after.trim().is_empty() { Some(Vec::new()) } else { logfmt::pairs(after.trim_start()).filter(|p| p.1 == 0).map(|p| p.0) };
        Some(Record { fields: fields?, ..Record::new(Format::Klog, json::unescape(said)) })
    });
    let mut record = structured.unwrap_or_else(|| prose::message(message));
    record.formats = vec![Format::Klog];
    let time = format!("{day} {clock}");
    Some(record.with_quiet([pair("caller", caller), pair("level", letter), pair("time", &time), pair("thread", thread)]))
}

/// What the letter at the start says, where date and time follow it.
pub(super) fn level(text: &str) -> Option<Level> {
    let b = text.as_bytes();
    let level = match b.first()? {
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' => Level::Fatal,
        _ => return None,
    };
    time::shape(&b[1..], b"0000 00:00:00.").then_some(level)
}
