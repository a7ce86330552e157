//! The demo's Alertmanager: the firing alerts of the rule engine, routed by severity, and its silences.

mod matcher;
mod silences;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use regex::Regex;
use serde_json::{Value, json};

use self::silences::{Refusal, Silences, is_uuid};
use super::prometheus::rfc3339;
use crate::{
    demo::{
        filter::LabelFilter,
        rules::{ActiveAlert, AlertState, Rule, RuleEngine},
    },
    model::{
        labels::{Labels, Matcher},
        silence::{Silence, SilenceState},
        time::Timestamp,
    },
};

/// How long Prometheus says that an alert is valid when it sends it: four resend delays.
const VALIDITY_MS: i64 = 4 * 60_000;
/// The routing, which [`receiver`] and [`groups`] follow.
const CONFIG: &str = "route:\n  receiver: tickets\n  group_by: [service]\n  routes:\n    - matchers: ['severity=~\"page|critical\"']\n      receiver: pager\nreceivers:\n  - name: pager\n  - name: tickets\n";

struct Alertmanager {
    rules: Arc<RuleEngine>,
    silences: Silences,
    started: Timestamp,
    /// Base URL of Prometheus, for `generatorURL`.
    prometheus: String,
}

/// An error as Alertmanager writes it: a JSON string.
struct ApiError(StatusCode, String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        json_response(self.0, &json!(self.1))
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// The routes of Alertmanager's v2 API. `prometheus` is the base URL that alerts link to.
pub fn router(rules: Arc<RuleEngine>, silences: Vec<Silence>, prometheus: &str) -> Router {
    let started = rules.clock().now();
    let silences = Silences::new(silences);
    let state = Arc::new(Alertmanager { rules, silences, started, prometheus: prometheus.trim_end_matches('/').to_owned() });
    Router::new()
        .route("/api/v2/alerts", api(alerts))
        .route("/api/v2/alerts/groups", api(groups))
        .route("/api/v2/silences", api(silence_list).post(post_silence))
        .route("/api/v2/silence/{id}", get(silence).delete(expire_silence))
        .route("/api/v2/status", api(status))
        .route("/api/v2/receivers", get(|| async { json_response(StatusCode::OK, &json!([{"name": "pager"}, {"name": "tickets"}])) }))
        .route("/-/ready", get(|| async { "OK" }))
        .route("/-/healthy", get(|| async { "OK" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(state)
}

type Handler = fn(&Alertmanager, &Query) -> Result<Value, ApiError>;

fn api(handler: Handler) -> axum::routing::MethodRouter<Arc<Alertmanager>> {
    get(move |State(alertmanager): State<Arc<Alertmanager>>, RawQuery(query): RawQuery| async move {
        let work = move || handler(&alertmanager, &Query::new(query.as_deref().unwrap_or("")));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(body)) => json_response(StatusCode::OK, &body),
            Ok(Err(error)) => error.into_response(),
            Err(error) => ApiError(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    })
}

/// Parameters of a request.
struct Query(Vec<(String, String)>);

impl Query {
    fn new(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(ApiError(StatusCode::BAD_REQUEST, format!("{name} in query must be of type bool: {other:?}"))),
        }
    }

    fn matchers(&self) -> Result<Vec<Matcher>, ApiError> {
        let texts = self.0.iter().filter(|(name, _)| name == "filter");
        texts.map(|(_, text)| matcher::parse(text)).collect::<Result<_, _>>().map_err(|message| ApiError(StatusCode::BAD_REQUEST, message))
    }

    fn filter(&self) -> Result<LabelFilter, ApiError> {
        LabelFilter::new(&self.matchers()?).map_err(|e| ApiError(StatusCode::BAD_REQUEST, format!("bad matcher format: {e}")))
    }

    fn receiver(&self) -> Result<Option<Regex>, ApiError> {
        let compile = |text: &str| Regex::new(&format!("^(?:{text})$"));
        let regex = self.get("receiver").filter(|text| !text.is_empty()).map(compile).transpose();
        regex.map_err(|e| ApiError(StatusCode::BAD_REQUEST, format!("failed to parse receiver param: {e}")))
    }
}

/// Who is told of an alert.
fn receiver(labels: &Labels) -> &'static str {
    if matches!(labels.get("severity"), Some("page" | "critical")) { "pager" } else { "tickets" }
}

/// FNV-1a of the sorted labels, each name and value ended by 0xff (`model.LabelSet.Fingerprint`).
fn fingerprint(labels: &Labels) -> String {
    let bytes = labels.iter().flat_map(|(name, value)| name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

impl Alertmanager {
    /// Firing alerts that a request asks for, by fingerprint: labels and JSON.
    fn chosen(&self, query: &Query) -> Result<BTreeMap<String, (Arc<Labels>, Value)>, ApiError> {
        let (filter, receivers) = (query.filter()?, query.receiver()?);
        let (active, silenced, _) = (query.flag("active")?, query.flag("silenced")?, query.flag("inhibited")?);
        let now = self.rules.clock().now();
        let mut chosen = BTreeMap::new();
        for (rule, alert) in self.rules.alerts() {
            if alert.state != AlertState::Firing || !filter.matches(&alert.labels) {
                continue;
            }
            if receivers.as_ref().is_some_and(|r| !r.is_match(receiver(&alert.labels))) {
                continue;
            }
            let by = self.silences.silencing(&alert.labels, now);
            if if by.is_empty() { active } else { silenced } {
                chosen.insert(fingerprint(&alert.labels), (alert.labels.clone(), self.alert_json(rule, &alert, &by)));
            }
        }
        Ok(chosen)
    }

    fn alert_json(&self, rule: &Rule, alert: &ActiveAlert, silenced_by: &[String]) -> Value {
        let object = |labels: &Labels| labels.iter().map(|(n, v)| (n.to_owned(), json!(v))).collect::<serde_json::Map<_, _>>();
        let now = self.rules.clock().now().millis();
        let expr: String = url::form_urlencoded::byte_serialize(rule.expr.to_string().as_bytes()).collect();
        json!({
            "annotations": object(&alert.annotations(rule)),
            "endsAt": rfc3339(Some(now + VALIDITY_MS)),
            "fingerprint": fingerprint(&alert.labels),
            "receivers": [{"name": receiver(&alert.labels)}],
            "startsAt": rfc3339(alert.fired_at),
            "status": {
                "inhibitedBy": [], "mutedBy": [], "silencedBy": silenced_by,
                "state": if silenced_by.is_empty() { "active" } else { "suppressed" },
            },
            "updatedAt": rfc3339(Some(now)),
            "generatorURL": format!("{}/graph?g0.expr={expr}&g0.tab=1", self.prometheus),
            "labels": object(&alert.labels),
        })
    }
}

fn alerts(alertmanager: &Alertmanager, query: &Query) -> Result<Value, ApiError> {
    Ok(alertmanager.chosen(query)?.into_values().map(|(_, alert)| alert).collect())
}

/// Alerts by receiver and service.
fn groups(alertmanager: &Alertmanager, query: &Query) -> Result<Value, ApiError> {
    let mut groups: BTreeMap<(Option<String>, &str), Vec<Value>> = BTreeMap::new();
    for (labels, alert) in alertmanager.chosen(query)?.into_values() {
        groups.entry((labels.get("service").map(str::to_owned), receiver(&labels))).or_default().push(alert);
    }
    let group = |((service, receiver), alerts): ((Option<String>, &str), Vec<Value>)| {
        let labels = service.map_or_else(|| json!({}), |service| json!({ "service": service }));
        json!({"labels": labels, "receiver": {"name": receiver}, "alerts": alerts})
    };
    Ok(groups.into_iter().map(group).collect())
}

fn silence_list(alertmanager: &Alertmanager, query: &Query) -> Result<Value, ApiError> {
    let now = alertmanager.rules.clock().now();
    let mut states = Vec::new();
    for state in SilenceState::ALL {
        if query.flag(state.as_str())? {
            states.push(state);
        }
    }
    Ok(alertmanager.silences.list(&states, &query.matchers()?, now).into())
}

async fn silence(State(alertmanager): State<Arc<Alertmanager>>, Path(id): Path<String>) -> Response {
    if !is_uuid(&id) {
        return no_uuid(&id).into_response();
    }
    match alertmanager.silences.get(&id, alertmanager.rules.clock().now()) {
        Some(silence) => json_response(StatusCode::OK, &silence),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn post_silence(State(alertmanager): State<Arc<Alertmanager>>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("application/octet-stream");
    if kind.split(';').next() != Some("application/json") {
        let message = format!("unsupported media type {kind:?}, only [application/json] are allowed");
        return json_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!({"code": 415, "message": message}));
    }
    match alertmanager.silences.set(&body, alertmanager.rules.clock().now()) {
        Ok(id) => json_response(StatusCode::OK, &json!({ "silenceID": id })),
        Err(refusal) => refusal.into_response(),
    }
}

async fn expire_silence(State(alertmanager): State<Arc<Alertmanager>>, Path(id): Path<String>) -> Response {
    if !is_uuid(&id) {
        return no_uuid(&id).into_response();
    }
    match alertmanager.silences.expire(&id, alertmanager.rules.clock().now()) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn no_uuid(id: &str) -> Refusal {
    Refusal::Undefined(601, format!("silenceID in path must be of type uuid: {id:?}"))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Bad(message) => ApiError(StatusCode::BAD_REQUEST, message).into_response(),
            Self::Unknown => ApiError(StatusCode::NOT_FOUND, "silence not found".to_owned()).into_response(),
            Self::Undefined(code, message) => {
                let status = if code < 600 { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
                json_response(status, &json!({"code": code, "message": message}))
            }
        }
    }
}

fn status(alertmanager: &Alertmanager, _: &Query) -> Result<Value, ApiError> {
    let version = json!({
        "version": "0.34.0", "revision": concat!("redline-demo-", env!("CARGO_PKG_VERSION")), "branch": "demo",
        "buildUser": "redline", "buildDate": "", "goVersion": "",
    });
    Ok(json!({
        "cluster": {"status": "disabled", "peers": []},
        "versionInfo": version,
        "config": {"original": CONFIG},
        "uptime": rfc3339(Some(alertmanager.started.millis())),
    }))
}
