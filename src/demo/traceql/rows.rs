//! A trace laid out for queries: its spans side by side, with what is said about the whole.

use std::collections::HashMap;

use crate::{
    demo::store::StoredTrace,
    model::trace::TraceId,
    wire::otlp::{KeyValue, Span, any_value::Value},
};

/// A trace.
#[derive(Debug)]
pub struct Rows<'t> {
    /// Its id.
    pub id: TraceId,
    /// Spans in the order they were stored.
    pub spans: Vec<Row<'t>>,
    /// Where the root is, if it has been received.
    pub root: Option<usize>,
    /// First start, nanoseconds.
    pub start: u64,
    /// Last end, nanoseconds.
    pub end: u64,
    by_id: HashMap<&'t [u8], usize>,
}

/// A span with its resource.
#[derive(Clone, Copy, Debug)]
pub struct Row<'t> {
    /// The span.
    pub span: &'t Span,
    /// Attributes of its resource.
    pub resource: &'t [KeyValue],
}

impl<'t> Rows<'t> {
    /// Lays out a trace.
    pub fn new(trace: &'t StoredTrace) -> Self {
        let mut spans = Vec::new();
        for group in &trace.spans {
            let resource = group.resource.as_ref().map_or(&[][..], |r| r.attributes.as_slice());
            spans.extend(group.scope_spans.iter().flat_map(|s| &s.spans).map(|span| Row { span, resource }));
        }
        let root = spans.iter().position(|r: &Row<'_>| r.span.parent_span_id.iter().all(|b| *b == 0));
        let start = spans.iter().map(|r| r.span.start_time_unix_nano).min().unwrap_or(0);
        let end = spans.iter().map(|r| r.span.end_time_unix_nano).max().unwrap_or(0);
        let by_id = spans.iter().enumerate().map(|(i, r)| (r.span.span_id.as_slice(), i)).collect();
        Self { id: trace.id, spans, root, start, end, by_id }
    }

    /// The parent of a span, if it is there.
    pub fn parent(&self, span: usize) -> Option<usize> {
        let parent = self.spans[span].span.parent_span_id.as_slice();
        if parent.is_empty() { None } else { self.by_id.get(parent).copied() }
    }

    /// The spans above a span, nearest first; ends where ids go round in a circle.
    pub fn ancestors(&self, span: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.parent(span), |s| self.parent(*s)).take(self.spans.len())
    }

    /// Nanoseconds from the first start to the last end.
    pub fn duration(&self) -> i64 {
        i64::try_from(self.end.saturating_sub(self.start)).unwrap_or(i64::MAX)
    }

    /// Service of the root.
    pub fn root_service(&self) -> Option<&'t str> {
        self.root.map(|r| self.spans[r].service())
    }

    /// Name of the root.
    pub fn root_name(&self) -> Option<&'t str> {
        self.root.map(|r| self.spans[r].span.name.as_str())
    }
}

impl<'t> Row<'t> {
    /// `service.name` of its resource.
    pub fn service(&self) -> &'t str {
        match find(self.resource, "service.name") {
            Some(Value::String(s)) => s,
            _ => "",
        }
    }

    /// Nanoseconds; negative when it ends before it starts.
    pub fn duration(&self) -> i64 {
        self.span.end_time_unix_nano.wrapping_sub(self.span.start_time_unix_nano) as i64
    }
}

/// An attribute's value.
pub fn find<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|a| a.key == name)?.value.as_ref()?.value.as_ref()
}
