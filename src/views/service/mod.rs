//! The Service view: rate, errors and duration of one service, which part of it is at fault, whom it calls and how full
//! it is.

mod ask;
mod bounds;
mod breakdown;
mod calls;
mod classes;
mod compare;
mod data;
mod deploys;
mod graphs;
mod heat;
mod labels;
mod layout;
mod limits;
mod lines;
mod moves;
mod saturation;
mod tables;
#[cfg(test)]
mod tests;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    ask::Page,
    breakdown::{Order, Row},
    calls::Call,
    compare::Compare,
    data::{Data, chosen},
    labels::{Picked, Picker},
    layout::Panes,
    saturation::Saturation,
};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, filter::Filter, prompt::Prompt, services::without_red};
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Subscription},
        scope::Scope,
        typed::TypedQuery,
    },
    model::{labels::MatchOp, series::Exemplar, time::Timestamp},
    red::{Family, known_families},
    ui::{
        chart::TimeAxis,
        panel::{self, Panel},
        table::{TableState, visible_rows},
    },
};

/// A part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    Rate,
    Errors,
    Duration,
    #[default]
    Breakdown,
    Calls,
    Saturation,
}

impl Pane {
    const ALL: [Self; 6] = [Self::Rate, Self::Errors, Self::Duration, Self::Breakdown, Self::Calls, Self::Saturation];
    const GRAPHS: [Self; 3] = [Self::Rate, Self::Errors, Self::Duration];

    const fn name(self) -> &'static str {
        match self {
            Self::Rate => "Rate",
            Self::Errors => "Errors",
            Self::Duration => "Duration",
            Self::Breakdown => "by",
            Self::Calls => "calls",
            Self::Saturation => "saturation",
        }
    }

    const fn is_graph(self) -> bool {
        matches!(self, Self::Rate | Self::Errors | Self::Duration)
    }

    fn step(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }
}

/// The page's state.
#[derive(Default)]
pub struct Service {
    data: Data,
    rows: Vec<Row>,
    table: TableState,
    calls: Vec<Call>,
    calls_table: TableState,
    saturation: Vec<Saturation>,
    saturation_table: TableState,
    order: Order,
    filter: Filter,
    /// The label of the breakdown, where it is not the route's.
    label: Option<String>,
    picker: Option<Picker>,
    compare: Compare,
    /// Durations are a heatmap.
    heat: bool,
    pane: Pane,
    alone: bool,
    cursor: Option<Timestamp>,
    /// The selected exemplar, by its place.
    exemplar: Option<usize>,
}

impl Service {
    /// A new page.
    pub fn new(_scope: &Scope) -> Self {
        Self::default()
    }

    fn panes(&self, area: Rect) -> Panes {
        // How many there are, not how many pass a filter that is being typed: nothing may jump.
        let rows = self.data.rows[0].value().map_or(0, |v| breakdown::values(v).count()).max(self.rows.len());
        let seen = match self.pane {
            _ if area.width >= layout::STRIPS => rows.max(self.calls.len()).max(self.saturation.len()),
            Pane::Calls => self.calls.len(),
            Pane::Saturation => self.saturation.len(),
            _ => rows,
        };
        layout::panes(area, self.pane, self.alone, seen)
    }

    /// Rows of a table that are visible.
    fn height(&self, pane: Pane, area: Rect) -> usize {
        visible_rows(Panel::inner(self.panes(area).of(pane)))
    }

    fn selected_exemplar(&self) -> Option<&Exemplar> {
        self.data.exemplars.value()?.get(self.exemplar?)
    }

    fn selected_row(&self) -> Option<&Row> {
        self.rows.get(self.table.row(self.rows.len())?)
    }

    fn selected_call(&self) -> Option<&Call> {
        self.calls.get(self.calls_table.row(self.calls.len())?)
    }

    /// What is asked now.
    fn asked(&self, cx: &Cx<'_>) -> Vec<Subscription> {
        let mut asked = Vec::new();
        self.subscriptions(&cx.look, cx.area, &mut Needs::new(cx.look.id, 0, cx.look.now, &mut asked));
        asked
    }

    /// The label that the service is broken down by; `None`: its family names no route, and nobody chose another.
    fn label(&self, family: &Family) -> Option<String> {
        self.label.clone().or_else(|| family.route_label.clone())
    }
}

