//! Jaeger: a trace by its id, and searches, by whichever of its two query APIs there is.
//!
//! The third one (OTLP) gives a trace as it was sent. The first one searches by tags, which the third one of older servers does
//! not; servers from 2.21 on search by the third alone.

mod room;
pub(super) mod wire;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU8, Ordering},
};

use chrono::SecondsFormat;
use compact_str::CompactString;
use futures_util::future::join_all;
use serde::Deserialize;

use super::{
    http::{Answer, Endpoint, HttpClient, Observer, Request},
    json::{self, Text, nullable},
    near,
    otlp::{self, Builder, ByTrace},
    trace_file::hit,
    traces::TraceSearch,
};
use crate::model::{
    backend::{ErrorKind, SourceError},
    time::{TimeRange, Timestamp},
    trace::{Spans, TraceHit, TraceHits, TraceId},
    trace_source::{Abilities, Ability, PlainQuery, TraceOrigin},
};

/// Traces that one search asks for at the most: they are answered with all of their spans.
const MOST_TRACES: usize = 50;
/// Services that are asked for, where the question names none: Jaeger searches those of one service.
const MOST_SERVICES: usize = 30;
/// Spans of one answer.
const MOST_SPANS: usize = 500_000;

/// Which API it is, once one answered.
#[derive(Default)]
struct Known(AtomicU8);

impl Known {
    fn get(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|api| *api != 0)
    }

    /// Which to ask, one after another: the one that is known to answer, or these.
    fn candidates(&self, order: [u8; 2]) -> impl Iterator<Item = u8> + use<> {
        let known = self.get();
        order.into_iter().filter(move |api| known.is_none_or(|known| known == *api))
    }

    /// Whether an API is there, by how it answered; then no other is asked. A page of its user interface stands for what is not.
    fn settles<T>(&self, api: u8, told: &Result<T, SourceError>) -> bool {
        let missing = |e: &SourceError| matches!(e.kind, ErrorKind::NotSupported | ErrorKind::Decode);
        if told.is_ok() {
            self.0.store(api, Ordering::Relaxed);
        }
        self.get().is_some() || !told.as_ref().is_err_and(missing)
    }
}

/// The client of a Jaeger.
pub struct Jaeger {
    http: HttpClient,
    traces: Known,
    searches: Known,
    services: Known,
    /// How many traces of a service can be read at a time, where more were too large.
    rooms: room::Rooms,
}

/// What it says of its services and operations.
#[derive(Default, Deserialize)]
struct Names {
    #[serde(default, deserialize_with = "nullable")]
    services: Vec<Text>,
    #[serde(default, deserialize_with = "nullable")]
    data: Vec<Text>,
    #[serde(default, deserialize_with = "nullable")]
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    name: Text,
}

