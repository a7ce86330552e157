//! What Loki refuses, cuts off or is too slow for.

use super::*;

#[tokio::test]
async fn a_history_of_long_lines_is_read_whole_and_no_answer_is_asked_for_in_vain_again() {
    let (fake, mut endpoint) = Fake::listen().await;
    endpoint.max_body = 512 * 1024;
    let loki = client(endpoint);
    let range = last_hour(&loki);
    // The first 300 fit, 2,000 do not.
    for i in 0..1500 {
        fake.write(range.start + Duration::from_secs(i), &format!("{i:04} {}", "long ".repeat(200)));
    }
    let mut reader = Reader::open(loki, QUERY, range, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    assert_eq!(reader.texts.iter().map(|t| &t[..4]).collect::<std::collections::BTreeSet<_>>().len(), 1500);
    assert!(asked(&fake).0 < 20);
}

#[tokio::test]
async fn a_line_that_no_answer_has_room_for_is_a_gap_and_ends_nothing() {
    let (fake, mut endpoint) = Fake::listen().await;
    endpoint.max_body = 1000;
    let loki = client(endpoint);
    let range = last_hour(&loki);
    fake.write(range.start, &"long ".repeat(1000));
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::Failed(e) if e.kind == ErrorKind::TooLarge(1000))).await;
    reader.until(|e, _| matches!(e, LogEvent::Gap(gap) if gap.range.contains(range.start))).await;
    fake.tailed().await;
    fake.send(range.end, "short");
    reader.until_text("short").await;
}

#[tokio::test]
async fn what_loki_cuts_off_without_a_word_is_told_with_the_limit() {
    let (fake, loki) = Fake::start().await;
    fake.looks_back("30m");
    let range = last_hour(&loki);
    let half_way = range.start + Duration::from_secs(1800);
    fake.write(half_way + Duration::from_secs(60), "seen");
    let told = |older: &Older| *older == Older::Withheld(Limit::Lookback(Duration::from_secs(1800)));
    let mut reader = Reader::open(loki, QUERY, range, false);
    reader.until_text("seen").await;
    let end = reader.until(|e, _| matches!(e, LogEvent::History { older, .. } if told(older))).await;
    let LogEvent::History { reached, .. } = end else { panic!("no page") };
    assert!(reached >= half_way && reached <= half_way + Duration::from_secs(60), "{reached:?}");

    // Pages that are asked for, before the limit and across it.
    let loki = client(fake.endpoint());
    let page = |end: Timestamp| loki.older(QUERY, TimeRange { start: range.start, end });
    for (end, from) in [(half_way - Duration::from_secs(60), half_way - Duration::from_secs(60)), (range.end, reached)] {
        let events = page(end).await.unwrap();
        let [LogEvent::History { reached, older, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert!(told(older) && reached.0.abs_diff(from.0) < 30_000_000_000, "{reached:?} {older:?}");
    }
}

#[tokio::test]
async fn lines_that_are_still_there_though_they_need_not_be_kept_are_no_gap() {
    let (fake, loki) = Fake::start().await;
    fake.keeps("30m");
    let range = last_hour(&loki);
    fake.write(range.start + Duration::from_secs(600), "not yet deleted");
    let mut reader = Reader::open(loki, QUERY, range, false);
    let end = reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Withheld(_), .. })).await;
    let LogEvent::History { reached, .. } = end else { panic!("no page") };
    assert_eq!(reached, range.start + Duration::from_secs(600));
}

