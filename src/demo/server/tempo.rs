//! The demo's Tempo: the HTTP API of Tempo 2 over a [`TraceStore`].

mod json;
mod metrics;
mod search;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prost::Message;
use serde_json::{Value as JsonValue, json};

use super::params::{self, Params, Refusal};
use crate::{
    demo::{
        store::{Clock, StoredTrace, TraceStore},
        traceql::rows::Rows,
    },
    model::trace::TraceId,
    wire::otlp::{Span, TraceByIdResponse, TracesData},
};

const PROTOBUF: &str = "application/protobuf";
/// What it says it is.
const VERSION: &str = "2.10.8";
/// Traces larger than this many bytes are cut, as an operator of a shop with long jobs sets it.
const MAX_BYTES: usize = 64 << 20;

/// What all requests read.
struct Tempo {
    traces: Arc<dyn TraceStore>,
    clock: Arc<dyn Clock>,
    max_bytes: usize,
}

/// The routes of Tempo's HTTP API.
pub fn router(traces: Arc<dyn TraceStore>, clock: Arc<dyn Clock>) -> Router {
    router_with(traces, clock, MAX_BYTES)
}

/// The same with another limit of a trace's size.
fn router_with(traces: Arc<dyn TraceStore>, clock: Arc<dyn Clock>, max_bytes: usize) -> Router {
    let build = json!({"version": VERSION, "revision": "demo", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""});
    Router::new()
        .route("/api/traces/{id}", get(trace))
        .route("/api/v2/traces/{id}", get(trace_v2))
        .route("/api/metrics/query_range", get(metrics::query_range))
        .route("/api/metrics/query", get(metrics::query))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::tags))
        .route("/api/v2/search/tags", get(tags::tags_v2))
        .route("/api/search/tag/{tag}/values", get(tags::values))
        .route("/api/v2/search/tag/{tag}/values", get(tags::values_v2))
        .route("/api/echo", get(|| async { "echo" }))
        .route("/api/status/buildinfo", get(move || async move { Json(build) }))
        .route("/status/version", get(|| async { format!("tempo, version {VERSION} (branch: , revision: demo)\n") }))
        .route("/ready", get(|| async { "ready" }))
        .with_state(Arc::new(Tempo { traces, clock, max_bytes }))
}

/// Runs what may take a while away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    tempo: &Arc<Tempo>,
    work: impl FnOnce(&Tempo) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let tempo = tempo.clone();
    params::blocking(move || work(&tempo)).await
}

/// A trace, or what of it Tempo looks for: `start` and `end` (seconds) leave out what was flushed to other blocks.
async fn stored(tempo: &Arc<Tempo>, id: &str, params: &Params) -> Result<Option<StoredTrace>, Refusal> {
    if let Some((i, c)) = id.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit()) {
        return Err(Refusal::bad(format!("trace IDs can only contain hex characters: invalid character '{c}' at position {}", i + 1)));
    }
    if id.len() > 32 {
        return Err(Refusal::bad("trace IDs can't be larger than 128 bits"));
    }
    let second = |name: &str| match params.get(name) {
        Some(text) => {
            text.parse::<i64>().map_err(|_| Refusal::bad(format!("invalid {name}: strconv.ParseInt: parsing {text:?}: invalid syntax")))
        }
        None => Ok(0),
    };
    let (start, end) = (second("start")?, second("end")?);
    if start != 0 && end != 0 && end <= start {
        return Err(Refusal::bad(format!("http parameter start must be before end. received start={start} end={end}")));
    }
    let Some(id) = TraceId::parse(id) else { return Ok(None) };
    blocking(tempo, move |tempo| {
        let recent = (tempo.clock.now() - search::RECENT).0;
        let found = tempo.traces.trace(id).filter(|trace| {
            let rows = Rows::new(trace);
            let (from, to) = ((rows.start / 1_000_000_000) as i64, (rows.end / 1_000_000_000) as i64);
            let live = i64::try_from(rows.end).is_ok_and(|end| end >= recent);
            live || (start == 0 || to >= start) && (end == 0 || from <= end)
        });
        Ok(found)
    })
    .await
}

/// Leaves what of a trace a limit of bytes has room for; whether that is less.
fn cut(trace: &mut StoredTrace, most: usize) -> bool {
    let mut room = most;
    let mut fits = |span: &Span| {
        let length = span.encoded_len();
        let fits = length <= room;
        room = if fits { room - length } else { 0 };
        fits
    };
    let mut partial = false;
    for scoped in trace.spans.iter_mut().flat_map(|r| &mut r.scope_spans) {
        let before = scoped.spans.len();
        scoped.spans.retain(&mut fits);
        partial |= scoped.spans.len() < before;
    }
    partial
}

fn wants_protobuf(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|accept| accept.contains(PROTOBUF))
}

fn protobuf(message: &impl Message) -> Response {
    ([(header::CONTENT_TYPE, PROTOBUF)], message.encode_to_vec()).into_response()
}

fn batches(trace: &StoredTrace) -> JsonValue {
    trace.spans.iter().map(json::resource_spans).collect()
}

async fn trace(State(tempo): State<Arc<Tempo>>, Path(id): Path<String>, headers: HeaderMap, params: Params) -> Result<Response, Refusal> {
    let Some(mut trace) = stored(&tempo, &id, &params).await? else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    if cut(&mut trace, tempo.max_bytes) {
        let message = format!("trace exceeds max size (max bytes: {})", tempo.max_bytes);
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    if wants_protobuf(&headers) {
        return Ok(protobuf(&TracesData { resource_spans: trace.spans }));
    }
    Ok(Json(json!({"batches": batches(&trace)})).into_response())
}

/// A trace that does not exist is an empty one here, and one that is too large is there in part.
async fn trace_v2(
    State(tempo): State<Arc<Tempo>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Refusal> {
    let mut trace = stored(&tempo, &id, &params).await?;
    let partial = trace.as_mut().is_some_and(|t| cut(t, tempo.max_bytes));
    let message = if partial {
        format!("Trace exceeds maximum size of {} bytes, a partial trace is returned", tempo.max_bytes)
    } else {
        String::new()
    };
    if wants_protobuf(&headers) {
        let found = TracesData { resource_spans: trace.map(|t| t.spans).unwrap_or_default() };
        return Ok(protobuf(&TraceByIdResponse { trace: Some(found), status: i32::from(partial), message }));
    }
    let body = trace.map_or_else(|| json!({}), |t| json!({"resourceSpans": batches(&t)}));
    let mut out = json!({"trace": body, "metrics": {}});
    if partial {
        out["status"] = "PARTIAL".into();
        out["message"] = message.into();
    }
    Ok(Json(out).into_response())
}
