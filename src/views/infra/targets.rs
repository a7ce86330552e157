//! Targets: what Prometheus scrapes of a service, whether it answers, and what its process says of itself.

use std::collections::BTreeMap;

use super::{
    section::{Figure, Graph, LIMIT, Level, Row, Section, Told, count_of, named_by, sort, together},
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

/// The section.
pub(super) static TARGETS: Section = Section { name: "targets", columns: &COLUMNS, query, read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 12] = [
    Column::text("TARGET", 16, 36),
    Column::text("JOB", 8, 24).drop(11),
    Column::text("STATE", 9, 14),
    Column::text("VERSION", 7, 16).drop(5),
    Column::number("CPU", 7).drop(3),
    Column::number("MEMORY", 8).drop(2),
    Column::number("HEAP", 15).drop(7),
    Column::number("FILES", 14).drop(6),
    Column::number("TASKS", 6).drop(8),
    Column::number("SCRAPE", 8).drop(9),
    Column::number("UPTIME", 6).drop(10),
    Column::text("WHY HERE", 26, u16::MAX).drop(1),
];

/// From this share on garbage is all that is collected. Below it a heap may be as full as it likes.
const HEAP_FULL: f64 = 0.95;
/// What tells targets.
const BY: &str = "cluster, job, instance";
/// Gauges of which a process has one each; their names are their figures. Of what a library tells differently the first is taken.
const GAUGES: &str = "scrape_duration_seconds|process_start_time_seconds|process_resident_memory_bytes|process_cpu_usage|system_cpu_count|\
     process_open_fds|process_max_fds|process_files_open_files|process_files_max_files|go_goroutines|jvm_threads_live_threads|\
     jvm_threads_current|process_num_threads";
const OPEN: [&str; 2] = ["process_open_fds", "process_files_open_files"];
const MOST_OPEN: [&str; 2] = ["process_max_fds", "process_files_max_files"];
const TASKS: [&str; 4] = ["go_goroutines", "jvm_threads_live_threads", "jvm_threads_current", "process_num_threads"];
/// Gauges that a process has one of for each part of its heap. A part without a limit says −1.
const HEAP: &str = "__name__=~\"jvm_memory_(used|max|limit)_bytes\", area=~\"heap|\", jvm_memory_type=~\"heap|\"";
/// Series whose labels say the version.
const INFO: &str = "__name__=~\".+_build_info|target_info\"";
/// Labels that do.
const VERSIONS: [&str; 3] = ["service_version", "version", "app_version"];

fn query(subject: &Subject) -> Option<String> {
    let of = subject.of_processes();
    let each = |series: &dyn Fn(&str) -> String| of.iter().map(|of| series(of)).collect::<Vec<_>>().join(" or ");
    let (over, reach) = (promql_duration(subject.over), promql_duration(subject.reach));
    let up = each(&|of| format!("up{{{of}}}"));
    let down = each(&|of| format!("up{{{of}}} == 0"));
    let last = |is: &str| each(&|of| format!("max_over_time(timestamp(up{{{of}}}{is})[{reach}:1m])"));
    let info = |query: &str| format!("max by ({BY}, namespace, pod) ({query})");
    let answered = ("answered", format!("max by ({BY}) ({}) and on ({BY}) ({down})", last(" == 1")));
    if subject.service.is_none() {
        return Some(together([count_of(&up), ("up", info(&down)), answered]));
    }
    let gauges = each(&|of| format!("{{{of}, __name__=~\"{GAUGES}\"}}"));
    let heap = each(&|of| format!("{{{of}, {HEAP}}}"));
    let versions = VERSIONS.join(", ");
    let parts = [
        together([
            ("up", info(&up)),
            answered,
            ("gone", format!("{} unless on ({BY}) ({up})", info(&last("")))),
            ("cpu", format!("max by ({BY}) ({})", each(&|of| format!("rate(process_cpu_seconds_total{{{of}}}[{over}])")))),
            ("info", format!("max by (__name__, {BY}, {versions}) ({})", each(&|of| format!("{{{of}, {INFO}}}")))),
        ]),
        named_by("__name__", &format!("max by (__name__, {BY}) ({gauges})")),
        named_by("__name__", &format!("sum by (__name__, {BY}) (({heap}) > 0)")),
    ];
    Some(parts.join(" or "))
}

/// What is known of a target.
#[derive(Default)]
struct Target<'v> {
    /// What it is, also when it is gone.
    labels: Option<&'v Labels>,
    figures: BTreeMap<&'v str, f64>,
    /// With how much is to be held of it.
    version: Option<(u8, &'v str)>,
}

impl<'v> Target<'v> {
    fn take(&mut self, figure: &'v str, labels: &'v Labels, value: f64) {
        match figure {
            "up" | "gone" => {
                // Of a target that two jobs' metadata tell apart, the one that answers counts.
                if self.figures.get(figure).is_none_or(|before| *before < value) {
                    self.labels = Some(labels);
                    self.figures.insert(figure, value);
                }
            }
            "info" => self.version = self.version.max(version(labels)),
            _ => _ = self.figures.insert(figure, value),
        }
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    /// The first figure that is told.
    fn first(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|name| self.figure(name))
    }
}

/// The version that these labels say: what the process was told to be, its own, its language's.
fn version(labels: &Labels) -> Option<(u8, &str)> {
    let said = VERSIONS.iter().find_map(|label| labels.get(label).filter(|v| !matches!(*v, "" | "unknown" | "(devel)")))?;
    let rank = match labels.get("__name__")? {
        "target_info" => 2,
        name if name.starts_with("go_") || name.starts_with("jvm_") || name.starts_with("python_") => 0,
        _ => 1,
    };
    Some((rank, said))
}

fn read(vector: &Vector, subject: &Subject, now: Timestamp) -> Vec<Row> {
    let told = Told::new(vector);
    let mut targets: BTreeMap<[&str; 3], Target<'_>> = BTreeMap::new();
    for (figure, series) in told.all() {
        for (labels, value) in series {
            if labels.get("instance").is_some() {
                let key = ["cluster", "job", "instance"].map(|label| labels.get(label).unwrap_or(""));
                targets.entry(key).or_default().take(figure, labels, *value);
            }
        }
    }
    // What has no `up` is no target: its metrics were pushed, or another's exporter tells them.
    let rows = targets.iter().filter_map(|(key, target)| Some(target_row(key, target, target.labels?, subject, now)));
    let mut rows: Vec<Row> = rows.collect();
    sort(&mut rows);
    rows
}

fn target_row(key: &[&str; 3], target: &Target<'_>, labels: &Labels, subject: &Subject, now: Timestamp) -> Row {
    let mut place = Labels::new();
    for label in ["cluster", "namespace", "job", "instance", "pod"] {
        if let Some(value) = labels.get(label).filter(|value| !value.is_empty()) {
            place.set(label, value);
        }
    }
    let mut row = Row::new(key.join("/"), key[2], place);
    let figure = |name: &str| target.figure(name);
    row.add(Figure::new(key[1]));
    let (state, level) = state(&mut row, target, subject, now);
    row.add(Figure::new(state).at(level));
    row.add(Figure::new(target.version.map_or("", |(_, version)| version)));
    row.add(cpu(target));
    row.add(Figure::told(figure("process_resident_memory_bytes"), format::bytes));
    let (heap, most) = (figure("jvm_memory_used_bytes"), target.first(&["jvm_memory_max_bytes", "jvm_memory_limit_bytes"]));
    let full = heap.zip(most).map(|(used, most)| used / most).filter(|share| *share >= HEAP_FULL);
    row.add(Figure::used(heap, most, format::bytes).at(if full.is_some() { Level::Warn } else { Level::Fine }));
    let (open, most) = (target.first(&OPEN), target.first(&MOST_OPEN));
    let files = Figure::used(open, most, number);
    let short = files.level;
    row.add(files);
    row.add(Figure::told(target.first(&TASKS), number));
    row.add(Figure::told(figure("scrape_duration_seconds"), format::seconds));
    row.add(Figure::told(figure("process_start_time_seconds"), |at| format::age(now.since(Timestamp::from_secs(at as i64)))));
    if let Some(share) = full {
        row.because(Level::Warn, format!("heap {} full", format::percent(share)));
    }
    if let Some((open, most)) = open.zip(most).filter(|_| short >= Level::Warn) {
        row.because(short, format!("{} of its files open", format::percent(open / most)));
    }
    if level == Level::Gone {
        row.gone();
    }
    row
}

/// What is shown as its state, and how well that is.
fn state(row: &mut Row, target: &Target<'_>, subject: &Subject, now: Timestamp) -> (String, Level) {
    let ago = |at: f64| format::age(now.since(Timestamp::from_secs(at as i64)));
    match (target.figure("up"), target.figure("gone"), target.figure("answered")) {
        (Some(up), ..) if up > 0.0 => ("up".to_owned(), Level::Fine),
        (Some(_), _, Some(answered)) => {
            row.because(Level::Bad, format!("does not answer Prometheus for {}", ago(answered)));
            (format!("down {}", ago(answered)), Level::Bad)
        }
        (Some(_), ..) => {
            row.because(Level::Bad, format!("has not answered Prometheus in the last {}", format::span(subject.reach)));
            ("down".to_owned(), Level::Bad)
        }
        (None, Some(seen), _) => (format!("gone {}", ago(seen)), Level::Gone),
        (None, None, _) => (String::new(), Level::Fine),
    }
}

/// Cores that it uses; of a JVM that tells only the share of all processors, that share.
fn cpu(target: &Target<'_>) -> Figure {
    let share = target.figure("process_cpu_usage");
    let cores = target.figure("cpu").or_else(|| Some(share? * target.figure("system_cpu_count")?));
    match (cores, share) {
        (None, Some(share)) => Figure::new(format::percent(share)),
        (cores, _) => Figure::told(cores, number),
    }
}

fn number(value: f64) -> String {
    format::without_zeros(&format::number(value))
}

fn graphs(row: &Row, subject: &Subject) -> Vec<Graph> {
    let conditions = row.place.iter().filter(|(label, _)| matches!(*label, "cluster" | "job" | "instance"));
    let of = conditions.map(|(label, value)| format!("{label}={}", quote(value))).collect::<Vec<_>>().join(", ");
    let over = promql_duration(subject.over);
    let one = |metric: &str| format!("max({metric}{{{of}}})");
    let heap =
        |which: &str| format!("sum({{{of}, __name__=~\"jvm_memory_({which})_bytes\", area=~\"heap|\", jvm_memory_type=~\"heap|\"}} > 0)");
    let graph = |title, unit, parts: Vec<(&str, String)>| Graph { title, query: together(parts), unit };
    let answers = vec![("up", one("up")), ("scrape", one("scrape_duration_seconds"))];
    vec![
        graph("up, and seconds of a scrape", Unit::Plain, answers),
        graph(
            "CPU, cores",
            Unit::Plain,
            vec![(
                "used",
                format!(
                    "max(rate(process_cpu_seconds_total{{{of}}}[{over}])) or max(process_cpu_usage{{{of}}} * system_cpu_count{{{of}}})"
                ),
            )],
        ),
        graph(
            "memory",
            Unit::Bytes,
            vec![("resident", one("process_resident_memory_bytes")), ("heap", heap("used")), (LIMIT, heap("max|limit"))],
        ),
    ]
}
