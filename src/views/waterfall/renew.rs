//! The trace comes, comes again, or its clocks are put right: what the reader set stays.

use std::sync::Arc;

use super::{
    Waterfall,
    digest::Digest,
    rows::{Item, Tree},
};
use crate::{
    trace::Trace,
    views::{Act, Cx},
};

impl Waterfall {
    /// The trace arrived: it tells the window of the scope.
    pub(super) fn arrived(&mut self, cx: &mut Cx<'_>) {
        let Some(told) = self.slot.value().cloned() else { return };
        self.show(&told, cx);
        if told.span_count > 0 {
            let around = cx.look.scope.around(told.range);
            cx.acts.push(Act::Rescope(Box::new(around)));
        }
    }

    /// Puts clocks right that differ, or shows times as they were told.
    pub(super) fn correct_clocks(&mut self, cx: &mut Cx<'_>) {
        let Some(told) = self.slot.value().cloned() else { return };
        self.corrected = !self.corrected;
        self.show(&told, cx);
    }

    /// Shows a trace, with its clocks put right where the reader wants that. Selection, folds, ruler, table, search and zoom stay
    /// where their spans still are.
    fn show(&mut self, told: &Arc<Trace>, cx: &mut Cx<'_>) {
        let trace = if self.corrected { Arc::new(told.corrected()) } else { told.clone() };
        let (selected, before) = (self.row_item(), self.digest.take());
        let tree = std::mem::replace(&mut self.tree, Tree::of(&trace));
        let places = before.as_ref().map(|b| b.trace.places_in(&trace)).unwrap_or_default();
        let place = |node: u32| places.get(node as usize).copied().flatten();
        self.time.another(&trace);
        self.minimap.forget();
        let digest = Digest::of(trace.clone(), &self.tree);
        self.tree.fold_as(&tree, place);
        self.ruler = self.ruler.and_then(place);
        self.table = self.table.take().map(|table| table.renewed(&trace));
        self.search = self.search.take().map(|search| search.renewed(&self.tree, place));
        self.lines.place(&cx.look, &digest);
        self.digest = Some(digest);
        self.search_on(cx.area);
        self.place_lines();
        if let Some(item) = selected {
            self.select_again(item, before.as_ref(), &tree, place, cx);
        }
        if let Some(id) = self.wanted.take() {
            match trace.find(id) {
                Some(node) => self.select(node, cx.area),
                None => cx.notice(format!("span {id} is not in this trace")),
            }
        }
    }

    /// Selects what was selected in the tree before.
    fn select_again(
        &mut self,
        item: Item,
        before: Option<&Digest>,
        tree: &Tree,
        place: impl Fn(u32) -> Option<u32> + Copy,
        cx: &mut Cx<'_>,
    ) {
        let Some(trace) = self.trace().cloned() else { return };
        let now = match item {
            Item::Span(node) => {
                if let (None, Some(before)) = (place(node), before) {
                    cx.notice(format!("span {} is not in this trace any more", before.trace.nodes[node as usize].id));
                }
                place(node).map(Item::Span)
            }
            Item::Group(group) => self.tree.group_as(tree, group, place).map(Item::Group),
            Item::Line(line) => Some(Item::Line(line)),
        };
        let rows = self.tree.rows().len();
        let row = now.and_then(|item| self.tree.row_near(&trace, item)).unwrap_or(self.list.selected);
        self.list.select(row, rows, self.rows_height(cx.area));
    }
}
