//! Several alerts that stand folded in one row, silenced by what they have in common.

use std::collections::{BTreeSet, HashSet};

use super::subject::equal_to;
use crate::{
    model::re2,
    model::{
        alert::{Alert, AlertState},
        labels::{MatchOp, Matcher},
    },
};

/// A group of alerts, or what may come of one origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// What it is called.
    pub name: String,
    /// How many alerts it has that are not over.
    pub alerts: usize,
    /// The labels that all of them have; where there are none, their names.
    pub matchers: Vec<Matcher>,
    /// What Alertmanager calls them.
    pub(super) fingerprints: HashSet<String>,
}

impl Fold {
    /// Of these alerts; those that are over count only where all are.
    pub fn of(name: &str, alerts: &[&Alert]) -> Self {
        let active = || alerts.iter().filter(|a| a.state != AlertState::Resolved).copied();
        let alerts: Vec<&Alert> = if active().next().is_some() { active().collect() } else { alerts.to_vec() };
        let fingerprints = alerts.iter().filter_map(|a| a.routing.as_ref()).flat_map(|r| r.fingerprints.iter().cloned());
        Self { name: name.to_owned(), alerts: alerts.len(), matchers: common(&alerts), fingerprints: fingerprints.collect() }
    }

    /// Whether it holds an alert of Alertmanager.
    pub fn holds(&self, alert: &Alert) -> bool {
        alert.routing.iter().flat_map(|r| &r.fingerprints).any(|f| self.fingerprints.contains(f))
    }
}

fn common(alerts: &[&Alert]) -> Vec<Matcher> {
    let Some((first, others)) = alerts.split_first() else { return Vec::new() };
    let shared = first.labels.iter().filter(|(name, value)| others.iter().all(|a| a.labels.get(name) == Some(value)));
    let matchers = equal_to(shared);
    if !matchers.is_empty() {
        return matchers;
    }
    let names: BTreeSet<String> = alerts.iter().map(|a| re2::quote_meta(a.name())).collect();
    vec![Matcher::new("alertname", MatchOp::Regex, names.into_iter().collect::<Vec<_>>().join("|"))]
}
