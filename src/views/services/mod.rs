//! The Services view: rate, errors and duration of all services, the worst first.

mod cells;
mod columns;
mod cut;
mod order;
mod questions;
mod rank;
mod remark;
#[cfg(test)]
mod tests;

use std::{cell::RefCell, time::Duration};

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use self::{
    columns::{Names, Told},
    cut::Size,
    order::Order,
    questions::{QUESTIONS, Written, hour_window, query},
    rank::{Asked, Columns, Row, Verdict},
};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, filter::Filter, prompt::Prompt};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, pick},
        scope::Scope,
        slot::Slot,
    },
    model::{
        series::{Matrix, Vector},
        time::{TimeWindow, Timestamp},
    },
    red::known_families,
    ui::{
        panel::{self, Panel},
        table::{Column, Table, TableState, heading_at, position, visible_rows},
    },
};

/// The trends, and the hour that "normal" is taken from.
const HOUR: Duration = Duration::from_secs(3900);
/// So many names are kept without a look at whether they are rows.
const MANY: usize = 1000;
/// Cells of a trend.
const TREND: u16 = 12;

/// Left out in this order when the screen is narrow: the trends, then the reason.
const COLUMNS: [Column; 8] = [
    Column::text("SERVICE", 12, 28),
    Column::number("RATE", 9),
    Column::text("", TREND, TREND).drop(4),
    Column::number("ERRORS", 8),
    Column::text("", TREND, TREND).drop(3),
    Column::number("P95", 8),
    Column::text("", TREND, TREND).drop(2),
    Column::text("WHY HERE", 18, u16::MAX).drop(1),
];

/// The page's state.
#[derive(Default)]
pub struct Services {
    /// Rate, failures and p95 now.
    now: [Slot<Vector>; 3],
    /// The longest duration that a histogram can tell, for services whose p95 may be that.
    highest: Slot<Vector>,
    /// The same over the last hour.
    hour: [Slot<Matrix>; 3],
    /// The services whose instances have different buckets.
    mixed: Slot<Vector>,
    /// All that as it was read, the last two apart.
    read: Columns,
    read_marks: [Vec<Told>; 2],
    /// Of how many services each is asked, in the order of [`QUESTIONS`].
    sizes: [Size; QUESTIONS.len()],
    /// The questions' queries, as they were written last.
    written: RefCell<Option<Written>>,
    /// The mapping that these were chosen from.
    chosen_of: Timestamp,
    /// Of which services the rate was told.
    rate_of: Asked,
    /// Which hour that is.
    hour_of: Option<TimeWindow>,
    rows: Vec<Row>,
    /// Services whose p95 is the bound of a bucket.
    at_bound: Vec<String>,
    table: TableState,
    order: Order,
    filter: Filter,
    /// The user has moved: the selection follows its service, not the top.
    moved: bool,
}

impl Services {
    fn height(area: Rect) -> usize {
        visible_rows(Panel::inner(area))
    }

    fn selected(&self) -> Option<&Row> {
        self.rows.get(self.table.row(self.rows.len())?)
    }

    fn rebuild(&mut self, look: &Look<'_>, area: Rect) {
        let keep = self.selected().filter(|_| self.moved).map(|r| r.service.clone()).or_else(|| look.scope.service.clone());
        let Some(mapping) = look.shared.red.value() else { return };
        let thresholds = |service: &str| (look.shared.error_threshold(service), look.shared.latency_threshold(service));
        self.rows = rank::rows(mapping, &self.read, &self.rate_of, thresholds);
        let [highest, mixed] = &self.read_marks;
        if !(highest.is_empty() && mixed.is_empty()) {
            rank::mark(&mut self.rows, mapping, &self.read.names, highest, mixed);
        }
        let passes = |row: &Row| self.filter.passes_one("service", &row.service);
        let mut rows = std::mem::take(&mut self.rows);
        if !self.filter.is_empty() {
            rows.retain(passes);
        }
        self.order.sort(&mut rows);
        self.rows = rows;
        let together = mapping.together();
        self.at_bound = self.rows.iter().filter(|r| r.is_at_bound(&together)).map(|r| r.service.to_string()).collect();
        // The same services are the same question in any order of the rows.
        self.at_bound.sort_unstable();
        let place = keep.and_then(|k| self.rows.iter().position(|r| r.service == k));
        let row = place.unwrap_or(if self.moved { self.table.selected } else { 0 });
        self.table.select(row, self.rows.len(), Self::height(area));
    }

    /// Reads what was answered in one place of the slot's name.
    fn read(&mut self, pane: &str, column: usize) {
        let names = &mut self.read.names;
        match (pane, column) {
            ("now", 0..3) => self.read.now[column] = self.now[column].value().map(|v| names.told(Some(v))),
            ("hour", 0..3) => self.read.hour[column] = self.hour[column].value().map(|m| names.past(Some(m))),
            ("highest", _) => self.read_marks[0] = names.told(self.highest.value()),
            ("mixed", _) => self.read_marks[1] = names.told(self.mixed.value()),
            _ => {}
        }
    }

