//! Alerts and the rules behind them.

use std::{sync::Arc, time::Duration};

use compact_str::CompactString;

use super::{labels::Labels, time::Timestamp};

/// An alert's state as one word on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// The condition holds for longer than `for`.
    Firing,
    /// The condition holds, `for` has not passed.
    Pending,
    /// Firing, and a silence of Alertmanager matches.
    Silenced,
    /// Firing, and another alert inhibits it.
    Inhibited,
}

impl AlertState {
    /// The field's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Pending => "pending",
            Self::Silenced => "silenced",
            Self::Inhibited => "inhibited",
        }
    }
}

/// Rank of an alert: 1 is the page that wakes someone, 5 is information. `P1`…`P5` on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(pub u8);

impl Severity {
    /// What an alert without any severity gets.
    pub const UNKNOWN: Self = Self(4);

    /// From the usual labels (`severity`, `priority`, `level`) and values (critical, page, P1, sev2, warning, info…).
    pub fn of(labels: &Labels) -> Self {
        ["severity", "priority", "level", "sev"].iter().find_map(|name| labels.get(name).and_then(Self::parse)).unwrap_or(Self::UNKNOWN)
    }

    fn parse(value: &str) -> Option<Self> {
        let value = value.trim().to_ascii_lowercase();
        Some(Self(match value.as_str() {
            "page" | "critical" | "crit" | "emergency" | "fatal" | "disaster" => 1,
            "error" | "high" | "major" | "urgent" => 2,
            "warning" | "warn" | "medium" | "ticket" | "minor" => 3,
            "low" | "notice" => 4,
            "info" | "information" | "informational" | "none" | "debug" => 5,
            other => {
                other.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-').parse::<u8>().ok().filter(|n| *n <= 9)?.clamp(1, 5)
            }
        }))
    }
}

/// An alerting rule, as the rules API tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Rule group.
    pub group: String,
    /// `alertname` of its alerts.
    pub name: String,
    /// PromQL expression.
    pub query: String,
    /// `for`.
    pub hold: Duration,
    /// `keep_firing_for`.
    pub keep_firing_for: Duration,
    /// Labels it adds, templates unexpanded.
    pub labels: Labels,
    /// Annotations, templates unexpanded.
    pub annotations: Labels,
    /// The last evaluation's error.
    pub error: Option<String>,
    /// When it was last evaluated.
    pub last_evaluation: Option<Timestamp>,
}

/// What Alertmanager knows of an alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing {
    /// Ids of matching silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of inhibiting alerts.
    pub inhibited_by: Vec<String>,
    /// Names of receivers.
    pub receivers: Vec<String>,
}

/// One alert: Prometheus' and Alertmanager's view of it in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Label set, without what external labels add in Alertmanager; its identity.
    pub labels: Labels,
    /// Expanded annotations.
    pub annotations: Labels,
    /// State.
    pub state: AlertState,
    /// Rank.
    pub severity: Severity,
    /// When the condition began to hold (`activeAt`, or Alertmanager's `startsAt`).
    pub since: Timestamp,
    /// The expression's value now.
    pub value: Option<f64>,
    /// The rule, when a Prometheus told of it. `None`: only Alertmanager knows this alert.
    pub rule: Option<Arc<Rule>>,
    /// Alertmanager's part. `None`: Alertmanager does not know this alert (it fires but no one is told).
    pub routing: Option<Routing>,
    /// Where it was made, a link to Prometheus.
    pub generator_url: Option<String>,
    /// The service it is about: from its labels, or else from what its expression selects.
    pub service: Option<CompactString>,
}

impl Alert {
    /// `alertname`.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").unwrap_or("(unnamed)")
    }

    /// Since when its state is what it is: the condition of a rule with `for` held that long before it fired.
    pub fn state_since(&self) -> Timestamp {
        match (&self.rule, self.state) {
            (_, AlertState::Pending) | (None, _) => self.since,
            (Some(rule), _) => self.since + rule.hold,
        }
    }
}

/// A silence of Alertmanager.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// Its id.
    pub id: String,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// When it ends.
    pub ends_at: Timestamp,
    /// `active`, `pending` or `expired`.
    pub state: String,
}
