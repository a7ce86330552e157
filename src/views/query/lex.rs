//! PromQL cut into tokens as it is typed: half a text, an open bracket and what only another server understands are no
//! errors here. The server is the judge of a query; this is for colours, brackets and completion.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A metric, label, function or keyword.
    Name,
    /// A number or a duration.
    Number,
    /// A string, whether its closing quote is there.
    Text { closed: bool },
    /// `(`, `[`, `{`
    Open,
    /// `)`, `]`, `}`
    Close,
    /// `,`
    Comma,
    /// `;`, which parts two queries.
    Semicolon,
    /// An operator, of one character or two.
    Operator,
    /// From `#` to the end of its line.
    Comment,
    /// Anything else.
    Other,
}

/// A token, by its bytes in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}

/// All tokens of a text; blanks are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut in_range = false;
    let mut start = 0;
    while let Some(c) = text[start..].chars().next() {
        let rest = &text[start..];
        if c.is_whitespace() {
            start += c.len_utf8();
            continue;
        }
        let (kind, length) = token(rest, c, in_range);
        match c {
            '[' => in_range = true,
            ']' => in_range = false,
            _ => {}
        }
        out.push(Token { kind, start, end: start + length });
        start += length;
    }
    out
}

fn token(rest: &str, c: char, in_range: bool) -> (Kind, usize) {
    let run = |more: fn(char) -> bool| rest.find(|c| !more(c)).unwrap_or(rest.len());
    match c {
        '#' => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '"' | '\'' | '`' => string(rest, c),
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ';' => (Kind::Semicolon, 1),
        // In `[5m:1m]` it parts two durations; elsewhere names may begin with it.
        ':' if in_range => (Kind::Operator, 1),
        _ if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) => (Kind::Number, number(rest)),
        _ if is_name_start(c) => (Kind::Name, run(is_name)),
        _ => {
            let two = ["=~", "!~", "!=", "==", ">=", "<="].iter().any(|op| rest.starts_with(op));
            let known = two || "+-*/%^=<>@!".contains(c);
            (if known { Kind::Operator } else { Kind::Other }, if two { 2 } else { c.len_utf8() })
        }
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

/// With dots, which names have that are written in quotes: so they are found by what is typed without.
fn is_name(c: char) -> bool {
    is_name_start(c) || c.is_numeric() || c == '.'
}

/// `5m`, `1h30m`, `0x1F`, `1.5e-3`.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while let Some(b) = bytes.get(end) {
        let exponent = matches!(b, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E') && !rest.starts_with("0x");
        if !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_') || exponent) {
            break;
        }
        end += 1;
    }
    end
}

fn string(rest: &str, quote: char) -> (Kind, usize) {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return (Kind::Text { closed: true }, i + 1);
        }
        escaped = c == '\\' && !escaped && quote != '`';
    }
    (Kind::Text { closed: false }, rest.len())
}

/// A text as one line: comments, which would swallow what follows them, are left out, and so is indentation. What lies in
/// strings stays.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for token in tokens(text).into_iter().filter(|t| t.kind != Kind::Comment) {
        if token.start > end && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(token.of(text));
        end = token.end;
    }
    out
}

/// The queries of a text that `;` parts.
pub(super) fn split(text: &str) -> Vec<String> {
    let all = tokens(text);
    let mut starts = vec![0];
    let mut ends = Vec::new();
    for token in all.iter().filter(|t| t.kind == Kind::Semicolon) {
        ends.push(token.start);
        starts.push(token.end);
    }
    ends.push(text.len());
    let parts = starts.into_iter().zip(ends).map(|(start, end)| one_line(text[start..end].trim()));
    parts.filter(|part| !part.is_empty()).collect()
}

/// Queries as the one text that [`split`] parts again.
pub(super) fn join<'a>(queries: impl Iterator<Item = &'a str>) -> String {
    queries.collect::<Vec<_>>().join("; ")
}

/// The bracket that belongs to the one at or before the cursor, and that one.
pub(super) fn pair(text: &str, cursor: usize) -> Option<(usize, usize)> {
    let pairs = brackets(text).pairs;
    let at = |place: usize| pairs.iter().find(|(open, close)| *open == place || *close == place).copied();
    at(cursor).or_else(|| at(cursor.checked_sub(1)?))
}

