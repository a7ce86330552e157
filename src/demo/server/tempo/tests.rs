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
    let values = async |path: &str| json(path).await["tagValues"].clone();
    assert_eq!(json("api/search/tags").await["tagNames"], json!(["http.route", "service.name"]));
    assert_eq!(json("api/v2/search/tags?scope=span").await["scopes"], json!([{"name": "span", "tags": ["http.route"]}]));
    assert_eq!(json("api/v2/search/tags?q={name=\"none\"}&scope=span").await["scopes"], json!([]));
    assert_eq!(json("api/v2/search/tags?q={name=").await["scopes"][1]["name"], "span", "what is not finished filters nothing");
    assert_eq!(values("api/search/tag/service.name/values").await, json!(["web"]));
    assert_eq!(values("api/search/tag/status.code/values").await, json!(["error", "ok", "unset"]));
    assert_eq!(values("api/v2/search/tag/resource.service.name/values").await, json!([{"type": "string", "value": "web"}]));
    assert_eq!(values("api/v2/search/tag/span:name/values?q={status=error}").await, json!([{"type": "string", "value": "GET /"}]));
    assert_eq!(values("api/v2/search/tag/name/values?q={status=ok}").await, json!([]));
    assert_eq!(values("api/v2/search/tag/.http.route/values").await, json!([{"type": "string", "value": "/"}]));
    assert_eq!(values("api/v2/search/tag/status/values").await[1], json!({"type": "keyword", "value": "error"}));
    assert_eq!(get("api/v2/search/tags?scope=other", "*/*").await.0, 400);
    assert_eq!(get("api/v2/search/tag/nonsense/values", "*/*").await.0, 400);
    assert_eq!(get("api/echo", "*/*").await.2, b"echo");
}

#[tokio::test]
async fn metrics_are_answered_for_each_step_or_for_all() {
    let range = format!("start={START}&end={}", START + 4);
    let found = json(&format!("api/metrics/query_range?q={{}}|rate() by (resource.service.name)&step=2s&{range}")).await;
    let ms = |second: i64| ((START + second) * 1_000).to_string();
    let labels = json!([{"key": "resource.service.name", "value": {"stringValue": "web"}}]);
    assert_eq!(found["series"][0]["labels"], labels);
    // Traces begin at 1, 2 and 3 s; what is zero is left out.
    let samples = json!([{"timestampMs": ms(0)}, {"timestampMs": ms(2), "value": 1.0}, {"timestampMs": ms(4), "value": 0.5}]);
    assert_eq!(found["series"][0]["samples"], samples);
    let exemplar = &found["series"][0]["exemplars"][0];
    assert_eq!(exemplar["labels"][0], json!({"key": "trace:id", "value": {"stringValue": "1"}}));
    assert_eq!((&exemplar["timestampMs"], &exemplar["value"]), (&json!(ms(1)), &json!(1.0)));
    let without = json(&format!("api/metrics/query_range?q={{}}|rate()with(exemplars=false)&step=2s&{range}")).await;
    assert!(without["series"][0].get("exemplars").is_none() && without.get("status").is_none(), "{without}");
    let instant = json(&format!("api/metrics/query?q={{}}|quantile_over_time(duration, .9)&{range}")).await;
    let p = json!({"labels": [{"key": "p", "value": {"doubleValue": 0.9}}], "value": 2.147483648});
    assert_eq!(instant["series"], json!([p]));
    let compared = json(&format!("api/metrics/query?q={{}}|compare({{span.http.route=\"/\"}})&{range}")).await;
    let total =
        json!([{"key": "__meta_type", "value": {"stringValue": "selection_total"}}, {"key": "name", "value": {"stringValue": "nil"}}]);
    let found = compared["series"].as_array().unwrap().iter().find(|s| s["labels"] == total);
    assert_eq!(found.map(|s| &s["value"]), Some(&json!(3.0)), "{compared}");
    for (path, words) in [
        ("api/metrics/query_range?q={}|rate(", "parse error at line 1, col 9: syntax error: unexpected $end, expecting )"),
        ("api/metrics/query_range?q={}|topk(1)", "parse error at line 1, col 4: syntax error: unexpected topk"),
        ("api/metrics/query_range?q={}|rate()|topk(0)", "compiling query: limit must be greater than 0"),
        ("api/metrics/query?q={}", "compiling query: not a metrics query"),
        ("api/metrics/query_range?q={}|rate()&step=1ms", "step of 1ms is too small, minimum step for given range is 360ms"),
        ("api/metrics/query_range?q={}|rate()&since=25h", "metrics query time range exceeds the maximum allowed duration of 24h0m0s"),
        ("api/metrics/query_range?q={}|rate()&step=x", "cannot parse \"x\" to a valid duration"),
    ] {
        let (status, _, body) = get(path, "*/*").await;
        assert_eq!((status, String::from_utf8(body).unwrap().as_str()), (400, words), "{path}");
    }
}

#[tokio::test]
async fn a_trace_that_is_too_large_is_there_in_part_or_refused() {
    let mut large = trace(9, true);
    let more = large.spans[0].scope_spans[0].spans[0].clone();
    large.spans[0].scope_spans[0].spans.extend(std::iter::repeat_n(more.clone(), 9));
    let clock = Arc::new(At(Timestamp::from_secs(START + 60)));
    let limit = 4 * more.encoded_len() + 3;
    let server = start(super::router_with(Arc::new(MemTraces::new([large])), clock.clone(), limit), clock).await.unwrap();
    let http = crate::source::http::plain().build().unwrap();
    let ask = async |path: &str, accept: &str| http.get(server.url.join(path).unwrap()).header("accept", accept).send().await.unwrap();
    let refused = ask("api/traces/9", "*/*").await;
    assert_eq!(refused.status().as_u16(), 422);
    assert_eq!(refused.text().await.unwrap(), format!("trace exceeds max size (max bytes: {limit})"));
    let message = format!("Trace exceeds maximum size of {limit} bytes, a partial trace is returned");
    let body: Value = serde_json::from_slice(&ask("api/v2/traces/9", "*/*").await.bytes().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["message"]), (&json!("PARTIAL"), &json!(message)));
    assert_eq!(body["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 4);
    let bytes = ask("api/v2/traces/9", "application/protobuf").await.bytes().await.unwrap();
    let answer = TraceByIdResponse::decode(bytes).unwrap();
    assert_eq!((answer.status, answer.message), (1, message));
}

#[tokio::test]
async fn the_time_of_a_trace_narrows_where_old_ones_are_looked_for() {
    let clock = Arc::new(At(Timestamp::from_secs(START + 3_600)));
    let server = start(super::router(Arc::new(MemTraces::new([trace(1, true)])), clock.clone()), clock).await.unwrap();
    let http = crate::source::http::plain().build().unwrap();
    let status =
        async |query: &str| http.get(server.url.join(&format!("api/traces/1{query}")).unwrap()).send().await.unwrap().status().as_u16();
    assert_eq!(status("").await, 200);
    assert_eq!(status(&format!("?start={START}&end={}", START + 60)).await, 200);
    assert_eq!(status(&format!("?start={}&end={}", START + 60, START + 90)).await, 404);
    assert_eq!(status("?start=9&end=8").await, 400);
    assert_eq!(status("?start=x").await, 400);
}
