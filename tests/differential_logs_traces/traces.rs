//! Traces that Tempo finds for a query, and what it knows of one.

use std::{sync::Arc, time::Duration};

use prost::Message;
use redline::{
    demo::{memory_traces::MemTraces, server, store::StoredTrace},
    model::trace::TraceId,
    wire::otlp::{AnyValue, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, Status, TracesData, any_value::Value as Any},
};
use serde_json::{Value, json};

use super::{Differences, SECOND, Stack, Wall, comparable, get, now, sorted, tags};

pub(super) fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::String(value.to_owned()))
}

/// A checkout of three services: server, client, server, and an error now and then.
fn trace(run: &str, number: u128, start: i64) -> StoredTrace {
    // Ids with leading zeros, as they are trimmed in answers.
    let id = (u128::try_from(start).unwrap_or_default() << 8) | number;
    let (slow, failed) = (number.is_multiple_of(4), number.is_multiple_of(3));
    let span = |index: u64, parent: u64, name: &str, kind: i32, (from, to): (i64, i64), attributes: Vec<KeyValue>| Span {
        trace_id: id.to_be_bytes().to_vec(),
        span_id: (index + 16 * number as u64 + 1).to_be_bytes().to_vec(),
        parent_span_id: if parent == 99 { Vec::new() } else { (parent + 16 * number as u64 + 1).to_be_bytes().to_vec() },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: (start + from * 1_000_000) as u64,
        end_time_unix_nano: (start + to * 1_000_000) as u64,
        attributes,
        status: Some(Status {
            message: if failed && index == 2 { "boom".to_owned() } else { String::new() },
            code: if failed && index >= 1 { 2 } else { 0 },
        }),
        ..Span::default()
    };
    let length = if slow { 2500 } else { 120 };
    let of = |service: &str, spans: Vec<Span>| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", service), text("run", run), text("host.name", &format!("h{}", number % 2))],
        }),
        scope_spans: vec![ScopeSpans { scope: None, spans }],
    };
    let status = if failed { 500 } else { 200 };
    StoredTrace {
        id: TraceId(id),
        spans: vec![
            of(
                "web",
                vec![span(
                    0,
                    99,
                    "GET /cart",
                    2,
                    (0, length),
                    vec![text("http.route", "/cart"), attribute("http.status_code", Any::Int(status))],
                )],
            ),
            of(
                "api",
                vec![
                    span(1, 0, "POST /pay", 3, (5, length - 5), vec![text("peer.service", "pay"), attribute("retry", Any::Bool(failed))]),
                    span(
                        3,
                        1,
                        "select",
                        3,
                        (6, 9),
                        vec![text("db.system", "postgresql"), attribute("ratio", Any::Double(0.5 * number as f64))],
                    ),
                ],
            ),
            of(
                "pay",
                vec![span(
                    2,
                    1,
                    "POST /pay",
                    2,
                    (10, length - 10),
                    vec![attribute("http.status_code", Any::Int(status)), text("service.tier", "gold")],
                )],
            ),
        ],
    }
}

/// TraceQL; `RUN` is this run. Tempo 2.1 loses the durations of spans where one of two sets asks for them, so none does.
const QUERIES: &[&str] = &[
    r#"{ resource.run = "RUN" }"#,
    r#"{ .run = "RUN" && status = error }"#,
    r#"{ .run = "RUN" && status = unset }"#,
    r#"{ .run = "RUN" && status != ok }"#,
    r#"{ .run = "RUN" && kind = client }"#,
    r#"{ .run = "RUN" && name = "select" }"#,
    r#"{ .run = "RUN" && name =~ "POST.*" }"#,
    r#"{ .run = "RUN" && name !~ "POST.*|GET.*" }"#,
    r#"{ .run = "RUN" && duration > 1s }"#,
    r#"{ .run = "RUN" && duration >= 2.5s }"#,
    r#"{ .run = "RUN" && duration < 5ms }"#,
    r#"{ resource.service.name = "pay" && .run = "RUN" && span.http.status_code >= 500 }"#,
    r#"{ .run = "RUN" && span.http.status_code = 200 || .run = "RUN" && span.ratio > 1.2 }"#,
    r#"{ .run = "RUN" && span.ratio = 1 }"#,
    r#"{ .run = "RUN" && span.retry = true }"#,
    r#"{ .run = "RUN" && span.retry != true }"#,
    r#"{ .run = "RUN" && .http.route = `/cart` }"#,
    r#"{ .run = "RUN" && resource.http.route = "/cart" }"#,
    r#"{ .run = "RUN" && span.nothing != "x" }"#,
    r#"{ .run = "RUN" && (.service.tier = "gold" || .db.system = "postgresql") && resource.host.name = "h1" }"#,
    r#"{ .run = "RUN" } && { status = error }"#,
    r#"{ .run = "RUN" && name = "select" } && { .run = "RUN" && status = error }"#,
    r#"{ .run = "RUN" && name = "select" } || { .run = "RUN" && span.http.status_code = 500 }"#,
    r#"{ .run = "RUN" } | count() > 3"#,
    r#"{ .run = "RUN" && status = error } | count() = 3"#,
    r#"{ .run = "RUN" && status = error } | count() > 5"#,
    r#"{ .run = "RUN" && kind = server } | avg(duration) > 200ms"#,
    r#"{ .run = "RUN" && kind = server } | max(duration) < 1s"#,
    r#"{ .run = "RUN" && kind = server } | min(span.http.status_code) >= 500"#,
    r#"{ .run = "RUN" } | { status = error } | count() > 1"#,
    r#"{ .run = "RUN" } | by(resource.service.name) | count() > 1"#,
    r#"({ .run = "RUN" } | count() > 3)"#,
    r#"{ .run = "none" }"#,
];

