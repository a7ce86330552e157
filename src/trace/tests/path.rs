use proptest::prelude::*;

use super::*;

/// `node id: from-to` of each part.
fn parts(t: &Trace) -> Vec<String> {
    t.path.parts().iter().map(|p| format!("{}: {}-{}", t.nodes[p.node as usize].id.0, p.start.0 - BASE, p.end.0 - BASE)).collect()
}

fn node(t: &Trace, id: u64) -> u32 {
    t.find(SpanId(id)).unwrap() as u32
}

/// Whether it goes through a node: it worked, or waited for what is below it.
fn has(t: &Trace, node: u32) -> bool {
    t.path.nodes().binary_search_by_key(&node, |(n, _)| *n).is_ok()
}

#[test]
fn it_goes_back_from_the_end_through_the_child_that_finished_last() {
    // 2 and 3 run beside each other and 3 ends later; 4 comes before 3, 5 is within it.
    let t = build(vec![span(1, 0, 0, 100), span(2, 1, 40, 80), span(3, 1, 50, 90), span(4, 1, 10, 45), span(5, 3, 60, 85)]);
    assert_eq!(parts(&t), ["1: 0-10", "4: 10-45", "1: 45-50", "3: 50-60", "5: 60-85", "3: 85-90", "1: 90-100"]);
    assert_eq!([1, 2, 3, 4, 5].map(|id| t.path.on_path_ns(node(&t, id))), [25, 0, 15, 35, 25]);
    assert_eq!([1, 2, 3].map(|id| has(&t, node(&t, id))), [true, false, true]);
    assert_eq!(t.path.parts_of(node(&t, 3)).map(|p| p.duration_ns()).collect::<Vec<_>>(), [10, 5]);
    assert_eq!(t.path.parts_of(node(&t, 2)).count(), 0);
}

#[test]
fn a_node_that_only_waits_is_on_it_without_time() {
    let t = build(vec![span(1, 0, 0, 100), span(2, 1, 0, 100), span(3, 2, 0, 100)]);
    assert_eq!(parts(&t), ["3: 0-100"]);
    assert!(has(&t, node(&t, 1)) && has(&t, node(&t, 2)));
    assert_eq!(t.path.on_path_ns(node(&t, 2)), 0);
}

#[test]
fn children_are_cut_to_their_parents_and_those_outside_are_not_on_it() {
    // 2 outlasts the root, 3 begins before it; 4 is after it and 5 before it. 6 ends after its parent 2, and after the root.
    let t = build(vec![
        span(1, 0, 0, 100),
        span(2, 1, 80, 150),
        span(3, 1, -20, 30),
        span(4, 1, 120, 300),
        span(5, 1, -30, -10),
        span(6, 2, 90, 400),
    ]);
    assert_eq!(parts(&t), ["3: 0-30", "1: 30-80", "2: 80-90", "6: 90-100"]);
}

#[test]
fn a_child_may_overlap_the_next_by_less_than_a_hundredth_of_its_parent() {
    let overlapping = |by: i64| build(vec![span(1, 0, 0, 1000), span(2, 1, 100, 500 + by), span(3, 1, 500, 900)]);
    assert_eq!(parts(&overlapping(9)), ["1: 0-100", "2: 100-500", "3: 500-900", "1: 900-1000"]);
    assert_eq!(parts(&overlapping(10)), ["1: 0-500", "3: 500-900", "1: 900-1000"]);
    // Another child begins in between: which of the two came after it?
    let t = build(vec![span(1, 0, 0, 1000), span(2, 1, 100, 509), span(3, 1, 500, 900), span(4, 1, 505, 600)]);
    assert_eq!(parts(&t), ["1: 0-500", "3: 500-900", "1: 900-1000"]);
}

#[test]
fn of_several_roots_it_is_of_the_one_that_stands_for_the_whole() {
    let t = build(vec![span(1, 0, 0, 50), span(2, 0, 10, 100), span(3, 9, 20, 400)]);
    assert_eq!(parts(&t), ["2: 10-100"]);
    assert!(!has(&t, node(&t, 1)) && !has(&t, node(&t, 3)));
    // The root was lost: what is left of the trace stands below it.
    let t = build(vec![span(2, 9, 10, 40), span(3, 9, 50, 90)]);
    assert_eq!(parts(&t), ["2: 10-40", "9: 40-50", "3: 50-90"]);
}

#[test]
fn hours_and_chains_are_walked() {
    const HOUR: i64 = 3_600_000_000_000;
    let t = build(vec![span(1, 0, 0, 5 * HOUR), span(2, 1, 1, 1), span(3, 1, HOUR, 4 * HOUR)]);
    assert_eq!(t.path.parts().iter().map(|p| p.duration_ns()).sum::<i64>(), 5 * HOUR);
    assert!(!has(&t, node(&t, 2)), "it takes no time");
    let t = build((1..=100_000).rev().map(|i| span(i, i - 1, i as i64, 300_000 - i as i64)).collect());
    assert_eq!(t.path.parts().len(), 199_999);
    assert_eq!(build(Vec::new()).path.parts(), []);
}

fn check(t: &Trace) -> Result<(), TestCaseError> {
    let Some(root) = t.root else { return Ok(()) };
    let whole = &t.nodes[root as usize];
    let mut at = whole.start;
    for part in t.path.parts() {
        prop_assert_eq!(part.start, at, "no gap");
        prop_assert!(part.end > part.start);
        at = part.end;
        let node = part.node as usize;
        for within in std::iter::once(node).chain(t.ancestors(node)) {
            let within = &t.nodes[within];
            prop_assert!(within.start <= part.start && part.end <= within.end());
        }
        prop_assert!(node == root as usize || t.ancestors(node).any(|a| a == root as usize));
        prop_assert!(has(t, part.node));
    }
    prop_assert_eq!(at, whole.end(), "they sum to the root");
    let own: i64 = (0..t.nodes.len() as u32).map(|n| t.path.on_path_ns(n)).sum();
    prop_assert_eq!(own, whole.duration_ns);
    for (node, ns) in t.path.nodes() {
        prop_assert_eq!(t.path.parts_of(*node).map(|p| p.duration_ns()).sum::<i64>(), *ns);
        let parent = t.nodes[*node as usize].parent;
        prop_assert!(*node == root || parent.is_some_and(|p| has(t, p)), "it hangs together");
    }
    Ok(())
}

proptest! {
    #[test]
    fn its_parts_sum_to_the_root(spans in calls()) {
        check(&build(spans))?;
    }

    #[test]
    fn its_parts_sum_to_the_root_whatever_the_spans_say(spans in prop_oneof![hostile(), extreme()]) {
        let told = build(spans);
        check(&told)?;
        check(&told.corrected())?;
    }
}
