use std::sync::Arc;

use super::*;
use crate::{demo::memory_logs::MemLogs, model::labels::Labels};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// Level, pattern and samples.
type Told = (String, String, Vec<(i64, u64)>);

fn patterns(lines: &[&str], step: i64) -> Vec<Told> {
    let stream: Arc<Labels> = Arc::new([("app", "x")].into_iter().collect());
    let line = |(i, text): (usize, &&str)| (Timestamp(START + i as i64 * SECOND), stream.clone(), Labels::new(), (*text).to_owned());
    let store = MemLogs::new(lines.iter().enumerate().map(line));
    let range = TimeRange { start: Timestamp(START), end: Timestamp(START + 100_000 * SECOND) };
    let found = find(&store, &[Matcher::equal("app", "x")], range, step).unwrap();
    found.into_iter().map(|((level, pattern), samples)| (level.to_owned(), pattern, samples.into_iter().collect())).collect()
}

#[test]
fn what_differs_in_like_lines_is_a_variable() {
    let plain = patterns(&["GET /a1 took 5 ms", "GET /b2 took 7 ms", "shutting down now, bye"], SAMPLE);
    let at = START / 1_000_000;
    assert_eq!(plain[0], ("unknown".to_owned(), "GET <_> took <_> ms".to_owned(), vec![(at, 2)]));
    assert_eq!(plain[1].1, "shutting down now, bye");
    let logfmt = patterns(&["level=info ts=5 msg=\"a b\" n=1", "level=info ts=6 msg=\"a b\" n=2"], SAMPLE);
    assert_eq!(logfmt[0].1, "level=info ts=<_> msg=\"a b\" n=<_>");
    let json = patterns(&[r#"{"x":1,"msg":"sent 5 mails to a"}"#, r#"{"x":1,"msg":"sent 6 mails to b"}"#], SAMPLE);
    assert_eq!(json[0].1, "<_>sent <_> mails to <_>");
}

#[test]
fn lines_too_short_or_too_long_have_no_pattern() {
    let long = "word ".repeat(90);
    assert!(patterns(&["a b c", &long, &"x".repeat(4_000)], SAMPLE).is_empty());
}

#[test]
fn steps_without_a_line_are_told_within_an_hour() {
    let lines: Vec<&str> = std::iter::once("one line of five").chain(std::iter::repeat_n("x", 94)).chain(["one line of five"]).collect();
    let found = patterns(&lines, 30_000);
    let at = START / 1_000_000 - START / 1_000_000 % 30_000;
    assert_eq!(found[0].2, [(at, 1), (at + 30_000, 0), (at + 60_000, 0), (at + 90_000, 1)]);
}

#[test]
fn of_very_many_lines_some_stand_for_the_others() {
    let lines: Vec<String> = (0..20_000).map(|i| format!("request {i} of user {} done", i % 7)).collect();
    let found = patterns(&lines.iter().map(String::as_str).collect::<Vec<_>>(), SAMPLE);
    let total: u64 = found.iter().flat_map(|f| f.2.iter().map(|s| s.1)).sum();
    assert_eq!(found.len(), 1);
    assert!((19_900..=20_000).contains(&total), "{total}");
}
