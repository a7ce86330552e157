//! What services call, as its own exporters see it: pools, postgres, redis, kafka.

use super::{
    super::{
        block::{ASKED, KAFKA_PHASE, Layout, POSTGRES_PHASE, REDIS_PHASE},
        line::Line,
        model::{Model, Pod, PodId},
        rng::hash,
        series::{Pairs, Registry, Value, whole},
        shop::{OP, Op, REPLICAS, Service},
        walk::PARTITIONS,
    },
    Family, MIB, UPTIME, pairs, with,
};

pub const FAMILIES: &[Family] = &[
    ("hikaricp_connections", "gauge", "Total connections"),
    ("hikaricp_connections_acquire_seconds_count", "counter", "Connection acquire time"),
    ("hikaricp_connections_acquire_seconds_sum", "counter", "Connection acquire time"),
    ("hikaricp_connections_active", "gauge", "Active connections"),
    ("hikaricp_connections_idle", "gauge", "Idle connections"),
    ("hikaricp_connections_max", "gauge", "Max connections"),
    ("hikaricp_connections_pending", "gauge", "Pending threads"),
    ("hikaricp_connections_timeout_total", "counter", "Connection timeout total count"),
    ("kafka_brokers", "gauge", "Number of Brokers in the Kafka Cluster."),
    ("kafka_consumergroup_current_offset", "gauge", "Current Offset of a ConsumerGroup at Topic/Partition"),
    ("kafka_consumergroup_lag", "gauge", "Current Approximate Lag of a ConsumerGroup at Topic/Partition"),
    ("kafka_consumergroup_members", "gauge", "Amount of members in a consumer group"),
    ("kafka_topic_partition_under_replicated_partition", "gauge", "1 if Topic/Partition is under Replicated"),
    ("pg_settings_max_connections", "gauge", "Server Parameter: max_connections"),
    ("pg_stat_activity_count", "gauge", "number of connections in this state"),
    ("pg_up", "gauge", "Whether the last scrape of metrics from PostgreSQL was able to connect to the server"),
    ("redis_blocked_clients", "gauge", "blocked_clients metric"),
    ("redis_commands_duration_seconds_total", "counter", "Total amount of time in seconds spent per command"),
    ("redis_commands_processed_total", "counter", "commands_processed_total metric"),
    ("redis_connected_clients", "gauge", "connected_clients metric"),
    ("redis_memory_max_bytes", "gauge", "memory_max_bytes metric"),
    ("redis_memory_used_bytes", "gauge", "memory_used_bytes metric"),
    ("redis_up", "gauge", "Information about the Redis instance"),
    ("redis_uptime_in_seconds", "gauge", "uptime_in_seconds metric"),
];

impl Registry {
    /// The gauges of a pod's connection pool.
    pub(in super::super) fn pool(&mut self, layout: &Layout, pod: &Pod, id: PodId, target: usize, base: &Pairs) {
        let Some(cell) = layout.pool(id).map(|c| c as u32) else { return };
        let labels = with(base, &[("application", pod.service.info().name), ("pool", "orders")]);
        let max = f64::from(pod.pool);
        self.add("hikaricp_connections", target, &labels, Value::Constant(max));
        self.add("hikaricp_connections_max", target, &labels, Value::Constant(max));
        self.add("hikaricp_connections_active", target, &labels, Value::Gauge(vec![cell]));
        self.add("hikaricp_connections_idle", target, &labels, Value::Rest(Line::steps(max, []), vec![cell]));
        self.add("hikaricp_connections_pending", target, &labels, Value::Gauge(vec![cell + 1]));
        self.add("hikaricp_connections_timeout_total", target, &labels, Value::Count(vec![cell + 2]));
        self.add("hikaricp_connections_acquire_seconds_count", target, &labels, Value::Count(vec![cell + ASKED as u32]));
        self.add("hikaricp_connections_acquire_seconds_sum", target, &labels, Value::Sum(vec![layout.waited(id) as u16]));
    }

    /// postgres_exporter: who is connected, and how many of them run a statement.
    pub(super) fn postgres(&mut self, model: &Model, layout: &Layout) {
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
    pub(super) fn redis(&mut self, model: &Model, layout: &Layout) {
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
    pub(super) fn kafka(&mut self, layout: &Layout) {
        let base = pairs(&[("namespace", "shop"), ("job", "kafka-exporter"), ("instance", "10.42.3.5:9308")]);
        let target = self.exporter(KAFKA_PHASE, 305, &base);
        self.add("kafka_brokers", target, &base, Value::Constant(3.0));
        let group = with(&base, &[("consumergroup", "mailer")]);
        self.add("kafka_consumergroup_members", target, &group, Value::Constant(REPLICAS as f64));
        for partition in 0..PARTITIONS {
            let labels = with(&group, &[("topic", "orders.created"), ("partition", &partition.to_string())]);
            self.add("kafka_consumergroup_lag", target, &labels, Value::Gauge(vec![layout.lag(partition) as u32]));
            self.add("kafka_consumergroup_current_offset", target, &labels, Value::Count(vec![layout.consumed(partition) as u32]));
            let labels = with(&base, &[("topic", "orders.created"), ("partition", &partition.to_string())]);
            self.add("kafka_topic_partition_under_replicated_partition", target, &labels, Value::Constant(0.0));
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
