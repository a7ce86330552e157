//! Which trace, span and level a log line belongs to, wherever its writer put them.

use std::sync::{Arc, LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::{memchr_iter, memmem::Finder};
use regex::Regex;

use crate::model::{
    labels::Labels,
    log::Level,
    trace::{SpanId, TraceId},
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

/// The user's own ways to find a trace id in a line, tried before all others.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Arc<[Pattern]>);

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    trace: usize,
    span: Option<usize>,
}

/// Two regular expressions are the same when they are written the same.
impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|p| p.regex.as_str()).eq(other.0.iter().map(|p| p.regex.as_str()))
    }
}

impl FromIterator<Regex> for Patterns {
    /// Those without a group `trace_id` can find nothing and are left out.
    fn from_iter<I: IntoIterator<Item = Regex>>(all: I) -> Self {
        let pattern = |regex: Regex| {
            let group = |name| regex.capture_names().position(|n| n == Some(name));
            let (trace, span) = (group("trace_id")?, group("span_id"));
            Some(Pattern { regex, trace, span })
        };
        Self(all.into_iter().filter_map(pattern).collect())
    }
}

impl Patterns {
    /// What the first pattern that finds an id finds.
    fn find(&self, text: &str) -> Option<Found> {
        self.0.iter().find_map(|p| {
            let groups = p.regex.captures(text)?;
            let trace = loose_trace_id(groups.get(p.trace)?.as_str())?;
            let span = p.span.and_then(|i| groups.get(i)).and_then(|m| SpanId::parse(m.as_str()));
            Some(Found { trace: Some(trace), span, from: Some("pattern of config.toml") })
        })
    }
}

/// What a label set tells of the lines that carry it: found once for all lines of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    found: Option<Found>,
    /// Loki's `detected_level`: its word goes before all others.
    detected: Option<Level>,
    named: Option<Level>,
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
            detected: labels.get("detected_level").map(|word| Level::parse(word).unwrap_or(Level::Unknown)),
            named: labels.iter().find_map(|(n, v)| if names_level(n) { Level::parse(v) } else { None }),
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
        .or_else(|| bare_traceparent(text))
        .unwrap_or_default()
}

/// An id from a place that names it: hex with or without leading zeros, or base64.
pub fn loose_trace_id(text: &str) -> Option<TraceId> {
    TraceId::parse(text).or_else(|| {
        let bytes = STANDARD.decode(text.trim()).ok().filter(|b| (8..=16).contains(&b.len()))?;
        let id = bytes.iter().fold(0_u128, |id, b| (id << 8) | u128::from(*b));
        (id != 0).then_some(TraceId(id))
    })
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
    /// 16 to 32 hex digits.
    Hex,
    /// Exactly 32 hex digits: the field's name alone proves little.
    Hex32,
    /// Datadog: 64 bits in decimal, or 32 hex digits.
    Decimal,
    /// AWS: `1-8hex-24hex`, perhaps after `Root=`.
    Amazon,
    /// Google: `projects/p/traces/32hex`.
    Google,
    /// W3C: `00-32hex-16hex-01`.
    Traceparent,
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
        b"xamzntraceid" => Kind::Trace(Form::Amazon),
        b"ddtraceid" => Kind::Trace(Form::Decimal),
        b"ddspanid" => Kind::Span(Form::Decimal),
        b"logginggoogleapiscomtrace" => Kind::Trace(Form::Google),
        b"trace" => Kind::Trace(Form::Hex32),
        b"tr" if name_has_at => Kind::Trace(Form::Hex),
        b"sp" if name_has_at => Kind::Span(Form::Hex),
        n if n.ends_with(b"traceid") => Kind::Trace(Form::Hex),
        n if n.ends_with(b"spanid") && !n.ends_with(b"parentspanid") => Kind::Span(Form::Hex),
        _ => return None,
    })
}

fn trace_value(form: Form, value: &str) -> Option<TraceId> {
    let hex = run(value, |b| b.is_ascii_hexdigit());
    match form {
        Form::Hex => (16..=32).contains(&hex.len()).then(|| TraceId::parse(hex))?,
        Form::Hex32 => (hex.len() == 32).then(|| TraceId::parse(hex))?,
        Form::Decimal if hex.len() == 32 => TraceId::parse(hex),
        Form::Decimal => run(value, |b| b.is_ascii_digit()).parse::<u64>().ok().filter(|n| *n != 0).map(|n| TraceId(n.into())),
        Form::Amazon => {
            let (_, id) = value.split_once("1-")?;
            let (time, unique) = (id.get(..8)?, id.get(9..33)?);
            TraceId::parse(&format!("{time}{unique}"))
        }
        Form::Google => value.split_once("/traces/").and_then(|(_, id)| trace_value(Form::Hex32, id)),
        Form::Traceparent => traceparent(value).map(|(trace, _)| trace),
    }
}

