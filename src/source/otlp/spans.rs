//! OTLP messages into the model's spans.

use std::{collections::HashMap, fmt::Write as _};

use base64::{Engine, engine::general_purpose::STANDARD};
use compact_str::CompactString;
use prost::Message as _;

use super::Sink;
use crate::{
    model::{
        time::Timestamp,
        trace::{Attributes, Keys, Rare, Resource, Span, SpanEvent, SpanId, SpanKind, SpanLink, Spans, TraceId, Value},
    },
    wire::otlp::{self, any_value},
};

/// Status code of an error.
const ERROR: i32 = 2;

/// The spans of one trace as they are read.
pub struct Builder {
    spans: Spans,
    /// Which resources there are, by their bytes: the same instance comes once a batch.
    known: HashMap<Vec<u8>, u32>,
    current: Option<u32>,
    keys: Keys,
    without_id: usize,
}

impl Builder {
    /// Without any yet.
    pub fn new(trace: TraceId) -> Self {
        let spans = Spans { trace, resources: Vec::new(), spans: Vec::new(), partial: None };
        Self { spans, known: HashMap::new(), current: None, keys: Keys::default(), without_id: 0 }
    }

    /// All spans with a usable id; `partial` are the server's words.
    pub fn finish(mut self, partial: Option<String>) -> Spans {
        let left_out = || (self.without_id > 0).then(|| format!("{} spans without a usable id are left out", self.without_id));
        self.spans.partial = partial.or_else(left_out);
        self.spans
    }
}

impl Sink for Builder {
    fn resource(&mut self, new: otlp::Resource) {
        let (resources, keys) = (&mut self.spans.resources, &mut self.keys);
        let index = self.known.entry(new.encode_to_vec()).or_insert_with(|| {
            resources.push(resource(new, keys));
            u32::try_from(resources.len() - 1).unwrap_or(u32::MAX)
        });
        self.current = Some(*index);
    }

    fn span(&mut self, new: otlp::Span) {
        if self.current.is_none() {
            self.resource(otlp::Resource::default());
        }
        match span(new, self.current.unwrap_or_default(), &mut self.keys) {
            Some(span) => self.spans.spans.push(span),
            None => self.without_id += 1,
        }
    }
}

/// The spans of a trace in protobuf. All groups decoded at once would take several times the answer's size.
///
/// # Errors
/// What is no such message.
pub fn from_parts(id: TraceId, parts: otlp::TracesParts, partial: Option<String>) -> Result<Spans, prost::DecodeError> {
    let mut spans = Builder::new(id);
    for bytes in parts.resource_spans {
        let group = otlp::ResourceSpans::decode(bytes)?;
        spans.resource(group.resource.unwrap_or_default());
        group.scope_spans.into_iter().flat_map(|scope| scope.spans).for_each(|span| spans.span(span));
    }
    Ok(spans.finish(partial))
}

fn resource(r: otlp::Resource, keys: &mut Keys) -> Resource {
    let attributes = attributes(r.attributes, keys);
    let service = attributes.get("service.name").map(|v| CompactString::from(v.to_string()));
    Resource { service: service.filter(|s| !s.is_empty()).unwrap_or_else(|| "unknown_service".into()), attributes }
}

fn span(s: otlp::Span, resource: u32, keys: &mut Keys) -> Option<Span> {
    let mut events: Vec<SpanEvent> = s
        .events
        .into_iter()
        .map(|e| SpanEvent { at: nano(e.time_unix_nano), name: e.name.into(), attributes: attributes(e.attributes, keys) })
        .collect();
    events.sort_by_key(|e| e.at);
    let link = |l: otlp::Link| {
        Some(SpanLink { trace: trace_id(&l.trace_id)?, span: span_id(&l.span_id), attributes: attributes(l.attributes, keys) })
    };
    let links = s.links.into_iter().filter_map(link).collect();
    let status = s.status.unwrap_or_default();
    Some(Span {
        id: span_id(&s.span_id)?,
        parent: span_id(&s.parent_span_id),
        resource,
        name: s.name.into(),
        kind: kind(s.kind),
        start: nano(s.start_time_unix_nano),
        end: nano(s.end_time_unix_nano),
        error: status.code == ERROR,
        attributes: attributes(s.attributes, keys),
        rare: Rare::of(status.message, events, links),
    })
}

