//! One trace: tree and bars, and the detail of the selected span.

mod bars;
mod detail;
mod draw;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::tree::Tree;
use super::{Act, Cx, Look, Needs, Pointed, View, Yank, prompt::Prompt, sheet::Sheet};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, Response},
        scope::Scope,
        slot::Slot,
    },
    model::{
        time::TimeRange,
        trace::{SpanId, TraceId},
    },
    store::Pattern,
    trace::Trace,
    ui::{
        field::Typed,
        table::{TableState, WHEEL},
    },
};

/// What is searched for and the nodes that have it.
struct Search {
    pattern: Pattern,
    nodes: Vec<u32>,
}

/// The page's state.
pub struct Waterfall {
    slot: Slot<Arc<Trace>>,
    /// The span to select when the trace arrives.
    wanted: Option<SpanId>,
    tree: Tree,
    list: TableState,
    in_detail: bool,
    full: bool,
    scroll: usize,
    search: Option<Search>,
    prompt: Option<Prompt>,
}

impl Waterfall {
    /// A new page.
    pub fn new(scope: &Scope) -> Self {
        Self {
            slot: Slot::default(),
            wanted: scope.span,
            tree: Tree::default(),
            list: TableState::default(),
            in_detail: false,
            full: false,
            scroll: 0,
            search: None,
            prompt: None,
        }
    }

    fn trace(&self) -> Option<&Arc<Trace>> {
        self.slot.value()
    }

    /// The selected node.
    fn node(&self) -> Option<usize> {
        let row = self.list.row(self.tree.rows().len())?;
        self.tree.rows().get(row).map(|n| *n as usize)
    }

    /// The scope of the selected span: its service and itself.
    fn span_scope(&self, look: &Look<'_>) -> Option<Scope> {
        let (trace, node) = (self.trace()?, self.node()?);
        let service = trace.service(node);
        let mut scope = if service.is_empty() { look.scope.clone() } else { look.scope.with_service(service) };
        scope.trace = Some(trace.id);
        scope.span = trace.span(node).map(|s| s.id);
        let (start, end) = (trace.nodes[node].start, trace.nodes[node].end());
        Some(scope.around(TimeRange { start, end }))
    }

    fn sheet(&self, look: &Look<'_>) -> Sheet {
        match (self.trace(), self.node()) {
            (Some(trace), Some(node)) => detail::sheet(trace, node, look),
            _ => Sheet::default(),
        }
    }

    fn rows_height(&self, area: Rect) -> usize {
        usize::from(self.places(area).rows.height)
    }

    fn select(&mut self, node: usize, area: Rect) {
        let Some(trace) = self.trace().cloned() else { return };
        self.tree.reveal(&trace, node);
        if let Some(row) = self.tree.row_of(node) {
            self.select_row(row, area);
        }
    }

    fn select_row(&mut self, row: usize, area: Rect) {
        let rows = self.tree.rows().len();
        let before = self.list.row(rows);
        let height = self.rows_height(area);
        if before.is_some_and(|b| b.abs_diff(row) >= height) {
            // A far jump shows what is around its goal.
            self.list.offset = row.saturating_sub(height / 3);
        }
        self.list.select(row, rows, height);
        self.scroll = 0;
    }

    fn arrived(&mut self, cx: &mut Cx<'_>) {
        let Some(trace) = self.trace().cloned() else { return };
        let keep = self.wanted.take();
        self.tree = Tree::of(&trace);
        self.search = self.search.take().map(|s| Search { nodes: tree::search(&trace, &s.pattern), ..s });
        match keep.map(|id| (id, trace.find(id))) {
            Some((_, Some(node))) => self.select(node, cx.area),
            Some((id, None)) => cx.notice(format!("span {id} is not in this trace")),
            None => {}
        }
        if trace.span_count > 0 {
            let around = cx.look.scope.around(trace.range);
            cx.acts.push(Act::Rescope(Box::new(around)));
        }
    }

