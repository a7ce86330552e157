//! What the benchmarks share: a line for each figure, what the system tells of a process, log lines, servers that answer
//! from memory, and the program in a pseudo-terminal.

// Each benchmark is a crate of its own, and uses a part of this.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod corpus;
pub mod lines;
pub mod pty;
pub mod servers;
pub mod spans;

use std::{
    fs,
    time::{Duration, Instant},
};

/// A figure that a target bounds.
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    pub unit: &'static str,
}

impl Figure {
    /// Prints the figure beside the most it may be.
    pub fn at_most(&self, target: f64) {
        self.print("≤", target, self.value <= target);
    }

    /// Prints the figure beside the least it may be.
    pub fn at_least(&self, target: f64) {
        self.print("≥", target, self.value >= target);
    }

    fn print(&self, sign: &str, target: f64, met: bool) {
        let Self { name, value, unit } = self;
        let verdict = if met { "met" } else { "MISSED" };
        println!("{verdict:<7} {name:<72} {:>14}   target {sign} {} {unit}", format!("{} {unit}", round(*value)), round(target));
    }

    /// Prints a figure that only explains another.
    pub fn note(&self) {
        println!("{:<7} {:<72} {:>14}", "", self.name, format!("{} {}", round(self.value), self.unit));
    }
}

/// Three digits that say something, or the whole number.
fn round(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 || v.fract() == 0.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

pub fn figure(name: &'static str, value: f64, unit: &'static str) -> Figure {
    Figure { name, value, unit }
}

/// The value below which a share of the others lie.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

pub fn millis(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}

/// Wall time, and the processor time of the calling thread: other work on the machine stretches only the first.
pub struct Watch {
    wall: Instant,
    busy: Duration,
}

impl Watch {
    pub fn start() -> Self {
        Self { wall: Instant::now(), busy: thread_busy() }
    }

    pub fn wall(&self) -> Duration {
        self.wall.elapsed()
    }

    pub fn busy(&self) -> Duration {
        thread_busy() - self.busy
    }
}

fn thread_busy() -> Duration {
    // The kernel brings the figure up to date at its tick, every 4 ms, and when a thread gives way.
    std::thread::yield_now();
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time a thread ran");
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

/// Processor time of all threads of a process, those that have ended among them. The kernel rounds to 10 ms.
pub fn busy(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<u64> = stat.rsplit_once(')').unwrap().1.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // The state, a letter, is left out: user and system time are fields 14 and 15 of all.
    Duration::from_millis((fields[10] + fields[11]) * 10)
}

/// Memory of a process in MB, by a name of `/proc/PID/status`: `VmRSS` now, `VmHWM` at its most.
pub fn memory(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|l| l.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Whether a part was asked for: `cargo bench --bench terminal -- keys`.
pub fn wanted(part: &str) -> bool {
    let mut asked = std::env::args().skip(1).filter(|a| !a.starts_with("--")).peekable();
    asked.peek().is_none() || asked.any(|a| part.contains(&a))
}
