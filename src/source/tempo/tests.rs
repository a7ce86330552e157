use std::{sync::Arc, time::Duration};

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, path_regex, query_param_contains},
};

use super::*;
use crate::{
    model::{
        backend::Backend,
        explored::Explored,
        time::Timestamp,
        trace::{SpanId, SpanKind, Value},
        trace_source::TraceQuery,
    },
    wire::otlp as wire_otlp,
};

const ID: &str = "5b8efff798038103d269b633813fc60c";

fn id() -> TraceId {
    TraceId::parse(ID).unwrap()
}

fn tempo(server: &MockServer) -> Tempo {
    Tempo::new(Endpoint::new(Backend::Tempo, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap()
}

fn one_span() -> wire_otlp::TracesData {
    let span = wire_otlp::Span {
        span_id: vec![0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74],
        name: "a".to_owned(),
        kind: 2,
        status: Some(wire_otlp::Status { code: 2, message: "bad".to_owned() }),
        ..wire_otlp::Span::default()
    };
    wire_otlp::TracesData {
        resource_spans: vec![wire_otlp::ResourceSpans {
            resource: None,
            scope_spans: vec![wire_otlp::ScopeSpans { scope: None, spans: vec![span] }],
        }],
    }
}

fn protobuf(message: &impl Message) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(message.encode_to_vec(), "application/protobuf")
}

/// A trace whose root begins at a second, with a span below another one.
fn from_second(start: u64, parent: u8) -> wire_otlp::TraceByIdResponse {
    let mut trace = one_span();
    let spans = &mut trace.resource_spans[0].scope_spans[0].spans;
    (spans[0].start_time_unix_nano, spans[0].end_time_unix_nano) = (start * 1_000_000_000, (start + 1) * 1_000_000_000);
    let root = vec![0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, parent];
    spans.push(wire_otlp::Span { span_id: vec![1; 8], parent_span_id: root, ..spans[0].clone() });
    wire_otlp::TraceByIdResponse { trace: Some(trace), status: 0, message: String::new() }
}

#[tokio::test]
async fn a_trace_is_looked_for_near_what_led_to_it_and_everywhere_when_that_is_not_all() {
    let near = TimeRange::new(Timestamp::from_secs(10_000), Timestamp::from_secs(10_002));
    let asked = async |answer: ResponseTemplate| {
        let server = MockServer::start().await;
        let hinted = Mock::given(query_param_contains("start", "6400")).and(query_param_contains("end", "13602"));
        hinted.respond_with(answer).with_priority(1).mount(&server).await;
        Mock::given(any()).respond_with(protobuf(&from_second(10_000, 0x74))).mount(&server).await;
        let spans = tempo(&server).trace(id(), Some(near)).await.unwrap();
        assert_eq!((spans.spans.len(), spans.partial), (2, None));
        server.received_requests().await.unwrap().len()
    };
    assert_eq!(asked(protobuf(&from_second(10_000, 0x74))).await, 1, "all of it is there");
    assert_eq!(asked(protobuf(&from_second(10_000, 0x75))).await, 1, "a caller is lost");
    assert_eq!(asked(protobuf(&from_second(7_000, 0x75))).await, 2, "a caller is missing that may be before");
    let mut queued = from_second(10_000, 0x75);
    queued.trace.as_mut().unwrap().resource_spans[0].scope_spans[0].spans[1].kind = 5;
    assert_eq!(asked(protobuf(&queued)).await, 2, "it may have waited for hours");
    assert_eq!(asked(protobuf(&from_second(20_000, 0x74))).await, 2, "it goes on outside");
    assert_eq!(asked(protobuf(&wire_otlp::TraceByIdResponse::default())).await, 2, "nothing is near");
}

#[tokio::test]
async fn the_second_trace_api_is_asked_in_protobuf() {
    let server = MockServer::start().await;
    let answer = wire_otlp::TraceByIdResponse { trace: Some(one_span()), status: 1, message: "cut".to_owned() };
    Mock::given(path_regex("^/api/v2/traces/.{32}$")).respond_with(protobuf(&answer)).mount(&server).await;
    let spans = tempo(&server).trace(id(), None).await.unwrap();
    assert_eq!((spans.spans.len(), spans.partial.as_deref()), (1, Some("cut")));
    assert_eq!(spans.resources[0].service, "unknown_service");
    assert_eq!(server.received_requests().await.unwrap()[0].headers["accept"], "application/protobuf");
}

#[tokio::test]
async fn an_old_server_is_found_out_once() {
    let server = MockServer::start().await;
    Mock::given(path_regex("^/api/traces/")).respond_with(protobuf(&one_span())).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404).set_body_string("404 page not found")).mount(&server).await;
    let tempo = tempo(&server);
    for _ in 0..2 {
        assert_eq!(tempo.trace(id(), None).await.unwrap().spans.len(), 1);
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn no_spans_or_404_are_no_such_trace() {
    for response in [
        ResponseTemplate::new(200).set_body_string(r#"{"trace":{},"metrics":{}}"#),
        ResponseTemplate::new(404),
        protobuf(&wire_otlp::TraceByIdResponse::default()),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(response).mount(&server).await;
        let e = tempo(&server).trace(id(), None).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::NotFound);
        assert!(e.message.contains(ID), "{e}");
    }
}

#[tokio::test]
async fn a_part_without_any_span_is_told_in_the_servers_words() {
    let words = "trace exceeds the limit of 5 blocks";
    let answer = wire_otlp::TraceByIdResponse { trace: None, status: 1, message: words.to_owned() };
    let json = format!(r#"{{"trace":{{}},"status":"PARTIAL","message":"{words}"}}"#);
    for response in [protobuf(&answer), ResponseTemplate::new(200).set_body_string(json)] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(response).mount(&server).await;
        let e = tempo(&server).trace(id(), None).await.unwrap_err();
        assert_eq!((e.kind, e.message), (ErrorKind::Server(500), format!("no spans of trace {ID}: {words}")));
    }
}

#[test]
fn json_of_every_dialect_is_the_same_trace() {
    let base64 = r#"{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ=","parentSpanId":"7uGbfsPBsXU=","name":"a","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1684778327699392724","endTimeUnixNano":"1684778327699392725","status":{"code":"STATUS_CODE_ERROR","message":"bad"},"attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"},{"doubleValue":"NaN"}]}}}]}"#;
    let hex = base64
        .replace("W47/95gDgQPSabYzgT/GDA==", ID)
        .replace("7uGbfsPBsXQ=", "eee19b7ec3c1b174")
        .replace("7uGbfsPBsXU=", "eee19b7ec3c1b175")
        .replace("\"SPAN_KIND_SERVER\"", "2")
        .replace("\"STATUS_CODE_ERROR\"", "2");
    let batch = |span: &str, scope: &str| {
        format!(
            r#"[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"s"}}}}]}},"{scope}":[{{"scope":{{"name":"x"}},"spans":[{span}]}}]}}]"#
        )
    };
    let modern = |span: &str| batch(span, "scopeSpans");
    let bodies = [
        format!(r#"{{"batches":{}}}"#, modern(base64)),
        format!(r#"{{"trace":{{"resourceSpans":{}}},"metrics":{{}}}}"#, modern(base64)),
        format!(r#"{{"trace":{{"batches":{}}}}}"#, modern(base64)),
        format!(r#"{{"resourceSpans":{}}}"#, modern(&hex)),
        format!(r#"{{"result":{{"resourceSpans":{}}}}}"#, modern(&hex)),
        format!(r#"{{"data":[{{"resourceSpans":{}}}]}}"#, modern(&hex)),
        format!(r#"{{"batches":{}}}"#, batch(base64, "instrumentationLibrarySpans")),
    ];
    for body in bodies {
        let mut spans = Builder::new(id());
        let partial = otlp::decode(Backend::Tempo, body.as_bytes(), &mut spans).unwrap();
        let spans = spans.finish(partial);
        assert_eq!(spans.partial, None);
        let s = &spans.spans[0];
        assert_eq!((s.id, s.parent), (SpanId(0xeee1_9b7e_c3c1_b174), Some(SpanId(0xeee1_9b7e_c3c1_b175))), "{body}");
        assert_eq!((s.kind, s.error, s.start), (SpanKind::Server, true, Timestamp(1_684_778_327_699_392_724)));
        assert_eq!(s.attributes.get("n"), Some(&Value::Int(7)));
        assert_eq!(s.attributes.get("l"), Some(&Value::Json(r#"["x","NaN"]"#.into())));
        assert_eq!(spans.resources[0].service, "s");
    }
    let partial = otlp::decode(Backend::Tempo, br#"{"trace":{},"status":"PARTIAL","message":"too big"}"#, &mut Builder::new(id())).unwrap();
    assert_eq!(partial.as_deref(), Some("too big"));
}

#[test]
fn hits_of_every_kind_are_read() {
    let hit = |fields: &str| {
        let body = format!(r#"{{"traces":[{{"traceID":"aa",{fields}}}]}}"#);
        wire::hits(json::decode(Backend::Tempo, "search", body.as_bytes()).unwrap(), 1).0.remove(0)
    };
    let full = hit(
        r#""rootServiceName":"shop","rootTraceName":"update","startTimeUnixNano":"1684778327699392724","durationMs":557,"spanSets":[{"spans":[{"spanID":"563d623c76514f8e","attributes":[{"key":"status","value":{"stringValue":"error"}}]}],"matched":3}],"serviceStats":{"shop":{"spanCount":12,"errorCount":1},"db":{"spanCount":2}}"#,
    );
    assert_eq!((full.trace, full.root_service.as_deref(), full.duration_ns), (TraceId(0xaa), Some("shop"), 557_000_000));
    assert_eq!((full.span_count, full.error_count, full.matched), (Some(14), Some(1), 3));
    assert_eq!(full.values("status"), ["error"]);
    let bare = hit(r#""rootServiceName":"<root span not yet received>","durationMs":4154504680"#);
    assert_eq!((bare.span(), bare.root_service, bare.root_name, bare.span_count), (None, None, None, None));
    assert_eq!(bare.duration_ns, -140_462_616_000_000);
    for empty in [r#"{"traces":[]}"#, r#"{"metrics":{}}"#, r#"{"traces":null}"#] {
        assert!(wire::hits(json::decode(Backend::Tempo, "search", empty.as_bytes()).unwrap(), 1).0.is_empty());
    }
}

/// What is sent as `q` of a search, and whether the first and the second answer to `q` claim to be the newest.
async fn searched(buildinfo: ResponseTemplate, q: &str) -> (Vec<String>, [bool; 2]) {
    let server = MockServer::start().await;
    Mock::given(path_regex("buildinfo$")).respond_with(buildinfo).mount(&server).await;
    let refused = ResponseTemplate::new(400).set_body_string("invalid TraceQL query: parse error");
    Mock::given(query_param_contains("q", "refused} with")).respond_with(refused).mount(&server).await;
    Mock::given(path_regex("^/api/search$")).respond_with(ResponseTemplate::new(200).set_body_string("{}")).mount(&server).await;
    let tempo = tempo(&server);
    let range = TimeRange::new(Timestamp(1_500_000_000), Timestamp(9_500_000_000));
    let search = TraceSearch { query: TraceQuery::typed(q), range, limit: 0 };
    let newest = [tempo.search(&search).await.unwrap().newest, tempo.search(&search).await.unwrap().newest];
    let sent = server.received_requests().await.unwrap();
    let searches = sent.iter().filter(|r| r.url.path() == "/api/search");
    let asked = |r: &wiremock::Request| {
        let query = r.url.query().unwrap();
        assert!(query.contains("start=1&end=10&limit=1&"), "{query}");
        r.url.query_pairs().find(|(name, _)| name == "q").unwrap().1.into_owned()
    };
    (searches.map(asked).collect(), newest)
}

#[tokio::test]
async fn newest_first_is_asked_for_where_it_is_understood_and_not_claimed_elsewhere() {
    let called = |version: &str| ResponseTemplate::new(200).set_body_string(format!(r#"{{"version":"{version}"}}"#));
    let hinted = "{} with (most_recent=true)".to_owned();
    assert_eq!(searched(called("2.8.0"), "{}").await, (vec![hinted.clone(), hinted.clone()], [true; 2]));
    assert_eq!(searched(called("2.7.2"), "{}").await, (vec!["{}".to_owned(), "{}".to_owned()], [false; 2]));
    assert_eq!(searched(called("2.7.2"), &hinted).await, (vec![hinted.clone(), hinted.clone()], [false; 2]), "it passes over the hint");
    assert_eq!(searched(ResponseTemplate::new(418), "{}").await, (vec!["{}".to_owned(), "{}".to_owned()], [false; 2]));
    let (asked, newest) = searched(called("2.8.0"), "{.refused}").await;
    assert_eq!((asked.len(), newest, asked[1].as_str()), (4, [false; 2], "{.refused}"));
}

#[tokio::test]
async fn the_version_is_told_as_json_or_as_text() {
    let server = MockServer::start().await;
    let text = "GET /status/version\ntempo, version main-1dc1bfe (branch: , revision: unknown)";
    Mock::given(path_regex("^/status/version$")).respond_with(ResponseTemplate::new(200).set_body_string(text)).mount(&server).await;
    assert_eq!(tempo(&server).version().await.unwrap(), "main-1dc1bfe");
    let json = ResponseTemplate::new(200).set_body_string(r#"{"version":"2.10.8"}"#);
    Mock::given(path_regex("^/api/status/buildinfo$")).respond_with(json).mount(&server).await;
    assert_eq!(tempo(&server).version().await.unwrap(), "2.10.8");
}

proptest::proptest! {
    #[test]
    fn a_broken_trace_is_an_error_never_a_panic(at in 0_usize..400, with in 0_u8..255) {
        let mut body = br#"{"batches":[{"scopeSpans":[{"spans":[{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ=","kind":2,"startTimeUnixNano":"1","attributes":[{"key":"n","value":{"intValue":"7"}}]}]}]}]}"#.to_vec();
        let at = at % body.len();
        body[at] = with;
        let mut spans = Builder::new(id());
        let _ = otlp::decode(Backend::Tempo, &body, &mut spans);
        spans.finish(None);
        let mut bytes = one_span().encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = with;
        if let Ok(parts) = TracesParts::decode(&*bytes) {
            let _ = otlp::from_parts(id(), parts, None);
        }
    }
}

#[test]
fn each_trace_is_told_once_with_all_of_its_spans_and_what_was_not_searched_is_said() {
    let span = |id: &str, at: &str| format!(r#"{{"spanID":"{id}","name":"n{id}","startTimeUnixNano":"{at}","durationNanos":"7"}}"#);
    let sets =
        format!(r#"[{{"spans":[{},{}],"matched":4}},{{"spans":[{}],"matched":1}}]"#, span("2", "20"), span("1", "10"), span("2", "20"));
    let trace = format!(r#"{{"traceID":"a","spanSets":{sets}}}"#);
    let told = |more: &str, limit| {
        let body = format!(r#"{{"traces":[{trace},{trace}],"metrics":{{"completedJobs":2,"totalJobs":5}}{more}}}"#);
        wire::hits(json::decode(Backend::Tempo, "search", body.as_bytes()).unwrap(), limit)
    };
    let (hits, part) = told("", 20);
    let names: Vec<_> = hits[0].spans.iter().map(|s| (s.name.as_deref().unwrap(), s.duration_ns)).collect();
    assert_eq!((hits.len(), hits[0].matched, names), (1, 5, vec![("n1", 7), ("n2", 7)]));
    assert_eq!(part.as_deref(), Some("partial: 2 of 5 parts of the store searched"));
    assert_eq!(told("", 1).1, None, "it had found enough");
    assert_eq!(told(r#","status":"PARTIAL","message":"too slow""#, 1).1.as_deref(), Some("partial: too slow"));
}

#[tokio::test]
async fn tags_and_metrics_are_as_traceql_writes_them() {
    let server = MockServer::start().await;
    let json = |body: &str| ResponseTemplate::new(200).set_body_raw(body.to_owned(), "application/json");
    let scopes = r#"{"scopes":[{"name":"resource","tags":["service.name"]},{"name":"span","tags":["two words"]},{"name":"intrinsic","tags":["name"]}]}"#;
    let values = r#"{"tagValues":[{"type":"string","value":"a"},{"type":"string","value":"200"},{"type":"int","value":"500"}]}"#;
    let series = r#"{"series":[{"labels":[{"key":"status","value":{"stringValue":"error"}}],"samples":[{"timestampMs":"1000"},{"timestampMs":"2000","value":1.5}],"value":3}],"status":"PARTIAL","message":"cut"}"#;
    let build = r#"{"version":"2.10.0"}"#;
    for (path, body) in [("buildinfo$", build), ("/tag/.+/values$", values), ("/tags$", scopes), ("metrics", series)] {
        Mock::given(path_regex(path)).respond_with(json(body)).mount(&server).await;
    }
    Mock::given(any()).respond_with(json(r#"{"traces":[]}"#)).mount(&server).await;
    let (tempo, range) = (tempo(&server), TimeRange { start: Timestamp::ZERO, end: Timestamp::from_secs(60) });
    assert_eq!(tempo.tags("", range).await.unwrap().names, ["resource.service.name", "span.\"two words\""]);
    assert_eq!(tempo.tag_values("span.a/b", "{ .x = 1 }", range).await.unwrap().names, ["a", "\"200\"", "500"]);
    let asked = server.received_requests().await.unwrap();
    let url = &asked.last().unwrap().url;
    assert!(
        url.path().ends_with("/span.a%2Fb/values") && url.query().is_some_and(|q| q.contains("q=%7B") && q.contains("end=61")),
        "{url}"
    );
    let Explored::Graph { matrix, .. } = tempo.metrics("{ } | rate()", range, Some(Duration::from_secs(1))).await.unwrap() else {
        panic!()
    };
    let samples: Vec<_> = matrix.series[0].samples.iter().map(|s| (s.at.secs(), s.value)).collect();
    assert_eq!((samples, matrix.series[0].labels.get("status")), (vec![(1, 0.0), (2, 1.5)], Some("error")));
    assert_eq!(matrix.warnings, ["partial: cut"]);
    let Explored::Table(table) = tempo.metrics("{ } | rate()", range, None).await.unwrap() else { panic!() };
    assert_eq!(table.rows[0].1.number(), Some(3.0));
}
