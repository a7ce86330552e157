//! The graphs of the selected row.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    layout::GRAPHS,
    section::{FIGURE, Graph, LIMIT},
};
use crate::{
    core::{
        request::{Request, step},
        slot::Slot,
    },
    model::{backend::SourceError, series::Matrix, time::Timestamp},
    red::USUAL_SCRAPE,
    theme::Role,
    ui::{
        chart::{Chart, Line},
        panel::{self, Panel},
    },
    views::{Look, Needs, part_of},
};

/// The pane's name in its slots.
pub(super) const PANE: &str = "graphs";
/// Graphs at the most.
const MOST: usize = 3;

/// What the graphs were answered.
#[derive(Default)]
pub(super) struct Graphs {
    /// By the part of their slot, which is of their query.
    slots: Vec<(u32, Slot<Matrix>)>,
    /// The section whose row they show, while they have the focus.
    section: usize,
    known: bool,
}

impl Graphs {
    /// The section whose row is looked at from a pane.
    pub(super) fn section(&self, pane: usize) -> usize {
        if pane == GRAPHS { self.section } else { pane }
    }

    /// Focus goes from a pane.
    pub(super) fn leave(&mut self, pane: usize) {
        self.section = self.section(pane);
    }

    /// Whether anything was told that can be drawn.
    pub(super) fn is_shown(&self) -> bool {
        self.known
    }

    pub(super) fn forget(&mut self) {
        self.slots.clear();
    }

    pub(super) fn ask(&self, graphs: &[Graph], look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let columns = (area.width / MOST as u16).max(1);
        let scrape = look.shared.red.value().and_then(|red| red.scrape_interval).unwrap_or(USUAL_SCRAPE);
        let step = step(look.range().duration(), columns, scrape);
        for graph in graphs.iter().take(MOST) {
            let request = Request::Range { query: graph.query.clone(), window: look.scope.window, step };
            needs.ask(PANE, part_of(&graph.query), request, look.shared.refresh_slow());
        }
    }

    pub(super) fn settle(&mut self, part: u32, asked: Timestamp, result: Result<Matrix, SourceError>) -> bool {
        self.known = true;
        if !self.slots.iter().any(|(of, _)| *of == part) {
            // Those of earlier rows are kept a while: the user may come back.
            self.slots.truncate(4 * MOST);
            self.slots.insert(0, (part, Slot::default()));
        }
        self.slots.iter_mut().find(|(of, _)| *of == part).is_some_and(|(_, slot)| slot.settle(asked, result))
    }

    pub(super) fn draw(&self, graphs: &[Graph], look: &Look<'_>, focused: bool, area: Rect, buf: &mut Buffer) {
        let count = graphs.len().clamp(1, MOST) as u16;
        let each = area.width.div_ceil(count);
        for (i, graph) in (0u16..).zip(graphs.iter().take(MOST)) {
            let x = area.x + i * (each - 1);
            let width = if i + 1 == count { area.right() - x } else { each };
            self.draw_one(graph, look, focused, Rect { x, width, ..area }, buf);
        }
    }

    fn draw_one(&self, graph: &Graph, look: &Look<'_>, focused: bool, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let empty = Slot::default();
        let slot = self.slots.iter().find(|(of, _)| *of == part_of(&graph.query)).map_or(&empty, |(_, slot)| slot);
        let state = panel::state(slot, look);
        let inner = Panel::new(graph.title).focused(focused).state(&state).render(shared, area, buf);
        let Some(matrix) = slot.value().filter(|m| !m.series.is_empty()) else {
            let lines = state.blank.unwrap_or_else(|| vec!["No data in the window.".to_owned()]);
            panel::message(shared, inner, buf, &lines);
            return;
        };
        let mut chart = Chart::new(matrix.range, matrix.step, graph.unit);
        for series in &matrix.series {
            let figure = series.labels.get(FIGURE).unwrap_or("");
            let role = if figure == LIMIT { Role::Threshold } else { Role::Accent };
            let end = series.last().map_or(String::new(), |s| format!("{figure} {}", graph.unit.show(s.value)));
            chart.lines.push(Line { samples: series.samples.as_slice().into(), style: shared.theme.style(role), fill: false, end });
        }
        chart.render(shared, inner, buf);
        if state.stale {
            panel::dim(shared, inner, buf);
        }
    }
}
