//! The Alerts view: what fires, since when, how far beyond its threshold; `Enter` opens the case of the selected one.

mod data;
mod detail;
mod digest;
mod expression;
mod exprs;
mod list;
mod matched;
mod naming;
mod panes;
pub mod report;
mod rows;
mod selection;
mod storm;
#[cfg(test)]
mod tests;
mod told;

use std::{collections::BTreeSet, time::Duration};

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

pub use self::data::FIRED;
use self::{
    data::{Change, Data},
    detail::Held,
    digest::Digest,
    exprs::Exprs,
    naming::{Names, Selected},
    panes::Pane,
    rows::{Group, Order, Row},
    selection::Kept,
};
use super::{Act, Cx, Look, Needs, Pointed, View, Wants, Yank, filter::Filter, infra, prompt::Prompt, silence_form::Fold};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Request, pick},
        typed::TypedQuery,
    },
    model::{
        alert::{Alert, Engine},
        alert_book::AlertBook,
        place,
        time::{TimeWindow, Timestamp},
    },
    ui::{
        chart::TimeAxis,
        format,
        panel::{self, Panel},
        table::{TableState, WHEEL, heading_at},
    },
};

/// Rows whose ages are kept up to date: more than a screen has.
const ON_SCREEN: usize = 300;

/// The page's state.
#[derive(Default)]
pub struct Alerts {
    data: Data,
    /// What is known of alerts, once anyone has told any.
    book: Option<AlertBook>,
    /// What is computed of it once.
    digest: Digest,
    exprs: Exprs,
    /// What the series of expressions say of services.
    selected: Selected,
    rows: Vec<Row>,
    /// When the first of them were shown.
    first_rows: Option<Timestamp>,
    table: TableState,
    order: Order,
    /// The grouping that the user chose; `None`: by origin in a storm, or else none.
    group: Option<Group>,
    turned: BTreeSet<(Group, String)>,
    filter: Filter,
    pane: Pane,
    alone: bool,
    scroll: usize,
    /// What the selected group holds.
    held: Held,
    /// The alert that cursor and scroll belong to.
    drawn: Option<Kept>,
    cursor: Option<Timestamp>,
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

    /// The grouping in effect.
    fn group(&self) -> Group {
        self.group.unwrap_or(if self.digest.is_storm() { Group::Origin } else { Group::None })
    }

    /// Series of an expression told their services.
    fn told_of_services(&mut self, cx: &Cx<'_>, answer: Answer) -> bool {
        let Request::Instant { query, .. } = answer.request.as_ref() else { return false };
        let vector = pick!(Vector);
        let is_new = self.selected.settle(query, answer.asked, expect(answer.result, vector));
        if is_new {
            self.merge(cx);
        }
        is_new
    }

    fn drill(&mut self, cx: &mut Cx<'_>, kind: ViewKind) -> bool {
        let Some(alert) = self.alert() else {
            return kind == ViewKind::Service && self.heading().is_some() && self.fold(cx, None);
        };
        let scope = told::scope_of(alert, &cx.look);
        let kind = if kind == ViewKind::Service && scope.service.is_none() { ViewKind::Services } else { kind };
        cx.push(kind, scope);
        true
    }

    /// The form on what the selected heading holds, folded or not.
    fn silence_fold(&self, cx: &mut Cx<'_>) -> bool {
        let (Some(heading), Some(book)) = (self.heading(), &self.book) else { return false };
        let alerts: Vec<&Alert> = heading.members.iter().filter_map(|i| book.alerts.get(*i)).collect();
        cx.acts.push(Act::SilenceFold(Box::new(Fold::of(&heading.name, &alerts))));
        true
    }

    /// The arrows: the value cursor where there is one, folds in a list of groups.
    fn sideways(&mut self, cx: &Cx<'_>, columns: i64) -> bool {
        let folds = self.pane == Pane::List && self.cursor.is_none() && self.group() != Group::None;
        if folds { self.fold(cx, Some(columns > 0)) } else { self.move_cursor(&cx.look, columns) }
    }

    fn move_cursor(&mut self, look: &Look<'_>, columns: i64) -> bool {
        let Some(matrix) = self.data.expression.value().map(|told| &told.matrix) else { return false };
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
        let (before, height) = (self.table.selected, self.list_height(cx.area));
        let moved = self.table.command(command, self.rows.len(), height);
        if self.table.selected != before {
            self.forget_other();
        }
        moved
    }

    fn scroll_facts(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        let inner = Panel::inner(self.panes(cx.area).facts);
        let Some(sheet) = detail::sheet(self, &cx.look) else { return false };
        sheet.scroll(&mut self.scroll, command, inner, cx.look.shared)
    }

    /// The selected alert's graph and its place, if there is one at a place.
    fn graph_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        let inner = Panel::inner(self.panes(area).expression);
        let chart = expression::chart(self, self.alert()?, look).filter(|_| inner.contains(at))?;
        chart.time_axis(inner).filter(|axis| axis.area.contains(at))
    }
}

/// What names services, as far as the app found it out.
fn naming<'a>(look: &Look<'a>) -> Names<'a> {
    Names::new(look.shared.red.value().map(|red| &**red), &look.shared.settings.labels.metrics_service)
}

