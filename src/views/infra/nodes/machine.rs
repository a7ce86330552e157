//! What is known of one machine, and how well that is.

use std::collections::BTreeMap;

use super::{
    super::section::{Figure, Level, Row},
    bounds::{
        Bounds, CLOCK, CONNECTIONS, CPU, CPU_WAIT, DISK, DISK_BUSY, FILLING, FULL_SOON, FULL_WITHIN, IO_WAIT, IOWAIT, LOAD, MEMORY,
        MEMORY_WAIT, OOM_KILLS, STEAL,
    },
};
use crate::{
    model::{labels::Labels, time::Timestamp},
    ui::format,
};

/// A node that began this lately says so, in seconds.
const NEW: f64 = 3600.0;
/// What waits, with its bounds.
const WAITS: [(&str, Bounds); 3] = [("CPU", CPU_WAIT), ("memory", MEMORY_WAIT), ("I/O", IO_WAIT)];

/// What is known of a filesystem.
#[derive(Default)]
struct Filesystem {
    available: Option<f64>,
    size: Option<f64>,
    inodes: Option<f64>,
    free_inodes: Option<f64>,
    /// Bytes that are available [`FULL_WITHIN`] from now, where they are below zero.
    later: Option<f64>,
}

impl Filesystem {
    fn used(&self) -> Option<f64> {
        share_used(self.available, self.size)
    }

    /// In how many seconds it is full.
    fn full_in(&self) -> Option<f64> {
        let (now, later) = (self.available?, self.later?);
        Some(FULL_WITHIN * now / (now - later)).filter(|_| self.used().is_some_and(|used| used >= FILLING))
    }

    fn level(&self) -> Level {
        let filling = match self.full_in() {
            Some(within) if within <= FULL_SOON => Level::Bad,
            Some(_) => Level::Warn,
            None => Level::Fine,
        };
        self.used().map_or(Level::Fine, |used| DISK.level(used)).max(filling)
    }
}

fn share_used(free: Option<f64>, of: Option<f64>) -> Option<f64> {
    let of = of.filter(|of| *of > 0.0)?;
    Some(1.0 - free? / of)
}

/// What Kubernetes says of a node.
#[derive(Default)]
pub(super) struct Kube<'v> {
    /// The address that it has inside the cluster.
    pub address: Option<&'v str>,
    /// `true`, `false`, or `unknown` where its kubelet does not answer.
    ready: Option<&'v str>,
    /// What should not hold.
    trouble: Vec<&'v str>,
    cordoned: bool,
}

impl<'v> Kube<'v> {
    pub(super) fn take(&mut self, figure: &str, labels: &'v Labels) {
        match (figure, labels.get("condition"), labels.get("status")) {
            ("address", ..) => self.address = labels.get("internal_ip"),
            ("cordoned", ..) => self.cordoned = true,
            ("condition", Some("Ready"), status) => self.ready = status,
            ("condition", Some(condition), Some("true")) => self.trouble.push(condition),
            _ => {}
        }
    }
}

/// What is known of a machine.
#[derive(Default)]
pub(super) struct Machine<'v> {
    /// By whatever its exporter's series call it.
    pub node: Option<&'v str>,
    pub nodename: Option<&'v str>,
    pub kube: Option<Kube<'v>>,
    figures: BTreeMap<&'v str, f64>,
    filesystems: BTreeMap<&'v str, Filesystem>,
    /// The disk that is busiest.
    disk: Option<(&'v str, f64)>,
    /// When its exporter, which does not answer, was there last, in seconds; 0 where that is not known.
    down: Option<f64>,
}

impl<'v> Machine<'v> {
    /// One that no exporter tells of.
    pub(super) fn of_kube(node: &'v str, kube: Kube<'v>) -> Self {
        Self { node: Some(node), kube: Some(kube), ..Self::default() }
    }