fn span_value(form: Form, value: &str) -> Option<SpanId> {
    match form {
        Form::Decimal => run(value, |b| b.is_ascii_digit()).parse::<u64>().ok().filter(|n| *n != 0).map(SpanId),
        _ => Some(run(value, |b| b.is_ascii_hexdigit())).filter(|h| h.len() == 16).and_then(SpanId::parse),
    }
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
static PARENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("00-"));

/// A field named in the text. One search for a rare syllable keeps lines without any cheap.
fn in_fields(text: &str) -> Option<Found> {
    let fields = |finder: &'static Finder<'static>| finder.find_iter(text.as_bytes()).filter_map(|at| field_at(text, at));
    let (trace, parent, from) = fields(&RACE).chain(fields(&UPPER_RACE)).chain(fields(&SERILOG)).find_map(|f| match kind(f.name)? {
        Kind::Trace(Form::Traceparent) => traceparent(f.value).map(|(t, s)| (t, Some(s), f.place(text))),
        Kind::Trace(form) => trace_value(form, f.value).map(|t| (t, None, f.place(text))),
        Kind::Span(_) => None,
    })?;
    let span = parent.or_else(|| {
        fields(&SPAN).chain(fields(&UPPER_SPAN)).chain(fields(&SERILOG_SPAN)).find_map(|f| match kind(f.name)? {
            Kind::Span(form) => span_value(form, f.value),
            Kind::Trace(_) => None,
        })
    });
    Some(Found { trace: Some(trace), span, from: Some(from) })
}

struct Field<'a> {
    name: &'a str,
    value: &'a str,
    equals: bool,
}

impl Field<'_> {
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
    const PLACES: [&str; 10] = [
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
    ];
    PLACES.iter().find(|p| p.strip_prefix("JSON field ") == Some(name)).unwrap_or(&"JSON")
}

/// The field whose name covers position `at`: `name: value`, `"name":"value"`, `name=value`. A hostile line that is one name
/// of megabytes is not searched for both its ends from each place: no name that says anything is that long.
fn field_at(text: &str, at: usize) -> Option<Field<'_>> {
    const NAME: usize = 64;
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b'/');
    let bytes = text.as_bytes();
    let inside = if bytes[at] == b'"' { at + 1 } else { at };
    let before = bytes[..inside].iter().rev().take(NAME).take_while(|b| in_name(**b)).count();
    let after = bytes[inside..].iter().take(NAME).take_while(|b| in_name(**b)).count();
    if before.max(after) == NAME {
        return None;
    }
    let (start, end) = (inside - before, inside + after);
    let gap = bytes[end..].iter().take(8).take_while(|b| matches!(b, b' ' | b'"' | b'\'' | b'\\' | b':' | b'=' | b'[')).count();
    let between = &bytes[end..end + gap];
    let equals = between.contains(&b'=');
    (equals || between.contains(&b':')).then(|| Field { name: &text[start..end], value: &text[end + gap..], equals })
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

fn bare_traceparent(text: &str) -> Option<Found> {
    PARENT.find_iter(text.as_bytes()).filter(|at| text[..*at].bytes().last().is_none_or(|b| !b.is_ascii_alphanumeric())).find_map(|at| {
        let (trace, span) = traceparent(&text[at..])?;
        Some(Found { trace: Some(trace), span: Some(span), from: Some("text") })
    })
}

/// The level: Loki's `detected_level`, a label or field that names one, else the first such word of the text.
pub fn level(metadata: &Told, stream: &Told, text: &str) -> Level {
    let by_labels = metadata.detected.or(stream.detected).or(metadata.named).or(stream.named);
    by_labels.or_else(|| level_field(text)).or_else(|| level_word(text)).unwrap_or(Level::Unknown)
}

fn names_level(name: &str) -> bool {
    const NAMES: [&str; 7] = ["level", "severity", "lvl", "log.level", "log_level", "severitytext", "severity_text"];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

static LEVEL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("evel"));
static UPPER_LEVEL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("EVEL"));
static SEVERITY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("everity"));
static LVL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("lvl"));

