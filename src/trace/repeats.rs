//! Repeated siblings: the same call made again and again from one place, as of a query in a loop (N+1).

use foldhash::{HashMap, HashMapExt};

use super::{
    Node, Trace,
    build::{NONE, index},
};

/// Fewer than so many are not worth a row of their own.
pub const LEAST: usize = 4;

/// Siblings of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their parent; `None` for roots.
    pub parent: Option<u32>,
    /// Their nodes, by start: [`LEAST`] at least.
    pub members: Vec<u32>,
    /// Their durations together in nanoseconds; they may have run at the same time.
    pub total_ns: i64,
    /// Half of them took no longer, in nanoseconds.
    pub p50_ns: i64,
    /// The longest in nanoseconds.
    pub max_ns: i64,
    /// Those with an error in them or below.
    pub errors: u32,
}

/// All groups of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// By their first member.
    groups: Vec<Group>,
    /// The group of each node.
    of_node: Vec<u32>,
}

impl Repeats {
    /// Siblings with the same service and title, in a row or not.
    pub fn of(trace: &Trace) -> Self {
        let mut numbers: HashMap<(u32, u32), u32> = HashMap::with_capacity(trace.nodes.len());
        let mut counts: Vec<usize> = Vec::new();
        let mut number = |node: &Node| {
            let number = *numbers.entry((node.parent.unwrap_or(NONE), node.operation?)).or_insert_with(|| {
                counts.push(0);
                index(counts.len() - 1)
            });
            counts[number as usize] += 1;
            Some(number)
        };
        let mut of_node: Vec<u32> = trace.nodes.iter().map(|node| number(node).unwrap_or(NONE)).collect();
        // Most are alone: only the others become groups.
        let mut group_of = vec![NONE; counts.len()];
        let mut members: Vec<Vec<u32>> = Vec::new();
        for (node, number) in (0..).zip(&mut of_node) {
            if *number == NONE || counts[*number as usize] < LEAST {
                *number = NONE;
                continue;
            }
            let group = &mut group_of[*number as usize];
            if *group == NONE {
                *group = index(members.len());
                members.push(Vec::with_capacity(counts[*number as usize]));
            }
            members[*group as usize].push(node);
            *number = *group;
        }
        Self { groups: members.into_iter().map(|members| group(trace, members)).collect(), of_node }
    }

    /// All of them, by their first members.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The number of the group that a node is a member of.
    pub fn number(&self, node: u32) -> Option<usize> {
        self.of_node.get(node as usize).filter(|g| **g != NONE).map(|g| *g as usize)
    }
}

fn group(trace: &Trace, members: Vec<u32>) -> Group {
    let nodes = || members.iter().map(|m| &trace.nodes[*m as usize]);
    let mut durations: Vec<i64> = nodes().map(|n| n.duration_ns).collect();
    durations.sort_unstable();
    Group {
        parent: nodes().next().and_then(|n| n.parent),
        total_ns: durations.iter().fold(0, |sum, d| sum.saturating_add(*d)),
        p50_ns: durations[(durations.len() - 1) / 2],
        max_ns: durations.last().copied().unwrap_or_default(),
        errors: nodes().map(|n| u32::from(n.error_within)).sum(),
        members,
    }
}
