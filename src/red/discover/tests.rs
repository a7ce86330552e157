use std::{collections::BTreeMap, sync::Arc};

use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::*;
use crate::{model::backend::Backend, red::Unit, source::http::Endpoint};

/// A Prometheus that knows these series, one of each label set, with 40 samples in 10 min.
async fn server(series: &'static [&'static str]) -> (MockServer, Prometheus) {
    let server = MockServer::start().await;
    let answer = move |request: &Request| {
        let params: BTreeMap<String, String> =
            request.url.query_pairs().into_owned().chain(url::form_urlencoded::parse(&request.body).into_owned()).collect();
        let path = request.url.path();
        let matching: Vec<BTreeMap<&str, &str>> =
            series.iter().map(|s| labels(s)).filter(|s| params.get("match[]").is_none_or(|m| matches(m, s))).collect();
        let mut data: BTreeSet<&str> = BTreeSet::new();
        if path.ends_with("/labels") {
            data.extend(matching.iter().flat_map(|s| s.keys().copied()));
        } else if let Some(name) = path.strip_prefix("/api/v1/label/").and_then(|p| p.strip_suffix("/values")) {
            data.extend(matching.iter().filter_map(|s| s.get(name).copied()));
        } else {
            let vector =
                serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "40"]}]}});
            return ResponseTemplate::new(200).set_body_json(vector);
        }
        ResponseTemplate::new(200).set_body_json(serde_json::json!({"status": "success", "data": data}))
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let endpoint = Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap());
    let prometheus = Prometheus::new(endpoint, Arc::new(|_, _| ())).unwrap();
    (server, prometheus)
}

/// `name a=b c=d`
fn labels(series: &'static str) -> BTreeMap<&'static str, &'static str> {
    let mut words = series.split(' ');
    let name = [("__name__", words.next().unwrap())];
    name.into_iter().chain(words.map(|w| w.split_once('=').unwrap())).collect()
}

/// Enough of a selector for these tests: the name, by `=` or `=~`.
fn matches(selector: &str, series: &BTreeMap<&str, &str>) -> bool {
    let (_, names) = selector.split_once("__name__=").unwrap();
    let names = names.trim_start_matches('~').split('"').nth(1).unwrap();
    names.split('|').any(|n| n == series["__name__"])
}

async fn found(series: &'static [&'static str]) -> RedMapping {
    found_with(series, &LabelNames::default()).await
}

async fn found_with(series: &'static [&'static str], own: &LabelNames) -> RedMapping {
    let (_server, prometheus) = server(series).await;
    discover(&prometheus, own, Timestamp::from_secs(10_000)).await.unwrap()
}

#[tokio::test]
async fn labels_of_the_configuration_come_before_those_that_are_usual() {
    const SERIES: &[&str] = &[
        "http_requests_total service=a team=shop page=/x path=/y result=success code=200",
        "http_requests_total service=b team=shop page=/x path=/y result=error code=500",
        "grpc_server_handled_total service=c grpc_code=OK",
    ];
    let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let own = LabelNames {
        metrics_service: list(&["not_there", "team"]),
        metrics_route: list(&["page"]),
        metrics_status: list(&["result"]),
        ..LabelNames::default()
    };
    let mapping = found_with(SERIES, &own).await;
    let [http, grpc] = mapping.families.as_slice() else { panic!("{mapping:?}") };
    assert_eq!((http.service_label.as_str(), http.services.as_slice()), ("team", ["shop".to_owned()].as_slice()));
    assert_eq!(http.route_label.as_deref(), Some("page"));
    assert_eq!(http.status, Some(StatusRule { label: "result".to_owned(), shape: StatusShape::Word }));
    assert_eq!(grpc.service_label, "service", "a family without any of them is found as ever");
    let found = found(SERIES).await;
    assert_eq!((found.families[0].service_label.as_str(), found.families[0].route_label.as_deref()), ("service", Some("path")));
}

