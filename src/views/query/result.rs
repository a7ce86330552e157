//! Draws a result: the lines over time with a table of them, or the table at one instant.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    Query,
    draw::letter_of,
    empty, layout,
    row::{Form, Query as Row},
};
use crate::{
    core::command::Command,
    model::{
        backend::ErrorKind,
        explored::{Explored, Total, Value},
        series::Matrix,
    },
    theme::Role,
    ui::{
        chart::{Chart, Line, TimeAxis, Unit},
        format,
        panel::{self, Panel, State},
        table::{Cell, Column, Table, position, visible_rows},
        text::{put, truncate, width},
    },
    views::{
        Look,
        cost::{Verdict, WAITS},
    },
};

/// Lines that are drawn, the first of the table.
const MAX_DRAWN: usize = 30;
/// Lines up to so many have their value at their end.
const MAX_ENDS: usize = 4;
/// The widest column of a label.
const WIDEST: usize = 48;
/// Rows that the width of a column is taken from.
const MEASURED: usize = 200;
/// Cells of a pane's edge that its title and its note leave free.
const EDGE: usize = 9;
/// Warnings that are shown.
const MAX_WARNINGS: usize = 2;

/// The lines of a row's graph, if it shows one that has any.
pub(super) fn matrix(row: &Row) -> Option<&Matrix> {
    match &**row.slot().value().filter(|_| row.form == Form::Graph)? {
        Explored::Graph { matrix, .. } if !matrix.series.is_empty() => Some(matrix),
        _ => None,
    }
}

/// Where the parts of a result lie.
struct Parts {
    /// What all series have alike, and what the server warned of.
    head: Rect,
    chart: Rect,
    table: Rect,
}

fn parts(row: &Row, place: Rect) -> Parts {
    let inner = Panel::inner(place);
    let lines = u16::try_from(head(row).len()).unwrap_or(0).min(inner.height / 3);
    let rest = Rect { y: inner.y + lines, height: inner.height - lines, ..inner };
    let (chart, table) = match matrix(row) {
        Some(_) => layout::graph(rest, row.reading.rows.len()),
        None => (Rect::default(), rest),
    };
    Parts { head: Rect { height: lines, ..inner }, chart, table }
}

/// Where a row's table lies.
pub(super) fn table_area(row: &Row, place: Rect) -> Rect {
    parts(row, place).table
}

/// Rows of it that are seen.
pub(super) fn table_height(row: &Row, place: Rect) -> usize {
    visible_rows(table_area(row, place))
}

/// Lines above a result.
fn head(row: &Row) -> Vec<(String, Role)> {
    let Some(data) = row.slot().value() else { return Vec::new() };
    let warnings = data.warnings();
    let mut out: Vec<(String, Role)> = warnings.iter().take(MAX_WARNINGS).map(|w| (w.clone(), Role::Warn)).collect();
    if let Some(last) = out.last_mut().filter(|_| warnings.len() > MAX_WARNINGS) {
        last.0 = format!("{} more: {}", warnings.len() - MAX_WARNINGS, last.0);
    }
    if !row.reading.common.is_empty() {
        out.push((format!("all {}", row.reading.common), Role::Dim));
    }
    out
}

/// The exact value that is selected, as the server writes it.
pub(super) fn value(page: &Query, look: &Look<'_>) -> Option<String> {
    if let Some(Explored::Text(text, _)) = page.row().slot().value().map(|v| &**v) {
        return Some(text.clone());
    }
    let zone = look.shared.settings.zone.0;
    page.row().selected().map(|row| written(&row.value, zone))
}

/// Every digit: two values that differ do not look the same.
fn exact(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        v if v.is_infinite() => if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        v if v != 0.0 && (v.abs() >= 1e17 || v.abs() < 1e-7) => format!("{v:e}"),
        v => v.to_string(),
    }
}

fn written(value: &Value, zone: i32) -> String {
    match value {
        Value::Number(value) => exact(*value),
        Value::Histogram(words) => words.clone(),
        Value::Samples(count, newest) => {
            let newest = newest.map(|(at, v)| format!(", last {} at {}", exact(v), format::clock_seconds(at, zone)));
            format!("{}{}", format::counted(*count, "sample"), newest.unwrap_or_default())
        }
    }
}

