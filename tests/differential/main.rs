//! The demo may not lie: the same data in the embedded and in a real Prometheus, and the same answers to every query.
//!
//! `REDLINE_STACK_CONFIG` names the config.toml of the real servers. The data is written under names of its own, so the
//! server may be in use and the test may be run again. `REDLINE_SEED` chooses other data and expressions.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod data;
mod fixed;
mod grammar;
mod outcome;
mod random;

use std::{
    env, fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use prost::Message;
use redline::{
    demo::{
        memory::MemStore,
        rules::{RuleEngine, RuleFile},
        server::{prometheus, start},
        store::{Clock, StoredSeries},
    },
    model::time::Timestamp,
    wire::remote_write::{Label, Sample, TimeSeries, WriteRequest},
};
use url::Url;

use crate::{
    grammar::Grammar,
    outcome::{Outcome, difference},
    random::Random,
};

/// Generated expressions.
const GENERATED: usize = 300;

struct FixedClock(Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The real Prometheus' address.
fn real_prometheus() -> Url {
    let path = env::var("REDLINE_STACK_CONFIG").expect("REDLINE_STACK_CONFIG must name a config.toml of running servers");
    let config: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let environment = config["default_environment"].as_str().unwrap();
    Url::parse(config["environments"][environment]["prometheus"]["url"].as_str().unwrap()).unwrap()
}

fn time_series(series: &StoredSeries) -> TimeSeries {
    TimeSeries {
        labels: series.labels.iter().map(|(name, value)| Label { name: name.into(), value: value.into() }).collect(),
        samples: series.samples.iter().map(|&(timestamp, value)| Sample { value, timestamp }).collect(),
        exemplars: Vec::new(),
        histograms: series.histograms.iter().map(|(at, h)| h.to_wire(*at)).collect(),
    }
}

async fn write(client: &reqwest::Client, base: &Url, store: &MemStore) {
    let request = WriteRequest { timeseries: store.series.iter().map(time_series).collect(), metadata: Vec::new() };
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap();
    let request = client.post(base.join("api/v1/write").unwrap()).body(body).header("content-encoding", "snappy");
    let request = request.header("content-type", "application/x-protobuf").header("x-prometheus-remote-write-version", "0.1.0");
    let response = request.send().await.unwrap();
    let status = response.status();
    assert!(status.is_success(), "remote write: {status}: {}", response.text().await.unwrap());
}

async fn ask(client: &reqwest::Client, base: &Url, path: &str, params: &[(&str, &str)]) -> Outcome {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let request = client.post(base.join(path).unwrap()).body(body).header("content-type", "application/x-www-form-urlencoded");
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    Outcome::read(status, &response.text().await.unwrap(), &format!("{base}: {params:?}"))
}

/// Puts the prefix where `$` stands before a metric's name; replacement texts of `label_replace` keep theirs.
fn with_prefix(expression: &str, prefix: &str) -> String {
    let mut out = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '$' && chars.peek().is_some_and(char::is_ascii_lowercase) {
            out.push_str(prefix);
        } else {
            out.push(c);
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_prometheus_answers_as_the_real_one() {
    let now = i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let seed = env::var("REDLINE_SEED").map_or(1, |s| s.parse().unwrap());
    println!("REDLINE_SEED={seed}");
    let mut random = Random::new(seed);
    let end = (now - 120) / 15 * 15_000;
    let prefix = format!("d{now}_");
    let store = data::build(&mut random, &prefix, end);
    let expected = store.series.len();

    let client = redline::source::http::plain().timeout(Duration::from_secs(60)).build().unwrap();
    let real = real_prometheus();
    write(&client, &real, &store).await;
    let clock = Arc::new(FixedClock(Timestamp::from_secs(now)));
    let engine = RuleEngine::new(RuleFile::default(), "none", Arc::new(store), clock.clone(), Timestamp::from_secs(now)).unwrap();
    let demo = start(prometheus::router(Arc::new(engine)), clock).await.unwrap();

    let generated: Vec<String> = (0..GENERATED).map(|_| Grammar(&mut random).expression()).collect();
    let expressions = fixed::EXPRESSIONS.iter().map(|e| (*e).to_owned()).chain(generated);
    let instant = (end / 1000 - 300).to_string();
    let (from, to) = ((end / 1000 - 1800).to_string(), (end / 1000).to_string());
    let (mut differences, mut empty, mut asked) = (Vec::new(), 0, 0);
    for expression in expressions {
        let query = with_prefix(&expression, &prefix);
        for (path, params) in [
            ("api/v1/query", vec![("query", query.as_str()), ("time", &instant)]),
            ("api/v1/query_range", vec![("query", query.as_str()), ("start", &from), ("end", &to), ("step", "60")]),
        ] {
            let (in_real, in_demo) = (ask(&client, &real, path, &params).await, ask(&client, &demo.url, path, &params).await);
            asked += 1;
            empty += usize::from(matches!(&in_real, Outcome::Series(_, s) if s.is_empty()));
            differences.extend(difference(&in_real, &in_demo).map(|d| format!("{path} {expression}\n  {d}")));
        }
    }
    println!("{expected} series, {asked} queries, {empty} of them without a result");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(empty * 3 < asked, "too few of the queries have a result");
}