impl View for Alerts {
    fn kind(&self) -> ViewKind {
        ViewKind::Alerts
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let alert = self.alert();
        Facts {
            rows: !self.rows.is_empty(),
            drill: if self.row().is_some() { None } else { Some("no alert is selected") },
            service: alert.is_some_and(|a| a.service.is_some()),
            infra: alert.is_some_and(|a| place::is_told(a.labels.iter())),
            link: alert.is_some_and(|a| told::link(a).is_some()),
            graphs: self.data.expression.value().is_some(),
            folds: self.group() != Group::None && !self.rows.is_empty(),
            panes: true,
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        &[
            Command::Drill,
            Command::Silence,
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
            Command::Drill if self.heading().is_some() => Some("unfold"),
            Command::Drill => Some("case"),
            Command::ViewServices => Some("services"),
            Command::NextPane => Some("details"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        // What names services for RED names those of alerts, too.
        Wants { red: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let storm = self.digest.before_onset().filter(|_| self.group() == Group::Origin);
        self.data.ask_alerts(look, storm, needs);
        self.selected.ask(look.shared.refresh_slow(), TimeWindow::Last(data::HOUR), needs);
        let Some(book) = &self.book else { return };
        let panes = self.panes(area);
        if panes.list.width > 0 {
            Data::ask_trends(look, self.visible_queries(book, area), needs);
        }
        if panes.expression.width > 0 {
            self.data.ask_expression(look, panes.expression, needs);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        if answer.slot.pane == "services" {
            return self.told_of_services(cx, answer);
        }
        let tells_alerts = matches!(answer.slot.pane, "prometheus" | "alertmanager" | "ruler");
        let change = self.data.take(answer);
        match change {
            Change::Alerts => self.merge(cx),
            Change::Origins => drop(self.reorder(cx, |v| v.digest.forget_origins())),
            // The same failure again: what was told is a little less sure.
            Change::Nothing if tells_alerts && self.data.is_in_doubt() => {
                self.merge(cx);
                return true;
            }
            _ => {}
        }
        change != Change::Nothing
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill | Command::Red => return self.drill(cx, ViewKind::Service),
            Command::Logs => {
                let Some(scope) = self.alert().map(|alert| told::logs_of(alert, &cx.look)) else { return false };
                cx.push(ViewKind::Logs, scope);
            }
            Command::Infra => {
                let Some((place, scope)) = self.alert().map(|alert| told::infra_of(alert, &cx.look)) else { return false };
                cx.acts.push(infra::open(place, scope));
            }
            Command::Silence if self.alert().is_some() => return self.drill(cx, ViewKind::SilenceForm),
            Command::Silence => return self.silence_fold(cx),
            Command::Order => return self.reorder(cx, |v| v.order = v.order.next()),
            Command::Group => return self.reorder(cx, |v| v.group = Some(v.group().next())),
            Command::Filter => self.filter.open(),
            Command::NextPane => return self.next_pane(true),
            Command::PreviousPane => return self.next_pane(false),
            Command::FullScreen => self.alone = !self.alone,
            Command::ShowLink => {
                let link = self.alert().and_then(told::link).map(str::to_owned);
                cx.notice(link.unwrap_or_else(|| "this alert has no link".to_owned()));
            }
            Command::ValueCursor => match self.cursor.take() {
                Some(_) => {}
                None => return self.move_cursor(&cx.look, 0),
            },
            Command::Left => return self.sideways(cx, -1),
            Command::Right => return self.sideways(cx, 1),
            _ => return self.movement(cx, command),
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {
        self.data.rescoped();
        self.cursor = None;
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let keep = self.kept();
        if self.filter.key(key) {
            self.rebuild(cx.area, keep.as_ref());
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.reorder(cx, |v| v.filter.paste(text));
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let (panes, at) = (self.panes(cx.area), Position::new(event.column, event.row));
        let heading = heading_at(&list::COLUMNS, Panel::inner(panes.list), event).filter(|_| !self.rows.is_empty());
        if let Some(order) = heading.and_then(|column| list::order_of(column, self.order)) {
            self.pane = Pane::List;
            self.reorder(cx, |v| v.order = order);
            return Pointed::Used;
        }
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
        if panes.facts.width > 0 {
            detail::render(self, look, panes.facts, buf);
        }
        if panes.expression.width > 0 {
            expression::render(self, look, panes.expression, buf);
        }
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.filter.prompt()
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        let Some(alert) = self.alert() else { return Vec::new() };
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out = vec![yank("alert", alert.name().to_owned())];
        out.extend(told::runbook(alert).map(|l| yank("runbook", l.to_owned())));
        out.extend(alert.value.map(|v| yank("value", v.to_string())));
        out.extend(alert.rule.iter().map(|r| yank("query", r.query.clone())));
        out.push(yank("labels", alert.labels.to_string()));
        out.extend(told::link(alert).filter(|l| told::runbook(alert) != Some(l)).map(|l| yank("link", l.to_owned())));
        out
    }

    fn queries(&self, _look: &Look<'_>) -> Vec<TypedQuery> {
        let rule = self.alert().and_then(|a| a.rule.as_ref());
        let typed = rule.map(|r| match r.engine {
            Engine::Prometheus => TypedQuery::promql(&r.query),
            Engine::Loki => TypedQuery::logql(&r.query),
        });
        typed.into_iter().collect()
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        let book = self.book.as_ref();
        let seen = self.rows.iter().skip(self.table.offset).take(ON_SCREEN);
        let ages = seen.filter_map(|row| match row {
            Row::Alert(i) => book?.alerts.get(*i).map(Alert::state_since),
            Row::Group(heading) => Some(heading.since),
        });
        let ages = ages.map(|since| format::next_age(look.now, since));
        let evaluated = book.filter(|b| b.alerts.is_empty()).map(|_| look.now + Duration::from_secs(1));
        let stale = [panel::state(&self.data.prometheus, look).wake, panel::state(&self.data.alertmanager, look).wake];
        ages.chain(evaluated).chain(stale.into_iter().flatten()).min()
    }
}
