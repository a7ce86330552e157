//! Patterns of lines, whatever the order they come in.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Which template each line belongs to.
fn templates<'l>(lines: &[&'l str]) -> BTreeMap<&'l str, String> {
    let mut kinds = Kinds::default();
    let mut out = String::new();
    let of: Vec<Kind> = lines
        .iter()
        .map(|line| {
            form(line, &mut out);
            kinds.number(&out).unwrap()
        })
        .collect();
    let mut sorted: Vec<Kind> = (0..).take(kinds.len()).collect();
    sorted.sort_unstable_by_key(|kind| kinds.form(*kind));
    let clusters = cluster(&sorted.iter().map(|kind| kinds.form(*kind)).collect::<Vec<_>>(), Parameters::default());
    let place = |kind: &Kind| sorted.iter().position(|k| k == kind).unwrap();
    lines.iter().copied().zip(of.iter().map(|kind| clusters.templates[clusters.event_of[place(kind)]].clone())).collect()
}

#[test]
fn a_form_fits_the_template_it_is_of() {
    assert!(fits("user <*> logged in", "user ana logged in"));
    assert!(!fits("user <*> logged in", "user ana logged in again"));
    assert!(!fits("user <*> logged in again", "user ana logged in"));
}

#[test]
fn a_server_s_pattern_holds_the_lines_that_have_its_texts_in_their_order() {
    assert!(holds("<_> took <_>", "5 took 6ms"));
    assert!(holds("took <_> ms", "took 6 ms"));
    assert!(!holds("took <_> ms", "it took 6 ms"));
    assert!(!holds("took <_> ms", "took 6 ms more"));
}

#[test]
fn lines_are_counted_by_windows_and_by_bars() {
    let windows = change::windows(60, 60);
    let counting = Counting { range: TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(120)), windows };
    let mut seen = Seen::default();
    for second in [30, 70, 71, 72, 73, 74] {
        seen.add(Timestamp::from_secs(second), Level::Warn, 1, &counting);
    }
    assert_eq!((seen.count, seen.before, seen.after, seen.trend[6], seen.trend[14]), (6, 1, 5, 1, 5));
    assert_eq!((seen.first, seen.last), (Timestamp::from_secs(30), Timestamp::from_secs(74)));
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        lines in prop::collection::vec("(get|put|user) [a-e]{1,2} ([0-9]{1,3}|[a-c]) (ok|failed|ok now)", 1..80),
        seed in any::<u64>(),
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut shuffled = lines.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(templates(&lines), templates(&shuffled));
    }
}
