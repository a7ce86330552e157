use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{path, path_regex},
};

use super::*;
use crate::{
    model::log_labels::ServiceLabel,
    red::{Durations, Failures, Family, Kind, Requests, StatusRule, StatusShape, Unit},
    source::http::Endpoint,
};

fn family(services: &[&str]) -> Family {
    Family {
        name: "Micrometer".to_owned(),
        row: "Micrometer".to_owned(),
        kind: Kind::Http,
        requests: Requests::Counter("http_server_requests_seconds_count".to_owned()),
        durations: Some(Durations::Classic { buckets: "http_server_requests_seconds_bucket".to_owned(), bounds: vec![0.1, 1.0] }),
        unit: Unit::Seconds,
        duration_labels: Vec::new(),
        restrict: String::new(),
        service_label: "application".to_owned(),
        route_label: Some("uri".to_owned()),
        failures: Some(Failures::Status(StatusRule { label: "status".to_owned(), shape: StatusShape::Code })),
        scrape_interval: None,
        services: services.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn up(backend: Backend, version: &str) -> Check {
    let found = Found { version: version.to_owned(), capabilities: vec!["rules".to_owned()], lacks: Vec::new() };
    Check { backend, url: "http://a:1/".to_owned(), latency: Duration::from_millis(12), found: Ok(found), clock_skew: 400_000_000 }
}

fn down(backend: Backend, kind: ErrorKind, message: &str) -> Check {
    Check { found: Err(SourceError::new(backend, kind, message)), ..up(backend, "") }
}

/// All up: orders and checkout in the metrics, orders and web in the logs.
fn good() -> Report {
    let red = RedMapping {
        families: vec![family(&["checkout", "orders"])],
        scrape_interval: Some(Duration::from_secs(5)),
        ..RedMapping::default()
    };
    let logs = compared(labels(&[("app", &["orders", "web"])]), &Some(Ok(red.clone())));
    Report {
        backends: vec![up(Backend::Prometheus, "3.5.0"), up(Backend::Loki, "")],
        red: Some(Ok(red)),
        logs: Some(Ok(logs)),
        labels: LabelNames::default(),
        astray: Vec::new(),
        elsewhere: Vec::new(),
    }
}

fn labels(all: &[(&str, &[&str])]) -> LogLabels {
    let label = |(name, values): &(&str, &[&str])| ServiceLabel::new(*name, values.iter().map(|v| (*v).into()).collect(), &Arc::default());
    LogLabels::new(all.iter().map(label).collect(), Vec::new())
}

#[test]
fn the_json_has_the_documented_shape() {
    let mut report = good();
    report.backends.push(down(Backend::Tempo, ErrorKind::Unreachable, "connect to a:1 refused"));
    let expected = json!({
        "backends": [
            {"kind": "prometheus", "url": "http://a:1/", "ok": true, "latency": 12_000_000, "version": "3.5.0", "error": null, "capabilities": ["rules"]},
            {"kind": "loki", "url": "http://a:1/", "ok": true, "latency": 12_000_000, "version": null, "error": null, "capabilities": ["rules"]},
            {"kind": "tempo", "url": "http://a:1/", "ok": false, "latency": 12_000_000, "version": null, "error": "connect to a:1 refused", "capabilities": []},
        ],
        "red": [{"family": "Micrometer", "service_label": "application", "route_label": "uri", "status_label": "status", "unit": "s", "services": ["checkout", "orders"]}],
        "logs": {"service_labels": ["app"], "overlap": 0.5},
        "clock_skew": 400_000_000,
    });
    assert_eq!(report.json(), expected);
}

#[test]
fn the_text_says_what_was_found_and_how_labels_were_mapped() {
    let mut report = good();
    report.backends.push(down(Backend::Tempo, ErrorKind::Unreachable, "connect to a:1 refused"));
    let expected = "\
prometheus    ok        12ms  3.5.0  http://a:1/
                      rules
alertmanager  not configured
loki          ok        12ms  unknown version  http://a:1/
                      rules
tempo         failed    12ms  http://a:1/
                      connect to a:1 refused. Check the address, the network and whether it runs.

RED metrics: 2 services, scraped every 5s
  Micrometer: 2 services
    service application  route uri  status status  unit s

Log labels that name services: 50.0 % of the services in the metrics
  app                      1 service, 2 values
  without logs: checkout
";
    assert_eq!(report.text(), expected);
}

#[test]
fn labels_of_the_configuration_are_told_apart_from_found_ones_and_unused_ones_are_failures() {
    let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<String>>();
    let mut report = good();
    report.labels = LabelNames { metrics_route: list(&["path", "uri"]), logs_service: list(&["app"]), ..LabelNames::default() };
    let text = report.text();
    assert!(text.contains("service application  route uri (config.toml)  status status"), "{text}");
    assert!(text.contains("  app (config.toml) "), "{text}");
    assert_eq!((report.warnings(), report.exit_code()), (Vec::new(), 0));
    report.labels = LabelNames { metrics_service: list(&["team"]), logs_service: list(&["team"]), ..LabelNames::default() };
    let expected = [
        "metrics_service = [\"team\"] in config.toml is not used: no RED metric has such a label; what was found is",
        "logs_service = [\"team\"] in config.toml is not used: no stream in Loki has such a label; what was found is",
    ];
    assert_eq!((report.warnings().as_slice(), report.exit_code()), (expected.map(str::to_owned).as_slice(), 1));
}

#[test]
fn services_that_logs_call_otherwise_or_do_not_have_are_told() {
    let mut report = good();
    let red = RedMapping { families: vec![family(&["cart", "checkout", "mailer", "orders", "web"])], ..RedMapping::default() };
    let found = labels(&[("app", &["orders", "web"]), ("job", &["shop/Mailer"]), ("crew", &["x"])]);
    let own =
        [("checkout".to_owned(), vec![Matcher::equal("app", "checkout-v2")]), ("cart".to_owned(), vec![Matcher::equal("app", "kart")])];
    report.labels.logs_services = own.into();
    report.logs = Some(Ok(compared(found.with_own(report.labels.logs_services.clone()), &Some(Ok(red.clone())))));
    (report.red, report.astray) = (Some(Ok(red)), vec!["cart".to_owned()]);
    let text = report.text();
    let expected = "\
Log labels that name services: 80.0 % of the services in the metrics
  app                      2 services, 2 values
  job                      1 service, 1 value
  checkout is {app=\"checkout-v2\"} (config.toml)
  mailer is {job=\"shop/Mailer\"}
  without logs: cart

! no stream in Loki is where config.toml says that cart is: change it under [logs.services]
";
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(report.json()["logs"], json!({"service_labels": ["app", "job"], "overlap": 0.8}));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_thousand_services_without_logs_are_no_thousand_lines() {
    let mut report = good();
    let services: Vec<String> = (0..1000).map(|i| format!("s{i:04}")).collect();
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    report.red = Some(Ok(RedMapping { families: vec![family(&services)], ..RedMapping::default() }));
    let text = report.text();
    assert!(text.contains("  without logs: s0000, s0001") && text.contains("s0019, 980 more\n"), "{text}");
}

#[test]
fn the_exit_code_tells_silence_from_failure() {
    assert_eq!(good().exit_code(), 0);
    let mut report = good();
    report.backends.push(down(Backend::Tempo, ErrorKind::Unauthorized(401), "401"));
    assert_eq!(report.exit_code(), 1);
    report.backends.push(down(Backend::Alertmanager, ErrorKind::Timeout(Duration::from_secs(1)), "no answer"));
    assert_eq!(report.exit_code(), 3);
}

#[test]
fn what_will_not_work_is_a_failing_check() {
    let mut report = good();
    report.red = Some(Ok(RedMapping { families: vec![family(&["payments"])], scrape_interval: None, ..RedMapping::default() }));
    report.logs = Some(Ok(labels(&[("app", &["orders", "web"])])));
    assert_eq!(report.overlap(), Some(0.0));
    assert!(report.warnings()[0].contains("no service of the metrics"), "{:?}", report.warnings());
    assert_eq!(report.exit_code(), 1);
    report = good();
    report.backends[0].clock_skew = -90_000_000_000;
    assert!(report.text().contains("! the clock of prometheus differs by -90 s"), "{}", report.text());
    assert_eq!(report.clock_skew(), -90_000_000_000);
    report = good();
    report.red = Some(Ok(RedMapping::default()));
    assert!(report.warnings()[0].contains("no known RED metrics"));
    assert_eq!(report.overlap(), None);
}

#[test]
fn nothing_a_server_says_reaches_the_terminal_raw() {
    let mut report = good();
    report.backends[0] = up(Backend::Prometheus, "3.5\u{1b}[2J\u{202e}evil\n9");
    let text = report.text();
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(text.contains("evil"), "{text:?}");
}

async fn serve(server: &MockServer, at: &str, body: Value) {
    Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(server).await;
}

fn endpoint(backend: Backend, base: &str) -> Endpoint {
    let mut endpoint = Endpoint::new(backend, base.parse().unwrap());
    endpoint.timeout = Duration::from_millis(500);
    endpoint
}

#[tokio::test]
async fn a_prometheus_that_answers_and_a_loki_that_refuses_are_told_apart() {
    let (prometheus, loki) = (MockServer::start().await, MockServer::start().await);
    let vector = json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, "1"]}]}});
    serve(&prometheus, "/api/v1/query", vector).await;
    serve(&prometheus, "/api/v1/status/buildinfo", json!({"status": "success", "data": {"version": "3.5.0"}})).await;
    serve(&prometheus, "/api/v1/rules", json!({"status": "success", "data": {"groups": []}})).await;
    serve(&prometheus, "/api/v1/label/__name__/values", json!({"status": "success", "data": []})).await;
    Mock::given(path_regex(".*")).respond_with(ResponseTemplate::new(401)).mount(&loki).await;
    let observer: crate::source::http::Observer = Arc::new(|_, _| {});
    let sources = Sources {
        prometheus: Some(Prometheus::new(endpoint(Backend::Prometheus, &prometheus.uri()), observer.clone()).unwrap()),
        loki: Some(Loki::new(endpoint(Backend::Loki, &loki.uri()), observer).unwrap()),
        ..Sources::default()
    };
    let report = check(&sources, Timestamp::from_secs(1_795_273_200)).await;
    let found = report.backends[0].found.as_ref().unwrap();
    assert_eq!((found.version.as_str(), found.capabilities.as_slice()), ("3.5.0", ["rules".to_owned()].as_slice()));
    assert_eq!(report.backends[1].found.as_ref().unwrap_err().kind, ErrorKind::Unauthorized(401));
    assert!(report.logs.is_none(), "a Loki that refuses is not asked further");
    assert_eq!(report.red.as_ref().unwrap().as_ref().unwrap().families, []);
    assert_eq!(report.exit_code(), 1);
}
