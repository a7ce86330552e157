//! Where in a query an error lies, from the words of the server that told it.

use std::sync::LazyLock;

use regex::Regex;

use crate::{core::typed::Language, model::backend::SourceError};

/// An error of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::views) struct Fault {
    /// The byte that it is told of.
    pub at: Option<usize>,
    /// What is wrong, without the place.
    pub message: String,
}

impl Fault {
    /// Nothing may be wrong with the query: the server did not answer it.
    pub(in crate::views) fn not_asked(error: &SourceError) -> Self {
        Self { at: None, message: format!("not asked: {}", error.message) }
    }
}

/// `1:12: parse error: …` of Prometheus, Thanos and Mimir: line and column in bytes, from 1.
static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|[ :])(\d+):(\d+): (parse error: .*)").ok());
/// `parse error at char 12: …` of Prometheus before 2.16 and Cortex.
static CHARACTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(parse error) at char (\d+): (.*)").ok());
/// VictoriaMetrics quotes what it did not read: `unparsed data: "…"`, `unparsed data left: "…"`.
static UNPARSED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"unparsed data(?: left)?: ("(?:[^"\\]|\\.)*")"#).ok());

/// `parse error at line 1, col 12: …` of Loki and Tempo: the column in characters, from 1.
static COLUMN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"parse error at line (\d+), col (\d+): (.*)").ok());
/// `parse error : stage '|~ "(("' : …` of Loki: which stage, as Loki writes it.
static STAGE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"parse error : stage '(.*)' : (.*)").ok());
/// `parse error : …` of Loki: what cannot be placed.
const UNPLACED: &str = "parse error : ";

/// What Tempo says before what is wrong.
const UNREAD: &str = "invalid TraceQL query: ";

/// Reads an error's words for the query that was sent.
pub(in crate::views) fn of(query: &str, language: Language, message: &str) -> Fault {
    match language {
        Language::PromQl => of_promql(query, message),
        Language::TraceQl => {
            let message = message.strip_prefix(UNREAD).unwrap_or(message);
            column(query, message).unwrap_or_else(|| Fault { at: None, message: message.to_owned() })
        }
        Language::LogQl => column(query, message)
            .or_else(|| stage(query, message))
            .unwrap_or_else(|| Fault { at: None, message: readable(message.strip_prefix(UNPLACED).unwrap_or(message)) }),
    }
}

fn column(query: &str, message: &str) -> Option<Fault> {
    let found = COLUMN.as_ref()?.captures(message)?;
    let (line, column): (usize, usize) = (found[1].parse().ok()?, found[2].parse().ok()?);
    // Queries are sent as one line, as for Prometheus.
    let byte = |column: usize| query.char_indices().nth(column).map_or(query.len(), |(i, _)| i);
    // Loki counts lines from 0 in some of its errors.
    let at = if line <= 1 { column.checked_sub(1).map(byte) } else { None };
    Some(Fault { at, message: readable(&found[3]) })
}

fn stage(query: &str, message: &str) -> Option<Fault> {
    let found = STAGE.as_ref()?.captures(message)?;
    // Loki writes stages in its own way: the text in it is the query's.
    let text = found[1].find(['"', '`']).map(|quote| super::place::unquoted(&found[1][quote..]));
    let quoted = |text: String| [crate::model::labels::quote(&text), format!("`{text}`")].into_iter().find_map(|t| query.find(&t));
    let at = query.find(&found[1]).or_else(|| text.and_then(quoted));
    Some(Fault { at, message: found[2].to_owned() })
}

/// The parser's names of tokens in words.
fn readable(message: &str) -> String {
    [("$end", "end of the query"), ("IDENTIFIER", "name"), ("STRING", "text in quotes"), ("syntax error: ", "")]
        .iter()
        .fold(message.to_owned(), |text, (name, words)| text.replace(name, words))
}

fn of_promql(query: &str, message: &str) -> Fault {
    prometheus(query, message)
        .or_else(|| character(query, message))
        .or_else(|| victoria(query, message))
        .unwrap_or_else(|| Fault { at: None, message: without_parameter(message).to_owned() })
}

fn prometheus(query: &str, message: &str) -> Option<Fault> {
    let found = PLACE.as_ref()?.captures(message)?;
    let (line, column): (usize, usize) = (found[1].parse().ok()?, found[2].parse().ok()?);
    // Queries are sent as one line: a place in another one is of something else.
    let at = (line == 1).then(|| boundary(query, column.checked_sub(1)?)).flatten();
    Some(Fault { at, message: found[3].to_owned() })
}

fn character(query: &str, message: &str) -> Option<Fault> {
    let found = CHARACTER.as_ref()?.captures(message)?;
    let at = boundary(query, found[2].parse::<usize>().ok()?.checked_sub(1)?);
    Some(Fault { at, message: format!("{}: {}", &found[1], &found[3]) })
}

fn victoria(query: &str, message: &str) -> Option<Fault> {
    let found = UNPARSED.as_ref()?.captures(message)?;
    let unparsed: String = serde_json::from_str(&found[1]).ok()?;
    let at = query.len().checked_sub(unparsed.len()).filter(|at| !unparsed.is_empty() && query.get(*at..) == Some(&unparsed))?;
    Some(Fault { at: Some(at), message: without_query(message).to_owned() })
}

