//! What a log line says: its message and its fields, whatever way they are written.
//!
//! JSON objects, logfmt, and text with a head (time, level, logger) as Spring, zap, uvicorn and Python's logging write
//! it, with `key=value` pairs at its end. Done for the lines on the screen only.

use std::borrow::Cow;

use crate::model::log::Level;

/// A recognised line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The first line of the message, without what the head says.
    pub message: String,
    /// Fields in their order; nested ones with dots in their names.
    pub fields: Vec<(String, String)>,
    /// Whether fields stand within the message too.
    pub in_message: bool,
    /// Further lines: a stack trace.
    pub rest: Vec<String>,
}

impl Record {
    /// Fields that the row of a line does not say otherwise: neither time, level nor ids of trace and span.
    pub fn inline(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = if self.in_message { &[][..] } else { &self.fields };
        fields.iter().filter(|(name, _)| !is_shown_elsewhere(name)).map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// Levels of nested JSON that become fields; deeper ones are shown as JSON.
const DEPTH: usize = 4;
/// Fields of a line at the most.
const MAX_FIELDS: usize = 200;

/// Recognises a line.
pub fn recognise(text: &str) -> Record {
    let text = without_ansi(text.trim_end());
    let record = json(&text).unwrap_or_else(|| {
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let rest = rest.lines().map(str::to_owned).collect();
        Record { rest, ..logfmt(first).unwrap_or_else(|| prose(first)) }
    });
    let record = first_line_only(record);
    // JSON writes the escape character of a colour as text.
    Record { message: without_ansi(&record.message).into_owned(), ..record }
}

/// The text without escape sequences that colour it.
pub fn without_ansi(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = match after.strip_prefix('[') {
            Some(sequence) => {
                let end = sequence.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
                end.map_or("", |end| &sequence[end + 1..])
            }
            None => after,
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn first_line_only(mut record: Record) -> Record {
    if let Some((first, rest)) = record.message.split_once('\n') {
        let mut lines: Vec<String> = rest.lines().map(str::to_owned).collect();
        lines.append(&mut record.rest);
        record = Record { message: first.to_owned(), rest: lines, ..record };
    }
    record
}

fn is_shown_elsewhere(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "time",
        "ts",
        "timestamp",
        "@timestamp",
        "@t",
        "datetime",
        "asctime",
        "level",
        "lvl",
        "severity",
        "levelname",
        "@l",
        "log.level",
        "trace_id",
        "traceid",
        "trace.id",
        "span_id",
        "spanid",
        "span.id",
        "oteltraceid",
        "otelspanid",
    ];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

const MESSAGES: [&str; 9] = ["msg", "message", "@m", "@mt", "body", "event", "log", "short_message", "textPayload"];

/// Takes the message out of the fields.
fn with_message(mut fields: Vec<(String, String)>) -> Record {
    let place = MESSAGES.iter().find_map(|name| fields.iter().position(|(n, _)| n == name));
    let message = place.map(|i| fields.remove(i).1).unwrap_or_default();
    Record { message, fields, ..Record::default() }
}

fn json(text: &str) -> Option<Record> {
    if !text.starts_with('{') {
        return None;
    }
    let serde_json::Value::Object(object) = serde_json::from_str(text).ok()? else { return None };
    let mut fields = Vec::new();
    flatten("", object, 1, &mut fields);
    Some(with_message(fields))
}

fn flatten(prefix: &str, object: serde_json::Map<String, serde_json::Value>, depth: usize, out: &mut Vec<(String, String)>) {
    for (name, value) in object {
        if out.len() >= MAX_FIELDS {
            return;
        }
        let name = format!("{prefix}{name}");
        match value {
            serde_json::Value::Object(inner) if depth < DEPTH => flatten(&format!("{name}."), inner, depth + 1, out),
            serde_json::Value::String(text) => out.push((name, text)),
            other => out.push((name, other.to_string())),
        }
    }
}

/// A line that is nothing but pairs.
fn logfmt(text: &str) -> Option<Record> {
    let (fields, start) = pairs(text)?;
    (start == 0 && fields.len() > 1).then(|| with_message(fields))
}

/// Pairs up to the end of the text and where they begin; the earliest such place.
fn pairs(text: &str) -> Option<(Vec<(String, String)>, usize)> {
    let mut found: Option<(Vec<(String, String)>, usize)> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (pair, after) = token(rest);
        match (pair, &mut found) {
            (Some(pair), Some((fields, _))) if fields.len() < MAX_FIELDS => fields.push(pair),
            (Some(pair), None) => found = Some((vec![pair], at)),
            (Some(_), Some(_)) => {}
            (None, _) => found = None,
        }
        rest = after.trim_start();
    }
    found
}

/// The next word: a pair, if it is one, and what follows.
fn token(text: &str) -> (Option<(String, String)>, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = &text[..end];
    let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_name(name)) else { return (None, &text[end..]) };
    if !value.starts_with('"') {
        return (Some((name.to_owned(), value.to_owned())), &text[end..]);
    }
    let quoted = &text[name.len() + 2..];
    let mut value = String::new();
    let mut escaped = false;
    for (i, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    c => c,
                });
                escaped = false;
            }
            '"' => return (Some((name.to_owned(), value)), &quoted[i + 1..]),
            '\\' => escaped = true,
            c => value.push(c),
        }
    }
    (None, &text[end..])
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-@/".contains(&b))
}

