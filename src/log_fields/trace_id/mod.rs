//! Which trace and span a log line belongs to, wherever its writer put their ids.

mod own;
#[cfg(test)]
mod tests;
mod written;

use std::sync::LazyLock;

use memchr::{memchr_iter, memmem::Finder};

pub use self::{
    own::{Base, Patterns, Rule, loose_trace_id},
    written::{named, written},
};
use super::{clip, level};
use crate::model::{
    labels::Labels,
    log::Level,
    trace::{SpanId, TraceId, is_hex_digit},
};

/// What a line tells of its trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The trace.
    pub trace: Option<TraceId>,
    /// The span.
    pub span: Option<SpanId>,
    /// Where the trace id was.
    pub from: Option<&'static str>,
}

/// What a label set tells of the lines that carry it: found once for all lines of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    found: Option<Found>,
    /// Loki's `detected_level`: its word goes before all others, unless it is that it does not know.
    pub(super) detected: Option<Level>,
    pub(super) named: Option<Level>,
}

impl Told {
    /// By structured metadata.
    pub fn by_metadata(metadata: &Labels) -> Self {
        Self::by(metadata, "structured metadata")
    }

    /// By the labels of a stream.
    pub fn by_stream(stream: &Labels) -> Self {
        Self::by(stream, "stream label")
    }

    fn by(labels: &Labels, from: &'static str) -> Self {
        Self {
            found: in_labels(labels, from),
            detected: labels.get("detected_level").and_then(Level::parse),
            named: labels.iter().find_map(|(n, v)| if level::names_level(n) { Level::parse(v) } else { None }),
        }
    }
}

/// Looks for the user's patterns in the text, then in structured metadata, stream labels, and the text: named fields (JSON,
/// logfmt, prose), Sleuth's brackets, a bare `traceparent`.
pub fn find(own: &Patterns, metadata: &Told, stream: &Told, text: &str) -> Found {
    own.find(text)
        .or(metadata.found)
        .or(stream.found)
        .or_else(|| in_fields(text))
        .or_else(|| in_brackets(text))
        .or_else(|| traceparents(text).next())
        .unwrap_or_default()
}

/// Ids of a line at the most.
const MANY: usize = 16;

/// Every trace that a line names, each once: first the one that [`find`] finds.
pub fn find_all(own: &Patterns, metadata: &Labels, stream: &Labels, text: &str) -> Vec<Found> {
    let first = find(own, &Told::by_metadata(metadata), &Told::by_stream(stream), text);
    let labels = [(metadata, "structured metadata"), (stream, "stream label")];
    let all = std::iter::once(first)
        .chain(own.find_all(text))
        .chain(labels.into_iter().flat_map(|(labels, from)| labels.iter().filter_map(move |(name, value)| by_name(name, value, from))))
        .chain(fields_of_traces(text))
        .chain(in_brackets(text))
        .chain(traceparents(text));
    let mut out: Vec<Found> = Vec::new();
    for found in all {
        if let Some(trace) = found.trace.filter(|trace| !out.iter().any(|o| o.trace.is_some_and(|other| is_same(other, *trace)))) {
            out.push(Found { trace: Some(trace), ..found });
        }
        if out.len() == MANY {
            break;
        }
    }
    out
}

/// Datadog writes the low half of an id.
fn is_same(a: TraceId, b: TraceId) -> bool {
    a == b || a.0 as u64 == b.0 as u64 && (a.0 >> 64 == 0 || b.0 >> 64 == 0)
}

fn by_name(name: &str, value: &str, from: &'static str) -> Option<Found> {
    match kind(name)? {
        Kind::Trace(Form::Traceparent) => {
            traceparent(value).map(|(trace, span)| Found { trace: Some(trace), span: Some(span), from: Some(from) })
        }
        Kind::Trace(form) => trace_value(form, value).or_else(|| TraceId::parse(value)).map(|trace| Found {
            trace: Some(trace),
            span: None,
            from: Some(from),
        }),
        Kind::Span(_) => None,
    }
}

fn in_labels(labels: &Labels, from: &'static str) -> Option<Found> {
    let trace = labels.iter().find_map(|(name, value)| match kind(name)? {
        Kind::Trace(how) => trace_value(how, value).or_else(|| TraceId::parse(value)),
        Kind::Span(_) => None,
    })?;
    let span = labels.iter().find_map(|(name, value)| match kind(name)? {
        Kind::Span(how) => span_value(how, value),
        Kind::Trace(_) => None,
    });
    Some(Found { trace: Some(trace), span, from: Some(from) })
}

