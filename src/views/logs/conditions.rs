//! Filters by fields: what they are made from, the LogQL that they are, and how they are shown.

use serde_json::Value;

use super::fields::{Field, Source};
use crate::{
    model::{
        labels::{MatchOp, Matcher, label_name, quote},
        trace::TraceId,
    },
    store::{Condition, Line, Place, Test, plain_part},
    ui::text::truncate,
};

/// Characters of a text that lines are asked to contain, at the most.
const MOST: usize = 200;
/// Fewer say too little.
const LEAST: usize = 3;
/// Cells of a value in the header.
const SHOWN: usize = 40;

/// The condition that a field of a line makes.
///
/// # Errors
/// Why no server can be asked for it.
pub(super) fn of(line: &Line<'_>, field: &Field, keep: bool) -> Result<Condition, &'static str> {
    of_read(line, object(line.text).as_ref(), field, keep)
}

/// What a line's text is as JSON, where it is an object.
pub(super) fn object(text: &str) -> Option<Value> {
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// As [`of`], of a line whose [`object`] is known: there are many fields in it.
pub(super) fn of_read(line: &Line<'_>, object: Option<&Value>, field: &Field, keep: bool) -> Result<Condition, &'static str> {
    let (name, value) = (field.name.as_str(), field.value.as_str());
    let made = |place: Place, name: &str, label: String, value: &str| Ok(Condition::is(place, name, label, value, keep));
    match field.source {
        Source::Label => return made(Place::Label, name, name.to_owned(), value),
        Source::Metadata if is_label(name) => return made(Place::Metadata, name, name.to_owned(), value),
        Source::Trace => {
            let same = |v: &str| v == value || TraceId::parse(v).is_some_and(|id| id.to_string() == value);
            if let Some((name, value)) = line.metadata().find(|(n, v)| is_label(n) && same(v)) {
                return made(Place::Metadata, name, name.to_owned(), value);
            }
        }
        Source::Parsed => {
            let label = label_of(name);
            // What the line has of that name already would be changed, and with it what the line is.
            let is_taken = line.stream.get(&label).is_some() || line.metadata().any(|(n, _)| n == label);
            let label = if is_taken { format!("{label}_extracted") } else { label };
            let in_text = |place: Place, path: String| Ok(Condition { path, ..Condition::is(place, name, label.clone(), value, keep) });
            if let Some(path) = object.and_then(|object| json_path(object, name, value)) {
                return in_text(Place::Json, path);
            }
            match pair(line.text, name, value) {
                Some(_) if is_label(name) => return in_text(Place::Logfmt, name.to_owned()),
                // Loki's parser takes no such name. More may follow a value in its word: 50 is no beginning of 500.
                Some(pair) => {
                    let alone = format!(r"(?:^|\s){}(?:\s|$)", regex::escape(&pair));
                    return Condition::expression(&alone, keep).map_err(|_| "the line's text is too long to be asked for");
                }
                None => {}
            }
        }
        Source::Metadata | Source::Message => {}
    }
    let text = needle(line.text, value).ok_or("this is not written in the line in a way that can be asked for")?;
    made(Place::Text, "", String::new(), text)
}

/// What of a value stands in the line's text as it is.
pub(super) fn needle<'v>(text: &str, value: &'v str) -> Option<&'v str> {
    let cut = |v: &'v str| v.char_indices().nth(MOST).map_or(v, |(end, _)| &v[..end]);
    let first = cut(value.lines().next().unwrap_or_default().trim());
    if !first.is_empty() && text.contains(first) {
        return Some(first);
    }
    let part = cut(plain_part(value)).trim();
    (part.len() >= LEAST && text.contains(part)).then_some(part)
}

fn is_label(name: &str) -> bool {
    label_name(name) == name
}

/// The name that Loki's parsers give a field.
fn label_of(name: &str) -> String {
    let label: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) { format!("_{label}") } else { label }
}

/// Where Loki's `| json` finds the value, if it does: text, a number or a boolean in objects within objects.
fn json_path(object: &Value, name: &str, value: &str) -> Option<String> {
    steps_to(object, name, value).map(|steps| {
        let step = |step: &String| if is_label(step) { step.clone() } else { format!("[{}]", quote(step)) };
        steps.iter().rev().map(step).collect::<Vec<_>>().join(".").replace(".[", "[")
    })
}

/// The keys that lead to a value under a name with dots, the innermost first.
fn steps_to(of: &Value, name: &str, value: &str) -> Option<Vec<String>> {
    let is_value = |text: &str| (name.is_empty() && text == value).then(Vec::new);
    match of {
        Value::Object(members) => members.iter().find_map(|(key, inner)| {
            let rest = match name.strip_prefix(key.as_str())? {
                "" => "",
                rest => rest.strip_prefix('.')?,
            };
            let mut steps = steps_to(inner, rest, value)?;
            steps.push(key.clone());
            Some(steps)
        }),
        Value::String(text) => is_value(text),
        Value::Number(n) => is_value(&n.to_string()),
        Value::Bool(b) => is_value(if *b { "true" } else { "false" }),
        Value::Array(_) | Value::Null => None,
    }
}

/// The `name=value` in a line's text.
fn pair(text: &str, name: &str, value: &str) -> Option<String> {
    let line = text.lines().next().unwrap_or_default();
    let ways = [format!("{name}={value}"), format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))];
    ways.into_iter().find(|pair| {
        let begins = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
        let ends = |at: usize| line[at..].chars().next().is_none_or(char::is_whitespace);
        line.match_indices(pair.as_str()).any(|(at, found)| begins(at) && ends(at + found.len()))
    })
}

fn applied(conditions: &[Condition]) -> impl Iterator<Item = &Condition> + Clone {
    conditions.iter().filter(|c| !c.off)
}

