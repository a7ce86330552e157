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

/// Bytes of resources, as they came, that are remembered.
const REMEMBERED: usize = 32 << 20;

/// What spans have in common, of one trace or of many: names of attributes, and resources, each kept once.
pub(super) struct Known {
    keys: Keys,
    /// Resources by their bytes, numbered as they came: the same instance comes once a batch, and in many traces.
    resources: HashMap<Vec<u8>, (u32, Resource)>,
    next: u32,
    /// Bytes that may still be remembered, and of how many.
    room: usize,
    most: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self::within(REMEMBERED)
    }
}

impl Known {
    /// Remembers so many bytes of resources. When there are more it begins anew: what follows shares nothing with what was before.
    pub(super) fn within(most: usize) -> Self {
        Self { keys: Keys::default(), resources: HashMap::new(), next: 0, room: most, most }
    }

    /// The number of a resource and what it is.
    pub(super) fn resource(&mut self, new: otlp::Resource) -> (u32, Resource) {
        let bytes = new.encode_to_vec();
        if let Some(known) = self.resources.get(&bytes) {
            return known.clone();
        }
        if bytes.len() > self.room {
            self.resources.clear();
            self.room = self.most;
        }
        self.room = self.room.saturating_sub(bytes.len());
        let made = (self.next, resource(new, &mut self.keys));
        self.next = self.next.wrapping_add(1);
        self.resources.insert(bytes, made.clone());
        made
    }
}

/// The spans of one trace that were read so far.
pub(super) struct Part {
    spans: Spans,
    /// Its resources by the numbers that all of them have.
    places: HashMap<u32, u32>,
    without_id: usize,
}

impl Part {
    /// Without any yet.
    pub(super) fn new(trace: TraceId) -> Self {
        let spans = Spans { trace, resources: Vec::new(), spans: Vec::new(), partial: None };
        Self { spans, places: HashMap::new(), without_id: 0 }
    }

    /// A span of a resource.
    pub(super) fn span(&mut self, new: otlp::Span, known: &mut Known, (number, resource): &(u32, Resource)) {
        let resources = &mut self.spans.resources;
        let current = *self.places.entry(*number).or_insert_with(|| {
            resources.push(resource.clone());
            u32::try_from(resources.len() - 1).unwrap_or(u32::MAX)
        });
        match span(new, current, &mut known.keys) {
            Some(span) => self.spans.spans.push(span),
            None => self.without_id += 1,
        }
    }

    /// All spans with a usable id; `partial` are the server's words.
    pub(super) fn finish(mut self, partial: Option<String>) -> Spans {
        let left_out = || (self.without_id > 0).then(|| format!("{} spans without a usable id are left out", self.without_id));
        self.spans.partial = partial.or_else(left_out);
        self.spans
    }
}

/// The spans of one trace as they are read.
pub struct Builder {
    part: Part,
    known: Known,
    current: Option<(u32, Resource)>,
}

impl Builder {
    /// Without any yet.
    pub fn new(trace: TraceId) -> Self {
        Self { part: Part::new(trace), known: Known::default(), current: None }
    }

    /// All spans with a usable id; `partial` are the server's words.
    pub fn finish(self, partial: Option<String>) -> Spans {
        self.part.finish(partial)
    }
}

impl Sink for Builder {
    fn resource(&mut self, new: otlp::Resource) {
        self.current = Some(self.known.resource(new));
    }

    fn span(&mut self, new: otlp::Span) {
        let known = &mut self.known;
        let current = self.current.get_or_insert_with(|| known.resource(otlp::Resource::default()));
        self.part.span(new, known, current);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_resources_than_are_remembered_are_right_all_the_same() {
        let mut known = Known::within(40);
        let mut name = |service: &str| {
            let value = otlp::AnyValue { value: Some(any_value::Value::String(service.to_owned())) };
            let attribute = otlp::KeyValue { key: "service.name".to_owned(), value: Some(value) };
            let (number, resource) = known.resource(otlp::Resource { attributes: vec![attribute] });
            (number, resource.service.to_string())
        };
        assert_eq!([name("a"), name("a"), name("b"), name("a")], [(0, "a".into()), (0, "a".into()), (1, "b".into()), (2, "a".into())]);
    }
}
