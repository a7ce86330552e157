use super::*;
use crate::red::{FailureCounter, GivenQuantile, Kind, StatusRule, StatusShape};

fn family(status: Option<(&str, StatusShape)>) -> Family {
    Family {
        name: "x".to_owned(),
        row: "x".to_owned(),
        kind: Kind::Http,
        requests: Requests::Counter("http_requests_total".to_owned()),
        durations: Some(Durations::Classic { buckets: "http_request_duration_seconds_bucket".to_owned(), bounds: Vec::new() }),
        unit: Unit::Seconds,
        duration_labels: ["job", "handler"].map(Into::into).into(),
        restrict: String::new(),
        service_label: "job".to_owned(),
        route_label: Some("handler".to_owned()),
        failures: status.map(|(label, shape)| Failures::Status(StatusRule { label: label.to_owned(), shape })),
        scrape_interval: None,
        services: ["cart".to_owned()].into(),
    }
}

fn spans() -> Family {
    Family {
        kind: Kind::Spans,
        requests: Requests::Counter("traces_spanmetrics_calls_total".to_owned()),
        durations: Some(Durations::Classic { buckets: "traces_spanmetrics_latency_bucket".to_owned(), bounds: Vec::new() }),
        restrict: r#"span_kind=~"SERVER|CONSUMER""#.to_owned(),
        service_label: "service".to_owned(),
        scrape_interval: Some(Duration::from_secs(30)),
        services: ["web".to_owned()].into(),
        ..family(Some(("status_code", StatusShape::SpanStatus)))
    }
}

fn native() -> Family {
    let name = "http_request_duration_seconds";
    Family {
        requests: Requests::Native(name.to_owned()),
        durations: Some(Durations::Native(name.to_owned())),
        ..family(Some(("code", StatusShape::Code)))
    }
}

fn summary() -> Family {
    let given = GivenQuantile { q: 0.95, metric: "http_request_duration_seconds".to_owned(), label: Some("0.95".to_owned()) };
    Family { durations: Some(Durations::Given(vec![given])), ..family(None) }
}

fn recorded() -> Family {
    Family {
        kind: Kind::Recorded,
        requests: Requests::Recorded("job:http_requests:rate5m".to_owned()),
        failures: Some(failures("job:http_errors:rate5m")),
        durations: Some(Durations::Classic {
            buckets: "job_le:http_request_duration_seconds_bucket:rate5m".to_owned(),
            bounds: Vec::new(),
        }),
        ..family(None)
    }
}

fn failures(metric: &str) -> Failures {
    Failures::Counter(FailureCounter { metric: metric.to_owned(), labels: vec!["job".into(), "handler".into()] })
}

const W: Duration = Duration::from_secs(60);
const NOW: Part<'static> = Part { step: Duration::ZERO, only: None };

fn parse(query: &str) {
    if let Err(e) = promql_parser::parser::parse(query) {
        panic!("{e}: {query}");
    }
}

fn all_of(f: &Family, service: &str) {
    parse(&f.rate_by_status_class(service, W));
    let optional = [
        f.error_ratio(service, W),
        f.quantile(0.95, service, W),
        f.rate_by_route(service, W),
        f.errors_by_route(service, W),
        f.p95_by_route(service, W),
        f.exemplar_selector(service),
    ];
    optional.iter().flatten().for_each(|q| parse(q));
}

#[test]
fn every_query_is_promql_for_every_shape_and_any_name() {
    use StatusShape::{Bool, Class, Code, Digit, GrpcName, GrpcNumber, Outcome, Present, SpanStatus, Word};
    let shapes = [Code, Class, Digit, SpanStatus, Word, GrpcName, GrpcNumber, Outcome, Bool, Present].map(Some).into_iter().chain([None]);
    let families: Vec<Family> =
        shapes.map(|shape| family(shape.map(|s| ("code", s)))).chain([native(), summary(), recorded(), spans()]).collect();
    for service in ["cart", "a.b+c", r#"we"ird\"#, "ns/svc", "日本"] {
        families.iter().for_each(|f| all_of(f, service));
        deploys(service).iter().for_each(|d| parse(&d.query));
        let only = [service.to_owned()];
        let families = families.iter().map(|f| Family { services: only.to_vec().into(), ..f.clone() }).collect();
        let mapping = RedMapping { families, ..RedMapping::default() };
        for part in [NOW, Part { only: Some(&only), ..NOW }] {
            let all = [mapping.services_rate(part), mapping.services_errors(part), mapping.services_quantile(0.95, part)];
            all.iter().for_each(|q| parse(q.as_ref().unwrap()));
        }
    }
}

