//! What two traces differ in, worked out for a page: repeated siblings in one row, and what each operation itself takes longer.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::{
    Operation, Trace,
    build::NONE,
    compare::{Change, Comparison, Numbers, Row, align},
    repeats::LEAST,
};
use crate::model::time::Timestamp;

/// Two traces to be compared by a worker. Two jobs are the same when they are one and the same.
#[derive(Debug)]
pub struct CompareJob {
    /// What is compared with.
    pub base: Arc<Trace>,
    /// What is compared.
    pub other: Arc<Trace>,
}

impl PartialEq for CompareJob {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl CompareJob {
    /// Compares: n log n of the spans of both.
    pub fn run(&self) -> Differences {
        Differences::of(&Numbers::of(&self.base, &self.other))
    }
}

/// Spans of one trace taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Together {
    /// How many.
    pub count: u32,
    /// Their durations together in nanoseconds; they may have run at the same time.
    pub total_ns: i64,
    /// What of them no child covers, in nanoseconds.
    pub self_ns: i64,
    /// Those with an error in them or below.
    pub errors: u32,
    /// Whether one of them failed itself.
    pub failed: bool,
    /// When the first begins and the last ends, in nanoseconds from the trace's start.
    pub from_ns: i64,
    /// See `from_ns`.
    pub to_ns: i64,
}

impl Together {
    /// One span alone.
    pub fn of(trace: &Trace, node: u32) -> Self {
        let mut one = Self::default();
        one.add(trace, Some(node));
        one
    }

    fn add(&mut self, trace: &Trace, node: Option<u32>) {
        let Some(node) = node.and_then(|n| trace.nodes.get(n as usize)) else { return };
        let from_start = |at: Timestamp| at.0.saturating_sub(trace.range.start.0);
        let (from_ns, to_ns) = (from_start(node.start), from_start(node.end()));
        self.from_ns = if self.count == 0 { from_ns } else { self.from_ns.min(from_ns) };
        self.to_ns = self.to_ns.max(to_ns);
        self.count += 1;
        self.total_ns = self.total_ns.saturating_add(node.duration_ns);
        self.self_ns = self.self_ns.saturating_add(node.self_ns);
        self.errors += u32::from(node.error_within);
        self.failed |= node.is_error();
    }
}

/// Siblings of one operation, of either trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The rows of the comparison, in order: [`LEAST`] at least.
    pub members: Vec<u32>,
    /// Those of the base.
    pub base: Together,
    /// Those of the other trace.
    pub other: Together,
    /// What became of them together.
    pub change: Change,
}

/// What an operation takes longer, wherever it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationDelta {
    /// What it is.
    pub operation: Operation,
    /// Its self time in the other trace less that in the base, in nanoseconds.
    pub self_delta_ns: i64,
}

/// Two traces as one tree, and what is worked out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Row by row.
    pub comparison: Comparison,
    /// Repeated siblings, by their first members.
    pub groups: Vec<Group>,
    /// The group of each row; none where it is `u32::MAX`.
    group_of: Vec<u32>,
    /// Whether anything below each row changed or failed in one of them alone. Of what is below a new or a gone one that is said already.
    pub differs_below: Vec<bool>,
    /// The operation whose self time differs the most, where that matters.
    pub most: Option<OperationDelta>,
}

impl Differences {
    fn of(numbers: &Numbers<'_>) -> Self {
        let (base, other, comparison) = (numbers.base, numbers.other, align(numbers));
        let operation = |row: &Row| {
            let of_other = row.other.and_then(|n| numbers.of_node(&other.nodes[n as usize], false));
            of_other.or_else(|| row.base.and_then(|n| base.nodes[n as usize].operation)).unwrap_or(NONE)
        };
        let of_row: Vec<u32> = comparison.rows.iter().map(operation).collect();
        let (groups, group_of) = groups(base, other, &comparison, &of_row);
        let most = most(numbers, &comparison, &of_row);
        let differs_below = differs_below(base, other, &comparison);
        Self { comparison, groups, group_of, differs_below, most }
    }

    /// The group that a row is a member of.
    pub fn group_of(&self, row: u32) -> Option<u32> {
        self.group_of.get(row as usize).copied().filter(|group| *group != NONE)
    }
}

/// What differs the most of the self times of operations: of two as large the one that came first.
fn most(numbers: &Numbers<'_>, comparison: &Comparison, of_row: &[u32]) -> Option<OperationDelta> {
    let mut sums = vec![0i64; numbers.all.len()];
    for (row, number) in comparison.rows.iter().zip(of_row) {
        if let Some(sum) = sums.get_mut(*number as usize) {
            *sum = sum.saturating_add(row.self_delta_ns);
        }
    }
    let (at, self_delta_ns) = sums.into_iter().enumerate().rev().max_by_key(|(_, sum)| sum.saturating_abs())?;
    let matters = self_delta_ns.saturating_abs() > comparison.least_ns;
    matters.then(|| OperationDelta { operation: numbers.all[at].clone(), self_delta_ns })
}

fn groups(base: &Trace, other: &Trace, comparison: &Comparison, of_row: &[u32]) -> (Vec<Group>, Vec<u32>) {
    let mut members: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
    for (at, (row, number)) in (0u32..).zip(comparison.rows.iter().zip(of_row)) {
        if *number != NONE {
            members.entry((row.parent.unwrap_or(NONE), *number)).or_default().push(at);
        }
    }
    let mut many: Vec<Vec<u32>> = members.into_values().filter(|members| members.len() >= LEAST).collect();
    many.sort_unstable_by_key(|members| members.first().copied());
    let mut group_of = vec![NONE; comparison.rows.len()];
    let mut out = Vec::with_capacity(many.len());
    for (group, members) in (0u32..).zip(many) {
        let (mut before, mut now) = (Together::default(), Together::default());
        for member in &members {
            let row = &comparison.rows[*member as usize];
            group_of[*member as usize] = group;
            before.add(base, row.base);
            now.add(other, row.other);
        }
        let change = match (before.count, now.count) {
            (0, _) => Change::New,
            (_, 0) => Change::Gone,
            _ => Change::of(before.total_ns, now.total_ns, comparison.least_ns),
        };
        out.push(Group { members, base: before, other: now, change });
    }
    (out, group_of)
}

fn differs_below(base: &Trace, other: &Trace, comparison: &Comparison) -> Vec<bool> {
    let failed = |trace: &Trace, node: Option<u32>| node.is_some_and(|n| trace.nodes[n as usize].is_error());
    let mut out = vec![false; comparison.rows.len()];
    for i in (0..out.len()).rev() {
        let row = &comparison.rows[i];
        if let Some(parent) = row.parent {
            // All that is below a new one is new: the one says it all.
            let told = matches!(comparison.rows[parent as usize].change, Change::New | Change::Gone);
            let differs = row.change != Change::Same || failed(base, row.base) != failed(other, row.other);
            out[parent as usize] |= !told && (differs || out[i]);
        }
    }
    out
}
