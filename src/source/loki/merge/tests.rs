use super::*;
use crate::model::backend::{Backend, ErrorKind};

fn line(second: i64, text: &str) -> LogLine {
    LogLine { at: Timestamp::from_secs(second), text: text.into(), ..LogLine::default() }
}

fn lines(all: &[(i64, &str)]) -> LogEvent {
    LogEvent::Lines(all.iter().map(|(second, text)| line(*second, text)).collect())
}

fn read_to(second: i64) -> LogEvent {
    LogEvent::ReadTo(Timestamp::from_secs(second))
}

fn behind(seconds: u64) -> LogEvent {
    LogEvent::Tail(TailState::Behind(Duration::from_secs(seconds)))
}

/// Two queries that deliver, one event after the other in this order, and what is handed on of it.
struct Two {
    of: Vec<Option<mpsc::Sender<LogEvent>>>,
    parts: Parts,
    now: Timestamp,
}

impl Two {
    fn new(follow: Follow) -> Self {
        let (of, parts) = (0..2).map(|_| mpsc::channel(8)).map(|(of, events)| (Some(of), Part::new(events))).unzip();
        Self { of, parts: Parts { parts, ..Parts::new(follow, Timestamp::ZERO, Pace::default()) }, now: Timestamp::ZERO }
    }

    /// At this second, and lines before it are the past.
    fn at(self, second: i64) -> Self {
        let now = Timestamp::from_secs(second);
        Self { parts: Parts { new_from: now, ..self.parts }, now, ..self }
    }

    /// What is handed on because time passes.
    fn wait(&mut self, seconds: u64) -> Vec<LogEvent> {
        let before = self.parts.patience(self.now);
        let time = Duration::from_secs(seconds);
        (self.parts.waited, self.now) = (self.parts.waited + time, self.now + time);
        let overdue = self.parts.overdue(self.now);
        assert!(overdue.is_none() || before.is_some_and(|before| before <= time), "nothing wakes it");
        overdue.into_iter().collect()
    }

    /// What is handed on after an event of one of them; none: it ends.
    fn after(&mut self, part: usize, event: Option<LogEvent>) -> Vec<LogEvent> {
        match event {
            Some(event) => self.of[part].as_ref().unwrap().try_send(event).unwrap(),
            None => self.of[part] = None,
        }
        let mut out = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready((i, event)) = self.parts.poll_next(&mut cx) {
            out.extend(self.parts.take(i, event));
            out.extend(self.parts.overdue(self.now));
        }
        out
    }

    fn texts(&mut self, part: usize, event: Option<LogEvent>) -> Vec<String> {
        let texts = |event: LogEvent| if let LogEvent::Lines(lines) = event { lines } else { Vec::new() };
        self.after(part, event).into_iter().flat_map(texts).map(|l| l.text.to_string()).collect()
    }
}

#[test]
fn lines_of_both_are_in_order_and_wait_until_no_other_can_come_before_them() {
    let mut two = Two::new(Follow::InOrder);
    assert!(two.texts(0, Some(lines(&[(1, "a"), (3, "c"), (5, "e")]))).is_empty());
    assert!(two.texts(0, Some(read_to(6))).is_empty(), "nothing is known of the other");
    assert!(two.texts(1, Some(lines(&[(2, "b"), (4, "d")]))).is_empty());
    assert_eq!(two.texts(1, Some(read_to(4))), ["a", "b", "c"], "at 4 there may be more");
    assert_eq!(two.texts(1, Some(read_to(6))), ["d", "e"]);
    assert_eq!(two.texts(1, Some(lines(&[(3, "late"), (7, "f")]))), ["late"]);
    two.after(0, Some(read_to(9)));
    assert_eq!(two.texts(1, Some(read_to(9))), ["f"]);
}

#[test]
fn one_that_is_ahead_is_not_read_on_and_one_that_ends_holds_nothing_up() {
    let mut two = Two::new(Follow::No);
    two.after(0, Some(read_to(10)));
    two.after(0, Some(lines(&[(11, "of the one")])));
    assert!(two.parts.parts[0].held.is_empty(), "it waits where it is");
    two.after(1, Some(lines(&[(20, "of the other")])));
    assert_eq!(two.texts(1, None), Vec::<String>::new(), "more may come of the one");
    assert_eq!(two.texts(0, None), ["of the one", "of the other"]);
    assert!(two.parts.is_done());
}