const REFUSED: &[&str] = &[
    "{",
    "{ status = }",
    "{ foo = 3 }",
    r#"{ name = "a }"#,
    "{ status = error } | count()",
    "{ status = error } |",
    "{ duration > 1s } foo",
    "{} | avg() > 1",
    "{ .a == 1 }",
    "{ .a = 1 } & { .b = 2 }",
    "count() > 2 |",
    "{ .a = 1s1 }",
];

/// What of a found trace must agree: the demo tells more than an old Tempo.
fn tidy(answer: Value) -> Value {
    tidy_spans(answer, true)
}

/// Without the spans themselves where Tempo 2.1 mixes them up.
fn tidy_spans(answer: Value, compare_spans: bool) -> Value {
    let trace = |t: &Value| {
        let set = &t["spanSet"];
        let few = compare_spans && set["matched"].as_u64().is_some_and(|m| m <= 3);
        let mut spans: Vec<Value> = set["spans"].as_array().cloned().unwrap_or_default();
        for span in &mut spans {
            if let Some(Value::Array(attributes)) = span.get_mut("attributes") {
                sorted(attributes);
            }
        }
        sorted(&mut spans);
        json!({
            "id": t["traceID"], "service": t["rootServiceName"], "name": t["rootTraceName"], "start": t["startTimeUnixNano"], "ms": t["durationMs"],
            "matched": set["matched"], "spans": if few { json!(spans) } else { json!(spans.len()) },
        })
    };
    let mut traces: Vec<Value> = answer["traces"].as_array().map(|t| t.iter().map(trace).collect()).unwrap_or_default();
    sorted(&mut traces);
    json!(traces)
}

