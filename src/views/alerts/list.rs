//! The table of alerts.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Alerts, Pane,
    data::{HOUR, MAX_TRENDS, TREND},
    rows::{self, Group, Heading, Order, Row},
    told,
};
use crate::{
    model::{
        alert::{Alert, AlertState},
        alert_book::AlertBook,
        backend::Backend,
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

/// Below this width the edge has room for a few words only.
const NARROW: u16 = 140;
/// Characters of a text that a cell is given: more than a screen has.
const MOST: usize = 500;

/// Left out in this order when the screen is narrow: summary, last hour, value.
pub(super) const COLUMNS: [Column; 8] = [
    Column::text("SEV", 3, 3),
    Column::text("STATE", 9, 9),
    Column::text("ALERT", 16, 34),
    Column::text("SERVICE", 9, 16),
    Column { right: true, ..Column::text("SINCE", 5, 5) },
    Column::text("VALUE", 14, 16).drop(1),
    Column::text("LAST HOUR", TREND, TREND).drop(2),
    Column::text("SUMMARY", 16, u16::MAX).drop(3),
];

/// The order that a click on a column's heading asks for; a second one turns the only column that has two ends.
pub(super) fn order_of(column: usize, now: Order) -> Option<Order> {
    Some(match column {
        0 => Order::Severity,
        1 => Order::State,
        2 => Order::Name,
        3 => Order::Service,
        4 if now == Order::Newest => Order::Oldest,
        4 => Order::Newest,
        5 => Order::Value,
        7 => Order::Summary,
        _ => return None,
    })
}

impl Alerts {
    /// The expressions whose trend the visible rows show, each once.
    pub(super) fn visible_queries(&self, book: &AlertBook, area: Rect) -> Vec<String> {
        let height = visible_rows(Panel::inner(self.panes(area).list));
        let first = self.table.first(self.rows.len(), height);
        let mut out: Vec<String> = Vec::new();
        for row in self.rows.iter().skip(first).take(height) {
            let Row::Alert(i) = row else { continue };
            if let Some(query) = book.alerts.get(*i).and_then(|a| self.exprs.trend(a)).filter(|q| !out.contains(q)) {
                out.push(query);
            }
        }
        out.truncate(MAX_TRENDS);
        out
    }

    pub(super) fn render_list(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let state = self.list_state(look);
        let panel = Panel::new(self.title(look)).focused(self.pane == Pane::List).note(self.list_note(look, area.width)).state(&state);
        let inner = panel.render(shared, area, buf);
        if let Some(lines) = &state.blank {
            panel::message(shared, inner, buf, lines);
            return;
        }
        let Some(book) = &self.book else { return };
        if self.rows.is_empty() {
            let text = if book.alerts.is_empty() {
                told::no_alerts(book, self.data.errors(), self.data.waits_for().next(), look.now)
            } else {
                vec![format!("None of {} alerts passes the filter.", book.alerts.len()), "/ then Esc removes it.".to_owned()]
            };
            panel::message(shared, inner, buf, &text);
            return;
        }
        let table = Table { columns: &COLUMNS, rows: self.rows.len(), state: &self.table, focused: self.pane == Pane::List };
        let heading = |row: usize| match self.rows.get(row) {
            Some(Row::Group(heading)) => Some(heading_line(look, heading)),
            _ => None,
        };
        table.render_with(shared, inner, buf, heading, |row, column| match self.rows.get(row) {
            Some(Row::Alert(i)) => book.alerts.get(*i).map_or_else(Cell::default, |a| self.cell(look, book, a, column)),
            _ => Cell::default(),
        });
        if state.stale {
            panel::dim(shared, inner, buf);
        }
    }

    /// How many alerts are in which state, what of them is shown, and which rules fail.
    fn title(&self, look: &Look<'_>) -> String {
        let (line, dot) = (look.shared.glyphs.horizontal, look.shared.glyphs.middle_dot);
        let book = self.book.as_ref();
        // Alerts are what fires now, whatever the window is.
        let as_of = (!look.scope.window.is_live()).then(|| "as of now".to_owned());
        let counts = book.map(|_| rows::counts_text(self.digest.counts(), dot));
        let failing = book.filter(|b| !b.alerts.is_empty()).and_then(told::failing);
        let passing = self.filter.note().map(|note| match book.filter(|_| !self.filter.is_empty()) {
            Some(book) => format!("{note} {} of {}", self.passing(), book.alerts.len()),
            None => note,
        });
        let mut title = "Alerts".to_owned();
        for part in [counts, as_of, passing, failing].into_iter().flatten().filter(|part| !part.is_empty()) {
            title.push_str(&format!(" {line}{line} {part}"));
        }
        title
    }

    /// How many alerts pass the filter, in folds or not.
    fn passing(&self) -> usize {
        match self.group() {
            Group::None => self.rows.len(),
            _ => self.rows.iter().map(|row| if let Row::Group(h) = row { h.members.len() } else { 0 }).sum(),
        }
    }

    /// Whose part is missing, the grouping and order, and where the selection is.
    fn list_note(&self, look: &Look<'_>, columns: u16) -> String {
        let line = look.shared.glyphs.horizontal;
        let missing = self.missing(line);
        let cut = self.book.as_ref().map(|book| book.notes.join(", ")).filter(|notes| !notes.is_empty());
        let cut = cut.map(|notes| format!("{notes} {line}{line} ")).unwrap_or_default();
        let no_graph = self.group() == Group::Origin && !self.data.calls.has_graph();
        let by = if no_graph { "by common onset and labels, the largest first, then " } else { self.group().note() };
        let place = position(&self.table, self.rows.len());
        let (group, order) = (self.group(), self.order.name());
        match columns < NARROW {
            true if group != Group::None => format!("{missing}{cut}by {} {line}{line} {place}", group.name()),
            _ => format!("{missing}{cut}{by}{order} {line}{line} {place}"),
        }
    }

    /// Of the two that tell alerts, the state of the one that matters more: that there is nothing yet, or that what is shown
    /// is old.
    fn list_state(&self, look: &Look<'_>) -> panel::State {
        let (prometheus, alertmanager) = (panel::state(&self.data.prometheus, look), panel::state(&self.data.alertmanager, look));
        let is_absent = self.data.absent() == Some(Backend::Prometheus);
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
        let words: Vec<String> = match self.data.errors().next() {
            Some(error) => vec![error.to_string()],
            None if self.book.is_none() => Vec::new(),
            None => {
                let absent = self.data.absent().map(|backend| format!("no {backend} configured"));
                self.data.waits_for().map(|backend| format!("waiting for {backend}")).chain(absent).collect()
            }
        };
        words.into_iter().map(|words| format!("{words} {line}{line} ")).collect()
    }

    fn cell(&self, look: &Look<'_>, book: &AlertBook, alert: &Alert, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let quiet = !matches!(alert.state, AlertState::Firing | AlertState::Pending);
        let text = style(if quiet { Role::Dim } else { Role::Text });
        match column {
            0 => Cell::new(format!("P{}", alert.severity.0), style(severity_role(alert.severity.0, quiet))),
            1 => Cell::new(alert.state.as_str(), style(state_role(alert.state))),
            2 => {
                let cell = Cell::new(first_line(alert.name()).to_owned(), text);
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
            5 => Cell::new(self.exprs.value_text(alert), text),
            6 => Cell::new(self.trend(alert, look), style(if quiet { Role::Dim } else { state_role(alert.state) })),
            _ => match told::remark(alert, book, look.now, shared.settings.zone.0) {
                Some(remark) if quiet => Cell::new(first_line(&remark).to_owned(), text),
                Some(remark) => Cell::new(first_line(&remark).to_owned(), style(Role::Warn))
                    .and(format!("  {}", first_line(told::summary(alert))), text),
                None => Cell::new(first_line(told::summary(alert)).to_owned(), text),
            },
        }
    }

    fn trend(&self, alert: &Alert, look: &Look<'_>) -> String {
        let slot = self.exprs.trend(alert).and_then(|q| self.data.trends.get(&q));
        let Some(told) = slot.and_then(|s| s.value()) else { return String::new() };
        let range = TimeWindow::Last(HOUR).range(told.matrix.range.end.max(look.now - HOUR));
        let samples = told.series_of(alert).map_or(&[][..], |s| &s.samples);
        spark(samples, range, usize::from(TREND), look.shared.glyphs)
    }
}

/// As much of a text as a cell may show: the rest of 100 KB is not measured in each frame.
fn first_line(text: &str) -> &str {
    let line = text.trim_start().lines().next().unwrap_or("");
    line.char_indices().nth(MOST).map_or(line, |(end, _)| &line[..end])
}

fn severity_role(severity: u8, quiet: bool) -> Role {
    match severity {
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
        AlertState::Stale => Role::Stale,
        AlertState::Silenced | AlertState::Inhibited | AlertState::Resolved => Role::Dim,
    }
}

/// `2m/10m`: how much of `for` has passed.
fn pending_text(alert: &Alert, look: &Look<'_>) -> Option<String> {
    let rule = alert.rule.as_ref().filter(|_| alert.state == AlertState::Pending)?;
    let passed = look.now.since(alert.since).min(rule.hold);
    Some(format!("{}/{}", format::age(passed), format::span(rule.hold)))
}

/// What a group holds, and why: `▸ P1 postgres  38 firing · 2 pending  since 6m  lowest bad dependency of 5 services`.
fn heading_line(look: &Look<'_>, heading: &Heading) -> Cell<'static> {
    let shared = look.shared;
    let style = |role| shared.theme.style(role);
    let fold = if heading.is_open { shared.glyphs.unfolded } else { shared.glyphs.folded };
    let quiet = heading.counts[AlertState::Firing as usize] + heading.counts[AlertState::Pending as usize] == 0;
    let (rank, severity) = (format!("P{}", heading.severity.0), style(severity_role(heading.severity.0, quiet)));
    // A group by severity is called what it is.
    let title = if heading.name == rank { String::new() } else { format!(" {}", heading.name) };
    Cell::new(format!("{fold} "), style(Role::Dim))
        .and(rank, severity)
        .and(title, style(Role::Title))
        .and(format!("  {}", rows::counts_text(&heading.counts, shared.glyphs.middle_dot)), style(Role::Text))
        .and(format!("  since {}", format::age(look.now.since(heading.since))), style(Role::Dim))
        .and(format!("  {}", told::why(heading, look)), style(Role::Dim))
}
