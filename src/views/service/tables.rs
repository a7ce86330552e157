//! The tables of the Service page: breakdown, calls, saturation.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Pane, Service, ask::table_window, breakdown, calls, labels, saturation};
use crate::{
    core::command::Command,
    red::Family,
    ui::{
        format,
        panel::{self, Panel, State},
        table::{Cell, Table, position},
    },
    views::Look,
};

impl Service {
    pub(super) fn render_breakdown(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let line = shared.glyphs.horizontal;
        if self.picker.is_some() {
            return self.render_picker(look, area, buf);
        }
        let state = self.table_state(look);
        let family = self.data.family(look).map(|(f, _)| f);
        let label = family.as_ref().and_then(|f| self.label(f));
        let mut title = match (&self.label, &label) {
            (Some(label), _) => format!("by {label}"),
            (None, _) => "by route".to_owned(),
        };
        if let Some(family) = &family {
            // The graphs rate over less: their last values differ from these.
            title.push_str(&format!(", last {}", format::span(table_window(family))));
        }
        if let Some(note) = self.filter.note() {
            title.push_str(&format!(" {line}{line} {note}"));
        }
        let found = |f: &Family| format!("found: {} ({})", f.requests.metric(), f.name);
        let bottom = family.as_ref().map(|f| {
            let parts: Vec<String> = self.cut_rows().into_iter().chain(untold(f, label.as_deref())).collect();
            if parts.is_empty() { found(f) } else { parts.join("; ") }
        });
        let note = format!("{} {line}{line} {}", self.order.name(), position(&self.table, self.rows.len()));
        let focused = self.pane == Pane::Breakdown;
        let others = others(look);
        let inner = Panel::new(title)
            .focused(focused)
            .note(note)
            .bottom(bottom.unwrap_or_default())
            .bottom_note(others)
            .state(&state)
            .render(shared, area, buf);
        if family.is_some() && label.is_none() {
            let key = shared.keymap.key(Command::Breakdown).unwrap_or_default();
            let lines = ["No label of this family names a route.".to_owned(), format!("{key} breaks it down by another label.")];
            panel::message(shared, inner, buf, &lines);
        } else if let Some(lines) = &state.blank {
            panel::message(shared, inner, buf, lines);
        } else if self.rows.is_empty() {
            let text = match (self.filter.is_empty(), &self.label) {
                (false, _) => "No row passes the filter.".to_owned(),
                (true, None) => "No route had a request.".to_owned(),
                (true, Some(label)) => format!("No value of {label} had a request."),
            };
            panel::message(shared, inner, buf, &[text]);
        } else {
            let service = look.scope.service.as_deref().unwrap_or("");
            let columns = breakdown::columns(if self.label.is_none() { "ROUTE" } else { "VALUE" });
            let focused = self.exemplar.is_none() && !matches!(self.pane, Pane::Calls | Pane::Saturation);
            let table = Table { columns: &columns, rows: self.rows.len(), state: &self.table, focused };
            table.render(shared, inner, buf, |row, column| self.rows[row].cell(look, service, column));
            if state.stale {
                panel::dim(shared, inner, buf);
            }
        }
    }

    /// Without rates there is no table; of its other columns it is said that they are missing or old.
    fn table_state(&self, look: &Look<'_>) -> State {
        let whole = panel::state(&self.data.rows[0], look);
        if whole != State::default() {
            return whole;
        }
        let [_, errors, p95] = &self.data.rows;
        let parts = [("errors", errors), ("p95", p95), ("whether buckets differ", &self.data.mixed)];
        let before = self.data.rows_before.iter().map(|slot| ("what was before", slot));
        parts.into_iter().chain(before).find_map(|(what, slot)| panel::part(what, slot, look)).unwrap_or(whole)
    }

