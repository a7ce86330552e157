use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::trace::{
    compare::{Change, Comparison, compare},
    differences::CompareJob,
};

fn named(name: &str, s: Span) -> Span {
    Span { name: name.into(), ..s }
}

fn name(t: &Trace, node: Option<u32>) -> Option<String> {
    node.map(|n| t.name(n as usize).into())
}

/// One line a row: indent, names on both sides, change, by how much.
fn told(base: &Trace, other: &Trace, c: &Comparison) -> Vec<String> {
    let line = |row: &crate::trace::compare::Row| {
        let name = name(other, row.other).or(name(base, row.base)).unwrap();
        format!("{}{name} {:?} {:+}", ".".repeat(row.depth as usize), row.change, row.delta_ns)
    };
    c.rows.iter().map(line).collect()
}

#[test]
fn spans_are_partners_by_path_and_occurrence() {
    let base = build(vec![
        named("root", span(1, 0, 0, 1000)),
        named("query", span(2, 1, 100, 200)),
        named("query", span(3, 1, 300, 400)),
        named("render", span(4, 1, 500, 900)),
        named("cache", span(5, 4, 600, 700)),
    ]);
    let other = build(vec![
        named("root", span(1, 0, 5000, 8000)),
        named("query", span(7, 1, 5100, 5205)),
        named("query", span(8, 1, 5300, 6300)),
        named("query", span(9, 1, 6400, 6500)),
        named("render", span(4, 1, 7000, 7100)),
        named("retry", span(6, 4, 7010, 7050)),
    ]);
    let c = compare(&base, &other);
    assert_eq!(
        told(&base, &other, &c),
        [
            "root Slower +2000",
            ".query Same +5",
            ".query Slower +900",
            ".query New +100",
            ".render Faster -300",
            "..retry New +40",
            "..cache Gone -100"
        ]
    );
    assert_eq!([Change::New, Change::Gone, Change::Slower, Change::Faster, Change::Same].map(|kind| c.count(kind)), [2, 1, 2, 1, 1]);
    assert_eq!((c.rows[4].subtree_end, c.rows[6].parent, c.rows[4].self_delta_ns), (7, Some(4), 60 - 300));
}

#[test]
fn the_roots_are_partners_whatever_they_are_called_and_others_by_name() {
    let base = build(vec![named("a", span(1, 0, 0, 1000)), named("x", span(2, 0, 2000, 2100))]);
    let other = build(vec![named("x", span(2, 0, 0, 100)), named("b", span(1, 0, 500, 1500)), named("y", span(3, 0, 1600, 1700))]);
    assert_eq!(told(&base, &other, &compare(&base, &other)), ["b Same +0", "x Same +0", "y New +100"]);
    let none = build(Vec::new());
    assert_eq!(compare(&none, &none).rows, []);
    assert!(compare(&none, &other).rows.iter().all(|r| r.change == Change::New));
}

fn differences(base: &Trace, other: &Trace) -> crate::trace::differences::Differences {
    CompareJob { base: Arc::new(base.clone()), other: Arc::new(other.clone()) }.run()
}

