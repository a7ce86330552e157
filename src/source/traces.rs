//! Where traces come from: files that were opened, else a Tempo or a Jaeger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Sources, Tempo, not_configured};
use crate::{
    model::{
        backend::{Backend, ErrorKind, SourceError},
        explored::{Explored, Names},
        time::TimeRange,
        trace::{TraceHits, TraceId},
        trace_source::{Abilities, Ability, TraceOrigin, TraceQuery},
    },
    trace::Trace,
};

/// A trace that was just written may take so long until it is found.
pub const NOT_YET: Duration = Duration::from_secs(5);
/// Traces that are remembered as looked for.
const REMEMBERED: usize = 64;

/// A search.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceSearch {
    /// What.
    pub query: TraceQuery,
    /// When.
    pub range: TimeRange,
    /// How many traces.
    pub limit: usize,
}

/// Since when traces are looked for that were not found.
#[derive(Default)]
pub struct Sought(Mutex<HashMap<TraceId, Instant>>);

impl Sought {
    /// A trace was not found: in other words while it may only not be there yet.
    fn missed(&self, id: TraceId, error: SourceError) -> SourceError {
        if error.kind != ErrorKind::NotFound {
            return error;
        }
        let mut sought = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sought.len() >= REMEMBERED {
            sought.retain(|_, since| since.elapsed() < NOT_YET);
        }
        let since = *sought.entry(id).or_insert_with(Instant::now);
        if since.elapsed() >= NOT_YET {
            return error;
        }
        SourceError { message: format!("trace {id} is not there yet, looking again for {} s", NOT_YET.as_secs()), ..error }
    }

