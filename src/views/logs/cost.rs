//! What a question would read, asked before it is: over a limit the page shows the size, and the user decides.
//!
//! Loki answers `index/volume` from its index: 2 to 10 ms for a week of all streams on the machine that this was written on,
//! where the lines themselves take 20 ms to 2 s. A question about an hour at the most of streams that are named does not wait
//! for it: what it can read until the size is there is less than what waiting would cost whoever opens a page, and a size
//! over the limit drops it, which ends the work on the server too. All else waits. A size that is not answered in 5 s, or
//! that this Loki does not tell, holds nothing up.

mod offers;
mod question;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use super::{Logs, query::Plan};
use crate::{
    core::request::{Refresh, Request, step},
    logql_parts::{names_a_value, reach, selectors},
    model::{
        backend::SourceError,
        log_size::LogSize,
        series::Matrix,
        time::{TimeWindow, Timestamp},
    },
    ui::table::TableState,
    views::{Look, Needs},
};

/// A window up to this long does not wait for its size where its streams are named.
const QUICK: Duration = Duration::from_secs(3600);
/// A size is not asked for again so long when the user comes back to a window or a selector.
const KEPT: Duration = Duration::from_secs(600);
/// Sizes that are kept.
const MOST: usize = 32;
/// Bytes over time have at most so many steps: the server asks its index for each.
const STEPS: u16 = 48;
/// Of what counts lines by reading them, a minute may read this share of the limit.
const SHARE: u64 = 10;

/// What is known of sizes.
#[derive(Default)]
pub(super) struct Cost {
    known: Vec<(Arc<Request>, Timestamp, Result<LogSize, SourceError>)>,
    /// The size that the user agreed to.
    agreed: u64,
    /// Whether the page asks, as of the last change.
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

/// A selector that is read, and how many of the page's queries do.
struct Reading {
    selector: String,
    reach: Duration,
    times: u64,
}

fn readings(plan: &Plan) -> Vec<Reading> {
    let mut out: Vec<Reading> = Vec::new();
    for query in &plan.streams {
        let reach = reach(query);
        for selector in selectors(query) {
            match out.iter_mut().find(|r| r.selector == selector) {
                Some(known) => (known.times, known.reach) = (known.times + 1, known.reach.max(reach)),
                None => out.push(Reading { selector: selector.to_owned(), reach, times: 1 }),
            }
        }
    }
    out
}

impl Reading {
    fn request(&self, window: TimeWindow, by: Option<&str>) -> Request {
        Request::LogSize { selector: self.selector.clone(), window, reach: self.reach, by: by.map(Into::into) }
    }
}

impl Cost {
    fn size(&self, request: &Request) -> Option<&Result<LogSize, SourceError>> {
        self.known.iter().find(|(known, ..)| **known == *request).map(|(.., size)| size)
    }

    fn learn(&mut self, request: Arc<Request>, at: Timestamp, size: Result<LogSize, SourceError>) {
        self.known.retain(|(known, ..)| *known != request);
        self.known.truncate(MOST - 1);
        self.known.insert(0, (request, at, size));
    }

    /// Forgets what is old. Only where other lines are asked for: what is being read is not taken away for it.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.known.retain(|(_, since, _)| now.since(*since) < KEPT);
    }
}

impl Logs {
    /// Whether a plan may be asked over a window.
    pub(super) fn verdict(&self, look: &Look<'_>, plan: &Plan, window: TimeWindow) -> Verdict {
        let Some(limit) = look.shared.settings.ask_above else { return Verdict::Free };
        let readings = readings(plan);
        if readings.len() >= MOST {
            return Verdict::Unknown;
        }
        let (mut total, mut unknown, mut waits) = (0_u64, readings.is_empty(), false);
        for reading in &readings {
            match self.cost.size(&reading.request(window, None)) {
                Some(Ok(size)) => total = total.saturating_add(size.total().saturating_mul(reading.times)),
                Some(Err(_)) => unknown = true,
                None => waits = true,
            }
        }
        // Who agreed to some is not asked again for about as much.
        if total > limit && total > self.cost.agreed.saturating_add(if self.cost.agreed > 0 { limit } else { 0 }) {
            return Verdict::Asks(total);
        }
        let is_quick =
            || readings.iter().all(|r| names_a_value(&r.selector) && window.range(look.now).duration().saturating_add(r.reach) <= QUICK);
        match () {
            () if waits && is_quick() => Verdict::Quick(None),
            () if waits => Verdict::Waits,
            () if unknown => Verdict::Unknown,
            () => Verdict::Quick(Some(total)),
        }
    }

    /// Asks for what is not known of the size of a plan over a window.
    pub(super) fn ask_sizes(&self, look: &Look<'_>, plan: &Plan, window: TimeWindow, pane: &'static str, needs: &mut Needs<'_>) -> Verdict {
        let verdict = self.verdict(look, plan, window);
        if verdict != Verdict::Free {
            for (part, reading) in (0..).zip(readings(plan)).take(MOST - 1) {
                self.ask_once(pane, part, reading.request(window, None), needs);
            }
        }
        verdict
    }

