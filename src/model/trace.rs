//! Traces: ids, spans as a source hands them over, and hits of a search.

use std::{fmt, ops::Deref, sync::Arc};

use compact_str::CompactString;
use foldhash::HashSet;

use super::{
    labels::Labels,
    time::{TimeRange, Timestamp},
};

/// A 128-bit trace id. 64-bit ids are the same number with leading zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub u128);

/// A 64-bit span id, never zero.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub u64);

impl TraceId {
    /// From 1 to 32 hex digits (search results drop leading zeros). All zeros is no id.
    pub fn parse(hex: &str) -> Option<Self> {
        let hex = hex.trim();
        let low = hex.len().saturating_sub(16);
        let (high, low) = hex.split_at_checked(low)?;
        let id = u128::from(number(high)?) << 64 | u128::from(number(low)?);
        (id != 0).then_some(Self(id))
    }

    /// `0af7…319c`, for places without room.
    pub fn short(self) -> String {
        let hex = self.to_string();
        format!("{}…{}", &hex[..4], &hex[28..])
    }
}

impl SpanId {
    /// From 1 to 16 hex digits. All zeros is no id.
    pub fn parse(hex: &str) -> Option<Self> {
        number(hex.trim()).filter(|n| *n != 0).map(Self)
    }
}

/// What each byte is worth as a hex digit; more than 15 where it is none.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut n = 0;
    while n < 16 {
        digits[b"0123456789abcdef"[n] as usize] = n as u8;
        digits[b"0123456789ABCDEF"[n] as usize] = n as u8;
        n += 1;
    }
    digits
};
const NO_DIGIT: u8 = 0x80;

/// Whether a byte is a hex digit. No branch: nobody can tell letters from figures of an id beforehand.
pub fn is_hex_digit(byte: u8) -> bool {
    DIGITS[usize::from(byte)] < 16
}

/// At most 16 hex digits as a number; none are 0. Each line of a log may have two of them, so it is quick.
fn number(hex: &str) -> Option<u64> {
    if hex.len() > 16 {
        return None;
    }
    let (number, seen) = hex.bytes().fold((0, 0), |(number, seen), byte| {
        let digit = DIGITS[usize::from(byte)];
        (number << 4 | u64::from(digit & 15), seen | digit)
    });
    (seen < 16).then_some(number)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// OpenTelemetry's span kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Not told.
    #[default]
    Unspecified,
    /// Inside a service.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Receives a message.
    Consumer,
}

impl SpanKind {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(CompactString),
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Floating point.
    Float(f64),
    /// Array or map, as JSON text.
    Json(Box<str>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(s) => f.write_str(s),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Json(s) => f.write_str(s),
        }
    }
}

/// An attribute's name. Few names serve many spans, which share their text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Arc<str>);

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<S: AsRef<str>> From<S> for Key {
    fn from(text: S) -> Self {
        Self(text.as_ref().into())
    }
}

/// Names of attributes, each once.
#[derive(Default)]
pub struct Keys(HashSet<Arc<str>>);

impl Keys {
    /// The key of a name, made at its first use.
    pub fn get(&mut self, name: &str) -> Key {
        if let Some(known) = self.0.get(name) {
            return Key(known.clone());
        }
        let new: Arc<str> = name.into();
        self.0.insert(new.clone());
        Key(new)
    }
}

/// Attributes in the order they came. A copy shares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Arc<[(Key, Value)]>);

impl Attributes {
    /// The value of a name; the first of several.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The value of a name when it is a text that says something.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Whether they are the very same in memory.
    #[cfg(test)]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<Key>> FromIterator<(K, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl<K: Into<Key>, const N: usize> From<[(K, Value); N]> for Attributes {
    fn from(pairs: [(K, Value); N]) -> Self {
        pairs.into_iter().collect()
    }
}

/// Something that happened in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub at: Timestamp,
    /// Its name; `exception` is OpenTelemetry's for errors.
    pub name: CompactString,
    /// Its attributes.
    pub attributes: Attributes,
}

/// A pointer to another trace.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    /// The other trace.
    pub trace: TraceId,
    /// The span there.
    pub span: Option<SpanId>,
    /// Its attributes.
    pub attributes: Attributes,
}

/// One span as a source delivers it, before hygiene and layout. There may be a million of them: what most do not have
/// takes the room of a pointer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Its id.
    pub id: SpanId,
    /// The parent's id; `None` for a root.
    pub parent: Option<SpanId>,
    /// Index into [`Spans::resources`].
    pub resource: u32,
    /// Operation name.
    pub name: CompactString,
    /// Kind.
    pub kind: SpanKind,
    /// Start as told, which may lie after the end.
    pub start: Timestamp,
    /// End as told.
    pub end: Timestamp,
    /// Whether its status is an error.
    pub error: bool,
    /// Attributes.
    pub attributes: Attributes,
    /// What few spans have.
    pub rare: Option<Box<Rare>>,
}