    fn found(&self, id: TraceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Sources {
    /// The server that is asked for traces.
    pub fn trace_backend(&self) -> Backend {
        if self.jaeger.is_some() { Backend::Jaeger } else { Backend::Tempo }
    }

    /// A trace, cleaned and laid out by a worker. The hint says when it was, as far as that is known.
    ///
    /// # Errors
    /// What the client says, or that there is nobody to ask.
    pub async fn trace(&self, id: TraceId, hint: Option<TimeRange>) -> Result<Arc<Trace>, SourceError> {
        let backend = self.trace_backend();
        // Cleaning 100,000 spans takes long enough to hold other tasks up.
        let bug = |e: tokio::task::JoinError| SourceError::new(backend, ErrorKind::Bug, e.to_string());
        if let Some(files) = self.trace_files.clone().filter(|files| files.has(id)) {
            let built = tokio::task::spawn_blocking(move || files.trace(id)).await.map_err(bug)?;
            return built.ok_or_else(|| SourceError::new(backend, ErrorKind::Bug, "the trace of the file was lost"));
        }
        let asked = match (&self.jaeger, &self.tempo) {
            (Some(jaeger), _) => jaeger.trace(id, hint).await,
            (None, Some(tempo)) => tempo.trace(id, hint).await,
            (None, None) if self.trace_files.is_some() => {
                let why = format!("trace {id} is in none of the opened files, and there is no server to ask: --tempo URL names one");
                return Err(SourceError::new(backend, ErrorKind::NotConfigured, why));
            }
            (None, None) => return Err(not_configured(backend)),
        };
        let mut spans = asked.map_err(|e| self.sought.missed(id, e))?;
        self.sought.found(id);
        spans.name_services_by(&self.labels.traces_service);
        tokio::task::spawn_blocking(move || Arc::new(Trace::build(spans))).await.map_err(bug)
    }

    /// Traces that match.
    ///
    /// # Errors
    /// What the client says, or that there is nobody to ask.
    pub async fn search_traces(&self, search: &TraceSearch) -> Result<TraceHits, SourceError> {
        if let Some(files) = &self.trace_files {
            let why = || Abilities::none(TraceOrigin::Files).why_not(Ability::TraceQl).unwrap_or_default();
            let plain = search.query.plain.clone();
            let plain = plain.ok_or_else(|| SourceError::new(Backend::Tempo, ErrorKind::NotSupported, why()))?;
            let (files, range, limit) = (files.clone(), search.range, search.limit);
            let found = tokio::task::spawn_blocking(move || files.search(&plain, range, limit)).await;
            return found.map_err(|e| SourceError::new(Backend::Tempo, ErrorKind::Bug, e.to_string()));
        }
        match (&self.jaeger, &self.tempo) {
            (Some(jaeger), _) => jaeger.search(search).await,
            (None, Some(tempo)) => tempo.search(search).await,
            (None, None) => Err(not_configured(Backend::Tempo)),
        }
    }

    /// Names of attributes with their scopes, see [`Tempo::tags`](super::Tempo::tags). Files and Jaeger tell none, but that there
    /// are services.
    ///
    /// # Errors
    /// What the client says, or that there is nobody to ask.
    pub async fn trace_tags(&self, traceql: &str, range: TimeRange) -> Result<Names, SourceError> {
        if self.trace_files.is_some() || self.jaeger.is_some() {
            let own = self.labels.traces_service.first().map_or("service.name", String::as_str);
            return Ok(Names { names: vec![format!("resource.{own}").into()], cut: false });
        }
        self.with_traceql(Ability::ScopedTags)?.tags(traceql, range).await
    }

    /// Values of an attribute, see [`Tempo::tag_values`](super::Tempo::tag_values). Jaeger tells services and a service's operations,
    /// files nothing that the page does not have.
    ///
    /// # Errors
    /// What the client says, or that there is nobody to ask.
    pub async fn trace_tag_values(&self, tag: &str, traceql: &str, range: TimeRange) -> Result<Names, SourceError> {
        if self.trace_files.is_some() {
            return Ok(Names::default());
        }
        if let Some(jaeger) = &self.jaeger {
            return jaeger.values(tag, traceql, &self.labels.traces_service).await;
        }
        self.with_traceql(Ability::ScopedTags)?.tag_values(tag, traceql, range).await
    }

    /// What a TraceQL metrics query gives, see [`Tempo::metrics`](super::Tempo::metrics).
    ///
    /// # Errors
    /// What the client says, or that there is no Tempo to ask.
    pub async fn trace_metrics(&self, traceql: &str, range: TimeRange, step: Option<Duration>) -> Result<Explored, SourceError> {
        let tempo = self.with_traceql(Ability::Metrics)?;
        if !tempo.is_able(Ability::Metrics).await? {
            let why = Abilities::none(TraceOrigin::Tempo).why_not(Ability::Metrics).unwrap_or_default();
            return Err(SourceError::new(Backend::Tempo, ErrorKind::NotSupported, why));
        }
        tempo.metrics(traceql, range, step).await
    }

    /// The Tempo, where it is who is asked; others have none of its abilities.
    fn with_traceql(&self, ability: Ability) -> Result<&Tempo, SourceError> {
        let no = |origin| Abilities::none(origin).why_not(ability).unwrap_or_default();
        match (&self.trace_files, &self.jaeger, &self.tempo) {
            (Some(_), ..) => Err(SourceError::new(Backend::Tempo, ErrorKind::NotSupported, no(TraceOrigin::Files))),
            (None, Some(_), _) => Err(SourceError::new(Backend::Jaeger, ErrorKind::NotSupported, no(TraceOrigin::Jaeger))),
            (None, None, Some(tempo)) => Ok(tempo),
            (None, None, None) => Err(not_configured(Backend::Tempo)),
        }
    }

    /// What can be asked for.
    ///
    /// # Errors
    /// What the client says, or that there is nobody to ask.
    pub async fn trace_abilities(&self) -> Result<Abilities, SourceError> {
        match (&self.trace_files, &self.jaeger, &self.tempo) {
            (Some(_), ..) => Ok(Abilities::none(TraceOrigin::Files)),
            (None, Some(_), _) => Ok(Abilities::none(TraceOrigin::Jaeger)),
            (None, None, Some(tempo)) => tempo.abilities(&Ability::LIGHT).await,
            (None, None, None) => Err(not_configured(Backend::Tempo)),
        }
    }
}
