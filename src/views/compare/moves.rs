//! What commands do: move, fold, turn the order, and open either trace.

use ratatui::layout::Rect;

use super::{
    Compare, Item,
    said::Said,
    tree::{Line, Order},
};
use crate::{
    core::{
        command::{Command, ViewKind},
        scope::Scope,
    },
    model::{
        labels::Labels,
        time::{TimeRange, Timestamp},
        trace::SpanId,
    },
    trace::{Operation, Trace},
    ui::table::visible_rows,
    views::{
        Cx, Look, infra,
        search::{At, Finder, Places, step},
    },
};

impl Compare {
    /// What the selected line shows.
    pub(super) fn item(&self) -> Option<Item> {
        let lines = self.tree.lines();
        lines.get(self.list.row(lines.len())?).map(|line| line.item)
    }

    /// From where steps go on.
    pub(super) fn at(&self) -> Option<At> {
        let (_, _, found) = self.shown()?;
        match self.item()? {
            Item::Row(row) => Some(At::On(row)),
            Item::Group(group) => found.groups.get(group as usize)?.members.first().copied().map(At::Above),
        }
    }

    /// The nodes of the selected line in the base and in the other trace: of repeated spans the first of each.
    pub(super) fn nodes(&self) -> Option<(Option<u32>, Option<u32>)> {
        let (_, _, found) = self.shown()?;
        let rows = &found.comparison.rows;
        Some(match self.item()? {
            Item::Row(row) => (rows[row as usize].base, rows[row as usize].other),
            Item::Group(group) => {
                let members = || found.groups[group as usize].members.iter().map(|row| &rows[*row as usize]);
                (members().find_map(|row| row.base), members().find_map(|row| row.other))
            }
        })
    }

    /// The span that is opened: of the trace that is compared, or of the base where it is only there.
    pub(super) fn span(&self) -> Option<(&Trace, SpanId)> {
        self.selected().map(|(trace, node)| (trace, trace.nodes[node].id))
    }

    /// The same span of the base.
    pub(super) fn base_span(&self) -> Option<(&Trace, SpanId)> {
        let ((base, ..), (in_base, _)) = (self.shown()?, self.nodes()?);
        in_base.map(|n| (base, base.nodes[n as usize].id))
    }

    /// The trace of a selected span and its node there.
    fn selected(&self) -> Option<(&Trace, usize)> {
        let ((base, other, _), (in_base, in_other)) = (self.shown()?, self.nodes()?);
        in_other.map(|n| (other, n as usize)).or(in_base.map(|n| (base, n as usize)))
    }

    pub(super) fn operation(&self) -> Option<&Operation> {
        let (trace, node) = self.selected()?;
        trace.operation(node)
    }

    /// The line of a span of either trace, unfolded where it is hidden.
    pub(super) fn row_of(&mut self, span: SpanId) -> Option<usize> {
        let (job, found) = self.drawn.clone()?;
        let in_base = job.base.find(span).and_then(|n| u32::try_from(n).ok());
        let in_other = job.other.find(span).and_then(|n| u32::try_from(n).ok());
        let is_it = |side: Option<u32>, node: Option<u32>| node.is_some() && side == node;
        let row = |it: &dyn Fn(&crate::trace::compare::Row) -> bool| found.comparison.rows.iter().position(it);
        let row = row(&|r| is_it(r.other, in_other)).or_else(|| row(&|r| is_it(r.base, in_base)))?;
        let row = u32::try_from(row).ok()?;
        self.tree.reveal(&found, row);
        self.tree.line_near(&found, row)
    }

    /// Selects a row, and unfolds what hides it.
    pub(super) fn go_to_row(&mut self, row: u32, area: Rect) {
        let Some((_, found)) = self.drawn.clone() else { return };
        self.tree.reveal(&found, row);
        if let Some(line) = self.tree.line_near(&found, row) {
            self.go_to(line, area);
        }
    }

    pub(super) fn go_to(&mut self, line: usize, area: Rect) {
        let height = visible_rows(self.places(area).table);
        self.list.select(line, self.tree.lines().len(), height);
    }