/// Text: a head of time, level, threads and logger, then the message. What the head names comes after the line's own
/// fields.
fn prose(text: &str) -> Record {
    let mut named = Vec::new();
    let rest = head(text, &mut named);
    if let Some((message, object)) = rest.rsplit_once('\t')
        && let Some(mut inner) = json(object)
    {
        inner.fields.append(&mut named);
        return Record { message: message.replace('\t', "  "), fields: inner.fields, ..Record::default() };
    }
    if let Some((mut fields, start)) = pairs(rest).filter(|(_, start)| *start > 0) {
        fields.append(&mut named);
        return Record { message: rest[..start].trim_end().to_owned(), fields, ..Record::default() };
    }
    let mut fields = Vec::new();
    let mut left = rest;
    while !left.is_empty() && fields.len() < MAX_FIELDS {
        let (pair, after) = token(left);
        fields.extend(pair);
        left = after.trim_start();
    }
    let in_message = !fields.is_empty();
    fields.append(&mut named);
    Record { message: rest.to_owned(), in_message, fields, ..Record::default() }
}

/// What follows the head; fields that it names are added.
fn head<'a>(text: &'a str, fields: &mut Vec<(String, String)>) -> &'a str {
    let mut rest = text;
    let mut seen_level = false;
    if is_date(word(rest).0) {
        rest = word(rest).1;
        if is_time(word(rest).0) {
            rest = word(rest).1;
        }
    }
    loop {
        let (first, after) = word(rest);
        let bare = first.trim_matches(['[', ']', '(', ')', ':']);
        if !seen_level && Level::parse(bare).is_some() && (first.len() > bare.len() || !bare.bytes().any(|b| b.is_ascii_lowercase())) {
            seen_level = true;
            rest = after;
        } else if let Some((inner, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')).filter(|_| rest.len() < text.len()) {
            let inner = inner.trim();
            // `[service,trace,span]` is recognised where trace ids are.
            if !inner.is_empty() && !inner.contains(',') {
                fields.push(("thread".to_owned(), inner.to_owned()));
            }
            rest = after.trim_start();
        } else if seen_level
            && (first == "---" || (!first.is_empty() && first.bytes().all(|b| b.is_ascii_digit()) && after.starts_with("---")))
        {
            rest = after;
        } else {
            return logger(rest, seen_level, fields);
        }
    }
}

