//! Regular expressions as Go's RE2 reads them, run by the `regex` crate.

use std::iter::Peekable;

use regex::Regex;

/// Compiles a pattern with RE2's meaning: `\d`, `\w`, `\s` and `\b` are ASCII, and inside `[…]` only RE2's operators are special.
///
/// # Errors
/// The reason, on one line.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translate(pattern)).map_err(|e| reason(&e, pattern))
}

/// As [`compile`], but the whole text must match and `.` also matches newlines, as in label matchers.
///
/// # Errors
/// The reason, on one line.
pub fn compile_anchored(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| reason(&e, pattern))?;
    Regex::new(&format!("^(?s:{})$", translate(pattern))).map_err(|e| reason(&e, pattern))
}

/// As [`compile`], but the whole text must match, and `.` matches no newline: as Alertmanager compiles its matchers.
///
/// # Errors
/// The reason, on one line.
pub fn compile_matcher(pattern: &str) -> Result<Regex, String> {
    // Alone first: `a)(b` is none, though it would be inside the anchors.
    let translated = compile(pattern)?;
    Regex::new(&format!("^(?:{translated})$")).map_err(|e| reason(&e, pattern))
}

/// A pattern that matches this text alone, as Go's `regexp.QuoteMeta` writes it.
pub fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if META.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The one text that a pattern matches, where it has nothing but letters and escaped signs.
pub fn literal(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(char::is_ascii_punctuation)?),
            c if META.contains(c) => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

/// What is no letter of a pattern.
const META: &str = r"\.+*?()|[]{}^$";

fn reason(error: &regex::Error, pattern: &str) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    format!("error parsing regexp: {last}: `{pattern}`")
}

/// The same pattern as the `regex` crate reads it.
pub fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, class, &mut out),
            '[' if !class => {
                class = true;
                out.push('[');
                open_class(&mut chars, &mut out);
            }
            '[' if chars.peek() == Some(&':') => posix_class(&mut chars, &mut out),
            '[' => out.push_str("\\["),
            ']' if class => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// After `[`: a negation, and a `]` that stands for itself.
fn open_class(chars: &mut Peekable<std::str::Chars<'_>>, out: &mut String) {
    if let Some(c) = chars.next_if_eq(&'^') {
        out.push(c);
    }
    if chars.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
}

/// `[:alpha:]` inside a class, up to its end.
fn posix_class(chars: &mut Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('[');
    for c in chars.by_ref() {
        out.push(c);
        if c == ']' {
            break;
        }
    }
}

fn escape(chars: &mut Peekable<std::str::Chars<'_>>, class: bool, out: &mut String) {
    let Some(c) = chars.next() else {
        out.push('\\');
        return;
    };
    match c {
        'd' => out.push_str(if class { "0-9" } else { "[0-9]" }),
        'w' => out.push_str(if class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
        's' => out.push_str(if class { "\\t\\n\\f\\r " } else { "[\\t\\n\\f\\r ]" }),
        'D' => out.push_str("[^0-9]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'S' => out.push_str("[^\\t\\n\\f\\r ]"),
        'b' | 'B' if !class => {
            out.push_str("(?-u:\\");
            out.push(c);
            out.push(')');
        }
        'Q' => {
            let rest: String = chars.clone().collect();
            let quoted = rest.split("\\E").next().unwrap_or_default();
            out.push_str(&regex::escape(quoted));
            let skip = quoted.chars().count() + if rest.contains("\\E") { 2 } else { 0 };
            chars.by_ref().take(skip).for_each(drop);
        }
        c => out.extend(['\\', c]),
    }
}
