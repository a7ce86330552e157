use super::*;
use crate::red::{Kind, StatusRule, StatusShape};

fn family(status: Option<(&str, StatusShape)>) -> Family {
    Family {
        name: "x",
        kind: Kind::Http,
        counter: "http_requests_total".to_owned(),
        histogram: Some("http_request_duration_seconds".to_owned()),
        unit: Unit::Seconds,
        restrict: String::new(),
        service_label: "job".to_owned(),
        route_label: Some("handler".to_owned()),
        status: status.map(|(label, shape)| StatusRule { label: label.to_owned(), shape }),
        services: vec!["cart".to_owned()],
    }
}

fn spans() -> Family {
    Family {
        kind: Kind::Spans,
        counter: "traces_spanmetrics_calls_total".to_owned(),
        histogram: Some("traces_spanmetrics_latency".to_owned()),
        restrict: r#"span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER""#.to_owned(),
        service_label: "service".to_owned(),
        services: vec!["web".to_owned()],
        ..family(Some(("status_code", StatusShape::SpanStatus)))
    }
}

const W: Duration = Duration::from_secs(60);

fn parse(query: &str) {
    if let Err(e) = promql_parser::parser::parse(query) {
        panic!("{e}: {query}");
    }
}

#[test]
fn every_query_is_promql_for_every_shape_and_any_name() {
    use StatusShape::{Bool, Class, Code, Digit, GrpcName, GrpcNumber, Outcome, SpanStatus, Word};
    for shape in [Code, Class, Digit, SpanStatus, Word, GrpcName, GrpcNumber, Outcome, Bool].map(Some).into_iter().chain([None]) {
        let f = family(shape.map(|s| ("code", s)));
        for service in ["cart", "a.b+c", r#"we"ird\"#, "ns/svc", "日本"] {
            parse(&f.rate_by_status_class(service, W));
            parse(&f.error_ratio(service, W));
            let optional = [
                f.quantile(0.99, service, W),
                f.rate_by_route(service, W),
                f.errors_by_route(service, W),
                f.p95_by_route(service, W),
                f.exemplar_selector(service),
            ];
            optional.iter().flatten().for_each(|q| parse(q));
            deploys(service).iter().for_each(|d| parse(&d.query));
        }
    }
}

#[test]
fn the_number_of_queries_does_not_grow_with_services_and_families() {
    let mapping = RedMapping { families: vec![family(Some(("code", StatusShape::Code))), spans()], scrape_interval: None };
    let all = [mapping.services_rate(W), mapping.services_errors(W), mapping.services_p95(W)];
    for query in all.iter().flatten() {
        parse(query);
    }
    assert_eq!(
        mapping.services_rate(W).unwrap(),
        concat!(
            r#"sum by (service) (label_replace(sum by (job) (rate(http_requests_total[60s])), "service", "$2", "job", "(.*/)?(.+)"))"#,
            " or ",
            r#"sum by (service) (label_replace(sum by (service) (rate(traces_spanmetrics_calls_total{span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"}[60s])), "service", "$2", "service", "(.*/)?(.+)"))"#
        )
    );
    assert_eq!(RedMapping::default().services_rate(W), None);
}

#[test]
fn milliseconds_become_seconds() {
    let f = Family { unit: Unit::Milliseconds, ..family(None) };
    assert!(f.quantile(0.5, "cart", W).unwrap().ends_with(" / 1000"));
    assert!(!family(None).quantile(0.5, "cart", W).unwrap().ends_with(" / 1000"));
}

#[test]
fn windows_hold_four_scrapes_or_a_step_and_a_scrape() {
    let mapping = RedMapping { families: Vec::new(), scrape_interval: Some(Duration::from_secs(30)) };
    assert_eq!(mapping.rate_window(Duration::from_secs(15)), Duration::from_secs(120));
    assert_eq!(mapping.rate_window(Duration::from_secs(300)), Duration::from_secs(330));
    assert_eq!(RedMapping::default().rate_window(Duration::from_secs(1)), Duration::from_secs(60));
}

#[test]
fn a_condition_on_the_route_narrows_every_query_and_others_do_not() {
    let matchers = [Matcher::equal("handler", "/pay"), Matcher::equal("level", "error")];
    let f = family(None).narrowed(&matchers);
    assert_eq!(f.rate_of("cart", W), r#"sum(rate(http_requests_total{handler="/pay", job=~"(.*/)?cart"}[60s]))"#);
    assert!(f.quantile(0.5, "cart", W).unwrap().contains(r#"_bucket{handler="/pay", job"#));
}
