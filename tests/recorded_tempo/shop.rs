//! The traces that were pushed, and what was asked about them.

use redline::{
    demo::store::StoredTrace,
    model::trace::TraceId,
    wire::otlp::{AnyValue, Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Status, any_value::Value},
};

pub const SECOND: i64 = 1_000_000_000;
pub const TRACES: usize = 8;

pub const SEARCHES: &[&str] = &[
    "{}",
    "{ status = error }",
    "{ status = error } with (most_recent=true)",
    r#"{ name = "GET /cart" } > { }"#,
    r#"{ name = "GET /cart" } >> { kind = client }"#,
    r#"{ name = "select" } << { }"#,
    r#"{ name = "select" } < { }"#,
    r#"{ name = "select" } ~ { }"#,
    r#"{ } ~ { name = "select" }"#,
    r#"{ name = "POST /pay" } !> { }"#,
    r#"{ name = "GET /cart" } !>> { }"#,
    r#"{ name = "none" } !>> { status = error }"#,
    r#"{ status = error } !< { }"#,
    r#"{ status = error } !<< { }"#,
    r#"{ name = "select" } !~ { }"#,
    r#"{ name = "GET /cart" } &> { kind = client }"#,
    r#"{ name = "GET /cart" } &>> { name = "select" }"#,
    r#"{ name = "select" } &< { }"#,
    r#"{ name = "select" } &<< { resource.service.name = "web" }"#,
    r#"{ name = "select" } &~ { }"#,
    r#"{ name = "select" } | select(span.db.rows, resource.host.name, name)"#,
    "{ kind = client } | select(status, kind, span.retry)",
    "{ nestedSetParent < 0 } | select(nestedSetLeft, nestedSetRight)",
    "{ event:name = `exception` } | select(event.exception.type)",
    "{ event:timeSinceStart > 1ms } | select(event:timeSinceStart)",
    "{ link:spanID != nil } | select(link:spanID)",
    "{ instrumentation:name = `shop` && kind = server }",
    "{ } | count() > 5",
    "{ } | by(resource.service.name) | count() > 2",
    "{ kind = server } | avg(duration) > 100ms",
    "{ name = `select` } | max(span.db.rows) >= 3",
    "{ trace:duration > 1s && trace:rootName = `GET /cart` && span:name = `select` }",
];

pub const RANGES: &[&str] = &[
    "{} | rate()",
    "{} | count_over_time() by (resource.service.name, status)",
    "{ kind = server } | count_over_time() by (span.retry)",
    "{} | max_over_time(duration) by (name)",
    "{} | min_over_time(span.db.rows)",
    "{} | avg_over_time(span.db.rows)",
    "{ kind = server } | quantile_over_time(duration, 0.5, 0.95, 1)",
    "{ kind = server } | quantile_over_time(duration, 0.9) by (resource.service.name)",
    "{ kind = server } | histogram_over_time(duration)",
    "{} | count_over_time() by (name) | topk(2)",
    "{} | count_over_time() by (name) | bottomk(2)",
    r#"{ name = "GET /cart" } >> { kind = client } | rate() by (name)"#,
    "{ name = `none` } | rate() by (name)",
];

pub const INSTANTS: &[&str] = &[
    "{} | rate()",
    "{ status = error } | count_over_time() by (resource.service.name)",
    "{ kind = server } | quantile_over_time(duration, 0.5)",
    "{} | compare({ status = error })",
];

pub const MISTAKES: &[&str] = &[
    "{",
    "{ status = }",
    "{ } | rate(",
    "{ } | quantile_over_time(duration)",
    "{ } | quantile_over_time(duration, 2)",
    "{ } | rate() | topk(0)",
    "{ } | rate() | count() > 1",
    "{ } | compare({ status = error }, 0)",
    "{ } | compare({ status = error }) | topk(1)",
    "{ duration = `x` }",
    "{ name > 3 }",
    "{ duration }",
    "{ status = nil }",
    "{ parent.span.x = 1 }",
    "{ } | avg(name) > 1",
    "{ } | 2 * count() > 1",
    "{ name = `a` } >>> { }",
];

