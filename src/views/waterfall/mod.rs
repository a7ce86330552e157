//! One trace: tree and bars, and the detail of the selected span.

mod actions;
mod axis;
mod bars;
mod compare;
mod detail;
mod digest;
mod draw;
mod fold;
mod lines;
mod minimap;
mod moves;
mod pointing;
mod renew;
mod row;
mod rows;
mod ruler;
mod strip;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod typing;

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

pub(super) use self::detail::fault;
use self::{
    digest::Digest,
    lines::Lines,
    minimap::Minimap,
    rows::{Item, Tree},
    table::SpanTable,
    time::Time,
};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, entries::Entries, infra, prompt::Prompt, search::Search};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, pick},
        scope::Scope,
        slot::Slot,
    },
    model::{
        time::Timestamp,
        trace::{SpanId, TraceId},
    },
    store::Pattern,
    trace::Trace,
    ui::{chart::TimeAxis, table::TableState},
};

/// The page's state.
pub struct Waterfall {
    slot: Slot<Arc<Trace>>,
    /// The trace as it is shown, its clocks put right or not.
    digest: Option<Digest>,
    corrected: bool,
    /// The span to select when the trace arrives.
    wanted: Option<SpanId>,
    tree: Tree,
    list: TableState,
    time: Time,
    minimap: Minimap,
    /// Whether the critical path is told apart.
    path: bool,
    /// The span that is measured from.
    ruler: Option<u32>,
    table: Option<SpanTable>,
    lines: Lines,
    in_detail: bool,
    full: bool,
    pane: Entries,
    detail_filter: Option<Pattern>,
    search: Option<Search>,
    prompt: Option<Prompt>,
}

impl Waterfall {
    /// A new page.
    pub fn new(scope: &Scope) -> Self {
        Self {
            slot: Slot::default(),
            digest: None,
            corrected: false,
            wanted: scope.span,
            tree: Tree::default(),
            list: TableState::default(),
            time: Time::default(),
            minimap: Minimap::default(),
            path: true,
            ruler: None,
            table: None,
            lines: Lines::default(),
            in_detail: false,
            full: false,
            pane: Entries::default(),
            detail_filter: None,
            search: None,
            prompt: None,
        }
    }

    /// The trace as it is shown.
    fn trace(&self) -> Option<&Arc<Trace>> {
        self.digest.as_ref().map(|d| &d.trace)
    }

    /// What is selected: a row of the tree, or the first span of a row of the table.
    fn item(&self) -> Option<Item> {
        match &self.table {
            Some(table) => table.selected().map(|row| Item::Span(row.first)),
            None => self.row_item(),
        }
    }

    /// What the selected row of the tree shows.
    fn row_item(&self) -> Option<Item> {
        let row = self.list.row(self.tree.rows().len())?;
        self.tree.rows().get(row).map(|row| row.item)
    }

    /// The selected node: of repeated ones the first, of a line of the logs the one that it is below.
    fn node(&self) -> Option<usize> {
        let node = match self.item()? {
            Item::Span(node) => node,
            Item::Group(group) => *self.tree.groups.groups().get(group as usize)?.members.first()?,
            Item::Line(line) => self.lines.span_of(line)?,
        };
        Some(node as usize)
    }

    fn rows_height(&self, area: Rect) -> usize {
        usize::from(self.places(area).rows.height)
    }

    /// Whether there are spans that were not looked at yet for what is searched for.
    fn is_searching(&self) -> bool {
        self.search.as_ref().is_some_and(|s| !s.is_done(&self.tree))
    }

    fn place_lines(&mut self) {
        if let Some(trace) = self.digest.as_ref().map(|d| d.trace.clone()) {
            let lines = if self.lines.shown { self.lines.by_span() } else { Default::default() };
            self.tree.set_lines(&trace, lines);
        }
    }

