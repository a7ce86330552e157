//! How many of the lines that are held have which value of a field.

use std::{cmp::Reverse, ops::Range};

use crossterm::event::MouseEvent;
use foldhash::HashMap;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    fields::{Field, Source, value_of},
    row::brief,
};
use crate::{
    app::Shared,
    core::command::Command,
    log_fields::Record,
    store::{Line, LogStore, plain_part},
    theme::Role,
    ui::{
        format,
        table::{Cell, Column, Table, TableState, visible_rows},
    },
};

/// Lines that are taken apart for it at the most, the newest ones: the keys wait for it.
const LINES: usize = 50_000;
/// Fewer are counted sooner than a thread is started.
const LINES_A_WORKER: usize = 5_000;
/// Values that are told apart; what has more is no field to count by.
const VALUES: usize = 10_000;

/// How often each value was seen.
#[derive(Default)]
struct Tally {
    counted: HashMap<String, usize>,
    without: usize,
    others: usize,
}

impl Tally {
    /// Over the lines of these numbers, shared out among the cores where they are many: someone waits for it.
    fn shared_out(store: &LogStore, field: &Field, lines: Range<usize>) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(lines.len() / LINES_A_WORKER + 1);
        let share = lines.len().div_ceil(workers).max(1);
        let parts = lines.clone().step_by(share).map(|from| from..lines.end.min(from + share));
        std::thread::scope(|scope| {
            let running: Vec<_> = parts.map(|part| scope.spawn(move || Self::of(store, field, part))).collect();
            running.into_iter().fold(Self::default(), |sum, part| match part.join() {
                Ok(part) => sum.and(part),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    fn of(store: &LogStore, field: &Field, lines: Range<usize>) -> Self {
        // The last part of a nested name stands in the text.
        let leaf = field.name.rsplit('.').next().unwrap_or(&field.name);
        let mut out = Self::default();
        for (_, line) in store.rows_from(lines.start).take_while(|(n, _)| *n < lines.end) {
            let record = match field.source {
                Source::Message => brief(line.text),
                Source::Parsed if line.text.contains(leaf) || is_of_the_head(leaf) => brief(line.text),
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
                Some(value) => out.add(value, 1),
                None => out.without += 1,
            }
        }
        out
    }

    fn add(&mut self, value: &str, times: usize) {
        if let Some(n) = self.counted.get_mut(value) {
            *n += times;
        } else if self.counted.len() < VALUES {
            self.counted.insert(value.to_owned(), times);
        } else {
            self.others += times;
        }
    }

    fn and(mut self, other: Self) -> Self {
        if self.counted.is_empty() {
            return Self { without: self.without + other.without, others: self.others + other.others, ..other };
        }
        other.counted.iter().for_each(|(value, times)| self.add(value, *times));
        Self { without: self.without + other.without, others: self.others + other.others, ..self }
    }
}

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
        let Tally { counted, without, others } = Tally::shared_out(store, field, first..shown);
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
        let record = brief(line.text);
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
