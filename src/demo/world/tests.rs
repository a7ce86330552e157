use std::sync::Arc;

use super::*;
use crate::{
    demo::store::{MetricStore, StoredSeries},
    model::labels::Matcher,
};

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// 2025-11-21 08:00:07 UTC.
const START: Timestamp = Timestamp::from_secs(1_763_712_007);

fn world_at(scenario: Scenario, now: Timestamp) -> Arc<World> {
    World::new(scenario, 7, START, Arc::new(At(now)))
}

fn incident() -> Arc<World> {
    world_at(Scenario::builtin("pool-exhaustion").unwrap(), START)
}

fn select(world: &World, name: &str, more: &[(&str, &str)], from: Timestamp, to: Timestamp) -> Vec<StoredSeries> {
    let matchers: Vec<Matcher> =
        std::iter::once(("__name__", name)).chain(more.iter().copied()).map(|(n, v)| Matcher::equal(n, v)).collect();
    world.select(&matchers, from.millis(), to.millis())
}

/// How much all series of a selection counted in a range, from the first sample to the last.
fn increase(world: &World, name: &str, more: &[(&str, &str)], from: Timestamp, to: Timestamp) -> f64 {
    let ends = |s: &StoredSeries| s.samples.iter().filter(|v| v.1.to_bits() != crate::demo::store::STALE).map(|v| v.1).collect::<Vec<_>>();
    select(world, name, more, from, to).iter().map(|s| ends(s).last().unwrap_or(&0.0) - ends(s).first().unwrap_or(&0.0)).sum()
}

/// Share of failed purchases between two instants.
fn checkout_errors(world: &World, from: Timestamp, to: Timestamp) -> f64 {
    let count = |more: &[(&str, &str)]| {
        increase(
            world,
            "http_server_requests_seconds_count",
            &[&[("application", "checkout"), ("uri", "/checkout")], more].concat(),
            from,
            to,
        )
    };
    count(&[("status", "500")]) / count(&[])
}

#[test]
fn the_incident_shows_after_its_onset_and_not_before() {
    let world = incident();
    let onset = world.onset();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let before = checkout_errors(&world, onset - minutes(6), onset);
    let after = checkout_errors(&world, onset + minutes(6), onset + minutes(12));
    assert!(before < 0.01, "{before}");
    assert!((0.15..0.35).contains(&after), "{after}");
}
