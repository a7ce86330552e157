//! Reading more lines than one answer may hold, and in parts what a server refuses as too much.

use std::time::Duration;

use super::{
    Direction, Loki,
    known::{CALM, Share},
    wire::Interner,
};
use crate::model::{
    backend::{ErrorKind, SourceError},
    log::{Gap, LogLine},
    time::{TimeRange, Timestamp},
};

/// The first page of a history is small: it is what the screen waits for.
pub(super) const FIRST: usize = 300;
/// Later pages, and those that a reader asks for.
pub(super) const LATER: usize = 2000;
/// Loki's default `max_entries_limit_per_query`.
pub(super) const CAP: usize = 5000;
/// The shortest time that is asked for alone.
const LEAST: Duration = Duration::from_secs(1);

/// What came of a question.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Lines by time.
    Read {
        lines: Vec<LogLine>,
        /// On this side of it everything is known.
        reached: Timestamp,
        /// What the server does not hand out is passed over.
        gap: Option<Gap>,
    },
    /// It was too much, for this reason. Less is asked for next.
    Less(SourceError),
}

/// Walks a range from one end to the other. Pages overlap by the lines of one instant; the reader drops repeats.
pub(super) struct Pages {
    direction: Direction,
    /// What is not read yet.
    left: TimeRange,
    /// What all who read the same were refused.
    share: Share,
    /// So many lines are asked for now.
    limit: usize,
    /// And so many then, where there is room for them.
    wanted: usize,
    /// The server hands out no more.
    cap: usize,
    /// Here an answer of so many lines is too large.
    too_large: Option<usize>,
    /// An instant that fills a page of so many lines.
    crowd: Option<(Timestamp, usize)>,
    /// Where nothing is kept any more, so much time is asked for all the same.
    leap: Duration,
    /// What was passed over in a row because there is no less to ask for.
    passed_over: u32,
}

impl Pages {
    /// Newest lines first; `first` lines at once, later more, never more than `cap`.
    pub(super) fn backward(range: TimeRange, first: usize, cap: usize) -> Self {
        Self::new(Direction::Backward, range, (first.min(cap), LATER.min(cap)), cap)
    }

    /// Oldest lines first; `usual` lines at once, never more than `cap`.
    pub(super) fn forward(range: TimeRange, usual: usize, cap: usize) -> Self {
        Self::new(Direction::Forward, range, (usual.min(cap), usual.min(cap)), cap)
    }

    fn new(direction: Direction, left: TimeRange, (limit, wanted): (usize, usize), cap: usize) -> Self {
        let (share, leap) = (Share::default(), Duration::ZERO);
        Self { direction, left, share, limit, wanted, cap, too_large: None, crowd: None, leap, passed_over: 0 }
    }

    /// Asks for no more than any reader of the same was refused.
    fn keep_to(&mut self, share: Share) {
        self.share = share;
        if self.crowd.is_none() {
            self.limit = self.limit.min(share.lines);
        }
    }

    /// Lines that are asked for where nothing is special.
    fn usual(&self) -> usize {
        self.wanted.min(self.share.lines)
    }

    /// What is not read yet; `None`: all was read.
    pub(super) fn left(&self) -> Option<TimeRange> {
        (self.left.start < self.left.end).then_some(self.left)
    }

    /// What to ask next; `None`: all was read.
    fn next(&self) -> Option<(TimeRange, usize)> {
        let TimeRange { start, end } = self.left()?;
        let span = self.share.span.max(self.leap).min(self.share.longest);
        let range = match self.direction {
            Direction::Backward => TimeRange { start: start.max(end - span), end },
            Direction::Forward => TimeRange { start, end: end.min(start + span) },
        };
        Some((range, self.limit))
    }

    /// Takes note of an answer. Returns how far all is known, and what is passed over.
    fn accept(&mut self, asked: TimeRange, page: &[LogLine]) -> (Timestamp, Option<Gap>) {
        (self.passed_over, self.leap) = (0, Duration::ZERO);
        let (limit, left) = (self.limit, self.left);
        let known = self.read(asked, page);
        if self.left != left {
            self.share.answered(asked.duration(), limit, page.len());
            self.limit = self.usual();
        }
        known
    }

