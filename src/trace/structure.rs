//! Many traces as one tree: spans with the same path of services and titles from the root are one node.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::{HashMap, HashSet};

use super::{
    Node, Operation, Trace,
    build::{NONE, index},
    order::close_subtrees,
};
use crate::model::{
    time::TimeRange,
    trace::{SpanId, TraceId},
};

/// Spans of one place of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What they do; `None` for spans that others name as their parent and that were not delivered.
    pub operation: Option<Operation>,
    /// The row of its parent.
    pub parent: Option<u32>,
    /// Steps from its root.
    pub depth: u32,
    /// The row after the last one below it.
    pub subtree_end: u32,
    /// How many spans.
    pub count: u32,
    /// Those with an error.
    pub errors: u32,
    /// Half of them took no longer, in nanoseconds.
    pub p50_ns: i64,
    /// 95 % of them took no longer, in nanoseconds.
    pub p95_ns: i64,
    /// Their durations together in nanoseconds.
    pub total_ns: i64,
    /// What of them no child covers, in nanoseconds.
    pub self_ns: i64,
    /// What of the traces' critical paths is theirs, in nanoseconds.
    pub path_ns: i64,
    /// What of the traces' time that is, from 0 to 1; all rows together are 1.
    pub share: f64,
    /// The traces that have one, in the order in which they came.
    pub traces: Vec<Behind>,
}

/// The spans of one trace that are at one place of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The trace, by its number in [`Structure::traces`].
    pub trace: u32,
    /// How many there are.
    pub count: u32,
    /// Those with an error.
    pub errors: u32,
    /// The longest of them; of those with an error where there are any.
    pub span: SpanId,
    /// How long that takes, in nanoseconds.
    pub span_ns: i64,
    is_error: bool,
}

/// Traces to be read and merged. Two jobs are the same when they are one and the same. What is merged stays with it: one that was
/// interrupted goes on where it was, and no trace is read twice.
pub struct StructureJob {
    /// Which, and when each was.
    pub traces: Vec<(TraceId, TimeRange)>,
    merged: Arc<Mutex<Structure>>,
}

impl fmt::Debug for StructureJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StructureJob({} traces)", self.traces.len())
    }
}

impl PartialEq for StructureJob {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl StructureJob {
    /// Nothing of it is merged yet.
    pub fn new(traces: Vec<(TraceId, TimeRange)>) -> Self {
        Self { traces, merged: Arc::default() }
    }

    /// The same of more traces.
    #[must_use]
    pub fn with(&self, traces: Vec<(TraceId, TimeRange)>) -> Self {
        Self { traces, merged: self.merged.clone() }
    }

    /// The traces that are not merged yet.
    pub fn left(&self) -> Vec<(TraceId, TimeRange)> {
        let merged: HashSet<TraceId> = self.merged().traces.iter().copied().collect();
        self.traces.iter().copied().filter(|(id, _)| !merged.contains(id)).collect()
    }

    /// Merges one of them.
    pub fn add(&self, trace: &Trace) {
        let mut merged = self.merged();
        // Whoever was interrupted may have been at it.
        if !merged.traces.contains(&trace.id) {
            merged.add(trace);
        }
    }

    /// How far it is, and what could not be read.
    pub fn news(&self, failed: Vec<(TraceId, String)>, is_done: bool) -> StructureNews {
        let merged = self.merged();
        StructureNews { rows: Arc::new(merged.rows()), traces: Arc::new(merged.traces.clone()), failed: Arc::new(failed), is_done }
    }

    fn merged(&self) -> MutexGuard<'_, Structure> {
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the traces of a job are merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StructureNews {
    /// The tree of those that are.
    pub rows: Arc<Vec<Row>>,
    /// Which these are.
    pub traces: Arc<Vec<TraceId>>,
    /// Those that could not be read, and why.
    pub failed: Arc<Vec<(TraceId, String)>>,
    /// Whether there are no more.
    pub is_done: bool,
}

/// A tree that traces are put into one by one.
#[derive(Default)]
pub struct Structure {
    traces: Vec<TraceId>,
    /// The critical paths of all of them together.
    path_ns: i64,
    operations: HashMap<Operation, u32>,
    places: HashMap<(u32, u32), u32>,
    merged: Vec<Merged>,
}

struct Merged {
    operation: Option<Operation>,
    parent: u32,
    errors: u32,
    durations: Vec<i64>,
    self_ns: i64,
    path_ns: i64,
    traces: Vec<Behind>,
}

impl Merged {
    fn behind(&mut self, trace: u32, node: &Node) {
        let is_error = node.is_error();
        let new = Behind { trace, count: 1, errors: u32::from(is_error), span: node.id, span_ns: node.duration_ns, is_error };
        match self.traces.last_mut().filter(|last| last.trace == trace) {
            None => self.traces.push(new),
            Some(last) => {
                let (count, errors) = (last.count + 1, last.errors + new.errors);
                let worse = (new.is_error, new.span_ns) > (last.is_error, last.span_ns);
                *last = Behind { count, errors, ..if worse { new } else { *last } };
            }
        }
    }
}

impl Structure {
    /// Puts a trace into it.
    pub fn add(&mut self, trace: &Trace) {
        let number = index(self.traces.len());
        self.traces.push(trace.id);
        let operations: Vec<u32> = trace.operations.iter().map(|o| self.operation(o)).collect();
        let mut merged_into: Vec<u32> = Vec::with_capacity(trace.nodes.len());
        for (i, node) in (0..).zip(&trace.nodes) {
            let parent = node.parent.map_or(NONE, |p| merged_into[p as usize]);
            let operation = node.operation.map_or(NONE, |o| operations[o as usize]);
            let place = self.place(parent, operation, node.operation.map(|o| &trace.operations[o as usize]));
            merged_into.push(place);
            let merged = &mut self.merged[place as usize];
            merged.errors += u32::from(node.is_error());
            merged.durations.push(node.duration_ns);
            merged.self_ns = merged.self_ns.saturating_add(node.self_ns);
            merged.path_ns = merged.path_ns.saturating_add(trace.path.on_path_ns(i));
            merged.behind(number, node);
        }
        self.path_ns = self.path_ns.saturating_add(trace.root.map_or(0, |r| trace.nodes[r as usize].duration_ns));
    }

