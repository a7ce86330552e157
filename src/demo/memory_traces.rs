//! Traces kept in memory, for tests of what reads a [`TraceStore`].

use std::ops::ControlFlow;

use super::store::{StoredTrace, TraceHint, TraceStore};
use crate::model::{
    time::{TimeRange, Timestamp},
    trace::TraceId,
};

/// Traces by start, newest first.
#[derive(Debug, Default)]
pub struct MemTraces(Vec<(Timestamp, StoredTrace)>);

impl MemTraces {
    /// A store with these traces.
    pub fn new(traces: impl IntoIterator<Item = StoredTrace>) -> Self {
        let start = |t: &StoredTrace| {
            let spans = t.spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
            Timestamp(spans.map(|s| i64::try_from(s.start_time_unix_nano).unwrap_or(i64::MAX)).min().unwrap_or(0))
        };
        let mut traces: Vec<_> = traces.into_iter().map(|t| (start(&t), t)).collect();
        traces.sort_by_key(|(at, t)| (std::cmp::Reverse(*at), t.id));
        Self(traces)
    }
}

impl TraceStore for MemTraces {
    fn trace(&self, id: TraceId) -> Option<StoredTrace> {
        self.0.iter().find(|(_, t)| t.id == id).map(|(_, t)| t.clone())
    }

    fn scan(&self, _hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {
        // What matters is that the visitor was told to stop, not by which trace.
        let _ = self.0.iter().filter(|(at, _)| range.contains(*at)).try_for_each(|(_, t)| visit(t.clone()));
    }
}
