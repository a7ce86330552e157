//! What the section of targets tells.

use super::world::{NOW, World, cell, subject};
use crate::views::infra::{
    section::{Level, Row, counted},
    subject::Subject,
    targets::TARGETS,
};

const MIB: f64 = (1u64 << 20) as f64;

fn orders() -> Subject {
    Subject { service_label: Some("service".into()), ..subject(Some("orders")) }
}

/// Name, state and reason of each.
fn states(rows: &[Row]) -> Vec<(&str, &str, Level, String)> {
    let each = rows.iter().map(|row| {
        let (state, level) = cell(&TARGETS, row, "STATE");
        (row.name.as_str(), state, level, row.why())
    });
    each.collect()
}

#[test]
fn a_target_says_what_its_process_uses() {
    let of = "namespace=shop, job=orders, instance=10.1.0.1:8080, pod=orders-6d4f8b9c7d-x7k2p";
    let gauge = |world: World, metric: &str, value: f64| world.gauge(&format!("{metric}{{{of}}}"), value);
    let world = World::default()
        .counter(&format!("process_cpu_seconds_total{{{of}}}"), 0.25)
        .gauge(&format!("jvm_memory_used_bytes{{{of}, area=heap, id=eden}}"), 100.0 * MIB)
        .gauge(&format!("jvm_memory_used_bytes{{{of}, area=heap, id=old}}"), 300.0 * MIB)
        .gauge(&format!("jvm_memory_used_bytes{{{of}, area=nonheap, id=code}}"), 900.0 * MIB)
        .gauge(&format!("jvm_memory_max_bytes{{{of}, area=heap, id=eden}}"), -1.0)
        .gauge(&format!("jvm_memory_max_bytes{{{of}, area=heap, id=old}}"), 800.0 * MIB)
        .gauge(&format!("go_build_info{{{of}, version=v0.0.1}}"), 1.0)
        .gauge(&format!("orders_build_info{{{of}, version=1.42.0}}"), 1.0);
    let world = [
        ("up", 1.0),
        ("scrape_duration_seconds", 0.012),
        ("process_resident_memory_bytes", 512.0 * MIB),
        ("process_open_fds", 950.0),
        ("process_max_fds", 1000.0),
        ("go_goroutines", 42.0),
        ("process_start_time_seconds", (NOW - 7200) as f64),
    ]
    .into_iter()
    .fold(world, |world, (metric, value)| gauge(world, metric, value));
    let row = &world.rows(&TARGETS, &orders())[0];
    let told = ["JOB", "STATE", "VERSION", "CPU", "MEMORY", "HEAP", "FILES", "TASKS", "SCRAPE", "UPTIME"];
    let told = told.map(|title| cell(&TARGETS, row, title).0);
    assert_eq!(told, ["orders", "up", "1.42.0", "0.25", "512 MiB", "400 / 800 MiB", "950 / 1000", "42", "12 ms", "2h00m"]);
    assert_eq!((row.level, row.why().as_str()), (Level::Bad, "95.0 % of its files open"));
    assert_eq!(row.place.get("pod"), Some("orders-6d4f8b9c7d-x7k2p"), "its logs are those of its pod");
    assert_eq!(world.lines(&TARGETS, row, &orders()), [("up, and seconds of a scrape", 2), ("CPU, cores", 1), ("memory", 3)]);
}

#[test]
fn a_target_is_the_services_by_pod_job_or_label_and_pushed_metrics_are_none() {
    let world = World::default()
        .gauge("up{job=apps, instance=a, pod=orders-6d4f8b9c7d-x7k2p}", 1.0)
        .gauge("up{job=shop/orders, instance=b}", 1.0)
        .gauge("up{job=vms, instance=c, service=orders}", 1.0)
        .gauge("up{job=preorders, instance=d}", 1.0)
        .gauge("target_info{job=shop/orders, instance=e}", 1.0);
    let rows = world.rows(&TARGETS, &orders());
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn what_does_not_answer_says_since_when_and_what_is_gone_when_it_went() {
    let world = World::default()
        .gauge("up{job=orders, instance=a}", 1.0)
        .over("up{job=orders, instance=b}", (NOW - 7200, NOW), |at| f64::from(at <= NOW - 720))
        .gauge("up{job=orders, instance=c}", 0.0)
        .over("up{job=orders, instance=d}", (NOW - 7200, NOW - 1020), |_| 1.0)
        .gauge("up{job=payments, instance=e}", 0.0);
    let told = world.rows(&TARGETS, &orders());
    let expected = [
        ("b", "down 12m", Level::Bad, "does not answer Prometheus for 12m".to_owned()),
        ("c", "down", Level::Bad, "has not answered Prometheus in the last 1h".to_owned()),
        ("a", "up", Level::Fine, String::new()),
        ("d", "gone 17m", Level::Gone, String::new()),
    ];
    assert_eq!(states(&told), expected);
    let all = world.rows(&TARGETS, &subject(None));
    assert_eq!(all.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["b", "c", "e"], "of all only those that are down");
    assert_eq!(counted(&world.answer(&(TARGETS.query)(&subject(None)).unwrap())), Some(4));
}