    /// Shows lines of the logs between the spans, or no more.
    fn toggle_lines(&mut self, cx: &mut Cx<'_>) {
        let Some(item) = self.row_item() else { return };
        let line = self.line(cx.area);
        self.lines.shown = !self.lines.shown;
        self.place_lines();
        self.select_on(line, item, cx.area);
    }

    fn move_or_scroll(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        let places = self.places(cx.area);
        if self.in_detail {
            let items = self.details(&cx.look);
            return self.pane.command(command, &items, places.sheet);
        }
        let moved = self.list.command(command, self.tree.rows().len(), usize::from(places.rows.height));
        if moved {
            self.pane.another();
        }
        moved
    }

    /// What a command does to how the trace is shown. Returns false for commands that are no such.
    fn change_look(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::CriticalPath => {
                self.path = !self.path;
                cx.notice(if self.path { "critical path in full height" } else { "all spans alike" });
            }
            Command::FoldWaits => {
                self.time.folded = !self.time.folded;
                cx.notice(if self.time.folded { "waits are folded" } else { "time as long as it was" });
            }
            Command::ZoomToSpan => self.zoom_to_span(),
            Command::Measure => self.measure(cx),
            Command::SpanTable => self.toggle_table(),
            Command::TraceLines => self.toggle_lines(cx),
            Command::CorrectClocks => self.correct_clocks(cx),
            Command::FullScreen => self.full = !self.full,
            _ => return self.zoom(cx, command),
        }
        true
    }
}

impl View for Waterfall {
    fn kind(&self) -> ViewKind {
        ViewKind::Waterfall
    }

