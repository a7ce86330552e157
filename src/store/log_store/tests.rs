//! Lines in order, each once, bounded, shown and hidden.

use proptest::prelude::*;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{
    model::trace::{SpanId, TraceId},
    store::Pattern,
};

fn line(at: i64, stream: &str, text: &str) -> LogLine {
    LogLine {
        at: Timestamp(at),
        stream: Arc::new([("app", stream), ("__stream_shard__", text)].into_iter().collect()),
        metadata: [("pod", "a-1")].into_iter().collect(),
        text: text.into(),
        level: if text.contains("bad") { Level::Error } else { Level::Info },
        trace: text.contains("trace").then_some(TraceId(7)),
        span: text.contains("trace").then_some(SpanId(9)),
        trace_from: text.contains("trace").then_some("text"),
        copy: 0,
    }
}

/// Shows other lines, and waits for it.
fn show(store: &mut LogStore, show: Show) {
    store.set_show(show);
    finish(store);
}

fn finish(store: &mut LogStore) {
    if let Some(job) = store.filter_job(None) {
        job.run(&|| false, &mut |news| store.take_filtered(&news));
    }
    assert_eq!(store.open(), 0);
}

fn texts(store: &LogStore) -> Vec<String> {
    store.window(0).map(|l| format!("{} {}", l.id.at, l.text)).collect()
}

