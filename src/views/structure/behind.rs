//! The traces behind a row of the tree.

use ratatui::layout::Rect;

use super::Structure;
use crate::{
    core::{
        command::{Command, ViewKind},
        scope::Scope,
    },
    model::trace::{TraceHit, TraceId},
    trace::structure::Behind,
    ui::table::{TableState, visible_rows},
    views::{Act, Cx, compare, filter::Filter, traces::passes},
};

/// The list while it is shown.
pub(super) struct List {
    /// The row of the tree.
    pub(super) row: u32,
    pub(super) state: TableState,
    pub(super) filter: Filter,
    /// Which of the row's traces pass the filter.
    pub(super) lines: Vec<usize>,
}

impl Structure {
    /// Lists the traces behind the selected row.
    pub(super) fn list_behind(&mut self, area: Rect) {
        self.behind = self.row().map(|row| List { row, state: TableState::default(), filter: Filter::default(), lines: Vec::new() });
        self.relist(area);
    }

    /// Works out anew which traces are listed. The selection stays on its trace.
    pub(super) fn relist(&mut self, area: Rect) {
        let selected = self.listed().map(|(trace, _)| trace);
        let (Some(news), Some(list)) = (self.merged.value(), &self.behind) else { return };
        let behind = news.rows.get(list.row as usize).map_or(&[][..], |row| &row.traces);
        let trace = |at: usize| news.traces.get(behind[at].trace as usize);
        let is_passing = |at: &usize| trace(*at).and_then(|id| self.hit(*id)).is_none_or(|hit| passes(&list.filter, hit));
        let lines: Vec<usize> = (0..behind.len()).filter(is_passing).collect();
        let kept = selected.and_then(|selected| lines.iter().position(|at| trace(*at) == Some(&selected)));
        let height = visible_rows(self.table(area));
        if let Some(list) = &mut self.behind {
            list.lines = lines;
            list.state.select(kept.unwrap_or(list.state.selected), list.lines.len(), height);
        }
    }

    /// How many traces are behind the row.
    pub(super) fn behind_rows(&self) -> usize {
        let row = self.behind.as_ref().and_then(|list| self.rows().get(list.row as usize));
        row.map_or(0, |row| row.traces.len())
    }

    /// How many of them are listed.
    pub(super) fn listed_rows(&self) -> usize {
        self.behind.as_ref().map_or(0, |list| list.lines.len())
    }

    /// A line of the list: the trace, and its spans there.
    pub(super) fn listed_at(&self, line: usize) -> Option<(TraceId, Behind)> {
        let list = self.behind.as_ref()?;
        let behind = *self.rows().get(list.row as usize)?.traces.get(*list.lines.get(line)?)?;
        Some((*self.merged.value()?.traces.get(behind.trace as usize)?, behind))
    }

    /// The selected line of the list.
    pub(super) fn listed(&self) -> Option<(TraceId, Behind)> {
        self.listed_at(self.behind.as_ref()?.state.row(self.listed_rows())?)
    }

    /// What the search told of a trace.
    pub(super) fn hit(&self, trace: TraceId) -> Option<&TraceHit> {
        self.places.get(&trace).and_then(|at| self.hits.get(*at))
    }

    /// The scope of a listed trace, at its worst span there.
    fn scope_of(&self, scope: &Scope, trace: TraceId, behind: Behind) -> Scope {
        let span = Some(behind.span);
        self.hit(trace).map_or_else(|| scope.with_trace(trace, span), |hit| scope.with_trace_near(trace, span, hit.range()))
    }

    pub(super) fn list_command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let (rows, height) = (self.listed_rows(), visible_rows(self.table(cx.area)));
        match (command, self.listed()) {
            (Command::Back, _) if self.behind.as_ref().is_some_and(|list| !list.filter.is_empty()) => {
                if let Some(list) = &mut self.behind {
                    list.filter = Filter::default();
                }
                self.relist(cx.area);
            }
            (Command::Back, _) => self.behind = None,
            (Command::Drill, Some((trace, behind))) => cx.push(ViewKind::Waterfall, self.scope_of(cx.look.scope, trace, behind)),
            (Command::CompareTraces, Some((trace, behind))) => {
                let scope = self.scope_of(cx.look.scope, trace, behind);
                let seed = compare::Seed { trace, span: Some(behind.span), known: None, base: None };
                cx.acts.push(Act::Compare(Box::new(seed), Box::new(scope)));
            }
            _ => return self.behind.as_mut().is_some_and(|list| list.state.command(command, rows, height)),
        }
        true
    }
}
