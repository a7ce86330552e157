//! What is compared comes again: what the reader set stays.

use std::sync::Arc;

use super::{
    Compare, Item, Tree,
    tree::{group_as, places},
};
use crate::{
    trace::differences::{CompareJob, Differences},
    views::Cx,
};

impl Compare {
    /// Both were compared. The same ones again change nothing; of others selection and folds stay where their spans still are.
    pub(super) fn compared(&mut self, cx: &Cx<'_>) {
        let (Some(job), Some(found)) = (self.job.clone(), self.done.value().cloned()) else { return };
        if self.drawn.as_ref().is_some_and(|(drawn, _)| Arc::ptr_eq(drawn, &job)) {
            return;
        }
        let item = self.item();
        let tree = Tree::of(&found, self.tree.order);
        let (tree, before) = (std::mem::replace(&mut self.tree, tree), self.drawn.replace((job, found)));
        let kept = before.zip(item).and_then(|(before, item)| self.fold_as(&tree, &before, item));
        let wanted = self.wanted.take().and_then(|span| self.row_of(span));
        self.go_to(wanted.or(kept).unwrap_or(0), cx.area);
        self.find_again(cx.area);
    }

    /// Folds as it was before, and tells the line of what was selected.
    fn fold_as(&mut self, tree: &Tree, (job, old): &(Arc<CompareJob>, Arc<Differences>), item: Item) -> Option<usize> {
        let (now, found) = self.drawn.clone()?;
        let place = places((job, old), (&now, &found));
        self.tree.fold_as(&found, (tree, old), &place);
        let row = match item {
            Item::Row(row) => row,
            Item::Group(group) => {
                let line = group_as(&found, old, group, &place).and_then(|group| self.tree.line_of(Item::Group(group)));
                if line.is_some() {
                    return line;
                }
                *old.groups[group as usize].members.first()?
            }
        };
        let near = std::iter::successors(Some(row), |r| old.comparison.rows[*r as usize].parent).find_map(place)?;
        self.tree.line_near(&found, near)
    }
}
