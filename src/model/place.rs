//! Where something runs, by whichever names that is told: labels of series and streams, attributes of resources and spans,
//! fields of log lines. It comes out by the names that Kubernetes' exporters use: `pod`, `node`, `namespace`, `container`,
//! `instance`.

use super::labels::Labels;

/// Names of a pod, as [`plain`] spells them. What a scrape renamed goes before the exporter's own pod.
const POD: [&str; 9] = [
    "exported_pod",
    "pod",
    "k8s_pod_name",
    "pod_name",
    "kubernetes_pod_name",
    "io_kubernetes_pod_name",
    "k8s_pod",
    "kubernetes_pod",
    "podname",
];
/// Names of a pod's namespace.
const NAMESPACE: [&str; 9] = [
    "exported_namespace",
    "namespace",
    "k8s_namespace_name",
    "namespace_name",
    "kubernetes_namespace_name",
    "io_kubernetes_pod_namespace",
    "k8s_namespace",
    "kubernetes_namespace",
    "pod_namespace",
];
/// Names of a container.
const CONTAINER: [&str; 7] = [
    "exported_container",
    "container",
    "k8s_container_name",
    "container_name",
    "kubernetes_container_name",
    "io_kubernetes_container_name",
    "kubernetes_container",
];
/// Names of a machine. A pod's host is called like the pod, so that the last ones may name one.
const NODE: [&str; 12] = [
    "exported_node",
    "node",
    "k8s_node_name",
    "node_name",
    "kubernetes_node_name",
    "kubernetes_node",
    "kubernetes_host",
    "k8s_node",
    "nodename",
    "host_name",
    "hostname",
    "host",
];
/// Names of a host, which a program has as well.
const HOSTS: [&str; 3] = ["host_name", "hostname", "host"];
/// Names of a process that answers scrapes, or counts itself.
const INSTANCE: [&str; 3] = ["exported_instance", "instance", "service_instance_id"];
/// Names that mean something else as often where programs choose them: a field `host` is what was asked for.
const VAGUE: [&str; 8] = ["host", "hostname", "host_name", "node", "instance", "container", "container_name", "namespace"];

/// What each is called, with its names.
const PLACES: [(&str, &[&str]); 5] =
    [("pod", &POD), ("namespace", &NAMESPACE), ("container", &CONTAINER), ("node", &NODE), ("instance", &INSTANCE)];

/// All spellings of a place, as labels have them, the most usual first. None where it is no such place.
pub fn spellings(label: &str) -> &'static [&'static str] {
    PLACES.iter().find(|(place, _)| *place == label).map_or(&[], |(_, names)| names)
}

/// More than any place in the lists of names.
const LESS_SURE: usize = 100;

/// The place that a name means, and how surely: the lower, the surer.
fn meaning(name: &str) -> Option<(&'static str, usize)> {
    let plain = plain(name);
    PLACES.iter().find_map(|(place, names)| Some((*place, names.iter().position(|n| *n == plain)?)))
}

/// `k8s.pod.name`, `k8s-pod-name` and `K8s_Pod_Name` are one name.
fn plain(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '.' | '-' | '/') { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// The place that a condition's name means, on whatever it is put: `pod` by `resource.k8s.pod.name`, say. A host may be anyone's.
pub fn meant(name: &str) -> Option<&'static str> {
    let name = ["resource.", "span.", "."].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let is_sure = |place: &&str| *place != "instance" && !HOSTS.contains(&plain(name).as_str());
    meaning(name).map(|(place, _)| place).filter(is_sure)
}

/// Whether something tells where it runs: its pod, its node, its container or its process.
pub fn is_told<'t>(told: impl IntoIterator<Item = (&'t str, &'t str)>) -> bool {
    told.into_iter().any(|(name, value)| !value.is_empty() && meaning(name).is_some_and(|(place, _)| place != "namespace"))
}

