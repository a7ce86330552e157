//! What the section of queues tells.

use super::world::{World, subject, told};
use crate::{
    model::labels::Matcher,
    views::infra::{queues::QUEUES, section::counted, subject::Subject},
};

fn rows(world: &World, subject: &Subject) -> Vec<String> {
    world.rows(&QUEUES, subject).iter().map(told).collect()
}

/// Kafka as kafka_exporter tells of it: on two partitions so much waits in all, of which so much is taken a second.
fn kafka(world: &mut World, group: &str, topic: &str, waiting: impl Fn(f64) -> f64, taken: f64) {
    for partition in ["0", "1"] {
        let labels =
            [("job", "kafka-exporter"), ("instance", "k:9308"), ("consumergroup", group), ("topic", topic), ("partition", partition)];
        world.tell(&[&[("__name__", "kafka_consumergroup_lag")], labels.as_slice()].concat(), |t| waiting(t) / 2.0);
        let offset = |t: f64| 1e6 + taken / 2.0 * t;
        world.tell(&[&[("__name__", "kafka_consumergroup_current_offset")], labels.as_slice()].concat(), offset);
    }
}

fn members(world: &mut World, group: &str, count: f64) {
    let labels = [("__name__", "kafka_consumergroup_members"), ("job", "kafka-exporter"), ("instance", "k:9308"), ("consumergroup", group)];
    world.tell(&labels, |_| count);
}

#[test]
fn a_queue_says_how_much_waits_and_when_it_is_empty() {
    let mut world = World::default();
    kafka(&mut world, "mailer", "steady", |_| 20.0, 10.0);
    kafka(&mut world, "mailer", "grows", |t| 3_000.0 + 2.0 * t, 10.0);
    kafka(&mut world, "mailer", "grows-far-behind", |t| 9_000.0 + 2.0 * t, 10.0);
    kafka(&mut world, "mailer", "shrinks", |t| 3_000.0 - 5.0 * t, 10.0);
    kafka(&mut world, "mailer", "stands-still", |_| 50.0, 0.0);
    kafka(&mut world, "mailer", "stalled", |t| 3_000.0 + 2.0 * t, 0.0);
    kafka(&mut world, "mailer", "unknown", |_| -2.0, 10.0);
    kafka(&mut world, "mailer", "empty", |_| 0.0, 0.0);
    members(&mut world, "mailer", 3.0);
    assert_eq!(
        rows(&world, &subject(Some("mailer"))),
        [
            "grows-far-behind Bad | mailer | 9000 | 10.0 /s | +2.00 /s | never | 3 | grows 2.00 /s: never drains",
            "stalled Bad | mailer | 3000 | 0 /s | +2.00 /s | never | 3 | nothing is taken, grows 2.00 /s",
            "grows Warn | mailer | 3000 | 10.0 /s | +2.00 /s | never | 3 | grows 2.00 /s: never drains",
            "shrinks Warn | mailer | 3000 | 10.0 /s | -5.00 /s | 10m | 3 | 300 s behind",
            "stands-still Warn | mailer | 50 | 0 /s | 0 /s | never | 3 | nothing was taken in 5m",
            "empty Fine | mailer | 0 | 0 /s | 0 /s | 0 s | 3 | ",
            "steady Fine | mailer | 20 | 10.0 /s | 0 /s | 2.00 s | 3 | ",
        ]
    );
}

#[test]
fn a_queue_nobody_reads_is_bad_as_soon_as_something_waits() {
    let mut world = World::default();
    for (queue, ready) in [("mailer.retry", 1.0), ("mailer.empty", 0.0)] {
        let of = |metric| [("__name__", metric), ("job", "rabbit"), ("vhost", "/"), ("queue", queue)];
        world.tell(&of("rabbitmq_detailed_queue_messages_ready"), |_| ready);
        world.tell(&of("rabbitmq_detailed_queue_messages_unacked"), |_| 2.0);
        world.tell(&of("rabbitmq_detailed_queue_consumers"), |_| 0.0);
    }
    assert_eq!(
        rows(&world, &subject(Some("mailer"))),
        [
            "mailer.retry Bad | / | 1 | – | 0 /s | – | 0 | no consumer; 2 delivered and not acknowledged",
            "mailer.empty Fine | / | 0 | – | 0 /s | 0 s | 0 | 2 delivered and not acknowledged",
        ]
    );
}

