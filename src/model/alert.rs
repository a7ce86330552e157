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
    /// Whether it still holds is not known: who told it does not answer, or its rule is not evaluated any more.
    Stale,
    /// It fired within the last hour and does no more.
    Resolved,
}

impl AlertState {
    /// All, the loudest first.
    pub const ALL: [Self; 6] = [Self::Firing, Self::Pending, Self::Silenced, Self::Inhibited, Self::Stale, Self::Resolved];

    /// The field's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Pending => "pending",
            Self::Silenced => "silenced",
            Self::Inhibited => "inhibited",
            Self::Stale => "stale",
            Self::Resolved => "resolved",
        }
    }
}

/// Rank of an alert: 1 is the page that wakes someone, 5 is information. `P1`…`P5` on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(pub u8);

impl Severity {
    /// What an alert without any severity gets.
    pub const UNKNOWN: Self = Self(4);
    /// The last rank.
    pub const LOWEST: u8 = 5;
}

/// How severities are told: the user's labels and order of values, or else the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Severities {
    /// Labels that tell it, the surest first; empty: the usual ones.
    pub labels: Vec<String>,
    /// Values by rank, P1's first; what is in none of them is read as usual.
    pub ranks: Vec<Vec<String>>,
}

impl Severities {
    /// An alert's rank, from labels like `severity`, `priority`, `level` and values like critical, page, P1, sev2, warning.
    pub fn of(&self, labels: &Labels) -> Severity {
        const USUAL: [&str; 6] = ["severity", "priority", "level", "sev", "urgency", "criticality"];
        let told = |name: &str| labels.get(name).and_then(|value| self.rank(value));
        let own = self.labels.iter().find_map(|name| told(name));
        own.or_else(|| USUAL.iter().find_map(|name| told(name))).unwrap_or(Severity::UNKNOWN)
    }

    fn rank(&self, value: &str) -> Option<Severity> {
        let value = value.trim().to_lowercase();
        let own = self.ranks.iter().position(|values| values.iter().any(|v| v.trim().to_lowercase() == value));
        own.and_then(|rank| u8::try_from(rank + 1).ok()).map(|rank| Severity(rank.min(Severity::LOWEST))).or_else(|| usual_rank(&value))
    }
}

/// `None`: the value is no severity's.
fn usual_rank(value: &str) -> Option<Severity> {
    Some(Severity(match value {
        "page" | "pager" | "critical" | "crit" | "emergency" | "emerg" | "fatal" | "disaster" | "blocker" => 1,
        "error" | "err" | "high" | "major" | "urgent" | "alert" => 2,
        "warning" | "warn" | "medium" | "moderate" | "ticket" | "minor" => 3,
        "low" | "notice" => 4,
        "info" | "information" | "informational" | "none" | "debug" => Severity::LOWEST,
        other => {
            let digits = other.trim_start_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_' | ' '));
            digits.parse::<u8>().ok().filter(|n| *n <= 9)?.clamp(1, Severity::LOWEST)
        }
    }))
}

/// How a newly firing alert makes itself heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// The terminal's bell.
    Bell,
    /// A notification of the desktop, by OSC 9.
    Osc9,
}

/// Which newly firing alerts make themselves heard, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// How; `None`: not at all.
    pub sound: Option<Sound>,
    /// Those of this rank and worse.
    pub severity: Severity,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { sound: None, severity: Severity(2) }
    }
}

/// Whose rules they are, and so whose language their expressions are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// PromQL.
    #[default]
    Prometheus,
    /// LogQL.
    Loki,
}

/// An alerting rule, as the rules API tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Rule group.
    pub group: String,
    /// `alertname` of its alerts.
    pub name: String,
    /// Its expression, in the language of its engine.
    pub query: String,
    /// Who evaluates it.
    pub engine: Engine,
    /// How often it is evaluated; zero where that is not told.
    pub interval: Duration,
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
    /// Its names for the alert: one for each of the alert's label sets that it was sent.
    pub fingerprints: Vec<String>,
    /// Ids of matching silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of inhibiting alerts.
    pub inhibited_by: Vec<String>,
    /// Names of time intervals in which no one is told.
    pub muted_by: Vec<String>,
    /// Names of receivers.
    pub receivers: Vec<String>,
    /// Where there are several Alertmanagers: those that hold it, each with what it does about it.
    pub holders: Vec<Holder>,
}

