//! What Loki's API and its tail answer, and how it becomes the model's.

use std::{collections::HashMap, fmt, sync::Arc};

use compact_str::CompactString;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    model::{labels::Labels, log::LogLine, time::Timestamp},
    source::{
        json::{Integer, LabelMap, Text, nullable},
        trace_id::{self, Patterns},
    },
};

/// The result of a log query; numbers instead of lines are the caller's mistake.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub enum LogData {
    Streams(#[serde(deserialize_with = "nullable")] Vec<WireStream>),
    Matrix(IgnoredAny),
    Vector(IgnoredAny),
    Scalar(IgnoredAny),
}

impl Default for LogData {
    fn default() -> Self {
        Self::Streams(Vec::new())
    }
}

#[derive(Debug, Deserialize)]
pub struct WireStream {
    #[serde(default)]
    stream: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<Entry>,
}

/// One message of the tail.
#[derive(Debug, Default, Deserialize)]
pub struct Frame {
    #[serde(default, deserialize_with = "nullable")]
    pub streams: Vec<WireStream>,
    /// Entries that a slow reader missed.
    #[serde(default, deserialize_with = "nullable")]
    pub dropped_entries: Vec<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Names(pub Vec<Text>);

/// How much a selector covers, by the index: 0 for what is not flushed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Stats {
    /// Streams.
    #[serde(default)]
    pub streams: u64,
    /// Chunks.
    #[serde(default)]
    pub chunks: u64,
    /// Bytes.
    #[serde(default)]
    pub bytes: u64,
    /// Lines.
    #[serde(default)]
    pub entries: u64,
}

/// Shares the labels of a stream among its lines; the tail repeats them with every line.
#[derive(Default)]
pub struct Interner(HashMap<Labels, Arc<Labels>>);

impl Interner {
    const MAX: usize = 10_000;

    fn share(&mut self, labels: Labels) -> Arc<Labels> {
        if let Some(shared) = self.0.get(&labels) {
            return shared.clone();
        }
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        let shared = Arc::new(labels.clone());
        self.0.insert(labels, shared.clone());
        shared
    }
}

/// All lines by time; `backward` answers hold each stream newest first. `own` are the user's ways to find trace ids.
pub fn lines(streams: Vec<WireStream>, backward: bool, interner: &mut Interner, own: &Patterns) -> Vec<LogLine> {
    let mut out = Vec::with_capacity(streams.iter().map(|s| s.values.len()).sum());
    for WireStream { stream, mut values } in streams {
        if backward {
            values.reverse();
        }
        let stream = interner.share(without_internal(stream.0));
        out.extend(values.into_iter().map(|e| line(e, stream.clone(), own)));
    }
    out.sort_by_key(|l| l.at);
    out
}

fn line(entry: Entry, stream: Arc<Labels>, own: &Patterns) -> LogLine {
    let found = trace_id::find(own, &entry.metadata, &stream, &entry.text);
    LogLine {
        at: entry.at,
        level: trace_id::level(&entry.metadata, &stream, &entry.text),
        trace: found.trace,
        span: found.span,
        trace_from: found.from,
        metadata: entry.metadata,
        text: entry.text,
        stream,
    }
}

/// `__stream_shard__` and its like are Loki's own.
pub fn is_internal(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

fn without_internal(labels: Labels) -> Labels {
    if labels.iter().any(|(n, _)| is_internal(n)) { labels.iter().filter(|(n, _)| !is_internal(n)).collect() } else { labels }
}

/// A Loki entry: `["ns", "line"]`, `["ns", "line", {metadata}]` or `["ns", "line", {"structuredMetadata": {}, "parsed": {}}]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, in nanoseconds.
    pub at: Timestamp,
    /// The line.
    pub text: Box<str>,
    /// Structured metadata, and what a parser of the query found.
    pub metadata: Labels,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Entry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a log entry")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entry, A::Error> {
                let Integer(at) = seq.next_element()?.ok_or_else(|| A::Error::custom("a log entry without its time"))?;
                let text = seq.next_element()?.ok_or_else(|| A::Error::custom("a log entry without its line"))?;
                let Metadata(metadata) = seq.next_element()?.unwrap_or_default();
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry { at: Timestamp(at), text, metadata })
            }
        }
        d.deserialize_seq(V)
    }
}

#[derive(Default)]
struct Metadata(Labels);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Metadata;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the metadata of a log entry")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut pairs: Vec<(CompactString, CompactString)> = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    match map.next_value()? {
                        TextOrMap::Text(value) => pairs.push((name, value)),
                        TextOrMap::Map(inner) => pairs.extend(inner),
                    }
                }
                Ok(Metadata(pairs.into_iter().collect()))
            }
            fn visit_unit<E>(self) -> Result<Metadata, E> {
                Ok(Metadata::default())
            }
        }
        d.deserialize_any(V)
    }
}

enum TextOrMap {
    Text(CompactString),
    Map(Vec<(CompactString, CompactString)>),
}

impl<'de> Deserialize<'de> for TextOrMap {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = TextOrMap;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or an object of text")
            }
            fn visit_str<E>(self, v: &str) -> Result<TextOrMap, E> {
                Ok(TextOrMap::Text(v.into()))
            }
            fn visit_unit<E>(self) -> Result<TextOrMap, E> {
                Ok(TextOrMap::Map(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextOrMap, A::Error> {
                let mut pairs = Vec::with_capacity(4);
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(TextOrMap::Map(pairs))
            }
        }
        d.deserialize_any(V)
    }
}
