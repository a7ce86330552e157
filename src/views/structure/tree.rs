//! Which rows of the tree are lines now, and which row is which once more traces are merged.

use std::collections::HashSet;

use crate::{
    trace::{Operation, structure::Row},
    views::search::Places,
};

/// Less of the time is little: folded unless something below failed.
const LITTLE: f64 = 0.01;
/// What spans are called that others name as their parent and that were not delivered.
pub(super) const MISSING: &str = "missing spans";

/// The folds and the rows that they leave.
#[derive(Default)]
pub(super) struct Tree {
    folded: HashSet<u32>,
    /// Rising.
    lines: Vec<u32>,
    /// All rows.
    order: Vec<u32>,
}

impl Places for Tree {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn rank(&self, row: u32) -> u32 {
        row
    }

    fn group_of(&self, _row: u32) -> Option<u32> {
        None
    }
}

impl Tree {
    /// Rows, from top to bottom.
    pub(super) fn lines(&self) -> &[u32] {
        &self.lines
    }

    pub(super) fn is_folded(&self, row: u32) -> bool {
        self.folded.contains(&row)
    }

    pub(super) fn set_folded(&mut self, rows: &[Row], row: u32, folded: bool) {
        if folded {
            self.folded.insert(row)
        } else {
            self.folded.remove(&row)
        };
        self.refold(rows);
    }

    /// Folds what took little and did not fail, or unfolds all where that is done.
    pub(super) fn toggle_all(&mut self, rows: &[Row]) {
        let mut below = vec![(0.0, 0); rows.len()];
        for i in (0..rows.len()).rev() {
            if let Some(parent) = rows[i].parent {
                let (share, errors) = below[i];
                below[parent as usize].0 += share + rows[i].share;
                below[parent as usize].1 += errors + rows[i].errors;
            }
        }
        let folds = |i: u32| rows[i as usize].subtree_end > i + 1 && below[i as usize].0 < LITTLE && below[i as usize].1 == 0;
        let folded: HashSet<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).filter(|i| folds(*i)).collect();
        self.folded = if self.folded == folded { HashSet::new() } else { folded };
        self.refold(rows);
    }

    /// Unfolds what hides a row.
    pub(super) fn reveal(&mut self, rows: &[Row], row: u32) {
        for above in std::iter::successors(rows[row as usize].parent, |above| rows[*above as usize].parent) {
            self.folded.remove(&above);
        }
        self.refold(rows);
    }

    /// The line of a row, or of the nearest one above that hides it.
    pub(super) fn line_near(&self, rows: &[Row], row: u32) -> Option<usize> {
        std::iter::successors(Some(row), |row| rows[*row as usize].parent).find_map(|row| self.lines.binary_search(&row).ok())
    }

    /// The same folds over other rows.
    pub(super) fn renew(&mut self, before: &[Row], rows: &[Row]) {
        self.order = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        self.folded = self.folded.iter().filter_map(|row| locate(rows, &path(before, *row))).collect();
        self.refold(rows);
    }

    fn refold(&mut self, rows: &[Row]) {
        self.lines.clear();
        let mut next = 0;
        while let Some(row) = rows.get(next as usize) {
            self.lines.push(next);
            next = if self.folded.contains(&next) { row.subtree_end } else { next + 1 };
        }
    }
}

/// What leads to a row, its root first.
pub(super) fn path(rows: &[Row], row: u32) -> Vec<Option<&Operation>> {
    let known = Some(row).filter(|row| (*row as usize) < rows.len());
    let above = std::iter::successors(known, |row| rows[*row as usize].parent);
    let mut path: Vec<Option<&Operation>> = above.map(|row| rows[row as usize].operation.as_ref()).collect();
    path.reverse();
    path
}

/// The row that a path leads to.
pub(super) fn locate(rows: &[Row], path: &[Option<&Operation>]) -> Option<u32> {
    let (mut from, mut to, mut found) = (0, u32::try_from(rows.len()).ok()?, None);
    for step in path {
        let siblings =
            std::iter::successors((from < to).then_some(from), |row| Some(rows[*row as usize].subtree_end).filter(|next| *next < to));
        let row = siblings.into_iter().find(|row| rows[*row as usize].operation.as_ref() == *step)?;
        (from, to, found) = (row + 1, rows[row as usize].subtree_end, Some(row));
    }
    found
}
