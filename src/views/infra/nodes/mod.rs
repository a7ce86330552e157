//! Nodes: the machines of a service, how busy and how full they are, what on them waits, and what Kubernetes says of them.
//!
//! Figures are node_exporter's; states are kube-state-metrics'.

mod ask;
mod bounds;
mod machine;
mod read;

use super::{
    section::{Graph, LIMIT, Row, Section, together},
    subject::Subject,
};
use crate::{
    model::labels::quote,
    red::queries::promql_duration,
    ui::{chart::Unit, table::Column},
};

/// The section.
pub(super) static NODES: Section = Section { name: "nodes", columns: &COLUMNS, query: ask::query, read: read::read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 10] = [
    Column::text("NODE", 14, 36),
    Column::text("STATE", 8, 18),
    Column::number("PODS", 4).drop(5),
    Column::number("CPU", 6),
    Column::number("LOAD", 5).drop(7),
    Column::number("MEMORY", 15).drop(2),
    Column::number("DISK", 6).drop(3),
    Column::number("DISK BUSY", 9).drop(4),
    Column::text("PRESSURE", 13, 13).drop(6),
    Column::text("WHY HERE", 26, u16::MAX).drop(1),
];

fn graphs(row: &Row, subject: &Subject) -> Vec<Graph> {
    let Some(instance) = row.place.get("instance") else { return Vec::new() };
    let cluster = row.place.get("cluster").map(|cluster| format!(", cluster={}", quote(cluster))).unwrap_or_default();
    let of = format!("instance={}{cluster}", quote(instance));
    let over = promql_duration(subject.over);
    let mode = |which: &str| format!("sum by (cpu) (rate(node_cpu_seconds_total{{{of}, mode{which}}}[{over}]))");
    let graph = |title, unit, parts: Vec<(&str, String)>| Graph { title, query: together(parts), unit };
    let of_memory = |which: &str| format!("max(node_memory_Mem{which}_bytes{{{of}}})");
    let busy = format!("max(rate(node_disk_io_time_seconds_total{{{of}, {}}}[{over}]))", ask::DISKS);
    let space = |which: &str| format!("max by (mountpoint) (node_filesystem_{which}_bytes{{{of}, {}}})", ask::FILESYSTEMS);
    let full = format!("max(1 - {} / {})", space("avail"), space("size"));
    vec![
        graph(
            "CPU",
            Unit::Share,
            vec![("busy", format!("avg({})", mode("!~\"idle|iowait\""))), ("iowait", format!("avg({})", mode("=\"iowait\"")))],
        ),
        graph(
            "memory",
            Unit::Bytes,
            vec![("used", format!("{} - {}", of_memory("Total"), of_memory("Available"))), (LIMIT, of_memory("Total"))],
        ),
        graph("disk", Unit::Share, vec![("busy", busy), ("full", full)]),
    ]
}
