//! What refusals have taught of a query: how many lines an answer has room for, and how much time may be asked for at once.
//! All who read the same query share it, so that none of them begins with what was refused to another.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Queries of which it is remembered.
const MOST: usize = 64;

/// What may be asked for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Lines of a page.
    pub(super) lines: usize,
    /// Time; [`Duration::MAX`]: all of it.
    pub(super) span: Duration,
    /// Pages that came since the last refusal: after some of them more is asked for.
    pub(super) calm: u32,
}

/// The queries that were refused, the one that was asked last first.
#[derive(Default)]
pub(super) struct Shares(Mutex<VecDeque<(Box<str>, Share)>>);

impl Shares {
    /// What may be asked for at once; `None`: nothing is known against all of it.
    pub(super) fn of(&self, logql: &str) -> Option<Share> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(query, _)| &**query == logql).map(|(_, share)| *share)
    }

    /// Remembers it, or that nothing is known against all of it any more.
    pub(super) fn learn(&self, logql: &str, share: Option<Share>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(query, _)| &**query != logql);
        if let Some(share) = share {
            known.truncate(MOST - 1);
            known.push_front((logql.into(), share));
        }
    }
}
