//! Which nodes of the trace are rows now, and what is searched for in them.

use std::{borrow::Cow, collections::HashSet};

use crate::{
    model::trace::{Attributes, Span, Value},
    store::Pattern,
    trace::Trace,
};

/// The folds and the rows that they leave.
#[derive(Default)]
pub(super) struct Tree {
    folded: HashSet<u32>,
    rows: Vec<u32>,
}

impl Tree {
    /// All unfolded.
    pub(super) fn of(trace: &Trace) -> Self {
        let mut tree = Self::default();
        tree.refold(trace);
        tree
    }

    /// Nodes from top to bottom.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The row of a node, when no fold hides it.
    pub(super) fn row_of(&self, node: usize) -> Option<usize> {
        self.rows.binary_search(&u32::try_from(node).ok()?).ok()
    }

    pub(super) fn is_folded(&self, node: usize) -> bool {
        u32::try_from(node).is_ok_and(|n| self.folded.contains(&n))
    }

    pub(super) fn set_folded(&mut self, trace: &Trace, node: usize, folded: bool) {
        let Ok(number) = u32::try_from(node) else { return };
        let changed = if folded { trace.has_children(node) && self.folded.insert(number) } else { self.folded.remove(&number) };
        if changed {
            self.refold(trace);
        }
    }

    /// Unfolds what hides a node.
    pub(super) fn reveal(&mut self, trace: &Trace, node: usize) {
        let before = self.folded.len();
        if before > 0 {
            for ancestor in trace.ancestors(node) {
                self.folded.remove(&u32::try_from(ancestor).unwrap_or(u32::MAX));
            }
        }
        if self.folded.len() != before {
            self.refold(trace);
        }
    }

    /// Folds all that has no error within, or unfolds all when that is the case already.
    pub(super) fn toggle_all(&mut self, trace: &Trace) {
        let quiet = |i: &usize| trace.has_children(*i) && !trace.nodes[*i].error_within && trace.nodes[*i].parent.is_some();
        let wanted: HashSet<u32> = (0..trace.nodes.len()).filter(quiet).filter_map(|i| u32::try_from(i).ok()).collect();
        self.folded = if self.folded == wanted { HashSet::new() } else { wanted };
        self.refold(trace);
    }

    fn refold(&mut self, trace: &Trace) {
        self.rows.clear();
        let mut i = 0;
        while i < trace.nodes.len() {
            let number = u32::try_from(i).unwrap_or(u32::MAX);
            self.rows.push(number);
            i = if self.folded.contains(&number) { trace.nodes[i].subtree_end as usize } else { i + 1 };
        }
    }
}

/// Nodes whose service, name, id, status, attributes or events pass a pattern.
pub(super) fn search(trace: &Trace, pattern: &Pattern) -> Vec<u32> {
    let passes = |i: &usize| {
        let Some(span) = trace.span(*i) else { return pattern.passes(&trace.name(*i)) };
        let resource = trace.resource(*i).into_iter().flat_map(|r| texts(&r.attributes).chain([Cow::Borrowed(r.service.as_str())]));
        pattern.passes_any(span_texts(span).chain(resource))
    };
    (0..trace.nodes.len()).filter(passes).filter_map(|i| u32::try_from(i).ok()).collect()
}

fn span_texts(span: &Span) -> impl Iterator<Item = Cow<'_, str>> {
    let events = span.events().iter().flat_map(|e| texts(&e.attributes).chain([Cow::Borrowed(e.name.as_str())]));
    let own = [Cow::Borrowed(span.name.as_str()), Cow::Borrowed(span.status_message()), Cow::Owned(span.id.to_string())];
    own.into_iter().chain(texts(&span.attributes)).chain(events)
}

fn texts(attributes: &Attributes) -> impl Iterator<Item = Cow<'_, str>> {
    attributes.iter().flat_map(|(name, value)| {
        let value = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        [Cow::Borrowed(name), value]
    })
}
