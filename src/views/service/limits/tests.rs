use std::time::Duration;

use super::*;
use crate::app::testing::red_mapping;

fn rule(query: &str) -> Arc<Rule> {
    Arc::new(Rule {
        group: String::new(),
        name: "R".to_owned(),
        query: query.to_owned(),
        hold: Duration::ZERO,
        interval: Duration::ZERO,
        keep_firing_for: Duration::ZERO,
        labels: Default::default(),
        annotations: Default::default(),
        error: None,
        last_evaluation: None,
        engine: Default::default(),
    })
}

fn shown(limits: &[Limit]) -> Vec<(Pane, f64, &str)> {
    limits.iter().map(|l| (l.pane, (l.value * 1e6).round() / 1e6, l.label.as_str())).collect()
}

/// What is drawn on the page of orders, or of one of its routes.
fn assert_limits(query: &str, route: Option<&str>, expected: &[(Pane, f64, &str)]) {
    let mapping = red_mapping(&["orders"]);
    let about = About { family: &mapping.families[0], service: "orders", route };
    assert_eq!(shown(&of_rules(&[rule(query)], &about)), expected, "{query}");
}

const COUNT: &str = "http_server_requests_seconds_count";

fn errors(conditions: &str) -> String {
    format!("sum(rate({COUNT}{{{conditions}, status=~\"5..\"}}[10m])) / sum(rate({COUNT}{{{conditions}}}[10m]))")
}

#[test]
fn a_rule_on_the_same_metric_draws_its_line() {
    let own = errors("application=\"orders\"");
    let p =
        |q: f64| format!("histogram_quantile({q}, sum by (le) (rate(http_server_requests_seconds_bucket{{application=\"orders\"}}[2m])))");
    let rate = "sum(rate(http_server_requests_seconds_count{application=\"orders\"}[5m]))";
    let five = (Pane::Errors, 0.05, "5 % alert");
    for (query, expected) in [
        (format!("{own} > 0.05"), vec![five]),
        (format!("0.05 <= {own}"), vec![five]),
        (format!("100 * {own} > 5"), vec![five]),
        // A burn rate of a budget, over two windows that agree.
        (format!("({own} / 0.001 > 14.4) and ({own} / 0.001 > 14.4)"), vec![(Pane::Errors, 0.0144, "1.4 % alert")]),
        (format!("{} > 1", p(0.95)), vec![(Pane::Duration, 1.0, "1 s alert")]),
        (format!("{} > 1", p(0.99)), vec![(Pane::Duration, 1.0, "1 s p99 alert")]),
        (format!("{rate} > 100"), vec![(Pane::Rate, 100.0, "100 /s alert")]),
        (format!("{rate} < 5"), vec![(Pane::Rate, 5.0, "5 /s below alert")]),
    ] {
        assert_limits(&query, None, &expected);
    }
}

#[test]
fn a_rule_on_something_else_draws_none() {
    let p95 = "histogram_quantile(0.95, sum by (le) (rate(http_server_requests_seconds_bucket{application=\"orders\"}[2m])))";
    for query in [
        format!("{} > 0.05", errors("application=\"web\"")),
        format!("{p95} < 1"),
        "up{application=\"orders\"} == 0".to_owned(),
        "this is no PromQL http_server_requests_seconds_count".to_owned(),
        // What clients do wrong, some failures of many, the failures a second: not what the graphs show.
        format!("{} > 0.2", errors("application=\"orders\"").replace("5..", "4..")),
        format!("{} > 0.2", errors("application=\"orders\"").replace("5..", "503")),
        format!("sum(rate({COUNT}{{application=\"orders\", status=~\"5..\"}}[5m])) > 3"),
        // Each instance for itself, and how many there were in five minutes.
        format!("rate({COUNT}{{application=\"orders\"}}[5m]) > 3"),
        format!("sum(increase({COUNT}{{application=\"orders\"}}[5m])) > 3"),
        format!("sum by (uri) (rate({COUNT}{{application=\"orders\"}}[5m])) > 3"),
        // All services together.
        format!("sum(rate({COUNT}[5m])) > 300"),
    ] {
        assert_limits(&query, None, &[]);
    }
}

