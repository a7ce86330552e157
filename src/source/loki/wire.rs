//! What Loki's API and its tail answer, and how it becomes the model's.

use std::{fmt, sync::Arc};

use compact_str::CompactString;
use foldhash::{HashMap, HashSet};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    log_fields::{
        level::level,
        trace_id::{self, Patterns, Told},
    },
    model::{labels::Labels, log::LogLine, time::Timestamp},
    source::json::{Integer, Text, nullable},
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
    stream: FlatLabels,
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<Entry>,
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

/// The labels of a stream in the order they came in: names and values, each after its length in 8 bytes. Enough to know
/// them again without taking them apart; the tail repeats them with every line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct FlatLabels(Vec<u8>);

impl FlatLabels {
    /// Loki's own labels left out.
    fn labels(&self) -> Labels {
        let mut rest = self.0.as_slice();
        let mut pieces = std::iter::from_fn(|| {
            let (length, after) = rest.split_first_chunk()?;
            let (piece, after) = after.split_at_checked(usize::from_le_bytes(*length))?;
            rest = after;
            Some(String::from_utf8_lossy(piece))
        });
        let pairs = std::iter::from_fn(|| Some((pieces.next()?, pieces.next()?)));
        pairs.filter(|(name, _)| !is_internal(name)).collect()
    }

    fn add(&mut self, piece: &str) {
        self.0.extend_from_slice(&piece.len().to_le_bytes());
        self.0.extend_from_slice(piece.as_bytes());
    }
}

impl<'de> Deserialize<'de> for FlatLabels {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = FlatLabels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FlatLabels, A::Error> {
                let mut out = FlatLabels(Vec::with_capacity(512));
                while map.next_key_seed(Piece(&mut out))?.is_some() {
                    map.next_value_seed(Piece(&mut out))?;
                }
                Ok(out)
            }
            fn visit_unit<E>(self) -> Result<FlatLabels, E> {
                Ok(FlatLabels::default())
            }
        }
        d.deserialize_any(V)
    }
}

/// A name or a value: text, or any scalar as text.
struct Piece<'a>(&'a mut FlatLabels);

impl<'de> DeserializeSeed<'de> for Piece<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Piece<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<(), E> {
        self.0.add(v);
        Ok(())
    }
    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<(), E> {
        self.visit_str(&v.to_string())
    }
    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<(), E> {
        self.visit_str(&v.to_string())
    }
    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        self.visit_str(&v.to_string())
    }
    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<(), E> {
        self.visit_str(&v.to_string())
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_str("")
    }
}

/// What all lines of a stream share.
#[derive(Clone)]
pub struct Stream {
    labels: Arc<Labels>,
    told: Told,
}

/// Shares the labels of a stream among its lines.
#[derive(Default)]
pub struct Interner {
    streams: HashMap<FlatLabels, Stream>,
    /// Those of the tail, as they are written.
    written: HashMap<Box<str>, Stream>,
    /// Short metadata of the tail as it is written: most lines have the same few.
    metadata: HashMap<Box<str>, (Labels, Told)>,
    /// Shards of a stream differ in labels of Loki's own alone: they are one stream.
    labels: HashSet<Arc<Labels>>,
}

impl Interner {
    const MAX: usize = 10_000;
    /// Bytes of metadata that may come again, and how many of its kind are kept. What has ids in it is longer.
    const SHORT: usize = 80;
    const FEW: usize = 512;

    /// The stream of labels that were written like this before.
    pub(super) fn known_stream(&self, written: &str) -> Option<Stream> {
        self.written.get(written).cloned()
    }

    /// The stream of labels as they are written.
    pub(super) fn stream(&mut self, written: &str) -> Result<Stream, serde_json::Error> {
        if let Some(stream) = self.known_stream(written) {
            return Ok(stream);
        }
        let stream = self.share(serde_json::from_str(written)?);
        if self.written.len() >= Self::MAX {
            self.written.clear();
        }
        self.written.insert(written.into(), stream.clone());
        Ok(stream)
    }

    /// Metadata as it is written.
    pub(super) fn metadata(&mut self, written: &str) -> Result<(Labels, Told), serde_json::Error> {
        if let Some(known) = self.metadata.get(written) {
            return Ok(known.clone());
        }
        let Metadata(labels) = serde_json::from_str(written)?;
        let told = Told::by_metadata(&labels);
        if written.len() <= Self::SHORT && self.metadata.len() < Self::FEW {
            self.metadata.insert(written.into(), (labels.clone(), told));
        }
        Ok((labels, told))
    }

    fn share(&mut self, flat: FlatLabels) -> Stream {
        if let Some(stream) = self.streams.get(&flat) {
            return stream.clone();
        }
        if self.streams.len() >= Self::MAX {
            *self = Self::default();
        }
        let labels = flat.labels();
        let labels = self.labels.get(&labels).cloned().unwrap_or_else(|| Arc::new(labels));
        self.labels.insert(labels.clone());
        let stream = Stream { told: Told::by_stream(&labels), labels };
        self.streams.insert(flat, stream.clone());
        stream
    }
}

/// All lines of an answer by time, their copies numbered; `backward` answers hold each stream newest first. `own` are the
/// user's ways to find trace ids.
pub fn answered(streams: Vec<WireStream>, backward: bool, interner: &mut Interner, own: &Patterns) -> Vec<LogLine> {
    let mut out = lines(streams, backward, interner, own);
    for instant in out.chunk_by_mut(|a, b| a.at == b.at).filter(|instant| instant.len() > 1) {
        let mut known: HashMap<_, u32> = HashMap::default();
        let copies: Vec<u32> = instant
            .iter()
            .map(|line| {
                let count = known.entry((&line.stream, &line.text, &line.metadata)).or_default();
                *count += 1;
                *count - 1
            })
            .collect();
        instant.iter_mut().zip(copies).for_each(|(line, copy)| line.copy = copy);
    }
    out
}

/// All lines by time.
pub fn lines(streams: Vec<WireStream>, backward: bool, interner: &mut Interner, own: &Patterns) -> Vec<LogLine> {
    let mut out = Vec::with_capacity(streams.iter().map(|s| s.values.len()).sum());
    for WireStream { stream, mut values } in streams {
        if backward {
            values.reverse();
        }
        let stream = interner.share(stream);
        out.extend(values.into_iter().map(|e| {
            let told = Told::by_metadata(&e.metadata);
            line(e, &told, &stream, own)
        }));
    }
    out.sort_by_key(|l| l.at);
    out
}

/// A line with what it says of itself.
pub(super) fn line(entry: Entry, told: &Told, stream: &Stream, own: &Patterns) -> LogLine {
    let found = trace_id::find(own, told, &stream.told, &entry.text);
    LogLine {
        at: entry.at,
        level: level(told, &stream.told, &entry.text),
        trace: found.trace,
        span: found.span,
        trace_from: found.from,
        metadata: entry.metadata,
        text: entry.text,
        stream: stream.labels.clone(),
        copy: 0,
    }
}

/// `__stream_shard__` and its like are Loki's own.
pub fn is_internal(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
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
                        TextOrMap::Map(inner) if pairs.is_empty() => pairs = inner,
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
