//! What Loki tells about its lines: volumes, fields, patterns, its own form of a query, its limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use redline::{
    demo::{memory_logs::MemLogs, server},
    model::{labels::Labels, time::Timestamp},
};
use serde_json::{Value, json};

use super::{
    Differences, SECOND, Stack, Wall, get,
    logs::{LINES, Line, METRICS, REFUSED, labels, lines, push},
    now, sorted,
};

/// Bytes and cardinalities may differ by so much: the real server knows a chunk's size and estimates from it and from
/// sketches, the demo counts.
const TOLERANCE: f64 = 0.08;

/// Queries that are split into lines.
const LONG: &[&str] = &[
    r#"SEL |= "one text that is looked for" != "another one that is not wanted" | logfmt | level=~"err.*|warn" or (status>=500, took>1.5s)"#,
    r#"SEL | json first="a.b", second="c[0]" | size>20MB | drop a, b="c" | decolorize | keep zone, app=~"a|b" | took<=90m"#,
    r#"sum by (level)(sum_over_time(SEL |= "one text that is looked for" | logfmt | unwrap duration(took) | __error__="" | a!~`\d+` | b=~`\d+` [90m] offset 5m))"#,
    r#"quantile_over_time(0.99, SEL |~ "a(b|c)+" |= "one text that is looked for" | logfmt --strict | unwrap bytes(size) [30s]) by (service_name, level)"#,
    r#"topk(5, sum without (pod)(rate(SEL |= "one text that is looked for" | json [5m]))) / ignoring (level) sum(rate(SEL[1d])) > bool 1.5"#,
    r#"bottomk(5, max(bytes_over_time(SEL | pattern "<a> - <_>" | regexp "(?P<x>\\d+)" [1w2d])) by (a)) and on (a, b) vector(2) unless SEL"#,
    r#"count(count_over_time(SEL |= "x" or "y" [1h30m])) - 3 / 4 * 2"#,
];

const ANY: (&str, &str) = ("Accept", "*/*");

/// Lines of three formats, enough of them for patterns.
fn many(run: &str, start: i64) -> Vec<Line> {
    let [plain, pairs, json] = ["plain", "pairs", "json"].map(|app| labels(run, &[("app", app)]));
    let mut out = Vec::new();
    for i in 0..120_i64 {
        let at = |offset: i64| Timestamp(start + i * SECOND + offset);
        let text = match i % 3 {
            0 => format!("10.0.{}.{} GET /cart/items?id={i} answered 200 in {} ms", i % 9, i, i * 7),
            1 => format!("error: could not reach \"node-{}\" (try {i}), giving up", i % 4),
            _ => format!("session {:08x} of user {} closed", i * 7919, i % 13),
        };
        out.push((at(0), plain.clone(), Labels::new(), text));
        let text = format!("level={} ts={i} msg=\"paid order {}\" took={}ms", ["info", "warn"][(i % 2) as usize], i * 31, i % 17);
        out.push((at(1), pairs.clone(), Labels::new(), text));
        let text = format!(r#"{{"level":"info","msg":"served {} rows to client-{}","n":{i}}}"#, i * 3, i % 5);
        out.push((at(2), json.clone(), Labels::new(), text));
    }
    out
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}

/// Series by their labels: instants and the sum of their values.
fn volumes(answer: &Value) -> BTreeMap<String, (Vec<String>, f64)> {
    let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    let samples = |s: &Value| s["values"].as_array().cloned().unwrap_or_else(|| vec![s["value"].clone()]);
    let one = |s: &Value| {
        let samples = samples(s);
        let instants = samples.iter().map(|p| p[0].to_string()).collect();
        (s["metric"].to_string(), (instants, samples.iter().map(|p| number(&p[1])).sum()))
    };
    series.iter().map(one).collect()
}

/// Whether the demo says as much as the real server, about.
fn about(a: f64, b: f64) -> bool {
    (a - b).abs() <= (TOLERANCE * a.max(b)).max(1.0)
}

struct Both<'a> {
    client: &'a reqwest::Client,
    demo: String,
    real: String,
    found: Differences,
}

