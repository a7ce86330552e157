//! The hits of a search as one tree of services and operations: how many, how long, how many failed, what took the time.

mod behind;
mod draw;
mod find;
#[cfg(test)]
mod tests;
mod tree;

use std::{collections::HashMap, sync::Arc};

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use self::{behind::List, tree::Tree};
use super::{
    Cx, Look, Needs, Pointed, View, Wants, Yank,
    prompt::Prompt,
    search::{At, Finder, step},
};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, pick},
        slot::Slot,
    },
    model::{
        time::{TimeRange, Timestamp},
        trace::{TraceHit, TraceHits, TraceId},
        trace_source::{PlainQuery, TraceQuery},
    },
    trace::structure::{Row, StructureJob, StructureNews},
    traceql_plain::plain_of,
    ui::{
        panel,
        table::{TableState, visible_rows},
    },
};

/// Hits that are looked for where none are here.
const HITS: usize = 200;
/// Traces that are looked up at first, the newest of the hits: each is a whole trace, which servers pay for dearly. As many again
/// are at each key that asks for more.
const FIRST: usize = 50;
const SEARCH: &str = "hits";
const MERGED: &str = "structure";

/// What a page begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// The hits.
    pub hits: Vec<TraceHit>,
    /// The TraceQL that found them.
    pub query: String,
}

/// The page's state.
pub struct Structure {
    query: String,
    /// The hits, the newest first.
    hits: Vec<TraceHit>,
    /// Where each stands among them.
    places: HashMap<TraceId, usize>,
    /// How many of them are looked up.
    asked: usize,
    found: Slot<TraceHits>,
    job: Option<Arc<StructureJob>>,
    merged: Slot<StructureNews>,
    /// The user has stopped it.
    stopped: bool,
    /// All that are looked up are merged, or could not be read.
    done: bool,
    tree: Tree,
    list: TableState,
    /// The user has gone to the selected row, or done something with it.
    is_chosen: bool,
    finder: Finder,
    /// The traces behind a row, while they are listed.
    behind: Option<List>,
}

impl Structure {
    /// A page of what a TraceQL finds, or of all traces.
    pub fn new(query: Option<&str>) -> Self {
        Self {
            query: query.unwrap_or("{ }").to_owned(),
            hits: Vec::new(),
            places: HashMap::new(),
            asked: 0,
            found: Slot::default(),
            job: None,
            merged: Slot::default(),
            stopped: false,
            done: false,
            tree: Tree::default(),
            list: TableState::default(),
            is_chosen: false,
            finder: Finder::default(),
            behind: None,
        }
    }

    /// A page of hits that another one has.
    pub fn seeded(seed: Seed) -> Self {
        let mut page = Self::new(Some(&seed.query));
        page.merge(seed.hits);
        page
    }

    /// What is asked of those who know no TraceQL.
    fn plain(&self, look: &Look<'_>) -> Option<PlainQuery> {
        plain_of(&self.query, &look.shared.settings.labels.traces_service)
    }

