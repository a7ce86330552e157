//! From the spans a source delivered to a tree that can be drawn, in linear space and without recursion: depth, cycles
//! and repetition are the sender's choice.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;

use super::{Flags, Node, Trace};
use crate::model::{
    time::{TimeRange, Timestamp},
    trace::{Resource, Span, SpanId, SpanKind, Spans},
};

/// Says that there is no node.
const NONE: u32 = u32::MAX;

/// A span, or a missing one, while the tree is made.
struct Draft {
    id: SpanId,
    span: Option<Span>,
    parent: u32,
    start: i64,
    end: i64,
    flags: Flags,
}

impl Trace {
    /// Cleans and lays out the spans: copies dropped, cycles cut, orphans put under the span they miss, impossible
    /// times flagged. Every other span is in the result exactly once.
    pub fn build(spans: Spans) -> Self {
        let Spans { trace, resources, spans, partial } = spans;
        let (mut drafts, copies) = without_copies(spans, &resources);
        link(&mut drafts, &resources);
        cut_cycles(&mut drafts);
        let children = Children::of(&drafts);
        let order = preorder(&children);
        settle_times(&mut drafts, &order);
        let children = Children::of(&drafts);
        let order = preorder(&children);
        flag_skew(&mut drafts, &resources);
        let self_times = self_times(&drafts, &children);
        let nodes = lay_out(drafts, &order, &self_times);
        finish(Self {
            id: trace,
            nodes,
            resources,
            range: TimeRange { start: Timestamp::ZERO, end: Timestamp::ZERO },
            root: None,
            roots: 0,
            services: Vec::new(),
            span_count: 0,
            error_count: 0,
            skewed_count: 0,
            copies,
            partial,
            by_id: Vec::new(),
        })
    }
}

/// Drops exact copies and flags ids that are used more than once.
fn without_copies(spans: Vec<Span>, resources: &[Resource]) -> (Vec<Draft>, u32) {
    let mut seen = HashSet::with_capacity(spans.len());
    let mut first: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
    let mut drafts: Vec<Draft> = Vec::with_capacity(spans.len());
    let mut copies = 0;
    for span in spans {
        let key = (span.id, span.start, span.end, span.name.clone(), service(&span, resources).to_owned());
        let mut flags = Flags::default();
        if let Some(earlier) = first.get(&span.id) {
            drafts[*earlier].flags.set(Flags::DUPLICATE);
            flags.set(Flags::DUPLICATE);
        }
        if !seen.insert(key) {
            copies += 1;
            continue;
        }
        first.entry(span.id).or_insert(drafts.len());
        drafts.push(Draft { id: span.id, parent: NONE, start: span.start.0, end: span.end.0, flags, span: Some(span) });
    }
    (drafts, copies)
}

fn service<'a>(span: &Span, resources: &'a [Resource]) -> &'a str {
    resources.get(span.resource as usize).map_or("", |r| r.service.as_str())
}

/// Finds each span's parent. A parent that was not delivered becomes a node of its own, one for all its children.
fn link(drafts: &mut Vec<Draft>, resources: &[Resource]) {
    let by_id = ById::of(drafts, resources);
    let mut missing: HashMap<SpanId, u32> = HashMap::new();
    let mut synthetic = Vec::new();
    let delivered = drafts.len();
    for (i, draft) in (0..).zip(drafts.iter_mut()) {
        let Some(span) = &draft.span else { continue };
        if let Some(client) = by_id.client_of(span) {
            draft.parent = client;
            continue;
        }
        let Some(parent) = span.parent else { continue };
        draft.parent = match by_id.parent_of(i, parent, service(span, resources)) {
            Some(p) if p == i => {
                draft.flags.set(Flags::CYCLE);
                NONE
            }
            Some(p) => p,
            None => {
                draft.flags.set(Flags::ORPHAN);
                *missing.entry(parent).or_insert_with(|| {
                    synthetic.push(parent);
                    index(delivered + synthetic.len() - 1)
                })
            }
        };
    }
    drafts.extend(synthetic.into_iter().map(|id| Draft { id, span: None, parent: NONE, start: 0, end: 0, flags: Flags::default() }));
}

/// What stands for an id: an id may be that of all spans there are, so nothing looks through those of one.
struct ById<'a> {
    first: HashMap<SpanId, u32>,
    clients: HashMap<SpanId, u32>,
    /// The first two spans of each service, of ids that are used more than once.
    of_service: HashMap<(SpanId, &'a str), (u32, Option<u32>)>,
}

impl<'a> ById<'a> {
    fn of(drafts: &[Draft], resources: &'a [Resource]) -> Self {
        let mut by_id = Self { first: HashMap::with_capacity(drafts.len()), clients: HashMap::new(), of_service: HashMap::new() };
        for (i, draft) in (0..).zip(drafts) {
            let Some(span) = &draft.span else { continue };
            by_id.first.entry(draft.id).or_insert(i);
            if !draft.flags.has(Flags::DUPLICATE) {
                continue;
            }
            if span.kind == SpanKind::Client {
                by_id.clients.entry(draft.id).or_insert(i);
            }
            let same = by_id.of_service.entry((draft.id, service(span, resources))).or_insert((i, None));
            if same.0 != i {
                same.1.get_or_insert(i);
            }
        }
        by_id
    }

