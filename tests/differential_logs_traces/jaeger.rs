//! A real Jaeger against a real Tempo, both of which were sent the same traces: what redline makes of them, and what its waterfall
//! draws. Jaeger is asked by both of its query APIs: a gateway in front of it hands on one of them only.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use prost::Message;
use redline::{
    demo::server::{self, Server},
    model::{
        backend::Backend,
        time::{TimeRange, Timestamp},
        trace::{Attributes, Spans, TraceId},
        trace_source::{PlainQuery, TraceQuery},
    },
    source::{Jaeger, Tempo, http::Endpoint, traces::TraceSearch},
    trace::{Flags, Trace},
    wire::otlp::{
        AnyValue, ArrayValue, Event, Link, Resource, ResourceSpans, ScopeSpans, Span, Status, TracesData, any_value::Value as Any,
    },
};

use super::{
    SECOND, Stack, Wall, now,
    support::Terminal,
    traces::{attribute, text},
};

/// What Jaeger writes into a span or link of OTLP's.
const ADDED: [&str; 2] = ["internal.span.format", "opentracing.ref_type"];
/// How long either takes at the most to find what it was sent.
const PATIENCE: Duration = Duration::from_secs(180);

/// A checkout of two services with all that spans have, in whole microseconds. Jaeger keeps no attributes of links.
fn checkout(id: u128, run: &str, start: i64) -> TracesData {
    let at = |micros: i64| u64::try_from(start + micros * 1000).unwrap();
    let span = |index: u64, parent: u64, name: &str, kind: i32, (from, to): (i64, i64)| Span {
        trace_id: id.to_be_bytes().to_vec(),
        span_id: index.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: at(from),
        end_time_unix_nano: at(to),
        status: Some(Status::default()),
        ..Span::default()
    };
    let list = ArrayValue { values: ["a", "b"].map(|v| AnyValue { value: Some(Any::String(v.to_owned())) }).to_vec() };
    let root = Span {
        attributes: vec![
            text("order", run),
            text("http.request.method", "POST"),
            text("http.route", "/pay"),
            attribute("http.response.status_code", Any::Int(500)),
            attribute("share", Any::Double(0.5)),
            attribute("retried", Any::Bool(true)),
            attribute("list", Any::Array(list)),
        ],
        status: Some(Status { message: "no answer".to_owned(), code: 2 }),
        ..span(0x0a, 0, "POST", 2, (0, 900_001))
    };
    let failed = Span {
        attributes: vec![text("db.system", "postgresql"), text("db.operation", "SELECT"), text("db.sql.table", "orders")],
        events: vec![Event {
            time_unix_nano: at(300_007),
            name: "exception".to_owned(),
            attributes: vec![text("exception.type", "Timeout"), text("exception.message", "after 250 ms")],
        }],
        links: vec![Link { trace_id: 0xff_u128.to_be_bytes().to_vec(), span_id: 0xee_u64.to_be_bytes().to_vec(), attributes: Vec::new() }],
        status: Some(Status { message: String::new(), code: 2 }),
        ..span(0x0c, 0x0b, "SELECT orders", 3, (50_000, 300_007))
    };
    let done = Span { status: Some(Status { message: String::new(), code: 1 }), ..span(0x0b, 0x0a, "pay", 2, (10_000, 880_000)) };
    let of = |service: &str, spans| ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", &format!("{service}-{run}")), text("host.name", "h1")] }),
        scope_spans: vec![ScopeSpans { scope: None, spans }],
    };
    let inner = vec![
        done,
        failed,
        span(0x0d, 0x0b, "publish", 4, (310_000, 310_000)),
        span(0x0e, 0x0b, "consume", 5, (400_000, 870_000)),
        span(0x0f, 0x0b, "inside", 1, (311_000, 399_999)),
        span(0x10, 0x0b, "plain", 0, (20_000, 30_000)),
    ];
    TracesData { resource_spans: vec![of("web", vec![root]), of("pay", inner)] }
}

async fn send(otlp: &str, body: &TracesData) {
    let client = redline::source::http::plain().build().unwrap();
    let request = client.post(format!("{otlp}/v1/traces")).header("content-type", "application/x-protobuf");
    let sent = request.body(body.encode_to_vec()).send().await.expect("it takes spans");
    assert_eq!(sent.status().as_u16(), 200, "{otlp} refused the spans");
}

