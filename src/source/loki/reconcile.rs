//! Reading again, by range queries, what the tail should have delivered; alone it is the poll.
//!
//! A round reads what is new and, once more, what was written shortly before: lines come late. Where that is more than one
//! answer holds, the server counts the lines of each second, and only seconds whose count is not ours are read. So are once a
//! minute the last ten.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::atomic::Ordering, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Direction, Loki,
    join::second,
    page::{Forward, Smaller, beyond_limit},
    stream::{Input, Link, pause_after},
    wire::Interner,
};
use crate::model::{
    backend::{ErrorKind, SourceError},
    log::{Gap, LogLine, TailState},
    time::{TAKEN_IN, TimeRange, Timestamp},
};

/// Each round reads again from this long before what was read.
const AGAIN: Duration = Duration::from_secs(15);
/// Lines that come later than this are not looked for.
const LATE: Duration = Duration::from_secs(600);
/// A server that takes long is asked only after so many times as long.
const REST: u32 = 3;
/// Seconds that lie between two that are read are read as well when they have no more lines than this.
const BETWEEN: u64 = 1000;

/// Why a round ends early.
pub(super) enum Stop {
    /// Nobody listens.
    Gone,
    Failed(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Reads one query forward, for as long as there is something to read.
pub(super) struct Reconciler<'a> {
    loki: &'a Loki,
    logql: &'a str,
    link: &'a Link,
    input: &'a mpsc::Sender<Input>,
    /// What there is to read, its end excluded.
    range: TimeRange,
    /// Everything before this was read by a range query.
    verified: Timestamp,
    /// Where that began.
    began: Timestamp,
    /// One answer does not hold what a round reads.
    busy: bool,
    /// The server counts lines.
    counts: bool,
    /// How many lines the server counted in a second that was then read. It may count lines that a query puts together.
    counted: BTreeMap<i64, u64>,
    /// The reader was told that it is behind, or of a failure, and not yet that it is over.
    troubled: bool,
    /// Those who read the past do not wait between two questions.
    hurry: bool,
    asked: Instant,
    took: Duration,
    woken: Instant,
    looked_for_late: Instant,
    interner: Interner,
}

impl<'a> Reconciler<'a> {
    /// Everything of the range before `verified` is read by someone else.
    pub(super) fn new(
        loki: &'a Loki,
        logql: &'a str,
        link: &'a Link,
        input: &'a mpsc::Sender<Input>,
        range: TimeRange,
        verified: Timestamp,
    ) -> Self {
        let now = Instant::now();
        Self {
            loki,
            logql,
            link,
            input,
            range,
            verified,
            began: verified,
            busy: false,
            counts: true,
            counted: BTreeMap::new(),
            troubled: false,
            hurry: false,
            asked: now,
            took: Duration::ZERO,
            woken: now,
            looked_for_late: now,
            interner: Interner::default(),
        }
    }

    /// Reads the past up to an instant, in order and as fast as it is taken.
    pub(super) async fn past(&mut self, end: Timestamp) -> Result<(), Stop> {
        self.hurry = true;
        let read = self.read(self.verified, end).await;
        self.hurry = false;
        read.map(|_| ())
    }

    /// Everything before this was read.
    pub(super) fn verified(&self) -> Timestamp {
        self.verified
    }

    /// Goes on until nobody listens. Returns whether instead all of the range was read and nothing comes into it any more.
    pub(super) async fn run(mut self) -> bool {
        let (mut failures, mut wait) = (0, Duration::ZERO);
        loop {
            self.turn(wait).await;
            let last = self.range.end + TAKEN_IN <= self.loki.now();
            match self.round(last).await {
                Ok(()) if last => return true,
                Ok(()) => (failures, wait) = (0, Duration::ZERO),
                Err(Stop::Gone) => return false,
                Err(Stop::Failed(error)) => {
                    failures += 1;
                    wait = pause_after(&error, failures);
                    if self.failed(error).await.is_err() {
                        return false;
                    }
                }
            }
        }
    }

