//! The Infra view: what a service runs on, how full it is and how well, by what the exporters of its Prometheus tell.
//!
//! Each kind of thing is a section with a file of its own. A section is on the page only where its series exist.

mod ask;
mod draw;
mod graphs;
mod jobs;
mod layout;
mod nodes;
mod pods;
mod pools;
mod probes;
mod queues;
mod section;
mod subject;
mod targets;
#[cfg(test)]
mod tests;
mod ways;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    graphs::Graphs,
    layout::{GRAPHS, panes},
    section::{Graph, Level, Row, Section},
};
pub(in crate::views) use self::{
    subject::pod_pattern,
    ways::{open, place_of, place_of_span},
};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, filter::Filter, prompt::Prompt};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, pick},
        slot::Slot,
        typed::TypedQuery,
    },
    model::{labels::Labels, series::Vector, time::Timestamp},
    ui::{
        chart::TimeAxis,
        panel::{self, Panel},
        table::{TableState, visible_rows},
    },
};

/// All sections, in the order of the page.
static SECTIONS: [&Section; 7] =
    [&pods::PODS, &nodes::NODES, &targets::TARGETS, &probes::PROBES, &queues::QUEUES, &pools::POOLS, &jobs::JOBS];

/// The place of the pods among them.
const PODS: usize = 0;

/// A section's answer, as rows.
#[derive(Default)]
struct Part {
    slot: Slot<Vector>,
    /// Those that pass the filter.
    rows: Vec<Row>,
    /// All of them.
    all: Vec<Row>,
    /// How many there are, those that are well and have no row included; where nothing says it, as many as rows.
    count: usize,
    table: TableState,
}

/// The page's state.
#[derive(Default)]
pub struct Infra {
    parts: [Part; SECTIONS.len()],
    /// What the service's own metrics say of where it is.
    own: Slot<Vector>,
    graphs: Graphs,
    /// The section in focus, or [`GRAPHS`].
    pane: usize,
    /// The focused pane alone.
    alone: bool,
    filter: Filter,
    /// What is to be selected as soon as it is there: the labels of what led here.
    wanted: Option<Labels>,
    /// The labels of what led here.
    led_by: Option<Labels>,
    /// The user has moved: selections follow their rows, not the top.
    moved: bool,
}

impl Infra {
    /// The page, its cursor on what has these labels (`pod`, `node`, `instance` …), as soon as it is there.
    pub fn new(wanted: Option<Labels>) -> Self {
        Self { led_by: wanted.clone(), wanted, ..Self::default() }
    }

    /// The section in focus: that of the graphs is the one that was left for them.
    fn section(&self) -> usize {
        self.graphs.section(self.pane)
    }

    /// The selected row of the section in focus.
    fn selected(&self) -> Option<&Row> {
        let part = &self.parts[self.section()];
        part.rows.get(part.table.row(part.rows.len())?)
    }

    /// The graphs of the selected row.
    fn row_graphs(&self, look: &Look<'_>) -> Vec<Graph> {
        self.selected().map(|row| (SECTIONS[self.section()].graphs)(row, &self.subject(look))).unwrap_or_default()
    }

    fn height(&self, area: Rect, section: usize) -> usize {
        visible_rows(Panel::inner(panes(area, self).of(section)))
    }

    /// Reads what was answered to a section's question.
    fn read(&mut self, look: &Look<'_>, section: usize) {
        let subject = self.subject(look);
        let end = look.range().end;
        let part = &mut self.parts[section];
        part.count = part.slot.value().and_then(section::counted).unwrap_or_default();
        part.all = part.slot.value().map(|vector| (SECTIONS[section].read)(vector, &subject, end)).unwrap_or_default();
    }

    /// The rows that pass the filter, each table's cursor on the row that it was on.
    fn rebuild(&mut self, area: Rect) {
        for section in 0..SECTIONS.len() {
            let part = &self.parts[section];
            let keep = part.table.row(part.rows.len()).filter(|_| self.moved).map(|row| part.rows[row].key.clone());
            let passes = |row: &&Row| self.filter.passes(&row.place, std::iter::once(row.name.as_str()));
            let mut rows: Vec<Row> = part.all.iter().filter(passes).cloned().collect();
            if section == PODS {
                self.tell_of_nodes(&mut rows);
            }
            let wanted = self.wanted.as_ref().and_then(|wanted| rows.iter().position(|row| is_wanted(row, wanted)));
            let kept = keep.and_then(|key| rows.iter().position(|row| row.key == key));
            let part = &mut self.parts[section];
            let place = wanted.or(kept).unwrap_or(if self.moved { part.table.selected } else { 0 });
            part.rows = rows;
            if wanted.is_some() {
                (self.wanted, self.moved) = (None, true);
                self.pane = section;
            }
            let (rows, height) = (self.parts[section].rows.len(), self.height(area, section));
            self.parts[section].table.select(place, rows, height);
        }
        // Answers come in any order; until the user moves, the first section that has rows is in focus.
        if self.pane < SECTIONS.len() && !self.moved {
            self.pane = self.parts.iter().position(|part| !part.rows.is_empty()).unwrap_or(0);
        }
    }