#[test]
fn a_services_queues_are_those_that_it_reads_or_is_named_in() {
    let mut world = World::default();
    kafka(&mut world, "mailer", "orders.created", |_| 20.0, 10.0);
    kafka(&mut world, "team/orders-v2", "payments", |_| 20.0, 10.0);
    kafka(&mut world, "preorders", "reorders", |_| 20.0, 10.0);
    let names = |subject: &Subject| world.rows(&QUEUES, subject).iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&subject(Some("orders"))), ["orders.created", "payments"]);
    // An exporter's namespace is not that of the queues; its cluster is.
    let placed = |name: &str| Subject { matchers: vec![Matcher::equal(name, "shop")], ..subject(Some("orders")) };
    assert_eq!(names(&placed("namespace")).len(), 2);
    assert_eq!(names(&placed("cluster")), Vec::<String>::new());
}

#[test]
fn every_exporter_is_understood() {
    let labels = |metric, more: &[(&'static str, &'static str)]| [&[("__name__", metric), ("job", "x")], more].concat();
    let cases = [
        (
            "kminion_kafka_consumer_group_topic_lag",
            "kminion_kafka_consumer_group_topic_offset_sum",
            [("group_id", "g"), ("topic_name", "orders")],
        ),
        ("kafka_consumergroup_group_lag", "kafka_consumergroup_group_offset", [("group", "g"), ("topic", "orders")]),
        ("kafka_consumer_group_lag_ratio", "kafka_consumer_group_offset_ratio", [("group", "g"), ("topic", "orders")]),
        ("rabbitmq_queue_messages_ready", "rabbitmq_queue_messages_acked_total", [("vhost", "g"), ("queue", "orders")]),
        (
            "jetstream_consumer_num_pending",
            "jetstream_consumer_ack_floor_consumer_seq",
            [("consumer_name", "g"), ("stream_name", "orders")],
        ),
    ];
    for (waiting, taken, more) in cases {
        let mut world = World::default();
        world.tell(&labels(waiting, &more), |t| 3_000.0 + 2.0 * t);
        world.tell(&labels(taken, &more), |t| 1e6 + 10.0 * t);
        let expected = ["orders Warn | g | 3000 | 10.0 /s | +2.00 /s | never | – | grows 2.00 /s: never drains"];
        assert_eq!(rows(&world, &subject(Some("orders"))), expected, "{waiting}");
    }
    let mut world = World::default();
    world.tell(&labels("aws_sqs_approximate_number_of_messages_visible_average", &[("dimension_QueueName", "orders")]), |t| 300.0 + t);
    let group = labels("burrow_kafka_consumer_lag_total", &[("consumer_group", "orders")]);
    world.tell(&group, |_| 300.0);
    assert_eq!(
        rows(&world, &subject(Some("orders"))),
        ["orders Warn | – | 300 | – | +1.00 /s | – | – | grows 1.00 /s", "orders Fine | orders | 300 | – | 0 /s | – | – | ",]
    );
}

#[test]
fn an_exporter_that_knows_how_old_the_next_message_is_is_believed() {
    let mut world = World::default();
    let of = |metric| [("__name__", metric), ("job", "x"), ("group", "mailer"), ("topic", "t")];
    world.tell(&of("kafka_consumergroup_group_lag"), |_| 40.0);
    world.tell(&of("kafka_consumergroup_group_offset"), |t| 1e6 + 10.0 * t);
    world.tell(&of("kafka_consumergroup_group_lag_seconds"), |_| 95.0);
    let told = rows(&world, &subject(Some("mailer")));
    assert_eq!(told, ["t Warn | mailer | 40 | 10.0 /s | 0 /s | 4.00 s | – | 95.0 s behind"]);
}