#[tokio::test]
async fn tempo_answers_alike() {
    let (stack, client) = (Stack::read(), redline::source::http::plain().build().unwrap());
    let real = stack.url("tempo");
    let run = format!("run{}", now().0);
    let traces: Vec<StoredTrace> = (1..=12u128).map(|n| trace(&run, n, now().0 - 20 * SECOND + n as i64 * SECOND)).collect();
    let body = TracesData { resource_spans: traces.iter().flat_map(|t| t.spans.clone()).collect() }.encode_to_vec();
    let otlp = format!("{}/v1/traces", stack.url("otlp"));
    let sent = client.post(otlp).header("content-type", "application/x-protobuf").body(body).send().await.expect("Tempo takes spans");
    assert_eq!(sent.status().as_u16(), 200, "Tempo refused the spans");
    let embedded = server::start(server::tempo::router(Arc::new(MemTraces::new(traces.clone())), Arc::new(Wall)), Arc::new(Wall))
        .await
        .expect("a free port");
    let demo = embedded.url.as_str().trim_end_matches('/').to_owned();
    let plain = ("Accept", "*/*");
    let all = [("q", format!(r#"{{ .run = "{run}" }}"#)), ("limit", "100".to_owned())];
    let has_all = async |base: &str| {
        let (_, body) = get(&client, base, "/api/search", &all, plain).await;
        tidy(serde_json::from_slice(&body).unwrap_or_default()).as_array().is_some_and(|traces| traces.len() == 12)
    };
    // Both find a trace some seconds after its last span; neither tells when.
    let all_found = async {
        let mut look = tokio::time::interval(Duration::from_millis(500));
        while !(has_all(&real).await && has_all(&demo).await) {
            look.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(180), all_found).await.expect("Tempo does not find the spans it took");
    let mut found = Differences::default();
    for query in QUERIES {
        let params = [("q", query.replace("RUN", &run)), ("limit", "100".to_owned())];
        let (a, b) = (get(&client, &demo, "/api/search", &params, plain).await, get(&client, &real, "/api/search", &params, plain).await);
        let one_set = query.matches('{').count() == 1;
        found.compare(query, comparable(&a, |v| tidy_spans(v, one_set)), comparable(&b, |v| tidy_spans(v, one_set)));
    }
    for query in REFUSED {
        let params = [("q", (*query).to_owned())];
        let (a, b) = (get(&client, &demo, "/api/search", &params, plain).await, get(&client, &real, "/api/search", &params, plain).await);
        found.compare(query, comparable(&a, tidy), comparable(&b, tidy));
    }
    for params in [
        vec![("tags", format!("run={run}"))],
        vec![("tags", format!("run={run} service.name=pay"))],
        vec![("tags", format!("run={run} status.code=error"))],
        vec![("tags", format!("run={run} http.status_code=500"))],
        vec![("tags", format!("run={run} name=select"))],
        vec![("tags", format!("run={run}")), ("minDuration", "1s".to_owned())],
        vec![("tags", format!("run={run}")), ("maxDuration", "200ms".to_owned())],
        vec![("tags", "a=b a=c".to_owned())],
        vec![("tags", "a=b".to_owned()), ("q", "{ .a = 1 }".to_owned())],
        vec![("minDuration", "x".to_owned())],
        vec![("limit", "0".to_owned())],
        vec![("start", "5".to_owned())],
    ] {
        let params: Vec<_> =
            if params[0].0 == "limit" { params } else { params.into_iter().chain([("limit", "100".to_owned())]).collect() };
        let (a, b) = (get(&client, &demo, "/api/search", &params, plain).await, get(&client, &real, "/api/search", &params, plain).await);
        found.compare(&format!("{params:?}"), comparable(&a, tidy), comparable(&b, tidy));
    }
    tags::compare(&client, &demo, &real, &mut found).await;
    for id in [traces[0].id.to_string(), format!("{:x}", traces[1].id.0), "1".repeat(32), "xyz".to_owned()] {
        for accept in [plain, ("Accept", "application/protobuf")] {
            let path = format!("/api/traces/{id}");
            let (a, b) = (get(&client, &demo, &path, &[], accept).await, get(&client, &real, &path, &[], accept).await);
            let decode = |(status, body): &(u16, Vec<u8>)| match TracesData::decode(body.as_slice()) {
                _ if *status == 404 => (*status, Value::Null),
                Ok(data) if accept.1 != "*/*" && *status == 200 => (*status, json!(spans(&data))),
                _ => comparable(&(*status, body.clone()), by_service),
            };
            found.compare(&format!("{path} {}", accept.1), decode(&a), decode(&b));
        }
    }
    found.assert_none();
}

/// Spans of a trace as text, sorted: what groups them is not told apart.
fn spans(data: &TracesData) -> Vec<String> {
    let of = |r: &ResourceSpans| {
        let mut resource = r.resource.clone().unwrap_or_default();
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let text = |span: &Span| {
            let mut span = span.clone();
            span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
            format!("{resource:?} {span:?}")
        };
        r.scope_spans.iter().flat_map(|s| &s.spans).map(text).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = data.resource_spans.iter().flat_map(of).collect();
    all.sort();
    all
}

fn by_service(mut answer: Value) -> Value {
    for batch in answer["batches"].as_array_mut().into_iter().flatten() {
        if let Some(Value::Array(attributes)) = batch["resource"].get_mut("attributes") {
            sorted(attributes);
        }
        // The receiver adds an empty scope.
        for spans in batch["scopeSpans"].as_array_mut().into_iter().flatten() {
            spans.as_object_mut().map(|s| s.remove("scope"));
            for span in spans["spans"].as_array_mut().into_iter().flatten() {
                if let Some(attributes) = span["attributes"].as_array_mut() {
                    sorted(attributes);
                }
            }
        }
    }
    if let Some(Value::Array(batches)) = answer.get_mut("batches") {
        batches.sort_by_key(|b| b["resource"].to_string());
    }
    answer
}