/// One of several Alertmanagers that holds an alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holder {
    /// What it is called.
    pub name: CompactString,
    /// Ids of silences that match there.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts that inhibit it there.
    pub inhibited_by: Vec<String>,
    /// Since when it does not answer: this is what it told last.
    pub unanswered: Option<Timestamp>,
}

impl Holder {
    /// Whether it tells no one.
    pub fn is_quiet(&self) -> bool {
        !self.silenced_by.is_empty() || !self.inhibited_by.is_empty()
    }
}

impl Routing {
    /// Ids of all silences that match, also where another Alertmanager tells the alert all the same.
    pub fn silences(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for id in self.silenced_by.iter().chain(self.holders.iter().flat_map(|h| &h.silenced_by)) {
            if !all.contains(&id.as_str()) {
                all.push(id);
            }
        }
        all
    }

    /// Whether some Alertmanager tells no one because of this silence alone.
    pub fn is_quiet_by(&self, id: &str) -> bool {
        let alone = |silenced_by: &[String], inhibited_by: &[String]| matches!(silenced_by, [one] if one == id) && inhibited_by.is_empty();
        match self.holders.as_slice() {
            [] => alone(&self.silenced_by, &self.inhibited_by),
            holders => holders.iter().any(|h| alone(&h.silenced_by, &h.inhibited_by)),
        }
    }

    /// Ids of the silences that match at these Alertmanagers; anywhere, where none is named.
    pub fn silences_at(&self, names: &[CompactString]) -> impl Iterator<Item = &String> {
        let at = self.holders.iter().filter(|h| names.contains(&h.name)).flat_map(|h| &h.silenced_by);
        self.silenced_by.iter().filter(|_| names.is_empty()).chain(at)
    }

    /// The same alert as it was routed elsewhere, by another Alertmanager or for another replica: it is silent only where all
    /// silence it.
    pub fn join(&mut self, other: &Self) {
        both(&mut self.silenced_by, &other.silenced_by);
        both(&mut self.inhibited_by, &other.inhibited_by);
        both(&mut self.muted_by, &other.muted_by);
        add_new(&mut self.receivers, &other.receivers);
        add_new(&mut self.fingerprints, &other.fingerprints);
        for theirs in &other.holders {
            match self.holders.iter_mut().find(|h| h.name == theirs.name) {
                Some(own) => {
                    both(&mut own.silenced_by, &theirs.silenced_by);
                    both(&mut own.inhibited_by, &theirs.inhibited_by);
                }
                None => self.holders.push(theirs.clone()),
            }
        }
    }

    /// Whether one of these Alertmanagers holds it; any does where none is named.
    pub fn is_at(&self, names: &[CompactString]) -> bool {
        names.is_empty() || self.holders.iter().any(|h| names.contains(&h.name))
    }
}

/// All of both, where there are any in both.
fn both(to: &mut Vec<String>, from: &[String]) {
    if to.is_empty() || from.is_empty() {
        to.clear();
    } else {
        add_new(to, from);
    }
}

fn add_new(to: &mut Vec<String>, from: &[String]) {
    for item in from {
        if !to.contains(item) {
            to.push(item.clone());
        }
    }
}

/// Why it is not known whether an alert still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Who told it does not answer, since when.
    Unanswered(Timestamp),
    /// Its rule was evaluated last at this instant.
    NotEvaluated(Timestamp),
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
    /// When the condition began to hold (`activeAt`, or Alertmanager's `startsAt`); of a resolved one, when it ended.
    pub since: Timestamp,
    /// The expression's value now.
    pub value: Option<f64>,
    /// The rule, when a Prometheus told of it. `None`: only Alertmanager knows this alert.
    pub rule: Option<Arc<Rule>>,
    /// Alertmanager's part. `None`: Alertmanager does not know this alert (it fires but no one is told).
    pub routing: Option<Routing>,
    /// Since when it fires without Alertmanager knowing it.
    pub unrouted_since: Option<Timestamp>,
    /// Of a stale one: its state when it was last told, and why that is no longer sure.
    pub doubt: Option<(AlertState, Doubt)>,
    /// Where it was made, a link to Prometheus.
    pub generator_url: Option<String>,
    /// The service it is about: from its labels, or else from what its expression selects.
    pub service: Option<CompactString>,
}

