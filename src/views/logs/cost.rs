//! What the page's lines would read: the user is asked before more than a limit is.

mod question;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use super::{Logs, query::Plan};
use crate::{
    core::request::{Refresh, Request, step},
    model::{
        backend::SourceError,
        log_size::LogSize,
        series::Matrix,
        time::{TimeWindow, Timestamp},
    },
    ui::format,
    views::{
        Look, Needs,
        cost::{Reading, Verdict, readings, seldom},
    },
};

/// What a plan reads over a window.
fn reads(plan: &Plan, window: TimeWindow) -> Vec<Reading> {
    readings(plan.streams.iter().map(String::as_str), window)
}

impl Logs {
    /// Whether a plan may be asked over a window.
    pub(super) fn verdict(&self, look: &Look<'_>, plan: &Plan, window: TimeWindow) -> Verdict {
        self.cost.verdict(look, &reads(plan, window))
    }

    /// Asks for what is not known of the size of a plan over a window.
    pub(super) fn ask_sizes(&self, look: &Look<'_>, plan: &Plan, window: TimeWindow, pane: &'static str, needs: &mut Needs<'_>) -> Verdict {
        self.cost.ask_sizes(look, &reads(plan, window), (pane, 0), needs)
    }

    /// Asks for what is not known of the size. Returns whether the plan may be asked for its lines.
    pub(super) fn ask_cost(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) -> bool {
        let window = look.scope.window;
        let verdict = self.ask_sizes(look, plan, window, "size", needs);
        if let Verdict::Asks(_) = verdict {
            self.cost.ask_by_service(look, &reads(plan, window), ("size by service", 0), needs);
            self.ask_bytes(look, plan, needs);
        }
        verdict.may_read()
    }

    /// Asks how many lines there are of each level over time, or how many bytes where counting them would read too much.
    ///
    /// Loki's volume API knows no levels: they are no labels of streams (3.7 answers `targetLabels=detected_level` with
    /// nothing), so that only `count_over_time` tells them, and that reads every line of the window.
    pub(super) fn ask_volume(&self, look: &Look<'_>, plan: &Plan, width: u16, needs: &mut Needs<'_>) {
        let limit = look.shared.settings.ask_above.unwrap_or(u64::MAX);
        let size = match self.verdict(look, plan, look.scope.window) {
            Verdict::Free => 0,
            Verdict::Quick(Some(size)) if size <= limit => size,
            Verdict::Quick(Some(_)) => return self.ask_bytes(look, plan, needs),
            // What is small enough not to wait for its size is small enough to be counted where nobody tells it.
            Verdict::Unknown => 0,
            Verdict::Quick(None) | Verdict::Waits | Verdict::Asks(_) => return,
        };
        let every = seldom(look.shared.settings.refresh_slow, size, limit);
        let step = step(look.range().duration(), width / 2, Duration::from_secs(1));
        let query = super::query::volume(plan, step);
        needs.ask("volume", 0, Request::LogRange { query, window: look.scope.window, step }, Refresh::Every(every));
    }

    fn ask_bytes(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) {
        if let Some(request) = self.cost.bytes_over_time(look, &reads(plan, look.scope.window)) {
            needs.ask("volume", 0, request, Refresh::Every(look.shared.settings.refresh_slow));
        }
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
        if let Request::Count(_) = request {
            self.counting.ended(look.now);
        }
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
        if self.cost.note(self.question(look).is_some()) {
            // Nothing is in front of it: what the keys answer is on the screen.
            self.patterns.open = false;
            self.in_detail = false;
            self.counts = None;
        }
    }

    /// How much would be read, where that is too much.
    pub(super) fn question(&self, look: &Look<'_>) -> Option<u64> {
        match self.verdict(look, &self.plan(look)?, look.scope.window) {
            Verdict::Asks(size) => Some(size),
            _ => None,
        }
    }

    /// `1.20 GiB in the window`, in few words.
    pub(super) fn size_note(&self, look: &Look<'_>, plan: &Plan) -> Option<String> {
        match self.verdict(look, plan, look.scope.window) {
            Verdict::Quick(Some(size)) if size > 0 => Some(format!("{} in the window", format::bytes(size as f64))),
            Verdict::Unknown => Some("size not known".to_owned()),
            _ => None,
        }
    }
}
