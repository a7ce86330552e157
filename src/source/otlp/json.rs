//! Traces as JSON, in the dialects that exist: Tempo's (base64 ids, enum names, strings for numbers, `batches`) and the
//! specification's (hex ids, enum numbers, `resourceSpans`).

use std::fmt;

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::Sink;
use crate::{
    source::json::{Each, Float, Integer, Text, nullable},
    wire::otlp,
};

/// All groups: what spans have in common, and the spans.
pub(super) struct Groups<'s>(pub &'s mut dyn Sink);

impl<'de> DeserializeSeed<'de> for Groups<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Groups<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resourceSpans")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Group(self.0))?.is_some() {}
        Ok(())
    }
}

/// One group. Its resource may stand behind its spans, which wait for it then.
struct Group<'s>(&'s mut dyn Sink);

impl<'de> DeserializeSeed<'de> for Group<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Group<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with scopeSpans")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut known, mut early) = (false, Vec::new());
        while let Some(Text(key)) = map.next_key()? {
            match key.as_str() {
                "resource" => {
                    let resource: Option<Resource> = map.next_value()?;
                    self.0.resource(otlp::Resource { attributes: pairs(resource.unwrap_or_default().attributes) });
                    known = true;
                    early.drain(..).for_each(|span| self.0.span(span));
                }
                "scopeSpans" | "scope_spans" | "instrumentationLibrarySpans" if known => {
                    map.next_value_seed(Scopes(&mut |span| self.0.span(span)))?;
                }
                "scopeSpans" | "scope_spans" | "instrumentationLibrarySpans" => {
                    map.next_value_seed(Scopes(&mut |span| early.push(span)))?;
                }
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        if !known {
            self.0.resource(otlp::Resource::default());
            early.into_iter().for_each(|span| self.0.span(span));
        }
        Ok(())
    }
}

/// The spans of all scopes of a group; which library made a span is not kept.
struct Scopes<'f>(&'f mut dyn FnMut(otlp::Span));

impl<'de> DeserializeSeed<'de> for Scopes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scopes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of scopeSpans")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Scopes(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match key.as_str() {
                "spans" => map.next_value_seed(Each(&mut |span: Span| (self.0)(span.into_otlp())))?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default, deserialize_with = "nullable")]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(default)]
    trace_id: Id<16>,
    #[serde(default)]
    span_id: Id<8>,
    #[serde(default)]
    parent_span_id: Id<8>,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    kind: Kind,
    #[serde(default, deserialize_with = "nullable")]
    start_time_unix_nano: Integer,
    #[serde(default, deserialize_with = "nullable")]
    end_time_unix_nano: Integer,
    #[serde(default, deserialize_with = "nullable")]
    attributes: Vec<KeyValue>,
    #[serde(default, deserialize_with = "nullable")]
    events: Vec<Event>,
    #[serde(default, deserialize_with = "nullable")]
    links: Vec<Link>,
    #[serde(default, deserialize_with = "nullable")]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default, deserialize_with = "nullable")]
    time_unix_nano: Integer,
    #[serde(default)]
    name: Text,
    #[serde(default, deserialize_with = "nullable")]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    #[serde(default)]
    trace_id: Id<16>,
    #[serde(default)]
    span_id: Id<8>,
    #[serde(default, deserialize_with = "nullable")]
    attributes: Vec<KeyValue>,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    message: Text,
    #[serde(default)]
    code: StatusCode,
}

#[derive(Deserialize)]
struct KeyValue {
    #[serde(default)]
    key: Text,
    value: Option<AnyValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyValue {
    string_value: Option<Text>,
    bool_value: Option<bool>,
    int_value: Option<Integer>,
    double_value: Option<Float>,
    array_value: Option<ArrayValue>,
    kvlist_value: Option<KvList>,
    bytes_value: Option<Text>,
}

#[derive(Deserialize)]
struct ArrayValue {
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<AnyValue>,
}

#[derive(Deserialize)]
struct KvList {
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<KeyValue>,
}

/// Padding is left out by some.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// An id of `N` bytes in hex (twice as many characters) or base64; the length tells which. What is neither is no id.
#[derive(Default)]
struct Id<const N: usize>(Vec<u8>);

impl<'de, const N: usize> Deserialize<'de> for Id<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(d)?;
        let hex = text.len() == 2 * N && text.bytes().all(|b| b.is_ascii_hexdigit());
        Ok(Self(if hex { from_hex(&text) } else { BASE64.decode(&text).ok().filter(|b| b.len() <= N).unwrap_or_default() }))
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |n, b| (n << 4) | digit(*b))).collect()
}

