//! Line filters of LogQL by pattern, `|> "served <_> bytes"`: what they let through, and which may say the same as a template.

use super::mask::{WILDCARD, is_cause};
use crate::model::log::ServerPattern;

/// A pattern as Loki's `|>` reads it: texts in their order, and something between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFilter {
    /// `None`: anything, but not nothing.
    parts: Vec<Option<String>>,
}

impl LineFilter {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Why Loki would refuse it, in its words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts: Vec<Option<String>> = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some((name, after)) = capture(rest) {
                if name != "_" {
                    return Err("named captures are not allowed".to_owned());
                }
                if parts.last() == Some(&None) {
                    return Err("found consecutive capture '<_><_>': invalid expression".to_owned());
                }
                parts.push(None);
                rest = after;
                continue;
            }
            match parts.last_mut() {
                Some(Some(text)) => text.push(c),
                _ => parts.push(Some(c.to_string())),
            }
            rest = &rest[c.len_utf8()..];
        }
        Ok(Self { parts })
    }

    /// Whether a line passes: each text stands behind something that follows the one before it, the first one anywhere, and at
    /// the end is something where the pattern says so, and else nothing. As Loki does, nothing is tried twice.
    pub fn passes(&self, line: &str) -> bool {
        if line.is_empty() || self.parts.is_empty() {
            return line.is_empty() && self.parts.is_empty();
        }
        let mut rest = line;
        for (i, text) in self.parts.iter().enumerate().filter_map(|(i, part)| Some((i, part.as_ref()?))) {
            match memchr::memmem::find(rest.as_bytes(), text.as_bytes()) {
                Some(at) if i == 0 || at > 0 => rest = &rest[at + text.len()..],
                _ => return false,
            }
        }
        self.parts.last().is_some_and(Option::is_none) != rest.is_empty()
    }

    /// A regular expression that matches all lines that pass, for a Loki before 3.0. It tries again what a pattern does not, so that
    /// it matches some more: `a<_>b` lets `axb axb` through by it.
    pub fn regex(&self) -> String {
        let texts = self.parts.iter().map(|part| part.as_ref().map_or_else(|| ".+?".to_owned(), |text| regex::escape(text)));
        let begin = if self.parts.first() == Some(&None) { "^" } else { "" };
        format!("(?s){begin}{}$", texts.collect::<String>())
    }
}

/// `<name>` at the front, and what follows it.
fn capture(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let mut chars = name.chars();
    let head = chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
    (head && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())).then_some((name, after))
}

/// Patterns that may let through what has a template, and nothing else; the one that says the most first. A template is of a
/// line without its head, its fields and what varies, so that only lines can tell.
pub fn line_filters(template: &str) -> Vec<String> {
    let any = ServerPattern::ANY;
    let plain = template.replace(WILDCARD, any);
    // Of structured lines what a field says of a cause stands behind the message, under its name.
    let words = template.split(' ').map(|word| match word.split_once('=').filter(|(name, _)| is_cause(name)) {
        Some((_, value)) => format!("{any}{value}"),
        None => format!(" {word}"),
    });
    let behind = words.collect::<String>().trim_start().replace(WILDCARD, any);
    let mut out: Vec<String> = Vec::new();
    for text in [plain, behind] {
        let text = once(&text);
        let open = once(&format!("{text}{any}"));
        for text in [text, open] {
            let says_something = text.replace(any, "").chars().any(char::is_alphabetic);
            if says_something && !out.contains(&text) {
                out.push(text);
            }
        }
    }
    out
}

/// Several wildcards beside each other are one.
fn once(text: &str) -> String {
    let any = ServerPattern::ANY;
    let twice = format!("{any}{any}");
    let mut text = text.to_owned();
    while text.contains(&twice) {
        text = text.replace(&twice, any);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(pattern: &str, line: &str) -> bool {
        LineFilter::parse(pattern).unwrap().passes(line)
    }

    #[test]
    fn lines_pass_as_in_loki() {
        // From the tests of Loki, and what `tests/differential_logs_traces` asks a real one.
        for (pattern, line, expected) in [
            ("foo <_> bar <_>", "foo buzz bar fool", true),
            ("<_> bar", "foo bar baz", false),
            ("<_> baz", "foo bar baz", true),
            ("foo <_>", "foo bar baz", true),
            ("<_> bar <_>", " bar ", false),
            ("<_>bar<_>", " bar ", true),
            ("bar", "foo bar", true),
            ("bar", "foo bar baz", false),
            ("foo<_>", "foo", false),
            ("<_>", "x", true),
            ("", "", true),
            ("", "x", false),
            ("x", "", false),
            ("a<_>b", "axb axb", false),
            ("é <_>", "xé ü", true),
        ] {
            assert_eq!(passes(pattern, line), expected, "{pattern} on {line}");
        }
        assert!(LineFilter::parse("<a>").is_err() && LineFilter::parse("x <_><_>").is_err());
        assert!(passes("<*> 5<6 <_> <5>", "<*> 5<6 x <5>"), "what is no name is a text");
    }

    #[test]
    fn the_expression_for_older_ones_lets_through_all_that_passes_and_some_more() {
        for (pattern, line) in
            [("foo <_> (bar) <_>", "x foo buzz (bar) f\nool"), ("<_> bar", "foo bar"), ("<_> bar", " bar"), ("a.b", "x a.b"), ("a<_>", "a")]
        {
            let filter = LineFilter::parse(pattern).unwrap();
            let regex = regex::Regex::new(&filter.regex()).unwrap();
            assert_eq!(regex.is_match(line), filter.passes(line), "{pattern} as {} on {line}", filter.regex());
        }
        let filter = LineFilter::parse("a<_>b").unwrap();
        assert!(regex::Regex::new(&filter.regex()).unwrap().is_match("axb axb") && !filter.passes("axb axb"));
    }

    #[test]
    fn a_template_offers_patterns_that_may_say_the_same() {
        assert_eq!(line_filters("served <*> bytes"), ["served <_> bytes", "served <_> bytes<_>"]);
        let caused = ["no luck error=dial <_>: refused", "no luck error=dial <_>: refused<_>", "no luck<_>dial <_>: refused"];
        assert_eq!(line_filters("no luck error=dial <*>: refused")[..3], caused);
        assert_eq!(line_filters("<*> <*>"), Vec::<String>::new(), "which would say nothing");
        let line = r#"{"msg":"no luck","error":"dial 10.0.0.1:80: refused","n":1}"#;
        assert!(line_filters("no luck error=dial <*>: refused").iter().any(|p| passes(p, line)));
    }
}
