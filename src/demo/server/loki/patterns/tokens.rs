//! Lines in tokens and back, as the pattern ingester of Loki 3.7 has it (`pkg/pattern/drain/line_tokenizer.go`).

use std::sync::LazyLock;

use regex::Regex;

use crate::demo::logql::{self, JsonKind};

/// What stands for what differs.
pub const VARIABLE: &str = "<_>";
/// Longer lines are skipped.
const MAX_LINE: usize = 3000;
/// Tokens that punctuation makes, at most; the rest of the line is one more.
const MAX_TOKENS: usize = 127;
/// Fields of JSON that hold what is said: the first that a line has is looked at.
const MESSAGES: [&str; 6] = ["log", "message", "msg", "msg_", "_msg", "content"];

/// How the lines of a stream are written; its first line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Logfmt,
    Unknown,
}

impl Format {
    /// What a line looks like.
    pub fn of(line: &str) -> Self {
        static LOGFMT: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"^(?:\w+?=(?:[^"]\S*?|".+?") )*?(?:\w+?=(?:[^"]\S*?|".+?"))+$"#).ok());
        if line.len() < 2 {
            Self::Unknown
        } else if line.starts_with('{') && line.ends_with('}') {
            Self::Json
        } else if LOGFMT.as_ref().is_some_and(|r| r.is_match(line)) {
            Self::Logfmt
        } else {
            Self::Unknown
        }
    }

    /// The tokens of a line, and after which of them there are spaces; nothing when it is skipped.
    pub fn tokens(self, line: &str) -> Option<(Vec<String>, Vec<isize>)> {
        if line.len() > MAX_LINE {
            return None;
        }
        match self {
            Self::Unknown => Some(punctuated(line)),
            Self::Json => {
                let message = MESSAGES.iter().find_map(|key| logql::json_path(line, key).filter(|(kind, _)| *kind == JsonKind::Text));
                message.map(|(_, text)| punctuated(text))
            }
            Self::Logfmt => {
                let mut tokens = Vec::new();
                let result = logql::logfmt(line, true, &mut |key, value| {
                    let varies = key == "t" || ["ts", "traceid", "time", "timestamp"].iter().any(|k| k.eq_ignore_ascii_case(key));
                    tokens.extend([key.to_owned(), if varies { VARIABLE.to_owned() } else { value.to_owned() }]);
                    true
                });
                result.is_ok().then_some((tokens, Vec::new()))
            }
        }
    }

    /// The text that tokens stand for.
    pub fn join(self, tokens: &[String], spaces: &[isize]) -> String {
        let joined = match self {
            Self::Unknown => spaced(tokens, spaces),
            Self::Json => format!("{VARIABLE}{}{VARIABLE}", spaced(tokens, spaces)),
            Self::Logfmt => pairs(tokens),
        };
        let twice = VARIABLE.repeat(2);
        let mut once = joined;
        while once.contains(&twice) {
            once = once.replace(&twice, VARIABLE);
        }
        once
    }
}

/// Words and punctuation; `_-.:/` are parts of words.
fn punctuated(line: &str) -> (Vec<String>, Vec<isize>) {
    let (mut tokens, mut spaces, mut start) = (Vec::new(), Vec::new(), 0);
    for (i, c) in line.char_indices() {
        if tokens.len() >= MAX_TOKENS {
            break;
        }
        if c.is_alphanumeric() || "_-.:/".contains(c) || !(c == ' ' || c == '=' || is_punctuation(c)) {
            continue;
        }
        if i > start {
            tokens.push(line[start..i].to_owned());
        }
        if c == ' ' {
            spaces.push(tokens.len() as isize - 1);
        } else {
            tokens.push(c.to_string());
        }
        start = i + c.len_utf8();
    }
    if start < line.len() {
        tokens.push(line[start..].to_owned());
    }
    (tokens, spaces)
}

/// Go's `unicode.IsPunct` for ASCII and the usual typography.
fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c);
    }
    matches!(c, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '‐'..='‧' | '‰'..='⁞' | '、'..='〃' | '〈'..='】')
}

fn spaced(tokens: &[String], spaces: &[isize]) -> String {
    let (mut out, mut next) = (String::new(), 0);
    for (i, token) in tokens.iter().enumerate() {
        out.push_str(token);
        while spaces.get(next) == Some(&(i as isize)) {
            out.push(' ');
            next += 1;
        }
    }
    out
}

fn pairs(tokens: &[String]) -> String {
    let mut out = String::new();
    for pair in tokens.chunks(2) {
        let value = pair.get(1).map(String::as_str).unwrap_or_default();
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&pair[0]);
        out.push('=');
        if value.contains(|c: char| c <= ' ' || c == '=' || c == '"') {
            out.push_str(&serde_json::Value::from(value).to_string());
        } else {
            out.push_str(value);
        }
    }
    out
}
