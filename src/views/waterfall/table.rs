//! Spans by service and operation: how many, how long, how much of the critical path.

use crossterm::event::MouseEvent;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Waterfall, digest::share, search::Search};
use crate::{
    core::command::Command,
    theme::Role,
    trace::table::{Row, rows},
    ui::{
        format,
        table::{Cell, Column, Table, TableState, visible_rows},
    },
    views::{Cx, Look, Pointed},
};

/// Left out in this order when the screen is narrow: self time, total.
const COLUMNS: [Column<'_>; 7] = [
    Column::text("SERVICE", 8, 24),
    Column::text("OPERATION", 14, u16::MAX),
    Column::number("COUNT", 7),
    Column::number("TOTAL", 8).drop(1),
    Column::number("SELF", 8).drop(2),
    Column::number("PATH", 6),
    Column::number("ERRORS", 6),
];

/// The table while it is shown.
pub(super) struct SpanTable {
    rows: Vec<Row>,
    state: TableState,
}

impl SpanTable {
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    #[cfg(test)]
    pub(super) fn selected_name(&self) -> Option<&str> {
        Some(self.rows.get(self.state.row(self.rows.len())?)?.name.as_str())
    }

    pub(super) fn state(&self) -> &TableState {
        &self.state
    }
}

impl Waterfall {
    /// Shows the table in place of the tree, or no more.
    pub(super) fn toggle_table(&mut self) {
        self.table = match (&self.table, self.trace()) {
            (None, Some(trace)) => Some(SpanTable { rows: rows(trace), state: TableState::default() }),
            _ => None,
        };
    }

    /// What a command does to the table. `None`: nothing, or there is none.
    pub(super) fn table_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        let height = visible_rows(self.places(cx.area).rows);
        let table = self.table.as_mut()?;
        match command {
            Command::Back => self.table = None,
            Command::Drill => self.open_operation(cx),
            _ if table.state.command(command, table.rows.len(), height) => {}
            _ => return None,
        }
        Some(true)
    }

    pub(super) fn table_mouse(&mut self, cx: &Cx<'_>, event: MouseEvent) -> Option<Pointed> {
        let area = self.places(cx.area).rows;
        let table = self.table.as_mut()?;
        Some(table.state.mouse(event, area, table.rows.len()))
    }

    /// Goes to the first span of the selected operation; the others are found by the keys of a search.
    fn open_operation(&mut self, cx: &mut Cx<'_>) {
        let (Some(table), Some(trace)) = (self.table.take(), self.trace().cloned()) else { return };
        let Some(row) = table.state.row(table.rows.len()).and_then(|row| table.rows.get(row)) else { return };
        let of_row = trace.operation(row.first as usize);
        let nodes = (0..trace.nodes.len()).filter(|i| trace.operation(*i) == of_row);
        let search = Search::for_nodes(&self.tree, nodes.filter_map(|i| u32::try_from(i).ok()).collect());
        let words = format::counted(search.len(), "span");
        let key = cx.look.shared.keymap.key(Command::NextMatch).unwrap_or_default();
        cx.notice(format!("{} of {} {}: {key} goes to the next, Esc shows all alike", words, row.service, row.name));
        self.search = Some(search);
        self.select(row.first as usize, cx.area);
    }

    pub(super) fn draw_table(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (Some(table), Some(digest)) = (&self.table, &self.digest) else { return };
        let style = |role| look.shared.theme.style(role);
        let all = digest.path_ns();
        let drawn = Table { columns: &COLUMNS, rows: table.rows.len(), state: &table.state, focused: !self.in_detail };
        drawn.render(look.shared, area, buf, |row, column| {
            let row = &table.rows[row];
            let plain = style(Role::Text);
            match column {
                0 => Cell::new(row.service.as_str(), look.shared.service_style(&row.service)),
                1 => Cell::new(row.name.as_str(), plain),
                2 => Cell::new(format::count(u64::from(row.count)), plain),
                3 => Cell::new(format::nanoseconds(row.total_ns), plain),
                4 => Cell::new(format::nanoseconds(row.self_ns), plain),
                5 if row.path_ns == 0 => Cell::new(format::MISSING, style(Role::Dim)),
                5 => Cell::new(format!("{:.1} %", share(row.path_ns, all) * 100.0), plain),
                _ => Cell::new(format::count(u64::from(row.errors)), style(if row.errors > 0 { Role::Bad } else { Role::Dim })),
            }
        });
    }
}
