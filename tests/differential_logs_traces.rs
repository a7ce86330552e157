//! The demo's Loki and Tempo against real ones: the same lines and spans go into both, the same requests to both, and the
//! answers must agree. `REDLINE_STACK_CONFIG` names redline's configuration of the real servers, with `otlp` beside them:
//!
//! `REDLINE_STACK_CONFIG=… cargo test --test differential_logs_traces`
//!
//! The label or attribute `run` is different each time, so that what earlier runs wrote does not show.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "differential_logs_traces/about.rs"]
mod about;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prost::Message;
use redline::{
    demo::{
        memory_logs::MemLogs,
        memory_traces::MemTraces,
        server,
        store::{Clock, StoredTrace},
    },
    model::{labels::Labels, time::Timestamp, trace::TraceId},
    wire::otlp::{AnyValue, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, Status, TracesData, any_value::Value as Any},
};
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000_000;

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        now()
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
    Timestamp(i64::try_from(since.as_nanos()).expect("the clock is before 2262"))
}

/// Addresses of the real servers.
struct Stack(toml::Table);

impl Stack {
    fn read() -> Self {
        let path = std::env::var("REDLINE_STACK_CONFIG")
            .expect("REDLINE_STACK_CONFIG must name the config.toml of running real servers; `dev/stack up` starts them and writes it");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("REDLINE_STACK_CONFIG={path}: {e}"));
        Self(text.parse().unwrap_or_else(|e| panic!("{path}: {e}")))
    }

    fn url(&self, server: &str) -> String {
        let environment = self.0["default_environment"].as_str().expect("default_environment is a name");
        let url = self.0["environments"][environment][server]["url"].as_str().expect("url is text");
        url.trim_end_matches('/').to_owned()
    }
}

/// Status and body of a GET.
async fn get(client: &reqwest::Client, base: &str, path: &str, query: &[(&str, String)], header: (&str, &str)) -> (u16, Vec<u8>) {
    let response = client.get(format!("{base}{path}")).query(query).header(header.0, header.1).send().await;
    let response = response.unwrap_or_else(|e| panic!("{base}{path}: {e}"));
    (response.status().as_u16(), response.bytes().await.expect("a body").to_vec())
}

/// An answer that can be compared: statistics gone, lists that have no order sorted, and of an error the beginning.
fn comparable((status, body): &(u16, Vec<u8>), tidy: impl Fn(Value) -> Value) -> (u16, Value) {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(json) if *status == 200 => (*status, tidy(json)),
        // Where a syntax error is must agree; what yacc would have expected there need not.
        // Which of several faulty series is named is up to the server.
        _ => (*status, json!(text.split("unexpected").next().and_then(|t| t.split("for series").next()).unwrap_or_default().trim())),
    }
}

/// Collects differences, so that one run shows all of them.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, what: &str, demo: (u16, Value), real: (u16, Value)) {
        if !same(&demo.1, &real.1) || demo.0 != real.0 {
            let (a, b) = first_difference(&demo.1, &real.1);
            self.0.push(format!("{what}\n  demo {}: {a}\n  real {}: {b}", demo.0, real.0));
        }
    }

    fn assert_none(&self) {
        assert!(self.0.is_empty(), "{} differences:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// The smallest parts that differ, so that a message fits a screen.
fn first_difference<'v>(a: &'v Value, b: &'v Value) -> (&'v Value, &'v Value) {
    match (a, b) {
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).find(|(x, y)| !same(x, y)).map_or((a, b), |(x, y)| first_difference(x, y))
        }
        (Value::Object(x), Value::Object(y)) if x.len() == y.len() => {
            let differing = x.iter().find_map(|(k, v)| y.get(k).filter(|w| !same(v, w)).map(|w| (v, w)));
            differing.map_or((a, b), |(x, y)| first_difference(x, y))
        }
        _ => (a, b),
    }
}

/// Equal, numbers in text to a relative 1e-9.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w))),
        (Value::String(x), Value::String(y)) if x != y => match (x.parse::<f64>(), y.parse::<f64>()) {
            // Whole numbers are instants and counts.
            (Ok(p), Ok(q)) if x.contains('.') || y.contains('.') => (p - q).abs() <= 1e-9 * p.abs().max(q.abs()),
            _ => false,
        },
        (Value::Number(x), Value::Number(y)) => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

fn sorted(list: &mut [Value]) {
    list.sort_by_key(Value::to_string);
}

mod logs {
    use super::*;

    pub type Line = (Timestamp, Arc<Labels>, Labels, String);

    pub fn labels(run: &str, pairs: &[(&str, &str)]) -> Arc<Labels> {
        Arc::new(pairs.iter().copied().chain([("run", run)]).collect())
    }

