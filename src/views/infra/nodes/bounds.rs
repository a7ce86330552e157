//! From which value on a node is not well: for the question, which of a large cluster asks for such nodes alone, and for the rows.

use super::super::section::Level;

/// From which value on something deviates, and from which on it fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub warn: f64,
    bad: f64,
}

const fn bounds(warn: f64, bad: f64) -> Bounds {
    Bounds { warn, bad }
}

impl Bounds {
    pub(super) fn level(self, value: f64) -> Level {
        match value {
            v if v >= self.bad => Level::Bad,
            v if v >= self.warn => Level::Warn,
            _ => Level::Fine,
        }
    }
}

/// Share of the time in which processors work.
pub(super) const CPU: Bounds = bounds(0.9, 0.98);
/// Share of the time in which processors have nothing to do but wait for a disk.
pub(super) const IOWAIT: Bounds = bounds(0.25, 0.5);
/// Share of the time that the hypervisor gives to others.
pub(super) const STEAL: Bounds = bounds(0.1, 0.3);
/// Tasks that run or wait, a processor. Among them are those that wait for a disk: it alone is no failure.
pub(super) const LOAD: Bounds = bounds(2.0, f64::INFINITY);
/// Share of the memory that is used: caches, which can be given back, are not.
pub(super) const MEMORY: Bounds = bounds(0.9, 0.97);
/// Share of a filesystem, or of its inodes: from here on a kubelet removes images, and then pods.
pub(super) const DISK: Bounds = bounds(0.85, 0.95);
/// Share of the time in which a disk had something to do.
pub(super) const DISK_BUSY: Bounds = bounds(0.8, 0.95);
/// Share of the time in which a task waited for a processor, for memory, for a disk.
pub(super) const CPU_WAIT: Bounds = bounds(0.6, 0.9);
pub(super) const MEMORY_WAIT: Bounds = bounds(0.1, 0.4);
pub(super) const IO_WAIT: Bounds = bounds(0.3, 0.6);
/// Processes killed in an hour. Most are of one container that has reached its own limit.
pub(super) const OOM_KILLS: Bounds = bounds(1.0, f64::INFINITY);
/// Share of the table of connections: when it is full, new ones are dropped.
pub(super) const CONNECTIONS: Bounds = bounds(0.8, 0.95);
/// Seconds that the clock is off.
pub(super) const CLOCK: Bounds = bounds(0.05, 1.0);

/// A filesystem that is used to this share at least,
pub(super) const FILLING: f64 = 0.6;
/// and that is full within so many seconds, when it goes on like in the last hour,
pub(super) const FULL_WITHIN: f64 = 4.0 * 3600.0;
/// deviates; within so many it fails.
pub(super) const FULL_SOON: f64 = 3600.0;
