//! All that is known of a span, as rows to select.

use std::collections::BTreeSet;

use crate::{
    log_fields::{Unfolded, recognise, unfolded},
    model::{
        time::Timestamp,
        trace::{Attributes, Resource, Span, SpanEvent, SpanId, TraceId, Value},
    },
    store::Pattern,
    theme::Role,
    trace::Trace,
    ui::{format, text::width},
    views::{
        Look,
        entries::{self, Entry, Shape},
    },
};

/// The path of a stack trace's node: in the set of folded ones it stands for one that shows all its frames.
pub(super) const STACK: &str = "stack trace";

/// What an attribute is of, as TraceQL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// `name`, `kind`, `status` and the like.
    Intrinsic,
    Span,
    Resource,
    Event,
    Link,
}

/// An attribute and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    pub(super) of: Of,
    pub(super) name: String,
    pub(super) value: Value,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Attribute(Attribute),
    /// The beginning of another trace.
    Link(TraceId, Option<SpanId>),
    /// Something that is shown and not searched for.
    Said,
    Node {
        path: String,
        folded: bool,
    },
    Text,
}

/// One row.
pub(super) type Item = Entry<Kind>;

impl entries::Kind for Kind {
    fn shape(&self) -> Shape {
        match self {
            Self::Node { folded, .. } => Shape::Node { folded: *folded },
            Self::Text => Shape::Text,
            _ => Shape::Value,
        }
    }

    fn key(entry: &Item) -> (u8, &str) {
        match &entry.kind {
            Self::Attribute(attribute) => (attribute.of as u8, &attribute.name),
            Self::Link(..) => (10, &entry.text),
            Self::Said => (11, &entry.label),
            Self::Node { path, .. } => (12, path),
            Self::Text => (13, ""),
        }
    }
}

impl Item {
    pub(super) fn said(label: &str, text: impl Into<String>) -> Self {
        Self { label: label.to_owned(), depth: 0, text: text.into(), role: Role::Text, kind: Kind::Said }
    }

    pub(super) fn text(text: String) -> Self {
        Self { label: String::new(), depth: 0, text, role: Role::Dim, kind: Kind::Text }
    }

    fn attribute(of: Of, name: &str, value: &Value, role: Role) -> Self {
        let kind = Kind::Attribute(Attribute { of, name: name.to_owned(), value: value.clone() });
        Self { label: name.to_owned(), depth: 1, text: value.to_string(), role, kind }
    }
}

/// Groups of attributes by how their names begin.
const OF_SPANS: [(&str, &[&str]); 6] = [
    ("http", &["http.", "url.", "user_agent."]),
    ("db", &["db."]),
    ("rpc", &["rpc."]),
    ("messaging", &["messaging."]),
    ("network", &["net.", "network.", "server.", "client.", "peer.", "source.", "destination."]),
    ("exception", &["exception.", "error."]),
];
const OF_RESOURCES: [(&str, &[&str]); 2] = [("service", &["service.", "deployment."]), ("k8s", &["k8s.", "container.", "host.", "cloud."])];

/// Collects the rows.
struct Rows<'f> {
    folded: &'f BTreeSet<String>,
    out: Vec<Item>,
}

impl Rows<'_> {
    /// A node with these below it, unless it is folded; nothing where there are none.
    fn node(&mut self, path: &str, note: &str, below: Vec<Item>) {
        if below.is_empty() {
            return;
        }
        let folded = self.folded.contains(path);
        let text = if folded && note.is_empty() { format::counted(below.len(), "attribute") } else { note.to_owned() };
        let kind = Kind::Node { path: path.to_owned(), folded };
        self.out.push(Item { label: path.to_owned(), depth: 0, text, role: Role::Dim, kind });
        if !folded {
            self.out.extend(below);
        }
    }

    /// Attributes by group, those of no group under `rest`.
    fn groups(&mut self, of: Of, attributes: &Attributes, groups: &[(&str, &[&str])], rest: &str) {
        let group_of = |name: &str| groups.iter().position(|(_, begins)| begins.iter().any(|b| name.starts_with(b)));
        let mut sorted: Vec<(Option<usize>, Item)> =
            attributes.iter().map(|(name, value)| (group_of(name), Item::attribute(of, name, value, Role::Text))).collect();
        for (i, (group, _)) in groups.iter().enumerate() {
            let (mine, others) = sorted.into_iter().partition(|(of, _)| *of == Some(i));
            sorted = others;
            self.node(group, "", items(mine));
        }
        self.node(rest, "", items(sorted));
    }

    fn event(&mut self, span: &Span, event: &SpanEvent) {
        let is_exception = event.name == "exception";
        let mut below = Vec::new();
        for (name, value) in event.attributes.iter() {
            let role = if is_exception { Role::Bad } else { Role::Text };
            match (name, value) {
                ("exception.stacktrace", Value::Text(text)) => below.extend(self.stack(text)),
                _ => below.push(Item::attribute(Of::Event, name, value, role)),
            }
        }
        let path = format!("{} {}", event.name, offset(event.at, span.start));
        if below.is_empty() {
            self.out.push(Item { role: Role::Accent, ..Item::said("event", path) });
        } else {
            self.node(&path, "", below);
        }
    }

    /// A stack trace without the frames of libraries, or all of it.
    fn stack(&self, text: &str) -> Vec<Item> {
        let record = recognise(text);
        // A message that ends in pairs was taken apart as a log line: here it is told whole.
        let whole = text.lines().next().filter(|line| line.starts_with(&record.message));
        let message = whole.unwrap_or(&record.message).replace('\t', "  ");
        let is_open = self.folded.contains(STACK);
        let all: Vec<String> = std::iter::once(message.clone()).chain(record.rest.iter().map(|line| line.replace('\t', "  "))).collect();
        let lines = if is_open {
            all
        } else {
            let shown = |line: Unfolded<'_>| match line {
                Unfolded::Line(line) => line.replace('\t', "  "),
                Unfolded::Libraries(frames) => format!("  {} of libraries", format::counted(frames, "frame")),
            };
            std::iter::once(message).chain(unfolded(&record).into_iter().map(shown)).collect()
        };
        let note = format::counted(1 + record.rest.len(), "line");
        let kind = Kind::Node { path: STACK.to_owned(), folded: !is_open };
        let node = Item { label: STACK.to_owned(), depth: 1, text: note, role: Role::Dim, kind };
        std::iter::once(node).chain(lines.into_iter().map(Item::text)).collect()
    }
}

