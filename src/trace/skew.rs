//! Clocks of hosts that differ: found out, and put right as far as callers bound those they call.

use std::collections::VecDeque;

use compact_str::CompactString;
use foldhash::HashMap;

use super::{
    Flags, Node, Trace,
    build::{Draft, NONE, index},
};
use crate::model::trace::{Resource, Span, SpanKind};

/// Where the clock of a span ticks, if it tells.
fn host(resource: &Resource) -> Option<CompactString> {
    const KEYS: [&str; 5] = ["host.id", "host.ip", "host.name", "k8s.pod.name", "service.instance.id"];
    KEYS.iter().find_map(|key| resource.attributes.get(key).map(|v| compact_str::format_compact!("{v}")))
}

/// Whether a caller waits for the end of what it calls.
fn waits(caller: &Span, called: &Span) -> bool {
    called.kind == SpanKind::Server && caller.kind == SpanKind::Client
}

/// Flags calls between hosts that start before their caller, or after a caller that waited for them.
pub(super) fn flag(drafts: &mut [Draft], spans: &[Span], resources: &[Resource]) {
    let hosts: Vec<Option<CompactString>> = resources.iter().map(host).collect();
    let host_of = |span: &Span| hosts.get(span.resource as usize).and_then(Option::as_ref);
    for (i, span) in spans.iter().enumerate() {
        let parent = drafts[i].parent;
        let Some(caller_span) = spans.get(parent as usize) else { continue };
        let (child, caller) = (&drafts[i], &drafts[parent as usize]);
        let impossible = child.start < caller.start || (waits(caller_span, span) && child.start > caller.end);
        if impossible && span.kind != SpanKind::Consumer && !child.flags.has(Flags::UNTIMED) {
            let one_clock = host_of(span).is_some() && host_of(span) == host_of(caller_span);
            if !one_clock {
                drafts[i].flags.set(Flags::SKEWED);
            }
        }
    }
}

impl Trace {
    /// Whether a span says that clocks differ.
    pub fn is_skewed(&self) -> bool {
        self.skewed_count > 0
    }

    /// A copy with clocks put right. The clock of the root is taken for true; each other one is moved by one amount for all its spans,
    /// so that what a host calls begins after the call, and ends before it where the caller waited. Of what both allow
    /// it is the middle, as if the way there took as long as the way back, and 0 if that is allowed. What nothing bounds
    /// stays, and what cannot be satisfied at once is flagged still. [`Node::shift_ns`] says by how much a span was moved;
    /// its [`Trace::span`] is as it was delivered. Nodes may be in another order.
    pub fn corrected(&self) -> Self {
        let clocks = Clocks::of(self);
        let shifts = clocks.shifts();
        let mut missing = self.spans.len();
        let mut number_of: Vec<u32> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            number_of.push(node.span.unwrap_or_else(|| {
                missing += 1;
                index(missing - 1)
            }));
        }
        let mut drafts: Vec<Draft> = (0..missing).map(|_| Draft::new(Default::default(), 0, 0)).collect();
        for (i, node) in self.nodes.iter().enumerate() {
            let shift = shifts[clocks.of_node[i] as usize];
            let draft = &mut drafts[number_of[i] as usize];
            *draft = Draft::new(node.id, node.start.0.saturating_add(shift), node.end().0.saturating_add(shift));
            draft.parent = node.parent.map_or(NONE, |p| number_of[p as usize]);
            draft.flags = node.flags.without(Flags::SKEWED);
            draft.shift = node.shift_ns.saturating_add(shift);
        }
        let mut out = self.clone();
        out.lay_out(drafts);
        out
    }
}

/// The clocks of a trace, and what calls say of how they differ.
struct Clocks {
    of_node: Vec<u32>,
    /// Of each clock: which other one bounds what is to be added to it, and how.
    bounds: Vec<Vec<(u32, Bounds)>>,
}

