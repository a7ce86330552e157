//! What is typed after `/`: a text, a `/regex/`, or with a leading `!` what does not match.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take: a typed `(a{1000}){1000}` is refused, not built.
const SIZE_LIMIT: usize = 1 << 20;

/// A compiled filter or search.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    inverse: bool,
    source: String,
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
        let (inverse, text) = typed.strip_prefix('!').map_or((false, typed), |rest| (true, rest));
        if text.is_empty() {
            return Ok(None);
        }
        let expression = text.strip_prefix('/').and_then(|t| t.strip_suffix('/')).filter(|t| !t.is_empty());
        let any_case = !expression.unwrap_or(text).chars().any(char::is_uppercase);
        let source = expression.map_or_else(|| regex::escape(text), str::to_owned);
        let regex = RegexBuilder::new(&source).case_insensitive(any_case).size_limit(SIZE_LIMIT).build();
        match regex {
            Ok(regex) => Ok(Some(Self { regex, inverse, source: typed.to_owned() })),
            Err(regex::Error::CompiledTooBig(_)) => Err("the expression is too big".to_owned()),
            Err(error) => Err(error.to_string().lines().last().unwrap_or("no regular expression").trim().to_owned()),
        }
    }

    /// Whether a text passes.
    pub fn passes(&self, text: &str) -> bool {
        self.regex.is_match(text) != self.inverse
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
    fn a_wrong_or_huge_expression_says_why() {
        assert!(Pattern::parse("/(/").unwrap_err().contains("unclosed group"));
        assert_eq!(Pattern::parse("/((a{1000}){1000}){1000}/").unwrap_err(), "the expression is too big");
    }
}
