//! The Alerts view: what fires, since when, how far beyond its threshold; `Enter` opens the case of the selected one.

mod detail;
mod list;
mod rows;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::rows::{Group, Order, Row};
use super::{Cx, Look, Needs, Pointed, View, Yank, filter::Filter, part_of, prompt::Prompt};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, Response, step},
        slot::Slot,
    },
    model::{
        alert::Alert,
        alert_book::{self, AlertBook, AlertmanagerAlerts, PrometheusAlerts},
        backend::SourceError,
        labels::Labels,
        series::Matrix,
        time::{TimeWindow, Timestamp},
    },
    ui::{
        chart::TimeAxis,
        format,
        panel::{self, Panel},
        table::{TableState, WHEEL, visible_rows},
    },
};

/// The trend beside an alert.
const HOUR: Duration = Duration::from_secs(3600);
/// Cells of the trend.
const TREND: u16 = 20;
/// Rules whose trend is asked for at once.
const MAX_TRENDS: usize = 12;
/// The finest resolution asked for: rules are evaluated no more often.
const MIN_STEP: Duration = Duration::from_secs(15);

/// What has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    List,
    Facts,
    Expression,
}

/// The page's state.
#[derive(Default)]
pub struct Alerts {
    prometheus: Slot<PrometheusAlerts>,
    alertmanager: Slot<AlertmanagerAlerts>,
    /// What is known of both, once any has told its part.
    book: Option<AlertBook>,
    rows: Vec<Row>,
    table: TableState,
    order: Order,
    group: Group,
    filter: Filter,
    pane: Pane,
    alone: bool,
    scroll: usize,
    /// Trends by the expression that is drawn.
    trends: BTreeMap<String, Slot<Matrix>>,
    /// The selected alert's expression, or its value's side.
    expression: Slot<Matrix>,
    /// The threshold's side, where it is an expression too.
    limit: Slot<Matrix>,
    /// The queries of these two.
    drawn_queries: (Option<String>, Option<String>),
    /// The alert that cursor and scroll belong to.
    drawn: Option<Labels>,
    cursor: Option<Timestamp>,
}

/// Where the panes lie; a pane without room is empty.
#[derive(Clone, Copy, Debug, Default)]
struct Panes {
    list: Rect,
    facts: Rect,
    expression: Rect,
}

impl Alerts {
    /// A new page; `alert` shows only the alerts of this name, until the filter is taken away.
    pub fn new(alert: Option<&str>) -> Self {
        let mut alerts = Self::default();
        if let Some(name) = alert {
            alerts.filter.paste(&format!("alertname=\"{name}\""));
        }
        alerts
    }

    fn panes(&self, area: Rect) -> Panes {
        let small = area.height < 20 || area.width < 80;
        let nothing = self.book.as_ref().is_none_or(|b| b.alerts.is_empty());
        match (self.alone || small || nothing, self.pane) {
            (true, Pane::List) => Panes { list: area, ..Panes::default() },
            (true, Pane::Facts) if small && !self.alone => {
                let facts = Rect { height: area.height.div_ceil(2), ..area };
                let rest = area.height.saturating_sub(facts.height) + 1;
                Panes {
                    facts,
                    expression: Rect { y: facts.bottom().saturating_sub(1), height: rest.min(area.height), ..area },
                    ..Panes::default()
                }
            }
            (true, Pane::Facts) => Panes { facts: area, ..Panes::default() },
            (true, Pane::Expression) => Panes { expression: area, ..Panes::default() },
            (false, _) => self.side_by_side(area),
        }
    }

    /// The list above; facts and expression below, at least ten rows of them and what a short list leaves.
    fn side_by_side(&self, area: Rect) -> Panes {
        let wanted = u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(3).max(5);
        let least = area.height / 3;
        let list = Rect { height: wanted.max(least).min(area.height - 10), ..area };
        let below = Rect { y: list.bottom() - 1, height: area.height - list.height + 1, ..area };
        let facts = Rect { width: area.width / 2, ..below };
        Panes { list, facts, expression: Rect { x: facts.right() - 1, width: area.width - facts.width + 1, ..below } }
    }

    fn list_height(&self, area: Rect) -> usize {
        visible_rows(Panel::inner(self.panes(area).list))
    }

