//! What exporters tell of the same world: containers and pods, pools, nodes, and what services call.

use super::{
    block::{KAFKA_PHASE, Layout, POSTGRES_PHASE, REDIS_PHASE},
    line::Line,
    model::{Model, Pod, PodId, SECOND},
    rng::hash,
    scenario::{Threshold, ThresholdOf},
    series::{Pairs, Registry, Target, Value, whole},
    shop::{NODES, OP, Op, REPLICAS, SERVICE, Service},
    walk::PARTITIONS,
};

/// Bytes of a node's memory, and what its system takes of it.
pub const NODE_MEMORY: f64 = 16.0 * GIB;
pub const SYSTEM_MEMORY: f64 = 2.2 * GIB;

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_024.0 * MIB;
/// Processors of a node.
const PROCESSORS: usize = 8;
/// Share of each processor that the system takes for itself.
const SYSTEM_SHARE: f64 = 0.02;
/// Days that nodes and databases are up before the world begins.
const UPTIME: i64 = 41 * 86_400 * SECOND;

/// Families with type and help.
pub const FAMILIES: [(&str, &str, &str); 44] = [
    ("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container."),
    ("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes."),
    ("hikaricp_connections", "gauge", "Total connections"),
    ("hikaricp_connections_acquire_seconds_count", "counter", "Connection acquire time"),
    ("hikaricp_connections_acquire_seconds_sum", "counter", "Connection acquire time"),
    ("hikaricp_connections_active", "gauge", "Active connections"),
    ("hikaricp_connections_idle", "gauge", "Idle connections"),
    ("hikaricp_connections_max", "gauge", "Max connections"),
    ("hikaricp_connections_pending", "gauge", "Pending threads"),
    ("hikaricp_connections_timeout_total", "counter", "Connection timeout total count"),
    ("kafka_brokers", "gauge", "Number of Brokers in the Kafka Cluster."),
    ("kafka_consumergroup_lag", "gauge", "Current Approximate Lag of a ConsumerGroup at Topic/Partition"),
    ("kafka_consumergroup_members", "gauge", "Amount of members in a consumer group"),
    ("kube_deployment_spec_replicas", "gauge", "Number of desired pods for a deployment."),
    ("kube_deployment_status_observed_generation", "gauge", "The generation observed by the deployment controller."),
    ("kube_pod_container_resource_limits", "gauge", "The number of requested limit resource by a container."),
    ("kube_pod_container_resource_requests", "gauge", "The number of requested request resource by a container."),
    ("kube_pod_container_status_restarts_total", "counter", "The number of container restarts per container."),
    ("kube_pod_info", "gauge", "Information about pod."),
    ("kube_pod_status_ready", "gauge", "Describes whether the pod is ready to serve requests."),
    ("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode."),
    ("node_disk_io_time_seconds_total", "counter", "Total seconds spent doing I/Os."),
    ("node_filesystem_avail_bytes", "gauge", "Filesystem space available to non-root users in bytes."),
    ("node_filesystem_size_bytes", "gauge", "Filesystem size in bytes."),
    ("node_memory_MemAvailable_bytes", "gauge", "Memory information field MemAvailable_bytes."),
    ("node_memory_MemTotal_bytes", "gauge", "Memory information field MemTotal_bytes."),
    ("node_uname_info", "gauge", "Labeled system information as provided by the uname system call."),
    ("pg_settings_max_connections", "gauge", "Server Parameter: max_connections"),
    ("pg_stat_activity_count", "gauge", "number of connections in this state"),
    ("pg_up", "gauge", "Whether the last scrape of metrics from PostgreSQL was able to connect to the server"),
    ("probe_success", "gauge", "Displays whether or not the probe was a success"),
    ("redis_blocked_clients", "gauge", "blocked_clients metric"),
    ("redis_commands_duration_seconds_total", "counter", "Total amount of time in seconds spent per command"),
    ("redis_commands_processed_total", "counter", "commands_processed_total metric"),
    ("redis_connected_clients", "gauge", "connected_clients metric"),
    ("redis_memory_max_bytes", "gauge", "memory_max_bytes metric"),
    ("redis_memory_used_bytes", "gauge", "memory_used_bytes metric"),
    ("redis_up", "gauge", "Information about the Redis instance"),
    ("redis_uptime_in_seconds", "gauge", "uptime_in_seconds metric"),
    ("shop_error_budget_ratio", "gauge", "Share of a service's requests that may fail before its team is told."),
    ("shop_lag_threshold", "gauge", "Events that may wait for a consumer group before its team is told."),
    ("shop_latency_threshold_seconds", "gauge", "p99 of a route, a pod or a call from which on its team is told."),
    ("shop_slow_budget_ratio", "gauge", "Share of a service's requests that may be slow before its team is told."),
    ("up", "gauge", "Whether the last scrape of the target succeeded."),
];

