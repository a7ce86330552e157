//! What is asked of queues. Exporters name the same by other metrics and labels; all are asked at once, as what they tell is
//! the same: how much waits, up to where it was taken, how many take it. Each sample keeps its metric's name.

use std::time::Duration;

use crate::{
    model::labels::{Labels, label_name, quote},
    red::queries::promql_duration,
    views::infra::{
        section::{count_of, together},
        subject::{Subject, word_pattern},
    },
};

/// The parts of the question: what is told now, a window ago, and by clients of themselves.
pub(super) const NOW: &str = "now";
pub(super) const BEFORE: &str = "before";
pub(super) const TAKEN: &str = "taken";
pub(super) const BEHIND: &str = "behind";

/// Labels that name a queue, and those that name who reads it where several do.
pub(super) const QUEUES: [&str; 7] = ["topic", "topic_name", "stream_name", "queue", "queue_name", "dimension_QueueName", "client_id"];
pub(super) const GROUPS: [&str; 7] = ["consumergroup", "group_id", "group", "consumer_group", "consumer_name", "vhost", "pod"];

/// How much waits. Kafka: kafka_exporter, KMinion, Kafka Lag Exporter, the OpenTelemetry receiver, Burrow; RabbitMQ's plugin by
/// object and in detail; NATS JetStream; Celery; SQS by YACE or the CloudWatch exporter.
pub(super) const WAITING: &[&str] = &[
    "kafka_consumergroup_lag",
    "kminion_kafka_consumer_group_topic_lag",
    "kafka_consumergroup_group_lag",
    "kafka_consumer_group_lag",
    "kafka_consumer_group_lag_ratio",
    "burrow_kafka_consumer_lag_total",
    "rabbitmq_queue_messages_ready",
    "rabbitmq_detailed_queue_messages_ready",
    "jetstream_consumer_num_pending",
    "nats_jetstream_consumer_num_pending",
    "celery_queue_length",
    "aws_sqs_approximate_number_of_messages_visible_average",
    "aws_sqs_approximate_number_of_messages_visible_maximum",
];
/// Offsets and counters of what was taken.
pub(super) const OFFSET: &[&str] = &[
    "kafka_consumergroup_current_offset",
    "kminion_kafka_consumer_group_topic_offset_sum",
    "kafka_consumergroup_group_offset",
    "kafka_consumer_group_offset",
    "kafka_consumer_group_offset_ratio",
    "rabbitmq_queue_messages_acked_total",
    "rabbitmq_detailed_queue_messages_acked_total",
    "rabbitmq_detailed_queue_messages_delivered_total",
    "jetstream_consumer_ack_floor_consumer_seq",
    "nats_jetstream_consumer_ack_floor_consumer_seq",
];
/// How many take it.
pub(super) const CONSUMERS: &[&str] = &[
    "kafka_consumergroup_members",
    "kminion_kafka_consumer_group_members",
    "kafka_consumer_group_members",
    "kafka_consumer_group_members_ratio",
    "rabbitmq_queue_consumers",
    "rabbitmq_detailed_queue_consumers",
    "celery_active_consumer_count",
];
/// Given to a consumer that has not said yet that it is done.
pub(super) const UNACKED: &[&str] = &[
    "rabbitmq_queue_messages_unacked",
    "rabbitmq_detailed_queue_messages_unacked",
    "rabbitmq_queue_messages_unacknowledged",
    "jetstream_consumer_num_ack_pending",
    "nats_jetstream_consumer_num_ack_pending",
];
/// Seconds that what is taken now has waited, by an exporter that knows.
const SECONDS: &str = "kafka_consumergroup_group_lag_seconds";
/// What a Kafka client says of itself: the lag of its partition that is furthest behind.
pub(super) const CLIENT_WAITING: &str = "kafka_consumer_fetch_manager_records_lag_max";
const CLIENT_TAKEN: &str = "kafka_consumer_fetch_manager_records_consumed_total";

const BY: &str = "namespace, job, instance, cluster, cluster_name, consumergroup, group_id, group, consumer_group, consumer_name, \
                  topic, topic_name, stream_name, vhost, queue, queue_name, dimension_QueueName";
const BY_CLIENT: &str = "namespace, job, pod, instance, client_id";

/// Where the figures of some queues are.
struct Names {
    /// Conditions on their series, of which any holds.
    any: Vec<String>,
    /// The window of rates.
    over: Duration,
}

impl Names {
    fn selectors(&self, metrics: &str, more: &str) -> String {
        let of = |any: &String| format!("{{__name__=~\"{metrics}\"{}{any}}}{more}", if any.is_empty() { "" } else { ", " });
        self.any.iter().map(of).collect::<Vec<_>>().join(" or ")
    }

    /// Over the partitions of each queue. An offset that is not known makes a lag below 0.
    fn sum(&self, metrics: &[&str], by: &str, more: &str) -> String {
        format!("sum by ({by}) (({}) >= 0)", self.selectors(&metrics.join("|"), more))
    }

