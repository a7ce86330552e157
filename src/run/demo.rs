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
    ui::format,
};

/// The name of the demo's environment.
const ENVIRONMENT: &str = "demo";
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of the past is written into real servers, at least.
const HISTORY: Duration = Duration::from_secs(30 * 60);

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
        Some(config) => write_into(&demo, args, config, options, system),
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

fn write_into(demo: &Demo, args: &DemoArgs, config: &Path, options: &Options, system: &System) -> Result<u8, Failure> {
    let (targets, left_out) = targets(config, options, system)?;
    if let Some(url) = targets.remote().filter(|_| !args.yes_write_to_remote) {
        return Err(Failure::usage(format!(
            "{url} is not on this machine; --yes-write-to-remote writes the demo's data there all the same"
        )));
    }
    let since_onset = demo.clock.now().since(demo.world.onset());
    let history = match &args.history {
        Some(text) => {
            let wrong = || Failure::usage(format!("--history {text}: write a duration such as 30m"));
            time_input::parse_duration(text).ok_or_else(wrong)?
        }
        None => HISTORY.max(since_onset + LEAD),
    };
    left_out.into_iter().chain(without_onset(history, since_onset)).for_each(|line| eprintln!("{line}"));
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

/// What is said of a past that begins after the incident did.
fn without_onset(history: Duration, since_onset: Duration) -> Option<String> {
    let [written, ago] = [history, since_onset].map(format::age);
    (history < since_onset).then(|| format!("the incident began {ago} ago, which the {written} that are written do not reach back to"))
}

/// The addresses of a `config.toml`'s environment to write to, and what is said of what has none.
fn targets(config: &Path, options: &Options, system: &System) -> Result<(Targets, Vec<String>), Failure> {
    let (environment, urls) = (options.env.clone(), options.addresses()?);
    let request = Request { config: Some(config.to_owned()), environment, urls, environment_needed: true };
    let loaded = config::load(&request, system)?;
    let Some((name, environment)) = loaded.config.current() else { return Err(Failure::usage("there is no environment to write to")) };
    let url = |backend: Backend| environment.backends.get(&backend).map(|e| e.url.clone());
    let receiver = if environment.backends.contains_key(&Backend::Jaeger) { Backend::Jaeger } else { Backend::Tempo };
    let targets = Targets {
        prometheus: url(Backend::Prometheus),
        loki: url(Backend::Loki),
        otlp: environment.otlp.as_ref().map(|e| e.url.clone()),
        receiver,
    };
    let otlp = format!("otlp], where {receiver} takes OTLP over HTTP");
    let needed = [
        (&targets.prometheus, "metrics", "prometheus]".to_owned()),
        (&targets.loki, "log lines", "loki]".to_owned()),
        (&targets.otlp, "traces", otlp),
    ];
    let missing = needed.iter().filter(|(url, ..)| url.is_none());
    let left_out: Vec<String> =
        missing.map(|(_, what, at)| format!("no {what} are written: there is no [environments.{name}.{at}")).collect();
    if left_out.len() == needed.len() {
        return Err(Failure::usage(format!("{}: nothing can be written\n{}", config.display(), left_out.join("\n"))));
    }
    Ok((targets, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "default_environment = 'all'
        [environments.all]
        prometheus.url = 'http://127.0.0.1:1'
        loki.url = 'http://127.0.0.1:2'
        tempo.url = 'http://127.0.0.1:3'
        otlp.url = 'http://127.0.0.1:4'
        [environments.traces]
        jaeger.url = 'http://127.0.0.1:5'
        otlp.url = 'http://127.0.0.1:6'
        [environments.jaeger]
        jaeger.url = 'http://127.0.0.1:5'";

    fn found(env: Option<&str>) -> Result<(Targets, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, CONFIG).unwrap();
        let options = Options { env: env.map(str::to_owned), ..Options::default() };
        targets(&config, &options, &System::default()).map_err(|e| e.message)
    }

    #[test]
    fn what_an_environment_has_is_written_to_and_what_it_lacks_is_told() {
        let (all, left_out) = found(None).unwrap();
        assert_eq!((all.otlp.unwrap().port(), all.receiver, left_out), (Some(4), Backend::Tempo, vec![]));
        let (traces, left_out) = found(Some("traces")).unwrap();
        assert_eq!((traces.otlp.unwrap().port(), traces.receiver), (Some(6), Backend::Jaeger));
        assert_eq!(
            left_out,
            [
                "no metrics are written: there is no [environments.traces.prometheus]",
                "no log lines are written: there is no [environments.traces.loki]"
            ]
        );
        let nothing = found(Some("jaeger")).unwrap_err();
        assert!(nothing.contains("no traces are written: there is no [environments.jaeger.otlp], where jaeger takes OTLP"), "{nothing}");
    }

    #[test]
    fn a_past_that_is_wished_for_is_written_and_what_it_misses_is_told() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let told = "the incident began 18m ago, which the 1m that are written do not reach back to";
        assert_eq!(without_onset(minutes(1), minutes(18)).as_deref(), Some(told));
        assert_eq!(without_onset(minutes(18), minutes(18)), None);
    }
}
