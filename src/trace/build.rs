//! From the spans a source delivered to a tree that can be drawn, in linear space and without recursion: depth, cycles
//! and repetition are the sender's choice.

use std::sync::Arc;

use foldhash::HashMap;

use super::{Flags, Node, Operation, Trace, hygiene, idle, order::Children, path::CriticalPath, skew, title::title};
use crate::model::{
    time::{TimeRange, Timestamp},
    trace::{Resource, Span, SpanId, Spans},
};

/// Says that there is no node.
pub(super) const NONE: u32 = u32::MAX;

/// A node while the tree is made. Those of spans have the spans' numbers; those of missing ones follow.
pub(super) struct Draft {
    pub id: SpanId,
    pub parent: u32,
    pub flags: Flags,
    pub start: i64,
    pub end: i64,
    pub shift: i64,
}

impl Draft {
    pub(super) fn new(id: SpanId, start: i64, end: i64) -> Self {
        Self { id, parent: NONE, flags: Flags::default(), start, end, shift: 0 }
    }
}

impl Trace {
    /// Cleans and lays out the spans: copies dropped, cycles cut, orphans put under the span they miss, impossible
    /// times flagged. Every other span is in the result exactly once.
    pub fn build(spans: Spans) -> Self {
        let Spans { trace, resources, mut spans, partial } = spans;
        let (mut drafts, copies) = hygiene::without_copies(&mut spans, &resources);
        hygiene::link(&mut drafts, &spans, &resources);
        hygiene::cut_cycles(&mut drafts);
        let order = Children::of(&drafts).preorder();
        hygiene::settle_times(&mut drafts, &order, spans.len());
        let (operations, operation_of) = operations(&spans, &resources);
        let mut out = Self {
            id: trace,
            nodes: Vec::new(),
            spans: Arc::new(spans),
            resources,
            operations,
            operation_of: operation_of.into(),
            range: TimeRange { start: Timestamp::ZERO, end: Timestamp::ZERO },
            root: None,
            roots: 0,
            services: Vec::new(),
            span_count: 0,
            error_count: 0,
            skewed_count: 0,
            copies,
            partial,
            path: CriticalPath::default(),
            idle: Vec::new(),
            by_id: Vec::new(),
        };
        out.lay_out(drafts);
        out
    }

    /// Makes the nodes and all that is known of them from drafts whose parents and times are settled.
    pub(super) fn lay_out(&mut self, mut drafts: Vec<Draft>) {
        hygiene::stretch_missing(&mut drafts, self.spans.len());
        skew::flag(&mut drafts, &self.spans, &self.resources);
        let children = Children::of(&drafts);
        let order = children.preorder();
        let self_times = self_times(&drafts, &children, self.spans.len());
        drop(children);
        self.nodes = self.nodes_of(&drafts, &order, &self_times);
        self.count();
        self.path = CriticalPath::of(&self.nodes, self.root);
        self.idle = idle::stretches(&self.nodes, self.root);
    }

