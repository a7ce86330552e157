//! Traces of files in the place of a server's: looked for, and opened by their ids.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use compact_str::CompactString;

use super::Reader;
use crate::{
    model::{
        time::{TimeRange, Timestamp},
        trace::{Resource, Span, Spans, TraceHit, TraceHits, TraceId},
        trace_source::PlainQuery,
    },
    trace::Trace,
};

/// The traces of all files that were opened.
pub struct TraceFiles {
    names: Vec<CompactString>,
    hits: Vec<TraceHit>,
    traces: HashMap<TraceId, Mutex<Kept>>,
}

/// A trace as it was read, or laid out once it was opened.
enum Kept {
    Read(Option<Spans>),
    Open(Arc<Trace>),
}

impl TraceFiles {
    /// What was read of files of these names. Services are named by the first of these resource attributes that there is,
    /// where not by `service.name`. Returns also what is to be told of the files.
    pub fn new(names: Vec<CompactString>, reader: Reader, service_attributes: &[String]) -> (Self, Vec<String>) {
        let (mut traces, notes) = reader.finish();
        traces.iter_mut().for_each(|spans| spans.name_services_by(service_attributes));
        let hits = traces.iter().map(hit).collect();
        let traces = traces.into_iter().map(|spans| (spans.trace, Mutex::new(Kept::Read(Some(spans))))).collect();
        (Self { names, hits, traces }, notes)
    }

    /// The names of the files.
    pub fn names(&self) -> &[CompactString] {
        &self.names
    }

    /// The trace, where there is one only.
    pub fn only(&self) -> Option<TraceId> {
        if let [hit] = self.hits.as_slice() { Some(hit.trace) } else { None }
    }

    /// From the first start to the last end.
    pub fn range(&self) -> TimeRange {
        let start = self.hits.iter().map(|h| h.start).min().unwrap_or_default();
        let end = self.hits.iter().map(|h| Timestamp(h.start.0.saturating_add(h.duration_ns))).max().unwrap_or_default();
        TimeRange { start, end }
    }

    /// All traces, as a search would find them.
    pub fn all(&self) -> &[TraceHit] {
        &self.hits
    }

    /// Whether there is such a trace.
    pub fn has(&self, id: TraceId) -> bool {
        self.traces.contains_key(&id)
    }

    /// A trace, laid out: work for a thread that may take its time.
    pub fn trace(&self, id: TraceId) -> Option<Arc<Trace>> {
        let mut kept = self.traces.get(&id)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Kept::Read(spans) = &mut *kept {
            *kept = Kept::Open(Arc::new(Trace::build(spans.take()?)));
        }
        if let Kept::Open(trace) = &*kept { Some(trace.clone()) } else { None }
    }

    /// Those that a query is true of, and that a window touches.
    pub fn search(&self, query: &PlainQuery, range: TimeRange, limit: usize) -> TraceHits {
        let touches = |h: &TraceHit| h.start <= range.end && h.start.0.saturating_add(h.duration_ns) >= range.start.0;
        let mut hits: Vec<TraceHit> = self.hits.iter().filter(|h| touches(h) && self.passes(query, h)).cloned().collect();
        hits.sort_by_key(|h| (std::cmp::Reverse(h.start), h.trace));
        hits.truncate(limit);
        TraceHits { hits, newest: true, part: None }
    }

    fn passes(&self, query: &PlainQuery, hit: &TraceHit) -> bool {
        if *query == PlainQuery::default() {
            return true;
        }
        let Some(kept) = self.traces.get(&hit.trace) else { return false };
        match &*kept.lock().unwrap_or_else(PoisonError::into_inner) {
            Kept::Read(Some(spans)) => spans.spans.iter().any(|span| is_of(query, span, &spans.resources)),
            Kept::Read(None) => false,
            Kept::Open(trace) => (0..trace.nodes.len()).filter_map(|i| trace.span(i)).any(|span| is_of(query, span, &trace.resources)),
        }
    }
}

/// Whether all of it is true of a span.
fn is_of(query: &PlainQuery, span: &Span, resources: &[Resource]) -> bool {
    let resource = resources.get(span.resource as usize);
    let has = |(name, value): &(CompactString, CompactString)| {
        let own = span.attributes.iter().chain(resource.into_iter().flat_map(|r| r.attributes.iter()));
        own.into_iter().any(|(n, v)| n == name.as_str() && v.to_string() == value.as_str())
    };
    let of_service = query.service.as_ref().is_none_or(|service| resource.is_some_and(|r| r.service == *service));
    let length = u128::try_from(span.end.0.saturating_sub(span.start.0)).unwrap_or(0);
    let is_long = query.longer_than.is_none_or(|least| length > least.as_nanos());
    let is_named = query.name.as_ref().is_none_or(|name| span.name == *name);
    of_service && is_named && is_long && (span.error || !query.failed) && query.tags.iter().all(has)
}

/// What a search would tell of a trace.
pub fn hit(spans: &Spans) -> TraceHit {
    let timed = || spans.spans.iter().filter(|s| s.start.0 > 0);
    let start = timed().map(|s| s.start).min().unwrap_or_default();
    let end = timed().map(|s| s.end.max(s.start)).max().unwrap_or_default();
    let length = |s: &&Span| s.end.0.saturating_sub(s.start.0);
    // The longest of several, the first of those as long: as the waterfall has it.
    let root = spans.spans.iter().rev().filter(|s| s.parent.is_none()).max_by_key(length);
    TraceHit {
        trace: spans.trace,
        root_service: root.and_then(|s| spans.resources.get(s.resource as usize)).map(|r| r.service.clone()),
        root_name: root.map(|s| s.name.clone()),
        start,
        duration_ns: end.0.saturating_sub(start.0),
        span_count: u32::try_from(spans.spans.len()).ok(),
        error_count: u32::try_from(spans.spans.iter().filter(|s| s.error).count()).ok(),
        matched: 0,
        spans: Vec::new(),
    }
}
