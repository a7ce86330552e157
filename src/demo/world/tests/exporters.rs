//! Exporters see the same requests as everybody else.

use super::*;

/// Without the old pods' markers.
fn alive(world: &World, name: &str, more: &[(&str, &str)], from: Timestamp, to: Timestamp) -> Vec<StoredSeries> {
    let mut found = select(world, name, more, from, to);
    found.iter_mut().for_each(|s| s.samples.retain(|v| v.1.to_bits() != STALE));
    found
}

fn mean(series: &[StoredSeries]) -> f64 {
    let of = |s: &StoredSeries| s.samples.iter().map(|v| v.1).sum::<f64>() / s.samples.len() as f64;
    series.iter().map(of).sum()
}

#[test]
fn connections_to_postgres_are_those_of_the_pools() {
    let world = incident();
    let onset = world.onset();
    let total = |from: Timestamp| -> Vec<f64> {
        let states = alive(&world, "pg_stat_activity_count", &[("usename", "orders")], from, from + seconds(60));
        assert_eq!(states.len(), 2);
        (0..4).map(|i| states.iter().map(|s| s.samples[i].1).sum()).collect()
    };
    assert_eq!(total(onset - seconds(120)), [60.0; 4]);
    assert_eq!(total(onset + seconds(300)), [6.0; 4]);
    let active =
        |from| mean(&alive(&world, "pg_stat_activity_count", &[("usename", "orders"), ("state", "active")], from, from + seconds(600)));
    let held = |from| mean(&alive(&world, "hikaricp_connections_active", &[], from, from + seconds(600)));
    let (statements, connections) = (active(onset - seconds(700)), held(onset - seconds(700)));
    assert!((statements / connections - 1.0).abs() < 0.1, "{statements} statements on {connections} connections");
}

#[test]
fn processors_of_nodes_work_as_long_as_the_containers_on_them() {
    let world = incident();
    let (from, to) = (START - seconds(900), START - seconds(300));
    let of = |mode: &str, node: &str| increase(&world, "node_cpu_seconds_total", &[("mode", mode), ("node", node)], from, to);
    for node in ["node-1", "node-2", "node-3", "node-4"] {
        let containers = increase(&world, "container_cpu_usage_seconds_total", &[("node", node)], from, to);
        assert!((of("user", node) / 0.8 / containers - 1.0).abs() < 0.05, "{} and {containers}", of("user", node));
        let all: f64 = ["user", "system", "iowait", "idle"].iter().map(|mode| of(mode, node)).sum();
        let samples = select(&world, "node_memory_MemTotal_bytes", &[("node", node)], from, to);
        let seconds = (samples[0].samples.last().unwrap().0 - samples[0].samples[0].0) as f64 / 1e3;
        assert!((all / 8.0 / seconds - 1.0).abs() < 1e-6, "8 processors were busy or not for {all} s in {seconds} s");
    }
}

#[test]
fn events_wait_for_the_mailer_as_long_as_it_takes() {
    let world = incident();
    let (from, to) = (START - seconds(3_600), START - seconds(1_200));
    let partitions = alive(&world, "kafka_consumergroup_lag", &[("consumergroup", "mailer")], from, to);
    assert_eq!(partitions.len(), 6);
    let spans = [("service", "mailer"), ("span_name", "orders.created process")];
    let busy = increase(&world, "traces_spanmetrics_latency_sum", &spans, from, to);
    let count = increase(&world, "traces_spanmetrics_latency_count", &spans, from, to);
    // Each is taken 4 to 184 ms after it was published.
    let expected = (busy + count * 0.0935) / (to.0 - from.0) as f64 * 1e9;
    let lag = mean(&partitions);
    assert!((lag / expected - 1.0).abs() < 0.1, "{lag} events wait, {expected} expected");
}

#[test]
fn redis_has_processed_what_its_clients_have_sent() {
    let world = incident();
    let (from, to) = (START - seconds(900), START - seconds(300));
    let calls = increase(&world, "traces_service_graph_request_total", &[("server", "redis")], from, to);
    let commands = increase(&world, "redis_commands_processed_total", &[], from, to);
    assert!((commands / calls - 1.0).abs() < 0.03, "{commands} commands, {calls} calls");
    assert_eq!(mean(&alive(&world, "redis_connected_clients", &[], from, to)), 3.0 * 8.0 + 3.0 * 10.0);
}

#[test]
fn new_pods_become_ready_and_old_ones_end() {
    let world = incident();
    let onset = world.onset();
    let ready = alive(&world, "kube_pod_status_ready", &[("condition", "true")], onset - seconds(60), onset + seconds(120));
    let orders: Vec<_> = ready.iter().filter(|s| s.labels.get("pod").unwrap().starts_with("orders-")).collect();
    assert_eq!(orders.len(), 6);
    assert!(orders.iter().all(|s| s.samples.iter().any(|v| v.1 == 1.0)));
    let limits =
        alive(&world, "kube_pod_container_resource_limits", &[("container", "orders"), ("resource", "memory")], START - seconds(60), START);
    let used = alive(&world, "container_memory_working_set_bytes", &[("container", "orders")], START - seconds(60), START);
    assert_eq!((limits.len(), used.len()), (3, 3));
    assert!(limits.iter().zip(&used).all(|(limit, used)| (0.3..0.9).contains(&(used.samples[0].1 / limit.samples[0].1))));
}

#[test]
fn a_probe_fares_as_customers_do() {
    let broken = "name = 'x'\ndescription = ''\nonset = '-20m'\n[[change]]\nkind = 'errors'\nservice = 'web'\nroute = 'GET /'\nshare = 0.5\n[truth]\nfirst_symptom = ''\nblast_radius = []\nmust_fire = []\nmust_not_fire = []\nevidence = []\n";
    let world = world_at(Scenario::parse("x", broken).unwrap(), START);
    let share = |from: u64, to: u64| {
        let probes = alive(&world, "probe_success", &[], START - seconds(from), START - seconds(to));
        mean(&probes)
    };
    assert!(share(3_600, 1_300) > 0.97);
    assert!((0.3..0.7).contains(&share(1_150, 0)));
}
