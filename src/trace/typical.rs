//! The typical good trace: what a trace is compared with when nobody chose.

use compact_str::CompactString;

use super::Trace;
use crate::model::trace::{TraceHit, TraceId};

/// What a trace begins with, as servers tell it of a trace that they found: by the name that the root span was sent with, not by
/// its [title](super::title::title).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootName {
    /// Its service.
    pub service: CompactString,
    /// `service.name`, where the configuration names services by something else.
    pub sent_service: CompactString,
    /// The root span's own name.
    pub name: CompactString,
}

impl RootName {
    /// Of the root that stands for the whole; `None` where it was not delivered.
    pub fn of(trace: &Trace) -> Option<Self> {
        let root = trace.root? as usize;
        let (span, resource) = (trace.span(root)?, trace.resource(root)?);
        let sent_service = resource.attributes.text("service.name").map_or_else(|| resource.service.clone(), CompactString::from);
        Some(Self { service: resource.service.clone(), sent_service, name: span.name.clone() })
    }

    /// Whether a trace that was found begins with it.
    pub fn is_of(&self, hit: &TraceHit) -> bool {
        let service = hit.root_service.as_ref();
        (service == Some(&self.service) || service == Some(&self.sent_service)) && hit.root_name.as_ref() == Some(&self.name)
    }
}

/// A trace that stands for many good ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Typical<'a> {
    /// The hit whose duration is the median.
    pub hit: &'a TraceHit,
    /// Of how many.
    pub of: usize,
}

/// The median by duration of those hits that begin with this root and have no error that the server counted. `but` are left out:
/// the trace that is compared, and those that are known to be no good.
pub fn typical<'a>(hits: &'a [TraceHit], root: &RootName, but: &[TraceId]) -> Option<Typical<'a>> {
    let is_good = |hit: &&TraceHit| root.is_of(hit) && !but.contains(&hit.trace) && hit.error_count.unwrap_or(0) == 0;
    let mut good: Vec<&TraceHit> = hits.iter().filter(is_good).collect();
    good.sort_unstable_by_key(|hit| (hit.duration_ns, hit.trace));
    let hit = *good.get(good.len().checked_sub(1)? / 2)?;
    Some(Typical { hit, of: good.len() })
}
