//! Where in a query a mistake is. Prometheus says line and column, and who reads that points at them; the parser here does
//! not say, so it is found again from what it complains of.

use std::sync::LazyLock;

use promql_parser::parser;
use regex::Regex;

use super::check::MAX_DEPTH;
use crate::promql_guard::guard;

/// What the parser says of anything that it cannot go on with.
const SYNTAX: &str = "invalid promql query";

/// Names, numbers, strings, operators.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"[\p{L}_:][\p{L}\p{N}_:.]*|[0-9][\p{L}\p{N}_.]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[=!<>]=|=~|!~|#[^\n]*|\S"#)
        .ok()
});
/// `in call to 'x'` and the like.
static CALLED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:in call to(?: function)?|unknown function with name) '([^']+)'").ok());

/// What may follow a beginning of a query that is not wrong yet.
const CONTINUATIONS: [&str; 16] =
    ["", "x", "(x)", "1", "(1,x)", "\"a\"", "=\"a\"", "5m", "5m]", "m]", "[5m]", "{}", "(x) (x)", "x) (x)", "(x) x", "by (x) (x)"];

/// The parser's words as Prometheus would put them, behind line and column.
pub fn placed(query: &str, words: &str) -> String {
    let quoted = words.replace('\'', "\"").replace("type matrix", "type range vector").replace("type vector", "type instant vector");
    let quoted = quoted.replace("got matrix", "got range vector").replace("got vector", "got instant vector");
    let end = query.trim_end().len();
    let (at, words) = if words == SYNTAX {
        wrong_token(query)
    } else if words.contains("unclosed") || words.contains("unexpected end of input") {
        (end, quoted)
    } else if words.contains("unexpected right parenthesis") {
        (unbalanced(query).map_or(end, |at| at + 1), quoted)
    } else if let Some(at) = named(query, words) {
        (at, quoted)
    } else {
        return format!("unknown position: parse error: {quoted}");
    };
    let line = query[..at].matches('\n').count() + 1;
    let column = at - query[..at].rfind('\n').map_or(0, |newline| newline + 1) + 1;
    format!("{line}:{column}: parse error: {words}")
}

fn tokens(query: &str) -> impl Iterator<Item = (usize, &str)> {
    TOKEN.iter().flat_map(move |r| r.find_iter(query)).map(|m| (m.start(), m.as_str())).filter(|t| !t.1.starts_with('#'))
}

/// Where the function that is complained of is called; where an argument is wrong, that.
fn named(query: &str, words: &str) -> Option<usize> {
    let name = CALLED.as_ref()?.captures(words)?.get(1)?.as_str();
    let all: Vec<(usize, &str)> = tokens(query).collect();
    let call = all.windows(2).position(|pair| pair[0].1 == name && pair[1].1 == "(")?;
    let place = if words.contains("expected type") { call + 2 } else { call };
    all.get(place).map(|t| t.0)
}

/// The first right parenthesis that closes nothing.
fn unbalanced(query: &str) -> Option<usize> {
    let mut depth = 0_i64;
    tokens(query).find_map(|(at, token)| {
        depth += i64::from(token == "(") - i64::from(token == ")");
        (depth < 0).then_some(at)
    })
}

/// The first token that nothing could make right any more, or the end.
fn wrong_token(query: &str) -> (usize, String) {
    let all: Vec<(usize, &str)> = tokens(query).collect();
    let fine = all.partition_point(|(at, token)| may_go_on(&query[..at + token.len()]));
    let Some((at, token)) = all.get(fine).copied() else { return (query.trim_end().len(), "unexpected end of input".to_owned()) };
    let kind = match token.chars().next() {
        Some('"' | '\'' | '`') => return (at, format!("unexpected string {token}")),
        Some(c) if c.is_ascii_digit() => "number ",
        Some(c) if c.is_alphabetic() || c == '_' => "identifier ",
        _ => "",
    };
    (at, format!("unexpected {kind}\"{token}\""))
}

/// Whether a query may begin so.
fn may_go_on(begin: &str) -> bool {
    let mut open = Vec::new();
    for (_, token) in tokens(begin) {
        match token {
            "(" => open.push(")"),
            "{" => open.push("}"),
            "[" => open.push("]"),
            ")" | "}" | "]" => drop(open.pop()),
            _ => {}
        }
    }
    let closing: String = open.into_iter().rev().collect();
    CONTINUATIONS.iter().any(|more| {
        let query = format!("{begin} {more}{closing}");
        guard(&query, MAX_DEPTH).is_err() || parser::lexer(&query).is_ok() && !parser::parse(&query).is_err_and(|words| words == SYNTAX)
    })
}

#[cfg(test)]
mod tests {
    use crate::demo::promql::parse;

    /// What Prometheus 3.13 says; where it says more, the beginning.
    #[test]
    fn a_mistake_is_placed_where_prometheus_places_it() {
        for (query, told) in [
            ("sum(up", "1:7: parse error: unclosed left parenthesis"),
            ("up{job=\"a\"", "1:11: parse error: unexpected end of input inside braces"),
            ("rate(up)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
            ("sum(foo(up))", "1:5: parse error: unknown function with name \"foo\""),
            ("up +", "1:5: parse error: unexpected end of input"),
            ("up up", "1:4: parse error: unexpected identifier \"up\""),
            ("sum(rate(up[5m])) by by (job)", "1:22: parse error: unexpected identifier \"by\""),
            ("up\n  == 3 4", "2:8: parse error: unexpected number \"4\""),
            ("up \"a\"", "1:4: parse error: unexpected string \"a\""),
            ("histogram_quantile(up)", "1:1: parse error: expected 2 argument(s) in call to \"histogram_quantile\", got 1"),
            ("sum(up))", "1:9: parse error: unexpected right parenthesis"),
            ("", "unknown position: parse error: no expression found in input"),
        ] {
            let words = parse(query).unwrap_err().to_string();
            assert!(words.starts_with(told), "{query}: {words}");
        }
    }

    #[test]
    fn any_mess_is_placed_inside_the_query() {
        for query in
            ["(((", "up{a=~\"(\"}", "a b c", "\u{202e}💥", "up[5x]", "1 +* 2", "sum by (a b) (c)", "'", "up offset", "{", "x@", "a\n\n)"]
        {
            let words = parse(query).unwrap_err().to_string();
            if words.starts_with("unknown position: ") {
                continue;
            }
            let mut place = words.split(':').map(str::parse::<usize>);
            let (Some(Ok(line)), Some(Ok(column))) = (place.next(), place.next()) else { panic!("{query}: {words}") };
            let length = query.lines().nth(line - 1).map_or(0, str::len);
            assert!((1..=length + 2).contains(&column), "{query}: {words}");
        }
        let long = format!("{} x", "a+".repeat(200) + "b");
        assert!(parse(&long).unwrap_err().to_string().starts_with("1:403: "));
    }
}
