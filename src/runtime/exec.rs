//! Runs what the visible screen subscribes to: starts what is new, stops what is gone, keeps what is the same.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    beat::Beat,
    retry::{Outcome, next_wait, on_time},
    settle::{Panes, Turn},
};
use crate::{
    background,
    clock::Clock,
    core::{
        effect::{Write, WriteNews, WriteStage},
        msg::{Event, Msg},
        request::{Answer, Refresh, Request, Response, SlotId, Subscription},
    },
    model::{
        backend::{Backend, ErrorKind, SourceError},
        log::LogEvent,
        opened::Asked,
        time::{TimeWindow, Timestamp},
    },
    source::{Sources, not_configured},
    store::FilterJob,
    trace::structure::StructureJob,
};

/// What tasks need.
#[derive(Clone)]
pub struct Context {
    /// The backends of the environment.
    pub sources: Arc<Sources>,
    /// The clock that windows end at.
    pub clock: Clock,
    /// When questions are asked again.
    pub beat: Beat,
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

/// One of them.
struct Task {
    handle: JoinHandle<()>,
    /// How often it asks again.
    refresh: watch::Sender<Refresh>,
}

impl Task {
    /// Whether it goes on for a subscription: the same question, also where that is asked more or less often by now. What is being
    /// answered is not asked once more for that.
    fn serves(&self, old: &Subscription, new: &Subscription) -> bool {
        old.is_same(new) || !self.handle.is_finished() && old.is_same(&Subscription { refresh: old.refresh, ..new.clone() })
    }
}

/// The running subscriptions.
#[derive(Default)]
pub struct Exec {
    tasks: HashMap<SlotId, (Subscription, Task)>,
    panes: Panes,
}

impl Exec {
    /// Makes what runs equal what is wanted `now`. Dropping a task's future drops its connection, which the server sees.
    pub fn reconcile(&mut self, wanted: Vec<Subscription>, context: &Context, now: Instant) {
        let mut kept = HashMap::with_capacity(wanted.len());
        for subscription in wanted {
            if kept.contains_key(&subscription.slot) {
                continue;
            }
            let running = self.tasks.remove(&subscription.slot);
            let task = match running {
                Some((old, task)) if task.serves(&old, &subscription) => {
                    task.refresh.send_if_modified(|refresh| std::mem::replace(refresh, subscription.refresh) != subscription.refresh);
                    (subscription, task)
                }
                other => {
                    if let Some((_, task)) = other {
                        task.handle.abort();
                    }
                    let turn = self.panes.changed(subscription.slot, now);
                    let (refresh, changes) = watch::channel(subscription.refresh);
                    let handle = tokio::spawn(run(subscription.clone(), changes, turn, context.clone()));
                    (subscription, Task { handle, refresh })
                }
            };
            kept.insert(task.0.slot, task);
        }
        for (_, (_, task)) in self.tasks.drain() {
            task.handle.abort();
        }
        self.tasks = kept;
        self.panes.forget(now);
    }

    /// Stops everything.
    pub fn stop(&mut self) {
        for (_, (_, task)) in self.tasks.drain() {
            task.handle.abort();
        }
    }
}

/// Writes once, whatever is on the screen meanwhile: only its end ends it. Where redline itself fails it may have been done
/// or not: what was to be sent is kept, so that it can be looked for.
pub fn write(write: Write, context: Context) {
    tokio::spawn(async move {
        let Write { view, change } = write;
        let news = |stage| Event::Write(Box::new(WriteNews { view, stage }));
        let lost = |error: &SourceError| {
            // Full means that the core is busy; the end is told in any case.
            let _ = context.out.try_send(Msg { now: context.clock.now(), event: news(WriteStage::Looking(error.clone())) });
        };
        let change = context.sources.settled(change);
        let outcome = AssertUnwindSafe(context.sources.change_silence(change.clone(), &lost)).catch_unwind().await;
        let outcome = outcome
            .unwrap_or_else(|_| change.unknown(SourceError::new(Backend::Alertmanager, ErrorKind::Bug, "redline failed while it wrote")));
        // Nobody listens when the program is ending.
        let _ = context.send(news(WriteStage::Ended(outcome))).await;
    });
}

/// One subscription from its start until it is aborted.
async fn run(subscription: Subscription, mut refresh: watch::Receiver<Refresh>, turn: Turn, context: Context) {
    let slot = subscription.slot;
    tokio::time::sleep(rest(&subscription, context.clock.now())).await;
    // No server is asked for what a worker does, and each letter typed is another question.
    if !matches!(subscription.request, Request::Filter(_) | Request::Same(_) | Request::Compare(_)) {
        turn.come().await;
    }
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
        let took = started.elapsed();
        loop {
            let how = *refresh.borrow_and_update();
            let due = match on_time(how, &outcome, took) {
                Some(every) => context.beat.after(started, every),
                None => match next_wait(how, &outcome, failures, took) {
                    Some(wait) => started + took + wait,
                    None => return,
                },
            };
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => break,
                Ok(()) = refresh.changed() => {}
            }
        }
    }
}