    fn earlier(&self) -> String {
        format!(" offset {}", promql_duration(self.over))
    }

    fn waiting(&self, by: &str) -> String {
        self.sum(WAITING, by, "")
    }

    /// Taken a second.
    fn taken(&self, by: &str) -> String {
        format!("({} - {}) / {}", self.sum(OFFSET, by, ""), self.sum(OFFSET, by, &self.earlier()), self.over.as_secs_f64())
    }

    /// All that is told of each, by metric.
    fn all(&self) -> Vec<(&'static str, String)> {
        let by = format!("__name__, {BY}");
        let [now, before] = [[WAITING, OFFSET, CONSUMERS, UNACKED].concat(), [WAITING, OFFSET].concat()];
        vec![
            (NOW, self.sum(&now, &by, "")),
            (BEHIND, format!("max by ({BY}) ({})", self.selectors(SECONDS, ""))),
            (BEFORE, self.sum(&before, &by, &self.earlier())),
        ]
    }

    /// Those that may be behind. Where nobody tells what is taken, what waits is judged by its growth.
    fn in_trouble(&self) -> String {
        let (waiting, taken, few, late) = (self.waiting(BY), self.taken(BY), super::FEW, super::LATE);
        let behind = format!("({waiting} >= {few}) unless ({waiting} <= {late} * ({taken}))");
        format!("({behind} or {waiting} >= 1 and {} == 0)", self.sum(CONSUMERS, BY, ""))
    }

    fn of_clients(&self) -> [(&'static str, String); 2] {
        let window = promql_duration(self.over);
        let rates: Vec<String> = self.any.iter().map(|any| format!("rate({CLIENT_TAKEN}{{{any}}}[{window}])")).collect();
        [
            (NOW, format!("max by (__name__, {BY_CLIENT}) (({}) >= 0)", self.selectors(CLIENT_WAITING, ""))),
            (TAKEN, format!("sum by ({BY_CLIENT}) ({})", rates.join(" or "))),
        ]
    }

    /// Of all queues there are those that may be behind.
    fn not_well(&self) -> Vec<(&'static str, String)> {
        let which = format!("and on ({BY}) {}", self.in_trouble());
        self.all().into_iter().map(|(figure, query)| (figure, format!("{query} {which}"))).collect()
    }
}

/// A service's are those that it or their readers are named like. An exporter's namespace is not that of the queues.
pub(super) fn question(subject: &Subject) -> Option<String> {
    let over = subject.over;
    let cluster = subject.matchers.iter().filter(|matcher| matcher.name == "cluster").map(ToString::to_string);
    let cluster: Vec<String> = cluster.collect();
    let clients = Names { any: subject.of_processes(), over }.of_clients();
    let Some(service) = subject.service.as_deref() else {
        let all = Names { any: vec![cluster.join(", ")], over };
        let [(now, waiting), (taken, rate)] = clients;
        let behind = format!("{waiting} > {}", super::FEW);
        let clients = [(taken, format!("{rate} and on ({BY_CLIENT}) ({behind})")), (now, behind)];
        let count = count_of(&format!("{} or {waiting}", all.waiting(BY)));
        return Some(together(std::iter::once(count).chain(all.not_well()).chain(clients)));
    };
    let word = quote(&word_pattern(service));
    let labels = GROUPS.iter().chain(&QUEUES).filter(|label| !["vhost", "pod", "client_id"].contains(label));
    let any = labels.map(|label| [&[format!("{label}=~{word}")], cluster.as_slice()].concat().join(", ")).collect();
    Some(together(Names { any, over }.all().into_iter().chain(clients)))
}

/// What waits, what is taken a second and what comes, and how long what is taken now has waited, of the row with these labels.
pub(super) fn lines(labels: &Labels, over: Duration) -> [String; 4] {
    let all = labels.iter().map(|(name, value)| format!("{}={}", label_name(name), quote(value)));
    let names = Names { any: vec![all.collect::<Vec<_>>().join(", ")], over };
    if labels.get("client_id").is_some() {
        let [(_, waiting), (_, taken)] = names.of_clients().map(|(figure, query)| (figure, format!("max({query})")));
        let behind = format!("{waiting} / ({taken} > 0)");
        let before = format!("max({}{})", names.selectors(CLIENT_WAITING, ""), names.earlier());
        return [waiting.clone(), taken.clone(), format!("{taken} + ({waiting} - {before}) / {}", over.as_secs_f64()), behind];
    }
    // Of two exporters of a cluster one counts.
    let waiting = format!("max({})", names.waiting("instance"));
    let before = format!("max({})", names.sum(WAITING, "instance", &names.earlier()));
    let taken = format!("max({})", names.taken("instance"));
    let come = format!("{taken} + ({waiting} - {before}) / {}", over.as_secs_f64());
    let behind = format!("max({}) or {waiting} / ({taken} > 0)", names.selectors(SECONDS, ""));
    [waiting, taken, come, behind]
}