    fn next_error(&mut self, cx: &mut Cx<'_>) {
        let (Some(trace), Some(at)) = (self.trace().cloned(), self.node()) else { return };
        let errors: Vec<usize> = (0..trace.nodes.len()).filter(|i| trace.nodes[*i].is_error()).collect();
        let next = errors.iter().position(|e| *e > at).unwrap_or(0);
        if let Some(node) = errors.get(next) {
            cx.notice(format!("error {} of {}", next + 1, errors.len()));
            self.select(*node, cx.area);
        }
    }

    fn next_match(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let (Some(search), Some(at)) = (&self.search, self.node()) else { return };
        let nodes = &search.nodes;
        let after = nodes.partition_point(|n| (*n as usize) <= at);
        let before = nodes.partition_point(|n| (*n as usize) < at);
        let place = if forward { after % nodes.len().max(1) } else { before.checked_sub(1).unwrap_or(nodes.len().saturating_sub(1)) };
        if let Some(node) = nodes.get(place).map(|n| *n as usize) {
            cx.notice(format!("match {} of {}", place + 1, nodes.len()));
            self.select(node, cx.area);
        }
    }

    /// Searches for what is typed so far and goes to the first match from here on.
    fn searched(&mut self, area: Rect) {
        let (Some(trace), Some(prompt)) = (self.slot.value().cloned(), &mut self.prompt) else { return };
        let at = self.list.row(self.tree.rows().len()).and_then(|row| self.tree.rows().get(row)).copied().unwrap_or(0);
        match Pattern::parse(prompt.text()) {
            Ok(None) => {
                prompt.note.clear();
                self.search = None;
            }
            Ok(Some(pattern)) => {
                let nodes = tree::search(&trace, &pattern);
                prompt.note = format!("{} of {} spans", nodes.len(), trace.span_count);
                let first = nodes.iter().find(|n| **n >= at).or(nodes.first()).copied();
                self.search = Some(Search { pattern, nodes });
                if let Some(node) = first {
                    self.select(node as usize, area);
                }
            }
            Err(why) => prompt.note = why,
        }
    }

    fn fold(&mut self, cx: &mut Cx<'_>, fold: bool) {
        let (Some(trace), Some(node)) = (self.trace().cloned(), self.node()) else { return };
        if fold && (self.tree.is_folded(node) || !trace.has_children(node)) {
            if let Some(parent) = trace.nodes[node].parent {
                self.select(parent as usize, cx.area);
            }
        } else {
            self.tree.set_folded(&trace, node, fold);
            self.select(node, cx.area);
        }
    }

    /// Folds all but errors, or unfolds; the selection moves to the nearest row that is left.
    fn fold_all(&mut self, cx: &mut Cx<'_>) {
        let (Some(trace), Some(node)) = (self.trace().cloned(), self.node()) else { return };
        self.tree.toggle_all(&trace);
        let left = std::iter::once(node).chain(trace.ancestors(node)).find_map(|n| self.tree.row_of(n));
        self.select_row(left.unwrap_or(0), cx.area);
    }