    fn operation(&mut self, operation: &Operation) -> u32 {
        if let Some(known) = self.operations.get(operation) {
            return *known;
        }
        let new = index(self.operations.len());
        self.operations.insert(operation.clone(), new);
        new
    }

    fn place(&mut self, parent: u32, number: u32, operation: Option<&Operation>) -> u32 {
        let merged = &mut self.merged;
        *self.places.entry((parent, number)).or_insert_with(|| {
            let operation = operation.cloned();
            merged.push(Merged { operation, parent, errors: 0, durations: Vec::new(), self_ns: 0, path_ns: 0, traces: Vec::new() });
            index(merged.len() - 1)
        })
    }

    /// The traces in it, in the order in which they came.
    pub fn traces(&self) -> &[TraceId] {
        &self.traces
    }

    /// The tree in preorder: a parent before its children, siblings by how much of the critical paths they and all below them took.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::with_capacity(self.merged.len());
        let mut place = vec![NONE; self.merged.len()];
        for number in self.order() {
            let merged = &self.merged[number as usize];
            place[number as usize] = index(rows.len());
            let parent = place.get(merged.parent as usize).copied();
            let depth = parent.map_or(0, |p| rows[p as usize].depth + 1);
            rows.push(self.row(merged, parent, depth, index(rows.len()) + 1));
        }
        close_subtrees(&mut rows, |row| (row.parent, &mut row.subtree_end));
        rows
    }

    fn order(&self) -> Vec<u32> {
        // A node comes after its parent, so that what is below it is summed when its own turn comes.
        let mut weights: Vec<(i64, i64)> = self.merged.iter().map(|m| (m.path_ns, m.self_ns)).collect();
        for i in (0..self.merged.len()).rev() {
            let (path, own) = weights[i];
            if let Some(parent) = weights.get_mut(self.merged[i].parent as usize) {
                *parent = (parent.0.saturating_add(path), parent.1.saturating_add(own));
            }
        }
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.merged.len()];
        let mut roots = Vec::new();
        for (i, merged) in (0..).zip(&self.merged) {
            children.get_mut(merged.parent as usize).unwrap_or(&mut roots).push(i);
        }
        // The heaviest is popped first, of equal ones the one that came first.
        let lightest_first = |list: &mut Vec<u32>| list.sort_unstable_by_key(|i| (weights[*i as usize], std::cmp::Reverse(*i)));
        lightest_first(&mut roots);
        let (mut order, mut waiting) = (Vec::with_capacity(self.merged.len()), roots);
        while let Some(next) = waiting.pop() {
            order.push(next);
            let mut below = std::mem::take(&mut children[next as usize]);
            lightest_first(&mut below);
            waiting.append(&mut below);
        }
        order
    }

    fn row(&self, merged: &Merged, parent: Option<u32>, depth: u32, subtree_end: u32) -> Row {
        let mut durations = merged.durations.clone();
        durations.sort_unstable();
        let rank = |percent: usize| durations[(durations.len() * percent).div_ceil(100).max(1) - 1];
        Row {
            operation: merged.operation.clone(),
            parent,
            depth,
            subtree_end,
            count: index(durations.len()),
            errors: merged.errors,
            p50_ns: rank(50),
            p95_ns: rank(95),
            total_ns: durations.iter().fold(0, |sum, d| sum.saturating_add(*d)),
            self_ns: merged.self_ns,
            path_ns: merged.path_ns,
            share: if self.path_ns > 0 { merged.path_ns as f64 / self.path_ns as f64 } else { 0.0 },
            traces: merged.traces.clone(),
        }
    }
}
