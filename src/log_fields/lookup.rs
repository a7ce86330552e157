//! One field of a plain JSON line, without taking the whole line apart: a filter asks a million of them.

use super::{
    MAX_FIELDS, MESSAGES,
    json::{is_of_scalar, skip},
};

/// What is known of a field without [`super::recognise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'t> {
    /// Its value.
    Value(&'t str),
    /// The line has none.
    Missing,
    /// The line is not plain enough.
    Unsure,
}

/// Objects within objects that are looked into.
const DEPTH: usize = 6;

/// The first field of a name, nested ones with dots, as [`super::recognise`] would find it. Plain is an object on one line
/// with neither escapes nor another line in it.
pub fn look_up<'t>(text: &'t str, name: &str) -> Lookup<'t> {
    let text = text.trim_end();
    let is_plain = text.starts_with('{') && memchr::memchr3(b'\\', b'\n', 0x1b, text.as_bytes()).is_none();
    // Which of several names the message has is for the whole line to say.
    if !is_plain || MESSAGES.contains(&name) {
        return Lookup::Unsure;
    }
    first(text, name, 0)
}

fn first<'t>(text: &'t str, name: &str, depth: usize) -> Lookup<'t> {
    if depth >= DEPTH { Lookup::Unsure } else { walk(text, name, depth).unwrap_or(Lookup::Unsure) }
}

/// The members of an object as [`super::recognise`] reads them, of a text without escapes and with a look at the name alone: that
/// takes half the time. `None` for what is no object, or one for the whole line to say.
fn walk<'t>(text: &'t str, name: &str, depth: usize) -> Option<Lookup<'t>> {
    let bytes = text.as_bytes();
    let (mut found, mut count) = (Lookup::Missing, 0);
    let mut at = token(bytes, 1)?;
    let mut is_over = bytes[at] == b'}';
    while !is_over {
        let key = at + 1;
        let end = quote(bytes, key).filter(|_| bytes[at] == b'"')?;
        at = token(bytes, end + 1).filter(|at| bytes[*at] == b':')?;
        let value = token(bytes, at + 1)?;
        at = match bytes[value] {
            b'"' => quote(bytes, value + 1)? + 1,
            b'{' | b'[' => skip(text, value)?,
            _ => scalar(bytes, value)?,
        };
        count += 1;
        // What a shipper calls so has another line in it.
        if count > MAX_FIELDS / 4 || depth == 0 && &bytes[key..end] == b"log" {
            return None;
        }
        let may_be = key == end || bytes.get(key) == name.as_bytes().first();
        if may_be && found == Lookup::Missing {
            found = of_member(&text[key..end], &text[value..at], name, depth);
        }
        at = token(bytes, at)?;
        match bytes[at] {
            b',' => at = token(bytes, at + 1)?,
            b'}' => is_over = true,
            _ => return None,
        }
    }
    (token(bytes, at + 1).is_none()).then_some(found)
}

/// The next byte that is no space.
#[inline]
fn token(bytes: &[u8], mut at: usize) -> Option<usize> {
    while bytes.get(at)?.is_ascii_whitespace() {
        at += 1;
    }
    Some(at)
}

/// The next quote. Most are near: they are found before a search for them has begun.
#[inline]
fn quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    const EACH: u64 = u64::MAX / 255;
    while let Some(word) = bytes.get(at..at + size_of::<u64>()) {
        let other = u64::from_le_bytes(word.try_into().ok()?) ^ (EACH * b'"' as u64);
        // The high bit of each byte that is a quote; only the lowest of them says something.
        let found = other.wrapping_sub(EACH) & !other & (EACH << 7);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += size_of::<u64>();
    }
    Some(at + bytes.get(at..)?.iter().position(|b| *b == b'"')?)
}

/// The end of a number or a bare word.
#[inline]
fn scalar(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while IS_OF_SCALAR[*bytes.get(at)? as usize] {
        at += 1;
    }
    (at > from).then_some(at)
}

static IS_OF_SCALAR: [bool; 256] = {
    let mut is = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        is[byte as usize] = is_of_scalar(byte);
        byte -= 1;
    }
    is
};

