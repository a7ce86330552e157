//! What a line says: of a span, or of repeated spans in one line.

use super::Item;
use crate::trace::{
    Trace,
    compare::Change,
    differences::{Differences, Together},
};

/// Spans of one side, as they are drawn.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bar {
    /// From the trace's start, in nanoseconds.
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
}

/// One side of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of {
    pub(super) together: Together,
    pub(super) bar: Bar,
    /// Whether one of them failed itself.
    pub(super) failed: bool,
}

/// A line's content.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) change: Change,
    pub(super) base: Option<Of>,
    pub(super) other: Option<Of>,
    /// Rows below it, those of its folds.
    pub(super) below: u32,
    pub(super) is_group: bool,
}

impl Said {
    pub(super) fn of(base: &Trace, other: &Trace, found: &Differences, item: Item) -> Self {
        let rows = &found.comparison.rows;
        match item {
            Item::Row(row) => {
                let row_number = row;
                let row = &rows[row as usize];
                let (trace, node) = row.other.map_or((base, row.base.unwrap_or(0)), |n| (other, n));
                Self {
                    service: trace.service(node as usize).to_owned(),
                    name: trace.name(node as usize).to_string(),
                    change: row.change,
                    base: row.base.map(|n| of_node(base, n)),
                    other: row.other.map(|n| of_node(other, n)),
                    below: row.subtree_end - row_number - 1,
                    is_group: false,
                }
            }
            Item::Group(group) => {
                let group = &found.groups[group as usize];
                let members = || group.members.iter().map(|row| &rows[*row as usize]);
                let first = members().next();
                let (trace, node) = first.map_or((base, 0), |r| r.other.map_or((base, r.base.unwrap_or(0)), |n| (other, n)));
                Self {
                    service: trace.service(node as usize).to_owned(),
                    name: trace.name(node as usize).to_string(),
                    change: group.change,
                    base: of_all(base, group.base, members().filter_map(|r| r.base)),
                    other: of_all(other, group.other, members().filter_map(|r| r.other)),
                    below: 0,
                    is_group: true,
                }
            }
        }
    }

    /// By how much it takes longer, and itself; none where it is only in one of the two and all of it is the difference.
    pub(super) fn deltas(&self) -> (i64, i64) {
        let ns = |of: Option<Of>, ns: fn(&Together) -> i64| of.map_or(0, |of| ns(&of.together));
        let delta = |of: fn(&Together) -> i64| ns(self.other, of).saturating_sub(ns(self.base, of));
        (delta(|t| t.total_ns), delta(|t| t.self_ns))
    }
}

fn of_node(trace: &Trace, node: u32) -> Of {
    let n = &trace.nodes[node as usize];
    let together = Together { count: 1, total_ns: n.duration_ns, self_ns: n.self_ns, errors: u32::from(n.error_within) };
    Of { together, bar: bar(trace, node), failed: n.is_error() }
}

fn of_all(trace: &Trace, together: Together, nodes: impl Iterator<Item = u32>) -> Option<Of> {
    let mut of = Of { together, bar: Bar { from_ns: i64::MAX, to_ns: 0 }, failed: false };
    for node in nodes {
        let bar = bar(trace, node);
        of.bar = Bar { from_ns: of.bar.from_ns.min(bar.from_ns), to_ns: of.bar.to_ns.max(bar.to_ns) };
        of.failed |= trace.nodes[node as usize].is_error();
    }
    (together.count > 0).then_some(of)
}

fn bar(trace: &Trace, node: u32) -> Bar {
    let n = &trace.nodes[node as usize];
    let from = |at: crate::model::time::Timestamp| at.0.saturating_sub(trace.range.start.0);
    Bar { from_ns: from(n.start), to_ns: from(n.end()) }
}
