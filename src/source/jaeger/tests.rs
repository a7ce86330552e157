use std::{sync::Arc, time::Duration};

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, path, path_regex, query_param, query_param_contains},
};

use super::*;
use crate::{
    model::{
        backend::Backend,
        trace_source::{PlainQuery, TraceQuery},
    },
    source::traces::TraceSearch,
};

const ID: &str = "5b8efff798038103d269b633813fc60c";
const OTLP: &str = r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET","kind":2,"startTimeUnixNano":"1684778327699392000","endTimeUnixNano":"1684778327699393000","status":{"code":2}}]}]}]}}"#;
const FIRST: &str = r#"{"data":[{"traceID":"5b8efff798038103d269b633813fc60c","spans":[{"traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174","operationName":"GET","references":[],"startTime":1684778327699392,"duration":1,"tags":[{"key":"error","type":"bool","value":true}],"logs":[],"processID":"p1","warnings":null}],"processes":{"p1":{"serviceName":"cart","tags":[]}},"warnings":null}],"total":0,"limit":0,"offset":0,"errors":null}"#;
const NO_PAGE: &str = "404 page not found\n";

fn jaeger(server: &MockServer) -> Jaeger {
    Jaeger::new(Endpoint::new(Backend::Jaeger, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap()
}

fn id() -> TraceId {
    TraceId::parse(ID).unwrap()
}

async fn answers(server: &MockServer, at: &str, status: u16, body: &str) {
    Mock::given(path(at)).respond_with(ResponseTemplate::new(status).set_body_string(body)).mount(server).await;
}

/// A server that has nothing else.
async fn nothing_else(server: &MockServer) {
    Mock::given(any()).respond_with(ResponseTemplate::new(404).set_body_string(NO_PAGE)).with_priority(200).mount(server).await;
}

fn search(plain: PlainQuery) -> TraceSearch {
    let range = TimeRange::new(Timestamp(1_500_000_000), Timestamp(9_500_000_000));
    TraceSearch { query: TraceQuery { traceql: "{}".to_owned(), plain: Some(plain) }, range, limit: 20 }
}

#[tokio::test]
async fn a_trace_is_the_same_by_either_api_and_the_one_that_answered_is_remembered() {
    let (third, first) = (MockServer::start().await, MockServer::start().await);
    // Older gateways send several documents.
    answers(&third, &format!("/api/v3/traces/{ID}"), 200, &format!("{OTLP}\n{}", r#"{"result":{"resourceSpans":[]}}"#)).await;
    nothing_else(&third).await;
    answers(&first, &format!("/api/traces/{ID}"), 200, FIRST).await;
    nothing_else(&first).await;
    let mut told = Vec::new();
    for (server, requests, apis) in [(&third, 2, "trace v3"), (&first, 3, "trace v1")] {
        let jaeger = jaeger(server);
        for _ in 0..2 {
            told.push(jaeger.trace(id(), None).await.unwrap());
        }
        assert_eq!(server.received_requests().await.unwrap().len(), requests);
        assert_eq!(jaeger.apis(), [apis]);
    }
    told.iter_mut().for_each(|spans| spans.spans[0].kind = crate::model::trace::SpanKind::Server);
    assert!(told.iter().all(|spans| *spans == told[0]), "{told:#?}");
}

#[tokio::test]
async fn a_trace_that_is_not_found_is_looked_for_at_the_time_of_the_hint() {
    let server = MockServer::start().await;
    let none = r#"{"error":{"httpCode":404,"message":"No traces found"}}"#;
    Mock::given(query_param_contains("startTime", "1970"))
        .and(path(format!("/api/v3/traces/{ID}")))
        .respond_with(ResponseTemplate::new(200).set_body_string(OTLP))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(path_regex("^/api/v3/traces/")).respond_with(ResponseTemplate::new(404).set_body_string(none)).mount(&server).await;
    nothing_else(&server).await;
    let jaeger = jaeger(&server);
    let hint = Some(TimeRange::new(Timestamp(1), Timestamp(2)));
    let old = jaeger.trace(id(), hint).await.unwrap();
    assert_eq!((old.spans.len(), old.partial), (1, None));
    for hint in [None, hint] {
        let e = jaeger.trace(TraceId(0xaa), hint).await.unwrap_err();
        assert_eq!((e.kind, e.message.as_str()), (ErrorKind::NotFound, "no trace 000000000000000000000000000000aa"));
    }
}

#[tokio::test]
async fn a_trace_that_lacks_a_caller_is_looked_up_once_and_one_that_fails_is_looked_for_near_the_hint() {
    let range = TimeRange::new(Timestamp::from_secs(1_684_778_320), Timestamp::from_secs(1_684_778_330));
    let orphan = OTLP.replace(r#""name":"GET""#, r#""parentSpanId":"eee19b7ec3c1b175","name":"GET""#);
    let asked = async |(status, everywhere): (u16, &str)| {
        let server = MockServer::start().await;
        let hinted = Mock::given(query_param_contains("startTime", "2023-05-22T16:58:40"));
        hinted.respond_with(ResponseTemplate::new(200).set_body_string(OTLP)).with_priority(1).mount(&server).await;
        answers(&server, &format!("/api/v3/traces/{ID}"), status, everywhere).await;
        let spans = jaeger(&server).trace(id(), Some(range)).await.unwrap();
        (spans.spans[0].parent.is_some(), spans.partial, server.received_requests().await.unwrap().len())
    };
    assert_eq!(asked((200, &orphan)).await, (true, None, 1));
    let part = "only what lies near is here: answered 500: teapot";
    assert_eq!(asked((500, "teapot")).await, (false, Some(part.to_owned()), 2));
}

#[tokio::test]
async fn what_is_no_jaeger_says_so() {
    let server = MockServer::start().await;
    nothing_else(&server).await;
    let e = jaeger(&server).trace(id(), None).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::NotSupported);
    assert!(e.message.contains("neither"), "{e}");
}

#[tokio::test]
async fn a_search_goes_by_tags_where_it_can_and_by_the_third_api_where_there_is_no_other() {
    let query = PlainQuery {
        service: Some("cart".into()),
        name: Some("POST".into()),
        tags: vec![("http.route".into(), "/pay".into())],
        failed: true,
        longer_than: Some(Duration::from_millis(1500)),
    };
    let (old, new) = (MockServer::start().await, MockServer::start().await);
    Mock::given(path("/api/traces"))
        .and(query_param("service", "cart"))
        .and(query_param("operation", "POST"))
        .and(query_param("tags", r#"{"error":"true","http.route":"/pay"}"#))
        .and(query_param("minDuration", "1500000us"))
        .and(query_param("start", "1500000"))
        .respond_with(ResponseTemplate::new(200).set_body_string(FIRST))
        .mount(&old)
        .await;
    nothing_else(&old).await;
    Mock::given(path("/api/v3/traces"))
        .and(query_param("query.serviceName", "cart"))
        .and(query_param("query.service_name", "cart"))
        .and(query_param("query.operation_name", "POST"))
        .and(query_param("query.startTimeMin", "1970-01-01T00:00:01.500000000Z"))
        .and(query_param("query.attributes", r#"{"error":"true","http.route":"/pay"}"#))
        .respond_with(ResponseTemplate::new(200).set_body_string(OTLP))
        .mount(&new)
        .await;
    nothing_else(&new).await;
    for server in [&old, &new] {
        let found = jaeger(server).search(&search(query.clone())).await.unwrap();
        let hit = &found.hits[0];
        assert_eq!((found.hits.len(), hit.trace, hit.root_service.as_deref(), hit.error_count), (1, id(), Some("cart"), Some(1)));
    }
}

#[tokio::test]
async fn without_a_service_all_are_searched_as_far_as_is_told() {
    let server = MockServer::start().await;
    let services: Vec<String> = (0..40).map(|i| format!("\"s{i}\"")).collect();
    answers(&server, "/api/v3/services", 200, &format!(r#"{{"services":[{}]}}"#, services.join(","))).await;
    answers(&server, "/api/traces", 200, FIRST).await;
    nothing_else(&server).await;
    let found = jaeger(&server).search(&search(PlainQuery::default())).await.unwrap();
    assert_eq!((found.hits.len(), found.part.as_deref()), (1, Some("30 of 40 services searched: name one")));
}

#[tokio::test]
async fn how_much_is_too_large_is_remembered() {
    let server = MockServer::start().await;
    Mock::given(path("/api/traces")).and(query_param("limit", "20")).respond_with(large()).mount(&server).await;
    Mock::given(path("/api/traces")).and(query_param("limit", "5")).respond_with(large()).mount(&server).await;
    answers(&server, "/api/traces", 200, FIRST).await;
    nothing_else(&server).await;
    let mut endpoint = Endpoint::new(Backend::Jaeger, server.uri().parse().unwrap());
    endpoint.max_body = 1 << 20;
    let jaeger = Jaeger::new(endpoint, Arc::new(|_, _| ())).unwrap();
    for requests in [3, 4] {
        let found = jaeger.search(&search(PlainQuery { service: Some("cart".into()), ..PlainQuery::default() })).await.unwrap();
        assert_eq!((found.hits.len(), found.part.as_deref()), (1, Some("1 at a time: more are too large to be read")));
        assert_eq!(server.received_requests().await.unwrap().len(), requests);
    }
    jaeger.search(&search(PlainQuery { service: Some("pay".into()), ..PlainQuery::default() })).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 7, "those of another service may be small");
}

#[tokio::test]
async fn a_trace_that_is_too_large_is_shown_as_far_as_it_is_read_and_that_is_said() {
    let (third, first) = (MockServer::start().await, MockServer::start().await);
    let begin = OTLP.find(r#"{"traceId""#).unwrap();
    let end = OTLP.find("]}]}]}}").unwrap();
    let spans: Vec<String> = (1..=8000).map(|i| OTLP[begin..end].replace("eee19b7ec3c1b174", &format!("{i:016x}"))).collect();
    answers(&third, &format!("/api/v3/traces/{ID}"), 200, &format!("{}{}{}", &OTLP[..begin], spans.join(","), &OTLP[end..])).await;
    answers(&first, &format!("/api/traces/{ID}"), 200, &FIRST.replace(r#""logs":["#, &format!(r#""logs":[{}"#, " ".repeat(1 << 20)))).await;
    nothing_else(&first).await;
    let of = |server: &MockServer| {
        let mut endpoint = Endpoint::new(Backend::Jaeger, server.uri().parse().unwrap());
        endpoint.max_body = 1 << 20;
        Jaeger::new(endpoint, Arc::new(|_, _| ())).unwrap()
    };
    let part = of(&third).trace(id(), None).await.unwrap();
    assert!((4000..8000).contains(&part.spans.len()), "{}", part.spans.len());
    assert_eq!(part.resources[0].service, "cart");
    let told = "the answer is larger than 1 MiB: what is beyond is not here, body_mib in config.toml reads more";
    assert_eq!(part.partial.as_deref(), Some(told));
    assert_eq!(of(&first).trace(id(), None).await.unwrap_err().kind, ErrorKind::TooLarge(1 << 20));
}

fn large() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(vec![b' '; (1 << 20) + 1])
}

#[tokio::test]
async fn errors_beside_the_data_are_told() {
    let server = MockServer::start().await;
    let told = FIRST.replace(r#""errors":null"#, r#""errors":[{"code":500,"msg":"a shard is away","traceID":"1"},{"msg":"late"}]"#);
    answers(&server, "/api/traces", 200, &told).await;
    answers(&server, &format!("/api/traces/{ID}"), 200, &told).await;
    for (end, errors) in
        [("aa", r#"{"code":503,"msg":"a shard is away"}"#), ("ab", r#"{"code":404,"msg":"gone"}"#), ("ac", r#"{"msg":"Trace not found"}"#)]
    {
        let at = format!("/api/traces/000000000000000000000000000000{end}");
        answers(&server, &at, 200, &format!(r#"{{"data":[],"errors":[{errors}]}}"#)).await;
    }
    nothing_else(&server).await;
    let jaeger = jaeger(&server);
    let found = jaeger.search(&search(PlainQuery { service: Some("cart".into()), ..PlainQuery::default() })).await.unwrap();
    assert_eq!((found.hits.len(), found.part.as_deref()), (1, Some("a shard is away; late")));
    assert_eq!(jaeger.trace(id(), None).await.unwrap().partial.as_deref(), Some("a shard is away; late"));
    let e = jaeger.trace(TraceId(0xaa), None).await.unwrap_err();
    assert!(e.kind == ErrorKind::Server(503) && e.message.ends_with("aa: a shard is away"), "{e}");
    for none in [0xab, 0xac] {
        assert_eq!(jaeger.trace(TraceId(none), None).await.unwrap_err().kind, ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_stream_that_ends_with_an_error_is_told_as_a_part_or_as_the_error() {
    let server = MockServer::start().await;
    let away = r#"{"error":{"code":13,"message":"a shard is away","details":[]}}"#;
    answers(&server, &format!("/api/v3/traces/{ID}"), 200, &format!("{OTLP}\n{away}")).await;
    answers(&server, "/api/v3/traces/000000000000000000000000000000aa", 200, away).await;
    let gone = r#"{"error":{"code":5,"message":"gone"}}"#;
    answers(&server, "/api/v3/traces/000000000000000000000000000000ab", 200, gone).await;
    let query = |service| Mock::given(path("/api/v3/traces")).and(query_param("query.serviceName", service));
    let body = |body: String| ResponseTemplate::new(200).set_body_string(body);
    query("cart").respond_with(body(format!("{OTLP}\n{away}"))).mount(&server).await;
    query("pay").respond_with(body(away.to_owned())).mount(&server).await;
    query("web").respond_with(body(gone.to_owned())).mount(&server).await;
    nothing_else(&server).await;
    let jaeger = jaeger(&server);
    assert_eq!(jaeger.trace(id(), None).await.unwrap().partial.as_deref(), Some("a shard is away"));
    let e = jaeger.trace(TraceId(0xaa), None).await.unwrap_err();
    assert!(e.kind == ErrorKind::Server(500) && e.message.ends_with("aa: a shard is away"), "{e}");
    assert_eq!(jaeger.trace(TraceId(0xab), None).await.unwrap_err().kind, ErrorKind::NotFound);
    let of = |service: &str| search(PlainQuery { service: Some(service.into()), ..PlainQuery::default() });
    let found = jaeger.search(&of("cart")).await.unwrap();
    assert_eq!((found.hits.len(), found.part.as_deref()), (1, Some("a shard is away")));
    let e = jaeger.search(&of("pay")).await.unwrap_err();
    assert_eq!(e.message, "no traces of pay: a shard is away");
    let found = jaeger.search(&of("web")).await.unwrap();
    assert_eq!((found.hits.len(), found.part), (0, None));
}

#[tokio::test]
async fn what_is_told_in_place_of_a_trace_is_no_last_word_where_a_hint_says_when_it_was() {
    let part = "only what lies near is here: no spans of trace 5b8efff798038103d269b633813fc60c: a shard is away";
    for (error, partial) in [(r#"{"code":500,"msg":"a shard is away"}"#, Some(part)), (r#"{"code":404,"msg":"trace not found"}"#, None)] {
        let server = MockServer::start().await;
        let found = ResponseTemplate::new(200).set_body_string(FIRST);
        Mock::given(query_param_contains("start", "0"))
            .and(path(format!("/api/traces/{ID}")))
            .respond_with(found)
            .with_priority(1)
            .mount(&server)
            .await;
        answers(&server, &format!("/api/traces/{ID}"), 200, &format!(r#"{{"data":[],"errors":[{error}]}}"#)).await;
        nothing_else(&server).await;
        let hint = TimeRange::new(Timestamp(1), Timestamp(2));
        let told = jaeger(&server).trace(id(), Some(hint)).await.unwrap();
        assert_eq!((told.spans.len(), told.partial.as_deref()), (1, partial), "{error}");
    }
}

#[tokio::test]
async fn services_that_do_not_answer_a_search_are_counted() {
    let server = MockServer::start().await;
    let services: Vec<String> = (0..40).map(|i| format!("\"s{i:02}\"")).collect();
    answers(&server, "/api/v3/services", 200, &format!(r#"{{"services":[{}]}}"#, services.join(","))).await;
    for (service, body) in [("s00", FIRST.replace(r#""errors":null"#, r#""errors":[{"msg":"late"}]"#)), ("s01", FIRST.to_owned())] {
        let answer = ResponseTemplate::new(200).set_body_string(body);
        Mock::given(path("/api/traces")).and(query_param("service", service)).respond_with(answer).with_priority(1).mount(&server).await;
    }
    answers(&server, "/api/traces", 500, "the store is away").await;
    nothing_else(&server).await;
    let found = jaeger(&server).search(&search(PlainQuery::default())).await.unwrap();
    let told = "30 of 40 services searched: name one; 28 of 30 services did not answer: answered 500: the store is away; late";
    assert_eq!((found.hits.len(), found.part.as_deref()), (1, Some(told)));
}

/// A server of so many services; what it answers to a search in them.
async fn of_services(n: usize, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let services: Vec<String> = (0..n).map(|i| format!("\"s{i:02}\"")).collect();
    answers(&server, "/api/v3/services", 200, &format!(r#"{{"services":[{}]}}"#, services.join(","))).await;
    Mock::given(path("/api/traces")).respond_with(answer).mount(&server).await;
    nothing_else(&server).await;
    server
}

async fn searched(server: &MockServer) -> Vec<wiremock::Request> {
    let all = server.received_requests().await.unwrap();
    all.into_iter().filter(|r| r.url.path() == "/api/traces").collect()
}

#[tokio::test]
async fn services_that_are_not_asked_in_time_are_left_alone_and_counted() {
    let server = of_services(14, ResponseTemplate::new(200).set_delay(Duration::from_secs(600))).await;
    let first = ResponseTemplate::new(200).set_body_string(FIRST);
    Mock::given(query_param("service", "s00")).respond_with(first).with_priority(1).mount(&server).await;
    let mut endpoint = Endpoint::new(Backend::Jaeger, server.uri().parse().unwrap());
    endpoint.timeout = Duration::from_millis(400);
    let jaeger = Jaeger::new(endpoint, Arc::new(|_, _| ())).unwrap();
    let found = jaeger.search(&search(PlainQuery::default())).await.unwrap();
    let told = "3 of 14 services searched in time: name one; 2 of 3 services did not answer: no complete answer within 400ms";
    assert_eq!((found.hits.len(), found.part.as_deref()), (1, Some(told)));
    assert_eq!(searched(&server).await.len(), 3, "no more than two were asked at a time");
}

#[tokio::test]
async fn of_several_services_fewer_traces_are_asked_each_which_is_told_where_there_are_more() {
    let copies: Vec<String> = (1..=50).map(|i| FIRST[9..FIRST.find(r#"],"total""#).unwrap()].replace(ID, &format!("{i:032x}"))).collect();
    let body = |n: usize| format!(r#"{{"data":[{}]}}"#, copies[..n].join(","));
    for (traces, told) in [(20, Some("at most 20 traces of a service")), (19, None)] {
        let server = of_services(14, ResponseTemplate::new(200).set_body_string(body(traces))).await;
        let found = jaeger(&server).search(&TraceSearch { limit: 50, ..search(PlainQuery::default()) }).await.unwrap();
        assert_eq!((found.hits.len(), found.part.as_deref()), (traces, told));
        let asked = searched(&server).await;
        assert!(asked.len() == 14 && asked.iter().all(|r| r.url.query().unwrap().contains("&limit=20")), "{asked:?}");
    }
    let server = of_services(1, ResponseTemplate::new(200).set_body_string(body(50))).await;
    let found = jaeger(&server).search(&TraceSearch { limit: 200, ..search(PlainQuery::default()) }).await.unwrap();
    assert_eq!((found.hits.len(), found.part.as_deref()), (50, Some("at most 50 traces of a service")));
}

#[tokio::test]
async fn an_answer_that_is_not_full_is_not_called_cut() {
    let server = MockServer::start().await;
    Mock::given(path("/api/traces")).and(query_param("limit", "20")).respond_with(large()).mount(&server).await;
    answers(&server, "/api/traces", 200, FIRST).await;
    nothing_else(&server).await;
    let mut endpoint = Endpoint::new(Backend::Jaeger, server.uri().parse().unwrap());
    endpoint.max_body = 1 << 20;
    let jaeger = Jaeger::new(endpoint, Arc::new(|_, _| ())).unwrap();
    let found = jaeger.search(&search(PlainQuery { service: Some("cart".into()), ..PlainQuery::default() })).await.unwrap();
    assert_eq!((found.hits.len(), found.part), (1, None), "one of five that there was room for");
}

#[tokio::test]
async fn services_and_operations_are_told_by_either_api() {
    let (third, first) = (MockServer::start().await, MockServer::start().await);
    answers(&third, "/api/v3/services", 200, r#"{"services":["b","a"]}"#).await;
    answers(&third, "/api/v3/operations", 200, r#"{"operations":[{"name":"GET","spanKind":"server"},{"name":"GET","spanKind":"client"}]}"#)
        .await;
    // Its user interface answers what it does not know.
    Mock::given(path_regex("^/api/v3/")).respond_with(ResponseTemplate::new(200).set_body_string("<!doctype html>")).mount(&first).await;
    answers(&first, "/api/services", 200, r#"{"data":["b","a"],"total":2}"#).await;
    Mock::given(path_regex("^/api/services/a%2Fb%20c/operations$"))
        .respond_with(ResponseTemplate::new(200).set_body_string(r#"{"data":["GET"]}"#))
        .mount(&first)
        .await;
    for server in [&third, &first] {
        let jaeger = jaeger(server);
        assert_eq!(jaeger.services().await.unwrap(), ["a", "b"]);
        assert_eq!(jaeger.operations("a/b c").await.unwrap(), ["GET"]);
        let values = async |tag: &str, beside: &str| jaeger.values(tag, beside, &[]).await.map(|told| told.names);
        assert_eq!(values("resource.service.name", "").await.unwrap(), ["a", "b"]);
        assert_eq!(values("name", r#"{ resource.service.name="a/b c" && status=error }"#).await.unwrap(), ["GET"]);
        assert!(values("name", "{ status=error }").await.unwrap_err().message.contains("name that one first"));
        assert!(values("span.http.route", "").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn traceql_is_refused_in_words() {
    let server = MockServer::start().await;
    let typed = TraceSearch { query: TraceQuery::typed("{ status=error }"), ..search(PlainQuery::default()) };
    let e = jaeger(&server).search(&typed).await.unwrap_err();
    assert!(e.kind == ErrorKind::NotSupported && e.message.starts_with("Jaeger has no TraceQL"), "{e}");
}