/// `2` or `"SPAN_KIND_SERVER"`.
#[derive(Default)]
struct Kind(i32);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(d)?;
        let word = text.strip_prefix("SPAN_KIND_").unwrap_or(&text);
        Ok(Self(match word {
            "INTERNAL" => 1,
            "SERVER" => 2,
            "CLIENT" => 3,
            "PRODUCER" => 4,
            "CONSUMER" => 5,
            number => number.parse().unwrap_or(0),
        }))
    }
}

/// `2` or `"STATUS_CODE_ERROR"`.
#[derive(Default)]
struct StatusCode(i32);

impl<'de> Deserialize<'de> for StatusCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(d)?;
        Ok(Self(match text.strip_prefix("STATUS_CODE_").unwrap_or(&text) {
            "OK" => 1,
            "ERROR" => 2,
            number => number.parse().unwrap_or(0),
        }))
    }
}

impl Span {
    fn into_otlp(self) -> otlp::Span {
        let events = self.events.into_iter().map(|e| otlp::Event {
            time_unix_nano: unsigned(e.time_unix_nano),
            name: e.name.0.into(),
            attributes: pairs(e.attributes),
        });
        let links =
            self.links.into_iter().map(|l| otlp::Link { trace_id: l.trace_id.0, span_id: l.span_id.0, attributes: pairs(l.attributes) });
        otlp::Span {
            trace_id: self.trace_id.0,
            span_id: self.span_id.0,
            trace_state: String::new(),
            parent_span_id: self.parent_span_id.0,
            name: self.name.0.into(),
            kind: self.kind.0,
            start_time_unix_nano: unsigned(self.start_time_unix_nano),
            end_time_unix_nano: unsigned(self.end_time_unix_nano),
            attributes: pairs(self.attributes),
            events: events.collect(),
            links: links.collect(),
            status: Some(otlp::Status { message: self.status.message.0.into(), code: self.status.code.0 }),
        }
    }
}

fn unsigned(n: Integer) -> u64 {
    u64::try_from(n.0).unwrap_or(0)
}

fn pairs(pairs: Vec<KeyValue>) -> Vec<otlp::KeyValue> {
    pairs.into_iter().map(|p| otlp::KeyValue { key: p.key.0.into(), value: p.value.map(AnyValue::into_otlp) }).collect()
}

impl AnyValue {
    fn into_otlp(self) -> otlp::AnyValue {
        use otlp::any_value::Value;
        let value = match self {
            Self { string_value: Some(s), .. } => Some(Value::String(s.0.into())),
            Self { bool_value: Some(b), .. } => Some(Value::Bool(b)),
            Self { int_value: Some(n), .. } => Some(Value::Int(n.0)),
            Self { double_value: Some(n), .. } => Some(Value::Double(n.0)),
            Self { array_value: Some(a), .. } => {
                Some(Value::Array(otlp::ArrayValue { values: a.values.into_iter().map(Self::into_otlp).collect() }))
            }
            Self { kvlist_value: Some(m), .. } => Some(Value::KvList(otlp::KeyValueList { values: pairs(m.values) })),
            Self { bytes_value: Some(b), .. } => Some(Value::Bytes(BASE64.decode(b.0.as_bytes()).unwrap_or_default())),
            _ => None,
        };
        otlp::AnyValue { value }
    }
}

/// An id that others write in hex, with or without leading zeros; none of it where it is none.
pub fn id_bytes<const N: usize>(hex: &str) -> Vec<u8> {
    let fits = !hex.is_empty() && hex.len() <= 2 * N && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { from_hex(&format!("{hex:0>width$}", width = 2 * N)) } else { Vec::new() }
}
