//! What a LogQL question would read, asked before it is: over a limit its size is shown, and the user decides.
//!
//! Loki answers `index/volume` from its index: 2 to 10 ms for a week of all streams on the machine that this was written on,
//! where the lines themselves take 20 ms to 2 s. A question about an hour at the most of streams that are named does not wait
//! for it: what it can read until the size is there is less than what waiting would cost whoever opens a page, and a size
//! over the limit drops it, which ends the work on the server too. All else waits. A size that is not answered in 5 s, or
//! that this Loki does not tell, holds nothing up.

mod offers;
mod question;

use std::{sync::Arc, time::Duration};

use super::{Look, Needs};
pub(super) use offers::{Offer, Row, conditions};
pub(super) use question::Question;

use crate::{
    core::request::{Refresh, Request, step},
    logql_parts::{names_a_value, reads},
    model::{
        backend::SourceError,
        log_size::{LogSize, Reach},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    ui::table::TableState,
};

/// A window up to this long does not wait for its size where its streams are named.
const QUICK: Duration = Duration::from_secs(3600);
/// A size is not asked for again so long when the user comes back to a window or a selector.
const KEPT: Duration = Duration::from_secs(600);
/// Sizes that are kept.
const MOST: usize = 32;
/// Sizes that one question needs, and the one by service, are kept together.
pub(super) const PARTS: u32 = MOST as u32;
/// Bytes over time have at most so many steps: the server asks its index for each.
const STEPS: u16 = 48;
/// Of what is read again and again, a minute may read this share of the limit.
const SHARE: u64 = 10;

/// What is said meanwhile.
pub(super) const WAITS: &str = "Asking Loki how much this would read.";

/// What is known of sizes.
#[derive(Default)]
pub(super) struct Cost {
    known: Vec<(Arc<Request>, Timestamp, Result<LogSize, SourceError>)>,
    /// The size that the user agreed to.
    agreed: u64,
    /// Whether the user is asked, as of the last change.
    asks: bool,
    /// The row of the question.
    table: TableState,
}

/// What is known of the size of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody limits what is read.
    Free,
    /// It may be sent: of this size, or of one that is not known yet.
    Quick(Option<u64>),
    /// Nobody knows its size, and it may be sent.
    Unknown,
    /// Its size is asked for.
    Waits,
    /// It would read so much that the user is to decide.
    Asks(u64),
}

impl Verdict {
    /// Whether the question may be sent.
    pub(super) const fn may_read(self) -> bool {
        !matches!(self, Self::Waits | Self::Asks(_))
    }
}

/// A selector over a window that is read, and how many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    selector: String,
    window: TimeWindow,
    reach: Reach,
    times: u64,
}

/// What queries read over a window.
pub(super) fn readings<'q>(queries: impl IntoIterator<Item = &'q str>, window: TimeWindow) -> Vec<Reading> {
    of_reads(queries.into_iter().flat_map(reads).map(|(selector, reach)| (selector, window, reach)))
}

/// What a metric query reads that is asked for the end of a window only.
pub(super) fn readings_at_end(query: &str, window: TimeWindow) -> Vec<Reading> {
    let at_end = |reach: Reach| match window {
        TimeWindow::Fixed(TimeRange { end, .. }) => TimeWindow::Fixed(TimeRange { start: end - reach.before, end }),
        TimeWindow::Last(_) | TimeWindow::Since(_) => TimeWindow::Last(reach.before),
    };
    of_reads(reads(query).into_iter().map(|(selector, reach)| (selector, at_end(reach), Reach { before: Duration::ZERO, ..reach })))
}

fn of_reads<'q>(all: impl Iterator<Item = (&'q str, TimeWindow, Reach)>) -> Vec<Reading> {
    let mut out: Vec<Reading> = Vec::new();
    for (selector, window, reach) in all {
        match out.iter_mut().find(|r| (r.selector.as_str(), r.window, r.reach) == (selector, window, reach)) {
            Some(known) => known.times += 1,
            None => out.push(Reading { selector: selector.to_owned(), window, reach, times: 1 }),
        }
    }
    out
}

impl Reading {
    fn request(&self, by: Option<&str>) -> Request {
        Request::LogSize { selector: self.selector.clone(), window: self.window, reach: self.reach, by: by.map(Into::into) }
    }

    fn is_quick(&self, now: Timestamp) -> bool {
        names_a_value(&self.selector) && self.reach.of(self.window.range(now)).duration() <= QUICK
    }
}

/// The question for the size of a selector.
pub(super) fn size_of(selector: &str, window: TimeWindow) -> Request {
    Reading { selector: selector.to_owned(), window, reach: Reach::default(), times: 1 }.request(None)
}