/// How a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// 16 to 32 hex digits, a UUID, or 16 bytes in base64.
    Hex,
    /// Exactly 32 hex digits, or as Google writes it: the field's name alone proves little.
    Hex32,
    /// Datadog: 64 bits in decimal, or 32 hex digits.
    Decimal,
    /// AWS: `1-8hex-24hex`, perhaps after `Root=`.
    Amazon,
    /// Google: `projects/p/traces/32hex`.
    Google,
    /// W3C: `00-32hex-16hex-01`.
    Traceparent,
    /// Zipkin's single header: `32hex-16hex-1`.
    B3,
}

enum Kind {
    Trace(Form),
    Span(Form),
}

/// What a field's name means; case and `_`, `-`, `.` do not matter.
fn kind(name: &str) -> Option<Kind> {
    let mut buf = [0_u8; 48];
    let mut len = 0;
    for b in name.bytes().filter(u8::is_ascii_alphanumeric) {
        *buf.get_mut(len)? = b.to_ascii_lowercase();
        len += 1;
    }
    let name_has_at = name.starts_with('@');
    Some(match &buf[..len] {
        b"traceparent" => Kind::Trace(Form::Traceparent),
        b"b3" => Kind::Trace(Form::B3),
        b"xamzntraceid" => Kind::Trace(Form::Amazon),
        b"ddtraceid" => Kind::Trace(Form::Decimal),
        b"ddspanid" => Kind::Span(Form::Decimal),
        b"logginggoogleapiscomtrace" => Kind::Trace(Form::Google),
        b"trace" | b"sentrytrace" | b"xcloudtracecontext" => Kind::Trace(Form::Hex32),
        b"tr" if name_has_at => Kind::Trace(Form::Hex),
        b"sp" if name_has_at => Kind::Span(Form::Hex),
        n if n.ends_with(b"traceid") => Kind::Trace(Form::Hex),
        n if n.ends_with(b"spanid") && !n.ends_with(b"parentspanid") => Kind::Span(Form::Hex),
        _ => return None,
    })
}

fn trace_value(form: Form, value: &str) -> Option<TraceId> {
    let hex = run(value, is_hex_digit);
    match form {
        Form::Hex if (16..=32).contains(&hex.len()) => TraceId::parse(hex),
        Form::Hex => uuid(value).or_else(|| own::in_base64(value)),
        Form::Hex32 if hex.len() == 32 => TraceId::parse(hex),
        Form::Hex32 => trace_value(Form::Google, value),
        Form::Decimal if hex.len() == 32 => TraceId::parse(hex),
        Form::Decimal => run(value, |b| b.is_ascii_digit()).parse::<u64>().ok().filter(|n| *n != 0).map(|n| TraceId(n.into())),
        Form::Amazon => {
            let (_, id) = value.split_once("1-")?;
            let (time, unique) = (id.get(..8)?, id.get(9..33)?);
            TraceId::parse(&format!("{time}{unique}"))
        }
        Form::Google => {
            let (_, id) = value.strip_prefix("projects/")?.split_once("/traces/").filter(|(project, _)| project.len() <= 64)?;
            Some(run(id, is_hex_digit)).filter(|hex| hex.len() == 32).and_then(TraceId::parse)
        }
        Form::Traceparent => traceparent(value).map(|(trace, _)| trace),
        Form::B3 => b3(value).map(|(trace, _)| trace),
    }
}

/// `0af76519-16cd-43dd-8448-eb211c80319c`
fn uuid(value: &str) -> Option<TraceId> {
    const LENGTH: usize = 36;
    let text = value.get(..LENGTH).filter(|_| !value.as_bytes().get(LENGTH).is_some_and(u8::is_ascii_alphanumeric))?;
    let mut groups = text.split('-');
    let of_length = [8, 4, 4, 4, 12].iter().all(|length| groups.next().is_some_and(|group| group.len() == *length));
    (of_length && groups.next().is_none()).then(|| TraceId::parse(&text.replace('-', "")))?
}

fn span_value(form: Form, value: &str) -> Option<SpanId> {
    match form {
        Form::Decimal => run(value, |b| b.is_ascii_digit()).parse::<u64>().ok().filter(|n| *n != 0).map(SpanId),
        _ => Some(run(value, is_hex_digit)).filter(|h| h.len() == 16).and_then(SpanId::parse),
    }
}