fn level_field(text: &str) -> Option<Level> {
    [&LEVEL, &UPPER_LEVEL, &SEVERITY, &LVL].into_iter().find_map(|finder| {
        finder.find_iter(text.as_bytes()).take(4).find_map(|at| {
            let field = field_at(text, at).filter(|f| names_level(f.name))?;
            let end = field.value.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(field.value.len());
            let word = &field.value[..end];
            Level::parse(word).or_else(|| number_level(word))
        })
    })
}

/// Bunyan's and pino's numbers.
fn number_level(word: &str) -> Option<Level> {
    Some(match word {
        "10" => Level::Trace,
        "20" => Level::Debug,
        "30" => Level::Info,
        "40" => Level::Warn,
        "50" => Level::Error,
        "60" => Level::Fatal,
        _ => return None,
    })
}

/// `trace`, `alert` and the like are too often plain words to count unless they are in capitals.
fn level_word(text: &str) -> Option<Level> {
    const NEAR: usize = 256;
    let head = &text.as_bytes()[..text.len().min(NEAR)];
    head.split(|b| !b.is_ascii_alphanumeric() && *b != b'_').find_map(|word| {
        let word = std::str::from_utf8(word).ok().filter(|w| (3..=8).contains(&w.len()))?;
        let plain = ["trace", "alert", "notice", "inf", "emerg"].iter().any(|w| w.eq_ignore_ascii_case(word));
        if plain && word.bytes().any(|b| b.is_ascii_lowercase()) { None } else { Level::parse(word) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: &str = "0af7651916cd43dd8448eb211c80319c";
    const S: &str = "b7ad6b7169203331";

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    #[test]
    fn finds_the_trace_in_every_place() {
        let empty = Labels::new();
        let sm = labels(&[("trace_id", T), ("span_id", S)]);
        let label = labels(&[("traceID", T), ("app", "x")]);
        let cases: Vec<(&Labels, &Labels, String, bool, &str)> = vec![
            (&sm, &empty, "plain".into(), true, "structured metadata"),
            (&empty, &label, "plain".into(), false, "stream label"),
            (&empty, &empty, format!(r#"{{"msg":"x","traceId":"{T}","spanId":"{S}"}}"#), true, "JSON field traceId"),
            (&empty, &empty, format!(r#"{{"trace.id": "{T}", "span.id": "{S}"}}"#), true, "JSON field trace.id"),
            (&empty, &empty, format!(r#"{{"otelTraceID":"{T}"}}"#), false, "JSON field otelTraceID"),
            (&empty, &empty, format!(r#"{{"@t":"x","@tr":"{T}","@sp":"{S}"}}"#), true, "JSON field @tr"),
            (&empty, &empty, format!(r#"{{"log":"{{\"trace_id\":\"{T}\",\"span_id\":\"{S}\"}}"}}"#), true, "JSON field trace_id"),
            (
                &empty,
                &empty,
                format!(r#"{{"logging.googleapis.com/trace":"projects/p/traces/{T}","logging.googleapis.com/spanId":"{S}"}}"#),
                true,
                "JSON",
            ),
            (&empty, &empty, format!("level=info traceID={T} spanID={S} msg=x"), true, "logfmt"),
            (&empty, &empty, format!("X-B3-TraceId: {T}, X-B3-SpanId: {S}"), true, "text"),
            (&empty, &empty, format!("x-amzn-trace-id: Root=1-{}-{};Sampled=1", &T[..8], &T[8..]), false, "text"),
            (&empty, &empty, format!("2026-01-01 INFO [orders,{T},{S}] 1 --- [exec-1] c.s.O : x"), true, "text"),
            (&empty, &empty, format!("2026-01-01 INFO [orders,{T},{S},true] x"), true, "text"),
            (&empty, &empty, format!("INFO [{T}-{S}] x"), true, "text"),
            (&empty, &empty, format!("got 00-{T}-{S}-01 from gateway"), true, "text"),
            (&empty, &empty, format!(r#"{{"headers":{{"traceparent":"00-{T}-{S}-01"}}}}"#), true, "JSON field traceparent"),
        ];
        for (metadata, stream, text, has_span, from) in cases {
            let found = find(&Patterns::default(), &Told::by_metadata(metadata), &Told::by_stream(stream), &text);
            assert_eq!(found.trace.map(|t| t.to_string()).as_deref(), Some(T), "{text}");
            assert_eq!(found.span.map(|s| s.to_string()), has_span.then(|| S.to_owned()), "{text}");
            assert_eq!(found.from, Some(from), "{text}");
        }
    }

    #[test]
    fn own_patterns_are_tried_before_all_other_places() {
        let own: Patterns = [r"tid<(?<trace_id>\w+)(/(?<span_id>\w+))?>", "req=(?<trace_id>[0-9a-f]+)"]
            .map(|p| Regex::new(p).unwrap())
            .into_iter()
            .collect();
        let metadata = labels(&[("trace_id", "1111")]);
        let found = |text: &str| find(&own, &Told::by_metadata(&metadata), &Told::default(), text);
        let shown = |f: Found| (f.trace.map(|t| t.to_string()), f.span.map(|s| s.to_string()), f.from);
        let of = Some("pattern of config.toml");
        assert_eq!(shown(found(&format!("x tid<{T}/{S}> y"))), (Some(T.to_owned()), Some(S.to_owned()), of));
        assert_eq!(shown(found(&format!("x tid<{T}> y"))), (Some(T.to_owned()), None, of));
        assert_eq!(shown(found(&format!("tid<none> req={T}"))), (Some(T.to_owned()), None, of));
        assert_eq!(found("nothing here").from, Some("structured metadata"));
    }

    #[test]
    fn reads_datadogs_decimal_and_64_bit_ids() {
        let none = Told::default();
        let found = find(&Patterns::default(), &none, &none, r#"{"dd.trace_id":"10467354092713013651","dd.span_id":"5"}"#);
        assert_eq!((found.trace, found.span), (Some(TraceId(10_467_354_092_713_013_651)), Some(SpanId(5))));
        assert_eq!(find(&Patterns::default(), &none, &none, "trace_id=b7ad6b7169203331").trace, Some(TraceId(0xb7ad_6b71_6920_3331)));
    }

    #[test]
    fn is_not_fooled() {
        let none = Told::default();
        for text in [
            "Traceback (most recent call last):",
            "trace_id=00000000000000000000000000000000",
            "trace_id=",
            "trace_id=0af7",
            "trace_id=0af7651916cd43dd8448eb211c80319cff00",
            "traceId: null, x",
            "[nio-8080-exec-1] a [0af7651916cd43dd] b",
            "race condition: 0af7651916cd43dd8448eb211c80319c",
            "100-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(find(&Patterns::default(), &none, &none, text), Found::default(), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_one_endless_name_is_given_up_soon() {
        let none = Told::default();
        for syllable in ["race", "RACE", "pan", "level", "lvl"] {
            let line = format!("trace_id={T} {}", syllable.repeat(1 << 18));
            assert_eq!(find(&Patterns::default(), &none, &none, &line).span, None);
            let line = format!("{} trace_id={T} span_id={S}", syllable.repeat(1 << 18));
            let found = find(&Patterns::default(), &none, &none, &line);
            assert_eq!((found.trace.is_some(), found.span.is_some()), (true, true), "what stands beside it is found");
            assert_eq!(level(&none, &none, &line), Level::Unknown);
        }
        assert!(field_at(&format!("{}=x", "race".repeat(40)), 0).is_none());
    }

    #[test]
    fn reads_ids_of_exemplars() {
        assert_eq!(loose_trace_id("1234567890abcdef"), Some(TraceId(0x1234_5678_90ab_cdef)));
        assert_eq!(loose_trace_id("W47/95gDgQPSabYzgT/GDA=="), TraceId::parse("5b8efff798038103d269b633813fc60c"));
        assert_eq!(loose_trace_id("not an id"), None);
    }

    #[test]
    fn finds_the_level() {
        let none = Labels::new();
        let cases = [
            (labels(&[("detected_level", "error")]), "level=info", Level::Error),
            (labels(&[("detected_level", "unknown")]), "x", Level::Unknown),
            (labels(&[("severity", "WARNING")]), "x", Level::Warn),
            (none.clone(), r#"{"level":"warn","msg":"an error"}"#, Level::Warn),
            (none.clone(), r#"{"level":50,"msg":"x"}"#, Level::Error),
            (none.clone(), "ts=1 lvl=eror msg=x", Level::Error),
            (none.clone(), "2026-01-01 ERROR [orders] x", Level::Error),
            (none.clone(), "I got trace_id and trace and alert", Level::Unknown),
            (none.clone(), "TRACE x", Level::Trace),
            (none.clone(), "", Level::Unknown),
        ];
        for (metadata, text, expected) in cases {
            assert_eq!(level(&Told::by_metadata(&metadata), &Told::default(), text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(trace|span|_id|id|Id|:|=|\"|\\[|,|-|\\]|0af7651916cd43dd|00-|é|level|\\{| ){0,40}") {
            let none = Told::default();
            find(&Patterns::default(), &none, &none, &text);
            level(&none, &none, &text);
        }
    }
}
