//! The demo's Tempo: the HTTP API of Tempo 2 over a [`TraceStore`], without TraceQL metrics.

mod json;
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
    demo::store::{Clock, StoredTrace, TraceStore},
    model::trace::TraceId,
    wire::otlp::{TraceByIdResponse, TracesData},
};

const PROTOBUF: &str = "application/protobuf";
/// What it says it is.
const VERSION: &str = "2.6.1";

/// What all requests read.
struct Tempo {
    traces: Arc<dyn TraceStore>,
    clock: Arc<dyn Clock>,
}

/// The routes of Tempo's HTTP API.
pub fn router(traces: Arc<dyn TraceStore>, clock: Arc<dyn Clock>) -> Router {
    let build = json!({"version": VERSION, "revision": "demo", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""});
    Router::new()
        .route("/api/traces/{id}", get(trace))
        .route("/api/v2/traces/{id}", get(trace_v2))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::tags))
        .route("/api/v2/search/tags", get(tags::tags_v2))
        .route("/api/search/tag/{tag}/values", get(tags::values))
        .route("/api/v2/search/tag/{tag}/values", get(tags::values_v2))
        .route("/api/echo", get(|| async { "echo" }))
        .route("/api/status/buildinfo", get(move || async move { Json(build) }))
        .route("/status/version", get(|| async { format!("tempo, version {VERSION} (branch: , revision: demo)\n") }))
        .route("/ready", get(|| async { "ready" }))
        .with_state(Arc::new(Tempo { traces, clock }))
}

/// Runs what may take a while away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    tempo: &Arc<Tempo>,
    work: impl FnOnce(&Tempo) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let tempo = tempo.clone();
    params::blocking(move || work(&tempo)).await
}

async fn stored(tempo: &Arc<Tempo>, id: &str) -> Result<Option<StoredTrace>, Refusal> {
    if let Some((i, c)) = id.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit()) {
        return Err(Refusal::bad(format!("trace IDs can only contain hex characters: invalid character '{c}' at position {}", i + 1)));
    }
    if id.len() > 32 {
        return Err(Refusal::bad("trace IDs can't be larger than 128 bits"));
    }
    let Some(id) = TraceId::parse(id) else { return Ok(None) };
    blocking(tempo, move |tempo| Ok(tempo.traces.trace(id))).await
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

async fn trace(State(tempo): State<Arc<Tempo>>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let Some(trace) = stored(&tempo, &id).await? else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    if wants_protobuf(&headers) {
        return Ok(protobuf(&TracesData { resource_spans: trace.spans }));
    }
    Ok(Json(json!({"batches": batches(&trace)})).into_response())
}

/// A trace that does not exist is an empty one here.
async fn trace_v2(State(tempo): State<Arc<Tempo>>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let trace = stored(&tempo, &id).await?;
    if wants_protobuf(&headers) {
        let found = TracesData { resource_spans: trace.map(|t| t.spans).unwrap_or_default() };
        return Ok(protobuf(&TraceByIdResponse { trace: Some(found), ..TraceByIdResponse::default() }));
    }
    let body = trace.map_or_else(|| json!({}), |t| json!({"resourceSpans": batches(&t)}));
    Ok(Json(json!({"trace": body, "metrics": {}})).into_response())
}
