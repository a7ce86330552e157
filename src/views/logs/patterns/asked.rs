//! Patterns as a part of the query: what of LogQL says the same as a pattern that is shown alone or left out.

use super::{super::conditions, Logs, Of, Picked};
use crate::{
    log_patterns::line_filters,
    store::Condition,
    ui::format,
    views::{Cx, Look},
};

/// Which picked pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::views::logs) enum Which {
    /// The one whose lines are shown.
    Only,
    /// One of those that are left out.
    Without(usize),
}

impl Logs {
    /// With what a server can be asked in its place, where the lines that are here tell of something that says the same.
    pub(super) fn with_query(&self, picked: Picked) -> Picked {
        let ways = match &picked.of {
            _ if self.files.is_some() => Vec::new(),
            Of::Lines => line_filters(&picked.template),
            Of::Server => vec![picked.form.clone()],
            Of::Exception(_) => Vec::new(),
        };
        let asked = self.chosen(std::slice::from_ref(&picked)).and_then(|chosen| {
            let lines = self.store.snapshot();
            let mut ways = ways.iter().filter_map(|way| Condition::pattern(way, true).ok());
            ways.find_map(|way| Some((lines.say_the_same(&way, &chosen)?, way)))
        });
        Picked { asked, ..picked }
    }

    /// All patterns that are shown alone or left out.
    pub(in crate::views::logs) fn picked_patterns(&self) -> Vec<Which> {
        let without = (0..self.patterns.without.len()).map(Which::Without);
        self.patterns.only.iter().map(|_| Which::Only).chain(without).collect()
    }

    fn picked_pattern(&self, which: Which) -> Option<&Picked> {
        match which {
            Which::Only => self.patterns.only.as_ref(),
            Which::Without(i) => self.patterns.without.get(i),
        }
    }

    /// What a server can be asked in the place of a picked pattern, and about how many lines both agree.
    fn said_by(&self, which: Which) -> Option<(usize, Condition)> {
        let (lines, condition) = self.picked_pattern(which)?.asked.clone()?;
        Some((lines, if which == Which::Only { condition } else { condition.inverted() }))
    }

    /// The row of a picked pattern in the list of conditions.
    pub(in crate::views::logs) fn pattern_row(&self, look: &Look<'_>, which: Which, key: &str) -> String {
        let not = if which == Which::Only { "" } else { "!" };
        match (self.said_by(which), self.picked_pattern(which)) {
            (Some((_, condition)), _) => format!("{}   {key} asks Loki for it", conditions::stage(&condition).trim()),
            (None, Some(picked)) => format!("{not}{}   no LogQL says the same", Self::shown_name(picked, look)),
            (None, None) => String::new(),
        }
    }

    /// Makes a picked pattern a part of the query, so that lines are found that are not here.
    pub(in crate::views::logs) fn pattern_to_query(&mut self, cx: &mut Cx<'_>, which: Which) {
        let Some((lines, condition)) = self.said_by(which) else {
            cx.notice("no LogQL says the same as this pattern of the lines that are here: it stays a filter of these");
            return;
        };
        cx.notice(format!(
            "Loki is asked for lines{}, which is the same for the newest {} here",
            conditions::stage(&condition),
            format::counted(lines, "line")
        ));
        self.narrow(cx, |show| conditions::add(&mut show.conditions, condition));
        self.forget_pattern(cx, which);
    }

    /// Shows the lines of others again, or of this one.
    pub(in crate::views::logs) fn forget_pattern(&mut self, cx: &mut Cx<'_>, which: Which) {
        match which {
            Which::Only => self.show_only(cx, None),
            Which::Without(i) => {
                if i < self.patterns.without.len() {
                    self.patterns.without.remove(i);
                }
                let chosen = self.chosen(&self.patterns.without);
                self.show(cx, |show| show.without = chosen);
            }
        }
    }

    /// Asks a Loki before 3.0, which knows no patterns, for the same by regular expressions. Returns whether there was one.
    pub(in crate::views::logs) fn without_line_patterns(&mut self, cx: &mut Cx<'_>) -> bool {
        let plain: Vec<Condition> = self.store.show().conditions.iter().map(Condition::without_pattern).collect();
        if plain == self.store.show().conditions {
            return false;
        }
        cx.notice("this Loki knows no patterns of lines: it is asked by a regular expression");
        self.narrow(cx, |show| show.conditions = plain);
        true
    }
}
