//! Lines oldest first, for a reader that prints them as they come.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};

use super::{
    Direction, Loki,
    reconcile::{Reconciler, Stop},
    stream::{Input, Link, deliver, pause_after},
};
use crate::model::{
    backend::{ErrorKind, SourceError},
    log::{Limit, LogEvent, Older, TailState},
    time::{TimeRange, Timestamp},
};

/// What comes after the lines that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Nothing.
    No,
    /// New lines once all before them were read, so that they are in order unless they came late.
    InOrder,
    /// New lines as soon as the tail brings them; those that it lost come later.
    AtOnce,
}

/// What comes of a first question that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Nothing is read: who asks waits for it and is told why.
    OrFail,
    /// It is asked again until it is answered, though it be refused: others are read meanwhile.
    OrWait,
}

/// Answers that are read ahead of the reader: 5,000 lines each.
const AHEAD: usize = 1;
/// Messages of the tail that wait for the reader, of at most 100 lines each; what has no room is read again later.
const TAIL: usize = 256;

impl Loki {
    /// Delivers the range's lines from its start on, each as often as the server holds it, and what follows, until `out` is
    /// closed. What a reader does not take is not asked for.
    ///
    /// # Errors
    /// Why nothing was read, or why not all of it where nothing follows.
    pub async fn read(&self, logql: &str, range: TimeRange, follow: Follow, out: mpsc::Sender<LogEvent>) -> Result<(), SourceError> {
        self.read_one(logql, range, follow, Begin::OrFail, out).await
    }

    /// As [`Loki::read`].
    pub(super) async fn read_one(
        &self,
        logql: &str,
        range: TimeRange,
        follow: Follow,
        begin: Begin,
        out: mpsc::Sender<LogEvent>,
    ) -> Result<(), SourceError> {
        let (input, inputs) = mpsc::channel(if follow == Follow::AtOnce { TAIL } else { AHEAD });
        let link = Link::for_lines_since(range.start);
        let beginning = self.tell_beginning(logql, range, input.clone());
        let reading = async {
            let input = input;
            let end = Timestamp(range.end.0.saturating_add(1));
            let range = if follow == Follow::No { TimeRange { end, ..range } } else { TimeRange { end: Timestamp::LATEST, ..range } };
            let mut reconciler = Reconciler::new(self, logql, &link, &input, range, range.start);
            match self.read_past(&mut reconciler, (logql, range), (follow, begin), &input).await {
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Gone) => {}
                Ok(()) => match follow {
                    Follow::No => {}
                    Follow::InOrder => _ = reconciler.run().await,
                    Follow::AtOnce => _ = tokio::join!(self.tail(logql, &link, &input), reconciler.run()),
                },
            }
            Ok(())
        };
        // Held apart: whoever waits for it would have all of it on their stack.
        let reading = Box::pin(async move {
            let (read, ()) = tokio::join!(reading, beginning);
            read
        });
        tokio::select! {
            () = out.closed() => Ok(()),
            (read, ()) = async { tokio::join!(reading, deliver(inputs, &link, &out)) } => read,
        }
    }

    /// Tells what of the range is not handed out, where the server has a limit.
    async fn tell_beginning(&self, logql: &str, range: TimeRange, input: mpsc::Sender<Input>) {
        let (from, older) = self.beginning(logql, range, None).await;
        let Older::Withheld(limit) = older else { return };
        let oldest = match limit {
            // Lines may still be there that need not be kept.
            Limit::Retention { .. } => {
                let before = TimeRange { start: range.start, end: from };
                // Without an answer it is not known whether there are any, and they may be read all the same.
                let Ok(first) = self.query_range(logql, before, 1, Direction::Forward).await else { return };
                first.first().map(|l| l.at)
            }
            Limit::Lookback(_) => None,
        };
        let reached = oldest.unwrap_or(from);
        if reached > range.start {
            // Who does not listen any more need not know.
            let _ = input.send(Input::Page { lines: Vec::new(), reached, older }).await;
        }
    }

    async fn read_past(
        &self,
        reconciler: &mut Reconciler<'_>,
        (logql, range): (&str, TimeRange),
        (follow, begin): (Follow, Begin),
        input: &mpsc::Sender<Input>,
    ) -> Result<(), Stop> {
        let mut failures = 0;
        loop {
            let before = reconciler.verified();
            let end = if follow == Follow::No { range.end } else { (self.now() - self.pace.settle).min(range.end) };
            match reconciler.past(end).await {
                Err(Stop::Failed(error))
                    if begin == Begin::OrWait || follow != Follow::No && reconciler.verified() > range.start && may_pass(&error) =>
                {
                    failures = if reconciler.verified() > before { 1 } else { failures + 1 };
                    let (told, wait) = match may_pass(&error) {
                        true => (Input::Failed(error.clone()), pause_after(&error, failures)),
                        false => (Input::LeftOut { query: logql.to_owned(), error }, self.pace.rest(failures)),
                    };
                    input.send(told).await.map_err(|_| Stop::Gone)?;
                    sleep(wait).await;
                }
                Ok(()) if failures > 0 => {
                    // That it is over.
                    return input.send(Input::State(TailState::Behind(Duration::ZERO))).await.map_err(|_| Stop::Gone);
                }
                done => return done,
            }
        }
    }
}

/// Whether the same may be answered later.
fn may_pass(error: &SourceError) -> bool {
    error.is_transient() || matches!(error.kind, ErrorKind::Unauthorized(_) | ErrorKind::Secret)
}