    /// Zipkin's shared spans: the client and the server of a call have one id. The server is the client's child.
    fn client_of(&self, server: &Span) -> Option<u32> {
        self.clients.get(&server.id).copied().filter(|_| server.kind == SpanKind::Server)
    }

    /// Of several spans with the parent's id, the one of the child's own service, else the first.
    fn parent_of(&self, child: u32, parent: SpanId, service: &str) -> Option<u32> {
        let own = self.of_service.get(&(parent, service)).and_then(|&(first, second)| if first == child { second } else { Some(first) });
        own.or_else(|| self.first.get(&parent).copied())
    }
}

/// Detaches the earliest span of each cycle.
fn cut_cycles(drafts: &mut [Draft]) {
    // Which walk came by, from 1; 0 is none.
    let mut seen_by = vec![0u32; drafts.len()];
    for i in 0..drafts.len() {
        let walk = index(i) + 1;
        let mut at = i;
        while seen_by[at] == 0 {
            seen_by[at] = walk;
            let parent = drafts[at].parent;
            if parent == NONE {
                break;
            }
            if seen_by[parent as usize] == walk {
                let around = std::iter::successors(Some(parent), |n| Some(drafts[*n as usize].parent).filter(|n| *n != parent));
                let earliest = around.min_by_key(|n| drafts[*n as usize].start).unwrap_or(parent);
                let cut = &mut drafts[earliest as usize];
                cut.parent = NONE;
                cut.flags.set(Flags::CYCLE);
                break;
            }
            at = parent as usize;
        }
    }
}

/// The children of each node and the roots, by start; ties in the order they came.
struct Children {
    /// All nodes but roots, grouped by parent.
    flat: Vec<u32>,
    /// Where the group of a node begins.
    begin: Vec<u32>,
    roots: Vec<u32>,
}

impl Children {
    fn of(drafts: &[Draft]) -> Self {
        let by_start = |a: &u32, b: &u32| (drafts[*a as usize].start, *a).cmp(&(drafts[*b as usize].start, *b));
        let mut begin = vec![0u32; drafts.len() + 1];
        let mut roots = Vec::new();
        for (i, draft) in drafts.iter().enumerate() {
            match draft.parent {
                NONE => roots.push(index(i)),
                p => begin[p as usize + 1] += 1,
            }
        }
        for i in 1..begin.len() {
            begin[i] += begin[i - 1];
        }
        let mut next = begin.clone();
        let mut flat = vec![0u32; drafts.len() - roots.len()];
        for (i, draft) in drafts.iter().enumerate().filter(|(_, d)| d.parent != NONE) {
            let place = &mut next[draft.parent as usize];
            flat[*place as usize] = index(i);
            *place += 1;
        }
        for pair in begin.windows(2) {
            flat[pair[0] as usize..pair[1] as usize].sort_unstable_by(by_start);
        }
        roots.sort_unstable_by(by_start);
        Self { flat, begin, roots }
    }

    fn get(&self, i: usize) -> &[u32] {
        &self.flat[self.begin[i] as usize..self.begin[i + 1] as usize]
    }
}

fn preorder(children: &Children) -> Vec<u32> {
    let mut order = Vec::with_capacity(children.begin.len());
    let mut stack: Vec<u32> = children.roots.iter().rev().copied().collect();
    while let Some(i) = stack.pop() {
        order.push(i);
        stack.extend(children.get(i as usize).iter().rev());
    }
    order
}

/// Gives a length to negative spans, a start to those without one, and both to missing spans.
fn settle_times(drafts: &mut [Draft], order: &[u32]) {
    let first = drafts.iter().filter(|d| d.start > 0).map(|d| d.start).min().unwrap_or(0);
    for i in order.iter().map(|i| *i as usize) {
        if drafts[i].span.is_none() {
            continue;
        }
        if drafts[i].start <= 0 {
            let length = if drafts[i].end > 0 { 0 } else { drafts[i].end.saturating_sub(drafts[i].start).max(0) };
            let parent = drafts[i].parent;
            let inherited = if parent == NONE { 0 } else { drafts[parent as usize].start };
            drafts[i].start = if inherited > 0 { inherited } else { first };
            drafts[i].end = drafts[i].end.max(drafts[i].start.saturating_add(length));
            drafts[i].flags.set(Flags::UNTIMED);
        } else if drafts[i].end < drafts[i].start {
            drafts[i].end = drafts[i].start;
            drafts[i].flags.set(Flags::NEGATIVE);
        }
    }
    for i in order.iter().map(|i| *i as usize) {
        let parent = drafts[i].parent;
        if parent == NONE || drafts[parent as usize].span.is_some() {
            continue;
        }
        let (start, end) = (drafts[i].start, drafts[i].end);
        let missing = &mut drafts[parent as usize];
        missing.start = if missing.start == 0 { start } else { missing.start.min(start) };
        missing.end = missing.end.max(end);
    }
}