    /// Some seconds, more after failures and where the server is slow, fewer when the tail lost something or was lost.
    async fn turn(&mut self, more: Duration) {
        let pace = &self.loki.pace;
        let asleep = Instant::now();
        let every = if self.link.connected.load(Ordering::Relaxed) { pace.every } else { pace.poll };
        let longest = every.max(self.took * REST) + more;
        if self.woken.elapsed() < pace.woken {
            sleep(longest).await;
        } else if timeout(longest, self.link.wake.notified()).await.is_ok() {
            self.woken = Instant::now();
            // Not at once: what was lost has to become queryable.
            sleep_until(asleep + pace.least + more).await;
        }
    }

    /// Reads until now, and once more what may have come late.
    async fn round(&mut self, last: bool) -> Result<(), Stop> {
        loop {
            let settle = if self.link.settles() { self.loki.pace.settle } else { Duration::ZERO };
            let end = (self.loki.now() - settle).min(self.range.end);
            // At last all that was not yet taken in when the range was first read.
            let from = if last { self.began - TAKEN_IN } else { self.verified.min(end) - AGAIN }.max(self.range.start);
            if self.busy && self.counts {
                self.compare(from, end).await?
            } else {
                self.read_again(from, end).await?
            }
            if end >= self.range.end || self.loki.now().since(end) <= settle + self.loki.pace.every {
                break;
            }
        }
        if self.looked_for_late.elapsed() >= self.loki.pace.late {
            self.looked_for_late = Instant::now();
            self.look_for_late().await?;
        }
        if self.troubled {
            self.troubled = false;
            self.tell(Input::State(TailState::Behind(Duration::ZERO))).await?;
        }
        Ok(())
    }

    /// Where counting is refused and one answer does not hold all, only what is new is read.
    async fn read_again(&mut self, from: Timestamp, end: Timestamp) -> Result<(), Stop> {
        let from = if self.busy { from.max(self.verified.min(end) - self.loki.pace.settle) } else { from };
        let pages = self.read(from, end).await?;
        self.busy = pages > 1;
        Ok(())
    }

    /// Reads all of a range. Returns how many answers that took.
    async fn read(&mut self, from: Timestamp, end: Timestamp) -> Result<usize, Stop> {
        let mut pages = Forward::new(from, end, self.loki.cap());
        let mut answers = 0;
        while let Some((range, limit)) = pages.next() {
            if answers > 0 {
                self.behind(range.start).await?;
            }
            match self.page(range, limit).await {
                Ok(lines) => {
                    answers += 1;
                    let told = pages.accept(&lines);
                    if !lines.is_empty() {
                        self.tell(Input::Verified(lines)).await?;
                    }
                    if let Some(at) = told.cut {
                        self.tell(Input::Gap(beyond_limit(at, self.loki.cap()))).await?;
                    }
                    self.verified = self.verified.max(told.reached);
                }
                Err(error) => match pages.learn(&error) {
                    Some(cap) => self.loki.learn(cap),
                    None => match pages.refused(&error) {
                        Smaller::Asks => self.failed(error).await?,
                        Smaller::PassesOver(range) => {
                            self.tell(Input::Gap(Gap { range, reason: error.message })).await?;
                            self.verified = self.verified.max(range.end);
                        }
                        Smaller::IsNoHelp => return Err(error.into()),
                    },
                },
            }
        }
        Ok(answers)
    }

    async fn page(&mut self, range: TimeRange, limit: usize) -> Result<Vec<LogLine>, SourceError> {
        self.spaced().await;
        let page = self.loki.page(self.logql, range, limit, Direction::Forward, &mut self.interner).await;
        self.took = self.asked.elapsed();
        page
    }

    /// Waits until the next question may be asked.
    async fn spaced(&mut self) {
        if !self.hurry {
            sleep_until(self.asked + self.loki.pace.least.max(self.took * REST)).await;
        }
        self.asked = Instant::now();
    }