    /// Two minutes of four services: JSON, logfmt, plain text, metadata, levels in different places.
    pub fn lines(run: &str, start: i64) -> Vec<Line> {
        let api = labels(run, &[("app", "api"), ("level", "info")]);
        let pay = labels(run, &[("service_name", "pay")]);
        let cart = labels(run, &[("container", "cart")]);
        let bare = labels(run, &[("zone", "eu")]);
        let packed = labels(run, &[("app", "packed")]);
        let mut out = Vec::new();
        for i in 0..40i64 {
            let at = |offset: i64| Timestamp(start + i * 3 * SECOND + offset);
            let trace: Labels = [("trace_id", format!("{:032x}", 7000 + i))].into_iter().collect();
            let status = [200, 404, 500][(i % 3) as usize];
            let json = format!(
                r#"{{"level":"x","app":"inner","http":{{"status":{status},"path":"/p/{i}"}},"took":"{}ms","ok":true,"tags":["a","b"],"n":null,"1st":1.50}}"#,
                i * 10
            );
            out.push((at(1), api.clone(), trace.clone(), json));
            let level = ["info", "warn", "error", "debug"][(i % 4) as usize];
            let logfmt = format!(r#"level={level} msg="paid {i} \"euro\"" amount={}.5 size={i}KB took={i}ms path=/x empty= flag"#, i);
            out.push((at(2), pay.clone(), trace, logfmt));
            let text = ["plain words", "ERROR: broken", "a warning here", "{\"broken\": ", "user=7 failed=true", "fatal error misc:info"]
                [(i % 6) as usize];
            out.push((at(3), cart.clone(), Labels::new(), format!("{text} {i}")));
            if i % 5 == 0 {
                let inside =
                    format!(r#"{{"_entry":"took {i}ms from 10.0.1.{i} \"x\"","app":"inner","pod.name":"p-{i}","n":{i},"in":{{"a":"b"}}}}"#);
                out.push((at(5), packed.clone(), Labels::new(), inside));
            }
            out.push((
                at(4),
                bare.clone(),
                [("zone", "other")].into_iter().collect(),
                format!("10.0.0.{i} - GET /y {i}\n\tat second line"),
            ));
        }
        out
    }

    pub async fn push(client: &reqwest::Client, base: &str, lines: &[Line]) {
        let map = |l: &Labels| l.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>();
        let stream =
            |(at, stream, metadata, text): &Line| json!({"stream": map(stream), "values": [[at.0.to_string(), text, map(metadata)]]});
        let body = json!({"streams": lines.iter().map(stream).collect::<Vec<_>>()}).to_string();
        let response = client.post(format!("{base}/loki/api/v1/push")).header("content-type", "application/json").body(body).send().await;
        let status = response.expect("Loki takes lines").status();
        assert_eq!(status.as_u16(), 204, "Loki refused the lines");
    }

    fn tidy(mut answer: Value) -> Value {
        if let Some(data) = answer.get_mut("data").and_then(Value::as_object_mut) {
            data.remove("stats");
            if let Some(Value::Array(result)) = data.get_mut("result") {
                sorted(result);
            }
        } else if let Some(Value::Array(list)) = answer.get_mut("data") {
            sorted(list);
        }
        answer
    }

    /// Queries for lines; `SEL` is the selector of all of this run.
    pub const LINES: &[&str] = &[
        r#"SEL"#,
        r#"SEL | app="api""#,
        r#"SEL | service_name="cart""#,
        r#"SEL | service_name="unknown_service""#,
        r#"SEL |= "error" or "fatal""#,
        r#"SEL != "plain" != `10.0`"#,
        r#"SEL |~ "(?i)error|warn\\w+" !~ "misc:\\w""#,
        r#"SEL |~ `\d{2}$`"#,
        r#"SEL | detected_level="error""#,
        r#"SEL | detected_level=~"err.*|warn""#,
        r#"SEL | detected_level!="info""#,
        r#"SEL | trace_id="00000000000000000000000000001b5a""#,
        r#"SEL |= "00000000000000000000000000001b5a""#,
        r#"SEL | trace_id!="" | detected_level="debug""#,
        r#"SEL | json"#,
        r#"SEL | json | __error__="""#,
        r#"SEL | json | __error__!="""#,
        r#"SEL | json | http_status>=404"#,
        r#"SEL | json | http_status>=404 | __error__="""#,
        r#"SEL | json | http_status!=200 and took>100ms"#,
        r#"SEL | json | level_extracted="x" | app_extracted="inner""#,
        r#"SEL | json status="http.status", second="tags[1]", gone="a.b" | status="500""#,
        r#"SEL | json http | http=~".*404.*""#,
        r#"SEL | logfmt | amount>20 and size<=30KB"#,
        r#"SEL | logfmt | took>=5ms or path="/x""#,
        r#"SEL | logfmt --keep-empty | path="/x""#,
        r#"SEL | logfmt --strict"#,
        r#"SEL | logfmt msg, money="amount" | money>35"#,
        r#"SEL | logfmt | msg=~`.*"euro".*` | level="warn""#,
        r#"SEL | logfmt | (level="error" or level="warn") and amount<10"#,
        r#"SEL | logfmt | amount="x""#,
        r#"SEL | logfmt | path>5"#,
        r#"SEL | regexp `(?P<ip>\d+\.\d+\.\d+\.\d+) - (?P<method>\w+)` | method="GET""#,
        r#"SEL | pattern "<ip> - <method> <_> <n>" | method="GET""#,
        r#"SEL | json | drop app, http_path, __error__, __error_details__"#,
        r#"SEL | drop trace_id, zone="eu""#,
        r#"SEL | json | keep http_status, service_name"#,
        r#"SEL | decolorize | zone_extracted="other""#,
        r#"SEL | line_missing="" | run!="""#,
        r#"SEL | unpack"#,
        r#"SEL | unpack | pod_name="p-5""#,
        r#"SEL |> "took <_>ms""#,
        r#"SEL |> "<_>took <_>""#,
        r#"SEL !> "<_> <_>""#,
        r#"SEL |> "user=<_> failed=true <_>" or "plain words <_>""#,
        r#"SEL | json a="app" | a != "inner" | drop __error__, __error_details__ | logfmt user="user" | user > 5 | __error__="" | drop a, user, __error__, __error_details__"#,
        r#"{run="RUN", app="packed"} | unpack | app_extracted="inner" |= "took""#,
        r#"SEL | line_format "{{.app}} {{.missing}}""#,
        r#"{run="RUN", app="api"} | json | line_format "{{.http_path}} {{ .http_status | ToUpper }} {{__line__}}""#,
        r#"{run="RUN", service_name="pay"} | logfmt | line_format "{{- .level -}} x {{ToUpper .msg}}" |= "WARN""#,
        r#"SEL | label_format kind=app, text="{{.app}}-{{.run}}""#,
        r#"{run="RUN", service_name="pay"} | logfmt | label_format state=level, level="{{.level | upper}}" | state="warn""#,
        r#"SEL | label_format app="renamed", trace_id="none""#,
        r#"SEL |= ip("10.0.0.0/28")"#,
        r#"SEL |= ip("10.0.0.3-10.0.0.21")"#,
        r#"SEL != ip("10.0.0.7")"#,
        r#"{run="RUN", zone="eu"} | pattern "<ip> - <_>" | ip = ip("10.0.0.8/29")"#,
        r#"SEL | pattern "<addr> - <_>" | addr != ip("10.0.0.8/29")"#,
        r#"{run="RUN", app=~"a.+|b"}"#,
        r#"{run="RUN", app!="api"}"#,
        r#"{run="RUN", container=~"c.*", app!~".+"}"#,
        r#"{run="RUN", service_name=~"api|pay"}"#,
        r#"{run="RUN", nothing="x"}"#,
    ];

    /// Queries for numbers.
    pub const METRICS: &[&str] = &[
        r#"sum by (detected_level)(count_over_time(SEL[15s]))"#,
        r#"sum by (detected_level, service_name)(count_over_time(SEL[1m]))"#,
        r#"sum(rate(SEL[30s]))"#,
        r#"sum by (service_name)(bytes_over_time(SEL[20s]))"#,
        r#"sum(bytes_rate(SEL |= "GET" [20s]))"#,
        r#"sum(count_over_time(SEL | json [30s]))"#,
        r#"sum by (http_status)(count_over_time(SEL | json | __error__="" [30s]))"#,
        r#"sum by (foo)(count_over_time(SEL | json [30s]))"#,
        r#"sum without (trace_id, run)(count_over_time(SEL | detected_level="error" [1m]))"#,
        r#"count_over_time(SEL | service_name="cart" [1m] offset 10s)"#,
        r#"sum by (level)(sum_over_time(SEL | logfmt | unwrap amount | __error__="" [30s]))"#,
        r#"avg_over_time({run="RUN", service_name="pay"} | logfmt | unwrap duration(took) | __error__="" [30s]) by (service_name)"#,
        r#"max_over_time({run="RUN", service_name="pay"} | logfmt | unwrap bytes(size) [30s]) by (level)"#,
        r#"min_over_time({run="RUN", service_name="pay"} | logfmt | unwrap amount [30s]) by ()"#,
        r#"quantile_over_time(0.9, {run="RUN", service_name="pay"} | logfmt | unwrap amount [45s]) by (service_name)"#,
        r#"sum by (service_name)(rate({run="RUN", service_name="pay"} | logfmt | unwrap amount [30s]))"#,
        r#"sum by (level)(sum_over_time({run="RUN", service_name="pay"} | logfmt | unwrap path [30s]))"#,
        r#"topk(100, sum by (detected_level)(count_over_time(SEL[2m])))"#,
        r#"max by (service_name)(sum by (service_name, detected_level)(count_over_time(SEL[1m])))"#,
        r#"avg(sum by (detected_level)(count_over_time(SEL[1m])))"#,
        r#"count(sum by (detected_level)(count_over_time(SEL[1m])))"#,
        r#"sum(rate(SEL | detected_level="error" [30s])) / sum(rate(SEL[30s]))"#,
        r#"sum by (service_name)(count_over_time(SEL | detected_level="error" [30s])) / on (service_name) sum by (service_name)(count_over_time(SEL[30s]))"#,
        r#"sum by (service_name)(count_over_time(SEL[30s])) * 2 > 15"#,
        r#"10 - sum by (service_name)(count_over_time(SEL[30s]))"#,
        r#"sum by (service_name)(count_over_time(SEL[30s])) > bool 9"#,
        r#"sum(count_over_time({run="none"}[30s])) or vector(0)"#,
        r#"sum by (a)(count_over_time(SEL[30s])) unless sum by (a)(count_over_time(SEL |= "GET" [30s]))"#,
        r#"1 + 2 * 3 ^ 2"#,
        r#"sum by (pod_name)(count_over_time(SEL | unpack [1m]))"#,
        r#"sum by (kind)(count_over_time(SEL | label_format kind="{{.app}}" [30s]))"#,
        r#"sum by (state)(count_over_time(SEL | logfmt | label_format state=level [30s]))"#,
        r#"sum(bytes_over_time({run="RUN", app="api"} | json | line_format "{{.http_path}}" [30s]))"#,
    ];

    /// Queries that Loki refuses; both must refuse them at the same place.
    pub const REFUSED: &[&str] = &[
        "",
        "{",
        r#"{app="a""#,
        r#"{app=5}"#,
        r#"{app="a"} | json |"#,
        r#"{app=~".*"}"#,
        "{}",
        r#"count_over_time({app="a"})"#,
        r#"{app="a"} |="#,
        r#"sum_over_time({app="a"}[5m])"#,
        r#"count_over_time({app="a"} | unwrap x [5m])"#,
        r#"{app="a"} | json | x >"#,
        r#"{app="a}"#,
        r#"sum by app (rate({app="a"}[5m]))"#,
        r#"rate({app="a"}[5x])"#,
        r#"rate({app="a"}[5m)"#,
        r#"quantile_over_time({app="a"} | unwrap x [5m])"#,
        r#"topk(sum(rate({app="a"}[5m])))"#,
        r#"{app="a"} foo"#,
        r#"{app="a"} | regexp "x""#,
        r#"{app="a"} or {app="b"}"#,
        r#"{json="a"}"#,
        r#"{app="a"} |= ip("10.0.0")"#,
        r#"{app="a"} | label_format a"#,
        r#"{app="a"} | line_format x"#,
        "{app=\"a\"}\n  | json\n  | %",
        r#"sum(rate({app="a"}[5m])) by (x) by (y)"#,
        r#"count_over_time({app="a"}[5m]) by (x)"#,
    ];

    #[tokio::test]
    async fn loki_answers_alike() {
        let (stack, client) = (Stack::read(), redline::source::http::plain().build().unwrap());
        let real = stack.url("loki");
        let run = format!("run{}", now().0);
        // Wholly in the past, and on no whole second.
        let start = now().0 - 300 * SECOND;
        let lines = lines(&run, start);
        push(&client, &real, &lines).await;
        let embedded =
            server::start(server::loki::router(Arc::new(MemLogs::new(lines)), Arc::new(Wall)), Arc::new(Wall)).await.expect("a free port");
        let demo = embedded.url.as_str().trim_end_matches('/').to_owned();
        let mut found = Differences::default();
        let all = format!(r#"{{run="{run}"}}"#);
        let fill = |q: &str| q.replace("SEL", &all).replace("RUN", &run);
        let both = async |found: &mut Differences, path: &str, params: &[(&str, String)], header: (&str, &str)| {
            let (a, b) = (get(&client, &demo, path, params, header).await, get(&client, &real, path, params, header).await);
            found.compare(&format!("{path} {params:?} {}", header.1), comparable(&a, tidy), comparable(&b, tidy));
        };
        let (from, to) = (("start", (start).to_string()), ("end", (start + 125 * SECOND).to_string()));
        for query in LINES {
            for header in [("X-Loki-Response-Encoding-Flags", "categorize-labels"), ("Accept", "*/*")] {
                let params = [("query", fill(query)), from.clone(), to.clone(), ("limit", "1000".to_owned())];
                both(&mut found, "/loki/api/v1/query_range", &params, header).await;
            }
        }
        for (direction, limit) in [("forward", "7"), ("backward", "7"), ("BACKWARD", "1")] {
            let params =
                [("query", fill("SEL")), from.clone(), to.clone(), ("limit", limit.to_owned()), ("direction", direction.to_owned())];
            both(&mut found, "/loki/api/v1/query_range", &params, ("Accept", "*/*")).await;
        }
        // The last line's instant is outside as an end, inside as a start.
        let last = start + 39 * 3 * SECOND + 4;
        for (a, b) in [(start, last), (last, last + 1), (last, last)] {
            let params = [("query", fill("SEL")), ("start", a.to_string()), ("end", b.to_string()), ("limit", "1000".to_owned())];
            both(&mut found, "/loki/api/v1/query_range", &params, ("Accept", "*/*")).await;
        }
        for query in METRICS {
            for step in ["7", "30s", "15"] {
                let params = [("query", fill(query)), from.clone(), to.clone(), ("step", step.to_owned())];
                both(&mut found, "/loki/api/v1/query_range", &params, ("Accept", "*/*")).await;
            }
            // Loki stamps the scalar of an instant query with a time of its own.
            if query.starts_with('1') && !query.contains("SEL") {
                continue;
            }
            let params = [("query", fill(query)), ("time", (start + 100 * SECOND).to_string())];
            both(&mut found, "/loki/api/v1/query", &params, ("Accept", "*/*")).await;
        }
        for query in REFUSED {
            both(&mut found, "/loki/api/v1/query_range", &[("query", (*query).to_owned())], ("Accept", "*/*")).await;
        }
        for params in [
            vec![("limit", "6000".to_owned())],
            vec![("limit", "0".to_owned())],
            vec![("direction", "sideways".to_owned())],
            vec![("start", "9000000000".to_owned()), ("end", "8000000000".to_owned())],
            vec![("step", "-1".to_owned())],
            vec![("step", "0.001".to_owned())],
        ] {
            let params: Vec<_> = params.into_iter().chain([("query", all.clone())]).collect();
            both(&mut found, "/loki/api/v1/query_range", &params, ("Accept", "*/*")).await;
        }
        both(&mut found, "/loki/api/v1/query", &[("query", all.clone())], ("Accept", "*/*")).await;
        for path in [
            "/loki/api/v1/labels",
            "/loki/api/v1/label/service_name/values",
            "/loki/api/v1/label/zone/values",
            "/loki/api/v1/label/none/values",
        ] {
            both(&mut found, path, &[("query", all.clone()), from.clone(), to.clone()], ("Accept", "*/*")).await;
        }
        both(&mut found, "/loki/api/v1/series", &[("match[]", all.clone()), from, to], ("Accept", "*/*")).await;
        found.assert_none();
    }
}

mod traces {
    use super::*;

    fn attribute(key: &str, value: Any) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
    }

    fn text(key: &str, value: &str) -> KeyValue {
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
                        span(
                            1,
                            0,
                            "POST /pay",
                            3,
                            (5, length - 5),
                            vec![text("peer.service", "pay"), attribute("retry", Any::Bool(failed))],
                        ),
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
            let (a, b) =
                (get(&client, &demo, "/api/search", &params, plain).await, get(&client, &real, "/api/search", &params, plain).await);
            let one_set = query.matches('{').count() == 1;
            found.compare(query, comparable(&a, |v| tidy_spans(v, one_set)), comparable(&b, |v| tidy_spans(v, one_set)));
        }
        for query in REFUSED {
            let params = [("q", (*query).to_owned())];
            let (a, b) =
                (get(&client, &demo, "/api/search", &params, plain).await, get(&client, &real, "/api/search", &params, plain).await);
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
            let (a, b) =
                (get(&client, &demo, "/api/search", &params, plain).await, get(&client, &real, "/api/search", &params, plain).await);
            found.compare(&format!("{params:?}"), comparable(&a, tidy), comparable(&b, tidy));
        }
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
}
