//! Fields of JSON and logfmt lines, found the way Loki's parsers find them.

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Text,
    Number,
    Bool,
    Null,
    Array,
    Object,
}

/// A value: its kind and its source, without quotes for text.
pub(crate) type JsonValue<'l> = (JsonKind, &'l str);

/// What is wrong with a JSON text, as Loki's parser words it.
pub(super) type Mistake = &'static str;

const NO_OBJECT: Mistake = "Value looks like object, but can't find closing '}' symbol";
const NO_ARRAY: Mistake = "Value is array, but can't find closing ']' symbol";
const NO_STRING: Mistake = "Value is string, but can't find closing '\"' symbol";
const NO_JSON: Mistake = "Malformed JSON error";
const NO_END: Mistake = "Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol";
const NO_TYPE: Mistake = "Unknown value type";

/// How deep objects may nest before a line counts as malformed.
const MAX_DEPTH: usize = 64;

/// Visits all leaves (text, numbers, booleans) of a JSON object in order, with the path to each; `visit` gives false to stop.
/// Errors when the line is no JSON object, after the leaves before the mistake have been visited.
pub(super) fn json_leaves<'l>(line: &'l str, visit: &mut dyn FnMut(&[&'l str], JsonValue<'l>) -> bool) -> Result<(), Mistake> {
    let mut path = Vec::new();
    object(line.trim_start(), &mut path, visit).map(drop)
}

/// Visits an object's leaves; gives false when told to stop.
fn object<'l>(text: &'l str, path: &mut Vec<&'l str>, visit: &mut dyn FnMut(&[&'l str], JsonValue<'l>) -> bool) -> Result<bool, Mistake> {
    if path.len() > MAX_DEPTH {
        return Err(NO_OBJECT);
    }
    let mut rest = text.strip_prefix('{').ok_or(NO_OBJECT)?.trim_start();
    loop {
        if rest.starts_with('}') {
            return Ok(true);
        }
        if !rest.starts_with('"') {
            return Err(if rest.is_empty() { NO_JSON } else { NO_OBJECT });
        }
        let (key, after) = string(rest).ok_or(NO_JSON)?;
        let after = after.trim_start().strip_prefix(':').ok_or(NO_JSON)?.trim_start();
        let (value, after) = value(after)?;
        path.push(key);
        let go_on = match value.0 {
            JsonKind::Object => object(value.1, path, visit)?,
            JsonKind::Array | JsonKind::Null => true,
            _ => visit(path, value),
        };
        path.pop();
        if !go_on {
            return Ok(false);
        }
        rest = after_value(after)?;
    }
}

/// What follows a member of an object: the next one, or the end.
fn after_value(text: &str) -> Result<&str, Mistake> {
    let text = text.trim_start();
    match text.strip_prefix(',').map(str::trim_start) {
        Some("") => Err(NO_ARRAY),
        Some(next) => Ok(next),
        None if text.starts_with('}') => Ok(text),
        None => Err(if text.is_empty() { NO_ARRAY } else { NO_OBJECT }),
    }
}

/// The value at a path of keys and indexes (`a.b[0]`, `["a b"]`).
pub(crate) fn json_path<'l>(line: &'l str, path: &str) -> Option<JsonValue<'l>> {
    let mut current: JsonValue<'l> = value(line.trim_start()).ok()?.0;
    for step in steps(path)? {
        current = match step {
            Step::Key(key) => member(current, &key)?,
            Step::Index(i) => element(current, i)?,
        };
    }
    Some(current)
}

enum Step {
    Key(String),
    Index(usize),
}

/// The steps of a path; `None` when it is malformed.
fn steps(path: &str) -> Option<Vec<Step>> {
    let (mut out, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inner, next) = after.split_once(']')?;
            out.push(match inner.strip_prefix('"').and_then(|s| s.strip_suffix('"')) {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Index(inner.parse().ok()?),
            });
            rest = next;
            continue;
        }
        let after = rest.strip_prefix('.').unwrap_or(rest);
        let end = after.find(['.', '[']).unwrap_or(after.len());
        if end == 0 {
            return None;
        }
        out.push(Step::Key(after[..end].to_owned()));
        rest = &after[end..];
    }
    Some(out)
}

/// Whether a path can be read.
pub(super) fn is_path(path: &str) -> bool {
    steps(path).is_some_and(|s| !s.is_empty())
}

fn member<'l>(of: JsonValue<'l>, key: &str) -> Option<JsonValue<'l>> {
    let mut rest = of.1.strip_prefix('{').filter(|_| of.0 == JsonKind::Object)?.trim_start();
    loop {
        let (name, after) = string(rest)?;
        let (found, after) = value(after.trim_start().strip_prefix(':')?.trim_start()).ok()?;
        if name == key {
            return Some(found);
        }
        rest = after.trim_start().strip_prefix(',')?.trim_start();
    }
}

