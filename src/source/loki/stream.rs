//! History, then live, every line once.
//!
//! Loki's tail drops lines silently in bursts, so it is for speed and a range query every few seconds is for truth. The
//! tail is opened first, history is paged newest first, the tail's lines follow, and reconciliation fills what it lost. A
//! window that ended just now, or is about to, has no tail: reconciliation alone reads what comes late into it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};

use super::{
    Loki,
    join::{Joiner, Seen},
    page::{FIRST, Step},
    reconcile::Reconciler,
    wire::Interner,
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        log::{Gap, Limit, LogEvent, LogLine, Older, TailState},
        time::{TAKEN_IN, TimeRange, Timestamp},
    },
    source::http::full_jitter,
};

/// Lines of history that are loaded without being asked for; older ones are paged by the reader.
const HISTORY: usize = 20_000;
/// Messages between the readers and the joiner; a full tail counts what it drops.
const INPUTS: usize = 4096;

/// How long the parts of a stream wait; tests wait less.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Between reconciliations while the tail runs.
    pub(super) every: Duration,
    /// Between polls while it does not.
    pub(super) poll: Duration,
    /// At least this long between two questions of all streams, with which those begin that are not known to lack anything: 12 a
    /// minute, however many streams a page joins.
    pub(super) calm: Duration,
    /// The same of all questions, however far behind the streams are: 60 a minute.
    pub(super) least: Duration,
    /// Between reconciliations that the tail asks for because it lost something.
    pub(super) woken: Duration,
    /// Between two searches for lines that came late.
    pub(super) late: Duration,
    /// The newest lines a range query may not see yet.
    pub(super) settle: Duration,
    /// Before what was refused time and again is tried again: the tail, counting.
    pub(super) refused: Duration,
    /// How old a line becomes at the most while those of other queries are waited for that may come before it.
    pub(super) patience: Duration,
}

impl Pace {
    /// How long what was refused so many times in a row, from 1, is left alone. A server may only have been unwell: what it
    /// refuses for the first time is soon tried again.
    pub(super) fn rest(&self, refusals: u32) -> Duration {
        const SHORTEST: Duration = Duration::from_secs(30);
        SHORTEST.saturating_mul(1_u32.checked_shl(refusals.saturating_sub(1)).unwrap_or(u32::MAX)).min(self.refused)
    }
}

impl Default for Pace {
    fn default() -> Self {
        let s = Duration::from_secs;
        let poll = Duration::from_millis(5500);
        Self { every: s(6), poll, calm: s(5), least: s(1), woken: s(30), late: s(60), settle: s(2), refused: s(300), patience: s(10) }
    }
}

/// What the readers hand to the joiner.
pub(super) enum Input {
    Page {
        lines: Vec<LogLine>,
        reached: Timestamp,
        older: Older,
    },
    Gap(Gap),
    Tail(Vec<LogLine>),
    Verified(Vec<LogLine>),
    State(TailState),
    ReadTo(Timestamp),
    Limited(Limit),
    Failed(SourceError),
    /// Nothing is read of the query until it is answered, and others go on.
    LeftOut {
        query: String,
        error: SourceError,
    },
    /// Time cannot heal it.
    Ended(SourceError),
}

/// What tail, history and reconciliation know of each other.
pub(super) struct Link {
    /// The tail lost something: reconcile soon.
    pub(super) wake: Notify,
    pub(super) connected: AtomicBool,
    /// From this instant on, in nanoseconds, all lines were delivered but those that came late.
    pub(super) known_from: AtomicI64,
    /// What was delivered.
    seen: Mutex<Seen>,
    /// The newest lines are left alone a moment though there is no tail, so that they are not called late.
    in_order: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            wake: Notify::default(),
            connected: AtomicBool::default(),
            known_from: AtomicI64::new(i64::MAX),
            seen: Mutex::default(),
            in_order: false,
        }
    }
}

impl Link {
    /// For someone who reads all lines from an instant on, in order.
    pub(super) fn for_lines_since(start: Timestamp) -> Self {
        Self { known_from: AtomicI64::new(start.0), in_order: true, ..Self::default() }
    }

    /// How many lines of a second were delivered; `None`: that is forgotten.
    pub(super) fn seen(&self, second: i64) -> Option<u64> {
        self.delivered().count(second).map(|count| count as u64)
    }

