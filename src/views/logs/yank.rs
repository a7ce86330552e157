//! What of the page is taken elsewhere: texts to copy, and the command line that opens it again.

use super::Logs;
use crate::{
    log_fields::recognise,
    views::{Look, Yank},
};

impl Logs {
    /// What can be copied, of the field, of the line and of the page.
    pub(super) fn what_to_yank(&self, look: &Look<'_>) -> Vec<Yank> {
        if self.patterns.open {
            return self.pattern_yanks();
        }
        let mut out = Vec::new();
        let mut add = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if let Some(field) = self.selected_field(look) {
            add(&field.name, field.value);
        }
        if let Some(line) = self.line() {
            add("line", self.store.whole(&line).into_owned());
            if let Some(trace) = line.trace {
                add("trace id", trace.to_string());
            }
        }
        if let Some(plan) = self.plan(look) {
            let labels = if look.scope.trace.is_some() { ["query", "query, as text"] } else { ["query", "query, also"] };
            for (i, query) in plan.streams.into_iter().enumerate() {
                add(labels[if look.scope.trace.is_some() { i % 2 } else { i.min(1) }], query);
            }
        }
        if let Some(line) = self.line() {
            for (name, value) in recognise(&self.store.whole(&line)).fields {
                add(&name, value);
            }
        }
        out
    }

    /// The arguments that open the page again.
    pub(super) fn command_line(&self, look: &Look<'_>) -> Vec<String> {
        let own = self.typed.is_none() && self.store.show().conditions.iter().all(|c| c.off);
        let query = self.plan(look).filter(|_| !own).map(|p| p.base);
        query.map_or_else(Vec::new, |q| vec!["--query".to_owned(), q])
    }
}