    /// The selected alert; `None` on a group's heading.
    fn selected<'a>(&self, book: &'a AlertBook) -> Option<&'a Alert> {
        match self.rows.get(self.table.row(self.rows.len())?)? {
            Row::Alert(i) => book.alerts.get(*i),
            Row::Group(..) => None,
        }
    }

    fn alert(&self) -> Option<&Alert> {
        self.selected(self.book.as_ref()?)
    }

    /// After one of both told its part, or that it cannot: what the other knows stays as it is.
    fn merge(&mut self, area: Rect, changed: bool) -> bool {
        if changed && (self.prometheus.value().is_some() || self.alertmanager.value().is_some()) {
            let book = alert_book::merge(self.prometheus.value(), self.alertmanager.value());
            // While the page is being filled no one has chosen the first row: it is the worst alert's.
            let parts = |b: &AlertBook| (b.has_prometheus, b.has_alertmanager);
            let is_filled = self.book.as_ref().map(parts) == Some(parts(&book));
            let keep = self.labels().filter(|_| is_filled || self.table.selected > 0);
            self.book = Some(book);
            self.rebuild(area, keep.as_ref());
        }
        changed
    }

    /// Whom the last question got no answer from, and why.
    fn errors(&self) -> impl Iterator<Item = &SourceError> {
        self.prometheus.error().into_iter().chain(self.alertmanager.error())
    }

    /// Computes the rows anew; the selection stays on its alert.
    fn rebuild(&mut self, area: Rect, keep: Option<&Labels>) {
        let Some(book) = &self.book else { return };
        self.rows = rows::rows(book, &self.filter, self.order, self.group);
        let is_kept = |row: &Row| matches!(row, Row::Alert(i) if book.alerts.get(*i).map(|a| &a.labels) == keep);
        let row = keep.and_then(|_| self.rows.iter().position(is_kept)).unwrap_or(self.table.selected);
        // The very first rows begin with a heading where there are groups.
        let row = if keep.is_none() && row == 0 && self.group != Group::None { 1 } else { row };
        let height = self.list_height(area);
        self.table.select(row, self.rows.len(), height);
        self.forget_other();
    }

    fn labels(&self) -> Option<Labels> {
        self.alert().map(|a| a.labels.clone())
    }

    /// Another alert is selected: what is drawn of the last one is no longer true, unless the same is asked for this one.
    fn forget_other(&mut self) {
        let (now, queries) = (self.labels(), self.alert().map(rows::queries_of).unwrap_or_default());
        if self.drawn != now {
            self.cursor = None;
            self.scroll = 0;
            self.drawn = now;
        }
        // What is still asked for is still answered: it must not be forgotten.
        if self.drawn_queries.0 != queries.0 {
            self.expression.clear();
        }
        if self.drawn_queries.1 != queries.1 {
            self.limit.clear();
        }
        self.drawn_queries = queries;
    }

    fn reorder(&mut self, cx: &Cx<'_>, change: impl FnOnce(&mut Self)) -> bool {
        let keep = self.labels();
        change(self);
        self.rebuild(cx.area, keep.as_ref());
        true
    }

    fn drill(&self, cx: &mut Cx<'_>, kind: ViewKind) {
        let Some(alert) = self.alert() else { return };
        let scope = rows::scope_of(alert, &cx.look);
        let kind = if kind == ViewKind::Service && scope.service.is_none() { ViewKind::Services } else { kind };
        cx.push(kind, scope);
    }

    fn next_pane(&mut self, forward: bool) -> bool {
        use Pane::{Expression, Facts, List};
        self.pane = match (self.pane, forward) {
            (List, true) | (Expression, false) => Facts,
            (Facts, true) | (List, false) => Expression,
            (Expression, true) | (Facts, false) => List,
        };
        true
    }

    fn move_cursor(&mut self, look: &Look<'_>, columns: i64) -> bool {
        let Some(matrix) = self.expression.value() else { return false };
        let range = matrix.range;
        let by = crate::model::time::nanos(matrix.step);
        let from = self.cursor.unwrap_or(range.end.min(look.now));
        self.cursor = Some(Timestamp(from.0.saturating_add(by.saturating_mul(columns))).clamp(range.start, range.end));
        true
    }

    /// Moves in the focused pane.
    fn movement(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        if self.pane == Pane::Facts {
            return self.scroll_facts(cx, command);
        }
        let height = self.list_height(cx.area);
        let moved = self.table.command(command, self.rows.len(), height);
        self.forget_other();
        moved
    }
}

