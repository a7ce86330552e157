//! Which spans of the trace are rows now: folds, repeated siblings in one row, lines of logs between them.

use std::collections::{HashMap, HashSet};

use crate::{
    trace::{Trace, repeats::Repeats},
    views::search::Places,
};

/// No row stands for a node.
const HIDDEN: u32 = u32::MAX;

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A span, or the place of a missing one.
    Span(u32),
    /// Repeated siblings: all of them, or the heading of those below it.
    Group(u32),
    /// A line of the trace's logs.
    Line(u32),
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) item: Item,
    /// Steps from its root; those below the heading of a group count one more.
    pub(super) depth: u32,
}

/// The folds and the rows that they leave.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) groups: Repeats,
    folded: HashSet<u32>,
    /// Groups whose spans are rows of their own.
    open: HashSet<u32>,
    /// Lines of logs by the span that they are below, each by time.
    lines: HashMap<u32, Vec<(i64, u32)>>,
    rows: Vec<Row>,
    /// The row of each node.
    row_of: Vec<u32>,
    /// Where each node stands when all is unfolded, and the nodes in that order.
    rank: Vec<u32>,
    order: Vec<u32>,
}

impl Places for Tree {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn rank(&self, node: u32) -> u32 {
        self.rank.get(node as usize).copied().unwrap_or(HIDDEN)
    }

    fn group_of(&self, node: u32) -> Option<u32> {
        self.groups.number(node).and_then(|g| u32::try_from(g).ok())
    }
}

impl Tree {
    /// All unfolded but for repeated siblings.
    pub(super) fn of(trace: &Trace) -> Self {
        let mut tree = Self { groups: Repeats::of(trace), ..Self::default() };
        tree.open = (0..tree.groups.groups().len()).filter_map(|g| u32::try_from(g).ok()).collect();
        tree.refold(trace);
        tree.rank = std::mem::take(&mut tree.row_of);
        tree.order = tree.rows.iter().filter_map(|row| if let Item::Span(node) = row.item { Some(node) } else { None }).collect();
        tree.open.clear();
        tree.refold(trace);
        tree
    }

    /// From top to bottom.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a node, when no fold hides it.
    pub(super) fn row_of(&self, node: usize) -> Option<usize> {
        self.row_of.get(node).filter(|row| **row != HIDDEN).map(|row| *row as usize)
    }

    /// The row of what a row showed, or of the nearest that stands for it.
    pub(super) fn row_near(&self, trace: &Trace, item: Item) -> Option<usize> {
        let node = match item {
            Item::Span(node) => node,
            Item::Group(group) => {
                if let Some(row) = self.row_of_group(group) {
                    return Some(row);
                }
                self.groups.groups().get(group as usize)?.parent?
            }
            Item::Line(line) => {
                if let Some(row) = self.rows.iter().position(|row| row.item == Item::Line(line)) {
                    return Some(row);
                }
                *self.lines.iter().find(|(_, lines)| lines.iter().any(|(_, l)| *l == line))?.0
            }
        };
        std::iter::once(node as usize)
            .chain(trace.ancestors(node as usize))
            .find_map(|n| self.row_of(n).or_else(|| self.row_of_group(self.group_of(u32::try_from(n).ok()?)?)))
    }

    /// The row that stands for a group: below its parent, before its first span.
    fn row_of_group(&self, group: u32) -> Option<usize> {
        let from = match self.groups.groups().get(group as usize)?.parent {
            Some(parent) => self.row_of(parent as usize)?,
            None => 0,
        };
        self.rows[from..].iter().position(|row| row.item == Item::Group(group)).map(|at| from + at)
    }

    pub(super) fn is_folded(&self, item: Item) -> bool {
        match item {
            Item::Span(node) => self.folded.contains(&node),
            Item::Group(group) => !self.open.contains(&group),
            Item::Line(_) => false,
        }
    }

    /// Whether it can be folded and unfolded.
    pub(super) fn has_below(&self, trace: &Trace, item: Item) -> bool {
        match item {
            Item::Span(node) => trace.has_children(node as usize) || self.lines.contains_key(&node),
            Item::Group(_) => true,
            Item::Line(_) => false,
        }
    }

    /// How many spans and lines of logs are below a node.
    pub(super) fn below(&self, trace: &Trace, node: u32) -> usize {
        let within = node..trace.nodes[node as usize].subtree_end;
        let lines = self.lines.iter().filter(|(span, _)| within.contains(span)).map(|(_, lines)| lines.len());
        within.len() - 1 + lines.sum::<usize>()
    }

    pub(super) fn set_folded(&mut self, trace: &Trace, item: Item, folded: bool) {
        let changed = match (item, folded) {
            (Item::Span(node), true) => self.has_below(trace, item) && self.folded.insert(node),
            (Item::Span(node), false) => self.folded.remove(&node),
            (Item::Group(group), true) => self.open.remove(&group),
            (Item::Group(group), false) => self.open.insert(group),
            (Item::Line(_), _) => false,
        };
        if changed {
            self.refold(trace);
        }
    }

