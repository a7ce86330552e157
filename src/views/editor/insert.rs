//! What choosing a candidate writes into the query: what has to follow it as well, where that is not there yet.

use super::{
    context::{Context, What},
    traceql_words,
    words::{self, Word},
};
use crate::{
    core::typed::Language,
    model::labels::{MatchOp, quote},
};

/// A word; `next` is what stands behind its place.
pub(super) fn word(context: &Context, word: &Word, language: Language, next: &str) -> String {
    let (name, form) = (word.name, word.form);
    if traceql_words::is_intrinsic(word) {
        return attribute(context, name, next);
    }
    let unless = |there: &[char], more: &'static str| if next.starts_with(there) { "" } else { more };
    let rest = form.strip_prefix(name).unwrap_or_default();
    // A keyword, or what goes on with a name or a number.
    let is_part = form.contains(' ') && (rest.starts_with(' ') || words::is_keyword(name, Language::PromQl));
    let goes_on = if is_part { " " } else { "" };
    let is_call = matches!(name, "start" | "end") || words::callable(name, language).is_some();
    let more = match name {
        _ if language == Language::TraceQl && traceql_words::stage(name).is_none() => goes_on,
        _ if words::takes_labels(name) => unless(&['('], " ("),
        _ if words::COMPARISONS.iter().any(|w| w.name == name && w.form == form) => unless(&['"', '\'', '`'], "\""),
        _ if is_call && rest == "()" => rest,
        _ if is_call => unless(&['('], "("),
        _ if rest.starts_with(" \"") && next.starts_with(['"', '`']) => " ",
        _ if rest.starts_with(" \"") => " \"",
        _ => goes_on,
    };
    format!("{name}{more}")
}

/// A value in the quotes that it was begun with.
fn value(name: &str, kept: &str, op: MatchOp, mark: Option<char>) -> String {
    let value = if is_regex(op) { format!("{kept}{}", regex::escape(name)) } else { name.to_owned() };
    match mark {
        Some('`') if !value.contains(|c: char| c == '`' || c.is_control()) => format!("`{value}`"),
        Some('\'') => {
            let quoted = quote(&value);
            format!("'{}'", quoted[1..quoted.len() - 1].replace("\\\"", "\"").replace('\'', "\\'"))
        }
        _ => quote(&value),
    }
}

/// A name or a value that the server told; `kept` is what stays before it in its string.
pub(super) fn name(context: &Context, name: &str, kept: &str, next: &str) -> String {
    match &context.what {
        What::AttributeValue { op, quote: None, .. } if !is_regex(*op) && is_literal(name) => return name.to_owned(),
        What::AttributeValue { .. } if name.starts_with('"') => return name.to_owned(),
        _ => {}
    }
    if let Some((op, mark)) = context.what.value() {
        return value(name, kept, op, mark);
    }
    let compared = next.starts_with(['=', '!']);
    match &context.what {
        What::Attribute { .. } => attribute(context, name, next),
        What::Label { matcher: false, .. } => label(name),
        What::Label { .. } if compared => label(name),
        What::Label { .. } => format!("{}=\"", label(name)),
        What::QuotedName { selector } if selector.is_empty() || compared => quote(name),
        What::QuotedName { .. } => format!("{}=\"", quote(name)),
        // A name beyond the classic form stands in braces.
        _ if !is_classic(name, true) => format!("{{{}}}", quote(name)),
        _ => name.to_owned(),
    }
}

/// An attribute, and the comparison that follows it where none does yet.
fn attribute(context: &Context, name: &str, next: &str) -> String {
    let is_alone = matches!(context.what, What::Attribute { compared: false, .. });
    let compare = if is_alone || next.starts_with(['=', '!', '<', '>']) {
        ""
    } else if matches!(name, "duration" | "traceDuration") {
        " > "
    } else {
        "="
    };
    format!("{name}{compare}")
}

fn is_regex(op: MatchOp) -> bool {
    matches!(op, MatchOp::Regex | MatchOp::NotRegex)
}

/// Whether TraceQL writes a value without quotes: those that are texts come in quotes where they look like it.
fn is_literal(value: &str) -> bool {
    value.starts_with('"') || value.parse::<f64>().is_ok() || matches!(value, "true" | "false" | "nil")
}

fn label(name: &str) -> String {
    if is_classic(name, false) { name.to_owned() } else { quote(name) }
}

fn is_classic(name: &str, colons: bool) -> bool {
    let first = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':'))
}
