//! Trace search: failed, slow or all traces of the scope, or TraceQL typed by hand.

mod bar;
mod brush;
mod columns;
mod draw;
mod live;
mod marks;
mod merge;
mod more;
mod query;
mod red;
mod rows;
#[cfg(test)]
mod tests;
mod title;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

pub(super) use self::rows::passes;
use self::{
    bar::Typing,
    brush::{Before, Brush, Lengths},
    columns::lacks_select,
    more::Asked,
    query::Preset,
    red::{Red, USUAL},
    rows::{List, Row, has_spans},
};
use super::{Cx, Look, Needs, Pointed, TypingKey, View, Wants, Yank, editor::bar::Bar, filter::Filter, prompt::Prompt};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, pick},
        scope::Scope,
        slot::Slot,
    },
    model::{
        time::{TimeRange, Timestamp},
        trace::{TraceHit, TraceHits, TraceId},
        trace_source::{Ability, TraceQuery},
    },
    traceql_plain::plain_of,
    ui::{
        chart::{Extent, Plane, TimeAxis},
        panel,
        table::{TableState, visible_rows},
    },
};

/// Slot of what is found.
const HITS: &str = "hits";
/// What is done to the selected trace is done to one that is wanted.
const ACTS: [Command; 5] = [Command::Drill, Command::Logs, Command::Red, Command::Mark, Command::CompareTraces];
/// A trace without a root that began this recently is taken to be in flight: its root span ends last. Later it is one
/// that lost its root, or whose root is somewhere else.
const IN_FLIGHT: Duration = Duration::from_secs(60);

/// The page's state.
pub struct Traces {
    preset: Preset,
    /// TraceQL in place of the preset's.
    typed: Option<String>,
    found: Slot<TraceHits>,
    limits: Asked,
    /// The hits that pass the filter, in order, and their spans.
    list: List,
    filter: Filter,
    /// Marked traces and when each was, two at the most: the base, and what is compared with it.
    marks: Vec<(TraceId, TimeRange)>,
    /// TraceQL or columns being typed, and which of them.
    bar: Option<Bar>,
    typing: Typing,
    /// New hits are looked for every few seconds, and added to those that are here.
    live: bool,
    /// The scope's rate, errors and p95.
    red: Red,
    /// The box that is being chosen among the dots.
    brush: Option<Brush>,
    /// How long the traces of the last box take, and what was looked at before each.
    lengths: Option<Lengths>,
    boxes: Vec<Before>,
}

impl Traces {
    /// A new page. `query` is TraceQL to begin with, in place of the failed or slow traces of the scope.
    pub fn new(scope: &Scope, query: Option<&str>) -> Self {
        Self {
            preset: Preset::of(scope),
            typed: query.map(str::to_owned),
            found: Slot::default(),
            limits: Asked::default(),
            list: List { at: scope.trace.map(|trace| (trace, scope.span)), ..List::default() },
            filter: Filter::default(),
            marks: Vec::new(),
            bar: None,
            typing: Typing::default(),
            live: false,
            red: Red::default(),
            brush: None,
            lengths: None,
            boxes: Vec::new(),
        }
    }

    /// A new page of all traces, failed or not.
    pub fn all(scope: &Scope) -> Self {
        Self { preset: Preset::All, ..Self::new(scope, None) }
    }

    /// What is asked.
    fn asked(&self, look: &Look<'_>) -> TraceQuery {
        let plain = match &self.typed {
            Some(typed) => plain_of(typed, &look.shared.settings.labels.traces_service),
            None => Some(query::plain(self.preset, look.scope, self.slow(look).unwrap_or(USUAL))),
        };
        TraceQuery { traceql: self.with_select(look, self.query(look)), plain }
    }

    /// The TraceQL that is asked, without what is to be told of the hits.
    fn query(&self, look: &Look<'_>) -> String {
        match &self.typed {
            Some(typed) => query::within(typed, look.shared, self.lengths),
            None => query::traceql(self.preset, look.scope, look.shared, self.slow(look).unwrap_or(USUAL), self.lengths),
        }
    }

    fn hits(&self) -> &[TraceHit] {
        self.found.value().map_or(&[], |f| &f.hits)
    }

