//! Which alerts are shown, in which order, and what is said of each.

use std::collections::HashMap;

use crate::{
    alert_expr::{self, Limit, Split},
    core::scope::{Scope, ScopeAlert},
    model::{
        alert::{Alert, AlertState},
        alert_book::AlertBook,
        backend::SourceError,
        time::Timestamp,
    },
    ui::{chart::Unit, format},
    views::{Look, filter::Filter},
};

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Severity, then onset.
    #[default]
    Severity,
    /// The newest first.
    Newest,
    /// State, then severity.
    State,
    /// Service, then severity.
    Service,
    /// Name.
    Name,
}

impl Order {
    /// Words for the pane's edge.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "by severity, onset",
            Self::Newest => "newest first",
            Self::State => "by state, severity",
            Self::Service => "by service, severity",
            Self::Name => "by name",
        }
    }

    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::Severity => Self::Newest,
            Self::Newest => Self::State,
            Self::State => Self::Service,
            Self::Service => Self::Name,
            Self::Name => Self::Severity,
        }
    }
}

/// What rows are grouped by, the next one at each `b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Nothing.
    #[default]
    None,
    /// `alertname`.
    Name,
    /// Service.
    Service,
    /// Severity.
    Severity,
}

impl Group {
    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::None => Self::Name,
            Self::Name => Self::Service,
            Self::Service => Self::Severity,
            Self::Severity => Self::None,
        }
    }

    /// Words for the pane's edge.
    pub const fn note(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Name => "grouped by name, ",
            Self::Service => "grouped by service, ",
            Self::Severity => "grouped by severity, ",
        }
    }

    fn of(self, alert: &Alert) -> String {
        match self {
            Self::None => String::new(),
            Self::Name => alert.name().to_owned(),
            Self::Service => alert.service.as_ref().map_or_else(|| "no service".to_owned(), ToString::to_string),
            Self::Severity => format!("P{}", alert.severity.0),
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Heading of a group: its name and how many alerts it has.
    Group(String, usize),
    /// An alert, by its place in the book.
    Alert(usize),
}

/// The rows of a book.
pub fn rows(book: &AlertBook, filter: &Filter, order: Order, group: Group) -> Vec<Row> {
    let mut shown: Vec<usize> = (0..book.alerts.len()).filter(|i| passes(filter, &book.alerts[*i])).collect();
    shown.sort_by(|a, b| compare(&book.alerts[*a], &book.alerts[*b], order));
    if group == Group::None {
        return shown.into_iter().map(Row::Alert).collect();
    }
    // A group stands where its first alert would.
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for i in shown {
        let key = group.of(&book.alerts[i]);
        let place = *places.entry(key).or_insert_with_key(|key| {
            groups.push((key.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(i);
    }
    let heading = |(key, members): (String, Vec<usize>)| {
        std::iter::once(Row::Group(key, members.len())).chain(members.into_iter().map(Row::Alert)).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(heading).collect()
}

fn passes(filter: &Filter, alert: &Alert) -> bool {
    filter.passes(&alert.labels, alert.annotations.iter().map(|(_, v)| v).chain([alert.state.as_str()]))
}

fn compare(a: &Alert, b: &Alert, order: Order) -> std::cmp::Ordering {
    let severity = || (a.severity, a.since).cmp(&(b.severity, b.since));
    let first = match order {
        Order::Severity => severity(),
        Order::Newest => b.since.cmp(&a.since),
        Order::State => a.state.cmp(&b.state).then_with(severity),
        Order::Service => a.service.cmp(&b.service).then_with(severity),
        Order::Name => a.name().cmp(b.name()).then_with(severity),
    };
    first.then_with(|| a.labels.cmp(&b.labels))
}

/// The scope that an alert leads to.
pub fn scope_of(alert: &Alert, look: &Look<'_>) -> Scope {
    let narrowed = ScopeAlert { name: alert.name().into(), labels: alert.labels.clone(), onset: Some(alert.since) };
    look.scope.with_alert(narrowed, alert.service.clone(), look.now)
}

/// An alert's expression taken apart.
pub fn split_of(alert: &Alert) -> Option<Split> {
    alert_expr::split(&alert.rule.as_ref()?.query, alert.value)
}

/// What the values of an expression are, as far as it can be told: a quantile of durations in seconds.
pub fn unit_of(alert: &Alert) -> Unit {
    let query = alert.rule.as_ref().map_or("", |r| r.query.trim_start());
    let seconds = query.starts_with("histogram_quantile") && query.contains("_seconds");
    if seconds { Unit::Seconds } else { Unit::Plain }
}

/// `8.42 s > 1 s`, or the value alone.
pub fn value_text(alert: &Alert) -> String {
    let Some(value) = alert.value else { return format::MISSING.to_owned() };
    let unit = unit_of(alert);
    match split_of(alert) {
        Some(Split { comparison, limit: Limit::Number(limit), .. }) => {
            format!("{} {} {}", unit.show(value), comparison.as_str(), unit.constant(limit))
        }
        _ => unit.show(value),
    }
}

/// What must be known of an alert beyond its summary: who knows it not, or who silenced it.
pub fn remark(alert: &Alert, book: &AlertBook, now: Timestamp, offset: i32) -> Option<String> {
    // Prometheus tells a value with each of its alerts, also where it does not tell its rules.
    if alert.rule.is_none() && alert.value.is_none() && book.has_prometheus {
        return Some("only Alertmanager knows this alert".to_owned());
    }
    if alert.routing.is_none() && alert.state == AlertState::Firing && book.has_alertmanager {
        return Some("not in Alertmanager: no one is told".to_owned());
    }
    let routing = alert.routing.as_ref()?;
    // The last one to end is the one that counts.
    let silences = book.silences.iter().filter(|s| routing.silenced_by.contains(&s.id));
    if let Some(silence) = silences.max_by_key(|s| s.ends_at) {
        return Some(format!("until {} by {}", format::day_clock(silence.ends_at, now, offset), silence.created_by));
    }
    (!routing.inhibited_by.is_empty()).then(|| "inhibited by another alert".to_owned())
}

/// One line that says what the alert is about.
pub fn summary(alert: &Alert) -> &str {
    ["summary", "description", "message"].iter().find_map(|name| alert.annotations.get(name)).unwrap_or("")
}

/// The link of an alert: its runbook, or else where it was made.
pub fn link(alert: &Alert) -> Option<&str> {
    let named = ["runbook_url", "runbook", "dashboard_url", "dashboard"].iter().find_map(|name| alert.annotations.get(name));
    named.or(alert.generator_url.as_deref())
}

/// What is drawn of an alert's expression: its value's side, or all of it, and its limit's where that is a query.
pub fn queries_of(alert: &Alert) -> (Option<String>, Option<String>) {
    let Some(rule) = &alert.rule else { return (None, None) };
    match split_of(alert) {
        Some(Split { value, limit: Limit::Query(limit), .. }) => (Some(value), Some(limit)),
        Some(Split { value, .. }) => (Some(value), None),
        None => (Some(rule.query.clone()), None),
    }
}

/// `3 firing · 1 pending`, in the order of [`AlertState`].
pub fn counts(book: &AlertBook, dot: &str) -> String {
    let states = [AlertState::Firing, AlertState::Pending, AlertState::Silenced, AlertState::Inhibited];
    let count = |state| book.alerts.iter().filter(|a| a.state == state).count();
    let parts: Vec<String> = states
        .into_iter()
        .map(|s| (count(s), s.as_str()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, s)| format!("{} {s}", format::count(n as u64)))
        .collect();
    parts.join(&format!(" {dot} "))
}

/// What is said when there is no alert: good news with its age, or why it is none.
pub fn no_alerts<'a>(book: &AlertBook, mut errors: impl Iterator<Item = &'a SourceError>, now: Timestamp) -> Vec<String> {
    if let Some(error) = errors.next() {
        return vec![format!("No alerts where redline could ask. {error}"), error.advice().to_owned()];
    }
    let failing: Vec<&str> = book.rules.iter().filter(|r| r.error.is_some()).map(|r| r.name.as_str()).collect();
    let healthy = book.rules.len() - failing.len();
    let evaluated = book.rules.iter().filter_map(|r| r.last_evaluation).max();
    let last = evaluated.map(|t| format!(", last evaluated {} ago", format::age(now.since(t)))).unwrap_or_default();
    let mut lines = vec![format!("No firing alerts.  {} healthy{last}.", format::counted(healthy, "rule"))];
    if book.rules.is_empty() {
        lines = vec!["No alerts, and Prometheus has no alerting rules.".to_owned()];
    }
    if !failing.is_empty() {
        lines.push(format!("{} cannot be evaluated: {}", format::counted(failing.len(), "rule"), failing.join(", ")));
    }
    lines
}