/// How long the answer that the pane still shows from before it was covered stays fresh.
fn rest(subscription: &Subscription, now: Timestamp) -> Duration {
    match (subscription.refresh, subscription.answered) {
        (Refresh::Every(every) | Refresh::Fact(every), Some(at)) => every.saturating_sub(now.since(at)),
        _ => Duration::ZERO,
    }
}

/// Asks once and delivers what comes.
async fn ask(slot: SlotId, request: &Arc<Request>, context: &Context) -> Result<Outcome, Gone> {
    let asked = context.clock.now();
    if let Request::LogStream { query, window, .. } = &**request {
        return stream(slot, request, context, query, *window).await;
    }
    if let Request::FileLines(lines) = **request {
        return files(slot, request, context, lines).await;
    }
    if let Request::Filter(job) = &**request {
        return filter(slot, request, context, job.clone()).await;
    }
    if let Request::Structure(job) = &**request {
        return structure(slot, request, context, job.clone()).await;
    }
    let result = super::fetch::fetch(request, &context.sources, asked).await;
    answer(slot, request, context, asked, result).await
}

async fn answer(
    slot: SlotId,
    request: &Arc<Request>,
    context: &Context,
    asked: Timestamp,
    result: Result<Response, SourceError>,
) -> Result<Outcome, Gone> {
    let outcome = Outcome::of(&result);
    let answer = Answer { slot, request: request.clone(), asked, result };
    context.send(Event::Answer(Box::new(answer))).await?;
    Ok(outcome)
}

/// Follows files for as long as it is asked. What they handed out is not handed out again: it is taken from them once there
/// is room for it.
async fn files(slot: SlotId, request: &Arc<Request>, context: &Context, lines: Asked) -> Result<Outcome, Gone> {
    let asked = context.clock.now();
    let Some(files) = &context.sources.files else {
        let bug = SourceError::new(Backend::Loki, ErrorKind::Bug, "no files were opened");
        return answer(slot, request, context, asked, Err(bug)).await;
    };
    loop {
        let place = context.out.reserve().await.map_err(|_| Gone)?;
        let result = Ok(Response::Log(vec![files.next(lines).await]));
        let answer = Answer { slot, request: request.clone(), asked, result };
        place.send(Msg { now: context.clock.now(), event: Event::Answer(Box::new(answer)) });
    }
}