/// Where something runs: `told` is what collectors and exporters say of it, `said` what it says itself, which counts where
/// they say nothing. `is_pod` knows the names of its pods: hosts and processes are often called like them.
pub fn of<'t>(
    told: impl IntoIterator<Item = (&'t str, &'t str)>,
    said: impl IntoIterator<Item = (&'t str, &'t str)>,
    is_pod: impl Fn(&str) -> bool,
) -> Labels {
    // OpenTelemetry's operator names a process by namespace, pod and container, with points between.
    let pod_in = |value: &'t str| std::iter::once(value).chain(value.split('.')).find(|part| is_pod(part));
    let mut found: Vec<(&str, usize, &str)> = Vec::new();
    let told = told.into_iter().map(|(name, value)| (name, value, false));
    let said = said.into_iter().map(|(name, value)| (name, value, true));
    for (name, value, said) in told.chain(said).filter(|(_, value, _)| !value.is_empty()) {
        let Some((place, rank)) = meaning(name) else { continue };
        let (rank, vague) = (rank + if said { 2 * LESS_SURE } else { 0 }, said && VAGUE.contains(&plain(name).as_str()));
        let pod = Some(value).filter(|_| matches!(place, "node" | "instance")).and_then(pod_in);
        match pod {
            Some(pod) => found.push(("pod", rank + LESS_SURE, pod)),
            None if vague => {}
            None => found.push((place, rank, value)),
        }
    }
    found.sort_by_key(|(_, rank, _)| *rank);
    let mut out = Labels::new();
    for (place, _, value) in found {
        if out.get(place).is_none() {
            out.set(place, value);
        }
    }
    if out.get("pod").or(out.get("node")).is_some() {
        // That of whoever counts pods and nodes as often as their own.
        out.remove("instance");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(labels: &Labels) -> String {
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    fn is_pod(name: &str) -> bool {
        name.starts_with("orders-7d9f")
    }

    #[test]
    fn a_place_is_found_by_whichever_names_tell_it() {
        for (told, expected) in [
            (&[("k8s.pod.name", "o-1"), ("k8s.namespace.name", "shop"), ("k8s.node.name", "n1")][..], "namespace=shop node=n1 pod=o-1"),
            (&[("kubernetes.pod_name", "o-1"), ("kubernetes.host", "n1")], "node=n1 pod=o-1"),
            (&[("pod", "kube-state-metrics-0"), ("exported_pod", "o-1")], "pod=o-1"),
            (&[("host.name", "n1"), ("k8s.node.name", "node-1")], "node=node-1"),
            (&[("pod", ""), ("K8S_POD_NAME", "o-1")], "pod=o-1"),
            (&[("host.name", "orders-7d9f-x")], "pod=orders-7d9f-x"),
            (&[("service.instance.id", "shop.orders-7d9f-x.app"), ("host.name", "n1")], "node=n1 pod=orders-7d9f-x"),
            (&[("instance", "10.0.0.5:9100")], "instance=10.0.0.5:9100"),
            (&[("instance", "10.0.0.9:8080"), ("node", "node-1"), ("job", "kube-state-metrics")], "node=node-1"),
            (&[("route", "/a"), ("podium", "3")], ""),
        ] {
            assert_eq!(words(&of(told.iter().copied(), [], is_pod)), expected, "{told:?}");
            assert_eq!(is_told(told.iter().copied()), !expected.is_empty(), "{told:?}");
        }
    }

    #[test]
    fn what_a_line_says_counts_where_its_collector_says_nothing_and_its_words_are_not_taken_for_places() {
        let said = [("pod_name", "other-1"), ("host", "shop.example.com"), ("node", "7"), ("hostname", "orders-7d9f-x")];
        assert_eq!(words(&of([("pod", "o-1")], said, is_pod)), "pod=o-1");
        assert_eq!(words(&of([], said, is_pod)), "pod=other-1");
        assert_eq!(words(&of([("app", "orders")], [said[1], said[2], said[3]], is_pod)), "pod=orders-7d9f-x");
    }
}
