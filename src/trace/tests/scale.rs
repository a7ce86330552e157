use proptest::prelude::*;

use super::*;
use crate::{
    model::time::TimeRange,
    trace::scale::{EIGHTHS, Scale},
};

const MS: i64 = 1_000_000;

fn ms(id: u64, parent: u64, start: i64, end: i64) -> Span {
    span(id, parent, start * MS, end * MS)
}

/// checkout calls inventory twelve times, then waits eight seconds for a connection.
fn checkout() -> Trace {
    let mut spans = vec![ms(1, 0, 0, 8410), ms(2, 1, 1, 8390), ms(3, 2, 26, 8380), ms(4, 3, 31, 8031), ms(5, 3, 8060, 8150)];
    spans.extend((0..12).map(|i| ms(10 + i, 2, 2 + 2 * i as i64, 3 + 2 * i as i64)));
    build(spans)
}

/// `from-to who` of each break, in milliseconds.
fn breaks(t: &Trace, scale: &Scale) -> Vec<String> {
    let at = |time: Timestamp| (time.0 - BASE) / MS;
    let who = |node: Option<u32>| node.map_or("nobody".to_owned(), |n| t.nodes[n as usize].id.0.to_string());
    scale.breaks().iter().map(|b| format!("{}-{} {}", at(b.from), at(b.to), who(b.waiting))).collect()
}

fn folded(t: &Trace, width: u16) -> Vec<String> {
    breaks(t, &Scale::folded(t, t.range, width))
}

fn range(from_ms: i64, to_ms: i64) -> TimeRange {
    TimeRange { start: Timestamp(BASE + from_ms * MS), end: Timestamp(BASE + to_ms * MS) }
}

#[test]
fn a_wait_that_squashes_the_rest_is_folded_and_says_who_waits() {
    let t = checkout();
    let scale = Scale::folded(&t, t.range, 100);
    assert_eq!(breaks(&t, &scale), ["31-8031 4", "8060-8150 5", "8150-8380 3"], "calls of a millisecond are seen");
    let cells = scale.breaks()[0].cells.clone();
    assert_eq!((cells.len(), scale.breaks()[0].duration_ns()), (22, 8000 * MS));
    let call = |i: usize| scale.bar(t.nodes[i].start, t.nodes[i].end()).unwrap();
    let one = t.find(SpanId(10)).unwrap();
    assert_eq!(Scale::real(t.range, 100).bar(t.nodes[one].start, t.nodes[one].end()).unwrap().len(), 1, "nothing to see");
    assert!(scale.eighth(Timestamp(BASE + 31 * MS)) > 40, "room for what was squashed: {scale:?}");
    assert!(call(0) == (0..800), "the root is all of it");
    assert_eq!(u32::from(cells.start) * EIGHTHS, scale.eighth(scale.breaks()[0].from));
    assert_eq!(scale.work().map(|(_, cells)| cells.len()).sum::<usize>(), 60);
    assert!(folded(&t, 23).is_empty(), "no room for a break");
}

#[test]
fn a_wait_beside_which_the_rest_is_well_seen_is_not() {
    assert!(folded(&build(vec![ms(1, 0, 0, 100), ms(2, 1, 1, 50), ms(3, 1, 51, 99)]), 100).is_empty());
    assert!(folded(&build(vec![ms(1, 0, 0, 100)]), 100).is_empty(), "there is nothing else");
    // Spans of some milliseconds beside a query of 300 of 500: a cell each.
    let mut spans = vec![ms(1, 0, 0, 500), ms(2, 1, 150, 450)];
    spans.extend((0..15).map(|i| ms(10 + i, 1, 9 * i as i64, 9 * i as i64 + 8)));
    assert!(folded(&build(spans), 100).is_empty());
}

#[test]
fn two_that_work_are_no_wait_but_nobody_waits_for_what_outlasts_its_parent() {
    let with = |more: &[Span]| {
        let mut spans = vec![ms(1, 0, 0, 9000), ms(2, 1, 20, 8000)];
        spans.extend((0..6).map(|i| ms(10 + i, 1, 2 * i as i64, 2 * i as i64 + 1)));
        spans.extend_from_slice(more);
        build(spans)
    };
    assert_eq!(folded(&with(&[]), 100), ["20-8000 2", "8000-9000 1"]);
    assert!(folded(&with(&[ms(3, 1, 15, 8500)]), 100).is_empty());
    assert_eq!(folded(&with(&[ms(3, 1, 15, 9100)]), 100), ["20-8000 2", "8000-9000 3", "9000-9100 3"]);
}

