//! What is asked of batch work: of a Pushgateway, of kube-state-metrics, and of Airflow by its statsd_exporter.

use crate::{
    model::labels::quote,
    red::queries::promql_duration,
    views::infra::{
        section::{count_of, together},
        subject::{Subject, word_pattern},
    },
};

/// When a group was pushed last and could not be, in seconds; how far apart pushes are; lengths of time that a group has.
pub(super) const PUSHED: &str = "pushed";
pub(super) const REFUSED: &str = "refused";
pub(super) const PERIOD: &str = "period";
pub(super) const LENGTH: &str = "length";
/// When a cron job succeeded, began and will begin, in seconds; 1 where it is suspended.
pub(super) const SUCCESS: &str = "success";
pub(super) const BEGUN: &str = "begun";
pub(super) const NEXT: &str = "next";
pub(super) const SUSPENDED: &str = "suspended";
/// When a job began that failed, that runs, that has ended well; and how long the latter took.
pub(super) const FAILED: &str = "failed";
pub(super) const RUNNING: &str = "running";
pub(super) const DONE: &str = "done";
pub(super) const TOOK: &str = "took";
/// When a run of an Airflow DAG ended well or not, to five minutes; how long the good ones took.
pub(super) const DAG_DONE: &str = "dag done";
pub(super) const DAG_FAILED: &str = "dag failed";
pub(super) const DAG_TOOK: &str = "dag took";
/// Heartbeats of Airflow's scheduler a second, tasks that wait and what could take them.
pub(super) const HEARTBEAT: &str = "heartbeat";
pub(super) const QUEUED: &str = "queued";
pub(super) const OPEN: &str = "open";

const BY_GROUP: &str = "namespace, cluster, job, instance, exported_job, exported_instance";
const BY_CRON: &str = "namespace, cronjob";
const BY_JOB: &str = "namespace, job_name";
const BY_DAG: &str = "namespace, job, dag_id";
const BY_AIRFLOW: &str = "namespace, job";
/// Runs of a day are told apart within two.
const HISTORY: &str = "[2d:5m]";
/// Durations of DAG runs as the exporter's usual mappings and Airflow's own chart name them.
const GOOD: &str = "airflow_dagrun_duration_success(_seconds)?|airflow_dagrun_duration";
const BAD: &str = "airflow_dagrun_duration_failed(_seconds)?|airflow_dagrun_failed";

/// How batch work is asked for.
struct Ask {
    /// The service's name as a word, quoted; all where there is none.
    word: Option<String>,
    /// Conditions of the scope on what a gateway or Airflow tells, and on what Kubernetes does.
    cluster: String,
    place: String,
    reach: String,
}

impl Ask {
    fn new(subject: &Subject) -> Self {
        let of = |names: &[&str]| {
            let all = subject.matchers.iter().filter(|matcher| names.contains(&matcher.name.as_str()));
            all.map(|matcher| format!(", {matcher}")).collect::<String>()
        };
        let word = subject.service.as_deref().map(|service| quote(&word_pattern(service)));
        Self { word, cluster: of(&["cluster"]), place: of(&["cluster", "namespace"]), reach: promql_duration(subject.reach) }
    }

    /// Series with one of these metrics of which one of these labels names the service.
    fn named(&self, metrics: &str, labels: &[&str], more: &str) -> String {
        self.earlier(metrics, labels, more, "")
    }

    fn earlier(&self, metrics: &str, labels: &[&str], more: &str, offset: &str) -> String {
        let Some(word) = &self.word else { return format!("{{__name__=~\"{metrics}\"{more}}}{offset}") };
        let each = labels.iter().map(|label| format!("{{__name__=~\"{metrics}\", {label}=~{word}{more}}}{offset}"));
        format!("({})", each.collect::<Vec<_>>().join(" or "))
    }

    fn group(&self, metrics: &str, more: &str) -> String {
        self.named(metrics, &["job", "exported_job"], &format!("{more}{}", self.cluster))
    }

    fn pushed(&self) -> String {
        format!("max by ({BY_GROUP}) ({})", self.group("push_time_seconds", ""))
    }

    fn refused(&self) -> String {
        format!("max by ({BY_GROUP}) ({} > 0)", self.group("push_failure_time_seconds", ""))
    }

    /// From the first push that is known to the last, by how many there were.
    fn period(&self) -> String {
        let of = |function: &str| format!("{function}({}{HISTORY})", self.pushed());
        format!("({} - {}) / {}", of("max_over_time"), of("min_over_time"), of("changes"))
    }

    fn cron(&self, metric: &str) -> String {
        format!("max by ({BY_CRON}) ({})", self.named(metric, &["cronjob"], &self.place))
    }

    fn job(&self, metric: &str, more: &str) -> String {
        format!("max by ({BY_JOB}) ({})", self.named(metric, &["job_name"], &format!("{more}{}", self.place)))
    }

