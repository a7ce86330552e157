//! Containers as cAdvisor sees them.

use super::{
    super::{
        block::Layout,
        line::Line,
        model::{Model, Pod, PodId},
        series::{Registry, Value},
        shop::{NODES, OP, Service},
    },
    Family, pairs, unix, with,
};

pub const FAMILIES: &[Family] = &[
    ("container_cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals."),
    ("container_cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals."),
    ("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container."),
    ("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes."),
    ("container_oom_events_total", "counter", "Count of out of memory events observed for the container"),
    ("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds."),
];

/// Periods of a second, at each of which a container gets its processor time anew.
pub const PERIODS: f64 = 10.0;

/// The processor time that a container may use.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// The row of sums with what it uses.
    pub row: u16,
    /// Since when.
    pub born: i64,
    /// Seconds a second.
    cores: f64,
    /// Seconds that a request takes on average.
    work: f64,
}

impl Quota {
    /// Share of the periods at whose end work is left over, for the seconds a second that are used: how likely more than
    /// a period's quota waits in a queue of such requests (M/M/1, whose server is the quota).
    pub fn throttled(&self, used: f64) -> f64 {
        let full = (used / self.cores).clamp(0.0, 1.0);
        full * (-(1.0 - full) * self.cores / PERIODS / self.work).exp()
    }
}

/// The quotas of each pod, then those of all pods of each node.
pub fn quotas(model: &Model, layout: &Layout) -> Vec<Vec<Quota>> {
    let quota = |(id, pod): (usize, &Pod)| Quota {
        row: layout.cpu(id as PodId) as u16,
        born: pod.born,
        cores: pod.service.cores(),
        work: work(pod.service),
    };
    let pods = || model.pods.iter().enumerate();
    let each = pods().map(|p| vec![quota(p)]);
    let nodes = (0..NODES.len()).map(|node| pods().filter(|(_, p)| p.node == node).map(quota).collect());
    each.chain(nodes).collect()
}

/// Processor seconds of an average request.
fn work(service: Service) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for op in OP.iter().filter(|op| op.service == service && op.is_work() && !op.op.is_health()) {
        sum += op.cpu_ns() as f64 / 1e9;
        n += 1.0;
    }
    sum / n
}

impl Registry {
    /// A container, which is looked at in the instants of the pod's own scrapes here.
    pub(in super::super) fn container(&mut self, layout: &Layout, pod: &Pod, id: PodId, target: usize) {
        let (name, node) = (pod.service.info().name, NODES[pod.node].0);
        let place = pairs(&[("namespace", "shop"), ("job", "kubelet"), ("instance", node), ("node", node)]);
        let labels = with(&place, &[("pod", &pod.name), ("container", name), ("image", &pod.image())]);
        self.add("container_cpu_usage_seconds_total", target, &labels, Value::Sum(vec![layout.cpu(id) as u16]));
        let periods = Line::growing(pod.born, [(i64::MIN, PERIODS)]);
        self.add("container_cpu_cfs_periods_total", target, &labels, Value::Whole(periods));
        self.add("container_cpu_cfs_throttled_periods_total", target, &labels, Value::Throttled(id as usize, 1.0));
        self.add("container_memory_working_set_bytes", target, &labels, Value::Memory(id, 1.0));
        self.add("container_oom_events_total", target, &labels, Value::Constant(0.0));
        self.add("container_start_time_seconds", target, &labels, Value::Constant(unix(pod.born)));
    }
}
