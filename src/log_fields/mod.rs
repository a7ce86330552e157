//! What a log line says: its message, its fields and its stack trace, whatever way they are written.
//!
//! One format a file. What wraps a line (Docker, CRI, syslog, JSON with a line in it) is taken off and what is inside is
//! recognised again. Nothing that a line says is lost: it is in the message, a field, or a further line. Done for the
//! lines on the screen only; what every line is asked as it arrives is in [`level`] and [`trace_id`].

mod access;
mod dotnet;
pub mod exceptions;
mod fold;
mod head;
pub mod instant;
mod json;
mod klog;
pub mod level;
mod logfmt;
mod lookup;
mod nginx;
mod own;
mod prose;
mod stack;
mod syslog;
#[cfg(test)]
mod tests;
mod time;
pub mod trace_id;
mod wrapper;

use std::borrow::Cow;

pub(crate) use self::{json::MESSAGES, wrapper::cri};

pub use self::{
    fold::{Unfolded, unfolded},
    lookup::{Lookup, look_up},
    own::{joined, own},
    stack::{Exception, Frame, Part, StackTrace, is_panic, looks_inner},
};

/// How a line, or what is within it, is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object.
    Json,
    /// `name=value` pairs and nothing else.
    Logfmt,
    /// Docker's json-file around a line.
    Docker,
    /// The container runtime's time, stream and tag before a line.
    Cri,
    /// Syslog, RFC 3164 or 5424, around a line.
    Syslog,
    /// Kubernetes' components and glog.
    Klog,
    /// A request as Apache and nginx note it.
    Access,
    /// nginx' error log.
    NginxError,
    /// .NET's console: level and category, the message on the next line.
    Dotnet,
    /// Text, perhaps with a head: time, level, thread, logger.
    Text,
}

/// A field: name and value.
pub type Pair = (String, String);

/// A recognised line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The first line of the message, without what the head says.
    pub message: String,
    /// Fields in their order: first the line's own, then what its head and what is around it tell. Nested ones have dots in
    /// their names and stand together, so that neighbours with the same beginning up to a dot are a branch of the tree.
    pub fields: Vec<Pair>,
    /// Whether fields stand within the message too.
    pub in_message: bool,
    /// Further lines: a stack trace. The last one holds all that is beyond [`MAX_LINES`].
    pub rest: Vec<String>,
    /// The field that further lines were taken from, where one had a stack trace in it.
    pub rest_from: Option<String>,
    /// How it is written, what is outermost first.
    pub formats: Vec<Format>,
    /// The last fields that a row need not say: what head and wrappers tell.
    quiet: usize,
}

impl Record {
    /// Fields that the row of a line does not say otherwise: neither time, level nor ids of trace and span.
    pub fn inline(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.fields.len().saturating_sub(self.quiet);
        let fields = if self.in_message { &[][..] } else { &self.fields[..own] };
        fields.iter().filter(|(name, _)| !is_shown_elsewhere(name)).map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The stack trace among the further lines.
    pub fn stack_trace(&self) -> Option<StackTrace> {
        stack::of(&self.message, &self.rest)
    }

    fn new(format: Format, message: impl Into<String>) -> Self {
        Self { message: message.into(), formats: vec![format], ..Self::default() }
    }

    /// With fields that a row need not say, after those that are there.
    fn with_quiet(mut self, fields: impl IntoIterator<Item = Pair>) -> Self {
        let before = self.fields.len();
        self.fields.extend(fields);
        self.quiet += self.fields.len() - before;
        self
    }

    /// As it stands in another: that one's format and fields come around it.
    fn around(mut self, format: Format, fields: Vec<Pair>) -> Self {
        self.formats.insert(0, format);
        self.with_quiet(fields)
    }
}

/// Fields of a line, of its head and of each thing around it at the most; what is beyond a line's own is the value of one more, named
/// [`MORE`].
pub const MAX_FIELDS: usize = 200;
/// Further lines at the most.
pub const MAX_LINES: usize = 2000;
/// The name of the field that holds all that is beyond [`MAX_FIELDS`].
pub const MORE: &str = "\u{2026}";
/// What is around a line, and around that, and so on.
const MAX_WRAPPERS: usize = 4;

/// Recognises a line.
pub fn recognise(text: &str) -> Record {
    let record = within(&without_ansi(text.trim_end()), 0);
    let mut record = with_trace_of_a_field(first_line_only(record));
    summarise_traceback(&mut record);
    // JSON writes the escape character of a colour as text.
    if let Cow::Owned(plain) = without_ansi(&record.message) {
        record.message = plain;
    }
    record
}

/// A line or what is inside one; `depth` wrappers were taken off.
fn within(text: &str, depth: usize) -> Record {
    if depth < MAX_WRAPPERS
        && let Some(wrapped) = wrapper::open(text).or_else(|| syslog::open(text))
    {
        return within(wrapped.inner.trim_end(), depth + 1).around(wrapped.format, wrapped.fields);
    }
    if let Some(record) = json::line(text, depth).or_else(|| dotnet::line(text)) {
        return record;
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let record = klog::line(first)
        .or_else(|| access::line(first))
        .or_else(|| nginx::line(first))
        .or_else(|| logfmt::line(first))
        .unwrap_or_else(|| prose::line(first));
    Record { rest: lines(rest), ..record }
}

/// The text without escape sequences that colour it.
pub fn without_ansi(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = match after.strip_prefix('[') {
            Some(sequence) => {
                let end = sequence.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
                end.map_or("", |end| &sequence[end + 1..])
            }
            None => after,
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Lines of a text, the last one with all that are too many.
fn lines(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.splitn(MAX_LINES, '\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

fn first_line_only(mut record: Record) -> Record {
    if let Some((first, rest)) = record.message.split_once('\n') {
        let mut rest = lines(rest);
        rest.append(&mut record.rest);
        record = Record { message: first.trim_end_matches('\r').to_owned(), rest, ..record };
    }
    record
}

/// A field whose value is a stack trace becomes further lines: those unfold and fold.
fn with_trace_of_a_field(mut record: Record) -> Record {
    let trace = |(_, value): &Pair| value.contains('\n') && stack::of("", &lines(value)).is_some();
    if let Some(i) = record.fields.iter().position(trace) {
        if i >= record.fields.len() - record.quiet {
            record.quiet -= 1;
        }
        let (name, value) = record.fields.remove(i);
        record.rest.extend(lines(value.trim_end()));
        record.rest_from = Some(name);
    }
    record
}

/// Python's traceback says at its end what happened: that is the message of a line that is nothing else.
fn summarise_traceback(record: &mut Record) {
    if record.message.starts_with(stack::TRACEBACK)
        && let Some(trace) = record.stack_trace()
        && let Some(last) = trace.exceptions.first()
    {
        let message = if last.message.is_empty() { last.kind.clone() } else { format!("{}: {}", last.kind, last.message) };
        record.rest.insert(0, std::mem::replace(&mut record.message, message));
    }
}

/// Whether the row of a line says it without the field: time, level, ids of trace and span.
pub fn is_shown_elsewhere(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "time",
        "ts",
        "timestamp",
        "@timestamp",
        "@t",
        "datetime",
        "asctime",
        "level",
        "lvl",
        "severity",
        "levelname",
        "@l",
        "log.level",
        "trace_id",
        "traceid",
        "trace.id",
        "span_id",
        "spanid",
        "span.id",
        "oteltraceid",
        "otelspanid",
    ];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// The first word of a text and what follows it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn pair(name: &str, value: &str) -> Pair {
    (name.to_owned(), value.to_owned())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The start of a text, of so many bytes at the most.
fn clip(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}
