//! What fails stays told until it is that which works again.

use super::*;

fn failure(message: &str) -> SourceError {
    SourceError::new(Backend::Loki, ErrorKind::Server(503), message)
}

fn fail(page: &mut Page, part: u32, message: &str) {
    page.tell(part, LogEvent::Failed(failure(message)));
}

const WORKS: LogEvent = LogEvent::Tail(TailState::Behind(Duration::ZERO));

#[test]
fn lines_of_the_tail_do_not_hide_that_reading_fails() {
    let mut page = Page::new(scope(), (160, 30));
    page.history(numbered(0..10));
    page.tell(0, LogEvent::Tail(TailState::Connected));
    fail(&mut page, 0, "too many outstanding requests");
    page.tell(0, LogEvent::Lines(numbered(10..12)));
    assert!(page.title().contains("12 lines") && page.title().contains("too many outstanding requests"), "{}", page.title());
    page.tell(0, WORKS);
    assert!(!page.title().contains("too many"), "{}", page.title());
}

#[test]
fn history_that_fails_is_told_until_it_comes() {
    let mut page = Page::new(scope(), (160, 30));
    fail(&mut page, 0, "history answered 503");
    page.tell(0, LogEvent::Lines(numbered(10..12)));
    page.tell(0, WORKS);
    assert!(page.title().contains("history answered 503"), "what is read behind the tail is not the history: {}", page.title());
    page.history(numbered(0..10));
    assert!(!page.title().contains("503") && page.title().contains("12 lines"), "{}", page.title());
}

#[test]
fn one_of_two_questions_that_fails_is_told_though_the_other_one_is_answered() {
    let mut page = Page::new(scope().with_trace(TraceId(7), None), (200, 30));
    page.history(vec![traced(1, 8)]);
    fail(&mut page, 1, "the query takes too many bytes");
    page.tell(0, LogEvent::Lines(vec![traced(2, 8)]));
    page.history(vec![traced(3, 8)]);
    page.tell(0, WORKS);
    assert!(page.title().contains("the query takes too many bytes"), "{}", page.title());

    let left = |second: i64| Older::Left(Timestamp::from_secs(START + second));
    let mut page = Page::new(scope().with_trace(TraceId(7), None), (200, 30));
    for part in 0..2 {
        let reached = Timestamp::from_secs(START + 100);
        page.tell(part, LogEvent::History { lines: vec![traced(100, 8)], reached, older: left(100) });
    }
    page.press(Command::Top);
    page.view.older_page(1, Err(failure("older ones answered 503")));
    page.view.older_page(
        0,
        Ok(vec![LogEvent::History { lines: vec![traced(90, 8)], reached: Timestamp::from_secs(START + 90), older: left(90) }]),
    );
    assert!(page.title().contains("older lines: older ones answered 503"), "{}", page.title());
    page.view.older_page(1, Ok(vec![LogEvent::History { lines: Vec::new(), reached: Timestamp::from_secs(START), older: Older::Nothing }]));
    assert!(!page.title().contains("503"), "{}", page.title());
}

#[test]
fn what_one_run_said_of_its_tail_is_over_with_it_and_is_no_other_streams() {
    let mut page = Page::new(scope().with_trace(TraceId(7), None), (240, 30));
    let unsought = |secs| TailState::LateUnsought { after: Duration::from_secs(secs), why: format!("limit of {secs}") };
    for part in 0..2 {
        page.tell(part, LogEvent::History { lines: vec![traced(1, 8)], reached: Timestamp::ZERO, older: Older::Nothing });
        page.tell(part, LogEvent::Tail(TailState::Connected));
    }
    page.tell(0, LogEvent::Tail(unsought(15)));
    page.tell(1, LogEvent::Tail(unsought(30)));
    page.tell(1, LogEvent::Tail(TailState::Behind(Duration::from_secs(40))));
    assert!(page.title().contains("limit of 15") && page.title().contains("40 s behind"), "{}", page.title());
    page.tell(0, LogEvent::Tail(TailState::LateSought));
    assert!(page.title().contains("limit of 30"), "the other one does not look yet: {}", page.title());
    page.view.event(now() + Duration::from_secs(9), 1, LogEvent::Tail(TailState::Connected), now());
    assert!(page.title().contains("tail connected") && !page.title().contains("limit of"), "{}", page.title());
    assert!(!page.title().contains("40 s behind"), "{}", page.title());
}

#[test]
fn older_lines_that_are_too_slow_are_asked_for_again_only_when_the_user_says_so() {
    let mut page = with_older(BIG);
    page.press(Command::Top);
    let slow = || SourceError::new(Backend::Loki, ErrorKind::Timeout(Duration::from_secs(30)), "no answer in 30 s");
    page.answer_older(Err(slow()), Older::Nothing);
    assert_eq!(page.older_asked(), None);
    assert!(page.title().contains("older lines: no answer in 30 s; R tries again"), "{}", page.title());
    page.press(Command::Down);
    page.press(Command::Up);
    assert_eq!(page.older_asked(), None, "scrolling is no wish to try again");
    page.press(Command::Refresh);
    assert!(page.older_asked().is_some());
    page.answer_older(Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connection refused")), Older::Nothing);
    assert!(page.older_asked().is_some(), "what costs the server nothing is tried again");
}
