//! What the section of nodes tells.

use super::world::{NOW, World, cell, subject};
use crate::views::infra::{
    nodes::NODES,
    section::{Level, Row, counted},
    subject::{Host, Subject},
};

const GIB: f64 = (1u64 << 30) as f64;

/// A machine as node_exporter tells of it: the labels of its series, its own name, and for how much of the time its processors
/// are idle and its disk is busy.
fn machine(world: World, labels: &str, nodename: &str, idle: f64, disk: f64) -> World {
    let cpu = |cpu: &str, mode: &str| format!("node_cpu_seconds_total{{{labels}, cpu={cpu}, mode={mode}}}");
    let root = format!("{labels}, device=/dev/nvme0n1p2, fstype=ext4, mountpoint=/");
    let world = ["0", "1"].into_iter().fold(world, |world, n| {
        world.counter(&cpu(n, "idle"), idle).counter(&cpu(n, "iowait"), 0.05).counter(&cpu(n, "user"), 0.95 - idle)
    });
    world
        .gauge(&format!("node_load1{{{labels}}}"), 1.5)
        .gauge(&format!("node_memory_MemTotal_bytes{{{labels}}}"), 16.0 * GIB)
        .gauge(&format!("node_memory_MemAvailable_bytes{{{labels}}}"), 12.0 * GIB)
        .counter(&format!("node_disk_io_time_seconds_total{{{labels}, device=nvme0n1}}"), disk)
        .gauge(&format!("node_filesystem_avail_bytes{{{root}}}"), 60.0 * GIB)
        .gauge(&format!("node_filesystem_size_bytes{{{root}}}"), 100.0 * GIB)
        .gauge(&format!("up{{{labels}}}"), 1.0)
        .gauge(&format!("node_uname_info{{{labels}, nodename={nodename}}}"), 1.0)
}

fn well(world: World, labels: &str, nodename: &str) -> World {
    machine(world, labels, nodename, 0.8, 0.1)
}

/// A service on these machines, by name and address.
fn on(hosts: &[(&str, &str)]) -> Subject {
    let hosts = hosts.iter().map(|(name, address)| Host { name: (*name).into(), address: (*address).into(), pods: 2, gone: 0 });
    Subject { hosts: hosts.collect(), ..subject(Some("orders")) }
}

