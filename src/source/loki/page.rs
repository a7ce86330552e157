//! Reading more lines than one answer may hold.

use crate::model::{
    backend::{ErrorKind, SourceError},
    log::LogLine,
    time::{TimeRange, Timestamp},
};

/// The first page is small: it is what the screen waits for.
const FIRST: usize = 300;
/// Later pages.
const LATER: usize = 2000;
/// Loki's default `max_entries_limit_per_query`.
const CAP: usize = 5000;

/// Walks a range from its newest line to its oldest. Pages overlap by the lines of one instant; the reader drops repeats.
pub(super) struct Backward {
    start: Timestamp,
    /// Excluded.
    end: Timestamp,
    limit: usize,
    cap: usize,
    done: bool,
}

impl Backward {
    pub(super) fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end, limit: FIRST, cap: CAP, done: start >= end }
    }

    /// What to ask next; `None`: all was read.
    pub(super) fn next(&self) -> Option<(TimeRange, usize)> {
        (!self.done).then_some((TimeRange { start: self.start, end: self.end }, self.limit))
    }

    /// Takes note of an answer. Returns from when on everything is known.
    pub(super) fn accept(&mut self, page: &[LogLine]) -> Timestamp {
        let full = page.len() >= self.limit;
        match (page.first(), page.last()) {
            (Some(oldest), Some(newest)) if full => {
                if oldest.at < newest.at {
                    self.end = Timestamp(oldest.at.0.saturating_add(1));
                    self.limit = LATER.min(self.cap);
                } else if self.limit < self.cap {
                    self.limit = (self.limit * 2).min(self.cap);
                } else {
                    // More lines share this instant than the server hands out at once.
                    self.end = oldest.at;
                }
                self.done = self.start >= self.end;
                oldest.at
            }
            _ => {
                self.done = true;
                self.start
            }
        }
    }

    /// Learns the server's limit from its refusal. `false`: the error says something else.
    pub(super) fn learn(&mut self, error: &SourceError) -> bool {
        let Some(cap) = told_cap(error).filter(|cap| *cap < self.limit) else {
            return false;
        };
        self.cap = cap;
        self.limit = cap;
        true
    }
}

/// Walks a range from its oldest line to its newest, in pages that overlap by one instant.
pub(super) struct Forward {
    start: Timestamp,
    /// Excluded.
    end: Timestamp,
    limit: usize,
    cap: usize,
    done: bool,
}

impl Forward {
    pub(super) fn new(start: Timestamp, end: Timestamp, cap: usize) -> Self {
        Self { start, end, limit: LATER.min(cap), cap, done: start >= end }
    }

    pub(super) fn next(&self) -> Option<(TimeRange, usize)> {
        (!self.done).then_some((TimeRange { start: self.start, end: self.end }, self.limit))
    }

    /// Takes note of an answer. Returns until when everything is known.
    pub(super) fn accept(&mut self, page: &[LogLine]) -> Timestamp {
        let full = page.len() >= self.limit;
        match page.last() {
            Some(newest) if full => {
                if newest.at > self.start {
                    self.start = newest.at;
                } else if self.limit < self.cap {
                    self.limit = (self.limit * 2).min(self.cap);
                } else {
                    self.start = Timestamp(newest.at.0.saturating_add(1));
                }
                self.done = self.start >= self.end;
                self.start
            }
            _ => {
                self.done = true;
                self.end
            }
        }
    }

    pub(super) fn learn(&mut self, error: &SourceError) -> Option<usize> {
        let cap = told_cap(error).filter(|cap| *cap < self.limit)?;
        self.cap = cap;
        self.limit = cap;
        Some(cap)
    }
}

/// The default cap, until the server tells another.
pub(super) const fn default_cap() -> usize {
    CAP
}

/// `max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)`
fn told_cap(error: &SourceError) -> Option<usize> {
    if error.kind != ErrorKind::BadQuery || !error.message.contains("max_entries_limit") {
        return None;
    }
    let (_, numbers) = error.message.rsplit_once('(')?;
    let (_, cap) = numbers.split_once('>')?;
    cap.trim().trim_end_matches(')').trim().parse().ok().filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{backend::Backend, labels::Labels, log::Level};
    use std::{collections::BTreeSet, sync::Arc};

    fn line(at: i64, text: &str) -> LogLine {
        LogLine {
            at: Timestamp(at),
            stream: Arc::new(Labels::new()),
            metadata: Labels::new(),
            text: text.into(),
            level: Level::Unknown,
            trace: None,
            span: None,
            trace_from: None,
        }
    }

    fn answer(all: &[LogLine], range: TimeRange, limit: usize, backward: bool) -> Vec<LogLine> {
        let inside: Vec<_> = all.iter().filter(|l| l.at >= range.start && l.at < range.end).cloned().collect();
        let skip = if backward { inside.len().saturating_sub(limit) } else { 0 };
        inside.into_iter().skip(skip).take(limit).collect()
    }

    proptest::proptest! {
        #[test]
        fn both_ways_read_everything_once_repeats_are_dropped(gaps in proptest::collection::vec(0_i64..3, 0..3000)) {
            let mut at = 100;
            let all: Vec<_> = gaps.iter().enumerate().map(|(i, g)| { at += g; line(at, &i.to_string()) }).collect();
            let whole: BTreeSet<_> = all.iter().map(|l| l.text.clone()).collect();
            let (start, end) = (Timestamp(0), Timestamp(at + 1));

            let mut read = BTreeSet::new();
            let mut pages = Backward::new(start, end);
            while let Some((range, limit)) = pages.next() {
                let page = answer(&all, range, limit, true);
                pages.accept(&page);
                read.extend(page.into_iter().map(|l| l.text));
            }
            proptest::prop_assert_eq!(&read, &whole);

            let mut read = BTreeSet::new();
            let mut pages = Forward::new(start, end, CAP);
            while let Some((range, limit)) = pages.next() {
                let page = answer(&all, range, limit, false);
                pages.accept(&page);
                read.extend(page.into_iter().map(|l| l.text));
            }
            proptest::prop_assert_eq!(&read, &whole);
        }
    }

    #[test]
    fn an_instant_with_more_lines_than_the_cap_does_not_stop_it() {
        let all: Vec<_> = (0..CAP + 10).map(|i| line(500, &i.to_string())).chain([line(700, "last")]).collect();
        let mut pages = Backward::new(Timestamp(0), Timestamp(1000));
        let mut asked = 0;
        while let Some((range, limit)) = pages.next() {
            pages.accept(&answer(&all, range, limit, true));
            asked += 1;
            assert!(asked < 20);
        }
    }

    #[test]
    fn learns_the_servers_limit() {
        let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query (300 > 100)";
        let mut pages = Backward::new(Timestamp(0), Timestamp(1000));
        assert!(pages.learn(&SourceError::new(Backend::Loki, ErrorKind::BadQuery, text)));
        assert_eq!(pages.next().map(|(_, limit)| limit), Some(100));
        assert!(!pages.learn(&SourceError::new(Backend::Loki, ErrorKind::BadQuery, "parse error")));
    }
}
