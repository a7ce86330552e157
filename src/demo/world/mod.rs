//! The simulated shop: requests walk through services, and what the backends would have seen of them is answered.
//!
//! `walk` is the one description of a request. `pool` says who waits for a connection. `engine` simulates blocks of
//! time on demand and keeps few of them; `metrics`, `logs` and `traces` answer from them.

mod block;
mod engine;
mod exporters;
mod line;
mod lines;
mod logs;
mod metrics;
mod model;
mod pool;
mod record;
mod rng;
mod scenario;
mod series;
mod shop;
mod spans;
#[cfg(test)]
mod tests;
mod traces;
mod walk;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

pub use self::scenario::{Cause, Scenario, ScenarioError, Truth};
use self::{engine::Engine, metrics::Bases, model::Model, series::Registry};
use super::store::Clock;
use crate::model::{labels::Labels, time::Timestamp};

/// The shop with everything that its backends can be asked.
pub struct World {
    scenario: Scenario,
    engine: Engine,
    registry: Registry,
    bases: Bases,
    streams: Vec<Arc<Labels>>,
    clock: Arc<dyn Clock>,
}

impl World {
    /// A world that follows a scenario. `start` is the instant that the scenario's onset is relative to; nothing is
    /// simulated before it is asked for.
    pub fn new(scenario: Scenario, seed: u64, start: Timestamp, clock: Arc<dyn Clock>) -> Arc<Self> {
        let engine = Engine::new(Model::new(&scenario, seed, start));
        let registry = Registry::new(&engine.model, &engine.layout, &scenario.thresholds);
        let streams = logs::streams(&engine.model);
        Arc::new(Self { scenario, engine, registry, bases: Bases::default(), streams, clock })
    }

    /// What happens, and the truth about it.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// When the incident begins.
    pub const fn onset(&self) -> Timestamp {
        Timestamp(self.engine.model.onset)
    }

    /// The first instant of which anything is known.
    pub const fn birth(&self) -> Timestamp {
        Timestamp(self.engine.model.birth)
    }

    /// Simulates the last hour and then the last day in a thread of its own, so that questions find it done. The thread
    /// ends with the work or with the world.
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