#[test]
fn a_client_says_itself_how_far_behind_it_is() {
    let mut world = World::default();
    let of = |metric| [("__name__", metric), ("job", "orders"), ("pod", "orders-0"), ("client_id", "c-1")];
    world.tell(&of("kafka_consumer_fetch_manager_records_lag_max"), |_| 900.0);
    world.tell(&of("kafka_consumer_fetch_manager_records_consumed_total"), |t| 1e6 + 10.0 * t);
    let expected = ["c-1 Warn | orders-0 | 900 | 10.0 /s | – | 90.0 s | – | 90.0 s behind"];
    assert_eq!(rows(&world, &subject(Some("orders"))), expected);
    assert_eq!(rows(&world, &subject(None)), ["c-1 Warn | orders-0 | 900 | 10.0 /s | – | 90.0 s | – | 90.0 s behind"]);
}

#[test]
fn two_exporters_of_a_cluster_count_once() {
    let mut world = World::default();
    for instance in ["a:9308", "b:9308"] {
        let labels = [("__name__", "kafka_consumergroup_lag"), ("instance", instance), ("consumergroup", "mailer"), ("topic", "t")];
        world.tell(&labels, |_| 7.0);
    }
    assert_eq!(rows(&world, &subject(Some("mailer"))), ["t Fine | mailer | 7 | – | 0 /s | – | – | "]);
}

#[test]
fn of_all_queues_only_those_that_are_not_well_are_told() {
    let mut world = World::default();
    for i in 0..40 {
        kafka(&mut world, &format!("g{i}"), "fine", |_| 20.0, 10.0);
    }
    kafka(&mut world, "a", "grows", |t| 3_000.0 + 2.0 * t, 10.0);
    kafka(&mut world, "b", "stalled", |_| 300.0, 0.0);
    let rabbit = |metric| [("__name__", metric), ("vhost", "/"), ("queue", "dead")];
    world.tell(&rabbit("rabbitmq_queue_messages_ready"), |_| 3.0);
    world.tell(&rabbit("rabbitmq_queue_consumers"), |_| 0.0);
    let sqs = [("__name__", "aws_sqs_approximate_number_of_messages_visible_average"), ("dimension_QueueName", "steady")];
    world.tell(&sqs, |_| 300.0);
    let subject = subject(None);
    let answer = world.answer(&(QUEUES.query)(&subject).unwrap());
    assert!(answer.elements.len() < 20, "{}", answer.elements.len());
    assert!(answer.elements.iter().all(|(labels, _)| labels.get("topic") != Some("fine")), "{answer:?}");
    assert_eq!(counted(&answer), Some(44));
    assert_eq!(
        rows(&world, &subject),
        [
            "dead Bad | / | 3 | – | 0 /s | – | 0 | no consumer",
            "grows Warn | a | 3000 | 10.0 /s | +2.00 /s | never | – | grows 2.00 /s: never drains",
            "stalled Warn | b | 300 | 0 /s | 0 /s | never | – | nothing was taken in 5m",
        ]
    );
}

#[test]
fn graphs_show_the_row_alone() {
    let mut world = World::default();
    kafka(&mut world, "mailer", "orders.created", |t| 3_000.0 + 2.0 * t, 10.0);
    kafka(&mut world, "mailer", "orders.paid", |_| 7.0, 1.0);
    let subject = subject(Some("mailer"));
    let rows = world.rows(&QUEUES, &subject);
    assert_eq!(world.drawn(&QUEUES, &rows[0], &subject), ["waiting: waiting 3000", "a second: taken 10, come 12", "behind: behind 300"]);
}