fn of_member<'t>(key: &str, value: &'t str, name: &str, depth: usize) -> Lookup<'t> {
    let Some(rest) = name.strip_prefix(key) else { return Lookup::Missing };
    match (rest.strip_prefix('.'), value.as_bytes().first()) {
        // Objects and lists are fields of their own, also within a string.
        (_, Some(b'[')) => Lookup::Unsure,
        (Some(rest), Some(b'{')) => first(value, rest, depth + 1),
        (None, Some(b'{')) if rest.is_empty() => Lookup::Unsure,
        (_, Some(b'"')) if value[1..].trim_start().starts_with(['{', '[']) => Lookup::Unsure,
        (None, _) if rest.is_empty() => Lookup::Value(value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value)),
        _ => Lookup::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_fields::recognise;

    /// What is sure is what the whole line says.
    fn agrees(text: &str, name: &str) -> bool {
        let record = recognise(text);
        let whole = record.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let found = look_up(text, name);
        let told = if let Lookup::Value(value) = found { Some(value) } else { None };
        assert!(found == Lookup::Unsure || told == whole, "{name} of {text}: {found:?} for {whole:?}");
        found != Lookup::Unsure
    }

    #[test]
    fn what_is_found_is_what_the_whole_line_says() {
        let corpus = include_str!("../../fuzz/corpus.log");
        let (mut asked, mut sure) = (0, 0);
        for text in corpus.lines() {
            let names: Vec<String> = recognise(text).fields.into_iter().map(|(name, _)| name).collect();
            for name in names.iter().map(String::as_str).chain(["nothing", "msg", "a.b", "http"]) {
                asked += 1;
                sure += usize::from(agrees(text, name));
            }
        }
        assert!(sure > 0 && sure < asked, "{sure} of {asked}");
    }

    #[test]
    fn nested_and_repeated_names_and_what_is_not_plain() {
        for (text, name, is_sure) in [
            (r#"{"a":{"b":1,"c":{"d":"x"}},"a.b":2,"e":true}"#, "a.b", true),
            (r#"{"a":{"b":1,"c":{"d":"x"}},"a.b":2,"e":true}"#, "a.c.d", true),
            (r#"{"a":{"b":1},"a.z":2}"#, "a.z", true),
            (r#"{"a":{"b":1}}"#, "a.c", true),
            (r#"{"a":{"b":1}}"#, "a", false),
            (r#"{"a":{},"b":1}"#, "a", false),
            (r#"{"a":[{"b":1}]}"#, "a.0.b", false),
            (r#"{"a":"{\"b\":1}"}"#, "a.b", false),
            (r#"{"a":" [1] "}"#, "a", false),
            (r#"{"a":1,"a":2}"#, "a", true),
            (r#"{"a":null, "b" : "" }  "#, "a", true),
            (r#"{"a":null, "b" : "" }  "#, "b", true),
            (r#"{"msg":"x","message":"y"}"#, "message", false),
            (r#"{"log":"level=info a=1","a":2}"#, "a", false),
            (r#"{"a":{"log":"b=1"},"b":"log"}"#, "a.b", true),
            (r#"{"":{"a":1}}"#, ".a", true),
            (r#"{}"#, "a", true),
            ("{\t}  ", "a", true),
            (r#"{"a":1,}"#, "a", false),
            (r#"{"a":}"#, "a", false),
            (r#"{"a":"1}"#, "a", false),
            (r#"{"a":"1""#, "a", false),
            (r#"{"a" 1}"#, "a", false),
            ("{", "a", false),
            (r#"{"a":1} and more"#, "a", false),
            ("a=1 b=2", "a", false),
        ] {
            assert_eq!(agrees(text, name), is_sure, "{name} of {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_object_is(text in r#"\{("[ab.]{1,3}":("[a{\[ ]{0,3}"|1|true|null|\{("[ab]":[12],){0,2}"c":3\}|\[1\]),){0,4}"a":[12]\}"#, name in "[abc.]{1,4}") {
            agrees(&text, &name);
        }
    }
}
