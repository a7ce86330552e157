//! Trace search: failed, slow or all traces of the scope, or TraceQL typed by hand.

mod draw;
mod marks;
mod query;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::query::Preset;
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, filter::Filter, prompt::Prompt};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, Response},
        scope::Scope,
        slot::Slot,
    },
    model::{
        time::{TimeRange, Timestamp},
        trace::{TraceHit, TraceHits, TraceId},
        trace_source::{Ability, TraceOrigin, TraceQuery},
    },
    ui::{
        chart::TimeAxis,
        field::Typed,
        panel,
        table::{TableState, visible_rows},
    },
};

/// Hits that are asked for.
const LIMIT: usize = 50;
/// The same of those of files.
const LIMIT_OF_FILES: usize = 10_000;
/// A trace without a root that began this recently is taken to be in flight: its root span ends last. Later it is one
/// that lost its root, or whose root is somewhere else.
const IN_FLIGHT: Duration = Duration::from_secs(60);

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Newest,
    Longest,
}

/// The page's state.
pub struct Traces {
    preset: Preset,
    /// TraceQL in place of the preset's.
    typed: Option<String>,
    found: Slot<TraceHits>,
    /// The hits that pass the filter, in order.
    rows: Vec<usize>,
    table: TableState,
    /// The selected trace: the selection stays on it when rows move.
    at: Option<TraceId>,
    order: Order,
    filter: Filter,
    /// Marked traces, two at the most: the base, and what is compared with it.
    marks: Vec<TraceId>,
    /// TraceQL being typed.
    prompt: Option<Prompt>,
}

impl Traces {
    /// A new page. `query` is TraceQL to begin with, in place of the failed or slow traces of the scope.
    pub fn new(scope: &Scope, query: Option<&str>) -> Self {
        Self {
            preset: Preset::of(scope),
            typed: query.map(str::to_owned),
            found: Slot::default(),
            rows: Vec::new(),
            table: TableState::default(),
            at: scope.trace,
            order: Order::default(),
            filter: Filter::default(),
            marks: Vec::new(),
            prompt: None,
        }
    }

    /// A new page of all traces, failed or not.
    pub fn all(scope: &Scope) -> Self {
        Self { preset: Preset::All, ..Self::new(scope, None) }
    }

    /// What is asked.
    fn asked(&self, look: &Look<'_>) -> TraceQuery {
        match &self.typed {
            Some(text) => TraceQuery::typed(text.clone()),
            None => {
                let plain = query::plain(self.preset, look.scope, look.shared);
                TraceQuery { traceql: self.query(look), plain: Some(plain) }
            }
        }
    }

    /// The TraceQL that is asked.
    fn query(&self, look: &Look<'_>) -> String {
        self.typed.clone().unwrap_or_else(|| query::traceql(self.preset, look.scope, look.shared))
    }

    fn hits(&self) -> &[TraceHit] {
        self.found.value().map_or(&[], |f| &f.hits)
    }

    fn hit(&self, row: usize) -> Option<&TraceHit> {
        self.hits().get(*self.rows.get(row)?)
    }

    fn selected(&self) -> Option<&TraceHit> {
        self.hit(self.table.row(self.rows.len())?)
    }

    /// Whether a hit is known to have failed: by its count of errors, or because only such were asked for.
    fn is_error(&self, hit: &TraceHit) -> bool {
        hit.error_count.map_or(self.typed.is_none() && self.preset == Preset::Failed, |n| n > 0)
    }

    /// Whether a hit is only the part of a trace that has come so far.
    fn in_flight(&self, hit: &TraceHit) -> bool {
        hit.root_service.is_none() && hit.root_name.is_none() && hit.start + IN_FLIGHT > self.found.at()
    }

    fn height(&self, area: Rect) -> usize {
        visible_rows(self.places(area).table)
    }

    fn rebuild(&mut self, area: Rect) {
        let hits = self.hits();
        let mut rows: Vec<usize> = (0..hits.len()).filter(|i| passes(&self.filter, &hits[*i])).collect();
        match self.order {
            Order::Newest => rows.sort_by_key(|i| (self.in_flight(&hits[*i]), std::cmp::Reverse(hits[*i].start))),
            Order::Longest => rows.sort_by_key(|i| std::cmp::Reverse(hits[*i].duration_ns)),
        }
        let place = self.at.and_then(|at| rows.iter().position(|i| hits[*i].trace == at));
        self.rows = rows;
        self.select(place.unwrap_or(self.table.selected), area);
    }

    fn select(&mut self, row: usize, area: Rect) {
        self.table.select(row, self.rows.len(), self.height(area));
        self.moved();
    }

    /// Remembers the selected trace, also over a moment without rows.
    fn moved(&mut self) {
        self.at = self.selected().map(|h| h.trace).or(self.at);
    }

    /// Another question: what was found by the one before says nothing about it.
    fn forget(&mut self) {
        self.found.clear();
        self.rows.clear();
    }

    fn ask_typed(&mut self, look: &Look<'_>, text: &str) {
        let (before, text) = (self.query(look), text.trim());
        let is_preset = text.is_empty() || text == query::traceql(self.preset, look.scope, look.shared);
        self.typed = (!is_preset).then(|| text.to_owned());
        if self.query(look) != before {
            self.forget();
        }
    }

    fn next_error(&mut self, area: Rect) {
        let n = self.rows.len();
        let from = self.table.selected + 1;
        let next = (0..n).map(|i| (from + i) % n).find(|row| self.hit(*row).is_some_and(|h| self.is_error(h)));
        if let Some(row) = next {
            self.select(row, area);
        }
    }