/// Labels from names and values.
fn pairs(list: &[(&'static str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn with(base: &Pairs, more: &[(&'static str, &str)]) -> Pairs {
    base.iter().cloned().chain(pairs(more)).collect()
}

impl Registry {
    /// The series of all exporters but those in the pods.
    pub(super) fn exporters(&mut self, model: &Model, layout: &Layout, thresholds: &[Threshold]) {
        self.kube(model);
        for node in 0..NODES.len() {
            self.node(model, layout, node);
        }
        self.postgres(model, layout);
        self.redis(model, layout);
        self.kafka(layout);
        self.blackbox(layout);
        if !thresholds.is_empty() {
            self.thresholds(thresholds);
        }
    }

    /// Something that is scraped as long as the world is there.
    fn exporter(&mut self, phase: i64, salt: u64, labels: &Pairs) -> usize {
        self.targets.push(Target::lasting(phase, salt));
        let target = self.targets.len() - 1;
        self.add("up", target, labels, Value::Constant(1.0));
        target
    }

    /// The gauges of a pod's connection pool.
    pub(super) fn pool(&mut self, layout: &Layout, pod: &Pod, id: PodId, target: usize, base: &Pairs) {
        let Some(cell) = layout.pool(id).map(|c| c as u32) else { return };
        let labels = with(base, &[("application", pod.service.info().name), ("pool", "orders")]);
        let max = f64::from(pod.pool);
        self.add("hikaricp_connections", target, &labels, Value::Constant(max));
        self.add("hikaricp_connections_max", target, &labels, Value::Constant(max));
        self.add("hikaricp_connections_active", target, &labels, Value::Gauge(vec![cell]));
        self.add("hikaricp_connections_idle", target, &labels, Value::Rest(Line::steps(max, []), vec![cell]));
        self.add("hikaricp_connections_pending", target, &labels, Value::Gauge(vec![cell + 1]));
        self.add("hikaricp_connections_timeout_total", target, &labels, Value::Count(vec![cell + 2]));
        self.add("hikaricp_connections_acquire_seconds_count", target, &labels, Value::Count(vec![cell + 3]));
        self.add("hikaricp_connections_acquire_seconds_sum", target, &labels, Value::Sum(vec![layout.waited(id) as u16]));
    }

    /// cAdvisor's view, which shares the instants of the pod's own scrapes here.
    pub(super) fn container(&mut self, layout: &Layout, pod: &Pod, id: PodId, target: usize) {
        let (name, node) = (pod.service.info().name, NODES[pod.node].0);
        let image = format!("registry.example/shop/{name}:{}", pod.version);
        let place = pairs(&[("namespace", "shop"), ("job", "kubelet"), ("instance", node), ("node", node)]);
        let labels = with(&place, &[("pod", &pod.name), ("container", name), ("image", &image)]);
        self.add("container_cpu_usage_seconds_total", target, &labels, Value::Sum(vec![layout.cpu(id) as u16]));
        self.add("container_memory_working_set_bytes", target, &labels, Value::Memory(id));
    }