#[test]
fn after_one_that_failed_nothing_is_handed_on_that_may_lack_its_lines() {
    let mut two = Two::new(Follow::No);
    two.after(0, Some(lines(&[(1, "a"), (9, "b")])));
    two.after(0, Some(read_to(10)));
    assert!(two.texts(1, Some(lines(&[(3, "x"), (5, "y")]))).is_empty());
    assert_eq!(two.texts(1, Some(read_to(5))), ["a", "x"]);
    two.parts.failed = true;
    assert!(two.texts(1, None).is_empty());
    assert!(two.texts(0, None).is_empty(), "what is printed is whole up to its last line");
    assert!(two.parts.is_done());
}

#[test]
fn what_a_tail_brings_is_handed_on_as_it_comes_once_the_past_is_read() {
    let mut two = Two::new(Follow::AtOnce);
    assert!(two.texts(0, Some(lines(&[(5, "past")]))).is_empty());
    two.after(0, Some(LogEvent::Tail(TailState::Connecting)));
    assert_eq!(two.texts(0, Some(lines(&[(9, "new")]))), ["new"]);
    assert_eq!(two.texts(1, Some(LogEvent::Tail(TailState::Connecting))), ["past"]);
}

#[test]
fn all_are_up_to_date_only_once_each_is() {
    let mut two = Two::new(Follow::InOrder);
    let failed = || LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::Server(500), "no"));
    assert_eq!(two.after(0, Some(behind(40))), [behind(40)]);
    assert_eq!(two.after(1, Some(failed())), [failed()]);
    assert_eq!(two.after(0, Some(behind(0))), [], "the other still fails");
    assert_eq!(two.after(1, Some(behind(0))), [behind(0)]);
    assert_eq!(two.after(1, Some(behind(0))), []);
}

#[test]
fn one_that_comes_later_holds_up_nobody_until_it_has_come_up_to_the_others() {
    let mut two = Two::new(Follow::InOrder);
    let (of, events) = mpsc::channel(8);
    (two.of[1], two.parts.parts[1]) = (Some(of), Part::later(events));
    assert!(two.texts(0, Some(lines(&[(50, "a"), (59, "b")]))).is_empty());
    assert_eq!(two.texts(0, Some(read_to(55))), ["a"], "nothing is known of the later one");
    assert_eq!(two.texts(1, Some(lines(&[(1, "past"), (57, "ahead")]))), ["past"], "what is late is not held back, what is not is");
    assert!(two.texts(1, Some(read_to(30))).is_empty());
    assert_eq!(two.texts(0, Some(read_to(58))), ["ahead"]);
    two.after(1, Some(read_to(58)));
    assert!(two.texts(0, Some(read_to(60))).is_empty(), "now it is one of them");
    assert_eq!(two.texts(1, Some(read_to(60))), ["b"]);
}

#[test]
fn one_that_is_left_out_is_told_of_and_its_trouble_is_over() {
    let mut two = Two::new(Follow::InOrder);
    let error = || SourceError::new(Backend::Loki, ErrorKind::BadQuery, "no");
    let left_out = || LogEvent::LeftOut { query: "{}".to_owned(), error: error() };
    two.after(0, Some(lines(&[(1, "a")])));
    two.after(0, Some(read_to(2)));
    two.after(1, Some(LogEvent::Failed(error())));
    assert_eq!(two.after(1, Some(left_out())), [behind(0), lines(&[(1, "a")]), left_out()], "it holds nothing up");
    assert_eq!(two.after(1, Some(left_out())), [left_out()]);
    assert_eq!(two.after(1, Some(behind(0))), [behind(0)], "it is answered");
    assert_eq!(two.after(1, Some(behind(0))), []);
}

/// Both have told all up to this second.
fn both_up_to(follow: Follow, second: i64) -> Two {
    let mut two = Two::new(follow).at(second);
    assert!([0, 1].into_iter().all(|part| two.after(part, Some(read_to(second))).is_empty()));
    two
}

