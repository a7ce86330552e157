//! Batch work: when it ended well, whether it failed since, and whether it is late.

mod question;

use std::{collections::BTreeMap, time::Duration};

use self::question::{
    BEGUN, DAG_DONE, DAG_FAILED, DAG_TOOK, DONE, FAILED, HEARTBEAT, LENGTH, NEXT, OPEN, PERIOD, PUSHED, QUEUED, REFUSED, RUNNING, SUCCESS,
    SUSPENDED, TOOK, question,
};
use super::{
    section::{FIGURE, Figure, Graph, Level, Row, Section, Told, sort, together},
    subject::Subject,
};
use crate::{
    model::{
        labels::{Labels, label_name, quote},
        series::Vector,
        time::Timestamp,
    },
    ui::{chart::Unit, format, table::Column},
};

/// The section.
pub(super) static JOBS: Section = Section { name: "jobs", columns: &COLUMNS, query: question, read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 8] = [
    Column::text("JOB", 18, 36),
    Column::text("TOLD BY", 8, 11).drop(4),
    Column::text("STATE", 9, 12),
    Column::number("LAST SUCCESS", 12),
    Column::number("LAST FAILURE", 12).drop(2),
    Column::number("TOOK", 9).drop(3),
    Column::number("NEXT", 8).drop(5),
    Column::text("WHY HERE", 14, u16::MAX).drop(1),
];

/// So many usual periods without a success are late, and so many seconds after its time is a run.
const LATE: f64 = 2.0;
const OVERDUE: f64 = 60.0;

/// Who tells of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Pushgateway,
    CronJob,
    Job,
    Airflow,
    Scheduler,
}

/// What is known of a job. Times are in seconds.
#[derive(Default)]
struct Work {
    place: Labels,
    success: Option<f64>,
    failure: Option<f64>,
    running: Option<f64>,
    begun: Option<f64>,
    next: Option<f64>,
    period: Option<f64>,
    took: Option<f64>,
    /// When what took so long ended.
    ended: Option<f64>,
    suspended: bool,
    /// Of a scheduler: heartbeats within the window, tasks that wait, places for tasks.
    heartbeats: Option<f64>,
    queued: Option<f64>,
    open: Option<f64>,
}

/// The later of two.
fn later(one: &mut Option<f64>, other: f64) {
    *one = Some(one.map_or(other, |one| one.max(other)));
}

impl Work {
    fn learn(&mut self, figure: &str, value: f64) {
        match figure {
            PUSHED | SUCCESS | DONE | DAG_DONE => later(&mut self.success, value),
            REFUSED | FAILED | DAG_FAILED => later(&mut self.failure, value),
            RUNNING => later(&mut self.running, value),
            BEGUN => later(&mut self.begun, value),
            NEXT => later(&mut self.next, value),
            PERIOD => self.period = Some(value).filter(|period| *period > 0.0),
            DAG_TOOK => self.took = Some(value),
            SUSPENDED => self.suspended = value > 0.0,
            HEARTBEAT => self.heartbeats = Some(value),
            QUEUED => self.queued = Some(value),
            OPEN => self.open = Some(value),
            _ => {}
        }
    }

    fn failed(&self) -> Option<f64> {
        self.failure.filter(|failure| self.success.is_none_or(|success| success < *failure))
    }

    /// Seconds between two runs.
    fn period(&self) -> Option<f64> {
        self.period.or_else(|| Some(self.next? - self.begun?).filter(|period| *period > 0.0))
    }

    /// What is not well about it.
    fn trouble(&self, source: Source, now: f64) -> Option<(Level, String)> {
        if source == Source::Scheduler {
            return match (self.heartbeats, self.queued, self.open) {
                (Some(beats), ..) if beats <= 0.0 => Some((Level::Bad, "no heartbeat in 5m".to_owned())),
                (_, Some(queued), Some(open)) if queued >= 1.0 && open < 1.0 => {
                    Some((Level::Warn, format!("{} wait, no slot is open", format::counted(queued as usize, "task"))))
                }
                _ => None,
            };
        }
        if let Some(failure) = self.failed() {
            let what = if source == Source::Pushgateway { "its push was refused" } else { "failed" };
            let since = if self.success.is_some() { "no success since" } else { "no success known" };
            return Some((Level::Bad, format!("{what} {} ago, {since}", age(now - failure))));
        }
        let period = self.period().filter(|_| !self.suspended);
        if let Some((success, period)) = self.success.zip(period).filter(|(success, period)| now - success > LATE * period) {
            return Some((Level::Warn, format!("no success for {}, usually each {}", age(now - success), age(period))));
        }
        let overdue = self.next.map(|next| now - next).filter(|overdue| *overdue > OVERDUE && !self.suspended)?;
        Some((Level::Warn, format!("due {} ago", age(overdue))))
    }

    fn state(&self, source: Source, now: f64) -> String {
        match source {
            _ if self.failed().is_some() => "failed".to_owned(),
            _ if self.running.is_some() => format!("runs {}", age(now - self.running.unwrap_or(now))),
            _ if self.suspended => "suspended".to_owned(),
            Source::Pushgateway => "pushed".to_owned(),
            Source::Scheduler if self.heartbeats.is_some_and(|beats| beats > 0.0) => "beats".to_owned(),
            _ if self.success.is_some() => "succeeded".to_owned(),
            _ => format::MISSING.to_owned(),
        }
    }

