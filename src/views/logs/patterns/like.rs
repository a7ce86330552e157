//! Lines like one that is selected, without a look at all patterns.

use super::{Logs, Of, Picked};
use crate::{log_patterns::form, views::Cx};

impl Logs {
    /// Leaves out the lines that have the form of a text.
    pub(in crate::views::logs) fn exclude_like(&mut self, cx: &mut Cx<'_>, text: &str) {
        let mut of_line = String::new();
        form(text, &mut of_line);
        if self.patterns.without.iter().all(|p| p.form != of_line) {
            let picked = self.with_query(Picked { template: of_line.clone(), form: of_line, of: Of::Lines, asked: None, job: None });
            self.patterns.without.push(picked);
        }
        let chosen = self.chosen(&self.patterns.without);
        self.show(cx, |show| show.without = chosen);
    }
}
