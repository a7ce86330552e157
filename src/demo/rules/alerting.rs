//! The states of a rule's alerts from evaluation to evaluation (`rules/alerting.go`).

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use super::{
    file::{Rule, RuleKind},
    template::expand,
};
use crate::model::labels::Labels;

/// Whether an alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Its expression holds, but not for long enough.
    Pending,
    /// It fires.
    Firing,
}

impl AlertState {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An alert that is pending or fires. Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct ActiveAlert {
    /// Its labels with `alertname`.
    pub labels: Arc<Labels>,
    /// Labels of the expression's result, which templates see.
    source: Arc<Labels>,
    /// The last value of the expression.
    pub value: f64,
    /// Whether it fires.
    pub state: AlertState,
    /// Since when the expression holds.
    pub active_at: i64,
    /// Since when it fires.
    pub fired_at: Option<i64>,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since: Option<i64>,
}

impl ActiveAlert {
    /// Its annotations, expanded.
    pub fn annotations(&self, rule: &Rule) -> Labels {
        match &rule.kind {
            RuleKind::Record => Labels::new(),
            RuleKind::Alert { annotations, .. } => {
                annotations.iter().map(|(name, text)| (name.as_str(), expand(text, &self.source, self.value))).collect()
            }
        }
    }
}

/// The active alerts of a rule by their labels.
#[derive(Clone, Debug, Default)]
pub struct Alerts(pub BTreeMap<Arc<Labels>, ActiveAlert>);

impl Alerts {
    /// Takes one evaluation's result; gives the samples of `ALERTS` and `ALERTS_FOR_STATE`.
    pub fn evaluate(&mut self, rule: &Rule, result: Vec<(Arc<Labels>, f64)>, at: i64) -> Vec<(Arc<Labels>, f64)> {
        let RuleKind::Alert { hold, keep_firing_for, .. } = &rule.kind else { return Vec::new() };
        let mut present = std::collections::BTreeSet::new();
        for (source, value) in result {
            let labels = Arc::new(labels(rule, &source, value));
            match self.0.entry(labels.clone()) {
                Entry::Occupied(mut active) => {
                    let active = active.get_mut();
                    active.value = value;
                    active.source = source;
                }
                Entry::Vacant(place) => {
                    let labels = labels.clone();
                    let (state, active_at) = (AlertState::Pending, at);
                    place.insert(ActiveAlert { labels, source, value, state, active_at, fired_at: None, keep_firing_since: None });
                }
            }
            present.insert(labels);
        }
        self.0.retain(|labels, alert| alert.step(present.contains(labels), at, *hold, *keep_firing_for));
        self.0.values().flat_map(|alert| samples(rule, alert)).collect()
    }
}

impl ActiveAlert {
    /// Moves to the state of this evaluation; false when the alert is over.
    fn step(&mut self, present: bool, at: i64, hold: Duration, keep_firing_for: Duration) -> bool {
        let elapsed = |since: i64| Duration::from_millis(u64::try_from(at.saturating_sub(since)).unwrap_or(0));
        if present {
            self.keep_firing_since = None;
        } else {
            if self.state == AlertState::Pending || keep_firing_for.is_zero() {
                return false;
            }
            let since = *self.keep_firing_since.get_or_insert(at);
            if elapsed(since) >= keep_firing_for {
                return false;
            }
        }
        if self.state == AlertState::Pending && elapsed(self.active_at) >= hold {
            self.state = AlertState::Firing;
            self.fired_at = Some(at);
        }
        true
    }
}

/// Labels of an alert: the result's without its name, the rule's, and `alertname`.
fn labels(rule: &Rule, source: &Labels, value: f64) -> Labels {
    let mut labels = source.clone();
    labels.remove("__name__");
    for (name, text) in &rule.labels {
        let value = expand(text, source, value);
        if value.is_empty() {
            labels.remove(name);
        } else {
            labels.set(name.as_str(), value);
        }
    }
    labels.set("alertname", rule.name.as_str());
    labels
}

fn samples(rule: &Rule, alert: &ActiveAlert) -> [(Arc<Labels>, f64); 2] {
    let mut labels = (*alert.labels).clone();
    labels.set("__name__", "ALERTS_FOR_STATE");
    labels.set("alertname", rule.name.as_str());
    let for_state = Arc::new(labels.clone());
    labels.set("__name__", "ALERTS");
    labels.set("alertstate", alert.state.as_str());
    [(Arc::new(labels), 1.0), (for_state, alert.active_at.div_euclid(1000) as f64)]
}
