//! Lines that stand several times, come late or are lost, found by counting.

use super::*;

#[tokio::test]
async fn a_line_stands_as_often_as_an_answer_says() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::NOT_FOUND);
    let range = last_hour(&loki);
    (0..2).for_each(|_| fake.write(range.start, "twice"));
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    (0..3).for_each(|_| fake.write(range.end, "three times"));
    fake.write(range.end, "once");
    reader.until(|_, texts| texts.len() >= 6).await;
    fake.write(range.end, "last");
    reader.until_text("last").await;
    assert_eq!(reader.sorted(), ["last", "once", "three times", "three times", "three times", "twice", "twice"]);
}

#[tokio::test]
async fn lines_of_before_a_long_outage_are_known_however_many_came_after_it() {
    let (fake, loki) = Fake::start().await;
    let end = loki.now() - TAKEN_IN - Duration::from_secs(1);
    let outage = end - Duration::from_secs(700);
    let line = |at: Timestamp, text: String| {
        fake.write(at, &text);
        let mut line = decoded(&json!([fake::stream(&[(at.0, text)])]).to_string(), false);
        line.remove(0)
    };
    let before = line(outage - Duration::from_secs(5), "before it".to_owned());
    // By a clock that is wrong.
    let ahead = line(end + Duration::from_secs(500), "ahead".to_owned());
    let since: Vec<LogLine> = (0..20).map(|i| line(end - Duration::from_millis(i), i.to_string())).collect();
    let link = stream::Link::default();
    *link.delivered() = join::Seen::with_room(10, 1000);
    let (input, inputs) = mpsc::channel(8);
    let (out, mut events) = mpsc::channel(8);
    for lines in [vec![before], vec![ahead], since] {
        input.send(stream::Input::Tail(lines)).await.unwrap();
    }
    let range = TimeRange { start: outage - Duration::from_secs(60), end };
    let reading = async {
        let input = input;
        assert!(reconcile::Reconciler::new(&loki, QUERY, &link, &input, range, outage).run().await, "all was read");
    };
    let mut texts = Vec::new();
    let taking = async {
        while let Some(event) = events.recv().await {
            if let LogEvent::Lines(lines) = event {
                texts.extend(lines.into_iter().map(|l| l.text.to_string()));
            }
        }
    };
    let delivering = async {
        let out = out;
        stream::deliver(inputs, &link, &out).await;
    };
    tokio::join!(reading, delivering, taking);
    texts.sort();
    assert_eq!(texts.iter().filter(|t| *t == "before it").count(), 1, "{texts:?}");
    assert_eq!(texts.len(), 22, "{texts:?}");
}

#[tokio::test]
async fn a_line_that_comes_minutes_late_is_found_by_counting() {
    let (fake, mut loki) = Fake::start().await;
    (loki.pace.late, loki.pace.every) = (loki.pace.poll, loki.pace.poll);
    let range = last_hour(&loki);
    for i in 0..500 {
        fake.write(range.end - Duration::from_secs(500 - i), &format!("on time {i}"));
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.end - Duration::from_secs(300), "five minutes late");
    reader.until_text("five minutes late").await;
    assert_eq!(reader.texts.len(), 501);
}

#[tokio::test]
async fn a_server_that_counts_little_is_asked_for_less_and_what_is_not_looked_for_is_told() {
    let (fake, mut loki) = Fake::start().await;
    (loki.pace.late, loki.pace.every) = (loki.pace.poll, loki.pace.poll);
    let words = "the query would read too many bytes (query: 2GB, limit: 1GB)";
    *fake.counted.lock().unwrap() = Some((100, words));
    let range = last_hour(&loki);
    for i in 0..500 {
        fake.write(range.end - Duration::from_secs(500 - i), &format!("on time {i}"));
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    let unsought = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::Tail(TailState::LateUnsought { .. }));
    let LogEvent::Tail(TailState::LateUnsought { after, why }) = reader.until(unsought).await else { panic!() };
    assert!(why == words && (200..400).contains(&after.as_secs()), "{after:?} {why}");
    fake.write(range.end - Duration::from_secs(200), "late");
    reader.until_text("late").await;
}

#[tokio::test]
async fn a_count_that_is_refused_is_tried_again_later_and_both_are_told() {
    let (fake, mut loki) = Fake::start().await;
    (loki.pace.late, loki.pace.every, loki.pace.refused) = (loki.pace.poll, loki.pace.poll, loki.pace.poll);
    *fake.counted.lock().unwrap() = Some((0, "pipeline error: 'JSONParserErr'"));
    let range = last_hour(&loki);
    for i in 0..500 {
        fake.write(range.end - Duration::from_secs(500 - i), &format!("on time {i}"));
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::LateUnsought { why, .. }) if why.contains("JSONParserErr"))).await;
    fake.write(range.end - Duration::from_secs(300), "late");
    *fake.counted.lock().unwrap() = None;
    reader.until(|e, _| *e == LogEvent::Tail(TailState::LateSought)).await;
    reader.until_text("late").await;
}