#[test]
fn late_lines_slide_into_place_and_copies_are_dropped() {
    let mut store = LogStore::new(1 << 20);
    assert_eq!(store.insert(vec![line(30, "a", "c"), line(10, "a", "a")]), 2);
    assert_eq!(store.insert(vec![line(20, "a", "trace b"), line(30, "a", "c"), line(30, "b", "c")]), 2);
    assert_eq!(texts(&store), ["10 a", "20 trace b", "30 c", "30 c"]);
    let late = store.get(1).unwrap();
    assert_eq!((late.trace, late.span, late.trace_from), (Some(TraceId(7)), Some(SpanId(9)), Some("text")));
    assert_eq!(late.metadata().collect::<Vec<_>>(), [("pod", "a-1")]);
    assert_eq!(late.stream.to_string(), r#"{app="a"}"#);
}

#[test]
fn copies_within_an_answer_are_lines_of_their_own() {
    let mut store = LogStore::new(1 << 20);
    let copies = |n| (0..n).map(|copy| LogLine { copy, ..line(10, "a", "a") }).collect::<Vec<_>>();
    assert_eq!((store.insert(copies(2)), store.insert(copies(3)), store.len()), (2, 1, 3));
}

#[test]
fn a_cursor_stays_on_its_line() {
    let mut store = LogStore::new(1 << 20);
    store.insert(vec![line(10, "a", "a"), line(30, "a", "c")]);
    let id = store.get(1).unwrap().id;
    store.insert(vec![line(20, "a", "b"), line(40, "a", "d")]);
    assert_eq!((store.position(id), store.get(2).unwrap().text), (2, "c"));
    show(&mut store, Show { pattern: Pattern::parse("!c").unwrap(), ..Show::default() });
    assert_eq!(store.get(store.position(id)).unwrap().text, "d");
}

#[test]
fn what_is_shown_follows_filter_level_and_hold() {
    let mut store = LogStore::new(1 << 20);
    store.insert((0..10).map(|i| line(i, "a", if i % 3 == 0 { "bad thing" } else { "Good thing" })).collect());
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    assert_eq!(store.shown(), 4);
    store.insert(vec![line(20, "a", "bad again"), line(21, "a", "good again")]);
    assert_eq!(store.shown(), 5);
    show(
        &mut store,
        Show {
            pattern: Pattern::parse("good").unwrap(),
            held: Some(Mark { arrivals: 10, oldest: Timestamp(0), newest: Timestamp(9) }),
            ..Show::default()
        },
    );
    assert_eq!((store.waiting(), store.waiting_to_show()), (2, 1));
    store.insert(vec![line(5, "b", "good and late")]);
    assert_eq!((store.shown(), store.len()), (6, 13));
    assert_eq!((store.waiting(), store.waiting_to_show()), (3, 2), "a late one waits as well");
    store.insert(vec![line(-5, "b", "good and old")]);
    assert_eq!((store.shown(), store.waiting()), (7, 3), "what lies before all that was there");
    assert_eq!(store.oldest(), Some(Timestamp(-5)));
    show(&mut store, Show::default());
    assert_eq!((store.next_at_level(10, Level::Error), store.next_at_level(11, Level::Error)), (Some(11), Some(12)));
    assert_eq!(store.next_at_level(12, Level::Error), Some(1));
    assert_eq!((store.previous_at_level(12, Level::Error), store.previous_at_level(11, Level::Error)), (Some(11), Some(8)));
    assert_eq!(store.previous_at_level(1, Level::Error), Some(12), "from the last one again");
}

#[test]
fn what_arrived_since_a_mark_is_counted_across_segments() {
    let mut store = LogStore::new(1 << 30);
    let lines = |range: std::ops::Range<i64>| range.map(|i| line(i, "a", if i % 10 == 7 { "bad" } else { "good" })).collect::<Vec<_>>();
    store.insert(lines(10_000..19_000));
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    let mark = store.mark();
    store.insert(lines(19_000..29_000));
    store.insert(lines(5_000..10_000));
    store.insert((0..50).map(|i| line(15_000 + i, "b", "bad and late")).collect());
    assert_eq!(store.shown_since(mark), 1050);
    assert_eq!(store.shown_since(mark.by_time()), 1000, "late ones are not newer");
    let held = Show { held: Some(mark), ..store.show().clone() };
    show(&mut store, held);
    assert_eq!((store.waiting(), store.waiting_to_show(), store.shown()), (10_050, 1050, 1400));
    store.insert(lines(29_000..39_000));
    assert_eq!((store.waiting(), store.waiting_to_show(), store.shown()), (20_050, 2050, 1400));
    assert_eq!(store.shown_since(mark), 0);
}

#[test]
fn many_lines_are_filtered_as_few_are() {
    let mut store = LogStore::new(1 << 30);
    let lines = |i| line(i, "a", if i % 1000 == 7 { "bad thing" } else { "good thing" });
    store.insert((0..120_000).map(lines).collect());
    show(&mut store, Show { pattern: Pattern::parse("bad").unwrap(), ..Show::default() });
    let shown: Vec<i64> = store.window(0).map(|l| l.id.at.0).collect();
    assert_eq!(shown, (0..120).map(|i| i * 1000 + 7).collect::<Vec<_>>());
    show(&mut store, Show::default());
    assert_eq!(store.shown(), 120_000);
}

#[test]
fn lines_about_the_cursor_are_filtered_at_once_and_the_rest_by_a_worker() {
    let mut store = LogStore::new(1 << 30);
    let lines = |range: std::ops::Range<i64>| {
        range.map(|i| line(i * 2, "a", if i % 100 == 7 { "bad thing" } else { "good thing" })).collect::<Vec<_>>()
    };
    store.insert(lines(0..60_000));
    let id = store.get(30_000).unwrap().id;
    let bad = Show { pattern: Pattern::parse("bad").unwrap(), ..Show::default() };
    store.set_show(bad.clone());
    store.look_around(Some(id), 5);
    let near: Vec<i64> = store.window(0).map(|l| l.id.at.0).collect();
    assert_eq!(near, (295..305).map(|i| (i * 100 + 7) * 2).collect::<Vec<_>>());
    assert_eq!(store.position(id), 5, "the cursor is between them");
    store.look_around(Some(id), 5);
    assert_eq!(store.shown(), 10, "what is known is not looked for again");
    let job = store.filter_job(Some(id)).unwrap();
    let mut parts = Vec::new();
    job.run(&|| false, &mut |news| parts.push(news));
    assert!(parts.len() > 1 && parts.iter().rposition(|p| p.is_last) == Some(parts.len() - 1));
    // Meanwhile lines come: at the end, late ones into the midst of others, and older ones.
    store.insert(lines(60_000..61_000));
    store.insert((0..50).map(|i| line(40_001 + i * 2, "b", if i % 10 == 3 { "bad and late" } else { "late" })).collect());
    store.insert(vec![line(-5, "b", "bad and old")]);
    store.take_filtered(&parts[0]);
    let some = store.shown();
    assert!((11..610).contains(&some) && store.open() > 0, "{some}");
    parts[1..].iter().for_each(|part| store.take_filtered(part));
    finish(&mut store);
    let shown = texts(&store);
    assert_eq!(shown.len(), 610 + 5 + 1);
    assert!(
        shown.iter().all(|text| text.contains("bad")) && shown.is_sorted_by_key(|t| t.split(' ').next().unwrap().parse::<i64>().unwrap())
    );
    // A worker that nobody listens to stops.
    store.set_show(Show { level: Level::Error, ..bad });
    let (mut told, is_stopped) = (0, AtomicBool::new(false));
    store.filter_job(None).unwrap().run(&|| is_stopped.load(Ordering::Relaxed), &mut |_| {
        told += 1;
        is_stopped.store(true, Ordering::Relaxed);
    });
    assert_eq!(told, 1);
}

#[test]
fn a_pause_does_not_filter_again() {
    let mut store = LogStore::new(1 << 30);
    store.insert((0..20_000).map(|i| line(i, "a", if i % 10 == 7 { "bad" } else { "good" })).collect());
    let bad = Show { pattern: Pattern::parse("bad").unwrap(), ..Show::default() };
    show(&mut store, bad.clone());
    let mark = store.mark();
    store.set_show(Show { held: Some(mark), ..bad.clone() });
    store.insert(vec![line(20_007, "a", "bad"), line(20_008, "a", "good")]);
    assert_eq!((store.open(), store.shown(), store.waiting(), store.waiting_to_show()), (0, 2000, 2, 1));
    store.set_show(bad);
    assert_eq!((store.open(), store.shown(), store.waiting()), (0, 2001, 0));
}

#[test]
fn lines_that_come_in_order_take_little_more_than_their_text() {
    let mut store = LogStore::new(1 << 30);
    let text = "x".repeat(300);
    for batch in 0..500 {
        store.insert((0..100).map(|i| line(batch * 100 + i, "a", &text)).collect());
    }
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    let raw = 50_000 * (text.len() + "poda-1".len());
    assert!(store.bytes() < raw * 6 / 5, "{} for {raw}", store.bytes());
    assert_eq!((store.len(), store.shown()), (50_000, 0));
}

#[test]
fn the_oldest_go_first_and_are_counted() {
    let mut store = LogStore::new(200_000);
    for batch in 0..40 {
        store.insert((0..1000).map(|i| line(batch * 1000 + i, "a", &format!("line {batch} {i}"))).collect());
    }
    assert!(store.bytes() <= 200_000, "{}", store.bytes());
    assert_eq!(store.len() as u64 + store.dropped(), 40_000);
    assert_eq!(store.get(store.shown() - 1).unwrap().text, "line 39 999");
    let len = store.len();
    assert_eq!(store.insert(vec![line(1, "a", "line 0 1")]), 0);
    assert_eq!(store.len(), len);
}

#[test]
fn labels_of_each_line_alone_are_bounded_too() {
    let mut store = LogStore::new(2_000_000);
    let line = |i: i64| {
        let request = format!("a request with the number {i}");
        LogLine { stream: Arc::new([("request", &request)].into_iter().collect()), ..line(i, "a", "short") }
    };
    for batch in 0..60 {
        store.insert((0..1000).map(|i| line(batch * 1000 + i)).collect());
        assert!(store.bytes() <= 2_000_000, "{}", store.bytes());
    }
    assert_eq!(store.len() as u64 + store.dropped(), 60_000);
    assert!((2_000_000 / 300..2_000_000 / 100).contains(&store.len()), "{} lines, and their labels, fill it", store.len());
    for kept in store.window(0) {
        assert_eq!(kept.stream.get("request"), Some(&*format!("a request with the number {}", kept.id.at.0)));
    }
    // Copies and late lines that are not taken leave no labels behind.
    let before = store.bytes();
    store.insert((0..20_000).map(line).collect());
    assert_eq!((store.insert((59_990..60_000).map(line).collect()), store.bytes()), (0, before));
}

#[test]
fn lines_of_one_instant_are_bounded_too() {
    let mut store = LogStore::new(100_000);
    for n in 0..20 {
        store.insert((0..200).map(|i| line(5, "a", &format!("line {n} {i}"))).collect());
    }
    assert!(store.bytes() <= 100_000 && !store.is_empty());
}

#[test]
fn lines_that_nobody_asks_for_any_more_make_room_for_older_ones() {
    let mut store = LogStore::new(8 << 20);
    let texts = [format!("bad {}", "x".repeat(500)), format!("good {}", "x".repeat(500))];
    let lines = |range: std::ops::Range<i64>, bad: i64| range.map(|i| line(i, "a", &texts[usize::from(i % bad != 0)])).collect::<Vec<_>>();
    for batch in 100..140 {
        store.insert(lines(batch * 1000..(batch + 1) * 1000, 100));
    }
    assert!(store.dropped() > 0 && !store.has_room());
    assert_eq!(store.insert(lines(0..1000, 1)), 0, "older than what was dropped");
    let dropped = store.oldest();

    store.ask_anew(Level::Error, &[]);
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    let kept = store.shown();
    assert!(kept > 100 && store.has_room());
    for page in (0..6).rev() {
        let range = page * 1000..(page + 1) * 1000;
        assert_eq!(store.insert(lines(range.clone(), 1)), 1000);
        // Loki hands out lines whose level it does not know.
        store.insert(lines(range, 1_000_000));
        assert!(store.has_room() && store.bytes() <= 8 << 20, "{page}: {}", store.bytes());
    }
    assert_eq!((store.dropped(), store.shown(), store.oldest()), (0, kept + 6000, Some(Timestamp(0))));
    let ids: Vec<LineId> = store.window(0).map(|l| l.id).collect();
    assert!(ids.is_sorted() && dropped > Some(Timestamp(6000)));

    // Once all are lines that are asked for, the oldest go as ever.
    for batch in 140..170 {
        store.insert(lines(batch * 1000..(batch + 1) * 1000, 1));
    }
    assert!(store.dropped() > 6000 && store.bytes() <= 8 << 20 && !store.has_room());
    let newest = store.window(store.shown() - 1000).map(|l| l.id.at.0).collect::<Vec<_>>();
    assert_eq!(newest, (169_000..170_000).collect::<Vec<_>>());
}

#[test]
fn lines_that_a_local_filter_hides_are_no_room_for_older_ones() {
    for is_known in [false, true] {
        let mut store = LogStore::new(8 << 20);
        let text = |i: i64| format!("{} {i} {}", if i % 4 == 0 { "bad" } else { "good" }, "x".repeat(500));
        let lines = |range: std::ops::Range<i64>| range.map(|i| line(i, "a", &text(i))).collect::<Vec<_>>();
        let errors = |range: std::ops::Range<i64>| lines(range).into_iter().filter(|l| l.level == Level::Error).collect::<Vec<_>>();
        for batch in 100..140 {
            store.insert(lines(batch * 1000..(batch + 1) * 1000));
        }
        store.ask_anew(Level::Error, &[]);
        let asked = Show { level: Level::Error, ..Show::default() };
        if is_known {
            show(&mut store, asked.clone());
        }
        // Whatever is typed, what is asked for stays.
        show(&mut store, Show { pattern: Pattern::parse("nowhere").unwrap(), ..asked.clone() });
        assert_eq!(store.has_room(), is_known, "of what is hidden it is not known whether it is asked for");
        let mut page = 100;
        while store.has_room() {
            page -= 1;
            store.insert(errors(page * 1000..(page + 1) * 1000));
            assert_eq!((store.dropped(), store.oldest()), (0, Some(Timestamp(page * 1000))), "what was just read is kept");
        }
        assert_eq!(page < 95, is_known, "{page}");
        show(&mut store, asked);
        let oldest = store.get(0).unwrap().id.at.0;
        assert!(if is_known { oldest == page * 1000 } else { oldest > 100_000 });
        assert!(store.window(0).all(|l| l.level == Level::Error) && store.window(0).last().unwrap().id.at.0 == 139_996);
    }
}

proptest! {
    #[test]
    fn any_order_and_repetition_is_the_same_sorted_set(
        lines in prop::collection::vec((0i64..300, 0u8..3, 0u8..4), 1..400),
        cuts in prop::collection::vec((0usize..400, 1usize..120), 1..20),
    ) {
        let lines: Vec<LogLine> = lines.iter().map(|(at, s, t)| line(*at, &s.to_string(), &format!("{t} bad"))).collect();
        let mut wanted: Vec<_> = lines.iter().map(|l| (l.at, l.stream.get("app").unwrap_or("").to_owned(), l.text.clone())).collect();
        wanted.sort();
        wanted.dedup();
        let mut store = LogStore::new(1 << 24);
        let mut cursor = None;
        for (from, length) in &cuts {
            let from = from % lines.len();
            store.insert(lines[from..lines.len().min(from + length)].to_vec());
            if let Some((id, text)) = &cursor {
                let at = store.get(store.position(*id)).unwrap();
                prop_assert_eq!((at.id, at.text), (*id, text as &str));
            } else {
                cursor = store.get(store.shown() / 2).map(|l| (l.id, l.text.to_owned()));
            }
        }
        store.insert(lines);
        let ids: Vec<LineId> = store.window(0).map(|l| l.id).collect();
        prop_assert!(ids.is_sorted());
        let mut got: Vec<_> = store.window(0).map(|l| (l.id.at, l.stream.get("app").unwrap_or("").to_owned(), Box::<str>::from(l.text))).collect();
        got.sort();
        prop_assert_eq!(got, wanted);
        for (i, id) in ids.iter().enumerate() {
            prop_assert_eq!(store.position(*id), i);
        }
    }
}
