//! What the streams said of themselves.

use std::time::Duration;

use super::{past::Past, query::STREAMS};
use crate::model::{
    backend::SourceError,
    gaps::Gaps,
    log::{Gap, Limit, Older, TailState},
    time::{TimeRange, Timestamp},
};

/// How the tail of one stream is.
struct Tail {
    state: TailState,
    behind: Duration,
    /// Lines that come later than this are not looked for, and why.
    unsought: Option<(Duration, String)>,
    /// When the run was asked that said so.
    asked: Timestamp,
}

impl Default for Tail {
    fn default() -> Self {
        Self { state: TailState::Off, behind: Duration::ZERO, unsought: None, asked: Timestamp::ZERO }
    }
}

/// What the streams said of themselves.
#[derive(Default)]
pub(super) struct Told {
    /// The queries of the streams, by part; none before they are known.
    of: Vec<String>,
    tails: [Tail; STREAMS],
    pub(super) recovered: u64,
    pub(super) dropped: u64,
    /// What fails of each stream, and since when.
    pub(super) failed: [Option<(SourceError, Timestamp)>; STREAMS],
    /// What the server does not hand out, by time.
    pub(super) gaps: Gaps,
    /// The past of each stream.
    pub(super) past: [Past; STREAMS],
    /// What of the past the server may not hand out of each stream.
    limits: [Option<Limit>; STREAMS],
    /// Why a page of older lines of each stream did not come.
    pub(super) older_failed: [Option<SourceError>; STREAMS],
}

/// Where in `streams` what was told of each of `of` is by now, moved there.
fn moved<T: Default>(kept: &mut [T; STREAMS], of: &[String], streams: &[String]) {
    let mut before = std::mem::take(kept);
    for (place, query) in kept.iter_mut().zip(streams) {
        if let Some(known) = of.iter().position(|known| known == query).and_then(|part| before.get_mut(part)) {
            *place = std::mem::take(known);
        }
    }
}

impl Told {
    /// The queries that this is of.
    pub(super) fn of(&self) -> &[String] {
        &self.of
    }

    /// These are asked now. What was told goes with its query, wherever that is among them: another one in its place is as yet
    /// unread.
    pub(super) fn keep_to(&mut self, streams: &[String]) {
        let of = std::mem::replace(&mut self.of, streams.to_vec());
        if of.is_empty() {
            return;
        }
        moved(&mut self.tails, &of, streams);
        moved(&mut self.failed, &of, streams);
        moved(&mut self.past, &of, streams);
        moved(&mut self.limits, &of, streams);
        moved(&mut self.older_failed, &of, streams);
    }

    /// Whether what is known of a part is of this query.
    pub(super) fn is_of(&self, part: u32, query: &str) -> bool {
        self.of.is_empty() || self.of.get(part as usize).is_some_and(|of| of == query)
    }

    /// Whether a stream has neither told its lines nor failed.
    pub(super) fn awaits(&self) -> bool {
        self.past.iter().zip(&self.failed).take(self.of.len()).any(|(past, failed)| !past.is_told() && failed.is_none())
    }

    /// A run of a stream tells something: what an earlier run said of its tail is over.
    pub(super) fn run(&mut self, part: u32, asked: Timestamp) {
        if let Some(tail) = self.tails.get_mut(part as usize).filter(|tail| tail.asked != asked) {
            (tail.behind, tail.unsought, tail.asked) = (Duration::ZERO, None, asked);
        }
    }

    pub(super) fn past(&mut self, part: u32) -> Option<&mut Past> {
        self.past.get_mut(part as usize)
    }

