//! How each backend is: told by every request, and by a light probe where none was made for a while.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    clock::Clock,
    core::msg::{Event, Msg},
    model::{
        backend::{Backend, Health, SourceError},
        time::Timestamp,
    },
    source::{Sources, http::Observer},
};

/// A backend that is down is probed this often.
const PROBE_DOWN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Default)]
struct Seen {
    down_since: Option<Timestamp>,
    asked: Option<Instant>,
}

/// Keeps the health of the four backends and tells the core of it.
pub(super) struct HealthBoard {
    clock: Clock,
    out: mpsc::Sender<Msg>,
    /// A backend that was not asked for this long is probed.
    every: Duration,
    seen: Arc<Mutex<[Seen; 4]>>,
    probes: Vec<JoinHandle<()>>,
}

impl HealthBoard {
    pub(super) fn new(clock: Clock, every: Duration, out: mpsc::Sender<Msg>) -> Self {
        Self { clock, out, every, seen: Arc::default(), probes: Vec::new() }
    }

    /// Is told of every request's end.
    pub(super) fn observer(&self) -> Observer {
        let (clock, out, seen) = (self.clock.clone(), self.out.clone(), self.seen.clone());
        Arc::new(move |backend, result| {
            let now = clock.now();
            let health = note(&seen, backend, result, now);
            // Full means that the core is busy with data; the next request tells again.
            let _ = out.try_send(Msg { now, event: Event::Health(backend, health) });
        })
    }

    /// Probes the backends of an environment from now on, and no others.
    pub(super) fn watch(&mut self, sources: Arc<Sources>) {
        for probe in self.probes.drain(..) {
            probe.abort();
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        for backend in Backend::ALL {
            if !sources.has(backend) {
                let msg = Msg { now: self.clock.now(), event: Event::Health(backend, Health::NotConfigured) };
                let _ = self.out.try_send(msg);
                continue;
            }
            let (sources, seen, every) = (sources.clone(), self.seen.clone(), self.every);
            self.probes.push(tokio::spawn(async move {
                loop {
                    if due(&seen, backend, every) {
                        sources.probe(backend).await;
                    }
                    tokio::time::sleep(PROBE_DOWN.min(every)).await;
                }
            }));
        }
    }
}

impl Drop for HealthBoard {
    fn drop(&mut self) {
        for probe in self.probes.drain(..) {
            probe.abort();
        }
    }
}

fn note(seen: &Mutex<[Seen; 4]>, backend: Backend, result: Result<Duration, &SourceError>, now: Timestamp) -> Health {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = &mut seen[backend as usize];
    seen.asked = Some(Instant::now());
    match result {
        Ok(latency) => {
            seen.down_since = None;
            Health::Up(latency)
        }
        Err(error) => Health::Down { since: *seen.down_since.get_or_insert(now), error: error.clone() },
    }
}

fn due(seen: &Mutex<[Seen; 4]>, backend: Backend, every: Duration) -> bool {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner)[backend as usize];
    seen.asked.is_none_or(|asked| seen.down_since.is_some() || asked.elapsed() >= every)
}
