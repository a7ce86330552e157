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
    /// When its condition began to hold; `None` where only the name is known, as from `--alert`.
    pub onset: Option<Timestamp>,
}

/// What the engineer is looking at. Every view shows this and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Name of the environment in the configuration.
    pub environment: CompactString,
    /// The service.
    pub service: Option<CompactString>,
    /// The family of metrics that shows the service, where the user has chosen another than the usual one.
    pub family: Option<CompactString>,
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
    /// When the trace was, as far as what led to it tells: a hit, a log line, an exemplar.
    pub trace_near: Option<TimeRange>,
}

impl Scope {
    /// A whole environment over a window.
    pub fn new(environment: impl Into<CompactString>, window: TimeWindow) -> Self {
        Self {
            environment: environment.into(),
            service: None,
            family: None,
            matchers: Vec::new(),
            window,
            alert: None,
            trace: None,
            span: None,
            trace_near: None,
        }
    }

    /// Narrowed to a service. Matchers of another service, and the trace it was reached through, do not carry over.
    #[must_use]
    pub fn with_service(&self, service: impl Into<CompactString>) -> Self {
        let service = service.into();
        let mut scope = self.clone();
        if scope.service.as_ref() != Some(&service) {
            scope.matchers.clear();
            scope.family = None;
            scope = scope.without_trace();
        }
        scope.service = Some(service);
        scope
    }

    /// Narrowed to an alert: its service and a live window from well before its onset.
    #[must_use]
    pub fn with_alert(&self, alert: ScopeAlert, service: Option<CompactString>, now: Timestamp) -> Self {
        let mut scope = self.without_trace();
        if let Some(onset) = alert.onset {
            let lead = (now.since(onset) / 2).clamp(LEAD_MIN, LEAD_MAX);
            scope.window = TimeWindow::Since((onset - lead).align_down(std::time::Duration::from_secs(60)));
        }
        scope.service = service;
        scope.family = None;
        scope.matchers.clear();
        scope.alert = Some(alert);
        scope
    }

    /// Narrowed to a trace and perhaps a span of it. The window stays until the trace has told its times.
    #[must_use]
    pub fn with_trace(&self, trace: TraceId, span: Option<SpanId>) -> Self {
        Self { trace: Some(trace), span, trace_near: None, ..self.clone() }
    }

    /// Narrowed to a trace that something of this time led to: servers look for it there first.
    #[must_use]
    pub fn with_trace_near(&self, trace: TraceId, span: Option<SpanId>, near: TimeRange) -> Self {
        Self { trace_near: Some(near), ..self.with_trace(trace, span) }
    }

    /// About no trace in particular.
    #[must_use]
    pub fn without_trace(&self) -> Self {
        Self { trace: None, span: None, trace_near: None, ..self.clone() }
    }

    /// With the service as another family of metrics shows it. Conditions on the labels of one do not hold for another.
    #[must_use]
    pub fn with_family(&self, family: Option<CompactString>) -> Self {
        Self { family, matchers: Vec::new(), ..self.clone() }
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

    /// For a look at how something came about: the same window where it shows the time before and ends soon after, else one
    /// that is fixed so.
    #[must_use]
    pub fn leading_to(&self, range: TimeRange, now: Timestamp) -> Self {
        let window = self.window.range(now);
        let is_near = window.start + NEAR <= range.start && range.end <= window.end && window.end.since(range.end) <= NEAR;
        if is_near { self.clone() } else { self.around(range).with_lead() }
    }

    /// With half an hour before a window that is fixed about something.
    #[must_use]
    pub fn with_lead(&self) -> Self {
        match self.window {
            TimeWindow::Fixed(range) => self.with_window(TimeWindow::Fixed(TimeRange { start: range.start - BEFORE, ..range })),
            _ => self.clone(),
        }
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
/// How far back one looks for how something came about.
const BEFORE: std::time::Duration = std::time::Duration::from_secs(30 * 60);
/// What is shown of so little time says nothing of how it came about; as long after something it is still as it was.
const NEAR: std::time::Duration = std::time::Duration::from_secs(5 * 60);
const AROUND: std::time::Duration = std::time::Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_stays_with_the_service_it_is_about() {
        let now = Timestamp::from_secs(36_000);
        let window = TimeWindow::Last(std::time::Duration::from_secs(3600));
        let scope = Scope::new("prod", window).with_service("orders").with_trace(TraceId(7), Some(SpanId(1)));
        assert_eq!(scope.with_service("orders").trace, Some(TraceId(7)));
        let other = scope.with_service("payments");
        assert_eq!((other.trace, other.span), (None, None));
        let alert = |onset| ScopeAlert { name: "Slow".into(), labels: Labels::new(), onset };
        let named = scope.with_alert(alert(None), Some("orders".into()), now);
        assert_eq!((named.trace, named.window), (None, window), "an alert without an onset says nothing of time");
        assert!(matches!(scope.with_alert(alert(Some(now)), None, now).window, TimeWindow::Since(from) if from < now));
    }
}