    fn read(&mut self, asked: TimeRange, page: &[LogLine]) -> (Timestamp, Option<Gap>) {
        let [oldest, newest] = match page {
            [oldest, .., newest] if page.len() >= self.limit => [oldest.at, newest.at],
            [one] if self.limit <= 1 => [one.at, one.at],
            _ => return (self.pass(asked), None),
        };
        match self.direction {
            Direction::Backward if oldest < newest => self.pass(TimeRange { start: next_instant(oldest), ..asked }),
            Direction::Forward if oldest < newest => self.pass(TimeRange { end: newest, ..asked }),
            _ => return self.crowded(oldest),
        };
        (if self.direction == Direction::Backward { oldest } else { newest }, None)
    }

    /// A page is full of lines of one instant: more of them are asked for, as far as they are handed out at once.
    fn crowded(&mut self, at: Timestamp) -> (Timestamp, Option<Gap>) {
        let more = (self.limit * 2).min(self.cap);
        if more <= self.limit {
            return self.pass_crowd(at, format!("the {} that the server hands out at once", self.cap));
        }
        if self.too_large.is_some_and(|lines| lines <= more) {
            return self.pass_crowd(at, format!("the {} that an answer has room for", self.limit));
        }
        self.crowd = Some((at, self.limit));
        self.limit = more;
        (if self.direction == Direction::Backward { at } else { self.left.start }, None)
    }

    fn pass_crowd(&mut self, at: Timestamp, most: String) -> (Timestamp, Option<Gap>) {
        let range = TimeRange { start: at, end: next_instant(at) };
        (self.pass(range), Some(Gap { range, reason: format!("more lines at one instant than {most}") }))
    }

    /// Goes on behind what was read or is passed over.
    fn pass(&mut self, range: TimeRange) -> Timestamp {
        (self.limit, self.too_large, self.crowd) = (self.usual(), None, None);
        let reached = match self.direction {
            Direction::Backward => &mut self.left.end,
            Direction::Forward => &mut self.left.start,
        };
        *reached = if self.direction == Direction::Backward { range.start } else { range.end };
        *reached
    }

    /// Takes note of a refusal: fewer lines are asked for where the answer was too large, else less time.
    ///
    /// # Errors
    /// The error that it was, if there is no less to ask for.
    fn refused(&mut self, asked: TimeRange, error: SourceError) -> Result<Step, SourceError> {
        let too_large = matches!(error.kind, ErrorKind::TooLarge(_));
        if !is_smaller_better(&error) {
            return Err(error);
        }
        (self.share.calm, self.leap) = (0, Duration::ZERO);
        if let (true, Some((at, lines))) = (too_large, self.crowd) {
            let (reached, gap) = self.pass_crowd(at, format!("the {lines} that an answer has room for"));
            return Ok(Step::Read { lines: Vec::new(), reached, gap });
        }
        if too_large && self.limit > 1 {
            self.too_large = Some(self.limit);
            self.share.lines = self.share.lines.min(self.limit / 4).max(1);
            self.limit = self.usual();
        } else if asked.duration() > LEAST && !is_gone(&error) {
            self.share.span = self.share.span.min(asked.duration() / 2);
            if is_too_long(&error) {
                self.share.longest = self.share.longest.min(self.share.span);
            }
        } else if error.is_too_slow() {
            return Err(error);
        } else {
            let range = if is_gone(&error) { self.gone(asked) } else { self.not_answered(asked) };
            let reason = if range == asked || is_gone(&error) {
                error.message
            } else {
                format!("{}; after some refusals in a row only a part of it was asked for", error.message)
            };
            let reached = self.pass(range);
            return Ok(Step::Read { lines: Vec::new(), reached, gap: Some(Gap { range, reason }) });
        }
        Ok(Step::Less(error))
    }

    /// What is too old now is not read at all: all before it is older still, and of what comes after it more may be asked for.
    fn gone(&mut self, asked: TimeRange) -> TimeRange {
        if self.direction == Direction::Backward {
            return TimeRange { start: self.left.start, ..asked };
        }
        self.leap = asked.duration().saturating_mul(2);
        asked
    }

    /// More and more where there is no answer in a row: else a day of which nothing is answered is a question for each of its
    /// seconds.
    fn not_answered(&mut self, asked: TimeRange) -> TimeRange {
        self.passed_over += 1;
        let more = match self.passed_over.saturating_sub(CALM) {
            0 => Duration::ZERO,
            times => LEAST.saturating_mul(2_u32.saturating_pow(times)),
        };
        match self.direction {
            Direction::Backward => TimeRange { start: self.left.start.max(asked.start - more), ..asked },
            Direction::Forward => TimeRange { end: self.left.end.min(asked.end + more), ..asked },
        }
    }

