//! Where the panes of the Service page lie.

use ratatui::layout::{Position, Rect};

use super::Pane;

/// The places of the panes; one without room is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Panes([Rect; 4]);

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
/// The least height of the table beside a wide screen's graphs.
const TABLE: u16 = 9;
/// A graph with less than this is not worth its border.
const LEAST: u16 = 4;

/// Side by side with the table below; stacked on a narrow screen, where the focused pane grows; or one alone.
/// `routes` is how many rows the table has: it takes no more of a narrow screen than it can fill.
pub(super) fn panes(area: Rect, focus: Pane, alone: bool, routes: usize) -> Panes {
    let mut out = Panes::default();
    if alone || area.height < 4 * (LEAST - 1) + 4 {
        out.0[focus as usize] = area;
    } else if area.width >= WIDE {
        wide(area, routes, &mut out.0);
    } else {
        stacked(area, focus, routes, &mut out.0);
    }
    out
}

/// Neighbours overlap by their common edge. The table takes what it needs, within bounds.
fn wide(area: Rect, routes: usize, out: &mut [Rect; 4]) {
    let most = area.height * 9 / 20;
    let table = u16::try_from(routes).unwrap_or(u16::MAX).saturating_add(3).clamp(TABLE.min(most), most);
    let top = area.height - table + 1;
    let each = area.width.div_ceil(3);
    for i in 0..3u16 {
        let x = area.x + i * (each - 1);
        let width = if i == 2 { area.right() - x } else { each };
        out[usize::from(i)] = Rect { x, width, height: top, ..area };
    }
    out[3] = Rect { y: area.y + top - 1, height: table, ..area };
}

fn stacked(area: Rect, focus: Pane, routes: usize, out: &mut [Rect; 4]) {
    let mut heights = [LEAST; 4];
    let mut spare = area.height + 3 - 4 * LEAST;
    if focus == Pane::Routes {
        // Both edges and the heading.
        let wanted = u16::try_from(routes).unwrap_or(u16::MAX).saturating_add(3).max(LEAST);
        let table = spare.min(wanted - LEAST);
        heights[Pane::Routes as usize] += table;
        spare -= table;
        for (i, height) in heights.iter_mut().take(3).rev().enumerate() {
            let share = spare / (3 - i as u16);
            *height += share;
            spare -= share;
        }
    } else {
        heights[focus as usize] += spare;
    }
    let mut y = area.y;
    for (place, height) in out.iter_mut().zip(heights) {
        *place = Rect { y, height, ..area };
        y += height - 1;
    }
}