#[test]
fn tails_and_what_lies_apart_are_folded_and_the_longest_named() {
    // Two jobs go on for minutes after the answer, and a third comes much later.
    let t = build(vec![ms(1, 0, 0, 100), ms(2, 1, 10, 60), ms(3, 1, 80, 300_000), ms(4, 1, 90, 240_000), ms(5, 1, 600_000, 600_050)]);
    let scale = Scale::folded(&t, t.range, 100);
    assert_eq!(breaks(&t, &scale), ["100-240000 3", "240000-300000 3", "300000-600000 nobody"]);
    let answered = scale.eighth(Timestamp(BASE + 100 * MS));
    assert!(answered >= 20 * EIGHTHS, "a minute beside it would leave it one cell: {scale:?}");
    let small = build(vec![ms(1, 0, 0, 100), ms(2, 1, 80, 190)]);
    assert!(folded(&small, 100).is_empty(), "a tail shorter than the root squashes nothing");
}

#[test]
fn a_tail_beside_work_that_mostly_waits_is_folded_though_it_is_shorter_than_the_root() {
    // A pool's connection is waited for until the caller gives up; a second try works on after the answer.
    let mut spans = vec![ms(1, 0, 0, 12_200), ms(2, 1, 130, 8130), ms(3, 1, 8140, 14_600), ms(4, 3, 8141, 14_450)];
    spans.extend((0..8).map(|i| ms(10 + i, 1, 10 + 14 * i as i64, 20 + 14 * i as i64)));
    let t = build(spans);
    for (width, least) in [(100, 25), (35, 4)] {
        let scale = Scale::folded(&t, t.range, width);
        assert_eq!(breaks(&t, &scale), ["130-8130 2", "8141-12200 4", "12200-14450 4"]);
        let before = scale.eighth(Timestamp(BASE + 130 * MS)) / EIGHTHS;
        assert!(before >= least, "the calls before the wait have {before} of {width} cells: {scale:?}");
        assert!(scale.breaks().iter().all(|b| b.cells.len() >= 8), "each has room for its length");
    }
}

#[test]
fn no_more_is_folded_than_leaves_room_for_what_happens() {
    // Each wait is twice as long as the one before it: beside those that are left, each is worth a break.
    let begin = |n: u32| 1_000 * (2i64.pow(n) - 1);
    let mut spans = vec![span(1, 0, 0, begin(12))];
    spans.extend((1..12).map(|n| span(1 + u64::from(n), 1, begin(n), begin(n) + 10)));
    let t = build(spans);
    let scale = Scale::folded(&t, t.range, 104);
    assert_eq!(scale.breaks().len(), 8, "{scale:?}");
    assert!(scale.work().map(|(_, cells)| cells.len()).sum::<usize>() >= 104 / 3, "{scale:?}");
}

#[test]
fn a_batch_job_is_folded_between_its_bursts() {
    let mut spans = vec![ms(1, 0, 0, 3_600_000)];
    for burst in 0..5 {
        let from = 10_000 + burst * 720_000;
        spans.push(ms(2 + burst as u64, 1, from, from + 10_000));
        spans
            .extend((0..20).map(|i| ms(100 + burst as u64 * 20 + i, 2 + burst as u64, from + i as i64 * 400, from + i as i64 * 400 + 300)));
    }
    let t = build(spans);
    let scale = Scale::folded(&t, t.range, 100);
    assert_eq!(scale.breaks().len(), 5, "{:?}", breaks(&t, &scale));
    assert!(scale.breaks().iter().all(|b| b.waiting == Some(0)), "the job itself waits");
    assert!(scale.work().all(|(_, cells)| cells.len() >= 5), "{scale:?}");
}

#[test]
fn zoomed_into_a_wait_there_is_nothing_to_fold() {
    let t = checkout();
    assert_eq!(breaks(&t, &Scale::folded(&t, range(20, 8200), 100)), ["31-8031 4", "8060-8150 5", "8150-8200 3"]);
    assert_eq!(Scale::folded(&t, range(31, 8031), 100), Scale::real(range(31, 8031), 100));
    assert_eq!(Scale::folded(&t, range(100, 200), 100), Scale::real(range(100, 200), 100));
    assert!(breaks(&t, &Scale::folded(&t, range(0, 40), 100)).is_empty());
}