    /// What is not well about a node its pods suffer from: it is said of them as well.
    fn tell_of_nodes(&self, pods: &mut [Row]) {
        let nodes = self.parts.iter().zip(SECTIONS).filter(|(_, section)| section.name == nodes::NODES.name);
        let bad: Vec<&Row> = nodes.flat_map(|(part, _)| &part.all).filter(|node| Self::is_bad(node)).collect();
        for pod in pods.iter_mut().filter(|pod| pod.level != Level::Gone) {
            if let Some(node) = bad.iter().find(|node| pod.place.get("node") == Some(&node.name)) {
                pod.because(Level::Warn, format!("on {}: {}", node.name, node.why()));
            }
        }
        section::sort(pods);
    }

    fn is_bad(row: &Row) -> bool {
        row.level >= Level::Warn
    }

    /// The next row that is not well, over all sections.
    fn next_error(&mut self, area: Rect) {
        let section = self.section();
        let rows = self.parts.iter().enumerate().flat_map(|(section, part)| (0..part.rows.len()).map(move |row| (section, row)));
        let bad: Vec<(usize, usize)> = rows.filter(|(section, row)| Self::is_bad(&self.parts[*section].rows[*row])).collect();
        let here = (section, self.parts[section].table.selected);
        let next = bad.iter().find(|place| **place > here).or_else(|| bad.first()).copied();
        if let Some((section, row)) = next {
            (self.pane, self.moved) = (section, true);
            let (rows, height) = (self.parts[section].rows.len(), self.height(area, section));
            self.parts[section].table.select(row, rows, height);
        }
    }

    /// The panes that have something to show, in order.
    fn shown(&self) -> Vec<usize> {
        let sections = (0..SECTIONS.len()).filter(|section| self.is_shown(*section));
        sections.chain(self.graphs.is_shown().then_some(GRAPHS)).collect()
    }

    /// Whether a section has rows, or something to say in place of them.
    fn is_shown(&self, section: usize) -> bool {
        let part = &self.parts[section];
        !part.all.is_empty() || part.count > 0 || (part.slot.error().is_some() && part.slot.value().is_none())
    }

    /// A click on the graphs focuses them, and moves the value cursor where there is one.
    fn point_at_graphs(&mut self, cx: &Cx<'_>, event: MouseEvent) -> Pointed {
        if event.kind != MouseEventKind::Down(MouseButton::Left) {
            return Pointed::Nothing;
        }
        let at = Position::new(event.column, event.row);
        if let Some(axis) = self.graphs.cursor.and_then(|_| self.time_axis(&cx.look, cx.area, at)) {
            self.graphs.cursor = Some(axis.column(at.x).start);
        }
        self.graphs.leave(self.pane);
        self.pane = GRAPHS;
        Pointed::Used
    }

    fn turn(&mut self, forward: bool) {
        let shown = self.shown();
        let Some(at) = shown.iter().position(|pane| *pane == self.pane) else { return };
        let next = if forward { at + 1 } else { at + shown.len() - 1 } % shown.len();
        self.graphs.leave(self.pane);
        (self.pane, self.moved) = (shown[next], true);
    }
}

/// Whether a row is what led here: its pod, or where no pod is known its node, its container, its process. What else is told
/// of a pod may be told otherwise by others: its machine by another name, its process as that of whoever was scraped for it.
fn is_wanted(row: &Row, wanted: &Labels) -> bool {
    // A machine may be known by its whole name, too.
    let first = |name: Option<&str>| {
        name.map(|name| name.split('.').next().filter(|first| first.parse::<u8>().is_err()).unwrap_or(name).to_owned())
    };
    let is_same = |name: &str| match name {
        "node" => first(row.place.get(name)) == first(wanted.get(name)),
        _ => row.place.get(name) == wanted.get(name),
    };
    let name = ["pod", "node", "container", "instance"].into_iter().find(|name| wanted.get(name).is_some());
    let is_elsewhere = ["pod", "container"].contains(&name.unwrap_or(""))
        && row.place.get("namespace").is_some()
        && wanted.get("namespace").is_some()
        && !is_same("namespace");
    name.is_some_and(is_same) && !is_elsewhere
}

