//! Where spans go as they are read: into one trace, or each into its own.

use std::collections::HashMap;

use super::spans::{Known, Part, trace_id};
use crate::{
    model::trace::{Resource, Spans, TraceId},
    wire::otlp,
};

/// Takes spans as they are read.
pub trait Sink {
    /// The spans that follow are of this resource.
    fn resource(&mut self, resource: otlp::Resource);
    /// One span.
    fn span(&mut self, span: otlp::Span);
}

/// Spans of many traces, each put to its own.
pub struct ByTrace {
    traces: Vec<(TraceId, Part)>,
    places: HashMap<TraceId, usize>,
    known: Known,
    /// The resource of the spans that come, once there was one.
    current: Option<(u32, Resource)>,
    /// How many there is room for.
    pub most: usize,
    /// How many spans may still come.
    room: usize,
    /// Spans beyond those that may be kept.
    pub cut: usize,
    /// Spans without the id of a trace.
    pub without_trace: usize,
}

impl ByTrace {
    /// Without any yet; of more than so many spans the rest are counted only.
    pub fn new(most: usize) -> Self {
        Self {
            traces: Vec::new(),
            places: HashMap::new(),
            known: Known::default(),
            current: None,
            most,
            room: most,
            cut: 0,
            without_trace: 0,
        }
    }

    /// How many spans are kept.
    pub fn kept(&self) -> usize {
        self.most - self.room
    }

    /// All of them, in the order in which they began to come.
    pub fn finish(self) -> Vec<Spans> {
        self.traces.into_iter().map(|(_, part)| part.finish(None)).collect()
    }
}

impl Sink for ByTrace {
    fn resource(&mut self, resource: otlp::Resource) {
        self.current = Some(self.known.resource(resource));
    }

    fn span(&mut self, span: otlp::Span) {
        let Some(id) = trace_id(&span.trace_id) else {
            self.without_trace += 1;
            return;
        };
        let Some(room) = self.room.checked_sub(1) else {
            self.cut += 1;
            return;
        };
        self.room = room;
        let place = *self.places.entry(id).or_insert_with(|| {
            self.traces.push((id, Part::new(id)));
            self.traces.len() - 1
        });
        let known = &mut self.known;
        let current = self.current.get_or_insert_with(|| known.resource(otlp::Resource::default()));
        self.traces[place].1.span(span, known, current);
    }
}
