//! The simulated shop: requests walk through services, and what the backends would have seen of them is answered.
//!
//! `walk` is the one description of a request. `pool` says who waits for a connection. `engine` simulates blocks of
//! time on demand and keeps few of them; `metrics`, `logs` and `traces` answer from them.

mod block;
mod counters;
mod engine;
mod exporters;
mod jobs;
mod line;
mod lines;
mod logs;
mod metrics;
mod model;
mod platform;
mod pool;
mod record;
mod rng;
mod sampled;
mod scenario;
mod series;
mod shop;
mod spans;
#[cfg(test)]
mod tests;
mod traces;
mod volume;
mod walk;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

pub use self::scenario::{Cause, Scenario, ScenarioError, Truth};
use self::{counters::Bases, engine::Engine, model::Model, sampled::Sampled, series::Registry};
use super::store::Clock;
use crate::model::{labels::Labels, time::Timestamp};

/// How far before the start the alerting rules are evaluated, at least.
const RULE_HISTORY: Duration = Duration::from_secs(3_600);
/// What is evaluated and written before the onset.
pub const LEAD: Duration = Duration::from_secs(10 * 60);
/// The longest window of a rule.
const RULE_WINDOW: i64 = 600 * model::SECOND;

/// An alert's onset is the first evaluation that found it: the rules begin before the scenario's.
fn rules_since(start: Timestamp, onset: Timestamp) -> Timestamp {
    (start - RULE_HISTORY).min(onset - LEAD)
}

/// The shop with everything that its backends can be asked.
pub struct World {
    scenario: Scenario,
    engine: Engine,
    registry: Registry,
    bases: Bases,
    streams: Vec<Arc<Labels>>,
    sampled: Sampled,
    clock: Arc<dyn Clock>,
}

impl World {
    /// A world that follows a scenario. `start` is the instant that the scenario's onset is relative to; nothing is
    /// simulated before it is asked for.
    pub fn new(scenario: Scenario, seed: u64, start: Timestamp, clock: Arc<dyn Clock>) -> Arc<Self> {
        let engine = Engine::new(Model::new(&scenario, seed, start));
        let registry = Registry::new(&engine.model, &engine.layout, &scenario.thresholds);
        let streams = logs::streams(&engine.model);
        Arc::new(Self { scenario, engine, registry, bases: Bases::default(), streams, sampled: Sampled::default(), clock })
    }

    /// What happens, and the truth about it.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// When the incident begins.
    pub const fn onset(&self) -> Timestamp {
        Timestamp(self.engine.model.onset)
    }

    /// From when on its alerting rules are evaluated.
    pub fn rules_since(&self) -> Timestamp {
        rules_since(Timestamp(self.engine.model.start), self.onset())
    }

    /// Simulates what alerting rules look back over, then the last hour with its lines and traces, then the last day, in a
    /// thread of its own, so that questions find it done. The thread ends with the work or with the world.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn warm_up(self: &Arc<Self>) -> std::io::Result<()> {
        let world = Arc::downgrade(self);
        std::thread::Builder::new().name("shop".to_owned()).spawn(move || warm_up(&world)).map(drop)
    }
}

fn warm_up(world: &Weak<World>) {
    let hour = 3_600 * model::SECOND;
    let looked_back = |w: &World| w.clock.now().0 - w.rules_since().0 + RULE_WINDOW;
    // Alerts are what is looked at first. In two questions, so that others get in between.
    for whole in [false, true] {
        let Some(world) = world.upgrade() else { return };
        let blocks = world.blocks_back(if whole { looked_back(&world) } else { hour });
        world.engine.metrics(*blocks.start(), *blocks.end());
    }
    let Some(blocks) = world.upgrade().map(|w| w.blocks_back(25 * hour)) else { return };
    for (n, block) in blocks.rev().enumerate() {
        let Some(world) = world.upgrade() else { return };
        world.engine.metrics(block, block);
        if n < 32 {
            world.engine.records(block, block);
        } else {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
