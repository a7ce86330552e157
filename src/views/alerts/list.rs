//! The table of alerts.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Alerts, HOUR, MAX_TRENDS, Pane, TREND, detail,
    rows::{self, Row},
};
use crate::{
    model::{
        alert::{Alert, AlertState},
        alert_book::AlertBook,
        backend::{Backend, ErrorKind},
        time::TimeWindow,
    },
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        spark::spark,
        table::{Cell, Column, Table, position, visible_rows},
    },
    views::Look,
};

/// Left out in this order when the screen is narrow: summary, last hour, value.
const COLUMNS: [Column; 8] = [
    Column::text("SEV", 3, 3),
    Column::text("STATE", 9, 9),
    Column::text("ALERT", 16, 34),
    Column::text("SERVICE", 9, 16),
    Column { right: true, ..Column::text("SINCE", 5, 5) },
    Column::text("VALUE", 14, 16).drop(1),
    Column::text("LAST HOUR", TREND, TREND).drop(2),
    Column::text("SUMMARY", 16, u16::MAX).drop(3),
];

impl Alerts {
    /// The expressions whose trend the visible rows show, each once.
    pub(super) fn visible_queries(&self, book: &AlertBook, area: Rect) -> Vec<String> {
        let height = visible_rows(Panel::inner(self.panes(area).list));
        let first = self.table.first(self.rows.len(), height);
        let mut out: Vec<String> = Vec::new();
        for row in self.rows.iter().skip(first).take(height) {
            let Row::Alert(i) = row else { continue };
            if let Some(query) = book.alerts.get(*i).and_then(trend_query).filter(|q| !out.contains(q)) {
                out.push(query);
            }
        }
        out.truncate(MAX_TRENDS);
        out
    }

    pub(super) fn render_list(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let state = self.list_state(look);
        let line = shared.glyphs.horizontal;
        let book = self.book.as_ref();
        let mut title = "Alerts".to_owned();
        // Alerts are what fires now, whatever the window is.
        let as_of = (!look.scope.window.is_live()).then(|| "as of now".to_owned());
        for part in [book.map(|b| rows::counts(b, shared.glyphs.middle_dot)), as_of, self.filter.note()].into_iter().flatten() {
            if !part.is_empty() {
                title.push_str(&format!(" {line}{line} {part}"));
            }
        }
        let missing = self.missing(line);
        let place = position(&self.table, self.rows.len());
        let note = format!("{missing}{}{} {line}{line} {place}", self.group.note(), self.order.name());
        let inner = Panel::new(title).focused(self.pane == Pane::List).note(note).state(&state).render(shared, area, buf);
        if let Some(lines) = &state.blank {
            panel::message(shared, inner, buf, lines);
            return;
        }
        let Some(book) = book else { return };
        if self.rows.is_empty() {
            let text = if book.alerts.is_empty() {
                rows::no_alerts(book, self.errors(), look.now)
            } else {
                vec![format!("None of {} alerts passes the filter.", book.alerts.len()), "/ then Esc removes it.".to_owned()]
            };
            panel::message(shared, inner, buf, &text);
            return;
        }
        let table = Table { columns: &COLUMNS, rows: self.rows.len(), state: &self.table, focused: self.pane == Pane::List };
        table.render(shared, inner, buf, |row, column| match self.rows.get(row) {
            Some(Row::Alert(i)) => book.alerts.get(*i).map_or_else(Cell::default, |a| self.cell(look, book, a, column)),
            Some(Row::Group(name, count)) => group_cell(look, name, *count, column),
            None => Cell::default(),
        });
        if state.stale {
            panel::dim(shared, inner, buf);
        }
    }

    /// Of the two that tell alerts, the state of the one that matters more: that there is nothing yet, or that what is shown
    /// is old.
    fn list_state(&self, look: &Look<'_>) -> panel::State {
        let (prometheus, alertmanager) = (panel::state(&self.prometheus, look), panel::state(&self.alertmanager, look));
        let is_absent = self.prometheus.error().is_some_and(|e| e.kind == ErrorKind::NotConfigured);
        match &self.book {
            Some(_) if prometheus.stale => prometheus,
            Some(_) if alertmanager.stale => alertmanager,
            Some(_) => panel::State::default(),
            None if is_absent => alertmanager,
            None => prometheus,
        }
    }

