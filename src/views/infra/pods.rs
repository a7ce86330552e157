//! Pods: whether they run, what they use of what they may, where they are.

use std::collections::BTreeMap;

use super::{
    section::{Figure, Graph, LIMIT, Level, NEARLY, Row, Section, Told, count_of, sort, together},
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
const COLUMNS: [Column<'static>; 10] = [
    Column::text("POD", 22, 44),
    Column::text("NODE", 8, 20).drop(3),
    Column::text("STATE", 9, 26),
    Column::text("VERSION", 7, 16).drop(6),
    Column::number("CPU", 13),
    Column::number("THROTTLED", 9).drop(4),
    Column::number("MEMORY", 18),
    Column::number("RESTARTS", 8).drop(2),
    Column::number("AGE", 6).drop(5),
    Column::text("WHY HERE", 24, u16::MAX).drop(1),
];

fn query(subject: &Subject) -> Option<String> {
    let ask = Ask { of: subject.of_pods(), over: promql_duration(subject.over) };
    let reach = promql_duration(subject.reach);
    let few = subject.service.is_some() || subject.matchers.iter().any(|m| m.name == "pod" && m.is_equal());
    Some(together(if few { ask.all(&reach) } else { ask.not_well() }))
}

/// What tells pods, and what tells containers.
const BY: &str = "namespace, pod";
const EACH: &str = "namespace, pod, container";

/// How pods are asked for.
struct Ask {
    /// Whose.
    of: Vec<String>,
    /// Window of rates.
    over: String,
}

impl Ask {
    fn series(&self, metric: &str, more: &[&str]) -> String {
        let inner: Vec<&str> = self.of.iter().map(String::as_str).chain(more.iter().copied()).collect();
        format!("{metric}{{{}}}", inner.join(", "))
    }

    /// Series of containers: cAdvisor tells of a pod as a whole and of its pause container as well.
    fn container(&self, metric: &str) -> String {
        self.series(metric, &["container!=\"\"", "container!=\"POD\""])
    }

    fn phase(&self, which: &str) -> String {
        format!("max by ({BY}, phase) ({} == 1)", self.series("kube_pod_status_phase", &[which]))
    }

    fn with_reason(&self, metric: &str) -> String {
        format!("max by ({EACH}, reason) ({} == 1)", self.series(metric, &[]))
    }

    fn ready(&self) -> String {
        format!("max by ({BY}) ({})", self.series("kube_pod_status_ready", &["condition=\"true\""]))
    }

    fn restarts(&self) -> String {
        format!("sum by ({EACH}) (round(increase({}[1h])))", self.series("kube_pod_container_status_restarts_total", &[]))
    }

    /// What it is and where, as `series` has it.
    fn info(&self, series: &str) -> String {
        format!("max by ({BY}, node, host_ip) ({series})")
    }

    fn cpu(&self) -> String {
        format!("sum by ({EACH}) (rate({}[{}]))", self.container("container_cpu_usage_seconds_total"), self.over)
    }

    fn memory(&self) -> String {
        format!("sum by ({EACH}) ({})", self.container("container_memory_working_set_bytes"))
    }

    fn limit(&self, resource: &str) -> String {
        let resource = format!("resource=\"{resource}\"");
        format!("sum by ({EACH}) ({})", self.series("kube_pod_container_resource_limits", &[&resource]))
    }

    fn throttled(&self) -> String {
        let periods = |which: &str| {
            let series = self.container(&format!("container_cpu_cfs_{which}_total"));
            format!("sum by ({EACH}) (rate({series}[{}]))", self.over)
        };
        format!("{} / {}", periods("throttled_periods"), periods("periods"))
    }

    /// All that is known of each, those included that are no more.
    fn all(&self, reach: &str) -> Vec<(&'static str, String)> {
        let (info, images) = (self.series("kube_pod_info", &[]), self.series("kube_pod_container_info", &[]));
        let image = |series: String| format!("max by ({EACH}, image) ({series})");
        vec![
            ("info", self.info(&info)),
            ("seen", self.info(&format!("max_over_time(timestamp({info})[{reach}:1m])"))),
            ("phase", self.phase("phase!=\"Running\"")),
            ("ready", self.ready()),
            ("started", format!("max by ({BY}) ({})", self.series("kube_pod_start_time", &[]))),
            ("image", image(images.clone())),
            ("image before", image(format!("max_over_time({images}[{reach}])"))),
            ("waiting", self.with_reason("kube_pod_container_status_waiting_reason")),
            ("terminated", self.with_reason("kube_pod_container_status_last_terminated_reason")),
            ("restarts", self.restarts()),
            ("cpu", self.cpu()),
            ("cpu limit", self.limit("cpu")),
            ("throttled", self.throttled()),
            ("memory", self.memory()),
            ("memory limit", self.limit("memory")),
        ]
    }

    /// Of a whole cluster only what is not well: it may have ten thousand pods.
    fn not_well(&self) -> Vec<(&'static str, String)> {
        let phase = self.phase("phase!~\"Running|Succeeded\"");
        let running = self.series("kube_pod_status_phase", &["phase=\"Running\""]);
        let not_ready = format!("({} == 0) and on ({BY}) ({running} == 1)", self.ready());
        let waiting = self.with_reason("kube_pod_container_status_waiting_reason");
        let restarts = format!("{} >= 1", self.restarts());
        let whose = format!("{phase} or {not_ready} or {waiting} or {restarts}");
        let nearly = |used: String, limit: String| {
            let full = format!("{used} / {limit} >= {NEARLY}");
            [format!("{used} and on ({EACH}) ({full})"), format!("{limit} and on ({EACH}) ({full})")]
        };
        let [cpu, cpu_limit] = nearly(self.cpu(), self.limit("cpu"));
        let [memory, memory_limit] = nearly(self.memory(), self.limit("memory"));
        let info = self.info(&self.series("kube_pod_info", &[]));
        vec![
            count_of(&self.series("kube_pod_info", &[])),
            ("info", format!("{info} and on ({BY}) ({whose})")),
            ("phase", phase),
            ("ready", not_ready),
            ("waiting", waiting),
            ("terminated", self.with_reason("kube_pod_container_status_last_terminated_reason") + &format!(" and on ({BY}) ({restarts})")),
            ("restarts", restarts),
            ("cpu", cpu),
            ("cpu limit", cpu_limit),
            ("throttled", format!("{} >= {THROTTLED}", self.throttled())),
            ("memory", memory),
            ("memory limit", memory_limit),
        ]
    }
}

/// What is known of a container.
#[derive(Default)]
struct Container<'v> {
    figures: BTreeMap<&'v str, f64>,
    image: Option<&'v str>,
    waiting: Option<&'v str>,
    terminated: Option<&'v str>,
}

