//! A world of which only a stretch exists: what has been written into the real servers.

use std::{ops::ControlFlow, sync::Arc};

use redline::{
    demo::store::{
        Direction, LogEntry, LogHint, LogStore, Metadata, MetricStore, StoredExemplar, StoredSeries, StoredTrace, TraceHint, TraceStore,
    },
    model::{
        labels::{Labels, Matcher},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
};

/// Nothing outside of the range is there.
pub struct Clip<S: ?Sized> {
    pub store: Arc<S>,
    pub range: TimeRange,
}

impl<S: ?Sized> Clip<S> {
    fn within(&self, range: TimeRange) -> TimeRange {
        TimeRange { start: range.start.max(self.range.start), end: range.end.min(self.range.end) }
    }

    fn millis(&self, start: i64, end: i64) -> (i64, i64) {
        (start.max((self.range.start.0 + 999_999).div_euclid(1_000_000)), end.min(self.range.end.millis()))
    }
}

impl<S: MetricStore + ?Sized> MetricStore for Clip<S> {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        let (start, end) = self.millis(start, end);
        self.store.select(matchers, start, end)
    }

    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>> {
        let (start, end) = self.millis(start, end);
        self.store.series(matchers, start, end)
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar> {
        let (start, end) = self.millis(start, end);
        self.store.exemplars(matchers, start, end)
    }

    fn metadata(&self) -> Vec<Metadata> {
        self.store.metadata()
    }
}

impl<S: LogStore + ?Sized> LogStore for Clip<S> {
    fn streams(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Arc<Labels>> {
        self.store.streams(matchers, self.within(range))
    }

    fn scan(&self, hint: &LogHint, range: TimeRange, direction: Direction, visit: &mut dyn FnMut(&dyn LogEntry) -> ControlFlow<()>) {
        // Here the end is excluded, and the last instant of the stretch is in it.
        let end = range.end.min(Timestamp(self.range.end.0 + 1));
        self.store.scan(hint, TimeRange { start: range.start.max(self.range.start), end }, direction, visit);
    }
}

impl<S: TraceStore + ?Sized> TraceStore for Clip<S> {
    fn trace(&self, id: TraceId) -> Option<StoredTrace> {
        let start = |trace: &StoredTrace| {
            let spans = trace.spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
            spans.map(|s| s.start_time_unix_nano).min().and_then(|ns| i64::try_from(ns).ok())
        };
        self.store.trace(id).filter(|t| start(t).is_some_and(|ns| self.range.contains(Timestamp(ns))))
    }

    fn scan(&self, hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {
        let mut left_out = std::collections::HashSet::new();
        self.store.rare(hint, self.range, &mut |trace| {
            left_out.extend((!self.ends_within(&trace)).then_some(trace.id));
            ControlFlow::Continue(())
        });
        self.store.scan(hint, self.within(range), &mut |trace| {
            if left_out.contains(&trace.id) { ControlFlow::Continue(()) } else { visit(trace) }
        });
    }

    fn rare(&self, hint: &TraceHint, range: TimeRange, visit: &mut dyn FnMut(StoredTrace) -> ControlFlow<()>) {
        self.store.rare(hint, self.within(range), &mut |trace| {
            if self.ends_within(&trace) { visit(trace) } else { ControlFlow::Continue(()) }
        });
    }
}

impl<S: ?Sized> Clip<S> {
    /// Of what is rare those traces were written that ended in the range.
    fn ends_within(&self, trace: &StoredTrace) -> bool {
        let spans = trace.spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
        let end = spans.map(|s| s.end_time_unix_nano).max().and_then(|ns| i64::try_from(ns).ok());
        end.is_some_and(|ns| self.range.contains(Timestamp(ns)))
    }
}
