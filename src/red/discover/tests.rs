use std::{collections::BTreeMap, sync::Arc};

use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::*;
use crate::{model::backend::Backend, red::Unit, source::http::Endpoint};

/// A Prometheus that knows these series, one of each label set, with 40 samples in 10 min; those with a label `native` are
/// native histograms. A recording rule's last sample is of its label `at`. It refuses a question that has `refused` in it.
async fn server(series: &'static [&'static str], refused: &'static str) -> (MockServer, Prometheus) {
    let error = serde_json::json!({"status": "error", "errorType": "execution", "error": "too many series"});
    server_answering(series, refused, ResponseTemplate::new(422).set_body_json(error)).await
}

/// The same with another answer in place of the refusal.
async fn server_answering(series: &'static [&'static str], refused: &'static str, refusal: ResponseTemplate) -> (MockServer, Prometheus) {
    let server = MockServer::start().await;
    let answer = move |request: &Request| {
        let params: BTreeMap<String, String> =
            request.url.query_pairs().into_owned().chain(url::form_urlencoded::parse(&request.body).into_owned()).collect();
        let path = request.url.path();
        if !refused.is_empty() && (path.contains(refused) || params.values().any(|v| v.contains(refused))) {
            return refusal.clone();
        }
        let names = params.get("match[]").map(|m| names(m));
        let is_meant = |s: &BTreeMap<&str, &str>| names.as_ref().is_none_or(|names| names.is_match(s["__name__"]));
        let matching: Vec<BTreeMap<&str, &str>> = series.iter().map(|s| labels(s)).filter(is_meant).collect();
        let mut data: BTreeSet<&str> = BTreeSet::new();
        if path.ends_with("/labels") {
            data.extend(matching.iter().flat_map(|s| s.keys().copied()));
        } else if let Some(name) = path.strip_prefix("/api/v1/label/").and_then(|p| p.strip_suffix("/values")) {
            data.extend(matching.iter().filter_map(|s| s.get(name).copied()));
        } else if path.ends_with("/targets") {
            return ResponseTemplate::new(404);
        } else {
            return ResponseTemplate::new(200).set_body_json(vector(&queried(&params["query"], series)));
        }
        ResponseTemplate::new(200).set_body_json(serde_json::json!({"status": "success", "data": data}))
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let endpoint = Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap());
    let prometheus = Prometheus::new(endpoint, Arc::new(|_, _| ())).unwrap();
    (server, prometheus)
}

/// Labels and values of what discovery asks.
fn queried(query: &str, series: &'static [&'static str]) -> Vec<(serde_json::Value, String)> {
    let mut all = series.iter().map(|s| labels(s));
    if query.contains("histogram_count") {
        let found = all.any(|s| s.contains_key("native") && query.contains(&format!("\"{}\"", s["__name__"])));
        found.then(|| (serde_json::json!({}), "1".to_owned())).into_iter().collect()
    } else if query.contains("timestamp(") {
        let rules = all.filter_map(|s| Some((serde_json::json!({"rule": s["__name__"]}), (*s.get("at")?).to_owned())));
        rules.collect()
    } else {
        let of = |s: &BTreeMap<&str, &str>, i: i32| {
            let mut labels = serde_json::json!(s);
            labels["family"] = i.to_string().into();
            (labels, "40".to_owned())
        };
        all.flat_map(|s| (0..20).map(move |i| of(&s, i))).collect()
    }
}

fn vector(elements: &[(serde_json::Value, String)]) -> serde_json::Value {
    let result: Vec<_> = elements.iter().map(|(metric, value)| serde_json::json!({"metric": metric, "value": [1, value]})).collect();
    serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": result}})
}

/// `name a=b c=d`
fn labels(series: &'static str) -> BTreeMap<&'static str, &'static str> {
    let mut words = series.split(' ');
    let name = [("__name__", words.next().unwrap())];
    name.into_iter().chain(words.map(|w| w.split_once('=').unwrap())).collect()
}