/// The matchers that belong into a selector.
pub(super) fn matchers(conditions: &[Condition]) -> impl Iterator<Item = Matcher> + '_ {
    applied(conditions).filter(|c| c.place == Place::Label).filter_map(matcher)
}

/// The condition as a matcher, where it is none on amounts.
fn matcher(condition: &Condition) -> Option<Matcher> {
    let op = match (&condition.test, condition.keep) {
        (Test::Is, true) => MatchOp::Equal,
        (Test::Is, false) => MatchOp::NotEqual,
        (Test::Matches(_), true) => MatchOp::Regex,
        (Test::Matches(_), false) => MatchOp::NotRegex,
        (Test::Compares(..) | Test::Fits(_) | Test::FitsHere(_), _) => return None,
    };
    Some(Matcher::new(condition.label.as_str(), op, condition.value.as_str()))
}

/// The stage that a condition is, without the parser that it needs.
pub(super) fn stage(condition: &Condition) -> String {
    match (&condition.test, condition.place, condition.keep) {
        (Test::Matches(_), Place::Text, keep) => format!(" {} {}", if keep { "|~" } else { "!~" }, quote(&condition.value)),
        // The expression matches more lines than the pattern: leaving them out would hide some that are to be seen.
        (Test::FitsHere(filter), _, true) => format!(" |~ {}", quote(&filter.regex())),
        (Test::FitsHere(_), _, false) => String::new(),
        (Test::Fits(_), _, keep) => format!(" {} {}", if keep { "|>" } else { "!>" }, quote(&condition.value)),
        (_, Place::Text, keep) => format!(" {} {}", if keep { "|=" } else { "!=" }, quote(&condition.value)),
        // A value that is no number is an error of the line, with which it would pass.
        (Test::Compares(order, _), ..) => format!(" | {} {} {} | __error__=\"\"", condition.label, order.as_str(), condition.value),
        _ => matcher(condition).map_or_else(String::new, |m| format!(" | {m}")),
    }
}

/// The stages of a pipeline, what costs least first; those on labels only where they are not in the selector. Parsers are
/// asked for the fields alone: what they find beside them would take the place of the line's own metadata.
pub(super) fn stages(conditions: &[Condition], with_labels: bool) -> String {
    let at = |place: Place| applied(conditions).filter(move |c| c.place == place);
    let labels = at(Place::Label).filter(|c| with_labels || matcher(c).is_none());
    let mut out: String = at(Place::Text).chain(labels).chain(at(Place::Unseen)).chain(at(Place::Metadata)).map(stage).collect();
    let mut parsed = false;
    for (place, parser) in [(Place::Json, " | json"), (Place::Logfmt, " | logfmt")] {
        let mut parts: Vec<String> = at(place).map(|c| format!("{}={}", c.label, quote(&c.path))).collect();
        parts.sort_unstable();
        parts.dedup();
        if !parts.is_empty() {
            // That a line is no JSON is an error of it, which says nothing of what the other parser finds.
            out.push_str(if parsed { NO_ERROR } else { "" });
            out.push_str(&format!("{parser} {}", parts.join(", ")));
            parsed = true;
        }
        out.extend(at(place).map(stage));
    }
    out
}

/// What a parser said of a line is forgotten.
const NO_ERROR: &str = " | drop __error__, __error_details__";

/// Takes what the parsers found away again: with it a line would be another one than without, and be there twice.
pub(super) fn drops(conditions: &[Condition]) -> String {
    let mut labels: Vec<&str> =
        applied(conditions).filter(|c| matches!(c.place, Place::Json | Place::Logfmt)).map(|c| c.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    if labels.is_empty() { String::new() } else { format!(" | drop {}, __error__, __error_details__", labels.join(", ")) }
}

/// As the header shows it: `pool=orders`, `!"text"`; nothing of one that is off.
pub(super) fn shown(condition: &Condition, mark: &str) -> Option<String> {
    let value = truncate(&condition.value, SHOWN, mark);
    let not = if condition.keep { "" } else { "!" };
    let (name, equal) = (&condition.name, if condition.keep { "=" } else { "!" });
    (!condition.off).then(|| match (condition.place, &condition.test) {
        (Place::Text, Test::Matches(_)) => format!("{not}~{}", quote(&value)),
        (_, Test::Fits(_)) => format!("{not}>{}", quote(&value)),
        (_, Test::FitsHere(_)) => format!("{not}>{} here alone", quote(&value)),
        (Place::Text, _) => format!("{not}{}", quote(&value)),
        (_, Test::Is) => format!("{name}{}{value}", if condition.keep { "=" } else { "!=" }),
        (_, Test::Matches(_)) => format!("{name}{equal}~{value}"),
        (_, Test::Compares(order, _)) => format!("{name}{}{value}", order.as_str()),
    })
}

/// Adds a condition, or takes it back where it is there already. Two values of a field that lines must have at once would
/// leave nothing: the new one takes the other's place.
pub(super) fn toggle(conditions: &mut Vec<Condition>, new: Condition) {
    if let Some(at) = conditions.iter().position(|c| *c == new) {
        conditions.remove(at);
    } else {
        add(conditions, new);
    }
}

/// Adds a condition; it is there once.
pub(super) fn add(conditions: &mut Vec<Condition>, new: Condition) {
    let is_same_field = |c: &Condition| c.place == new.place && c.name == new.name && c.test == Test::Is && new.test == Test::Is;
    let both_kept = |c: &Condition| c.keep && new.keep && c.place != Place::Text;
    conditions.retain(|c| *c != new && !(is_same_field(c) && (c.value == new.value || both_kept(c))));
    conditions.push(new);
}
