//! Queries that Loki cannot read.

use super::*;

#[tokio::test]
async fn a_regex_that_cannot_be_read_is_no_empty_history() {
    for live in [false, true] {
        let (_fake, loki) = Fake::start().await;
        let range = last_hour(&loki);
        let mut reader = Reader::open(loki, UNREAD, range, live);
        let LogEvent::Failed(error) = reader.until(|e, _| !matches!(e, LogEvent::Tail(_))).await else { panic!("nothing was said of it") };
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::BadQuery, "parse error at line 1"));
    }
}

#[tokio::test]
async fn a_wrong_query_is_told_and_ends_the_stream() {
    let (_fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, "{app=", range, false);
    let failed = reader.until(|e, _| matches!(e, LogEvent::Failed(_))).await;
    let LogEvent::Failed(e) = failed else { panic!() };
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadQuery, "parse error at line 1"));
    reader.task.await.unwrap();
}
