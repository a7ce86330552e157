//! A condition on one field of a line, as `| pod="a-1"` says it in LogQL, answered for the lines that are here.

use crate::{log_fields::recognise, model::labels::Labels};

/// Where a line has the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among the labels of its stream.
    Label,
    /// In its structured metadata.
    Metadata,
    /// In the JSON that it is.
    Json,
    /// As a `name=value` in its text.
    Logfmt,
    /// Anywhere in its text: the field has no name that a server knows.
    Text,
}

/// A value that lines must have, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Where the value is.
    pub place: Place,
    /// The field's name as lines have it, nested ones with dots.
    pub name: String,
    /// The name by which a server is asked for it.
    pub label: String,
    /// Where a server finds it in the text, for [`Place::Json`] and [`Place::Logfmt`].
    pub path: String,
    /// The value.
    pub value: String,
    /// Whether lines with the value are kept, or left out.
    pub keep: bool,
}

impl Condition {
    /// Whether a line passes.
    pub(super) fn passes<'a>(&self, stream: Option<&Labels>, mut metadata: impl Iterator<Item = (&'a str, &'a str)>, text: &str) -> bool {
        let has = match self.place {
            Place::Label => stream.and_then(|s| s.get(&self.name)) == Some(&*self.value),
            Place::Metadata => metadata.any(|(n, v)| n == self.name && v == self.value),
            Place::Text => text.contains(&self.value),
            Place::Json | Place::Logfmt => self.is_in(text),
        };
        has == self.keep
    }

    /// Most lines have nothing like the value in them and need not be taken apart.
    fn is_in(&self, text: &str) -> bool {
        text.contains(plain_part(&self.value)) && recognise(text).fields.iter().any(|(n, v)| *n == self.name && *v == self.value)
    }
}

/// The longest part of a value that is written the same whatever quotes are around it.
pub fn plain_part(value: &str) -> &str {
    let is_escaped = |c: char| matches!(c, '"' | '\\' | '/' | '<' | '>' | '&') || c.is_control() || !c.is_ascii();
    value.split(is_escaped).max_by_key(|part| part.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(place: Place, name: &str, value: &str, text: &str) -> bool {
        let condition =
            |keep| Condition { place, name: name.to_owned(), label: name.to_owned(), path: String::new(), value: value.to_owned(), keep };
        let stream: Labels = [("pod", "a-1")].into_iter().collect();
        let metadata = || [("user", "ana")].into_iter();
        let kept = condition(true).passes(Some(&stream), metadata(), text);
        assert_ne!(kept, condition(false).passes(Some(&stream), metadata(), text), "what is not kept is left out");
        kept
    }

    #[test]
    fn a_value_is_found_where_it_is_and_nowhere_else() {
        use Place::{Json, Label, Logfmt, Metadata, Text};
        for (place, name, value, text, expected) in [
            (Label, "pod", "a-1", "", true),
            (Label, "pod", "a", "pod=a", false),
            (Label, "user", "ana", "", false),
            (Metadata, "user", "ana", "", true),
            (Metadata, "pod", "a-1", "", false),
            (Json, "http.route", "/a", r#"{"http":{"route":"/a"}}"#, true),
            (Json, "http.route", "/a", r#"{"http":{"route":"\/a"}}"#, true),
            (Json, "http.route", "/a", r#"{"http":{"route":"/ab"}}"#, false),
            (Json, "other", "/a", r#"{"http":{"route":"/a"}}"#, false),
            (Json, "what", "say \"é\"", r#"{"what":"say \"\u00e9\""}"#, true),
            (Logfmt, "pool", "orders", "no luck pool=orders wait_ms=8", true),
            (Logfmt, "pool", "orders", "no orders pool=payments", false),
            (Text, "", "pool=o", "no luck pool=orders", true),
        ] {
            assert_eq!(passes(place, name, value, text), expected, "{place:?} {name} {value} in {text}");
        }
    }
}
