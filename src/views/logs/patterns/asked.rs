//! Patterns as a part of the query: what of LogQL says the same as a pattern that is shown alone or left out.

use std::sync::Arc;

use super::{super::conditions, Logs, Of, Picked};
use crate::{
    core::{
        request::{Answer, Refresh, Request, Response},
        typed::Language,
    },
    log_patterns::line_filters,
    model::{
        backend::{ErrorKind, SourceError},
        log::LogEvent,
    },
    store::{Condition, SameJob, Test},
    ui::format,
    views::{Cx, Look, Needs, editor::fault},
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
    /// With what a server may be asked in its place, if the lines that are here tell that it says the same.
    pub(super) fn with_query(&self, picked: Picked) -> Picked {
        let ways = match &picked.of {
            _ if self.files.is_some() => Vec::new(),
            Of::Lines => line_filters(&picked.template),
            Of::Server => vec![picked.form.clone()],
            Of::Exception(_) => Vec::new(),
        };
        let ways: Vec<Condition> = ways.iter().filter_map(|way| Condition::pattern(way, true).ok()).collect();
        let chosen = self.chosen(std::slice::from_ref(&picked)).filter(|_| !ways.is_empty());
        let job = chosen.map(|chosen| Arc::new(SameJob { lines: self.store.snapshot(), chosen, ways }));
        Picked { job, ..picked }
    }

    /// Has a worker find out what says the same.
    pub(in crate::views::logs) fn ask_same(&self, needs: &mut Needs<'_>) {
        for (part, picked) in (0..).zip(self.patterns.only.iter().chain(&self.patterns.without)) {
            if let Some(job) = &picked.job {
                needs.ask("same", part, Request::Same(job.clone()), Refresh::Once);
            }
        }
    }

    /// Takes what a worker found out; where it failed, nothing is known to say the same.
    pub(super) fn same_found(&mut self, request: &Request, same: Result<Option<(usize, Condition)>, SourceError>) {
        let Request::Same(job) = request else { return };
        let mut picked = self.patterns.only.iter_mut().chain(&mut self.patterns.without);
        if let Some(picked) = picked.find(|p| p.job.as_ref().is_some_and(|own| Arc::ptr_eq(own, job))) {
            (picked.asked, picked.job) = (same.ok().flatten(), None);
        }
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
            (None, Some(picked)) => {
                let said = if picked.job.is_some() { "looking for LogQL that says the same" } else { "no LogQL says the same" };
                format!("{not}{}   {said}", Self::shown_name(picked, look))
            }
            (None, None) => String::new(),
        }
    }

    /// Makes a picked pattern a part of the query, so that lines are found that are not here.
    pub(in crate::views::logs) fn pattern_to_query(&mut self, cx: &mut Cx<'_>, which: Which) {
        if self.picked_pattern(which).is_some_and(|picked| picked.job.is_some()) {
            return cx.notice("it is still being found out whether LogQL says the same as this pattern: press it again");
        }
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

    /// Asks a Loki before 3.0, which knows no patterns, for the same in other ways where it has refused them. Returns whether it has.
    pub(in crate::views::logs) fn without_line_patterns(&mut self, cx: &mut Cx<'_>, answer: &Answer) -> bool {
        let conditions = &self.store.show().conditions;
        let plain: Vec<Condition> = conditions.iter().map(Condition::without_pattern).collect();
        if plain == *conditions || !refuses_patterns(answer) {
            return false;
        }
        let leaves_out = conditions.iter().any(|c| !c.off && !c.keep && matches!(c.test, Test::Fits(_)));
        let alone = if leaves_out { ", and lines that a pattern leaves out are left out here alone, the volume counts them" } else { "" };
        cx.notice(format!("this Loki knows no patterns of lines: it is asked by regular expressions{alone}"));
        self.narrow(cx, |show| show.conditions = plain);
        true
    }
}

/// Whether Loki could not read a pattern in a query of lines: it names the place of the `>` of `|>`, which it knows no token for, or
/// that of the `!` of `!>`.
fn refuses_patterns(answer: &Answer) -> bool {
    let (Request::LogStream { query, .. } | Request::LogOlder { query, .. } | Request::LogNewer { query, .. }) = &*answer.request else {
        return false;
    };
    let failed = match &answer.result {
        Err(error) => Some(error),
        Ok(Response::Log(events)) => events.iter().find_map(|e| if let LogEvent::Failed(error) = e { Some(error) } else { None }),
        Ok(_) => None,
    };
    // What a Loki that knows patterns says of one that it cannot read names its stage, not its place.
    let is_unread = |e: &&SourceError| e.kind == ErrorKind::BadQuery && e.message.contains("parse error at line");
    let at = failed.filter(is_unread).and_then(|e| fault::of(query, Language::LogQl, &e.message).at);
    at.and_then(|at| query.split_at_checked(at)).is_some_and(|(before, rest)| {
        rest.starts_with("!>") || rest.starts_with("|>") || rest.starts_with('>') && before.ends_with(['|', '!'])
    })
}
