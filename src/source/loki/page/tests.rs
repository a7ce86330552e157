use super::*;
use crate::{model::backend::Backend, source::loki::known::Shares};
use std::collections::BTreeSet;

fn line(at: i64, text: &str) -> LogLine {
    LogLine { at: Timestamp(at), text: text.into(), ..LogLine::default() }
}

const DIRECTIONS: [Direction; 2] = [Direction::Backward, Direction::Forward];

fn pages(direction: Direction, start: Timestamp, end: Timestamp) -> Pages {
    let range = TimeRange { start, end };
    if direction == Direction::Backward { Pages::backward(range, FIRST, CAP) } else { Pages::forward(range, CAP, CAP) }
}

fn error(kind: ErrorKind, text: &str) -> SourceError {
    SourceError::new(Backend::Loki, kind, text)
}

fn too_many_bytes() -> SourceError {
    error(ErrorKind::BadQuery, "the query would read too many bytes (query: 2GB, limit: 1GB)")
}

/// A server of these lines, whose answers are no larger than so many bytes.
struct Server {
    lines: Vec<LogLine>,
    max_body: usize,
    asked: Vec<(TimeRange, usize)>,
    refused: usize,
}

impl Server {
    fn of(lines: Vec<LogLine>, max_body: usize) -> Self {
        Self { lines, max_body, asked: Vec::new(), refused: 0 }
    }

    /// Reads all. Returns the texts, and what was passed over.
    fn walk(&mut self, mut pages: Pages) -> (BTreeSet<Box<str>>, Vec<Gap>) {
        let (mut read, mut gaps) = (BTreeSet::new(), Vec::new());
        while let Some((range, limit)) = pages.next() {
            assert!(!self.asked.contains(&(range, limit)), "{range:?} {limit} is asked for again");
            self.asked.push((range, limit));
            let step = match self.answer(range, limit, pages.direction) {
                Some(page) => {
                    let gap = pages.accept(range, &page).1;
                    read.extend(page.into_iter().map(|l| l.text));
                    gap
                }
                None => match pages.refused(range, error(ErrorKind::TooLarge(self.max_body), "too large")).unwrap() {
                    Step::Read { gap, .. } => gap,
                    Step::Less(_) => None,
                },
            };
            gaps.extend(step);
        }
        (read, gaps)
    }

    fn answer(&mut self, range: TimeRange, limit: usize, direction: Direction) -> Option<Vec<LogLine>> {
        let inside: Vec<_> = self.lines.iter().filter(|l| l.at >= range.start && l.at < range.end).cloned().collect();
        let skip = if direction == Direction::Backward { inside.len().saturating_sub(limit) } else { 0 };
        let page: Vec<_> = inside.into_iter().skip(skip).take(limit).collect();
        let fits = page.iter().map(|l| l.text.len()).sum::<usize>() <= self.max_body;
        self.refused += usize::from(!fits);
        fits.then_some(page)
    }
}

proptest::proptest! {
    #[test]
    fn both_ways_read_everything_once_repeats_are_dropped(gaps in proptest::collection::vec(0_i64..3, 0..3000)) {
        let mut at = 100;
        let all: Vec<_> = gaps.iter().enumerate().map(|(i, g)| { at += g; line(at, &i.to_string()) }).collect();
        let whole: BTreeSet<_> = all.iter().map(|l| l.text.clone()).collect();
        for direction in DIRECTIONS {
            let read = Server::of(all.clone(), usize::MAX).walk(pages(direction, Timestamp(0), Timestamp(at + 1)));
            proptest::prop_assert_eq!(&read, &(whole.clone(), Vec::new()));
        }
    }
}

#[test]
fn an_instant_with_more_lines_than_the_cap_does_not_stop_it() {
    let all: Vec<_> = (0..CAP + 10).map(|i| line(500, &i.to_string())).chain([line(700, "last")]).collect();
    for direction in DIRECTIONS {
        let mut server = Server::of(all.clone(), usize::MAX);
        let (read, gaps) = server.walk(pages(direction, Timestamp(0), Timestamp(1000)));
        assert!(read.len() >= CAP && read.contains("last") && server.asked.len() < 20, "{}", read.len());
        let [Gap { range, reason }] = gaps.as_slice() else { panic!("what is passed over is told: {gaps:?}") };
        assert!(range.start == Timestamp(500) && reason.contains("than the 5000"), "{reason}");
    }
}

