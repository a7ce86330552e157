//! Runs what the visible screen subscribes to: starts what is new, stops what is gone, keeps what is the same.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    clock::Clock,
    core::{
        msg::{Event, Msg},
        request::{Answer, Refresh, Request, Response, SlotId, Subscription},
    },
    model::{
        backend::{Backend, ErrorKind, SourceError},
        log::LogEvent,
    },
    source::Sources,
};

/// A refresh waits at least this many times as long as the last answer took: a slow backend is asked less often.
const BREATHING: u32 = 4;
/// Between two tries of what only someone else can heal: a refused token, an answer that is too large.
const HEALING: Duration = Duration::from_secs(30);
/// The longest wait between two tries of a failing request.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// What tasks need.
#[derive(Clone)]
pub struct Context {
    /// The backends of the environment.
    pub sources: Arc<Sources>,
    /// The clock that windows end at.
    pub clock: Clock,
    /// Where answers go.
    pub out: mpsc::Sender<Msg>,
}

impl Context {
    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.out.send(Msg { now: self.clock.now(), event }).await.map_err(|_| Gone)
    }
}

/// The program is ending: nobody listens any more.
struct Gone;

/// The running subscriptions.
#[derive(Default)]
pub struct Exec {
    tasks: HashMap<SlotId, (Subscription, JoinHandle<()>)>,
}

impl Exec {
    /// Makes what runs equal what is wanted. Dropping a task's future drops its connection, which the server sees.
    pub fn reconcile(&mut self, wanted: Vec<Subscription>, context: &Context) {
        let mut kept = HashMap::with_capacity(wanted.len());
        for subscription in wanted {
            if kept.contains_key(&subscription.slot) {
                continue;
            }
            let running = self.tasks.remove(&subscription.slot);
            let task = match running {
                Some((old, handle)) if old == subscription => (old, handle),
                other => {
                    if let Some((_, handle)) = other {
                        handle.abort();
                    }
                    let handle = tokio::spawn(run(subscription.clone(), context.clone()));
                    (subscription, handle)
                }
            };
            kept.insert(task.0.slot, task);
        }
        for (_, (_, handle)) in self.tasks.drain() {
            handle.abort();
        }
        self.tasks = kept;
    }

    /// Stops everything.
    pub fn stop(&mut self) {
        for (_, (_, handle)) in self.tasks.drain() {
            handle.abort();
        }
    }
}

/// One subscription from its start until it is aborted.
async fn run(subscription: Subscription, context: Context) {
    let slot = subscription.slot;
    let request = Arc::new(subscription.request);
    let mut failures = 0;
    loop {
        if context.send(Event::Asked(slot)).await.is_err() {
            return;
        }
        let started = Instant::now();
        let work = AssertUnwindSafe(ask(slot, &request, &context)).catch_unwind();
        let outcome = match work.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(Gone)) => return,
            Err(_) => {
                let bug = SourceError::new(backend_of(&request), ErrorKind::Bug, "redline failed while it read the answer");
                match answer(slot, &request, &context, context.clock.now(), Err(bug)).await {
                    Ok(outcome) => outcome,
                    Err(Gone) => return,
                }
            }
        };
        failures = if matches!(outcome, Outcome::Answered) { 0 } else { failures + 1 };
        let Some(wait) = next_wait(subscription.refresh, &outcome, failures, started.elapsed()) else { return };
        tokio::time::sleep(wait).await;
    }
}

/// How a question ended, as far as asking again depends on it.
enum Outcome {
    Answered,
    Failed { transient: bool, heals: bool, wish: Option<Duration> },
}

/// How long until the request is asked again; `None` when it is not.
fn next_wait(refresh: Refresh, outcome: &Outcome, failures: u32, took: Duration) -> Option<Duration> {
    let wait = match (refresh, outcome) {
        (Refresh::Once | Refresh::Stream, Outcome::Answered) => return None,
        (Refresh::Once | Refresh::Stream, Outcome::Failed { heals: false, .. }) => return None,
        (Refresh::Once | Refresh::Stream, Outcome::Failed { transient: false, .. }) => HEALING,
        (Refresh::Every(every), Outcome::Answered) => every.max(took * BREATHING),
        (Refresh::Every(every), Outcome::Failed { transient: false, .. }) => every.max(Duration::from_secs(15)),
        (_, Outcome::Failed { transient: true, wish, .. }) => wish.unwrap_or(Duration::ZERO).max(pause(failures)).max(took * BREATHING),
    };
    Some(wait.min(MAX_WAIT).mul_f64(0.9 + 0.2 * fastrand::f64()))
}

/// The wait after so many failures in a row: 1 s, 2 s, 4 s … 60 s.
fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}