fn names(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

#[test]
fn the_machines_of_a_service_are_found_by_label_by_address_and_by_the_name_they_give_themselves() {
    let world = well(World::default(), "job=node, instance=10.0.0.1:9100", "ip-1");
    let world = well(world, "job=node, instance=10.9.0.2:9100, node=two", "ip-2");
    let world = well(world, "job=node, instance=three", "ip-3");
    let world = well(world, "job=node, instance=metrics:9104", "four.example.com");
    let world = well(world, "job=node, instance=10.0.0.11:9100", "five");
    let world = well(world, "job=node, instance=[fd00::6]:9100", "six");
    let found = |hosts: &[(&str, &str)]| -> Vec<String> {
        let rows = world.rows(&NODES, &on(hosts));
        rows.iter().map(|row| format!("{} at {}", row.name, row.place.get("instance").unwrap())).collect()
    };
    assert_eq!(found(&[("one", "10.0.0.1")]), ["one at 10.0.0.1:9100"], "it is called as its pods call it, and no other is it");
    assert_eq!(found(&[("two", "10.0.0.2")]), ["two at 10.9.0.2:9100"]);
    assert_eq!(found(&[("three", "10.0.0.3")]), ["three at three"]);
    assert_eq!(found(&[("four", "")]), ["four.example.com at metrics:9104"]);
    assert_eq!(found(&[("five.example.com", "")]), ["five at 10.0.0.11:9100"]);
    assert_eq!(found(&[("six-6", "fd00::6")]), ["six-6 at [fd00::6]:9100"]);
    assert_eq!(found(&[("one", "10.0.0.1"), ("four", ""), ("two", "")]).len(), 3);
    assert!((NODES.query)(&on(&[])).is_none(), "nothing is asked before it is known where the service is");
}

#[test]
fn what_a_machine_uses_is_told_in_its_row() {
    let world = well(World::default(), "job=node, instance=10.0.0.1:9100, node=one", "one");
    let row = &world.rows(&NODES, &on(&[("one", "")]))[0];
    let told = ["STATE", "PODS", "CPU", "LOAD", "MEMORY", "DISK", "DISK BUSY", "PRESSURE"].map(|title| cell(&NODES, row, title).0);
    assert_eq!(told, ["up", "2", "15 %", "0.75", "4.00 / 16 GiB", "40 %", "10 %", "–"]);
    assert_eq!((row.level, row.why()), (Level::Fine, String::new()));
    assert_eq!(world.lines(&NODES, row, &subject(None)), [("CPU", 2), ("memory", 2), ("disk", 2)]);
}

#[test]
fn what_is_not_well_about_a_machine_is_said_in_words() {
    let of = "job=node, instance=10.0.0.1:9100";
    let var = format!("{of}, device=/dev/sdb1, fstype=xfs, mountpoint=/var");
    let shm = format!("{of}, device=tmpfs, fstype=tmpfs, mountpoint=/dev/shm");
    let past = (NOW - 7200, NOW);
    let world = machine(World::default(), of, "one", 0.05, 0.98)
        .gauge(&format!("node_filesystem_size_bytes{{{var}}}"), 100.0 * GIB)
        .over(&format!("node_filesystem_avail_bytes{{{var}}}"), past, |at| (4.0 + (NOW - at) as f64 * 4.0 / 10_800.0) * GIB)
        .gauge(&format!("node_filesystem_files{{{var}}}"), 1000.0)
        .gauge(&format!("node_filesystem_files_free{{{var}}}"), 100.0)
        .gauge(&format!("node_filesystem_size_bytes{{{shm}}}"), GIB)
        .gauge(&format!("node_filesystem_avail_bytes{{{shm}}}"), 0.0)
        .counter(&format!("node_disk_io_time_seconds_total{{{of}, device=dm-0}}"), 1.0)
        .counter(&format!("node_cpu_seconds_total{{{of}, cpu=0, mode=steal}}"), 0.12)
        .counter(&format!("node_pressure_io_waiting_seconds_total{{{of}}}"), 0.62)
        .counter(&format!("node_pressure_cpu_waiting_seconds_total{{{of}}}"), 0.7)
        .counter(&format!("node_pressure_memory_waiting_seconds_total{{{of}}}"), 0.0)
        .over(&format!("node_vmstat_oom_kill{{{of}}}"), past, |at| f64::from(at > NOW - 1000) * 4.0)
        .gauge(&format!("node_nf_conntrack_entries{{{of}}}"), 90.0)
        .gauge(&format!("node_nf_conntrack_entries_limit{{{of}}}"), 100.0)
        .gauge(&format!("node_timex_offset_seconds{{{of}}}"), -0.08)
        .gauge(&format!("node_boot_time_seconds{{{of}}}"), (NOW - 720) as f64);
    let row = &world.rows(&NODES, &subject(None))[0];
    assert_eq!(
        row.reasons.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(),
        [
            "disk nvme0n1 busy 98 %",
            "waits for I/O 62 % of the time",
            "/var 96 % full, full in 3h00m",
            "CPU busy 96 %",
            "CPU stolen 12 %",
            "waits for CPU 70 % of the time",
            "4 OOM kills in 1h",
            "connection table 90 % full",
            "clock 80 ms off",
            "/var has 90 % of its inodes in use",
            "booted 12m ago",
        ]
    );
    assert_eq!(cell(&NODES, row, "PRESSURE"), ("I/O 62 %", Level::Bad));
    assert_eq!(cell(&NODES, row, "DISK"), ("96 %", Level::Bad));
    assert_eq!(row.level, Level::Bad);
}

/// What kube-state-metrics says of a node.
fn kube(world: World, node: &str, address: &str, ready: &str, trouble: &str) -> World {
    let pressure = if trouble == "MemoryPressure" { "true" } else { "false" };
    // Some conditions are as they should be when they hold.
    let conditions = [("Ready", ready), ("MemoryPressure", pressure), ("EtcdIsVoter", "true")];
    let world = world
        .gauge(&format!("kube_node_info{{node={node}, internal_ip={address}}}"), 1.0)
        .gauge(&format!("kube_node_spec_unschedulable{{node={node}}}"), f64::from(trouble == "cordoned"));
    let each = conditions.into_iter().flat_map(|(condition, is)| ["true", "false", "unknown"].map(|status| (condition, status, is)));
    each.fold(world, |world, (condition, status, is)| {
        let labels = format!("node={node}, condition={condition}, status={status}");
        world.gauge(&format!("kube_node_status_condition{{{labels}}}"), f64::from(status == is))
    })
}

#[test]
fn what_kubernetes_says_of_a_node_is_its_state() {
    let world = kube(World::default(), "one", "10.0.0.1", "true", "");
    let world = kube(world, "two", "10.0.0.2", "unknown", "");
    let world = kube(world, "three", "10.0.0.3", "true", "MemoryPressure");
    let world = kube(world, "four", "10.0.0.4", "true", "cordoned");
    let world = kube(world, "five", "10.0.0.5", "false", "");
    // The exporter of the first knows nothing of Kubernetes' name.
    let world = well(world, "job=node, instance=10.0.0.1:9100", "localhost");
    let all = [("one", "10.0.0.1"), ("two", "10.0.0.2"), ("three", "10.0.0.3"), ("four", "10.0.0.4"), ("five", "10.0.0.5")];
    for subject in [on(&all), subject(None)] {
        let told = world.rows(&NODES, &subject);
        let states: Vec<_> = told.iter().map(|row| (row.name.as_str(), cell(&NODES, row, "STATE"), row.why())).collect();
        assert_eq!(
            states,
            [
                ("five", ("NotReady", Level::Bad), "NotReady".to_owned()),
                ("three", ("MemoryPressure", Level::Bad), "MemoryPressure".to_owned()),
                ("two", ("NotReady", Level::Bad), "its kubelet does not answer".to_owned()),
                ("four", ("cordoned", Level::Warn), "cordoned".to_owned()),
                ("one", ("Ready", Level::Fine), String::new()),
            ]
        );
        assert_eq!(told[4].place.get("instance"), Some("10.0.0.1:9100"), "one row, whatever each of them calls it");
    }
}

#[test]
fn an_exporter_that_does_not_answer_says_since_when() {
    let of = "job=node, instance=10.0.0.1:9100";
    let world = World::default()
        .over(&format!("node_uname_info{{{of}, nodename=one}}"), (NOW - 7200, NOW - 1020), |_| 1.0)
        .over(&format!("up{{{of}}}"), (NOW - 7200, NOW), |at| f64::from(at <= NOW - 1020))
        // One that has been away for longer than is looked back, and something else that does not answer.
        .gauge("up{job=monitoring/node-exporter, instance=10.0.0.2:9100}", 0.0)
        .gauge("up{job=orders, instance=10.0.0.1:8080}", 0.0);
    for subject in [on(&[("one", "10.0.0.1"), ("two", "10.0.0.2")]), on(&[("one", ""), ("10.0.0.2", "")]), subject(None)] {
        let told = world.rows(&NODES, &subject);
        let told: Vec<_> = told.iter().map(|row| (cell(&NODES, row, "STATE"), row.why())).collect();
        assert!(told.contains(&(("exporter down", Level::Bad), "node_exporter does not answer for 17m".to_owned())), "{told:?}");
        assert!(told.contains(&(("exporter down", Level::Bad), "node_exporter does not answer".to_owned())), "{told:?}");
        assert_eq!(told.len(), 2);
    }
    let world = kube(world, "one", "10.0.0.1", "true", "");
    let told = world.rows(&NODES, &on(&[("one", "10.0.0.1")]));
    assert_eq!(cell(&NODES, &told[0], "STATE"), ("exporter down", Level::Warn), "Kubernetes still hears of it");
}

#[test]
fn of_many_machines_those_are_told_that_are_not_well_and_how_many_there_are() {
    let world = (0..120).fold(World::default(), |world, i| {
        let disk = if i == 7 { 0.99 } else { 0.1 };
        let world = machine(world, &format!("job=node, instance=10.0.1.{i}:9100"), &format!("n{i}"), 0.8, disk);
        kube(world, &format!("n{i}"), "", if i == 30 { "false" } else { "true" }, "")
    });
    let all = subject(None);
    assert_eq!(counted(&world.answer(&(NODES.query)(&all).unwrap())), Some(120));
    let told = world.rows(&NODES, &all);
    assert_eq!(names(&told), ["n30", "n7"]);
    assert_eq!(cell(&NODES, &told[0], "CPU").0, "15 %", "its figures are told with its state");
    let led = Subject { hosts: vec![Host { name: "10.0.1.9".into(), ..Host::default() }], ..subject(None) };
    assert_eq!(names(&world.rows(&NODES, &led)), ["n30", "n7", "n9"], "what led here is told as well");
    // A service on more machines than can be named, and not on n7.
    let hosts: Vec<String> = (8..120).map(|i| format!("n{i}")).chain((0..200).map(|i| format!("other-{i}"))).collect();
    let hosts: Vec<(&str, &str)> = hosts.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(names(&world.rows(&NODES, &on(&hosts))), ["n30"]);
}

#[test]
fn a_machine_that_the_service_has_left_is_told_only_if_it_is_not_well() {
    let world = machine(World::default(), "job=node, instance=10.0.0.1:9100", "one", 0.8, 0.99);
    let world = well(world, "job=node, instance=10.0.0.2:9100", "two");
    let mut subject = on(&[("one", "10.0.0.1"), ("two", "10.0.0.2")]);
    subject.hosts.iter_mut().for_each(|host| (host.pods, host.gone) = (0, 1));
    assert_eq!(names(&world.rows(&NODES, &subject)), ["one"]);
}

#[test]
fn machines_of_two_clusters_are_two_machines_whatever_their_addresses() {
    let world = machine(World::default(), "job=node, cluster=eu, instance=10.0.0.1:9100", "one", 0.8, 0.1);
    let world = machine(world, "job=node, cluster=us, instance=10.0.0.1:9100", "one", 0.8, 0.99);
    let told = world.rows(&NODES, &on(&[("one", "10.0.0.1")]));
    let told: Vec<_> = told.iter().map(|row| (row.place.get("cluster").unwrap(), cell(&NODES, row, "DISK BUSY").0)).collect();
    assert_eq!(told, [("us", "99 %"), ("eu", "10 %")]);
}

#[test]
fn a_machine_that_is_new_is_not_busy_for_that() {
    let of = "job=node, instance=10.0.0.1:9100";
    let cpu = |mode: &str| format!("node_cpu_seconds_total{{{of}, cpu=0, mode={mode}}}");
    let since = (NOW - 60, NOW);
    let world = World::default()
        .over(&cpu("idle"), since, |at| (at - NOW + 1000) as f64 * 0.9)
        .over(&cpu("user"), since, |at| (at - NOW + 1000) as f64 * 0.1)
        .gauge(&format!("node_uname_info{{{of}, nodename=one}}"), 1.0);
    let row = &world.rows(&NODES, &subject(None))[0];
    assert_eq!((row.level, row.why()), (Level::Fine, String::new()));
}