#[test]
fn long_lines_are_asked_for_in_answers_that_have_room_and_few_are_too_large() {
    // Of an hour and more: 2,000 of them are larger than an answer.
    let all: Vec<_> = (0..10_000).map(|i| line(i * 500_000_000, &format!("{i:020}"))).collect();
    for direction in DIRECTIONS {
        let mut server = Server::of(all.clone(), 20 * 1700);
        let (read, gaps) = server.walk(pages(direction, Timestamp(0), Timestamp::from_secs(5000)));
        assert_eq!((read.len(), gaps), (10_000, Vec::new()));
        assert!(server.refused * 4 < server.asked.len(), "{} of {} in vain", server.refused, server.asked.len());
        assert!(server.asked.len() < 30, "{}", server.asked.len());
    }
}

#[test]
fn an_instant_that_no_answer_has_room_for_is_passed_and_told() {
    let at = 5_000_000_000;
    for bytes in [20 * 1249, 20 * 1250, 20 * 1251, 20 * 2499, 20 * 2501, 20 * 4999] {
        let lines = (0..6000).map(|i| line(at, &format!("{i:020}")));
        let all: Vec<_> = [line(1, "first")].into_iter().chain(lines).chain([line(at + 1, "last")]).collect();
        for direction in DIRECTIONS {
            let mut server = Server::of(all.clone(), bytes);
            let (read, gaps) = server.walk(pages(direction, Timestamp(0), Timestamp::from_secs(10)));
            assert!(read.contains("first") && read.contains("last") && read.len() > 300, "{}", read.len());
            assert!(matches!(gaps.as_slice(), [gap] if gap.range.start.0 == at && gap.reason.contains("has room for")), "{gaps:?}");
        }
    }
}

#[test]
fn learns_the_servers_limit() {
    let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query (300 > 100)";
    assert_eq!(told_cap(&error(ErrorKind::BadQuery, text)), Some(100));
    assert_eq!(told_cap(&error(ErrorKind::BadQuery, "parse error")), None);
    for direction in DIRECTIONS {
        let mut pages = pages(direction, Timestamp(0), Timestamp(1000));
        pages.learn(100);
        for _ in 0..10 {
            let (range, limit) = pages.next().unwrap();
            assert_eq!(limit, 100);
            let page: Vec<_> = (0..100).map(|i| line(range.end.0 / 2 + i / 50, "x")).collect();
            pages.accept(range, &page);
        }
    }
}

/// What is asked for, in seconds.
fn asked(pages: &Pages) -> Option<(i64, i64)> {
    pages.next().map(|(range, _)| (range.start.secs(), range.end.secs()))
}

fn refuse(pages: &mut Pages, error: SourceError) -> Result<Step, SourceError> {
    pages.refused(pages.next().unwrap().0, error)
}

fn accept_nothing(pages: &mut Pages) -> Timestamp {
    pages.accept(pages.next().unwrap().0, &[]).0
}

#[test]
fn what_is_refused_as_too_much_is_asked_for_in_parts_and_with_more_again_after_some() {
    for (direction, parts) in [
        (Direction::Forward, [(0, 40), (0, 20), (0, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 70), (70, 80)]),
        (Direction::Backward, [(40, 80), (60, 80), (70, 80), (60, 70), (50, 60), (40, 50), (30, 40), (10, 30), (0, 10)]),
    ] {
        for error in [too_many_bytes(), error(ErrorKind::Timeout(LEAST), "slow"), error(ErrorKind::Server(504), "answered 504")] {
            let mut pages = pages(direction, Timestamp(0), Timestamp::from_secs(80));
            for (i, part) in parts.into_iter().enumerate() {
                if i < 3 {
                    assert!(matches!(refuse(&mut pages, error.clone()), Ok(Step::Less(_))));
                } else {
                    let reached = accept_nothing(&mut pages);
                    assert_eq!(reached.secs(), if direction == Direction::Forward { part.0 } else { part.1 });
                }
                assert_eq!(asked(&pages), Some(part), "{direction:?} {i} {error}");
            }
            accept_nothing(&mut pages);
            assert_eq!((pages.next(), pages.left()), (None, None));
        }
    }
}

