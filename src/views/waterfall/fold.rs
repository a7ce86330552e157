//! What is folded: by hand, to a depth, to errors, to the critical path.

use super::{Waterfall, rows::Item};
use crate::{core::command::Command, ui::format, views::Cx};

impl Waterfall {
    /// Unfolds or folds what is selected; what folds no further leads to what is above it.
    pub(super) fn fold(&mut self, cx: &mut Cx<'_>, fold: bool) {
        let (Some(trace), Some(item)) = (self.trace().cloned(), self.row_item()) else { return };
        let is_end = !self.tree.has_below(&trace, item) || self.tree.is_folded(item);
        if fold && is_end {
            return self.go_up(cx);
        }
        let line = self.line(cx.area);
        self.tree.set_folded(&trace, item, fold);
        self.select_on(line, item, cx.area);
        self.pane.another();
    }

    /// What a command folds and unfolds of all. Returns false for commands that do no such thing.
    pub(super) fn fold_many(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let (Some(digest), Some(item)) = (&self.digest, self.row_item()) else { return false };
        let trace = digest.trace.clone();
        let through = |i: usize| u32::try_from(i).is_ok_and(|n| digest.through(n).is_some());
        // Whether something below a node is worth to be seen: the node itself is a row anyway.
        let below = |worth: &dyn Fn(usize) -> bool| {
            let mut out = vec![false; trace.nodes.len()];
            for i in (0..out.len()).rev() {
                if let Some(parent) = trace.nodes[i].parent {
                    out[parent as usize] |= worth(i) || out[i];
                }
            }
            out
        };
        let errors = |i: usize| trace.nodes[i].is_error();
        let line = self.line(cx.area);
        match command {
            Command::FoldAll => {
                let before = self.tree.folds();
                let worth = below(&|i| errors(i) || through(i));
                self.tree.fold_where(&trace, |i| !worth[i], false);
                if self.tree.folds() == before {
                    self.tree.fold_where(&trace, |_| false, false);
                }
            }
            Command::FoldToErrors => {
                let worth = below(&errors);
                self.tree.fold_where(&trace, |i| !worth[i], false);
            }
            Command::FoldToPath => {
                let worth = below(&through);
                self.tree.fold_where(&trace, |i| !worth[i], false);
            }
            Command::UnfoldAll => self.tree.fold_where(&trace, |_| false, true),
            Command::FoldDeeper | Command::FoldHigher => {
                let spans = self.tree.rows().iter().filter_map(|row| if let Item::Span(n) = row.item { Some(n) } else { None });
                let depth = |n: u32| trace.nodes[n as usize].depth;
                let (level, groups) = if command == Command::FoldDeeper {
                    match spans.filter(|n| self.tree.is_folded(Item::Span(*n))).map(depth).min() {
                        Some(folded) => (folded + 1, false),
                        None => (u32::MAX, true),
                    }
                } else {
                    (spans.map(depth).max().unwrap_or(0).saturating_sub(1), false)
                };
                self.tree.fold_where(&trace, |i| trace.nodes[i].depth >= level, groups);
            }
            _ => return false,
        }
        cx.notice(self.folded_words());
        self.select_on(line, item, cx.area);
        self.pane.another();
        true
    }

    fn folded_words(&self) -> String {
        let spans = self.tree.rows().iter().filter(|row| matches!(row.item, Item::Span(_))).count();
        let all = self.trace().map_or(0, |t| t.nodes.len());
        let words = format::counted(all, "span");
        if spans == all {
            format!("all of {words} are rows")
        } else {
            format!("{} of {words} are rows of their own", format::count(spans as u64))
        }
    }
}
