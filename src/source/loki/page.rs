//! Reading more lines than one answer may hold.

use std::time::Duration;

use crate::model::{
    backend::{ErrorKind, SourceError},
    log::{Gap, LogLine},
    time::{TimeRange, Timestamp},
};

/// The first page is small: it is what the screen waits for.
pub(super) const FIRST: usize = 300;
/// Later pages.
pub(super) const LATER: usize = 2000;
/// Loki's default `max_entries_limit_per_query`.
pub(super) const CAP: usize = 5000;

/// What an answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// On this side of it everything is known.
    pub(super) reached: Timestamp,
    /// More lines share this instant than the server hands out at once: the rest of them is passed over.
    pub(super) cut: Option<Timestamp>,
}

/// The lines of an instant that are passed over.
pub(super) fn beyond_limit(at: Timestamp, cap: usize) -> Gap {
    let range = TimeRange { start: at, end: Timestamp(at.0.saturating_add(1)) };
    Gap { range, reason: format!("more lines at one instant than the {cap} that the server hands out at once") }
}

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
    /// `first` lines at once, later more, never more than `cap`.
    pub(super) fn new(start: Timestamp, end: Timestamp, first: usize, cap: usize) -> Self {
        Self { start, end, limit: first.min(cap), cap, done: start >= end }
    }

    /// What to ask next; `None`: all was read.
    pub(super) fn next(&self) -> Option<(TimeRange, usize)> {
        (!self.done).then_some((TimeRange { start: self.start, end: self.end }, self.limit))
    }

    /// Lines before this instant are not read; `None`: there are none.
    pub(super) fn before(&self) -> Option<Timestamp> {
        (!self.done).then_some(self.end)
    }

    /// Takes note of an answer. From the instant it returns on everything is known.
    pub(super) fn accept(&mut self, page: &[LogLine]) -> Read {
        let full = page.len() >= self.limit;
        let mut cut = None;
        match (page.first(), page.last()) {
            (Some(oldest), Some(newest)) if full => {
                if oldest.at < newest.at {
                    self.end = Timestamp(oldest.at.0.saturating_add(1));
                    self.limit = LATER.min(self.cap);
                } else if self.limit < self.cap {
                    self.limit = (self.limit * 2).min(self.cap);
                } else {
                    self.end = oldest.at;
                    cut = Some(oldest.at);
                }
                self.done = self.start >= self.end;
                Read { reached: oldest.at, cut }
            }
            _ => {
                self.done = true;
                Read { reached: self.start, cut }
            }
        }
    }

    /// Learns the server's limit from its refusal. `None`: the error says something else.
    pub(super) fn learn(&mut self, error: &SourceError) -> Option<usize> {
        let cap = told_cap(error).filter(|cap| *cap < self.limit)?;
        self.cap = cap;
        self.limit = cap;
        Some(cap)
    }
}

/// Walks a range from its oldest line to its newest, in pages that overlap by one instant.
pub(super) struct Forward {
    start: Timestamp,
    /// Excluded.
    end: Timestamp,
    /// Until when is asked now: less than all that is left where the server refuses that.
    until: Timestamp,
    limit: usize,
    cap: usize,
}

/// The shortest time that is asked for alone.
const LEAST: Duration = Duration::from_secs(1);

/// What helps after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Smaller {
    /// To ask for less, which the next question does.
    Asks,
    /// Nothing: there is no less, and this range is passed over.
    PassesOver(TimeRange),
    /// Nothing: it was not refused for being too much.
    IsNoHelp,
}

impl Forward {
    pub(super) fn new(start: Timestamp, end: Timestamp, cap: usize) -> Self {
        Self { start, end, until: end, limit: cap, cap }
    }

    /// Asks for so many lines at once.
    pub(super) fn at_once(self, lines: usize) -> Self {
        Self { limit: lines.min(self.cap), ..self }
    }

    pub(super) fn next(&self) -> Option<(TimeRange, usize)> {
        (self.start < self.end).then_some((TimeRange { start: self.start, end: self.until }, self.limit))
    }

    /// Takes note of an answer. Until the instant it returns everything is known.
    pub(super) fn accept(&mut self, page: &[LogLine]) -> Read {
        let mut cut = None;
        match page.last() {
            Some(newest) if page.len() >= self.limit => {
                if newest.at > self.start {
                    self.start = newest.at;
                } else if self.limit < self.cap {
                    self.limit = (self.limit * 2).min(self.cap);
                } else {
                    self.start = Timestamp(newest.at.0.saturating_add(1));
                    cut = Some(newest.at);
                }
            }
            _ => self.go_on(),
        }
        Read { reached: self.start, cut }
    }

    /// Goes on behind what was asked for, with twice as much.
    fn go_on(&mut self) {
        let asked = self.until.since(self.start);
        self.start = self.until;
        self.until = (self.start + asked * 2).min(self.end);
        self.limit = (self.limit * 2).min(self.cap);
    }

