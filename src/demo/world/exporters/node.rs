//! Nodes as node_exporter sees them.

use super::{
    super::{
        block::Layout,
        line::Line,
        model::{Model, PodId, SECOND},
        rng::hash,
        series::{Pairs, Registry, Value},
        shop::NODES,
    },
    Family, GIB, MIB, UPTIME, address,
    cadvisor::PERIODS,
    pairs, unix, with,
};

pub const FAMILIES: &[Family] = &[
    ("node_boot_time_seconds", "gauge", "Node boot time, in unixtime."),
    ("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode."),
    ("node_disk_io_time_seconds_total", "counter", "Total seconds spent doing I/Os."),
    ("node_filesystem_avail_bytes", "gauge", "Filesystem space available to non-root users in bytes."),
    ("node_filesystem_files", "gauge", "Filesystem total file nodes."),
    ("node_filesystem_files_free", "gauge", "Filesystem total free file nodes."),
    ("node_filesystem_size_bytes", "gauge", "Filesystem size in bytes."),
    ("node_load1", "gauge", "1m load average."),
    ("node_memory_MemAvailable_bytes", "gauge", "Memory information field MemAvailable_bytes."),
    ("node_memory_MemTotal_bytes", "gauge", "Memory information field MemTotal_bytes."),
    ("node_pressure_cpu_waiting_seconds_total", "counter", "Total time in seconds that processes have waited for CPU time"),
    ("node_pressure_io_waiting_seconds_total", "counter", "Total time in seconds that processes have waited due to IO congestion"),
    ("node_pressure_memory_waiting_seconds_total", "counter", "Total time in seconds that processes have waited for memory"),
    ("node_uname_info", "gauge", "Labeled system information as provided by the uname system call."),
    ("node_vmstat_oom_kill", "counter", "/proc/vmstat information field oom_kill."),
];

/// Bytes of a node's memory, and what its system takes of it.
pub const NODE_MEMORY: f64 = 16.0 * GIB;
pub const SYSTEM_MEMORY: f64 = 2.2 * GIB;

/// Processors of a node.
const PROCESSORS: usize = 8;
/// Share of each processor that the system takes for itself.
const SYSTEM_SHARE: f64 = 0.02;

impl Registry {
    /// Processors work for the node's pods, the disk for who reads it.
    pub(super) fn node(&mut self, model: &Model, layout: &Layout, node: usize) {
        let (name, instance) = (NODES[node].0, format!("{}:9100", address(node)));
        let base = pairs(&[("namespace", "monitoring"), ("job", "node-exporter"), ("instance", &instance), ("node", name)]);
        let target = self.exporter((2 + 3 * node as i64) * SECOND, hash(model.seed, 310 + node as u64), &base);
        let pods = model.pods.iter().enumerate().filter(|(_, p)| p.node == node);
        let work: Vec<u16> = pods.map(|(id, _)| layout.cpu(id as PodId) as u16).collect();
        let boot = model.birth - UPTIME;
        let disk = |share: f64, rest: f64| Line::growing(boot, model.epochs.iter().map(|e| (e.from, rest + share * e.disk_busy(node))));
        let each = 1.0 / PROCESSORS as f64;
        for cpu in 0..PROCESSORS {
            let cpu = cpu.to_string();
            for (mode, line, share) in [
                ("idle", disk(-each, 1.0 - SYSTEM_SHARE), -each),
                ("iowait", disk(each, 0.0), 0.0),
                ("system", disk(0.0, SYSTEM_SHARE), 0.2 * each),
                ("user", disk(0.0, 0.0), 0.8 * each),
            ] {
                let labels = with(&base, &[("cpu", &cpu), ("mode", mode)]);
                self.add("node_cpu_seconds_total", target, &labels, Value::Along(line, work.clone(), share));
            }
        }
        let mut waiting = 0.0;
        let changes = model.epochs.iter().map(|e| {
            let before = std::mem::replace(&mut waiting, e.disk_queue(node));
            (e.from, waiting - before)
        });
        let load = Line::steps(PROCESSORS as f64 * SYSTEM_SHARE, changes.collect::<Vec<_>>());
        self.add("node_load1", target, &base, Value::Busy { work, lasting: load, factor: 1.0, slots: 4 });
        self.add("node_memory_MemTotal_bytes", target, &base, Value::Constant(NODE_MEMORY));
        self.add("node_memory_MemAvailable_bytes", target, &base, Value::Available(node));
        self.add("node_vmstat_oom_kill", target, &base, Value::Constant(0.0));
        self.add("node_boot_time_seconds", target, &base, Value::Constant(unix(boot)));
        // Who may use no more of a processor waits for it, however idle the node is.
        let held = Value::Throttled(model.pods.len() + node, 1.0 / PERIODS);
        self.add("node_pressure_cpu_waiting_seconds_total", target, &base, held);
        self.add("node_pressure_io_waiting_seconds_total", target, &base, Value::Line(disk(1.0, 0.0)));
        self.add("node_pressure_memory_waiting_seconds_total", target, &base, Value::Constant(0.0));
        let device = with(&base, &[("device", "nvme0n1")]);
        self.add("node_disk_io_time_seconds_total", target, &device, Value::Line(disk(1.0, 0.0)));
        self.filesystem(model, node, target, &base);
        let uname = with(&base, &[("nodename", name), ("sysname", "Linux"), ("release", "6.1.0-28-amd64"), ("machine", "x86_64")]);
        self.add("node_uname_info", target, &uname, Value::Constant(1.0));
    }

    fn filesystem(&mut self, model: &Model, node: usize, target: usize, base: &Pairs) {
        let root = with(base, &[("device", "/dev/nvme0n1p2"), ("fstype", "ext4"), ("mountpoint", "/")]);
        // A file for every 16 KiB, as ext4 is made.
        let (size, files) = (200.0 * GIB, 200.0 * GIB / 16_384.0);
        let draw = hash(model.seed, 320 + node as u64);
        let (filled, used) = (size * (0.38 + 0.06 * (draw % 4) as f64), 410_000.0 + (draw % 90_000) as f64);
        // A node writes some twenty megabytes an hour that nobody deletes.
        let left = |of: f64, hourly: f64| Line::steps(of, (0..25).map(|hour| (model.birth + hour * 3_600 * SECOND, -hourly)));
        self.add("node_filesystem_size_bytes", target, &root, Value::Constant(size));
        self.add("node_filesystem_avail_bytes", target, &root, Value::Line(left(size - filled, 20.0 * MIB)));
        self.add("node_filesystem_files", target, &root, Value::Constant(files));
        self.add("node_filesystem_files_free", target, &root, Value::Line(left(files - used, 6.0)));
    }
}