fn items(of: Vec<(Option<usize>, Item)>) -> Vec<Item> {
    of.into_iter().map(|(_, item)| item).collect()
}

/// All rows of a node, what tells most first.
pub(super) fn of_span(trace: &Trace, i: usize, look: &Look<'_>, folded: &BTreeSet<String>) -> Vec<Item> {
    let mut rows = Rows { folded, out: Vec::new() };
    let node = &trace.nodes[i];
    let Some(span) = trace.span(i) else {
        rows.out.push(Item { role: Role::Warn, ..Item::said("missing", "the span was not delivered; what it called was") });
        rows.out.push(Item::said("span id", node.id.to_string()));
        return rows.out;
    };
    let flags: Vec<&str> = node.flags.names().collect();
    if !flags.is_empty() {
        rows.out.push(Item { role: Role::Warn, ..Item::said("flagged", flags.join(", ")) });
    }
    intrinsics(&mut rows, trace, i, span);
    let (exceptions, events): (Vec<_>, Vec<_>) = span.events().iter().partition(|event| event.name == "exception");
    exceptions.into_iter().for_each(|event| rows.event(span, event));
    rows.groups(Of::Span, &span.attributes, &OF_SPANS, "attributes");
    events.into_iter().for_each(|event| rows.event(span, event));
    for link in span.links() {
        let of_span = link.span.map(|s| format!(" span {s}")).unwrap_or_default();
        let kind = Kind::Link(link.trace, link.span);
        let text = format!("trace {}{of_span}", link.trace);
        rows.out.push(Item { label: "link".to_owned(), depth: 0, text, role: Role::Accent, kind });
        rows.out.extend(link.attributes.iter().map(|(name, value)| Item::attribute(Of::Link, name, value, Role::Text)));
    }
    if let Some(Resource { attributes, .. }) = trace.resource(i) {
        rows.groups(Of::Resource, attributes, &OF_RESOURCES, "resource");
    }
    rows.node("times", "", times(trace, i, look));
    rows.node("ids", "", ids(trace, span));
    rows.out
}

/// What TraceQL knows by itself: operation, kind and status.
fn intrinsics(rows: &mut Rows<'_>, trace: &Trace, i: usize, span: &Span) {
    let text = |s: &str| Value::Text(s.into());
    let mut add = |name: &str, value: Value, role| rows.out.push(Item { depth: 0, ..Item::attribute(Of::Intrinsic, name, &value, role) });
    if span.error {
        add("status", text("error"), Role::Bad);
    }
    if !span.status_message().is_empty() {
        add("statusMessage", text(span.status_message()), if span.error { Role::Bad } else { Role::Text });
    }
    if trace.name(i) != span.name {
        add("name", text(&span.name), Role::Text);
    }
}

fn times(trace: &Trace, i: usize, look: &Look<'_>) -> Vec<Item> {
    let node = &trace.nodes[i];
    let (zone, name) = &look.shared.settings.zone;
    let at = |t: Timestamp| format!("{} {name}, {}", format::date_time(t, *zone), offset(t, trace.range.start));
    let mut out = vec![Item::said("start", at(node.start)), Item::said("end", at(node.end()))];
    if let Some(parent) = node.parent.map(|p| &trace.nodes[p as usize]) {
        out.push(Item::said("after its caller", offset(node.start, parent.start)));
    }
    out.into_iter().map(|item| Item { depth: 1, ..item }).collect()
}

