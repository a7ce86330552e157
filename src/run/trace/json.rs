//! What was computed of a trace, for programs.

use serde_json::{Value, json};

use crate::{
    model::time::Timestamp,
    trace::{Trace, repeats::Repeats},
};

/// The stable shape: times of spans and of the path in nanoseconds from the trace's start.
pub(super) fn json(trace: &Trace) -> Value {
    let id = |node: u32| trace.nodes[node as usize].id.to_string();
    let since = |at: Timestamp| at.0.saturating_sub(trace.range.start.0);
    let path = trace.path.parts().iter();
    let repeats = Repeats::of(trace);
    let groups = repeats.groups().iter().map(|group| {
        let first = group.members.first().copied().unwrap_or_default() as usize;
        json!({
            "parent_id": group.parent.map(id),
            "service": trace.service(first),
            "name": trace.name(first).as_str(),
            "count": group.members.len(),
            "total": group.total_ns,
        })
    });
    json!({
        "trace_id": trace.id.to_string(),
        "start": trace.range.start.0.to_string(),
        "duration": trace.duration_ns(),
        "spans": (0..trace.nodes.len()).filter_map(|i| span(trace, i, &since)).collect::<Vec<_>>(),
        "critical_path": path
            .map(|part| json!({ "span_id": id(part.node), "start": since(part.start), "end": since(part.end) }))
            .collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
    })
}

fn span(trace: &Trace, i: usize, since: &impl Fn(Timestamp) -> i64) -> Option<Value> {
    let (node, span) = (&trace.nodes[i], trace.span(i)?);
    Some(json!({
        "span_id": node.id.to_string(),
        "parent_id": span.parent.map(|p| p.to_string()),
        "service": trace.service(i),
        "name": trace.name(i).as_str(),
        "kind": span.kind.as_str(),
        "depth": node.depth,
        "start": since(node.start),
        "duration": node.duration_ns,
        "self": node.self_ns,
        "error": node.is_error(),
        "flags": node.flags.names().collect::<Vec<_>>(),
    }))
}
