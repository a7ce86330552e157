//! How full the service's pods are: CPU, memory, restarts, pods, pools and queues, as far as their series exist.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    model::{
        labels::{Labels, label_name, quote},
        series::Vector,
    },
    red::queries::{promql_duration, tagged},
    theme::Role,
    ui::{
        format,
        table::{Cell, Column},
    },
    views::{Look, infra::pod_pattern},
};

/// Cells of a bar.
const BAR: u16 = 8;
/// Left out in this order when the pane is narrow: the bar, then what there is.
pub(super) const COLUMNS: [Column; 5] = [
    // The longest name.
    Column::text("", 12, 22),
    Column::number("USED", 8),
    Column::number("OF", 8).drop(1),
    Column::text("FULLEST", BAR, BAR).drop(2),
    Column::number("", 5),
];

/// From this share on a resource is nearly full, and from this on it is.
const NEARLY: f64 = 0.8;
const FULL: f64 = 0.95;

/// What an amount is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    Number,
    Bytes,
    Share,
}

impl Amount {
    fn show(self, value: f64) -> String {
        match self {
            Self::Number => format::without_zeros(&format::number(value)),
            Self::Bytes => format::bytes(value),
            Self::Share => format::percent(value),
        }
    }
}

/// A row, if its series exist.
struct Resource {
    name: &'static str,
    /// Series that are used; the first that exist are taken.
    used: &'static [&'static str],
    /// Series of what there is, in the same order.
    limit: &'static [&'static str],
    amount: Amount,
    /// Above zero is worth a look, whatever there is.
    waits: bool,
}

