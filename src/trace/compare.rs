//! Two traces side by side, aligned by structure: a span's partner has the same path of services and titles from the root, and
//! is the n-th of its kind below its parent as it is itself.

use foldhash::{HashMap, HashMapExt};

use super::{Node, Operation, Trace, build::index, order::close_subtrees};

/// A span is slower or faster when it differs by one of so many parts of what it took …
const OWN_SHARE: i64 = 10;
/// … and by one of so many parts of the longer of the two traces: what is less does not matter there.
const WHOLE_SHARE: i64 = 100;

/// What became of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Only in the other trace.
    New,
    /// Only in the base.
    Gone,
    /// It takes longer in the other trace.
    Slower,
    /// It takes longer in the base.
    Faster,
    /// About the same.
    Same,
}

impl Change {
    /// Of what took so long before and takes so long now, in nanoseconds, where `least_ns` and less does not matter.
    pub fn of(before: i64, now: i64, least_ns: i64) -> Self {
        let delta_ns = now.saturating_sub(before);
        match delta_ns.saturating_abs() > (before / OWN_SHARE).max(least_ns) {
            false => Self::Same,
            true if delta_ns > 0 => Self::Slower,
            true => Self::Faster,
        }
    }
}

/// A span of one trace, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The node in the base.
    pub base: Option<u32>,
    /// The node in the other trace.
    pub other: Option<u32>,
    /// The row of its parent.
    pub parent: Option<u32>,
    /// Steps from its root.
    pub depth: u32,
    /// The row after the last one below it.
    pub subtree_end: u32,
    /// What became of it.
    pub change: Change,
    /// By how much it takes longer in the other trace, in nanoseconds; all of it where it is new, less than 0 where it is gone.
    pub delta_ns: i64,
    /// The same without what its children cover.
    pub self_delta_ns: i64,
}

/// Two traces as one tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// In preorder: a parent before its children, siblings by when they begin in their parent.
    pub rows: Vec<Row>,
    /// A difference of so many nanoseconds or less does not matter in traces as long as these.
    pub least_ns: i64,
    /// How many rows there are of each kind.
    counts: [usize; 5],
}

impl Comparison {
    /// How many rows there are of a kind.
    pub fn count(&self, change: Change) -> usize {
        self.counts[change as usize]
    }
}

/// Operations of two traces, each with one number.
pub(super) struct Numbers<'a> {
    pub(super) base: &'a Trace,
    pub(super) other: &'a Trace,
    /// The number of each of the other trace's operations; those of the base have their own.
    of_other: Vec<u32>,
    pub(super) all: Vec<&'a Operation>,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(base: &'a Trace, other: &'a Trace) -> Self {
        let mut all: Vec<&Operation> = base.operations.iter().collect();
        let mut known: HashMap<&Operation, u32> = HashMap::with_capacity(all.len() + other.operations.len());
        known.extend(base.operations.iter().zip(0..));
        let mut number = |operation: &'a Operation| {
            *known.entry(operation).or_insert_with(|| {
                all.push(operation);
                index(all.len() - 1)
            })
        };
        let of_other = other.operations.iter().map(&mut number).collect();
        Self { base, other, of_other, all }
    }

    /// The number of a node's operation; missing spans are alike and have none.
    pub(super) fn of_node(&self, node: &Node, in_base: bool) -> Option<u32> {
        if in_base { node.operation } else { node.operation.map(|o| self.of_other[o as usize]) }
    }
}

/// Aligns a trace with a base. The roots that stand for the whole are partners whatever they are called.
pub fn compare(base: &Trace, other: &Trace) -> Comparison {
    align(&Numbers::of(base, other))
}

/// The same, of operations that are numbered already.
pub(super) fn align(numbers: &Numbers<'_>) -> Comparison {
    let sides = Sides::of(numbers);
    let mut rows: Vec<Row> = Vec::with_capacity(sides.base.nodes.len().max(sides.other.nodes.len()));
    let mut waiting: Vec<(Pair, Option<u32>)> = sides.roots().into_iter().rev().map(|pair| (pair, None)).collect();
    while let Some((pair, parent)) = waiting.pop() {
        let number = index(rows.len());
        let depth = parent.map_or(0, |p: u32| rows[p as usize].depth + 1);
        rows.push(sides.row(pair, parent, depth, number));
        waiting.extend(sides.children(pair).into_iter().rev().map(|pair| (pair, Some(number))));
    }
    close_subtrees(&mut rows, |row| (row.parent, &mut row.subtree_end));
    let mut counts = [0; 5];
    for row in &rows {
        counts[row.change as usize] += 1;
    }
    Comparison { rows, least_ns: sides.least_ns, counts }
}

