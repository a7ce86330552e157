//! `name=value` pairs: lines of nothing else, and those at the end of a text.

use super::{Format, MAX_FIELDS, MORE, Pair, Record, json};

/// A line that is nothing but pairs.
pub(super) fn line(text: &str) -> Option<Record> {
    let (fields, start) = pairs(text)?;
    (start == 0 && fields.len() > 1).then(|| json::with_message(Format::Logfmt, fields))
}

/// Pairs up to the end of the text and where they begin; the earliest such place.
pub(super) fn pairs(text: &str) -> Option<(Vec<Pair>, usize)> {
    let mut found: Option<(Vec<Pair>, usize)> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (pair, after) = token(rest);
        match (pair, &mut found) {
            (Some(_), Some((fields, _))) if fields.len() >= MAX_FIELDS => {
                fields.push((MORE.to_owned(), rest.to_owned()));
                return found;
            }
            (Some(pair), Some((fields, _))) => fields.push(pair),
            (Some(pair), None) => found = Some((vec![pair], at)),
            (None, _) => found = None,
        }
        rest = after.trim_start();
    }
    found
}

/// Pairs among other words.
pub(super) fn scattered(text: &str) -> Vec<Pair> {
    let mut fields = Vec::new();
    let mut left = text;
    while !left.is_empty() && fields.len() < MAX_FIELDS {
        let (pair, after) = token(left);
        fields.extend(pair);
        left = after.trim_start();
    }
    fields
}

/// The next word: a pair, if it is one, and what follows.
fn token(text: &str) -> (Option<Pair>, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = &text[..end];
    let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_name(name)) else { return (None, &text[end..]) };
    if !value.starts_with('"') {
        return (Some((name.to_owned(), value.to_owned())), &text[end..]);
    }
    match quoted(&text[name.len() + 1..]) {
        Some((value, after)) if after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || c == ',') => {
            (Some((name.to_owned(), json::unescape(value).into_owned())), after.strip_prefix(',').unwrap_or(after))
        }
        _ => (None, &text[end..]),
    }
}

/// What is between the quotes that a text begins with, escaped as it is, and what follows.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inner.as_bytes().get(at..)?)?;
        if inner.as_bytes()[at] == b'"' {
            return Some((&inner[..at], &inner[at + 1..]));
        }
        at += 2;
    }
}

/// Whether it could name a field or a logger.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-@/".contains(&b))
}
