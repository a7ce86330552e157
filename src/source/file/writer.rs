//! The lines of one writer: each is open until it is known that none goes on from it.

use std::{sync::Arc, time::Instant};

use super::pieces::Whole;
use crate::{
    log_fields::{
        instant::{Manner, goes_on},
        trace_id::Told,
    },
    model::{labels::Labels, time::Timestamp},
};

/// Lines that are folded into one, and bytes of them.
pub(super) const MOST_LINES: usize = 2000;
pub(super) const MOST_BYTES: usize = 1 << 20;

/// Who writes lines.
pub(super) struct Writer {
    pub(super) labels: Arc<Labels>,
    pub(super) told: Told,
    /// The last line, which others may go on from.
    pub(super) open: Option<Entry>,
    /// When something was added to it.
    pub(super) touched: Instant,
    /// Lines without a time, before the first that has one.
    pub(super) waiting: Vec<Entry>,
    /// The time of the last line that told one.
    pub(super) last: Option<Timestamp>,
    /// No line told a time for so long that none is expected.
    pub(super) undated: bool,
    /// A line of a container runtime, to which parts may still come.
    pub(super) whole: Option<Whole>,
    /// Where its lines tell their times.
    pub(super) manner: Manner,
}

/// A line, with those that go on from it.
pub(super) struct Entry {
    /// The time that is told, and its own instant. Nothing: it is still to be found.
    pub(super) at: Option<(Timestamp, Timestamp)>,
    /// When it came, where that is told in the place of a time.
    pub(super) came: Option<Timestamp>,
    pub(super) offset: u64,
    pub(super) text: String,
    pub(super) lines: usize,
    pub(super) time_from: Option<&'static str>,
    /// Structured metadata, where its Loki had some.
    pub(super) metadata: Labels,
}

impl Writer {
    /// One that has written nothing.
    pub(super) fn new(labels: Arc<Labels>) -> Self {
        let told = Told::by_stream(&labels);
        let (open, waiting, last, whole) = (None, Vec::new(), None, None);
        Self { labels, told, open, touched: Instant::now(), waiting, last, undated: false, whole, manner: Manner::default() }
    }

    /// Folds a line without a time into the last one, where it goes on from that.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        let dated = self.last.is_some();
        let Some(open) = &mut self.open else { return false };
        let fits = open.lines < MOST_LINES && open.text.len() + text.len() < MOST_BYTES;
        let belongs = if dated { !is_record(text) } else { goes_on(text) || text.is_empty() };
        if fits && belongs {
            open.text.push('\n');
            open.text.push_str(text);
            open.lines += 1;
            self.touched = Instant::now();
        }
        fits && belongs
    }

    /// Whether lines are there that others may still go on from.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some() || !self.waiting.is_empty() || self.whole.is_some()
    }
}

/// Whether a line is a whole object: none goes on from the line before.
fn is_record(text: &str) -> bool {
    let text = text.trim_end();
    text.len() > 2 && text.starts_with('{') && text.ends_with('}')
}