    /// The view that a command opens for the selected trace, and its scope.
    fn target(&self, look: &Look<'_>, command: Command) -> Option<(ViewKind, Scope)> {
        let hit = self.selected()?;
        Some(match command {
            Command::Red => (ViewKind::Service, look.scope.with_service(hit.root_service.clone()?)),
            Command::Logs => (ViewKind::Logs, look.scope.with_trace(hit.trace, None).around(range(hit))),
            _ => (ViewKind::Waterfall, look.scope.with_trace_near(hit.trace, hit.span, range(hit))),
        })
    }
}

/// Why no TraceQL can be typed, once it is known that none can.
fn lacks_traceql(look: &Look<'_>) -> Option<&'static str> {
    look.shared.traces.value().and_then(|able| able.why_not(Ability::TraceQl))
}

/// Files have all of theirs at hand.
fn limit(look: &Look<'_>) -> usize {
    let of_files = look.shared.traces.value().is_some_and(|able| able.origin == TraceOrigin::Files);
    if of_files { LIMIT_OF_FILES } else { LIMIT }
}

fn range(hit: &TraceHit) -> TimeRange {
    TimeRange::new(hit.start, Timestamp(hit.start.0.saturating_add(hit.duration_ns)))
}

fn passes(filter: &Filter, hit: &TraceHit) -> bool {
    let id = hit.trace.to_string();
    let texts = [hit.root_service.as_deref().unwrap_or(""), hit.root_name.as_deref().unwrap_or(draw::NO_ROOT), &id];
    filter.passes(&hit.attributes, texts.into_iter())
}

impl View for Traces {
    fn kind(&self) -> ViewKind {
        ViewKind::Traces
    }

    fn crumb(&self, _look: &Look<'_>) -> String {
        self.kind().title().to_owned()
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let selected = self.selected();
        Facts {
            rows: selected.is_some(),
            drill: if selected.is_some() { None } else { Some("no trace is selected") },
            service: selected.is_some_and(|h| h.root_service.is_some()),
            trace: selected.is_some(),
            errors: (0..self.rows.len()).filter_map(|r| self.hit(r)).any(|h| self.is_error(h)),
            query: true,
            no_query: lacks_traceql(look),
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{CompareTraces, Drill, EditQuery, Filter, Logs, Mark, NextError, Order, Preset, Red};
        &[Drill, Preset, EditQuery, Logs, Filter, CompareTraces, Mark, NextError, Order, Red]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        (command == Command::Drill).then_some("waterfall")
    }

    fn wants(&self) -> Wants {
        Wants { traces: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        let request = Request::Search { query: self.asked(look), window: look.scope.window, limit: limit(look) };
        needs.ask("hits", 0, request, Refresh::Every(look.shared.settings.refresh_slow));
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let result = expect(answer.result, |r| if let Response::Hits(h) = r { Some(h) } else { None });
        let changed = self.found.settle(answer.asked, result);
        if changed {
            self.rebuild(cx.area);
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill | Command::Logs | Command::Red => {
                if let Some((kind, scope)) = self.target(&cx.look, command) {
                    cx.push(kind, scope);
                }
            }
            Command::Mark => self.mark(cx),
            Command::CompareTraces => self.compare(cx),
            Command::Preset => {
                // From typed TraceQL back to the preset that it replaced.
                if self.typed.take().is_none() {
                    self.preset = self.preset.next();
                }
                self.forget();
            }
            Command::EditQuery => self.prompt = Some(Prompt::new("TraceQL ", &self.query(&cx.look), "")),
            Command::Filter => self.filter.open(),
            Command::Order => {
                self.order = if self.order == Order::Newest { Order::Longest } else { Order::Newest };
                self.rebuild(cx.area);
            }
            Command::NextError => self.next_error(cx.area),
            _ => {
                let moved = self.table.command(command, self.rows.len(), self.height(cx.area));
                self.moved();
                return moved;
            }
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {
        self.forget();
    }

    fn is_typing(&self) -> bool {
        self.prompt.is_some() || self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(prompt) = &mut self.prompt else {
            if self.filter.key(key) {
                self.rebuild(cx.area);
            }
            return;
        };
        match prompt.key(key) {
            Typed::Accepted => {
                let text = prompt.text().to_owned();
                self.prompt = None;
                self.ask_typed(&cx.look, &text);
            }
            Typed::Cancelled => self.prompt = None,
            Typed::Changed | Typed::Ignored => {}
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        match &mut self.prompt {
            Some(prompt) => prompt.paste(text),
            None => {
                self.filter.paste(text);
                self.rebuild(cx.area);
            }
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let (places, at) = (self.places(cx.area), Position::new(event.column, event.row));
        if event.kind == MouseEventKind::Down(MouseButton::Left)
            && let Some(row) = self.dot_at(&cx.look, &places, at)
        {
            self.select(row, cx.area);
            return Pointed::Item;
        }
        let pointed = self.table.mouse(event, places.table, self.rows.len());
        self.moved();
        pointed
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        self.axis_at(look, &self.places(area), at)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref().or_else(|| self.filter.prompt())
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out: Vec<Yank> = self.selected().map(|h| yank("trace id", h.trace.to_string())).into_iter().collect();
        out.push(yank("TraceQL", self.query(look)));
        out
    }

    fn reopen(&self, look: &Look<'_>) -> Vec<String> {
        let is_default = self.typed.is_none() && self.preset == Preset::of(look.scope);
        if is_default { Vec::new() } else { vec!["--query".to_owned(), self.query(look)] }
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        panel::state(&self.found, look).wake
    }
}
