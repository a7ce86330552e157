//! A window that has an end.

use super::*;

#[tokio::test]
async fn lines_that_come_late_into_a_fixed_window_are_read_and_those_after_its_end_are_not() {
    let (fake, loki) = Fake::start().await;
    let now = loki.now();
    let range = TimeRange { start: now - Duration::from_secs(5), end: now + Duration::from_secs(5) };
    fake.write(range.start, "old");
    let mut reader = Reader::open(loki, QUERY, range, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.start - Duration::from_secs(1), "before it");
    fake.write(now, "late");
    reader.until_text("late").await;
    assert_eq!(reader.texts, ["old", "late"]);
    assert_eq!(fake.opened.load(Ordering::SeqCst), 0, "no tail is opened");
}

#[tokio::test]
async fn a_fixed_window_is_read_once_more_when_all_of_it_is_taken_in_and_then_no_more() {
    let (fake, loki) = Fake::start().await;
    let end = loki.now() - TAKEN_IN + Duration::from_millis(500);
    let mut reader = Reader::open(loki, QUERY, TimeRange { start: end - Duration::from_secs(100), end }, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    // Too old for the polls, which go back 15 s.
    fake.write(end - Duration::from_secs(40), "very late");
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Off)).await;
    assert_eq!(reader.texts, ["very late"]);
}
