//! A query cut into tokens as it is typed: half a text, an open bracket and what only another server understands are no
//! errors here. The server is the judge of a query; this is for colours, brackets and completion.

use crate::{core::typed::Language, model::labels::quote};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A metric, label, function or keyword.
    Name,
    /// A number or a duration.
    Number,
    /// A string, whether its closing quote is there.
    Text {
        /// Whether it has an end.
        closed: bool,
    },
    /// `(`, `[`, `{`
    Open,
    /// `)`, `]`, `}`
    Close,
    /// `,`
    Comma,
    /// An operator, of one character or two; in LogQL also what begins a stage or tells lines apart.
    Operator,
    /// From `#` to the end of its line.
    Comment,
    /// Anything else.
    Other,
}

/// A token, by its bytes in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

impl Token {
    /// Its part of the text.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}

/// All tokens of a text; blanks are left out.
pub fn tokens(text: &str, language: Language) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut in_range = false;
    let mut start = 0;
    while let Some(c) = text[start..].chars().next() {
        let rest = &text[start..];
        if c.is_whitespace() {
            start += c.len_utf8();
            continue;
        }
        let (kind, length) = match language {
            Language::PromQl => token(rest, c, in_range),
            Language::LogQl => logql_token(rest, c),
            Language::TraceQl => super::traceql::token(rest, c),
        };
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

/// As of PromQL, but for filters of lines, flags of parsers, and names, which have no colons.
fn logql_token(rest: &str, c: char) -> (Kind, usize) {
    const PIPES: [&str; 6] = ["|=", "|~", "|>", "!>", "|", "!"];
    let flag = rest.strip_prefix("--").map(|name| name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len()));
    match flag.filter(|length| *length > 0) {
        Some(length) => (Kind::Name, length + 2),
        None if c == ':' => (Kind::Other, 1),
        None => match token(rest, c, true) {
            (Kind::Name, length) => (Kind::Name, rest[..length].find(':').unwrap_or(length)),
            (Kind::Operator, 2) => (Kind::Operator, 2),
            (kind, length) => PIPES.iter().find(|op| rest.starts_with(**op)).map_or((kind, length), |op| (Kind::Operator, op.len())),
        },
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

pub(super) fn string(rest: &str, quote: char) -> (Kind, usize) {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return (Kind::Text { closed: true }, i + 1);
        }
        escaped = c == '\\' && !escaped && quote != '`';
    }
    (Kind::Text { closed: false }, rest.len())
}

/// A text as one line, which asks the same: line breaks and tabs are blanks, comments, which would swallow what follows
/// them, are left out, and what such characters stand for in strings is written as an escape. A text that is one line
/// already stays as it is.
pub(in crate::views) fn one_line(text: &str, language: Language) -> String {
    if !text.contains(char::is_control) {
        return text.trim().to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for token in tokens(text, language).into_iter().filter(|t| t.kind != Kind::Comment) {
        if token.start > end && !out.is_empty() {
            out.push(' ');
        }
        match token.kind {
            Kind::Text { closed } if token.of(text).contains(char::is_control) => out.push_str(&escaped(token.of(text), closed)),
            _ => out.extend(token.of(text).chars().filter(|c| !c.is_control())),
        }
        end = token.end;
    }
    out
}

/// A string with the control characters in it as escapes, which a raw one does not have.
fn escaped(string: &str, closed: bool) -> String {
    if string.starts_with('`') {
        let inner = string.trim_matches('`');
        let whole = quote(inner);
        return if closed { whole } else { whole[..whole.len() - 1].to_owned() };
    }
    let mut out = String::with_capacity(string.len() + 8);
    for c in string.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A text, cut into tokens, with what its brackets tell.
#[derive(Debug, Default)]
pub(in crate::views) struct Lexed {
    pub tokens: Vec<Token>,
    pairs: Vec<(usize, usize)>,
    /// What is left open.
    open: Vec<Token>,
    /// The first bracket that closes nothing, or another kind.
    wrong: Option<(usize, String)>,
}

impl Lexed {
    pub(super) fn new(text: &str, language: Language) -> Self {
        let tokens = tokens(text, language);
        let (mut pairs, mut open, mut wrong) = (Vec::new(), Vec::<Token>::new(), None);
        for token in &tokens {
            match token.kind {
                Kind::Open => open.push(*token),
                Kind::Close => {
                    let (close, opened) = (token.of(text), open.pop());
                    match opened {
                        Some(opened) if closing(opened.of(text)) == close => pairs.push((opened.start, token.start)),
                        Some(opened) => wrong = Some((token.start, format!("\"{close}\" does not close \"{}\"", opened.of(text)))),
                        None => wrong = Some((token.start, format!("\"{close}\" closes nothing"))),
                    }
                }
                _ => {}
            }
            if wrong.is_some() {
                break;
            }
        }
        Self { tokens, pairs, open, wrong }
    }

    /// The bracket that belongs to the one at or before the cursor, and that one.
    pub(super) fn pair(&self, cursor: usize) -> Option<(usize, usize)> {
        let at = |place: usize| self.pairs.iter().find(|(open, close)| *open == place || *close == place).copied();
        at(cursor).or_else(|| at(cursor.checked_sub(1)?))
    }

    /// What no server takes, by its byte, in words.
    pub(in crate::views) fn wrong(&self) -> Option<(usize, &str)> {
        self.wrong.as_ref().map(|(at, words)| (*at, words.as_str()))
    }

    /// What is begun and has no end, by its byte, in words.
    pub(super) fn unfinished(&self, text: &str) -> Option<(usize, String)> {
        let string = || self.tokens.iter().find(|t| t.kind == Kind::Text { closed: false });
        let token = string().or(self.open.last())?;
        let begins = token.of(text).chars().next()?;
        Some((token.start, format!("{begins} is not closed")))
    }

    /// Where a text that was refused is most likely wrong: at a bracket that closes nothing, or at what is left open.
    pub(in crate::views) fn suspect(&self, text: &str) -> Option<usize> {
        self.wrong().map(|(at, _)| at).or_else(|| Some(self.unfinished(text)?.0))
    }
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
        tokens(text, Language::PromQl).iter().map(|t| t.of(text)).collect()
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
    fn filters_of_lines_stages_and_flags_are_tokens_of_logql() {
        let cut = |text: &'static str| tokens(text, Language::LogQl).iter().map(|t| t.of(text)).collect::<Vec<_>>();
        for (text, expected) in [
            (r#"{a="b"}|="x"!~`y`"#, &["{", "a", "=", "\"b\"", "}", "|=", "\"x\"", "!~", "`y`"][..]),
            ("{} |> `<_> a` !> `b`", &["{", "}", "|>", "`<_> a`", "!>", "`b`"]),
            ("| logfmt --strict --keep-empty | x>=10.5ms", &["|", "logfmt", "--strict", "--keep-empty", "|", "x", ">=", "10.5ms"]),
            ("[5m] - 1 -- 2", &["[", "5m", "]", "-", "1", "-", "-", "2"]),
            ("a!=1 | b == 2", &["a", "!=", "1", "|", "b", "==", "2"]),
            ("a:b !", &["a", ":", "b", "!"]),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_open_is_unfinished() {
        let of = |text: &str| Lexed::new(text, Language::LogQl).unfinished(text);
        assert_eq!(of(r#"{a="b"#), Some((3, "\" is not closed".to_owned())));
        assert_eq!(of(r#"sum(rate({a="b"}[5m])"#), Some((3, "( is not closed".to_owned())));
        assert_eq!(of(r#"{a="{"} |= `(`"#), None);
    }

    #[test]
    fn a_pasted_rule_is_one_line_without_its_comments_and_asks_the_same() {
        let text = "# of the last hour\nsum(\n\trate(x{a=\"b  # c\"}[5m]) # per second\n)\n";
        assert_eq!(one_line(text, Language::PromQl), r#"sum( rate(x{a="b  # c"}[5m]) )"#);
        assert_eq!(one_line("x{a=`b\"\n`,\tc='\t\u{1}'} \u{7}+ y", Language::PromQl), r#"x{a="b\"\n", c='\t\u0001'} + y"#);
        assert_eq!(one_line(" up{a=\"b;c\"}  # all of it ", Language::PromQl), "up{a=\"b;c\"}  # all of it");
    }

    #[test]
    fn brackets_find_their_partner() {
        let pair = |text, cursor| Lexed::new(text, Language::PromQl).pair(cursor);
        assert_eq!(pair("sum(rate(x[5m]))", 3), Some((3, 15)));
        assert_eq!(pair("sum(rate(x[5m]))", 16), Some((3, 15)));
        assert_eq!(pair("sum(rate(x[5m]))", 6), None);
        assert_eq!(pair("sum(x", 4), None);
    }

    #[test]
    fn only_what_no_server_takes_is_wrong_and_what_is_open_is_suspect() {
        let wrong = |text| Lexed::new(text, Language::PromQl).wrong().map(|(at, words)| (at, words.to_owned()));
        let suspect = |text| Lexed::new(text, Language::PromQl).suspect(text);
        assert_eq!(wrong("sum(x))"), Some((6, "\")\" closes nothing".to_owned())));
        assert_eq!(wrong("x[5m}"), Some((4, "\"}\" does not close \"[\"".to_owned())));
        assert_eq!(wrong("x{a=\"b"), None, "it is being typed");
        assert_eq!(suspect("x{a=\"b"), Some(4));
        assert_eq!(suspect("sum(rate(x)"), Some(3));
        assert_eq!(suspect("sum(x))"), Some(6));
        assert_eq!((wrong("keep_last_value(x) default 0"), suspect("keep_last_value(x) default 0")), (None, None), "MetricsQL");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_a_gap_but_blanks(text in "[a-z0-9 .:\"'`\\\\(){}\\[\\]=~!#;|<>\né+-]{0,40}") {
            for language in [Language::PromQl, Language::LogQl] {
                let mut end = 0;
                for token in tokens(&text, language) {
                    prop_assert!(token.start >= end && token.end > token.start);
                    prop_assert!(text[end..token.start].chars().all(char::is_whitespace));
                    end = token.end;
                }
                Lexed::new(&text, language).suspect(&text);
                prop_assert!(!one_line(&text.replace('~', "\n"), language).contains('\n'));
            }
        }
    }
}
