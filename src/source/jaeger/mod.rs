//! Jaeger: a trace by its id, and searches, by whichever of its two query APIs there is.
//!
//! The third one (OTLP) gives a trace as it was sent. The first one searches by tags, which the third one of older servers does
//! not; servers from 2.21 on search by the third alone.

mod room;
mod search;
pub(super) mod wire;

use std::sync::atomic::{AtomicU8, Ordering};

use chrono::SecondsFormat;
use compact_str::CompactString;
use serde::Deserialize;

use super::{
    http::{Answer, Endpoint, HttpClient, Observer, Request},
    json::{self, Text, nullable},
    near,
    otlp::{self, Builder},
};
use crate::{
    background,
    model::{
        backend::{ErrorKind, SourceError},
        explored,
        time::{TimeRange, Timestamp},
        trace::{Spans, TraceId},
    },
    traceql_plain::{is_service, plain_of},
};

/// Traces that one search asks for at the most: they are answered with all of their spans.
const MOST_TRACES: usize = 50;

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
    /// Whose search it is: a page may have several.
    turn: tokio::sync::Mutex<()>,
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
        Ok(Self {
            http,
            traces: known(),
            searches: known(),
            services: known(),
            rooms: room::Rooms::default(),
            turn: tokio::sync::Mutex::default(),
        })
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

    /// Values of an attribute beside the other conditions of a TraceQL: services, and the operations of a service that it names. Of
    /// others Jaeger tells none.
    ///
    /// # Errors
    /// As any request.
    pub async fn values(&self, tag: &str, traceql: &str, service_attributes: &[String]) -> Result<explored::Names, SourceError> {
        let names = match tag {
            "name" | "span:name" => match plain_of(traceql, service_attributes).and_then(|plain| plain.service) {
                Some(service) => self.operations(&service).await?,
                None => return Err(self.http.error(ErrorKind::NotSupported, "Jaeger tells operations by service: name that one first")),
            },
            _ if tag.strip_prefix("resource.").is_some_and(|own| is_service(own, service_attributes)) => self.services().await?,
            _ => Vec::new(),
        };
        Ok(explored::Names { names, cut: false })
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

    /// All spans of a trace. One that is not found may be older than the server looks back by itself: it is asked for at the time of
    /// the hint, which would take what began before it off a trace that is found.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there are none; else as any request.
    pub async fn trace(&self, id: TraceId, hint: Option<TimeRange>) -> Result<Spans, SourceError> {
        let told = self.trace_within(id, None).await;
        let Some(range) = hint else { return told };
        match &told {
            Err(e) if e.kind == ErrorKind::NotFound => self.trace_within(id, Some(near::around(range))).await,
            // What fails everywhere may be there near the hint.
            Err(e) if matches!(e.kind, ErrorKind::Server(_)) => {
                let near = self.trace_within(id, Some(near::around(range))).await;
                near::or_part(told, near.ok())
            }
            _ => told,
        }
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
        let mut request = Request::get(path).beginning();
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
        let spans = self.spans(id, &answer).await?;
        match &spans.partial {
            _ if !spans.spans.is_empty() => Ok(Some(spans)),
            // The first API tells the services behind the spans: its beginning is none.
            _ if answer.cut => Err(self.http.too_large()),
            Some(words) => self.nothing(&answer, words, || format!("no spans of trace {id}")).map(|()| None),
            None => Ok(None),
        }
    }

    /// The spans of an answer, which is read beside all others: 32 MB take a while. One that is cut tells so.
    async fn spans(&self, id: TraceId, answer: &Answer) -> Result<Spans, SourceError> {
        let (backend, body, too_large) = (self.http.backend(), answer.body.clone(), answer.cut.then(|| self.http.too_large()));
        let read = background::run(move || {
            let mut spans = Builder::new(id);
            let told = otlp::decode(backend, &body, &mut spans);
            let partial = match too_large {
                Some(e) => Some(format!("{}: what is beyond is not here, body_mib in config.toml reads more", e.message)),
                None => told?,
            };
            Ok(spans.finish(partial))
        });
        read.await.unwrap_or_else(|| Err(self.http.error(ErrorKind::Bug, "redline failed while it read the trace")))
    }

    /// An answer without spans, by its own words: there are none, or it failed.
    fn nothing(&self, answer: &Answer, words: &str, what: impl FnOnce() -> String) -> Result<(), SourceError> {
        match told_code(&answer.body) {
            code if code == 404 || says_nothing_found(words) => Ok(()),
            code => Err(self.http.error(ErrorKind::Server(code), format!("{}: {words}", what()))),
        }
    }
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
