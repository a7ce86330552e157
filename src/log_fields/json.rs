//! A line that is a JSON object, or text with one at its end.
//!
//! Read leniently, for what writes logs is not always exact: control characters within strings, `NaN`, half of a surrogate
//! pair. Numbers stay as they are written and fields in their order.

use std::{borrow::Cow, ops::Range};

use super::{Format, MAX_FIELDS, MAX_WRAPPERS, MORE, Pair, Record, within};

/// Levels of nested objects that become fields; deeper ones are shown as JSON.
const DEPTH: usize = 8;

/// What is in a field of a longer name is not named after it once more: a name of a megabyte would be there 200 times.
const LONG_NAME: usize = 256;

/// Names of what a line says, the most telling first.
pub(crate) const MESSAGES: [&str; 13] = [
    "msg",
    "message",
    "@m",
    "@mt",
    "body",
    "event",
    "log",
    "short_message",
    "textPayload",
    "Message",
    "MESSAGE",
    "RenderedMessage",
    "jsonPayload.message",
];

/// A line that is one object. `depth` wrappers were taken off it.
pub(super) fn line(text: &str, depth: usize) -> Option<Record> {
    Some(record(fields(text)?, depth))
}

/// The message before an object that ends the text, and the object's fields.
pub(super) fn after_message(text: &str) -> Option<(&str, Vec<Pair>)> {
    if !text.ends_with('}') {
        return None;
    }
    // The first brace that could begin an object, not every one: a hostile line has a million of them.
    let at = memchr::memmem::find(text.as_bytes(), b"{\"").filter(|at| *at > 0)?;
    Some((text[..at].trim_end(), fields(&text[at..])?))
}

/// The fields of an object.
pub(super) fn fields(text: &str) -> Option<Vec<Pair>> {
    let mut out = Vec::new();
    flatten("", text, 1, &mut out)?;
    Some(out)
}

/// Takes the message out of the fields.
pub(super) fn with_message(format: Format, fields: Vec<Pair>) -> Record {
    take_message(format, fields).0
}

/// The record and the name that its message had.
fn take_message(format: Format, mut fields: Vec<Pair>) -> (Record, String) {
    let place = MESSAGES.iter().find_map(|name| fields.iter().position(|(n, _)| n == name));
    let (name, message) = place.map(|i| fields.remove(i)).unwrap_or_default();
    (Record { fields, ..Record::new(format, message) }, name)
}

/// A message that is itself a line is recognised: an object always, and whatever a shipper calls `log`.
fn record(fields: Vec<Pair>, depth: usize) -> Record {
    let (mut outer, name) = take_message(Format::Json, fields);
    let text = outer.message.trim_end();
    let is_object = || text.starts_with('{') && members(text, 0).is_some();
    if depth >= MAX_WRAPPERS || text.is_empty() || !(name == "log" || is_object()) {
        return outer;
    }
    let mut inner = within(&super::without_ansi(text), depth + 1);
    if name == "log" {
        return inner.around(Format::Json, outer.fields);
    }
    // What the inner line says of itself stays before what is told of it.
    let own = inner.fields.len() - inner.quiet;
    inner.fields.splice(own..own, std::mem::take(&mut outer.fields));
    inner.formats.insert(0, Format::Json);
    inner
}

/// Adds the members of an object, or nothing where it is none.
fn flatten(prefix: &str, text: &str, depth: usize, out: &mut Vec<Pair>) -> Option<()> {
    let (members, more) = members(text, MAX_FIELDS.saturating_sub(out.len()))?;
    for (name, value) in members {
        add(format!("{prefix}{}", unescape(name)), value, depth, out);
    }
    if let Some(more) = more {
        out.push((format!("{prefix}{MORE}"), more.to_owned()));
    }
    Some(())
}

fn add(name: String, value: &str, depth: usize, out: &mut Vec<Pair>) {
    let text = match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
        Some(string) => unescape(string),
        None => Cow::Borrowed(value),
    };
    let trimmed = text.trim();
    let inner = match trimmed.as_bytes().first() {
        _ if depth >= DEPTH || out.len() >= MAX_FIELDS || name.len() > LONG_NAME => None,
        // The message is opened as a line of its own, with its own message.
        Some(b'{') if trimmed != "{}" && (trimmed.len() == value.len() || !is_message(&name)) => {
            flatten(&format!("{name}."), trimmed, depth + 1, out)
        }
        Some(b'[') if trimmed.len() == value.len() && trimmed.contains('{') => elements(&name, trimmed, depth + 1, out),
        _ => None,
    };
    if inner.is_none() {
        out.push((name, text.into_owned()));
    }
}

