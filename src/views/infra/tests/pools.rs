//! What the section of pools tells.

use super::world::{NOW, World, subject, told};
use crate::views::infra::{pools::POOLS, section::counted, subject::Subject};

fn rows(world: &World, subject: &Subject) -> Vec<String> {
    world.rows(&POOLS, subject).iter().map(told).collect()
}

/// A pool of a pod as HikariCP tells of it.
fn hikari(world: &mut World, pod: &str, [used, size, pending]: [f64; 3], timeouts: impl Fn(f64) -> f64) {
    let of = |metric| [("__name__", metric), ("job", "orders"), ("pod", pod), ("instance", "10.0.0.1:8080"), ("pool", "main")];
    world.tell(&of("hikaricp_connections_active"), |_| used);
    world.tell(&of("hikaricp_connections_max"), |_| size);
    world.tell(&of("hikaricp_connections_pending"), |_| pending);
    world.tell(&of("hikaricp_connections_timeout_total"), timeouts);
}

#[test]
fn a_pool_says_what_is_taken_and_who_waits() {
    let mut world = World::default();
    hikari(&mut world, "orders-0", [10.0, 10.0, 12.0], |_| 7.0);
    hikari(&mut world, "orders-1", [10.0, 10.0, 0.0], |_| 0.0);
    hikari(&mut world, "orders-2", [8.0, 10.0, 0.0], |_| 0.0);
    hikari(&mut world, "orders-3", [2.0, 10.0, 0.0], |_| 0.0);
    hikari(&mut world, "orders-4", [2.0, 10.0, 0.0], |t| if t < -600.0 { 0.0 } else { 3.0 });
    assert_eq!(
        rows(&world, &subject(Some("orders"))),
        [
            "HikariCP main Bad | orders-0 | 10 / 10 | 12 | 0 | full: 12 wait for a connection",
            "HikariCP main Warn | orders-1 | 10 / 10 | 0 | 0 | every connection is taken",
            "HikariCP main Warn | orders-2 | 8 / 10 | 0 | 0 | 80.0 % of its connections are taken",
            "HikariCP main Warn | orders-4 | 2 / 10 | 0 | 3 | 3 timeouts in 1h",
            "HikariCP main Fine | orders-3 | 2 / 10 | 0 | 0 | ",
        ]
    );
}

#[test]
fn what_was_counted_before_the_first_scrape_is_not_of_this_hour() {
    let of = "job=orders, pod=orders-0, pool=main";
    let world = World::default().gauge(&format!("hikaricp_connections_active{{{of}}}"), 1.0).over(
        &format!("hikaricp_connections_timeout_total{{{of}}}"),
        (NOW - 600, NOW),
        |at| if at < NOW - 300 { 5_000.0 } else { 5_002.0 },
    );
    assert_eq!(rows(&world, &subject(Some("orders"))), ["HikariCP main Warn | orders-0 | 1 | – | 2 | 2 timeouts in 1h"]);
}

#[test]
fn every_library_is_understood() {
    // Used, size, how many wait, or how often somebody had to.
    let cases = [
        ("DB client p", "db_client_connections_usage", "db_client_connections_max", "db_client_connections_pending_requests", "pool_name"),
        (
            "DB client p",
            "db_client_connection_count",
            "db_client_connection_max",
            "db_client_connection_pending_requests",
            "db_client_connection_pool_name",
        ),
        ("R2DBC p", "r2dbc_pool_acquired_connections", "r2dbc_pool_max_allocated_connections", "r2dbc_pool_pending_connections", "name"),
        ("Jetty threads", "jetty_threads_busy", "jetty_threads_config_max", "jetty_threads_jobs", "x"),
        ("executor p", "executor_active_threads", "executor_pool_size_threads", "executor_queued_tasks", "name"),
        ("database/sql p", "go_sql_in_use_connections", "go_sql_max_open_connections", "go_sql_wait_count_total", "db_name"),
        ("pgx p", "pgxpool_acquired_conns", "pgxpool_max_conns", "pgxpool_empty_acquire", "db"),
    ];
    for (name, used, size, waits, label) in cases {
        let mut world = World::default();
        let counter = waits.starts_with("go_sql") || waits.starts_with("pgx");
        let of = |metric| [("__name__", metric), ("job", "orders"), ("instance", "i"), (label, "p")];
        world.tell(&of(used), |_| 5.0);
        world.tell(&of(size), |_| 5.0);
        world.tell(&of(waits), |t| if counter { 1e6 + 3.0 * t } else { 3.0 });
        let told = rows(&world, &subject(Some("orders")));
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        let (shown, why) = if counter { ("3.00 /s", "3.00 /s wait") } else { ("3", "3 wait") };
        assert!(told[0].starts_with(&format!("{name} Bad | i | 5 / 5 | {shown} | – | full: {why}")), "{told:?}");
    }
}