    /// Once, also where it is not answered: lines that are read by then are not taken away for it.
    fn ask_once(&self, pane: &'static str, part: u32, request: Request, needs: &mut Needs<'_>) {
        if self.cost.size(&request).is_none() {
            needs.ask(pane, part, request, Refresh::Once);
        }
    }

    /// Asks for what is not known of the size. Returns whether the plan may be asked for its lines.
    pub(super) fn ask_cost(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) -> bool {
        let window = look.scope.window;
        let verdict = self.ask_sizes(look, plan, window, "size", needs);
        if let Verdict::Asks(_) = verdict {
            if let (Some(reading), Some(by)) = (readings(plan).first(), self.service_label(look, plan)) {
                self.ask_once("size by service", 0, reading.request(window, Some(&by)), needs);
            }
            self.ask_bytes(look, plan, needs);
        }
        verdict.may_read()
    }

    /// Asks how many lines there are of each level over time, or how many bytes where counting them would read too much.
    ///
    /// Loki's volume API knows no levels: they are no labels of streams (3.7 answers `targetLabels=detected_level` with
    /// nothing), so that only `count_over_time` tells them, and that reads every line of the window.
    pub(super) fn ask_volume(&self, look: &Look<'_>, plan: &Plan, width: u16, needs: &mut Needs<'_>) {
        let every = look.shared.settings.refresh_slow;
        let limit = look.shared.settings.ask_above.unwrap_or(u64::MAX);
        let size = match self.verdict(look, plan, look.scope.window) {
            Verdict::Free => 0,
            Verdict::Quick(Some(size)) if size <= limit => size,
            Verdict::Quick(Some(_)) => return self.ask_bytes(look, plan, needs),
            // What is small enough not to wait for its size is small enough to be counted where nobody tells it.
            Verdict::Unknown => 0,
            Verdict::Quick(None) | Verdict::Waits | Verdict::Asks(_) => return,
        };
        // What is counted again and again reads no more in all than the limit allows at once.
        let minutes = size / (limit / SHARE).max(1);
        let every = every.max(Duration::from_secs(60 * minutes));
        let step = step(look.range().duration(), width / 2, Duration::from_secs(1));
        let query = super::query::volume(&plan.base, step);
        needs.ask("volume", 0, Request::LogRange { query, window: look.scope.window, step }, Refresh::Every(every));
    }

    fn ask_bytes(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) {
        let Some(selector) = readings(plan).into_iter().next().map(|r| r.selector) else { return };
        let step = step(look.range().duration(), STEPS / 2, Duration::from_secs(1));
        let request = Request::LogVolume { selector, window: look.scope.window, step };
        needs.ask("volume", 0, request, Refresh::Every(look.shared.settings.refresh_slow));
    }

    /// Takes the answer to a question about a size.
    pub(super) fn size_came(&mut self, look: &Look<'_>, request: Arc<Request>, at: Timestamp, size: Result<LogSize, SourceError>) {
        let chosen = self.chosen_offer(look);
        self.cost.learn(request, at, size);
        self.note_question(look);
        self.choose_offer(look, chosen);
    }

    /// Takes bytes or lines over time.
    pub(super) fn volume_came(&mut self, look: &Look<'_>, request: &Request, at: Timestamp, result: Result<Matrix, SourceError>) -> bool {
        let chosen = self.chosen_offer(look);
        let is_bytes = matches!(request, Request::LogVolume { .. });
        if is_bytes != self.volume_is_bytes {
            self.volume.clear();
            self.volume_is_bytes = is_bytes;
        }
        let changed = self.volume.settle(at, result);
        if let (Some(brush), Some(matrix)) = (self.brush, self.volume.value()) {
            self.brush = Some(brush.moved(0, matrix));
        }
        self.choose_offer(look, chosen);
        changed
    }

    /// Takes note of whether the page asks.
    pub(super) fn note_question(&mut self, look: &Look<'_>) {
        let asks = self.question(look).is_some();
        if asks && !self.cost.asks {
            self.cost.table = TableState::default();
            // Nothing is in front of it: what the keys answer is on the screen.
            self.patterns.open = false;
            self.in_detail = false;
            self.counts = None;
        }
        self.cost.asks = asks;
    }

    /// How much would be read, where that is too much.
    pub(super) fn question(&self, look: &Look<'_>) -> Option<u64> {
        match self.verdict(look, &self.plan(look)?, look.scope.window) {
            Verdict::Asks(size) => Some(size),
            _ => None,
        }
    }

    /// `up to 1.2 GiB`, in few words.
    pub(super) fn size_note(&self, look: &Look<'_>, plan: &Plan) -> Option<String> {
        match self.verdict(look, plan, look.scope.window) {
            Verdict::Quick(Some(size)) if size > 0 => Some(format!("of {}", crate::ui::format::bytes(size as f64))),
            Verdict::Unknown => Some("size not known".to_owned()),
            _ => None,
        }
    }
}
