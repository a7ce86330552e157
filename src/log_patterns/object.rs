//! A JSON object of a line, looked through for what tells statements apart. It is not read as JSON: of a million lines a
//! second no value is made, and what is cut off in the middle says what it said until there.

use std::borrow::Cow;

use super::mask::is_cause;
use crate::log_fields::{MESSAGES, is_shown_elsewhere};

/// What an object says.
#[derive(Debug, Default, PartialEq)]
pub struct Object<'t> {
    /// Its message, as it is written: escapes are in it.
    pub message: Option<&'t str>,
    /// Names and plain values of its other fields, those left out that time, level and trace stand in.
    pub fields: Vec<(&'t str, &'t str)>,
}

/// Looks through an object at the beginning of a text.
pub fn read(text: &str) -> Option<Object<'_>> {
    let mut rest = text.strip_prefix('{')?.trim_start();
    let mut object = Object::default();
    let mut best = MESSAGES.len();
    loop {
        if rest.is_empty() || rest.starts_with('}') {
            return Some(object);
        }
        let (name, after) = string(rest)?;
        let Some(value) = after.trim_start().strip_prefix(':').map(str::trim_start) else {
            return after.trim_start().is_empty().then_some(object);
        };
        let after = after_value(value);
        let plain = value[..value.len() - after.len()].trim_end();
        let plain = plain.strip_prefix('"').map_or(plain, |p| p.strip_suffix('"').unwrap_or(p));
        match MESSAGES.iter().position(|m| *m == name) {
            Some(rank) if rank < best && value.starts_with('"') => {
                best = rank;
                object.message = Some(plain);
            }
            _ if is_shown_elsewhere(name) => {}
            _ => object.fields.push((name, plain)),
        }
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
        if rest.len() == after.len() && !rest.is_empty() && !rest.starts_with('}') {
            return None;
        }
    }
}

impl Object<'_> {
    /// Fields that say what happened.
    pub fn causes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .copied()
            .filter(|(name, value)| is_cause(name) && !value.is_empty() && *value != "null" && !value.starts_with('{'))
    }
}

/// A quoted text and what follows it; a text that is cut off ends where it is cut.
fn string(text: &str) -> Option<(&str, &str)> {
    let open = text.strip_prefix('"')?;
    let end = end_of_string(open);
    Some((&open[..end], open.get(end + 1..).unwrap_or("")))
}

/// Where the open string ends.
fn end_of_string(open: &str) -> usize {
    let bytes = open.as_bytes();
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'"', b'\\', &bytes[from..]) {
        let at = from + at;
        if bytes[at] == b'"' {
            return at;
        }
        from = at + 2;
        if from >= bytes.len() {
            break;
        }
    }
    open.len()
}

/// What follows the value that the text begins with.
pub fn after_value(text: &str) -> &str {
    let mut depth = 0_u32;
    let mut rest = text;
    loop {
        let Some(at) = rest.bytes().position(|b| matches!(b, b'"' | b'{' | b'[' | b'}' | b']' | b',')) else { return "" };
        let (byte, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        match byte {
            b'"' => {
                rest = after.get(end_of_string(after) + 1..).unwrap_or("");
                if depth == 0 {
                    return rest;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' if depth == 0 => return &rest[at..],
            b'}' | b']' => {
                if depth == 0 {
                    return &rest[at..];
                }
                depth -= 1;
                if depth == 0 {
                    return after;
                }
            }
            _ => {}
        }
        rest = after;
    }
}

/// A string without its escapes, as far as words need it.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => {}
                Some('u') => {
                    let code: String = chars.by_ref().take(4).collect();
                    out.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                }
                Some(c) => out.push(c),
                None => {}
            },
            (c, false) => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_fields_are_found_without_time_level_and_trace() {
        let text =
            r#"{"ts":1.5, "level":"error","msg":"a \"b\", {c}" ,"code":500,"http":{"route":"/a","x":[1,"]"]},"trace_id":"0af7","ok":true}"#;
        let object = read(text).unwrap();
        assert_eq!(object.message, Some(r#"a \"b\", {c}"#));
        assert_eq!(object.fields, [("code", "500"), ("http", r#"{"route":"/a","x":[1,"]"]}"#), ("ok", "true")]);
        assert_eq!(unescaped(object.message.unwrap()), r#"a "b", {c}"#);
    }

    #[test]
    fn what_is_cut_off_says_what_it_said_until_there() {
        assert_eq!(read(r#"{"msg":"a b","data":"xxxx"#).unwrap().message, Some("a b"));
        assert_eq!(read(r#"{"msg":"a b","da"#).unwrap().message, Some("a b"));
        assert_eq!(read(r#"{"data":[1,2,"#).unwrap().message, None);
    }

    #[test]
    fn what_is_none_is_none() {
        for text in ["{not json", "plain", "{1}", r#"{"a" "b"}"#, r#"{"a":"b" "c":"d"}"#] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("{}"), Some(Object::default()));
    }
}