/// Enough of a selector for these tests: the name, by `=` or `=~` of the whole.
fn names(selector: &str) -> regex::Regex {
    let (_, names) = selector.split_once("__name__=").unwrap();
    let names = names.trim_start_matches('~').split('"').nth(1).unwrap();
    regex::Regex::new(&format!("^(?:{})$", names.replace("\\\\", "\\"))).unwrap()
}

async fn found(series: &'static [&'static str]) -> RedMapping {
    found_with(series, &LabelNames::default()).await
}

async fn found_with(series: &'static [&'static str], own: &LabelNames) -> RedMapping {
    let (_server, prometheus) = server(series, "").await;
    discover(&prometheus, own, Timestamp::from_secs(10_000)).await.unwrap()
}

async fn found_despite(series: &'static [&'static str], refused: &'static str) -> Result<RedMapping, SourceError> {
    let (_server, prometheus) = server(series, refused).await;
    discover(&prometheus, &LabelNames::default(), Timestamp::from_secs(10_000)).await
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
    assert_eq!((http.service_label.as_str(), &*http.services), ("team", ["shop".to_owned()].as_slice()));
    assert_eq!(http.route_label.as_deref(), Some("page"));
    assert_eq!(http.failures, Some(Failures::Status(StatusRule { label: "result".to_owned(), shape: StatusShape::Word })));
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
        "http_server_requests_seconds_bucket job=checkout uri=/checkout status=200 le=1",
        "traces_spanmetrics_calls_total service=web span_name=x status_code=STATUS_CODE_UNSET span_kind=SPAN_KIND_SERVER",
        "traces_spanmetrics_calls_total service=mailer span_name=x status_code=STATUS_CODE_ERROR span_kind=SPAN_KIND_CONSUMER",
        "traces_spanmetrics_latency_bucket service=web span_name=x span_kind=SPAN_KIND_SERVER le=1",
        "traces_spanmetrics_latency_bucket service=mailer span_name=x span_kind=SPAN_KIND_CONSUMER le=1",
    ])
    .await;
    let names: Vec<_> = mapping.families.iter().map(|f| (f.name.as_str(), f.services.join(","))).collect();
    assert_eq!(
        names,
        [
            ("OpenTelemetry HTTP server", "web".to_owned()),
            ("Micrometer", "checkout,orders".to_owned()),
            ("Tempo span metrics", "mailer,web".to_owned())
        ]
    );
    assert_eq!(mapping.family_of("web").unwrap().name, "OpenTelemetry HTTP server");
    assert_eq!(mapping.family_of("orders").unwrap().status_label(), Some("status"));
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
    assert_eq!(f.failures, Some(Failures::Status(StatusRule { label: "code".to_owned(), shape: StatusShape::Class })));
    assert_eq!(f.route_label.as_deref(), Some("handler"));
    assert_eq!(f.unit, Unit::Seconds);
}

#[tokio::test]
async fn a_family_without_a_status_or_a_histogram_is_still_one() {
    let mapping = found(&["http_requests_total job=cart status=fine"]).await;
    let f = &mapping.families[0];
    assert_eq!((f.failures.as_ref(), f.durations.as_ref(), &*f.services), (None, None, &["cart".to_owned()][..]));
}

#[tokio::test]
async fn ten_thousand_services_are_services_and_a_label_of_more_says_why_it_names_none() {
    let of = |n: usize| &*(0..n).map(|i| &*format!("http_requests_total service=s{i} job=web code=200").leak()).collect::<Vec<_>>().leak();
    // What is counted of so many for each family is not what this is about.
    let counts = "count_over_time";
    let mapping = found_despite(of(10_000), counts).await.unwrap();
    assert_eq!((mapping.families[0].services.len(), mapping.families[0].service_label.as_str()), (10_000, "service"));
    let mapping = found_despite(of(MOST + 1), counts).await.unwrap();
    assert_eq!(&*mapping.families[0].services, ["web".to_owned()]);
    assert!(mapping.notes.iter().any(|n| n.starts_with("service has 20001 values")), "{:?}", mapping.notes);
}

