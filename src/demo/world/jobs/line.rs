//! What jobs log: lines that name the span in which they were written, and stack traces line by line.

use std::sync::Arc;

use crate::{
    demo::store::LogEntry,
    model::{
        labels::Labels,
        time::Timestamp,
        trace::{SpanId, TraceId},
    },
};

/// A line of a job.
pub struct JobLine {
    /// Nanoseconds, by the clock of its host.
    pub at: i64,
    pub stream: Arc<Labels>,
    pub level: &'static str,
    /// Where it was written, where it says that.
    pub of: Option<(TraceId, SpanId)>,
    /// What it says: in logfmt, where it says where it was written.
    pub said: String,
}

impl LogEntry for JobLine {
    fn at(&self) -> Timestamp {
        Timestamp(self.at)
    }

    fn stream(&self) -> &Arc<Labels> {
        &self.stream
    }

    fn level(&self) -> &'static str {
        self.level
    }

    fn trace(&self) -> Option<TraceId> {
        self.of.map(|(trace, _)| trace)
    }

    fn write_text(&self, out: &mut String) {
        use std::fmt::Write as _;
        let _ = match self.of {
            Some((trace, span)) => write!(out, "level={} {} trace_id={trace} span_id={span}", self.level, self.said),
            None => write!(out, "{}", self.said),
        };
    }

    fn metadata(&self) -> Labels {
        Labels::new()
    }
}
