//! A virtual table: only the rows on the screen are formatted.

use std::borrow::Cow;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};

use super::{
    format,
    text::{put, truncate, width},
};
use crate::{app::Shared, core::command::Command, theme::Role, views::Pointed};

/// Cells between two columns.
const GAP: u16 = 2;
/// Rows that a turn of the wheel moves.
pub const WHEEL: usize = 3;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'t> {
    /// Heading.
    pub title: &'t str,
    /// Narrowest width in cells.
    pub min: u16,
    /// Widest width; `u16::MAX` takes what is left.
    pub max: u16,
    /// Whether its cells end at the right edge, as numbers do.
    pub right: bool,
    /// When there is no room, the column with the highest number goes first; 0 stays.
    pub drop: u8,
}

impl<'t> Column<'t> {
    /// A column of text, from `min` to `max` cells wide.
    pub const fn text(title: &'t str, min: u16, max: u16) -> Self {
        Self { title, min, max, right: false, drop: 0 }
    }

    /// A column of numbers.
    pub const fn number(title: &'t str, width: u16) -> Self {
        Self { title, min: width, max: width, right: true, drop: 0 }
    }

    /// Left out when there is no room, the highest number first.
    #[must_use]
    pub const fn drop(mut self, order: u8) -> Self {
        self.drop = order;
        self
    }
}

/// The content of one cell: pieces of text, each with a style.
#[derive(Clone, Debug, Default)]
pub struct Cell<'a> {
    pieces: Vec<(Cow<'a, str>, Style)>,
    /// How many of the last pieces the others make room for.
    kept: usize,
}

impl<'a> Cell<'a> {
    /// One piece of text.
    pub fn new(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self { pieces: vec![(text.into(), style)], kept: 0 }
    }

    /// One more piece.
    #[must_use]
    pub fn and(mut self, text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        self.pieces.push((text.into(), style));
        self
    }

    /// A last piece, for which those before it are cut where there is no room for all.
    #[must_use]
    pub fn and_keep(mut self, text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        self.kept += 1;
        self.and(text, style)
    }

    /// All of it in one style.
    #[must_use]
    pub fn in_style(mut self, style: Style) -> Self {
        self.pieces.iter_mut().for_each(|(_, of)| *of = style);
        self
    }

    fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| width(text)).sum()
    }

    fn render(&self, shared: &Shared, area: Rect, right: bool, buf: &mut Buffer) {
        let (room, needed) = (usize::from(area.width), self.width());
        let indent = if right { room.saturating_sub(needed) } else { 0 };
        let mut x = area.x + u16::try_from(indent).unwrap_or(0);
        let first_kept = self.pieces.len().saturating_sub(self.kept);
        let kept: usize = self.pieces[first_kept..].iter().map(|(text, _)| width(text)).sum();
        for (at, (text, style)) in self.pieces.iter().enumerate() {
            let reserved = if at < first_kept { kept } else { 0 };
            let left = usize::from(area.right().saturating_sub(x)).saturating_sub(reserved);
            let text = if width(text) > left { Cow::Owned(truncate(text, left, shared.glyphs.ellipsis)) } else { Cow::Borrowed(&**text) };
            x = put(buf, area, x, &text, *style);
        }
    }
}

/// Which row is selected and which is the first one visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableState {
    /// The selected row.
    pub selected: usize,
    /// The first visible row, as the last movement left it; [`TableState::first`] is what is drawn.
    pub offset: usize,
}

impl TableState {
    /// The selected row, if there is any row.
    pub fn row(&self, rows: usize) -> Option<usize> {
        (rows > 0).then(|| self.selected.min(rows - 1))
    }

    /// The first row that is drawn, so that the selected one is visible and no room is wasted at the end.
    pub fn first(&self, rows: usize, height: usize) -> usize {
        let selected = self.selected.min(rows.saturating_sub(1));
        let first = self.offset.min(rows.saturating_sub(height)).min(selected);
        if height > 0 && selected >= first + height { selected + 1 - height } else { first }
    }

