//! Attributes as columns: those that the user chose, and those that the query asks for itself.

use super::{Traces, query::with_stage};
use crate::{
    model::{
        trace::{HitSpan, TraceHit},
        trace_source::{Ability, TraceOrigin},
    },
    views::{Look, editor::traceql::selected},
};

/// What is told of each span that matches, so that it can be listed.
const OF_SPANS: [&str; 3] = ["name", "status", "resource.service.name"];
const SCOPES: [&str; 6] = ["resource.", "span.", "event.", "link.", "instrumentation.", "."];

/// An attribute's name without its scope and quotes: as answers have it.
pub(super) fn plain_name(attribute: &str) -> String {
    let bare = SCOPES.iter().find_map(|scope| attribute.strip_prefix(scope)).unwrap_or(attribute);
    bare.replace('"', "")
}

/// Why no attribute can be a column, once it is known that none can.
pub(super) fn lacks_select(look: &Look<'_>) -> Option<&'static str> {
    look.shared.traces.value().and_then(|able| able.why_not(Ability::Select))
}

fn can_select(look: &Look<'_>) -> bool {
    look.shared.traces.value().is_some_and(|able| able.origin == TraceOrigin::Tempo && able.has.contains(&Ability::Select))
}

impl Traces {
    /// The attributes that are shown as columns.
    pub(super) fn columns(&self, look: &Look<'_>) -> Vec<String> {
        let mut out = look.shared.trace_columns.clone();
        for name in self.typed.iter().flat_map(|typed| selected(typed)) {
            if !out.contains(&name) {
                out.push(name);
            }
        }
        out
    }

    /// A query with what is to be told of the spans that match; as it is where the server cannot tell it.
    pub(super) fn with_select(&self, look: &Look<'_>, query: String) -> String {
        if !can_select(look) {
            return query;
        }
        let columns = look.shared.trace_columns.iter().map(String::as_str).filter(|c| !OF_SPANS.contains(c));
        let select = format!("select({})", OF_SPANS.into_iter().chain(columns).collect::<Vec<_>>().join(", "));
        with_stage(&query, &select)
    }
}

/// What a column says of a hit: each value of the spans that matched once.
pub(super) fn told(hit: &TraceHit, column: &str) -> String {
    match plain_name(column).as_str() {
        "name" | "span:name" => {
            let mut names: Vec<&str> = hit.spans.iter().filter_map(|s| s.name.as_deref()).collect();
            names.dedup();
            names.join(", ")
        }
        name => hit.values(name).join(", "),
    }
}

/// The same of a span alone.
pub(super) fn of_span(span: &HitSpan, column: &str) -> String {
    match plain_name(column).as_str() {
        "name" | "span:name" => span.name.as_ref().map(ToString::to_string),
        name => span.attributes.get(name).map(ToOwned::to_owned),
    }
    .unwrap_or_default()
}
