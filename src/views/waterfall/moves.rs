//! From span to span: errors, matches, callers, siblings.

use ratatui::layout::Rect;

use super::{
    Waterfall,
    rows::{Item, children},
};
use crate::{
    core::command::Command,
    store::Pattern,
    ui::format,
    views::{
        Cx,
        search::{At, Search, Texts, step},
    },
};

impl Waterfall {
    /// Selects a span, and unfolds what hides it.
    pub(super) fn select(&mut self, node: usize, area: Rect) {
        let Some(trace) = self.trace().cloned() else { return };
        self.tree.reveal(&trace, node);
        if let Some(row) = self.tree.row_of(node) {
            self.select_row(row, area);
        }
    }

    pub(super) fn select_row(&mut self, row: usize, area: Rect) {
        let rows = self.tree.rows().len();
        let before = self.list.row(rows);
        let height = self.rows_height(area);
        if before.is_some_and(|b| b.abs_diff(row) >= height) {
            // A far jump shows what is around its goal.
            self.list.offset = row.saturating_sub(height / 3);
        }
        self.list.select(row, rows, height);
        self.pane.another();
    }

    /// The line of the screen that the selected row is on.
    pub(super) fn line(&self, area: Rect) -> usize {
        let rows = self.tree.rows().len();
        self.list.row(rows).unwrap_or(0).saturating_sub(self.list.first(rows, self.rows_height(area)))
    }

    /// Selects what was selected before rows came or went, or what stands for it, on the same line of the screen where that can be.
    pub(super) fn select_on(&mut self, line: usize, item: Item, area: Rect) {
        let row = self.trace().and_then(|trace| self.tree.row_near(trace, item)).unwrap_or(0);
        self.list.offset = row.saturating_sub(line);
        self.list.select(row, self.tree.rows().len(), self.rows_height(area));
    }

    /// What is searched for takes the selection no more: the reader went on.
    pub(super) fn keep_selection(&mut self) {
        if let Some(search) = &mut self.search {
            search.goes_from = None;
        }
    }

    /// From where moves go on: of a line of the logs the span that it is below.
    fn here(&self) -> Option<At> {
        match self.row_item()? {
            Item::Span(node) => Some(At::On(node)),
            Item::Group(group) => self.tree.groups.groups().get(group as usize)?.members.first().copied().map(At::Above),
            Item::Line(line) => self.lines.span_of(line).map(At::On),
        }
    }

