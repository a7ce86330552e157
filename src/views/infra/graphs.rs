//! The graphs of the selected row.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    layout::GRAPHS,
    section::{FIGURE, Graph, LIMIT},
};
use crate::{
    core::{
        request::{Request, step},
        slot::Slot,
    },
    model::{
        backend::SourceError,
        series::{Matrix, Series},
        time::Timestamp,
    },
    red::USUAL_SCRAPE,
    theme::Role,
    ui::{
        chart::{Chart, Line, TimeAxis, value_at},
        format,
        panel::{self, Panel},
    },
    views::{Look, Needs, part_of},
};

/// The pane's name in its slots.
pub(super) const PANE: &str = "graphs";
/// Graphs at the most.
const MOST: usize = 3;
/// Colours of the lines that are no limit.
const LINES: [Role; 4] = [Role::Accent, Role::P95, Role::P50, Role::P99];

/// What the graphs were answered.
#[derive(Default)]
pub(super) struct Graphs {
    /// By the part of their slot, which is of their query.
    slots: Vec<(u32, Slot<Matrix>)>,
    /// The section whose row they show, while they have the focus.
    section: usize,
    known: bool,
    /// The value cursor.
    pub(super) cursor: Option<Timestamp>,
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

    /// Another window.
    pub(super) fn forget(&mut self) {
        self.slots.clear();
        self.cursor = None;
    }

    /// One question each.
    pub(super) fn ask(&self, graphs: &[Graph], look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let columns = (area.width / MOST as u16).max(1);
        let scrape = look.shared.red.value().and_then(|red| red.scrape_interval).unwrap_or(USUAL_SCRAPE);
        let step = step(look.range().duration(), columns, scrape);
        for graph in graphs.iter().take(MOST) {
            let request = Request::Range { query: graph.query.clone(), window: look.scope.window, step };
            needs.ask(PANE, part_of(&graph.query), request, look.shared.refresh_slow());
        }
    }

    /// Takes an answer.
    pub(super) fn settle(&mut self, part: u32, asked: Timestamp, result: Result<Matrix, SourceError>) -> bool {
        self.known = true;
        if !self.slots.iter().any(|(of, _)| *of == part) {
            // Those of earlier rows are kept a while: the user may come back.
            self.slots.truncate(4 * MOST);
            self.slots.insert(0, (part, Slot::default()));
        }
        self.slots.iter_mut().find(|(of, _)| *of == part).is_some_and(|(_, slot)| slot.settle(asked, result))
    }

    /// Those of a row's graphs that have something to show, side by side; while none has, all of them.
    fn places<'g>(&self, graphs: &'g [Graph], area: Rect) -> Vec<(&'g Graph, Rect)> {
        let graphs = &graphs[..graphs.len().min(MOST)];
        let is_empty = |graph: &&Graph| self.slot(graph).is_some_and(|slot| slot.value().is_some_and(|m| m.series.is_empty()));
        let mut shown: Vec<&Graph> = graphs.iter().filter(|graph| !is_empty(graph)).collect();
        if shown.is_empty() {
            shown = graphs.iter().collect();
        }
        let count = shown.len().max(1) as u16;
        let each = area.width.div_ceil(count);
        let place = |i: u16| {
            let x = area.x + i * each.saturating_sub(1);
            Rect { x, width: if i + 1 == count { area.right() - x } else { each }, ..area }
        };
        shown.into_iter().zip((0..count).map(place)).collect()
    }

    fn slot(&self, graph: &Graph) -> Option<&Slot<Matrix>> {
        let part = part_of(&graph.query);
        self.slots.iter().find(|(of, _)| *of == part).map(|(_, slot)| slot)
    }

    /// The graph at a place as instants.
    pub(super) fn axis(&self, graphs: &[Graph], look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        let (graph, place) = self.places(graphs, area).into_iter().find(|(_, place)| place.contains(at))?;
        let inner = Panel::inner(place);
        self.chart(graph, look)?.time_axis(inner).filter(|_| inner.contains(at))
    }

    /// Moves the value cursor by steps; it begins at the end.
    pub(super) fn move_cursor(&mut self, look: &Look<'_>, steps: i64) {
        let range = look.range();
        let step = self.slots.iter().find_map(|(_, slot)| slot.value()).map_or(Duration::ZERO, |matrix| matrix.step);
        let by = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX).saturating_mul(steps);
        let from = self.cursor.unwrap_or(range.end.min(look.now));
        self.cursor = Some(Timestamp(from.0.saturating_add(by)).clamp(range.start, range.end));
    }

    pub(super) fn draw(&self, graphs: &[Graph], look: &Look<'_>, focused: bool, area: Rect, buf: &mut Buffer) {
        if graphs.is_empty() {
            let inner = Panel::new("graphs").focused(focused).render(look.shared, area, buf);
            return panel::message(look.shared, inner, buf, &["Nothing of it is drawn over time.".to_owned()]);
        }
        for (graph, place) in self.places(graphs, area) {
            self.draw_one(graph, look, focused, place, buf);
        }
    }

    fn draw_one(&self, graph: &Graph, look: &Look<'_>, focused: bool, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let empty = Slot::default();
        let state = panel::state(self.slot(graph).unwrap_or(&empty), look);
        let note = self.at_cursor(graph, look).unwrap_or_default();
        let inner = Panel::new(graph.title).note(note).focused(focused).state(&state).render(shared, area, buf);
        match self.chart(graph, look) {
            Some(chart) => chart.render(shared, inner, buf),
            None => panel::message(shared, inner, buf, &state.blank.unwrap_or_else(|| vec!["No data in the window.".to_owned()])),
        }
        if state.stale {
            panel::dim(shared, inner, buf);
        }
    }

    /// What the lines are at the value cursor.
    fn at_cursor(&self, graph: &Graph, look: &Look<'_>) -> Option<String> {
        let (at, matrix) = (self.cursor?, self.slot(graph)?.value()?);
        let clock = format::clock_seconds(at, look.shared.settings.zone.0);
        let value = |series: &Series| Some(format!("{} {}", name(series), graph.unit.show(value_at(&series.samples, at, matrix.step)?)));
        let values: Vec<String> = std::iter::once(clock).chain(matrix.series.iter().filter_map(value)).collect();
        Some(values.join(&format!(" {} ", look.shared.glyphs.middle_dot)))
    }

    fn chart<'s>(&'s self, graph: &Graph, look: &Look<'_>) -> Option<Chart<'s>> {
        let matrix = self.slot(graph)?.value().filter(|matrix| !matrix.series.is_empty())?;
        let mut chart = Chart::new(matrix.range, matrix.step, graph.unit);
        (chart.cursor, chart.named) = (self.cursor, true);
        // The first lies on top.
        let (limits, lines): (Vec<&Series>, Vec<&Series>) = matrix.series.iter().partition(|series| name(series) == LIMIT);
        let roles = LINES.into_iter().chain(std::iter::repeat(Role::Dim));
        let lines: Vec<(&Series, Role)> = lines.into_iter().zip(roles).collect();
        for (series, role) in limits.into_iter().map(|series| (series, Role::Threshold)).chain(lines.into_iter().rev()) {
            let end = series.last().map_or(String::new(), |s| format!("{} {}", name(series), graph.unit.constant(s.value)));
            chart.lines.push(Line { samples: series.samples.as_slice().into(), style: look.shared.theme.style(role), fill: false, end });
        }
        Some(chart)
    }
}

/// What a line is.
fn name(series: &Series) -> &str {
    series.labels.get(FIGURE).unwrap_or("")
}
