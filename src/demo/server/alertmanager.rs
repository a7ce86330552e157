//! The demo's Alertmanager: the firing alerts of the rule engine, routed by severity, and its silences. Reading only.

mod matcher;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use regex::Regex;
use serde_json::{Value, json};

use super::prometheus::rfc3339;
use crate::{
    demo::{
        filter::LabelFilter,
        rules::{ActiveAlert, AlertState, Rule, RuleEngine},
    },
    model::{
        labels::{Labels, MatchOp, Matcher},
        time::Timestamp,
    },
};

/// How long Prometheus says that an alert is valid when it sends it: four resend delays.
const VALIDITY_MS: i64 = 4 * 60_000;
/// The routing, which [`receiver`] and [`groups`] follow.
const CONFIG: &str = "route:\n  receiver: tickets\n  group_by: [service]\n  routes:\n    - matchers: ['severity=~\"page|critical\"']\n      receiver: pager\nreceivers:\n  - name: pager\n  - name: tickets\n";

/// A silence that exists.
#[derive(Clone, Debug)]
pub struct Silence {
    /// Its id, a UUID.
    pub id: String,
    /// What it silences: alerts that all of them match.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

impl Silence {
    fn state(&self, now: Timestamp) -> &'static str {
        if now >= self.ends_at {
            "expired"
        } else if now < self.starts_at {
            "pending"
        } else {
            "active"
        }
    }

    fn silences(&self, labels: &Labels, now: Timestamp) -> bool {
        self.state(now) == "active" && LabelFilter::new(&self.matchers).is_ok_and(|f| f.matches(labels))
    }

    fn json(&self, now: Timestamp) -> Value {
        let matcher = |m: &Matcher| {
            let (regex, equal) = (matches!(m.op, MatchOp::Regex | MatchOp::NotRegex), matches!(m.op, MatchOp::Equal | MatchOp::Regex));
            json!({"name": m.name.as_str(), "value": m.value.as_str(), "isRegex": regex, "isEqual": equal})
        };
        json!({
            "id": self.id,
            "status": {"state": self.state(now)},
            "updatedAt": rfc3339(Some(self.starts_at.millis())),
            "startsAt": rfc3339(Some(self.starts_at.millis())),
            "endsAt": rfc3339(Some(self.ends_at.millis())),
            "createdBy": self.created_by,
            "comment": self.comment,
            "matchers": self.matchers.iter().map(matcher).collect::<Vec<_>>(),
        })
    }
}

struct Alertmanager {
    rules: Arc<RuleEngine>,
    silences: Vec<Silence>,
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
    let state = Arc::new(Alertmanager { rules, silences, started, prometheus: prometheus.trim_end_matches('/').to_owned() });
    let read_only = || async { ApiError(StatusCode::METHOD_NOT_ALLOWED, "redline's demo has no writable silences".to_owned()) };
    Router::new()
        .route("/api/v2/alerts", api(alerts))
        .route("/api/v2/alerts/groups", api(groups))
        .route("/api/v2/silences", api(silence_list).post(read_only))
        .route("/api/v2/silence/{id}", get(silence).delete(read_only))
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

    fn filter(&self) -> Result<LabelFilter, ApiError> {
        let bad = |message: String| ApiError(StatusCode::BAD_REQUEST, message);
        let texts = self.0.iter().filter(|(name, _)| name == "filter");
        let matchers = texts.map(|(_, text)| matcher::parse(text)).collect::<Result<Vec<_>, _>>().map_err(bad)?;
        LabelFilter::new(&matchers).map_err(|e| bad(format!("bad matcher format: {e}")))
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
            let by: Vec<&str> = self.silences.iter().filter(|s| s.silences(&alert.labels, now)).map(|s| s.id.as_str()).collect();
            if if by.is_empty() { active } else { silenced } {
                chosen.insert(fingerprint(&alert.labels), (alert.labels.clone(), self.alert_json(rule, &alert, &by)));
            }
        }
        Ok(chosen)
    }

    fn alert_json(&self, rule: &Rule, alert: &ActiveAlert, silenced_by: &[&str]) -> Value {
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
    let mut hidden = BTreeSet::new();
    for state in ["active", "expired", "pending"] {
        if !query.flag(state)? {
            hidden.insert(state);
        }
    }
    let filter = query.filter()?;
    // A filter chooses silences by the labels that their matchers name.
    let named = |s: &Silence| s.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect::<Labels>();
    let chosen = alertmanager.silences.iter().filter(|s| !hidden.contains(s.state(now)) && filter.matches(&named(s)));
    Ok(chosen.map(|s| s.json(now)).collect())
}

async fn silence(State(alertmanager): State<Arc<Alertmanager>>, Path(id): Path<String>) -> Response {
    let now = alertmanager.rules.clock().now();
    match alertmanager.silences.iter().find(|s| s.id == id) {
        Some(silence) => json_response(StatusCode::OK, &silence.json(now)),
        None => StatusCode::NOT_FOUND.into_response(),
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