    /// Has the newest of the hits merged.
    fn merge(&mut self, mut hits: Vec<TraceHit>) {
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.start), hit.trace));
        self.places = hits.iter().enumerate().map(|(at, hit)| (hit.trace, at)).collect();
        self.hits = hits;
        self.asked = self.hits.len().min(FIRST);
        self.job = Some(Arc::new(StructureJob::new(self.asked_for())));
    }

    /// Has as many again merged.
    fn merge_more(&mut self) {
        self.asked += self.more();
        (self.stopped, self.done) = (false, false);
        self.job = self.job.take().map(|job| Arc::new(job.with(self.asked_for())));
    }

    /// How many are looked up when more is asked for.
    fn more(&self) -> usize {
        (self.hits.len() - self.asked).min(self.asked)
    }

    /// The traces that are looked up, and when they were.
    fn asked_for(&self) -> Vec<(TraceId, TimeRange)> {
        self.hits[..self.asked].iter().map(|hit| (hit.trace, hit.range())).collect()
    }

    /// Why there is no more to be merged.
    fn no_more(&self) -> Option<&'static str> {
        if self.more() == 0 {
            Some("all hits are looked up")
        } else if !self.is_done() {
            Some("the traces before are still looked up")
        } else {
            None
        }
    }

    fn rows(&self) -> &[Row] {
        self.merged.value().map_or(&[], |news| &news.rows)
    }

    /// The selected row of the tree.
    fn row(&self) -> Option<u32> {
        let lines = self.tree.lines();
        lines.get(self.list.row(lines.len())?).copied()
    }

    /// The service of the selected row, or of the one whose traces are listed.
    fn service(&self) -> Option<&str> {
        let row = self.behind.as_ref().map_or_else(|| self.row(), |list| Some(list.row))?;
        let operation = self.rows().get(row as usize)?.operation.as_ref()?;
        Some(operation.service.as_str()).filter(|service| !service.is_empty())
    }

    fn is_done(&self) -> bool {
        self.stopped || self.done
    }

    /// Takes what is merged by now. The folds stay on their rows and the selection on a row that was chosen, else at the top.
    fn arrived(&mut self, before: &[Row], selected: Option<u32>, area: Rect) {
        let rows = self.merged.value().map(|news| news.rows.clone()).unwrap_or_default();
        let kept = selected.filter(|_| self.is_chosen).and_then(|row| tree::locate(&rows, &tree::path(before, row)));
        self.tree.renew(before, &rows);
        let line = kept.and_then(|row| self.tree.line_near(&rows, row));
        self.select(line.unwrap_or(0), area);
        self.finder.again(&self.tree);
        self.find_on(area);
        if let Some(list) = self.behind.take() {
            let row = tree::locate(&rows, &tree::path(before, list.row));
            self.behind = row.map(|row| List { row, ..list });
            self.relist(area);
        }
    }

    fn select(&mut self, line: usize, area: Rect) {
        let height = visible_rows(self.table(area));
        self.list.select(line, self.tree.lines().len(), height);
    }

    /// Selects a line that the user wants.
    fn choose(&mut self, line: usize, area: Rect) {
        self.is_chosen = true;
        self.select(line, area);
    }

    fn fold(&mut self, area: Rect, fold: bool) {
        let Some(row) = self.row() else { return };
        let rows = self.merged.value().map(|news| news.rows.clone()).unwrap_or_default();
        let at = self.list.selected;
        let is_end = rows[row as usize].subtree_end == row + 1 || self.tree.is_folded(row);
        let to = match rows[row as usize].parent.filter(|_| fold && is_end) {
            Some(parent) => self.tree.line_near(&rows, parent).unwrap_or(at),
            None => {
                self.tree.set_folded(&rows, row, fold);
                at
            }
        };
        self.choose(to, area);
    }

    fn toggle_all(&mut self, area: Rect) {
        let rows = self.merged.value().map(|news| news.rows.clone()).unwrap_or_default();
        let selected = self.row();
        self.tree.toggle_all(&rows);
        let line = selected.and_then(|row| self.tree.line_near(&rows, row));
        self.select(line.unwrap_or(0), area);
    }

    /// The next row of which spans failed, around at the end: unfolded where it is hidden.
    fn next_error(&mut self, area: Rect) {
        let failed: Vec<u32> = (0u32..).zip(self.rows()).filter(|(_, row)| row.errors > 0).map(|(at, _)| at).collect();
        if let Some((_, row)) = self.row().and_then(|row| step(&self.tree, &failed, At::On(row), true)) {
            self.go_to_row(row, area);
        }
    }
}

impl View for Structure {
    fn kind(&self) -> ViewKind {
        ViewKind::Structure
    }