#[tokio::test]
async fn a_server_without_any_family_gives_an_empty_mapping() {
    assert_eq!(found(&["up job=x"]).await, RedMapping::default());
}

#[tokio::test]
async fn native_histograms_and_summaries_are_told_apart_by_what_they_hold() {
    let mapping = found(&[
        "http_server_request_duration_seconds job=a http_route=/ http_response_status_code=200 native=yes",
        "http_server_request_duration_seconds_count job=a http_route=/ http_response_status_code=200",
        "http_server_request_duration_seconds_bucket job=a http_route=/ http_response_status_code=200 le=0.5",
        "http_server_requests_seconds job=b uri=/ status=200 quantile=0.95",
        "http_server_requests_seconds_count job=b uri=/ status=200",
    ])
    .await;
    let names: Vec<&str> = mapping.families.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["OpenTelemetry HTTP server, native histograms", "OpenTelemetry HTTP server", "Micrometer"]);
    let [native, classic, summary] = mapping.families.as_slice() else { panic!("{mapping:?}") };
    assert_eq!(native.requests, Requests::Native("http_server_request_duration_seconds".to_owned()));
    assert!(matches!(&classic.durations, Some(Durations::Classic { bounds, .. }) if bounds == &[0.5]), "{classic:?}");
    assert!(matches!(&summary.durations, Some(Durations::Given(given)) if given[0].q == 0.95), "{summary:?}");
    assert_eq!(mapping.choice("a").unwrap().others.len(), 1);
}

#[tokio::test]
async fn a_counter_of_failures_beside_the_requests_tells_them() {
    let mapping = found(&[
        "shop_http_requests_total job=cart handler=/",
        "shop_http_requests_total job=web handler=/",
        "shop_errors_total queue=x",
        "shop_http_request_failures_total job=cart",
    ])
    .await;
    let f = &mapping.families[0];
    assert_eq!(f.name, "Prometheus client libraries (shop_)");
    let labels = ["__name__", "job"].map(CompactString::from).into();
    let counter = FailureCounter { metric: "shop_http_request_failures_total".to_owned(), labels };
    assert_eq!(f.failures, Some(Failures::Counter(counter)), "the other does not know jobs");
}

#[tokio::test]
async fn recording_rules_are_preferred_while_they_are_fresh() {
    const RAW: [&str; 2] = ["http_requests_total job=cart code=200", "http_request_duration_seconds_bucket job=cart le=1"];
    const FRESH: &[&str] = &[
        RAW[0],
        RAW[1],
        "job_code:http_requests:rate5m job=cart code=500 at=9980",
        "job_le:http_request_duration_seconds_bucket:rate5m job=cart le=1",
    ];
    let mapping = found(FRESH).await;
    let f = mapping.family_of("cart").unwrap();
    assert_eq!((f.name.as_str(), f.kind, f.status_label()), ("Recording rules (http 5m)", Kind::Recorded, Some("code")));
    assert_eq!(mapping.alternatives("cart").next().unwrap().name, "Prometheus client libraries");
    const STALE: &[&str] = &[RAW[0], RAW[1], "job_code:http_requests:rate5m job=cart code=500 at=9700"];
    assert_eq!(found(STALE).await.families.len(), 1, "it stopped five minutes ago");
}

#[tokio::test]
async fn what_only_has_the_name_of_a_family_is_none() {
    let mapping = found(&["calls_total job=x", "response_total job=x", "latency_bucket job=x le=1"]).await;
    assert_eq!(mapping.families, []);
}

