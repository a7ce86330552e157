//! Tempo: a trace by its id, and searches.

mod otlp_json;
mod spans;
mod wire;

use std::{
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
    time::Duration,
};

use prost::Message;
use reqwest::header::ACCEPT;

use super::{
    http::{Answer, Endpoint, HttpClient, Observer, Request},
    json,
    prometheus::Build,
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        time::TimeRange,
        trace::{Spans, TraceHit, TraceId},
    },
    wire::otlp::{ResourceSpans, TraceByIdParts, TracesParts},
};

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TraceQuery {
    /// `{ status = error && resource.service.name = "orders" }`
    TraceQl(String),
    /// `service.name=orders http.status_code=500`, for servers without TraceQL.
    Tags {
        /// Tags in logfmt.
        tags: String,
        /// Only traces at least this long.
        min_duration: Option<Duration>,
    },
}

/// A search.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceSearch {
    /// What.
    pub query: TraceQuery,
    /// When; at most 168 h by default. Tempo 3 does not search the last 30 s.
    pub range: TimeRange,
    /// How many traces.
    pub limit: usize,
}

/// What this Tempo is known to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Version; may be empty.
    pub version: String,
    /// Which trace API answered, once one did: 1 or 2.
    pub trace_api: Option<u8>,
    /// Whether searches are asked newest first.
    pub most_recent: bool,
}

/// The client of a Tempo.
pub struct Tempo {
    http: HttpClient,
    /// 0 not known, else 1 or 2.
    trace_api: AtomicU8,
    /// `with (most_recent=true)` is not understood.
    no_most_recent: AtomicBool,
}

/// Tempo's own limit on the hits of a search.
const MAX_HITS: usize = 262_144;

