//! Prometheus' and Alertmanager's view of the alerts in one row each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use compact_str::CompactString;

use super::{alertmanager::RoutedAlert, prometheus::FiringAlert};
use crate::{
    alert_expr,
    model::{
        alert::{Alert, AlertBook, AlertState, Routing, Rule, Severity, Silence},
        labels::Labels,
    },
    red::shown_service,
};

/// Labels that name an alert's service, the surest first.
const SERVICE_LABELS: [&str; 9] =
    ["service", "service_name", "exported_service", "app", "application", "app_kubernetes_io_name", "deployment", "container", "job"];

/// What the backends told for one book.
#[derive(Default)]
pub struct Told {
    /// Alerting rules of Prometheus.
    pub rules: Vec<Arc<Rule>>,
    /// Its pending and firing alerts.
    pub firing: Vec<FiringAlert>,
    /// Alertmanager's alerts.
    pub routed: Vec<RoutedAlert>,
    /// Its silences.
    pub silences: Vec<Silence>,
}

/// One entry an alert, worst first. Alertmanager's alert belongs to the alert of Prometheus whose labels it has, plus what
/// external labels add; of several, the one with the most labels. What finds no partner stands alone. `own` are labels
/// that name services, looked at before those that usually do.
pub fn merge(told: Told, own: &[String]) -> AlertBook {
    let Told { rules, firing, routed, silences } = told;
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
    name_services(&mut alerts, own);
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
        service: None,
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
        service: None,
    }
}

/// Alerts without a label that names their service take it from the expression, which is read once a rule.
fn name_services(alerts: &mut [Alert], own: &[String]) {
    let names: Vec<&str> = own.iter().map(String::as_str).chain(SERVICE_LABELS).collect();
    let mut selected: HashMap<*const Rule, Option<String>> = HashMap::new();
    for alert in alerts {
        let labelled = names.iter().find_map(|name| alert.labels.get(name).filter(|v| !v.is_empty()));
        let named = match (labelled, &alert.rule) {
            (Some(value), _) => Some(value),
            (None, Some(rule)) => selected.entry(Arc::as_ptr(rule)).or_insert_with(|| alert_expr::label_of(&rule.query, &names)).as_deref(),
            (None, None) => None,
        };
        alert.service = named.map(|value| CompactString::from(shown_service(value)));
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

    fn merged(firing: Vec<FiringAlert>, routed: Vec<RoutedAlert>) -> AlertBook {
        merge(Told { firing, routed, ..Told::default() }, &[])
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
        let book = merge(
            Told {
                firing: vec![firing(&[("alertname", "A")])],
                routed: vec![routed(&[("alertname", "A")], &["s1"])],
                silences: vec![silence("s1"), silence("s2")],
                ..Told::default()
            },
            &[],
        );
        assert_eq!(book.silences.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["s1"]);
    }

    #[test]
    fn the_service_is_in_a_label_or_in_the_expression_and_an_own_label_comes_first() {
        let rule = Arc::new(Rule {
            group: "g".to_owned(),
            name: "A".to_owned(),
            query: r#"sum(rate(x{job="shop/checkout", crew="web"}[5m])) > 1"#.to_owned(),
            hold: std::time::Duration::ZERO,
            keep_firing_for: std::time::Duration::ZERO,
            labels: Labels::new(),
            annotations: Labels::new(),
            error: None,
            last_evaluation: None,
        });
        let service = |labels: &[(&str, &str)], own: &[&str]| {
            let own: Vec<String> = own.iter().map(|s| (*s).to_owned()).collect();
            let told = Told { rules: vec![rule.clone()], firing: vec![firing(labels)], ..Told::default() };
            merge(told, &own).alerts[0].service.as_ref().map(ToString::to_string)
        };
        let labelled = [("alertname", "A"), ("service", "ns/orders"), ("crew", "web")];
        assert_eq!(service(&labelled, &[]).as_deref(), Some("orders"));
        assert_eq!(service(&labelled, &["crew"]).as_deref(), Some("web"));
        assert_eq!(service(&labelled, &["team"]).as_deref(), Some("orders"), "without an own label as ever");
        assert_eq!(service(&[("alertname", "A")], &[]).as_deref(), Some("checkout"));
        assert_eq!(service(&[("alertname", "A")], &["crew"]).as_deref(), Some("web"));
        assert_eq!(service(&[("alertname", "B")], &[]), None);
    }
}