    /// What a command moves to. Returns false for commands that move to no span.
    pub(super) fn go(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::NextError | Command::PreviousError => self.go_to_error(cx, command == Command::NextError),
            Command::NextMatch | Command::PreviousMatch => self.go_to_match(cx, command == Command::NextMatch),
            Command::Parent => self.go_up(cx),
            Command::SlowestChild => self.go_to_slowest(cx),
            Command::NextSibling | Command::PreviousSibling => self.go_to_sibling(cx, command == Command::NextSibling),
            _ => return false,
        }
        true
    }

    fn go_to_error(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let (Some(digest), Some(at)) = (&self.digest, self.here()) else { return };
        if let Some((place, node)) = step(&self.tree, &digest.errors, at, forward) {
            cx.notice(format!("error {} of {}", place + 1, digest.errors.len()));
            self.select(node as usize, cx.area);
        }
    }

    fn go_to_match(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let (Some(search), Some(at)) = (&self.search, self.here()) else { return };
        match search.next(&self.tree, at, forward) {
            Some((place, node)) => {
                cx.notice(format!("match {} of {}", place + 1, search.len()));
                self.select(node as usize, cx.area);
            }
            None => cx.notice(search.none(&self.tree)),
        }
    }

    /// To what is above: of a span that is one of several alike, their heading.
    pub(super) fn go_up(&mut self, cx: &mut Cx<'_>) {
        let (Some(trace), Some(item)) = (self.trace().cloned(), self.row_item()) else { return };
        let Some(row) = self.list.row(self.tree.rows().len()) else { return };
        let rows = self.tree.rows();
        let above = rows[..row].iter().rposition(|r| r.depth < rows[row].depth);
        match above {
            Some(above) => self.select_row(above, cx.area),
            None => {
                let missing = matches!(item, Item::Span(n) if trace.nodes[n as usize].is_missing());
                cx.notice(if missing { "what called it was not delivered" } else { "nothing called it: it is a root" });
            }
        }
    }

    fn go_to_slowest(&mut self, cx: &mut Cx<'_>) {
        let (Some(trace), Some(item)) = (self.trace().cloned(), self.row_item()) else { return };
        let slowest =
            |nodes: &mut dyn Iterator<Item = u32>| nodes.max_by_key(|n| (trace.nodes[*n as usize].duration_ns, std::cmp::Reverse(*n)));
        let found = match item {
            Item::Span(node) => slowest(&mut children(&trace, node)),
            Item::Group(group) => slowest(&mut self.tree.groups.groups()[group as usize].members.iter().copied()),
            Item::Line(_) => None,
        };
        match found {
            Some(node) => self.select(node as usize, cx.area),
            None => cx.notice("it called nothing"),
        }
    }

    /// To the next row of the same depth under the same one.
    fn go_to_sibling(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let rows = self.tree.rows();
        let Some(row) = self.list.row(rows.len()) else { return };
        let depth = rows[row].depth;
        let is_in = |at: &usize| rows[*at].depth >= depth;
        let is_one = |at: &usize| rows[*at].depth == depth;
        let found =
            if forward { (row + 1..rows.len()).take_while(is_in).find(is_one) } else { (0..row).rev().take_while(is_in).find(is_one) };
        match found {
            Some(at) => self.select_row(at, cx.area),
            None => cx.notice(if forward { "this is the last one of its caller" } else { "this is the first one of its caller" }),
        }
    }

    /// Searches for what is typed so far and goes to the first match from here on.
    pub(super) fn searched(&mut self, area: Rect) {
        let at = self.here().map_or(0, At::span);
        let Some(prompt) = self.prompt.as_mut().filter(|_| self.digest.is_some()) else { return };
        match Pattern::parse(prompt.text()) {
            Ok(None) => {
                prompt.note.clear();
                self.search = None;
            }
            Ok(Some(pattern)) => {
                self.search = Some(Search::new(pattern, Some(at)));
                self.search_on(area);
            }
            Err(why) => prompt.note = why,
        }
    }

    /// Looks at more spans for what is searched for, says what was found so far, and goes to the first match.
    pub(super) fn search_on(&mut self, area: Rect) {
        let (Some(trace), Some(search)) = (self.digest.as_ref().map(|d| d.trace.clone()), &mut self.search) else { return };
        let mut texts = Texts::new(&trace, search.pattern.as_ref());
        search.go_on(&self.tree, |pattern, node| pattern.passes_any(texts.of(node)));
        search.say(self.prompt.as_mut(), &self.tree, &format!("{} spans", format::count(u64::from(trace.span_count))));
        if let Some(node) = search.take_goal(&self.tree) {
            self.go_to_found(node, area);
        }
    }

    /// Selects a match, or while it is typed what hides it: half a word unfolds nothing.
    fn go_to_found(&mut self, node: u32, area: Rect) {
        let Some(trace) = self.trace().cloned() else { return };
        match self.tree.row_near(&trace, Item::Span(node)).filter(|_| self.prompt.is_some()) {
            Some(row) => self.select_row(row, area),
            None => self.select(node as usize, area),
        }
    }

    /// What was typed is what is meant: the first match from here on is unfolded where it is hidden.
    pub(super) fn reveal_found(&mut self, area: Rect) {
        let (Some(search), Some(at)) = (&self.search, self.here()) else { return };
        if let Some(node) = search.first_from(&self.tree, at.span()).filter(|_| search.goes_from.is_none()) {
            self.select(node as usize, area);
        }
    }
}
