//! The lines of several queries in one order, for a reader that prints them as they come.
//!
//! Each query is read by itself ([`Loki::read`]) and says how far all of its lines are known. A line is handed on once that is
//! known of all queries up to its instant, so that what comes late is what is late in its own query. A query that is ahead is
//! not read on until the others have caught up: what waits here is a page of each.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{Loki, read::Follow};
use crate::model::{
    backend::SourceError,
    log::{LogEvent, LogLine, TailState},
    time::{TimeRange, Timestamp},
};

impl Loki {
    /// As [`Loki::read`], of all queries that come, no two of which select the same stream. Ends where nothing follows once
    /// no more queries can come, too.
    ///
    /// # Errors
    /// As [`Loki::read`], of the first query that has one: what was handed on until then is whole up to its last line.
    pub async fn read_all(
        &self,
        mut queries: mpsc::Receiver<String>,
        range: TimeRange,
        follow: Follow,
        out: mpsc::Sender<LogEvent>,
    ) -> Result<(), SourceError> {
        let (add, added) = mpsc::unbounded_channel();
        let failed = AtomicBool::new(false);
        let reading = async {
            let add = add;
            let (mut reads, mut is_open) = (FuturesUnordered::new(), true);
            while is_open || !reads.is_empty() {
                tokio::select! {
                    query = queries.recv(), if is_open => match query {
                        Some(query) => {
                            let (events, received) = mpsc::channel(1);
                            // Where nobody listens any more it ends by itself.
                            let _ = add.send(received);
                            let failed = &failed;
                            reads.push(async move {
                                let read = self.read(&query, range, follow, events).await;
                                failed.fetch_or(read.is_err(), Ordering::Relaxed);
                                read
                            });
                        }
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
async fn merge(
    mut added: mpsc::UnboundedReceiver<mpsc::Receiver<LogEvent>>,
    follow: Follow,
    failed: &AtomicBool,
    out: &mpsc::Sender<LogEvent>,
) {
    let (mut parts, mut is_open) = (Parts { parts: Vec::new(), told: Duration::ZERO, troubled: false, failed: false }, true);
    while is_open || !parts.is_done() {
        tokio::select! {
            biased;
            part = added.recv(), if is_open => match part {
                Some(events) => parts.parts.push(Part::new(events)),
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
    is_done: bool,
    behind: Duration,
    failing: bool,
}

impl Part {
    fn new(events: mpsc::Receiver<LogEvent>) -> Self {
        let known = Timestamp(i64::MIN);
        Self { events, held: Vec::new(), known, at_once: false, is_done: false, behind: Duration::ZERO, failing: false }
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
        let known = |part: &Part| if part.at_once || part.is_done && !self.failed { Timestamp::LATEST } else { part.known };
        self.parts.iter().map(known).min().unwrap_or(Timestamp::LATEST)
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
            Some(LogEvent::ReadTo(at)) => part.known = part.known.max(at),
            Some(LogEvent::Tail(TailState::Behind(by))) => {
                (part.behind, part.failing) = (by, part.failing && !by.is_zero());
                return self.behind().into_iter().collect();
            }
            Some(LogEvent::Failed(error)) => {
                (part.failing, self.troubled) = (true, true);
                return vec![LogEvent::Failed(error)];
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