#[test]
fn a_range_without_length_is_drawn() {
    let t = build(vec![span(1, 0, 5, 5)]);
    for scale in [Scale::folded(&t, t.range, 100), Scale::real(t.range, 0)] {
        assert_eq!(scale.eighth(t.range.start), 0);
    }
    assert_eq!(Scale::real(t.range, 100).bar(t.range.start, t.range.end), Some(0..1));
    assert_eq!(Scale::real(t.range, 100).bar(t.range.start - std::time::Duration::from_nanos(2), Timestamp(BASE)), None);
}

/// Spans in bursts that lie far apart.
fn bursts() -> impl Strategy<Value = Vec<Span>> {
    let one = (0i64..4, 0i64..1000, 1i64..300, 0u64..8);
    prop::collection::vec(one, 1..60).prop_map(|raw| {
        let mut spans = vec![span(1, 0, 0, 3_000_000)];
        spans.extend(raw.iter().enumerate().map(|(i, (burst, from, length, parent))| {
            let from = burst * 1_000_000 + from;
            span(i as u64 + 2, (*parent).min(i as u64 + 1), from, from + length * if *parent == 0 { 3000 } else { 1 })
        }));
        spans
    })
}

proptest! {
    #[test]
    fn later_is_never_further_left_and_back_again(
        spans in prop_oneof![bursts(), calls(), hostile(), extreme()],
        width in 0u16..300,
        part in (0.0f64..1.0, 0.0f64..1.0),
        corrected in any::<bool>(),
    ) {
        let told = build(spans);
        let t = if corrected { told.corrected() } else { told };
        let all = t.duration_ns() as f64;
        let (a, b) = (part.0.min(part.1), part.0.max(part.1));
        let at = |share: f64| Timestamp(t.range.start.0.saturating_add((all * share) as i64));
        let range = TimeRange { start: at(a), end: at(b) };
        let scale = Scale::folded(&t, range, width);
        let last = u32::from(width) * EIGHTHS;
        prop_assert!(scale.eighth(range.start) == 0 && scale.eighth(range.end) <= last);
        let mut times: Vec<Timestamp> = t.nodes.iter().flat_map(|n| [n.start, n.end()]).collect();
        times.sort();
        prop_assert!(times.windows(2).all(|w| scale.eighth(w[0]) <= scale.eighth(w[1])));
        for eighth in 0..last {
            let at = scale.time_at(eighth);
            prop_assert!(range.start <= at && at <= range.end && at <= scale.time_at(eighth + 1));
            prop_assert!(scale.eighth(at) >= eighth || at == range.start);
        }
        let cells: Vec<_> = scale.breaks().iter().map(|b| b.cells.clone()).collect();
        prop_assert!(cells.windows(2).all(|w| w[0].end <= w[1].start) && cells.iter().all(|c| c.end <= width && c.len() >= 8));
        for part in scale.breaks() {
            let inside = |time: Timestamp| part.from < time && time < part.to;
            prop_assert!(!t.nodes.iter().filter(|n| !n.is_missing()).any(|n| inside(n.start) || inside(n.end())), "nothing happens in a break");
            if let Some(waiting) = part.waiting {
                let node = &t.nodes[waiting as usize];
                prop_assert!(node.start <= part.from && part.to <= node.end(), "it waits all the time");
            }
        }
    }

    #[test]
    fn what_is_folded_stays_folded_closer_by(spans in bursts(), width in 24u16..300, cut in (0.0f64..1.0, 0.0f64..1.0)) {
        let t = build(spans);
        let scale = Scale::folded(&t, t.range, width);
        for kept in scale.breaks() {
            let (before, after) = (kept.from.0 - t.range.start.0, t.range.end.0 - kept.to.0);
            let start = Timestamp(t.range.start.0 + (before as f64 * cut.0) as i64);
            let end = Timestamp(t.range.end.0 - (after as f64 * cut.1) as i64);
            let closer = Scale::folded(&t, TimeRange { start, end }, width);
            let same = closer.breaks().iter().any(|b| (b.from, b.to, b.waiting) == (kept.from, kept.to, kept.waiting));
            let nothing_else = t.idle.iter().map(|i| (i.to.min(end.0) - i.from.max(start.0)).max(0)).sum::<i64>() >= end.0 - start.0;
            prop_assert!(same || nothing_else, "{:?} is not in {:?}", kept, closer);
        }
    }
}
