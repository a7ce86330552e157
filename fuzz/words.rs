//! What a line says and what of it a record holds, in words.

use std::collections::BTreeMap;

use super::Record;

/// Names that a message has in JSON and logfmt: the one name that a record leaves out.
const NAMES: [&str; 14] = [
    "msg",
    "message",
    "m",
    "mt",
    "body",
    "event",
    "log",
    "short",
    "textPayload",
    "Message",
    "MESSAGE",
    "RenderedMessage",
    "jsonPayload",
    "msgs",
];

/// Words that the record does not hold as often as the line says them. Where characters are written by their number, or
/// colours are, which are taken off, there is nothing to compare.
pub fn lost(line: &str, record: &Record) -> Vec<String> {
    if ["\u{1b}", "\\u", "\\x"].iter().any(|part| line.contains(part)) {
        return Vec::new();
    }
    let mut held = String::new();
    for (name, value) in &record.fields {
        held += &format!("{name} {value} ");
    }
    held += &format!("{} {} {}", record.message, record.rest.join(" "), record.rest_from.as_deref().unwrap_or(""));
    let held = words(&held);
    let is_kept = |(word, times): &(String, usize)| NAMES.contains(&word.as_str()) || held.get(word).is_some_and(|held| held >= times);
    words(line).into_iter().filter(|word| !is_kept(word)).map(|(word, _)| word).collect()
}

/// Runs of letters and runs of digits, how often each. What is between quotes may be escaped in the line and is not in the
/// record: escapes are spaces in both.
fn words(text: &str) -> BTreeMap<String, usize> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let after = after.trim_start_matches('\\');
        plain.push(' ');
        rest = after.strip_prefix(['n', 'r', 't', 'b', 'f']).unwrap_or(after);
    }
    plain.push_str(rest);
    let mut words = BTreeMap::new();
    let mut word = String::new();
    for c in plain.chars().chain([' ']) {
        if word.ends_with(|last: char| last.is_numeric() != c.is_numeric() || !c.is_alphanumeric()) {
            *words.entry(std::mem::take(&mut word)).or_insert(0) += 1;
        }
        if c.is_alphanumeric() {
            word.push(c);
        }
    }
    words
}
