use std::sync::Arc;

use prost::Message;
use serde_json::{Value, json};

use crate::{
    demo::{
        memory_traces::MemTraces,
        server::start,
        store::{Clock, StoredTrace},
    },
    model::{time::Timestamp, trace::TraceId},
    wire::otlp::{AnyValue, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, Status, TraceByIdResponse, TracesData, any_value},
};

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

const START: i64 = 1_700_000_000;

fn trace(number: u128, root: bool) -> StoredTrace {
    let start = (START as u64 + number as u64) * 1_000_000_000;
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::String(value.to_owned())) }),
    };
    let span = Span {
        trace_id: number.to_be_bytes().to_vec(),
        span_id: vec![0, 0, 0, 0, 0, 0, 0, 7],
        parent_span_id: if root { Vec::new() } else { vec![9; 8] },
        name: "GET /".to_owned(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_500_000_000,
        attributes: vec![text("http.route", "/")],
        status: Some(Status { message: "boom".to_owned(), code: 2 }),
        ..Span::default()
    };
    let resource = Some(Resource { attributes: vec![text("service.name", "web")] });
    StoredTrace {
        id: TraceId(number),
        spans: vec![ResourceSpans { resource, scope_spans: vec![ScopeSpans { scope: None, spans: vec![span] }] }],
    }
}

/// Requests against a Tempo with traces 1 to 3 and a live one; the third's root is missing. Status, type and body.
async fn get(path: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let traces = MemTraces::new([trace(1, true), trace(2, true), trace(3, false), trace(50, false)]);
    let clock = Arc::new(At(Timestamp::from_secs(START + 60)));
    let server = start(super::router(Arc::new(traces), clock.clone()), clock).await.unwrap();
    let response =
        crate::source::http::plain().build().unwrap().get(server.url.join(path).unwrap()).header("accept", accept).send().await.unwrap();
    let kind = response.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), kind, response.bytes().await.unwrap().to_vec())
}

async fn json(path: &str) -> Value {
    let (status, _, body) = get(path, "*/*").await;
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn a_trace_is_answered_in_both_forms_and_versions() {
    let span = &json("api/traces/1").await["batches"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "AAAAAAAAAAAAAAAAAAAAAQ==");
    assert_eq!((&span["kind"], &span["status"]["code"]), (&json!("SPAN_KIND_SERVER"), &json!("STATUS_CODE_ERROR")));
    assert!(span.get("parentSpanId").is_none(), "what is empty is left out");
    assert_eq!(json("api/v2/traces/01").await["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0], *span);
    let (_, kind, body) = get("api/traces/1", "application/protobuf").await;
    assert_eq!(kind, "application/protobuf");
    assert_eq!(TracesData::decode(body.as_slice()).unwrap().resource_spans, trace(1, true).spans);
    let (_, _, body) = get("api/v2/traces/1", "application/protobuf").await;
    assert_eq!(TraceByIdResponse::decode(body.as_slice()).unwrap().trace.unwrap().resource_spans, trace(1, true).spans);
}

#[tokio::test]
async fn a_live_trace_is_there_by_its_id_and_not_yet_found() {
    assert_eq!(get("api/traces/32", "*/*").await.0, 200);
    assert_eq!(json("api/search?q={}").await["traces"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_trace_that_is_not_there() {
    assert_eq!(get("api/traces/77", "*/*").await.0, 404);
    assert_eq!(json("api/v2/traces/77").await, json!({"trace": {}, "metrics": {}}));
    assert_eq!(get("api/v2/traces/77", "application/protobuf").await.2, [0x0a, 0x00]);
    assert_eq!(get("api/traces/xyz", "*/*").await.0, 400);
    assert_eq!(get(&format!("api/traces/{}", "1".repeat(33)), "*/*").await.0, 400);
}

#[tokio::test]
async fn search_answers_newest_first() {
    let found = json("api/search?q={status=error} | select(span.http.route)&limit=2").await;
    let ids: Vec<&str> = found["traces"].as_array().unwrap().iter().map(|t| t["traceID"].as_str().unwrap()).collect();
    assert_eq!(ids, ["3", "2"]);
    assert_eq!(found["traces"][0]["rootServiceName"], "<root span not yet received>");
    let expected = json!({
        "traceID": "2", "rootServiceName": "web", "rootTraceName": "GET /", "startTimeUnixNano": format!("{}000000000", START + 2), "durationMs": 1500,
        "serviceStats": {"web": {"spanCount": 1, "errorCount": 1}},
        "spanSet": {"matched": 1, "spans": [{
            "spanID": "0000000000000007", "startTimeUnixNano": format!("{}000000000", START + 2), "durationNanos": "1500000000",
            "attributes": [{"key": "status", "value": {"stringValue": "error"}}, {"key": "http.route", "value": {"stringValue": "/"}}],
        }]},
    });
    let mut second = found["traces"][1].clone();
    assert_eq!(second["spanSets"], json!([second["spanSet"]]));
    second.as_object_mut().unwrap().remove("spanSets");
    assert_eq!(second, expected);
}

#[tokio::test]
async fn searches_by_tags_and_time() {
    let count = async |path: &str| json(path).await["traces"].as_array().unwrap().len();
    assert_eq!(count("api/search?tags=service.name=we http.route=/&minDuration=1s").await, 3);
    assert_eq!(count("api/search?tags=service.name=web&maxDuration=1s").await, 0);
    assert_eq!(count("api/search?tags=http.route=x").await, 0);
    assert_eq!(count(&format!("api/search?q={{}}&start={}&end={}", START + 3, START + 9)).await, 2, "the second still runs at its start");
    for (path, words) in [
        ("api/search?q={", "invalid TraceQL query: parse error at line 1, col 2: syntax error: unexpected $end"),
        ("api/search?q={}&tags=a=b", "can't specify tags and q"),
        ("api/search?limit=0", "invalid limit"),
        ("api/search?spss=101", "invalid spss"),
        ("api/search?start=1700000000000000000&end=1700000000000000001", "invalid start"),
        ("api/search?start=5", "start must be before end"),
    ] {
        let (status, kind, body) = get(path, "*/*").await;
        let body = String::from_utf8(body).unwrap();
        assert!(status == 400 && kind.starts_with("text/plain") && body.contains(words), "{path}: {status} {body}");
    }
}

#[tokio::test]
async fn tags_and_values_are_listed() {
    assert_eq!(json("api/search/tags").await, json!({"tagNames": ["http.route", "service.name"]}));
    assert_eq!(json("api/v2/search/tags?scope=span").await, json!({"scopes": [{"name": "span", "tags": ["http.route"]}]}));
    assert_eq!(json("api/search/tag/service.name/values").await, json!({"tagValues": ["web"]}));
    assert_eq!(json("api/v2/search/tag/resource.service.name/values").await, json!({"tagValues": [{"type": "string", "value": "web"}]}));
    assert_eq!(json("api/v2/search/tag/status/values").await, json!({"tagValues": [{"type": "keyword", "value": "error"}]}));
    assert_eq!(get("api/v2/search/tag/nonsense/values", "*/*").await.0, 400);
    assert_eq!(get("api/metrics/query_range?q={}|rate()", "*/*").await.0, 404);
    assert_eq!(get("api/echo", "*/*").await.2, b"echo");
}
