//! From a trace to what it differs in from a typical good one.

use super::Waterfall;
use crate::views::{Act, Cx, compare::Seed};

impl Waterfall {
    /// Opens the comparison at the selected span, with the trace that is here.
    pub(super) fn compare_with_good(&self, cx: &mut Cx<'_>) {
        let Some(trace) = self.slot.value().cloned() else { return };
        let span = self.trace().zip(self.node()).map(|(shown, node)| shown.nodes[node].id);
        let scope = cx.look.scope.with_trace_near(trace.id, span, trace.range);
        let seed = Seed { trace: trace.id, span, known: Some(trace), base: None };
        cx.acts.push(Act::Compare(Box::new(seed), Box::new(scope)));
    }
}
