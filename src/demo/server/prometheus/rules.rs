//! `/api/v1/rules` and `/api/v1/alerts`.

use axum::response::Response;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{ApiError, Params, Prometheus, encode, success};
use crate::{
    demo::rules::{ActiveAlert, GroupStatus, Rule, RuleKind, RuleState},
    model::time::Timestamp,
};

/// RFC 3339 in UTC; the zero time of Go without an instant.
pub fn rfc3339(ms: Option<i64>) -> String {
    let at = ms.map(Timestamp::from_millis).map(|t| chrono::DateTime::from_timestamp_nanos(t.0));
    at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// Which rules a request asks for.
struct Wanted {
    alerts: bool,
    recording: bool,
    with_active: bool,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
}

impl Wanted {
    fn new(params: &Params) -> Result<Self, ApiError> {
        let kind = params.get("type").unwrap_or("").to_ascii_lowercase();
        if !matches!(kind.as_str(), "" | "alert" | "record") {
            return Err(ApiError::parameter("type", format!("not supported value {kind:?}")));
        }
        let exclude = match params.get("exclude_alerts").unwrap_or("false") {
            "true" | "1" => true,
            "false" | "0" => false,
            other => return Err(ApiError::parameter("exclude_alerts", format!("error converting exclude_alerts: {other:?}"))),
        };
        let all = |name| params.all(name).map(str::to_owned).collect::<Vec<_>>();
        Ok(Self {
            alerts: kind != "record",
            recording: kind != "alert",
            with_active: !exclude,
            names: all("rule_name[]"),
            groups: all("rule_group[]"),
            files: all("file[]"),
        })
    }

    fn rule(&self, rule: &Rule) -> bool {
        let kind = if matches!(rule.kind, RuleKind::Record) { self.recording } else { self.alerts };
        kind && (self.names.is_empty() || self.names.contains(&rule.name))
    }
}

/// `GET /api/v1/rules`.
pub fn rules(prometheus: &Prometheus, params: &Params) -> Result<Response, ApiError> {
    let wanted = Wanted::new(params)?;
    let file = prometheus.rules.file();
    let mut groups = Vec::new();
    for status in prometheus.rules.status() {
        let chosen = (wanted.groups.is_empty() || wanted.groups.contains(&status.group.name))
            && (wanted.files.is_empty() || wanted.files.iter().any(|f| f == file));
        let group = if chosen { group(&status, &wanted, file) } else { None };
        groups.extend(group);
    }
    Ok(success(&json!({ "groups": groups }).to_string()))
}

fn group(status: &GroupStatus, wanted: &Wanted, file: &str) -> Option<Value> {
    let rules: Vec<Value> = status
        .group
        .rules
        .iter()
        .zip(&status.rules)
        .filter(|(rule, _)| wanted.rule(rule))
        .map(|(rule, state)| rule_json(rule, state, wanted.with_active))
        .collect();
    let took: f64 = status.rules.iter().map(|r| r.took.as_secs_f64()).sum();
    (!rules.is_empty()).then(|| {
        json!({
            "name": status.group.name,
            "file": file,
            "interval": status.group.interval.as_secs_f64(),
            "limit": 0,
            "rules": rules,
            "evaluationTime": took,
            "lastEvaluation": rfc3339(status.rules.iter().filter_map(|r| r.evaluated_at).max()),
        })
    })
}

fn rule_json(rule: &Rule, state: &RuleState, with_active: bool) -> Value {
    let health = match (&state.error, state.evaluated_at) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    let mut out = json!({
        "name": rule.name,
        "query": rule.expr.to_string(),
        "labels": rule.labels,
        "health": health,
        "evaluationTime": state.took.as_secs_f64(),
        "lastEvaluation": rfc3339(state.evaluated_at),
    });
    if let Some(error) = &state.error {
        out["lastError"] = json!(error);
    }
    match &rule.kind {
        RuleKind::Record => out["type"] = json!("recording"),
        RuleKind::Alert { hold, keep_firing_for, annotations } => {
            let active: Vec<Value> = state.alerts.0.values().map(|a| alert_json(rule, a)).collect();
            out["type"] = json!("alerting");
            out["state"] = json!(alerting_state(state));
            out["duration"] = json!(hold.as_secs_f64());
            out["keepFiringFor"] = json!(keep_firing_for.as_secs_f64());
            out["annotations"] = json!(annotations);
            out["alerts"] = if with_active { json!(active) } else { Value::Null };
        }
    }
    out
}

fn alerting_state(state: &RuleState) -> &'static str {
    match (state.alerts.0.values().map(|a| a.state).max(), state.evaluated_at) {
        (Some(state), _) => state.as_str(),
        (None, Some(_)) => "inactive",
        (None, None) => "unknown",
    }
}

fn alert_json(rule: &Rule, alert: &ActiveAlert) -> Value {
    let mut out = json!({
        "labels": encode::labels(&alert.labels),
        "annotations": encode::labels(&alert.annotations(rule)),
        "state": alert.state.as_str(),
        "activeAt": rfc3339(Some(alert.active_at)),
        "value": encode::exponent(alert.value),
    });
    if let Some(since) = alert.keep_firing_since {
        out["keepFiringSince"] = json!(rfc3339(Some(since)));
    }
    out
}

/// `GET /api/v1/alerts`.
pub fn alerts(prometheus: &Prometheus) -> Response {
    let alerts: Vec<Value> = prometheus.rules.alerts().iter().map(|(rule, alert)| alert_json(rule, alert)).collect();
    success(&json!({ "alerts": alerts }).to_string())
}
