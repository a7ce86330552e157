//! What there is to query: labels, series, exemplars, metadata, targets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json, value::RawValue};

use super::{ApiError, Params, Prometheus, encode, rules::rfc3339, success, success_limited};
use crate::{
    demo::{
        promql,
        store::{MetricStore, StoredExemplar},
    },
    model::labels::{Labels, MatchOp, Matcher},
};

/// Label sets of the series that `match[]` and the window choose; all series without `match[]`.
fn found(prometheus: &Prometheus, params: &Params) -> Result<BTreeSet<Arc<Labels>>, ApiError> {
    let (start, end) = params.window()?;
    let (start, end) = (start, end.min(prometheus.rules.clock().now().millis()));
    let mut selectors = params.selectors()?;
    if selectors.is_empty() {
        selectors.push(vec![Matcher::new("__name__", MatchOp::NotEqual, "")]);
    }
    Ok(selectors.iter().flat_map(|matchers| prometheus.rules.series(matchers, start, end)).collect())
}

/// `/api/v1/labels`.
pub fn label_names(prometheus: &Prometheus, params: &Params) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let series = found(prometheus, params)?;
    let names: BTreeSet<&str> = series.iter().flat_map(|s| s.iter().map(|(name, _)| name)).collect();
    Ok(success_limited(names.into_iter().map(|n| json!(n)), limit))
}

/// `/api/v1/label/{name}/values`.
pub fn label_values(prometheus: &Prometheus, name: &str, params: &Params) -> Result<Response, ApiError> {
    let name = unescape(name);
    if name.is_empty() {
        return Err(ApiError::bad_data("invalid label name: \"\""));
    }
    let limit = params.limit()?;
    let series = found(prometheus, params)?;
    let values: BTreeSet<&str> = series.iter().filter_map(|s| s.get(&name)).collect();
    Ok(success_limited(values.into_iter().map(|v| json!(v)), limit))
}

/// A label name from its `U__` form (`model.UnescapeName`): `_2e_` is a dot, `__` an underscore.
fn unescape(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '_' {
            out.push(c);
            continue;
        }
        let code = rest.split_once('_');
        match code.and_then(|(hex, after)| Some((u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)?, after))) {
            Some((decoded, after)) => {
                out.push(decoded);
                rest = after;
            }
            None if rest.starts_with('_') => {
                out.push('_');
                rest = &rest[1..];
            }
            None => return name.to_owned(),
        }
    }
    out
}

/// `/api/v1/series`.
pub fn series(prometheus: &Prometheus, params: &Params) -> Result<Response, ApiError> {
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    Ok(success_limited(found(prometheus, params)?.iter().map(|labels| encode::labels(labels)), limit))
}

/// `/api/v1/query_exemplars`.
pub fn exemplars(prometheus: &Prometheus, params: &Params) -> Result<Response, ApiError> {
    let (start, end) = params.window()?;
    let end = end.min(prometheus.rules.clock().now().millis());
    let expr = promql::parse(params.get("query").unwrap_or("")).map_err(|e| ApiError::bad_data(e.to_string()))?;
    let selectors = promql::selectors(&expr);
    if selectors.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut by_series: BTreeMap<Arc<Labels>, Vec<StoredExemplar>> = BTreeMap::new();
    for matchers in &selectors {
        for exemplar in prometheus.rules.exemplars(matchers, start, end) {
            let all = by_series.entry(exemplar.series.clone()).or_default();
            if !all.contains(&exemplar) {
                all.push(exemplar);
            }
        }
    }
    let data: Vec<Value> = by_series.iter().map(|(labels, all)| exemplars_json(labels, all)).collect();
    Ok(success(&json!(data).to_string()))
}

fn exemplars_json(labels: &Labels, exemplars: &[StoredExemplar]) -> Value {
    let one = |e: &StoredExemplar| {
        let timestamp = RawValue::from_string(encode::seconds(e.at)).ok();
        json!({"labels": encode::labels(&e.labels), "value": encode::number(e.value), "timestamp": timestamp})
    };
    json!({"seriesLabels": encode::labels(labels), "exemplars": exemplars.iter().map(one).collect::<Vec<_>>()})
}

/// `/api/v1/metadata`.
pub fn metadata(prometheus: &Prometheus, params: &Params) -> Result<Response, ApiError> {
    let limit = match params.get("limit").map(str::parse::<i64>) {
        None => usize::MAX,
        Some(Ok(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
        Some(Err(_)) => return Err(ApiError::bad_data("limit must be a number")),
    };
    let wanted = params.get("metric");
    let all = prometheus.rules.metadata();
    let families: serde_json::Map<String, Value> = all
        .iter()
        .filter(|m| wanted.is_none_or(|w| w == m.family))
        .take(limit)
        .map(|m| (m.family.to_owned(), json!([{"type": m.kind, "unit": m.unit, "help": m.help}])))
        .collect();
    Ok(success(&Value::Object(families).to_string()))
}

/// `/api/v1/targets`: one for each `up` series of the last five minutes.
pub fn targets(prometheus: &Prometheus, params: &Params) -> Result<Response, ApiError> {
    let state = params.get("state").unwrap_or("any");
    if !matches!(state, "any" | "active" | "dropped") {
        return Err(ApiError::parameter("state", format!("not supported value {state:?}")));
    }
    let now = prometheus.rules.clock().now().millis();
    let up = if state == "dropped" { Vec::new() } else { prometheus.rules.select(&[Matcher::equal("__name__", "up")], now - 299_999, now) };
    let target = |s: &crate::demo::store::StoredSeries| {
        let (at, value) = s.samples.last().copied().unwrap_or((0, 0.0));
        let mut labels = (*s.labels).clone();
        labels.remove("__name__");
        let (job, url) = (labels.get("job").unwrap_or(""), format!("http://{}/metrics", labels.get("instance").unwrap_or("")));
        json!({
            "discoveredLabels": {"__address__": labels.get("instance").unwrap_or(""), "job": job},
            "labels": encode::labels(&labels), "scrapePool": job, "scrapeUrl": url, "globalUrl": url,
            "lastError": if value == 1.0 { "" } else { "connection refused" },
            "lastScrape": rfc3339(Some(at)), "lastScrapeDuration": 0.005,
            "health": if value == 1.0 { "up" } else { "down" },
            "scrapeInterval": "15s", "scrapeTimeout": "10s",
        })
    };
    let active: Vec<Value> = up.iter().map(target).collect();
    Ok(success(&json!({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}}).to_string()))
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escaped_label_names_are_read() {
        assert_eq!(unescape("U__http_2e_status__code"), "http.status_code");
        assert_eq!(unescape("job"), "job");
        assert_eq!(unescape("U__broken_"), "U__broken_");
    }
}
