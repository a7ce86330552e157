//! What is searched for in the trace, and the spans that have it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::rows::Tree;
use crate::{
    model::trace::{Attributes, Span, Value},
    store::Pattern,
    trace::Trace,
    ui::format,
};

/// Spans that are looked at between two keys: what a key waits for at the most.
const SLICE: usize = 2000;

/// What is searched for and the nodes that have it.
pub(super) struct Search {
    /// What was typed; none for the spans of a row of the table.
    pub(super) pattern: Option<Pattern>,
    /// From top to bottom, as all are when nothing is folded.
    nodes: Vec<u32>,
    /// Groups of repeated spans that have one of them.
    groups: HashSet<u32>,
    /// How many spans were looked at.
    looked_at: usize,
    /// Where the search began; the first match from there on is gone to as soon as it is found.
    pub(super) goes_from: Option<u32>,
}

impl Search {
    /// Spans whose service, name, id, status, attributes or events pass a pattern. The first of them are looked at.
    pub(super) fn of(trace: &Trace, tree: &Tree, pattern: Pattern) -> Self {
        let pattern = Some(pattern);
        let mut search = Self { pattern, nodes: Vec::new(), groups: HashSet::new(), looked_at: 0, goes_from: None };
        search.go_on(trace, tree);
        search
    }

    /// These spans.
    pub(super) fn for_nodes(tree: &Tree, nodes: Vec<u32>) -> Self {
        let groups = nodes.iter().filter_map(|n| tree.group_of(*n)).collect();
        Self { pattern: None, groups, looked_at: tree.order().len(), goes_from: None, nodes: sorted(tree, nodes) }
    }

    /// The same of the trace as it came again; `place` tells where a node is now.
    pub(super) fn renewed(self, trace: &Trace, tree: &Tree, place: impl Fn(u32) -> Option<u32>) -> Self {
        match self.pattern {
            Some(pattern) => Self::of(trace, tree, pattern),
            None => Self::for_nodes(tree, self.nodes.into_iter().filter_map(place).collect()),
        }
    }

    /// Looks at some more spans.
    pub(super) fn go_on(&mut self, trace: &Trace, tree: &Tree) {
        let Some(pattern) = &self.pattern else { return };
        let rest = tree.order().get(self.looked_at..).unwrap_or_default();
        let slice = &rest[..rest.len().min(SLICE)];
        let mut looks = Looks::new(trace, pattern);
        for node in slice.iter().filter(|n| looks.passes(**n as usize)) {
            self.nodes.push(*node);
            self.groups.extend(tree.group_of(*node));
        }
        self.looked_at += slice.len();
    }

    /// Whether all spans were looked at.
    pub(super) fn is_done(&self, tree: &Tree) -> bool {
        self.looked_at >= tree.order().len()
    }

    /// The match to go to: the first one from where the search began, or when there is none, the first of all. Once.
    pub(super) fn take_goal(&mut self, tree: &Tree) -> Option<u32> {
        let from = self.goes_from?;
        let place = self.nodes.partition_point(|n| tree.rank(*n) < tree.rank(from));
        let goal = self.nodes.get(place).or_else(|| self.nodes.first().filter(|_| self.is_done(tree))).copied()?;
        self.goes_from = None;
        Some(goal)
    }

    /// How many were found, in words.
    pub(super) fn words(&self, trace: &Trace, tree: &Tree) -> String {
        let so_far =
            if self.is_done(tree) { String::new() } else { format!(" so far, {} looked at", format::count(self.looked_at as u64)) };
        format!("{} of {} spans{so_far}", format::count(self.nodes.len() as u64), format::count(u64::from(trace.span_count)))
    }

    /// Whether one of repeated spans is found.
    pub(super) fn has_in_group(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a node is one.
    pub(super) fn has(&self, tree: &Tree, node: u32) -> bool {
        self.nodes.binary_search_by_key(&tree.rank(node), |n| tree.rank(*n)).is_ok()
    }

    /// The next one from a place on, around the end: which one it is, and its node.
    pub(super) fn next(&self, tree: &Tree, at: u32, forward: bool) -> Option<(usize, u32)> {
        step(tree, &self.nodes, at, forward)
    }
}

/// From a node to the next of several by their rank, around the end.
pub(super) fn step(tree: &Tree, nodes: &[u32], at: u32, forward: bool) -> Option<(usize, u32)> {
    let rank = tree.rank(at);
    let after = nodes.partition_point(|n| tree.rank(*n) <= rank);
    let before = nodes.partition_point(|n| tree.rank(*n) < rank);
    let place = if forward { after % nodes.len().max(1) } else { before.checked_sub(1).unwrap_or(nodes.len().saturating_sub(1)) };
    nodes.get(place).map(|node| (place, *node))
}

/// From top to bottom.
pub(super) fn sorted(tree: &Tree, mut nodes: Vec<u32>) -> Vec<u32> {
    nodes.sort_unstable_by_key(|n| tree.rank(*n));
    nodes
}

/// Looks at spans: what many have in common is looked at once.
struct Looks<'a> {
    trace: &'a Trace,
    pattern: &'a Pattern,
    resources: HashMap<u32, Vec<String>>,
}

impl<'a> Looks<'a> {
    fn new(trace: &'a Trace, pattern: &'a Pattern) -> Self {
        Self { trace, pattern, resources: HashMap::new() }
    }

    fn passes(&mut self, node: usize) -> bool {
        let name = self.trace.name(node);
        let Some(span) = self.trace.span(node) else { return self.pattern.passes(&name) };
        let of_resource = self.resources.entry(span.resource).or_insert_with(|| {
            let Some(resource) = self.trace.resources.get(span.resource as usize) else { return Vec::new() };
            std::iter::once(resource.service.to_string()).chain(texts(&resource.attributes).map(Cow::into_owned)).collect()
        });
        let of_resource = of_resource.iter().map(|text| Cow::Borrowed(text.as_str()));
        self.pattern.passes_any(span_texts(span).chain([Cow::Owned(name.into())]).chain(of_resource))
    }
}

fn span_texts(span: &Span) -> impl Iterator<Item = Cow<'_, str>> {
    let events = span.events().iter().flat_map(|e| texts(&e.attributes).chain([Cow::Borrowed(e.name.as_str())]));
    let own = [Cow::Borrowed(span.name.as_str()), Cow::Borrowed(span.status_message()), Cow::Owned(span.id.to_string())];
    own.into_iter().chain(texts(&span.attributes)).chain(events)
}

fn texts(attributes: &Attributes) -> impl Iterator<Item = Cow<'_, str>> {
    attributes.iter().flat_map(|(name, value)| {
        let value = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        [Cow::Borrowed(name), value]
    })
}
