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

/// The value of a series at its last sample.
fn last(series: &StoredSeries) -> f64 {
    series.samples.last().unwrap().1
}

fn label<'a>(series: &'a StoredSeries, name: &str) -> &'a str {
    series.labels.get(name).unwrap()
}

#[test]
fn a_container_is_throttled_where_it_uses_what_it_may() {
    let world = world_at(Scenario::builtin("surge").unwrap(), START);
    for (from, to) in [(START - seconds(1_500), START - seconds(900)), (START - seconds(600), START)] {
        let surging = to == START;
        for limit in alive(&world, "kube_pod_container_resource_limits", &[("resource", "cpu")], to - seconds(60), to) {
            let of = |name: &str| increase(&world, name, &[("pod", label(&limit, "pod"))], from, to);
            let periods = of("container_cpu_cfs_periods_total");
            let used = of("container_cpu_usage_seconds_total") / (periods / 10.0) / last(&limit);
            let throttled = of("container_cpu_cfs_throttled_periods_total") / periods;
            let web = label(&limit, "container") == "web";
            assert_eq!(used > 0.8, surging && web, "{} uses {used} of its limit", limit.labels);
            assert_eq!(throttled > 0.25, surging && web, "{}: {throttled}", limit.labels);
            assert!(web || throttled == 0.0, "{}: {throttled}", limit.labels);
            assert!(throttled <= 1.0 && of("container_oom_events_total") == 0.0);
        }
        let nodes: HashSet<String> = alive(&world, "kube_pod_info", &[], to - seconds(60), to)
            .iter()
            .filter(|s| label(s, "pod").starts_with("web-"))
            .map(|s| label(s, "node").to_owned())
            .collect();
        for node in alive(&world, "node_pressure_cpu_waiting_seconds_total", &[], from, to) {
            let pressure = (last(&node) - node.samples[0].1) / 600.0;
            assert_eq!(pressure > 0.25, surging && nodes.contains(label(&node, "node")), "{}: {pressure}", node.labels);
        }
    }
}

#[test]
fn who_waits_for_a_failing_disk_is_in_its_nodes_load_and_pressure_alone() {
    let world = world_at(Scenario::builtin("bad-pod").unwrap(), START);
    let (from, to) = (START - seconds(600), START);
    let mut busy = 0;
    for node in ["node-1", "node-2", "node-3", "node-4"] {
        let of = |name: &str, more: &[(&str, &str)]| increase(&world, name, &[&[("node", node)], more].concat(), from, to) / 585.0;
        let io = of("node_pressure_io_waiting_seconds_total", &[]);
        assert!((of("node_disk_io_time_seconds_total", &[]) - io).abs() < 1e-6);
        let load = alive(&world, "node_load1", &[("node", node)], from, to);
        let processors = of("node_cpu_seconds_total", &[("mode", "user")]) + of("node_cpu_seconds_total", &[("mode", "system")]);
        // As many wait as must for one to do so in that share of the time.
        let expected = processors - (1.0 - io).ln();
        assert!((mean(&load) / expected - 1.0).abs() < 0.05, "{node}: {} instead of {expected}", mean(&load));
        busy += usize::from(io > 0.8);
        assert_eq!(io > 0.1, mean(&load) > 2.0 && of("node_cpu_seconds_total", &[("mode", "iowait")]) > 0.5, "{node}");
    }
    assert_eq!(busy, 1);
    for full in alive(&world, "kube_node_status_condition", &[], from, to) {
        let is = if label(&full, "condition") == "Ready" { "true" } else { "false" };
        assert_eq!(last(&full) == 1.0, label(&full, "status") == is, "{}", full.labels);
    }
}