/// The route that the scope is narrowed to.
fn route(look: &Look<'_>) -> Option<String> {
    let label = chosen(look)?.route_label.clone()?;
    let matcher = look.scope.matchers.iter().find(|m| m.op == MatchOp::Equal && m.name == label)?;
    Some(matcher.value.to_string())
}

/// Why the page has nothing to show at all.
fn nothing(look: &Look<'_>) -> Option<Vec<String>> {
    let Some(service) = &look.scope.service else {
        return Some(vec!["No service is in the scope.".to_owned(), "2 lists all services.".to_owned()]);
    };
    if let Some(lines) = without_red(look) {
        return Some(lines);
    }
    let mapping = look.shared.red.value()?;
    mapping.family_of(service).is_none().then(|| {
        if mapping.is_incomplete() {
            let mut lines = vec![format!("Whether {service} has RED metrics is not known: not all was answered. It is asked again.")];
            lines.extend(mapping.notes.iter().cloned());
            return lines;
        }
        vec![
            format!("No RED metrics of {service} in the last hour."),
            format!("Looked for: {}.", known_families().collect::<Vec<_>>().join(", ")),
            "2 lists the services that have some, 3 shows its logs.".to_owned(),
        ]
    })
}

impl View for Service {
    fn kind(&self) -> ViewKind {
        ViewKind::Service
    }

