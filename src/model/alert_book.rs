//! One row an alert, from what Prometheus and Alertmanager each know of it.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use foldhash::{HashMap, HashMapExt, HashSet};

use super::{
    alert::{Alert, AlertState, Doubt, Engine, Holder, Routing, Rule, Severities},
    alert_match::partners,
    alertmanagers::Member,
    labels::Labels,
    series::Sample,
    silence::Silence,
    time::Timestamp,
};

/// What Prometheus knows: pending and firing alerts, none of them routed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrometheusAlerts {
    /// When it told, by its own clock, which evaluations are dated by. The first to be compared: of two answers it differs.
    pub told_at: Timestamp,
    /// One entry an alert.
    pub alerts: Vec<Alert>,
    /// All alerting rules.
    pub rules: Vec<Arc<Rule>>,
    /// It told its rules: that there are none is no mere silence.
    pub tells_rules: bool,
    /// What of it is missing, and why.
    pub notes: Vec<String>,
}

/// What Alertmanager knows: alerts without a rule and a value, each routed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertmanagerAlerts {
    /// One entry an alert; replicas of a Prometheus may send the same one several times.
    pub alerts: Vec<Alert>,
    /// All silences.
    pub silences: Vec<Silence>,
    /// The Alertmanagers that told this, where there are several.
    pub members: Vec<Member>,
}

/// Both in one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertBook {
    /// One entry an alert.
    pub alerts: Vec<Alert>,
    /// Silences that are referred to, by their ids.
    pub silences: Vec<Silence>,
    /// Labels of the alerts that inhibit others, by Alertmanager's names for them.
    pub inhibiting: HashMap<String, Labels>,
    /// All alerting rules.
    pub rules: Vec<Arc<Rule>>,
    /// Prometheus told its rules, all there are.
    pub tells_rules: bool,
    /// Prometheus told its part.
    pub has_prometheus: bool,
    /// Alertmanager told its part.
    pub has_alertmanager: bool,
    /// What is missing, and why.
    pub notes: Vec<String>,
}

/// What is known of alerts at an instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// What Prometheus told last.
    pub prometheus: Option<&'a PrometheusAlerts>,
    /// What Alertmanager told last.
    pub alertmanager: Option<&'a AlertmanagerAlerts>,
    /// What Loki's ruler told last, and since when it does not answer.
    pub ruler: (Option<&'a PrometheusAlerts>, Option<Timestamp>),
    /// Series of `ALERTS` that fired within the last hour, each with the instant (in seconds) of its last sample.
    pub fired: &'a [(Labels, Sample)],
    /// Since when Prometheus does not answer, and Alertmanager.
    pub unanswered: (Option<Timestamp>, Option<Timestamp>),
    /// What was known before.
    pub before: Option<&'a AlertBook>,
    /// How severities are told.
    pub severities: Option<&'a Severities>,
    /// Now.
    pub now: Timestamp,
}

/// A backend that has not answered for longer may have missed an alert's end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Evaluations that a rule may miss.
const MISSED: u32 = 3;
/// The interval of a rule that does not tell its own.
const USUAL_INTERVAL: Duration = Duration::from_secs(60);

