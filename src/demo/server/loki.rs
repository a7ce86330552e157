//! The demo's Loki: the HTTP API of Loki 3.7 over a [`LogStore`].

mod answers;
mod discover;
mod fields;
mod limits;
mod patterns;
mod tail;
#[cfg(test)]
mod tests;
mod volume;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value as JsonValue, json};

use self::answers::Encoding;
use super::params::{self, Params, Refusal};
use crate::{
    demo::{
        logql::{
            ast::Expr,
            entries::entries,
            format,
            metrics::{Steps, Value, evaluate},
            parse,
        },
        store::{Clock, LogStore},
    },
    model::time::TimeRange,
};

/// `max_entries_limit_per_query`
const MAX_ENTRIES: usize = 5000;
/// `max_query_series`
const MAX_SERIES: usize = 500;

/// What it says it is.
const VERSION: &str = "3.7.8";

/// What all requests read.
struct Loki {
    logs: Arc<dyn LogStore>,
    clock: Arc<dyn Clock>,
}

/// The routes of Loki's HTTP API.
pub fn router(logs: Arc<dyn LogStore>, clock: Arc<dyn Clock>) -> Router {
    let no_rules = json!({"status": "success", "data": {"groups": []}, "errorType": "", "error": ""});
    let build = json!({"version": VERSION, "revision": "demo", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""});
    Router::new()
        .route("/loki/api/v1/query_range", get(query_range).post(query_range))
        .route("/loki/api/v1/query", get(query).post(query))
        .route("/loki/api/v1/labels", get(discover::labels).post(discover::labels))
        .route("/loki/api/v1/label/{name}/values", get(discover::values))
        .route("/loki/api/v1/series", get(discover::series).post(discover::series))
        .route("/loki/api/v1/index/stats", get(volume::stats).post(volume::stats))
        .route("/loki/api/v1/index/volume", get(volume::volume).post(volume::volume))
        .route("/loki/api/v1/index/volume_range", get(volume::volume_range).post(volume::volume_range))
        .route("/loki/api/v1/detected_labels", get(fields::detected_labels).post(fields::detected_labels))
        .route("/loki/api/v1/detected_fields", get(fields::detected_fields).post(fields::detected_fields))
        .route("/loki/api/v1/detected_field/{name}/values", get(fields::values).post(fields::values))
        .route("/loki/api/v1/patterns", get(patterns::patterns).post(patterns::patterns))
        .route("/loki/api/v1/drilldown-limits", get(limits::drilldown))
        .route("/loki/api/v1/format_query", get(format_query).post(format_query))
        .route("/loki/api/v1/tail", get(tail::tail))
        .route("/loki/api/v1/status/buildinfo", get(move || async move { Json(build) }))
        .route("/prometheus/api/v1/rules", get(move || async move { Json(no_rules) }))
        .route("/ready", get(|| async { "ready\n" }))
        .with_state(Arc::new(Loki { logs, clock }))
}

/// Runs what may take a while away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    loki: &Arc<Loki>,
    work: impl FnOnce(&Loki) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let loki = loki.clone();
    params::blocking(move || work(&loki)).await
}

/// How the client wants entries written.
fn encoding(headers: &HeaderMap) -> Encoding {
    let flags = headers.get("X-Loki-Response-Encoding-Flags").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if flags.split(',').any(|f| f.trim() == "categorize-labels") { Encoding::Categorized } else { Encoding::Merged }
}

async fn query_range(State(loki): State<Arc<Loki>>, headers: HeaderMap, params: Params) -> Result<Json<JsonValue>, Refusal> {
    let (start, end) = params.bounds(loki.clock.now())?;
    let limit = params.positive("limit", 100)?;
    let direction = params.direction()?;
    let step = params.step(start, end)?;
    let encoding = encoding(&headers);
    match parse(params.query())? {
        Expr::Log(log) => {
            if limit > MAX_ENTRIES {
                return Err(too_many_entries(limit));
            }
            let range = TimeRange { start, end };
            let found = blocking(&loki, move |loki| Ok(entries(loki.logs.as_ref(), &log, range, direction, limit)?)).await?;
            Ok(Json(answers::streams(&found, encoding)))
        }
        Expr::Metric(metric) => {
            // Loki's frontend aligns the range with whole milliseconds of the step, outwards.
            let step = (step / 1_000_000).max(1) * 1_000_000;
            let first = start.0.div_euclid(step) * step;
            let last = -(-end.0).div_euclid(step) * step;
            let steps = Steps { start: first, step, count: ((last - first) / step + 1) as usize };
            let value = blocking(&loki, move |loki| Ok(evaluate(loki.logs.as_ref(), &metric, steps)?)).await?;
            Ok(Json(answers::matrix(bounded(value)?, steps)))
        }
    }
}

async fn query(State(loki): State<Arc<Loki>>, params: Params) -> Result<Json<JsonValue>, Refusal> {
    let at = params.instant("time")?.unwrap_or(loki.clock.now());
    let Expr::Metric(metric) = parse(params.query())? else {
        return Err(Refusal::bad("log queries are not supported as an instant query type, please change your query to a range query type"));
    };
    let steps = Steps { start: at.0, step: 1, count: 1 };
    let value = blocking(&loki, move |loki| Ok(evaluate(loki.logs.as_ref(), &metric, steps)?)).await?;
    Ok(Json(answers::instant(bounded(value)?, at.0)))
}

fn too_many_entries(limit: usize) -> Refusal {
    Refusal::bad(format!("max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_ENTRIES})"))
}

/// Refuses what has more series than Loki gives.
fn bounded(value: Value) -> Result<Value, Refusal> {
    match &value {
        Value::Series(series) if series.iter().filter(|s| s.values.iter().any(Option::is_some)).count() > MAX_SERIES => {
            Err(Refusal::bad(format!(
                "maximum number of series ({MAX_SERIES}) reached for a single query; consider reducing query cardinality by adding more specific stream \
             selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
            )))
        }
        _ => Ok(value),
    }
}

/// The query as Loki writes it, or what is wrong with it.
async fn format_query(params: Params) -> Response {
    match parse(params.query()) {
        Ok(expr) => Json(json!({"status": "success", "data": format::pretty(&expr)})).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"status": "invalid-query", "error": error.to_string()}))).into_response(),
    }
}
