//! Queries as they are typed: cut into tokens and looked into at every cursor, whatever they are.

use proptest::prelude::*;
use redline::{
    core::typed::Language,
    views::editor::{context::context, lex::tokens, logql::asks},
};

/// Pieces that queries of both languages are made of, whole and broken.
const PIECES: [&str; 72] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "[5m]",
    "[5m:1m]",
    ",",
    "=",
    "!=",
    "=~",
    "!~",
    "==",
    ">=",
    "<",
    "|",
    "|=",
    "|~",
    "|>",
    "!>",
    "!",
    "\"",
    "'",
    "`",
    "\"x\"",
    "`{{.a}}`",
    "\"a\\\"b\"",
    "\\",
    "#",
    "# why\n",
    "\n",
    "\t",
    " ",
    "--strict",
    "--",
    "-",
    "+",
    "1",
    "1.5e-3",
    "0x1F",
    "10ms",
    "5KB",
    "é",
    "😀",
    "\u{202e}",
    "\u{1b}[2J",
    "app",
    "a.b",
    "x:y",
    "and",
    "or",
    "by",
    "by (",
    "without",
    "on",
    "offset",
    "json",
    "logfmt",
    "unwrap",
    "duration(",
    "line_format",
    "label_format",
    "drop",
    "keep",
    "rate(",
    "sum",
    "topk(5, ",
    "count_over_time(",
    "ip(",
    "@",
    "bool",
];

fn texts() -> impl Strategy<Value = String> {
    let pieces = || prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => pieces(), 1 => "\\PC{0,60}", 1 => (pieces(), pieces()).prop_map(|(a, b)| format!("sum by (a) (rate({{{a}}} | {b} [5m]))"))]
}

/// Tokens cover all of a text but blanks, in order, and every cursor has a context about it.
fn holds(text: &str) -> Result<(), TestCaseError> {
    for language in [Language::PromQl, Language::LogQl] {
        let all = tokens(text, language);
        let mut end = 0;
        for token in &all {
            prop_assert!(token.start >= end && token.end > token.start, "{:?}", token);
            prop_assert!(text[end..token.start].chars().all(char::is_whitespace));
            prop_assert!(!token.of(text).is_empty());
            end = token.end;
        }
        prop_assert!(text[end..].chars().all(char::is_whitespace));
        for cursor in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let found = context(text, &all, cursor, language);
            prop_assert!(found.from <= cursor && cursor <= found.to && found.to <= text.len(), "{:?} at {}", found, cursor);
            prop_assert!(text.get(found.from..found.to).is_some() && text[found.from..cursor] == found.typed);
        }
    }
    asks(text);
    Ok(())
}

#[test]
fn typed_queries() {
    super::run(&texts(), |text| holds(&text));
}