/// One entry an alert, worst first; of a part that has not been told nothing is known. What finds no partner stands alone.
pub fn merge(told: &Told<'_>) -> AlertBook {
    let engines = || told.prometheus.into_iter().chain(told.ruler.0);
    let mut alerts: Vec<Alert> = engines().flat_map(|p| p.alerts.iter().cloned()).collect();
    let routed = told.alertmanager.map_or(&[][..], |a| &a.alerts);
    let rules: Vec<Arc<Rule>> = engines().flat_map(|p| p.rules.iter().cloned()).collect();
    for (theirs, places) in routed.iter().zip(partners(&alerts, routed)) {
        if places.is_empty() {
            alerts.push(theirs.clone());
        }
        for place in places {
            add_routing(&mut alerts[place], theirs);
        }
    }
    let all_told = told.unanswered.1.is_none() && told.alertmanager.is_some_and(AlertmanagerAlerts::is_complete);
    let is_unrouted = |a: &Alert| all_told && a.routing.is_none() && a.state == AlertState::Firing;
    let before = if alerts.iter().any(is_unrouted) { told.before.map(by_labels).unwrap_or_default() } else { HashMap::new() };
    for alert in &mut alerts {
        alert.state = suppressed(alert.state, alert.routing.as_ref());
        alert.unrouted_since = is_unrouted(alert).then(|| unrouted_since(alert, before.get(&alert.labels).copied(), told.now));
        if let Some(doubt) = doubt(alert, told) {
            alert.doubt = Some((alert.state, doubt));
            alert.state = AlertState::Stale;
        }
    }
    let resolved = resolved(told, &alerts, &rules);
    alerts.extend(resolved);
    alerts.sort_by(worst_first);
    let referred: HashSet<&str> = alerts.iter().filter_map(|a| a.routing.as_ref()).flat_map(Routing::silences).collect();
    let silences = told.alertmanager.map(|a| a.silences.clone()).unwrap_or_default();
    let mut silences: Vec<Silence> = silences.into_iter().filter(|s| referred.contains(s.id.as_str())).collect();
    silences.sort_by(|a, b| a.id.cmp(&b.id));
    AlertBook {
        inhibiting: inhibiting(&alerts),
        alerts,
        silences,
        rules,
        tells_rules: told.prometheus.is_some_and(|p| p.tells_rules),
        has_prometheus: told.prometheus.is_some(),
        has_alertmanager: told.alertmanager.is_some(),
        notes: engines().flat_map(|p| p.notes.iter().cloned()).collect(),
    }
}

impl AlertBook {
    /// The silence of this id.
    pub fn silence(&self, id: &str) -> Option<&Silence> {
        let place = self.silences.binary_search_by(|s| s.id.as_str().cmp(id)).ok()?;
        self.silences.get(place)
    }
}

/// Labels of those that any alert names as inhibiting it.
fn inhibiting(alerts: &[Alert]) -> HashMap<String, Labels> {
    let routed = || alerts.iter().filter_map(|a| Some((a, a.routing.as_ref()?)));
    let named: HashSet<&str> = routed().flat_map(|(_, r)| &r.inhibited_by).map(String::as_str).collect();
    let names = routed().flat_map(|(alert, r)| r.fingerprints.iter().map(move |name| (name, alert)));
    names.filter(|(name, _)| named.contains(name.as_str())).map(|(name, alert)| (name.clone(), alert.labels.clone())).collect()
}

fn by_labels(book: &AlertBook) -> HashMap<&Labels, &Alert> {
    book.alerts.iter().filter(|a| a.state != AlertState::Resolved).map(|a| (&a.labels, a)).collect()
}

/// Replicas of a Prometheus send the same alert with different external labels: it is silenced only if all of them are.
fn add_routing(alert: &mut Alert, theirs: &Alert) {
    alert.generator_url = alert.generator_url.take().or_else(|| theirs.generator_url.clone());
    alert.service = alert.service.take().or_else(|| theirs.service.clone());
    let Some(theirs) = &theirs.routing else { return };
    let Some(routing) = &mut alert.routing else {
        alert.routing = Some(theirs.clone());
        return;
    };
    routing.join(theirs);
}

fn suppressed(state: AlertState, routing: Option<&Routing>) -> AlertState {
    match (state, routing) {
        (AlertState::Firing, Some(r)) if !r.silenced_by.is_empty() => AlertState::Silenced,
        (AlertState::Firing, Some(r)) if !r.inhibited_by.is_empty() => AlertState::Inhibited,
        // One Alertmanager silences it, another one inhibits it: no one is told.
        (AlertState::Firing, Some(r)) if !r.holders.is_empty() && r.holders.iter().all(Holder::is_quiet) => AlertState::Silenced,
        _ => state,
    }
}