#[test]
fn a_range_as_long_as_one_that_was_refused_for_that_is_never_asked_for_again() {
    let too_long = error(ErrorKind::Refused, "the query time range exceeds the limit (query length: 100s, limit: 60s)");
    let mut pages = pages(Direction::Backward, Timestamp(0), Timestamp::from_secs(1000));
    while pages.next().unwrap().0.duration() > Duration::from_secs(64) {
        assert!(matches!(refuse(&mut pages, too_long.clone()), Ok(Step::Less(_))));
    }
    while let Some((range, _)) = pages.next() {
        assert!(range.duration() <= Duration::from_secs(64), "{range:?}");
        accept_nothing(&mut pages);
    }
}

#[test]
fn a_day_of_which_nothing_is_answered_is_passed_over_with_few_questions_and_all_of_it_is_told() {
    let day = TimeRange { start: Timestamp(0), end: Timestamp::from_secs(86_400) };
    for direction in DIRECTIONS {
        let (mut pages, mut gaps, mut asked) = (pages(direction, day.start, day.end), Vec::new(), 0);
        while pages.left().is_some() {
            asked += 1;
            match refuse(&mut pages, too_many_bytes()).unwrap() {
                Step::Read { gap, .. } => gaps.extend(gap),
                Step::Less(_) => {}
            }
        }
        assert!(asked < 50, "{asked}");
        gaps.sort_by_key(|gap| gap.range.start);
        assert!(gaps.windows(2).all(|two| two[0].range.end == two[1].range.start), "{gaps:?}");
        assert_eq!((gaps[0].range.start, gaps.last().unwrap().range.end), (day.start, day.end));
        assert!(gaps.iter().all(|gap| gap.range.duration() <= LEAST || gap.reason.contains("only a part")), "{gaps:?}");
    }
}

#[test]
fn no_more_than_a_second_is_passed_over_once_others_are_answered() {
    let mut pages = pages(Direction::Backward, Timestamp(0), Timestamp::from_secs(86_400));
    let mut passed = Duration::MAX;
    for i in 0..60 {
        let (left, asked) = (pages.left().unwrap(), pages.next().unwrap().0);
        if i >= 30 && i % 2 == 0 {
            pages.accept(asked, &[]);
        } else {
            pages.refused(asked, too_many_bytes()).unwrap();
        }
        passed = left.end.since(pages.left().unwrap().end);
    }
    assert!(!passed.is_zero() && passed <= LEAST, "{passed:?}");
}

#[test]
fn what_is_refused_though_there_is_no_less_is_passed_over() {
    let gone = error(ErrorKind::BadQuery, "this data is no longer available, it is past now - max_query_lookback (1h)");
    let second = |s| TimeRange { start: Timestamp::from_secs(s), end: Timestamp::from_secs(s + 1) };
    let passed = |step: Result<Step, SourceError>| match step {
        Ok(Step::Read { gap: Some(gap), lines, .. }) if lines.is_empty() => gap.range,
        other => panic!("{other:?}"),
    };
    for (direction, first, next) in [(Direction::Forward, second(0), second(1)), (Direction::Backward, second(2), second(1))] {
        let mut pages = pages(direction, Timestamp(0), Timestamp::from_secs(3));
        pages.share.span = LEAST;
        assert_eq!(passed(refuse(&mut pages, too_many_bytes())), first);
        assert_eq!(pages.next().unwrap().0, next);
        assert!(refuse(&mut pages, error(ErrorKind::BadQuery, "Bad Request")).is_err(), "which may be a proxy's");
        assert!(refuse(&mut pages, error(ErrorKind::Timeout(LEAST), "slow")).is_err(), "which may pass");
        let rest = passed(refuse(&mut pages, gone.clone()));
        let left = if direction == Direction::Forward { Some(second(2)) } else { None };
        assert_eq!((rest.end, pages.left()), (second(1).end, left), "all before what is gone is gone");
    }
}

const ASKED: &str = "{a=\"b\"}";

/// A full answer to what is asked next, a part of it read.
fn accept_full(shares: &Shares, pages: &mut Pages) {
    pages.keep_to(shares.of(ASKED));
    let (range, limit) = pages.next().unwrap();
    let page: Vec<_> = (0..limit).map(|i| line(range.end.0 / 2 + i as i64, "x")).collect();
    learn(shares, pages, |pages| _ = pages.accept(range, &page));
}

