//! What a silence is opened on: an alert, several, a silence that there is, or nothing.

use compact_str::CompactString;

use super::Fold;
use crate::{
    core::scope::Scope,
    model::{
        labels::{Labels, Matcher},
        silence::{Silence, SilenceState},
    },
};

/// What a silence is opened on.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub(super) environment: CompactString,
    pub(super) service: Option<CompactString>,
    pub(super) about: About,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum About {
    Nothing,
    Alert { name: CompactString, labels: Labels },
    Fold(Box<Fold>),
    Silence(Box<Silence>),
}

impl Subject {
    /// The alert of a scope, if there is one.
    pub fn of(scope: &Scope) -> Self {
        let about = match &scope.alert {
            Some(alert) if alert.labels.is_empty() => {
                About::Alert { name: alert.name.clone(), labels: [("alertname", alert.name.as_str())].into_iter().collect() }
            }
            Some(alert) => About::Alert { name: alert.name.clone(), labels: alert.labels.clone() },
            None => About::Nothing,
        };
        let service = if about == About::Nothing { None } else { scope.service.clone() };
        Self { environment: scope.environment.clone(), service, about }
    }

    /// A silence that there is.
    pub fn silence(scope: &Scope, silence: Silence) -> Self {
        Self { environment: scope.environment.clone(), service: None, about: About::Silence(Box::new(silence)) }
    }

    /// Several alerts.
    pub fn fold(scope: &Scope, fold: Fold) -> Self {
        Self { environment: scope.environment.clone(), service: None, about: About::Fold(Box::new(fold)) }
    }

    /// Whether it is the same matter, whatever is known of it by now: a fold gains and loses alerts, a service gets its name
    /// and a silence is changed.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_same = match (&self.about, &other.about) {
            (About::Fold(a), About::Fold(b)) => a.name == b.name,
            (About::Silence(a), About::Silence(b)) => a.id == b.id,
            (a, b) => a == b,
        };
        is_same && self.environment == other.environment
    }

    /// What the form begins with. Labels that external labels add are left out: both replicas of a Prometheus are meant.
    pub(super) fn matchers(&self) -> Vec<Matcher> {
        match &self.about {
            About::Nothing => Vec::new(),
            About::Alert { labels, .. } => equal_to(labels.iter()),
            About::Fold(fold) => fold.matchers.clone(),
            About::Silence(silence) => silence.matchers.clone(),
        }
    }

    /// The silence that is changed: one that is over is not.
    pub(super) fn changed(&self) -> Option<&Silence> {
        match &self.about {
            About::Silence(s) if s.state != SilenceState::Expired => Some(s),
            _ => None,
        }
    }

    pub(super) fn id(&self) -> Option<String> {
        self.changed().map(|s| s.id.clone())
    }
}

/// Matchers that ask for these values, the name of the alert first.
pub(super) fn equal_to<'a>(labels: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Vec<Matcher> {
    let name = labels.clone().filter(|(n, _)| *n == "alertname");
    let others = labels.filter(|(n, v)| *n != "alertname" && !v.is_empty());
    name.chain(others).map(|(n, v)| Matcher::equal(n, v)).collect()
}
