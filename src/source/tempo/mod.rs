//! Tempo: a trace by its id, and searches.

mod abilities;
mod explore;
mod wire;

use std::sync::atomic::{AtomicU8, Ordering};

use prost::Message;
use reqwest::header::ACCEPT;

use super::{
    http::{Answer, Endpoint, HttpClient, Observer, Request},
    json, near,
    otlp::{self, Builder},
    traces::TraceSearch,
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        labels::quote,
        time::TimeRange,
        trace::{Spans, TraceHit, TraceHits, TraceId},
        trace_source::{Ability, PlainQuery},
    },
    wire::otlp::{TraceByIdParts, TracesParts},
};

/// The client of a Tempo.
pub struct Tempo {
    http: HttpClient,
    /// 0 not known, else 1 or 2.
    trace_api: AtomicU8,
    /// What it can do, as far as that was asked.
    known: abilities::Known,
}

/// Spans of a hit that are told.
const SPANS: &str = "10";
/// Tempo's own limit on the hits of a search.
const MAX_HITS: usize = 262_144;

impl Tempo {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        Ok(Self { http: HttpClient::new(endpoint, observer)?, trace_api: AtomicU8::new(0), known: abilities::Known::default() })
    }

    /// The HTTP client: its address, its clock.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// All spans of a trace. The hint says when it was: old blocks far from it are left alone, unless it is not found near it, or
    /// not all of it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there are none; else as any request.
    pub async fn trace(&self, id: TraceId, hint: Option<TimeRange>) -> Result<Spans, SourceError> {
        let Some(range) = hint else { return self.trace_within(id, None).await };
        let around = near::around(range);
        let part = match self.trace_within(id, Some(around)).await {
            Ok(spans) if near::is_whole(&spans, around) => return Ok(spans),
            Ok(spans) => Some(spans),
            Err(e) if e.kind == ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        near::or_part(self.trace_within(id, None).await, part)
    }

    async fn trace_within(&self, id: TraceId, range: Option<TimeRange>) -> Result<Spans, SourceError> {
        let known = self.trace_api.load(Ordering::Relaxed);
        let first = if known == 1 { 1 } else { 2 };
        let mut result = self.trace_by(first, id, range).await;
        // A 404 of the second API may mean that there is no such API or, in old versions, no such trace.
        if known == 0 && result.as_ref().is_err_and(|e| e.kind == ErrorKind::NotFound && e.message.contains("404")) {
            result = self.trace_by(1, id, range).await;
            if result.is_ok() {
                self.trace_api.store(1, Ordering::Relaxed);
            }
        } else if known == 0 && result.is_ok() {
            self.trace_api.store(first, Ordering::Relaxed);
        }
        result.map_err(|e| if e.kind == ErrorKind::NotFound { self.no_such_trace(id) } else { e })
    }

    async fn trace_by(&self, api: u8, id: TraceId, range: Option<TimeRange>) -> Result<Spans, SourceError> {
        let path = if api == 1 { format!("/api/traces/{id}") } else { format!("/api/v2/traces/{id}") };
        let mut request = Request::get(path).header(ACCEPT, "application/protobuf").thing();
        if let Some(range) = range {
            request = request.param("start", range.start.secs().max(0).to_string()).param("end", range.end.secs().max(1).to_string());
        }
        let mut answer = self.http.send(request).await.map_err(|mut e| {
            if matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused) && e.message.contains("exceeds max size") {
                e.kind = ErrorKind::TooLarge(0);
            }
            e
        })?;
        let spans = self.decode(api, id, &mut answer)?;
        match &spans.partial {
            _ if !spans.spans.is_empty() => Ok(spans),
            // There may be spans that it could not read.
            Some(words) => Err(self.http.error(ErrorKind::Server(500), format!("no spans of trace {id}: {words}"))),
            None => Err(self.no_such_trace(id)),
        }
    }

    /// Gateways may drop the Accept header, so the answer's own type decides.
    fn decode(&self, api: u8, id: TraceId, answer: &mut Answer) -> Result<Spans, SourceError> {
        if !answer.content_type.starts_with("application/protobuf") {
            let mut spans = Builder::new(id);
            let partial = otlp::decode(self.http.backend(), &answer.body, &mut spans)?;
            return Ok(spans.finish(partial));
        }
        let unreadable = |e| self.http.error(ErrorKind::Decode, format!("the trace cannot be read: {e}"));
        let body = std::mem::take(&mut answer.body);
        let (parts, partial) = if api == 1 {
            (TracesParts::decode(body).map_err(unreadable)?, None)
        } else {
            let response = TraceByIdParts::decode(body).map_err(unreadable)?;
            let partial = (response.status != 0 || !response.message.is_empty()).then(|| otlp::partial_words(response.message));
            (response.trace.unwrap_or_default(), partial)
        };
        otlp::from_parts(id, parts, partial).map_err(unreadable)
    }

    fn no_such_trace(&self, id: TraceId) -> SourceError {
        self.http.error(ErrorKind::NotFound, format!("no trace {id}"))
    }

    /// Traces that match, newest first where the server can find them so.
    ///
    /// # Errors
    /// As any request.
    pub async fn search(&self, search: &TraceSearch) -> Result<TraceHits, SourceError> {
        let q = &search.query.traceql;
        if let Some(plain) = &search.query.plain
            && !self.knows_traceql().await?
        {
            let (hits, part) = self.ask(search, tags(plain)).await?;
            return Ok(TraceHits { hits, newest: false, part });
        }
        // Where that could not be found out the search goes on, and claims less.
        let finds_newest = self.is_able(Ability::Newest).await.unwrap_or(false);
        let ((hits, part), newest) = if has_hints(q) {
            (self.ask(search, traceql(q)).await?, finds_newest && q.contains("most_recent=true"))
        } else if finds_newest {
            match self.ask(search, traceql(&format!("{q} with (most_recent=true)"))).await {
                Err(e) if matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused) => (self.ask(search, traceql(q)).await?, false),
                found => (found?, true),
            }
        } else {
            (self.ask(search, traceql(q)).await?, false)
        };
        Ok(TraceHits { hits, newest, part })
    }

    async fn ask(&self, search: &TraceSearch, what: Vec<(&'static str, String)>) -> Result<(Vec<TraceHit>, Option<String>), SourceError> {
        // Whole seconds only: the window is widened to them.
        let (start, end) = (search.range.start.secs(), search.range.end.secs().saturating_add(1));
        let request = Request::get("/api/search")
            .param("start", start.max(0).to_string())
            .param("end", end.max(1).to_string())
            .param("limit", search.limit.clamp(1, MAX_HITS).to_string());
        let answer = self.http.send(what.into_iter().fold(request, |request, (name, value)| request.param(name, value))).await?;
        Ok(wire::hits(json::decode(self.http.backend(), "search", &answer.body)?, search.limit))
    }

    /// Which of its APIs gives traces, 1 or 2, once one did.
    pub fn trace_api(&self) -> Option<u8> {
        Some(self.trace_api.load(Ordering::Relaxed)).filter(|api| *api != 0)
    }
}

fn traceql(q: &str) -> Vec<(&'static str, String)> {
    vec![("q", q.to_owned()), ("spss", SPANS.to_owned())]
}

/// The same in logfmt, for servers without TraceQL.
fn tags(query: &PlainQuery) -> Vec<(&'static str, String)> {
    let service = query.service.iter().map(|service| ("service.name", service.as_str()));
    let named = query.name.iter().map(|name| ("name", name.as_str()));
    let own = query.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let failed = query.failed.then_some(("status.code", "error"));
    let all: Vec<String> = service.chain(named).chain(own).chain(failed).map(|(name, value)| format!("{name}={}", quote(value))).collect();
    let longer = query.longer_than.map(|least| ("minDuration", format!("{}us", least.as_micros())));
    std::iter::once(("tags", all.join(" "))).chain(longer).collect()
}

/// Whether the query ends in `with (…)` already.
fn has_hints(q: &str) -> bool {
    q.rsplit_once("with").is_some_and(|(_, rest)| rest.trim_start().starts_with('(') && rest.trim_end().ends_with(')'))
}

#[cfg(test)]
mod tests;
