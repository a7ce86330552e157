//! The Service view: rate, errors and duration of one service, and which route it is.

mod data;
mod graphs;
mod layout;
mod routes;
#[cfg(test)]
mod tests;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    data::{Data, family, table_window},
    layout::Panes,
    routes::{Order, Route, routes},
};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, filter::Filter, prompt::Prompt, services::without_red};
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        request::Answer,
        scope::Scope,
    },
    model::{
        labels::{MatchOp, Matcher},
        series::Exemplar,
        time::{Timestamp, nanos},
    },
    red::known_families,
    ui::{
        chart::TimeAxis,
        format,
        panel::{self, Panel},
        table::{Table, TableState, position, visible_rows},
    },
};

/// A part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    Rate,
    Errors,
    Duration,
    #[default]
    Routes,
}

impl Pane {
    const ALL: [Self; 4] = [Self::Rate, Self::Errors, Self::Duration, Self::Routes];

    const fn name(self) -> &'static str {
        match self {
            Self::Rate => "Rate",
            Self::Errors => "Errors",
            Self::Duration => "Duration",
            Self::Routes => "by route",
        }
    }

    fn step(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}

/// The page's state.
#[derive(Default)]
pub struct Service {
    data: Data,
    rows: Vec<Route>,
    table: TableState,
    order: Order,
    filter: Filter,
    pane: Pane,
    alone: bool,
    cursor: Option<Timestamp>,
    /// The selected exemplar, by its place.
    exemplar: Option<usize>,
}

impl Service {
    /// A new page.
    pub fn new(_scope: &Scope) -> Self {
        Self::default()
    }

    fn panes(&self, area: Rect) -> Panes {
        // How many there are, not how many pass a filter that is being typed: nothing may jump.
        let routes = self.data.routes[0].value().map_or(0, |v| v.elements.len());
        layout::panes(area, self.pane, self.alone, routes.max(self.rows.len()))
    }

    fn height(&self, area: Rect) -> usize {
        visible_rows(Panel::inner(self.panes(area).of(Pane::Routes)))
    }

    fn selected_exemplar(&self) -> Option<&Exemplar> {
        self.data.exemplars.value()?.get(self.exemplar?)
    }

    fn selected_route(&self) -> Option<&Route> {
        self.rows.get(self.table.row(self.rows.len())?)
    }

    fn rebuild(&mut self, look: &Look<'_>, area: Rect) {
        let Some((family, _)) = family(look) else { return };
        let Some(label) = &family.route_label else { return };
        let keep = self.selected_route().map(|r| r.name.clone());
        let first = self.table == TableState::default();
        self.rows = routes(&self.data, label, &self.filter, self.order);
        let place = keep.filter(|_| !first).and_then(|k| self.rows.iter().position(|r| r.name == k));
        self.table.select(place.unwrap_or(self.table.selected), self.rows.len(), self.height(area));
    }

    /// The scope narrowed to the selected route; `None` when it is already, or there is none.
    fn narrowed(&self, look: &Look<'_>) -> Option<Scope> {
        let (family, _) = family(look)?;
        let matcher = Matcher::equal(family.route_label?, self.selected_route()?.name.as_str());
        (!look.scope.matchers.contains(&matcher)).then(|| look.scope.with_matcher(matcher))
    }

    fn drill(&self, cx: &mut Cx<'_>) {
        if let Some(trace) = self.selected_exemplar().and_then(|e| e.trace) {
            let scope = cx.look.scope.with_trace(trace, None);
            cx.push(ViewKind::Waterfall, scope);
        } else if let Some(scope) = self.narrowed(&cx.look) {
            cx.push(ViewKind::Service, scope);
        } else {
            let key = |command| cx.look.shared.keymap.key(command).unwrap_or_default();
            let (back, logs) = (key(Command::Back), key(Command::ViewLogs));
            cx.notice(format!("this is the route already: {back} leaves it, {logs} shows the logs of all routes"));
        }
    }

    fn next_exemplar(&mut self, cx: &mut Cx<'_>) {
        match self.data.exemplars.value().map_or(0, Vec::len) {
            0 => cx.notice("no exemplars in this window"),
            n => {
                self.exemplar = Some(self.exemplar.map_or(0, |i| (i + 1) % n));
                if self.pane != Pane::Duration && self.panes(cx.area).of(Pane::Duration).is_empty() {
                    self.pane = Pane::Duration;
                }
            }
        }
    }

    fn move_cursor(&mut self, look: &Look<'_>, steps: i64) -> bool {
        let Some(matrix) = self.data.rate.value().or(self.data.errors.value()) else { return false };
        let range = matrix.range;
        let from = self.cursor.unwrap_or(range.end.min(look.now));
        let by = nanos(matrix.step).saturating_mul(steps);
        self.cursor = Some(Timestamp(from.0.saturating_add(by)).clamp(range.start, range.end));
        true
    }

