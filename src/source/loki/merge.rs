//! The lines of several queries in one order, for a reader that prints them as they come.
//!
//! Each query is read by itself ([`Loki::read`]) and says how far all of its lines are known. A line is handed on once that is
//! known of all queries up to its instant, so that what comes late is what is late in its own query. A query that is ahead is
//! not read on until the others have caught up: what waits here is a page of each. One that is added later has a past that was
//! handed on without its lines: no other one waits for it until it has come up to them.
//!
//! A query that fails, hangs or lags is not waited for longer than until what waits is ten seconds old: the others go on without
//! it until it has come up to them, and what it has until then is late. The past is old already: there whoever only takes long is
//! waited for, and whoever fails is for ten seconds.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    Loki,
    read::{Begin, Follow},
    stream::Pace,
};
use crate::model::{
    backend::SourceError,
    log::{LogEvent, LogLine, TailState},
    time::{TimeRange, Timestamp},
};

impl Loki {
    /// As [`Loki::read`], of all queries and of those that come later, no two of which select the same stream. Ends where
    /// nothing follows once no more queries can come, too.
    ///
    /// # Errors
    /// As [`Loki::read`], of the first query that has one: what was handed on until then is whole up to its last line. One that
    /// came later is left out instead until it is answered, which is told.
    pub async fn read_all(
        &self,
        queries: &[String],
        mut later: mpsc::Receiver<String>,
        range: TimeRange,
        follow: Follow,
        out: mpsc::Sender<LogEvent>,
    ) -> Result<(), SourceError> {
        let (add, added) = mpsc::unbounded_channel();
        let failed = AtomicBool::new(false);
        let reading = async {
            let add = add;
            let (mut reads, mut is_open) = (FuturesUnordered::new(), true);
            let begun = |query: String, begin: Begin| {
                let (events, received) = mpsc::channel(1);
                let part = if begin == Begin::OrFail { Part::new(received) } else { Part::later(received) };
                // Where nobody listens any more it ends by itself.
                let _ = add.send(part);
                let failed = &failed;
                async move {
                    let read = self.read_one(&query, range, follow, begin, events).await;
                    failed.fetch_or(read.is_err(), Ordering::Relaxed);
                    read
                }
            };
            reads.extend(queries.iter().map(|query| begun(query.clone(), Begin::OrFail)));
            while is_open || !reads.is_empty() {
                tokio::select! {
                    query = later.recv(), if is_open => match query {
                        Some(query) => reads.push(begun(query, Begin::OrWait)),
                        None => is_open = false,
                    },
                    Some(read) = reads.next() => read?,
                }
            }
            Ok(())
        };
        let parts = Parts::new(follow, range.end - self.pace.settle, self.pace);
        tokio::select! {
            () = out.closed() => Ok(()),
            (read, ()) = async { tokio::join!(reading, merge(parts, added, &failed, || self.now(), &out)) } => read,
        }
    }
}

