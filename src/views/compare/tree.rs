//! Which rows of the comparison are lines now: folds, repeated siblings in one line, or all that differs by how much.

use std::collections::HashSet;

use foldhash::HashMap;

use crate::trace::{
    compare::{Change, Row},
    differences::{CompareJob, Differences, Group},
};

/// What a line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    /// A row of the comparison.
    Row(u32),
    /// Repeated siblings: all of them, or the heading of those below it.
    Group(u32),
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) item: Item,
    /// Steps from its root; those below the heading of a group count one more.
    pub(super) depth: u32,
}

/// In which order they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were called.
    #[default]
    Tree,
    /// What itself takes the most longer or shorter first.
    Worst,
}

/// The folds and the lines that they leave.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) order: Order,
    folded: HashSet<u32>,
    /// Groups whose rows are lines of their own.
    open: HashSet<u32>,
    lines: Vec<Line>,
    /// Where what they show is.
    places: HashMap<Item, usize>,
}

impl Tree {
    /// Folded to what differs.
    pub(super) fn of(found: &Differences, order: Order) -> Self {
        let mut tree = Self { order, ..Self::default() };
        tree.fold_alike(found);
        tree
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn is_folded(&self, item: Item) -> bool {
        match item {
            Item::Row(row) => self.folded.contains(&row),
            Item::Group(group) => !self.open.contains(&group),
        }
    }

    pub(super) fn set_folded(&mut self, found: &Differences, item: Item, folded: bool) {
        match (item, folded) {
            (Item::Row(row), true) => self.folded.insert(row),
            (Item::Row(row), false) => self.folded.remove(&row),
            (Item::Group(group), true) => self.open.remove(&group),
            (Item::Group(group), false) => self.open.insert(group),
        };
        self.refold(found);
    }

    /// Folds all below which nothing differs, or unfolds all where that is done.
    pub(super) fn toggle_all(&mut self, found: &Differences) {
        let before = self.folded.clone();
        self.fold_alike(found);
        if self.folded == before {
            self.folded.clear();
            self.refold(found);
        }
    }

    pub(super) fn turn(&mut self, found: &Differences) {
        self.order = if self.order == Order::Tree { Order::Worst } else { Order::Tree };
        self.refold(found);
    }

    /// Unfolds what hides a row.
    pub(super) fn reveal(&mut self, found: &Differences, row: u32) {
        let rows = &found.comparison.rows;
        for at in std::iter::successors(Some(row), |r| rows[*r as usize].parent) {
            if at != row {
                self.folded.remove(&at);
            }
            self.open.extend(found.group_of(at));
        }
        self.refold(found);
    }

    /// Folds and unfolds what the reader did in the tree before. `place` tells where a row of it is now.
    pub(super) fn fold_as(&mut self, found: &Differences, (before, old): (&Self, &Differences), place: impl Fn(u32) -> Option<u32>) {
        for row in (0u32..).zip(&old.comparison.rows).map(|(row, _)| row) {
            let folded = before.folded.contains(&row);
            match place(row).filter(|_| folded != is_alike(old, row)) {
                Some(now) if folded => self.folded.insert(now),
                Some(now) => self.folded.remove(&now),
                None => continue,
            };
        }
        self.open.extend(before.open.iter().filter_map(|group| group_as(found, old, *group, &place)));
        self.refold(found);
    }

    /// The line that shows this, if one does.
    pub(super) fn line_of(&self, item: Item) -> Option<usize> {
        self.places.get(&item).copied()
    }

    /// The line of a row, or of the nearest one above that stands for it.
    pub(super) fn line_near(&self, found: &Differences, row: u32) -> Option<usize> {
        let rows = &found.comparison.rows;
        std::iter::successors(Some(row), |r| rows[*r as usize].parent)
            .find_map(|r| self.line_of(Item::Row(r)).or_else(|| self.line_of(Item::Group(found.group_of(r)?))))
    }

    fn fold_alike(&mut self, found: &Differences) {
        self.folded = (0u32..).zip(&found.comparison.rows).map(|(row, _)| row).filter(|row| is_alike(found, *row)).collect();
        self.open.clear();
        self.refold(found);
    }

    fn refold(&mut self, found: &Differences) {
        self.lines = if self.order == Order::Tree { self.as_tree(found) } else { by_size(found) };
        self.places = self.lines.iter().enumerate().map(|(at, line)| (line.item, at)).collect();
    }

    fn as_tree(&self, found: &Differences) -> Vec<Line> {
        let rows = &found.comparison.rows;
        let mut lines = Vec::new();
        let mut rest = Vec::new();
        push_siblings(found, 0, u32::try_from(rows.len()).unwrap_or(u32::MAX), 0, &mut rest);
        while let Some(line) = rest.pop() {
            lines.push(line);
            match line.item {
                Item::Row(row) if !self.folded.contains(&row) => {
                    push_siblings(found, row + 1, rows[row as usize].subtree_end, line.depth + 1, &mut rest);
                }
                Item::Group(group) if self.open.contains(&group) => {
                    let members = found.groups[group as usize].members.iter().rev();
                    rest.extend(members.map(|row| Line { item: Item::Row(*row), depth: line.depth + 1 }));
                }
                Item::Row(_) | Item::Group(_) => {}
            }
        }
        lines
    }
}

/// All rows as they stand when nothing is folded.
pub(super) fn unfolded(found: &Differences) -> Vec<u32> {
    let open = (0..u32::try_from(found.groups.len()).unwrap_or(u32::MAX)).collect();
    let lines = Tree { open, ..Tree::default() }.as_tree(found);
    lines.into_iter().filter_map(|line| if let Item::Row(row) = line.item { Some(row) } else { None }).collect()
}

/// Whether there is something below a row, and nothing of it differs.
fn is_alike(found: &Differences, row: u32) -> bool {
    found.comparison.rows[row as usize].subtree_end > row + 1 && !found.differs_below[row as usize]
}

/// Where each row of a comparison is in that of the same two traces as they came again: what shows the same span.
pub(super) fn places(before: (&CompareJob, &Differences), now: (&CompareJob, &Differences)) -> impl Fn(u32) -> Option<u32> {
    let by_node = |nodes: usize, side: fn(&Row) -> Option<u32>| {
        let mut rows = vec![None; nodes];
        for (at, row) in (0u32..).zip(&now.1.comparison.rows) {
            if let Some(node) = side(row) {
                rows[node as usize] = Some(at);
            }
        }
        rows
    };
    let to = |nodes: Vec<Option<u32>>, rows: Vec<Option<u32>>| -> Vec<Option<u32>> {
        nodes.into_iter().map(|node| rows[node? as usize]).collect()
    };
    let of_base = to(before.0.base.places_in(&now.0.base), by_node(now.0.base.nodes.len(), |row| row.base));
    let of_other = to(before.0.other.places_in(&now.0.other), by_node(now.0.other.nodes.len(), |row| row.other));
    move |row| {
        let row = &before.1.comparison.rows[row as usize];
        row.other.and_then(|n| of_other[n as usize]).or_else(|| row.base.and_then(|n| of_base[n as usize]))
    }
}

/// What a group of another comparison is in this one.
pub(super) fn group_as(found: &Differences, old: &Differences, group: u32, place: impl Fn(u32) -> Option<u32>) -> Option<u32> {
    old.groups[group as usize].members.iter().find_map(|row| found.group_of(place(*row)?))
}

/// The rows of one parent, the last first: repeated ones at the place of the first.
fn push_siblings(found: &Differences, from: u32, to: u32, depth: u32, rest: &mut Vec<Line>) {
    let (begin, mut row) = (rest.len(), from);
    while row < to {
        let item = found.group_of(row).map_or(Item::Row(row), Item::Group);
        let is_first = |group: &Group| group.members.first() == Some(&row);
        if !matches!(item, Item::Group(group) if !is_first(&found.groups[group as usize])) {
            rest.push(Line { item, depth });
        }
        row = found.comparison.rows[row as usize].subtree_end;
    }
    rest[begin..].reverse();
}

/// All that differs, what itself differs the most first.
fn by_size(found: &Differences) -> Vec<Line> {
    let compared = &found.comparison;
    let alone = (0u32..).zip(&compared.rows).filter(|(i, _)| found.group_of(*i).is_none());
    let rows = alone.map(|(i, row)| (Item::Row(i), row.change, row.self_delta_ns, row.delta_ns));
    let groups = (0u32..).zip(&found.groups).map(|(i, group)| {
        let delta = |of: fn(&crate::trace::differences::Together) -> i64| of(&group.other).saturating_sub(of(&group.base));
        (Item::Group(i), group.change, delta(|t| t.self_ns), delta(|t| t.total_ns))
    });
    let differs = |change: Change, own: i64| change != Change::Same || own.saturating_abs() > compared.least_ns;
    let mut all: Vec<_> = rows.chain(groups).filter(|(_, change, own, _)| differs(*change, *own)).collect();
    all.sort_by_key(|(_, _, own, whole)| std::cmp::Reverse((own.saturating_abs(), whole.saturating_abs())));
    all.into_iter().map(|(item, ..)| Line { item, depth: 0 }).collect()
}
