//! The fields that lines near the cursor have, with some of their values: what can be completed and asked for.

use std::collections::HashMap;

use super::{
    Logs, conditions,
    fields::{Field, Source},
    row::brief,
};
use crate::store::{Condition, Line, Place};

/// Lines that are looked at, and values that are kept of a field.
const LINES: usize = 120;
const VALUES: usize = 20;
/// Bytes of text that are looked through for them.
const BYTES: usize = 256 << 10;
/// Longer values are not completed.
const LONGEST: usize = 120;

/// A field.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    /// A condition on it, where a server finds it.
    pub(super) condition: Condition,
    pub(super) values: Vec<String>,
}

impl Logs {
    /// The fields of the lines near the cursor, those of most lines first.
    pub(super) fn fields_seen(&self) -> Vec<Seen> {
        let at = self.list.index(&self.store).unwrap_or(0);
        let mut found: HashMap<String, (Option<Condition>, Vec<String>, usize)> = HashMap::new();
        let mut room = BYTES;
        for line in self.store.window(at.saturating_sub(LINES / 2)).take(LINES) {
            let Some(left) = room.checked_sub(line.text.len()) else { continue };
            room = left;
            let object = conditions::object(line.text);
            for field in fields(&line) {
                let (condition, values, lines) = found.entry(field.name.clone()).or_default();
                *lines += 1;
                if condition.is_none() {
                    *condition = conditions::of_read(&line, object.as_ref(), &field, true).ok().filter(|c| c.place != Place::Text);
                }
                if values.len() < VALUES && field.value.len() <= LONGEST && !field.value.is_empty() && !values.contains(&field.value) {
                    values.push(field.value);
                }
            }
        }
        let mut out: Vec<(usize, Seen)> = found
            .into_iter()
            .filter_map(|(name, (condition, values, lines))| Some((lines, Seen { name, condition: condition?, values })))
            .collect();
        out.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.name.cmp(&other.name)));
        out.into_iter().map(|(_, seen)| seen).collect()
    }
}

/// What a line has by name: its own fields come before those that are told of it.
fn fields(line: &Line<'_>) -> Vec<Field> {
    let field = |name: &str, value: &str, source| Field { name: name.to_owned(), value: value.to_owned(), source };
    let parsed = brief(line.text).fields.into_iter().map(|(name, value)| Field { name, value, source: Source::Parsed });
    let metadata = line.metadata().map(|(n, v)| field(n, v, Source::Metadata));
    let labels = line.stream.iter().filter(|(n, _)| !n.starts_with("__")).map(|(n, v)| field(n, v, Source::Label));
    let mut out: Vec<Field> = parsed.chain(metadata).chain(labels).collect();
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out.dedup_by(|b, a| a.name == b.name);
    out
}