    fn render_routes(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let line = shared.glyphs.horizontal;
        let state = panel::state(&self.data.routes[0], look);
        let mut title = Pane::Routes.name().to_owned();
        if let Some(mapping) = shared.red.value() {
            // The graphs rate over less: their last values differ from these.
            title.push_str(&format!(", last {}", format::span(table_window(mapping))));
        }
        if let Some(note) = self.filter.note() {
            title.push_str(&format!(" {line}{line} {note}"));
        }
        let found = family(look).map(|(f, _)| f);
        let bottom = found.as_ref().map_or(String::new(), |f| format!("found: {} ({})", f.requests.metric(), f.name));
        let note = format!("{} {line}{line} {}", self.order.name(), position(&self.table, self.rows.len()));
        let focused = self.pane == Pane::Routes;
        let inner = Panel::new(title).focused(focused).note(note).bottom(bottom).state(&state).render(shared, area, buf);
        if found.is_some_and(|f| f.route_label.is_none()) {
            panel::message(shared, inner, buf, &["No label of this family names a route.".to_owned()]);
        } else if let Some(lines) = &state.blank {
            panel::message(shared, inner, buf, lines);
        } else if self.rows.is_empty() {
            let text = if self.filter.is_empty() { "No route had a request." } else { "No route passes the filter." };
            panel::message(shared, inner, buf, &[text.to_owned()]);
        } else {
            let service = look.scope.service.as_deref().unwrap_or("");
            let table = Table { columns: &routes::COLUMNS, rows: self.rows.len(), state: &self.table, focused: self.exemplar.is_none() };
            table.render(shared, inner, buf, |row, column| self.rows[row].cell(look, service, column));
            if state.stale {
                panel::dim(shared, inner, buf);
            }
        }
    }
}

/// The route that the scope is narrowed to.
fn route(look: &Look<'_>) -> Option<String> {
    let label = family(look)?.0.route_label?;
    let matcher = look.scope.matchers.iter().find(|m| m.op == MatchOp::Equal && m.name == label)?;
    Some(matcher.value.to_string())
}

/// Why the page has nothing to show at all.
fn nothing(look: &Look<'_>) -> Option<Vec<String>> {
    let Some(service) = &look.scope.service else {
        return Some(vec!["No service is in the scope.".to_owned(), "2 lists all services.".to_owned()]);
    };
    if let Some(lines) = without_red(look) {
        return Some(lines);
    }
    look.shared.red.value()?.family_of(service).is_none().then(|| {
        vec![
            format!("No RED metrics of {service} in the last hour."),
            format!("Looked for: {}.", known_families().collect::<Vec<_>>().join(", ")),
            "2 lists the services that have some, 3 shows its logs.".to_owned(),
        ]
    })
}

impl View for Service {
    fn kind(&self) -> ViewKind {
        ViewKind::Service
    }

