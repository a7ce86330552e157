//! Searches: of one service as Jaeger has it, or of all services one after the other.
//!
//! A hit comes with all of its spans, and stores that keep traces in memory copy all that match before they choose: few are asked
//! for, of few services at a time, by one search at a time, and none once as long as an answer may take has gone by.

use std::collections::HashMap;

use compact_str::CompactString;
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{Jaeger, MOST_TRACES, is_nothing_found, micros, rfc3339};
use crate::{
    background,
    model::{
        backend::{ErrorKind, SourceError},
        time::TimeRange,
        trace::{TraceHit, TraceHits, TraceId},
        trace_source::{Abilities, Ability, PlainQuery, TraceOrigin},
    },
    source::{
        http::{Answer, Request},
        otlp::{self, ByTrace},
        trace_file::hit,
        traces::TraceSearch,
    },
};

/// Services that are asked for, where the question names none: Jaeger searches those of one service.
const MOST_SERVICES: usize = 30;
/// Services that are searched at the same time.
const AT_ONCE: usize = 2;
/// Traces of each of several services, at the least: as many as Jaeger's own page asks for.
const LEAST_OF_EACH: usize = 20;
/// Spans of one answer.
const MOST_SPANS: usize = 500_000;

/// What was found in one service, and what there is to be said of it.
type Found = (Vec<TraceHit>, Option<String>);

/// What all services together told.
#[derive(Default)]
struct Told {
    hits: HashMap<TraceId, TraceHit>,
    notes: Vec<String>,
    failures: Vec<SourceError>,
    /// Services for which there was no time.
    left: usize,
}

impl Told {
    fn take(&mut self, told: Option<Result<Found, SourceError>>) {
        match told {
            Some(Ok((hits, note))) => {
                self.hits.extend(hits.into_iter().map(|h| (h.trace, h)));
                self.notes.extend(note);
            }
            Some(Err(e)) => self.failures.push(e),
            None => self.left += 1,
        }
    }

    /// The newest of the hits. `known` services there are, of which so many were meant to be searched.
    fn finish(mut self, known: usize, meant: usize, limit: usize) -> Result<TraceHits, SourceError> {
        self.notes.sort_unstable();
        self.notes.dedup();
        let failed = self.failures.len();
        if let Some(e) = self.failures.into_iter().next() {
            if self.hits.is_empty() {
                return Err(e);
            }
            self.notes.insert(0, format!("{failed} of {} services did not answer: {}", meant - self.left, e.message));
        }
        let searched = meant - self.left;
        if known > searched {
            let in_time = if self.left > 0 { " in time" } else { "" };
            self.notes.insert(0, format!("{searched} of {known} services searched{in_time}: name one"));
        }
        let part = (!self.notes.is_empty()).then(|| self.notes.join("; "));
        let mut hits: Vec<TraceHit> = self.hits.into_values().collect();
        hits.sort_by_key(|h| (std::cmp::Reverse(h.start), h.trace));
        hits.truncate(limit);
        Ok(TraceHits { hits, newest: false, part })
    }
}

impl Jaeger {
    /// Traces that match, newest first of those that the server chose.
    ///
    /// # Errors
    /// As any request, and for TraceQL, which it does not know.
    pub async fn search(&self, search: &TraceSearch) -> Result<TraceHits, SourceError> {
        let Some(query) = &search.query.plain else {
            let why = Abilities::none(TraceOrigin::Jaeger).why_not(Ability::TraceQl).unwrap_or_default();
            return Err(self.http.error(ErrorKind::NotSupported, why));
        };
        let _turn = self.turn.lock().await;
        let until = Instant::now() + self.http.timeout();
        let mut services: Vec<CompactString> = match &query.service {
            Some(service) => vec![service.clone()],
            None => self.services().await?,
        };
        let known = services.len();
        services.truncate(MOST_SERVICES);
        let meant = services.len();
        let each = of_each(search.limit, meant);
        let mut asked = Vec::new();
        for service in &services {
            asked.push(async move { in_time(until, self.search_service(service, query, search, each)).await });
        }
        let mut found = stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut told = Told::default();
        while let Some(of_one) = found.next().await {
            told.take(of_one);
        }
        told.finish(known, meant, search.limit)
    }

    /// Traces with a span of a service, so many at the most. An answer that is too large is asked for with fewer traces, now and from
    /// now on, which is told.
    async fn search_service(&self, service: &str, query: &PlainQuery, search: &TraceSearch, wanted: usize) -> Result<Found, SourceError> {
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
            let (hits, told) = self.read(&answer).await?;
            if let (true, Some(words)) = (hits.is_empty(), &told) {
                self.nothing(&answer, words, || format!("no traces of {service}"))?;
                return Ok((hits, None));
            }
            let is_full = hits.len() >= limit;
            if is_full {
                self.rooms.full(service, limit);
            }
            let cut = match is_full {
                true if limit < wanted => Some(format!("{limit} at a time: more are too large to be read")),
                true if limit < search.limit => Some(format!("at most {limit} traces of a service")),
                _ => None,
            };
            return Ok((hits, told.or(cut)));
        }
    }

    /// The hits of an answer, which has all their spans: 32 MB take long enough to hold others up.
    async fn read(&self, answer: &Answer) -> Result<(Vec<TraceHit>, Option<String>), SourceError> {
        let (backend, body) = (self.http.backend(), answer.body.clone());
        let read = background::run(move || {
            let mut spans = ByTrace::new(MOST_SPANS);
            let told = otlp::decode(backend, &body, &mut spans)?;
            Ok((spans.finish().iter().map(hit).collect(), told))
        });
        read.await.unwrap_or_else(|| Err(self.http.error(ErrorKind::Bug, "redline failed while it read the traces")))
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

/// What comes of a question that is begun in time.
async fn in_time<T>(until: Instant, question: impl Future<Output = T>) -> Option<T> {
    if Instant::now() < until { Some(question.await) } else { None }
}

/// How many traces are asked of each of so many services, where so many are wanted in all. Twice their share: a trace is of several.
fn of_each(wanted: usize, services: usize) -> usize {
    let wanted = wanted.clamp(1, MOST_TRACES);
    if services <= 1 { wanted } else { (2 * wanted).div_ceil(services).max(LEAST_OF_EACH).min(wanted) }
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

#[cfg(test)]
mod tests {
    use super::of_each;

    #[test]
    fn of_several_services_a_search_wants_fewer_of_each() {
        for (wanted, services, each) in [(50, 1, 50), (200, 1, 50), (50, 2, 50), (50, 4, 25), (50, 14, 20), (50, 30, 20), (3, 14, 3)] {
            assert_eq!(of_each(wanted, services), each, "{wanted} of {services}");
        }
    }
}
