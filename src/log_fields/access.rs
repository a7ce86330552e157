//! Requests as Apache and nginx note them: the common and the combined format, and what is put after them.

use super::{Format, Record, is_digits, logfmt, pair, time, word};
use crate::model::log::Level;

/// `client - user [22/Nov/2026:05:01:02 +0000] "GET /pay HTTP/1.1" 502 157 "referer" "agent" 0.004`.
pub(super) fn line(text: &str) -> Option<Record> {
    let open = bracket(text)?;
    let before: Vec<&str> = text[..open].split_whitespace().collect();
    let (at, rest) = text[open + 1..].split_once("] ")?;
    let (request, rest) = logfmt::quoted(rest.trim_start())?;
    let (status, rest) = word(rest.trim_start());
    let (bytes, mut rest) = word(rest);
    if status.len() != 3 || !is_digits(status) || !(is_digits(bytes) || bytes == "-") || !(1..=4).contains(&before.len()) {
        return None;
    }
    let mut record = Record::new(Format::Access, request);
    record.fields = vec![pair("status", status), pair("bytes", bytes)];
    let mut quiet = Vec::new();
    let mut names = ["referer", "agent", "forwarded_for"].into_iter();
    while let Some((value, after)) = logfmt::quoted(rest) {
        let Some(name) = names.next() else { break };
        // As it is written: what is escaped here is what no terminal should get.
        let to = if matches!(name, "agent" | "forwarded_for") || value == "-" { &mut quiet } else { &mut record.fields };
        to.push(pair(name, value));
        rest = after.trim_start();
    }
    trailing(rest, &mut record);
    // A name of the server comes before the client where there are four words.
    let (server, people) = if before.len() == 4 { (Some(before[0]), &before[1..]) } else { (None, &before[..]) };
    for (name, value) in ["client", "ident", "user"].into_iter().zip(people).filter(|(name, v)| *name == "client" || **v != "-") {
        record.fields.push(pair(name, value));
    }
    quiet.extend(server.map(|s| pair("server", s)));
    let mut words = request.split(' ');
    if let (Some(method), Some(path)) = (words.next(), words.next()) {
        quiet.extend([pair("method", method), pair("path", path)]);
        quiet.extend(words.next().map(|protocol| pair("protocol", protocol)));
    }
    quiet.push(pair("time", at));
    Some(record.with_quiet(quiet))
}

/// What follows the known part: the request's length and the time it took, `name=value`, and whatever else.
fn trailing(text: &str, record: &mut Record) {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let (first, after_first) = word(text);
    let (second, after_second) = word(after_first);
    let rest = if is_digits(first) && is_number(second) && !is_digits(second) {
        record.fields.extend([pair("request_length", first), pair("request_time", second)]);
        after_second
    } else if is_number(first) {
        record.fields.push(pair("request_time", first));
        after_first
    } else {
        text
    };
    match logfmt::pairs(rest) {
        _ if rest.is_empty() => {}
        Some((mut fields, 0)) => record.fields.append(&mut fields),
        _ => record.fields.push(pair("more", rest)),
    }
}

/// The level of a status: 5xx error, 4xx warn.
pub(super) fn level(text: &str) -> Option<Level> {
    let rest = text.get(bracket(text)? + 1..)?.split_once("] ")?.1;
    // In JSON the quotes are escaped.
    let status = match rest.strip_prefix("\\\"") {
        Some(request) => request.split_once("\\\"")?.1,
        None => logfmt::quoted(rest)?.1,
    };
    let status = status.trim_start().as_bytes();
    time::shape(status, b"000").then(|| of_status(status[0]))
}

/// The level of a status by its first digit.
pub(super) fn of_status(digit: u8) -> Level {
    match digit {
        b'5' => Level::Error,
        b'4' => Level::Warn,
        _ => Level::Info,
    }
}

/// Where `[22/Nov/2026:05:01:02` is.
fn bracket(text: &str) -> Option<usize> {
    const NEAR: usize = 300;
    let head = &text.as_bytes()[..text.len().min(NEAR)];
    memchr::memchr_iter(b'[', head).find(|at| {
        let b = &text.as_bytes()[at + 1..];
        time::shape(b, b"00/") && b.get(6..).is_some_and(|b| time::shape(b, b"/0000:00:00:00"))
    })
}
