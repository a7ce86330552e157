//! Figures of the demo's world: `cargo bench --bench demo`.
//!
//! Prints, asserts nothing. Every figure of a first question is taken in a world of its own.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use redline::{
    demo::{
        rules::{RuleEngine, RuleFile},
        store::{Clock, Direction, LogHint, LogStore, MetricStore, TraceHint, TraceStore},
        world::{Scenario, World},
    },
    model::{
        labels::{MatchOp, Matcher},
        time::{TimeRange, Timestamp},
    },
};

const START: Timestamp = Timestamp::from_secs(1_763_712_007);

struct At(AtomicI64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

fn world() -> (Arc<World>, Arc<At>) {
    let clock = Arc::new(At(AtomicI64::new(START.0)));
    match Scenario::builtin("pool-exhaustion") {
        Ok(scenario) => (World::new(scenario, 7, START, clock.clone()), clock),
        Err(e) => panic!("{e}"),
    }
}

fn ago(minutes: u64) -> Timestamp {
    START - Duration::from_secs(60 * minutes)
}

/// Prints how long something took and what it found.
fn figure(what: &str, mut run: impl FnMut() -> usize) {
    let begin = Instant::now();
    let found = run();
    println!("{what:<72} {:>9.1} ms  {found:>8} found  {:>6.1} MB", begin.elapsed().as_secs_f64() * 1e3, resident());
}

/// Resident memory in MB, where the system tells.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn samples(world: &World, pattern: &str, from: Timestamp, to: Timestamp) -> usize {
    world.select(&[Matcher::new("__name__", MatchOp::Regex, pattern)], from.millis(), to.millis()).iter().map(|s| s.samples.len()).sum()
}

fn volume(world: &World, from: Timestamp, to: Timestamp, service: &str) -> usize {
    let hint = LogHint { matchers: vec![Matcher::equal("service_name", service)], trace: None };
    let mut levels = [0_usize; 3];
    LogStore::scan(world, &hint, TimeRange::new(from, to), Direction::Forward, &mut |l| {
        levels[["info", "warn", "error"].iter().position(|n| *n == l.level()).unwrap_or(0)] += 1;
        ControlFlow::Continue(())
    });
    levels.iter().sum()
}

fn newest(world: &World, to: Timestamp, limit: usize) -> usize {
    let hint = LogHint { matchers: vec![Matcher::equal("service_name", "orders")], trace: None };
    let (mut n, mut text) = (0, String::new());
    LogStore::scan(world, &hint, TimeRange::new(ago(24 * 60), to), Direction::Backward, &mut |l| {
        l.write_text(&mut text);
        n += 1;
        if n < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    n
}

fn failed(world: &World, from: Timestamp, to: Timestamp, service: &str) -> usize {
    let hint = TraceHint { services: vec![service.to_owned()], error: true, min_duration: 0 };
    let mut n = 0;
    TraceStore::scan(world, &hint, TimeRange::new(from, to), &mut |_| {
        n += 1;
        if n < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    n
}

/// The rules from ten minutes before an onset that long ago, in a world that nobody has asked anything.
fn looked_back(hours: u64, warm: bool) -> usize {
    let (world, clock) = world();
    if warm && let Err(e) = world.warm_up() {
        panic!("{e}");
    }
    let since = START - Duration::from_secs(3_600 * hours + 600);
    match RuleFile::shop().and_then(|rules| RuleEngine::new(rules, "rules.yml", world, clock, since)) {
        Ok(rules) => rules.alerts().len(),
        Err(e) => panic!("{e}"),
    }
}

fn main() {
    const RED: &str = "http_server_request.*";
    println!("series: {}", world().0.series(&[], ago(60).millis(), START.millis()).len());
    figure("first question: request histograms, last hour", || samples(&world().0, RED, ago(60), START));
    figure("first question: volume by level of web, last hour", || volume(&world().0, ago(60), START, "web"));
    figure("first question: 20 newest failed traces of checkout", || failed(&world().0, ago(60), START, "checkout"));
    figure("first question: 20 newest failed traces of payments, an hour", || failed(&world().0, ago(60), START, "payments"));
    figure("first question: alerts, rules looked back for 2 h", || looked_back(2, false));
    figure("first question: alerts, rules looked back for 3 h", || looked_back(3, false));
    figure("the same beside the thread that simulates", || looked_back(3, true));
    let (world, clock) = world();
    figure("the hour before a day ago: request histograms (25 h simulated)", || samples(&world, RED, ago(24 * 60), ago(23 * 60)));
    figure("again: request histograms, last hour", || samples(&world, RED, ago(60), START));
    figure("again: request counts, 24 h", || samples(&world, "http_server_request.*_count", ago(24 * 60), START));
    figure("again: all series, last hour", || samples(&world, ".+", ago(60), START));
    figure("records of the last hour", || volume(&world, ago(60), START, "web"));
    figure("again: volume by level of web, last hour", || volume(&world, ago(60), START, "web"));
    figure("again: last 1000 lines of orders", || newest(&world, START, 1000));
    figure("again: 100,000 lines of orders with their text", || newest(&world, START, 100_000));
    figure("again: 20 newest failed traces of payments, an hour", || failed(&world, ago(60), START, "payments"));
    figure("exemplars of the last hour", || world.exemplars(&[], ago(60).millis(), START.millis()).len());
    figure("volume by level of web, an hour six hours ago", || volume(&world, ago(360), ago(300), "web"));
    figure("an hour of living, looking at the last hour every 15 s", || {
        (0..240)
            .map(|_| {
                let now = Timestamp(clock.0.fetch_add(15_000_000_000, Ordering::Relaxed) + 15_000_000_000);
                samples(&world, RED, now - Duration::from_secs(3_600), now) + volume(&world, now - Duration::from_secs(15), now, "orders")
            })
            .sum()
    });
}
