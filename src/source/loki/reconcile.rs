//! Reading again, by range queries, what the tail should have delivered; alone it is the poll.
//!
//! A round reads what is new and, once more, what was written shortly before: lines come late. Where that is more than one
//! answer holds, the server counts the lines of each second, and only seconds whose count is not ours are read. So are once a
//! minute the last ten. A server that refuses to count so much is asked for less, then for nothing for a while.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::atomic::Ordering, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Loki,
    join::{after, second},
    page::{CAP, Step, is_smaller_better},
    stream::{Input, Link, pause_after},
    together,
    wire::Interner,
};
use crate::model::{
    backend::{ErrorKind, SourceError},
    log::{Gap, TailState},
    time::{TAKEN_IN, TimeRange, Timestamp},
};

/// Each round reads again from this long before what was read.
const AGAIN: Duration = Duration::from_secs(15);
/// Lines that come later than this are not looked for.
const LATE: Duration = Duration::from_secs(600);
/// A server that takes long is asked only after so many times as long.
const REST: u32 = 3;
/// Seconds that one question counts at the most: well below the 11,000 points that Loki answers.
const COUNTED: i64 = 3600;
/// Fewer are not counted alone.
const LEAST_COUNTED: i64 = 15;
/// Questions of one search for late lines at the most.
const LATE_COUNTS: u32 = 4;
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

/// A server that refused to count.
struct Uncounted {
    /// So many seconds it may count at once; none at all.
    at_once: i64,
    /// When it is asked again as before.
    until: Instant,
    why: String,
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
    /// The server does not count all that it is asked for.
    uncounted: Option<Uncounted>,
    /// How often in a row it refused, and how many seconds it was asked for.
    refusals: (u32, i64),
    /// The reader was told that lines which come later than this are not looked for.
    unsought: Option<Duration>,
    /// How many lines the server counted in a second that was then read. It may count lines that a query puts together.
    counted: BTreeMap<i64, u64>,
    /// The reader was told that it is behind, or of a failure, and not yet that it is over.
    troubled: bool,
    /// Those who read the past do not wait between two questions.
    hurry: bool,
    /// Nothing was asked in this round yet, and nothing is known to lack.
    calm: bool,
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
        link.delivered().verified(verified);
        Self {
            loki,
            logql,
            link,
            input,
            range,
            verified,
            began: verified,
            busy: false,
            uncounted: None,
            refusals: (0, 0),
            unsought: None,
            counted: BTreeMap::new(),
            troubled: false,
            hurry: false,
            calm: false,
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
        let _followed = self.loki.together.follow();
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
        let calm = async {
            let together = &self.loki.together;
            // Streams that are joined on a page look together.
            let begins = async { if more.is_zero() { together.begins.notified().await } else { std::future::pending().await } };
            tokio::select! {
                () = sleep(longest) => {}
                () = begins => {}
            }
        };
        self.calm = true;
        if self.woken.elapsed() < pace.woken {
            calm.await;
            return;
        }
        tokio::select! {
            () = calm => {}
            () = self.link.wake.notified() => {
                (self.woken, self.calm) = (Instant::now(), false);
                // Not at once: what was lost has to become queryable.
                sleep_until(asleep + pace.least + more).await;
            }
        }
    }

    /// Reads until now, and once more what may have come late.
    async fn round(&mut self, last: bool) -> Result<(), Stop> {
        loop {
            let settle = if self.link.settles() { self.loki.pace.settle } else { Duration::ZERO };
            let end = (self.loki.now() - settle).min(self.range.end);
            let remembered = self.remembered().await?;
            // At last all that was not yet taken in when the range was first read.
            let from = if last { self.began - TAKEN_IN } else { self.verified.min(end) - AGAIN };
            let from = from.max(self.range.start).max(remembered);
            let are_several = self.loki.together.are_several();
            if (self.busy || are_several) && self.counted_at_once() > 0 {
                self.compare(from, end).await?;
                // The server counts whole seconds: of the last one of a range only a part may belong to it.
                if end >= self.range.end && (last || self.verified < end) {
                    self.read(self.begin(second(end)), end).await?;
                }
            } else {
                if std::mem::take(&mut self.calm) && are_several {
                    // Each reads by itself, and all take turns.
                    sleep_until(self.loki.calm_turn(Instant::now())).await;
                }
                self.read_again(from, end).await?
            }
            self.tell(Input::ReadTo(self.verified)).await?;
            if end >= self.range.end || self.loki.now().since(end) <= settle + self.loki.pace.every {
                break;
            }
        }
        if self.looked_for_late.elapsed() >= self.loki.pace.late {
            self.looked_for_late = Instant::now();
            self.calm = true;
            self.look_for_late().await?;
        }
        if self.troubled {
            self.troubled = false;
            self.tell(Input::State(TailState::Behind(Duration::ZERO))).await?;
        }
        Ok(())
    }