    fn render_picker(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(picker) = &self.picker else { return };
        let rows = picker.choices.len();
        let whole = panel::state(&self.data.labels, look);
        let counts = self.data.counts.iter().filter(|_| whole == State::default());
        let state = counts.into_iter().find_map(|slot| panel::part("how many values", slot, look)).unwrap_or(whole);
        let note = position(picker.table(), rows);
        let inner = Panel::new("break down by").focused(true).note(note).state(&state).render(look.shared, area, buf);
        if let Some(lines) = &state.blank {
            panel::message(look.shared, inner, buf, lines);
        } else if rows == 0 {
            panel::message(look.shared, inner, buf, &["No label has this in its name.".to_owned()]);
        } else {
            let table = Table { columns: &labels::COLUMNS, rows, state: picker.table(), focused: true };
            table.render(look.shared, inner, buf, |row, column| picker.cell(look, row, column));
        }
    }

    pub(super) fn render_calls(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let strip = Strip {
            pane: Pane::Calls,
            state: panel::state(&self.data.calls, look),
            table: Table { columns: &calls::COLUMNS, rows: self.calls.len(), state: &self.calls_table, focused: self.is_in(Pane::Calls) },
            none: calls::none(look.scope.service.as_deref().unwrap_or(""), look.shared.red.value().map(|red| &**red)),
            source: calls::source(&self.calls),
        };
        strip.render(self.pane, look, area, buf, |row, column| self.calls[row].cell(look, column));
    }

    pub(super) fn render_saturation(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (rows, focused) = (self.saturation.len(), self.is_in(Pane::Saturation));
        let strip = Strip {
            pane: Pane::Saturation,
            state: panel::state(&self.data.saturation, look),
            table: Table { columns: &saturation::COLUMNS, rows, state: &self.saturation_table, focused },
            none: saturation::none(look.scope.service.as_deref().unwrap_or("")),
            source: "",
        };
        strip.render(self.pane, look, area, buf, |row, column| self.saturation[row].cell(look, column));
    }

    /// Which values have a row, where not all do.
    fn cut_rows(&self) -> Option<String> {
        let others = self.rows.last()?.others?;
        let shown = self.data.rows[0].value().map_or(0, |v| breakdown::values(v).count() as u64);
        Some(format!("of {} values the busiest and those that fail most", format::count(shown + others)))
    }

    /// Whether the keys act on the row that is selected in a table.
    fn is_in(&self, pane: Pane) -> bool {
        self.pane == pane && self.exemplar.is_none()
    }
}

/// What nobody can tell by the breakdown's label.
fn untold(family: &Family, label: Option<&str>) -> Option<String> {
    let lacks = |(what, (metric, label)): (&str, (&str, &str))| format!("no {what} by {label}: {metric} lacks it");
    let errors = family.failures_lack(label.into_iter()).map(|lack| ("errors", lack));
    let durations = family.durations_lack(label.into_iter()).map(|lack| ("p95", lack));
    let all: Vec<String> = errors.into_iter().chain(durations).map(lacks).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// How many other families have the service, and the key that shows them.
fn others(look: &Look<'_>) -> String {
    let all = look.shared.red.value().zip(look.scope.service.as_deref()).map_or(0, |(red, service)| red.families_of(service).count());
    match look.shared.keymap.key(Command::SwitchFamily) {
        Some(key) if all > 1 => format!("{key} {} more", all - 1),
        _ => String::new(),
    }
}

/// A table beside the breakdown.
struct Strip<'a> {
    pane: Pane,
    state: State,
    table: Table<'a>,
    /// Said where there are no rows.
    none: Vec<String>,
    /// Where they are from, if that is to be said.
    source: &'static str,
}

impl Strip<'_> {
    fn render<'c>(&self, focus: Pane, look: &Look<'_>, area: Rect, buf: &mut Buffer, cell: impl Fn(usize, usize) -> Cell<'c>) {
        let note = if focus == self.pane { position(self.table.state, self.table.rows) } else { String::new() };
        let panel = Panel::new(self.pane.name()).focused(focus == self.pane).note(note).bottom(self.source).state(&self.state);
        let inner = panel.render(look.shared, area, buf);
        if let Some(lines) = &self.state.blank {
            panel::message(look.shared, inner, buf, lines);
        } else if self.table.rows == 0 {
            panel::message(look.shared, inner, buf, &self.none);
        } else {
            self.table.render(look.shared, inner, buf, cell);
            if self.state.stale {
                panel::dim(look.shared, inner, buf);
            }
        }
    }
}
