//! The traces that a line names: there may be several, as in a line about a batch, or about what follows from what.

use std::sync::LazyLock;

use regex::Regex;

use super::row::beginning;
use crate::{
    log_fields::{
        Record,
        trace_id::{Patterns, find_all},
    },
    model::trace::TraceId,
    store::Line,
};

/// Traces that are offered at the most.
const MOST: usize = 30;
/// What of a text is looked through.
const LOOKED_AT: usize = 64 << 10;

/// All traces of a line with where they are named, the one that is known to be its own first.
pub(super) fn traces(line: &Line<'_>, record: &Record, own: &Patterns) -> Vec<(TraceId, String)> {
    static NAMED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?i)\b[a-z0-9_.-]*trace[a-z0-9_.-]*["']?\s*[:=]?\s*["']?(?:00-)?([0-9a-f]{32})\b"#).ok());
    let mut out: Vec<(TraceId, String)> = Vec::new();
    let mut add = |id: Option<TraceId>, from: &str| {
        if let Some(id) = id.filter(|id| id.0 != 0)
            && out.len() < MOST
            && !out.iter().any(|(known, _)| *known == id)
        {
            out.push((id, from.to_owned()));
        }
    };
    add(line.trace, line.trace_from.unwrap_or("the line"));
    let parsed = record.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    for (name, value) in parsed.chain(line.metadata()).chain(line.stream.iter()).filter(|(name, _)| names_trace(name)) {
        value.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() == 32).for_each(|run| add(TraceId::parse(run), name));
    }
    if let Some(named) = &*NAMED {
        named
            .captures_iter(beginning(line.text, LOOKED_AT))
            .filter_map(|c| c.get(1))
            .for_each(|id| add(TraceId::parse(id.as_str()), "text"));
    }
    // Ids in other forms, and by the user's own patterns.
    for found in find_all(own, &line.metadata().collect(), line.stream, line.text) {
        add(found.trace, found.from.unwrap_or("the line"));
    }
    out
}

fn names_trace(name: &str) -> bool {
    name.as_bytes().windows(5).any(|w| w.eq_ignore_ascii_case(b"trace"))
}
