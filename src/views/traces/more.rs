//! More hits than a search asks for at first.

use super::Traces;
use crate::{
    core::{
        command::Command,
        request::{Answer, Request},
    },
    model::trace_source::TraceOrigin,
    ui::format,
    views::{Cx, Look},
};

/// Hits that are asked for, at first and at each key that asks for more.
const OF_TEMPO: &[usize] = &[200, 500, 1000];
/// The same of a Jaeger, which tells all spans of each.
const OF_JAEGER: &[usize] = &[50];
/// The same of files, which have all of theirs at hand.
const OF_FILES: &[usize] = &[10_000];

/// How many hits are asked for.
#[derive(Default)]
pub(super) struct Asked {
    /// How often more was asked for.
    steps: usize,
    /// How many those that are shown were asked for at the most.
    shown: usize,
}

fn steps(look: &Look<'_>) -> &'static [usize] {
    match look.shared.traces.value().map(|able| able.origin) {
        Some(TraceOrigin::Files) => OF_FILES,
        Some(TraceOrigin::Jaeger) => OF_JAEGER,
        Some(TraceOrigin::Tempo) | None => OF_TEMPO,
    }
}

/// Hits that a search asks for at first.
pub(super) fn first(look: &Look<'_>) -> usize {
    steps(look)[0]
}

impl Traces {
    /// Hits that are asked for.
    pub(super) fn limit(&self, look: &Look<'_>) -> usize {
        let steps = steps(look);
        steps[self.limits.steps.min(steps.len() - 1)]
    }

    /// Whether there may be more than are shown.
    pub(super) fn is_cut(&self) -> bool {
        !self.hits().is_empty() && self.hits().len() >= self.limits.shown
    }

    /// Which of the steps is next, and how many it asks for: more than are here, as old Tempos tell more than they are asked for.
    fn next_step(&self, look: &Look<'_>) -> Option<(usize, usize)> {
        let least = self.limit(look).max(self.hits().len());
        steps(look).iter().copied().enumerate().find(|(_, n)| *n > least)
    }

    /// Why there is no more to be asked for.
    pub(super) fn no_more(&self, look: &Look<'_>) -> Option<&'static str> {
        if !self.is_cut() {
            Some("all that were found are shown")
        } else if self.limit(look) > self.limits.shown {
            Some("more are being asked for")
        } else if self.next_step(look).is_none() {
            Some("no more are asked for at once: another window or query finds others")
        } else {
            None
        }
    }

    /// Those that are here stay until the answer comes.
    pub(super) fn ask_for_more(&mut self, look: &Look<'_>) {
        if let Some((step, _)) = self.next_step(look) {
            self.limits.steps = step;
        }
    }

    /// Another question begins with few again.
    pub(super) fn ask_for_few(&mut self) {
        self.limits = Asked::default();
    }

    /// Takes note of how many an answer was asked for. A server that refuses so many is asked for fewer again.
    pub(super) fn note_limit(&mut self, cx: &mut Cx<'_>, answer: &Answer) {
        let Request::Search { limit, .. } = &*answer.request else { return };
        match &answer.result {
            Ok(_) => self.limits.shown = *limit,
            Err(error) if *limit > self.limits.shown && self.limits.shown > 0 && error.is_of_the_question(true) => {
                self.limits.steps = self.limits.steps.saturating_sub(1);
                cx.notice(format!("{} traces were refused: {}", format::count(*limit as u64), error.message));
            }
            Err(_) => {}
        }
    }

    /// `search limit reached, newest 200 shown, M asks for 500`
    pub(super) fn limit_note(&self, look: &Look<'_>) -> Option<String> {
        let count = |n: usize| format::count(n as u64);
        let n = self.hits().len();
        if n == 0 {
            return None;
        }
        if !self.is_cut() {
            return Some(format!("{} found", count(n)));
        }
        let is_newest = self.found.value().is_some_and(|f| f.newest);
        let shown = if is_newest { format!("newest {} shown", count(n)) } else { format!("{} shown, not always the newest", count(n)) };
        let limit = self.limit(look);
        let key = look.shared.keymap.key(Command::More);
        let more = match self.next_step(look) {
            _ if limit > self.limits.shown => format!(", {} asked for", count(limit)),
            Some((_, next)) => key.map(|key| format!(", {key} asks for {}", count(next))).unwrap_or_default(),
            None => ", no more at once".to_owned(),
        };
        Some(format!("search limit reached, {shown}{more}"))
    }
}
