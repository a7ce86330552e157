//! What refusals have taught of a query: how many lines an answer has room for, and how much time may be asked for at once.
//! All who read the same query share it, so that none of them begins with what was refused to another. One that asks for less
//! learns nothing of more.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::page::CAP;

/// Queries of which it is remembered.
const MOST: usize = 64;
/// Answers to as much as may be asked for, before more is: a server that has trouble is not to refuse every other question.
pub(super) const CALM: u32 = 4;

/// What may be asked for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Lines of a page; [`usize::MAX`]: as many as anyone asks for.
    pub(super) lines: usize,
    /// Time; [`Duration::MAX`]: all of it.
    pub(super) span: Duration,
    /// More time than this is refused whatever lies in it; [`Duration::MAX`]: none is, as far as is known.
    pub(super) longest: Duration,
    /// Answers to as much as that since the last refusal.
    pub(super) calm: u32,
}

impl Default for Share {
    /// Nothing is known against all of it.
    fn default() -> Self {
        Self { lines: usize::MAX, span: Duration::MAX, longest: Duration::MAX, calm: 0 }
    }
}

impl Share {
    /// Takes note of an answer of so many lines to a question for so much time and no more than `limit` lines.
    pub(super) fn answered(&mut self, asked: Duration, limit: usize, lines: usize) {
        // One that is full tells how many lines it has room for; any other one that all of the time could be read.
        let (is_many, is_long) = if lines >= limit { (limit >= self.lines, false) } else { (false, asked >= self.span) };
        self.calm = self.calm.saturating_add(u32::from(is_many || is_long));
        if self.calm <= CALM {
            return;
        }
        if is_many {
            let more = self.lines.saturating_mul(2);
            self.lines = if more < CAP { more } else { usize::MAX };
        }
        if is_long {
            self.span = self.span.saturating_mul(2).min(self.longest);
        }
    }
}

/// The queries that were refused, the one that was asked last first.
#[derive(Default)]
pub(super) struct Shares(Mutex<VecDeque<(Box<str>, Share)>>);

impl Shares {
    /// What may be asked for at once.
    pub(super) fn of(&self, logql: &str) -> Share {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(query, _)| &**query == logql).map(|(_, share)| *share).unwrap_or_default()
    }

    /// Changes what is known of it, as what is known by now has it.
    pub(super) fn learn<T>(&self, logql: &str, change: impl FnOnce(&mut Share) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|(query, _)| &**query == logql);
        let (query, mut share) = at.and_then(|at| known.remove(at)).unwrap_or_else(|| (logql.into(), Share::default()));
        let told = change(&mut share);
        if share != (Share { calm: share.calm, ..Share::default() }) {
            known.truncate(MOST - 1);
            known.push_front((query, share));
        }
        told
    }
}
