//! What jobs log: lines that name the span in which they were written.

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
    pub trace: TraceId,
    pub span: SpanId,
    /// What it says, in logfmt.
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
        Some(self.trace)
    }

    fn write_text(&self, out: &mut String) {
        use std::fmt::Write as _;
        let _ = write!(out, "level={} {} trace_id={} span_id={}", self.level, self.said, self.trace, self.span);
    }

    fn metadata(&self) -> Labels {
        Labels::new()
    }
}
