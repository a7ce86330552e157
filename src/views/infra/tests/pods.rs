//! What the section of pods tells.

use super::world::{NOW, World, subject, told};
use crate::{
    model::labels::Matcher,
    views::infra::{
        pods::PODS,
        section::{Level, counted},
        subject::Subject,
    },
};

const GIB: f64 = (1u64 << 30) as f64;

/// A pod that is ready, of one container, as the exporters tell it.
pub(super) fn pod(world: World, name: &str) -> World {
    world
        .gauge(&format!("kube_pod_info{{namespace=shop, pod={name}, node=node-1, host_ip=10.0.0.1}}"), 1.0)
        .gauge(&format!("kube_pod_status_ready{{namespace=shop, pod={name}, condition=true}}"), 1.0)
        .gauge(&format!("kube_pod_status_phase{{namespace=shop, pod={name}, phase=Running}}"), 1.0)
        .gauge(&format!("kube_pod_status_phase{{namespace=shop, pod={name}, phase=Failed}}"), 0.0)
        .gauge(&format!("kube_pod_start_time{{namespace=shop, pod={name}}}"), (NOW - 3600) as f64)
        .gauge(&format!("kube_pod_container_info{{namespace=shop, pod={name}, container=app, image=r.example/shop/orders:1.42.0}}"), 1.0)
}

/// What a container uses: cores of cores, bytes of bytes.
fn uses(world: World, pod: &str, container: &str, cpu: (f64, f64), memory: (f64, f64)) -> World {
    let of = format!("namespace=shop, pod={pod}, container={container}");
    world
        .counter(&format!("container_cpu_usage_seconds_total{{{of}, image=i}}"), cpu.0)
        .gauge(&format!("kube_pod_container_resource_limits{{{of}, resource=cpu}}"), cpu.1)
        .gauge(&format!("container_memory_working_set_bytes{{{of}, image=i}}"), memory.0)
        .gauge(&format!("kube_pod_container_resource_limits{{{of}, resource=memory}}"), memory.1)
}

fn rows(world: &World, subject: &Subject) -> Vec<String> {
    world.rows(&PODS, subject).iter().map(told).collect()
}

#[test]
fn a_pod_says_where_it_is_and_what_it_uses_of_what_it_may() {
    let world = uses(pod(World::default(), "orders-6d4f8b9c7d-x7k2p"), "orders-6d4f8b9c7d-x7k2p", "app", (0.25, 1.0), (GIB, 4.0 * GIB));
    // cAdvisor tells of the whole pod and of its pause container too: neither is counted twice.
    let of = "namespace=shop, pod=orders-6d4f8b9c7d-x7k2p";
    let world = world
        .counter(&format!("container_cpu_usage_seconds_total{{{of}}}"), 0.25)
        .counter(&format!("container_cpu_usage_seconds_total{{{of}, container=POD}}"), 0.5)
        .counter(&format!("container_cpu_cfs_periods_total{{{of}, container=app}}"), 10.0)
        .counter(&format!("container_cpu_cfs_throttled_periods_total{{{of}, container=app}}"), 1.0);
    let subject = subject(Some("orders"));
    let expected = "orders-6d4f8b9c7d-x7k2p Fine | node-1 | ready | 1.42.0 | 0.25 / 1 | 10.0 % | 1.00 / 4 GiB | – | 1h00m | ";
    assert_eq!(rows(&world, &subject), [expected]);
    let row = &world.rows(&PODS, &subject)[0];
    assert_eq!(world.lines(&PODS, row, &subject), [("CPU, cores", 2), ("memory", 2), ("held back", 1)]);
}

#[test]
fn only_pods_of_the_service_are_its_own() {
    let names = ["orders-6d4f8b9c7d-x7k2p", "orders-0", "orders-db-0", "orders-28412345-bcdfg", "preorders-6d4f8b9c7d-x7k2p", "blue-1"];
    let world = names.into_iter().fold(World::default(), pod);
    let of = |subject: &Subject| world.rows(&PODS, subject).iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
    let mut own = subject(Some("orders"));
    assert_eq!(of(&own), ["orders-0", "orders-28412345-bcdfg", "orders-6d4f8b9c7d-x7k2p"]);
    own.pods = vec!["blue-1".into()];
    assert!(of(&own).contains(&"blue-1".to_owned()), "a pod that the service's metrics or a span names is its own");
    own.matchers = vec![Matcher::equal("pod", "orders-0")];
    assert_eq!(of(&own), ["orders-0"]);
}