    fn move_or_scroll(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        let places = self.places(cx.area);
        if self.in_detail {
            let sheet = self.sheet(&cx.look);
            return sheet.scroll(&mut self.scroll, command, places.sheet, cx.look.shared);
        }
        let moved = self.list.command(command, self.tree.rows().len(), usize::from(places.rows.height));
        if moved {
            self.scroll = 0;
        }
        moved
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
        Facts {
            rows: node.is_some(),
            drill: if node.is_some() { None } else { Some("there is no span to open") },
            service: both.is_some_and(|(t, n)| !t.service(n).is_empty()),
            trace: trace.is_some(),
            errors: trace.is_some_and(|t| t.error_count > 0),
            matches: self.search.as_ref().is_some_and(|s| !s.nodes.is_empty()),
            folds: both.is_some_and(|(t, n)| t.has_children(n) || t.nodes[n].parent.is_some()),
            panes: true,
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{Drill, Filter, FoldAll, Logs, NextError, Red};
        &[Logs, NextError, Drill, Filter, Red, FoldAll]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Logs => Some("logs of span"),
            Command::Drill => Some("detail"),
            Command::Filter => Some("find"),
            _ => None,
        }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        if let Some(trace) = look.scope.trace {
            needs.ask("trace", 0, Request::Trace(trace), Refresh::Once);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let selected = self.trace().zip(self.node()).map(|(t, n)| t.nodes[n].id);
        let result = expect(answer.result, |r| if let Response::Trace(t) = r { Some(t) } else { None });
        let arrived = result.is_ok();
        let changed = self.slot.settle(answer.asked, result);
        if changed && arrived {
            self.wanted = self.wanted.or(selected);
            self.arrived(cx);
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Back if self.in_detail => self.in_detail = false,
            Command::Drill | Command::NextPane | Command::PreviousPane => self.in_detail = !self.in_detail,
            Command::FullScreen => self.full = !self.full,
            Command::Logs | Command::Red => {
                let kind = if command == Command::Logs { ViewKind::Logs } else { ViewKind::Service };
                if let Some(scope) = self.span_scope(&cx.look) {
                    cx.push(kind, scope);
                }
            }
            Command::NextError => self.next_error(cx),
            Command::Filter => {
                self.prompt = Some(Prompt::pattern(self.search.as_ref().map(|s| &s.pattern)));
            }
            Command::NextMatch | Command::PreviousMatch => self.next_match(cx, command == Command::NextMatch),
            Command::Unfold | Command::Fold => self.fold(cx, command == Command::Fold),
            Command::FoldAll => self.fold_all(cx),
            _ => return self.move_or_scroll(cx, command),
        }
        true
    }

    /// The trace is the same in any window.
    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.prompt.is_some()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(prompt) = &mut self.prompt else { return };
        match prompt.key(key) {
            Typed::Changed => self.searched(cx.area),
            Typed::Accepted => self.prompt = None,
            Typed::Cancelled => {
                self.prompt = None;
                self.search = None;
            }
            Typed::Ignored => {}
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.searched(cx.area);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let places = self.places(cx.area);
        let at = Position::new(event.column, event.row);
        let step = match event.kind {
            MouseEventKind::ScrollDown => Some(Command::Down),
            MouseEventKind::ScrollUp => Some(Command::Up),
            _ => None,
        };
        if places.sheet.contains(at) {
            let sheet = self.sheet(&cx.look);
            let click = event.kind == MouseEventKind::Down(MouseButton::Left);
            self.in_detail |= click;
            for step in step.into_iter().flat_map(|step| [step; WHEEL]) {
                sheet.scroll(&mut self.scroll, step, places.sheet, cx.look.shared);
            }
            return if click || step.is_some() { Pointed::Used } else { Pointed::Nothing };
        }
        // The table's area has a line of headings above its rows: here the border.
        let area = Rect { y: places.rows.y.saturating_sub(1), height: places.rows.height + 1, ..places.rows };
        if !places.rows.contains(at) {
            return Pointed::Nothing;
        }
        let pointed = self.list.mouse(event, area, self.tree.rows().len());
        if pointed != Pointed::Nothing {
            self.in_detail = false;
            self.scroll = 0;
        }
        pointed
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let mut out = Vec::new();
        let mut add = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if let Some(trace) = look.scope.trace {
            add("trace id", trace.to_string());
        }
        if let (Some(trace), Some(node)) = (self.trace(), self.node()) {
            add("span id", trace.nodes[node].id.to_string());
            if let Some(span) = trace.span(node) {
                add("operation", span.name.to_string());
                if !span.status_message().is_empty() {
                    add("error", span.status_message().to_owned());
                }
                for (name, value) in span.attributes.iter() {
                    add(name, value.to_string());
                }
            }
        }
        out
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<crate::model::time::Timestamp> {
        crate::ui::panel::state(&self.slot, look).wake
    }
}

/// A trace id with its middle left out, in the glyphs that the terminal has.
pub(super) fn short(trace: TraceId, look: &Look<'_>) -> String {
    trace.short().replace('…', look.shared.glyphs.ellipsis)
}
