//! Traces as Tempo writes them in JSON (gogo's `jsonpb`): base64 ids, names of enums, 64-bit numbers as text, nothing that is empty.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, json};

use crate::wire::otlp::{AnyValue, KeyValue, ResourceSpans, ScopeSpans, Span, Status, any_value::Value};

const KINDS: [&str; 6] =
    ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"];
const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// An object without what is empty.
fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    let full = |v: &Json| match v {
        Json::Null => false,
        Json::String(s) => !s.is_empty(),
        Json::Array(a) => !a.is_empty(),
        _ => true,
    };
    Json::Object(fields.into_iter().filter(|(_, v)| full(v)).map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>())
}

fn nonzero(n: u64) -> Json {
    if n == 0 { Json::Null } else { Json::from(n.to_string()) }
}

fn enumeration(names: &[&str], number: i32) -> Json {
    match usize::try_from(number).ok() {
        Some(0) => Json::Null,
        Some(i) if i < names.len() => Json::from(names[i]),
        _ => Json::from(number),
    }
}

/// Spans of one service instance.
pub fn resource_spans(spans: &ResourceSpans) -> Json {
    let resource = spans.resource.as_ref().map_or(Json::Null, |r| object([("attributes", attributes(&r.attributes))]));
    object([("resource", resource), ("scopeSpans", spans.scope_spans.iter().map(scope_spans).collect())])
}

fn scope_spans(spans: &ScopeSpans) -> Json {
    let scope =
        spans.scope.as_ref().map_or(Json::Null, |s| object([("name", s.name.as_str().into()), ("version", s.version.as_str().into())]));
    object([("scope", scope), ("spans", spans.spans.iter().map(span).collect())])
}

fn span(span: &Span) -> Json {
    let event = |e: &crate::wire::otlp::Event| {
        object([("timeUnixNano", nonzero(e.time_unix_nano)), ("name", e.name.as_str().into()), ("attributes", attributes(&e.attributes))])
    };
    let link = |l: &crate::wire::otlp::Link| {
        object([
            ("traceId", STANDARD.encode(&l.trace_id).into()),
            ("spanId", STANDARD.encode(&l.span_id).into()),
            ("attributes", attributes(&l.attributes)),
        ])
    };
    object([
        ("traceId", STANDARD.encode(&span.trace_id).into()),
        ("spanId", STANDARD.encode(&span.span_id).into()),
        ("traceState", span.trace_state.as_str().into()),
        ("parentSpanId", STANDARD.encode(&span.parent_span_id).into()),
        ("name", span.name.as_str().into()),
        ("kind", enumeration(&KINDS, span.kind)),
        ("startTimeUnixNano", nonzero(span.start_time_unix_nano)),
        ("endTimeUnixNano", nonzero(span.end_time_unix_nano)),
        ("attributes", attributes(&span.attributes)),
        ("events", span.events.iter().map(event).collect()),
        ("links", span.links.iter().map(link).collect()),
        ("status", span.status.as_ref().map_or(Json::Null, status)),
    ])
}

fn status(status: &Status) -> Json {
    object([("message", status.message.as_str().into()), ("code", enumeration(&CODES, status.code))])
}

/// Attributes as a list of keys and values.
pub fn attributes(attributes: &[KeyValue]) -> Json {
    attributes.iter().map(|a| object([("key", a.key.as_str().into()), ("value", a.value.as_ref().map_or(Json::Null, any))])).collect()
}

fn any(value: &AnyValue) -> Json {
    match &value.value {
        None => json!({}),
        Some(Value::String(s)) => json!({"stringValue": s}),
        Some(Value::Bool(b)) => json!({"boolValue": b}),
        Some(Value::Int(n)) => json!({"intValue": n.to_string()}),
        Some(Value::Double(n)) if n.is_finite() => json!({"doubleValue": n}),
        Some(Value::Double(n)) => json!({"doubleValue": if n.is_nan() { "NaN" } else if *n > 0.0 { "Infinity" } else { "-Infinity" }}),
        Some(Value::Bytes(b)) => json!({"bytesValue": STANDARD.encode(b)}),
        Some(Value::Array(list)) => json!({"arrayValue": object([("values", list.values.iter().map(any).collect())])}),
        Some(Value::KvList(map)) => json!({"kvlistValue": object([("values", attributes(&map.values))])}),
    }
}
