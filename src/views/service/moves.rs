//! What keys and the mouse do on the Service page.

use std::sync::Arc;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{
    Pane, Picker, Service,
    ask::main_quantile,
    breakdown::{self, Row},
    calls::calls,
    data::chosen,
};
use crate::{
    core::{
        command::{Command, ViewKind},
        scope::Scope,
    },
    model::{
        backend::ErrorKind,
        labels::{MatchOp, Matcher},
        time::{TimeRange, Timestamp, nanos},
    },
    red::{Durations, Family},
    ui::{panel::Panel, table::TableState},
    views::{Act, Cx, Look, Pointed, Yank, infra},
};

/// Said where a key needs one value.
const OTHERS: &str = "these are many values: the ones above have a row of their own";

impl Service {
    pub(super) fn rebuild(&mut self, look: &Look<'_>, area: Rect) {
        let Some((family, _)) = self.data.family(look) else { return };
        let Some(label) = self.label(&family) else { return };
        let keep = self.selected_row().map(|r| (r.name.clone(), r.others.is_some()));
        let first = self.table == TableState::default();
        let limit = look.shared.error_threshold(look.scope.service.as_deref().unwrap_or_default());
        self.rows = breakdown::rows(&self.data, &label, &self.filter, self.order, limit);
        for row in &mut self.rows {
            row.mark = row.p95.map_or("", |p95| self.data.mark(&family, p95));
        }
        let is_kept = |row: &Row, (name, others): &(String, bool)| row.name == *name && row.others.is_some() == *others;
        let place = keep.filter(|_| !first).and_then(|kept| self.rows.iter().position(|row| is_kept(row, &kept)));
        self.table.select(place.unwrap_or(self.table.selected), self.rows.len(), self.height(Pane::Breakdown, area));
    }

    pub(super) fn rebuild_strips(&mut self, look: &Look<'_>) {
        let keep = self.selected_call().map(|c| (c.inbound, c.peer.clone()));
        let service = look.scope.service.as_deref().unwrap_or("");
        self.calls = self.data.calls.value().map(|v| calls(v, service, look.shared.red.value().map(Arc::as_ref))).unwrap_or_default();
        self.saturation = self.data.saturation.value().map(super::saturation::saturation).unwrap_or_default();
        if let Some(place) = keep.and_then(|k| self.calls.iter().position(|c| (c.inbound, &c.peer) == (k.0, &k.1))) {
            self.calls_table.selected = place;
        }
    }

    pub(super) fn move_row(&mut self, command: Command, area: Rect) -> bool {
        let pane = if self.pane.is_graph() { Pane::Breakdown } else { self.pane };
        let height = self.height(pane, area);
        let (table, rows) = self.table_of(pane);
        let moved = table.command(command, rows, height);
        if moved {
            self.exemplar = None;
        }
        moved
    }

    fn table_of(&mut self, pane: Pane) -> (&mut TableState, usize) {
        match pane {
            Pane::Calls => (&mut self.calls_table, self.calls.len()),
            Pane::Saturation => (&mut self.saturation_table, self.saturation.len()),
            _ => (&mut self.table, self.rows.len()),
        }
    }

    /// The scope with a condition on the selected row; `None` when it has it already, or there is no row.
    fn with_row(&self, look: &Look<'_>, op: MatchOp) -> Option<Scope> {
        let (family, _) = self.data.family(look)?;
        let row = self.selected_row().filter(|row| row.others.is_none())?;
        let matcher = Matcher::new(self.label(&family)?, op, row.name.as_str());
        (!look.scope.matchers.contains(&matcher)).then(|| look.scope.with_matcher(matcher))
    }