#[test]
fn repeated_siblings_are_one_group_and_each_operation_tells_what_itself_takes_longer() {
    let calls = |n: u64, ms: i64| (0..n).map(move |i| named("query", span(10 + i, 1, 100 * i as i64, 100 * i as i64 + ms)));
    let base = build([named("root", span(1, 0, 0, 1000)), named("render", span(2, 1, 900, 950))].into_iter().chain(calls(2, 20)).collect());
    let other =
        build([named("root", span(1, 0, 0, 5000)), named("retry", span(3, 1, 4000, 4100))].into_iter().chain(calls(9, 80)).collect());
    let found = differences(&base, &other);
    let [group] = &found.groups[..] else { panic!("{:?}", found.groups) };
    assert_eq!((group.base.count, group.other.count, group.base.total_ns, group.other.total_ns), (2, 9, 40, 720));
    assert_eq!((group.change, group.members.len()), (Change::Slower, 9));
    assert_eq!(
        (group.base.from_ns, group.base.to_ns, group.other.from_ns, group.other.to_ns),
        (0, 120, 0, 880),
        "from the first to the last"
    );
    assert!(group.members.iter().all(|row| found.group_of(*row) == Some(0)) && found.group_of(0).is_none());
    let most =
        |found: &crate::trace::differences::Differences| found.most.as_ref().map(|d| (d.operation.name.to_string(), d.self_delta_ns));
    assert_eq!(most(&found), Some(("root".to_owned(), (5000 - 100 - 720) - (1000 - 50 - 40))));
    let longer = build(vec![named("root", span(1, 0, 0, 1000)), named("render", span(2, 1, 900, 1000))]);
    let little = build(vec![named("root", span(1, 0, 0, 1000)), named("render", span(2, 1, 900, 1005))]);
    assert_eq!(most(&differences(&longer, &little)), None, "5 ns of 1,000 do not matter");
    assert!(found.differs_below[0]);
}

#[test]
fn what_failed_in_one_of_them_alone_differs_and_what_is_below_a_new_one_is_said_by_it() {
    let base = build(vec![named("root", span(1, 0, 0, 1000)), named("a", span(2, 1, 0, 500)), named("b", span(3, 2, 0, 400))]);
    let failed = Span { error: true, ..named("b", span(3, 2, 0, 400)) };
    let other = build(vec![
        named("root", span(1, 0, 0, 1000)),
        named("a", span(2, 1, 0, 500)),
        failed,
        named("new", span(4, 1, 600, 900)),
        named("newer", span(5, 4, 600, 900)),
    ]);
    assert_eq!(differences(&base, &base).differs_below, [false; 3]);
    assert_eq!(differences(&base, &other).differs_below, [true, true, false, false, false]);
}

proptest! {
    #[test]
    fn every_span_of_both_is_in_one_row(a in prop_oneof![calls(), hostile()], b in prop_oneof![calls(), hostile()]) {
        let (a, b) = (build(a), build(b));
        let c = compare(&a, &b);
        let sorted = |side: fn(&crate::trace::compare::Row) -> Option<u32>| {
            let mut all: Vec<u32> = c.rows.iter().filter_map(side).collect();
            all.sort_unstable();
            all
        };
        prop_assert_eq!(sorted(|r| r.base), (0..a.nodes.len() as u32).collect::<Vec<_>>());
        prop_assert_eq!(sorted(|r| r.other), (0..b.nodes.len() as u32).collect::<Vec<_>>());
        for (i, row) in c.rows.iter().enumerate() {
            let parent = row.parent.map(|p| c.rows[p as usize]);
            prop_assert!(row.parent.is_none_or(|p| (p as usize) < i && (i as u32) < c.rows[p as usize].subtree_end));
            for (side, trace) in [(row.base, &a), (row.other, &b)] {
                let above = side.and_then(|n| trace.nodes[n as usize].parent);
                prop_assert_eq!(above, if side.is_none() { None } else { parent.and_then(|p| if std::ptr::eq(trace, &a) { p.base } else { p.other }) });
            }
            if let (Some(x), Some(y), true) = (row.base, row.other, row.parent.is_some()) {
                prop_assert_eq!(a.operation(x as usize), b.operation(y as usize));
            }
        }
        let found = differences(&a, &b);
        let mut grouped: Vec<u32> = found.groups.iter().flat_map(|g| g.members.iter().copied()).collect();
        let members = grouped.len();
        grouped.sort_unstable();
        grouped.dedup();
        prop_assert_eq!(members, grouped.len());
        let of_groups = |row: &u32| found.group_of(*row).is_some();
        prop_assert_eq!(grouped, (0..c.rows.len() as u32).filter(of_groups).collect::<Vec<_>>());
        let same = compare(&a, &a);
        prop_assert!(same.rows.len() == a.nodes.len() && same.rows.iter().all(|r| r.base == r.other && r.change == Change::Same));
    }
}
