//! A trace as the waterfall shows it: hygiene, tree and facts computed once, from the spans a source delivered.
//!
//! The spans lie in one vector in preorder: a parent before its children, siblings by start. A node's subtree is the
//! slice up to its [`Node::subtree_end`], so that folding is skipping. Times are as the spans tell them; what cannot be
//! true is flagged, and moved only in a [`Trace::corrected`] copy.

mod build;
pub mod compare;
pub mod differences;
mod hygiene;
mod idle;
mod order;
pub mod path;
pub mod repeats;
pub mod scale;
mod skew;
pub mod structure;
pub mod table;
#[cfg(test)]
mod tests;
pub mod title;
pub mod typical;

use std::sync::Arc;

use compact_str::CompactString;

use self::{idle::Idle, path::CriticalPath};

use crate::model::{
    time::{TimeRange, Timestamp},
    trace::{Resource, Span, SpanId, TraceId},
};

/// The attribute that has Jaeger's own remarks on a span, as Jaeger 2 calls it.
pub const WARNINGS: &str = "@jaeger@warnings";

/// What is odd about a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Its parent was not delivered.
    pub const ORPHAN: Self = Self(1);
    /// It starts before its caller, or after a call that waited for it ended: the clocks of two hosts differ.
    pub const SKEWED: Self = Self(1 << 1);
    /// It ends before it starts; drawn with no length.
    pub const NEGATIVE: Self = Self(1 << 2);
    /// Its id was delivered more than once.
    pub const DUPLICATE: Self = Self(1 << 3);
    /// It was its own ancestor; cut loose.
    pub const CYCLE: Self = Self(1 << 4);
    /// It tells no start; drawn at its parent's.
    pub const UNTIMED: Self = Self(1 << 5);
    /// Jaeger remarks on it, see [`WARNINGS`].
    pub const WARNED: Self = Self(1 << 6);

    const NAMES: [(Self, &'static str); 7] = [
        (Self::ORPHAN, "orphan"),
        (Self::SKEWED, "skewed"),
        (Self::NEGATIVE, "negative"),
        (Self::DUPLICATE, "duplicate"),
        (Self::CYCLE, "cycle"),
        (Self::UNTIMED, "untimed"),
        (Self::WARNED, "warned"),
    ];

    /// Whether all of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is odd.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of those set, as exports use them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// A row of the waterfall: a span, or the place of one that is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The span's id; for a missing span the id that its children name.
    pub id: SpanId,
    /// Which of the spans it is; `None` when it is missing. See [`Trace::span`].
    span: Option<u32>,
    /// Index of the parent node.
    pub parent: Option<u32>,
    /// Steps from its root.
    pub depth: u32,
    /// Index after the last node below it.
    pub subtree_end: u32,
    /// Start. A missing span starts with its first child.
    pub start: Timestamp,
    /// Duration in nanoseconds, never negative.
    pub duration_ns: i64,
    /// Duration without what its children cover, in nanoseconds.
    pub self_ns: i64,
    /// By how much it was moved to put its clock right, in nanoseconds; 0 but in a corrected trace.
    pub shift_ns: i64,
    /// Index into [`Trace::operations`]; `None` for a missing span.
    pub operation: Option<u32>,
    error: bool,
    /// Whether it or a span below it has an error.
    pub error_within: bool,
    /// What is odd about it.
    pub flags: Flags,
}

impl Node {
    /// Its end.
    pub fn end(&self) -> Timestamp {
        Timestamp(self.start.0.saturating_add(self.duration_ns))
    }

    /// Whether the span itself has an error.
    pub fn is_error(&self) -> bool {
        self.error
    }

    /// Whether it only holds the place of a span that was not delivered.
    pub fn is_missing(&self) -> bool {
        self.span.is_none()
    }
}

/// What spans do: those of one operation are alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The service.
    pub service: CompactString,
    /// The spans' [title](title::title).
    pub name: CompactString,
}