/// What is known of a pod.
#[derive(Default)]
struct Pod<'v> {
    /// Its node and the node's address, also when it is gone.
    info: Option<&'v Labels>,
    /// It is there.
    is: bool,
    /// When it was there last, seconds.
    seen: Option<f64>,
    phase: Option<&'v str>,
    ready: Option<f64>,
    started: Option<f64>,
    containers: BTreeMap<&'v str, Container<'v>>,
}

impl<'v> Pod<'v> {
    fn take(&mut self, figure: &'v str, labels: &'v Labels, value: f64) {
        match figure {
            "info" => (self.info, self.is) = (Some(labels), true),
            "seen" if self.seen.is_none_or(|seen| seen < value) => {
                self.seen = Some(value);
                if !self.is {
                    self.info = Some(labels);
                }
            }
            "seen" => {}
            "phase" => self.phase = labels.get("phase"),
            "ready" => self.ready = Some(value),
            "started" => self.started = Some(value),
            _ => {
                let container = self.containers.entry(labels.get("container").unwrap_or("")).or_default();
                match figure {
                    "image" => container.image = labels.get("image"),
                    // Figures come by their names: what is now is known already.
                    "image before" => container.image = container.image.or(labels.get("image")),
                    "waiting" => container.waiting = labels.get("reason"),
                    "terminated" => container.terminated = labels.get("reason"),
                    _ => _ = container.figures.insert(figure, value),
                }
            }
        }
    }

    /// A figure of all containers together.
    fn sum(&self, figure: &str) -> Option<f64> {
        let told: Vec<f64> = self.containers.values().filter_map(|c| c.figures.get(figure).copied()).collect();
        (!told.is_empty()).then(|| told.iter().sum())
    }

    /// What all containers together may use; `None` where one of those that use some has no limit.
    fn limit(&self, used: &str, limit: &str) -> Option<f64> {
        let bounded = self.containers.values().all(|c| !c.figures.contains_key(used) || c.figures.contains_key(limit));
        self.sum(limit).filter(|_| bounded)
    }
}

fn read(vector: &Vector, _subject: &Subject, now: Timestamp) -> Vec<Row> {
    let told = Told::new(vector);
    let mut pods: BTreeMap<(&str, &str), Pod<'_>> = BTreeMap::new();
    for (figure, series) in told.all() {
        for (labels, value) in series {
            if let Some(name) = labels.get("pod") {
                pods.entry((labels.get("namespace").unwrap_or(""), name)).or_default().take(figure, labels, *value);
            }
        }
    }
    let mut rows: Vec<Row> = pods.iter().map(|((namespace, name), pod)| pod_row(namespace, name, pod, now)).collect();
    sort(&mut rows);
    rows
}

