//! What the streams said of themselves.

use std::time::Duration;

use super::past::Past;
use crate::model::{
    backend::SourceError,
    log::{Gap, Older, TailState},
    time::Timestamp,
};

/// What the streams said of themselves.
pub(super) struct Told {
    pub(super) tail: TailState,
    pub(super) recovered: u64,
    pub(super) dropped: u64,
    pub(super) behind: Duration,
    pub(super) failed: Option<(SourceError, Timestamp)>,
    /// What the server does not hand out, by time.
    pub(super) gaps: Vec<Gap>,
    /// The past of each stream.
    pub(super) past: [Past; 2],
    /// Why a page of older lines did not come.
    pub(super) older_failed: Option<SourceError>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            tail: TailState::Off,
            recovered: 0,
            dropped: 0,
            behind: Duration::ZERO,
            failed: None,
            gaps: Vec::new(),
            past: Default::default(),
            older_failed: None,
        }
    }
}

impl Told {
    pub(super) fn past(&mut self, part: u32) -> Option<&mut Past> {
        self.past.get_mut(part as usize)
    }

    pub(super) fn tail(&mut self, state: TailState) {
        match state {
            TailState::Dropped(n) => self.dropped = self.dropped.saturating_add(n),
            TailState::Recovered(n) => self.recovered = self.recovered.saturating_add(n),
            TailState::Behind(d) => self.behind = d,
            state => self.tail = state,
        }
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            let place = self.gaps.partition_point(|g| g.range.start <= gap.range.start);
            self.gaps.insert(place, gap);
        }
    }

    pub(super) fn fail(&mut self, error: SourceError, now: Timestamp) {
        let since = self.failed.as_ref().map_or(now, |(_, since)| *since);
        self.failed = Some((error, since));
    }

    /// Whether history comes by itself.
    pub(super) fn is_coming(&self) -> bool {
        self.past.iter().any(|p| p.older() == Some(Older::Coming))
    }

    /// Whether there are lines of the window before those that are known.
    pub(super) fn has_left(&self) -> bool {
        self.past.iter().any(|p| matches!(p.older(), Some(Older::Left(_))))
    }
}
