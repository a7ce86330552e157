//! What the page works out of a trace once, when it arrives.

use std::{collections::HashMap, sync::Arc};

use compact_str::CompactString;

use super::rows::Tree;
use crate::{
    model::time::{TimeRange, Timestamp},
    trace::Trace,
    views::search::sorted,
};

/// Spans that are looked at for one that was at work at an instant.
const NEAR: usize = 64;

/// A trace and what is worked out of it.
pub(super) struct Digest {
    pub(super) trace: Arc<Trace>,
    /// When the critical path goes through each node or what is below it.
    through: Vec<Option<TimeRange>>,
    /// The path's time in nodes before each, and in all of them, in nanoseconds.
    path_before: Vec<i64>,
    /// The path's time by service, the longest first, in nanoseconds.
    pub(super) shares: Vec<(CompactString, i64)>,
    /// Nodes with an error, from top to bottom.
    pub(super) errors: Vec<u32>,
    groups: Vec<GroupDigest>,
    /// The spans of each service, by start.
    by_service: HashMap<CompactString, Vec<u32>>,
    /// How many spans were moved to put clocks right, and the furthest one by how much, in nanoseconds.
    pub(super) moved: (usize, i64),
}

/// What is worked out of repeated spans.
pub(super) struct GroupDigest {
    /// When they were at work.
    pub(super) covered: Vec<TimeRange>,
    /// When the critical path went through them.
    pub(super) through: Vec<TimeRange>,
    /// Their own share of the critical path, 0..1.
    pub(super) share: f64,
    /// The share that they have with all that is below them.
    pub(super) share_within: f64,
    /// Whether there is an error in one of them or below.
    pub(super) error_within: bool,
}

impl Digest {
    /// Of a trace whose rows these are.
    pub(super) fn of(trace: Arc<Trace>, tree: &Tree) -> Self {
        let errors = (0..trace.nodes.len()).filter(|i| trace.nodes[*i].is_error()).filter_map(|i| u32::try_from(i).ok()).collect();
        let through = through(&trace);
        let shares = shares(&trace);
        let path_ns = shares.iter().map(|(_, ns)| ns).sum();
        let path_before = path_before(&trace);
        let group = |members: &[u32]| {
            let within_ns = members.iter().map(|n| path_within(&trace, &path_before, *n)).sum();
            GroupDigest::of(&trace, members, &through, path_ns, within_ns)
        };
        let groups = tree.groups.groups().iter().map(|g| group(&g.members)).collect();
        let shifts = || trace.nodes.iter().map(|n| n.shift_ns).filter(|ns| *ns != 0);
        let moved = (shifts().count(), shifts().max_by_key(|ns| ns.unsigned_abs()).unwrap_or(0));
        let by_service = by_service(&trace);
        Self { through, path_before, shares, errors: sorted(tree, errors), groups, by_service, moved, trace }
    }

    /// The spans of a service, by start.
    pub(super) fn of_service(&self, service: &str) -> &[u32] {
        self.by_service.get(service).map_or(&[], Vec::as_slice)
    }

    /// The shortest span of a service that was at work at an instant, of those that began last before it; else its first one.
    pub(super) fn at_work(&self, service: &str, at: Timestamp) -> Option<u32> {
        let node = |n: u32| &self.trace.nodes[n as usize];
        let spans = self.of_service(service);
        let begun = spans.partition_point(|n| node(*n).start <= at);
        let covering = spans[..begun].iter().rev().take(NEAR).filter(|n| node(**n).end() >= at);
        covering.min_by_key(|n| node(**n).duration_ns).or(spans.first()).copied()
    }

    /// What is worked out of repeated spans.
    pub(super) fn group(&self, group: u32) -> Option<&GroupDigest> {
        self.groups.get(group as usize)
    }

    /// When the critical path goes through a node or what is below it.
    pub(super) fn through(&self, node: u32) -> Option<TimeRange> {
        self.through.get(node as usize).copied().flatten()
    }

    /// The share of the critical path that a node itself has, 0..1.
    pub(super) fn share(&self, node: u32) -> f64 {
        share(self.trace.path.on_path_ns(node), self.path_ns())
    }

    /// The share that it has with all that is below it, 0..1.
    pub(super) fn share_within(&self, node: u32) -> f64 {
        share(path_within(&self.trace, &self.path_before, node), self.path_ns())
    }

    /// How long the critical path is.
    pub(super) fn path_ns(&self) -> i64 {
        self.shares.iter().map(|(_, ns)| ns).sum()
    }

