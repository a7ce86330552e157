//! `redline demo`: the shop in this process, as a terminal, as servers, or written into real servers.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use url::Url;

use super::{Failure, load, log_to_file, runtime, terminal};
use crate::{
    cli::{DemoArgs, Options},
    clock::{self, system_now},
    config::{self, EndpointConfig, Environment, Request, System},
    demo::{
        into::{self, Targets},
        rules::{RuleEngine, RuleFile},
        server::{self, DemoStores, Servers},
        store::Clock,
        world::{LEAD, Scenario, World},
    },
    model::{backend::Backend, time::Timestamp},
    time_input,
};

/// The name of the demo's environment.
const ENVIRONMENT: &str = "demo";
const TIMEOUT: Duration = Duration::from_secs(10);

/// The world's clock: the machine's, or one that stands still.
struct DemoClock(Option<Timestamp>);

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        self.0.unwrap_or_else(system_now)
    }
}

struct Demo {
    world: Arc<World>,
    stores: DemoStores,
    clock: Arc<dyn Clock>,
}

/// Runs what the arguments ask for.
pub(super) fn run(args: &DemoArgs, options: &Options, system: &System) -> Result<u8, Failure> {
    let demo = Demo::new(args)?;
    match &args.into {
        Some(target) => write_into(&demo, args, target, system),
        None if args.serve => serve(demo),
        None => open(demo, args, options, system),
    }
}

impl Demo {
    fn new(args: &DemoArgs) -> Result<Self, Failure> {
        let path = Path::new(&args.scenario);
        let scenario = if path.exists() { Scenario::load(path) } else { Scenario::builtin(&args.scenario) };
        let scenario = scenario.map_err(|e| Failure::usage(format!("--scenario {}: {e}", args.scenario)))?;
        let at = args
            .at
            .as_deref()
            .map(|text| time_input::parse_instant(text, system_now(), 0).map_err(|e| Failure::usage(format!("--at {text}: {e}"))));
        let clock: Arc<dyn Clock> = Arc::new(DemoClock(at.transpose()?));
        let start = clock.now();
        let world = World::new(scenario, args.seed, start, clock.clone());
        world.warm_up().map_err(Failure::other)?;
        let rules = RuleFile::shop()
            .and_then(|rules| RuleEngine::new(rules, "rules.yml", world.clone(), clock.clone(), world.rules_since()))
            .map_err(|e| Failure::other(format!("the demo's rules: {e}")))?;
        let stores = DemoStores { rules: Arc::new(rules), silences: Vec::new(), logs: world.clone(), traces: world.clone() };
        Ok(Self { world, stores, clock })
    }
}

fn open(demo: Demo, args: &DemoArgs, options: &Options, system: &System) -> Result<u8, Failure> {
    let mut loaded = load(options, system, false)?;
    log_to_file(options, &loaded)?;
    let runtime = runtime()?;
    let code = runtime.block_on(async {
        let clock = demo.clock.clone();
        let servers = server::serve(demo.stores, demo.clock).await.map_err(Failure::other)?;
        let backends = addresses(&servers).into_iter().map(|(backend, url)| (backend, EndpointConfig::plain(url, TIMEOUT))).collect();
        loaded.config.environments = BTreeMap::from([(ENVIRONMENT.to_owned(), Environment { backends, ..Environment::default() })]);
        loaded.config.environment = Some(ENVIRONMENT.to_owned());
        // What the user says of their own labels and log lines is not said of the shop.
        loaded.config.labels = Default::default();
        loaded.config.trace_ids = Default::default();
        let mut prepared =
            terminal::prepare(loaded, options, system, clock::Clock::from_fn(move || clock.now()), terminal::FromFiles::default())?;
        prepared.reopen_by(reopen(args));
        prepared.run().await
    });
    runtime.shutdown_background();
    code
}

/// The same world again.
fn reopen(args: &DemoArgs) -> Vec<String> {
    let mut words = vec!["demo".to_owned(), "--scenario".to_owned(), args.scenario.clone(), "--seed".to_owned(), args.seed.to_string()];
    words.extend(args.at.iter().flat_map(|at| ["--at".to_owned(), at.clone()]));
    words
}

fn addresses(servers: &Servers) -> [(Backend, Url); 4] {
    [
        (Backend::Prometheus, servers.prometheus.clone()),
        (Backend::Alertmanager, servers.alertmanager.clone()),
        (Backend::Loki, servers.loki.clone()),
        (Backend::Tempo, servers.tempo.clone()),
    ]
}

/// Runs the servers until the process is told to end.
fn serve(demo: Demo) -> Result<u8, Failure> {
    runtime()?.block_on(async {
        let servers = server::serve(demo.stores, demo.clock).await.map_err(Failure::other)?;
        println!("default_environment = \"{ENVIRONMENT}\"");
        for (backend, url) in addresses(&servers) {
            println!("\n[environments.{ENVIRONMENT}.{backend}]\nurl = \"{url}\"");
        }
        tokio::signal::ctrl_c().await.map_err(Failure::other)?;
        Ok(0)
    })
}

fn write_into(demo: &Demo, args: &DemoArgs, target: &Path, system: &System) -> Result<u8, Failure> {
    let targets = targets(target, system)?;
    if let Some(url) = targets.remote().filter(|_| !args.yes_write_to_remote) {
        return Err(Failure::usage(format!(
            "{url} is not on this machine; --yes-write-to-remote writes the demo's data there all the same"
        )));
    }
    let wanted = time_input::parse_duration(&args.history)
        .ok_or_else(|| Failure::usage(format!("--history {}: write a duration such as 30m", args.history)))?;
    let history = wanted.max(demo.clock.now().since(demo.world.onset()) + LEAD);
    let world = into::World {
        metrics: demo.world.clone(),
        past_metrics: demo.stores.rules.clone(),
        logs: demo.stores.logs.clone(),
        traces: demo.stores.traces.clone(),
        clock: demo.clock.clone(),
    };
    runtime()?.block_on(async {
        tokio::select! {
            done = into::write(world, targets, history, || println!("live")) => done.map_err(Failure::other)?,
            ended = tokio::signal::ctrl_c() => ended.map_err(Failure::other)?,
        }
        Ok(0)
    })
}

/// The addresses of a `config.toml`'s environment to write to.
fn targets(config: &Path, system: &System) -> Result<Targets, Failure> {
    let request = Request { config: Some(config.to_owned()), environment_needed: true, ..Request::default() };
    let loaded = config::load(&request, system)?;
    let Some((name, environment)) = loaded.config.current() else { return Err(Failure::usage("there is no environment to write to")) };
    let url = |backend: Backend| {
        let missing = || Failure::usage(format!("{}: [environments.{name}.{backend}] is needed to write to it", config.display()));
        environment.backends.get(&backend).map(|e| e.url.clone()).ok_or_else(missing)
    };
    let otlp = environment.otlp.as_ref().map(|e| e.url.clone());
    let missing =
        || Failure::usage(format!("{}: [environments.{name}.otlp] is needed: where Tempo takes OTLP over HTTP", config.display()));
    Ok(Targets { prometheus: url(Backend::Prometheus)?, loki: url(Backend::Loki)?, otlp: otlp.ok_or_else(missing)? })
}