    /// Takes note of a refusal: fewer lines are asked for where the answer was too large, else half of the time.
    pub(super) fn refused(&mut self, error: &SourceError) -> Smaller {
        let (too_large, too_slow) = (matches!(error.kind, ErrorKind::TooLarge(_)), matches!(error.kind, ErrorKind::Timeout(_)));
        if !too_large && !too_slow && !is_too_much(error) {
            return Smaller::IsNoHelp;
        }
        let asked = self.until.since(self.start);
        if too_large && self.limit > 1 {
            self.limit = (self.limit / 4).max(1);
        } else if asked > LEAST && !is_gone(error) {
            self.until = self.start + asked / 2;
        } else if too_slow {
            return Smaller::IsNoHelp;
        } else {
            let range = TimeRange { start: self.start, end: self.until };
            self.go_on();
            return Smaller::PassesOver(range);
        }
        Smaller::Asks
    }

    pub(super) fn learn(&mut self, error: &SourceError) -> Option<usize> {
        let cap = told_cap(error).filter(|cap| *cap < self.limit)?;
        self.cap = cap;
        self.limit = cap;
        Some(cap)
    }
}

/// Whether Loki says that the query is read and would be answered for less time. Any other 400 may be that of a proxy.
fn is_too_much(error: &SourceError) -> bool {
    let words = ["too many bytes", "time range exceeds the limit"];
    matches!(error.kind, ErrorKind::BadQuery | ErrorKind::Refused)
        && (words.iter().any(|words| error.message.contains(words)) || is_gone(error))
}

/// Whether Loki says that it keeps the lines of this time no more.
fn is_gone(error: &SourceError) -> bool {
    error.message.contains("no longer available")
}

/// `max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)`
fn told_cap(error: &SourceError) -> Option<usize> {
    if !matches!(error.kind, ErrorKind::BadQuery | ErrorKind::Refused) || !error.message.contains("max_entries_limit") {
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
            copy: 0,
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
            let mut pages = Backward::new(start, end, FIRST, CAP);
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
        for backward in [true, false] {
            let (mut back, mut forth) =
                (Backward::new(Timestamp(0), Timestamp(1000), FIRST, CAP), Forward::new(Timestamp(0), Timestamp(1000), CAP));
            let (mut asked, mut cuts) = (0, Vec::new());
            while let Some((range, limit)) = if backward { back.next() } else { forth.next() } {
                let page = answer(&all, range, limit, backward);
                cuts.extend(if backward { back.accept(&page) } else { forth.accept(&page) }.cut);
                asked += 1;
                assert!(asked < 20);
            }
            assert_eq!(cuts, [Timestamp(500)], "what is passed over is told");
        }
    }

    #[test]
    fn learns_the_servers_limit() {
        let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query (300 > 100)";
        let mut pages = Backward::new(Timestamp(0), Timestamp(1000), FIRST, CAP);
        assert_eq!(pages.learn(&SourceError::new(Backend::Loki, ErrorKind::BadQuery, text)), Some(100));
        assert_eq!(pages.next().map(|(_, limit)| limit), Some(100));
        assert_eq!(pages.learn(&SourceError::new(Backend::Loki, ErrorKind::BadQuery, "parse error")), None);
    }

    #[test]
    fn what_is_refused_as_too_much_is_asked_for_in_parts_and_passed_over_when_there_is_no_less() {
        let error = |kind, text: &str| SourceError::new(Backend::Loki, kind, text);
        let too_much = error(ErrorKind::BadQuery, "the query would read too many bytes (query: 2GB, limit: 1GB)");
        let mut pages = Forward::new(Timestamp(0), Timestamp::from_secs(8), CAP);
        let until = |pages: &Forward| pages.next().map(|(range, _)| range.end);
        assert_eq!((pages.refused(&too_much), until(&pages)), (Smaller::Asks, Some(Timestamp::from_secs(4))));
        assert_eq!((pages.refused(&too_much), until(&pages)), (Smaller::Asks, Some(Timestamp::from_secs(2))));
        assert_eq!(pages.accept(&[line(5, "one")]), Read { reached: Timestamp::from_secs(2), cut: None });
        assert_eq!(until(&pages), Some(Timestamp::from_secs(6)), "it goes on with more");
        let second = |s| TimeRange { start: Timestamp::from_secs(s), end: Timestamp::from_secs(s + 1) };
        assert_eq!([(); 3].map(|()| pages.refused(&too_much)), [Smaller::Asks, Smaller::Asks, Smaller::PassesOver(second(2))]);
        let gone = error(ErrorKind::BadQuery, "this data is no longer available, it is past now - max_query_lookback (1h)");
        assert_eq!(pages.refused(&gone), Smaller::PassesOver(TimeRange { start: Timestamp::from_secs(3), end: Timestamp::from_secs(5) }));
        assert_eq!(pages.refused(&error(ErrorKind::BadQuery, "Bad Request")), Smaller::IsNoHelp, "which may be a proxy's");
        assert_eq!(until(&pages), Some(Timestamp::from_secs(8)));
        assert_eq!(pages.refused(&error(ErrorKind::TooLarge(1000), "too large")), Smaller::Asks);
        assert_eq!(pages.next().map(|(_, limit)| limit), Some(CAP / 4));
        pages.accept(&[]);
        assert_eq!(pages.next(), None);
    }
}
