//! What is known of one span.

use crate::{
    model::{
        time::Timestamp,
        trace::{Attributes, Span},
    },
    theme::Role,
    trace::Trace,
    ui::format,
    views::{Look, sheet::Sheet},
};

/// All of a node, what tells most first: the error, then attributes, events, resource and links.
pub(super) fn sheet(trace: &Trace, i: usize, look: &Look<'_>) -> Sheet {
    let mut sheet = Sheet::default();
    let node = &trace.nodes[i];
    times(&mut sheet, trace, i, look);
    let Some(span) = trace.span(i) else {
        sheet.head(format!("span {} was not delivered; its children were", node.id), Role::Warn);
        return sheet;
    };
    if span.error {
        let message = if span.status_message().is_empty() { exception(span).unwrap_or_default() } else { span.status_message().to_owned() };
        sheet.head(format!("error: {}", if message.is_empty() { "no message" } else { &message }), Role::Bad);
    } else if !span.status_message().is_empty() {
        sheet.add("status", span.status_message());
    }
    attributes(&mut sheet, &span.attributes);
    for event in span.events() {
        let role = if event.name == "exception" { Role::Bad } else { Role::Accent };
        sheet.add_as(format!("event {}", offset(event.at, node.start)), event.name.as_str(), role);
        attributes(&mut sheet, &event.attributes);
    }
    if let Some(resource) = trace.resource(i) {
        sheet.heading("resource");
        attributes(&mut sheet, &resource.attributes);
    }
    for link in span.links() {
        let span = link.span.map(|s| format!(" span {s}")).unwrap_or_default();
        sheet.add_as("link", format!("trace {}{span}", link.trace), Role::Accent);
        attributes(&mut sheet, &link.attributes);
    }
    sheet.heading("ids");
    sheet.add("span", node.id.to_string());
    if let Some(parent) = span.parent {
        sheet.add("parent", parent.to_string());
    }
    sheet
}

fn times(sheet: &mut Sheet, trace: &Trace, i: usize, look: &Look<'_>) {
    let node = &trace.nodes[i];
    let share = if trace.duration_ns() > 0 { node.duration_ns as f64 / trace.duration_ns() as f64 } else { 1.0 };
    let kind = trace.span(i).map_or("missing", |s| s.kind.as_str());
    let parts = [
        format!("start {}", offset(node.start, trace.range.start)),
        format!("took {}", format::nanoseconds(node.duration_ns)),
        format!("self {}", format::nanoseconds(node.self_ns)),
        format!("{} of the trace", format::percent(share)),
        kind.to_owned(),
        format::date_time(node.start, look.shared.settings.zone.0),
    ];
    sheet.head(parts.join("   "), Role::Text);
    let flags: Vec<&str> = node.flags.names().collect();
    if !flags.is_empty() {
        sheet.head(format!("flagged: {}", flags.join(", ")), Role::Warn);
    }
}

/// `+31 ms`, or `-2.0 ms` where a clock is wrong.
fn offset(at: Timestamp, from: Timestamp) -> String {
    let ns = at.0.saturating_sub(from.0);
    if ns < 0 { format::nanoseconds(ns) } else { format!("+{}", format::nanoseconds(ns)) }
}

fn exception(span: &Span) -> Option<String> {
    let event = span.events().iter().find(|e| e.name == "exception")?;
    let attribute = |key: &str| event.attributes.get(key).map(ToString::to_string);
    attribute("exception.message").or_else(|| attribute("exception.type"))
}

fn attributes(sheet: &mut Sheet, attributes: &Attributes) {
    for (name, value) in attributes.iter() {
        sheet.add(name, value.to_string());
    }
}
