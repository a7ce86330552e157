//! What the two backends of alerts say, in the model's terms.

use std::{collections::HashMap, sync::Arc};

use compact_str::CompactString;

use super::{
    alertmanager::RoutedAlert,
    prometheus::{FiringAlert, Rules},
};
use crate::{
    alert_expr::Anatomy,
    model::{
        alert::{Alert, AlertState, Rule, SERVICE_LABELS, Severities},
        alert_book::{AlertmanagerAlerts, PrometheusAlerts},
        silence::Silence,
        time::Timestamp,
    },
    red::shown_service,
};

/// What the user says of alerts.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Labels that name services, looked at before those that usually do.
    pub services: &'a [String],
    /// How severities are told.
    pub severities: &'a Severities,
}

/// Prometheus' part, told at an instant of its own clock.
pub fn of_prometheus(told: Rules, told_at: Timestamp, how: Reading<'_>) -> PrometheusAlerts {
    let Rules { rules, alerts, .. } = told;
    let mut alerts: Vec<Alert> = alerts.into_iter().map(|a| from_prometheus(a, &rules, how.severities)).collect();
    name_services(&mut alerts, how.services);
    PrometheusAlerts { alerts, rules, told_at, ..PrometheusAlerts::default() }
}

/// Alertmanager's part.
pub fn of_alertmanager(alerts: Vec<RoutedAlert>, silences: Vec<Silence>, how: Reading<'_>) -> AlertmanagerAlerts {
    let mut alerts: Vec<Alert> = alerts.into_iter().map(|a| from_alertmanager(a, how.severities)).collect();
    name_services(&mut alerts, how.services);
    AlertmanagerAlerts { alerts, silences, members: Vec::new() }
}

fn from_prometheus(a: FiringAlert, rules: &[Arc<Rule>], severities: &Severities) -> Alert {
    let rule = a.rule.or_else(|| rules.iter().find(|r| a.labels.get("alertname") == Some(&r.name)).cloned());
    let severity = severities.of(&a.labels);
    Alert { severity, annotations: a.annotations, value: a.value, rule, ..Alert::new(a.labels, a.state, a.active_at) }
}

fn from_alertmanager(a: RoutedAlert, severities: &Severities) -> Alert {
    Alert {
        severity: severities.of(&a.labels),
        annotations: a.annotations,
        routing: Some(a.routing),
        generator_url: a.generator_url,
        ..Alert::new(a.labels, AlertState::Firing, a.starts_at)
    }
}

/// Alerts without a label that names their service take it from the expression, which is read once a rule.
fn name_services(alerts: &mut [Alert], own: &[String]) {
    let names: Vec<&str> = own.iter().map(String::as_str).chain(SERVICE_LABELS).collect();
    let mut read: HashMap<*const Rule, Anatomy> = HashMap::new();
    for alert in alerts {
        let labelled = names.iter().find_map(|name| alert.labels.get(name).filter(|v| !v.is_empty()));
        let named = match (labelled, &alert.rule) {
            (Some(value), _) => Some(value),
            (None, Some(rule)) => read.entry(Arc::as_ptr(rule)).or_insert_with(|| Anatomy::of_rule(rule)).label_of(&names),
            (None, None) => None,
        };
        alert.service = named.map(|value| CompactString::from(shown_service(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{labels::Labels, time::Timestamp};

    #[test]
    fn the_service_is_in_a_label_or_in_the_expression_and_an_own_label_comes_first() {
        let query = r#"sum(rate(x{job="shop/checkout", crew="web"}[5m])) > 1"#.to_owned();
        let rule = Arc::new(Rule { name: "A".to_owned(), query, ..Rule::default() });
        let service = |labels: &[(&str, &str)], own: &[&str]| {
            let own: Vec<String> = own.iter().map(|s| (*s).to_owned()).collect();
            let alert = FiringAlert {
                labels: labels.iter().copied().collect(),
                annotations: Labels::new(),
                state: AlertState::Firing,
                active_at: Timestamp::from_secs(100),
                value: Some(1.0),
                rule: None,
            };
            let told = Rules { rules: vec![rule.clone()], alerts: vec![alert], warnings: Vec::new() };
            let how = Reading { services: &own, severities: &Severities::default() };
            of_prometheus(told, Timestamp::from_secs(200), how).alerts[0].service.as_ref().map(ToString::to_string)
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