    /// `orders 94 %, web 3 %`: services by their share of the critical path, what is little left out.
    pub(super) fn path_words(&self) -> Option<String> {
        const LITTLE: f64 = 0.05;
        const MOST: usize = 3;
        let all = self.path_ns();
        let much = self.shares.iter().map(|(service, ns)| (service, share(*ns, all)));
        let words: Vec<String> = much
            .enumerate()
            .filter(|(i, (_, share))| *i == 0 || *share >= LITTLE)
            .map(|(_, (service, share))| format!("{service} {:.0} %", share * 100.0))
            .take(MOST)
            .collect();
        (all > 0).then(|| words.join(", "))
    }
}

impl GroupDigest {
    fn of(trace: &Trace, members: &[u32], through: &[Option<TimeRange>], path_ns: i64, within_ns: i64) -> Self {
        let node = |n: &u32| &trace.nodes[*n as usize];
        let at_work = members.iter().map(|n| TimeRange { start: node(n).start, end: node(n).end() });
        let on_path = members.iter().filter_map(|n| through.get(*n as usize).copied().flatten());
        Self {
            covered: merged(at_work.collect()),
            through: merged(on_path.collect()),
            share: share(members.iter().map(|n| trace.path.on_path_ns(*n)).sum(), path_ns),
            share_within: share(within_ns, path_ns),
            error_within: members.iter().any(|n| node(n).error_within),
        }
    }
}

/// Intervals in order without those that overlap: what they cover.
fn merged(mut intervals: Vec<TimeRange>) -> Vec<TimeRange> {
    intervals.sort_unstable_by_key(|i| (i.start, i.end));
    let mut out: Vec<TimeRange> = Vec::with_capacity(intervals.len());
    for next in intervals {
        match out.last_mut().filter(|last| last.end >= next.start) {
            Some(last) => last.end = last.end.max(next.end),
            None => out.push(next),
        }
    }
    out
}

/// A part of a whole, 0..1.
pub(super) fn share(part: i64, whole: i64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}

fn through(trace: &Trace) -> Vec<Option<TimeRange>> {
    let mut out: Vec<Option<TimeRange>> = vec![None; trace.nodes.len()];
    let widen = |place: &mut Option<TimeRange>, range: TimeRange| {
        let both = place.map_or(range, |p| TimeRange { start: p.start.min(range.start), end: p.end.max(range.end) });
        *place = Some(both);
    };
    for part in trace.path.parts() {
        if let Some(place) = out.get_mut(part.node as usize) {
            widen(place, TimeRange { start: part.start, end: part.end });
        }
    }
    // A path enters each call once, so that it is in it and below it without interruption.
    for i in (0..out.len()).rev() {
        if let (Some(range), Some(parent)) = (out[i], trace.nodes[i].parent) {
            widen(&mut out[parent as usize], range);
        }
    }
    out
}

/// The path's time in nodes before each, and at the end in all.
fn path_before(trace: &Trace) -> Vec<i64> {
    let mut out = vec![0; trace.nodes.len() + 1];
    for part in trace.path.parts() {
        if let Some(sum) = out.get_mut(part.node as usize + 1) {
            *sum += part.end.0.saturating_sub(part.start.0);
        }
    }
    for i in 1..out.len() {
        out[i] += out[i - 1];
    }
    out
}

/// The path's time in a node and what is below it.
fn path_within(trace: &Trace, path_before: &[i64], node: u32) -> i64 {
    path_before[trace.nodes[node as usize].subtree_end as usize] - path_before[node as usize]
}

fn shares(trace: &Trace) -> Vec<(CompactString, i64)> {
    let mut by_service: HashMap<&str, i64> = HashMap::new();
    for part in trace.path.parts() {
        *by_service.entry(trace.service(part.node as usize)).or_default() += part.end.0.saturating_sub(part.start.0);
    }
    let mut out: Vec<(CompactString, i64)> = by_service.into_iter().map(|(service, ns)| (service.into(), ns)).collect();
    out.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    out
}

fn by_service(trace: &Trace) -> HashMap<CompactString, Vec<u32>> {
    let mut out: HashMap<CompactString, Vec<u32>> = HashMap::new();
    let spans = (0..).zip(&trace.nodes).filter(|(_, n)| !n.is_missing());
    for (node, service) in spans.map(|(i, _)| (i, trace.service(i as usize))) {
        match out.get_mut(service) {
            Some(spans) => spans.push(node),
            None => _ = out.insert(service.into(), vec![node]),
        }
    }
    out.values_mut().for_each(|spans| spans.sort_by_key(|n| trace.nodes[*n as usize].start));
    out
}

/// Whether an instant is within a range, both its ends included.
pub(super) fn touches(range: TimeRange, at: Timestamp) -> bool {
    range.start <= at && at <= range.end
}
