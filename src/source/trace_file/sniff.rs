//! Whether a file is a trace, by how it begins. Log lines in JSON may have fields that are called as a trace's members are, so
//! it is their shape that counts.

use serde_json::{Map, Value};

/// How a trace is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// OTLP's JSON, or an answer of Tempo's or Jaeger's.
    Document,
    /// A list of Zipkin's spans.
    Zipkin,
}

/// Members of a group of spans.
const OF_GROUPS: [&str; 4] = ["resource", "scopeSpans", "scope_spans", "instrumentationLibrarySpans"];
/// Members of a span of Zipkin's beside its ids.
const OF_ZIPKIN: [&str; 6] = ["localEndpoint", "parentId", "duration", "kind", "annotations", "tags"];
/// What a collector writes into the same file as its traces.
const OTHER_SIGNALS: [&str; 2] = ["resourceLogs", "resourceMetrics"];
/// Nothing that begins a trace is nested deeper.
const DEEPEST: usize = 100;

/// What a text is that begins like this; `None` is no trace.
pub fn sniff(head: &[u8]) -> Option<Shape> {
    let text = String::from_utf8_lossy(head);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with(['{', '[']) {
        let (begun, length) = beginning(rest)?;
        let value: Value = serde_json::from_str(&begun).ok()?;
        match value.as_object() {
            Some(object) if OTHER_SIGNALS.iter().any(|name| object.get(*name).is_some_and(Value::is_array)) => {
                rest = rest[length..].trim_start();
            }
            _ => return shape(&value),
        }
    }
    None
}

/// The first value of a text, and how long it is. One that the text does not hold to its end is closed after the last of its
/// parts that is whole.
fn beginning(text: &str) -> Option<(String, usize)> {
    let (mut open, mut in_string, mut escaped) = (Vec::new(), false, false);
    let mut whole = (0, Vec::new());
    for (i, byte) in text.bytes().enumerate() {
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', byte == b'\\' && !escaped);
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                open.push(if byte == b'{' { '}' } else { ']' });
                whole = (i + 1, open.clone());
            }
            b'}' | b']' => {
                open.pop();
                if open.is_empty() {
                    return Some((text[..=i].to_owned(), i + 1));
                }
            }
            b',' => whole = (i, open.clone()),
            _ => {}
        }
        if open.len() > DEEPEST {
            return None;
        }
    }
    let (end, open) = whole;
    Some((text[..end].chars().chain(open.into_iter().rev()).collect(), text.len()))
}

fn shape(value: &Value) -> Option<Shape> {
    match value {
        Value::Object(object) => is_document(object).then_some(Shape::Document),
        Value::Array(items) => match items.first()? {
            Value::Object(first) if is_zipkin(first) => Some(Shape::Zipkin),
            Value::Object(first) if is_document(first) => Some(Shape::Document),
            Value::Array(list) => list.first()?.as_object().filter(|first| is_zipkin(first)).map(|_| Shape::Zipkin),
            _ => None,
        },
        _ => None,
    }
}

fn is_document(object: &Map<String, Value>) -> bool {
    let has_groups =
        ["resourceSpans", "resource_spans", "batches"].iter().any(|name| object.get(*name).is_some_and(|v| is_groups(name, v)));
    has_groups || is_jaeger(object) || object.get("data").is_some_and(|data| is_answer(object, data)) || is_wrapped(object)
}

fn is_groups(name: &str, value: &Value) -> bool {
    let Value::Array(groups) = value else { return false };
    match groups.first() {
        None => name != "batches",
        Some(Value::Object(group)) => {
            OF_GROUPS.iter().any(|name| group.get(*name).is_some_and(|v| v.is_array() || v.is_object()))
                || (name != "batches" && group.is_empty())
        }
        Some(_) => false,
    }
}

/// Tempo's second API, also when it found nothing, and Jaeger's third.
fn is_wrapped(object: &Map<String, Value>) -> bool {
    let within = |name| object.get(name).and_then(Value::as_object);
    within("result").is_some_and(is_document)
        || within("trace")
            .is_some_and(|trace| is_document(trace) || (trace.is_empty() && object.get("metrics").is_some_and(Value::is_object)))
}

fn is_answer(object: &Map<String, Value>, data: &Value) -> bool {
    let Value::Array(traces) = data else { return false };
    match traces.first() {
        None => ["errors", "total", "limit", "offset"].iter().all(|name| object.contains_key(*name)),
        Some(first) => first.as_object().is_some_and(|first| is_jaeger(first) || begins_jaeger(first) || is_document(first)),
    }
}