fn pod_row(namespace: &str, name: &str, pod: &Pod<'_>, now: Timestamp) -> Row {
    let about = |label: &str| pod.info.and_then(|info| info.get(label)).filter(|value| !value.is_empty());
    let mut place = Labels::new();
    for (label, value) in [("namespace", Some(namespace)), ("pod", Some(name)), ("node", about("node")), ("host_ip", about("host_ip"))] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            place.set(label, value);
        }
    }
    let mut row = Row::new(format!("{namespace}/{name}"), name, place);
    row.add(Figure::new(about("node").unwrap_or(format::MISSING)));
    let (state, level) = state(pod, now);
    row.add(Figure::new(state).at(level));
    row.add(Figure::new(versions(pod)));
    let used = |figure: &str, limit: &str, show: fn(f64) -> String| {
        let worst = pod.containers.values().filter_map(|c| share(c, figure, limit)).map(Level::of_share).max();
        Figure::used(pod.sum(figure), pod.limit(figure, limit), show).at(worst.unwrap_or_default())
    };
    row.add(used("cpu", "cpu limit", cores));
    let throttled = pod.containers.values().filter_map(|c| c.figures.get("throttled").copied()).max_by(f64::total_cmp);
    row.add(Figure::told(throttled, format::percent).at(warn_if(throttled.is_some_and(|share| share >= THROTTLED))));
    row.add(used("memory", "memory limit", format::bytes));
    let restarts = pod.sum("restarts");
    row.add(Figure::told(restarts, number).at(warn_if(restarts.is_some_and(|n| n >= 1.0))));
    row.add(Figure::told(pod.started, |started| format::age(now.since(Timestamp::from_secs(started as i64)))));
    for (name, container) in &pod.containers {
        reasons(&mut row, if pod.containers.len() > 1 { name } else { "" }, container);
    }
    if level == Level::Gone {
        row.gone();
    }
    row
}

fn number(value: f64) -> String {
    format::without_zeros(&format::number(value))
}

/// To a thousandth, as Kubernetes counts them.
fn cores(value: f64) -> String {
    if value < 1.0 { format::without_zeros(&format!("{value:.3}")) } else { number(value) }
}

fn warn_if(is: bool) -> Level {
    if is { Level::Warn } else { Level::Fine }
}

/// What of its limit a container uses.
fn share(container: &Container<'_>, used: &str, limit: &str) -> Option<f64> {
    let limit = container.figures.get(limit).filter(|limit| **limit > 0.0)?;
    Some(container.figures.get(used)? / limit)
}

/// The tags of its images, each once; of an image by digest its beginning.
fn versions(pod: &Pod<'_>) -> String {
    let tag = |image: &str| {
        let name = image.rsplit('/').next().unwrap_or(image);
        match name.rsplit_once('@') {
            Some((_, digest)) => digest.chars().take(14).collect(),
            None => name.rsplit_once(':').map_or("latest", |(_, tag)| tag).to_owned(),
        }
    };
    let mut tags: Vec<String> = pod.containers.values().filter_map(|c| c.image).map(tag).collect();
    tags.dedup();
    tags.join(" ")
}

/// What is shown as its state, and how well that is.
fn state(pod: &Pod<'_>, now: Timestamp) -> (String, Level) {
    if let Some(seen) = pod.seen.filter(|_| !pod.is) {
        return (format!("gone {}", format::age(now.since(Timestamp::from_secs(seen as i64)))), Level::Gone);
    }
    let waiting = pod.containers.values().find_map(|c| c.waiting);
    match (waiting, pod.phase, pod.ready) {
        (Some("ContainerCreating" | "PodInitializing"), ..) => ("starting".to_owned(), Level::Warn),
        (Some(reason), ..) => (reason.to_owned(), Level::Bad),
        (None, Some("Succeeded"), _) => ("succeeded".to_owned(), Level::Gone),
        (None, Some("Pending"), _) => ("pending".to_owned(), Level::Warn),
        (None, Some(phase), _) => (phase.to_lowercase(), Level::Bad),
        (None, None, Some(ready)) if ready < 1.0 => ("not ready".to_owned(), Level::Bad),
        (None, None, Some(_)) => ("ready".to_owned(), Level::Fine),
        (None, None, None) => (String::new(), Level::Fine),
    }
}

/// What is not well about a container, by its name where the pod has several.
fn reasons(row: &mut Row, name: &str, container: &Container<'_>) {
    let of = if name.is_empty() { String::new() } else { format!("{name}: ") };
    for (used, limit, what) in [("cpu", "cpu limit", "CPU"), ("memory", "memory limit", "memory")] {
        if let Some(share) = share(container, used, limit).filter(|share| Level::of_share(*share) > Level::Fine) {
            row.because(Level::of_share(share), format!("{of}{what} at {} of its limit", format::percent(share)));
        }
    }
    if let Some(share) = container.figures.get("throttled").filter(|share| **share >= THROTTLED) {
        row.because(Level::Warn, format!("{of}held back by its CPU limit in {} of the periods", format::percent(*share)));
    }
    let restarts = container.figures.get("restarts").copied().unwrap_or(0.0);
    if restarts >= 1.0 {
        // The reason stays for ever: only with restarts does it say something of now.
        let how = container.terminated.map(|reason| format!(", the last after {reason}")).unwrap_or_default();
        let level = if container.terminated == Some("OOMKilled") { Level::Bad } else { Level::Warn };
        row.because(level, format!("{of}{} in 1h{how}", format::counted(restarts as usize, "restart")));
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