    /// Reads the seconds of which the server has other lines than were delivered.
    async fn compare(&mut self, from: Timestamp, end: Timestamp) -> Result<(), Stop> {
        let seconds = second(from)..=second(end) - 1;
        if seconds.is_empty() {
            return Ok(());
        }
        let Some(theirs) = self.count(&seconds).await? else { return self.read_again(from, end).await };
        let lines: u64 = theirs.values().sum();
        if let Some(first) = self.missing(&seconds, &theirs).first().filter(|_| !self.troubled) {
            self.behind(after(first.start() - 1)).await?;
        }
        self.fill(&seconds, &theirs).await?;
        self.busy = lines * 2 > self.loki.cap() as u64;
        self.verified = self.verified.max(after(*seconds.end()));
        Ok(())
    }

    /// The last ten minutes as far as they were read, but for what each round reads again.
    async fn look_for_late(&mut self) -> Result<(), Stop> {
        let known = Timestamp(self.link.known_from.load(Ordering::Relaxed));
        let from = (self.loki.now() - LATE).max(self.range.start).max(known);
        let seconds = second(from) + 1..=second(self.verified - AGAIN);
        if !self.counts || seconds.is_empty() {
            return Ok(());
        }
        let Some(theirs) = self.count(&seconds).await? else { return Ok(()) };
        self.fill(&seconds, &theirs).await
    }

    async fn fill(&mut self, seconds: &RangeInclusive<i64>, theirs: &BTreeMap<i64, u64>) -> Result<(), Stop> {
        for missing in self.missing(seconds, theirs) {
            self.read(after(missing.start() - 1), after(*missing.end())).await?;
            self.counted.extend(missing.map(|s| (s, theirs.get(&s).copied().unwrap_or_default())));
        }
        let forgotten = seconds.end() - LATE.as_secs().cast_signed() - 60;
        self.counted = self.counted.split_off(&forgotten);
        Ok(())
    }

    /// Runs of seconds of which the server counts other lines than were delivered, or than when they were last read.
    fn missing(&self, seconds: &RangeInclusive<i64>, theirs: &BTreeMap<i64, u64>) -> Vec<RangeInclusive<i64>> {
        let (mut runs, mut between) = (Vec::<RangeInclusive<i64>>::new(), 0);
        for second in seconds.clone() {
            let theirs = theirs.get(&second).copied().unwrap_or_default();
            let known = self.counted.get(&second).copied().or_else(|| self.link.seen(second));
            if known.is_none_or(|known| known == theirs) {
                between += theirs;
                continue;
            }
            match runs.last_mut().filter(|_| between <= BETWEEN) {
                Some(run) => *run = *run.start()..=second,
                None => runs.push(second..=second),
            }
            between = 0;
        }
        runs
    }

    /// How many lines the server has of each second, those without any left out; `None`: it does not count.
    async fn count(&mut self, seconds: &RangeInclusive<i64>) -> Result<Option<BTreeMap<i64, u64>>, Stop> {
        self.spaced().await;
        let range = TimeRange { start: Timestamp::from_secs(seconds.start() - 1), end: Timestamp::from_secs(*seconds.end()) };
        // On a line of its own: the query may end in a comment.
        let query = format!("sum(count_over_time({}\n[1s]))", self.logql);
        let counted = self.loki.query_matrix(&query, range, Duration::from_secs(1)).await;
        self.took = self.asked.elapsed();
        match counted {
            Ok(matrix) => {
                let samples = matrix.series.iter().flat_map(|series| &series.samples);
                Ok(Some(samples.map(|sample| (sample.at.secs(), sample.value as u64)).collect()))
            }
            Err(error) if matches!(error.kind, ErrorKind::BadQuery | ErrorKind::Refused | ErrorKind::NotSupported) => {
                self.counts = false;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn behind(&mut self, reached: Timestamp) -> Result<(), Stop> {
        if self.hurry {
            return Ok(());
        }
        self.troubled = true;
        self.tell(Input::State(TailState::Behind(self.loki.now().since(reached)))).await
    }

    async fn failed(&mut self, error: SourceError) -> Result<(), Stop> {
        self.troubled = true;
        self.tell(Input::Failed(error)).await
    }

    async fn tell(&self, input: Input) -> Result<(), Stop> {
        self.input.send(input).await.map_err(|_| Stop::Gone)
    }
}

/// The first instant after a second.
fn after(second: i64) -> Timestamp {
    Timestamp(Timestamp::from_secs(second).0.saturating_add(1))
}