    /// From when on lines may be read again: those of before would be taken for new ones. What is neither remembered nor read
    /// is given up.
    async fn remembered(&mut self) -> Result<Timestamp, Stop> {
        let Some(since) = self.link.delivered().remembers_since() else { return Ok(self.range.start) };
        if since > self.verified {
            let reason = "more lines came by the tail than are remembered, before it was known whether it lost any".to_owned();
            self.tell(Input::Gap(Gap { range: TimeRange { start: self.verified, end: since }, reason })).await?;
            self.verify(since);
        }
        Ok(since)
    }

    /// Returns whether more is known than before.
    fn verify(&mut self, until: Timestamp) -> bool {
        let is_more = until > self.verified;
        if is_more {
            self.verified = until;
            self.link.delivered().verified(until);
        }
        is_more
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
        let range = TimeRange { start: from, end };
        let mut pages = self.loki.forward(range, CAP);
        let mut answers = 0;
        while let Some(left) = pages.left() {
            if answers > 0 {
                self.behind(left.start).await?;
            }
            self.spaced().await;
            let step = self.loki.step(self.logql, &mut pages, &mut self.interner).await;
            self.took = self.asked.elapsed();
            match step? {
                Some(Step::Read { lines, reached, gap }) => {
                    answers += 1;
                    let is_refused = lines.is_empty() && gap.is_some();
                    if !lines.is_empty() {
                        self.tell(Input::Verified(lines)).await?;
                    }
                    if let Some(gap) = gap {
                        self.tell(Input::Gap(gap)).await?;
                    }
                    if self.verify(reached) {
                        self.tell(Input::ReadTo(self.verified)).await?;
                    }
                    if is_refused && self.hurry {
                        sleep(self.loki.pace.least).await;
                    }
                }
                // Who reads the past gets all of it in parts, and what is not handed out as gaps.
                Some(Step::Less(error)) if self.hurry && !error.is_transient() => {}
                Some(Step::Less(error)) => self.failed(error).await?,
                None => break,
            }
        }
        Ok(answers)
    }