    /// What was delivered.
    pub(super) fn delivered(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the newest lines are left alone until they are all there.
    pub(super) fn settles(&self) -> bool {
        self.in_order || self.connected.load(Ordering::Relaxed)
    }
}

impl Loki {
    /// Delivers the range's lines, when `live` also what comes after, until `out` is closed or the query proves wrong. Lines
    /// that come late into a range that is not live are read as long as any may come. Dropping the future ends it.
    pub async fn stream(&self, logql: String, range: TimeRange, live: bool, out: mpsc::Sender<LogEvent>) {
        let (input, inputs) = mpsc::channel(INPUTS);
        let opened = self.now();
        let link = Link::default();
        let readers = async {
            let input = input;
            if live {
                let end = opened.max(range.end) + self.pace.settle;
                let endless = TimeRange { end: Timestamp::LATEST, ..range };
                tokio::join!(
                    async {
                        if self.history(&logql, range.start, end, &link, &input).await {
                            self.tell_limit(&logql, &input).await;
                        }
                    },
                    self.tail(&logql, &link, &input),
                    Reconciler::new(self, &logql, &link, &input, endless, opened).run(),
                );
            } else {
                let range = TimeRange { end: Timestamp(range.end.0.saturating_add(1)), ..range };
                if self.history(&logql, range.start, range.end, &link, &input).await
                    && self.tell_limit(&logql, &input).await
                    && (range.end + TAKEN_IN <= opened
                        || Reconciler::new(self, &logql, &link, &input, range, opened.min(range.end)).run().await)
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
            () = deliver(inputs, &link, &out) => {}
            () = readers => {}
        }
    }

    /// Says from when on lines may be missing: those above the first page may be so many that no one reads back to there. Returns
    /// whether anybody listens.
    async fn tell_limit(&self, logql: &str, input: &mpsc::Sender<Input>) -> bool {
        maybe_sent(self.limit(logql).await.map(Input::Limited), input).await
    }

    /// Returns whether all was delivered that is loaded without being asked for.
    async fn history(&self, logql: &str, start: Timestamp, end: Timestamp, link: &Link, input: &mpsc::Sender<Input>) -> bool {
        let mut pages = self.backward(TimeRange { start, end }, FIRST);
        let mut interner = Interner::default();
        let (mut count, mut failures, mut oldest, mut is_read) = (Counted::default(), 0, None, false);
        loop {
            let error = match self.step(logql, &mut pages, &mut interner).await {
                Ok(None) => {
                    let (reached, older) = self.beginning(logql, TimeRange { start, end }, oldest).await;
                    return input.send(Input::Page { lines: Vec::new(), reached, older }).await.is_ok();
                }
                Ok(Some(Step::Read { lines, reached, gap })) => {
                    failures = 0;
                    is_read |= !lines.is_empty() || gap.is_some();
                    if !is_read && let Some(error) = self.unread(logql, TimeRange { start, end }).await {
                        let _ = input.send(Input::Ended(error)).await;
                        return false;
                    }
                    is_read = true;
                    let is_refused = lines.is_empty() && gap.is_some();
                    count.add(&lines, reached, gap.is_some());
                    oldest = lines.first().map(|l| l.at).or(oldest);
                    let (shown, older) = match pages.left() {
                        None if self.knows_limits() => self.beginning(logql, TimeRange { start, end }, oldest).await,
                        // These lines do not wait for the reason why there are no others.
                        None => (oldest.unwrap_or(end), Older::Coming),
                        Some(left) if count.lines >= HISTORY => (reached, Older::Left(left.end)),
                        Some(_) => (reached, Older::Coming),
                    };
                    let sent = input.send(Input::Page { lines, reached: shown, older }).await;
                    if sent.is_err() || !maybe_sent(gap.map(Input::Gap), input).await {
                        return false;
                    }
                    link.known_from.fetch_min(reached.0, Ordering::Relaxed);
                    if older != Older::Coming {
                        return true;
                    }
                    if is_refused {
                        sleep(self.pace.least).await;
                    }
                    continue;
                }
                Ok(Some(Step::Less(error))) => error,
                // The server may be well again, or the proxy in front of it that answered: the tail goes on meanwhile.
                Err(error) if error.is_transient() => error,
                Err(error) => {
                    let _ = input.send(Input::Ended(error)).await;
                    return false;
                }
            };
            if !held_up(error, &mut failures, input).await {
                return false;
            }
        }
    }
}

/// How many lines came, each once.
#[derive(Default)]
struct Counted {
    lines: usize,
    /// Those of the oldest instant come again with the next page, unless the rest of it is passed over.
    oldest: usize,
}

impl Counted {
    fn add(&mut self, lines: &[LogLine], reached: Timestamp, is_passed: bool) {
        let known = lines.iter().filter(|l| l.at > reached).count();
        self.lines += known;
        if !lines.is_empty() {
            self.oldest = lines.len() - known;
        }
        if is_passed {
            self.lines += std::mem::take(&mut self.oldest);
        }
    }
}

/// Tells of a failure, and waits where that may help. `false`: nobody listens.
async fn held_up(error: SourceError, failures: &mut u32, input: &mpsc::Sender<Input>) -> bool {
    *failures += u32::from(error.is_transient());
    let wait = if error.is_transient() { pause_after(&error, *failures) } else { Duration::ZERO };
    let listening = input.send(Input::Failed(error)).await.is_ok();
    sleep(wait).await;
    listening
}

/// `false`: nobody listens.
async fn maybe_sent(input: Option<Input>, to: &mpsc::Sender<Input>) -> bool {
    match input {
        Some(input) => to.send(input).await.is_ok(),
        None => true,
    }
}

/// At least a second, longer with each failure, 30 s at most.
fn pause(failures: u32) -> Duration {
    if failures == 0 { Duration::ZERO } else { (Duration::from_secs(1) + full_jitter(failures + 2)).min(Duration::from_secs(30)) }
}

/// After a failure: longer where the server limits us.
pub(super) fn pause_after(error: &SourceError, failures: u32) -> Duration {
    pause(failures).max(error.hold_off().unwrap_or_default())
}

/// Hands on what comes in, every line as often as the server holds it.
pub(super) async fn deliver(mut inputs: mpsc::Receiver<Input>, link: &Link, out: &mpsc::Sender<LogEvent>) {
    const BATCH: usize = 256;
    let mut joiner = Joiner::new(&link.seen);
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