    pub(super) fn take(&mut self, figure: &'v str, labels: &'v Labels, value: f64) {
        let told = |label: &str| labels.get(label).filter(|value| !value.is_empty());
        self.node = self.node.or(told("node"));
        self.nodename = self.nodename.or(told("nodename"));
        let mountpoint = told("mountpoint").unwrap_or("");
        let filesystems = &mut self.filesystems;
        match figure {
            "node_filesystem_avail_bytes" => filesystems.entry(mountpoint).or_default().available = Some(value),
            "node_filesystem_size_bytes" => filesystems.entry(mountpoint).or_default().size = Some(value),
            "node_filesystem_files" => filesystems.entry(mountpoint).or_default().inodes = Some(value),
            "node_filesystem_files_free" => filesystems.entry(mountpoint).or_default().free_inodes = Some(value),
            "later" => filesystems.entry(mountpoint).or_default().later = Some(value),
            "disk busy" if self.disk.is_none_or(|(_, most)| most < value) => {
                self.disk = Some((told("device").unwrap_or("disk"), value));
            }
            "disk busy" => {}
            "down" => self.down = Some(self.down.map_or(value, |seen| seen.max(value))),
            "not up" => self.down = self.down.or(Some(0.0)),
            _ => _ = self.figures.insert(figure, value),
        }
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    fn load(&self) -> Option<f64> {
        Some(self.figure("node_load1")? / self.figure("processors").filter(|n| *n > 0.0)?)
    }

    fn memory(&self) -> Option<(f64, f64)> {
        let (total, available) = (self.figure("node_memory_MemTotal_bytes")?, self.figure("node_memory_MemAvailable_bytes")?);
        (total > 0.0).then_some((total - available, total))
    }

    /// The cells and the reasons of its row; on it run so many pods of the service.
    pub(super) fn fill(&self, row: &mut Row, pods: Option<usize>, now: Timestamp) {
        let (state, level) = self.state();
        row.add(Figure::new(state).at(level));
        row.add(Figure::told(pods.map(|n| n as f64), |n| format::count(n as u64)));
        let at = |value: Option<f64>, show: fn(f64) -> String, bounds: Bounds| {
            Figure::told(value, show).at(value.map_or(Level::Fine, |v| bounds.level(v)))
        };
        row.add(at(self.figure("busy"), whole_percent, CPU));
        row.add(at(self.load(), |load| format!("{load:.2}"), LOAD));
        let memory = self.memory();
        let level = memory.map_or(Level::Fine, |(used, total)| MEMORY.level(used / total));
        row.add(Figure::used(memory.map(|(used, _)| used), memory.map(|(_, total)| total), format::bytes).at(level));
        let level = self.filesystems.values().map(Filesystem::level).max().unwrap_or_default();
        row.add(Figure::told(self.fullest().and_then(|(_, f)| f.used()), whole_percent).at(level));
        row.add(at(self.disk.map(|(_, share)| share), whole_percent, DISK_BUSY));
        let waits = self.longest_wait();
        let pressure = waits.map_or_else(|| format::MISSING.to_owned(), |(what, share, _)| format!("{what} {}", whole_percent(share)));
        row.add(Figure::new(pressure).at(waits.map_or(Level::Fine, |(_, share, bounds)| bounds.level(share))));
        self.reasons(row, now);
    }

    /// The filesystem that is worst off: by level, then by share.
    fn fullest(&self) -> Option<(&'v str, &Filesystem)> {
        let rank = |f: &Filesystem| (f.level(), f.used().unwrap_or(0.0));
        let all = self.filesystems.iter().filter(|(_, f)| f.used().is_some());
        let worst = all.max_by(|(_, a), (_, b)| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal));
        worst.map(|(mountpoint, f)| (*mountpoint, f))
    }

    /// What is waited for most: by level, then by share.
    fn longest_wait(&self) -> Option<(&'static str, f64, Bounds)> {
        let told = WAITS.iter().filter_map(|(what, bounds)| Some((*what, self.figure(what)?, *bounds)));
        told.max_by(|(_, a, of_a), (_, b, of_b)| of_a.level(*a).cmp(&of_b.level(*b)).then(a.total_cmp(b)))
    }

    /// What is shown as its state, and how well that is.
    fn state(&self) -> (String, Level) {
        let kube = self.kube.as_ref();
        let ready = kube.and_then(|kube| kube.ready);
        match (ready, kube.and_then(|kube| kube.trouble.first()), self.down) {
            (Some("false" | "unknown"), ..) => ("NotReady".to_owned(), Level::Bad),
            (_, Some(trouble), _) => ((*trouble).to_owned(), Level::Bad),
            // Kubernetes still hears of it.
            (Some(_), None, Some(_)) => ("exporter down".to_owned(), Level::Warn),
            (None, None, Some(_)) => ("exporter down".to_owned(), Level::Bad),
            _ if kube.is_some_and(|kube| kube.cordoned) => ("cordoned".to_owned(), Level::Warn),
            (Some(_), ..) => ("Ready".to_owned(), Level::Fine),
            (None, ..) if self.figures.is_empty() => (format::MISSING.to_owned(), Level::Fine),
            (None, ..) => ("up".to_owned(), Level::Fine),
        }
    }