pub const TAGS: &[(&str, &str)] = &[
    ("/api/v2/search/tags", "scope=event"),
    ("/api/v2/search/tags", "scope=nothing"),
    ("/api/search/tags", ""),
    ("/api/search/tags", "scope=resource"),
    ("/api/v2/search/tag/resource.service.name/values", ""),
    ("/api/v2/search/tag/resource.service.name/values", r#"q={ name = "select" }"#),
    ("/api/v2/search/tag/name/values", r#"q={ resource.service.name = "web" }"#),
    ("/api/v2/search/tag/name/values", "q={"),
    ("/api/v2/search/tag/span.db.rows/values", ""),
    ("/api/v2/search/tag/span.retry/values", ""),
    ("/api/v2/search/tag/span.ratio/values", ""),
    ("/api/v2/search/tag/.http.route/values", ""),
    ("/api/v2/search/tag/event.exception.type/values", ""),
    ("/api/v2/search/tag/event:name/values", ""),
    ("/api/v2/search/tag/status/values", ""),
    ("/api/v2/search/tag/kind/values", ""),
    ("/api/v2/search/tag/duration/values", ""),
    ("/api/v2/search/tag/rootName/values", ""),
    ("/api/search/tag/service.name/values", ""),
    ("/api/search/tag/http.route/values", ""),
];

/// The id of one of them.
pub fn id(start: i64, number: u128) -> u128 {
    // Some have leading zeros.
    let high = if number.is_multiple_of(3) { 0 } else { 0x5eed << 96 };
    high | (u128::try_from(start).unwrap() << 8) | number
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::String(value.to_owned()))
}

/// Purchases of three services a few seconds apart: some slow, some failed, with several statements of one kind.
pub fn traces(start: i64) -> Vec<StoredTrace> {
    (1..=TRACES as u128).map(|n| trace(n, start, start + n as i64 * 4 * SECOND)).collect()
}

fn trace(number: u128, first: i64, start: i64) -> StoredTrace {
    let trace = id(first, number);
    let span_id = |index: u64| (0x1000 * number as u64 + index).to_be_bytes().to_vec();
    let (slow, failed) = (number.is_multiple_of(4), number.is_multiple_of(3));
    let span = |index: u64, parent: u64, name: &str, kind: i32, (from, to): (i64, i64), attributes: Vec<KeyValue>| Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: span_id(index),
        parent_span_id: if parent == 0 { Vec::new() } else { span_id(parent) },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: (start + from * 1_000_000) as u64,
        end_time_unix_nano: (start + to * 1_000_000) as u64,
        attributes,
        status: Some(Status {
            message: if failed && index == 3 { "boom".to_owned() } else { String::new() },
            code: if failed && (2..=3).contains(&index) { 2 } else { 0 },
        }),
        ..Span::default()
    };
    let of = |service: &str, spans: Vec<Span>| ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", service), text("host.name", &format!("h{}", number % 2))] }),
        scope_spans: vec![ScopeSpans { scope: Some(Scope { name: "shop".to_owned(), version: "1.2".to_owned() }), spans }],
    };
    let length = if slow { 2_500 } else { 120 };
    let mut pay = span(
        3,
        2,
        "POST /pay",
        2,
        (10, length - 10),
        vec![attribute("http.response.status_code", Value::Int(if failed { 500 } else { 200 }))],
    );
    if failed {
        let exception = vec![text("exception.type", "Timeout"), text("exception.message", "no answer")];
        pay.events = vec![Event { time_unix_nano: pay.end_time_unix_nano, name: "exception".to_owned(), attributes: exception }];
    }
    let select = |index: u64, from: i64| {
        let attributes = vec![text("db.system", "postgresql"), attribute("db.rows", Value::Int(index as i64 - 3))];
        span(index, 3, "select", 3, (from, from + 6), attributes)
    };
    let statements = vec![select(4, 20), select(5, 30), select(6, 40)];
    let mut mail = span(7, 1, "mail", 5, (length - 5, length), vec![attribute("ratio", Value::Double(0.5 * number as f64))]);
    mail.links = vec![Link { trace_id: trace.to_be_bytes().to_vec(), span_id: span_id(3), attributes: vec![text("cause", "publish")] }];
    StoredTrace {
        id: TraceId(trace),
        spans: vec![
            of("web", vec![span(1, 0, "GET /cart", 2, (0, length), vec![text("http.route", "/cart")])]),
            of(
                "api",
                vec![
                    span(2, 1, "POST /pay", 3, (5, length - 6), vec![text("peer.service", "pay"), attribute("retry", Value::Bool(failed))]),
                    mail,
                ],
            ),
            of("pay", std::iter::once(pay).chain(statements).collect()),
        ],
    }
}