#[tokio::test]
async fn a_night_is_counted_by_the_hour() {
    let (fake, loki) = Fake::start().await;
    let end = loki.now().secs();
    let night = end - 8 * 3600 + 1..=end;
    for second in night.clone().step_by(7) {
        fake.write(Timestamp::from_secs(second), "z");
    }
    let link = stream::Link::default();
    let (input, _inputs) = mpsc::channel(1);
    let range = TimeRange { start: Timestamp::ZERO, end: Timestamp::LATEST };
    let mut reconciler = reconcile::Reconciler::new(&loki, QUERY, &link, &input, range, range.start);
    let Ok(Some(counted)) = reconciler.count(&night).await else { panic!("it counts") };
    assert!(counted.into_keys().eq(night.step_by(7)));
    // Loki answers no more than 11,000 points.
    assert_eq!(asked(&fake), (0, 8));
}

#[tokio::test]
async fn a_stream_at_rest_is_asked_for_once_a_round_and_counted_once_a_minute() {
    let (fake, mut loki) = Fake::start().await;
    // A minute in a twentieth of it.
    let scaled = |real: Duration| real / 20;
    let real = Pace::default();
    loki.pace = Pace {
        every: scaled(real.every),
        poll: scaled(real.poll),
        least: scaled(real.least),
        late: scaled(real.late),
        woken: scaled(real.woken),
        ..loki.pace
    };
    let range = last_hour(&loki);
    for i in 0..1000 {
        fake.write(range.end - Duration::from_millis(500 * i), &i.to_string());
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.counted(1).await;
    asked(&fake);
    fake.counted(2).await;
    let (lines, counts) = asked(&fake);
    assert!((1..=22).contains(&lines) && counts == 2, "{lines} questions for lines, {counts} counts in two minutes");
}

#[tokio::test]
async fn of_a_stream_that_is_too_fast_to_read_again_only_what_the_tail_lost_is_read() {
    let (fake, mut loki) = Fake::start().await;
    loki.pace.every = loki.pace.poll;
    let range = last_hour(&loki);
    for i in 0..20_000 {
        fake.write(range.end - Duration::from_secs(10) + Duration::from_micros(400 * i), &i.to_string());
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    reader.until(|e, _| matches!(e, LogEvent::History { older, .. } if *older != Older::Coming)).await;
    fake.counted(3).await;
    asked(&fake);
    fake.counted(3).await;
    let (lines, counts) = asked(&fake);
    assert_eq!((lines, counts), (0, 3), "nothing is missing, so no line is read again");
    fake.write(range.end - Duration::from_secs(5), "lost");
    reader.until_text("lost").await;
    assert_eq!(reader.texts.len(), 20_001, "each once");
}

#[tokio::test]
async fn of_joined_streams_the_last_second_of_a_window_is_read_though_it_is_not_a_whole_one() {
    let (fake, loki) = Fake::start().await;
    let end = Timestamp::from_secs(loki.now().secs()) - TAKEN_IN + Duration::from_millis(1500);
    let loki = Arc::new(loki);
    let _other = loki.together.follow();
    let mut reader = Reader::open(loki.clone(), QUERY, TimeRange { start: end - Duration::from_secs(100), end }, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(end - Duration::from_millis(100), "at the end");
    fake.write(end + Duration::from_millis(100), "after it");
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Off)).await;
    assert_eq!(reader.texts, ["at the end"]);
    assert!(asked(&fake).1 > 0, "they are counted");
}

#[tokio::test]
async fn of_joined_streams_no_line_of_before_a_window_is_read_though_it_begins_within_a_second() {
    for length in [Duration::from_secs(10), Duration::from_millis(300)] {
        let (fake, loki) = Fake::start().await;
        let end = Timestamp::from_secs(loki.now().secs()) - TAKEN_IN + Duration::from_millis(1500);
        let start = end - length;
        let loki = Arc::new(loki);
        let _other = loki.together.follow();
        fake.write(start - Duration::from_millis(100), "before it");
        let mut reader = Reader::open(loki.clone(), QUERY, TimeRange { start, end }, false);
        reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
        fake.write(start + Duration::from_millis(100), "in it");
        reader.until(|e, _| *e == LogEvent::Tail(TailState::Off)).await;
        assert_eq!(reader.texts, ["in it"], "{length:?}");
    }
}

#[test]
fn what_is_refused_is_soon_tried_again_and_then_ever_later() {
    let rests = [1, 2, 3, 4, 5, 60].map(|refusals| stream::Pace::default().rest(refusals).as_secs());
    assert_eq!(rests, [30, 60, 120, 240, 300, 300]);
}
