//! Label matchers made ready for matching many label sets.

use regex::Regex;

use crate::model::labels::{Labels, MatchOp, Matcher};

/// Compiled matchers; a label set passes when all of them match. A missing label counts as the empty value.
#[derive(Clone, Debug)]
pub struct LabelFilter(Vec<(Matcher, Option<Regex>)>);

impl LabelFilter {
    /// Compiles the matchers. Regular expressions are anchored at both ends, and `.` matches a newline, as in Prometheus 3.
    ///
    /// # Errors
    /// A regular expression is invalid or too large.
    pub fn new(matchers: &[Matcher]) -> Result<Self, regex::Error> {
        let compile = |m: &Matcher| {
            Ok(match m.op {
                MatchOp::Equal | MatchOp::NotEqual => (m.clone(), None),
                MatchOp::Regex | MatchOp::NotRegex => (m.clone(), Some(Regex::new(&format!("^(?s:{})$", m.value))?)),
            })
        };
        Ok(Self(matchers.iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// Whether all matchers match.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(m, regex)| value_matches(m, regex.as_ref(), labels.get(&m.name).unwrap_or("")))
    }
}

fn value_matches(matcher: &Matcher, regex: Option<&Regex>, value: &str) -> bool {
    let hit = regex.map_or_else(|| matcher.value == value, |r| r.is_match(value));
    match matcher.op {
        MatchOp::Equal | MatchOp::Regex => hit,
        MatchOp::NotEqual | MatchOp::NotRegex => !hit,
    }
}
