//! Where alerting rules draw the line on what the graphs show.

use std::sync::Arc;

use super::Pane;
use crate::{
    alert_expr::{Anatomy, Comparison, Limit, Quantity, Split},
    model::alert::Rule,
    red::{Durations, Family, Unit, shown_service},
};

/// Labels of rules that name a service, beside the family's own.
const SERVICE_LABELS: [&str; 5] = ["service", "service_name", "application", "app", "job"];

/// From where on a rule fires, on the graph that shows what it compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RuleLimit {
    pub pane: Pane,
    pub value: f64,
}

/// The limits that rules about a service set on the series of its family, each once.
pub(super) fn of_rules(rules: &[Arc<Rule>], family: &Family, service: &str) -> Vec<RuleLimit> {
    let names: Vec<&str> = std::iter::once(family.service_label.as_str()).chain(SERVICE_LABELS).collect();
    let mut out: Vec<RuleLimit> = Vec::new();
    // Parsing a rule costs more than looking for a name in it.
    for rule in rules.iter().filter(|r| mentions(&r.query, family)) {
        let anatomy = Anatomy::of(&rule.query);
        if anatomy.label_of(&names).map(shown_service) != Some(service) {
            continue;
        }
        let above = |s: &&Split| s.is_own && matches!(s.comparison, Comparison::Above | Comparison::AtLeast);
        for limit in anatomy.splits.iter().filter(above).filter_map(|s| read(s, family)) {
            if !out.contains(&limit) {
                out.push(limit);
            }
        }
    }
    out
}

fn durations(family: &Family) -> Option<&str> {
    match family.durations.as_ref()? {
        Durations::Classic { buckets: name, .. } | Durations::Native(name) => Some(name),
        Durations::Given(_) => None,
    }
}

fn mentions(query: &str, family: &Family) -> bool {
    query.contains(family.requests.metric()) || durations(family).is_some_and(|name| query.contains(name))
}

fn read(split: &Split, family: &Family) -> Option<RuleLimit> {
    let Limit::Number(mut limit) = split.limit else { return None };
    if durations(family).is_some_and(|name| split.value.contains(name)) && split.value.contains("histogram_quantile") {
        let seconds = if family.unit == Unit::Milliseconds { limit / 1000.0 } else { limit };
        return (split.quantity == Quantity::Seconds || family.unit == Unit::Milliseconds)
            .then_some(RuleLimit { pane: Pane::Duration, value: seconds });
    }
    // How fast a budget burns is a share of failures as a multiple of the budget.
    let mut value = split.value.as_str();
    while let Some((rest, budget)) = value.rsplit_once(" / ").and_then(|(rest, by)| Some((rest, by.parse::<f64>().ok()?))) {
        (value, limit) = (rest, limit * budget);
    }
    let failing = family.status_label().is_some_and(|label| value.contains(label));
    let share = failing && value.contains(" / ") && value.contains(family.requests.metric()) && (0.0..=1.0).contains(&limit);
    share.then_some(RuleLimit { pane: Pane::Errors, value: limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::red_mapping;

    fn limits(query: &str) -> Vec<(Pane, f64)> {
        let rule = Rule {
            group: String::new(),
            name: "R".to_owned(),
            query: query.to_owned(),
            hold: std::time::Duration::ZERO,
            interval: std::time::Duration::ZERO,
            keep_firing_for: std::time::Duration::ZERO,
            labels: Default::default(),
            annotations: Default::default(),
            error: None,
            last_evaluation: None,
        };
        let found = of_rules(&[Arc::new(rule)], &red_mapping(&["orders"]).families[0], "orders");
        found.into_iter().map(|l| (l.pane, (l.value * 1e6).round() / 1e6)).collect()
    }

    #[test]
    fn a_rule_on_the_same_metric_draws_its_line() {
        let errors = |service: &str| {
            let x = format!("http_server_requests_seconds_count{{application=\"{service}\"");
            format!("sum(rate({x}, status=~\"5..\"}}[10m])) / sum(rate({x}}}[10m]))")
        };
        let p95 = "histogram_quantile(0.95, sum by (le) (rate(http_server_requests_seconds_bucket{application=\"orders\"}[2m])))";
        for (query, expected) in [
            (format!("{} > 0.05", errors("orders")), vec![(Pane::Errors, 0.05)]),
            (format!("0.05 <= {}", errors("orders")), vec![(Pane::Errors, 0.05)]),
            // A burn rate of a budget, over two windows that agree.
            (format!("({0} / 0.001 > 14.4) and ({0} / 0.001 > 14.4)", errors("orders")), vec![(Pane::Errors, 0.0144)]),
            (format!("{p95} > 1"), vec![(Pane::Duration, 1.0)]),
            (format!("{} > 0.05", errors("web")), vec![]),
            (format!("{p95} < 1"), vec![]),
            ("up{application=\"orders\"} == 0".to_owned(), vec![]),
            ("sum(rate(http_server_requests_seconds_count{application=\"orders\"}[5m])) > 100".to_owned(), vec![]),
            ("this is no PromQL http_server_requests_seconds_count".to_owned(), vec![]),
        ] {
            assert_eq!(limits(&query), expected, "{query}");
        }
    }
}