/// Since when an alert fires that Alertmanager does not know, as far as is known: from when it fires, or from when it was
/// last seen there.
fn unrouted_since(alert: &Alert, before: Option<&Alert>, now: Timestamp) -> Timestamp {
    match before {
        Some(before) if before.unrouted_since.is_some() => before.unrouted_since.unwrap_or(now),
        Some(before) if before.routing.is_some() => now,
        _ => alert.state_since(),
    }
}

/// The order of a book. Names are looked for only where the rest is equal: 10,000 alerts are compared often.
fn worst_first(a: &Alert, b: &Alert) -> Ordering {
    let first = (a.state, a.severity, b.since).cmp(&(b.state, b.severity, a.since));
    first.then_with(|| a.name().cmp(b.name())).then_with(|| a.labels.cmp(&b.labels))
}

/// Whether, and why, it is not known if an alert still is what it was when it was last told.
fn doubt(alert: &Alert, told: &Told<'_>) -> Option<Doubt> {
    let is_overdue = |since: &Timestamp| told.now.since(*since) > PATIENCE;
    // Prometheus tells a value with each of its alerts, also where it does not tell its rules.
    let of_prometheus = alert.rule.is_some() || alert.value.is_some();
    let alertmanager = told.unanswered.1.into_iter().chain(alert.routing.as_ref().and_then(no_holder_answers)).min();
    let (engine, unanswered) = match alert.rule.as_ref().map(|r| r.engine) {
        Some(Engine::Loki) => told.ruler,
        _ => (told.prometheus, told.unanswered.0),
    };
    let (unanswered, alertmanager) = (unanswered.filter(is_overdue), alertmanager.filter(is_overdue));
    let silent = match (of_prometheus, alert.routing.is_some()) {
        (true, true) => unanswered.zip(alertmanager).map(|(a, b)| a.max(b)),
        (true, false) => unanswered,
        (false, _) => alertmanager,
    };
    if let Some(since) = silent {
        return Some(Doubt::Unanswered(since));
    }
    let rule = alert.rule.as_ref().filter(|_| unanswered.is_none())?;
    let (last, told_at) = (rule.last_evaluation?, engine?.told_at);
    let interval = if rule.interval.is_zero() { USUAL_INTERVAL } else { rule.interval };
    (told_at.since(last) > (interval * MISSED).max(PATIENCE)).then_some(Doubt::NotEvaluated(last))
}

