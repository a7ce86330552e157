//! What each operation of a trace did and took.

use compact_str::CompactString;

use super::Trace;

/// All spans of one service and title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The service.
    pub service: CompactString,
    /// The title.
    pub name: CompactString,
    /// How many spans.
    pub count: u32,
    /// Their durations together in nanoseconds; those within each other or at the same time count each.
    pub total_ns: i64,
    /// What of them no child covers, in nanoseconds.
    pub self_ns: i64,
    /// What of the critical path is theirs, in nanoseconds: all rows together are as long as the root.
    pub path_ns: i64,
    /// Those with an error.
    pub errors: u32,
    /// The first of them.
    pub first: u32,
}

/// A row for each operation, those that took most of the critical path first, then by their own time.
pub fn rows(trace: &Trace) -> Vec<Row> {
    let mut rows: Vec<Option<Row>> = vec![None; trace.operations.len()];
    for (i, node) in (0..).zip(&trace.nodes) {
        let Some((operation, place)) = node.operation.map(|o| (&trace.operations[o as usize], o as usize)) else { continue };
        let row = rows[place].get_or_insert_with(|| Row {
            service: operation.service.clone(),
            name: operation.name.clone(),
            count: 0,
            total_ns: 0,
            self_ns: 0,
            path_ns: 0,
            errors: 0,
            first: i,
        });
        row.count += 1;
        row.total_ns = row.total_ns.saturating_add(node.duration_ns);
        row.self_ns = row.self_ns.saturating_add(node.self_ns);
        row.path_ns += trace.path.on_path_ns(i);
        row.errors += u32::from(node.is_error());
    }
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    rows.sort_unstable_by_key(|row| (std::cmp::Reverse((row.path_ns, row.self_ns)), row.first));
    rows
}