fn kind(number: i32) -> SpanKind {
    match otlp::SpanKind::try_from(number) {
        Ok(otlp::SpanKind::Internal) => SpanKind::Internal,
        Ok(otlp::SpanKind::Server) => SpanKind::Server,
        Ok(otlp::SpanKind::Client) => SpanKind::Client,
        Ok(otlp::SpanKind::Producer) => SpanKind::Producer,
        Ok(otlp::SpanKind::Consumer) => SpanKind::Consumer,
        Ok(otlp::SpanKind::Unspecified) | Err(_) => SpanKind::Unspecified,
    }
}

fn nano(n: u64) -> Timestamp {
    Timestamp(i64::try_from(n).unwrap_or(i64::MAX))
}

/// At most 16 bytes, big-endian, not zero.
pub(super) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = (bytes.len() <= 16).then(|| bytes.iter().fold(0_u128, |id, b| (id << 8) | u128::from(*b)))?;
    (id != 0).then_some(TraceId(id))
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = (bytes.len() <= 8).then(|| bytes.iter().fold(0_u64, |id, b| (id << 8) | u64::from(*b)))?;
    (id != 0).then_some(SpanId(id))
}

fn attributes(pairs: Vec<otlp::KeyValue>, keys: &mut Keys) -> Attributes {
    pairs.into_iter().map(|kv| (keys.get(&kv.key), value(kv.value))).collect()
}

fn value(v: Option<otlp::AnyValue>) -> Value {
    match v.and_then(|v| v.value) {
        None => Value::Text(CompactString::default()),
        Some(any_value::Value::String(s)) => Value::Text(s.into()),
        Some(any_value::Value::Bool(b)) => Value::Bool(b),
        Some(any_value::Value::Int(n)) => Value::Int(n),
        Some(any_value::Value::Double(n)) => Value::Float(n),
        Some(any_value::Value::Bytes(b)) => Value::Text(STANDARD.encode(b).into()),
        Some(nested) => {
            let mut json = String::new();
            write_json(&nested, 0, &mut json);
            Value::Json(json.into())
        }
    }
}

/// Nested values as JSON text; what is nested deeper than anyone reads is `…`.
fn write_json(value: &any_value::Value, depth: usize, out: &mut String) {
    const DEEPEST: usize = 32;
    let quoted = |s: &str| serde_json::Value::from(s).to_string();
    match value {
        _ if depth > DEEPEST => out.push_str("\"…\""),
        any_value::Value::String(s) => out.push_str(&quoted(s)),
        any_value::Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        any_value::Value::Int(n) => {
            let _ = write!(out, "{n}");
        }
        any_value::Value::Double(n) => match serde_json::Number::from_f64(*n) {
            Some(n) => out.push_str(&n.to_string()),
            None => out.push_str(&quoted(&n.to_string())),
        },
        any_value::Value::Bytes(b) => out.push_str(&quoted(&STANDARD.encode(b))),
        any_value::Value::Array(items) => {
            out.push('[');
            for (i, item) in items.values.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_any(item.value.as_ref(), depth, out);
            }
            out.push(']');
        }
        any_value::Value::KvList(map) => {
            out.push('{');
            for (i, kv) in map.values.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(&kv.key));
                out.push(':');
                write_any(kv.value.as_ref().and_then(|v| v.value.as_ref()), depth, out);
            }
            out.push('}');
        }
    }
}

fn write_any(value: Option<&any_value::Value>, depth: usize, out: &mut String) {
    match value {
        Some(v) => write_json(v, depth + 1, out),
        None => out.push_str("null"),
    }
}
