//! `/drilldown-limits`: what a client may ask of the server.

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value as JsonValue, json};

use super::{MAX_ENTRIES, MAX_SERIES, VERSION, discover::Answer};
use crate::demo::{
    logql::{ingest::SERVICE_LABELS, level::FIELDS},
    server::params::Refusal,
};

/// Resource attributes that an OTLP receiver makes stream labels of.
const INDEXED: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// `/loki/api/v1/drilldown-limits`. It wants a tenant even where there is none.
pub async fn drilldown(headers: HeaderMap) -> Answer {
    if headers.get("X-Scope-OrgID").is_none_or(|tenant| tenant.is_empty()) {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "no org id".to_owned()));
    }
    Ok(Json(json!({"limits": limits(), "pattern_ingester_enabled": true, "version": VERSION})))
}

fn limits() -> JsonValue {
    json!({
        "discover_log_levels": true,
        "discover_service_name": SERVICE_LABELS,
        "log_level_fields": FIELDS,
        "max_entries_limit_per_query": MAX_ENTRIES,
        "max_line_size_truncate": false,
        "max_query_bytes_read": "0B",
        "max_query_length": "30d1h",
        "max_query_lookback": "0s",
        "max_query_range": "0s",
        "max_query_series": MAX_SERIES,
        "metric_aggregation_enabled": false,
        "otlp_config": {"resource_attributes": {"attributes_config": [{"action": "index_label", "attributes": INDEXED}]}},
        "pattern_persistence_enabled": false,
        "query_timeout": "1m",
        "retention_period": "0s",
        "volume_enabled": true,
        "volume_max_series": 1000,
    })
}
