//! Joining what history, tail and reconciliation deliver: every line once.

use std::{
    collections::{BTreeMap, HashSet},
    hash::BuildHasher,
    sync::Arc,
};

use foldhash::{HashMap, quality::RandomState};

use super::stream::Input;
use crate::model::{
    labels::Labels,
    log::{LogEvent, LogLine, TailState},
    time::Timestamp,
};

/// The lines that were delivered, by minute of their time, so that old minutes can be forgotten.
#[derive(Default)]
pub(super) struct Seen {
    minutes: BTreeMap<i64, HashSet<u64, foldhash::fast::RandomState>>,
    len: usize,
    /// Its seed is of this run: no one can write lines that would be taken for each other.
    hasher: RandomState,
    /// Hashes of label sets, by address. The sets are held, so that no other one comes to lie there.
    streams: HashMap<usize, (Arc<Labels>, u64)>,
}

impl Seen {
    /// About 16 MB; at 800 lines a second the 10 min in which a line may come twice.
    const MAX: usize = 500_000;
    /// Label sets whose hash is remembered.
    const STREAMS: usize = 10_000;

    /// Whether the line is new; it is remembered.
    fn add(&mut self, line: &LogLine) -> bool {
        let minute = line.at.secs().div_euclid(60);
        let key = self.key(line);
        let new = self.minutes.entry(minute).or_default().insert(key);
        if new {
            self.len += 1;
            while self.len > Self::MAX && self.minutes.len() > 1 {
                self.len -= self.minutes.pop_first().map_or(0, |(_, set)| set.len());
            }
        }
        new
    }

    /// Stream, time, text and metadata: two lines that agree in all are one line, to Loki as well.
    fn key(&mut self, line: &LogLine) -> u64 {
        let stream = self.stream(&line.stream);
        self.hasher.hash_one((stream, line.at, &line.text, &line.metadata))
    }

    fn stream(&mut self, labels: &Arc<Labels>) -> u64 {
        if self.streams.len() >= Self::STREAMS {
            self.streams.clear();
        }
        let Self { hasher, streams, .. } = self;
        streams.entry(Arc::as_ptr(labels).addr()).or_insert_with(|| (labels.clone(), hasher.hash_one(labels))).1
    }
}

/// Turns what comes in, in any order, into events without repeats.
#[derive(Default)]
pub(super) struct Joiner {
    seen: Seen,
    connected: bool,
}

impl Joiner {
    /// Consecutive lines of the tail become one event.
    pub(super) fn accept(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<LogEvent> {
        let mut events = Vec::new();
        for input in inputs {
            match input {
                Input::Page { lines, reached, older } => {
                    events.push(LogEvent::History { lines: self.new_ones(lines), reached, older });
                }
                Input::Cut(at) => events.push(LogEvent::Cut(at)),
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
                        TailState::Off | TailState::Connecting | TailState::Refused(_) | TailState::Lost { .. } => self.connected = false,
                        TailState::Dropped(_) | TailState::Recovered(_) | TailState::Behind(_) => {}
                    }
                    events.push(LogEvent::Tail(state));
                }
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
        lines.retain(|l| self.seen.add(l));
        lines
    }
}

/// The instant from which a reconciliation reads again: lines may come late.
pub(super) fn reread_from(verified: Timestamp) -> Timestamp {
    verified - std::time::Duration::from_secs(15)
}
