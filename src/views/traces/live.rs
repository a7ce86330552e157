//! New hits every few seconds: those of the last minutes are asked for and joined to those that are here, each trace once.

use std::{collections::HashMap, time::Duration};

use super::Traces;
use crate::{
    core::request::{Refresh, Request},
    model::{
        backend::SourceError,
        time::{TimeWindow, Timestamp},
        trace::{TraceHit, TraceHits},
    },
    views::{Cx, Look, Needs},
};

/// Slot of the new ones.
pub(super) const NEW: &str = "new hits";
const EVERY: Duration = Duration::from_secs(5);
/// What began before is found late by few.
const REACH: Duration = Duration::from_secs(300);
/// Hits that are kept, the newest.
const KEPT: usize = 1000;

impl Traces {
    pub(super) fn switch_live(&mut self, cx: &mut Cx<'_>) {
        if !self.live && !cx.look.scope.window.is_live() {
            let key = cx.look.shared.keymap.key(crate::core::command::Command::Live).unwrap_or_default();
            cx.notice(format!("the window is fixed: press {key} for live"));
            return;
        }
        self.live = !self.live;
    }

    fn is_live(&self, look: &Look<'_>) -> bool {
        self.live && look.scope.window.is_live()
    }

    pub(super) fn ask_for_new(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        if self.is_live(look) && self.found.value().is_some() {
            let window = TimeWindow::Last(REACH.min(look.range().duration()));
            needs.ask(NEW, 0, Request::Search { query: self.asked(look), window, limit: self.limit(look) }, Refresh::Every(EVERY));
        }
    }

    pub(super) fn live_note(&self) -> Option<String> {
        self.live.then(|| format!("live, every {} s", EVERY.as_secs()))
    }

    /// Takes the answer for the whole window. While it is live no trace goes that a server does not find again.
    pub(super) fn take(&mut self, look: &Look<'_>, at: Timestamp, result: Result<TraceHits, SourceError>) -> bool {
        let before = if self.is_live(look) { self.found.value().cloned() } else { None };
        let joined = result.map(|found| match before {
            Some(before) => TraceHits { hits: joined(before.hits, found.hits, look.range().start), newest: found.newest, part: found.part },
            None => found,
        });
        self.found.settle(at, joined)
    }

    /// Takes the new ones. A failure is told by the whole window's.
    pub(super) fn take_new(&mut self, look: &Look<'_>, result: Result<TraceHits, SourceError>) -> bool {
        let (Some(before), Ok(new)) = (self.found.value(), result) else { return false };
        let hits = joined(before.hits.clone(), new.hits, look.range().start);
        let changed = hits != before.hits;
        self.found.amend(|before| TraceHits { hits, ..before.clone() });
        changed
    }
}

/// Each trace once, as it was told last; those that ended before the window are gone, and of too many the oldest.
fn joined(before: Vec<TraceHit>, new: Vec<TraceHit>, start: Timestamp) -> Vec<TraceHit> {
    let mut all: HashMap<_, TraceHit> = before.into_iter().map(|h| (h.trace, h)).collect();
    all.extend(new.into_iter().map(|h| (h.trace, h)));
    let mut hits: Vec<TraceHit> = all.into_values().filter(|h| h.start.0.saturating_add(h.duration_ns.max(0)) >= start.0).collect();
    hits.sort_by_key(|h| (std::cmp::Reverse(h.start), h.trace));
    hits.truncate(KEPT);
    hits
}
