//! The whole trace in one row: how many spans were at work, where errors are, which part is shown.

use std::cell::RefCell;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    app::Shared,
    model::time::{TimeRange, Timestamp},
    theme::Role,
    trace::Trace,
    ui::text::put,
};

/// What each column of the whole trace holds.
#[derive(Default)]
pub(super) struct Minimap {
    columns: RefCell<Vec<Column>>,
}

#[derive(Clone, Copy, Default)]
struct Column {
    /// Spans at work.
    busy: u32,
    failed: bool,
}

impl Minimap {
    /// Another trace.
    pub(super) fn forget(&self) {
        self.columns.borrow_mut().clear();
    }

    /// Draws it; what lies outside the visible time is dim.
    pub(super) fn draw(&self, shared: &Shared, trace: &Trace, visible: TimeRange, area: Rect, buf: &mut Buffer) {
        if area.width == 0 {
            return;
        }
        let mut columns = self.columns.borrow_mut();
        if columns.len() != usize::from(area.width) {
            *columns = counted(trace, area.width);
        }
        let most = columns.iter().map(|c| c.busy).max().unwrap_or(0).max(1);
        let (first, last) = (column(trace, visible.start, area.width), column(trace, visible.end, area.width));
        for ((i, x), cell) in (0..).zip(area.x..area.right()).zip(columns.iter()) {
            if cell.busy == 0 {
                continue;
            }
            // Few beside many are still seen: the scale is that of the logarithm.
            let height = f64::from(cell.busy).ln_1p() / f64::from(most).ln_1p();
            let level = ((height * 8.0).ceil() as usize).clamp(1, 8) - 1;
            let is_visible = (first..=last).contains(&i);
            let role = match (is_visible, cell.failed) {
                (true, true) => Role::Bad,
                (true, false) => Role::Text,
                (false, _) => Role::Border,
            };
            put(buf, area, x, shared.glyphs.levels[level], shared.theme.style(role));
        }
    }
}

/// The column of an instant of the whole trace.
fn column(trace: &Trace, at: Timestamp, width: u16) -> usize {
    let total = i128::from(trace.duration_ns().max(1));
    let offset = i128::from(at.0.saturating_sub(trace.range.start.0)).max(0);
    usize::try_from(offset * i128::from(width) / total).unwrap_or(usize::MAX).min(usize::from(width).saturating_sub(1))
}

/// The instant at a column's beginning, of the whole trace.
pub(super) fn time_at(trace: &Trace, column: u16, width: u16) -> Timestamp {
    let offset = i128::from(trace.duration_ns()) * i128::from(column) / i128::from(width.max(1));
    Timestamp(trace.range.start.0.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX)))
}

fn counted(trace: &Trace, width: u16) -> Vec<Column> {
    let mut out = vec![Column::default(); usize::from(width)];
    // What begins and what ends in each column, and from that how many are at work.
    let mut change = vec![0_i64; usize::from(width) + 1];
    for node in &trace.nodes {
        let (from, to) = (column(trace, node.start, width), column(trace, node.end(), width));
        change[from] += 1;
        change[to + 1] -= 1;
        if node.is_error() {
            out[to].failed = true;
        }
    }
    let mut busy = 0;
    for (cell, change) in out.iter_mut().zip(&change) {
        busy += change;
        cell.busy = u32::try_from(busy).unwrap_or(0);
    }
    out
}