    /// Selects a row and scrolls as far as needed.
    pub fn select(&mut self, row: usize, rows: usize, height: usize) {
        self.selected = row.min(rows.saturating_sub(1));
        self.offset = self.first(rows, height);
    }

    /// Moves on a command. `height` is the number of visible rows. Returns false for commands that do not move.
    pub fn command(&mut self, command: Command, rows: usize, height: usize) -> bool {
        let page = (height / 2).max(1);
        let row = match command {
            Command::Down => self.selected.saturating_add(1),
            Command::Up => self.selected.min(rows.saturating_sub(1)).saturating_sub(1),
            Command::Top => 0,
            Command::Bottom => usize::MAX,
            Command::PageDown => self.selected.saturating_add(page),
            Command::PageUp => self.selected.min(rows.saturating_sub(1)).saturating_sub(page),
            _ => return false,
        };
        self.select(row, rows, height);
        true
    }

    /// Takes a mouse event: a click selects, the wheel moves. `area` is the table's, with its heading.
    pub fn mouse(&mut self, event: MouseEvent, area: Rect, rows: usize) -> Pointed {
        let height = visible_rows(area);
        if !area.contains(Position::new(event.column, event.row)) {
            return Pointed::Nothing;
        }
        let step = match event.kind {
            MouseEventKind::ScrollDown => WHEEL as isize,
            MouseEventKind::ScrollUp => -(WHEEL as isize),
            MouseEventKind::Down(MouseButton::Left) => {
                let line = usize::from(event.row - area.y);
                let heading = usize::from(area.height) - height;
                let row = self.first(rows, height) + line.saturating_sub(heading);
                if line < heading || row >= rows {
                    return Pointed::Nothing;
                }
                self.select(row, rows, height);
                return Pointed::Item;
            }
            _ => return Pointed::Nothing,
        };
        let row = self.row(rows).unwrap_or(0).saturating_add_signed(step);
        self.select(row, rows, height);
        Pointed::Used
    }
}

/// Rows that fit under the heading. An area of one row has no heading.
pub fn visible_rows(area: Rect) -> usize {
    usize::from(if area.height > 1 { area.height - 1 } else { area.height })
}

/// `3 of 12`, for the pane's edge.
pub fn position(state: &TableState, rows: usize) -> String {
    let count = |n: usize| format::count(n as u64);
    state.row(rows).map_or_else(|| "0 of 0".to_owned(), |row| format!("{} of {}", count(row + 1), count(rows)))
}

/// A table to be drawn.
pub struct Table<'a> {
    /// Its columns.
    pub columns: &'a [Column<'a>],
    /// How many rows there are.
    pub rows: usize,
    /// Selection and scroll.
    pub state: &'a TableState,
    /// Whether the selection is shown as the one that keys act on.
    pub focused: bool,
}

impl Table<'_> {
    /// Draws heading and visible rows; `cell` is asked for each visible row and column (by its place in `columns`).
    pub fn render<'c>(&self, shared: &Shared, area: Rect, buf: &mut Buffer, cell: impl Fn(usize, usize) -> Cell<'c>) {
        self.render_with(shared, area, buf, |_| None, cell);
    }

    /// The same, where some rows are one line over all columns.
    pub fn render_with<'c>(
        &self,
        shared: &Shared,
        area: Rect,
        buf: &mut Buffer,
        whole: impl Fn(usize) -> Option<Cell<'c>>,
        cell: impl Fn(usize, usize) -> Cell<'c>,
    ) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let places = places(self.columns, area.width - 1);
        let height = visible_rows(area);
        let top = area.y + area.height - u16::try_from(height).unwrap_or(0);
        if top > area.y {
            let style = shared.theme.style(Role::Heading);
            self.line(shared, Rect { height: 1, ..area }, buf, &places, |column| Cell::new(self.columns[column].title, style));
        }
        let first = self.state.first(self.rows, height);
        for (line, row) in (first..self.rows.min(first + height)).enumerate() {
            let y = top + u16::try_from(line).unwrap_or(0);
            let area = Rect { y, height: 1, ..area };
            match whole(row) {
                Some(text) => text.render(shared, Rect { x: area.x + 1, width: area.width - 1, ..area }, false, buf),
                None => self.line(shared, area, buf, &places, |column| cell(row, column)),
            }
            if Some(row) == self.state.row(self.rows) {
                self.mark(shared, area, buf);
            }
        }
    }

    fn line<'c>(&self, shared: &Shared, area: Rect, buf: &mut Buffer, places: &[Place], cell: impl Fn(usize) -> Cell<'c>) {
        for place in places {
            let area = Rect { x: area.x + 1 + place.x, width: place.width, ..area };
            cell(place.column).render(shared, area, self.columns[place.column].right, buf);
        }
    }

    /// The bar at the left and the weight of the selected row; an unfocused table shows the bar dim.
    fn mark(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let theme = &shared.theme;
        if self.focused {
            // A trend in reverse would show the opposite.
            let is_level = |symbol: &str| shared.glyphs.unicode && shared.glyphs.levels.contains(&symbol);
            let style = theme.style(Role::Selection);
            for at in area.positions() {
                if let Some(cell) = buf.cell_mut(at) {
                    let reversed = style.add_modifier.contains(Modifier::REVERSED) && is_level(cell.symbol());
                    cell.set_style(if reversed { style.remove_modifier(Modifier::REVERSED) } else { style });
                }
            }
        }
        let role = if self.focused { Role::SelectionBar } else { Role::Dim };
        put(buf, area, area.x, shared.glyphs.selected, theme.style(role));
    }
}

