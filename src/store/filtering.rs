//! Filtering on a worker: it is handed the lines as they are at some moment, those about the cursor first, and hands back which
//! of them pass, part by part. Whoever stops listening stops it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    lines::Lines,
    show::{Rule, Show},
    streams::Streams,
};

/// Segments of the first part; each further one has twice as many, so that few parts are many lines, up to as many as a key
/// may wait for.
const FIRST: usize = 8;
const MOST: usize = 64;
/// Segments that are worth a thread of their own.
const A_WORKER: usize = 4;

/// Lines to be filtered.
pub struct FilterJob {
    /// Runs of lines, the most wanted first.
    pub(super) segments: Vec<Lines>,
    pub(super) streams: Arc<Streams>,
    /// What passes; nothing is held here.
    pub(super) show: Show,
}

impl fmt::Debug for FilterJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterJob({} segments)", self.segments.len())
    }
}

/// Each is a question of its own.
impl PartialEq for FilterJob {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Which lines of a segment pass.
#[derive(Clone)]
pub(super) struct Judged {
    /// The lines as they were.
    pub(super) lines: Lines,
    /// The rows of those that pass.
    pub(super) passing: Arc<Vec<u32>>,
}

/// What a worker found out by now.
#[derive(Clone)]
pub struct FilterNews {
    pub(super) judged: Arc<Vec<Judged>>,
    /// No more is to come.
    pub is_last: bool,
}

impl fmt::Debug for FilterNews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterNews({} segments)", self.judged.len())
    }
}

impl PartialEq for FilterNews {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.judged, &other.judged)
    }
}

impl FilterJob {
    /// Filters, and tells of each part when it is done. Ends early when it is told to stop.
    pub fn run(&self, is_stopped: &(dyn Fn() -> bool + Sync), tell: &mut dyn FnMut(FilterNews)) {
        let (mut rest, mut size) = (self.segments.as_slice(), FIRST);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(size.min(rest.len()));
            let judged = self.judge(part, is_stopped);
            if is_stopped() {
                return;
            }
            tell(FilterNews { judged: Arc::new(judged), is_last: after.is_empty() });
            (rest, size) = (after, (size * 2).min(MOST));
        }
    }

    /// Someone waits for it at each letter typed, so many lines are shared out among the cores.
    fn judge(&self, part: &[Lines], is_stopped: &(dyn Fn() -> bool + Sync)) -> Vec<Judged> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(part.len().div_ceil(A_WORKER));
        let (next, out) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(part.len())));
        let work = || {
            // Its own copy of the pattern: a shared one would make them wait for each other.
            let show = self.show.clone();
            let rule = Rule { show: &show, streams: &self.streams };
            while let Some(lines) = part.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !is_stopped()) {
                let judged = Judged { lines: lines.clone(), passing: Arc::new(lines.passing(rule)) };
                out.lock().unwrap_or_else(PoisonError::into_inner).push(judged);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(work);
            }
            work();
        });
        out.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