/// What a Jaeger of one API answers.
#[derive(Clone)]
struct Gateway {
    jaeger: String,
    third: bool,
}

impl Gateway {
    /// Hands on the third API or the first.
    async fn start(jaeger: &str, third: bool) -> Server {
        let gateway = Self { jaeger: jaeger.to_owned(), third };
        server::start(Router::new().fallback(answer).with_state(gateway), Arc::new(Wall)).await.expect("a free port")
    }
}

async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/v3/") != gateway.third {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    let client = redline::source::http::plain().build().unwrap();
    let answer = client.get(format!("{}{}", gateway.jaeger, request.uri())).send().await.expect("Jaeger answers");
    let status = answer.status();
    (status, answer.bytes().await.expect("a body")).into_response()
}

fn jaeger(gateway: &Server) -> Jaeger {
    Jaeger::new(Endpoint::new(Backend::Jaeger, gateway.url.clone()), Arc::new(|_, _| ())).unwrap()
}

fn tempo(url: &str) -> Tempo {
    Tempo::new(Endpoint::new(Backend::Tempo, url.parse().unwrap()), Arc::new(|_, _| ())).unwrap()
}

/// Asks until there is something: neither tells when.
async fn until_there<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        let mut look = tokio::time::interval(Duration::from_millis(500));
        loop {
            look.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{what} does not find the spans it took"))
}