impl Query {
    pub(super) fn render_result(&self, i: usize, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (shared, row) = (look.shared, &self.rows[i]);
        if let Some(size) = row.too_much(look) {
            return self.render_question(i, size, look, area, buf);
        }
        let mut state = panel::state(row.slot(), look);
        if row.older().is_some() && !state.stale {
            state = State { stale: true, note: Some("of the query before".to_owned()), ..state };
        }
        let focused = i == self.focus && !self.editor.typing;
        let title = self.title(i, look);
        let room = usize::from(area.width).saturating_sub(width(&title) + EDGE);
        let mut panel = Panel::new(title).focused(focused).note(self.note(i, look, room));
        if let Some(selected) = row.selected().filter(|r| !r.labels.is_empty()) {
            panel = panel.bottom(selected.labels.to_string());
        }
        let inner = panel.state(&state).render(shared, area, buf);
        if let Some(lines) = self.blank(row, &state, look) {
            panel::message(shared, inner, buf, &lines);
            return;
        }
        let parts = parts(row, area);
        for (y, (text, role)) in (parts.head.y..parts.head.bottom()).zip(head(row)) {
            let line = Rect { y, height: 1, ..parts.head };
            let text = truncate(&text, usize::from(line.width), shared.glyphs.ellipsis);
            put(buf, line, line.x, &text, shared.theme.style(role));
        }
        if let Some(chart) = self.chart(i, look) {
            chart.render(shared, parts.chart, buf);
        }
        render_table(row, focused, look, parts.table, buf);
        if state.stale {
            panel::dim(shared, inner, buf);
        }
    }

    fn title(&self, i: usize, look: &Look<'_>) -> String {
        let row = &self.rows[i];
        let mut parts = vec![letter_of(i), row.form.name().to_owned()];
        let told = row.slot().value().map(|data| match &**data {
            Explored::Graph { total, .. } => *total,
            Explored::Table(table) => table.total,
            Explored::Scalar(..) | Explored::Text(..) => Total::default(),
        });
        if let Some(total) = told.filter(|total| total.series > 0) {
            let (all, left) = (row.reading.all, row.reading.rows.len());
            let mut text = counted(total, all, matrix(row).is_some());
            if left > MAX_DRAWN && matrix(row).is_some() {
                text.push_str(&format!(", {MAX_DRAWN} drawn"));
            }
            parts.push(text);
        }
        parts.extend(self.filter.note());
        parts.join(&format!(" {0}{0} ", look.shared.glyphs.horizontal))
    }

    /// What asking reads where there is room, the resolution or the instant, and the order.
    fn note(&self, i: usize, look: &Look<'_>, room: usize) -> String {
        let row = &self.rows[i];
        if row.slot().value().is_none() {
            return String::new();
        }
        let zone = look.shared.settings.zone.0;
        let mut parts = Vec::new();
        match (matrix(row), self.cursor) {
            (Some(_), Some(at)) => parts.push(format!("at {}", format::clock_seconds(at, zone))),
            (Some(matrix), None) => parts.push(format!("step {}", format::span(matrix.step))),
            (None, _) if row.form == Form::Graph => {}
            (None, _) => parts.push(format!("at {}", format::clock_seconds(look.scope.window.range(row.slot().at()).end, zone))),
        }
        if row.reading.rows.len() > 1 {
            parts.push(row.order.name().to_owned());
            parts.push(position(&row.table, row.reading.rows.len()));
        }
        let separator = format!(" {0}{0} ", look.shared.glyphs.horizontal);
        let rest = parts.join(&separator);
        match row.size_note(look).filter(|size| width(size) + width(&separator) + width(&rest) <= room) {
            Some(size) if rest.is_empty() => size,
            Some(size) => [size, rest].join(&separator),
            None => rest,
        }
    }

    /// Why there is nothing to draw.
    fn blank(&self, row: &Row, state: &State, look: &Look<'_>) -> Option<Vec<String>> {
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        if row.asked.is_empty() {
            return Some(vec![
                "No query was asked yet.".to_owned(),
                format!("{} types one, :kept lists those with a name.", key(Command::EditQuery)),
            ]);
        }
        if row.slot().is_waiting() && row.verdict(look) == Verdict::Waits {
            return Some(vec![WAITS.to_owned()]);
        }
        if let Some(lines) = &state.blank {
            let refused = row.slot().error().is_some_and(|e| e.kind == ErrorKind::BadQuery);
            return Some(if refused { refusal(row, &key(Command::ResultForm)) } else { lines.clone() });
        }
        let data = row.slot().value()?;
        if let Explored::Text(text, _) = &**data {
            return Some(vec![text.clone(), "The query gives a text, not a number.".to_owned()]);
        }
        if row.reading.all == 0 {
            return Some(empty::words(row, &self.catalog, look));
        }
        row.reading.rows.is_empty().then(|| vec!["No series passes the filter.".to_owned()])
    }