    fn crumb(&self, look: &Look<'_>) -> String {
        look.scope.trace.map_or_else(|| "no trace".to_owned(), |t| short(t, look))
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        let (trace, node) = (self.trace(), self.node());
        let both = trace.zip(node);
        let has_above = self.list.row(self.tree.rows().len()).is_some_and(|row| self.tree.rows()[row].depth > 0);
        Facts {
            rows: node.is_some(),
            drill: if node.is_some() { None } else { Some("there is no span to open") },
            service: both.is_some_and(|(t, n)| !t.service(n).is_empty()),
            infra: both.is_some_and(|(t, n)| !infra::place_of_span(t, n).is_empty()),
            trace: trace.is_some(),
            errors: trace.is_some_and(|t| t.error_count > 0),
            searched: self.search.is_some(),
            folds: self.in_detail
                || self.table.is_none() && (has_above || trace.zip(self.item()).is_some_and(|(t, item)| self.tree.has_below(t, item))),
            link: self.links().is_some_and(|links| !links.is_empty()),
            skewed: self.corrected || trace.is_some_and(|t| t.is_skewed()),
            panes: true,
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{
            CompareTraces, CorrectClocks, CriticalPath, Drill, Exclude, Filter, FoldAll, FoldWaits, Include, Infra, Logs, NextError, Red,
            SpanTable, TraceLines, Yank, ZoomToSpan,
        };
        if self.in_detail {
            return &[Drill, Include, Exclude, Filter, Yank, Logs, Infra];
        }
        if self.corrected || self.trace().is_some_and(|trace| trace.is_skewed()) {
            return &[
                Logs,
                Infra,
                NextError,
                CorrectClocks,
                CompareTraces,
                Drill,
                Filter,
                ZoomToSpan,
                FoldWaits,
                CriticalPath,
                SpanTable,
                TraceLines,
            ];
        }
        &[Logs, Infra, NextError, CompareTraces, Drill, Filter, ZoomToSpan, FoldWaits, CriticalPath, FoldAll, SpanTable, TraceLines, Red]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Logs => Some("logs of span"),
            Command::Infra => Some("pod"),
            Command::Drill if self.in_detail => Some("search"),
            Command::Drill if self.table.is_some() => Some("its spans"),
            Command::Drill => Some("detail"),
            Command::Filter => Some("find"),
            Command::Include => Some("scope filter"),
            Command::Exclude => Some("leave out"),
            Command::FoldWaits if self.time.folded => Some("real time"),
            Command::CorrectClocks if self.corrected => Some("clocks as told"),
            Command::CorrectClocks => Some("put clocks right"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { log_labels: self.lines.shown, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        if let Some(trace) = look.scope.trace {
            needs.ask("trace", 0, Request::Trace(trace, look.scope.trace_near), Refresh::Once);
        }
        if let Some(trace) = self.trace().filter(|_| self.lines.shown) {
            self.lines.ask(look, trace, needs);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let item = self.row_item();
        let line = if let Some(Item::Line(number)) = item { self.lines.line(number).cloned() } else { None };
        if let Some(digest) = &self.digest
            && let Some(came) = self.lines.answer(&cx.look, digest, &answer)
        {
            if !came {
                return true;
            }
            // Others may have come before it.
            let item = line.and_then(|line| self.lines.number(&line)).map(Item::Line).or(item);
            let on = self.line(cx.area);
            self.place_lines();
            if let Some(item) = item {
                self.select_on(on, item, cx.area);
            }
            return true;
        }
        let result = expect(answer.result, pick!(Trace));
        let arrived = result.is_ok();
        let changed = self.slot.settle(answer.asked, result);
        if changed && arrived {
            self.arrived(cx);
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        self.keep_selection();
        if let Some(used) = self.table_command(cx, command) {
            return used;
        }
        match command {
            Command::Back if self.in_detail && self.detail_filter.is_some() => self.detail_filter = None,
            Command::Back if self.in_detail => self.in_detail = false,
            Command::Back if self.search.is_some() => self.search = None,
            Command::Drill if self.in_detail => self.open_detail(cx),
            Command::Drill if matches!(self.item(), Some(Item::Group(_))) => self.fold(cx, false),
            Command::Drill | Command::NextPane | Command::PreviousPane => self.in_detail = !self.in_detail,
            Command::Logs | Command::Red => self.open_view(cx, command),
            Command::Infra => self.open_infra(cx),
            Command::CompareTraces => self.compare_with_good(cx),
            Command::ShowLink => self.open_link(cx),
            Command::Include | Command::Exclude => self.filter_scope(cx, command == Command::Include),
            Command::Filter => self.start_typing(),
            Command::Unfold | Command::Fold if self.in_detail => self.fold_detail(cx, command == Command::Fold),
            Command::Unfold | Command::Fold => self.fold(cx, command == Command::Fold),
            _ => {
                return self.go(cx, command)
                    || self.fold_many(cx, command)
                    || self.change_look(cx, command)
                    || self.move_or_scroll(cx, command);
            }
        }
        true
    }

    /// The trace is the same in any window.
    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.prompt.is_some()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        self.typed(cx, key);
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.typed_on(cx);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.keep_selection();
        let before = self.in_detail;
        let pointed = self.pointed(cx, event);
        if self.in_detail != before {
            // What is typed is of the other pane, and stays as it is.
            self.prompt = None;
        }
        pointed
    }

    fn time_axis(&self, _look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        self.axis_at(area, at)
    }

    fn dragged(&mut self, cx: &mut Cx<'_>, columns: (u16, u16)) -> bool {
        self.zoom_to_columns(cx, columns)
    }

    fn dragged_words(&self, look: &Look<'_>, area: Rect, columns: (u16, u16)) -> Option<String> {
        self.words_of_columns(look, area, columns)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        self.copies(look)
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.is_searching().then_some(look.now).or_else(|| crate::ui::panel::state(&self.slot, look).wake)
    }

    fn woken(&mut self, cx: &mut Cx<'_>) {
        if self.is_searching() {
            self.search_on(cx.area);
        }
    }
}

/// A trace id with its middle left out, in the glyphs that the terminal has.
pub(super) fn short(trace: TraceId, look: &Look<'_>) -> String {
    trace.short().replace('…', look.shared.glyphs.ellipsis)
}
