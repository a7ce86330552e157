//! Zipkin's second format: a list of spans, or a list of such lists.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    source::{
        json::{Integer, Text, nullable},
        otlp::{Sink, id_bytes},
    },
    wire::otlp::{self, any_value::Value},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(default)]
    trace_id: Text,
    #[serde(default)]
    id: Text,
    #[serde(default)]
    parent_id: Text,
    #[serde(default)]
    kind: Text,
    #[serde(default)]
    name: Text,
    /// In microseconds; missing where nobody knows.
    #[serde(default, deserialize_with = "nullable")]
    timestamp: Integer,
    /// In microseconds.
    #[serde(default, deserialize_with = "nullable")]
    duration: Integer,
    #[serde(default, deserialize_with = "nullable")]
    local_endpoint: Endpoint,
    #[serde(default, deserialize_with = "nullable")]
    remote_endpoint: Endpoint,
    #[serde(default, deserialize_with = "nullable")]
    annotations: Vec<Annotation>,
    #[serde(default, deserialize_with = "nullable")]
    tags: BTreeMap<String, Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    service_name: Text,
    #[serde(default)]
    ipv4: Text,
    #[serde(default)]
    ipv6: Text,
    #[serde(default, deserialize_with = "nullable")]
    port: Integer,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    #[serde(default, deserialize_with = "nullable")]
    timestamp: Integer,
    #[serde(default)]
    value: Text,
}

/// Spans and lists of them, handed on one by one.
pub(super) struct Spans<'s>(pub &'s mut dyn Sink);

impl<'de> DeserializeSeed<'de> for Spans<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Spans<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Spans(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Span::deserialize(MapAccessDeserializer::new(map))?.give(self.0);
        Ok(())
    }
}

impl Span {
    fn give(self, sink: &mut dyn Sink) {
        let service = &self.local_endpoint.service_name.0;
        let named = (!service.is_empty()).then(|| attribute("service.name", Value::String(service.to_string())));
        let host = self.local_endpoint.address().map(|ip| attribute("host.ip", Value::String(ip)));
        sink.resource(otlp::Resource { attributes: named.into_iter().chain(host).collect() });
        sink.span(self.into_otlp());
    }

    fn into_otlp(self) -> otlp::Span {
        let peer = [
            Some(self.remote_endpoint.service_name.0.to_string()).filter(|s| !s.is_empty()).map(|s| ("peer.service", Value::String(s))),
            self.remote_endpoint.address().map(|ip| ("network.peer.address", Value::String(ip))),
            Some(self.remote_endpoint.port.0).filter(|p| *p > 0).map(|p| ("network.peer.port", Value::Int(p))),
        ];
        let failed = self.tags.get("error").filter(|error| error.0 != "false");
        let status = otlp::Status {
            message: failed.map(|error| error.0.to_string()).filter(|words| words != "true").unwrap_or_default(),
            code: if failed.is_some() { 2 } else { 0 },
        };
        let tags =
            self.tags.into_iter().filter(|(key, _)| key != "error").map(|(key, value)| attribute(&key, Value::String(value.0.into())));
        let events = self.annotations.into_iter().map(|a| otlp::Event {
            time_unix_nano: micros(a.timestamp.0),
            name: a.value.0.into(),
            attributes: Vec::new(),
        });
        otlp::Span {
            trace_id: id_bytes::<16>(&self.trace_id.0),
            span_id: id_bytes::<8>(&self.id.0),
            trace_state: String::new(),
            parent_span_id: id_bytes::<8>(&self.parent_id.0),
            name: self.name.0.into(),
            kind: match self.kind.0.as_str() {
                "SERVER" => 2,
                "CLIENT" => 3,
                "PRODUCER" => 4,
                "CONSUMER" => 5,
                // A span that names no kind is local.
                _ => 1,
            },
            start_time_unix_nano: micros(self.timestamp.0),
            end_time_unix_nano: micros(self.timestamp.0.saturating_add(self.duration.0)),
            attributes: peer.into_iter().flatten().map(|(key, value)| attribute(key, value)).chain(tags).collect(),
            events: events.collect(),
            links: Vec::new(),
            status: Some(status),
        }
    }
}

impl Endpoint {
    fn address(&self) -> Option<String> {
        [&self.ipv4, &self.ipv6].into_iter().find(|ip| !ip.0.is_empty()).map(|ip| ip.0.to_string())
    }
}

fn attribute(key: &str, value: Value) -> otlp::KeyValue {
    otlp::KeyValue { key: key.to_owned(), value: Some(otlp::AnyValue { value: Some(value) }) }
}

fn micros(micros: i64) -> u64 {
    u64::try_from(micros.saturating_mul(1000)).unwrap_or(0)
}
