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
fn what_is_new_stands_before_what_grew_and_what_is_gone() {
    let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(120));
    let before = TimeRange::new(range.start, Timestamp::from_secs(59));
    let counting =
        Counting { range, windows: Windows { before: Some(before), after: TimeRange::new(Timestamp::from_secs(61), range.end) } };
    let pattern = |template: &str, level, seconds: &[i64]| {
        let mut seen = Seen::default();
        for second in seconds {
            seen.add(Timestamp::from_secs(*second), level, 1, &counting);
        }
        let change = counting.change(&seen);
        LinePattern { template: template.to_owned(), form: template.to_owned(), seen, change, example: Box::default(), kinds: Vec::new() }
    };
    let mut patterns = vec![
        pattern("same", Level::Info, &[1, 2, 3, 70, 80, 90]),
        pattern("gone", Level::Info, &[20, 21, 22, 23]),
        pattern("new", Level::Info, &[65, 66]),
        pattern("grew", Level::Warn, &[30, 70, 71, 72, 73, 74]),
        pattern("new error", Level::Error, &[65]),
    ];
    sort(&mut patterns);
    let told: Vec<_> = patterns.iter().map(|p| (p.template.as_str(), p.change)).collect();
    assert_eq!(told[..2], [("new error", Change::New), ("new", Change::New)]);
    assert_eq!((told[2].0, told[3], told[4].0), ("grew", ("gone", Change::Gone), "same"));
    let grew = &patterns[2].seen;
    assert_eq!((grew.first, grew.last, grew.trend[6], grew.trend[14]), (Timestamp::from_secs(30), Timestamp::from_secs(74), 1, 5));
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
