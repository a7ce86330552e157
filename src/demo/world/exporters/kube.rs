//! Pods, deployments and nodes as kube-state-metrics knows them.

use super::{
    super::{
        line::Line,
        model::{GRACE, Model, Pod, SECOND, STARTING},
        rng::hash,
        series::{Pairs, Registry, Target, Value},
        shop::{NODES, REPLICAS, SERVICE, ServiceInfo},
    },
    Family, MIB, address, pairs, unix, with,
};

pub const FAMILIES: &[Family] = &[
    ("kube_deployment_spec_replicas", "gauge", "Number of desired pods for a deployment."),
    ("kube_deployment_status_observed_generation", "gauge", "The generation observed by the deployment controller."),
    ("kube_deployment_status_replicas_available", "gauge", "The number of available replicas per deployment."),
    ("kube_node_info", "gauge", "Information about a cluster node."),
    ("kube_node_status_condition", "gauge", "The condition of a cluster node."),
    ("kube_pod_container_info", "gauge", "Information about a container in a pod."),
    ("kube_pod_container_resource_limits", "gauge", "The number of requested limit resource by a container."),
    ("kube_pod_container_resource_requests", "gauge", "The number of requested request resource by a container."),
    ("kube_pod_container_status_last_terminated_reason", "gauge", "Describes the last reason the container was in terminated state."),
    ("kube_pod_container_status_restarts_total", "counter", "The number of container restarts per container."),
    ("kube_pod_container_status_waiting_reason", "gauge", "Describes the reason the container is currently in waiting state."),
    ("kube_pod_created", "gauge", "Unix creation timestamp"),
    ("kube_pod_info", "gauge", "Information about pod."),
    ("kube_pod_owner", "gauge", "Information about the Pod's owner."),
    ("kube_pod_start_time", "gauge", "Start time in unix timestamp for a pod."),
    ("kube_pod_status_phase", "gauge", "The pods current phase."),
    ("kube_pod_status_ready", "gauge", "Describes whether the pod is ready to serve requests."),
];

/// A pod has been ready for so long before it is counted as available: `minReadySeconds` of all deployments.
const STEADY: i64 = 10 * SECOND;

impl Registry {
    /// All of it.
    pub(super) fn kube(&mut self, model: &Model) {
        let base = pairs(&[("namespace", "shop"), ("job", "kube-state-metrics"), ("instance", "10.42.0.4:8080")]);
        let all = self.exporter(6 * SECOND, hash(model.seed, 302), &base);
        for (id, pod) in model.pods.iter().enumerate() {
            self.kube_pod(model, pod, id, &base, all);
        }
        for info in &SERVICE {
            self.deployment(model, info, &base, all);
        }
        for node in 0..NODES.len() {
            self.kube_node(node, all);
        }
    }

    /// A part of what a target shows, which is there for a time.
    fn during(&mut self, target: usize, from: i64, until: Option<i64>) -> usize {
        self.targets.push(Target { from, until, ..self.targets[target].clone() });
        self.targets.len() - 1
    }

    fn deployment(&mut self, model: &Model, info: &ServiceInfo, base: &Pairs, all: usize) {
        let pods = || model.pods.iter().filter(|p| p.service == info.service);
        let mut deploys: Vec<i64> = pods().filter(|p| p.born > model.birth).map(|p| p.created).collect();
        deploys.sort_unstable();
        deploys.dedup_by(|b, a| *b - *a < 60 * SECOND);
        let labels = with(base, &[("deployment", info.name)]);
        let generation = 20 + hash(model.seed, 500 + info.service as u64) % 60;
        let generation = Line::steps(generation as f64, deploys.into_iter().map(|at| (at, 1.0)));
        self.add("kube_deployment_status_observed_generation", all, &labels, Value::Line(generation));
        self.add("kube_deployment_spec_replicas", all, &labels, Value::Constant(REPLICAS as f64));
        // One that is told to end is not counted any more, though it answers what it still gets.
        let come = pods().filter(|p| p.born > model.birth).map(|p| (p.born + STARTING + STEADY, 1.0));
        let go = pods().filter_map(|p| Some((p.gone? - GRACE, -1.0)));
        let available = Line::steps(REPLICAS as f64, come.chain(go));
        self.add("kube_deployment_status_replicas_available", all, &labels, Value::Line(available));
    }