    /// Reads all of it, and forgets the names that are nowhere any more.
    fn read_all(&mut self) {
        self.read.names = Names::default();
        for column in 0..3 {
            self.read("now", column);
            self.read("hour", column);
        }
        self.read("highest", 0);
        self.read("mixed", 0);
    }

    /// The scope of the selected service, as the family shows it that its figures are of: the usual one may have none now.
    fn scope(&self, look: &Look<'_>) -> Option<Scope> {
        let row = self.selected()?;
        let scope = look.scope.with_service(row.service.as_str());
        let mapping = look.shared.red.value()?;
        let usual = mapping.family_of(&row.service).map(|f| f.name.as_str());
        let other = row.family(mapping).filter(|f| f.has(&row.service)).map(|f| f.name.as_str());
        Some(match other.filter(|name| usual != Some(name) && scope.family.as_deref() != Some(name)) {
            Some(name) => scope.with_family(Some(name.into())),
            None => scope,
        })
    }

    /// How many are bad. An hour into an incident nothing is worse than an hour before, and all is not well.
    fn summary(&self) -> String {
        let all = self.rows.len();
        let worse = self.rows.iter().filter(|r| r.is_worse()).count();
        match (worse, self.rows.iter().filter(|r| r.is_still_failing()).count()) {
            (_, 0) => format!("{worse} of {all} worse than an hour before"),
            (0, failing) => format!("{failing} of {all} failing, as an hour before"),
            (_, failing) => format!("{worse} of {all} worse than an hour before, {failing} failing as then"),
        }
    }

    fn next_error(&mut self, area: Rect) {
        let from = self.table.selected + 1;
        let n = self.rows.len();
        let bad = (0..n).map(|i| (from + i) % n).find(|i| self.rows[*i].verdict != Verdict::Fine);
        if let Some(row) = bad {
            self.table.select(row, n, Self::height(area));
        }
    }
}

