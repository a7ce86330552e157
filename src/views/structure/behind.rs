//! The traces behind a row of the tree.

use super::Structure;
use crate::{
    core::command::{Command, ViewKind},
    model::trace::{TraceHit, TraceId},
    trace::structure::Behind,
    ui::table::{TableState, visible_rows},
    views::{Act, Cx, compare},
};

/// The list while it is shown.
pub(super) struct List {
    /// The row of the tree.
    pub(super) row: u32,
    pub(super) state: TableState,
}

impl Structure {
    /// How many traces are listed.
    pub(super) fn listed_rows(&self) -> usize {
        let row = self.behind.as_ref().and_then(|list| self.rows().get(list.row as usize));
        row.map_or(0, |row| row.traces.len())
    }

    /// A line of the list: the trace, and its spans there.
    pub(super) fn listed_at(&self, line: usize) -> Option<(TraceId, Behind)> {
        let behind = *self.rows().get(self.behind.as_ref()?.row as usize)?.traces.get(line)?;
        Some((*self.merged.value()?.traces.get(behind.trace as usize)?, behind))
    }

    /// The selected line of the list.
    pub(super) fn listed(&self) -> Option<(TraceId, Behind)> {
        self.listed_at(self.behind.as_ref()?.state.row(self.listed_rows())?)
    }

    /// What the search told of a trace.
    pub(super) fn hit(&self, trace: TraceId) -> Option<&TraceHit> {
        self.hits.iter().find(|hit| hit.trace == trace)
    }

    pub(super) fn list_command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let (rows, height) = (self.listed_rows(), visible_rows(self.table(cx.area)));
        match (command, self.listed()) {
            (Command::Back, _) => self.behind = None,
            (Command::Drill, Some((trace, behind))) => {
                let scope = cx.look.scope.with_trace(trace, Some(behind.span));
                cx.push(ViewKind::Waterfall, scope);
            }
            (Command::CompareTraces, Some((trace, behind))) => {
                let scope = cx.look.scope.with_trace(trace, Some(behind.span));
                let seed = compare::Seed { trace, span: Some(behind.span), known: None, base: None };
                cx.acts.push(Act::Compare(Box::new(seed), Box::new(scope)));
            }
            _ => return self.behind.as_mut().is_some_and(|list| list.state.command(command, rows, height)),
        }
        true
    }
}