    /// Whose part is missing, for the pane's edge.
    fn missing(&self, line: &str) -> String {
        let waiting = |is: bool, backend: Backend| if is { format!("waiting for {backend} {line}{line} ") } else { String::new() };
        match self.errors().next() {
            Some(error) => format!("{error} {line}{line} "),
            None if self.book.is_none() => String::new(),
            None => {
                waiting(self.prometheus.is_waiting(), Backend::Prometheus) + &waiting(self.alertmanager.is_waiting(), Backend::Alertmanager)
            }
        }
    }

    fn cell(&self, look: &Look<'_>, book: &AlertBook, alert: &Alert, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let quiet = matches!(alert.state, AlertState::Silenced | AlertState::Inhibited);
        let text = style(if quiet { Role::Dim } else { Role::Text });
        match column {
            0 => Cell::new(format!("P{}", alert.severity.0), style(severity_role(alert, quiet))),
            1 => Cell::new(alert.state.as_str(), style(state_role(alert.state))),
            2 => {
                let cell = Cell::new(alert.name().to_owned(), text);
                match pending_text(alert, look) {
                    Some(progress) => cell.and(format!("  {progress}"), style(Role::Dim)),
                    None => cell,
                }
            }
            3 => match &alert.service {
                Some(service) => Cell::new(service.to_string(), if quiet { text } else { shared.service_style(service) }),
                None => Cell::new(shared.glyphs.dash, style(Role::Dim)),
            },
            4 => Cell::new(format::age(look.now.since(alert.state_since())), text),
            5 => Cell::new(rows::value_text(alert), text),
            6 => Cell::new(self.trend(alert, look), style(if quiet { Role::Dim } else { state_role(alert.state) })),
            _ => match rows::remark(alert, book, look.now, shared.settings.zone.0) {
                Some(remark) if quiet => Cell::new(remark, text),
                Some(remark) => Cell::new(remark, style(Role::Warn)).and(format!("  {}", rows::summary(alert)), text),
                None => Cell::new(rows::summary(alert).to_owned(), text),
            },
        }
    }

    fn trend(&self, alert: &Alert, look: &Look<'_>) -> String {
        let slot = trend_query(alert).and_then(|q| self.trends.get(&q));
        let Some(matrix) = slot.and_then(|s| s.value()) else { return String::new() };
        let range = TimeWindow::Last(HOUR).range(matrix.range.end.max(look.now - HOUR));
        let samples = detail::series_of(matrix, alert).map_or(&[][..], |s| &s.samples);
        spark(samples, range, usize::from(TREND), look.shared.glyphs)
    }
}

fn trend_query(alert: &Alert) -> Option<String> {
    rows::queries_of(alert).0
}

fn severity_role(alert: &Alert, quiet: bool) -> Role {
    match alert.severity.0 {
        _ if quiet => Role::Dim,
        1 | 2 => Role::Bad,
        3 => Role::Warn,
        _ => Role::Text,
    }
}

fn state_role(state: AlertState) -> Role {
    match state {
        AlertState::Firing => Role::Bad,
        AlertState::Pending => Role::Warn,
        AlertState::Silenced | AlertState::Inhibited => Role::Dim,
    }
}

/// `2m/10m`: how much of `for` has passed.
fn pending_text(alert: &Alert, look: &Look<'_>) -> Option<String> {
    let rule = alert.rule.as_ref().filter(|_| alert.state == AlertState::Pending)?;
    let passed = look.now.since(alert.since).min(rule.hold);
    Some(format!("{}/{}", format::age(passed), format::span(rule.hold)))
}

fn group_cell(look: &Look<'_>, name: &str, count: usize, column: usize) -> Cell<'static> {
    let style = |role| look.shared.theme.style(role);
    match column {
        0 => Cell::new(look.shared.glyphs.unfolded, style(Role::Dim)),
        1 => Cell::new(format!("{count} of"), style(Role::Dim)),
        2 => Cell::new(name.to_owned(), style(Role::Title)),
        _ => Cell::default(),
    }
}