    fn crumb(&self, look: &Look<'_>) -> String {
        if let Some(route) = route(look) {
            return routes::shown(&route).to_owned();
        }
        let service = look.scope.service.as_deref().unwrap_or(self.kind().title());
        match &look.scope.alert {
            Some(alert) => format!("{} {} {service}", alert.name, look.shared.glyphs.crumb),
            None => service.to_owned(),
        }
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let trace = self.selected_exemplar().is_some();
        let drills = trace || self.selected_route().is_some();
        Facts {
            rows: !self.rows.is_empty(),
            drill: if drills { None } else { Some("no route and no exemplar is selected") },
            service: look.scope.service.is_some(),
            trace,
            graphs: self.data.rate.value().is_some(),
            panes: true,
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        if self.exemplar.is_some() {
            &[Command::Drill, Command::NextExemplar, Command::ViewLogs, Command::ViewTraces, Command::ValueCursor, Command::NextPane]
        } else {
            &[
                Command::ViewLogs,
                Command::ViewTraces,
                Command::Drill,
                Command::NextExemplar,
                Command::ValueCursor,
                Command::NextPane,
                Command::Order,
                Command::Filter,
            ]
        }
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill if self.exemplar.is_some() => Some("trace"),
            Command::Drill => Some("narrow to route"),
            Command::NextPane => Some("next pane"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { red: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        // One resolution for all graphs, so that the cursor means one instant everywhere.
        let widest = Pane::ALL[..3].iter().map(|p| self.panes(area).of(*p).width).max().unwrap_or(0);
        Data::ask(look, widest.max(40).saturating_sub(8), needs);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let pane = answer.slot.pane;
        let selected = self.selected_exemplar().and_then(|e| e.trace);
        let changed = self.data.answer(&cx.look, answer);
        if changed && pane.starts_with("routes") {
            self.rebuild(&cx.look, cx.area);
        }
        if changed && pane == "exemplars" {
            let places = self.data.exemplars.value();
            self.exemplar = selected.and_then(|trace| places?.iter().position(|e| e.trace == Some(trace)));
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill => self.drill(cx),
            Command::Logs => {
                let scope = cx.look.scope.clone();
                cx.push(ViewKind::Logs, scope);
            }
            Command::NextExemplar => self.next_exemplar(cx),
            Command::NextPane => self.pane = self.pane.step(1),
            Command::PreviousPane => self.pane = self.pane.step(3),
            Command::FullScreen => self.alone = !self.alone,
            Command::Filter => self.filter.open(),
            Command::Order => {
                self.order = self.order.next();
                self.rebuild(&cx.look, cx.area);
            }
            Command::ValueCursor if self.cursor.is_some() => self.cursor = None,
            Command::ValueCursor => return self.move_cursor(&cx.look, 0),
            Command::Left => return self.move_cursor(&cx.look, -1),
            Command::Right => return self.move_cursor(&cx.look, 1),
            _ => {
                let moved = self.table.command(command, self.rows.len(), self.height(cx.area));
                if moved {
                    self.exemplar = None;
                }
                return moved;
            }
        }
        true
    }

    fn rescoped(&mut self, cx: &mut Cx<'_>) {
        self.data.forget_window(&cx.look);
        self.rows.clear();
        self.table = TableState::default();
        self.cursor = None;
        self.exemplar = None;
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if self.filter.key(key) {
            self.rebuild(&cx.look, cx.area);
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.filter.paste(text);
        self.rebuild(&cx.look, cx.area);
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let (panes, at) = (self.panes(cx.area), Position::new(event.column, event.row));
        let pointed = self.table.mouse(event, Panel::inner(panes.of(Pane::Routes)), self.rows.len());
        if pointed != Pointed::Nothing {
            self.exemplar = None;
        }
        let Some(pane) = panes.at(at).filter(|_| event.kind == MouseEventKind::Down(MouseButton::Left)) else { return pointed };
        let graph = Panel::inner(panes.of(pane));
        let dot = self.graph(pane, &cx.look).and_then(|chart| chart.dot_at(graph, at));
        if self.cursor.is_some() {
            let axis = self.graph(pane, &cx.look).and_then(|chart| chart.time_axis(graph)).filter(|axis| axis.area.contains(at));
            self.cursor = axis.map(|axis| axis.column(at.x).start).or(self.cursor);
        }
        self.pane = pane;
        match dot {
            Some(dot) => {
                self.exemplar = Some(dot);
                Pointed::Item
            }
            None if pointed == Pointed::Nothing => Pointed::Used,
            None => pointed,
        }
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        let panes = self.panes(area);
        let pane = panes.at(at)?;
        let axis = self.graph(pane, look)?.time_axis(Panel::inner(panes.of(pane)))?;
        axis.area.contains(at).then_some(axis)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if let Some(lines) = nothing(look) {
            let inner = Panel::new(self.crumb(look)).focused(true).render(look.shared, area, buf);
            panel::message(look.shared, inner, buf, &lines);
            return;
        }
        let panes = self.panes(area);
        for pane in Pane::ALL {
            let place = panes.of(pane);
            match pane {
                _ if place.is_empty() => {}
                Pane::Routes => self.render_routes(look, place, buf),
                graph => self.render_graph(graph, look, place, buf),
            }
        }
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.filter.prompt()
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let mut out = Vec::new();
        let mut yank = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if let Some(trace) = self.selected_exemplar().and_then(|e| e.trace) {
            yank("trace id", trace.to_string());
        }
        if let Some(at) = self.cursor {
            for pane in &Pane::ALL[..3] {
                yank(&format!("{} at the cursor", pane.name()), self.values_at(*pane, at));
            }
        }
        if let (Some(mapping), Some((family, service))) = (look.shared.red.value(), family(look)) {
            let over = mapping.rate_window(std::time::Duration::ZERO);
            yank("rate query", family.rate_by_status_class(&service, over));
            if let Some(query) = family.error_ratio(&service, over) {
                yank("errors query", query);
            }
            if let Some(query) = family.quantile(0.95, &service, over) {
                yank("p95 query", query);
            }
        }
        if let Some(route) = self.selected_route() {
            yank("route", route.name.clone());
        }
        out
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        [panel::state(&self.data.rate, look).wake, panel::state(&self.data.errors, look).wake].into_iter().flatten().min()
    }
}