/// Nodes of the base and of the other trace.
type Pair = (Option<u32>, Option<u32>);

struct Sides<'a> {
    base: &'a Trace,
    other: &'a Trace,
    numbers: &'a Numbers<'a>,
    /// The least that matters.
    least_ns: i64,
}

impl<'a> Sides<'a> {
    fn of(numbers: &'a Numbers<'a>) -> Self {
        let (base, other) = (numbers.base, numbers.other);
        let whole = |trace: &Trace| trace.root.map_or(0, |r| trace.nodes[r as usize].duration_ns);
        Self { base, other, numbers, least_ns: whole(base).max(whole(other)) / WHOLE_SHARE }
    }

    /// The two that stand for the whole, then the other roots.
    fn roots(&self) -> Vec<Pair> {
        let all = |trace: &Trace| -> Vec<u32> {
            let roots = (0..).zip(&trace.nodes).filter(|(_, n)| n.parent.is_none()).map(|(i, _)| i);
            roots.filter(|root| Some(*root) != trace.root).collect()
        };
        let mut pairs = vec![(self.base.root, self.other.root)];
        pairs.retain(|(base, other)| base.is_some() || other.is_some());
        pairs.extend(self.align(&all(self.base), &all(self.other), (self.base.range.start.0, self.other.range.start.0)));
        pairs
    }

    fn children(&self, (base, other): Pair) -> Vec<Pair> {
        let below = |trace: &Trace, node: Option<u32>| node.map_or_else(Vec::new, |n| trace.children(n as usize).collect());
        let start = |trace: &Trace, node: Option<u32>| node.map_or(0, |n| trace.nodes[n as usize].start.0);
        let (of_base, of_other) = (below(self.base, base), below(self.other, other));
        self.align(&of_base, &of_other, (start(self.base, base), start(self.other, other)))
    }

    /// Partners are the n-th of a kind. In order of their times after `starts`, of the other trace where they have one there.
    fn align(&self, base: &[u32], other: &[u32], starts: (i64, i64)) -> Vec<Pair> {
        let sorted = |trace: &Trace, nodes: &[u32], in_base: bool| {
            let mut all: Vec<(Option<u32>, u32)> =
                nodes.iter().map(|n| (self.numbers.of_node(&trace.nodes[*n as usize], in_base), *n)).collect();
            all.sort_unstable();
            all.into_iter().peekable()
        };
        let (mut left, mut right) = (sorted(self.base, base, true), sorted(self.other, other, false));
        let mut pairs = Vec::with_capacity(base.len().max(other.len()));
        loop {
            let (in_base, in_other) = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(l), Some(r)) => (l.0 <= r.0, r.0 <= l.0),
                (l, r) => (l.is_some(), r.is_some()),
            };
            let take = |wanted: bool, side: &mut std::iter::Peekable<std::vec::IntoIter<(Option<u32>, u32)>>| {
                if wanted { side.next().map(|(_, node)| node) } else { None }
            };
            pairs.push((take(in_base, &mut left), take(in_other, &mut right)));
        }
        pairs.sort_by_key(|pair| match *pair {
            (_, Some(other)) => (self.other.nodes[other as usize].start.0.saturating_sub(starts.1), 0, other),
            (Some(base), None) => (self.base.nodes[base as usize].start.0.saturating_sub(starts.0), 1, base),
            (None, None) => (i64::MAX, 2, 0),
        });
        pairs
    }

    fn row(&self, (base, other): Pair, parent: Option<u32>, depth: u32, number: u32) -> Row {
        let of = |trace: &Trace, node: Option<u32>| {
            node.map_or((0, 0), |n| (trace.nodes[n as usize].duration_ns, trace.nodes[n as usize].self_ns))
        };
        let ((before, own_before), (now, own_now)) = (of(self.base, base), of(self.other, other));
        let delta_ns = now.saturating_sub(before);
        let change = match (base, other) {
            (None, _) => Change::New,
            (_, None) => Change::Gone,
            _ => Change::of(before, now, self.least_ns),
        };
        Row { base, other, parent, depth, subtree_end: number + 1, change, delta_ns, self_delta_ns: own_now.saturating_sub(own_before) }
    }
}