    /// Whether a hit is known to have failed: by its count of errors, or because only such were asked for.
    fn is_error(&self, hit: &TraceHit) -> bool {
        hit.error_count.map_or(self.typed.is_none() && self.preset == Preset::Failed, |n| n > 0)
    }

    /// Whether a hit is only the part of a trace that has come so far.
    fn in_flight(&self, hit: &TraceHit) -> bool {
        hit.root_service.is_none() && hit.root_name.is_none() && hit.start + IN_FLIGHT > self.found.at()
    }

    /// Rows of the list that are seen at once.
    fn height(&self, area: Rect) -> usize {
        visible_rows(self.places(area).table)
    }

    /// Another question: what was found by the one before says nothing about it.
    fn forget(&mut self) {
        self.found.clear();
        self.list.rows.clear();
        self.list.table = TableState::default();
        self.ask_for_few();
    }

    /// Another filter. What is selected among what it leaves stays so when it is taken back.
    fn filtered(&mut self, area: Rect) {
        self.rebuild(self.height(area));
        self.chosen();
    }

    fn ask_typed(&mut self, look: &Look<'_>, text: &str) {
        let (before, text) = (self.query(look), text.trim());
        let slow = self.slow(look).unwrap_or(USUAL);
        let is_preset = text.is_empty() || text == query::traceql(self.preset, look.scope, look.shared, slow, self.lengths);
        if !is_preset {
            // What was typed says how long they take, if anything does.
            self.lengths = None;
        }
        self.typed = (!is_preset).then(|| text.to_owned());
        if self.query(look) != before {
            self.forget();
        }
    }

    /// The view that a command opens for the selected trace, and its scope.
    fn target(&self, look: &Look<'_>, command: Command) -> Option<(ViewKind, Scope)> {
        let hit = self.selected()?;
        Some(match command {
            Command::Red => (ViewKind::Service, look.scope.with_service(hit.root_service.clone()?)),
            Command::Infra => (ViewKind::Infra, look.scope.with_service(hit.root_service.clone()?).leading_to(hit.range(), look.now)),
            Command::Logs => (ViewKind::Logs, look.scope.with_trace(hit.trace, None).around(hit.range())),
            _ => {
                let span = self.selected_span().map_or_else(|| hit.span(), |s| s.id);
                (ViewKind::Waterfall, look.scope.with_trace_near(hit.trace, span, hit.range()))
            }
        })
    }
}