/// Since when none of those that hold an alert answers.
fn no_holder_answers(routing: &Routing) -> Option<Timestamp> {
    let since = |h: &Holder| h.unanswered;
    routing.holders.iter().map(since).collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// What fired within the last hour and does no more. Prometheus' history tells it: Alertmanager forgets an alert as soon as
/// it ends, so that its `endsAt` is never a past one.
fn resolved(told: &Told<'_>, alerts: &[Alert], rules: &[Arc<Rule>]) -> Vec<Alert> {
    if told.fired.is_empty() {
        return Vec::new();
    }
    let current: HashSet<&Labels> = alerts.iter().map(|a| &a.labels).collect();
    let default = Severities::default();
    let severities = told.severities.unwrap_or(&default);
    let mut by_name: HashMap<&str, Vec<&Arc<Rule>>> = HashMap::new();
    for rule in rules {
        by_name.entry(&rule.name).or_default().push(rule);
    }
    let mut out = Vec::new();
    for (series, last) in told.fired {
        let labels: Labels = series.iter().filter(|(name, _)| !matches!(*name, "__name__" | "alertstate")).collect();
        if current.contains(&labels) {
            continue;
        }
        let named = by_name.get(labels.get("alertname").unwrap_or_default()).map(Vec::as_slice).unwrap_or_default();
        let rule = named.iter().find(|rule| is_made_by(&labels, &rule.labels)).map(|rule| Arc::clone(rule));
        let severity = severities.of(&labels);
        out.push(Alert { severity, rule, ..Alert::new(labels, AlertState::Resolved, Timestamp::from_secs_f64(last.value)) });
    }
    out
}

/// Whether a rule's own labels are in those of an alert; what is a template is anything.
fn is_made_by(labels: &Labels, of_rule: &Labels) -> bool {
    of_rule.iter().all(|(name, value)| value.contains("{{") || labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{alert::Severity, time::Timestamp};

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn firing(pairs: &[(&str, &str)]) -> Alert {
        let new = Alert::new(labels(pairs), AlertState::Firing, Timestamp::from_secs(100));
        Alert { severity: Severity(3), value: Some(1.0), ..new }
    }

    fn routed(pairs: &[(&str, &str)], silenced_by: &[&str]) -> Alert {
        let silenced_by = silenced_by.iter().map(|s| (*s).to_owned()).collect();
        Alert {
            since: Timestamp::from_secs(160),
            value: None,
            routing: Some(Routing { silenced_by, ..Routing::default() }),
            generator_url: Some("http://p/graph".to_owned()),
            ..firing(pairs)
        }
    }

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn prometheus(alerts: Vec<Alert>) -> PrometheusAlerts {
        PrometheusAlerts { alerts, told_at: NOW, ..PrometheusAlerts::default() }
    }

    fn alertmanager(alerts: Vec<Alert>) -> AlertmanagerAlerts {
        AlertmanagerAlerts { alerts, ..AlertmanagerAlerts::default() }
    }

    fn merged(firing: Vec<Alert>, routed: Vec<Alert>) -> AlertBook {
        let (firing, routed) = (prometheus(firing), alertmanager(routed));
        merge(&Told { prometheus: Some(&firing), alertmanager: Some(&routed), now: NOW, ..Told::default() })
    }

    fn ruled(seconds_ago: u64) -> Alert {
        let rule = Rule {
            name: "A".to_owned(),
            query: "x > 1".to_owned(),
            interval: Duration::from_secs(30),
            labels: labels(&[("severity", "{{ $labels.level }}"), ("team", "a")]),
            last_evaluation: Some(NOW - Duration::from_secs(seconds_ago)),
            ..Rule::default()
        };
        Alert { rule: Some(Arc::new(rule)), ..firing(&[("alertname", "A")]) }
    }

    fn states(book: &AlertBook) -> Vec<AlertState> {
        book.alerts.iter().map(|a| a.state).collect()
    }

    #[test]
    fn an_alert_of_both_is_one_row_with_the_labels_and_onset_of_prometheus() {
        let book = merged(
            vec![firing(&[("alertname", "A"), ("job", "x")])],
            vec![routed(&[("alertname", "A"), ("job", "x"), ("cluster", "eu"), ("replica", "0")], &[])],
        );
        assert_eq!(book.alerts.len(), 1);
        let a = &book.alerts[0];
        assert_eq!(a.labels, labels(&[("alertname", "A"), ("job", "x")]));
        assert_eq!(a.since, Timestamp::from_secs(100));
        assert!(a.routing.is_some() && a.generator_url.is_some());
    }

    #[test]
    fn an_alert_of_only_one_side_stands_alone_and_says_so() {
        let book = merged(vec![firing(&[("alertname", "P")])], vec![routed(&[("alertname", "M")], &[])]);
        let find = |name| book.alerts.iter().find(|a| a.name() == name).unwrap();
        assert!(find("P").routing.is_none());
        assert!(find("M").rule.is_none() && find("M").routing.is_some());
        assert_eq!(find("M").since, Timestamp::from_secs(160));
    }

    #[test]
    fn of_several_partners_the_most_specific_is_taken() {
        let book = merged(
            vec![firing(&[("alertname", "A")]), firing(&[("alertname", "A"), ("pod", "1")])],
            vec![routed(&[("alertname", "A"), ("pod", "1"), ("cluster", "eu")], &["s1"])],
        );
        let silenced: Vec<_> = book.alerts.iter().filter(|a| a.state == AlertState::Silenced).collect();
        assert_eq!(silenced.len(), 1);
        assert_eq!(silenced[0].labels.get("pod"), Some("1"));
    }

    #[test]
    fn replicas_are_one_row_and_silenced_only_together() {
        let one = |replica, s: &[&str]| routed(&[("alertname", "A"), ("replica", replica)], s);
        let book = merged(vec![firing(&[("alertname", "A")])], vec![one("0", &["s1"]), one("1", &[])]);
        assert_eq!(book.alerts.len(), 1);
        assert_eq!(book.alerts[0].state, AlertState::Firing);
        let book = merged(vec![firing(&[("alertname", "A")])], vec![one("0", &["s1"]), one("1", &["s2"])]);
        assert_eq!(book.alerts[0].state, AlertState::Silenced);
    }

    #[test]
    fn only_silences_that_are_referred_to_are_kept() {
        let silence = |id: &str| Silence { id: id.to_owned(), ..Silence::default() };
        let alerts = vec![routed(&[("alertname", "A")], &["s1", "s3"])];
        let told = AlertmanagerAlerts { alerts, silences: ["s3", "s2", "s1"].map(silence).into(), ..AlertmanagerAlerts::default() };
        let book = merge(&Told { alertmanager: Some(&told), ..Told::default() });
        assert_eq!(book.silences.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["s1", "s3"]);
        assert_eq!(["s1", "s2", "s3"].map(|id| book.silence(id).is_some()), [true, false, true]);
    }

    #[test]
    fn an_alert_is_stale_once_no_one_who_told_it_answers() {
        let (ours, theirs) = (prometheus(vec![ruled(10)]), alertmanager(vec![routed(&[("alertname", "A")], &[])]));
        let at = |seconds: u64| Some(NOW - Duration::from_secs(seconds));
        let with = |unanswered| {
            let told = Told { prometheus: Some(&ours), alertmanager: Some(&theirs), unanswered, now: NOW, ..Told::default() };
            merge(&told).alerts.remove(0)
        };
        assert_eq!(with((at(30), at(30))).state, AlertState::Firing, "one failed refresh is no doubt");
        assert_eq!(with((at(300), None)).state, AlertState::Firing, "Alertmanager still tells it");
        let stale = with((at(300), at(90)));
        assert_eq!(stale.doubt, Some((AlertState::Firing, Doubt::Unanswered(NOW - Duration::from_secs(90)))));
        assert_eq!((stale.state, stale.state_since()), (AlertState::Stale, Timestamp::from_secs(100)));
    }

    #[test]
    fn a_rule_that_is_not_evaluated_any_more_makes_its_alerts_stale() {
        assert_eq!(states(&merged(vec![ruled(85)], vec![])), [AlertState::Firing]);
        let book = merged(vec![ruled(100)], vec![]);
        let last = NOW - Duration::from_secs(100);
        assert_eq!(book.alerts[0].doubt, Some((AlertState::Firing, Doubt::NotEvaluated(last))));
    }

    #[test]
    fn what_fired_within_the_hour_is_resolved_unless_it_is_there_again() {
        let series = |name: &str| {
            let labels =
                labels(&[("__name__", "ALERTS"), ("alertstate", "firing"), ("alertname", name), ("severity", "page"), ("team", "a")]);
            (labels, Sample { at: NOW, value: 700.0 })
        };
        let mut ours = prometheus(vec![firing(&[("alertname", "B"), ("severity", "page"), ("team", "a")])]);
        ours.rules = vec![ruled(10).rule.unwrap()];
        let fired = [series("A"), series("B")];
        let book = merge(&Told { prometheus: Some(&ours), fired: &fired, now: NOW, ..Told::default() });
        assert_eq!(states(&book), [AlertState::Firing, AlertState::Resolved]);
        let a = &book.alerts[1];
        assert_eq!((a.name(), a.severity, a.since), ("A", Severity(1), Timestamp::from_secs(700)));
        assert_eq!((a.labels.len(), a.rule.as_ref().map(|r| r.query.as_str())), (3, Some("x > 1")));
    }

    #[test]
    fn how_long_an_alert_is_not_in_alertmanager_counts_from_when_it_was_seen_there() {
        let (ours, empty) = (prometheus(vec![firing(&[("alertname", "A")])]), alertmanager(vec![]));
        let there = alertmanager(vec![routed(&[("alertname", "A")], &[])]);
        let with = |alertmanager, before: Option<&AlertBook>, now| {
            merge(&Told { prometheus: Some(&ours), alertmanager, before, now: Timestamp::from_secs(now), ..Told::default() })
        };
        assert_eq!(with(None, None, 1000).alerts[0].unrouted_since, None, "Alertmanager was not asked yet");
        assert_eq!(with(Some(&empty), None, 1000).alerts[0].unrouted_since, Some(Timestamp::from_secs(100)));
        let seen = with(Some(&there), None, 1000);
        assert_eq!(seen.alerts[0].unrouted_since, None);
        let lost = with(Some(&empty), Some(&seen), 1010);
        assert_eq!(lost.alerts[0].unrouted_since, Some(Timestamp::from_secs(1010)));
        assert_eq!(with(Some(&empty), Some(&lost), 1020).alerts[0].unrouted_since, Some(Timestamp::from_secs(1010)));
    }

    #[test]
    fn who_inhibits_is_found_by_the_name_alertmanager_has_for_it() {
        let named = |name: &str, by: &[&str]| {
            let mut alert = routed(&[("alertname", name), ("cluster", "eu")], &[]);
            let routing = alert.routing.as_mut().unwrap();
            routing.fingerprints = vec![format!("f-{name}")];
            routing.inhibited_by = by.iter().map(|f| (*f).to_owned()).collect();
            alert
        };
        let book = merged(vec![firing(&[("alertname", "Source")])], vec![named("Source", &[]), named("Other", &["f-Source", "f-Gone"])]);
        assert_eq!(book.inhibiting.get("f-Source").and_then(|l| l.get("alertname")), Some("Source"));
        assert_eq!(book.inhibiting.len(), 1, "what inhibits nothing is not kept, what is not there is not found");
    }

    #[test]
    fn what_alertmanager_does_not_know_is_unknown_while_it_does_not_answer() {
        let (told, none) = (prometheus(vec![firing(&[("alertname", "A")])]), alertmanager(Vec::new()));
        let of = |unanswered| {
            let told =
                Told { prometheus: Some(&told), alertmanager: Some(&none), now: NOW, unanswered: (None, unanswered), ..Told::default() };
            merge(&told).alerts[0].unrouted_since
        };
        assert_eq!(of(None), Some(Timestamp::from_secs(100)));
        assert_eq!(of(Some(Timestamp::from_secs(700))), None, "nobody knows whether someone is told");
    }

    #[test]
    fn what_was_stale_stays_so_when_the_others_fail_as_well() {
        let holder = Holder { name: "eu".into(), unanswered: Some(Timestamp::from_secs(400)), ..Holder::default() };
        let routing = Routing { holders: vec![holder], ..Routing::default() };
        let told = alertmanager(vec![Alert { routing: Some(routing), value: None, ..firing(&[("alertname", "A")]) }]);
        let told = Told { alertmanager: Some(&told), now: NOW, unanswered: (None, Some(Timestamp::from_secs(999))), ..Told::default() };
        assert_eq!(merge(&told).alerts[0].doubt.map(|(_, why)| why), Some(Doubt::Unanswered(Timestamp::from_secs(400))));
    }
}