impl View for Infra {
    fn kind(&self) -> ViewKind {
        ViewKind::Infra
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let row = self.selected();
        let drill = self.logs_scope(look).err();
        Facts {
            rows: row.is_some(),
            drill,
            service: look.scope.service.is_some(),
            infra: drill.is_none(),
            errors: self.parts.iter().any(|part| part.rows.iter().any(Self::is_bad)),
            panes: self.shown().len() > 1,
            graphs: self.graphs.is_shown(),
            query: row.is_some(),
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Drill, Command::NextError, Command::NextPane, Command::Red, Command::Filter, Command::FullScreen]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill => Some("logs of it"),
            Command::NextError => Some("next bad one"),
            Command::NextPane => Some("next pane"),
            Command::FullScreen => Some("full"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { red: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        self.ask(look, area, needs);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let (asked, result) = (answer.asked, answer.result);
        match answer.slot.pane {
            "own" => {
                let changed = self.own.settle(asked, expect(result, pick!(Vector)));
                if changed {
                    (0..SECTIONS.len()).for_each(|section| self.read(&cx.look, section));
                    self.rebuild(cx.area);
                }
                changed
            }
            graphs::PANE => self.graphs.settle(answer.slot.part, asked, expect(result, pick!(Matrix))),
            pane => {
                let Some(section) = SECTIONS.iter().position(|section| section.name == pane) else { return false };
                let changed = self.parts[section].slot.settle(asked, expect(result, pick!(Vector)));
                if changed {
                    self.read(&cx.look, section);
                    self.rebuild(cx.area);
                }
                changed
            }
        }
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill | Command::Logs => self.open_logs(cx),
            Command::Red => cx.push(ViewKind::Service, cx.look.scope.without_trace()),
            Command::Filter => self.filter.open(),
            Command::NextError => self.next_error(cx.area),
            Command::NextPane => self.turn(true),
            Command::PreviousPane => self.turn(false),
            Command::FullScreen => (self.alone, self.moved) = (!self.alone, true),
            Command::ValueCursor if self.graphs.cursor.is_some() => self.graphs.cursor = None,
            Command::ValueCursor => self.graphs.move_cursor(&cx.look, 0),
            Command::Left => self.graphs.move_cursor(&cx.look, -1),
            Command::Right => self.graphs.move_cursor(&cx.look, 1),
            _ => {
                let section = self.section();
                let (rows, height) = (self.parts[section].rows.len(), self.height(cx.area, section));
                let moved = self.parts[section].table.command(command, rows, height);
                self.moved |= moved;
                return moved;
            }
        }
        true
    }

    fn rescoped(&mut self, cx: &mut Cx<'_>) {
        self.parts.iter_mut().for_each(|part| (part.slot, part.all) = Default::default());
        self.graphs.forget();
        self.rebuild(cx.area);
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if self.filter.key(key) {
            self.rebuild(cx.area);
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.filter.paste(text);
        self.rebuild(cx.area);
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let places = panes(cx.area, self);
        let Some(pane) = places.at(Position::new(event.column, event.row)) else { return Pointed::Nothing };
        if pane == GRAPHS {
            return self.point_at_graphs(cx, event);
        }
        let rows = self.parts[pane].rows.len();
        let pointed = self.parts[pane].table.mouse(event, Panel::inner(places.of(pane)), rows);
        if pointed != Pointed::Nothing {
            (self.pane, self.moved) = (pane, true);
        }
        pointed
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        self.graphs.axis(&self.row_graphs(look), look, panes(area, self).of(GRAPHS), at)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.filter.prompt()
    }

    fn queries(&self, look: &Look<'_>) -> Vec<TypedQuery> {
        self.row_graphs(look).into_iter().map(|graph| TypedQuery::promql(graph.query)).collect()
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let Some(row) = self.selected() else { return Vec::new() };
        let mut out = vec![yank("name", row.name.to_string())];
        if !row.reasons.is_empty() {
            out.push(yank("reason", row.why()));
        }
        out.extend(row.place.iter().map(|(name, value)| yank(name, value.to_owned())));
        out.extend((SECTIONS[self.section()].query)(&self.subject(look)).map(|query| yank("query", query)));
        out
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.parts.iter().filter_map(|part| panel::state(&part.slot, look).wake).min()
    }
}