impl Both<'_> {
    async fn get(&self, path: &str, params: &[(&str, String)], header: (&str, &str)) -> [(u16, Value); 2] {
        let path = format!("/loki/api/v1/{path}");
        let (a, b) = (get(self.client, &self.demo, &path, params, header).await, get(self.client, &self.real, &path, params, header).await);
        [a, b]
            .map(|(status, body)| (status, serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body).trim()))))
    }

    async fn same(&mut self, path: &str, params: &[(&str, String)], header: (&str, &str)) {
        let [demo, real] = self.get(path, params, header).await;
        self.found.compare(&format!("{path} {params:?}"), demo, real);
    }

    async fn volume(&mut self, path: &str, params: &[(&str, String)]) {
        let [demo, real] = self.get(path, params, ANY).await;
        let (a, b) = (volumes(&demo.1), volumes(&real.1));
        let alike = a.len() == b.len() && a.iter().zip(&b).all(|(x, y)| x.0 == y.0 && x.1.0 == y.1.0 && about(x.1.1, y.1.1));
        let kinds = [&demo, &real].map(|(_, answer)| answer["data"]["resultType"].clone());
        if demo.0 != real.0 || kinds[0] != kinds[1] || !alike {
            self.found.0.push(format!("{path} {params:?}\n  demo {} {}: {a:?}\n  real {} {}: {b:?}", demo.0, kinds[0], real.0, kinds[1]));
        }
    }

    /// A list of objects, each with a name and a cardinality.
    async fn named(&mut self, path: &str, params: &[(&str, String)], list: &str) {
        let [demo, real] = self.get(path, params, ANY).await;
        let by_name = |answer: &Value| -> BTreeMap<String, Value> {
            let all = answer[list].as_array().cloned().unwrap_or_default();
            all.into_iter().map(|one| (one["label"].to_string(), one)).collect()
        };
        let (mut a, mut b) = (by_name(&demo.1), by_name(&real.1));
        for (name, one) in &mut a {
            let Some(other) = b.get_mut(name) else { continue };
            if about(number(&one["cardinality"]), number(&other["cardinality"])) {
                one["cardinality"] = json!("about");
                other["cardinality"] = json!("about");
            }
        }
        let rest = |answer: &Value| {
            answer
                .as_object()
                .map(|o| o.iter().filter(|(k, _)| *k != list).map(|(k, v)| (k.clone(), v.clone())).collect::<BTreeMap<_, _>>())
        };
        self.found.compare(&format!("{path} {params:?}"), (demo.0, json!([a, rest(&demo.1)])), (real.0, json!([b, rest(&real.1)])));
    }

    /// A list of texts in any order.
    async fn texts(&mut self, path: &str, params: &[(&str, String)]) {
        let [demo, real] = self.get(path, params, ANY).await;
        let set =
            |answer: &Value| -> BTreeSet<String> { answer["values"].as_array().into_iter().flatten().map(Value::to_string).collect() };
        let limits = [&demo, &real].map(|(_, a)| a["limit"].clone());
        self.found.compare(
            &format!("{path} {params:?}"),
            (demo.0, json!([set(&demo.1), limits[0]])),
            (real.0, json!([set(&real.1), limits[1]])),
        );
    }
}

fn sorted_patterns(mut answer: Value) -> Value {
    if let Some(Value::Array(list)) = answer.get_mut("data") {
        sorted(list);
    }
    answer
}

/// Lines of all patterns together.
fn pattern_lines(answer: &Value) -> f64 {
    let samples = answer["data"].as_array().into_iter().flatten().flat_map(|p| p["samples"].as_array().cloned().unwrap_or_default());
    samples.map(|s| number(&s[1])).sum()
}