#[test]
fn a_rule_for_each_service_holds_for_this_one() {
    let share = |by: &str| format!("sum by ({by}) (rate({COUNT}{{status=~\"5..\"}}[5m])) / sum by ({by}) (rate({COUNT}[5m])) > 0.05");
    assert_limits(&share("application"), None, &[(Pane::Errors, 0.05, "5 % alert")]);
    assert_limits(&share("team"), None, &[]);
    assert_limits(&share("application, uri"), None, &[]);
    for (pattern, drawn) in [("orders|web", true), ("web.*", false)] {
        let query = errors(&format!("application=~\"{pattern}\"")) + " > 0.05";
        assert_limits(&query, None, if drawn { &[(Pane::Errors, 0.05, "5 % alert")] } else { &[] });
    }
}

#[test]
fn a_rule_on_a_route_says_so_and_is_not_drawn_on_another() {
    let query = errors("application=\"orders\", uri=\"/pay\"") + " > 0.05";
    assert_limits(&query, None, &[(Pane::Errors, 0.05, "5 % alert of /pay")]);
    assert_limits(&query, Some("/pay"), &[(Pane::Errors, 0.05, "5 % alert")]);
    assert_limits(&query, Some("/cart"), &[]);
    let all_but = errors("application=\"orders\", uri!=\"/health\"") + " > 0.05";
    assert_limits(&all_but, None, &[(Pane::Errors, 0.05, "5 % alert")]);
}

#[test]
fn requests_that_a_service_sends_are_not_those_it_answers() {
    let mut mapping = red_mapping(&["orders"]);
    mapping.families[0].restrict = "span_kind=~\"(?i:(SPAN_KIND_)?(SERVER|CONSUMER))\"".to_owned();
    let limits = |kind: &str| {
        let about = About { family: &mapping.families[0], service: "orders", route: None };
        of_rules(&[rule(&(errors(&format!("application=\"orders\"{kind}")) + " > 0.05"))], &about).len()
    };
    assert_eq!(limits(", span_kind=\"SPAN_KIND_SERVER\""), 1);
    assert_eq!(limits(", span_kind=\"SPAN_KIND_CLIENT\""), 0);
    assert_eq!(limits(""), 0, "both");
}

fn slo(good: &str, total: &str, target: f64) -> Slo {
    let (good, total) = (good.to_owned(), total.to_owned());
    Slo { name: "s".to_owned(), service: None, good, total, target, window: Duration::from_secs(86_400) }
}

#[test]
fn an_objective_draws_what_may_fail_or_how_long_it_may_take() {
    let mapping = red_mapping(&["orders"]);
    let about = About { family: &mapping.families[0], service: "orders", route: None };
    let drawn = |slo: &Slo| of_slo(slo, &about).map(|l| (l.pane, l.value, l.label));
    let total = format!("sum(rate({COUNT}{{application=\"orders\"}}[$window]))");
    let good = format!("sum(rate({COUNT}{{application=\"orders\", status!~\"5..\"}}[$window]))");
    let mut available = slo(&good, &total, 0.999);
    assert_eq!(drawn(&available), Some((Pane::Errors, 0.001, "slo 0.1 %".to_owned())));
    available.service = Some("web".to_owned());
    assert_eq!(drawn(&available), None, "the user says which service it is");
    available.service = Some("orders".to_owned());
    available.total = "sum(rate(gateway_requests_total[5m]))".to_owned();
    assert!(drawn(&available).is_some());
    available.service = None;
    assert_eq!(drawn(&available), None, "nothing tells the service");

    let quick = |metric: &str, le: &str| slo(&format!("sum(rate({metric}{{application=\"orders\", le=\"{le}\"}}[$window]))"), &total, 0.99);
    assert_eq!(drawn(&quick("http_server_requests_seconds_bucket", "0.5")), Some((Pane::Duration, 0.5, "slo p99 500 ms".to_owned())));
    assert_eq!(drawn(&quick("other_seconds_bucket", "0.5")), None, "of other durations");
    assert_eq!(drawn(&quick("http_server_requests_seconds_bucket", "+Inf")), None);
}

#[test]
fn limits_are_found_anew_for_another_family() {
    let mut mapping = red_mapping(&["orders"]);
    let mut other = mapping.families[0].clone();
    other.requests = Requests::Counter("calls_total".to_owned());
    mapping.families.push(other);
    let rules = [rule(&format!("{} > 0.05", errors("application=\"orders\"")))];
    let mut limits = Limits::default();
    let mut found = |family: usize| {
        limits.find(&rules, &[], &About { family: &mapping.families[family], service: "orders", route: None });
        limits.found().len()
    };
    assert_eq!([found(0), found(1), found(0)], [1, 0, 1]);
}
