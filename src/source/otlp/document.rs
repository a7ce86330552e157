//! The documents that traces come in: answers of Tempo and Jaeger, and what was saved of them.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Sink, json::Groups};
use crate::{
    model::backend::{Backend, SourceError},
    source::{
        jaeger::wire::Trace,
        json::{self, Text},
    },
};

/// Reads an answer: one document, or several one after another. Returns the server's words when it says that spans are missing.
///
/// # Errors
/// What is not JSON, or JSON of another shape; the spans before it were handed on.
pub fn decode(backend: Backend, body: &[u8], sink: &mut dyn Sink) -> Result<Option<String>, SourceError> {
    json::decode_all(backend, "trace", body, |reader| Document::new(sink).deserialize(reader))
}

/// `{"resourceSpans": […]}`, a trace of Jaeger's, and what either is wrapped in: `{"trace": …}`, `{"result": …}`,
/// `{"data": […]}`. OTLP's spans are handed on one by one: all of them decoded at once would take several times the text's
/// size. Gives back the words of a server that says that spans are missing.
pub struct Document<'s>(&'s mut dyn Sink);

impl<'s> Document<'s> {
    /// Whose spans go there.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self(sink)
    }
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Option<String>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with spans")
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<String>, A::Error> {
        let mut partial = None;
        while let Some(told) = seq.next_element_seed(Document(self.0))? {
            partial = partial.or(told);
        }
        Ok(partial)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let (mut within, mut errors, mut status, mut message) = (None, None, Text::default(), Text::default());
        let mut jaeger = Trace::default();
        while let Some(Text(key)) = map.next_key()? {
            match key.as_str() {
                "resourceSpans" | "resource_spans" | "batches" => map.next_value_seed(Groups(self.0))?,
                "trace" | "result" | "data" => within = within.or(map.next_value_seed(Document(self.0))?),
                "spans" => jaeger.spans = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "processes" => jaeger.processes = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "errors" => errors = errors.or(told_errors(&map.next_value()?)),
                "error" => errors = errors.or(told_error(&map.next_value()?)),
                "status" => status = map.next_value()?,
                "message" => message = map.next_value()?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        jaeger.give(self.0);
        let is_partial = status.0.eq_ignore_ascii_case("partial") || !message.0.is_empty();
        Ok(within.or(errors).or_else(|| is_partial.then(|| partial_words(message.0.into()))))
    }
}

/// What Jaeger tells beside its data: `[{"code": 500, "msg": "…"}]`.
fn told_errors(errors: &serde_json::Value) -> Option<String> {
    let words: Vec<&str> = errors.as_array()?.iter().filter_map(|e| e.get("msg")?.as_str()).filter(|words| !words.is_empty()).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// What ends a stream of Jaeger's third API that fails after it began: `{"error": {"code": 13, "message": "…"}}`.
fn told_error(error: &serde_json::Value) -> Option<String> {
    let words = error.get("message").unwrap_or(error);
    match (error, words.as_str()) {
        (serde_json::Value::Null | serde_json::Value::Bool(false), _) => None,
        (_, Some(words)) if !words.is_empty() => Some(words.to_owned()),
        _ => Some("the answer ends with an error".to_owned()),
    }
}

/// What is said of a trace that its server calls partial.
pub fn partial_words(message: String) -> String {
    if message.is_empty() { "the trace is partial".to_owned() } else { message }
}