fn learn(shares: &Shares, pages: &mut Pages, change: impl FnOnce(&mut Pages)) {
    shares.learn(ASKED, |share| {
        pages.share = *share;
        change(pages);
        *share = pages.share;
    });
}

/// What a reader that begins now asks for.
fn first(shares: &Shares, mut pages: Pages) -> (TimeRange, usize) {
    pages.keep_to(shares.of(ASKED));
    pages.next().unwrap()
}

const RANGE: TimeRange = TimeRange { start: Timestamp(0), end: Timestamp(1_000_000_000_000) };

#[test]
fn how_many_lines_an_answer_has_room_for_is_known_to_all_who_read_the_same_until_more_are_answered() {
    let shares = Shares::default();
    let forward = || Pages::forward(RANGE, CAP, CAP);
    let mut older = Pages::backward(RANGE, LATER, CAP);
    assert_eq!(first(&shares, forward()).1, CAP, "nothing is known against it");
    learn(&shares, &mut older, |older| _ = older.refused(RANGE, error(ErrorKind::TooLarge(1), "200 MB")).unwrap());
    assert_eq!(first(&shares, forward()).1, LATER / 4);
    assert_eq!(first(&shares, Pages::backward(RANGE, FIRST, CAP)).1, FIRST, "this is less");
    // A page is a question of its own each time.
    for _ in 0..=CALM {
        accept_full(&shares, &mut forward());
    }
    assert_eq!(first(&shares, forward()).1, LATER / 2);
}

#[test]
fn who_asks_for_less_learns_nothing_of_more() {
    let shares = Shares::default();
    let all = || Pages::forward(RANGE, CAP, CAP);
    // It asked before anything was refused.
    let mut few = Pages::backward(RANGE, LATER, CAP);
    let asked = few.next().unwrap().0;
    learn(&shares, &mut all(), |all| _ = all.refused(RANGE, error(ErrorKind::TooLarge(1), "200 MB")).unwrap());
    learn(&shares, &mut few, |few| _ = few.accept(asked, &[]));
    assert_eq!(first(&shares, all()).1, CAP / 4);
    for _ in 0..20 {
        let mut few = Pages::backward(RANGE, FIRST, CAP);
        accept_full(&shares, &mut few);
        let mut short = Pages::forward(RANGE, CAP, CAP);
        learn(&shares, &mut short, |short| _ = short.accept(TimeRange { end: Timestamp::from_secs(15), ..RANGE }, &[]));
    }
    assert_eq!(first(&shares, all()).1, CAP / 4);
    // Of these, more is answered than was refused to all.
    for _ in 0..20 {
        accept_full(&shares, &mut Pages::backward(RANGE, LATER, CAP));
    }
    assert_eq!(first(&shares, all()).1, CAP / 2, "2,000 lines have room, and no more is known");
}

#[test]
fn who_asks_for_a_shorter_time_learns_nothing_of_a_longer_one() {
    let shares = Shares::default();
    let all = || Pages::forward(RANGE, CAP, CAP);
    let poll = || {
        let polled = TimeRange { end: Timestamp::from_secs(15), ..RANGE };
        learn(&shares, &mut Pages::forward(polled, CAP, CAP), |pages| _ = pages.accept(polled, &[]));
    };
    learn(&shares, &mut all(), |all| _ = all.refused(RANGE, too_many_bytes()).unwrap());
    (0..20).for_each(|_| poll());
    assert_eq!(first(&shares, all()).0.duration(), RANGE.duration() / 2);
    let too_long = error(ErrorKind::Refused, "the query time range exceeds the limit (query length: 1000s, limit: 600s)");
    learn(&shares, &mut all(), |all| _ = all.refused(RANGE, too_long).unwrap());
    assert_eq!(first(&shares, all()).0.duration(), RANGE.duration() / 2);
    (0..20).for_each(|_| poll());
    assert_eq!(first(&shares, all()).0.duration(), RANGE.duration() / 2);
    for _ in 0..20 {
        let mut pages = all();
        pages.keep_to(shares.of(ASKED));
        learn(&shares, &mut pages, |pages| _ = accept_nothing(pages));
    }
    assert_eq!(first(&shares, all()).0.duration(), RANGE.duration() / 2, "to none of them more is answered");
}
