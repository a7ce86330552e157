//! Spans of a job, one after the other.

use std::{fmt::Arguments, sync::Arc};

use super::line::JobLine;
use crate::{
    demo::world::{
        rng::{Rng, hash},
        spans::text,
    },
    model::{
        labels::Labels,
        trace::{SpanId, TraceId},
    },
    wire::otlp::{Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanKind, Status},
};

/// A process that makes spans.
pub struct Process {
    pub service: &'static str,
    pub version: &'static str,
    pub language: &'static str,
    pub host: &'static str,
    /// Its clock is ahead by so many nanoseconds.
    pub ahead: i64,
}

/// A process of a builder.
#[derive(Clone, Copy)]
pub struct Place(usize);

/// A span that is made.
#[derive(Clone, Copy)]
pub struct Made {
    pub id: SpanId,
    place: Place,
    /// Where it is, if it has ended.
    at: Option<usize>,
}

/// Makes the spans of one trace.
pub struct Builder {
    trace: TraceId,
    /// Its random numbers.
    pub rng: Rng,
    now: i64,
    made: u64,
    /// When the last of its spans ends, now or later.
    pub end: i64,
    groups: Vec<(ResourceSpans, i64)>,
    /// The streams of the processes.
    streams: Vec<Arc<Labels>>,
    /// What is logged, where lines are made and not spans.
    lines: Option<Vec<JobLine>>,
}

impl Builder {
    /// A trace without spans. Spans that end after now are not there.
    pub const fn new(trace: TraceId, key: u64, now: i64) -> Self {
        Self { trace, rng: Rng::new(key, 1), now, made: 0, end: i64::MIN, groups: Vec::new(), streams: Vec::new(), lines: None }
    }

    /// The lines of the trace in place of its spans.
    pub fn of_lines(trace: TraceId, key: u64) -> Self {
        Self { lines: Some(Vec::new()), ..Self::new(trace, key, i64::MIN) }
    }

    /// Whether lines are made and not spans.
    pub const fn makes_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// Another process.
    pub fn process(&mut self, p: &Process) -> Place {
        let pod = format!("{}-{:05x}", p.service, hash(self.trace.0 as u64, self.groups.len() as u64) & 0xf_ffff);
        let attributes = vec![
            text("service.name", p.service),
            text("service.namespace", "shop"),
            text("service.version", p.version),
            text("service.instance.id", &pod),
            text("deployment.environment.name", "prod"),
            text("k8s.namespace.name", "shop"),
            text("k8s.pod.name", &pod),
            text("k8s.node.name", p.host),
            text("host.name", p.host),
            text("telemetry.sdk.language", p.language),
            text("telemetry.sdk.name", "opentelemetry"),
        ];
        let labels = [("app", p.service), ("namespace", "shop"), ("pod", pod.as_str())];
        self.streams.push(Arc::new(labels.into_iter().collect()));
        let scope = Scope { name: format!("shop.{}", p.service), version: p.version.to_owned() };
        let scoped = ScopeSpans { scope: Some(scope), spans: Vec::new() };
        self.groups.push((ResourceSpans { resource: Some(Resource { attributes }), scope_spans: vec![scoped] }, p.ahead));
        Place(self.groups.len() - 1)
    }

    /// An id: of a span that is made later, or never.
    pub fn id(&mut self) -> SpanId {
        self.made += 1;
        SpanId(hash(self.trace.0 as u64, self.made).max(1))
    }

    /// Another span from an instant to another.
    pub fn span(&mut self, place: Place, parent: SpanId, what: (&str, SpanKind), when: (i64, i64), attributes: Vec<KeyValue>) -> Made {
        let id = self.id();
        self.named(id, place, Some(parent), what, when, attributes)
    }