#[tokio::test]
async fn units_are_told_by_name_and_else_by_bounds() {
    let mapping = found(&[
        "http_server_duration_bucket job=a le=7500",
        "http_server_duration_count job=a",
        "istio_requests_total destination_service_name=b reporter=source response_code=200",
        "istio_request_duration_milliseconds_bucket destination_service_name=b le=10",
    ])
    .await;
    let units: Vec<_> = mapping.families.iter().map(|f| (f.services.join(","), f.unit, f.restrict.as_str())).collect();
    assert_eq!(units[0], ("b".to_owned(), Unit::Milliseconds, r#"reporter=~"source""#), "that of the caller where nothing else is");
    assert_eq!(units[1], ("a".to_owned(), Unit::Milliseconds, ""));
}

#[tokio::test]
async fn what_the_server_refuses_is_left_out_and_told() {
    let server = MockServer::start().await;
    let refuse = ResponseTemplate::new(422)
        .set_body_json(serde_json::json!({"status": "error", "errorType": "execution", "error": "too many series"}));
    let names = serde_json::json!({"status": "success", "data": ["grpc_server_handled_total", "http_requests_total"]});
    let all = move |request: &Request| {
        let body: BTreeMap<String, String> =
            request.url.query_pairs().into_owned().chain(url::form_urlencoded::parse(&request.body).into_owned()).collect();
        let matching = body.get("match[]").cloned().unwrap_or_default();
        match request.url.path() {
            "/api/v1/label/__name__/values" if matching.contains(".+_http") => refuse.clone(),
            "/api/v1/label/__name__/values" => ResponseTemplate::new(200).set_body_json(names.clone()),
            _ if matching.contains("grpc") => refuse.clone(),
            "/api/v1/labels" => ResponseTemplate::new(200).set_body_json(serde_json::json!({"status": "success", "data": ["job", "code"]})),
            "/api/v1/label/job/values" => {
                ResponseTemplate::new(200).set_body_json(serde_json::json!({"status": "success", "data": ["a", "b"]}))
            }
            "/api/v1/label/code/values" => {
                ResponseTemplate::new(200).set_body_json(serde_json::json!({"status": "success", "data": ["200"]}))
            }
            _ => ResponseTemplate::new(200).set_body_json(vector(&[])),
        }
    };
    Mock::given(any()).respond_with(all).mount(&server).await;
    let endpoint = Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap());
    let prometheus = Prometheus::new(endpoint, Arc::new(|_, _| ())).unwrap();
    let mapping = discover(&prometheus, &LabelNames::default(), Timestamp::from_secs(10_000)).await.unwrap();
    assert_eq!(mapping.services().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        mapping.notes,
        [
            "gRPC server is left out: too many series",
            "how far apart samples of Prometheus client libraries are is not known: 15 s are assumed",
            "metrics with a prefix and recording rules were not looked for: too many series"
        ]
    );
}

#[tokio::test]
async fn services_of_one_metric_may_be_counted_and_measured_differently() {
    let mapping = found(&[
        "http_requests_total job=a code=200",
        "http_requests_total job=b code=200",
        "http_requests_total job=c code=200",
        "http_request_duration_seconds_bucket job=a le=1",
        "http_request_duration_seconds_count job=a",
        "http_request_duration_seconds job=b quantile=0.95",
        "http_request_duration_seconds_count job=b",
        "http_request_duration_seconds_count job=d code=200",
        "http_request_duration_seconds_bucket job=d code=200 le=1",
    ])
    .await;
    let shown: Vec<String> =
        mapping.families.iter().map(|f| format!("{}: {} by {}", f.name, f.services.join(","), f.requests.metric())).collect();
    assert_eq!(
        shown,
        [
            "Prometheus client libraries: a by http_requests_total",
            "Prometheus client libraries (http_request_duration_seconds_count): d by http_request_duration_seconds_count",
            "Prometheus client libraries, summaries: b by http_requests_total",
            "Prometheus client libraries, without durations: c by http_requests_total",
        ]
    );
}

/// Some of each kind: a counter, its durations, a summary, gRPC, a recording rule.
const MANY_KINDS: &[&str] = &[
    "http_requests_total job=a code=200",
    "http_request_duration_seconds_bucket job=a le=1",
    "http_request_duration_seconds job=b quantile=0.95",
    "grpc_server_handled_total job=c grpc_code=OK",
    "job:http_requests:rate5m job=d code=200 at=9980",
];

#[tokio::test]
async fn each_refused_question_leaves_out_what_it_is_about_and_no_more() {
    let whole = found(MANY_KINDS).await;
    let all = |mapping: &RedMapping| mapping.services().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!((all(&whole).len(), whole.notes.len()), (3, 0), "b counts nothing: {whole:?}");
    for (refused, note, left) in [
        ("timestamp(", "recording rules were not looked at: too many series", "ac"),
        ("histogram_count", "whether http_request_duration_seconds has native histograms is not known: too many series", "acd"),
        ("/quantile/values", "whether http_request_duration_seconds is a summary is not known: too many series", "acd"),
        ("/le/values", "the bounds of http_request_duration_seconds_bucket are not known, nor whether", "acd"),
        ("/code/values", "which requests of Prometheus client libraries fail is not known: too many series", "acd"),
        ("\"http_request_duration_seconds_bucket\"", "durations of Prometheus client libraries are left out: too many series", "acd"),
        ("count_over_time", "how far apart samples are was not counted over 600 s: too many series", "acd"),
        ("\"grpc_server_handled_total\"", "gRPC server is left out: too many series", "ad"),
    ] {
        let mapping = found_despite(MANY_KINDS, refused).await.unwrap_or_else(|e| panic!("{refused}: {e:?}"));
        assert_eq!(all(&mapping).into_iter().collect::<String>(), left, "{refused}");
        assert!(mapping.notes.iter().any(|n| n.starts_with(note)), "{refused}: {:?}", mapping.notes);
    }
    const ALONE: &[&str] = &[MANY_KINDS[3]];
    let error = found_despite(ALONE, "\"grpc_server_handled_total\"").await.unwrap_err();
    assert_eq!(error.message, "too many series", "with nothing left it is an error, not a server without metrics");
}

#[tokio::test]
async fn which_labels_the_durations_have_is_known() {
    let mapping = found(&[
        "grpc_server_handled_total service=c grpc_method=Pay grpc_code=OK",
        "grpc_server_handling_seconds_bucket service=c grpc_method=Pay le=1",
    ])
    .await;
    let [grpc] = mapping.families.as_slice() else { panic!("{mapping:?}") };
    assert_eq!(grpc.durations_lack(["grpc_method", "grpc_code"].into_iter()), Some(("grpc_server_handling_seconds", "grpc_code")));
}

#[tokio::test]
async fn what_a_server_has_no_time_for_is_marked_and_kept_from_before() {
    let whole = found(MANY_KINDS).await;
    assert!(!whole.is_incomplete());
    let timeout = serde_json::json!({"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"});
    let answers = [
        ResponseTemplate::new(503).set_body_json(timeout),
        ResponseTemplate::new(502).set_body_string("bad gateway"),
        ResponseTemplate::new(200).set_body_string("<html>"),
    ];
    for answer in answers {
        for refused in [
            "timestamp(",
            "histogram_count",
            "/quantile/values",
            "/le/values",
            "/code/values",
            "\"grpc_server_handled_total\"",
            "count_over_time",
        ] {
            let (_server, prometheus) = server_answering(MANY_KINDS, refused, answer.clone()).await;
            let mapping = discover(&prometheus, &LabelNames::default(), Timestamp::from_secs(10_000)).await.unwrap();
            assert!(mapping.is_incomplete(), "{refused}: {mapping:?}");
            let kept = mapping.kept_from(&whole);
            assert_eq!(kept.families, whole.families, "{refused}");
            assert!(kept.notes[0].ends_with("as found before"), "{refused}: {:?}", kept.notes);
        }
    }
    let refused = found_despite(MANY_KINDS, "\"grpc_server_handled_total\"").await.unwrap();
    assert!(!refused.is_incomplete(), "what is refused is refused the next time as well");
}