/// Hands on what the readers of queries deliver, until they are done or nobody listens.
async fn merge(
    mut parts: Parts,
    mut added: mpsc::UnboundedReceiver<Part>,
    failed: &AtomicBool,
    now: impl Fn() -> Timestamp,
    out: &mpsc::Sender<LogEvent>,
) {
    let mut is_open = true;
    while is_open || !parts.is_done() {
        let began = Instant::now();
        let patience = parts.patience(now());
        let events = tokio::select! {
            biased;
            part = added.recv(), if is_open => {
                match part {
                    Some(part) => parts.parts.push(part),
                    None => is_open = false,
                }
                Vec::new()
            }
            (i, event) = poll_fn(|cx| parts.poll_next(cx)), if !parts.is_done() => {
                parts.failed = failed.load(Ordering::Relaxed);
                parts.take(i, event)
            }
            () = sleep(patience.unwrap_or_default()), if patience.is_some() => Vec::new(),
        };
        // Not while the reader takes what there is: then nobody waits for a query.
        parts.waited += began.elapsed();
        for event in events.into_iter().chain(parts.overdue(now())) {
            if out.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// What is known of one query.
struct Part {
    events: mpsc::Receiver<LogEvent>,
    /// Lines that wait, by time.
    held: Vec<LogLine>,
    /// All lines before this were delivered, but for those that come late.
    known: Timestamp,
    /// Its lines are handed on as they come.
    at_once: bool,
    /// It came later, was left out or was waited for too long, and has not come up to the others yet, which do not wait for it.
    is_joining: bool,
    /// Nothing of it is read until it is answered.
    is_left_out: bool,
    is_done: bool,
    behind: Duration,
    failing: bool,
    /// Since when the others wait for it, by [`Parts::waited`].
    awaited: Option<Duration>,
}

impl Part {
    fn new(events: mpsc::Receiver<LogEvent>) -> Self {
        let known = Timestamp(i64::MIN);
        let behind = Duration::ZERO;
        Self {
            events,
            held: Vec::new(),
            known,
            at_once: false,
            is_joining: false,
            is_left_out: false,
            is_done: false,
            behind,
            failing: false,
            awaited: None,
        }
    }

    /// One whose past was handed on without it.
    fn later(events: mpsc::Receiver<LogEvent>) -> Self {
        Self { is_joining: true, ..Self::new(events) }
    }

    /// Whether the others need not wait for it.
    fn is_free(&self, failed: bool) -> bool {
        self.at_once || self.is_joining || self.is_done && !failed
    }
}

/// All queries.
struct Parts {
    parts: Vec<Part>,
    follow: Follow,
    /// Lines from here on come as they are written; those before are the past.
    new_from: Timestamp,
    pace: Pace,
    /// How long all of them were waited for.
    waited: Duration,
    /// Up to where lines were handed on in order.
    passed: Timestamp,
    /// How far behind the furthest was when that was told last.
    told: Duration,
    /// The reader was told of trouble, and not yet that it is over.
    troubled: bool,
    /// One was not read to its end: nothing is known of what comes after that.
    failed: bool,
}

impl Parts {
    fn new(follow: Follow, new_from: Timestamp, pace: Pace) -> Self {
        let (told, waited) = (Duration::ZERO, Duration::ZERO);
        let passed = Timestamp(i64::MIN);
        Self { parts: Vec::new(), follow, new_from, pace, waited, passed, told, troubled: false, failed: false }
    }

    fn is_done(&self) -> bool {
        self.parts.iter().all(|part| part.is_done)
    }

    /// Up to where the lines of all are known that are waited for.
    fn known(&self) -> Timestamp {
        let awaited = self.parts.iter().filter(|part| !part.is_free(self.failed));
        awaited.map(|part| part.known).min().unwrap_or(Timestamp::LATEST)
    }

    /// The next event of one of those that the others wait for; `None`: it is at its end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Option<LogEvent>)> {
        let (known, all) = (self.known(), self.failed);
        let open = self.parts.iter_mut().enumerate().filter(|(_, part)| !part.is_done && (all || part.at_once || part.known <= known));
        for (i, part) in open {
            if let Poll::Ready(event) = part.events.poll_recv(cx) {
                return Poll::Ready((i, event));
            }
        }
        Poll::Pending
    }

    /// What an event of a query gives to hand on.
    fn take(&mut self, i: usize, event: Option<LogEvent>) -> Vec<LogEvent> {
        let before = self.known();
        // Where nobody is waited for, one that comes up to what was handed on is again.
        let goal = if before == Timestamp::LATEST { self.passed } else { before };
        let part = &mut self.parts[i];
        match event {
            None => part.is_done = true,
            Some(LogEvent::Lines(lines)) if part.at_once => return vec![LogEvent::Lines(lines)],
            Some(LogEvent::Lines(mut lines)) => {
                // Those of before what was handed on are late.
                let late: Vec<LogLine> = lines.extract_if(.., |line| line.at < before).collect();
                part.held.append(&mut lines);
                part.held.sort_by_key(|line| line.at);
                return if late.is_empty() { Vec::new() } else { vec![LogEvent::Lines(late)] };
            }
            Some(LogEvent::ReadTo(at)) => {
                if at > part.known && part.known < self.new_from {
                    part.awaited = None;
                }
                part.known = part.known.max(at);
                part.is_joining &= part.known < goal;
            }
            Some(LogEvent::Tail(TailState::Behind(by))) => {
                (part.behind, part.failing) = (by, part.failing && !by.is_zero());
                // That it is answered again is told as well.
                self.troubled |= by.is_zero() && std::mem::take(&mut part.is_left_out);
                return self.behind().into_iter().collect();
            }
            Some(LogEvent::Failed(error)) => {
                if !part.failing && part.known < self.new_from {
                    part.awaited = None;
                }
                (part.failing, self.troubled) = (true, true);
                return vec![LogEvent::Failed(error)];
            }
            Some(event @ LogEvent::LeftOut { .. }) => {
                (part.behind, part.failing) = (Duration::ZERO, false);
                (part.is_left_out, part.is_joining) = (true, true);
                return self.behind().into_iter().chain(self.certain()).chain([event]).collect();
            }
            Some(event @ LogEvent::Tail(_)) => {
                // The past is read: from now on the tail brings lines.
                part.at_once |= self.follow == Follow::AtOnce;
                return self.certain().into_iter().chain([event]).collect();
            }
            Some(event) => return vec![event],
        }
        self.certain().into_iter().collect()
    }

    /// How far behind the furthest is; that none is, once all are well.
    fn behind(&mut self) -> Option<LogEvent> {
        let by = self.parts.iter().map(|part| part.behind).max().unwrap_or_default();
        let is_over = by.is_zero() && !self.parts.iter().any(|part| part.failing);
        if by == self.told && !(is_over && self.troubled) || by.is_zero() && !is_over {
            return None;
        }
        (self.told, self.troubled) = (by, !is_over);
        Some(LogEvent::Tail(TailState::Behind(by)))
    }

    /// The lines that no other one comes before any more.
    fn certain(&mut self) -> Option<LogEvent> {
        let known = self.known();
        if known < Timestamp::LATEST {
            self.passed = self.passed.max(known);
        }
        let mut lines = Vec::new();
        for part in &mut self.parts {
            let certain = if known == Timestamp::LATEST { part.held.len() } else { part.held.partition_point(|line| line.at < known) };
            lines.extend(part.held.drain(..certain));
        }
        lines.sort_by_key(|line| line.at);
        (!lines.is_empty()).then_some(LogEvent::Lines(lines))
    }

    /// How long until some query has been waited for too long; `None`: none is, however long that takes.
    fn patience(&self, now: Timestamp) -> Option<Duration> {
        self.parts.iter().filter_map(|part| self.patience_with(part, now)).min()
    }

    fn patience_with(&self, part: &Part, now: Timestamp) -> Option<Duration> {
        let waited = self.waited.saturating_sub(part.awaited?);
        let left = self.pace.patience.saturating_sub(waited);
        if part.known < self.new_from {
            return part.failing.then_some(left);
        }
        let age = now.since(self.waiting_for(part)?);
        // Those that look together take turns.
        let turns = self.pace.least * u32::try_from(self.parts.len() + 1).unwrap_or(u32::MAX);
        Some(self.pace.patience.saturating_sub(age).max(turns.saturating_sub(waited)).min(left))
    }

    /// The instant of the first line that waits for a query, or may by now: one that is ahead is not read on.
    fn waiting_for(&self, part: &Part) -> Option<Timestamp> {
        if self.follow == Follow::No || part.is_free(self.failed) {
            return None;
        }
        let waits = |other: &Part| match (other.is_free(self.failed), other.held.first()) {
            (false, _) if other.known <= part.known => None,
            (_, Some(line)) => Some(line.at.max(part.known)),
            (is_free, None) => (!is_free).then_some(other.known),
        };
        self.parts.iter().filter_map(waits).min()
    }

    /// Goes on without those that were waited for too long: the lines that waited for them.
    fn overdue(&mut self, now: Timestamp) -> Option<LogEvent> {
        for i in 0..self.parts.len() {
            let is_awaited = self.waiting_for(&self.parts[i]).is_some();
            let since = self.parts[i].awaited.unwrap_or(self.waited);
            self.parts[i].awaited = is_awaited.then_some(since);
        }
        let late: Vec<usize> = (0..self.parts.len()).filter(|i| self.patience_with(&self.parts[*i], now) == Some(Duration::ZERO)).collect();
        for i in &late {
            (self.parts[*i].is_joining, self.parts[*i].awaited) = (true, None);
        }
        if late.is_empty() { None } else { self.certain() }
    }
}

#[cfg(test)]
mod tests;