    pub(super) fn set_tail(&mut self, part: u32, state: TailState) {
        if let TailState::Behind(_) = state
            && self.past(part).is_some_and(|past| past.older().is_some_and(|older| older != Older::Coming))
        {
            self.works(part);
        }
        let Some(tail) = self.tails.get_mut(part as usize) else { return };
        match state {
            TailState::Dropped(n) => self.dropped = self.dropped.saturating_add(n),
            TailState::Recovered(n) => self.recovered = self.recovered.saturating_add(n),
            TailState::Behind(d) => tail.behind = d,
            TailState::LateUnsought { after, why } => tail.unsought = Some((after, why)),
            TailState::LateSought => tail.unsought = None,
            state => tail.state = state,
        }
    }

    /// How the tail is; of several the worst.
    pub(super) fn tail(&self) -> &TailState {
        let trouble = |state: &TailState| match state {
            TailState::Lost { .. } => 5,
            TailState::Refused { .. } => 4,
            TailState::Connecting => 3,
            TailState::Connected => 2,
            TailState::Polled => 1,
            TailState::Off
            | TailState::Dropped(_)
            | TailState::Recovered(_)
            | TailState::Behind(_)
            | TailState::LateUnsought { .. }
            | TailState::LateSought => 0,
        };
        self.tails.iter().map(|tail| &tail.state).max_by_key(|tail| trouble(tail)).unwrap_or(&TailState::Off)
    }

    /// How many streams have no tail, as enough are open.
    pub(super) fn polled(&self) -> usize {
        self.tails.iter().filter(|tail| tail.state == TailState::Polled).count()
    }

    /// How far behind it is.
    pub(super) fn behind(&self) -> Duration {
        self.tails.iter().map(|tail| tail.behind).max().unwrap_or_default()
    }

    /// How late a line may come to be looked for in all streams, and why no later.
    pub(super) fn unsought(&self) -> Option<&(Duration, String)> {
        self.tails.iter().filter_map(|tail| tail.unsought.as_ref()).min_by_key(|(after, _)| *after)
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.gaps.add(gap);
    }

    pub(super) fn fail(&mut self, part: u32, error: SourceError, now: Timestamp) {
        if let Some(failed) = self.failed.get_mut(part as usize) {
            let since = failed.as_ref().map_or(now, |(_, since)| *since);
            *failed = Some((error, since));
        }
    }

    /// What was asked of a stream is answered again.
    pub(super) fn works(&mut self, part: u32) {
        if let Some(failed) = self.failed.get_mut(part as usize) {
            *failed = None;
        }
    }

    /// What fails, and since when.
    pub(super) fn failed(&self) -> Option<&(SourceError, Timestamp)> {
        self.failed.iter().flatten().next()
    }

    /// Why older lines that there are do not come.
    pub(super) fn older_failed(&self) -> Option<&SourceError> {
        let failed = self.past.iter().zip(&self.older_failed).filter(|(past, _)| matches!(past.older(), Some(Older::Left(_))));
        failed.filter_map(|(_, error)| error.as_ref()).next()
    }

    /// What the server hands out nothing of.
    pub(super) fn withheld(&self) -> Option<(TimeRange, Limit)> {
        self.past.iter().find_map(Past::withheld)
    }

    pub(super) fn limit(&mut self, part: u32, limit: Limit) {
        if let Some(known) = self.limits.get_mut(part as usize) {
            *known = Some(limit);
        }
    }

    /// From when on the server hands out all lines of all streams, where it is known not to do so for ever.
    pub(super) fn handed_out_from(&self, now: Timestamp) -> Option<Timestamp> {
        let limits = self.limits.iter().flatten().map(|limit| now - limit.length());
        limits.chain(self.withheld().map(|(range, _)| range.end)).max()
    }

    /// From when on all lines are here, where those before were not read, or not all.
    pub(super) fn unread_before(&self) -> Option<Timestamp> {
        self.past.iter().filter_map(Past::unread_before).max()
    }

    /// Whether it is known that all lines from an instant on are here.
    pub(super) fn reaches(&self, at: Timestamp) -> bool {
        self.past.iter().any(Past::is_told) && self.unread_before().is_none_or(|from| from <= at)
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