    /// The span of an id that was taken before, as others needed it for a parent.
    pub fn named(
        &mut self,
        id: SpanId,
        place: Place,
        parent: Option<SpanId>,
        (name, kind): (&str, SpanKind),
        (start, end): (i64, i64),
        attributes: Vec<KeyValue>,
    ) -> Made {
        self.end = self.end.max(end);
        if end > self.now {
            return Made { id, place, at: None };
        }
        let (group, ahead) = &mut self.groups[place.0];
        let spans = &mut group.scope_spans[0].spans;
        spans.push(Span {
            trace_id: self.trace.0.to_be_bytes().to_vec(),
            span_id: id.0.to_be_bytes().to_vec(),
            parent_span_id: parent.map(|p| p.0.to_be_bytes().to_vec()).unwrap_or_default(),
            name: name.to_owned(),
            kind: kind as i32,
            start_time_unix_nano: (start + *ahead) as u64,
            end_time_unix_nano: (end + *ahead) as u64,
            attributes,
            ..Span::default()
        });
        Made { id, place, at: Some(spans.len() - 1) }
    }

    fn made(&mut self, made: Made) -> Option<&mut Span> {
        self.groups[made.place.0].0.scope_spans[0].spans.get_mut(made.at?)
    }

    /// The span failed with an exception at its end.
    pub fn fail(&mut self, made: Made, exception: &str, message: &str, stack: &str) {
        let Some(span) = self.made(made) else { return };
        let mut attributes = vec![text("exception.type", exception), text("exception.message", message)];
        if !stack.is_empty() {
            attributes.push(text("exception.stacktrace", &format!("{exception}: {message}\n{stack}")));
        }
        span.events.push(Event { time_unix_nano: span.end_time_unix_nano, name: "exception".to_owned(), attributes });
        span.status = Some(Status { message: message.to_owned(), code: 2 });
    }

    /// Something happened so long after the span's begin.
    pub fn event(&mut self, made: Made, after: i64, name: &str, attributes: Vec<KeyValue>) {
        if let Some(span) = self.made(made) {
            let time_unix_nano = span.start_time_unix_nano.saturating_add_signed(after);
            span.events.push(Event { time_unix_nano, name: name.to_owned(), attributes });
        }
    }

    /// The span is linked to another one of its trace.
    pub fn link(&mut self, made: Made, to: SpanId, attributes: Vec<KeyValue>) {
        let trace_id = self.trace.0.to_be_bytes().to_vec();
        if let Some(span) = self.made(made) {
            span.links.push(Link { trace_id, span_id: to.0.to_be_bytes().to_vec(), attributes });
        }
    }

    /// A process logs something within a span, at an instant of the true clock.
    pub fn log(&mut self, place: Place, span: SpanId, at: i64, level: &'static str, said: Arguments<'_>) {
        let (stream, ahead) = (&self.streams[place.0], self.groups[place.0].1);
        if let Some(lines) = &mut self.lines {
            lines.push(JobLine { at: at + ahead, stream: stream.clone(), level, of: Some((self.trace, span)), said: said.to_string() });
        }
    }

    /// A process writes a text that its logger does not put into one entry: each line is one of its own, from an instant on.
    pub fn print(&mut self, place: Place, at: i64, text: &str) {
        const APART: i64 = 20_000;
        let (stream, ahead) = (&self.streams[place.0], self.groups[place.0].1);
        if let Some(lines) = &mut self.lines {
            let each = (at + ahead..).step_by(APART as usize).zip(text.lines());
            lines.extend(each.map(|(at, said)| JobLine { at, stream: stream.clone(), level: "unknown", of: None, said: said.to_owned() }));
        }
    }

    /// What was logged, by time.
    pub fn finish_lines(self) -> Vec<JobLine> {
        let mut lines = self.lines.unwrap_or_default();
        lines.sort_by_key(|line| line.at);
        lines
    }

    /// The spans by process; none of those without any.
    pub fn finish(self) -> Vec<ResourceSpans> {
        self.groups.into_iter().map(|(group, _)| group).filter(|g| !g.scope_spans[0].spans.is_empty()).collect()
    }
}