#[test]
fn pods_of_a_deploy_are_pending_then_running_then_available() {
    let world = incident();
    let onset = world.onset();
    let (from, to) = (onset - seconds(120), onset + seconds(120));
    let phases = alive(&world, "kube_pod_status_phase", &[], from, to);
    let new: Vec<String> =
        alive(&world, "up", &[("job", "orders")], onset + seconds(90), to).iter().map(|s| label(s, "pod").to_owned()).collect();
    assert_eq!(new.len(), 3);
    let of = |pod: &str, phase: &str| phases.iter().find(|s| label(s, "pod") == pod && label(s, "phase") == phase).unwrap().samples.clone();
    let waits = alive(&world, "kube_pod_container_status_waiting_reason", &[], from, to);
    assert_eq!(waits.len(), 3, "only who is created waits");
    for pod in phases.iter().map(|s| label(s, "pod")).collect::<HashSet<_>>() {
        let [pending, running] = ["Pending", "Running"].map(|phase| of(pod, phase));
        assert!(pending.iter().zip(&running).all(|(p, r)| p.1 + r.1 == 1.0), "{pod}");
        assert!(running.is_sorted_by(|a, b| a.1 <= b.1), "{pod} does not fall back");
        assert!(["Succeeded", "Failed", "Unknown"].iter().all(|phase| of(pod, phase).iter().all(|v| v.1 == 0.0)));
        let fresh = new.iter().any(|n| n == pod);
        assert_eq!(pending[0].1 == 1.0, fresh, "{pod}");
        let at = |name: &str| last(&alive(&world, name, &[("pod", pod)], from, to)[0]);
        let started = at("container_start_time_seconds");
        assert!(at("kube_pod_created") < started && at("process_start_time_seconds") - started < 1.0, "{pod}");
        if !fresh {
            continue;
        }
        let waiting: Vec<i64> = waits.iter().find(|s| label(s, "pod") == pod).unwrap().samples.iter().map(|v| v.0).collect();
        let pending: Vec<i64> = pending.iter().filter(|v| v.1 == 1.0).map(|v| v.0).collect();
        assert_eq!(waiting, pending, "a container waits as long as its pod is pending");
        let image = alive(&world, "kube_pod_container_info", &[("pod", pod)], from, to);
        assert_eq!(label(&image[0], "image"), "registry.example/shop/orders:1.42.0");
    }
}

#[test]
fn fewer_replicas_are_available_while_pods_are_replaced() {
    let world = incident();
    let onset = world.onset();
    let available = |name: &str, from: Timestamp, to: Timestamp| -> Vec<f64> {
        let series = alive(&world, "kube_deployment_status_replicas_available", &[("deployment", name)], from, to);
        series[0].samples.iter().map(|v| v.1).collect()
    };
    let (before, after) = (onset - seconds(300), onset + seconds(300));
    assert!(available("orders", before, onset).iter().all(|n| *n == 3.0));
    let during = available("orders", onset, onset + seconds(40));
    assert!(during.contains(&2.0) && during.iter().all(|n| (2.0..=3.0).contains(n)), "{during:?}");
    assert!(available("orders", onset + seconds(60), after).iter().all(|n| *n == 3.0));
    assert!(available("cart", before, after).iter().all(|n| *n == 3.0));
}

#[test]
fn a_container_that_was_restarted_says_why_and_is_younger_than_its_pod() {
    let mut restarted = 0;
    for seed in 1..8 {
        let world = World::new(Scenario::builtin("quiet").unwrap(), seed, START, Arc::new(At(START)));
        let (from, to) = (START - seconds(60), START);
        for restarts in alive(&world, "kube_pod_container_status_restarts_total", &[], from, to) {
            let pod = [("pod", label(&restarts, "pod"))];
            let reasons = alive(&world, "kube_pod_container_status_last_terminated_reason", &pod, from, to);
            assert_eq!(reasons.len(), last(&restarts) as usize);
            let age = last(&alive(&world, "container_start_time_seconds", &pod, from, to)[0])
                - last(&alive(&world, "kube_pod_created", &pod, from, to)[0]);
            assert_eq!(age > 3_600.0, last(&restarts) > 0.0);
            restarted += reasons.len();
        }
    }
    assert!(restarted > 0);
}

