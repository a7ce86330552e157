//! What of PromQL the parser can be given. Rules are of others, and may be of a server that is hostile or newer than the parser.

use std::sync::LazyLock;

use promql_parser::parser::{self, Expr};
use regex::Regex;

/// Longest query in bytes.
const MAX_LENGTH: usize = 64 * 1024;
/// Operators and parentheses of an expression that is read and not evaluated.
const MOST_READ: usize = 1000;
/// Longest duration in seconds that makes sense: a hundred years.
const MAX_DURATION: f64 = 100.0 * 365.0 * 86_400.0;

/// Operators and opening parentheses, each of which may deepen the tree.
static DEEPENING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[-+*/%^<>(\[]|==|!=|\b(?i:and|or|unless|atan2)\b").ok());
/// Plain numbers where a duration is expected; the parser would panic on some of them.
static BARE_DURATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:[\[:]|\boffset\b)\s*[-+]?\s*((?:inf|nan)\b|0x[0-9a-f]+|[0-9.][0-9.]*(?:e[-+]?[0-9]+)?)\s*[\]:)]?").ok()
});

/// Numbers with an exponent, which may be out of range; the parser would take them for infinite.
static EXPONENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b[0-9.]+[eE][-+]?[0-9]+\b").ok());

/// Reads an expression of others.
///
/// # Errors
/// Why it is none, or none that can be read.
pub fn read(query: &str) -> Result<Expr, String> {
    guard(query, MOST_READ)?;
    parser::parse(query)
}

/// Refuses what would overflow the stack or make the parser panic: more than `most` operators and parentheses, each of which
/// may be a step of recursion, and numbers that are none.
///
/// # Errors
/// Why.
pub fn guard(query: &str, most: usize) -> Result<(), String> {
    if query.len() > MAX_LENGTH {
        return Err(format!("query is longer than {MAX_LENGTH} bytes"));
    }
    let bare = without_texts(query);
    if DEEPENING.as_ref().is_some_and(|r| r.find_iter(&bare).count() > most) {
        return Err(format!("query has more than {most} operators and parentheses"));
    }
    let infinite = |text: &str| text.parse::<f64>().is_ok_and(f64::is_infinite);
    if let Some(number) = EXPONENT.as_ref().and_then(|r| r.find_iter(&bare).find(|n| infinite(n.as_str()))) {
        return Err(format!("parse error: number out of range: {}", number.as_str()));
    }
    let out_of_range = |text: &str| {
        let seconds = if text.to_ascii_lowercase().starts_with("0x") { f64::NAN } else { text.parse().unwrap_or(f64::NAN) };
        !(0.0..=MAX_DURATION).contains(&seconds)
    };
    match BARE_DURATION.as_ref().and_then(|r| r.captures_iter(&bare).find(|c| out_of_range(&c[1]))) {
        Some(c) => Err(format!("parse error: not a valid duration: {:?}", &c[1])),
        None => Ok(()),
    }
}

/// The query with string literals and comments blanked.
fn without_texts(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    let mut chars = query.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' | '`' => {
                while let Some(inner) = chars.next() {
                    if inner == '\\' && c != '`' {
                        chars.next();
                    } else if inner == c {
                        break;
                    }
                }
                out.push(' ');
            }
            '#' => {
                chars.by_ref().find(|&c| c == '\n');
                out.push(' ');
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_deep_as_is_read_is_read_and_written_and_what_is_deeper_is_refused() {
        for n in [MOST_READ, 100_000] {
            for deep in [
                format!("{}1{}", "(".repeat(n), ")".repeat(n)),
                format!("x{}", " or x".repeat(n)),
                format!("x{}", "+x".repeat(n)),
                format!("{}x", "-".repeat(n)),
                format!("x{}", "[5m:]".repeat(n)),
            ] {
                let read = read(&deep).map(|e| e.to_string());
                assert!(n <= MOST_READ || read.is_err(), "{:.20}", deep);
            }
        }
        assert!(read(&format!("x{}", " or x".repeat(MOST_READ))).is_ok());
    }

    #[test]
    fn numbers_that_are_no_durations_are_refused() {
        for query in ["x[inf]", "x[1e300]", "x offset nan", "rate(x[0x7fffffffffffffffff])", "x > 1e999"] {
            assert!(read(query).is_err(), "{query}");
        }
        for query in ["rate(x[300]) > 1e3", "namespace:infra_errors:rate5m > 0", "job:nanoseconds:p95 > 1"] {
            assert!(read(query).is_ok(), "{query}");
        }
    }
}
