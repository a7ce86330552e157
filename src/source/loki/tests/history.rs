//! History in pages, newest first, and what is read on when it is asked for.

use super::*;

#[tokio::test]
async fn history_and_tail_overlap_without_a_line_twice() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    for i in 0..1000 {
        fake.write(range.start + Duration::from_secs(i), &format!("old {i:04}"));
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    // The tail repeats what history has, and goes on.
    fake.send(range.start + Duration::from_secs(999), "old 0999");
    fake.send(range.end, "new");
    reader.until_text("new").await;
    reader.until(|_, texts| texts.len() >= 1001).await;
    let mut expected: Vec<String> = (0..1000).map(|i| format!("old {i:04}")).collect();
    expected.insert(0, "new".to_owned());
    assert_eq!(reader.sorted(), expected);
}

#[tokio::test]
async fn history_comes_newest_page_first_and_says_when_it_is_complete() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    for i in 0..700 {
        fake.write(range.start + Duration::from_secs(i), &i.to_string());
    }
    let mut reader = Reader::open(loki, QUERY, range, false);
    let page = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::History { .. });
    let LogEvent::History { lines, reached, older } = reader.until(page).await else { panic!() };
    assert!(older == Older::Coming && reached == lines[0].at && &*lines.last().unwrap().text == "699");
    assert!(lines.is_sorted_by_key(|l| l.at));
    let LogEvent::History { reached, .. } = reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await else {
        panic!()
    };
    assert_eq!((reached, reader.texts.len()), (range.start, 700));
}

#[tokio::test]
async fn history_stops_by_itself_and_is_read_on_when_asked_without_loss() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    // 60,000 lines in bursts of 3,000 of one instant: more than a page each.
    for i in 0..60_000 {
        fake.write(range.start + Duration::from_secs(60 * (i / 3000)), &format!("{i:05}"));
    }
    let loki = Arc::new(loki);
    let mut reader = Reader::open(loki.clone(), QUERY, range, false);
    let left = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::History { older: Older::Left(_), .. });
    let LogEvent::History { older: Older::Left(before), .. } = reader.until(left).await else { panic!() };
    assert!((20_000..30_000).contains(&reader.texts.len()), "{}", reader.texts.len());
    let (rest, cuts, _) = rest_of(&loki, range, before).await;
    let mut all: Vec<String> = reader.texts.iter().cloned().chain(rest.iter().map(|l| l.text.to_string())).collect();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), cuts), (60_000, Vec::new()));
}

#[tokio::test]
async fn an_instant_of_more_lines_than_the_server_hands_out_is_passed_and_told() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let burst = range.start + Duration::from_secs(60);
    fake.write(range.start, "oldest");
    (0..6000).for_each(|i| fake.write(burst, &i.to_string()));
    let (read, cuts, _) = rest_of(&loki, range, range.end).await;
    assert_eq!((&*read.last().unwrap().text, cuts), ("oldest", vec![burst]));
}