impl Tempo {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        Ok(Self { http: HttpClient::new(endpoint, observer)?, trace_api: AtomicU8::new(0), no_most_recent: AtomicBool::new(false) })
    }

    /// The HTTP client: its address, its clock.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// All spans of a trace.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there are none; else as any request.
    pub async fn trace(&self, id: TraceId) -> Result<Spans, SourceError> {
        let known = self.trace_api.load(Ordering::Relaxed);
        let first = if known == 1 { 1 } else { 2 };
        let mut result = self.trace_by(first, id).await;
        // A 404 of the second API may mean that there is no such API or, in old versions, no such trace.
        if known == 0 && result.as_ref().is_err_and(|e| e.kind == ErrorKind::NotFound && e.message.contains("404")) {
            result = self.trace_by(1, id).await;
            if result.is_ok() {
                self.trace_api.store(1, Ordering::Relaxed);
            }
        } else if known == 0 && result.is_ok() {
            self.trace_api.store(first, Ordering::Relaxed);
        }
        result.map_err(|e| if e.kind == ErrorKind::NotFound { self.no_such_trace(id) } else { e })
    }

    async fn trace_by(&self, api: u8, id: TraceId) -> Result<Spans, SourceError> {
        let path = if api == 1 { format!("/api/traces/{id}") } else { format!("/api/v2/traces/{id}") };
        let request = Request::get(path).header(ACCEPT, "application/protobuf").thing();
        let mut answer = self.http.send(request).await.map_err(|mut e| {
            if matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused) && e.message.contains("exceeds max size") {
                e.kind = ErrorKind::TooLarge(0);
            }
            e
        })?;
        let spans = self.decode(api, id, &mut answer)?;
        if spans.spans.is_empty() { Err(self.no_such_trace(id)) } else { Ok(spans) }
    }

    /// Gateways may drop the Accept header, so the answer's own type decides.
    fn decode(&self, api: u8, id: TraceId, answer: &mut Answer) -> Result<Spans, SourceError> {
        if !answer.content_type.starts_with("application/protobuf") {
            let (data, partial) = otlp_json::decode(self.http.backend(), &answer.body)?;
            return Ok(spans::convert(id, data.resource_spans, partial));
        }
        let unreadable = |e| self.http.error(ErrorKind::Decode, format!("the trace cannot be read: {e}"));
        let body = std::mem::take(&mut answer.body);
        let (parts, partial) = if api == 1 {
            (TracesParts::decode(body).map_err(unreadable)?, None)
        } else {
            let response = TraceByIdParts::decode(body).map_err(unreadable)?;
            let partial = (response.status != 0 || !response.message.is_empty()).then(|| partial_words(response.message));
            (response.trace.unwrap_or_default(), partial)
        };
        group_by_group(id, parts, partial).map_err(unreadable)
    }

    fn no_such_trace(&self, id: TraceId) -> SourceError {
        self.http.error(ErrorKind::NotFound, format!("no trace {id}"))
    }

    /// Traces that match, newest first where the server can find them so.
    ///
    /// # Errors
    /// As any request.
    pub async fn search(&self, search: &TraceSearch) -> Result<Vec<TraceHit>, SourceError> {
        let TraceQuery::TraceQl(q) = &search.query else {
            return self.search_as(search, None).await;
        };
        if self.no_most_recent.load(Ordering::Relaxed) || has_hints(q) {
            return self.search_as(search, Some(q)).await;
        }
        match self.search_as(search, Some(&format!("{q} with (most_recent=true)"))).await {
            Err(e) if matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused) => {
                let hits = self.search_as(search, Some(q)).await?;
                self.no_most_recent.store(true, Ordering::Relaxed);
                Ok(hits)
            }
            result => result,
        }
    }

    /// Whether a search for this TraceQL finds the newest traces first, as far as answers have told until now.
    pub fn finds_newest(&self, traceql: &str) -> bool {
        if has_hints(traceql) { traceql.contains("most_recent=true") } else { !self.no_most_recent.load(Ordering::Relaxed) }
    }

    async fn search_as(&self, search: &TraceSearch, traceql: Option<&str>) -> Result<Vec<TraceHit>, SourceError> {
        // Whole seconds only: the window is widened to them.
        let (start, end) = (search.range.start.secs(), search.range.end.secs().saturating_add(1));
        let mut request = Request::get("/api/search")
            .param("start", start.max(0).to_string())
            .param("end", end.max(1).to_string())
            .param("limit", search.limit.clamp(1, MAX_HITS).to_string());
        match (&search.query, traceql) {
            (_, Some(q)) => request = request.param("q", q).param("spss", "3"),
            (TraceQuery::TraceQl(q), None) => request = request.param("q", q),
            (TraceQuery::Tags { tags, min_duration }, None) => {
                request = request.param("tags", tags);
                if let Some(min) = min_duration {
                    request = request.param("minDuration", format!("{}ms", min.as_millis()));
                }
            }
        }
        let answer = self.http.send(request).await?;
        Ok(wire::hits(json::decode(self.http.backend(), "search", &answer.body)?))
    }

    /// Its version, and what was learnt from its answers.
    ///
    /// # Errors
    /// As any request.
    pub async fn capabilities(&self) -> Result<Capabilities, SourceError> {
        let version = match self.http.send(Request::get("/api/status/buildinfo")).await {
            Ok(answer) => json::decode::<Build>(self.http.backend(), "buildinfo", &answer.body)?.version,
            // Tempo 3 tells it as text only.
            Err(e) if e.kind == ErrorKind::NotSupported => {
                told_version(&String::from_utf8_lossy(&self.http.send(Request::get("/status/version")).await?.body))
            }
            Err(e) => return Err(e),
        };
        let api = self.trace_api.load(Ordering::Relaxed);
        Ok(Capabilities { version, trace_api: (api != 0).then_some(api), most_recent: !self.no_most_recent.load(Ordering::Relaxed) })
    }
}

/// The spans of a trace. All groups decoded at once would take several times the answer's size.
fn group_by_group(id: TraceId, parts: TracesParts, partial: Option<String>) -> Result<Spans, prost::DecodeError> {
    let mut failed = None;
    let groups = parts.resource_spans.into_iter().map_while(|bytes| ResourceSpans::decode(bytes).map_err(|e| failed = Some(e)).ok());
    let spans = spans::convert(id, groups, partial);
    failed.map_or(Ok(spans), Err)
}

/// `tempo, version 3.0.3 (branch: …`
fn told_version(text: &str) -> String {
    text.split_once("version ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default().to_owned()
}

/// Whether the query ends in `with (…)` already.
fn has_hints(q: &str) -> bool {
    q.rsplit_once("with").is_some_and(|(_, rest)| rest.trim_start().starts_with('(') && rest.trim_end().ends_with(')'))
}

fn partial_words(message: String) -> String {
    if message.is_empty() { "the trace is partial".to_owned() } else { message }
}

#[cfg(test)]
mod tests;
