//! Clocks of hosts that differ.

use compact_str::CompactString;

use super::{
    Flags,
    build::{Draft, NONE},
};
use crate::model::trace::{Resource, Span, SpanKind};

/// Where the clock of a span ticks, if it tells.
pub(super) fn host(resource: &Resource) -> Option<CompactString> {
    const KEYS: [&str; 5] = ["host.id", "host.ip", "host.name", "k8s.pod.name", "service.instance.id"];
    KEYS.iter().find_map(|key| resource.attributes.get(key).map(|v| compact_str::format_compact!("{v}")))
}

/// Flags calls between hosts that start before their caller, or after a caller that waited for them.
pub(super) fn flag(drafts: &mut [Draft], spans: &[Span], resources: &[Resource]) {
    let hosts: Vec<Option<CompactString>> = resources.iter().map(host).collect();
    let host_of = |span: &Span| hosts.get(span.resource as usize).and_then(Option::as_ref);
    for (i, span) in spans.iter().enumerate() {
        let parent = drafts[i].parent;
        let (Some(caller_span), false) = (spans.get(parent as usize), parent == NONE) else { continue };
        let (child, caller) = (&drafts[i], &drafts[parent as usize]);
        let late_is_legal = span.kind != SpanKind::Server || caller_span.kind != SpanKind::Client;
        let impossible = child.start < caller.start || (!late_is_legal && child.start > caller.end);
        if impossible && span.kind != SpanKind::Consumer && !child.flags.has(Flags::UNTIMED) {
            let one_clock = host_of(span).is_some() && host_of(span) == host_of(caller_span);
            if !one_clock {
                drafts[i].flags.set(Flags::SKEWED);
            }
        }
    }
}