    fn crumb(&self, look: &Look<'_>) -> String {
        if let Some(route) = route(look) {
            return breakdown::shown(&route).to_owned();
        }
        let service = look.scope.service.as_deref().unwrap_or(self.kind().title());
        match &look.scope.alert {
            Some(alert) => format!("{} {} {service}", alert.name, look.shared.glyphs.crumb),
            None => service.to_owned(),
        }
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let trace = self.selected_exemplar().is_some();
        let (rows, drill) = match self.pane {
            Pane::Calls => (!self.calls.is_empty(), (!trace && self.calls.is_empty()).then_some("no call is selected")),
            Pane::Saturation => (!self.saturation.is_empty(), (!trace).then_some("nothing to open here")),
            _ => (!self.rows.is_empty(), (!trace && self.rows.is_empty()).then_some("no row and no exemplar is selected")),
        };
        Facts {
            rows,
            drill,
            service: look.scope.service.is_some(),
            trace,
            graphs: self.data.rate.value().is_some(),
            panes: true,
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        if self.exemplar.is_some() {
            &[
                Command::Drill,
                Command::NextExemplar,
                Command::ViewLogs,
                Command::ViewTraces,
                Command::Infra,
                Command::ValueCursor,
                Command::NextPane,
            ]
        } else {
            &[
                Command::ViewLogs,
                Command::ViewTraces,
                Command::Infra,
                Command::Drill,
                Command::NextExemplar,
                Command::Breakdown,
                Command::Compare,
                Command::Heatmap,
                Command::ValueCursor,
                Command::NextPane,
                Command::Order,
                Command::Filter,
                Command::Exclude,
            ]
        }
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill if self.exemplar.is_some() => Some("trace"),
            Command::Drill if self.pane == Pane::Calls => Some("service"),
            Command::Drill if self.label.is_some() => Some("narrow to it"),
            Command::Drill => Some("narrow to route"),
            Command::NextPane => Some("next pane"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { red: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        // One resolution for all graphs, so that the cursor means one instant everywhere.
        let panes = self.panes(area);
        let widest = Pane::GRAPHS.iter().map(|p| panes.of(*p).width).max().unwrap_or(0);
        let family = self.data.family(look).map(|(f, _)| f);
        let page = Page {
            columns: widest.max(40).saturating_sub(8),
            label: family.and_then(|f| self.label(&f)),
            compare: self.compare,
            heat: self.heat.then(|| self.data.heat_cut.clone()),
            picking: self.picker.is_some(),
            calls: !panes.of(Pane::Calls).is_empty(),
            saturation: !panes.of(Pane::Saturation).is_empty(),
        };
        self.data.ask(look, &page, needs);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let pane = answer.slot.pane;
        let selected = self.selected_exemplar().and_then(|e| e.trace);
        let shift = self.compare.shift(&cx.look).unwrap_or_default();
        let changed = self.data.answer(&cx.look, answer, shift);
        self.data.find_limits(&cx.look, route(&cx.look).as_deref());
        if !changed {
            return false;
        }
        match pane {
            "rows" | "rows before" | "highest" | "mixed" => self.rebuild(&cx.look, cx.area),
            "calls" | "saturation" => self.rebuild_strips(&cx.look),
            "labels" | "counts" => {
                if let Some(picker) = &mut self.picker {
                    picker.rebuild(&self.data);
                }
            }
            "exemplars" => {
                let places = self.data.exemplars.value();
                self.exemplar = selected.and_then(|trace| places?.iter().position(|e| e.trace == Some(trace)));
            }
            _ => {}
        }
        true
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill => self.drill(cx),
            Command::Exclude => self.exclude(cx),
            Command::Breakdown => self.pick(),
            Command::Compare => {
                self.compare = self.compare.next();
                self.data.forget_then();
            }
            Command::Heatmap => {
                self.heat = !self.heat;
                self.data.heat_cut = heat::Cut::default();
            }
            Command::SwitchFamily => self.switch_family(cx),
            Command::Logs => {
                let scope = cx.look.scope.clone();
                cx.push(ViewKind::Logs, scope);
            }
            Command::Infra => self.open_infra(cx),
            Command::NextExemplar => self.next_exemplar(cx),
            Command::NextPane => self.pane = self.pane.step(1),
            Command::PreviousPane => self.pane = self.pane.step(Pane::ALL.len() - 1),
            Command::FullScreen => self.alone = !self.alone,
            Command::Filter => self.filter.open(),
            Command::Order => {
                self.order = self.order.next();
                self.rebuild(&cx.look, cx.area);
            }
            Command::ValueCursor if self.cursor.is_some() => self.cursor = None,
            Command::ValueCursor => return self.move_cursor(&cx.look, 0),
            Command::Left => return self.move_cursor(&cx.look, -1),
            Command::Right => return self.move_cursor(&cx.look, 1),
            _ => return self.move_row(command, cx.area),
        }
        true
    }

    fn rescoped(&mut self, cx: &mut Cx<'_>) {
        // Which conditions hold is told by the labels: what else is asked is known only when these are right.
        self.data.heat_cut = heat::Cut::default();
        while self.data.forget(&self.asked(cx)) {}
        self.data.find_limits(&cx.look, route(&cx.look).as_deref());
        self.rows.clear();
        self.table = TableState::default();
        self.cursor = None;
        self.exemplar = None;
        self.rebuild(&cx.look, cx.area);
        self.rebuild_strips(&cx.look);
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing() || self.picker.is_some()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        match self.picker.as_mut().map(|picker| picker.key(key, &self.data)) {
            Some(Picked::Open) => {}
            Some(Picked::Close) => self.picker = None,
            Some(Picked::Label(label)) => self.break_down(&cx.look, label.into()),
            None if self.filter.key(key) => self.rebuild(&cx.look, cx.area),
            None => {}
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some(picker) = &mut self.picker {
            picker.paste(text, &self.data);
            return;
        }
        self.filter.paste(text);
        self.rebuild(&cx.look, cx.area);
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.point(cx, event)
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        let panes = self.panes(area);
        let pane = panes.at(at)?;
        let axis = self.axis(pane, look, Panel::inner(panes.of(pane)))?;
        axis.area.contains(at).then_some(axis)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if let Some(lines) = nothing(look) {
            let inner = Panel::new(self.crumb(look)).focused(true).render(look.shared, area, buf);
            panel::message(look.shared, inner, buf, &lines);
            return;
        }
        let panes = self.panes(area);
        for pane in Pane::ALL {
            let place = panes.of(pane);
            match pane {
                _ if place.is_empty() => {}
                Pane::Breakdown => self.render_breakdown(look, place, buf),
                Pane::Calls => self.render_calls(look, place, buf),
                Pane::Saturation => self.render_saturation(look, place, buf),
                graph => self.render_graph(graph, look, place, buf),
            }
        }
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.picker.as_ref().map(Picker::prompt).or_else(|| self.filter.prompt())
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        self.copies(look)
    }

    /// Of the focused graph, or of all three.
    fn queries(&self, look: &Look<'_>) -> Vec<TypedQuery> {
        let focused = match self.pane {
            Pane::Rate => "rate query",
            Pane::Errors => "errors query",
            Pane::Duration => "duration query",
            _ => " query",
        };
        self.copies(look).into_iter().filter(|y| y.label.ends_with(focused)).map(|y| TypedQuery::promql(y.text)).collect()
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        [panel::state(&self.data.rate, look).wake, panel::state(&self.data.errors, look).wake].into_iter().flatten().min()
    }
}
