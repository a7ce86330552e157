//! How many of the lines that are held have which value of a field.

use std::cmp::Reverse;

use crossterm::event::MouseEvent;
use foldhash::{HashMap, HashMapExt};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::fields::{Field, Source, value_of};
use crate::{
    app::Shared,
    core::command::Command,
    log_fields::{Record, recognise},
    store::{Line, LogStore, plain_part},
    theme::Role,
    ui::{
        format,
        table::{Cell, Column, Table, TableState, visible_rows},
    },
};

/// Lines that are taken apart for it at the most, the newest ones: the keys wait for it.
const LINES: usize = 100_000;
/// Values that are told apart; what has more is no field to count by.
const VALUES: usize = 10_000;

/// The counts of one field.
pub(super) struct Counts {
    pub(super) name: String,
    source: Source,
    /// Values, most frequent first.
    values: Vec<(String, usize)>,
    /// Lines that were looked at, and how many are shown.
    looked_at: usize,
    shown: usize,
    /// Lines without the field, or with one of the values that were not told apart.
    without: usize,
    others: usize,
    pub(super) table: TableState,
}

impl Counts {
    /// Counts the values of the shown lines.
    pub(super) fn of(store: &LogStore, field: &Field) -> Self {
        let shown = store.shown();
        let in_text = matches!(field.source, Source::Parsed | Source::Message);
        let first = if in_text { shown.saturating_sub(LINES) } else { 0 };
        // The last part of a nested name stands in the text.
        let leaf = field.name.rsplit('.').next().unwrap_or(&field.name);
        let mut counted: HashMap<String, usize> = HashMap::new();
        let (mut without, mut others) = (0, 0);
        for line in store.window(first) {
            let record = match field.source {
                Source::Message => recognise(line.text),
                Source::Parsed if line.text.contains(leaf) || is_of_the_head(leaf) => recognise(line.text),
                _ => Record::default(),
            };
            let trace = line.trace.map(|t| t.to_string());
            let value = match field.source {
                Source::Label => line.stream.get(&field.name),
                Source::Metadata => line.metadata().find(|(n, _)| *n == field.name).map(|(_, v)| v),
                Source::Parsed => value_of(&line, &record, &field.name),
                Source::Message => Some(record.message.as_str()),
                Source::Trace => trace.as_deref(),
            };
            match value {
                None => without += 1,
                Some(value) => {
                    if let Some(n) = counted.get_mut(value) {
                        *n += 1;
                    } else if counted.len() < VALUES {
                        counted.insert(value.to_owned(), 1);
                    } else {
                        others += 1;
                    }
                }
            }
        }
        let mut values: Vec<(String, usize)> = counted.into_iter().collect();
        values.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
        let looked_at = shown - first;
        Self { name: field.name.clone(), source: field.source, values, looked_at, shown, without, others, table: TableState::default() }
    }

    /// The selected value as a field.
    pub(super) fn field(&self) -> Option<Field> {
        let (value, _) = self.values.get(self.table.row(self.values.len())?)?;
        Some(Field { name: self.name.clone(), value: value.clone(), source: self.source })
    }

    /// A line that has a value of the field.
    pub(super) fn line_of<'a>(&self, store: &'a LogStore, field: &Field) -> Option<Line<'a>> {
        let first = self.shown.min(store.shown()).saturating_sub(self.looked_at);
        let has = |line: &Line<'_>| match field.source {
            Source::Label => line.stream.get(&field.name) == Some(&*field.value),
            Source::Metadata => line.metadata().any(|(n, v)| n == field.name && v == field.value),
            Source::Trace => line.trace.is_some_and(|t| t.to_string() == field.value),
            Source::Message | Source::Parsed => line.text.contains(plain_part(&field.value)) && self.says(line, field),
        };
        store.window(first).find(has)
    }

    fn says(&self, line: &Line<'_>, field: &Field) -> bool {
        let record = recognise(line.text);
        if field.source == Source::Message {
            record.message == field.value
        } else {
            value_of(line, &record, &field.name) == Some(&*field.value)
        }
    }

    /// Moves on a command. Returns false for commands that do not move.
    pub(super) fn command(&mut self, command: Command, area: Rect) -> bool {
        self.table.command(command, self.values.len(), visible_rows(area))
    }

    /// Selects what a click is on.
    pub(super) fn click(&mut self, event: MouseEvent, area: Rect) {
        self.table.mouse(event, area, self.values.len());
    }

    /// `pool: 3 values over 3,412 lines`
    pub(super) fn title(&self) -> String {
        let of = if self.looked_at < self.shown {
            format!("the newest {} of {} lines", format::count(self.looked_at as u64), format::count(self.shown as u64))
        } else {
            format::counted(self.shown, "line")
        };
        let mut title = format!("{}: {} over {of}", self.name, format::counted(self.values.len(), "value"));
        if self.without > 0 {
            title.push_str(&format!(", {} without", format::count(self.without as u64)));
        }
        if self.others > 0 {
            title.push_str(&format!(", {} of other values", format::count(self.others as u64)));
        }
        title
    }

    pub(super) fn render(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let columns = [Column::text("VALUE", 8, u16::MAX), Column::number("LINES", 9), Column::number("SHARE", 8).drop(1)];
        let table = Table { columns: &columns, rows: self.values.len(), state: &self.table, focused: true };
        let style: Style = shared.theme.style(Role::Text);
        table.render(shared, area, buf, |row, column| {
            let Some((value, n)) = self.values.get(row) else { return Cell::default() };
            match column {
                0 if value.is_empty() => Cell::new("(empty)", shared.theme.style(Role::Dim)),
                0 => Cell::new(value.as_str(), style),
                1 => Cell::new(format::count(*n as u64), style),
                _ => Cell::new(format::percent(*n as f64 / self.looked_at.max(1) as f64), shared.theme.style(Role::Dim)),
            }
        });
    }
}

/// Fields that are named by where they stand, not in the text.
fn is_of_the_head(name: &str) -> bool {
    matches!(name, "thread" | "logger")
}
