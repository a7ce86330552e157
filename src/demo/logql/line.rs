//! One line on its way through a pipeline: its text and its labels by where they come from.

use compact_str::CompactString;

use crate::{
    demo::store::LogEntry,
    model::labels::{Labels, MatchOp, Matcher},
};

/// The label that says what went wrong with a line.
pub(super) const ERROR: &str = "__error__";
/// The label that says more about it.
pub(super) const ERROR_DETAILS: &str = "__error_details__";
/// The level that Loki found when it took the line in.
pub(super) const LEVEL: &str = crate::demo::store::DETECTED_LEVEL;

/// Labels by category, as `categorize-labels` answers them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Categories {
    /// Of the stream.
    pub stream: Labels,
    /// Structured metadata.
    pub metadata: Labels,
    /// Made by parsers, and errors.
    pub parsed: Labels,
}

impl Categories {
    /// All in one set.
    pub fn merged(&self) -> Labels {
        self.stream.iter().chain(self.metadata.iter()).chain(self.parsed.iter()).collect()
    }
}

type Pairs = Vec<(CompactString, CompactString)>;

/// A line; text and structured metadata are made only when a stage asks for them.
pub(super) struct Line<'e> {
    entry: &'e dyn LogEntry,
    stream: &'e Labels,
    deleted: Vec<CompactString>,
    metadata: Option<Pairs>,
    parsed: Pairs,
    text: Option<String>,
    /// Kind of the first error.
    pub(super) error: Option<&'static str>,
    error_details: String,
}

impl<'e> Line<'e> {
    /// A line of a stream whose labels are as Loki keeps them.
    pub(super) fn new(entry: &'e dyn LogEntry, stream: &'e Labels) -> Self {
        Self {
            entry,
            stream,
            deleted: Vec::new(),
            metadata: None,
            parsed: Vec::new(),
            text: None,
            error: None,
            error_details: String::new(),
        }
    }

    /// The text.
    pub(super) fn text(&mut self) -> &str {
        let entry = self.entry;
        self.text.get_or_insert_with(|| {
            let mut text = String::with_capacity(256);
            entry.write_text(&mut text);
            text
        })
    }

    /// Takes the text out, to be put back by [`Self::set_text`]: parsers read it while they write labels.
    pub(super) fn take_text(&mut self) -> String {
        self.text();
        self.text.take().unwrap_or_default()
    }

    pub(super) fn set_text(&mut self, text: String) {
        self.text = Some(text);
    }

    /// Structured metadata with the level; names that the stream has get a suffix.
    fn metadata(&mut self) -> &mut Pairs {
        let (entry, stream) = (self.entry, self.stream);
        self.metadata.get_or_insert_with(|| {
            let own = entry.metadata();
            let all = own.iter().filter(|(n, _)| *n != LEVEL).chain([(LEVEL, entry.level())].into_iter().filter(|(_, v)| !v.is_empty()));
            all.map(|(n, v)| (if stream.get(n).is_some() { extracted(n) } else { n.into() }, v.into())).collect()
        })
    }

    /// A label's value, wherever it comes from.
    pub(super) fn get(&mut self, name: &str) -> Option<&str> {
        if name == ERROR_DETAILS {
            return (!self.error_details.is_empty()).then_some(self.error_details.as_str());
        }
        // The level is known without the other metadata, and histograms ask for nothing else.
        let only_level = name == LEVEL && self.metadata.is_none() && self.parsed.is_empty() && self.stream.get(LEVEL).is_none();
        if only_level {
            return Some(self.entry.level()).filter(|l| !l.is_empty());
        }
        if let Some(i) = self.parsed.iter().position(|(n, _)| n == name) {
            return Some(self.parsed[i].1.as_str());
        }
        let deleted = self.deleted.iter().any(|d| d == name);
        if !deleted && self.stream.get(name).is_some_and(|v| !v.is_empty()) {
            return self.stream.get(name);
        }
        self.metadata().iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Sets a label that a parser found. A name that the stream or the metadata has gets a suffix.
    pub(super) fn extract(&mut self, name: &str, value: &str) -> CompactString {
        let taken = self.stream.get(name).is_some() || self.metadata().iter().any(|(n, _)| n == name);
        let name = if taken { extracted(name) } else { name.into() };
        self.metadata().retain(|(n, _)| *n != name);
        match self.parsed.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value.into(),
            None => self.parsed.push((name.clone(), value.into())),
        }
        name
    }

    /// Sets a label in place of any that is called so.
    pub(super) fn format(&mut self, name: &str, value: &str) {
        self.metadata().retain(|(n, _)| n != name);
        match self.parsed.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value.into(),
            None => self.parsed.push((name.into(), value.into())),
        }
    }

    /// Sets a label that must exist although nothing was found.
    pub(super) fn set_missing(&mut self, name: &str) {
        if self.get(name).is_none() {
            self.parsed.push((name.into(), CompactString::default()));
        }
    }

    /// Removes a label.
    pub(super) fn delete(&mut self, name: &str) {
        match name {
            ERROR => self.error = None,
            ERROR_DETAILS => self.error_details.clear(),
            _ => {
                self.parsed.retain(|(n, _)| n != name);
                self.metadata().retain(|(n, _)| n != name);
                self.deleted.push(name.into());
            }
        }
    }

    /// Marks the line as faulty; the first fault stays.
    pub(super) fn fail(&mut self, error: &'static str, details: String) {
        if self.error.is_none() {
            self.error = Some(error);
            self.error_details = details;
        }
    }

    /// All labels by category.
    pub(super) fn categories(&mut self) -> Categories {
        self.metadata();
        let metadata = self.metadata.as_deref().unwrap_or_default();
        let has = |pairs: &[(CompactString, CompactString)], name: &str| pairs.iter().any(|(n, _)| n == name);
        let hidden = |name: &str| self.deleted.iter().any(|d| d == name) || has(metadata, name) || has(&self.parsed, name);
        let errors = [(ERROR, self.error.unwrap_or_default()), (ERROR_DETAILS, self.error_details.as_str())];
        let own = |pairs: &[(CompactString, CompactString)]| pairs.to_vec();
        Categories {
            stream: self.stream.iter().filter(|(n, _)| !hidden(n)).collect(),
            metadata: own(metadata).into_iter().filter(|(n, _)| !has(&self.parsed, n)).collect(),
            parsed: own(&self.parsed)
                .into_iter()
                .chain(errors.into_iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (n.into(), v.into())))
                .collect(),
        }
    }
}

fn extracted(name: &str) -> CompactString {
    compact_str::format_compact!("{name}_extracted")
}

/// The matchers that a pure equality on a label gives, for hints.
pub(super) fn equal_value<'m>(matcher: &'m Matcher, name: &str) -> Option<&'m str> {
    (matcher.op == MatchOp::Equal && matcher.name == name).then_some(matcher.value.as_str())
}