    fn failed(&self) -> String {
        let failed = self.job("kube_job_failed", ", condition=\"true\"");
        format!("{} and ({failed} == 1)", self.job("kube_job_status_start_time", ""))
    }

    fn dag(&self, metrics: &str, what: &str) -> String {
        format!("sum by ({BY_DAG}) ({})", self.named(&format!("({metrics})_{what}"), &["dag_id"], &self.cluster))
    }

    /// When a count of runs grew last.
    fn grown(&self, metrics: &str) -> String {
        let [count, before] = ["", " offset 5m"].map(|offset| {
            format!("sum by ({BY_DAG}) ({})", self.earlier(&format!("({metrics})_count"), &["dag_id"], &self.cluster, offset))
        });
        let grown = format!("{count} > {before}");
        format!("max_over_time(timestamp({grown})[{}:5m])", self.reach)
    }

    fn airflow(&self) -> Vec<(&'static str, String)> {
        let of = |metric: &str| format!("{{__name__=~\"{metric}\"{}}}", self.cluster);
        let took = format!("{} / ({} > 0)", self.dag(GOOD, "sum"), self.dag(GOOD, "count"));
        let heartbeat = of("airflow_scheduler_heartbeat(_total)?");
        let earlier = format!("sum by ({BY_AIRFLOW}) ({heartbeat} offset 5m)");
        vec![
            (DAG_DONE, self.grown(GOOD)),
            (DAG_FAILED, self.grown(BAD)),
            (DAG_TOOK, took),
            (HEARTBEAT, format!("sum by ({BY_AIRFLOW}) ({heartbeat}) - {earlier}")),
            (QUEUED, format!("sum by ({BY_AIRFLOW}) ({})", of("airflow_executor_queued_tasks"))),
            (OPEN, format!("sum by ({BY_AIRFLOW}) ({})", of("airflow_executor_open_slots"))),
        ]
    }

    /// All that is known of a service's batch work.
    fn all(&self) -> Vec<(&'static str, String)> {
        let lengths = self.group(".+_duration_seconds", ", __name__!=\"scrape_duration_seconds\", quantile=\"\"");
        let active = self.job("kube_job_status_active", "");
        let (began, ended) = (self.job("kube_job_status_start_time", ""), self.job("kube_job_status_completion_time", ""));
        let mut all = vec![
            (PUSHED, self.pushed()),
            (REFUSED, self.refused()),
            (PERIOD, self.period()),
            (LENGTH, format!("max by (__name__, {BY_GROUP}) ({lengths}) and on ({BY_GROUP}) {}", self.pushed())),
            (SUCCESS, self.cron("kube_cronjob_status_last_successful_time")),
            (BEGUN, self.cron("kube_cronjob_status_last_schedule_time")),
            (NEXT, self.cron("kube_cronjob_next_schedule_time")),
            (SUSPENDED, self.cron("kube_cronjob_spec_suspend")),
            (FAILED, self.failed()),
            (RUNNING, format!("{began} and ({active} > 0)")),
            (DONE, ended.clone()),
            (TOOK, format!("{ended} - {began}")),
        ];
        all.extend(self.airflow());
        all
    }

    /// Of all batch work what failed or is late.
    fn not_well(&self) -> Vec<(&'static str, String)> {
        let (pushed, refused, period) = (self.pushed(), self.refused(), self.period());
        let late = format!("({pushed} < time() - 2 * {period} or {pushed} < {refused})");
        let [success, begun, next] = ["status_last_successful_time", "status_last_schedule_time", "next_schedule_time"]
            .map(|m| self.cron(&format!("kube_cronjob_{m}")));
        let failed = self.failed();
        let of_failed = format!("label_replace({failed}, \"cronjob\", \"$1\", \"job_name\", \"(.+)-[0-9]+\")");
        let overdue = format!("{next} < time() - 60 or {success} < time() - 2 * ({next} - {begun})");
        let trouble = format!("and on ({BY_CRON}) ({overdue} or {of_failed})");
        let counted = format!("{pushed} or {next} or {} or {}", self.job("kube_job_status_start_time", ""), self.dag(GOOD, "count"));
        let mut all = vec![
            count_of(&counted),
            (PUSHED, late),
            (REFUSED, refused),
            (PERIOD, format!("{period} and {pushed} < time() - 2 * {period}")),
            (SUCCESS, format!("{success} {trouble}")),
            (BEGUN, format!("{begun} {trouble}")),
            (NEXT, format!("{next} {trouble}")),
            (FAILED, failed),
        ];
        all.extend(self.airflow());
        all
    }
}

pub(super) fn question(subject: &Subject) -> Option<String> {
    let ask = Ask::new(subject);
    Some(together(if subject.service.is_some() { ask.all() } else { ask.not_well() }))
}