    /// What kube-state-metrics knows of the pods and deployments.
    fn kube(&mut self, model: &Model) {
        let base = pairs(&[("namespace", "shop"), ("job", "kube-state-metrics"), ("instance", "10.42.0.4:8080")]);
        let all = self.exporter(6 * SECOND, hash(model.seed, 302), &base);
        for (id, pod) in model.pods.iter().enumerate() {
            let target = Target { from: pod.born, until: pod.gone, ..self.targets[all].clone() };
            self.targets.push(target);
            self.kube_pod(model, pod, id, &base, self.targets.len() - 1);
        }
        for info in &SERVICE {
            let mut deploys: Vec<i64> =
                model.pods.iter().filter(|p| p.service == info.service && p.born > model.birth).map(|p| p.born).collect();
            deploys.sort_unstable();
            deploys.dedup_by(|b, a| *b - *a < 60 * SECOND);
            let labels = with(&base, &[("deployment", info.name)]);
            let generation = 20 + hash(model.seed, 500 + info.service as u64) % 60;
            let generation = Line::steps(generation as f64, deploys.into_iter().map(|at| (at, 1.0)));
            self.add("kube_deployment_status_observed_generation", all, &labels, Value::Line(generation));
            self.add("kube_deployment_spec_replicas", all, &labels, Value::Constant(REPLICAS as f64));
        }
    }

    fn kube_pod(&mut self, model: &Model, pod: &Pod, id: usize, base: &Pairs, target: usize) {
        let (info, node) = (pod.service.info(), NODES[pod.node].0);
        let mine = with(base, &[("pod", &pod.name)]);
        let set = pod.name.rsplit_once('-').map_or(pod.name.as_str(), |s| s.0);
        let about = [("node", node), ("pod_ip", &pod.ip), ("created_by_kind", "ReplicaSet"), ("created_by_name", set)];
        self.add("kube_pod_info", target, &with(&mine, &about), Value::Constant(1.0));
        let lasting = pod.gone.is_none() && pod.born < model.birth;
        let restarts = if lasting && hash(model.seed, 400 + id as u64).is_multiple_of(9) { 1.0 } else { 0.0 };
        let container = with(&mine, &[("container", info.name)]);
        self.add("kube_pod_container_status_restarts_total", target, &container, Value::Constant(restarts));
        let ready = pod.born + 9 * SECOND;
        for (condition, before, change) in [("true", 0.0, 1.0), ("false", 1.0, -1.0), ("unknown", 0.0, 0.0)] {
            let level = Line::steps(before, [(ready, change)]);
            self.add("kube_pod_status_ready", target, &with(&mine, &[("condition", condition)]), Value::Line(level));
        }
        let memory = (info.memory_mib * 2.0 / 64.0).ceil() * 64.0 * MIB;
        let cores = pod.service.cores();
        for (resource, unit, limit, request) in [("cpu", "core", cores, cores / 2.0), ("memory", "byte", memory, memory / 2.0)] {
            let labels = with(&container, &[("node", node), ("resource", resource), ("unit", unit)]);
            self.add("kube_pod_container_resource_limits", target, &labels, Value::Constant(limit));
            self.add("kube_pod_container_resource_requests", target, &labels, Value::Constant(request));
        }
    }