/// Where the clock of a span ticks, if it tells.
fn host(resource: &Resource) -> Option<CompactString> {
    const KEYS: [&str; 5] = ["host.id", "host.ip", "host.name", "k8s.pod.name", "service.instance.id"];
    KEYS.iter().find_map(|key| resource.attributes.iter().find(|(name, _)| name == key).map(|(_, v)| compact_str::format_compact!("{v}")))
}

/// Flags calls between hosts that start before their caller, or after a caller that waited for them.
fn flag_skew(drafts: &mut [Draft], resources: &[Resource]) {
    let hosts: Vec<Option<CompactString>> = resources.iter().map(host).collect();
    let host_of = |span: &Span| hosts.get(span.resource as usize).and_then(Option::as_ref);
    for i in 0..drafts.len() {
        let parent = drafts[i].parent;
        if parent == NONE {
            continue;
        }
        let (child, caller) = (&drafts[i], &drafts[parent as usize]);
        let (Some(span), Some(caller_span)) = (&child.span, &caller.span) else { continue };
        let one_clock = host_of(span).is_some() && host_of(span) == host_of(caller_span);
        let late_is_legal = span.kind != SpanKind::Server || caller_span.kind != SpanKind::Client;
        let impossible = child.start < caller.start || (!late_is_legal && child.start > caller.end);
        if impossible && !one_clock && span.kind != SpanKind::Consumer && !child.flags.has(Flags::UNTIMED) {
            drafts[i].flags.set(Flags::SKEWED);
        }
    }
}

/// What of each span no child covers. The children are in order of their start.
fn self_times(drafts: &[Draft], children: &Children) -> Vec<i64> {
    drafts
        .iter()
        .enumerate()
        .map(|(i, draft)| {
            let (mut own, mut covered) = (draft.end.saturating_sub(draft.start), draft.start);
            for child in children.get(i).iter().map(|c| &drafts[*c as usize]) {
                let (from, to) = (child.start.max(covered), child.end.min(draft.end));
                if to > from {
                    own -= to - from;
                    covered = to;
                }
            }
            if draft.span.is_some() { own } else { 0 }
        })
        .collect()
}

fn lay_out(drafts: Vec<Draft>, order: &[u32], self_times: &[i64]) -> Vec<Node> {
    let mut place = vec![NONE; drafts.len()];
    for (at, i) in order.iter().enumerate() {
        place[*i as usize] = index(at);
    }
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut nodes: Vec<Node> = Vec::with_capacity(order.len());
    for (at, i) in order.iter().enumerate() {
        let Some(draft) = drafts[*i as usize].take() else { continue };
        let parent = if draft.parent == NONE { None } else { Some(place[draft.parent as usize]) };
        nodes.push(Node {
            id: draft.id,
            parent,
            depth: parent.map_or(0, |p| nodes[p as usize].depth + 1),
            subtree_end: index(at) + 1,
            start: Timestamp(draft.start),
            duration_ns: draft.end.saturating_sub(draft.start),
            self_ns: self_times[*i as usize],
            error_within: draft.span.as_ref().is_some_and(|s| s.error),
            flags: draft.flags,
            span: draft.span,
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
fn finish(mut trace: Trace) -> Trace {
    let mut services: HashMap<CompactString, usize> = HashMap::new();
    for i in 0..trace.nodes.len() {
        let node = &trace.nodes[i];
        if node.span.is_none() {
            continue;
        }
        trace.span_count += 1;
        trace.error_count += u32::from(node.is_error());
        trace.skewed_count += u32::from(node.flags.has(Flags::SKEWED));
        let service = CompactString::from(trace.service(i));
        let place = *services.entry(service.clone()).or_insert_with(|| {
            trace.services.push((service, 0));
            trace.services.len() - 1
        });
        trace.services[place].1 += 1;
    }
    let start = trace.nodes.iter().map(|n| n.start).min().unwrap_or_default();
    let end = trace.nodes.iter().map(Node::end).max().unwrap_or_default();
    trace.range = TimeRange { start, end };
    let roots = || trace.nodes.iter().enumerate().filter(|(_, n)| n.parent.is_none());
    let true_root = roots().filter(|(_, n)| n.span.is_some()).max_by_key(|(i, n)| (n.duration_ns, std::cmp::Reverse(*i)));
    trace.root = true_root.or_else(|| roots().min_by_key(|(_, n)| n.start)).map(|(i, _)| index(i));
    trace.roots = index(roots().count());
    trace.by_id = trace.nodes.iter().enumerate().map(|(i, n)| (n.id, index(i))).collect();
    trace.by_id.sort_unstable();
    trace
}

/// Node numbers have 32 bits: a trace of four thousand million spans does not fit into an answer.
fn index(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(NONE)
}