    /// Much less time is asked for next: someone waits, and the server took long already.
    fn shorten(&mut self) {
        self.share.span = (self.share.span / 8).max(LEAST);
    }

    /// The server hands out no more than this at once.
    fn learn(&mut self, cap: usize) {
        for limit in [&mut self.cap, &mut self.limit, &mut self.wanted] {
            *limit = cap.min(*limit);
        }
    }
}

impl Loki {
    /// Walks back: `first` lines at once, later more.
    pub(super) fn backward(&self, range: TimeRange, first: usize) -> Pages {
        Pages::backward(range, first, self.cap())
    }

    /// Walks forward, `usual` lines at once.
    pub(super) fn forward(&self, range: TimeRange, usual: usize) -> Pages {
        Pages::forward(range, usual, self.cap())
    }

    /// Asks for the next page; `None`: all was read.
    ///
    /// # Errors
    /// As any request, unless asking for less may help.
    pub(super) async fn step(&self, logql: &str, pages: &mut Pages, interner: &mut Interner) -> Result<Option<Step>, SourceError> {
        loop {
            pages.keep_to(self.shares.of(logql));
            let Some((range, limit)) = pages.next() else { return Ok(None) };
            let error = match self.page(logql, range, limit, pages.direction, interner).await {
                Ok(lines) => {
                    let (reached, gap) = self.taught(logql, pages, |pages| pages.accept(range, &lines));
                    return Ok(Some(Step::Read { lines, reached, gap }));
                }
                Err(error) => error,
            };
            match told_cap(&error).filter(|cap| *cap < limit) {
                Some(cap) => {
                    self.learn(cap);
                    pages.learn(cap);
                }
                None => return self.taught(logql, pages, |pages| pages.refused(range, error)).map(Some),
            }
        }
    }

    /// What an answer teaches is added to what others were taught meanwhile.
    fn taught<T>(&self, logql: &str, pages: &mut Pages, learn: impl FnOnce(&mut Pages) -> T) -> T {
        self.shares.learn(logql, |share| {
            pages.share = *share;
            let told = learn(pages);
            *share = pages.share;
            told
        })
    }

    /// Reads until more is known than before, for someone who waits: the lines, and what is passed over. What is refused is asked
    /// for in parts; a server that is too slow is asked for little once more and then left alone.
    ///
    /// # Errors
    /// As any request.
    pub(super) async fn one(&self, logql: &str, pages: &mut Pages) -> Result<(Vec<LogLine>, Option<Gap>), SourceError> {
        let (mut read, mut missing, mut slow) = (Vec::new(), None, false);
        let before = pages.left();
        while pages.left() == before {
            match self.step(logql, pages, &mut Interner::default()).await? {
                Some(Step::Read { lines, gap, .. }) => {
                    // The lines of a crowded instant come before what is passed over of it.
                    read = if lines.is_empty() { read } else { lines };
                    missing = gap;
                }
                Some(Step::Less(error)) if error.is_transient() => {
                    self.taught(logql, pages, Pages::shorten);
                    if slow {
                        return Err(error);
                    }
                    slow = true;
                }
                Some(Step::Less(_)) => {}
                None => break,
            }
        }
        Ok((read, missing))
    }
}

fn next_instant(at: Timestamp) -> Timestamp {
    Timestamp(at.0.saturating_add(1))
}

/// Whether asking for less of the same may be answered.
pub(super) fn is_smaller_better(error: &SourceError) -> bool {
    matches!(error.kind, ErrorKind::TooLarge(_)) || error.is_too_slow() || is_too_much(error)
}

/// Whether Loki says that the query is read and would be answered for less time. Any other 400 may be that of a proxy.
fn is_too_much(error: &SourceError) -> bool {
    let words = ["too many bytes", "too large to execute on a single querier"];
    matches!(error.kind, ErrorKind::BadQuery | ErrorKind::Refused)
        && (words.iter().any(|words| error.message.contains(words)) || is_too_long(error) || is_gone(error))
}

/// Whether Loki says that it reads no range as long as this.
fn is_too_long(error: &SourceError) -> bool {
    error.message.contains("time range exceeds the limit")
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
mod tests;