/// What no server takes, by its byte, in words: a bracket that closes nothing or another kind, and, once the text is
/// `whole`, what is left open.
pub(super) fn fault(text: &str, whole: bool) -> Option<(usize, String)> {
    let Brackets { open, wrong, .. } = brackets(text);
    if wrong.is_some() || !whole {
        return wrong;
    }
    let string = tokens(text).into_iter().find(|t| t.kind == Kind::Text { closed: false });
    let left = string.or(open.last().copied())?;
    Some((left.start, format!("{} is not closed", &text[left.start..=left.start])))
}

/// Pairs, what is left open, and the first that is wrong.
#[derive(Default)]
struct Brackets {
    pairs: Vec<(usize, usize)>,
    open: Vec<Token>,
    wrong: Option<(usize, String)>,
}

fn brackets(text: &str) -> Brackets {
    let mut found = Brackets::default();
    for token in tokens(text) {
        match token.kind {
            Kind::Open => found.open.push(token),
            Kind::Close => {
                let close = token.of(text);
                let wrong = match found.open.pop() {
                    Some(open) if closing(open.of(text)) == close => {
                        found.pairs.push((open.start, token.start));
                        continue;
                    }
                    Some(open) => format!("\"{close}\" does not close \"{}\"", open.of(text)),
                    None => format!("\"{close}\" closes nothing"),
                };
                found.wrong = Some((token.start, wrong));
                return found;
            }
            _ => {}
        }
    }
    found
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|t| t.of(text)).collect()
    }

    #[test]
    fn a_query_is_cut_at_its_tokens() {
        let text = r#"sum by (a)(rate(x:y{b=~"c\"d", e!='f'}[5m:1m] offset -1h30m)) >= 1.5e-3 # why"#;
        let expected = [
            "sum",
            "by",
            "(",
            "a",
            ")",
            "(",
            "rate",
            "(",
            "x:y",
            "{",
            "b",
            "=~",
            r#""c\"d""#,
            ",",
            "e",
            "!=",
            "'f'",
            "}",
            "[",
            "5m",
            ":",
            "1m",
            "]",
            "offset",
            "-",
            "1h30m",
            ")",
            ")",
            ">=",
            "1.5e-3",
            "# why",
        ];
        assert_eq!(cut(text), expected);
        assert_eq!(cut("a - b"), ["a", "-", "b"]);
        assert_eq!(cut(r#"{"a.b""#), ["{", r#""a.b""#]);
    }

    #[test]
    fn a_pasted_rule_is_one_line_without_its_comments() {
        let text = "# of the last hour\nsum(\n  rate(x{a=\"b  # c\"}[5m]) # per second\n)\n";
        assert_eq!(one_line(text), r#"sum( rate(x{a="b  # c"}[5m]) )"#);
    }

    #[test]
    fn a_semicolon_parts_queries_but_not_in_a_string() {
        let text = r#" up ; x{a="b;c"};"#;
        assert_eq!(split(text), ["up", r#"x{a="b;c"}"#]);
        assert_eq!(split(&join(["a", "b"].into_iter())), ["a", "b"]);
        assert!(split(" ").is_empty());
    }

    #[test]
    fn brackets_find_their_partner() {
        assert_eq!(pair("sum(rate(x[5m]))", 3), Some((3, 15)));
        assert_eq!(pair("sum(rate(x[5m]))", 16), Some((3, 15)));
        assert_eq!(pair("sum(rate(x[5m]))", 6), None);
        assert_eq!(pair("sum(x", 4), None);
    }

    #[test]
    fn only_what_no_server_takes_is_a_fault() {
        assert_eq!(fault("sum(x))", false), Some((6, "\")\" closes nothing".to_owned())));
        assert_eq!(fault("x[5m}", false), Some((4, "\"}\" does not close \"[\"".to_owned())));
        assert_eq!(fault("x{a=\"b", false), None, "it is being typed");
        assert_eq!(fault("x{a=\"b", true).map(|(at, _)| at), Some(4));
        assert_eq!(fault("sum(rate(x)", true).map(|(at, _)| at), Some(3));
        assert_eq!(fault("keep_last_value(x) default 0", true), None, "MetricsQL");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_a_gap_but_blanks(text in "[a-z0-9 .:\"'`\\\\(){}\\[\\]=~!#;\né+-]{0,40}") {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(token.start >= end && token.end > token.start);
                prop_assert!(text[end..token.start].chars().all(char::is_whitespace));
                end = token.end;
            }
            one_line(&text);
            fault(&text, true);
        }
    }
}