/// A cleaned and laid-out trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// All nodes in preorder.
    pub nodes: Vec<Node>,
    /// Spans as delivered, without copies.
    spans: Arc<Vec<Span>>,
    /// Service instances that spans refer to.
    pub resources: Vec<Resource>,
    /// What its spans do.
    pub operations: Vec<Operation>,
    /// The operation of each span.
    operation_of: Arc<[u32]>,
    /// From the first start to the last end.
    pub range: TimeRange,
    /// The node that stands for the whole: the longest true root, else the earliest.
    pub root: Option<u32>,
    /// How many true and missing roots there are.
    pub roots: u32,
    /// Services with their number of spans, in order of appearance.
    pub services: Vec<(CompactString, u32)>,
    /// Spans, without the missing ones.
    pub span_count: u32,
    /// Spans with an error.
    pub error_count: u32,
    /// Spans whose clock differs from their caller's.
    pub skewed_count: u32,
    /// Exact copies that were dropped.
    pub copies: u32,
    /// The server's own words when it says that spans are missing.
    pub partial: Option<String>,
    /// What took the time: from the root's end backwards.
    pub path: CriticalPath,
    /// Stretches of time that may be drawn shorter than they are, in order.
    idle: Vec<Idle>,
    /// Nodes by span id.
    by_id: Vec<(SpanId, u32)>,
}

impl Trace {
    /// Duration in nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        self.range.end.0.saturating_sub(self.range.start.0)
    }

    /// The node of a span id; the first of several.
    pub fn find(&self, id: SpanId) -> Option<usize> {
        let i = self.by_id.partition_point(|(other, _)| *other < id);
        self.by_id.get(i).filter(|(other, _)| *other == id).map(|(_, node)| *node as usize)
    }

    /// Where each node is in the same trace as it came again, or with other clocks: what has its span id, of several with one
    /// id what came as the same one of them. `None`: it is not there.
    pub fn places_in(&self, other: &Self) -> Vec<Option<u32>> {
        let theirs = other.by_delivery();
        let mut out = vec![None; self.nodes.len()];
        for (name, node) in self.by_delivery() {
            let place = theirs.binary_search_by_key(&name, |(name, _)| *name).ok();
            out[node as usize] = place.map(|at| theirs[at].1);
        }
        out
    }

    /// All nodes by span id, those of one id numbered as they came.
    fn by_delivery(&self) -> Vec<((SpanId, u32), u32)> {
        let mut all: Vec<_> = (0..).zip(&self.nodes).map(|(i, n)| ((n.id, n.span.unwrap_or(u32::MAX)), i)).collect();
        all.sort_unstable();
        let mut before = None;
        for ((id, number), _) in &mut all {
            *number = match before {
                Some((of, last)) if of == *id => last + 1,
                _ => 0,
            };
            before = Some((*id, *number));
        }
        all
    }

    /// Whether a node has children.
    pub fn has_children(&self, i: usize) -> bool {
        self.nodes[i].subtree_end as usize > i + 1
    }

    /// The children of a node, by start.
    pub fn children(&self, i: usize) -> impl Iterator<Item = u32> {
        let end = self.nodes[i].subtree_end;
        let first = u32::try_from(i + 1).ok().filter(|child| *child < end);
        std::iter::successors(first, move |child| Some(self.nodes[*child as usize].subtree_end).filter(|next| *next < end))
    }

    /// The parents of a node, from the nearest to its root.
    pub fn ancestors(&self, i: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.nodes[i].parent, |p| self.nodes[*p as usize].parent).map(|p| p as usize)
    }

    /// The span of a node as delivered; `None` when it is missing.
    pub fn span(&self, i: usize) -> Option<&Span> {
        self.nodes[i].span.and_then(|s| self.spans.get(s as usize))
    }

    /// The resource of a node's span.
    pub fn resource(&self, i: usize) -> Option<&Resource> {
        self.span(i).and_then(|s| self.resources.get(s.resource as usize))
    }

    /// The operation of a node; `None` for a missing span.
    pub fn operation(&self, i: usize) -> Option<&Operation> {
        self.nodes[i].operation.and_then(|o| self.operations.get(o as usize))
    }

    /// The service of a node; empty for a missing span.
    pub fn service(&self, i: usize) -> &str {
        self.operation(i).map_or("", |o| o.service.as_str())
    }

    /// The title of a node, or that it is missing.
    pub fn name(&self, i: usize) -> CompactString {
        match self.operation(i) {
            Some(operation) => operation.name.clone(),
            None => compact_str::format_compact!("missing span {}", &self.nodes[i].id.to_string()[..4]),
        }
    }

    /// Spans that others name as their parent and that were not delivered.
    pub fn missing_count(&self) -> usize {
        self.nodes.len() - self.span_count as usize
    }
}