#[tokio::test]
async fn a_service_is_shown_by_http_histograms_before_span_metrics() {
    let mapping = found(&[
        "http_server_request_duration_seconds_count job=shop/web http_route=/ http_response_status_code=200",
        "http_server_request_duration_seconds_bucket job=shop/web http_route=/ http_response_status_code=200 le=1",
        "http_server_requests_seconds_count job=orders uri=/orders status=200 outcome=SUCCESS",
        "http_server_requests_seconds_count job=checkout uri=/checkout status=500 outcome=SERVER_ERROR",
        "http_server_requests_seconds_bucket job=orders uri=/orders status=200 le=1",
        "traces_spanmetrics_calls_total service=web span_name=x status_code=STATUS_CODE_UNSET span_kind=SPAN_KIND_SERVER",
        "traces_spanmetrics_calls_total service=mailer span_name=x status_code=STATUS_CODE_ERROR span_kind=SPAN_KIND_CONSUMER",
        "traces_spanmetrics_latency_bucket service=web span_name=x span_kind=SPAN_KIND_SERVER le=1",
    ])
    .await;
    let names: Vec<_> = mapping.families.iter().map(|f| (f.name, f.services.join(","))).collect();
    assert_eq!(
        names,
        [
            ("OpenTelemetry HTTP server", "web".to_owned()),
            ("Micrometer", "checkout,orders".to_owned()),
            ("Tempo span metrics", "mailer".to_owned())
        ]
    );
    assert_eq!(mapping.family_of("orders").unwrap().status, Some(StatusRule { label: "status".to_owned(), shape: StatusShape::Code }));
    assert_eq!(mapping.family_of("mailer").unwrap().route_label.as_deref(), Some("span_name"));
    assert_eq!(mapping.scrape_interval, Some(Duration::from_secs(15)));
}

#[tokio::test]
async fn roles_are_read_from_values_where_names_mislead() {
    let mapping = found(&[
        // One job scrapes all; `app` tells them apart; `code` has classes; only the counter knows `path`.
        "http_requests_total job=pods app=a code=2xx path=/x handler=h",
        "http_requests_total job=pods app=b code=5xx path=/x handler=h",
        "http_request_duration_seconds_bucket job=pods app=a handler=h le=1",
    ])
    .await;
    let f = &mapping.families[0];
    assert_eq!(f.service_label, "app");
    assert_eq!(f.status.as_ref().unwrap().shape, StatusShape::Class);
    assert_eq!(f.route_label.as_deref(), Some("handler"));
    assert_eq!(f.unit, Unit::Seconds);
}

#[tokio::test]
async fn a_family_without_a_status_or_a_histogram_is_still_one() {
    let mapping = found(&["http_requests_total job=cart status=fine"]).await;
    let f = &mapping.families[0];
    assert_eq!((f.status.as_ref(), f.histogram.as_ref(), f.services.as_slice()), (None, None, &["cart".to_owned()][..]));
}

#[tokio::test]
async fn a_thousand_services_are_services() {
    let series = (0..1000).map(|i| &*format!("http_requests_total job=service-{i} code=200").leak()).collect::<Vec<_>>().leak();
    assert_eq!(found(series).await.families[0].services.len(), 1000);
}

#[tokio::test]
async fn a_server_without_any_family_gives_an_empty_mapping() {
    assert_eq!(found(&["up job=x"]).await, RedMapping::default());
}

#[test]
fn shapes_are_told_by_values() {
    let shape = |values: &[&str], grpc| StatusShape::of(values.iter().copied(), grpc);
    assert_eq!(shape(&["200", "404"], false), Some(StatusShape::Code));
    assert_eq!(shape(&["200", "UNKNOWN"], false), Some(StatusShape::Code));
    assert_eq!(shape(&["2xx", "5xx"], false), Some(StatusShape::Class));
    assert_eq!(shape(&["2", "5"], false), Some(StatusShape::Digit));
    assert_eq!(shape(&["0", "14"], true), Some(StatusShape::GrpcNumber));
    assert_eq!(shape(&["OK", "DeadlineExceeded"], true), Some(StatusShape::GrpcName));
    assert_eq!(shape(&["OK"], true), Some(StatusShape::GrpcName));
    assert_eq!(shape(&["STATUS_CODE_UNSET"], false), Some(StatusShape::SpanStatus));
    assert_eq!(shape(&["SUCCESS", "SERVER_ERROR"], false), Some(StatusShape::Outcome));
    assert_eq!(shape(&["false"], false), Some(StatusShape::Bool));
    assert_eq!(shape(&["Ok", "Error"], false), Some(StatusShape::Word));
    assert_eq!(shape(&["active", "idle"], false), None);
    assert_eq!(shape(&[], false), None);
}
