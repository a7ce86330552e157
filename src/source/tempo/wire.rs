//! What Tempo's search answers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    model::{
        time::Timestamp,
        trace::{SpanId, TraceHit, TraceId},
    },
    source::json::{Float, Integer, Text, nullable},
};

#[derive(Debug, Default, Deserialize)]
pub struct Search {
    #[serde(default, deserialize_with = "nullable")]
    traces: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hit {
    #[serde(default, rename = "traceID")]
    trace_id: Text,
    #[serde(default)]
    root_service_name: Text,
    #[serde(default)]
    root_trace_name: Text,
    #[serde(default)]
    start_time_unix_nano: Integer,
    #[serde(default)]
    duration_ms: Integer,
    #[serde(default, deserialize_with = "nullable")]
    span_sets: Vec<SpanSet>,
    /// Before there were sets.
    span_set: Option<SpanSet>,
    service_stats: Option<BTreeMap<String, ServiceStats>>,
}

#[derive(Debug, Default, Deserialize)]
struct SpanSet {
    #[serde(default, deserialize_with = "nullable")]
    spans: Vec<MatchedSpan>,
    #[serde(default)]
    matched: Integer,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MatchedSpan {
    #[serde(default, rename = "spanID")]
    span_id: Text,
    #[serde(default, deserialize_with = "nullable")]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
struct Attribute {
    #[serde(default)]
    key: Text,
    #[serde(default, deserialize_with = "nullable")]
    value: AttributeValue,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributeValue {
    string_value: Option<Text>,
    bool_value: Option<bool>,
    int_value: Option<Integer>,
    double_value: Option<Float>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceStats {
    #[serde(default)]
    span_count: Integer,
    #[serde(default)]
    error_count: Integer,
}

/// Tempo's word for a root that has not arrived.
const NO_ROOT: &str = "<root span not yet received>";

pub fn hits(search: Search) -> Vec<TraceHit> {
    search.traces.into_iter().filter_map(hit).collect()
}

fn hit(hit: Hit) -> Option<TraceHit> {
    let set = hit.span_sets.into_iter().next().or(hit.span_set).unwrap_or_default();
    let first = set.spans.first();
    let known = |text: Text| Some(text.0).filter(|t| !t.is_empty() && t != NO_ROOT);
    let sum = |count: fn(&ServiceStats) -> i64| {
        hit.service_stats.as_ref().map(|s| u32::try_from(s.values().map(count).sum::<i64>()).unwrap_or(u32::MAX))
    };
    Some(TraceHit {
        trace: TraceId::parse(&hit.trace_id.0)?,
        start: Timestamp(hit.start_time_unix_nano.0),
        duration_ns: duration_ms(hit.duration_ms.0).saturating_mul(1_000_000),
        span_count: sum(|s| s.span_count.0),
        error_count: sum(|s| s.error_count.0),
        matched: u32::try_from(set.matched.0).unwrap_or(0),
        span: first.and_then(|s| SpanId::parse(&s.span_id.0)),
        attributes: first.map(|s| s.attributes.iter().map(|a| (a.key.0.clone(), text(&a.value))).collect()).unwrap_or_default(),
        root_service: known(hit.root_service_name),
        root_name: known(hit.root_trace_name),
    })
}

/// Negative durations arrive as 32-bit numbers that wrapped around.
fn duration_ms(ms: i64) -> i64 {
    const SIGN: i64 = 1 << 31;
    if (SIGN..SIGN << 1).contains(&ms) { ms - (SIGN << 1) } else { ms }
}

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue { string_value: Some(s), .. } => s.0.to_string(),
        AttributeValue { bool_value: Some(b), .. } => b.to_string(),
        AttributeValue { int_value: Some(n), .. } => n.0.to_string(),
        AttributeValue { double_value: Some(n), .. } => n.0.to_string(),
        _ => String::new(),
    }
}