/// All that is known of a trace, in an order of its own, without what Jaeger added.
fn facts(spans: &Spans) -> Vec<String> {
    let named = |attributes: &Attributes| {
        let kept = attributes.iter().filter(|(name, _)| !ADDED.contains(name));
        let mut all: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
        all.sort();
        all
    };
    let fact = |s: &redline::model::trace::Span| {
        let resource = &spans.resources[s.resource as usize];
        let times = (s.start.0, s.end.0);
        let events: Vec<_> = s.events().iter().map(|e| (e.at.0, e.name.to_string(), named(&e.attributes))).collect();
        let links: Vec<_> = s.links().iter().map(|l| (l.trace, l.span, named(&l.attributes))).collect();
        let (own, all) = (named(&s.attributes), named(&resource.attributes));
        format!(
            "{} {:?} {} {} {:?} {times:?} {} {:?} {own:?} {all:?} {events:?} {links:?}",
            s.id,
            s.parent,
            resource.service,
            s.name,
            s.kind,
            s.error,
            s.status_message()
        )
    };
    let mut all: Vec<String> = spans.spans.iter().map(fact).collect();
    all.sort();
    assert_eq!(spans.partial, None);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn tempo_and_jaeger_show_a_trace_alike() {
    let stack = Stack::read();
    let (real_tempo, real_jaeger) = (stack.url("tempo"), stack.url_in("jaeger", "jaeger"));
    let (third, first) = (Gateway::start(&real_jaeger, true).await, Gateway::start(&real_jaeger, false).await);
    let micros = now().0 / 1000 * 1000 - 20 * SECOND;
    // Of 32 digits that begin with zeros, and of 16.
    for id in [u128::try_from(micros).unwrap() << 40, u128::try_from(micros).unwrap()] {
        let body = checkout(id, &format!("{micros}"), micros);
        send(&stack.url("otlp"), &body).await;
        send(&stack.url_in("jaeger", "otlp"), &body).await;
        let id = TraceId(id);
        let by_tempo = until_there("Tempo", async || tempo(&real_tempo).trace(id, None).await.ok().filter(|s| s.spans.len() == 7)).await;
        let expected = facts(&by_tempo);
        for (gateway, api) in [(&third, "trace v3"), (&first, "trace v1")] {
            let jaeger = jaeger(gateway);
            let told = until_there("Jaeger", async || jaeger.trace(id, None).await.ok().filter(|s| s.spans.len() == 7)).await;
            assert_eq!(jaeger.apis(), [api]);
            assert_eq!(facts(&told), expected, "{api}");
        }
        let shown = |option: &str, url: &str| {
            let mut terminal = Terminal::start(160, 45, &[option, url, "--trace", &id.to_string(), "--view", "waterfall"]);
            terminal.see("7 spans");
            terminal.see("SELECT orders");
            let folded = cells(&mut terminal);
            terminal.keys("w");
            (folded, cells(&mut terminal))
        };
        let expected = shown("--tempo", &real_tempo);
        for gateway in [&third, &first] {
            let drawn = shown("--jaeger", gateway.url.as_str());
            assert_eq!(drawn.0, expected.0, "real time or folded");
            assert_eq!(drawn.1, expected.1, "the other");
        }
    }
}

/// The waterfall as it is drawn, each cell with its style: from the line about the trace to the details of a span.
fn cells(terminal: &mut Terminal) -> Vec<Vec<vt100::Cell>> {
    terminal.taken().cells("critical path:", "├")
}

#[tokio::test(flavor = "multi_thread")]
async fn jaeger_finds_by_either_api_what_was_sent() {
    let stack = Stack::read();
    let url = stack.url_in("jaeger", "jaeger");
    let (third, first) = (Gateway::start(&url, true).await, Gateway::start(&url, false).await);
    let micros = now().0 / 1000 * 1000 - 20 * SECOND;
    let run = micros.to_string();
    let id = u128::try_from(micros).unwrap() << 41;
    send(&stack.url_in("jaeger", "otlp"), &checkout(id, &run, micros)).await;
    let mut orphan = checkout(id + 1, &run, micros);
    orphan.resource_spans.remove(0);
    send(&stack.url_in("jaeger", "otlp"), &orphan).await;
    let (web, pay) = (format!("web-{run}"), format!("pay-{run}"));
    let range = TimeRange::new(Timestamp(micros - SECOND), Timestamp(micros + 10 * SECOND));
    let search = |plain| TraceSearch { query: TraceQuery { traceql: String::new(), plain: Some(plain) }, range, limit: 20 };
    let of_service = |service: &str| PlainQuery { service: Some(service.into()), ..PlainQuery::default() };
    let tagged = |value: &str| PlainQuery { tags: vec![("order".into(), value.into())], failed: true, ..of_service(&web) };
    let longer = |millis| PlainQuery { longer_than: Some(Duration::from_millis(millis)), ..of_service(&web) };
    for (gateway, apis) in [(&third, ["services v3", "search v3"]), (&first, ["services v1", "search v1"])] {
        let jaeger = jaeger(gateway);
        until_there("Jaeger", async || {
            jaeger.services().await.ok().filter(|all| all.iter().any(|s| *s == web) && all.iter().any(|s| *s == pay))
        })
        .await;
        // It stores span by span.
        until_there("Jaeger", async || jaeger.trace(TraceId(id), None).await.ok().filter(|s| s.spans.len() == 7)).await;
        let told = until_there("Jaeger", async || jaeger.trace(TraceId(id + 1), None).await.ok().filter(|s| s.spans.len() == 6)).await;
        assert_eq!(jaeger.operations(&web).await.unwrap(), ["POST"]);
        assert_eq!(jaeger.operations(&pay).await.unwrap(), ["SELECT orders", "consume", "inside", "pay", "plain", "publish"]);
        let found = async |plain| jaeger.search(&search(plain)).await.unwrap().hits;
        let hits = found(of_service(&web)).await;
        assert_eq!(hits.iter().map(|h| h.trace).collect::<Vec<_>>(), [TraceId(id)]);
        let hit = &hits[0];
        assert_eq!((hit.start.0, hit.duration_ns, hit.span_count, hit.error_count), (micros, 900_001_000, Some(7), Some(2)));
        assert_eq!((hit.root_service.as_deref(), hit.root_name.as_deref()), (Some(web.as_str()), Some("POST")));
        assert_eq!((found(longer(800)).await.len(), found(longer(950)).await.len()), (1, 0));
        let warned = Trace::build(told).nodes.iter().filter(|n| n.flags.has(Flags::WARNED)).map(|n| n.id.to_string()).collect::<Vec<_>>();
        // The first API looks at what it answers.
        assert_eq!(warned, if apis[1] == "search v1" { vec!["000000000000000b"] } else { vec![] });
        // The third API of this one passes over attributes.
        if apis[1] == "search v1" {
            assert_eq!((found(tagged(&run)).await.len(), found(tagged("other")).await.len()), (1, 0));
        }
        assert_eq!(jaeger.apis()[..2], apis);
    }
}