    fn kube_pod(&mut self, model: &Model, pod: &Pod, id: usize, base: &Pairs, all: usize) {
        let node = NODES[pod.node].0;
        let target = self.during(all, pod.created, pod.gone);
        let mine = with(base, &[("pod", &pod.name)]);
        let set = pod.name.rsplit_once('-').map_or(pod.name.as_str(), |s| s.0);
        let host = address(pod.node);
        let about =
            [("host_ip", host.as_str()), ("pod_ip", &pod.ip), ("node", node), ("created_by_kind", "ReplicaSet"), ("created_by_name", set)];
        self.add("kube_pod_info", target, &with(&mine, &about), Value::Constant(1.0));
        let owner = [("owner_kind", "ReplicaSet"), ("owner_name", set), ("owner_is_controller", "true")];
        self.add("kube_pod_owner", target, &with(&mine, &owner), Value::Constant(1.0));
        for phase in ["Pending", "Running", "Succeeded", "Failed", "Unknown"] {
            let level = match phase {
                "Pending" => Line::steps(1.0, [(pod.born, -1.0)]),
                "Running" => Line::steps(0.0, [(pod.born, 1.0)]),
                _ => Line::steps(0.0, []),
            };
            self.add("kube_pod_status_phase", target, &with(&mine, &[("phase", phase)]), Value::Line(level));
        }
        for (condition, before, change) in [("true", 0.0, 1.0), ("false", 1.0, -1.0), ("unknown", 0.0, 0.0)] {
            let level = Line::steps(before, [(pod.born + STARTING, change)]);
            self.add("kube_pod_status_ready", target, &with(&mine, &[("condition", condition)]), Value::Line(level));
        }
        self.kube_container(model, pod, id, &mine, target);
    }

    fn kube_container(&mut self, model: &Model, pod: &Pod, id: usize, mine: &Pairs, target: usize) {
        let (info, node) = (pod.service.info(), NODES[pod.node].0);
        let container = with(mine, &[("container", info.name)]);
        let lasting = pod.gone.is_none() && pod.born < model.birth;
        let restarts = if lasting && hash(model.seed, 400 + id as u64).is_multiple_of(9) { 1 } else { 0 };
        self.add("kube_pod_container_status_restarts_total", target, &container, Value::Constant(f64::from(restarts)));
        // A process that was started again has a pod that is older than it.
        let created = pod.created - i64::from(restarts) * 31 * 3_600 * SECOND;
        self.add("kube_pod_created", target, mine, Value::Constant(unix(created)));
        self.add("kube_pod_start_time", target, mine, Value::Constant(unix(created)));
        if restarts > 0 {
            let labels = with(&container, &[("reason", "Error")]);
            self.add("kube_pod_container_status_last_terminated_reason", target, &labels, Value::Constant(1.0));
        }
        if pod.created > model.birth {
            let waiting = self.during(target, pod.created, Some(pod.born));
            let labels = with(&container, &[("reason", "ContainerCreating")]);
            self.add("kube_pod_container_status_waiting_reason", waiting, &labels, Value::Constant(1.0));
        }
        let (image, digest) = (pod.image(), pod.version.bytes().fold(pod.service as u64, |h, b| hash(h, u64::from(b))));
        let repository = image.rsplit_once(':').map_or(image.as_str(), |i| i.0);
        let image_id = format!("{repository}@sha256:{}", hex(digest));
        let container_id = format!("containerd://{}", hex(hash(model.seed, 900 + id as u64)));
        let labels = [("image", image.as_str()), ("image_spec", &image), ("image_id", &image_id), ("container_id", &container_id)];
        let running = self.during(target, pod.born, pod.gone);
        self.add("kube_pod_container_info", running, &with(&container, &labels), Value::Constant(1.0));
        let memory = (info.memory_mib * 2.0 / 64.0).ceil() * 64.0 * MIB;
        let cores = pod.service.cores();
        for (resource, unit, limit, request) in [("cpu", "core", cores, cores / 2.0), ("memory", "byte", memory, memory / 2.0)] {
            let labels = with(&container, &[("node", node), ("resource", resource), ("unit", unit)]);
            self.add("kube_pod_container_resource_limits", target, &labels, Value::Constant(limit));
            self.add("kube_pod_container_resource_requests", target, &labels, Value::Constant(request));
        }
    }

    fn kube_node(&mut self, node: usize, all: usize) {
        let base = [("namespace", "monitoring"), ("job", "kube-state-metrics"), ("instance", "10.42.0.4:8080"), ("node", NODES[node].0)];
        let (base, address) = (pairs(&base), address(node));
        let about = [
            ("internal_ip", address.as_str()),
            ("kernel_version", "6.1.0-28-amd64"),
            ("os_image", "Debian GNU/Linux 12 (bookworm)"),
            ("container_runtime_version", "containerd://2.1.5"),
            ("kubelet_version", "v1.34.2"),
        ];
        self.add("kube_node_info", all, &with(&base, &about), Value::Constant(1.0));
        for condition in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
            let is = if condition == "Ready" { "true" } else { "false" };
            for status in ["true", "false", "unknown"] {
                let labels = with(&base, &[("condition", condition), ("status", status)]);
                self.add("kube_node_status_condition", all, &labels, Value::Constant(f64::from(u8::from(status == is))));
            }
        }
    }
}

/// A digest's digits.
fn hex(of: u64) -> String {
    (0..4).map(|part| format!("{:016x}", hash(of, part))).collect()
}
