//! What is asked of pools. Libraries name the same by other metrics and labels; all are asked at once, each known by how its
//! metrics' names begin. Each sample keeps its metric's name.

use std::time::Duration;

use crate::{
    model::labels::{Labels, label_name, quote},
    red::queries::{promql_duration, tagged},
    ui::chart::Unit,
    views::infra::{
        section::{FIGURE, Graph, LIMIT, NEARLY, count_of, together},
        subject::{Subject, word_pattern},
    },
};

/// The parts of the question: what is told now, and the least that counters were within a window and an hour; by metric.
pub(super) const NOW: &str = "now";
pub(super) const BEFORE: &str = "before";
pub(super) const HOUR: &str = "hour";
/// The label with the metric where a function takes its name.
pub(super) const METRIC: &str = "metric";
/// Connections of the service by what they do, of those that a shared store has.
pub(super) const OWN: &str = "own";
/// How often the service calls a kind of store, by its traces; the label with the kind.
pub(super) const CALLED: &str = "called";
pub(super) const KIND: &str = "kind";

/// Labels that name a pool within its process.
pub(super) const NAMES: [&str; 6] = ["pool", "pool_name", "db_client_connection_pool_name", "name", "db", "db_name"];
const BY: &str = "namespace, pod, instance, job, pool, pool_name, db_client_connection_pool_name, name, db, db_name";
const BY_STORE: &str = "namespace, cluster, job, instance, server";

/// What is taken. HikariCP, OpenTelemetry's database clients, pgx, database/sql, R2DBC, Tomcat, Jetty, executors; then stores
/// that many share, by their exporters.
pub(super) const USED: &[&str] = &[
    "hikaricp_connections_active",
    "db_client_connections_usage",
    "db_client_connection_count",
    "pgxpool_acquired_conns",
    "go_sql_in_use_connections",
    "go_sql_stats_connections_in_use",
    "r2dbc_pool_acquired_connections",
    "tomcat_threads_busy_threads",
    "jetty_threads_busy",
    "executor_active_threads",
];
pub(super) const STORE_USED: &[&str] = &["pg_stat_activity_count", "mysql_global_status_threads_connected", "redis_connected_clients"];
/// Out of how many. Of executors what they have grown to: their maximum is often none.
pub(super) const SIZE: &[&str] = &[
    "hikaricp_connections_max",
    "db_client_connections_max",
    "db_client_connection_max",
    "pgxpool_max_conns",
    "go_sql_max_open_connections",
    "go_sql_stats_connections_max_open",
    "r2dbc_pool_max_allocated_connections",
    "tomcat_threads_config_max_threads",
    "jetty_threads_config_max",
    "executor_pool_size_threads",
];
pub(super) const STORE_SIZE: &[&str] =
    &["pg_settings_max_connections", "mysql_global_variables_max_connections", "redis_config_maxclients"];
/// How many wait for one.
pub(super) const PENDING: &[&str] = &[
    "hikaricp_connections_pending",
    "db_client_connections_pending_requests",
    "db_client_connection_pending_requests",
    "r2dbc_pool_pending_connections",
    "jetty_threads_jobs",
    "executor_queued_tasks",
];
pub(super) const BLOCKED: &str = "redis_blocked_clients";
/// How many had to wait, where nothing tells how many wait.
pub(super) const WAITS: &[&str] = &["go_sql_wait_count_total", "go_sql_stats_connections_waited_for", "pgxpool_empty_acquire"];
/// How many gave up.
pub(super) const LOST: &[&str] = &[
    "hikaricp_connections_timeout_total",
    "db_client_connections_timeouts_total",
    "db_client_connection_timeouts_total",
    "pgxpool_canceled_acquire_count",
    "executor_rejected_tasks_total",
];
pub(super) const MEMORY: &str = "redis_memory_used_bytes";
pub(super) const MEMORY_LIMIT: &str = "redis_memory_max_bytes";

