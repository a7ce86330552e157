//! Lines that are asked for where there is no tail, and how far that has come.

use super::*;

#[tokio::test]
async fn where_there_is_no_tail_lines_are_polled() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::NOT_FOUND);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Refused { why, .. }) if why.contains("404"))).await;
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.end, "polled");
    reader.until_text("polled").await;
    assert_eq!(reader.texts, ["polled"]);
}

#[tokio::test]
async fn more_lines_than_a_round_reads_are_caught_up_with() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::NOT_FOUND);
    let range = last_hour(&loki);
    // What is read again at each turn, the last 15 s, is more than ten pages of 2,000 lines.
    for i in 0..30_000 {
        fake.write(range.end - Duration::from_secs(10) + Duration::from_micros(300 * i), &format!("{i:05}"));
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    let behind = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::Tail(TailState::Behind(_)));
    assert_ne!(reader.until(behind).await, LogEvent::Tail(TailState::Behind(Duration::ZERO)), "it is told");
    // And that it is over.
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Behind(Duration::ZERO))).await;
    assert_eq!(reader.texts.len(), 30_000, "each once");
    fake.write(range.end, "polled");
    reader.until_text("polled").await;
}

#[tokio::test]
async fn reading_that_works_again_is_told_though_nothing_was_written() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::FORBIDDEN);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    *fake.broken.lock().unwrap() = Some(StatusCode::BAD_REQUEST);
    reader.until(|e, _| matches!(e, LogEvent::Failed(_))).await;
    *fake.broken.lock().unwrap() = None;
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Behind(Duration::ZERO))).await;
}

#[tokio::test]
async fn up_to_when_all_was_read_is_told_and_no_further_while_that_fails() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::FORBIDDEN);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    let told = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::ReadTo(_) | LogEvent::Failed(_));
    let LogEvent::ReadTo(first) = reader.until(|e, _| matches!(e, LogEvent::ReadTo(at) if *at >= range.end)).await else { panic!() };
    *fake.broken.lock().unwrap() = Some(StatusCode::BAD_REQUEST);
    reader.until(|e, _| matches!(e, LogEvent::Failed(_))).await;
    assert!(matches!(reader.until(told).await, LogEvent::Failed(_)), "nothing was read");
    *fake.broken.lock().unwrap() = None;
    let LogEvent::ReadTo(then) = reader.until(|e, _| matches!(e, LogEvent::ReadTo(_))).await else { panic!() };
    assert!(then > first);
}