#[tokio::test]
async fn a_window_that_loki_does_not_read_at_once_is_read_in_parts_by_whoever_asks() {
    let (fake, loki) = Fake::start().await;
    *fake.longest.lock().unwrap() = Some(Duration::from_secs(1000));
    let range = last_hour(&loki);
    for i in 0..60 {
        fake.write(range.start + Duration::from_secs(i * 60), &format!("{i:02}"));
    }
    let loki = Arc::new(loki);
    let mut reader = Reader::open(loki.clone(), QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    let all: Vec<String> = (0..60).map(|i| format!("{i:02}")).collect();
    assert_eq!(reader.sorted(), all);
    fake.tailed().await;
    fake.send(range.end, "the tail is there");
    reader.until_text("the tail is there").await;
    let (older, gaps, _) = rest_of(&loki, range, range.end).await;
    assert_eq!((older.len(), gaps), (60, Vec::new()));
    let (mut newer, mut from) = (Vec::new(), Some(range.start));
    while let Some(start) = from {
        let page = loki.newer(QUERY, TimeRange { start, ..range }).await.unwrap();
        newer.extend(page.lines.iter().map(|l| l.text.to_string()));
        from = page.left;
    }
    assert_eq!(newer, all);
}

#[tokio::test]
async fn a_page_that_loki_is_too_slow_for_is_asked_for_twice_and_then_told() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    *fake.broken.lock().unwrap() = Some(StatusCode::GATEWAY_TIMEOUT);
    loki.query_range(QUERY, range, 1, Direction::Backward).await.unwrap_err();
    let (once, _) = asked(&fake);
    let older = loki.older(QUERY, range).await.unwrap_err();
    assert_eq!((older.kind, asked(&fake).0), (ErrorKind::Server(504), 2 * once));
    let newer = loki.newer(QUERY, range).await.unwrap_err();
    assert_eq!((newer.kind, asked(&fake).0), (ErrorKind::Server(504), 2 * once));
}

#[tokio::test]
async fn a_history_of_which_nothing_is_handed_out_ends_after_few_questions() {
    let (fake, loki) = Fake::start().await;
    *fake.longest.lock().unwrap() = Some(Duration::ZERO);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    assert!(asked(&fake).0 < 50);
}

#[tokio::test]
async fn lines_of_crowded_seconds_count_though_some_of_them_are_passed_over() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    for i in 0..60_000 {
        fake.write(range.start + Duration::from_secs(60 * (i / 6000)), &i.to_string());
    }
    let mut reader = Reader::open(loki, QUERY, range, false);
    let page = reader.until(|e, _| matches!(e, LogEvent::History { older, .. } if *older != Older::Coming)).await;
    assert!(matches!(page, LogEvent::History { older: Older::Left(_), .. }), "all was read");
    assert_eq!(reader.texts.len(), 20_000);
}

/// All that a reader of a range is told.
async fn told(loki: &Loki, range: TimeRange) -> Vec<LogEvent> {
    let (out, mut events) = mpsc::channel(1);
    let mut told = Vec::new();
    let taking = async {
        while let Some(event) = events.recv().await {
            told.push(event);
        }
    };
    let (read, ()) = tokio::join!(loki.read(QUERY, range, Follow::No, out), taking);
    read.unwrap();
    told
}

#[tokio::test]
async fn a_reader_of_a_range_that_is_read_in_parts_is_told_of_no_failure() {
    let (fake, loki) = Fake::start().await;
    *fake.longest.lock().unwrap() = Some(Duration::from_secs(1000));
    let range = last_hour(&loki);
    fake.write(range.start, "first");
    let mut told = told(&loki, range).await;
    told.retain(|event| !matches!(event, LogEvent::ReadTo(_)));
    let [LogEvent::Lines(lines)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(&*lines[0].text, "first");
}

#[tokio::test]
async fn what_was_refused_to_one_reader_is_not_asked_for_by_the_next_one_of_the_same() {
    let (fake, loki) = Fake::start().await;
    *fake.longest.lock().unwrap() = Some(Duration::from_secs(1000));
    let range = last_hour(&loki);
    told(&loki, range).await;
    let first = asked(&fake).0;
    loki.older(QUERY, range).await.unwrap();
    assert_eq!(asked(&fake).0, 1, "a part that is answered");
    told(&loki, range).await;
    assert!(asked(&fake).0 < first);
    assert_eq!(loki.shares.of("{app=\"y\"}"), known::Share::default(), "of another query nothing is known");
}

#[tokio::test]
async fn a_reader_is_not_told_that_nothing_is_handed_out_where_that_is_not_known() {
    let (fake, loki) = Fake::start().await;
    fake.keeps("30m");
    let range = last_hour(&loki);
    fake.write(range.start, "not yet deleted");
    let withheld = |told: &[LogEvent]| told.iter().any(|e| matches!(e, LogEvent::History { older: Older::Withheld(_), .. }));
    assert!(!withheld(&told(&loki, range).await), "the line is there");
    *fake.longest.lock().unwrap() = Some(Duration::from_secs(1000));
    let told = told(&loki, range).await;
    assert!(!withheld(&told) && told.iter().any(|e| matches!(e, LogEvent::Lines(_))), "{told:?}");
}