#[test]
fn the_worst_pod_is_first_and_says_why() {
    let world = ["a-0", "a-1", "a-2", "a-3"].into_iter().fold(World::default(), pod);
    let world = uses(world, "a-1", "app", (0.9, 1.0), (GIB, 4.0 * GIB));
    let of = "namespace=shop, pod=a-2, container=app";
    let world = world
        .gauge(&format!("kube_pod_container_status_waiting_reason{{{of}, reason=CrashLoopBackOff}}"), 1.0)
        .gauge(&format!("kube_pod_container_status_last_terminated_reason{{{of}, reason=OOMKilled}}"), 1.0)
        .over(&format!("kube_pod_container_status_restarts_total{{{of}}}"), (NOW - 7200, NOW), |at| f64::from(at > NOW - 1200) * 4.0)
        // Killed long ago: it says nothing of now.
        .gauge("kube_pod_container_status_last_terminated_reason{namespace=shop, pod=a-3, container=app, reason=OOMKilled}", 1.0);
    let rows = world.rows(&PODS, &subject(Some("a")));
    let levels: Vec<(&str, Level)> = rows.iter().map(|row| (row.name.as_str(), row.level)).collect();
    assert_eq!(levels, [("a-2", Level::Bad), ("a-1", Level::Warn), ("a-0", Level::Fine), ("a-3", Level::Fine)]);
    assert_eq!(rows[0].why(), "4 restarts in 1h, the last after OOMKilled");
    assert_eq!(rows[1].why(), "CPU at 90.0 % of its limit");
}

#[test]
fn a_full_container_shows_in_a_pod_that_is_not() {
    let world = uses(pod(World::default(), "a-0"), "a-0", "app", (0.1, 2.0), (GIB, 8.0 * GIB));
    let world = uses(world, "a-0", "istio-proxy", (0.2, 0.2), (GIB, 8.0 * GIB));
    let rows = world.rows(&PODS, &subject(Some("a")));
    assert_eq!((rows[0].level, rows[0].why().as_str()), (Level::Bad, "istio-proxy: CPU at 100 % of its limit"));
    assert_eq!(rows[0].figures[3].text, "0.3 / 2.2");
    // One without a limit may use all: the pod has none.
    let of = "namespace=shop, pod=a-0, container=debug";
    let world = world.counter(&format!("container_cpu_usage_seconds_total{{{of}}}"), 0.7);
    assert_eq!(world.rows(&PODS, &subject(Some("a")))[0].figures[3].text, "1");
}

#[test]
fn a_pod_that_is_gone_says_since_when_and_where_it_was() {
    let was = "kube_pod_info{namespace=shop, pod=a-1, node=node-2, host_ip=10.0.0.2}";
    let image = "kube_pod_container_info{namespace=shop, pod=a-1, container=app, image=r.example/shop/orders:1.41.3}";
    let world = pod(World::default(), "a-0").over(was, (NOW - 7200, NOW - 1200), |_| 1.0).over(image, (NOW - 7200, NOW - 1200), |_| 1.0);
    assert_eq!(rows(&world, &subject(Some("a")))[1], "a-1 Gone | node-2 | gone 20m | 1.41.3 | – | – | – | – | – | ");
    let earlier = pod(World::default(), "a-0").over(was, (NOW - 7200, NOW - 4800), |_| 1.0);
    assert_eq!(rows(&earlier, &subject(Some("a"))).len(), 1, "not longer than the window reaches");
}

#[test]
fn of_a_cluster_only_what_is_not_well_is_told() {
    let world = (0..50).map(|i| format!("a-{i}")).fold(World::default(), |world, name| pod(world, &name));
    let world = uses(world, "a-7", "app", (0.1, 1.0), (3.9 * GIB, 4.0 * GIB))
        .gauge("kube_pod_info{namespace=shop, pod=b-0, node=node-3}", 1.0)
        .gauge("kube_pod_status_phase{namespace=shop, pod=b-0, phase=Pending}", 1.0)
        .gauge("kube_pod_status_ready{namespace=shop, pod=b-0, condition=true}", 0.0)
        // A batch job that is done is not ready, and well.
        .gauge("kube_pod_info{namespace=shop, pod=c-0, node=node-3}", 1.0)
        .gauge("kube_pod_status_phase{namespace=shop, pod=c-0, phase=Succeeded}", 1.0)
        .gauge("kube_pod_status_ready{namespace=shop, pod=c-0, condition=true}", 0.0);
    let rows = rows(&world, &subject(None));
    assert_eq!(rows[0], "a-7 Bad | – |  |  | – | – | 3.90 / 4 GiB | – | – | memory at 97.5 % of its limit");
    assert_eq!(rows[1], "b-0 Warn | node-3 | pending |  | – | – | – | – | – | ");
    assert_eq!(rows.len(), 2);
    let one = Subject { matchers: vec![Matcher::equal("pod", "a-3")], ..subject(None) };
    assert!(
        self::rows(&world, &one)[0].starts_with("a-3 Fine | node-1 | ready"),
        "a pod that is asked for by name is told though it is well"
    );
    let question = (PODS.query)(&subject(None)).unwrap();
    assert_eq!(counted(&world.answer(&question)), Some(52));
}
