use std::sync::Arc;

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    model::{alert::AlertState, backend::Backend, trace::TraceId},
    source::{http::Endpoint, json},
};

async fn prometheus(status: u16, body: &str) -> (MockServer, Prometheus) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status).set_body_raw(body, "application/json")).mount(&server).await;
    let endpoint = Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap());
    let prometheus = Prometheus::new(endpoint, Arc::new(|_, _| ())).unwrap();
    (server, prometheus)
}

async fn query(body: &str) -> Result<Vector, SourceError> {
    prometheus(200, body).await.1.query("x", Timestamp::ZERO).await
}

const HOUR: TimeRange = TimeRange { start: Timestamp::from_secs(1_000_000_007), end: Timestamp::from_secs(1_000_003_611) };

#[tokio::test]
async fn vectors_scalars_and_what_is_beside_them() {
    let v = query(r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1435781451.781,"+Inf"]},{"metric":{},"value":[1,"1e+00"]}]},"infos":["note"],"warnings":["partial"],"unknown":1}"#).await.unwrap();
    assert_eq!(v.elements[0].1.at, Timestamp::from_millis(1_435_781_451_781));
    assert_eq!(v.elements.iter().map(|e| e.1.value).collect::<Vec<_>>(), [f64::INFINITY, 1.0]);
    assert_eq!(v.warnings, ["partial", "note"]);

    let v = query(r#"{"status":"success","data":{"resultType":"scalar","result":[1795193789.989,"NaN"]}}"#).await.unwrap();
    assert!(v.elements[0].0.is_empty() && v.elements[0].1.value.is_nan());

    let histogram = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"42","sum":"3"}]}]},"isPartial":true}"#;
    let v = query(histogram).await.unwrap();
    assert_eq!((v.elements.len(), v.warnings.len()), (0, 2));

    // VictoriaMetrics' extra object, and labels with a raw control character's escape.
    let v = query(r#"{"status":"success","stats":{"seriesFetched":"1"},"data":{"result":[{"metric":{"a":"\u001b[2J"},"value":[1,"-Inf"]}],"resultType":"vector"}}"#).await.unwrap();
    assert_eq!(v.elements[0].0.get("a"), Some("\u{1b}[2J"));
}

#[tokio::test]
async fn what_is_no_vector_is_told_in_words() {
    for (kind, result) in [("matrix", r#"[{"metric":{},"values":[[1,"1"]]}]"#), ("string", r#"[1,"text"]"#)] {
        let e = query(&format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::BadQuery);
    }
}

#[tokio::test]
async fn what_is_no_answer_of_prometheus_is_told_as_such() {
    for (body, says) in [
        ("<html><h1>Log in</h1></html>", "HTML, not JSON: Log in"),
        (r#"{"status":"success","data":{"resultType":"vector","result":[{"metric""#, "ends in the middle"),
        ("", "is empty"),
        ("groups:\n- name: x", "cannot be read"),
        (r#"{"status":"error","error":"odd"}"#, "odd"),
    ] {
        let e = query(body).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Decode, "{body}");
        assert!(e.message.contains(says), "{}", e.message);
    }
    let (_server, p) = prometheus(400, r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#).await;
    let e = p.query("sum(", Timestamp::ZERO).await.unwrap_err();
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadQuery, "1:5: parse error"));
}

#[tokio::test]
async fn ranges_are_aligned_and_gaps_are_kept() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[1000000005,"1"],[1000000050,"NaN"]]},{"metric":{"b":"2"},"histograms":[]}]}}"#;
    let (server, p) = prometheus(200, body).await;
    let m = p.query_range("x", HOUR, Duration::from_secs(15)).await.unwrap();
    assert_eq!((m.series.len(), m.series[0].samples.len(), m.warnings.len()), (1, 2, 1));
    let sent = server.received_requests().await.unwrap();
    assert_eq!(sent[0].body, b"query=x&start=1000000005.000&end=1000003605.000&step=15");
}

#[test]
fn no_range_has_too_many_points() {
    for days in [1, 30, 365] {
        let end = HOUR.start + Duration::from_secs(86_400 * days);
        let (range, step) = aligned(TimeRange { start: HOUR.start, end }, Duration::from_secs(1));
        assert!(nanos(range.duration()) / nanos(step) < MAX_POINTS, "{days} days");
    }
    let (_, step) = aligned(HOUR, Duration::ZERO);
    assert!(step >= Duration::from_millis(1));
}