/// Follows a log stream: each of its events is an answer of its own.
async fn stream(slot: SlotId, request: &Arc<Request>, context: &Context, query: &str, window: TimeWindow) -> Result<Outcome, Gone> {
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

/// Has a worker filter lines: each part of them is an answer of its own. Nobody listens to a filter that was replaced, which
/// ends it.
async fn filter(slot: SlotId, request: &Arc<Request>, context: &Context, job: Arc<FilterJob>) -> Result<Outcome, Gone> {
    let asked = context.clock.now();
    let (out, mut parts) = mpsc::channel(4);
    let work = background::run(move || {
        // Whoever does not listen any more is seen at the next look.
        job.run(&|| out.is_closed(), &mut |part| drop(out.blocking_send(part)));
    });
    while let Some(part) = parts.recv().await {
        answer(slot, request, context, asked, Ok(Response::Filtered(part))).await?;
    }
    match work.await {
        Some(()) => Ok(Outcome::Answered),
        None => {
            let bug = SourceError::new(Backend::Loki, ErrorKind::Bug, "redline failed while it filtered the lines");
            answer(slot, request, context, asked, Err(bug)).await
        }
    }
}

/// Reads traces and merges them: how far it has come is told in answers of its own.
async fn structure(slot: SlotId, request: &Arc<Request>, context: &Context, job: Arc<StructureJob>) -> Result<Outcome, Gone> {
    let asked = context.clock.now();
    let (out, mut news) = mpsc::channel(1);
    let telling = async {
        let mut last = Outcome::Answered;
        while let Some(news) = news.recv().await {
            last = answer(slot, request, context, asked, Ok(Response::Structure(news))).await?;
        }
        Ok(last)
    };
    match tokio::join!(super::structure::merge(&job, &context.sources, out), telling) {
        (Some(()), told) => told,
        (None, _) => {
            let bug = SourceError::new(Backend::Tempo, ErrorKind::Bug, "redline failed while it merged the traces");
            answer(slot, request, context, asked, Err(bug)).await
        }
    }
}

fn backend_of(request: &Request) -> Backend {
    match request {
        Request::PrometheusAlerts
        | Request::DiscoverRed
        | Request::Instant { .. }
        | Request::Range { .. }
        | Request::Exemplars { .. }
        | Request::LabelNames { .. }
        | Request::Explore { .. }
        | Request::MetricNames { .. }
        | Request::LabelValues { .. }
        | Request::AboutMetric { .. } => Backend::Prometheus,
        Request::AlertmanagerAlerts => Backend::Alertmanager,
        Request::RulerAlerts
        | Request::DiscoverLogLabels { .. }
        | Request::LogExplore { .. }
        | Request::LogCheck { .. }
        | Request::LogLabelNames { .. }
        | Request::LogLabelValues { .. }
        | Request::LogFields { .. }
        | Request::LogFieldValues { .. }
        | Request::LogRange { .. }
        | Request::LogSize { .. }
        | Request::LogVolume { .. }
        | Request::LogStream { .. }
        | Request::FileLines(_)
        | Request::LogPatterns { .. }
        | Request::Filter(_)
        | Request::Count(_)
        | Request::Patterns(_)
        | Request::Same(_)
        | Request::LogOlder { .. }
        | Request::LogNewer { .. } => Backend::Loki,
        Request::Search { .. }
        | Request::Trace(..)
        | Request::Compare(_)
        | Request::Structure(_)
        | Request::TraceAbilities
        | Request::TraceMetrics { .. }
        | Request::TraceTags { .. }
        | Request::TraceTagValues { .. } => Backend::Tempo,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::silence::{NewSilence, SilenceChange, SilenceEnd, SilenceOutcome},
        source::{
            Alertmanager, Loki,
            http::{Endpoint, Observer},
        },
    };

    fn subscription(query: &str) -> Subscription {
        let request = Request::Instant { query: query.to_owned(), window: TimeWindow::Last(Duration::from_secs(3600)) };
        let slot = SlotId { view: 1, pane: "expression", part: 0 };
        Subscription { slot, request, refresh: Refresh::Every(Duration::from_secs(15)), nonce: 0, answered: None }
    }

    /// Without backends every question is answered at once, badly.
    fn context() -> (Context, mpsc::Receiver<Msg>) {
        let (out, received) = mpsc::channel(256);
        (
            Context { sources: Arc::default(), clock: Clock::from_fn(|| Timestamp::from_secs(1000)), beat: Beat::new(Instant::now()), out },
            received,
        )
    }

    async fn next_answered(received: &mut mpsc::Receiver<Msg>) -> String {
        loop {
            if let Event::Answer(answer) = received.recv().await.unwrap().event
                && let Request::Instant { query, .. } = &*answer.request
            {
                return query.clone();
            }
        }
    }

    #[tokio::test]
    async fn of_a_selection_that_keeps_moving_the_first_and_the_last_question_are_asked() {
        let (context, mut received) = context();
        let mut exec = Exec::default();
        exec.reconcile(vec![subscription("row 0")], &context, Instant::now());
        assert_eq!(next_answered(&mut received).await, "row 0");
        // Ahead of the real clock, so that no question settles while a busy machine gets through the loop.
        let ahead = Instant::now() + Duration::from_millis(500);
        for row in 1..=20 {
            let now = ahead + Duration::from_millis(30 * row);
            exec.reconcile(vec![subscription(&format!("row {row}"))], &context, now);
            // As in the loop, the tasks get their turn between two keys.
            tokio::task::yield_now().await;
        }
        assert_eq!(next_answered(&mut received).await, "row 20");
        exec.stop();
    }

    /// What the next one asks who connects. It is not answered as long as the connection is held.
    async fn next_asked(server: &tokio::net::TcpListener) -> (String, tokio::net::TcpStream) {
        use tokio::io::AsyncReadExt as _;
        let (mut socket, _) = server.accept().await.unwrap();
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("query=") {
            assert!(socket.read_buf(&mut read).await.unwrap() > 0, "{read:?}");
        }
        (String::from_utf8_lossy(&read).into_owned(), socket)
    }

    #[tokio::test]
    async fn what_is_asked_more_or_less_often_by_now_is_not_asked_once_more_for_that() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", server.local_addr().unwrap());
        let loki = Loki::new(Endpoint::new(Backend::Loki, address.parse().unwrap()), Arc::new(|_, _| ())).unwrap();
        let (mut context, _received) = context();
        context.sources = Arc::new(Sources { loki: Some(loki), ..Sources::default() });
        let asked = |pane, query: &str, seconds| {
            let query = query.to_owned();
            let request = Request::LogRange { query, window: TimeWindow::Last(Duration::from_secs(3600)), step: Duration::from_secs(60) };
            let slot = SlotId { view: 1, pane, part: 0 };
            Subscription { slot, request, refresh: Refresh::Every(Duration::from_secs(seconds)), nonce: 0, answered: None }
        };
        let mut exec = Exec::default();
        exec.reconcile(vec![asked("graph", "large", 15)], &context, Instant::now());
        let (first, _held) = next_asked(&server).await;
        assert!(first.contains("large"), "{first}");
        // Its size became known meanwhile.
        exec.reconcile(vec![asked("graph", "large", 180), asked("volume", "other", 15)], &context, Instant::now());
        let (second, _held) = next_asked(&server).await;
        assert!(second.contains("other"), "{second}");
        exec.stop();
    }

    /// What comes of a change where redline fails while it writes.
    async fn failed(change: SilenceChange) -> SilenceOutcome {
        let fails: Observer = Arc::new(|_, _| panic!("as a bug would"));
        let endpoint = Endpoint::new(Backend::Alertmanager, "http://127.0.0.1:1".parse().unwrap());
        let alertmanager = Alertmanager::new(endpoint, fails).unwrap();
        let (mut context, mut received) = context();
        context.sources = Arc::new(Sources { alertmanager: Some(alertmanager.into()), ..Sources::default() });
        write(Write { view: 7, change }, context);
        match received.recv().await.unwrap().event {
            Event::Write(news) => match *news {
                WriteNews { view: 7, stage: WriteStage::Ended(outcome) } => outcome,
                other => panic!("{other:?}"),
            },
            _ => panic!("nothing came of it"),
        }
    }

    #[tokio::test]
    async fn a_write_in_which_redline_fails_is_neither_done_nor_refused_and_can_be_looked_for() {
        let ends = Timestamp::from_secs(5000);
        let new = NewSilence {
            id: None,
            matchers: Vec::new(),
            starts_at: None,
            end: SilenceEnd::At(ends),
            created_by: "ana".to_owned(),
            comment: "why".to_owned(),
            to: Vec::new(),
        };
        let outcome = failed(SilenceChange::Create(new.clone())).await;
        let SilenceOutcome::Unknown { sent, error } = outcome else { panic!("{outcome:?}") };
        assert_eq!((sent.ends_at, sent.wish.comment.as_str(), error.kind), (ends, "why", ErrorKind::Bug));
        let again = new.resolve(Timestamp::from_secs(900));
        let outcome = failed(SilenceChange::CreateAgain(again.clone())).await;
        assert!(matches!(&outcome, SilenceOutcome::Unknown { sent, .. } if *sent == again), "{outcome:?}");
        let outcome = failed(SilenceChange::Expire("s1".to_owned())).await;
        assert!(matches!(&outcome, SilenceOutcome::NotOver { id, state: None, .. } if id == "s1"), "{outcome:?}");
    }

    #[test]
    fn a_view_that_is_seen_again_waits_until_its_data_is_old() {
        let now = Timestamp::from_secs(1000);
        let mut seen = subscription("up");
        assert_eq!(rest(&seen, now), Duration::ZERO);
        seen.answered = Some(now - Duration::from_secs(5));
        assert_eq!(rest(&seen, now), Duration::from_secs(10));
        seen.answered = Some(now - Duration::from_secs(90));
        assert_eq!(rest(&seen, now), Duration::ZERO);
    }
}