    fn reasons(&self, row: &mut Row, now: Timestamp) {
        self.reasons_of_state(row, now);
        let mut because = |bounds: Bounds, value: Option<f64>, words: &dyn Fn(f64) -> String| {
            if let Some((level, value)) = value.map(|v| (bounds.level(v), v)).filter(|(level, _)| *level >= Level::Warn) {
                row.because(level, words(value));
            }
        };
        because(DISK_BUSY, self.disk.map(|(_, share)| share), &|v| {
            format!("disk {} busy {}", self.disk.map_or("", |(device, _)| device), whole_percent(v))
        });
        because(CPU, self.figure("busy"), &|v| format!("CPU busy {}", whole_percent(v)));
        because(STEAL, self.figure("steal"), &|v| format!("CPU stolen {}", whole_percent(v)));
        let (waits, idles) = (self.figure("I/O"), self.figure("iowait"));
        // Both say the same where there are both.
        if waits.is_some_and(|v| IO_WAIT.level(v) >= Level::Warn) {
            because(IO_WAIT, waits, &|v| format!("waits for I/O {} of the time", whole_percent(v)));
        } else {
            because(IOWAIT, idles, &|v| format!("CPU waits for I/O {} of the time", whole_percent(v)));
        }
        because(CPU_WAIT, self.figure("CPU"), &|v| format!("waits for CPU {} of the time", whole_percent(v)));
        because(MEMORY_WAIT, self.figure("memory"), &|v| format!("waits for memory {} of the time", whole_percent(v)));
        because(LOAD, self.load(), &|v| format!("load {v:.1} a processor"));
        because(MEMORY, self.memory().map(|(used, total)| used / total), &|v| format!("memory {} used", whole_percent(v)));
        because(OOM_KILLS, self.figure("OOM kills").map(f64::round), &|v| format!("{} in 1h", format::counted(v as usize, "OOM kill")));
        let connections = self.figure("node_nf_conntrack_entries").zip(self.figure("node_nf_conntrack_entries_limit"));
        let connections = connections.filter(|(_, limit)| *limit > 0.0).map(|(entries, limit)| entries / limit);
        because(CONNECTIONS, connections, &|v| format!("connection table {} full", whole_percent(v)));
        let off = self.figure("node_timex_offset_seconds").map(f64::abs);
        because(CLOCK, off, &|v| format!("clock {} off", format::seconds(v)));
        self.reasons_of_disks(row);
    }

    fn reasons_of_state(&self, row: &mut Row, now: Timestamp) {
        let (state, level) = self.state();
        let kube = self.kube.as_ref();
        if kube.is_some_and(|kube| kube.ready == Some("unknown")) {
            row.because(Level::Bad, "its kubelet does not answer");
        } else if level >= Level::Warn && self.down.is_none() {
            row.because(level, state);
        }
        for trouble in kube.map_or(&[][..], |kube| &kube.trouble).iter().skip(1) {
            row.because(Level::Bad, *trouble);
        }
        if let Some(seen) = self.down {
            let since = format::age(now.since(Timestamp::from_secs(seen as i64)));
            let since = if seen > 0.0 { format!(" for {since}") } else { String::new() };
            row.because(level.max(Level::Warn), format!("node_exporter does not answer{since}"));
        }
        let booted = self.figure("node_boot_time_seconds").map(|booted| now.0 as f64 / 1e9 - booted);
        if let Some(ago) = booted.filter(|ago| (0.0..NEW).contains(ago)) {
            row.because(Level::Fine, format!("booted {} ago", format::seconds(ago)));
        }
    }

    fn reasons_of_disks(&self, row: &mut Row) {
        for (mountpoint, filesystem) in &self.filesystems {
            if let Some(used) = filesystem.used().filter(|_| filesystem.level() >= Level::Warn) {
                let full_in = filesystem.full_in().map(|s| format!(", full in {}", format::seconds(s))).unwrap_or_default();
                row.because(filesystem.level(), format!("{mountpoint} {} full{full_in}", whole_percent(used)));
            }
            let inodes = share_used(filesystem.free_inodes, filesystem.inodes);
            if let Some((level, used)) = inodes.map(|used| (DISK.level(used), used)).filter(|(level, _)| *level >= Level::Warn) {
                row.because(level, format!("{mountpoint} has {} of its inodes in use", whole_percent(used)));
            }
        }
    }
}

/// `98 %`: to a tenth of a percent these say no more.
fn whole_percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
