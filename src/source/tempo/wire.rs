//! What Tempo's search answers.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use crate::{
    model::{
        labels::Labels,
        time::Timestamp,
        trace::{HitSpan, SpanId, TraceHit, TraceId},
    },
    source::json::{Float, Integer, Text, nullable},
};

#[derive(Debug, Default, Deserialize)]
pub struct Search {
    #[serde(default, deserialize_with = "nullable")]
    traces: Vec<Hit>,
    #[serde(default, deserialize_with = "nullable")]
    metrics: Progress,
    #[serde(default)]
    status: Text,
    #[serde(default)]
    message: Text,
}

/// How much of the work was done.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Progress {
    completed_jobs: Integer,
    total_jobs: Integer,
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
    #[serde(default)]
    name: Text,
    #[serde(default)]
    start_time_unix_nano: Integer,
    #[serde(default)]
    duration_nanos: Integer,
    #[serde(default, deserialize_with = "nullable")]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
pub struct Attribute {
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

/// Each trace once, and what of the search was not done, in words. Fewer jobs than there are were done of every search that
/// found as many as were asked for.
pub fn hits(search: Search, limit: usize) -> (Vec<TraceHit>, Option<String>) {
    let Progress { completed_jobs: Integer(done), total_jobs: Integer(all) } = search.metrics;
    let mut seen = HashSet::new();
    let hits: Vec<TraceHit> = search.traces.into_iter().filter_map(hit).filter(|h| seen.insert(h.trace)).collect();
    let part = match (search.message.0, search.status.0 == "PARTIAL") {
        (words, true) if !words.is_empty() => Some(format!("partial: {words}")),
        (_, true) => Some("partial".to_owned()),
        _ if done < all && hits.len() < limit => Some(format!("partial: {done} of {all} parts of the store searched")),
        _ => None,
    };
    (hits, part)
}

fn hit(hit: Hit) -> Option<TraceHit> {
    let sets = if hit.span_sets.is_empty() { hit.span_set.into_iter().collect() } else { hit.span_sets };
    let matched = sets.iter().map(|s| s.matched.0).fold(0, i64::saturating_add);
    let mut spans: Vec<HitSpan> = sets.into_iter().flat_map(|s| s.spans).map(span).collect();
    // A span may be in several groups.
    spans.sort_by_key(|s| (s.start, s.id));
    spans.dedup_by(|a, b| a.id.is_some() && a.id == b.id);
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
        matched: u32::try_from(matched).unwrap_or(0),
        spans,
        root_service: known(hit.root_service_name),
        root_name: known(hit.root_trace_name),
    })
}

fn span(span: MatchedSpan) -> HitSpan {
    HitSpan {
        id: SpanId::parse(&span.span_id.0),
        name: Some(span.name.0).filter(|name| !name.is_empty()),
        start: Timestamp(span.start_time_unix_nano.0),
        duration_ns: span.duration_nanos.0,
        attributes: labels(&span.attributes),
    }
}

/// Attributes as labels.
pub fn labels(attributes: &[Attribute]) -> Labels {
    attributes.iter().map(|a| (a.key.0.clone(), text(&a.value))).collect()
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
