//! How each backend is: told by every request, and by a light probe where none was made for a while.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
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

/// A backend that is down is probed this often, unless only someone can bring it back, as a refused password.
const PROBE_DOWN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Default)]
struct Seen {
    down_since: Option<Timestamp>,
    /// It may be back any moment.
    passing: bool,
    asked: Option<Instant>,
}

/// Keeps the health of the four backends and tells the core of it.
pub(super) struct HealthBoard {
    clock: Clock,
    out: mpsc::Sender<Msg>,
    /// A backend that was not asked for this long is probed.
    every: Duration,
    seen: Arc<Mutex<[Seen; Backend::ALL.len()]>>,
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

    /// Probes the backends of an environment from now on, and no others. Returns those that have no address.
    pub(super) fn watch(&mut self, sources: Arc<Sources>) -> Vec<Backend> {
        for probe in self.probes.drain(..) {
            probe.abort();
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        let (there, missing): (Vec<Backend>, Vec<Backend>) = Backend::ALL.into_iter().partition(|b| sources.has(*b));
        for backend in there {
            let (sources, seen, every) = (sources.clone(), self.seen.clone(), self.every);
            self.probes.push(tokio::spawn(async move {
                loop {
                    if due(&seen, backend, every) {
                        // A panic was logged, and nothing was told: the next probe may.
                        let _ = AssertUnwindSafe(sources.probe(backend)).catch_unwind().await;
                    }
                    tokio::time::sleep(PROBE_DOWN.min(every).mul_f64(0.8 + 0.4 * fastrand::f64())).await;
                }
            }));
        }
        missing
    }
}

impl Drop for HealthBoard {
    fn drop(&mut self) {
        for probe in self.probes.drain(..) {
            probe.abort();
        }
    }
}

fn note(seen: &Mutex<[Seen; Backend::ALL.len()]>, backend: Backend, result: Result<Duration, &SourceError>, now: Timestamp) -> Health {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = &mut seen[backend as usize];
    seen.asked = Some(Instant::now());
    let hold_off = result.err().and_then(SourceError::hold_off);
    seen.passing = hold_off.is_none() && result.is_err_and(SourceError::is_transient);
    if result.is_ok() || hold_off.is_some() {
        seen.down_since = None;
    }
    match (result, hold_off) {
        (Ok(latency), _) => Health::Up(latency),
        (Err(error), Some(wait)) => Health::Limited { until: now + wait, error: error.clone() },
        (Err(error), None) => Health::Down { since: *seen.down_since.get_or_insert(now), error: error.clone() },
    }
}

/// Whether it is to be probed. The client sees to it that one that limits us is left alone.
fn due(seen: &Mutex<[Seen; Backend::ALL.len()]>, backend: Backend, every: Duration) -> bool {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner)[backend as usize];
    seen.passing || seen.asked.is_none_or(|asked| asked.elapsed() >= every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::backend::{ErrorKind, TlsFault},
        source::{Loki, http::Endpoint},
    };

    const EVERY: Duration = Duration::from_secs(30);

    fn told(seen: &Mutex<[Seen; Backend::ALL.len()]>, kind: ErrorKind, now: Timestamp) -> Health {
        note(seen, Backend::Loki, Err(&SourceError::new(Backend::Loki, kind, "no")), now)
    }

    #[test]
    fn a_backend_that_limits_us_is_up() {
        let (seen, now) = (Mutex::default(), Timestamp::from_secs(100));
        assert!(due(&seen, Backend::Loki, EVERY), "nothing is known of it");
        let health = told(&seen, ErrorKind::RateLimited(Duration::from_secs(90)), now);
        assert!(matches!(health, Health::Limited { until, .. } if until == Timestamp::from_secs(190)), "{health:?}");
        assert!(!due(&seen, Backend::Loki, EVERY));
        let health = note(&seen, Backend::Loki, Ok(Duration::from_millis(3)), now);
        assert_eq!(health, Health::Up(Duration::from_millis(3)));
    }

    #[test]
    fn what_only_someone_can_heal_is_not_probed_faster() {
        let now = Timestamp::from_secs(100);
        for kind in [ErrorKind::Unauthorized(401), ErrorKind::Secret, ErrorKind::Tls(TlsFault::WrongName)] {
            let seen = Mutex::default();
            assert!(matches!(told(&seen, kind.clone(), now), Health::Down { .. }));
            assert!(!due(&seen, Backend::Loki, EVERY), "{kind:?}");
            assert!(due(&seen, Backend::Loki, Duration::ZERO), "as often as any other");
        }
    }

    #[test]
    fn backends_without_an_address_are_told_at_once_however_much_waits_to_be_told() {
        let (out, _full) = mpsc::channel(1);
        out.try_send(Msg { now: Timestamp::ZERO, event: Event::Wake }).unwrap();
        let mut board = HealthBoard::new(Clock::system(), EVERY, out);
        let none = board.watch(Arc::default());
        assert_eq!(none, Backend::ALL);
    }

    #[tokio::test]
    async fn a_probe_that_panics_is_not_the_last_one() {
        let (asked, mut probes) = mpsc::unbounded_channel();
        let observer: Observer = Arc::new(move |_, _| {
            asked.send(()).unwrap();
            panic!("as a bug would");
        });
        let endpoint = Endpoint::new(Backend::Loki, "http://127.0.0.1:1".parse().unwrap());
        let sources = Sources { loki: Some(Loki::new(endpoint, observer).unwrap()), ..Sources::default() };
        let (out, _told) = mpsc::channel(8);
        let mut board = HealthBoard::new(Clock::system(), Duration::from_millis(1), out);
        board.watch(Arc::new(sources));
        for _ in 0..3 {
            tokio::time::timeout(Duration::from_secs(20), probes.recv()).await.expect("another probe").unwrap();
        }
    }

    #[test]
    fn a_backend_that_is_down_is_probed_and_says_since_when() {
        let (seen, now) = (Mutex::default(), Timestamp::from_secs(100));
        told(&seen, ErrorKind::Unreachable, now);
        assert!(due(&seen, Backend::Loki, EVERY));
        let health = told(&seen, ErrorKind::Server(500), now + Duration::from_secs(5));
        assert!(matches!(health, Health::Down { since, .. } if since == now), "{health:?}");
    }
}
