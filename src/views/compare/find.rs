//! What is searched for after `/`: spans that have it in either trace.

use std::{borrow::Cow, sync::Arc};

use ratatui::layout::Rect;

use super::{Compare, Item, Order, draw::word, tree::unfolded};
use crate::{
    core::command::Command,
    trace::differences::Differences,
    ui::format,
    views::{
        Cx,
        search::{At, Places, Texts},
    },
};

/// Where the rows of a comparison stand in the tree when nothing is folded: repeated ones follow the first of them.
pub(super) struct Ranks {
    found: Arc<Differences>,
    order: Vec<u32>,
    rank: Vec<u32>,
}

impl Ranks {
    pub(super) fn of(found: &Arc<Differences>) -> Self {
        let order = unfolded(found);
        let mut rank = vec![0; order.len()];
        for (at, row) in (0..).zip(&order) {
            rank[*row as usize] = at;
        }
        Self { found: found.clone(), order, rank }
    }

    /// How many there are, in words.
    pub(super) fn words(&self) -> String {
        format::counted(self.order.len(), "row")
    }
}

impl Places for Ranks {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn rank(&self, row: u32) -> u32 {
        self.rank[row as usize]
    }

    fn group_of(&self, row: u32) -> Option<u32> {
        self.found.group_of(row)
    }
}

impl Compare {
    pub(super) fn start_finding(&mut self, cx: &mut Cx<'_>) {
        if self.drawn.is_none() {
            return cx.notice("nothing is compared yet");
        }
        self.rank();
        self.finder.open();
    }

    /// Works out where the rows stand, once.
    pub(super) fn rank(&mut self) -> Option<&Ranks> {
        let (_, found) = self.drawn.as_ref()?;
        Some(self.ranks.get_or_insert_with(|| Ranks::of(found)))
    }

    /// Searches for what is typed so far and goes to the first match from here on.
    pub(super) fn find(&mut self, area: Rect) {
        self.finder.begin(self.at().map_or(0, At::span));
        self.find_on(area);
    }

    /// The same search among other rows.
    pub(super) fn find_again(&mut self, area: Rect) {
        self.ranks = self.drawn.as_ref().filter(|_| self.ranks.is_some()).map(|(_, found)| Ranks::of(found));
        if let Some(ranks) = &self.ranks {
            self.finder.again(ranks);
        }
        self.find_on(area);
    }

    /// Whether there are rows that were not looked at yet.
    pub(super) fn is_finding(&self) -> bool {
        self.ranks.as_ref().is_some_and(|ranks| self.finder.is_searching(ranks))
    }

    /// Looks at some more rows and goes to the first match, or while it is typed to what hides it: half a word unfolds nothing.
    pub(super) fn find_on(&mut self, area: Rect) {
        let (Some((job, found)), Some(ranks)) = (self.drawn.clone(), &self.ranks) else { return };
        let pattern = self.finder.search.as_ref().and_then(|search| search.pattern.as_ref());
        let (mut base, mut other) = (Texts::new(&job.base, pattern), Texts::new(&job.other, pattern));
        self.finder.go_on(ranks, &ranks.words(), |pattern, row| {
            let row = &found.comparison.rows[row as usize];
            let in_base = row.base.map(|n| base.of(n)).into_iter().flatten();
            let in_other = row.other.map(|n| other.of(n)).into_iter().flatten();
            pattern.passes_any(in_base.chain(in_other).chain([Cow::Borrowed(word(row.change))]))
        });
        match self.tree.order {
            Order::Tree => {
                let Some(row) = self.finder.take_goal(ranks) else { return };
                match self.tree.line_near(&found, row).filter(|_| self.finder.is_typing()) {
                    Some(line) => self.go_to(line, area),
                    None => self.go_to_row(row, area),
                }
            }
            Order::Worst => self.go_to_found_line(area),
        }
    }

    /// What was typed is what is meant: the first match from here on is unfolded where it is hidden.
    pub(super) fn reveal_found(&mut self, area: Rect) {
        let (Some(search), Some(ranks), Some(at)) = (&self.finder.search, &self.ranks, self.at()) else { return };
        let is_there = search.goes_from.is_none() && self.tree.order == Order::Tree;
        if let Some(row) = search.first_from(ranks, at.span()).filter(|_| is_there) {
            self.go_to_row(row, area);
        }
    }

    /// Worst first only lines can be gone to: from the selected one on, and around the end once all are known.
    fn go_to_found_line(&mut self, area: Rect) {
        if self.finder.search.as_ref().is_none_or(|search| search.goes_from.is_none()) {
            return;
        }
        let (lines, from) = (self.tree.lines(), self.list.row(self.tree.lines().len()).unwrap_or(0));
        let around = if self.is_finding() { 0 } else { from };
        if let Some(line) = (from..lines.len()).chain(0..around).find(|at| !self.is_dimmed(lines[*at].item)) {
            self.finder.keep_selection();
            self.go_to(line, area);
        }
    }

    pub(super) fn go_to_match(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let (Some(search), Some(ranks)) = (&self.finder.search, &self.ranks) else { return };
        if search.len() == 0 {
            return cx.notice(search.none(ranks));
        }
        if self.tree.order == Order::Worst {
            return self.go_to_matching_line(cx, forward);
        }
        if let Some((place, row)) = self.at().and_then(|at| search.next(ranks, at, forward)) {
            cx.notice(format!("match {} of {}", place + 1, search.len()));
            self.go_to_row(row, cx.area);
        }
    }

    fn go_to_matching_line(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let (lines, at) = (self.tree.lines(), self.list.row(self.tree.lines().len()).unwrap_or(0));
        let matching: Vec<usize> = (0..lines.len()).filter(|line| !self.is_dimmed(lines[*line].item)).collect();
        let next = if forward { matching.iter().position(|line| *line > at) } else { matching.iter().rposition(|line| *line < at) };
        let around = if forward { 0 } else { matching.len().saturating_sub(1) };
        let place = next.unwrap_or(around);
        match matching.get(place) {
            Some(line) => {
                cx.notice(format!("match {} of {}", place + 1, matching.len()));
                self.go_to(*line, cx.area);
            }
            None => {
                let key = cx.look.shared.keymap.key(Command::Order).unwrap_or_default();
                cx.notice(format!("what has it takes about as long as in the base: {key} shows all spans"));
            }
        }
    }

    /// Whether a search found other spans than these.
    pub(super) fn is_dimmed(&self, item: Item) -> bool {
        let (Some(search), Some(ranks)) = (&self.finder.search, &self.ranks) else { return false };
        match item {
            Item::Row(row) => !search.has(ranks, row),
            Item::Group(group) => !search.has_in_group(group),
        }
    }
}
