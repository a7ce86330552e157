//! Names and values in what is on the page: they are offered where the server tells none, late, or less.

use std::collections::{BTreeMap, BTreeSet};

use super::context::What;

/// Names that are kept, and values of each.
const MAX_NAMES: usize = 1000;
const MAX_VALUES: usize = 200;
/// The longest value that is worth offering, in bytes.
const LONGEST: usize = 200;

/// What was seen.
#[derive(Debug, Default)]
pub(in crate::views) struct Seen {
    /// Of streams.
    labels: Values,
    /// Of lines, their streams' included.
    fields: Values,
    /// Of spans, with their scopes.
    attributes: Values,
}

type Values = BTreeMap<String, BTreeSet<String>>;

impl Seen {
    /// A label of a stream.
    pub(in crate::views) fn label(&mut self, name: &str, value: &str) {
        note(&mut self.labels, name, value);
        note(&mut self.fields, name, value);
    }

    /// A field of a line.
    pub(in crate::views) fn field(&mut self, name: &str, value: &str) {
        note(&mut self.fields, name, value);
    }

    /// An attribute of a span, with its scope; its value as TraceQL writes it, where that is no plain text.
    pub(in crate::views) fn attribute(&mut self, name: &str, value: &str) {
        keep(&mut self.attributes, name, value);
    }

    /// What of it can stand in a place.
    pub(super) fn of(&self, what: &What) -> Vec<&str> {
        match what {
            What::Label { .. } => self.labels.keys().map(String::as_str).collect(),
            What::Field { .. } => self.fields.keys().map(String::as_str).collect(),
            What::Value { label, .. } => values(&self.labels, label),
            What::FieldValue { field, .. } => values(&self.fields, field),
            What::Attribute { .. } => self.attributes.keys().map(String::as_str).collect(),
            What::AttributeValue { attribute, .. } => values(&self.attributes, attribute),
            What::Operand | What::Words(_) | What::QuotedName { .. } | What::Nothing => Vec::new(),
        }
    }
}

fn values<'s>(all: &'s Values, name: &str) -> Vec<&'s str> {
    all.get(name).into_iter().flatten().map(String::as_str).collect()
}

fn note(all: &mut Values, name: &str, value: &str) {
    // What has other characters is no name in LogQL.
    let is_name =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        keep(all, name, value);
    }
}

fn keep(all: &mut Values, name: &str, value: &str) {
    if all.len() >= MAX_NAMES && !all.contains_key(name) {
        return;
    }
    let values = all.entry(name.to_owned()).or_default();
    if values.len() < MAX_VALUES && value.len() <= LONGEST && !value.is_empty() {
        values.insert(value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::MatchOp;

    #[test]
    fn what_was_seen_is_bounded_and_only_what_can_be_written() {
        let mut seen = Seen::default();
        for i in 0..5000 {
            seen.field(&format!("f{i:04}"), "1");
            seen.label("pod", &format!("p{i:04}"));
        }
        seen.field("a.b", "1");
        seen.label("long", &"x".repeat(5000));
        let field =
            |used: &[&str]| What::Field { of: String::new(), words: Vec::new(), used: used.iter().map(|u| (*u).to_owned()).collect() };
        let names = seen.of(&field(&[]));
        assert_eq!(names.len(), MAX_NAMES);
        assert!(names.contains(&"pod") && !names.contains(&"a.b"));
        let value = |label: &str| What::Value { label: label.to_owned(), selector: String::new(), op: MatchOp::Equal, quote: None };
        assert_eq!(seen.of(&value("pod")).len(), MAX_VALUES);
        assert_eq!(seen.of(&value("long")), Vec::<&str>::new());
        assert_eq!(seen.of(&value("f0001")), Vec::<&str>::new(), "no label of a stream");
    }
}