const fn row(name: &'static str, used: &'static [&'static str], limit: &'static [&'static str], amount: Amount) -> Resource {
    Resource { name, used, limit, amount, waits: false }
}

const fn waits(name: &'static str, used: &'static [&'static str]) -> Resource {
    Resource { name, used, limit: &[], amount: Amount::Number, waits: true }
}

/// A name with `{label=value}` is the series with that label; one without an underscore is what the question makes of several.
const RESOURCES: &[Resource] = &[
    row(
        "pool",
        &[
            "hikaricp_connections_active",
            "db_client_connections_usage{state=used}",
            "db_client_connection_count{state=used}",
            "pgxpool_acquired_conns",
            "go_sql_stats_connections_in_use",
        ],
        &[
            "hikaricp_connections_max",
            "db_client_connections_max",
            "db_client_connection_max",
            "pgxpool_max_conns",
            "go_sql_stats_connections_max_open",
        ],
        Amount::Number,
    ),
    waits(
        "pool waits",
        &["hikaricp_connections_pending", "db_client_connections_pending_requests", "db_client_connection_pending_requests"],
    ),
    row("cpu", &["cpu"], &["kube_pod_container_resource_limits{resource=cpu}"], Amount::Number),
    row("throttled", &["throttled"], &[], Amount::Share),
    row("memory", &["container_memory_working_set_bytes"], &["kube_pod_container_resource_limits{resource=memory}"], Amount::Bytes),
    row("heap", &["jvm_memory_used_bytes{area=heap}"], &["jvm_memory_max_bytes{area=heap}"], Amount::Bytes),
    row(
        "threads",
        &["tomcat_threads_busy_threads", "jetty_threads_busy"],
        &["tomcat_threads_config_max_threads", "jetty_threads_config_max"],
        Amount::Number,
    ),
    waits("queue", &["executor_queued_tasks"]),
    row("files", &["process_open_fds"], &["process_max_fds"], Amount::Number),
    row("lag", &["kafka_consumergroup_lag", "kminion_kafka_consumer_group_topic_lag", "kafka_consumer_group_lag"], &[], Amount::Number),
    row("connections", &["pg_stat_activity_count"], &["pg_settings_max_connections"], Amount::Number),
    row("redis memory", &["redis_memory_used_bytes"], &["redis_memory_max_bytes"], Amount::Bytes),
    waits("restarts, 1h", &["restarts"]),
    row(
        "pods",
        &["kube_deployment_status_replicas_available", "kube_statefulset_status_replicas_ready", "ready"],
        &["kube_deployment_spec_replicas", "kube_statefulset_replicas", "kube_deployment_spec_replicas"],
        Amount::Number,
    ),
    row("targets up", &["up"], &["targets"], Amount::Number),
];

/// Rows in which few are bad, not many.
const NEEDED: [&str; 2] = ["pods", "targets up"];
/// Parts of the names of what is asked for by another label than a pod's or a process'.
const OTHERS: [&str; 4] = ["kube_deployment_", "kube_statefulset_", "lag", "container_memory"];
/// Labels that tell series of one name apart.
const KINDS: [&str; 3] = ["resource", "state", "area"];
/// The label for what has no name of its own.
const FIGURE: &str = "figure";

/// A row as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saturation {
    pub name: &'static str,
    amount: Amount,
    used: f64,
    limit: Option<f64>,
    /// The share of the pod that has least left.
    fullest: Option<f64>,
    waits: bool,
}

impl Saturation {
    fn role(&self) -> Role {
        let few = NEEDED.contains(&self.name) && self.limit.is_some_and(|l| self.used < l);
        match self.fullest {
            _ if few => Role::Bad,
            Some(share) if share >= FULL && !NEEDED.contains(&self.name) => Role::Bad,
            Some(share) if share >= NEARLY && !NEEDED.contains(&self.name) => Role::Warn,
            _ if self.waits && self.used >= 0.5 => Role::Warn,
            _ => Role::Text,
        }
    }

    pub(super) fn cell(&self, look: &Look<'_>, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let shown = self.fullest.filter(|_| !NEEDED.contains(&self.name));
        match column {
            0 => Cell::new(self.name, style(Role::Text)),
            1 => Cell::new(self.amount.show(self.used), style(self.role())),
            2 => Cell::new(self.limit.map_or_else(String::new, |l| self.amount.show(l)), style(Role::Dim)),
            3 => Cell::new(shown.map_or_else(String::new, |s| bar(s, &shared.glyphs.bars)), style(self.role())),
            _ => Cell::new(shown.map_or_else(String::new, |s| format!("{:.0} %", s * 100.0)), style(self.role())),
        }
    }
}

fn bar(share: f64, bars: &[&'static str; 8]) -> String {
    let eighths = (share.clamp(0.0, 1.0) * f64::from(BAR) * 8.0).round() as usize;
    let rest = if eighths.is_multiple_of(8) { "" } else { bars[eighths % 8 - 1] };
    format!("{}{rest}", bars[7].repeat(eighths / 8))
}

/// All of it in one question. A service's pods are those of its deployment or stateful set; its processes are those that
/// the labels of its metrics say.
pub(super) fn query(service: &str, service_label: &str, over: Duration) -> String {
    let own = quote(&format!("(.*/)?{}", regex::escape(service)));
    let pods = quote(&pod_pattern(service));
    let gauges = quote(&gauges());
    let over = promql_duration(over);
    let container = format!("container!=\"\", container!=\"POD\", pod=~{pods}");
    let mut processes = vec![format!("pod=~{pods}"), format!("job=~{own}")];
    if service_label != "job" {
        processes.push(format!("{}=~{own}", label_name(service_label)));
    }
    let each = processes.iter().map(|of| format!("{{__name__=~{gauges}, {of}}}"));
    let all = each.collect::<Vec<_>>().join(" or ");
    // One set for both: how many there are, and how many of them answer.
    let up = processes.iter().map(|of| format!("up{{{of}}}")).collect::<Vec<_>>().join(" or ");
    let by = format!("__name__, pod, instance, {}", KINDS.join(", "));
    let workload = |kind: &str, names: &str| format!("sum by (__name__) ({{__name__=~\"{names}\", {kind}={}}})", quote(service));
    let group = |label: &str, names: &str| format!("sum by (__name__) ({{__name__=~\"{names}\", {label}=~{own}}} >= 0)");
    let throttled = |which: &str| format!("sum by (pod) (rate(container_cpu_cfs_{which}_total{{{container}}}[{over}]))");
    [
        format!("sum by ({by}) ({all})"),
        format!("sum by (__name__, pod) (container_memory_working_set_bytes{{{container}}})"),
        workload("deployment", "kube_deployment_spec_replicas|kube_deployment_status_replicas_available"),
        workload("statefulset", "kube_statefulset_replicas|kube_statefulset_status_replicas_ready"),
        group("consumergroup", "kafka_consumergroup_lag"),
        group("group_id", "kminion_kafka_consumer_group_topic_lag"),
        group("group", "kafka_consumer_group_lag"),
        tagged(&format!("sum by (pod) (rate(container_cpu_usage_seconds_total{{{container}}}[{over}]))"), FIGURE, "cpu"),
        tagged(&format!("{} / {}", throttled("throttled_periods"), throttled("periods")), FIGURE, "throttled"),
        tagged(&format!("round(sum(increase(kube_pod_container_status_restarts_total{{pod=~{pods}}}[1h])))"), FIGURE, "restarts"),
        tagged(&format!("sum(kube_pod_status_ready{{condition=\"true\", pod=~{pods}}})"), FIGURE, "ready"),
        tagged(&format!("sum({up})"), FIGURE, "up"),
        tagged(&format!("count({up})"), FIGURE, "targets"),
    ]
    .join(" or ")
}

/// The names of the gauges that pods and processes have.
fn gauges() -> String {
    let names = RESOURCES.iter().flat_map(|r| r.used.iter().chain(r.limit)).map(|n| n.split('{').next().unwrap_or(n));
    let apart = |n: &&str| n.contains('_') && !OTHERS.iter().any(|part| n.contains(part));
    let mut names: Vec<&str> = names.filter(apart).collect();
    names.sort_unstable();
    names.dedup();
    names.join("|")
}

/// The rows that an answer has series for.
pub(super) fn saturation(vector: &Vector) -> Vec<Saturation> {
    RESOURCES.iter().filter_map(|resource| read(resource, vector)).collect()
}

fn read(resource: &Resource, vector: &Vector) -> Option<Saturation> {
    let (place, used) = resource.used.iter().enumerate().find_map(|(i, name)| Some((i, series(vector, name)?)))?;
    let limit = resource.limit.get(place.min(resource.limit.len().saturating_sub(1))).and_then(|name| series(vector, name));
    let total = |pods: &BTreeMap<String, f64>| pods.values().sum::<f64>();
    let shares = |limits: &BTreeMap<String, f64>| {
        let each = used.iter().filter_map(|(pod, used)| Some(used / limits.get(pod).filter(|l| **l > 0.0)?));
        each.max_by(f64::total_cmp)
    };
    let is_share = resource.amount == Amount::Share;
    let most = used.values().copied().max_by(f64::total_cmp);
    Some(Saturation {
        name: resource.name,
        amount: resource.amount,
        used: if is_share { most? } else { total(&used) },
        // No limit is −1 to a JVM, 0 to Redis.
        limit: limit.as_ref().map(total).filter(|l| *l > 0.0),
        fullest: if is_share { most } else { limit.as_ref().and_then(shares) },
        waits: resource.waits,
    })
}

/// The values of a resource's series, by pod, or by instance where no pod is named.
fn series(vector: &Vector, name: &str) -> Option<BTreeMap<String, f64>> {
    let (metric, kind) = match name.split_once('{') {
        Some((metric, kind)) => (metric, kind.trim_end_matches('}').split_once('=')),
        None => (name, None),
    };
    let is_meant = |labels: &Labels| {
        let named = labels.get("__name__").or_else(|| labels.get(FIGURE)) == Some(metric);
        named && kind.is_none_or(|(label, value)| labels.get(label) == Some(value))
    };
    let mut out = BTreeMap::new();
    for (labels, sample) in vector.elements.iter().filter(|(labels, s)| s.value.is_finite() && is_meant(labels)) {
        let pod = labels.get("pod").or_else(|| labels.get("instance")).unwrap_or("");
        // A maximum of −1 says that there is none.
        *out.entry(pod.to_owned()).or_insert(0.0) += sample.value.max(0.0);
    }
    (!out.is_empty()).then_some(out)
}

/// Said where no series exist.
pub(super) fn none(service: &str) -> Vec<String> {
    vec![
        format!("Nothing tells how full {service} is."),
        "Looked for: CPU, memory, restarts and pods of its containers, pools and queues of its processes.".to_owned(),
    ]
}