#[tokio::test]
async fn exemplars_name_their_trace_in_many_ways() {
    let body = r#"{"status":"success","data":[{"seriesLabels":{"le":"0.5"},"exemplars":[{"labels":{"trace_id":"0af7651916cd43dd8448eb211c80319c"},"value":"6","timestamp":1600096945.479},{"labels":{"traceID":"1234567890abcdef"},"value":7,"timestamp":"1"},{"labels":{"x":"y"},"value":"1","timestamp":1}]}]}"#;
    let (_server, p) = prometheus(200, body).await;
    let found = p.exemplars("x_bucket", HOUR).await.unwrap();
    let traces: Vec<_> = found.iter().map(|e| e.trace).collect();
    assert_eq!(traces, [TraceId::parse("0af7651916cd43dd8448eb211c80319c"), Some(TraceId(0x1234_5678_90ab_cdef)), None]);
    let (_server, p) = prometheus(204, "").await;
    assert_eq!(p.exemplars("1", HOUR).await, Ok(Vec::new()));
}

#[tokio::test]
async fn rules_of_every_version_and_vendor_are_read() {
    let body = r#"{"status":"success","data":{"groups":[{"name":"g","file":"f","interval":60,"rules":[
        {"type":"alerting","state":"unknown","name":"A","query":"x > 1","duration":600,"keepFiringFor":0.5,"labels":{"severity":"page"},"annotations":{"summary":"{{ $value }}"},
         "alerts":[{"labels":{"alertname":"A"},"annotations":{},"state":"firing","activeAt":"2026-08-22T16:08:18.123456789+02:00","value":"1e+00","keepFiringSince":null},{"labels":{},"state":"Normal (NoData)","activeAt":null,"value":""}],
         "health":"ok","lastEvaluation":"0001-01-01T00:00:00Z","partialResponseStrategy":"ABORT"},
        {"type":"alerting","name":"B","query":"y","alerts":null,"health":"err","lastError":"boom"},
        {"type":"recording","name":"r","query":"z"}]}],"groupNextToken":""}}"#;
    let (_server, p) = prometheus(200, body).await;
    let book = p.rules().await.unwrap();
    assert_eq!(book.rules.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!((book.rules[0].hold, book.rules[0].last_evaluation), (Duration::from_secs(600), None));
    assert_eq!(book.rules[1].error.as_deref(), Some("boom"));
    assert_eq!(book.alerts.len(), 1);
    let alert = &book.alerts[0];
    assert_eq!((alert.state, alert.value, alert.active_at.0 % 1_000_000_000), (AlertState::Firing, Some(1.0), 123_456_789));
    assert!(Arc::ptr_eq(alert.rule.as_ref().unwrap(), &book.rules[0]));
}

#[tokio::test]
async fn names_beyond_the_classic_form_are_escaped() {
    let (server, p) = prometheus(200, r#"{"status":"success","data":["a"]}"#).await;
    p.label_values("http.status_code", &[Matcher::equal("job", "a\"b")], HOUR).await.unwrap();
    let url = &server.received_requests().await.unwrap()[0].url;
    assert_eq!(url.path(), "/api/v1/label/U__http_2e_status__code/values");
    assert!(url.query_pairs().any(|(n, v)| n == "match[]" && v == r#"{job="a\"b"}"#));
}

#[tokio::test]
async fn the_usual_scrape_interval_is_that_of_most_targets() {
    let body = r#"{"status":"success","data":{"activeTargets":[{"scrapeInterval":"15s"},{"scrapeInterval":"1m30s"},{"scrapeInterval":"15s"},{"scrapeInterval":"odd"},{}]}}"#;
    assert_eq!(prometheus(200, body).await.1.scrape_interval().await, Ok(Some(Duration::from_secs(15))));
}

proptest::proptest! {
    #[test]
    fn a_broken_answer_is_an_error_never_a_panic(at in 0_usize..400, with in 0_u8..255) {
        let mut body = br#"{"status":"success","data":{"groups":[{"name":"g","rules":[{"type":"alerting","name":"A","query":"x","duration":1e300,"alerts":[{"labels":{"a":"b"},"state":"firing","activeAt":"2026-08-22T16:08:18Z","value":"1"}]}]}]}}"#.to_vec();
        let at = at % body.len();
        body[at] = with;
        if let Ok(e) = json::decode::<wire::Enveloped<wire::RuleGroups>>(Backend::Prometheus, "t", &body) {
            wire::rules(e, Engine::Prometheus);
        }
        let mut body = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[1000000005,"1"],[1e300,"NaN"]]}]}}"#.to_vec();
        let at = at % body.len();
        body[at] = with;
        if let Ok(e) = json::decode::<wire::Enveloped<QueryData>>(Backend::Prometheus, "t", &body) {
            let _ = matrix(e, HOUR, Duration::from_secs(1));
        }
    }
}