    pub(super) fn drill(&self, cx: &mut Cx<'_>) {
        if let Some((trace, at)) = self.selected_exemplar().and_then(|e| Some((e.trace?, e.at))) {
            let scope = cx.look.scope.with_trace_near(trace, None, TimeRange::new(at, at));
            cx.push(ViewKind::Waterfall, scope);
        } else if self.pane == Pane::Calls {
            if let Some(call) = self.selected_call() {
                let scope = cx.look.scope.with_service(call.peer.as_str());
                cx.push(ViewKind::Service, scope);
            }
        } else if let Some(scope) = self.with_row(&cx.look, MatchOp::Equal) {
            cx.push(ViewKind::Service, scope);
        } else if self.selected_row().is_some_and(|row| row.others.is_some()) {
            cx.notice(OTHERS);
        } else {
            let key = |command| cx.look.shared.keymap.key(command).unwrap_or_default();
            let (back, logs) = (key(Command::Back), key(Command::ViewLogs));
            cx.notice(format!("this is the route already: {back} leaves it, {logs} shows the logs of all routes"));
        }
    }

    /// Opens what the service runs on, with the cursor on the pod or the node that is selected, if one is.
    pub(super) fn open_infra(&self, cx: &mut Cx<'_>) {
        let is_listed = self.pane == Pane::Breakdown || self.pane.is_graph();
        let row = self.selected_row().filter(|row| is_listed && row.others.is_none());
        let label = self.data.family(&cx.look).and_then(|(family, _)| self.label(&family));
        let told = row.zip(label.as_deref()).map(|(row, label)| (label, row.name.as_str()));
        let place = infra::place_of(cx.look.scope.service.as_deref(), told, []);
        cx.acts.push(infra::open(place, cx.look.scope.clone()));
    }

    /// Everything but the selected row.
    pub(super) fn exclude(&self, cx: &mut Cx<'_>) {
        if matches!(self.pane, Pane::Calls | Pane::Saturation) {
            cx.notice("only rows of the breakdown can be left out");
        } else if let Some(scope) = self.with_row(&cx.look, MatchOp::NotEqual) {
            cx.push(ViewKind::Service, scope);
        } else if self.selected_row().is_some_and(|row| row.others.is_some()) {
            cx.notice(OTHERS);
        }
    }