/// `trace-span`, which a decision and the parent's span may follow.
fn b3(value: &str) -> Option<(TraceId, SpanId)> {
    let (trace, rest) = value.split_at(value.bytes().position(|b| b == b'-').filter(|at| matches!(at, 16 | 32))?);
    let span = run(&rest[1..], is_hex_digit);
    Some((TraceId::parse(trace)?, SpanId::parse(span).filter(|_| span.len() == 16)?))
}

/// The leading characters of a kind, when no other letter or digit follows.
fn run(value: &str, of: impl Fn(u8) -> bool) -> &str {
    let end = value.bytes().position(|b| !of(b)).unwrap_or(value.len());
    let cut = value.as_bytes().get(end).is_some_and(u8::is_ascii_alphanumeric);
    if cut { "" } else { &value[..end] }
}

/// `version-trace-span-flags`, all in hex.
fn traceparent(value: &str) -> Option<(TraceId, SpanId)> {
    let bytes = value.as_bytes();
    if bytes.len() < 55
        || bytes[2] != b'-'
        || bytes[35] != b'-'
        || bytes[52] != b'-'
        || bytes.get(55).is_some_and(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    Some((TraceId::parse(value.get(3..35)?)?, SpanId::parse(value.get(36..52)?)?))
}

static RACE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("race"));
static UPPER_RACE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("RACE"));
static SERILOG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"@tr\""));
static SPAN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("pan"));
static UPPER_SPAN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("PAN"));
static SERILOG_SPAN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"@sp\""));
static ZIPKIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("b3"));
static PARENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("00-"));

fn fields<'t>(text: &'t str, finder: &'static Finder<'static>) -> impl Iterator<Item = Field<'t>> {
    finder.find_iter(text.as_bytes()).filter_map(move |at| field_at(text, at))
}

/// Fields named in the text that hold the id of a trace. One search for a rare syllable keeps lines without any cheap.
fn fields_of_traces(text: &str) -> impl Iterator<Item = Found> {
    let all = fields(text, &RACE).chain(fields(text, &UPPER_RACE)).chain(fields(text, &SERILOG)).chain(zipkins(text));
    all.filter_map(move |f| {
        let (trace, span) = match kind(f.name)? {
            Kind::Trace(Form::Traceparent) => traceparent(f.value).map(|(trace, span)| (trace, Some(span))),
            Kind::Trace(Form::B3) => b3(f.value).map(|(trace, span)| (trace, Some(span))),
            Kind::Trace(Form::Hex) if f.is_datadogs(text) => trace_value(Form::Decimal, f.value).map(|trace| (trace, None)),
            Kind::Trace(Form::Hex32) if f.opens => id_within(f.value).map(|trace| (trace, None)),
            Kind::Trace(form) => trace_value(form, f.value).map(|trace| (trace, None)),
            Kind::Span(_) => None,
        }?;
        Some(Found { trace: Some(trace), span, from: Some(f.place(text)) })
    })
}

/// Fields that are called `b3` and no more: hexadecimal ids have the two letters as well.
fn zipkins(text: &str) -> impl Iterator<Item = Field<'_>> {
    let bytes = text.as_bytes();
    let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let alone = move |at: &usize| !letter(at.checked_sub(1)) && !letter(Some(at + 2));
    ZIPKIN.find_iter(bytes).filter(alone).filter_map(move |at| field_at(text, at))
}

/// The first such field, and the span that another one names.
fn in_fields(text: &str) -> Option<Found> {
    let found = fields_of_traces(text).next()?;
    let span = found.span.or_else(|| {
        fields(text, &SPAN).chain(fields(text, &UPPER_SPAN)).chain(fields(text, &SERILOG_SPAN)).find_map(|f| match kind(f.name)? {
            Kind::Span(Form::Hex) if f.is_datadogs(text) => span_value(Form::Decimal, f.value),
            Kind::Span(form) => span_value(form, f.value),
            Kind::Trace(_) => None,
        })
    });
    Some(Found { span, ..found })
}

/// ECS as nested JSON: `"trace":{"id":"32hex"}`; `value` begins within the braces.
fn id_within(value: &str) -> Option<TraceId> {
    const NEAR: usize = 80;
    let inside = clip(value, NEAR).split('}').next()?;
    let id = inside.strip_prefix("id").or_else(|| inside.split_once("\"id").map(|(_, id)| id))?;
    trace_value(Form::Hex32, id.trim_start_matches(['"', '\\', ':', ' ']))
}

pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// Where the name begins in the text.
    at: usize,
    equals: bool,
    /// The value is an object, `value` is what it holds.
    opens: bool,
}