    pub(super) fn run(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill => self.open(cx, self.span()),
            Command::OpenBase => self.open(cx, self.base_span()),
            Command::Logs | Command::Red => self.open_view(cx, command),
            Command::Infra => self.open_infra(cx),
            Command::FoldAll if self.tree.order == Order::Worst => {
                let key = cx.look.shared.keymap.key(Command::Order).unwrap_or_default();
                cx.notice(format!("worst first has no folds: {key} shows the tree"));
            }
            Command::Order | Command::FoldAll => self.change(cx, |tree, found| match command {
                Command::Order => tree.turn(found),
                _ => tree.toggle_all(found),
            }),
            Command::Unfold | Command::Fold => self.fold(cx, command == Command::Fold),
            Command::NextError => self.next_error(cx),
            Command::Filter => self.start_finding(cx),
            Command::NextMatch | Command::PreviousMatch => self.go_to_match(cx, command == Command::NextMatch),
            Command::Back if self.finder.search.is_some() => self.finder = Finder::default(),
            // It is asked for anew, and was not before.
            Command::Refresh => {
                self.came_along = false;
                self.base.look_again();
                return false;
            }
            _ => {
                let height = visible_rows(self.places(cx.area).table);
                return self.list.command(command, self.tree.lines().len(), height);
            }
        }
        true
    }

    fn open(&self, cx: &mut Cx<'_>, span: Option<(&Trace, SpanId)>) {
        if let Some((trace, span)) = span {
            let scope = cx.look.scope.with_trace_near(trace.id, Some(span), trace.range);
            cx.push(ViewKind::Waterfall, scope);
        }
    }

    fn open_view(&self, cx: &mut Cx<'_>, command: Command) {
        let Some(scope) = self.span_scope(&cx.look) else { return };
        cx.push(if command == Command::Logs { ViewKind::Logs } else { ViewKind::Service }, scope);
    }

    /// Opens what the selected span ran on, at its time. Repeated spans may have run anywhere.
    fn open_infra(&self, cx: &mut Cx<'_>) {
        let (Some(scope), Some((trace, node)), Some(item)) = (self.span_scope(&cx.look), self.selected(), self.item()) else { return };
        let place = if matches!(item, Item::Row(_)) { infra::place_of_span(trace, node) } else { Labels::new() };
        cx.acts.push(infra::open(place, scope.with_lead()));
    }

    /// The scope of the selected span: its service and itself; of repeated spans the time of all of them.
    fn span_scope(&self, look: &Look<'_>) -> Option<Scope> {
        let (trace, node) = self.selected()?;
        let service = trace.service(node);
        let scope = if service.is_empty() { look.scope.clone() } else { look.scope.with_service(service) };
        let (span, range) = match self.item()? {
            Item::Row(_) => {
                let node_range = TimeRange { start: trace.nodes[node].start, end: trace.nodes[node].end() };
                (trace.span(node).map(|s| s.id), node_range)
            }
            Item::Group(group) => {
                let group = &self.shown()?.2.groups[group as usize];
                let all = if group.other.count > 0 { group.other } else { group.base };
                let at = |ns: i64| Timestamp(trace.range.start.0.saturating_add(ns));
                (None, TimeRange { start: at(all.from_ns), end: at(all.to_ns) })
            }
        };
        Some(scope.with_trace(trace.id, span).around(range))
    }

    /// Changes which lines there are. The selection stays on its row.
    fn change(&mut self, cx: &Cx<'_>, how: impl FnOnce(&mut super::Tree, &crate::trace::differences::Differences)) {
        let Some((_, found)) = self.drawn.clone() else { return };
        let row = self.at().map(At::span);
        how(&mut self.tree, &found);
        let line = row.and_then(|row| self.tree.line_near(&found, row));
        self.go_to(line.unwrap_or(0), cx.area);
    }

    /// Folds or unfolds the selected line; what folds no further leads to what is above it.
    fn fold(&mut self, cx: &Cx<'_>, fold: bool) {
        let (Some(item), Some((_, found))) = (self.item(), self.drawn.clone()) else { return };
        let has_below = match item {
            Item::Row(row) => found.comparison.rows[row as usize].subtree_end > row + 1,
            Item::Group(_) => true,
        };
        if fold && (!has_below || self.tree.is_folded(item)) {
            let lines = self.tree.lines();
            let at = self.list.row(lines.len()).unwrap_or(0);
            let above = lines[..at].iter().rposition(|line| line.depth < lines[at].depth);
            return self.go_to(above.unwrap_or(at), cx.area);
        }
        let at = self.list.selected;
        self.tree.set_folded(&found, item, fold);
        self.go_to(at, cx.area);
    }

    /// The next that failed in the trace that is compared, around at the end.
    fn next_error(&mut self, cx: &mut Cx<'_>) {
        match self.tree.order {
            Order::Tree => self.next_failed_row(cx.area),
            Order::Worst => self.next_failed_line(cx),
        }
    }

    /// The same as they were called: unfolded where it is hidden.
    fn next_failed_row(&mut self, area: Rect) {
        let (Some((job, found)), Some(at), Some(ranks)) = (self.drawn.clone(), self.at(), self.rank()) else { return };
        let rows = &found.comparison.rows;
        let has_failed = |row: &u32| rows[*row as usize].other.is_some_and(|n| job.other.nodes[n as usize].is_error());
        let failed: Vec<u32> = ranks.order().iter().copied().filter(has_failed).collect();
        if let Some((_, row)) = step(ranks, &failed, at, true) {
            self.go_to_row(row, area);
        }
    }

    /// The same of the worst first: the lines that there are, one of whose spans failed.
    fn next_failed_line(&mut self, cx: &mut Cx<'_>) {
        let (Some((base, other, found)), lines) = (self.shown(), self.tree.lines()) else { return };
        let failed = |line: &Line| Said::of(base, other, found, line.item).other.is_some_and(|of| of.failed);
        let after = self.list.row(lines.len()).map_or(0, |at| at + 1);
        match (after..lines.len()).chain(0..after).find(|at| failed(&lines[*at])) {
            Some(line) => self.go_to(line, cx.area),
            None => {
                let key = cx.look.shared.keymap.key(Command::Order).unwrap_or_default();
                cx.notice(format!("what failed takes about as long as in the base: {key} shows all spans"));
            }
        }
    }
}
