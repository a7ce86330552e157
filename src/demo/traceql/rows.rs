//! A trace laid out for queries: its spans side by side, with what is said about the whole.

use std::{cell::OnceCell, collections::HashMap};

use crate::{
    demo::store::StoredTrace,
    model::trace::TraceId,
    wire::otlp::{KeyValue, Scope, Span, any_value::Value},
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
    nested: OnceCell<Vec<Nested>>,
}

/// Where a span is in the tree, as Tempo's blocks have it: a walk down and up counts on each way, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nested {
    /// The count on the way down.
    pub left: i64,
    /// The count on the way up.
    pub right: i64,
    /// The count of the parent on the way down: -1 of a root, 0 where the parent is missing.
    pub parent: i64,
    /// How many spans have it for a parent.
    pub children: i64,
}

/// A span with its resource.
#[derive(Clone, Copy, Debug)]
pub struct Row<'t> {
    /// The span.
    pub span: &'t Span,
    /// Attributes of its resource.
    pub resource: &'t [KeyValue],
    /// What made it.
    pub scope: Option<&'t Scope>,
}

impl<'t> Rows<'t> {
    /// Lays out a trace.
    pub fn new(trace: &'t StoredTrace) -> Self {
        let mut spans = Vec::new();
        for group in &trace.spans {
            let resource = group.resource.as_ref().map_or(&[][..], |r| r.attributes.as_slice());
            for scoped in &group.scope_spans {
                spans.extend(scoped.spans.iter().map(|span| Row { span, resource, scope: scoped.scope.as_ref() }));
            }
        }
        let root = spans.iter().position(|r: &Row<'_>| is_root(r.span));
        let start = spans.iter().map(|r| r.span.start_time_unix_nano).min().unwrap_or(0);
        let end = spans.iter().map(|r| r.span.end_time_unix_nano).max().unwrap_or(0);
        let by_id = spans.iter().enumerate().map(|(i, r)| (r.span.span_id.as_slice(), i)).collect();
        Self { id: trace.id, spans, root, start, end, by_id, nested: OnceCell::new() }
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

    /// Where each span is in the tree. Spans whose way up does not end at a root are in none: all zero.
    pub fn nested(&self) -> &[Nested] {
        self.nested.get_or_init(|| self.walk())
    }

    fn walk(&self) -> Vec<Nested> {
        let mut out = vec![Nested::default(); self.spans.len()];
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.spans.len()];
        for span in 0..self.spans.len() {
            if let Some(parent) = self.parent(span) {
                children[parent].push(span);
                out[parent].children += 1;
            }
        }
        let roots = (0..self.spans.len()).filter(|s| is_root(self.spans[*s].span));
        let mut count = 0;
        for root in roots {
            out[root].parent = -1;
            // Each span is on the way down once, then on the way up.
            let mut way = vec![(root, false)];
            while let Some((span, seen)) = way.pop() {
                count += 1;
                if seen {
                    out[span].right = count;
                    continue;
                }
                out[span].left = count;
                way.push((span, true));
                for child in children[span].iter().rev() {
                    out[*child].parent = out[span].left;
                    way.push((*child, false));
                }
            }
        }
        out
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

fn is_root(span: &Span) -> bool {
    span.parent_span_id.iter().all(|b| *b == 0)
}

/// An attribute's value.
pub fn find<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|a| a.key == name)?.value.as_ref()?.value.as_ref()
}