    /// The service as the next family that has it shows it.
    pub(super) fn switch_family(&self, cx: &mut Cx<'_>) {
        let (Some(red), Some(service)) = (cx.look.shared.red.value(), cx.look.scope.service.as_deref()) else { return };
        let all: Vec<&Family> = red.families_of(service).collect();
        let now = chosen(&cx.look).and_then(|family| all.iter().position(|f| *f == family)).unwrap_or(0);
        let Some(choice) = red.choice(service) else { return };
        if all.len() < 2 {
            cx.notice(choice.why);
            return;
        }
        let next = (now + 1) % all.len();
        let family = &all[next].name;
        cx.notice(if next == 0 {
            choice.why
        } else {
            format!("{family}, which has {service} as well; {} is the usual one", choice.chosen.name)
        });
        let named = (next > 0).then(|| family.as_str().into());
        cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_family(named))));
    }

    /// Opens the list of labels.
    pub(super) fn pick(&mut self) {
        self.picker = Some(Picker::new(&self.data));
        self.pane = Pane::Breakdown;
    }

    pub(super) fn break_down(&mut self, look: &Look<'_>, label: String) {
        self.picker = None;
        let usual = self.data.family(look).and_then(|(f, _)| f.route_label);
        let label = Some(label).filter(|l| Some(l) != usual.as_ref());
        if self.label != label {
            self.label = label;
            self.data.forget_rows();
            self.rows.clear();
            self.table = TableState::default();
        }
    }

    pub(super) fn next_exemplar(&mut self, cx: &mut Cx<'_>) {
        match self.data.exemplars.value().map_or(0, Vec::len) {
            0 => cx.notice(self.why_no_exemplars(&cx.look)),
            n => {
                self.exemplar = Some(self.exemplar.map_or(0, |i| (i + 1) % n));
                // A heatmap has no dots.
                self.heat = false;
                if self.pane != Pane::Duration && self.panes(cx.area).of(Pane::Duration).is_empty() {
                    self.pane = Pane::Duration;
                }
            }
        }
    }

    fn why_no_exemplars(&self, look: &Look<'_>) -> String {
        if let Some((metric, label)) = self.durations_lack(look) {
            return format!("no exemplars: {metric} has no label {label}");
        }
        let family = self.data.family(look);
        let metric = family.as_ref().and_then(|(f, _)| match f.durations.as_ref()? {
            Durations::Classic { buckets: metric, .. } | Durations::Native(metric) => Some(metric),
            Durations::Given(_) => None,
        });
        match (self.data.exemplars.error(), metric) {
            (_, None) => "no exemplars: this family has no histogram to carry them".to_owned(),
            (Some(e), _) if matches!(e.kind, ErrorKind::NotSupported | ErrorKind::NotFound) => {
                "no exemplars: this server has no query_exemplars".to_owned()
            }
            (Some(e), _) => format!("no exemplars: {e}"),
            (None, _) if self.data.exemplars.is_waiting() => "exemplars have not been answered yet".to_owned(),
            (None, Some(metric)) => format!(
                "no exemplars of {metric} in this window: nothing wrote one, or the server keeps none (Prometheus: --enable-feature=exemplar-storage)"
            ),
        }
    }

    pub(super) fn move_cursor(&mut self, look: &Look<'_>, steps: i64) -> bool {
        let Some(matrix) = self.data.rate.value().or(self.data.errors.value()) else { return false };
        let range = matrix.range;
        let from = self.cursor.unwrap_or(range.end.min(look.now));
        let by = nanos(matrix.step).saturating_mul(steps);
        self.cursor = Some(Timestamp(from.0.saturating_add(by)).clamp(range.start, range.end));
        true
    }

    pub(super) fn point(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let (panes, at) = (self.panes(cx.area), Position::new(event.column, event.row));
        let Some(pane) = panes.at(at) else { return Pointed::Nothing };
        let inner = Panel::inner(panes.of(pane));
        let mut pointed = Pointed::Nothing;
        if !pane.is_graph() {
            let (table, rows) = self.table_of(pane);
            pointed = table.mouse(event, inner, rows);
            if pointed != Pointed::Nothing {
                self.exemplar = None;
            }
        }
        if event.kind != MouseEventKind::Down(MouseButton::Left) {
            return pointed;
        }
        let dot = self.graph(pane, &cx.look).and_then(|chart| chart.dot_at(inner, at));
        if self.cursor.is_some() {
            let axis = self.axis(pane, &cx.look, inner).filter(|axis| axis.area.contains(at));
            self.cursor = axis.map(|axis| axis.column(at.x).start).or(self.cursor);
        }
        self.pane = pane;
        match dot {
            Some(dot) => {
                self.exemplar = Some(dot);
                Pointed::Item
            }
            None if pointed == Pointed::Nothing => Pointed::Used,
            None => pointed,
        }
    }

    /// What can be copied.
    pub(super) fn copies(&self, look: &Look<'_>) -> Vec<Yank> {
        let mut out = Vec::new();
        let mut yank = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if let Some(trace) = self.selected_exemplar().and_then(|e| e.trace) {
            yank("trace id", trace.to_string());
        }
        if let Some(at) = self.cursor {
            for pane in Pane::GRAPHS {
                yank(&format!("{} at the cursor", pane.name()), self.values_at(pane, at, look));
            }
        }
        if let Some((family, service)) = self.data.family(look) {
            let over = family.rate_window(std::time::Duration::ZERO);
            yank("rate query", family.rate_by_status_class(&service, over));
            if let Some(query) = family.error_ratio(&service, over) {
                yank("errors query", query);
            }
            if let Some(query) = main_quantile(&family, &service, over) {
                yank("duration query", query);
            }
            if let (Some(row), Some(label)) = (self.selected_row().filter(|row| row.others.is_none()), self.label(&family)) {
                let name = if family.route_label.as_ref() == Some(&label) { "route" } else { &label };
                yank(name, row.name.clone());
            }
        }
        out
    }
}
