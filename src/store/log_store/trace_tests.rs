//! Stack traces whose lines came one by one.

use proptest::prelude::*;

use super::*;
use crate::{
    log_fields::{level::level, trace_id::Told},
    store::{Condition, Pattern, segment::BYTES},
};

/// A line of a stream; `at` in milliseconds.
pub(super) fn line(at: i64, stream: &str, text: &str) -> LogLine {
    let none = Told::default();
    LogLine {
        at: Timestamp::from_millis(at),
        stream: Arc::new([("app", stream)].into_iter().collect()),
        text: text.into(),
        level: level(&none, &none, text),
        ..LogLine::default()
    }
}

const TRACE: [&str; 5] = [
    "2026-11-22 05:01:02.123 ERROR Api : order failed",
    "java.lang.IllegalStateException: outer",
    "\tat com.shop.Api.pay(Api.java:7)",
    "Caused by: java.sql.SQLException: no luck",
    "\tat com.shop.Pool.take(Pool.java:44)",
];

pub(super) const PANIC: &str = "thread 'main' (4711) panicked at src/main.rs:1:1:";

/// A trace of a stream, a line every two milliseconds.
pub(super) fn trace(at: i64, stream: &str) -> Vec<LogLine> {
    (at..).step_by(2).zip(TRACE).map(|(at, text)| line(at, stream, text)).collect()
}