/// `c.shop.Pool : message` and `mailer: message`, after a level.
fn logger<'a>(rest: &'a str, seen_level: bool, fields: &mut Vec<(String, String)>) -> &'a str {
    let (first, after) = word(rest);
    if !seen_level || first.is_empty() {
        return rest;
    }
    let (name, message) = match (after.strip_prefix(": "), first.strip_suffix(':')) {
        (Some(message), _) => (first, message),
        (None, Some(name)) if is_name(name) && !name.ends_with("Exception") && !name.ends_with("Error") => (name, after),
        _ => return rest,
    };
    fields.push(("logger".to_owned(), name.to_owned()));
    message.trim_start()
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn is_date(word: &str) -> bool {
    let b = word.trim_start_matches('[').as_bytes();
    b.len() >= 10 && b[..4].iter().all(u8::is_ascii_digit) && matches!(b[4], b'-' | b'/') && b[5].is_ascii_digit() && b[7] == b[4]
}

fn is_time(word: &str) -> bool {
    let b = word.as_bytes();
    b.len() >= 8 && b[0].is_ascii_digit() && b[2] == b':' && b[5] == b':'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let r = recognise(text);
        let fields: Vec<String> = r.inline().map(|(n, v)| format!("{n}={v}")).collect();
        format!("{}|{}|{}", r.message, fields.join(" "), r.rest.len())
    }

    #[test]
    fn the_usual_ways_of_writing_are_recognised() {
        for (text, expected) in [
            (
                r#"{"level":"error","ts":1.5,"msg":"served","code":500,"http":{"route":"/a"},"trace_id":"0af7"}"#,
                "served|code=500 http.route=/a|0",
            ),
            (
                r#"ts=2026-11-21T14:57:42Z level=info msg="charged it \"now\"" order=7 took_ms=1.5"#,
                r#"charged it "now"|order=7 took_ms=1.5|0"#,
            ),
            (
                "2026-11-21 14:57:42.113 [ERROR] [orders,0af7651916cd43dd8448eb211c80319c,b7ad6b7169203331] [nio-8080-exec-7] c.s.Pool : timeout acquiring connection from pool pool=orders wait_ms=8000",
                "timeout acquiring connection from pool|pool=orders wait_ms=8000 thread=nio-8080-exec-7 logger=c.s.Pool|0",
            ),
            (
                "2026-11-21 14:57:42.113 ERROR 1 --- [main] c.shop.App : failed\njava.lang.X: y\n\tat a.b(C.java:1)",
                "failed|thread=main logger=c.shop.App|2",
            ),
            ("2026-11-21T14:57:42.113Z\tERROR\tserver/handler.go:88\tno luck\t{\"code\":5}", "server/handler.go:88  no luck|code=5|0"),
            (r#"INFO:     127.0.0.1:1234 - "GET /x HTTP/1.1" 200 OK"#, r#"127.0.0.1:1234 - "GET /x HTTP/1.1" 200 OK||0"#),
            ("2026-11-21 14:57:42,113 [INFO] mailer: sent order in 5 ms", "sent order in 5 ms|logger=mailer|0"),
            ("ERROR java.sql.SQLException: orders-pool is empty", "java.sql.SQLException: orders-pool is empty||0"),
            ("2026-11-21 14:57:42 [ERROR] cart.api id=5 unhandled exception", "cart.api id=5 unhandled exception||0"),
            ("plain words, a = b, error here", "plain words, a = b, error here||0"),
            ("{not json", "{not json||0"),
            ("\u{1b}[31mred\u{1b}[0m words", "red words||0"),
            ("", "||0"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn pairs_within_the_message_are_fields_but_not_repeated() {
        let record = recognise("[ERROR] cart.api id=5 unhandled exception");
        assert_eq!((record.fields, record.in_message), (vec![("id".to_owned(), "5".to_owned())], true));
    }

    proptest! {
        #[test]
        fn anything_is_a_line(text in r#"[\[\]{}":=, \n\t\\a-zA-Z0-9.\u{1b}é-]{0,80}"#) {
            recognise(&text);
        }
    }
}
