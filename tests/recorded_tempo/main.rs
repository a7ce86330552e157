//! The embedded Tempo against answers that a newer Tempo than `.ci/run` starts gave for the same traces: traces by id, structural
//! operators, `select()`, several hits of a trace, tags with a filter, metrics, `compare()`, and mistakes.
//!
//! `answers.json` says which Tempo that was. `REDLINE_TEMPO=http://127.0.0.1:3200 REDLINE_OTLP=http://127.0.0.1:4318` in the
//! environment records it anew from a Tempo that holds nothing else.

#![allow(clippy::unwrap_used)]

mod shop;

use std::{path::PathBuf, sync::Arc, time::Duration};

use prost::Message;
use redline::{
    demo::{memory_traces::MemTraces, server, store::Clock},
    model::time::Timestamp,
    wire::otlp::TracesData,
};
use serde_json::{Map, Value, json};
use shop::{SECOND, traces};

/// An instant after the traces at which all of them can be searched for.
const LATER: i64 = 120;

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded_tempo/answers.json")
}

/// What is asked: paths, and parameters a line.
fn questions(start: i64) -> Vec<(String, String)> {
    let search = |q: &str| ("/api/search".to_owned(), format!("q={q}\nlimit=50\nspss=100"));
    let range = |q: &str| ("/api/metrics/query_range".to_owned(), format!("q={q}\nstep=10s"));
    let instant = |q: &str| ("/api/metrics/query".to_owned(), format!("q={q}"));
    let mut all: Vec<(String, String)> = Vec::new();
    all.extend([1, 2, 3].map(|n| (format!("/api/v2/traces/{:032x}", shop::id(start, n)), String::new())));
    all.push(("/api/v2/traces/77".to_owned(), String::new()));
    all.push(("/api/v2/traces/xyz".to_owned(), String::new()));
    for q in shop::SEARCHES {
        all.push(search(q));
    }
    for q in shop::RANGES {
        all.push(range(q));
    }
    for q in shop::INSTANTS {
        all.push(instant(q));
    }
    for q in shop::MISTAKES {
        all.push(search(q));
        all.push(range(q));
    }
    for (path, params) in shop::TAGS {
        all.push(((*path).to_owned(), (*params).to_owned()));
    }
    all
}

async fn ask(client: &reqwest::Client, base: &str, start: i64, (path, params): &(String, String)) -> Value {
    let mut url = url::Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).unwrap();
    for pair in params.lines() {
        let (name, value) = pair.split_once('=').unwrap();
        url.query_pairs_mut().append_pair(name, value);
    }
    if !path.contains("/traces/") {
        let second = start / SECOND;
        url.query_pairs_mut().append_pair("start", &(second - 10).to_string()).append_pair("end", &(second + 50).to_string());
    }
    let answer = client.get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    json!({"status": status, "body": serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body))})
}

/// What must agree: not how much was read, nor the order that Go's maps give to lists, nor which span of a trace was taken for an
/// example, as that is drawn by lot.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(k, _)| !matches!(k.as_str(), "metrics" | "exemplars" | "spanSet"));
            Value::Object(kept.map(|(k, v)| (k, tidy(v))).collect::<Map<_, _>>())
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(tidy).collect();
            list.sort_by_cached_key(Value::to_string);
            Value::Array(list)
        }
        // A number may be written with a fraction that is zero.
        Value::Number(n) => n.as_f64().map_or(Value::Number(n), |n| json!((n * 1e9).round() / 1e9)),
        other => other,
    }
}

fn list<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Vec<Value>> {
    value.pointer_mut(path).and_then(Value::as_array_mut)
}

/// What depends on how Tempo reads its blocks: what it tells of a span beside, where several sets ask for different things, and
/// the attributes that have a column of their own, which `compare()` counts where they are missing.
fn comparable(mut answer: Value, query: &str) -> Value {
    if query.matches('{').count() > 1 {
        let traces = list(&mut answer, "/body/traces").into_iter().flatten();
        let sets = traces.flat_map(|t| list(t, "/spanSets").into_iter().flatten());
        for span in sets.flat_map(|s| list(s, "/spans").into_iter().flatten()).filter_map(Value::as_object_mut) {
            span.remove("name");
            span.remove("attributes");
        }
    }
    if query.contains("compare(")
        && let Some(series) = list(&mut answer, "/body/series")
    {
        series.retain(|s| s["labels"][1]["value"]["stringValue"] != "nil");
    }
    answer
}

#[tokio::test]
async fn the_embedded_tempo_answers_as_a_newer_one_did() {
    let client = redline::source::http::plain().build().unwrap();
    if let (Ok(tempo), Ok(otlp)) = (std::env::var("REDLINE_TEMPO"), std::env::var("REDLINE_OTLP")) {
        record(&client, &tempo, &otlp).await;
    }
    let recorded: Value = serde_json::from_slice(&std::fs::read(file()).unwrap()).unwrap();
    let start = recorded["start"].as_i64().unwrap();
    let clock = Arc::new(At(Timestamp(start + LATER * SECOND)));
    let router = server::tempo::router(Arc::new(MemTraces::new(traces(start))), clock.clone());
    let embedded = server::start(router, clock).await.unwrap();
    let (questions, mut wrong) = (questions(start), Vec::new());
    assert_eq!(recorded["answers"].as_array().map(Vec::len), Some(questions.len()), "record the answers anew");
    for (question, answer) in questions.iter().zip(recorded["answers"].as_array().unwrap()) {
        let asked = ask(&client, embedded.url.as_str(), start, question).await;
        let [theirs, ours] = [answer.clone(), asked].map(|a| tidy(comparable(a, &question.1)));
        if theirs != ours {
            wrong.push(format!("{question:?}\n  theirs {theirs}\n  ours   {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), questions.len(), wrong.join("\n"));
}

/// Pushes the traces, waits until all are found, asks everything and writes it down.
async fn record(client: &reqwest::Client, tempo: &str, otlp: &str) {
    let start = (chrono::Utc::now().timestamp() - 60) / 10 * 10 * SECOND;
    let body = TracesData { resource_spans: traces(start).into_iter().flat_map(|t| t.spans).collect() }.encode_to_vec();
    let sent = client.post(format!("{otlp}/v1/traces")).header("content-type", "application/x-protobuf").body(body).send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 200);
    let all = ("/api/search".to_owned(), "q={}\nlimit=50".to_owned());
    let mut look = tokio::time::interval(Duration::from_secs(1));
    while ask(client, tempo, start, &all).await["body"]["traces"].as_array().map(Vec::len) != Some(shop::TRACES) {
        look.tick().await;
    }
    let mut answers = Vec::new();
    for question in questions(start) {
        answers.push(ask(client, tempo, start, &question).await);
    }
    let build = client.get(format!("{tempo}/api/status/buildinfo")).send().await.unwrap().text().await.unwrap();
    let version = serde_json::from_str::<Value>(&build).unwrap()["version"].clone();
    let answers: Vec<String> = answers.iter().map(Value::to_string).collect();
    let text = format!("{{\"tempo\": {version}, \"start\": {start}, \"answers\": [\n{}\n]}}\n", answers.join(",\n"));
    std::fs::write(file(), text).unwrap();
}
