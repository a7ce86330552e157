//! The lines of several queries in one order, for a reader that prints them as they come.
//!
//! Each query is read by itself ([`Loki::read`]) and says how far all of its lines are known. A line is handed on once that is
//! known of all queries up to its instant, so that what comes late is what is late in its own query. A query that is ahead is
//! not read on until the others have caught up: what waits here is a page of each. One that is added later has a past that was
//! handed on without its lines: no other one waits for it until it has come up to them.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{
    Loki,
    read::{Begin, Follow},
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
        tokio::select! {
            () = out.closed() => Ok(()),
            (read, ()) = async { tokio::join!(reading, merge(added, follow, &failed, &out)) } => read,
        }
    }
}

/// Hands on what the readers of queries deliver, until they are done or nobody listens.
async fn merge(mut added: mpsc::UnboundedReceiver<Part>, follow: Follow, failed: &AtomicBool, out: &mpsc::Sender<LogEvent>) {
    let (mut parts, mut is_open) = (Parts { parts: Vec::new(), told: Duration::ZERO, troubled: false, failed: false }, true);
    while is_open || !parts.is_done() {
        tokio::select! {
            biased;
            part = added.recv(), if is_open => match part {
                Some(part) => parts.parts.push(part),
                None => is_open = false,
            },
            (i, event) = poll_fn(|cx| parts.poll_next(cx)), if !parts.is_done() => {
                parts.failed = failed.load(Ordering::Relaxed);
                for event in parts.take(i, event, follow) {
                    if out.send(event).await.is_err() {
                        return;
                    }
                }
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
    /// It came later, or is asked again after it was left out, and has not come up to the others yet, which do not wait for it.
    is_joining: bool,
    /// Nothing of it is read until it is answered.
    is_left_out: bool,
    is_done: bool,
    behind: Duration,
    failing: bool,
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
        }
    }

    /// One whose past was handed on without it.
    fn later(events: mpsc::Receiver<LogEvent>) -> Self {
        Self { is_joining: true, ..Self::new(events) }
    }

    /// Up to where the others need not wait for it.
    fn clear(&self, failed: bool) -> Timestamp {
        let is_free = self.at_once || self.is_joining || self.is_done && !failed;
        if is_free { Timestamp::LATEST } else { self.known }
    }
}

/// All queries.
struct Parts {
    parts: Vec<Part>,
    /// How far behind the furthest was when that was told last.
    told: Duration,
    /// The reader was told of trouble, and not yet that it is over.
    troubled: bool,
    /// One was not read to its end: nothing is known of what comes after that.
    failed: bool,
}

impl Parts {
    fn is_done(&self) -> bool {
        self.parts.iter().all(|part| part.is_done)
    }

    /// Up to where the lines of all are known.
    fn known(&self) -> Timestamp {
        self.parts.iter().map(|part| part.clear(self.failed)).min().unwrap_or(Timestamp::LATEST)
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
    fn take(&mut self, i: usize, event: Option<LogEvent>, follow: Follow) -> Vec<LogEvent> {
        let before = self.known();
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
                part.known = part.known.max(at);
                part.is_joining &= part.known < before;
            }
            Some(LogEvent::Tail(TailState::Behind(by))) => {
                (part.behind, part.failing) = (by, part.failing && !by.is_zero());
                // That it is answered again is told as well.
                self.troubled |= by.is_zero() && std::mem::take(&mut part.is_left_out);
                return self.behind().into_iter().collect();
            }
            Some(LogEvent::Failed(error)) => {
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
                part.at_once |= follow == Follow::AtOnce;
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
        let mut lines = Vec::new();
        for part in &mut self.parts {
            let certain = if known == Timestamp::LATEST { part.held.len() } else { part.held.partition_point(|line| line.at < known) };
            lines.extend(part.held.drain(..certain));
        }
        lines.sort_by_key(|line| line.at);
        (!lines.is_empty()).then_some(LogEvent::Lines(lines))
    }
}

#[cfg(test)]
mod tests;
