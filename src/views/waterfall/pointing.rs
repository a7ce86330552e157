//! The mouse: clicks on rows, on folds and in the detail, a range dragged over the axis.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{Waterfall, detail, minimap, row::fold_column};
use crate::{
    core::command::Command,
    model::time::TimeRange,
    ui::{chart::TimeAxis, format, table::WHEEL},
    views::{Cx, Look, Pointed},
};

impl Waterfall {
    pub(super) fn pointed(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let places = self.places(cx.area);
        let at = Position::new(event.column, event.row);
        let is_click = event.kind == MouseEventKind::Down(MouseButton::Left);
        if places.sheet.contains(at) {
            return self.pointed_in_detail(cx, event, places.sheet);
        }
        if let Some(pointed) = self.table_mouse(cx, event) {
            return pointed;
        }
        if is_click && places.minimap.contains(at) {
            return self.look_at(places.minimap, event.column);
        }
        if !places.rows.contains(at) {
            return Pointed::Nothing;
        }
        // The table's area has a line of headings above its rows: here the border.
        let area = Rect { y: places.rows.y.saturating_sub(1), height: places.rows.height + 1, ..places.rows };
        let before = self.list.row(self.tree.rows().len());
        let pointed = self.list.mouse(event, area, self.tree.rows().len());
        if pointed != Pointed::Nothing {
            self.in_detail = false;
            if self.list.row(self.tree.rows().len()) != before {
                self.pane.another();
            }
        }
        if is_click && pointed == Pointed::Item && self.is_on_fold(event.column, places.names()) {
            let folded = self.row_item().is_some_and(|item| self.tree.is_folded(item));
            self.fold(cx, !folded);
            return Pointed::Used;
        }
        pointed
    }

    /// Whether a column is that of the fold mark of the selected row.
    fn is_on_fold(&self, column: u16, names: Rect) -> bool {
        let Some(row) = self.list.row(self.tree.rows().len()).map(|row| self.tree.rows()[row]) else { return false };
        let has_mark = self.trace().is_some_and(|trace| self.tree.has_below(trace, row.item));
        has_mark && column == fold_column(row, names)
    }

    fn pointed_in_detail(&mut self, cx: &mut Cx<'_>, event: MouseEvent, sheet: Rect) -> Pointed {
        let items = self.details(&cx.look);
        let step = match event.kind {
            MouseEventKind::ScrollDown => Command::Down,
            MouseEventKind::ScrollUp => Command::Up,
            MouseEventKind::Down(MouseButton::Left) => {
                self.in_detail = true;
                self.pane.click(&items, sheet, event.column, event.row);
                return Pointed::Item;
            }
            _ => return Pointed::Nothing,
        };
        for _ in 0..WHEEL {
            self.pane.command(step, &items, sheet);
        }
        Pointed::Used
    }

    /// Moves the visible time to where the whole is clicked.
    fn look_at(&mut self, minimap: Rect, column: u16) -> Pointed {
        let Some(trace) = self.trace().cloned() else { return Pointed::Nothing };
        let middle = minimap::time_at(&trace, column.saturating_sub(minimap.x), minimap.width);
        let range = self.time.range(&trace);
        let half = range.duration() / 2;
        self.time.show(&trace, TimeRange { start: middle - half, end: middle + half });
        Pointed::Used
    }

    /// The axis, over which a range can be dragged.
    pub(super) fn axis_at(&self, area: Rect, at: Position) -> Option<TimeAxis> {
        let (trace, places) = (self.trace().filter(|_| self.table.is_none())?, self.places(area));
        // What is drawn over are the bars below it as well, so that it is seen what is chosen.
        let area = Rect { height: places.bars.bottom().saturating_sub(places.axis.y), ..places.axis };
        places.axis.contains(at).then(|| TimeAxis { area, range: self.time.range(trace) })
    }

    /// The time that columns stand for.
    fn columns(&self, area: Rect, (first, last): (u16, u16)) -> Option<TimeRange> {
        let (trace, places) = (self.trace()?, self.places(area));
        let scale = self.time.scale(trace, places.bars.width.max(1));
        let eighth = |column: u16| u32::from(column.saturating_sub(places.bars.x)) * 8;
        Some(TimeRange { start: scale.time_at(eighth(first)), end: scale.time_at(eighth(last.saturating_add(1))) })
    }

    pub(super) fn zoom_to_columns(&mut self, cx: &Cx<'_>, columns: (u16, u16)) -> bool {
        let (Some(trace), Some(range)) = (self.trace().cloned(), self.columns(cx.area, columns)) else { return false };
        self.time.show(&trace, range);
        true
    }

    pub(super) fn words_of_columns(&self, look: &Look<'_>, area: Rect, columns: (u16, u16)) -> Option<String> {
        let (trace, range) = (self.trace()?, self.columns(area, columns)?);
        let from = |at| detail::offset(at, trace.range.start);
        let length = format::nanoseconds(range.end.0.saturating_sub(range.start.0));
        Some(format!("{} {} {} {} {length}", from(range.start), look.shared.glyphs.dash, from(range.end), look.shared.glyphs.middle_dot))
    }
}