    fn crumb(&self, _look: &Look<'_>) -> String {
        self.kind().title().to_owned()
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        let rows = if self.behind.is_some() { self.listed().is_some() } else { self.row().is_some() };
        Facts {
            rows,
            drill: if rows { None } else { Some("nothing is merged yet") },
            trace: self.behind.is_some() && rows,
            service: self.service().is_some(),
            errors: self.behind.is_none() && self.rows().iter().any(|row| row.errors > 0),
            folds: self.behind.is_none() && rows,
            no_more: self.no_more(),
            searched: self.behind.is_none() && self.finder.has_search(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{Back, CompareTraces, Drill, Filter, FoldAll, More, NextError};
        match (&self.behind, self.is_done()) {
            (Some(_), _) => &[Drill, CompareTraces, Filter],
            (None, false) => &[Back, Drill, Filter, FoldAll, NextError],
            (None, true) => &[Drill, More, Filter, FoldAll, NextError],
        }
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill if self.behind.is_some() => Some("waterfall"),
            Command::Drill => Some("its traces"),
            Command::Filter if self.behind.is_none() => Some("find"),
            Command::Back => Some("stop"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { traces: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        match &self.job {
            Some(job) if !self.stopped => needs.ask(MERGED, 0, Request::Structure(job.clone()), Refresh::Once),
            Some(_) => {}
            None => {
                let query = TraceQuery { plain: self.plain(look), ..TraceQuery::typed(self.query.clone()) };
                needs.ask(SEARCH, 0, Request::Search { query, window: look.scope.window, limit: HITS }, Refresh::Once);
            }
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        if answer.slot.pane == SEARCH {
            let result = expect(answer.result, pick!(Hits));
            let changed = self.found.settle(answer.asked, result);
            if let Some(found) = self.found.value().cloned() {
                self.merge(found.hits);
            }
            return changed;
        }
        let result = expect(answer.result, pick!(Structure));
        let before = self.merged.value().map(|news| news.rows.clone()).unwrap_or_default();
        let selected = self.row();
        self.done = result.as_ref().map_or(true, |news| news.is_done);
        let changed = self.merged.settle(answer.asked, result);
        if changed {
            self.arrived(&before, selected, cx.area);
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        self.finder.keep_selection();
        match command {
            Command::Filter => self.start_typing(),
            // Also of the list: what is looked up is put into it as well.
            Command::More => self.merge_more(),
            Command::Infra => {
                if let Some(service) = self.service() {
                    let scope = cx.look.scope.with_service(service);
                    cx.push(ViewKind::Infra, scope);
                }
            }
            Command::Refresh => {
                (self.stopped, self.done) = (false, false);
                return false;
            }
            _ if self.behind.is_some() => return self.list_command(cx, command),
            Command::Back if !self.is_done() => {
                self.stopped = true;
                let key = cx.look.shared.keymap.key(Command::Refresh).unwrap_or_default();
                cx.notice(format!("stopped: {key} goes on"));
            }
            Command::Back if self.finder.search.is_some() => self.finder = Finder::default(),
            Command::Drill => {
                self.is_chosen = true;
                self.list_behind(cx.area);
            }
            Command::NextMatch | Command::PreviousMatch => self.go_to_match(cx, command == Command::NextMatch),
            Command::Unfold | Command::Fold => self.fold(cx.area, command == Command::Fold),
            Command::FoldAll => self.toggle_all(cx.area),
            Command::NextError => self.next_error(cx.area),
            _ => {
                let height = visible_rows(self.table(cx.area));
                let is_moved = self.list.command(command, self.tree.lines().len(), height);
                self.is_chosen = if is_moved { command != Command::Top } else { self.is_chosen };
                return is_moved;
            }
        }
        true
    }

    /// The hits are those of the window that they were found in.
    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.behind.as_ref().map_or_else(|| self.finder.is_typing(), |list| list.filter.is_typing())
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        self.typed(cx, key);
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.pasted(cx, text);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.behind.as_ref().map_or_else(|| self.finder.prompt(), |list| list.filter.prompt())
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.finder.keep_selection();
        let (table, rows) = (self.table(cx.area), self.listed_rows());
        match &mut self.behind {
            Some(list) => list.state.mouse(event, table, rows),
            None => {
                let pointed = self.list.mouse(event, table, self.tree.lines().len());
                self.is_chosen |= pointed != Pointed::Nothing;
                pointed
            }
        }
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        let trace = self.listed().map(|(id, _)| Yank { label: "trace id".to_owned(), text: id.to_string() });
        trace.into_iter().chain([Yank { label: "TraceQL".to_owned(), text: self.query.clone() }]).collect()
    }

    fn reopen(&self, _look: &Look<'_>) -> Vec<String> {
        vec!["--query".to_owned(), self.query.clone()]
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.finder.is_searching(&self.tree).then_some(look.now).or_else(|| panel::state(&self.merged, look).wake)
    }

    fn woken(&mut self, cx: &mut Cx<'_>) {
        if self.finder.is_searching(&self.tree) {
            self.find_on(cx.area);
        }
    }
}