#[test]
fn idle_connections_are_not_taken_and_a_schedulers_tasks_are_not_due() {
    let mut world = World::default();
    for (state, count) in [("used", 2.0), ("idle", 8.0)] {
        world.tell(&[("__name__", "db_client_connections_usage"), ("job", "orders"), ("pool_name", "p"), ("state", state)], |_| count);
    }
    for (metric, value) in [("executor_active_threads", 0.0), ("executor_pool_size_threads", 2.0), ("executor_queued_tasks", 4.0)] {
        world.tell(&[("__name__", metric), ("job", "orders"), ("name", "scheduler")], |_| value);
    }
    assert_eq!(
        rows(&world, &subject(Some("orders"))),
        ["DB client p Fine | orders | 2 | – | – | ", "executor scheduler Fine | orders | 0 / 2 | 4 | – | "]
    );
}

/// Stores, and that orders calls a Redis.
fn stores(world: &mut World) {
    let pg = |metric| [("__name__", metric), ("job", "pg"), ("instance", "p:9187"), ("server", "db:5432")];
    for (user, state, count) in [("orders", "active", 3.0), ("orders", "idle", 17.0), ("cart", "idle", 30.0)] {
        world.tell(&[pg("pg_stat_activity_count").as_slice(), &[("usename", user), ("state", state)]].concat(), |_| count);
    }
    world.tell(&pg("pg_settings_max_connections"), |_| 100.0);
    for (instance, clients, memory) in [("redis-a:6379", 40.0, 100.0), ("redis-b:6379", 96.0, 480.0)] {
        let redis = |metric| [("__name__", metric), ("job", "redis"), ("instance", instance)];
        world.tell(&redis("redis_connected_clients"), |_| clients);
        world.tell(&redis("redis_config_maxclients"), |_| 100.0);
        world.tell(&redis("redis_memory_used_bytes"), |_| memory * 1_048_576.0);
        world.tell(&redis("redis_memory_max_bytes"), |_| 512.0 * 1_048_576.0);
        world.tell(&redis("redis_blocked_clients"), |_| 2.0);
    }
    world.tell(&[("__name__", "traces_service_graph_request_total"), ("client", "orders"), ("server", "redis")], |t| 1e6 + t);
}

#[test]
fn a_shared_store_says_what_it_has_to_do_with_the_service() {
    let mut world = World::default();
    stores(&mut world);
    let bad = "Redis clients Warn | redis-b:6379 | 96 / 100 | 2 | – | 96.0 % of its clients are taken; memory 480 MiB / 512 MiB";
    assert_eq!(
        rows(&world, &subject(Some("orders"))),
        [
            format!("{bad}; orders calls a Redis").as_str(),
            "Postgres connections Fine | db:5432 | 50 / 100 | – | – | 20 of orders, 3 active",
            "Redis clients Fine | redis-a:6379 | 40 / 100 | 2 | – | memory 100 MiB / 512 MiB; orders calls a Redis",
        ]
    );
    assert_eq!(rows(&world, &subject(Some("mailer"))), [format!("{bad}; not known to be used by mailer")]);
    assert_eq!(rows(&world, &subject(None)), [bad]);
}

#[test]
fn of_all_pools_only_those_that_are_not_well_are_told() {
    let mut world = World::default();
    for i in 0..40 {
        hikari(&mut world, &format!("cart-{i}"), [2.0, 10.0, 0.0], |_| 0.0);
    }
    hikari(&mut world, "orders-0", [10.0, 10.0, 12.0], |_| 7.0);
    stores(&mut world);
    let subject = subject(None);
    let answer = world.answer(&(POOLS.query)(&subject).unwrap());
    assert!(answer.elements.iter().all(|(labels, _)| labels.get("pod").is_none_or(|pod| pod == "orders-0")), "{answer:?}");
    assert_eq!(counted(&answer), Some(44));
    let names: Vec<_> = world.rows(&POOLS, &subject).iter().map(|row| row.name.to_string()).collect();
    assert_eq!(names, ["HikariCP main", "Redis clients"]);
}

#[test]
fn graphs_show_the_row_alone() {
    let mut world = World::default();
    stores(&mut world);
    hikari(&mut world, "orders-0", [10.0, 12.0, 4.0], |t| 1e6 + 0.5 * t);
    hikari(&mut world, "orders-1", [1.0, 12.0, 0.0], |_| 0.0);
    let subject = subject(Some("orders"));
    let drawn = |name: &str| {
        let rows = world.rows(&POOLS, &subject);
        world.drawn(&POOLS, rows.iter().find(|row| row.name == name).unwrap(), &subject)
    };
    assert_eq!(drawn("HikariCP main"), ["in use: used 10, limit 12", "waiting: waiting 4", "gave up: timeouts 0.5"]);
    assert_eq!(drawn("Postgres connections"), ["connections: used 50, limit 100", "connections by state: active 3, idle 47"]);
    assert_eq!(drawn("Redis clients"), ["connections: used 96, limit 100", "memory: used 503316480, limit 536870912"]);
}