#[test]
fn a_groups_offsets_tell_how_long_its_lag_takes() {
    let slow = "name = 'x'\ndescription = ''\nonset = '-20m'\n[[change]]\nkind = 'slow'\nservice = 'smtp'\nfactor = 20.0\n[truth]\nfirst_symptom = ''\nblast_radius = []\nmust_fire = []\nmust_not_fire = []\nevidence = []\n";
    for (world, least, most) in [(incident(), 0.3, 1.0), (world_at(Scenario::parse("x", slow).unwrap(), START), 5.0, 12.0)] {
        // Before the first change as well: what is estimated of the past goes on without a break.
        for (from, to) in [(START - seconds(600), START), (START - seconds(5_400), START - seconds(4_200))] {
            let offsets = alive(&world, "kafka_consumergroup_current_offset", &[], from, to);
            assert_eq!(offsets.len(), 6);
            let rate = offsets
                .iter()
                .map(|s| (last(s) - s.samples[0].1) / ((s.samples.last().unwrap().0 - s.samples[0].0) as f64 / 1e3))
                .sum::<f64>();
            let spans = increase(&world, "traces_spanmetrics_calls_total", &[("span_name", "orders.created process")], from, to);
            let expected = spans / ((to.0 - from.0) as f64 / 1e9 - 15.0);
            assert!((rate / expected - 1.0).abs() < 0.03, "{rate} a second are consumed, {expected} processed");
            let drain = mean(&alive(&world, "kafka_consumergroup_lag", &[], from, to)) / rate;
            let (least, most) = if to == START { (least, most) } else { (0.3, 1.0) };
            assert!((least..most).contains(&drain), "{drain} s");
        }
    }
}

#[test]
fn processes_tell_what_their_libraries_do() {
    let world = incident();
    let (from, to) = (START - seconds(600), START);
    let jobs = |name: &str| -> HashSet<String> { alive(&world, name, &[], from, to).iter().map(|s| label(s, "job").to_owned()).collect() };
    let others = ["shop/web", "catalog", "cart", "inventory", "mailer"].map(str::to_owned).into();
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
        assert_eq!(jobs(name), others, "{name}");
    }
    for name in ["process_cpu_usage", "process_files_open_files", "process_files_max_files"] {
        assert_eq!(jobs(name), ["checkout", "orders"].map(str::to_owned).into(), "{name}");
    }
    let usage = mean(&alive(&world, "process_cpu_usage", &[("job", "checkout")], from, to));
    let used = increase(&world, "container_cpu_usage_seconds_total", &[("container", "checkout")], from, to) / 585.0 / 2.0;
    assert!((usage / used - 1.0).abs() < 0.05, "{usage} of all pods' processors, {used}");
    let files = |at: Timestamp| mean(&alive(&world, "process_files_open_files", &[("job", "orders")], at - seconds(60), at));
    let closed = files(world.onset() - seconds(60)) - files(world.onset() + seconds(300));
    assert!((closed - 3.0 * 18.0).abs() < 6.0, "{closed} files fewer, as the pools have 18 connections fewer each");
}

#[test]
fn pools_were_asked_for_connections_before_the_first_change_as_well() {
    let world = world_at(Scenario::builtin("cascade").unwrap(), START);
    let (from, to) = (START - seconds(3_600), START - seconds(1_800));
    let asked = increase(&world, "hikaricp_connections_acquire_seconds_count", &[], from, to);
    let of =
        |status: &str| increase(&world, "http_server_requests_seconds_count", &[("application", "orders"), ("status", status)], from, to);
    let answered = of("200") + of("201") + of("500")
        - increase(&world, "http_server_requests_seconds_count", &[("uri", "/actuator/health"), ("application", "orders")], from, to);
    assert!((asked / answered - 1.0).abs() < 0.02, "{asked} times for {answered} requests");
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
    let (from, to) = (START - seconds(3_600), START);
    let [success, status, took] =
        ["probe_success", "probe_http_status_code", "probe_duration_seconds"].map(|name| alive(&world, name, &[], from, to));
    for (success, status) in success[0].samples.iter().zip(&status[0].samples) {
        assert_eq!(status.1, if success.1 == 1.0 { 200.0 } else { 500.0 });
    }
    assert!((0.04..0.3).contains(&mean(&took)), "{} s", mean(&took));
    let left = last(&alive(&world, "probe_ssl_earliest_cert_expiry", &[], from, to)[0]) - START.0 as f64 / 1e9;
    assert!((30.0..90.0).contains(&(left / 86_400.0)), "{left} s");
    assert!(share(3_600, 1_300) > 0.97);
    assert!((0.3..0.7).contains(&share(1_150, 0)));
}
