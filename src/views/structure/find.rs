//! What is typed after `/`: a search over the tree, or a filter of the traces behind a row.

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::{Structure, tree::MISSING};
use crate::{
    trace::structure::Row,
    ui::format,
    views::{Cx, search::At},
};

impl Structure {
    pub(super) fn start_typing(&mut self) {
        match &mut self.behind {
            Some(list) => list.filter.open(),
            None => self.finder.open(),
        }
    }

    pub(super) fn typed(&mut self, cx: &Cx<'_>, key: KeyEvent) {
        match &mut self.behind {
            Some(list) => {
                if list.filter.key(key) {
                    self.relist(cx.area);
                }
            }
            None => {
                if self.finder.key(key) {
                    self.find(cx.area);
                } else if !self.finder.is_typing() {
                    self.reveal_found(cx.area);
                }
            }
        }
    }

    pub(super) fn pasted(&mut self, cx: &Cx<'_>, text: &str) {
        match &mut self.behind {
            Some(list) => {
                list.filter.paste(text);
                self.relist(cx.area);
            }
            None => {
                self.finder.paste(text);
                self.find(cx.area);
            }
        }
    }

    /// Searches for what is typed so far and goes to the first match from here on.
    fn find(&mut self, area: Rect) {
        self.finder.begin(self.row().unwrap_or(0));
        self.find_on(area);
    }

    /// Looks at some more rows and goes to the first match, or while it is typed to what hides it: half a word unfolds nothing.
    pub(super) fn find_on(&mut self, area: Rect) {
        let rows = self.merged.value().map(|news| news.rows.clone()).unwrap_or_default();
        self.finder.go_on(&self.tree, &words(&rows), |pattern, row| pattern.passes_any(texts(&rows[row as usize])));
        let Some(row) = self.finder.take_goal(&self.tree) else { return };
        match self.tree.line_near(&rows, row).filter(|_| self.finder.is_typing()) {
            Some(line) => self.choose(line, area),
            None => self.go_to_row(row, area),
        }
    }

    /// What was typed is what is meant: the first match from here on is unfolded where it is hidden.
    fn reveal_found(&mut self, area: Rect) {
        let (Some(search), Some(at)) = (&self.finder.search, self.row()) else { return };
        if let Some(row) = search.first_from(&self.tree, at).filter(|_| search.goes_from.is_none()) {
            self.go_to_row(row, area);
        }
    }

    pub(super) fn go_to_match(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let (Some(search), Some(at)) = (&self.finder.search, self.row()) else { return };
        match search.next(&self.tree, At::On(at), forward) {
            Some((place, row)) => {
                cx.notice(format!("match {} of {}", place + 1, search.len()));
                self.go_to_row(row, cx.area);
            }
            None => cx.notice(search.none(&self.tree)),
        }
    }

    /// Selects a row, and unfolds what hides it.
    pub(super) fn go_to_row(&mut self, row: u32, area: Rect) {
        let rows = self.merged.value().map(|news| news.rows.clone()).unwrap_or_default();
        self.tree.reveal(&rows, row);
        if let Some(line) = self.tree.line_near(&rows, row) {
            self.choose(line, area);
        }
    }

    /// What is searched for in the tree and how many rows have it.
    pub(super) fn found_note(&self) -> Option<String> {
        self.finder.note(&self.tree, &words(self.rows()))
    }

    /// Whether a search found other rows than this.
    pub(super) fn is_dimmed(&self, row: u32) -> bool {
        self.finder.search.as_ref().is_some_and(|search| !search.has(&self.tree, row))
    }
}

fn words(rows: &[Row]) -> String {
    format::counted(rows.len(), "row")
}

fn texts(row: &Row) -> [&str; 2] {
    row.operation.as_ref().map_or([MISSING, ""], |o| [o.service.as_str(), o.name.as_str()])
}