    fn nodes_of(&self, drafts: &[Draft], order: &[u32], self_times: &[i64]) -> Vec<Node> {
        let mut place = vec![NONE; drafts.len()];
        for (at, i) in order.iter().enumerate() {
            place[*i as usize] = index(at);
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(order.len());
        for (at, i) in order.iter().enumerate() {
            let draft = &drafts[*i as usize];
            let span = self.spans.get(*i as usize);
            let parent = if draft.parent == NONE { None } else { Some(place[draft.parent as usize]) };
            nodes.push(Node {
                id: draft.id,
                span: span.is_some().then_some(*i),
                parent,
                depth: parent.map_or(0, |p| nodes[p as usize].depth + 1),
                subtree_end: index(at) + 1,
                start: Timestamp(draft.start),
                duration_ns: draft.end.saturating_sub(draft.start),
                self_ns: self_times[*i as usize],
                shift_ns: draft.shift,
                operation: self.operation_of.get(*i as usize).copied(),
                error: span.is_some_and(|s| s.error),
                error_within: span.is_some_and(|s| s.error),
                flags: draft.flags,
            });
        }
        for i in (0..nodes.len()).rev() {
            if let Some(p) = nodes[i].parent {
                let (end, error) = (nodes[i].subtree_end, nodes[i].error_within);
                let parent = &mut nodes[p as usize];
                parent.subtree_end = parent.subtree_end.max(end);
                parent.error_within |= error;
            }
        }
        nodes
    }

    /// What is said of the whole.
    fn count(&mut self) {
        let present = || self.nodes.iter().filter(|n| !n.is_missing());
        self.span_count = index(present().count());
        self.error_count = index(present().filter(|n| n.error).count());
        self.skewed_count = index(present().filter(|n| n.flags.has(Flags::SKEWED)).count());
        self.services = self.count_services();
        let start = self.nodes.iter().map(|n| n.start).min().unwrap_or_default();
        let end = self.nodes.iter().map(Node::end).max().unwrap_or_default();
        self.range = TimeRange { start, end };
        let roots = || self.nodes.iter().enumerate().filter(|(_, n)| n.parent.is_none());
        let true_root = roots().filter(|(_, n)| !n.is_missing()).max_by_key(|(i, n)| (n.duration_ns, std::cmp::Reverse(*i)));
        self.root = true_root.or_else(|| roots().min_by_key(|(_, n)| n.start)).map(|(i, _)| index(i));
        self.roots = index(roots().count());
        self.by_id = self.nodes.iter().enumerate().map(|(i, n)| (n.id, index(i))).collect();
        self.by_id.sort_unstable();
    }

    fn count_services(&self) -> Vec<(compact_str::CompactString, u32)> {
        let mut counts: HashMap<&str, (usize, u32)> = HashMap::default();
        let mut by_operation = vec![0u32; self.operations.len()];
        let mut order = Vec::new();
        for operation in self.nodes.iter().filter_map(|n| n.operation) {
            if by_operation[operation as usize] == 0 {
                order.push(operation);
            }
            by_operation[operation as usize] += 1;
        }
        for operation in order {
            let next = counts.len();
            let count = counts.entry(&self.operations[operation as usize].service).or_insert((next, 0));
            count.1 += by_operation[operation as usize];
        }
        let mut all: Vec<_> = counts.into_iter().collect();
        all.sort_unstable_by_key(|(_, (place, _))| *place);
        all.into_iter().map(|(service, (_, count))| (service.into(), count)).collect()
    }
}

/// The operations there are, in the order in which they came, and that of each span.
fn operations(spans: &[Span], resources: &[Resource]) -> (Vec<Operation>, Vec<u32>) {
    let mut operations: Vec<Operation> = Vec::new();
    let mut services: HashMap<&str, HashMap<compact_str::CompactString, u32>> = HashMap::default();
    let mut number = |span: &Span| {
        let service = resources.get(span.resource as usize).map_or("", |r| r.service.as_str());
        let name = title(span);
        let known = services.entry(service).or_default();
        *known.entry(name).or_insert_with_key(|name| {
            operations.push(Operation { service: service.into(), name: name.clone() });
            index(operations.len() - 1)
        })
    };
    let of_spans = spans.iter().map(&mut number).collect();
    (operations, of_spans)
}

/// What of each span no child covers. The children are in order of their start.
fn self_times(drafts: &[Draft], children: &Children, delivered: usize) -> Vec<i64> {
    let own = |(i, draft): (usize, &Draft)| {
        let (mut own, mut covered) = (draft.end.saturating_sub(draft.start), draft.start);
        for child in children.get(i).iter().map(|c| &drafts[*c as usize]) {
            let (from, to) = (child.start.max(covered), child.end.min(draft.end));
            if to > from {
                own = own.saturating_sub(to.saturating_sub(from));
                covered = to;
            }
        }
        if i < delivered { own } else { 0 }
    };
    drafts.iter().enumerate().map(own).collect()
}

/// Node numbers have 32 bits: a trace of four thousand million spans does not fit into an answer.
pub(super) fn index(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(NONE)
}
