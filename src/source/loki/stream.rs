//! History, then live, every line once.
//!
//! Loki's tail drops lines silently in bursts, so it is for speed and a range query every few seconds is for truth. The
//! tail is opened first, history is paged newest first, the tail's lines follow, and reconciliation fills what it lost. A
//! window that ended just now, or is about to, has no tail: reconciliation alone reads what comes late into it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};

use super::{
    Direction, Loki,
    join::{Joiner, reread_from},
    page::{Backward, FIRST, Forward, Read},
    wire::Interner,
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        log::{LogEvent, LogLine, Older, TailState},
        time::{TAKEN_IN, TimeRange, Timestamp},
    },
    source::http::full_jitter,
};

/// Lines of history that are loaded without being asked for; older ones are paged by the reader.
const HISTORY: usize = 20_000;
/// Messages between the readers and the joiner; a full tail counts what it drops.
const INPUTS: usize = 4096;
/// Pages of one reconciliation.
const PAGES: usize = 10;

/// How long the parts of a stream wait; tests wait less.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Between reconciliations while the tail runs.
    pub(super) every: Duration,
    /// Between polls while it does not.
    pub(super) poll: Duration,
    /// At least this long between two readings, however often the tail loses lines.
    pub(super) least: Duration,
    /// The newest lines a range query may not see yet.
    pub(super) settle: Duration,
    /// Before a tail that was refused is tried again.
    pub(super) refused: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { every: s(7), poll: s(2), least: s(1), settle: s(2), refused: s(300) }
    }
}

/// What the readers hand to the joiner.
pub(super) enum Input {
    Page {
        lines: Vec<LogLine>,
        reached: Timestamp,
        older: Older,
    },
    Cut(Timestamp),
    Tail(Vec<LogLine>),
    Verified(Vec<LogLine>),
    State(TailState),
    Failed(SourceError),
    /// Time cannot heal it.
    Ended(SourceError),
}

/// What tail and reconciliation know of each other.
#[derive(Default)]
pub(super) struct Link {
    /// The tail lost something: reconcile soon.
    pub(super) wake: Notify,
    pub(super) connected: AtomicBool,
}

impl Loki {
    /// Delivers the range's lines, when `live` also what comes after, until `out` is closed or the query proves wrong. Lines
    /// that come late into a range that is not live are read as long as any may come. Dropping the future ends it.
    pub async fn stream(&self, logql: String, range: TimeRange, live: bool, out: mpsc::Sender<LogEvent>) {
        let (input, inputs) = mpsc::channel(INPUTS);
        let opened = self.now();
        let readers = async {
            let input = input;
            if live {
                let link = Link::default();
                let end = opened.max(range.end) + self.pace.settle;
                let endless = TimeRange { end: Timestamp(i64::MAX), ..range };
                tokio::join!(
                    self.history(&logql, range.start, end, &input),
                    self.tail(&logql, &link, &input),
                    self.reconcile(&logql, endless, opened, &link, &input),
                );
            } else {
                let range = TimeRange { end: Timestamp(range.end.0.saturating_add(1)), ..range };
                if self.history(&logql, range.start, range.end, &input).await
                    && (range.end + TAKEN_IN <= opened || self.reconcile(&logql, range, opened, &Link::default(), &input).await)
                {
                    let _ = input.send(Input::State(TailState::Off)).await;
                }
            }
        };
        let readers = async {
            readers.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = out.closed() => {}
            () = deliver(inputs, &out) => {}
            () = readers => {}
        }
    }

    /// Returns whether all was delivered that is loaded without being asked for.
    async fn history(&self, logql: &str, start: Timestamp, end: Timestamp, input: &mpsc::Sender<Input>) -> bool {
        let mut pages = Backward::new(start, end, FIRST, self.cap());
        let mut interner = Interner::default();
        let (mut count, mut failures) = (0, 0);
        loop {
            let Some((range, limit)) = pages.next() else {
                if count == 0 && start >= end {
                    let _ = input.send(Input::Page { lines: Vec::new(), reached: start, older: Older::Nothing }).await;
                }
                return true;
            };
            match self.page(logql, range, limit, Direction::Backward, &mut interner).await {
                Ok(lines) => {
                    failures = 0;
                    let read = pages.accept(&lines);
                    // Those of the oldest instant come again with the next page.
                    count += lines.iter().filter(|l| l.at > read.reached).count();
                    let older = match pages.before() {
                        None => Older::Nothing,
                        Some(before) if count >= HISTORY => Older::Left(before),
                        Some(_) => Older::Coming,
                    };
                    let sent = input.send(Input::Page { lines, reached: read.reached, older }).await;
                    if sent.is_err() || !told_cut(read, input).await {
                        return false;
                    }
                    if older != Older::Coming {
                        return true;
                    }
                }
                Err(e) => match pages.learn(&e) {
                    Some(cap) => self.learn(cap),
                    // Other lines may come, or the proxy in front that answered like this may go: the tail goes on meanwhile.
                    None if e.is_transient() || matches!(e.kind, ErrorKind::TooLarge(_)) => {
                        failures += 1;
                        let wait = pause_after(&e, failures);
                        if input.send(Input::Failed(e)).await.is_err() {
                            return false;
                        }
                        sleep(wait).await;
                    }
                    None => {
                        let _ = input.send(Input::Ended(e)).await;
                        return false;
                    }
                },
            }
        }
    }