    /// node_exporter: processors work for the node's pods, the disk for who reads it.
    fn node(&mut self, model: &Model, layout: &Layout, node: usize) {
        let (name, instance) = (NODES[node].0, format!("10.0.0.{}:9100", 11 + node));
        let base = pairs(&[("namespace", "monitoring"), ("job", "node-exporter"), ("instance", &instance), ("node", name)]);
        let target = self.exporter((2 + 3 * node as i64) * SECOND, hash(model.seed, 310 + node as u64), &base);
        let pods = model.pods.iter().enumerate().filter(|(_, p)| p.node == node);
        let work: Vec<u16> = pods.map(|(id, _)| layout.cpu(id as PodId) as u16).collect();
        let boot = model.birth - UPTIME;
        let disk = |share: f64, rest: f64| Line::growing(boot, model.epochs.iter().map(|e| (e.from, rest + share * e.disk_busy(node))));
        let each = 1.0 / PROCESSORS as f64;
        for cpu in 0..PROCESSORS {
            let cpu = cpu.to_string();
            for (mode, line, share) in [
                ("idle", disk(-each, 1.0 - SYSTEM_SHARE), -each),
                ("iowait", disk(each, 0.0), 0.0),
                ("system", disk(0.0, SYSTEM_SHARE), 0.2 * each),
                ("user", disk(0.0, 0.0), 0.8 * each),
            ] {
                let labels = with(&base, &[("cpu", &cpu), ("mode", mode)]);
                self.add("node_cpu_seconds_total", target, &labels, Value::Along(line, work.clone(), share));
            }
        }
        self.add("node_memory_MemTotal_bytes", target, &base, Value::Constant(NODE_MEMORY));
        self.add("node_memory_MemAvailable_bytes", target, &base, Value::Available(node));
        let device = with(&base, &[("device", "nvme0n1")]);
        self.add("node_disk_io_time_seconds_total", target, &device, Value::Line(disk(1.0, 0.0)));
        let root = with(&base, &[("device", "/dev/nvme0n1p2"), ("fstype", "ext4"), ("mountpoint", "/")]);
        let size = 200.0 * GIB;
        let filled = size * (0.38 + 0.06 * (hash(model.seed, 320 + node as u64) % 4) as f64);
        // A node writes some twenty megabytes an hour that nobody deletes.
        let free = Line::steps(size - filled, (0..25).map(|hour| (model.birth + hour * 3_600 * SECOND, -20.0 * MIB)));
        self.add("node_filesystem_size_bytes", target, &root, Value::Constant(size));
        self.add("node_filesystem_avail_bytes", target, &root, Value::Line(free));
        let uname = with(&base, &[("nodename", name), ("sysname", "Linux"), ("release", "6.1.0-28-amd64"), ("machine", "x86_64")]);
        self.add("node_uname_info", target, &uname, Value::Constant(1.0));
    }

    /// postgres_exporter: who is connected, and how many of them run a statement.
    fn postgres(&mut self, model: &Model, layout: &Layout) {
        let base = pairs(&[("namespace", "shop"), ("job", "postgres-exporter"), ("instance", "10.42.1.7:9187")]);
        let target = self.exporter(POSTGRES_PHASE, hash(model.seed, 303), &base);
        self.add("pg_up", target, &base, Value::Constant(1.0));
        let server = with(&base, &[("server", "postgres:5432")]);
        self.add("pg_settings_max_connections", target, &server, Value::Constant(200.0));
        for service in [Service::Catalog, Service::Orders, Service::Inventory] {
            let Some(cell) = layout.in_flight(service, "postgres").map(|c| c as u32) else { continue };
            let open = open_connections(model, &[service], "postgres");
            for (state, value) in [("active", Value::Gauge(vec![cell])), ("idle", Value::Rest(open, vec![cell]))] {
                let labels = with(&server, &[("datname", "shop"), ("usename", service.info().name), ("state", state)]);
                self.add("pg_stat_activity_count", target, &labels, value);
            }
        }
    }

    /// redis_exporter.
    fn redis(&mut self, model: &Model, layout: &Layout) {
        let base = pairs(&[("namespace", "shop"), ("job", "redis-exporter"), ("instance", "redis:6379")]);
        let target = self.exporter(REDIS_PHASE, hash(model.seed, 304), &base);
        let rows = |op: Op| [false, true].into_iter().filter_map(move |error| layout.span(op, error)).map(|h| h as u16);
        let commands: Vec<u16> = OP.iter().filter(|op| op.peer == Some("redis")).flat_map(|op| rows(op.op)).collect();
        self.add("redis_up", target, &base, Value::Constant(1.0));
        let up = Line::growing(model.birth - UPTIME, [(i64::MIN, 1.0)]);
        self.add("redis_uptime_in_seconds", target, &base, Value::Line(up));
        let clients = open_connections(model, &[Service::Catalog, Service::Cart], "redis");
        self.add("redis_connected_clients", target, &base, Value::Line(clients));
        self.add("redis_blocked_clients", target, &base, Value::Constant(0.0));
        self.add("redis_memory_used_bytes", target, &base, Value::Load(96.0 * MIB, 140.0 * MIB));
        self.add("redis_memory_max_bytes", target, &base, Value::Constant(512.0 * MIB));
        self.add("redis_commands_processed_total", target, &base, Value::Count(commands.iter().flat_map(|h| whole(*h)).collect()));
        for (op, command) in [(Op::CatalogRedis, "get"), (Op::CartRedis, "hset")] {
            let labels = with(&base, &[("cmd", command)]);
            self.add("redis_commands_duration_seconds_total", target, &labels, Value::Sum(rows(op).collect()));
        }
    }