/// Rows of the list: how many lines each shows, and the first of them.
pub(super) fn rows(store: &LogStore) -> Vec<String> {
    let row = |(_, l): (usize, Line<'_>)| format!("{} {}", store.whole(&l).lines().count(), l.text);
    let rows: Vec<String> = store.rows_from(0).map(row).collect();
    let mut backward: Vec<String> = store.rows_before(store.shown()).map(row).collect();
    backward.reverse();
    assert_eq!(rows, backward);
    let lines = |(_, l): (usize, Line<'_>)| {
        let parts = store.parts(store.place_of(l.id).unwrap());
        parts.flat_map(|(lines, lead)| lines.folds.rows(lead).map(|row| lines.rows[row].id())).collect::<Vec<_>>()
    };
    let mut told: Vec<LineId> = store.rows_from(0).flat_map(lines).collect();
    told.sort_unstable();
    assert!(told.windows(2).all(|two| two[0] != two[1]), "a line is in two rows");
    assert!(store.window(0).all(|l| told.binary_search(&l.id).is_ok()), "a shown line is in no row");
    let starts: Vec<usize> = store.rows_from(0).map(|(n, _)| n).collect();
    for i in 0..store.shown() {
        assert!(starts.contains(&store.row_of(i)), "{i} of {starts:?}");
    }
    rows
}

fn show(store: &mut LogStore, show: Show) {
    store.set_show(show);
    finish(store);
}

fn finish(store: &mut LogStore) {
    if let Some(job) = store.filter_job(None) {
        job.run(&|| false, &mut |news| store.take_filtered(&news));
    }
}

fn pattern(typed: &str) -> Show {
    Show { pattern: Pattern::parse(typed).unwrap(), ..Show::default() }
}

pub(super) const HEAD: &str = "5 2026-11-22 05:01:02.123 ERROR Api : order failed";

#[test]
fn lines_of_a_trace_are_one_row_whatever_comes_between_and_in_whatever_order() {
    let others = |at: i64| [line(at + 1, "b", "INFO x"), line(at + 3, "c", "\tat c.C.c(C.java:1)"), line(at + 9, "a", "INFO served")];
    let all: Vec<LogLine> = trace(100, "a").into_iter().chain(others(100)).collect();
    let expected = [HEAD, "1 INFO x", "1 \tat c.C.c(C.java:1)", "1 INFO served"];
    let mut store = LogStore::new(1 << 20);
    store.insert(all.clone());
    assert_eq!(rows(&store), expected);
    assert_eq!((store.len(), store.shown()), (8, 8), "lines are what the server holds");
    for i in 0..all.len() {
        let mut store = LogStore::new(1 << 20);
        let (late, rest) = (all[i].clone(), [&all[..i], &all[i + 1..]].concat());
        store.insert(rest);
        let cursor = store.get(store.row_of(2)).unwrap();
        let (id, stream) = (cursor.id, cursor.stream.clone());
        store.insert(vec![late]);
        assert_eq!(rows(&store), expected, "{} comes late", all[i].text);
        let cursor = store.get(store.row_of(store.position(id))).unwrap();
        assert_eq!((cursor.stream, cursor.text.starts_with('\t')), (&stream, *stream == *line(0, "c", "").stream));
    }
    let mut store = LogStore::new(1 << 20);
    all.into_iter().rev().for_each(|line| _ = store.insert(vec![line]));
    assert_eq!(rows(&store), expected, "the last one first");
}

#[test]
fn what_is_far_or_of_another_thread_goes_on_from_nothing() {
    let mut store = LogStore::new(1 << 20);
    store.insert(vec![line(0, "a", TRACE[1]), line(5_000, "a", TRACE[2]), line(5_001, "a", "INFO x"), line(5_002, "a", TRACE[4])]);
    assert_eq!(rows(&store), [TRACE[1], TRACE[2], "INFO x", TRACE[4]].map(|text| format!("1 {text}")));
    store.insert(vec![line(5_003, "a", TRACE[2]), line(2_500, "a", TRACE[4])]);
    assert_eq!(rows(&store)[..2], [format!("3 {}", TRACE[1]), "1 INFO x".to_owned()], "one between brings both together");
    assert_eq!(rows(&store)[2], format!("2 {}", TRACE[4]), "frames without a first line are together");
    let mut store = LogStore::new(1 << 20);
    store.insert(vec![line(0, "a", TRACE[0]), line(1_000, "a", TRACE[1]), line(1_001, "a", TRACE[2])]);
    assert_eq!(rows(&store), [format!("1 {}", TRACE[0]), format!("2 {}", TRACE[1])], "a failure of before led to nothing here");
}

#[test]
fn a_trace_passes_a_filter_as_one_line_does() {
    let lines = || [trace(100, "a"), vec![line(200, "a", "INFO no luck"), line(201, "a", "INFO y")]].concat();
    for (typed, expected) in [
        ("no luck", vec![HEAD, "1 INFO no luck"]),
        ("!no luck", vec!["1 INFO y"]),
        ("order failed", vec![HEAD]),
        ("Pool.java", vec![HEAD]),
        ("/failed\\njava/", vec![HEAD]),
    ] {
        let mut store = LogStore::new(1 << 20);
        store.insert(lines());
        show(&mut store, pattern(typed));
        assert_eq!(rows(&store), expected, "{typed}");
        let mut store = LogStore::new(1 << 20);
        show(&mut store, pattern(typed));
        lines().into_iter().for_each(|line| _ = store.insert(vec![line]));
        assert_eq!(rows(&store), expected, "{typed}, line by line");
        assert_eq!(store.shown() == 5, typed == "order failed" || typed == "Pool.java" || typed.starts_with('/'));
    }
    let mut store = LogStore::new(1 << 20);
    store.insert(lines());
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    assert_eq!((rows(&store), store.shown()), (vec![HEAD.to_owned()], 5), "frames are as bad as their first line");
}

#[test]
fn the_next_error_is_a_trace_once_and_as_bad_as_it_says() {
    let mut store = LogStore::new(1 << 20);
    store.insert(vec![line(0, "a", "INFO x")]);
    store.insert(trace(100, "a"));
    store.insert(vec![line(200, "a", "ERROR y"), line(300, "a", "java.lang.X: y"), line(301, "a", "Caused by: ERROR")]);
    assert_eq!(store.get(7).unwrap().level, Level::Error, "one that says nothing is as bad as what led to it");
    let next = |after| store.next_at_level(after, Level::Error);
    assert_eq!((next(0), next(1), next(6), next(7)), (Some(1), Some(6), Some(7), Some(1)));
    assert_eq!((store.previous_at_level(7, Level::Error), store.previous_at_level(1, Level::Error)), (Some(6), Some(7)));
}

/// A trace that begins with a warning and whose cause is an error.
fn warned(at: i64, stream: &str) -> Vec<LogLine> {
    let texts = ["2026-11-22 05:01:02.123 WARN Api : order failed", TRACE[1], TRACE[2], "Caused by: a.PSQLException: ERROR: deadlock"];
    (at..).step_by(2).zip(texts).map(|(at, text)| line(at, stream, text)).collect()
}

#[test]
fn a_trace_is_as_bad_as_the_worst_of_its_lines() {
    let mut store = LogStore::new(1 << 20);
    store.insert([vec![line(0, "a", "INFO x")], warned(100, "a"), vec![line(200, "a", "WARN y"), line(300, "a", "ERROR z")]].concat());
    let levels: Vec<Level> = store.rows_from(0).map(|(_, l)| l.level).collect();
    assert_eq!(levels, [Level::Info, Level::Error, Level::Warn, Level::Error]);
    assert_eq!((store.next_at_level(0, Level::Error), store.next_at_level(1, Level::Error)), (Some(1), Some(6)));
    assert_eq!((store.previous_at_level(6, Level::Error), store.previous_at_level(1, Level::Error)), (Some(1), Some(6)));
    let range = TimeRange { start: Timestamp::ZERO, end: Timestamp::from_millis(1000) };
    let counted = |store: &LogStore| {
        store.count_job(range, Duration::from_secs(1)).run().series.iter().map(|s| s.samples[0].value).collect::<Vec<_>>()
    };
    assert_eq!(counted(&store), [2.0, 1.0, 2.0, 2.0], "unknown, info, warn, error: each line is what Loki says that it is");
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    assert_eq!(rows(&store), ["4 2026-11-22 05:01:02.123 WARN Api : order failed", "1 ERROR z"]);
}

#[test]
fn conditions_are_answered_as_a_server_answers_them() {
    let is = |text: &str| Condition::text(text, true);
    let not = |text: &str| Condition::text(text, false);
    let lines = || [trace(100, "a"), vec![line(200, "a", "INFO no luck"), line(201, "a", "INFO y")]].concat();
    for (conditions, expected) in [
        (vec![is("order failed")], vec![HEAD]),
        (vec![is("Pool.java")], vec![HEAD]),
        (vec![not("Pool.java")], vec![HEAD, "1 INFO no luck", "1 INFO y"]),
        (vec![not("no luck")], vec![HEAD, "1 INFO y"]),
        (vec![not("order failed")], vec!["1 INFO no luck", "1 INFO y"]),
        (vec![is("Pool.java"), not("Caused by")], vec![HEAD]),
        (vec![is("Pool.java"), not("order failed")], vec![]),
        // No entry has both.
        (vec![is("order failed"), is("Pool.java")], vec![]),
        (vec![is("no luck"), not("Caused by")], vec!["1 INFO no luck"]),
        (vec![Condition { off: true, ..not("order failed") }], vec![HEAD, "1 INFO no luck", "1 INFO y"]),
    ] {
        let mut store = LogStore::new(1 << 20);
        store.insert(lines());
        show(&mut store, Show { conditions: conditions.clone(), ..Show::default() });
        assert_eq!(rows(&store), expected, "{conditions:?}");
        let mut store = LogStore::new(1 << 20);
        show(&mut store, Show { conditions: conditions.clone(), ..Show::default() });
        lines().into_iter().rev().for_each(|line| _ = store.insert(vec![line]));
        assert_eq!(rows(&store), expected, "{conditions:?}, line by line");
    }
    // The server has handed out what is left of the trace, and nothing is here of the rest.
    let mut store = LogStore::new(1 << 20);
    store.insert(trace(100, "a")[1..].to_vec());
    show(&mut store, Show { conditions: vec![not("order failed")], ..Show::default() });
    assert_eq!(rows(&store), [format!("4 {}", TRACE[1])]);
}

#[test]
fn lines_that_a_runtime_wrapped_one_by_one_are_a_row() {
    let cri = |text: &str| format!("2026-11-22T05:01:02.123456789Z stderr F {text}");
    let docker =
        |text: &str| serde_json::json!({ "log": format!("{text}\n"), "stream": "stderr", "time": "2026-11-22T05:01:02.1Z" }).to_string();
    for wrapped in [TRACE.map(cri), TRACE.map(docker)] {
        let mut store = LogStore::new(1 << 20);
        store.insert((0..).zip(&wrapped).map(|(at, text)| line(at, "a", text)).collect());
        assert_eq!(store.rows_from(0).count(), 1, "{wrapped:?}");
        let record = crate::log_fields::recognise(&store.whole(&store.get(0).unwrap()));
        assert_eq!((record.message.as_str(), record.rest), ("order failed", TRACE[1..].iter().map(|l| (*l).to_owned()).collect()));
    }
}

/// So long that few are a segment.
fn long(at: i64) -> LogLine {
    line(at, "c", &format!("INFO {at} {}", "x".repeat(300 << 10)))
}

#[test]
fn a_trace_is_whole_where_it_is_cut_and_other_lines_come_late() {
    let mut store = LogStore::new(1 << 30);
    // A segment with the head, one with lines of others alone, and one with the rest.
    store.insert((0..3).map(long).chain([line(10, "a", TRACE[0]), line(11, "a", TRACE[1])]).collect());
    store.insert((20..24).map(long).collect());
    store.insert((30..33).map(long).chain([line(40, "a", TRACE[2]), line(41, "a", "Caused by: a.B: ERROR")]).collect());
    let head = |store: &LogStore| store.rows_from(0).find(|(_, l)| l.text == TRACE[0]).map(|(n, l)| (n, store.whole(&l).lines().count()));
    assert_eq!(head(&store), Some((3, 4)));
    assert!(store.segments.len() > 2 && store.segments[1..].iter().any(|s| s.lines().folds.begins_outside()), "{}", store.segments.len());
    for at in [5, 25, 45] {
        store.insert(vec![line(at, "b", "INFO late")]);
        assert_eq!(head(&store).map(|(_, lines)| lines), Some(4), "a line at {at}");
    }
    // The head comes late, and the next segment has nothing of the trace.
    let mut headless = LogStore::new(1 << 30);
    headless.insert((0..3).map(long).collect());
    headless.insert((20..24).map(long).collect());
    headless.insert((30..33).map(long).chain([line(40, "a", TRACE[2])]).collect());
    headless.insert(vec![line(10, "a", TRACE[0])]);
    assert_eq!(head(&headless).map(|(_, lines)| lines), Some(2));
    let (n, _) = head(&store).unwrap();
    assert_eq!((store.next_at_level(0, Level::Error), store.get(n).unwrap().level), (Some(n), Level::Error));
    show(&mut store, Show { level: Level::Warn, ..Show::default() });
    assert_eq!(store.rows_from(0).map(|(_, l)| l.text).collect::<Vec<_>>(), [TRACE[0]]);
}

/// A trace over three segments, whose other lines are long.
pub(super) fn over_three_segments() -> LogStore {
    let mut store = LogStore::new(1 << 30);
    for (at, text) in [(10, "WARN order failed"), (20, "Caused by: a.B: ERROR"), (30, "Caused by: b.C: ERROR")] {
        store.insert((at - 5..at - 2).map(long).collect());
        store.insert(vec![line(at, "a", text)]);
    }
    assert_eq!(store.segments.iter().map(|s| s.lines().folds.begins_outside()).collect::<Vec<_>>(), [false, true, true]);
    store
}

#[test]
fn a_trace_whose_first_line_is_left_out_is_one_row_over_all_segments() {
    let mut store = over_three_segments();
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    assert_eq!((rows(&store), store.shown()), (vec!["2 Caused by: a.B: ERROR".to_owned()], 2));
}

#[test]
fn the_message_of_a_panic_is_found_in_the_next_segment() {
    let mut store = LogStore::new(1 << 30);
    store.insert([line(20, "b", "INFO x"), line(21, "a", "no luck at all")].into_iter().chain((30..33).map(long)).collect());
    store.insert(vec![line(10, "a", PANIC), line(11, "b", "INFO y")]);
    assert_eq!(store.segments.len(), 2);
    assert_eq!(rows(&store)[..3], [format!("2 {PANIC}"), "1 INFO y".to_owned(), "1 INFO x".to_owned()]);
}

#[test]
fn what_is_left_of_a_trace_is_decided_on_anew() {
    let mut store = LogStore::new(1 << 20);
    show(&mut store, pattern("order failed"));
    // As many lines of others as make the half that goes end within the trace.
    store.insert([vec![line(0, "b", "INFO x")], trace(100, "a"), vec![line(200, "b", "INFO order failed")]].concat());
    assert_eq!(store.rows_from(0).count(), 2);
    store.set_limit(store.bytes() - 1);
    store.insert(vec![line(300, "b", "INFO y")]);
    assert_eq!((store.len(), rows(&store)), (4, vec!["1 INFO order failed".to_owned()]), "it does not say so any more");
}

#[test]
fn traces_go_on_over_segments_and_survive_what_is_dropped() {
    let mut store = LogStore::new(1 << 30);
    let streams: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    // Of so many streams at a time some are cut wherever a segment ends.
    for at in (0..40_000_i64).step_by(20) {
        let text = TRACE[usize::try_from(at / 20).unwrap() % TRACE.len()];
        store.insert((at..).zip(&streams).map(|(at, stream)| LogLine { at: Timestamp(at * 1000), ..line(0, stream, text) }).collect());
    }
    let whole = |store: &LogStore| rows(store).iter().filter(|row| *row == HEAD).count();
    assert_eq!((store.len(), store.rows_from(0).count(), whole(&store)), (40_000, 8_000, 8_000));
    show(&mut store, pattern("no luck"));
    assert_eq!(store.rows_from(0).count(), 8_000);
    show(&mut store, Show::default());
    store.set_limit(store.bytes() / 2);
    store.insert(vec![line(100_000, "a", "INFO x")]);
    assert!(store.dropped() > 10_000);
    let first = store.rows_from(0).take_while(|(_, l)| !l.text.contains("ERROR")).count();
    assert!(first <= 20, "{first}: a row for what is left of each trace");
    assert_eq!(store.rows_from(0).count(), first + whole(&store) + 1);
}

#[test]
fn endless_frames_are_rows_of_so_many() {
    let mut store = LogStore::new(1 << 30);
    for at in (0..100_000).step_by(1000) {
        store.insert((at..at + 1000).map(|at| line(at, "a", TRACE[2])).collect());
    }
    assert_eq!(store.rows_from(0).count(), 50);
    assert_eq!(store.rows_before(store.shown()).map(|(_, l)| store.whole(&l).lines().count()).max(), Some(2001));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the order in which lines come, in whatever parts, filtered or not, rows are the same.
    #[test]
    fn rows_do_not_depend_on_the_order_of_arrival(
        lines in prop::collection::vec((0..400_i64, 0..3_usize, 0..10_usize), 1..80),
        order in prop::collection::vec(any::<u16>(), 80),
        part in 1..9_usize,
        filter in prop::sample::select(vec!["", "no luck", "!no luck"]),
    ) {
        let text = |i: usize| TRACE.get(i).copied().unwrap_or_else(|| ["INFO x", "no luck: y", PANIC, "it had no luck", "INFO z"][i - 5]);
        // Each at a time of its own: those of one instant are in the order of their arrival.
        let all: Vec<LogLine> = (0..).zip(&lines).map(|(n, (at, stream, i))| {
            // A part of a trace that is in a segment of its own is filtered for itself.
            let line = if *i == 9 && filter.is_empty() { long(0) } else { line(0, ["a", "b", "c"][*stream], text(*i)) };
            LogLine { at: Timestamp((at * 100 + n) * 1_000_000), ..line }
        }).collect();
        let mut mixed: Vec<(u16, LogLine)> = order.into_iter().zip(all.clone()).collect();
        mixed.sort_by_key(|(place, _)| *place);
        let mut whole = LogStore::new(1 << 30);
        whole.insert(all);
        let mut parts = LogStore::new(1 << 30);
        show(&mut whole, pattern(filter));
        show(&mut parts, pattern(filter));
        for chunk in mixed.chunks(part) {
            parts.insert(chunk.iter().map(|(_, line)| line.clone()).collect());
        }
        prop_assert_eq!(rows(&whole), rows(&parts));
        prop_assert_eq!(whole.shown(), parts.shown());
    }

    /// Whatever comes and goes, what is shown is what the lines that are here say, and each line is in one row.
    #[test]
    fn what_is_shown_is_what_is_found_anew(
        blocks in prop::collection::vec((0..80_i64, 0..3_usize, 0..9_usize), 1..40),
        order in prop::collection::vec(any::<u16>(), 200),
        part in 1..9_usize,
        shown in 0..6_usize,
        keeps in prop::sample::select(vec![usize::MAX, 2 << 20, 1 << 20, 8 << 10, 4 << 10]),
        asked in 0..6_usize,
    ) {
        let block = |(at, stream, kind): &(i64, usize, usize)| match (*at * 10, ["a", "b", "c"][*stream], *kind) {
            (at, stream, 0..=2) => trace(at, stream),
            (at, stream, 3..=4) => warned(at, stream),
            (at, _, 5) if keeps > BYTES / 2 => vec![long(at)],
            (at, stream, 5) => vec![line(at, stream, "INFO x")],
            (at, stream, 6) => vec![line(at, stream, PANIC), line(at + 1, stream, "no luck at all")],
            (at, stream, kind) => vec![line(at, stream, ["INFO order failed", "INFO Pool.java"][kind - 7])],
        };
        // Each at a time of its own.
        let all = (0..).zip(blocks.iter().flat_map(block)).map(|(n, line)| LogLine { at: Timestamp(line.at.0 + n), ..line });
        let mut mixed: Vec<(u16, LogLine)> = order.into_iter().zip(all).collect();
        mixed.sort_by_key(|(place, _)| *place);
        let filters = [
            Show::default(),
            pattern("no luck"),
            pattern("!order failed"),
            Show { level: Level::Error, ..Show::default() },
            Show { conditions: vec![Condition::text("order failed", false)], ..Show::default() },
            Show { conditions: vec![Condition::text("Pool.java", true)], ..Show::default() },
        ];
        let mut store = LogStore::new(keeps);
        show(&mut store, filters[shown].clone());
        store.ask_anew(filters[asked].level, &filters[asked].conditions);
        for chunk in mixed.chunks(part) {
            store.insert(chunk.iter().map(|(_, line)| line.clone()).collect());
        }
        finish(&mut store);
        let before = rows(&store);
        show(&mut store, Show::default());
        let told: usize = store.rows_from(0).map(|(_, l)| store.whole(&l).lines().count()).sum();
        prop_assert_eq!(told, store.len());
        for (_, l) in store.rows_from(0) {
            let worst = store.whole(&l).lines().map(|text| line(0, "", text).level).max();
            prop_assert_eq!(Some(l.level), worst, "{}", store.whole(&l));
        }
        show(&mut store, filters[shown].clone());
        prop_assert_eq!(before, rows(&store));
    }
}
