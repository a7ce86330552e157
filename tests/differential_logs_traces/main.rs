//! The demo's Loki and Tempo against real ones: the same lines and spans go into both, the same requests to both, and the
//! answers must agree. `REDLINE_STACK_CONFIG` names redline's configuration of the real servers, with `otlp` beside them:
//!
//! `REDLINE_STACK_CONFIG=… cargo test --test differential_logs_traces`
//!
//! A real Jaeger, of `dev/stack up --jaeger`, is compared with the real Tempo: what is made of a trace, and what is drawn of it.
//!
//! The label or attribute `run` is different each time, so that what earlier runs wrote does not show.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod about;
mod jaeger;
mod logs;
#[path = "../support/mod.rs"]
mod support;
mod tags;
mod traces;

use std::time::{SystemTime, UNIX_EPOCH};

use redline::{demo::store::Clock, model::time::Timestamp};
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
        self.url_in(environment, server)
    }

    fn url_in(&self, environment: &str, server: &str) -> String {
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