fn ids(trace: &Trace, span: &Span) -> Vec<Item> {
    let parent = span.parent.map(|parent| Item::said("parent span", parent.to_string()));
    let own = [Item::said("span", span.id.to_string()), Item::said("trace", trace.id.to_string())];
    own.into_iter().chain(parent).map(|item| Item { depth: 1, ..item }).collect()
}

/// Rows whose names or values pass a pattern, with the nodes that they are below.
pub(super) fn filtered(items: Vec<Item>, pattern: &Pattern) -> Vec<Item> {
    let mut out: Vec<Item> = Vec::new();
    for item in items {
        // A node without what is below it says nothing.
        while out.last().is_some_and(|last| matches!(last.kind, Kind::Node { .. }) && last.depth >= item.depth) {
            out.pop();
        }
        if matches!(item.kind, Kind::Node { .. }) || pattern.passes_any([item.label.as_str(), item.text.as_str()]) {
            out.push(item);
        }
    }
    while out.last().is_some_and(|last| matches!(last.kind, Kind::Node { folded: false, .. })) {
        out.pop();
    }
    out
}

/// What a span did and for how long, in parts, with its shares of the critical path: its own, and with all below it.
pub(super) fn head(trace: &Trace, i: usize, (own, within): (f64, f64), zone: i32) -> Vec<String> {
    let node = &trace.nodes[i];
    let share = if trace.duration_ns() > 0 { node.duration_ns as f64 / trace.duration_ns() as f64 } else { 1.0 };
    let kind = trace.span(i).map_or("missing", |s| s.kind.as_str());
    let mut parts = vec![
        format!("start {}", offset(node.start, trace.range.start)),
        format!("took {}", format::nanoseconds(node.duration_ns)),
        format!("self {}", if node.is_missing() { format::MISSING.to_owned() } else { format::nanoseconds(node.self_ns) }),
        kind.to_owned(),
        format!("{} of the trace", format::percent(share)),
    ];
    if within > 0.0 {
        let calls = if within > own { format!(", {} with its calls", format::percent(within)) } else { String::new() };
        parts.push(format!("{} of the critical path{calls}", format::percent(own)));
    }
    if node.shift_ns != 0 {
        parts.push(format!("clock put right by {}", format::nanoseconds(node.shift_ns)));
    }
    parts.push(format::date_time(node.start, zone));
    parts
}

/// Parts one after the other, in as many lines as they need.
pub(super) fn wrapped(parts: &[String], room: usize) -> Vec<String> {
    const GAP: &str = "   ";
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut().filter(|line| width(line) + GAP.len() + width(part) <= room) {
            Some(line) => *line = format!("{line}{GAP}{part}"),
            None => lines.push(part.clone()),
        }
    }
    lines
}

/// What a failed span says of its failure.
pub(in crate::views) fn fault(trace: &Trace, i: usize) -> String {
    let Some(span) = trace.span(i) else { return String::new() };
    let event = span.events().iter().find(|e| e.name == "exception");
    let told = |key: &str| event.and_then(|e| e.attributes.get(key)).map(ToString::to_string);
    let message = Some(span.status_message().to_owned()).filter(|m| !m.is_empty());
    let said = message.or_else(|| told("exception.message")).or_else(|| told("exception.type"));
    said.unwrap_or_else(|| "no message".to_owned())
}

/// `+31 ms`, or `-2.0 ms` where a clock is wrong.
pub(super) fn offset(at: Timestamp, from: Timestamp) -> String {
    let ns = at.0.saturating_sub(from.0);
    if ns < 0 { format::nanoseconds(ns) } else { format!("+{}", format::nanoseconds(ns)) }
}

impl Attribute {
    /// The attribute as a condition of TraceQL; `None` where it cannot say it.
    pub(super) fn condition(&self) -> Option<String> {
        let value = match (&self.value, self.of, self.name.as_str()) {
            (Value::Text(word), Of::Intrinsic, "status" | "kind") => word.to_string(),
            (Value::Text(text), ..) => crate::model::labels::quote(text),
            (Value::Json(_), ..) => return None,
            (other, ..) => other.to_string(),
        };
        Some(format!("{} = {value}", self.scoped_name()))
    }

    /// Its name as TraceQL has it.
    pub(super) fn scoped_name(&self) -> String {
        let is_plain = self.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        let name = if is_plain { self.name.clone() } else { crate::model::labels::quote(&self.name) };
        match self.of {
            Of::Intrinsic => name,
            Of::Span => format!("span.{name}"),
            Of::Resource => format!("resource.{name}"),
            Of::Event => format!("event.{name}"),
            Of::Link => format!("link.{name}"),
        }
    }
}