    /// The graph of a row.
    pub(super) fn chart(&self, i: usize, look: &Look<'_>) -> Option<Chart<'_>> {
        let row = &self.rows[i];
        let matrix = matrix(row).filter(|_| row.too_much(look).is_none())?;
        let mut chart = Chart::new(matrix.range, matrix.step, Unit::Plain);
        chart.cursor = self.cursor;
        let selected = row.selected().map(|r| r.place);
        let mut drawn: Vec<usize> = row.reading.rows.iter().take(MAX_DRAWN).map(|r| r.place).filter(|p| Some(*p) != selected).collect();
        drawn.reverse();
        // The selected one lies on top.
        drawn.extend(selected);
        for place in drawn {
            let Some(series) = matrix.series.get(place) else { continue };
            let mut style = look.shared.theme.hue(place);
            if Some(place) == selected && row.reading.rows.len() > 1 {
                style = style.patch(look.shared.theme.style(Role::Selection)).remove_modifier(Modifier::REVERSED);
            }
            // With more lines the table tells which is which.
            let end = if row.reading.rows.len() > MAX_ENDS { None } else { series.last().map(|s| format::number(s.value)) };
            chart.lines.push(Line { samples: series.samples.as_slice().into(), style, fill: false, end: end.unwrap_or_default() });
        }
        Some(chart)
    }

    /// The axis of a row's graph.
    pub(super) fn axis(&self, i: usize, look: &Look<'_>, place: Rect) -> Option<TimeAxis> {
        self.chart(i, look)?.time_axis(parts(&self.rows[i], place).chart)
    }
}

/// How many series there are, and which are here.
fn counted(total: Total, here: usize, graph: bool) -> String {
    let count = |n: usize| format::count(n as u64);
    // Of what the server has cut off nobody knows whether it is larger.
    let (number, which) = if total.cut { (format!("{}+", count(total.series - 1)), "") } else { (count(total.series), " largest") };
    if total.series > here {
        format!("{}{} of {number} series", count(here), if graph { which } else { "" })
    } else {
        format!("{number} series")
    }
}

/// What the server said, and where else the query may be right.
fn refusal(row: &Row, other: &str) -> Vec<String> {
    let fault = row.fault().map(|f| f.message).unwrap_or_default();
    let mut out = vec![fault];
    if out[0].contains("invalid expression type") && row.form == Form::Graph {
        out.push(format!("It has no values over time; {other} shows it as a table."));
    }
    out
}

fn render_table(row: &Row, focused: bool, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let (shared, zone) = (look.shared, look.shared.settings.zone.0);
    let reading = &row.reading;
    let graph = matrix(row).is_some();
    let columns = columns(row, zone);
    let table = Table { columns: &columns, rows: reading.rows.len(), state: &row.table, focused };
    table.render(shared, area, buf, |i, column| {
        let line = &reading.rows[i];
        match column {
            0 => {
                let text = written(&line.value, zone);
                let drawn = if i < MAX_DRAWN { shared.glyphs.dot } else { shared.glyphs.middle_dot };
                let value = Cell::new(if graph { format!("{drawn} ") } else { String::new() }, shared.theme.hue(line.place));
                value.and(text, shared.theme.style(Role::Text))
            }
            n => {
                let text = line.labels.get(&reading.names[n - 1]).unwrap_or("");
                Cell::new(text.to_owned(), shared.theme.style(Role::Text))
            }
        }
    });
}

/// The value, then the labels that differ; what has no room is dropped from the right.
fn columns(row: &Row, zone: i32) -> Vec<Column<'_>> {
    let measured = &row.reading.rows[..row.reading.rows.len().min(MEASURED)];
    let cells = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let widest = measured.iter().map(|r| width(&written(&r.value, zone))).max().unwrap_or(0) + 2;
    let histogram = measured.iter().any(|r| matches!(r.value, Value::Histogram(_)));
    let mut out = vec![if histogram {
        Column::text("VALUE", 12, cells(widest.max(12)))
    } else {
        Column::text("VALUE", cells(widest.max(6)), cells(widest.max(6)))
    }];
    for (i, name) in row.reading.names.iter().enumerate() {
        let widest = measured.iter().map(|r| width(r.labels.get(name).unwrap_or(""))).max().unwrap_or(0).max(width(name)).min(WIDEST);
        let column = Column::text(name.as_str(), cells(widest.min(16)), cells(widest));
        out.push(if i == 0 { column } else { column.drop(u8::try_from(i).unwrap_or(u8::MAX)) });
    }
    out
}