    fn row(self, source: Source, name: &str, now: f64) -> Row {
        let mut row = Row::new(format!("{source:?} {}", self.place), name, self.place.clone());
        let told_by = match source {
            Source::Pushgateway => "Pushgateway",
            Source::CronJob => "cron job",
            Source::Job => "job",
            Source::Airflow | Source::Scheduler => "Airflow",
        };
        let trouble = self.trouble(source, now);
        let level = trouble.as_ref().map_or(Level::Fine, |(level, _)| *level);
        let at = |level, is: bool| if is { level } else { Level::Fine };
        row.add(Figure::new(told_by));
        row.add(Figure::new(self.state(source, now)).at(level));
        let failed = self.failed().is_some();
        row.add(Figure::told(self.success, |at| format!("{} ago", age(now - at))).at(at(level, !failed)));
        row.add(Figure::told(self.failure, |at| format!("{} ago", age(now - at))).at(at(level, failed)));
        row.add(Figure::told(self.took, format::seconds));
        row.add(Figure::told(self.next.filter(|next| *next > now && !self.suspended), |next| format!("in {}", age(next - now))));
        if let Some((level, words)) = trouble {
            row.because(level, words);
        }
        row
    }
}

fn age(seconds: f64) -> String {
    format::age(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// What tells a job of a source from others, and its name. With `honor_labels` a pushed group has its own job's label.
fn identity(figure: &str, labels: &Labels) -> Option<(Source, Labels, String)> {
    let some = |name: &str| labels.get(name).filter(|value| !value.is_empty());
    let (source, name, own): (_, _, &[&str]) = match figure {
        PUSHED | REFUSED | PERIOD | LENGTH => (Source::Pushgateway, some("exported_job").or(some("job"))?, &[]),
        SUCCESS | BEGUN | NEXT | SUSPENDED => (Source::CronJob, some("cronjob")?, &["cronjob"]),
        FAILED | RUNNING | DONE | TOOK => match of_cron(some("job_name")?) {
            Some(cron) => (Source::CronJob, cron, &["cronjob"]),
            None => (Source::Job, some("job_name")?, &["job_name"]),
        },
        DAG_DONE | DAG_FAILED | DAG_TOOK => (Source::Airflow, some("dag_id")?, &[]),
        HEARTBEAT | QUEUED | OPEN => (Source::Scheduler, "scheduler", &[]),
        _ => return None,
    };
    let mut place = labels.clone();
    [FIGURE, "__name__", "job_name"].iter().for_each(|label| place.remove(label));
    own.iter().for_each(|label| place.set(*label, name));
    Some((source, place, name.to_owned()))
}

/// The cron job of a job, which is named after it and the minute.
fn of_cron(job: &str) -> Option<&str> {
    let (cron, minute) = job.rsplit_once('-')?;
    (minute.len() >= 8 && minute.bytes().all(|b| b.is_ascii_digit())).then_some(cron)
}

fn read(vector: &Vector, subject: &Subject, now: Timestamp) -> Vec<Row> {
    let told = Told::new(vector);
    let mut all: BTreeMap<(Source, Labels), (String, Work)> = BTreeMap::new();
    let mut lengths: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (figure, series) in told.all() {
        for (labels, value) in series {
            let Some((source, place, name)) = identity(figure, labels) else { continue };
            if figure == LENGTH {
                lengths.entry(place).or_default().push(*value);
                continue;
            }
            let (_, work) = all.entry((source, place.clone())).or_insert_with(|| (name, Work { place, ..Work::default() }));
            work.learn(figure, *value);
        }
    }
    last_took(&told, &mut all);
    let now = now.0 as f64 / 1e9;
    let mut rows = Vec::new();
    let dags = all.keys().any(|(source, _)| *source == Source::Airflow);
    for ((source, place), (name, mut work)) in all {
        // What is refused alone or has only a length is no row; nor is a scheduler that nothing of the service is run by.
        let known = match source {
            Source::Pushgateway => work.success.is_some(),
            Source::Scheduler => dags || subject.service.is_none(),
            _ => true,
        };
        if let Some([length]) = lengths.get(&place).map(Vec::as_slice) {
            work.took = Some(*length);
        }
        if known {
            rows.push(work.row(source, &name, now));
        }
    }
    if subject.service.is_none() {
        rows.retain(|row| row.level >= Level::Warn);
    }
    sort(&mut rows);
    rows
}

/// How long the last run took that ended well.
fn last_took(told: &Told<'_>, all: &mut BTreeMap<(Source, Labels), (String, Work)>) {
    let took: BTreeMap<(&str, &str), f64> = told.of(TOOK).iter().map(|(labels, took)| (job(labels), *took)).collect();
    for (labels, done) in told.of(DONE) {
        let Some(took) = took.get(&job(labels)) else { continue };
        let Some((_, work)) = identity(DONE, labels).and_then(|(source, place, _)| all.get_mut(&(source, place))) else { continue };
        if work.ended.is_none_or(|ended| ended < *done) {
            (work.ended, work.took) = (Some(*done), Some(*took));
        }
    }
}

fn job(labels: &Labels) -> (&str, &str) {
    (labels.get("namespace").unwrap_or_default(), labels.get("job_name").unwrap_or_default())
}

fn graphs(row: &Row, _subject: &Subject) -> Vec<Graph> {
    let all = row.place.iter().map(|(name, value)| format!("{}={}", label_name(name), quote(value)));
    let of = all.collect::<Vec<_>>().join(", ");
    let since = |metric: &str| format!("time() - max({metric}{{{of}}})");
    let graph = |title, unit, line, query| vec![Graph { title, query: together([(line, query)]), unit }];
    match row.key.split(' ').next().unwrap_or_default() {
        "Pushgateway" => graph("since it was pushed", Unit::Seconds, "age", since("push_time_seconds")),
        "CronJob" => graph("since it succeeded", Unit::Seconds, "age", since("kube_cronjob_status_last_successful_time")),
        "Scheduler" => graph("tasks that wait", Unit::Plain, "queued", format!("sum(airflow_executor_queued_tasks{{{of}}})")),
        _ => Vec::new(),
    }
}