fn is_message(name: &str) -> bool {
    MESSAGES.contains(&name)
}

/// Elements of a list that holds objects, by their number.
fn elements(name: &str, text: &str, depth: usize, out: &mut Vec<Pair>) -> Option<()> {
    let (values, more) = values(text, MAX_FIELDS.saturating_sub(out.len()))?;
    for (i, value) in values.into_iter().enumerate() {
        add(format!("{name}.{i}"), value, depth, out);
    }
    if let Some(more) = more {
        out.push((format!("{name}.{MORE}"), more.to_owned()));
    }
    Some(())
}

type Member<'a> = (&'a str, &'a str);

/// Names (without quotes) and values of an object as they are written, up to `max`, and the text of those beyond. `None`
/// for what is no object, or has something after it.
pub(super) fn members(text: &str, max: usize) -> Option<(Vec<Member<'_>>, Option<&str>)> {
    let mut out = Vec::new();
    let (mut more, mut end) = (None, 0);
    each_member(text, |member, place| {
        end = place.end;
        if out.len() < max {
            out.push(member);
        } else {
            more = more.or(Some(place.start));
        }
    })?;
    Some((out, more.map(|from| &text[from..end])))
}

/// Tells each member of an object and where it is, as [`members`] does. Of what proves to be none in the end, those before.
fn each_member<'t>(text: &'t str, mut tell: impl FnMut(Member<'t>, Range<usize>)) -> Option<()> {
    let mut at = space(text, step(text, 0, b'{')?);
    if text.as_bytes().get(at) == Some(&b'}') {
        return (space(text, at + 1) == text.len()).then_some(());
    }
    loop {
        let name = at;
        let end = string(text, name)?;
        let value = space(text, step(text, space(text, end), b':')?);
        at = skip(text, value)?;
        tell((&text[name + 1..end - 1], &text[value..at]), name..at);
        at = space(text, at);
        match text.as_bytes().get(at)? {
            b',' => at = space(text, at + 1),
            b'}' => return (space(text, at + 1) == text.len()).then_some(()),
            _ => return None,
        }
    }
}

/// Values of a list as they are written, up to `max`, and the text of those beyond.
fn values(text: &str, max: usize) -> Option<(Vec<&str>, Option<&str>)> {
    let mut out = Vec::new();
    let mut more = None;
    let mut at = space(text, step(text, 0, b'[')?);
    loop {
        let value = at;
        at = skip(text, value)?;
        if out.len() < max {
            out.push(&text[value..at]);
        } else {
            more = more.or(Some(value));
        }
        let end = at;
        at = space(text, at);
        match text.as_bytes().get(at)? {
            b',' => at = space(text, at + 1),
            b']' => return (space(text, at + 1) == text.len()).then(|| (out, more.map(|from| &text[from..end]))),
            _ => return None,
        }
    }
}

fn step(text: &str, at: usize, byte: u8) -> Option<usize> {
    (text.as_bytes().get(at) == Some(&byte)).then_some(at + 1)
}

