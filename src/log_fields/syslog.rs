//! Syslog around a line: RFC 5424, RFC 3164, and both as files hold them, without a priority.

use super::{Format, MAX_FIELDS, Pair, is_digits, json, logfmt, pair, time, word, wrapper::Wrapped};
use crate::model::log::Level;

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Takes syslog's header off.
pub(super) fn open(text: &str) -> Option<Wrapped<'_>> {
    let priority = priority(text);
    let rest = priority.map_or(text, |(_, rest)| rest);
    let header = priority.and_then(|_| version_1(rest)).or_else(|| bsd(rest)).or_else(|| dated(rest, priority.is_some()));
    let (mut fields, inner) = match header {
        Some(header) => header,
        None => priority.map(|_| (Vec::new(), rest))?,
    };
    if let Some((number, _)) = priority {
        fields.push(pair("facility", FACILITIES[usize::from(number / 8)]));
        fields.push(pair("severity", SEVERITIES[usize::from(number % 8)]));
        fields.push(pair("priority", text[1..].split('>').next().unwrap_or("")));
    }
    let inner = inner.strip_prefix('\u{feff}').unwrap_or(inner).trim_start();
    Some(Wrapped { format: Format::Syslog, fields, inner: inner.into() })
}

/// `<34>`: the number and what follows.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_at_checked(text.find('>')?.checked_sub(1)?)?;
    let number = Some(number).filter(|n| is_digits(n) && n.len() <= 3)?.parse().ok().filter(|n| *n < 192)?;
    Some((number, &rest[1..]))
}

/// The level that a priority at the start of the text stands for.
pub(super) fn level(text: &str) -> Option<Level> {
    let (number, _) = priority(text)?;
    Some(severity(number % 8))
}

/// Syslog's severities as levels.
pub(super) fn severity(number: u8) -> Level {
    match number {
        0..=2 => Level::Fatal,
        3 => Level::Error,
        4 => Level::Warn,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    }
}

type Header<'a> = (Vec<Pair>, &'a str);

/// RFC 5424: `1 time host app pid msgid [id name="value"] message`.
fn version_1(text: &str) -> Option<Header<'_>> {
    let mut rest = text.strip_prefix("1 ")?;
    let mut told = vec![pair("version", "1")];
    for name in ["time", "host", "app", "pid", "msgid"] {
        let (value, after) = rest.split_once(' ')?;
        if name == "time" && value != "-" && time::leading(value).is_none() {
            return None;
        }
        if value != "-" {
            told.push(pair(name, value));
        }
        rest = after;
    }
    let mut fields = Vec::new();
    match rest.strip_prefix('-') {
        Some(after) => rest = after,
        None => {
            while let Some((mut data, after)) = rest.strip_prefix('[').filter(|_| fields.len() < MAX_FIELDS).and_then(element) {
                rest = after;
                fields.append(&mut data);
            }
        }
    }
    fields.append(&mut told);
    Some((fields, rest))
}

/// What follows `[`: `id name="value" …]`.
fn element(text: &str) -> Option<(Vec<Pair>, &str)> {
    let end = text.find([' ', ']'])?;
    let (id, mut rest) = text.split_at(end);
    let mut out = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            if out.is_empty() {
                out.push(pair(id, ""));
            }
            return Some((out, after));
        }
        let (name, value) = rest.split_once('=').filter(|_| out.len() < MAX_FIELDS)?;
        let (value, after) = logfmt::quoted(value)?;
        out.push((format!("{id}.{name}"), json::unescape(value).into_owned()));
        rest = after;
    }
}

/// RFC 3164: `Nov 22 05:01:02 host app[pid]: message`.
fn bsd(text: &str) -> Option<Header<'_>> {
    let (at, rest) = time::month_first(text)?;
    host_and_tag(at, rest.trim_start(), false)
}

/// The same with a full date. Without a priority only `app[pid]:` is proof enough.
fn dated(text: &str, proven: bool) -> Option<Header<'_>> {
    let (at, rest) = time::leading(text).filter(|_| text.as_bytes().get(10) == Some(&b'T'))?;
    host_and_tag(at, rest.trim_start(), !proven)
}

fn host_and_tag<'a>(at: &str, text: &'a str, strict: bool) -> Option<Header<'a>> {
    let (host, rest) = word(text);
    let (tag, message) = rest.split_once(": ").or_else(|| rest.strip_suffix(':').map(|tag| (tag, "")))?;
    let (app, pid) = match tag.strip_suffix(']').and_then(|t| t.split_once('[')) {
        Some((app, pid)) => (app, Some(pid)),
        None => (tag, None),
    };
    let fits = !app.is_empty() && app.len() <= 64 && !app.contains([' ', '[', '"']) && Level::parse(host).is_none() && !host.contains('[');
    if !fits || strict && !pid.is_some_and(is_digits) {
        return None;
    }
    let mut fields = vec![pair("time", at), pair("host", host), pair("app", app)];
    fields.extend(pid.map(|pid| pair("pid", pid)));
    Some((fields, message))
}