/// What few spans have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rare {
    /// The status' message.
    pub status_message: CompactString,
    /// Events by time.
    pub events: Vec<SpanEvent>,
    /// Links.
    pub links: Vec<SpanLink>,
}

impl Rare {
    /// Nothing when all of them are empty.
    pub fn of(status_message: impl Into<CompactString>, events: Vec<SpanEvent>, links: Vec<SpanLink>) -> Option<Box<Self>> {
        let rare = Self { status_message: status_message.into(), events, links };
        (rare != Self::default()).then(|| Box::new(rare))
    }
}

impl Span {
    /// The status' message.
    pub fn status_message(&self) -> &str {
        self.rare.as_ref().map_or("", |r| &r.status_message)
    }

    /// Events by time.
    pub fn events(&self) -> &[SpanEvent] {
        self.rare.as_ref().map_or(&[], |r| &r.events)
    }

    /// Links to other traces.
    pub fn links(&self) -> &[SpanLink] {
        self.rare.as_ref().map_or(&[], |r| &r.links)
    }
}

/// What sent the spans: a service instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// `service.name`, or `unknown_service`.
    pub service: CompactString,
    /// All attributes.
    pub attributes: Attributes,
}

/// The spans of one trace as a source answered them.
#[derive(Clone, Debug, PartialEq)]
pub struct Spans {
    /// The trace.
    pub trace: TraceId,
    /// Service instances.
    pub resources: Vec<Resource>,
    /// Spans in the order they came.
    pub spans: Vec<Span>,
    /// The server's own words when it says that spans are missing.
    pub partial: Option<String>,
}

impl Spans {
    /// Takes the services' names from the first of these resource attributes that a resource has, instead of `service.name`.
    pub fn name_services_by(&mut self, attributes: &[String]) {
        for resource in &mut self.resources {
            let value = |name: &String| resource.attributes.get(name).map(ToString::to_string);
            if let Some(name) = attributes.iter().filter_map(value).find(|v| !v.is_empty()) {
                resource.service = name.into();
            }
        }
    }
}

/// What a trace search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceHits {
    /// The hits, in the order they came.
    pub hits: Vec<TraceHit>,
    /// Whether the server looked for the newest first: if not, those beyond the limit may be newer.
    pub newest: bool,
    /// What of it was not looked for, in words.
    pub part: Option<String>,
}

/// One hit of a trace search.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceHit {
    /// The trace.
    pub trace: TraceId,
    /// Service of the root span; `None` when the root has not been received.
    pub root_service: Option<CompactString>,
    /// Name of the root span.
    pub root_name: Option<CompactString>,
    /// Start of the trace.
    pub start: Timestamp,
    /// Its duration in nanoseconds.
    pub duration_ns: i64,
    /// Spans in the trace, where the server counts them.
    pub span_count: Option<u32>,
    /// Spans with an error, where the server counts them.
    pub error_count: Option<u32>,
    /// How many spans matched.
    pub matched: u32,
    /// Spans that matched, by their starts: of many only some.
    pub spans: Vec<HitSpan>,
}

impl TraceHit {
    /// From its first start to its last end.
    pub fn range(&self) -> TimeRange {
        TimeRange::new(self.start, Timestamp(self.start.0.saturating_add(self.duration_ns)))
    }

    /// The first span that matched.
    pub fn span(&self) -> Option<SpanId> {
        self.spans.first().and_then(|s| s.id)
    }

    /// What an attribute is of the spans that matched, each value once.
    pub fn values(&self, attribute: &str) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for value in self.spans.iter().filter_map(|s| s.attributes.get(attribute)) {
            if !out.contains(&value) {
                out.push(value);
            }
        }
        out
    }
}

/// A span of a hit that matched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HitSpan {
    /// Which one; `None` where its id cannot be read.
    pub id: Option<SpanId>,
    /// Its name, where it was told.
    pub name: Option<CompactString>,
    /// When it began.
    pub start: Timestamp,
    /// How long it took, in nanoseconds.
    pub duration_ns: i64,
    /// Attributes that the query selected or compared.
    pub attributes: Labels,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_take_the_name_of_the_first_own_attribute_they_have() {
        let text = |s: &str| Value::Text(s.into());
        let resource = |attributes: &[(&str, &str)]| Resource {
            service: "svc".into(),
            attributes: attributes.iter().map(|(n, v)| (n, text(v))).collect(),
        };
        let resources = vec![resource(&[("app", "a"), ("team", "t")]), resource(&[("team", "")]), resource(&[("app", "b")])];
        let mut spans = Spans { trace: TraceId(1), resources, spans: Vec::new(), partial: None };
        spans.name_services_by(&["team".to_owned(), "app".to_owned()]);
        assert_eq!(spans.resources.iter().map(|r| r.service.as_str()).collect::<Vec<_>>(), ["t", "svc", "b"]);
        spans.name_services_by(&[]);
        assert_eq!(spans.resources[0].service, "t");
    }
}