impl Names {
    fn sorted(self) -> Vec<CompactString> {
        let operations = self.operations.into_iter().map(|o| o.name);
        let mut names: Vec<CompactString> = self.services.into_iter().chain(self.data).chain(operations).map(|name| name.0).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Jaeger {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        let known = Known::default;
        let http = HttpClient::new(endpoint, observer)?;
        Ok(Self { http, traces: known(), searches: known(), services: known(), rooms: room::Rooms::default() })
    }

    /// The HTTP client: its address, its clock.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Which APIs answered until now: `trace v3`, `search v1`.
    pub fn apis(&self) -> Vec<String> {
        let all = [("services", &self.services), ("search", &self.searches), ("trace", &self.traces)];
        all.into_iter().filter_map(|(what, known)| Some(format!("{what} v{}", known.get()?))).collect()
    }

    /// Names of all services.
    ///
    /// # Errors
    /// As any request.
    pub async fn services(&self) -> Result<Vec<CompactString>, SourceError> {
        let path = |api| if api == 3 { "/api/v3/services".to_owned() } else { "/api/services".to_owned() };
        self.names(path, &[]).await
    }

    /// Names of the operations of a service.
    ///
    /// # Errors
    /// As any request.
    pub async fn operations(&self, service: &str) -> Result<Vec<CompactString>, SourceError> {
        let segment: String = url::form_urlencoded::byte_serialize(service.as_bytes()).collect::<String>().replace('+', "%20");
        let path = |api| if api == 3 { "/api/v3/operations".to_owned() } else { format!("/api/services/{segment}/operations") };
        self.names(path, &[("service", service)]).await
    }

    async fn names(&self, path: impl Fn(u8) -> String, params: &[(&'static str, &str)]) -> Result<Vec<CompactString>, SourceError> {
        for api in self.services.candidates([3, 1]) {
            let params = params.iter().filter(|_| api == 3);
            let request = params.fold(Request::get(path(api)), |r, (name, value)| r.param(name, *value));
            let told = match self.http.send(request).await {
                Ok(answer) => json::decode::<Names>(self.http.backend(), "services", &answer.body),
                Err(e) => Err(e),
            };
            if self.services.settles(api, &told) {
                return told.map(Names::sorted);
            }
        }
        Err(self.no_api())
    }

    fn no_api(&self) -> SourceError {
        self.http.error(ErrorKind::NotSupported, "it has neither the first nor the third of Jaeger's query APIs")
    }

    /// All spans of a trace.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there are none; else as any request.
    pub async fn trace(&self, id: TraceId, hint: Option<TimeRange>) -> Result<Spans, SourceError> {
        let Some(range) = hint else { return self.trace_within(id, None).await };
        let around = near::around(range);
        let part = match self.trace_within(id, Some(around)).await {
            Ok(spans) if near::is_whole(&spans, around) => return Ok(spans),
            Ok(spans) => Some(spans),
            // What failed near the hint may be there without it.
            Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Server(_)) => None,
            Err(e) => return Err(e),
        };
        near::or_part(self.trace_within(id, None).await, part)
    }

    async fn trace_within(&self, id: TraceId, range: Option<TimeRange>) -> Result<Spans, SourceError> {
        for api in self.traces.candidates([3, 1]) {
            let told = self.trace_by(api, id, range).await;
            if self.traces.settles(api, &told) {
                return told?.ok_or_else(|| self.http.error(ErrorKind::NotFound, format!("no trace {id}")));
            }
        }
        Err(self.no_api())
    }

    async fn trace_by(&self, api: u8, id: TraceId, range: Option<TimeRange>) -> Result<Option<Spans>, SourceError> {
        // Ids of 64 bits were stored with as many digits by older ones.
        let path = if api == 3 { format!("/api/v3/traces/{id}") } else { format!("/api/traces/{id}") };
        let mut request = Request::get(path);
        if let Some(range) = range {
            request = match api {
                3 => request.param("startTime", rfc3339(range.start)).param("endTime", rfc3339(range.end)),
                _ => request.param("start", micros(range.start)).param("end", micros(range.end)),
            };
        }
        let answer = match self.http.send(request).await {
            Err(e) if is_nothing_found(&e) => return Ok(None),
            answer => answer?,
        };
        let mut spans = Builder::new(id);
        let partial = otlp::decode(self.http.backend(), &answer.body, &mut spans)?;
        let spans = spans.finish(partial);
        match &spans.partial {
            _ if !spans.spans.is_empty() => Ok(Some(spans)),
            Some(words) => self.nothing(&answer, words, || format!("no spans of trace {id}")).map(|()| None),
            None => Ok(None),
        }
    }

    /// An answer without spans, by its own words: there are none, or it failed.
    fn nothing(&self, answer: &Answer, words: &str, what: impl FnOnce() -> String) -> Result<(), SourceError> {
        match told_code(&answer.body) {
            code if code == 404 || says_nothing_found(words) => Ok(()),
            code => Err(self.http.error(ErrorKind::Server(code), format!("{}: {words}", what()))),
        }
    }

    /// Traces that match, newest first of those that the server chose.
    ///
    /// # Errors
    /// As any request, and for TraceQL, which it does not know.
    pub async fn search(&self, search: &TraceSearch) -> Result<TraceHits, SourceError> {
        let Some(query) = &search.query.plain else {
            let why = Abilities::none(TraceOrigin::Jaeger).why_not(Ability::TraceQl).unwrap_or_default();
            return Err(self.http.error(ErrorKind::NotSupported, why));
        };
        let mut services: Vec<CompactString> = match &query.service {
            Some(service) => vec![service.clone()],
            None => self.services().await?,
        };
        let all = services.len();
        services.truncate(MOST_SERVICES);
        let mut asked = Vec::new();
        for service in &services {
            asked.push(self.search_service(service, query, search));
        }
        let found = join_all(asked).await;
        let (mut hits, mut notes, mut failures) = (HashMap::new(), Vec::new(), Vec::new());
        for told in found {
            match told {
                Ok((more, note)) => {
                    hits.extend(more.into_iter().map(|h| (h.trace, h)));
                    notes.extend(note);
                }
                Err(e) => failures.push(e),
            }
        }
        notes.sort_unstable();
        notes.dedup();
        let failed = failures.len();
        if let Some(e) = failures.into_iter().next() {
            if hits.is_empty() {
                return Err(e);
            }
            notes.insert(0, format!("{failed} of {} services did not answer: {}", services.len(), e.message));
        }
        if all > services.len() {
            notes.insert(0, format!("{} of {all} services searched: name one", services.len()));
        }
        let part = (!notes.is_empty()).then(|| notes.join("; "));
        let mut hits: Vec<TraceHit> = hits.into_values().collect();
        hits.sort_by_key(|h| (std::cmp::Reverse(h.start), h.trace));
        hits.truncate(search.limit);
        Ok(TraceHits { hits, newest: false, part })
    }

    /// Traces with a span of a service. An answer that is too large is asked for with fewer traces, now and from now on, which is
    /// told.
    async fn search_service(
        &self,
        service: &str,
        query: &PlainQuery,
        search: &TraceSearch,
    ) -> Result<(Vec<TraceHit>, Option<String>), SourceError> {
        let wanted = search.limit.clamp(1, MOST_TRACES);
        let mut limit = self.rooms.of(service).unwrap_or(wanted).min(wanted);
        loop {
            let answer = match self.ask(service, query, search.range, limit).await {
                Err(e) if matches!(e.kind, ErrorKind::TooLarge(_)) && limit > 1 => {
                    limit = self.rooms.too_large(service, limit);
                    continue;
                }
                answer => answer?,
            };
            let Some(answer) = answer else { return Ok((Vec::new(), None)) };
            let mut spans = ByTrace::new(MOST_SPANS);
            let told = otlp::decode(self.http.backend(), &answer.body, &mut spans)?;
            let hits: Vec<TraceHit> = spans.finish().iter().map(hit).collect();
            if let (true, Some(words)) = (hits.is_empty(), &told) {
                self.nothing(&answer, words, || format!("no traces of {service}"))?;
                return Ok((hits, None));
            }
            let is_full = hits.len() >= limit;
            if is_full {
                self.rooms.full(service, limit);
            }
            let cut = (is_full && limit < wanted).then(|| format!("{limit} at a time: more are too large to be read"));
            return Ok((hits, told.or(cut)));
        }
    }

    /// What it answers to a search; `None` where there is nothing.
    async fn ask(&self, service: &str, query: &PlainQuery, range: TimeRange, limit: usize) -> Result<Option<Answer>, SourceError> {
        for api in self.searches.candidates([1, 3]) {
            let request = if api == 3 { third(service, query, range, limit) } else { first(service, query, range, limit) };
            let told = match self.http.send(request).await {
                Err(e) if is_nothing_found(&e) => Ok(None),
                told => told.map(Some),
            };
            if self.searches.settles(api, &told) {
                return told;
            }
        }
        Err(self.no_api())
    }
}

/// The question in the first API's words.
fn first(service: &str, query: &PlainQuery, range: TimeRange, limit: usize) -> Request {
    let mut request = Request::get("/api/traces")
        .param("service", service)
        .param("start", micros(range.start))
        .param("end", micros(range.end))
        .param("limit", limit.to_string());
    if let Some(name) = &query.name {
        request = request.param("operation", name.as_str());
    }
    let tags = attributes(query);
    if !tags.is_empty() {
        request = request.param("tags", serde_json::Value::Object(tags).to_string());
    }
    match query.longer_than {
        Some(least) => request.param("minDuration", format!("{}us", least.as_micros())),
        None => request,
    }
}

/// The same in the third one's; older servers call the parameters otherwise, and pass over those that they do not know.
fn third(service: &str, query: &PlainQuery, range: TimeRange, limit: usize) -> Request {
    let mut request = Request::get("/api/v3/traces");
    let mut both = |names: [&'static str; 2], value: String| {
        request = names.into_iter().fold(request.clone(), |r, name| r.param(name, value.clone()));
    };
    both(["query.serviceName", "query.service_name"], service.to_owned());
    if let Some(name) = &query.name {
        both(["query.operationName", "query.operation_name"], name.to_string());
    }
    both(["query.startTimeMin", "query.start_time_min"], rfc3339(range.start));
    both(["query.startTimeMax", "query.start_time_max"], rfc3339(range.end));
    both(["query.searchDepth", "query.num_traces"], limit.to_string());
    if let Some(least) = query.longer_than {
        both(["query.durationMin", "query.duration_min"], format!("{}us", least.as_micros()));
    }
    let tags = attributes(query);
    if tags.is_empty() { request } else { request.param("query.attributes", serde_json::Value::Object(tags).to_string()) }
}

fn attributes(query: &PlainQuery) -> serde_json::Map<String, serde_json::Value> {
    let tags = query.tags.iter().map(|(name, value)| (name.to_string(), value.as_str().into()));
    tags.chain(query.failed.then(|| ("error".to_owned(), "true".into()))).collect()
}

/// Whether the API is there and has nothing: what else is not there says so in other words.
fn is_nothing_found(e: &SourceError) -> bool {
    e.kind == ErrorKind::NotSupported && says_nothing_found(&e.message)
}

fn says_nothing_found(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("trace not found") || words.contains("no traces found")
}

/// The status that it tells in its data, in a body without spans; that of a fault where it tells none. In a stream of the third
/// API a code by itself is one of gRPC's.
fn told_code(body: &[u8]) -> u16 {
    const GRPC_NOT_FOUND: u64 = 5;
    let documents = serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>();
    let code = documents.map_while(Result::ok).find_map(|document| {
        let number = |at: &str| document.pointer(at).and_then(serde_json::Value::as_u64);
        let http = number("/errors/0/code").or_else(|| number("/error/httpCode")).or_else(|| number("/error/http_code"));
        http.or_else(|| number("/error/code").map(|code| if code == GRPC_NOT_FOUND { 404 } else { 500 }))
    });
    code.and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 400).unwrap_or(500)
}

fn micros(at: Timestamp) -> String {
    (at.0.max(0) / 1000).to_string()
}

fn rfc3339(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_nanos(at.0.max(0)).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

#[cfg(test)]
mod tests;