impl Field<'_> {
    /// Whether it is decimal and in an object `dd`, as that object's first field or soon after it: `"dd":{"trace_id":"1046…`.
    fn is_datadogs(&self, text: &str) -> bool {
        const NEAR: usize = 120;
        if run(self.value, |b| b.is_ascii_digit()).is_empty() {
            return false;
        }
        let from = clip(text, self.at.saturating_sub(NEAR)).len();
        let Some((before, inside)) = text[from..self.at].rsplit_once('{') else { return false };
        !inside.contains('}') && before.trim_end_matches(['"', '\\', ':', ' ']).ends_with("dd")
    }

    fn place(&self, text: &str) -> &'static str {
        if text.trim_start().starts_with('{') {
            json_place(self.name)
        } else if self.equals {
            "logfmt"
        } else {
            "text"
        }
    }
}

fn json_place(name: &str) -> &'static str {
    const PLACES: [&str; 11] = [
        "JSON field trace_id",
        "JSON field traceId",
        "JSON field traceID",
        "JSON field traceid",
        "JSON field TraceId",
        "JSON field trace.id",
        "JSON field dd.trace_id",
        "JSON field otelTraceID",
        "JSON field traceparent",
        "JSON field @tr",
        "JSON field b3",
    ];
    PLACES.iter().find(|p| p.strip_prefix("JSON field ") == Some(name)).unwrap_or(&"JSON")
}

/// The field whose name covers position `at`: `name: value`, `"name":"value"`, `name=value`. A hostile line that is one name
/// of megabytes is not searched for both its ends from each place: no name that says anything is that long.
pub(super) fn field_at(text: &str, at: usize) -> Option<Field<'_>> {
    const NAME: usize = 64;
    // Between a name and a value of JSON in a string of JSON in a string.
    const GAP: usize = 16;
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b'/');
    let bytes = text.as_bytes();
    let inside = if bytes[at] == b'"' { at + 1 } else { at };
    let before = bytes[..inside].iter().rev().take(NAME).take_while(|b| in_name(**b)).count();
    let after = bytes[inside..].iter().take(NAME).take_while(|b| in_name(**b)).count();
    if before.max(after) == NAME {
        return None;
    }
    let (start, end) = (inside - before, inside + after);
    let gap = bytes[end..].iter().take(GAP).take_while(|b| matches!(b, b' ' | b'"' | b'\'' | b'\\' | b':' | b'=' | b'[' | b'{')).count();
    let between = &bytes[end..end + gap];
    let (equals, opens) = (between.contains(&b'='), between.contains(&b'{'));
    let field = Field { name: &text[start..end], value: &text[end + gap..], at: start, equals, opens };
    (equals || between.contains(&b':')).then_some(field)
}

/// `[service,trace,span]` of Spring Sleuth, `[trace-span]` of Spring Boot 3, near the line's start.
fn in_brackets(text: &str) -> Option<Found> {
    const NEAR: usize = 400;
    for open in memchr_iter(b'[', &text.as_bytes()[..text.len().min(NEAR)]).take(8) {
        let Some(inner) = text[open + 1..].split_once(']').map(|(inner, _)| inner).filter(|i| (33..160).contains(&i.len())) else {
            continue;
        };
        let mut parts =
            inner.split([',', '-', ' ']).map(str::trim).skip_while(|p| !matches!(p.len(), 16 | 32) || TraceId::parse(p).is_none());
        let (trace, span) = (parts.next(), parts.next().filter(|p| p.len() == 16).and_then(SpanId::parse));
        if let Some(trace) = trace.filter(|t| t.len() == 32 || span.is_some()).and_then(TraceId::parse) {
            return Some(Found { trace: Some(trace), span, from: Some("text") });
        }
    }
    None
}

fn traceparents(text: &str) -> impl Iterator<Item = Found> {
    let alone = |at: &usize| text[..*at].bytes().last().is_none_or(|b| !b.is_ascii_alphanumeric());
    PARENT.find_iter(text.as_bytes()).filter(alone).filter_map(|at| {
        let (trace, span) = traceparent(&text[at..])?;
        Some(Found { trace: Some(trace), span: Some(span), from: Some("text") })
    })
}

/// `trace-span`, as Spring Boot 3 writes it in brackets.
pub(super) fn hyphened(text: &str) -> Option<(&str, &str)> {
    text.split_once('-')
        .filter(|(trace, span)| trace.len() == 32 && span.len() == 16 && [trace, span].iter().all(|id| id.bytes().all(is_hex_digit)))
}
