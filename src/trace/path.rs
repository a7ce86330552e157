//! The critical path: the spans that the root had to wait for, and when.
//!
//! Z. Zhang et al.: *CRISP: Critical Path Analysis of Large-Scale Microservice Architectures*, USENIX ATC 2022. From the
//! root's end backwards: the child that finished last is on the path, then the child that finished last before that one
//! began, and so on; what lies between them is the parent's own. The same within each of them. Children are cut to their
//! parent's time, as far as that is on the path itself; those wholly outside ran asynchronously: nobody waited for them.
//! As CRISP has it, a child may overlap the next one by less than 1 % of the parent's time, clocks being what they are, when
//! no other child begins or ends then.

use super::Node;
use crate::model::time::Timestamp;

/// The share of its parent's time by which a child may overlap the next: one of so many.
const OVERLAP: i64 = 100;

/// A stretch of the path: what the root waited for then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The node that worked, or waited for nobody who tells.
    pub node: u32,
    /// From.
    pub start: Timestamp,
    /// To, later than the start.
    pub end: Timestamp,
}

impl Part {
    /// Its length in nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        self.end.0.saturating_sub(self.start.0)
    }
}

/// The path of a trace: without gaps from the start of the [root](super::Trace::root) to its end. Other roots are not on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    parts: Vec<Part>,
    /// The numbers of the parts, by node and time.
    by_node: Vec<u32>,
    /// Nodes that the path goes through with their own time on it, by node.
    nodes: Vec<(u32, i64)>,
}

/// A child, as far as it lies within its parent.
#[derive(Clone, Copy)]
struct Child {
    node: u32,
    start: i64,
    end: i64,
}

/// A node of which the path was found from its end back to `cursor`.
struct Walk {
    node: u32,
    from: i64,
    to: i64,
    cursor: i64,
    /// The child that begins at the cursor.
    later: Option<Child>,
    /// Where its children lie, those that end last at the back, and the next one to look at.
    begin: usize,
    next: usize,
}

/// The children of all nodes that are being walked, those of the innermost at the back.
#[derive(Default)]
struct Pool {
    by_end: Vec<Child>,
    starts: Vec<i64>,
}

impl CriticalPath {
    /// The path through nodes in preorder; [`Trace::path`](super::Trace::path) is that of a trace.
    pub fn of(nodes: &[Node], root: Option<u32>) -> Self {
        let mut path = Self::default();
        let Some(root) = root else { return path };
        let mut pool = Pool::default();
        let (from, to) = (nodes[root as usize].start.0, nodes[root as usize].end().0);
        let mut walks = vec![pool.enter(nodes, root, from, to)];
        path.nodes.push((root, 0));
        while let Some(walk) = walks.last_mut() {
            if let Some(child) = pool.before(walk) {
                path.add(walk.node, child.end, walk.cursor);
                walk.cursor = child.start;
                path.nodes.push((child.node, 0));
                walks.push(pool.enter(nodes, child.node, child.start, child.end));
            } else {
                path.add(walk.node, walk.from, walk.cursor);
                pool.leave(walk);
                walks.pop();
            }
        }
        path.finish();
        path
    }

    fn add(&mut self, node: u32, start: i64, end: i64) {
        if end > start {
            self.parts.push(Part { node, start: Timestamp(start), end: Timestamp(end) });
        }
    }

    fn finish(&mut self) {
        self.parts.reverse();
        self.nodes.sort_unstable();
        self.by_node = (0..).zip(&self.parts).map(|(number, _)| number).collect();
        self.by_node.sort_by_key(|number| self.parts[*number as usize].node);
        for part in &self.parts {
            if let Ok(place) = self.nodes.binary_search_by_key(&part.node, |(node, _)| *node) {
                self.nodes[place].1 = self.nodes[place].1.saturating_add(part.duration_ns());
            }
        }
    }

    /// Its parts, by time: each begins where the one before ends, and together they last as long as the root.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parts in which a node itself worked, by time.
    pub fn parts_of(&self, node: u32) -> impl Iterator<Item = &Part> {
        let of = |number: &u32| self.parts[*number as usize].node;
        let (begin, end) = (self.by_node.partition_point(|n| of(n) < node), self.by_node.partition_point(|n| of(n) <= node));
        self.by_node[begin..end].iter().map(|number| &self.parts[*number as usize])
    }

    /// How long a node itself was on the path, in nanoseconds.
    pub fn on_path_ns(&self, node: u32) -> i64 {
        self.nodes.binary_search_by_key(&node, |(n, _)| *n).map_or(0, |place| self.nodes[place].1)
    }

    /// The nodes that it goes through, at work or waiting for what is below them, with their own time on it, by node.
    pub fn nodes(&self) -> &[(u32, i64)] {
        &self.nodes
    }
}

impl Pool {
    fn enter(&mut self, nodes: &[Node], node: u32, from: i64, to: i64) -> Walk {
        let begin = self.by_end.len();
        let last = nodes[node as usize].subtree_end;
        let mut child = node + 1;
        while child < last {
            let told = &nodes[child as usize];
            let (start, end) = (told.start.0.max(from), told.end().0.min(to));
            // What has no length within its parent takes none of its time.
            if start < end {
                self.by_end.push(Child { node: child, start, end });
                self.starts.push(start);
            }
            child = told.subtree_end;
        }
        self.by_end[begin..].sort_unstable_by_key(|c| (c.end, std::cmp::Reverse((c.start, c.node))));
        Walk { node, from, to, cursor: to, later: None, begin, next: self.by_end.len() }
    }

    fn leave(&mut self, walk: &Walk) {
        self.by_end.truncate(walk.begin);
        self.starts.truncate(walk.begin);
    }

    /// The child that finished last before the one at the cursor began.
    fn before(&self, walk: &mut Walk) -> Option<Child> {
        while walk.next > walk.begin {
            walk.next -= 1;
            let child = self.by_end[walk.next];
            let Some(later) = walk.later else {
                walk.later = Some(child);
                return Some(child);
            };
            if child.end <= later.start || self.touches(walk, child, later) {
                walk.later = Some(child);
                return Some(Child { end: child.end.min(later.start), ..child });
            }
        }
        None
    }

    /// Whether a child overlaps the next one so little that it may well have come before.
    fn touches(&self, walk: &Walk, child: Child, later: Child) -> bool {
        let overlap = child.end.saturating_sub(later.start);
        let whole = walk.to.saturating_sub(walk.from);
        let little = child.start < later.start && child.end < later.end && overlap.saturating_mul(OVERLAP) < whole;
        little && {
            let (ends, starts) = (&self.by_end[walk.begin..], &self.starts[walk.begin..]);
            let ended = ends.partition_point(|c| c.end <= child.end) - ends.partition_point(|c| c.end < later.start);
            let begun = starts.partition_point(|s| *s <= child.end) - starts.partition_point(|s| *s < later.start);
            (ended, begun) == (1, 1)
        }
    }
}
