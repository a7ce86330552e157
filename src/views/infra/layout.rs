//! Where the panes of the Infra page lie: the sections one below the other, the graphs of the selected row at the bottom.

use ratatui::layout::{Position, Rect};

use super::{Infra, SECTIONS};

/// The pane of the graphs.
pub(super) const GRAPHS: usize = SECTIONS.len();
/// Edges, heading and one row; neighbours share an edge.
const LEAST: u16 = 4;
/// Height of the graphs where there is room for them beside the sections.
const GRAPH: u16 = 11;
/// Below this the graphs have a page of their own.
const TALL: u16 = 26;

/// The places of the panes; one without room is empty.
#[derive(Clone, Debug)]
pub(super) struct Panes([Rect; SECTIONS.len() + 1]);

impl Panes {
    /// The place of a pane.
    pub(super) fn of(&self, pane: usize) -> Rect {
        self.0[pane]
    }

    /// The pane at a place.
    pub(super) fn at(&self, at: Position) -> Option<usize> {
        self.0.iter().position(|place| place.contains(at))
    }
}

/// Sections take what they need; where that is more than there is, the one in focus has it first, and each other that has a
/// row keeps one to be seen. On a low screen the graphs have the page when they have the focus.
pub(super) fn panes(area: Rect, page: &Infra) -> Panes {
    let mut out = Panes([Rect::default(); SECTIONS.len() + 1]);
    let shown: Vec<usize> = page.shown().into_iter().filter(|pane| *pane != GRAPHS).collect();
    let low = area.height < TALL;
    let on_graphs = page.pane == GRAPHS && page.graphs.is_shown();
    if shown.is_empty() || page.alone || (low && on_graphs) {
        out.0[page.pane] = area;
        return out;
    }
    let graphs = if page.graphs.is_shown() && !low { GRAPH } else { 0 };
    let room = area.height - graphs + u16::from(graphs > 0);
    let heights =
        heights(room, &shown.iter().map(|s| wanted(page, *s)).collect::<Vec<_>>(), shown.iter().position(|s| *s == page.section()));
    let mut y = area.y;
    for (section, height) in shown.iter().zip(heights) {
        if height > 0 {
            out.0[*section] = Rect { y, height, ..area };
            y += height - 1;
        }
    }
    if graphs > 0 {
        out.0[GRAPHS] = Rect { y, height: area.bottom() - y, ..area };
    }
    out
}

fn wanted(page: &Infra, section: usize) -> u16 {
    u16::try_from(page.parts[section].rows.len().max(1)).unwrap_or(u16::MAX).saturating_add(LEAST - 1)
}

/// Heights that overlap by one each and fill the room: the last one takes what is left.
fn heights(room: u16, wanted: &[u16], focus: Option<usize>) -> Vec<u16> {
    let mut out = vec![0; wanted.len()];
    // Each height but the first shares its upper edge.
    let mut left = room;
    let mut order: Vec<usize> = focus.into_iter().collect();
    order.extend((0..wanted.len()).filter(|i| Some(*i) != focus));
    for i in &order {
        let least = if left == room { LEAST } else { LEAST - 1 };
        if left >= least {
            out[*i] = LEAST;
            left -= least;
        }
    }
    if left == room {
        out[order[0]] = room;
        return out;
    }
    for i in &order {
        if out[*i] > 0 {
            let more = (wanted[*i] - LEAST).min(left);
            out[*i] += more;
            left -= more;
        }
    }
    if let Some(last) = out.iter().rposition(|height| *height > 0) {
        out[last] += left;
    }
    out
}