impl Alerts {
    fn scroll_facts(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        let (Some(book), Some(alert)) = (&self.book, self.alert()) else { return false };
        let inner = Panel::inner(self.panes(cx.area).facts);
        detail::sheet(self, alert, book, &cx.look).scroll(&mut self.scroll, command, inner, cx.look.shared)
    }

    /// The selected alert's graph and its place, if there is one at a place.
    fn graph_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        let inner = Panel::inner(self.panes(area).expression);
        let chart = detail::chart(self, self.alert()?, look).filter(|_| inner.contains(at))?;
        chart.time_axis(inner).filter(|axis| axis.area.contains(at))
    }
}

impl View for Alerts {
    fn kind(&self) -> ViewKind {
        ViewKind::Alerts
    }

    fn crumb(&self, _look: &Look<'_>) -> String {
        // The page that an alert leads to names the service; this one names the alert once it is left behind.
        self.kind().title().to_owned()
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let alert = self.alert();
        Facts {
            rows: !self.rows.is_empty(),
            drill: if alert.is_some() { None } else { Some("no alert is selected") },
            service: alert.is_some_and(|a| a.service.is_some()),
            link: alert.is_some_and(|a| rows::link(a).is_some()),
            graphs: self.expression.value().is_some(),
            panes: true,
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        &[
            Command::Drill,
            Command::Logs,
            Command::ViewTraces,
            Command::ViewServices,
            Command::Filter,
            Command::NextPane,
            Command::Order,
            Command::Group,
            Command::ValueCursor,
            Command::ShowLink,
        ]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill => Some("case"),
            Command::ViewServices => Some("services"),
            Command::NextPane => Some("details"),
            _ => None,
        }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let (often, seldom) = (look.shared.refresh(), look.shared.refresh_slow());
        let alerts = Refresh::Every(look.shared.settings.refresh_alerts);
        needs.ask("prometheus", 0, Request::PrometheusAlerts, alerts);
        needs.ask("alertmanager", 0, Request::AlertmanagerAlerts, alerts);
        let Some(book) = &self.book else { return };
        if self.panes(area).list.width > 0 {
            let trend = step(HOUR, TREND, MIN_STEP);
            for query in self.visible_queries(book, area) {
                let part = part_of(&query);
                let request = Request::Range { query, window: TimeWindow::Last(HOUR), step: trend };
                needs.ask("trend", part, request, seldom);
            }
        }
        let (Some(alert), panes) = (self.alert(), self.panes(area)) else { return };
        if panes.expression.width == 0 {
            return;
        }
        let window = look.scope.window;
        let step = step(look.range().duration(), panes.expression.width.saturating_sub(8), MIN_STEP);
        let (value, limit) = rows::queries_of(alert);
        if let Some(query) = value {
            needs.ask("expression", 0, Request::Range { query, window, step }, often);
        }
        if let Some(query) = limit {
            needs.ask("threshold", 0, Request::Range { query, window, step }, seldom);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let matrix = |r| if let Response::Matrix(m) = r { Some(m) } else { None };
        match answer.slot.pane {
            "prometheus" => {
                let told = |r| if let Response::PrometheusAlerts(p) = r { Some(p) } else { None };
                let changed = self.prometheus.settle(answer.asked, expect(answer.result, told));
                self.merge(cx.area, changed)
            }
            "alertmanager" => {
                let told = |r| if let Response::AlertmanagerAlerts(a) = r { Some(a) } else { None };
                let changed = self.alertmanager.settle(answer.asked, expect(answer.result, told));
                self.merge(cx.area, changed)
            }
            "trend" => {
                let Request::Range { query, .. } = answer.request.as_ref() else { return false };
                // Rules come and go; what is no longer asked for is dropped before it adds up.
                if self.trends.len() > 4 * MAX_TRENDS && !self.trends.contains_key(query) {
                    self.trends.clear();
                }
                self.trends.entry(query.clone()).or_default().settle(answer.asked, expect(answer.result, matrix))
            }
            "expression" => self.expression.settle(answer.asked, expect(answer.result, matrix)),
            "threshold" => self.limit.settle(answer.asked, expect(answer.result, matrix)),
            _ => false,
        }
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill | Command::Red => self.drill(cx, ViewKind::Service),
            Command::Logs => self.drill(cx, ViewKind::Logs),
            Command::Order => return self.reorder(cx, |v| v.order = v.order.next()),
            Command::Group => return self.reorder(cx, |v| v.group = v.group.next()),
            Command::Filter => self.filter.open(),
            Command::NextPane => return self.next_pane(true),
            Command::PreviousPane => return self.next_pane(false),
            Command::FullScreen => self.alone = !self.alone,
            Command::ShowLink => {
                let link = self.alert().and_then(rows::link).map(str::to_owned);
                cx.notice(link.unwrap_or_else(|| "this alert has no link".to_owned()));
            }
            Command::ValueCursor => match self.cursor.take() {
                Some(_) => {}
                None => return self.move_cursor(&cx.look, 0),
            },
            Command::Left => return self.move_cursor(&cx.look, -1),
            Command::Right => return self.move_cursor(&cx.look, 1),
            _ => return self.movement(cx, command),
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {
        self.expression.clear();
        self.limit.clear();
        self.cursor = None;
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let keep = self.labels();
        if self.filter.key(key) {
            self.rebuild(cx.area, keep.as_ref());
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.reorder(cx, |v| v.filter.paste(text));
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let (panes, at) = (self.panes(cx.area), Position::new(event.column, event.row));
        let pointed = self.table.mouse(event, Panel::inner(panes.list), self.rows.len());
        if pointed != Pointed::Nothing {
            self.forget_other();
        }
        let step = match event.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let all = [(Pane::List, panes.list), (Pane::Facts, panes.facts), (Pane::Expression, panes.expression)];
                let Some((pane, _)) = all.into_iter().find(|(_, place)| place.contains(at)) else { return Pointed::Nothing };
                self.pane = pane;
                if let Some(axis) = self.cursor.and_then(|_| self.graph_axis(&cx.look, cx.area, at)) {
                    self.cursor = Some(axis.column(at.x).start);
                }
                return if pointed == Pointed::Nothing { Pointed::Used } else { pointed };
            }
            MouseEventKind::ScrollDown => Command::Down,
            MouseEventKind::ScrollUp => Command::Up,
            _ => return pointed,
        };
        let turned = panes.facts.contains(at) && (0..WHEEL).all(|_| self.scroll_facts(cx, step));
        if turned { Pointed::Used } else { pointed }
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        self.graph_axis(look, area, at)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let panes = self.panes(area);
        if panes.list.width > 0 {
            self.render_list(look, panes.list, buf);
        }
        let selected = self.book.as_ref().and_then(|b| self.selected(b).map(|a| (b, a)));
        let nothing = || vec!["No alert is selected.".to_owned()];
        if panes.facts.width > 0 {
            let title = selected.map_or("details", |(_, a)| a.name());
            let inner = Panel::new(title).focused(self.pane == Pane::Facts).render(look.shared, panes.facts, buf);
            match selected {
                Some((book, alert)) => detail::sheet(self, alert, book, look).render(look.shared, inner, buf, self.scroll),
                None => panel::message(look.shared, inner, buf, &nothing()),
            }
        }
        if panes.expression.width > 0 {
            match selected {
                Some((_, alert)) => detail::render_expression(self, alert, look, self.pane == Pane::Expression, panes.expression, buf),
                None => {
                    let inner = Panel::new("expression").focused(self.pane == Pane::Expression).render(look.shared, panes.expression, buf);
                    panel::message(look.shared, inner, buf, &nothing());
                }
            }
        }
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.filter.prompt()
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        let Some(alert) = self.alert() else { return Vec::new() };
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out = vec![yank("alert", alert.name().to_owned())];
        out.extend(alert.value.map(|v| yank("value", v.to_string())));
        out.extend(alert.rule.iter().map(|r| yank("query", r.query.clone())));
        out.push(yank("labels", alert.labels.to_string()));
        out.extend(rows::link(alert).map(|l| yank("link", l.to_owned())));
        out
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        let ages = self.book.iter().flat_map(|b| b.alerts.iter()).map(|a| format::next_age(look.now, a.state_since()));
        let evaluated = self.book.as_ref().filter(|b| b.alerts.is_empty()).map(|_| look.now + Duration::from_secs(1));
        let stale = [panel::state(&self.prometheus, look).wake, panel::state(&self.alertmanager, look).wake];
        ages.chain(evaluated).chain(stale.into_iter().flatten()).min()
    }
}
