//! The user's own ways to find a trace id in a line, and how ids are written.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use regex::{Captures, Regex};

use super::Found;
use crate::model::trace::{SpanId, TraceId};

/// The user's own ways to find a trace id in a line, tried before all others.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Arc<[Pattern]>);

/// One such way: a regular expression and how the ids in its groups `trace_id` and `span_id` are written.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The expression.
    pub regex: Regex,
    /// How the ids are written.
    pub base: Base,
}

/// How an id is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// In hex, or in base64 where it is no hex.
    #[default]
    Any,
    /// In decimal, as Datadog does: the low 64 bits.
    Decimal,
    /// In hex.
    Hex,
    /// In base64.
    Base64,
}

impl Base {
    fn trace(self, text: &str) -> Option<TraceId> {
        match self {
            Self::Any => loose_trace_id(text),
            Self::Decimal => text.parse().ok().filter(|n| *n != 0).map(TraceId),
            Self::Hex => TraceId::parse(text),
            Self::Base64 => base64_trace_id(text),
        }
    }

    fn span(self, text: &str) -> Option<SpanId> {
        match self {
            Self::Any | Self::Hex => SpanId::parse(text),
            Self::Decimal => text.parse().ok().filter(|n| *n != 0).map(SpanId),
            Self::Base64 => {
                let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
                Some(SpanId(u64::from_be_bytes(bytes))).filter(|s| s.0 != 0)
            }
        }
    }
}

impl From<Regex> for Rule {
    fn from(regex: Regex) -> Self {
        Self { regex, base: Base::Any }
    }
}

#[derive(Debug)]
struct Pattern {
    rule: Rule,
    trace: usize,
    span: Option<usize>,
}

/// Two regular expressions are the same when they are written the same.
impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        let key = |p: &Pattern| (p.rule.regex.as_str().to_owned(), p.rule.base);
        self.0.iter().map(key).eq(other.0.iter().map(key))
    }
}

impl<T: Into<Rule>> FromIterator<T> for Patterns {
    /// Those without a group `trace_id` can find nothing and are left out.
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let pattern = |rule: T| {
            let rule = rule.into();
            let group = |name| rule.regex.capture_names().position(|n| n == Some(name));
            let (trace, span) = (group("trace_id")?, group("span_id"));
            Some(Pattern { rule, trace, span })
        };
        Self(all.into_iter().filter_map(pattern).collect())
    }
}

impl Patterns {
    /// What the first pattern that finds an id finds.
    pub(super) fn find(&self, text: &str) -> Option<Found> {
        self.0.iter().find_map(|p| p.found(&p.rule.regex.captures(text)?))
    }

    /// All that all patterns find.
    pub(super) fn find_all<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Found> + 't {
        self.0.iter().flat_map(move |p| p.rule.regex.captures_iter(text).filter_map(|groups| p.found(&groups)))
    }
}

impl Pattern {
    fn found(&self, groups: &Captures<'_>) -> Option<Found> {
        let trace = self.rule.base.trace(groups.get(self.trace)?.as_str())?;
        let span = self.span.and_then(|i| groups.get(i)).and_then(|m| self.rule.base.span(m.as_str()));
        Some(Found { trace: Some(trace), span, from: Some("pattern of config.toml") })
    }
}

/// An id from a place that names it: hex with or without leading zeros, or base64.
pub fn loose_trace_id(text: &str) -> Option<TraceId> {
    TraceId::parse(text).or_else(|| base64_trace_id(text))
}

/// 16 bytes as those write them who take ids of OTLP for bytes: `CvdlGRbNQ92ESOshHIAxnA==`.
pub(super) fn in_base64(value: &str) -> Option<TraceId> {
    const LENGTH: usize = 24;
    base64_trace_id(value.get(..LENGTH).filter(|text| text.ends_with("=="))?)
}

fn base64_trace_id(text: &str) -> Option<TraceId> {
    let bytes = STANDARD.decode(text.trim()).ok().filter(|b| (8..=16).contains(&b.len()))?;
    let id = bytes.iter().fold(0_u128, |id, b| (id << 8) | u128::from(*b));
    (id != 0).then_some(TraceId(id))
}