/// Stores' kinds, the metric that each has, and how a traced server that may be one is called.
const STORES: [(&str, &str, &str); 3] = [
    ("pg", "pg_stat_activity_count", "(.*[^a-z])?(pg|postg).*"),
    ("mysql", "mysql_global_status_threads_connected", ".*(mysql|maria).*"),
    ("redis", "redis_connected_clients", ".*redis.*"),
];

/// How pools are asked for.
struct Ask<'s> {
    subject: &'s Subject,
    /// Conditions on the series of processes, of which any holds.
    processes: Vec<String>,
}

impl Ask<'_> {
    /// Series of all pools. OpenTelemetry counts idle connections under the same name.
    fn series(&self, metrics: &[&str]) -> String {
        let used = "state=~\"|used\", db_client_connection_state=~\"|used\"";
        let of = |any: &String| format!("{{__name__=~\"{}\", {used}{}{any}}}", metrics.join("|"), if any.is_empty() { "" } else { ", " });
        self.processes.iter().map(of).collect::<Vec<_>>().join(" or ")
    }

    /// A figure of all pools, by metric or over all of these.
    fn pools(&self, metrics: &[&str], by: &str) -> String {
        format!("sum by ({by}{BY}) ({})", self.series(metrics))
    }

    /// The least that counters were: what was counted before they were first scraped is not of this window.
    fn least(&self, metrics: &[&str], window: &str) -> String {
        let named = format!("label_replace({}, \"{METRIC}\", \"$1\", \"__name__\", \"(.+)\")", self.series(metrics));
        format!("sum by ({METRIC}, {BY}) (min_over_time({named}[{window}]))")
    }

    /// Of all stores. Their exporters' namespace is not that of who uses them.
    fn stores(&self, metrics: &[&str], by: &str) -> String {
        format!("sum by ({by}{BY_STORE}) ({})", self.store(&metrics.join("|"), ""))
    }

    fn store(&self, metrics: &str, more: &str) -> String {
        let cluster = self.subject.matchers.iter().filter(|matcher| matcher.name == "cluster").map(|m| format!(", {m}"));
        format!("{{__name__=~\"{metrics}\"{more}{}}}", cluster.collect::<String>())
    }

    /// The pools that `which` has, if it is not empty, by metric.
    fn of_pools(&self, which: &str) -> Vec<(&'static str, String)> {
        let window = format!("{}:15s", promql_duration(self.subject.over));
        let now = self.pools(&[USED, SIZE, PENDING, WAITS, LOST].concat(), "__name__, ");
        let all = vec![(NOW, now), (BEFORE, self.least(WAITS, &window)), (HOUR, self.least(LOST, "1h:1m"))];
        all.into_iter().map(|(part, query)| (part, format!("{query}{which}"))).collect()
    }

    fn of_stores(&self, which: &str) -> (&'static str, String) {
        let all = [STORE_USED, STORE_SIZE, &[BLOCKED, MEMORY, MEMORY_LIMIT]].concat();
        (NOW, format!("{} and on ({BY_STORE}) ({which})", self.stores(&all, "__name__, ")))
    }

    fn stores_not_well(&self) -> String {
        let share = |used: &[&str], size: &[&str]| format!("{} / ({} > 0) >= {NEARLY}", self.stores(used, ""), self.stores(size, ""));
        format!("{} or {}", share(STORE_USED, STORE_SIZE), share(&[MEMORY], &[MEMORY_LIMIT]))
    }

    /// All that is known of a service's pools, and of the stores that name it, that are of a kind which it calls, or in trouble.
    fn all(&self, service: &str) -> Vec<(&'static str, String)> {
        let word = quote(&word_pattern(service));
        let own = ["usename", "application_name", "datname"].map(|label| self.store(STORE_USED[0], &format!(", {label}=~{word}")));
        let own = |by: &str| format!("sum by ({by}{BY_STORE}) ({})", own.join(" or "));
        let calls = |names: &str| format!("count(traces_service_graph_request_total{{client={}, server=~\"{names}\"}})", quote(service));
        let may = STORES.map(|(_, metric, names)| format!("{} and on () {}", self.stores(&[metric], ""), calls(names)));
        let which = format!("{} or {} or {}", own(""), may.join(" or "), self.stores_not_well());
        let mut all = self.of_pools("");
        all.extend([self.of_stores(&which), (OWN, own("state, "))]);
        all.extend(STORES.map(|(kind, _, names)| (CALLED, tagged(&calls(names), KIND, kind))));
        all
    }

    /// Of all pools and stores there are those in trouble.
    fn not_well(&self) -> Vec<(&'static str, String)> {
        let [used, size, pending] = [USED, SIZE, PENDING].map(|metrics| self.pools(metrics, ""));
        let which = format!(" and on ({BY}) ({used} / ({size} > 0) >= {NEARLY} or {pending} > 0)");
        let mut all = vec![count_of(&format!("{used} or {}", self.stores(STORE_USED, "")))];
        all.extend(self.of_pools(&which));
        all.push(self.of_stores(&self.stores_not_well()));
        all
    }
}

