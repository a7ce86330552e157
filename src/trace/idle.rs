//! Stretches of a trace's time that may be drawn shorter than they are: nothing begins or ends there, and their length
//! would squash what does.
//!
//! Within the root's time such a stretch has no work or one waiting span, and is [`MANY`] times as long as most of the spans
//! beside it: those that it would leave less than a cell. What runs asynchronously, that is beyond the end of its parent,
//! does not count: nobody waits for it. Outside the root's time (the tails of asynchronous work, spans of lost parents, clocks that
//! differ) how many spans wait does not matter, and what is as long as the root itself is long enough: of a root that mostly
//! waits little may be left. All of it is of the whole trace, so that a stretch that is folded stays folded when one looks closer.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Node, build::index};

/// How many times as long as most of the spans beside it a stretch is.
const MANY: i64 = 50;

/// A stretch in which nothing begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Idle {
    pub from: i64,
    pub to: i64,
    /// So much of it squashes the rest; less does not.
    pub least_ns: i64,
    /// The span that waits longest, of those that wait for no other.
    pub waiting: Option<u32>,
}

/// All stretches that may be drawn shorter, in order of time.
pub(super) fn stretches(nodes: &[Node], root: Option<u32>) -> Vec<Idle> {
    let Some(root) = root.map(|r| &nodes[r as usize]) else { return Vec::new() };
    let lasting = || (0..).zip(nodes).filter(|(_, n)| !n.is_missing() && n.duration_ns > 0);
    let mut durations: Vec<i64> = lasting().map(|(_, n)| n.duration_ns).collect();
    durations.sort_unstable();
    let mut starts: Vec<(i64, u32)> = lasting().map(|(i, n)| (n.start.0, i)).collect();
    let mut ends: Vec<(i64, u32)> = lasting().map(|(i, n)| (n.end().0, i)).collect();
    // What has no length separates stretches as well.
    let mut instants: Vec<i64> = nodes.iter().filter(|n| !n.is_missing() && n.duration_ns == 0).map(|n| n.start.0).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    instants.sort_unstable();
    // Those that are open are longer than the stretch: half of the others lie before them.
    let squashing = |open: usize| {
        durations[..durations.len() - open].get((durations.len() - open).div_ceil(2).wrapping_sub(1)).map(|d| d.saturating_mul(MANY))
    };
    let mut open = Open::of(nodes, root);
    let mut out = Vec::new();
    let (mut starts, mut ends, mut instants) =
        (starts.into_iter().peekable(), ends.into_iter().peekable(), instants.into_iter().peekable());
    let mut before: Option<i64> = None;
    loop {
        let next = [starts.peek().map(|s| s.0), ends.peek().map(|e| e.0), instants.peek().copied()];
        let Some(at) = next.into_iter().flatten().min() else { return out };
        if let Some(from) = before {
            let (length, inside) = (at.saturating_sub(from), root.start.0 <= from && at <= root.end().0);
            let least_ns = if !inside {
                Some(squashing(open.count).map_or(root.duration_ns, |least| least.min(root.duration_ns)))
            } else if open.waiting <= 1 {
                squashing(open.count)
            } else {
                None
            };
            if let Some(least_ns) = least_ns.filter(|least| length >= *least && length > 0) {
                out.push(Idle { from, to: at, least_ns, waiting: open.longest() });
            }
        }
        while let Some((_, node)) = ends.next_if(|e| e.0 == at) {
            open.end(node);
        }
        while let Some((_, node)) = starts.next_if(|s| s.0 == at) {
            open.begin(node);
        }
        while instants.next_if_eq(&at).is_some() {}
        before = Some(at);
    }
}

/// The spans that are open at a time.
struct Open<'a> {
    nodes: &'a [Node],
    is_open: Vec<bool>,
    /// Open spans below each node.
    children: Vec<u32>,
    /// Whether nobody waits for it: it, or what it is below of, ends after its parent, or belongs to another root.
    asynchronous: Vec<bool>,
    count: usize,
    /// Open spans that others wait for and that wait for no other themselves, and the sum of their numbers: that of one is
    /// its own.
    waiting: usize,
    sum: u64,
    /// The same of asynchronous ones, with their durations.
    tails: BTreeSet<(i64, Reverse<u32>)>,
}

impl<'a> Open<'a> {
    fn of(nodes: &'a [Node], root: &Node) -> Self {
        let mut asynchronous = vec![false; nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            asynchronous[i] = match node.parent {
                Some(parent) => asynchronous[parent as usize] || node.end() > nodes[parent as usize].end(),
                None => !std::ptr::eq(node, root),
            };
        }
        let (is_open, children) = (vec![false; nodes.len()], vec![0; nodes.len()]);
        Self { nodes, is_open, children, asynchronous, count: 0, waiting: 0, sum: 0, tails: BTreeSet::new() }
    }

    fn begin(&mut self, node: u32) {
        self.count += 1;
        self.change(node, |open, node| open.is_open[node] = true);
        if let Some(parent) = self.nodes[node as usize].parent {
            self.change(parent, |open, parent| open.children[parent] += 1);
        }
    }

    fn end(&mut self, node: u32) {
        self.count -= 1;
        self.change(node, |open, node| open.is_open[node] = false);
        if let Some(parent) = self.nodes[node as usize].parent {
            self.change(parent, |open, parent| open.children[parent] -= 1);
        }
    }

    /// Counts a node anew after a change.
    fn change(&mut self, number: u32, change: impl Fn(&mut Self, usize)) {
        let node = number as usize;
        let waits = |open: &Self| open.is_open[node] && open.children[node] == 0;
        let before = waits(self);
        change(self, node);
        let now = waits(self);
        if before == now {
            return;
        }
        let tail = (self.nodes[node].duration_ns, Reverse(number));
        match (self.asynchronous[node], now) {
            (true, true) => drop(self.tails.insert(tail)),
            (true, false) => drop(self.tails.remove(&tail)),
            (false, true) => (self.waiting, self.sum) = (self.waiting + 1, self.sum + u64::from(number)),
            (false, false) => (self.waiting, self.sum) = (self.waiting - 1, self.sum - u64::from(number)),
        }
    }

    /// The one that others wait for, else the longest of the asynchronous ones.
    fn longest(&self) -> Option<u32> {
        let one = if self.waiting == 1 { usize::try_from(self.sum).ok().map(index) } else { None };
        one.or_else(|| self.tails.last().map(|(_, Reverse(node))| *node))
    }
}
