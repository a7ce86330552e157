//! The demo may not lie: redline is used on it, all that redline sends is written down, and the real servers, holding the
//! same data, must answer each of these requests as the demo does.
//!
//! `REDLINE_STACK_CONFIG` names the config.toml of real servers that hold nothing yet: `dev/stack down && dev/stack up`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs)]

mod clip;
mod drive;
#[path = "../differential/outcome.rs"]
mod outcome;
mod record;
mod replay;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::Router;
use redline::{
    clock::system_now,
    demo::{
        into::{self, Targets},
        rules::{RuleEngine, RuleFile},
        server::{self, Server},
        store::{Clock, LogStore, MetricStore, TraceStore},
        world::{Scenario, World},
    },
    model::{
        backend::Backend,
        time::{TimeRange, Timestamp},
    },
};
use url::Url;

use crate::{
    clip::Clip,
    record::{Recorder, Sent},
    replay::{Addresses, Replay},
};

/// How many traces of those that were looked up are looked up on the real server.
const LOOKUPS: usize = 12;
/// How much of the past both sides hold.
const HISTORY: Duration = Duration::from_secs(30 * 60);
/// What must have come up, whatever else did: else redline was not really used.
const FLOOR: [&str; 9] = [
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/label/__name__/values",
    "/api/v1/rules",
    "/api/v2/alerts",
    "/loki/api/v1/query_range",
    "/api/search",
    "/api/traces/",
];

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        system_now()
    }
}

struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A world of this start with its rules, by this clock.
fn world(start: Timestamp, clock: &Arc<dyn Clock>) -> (Arc<World>, Arc<RuleEngine>) {
    let world = World::new(Scenario::builtin("pool-exhaustion").unwrap(), 1, start, clock.clone());
    let rules =
        RuleEngine::new(RuleFile::shop().unwrap(), "rules.yml", world.clone(), clock.clone(), start - Duration::from_secs(7200)).unwrap();
    (world, Arc::new(rules))
}

/// The four servers over these stores, each router changed by `with`.
async fn serve(
    metrics: Arc<RuleEngine>,
    alerts: Arc<RuleEngine>,
    (logs, traces): (Arc<dyn LogStore>, Arc<dyn TraceStore>),
    clock: &Arc<dyn Clock>,
    with: impl Fn(Backend, Router) -> Router,
) -> (Vec<Server>, Addresses) {
    let (mut servers, mut addresses) = (Vec::new(), Addresses::new());
    let routers = [
        (Backend::Prometheus, server::prometheus::router(metrics)),
        (Backend::Alertmanager, server::alertmanager::router(alerts, Vec::new(), "http://127.0.0.1:1/")),
        (Backend::Loki, server::loki::router(logs, clock.clone())),
        (Backend::Tempo, server::tempo::router(traces, clock.clone())),
    ];
    for (backend, router) in routers {
        let server = server::start(with(backend, router), clock.clone()).await.unwrap();
        addresses.insert(backend, server.url.clone());
        servers.push(server);
    }
    (servers, addresses)
}

/// The addresses in a config.toml of `dev/stack`, and that of its OTLP receiver.
fn real_servers() -> (Addresses, Url) {
    let path = env::var("REDLINE_STACK_CONFIG").expect("REDLINE_STACK_CONFIG must name a config.toml of running servers");
    let config: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let environment = &config["environments"][config["default_environment"].as_str().unwrap()];
    let url = |name: &str| Url::parse(environment[name]["url"].as_str().unwrap()).unwrap();
    let backends = [Backend::Prometheus, Backend::Alertmanager, Backend::Loki, Backend::Tempo];
    (backends.into_iter().map(|b| (b, url(&b.to_string()))).collect(), url("otlp"))
}

