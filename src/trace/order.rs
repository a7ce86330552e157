//! Who stands below whom, and in which order: a parent before its children, siblings by start.

use super::build::{Draft, NONE, index};

/// The children of each node and the roots, by start; ties in the order they came.
pub(super) struct Children {
    /// All nodes but roots, grouped by parent.
    flat: Vec<u32>,
    /// Where the group of a node begins.
    begin: Vec<u32>,
    roots: Vec<u32>,
}

impl Children {
    pub(super) fn of(drafts: &[Draft]) -> Self {
        let by_start = |a: &u32, b: &u32| (drafts[*a as usize].start, *a).cmp(&(drafts[*b as usize].start, *b));
        let mut begin = vec![0u32; drafts.len() + 1];
        let mut roots = Vec::new();
        for (i, draft) in drafts.iter().enumerate() {
            match draft.parent {
                NONE => roots.push(index(i)),
                p => begin[p as usize + 1] += 1,
            }
        }
        for i in 1..begin.len() {
            begin[i] += begin[i - 1];
        }
        let mut next = begin.clone();
        let mut flat = vec![0u32; drafts.len() - roots.len()];
        for (i, draft) in drafts.iter().enumerate().filter(|(_, d)| d.parent != NONE) {
            let place = &mut next[draft.parent as usize];
            flat[*place as usize] = index(i);
            *place += 1;
        }
        for pair in begin.windows(2) {
            flat[pair[0] as usize..pair[1] as usize].sort_unstable_by(by_start);
        }
        roots.sort_unstable_by(by_start);
        Self { flat, begin, roots }
    }

    pub(super) fn get(&self, i: usize) -> &[u32] {
        &self.flat[self.begin[i] as usize..self.begin[i + 1] as usize]
    }

    /// All nodes, each before those below it.
    pub(super) fn preorder(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.begin.len());
        let mut stack: Vec<u32> = self.roots.iter().rev().copied().collect();
        while let Some(i) = stack.pop() {
            order.push(i);
            stack.extend(self.get(i as usize).iter().rev());
        }
        order
    }
}

/// Where what is below each of some rows in preorder ends; that is behind the row itself so far. `of` tells its parent and its end.
pub(super) fn close_subtrees<T>(rows: &mut [T], of: impl Fn(&mut T) -> (Option<u32>, &mut u32)) {
    for i in (0..rows.len()).rev() {
        let (parent, end) = of(&mut rows[i]);
        let end = *end;
        if let Some(parent) = parent {
            let of_parent = of(&mut rows[parent as usize]).1;
            *of_parent = end.max(*of_parent);
        }
    }
}
