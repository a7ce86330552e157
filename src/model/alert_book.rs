//! One row an alert, from what Prometheus and Alertmanager each know of it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    alert::{Alert, AlertState, Routing, Rule, Silence},
    labels::Labels,
};

/// What Prometheus knows: pending and firing alerts, none of them routed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrometheusAlerts {
    /// One entry an alert.
    pub alerts: Vec<Alert>,
    /// All alerting rules.
    pub rules: Vec<Arc<Rule>>,
}

/// What Alertmanager knows: alerts without a rule and a value, each routed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertmanagerAlerts {
    /// One entry an alert; replicas of a Prometheus may send the same one several times.
    pub alerts: Vec<Alert>,
    /// All silences.
    pub silences: Vec<Silence>,
}

/// Both in one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertBook {
    /// One entry an alert.
    pub alerts: Vec<Alert>,
    /// Silences that are referred to.
    pub silences: Vec<Silence>,
    /// All alerting rules.
    pub rules: Vec<Arc<Rule>>,
    /// Prometheus told its part.
    pub has_prometheus: bool,
    /// Alertmanager told its part.
    pub has_alertmanager: bool,
}

/// One entry an alert, worst first; of a part that has not been told nothing is known. Alertmanager's alert belongs to the alert of Prometheus whose labels it has, plus what
/// external labels add; of several, the one with the most labels. What finds no partner stands alone.
pub fn merge(prometheus: Option<&PrometheusAlerts>, alertmanager: Option<&AlertmanagerAlerts>) -> AlertBook {
    let (has_prometheus, has_alertmanager) = (prometheus.is_some(), alertmanager.is_some());
    let PrometheusAlerts { mut alerts, rules } = prometheus.cloned().unwrap_or_default();
    let AlertmanagerAlerts { alerts: routed, silences } = alertmanager.cloned().unwrap_or_default();
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (i, alert) in alerts.iter().enumerate() {
        by_name.entry(alert.name().to_owned()).or_default().push(i);
    }
    for theirs in routed {
        let name = theirs.labels.get("alertname").unwrap_or("(unnamed)");
        let candidates = by_name.get(name).map_or(&[][..], Vec::as_slice);
        let partner =
            candidates.iter().copied().filter(|i| is_subset(&alerts[*i].labels, &theirs.labels)).max_by_key(|i| alerts[*i].labels.len());
        match partner {
            Some(i) => add_routing(&mut alerts[i], theirs),
            None => alerts.push(theirs),
        }
    }
    for alert in &mut alerts {
        alert.state = suppressed(alert.state, alert.routing.as_ref());
    }
    alerts.sort_by(|a, b| (a.state, a.severity, b.since, a.name(), &a.labels).cmp(&(b.state, b.severity, a.since, b.name(), &b.labels)));
    let referred: HashSet<&str> =
        alerts.iter().filter_map(|a| a.routing.as_ref()).flat_map(|r| &r.silenced_by).map(String::as_str).collect();
    let silences = silences.into_iter().filter(|s| referred.contains(s.id.as_str())).collect();
    AlertBook { alerts, silences, rules, has_prometheus, has_alertmanager }
}

/// Replicas of a Prometheus send the same alert with different external labels: it is silenced only if all of them are.
fn add_routing(alert: &mut Alert, theirs: Alert) {
    alert.generator_url = alert.generator_url.take().or(theirs.generator_url);
    alert.service = alert.service.take().or(theirs.service);
    let Some(theirs) = theirs.routing else { return };
    let Some(routing) = &mut alert.routing else {
        alert.routing = Some(theirs);
        return;
    };
    let both = |a: &mut Vec<String>, b: Vec<String>| {
        if a.is_empty() || b.is_empty() {
            a.clear();
        } else {
            add_new(a, b);
        }
    };
    both(&mut routing.silenced_by, theirs.silenced_by);
    both(&mut routing.inhibited_by, theirs.inhibited_by);
    add_new(&mut routing.receivers, theirs.receivers);
}

fn add_new(to: &mut Vec<String>, from: Vec<String>) {
    for item in from {
        if !to.contains(&item) {
            to.push(item);
        }
    }
}

fn suppressed(state: AlertState, routing: Option<&Routing>) -> AlertState {
    match (state, routing) {
        (AlertState::Firing, Some(r)) if !r.silenced_by.is_empty() => AlertState::Silenced,
        (AlertState::Firing, Some(r)) if !r.inhibited_by.is_empty() => AlertState::Inhibited,
        _ => state,
    }
}

fn is_subset(part: &Labels, whole: &Labels) -> bool {
    part.iter().all(|(n, v)| whole.get(n) == Some(v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{alert::Severity, time::Timestamp};

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn firing(pairs: &[(&str, &str)]) -> Alert {
        Alert {
            labels: labels(pairs),
            annotations: Labels::new(),
            state: AlertState::Firing,
            severity: Severity(3),
            since: Timestamp::from_secs(100),
            value: Some(1.0),
            rule: None,
            routing: None,
            generator_url: None,
            service: None,
        }
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

    fn merged(firing: Vec<Alert>, routed: Vec<Alert>) -> AlertBook {
        let firing = PrometheusAlerts { alerts: firing, rules: Vec::new() };
        merge(Some(&firing), Some(&AlertmanagerAlerts { alerts: routed, silences: Vec::new() }))
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
        let silence = |id: &str| Silence {
            id: id.to_owned(),
            created_by: "me".to_owned(),
            comment: String::new(),
            ends_at: Timestamp::ZERO,
            state: "active".to_owned(),
        };
        let alerts = vec![routed(&[("alertname", "A")], &["s1"])];
        let book = merge(None, Some(&AlertmanagerAlerts { alerts, silences: vec![silence("s1"), silence("s2")] }));
        assert_eq!(book.silences.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["s1"]);
    }
}