/// What is to be added to a clock is between these, when the other is right.
#[derive(Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    const ANY: Self = Self { least: i64::MIN, most: i64::MAX };

    fn and(self, other: Self) -> Self {
        Self { least: self.least.max(other.least), most: self.most.min(other.most) }
    }

    /// The same of the other clock.
    fn reversed(self) -> Self {
        let least = if self.most == i64::MAX { i64::MIN } else { self.most.saturating_neg() };
        Self { least, most: self.least.saturating_neg() }
    }

    fn moved(self, by: i64) -> Self {
        let add = |bound: i64| if bound == i64::MIN || bound == i64::MAX { bound } else { bound.saturating_add(by) };
        Self { least: add(self.least), most: add(self.most) }
    }

    fn choose(self) -> i64 {
        match (self.least, self.most) {
            (least, most) if least <= 0 && 0 <= most => 0,
            (i64::MIN, most) => most,
            // Nothing begins before it is called, but a caller may give up waiting.
            (least, most) if most == i64::MAX || most < least => least,
            (least, most) => least + (most - least) / 2,
        }
    }
}

impl Clocks {
    fn of(trace: &Trace) -> Self {
        let hosts: Vec<Option<CompactString>> = trace.resources.iter().map(host).collect();
        let mut of_host: HashMap<&str, u32> = HashMap::default();
        let mut clocks = Self { of_node: Vec::with_capacity(trace.nodes.len()), bounds: Vec::new() };
        // The root's is the first.
        let root = trace.root.and_then(|r| trace.span(r as usize)).and_then(|s| hosts.get(s.resource as usize)?.as_deref());
        if let Some(host) = root {
            of_host.insert(host, clocks.add());
        }
        let mut calls: HashMap<(u32, u32), Bounds> = HashMap::default();
        let mut pairs = Vec::new();
        for (i, node) in trace.nodes.iter().enumerate() {
            let span = trace.span(i);
            let caller = node.parent.and_then(|p| Some((p as usize, trace.span(p as usize)?)));
            let clock = match span.and_then(|s| hosts.get(s.resource as usize)?.as_deref()) {
                Some(host) => *of_host.entry(host).or_insert_with(|| clocks.add()),
                // Nobody tells: the caller's, if it is the same process and could be.
                None => match (span, caller) {
                    (Some(span), Some((p, by))) if span.resource == by.resource && !node.flags.has(Flags::SKEWED) => clocks.of_node[p],
                    _ => clocks.add(),
                },
            };
            clocks.of_node.push(clock);
            let (Some(span), Some((p, by))) = (span, caller) else { continue };
            let of_caller = clocks.of_node[p];
            if clock != of_caller
                && let Some(told) = bounds(&trace.nodes[p], by, node, span)
            {
                let known = calls.entry((of_caller, clock)).or_insert_with(|| {
                    pairs.push((of_caller, clock));
                    Bounds::ANY
                });
                *known = known.and(told);
            }
        }
        for (caller, called) in pairs {
            let told = calls[&(caller, called)];
            clocks.bounds[called as usize].push((caller, told));
            clocks.bounds[caller as usize].push((called, told.reversed()));
        }
        clocks
    }

    fn add(&mut self) -> u32 {
        self.bounds.push(Vec::new());
        index(self.bounds.len() - 1)
    }

    /// What is to be added to each clock: from one that is right to those that it calls, and so on.
    fn shifts(&self) -> Vec<i64> {
        let mut shifts: Vec<Option<i64>> = vec![None; self.bounds.len()];
        let mut seen = vec![false; self.bounds.len()];
        let mut next = VecDeque::new();
        for first in 0..self.bounds.len() {
            if !std::mem::replace(&mut seen[first], true) {
                next.push_back(first);
            }
            while let Some(clock) = next.pop_front() {
                let known = self.bounds[clock].iter().filter_map(|(other, told)| Some(told.moved(shifts[*other as usize]?)));
                shifts[clock] = Some(known.fold(Bounds::ANY, Bounds::and).choose());
                for (other, _) in &self.bounds[clock] {
                    if !std::mem::replace(&mut seen[*other as usize], true) {
                        next.push_back(*other as usize);
                    }
                }
            }
        }
        shifts.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// What a call says of the clock of what it calls.
fn bounds(caller: &Node, by: &Span, called: &Node, span: &Span) -> Option<Bounds> {
    let told = |node: &Node| !node.flags.has(Flags::UNTIMED);
    // A consumer may wait for its message from before it was sent.
    if !told(caller) || !told(called) || span.kind == SpanKind::Consumer {
        return None;
    }
    let least = caller.start.0.saturating_sub(called.start.0);
    let within = waits(by, span) && called.duration_ns <= caller.duration_ns && !called.flags.has(Flags::NEGATIVE);
    let most = if within { caller.end().0.saturating_sub(called.end().0) } else { i64::MAX };
    Some(Bounds { least, most })
}
