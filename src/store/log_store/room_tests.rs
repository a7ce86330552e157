//! Traces among lines that make room for others.

use super::{
    trace_tests::{HEAD, PANIC, line, over_three_segments, rows, trace},
    *,
};

/// The rows but for those of long lines.
fn short_rows(store: &LogStore) -> Vec<String> {
    rows(store).into_iter().filter(|row| row.len() < 1000).collect()
}

#[test]
fn what_is_left_of_a_trace_is_one_row_when_the_segment_it_began_in_is_dropped() {
    let mut store = over_three_segments();
    store.set_limit(store.bytes() - 1);
    store.insert(vec![line(40, "b", "INFO x")]);
    assert_eq!((store.segments.len(), store.dropped()), (2, 4));
    assert_eq!(short_rows(&store), ["2 Caused by: a.B: ERROR", "1 INFO x"]);
}

/// What is left of a trace whose first line goes as nobody asks for it, with its whole segment or not.
fn left_of_a_trace(is_emptied: bool) -> Vec<String> {
    let mut store = over_three_segments();
    if !is_emptied {
        store.insert(vec![line(9, "b", "ERROR asked for")]);
    }
    store.ask_anew(Level::Error, &[]);
    // Room is made of the first segment alone.
    store.set_limit((store.bytes() - 1) / 3 * 4);
    store.insert(vec![line(40, "b", "ERROR x")]);
    assert_eq!((store.segments.len(), store.dropped()), (if is_emptied { 2 } else { 3 }, 0));
    short_rows(&store)
}

#[test]
fn what_is_left_of_a_trace_is_one_row_when_nobody_asks_for_the_segment_it_began_in() {
    assert_eq!(left_of_a_trace(true), ["2 Caused by: a.B: ERROR", "1 ERROR x"]);
}

#[test]
fn what_is_left_of_a_trace_is_one_row_when_nobody_asks_for_the_line_it_began_with() {
    assert_eq!(left_of_a_trace(false), ["1 ERROR asked for", "2 Caused by: a.B: ERROR", "1 ERROR x"]);
}

#[test]
fn traces_are_rows_among_what_is_left_of_a_segment_when_what_nobody_asks_for_goes() {
    let mut store = LogStore::new(1 << 20);
    store.ask_anew(Level::Error, &[]);
    let others = (200..300).map(|at| line(at, "b", &format!("INFO served {at}")));
    store.insert(trace(100, "a").into_iter().chain(others).chain(trace(400, "a")).collect());
    store.set_limit(store.bytes());
    store.insert(vec![line(500, "b", "ERROR x")]);
    assert_eq!((rows(&store), store.dropped()), (vec![HEAD.to_owned(), HEAD.to_owned(), "1 ERROR x".to_owned()], 0));
}

/// Rows of a store with little room into which a panic came, in so many parts.
fn with_a_panic(lines_at_once: usize) -> Vec<String> {
    let mut store = LogStore::new(1 << 20);
    store.ask_anew(Level::Error, &[]);
    store.insert((0..100).map(|at| line(at, "b", &format!("ERROR {at} {}", "x".repeat(300)))).collect());
    store.set_limit(store.bytes() + 8000);
    assert!(store.bytes() > store.limit() / 4 * 3, "there is little room");
    let panic = [line(200, "a", PANIC), line(201, "b", "INFO nobody asks"), line(202, "a", "no luck at all"), line(203, "a", "INFO y")];
    panic.chunks(lines_at_once).for_each(|lines| _ = store.insert(lines.to_vec()));
    assert_eq!((store.len(), store.dropped()), (102, 0));
    rows(&store).split_off(100)
}

#[test]
fn the_message_of_a_panic_stays_with_it_where_there_is_little_room() {
    assert_eq!(with_a_panic(4), [format!("2 {PANIC}")]);
}

#[test]
fn the_message_of_a_panic_stays_though_it_comes_later_where_there_is_little_room() {
    assert_eq!(with_a_panic(1), [format!("2 {PANIC}")]);
}
