//! A trace of any size, as protobuf and as JSON.

use std::fmt::Write as _;

use redline::wire::otlp::{
    AnyValue, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, Status, TraceByIdResponse, TracesData, any_value::Value,
};

/// Its id.
pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const START: u64 = 1_763_712_000_000_000_000;
/// Each has a group of its own.
pub const SERVICES: usize = 10;

/// Ten services that call each other up to 12 deep, with attributes as an instrumented program writes them.
pub fn answer(count: usize) -> TraceByIdResponse {
    let resource_spans = (0..SERVICES).map(|service| group(service, count)).collect();
    TraceByIdResponse { trace: Some(TracesData { resource_spans }), status: 0, message: String::new() }
}

/// The spans of one of the services.
pub fn group(service: usize, count: usize) -> ResourceSpans {
    let attributes = vec![text("service.name", format!("service-{service}")), text("k8s.pod.name", format!("service-{service}-5d9f8"))];
    let spans = (service..count).step_by(SERVICES).map(|i| span(i, count)).collect();
    ResourceSpans { resource: Some(Resource { attributes }), scope_spans: vec![ScopeSpans { scope: None, spans }] }
}

fn span(i: usize, count: usize) -> Span {
    let id = |i: usize| (i as u64 + 1).to_be_bytes().to_vec();
    let parent = if i == 0 { None } else { Some(if i.is_multiple_of(12) { 0 } else { i - 1 }) };
    let (begin, depth) = (START + i as u64 * 10_000, (i % 12) as u64);
    Span {
        trace_id: u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes().to_vec(),
        span_id: id(i),
        parent_span_id: parent.map(id).unwrap_or_default(),
        name: if i == 0 { "GET /step".to_owned() } else { format!("step {}", i % 40) },
        kind: 2 + (i % 2) as i32,
        start_time_unix_nano: begin,
        end_time_unix_nano: if i == 0 { START + count as u64 * 10_000 } else { begin + (13 - depth) * 9_000 },
        attributes: vec![
            text("http.request.method", "GET".to_owned()),
            text("url.path", format!("/orders/{i}/items")),
            text("server.address", format!("orders-{}.shop.svc.cluster.local", i % 8)),
            text("user_agent.original", "Java-http-client/21.0.2".to_owned()),
            number("http.response.status_code", if i % 500 == 7 { 500 } else { 200 }),
        ],
        status: (i % 500 == 7).then(|| Status { code: 2, message: "connection reset".to_owned() }),
        ..Span::default()
    }
}

fn text(key: &str, value: String) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::String(value)) }) }
}

fn number(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::Int(value)) }) }
}

/// The same in the specification's JSON.
pub fn json(count: usize) -> String {
    let mut out = String::from(r#"{"resourceSpans":["#);
    for service in 0..SERVICES {
        let group = group(service, count);
        let comma = if service == 0 { "" } else { "," };
        let _ =
            write!(out, r#"{comma}{{"resource":{{"attributes":{}}},"scopeSpans":[{{"spans":["#, pairs(&group.resource.unwrap().attributes));
        for (i, span) in group.scope_spans[0].spans.iter().enumerate() {
            let (comma, status) = (if i == 0 { "" } else { "," }, span.status.clone().unwrap_or_default());
            let _ = write!(
                out,
                r#"{comma}{{"traceId":"{TRACE}","spanId":"{}","parentSpanId":"{}","name":"{}","kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":{},"status":{{"code":{},"message":"{}"}}}}"#,
                hex(&span.span_id),
                hex(&span.parent_span_id),
                span.name,
                span.kind,
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                pairs(&span.attributes),
                status.code,
                status.message,
            );
        }
        out.push_str("]}]}");
    }
    out.push_str("]}");
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn pairs(pairs: &[KeyValue]) -> String {
    let pair = |pair: &KeyValue| match pair.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::Int(n)) => format!(r#"{{"key":"{}","value":{{"intValue":"{n}"}}}}"#, pair.key),
        Some(Value::String(s)) => format!(r#"{{"key":"{}","value":{{"stringValue":"{s}"}}}}"#, pair.key),
        other => panic!("{other:?} is not written"),
    };
    format!("[{}]", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
}