    /// Reads again, by range queries, what the tail should have delivered; alone it is the poll. Returns whether all of the
    /// range, its end excluded, was read and nothing comes into it any more.
    async fn reconcile(&self, logql: &str, range: TimeRange, opened: Timestamp, link: &Link, input: &mpsc::Sender<Input>) -> bool {
        let mut state = Reconciled { range, verified: opened.min(range.end), troubled: false, interner: Interner::default() };
        let (mut failures, mut wait) = (0, Duration::ZERO);
        loop {
            wait_for_turn(link, &self.pace, wait).await;
            let last = range.end + TAKEN_IN <= self.now();
            if last {
                // Once more all that was not yet taken in when the range was first read.
                state.verified = opened.min(range.end) - TAKEN_IN;
            }
            match self.catch_up(logql, link, input, &mut state).await {
                Ok(()) if last => return true,
                Ok(()) => (failures, wait) = (0, Duration::ZERO),
                Err(e) => {
                    failures += 1;
                    wait = pause_after(&e, failures);
                    state.troubled = true;
                    if input.send(Input::Failed(e)).await.is_err() {
                        return false;
                    }
                }
            }
        }
    }

    /// Reads until now. It goes back once for what came late; where more is to be read than one round does, the next one
    /// goes on where that ended, or a stream of many lines would keep it at the same ones for ever.
    async fn catch_up(&self, logql: &str, link: &Link, input: &mpsc::Sender<Input>, state: &mut Reconciled) -> Result<(), SourceError> {
        let mut from = reread_from(state.verified).max(state.range.start);
        loop {
            let settle = if link.connected.load(Ordering::Relaxed) { self.pace.settle } else { Duration::ZERO };
            let end = (self.now() - settle).min(state.range.end);
            let mut pages = Forward::new(from, end, self.cap());
            let mut read = 0;
            while let Some((range, limit)) = pages.next() {
                if read == PAGES {
                    break;
                }
                match self.page(logql, range, limit, Direction::Forward, &mut state.interner).await {
                    Ok(lines) => {
                        read += 1;
                        let told = pages.accept(&lines);
                        from = told.reached;
                        state.verified = state.verified.max(told.reached);
                        if !lines.is_empty() && input.send(Input::Verified(lines)).await.is_err() || !told_cut(told, input).await {
                            return Ok(());
                        }
                    }
                    Err(e) => self.learn(pages.learn(&e).ok_or(e)?),
                }
            }
            let done = pages.next().is_none();
            if !done || state.troubled {
                let behind = if done { Duration::ZERO } else { end.since(from) };
                if input.send(Input::State(TailState::Behind(behind))).await.is_err() {
                    return Ok(());
                }
            }
            state.troubled = !done;
            if done {
                return Ok(());
            }
            sleep(self.pace.least).await;
        }
    }
}

/// Tells of lines that were passed over. `false`: nobody listens.
async fn told_cut(read: Read, input: &mpsc::Sender<Input>) -> bool {
    match read.cut {
        Some(at) => input.send(Input::Cut(at)).await.is_ok(),
        None => true,
    }
}

struct Reconciled {
    /// What there is to read, its end excluded.
    range: TimeRange,
    /// Everything before this was read by a range query.
    verified: Timestamp,
    /// The reader was told that it is behind, or of a failure, and not yet that it is over.
    troubled: bool,
    interner: Interner,
}

/// Some seconds, fewer when the tail lost something or is not there, `more` after failures.
async fn wait_for_turn(link: &Link, pace: &Pace, more: Duration) {
    let asleep = Instant::now();
    let every = if link.connected.load(Ordering::Relaxed) { pace.every } else { pace.poll };
    let longest = every + more;
    let _ = timeout(longest, link.wake.notified()).await;
    // Not at once after being woken: what was lost has to become queryable, and a burst wakes often.
    let least = pace.least + more;
    sleep(least.saturating_sub(asleep.elapsed())).await;
}

/// At least a second, longer with each failure, 30 s at most.
fn pause(failures: u32) -> Duration {
    if failures == 0 { Duration::ZERO } else { (Duration::from_secs(1) + full_jitter(failures + 2)).min(Duration::from_secs(30)) }
}

/// After a failure: longer where the server limits us.
pub(super) fn pause_after(error: &SourceError, failures: u32) -> Duration {
    pause(failures).max(error.hold_off().unwrap_or_default())
}

async fn deliver(mut inputs: mpsc::Receiver<Input>, out: &mpsc::Sender<LogEvent>) {
    const BATCH: usize = 256;
    let mut joiner = Joiner::default();
    let mut batch = Vec::with_capacity(BATCH);
    while inputs.recv_many(&mut batch, BATCH).await > 0 {
        let ended = batch.iter().any(|i| matches!(i, Input::Ended(_)));
        for event in joiner.accept(batch.drain(..)) {
            if out.send(event).await.is_err() {
                return;
            }
        }
        if ended {
            return;
        }
    }
}

/// An error of the tail's connection.
pub(super) fn lost(loki: &Loki, message: impl Into<String>) -> SourceError {
    loki.http.error(ErrorKind::Unreachable, message)
}
