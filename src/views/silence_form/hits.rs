//! Which alerts a silence would hit now, and what is worth a second look about them.

use std::collections::HashMap;

use compact_str::CompactString;

use super::{Fold, Subject, subject::About};
use crate::{
    model::{alert::Alert, alert_book::AlertmanagerAlerts, labels::Labels, silence::MatcherSet},
    ui::format,
};

/// Services that are named in a warning.
const NAMED: usize = 3;

/// What a set of matchers hits of all that Alertmanager holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// Places of the alerts in the answer, the worst first.
    pub rows: Vec<usize>,
    /// How many alerts there are.
    pub total: usize,
    /// How many of those that are hit are silenced already.
    pub silenced: usize,
    /// Services of those that are hit.
    services: Services,
}

impl Hits {
    /// Of what Alertmanager told: the labels there are the ones that it matches. What the silence itself silences, `own`, is not
    /// silenced already. Of several Alertmanagers it hits what those hold that it is `at`.
    pub fn of(set: &MatcherSet, told: &AlertmanagerAlerts, own: Option<&str>, at: &[CompactString]) -> Self {
        let is_there = |alert: &&Alert| at.is_empty() || alert.routing.as_ref().is_some_and(|r| r.is_at(at));
        let hit = |(i, alert): (usize, &Alert)| (is_there(&alert) && set.matches(&alert.labels)).then_some(i);
        let mut rows: Vec<usize> = told.alerts.iter().enumerate().filter_map(hit).collect();
        rows.sort_by_cached_key(|i| (told.alerts[*i].severity, told.alerts[*i].name(), told.alerts[*i].service.as_deref()));
        let hit = || rows.iter().map(|i| &told.alerts[*i]);
        let is_silenced = |a: &&Alert| a.routing.iter().flat_map(|r| r.silences_at(at)).any(|id| Some(id.as_str()) != own);
        let total = told.alerts.iter().filter(is_there).count();
        Self { silenced: hit().filter(is_silenced).count(), services: services(hit()), total, rows }
    }

    /// `3 of 12 alerts`.
    pub fn counted(&self) -> String {
        format!("{} of {}", format::count(self.rows.len() as u64), format::counted(self.total, "alert"))
    }

    /// What may be a mistake, one sentence each.
    pub(super) fn warnings(&self, set: &MatcherSet, subject: &Subject, told: &AlertmanagerAlerts) -> Vec<String> {
        let mut out = Vec::new();
        if self.rows.is_empty() {
            out.push("It hits no alert now.".to_owned());
        } else if self.rows.len() == self.total && self.total > 1 {
            out.push(format!("It hits every alert that there is: all {}.", format::count(self.total as u64)));
        }
        if let About::Alert { labels, .. } = &subject.about
            && !self.rows.is_empty()
            && !self.hits_one_with(labels, set, told)
        {
            out.push("It does not hit the alert that it was opened on.".to_owned());
        }
        match &subject.about {
            About::Fold(fold) => out.extend(self.beside(fold, told)),
            _ => out.extend(self.other_services(subject)),
        }
        if self.silenced > 0 {
            out.push(format!("{} of them {} silenced already.", self.silenced, if self.silenced == 1 { "is" } else { "are" }));
        }
        out
    }

    /// An alert that is not in Alertmanager yet has only the labels that it is known by.
    fn hits_one_with(&self, labels: &Labels, set: &MatcherSet, told: &AlertmanagerAlerts) -> bool {
        let is_it = |a: &&Alert| labels.iter().all(|(name, value)| a.labels.get(name) == Some(value));
        let mut routed = told.alerts.iter().filter(is_it).peekable();
        if routed.peek().is_none() { set.matches(labels) } else { routed.any(|a| set.matches(&a.labels)) }
    }

    /// What it hits besides a fold, and what of the fold it does not hit.
    fn beside(&self, fold: &Fold, told: &AlertmanagerAlerts) -> Vec<String> {
        let others: Vec<&Alert> = self.rows.iter().map(|i| &told.alerts[*i]).filter(|a| !fold.holds(a)).collect();
        let (own, inside) = (told.alerts.iter().filter(|a| fold.holds(a)).count(), self.rows.len() - others.len());
        let mut out = Vec::new();
        if !others.is_empty() {
            let (which, is) = (named(&services(others.iter().copied())), if others.len() == 1 { "is" } else { "are" });
            out.push(format!("It hits {} that {is} not in {}: {which}.", format::counted(others.len(), "alert"), fold.name));
        }
        if inside < own {
            out.push(format!(
                "It leaves {} of the {} in {}.",
                format::count((own - inside) as u64),
                format::counted(own, "alert"),
                fold.name
            ));
        }
        out
    }

    fn other_services(&self, subject: &Subject) -> Option<String> {
        if subject.service.is_none() {
            let n = self.services.len();
            return (n > 1).then(|| format!("It hits alerts of {n} services: {}.", named(&self.services)));
        }
        let others: Vec<_> = self.services.iter().filter(|(name, _)| *name != subject.service).cloned().collect();
        let n: usize = others.iter().map(|(_, n)| n).sum();
        let own = subject.service.as_deref().unwrap_or("");
        (n > 0).then(|| {
            format!("It hits {} that {} not of {own}: {}.", format::counted(n, "alert"), if n == 1 { "is" } else { "are" }, named(&others))
        })
    }
}

/// Services, with how many alerts of each, the most first; `None` are alerts without one.
type Services = Vec<(Option<CompactString>, usize)>;

fn services<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Services {
    let mut counts: HashMap<Option<&CompactString>, usize> = HashMap::new();
    alerts.for_each(|alert| *counts.entry(alert.service.as_ref()).or_default() += 1);
    let mut out: Services = counts.into_iter().map(|(name, n)| (name.cloned(), n)).collect();
    out.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    out
}

/// `web (2), orders (1), 4 more`.
fn named(services: &[(Option<CompactString>, usize)]) -> String {
    let names = services.iter().take(NAMED).map(|(name, n)| match name {
        Some(name) => format!("{name} ({n})"),
        None => format!("without a service ({n})"),
    });
    let more = services.len().saturating_sub(NAMED);
    names.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(", ")
}

/// Whether a silence matches it already.
pub(super) fn is_silenced(alert: &Alert) -> bool {
    alert.routing.as_ref().is_some_and(|r| !r.silenced_by.is_empty())
}
