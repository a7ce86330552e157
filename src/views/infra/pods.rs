//! Pods: whether they run, what they use of what they may, where they are.

use std::collections::BTreeMap;

use super::{
    section::{Figure, Graph, LIMIT, Level, Row, Section, Told, sort, together},
    subject::Subject,
};
use crate::{
    model::{
        labels::{Labels, quote},
        series::Vector,
        time::Timestamp,
    },
    red::queries::promql_duration,
    ui::{chart::Unit, format, table::Column},
};

/// From this share of periods on in which a container was held back, its limit slows it down.
const THROTTLED: f64 = 0.25;

/// The section.
pub(super) static PODS: Section = Section { name: "pods", columns: &COLUMNS, query, read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 9] = [
    Column::text("POD", 18, 44),
    Column::text("NODE", 8, 20).drop(3),
    Column::text("STATE", 9, 18),
    Column::number("CPU", 13),
    Column::number("THROTTLED", 9).drop(4),
    Column::number("MEMORY", 19),
    Column::number("RESTARTS", 8).drop(2),
    Column::number("AGE", 6).drop(5),
    Column::text("WHY HERE", 14, u16::MAX).drop(1),
];

fn query(subject: &Subject) -> Option<String> {
    let of = subject.of_pods();
    let braces =
        |more: &[&str]| format!("{{{}}}", of.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>().join(", "));
    let by = |query: String| format!("max by (namespace, pod) ({query})");
    let sum = |query: String| format!("sum by (namespace, pod) ({query})");
    let over = promql_duration(subject.over);
    let container = braces(&["container!=\"\"", "container!=\"POD\""]);
    let reach = promql_duration(subject.reach);
    let limit = |resource: &str| sum(format!("kube_pod_container_resource_limits{}", braces(&[&format!("resource=\"{resource}\"")])));
    let bad_phase = braces(&["phase!=\"Running\""]);
    Some(together([
        ("info", format!("max by (namespace, pod, node, host_ip, created_by_kind, created_by_name) (kube_pod_info{})", braces(&[]))),
        ("seen", by(format!("max_over_time(timestamp(kube_pod_info{})[{reach}:1m])", braces(&[])))),
        ("phase", format!("max by (namespace, pod, phase) (kube_pod_status_phase{bad_phase} == 1)")),
        ("ready", by(format!("kube_pod_status_ready{}", braces(&["condition=\"true\""])))),
        ("waiting", format!("max by (namespace, pod, reason) (kube_pod_container_status_waiting_reason{} == 1)", braces(&[]))),
        ("terminated", format!("max by (namespace, pod, reason) (kube_pod_container_status_last_terminated_reason{} == 1)", braces(&[]))),
        ("restarts", sum(format!("round(increase(kube_pod_container_status_restarts_total{}[1h]))", braces(&[])))),
        ("started", by(format!("kube_pod_start_time{}", braces(&[])))),
        ("cpu", sum(format!("rate(container_cpu_usage_seconds_total{container}[{over}])"))),
        ("cpu limit", limit("cpu")),
        (
            "throttled",
            format!(
                "{} / {}",
                sum(format!("rate(container_cpu_cfs_throttled_periods_total{container}[{over}])")),
                sum(format!("rate(container_cpu_cfs_periods_total{container}[{over}])"))
            ),
        ),
        ("memory", sum(format!("container_memory_working_set_bytes{container}"))),
        ("memory limit", limit("memory")),
    ]))
}

/// What is known of a pod.
#[derive(Default)]
struct Pod<'v> {
    figures: BTreeMap<&'v str, f64>,
    info: Option<&'v Labels>,
    phase: Option<&'v str>,
    waiting: Option<&'v str>,
    terminated: Option<&'v str>,
}

fn read(vector: &Vector, _subject: &Subject, now: Timestamp) -> Vec<Row> {
    let told = Told::new(vector);
    let mut pods: BTreeMap<(&str, &str), Pod<'_>> = BTreeMap::new();
    for (figure, series) in told.all() {
        for (labels, value) in series {
            let Some(name) = labels.get("pod") else { continue };
            let pod = pods.entry((labels.get("namespace").unwrap_or(""), name)).or_default();
            match figure {
                "info" => pod.info = Some(labels),
                "phase" => pod.phase = labels.get("phase"),
                "waiting" => pod.waiting = labels.get("reason"),
                "terminated" => pod.terminated = labels.get("reason"),
                _ => {}
            }
            pod.figures.insert(figure, *value);
        }
    }
    let mut rows: Vec<Row> = pods.iter().map(|((namespace, name), pod)| row(namespace, name, pod, now)).collect();
    sort(&mut rows);
    rows
}

