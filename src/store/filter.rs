//! What is typed after `/`: a text, a `/regex/`, or with a leading `!` what does not match.

use regex::{Regex, RegexBuilder};

use super::{condition::Condition, needles::Needles};
use crate::model::re2;

/// Bytes that a compiled expression may take: a typed `(a{1000}){1000}` is refused, not built.
const SIZE_LIMIT: usize = 1 << 20;

/// A compiled filter or search.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// What is looked for first.
    needles: Option<Needles>,
    inverse: bool,
    source: String,
}

/// What was typed, taken apart.
struct Typed<'t> {
    inverse: bool,
    text: &'t str,
    /// The text is a regular expression.
    expression: bool,
    any_case: bool,
}

impl<'t> Typed<'t> {
    fn of(typed: &'t str) -> Self {
        let (inverse, text) = typed.strip_prefix('!').map_or((false, typed), |rest| (true, rest));
        let expression = text.strip_prefix('/').and_then(|t| t.strip_suffix('/')).filter(|t| !t.is_empty());
        let any_case = !expression.unwrap_or(text).chars().any(char::is_uppercase);
        Self { inverse, text: expression.unwrap_or(text), expression: expression.is_some(), any_case }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Pattern {
    /// What can be typed, for the one who begins to.
    pub const FORMS: &str = "text   /regex/   !text, !/regex/: not   lower case: any case";

    /// From what was typed; `None` for nothing. All lower case matches any case. `/` at both ends makes a regular
    /// expression.
    ///
    /// # Errors
    /// Why the regular expression is none, in one line.
    pub fn parse(typed: &str) -> Result<Option<Self>, String> {
        let Typed { inverse, text, expression, any_case } = Typed::of(typed);
        if text.is_empty() {
            return Ok(None);
        }
        let source = if expression { re2::translate(text) } else { regex::escape(text) };
        let regex = RegexBuilder::new(&source).case_insensitive(any_case).size_limit(SIZE_LIMIT).build();
        match regex {
            Ok(regex) => Ok(Some(Self { regex, needles: Needles::of(&source, any_case), inverse, source: typed.to_owned() })),
            Err(regex::Error::CompiledTooBig(_)) => Err("the expression is too big".to_owned()),
            Err(error) => Err(error.to_string().lines().last().unwrap_or("no regular expression").trim().to_owned()),
        }
    }

    /// The same as a condition, which a server can be asked for.
    ///
    /// # Errors
    /// Why the expression is none.
    pub fn condition(&self) -> Result<Condition, String> {
        let Typed { inverse, text, expression, any_case } = Typed::of(&self.source);
        let has_case = |c: char| !c.to_uppercase().eq([c]) || !c.to_lowercase().eq([c]);
        let any_way = any_case && text.chars().any(has_case);
        if !(expression || any_way) {
            return Ok(Condition::text(text, !inverse));
        }
        let pattern = if expression { text.to_owned() } else { re2::quote_meta(text) };
        Condition::expression(&if any_case { format!("(?i){pattern}") } else { pattern }, !inverse)
    }

    /// Whether it is a regular expression, which takes longer than a text.
    pub(super) fn is_expression(&self) -> bool {
        Typed::of(&self.source).expression
    }

    /// Whether a text passes.
    pub fn passes(&self, text: &str) -> bool {
        let may_match = self.needles.as_ref().is_none_or(|needles| needles.may_be_in(text));
        (may_match && self.regex.is_match(text)) != self.inverse
    }

    /// Whether a thing of several texts passes: any of them matches, or for an inverse one none.
    pub fn passes_any<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) -> bool {
        texts.into_iter().any(|t| self.regex.is_match(t.as_ref())) != self.inverse
    }

    /// Where it matches, for highlighting; nothing for an inverse one.
    pub fn find<'t>(&self, text: &'t str) -> impl Iterator<Item = std::ops::Range<usize>> + use<'_, 't> {
        let limit = if self.inverse { 0 } else { usize::MAX };
        self.regex.find_iter(text).map(|m| m.range()).filter(|r| !r.is_empty()).take(limit)
    }

    /// As it is shown: `/pool`, `/!pool`, `/a.c/`.
    pub fn shown(&self) -> String {
        if self.source.starts_with('/') { self.source.clone() } else { format!("/{}", self.source) }
    }

    /// What was typed.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_regex_inverse_and_case() {
        for (typed, text, passes) in [
            ("pool", "the POOL is full", true),
            ("Pool", "the pool is full", false),
            ("a.c", "abc", false),
            ("/a.c/", "abc", true),
            ("!pool", "the pool", false),
            ("!pool", "the queue", true),
            ("/", "a/b", true),
        ] {
            assert_eq!(Pattern::parse(typed).unwrap().unwrap().passes(text), passes, "{typed} in {text}");
        }
        assert_eq!(Pattern::parse("").unwrap(), None);
        assert_eq!(Pattern::parse("!").unwrap(), None);
    }

    #[test]
    fn a_condition_means_the_same_and_is_asked_for_in_re2() {
        for (typed, value, kept) in [
            ("pool", "(?i)pool", true),
            ("Pool", "Pool", true),
            ("503 (x)", r"(?i)503 \(x\)", true),
            ("[503]", "[503]", true),
            ("!a.c", r"(?i)a\.c", false),
            ("/a.c/", "(?i)a.c", true),
            ("!/A|b$/", "A|b$", false),
            ("/\\d+ MS/", "\\d+ MS", true),
        ] {
            let pattern = Pattern::parse(typed).unwrap().unwrap();
            let condition = pattern.condition().unwrap();
            assert_eq!((condition.value.as_str(), condition.keep), (value, kept), "{typed}");
            for text in ["the POOL", "pool", "503 (X)", "[503]", "a.c", "ABC", "abc", "A", "xb", "12 MS", "\u{661} MS", "Stra\u{df}e"] {
                assert_eq!(condition.passes(None, std::iter::empty(), text), pattern.passes(text), "{typed} in {text}");
            }
        }
    }

    #[test]
    fn a_wrong_or_huge_expression_says_why() {
        assert!(Pattern::parse("/(/").unwrap_err().contains("unclosed group"));
        assert_eq!(Pattern::parse("/((a{1000}){1000}){1000}/").unwrap_err(), "the expression is too big");
    }
}
