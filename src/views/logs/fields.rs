//! All that a line says, as rows to select: its message, its trace, its fields as a tree, its labels, its further lines.

use std::collections::BTreeSet;

use crate::{
    log_fields::Record,
    store::Line,
    theme::Role,
    views::entries::{self, Entry, Shape},
};

/// Where a field is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A label of the stream.
    Label,
    /// Structured metadata.
    Metadata,
    /// The line's text.
    Parsed,
    /// The message itself.
    Message,
    /// The trace, wherever its id was found.
    Trace,
}

/// A name and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The whole name, nested ones with dots.
    pub(super) name: String,
    pub(super) value: String,
    pub(super) source: Source,
}

/// Names nodes from line to line, with their path.
pub(super) const NODE: u8 = 10;
/// Names [`Kind::Nearby`] from line to line.
pub(super) const NEARBY: (u8, &str) = (13, "");

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Field(Field),
    /// Fields that share the beginning of their names.
    Node {
        path: String,
        folded: bool,
    },
    /// The traces about the line's time, where it names none.
    Nearby,
    Heading,
    /// What is said of the row above.
    Note,
    /// A further line of the text.
    Text,
}

/// One row.
pub(super) type Item = Entry<Kind>;

impl Item {
    fn field(name: &str, value: &str, source: Source, role: Role) -> Self {
        let field = Field { name: name.to_owned(), value: value.to_owned(), source };
        Self { label: name.to_owned(), depth: 0, text: value.to_owned(), kind: Kind::Field(field), role }
    }

    /// Offers the traces of a service about the line's time.
    pub(super) fn nearby(service: &str) -> Self {
        let text = format!("none: traces of {service} within 2 s");
        Self { label: "trace_id".to_owned(), ..Self::text(&text, Kind::Nearby, Role::Dim) }
    }

    fn text(text: &str, kind: Kind, role: Role) -> Self {
        Self { label: String::new(), depth: 0, text: text.to_owned(), kind, role }
    }

    /// The field that it is.
    pub(super) fn as_field(&self) -> Option<&Field> {
        if let Kind::Field(field) = &self.kind { Some(field) } else { None }
    }
}

impl entries::Kind for Kind {
    fn shape(&self) -> Shape {
        match self {
            Self::Field(_) | Self::Nearby => Shape::Value,
            Self::Node { folded, .. } => Shape::Node { folded: *folded },
            Self::Heading => Shape::Heading,
            Self::Note => Shape::Note,
            Self::Text => Shape::Text,
        }
    }

    fn key(entry: &Item) -> (u8, &str) {
        match &entry.kind {
            Self::Field(field) => (field.source as u8, &field.name),
            Self::Node { path, .. } => (NODE, path),
            Self::Nearby => NEARBY,
            Self::Heading | Self::Note => (11, &entry.text),
            Self::Text => (12, ""),
        }
    }
}

/// All rows of a line. `folded` are paths of nodes whose fields are not shown.
pub(super) fn items(line: &Line<'_>, record: &Record, folded: &BTreeSet<String>) -> Vec<Item> {
    let message = if record.message.is_empty() { line.text } else { &record.message };
    let mut out = vec![Item::field("message", message, Source::Message, Role::Text)];
    if let Some(trace) = line.trace {
        out.push(Item::field("trace_id", &trace.to_string(), Source::Trace, Role::Accent));
        let from = line.trace_from.unwrap_or("the line");
        out.push(Item::text(&format!("from {from}"), Kind::Note, Role::Dim));
        out.extend(line.span.map(|span| Item::text(&format!("span {span}"), Kind::Note, Role::Dim)));
    }
    let parsed: Vec<(&str, &str)> = record.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    tree(&parsed, 0, 0, folded, &mut out);
    section("stream labels", line.stream.iter(), Source::Label, &mut out);
    section("structured metadata", line.metadata(), Source::Metadata, &mut out);
    if !record.rest.is_empty() {
        out.push(Item::text("further lines", Kind::Heading, Role::Heading));
        out.extend(record.rest.iter().map(|text| Item::text(&text.replace('\t', "  "), Kind::Text, Role::Dim)));
    }
    out
}

/// Neighbours whose names begin alike are under one node; `from` bytes of their names are said by the nodes above.
fn tree(fields: &[(&str, &str)], from: usize, depth: usize, folded: &BTreeSet<String>, out: &mut Vec<Item>) {
    let step = |name: &str| name.get(from..).and_then(|rest| rest.find('.')).filter(|at| *at > 0).map(|at| from + at);
    let mut rest = fields;
    while let Some((name, value)) = rest.first() {
        let shared = step(name).map(|end| &name[..=end]);
        let together = shared.map_or(1, |path| rest.iter().take_while(|(n, _)| n.starts_with(path)).count());
        match shared {
            Some(path) if together > 1 => {
                let name = &path[..path.len() - 1];
                let is_folded = folded.contains(name);
                let note = if is_folded { format!("{together} fields") } else { String::new() };
                let kind = Kind::Node { path: name.to_owned(), folded: is_folded };
                out.push(Item { label: name[from..].to_owned(), depth, text: note, kind, role: Role::Dim });
                if !is_folded {
                    tree(&rest[..together], path.len(), depth + 1, folded, out);
                }
            }
            _ => {
                let label = name.get(from..).unwrap_or(name).to_owned();
                out.push(Item { label, depth, ..Item::field(name, value, Source::Parsed, Role::Text) });
            }
        }
        rest = &rest[together..];
    }
}

fn section<'a>(heading: &str, fields: impl Iterator<Item = (&'a str, &'a str)>, source: Source, out: &mut Vec<Item>) {
    let mut fields = fields.filter(|(name, _)| !name.starts_with("__")).peekable();
    if fields.peek().is_some() {
        out.push(Item::text(heading, Kind::Heading, Role::Heading));
    }
    out.extend(fields.map(|(name, value)| Item::field(name, value, source, Role::Text)));
}

/// The value of a field by its name alone: as a column shows it.
pub(super) fn value_of<'a>(line: &Line<'a>, record: &'a Record, name: &str) -> Option<&'a str> {
    let parsed = || record.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    parsed().or_else(|| line.stream.get(name)).or_else(|| line.metadata().find(|(n, _)| *n == name).map(|(_, v)| v))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_are_a_tree_that_folds() {
        let fields = [("a", "1"), ("http.route", "/a"), ("http.request.id", "7"), ("http.request.size", "9"), ("one.alone", "x")];
        let shown = |folded: &[&str]| {
            let mut out = Vec::new();
            tree(&fields, 0, 0, &folded.iter().map(|f| (*f).to_owned()).collect(), &mut out);
            out.iter().map(|i| format!("{}{}={}", " ".repeat(i.depth), i.label, i.text)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[]), ["a=1", "http=", " route=/a", " request=", "  id=7", "  size=9", "one.alone=x"]);
        assert_eq!(shown(&["http.request"]), ["a=1", "http=", " route=/a", " request=2 fields", "one.alone=x"]);
        assert_eq!(shown(&["http"]), ["a=1", "http=3 fields", "one.alone=x"]);
    }

    #[test]
    fn names_of_dots_alone_are_names() {
        let mut out = Vec::new();
        tree(&[("..", "a"), ("...", "b"), ("x.", "c"), ("x.", "d")], 0, 0, &BTreeSet::new(), &mut out);
        assert_eq!(out.iter().filter(|i| i.as_field().is_some()).count(), 4);
    }
}
