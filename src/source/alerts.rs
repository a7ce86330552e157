//! Prometheus' and Alertmanager's view of the alerts in one row each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{alertmanager::RoutedAlert, prometheus::FiringAlert};
use crate::model::{
    alert::{Alert, AlertBook, AlertState, Routing, Rule, Severity, Silence},
    labels::Labels,
};

/// One entry an alert, worst first. Alertmanager's alert belongs to the alert of Prometheus whose labels it has, plus what
/// external labels add; of several, the one with the most labels. What finds no partner stands alone.
pub fn merge(rules: Vec<Arc<Rule>>, firing: Vec<FiringAlert>, routed: Vec<RoutedAlert>, silences: Vec<Silence>) -> AlertBook {
    let mut alerts: Vec<Alert> = firing.into_iter().map(|a| from_prometheus(a, &rules)).collect();
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
            None => alerts.push(from_alertmanager(theirs)),
        }
    }
    for alert in &mut alerts {
        alert.state = suppressed(alert.state, alert.routing.as_ref());
    }
    alerts.sort_by(|a, b| (a.state, a.severity, b.since, a.name(), &a.labels).cmp(&(b.state, b.severity, a.since, b.name(), &b.labels)));
    let referred: HashSet<&str> =
        alerts.iter().filter_map(|a| a.routing.as_ref()).flat_map(|r| &r.silenced_by).map(String::as_str).collect();
    let silences = silences.into_iter().filter(|s| referred.contains(s.id.as_str())).collect();
    AlertBook { alerts, silences, rules, missing: Vec::new() }
}

fn from_prometheus(a: FiringAlert, rules: &[Arc<Rule>]) -> Alert {
    let rule = a.rule.or_else(|| rules.iter().find(|r| a.labels.get("alertname") == Some(&r.name)).cloned());
    Alert {
        severity: Severity::of(&a.labels),
        labels: a.labels,
        annotations: a.annotations,
        state: a.state,
        since: a.active_at,
        value: a.value,
        rule,
        routing: None,
        generator_url: None,
    }
}

fn from_alertmanager(a: RoutedAlert) -> Alert {
    Alert {
        severity: Severity::of(&a.labels),
        labels: a.labels,
        annotations: a.annotations,
        state: AlertState::Firing,
        since: a.starts_at,
        value: None,
        rule: None,
        routing: Some(a.routing),
        generator_url: a.generator_url,
    }
}

/// Replicas of a Prometheus send the same alert with different external labels: it is silenced only if all of them are.
fn add_routing(alert: &mut Alert, theirs: RoutedAlert) {
    alert.generator_url = alert.generator_url.take().or(theirs.generator_url);
    let Some(routing) = &mut alert.routing else {
        alert.routing = Some(theirs.routing);
        return;
    };
    let both = |a: &mut Vec<String>, b: Vec<String>| {
        if a.is_empty() || b.is_empty() {
            a.clear();
        } else {
            add_new(a, b);
        }
    };
    both(&mut routing.silenced_by, theirs.routing.silenced_by);
    both(&mut routing.inhibited_by, theirs.routing.inhibited_by);
    add_new(&mut routing.receivers, theirs.routing.receivers);
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
    use crate::model::time::Timestamp;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn firing(pairs: &[(&str, &str)]) -> FiringAlert {
        FiringAlert {
            labels: labels(pairs),
            annotations: Labels::new(),
            state: AlertState::Firing,
            active_at: Timestamp::from_secs(100),
            value: Some(1.0),
            rule: None,
        }
    }

    fn routed(pairs: &[(&str, &str)], silenced_by: &[&str]) -> RoutedAlert {
        RoutedAlert {
            labels: labels(pairs),
            annotations: Labels::new(),
            starts_at: Timestamp::from_secs(160),
            routing: Routing { silenced_by: silenced_by.iter().map(|s| (*s).to_owned()).collect(), ..Routing::default() },
            generator_url: Some("http://p/graph".to_owned()),
        }
    }

    #[test]
    fn an_alert_of_both_is_one_row_with_the_labels_and_onset_of_prometheus() {
        let book = merge(
            Vec::new(),
            vec![firing(&[("alertname", "A"), ("job", "x")])],
            vec![routed(&[("alertname", "A"), ("job", "x"), ("cluster", "eu"), ("replica", "0")], &[])],
            Vec::new(),
        );
        assert_eq!(book.alerts.len(), 1);
        let a = &book.alerts[0];
        assert_eq!(a.labels, labels(&[("alertname", "A"), ("job", "x")]));
        assert_eq!(a.since, Timestamp::from_secs(100));
        assert!(a.routing.is_some() && a.generator_url.is_some());
    }

    #[test]
    fn an_alert_of_only_one_side_stands_alone_and_says_so() {
        let book = merge(Vec::new(), vec![firing(&[("alertname", "P")])], vec![routed(&[("alertname", "M")], &[])], Vec::new());
        let find = |name| book.alerts.iter().find(|a| a.name() == name).unwrap();
        assert!(find("P").routing.is_none());
        assert!(find("M").rule.is_none() && find("M").routing.is_some());
        assert_eq!(find("M").since, Timestamp::from_secs(160));
    }

    #[test]
    fn of_several_partners_the_most_specific_is_taken() {
        let book = merge(
            Vec::new(),
            vec![firing(&[("alertname", "A")]), firing(&[("alertname", "A"), ("pod", "1")])],
            vec![routed(&[("alertname", "A"), ("pod", "1"), ("cluster", "eu")], &["s1"])],
            Vec::new(),
        );
        let silenced: Vec<_> = book.alerts.iter().filter(|a| a.state == AlertState::Silenced).collect();
        assert_eq!(silenced.len(), 1);
        assert_eq!(silenced[0].labels.get("pod"), Some("1"));
    }

    #[test]
    fn replicas_are_one_row_and_silenced_only_together() {
        let one = |replica, s: &[&str]| routed(&[("alertname", "A"), ("replica", replica)], s);
        let book = merge(Vec::new(), vec![firing(&[("alertname", "A")])], vec![one("0", &["s1"]), one("1", &[])], Vec::new());
        assert_eq!(book.alerts.len(), 1);
        assert_eq!(book.alerts[0].state, AlertState::Firing);
        let book = merge(Vec::new(), vec![firing(&[("alertname", "A")])], vec![one("0", &["s1"]), one("1", &["s2"])], Vec::new());
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
        let book = merge(
            Vec::new(),
            vec![firing(&[("alertname", "A")])],
            vec![routed(&[("alertname", "A")], &["s1"])],
            vec![silence("s1"), silence("s2")],
        );
        assert_eq!(book.silences.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["s1"]);
    }
}