/// `error when executing query="…" for (…): cannot parse query: …`: what the reader does not see already.
fn without_query(message: &str) -> &str {
    ["cannot parse query: ", "cannot parse: "].iter().find_map(|mark| Some(&message[message.find(mark)? + mark.len()..])).unwrap_or(message)
}

fn without_parameter(message: &str) -> &str {
    message.strip_prefix("invalid parameter \"query\": ").unwrap_or(message)
}

/// The byte, or the beginning of the character that it is in; the end for one behind it.
fn boundary(query: &str, at: usize) -> Option<usize> {
    (0..=at.min(query.len())).rev().find(|i| query.is_char_boundary(*i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_placed_where_the_server_says() {
        for (query, message, at, said) in [
            // In the words of Prometheus.
            (
                "sum(rate(up[5m])",
                r#"invalid parameter "query": 1:17: parse error: unclosed left parenthesis"#,
                Some(16),
                "parse error: unclosed left parenthesis",
            ),
            (
                "rate(up)",
                r#"invalid parameter "query": 1:6: parse error: expected type range vector in call to function "rate", got instant vector"#,
                Some(5),
                r#"parse error: expected type range vector in call to function "rate", got instant vector"#,
            ),
            (
                "foo(up)",
                r#"invalid parameter "query": 1:1: parse error: unknown function with name "foo""#,
                Some(0),
                r#"parse error: unknown function with name "foo""#,
            ),
            // Columns are bytes there.
            (
                r#"up{a="é"} +"#,
                r#"invalid parameter "query": 1:13: parse error: unexpected end of input"#,
                Some(12),
                "parse error: unexpected end of input",
            ),
            // Mimir's and Thanos' words around it.
            (
                "up up",
                r#"invalid parameter "query": 1:4: parse error: unexpected identifier "up""#,
                Some(3),
                r#"parse error: unexpected identifier "up""#,
            ),
            (
                "up)",
                "expanding: 1:3: parse error: unexpected right parenthesis ')'",
                Some(2),
                "parse error: unexpected right parenthesis ')'",
            ),
            // Cortex and old Prometheus.
            (
                "up)",
                "parse error at char 3: could not parse remaining input \")\"...",
                Some(2),
                "parse error: could not parse remaining input \")\"...",
            ),
            // VictoriaMetrics.
            (
                "sum(up",
                r#"error when executing query="sum(up" for (time=1700000000000, step=300000): cannot parse query: cannot parse arguments for function "sum": missing ')'; unparsed data: """#,
                None,
                r#"error when executing query="sum(up" for (time=1700000000000, step=300000): cannot parse query: cannot parse arguments for function "sum": missing ')'; unparsed data: """#,
            ),
            (
                r#"up{a="b"} x"#,
                r#"error when executing query="up{a=\"b\"} x" for (time=1, step=2): cannot parse query: unparsed data left: "x""#,
                Some(10),
                r#"unparsed data left: "x""#,
            ),
            // No place, and one that cannot be.
            ("up", "query timed out in query execution", None, "query timed out in query execution"),
            ("up", r#"invalid parameter "query": 3:2: parse error: x"#, None, "parse error: x"),
            ("up", r#"invalid parameter "query": 1:99: parse error: x"#, Some(2), "parse error: x"),
        ] {
            assert_eq!(of(query, Language::PromQl, message), Fault { at, message: said.to_owned() }, "{message}");
        }
    }

    #[test]
    fn errors_of_loki_are_placed_where_it_says() {
        for (query, message, at, said) in [
            (
                r#"{app="é"} | json foo bar"#,
                "parse error at line 1, col 22: syntax error: unexpected IDENTIFIER",
                Some(22),
                "unexpected name",
            ),
            (
                r#"{app="x""#,
                "parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,",
                Some(8),
                "unexpected end of the query, expecting } or ,",
            ),
            (
                r#"{app="x"} |~ `((`"#,
                r#"parse error : stage '|~ "(("' : error parsing regexp: missing closing ): `((`"#,
                Some(13),
                "error parsing regexp: missing closing ): `((`",
            ),
            (
                r#"{app="x"} | line_format "{{.foo""#,
                r#"parse error : stage '| line_format "{{.foo"' : invalid line template: template: line:1: unclosed action"#,
                Some(10),
                "invalid line template: template: line:1: unclosed action",
            ),
            (
                r#"{app=~".*"}"#,
                r#"parse error : queries require at least one regexp or equality matcher"#,
                None,
                "queries require at least one regexp or equality matcher",
            ),
            ("{} | st |~ `x`", "parse error at line 0, col 11: syntax error: unexpected |~", Some(9 + 1), "unexpected |~"),
            ("{}", "parse error at line 7, col 99: literal not terminated", None, "literal not terminated"),
            ("{}", "max entries limit per query exceeded", None, "max entries limit per query exceeded"),
        ] {
            assert_eq!(of(query, Language::LogQl, message), Fault { at, message: said.to_owned() }, "{message}");
        }
    }
}