fn row(namespace: &str, name: &str, pod: &Pod<'_>, now: Timestamp) -> Row {
    let mut place = Labels::new();
    let node = pod.info.and_then(|info| info.get("node")).filter(|node| !node.is_empty());
    let known = [("namespace", Some(namespace)), ("pod", Some(name)), ("node", node)];
    for (label, value) in known.into_iter().filter_map(|(label, value)| Some((label, value.filter(|v| !v.is_empty())?))) {
        place.set(label, value);
    }
    if let Some(address) = pod.info.and_then(|info| info.get("host_ip")).filter(|ip| !ip.is_empty()) {
        place.set("host_ip", address);
    }
    let mut row = Row::new(format!("{namespace}/{name}"), name, place);
    let figure = |name: &str| pod.figures.get(name).copied();
    row.add(Figure::new(node.unwrap_or(format::MISSING)));
    let (state, level) = state(pod, now);
    if level > Level::Gone {
        row.because(level, state.clone());
    }
    row.add(Figure::new(state).at(level));
    let number = |v: f64| format::without_zeros(&format::number(v));
    row.add(Figure::used(figure("cpu"), figure("cpu limit"), number));
    let throttled = figure("throttled");
    let held_back = throttled.filter(|share| *share >= THROTTLED);
    row.add(Figure::told(throttled, format::percent).at(if held_back.is_some() { Level::Warn } else { Level::Fine }));
    row.add(Figure::used(figure("memory"), figure("memory limit"), format::bytes));
    let restarts = figure("restarts").unwrap_or(0.0);
    row.add(Figure::told(figure("restarts"), number).at(if restarts >= 1.0 { Level::Warn } else { Level::Fine }));
    row.add(Figure::told(figure("started"), |started| format::age(now.since(Timestamp::from_secs(started as i64)))));
    reasons(&mut row, pod, restarts);
    if let Some(share) = held_back {
        row.because(Level::Warn, format!("held back by its CPU limit in {} of all periods", format::percent(share)));
    }
    row
}

/// What is shown as its state, and how well that is.
fn state(pod: &Pod<'_>, now: Timestamp) -> (String, Level) {
    if pod.info.is_none()
        && let Some(seen) = pod.figures.get("seen")
    {
        let ago = now.since(Timestamp::from_secs(*seen as i64));
        return (format!("gone {}", format::age(ago)), Level::Gone);
    }
    match (pod.waiting, pod.phase, pod.figures.get("ready")) {
        (Some("ContainerCreating" | "PodInitializing"), ..) => ("starting".to_owned(), Level::Warn),
        (Some(reason), ..) => (reason.to_owned(), Level::Bad),
        (None, Some("Succeeded"), _) => ("succeeded".to_owned(), Level::Gone),
        (None, Some("Pending"), _) => ("pending".to_owned(), Level::Warn),
        (None, Some(phase), _) => (phase.to_lowercase(), Level::Bad),
        (None, None, Some(ready)) if *ready < 1.0 => ("not ready".to_owned(), Level::Bad),
        (None, None, Some(_)) => ("ready".to_owned(), Level::Fine),
        (None, None, None) => (format::MISSING.to_owned(), Level::Fine),
    }
}

fn reasons(row: &mut Row, pod: &Pod<'_>, restarts: f64) {
    for (used, limit, what) in [("cpu", "cpu limit", "CPU"), ("memory", "memory limit", "memory")] {
        let share = pod.figures.get(used).zip(pod.figures.get(limit).filter(|l| **l > 0.0)).map(|(used, limit)| used / limit);
        if let Some((share, level)) = share.map(|share| (share, Level::of_share(share))).filter(|(_, level)| *level > Level::Fine) {
            row.because(level, format!("{what} at {} of its limit", format::percent(share)));
        }
    }
    if restarts >= 1.0 {
        // The reason stays for ever: only with restarts does it say something of now.
        let killed = pod.terminated == Some("OOMKilled");
        let how = pod.terminated.map(|reason| format!(", the last by {reason}")).unwrap_or_default();
        let level = if killed { Level::Bad } else { Level::Warn };
        row.because(level, format!("{} in 1h{how}", format::counted(restarts as usize, "restart")));
    }
}

fn graphs(row: &Row, subject: &Subject) -> Vec<Graph> {
    let Some(pod) = row.place.get("pod") else { return Vec::new() };
    let namespace = row.place.get("namespace").map(|namespace| format!("namespace={}, ", quote(namespace))).unwrap_or_default();
    let of = format!("{namespace}pod={}", quote(pod));
    let container = format!("{of}, container!=\"\", container!=\"POD\"");
    let over = promql_duration(subject.over);
    let limit = |resource: &str| format!("sum(kube_pod_container_resource_limits{{{of}, resource=\"{resource}\"}})");
    let periods = |which: &str| format!("sum(rate(container_cpu_cfs_{which}_total{{{container}}}[{over}]))");
    let graph = |title, unit, parts: Vec<(&str, String)>| Graph { title, query: together(parts), unit };
    let cpu = format!("sum(rate(container_cpu_usage_seconds_total{{{container}}}[{over}]))");
    let memory = format!("sum(container_memory_working_set_bytes{{{container}}})");
    vec![
        graph("CPU, cores", Unit::Plain, vec![("used", cpu), (LIMIT, limit("cpu"))]),
        graph("memory", Unit::Bytes, vec![("used", memory), (LIMIT, limit("memory"))]),
        graph("held back", Unit::Share, vec![("throttled", format!("{} / {}", periods("throttled_periods"), periods("periods")))]),
    ]
}