#[test]
fn one_that_tells_nothing_is_waited_for_until_a_line_is_ten_seconds_old_and_joins_again() {
    let mut two = both_up_to(Follow::InOrder, 100);
    two.wait(6);
    assert!(two.texts(0, Some(lines(&[(102, "a"), (103, "b")]))).is_empty());
    assert!(two.texts(0, Some(read_to(104))).is_empty(), "of the other one nothing is known after 100");
    assert!(two.wait(5).is_empty());
    assert_eq!(two.wait(1), [lines(&[(102, "a"), (103, "b")])]);
    two.after(0, Some(lines(&[(110, "c")])));
    assert_eq!(two.texts(0, Some(read_to(111))), ["c"], "it is not waited for again");
    assert_eq!(two.texts(1, Some(lines(&[(101, "late")]))), ["late"]);
    assert!(two.texts(1, Some(lines(&[(112, "e")]))).is_empty());
    two.after(1, Some(read_to(113)));
    assert!(two.texts(0, Some(lines(&[(111, "d"), (113, "f")]))).is_empty());
    assert_eq!(two.texts(0, Some(read_to(114))), ["d", "e"], "it has come up to the other one, and is waited for");
    assert_eq!(two.texts(1, Some(read_to(115))), ["f"]);
}

#[test]
fn what_is_not_read_as_it_is_ahead_does_not_wait_longer_either() {
    let mut two = both_up_to(Follow::InOrder, 100);
    two.wait(6);
    two.after(0, Some(read_to(104)));
    assert!(two.texts(0, Some(lines(&[(105, "unread")]))).is_empty());
    assert!(two.wait(7).is_empty());
    two.wait(1);
    assert_eq!(two.texts(0, Some(read_to(106))), ["unread"]);
}

#[test]
fn all_have_their_turns_however_old_a_line_is_when_it_is_read() {
    let mut two = both_up_to(Follow::InOrder, 100);
    two.wait(20);
    two.after(0, Some(lines(&[(101, "a")])));
    assert!(two.texts(0, Some(read_to(118))).is_empty());
    assert!(two.wait(2).is_empty());
    assert_eq!(two.texts(1, Some(read_to(118))), ["a"]);
}

#[test]
fn of_the_past_one_is_waited_for_as_long_as_it_takes_and_ten_seconds_if_it_fails() {
    let mut two = Two::new(Follow::InOrder).at(1000);
    let failed = || LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::Server(500), "no"));
    two.after(0, Some(lines(&[(1, "a"), (5, "b"), (9, "c")])));
    two.after(0, Some(read_to(10)));
    assert!(two.wait(60).is_empty(), "it is slow");
    assert_eq!(two.texts(1, Some(read_to(2))), ["a"]);
    two.after(1, Some(failed()));
    assert!(two.wait(9).is_empty());
    assert_eq!(two.texts(1, Some(read_to(6))), ["b"]);
    assert!(two.wait(9).is_empty(), "it came further");
    two.after(1, Some(failed()));
    assert_eq!(two.wait(1), [lines(&[(9, "c")])]);
}

#[test]
fn where_nothing_follows_order_is_kept_however_long_that_takes() {
    let mut two = both_up_to(Follow::No, 100);
    two.after(0, Some(lines(&[(101, "a")])));
    two.after(0, Some(read_to(104)));
    assert!(two.wait(600).is_empty());
    assert_eq!(two.texts(1, Some(read_to(105))), ["a"]);
}

#[test]
fn those_that_are_both_left_behind_are_joined_again() {
    let mut two = both_up_to(Follow::InOrder, 100);
    let error = SourceError::new(Backend::Loki, ErrorKind::BadQuery, "no");
    two.after(1, Some(lines(&[(101, "held")])));
    two.after(1, Some(LogEvent::LeftOut { query: "{}".to_owned(), error }));
    assert_eq!(two.wait(11), [lines(&[(101, "held")])], "the one that is not left out tells nothing");
    assert!([0, 1].into_iter().all(|part| two.after(part, Some(read_to(120))).is_empty()));
    assert!(two.texts(1, Some(lines(&[(121, "a")]))).is_empty());
    assert!(two.texts(1, Some(read_to(122))).is_empty(), "they wait for each other");
    assert_eq!(two.texts(0, Some(read_to(122))), ["a"]);
}