pub(super) fn question(subject: &Subject) -> Option<String> {
    let ask = Ask { subject, processes: subject.of_processes() };
    Some(together(match subject.service.as_deref() {
        Some(service) => ask.all(service),
        None => ask.not_well(),
    }))
}

/// Whose labels are these exactly, as conditions.
fn exactly(labels: &Labels, absent: &[&str]) -> String {
    let told = labels.iter().map(|(name, value)| format!("{}={}", label_name(name), quote(value)));
    let none = absent.iter().filter(|name| labels.get(name).is_none()).map(|name| format!("{name}=\"\""));
    told.chain(none).collect::<Vec<_>>().join(", ")
}

/// The graphs of a pool or store of a kind, which is how its metrics' names begin.
pub(super) fn graphs(kind: &str, labels: &Labels, is_store: bool, over: Duration) -> Vec<Graph> {
    let graph = |title, unit, parts: Vec<(&str, String)>| Graph { title, query: together(parts), unit };
    let absent: &[&str] = if is_store { &[] } else { &NAMES };
    let of = exactly(labels, absent);
    let named = |metrics: &[&str]| metrics.iter().filter(|name| name.starts_with(kind)).copied().collect::<Vec<_>>().join("|");
    let series = |metrics: &[&str]| {
        let used = if is_store { "" } else { "state=~\"|used\", db_client_connection_state=~\"|used\", " };
        format!("sum({{__name__=~\"{}\", {used}{of}}})", named(metrics))
    };
    let bounded = |title, unit, used, size| graph(title, unit, vec![("used", series(used)), (LIMIT, series(size))]);
    if is_store {
        let mut all = vec![bounded("connections", Unit::Plain, STORE_USED, STORE_SIZE)];
        match kind {
            "redis" => all.push(bounded("memory", Unit::Bytes, &[MEMORY], &[MEMORY_LIMIT])),
            "pg" => {
                let by = format!("sum by (state) (pg_stat_activity_count{{{of}}})");
                let query = format!("label_replace({by}, \"{FIGURE}\", \"$1\", \"state\", \"(.+)\")");
                all.push(Graph { title: "connections by state", query, unit: Unit::Plain });
            }
            _ => {}
        }
        return all;
    }
    let mut all = vec![bounded("in use", Unit::Plain, USED, SIZE)];
    let rates = |metrics: &[&str]| {
        let own = metrics.iter().filter(|name| name.starts_with(kind));
        own.map(|metric| format!("sum(rate({metric}{{{of}}}[{}]))", promql_duration(over))).collect::<Vec<_>>().join(" or ")
    };
    if named(WAITS).is_empty() {
        all.push(graph("waiting", Unit::Plain, vec![("waiting", series(PENDING))]));
    } else {
        all.push(graph("had to wait", Unit::Rate, vec![("waits", rates(WAITS))]));
    }
    if !named(LOST).is_empty() {
        all.push(graph("gave up", Unit::Rate, vec![("timeouts", rates(LOST))]));
    }
    all
}
