//! Each family of RED metrics from an exposition that advances at known rates, scraped by the real Prometheus, to the
//! figures of `redline services -o json`: against the known rates, and against what PromQL asked by hand answers. Run by
//! `.ci/run`, which names the server's binary in `REDLINE_PROMETHEUS`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod exposition;
mod server;

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use cases::{Case, Cases, Expected};
use server::Prometheus;

/// How far a figure may be from the truth: scrapes are not taken to the millisecond.
const WITHIN: f64 = 0.12;
/// Figures and PromQL asked by hand are of the same samples.
const SAME: f64 = 1e-6;

#[test]
fn every_family_is_found_and_its_figures_are_right() {
    let binary = std::env::var("REDLINE_PROMETHEUS").expect("REDLINE_PROMETHEUS names the binary: `dev/stack path prometheus`");
    let old = server::is_old(&binary);
    let cases = Cases::read(!old);
    let targets = exposition::serve(&cases);
    let prometheus = Prometheus::start(&binary, old, &cases, &targets);
    let at = prometheus.when_all_is_there(&cases, &targets);
    let services = redline(&prometheus.url, at);
    let mut wrong = Vec::new();
    for case in &cases.case {
        match services.get(&case.service) {
            Some(told) => check(case, told, &prometheus, at, &mut wrong),
            None if case.fault.as_deref() == Some("gone") => {}
            None => wrong.push(format!("{}: not found", case.service)),
        }
    }
    let known: Vec<&str> = cases.case.iter().filter(|c| c.fault.as_deref() != Some("gone")).map(|c| c.service.as_str()).collect();
    wrong.extend(services.keys().filter(|s| !known.contains(&s.as_str())).map(|s| format!("{s}: nobody knows it")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `redline services -o json` says, by service.
fn redline(url: &str, at: f64) -> BTreeMap<String, Value> {
    let (from, to) = (rfc3339(at - 60.0), rfc3339(at));
    let output = Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["services", "-o", "json", "--prometheus", url, "--from", &from, "--to", &to])
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    told.into_iter().map(|v| (v["service"].as_str().unwrap().to_owned(), v)).collect()
}

fn rfc3339(at: f64) -> String {
    chrono::DateTime::from_timestamp_millis((at * 1000.0) as i64).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn check(case: &Case, told: &Value, prometheus: &Prometheus, at: f64, wrong: &mut Vec<String>) {
    let name = &case.service;
    if told["family"] != case.family.as_str() {
        wrong.push(format!("{name}: family {} in place of {}", told["family"], case.family));
    }
    if told["flags"] != serde_json::json!(case.flags) {
        wrong.push(format!("{name}: flags {} in place of {:?}", told["flags"], case.flags));
    }
    let seconds = |field: &str| told[field].as_f64().map(|ns| ns / 1e9);
    let figures = [("rate", told["rate"].as_f64()), ("errors", told["errors"].as_f64()), ("p95", seconds("p95"))];
    for (field, figure) in figures {
        match (case.expected(field), figure) {
            (Expected::None, None) => {}
            (Expected::Value(value), Some(figure)) if near(figure, value, case.within.unwrap_or(WITHIN)) => {}
            (expected, figure) => wrong.push(format!("{name}: {field} {figure:?} in place of {expected:?}")),
        }
        // What redline would have one ask by hand, and what a person who knows the family asks.
        let asked = [told["query"][field].as_str().map(str::to_owned), case.by_hand(field)];
        for query in asked.into_iter().flatten() {
            match (prometheus.query(&query, at).as_slice(), figure) {
                ([(_, value)], Some(figure)) if near(figure, *value, SAME) => {}
                ([(_, value)], None) if value.is_nan() => {}
                ([] | [_, _, ..], None) => {}
                (answer, figure) => wrong.push(format!("{name}: {field} {figure:?}, but {query} is {answer:?}")),
            }
        }
    }
}

fn near(value: f64, expected: f64, within: f64) -> bool {
    (value - expected).abs() <= expected.abs() * within + 1e-9
}