fn element(of: JsonValue<'_>, index: usize) -> Option<JsonValue<'_>> {
    let mut rest = of.1.strip_prefix('[').filter(|_| of.0 == JsonKind::Array)?.trim_start();
    for _ in 0..index {
        let (_, after) = value(rest).ok()?;
        rest = after.trim_start().strip_prefix(',')?.trim_start();
    }
    value(rest).ok().map(|(v, _)| v)
}

/// A string at the front without its quotes, and what follows.
fn string(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut bytes = inner.bytes().enumerate();
    while let Some((i, b)) = bytes.next() {
        match b {
            b'"' => return Some((&inner[..i], &inner[i + 1..])),
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    None
}

/// A value at the front, and what follows.
fn value(text: &str) -> Result<(JsonValue<'_>, &str), Mistake> {
    match text.bytes().next().ok_or(NO_JSON)? {
        b'"' => string(text).map(|(s, after)| ((JsonKind::Text, s), after)).ok_or(NO_STRING),
        b'{' => block(text).map(|(s, after)| ((JsonKind::Object, s), after)).ok_or(NO_OBJECT),
        b'[' => block(text).map(|(s, after)| ((JsonKind::Array, s), after)).ok_or(NO_ARRAY),
        _ => {
            let end = text.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(text.len());
            let (word, after) = text.split_at(end);
            let kind = match word {
                "true" | "false" => JsonKind::Bool,
                "null" => JsonKind::Null,
                w if w.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => JsonKind::Number,
                _ => return Err(if after.is_empty() { NO_END } else { NO_TYPE }),
            };
            Ok(((kind, word), after))
        }
    }
}

/// A bracketed block at the front with its brackets, and what follows.
fn block(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (i, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(text.split_at(i + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// A JSON string's meaning.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_default()
}

/// Visits all pairs of a logfmt line; a key without `=` has no value. Gives the first mistake's position (from 1).
pub(crate) fn logfmt(line: &str, strict: bool, visit: &mut dyn FnMut(&str, &str) -> bool) -> Result<(), usize> {
    let mut first_mistake = None;
    let mut pos = 0;
    while pos < line.len() {
        let rest = &line[pos..];
        let blank = rest.find(|c| c > ' ').unwrap_or(rest.len());
        pos += blank;
        let rest = &line[pos..];
        if rest.is_empty() {
            break;
        }
        match pair(rest) {
            Ok((key, value, taken)) => {
                pos += taken;
                if !visit(key, &value) {
                    return Ok(());
                }
            }
            Err(at) => {
                first_mistake.get_or_insert(pos + at + 1);
                if strict {
                    break;
                }
                let skip = rest[at..].find(|c| c <= ' ').map_or(rest.len(), |i| at + i);
                pos += skip.max(1);
                while !line.is_char_boundary(pos) {
                    pos += 1;
                }
            }
        }
    }
    first_mistake.map_or(Ok(()), Err)
}

/// A pair at the front: key, value, and how many bytes it takes; or where the mistake is.
fn pair(text: &str) -> Result<(&str, String, usize), usize> {
    let end = text.find(|c| c <= ' ' || c == '=' || c == '"').unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if rest.starts_with('"') || key.is_empty() {
        return Err(end);
    }
    let Some(value) = rest.strip_prefix('=') else { return Ok((key, String::new(), end)) };
    if value.starts_with('"') {
        // Without its closing quote the rest of the line is lost.
        let (inner, after) = string(value).ok_or(text.len())?;
        return Ok((key, unescape(inner), text.len() - after.len()));
    }
    let stop = value.find(|c| c <= ' ' || c == '=' || c == '"').unwrap_or(value.len());
    if value[stop..].starts_with(['=', '"']) {
        return Err(end + 1 + stop);
    }
    Ok((key, value[..stop].to_owned(), end + 1 + stop))
}

/// The label of a leaf of JSON, by the keys that lead to it.
pub(super) fn label_of(path: &[&str]) -> String {
    let mut name = String::new();
    for part in path.iter().filter(|p| !p.trim().is_empty()) {
        if !name.is_empty() {
            name.push('_');
        }
        name.push_str(&sanitize(part, name.is_empty()));
    }
    name
}

/// A label name from any key: other characters become `_`, a leading digit gets one before it.
pub(super) fn sanitize(key: &str, prefix: bool) -> String {
    let key = key.trim();
    let mut out = String::with_capacity(key.len() + 1);
    if prefix && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(key.chars().map(|c| if c == '_' || c.is_ascii_alphanumeric() { c } else { '_' }));
    out
}
