//! Conditions made ready to run.

use regex::Regex;

use super::{
    ast::{CompareOp, LabelFilter, LineOp, Quantity},
    ip::IpPattern,
    line::{ERROR, Line},
};
use crate::{
    demo::grammar::{ParseError, literal, re2},
    log_patterns::LineFilter,
    model::labels::{Labels, MatchOp, Matcher},
};

/// A matcher whose regular expression is compiled.
#[derive(Debug)]
pub struct CompiledMatcher {
    /// Label name.
    pub name: String,
    test: Test,
    negate: bool,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    Regex(Regex),
}

impl CompiledMatcher {
    /// Compiles it.
    ///
    /// # Errors
    /// A regular expression that does not compile.
    pub fn new(matcher: &Matcher) -> Result<Self, ParseError> {
        let regex = || re2::compile_anchored(&matcher.value).map(Test::Regex).map_err(ParseError::whole);
        let test = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => Test::Equal(matcher.value.to_string()),
            MatchOp::Regex | MatchOp::NotRegex => regex()?,
        };
        Ok(Self { name: matcher.name.to_string(), test, negate: matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex) })
    }

    /// Whether a value matches; a missing label is the empty string.
    pub fn matches(&self, value: &str) -> bool {
        self.negate
            != match &self.test {
                Test::Equal(text) => text == value,
                Test::Regex(regex) => regex.is_match(value),
            }
    }

    /// Whether a label set matches.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name).unwrap_or_default())
    }
}

/// Compiles all.
///
/// # Errors
/// A regular expression that does not compile.
pub fn compile(matchers: &[Matcher]) -> Result<Vec<CompiledMatcher>, ParseError> {
    matchers.iter().map(CompiledMatcher::new).collect()
}

/// A line filter.
#[derive(Debug)]
pub(super) struct CompiledLine {
    negate: bool,
    tests: Vec<LineTest>,
}

#[derive(Debug)]
enum LineTest {
    Contains(String),
    Regex(Regex),
    Pattern(LineFilter),
}

impl CompiledLine {
    pub(super) fn new(op: LineOp, texts: &[String]) -> Result<Self, ParseError> {
        let compile = |text: &String| match op {
            LineOp::Contains | LineOp::NotContains => Ok(LineTest::Contains(text.clone())),
            LineOp::Match | LineOp::NotMatch => re2::compile(text).map(LineTest::Regex).map_err(ParseError::whole),
            LineOp::Pattern | LineOp::NotPattern => LineFilter::parse(text).map(LineTest::Pattern).map_err(ParseError::whole),
        };
        let tests = texts.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { negate: matches!(op, LineOp::NotContains | LineOp::NotMatch | LineOp::NotPattern), tests })
    }

    pub(super) fn matches(&self, line: &str) -> bool {
        self.negate
            != self.tests.iter().any(|test| match test {
                LineTest::Contains(text) => memchr::memmem::find(line.as_bytes(), text.as_bytes()).is_some(),
                LineTest::Regex(regex) => regex.is_match(line),
                LineTest::Pattern(pattern) => pattern.passes(line),
            })
    }
}

/// A label filter.
#[derive(Debug)]
pub(super) enum CompiledFilter {
    Match(CompiledMatcher),
    Compare { name: String, op: CompareOp, value: Quantity },
    Ip { name: String, negate: bool, pattern: IpPattern },
    And(Box<CompiledFilter>, Box<CompiledFilter>),
    Or(Box<CompiledFilter>, Box<CompiledFilter>),
}

impl CompiledFilter {
    pub(super) fn new(filter: &LabelFilter) -> Result<Self, ParseError> {
        let both = |a: &LabelFilter, b: &LabelFilter| Ok::<_, ParseError>((Box::new(Self::new(a)?), Box::new(Self::new(b)?)));
        Ok(match filter {
            LabelFilter::Match(m) => Self::Match(CompiledMatcher::new(m)?),
            LabelFilter::Compare { name, op, value } => Self::Compare { name: name.clone(), op: *op, value: *value },
            LabelFilter::Ip { name, negate, pattern } => {
                Self::Ip { name: name.clone(), negate: *negate, pattern: IpPattern::new(pattern).map_err(ParseError::whole)? }
            }
            LabelFilter::And(a, b) => both(a, b).map(|(a, b)| Self::And(a, b))?,
            LabelFilter::Or(a, b) => both(a, b).map(|(a, b)| Self::Or(a, b))?,
        })
    }

    /// Whether a line passes. A value that is not what it is compared with marks the line as faulty and lets it pass.
    pub(super) fn matches(&self, line: &mut Line<'_>) -> bool {
        match self {
            Self::Match(m) if m.name == ERROR => m.matches(line.error.unwrap_or_default()),
            Self::Match(m) => m.matches(line.get(&m.name).unwrap_or_default()),
            Self::Compare { name, op, value } => {
                let Some(text) = line.get(name) else { return false };
                match compare(text, *op, *value) {
                    Ok(holds) => holds,
                    Err(details) => {
                        line.fail("LabelFilterErr", details);
                        true
                    }
                }
            }
            // Of a faulty line only texts are compared.
            Self::Ip { .. } if line.error.is_some() => true,
            Self::Ip { name, negate, pattern } => line.get(name).is_some_and(|text| pattern.is_in(text) != *negate),
            Self::And(a, b) => a.matches(line) & b.matches(line),
            Self::Or(a, b) => a.matches(line) || b.matches(line),
        }
    }

    /// Names of the labels it reads.
    pub(super) fn names<'f>(&'f self, out: &mut Vec<&'f str>) {
        match self {
            Self::Match(m) => out.push(&m.name),
            Self::Compare { name, .. } | Self::Ip { name, .. } => out.push(name),
            Self::And(a, b) | Self::Or(a, b) => {
                a.names(out);
                b.names(out);
            }
        }
    }
}

fn compare(text: &str, op: CompareOp, value: Quantity) -> Result<bool, String> {
    match value {
        Quantity::Number(n) => go_float(text).map(|v| op.holds(&v, &n)).ok_or_else(|| bad_float(text)),
        Quantity::Duration(d) => literal::go_duration(text).map(|v| op.holds(&v, &d)).ok_or_else(|| bad_duration(text)),
        Quantity::Bytes(b) => literal::bytes(text).map(|v| op.holds(&v, &b)).ok_or_else(|| bad_float(text)),
    }
}

/// A float as Go's `ParseFloat` takes it: no blanks around it.
pub(super) fn go_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Go's words for a number that is none.
pub(super) fn bad_float(text: &str) -> String {
    format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")
}

/// Go's words for a duration that is none.
pub(super) fn bad_duration(text: &str) -> String {
    format!("time: invalid duration {text:?}")
}
