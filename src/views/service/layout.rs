//! Where the panes of the Service page lie.

use ratatui::layout::{Position, Rect};

use super::Pane;

/// How many panes there are.
const PANES: usize = Pane::ALL.len();

/// The places of the panes; one without room is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Panes([Rect; PANES]);

impl Panes {
    /// The place of a pane.
    pub(super) fn of(&self, pane: Pane) -> Rect {
        self.0[pane as usize]
    }

    /// The pane at a place.
    pub(super) fn at(&self, at: Position) -> Option<Pane> {
        Pane::ALL.into_iter().find(|p| self.of(*p).contains(at))
    }
}

/// Three graphs side by side.
const WIDE: u16 = 100;
/// Calls and saturation beside the breakdown.
pub(super) const STRIPS: u16 = 120;
/// The least height of the tables below a wide screen's graphs.
const TABLE: u16 = 9;
/// A graph with less than this is not worth its border.
const LEAST: u16 = 4;

/// Side by side with the tables below; stacked on a narrow screen, where the focused pane grows; or one alone. Where the
/// tables have no room beside each other, the focused one has it: `Tab` turns the page. `rows` is how many rows the tables
/// have: they take no more than they can fill.
pub(super) fn panes(area: Rect, focus: Pane, alone: bool, rows: usize) -> Panes {
    let mut out = Panes::default();
    if alone || area.height < 4 * (LEAST - 1) + 4 {
        out.0[focus as usize] = area;
    } else if area.width >= WIDE {
        wide(area, focus, rows, &mut out.0);
    } else {
        stacked(area, focus, rows, &mut out.0);
    }
    out
}

/// The table that is seen where one has room.
fn table(focus: Pane) -> Pane {
    if focus.is_graph() { Pane::Breakdown } else { focus }
}

/// Neighbours overlap by their common edge. The tables take what they need, within bounds.
fn wide(area: Rect, focus: Pane, rows: usize, out: &mut [Rect; PANES]) {
    let most = area.height * 9 / 20;
    let tables = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(3).clamp(TABLE.min(most), most);
    let top = area.height - tables + 1;
    let each = area.width.div_ceil(3);
    for i in 0..3u16 {
        let x = area.x + i * (each - 1);
        let width = if i == 2 { area.right() - x } else { each };
        out[usize::from(i)] = Rect { x, width, height: top, ..area };
    }
    let below = Rect { y: area.y + top - 1, height: tables, ..area };
    if area.width < STRIPS {
        out[table(focus) as usize] = below;
        return;
    }
    let (calls, saturation) = (area.width * 6 / 25, area.width * 7 / 25);
    let left = Rect { width: area.width - calls - saturation + 2, ..below };
    let middle = Rect { x: left.right() - 1, width: calls, ..below };
    out[Pane::Breakdown as usize] = left;
    out[Pane::Calls as usize] = middle;
    out[Pane::Saturation as usize] = Rect { x: middle.right() - 1, width: saturation, ..below };
}

fn stacked(area: Rect, focus: Pane, rows: usize, out: &mut [Rect; PANES]) {
    let shown = [Pane::Rate, Pane::Errors, Pane::Duration, table(focus)];
    let mut heights = [LEAST; 4];
    let mut spare = area.height + 3 - 4 * LEAST;
    if focus.is_graph() {
        heights[focus as usize] += spare;
    } else {
        // Both edges and the heading.
        let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(3).max(LEAST);
        let table = spare.min(wanted - LEAST);
        heights[3] += table;
        spare -= table;
        for (i, height) in heights.iter_mut().take(3).rev().enumerate() {
            let share = spare / (3 - i as u16);
            *height += share;
            spare -= share;
        }
    }
    let mut y = area.y;
    for (pane, height) in shown.into_iter().zip(heights) {
        out[pane as usize] = Rect { y, height, ..area };
        y += height - 1;
    }
}