impl View for Services {
    fn kind(&self) -> ViewKind {
        ViewKind::Services
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let selected = self.selected().is_some();
        Facts {
            rows: !self.rows.is_empty(),
            drill: if selected { None } else { Some("no service is selected") },
            service: selected,
            errors: self.rows.iter().any(|r| r.verdict != Verdict::Fine),
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Drill, Command::Logs, Command::ViewAlerts, Command::NextError, Command::Filter, Command::Order]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill => Some("service"),
            Command::ViewAlerts => Some("alerts"),
            Command::NextError => Some("next bad one"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { red: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        self.ask(look, needs);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let (slot, pane, column) = (answer.slot, answer.slot.pane, answer.slot.part as usize);
        match (pane, column, answer.result.is_ok()) {
            ("now", 0, true) => self.rate_of.now = self.cut(0).map(|cut| cut.services.clone()),
            ("hour", 0, true) => self.rate_of.hour = self.cut(3).map(|cut| cut.services.clone()),
            _ => {}
        }
        let failed = answer.result.as_ref().err().cloned();
        let vector = pick!(Vector);
        let changed = match answer.slot.pane {
            "highest" => self.highest.settle(answer.asked, expect(answer.result, vector)),
            "mixed" => self.mixed.settle(answer.asked, expect(answer.result, vector)),
            "now" => self.now.get_mut(column).is_some_and(|slot| slot.settle(answer.asked, expect(answer.result, vector))),
            "hour" => {
                self.hour_of = Some(hour_window(&cx.look));
                self.hour.get_mut(column).is_some_and(|slot| slot.settle(answer.asked, expect(answer.result, pick!(Matrix))))
            }
            _ => false,
        };
        if changed {
            // Services come and go: their names are read anew where most of them are no rows.
            if self.read.names.len() > 2 * self.rows.len().max(MANY) {
                self.read_all();
            } else {
                self.read(pane, column);
            }
            self.rebuild(&cx.look, cx.area);
        }
        if self.chosen_of != cx.look.shared.red.at() {
            self.choose(&cx.look);
        }
        self.resize(&cx.look, slot, failed.as_ref()) || changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill | Command::Red | Command::Logs => {
                let kind = if command == Command::Logs { ViewKind::Logs } else { ViewKind::Service };
                if let Some(scope) = self.scope(&cx.look) {
                    cx.push(kind, scope);
                }
            }
            Command::Infra => {
                if let Some(scope) = self.scope(&cx.look) {
                    cx.push(ViewKind::Infra, scope);
                }
            }
            Command::Filter => self.filter.open(),
            Command::Order => {
                self.order = self.order.next();
                self.rebuild(&cx.look, cx.area);
            }
            Command::NextError if !self.rows.is_empty() => {
                self.moved = true;
                self.next_error(cx.area);
            }
            _ => {
                let moved = self.table.command(command, self.rows.len(), Self::height(cx.area));
                self.moved |= moved;
                return moved;
            }
        }
        true
    }

    fn rescoped(&mut self, cx: &mut Cx<'_>) {
        (self.now, self.highest, self.mixed) = Default::default();
        // The hour to compare with is the same for all live windows, and for all that end together.
        let hour = Some(hour_window(&cx.look));
        if self.hour_of != hour {
            (self.hour, self.hour_of) = (Default::default(), hour);
        }
        self.read_all();
        self.rebuild(&cx.look, cx.area);
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if self.filter.key(key) {
            self.rebuild(&cx.look, cx.area);
        }
        if !self.filter.is_typing() {
            self.choose(&cx.look);
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.filter.paste(text);
        self.rebuild(&cx.look, cx.area);
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let heading = heading_at(&COLUMNS, Panel::inner(cx.area), event).filter(|_| !self.rows.is_empty());
        if let Some(order) = heading.map(Order::of) {
            self.order = order;
            self.rebuild(&cx.look, cx.area);
            return Pointed::Used;
        }
        let pointed = self.table.mouse(event, Panel::inner(cx.area), self.rows.len());
        self.moved |= pointed != Pointed::Nothing;
        pointed
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let line = shared.glyphs.horizontal;
        let state = self.state(look);
        let mut title = self.kind().title().to_owned();
        if !self.rows.is_empty() {
            title.push_str(&format!(" {line}{line} {}", self.summary()));
        }
        if let Some(note) = self.filter.note() {
            title.push_str(&format!(" {line}{line} {note}"));
        }
        let note = format!("{} {line}{line} {}", self.order.name(), position(&self.table, self.rows.len()));
        let families =
            shared.red.value().map(|m| m.families.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ")).unwrap_or_default();
        let found = if families.is_empty() { String::new() } else { format!("found: {families}") };
        let bottom = self.cut_note(look).or_else(|| left_out(look)).unwrap_or(found);
        let inner = Panel::new(title).focused(true).note(note).bottom(bottom).state(&state).render(shared, area, buf);
        if let Some(lines) = without_red(look) {
            panel::message(shared, inner, buf, &lines);
        } else if let Some(lines) = &state.blank {
            panel::message(shared, inner, buf, lines);
        } else if self.rows.is_empty() {
            let text = if self.filter.is_empty() { "No service had traffic in the last hour." } else { "No service passes the filter." };
            panel::message(shared, inner, buf, &[text.to_owned()]);
        } else {
            let table = Table { columns: &COLUMNS, rows: self.rows.len(), state: &self.table, focused: true };
            table.render(shared, inner, buf, |row, column| self.cell(look, &self.rows[row], column));
            if state.stale {
                panel::dim(shared, inner, buf);
            }
        }
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.filter.prompt()
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out = Vec::new();
        if let Some(row) = self.selected() {
            out.push(yank("service", row.service.to_string()));
            out.push(yank("reason", row.reason(look.shared.settings.zone.0)));
        }
        if let Some(mapping) = look.shared.red.value() {
            for (column, name) in ["rate query", "errors query", "p95 query"].into_iter().enumerate() {
                out.extend(query(mapping, column, Duration::ZERO, None).map(|q| yank(name, q)));
            }
        }
        out.retain(|y| !y.text.is_empty());
        out
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.state(look).wake
    }
}

/// What was not found, because the server did not tell.
fn left_out(look: &Look<'_>) -> Option<String> {
    let mapping = look.shared.red.value()?;
    let notes = &mapping.notes;
    let more = if notes.len() > 1 { format!("; {} more, redline doctor tells", notes.len() - 1) } else { String::new() };
    let soon = if mapping.is_incomplete() { "not all was answered, asked again: " } else { "" };
    Some(format!("{soon}{}{more}", notes.first()?))
}

/// What is said as long as it is not known which RED metrics there are, or when there are none.
pub(super) fn without_red(look: &Look<'_>) -> Option<Vec<String>> {
    let families = || known_families().collect::<Vec<_>>().join(", ");
    let red = &look.shared.red;
    match red.value() {
        Some(mapping) if mapping.families.is_empty() => {
            let mut lines = vec![
                "This Prometheus has no RED metrics that redline knows.".to_owned(),
                format!("Looked for: {}.", families()),
                "redline doctor tells what was found and how labels were mapped.".to_owned(),
            ];
            lines.extend(mapping.notes.iter().cloned());
            Some(lines)
        }
        Some(_) => None,
        None => {
            let mut lines = panel::state(red, look).blank.unwrap_or_default();
            if red.error().is_none() {
                lines.insert(0, "Looking for RED metrics.".to_owned());
                lines.insert(1, families());
            }
            Some(lines)
        }
    }
}