/// How often what reads so much may be asked again: no more in all than the limit allows at once.
pub(super) fn seldom(every: Duration, size: u64, limit: u64) -> Duration {
    every.max(Duration::from_secs((size / (limit / SHARE).max(1)).saturating_mul(60)))
}

impl Cost {
    /// What was told of a size.
    pub(super) fn size(&self, request: &Request) -> Option<&Result<LogSize, SourceError>> {
        self.known.iter().find(|(known, ..)| **known == *request).map(|(.., size)| size)
    }

    /// Takes the answer to a question about a size.
    pub(super) fn learn(&mut self, request: Arc<Request>, at: Timestamp, size: Result<LogSize, SourceError>) {
        self.known.retain(|(known, ..)| *known != request);
        self.known.truncate(MOST - 1);
        self.known.insert(0, (request, at, size));
    }

    /// Forgets what is old. Only where something else is asked for: what is being read is not taken away for it.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.known.retain(|(_, since, _)| now.since(*since) < KEPT);
    }

    /// Whether this may be read.
    pub(super) fn verdict(&self, look: &Look<'_>, readings: &[Reading]) -> Verdict {
        let Some(limit) = look.shared.settings.ask_above else { return Verdict::Free };
        if readings.len() >= MOST {
            return Verdict::Unknown;
        }
        let (mut total, mut unknown, mut waits) = (0_u64, readings.is_empty(), false);
        for reading in readings {
            match self.size(&reading.request(None)) {
                Some(Ok(size)) => total = total.saturating_add(size.total().saturating_mul(reading.times)),
                Some(Err(_)) => unknown = true,
                None => waits = true,
            }
        }
        // Who agreed to some is not asked again for about as much.
        if total > limit && total > self.agreed.saturating_add(if self.agreed > 0 { limit } else { 0 }) {
            return Verdict::Asks(total);
        }
        match () {
            () if waits && readings.iter().all(|r| r.is_quick(look.now)) => Verdict::Quick(None),
            () if waits => Verdict::Waits,
            () if unknown => Verdict::Unknown,
            () => Verdict::Quick(Some(total)),
        }
    }

    /// Asks for what is not known of the sizes. `first` is the part of the first one; there are [`PARTS`] at the most.
    pub(super) fn ask_sizes(
        &self,
        look: &Look<'_>,
        readings: &[Reading],
        (pane, first): (&'static str, u32),
        needs: &mut Needs<'_>,
    ) -> Verdict {
        let verdict = self.verdict(look, readings);
        if verdict != Verdict::Free {
            for (part, reading) in (first..).zip(readings).take(MOST - 1) {
                self.ask_once((pane, part), reading.request(None), needs);
            }
        }
        verdict
    }

    /// Asks for what tells which services it is that would be read too much of.
    pub(super) fn ask_by_service(&self, look: &Look<'_>, readings: &[Reading], slot: (&'static str, u32), needs: &mut Needs<'_>) {
        if let (Some(reading), Some(by)) = (self.main(readings), self.service_label(look, readings)) {
            self.ask_once(slot, reading.request(Some(&by)), needs);
        }
    }

    /// Once, also where it is not answered: what is read by then is not taken away for it.
    fn ask_once(&self, (pane, part): (&'static str, u32), request: Request, needs: &mut Needs<'_>) {
        if self.size(&request).is_none() {
            needs.ask(pane, part, request, Refresh::Once);
        }
    }

    /// The question for the bytes over time of what is read most of.
    pub(super) fn bytes_over_time(&self, look: &Look<'_>, readings: &[Reading]) -> Option<Request> {
        let Reading { selector, window, reach, .. } = self.main(readings)?.clone();
        let step = step(reach.of(window.range(look.now)).duration(), STEPS / 2, Duration::from_secs(1));
        Some(Request::LogVolume { selector, window, reach, step })
    }

    /// What is read most of, as far as that is known.
    fn main<'r>(&self, readings: &'r [Reading]) -> Option<&'r Reading> {
        let size = |reading: &Reading| {
            let size = self.size(&reading.request(None)).and_then(|known| known.as_ref().ok());
            size.map_or(0, |size| size.total().saturating_mul(reading.times))
        };
        readings.iter().rev().max_by_key(|reading| size(reading))
    }

    /// Whether the user is asked, as of the last change.
    pub(super) const fn asks(&self) -> bool {
        self.asks
    }

    /// Takes note of whether the user is asked. Returns whether that begins now.
    pub(super) fn note(&mut self, asks: bool) -> bool {
        let begins = asks && !self.asks;
        if begins {
            self.table = TableState::default();
        }
        self.asks = asks;
        begins
    }

    /// The user wants so much to be read.
    pub(super) const fn agree(&mut self, size: u64) {
        self.agreed = size;
    }
}
