//! The rows of the list: hits in their order, and the spans of those that are opened. The selection stays on its trace and
//! span when rows move.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Traces, draw};
use crate::{
    core::command::Command,
    model::{
        labels::Labels,
        trace::{HitSpan, SpanId, TraceHit, TraceId},
    },
    ui::table::TableState,
    views::filter::Filter,
};

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A hit, by its place among those that were found.
    Hit(usize),
    /// A span of a hit that matched.
    Span(usize, usize),
    /// More spans of a hit matched than were told.
    Rest(usize),
}

impl Row {
    /// The hit that it belongs to.
    pub(super) fn hit(self) -> usize {
        match self {
            Self::Hit(hit) | Self::Span(hit, _) | Self::Rest(hit) => hit,
        }
    }
}

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Newest,
    Longest,
}

impl Order {
    pub(super) fn next(self) -> Self {
        if self == Self::Newest { Self::Longest } else { Self::Newest }
    }

    /// What stands first.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Longest => "longest",
        }
    }
}

/// The rows and which one is selected.
#[derive(Default)]
pub(super) struct List {
    pub(super) rows: Vec<Row>,
    pub(super) table: TableState,
    /// The trace and the span that the user has gone to. None at the top, where the newest come.
    pub(super) at: Option<(TraceId, Option<SpanId>)>,
    pub(super) order: Order,
    /// Hits whose spans are shown.
    pub(super) opened: BTreeSet<TraceId>,
}

/// Whether there are spans to show under a hit.
pub(super) fn has_spans(hit: &TraceHit) -> bool {
    hit.spans.len().max(hit.matched as usize) > 1
}

impl List {
    pub(super) fn is_open(&self, hit: &TraceHit) -> bool {
        has_spans(hit) && self.opened.contains(&hit.trace)
    }

    pub(super) fn open(&mut self, trace: TraceId, open: bool) {
        if open {
            self.opened.insert(trace)
        } else {
            self.opened.remove(&trace)
        };
    }

    fn of(&self, hits: &[TraceHit], i: usize) -> Vec<Row> {
        let hit = &hits[i];
        let told = if self.is_open(hit) { hit.spans.len() } else { 0 };
        let rest = self.is_open(hit) && (hit.matched as usize) > told;
        let spans = (0..told).map(|n| Row::Span(i, n));
        std::iter::once(Row::Hit(i)).chain(spans).chain(rest.then_some(Row::Rest(i))).collect()
    }

    /// The row that is selected, or the one of its hit.
    fn place(&self, hits: &[TraceHit]) -> Option<usize> {
        let (trace, span) = self.at?;
        let is_span = |row: &Row| matches!(row, Row::Span(i, n) if hits[*i].trace == trace && hits[*i].spans[*n].id == span);
        let exact = span.and_then(|_| self.rows.iter().position(is_span));
        exact.or_else(|| self.rows.iter().position(|r| hits[r.hit()].trace == trace))
    }
}

impl Traces {
    /// Works the rows out anew; the selection stays on what the user has gone to, else at the top.
    pub(super) fn rebuild(&mut self, height: usize) {
        let hits = self.found.value().map_or(&[][..], |f| &f.hits);
        let mut order: Vec<usize> = (0..hits.len())
            .filter(|i| self.lengths.is_none_or(|l| l.has(hits[*i].duration_ns)) && passes(&self.filter, &hits[*i]))
            .collect();
        match self.list.order {
            Order::Newest => order.sort_by_key(|i| (self.in_flight(&hits[*i]), Reverse(hits[*i].start), hits[*i].trace)),
            Order::Longest => order.sort_by_key(|i| (Reverse(hits[*i].duration_ns), hits[*i].trace)),
        }
        let rows: Vec<Row> = order.into_iter().flat_map(|i| self.list.of(hits, i)).collect();
        self.list.rows = rows;
        let hits = self.found.value().map_or(&[][..], |f| &f.hits);
        let place = self.list.place(hits);
        // What takes the place of one that is gone.
        let near = if self.list.at.is_some() { self.list.table.selected } else { 0 };
        self.list.table.select(place.unwrap_or(near), self.list.rows.len(), height);
        match place {
            None if self.list.rows.is_empty() => {}
            None if self.list.table.selected == 0 => self.list.at = None,
            _ => self.chosen(),
        }
    }

    pub(super) fn select(&mut self, row: usize, height: usize) {
        self.list.table.select(row, self.list.rows.len(), height);
        self.chosen();
    }

    /// Remembers that the user wants what is selected, also over a moment without rows.
    pub(super) fn chosen(&mut self) {
        let selected = self.selected().map(|hit| (hit.trace, self.selected_span().and_then(|s| s.id)));
        self.list.at = selected.or(self.list.at);
    }

    /// Moves on a command. Returns false for commands that do not move.
    pub(super) fn go(&mut self, command: Command, height: usize) -> bool {
        let is_moved = self.list.table.command(command, self.list.rows.len(), height);
        match command {
            Command::Top => self.list.at = None,
            _ if is_moved => self.chosen(),
            _ => {}
        }
        is_moved
    }

    pub(super) fn selected_row(&self) -> Option<Row> {
        self.list.rows.get(self.list.table.row(self.list.rows.len())?).copied()
    }

    pub(super) fn selected(&self) -> Option<&TraceHit> {
        self.hits().get(self.selected_row()?.hit())
    }

    /// The span that is selected under its hit.
    pub(super) fn selected_span(&self) -> Option<&HitSpan> {
        match self.selected_row()? {
            Row::Span(hit, span) => self.hits().get(hit)?.spans.get(span),
            Row::Hit(_) | Row::Rest(_) => None,
        }
    }

    /// Shows the spans of the selected hit, or hides them; `None` does the other of both.
    pub(super) fn unfold(&mut self, open: Option<bool>, height: usize) {
        let Some(hit) = self.selected().filter(|h| has_spans(h)) else { return };
        let (trace, open) = (hit.trace, open.unwrap_or(!self.list.is_open(hit)));
        self.list.open(trace, open);
        self.list.at = if open { self.list.at.or(Some((trace, None))) } else { Some((trace, None)) };
        self.rebuild(height);
    }

    /// The next hit that failed, around the end.
    pub(super) fn next_error(&mut self, height: usize) {
        let n = self.list.rows.len();
        let from = self.list.table.selected + 1;
        let is_error = |row: &usize| matches!(self.list.rows[*row], Row::Hit(i) if self.is_error(&self.hits()[i]));
        let next = (0..n).map(|i| (from + i) % n).find(is_error);
        if let Some(row) = next {
            self.select(row, height);
        }
    }
}

/// Whether a hit passes a filter: by its root, its id, and the names and attributes of its spans that matched.
pub fn passes(filter: &Filter, hit: &TraceHit) -> bool {
    if filter.is_empty() {
        return true;
    }
    let id = hit.trace.to_string();
    let own = [hit.root_service.as_deref().unwrap_or(""), hit.root_name.as_deref().unwrap_or(draw::NO_ROOT), &id];
    let names = hit.spans.iter().filter_map(|s| s.name.as_deref());
    let values = hit.spans.iter().flat_map(|s| s.attributes.iter().map(|(_, value)| value));
    let labels: Labels = hit.spans.iter().flat_map(|s| s.attributes.iter()).collect();
    filter.passes(&labels, own.into_iter().chain(names).chain(values))
}