/// A trace of Jaeger's: in any order of its members.
fn is_jaeger(object: &Map<String, Value>) -> bool {
    let is_span = |span: &Value| span.get("spanID").is_some() || span.get("traceID").is_some();
    let first = object.get("spans").and_then(Value::as_array).map(|spans| spans.first());
    // A list without any is what many a log line has.
    let has_spans = first.is_some_and(|first| first.map_or_else(|| object.get("processes").is_some_and(Value::is_object), is_span));
    let named = |process: &Value| process.get("serviceName").is_some();
    let has_processes = object.get("processes").and_then(Value::as_object).is_some_and(|all| all.values().next().is_some_and(named));
    has_processes || (has_spans && object.get("traceID").is_some_and(Value::is_string))
}

/// A trace of Jaeger's in an answer that the text does not hold up to its first span.
fn begins_jaeger(object: &Map<String, Value>) -> bool {
    let is_begun = object.get("spans").and_then(Value::as_array).is_some_and(Vec::is_empty);
    is_begun && object.get("traceID").is_some_and(Value::is_string)
}

fn is_zipkin(object: &Map<String, Value>) -> bool {
    let is_id = |name, most: usize| {
        let id = object.get(name).and_then(Value::as_str);
        id.is_some_and(|id| !id.is_empty() && id.len() <= most && id.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    is_id("traceId", 32) && is_id("id", 16) && OF_ZIPKIN.iter().any(|name| object.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_each_kind_is_known_by_how_it_begins() {
        for (text, is) in [
            (r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.na"#, Shape::Document),
            ("\u{feff}{\n  \"batches\": [\n    {\n      \"resource\": {", Shape::Document),
            (r#"{"resourceSpans":[]}"#, Shape::Document),
            (
                r#"{"resourceLogs":[{"a":1}]}
                {"resourceSpans":[{"scopeSpans":[]}]}"#,
                Shape::Document,
            ),
            (r#"[{"resourceSpans":[{"#, Shape::Document),
            (r#"{"trace":{"resourceSpans":[{"resource":{"#, Shape::Document),
            (r#"{"trace":{},"metrics":{}}"#, Shape::Document),
            (r#"{"result":{"resourceSpans":[{"resource":{"#, Shape::Document),
            (r#"{"data":[{"traceID":"ab","spans":[{"traceID":"ab","spanID":"cd"#, Shape::Document),
            (r#"{"data":[{"processes":{"p1":{"serviceName":"a","tags":[{"key":"x"#, Shape::Document),
            (r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":null}"#, Shape::Document),
            (r#"{"traceID":"ab","spans":[],"processes":{}}"#, Shape::Document),
            (r#"[{"traceId":"463ac35c9f6413ad","id":"463ac35c9f6413ad","name":"x","timestamp":1,"duration":2,"#, Shape::Zipkin),
            (r#"[[{"traceId":"463ac35c9f6413ad","parentId":"1","id":"2"}]]"#, Shape::Zipkin),
        ] {
            assert_eq!(sniff(text.as_bytes()), Some(is), "{text}");
        }
    }

    #[test]
    fn log_lines_in_json_are_no_traces() {
        for text in [
            "",
            "2026-11-22 05:01:02 {\"resourceSpans\":[]}",
            r#"{"spans":3,"msg":"x"}"#,
            r#"{"msg":"\"resourceSpans\":[{","level":"info"}"#,
            r#"{"level":"info","msg":"flushed","batches":[{"id":1,"size":3}]}"#,
            r#"{"level":"info","msg":"flushed","batches":3}"#,
            r#"{"message":"x","trace":{"id":"5b8efff798038103d269b633813fc60c"},"log.level":"info"}"#,
            r#"{"msg":"flushed","traceID":"ab","spans":[]}"#,
            r#"{"data":[],"errors":[],"total":0}"#,
            r#"{"msg":"x","traceID":"5b8efff798038103d269b633813fc60c","spans":[1,2]}"#,
            r#"{"msg":"x","traceId":"463ac35c9f6413ad","id":"463ac35c9f6413ad"}"#,
            r#"[{"traceId":"463ac35c9f6413ad","id":"7","msg":"a line of an array"}]"#,
            r#"{"data":[{"traceID":"x","msg":"y"}],"errors":[]}"#,
            r#"{"data":{"resourceSpans":1}}"#,
            r#"{"result":{"ok":true},"msg":"done"}"#,
            r#"{"resourceLogs":[{"resource":{}}]}"#,
            r#"{"trace":{},"msg":"no trace"}"#,
            "[]",
            "[INFO] started",
            "{not json",
        ] {
            assert_eq!(sniff(text.as_bytes()), None, "{text}");
        }
        assert_eq!(sniff("[".repeat(16 << 10).as_bytes()), None);
    }
}
