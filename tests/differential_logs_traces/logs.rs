//! Lines and numbers that Loki finds for a query.

use std::{collections::BTreeMap, sync::Arc};

use redline::{
    demo::{memory_logs::MemLogs, server},
    model::{labels::Labels, time::Timestamp},
};
use serde_json::{Value, json};

use super::{Differences, SECOND, Stack, Wall, comparable, get, now, sorted};

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
        out.push((at(4), bare.clone(), [("zone", "other")].into_iter().collect(), format!("10.0.0.{i} - GET /y {i}\n\tat second line")));
    }
    out
}

pub async fn push(client: &reqwest::Client, base: &str, lines: &[Line]) {
    let map = |l: &Labels| l.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>();
    let stream = |(at, stream, metadata, text): &Line| json!({"stream": map(stream), "values": [[at.0.to_string(), text, map(metadata)]]});
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
        let params = [("query", fill("SEL")), from.clone(), to.clone(), ("limit", limit.to_owned()), ("direction", direction.to_owned())];
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
