//! Spans by service and operation: how many, how long, how much of the critical path.

use crossterm::event::MouseEvent;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Waterfall, digest::share};
use crate::{
    core::{command::Command, scope::Scope},
    model::time::TimeRange,
    theme::Role,
    trace::{
        Trace,
        table::{Row, rows},
    },
    ui::{
        format,
        table::{Cell, Column, Table, TableState, visible_rows},
    },
    views::{Cx, Look, Pointed, search::Search},
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

    /// The selected operation.
    pub(super) fn selected(&self) -> Option<&Row> {
        self.rows.get(self.state.row(self.rows.len())?)
    }

    /// The same of the trace as it came again, or with other clocks.
    pub(super) fn renewed(mut self, trace: &Trace) -> Self {
        let all = rows(trace);
        let is_same = |of: &Row| self.selected().is_some_and(|row| (&row.service, &row.name) == (&of.service, &of.name));
        if let Some(place) = all.iter().position(is_same) {
            self.state.selected = place;
        }
        self.rows = all;
        self
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
        if self.table.is_some() && is_of_spans(command, self.in_detail) {
            let key = cx.look.shared.keymap.key(Command::SpanTable).unwrap_or_default();
            cx.notice(format!("the spans are not shown now: {key} goes back to them"));
            return Some(true);
        }
        let height = visible_rows(self.places(cx.area).rows);
        let table = self.table.as_mut().filter(|_| !self.in_detail)?;
        match command {
            Command::Back => self.table = None,
            Command::Drill => self.open_operation(cx),
            _ if table.state.command(command, table.rows.len(), height) => self.pane.another(),
            _ => return None,
        }
        Some(true)
    }

    pub(super) fn table_mouse(&mut self, cx: &Cx<'_>, event: MouseEvent) -> Option<Pointed> {
        let area = self.places(cx.area).rows;
        let table = self.table.as_mut()?;
        let pointed = table.state.mouse(event, area, table.rows.len());
        if pointed != Pointed::Nothing {
            self.in_detail = false;
            self.pane.another();
        }
        Some(pointed)
    }

    /// The spans of the selected operation.
    fn of_operation(&self) -> impl Iterator<Item = usize> {
        let row = self.table.as_ref().and_then(SpanTable::selected);
        let both = self.trace().zip(row);
        both.into_iter().flat_map(|(trace, row)| {
            let operation = trace.nodes[row.first as usize].operation;
            (0..trace.nodes.len()).filter(move |i| trace.nodes[*i].operation == operation)
        })
    }

    /// The selected operation's service, and the time of its spans; the span where it is one.
    pub(super) fn operation_scope(&self, look: &Look<'_>) -> Option<Scope> {
        let (trace, row) = (self.trace()?, self.table.as_ref()?.selected()?);
        let span = |n: usize| TimeRange { start: trace.nodes[n].start, end: trace.nodes[n].end() };
        let range = self.of_operation().map(span).reduce(|a, b| TimeRange { start: a.start.min(b.start), end: a.end.max(b.end) })?;
        let scope = if row.service.is_empty() { look.scope.clone() } else { look.scope.with_service(row.service.clone()) };
        let span = (row.count == 1).then(|| trace.nodes[row.first as usize].id);
        Some(scope.with_trace(trace.id, span).around(range))
    }

    /// Goes to the first span of the selected operation; the others are found by the keys of a search.
    fn open_operation(&mut self, cx: &mut Cx<'_>) {
        let nodes: Vec<u32> = self.of_operation().filter_map(|i| u32::try_from(i).ok()).collect();
        let Some(table) = self.table.take() else { return };
        let Some(row) = table.selected() else { return };
        let search = Search::for_spans(&self.tree, nodes);
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

/// Whether a command is about rows of the tree or their bars, which the table stands in front of.
fn is_of_spans(command: Command, in_detail: bool) -> bool {
    use Command::{
        CriticalPath, Filter, Fold, FoldAll, FoldDeeper, FoldHigher, FoldToErrors, FoldToPath, FoldWaits, Live, Measure, NextError,
        NextMatch, NextSibling, PanEarlier, PanLater, Parent, PreviousError, PreviousMatch, PreviousSibling, SlowestChild, TraceLines,
        Unfold, UnfoldAll, ZoomIn, ZoomOut, ZoomToSpan,
    };
    match command {
        Filter | Fold | Unfold => !in_detail,
        FoldAll | FoldDeeper | FoldHigher | FoldToErrors | FoldToPath | UnfoldAll | FoldWaits | CriticalPath | TraceLines | Measure => true,
        NextError | PreviousError | NextMatch | PreviousMatch | Parent | SlowestChild | NextSibling | PreviousSibling => true,
        ZoomIn | ZoomOut | ZoomToSpan | PanEarlier | PanLater | Live => true,
        _ => false,
    }
}