/// Why no more than plain words can be asked in TraceQL, once that is known.
fn lacks_traceql(look: &Look<'_>) -> Option<&'static str> {
    look.shared.traces.value().and_then(|able| able.why_not(Ability::TraceQl))
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
            errors: self.list.rows.iter().any(|r| matches!(r, Row::Hit(i) if self.is_error(&self.hits()[*i]))),
            folds: selected.is_some_and(has_spans),
            query: true,
            no_more: self.no_more(look),
            no_columns: lacks_select(look),
            live: look.scope.window.is_live(),
            graphs: !self.list.rows.is_empty(),
            brushes: self.brush.is_some(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{
            CompareTraces, Drill, EditQuery, Filter, Follow, Logs, Mark, More, NextError, Order, Preset, Red, ShowColumn, TraceStructure,
            ValueCursor,
        };
        &[
            Drill,
            Preset,
            EditQuery,
            Logs,
            Filter,
            CompareTraces,
            Mark,
            TraceStructure,
            More,
            NextError,
            ValueCursor,
            Follow,
            ShowColumn,
            Order,
            Red,
        ]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill if self.brush.is_some() => Some("narrow to the box"),
            Command::Drill => Some("waterfall"),
            Command::Follow => Some(if self.live { "live off" } else { "live" }),
            Command::ShowColumn => Some("columns"),
            Command::ValueCursor => Some("box"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { traces: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        if self.typed.is_some() || self.preset != Preset::Slow || self.slow(look).is_some() {
            let request = Request::Search { query: self.asked(look), window: look.scope.window, limit: self.limit(look) };
            needs.ask(HITS, 0, request, Refresh::Every(look.shared.settings.refresh_slow));
        }
        self.ask_for_red(look, needs);
        self.ask_for_new(look, needs);
        self.ask_for_bar(look, needs);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        if Bar::PANES.contains(&answer.slot.pane) {
            return self.bar_answer(cx, answer);
        }
        if red::PANES.contains(&answer.slot.pane) {
            return self.red_answer(answer);
        }
        let is_new = answer.slot.pane == live::NEW;
        if !is_new {
            self.note_limit(cx, &answer);
        }
        let result = expect(answer.result, pick!(Hits));
        let changed = if is_new { self.take_new(&cx.look, result) } else { self.take(&cx.look, answer.asked, result) };
        if changed {
            self.rebuild(self.height(cx.area));
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        if let Some(used) = self.brush_command(cx, command) {
            return used;
        }
        let height = self.height(cx.area);
        if ACTS.contains(&command) {
            self.chosen();
        }
        match command {
            Command::Drill | Command::Logs | Command::Red | Command::Infra => {
                if let Some((kind, scope)) = self.target(&cx.look, command) {
                    cx.push(kind, scope);
                }
            }
            Command::Mark => self.mark(cx),
            Command::CompareTraces => self.compare(cx),
            Command::TraceStructure => self.open_structure(cx),
            Command::More => self.ask_for_more(&cx.look),
            Command::Preset => {
                // From typed TraceQL back to the preset that it replaced.
                if self.typed.take().is_none() {
                    self.preset = self.preset.next();
                }
                self.forget();
            }
            Command::EditQuery => self.open_bar(Typing::Query, &cx.look),
            Command::ShowColumn => self.open_bar(Typing::Columns, &cx.look),
            Command::Follow | Command::Pause => self.switch_live(cx),
            Command::Unfold => self.unfold(Some(true), height),
            Command::Fold => self.unfold(Some(false), height),
            Command::Filter => self.filter.open(),
            Command::Order => {
                self.list.order = self.list.order.next();
                self.rebuild(height);
            }
            Command::NextError => self.next_error(height),
            _ => return self.go(command, height),
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {
        self.forget();
        self.forget_red();
        self.brush = None;
    }

    fn is_typing(&self) -> bool {
        self.bar.is_some() || self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if self.bar.is_some() {
            self.bar_key(cx, key);
        } else if self.filter.key(key) {
            self.filtered(cx.area);
        }
    }

    fn typing_keys(&self) -> Vec<TypingKey> {
        self.bar.as_ref().map_or_else(Vec::new, Bar::keys)
    }

    fn cursor(&self, _look: &Look<'_>, area: Rect) -> Option<Position> {
        self.bar.as_ref().map(|bar| bar.cursor(area))
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some(bar) = &mut self.bar {
            bar.paste(cx, text);
        } else {
            self.filter.paste(text);
            self.filtered(cx.area);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        if let Some(pointed) = self.bar.as_mut().and_then(|bar| bar.pointed(cx, event)) {
            return pointed;
        }
        let (places, at) = (self.places(cx.area), Position::new(event.column, event.row));
        if event.kind == MouseEventKind::Down(MouseButton::Left)
            && let Some(row) = self.dot_at(&cx.look, &places, at)
        {
            self.select(row, self.height(cx.area));
            return Pointed::Item;
        }
        let pointed = self.list.table.mouse(event, places.table, self.list.rows.len());
        if pointed != Pointed::Nothing {
            self.chosen();
        }
        pointed
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        self.axis_at(look, &self.places(area), at)
    }

    fn plane(&self, look: &Look<'_>, area: Rect) -> Option<Plane> {
        self.plane_of_dots(look, area)
    }

    fn box_words(&self, look: &Look<'_>, extent: Extent) -> String {
        self.boxed(look, extent)
    }

    fn dragged_box(&mut self, cx: &mut Cx<'_>, extent: Extent) {
        self.narrow(cx, extent);
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        if self.bar.is_some() { None } else { self.filter.prompt() }
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out: Vec<Yank> = self.selected().map(|h| yank("trace id", h.trace.to_string())).into_iter().collect();
        out.extend(self.selected_span().and_then(|s| s.id).map(|id| yank("span id", id.to_string())));
        out.push(yank("TraceQL", self.query(look)));
        out
    }

    fn reopen(&self, look: &Look<'_>) -> Vec<String> {
        let is_default = self.typed.is_none() && self.preset == Preset::of(look.scope) && self.lengths.is_none();
        if is_default { Vec::new() } else { vec!["--query".to_owned(), self.query(look)] }
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        panel::state(&self.found, look).wake
    }
}
