//! PromQL (and the metric queries of LogQL) with its parts told apart, for reading.

use crate::theme::Role;

/// Words that are part of the language.
const KEYWORDS: [&str; 14] =
    ["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "atan2", "start", "end"];

/// The parts of a text with their roles, in order and without gaps.
pub fn parts(text: &str) -> Vec<(&str, Role)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, role) = match first {
            '"' | '\'' | '`' => (string(rest, first), Role::Good),
            '#' => (rest.find('\n').unwrap_or(rest.len()), Role::Dim),
            c if c.is_ascii_digit() => (run(rest, |c| c.is_ascii_alphanumeric() || c == '.'), Role::Threshold),
            c if is_word(c) => word(rest),
            _ => (first.len_utf8(), Role::Text),
        };
        let (part, after) = rest.split_at(length);
        out.push((part, role));
        rest = after;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// A name: of a function where a bracket follows, a word of the language, or of a metric or label.
fn word(text: &str) -> (usize, Role) {
    let length = run(text, |c| is_word(c) || c.is_ascii_digit());
    let (name, after) = text.split_at(length);
    let role = match () {
        () if KEYWORDS.contains(&name) => Role::Accent,
        () if after.trim_start().starts_with('(') => Role::Accent,
        () if is_aggregation(name, after) => Role::Accent,
        () => Role::Text,
    };
    (length, role)
}

/// `sum by (job) (…)`: the bracket comes later.
fn is_aggregation(name: &str, after: &str) -> bool {
    let next = after.trim_start();
    ["by", "without"].iter().any(|w| next.strip_prefix(w).is_some_and(|rest| rest.trim_start().starts_with('('))) && !name.is_empty()
}

/// The bytes of a string literal, to the end where it is not closed.
fn string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, role: Role) -> Vec<&str> {
        parts(text).into_iter().filter(|(_, r)| *r == role).map(|(part, _)| part).collect()
    }

    #[test]
    fn functions_strings_and_numbers_are_told_apart() {
        let text = r#"sum by (job) (rate(x_total{a="b\"c", d=~'e'}[5m] offset 1h)) / 2.5e3 > bool 0.1 # why"#;
        assert_eq!(of(text, Role::Accent), ["sum", "by", "rate", "offset", "bool"]);
        assert_eq!(of(text, Role::Good), [r#""b\"c""#, "'e'"]);
        assert_eq!(of(text, Role::Threshold), ["5m", "1h", "2.5e3", "0.1"]);
        assert_eq!(of(text, Role::Dim), ["# why"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "\\PC{0,60}") {
            prop_assert_eq!(parts(&text).into_iter().map(|(part, _)| part).collect::<String>(), text);
        }
    }
}
