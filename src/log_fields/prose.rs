//! Text: a head of time, level, thread and logger, then the message, perhaps with fields at its end.

use super::{Format, Pair, Record, head, json, logfmt};

/// A line of text. What the head names comes after the line's own fields.
pub(super) fn line(text: &str) -> Record {
    let head = head::read(text);
    let mut record = message(head.rest);
    record.fields.extend(head.named);
    record.with_quiet(head.quiet)
}

/// A message without a head.
pub(super) fn message(text: &str) -> Record {
    let apart = |message: &str, fields: Vec<Pair>| Record { fields, ..Record::new(Format::Text, message.trim_end().replace('\t', "  ")) };
    if let Some((message, fields)) = json::after_message(text) {
        return apart(message, fields);
    }
    if let Some((fields, start)) = logfmt::pairs(text).filter(|(_, start)| *start > 0) {
        return apart(&text[..start], fields);
    }
    let fields = logfmt::scattered(text);
    Record { in_message: !fields.is_empty(), fields, ..Record::new(Format::Text, text) }
}
