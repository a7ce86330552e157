//! What the processes tell of themselves, each by its language's library.

use super::{
    super::{
        block::Layout,
        line::Line,
        model::{Pod, PodId},
        series::{Pairs, Registry, Value},
    },
    Family, with,
};

pub const FAMILIES: &[Family] = &[
    ("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."),
    ("process_cpu_usage", "gauge", "The \"recent cpu usage\" for the Java Virtual Machine process"),
    ("process_files_max_files", "gauge", "The maximum file descriptor count"),
    ("process_files_open_files", "gauge", "The open file descriptor count"),
    ("process_max_fds", "gauge", "Maximum number of open file descriptors."),
    ("process_open_fds", "gauge", "Number of open file descriptors."),
    ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
];

/// Files that a container's process may have open.
const MAX_FILES: f64 = 1_048_576.0;
/// Connections of who calls, as they are kept at the base traffic.
const CALLERS: f64 = 12.0;
/// Share of a container's memory that its process holds; the rest is files that it has read.
const RESIDENT: f64 = 0.93;

impl Registry {
    /// A pod's process.
    pub(in super::super) fn process(&mut self, layout: &Layout, pod: &Pod, id: PodId, target: usize, base: &Pairs) {
        let java = pod.service.info().language == "java";
        // Those of the language: a virtual machine opens its archives.
        let own = match pod.service.info().language {
            "java" => 64.0,
            "nodejs" => 21.0,
            "go" => 9.0,
            "python" => 13.0,
            // OpenTelemetry's SDK for Rust tells nothing of the process.
            _ => return,
        };
        let called = if pod.pool > 0 { pod.pool } else { pod.service.connections("postgres") } + pod.service.connections("redis");
        let files = Value::Load(own + f64::from(called), CALLERS);
        let cpu = vec![layout.cpu(id) as u16];
        if java {
            let base = &with(base, &[("application", pod.service.info().name)]);
            let of_its_own = Value::Busy { work: cpu, lasting: Line::steps(0.0, []), factor: 1.0 / pod.service.cores(), slots: 1 };
            self.add("process_cpu_usage", target, base, of_its_own);
            self.add("process_files_open_files", target, base, files);
            self.add("process_files_max_files", target, base, Value::Constant(MAX_FILES));
            return;
        }
        self.add("process_cpu_seconds_total", target, base, Value::Sum(cpu));
        self.add("process_resident_memory_bytes", target, base, Value::Memory(id, RESIDENT));
        self.add("process_open_fds", target, base, files);
        self.add("process_max_fds", target, base, Value::Constant(MAX_FILES));
    }
}