fn space(text: &str, at: usize) -> usize {
    at + text.as_bytes().get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// The end of a string that begins here, with its quotes.
fn string(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = step(text, at, b'"')?;
    loop {
        at += to_quote(bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// How far the next quote or backslash is. Most strings of a line are short: it is found before a search for it has begun.
fn to_quote(bytes: &[u8]) -> Option<usize> {
    const WORD: usize = size_of::<u64>();
    const EACH: u64 = u64::MAX / 255;
    // The high bit of each byte that is this one; only the lowest of them says something.
    let is = |word: u64, byte: u8| {
        let other = word ^ (EACH * u64::from(byte));
        other.wrapping_sub(EACH) & !other & (EACH << 7)
    };
    let mut near = 0;
    for word in bytes.chunks_exact(WORD).take(3) {
        let word = u64::from_le_bytes(word.try_into().ok()?);
        let found = is(word, b'"') | is(word, b'\\');
        if found != 0 {
            return Some(near + (found.trailing_zeros() / 8) as usize);
        }
        near += WORD;
    }
    memchr::memchr2(b'"', b'\\', &bytes[near..]).map(|at| near + at)
}

/// The end of a value that begins here. Without recursion: 10,000 brackets are a value like any other.
pub(super) fn skip(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'"' => return string(text, at),
        b'{' | b'[' => {}
        _ => {
            let length = bytes[at..].iter().take_while(|b| is_of_scalar(**b)).count();
            return (length > 0).then_some(at + length);
        }
    }
    let (mut depth, mut at) = (0_usize, at);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string(text, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Whether numbers and bare words are written with it.
pub(super) const fn is_of_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// What is between quotes, as it was before it was put there: JSON's escapes and Go's. One that is none, such as half of a
/// surrogate pair, stays as it is written.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        let plain = match chars.next() {
            Some('n') => Some('\n'),
            Some('t') => Some('\t'),
            Some('r') => Some('\r'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some(c @ ('"' | '\\' | '/' | '\'')) => Some(c),
            _ => None,
        };
        if let Some(c) = plain {
            out.push(c);
            rest = chars.as_str();
        } else if let Some((c, length)) = code_point(after) {
            out.push(c);
            rest = &after[length..];
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `u20ac`, `ud83d\ude00`, `x1b`: the character and how long it is written.
fn code_point(text: &str) -> Option<(char, usize)> {
    let hex = |from: usize, length: usize| {
        let digits = text.get(from..from + length).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    match text.as_bytes().first()? {
        b'x' => hex(1, 2).filter(|c| *c < 0x80).and_then(char::from_u32).map(|c| (c, 3)),
        b'u' => {
            let first = hex(1, 4)?;
            if let Some(c) = char::from_u32(first) {
                return Some((c, 5));
            }
            let second = text.get(5..7).filter(|t| *t == "\\u").and_then(|_| hex(7, 4)).filter(|s| (0xdc00..0xe000).contains(s))?;
            let c = char::from_u32(0x10000 + (first.checked_sub(0xd800)? << 10) + (second - 0xdc00)).filter(|_| first < 0xdc00)?;
            Some((c, 11))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        fields(text).unwrap().iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn fields_stay_in_their_order_and_numbers_as_they_are_written() {
        assert_eq!(
            shown(r#"{"z":1.50,"a":12345678901234567890123,"m":{"y":null,"b":true},"e":{},"l":[1,2],"n":NaN}"#),
            "z=1.50 a=12345678901234567890123 m.y=null m.b=true e={} l=[1,2] n=NaN"
        );
        assert_eq!(
            shown(r#"{"items":[{"sku":"a"},{"sku":"b","n":2}],"tags":["x"]}"#),
            r#"items.0.sku=a items.1.sku=b items.1.n=2 tags=["x"]"#
        );
        assert_eq!(shown(r#"{"payload":"{\"order\":{\"id\":7}}","not":"{x}"}"#), "payload.order.id=7 not={x}");
    }

    #[test]
    fn what_is_not_quite_json_is_read_and_what_is_not_at_all_is_text() {
        assert_eq!(shown("{\"a\":\"x\ty\",\"a\":2}"), "a=x\ty a=2");
        for text in ["{", "{}x", "{a:1}", r#"{"a":}"#, r#"{"a":1,}"#, r#"{"a":"b}"#, r#"{"a" 1}"#, r#"{"a":{"b":1}"#, "[1]", r#"{"a":1"#] {
            assert_eq!(fields(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_that_are_none_stay() {
        for (written, read) in [
            (r"a\nb\t\u00e9\ud83d\ude00\/", "a\nb\té😀/"),
            (r"\ud83d \ud83dx \ude00 \u12 \x1bz \xff \q \", "\\ud83d \\ud83dx \\ude00 \\u12 \u{1b}z \\xff \\q \\"),
            (r"\ud83d\u0041", "\\ud83dA"),
        ] {
            assert_eq!(unescape(written), read, "{written}");
        }
    }

    #[test]
    fn what_is_too_much_is_kept_together() {
        let many = format!("{{{}}}", (0..1000).map(|i| format!("\"f{i}\":{i}")).collect::<Vec<_>>().join(","));
        let all = fields(&many).unwrap();
        assert_eq!((all.len(), all[199].0.as_str(), all[200].0.as_str()), (MAX_FIELDS + 1, "f199", MORE));
        assert!(all[200].1.starts_with(r#""f200":200,"#) && all[200].1.ends_with(r#""f999":999"#));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        let all = fields(&deep).unwrap();
        assert_eq!((all.len(), all[0].0.as_str()), (1, "a.a.a.a.a.a.a.a"));
        assert_eq!(all[0].1.len(), deep.len() - 8 * 6);
    }
}
