//! The scope: what the engineer is looking at. It travels along every step, narrowed by `Enter`, widened by `Esc`.

use compact_str::CompactString;

use crate::model::{
    labels::{Labels, Matcher},
    time::{TimeRange, TimeWindow, Timestamp},
    trace::{SpanId, TraceId},
};

/// The alert a scope was narrowed by.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeAlert {
    /// `alertname`.
    pub name: CompactString,
    /// Its labels, which identify it.
    pub labels: Labels,
    /// When its condition began to hold.
    pub onset: Timestamp,
}

/// What the engineer is looking at. Every view shows this and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Name of the environment in the configuration.
    pub environment: CompactString,
    /// The service.
    pub service: Option<CompactString>,
    /// Further conditions on labels (route, pod, level …), as shown in the header.
    pub matchers: Vec<Matcher>,
    /// The window of all panes.
    pub window: TimeWindow,
    /// The alert that led here.
    pub alert: Option<ScopeAlert>,
    /// The trace.
    pub trace: Option<TraceId>,
    /// The span in it.
    pub span: Option<SpanId>,
}

impl Scope {
    /// A whole environment over a window.
    pub fn new(environment: impl Into<CompactString>, window: TimeWindow) -> Self {
        Self { environment: environment.into(), service: None, matchers: Vec::new(), window, alert: None, trace: None, span: None }
    }

    /// Narrowed to a service. Matchers of another service do not carry over.
    #[must_use]
    pub fn with_service(&self, service: impl Into<CompactString>) -> Self {
        let service = service.into();
        let mut scope = self.clone();
        if scope.service.as_ref() != Some(&service) {
            scope.matchers.clear();
        }
        scope.service = Some(service);
        scope
    }

    /// Narrowed to an alert: its service and a live window from well before its onset.
    #[must_use]
    pub fn with_alert(&self, alert: ScopeAlert, service: Option<CompactString>, now: Timestamp) -> Self {
        let mut scope = self.clone();
        let lead = (now.since(alert.onset) / 2).clamp(LEAD_MIN, LEAD_MAX);
        scope.window = TimeWindow::Since((alert.onset - lead).align_down(std::time::Duration::from_secs(60)));
        scope.service = service;
        scope.matchers.clear();
        scope.alert = Some(alert);
        scope
    }

    /// Narrowed to a trace and perhaps a span of it. The window stays until the trace has told its times.
    #[must_use]
    pub fn with_trace(&self, trace: TraceId, span: Option<SpanId>) -> Self {
        Self { trace: Some(trace), span, ..self.clone() }
    }

    /// With another window.
    #[must_use]
    pub fn with_window(&self, window: TimeWindow) -> Self {
        Self { window, ..self.clone() }
    }

    /// With the window fixed around something, a minute on either side.
    #[must_use]
    pub fn around(&self, range: TimeRange) -> Self {
        self.with_window(TimeWindow::Fixed(TimeRange { start: range.start - AROUND, end: range.end + AROUND }))
    }

    /// With one more condition; the same one twice is one.
    #[must_use]
    pub fn with_matcher(&self, matcher: Matcher) -> Self {
        let mut scope = self.clone();
        if !scope.matchers.contains(&matcher) {
            scope.matchers.push(matcher);
        }
        scope
    }
}

const LEAD_MIN: std::time::Duration = std::time::Duration::from_secs(15 * 60);
const LEAD_MAX: std::time::Duration = std::time::Duration::from_secs(2 * 3600);
const AROUND: std::time::Duration = std::time::Duration::from_secs(60);