#[tokio::test]
async fn loki_tells_about_its_lines_alike() {
    let (stack, client) = (Stack::read(), redline::source::http::plain().build().unwrap());
    let real = stack.url("loki");
    let run = format!("about{}", now().0);
    // On a whole number of steps, so that neither server cuts a sample in two.
    let start = (now().0 - 400 * SECOND).div_euclid(60 * SECOND) * 60 * SECOND;
    let few = lines(&run, start);
    let many = many(&format!("{run}m"), start);
    push(&client, &real, &few).await;
    push(&client, &real, &many).await;
    let all_lines = MemLogs::new(few.into_iter().chain(many));
    let embedded = server::start(server::loki::router(Arc::new(all_lines), Arc::new(Wall)), Arc::new(Wall)).await.expect("a free port");
    let demo = embedded.url.as_str().trim_end_matches('/').to_owned();
    let mut both = Both { client: &client, demo, real, found: Differences::default() };
    let query = ("query", format!(r#"{{run="{run}"}}"#));
    let from = ("start", start.to_string());
    let to = ("end", (start + 180 * SECOND).to_string());
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        [query.clone(), from.clone(), to.clone()].into_iter().chain(more.iter().map(|(k, v)| (*k, (*v).to_owned()))).collect()
    };

    for text in LINES.iter().chain(METRICS).chain(REFUSED).chain(LONG) {
        let text = text.replace("SEL", &query.1).replace("RUN", &run);
        let tidy = |(status, answer): (u16, Value)| match answer["error"].as_str() {
            // Where a syntax error is must agree; what yacc would have expected there need not.
            Some(error) => (status, json!([answer["status"], error.split("unexpected").next().unwrap_or_default()])),
            None => (status, answer),
        };
        let [a, b] = both.get("format_query", &[("query", text.clone())], ANY).await.map(tidy);
        both.found.compare(&format!("format_query {text}"), a, b);
    }

    for more in [
        &[][..],
        &[("targetLabels", "service_name")],
        &[("targetLabels", "app,service_name")],
        &[("targetLabels", "service_name"), ("limit", "1")],
        &[("aggregateBy", "labels")],
        &[("aggregateBy", "labels"), ("targetLabels", "app,zone")],
        &[("aggregateBy", "x")],
        &[("limit", "x")],
        &[("limit", "0")],
    ] {
        both.volume("index/volume", &with(more)).await;
        for step in ["30", "86400000"] {
            let more: Vec<(&str, &str)> = more.iter().copied().chain([("step", step)]).collect();
            both.volume("index/volume_range", &with(&more)).await;
        }
    }
    both.volume("index/volume", &[("query", format!(r#"{{run="{run}", app=~".+"}}"#)), from.clone(), to.clone()]).await;
    both.volume("index/volume", &[("query", r#"{run="nowhere"}"#.to_owned()), from.clone(), to.clone()]).await;

    both.volume("index/volume", &[("query", "{".to_owned()), from.clone(), to.clone()]).await;

    // What is flushed when is each server's own business: the names must agree.
    let [demo, real] = both.get("index/stats", &with(&[]), ANY).await;
    let names = |v: &Value| v.as_object().map(|o| o.iter().map(|(k, v)| (k.clone(), v.is_u64())).collect::<BTreeMap<_, _>>());
    both.found.compare("index/stats", (demo.0, json!(names(&demo.1))), (real.0, json!(names(&real.1))));

    both.named("detected_labels", &with(&[]), "detectedLabels").await;
    both.named("detected_labels", &[("query", r#"{run="nowhere"}"#.to_owned()), from.clone(), to.clone()], "detectedLabels").await;
    for more in
        [&[("line_limit", "1000")][..], &[("line_limit", "1000"), ("limit", "500")], &[("line_limit", "9000")], &[("line_limit", "x")]]
    {
        both.named("detected_fields", &with(more), "fields").await;
    }
    for selector in [
        format!(r#"{{run="{run}"}} | json"#),
        format!(r#"{{run="{run}"}} |= "paid" | logfmt | amount>10"#),
        r#"{run="nowhere"}"#.to_owned(),
        format!(r#"sum(rate({{run="{run}"}}[1m]))"#),
        "{".to_owned(),
    ] {
        let params = [("query", selector), from.clone(), to.clone(), ("line_limit", "1000".to_owned())];
        both.named("detected_fields", &params, "fields").await;
    }
    for name in ["http_status", "trace_id", "size", "detected_level", "level", "app_extracted", "zone", "none"] {
        both.texts(&format!("detected_field/{name}/values"), &with(&[("line_limit", "1000")])).await;
    }

    for (header, name) in [("Accept", "*/*"), ("X-Scope-OrgID", "fake")] {
        both.same("drilldown-limits", &[], (header, name)).await;
    }

    let selector = ("query", format!(r#"{{run="{run}m"}}"#));
    let patterns = |step: Option<&str>| -> Vec<(&str, String)> {
        let step = step.map(|s| ("step", s.to_owned()));
        [selector.clone(), from.clone(), to.clone()].into_iter().chain(step).collect()
    };
    // Patterns are made a moment after the lines are taken.
    let made = async {
        let mut look = tokio::time::interval(Duration::from_millis(300));
        loop {
            look.tick().await;
            let [demo, real] = both.get("patterns", &patterns(None), ANY).await;
            if pattern_lines(&real.1) >= pattern_lines(&demo.1) && pattern_lines(&demo.1) > 300.0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), made).await.expect("Loki makes no patterns of the lines it took");
    for step in [None, Some("10"), Some("30s"), Some("60"), Some("0"), Some("x")] {
        let [a, b] = both.get("patterns", &patterns(step), ANY).await.map(|(status, answer)| (status, sorted_patterns(answer)));
        both.found.compare(&format!("patterns {step:?}"), a, b);
    }
    both.same("patterns", &[("query", "{".to_owned())], ANY).await;
    both.found.assert_none();
}