impl Alert {
    /// An alert of which no more is known than its labels, its state and since when it is.
    pub const fn new(labels: Labels, state: AlertState, since: Timestamp) -> Self {
        Self {
            labels,
            annotations: Labels::new(),
            state,
            severity: Severity::UNKNOWN,
            since,
            value: None,
            rule: None,
            routing: None,
            unrouted_since: None,
            doubt: None,
            generator_url: None,
            service: None,
        }
    }

    /// `alertname`.
    pub fn name(&self) -> &str {
        name_of(&self.labels)
    }

    /// Since when its state is what it is: the condition of a rule with `for` held that long before it fired.
    pub fn state_since(&self) -> Timestamp {
        let state = self.doubt.map_or(self.state, |(was, _)| was);
        match (&self.rule, state) {
            (_, AlertState::Pending | AlertState::Resolved) | (None, _) => self.since,
            (Some(rule), _) => self.since + rule.hold,
        }
    }
}

/// Labels that name an alert's service, the surest first.
pub const SERVICE_LABELS: [&str; 9] =
    ["service", "service_name", "exported_service", "app", "application", "app_kubernetes_io_name", "deployment", "container", "job"];

/// The name of the alert that has these labels.
pub fn name_of(labels: &Labels) -> &str {
    labels.get("alertname").filter(|name| !name.is_empty()).unwrap_or(UNNAMED)
}

/// What an alert without a name is called.
pub const UNNAMED: &str = "(unnamed)";

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(how: &Severities, name: &str, value: &str) -> u8 {
        how.of(&[("alertname", "A"), (name, value)].into_iter().collect()).0
    }

    #[test]
    fn severities_are_read_from_the_usual_labels_and_values() {
        for (name, value, expected) in [
            ("severity", "critical", 1),
            ("severity", "page", 1),
            ("severity", "P1", 1),
            ("severity", "p0", 1),
            ("severity", "sev2", 2),
            ("severity", "SEV-3", 3),
            ("severity", "Warning", 3),
            ("severity", "error", 2),
            ("severity", "info", 5),
            ("severity", "none", 5),
            ("level", "fatal", 1),
            ("priority", "P4", 4),
            ("priority", "2", 2),
            ("priority", "high", 2),
            ("urgency", "low", 4),
            ("severity", "purple", 4),
            ("team", "critical", 4),
            ("severity", "", 4),
        ] {
            assert_eq!(severity(&Severities::default(), name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn the_users_labels_and_order_come_first_and_the_usual_values_stay() {
        let own = Severities {
            labels: vec!["tier".to_owned()],
            ranks: vec![vec!["gold".to_owned(), "Warning".to_owned()], vec!["silver".to_owned()]],
        };
        assert_eq!(severity(&own, "tier", "gold"), 1);
        assert_eq!(severity(&own, "tier", "silver"), 2);
        assert_eq!(severity(&own, "severity", "warning"), 1);
        assert_eq!(severity(&own, "severity", "info"), 5);
        let both: Labels = [("tier", "silver"), ("severity", "critical")].into_iter().collect();
        assert_eq!(own.of(&both), Severity(2));
        let unreadable: Labels = [("severity", "purple"), ("priority", "P2")].into_iter().collect();
        assert_eq!(Severities::default().of(&unreadable), Severity(2), "a label that says nothing hides none that does");
    }

    #[test]
    fn expiring_a_silence_tells_where_nothing_else_keeps_it_quiet() {
        let holder = |name: &str, silenced_by: &[&str], inhibited_by: &[&str]| Holder {
            name: name.into(),
            silenced_by: silenced_by.iter().map(|s| (*s).to_owned()).collect(),
            inhibited_by: inhibited_by.iter().map(|s| (*s).to_owned()).collect(),
            unanswered: None,
        };
        let routing = |holders: Vec<Holder>| Routing { holders, ..Routing::default() };
        assert!(routing(vec![holder("eu", &["s1"], &[]), holder("us", &[], &[])]).is_quiet_by("s1"), "eu tells it then");
        assert!(routing(vec![holder("eu", &["s1"], &[]), holder("us", &["s2"], &[])]).is_quiet_by("s1"));
        assert!(!routing(vec![holder("eu", &["s1", "s3"], &[]), holder("us", &["s1"], &["f"])]).is_quiet_by("s1"));
        assert!(Routing { silenced_by: vec!["s1".to_owned()], ..Routing::default() }.is_quiet_by("s1"));
    }
}