/// The column whose heading a click is on. `area` is the table's, with its heading.
pub fn heading_at(columns: &[Column<'_>], area: Rect, event: MouseEvent) -> Option<usize> {
    let is_click = event.kind == MouseEventKind::Down(MouseButton::Left);
    let is_heading = area.height > 1 && event.row == area.y && area.contains(Position::new(event.column, event.row));
    let x = event.column.checked_sub(area.x + 1).filter(|_| is_click && is_heading)?;
    // The gap after a column is still its own.
    let places = places(columns, area.width - 1);
    places.iter().find(|p| (p.x..p.x + p.width + GAP).contains(&x)).map(|p| p.column)
}

struct Place {
    column: usize,
    x: u16,
    width: u16,
}

/// Which columns fit and where. What is left of the width goes to the columns that may grow, evenly.
fn places(columns: &[Column<'_>], room: u16) -> Vec<Place> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let needed = |kept: &[usize]| -> u32 {
        let gaps = u32::from(GAP) * u32::try_from(kept.len().saturating_sub(1)).unwrap_or(0);
        kept.iter().map(|c| u32::from(columns[*c].min)).sum::<u32>() + gaps
    };
    while needed(&kept) > u32::from(room) {
        let Some(last) = kept.iter().copied().filter(|c| columns[*c].drop > 0).max_by_key(|c| columns[*c].drop) else { break };
        kept.retain(|c| *c != last);
    }
    let mut widths: Vec<u16> = kept.iter().map(|c| columns[*c].min).collect();
    let mut left = u32::from(room).saturating_sub(needed(&kept));
    while left > 0 {
        let growing: Vec<usize> = (0..kept.len()).filter(|i| widths[*i] < columns[kept[*i]].max).collect();
        if growing.is_empty() {
            break;
        }
        let share = (left / u32::try_from(growing.len()).unwrap_or(1)).max(1);
        for i in growing {
            let more = share.min(left).min(u32::from(columns[kept[i]].max - widths[i]));
            widths[i] += u16::try_from(more).unwrap_or(0);
            left -= more;
        }
    }
    let mut x = 0;
    let mut out = Vec::with_capacity(kept.len());
    for (column, width) in kept.into_iter().zip(widths) {
        if x >= room {
            break;
        }
        let width = width.min(room - x);
        out.push(Place { column, x, width });
        x += width + GAP;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::app::testing::{test_shared, text_of};

    const COLUMNS: [Column<'_>; 3] =
        [Column::text("NAME", 4, u16::MAX), Column::number("RATE", 6).drop(1), Column::text("SUMMARY", 8, u16::MAX).drop(2)];

    fn drawn(state: &TableState, rows: usize, w: u16, h: u16) -> String {
        let shared = test_shared();
        let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
        let table = Table { columns: &COLUMNS, rows, state, focused: true };
        let area = buf.area;
        table.render(&shared, area, &mut buf, |row, column| match column {
            0 => Cell::new(format!("row {row}"), Style::new()),
            1 => Cell::new(format!("{row}"), Style::new()),
            _ => Cell::new("a summary ", Style::new()).and("in pieces", Style::new()),
        });
        text_of(&buf)
    }

    #[test]
    fn numbers_are_right_aligned_and_long_text_is_cut_with_a_mark() {
        let state = TableState { selected: 1, offset: 0 };
        let expected = [" NAME           RATE  SUMMARY", " row 0             0  a summary in …", "▌row 1             1  a summary in …"];
        assert_eq!(drawn(&state, 3, 36, 3), expected.join("\n"));
    }

    #[test]
    fn a_position_among_many_is_written_as_numbers_are() {
        assert_eq!(position(&TableState { selected: 1356, offset: 0 }, 100_272), "1,357 of 100,272");
        assert_eq!(position(&TableState::default(), 0), "0 of 0");
    }

    #[test]
    fn columns_are_dropped_in_the_written_order() {
        let state = TableState::default();
        assert!(!drawn(&state, 1, 20, 2).contains("SUMMARY"));
        assert!(drawn(&state, 1, 20, 2).contains("RATE"));
        assert!(!drawn(&state, 1, 10, 2).contains("RATE"));
    }

    #[test]
    fn the_selection_stays_visible_and_the_page_moves_no_further_than_needed() {
        let mut state = TableState::default();
        state.command(Command::Bottom, 100, 10);
        assert_eq!((state.selected, state.first(100, 10)), (99, 90));
        state.command(Command::Up, 100, 10);
        assert_eq!((state.selected, state.first(100, 10)), (98, 90));
        state.command(Command::PageUp, 100, 10);
        state.command(Command::PageUp, 100, 10);
        assert_eq!((state.selected, state.first(100, 10)), (88, 88));
        assert_eq!(state.first(5, 10), 0, "the rows became fewer");
        assert_eq!(state.row(5), Some(4));
        assert!(!state.command(Command::Drill, 100, 10));
    }

    #[test]
    fn a_click_selects_the_row_under_it() {
        let mut state = TableState { selected: 0, offset: 4 };
        state.select(6, 20, 5);
        let click = |row| MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 3,
            row,
            modifiers: crossterm::event::KeyModifiers::NONE,
        };
        assert_eq!(state.mouse(click(12), Rect::new(0, 10, 20, 6), 20), Pointed::Item);
        assert_eq!(state.selected, 5);
        assert_eq!(state.mouse(click(10), Rect::new(0, 10, 20, 6), 20), Pointed::Nothing, "the heading");
        assert_eq!(state.mouse(click(40), Rect::new(0, 10, 20, 6), 20), Pointed::Nothing, "outside");
    }

    #[test]
    fn a_click_on_a_heading_tells_the_column_that_is_drawn_there() {
        let at = |column, row, width| {
            let kind = MouseEventKind::Down(MouseButton::Left);
            let event = MouseEvent { kind, column, row, modifiers: crossterm::event::KeyModifiers::NONE };
            heading_at(&COLUMNS, Rect::new(2, 10, width, 5), event)
        };
        assert_eq!([at(3, 10, 36), at(18, 10, 36), at(25, 10, 36)], [Some(0), Some(1), Some(2)]);
        assert_eq!((at(3, 11, 36), at(40, 10, 36), at(2, 10, 36)), (None, None, None), "a row, outside, the bar's place");
        assert_eq!(at(12, 10, 10), None, "outside of a narrow one");
        assert!((0..25).all(|x| at(x, 10, 20) != Some(2)), "a column that is left out has no heading");
    }

    proptest! {
        #[test]
        fn any_size_and_state_is_drawn(w in 1u16..50, h in 1u16..12, rows in 0usize..40, selected in 0usize..80, offset in 0usize..80) {
            drawn(&TableState { selected, offset }, rows, w, h);
        }
    }
}
