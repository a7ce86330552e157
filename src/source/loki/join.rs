//! Joining what history, tail and reconciliation deliver: every line as often as the server holds it.

use std::{
    collections::{BTreeMap, HashSet},
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::{HashMap, quality::RandomState};

use super::stream::Input;
use crate::model::{
    gaps::Gaps,
    labels::Labels,
    log::{LogEvent, LogLine, TailState},
    time::Timestamp,
};

/// The lines that were delivered, by second of their time, so that old ones can be forgotten.
pub(super) struct Seen {
    seconds: BTreeMap<i64, HashSet<u64, foldhash::fast::RandomState>>,
    len: usize,
    /// As long as there are no more, none is forgotten.
    few: usize,
    /// There are never more.
    most: usize,
    /// The second up to which all was read: what is read again lies shortly before it or after it.
    verified: Option<i64>,
    /// The last second that was forgotten.
    forgotten: Option<i64>,
    /// Its seed is of this run: no one can write lines that would be taken for each other.
    hasher: RandomState,
    /// Hashes of label sets, by address. The sets are held, so that no other one comes to lie there.
    streams: HashMap<usize, (Arc<Labels>, u64)>,
}

impl Default for Seen {
    /// About 8 MB, and 64 MB: lines of 10 min, in which one may come again, at 5,000 a second.
    fn default() -> Self {
        Self::with_room(400_000, 3_000_000)
    }
}

/// The second that an instant belongs to, named by its end. As Loki counts, the whole second itself is its last instant.
pub(super) fn second(at: Timestamp) -> i64 {
    at.0.saturating_sub(1).div_euclid(1_000_000_000) + 1
}

/// The first instant after a second.
pub(super) fn after(second: i64) -> Timestamp {
    Timestamp(Timestamp::from_secs(second).0.saturating_add(1))
}

impl Seen {
    /// Seconds that lie longer than this before what was read are forgotten, once there are many lines.
    const SECONDS: i64 = 660;
    /// Label sets whose hash is remembered.
    const STREAMS: usize = 10_000;

    pub(super) fn with_room(few: usize, most: usize) -> Self {
        Self {
            seconds: BTreeMap::new(),
            len: 0,
            few,
            most,
            verified: None,
            forgotten: None,
            hasher: RandomState::default(),
            streams: HashMap::default(),
        }
    }

    /// Whether the line is new; it is remembered.
    fn add(&mut self, line: &LogLine) -> bool {
        let second = second(line.at);
        let key = self.key(line);
        let new = self.seconds.entry(second).or_default().insert(key);
        if new {
            self.len += 1;
            while self.is_too_much()
                && let Some((oldest, lines)) = self.seconds.pop_first()
            {
                self.len -= lines.len();
                self.forgotten = self.forgotten.max(Some(oldest));
            }
        }
        new
    }

    /// The newest line says nothing of what is read again: after an outage the tail is far ahead, and so is a wrong clock.
    fn is_too_much(&self) -> bool {
        let (Some((oldest, _)), Some((newest, _))) = (self.seconds.first_key_value(), self.seconds.last_key_value()) else { return false };
        let is_past = self.verified.is_some_and(|verified| oldest + Self::SECONDS < verified);
        oldest < newest && (self.len > self.most || self.len > self.few && is_past)
    }

    /// All before this was read.
    pub(super) fn verified(&mut self, until: Timestamp) {
        self.verified = Some(second(until));
    }

    /// From when on lines are remembered; `None`: all of them are.
    pub(super) fn remembers_since(&self) -> Option<Timestamp> {
        self.forgotten.map(after)
    }

    /// Stream, time, text and metadata, and which of several copies in an answer it is.
    fn key(&mut self, line: &LogLine) -> u64 {
        let stream = self.stream(&line.stream);
        self.hasher.hash_one((stream, line.at, &line.text, &line.metadata, line.copy))
    }

    fn stream(&mut self, labels: &Arc<Labels>) -> u64 {
        if self.streams.len() >= Self::STREAMS {
            self.streams.clear();
        }
        let Self { hasher, streams, .. } = self;
        streams.entry(Arc::as_ptr(labels).addr()).or_insert_with(|| (labels.clone(), hasher.hash_one(labels))).1
    }

    /// How many lines of a second were delivered; `None`: that is forgotten.
    pub(super) fn count(&self, second: i64) -> Option<usize> {
        let known = self.forgotten.is_none_or(|forgotten| forgotten < second);
        known.then(|| self.seconds.get(&second).map_or(0, HashSet::len))
    }
}

/// Turns what comes in, in any order, into events without repeats.
pub(super) struct Joiner<'a> {
    /// Those who read again look into it.
    seen: &'a Mutex<Seen>,
    connected: bool,
    /// Those that were told: a range is read more than once.
    gaps: Gaps,
}

impl<'a> Joiner<'a> {
    pub(super) fn new(seen: &'a Mutex<Seen>) -> Self {
        Self { seen, connected: false, gaps: Gaps::default() }
    }

    /// Consecutive lines of the tail become one event.
    pub(super) fn accept(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<LogEvent> {
        let mut events = Vec::new();
        for input in inputs {
            match input {
                Input::Page { lines, reached, older } => {
                    events.push(LogEvent::History { lines: self.new_ones(lines), reached, older });
                }
                Input::Gap(gap) => {
                    if self.gaps.add(gap.clone()) {
                        events.push(LogEvent::Gap(gap));
                    }
                }
                Input::Tail(lines) => {
                    self.add_lines(lines, &mut events);
                }
                Input::Verified(lines) => {
                    let found = self.add_lines(lines, &mut events);
                    if found > 0 && self.connected {
                        events.push(LogEvent::Tail(TailState::Recovered(found)));
                    }
                }
                Input::State(state) => {
                    match &state {
                        TailState::Connected => self.connected = true,
                        TailState::Off | TailState::Connecting | TailState::Polled | TailState::Refused { .. } | TailState::Lost { .. } => {
                            self.connected = false
                        }
                        TailState::Dropped(_)
                        | TailState::Recovered(_)
                        | TailState::Behind(_)
                        | TailState::LateUnsought { .. }
                        | TailState::LateSought => {}
                    }
                    events.push(LogEvent::Tail(state));
                }
                Input::ReadTo(at) => events.push(LogEvent::ReadTo(at)),
                Input::Limited(limit) => events.push(LogEvent::Limited(limit)),
                Input::LeftOut { query, error } => events.push(LogEvent::LeftOut { query, error }),
                Input::Failed(error) | Input::Ended(error) => events.push(LogEvent::Failed(error)),
            }
        }
        events
    }

    fn add_lines(&mut self, lines: Vec<LogLine>, events: &mut Vec<LogEvent>) -> u64 {
        let mut new = self.new_ones(lines);
        let count = new.len() as u64;
        match events.last_mut() {
            _ if new.is_empty() => {}
            Some(LogEvent::Lines(last)) => last.append(&mut new),
            _ => events.push(LogEvent::Lines(new)),
        }
        count
    }

    fn new_ones(&mut self, mut lines: Vec<LogLine>) -> Vec<LogLine> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|l| seen.add(l));
        lines
    }
}