    /// kafka_exporter: events that are published and not consumed yet.
    fn kafka(&mut self, layout: &Layout) {
        let base = pairs(&[("namespace", "shop"), ("job", "kafka-exporter"), ("instance", "10.42.3.5:9308")]);
        let target = self.exporter(KAFKA_PHASE, 305, &base);
        self.add("kafka_brokers", target, &base, Value::Constant(3.0));
        let group = with(&base, &[("consumergroup", "mailer")]);
        self.add("kafka_consumergroup_members", target, &group, Value::Constant(REPLICAS as f64));
        for partition in 0..PARTITIONS {
            let labels = with(&group, &[("topic", "orders.created"), ("partition", &partition.to_string())]);
            self.add("kafka_consumergroup_lag", target, &labels, Value::Gauge(vec![layout.lag(partition) as u32]));
        }
    }

    /// blackbox_exporter: a customer that looks at the front page.
    fn blackbox(&mut self, layout: &Layout) {
        let base = pairs(&[("namespace", "monitoring"), ("job", "blackbox"), ("instance", "https://shop.example/")]);
        let target = self.exporter(12 * SECOND, 306, &base);
        let cells = |error: bool| layout.span(Op::WebHome, error).map_or_else(Vec::new, |h| whole(h as u16));
        self.add("probe_success", target, &base, Value::Probe(cells(false), cells(true)));
    }
}

impl Registry {
    /// What teams have set, for alerting rules to compare with.
    fn thresholds(&mut self, thresholds: &[Threshold]) {
        let base = pairs(&[("namespace", "monitoring"), ("job", "thresholds"), ("instance", "10.42.0.9:8080")]);
        let target = self.exporter(4 * SECOND, 307, &base);
        for t in thresholds {
            let latency = "shop_latency_threshold_seconds";
            let (metric, labels) = match t.of {
                ThresholdOf::Route => (latency, vec![("scope", "route"), ("service", t.service.as_str()), ("span_name", &t.name)]),
                ThresholdOf::Pod => (latency, vec![("scope", "pod"), ("service", &t.service)]),
                ThresholdOf::Call => (latency, vec![("scope", "call"), ("client", &t.service), ("server", &t.name)]),
                ThresholdOf::Slow => ("shop_slow_budget_ratio", vec![("service", t.service.as_str()), ("le", &t.name)]),
                ThresholdOf::Errors => ("shop_error_budget_ratio", vec![("service", t.service.as_str())]),
                ThresholdOf::Lag => ("shop_lag_threshold", vec![("consumergroup", t.service.as_str())]),
            };
            self.add(metric, target, &with(&base, &labels), Value::Constant(t.value));
        }
    }
}

/// Connections that the pods of services keep to something.
fn open_connections(model: &Model, services: &[Service], peer: &str) -> Line {
    let pods = model.pods.iter().filter(|p| services.contains(&p.service));
    let change = |p: &Pod| {
        let connections = f64::from(if p.pool > 0 && peer == "postgres" { p.pool } else { p.service.connections(peer) });
        [Some((p.born, connections)), p.gone.map(|gone| (gone, -connections))]
    };
    Line::steps(0.0, pods.flat_map(change).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{demo::world::Scenario, model::time::Timestamp};

    #[test]
    fn every_family_of_the_exporters_has_series_and_metadata() {
        let registries = ["cascade", "quiet"].map(|name| {
            let scenario = Scenario::builtin(name).unwrap();
            let model = Model::new(&scenario, 7, Timestamp::from_secs(1_763_712_007));
            Registry::new(&model, &Layout::new(&model), &scenario.thresholds)
        });
        for (family, ..) in FAMILIES {
            assert!(registries.iter().any(|r| r.by_name.contains_key(family)), "{family}");
        }
        let described = super::super::series::metadata();
        for name in registries.iter().flat_map(|r| r.by_name.keys()) {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(described.iter().any(|m| m.family == family || m.family == *name), "{name}");
        }
    }
}