    /// Unfolds what hides a node.
    pub(super) fn reveal(&mut self, trace: &Trace, node: usize) {
        if self.row_of(node).is_some() {
            return;
        }
        for n in std::iter::once(node).chain(trace.ancestors(node)).filter_map(|n| u32::try_from(n).ok()) {
            if n as usize != node {
                self.folded.remove(&n);
            }
            if let Some(group) = self.group_of(n) {
                self.open.insert(group);
            }
        }
        self.refold(trace);
    }

    /// Folds these and unfolds all others; repeated siblings are in one row, or in rows of their own.
    pub(super) fn fold_where(&mut self, trace: &Trace, folds: impl Fn(usize) -> bool, groups_open: bool) {
        let nodes = (0..trace.nodes.len()).filter(|i| trace.has_children(*i) && folds(*i));
        self.folded = nodes.filter_map(|i| u32::try_from(i).ok()).collect();
        let groups = if groups_open { self.groups.groups().len() } else { 0 };
        self.open = (0..groups).filter_map(|g| u32::try_from(g).ok()).collect();
        self.refold(trace);
    }

    /// Folds and opens what was in another tree of the same trace, also what has nothing below it until lines are set. `place`
    /// tells where a node of it is now. The rows are those of before until then.
    pub(super) fn fold_as(&mut self, other: &Self, place: impl Fn(u32) -> Option<u32> + Copy) {
        self.folded = other.folded.iter().filter_map(|node| place(*node)).collect();
        self.open = other.open.iter().filter_map(|group| self.group_as(other, *group, place)).collect();
    }

    /// What a group of another tree is in this one.
    pub(super) fn group_as(&self, other: &Self, group: u32, place: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let members = &other.groups.groups().get(group as usize)?.members;
        members.iter().find_map(|node| self.group_of(place(*node)?))
    }

    /// The folds, to compare.
    pub(super) fn folds(&self) -> (HashSet<u32>, HashSet<u32>) {
        (self.folded.clone(), self.open.clone())
    }

    /// Puts lines of logs between the spans, each below the one it is of, or none.
    pub(super) fn set_lines(&mut self, trace: &Trace, lines: HashMap<u32, Vec<(i64, u32)>>) {
        self.lines = lines;
        self.refold(trace);
    }

    fn refold(&mut self, trace: &Trace) {
        self.rows.clear();
        self.row_of.clear();
        self.row_of.resize(trace.nodes.len(), HIDDEN);
        let mut rest = Vec::new();
        self.push_siblings(trace, roots(trace), &[], 0, &mut rest);
        while let Some(row) = rest.pop() {
            let at = u32::try_from(self.rows.len()).unwrap_or(HIDDEN);
            self.rows.push(row);
            match row.item {
                Item::Span(node) => {
                    self.row_of[node as usize] = at;
                    if !self.folded.contains(&node) {
                        let lines = self.lines.get(&node).map_or(&[][..], Vec::as_slice);
                        self.push_siblings(trace, children(trace, node), lines, row.depth + 1, &mut rest);
                    }
                }
                Item::Group(group) if self.open.contains(&group) => {
                    let members = self.groups.groups()[group as usize].members.iter().rev();
                    rest.extend(members.map(|node| Row { item: Item::Span(*node), depth: row.depth + 1 }));
                }
                Item::Group(_) | Item::Line(_) => {}
            }
        }
    }

    /// Spans of one parent, the last first: repeated ones at the place of the first, and lines of logs by time.
    fn push_siblings(&self, trace: &Trace, spans: impl Iterator<Item = u32>, lines: &[(i64, u32)], depth: u32, rest: &mut Vec<Row>) {
        let from = rest.len();
        let mut lines = lines.iter().peekable();
        for span in spans {
            let group = self.group_of(span);
            if group.is_some_and(|g| self.groups.groups()[g as usize].members.first() != Some(&span)) {
                continue;
            }
            let start = trace.nodes[span as usize].start.0;
            while let Some((_, line)) = lines.next_if(|(at, _)| *at < start) {
                rest.push(Row { item: Item::Line(*line), depth });
            }
            rest.push(Row { item: group.map_or(Item::Span(span), Item::Group), depth });
        }
        rest.extend(lines.map(|(_, line)| Row { item: Item::Line(*line), depth }));
        rest[from..].reverse();
    }
}

/// The roots, by start.
fn roots(trace: &Trace) -> impl Iterator<Item = u32> {
    let next = |i: usize| u32::try_from(i).ok().filter(|_| i < trace.nodes.len());
    std::iter::successors(next(0), move |root| next(trace.nodes[*root as usize].subtree_end as usize))
}

/// The children of a node, by start.
pub(super) fn children(trace: &Trace, node: u32) -> impl Iterator<Item = u32> {
    let end = trace.nodes[node as usize].subtree_end;
    let first = Some(node + 1).filter(|child| *child < end);
    std::iter::successors(first, move |child| Some(trace.nodes[*child as usize].subtree_end).filter(|next| *next < end))
}
