//! What a line says: of a span, or of repeated spans in one line.

use compact_str::CompactString;

use super::Item;
use crate::trace::{
    Trace,
    compare::Change,
    differences::{Differences, Together},
};

/// A line's content.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    pub(super) service: &'a str,
    pub(super) name: CompactString,
    pub(super) change: Change,
    pub(super) base: Option<Together>,
    pub(super) other: Option<Together>,
    /// Rows below it, those of its folds.
    pub(super) below: u32,
    pub(super) is_group: bool,
}

impl<'a> Said<'a> {
    pub(super) fn of(base: &'a Trace, other: &'a Trace, found: &Differences, item: Item) -> Self {
        let first = match item {
            Item::Row(row) => row,
            Item::Group(group) => found.groups[group as usize].members[0],
        };
        let row = &found.comparison.rows[first as usize];
        let (trace, node) = row.other.map_or((base, row.base.unwrap_or(0)), |n| (other, n));
        let (service, name) = (trace.service(node as usize), trace.name(node as usize));
        match item {
            Item::Row(_) => {
                let (in_base, in_other) = (row.base.map(|n| Together::of(base, n)), row.other.map(|n| Together::of(other, n)));
                let below = row.subtree_end - first - 1;
                Self { service, name, change: row.change, base: in_base, other: in_other, below, is_group: false }
            }
            Item::Group(group) => {
                let group = &found.groups[group as usize];
                let [in_base, in_other] = [group.base, group.other].map(|of| (of.count > 0).then_some(of));
                Self { service, name, change: group.change, base: in_base, other: in_other, below: 0, is_group: true }
            }
        }
    }

    /// By how much it takes longer, and itself; none where it is only in one of the two and all of it is the difference.
    pub(super) fn deltas(&self) -> (i64, i64) {
        let ns = |of: Option<Together>, ns: fn(&Together) -> i64| of.map_or(0, |of| ns(&of));
        let delta = |of: fn(&Together) -> i64| ns(self.other, of).saturating_sub(ns(self.base, of));
        (delta(|t| t.total_ns), delta(|t| t.self_ns))
    }
}