fn config_of(addresses: &Addresses) -> tempfile::NamedTempFile {
    let mut text = "default_environment = \"test\"\n".to_owned();
    for (backend, url) in addresses {
        text.push_str(&format!("[environments.test.{backend}]\nurl = \"{url}\"\n"));
    }
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

/// A living demo, and all that redline sends when it is used on it.
async fn used(start: Timestamp, real_tempo: &Url) -> Vec<Sent> {
    let wall: Arc<dyn Clock> = Arc::new(Wall);
    let (shop, rules) = world(start, &wall);
    shop.warm_up().unwrap();
    let lacks = record::lacking(real_tempo).await.into();
    let mut drives = Vec::new();
    for part in drive::PARTS {
        let recorder = Recorder::default();
        let listen = |backend, router| recorder.listen(backend, router, &lacks);
        let (servers, addresses) = serve(rules.clone(), rules.clone(), (shop.clone(), shop.clone()), &wall, listen).await;
        drives.push(tokio::task::spawn_blocking(move || {
            let config = config_of(&addresses);
            part(config.path().to_str().unwrap(), &recorder);
            drop(servers);
            recorder
        }));
    }
    let mut recorders = Vec::new();
    for drive in drives {
        recorders.push(drive.await.unwrap());
    }
    record::once(recorders.iter().flat_map(Recorder::sent))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_servers_answer_what_redline_sends_as_the_demo_does() {
    let (real, otlp) = real_servers();
    let start = replay::now();

    let sent = used(start, &real[&Backend::Tempo]).await;

    // What it showed, up to now, in the real servers and in a demo of just that stretch.
    let end = replay::now();
    let range = TimeRange { start: end - HISTORY, end };
    let stopped: Arc<dyn Clock> = Arc::new(Stopped(end));
    let (shop, rules) = world(start, &stopped);
    let source = into::World {
        metrics: shop.clone(),
        past_metrics: rules.clone(),
        logs: shop.clone(),
        traces: shop.clone(),
        clock: stopped.clone(),
    };
    let url = |backend| Some(real[&backend].clone());
    let targets = Targets { prometheus: url(Backend::Prometheus), loki: url(Backend::Loki), otlp: Some(otlp), receiver: Backend::Tempo };
    into::write(source, targets, HISTORY, || ()).await.unwrap();
    let metrics: Arc<dyn MetricStore> = Arc::new(Clip { store: rules.clone(), range });
    let clipped = RuleEngine::new(RuleFile::default(), "none", metrics, stopped.clone(), end).unwrap();
    let logs = Arc::new(Clip { store: shop.clone(), range });
    let traces = Arc::new(Clip { store: shop, range: TimeRange { start: range.start, end: end - into::TRACE_DELAY } });
    let (_queried, demo) = serve(Arc::new(clipped), rules.clone(), (logs.clone(), traces.clone()), &stopped, |_, router| router).await;
    let (_now, of_now) = serve(rules.clone(), rules, (logs, traces), &stopped, |_, router| router).await;

    // A tail has no past; the history of the same lines is asked for beside it.
    let (tails, mut sent): (Vec<_>, Vec<_>) = sent.into_iter().partition(|s| s.path == "/loki/api/v1/tail");
    for tail in &tails {
        let history = |s: &&Sent| s.path == "/loki/api/v1/query_range" && s.param("query") == tail.param("query");
        assert!(sent.iter().any(|s| history(&s)), "{tail:?} is only tailed");
    }
    // One trace is looked up as another is, and a Tempo 2.1 keeps some 100 MB of each lookup in a block of long traces.
    let mut looked_up = 0;
    sent.retain(|s| {
        looked_up += usize::from(s.path.starts_with("/api/traces/"));
        !s.path.starts_with("/api/traces/") || looked_up <= LOOKUPS
    });
    // A Tempo as old as this one ends in a panic when tags are asked for with a time; redline asks that only of newer ones.
    for tags in sent.iter_mut().filter(|s| s.path.starts_with("/api/v2/search/tag")) {
        tags.params.retain(|(name, _)| !record::TIMES.contains(&name.as_str()));
    }
    // A silence is made before it is changed, read and expired.
    sent.sort_by_key(|s| match &s.json {
        Some(json) => u8::from(json.contains("\"id\":")),
        None => 2 + u8::from(s.method == "DELETE"),
    });
    for path in FLOOR {
        assert!(sent.iter().any(|s| s.path.starts_with(path)), "redline did not ask {path}");
    }
    let client = redline::source::http::plain().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
    let begun = Instant::now();
    let replay = Replay { client: client.clone(), demo, real: real.clone(), range, begun, made: Mutex::default() };
    let replay_now = Replay { client, demo: of_now, real, range, begun, made: Mutex::default() };
    let (mut differences, mut asked) = (Vec::new(), BTreeMap::<_, usize>::new());
    for request in &sent {
        *asked.entry((request.backend, request.path.split('/').take(4).collect::<Vec<_>>().join("/"))).or_default() += 1;
        let side = if request.has_time() { &replay } else { &replay_now };
        differences.extend(side.difference(request).await);
    }
    println!("{} requests: {asked:?}", sent.len());
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), sent.len(), differences.join("\n"));
}
