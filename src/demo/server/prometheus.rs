//! The demo's Prometheus: its HTTP API over the rule engine, which holds the scraped and the recorded series.

mod encode;
mod params;
mod rules;
mod series;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use self::params::Params;
pub use self::rules::rfc3339;
use crate::demo::{
    promql::{self, QueryError},
    rules::RuleEngine,
};

/// The version whose behaviour the demo imitates.
const VERSION: &str = "3.13.0";
/// Most points a series may have in a range query, less one.
const MAX_STEPS: i64 = 11_000;

/// What the handlers read.
pub struct Prometheus {
    /// The rules with the scraped and the recorded series.
    rules: Arc<RuleEngine>,
}

/// An error in Prometheus' envelope.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl ApiError {
    fn bad_data(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", message: message.into() }
    }

    fn parameter(name: &str, message: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {message}"))
    }

    fn query(error: QueryError) -> Self {
        let (status, kind) = match &error {
            QueryError::BadData(message) => return Self::parameter("query", message),
            QueryError::Execution(_) => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            QueryError::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            QueryError::Canceled => (StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), "canceled"),
        };
        Self { status, kind, message: error.to_string() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"status": "error", "errorType": self.kind, "error": self.message}).to_string();
        (self.status, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// A success with `data` as JSON text.
fn success(data: &str) -> Response {
    success_with(data, &[])
}

fn success_with(data: &str, warnings: &[&str]) -> Response {
    let warnings = if warnings.is_empty() { String::new() } else { format!(",\"warnings\":{}", json!(warnings)) };
    ([(CONTENT_TYPE, "application/json")], format!("{{\"status\":\"success\",\"data\":{data}{warnings}}}")).into_response()
}

/// The warning of results that a limit cut off.
const TRUNCATED: &[&str] = &["results truncated due to limit"];

/// A success with a list, cut off at a limit other than zero.
fn success_limited(items: impl Iterator<Item = Value>, limit: usize) -> Response {
    let mut items: Vec<Value> = items.collect();
    let cut = truncate(&mut items, limit);
    success_with(&Value::Array(items).to_string(), cut)
}

fn truncate<T>(items: &mut Vec<T>, limit: usize) -> &'static [&'static str] {
    if limit == 0 || items.len() <= limit {
        return &[];
    }
    items.truncate(limit);
    TRUNCATED
}

/// The routes of Prometheus' HTTP API.
pub fn router(rules: Arc<RuleEngine>) -> Router {
    Router::new()
        .route("/api/v1/query", get(query).post(query))
        .route("/api/v1/query_range", get(query_range).post(query_range))
        .route("/api/v1/query_exemplars", api_with_post(series::exemplars))
        .route("/api/v1/labels", api_with_post(series::label_names))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/series", api_with_post(series::series))
        .route("/api/v1/metadata", api(series::metadata))
        .route("/api/v1/targets", api(series::targets))
        .route("/api/v1/rules", api(rules::rules))
        .route("/api/v1/alerts", api(|prometheus, _| Ok(rules::alerts(prometheus))))
        .route("/api/v1/status/buildinfo", api(|_, _| Ok(success(&build_info().to_string()))))
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(Arc::new(Prometheus { rules }))
}

type Handler = fn(&Prometheus, &Params) -> Result<Response, ApiError>;
type Route = axum::routing::MethodRouter<Arc<Prometheus>>;

/// A handler that may take long, so it runs on a thread of its own.
fn api(handler: Handler) -> Route {
    get(move |State(prometheus): State<Arc<Prometheus>>, params: Params| blocking(move || handler(&prometheus, &params)))
}

fn api_with_post(handler: Handler) -> Route {
    let run = move |State(prometheus): State<Arc<Prometheus>>, params: Params| blocking(move || handler(&prometheus, &params));
    get(run).post(run)
}

async fn blocking(work: impl FnOnce() -> Result<Response, ApiError> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.into_response(),
        Err(error) => ApiError { status: StatusCode::INTERNAL_SERVER_ERROR, kind: "internal", message: error.to_string() }.into_response(),
    }
}

fn build_info() -> Value {
    let (version, revision) = (VERSION, concat!("redline-demo-", env!("CARGO_PKG_VERSION")));
    json!({"version": version, "revision": revision, "branch": "demo", "buildUser": "redline", "buildDate": "", "goVersion": ""})
}

/// Tells an evaluation that its client has gone.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn query(State(prometheus): State<Arc<Prometheus>>, params: Params) -> Response {
    let canceled = Arc::<AtomicBool>::default();
    let _guard = CancelOnDrop(canceled.clone());
    blocking(move || instant_query(&prometheus, &params, canceled)).await
}

fn instant_query(prometheus: &Prometheus, params: &Params, canceled: Arc<AtomicBool>) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let at = params.time("time")?.unwrap_or_else(|| prometheus.rules.clock().now().millis());
    let limits = promql::Limits { canceled, ..params.limits()? };
    let expr = promql::parse(params.get("query").unwrap_or("")).map_err(ApiError::query)?;
    let mut answer = promql::instant(&*prometheus.rules, &expr, at, &limits).map_err(ApiError::query)?;
    let cut = match &mut answer {
        promql::Answer::Vector(samples) => truncate(samples, limit),
        promql::Answer::Matrix(series) => truncate(series, limit),
        promql::Answer::Scalar(_) | promql::Answer::Text(_) => &[],
    };
    Ok(success_with(&encode::answer(&answer, at), cut))
}

async fn query_range(State(prometheus): State<Arc<Prometheus>>, params: Params) -> Response {
    let canceled = Arc::<AtomicBool>::default();
    let _guard = CancelOnDrop(canceled.clone());
    blocking(move || range_query(&prometheus, &params, canceled)).await
}

fn range_query(prometheus: &Prometheus, params: &Params, canceled: Arc<AtomicBool>) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let (start, end) = (params.required_time("start")?, params.required_time("end")?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step = params.duration("step")?.ok_or_else(|| ApiError::parameter("step", "cannot parse \"\" to a valid duration"))?;
    if step <= 0 {
        return Err(ApiError::parameter("step", "zero or negative query resolution step widths are not accepted. Try a positive integer"));
    }
    if (end - start) / step > MAX_STEPS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let limits = promql::Limits { canceled, ..params.limits()? };
    let expr = promql::parse(params.get("query").unwrap_or("")).map_err(ApiError::query)?;
    let mut matrix = promql::range(&*prometheus.rules, &expr, start, end, step, &limits).map_err(ApiError::query)?;
    let cut = truncate(&mut matrix, limit);
    Ok(success_with(&encode::matrix(&matrix), cut))
}

async fn label_values(State(prometheus): State<Arc<Prometheus>>, Path(name): Path<String>, params: Params) -> Response {
    blocking(move || series::label_values(&prometheus, &name, &params)).await
}
