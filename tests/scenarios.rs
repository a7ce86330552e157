//! The scenarios that the walks do not take, written into real Prometheus, Alertmanager, Loki and Tempo, and held to their
//! ground truth there. Run by `.ci/run` once for each, which starts the servers and names the scenario in
//! `REDLINE_SCENARIO` and their configuration in `REDLINE_STACK_CONFIG`: servers that hold no other demo.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use redline::demo::world::{LEAD, Scenario, Truth};
use serde_json::Value;
use support::{Terminal, feed::Feed, servers::Servers};

const ENTER: &str = "\r";
/// How long alerts may take. A test fails after it; none waits for it.
const PATIENCE: Duration = Duration::from_secs(300);
/// The job of the machines' own metrics: their alerts are a cause, and no service that suffers.
const MACHINES: &str = "node-exporter";
/// The exit code of `redline alerts` where a server did not answer.
const NO_ANSWER: i32 = 3;

#[test]
fn the_ground_truth_of_a_scenario_shows_on_real_servers() {
    let named = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: see .ci/run"));
    let (scenario, config) = (named("REDLINE_SCENARIO"), named("REDLINE_STACK_CONFIG"));
    let Scenario { truth, onset, .. } = Scenario::builtin(&scenario).unwrap();
    let since_onset = Duration::from_nanos(u64::try_from(-onset).unwrap_or(0));
    let history = (since_onset + LEAD).max(Duration::from_secs(15 * 60));
    let _feed = Feed::start(&config, &scenario, &format!("{}s", history.as_secs()));
    let alerts = alerts_with(&config, &truth.must_fire);
    assert_truth(&alerts, &truth);
    match scenario.as_str() {
        "cascade" => the_top_fold_is_the_cause(&config, &truth),
        "bad-pod" => the_worst_pod_is_the_slow_one(&config),
        "bad-version" => the_bad_version_is_on_one_pod_and_one_route(&config),
        "slow-dependency" => {
            waits_are_named(&config, r#"name = "POST /v2/authorizations""#, r#"{service_name="payments"} |= "slow authorization""#)
        }
        "pool-wait" => waits_are_named(&config, r#"name = "pool.acquire""#, r#"{service_name="orders"} |= "slow request route=/orders""#),
        "quiet" => assert_eq!(names(&alerts), truth.must_fire.iter().map(String::as_str).collect(), "{alerts:?}"),
        _ => {}
    }
}

/// What `redline alerts` says once all of these are there. A server of minutes has not yet waited for as long as each rule's `for` says, so
/// pending will do. Servers that take in a demo may be too busy to answer: they are asked again.
fn alerts_with(config: &str, expected: &[String]) -> Vec<Value> {
    let (start, mut last) = (Instant::now(), String::new());
    while start.elapsed() < PATIENCE {
        let told = Command::new(env!("CARGO_BIN_EXE_redline")).args(["--config", config, "alerts", "-o", "json"]).output().unwrap();
        if told.stdout.is_empty() && told.status.code() == Some(NO_ANSWER) {
            last = format!("no answer: {}", String::from_utf8_lossy(&told.stderr));
            continue;
        }
        let all: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap_or_else(|e| panic!("{e}: {told:?}"));
        let alerts: Vec<Value> = all.into_iter().filter(|a| a["state"] == "firing" || a["state"] == "pending").collect();
        if expected.iter().all(|name| names(&alerts).contains(name.as_str())) {
            return alerts;
        }
        last = format!("there are {alerts:?}");
    }
    panic!("waited in vain for {expected:?}: {last}");
}

fn names(alerts: &[Value]) -> BTreeSet<&str> {
    alerts.iter().filter_map(|a| a["name"].as_str()).collect()
}

/// Nothing that must not fire does, not even pending, and whose alerts there are is in the blast radius.
fn assert_truth(alerts: &[Value], truth: &Truth) {
    for name in &truth.must_not_fire {
        assert!(!names(alerts).contains(name.as_str()), "{name} is not to fire: {alerts:?}");
    }
    let services: BTreeSet<&str> = alerts.iter().filter_map(|a| a["service"].as_str()).filter(|s| *s != MACHINES).collect();
    let radius: BTreeSet<&str> = truth.blast_radius.iter().map(String::as_str).collect();
    assert!(radius.is_empty() || services.is_subset(&radius), "{services:?} have alerts, {radius:?} suffer");
}

/// All alerts are in one fold, which names the cause and says how many it holds.
fn the_top_fold_is_the_cause(config: &str, truth: &Truth) {
    let cause = &truth.cause.as_ref().unwrap().service;
    let mut t = Terminal::start(200, 50, &["--config", config]);
    let firing = |t: &Terminal| t.text().lines().nth(2)?.split_once(" firing")?.0.rsplit(' ').next()?.parse::<usize>().ok();
    t.wait_until("40 alerts, which the top fold puts down to the cause", |t| {
        let first = t.text().lines().nth(4).unwrap_or_default().to_owned();
        firing(t).is_some_and(|n| n >= 30 && first.contains(&format!("▸ P1 {cause}  {n} firing")))
    });
    t.keys("q").ended();
}

/// Slow requests that do not fail: traces of them have a span that waits, lines say so with their traces and never at error level.
fn waits_are_named(config: &str, span: &str, line: &str) {
    let servers = Servers::of(config);
    let search = |status: &str| {
        let query = format!("{{ {span} && duration > 5s && {status} }}");
        servers.get("tempo", "/api/search", &[("q", &query), ("limit", "5")])["traces"].as_array().map_or(0, Vec::len)
    };
    let start = Instant::now();
    while search("status != error") == 0 {
        assert!(start.elapsed() < PATIENCE, "no trace waits in a span of {span}");
    }
    assert_eq!(search("status = error"), 0, "who waits does not fail");
    // All of the same instant, when all lines of it have come.
    let now = (chrono::Utc::now().timestamp() - 30).to_string();
    let count = |stage: &str| {
        let query = format!("sum(count_over_time({line} {stage} [10m]))");
        let answer = servers.get("loki", "/loki/api/v1/query", &[("query", &query), ("time", &now)]);
        answer["data"]["result"][0]["value"][1].as_str().map_or(0, |n| n.parse().unwrap())
    };
    let all: u64 = count("");
    assert!(all > 1_000, "{all} lines of slow requests");
    assert_eq!((count(r#"| detected_level="warn""#), count(r#"| detected_level="error""#)), (all, 0));
    let traced = count(r#"|~ "[0-9a-f]{32}""#).max(count(r#"| trace_id!="""#));
    assert_eq!(traced, all, "each line names its trace");
}

/// The breakdown by pod begins with the pod that Prometheus has as the slowest.
fn the_worst_pod_is_the_slow_one(config: &str) {
    let mean = |of: &str| format!(r#"sum by (pod) (rate(http_request_duration_seconds_{of}{{job="catalog"}}[2m]))"#);
    let slowest = format!("topk(1, {} / {})", mean("sum"), mean("count"));
    let answer = Servers::of(config).get("prometheus", "/api/v1/query", &[("query", &slowest)]);
    let pod = answer["data"]["result"][0]["metric"]["pod"].as_str().unwrap().to_owned();
    let mut t = Terminal::start(200, 50, &["--config", config, "--service", "catalog"]);
    t.see("p95");
    t.keys("b").see("break down by");
    t.keys("pod").keys(ENTER).see("by pod");
    t.wait(&format!("{pod} to come first"), |s| {
        let mut below = s.lines().skip_while(|l| !l.contains("by pod,")).skip(2);
        below.next().is_some_and(|l| l.contains(&pod))
    });
    t.keys("q").ended();
}

/// Of all routes and pods of web one fails for more than a third of its requests since the onset, and none of the others for a tenth
/// of its own; its pod is that of the new version. The traces say so, and the error lines.
fn the_bad_version_is_on_one_pod_and_one_route(config: &str) {
    let servers = Servers::of(config);
    // Over so long that what fails by chance is few of many.
    let requests = |more: &str| {
        format!(r#"sum by (http_route, pod) (increase(http_server_request_duration_seconds_count{{service_name="web"{more}}}[10m]))"#)
    };
    let failing = format!("sort_desc({} / {})", requests(r#",http_response_status_code=~"5..""#), requests(""));
    let ask = |query: &str| servers.get("prometheus", "/api/v1/query", &[("query", query)])["data"]["result"].clone();
    let (failing, canary) = (ask(&failing), ask(r#"web_build_info{version="3.9.0"}"#));
    let pod = canary[0]["metric"]["pod"].as_str().expect("the new version runs").to_owned();
    let share = |at: usize| failing[at]["value"][1].as_str().map_or(0.0, |n| n.parse::<f64>().unwrap());
    assert!(share(0) > 0.33 && share(1) < 0.1, "{failing}");
    assert_eq!(
        (&failing[0]["metric"]["http_route"], failing[0]["metric"]["pod"].as_str()),
        (&Value::from("/api/cart"), Some(pod.as_str()))
    );
    the_traces_of_the_bad_version_fail(&servers);
    let lines = |selector: &str| {
        let query = format!(r#"sum(count_over_time({{{selector}}} |= `"route":"/api/cart"` |= `TypeError` [5m]))"#);
        let answer = servers.get("loki", "/loki/api/v1/query", &[("query", &query)]);
        answer["data"]["result"][0]["value"][1].as_str().map_or(0.0, |n| n.parse::<f64>().unwrap())
    };
    let (own, all) = (lines(&format!(r#"pod="{pod}""#)), lines(r#"service_name="web""#));
    assert!(own > 100.0 && own > all * 0.95, "{own} of {all} error lines are of the new version's pod");
}

/// Of the requests that add to a cart about half of those that the new version handled have failed, and next to none of the others.
fn the_traces_of_the_bad_version_fail(servers: &Servers) {
    let now = chrono::Utc::now().timestamp();
    let (start, end) = ((now - 360).to_string(), (now - 60).to_string());
    let traces = |version: &str, more: &str| {
        let query = format!(r#"{{ resource.service.version = "{version}" && kind = server && name = "POST /api/cart"{more} }}"#);
        let within = [("q", query.as_str()), ("limit", "20000"), ("start", &start), ("end", &end)];
        servers.get("tempo", "/api/search", &within)["traces"].as_array().map_or(0, Vec::len)
    };
    let failing = " && status = error";
    let begun = Instant::now();
    while traces("3.9.0", failing) < 50 || traces("3.8.2", "") < 100 {
        assert!(begun.elapsed() < PATIENCE, "no failed traces of the new version, or none of the old one");
    }
    let share = |version: &str| traces(version, failing) as f64 / traces(version, "") as f64;
    let (new, old) = (share("3.9.0"), share("3.8.2"));
    assert!((0.4..0.6).contains(&new) && old < 0.02, "{new} of 3.9.0 and {old} of 3.8.2 failed");
}
