//! .NET's console logger: `fail: Shop.Orders.Pool[17]` and the message on the lines below.

use super::{Format, Record, lines, pair};
use crate::model::log::Level;

/// A line with its head.
pub(super) fn line(text: &str) -> Option<Record> {
    level(text)?;
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (word, category) = head.split_once(": ")?;
    let (category, event) = category.trim_end().strip_suffix(']')?.rsplit_once('[')?;
    if category.contains(char::is_whitespace) {
        return None;
    }
    let (message, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let mut record = Record::new(Format::Dotnet, message.trim());
    record.rest = lines(rest);
    record.fields = vec![pair("category", category), pair("event_id", event)];
    Some(record.with_quiet([pair("level", word)]))
}

/// What the four letters at the start say.
pub(super) fn level(text: &str) -> Option<Level> {
    Some(match text.get(..6)? {
        "trce: " => Level::Trace,
        "dbug: " => Level::Debug,
        "info: " => Level::Info,
        "warn: " => Level::Warn,
        "fail: " => Level::Error,
        "crit: " => Level::Fatal,
        _ => return None,
    })
}