    /// Waits until the next question may be asked.
    async fn spaced(&mut self) {
        if !self.hurry {
            sleep_until(self.asked + self.loki.pace.least.max(self.took * REST)).await;
            sleep_until(self.loki.turn(Instant::now())).await;
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
        // Where there is no tail all lines are read so.
        let is_lost = |first: &RangeInclusive<i64>| self.link.connected.load(Ordering::Relaxed) || *first.start() < second(self.verified);
        if let Some(first) = self.missing(&seconds, &theirs).first().filter(|first| !self.troubled && is_lost(first)) {
            self.behind(self.begin(*first.start())).await?;
        }
        self.fill(&seconds, &theirs).await?;
        self.busy = lines * 2 > self.loki.lines_at_once(self.logql) as u64;
        self.verify(after(*seconds.end()));
        Ok(())
    }

    /// The last ten minutes as far as they were read, but for what each round reads again; less where few seconds are counted
    /// at once.
    async fn look_for_late(&mut self) -> Result<(), Stop> {
        let known = Timestamp(self.link.known_from.load(Ordering::Relaxed));
        let from = (self.loki.now() - LATE).max(self.range.start).max(known);
        let end = second(self.verified - AGAIN);
        let most = self.counted_at_once() * i64::from(LATE_COUNTS);
        let seconds = (second(from) + 1).max(end - most + 1)..=end;
        if seconds.is_empty() {
            return Ok(());
        }
        let Some(theirs) = self.count(&seconds).await? else { return Ok(()) };
        self.fill(&seconds, &theirs).await
    }

    /// The first instant of a second that is part of what there is to read.
    fn begin(&self, second: i64) -> Timestamp {
        after(second - 1).max(self.range.start)
    }

    async fn fill(&mut self, seconds: &RangeInclusive<i64>, theirs: &BTreeMap<i64, u64>) -> Result<(), Stop> {
        for missing in self.missing(seconds, theirs) {
            self.read(self.begin(*missing.start()), after(*missing.end())).await?;
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
    pub(super) async fn count(&mut self, seconds: &RangeInclusive<i64>) -> Result<Option<BTreeMap<i64, u64>>, Stop> {
        let (mut counted, mut next) = (BTreeMap::new(), *seconds.start());
        while next <= *seconds.end() {
            let at_once = self.counted_at_once();
            if at_once == 0 {
                self.tell_unsought().await?;
                return Ok(None);
            }
            let part = next..=(next + at_once - 1).min(*seconds.end());
            match self.count_at_once(&part).await {
                Ok(more) => {
                    if part.end() - part.start() + 1 >= self.refusals.1 {
                        self.refusals = (0, 0);
                    }
                    counted.extend(more);
                    next = part.end() + 1;
                }
                Err(error) => self.not_counted(&part, error)?,
            }
        }
        self.tell_unsought().await?;
        Ok(Some(counted))
    }

    async fn count_at_once(&mut self, seconds: &RangeInclusive<i64>) -> Result<BTreeMap<i64, u64>, SourceError> {
        let is_calm = std::mem::take(&mut self.calm) && seconds.end() - seconds.start() < together::MOST;
        if is_calm && self.loki.together.ask_together() {
            self.asked = Instant::now();
            let counted = self.loki.count_together(self.logql, seconds).await;
            self.took = self.loki.together.took();
            return counted;
        }
        self.spaced().await;
        let counted = self.loki.count_alone(self.logql, seconds).await;
        self.took = self.asked.elapsed();
        counted
    }

    /// How many seconds are counted by one question; 0: the server does not count.
    fn counted_at_once(&mut self) -> i64 {
        self.uncounted.take_if(|uncounted| uncounted.until <= Instant::now());
        self.uncounted.as_ref().map_or(COUNTED, |uncounted| uncounted.at_once)
    }

    /// Half of it may be counted. What is refused all the same, or because of a line that the query cannot read, is left alone for
    /// a while.
    fn not_counted(&mut self, seconds: &RangeInclusive<i64>, error: SourceError) -> Result<(), Stop> {
        let asked = seconds.end() - seconds.start() + 1;
        let at_once = match is_smaller_better(&error) {
            true if asked > LEAST_COUNTED => (asked / 2).max(LEAST_COUNTED),
            _ if matches!(error.kind, ErrorKind::BadQuery | ErrorKind::Refused | ErrorKind::NotSupported | ErrorKind::TooLarge(_)) => 0,
            _ => return Err(error.into()),
        };
        if self.uncounted.is_none() {
            self.refusals = (self.refusals.0 + 1, asked);
        }
        let until = Instant::now() + self.loki.pace.rest(self.refusals.0);
        self.uncounted = Some(Uncounted { at_once, until, why: error.message.clone() });
        // One that is slow may be away altogether: the lines themselves are not held up by that.
        if error.is_transient() { Err(error.into()) } else { Ok(()) }
    }

    /// Says how late lines may come, where the server does not count enough, and when it does again.
    async fn tell_unsought(&mut self) -> Result<(), Stop> {
        let Some(uncounted) = &self.uncounted else {
            return match self.unsought.take() {
                Some(_) => self.tell(Input::State(TailState::LateSought)).await,
                None => Ok(()),
            };
        };
        let after = match uncounted.at_once {
            0 if self.busy => self.loki.pace.settle,
            0 => AGAIN,
            some => Duration::from_secs(some.unsigned_abs()) * LATE_COUNTS,
        };
        if after >= LATE || self.unsought.is_some_and(|told| told <= after) {
            return Ok(());
        }
        self.unsought = Some(after);
        let why = uncounted.why.clone();
        self.tell(Input::State(TailState::LateUnsought { after, why })).await
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