/// Asks once and delivers what comes.
async fn ask(slot: SlotId, request: &Arc<Request>, context: &Context) -> Result<Outcome, Gone> {
    let asked = context.clock.now();
    if let Request::LogStream { query, window } = &**request {
        return stream(slot, request, context, query, *window).await;
    }
    let result = super::fetch::fetch(request, &context.sources, asked).await;
    answer(slot, request, context, asked, result).await
}

async fn answer(
    slot: SlotId,
    request: &Arc<Request>,
    context: &Context,
    asked: crate::model::time::Timestamp,
    result: Result<Response, SourceError>,
) -> Result<Outcome, Gone> {
    let outcome = match &result {
        Ok(_) => Outcome::Answered,
        Err(e) => {
            let wish = if let ErrorKind::RateLimited(wish) = e.kind { wish } else { None };
            Outcome::Failed { transient: e.is_transient(), heals: e.heals(), wish }
        }
    };
    let range = super::fetch::window(request).unwrap_or(crate::model::time::TimeWindow::Last(Duration::ZERO)).range(asked);
    let answer = Answer { slot, request: request.clone(), range, asked, result };
    context.send(Event::Answer(Box::new(answer))).await?;
    Ok(outcome)
}

/// Follows a log stream: each of its events is an answer of its own.
async fn stream(
    slot: SlotId,
    request: &Arc<Request>,
    context: &Context,
    query: &str,
    window: crate::model::time::TimeWindow,
) -> Result<Outcome, Gone> {
    let asked = context.clock.now();
    let Some(loki) = &context.sources.loki else {
        return answer(slot, request, context, asked, Err(not_configured(Backend::Loki))).await;
    };
    let (events, mut received) = mpsc::channel(64);
    let following = loki.stream(query.to_owned(), window.range(asked), window.is_live(), events);
    let forwarding = async {
        let mut last = Outcome::Answered;
        while let Some(event) = received.recv().await {
            let result = match event {
                LogEvent::Failed(error) => Err(error),
                event => Ok(Response::Log(vec![event])),
            };
            last = answer(slot, request, context, asked, result).await?;
        }
        Ok(last)
    };
    tokio::join!(following, forwarding).1
}

/// The error of a backend without an address.
pub(super) fn not_configured(backend: Backend) -> SourceError {
    SourceError::new(backend, ErrorKind::NotConfigured, format!("{backend} has no address in this environment"))
}

fn backend_of(request: &Request) -> Backend {
    match request {
        Request::Alerts | Request::DiscoverRed | Request::Instant { .. } | Request::Range { .. } | Request::Exemplars { .. } => {
            Backend::Prometheus
        }
        Request::DiscoverLogLabels | Request::LogRange { .. } | Request::LogStream { .. } | Request::LogOlder { .. } => Backend::Loki,
        Request::Search { .. } | Request::Trace(_) => Backend::Tempo,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(transient: bool, wish: Option<u64>) -> Outcome {
        Outcome::Failed { transient, heals: true, wish: wish.map(Duration::from_secs) }
    }

    fn about(wait: Option<Duration>, seconds: f64) -> bool {
        wait.is_some_and(|w| (w.as_secs_f64() / seconds - 1.0).abs() <= 0.11)
    }

    #[test]
    fn a_question_is_asked_again_as_its_refresh_says() {
        let every = Refresh::Every(Duration::from_secs(15));
        assert_eq!(next_wait(Refresh::Once, &Outcome::Answered, 0, Duration::ZERO), None);
        let bad_query = Outcome::Failed { transient: false, heals: false, wish: None };
        assert_eq!(next_wait(Refresh::Once, &bad_query, 1, Duration::ZERO), None, "a bad query stays bad");
        assert!(about(next_wait(Refresh::Stream, &failed(false, None), 1, Duration::ZERO), 30.0), "a token may be renewed");
        assert!(about(next_wait(Refresh::Once, &failed(true, None), 1, Duration::ZERO), 1.0));
        assert!(about(next_wait(every, &Outcome::Answered, 0, Duration::from_millis(10)), 15.0));
    }

    #[test]
    fn a_slow_or_refusing_backend_is_asked_less_often() {
        let every = Refresh::Every(Duration::from_secs(15));
        assert!(about(next_wait(every, &Outcome::Answered, 0, Duration::from_secs(9)), 36.0));
        assert!(about(next_wait(every, &failed(true, Some(90)), 1, Duration::ZERO), 90.0));
        assert!(about(next_wait(every, &failed(true, None), 4, Duration::ZERO), 8.0));
        assert!(next_wait(every, &failed(true, Some(86_400)), 1, Duration::ZERO).unwrap() <= MAX_WAIT.mul_f64(1.1));
    }
}
