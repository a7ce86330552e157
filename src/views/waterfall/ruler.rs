//! How far the selected span is from the one that was marked.

use super::{Waterfall, rows::Item};
use crate::{trace::Node, ui::format, views::Cx};

impl Waterfall {
    /// Measures from the selected span on, or no more.
    pub(super) fn measure(&mut self, cx: &mut Cx<'_>) {
        let Some(Item::Span(node)) = self.item() else {
            cx.notice("a span is measured from: select one");
            return;
        };
        self.ruler = if self.ruler == Some(node) { None } else { Some(node) };
        if self.ruler.is_some() {
            cx.notice("measured from here: select another span");
        }
    }

    /// What lies between the marked span and the selected one, in words.
    pub(super) fn measured(&self) -> Option<String> {
        let trace = self.trace()?;
        let (from, to) = (self.ruler? as usize, self.node()?);
        let name = |n: usize| format!("{} {}", trace.service(n), trace.name(n));
        let (a, b) = (trace.nodes.get(from)?, trace.nodes.get(to)?);
        if from == to {
            return Some(format!("A {}: select another span to measure to", name(from)));
        }
        Some(format!("A {} to {}   {}", name(from), name(to), between(a, b)))
    }
}

/// Start to start, end to start, end to end.
fn between(a: &Node, b: &Node) -> String {
    let signed = |ns: i64| if ns < 0 { format::nanoseconds(ns) } else { format!("+{}", format::nanoseconds(ns)) };
    let ns = |from: crate::model::time::Timestamp, to: crate::model::time::Timestamp| signed(to.0.saturating_sub(from.0));
    format!("start to start {}   end to start {}   end to end {}", ns(a.start, b.start), ns(a.end(), b.start), ns(a.end(), b.end()))
}