#[test]
fn the_number_of_queries_does_not_grow_with_services_and_families() {
    let mapping = RedMapping { families: vec![family(Some(("code", StatusShape::Code))), spans()], ..RedMapping::default() };
    assert_eq!(
        mapping.services_rate(NOW).unwrap(),
        concat!(
            r#"label_replace(sum by (service) (label_replace(sum by (job) (rate(http_requests_total[60s])), "service", "$2", "job", "(.*/)?(.+)")), "family", "0", "", "")"#,
            " or on (service) ",
            r#"label_replace(sum by (service) (label_replace(sum by (service) (rate(traces_spanmetrics_calls_total{span_kind=~"SERVER|CONSUMER"}[120s])), "service", "$2", "service", "(.*/)?(.+)")), "family", "1", "", "")"#
        ),
        "each over the window that its own scrapes allow"
    );
    assert_eq!(RedMapping::default().services_rate(NOW), None);
    assert_eq!(mapping.family_at("web", "1").map(|f| f.kind), Some(Kind::Spans));
}

#[test]
fn families_that_count_the_same_requests_are_asked_for_them_once() {
    let given = Family { services: ["old".to_owned()].into(), ..summary() };
    let mapping = RedMapping { families: vec![family(None), given, spans()], ..RedMapping::default() };
    let rate = mapping.services_rate(NOW).unwrap();
    assert_eq!(rate.matches("http_requests_total").count(), 1, "{rate}");
    let p95 = mapping.services_quantile(0.95, NOW).unwrap();
    assert!(p95.contains("http_request_duration_seconds{quantile"), "{p95}");
    assert!(
        mapping.together().belong("old", Some(0), Some(1)) && !mapping.together().belong("old", Some(0), Some(0)),
        "its quantiles are its own"
    );
    assert_eq!(mapping.family_at("old", "0"), Some(&mapping.families[1]));
    let only = ["old".to_owned()];
    assert!(mapping.services_rate(Part { only: Some(&only), ..NOW }).unwrap().contains(r#"job=~"(.*/)?(old)""#));
}

#[test]
fn some_services_only_are_asked_of_the_families_that_have_them() {
    let mapping = RedMapping { families: vec![family(None), spans()], ..RedMapping::default() };
    let only = ["web".to_owned(), "a.b".to_owned()];
    let query = mapping.services_rate(Part { only: Some(&only), ..NOW }).unwrap();
    assert!(query.contains(r#"service=~"(.*/)?(web)""#) && !query.contains("http_requests_total"), "{query}");
    assert_eq!(mapping.services_errors(Part { only: Some(&["nobody".to_owned()]), ..NOW }), None);
}

#[test]
fn what_a_family_does_not_tell_is_not_zero() {
    let f = family(None);
    assert_eq!((f.errors_of("cart", W), f.error_ratio("cart", W), f.errors_by_route("cart", W)), (None, None, None));
    let counter = Family { failures: Some(failures("http_errors_total")), ..f };
    assert_eq!(
        counter.errors_of("cart", W).unwrap(),
        concat!(
            r#"sum(rate(http_errors_total{job=~"(.*/)?cart"}[60s])) or "#,
            r#"(sum(rate(http_requests_total{job=~"(.*/)?cart"}[60s])) * 0 and on () http_errors_total{job=~"(.*/)?cart"})"#
        ),
        "a service without the counter does not tell"
    );
    assert!(counter.failing(&[], W, &["job"]).unwrap().contains("and on (job) http_errors_total"), "each of them by itself");
    let graph = Family { kind: Kind::Graph, ..counter };
    assert!(graph.errors_of("cart", W).unwrap().ends_with(" * 0"), "where the first failure makes the counter, none is 0");
}

#[test]
fn native_histograms_count_and_measure_and_are_never_mixed_with_buckets() {
    let f = native();
    assert_eq!(f.rate_of("cart", W), r#"histogram_count(sum(rate(http_request_duration_seconds{job=~"(.*/)?cart"}[60s])))"#);
    assert_eq!(
        f.quantile(0.95, "cart", W).unwrap(),
        r#"histogram_quantile(0.95, sum(rate(http_request_duration_seconds{job=~"(.*/)?cart"}[60s])))"#
    );
    assert!(!f.p95_by_route("cart", W).unwrap().contains("_bucket"));
    assert_eq!(f.exemplar_selector("cart").unwrap(), r#"http_request_duration_seconds{job=~"(.*/)?cart"}"#);
}

#[test]
fn quantiles_of_summaries_are_shown_as_they_are() {
    let f = summary();
    assert_eq!(f.quantile(0.95, "cart", W).unwrap(), r#"http_request_duration_seconds{job=~"(.*/)?cart", quantile="0.95"}"#);
    assert_eq!(f.quantile(0.99, "cart", W), None, "it has no such quantile");
    assert!(f.services_quantile(0.95, &[], W).unwrap().ends_with(" == 1)"), "of one instance only");
    assert_eq!(f.exemplar_selector("cart"), None);
}

#[test]
fn recording_rules_are_rates_already() {
    let f = recorded();
    assert_eq!(f.rate_of("cart", W), r#"sum(job:http_requests:rate5m{job=~"(.*/)?cart"})"#);
    let ratio = f.error_ratio("cart", W).unwrap();
    assert!(ratio.contains("sum(job:http_errors:rate5m") && !ratio.contains("rate("), "{ratio}");
    assert!(f.quantile(0.5, "cart", W).unwrap().contains("sum by (le) (job_le:http_request_duration_seconds_bucket:rate5m{"));
}

#[test]
fn names_that_are_not_classic_are_quoted() {
    let f = Family { service_label: "service.name".to_owned(), ..family(None) };
    assert_eq!(
        f.selector("http.server.duration_count", &[f.service_matcher("cart")]),
        r#"{"http.server.duration_count", "service.name"=~"(.*/)?cart"}"#
    );
    assert_eq!(f.selector("up", &[]), "up");
}

#[test]
fn milliseconds_become_seconds() {
    let f = Family { unit: Unit::Milliseconds, ..family(None) };
    assert!(f.quantile(0.5, "cart", W).unwrap().ends_with(" / 1000"));
    assert!(!family(None).quantile(0.5, "cart", W).unwrap().ends_with(" / 1000"));
}

#[test]
fn windows_hold_four_scrapes_or_a_step_and_a_scrape() {
    let f = Family { scrape_interval: Some(Duration::from_secs(30)), ..family(None) };
    assert_eq!(f.rate_window(Duration::from_secs(15)), Duration::from_secs(120));
    assert_eq!(f.rate_window(Duration::from_secs(300)), Duration::from_secs(330));
    assert_eq!(family(None).rate_window(Duration::from_secs(1)), Duration::from_secs(60), "15 s are assumed");
}

#[test]
fn a_condition_narrows_every_query() {
    let matchers = [Matcher::equal("handler", "/pay")];
    let f = family(None).narrowed(&matchers);
    assert_eq!(f.rate_of("cart", W), r#"sum(rate(http_requests_total{handler="/pay", job=~"(.*/)?cart"}[60s]))"#);
    assert!(f.quantile(0.5, "cart", W).unwrap().contains(r#"_bucket{handler="/pay", job"#));
}

#[test]
fn services_that_are_scraped_seldom_have_a_window_of_their_own() {
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let fast = Family { services: names(&["a", "b"]), ..family(Some(("code", StatusShape::Code))) };
    let slow = Family { services: names(&["b.atch"]), scrape_interval: Some(Duration::from_secs(300)), ..fast.clone() };
    let mapping = RedMapping { families: vec![fast, slow], ..RedMapping::default() };
    for query in [mapping.services_rate(NOW), mapping.services_errors(NOW), mapping.services_quantile(0.95, NOW)].map(Option::unwrap) {
        parse(&query);
        let (one, other) = query.split_once(" or on (service) label_replace").unwrap();
        assert!(one.contains(r#"job!~"(.*/)?(b\\.atch)""#) && one.contains("[60s]") && !one.contains("[1200s]"), "{one}");
        assert!(other.contains(r#"job=~"(.*/)?(b\\.atch)""#) && other.contains("[1200s]") && !other.contains("[60s]"), "{other}");
    }
    assert_eq!(mapping.family_at("b.atch", "1"), Some(&mapping.families[1]));
    assert!(mapping.together().belong("b.atch", Some(1), Some(1)) && !mapping.together().belong("b.atch", Some(1), Some(0)));
}

#[test]
fn failures_by_a_label_that_their_counter_lacks_are_not_told() {
    let f = Family { failures: Some(failures("http_errors_total")), ..family(None) };
    assert!(f.errors_by_route("cart", W).is_some(), "it has this one");
    let by_pod = Family { route_label: Some("pod".to_owned()), ..f.clone() };
    assert_eq!(by_pod.errors_by_route("cart", W), None, "no pod has 0 % for that");
    assert_eq!(by_pod.failures_lack(["handler", "pod"].into_iter()), Some(("http_errors_total", "pod")));
    assert!(f.narrowed(&[Matcher::equal("handler", "/pay")]).error_ratio("cart", W).is_some());
    assert_eq!(f.narrowed(&[Matcher::equal("pod", "a")]).error_ratio("cart", W), None, "nor has one pod");
}

#[test]
fn durations_by_a_label_that_they_lack_are_not_told() {
    let f = family(Some(("code", StatusShape::Code)));
    assert_eq!(f.durations_lack(["handler", "code"].into_iter()), Some(("http_request_duration_seconds", "code")));
    assert!(f.narrowed(&[Matcher::equal("handler", "/pay")]).quantile(0.95, "cart", W).is_some());
    let failing = f.narrowed(&[Matcher::new("code", MatchOp::NotEqual, "200")]);
    assert!(failing.rate_of("cart", W).contains(r#"code!="200""#) && failing.error_ratio("cart", W).is_some());
    assert_eq!(failing.quantile(0.95, "cart", W), None, "the p95 of all is not theirs");
    assert_eq!((failing.exemplar_selector("cart"), failing.p95_by_route("cart", W)), (None, None));
    let by_code = Family { route_label: Some("code".to_owned()), ..f.clone() };
    assert_eq!((f.p95_by_route("cart", W).is_some(), by_code.p95_by_route("cart", W)), (true, None), "no code has the p95 of all");
    // What counts them measures them too: whatever label the one has the other has.
    let mut whole = f.clone();
    whole.requests = Requests::Counter("http_request_duration_seconds_count".to_owned());
    for f in [whole, native()] {
        assert!(f.narrowed(&[Matcher::equal("code", "500")]).quantile(0.95, "cart", W).is_some());
    }
}
