use proptest::prelude::*;

use super::*;
use crate::{
    model::time::TimeRange,
    trace::{
        structure::{Structure, StructureJob},
        table,
    },
};

#[test]
fn the_table_has_a_row_for_each_operation_by_its_part_of_the_path() {
    let query = |id: u64, from: i64, to: i64| Span { name: "query".into(), resource: 1, ..span(id, 1, from, to) };
    let t =
        build(vec![span(1, 0, 0, 100), query(2, 10, 30), Span { error: true, ..query(3, 40, 95) }, span(4, 1, 20, 25), span(5, 9, 0, 5)]);
    let rows = table::rows(&t);
    let told: Vec<_> =
        rows.iter().map(|r| (r.service.as_str(), r.name.as_str(), r.count, r.total_ns, r.self_ns, r.path_ns, r.errors)).collect();
    assert_eq!(
        told,
        [("b", "query", 2, 75, 75, 75, 1), ("a", "op1", 1, 100, 25, 25, 0), ("a", "op4", 1, 5, 5, 0, 0), ("a", "op5", 1, 5, 5, 0, 0)]
    );
    assert_eq!(t.nodes[rows[0].first as usize].id, SpanId(2));
}

#[test]
fn many_traces_are_one_tree_with_counts_and_shares() {
    let call = |to: i64, error: bool| {
        build(vec![
            span(1, 0, 0, 100),
            Span { name: "query".into(), error, ..span(2, 1, 10, to) },
            Span { name: "other".into(), ..span(3, 1, 0, 5) },
        ])
    };
    let mut all = Structure::default();
    [20, 30, 60].into_iter().for_each(|to| all.add(&call(to, to == 60)));
    all.add(&build(vec![span(1, 0, 0, 100)]));
    let rows = all.rows();
    let told: Vec<_> = rows
        .iter()
        .map(|r| (r.operation.as_ref().map(|o| o.name.to_string()).unwrap(), r.depth, r.count, r.errors, r.p50_ns, r.p95_ns))
        .collect();
    assert_eq!(told, [("op1".into(), 0, 4, 0, 100, 100), ("query".into(), 1, 3, 1, 20, 50), ("other".into(), 1, 3, 0, 5, 5)]);
    assert_eq!(
        rows[1].traces.iter().map(|b| (b.trace, b.span, b.errors)).collect::<Vec<_>>(),
        [(0, SpanId(2), 0), (1, SpanId(2), 0), (2, SpanId(2), 1)]
    );
    assert_eq!((rows[1].path_ns, rows[1].share), (80, 0.2));
    assert_eq!((rows[0].subtree_end, all.traces().len()), (3, 4));
}

#[test]
fn of_several_spans_of_a_trace_at_one_place_the_longest_failed_one_stands_for_them() {
    let query = |id: u64, to: i64, error: bool| Span { name: "query".into(), error, ..span(id, 1, 0, to) };
    let mut all = Structure::default();
    all.add(&build(vec![span(1, 0, 0, 100), query(2, 90, false), query(3, 10, true), query(4, 20, true), query(5, 50, false)]));
    let behind = all.rows()[1].traces[0];
    assert_eq!((behind.count, behind.errors, behind.span, behind.span_ns), (4, 2, SpanId(4), 20));
}

proptest! {
    #[test]
    fn nothing_is_lost_between_trace_table_and_structure(traces in prop::collection::vec(prop_oneof![calls(), hostile()], 1..4)) {
        let traces: Vec<Trace> = traces.into_iter().map(build).collect();
        let mut all = Structure::default();
        for t in &traces {
            let rows = table::rows(t);
            prop_assert_eq!(rows.iter().map(|r| r.count).sum::<u32>(), t.span_count);
            let waiting_for_missing: i64 = (0..t.nodes.len()).filter(|i| t.nodes[*i].is_missing()).map(|i| t.path.on_path_ns(i as u32)).sum();
            let whole = t.root.map_or(0, |r| t.nodes[r as usize].duration_ns);
            prop_assert_eq!(rows.iter().map(|r| r.path_ns).sum::<i64>() + waiting_for_missing, whole);
            all.add(t);
        }
        let rows = all.rows();
        prop_assert_eq!(rows.iter().map(|r| r.count as usize).sum::<usize>(), traces.iter().map(|t| t.nodes.len()).sum::<usize>());
        let share: f64 = rows.iter().map(|r| r.share).sum();
        prop_assert!(rows.iter().all(|r| r.path_ns == 0) || (share - 1.0).abs() < 1e-9);
        for (i, row) in rows.iter().enumerate() {
            prop_assert!(row.p50_ns <= row.p95_ns && row.errors <= row.count && row.traces.len() <= traces.len());
            prop_assert!(row.parent.is_none_or(|p| (p as usize) < i && (i as u32) < rows[p as usize].subtree_end && rows[p as usize].depth + 1 == row.depth));
        }
    }
}

#[test]
fn a_job_that_was_interrupted_or_has_more_to_do_reads_no_trace_twice() {
    let when = TimeRange::new(Timestamp(0), Timestamp(100));
    let of = |id: u128| Trace { id: TraceId(id), ..build(vec![span(1, 0, 0, 100)]) };
    let job = StructureJob::new(vec![(TraceId(1), when), (TraceId(2), when)]);
    job.add(&of(1));
    assert_eq!(job.left(), [(TraceId(2), when)]);
    let more = job.with(vec![(TraceId(1), when), (TraceId(2), when), (TraceId(3), when)]);
    assert_eq!(more.left().len(), 2);
    // What the other had begun comes to its end.
    job.add(&of(2));
    more.add(&of(2));
    more.add(&of(3));
    let news = more.news(Vec::new(), true);
    assert_eq!((more.left(), news.traces.len(), news.rows[0].count), (Vec::new(), 3, 3));
}
