//! The families of RED metrics that are known, as data: a new family is a row.

/// Seconds or milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// What a family measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Requests as the server counts them.
    Http,
    /// Calls as a gRPC server counts them.
    Grpc,
    /// Server and consumer spans, counted by a trace pipeline.
    Spans,
}

/// A row of the table.
#[derive(Debug)]
pub struct Known {
    /// Its name in `redline doctor`.
    pub name: &'static str,
    /// What it measures.
    pub kind: Kind,
    /// Counters of requests; the first that exists is taken.
    pub counters: &'static [&'static str],
    /// Histogram of durations, without `_bucket`.
    pub histogram: &'static str,
    /// Unit of the durations.
    pub unit: Unit,
    /// Matchers that leave only requests a service answers.
    pub restrict: &'static str,
}

/// All families, the preferred first: a service that several know is shown by the first.
pub const FAMILIES: &[Known] = &[
    Known {
        name: "OpenTelemetry HTTP server",
        kind: Kind::Http,
        counters: &["http_server_request_duration_seconds_count"],
        histogram: "http_server_request_duration_seconds",
        unit: Unit::Seconds,
        restrict: "",
    },
    Known {
        name: "Micrometer",
        kind: Kind::Http,
        counters: &["http_server_requests_seconds_count"],
        histogram: "http_server_requests_seconds",
        unit: Unit::Seconds,
        restrict: "",
    },
    Known {
        name: "Prometheus client libraries",
        kind: Kind::Http,
        counters: &["http_requests_total", "http_request_duration_seconds_count"],
        histogram: "http_request_duration_seconds",
        unit: Unit::Seconds,
        restrict: "",
    },
    Known {
        name: "gRPC server",
        kind: Kind::Grpc,
        counters: &["grpc_server_handled_total", "grpc_server_handling_seconds_count"],
        histogram: "grpc_server_handling_seconds",
        unit: Unit::Seconds,
        restrict: "",
    },
    Known {
        name: "Tempo span metrics",
        kind: Kind::Spans,
        counters: &["traces_spanmetrics_calls_total", "traces_spanmetrics_latency_count"],
        histogram: "traces_spanmetrics_latency",
        unit: Unit::Seconds,
        restrict: r#"span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER""#,
    },
];

/// Labels that may name a service, the likeliest first.
pub const SERVICE_LABELS: &[&str] = &[
    "service_name",
    "service",
    "exported_service",
    "app",
    "application",
    "app_kubernetes_io_name",
    "job",
    "destination_service_name",
    "destination_workload",
    "server",
    "ingress",
    "workload",
    "deployment",
    "container",
];

/// Labels that may name a route, the likeliest first.
pub const ROUTE_LABELS: &[&str] = &[
    "http_route",
    "route",
    "handler",
    "endpoint",
    "path",
    "uri",
    "url_path",
    "http_target",
    "span_name",
    "rpc_method",
    "grpc_method",
    "view",
    "operation",
    "action",
];

/// Labels that may tell success from failure, the likeliest first.
pub const STATUS_LABELS: &[&str] = &[
    "http_response_status_code",
    "http_status_code",
    "status_code",
    "code",
    "status",
    "response_code",
    "rpc_grpc_status_code",
    "grpc_code",
    "error_code",
    "envoy_response_code_class",
    "outcome",
    "classification",
    "error_type",
    "exception",
    "error",
];

/// How a status label's values tell failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusShape {
    /// `200`, `503`.
    Code,
    /// `2xx`, `5xx`.
    Class,
    /// `2`, `5`.
    Digit,
    /// `STATUS_CODE_ERROR`.
    SpanStatus,
    /// `Ok`, `Error`.
    Word,
    /// `OK`, `Unavailable`, `DEADLINE_EXCEEDED`.
    GrpcName,
    /// `0` to `16`.
    GrpcNumber,
    /// `SUCCESS`, `SERVER_ERROR`.
    Outcome,
    /// `true`, `false`: whether it failed.
    Bool,
}

impl StatusShape {
    /// The condition for a failure of the server, to follow the label's name. gRPC's failures are those that the server is
    /// to blame for, not what a client asked wrongly.
    pub const fn failed(self) -> &'static str {
        match self {
            Self::Code => r#"=~"5..""#,
            Self::Class => r#"=~"5xx""#,
            Self::Digit => r#"="5""#,
            Self::SpanStatus => r#"="STATUS_CODE_ERROR""#,
            Self::Word => r#"=~"(?i)error|failure""#,
            Self::GrpcName => r#"=~"(?i)unknown|deadline_?exceeded|unimplemented|internal|unavailable|data_?loss|resource_?exhausted""#,
            Self::GrpcNumber => r#"=~"2|4|8|12|13|14|15""#,
            Self::Outcome => r#"="SERVER_ERROR""#,
            Self::Bool => r#"="true""#,
        }
    }

    /// How the values are grouped for the rate by class: a pattern and what of it is shown.
    pub const fn class(self) -> (&'static str, &'static str) {
        match self {
            Self::Code | Self::Class | Self::Digit => ("([1-5]).*", "${1}xx"),
            Self::SpanStatus => ("STATUS_CODE_(.*)", "$1"),
            Self::Word | Self::GrpcName | Self::GrpcNumber | Self::Outcome | Self::Bool => ("(.*)", "$1"),
        }
    }

    /// What shape the values have; `None` when they do not look like a status.
    pub fn of<'a>(values: impl Iterator<Item = &'a str> + Clone, grpc: bool) -> Option<Self> {
        let all = |test: fn(&str) -> bool| values.clone().all(test);
        if values.clone().next().is_none() {
            None
        } else if values.clone().any(is_code) {
            // Some say UNKNOWN or 0 beside, where there was no answer.
            Some(Self::Code)
        } else if all(|v| v.len() == 3 && v.ends_with("xx") && v.as_bytes()[0].is_ascii_digit()) {
            Some(Self::Class)
        } else if grpc && all(|v| v.parse::<u8>().is_ok_and(|n| n <= 16)) {
            Some(Self::GrpcNumber)
        } else if all(|v| matches!(v, "1" | "2" | "3" | "4" | "5")) {
            Some(Self::Digit)
        } else if all(|v| v.starts_with("STATUS_CODE_")) {
            Some(Self::SpanStatus)
        } else if all(|v| matches!(v, "true" | "false")) {
            Some(Self::Bool)
        } else if all(|v| matches!(v, "SUCCESS" | "REDIRECTION" | "INFORMATIONAL" | "CLIENT_ERROR" | "SERVER_ERROR" | "UNKNOWN")) {
            Some(Self::Outcome)
        } else if all(|v| matches!(v.to_ascii_lowercase().as_str(), "ok" | "error" | "unset" | "success" | "failure")) {
            // `OK` alone is gRPC's word as well.
            Some(if grpc { Self::GrpcName } else { Self::Word })
        } else if all(is_grpc_name) {
            Some(Self::GrpcName)
        } else {
            None
        }
    }
}

/// An HTTP status.
fn is_code(value: &str) -> bool {
    value.len() == 3 && (b'1'..=b'5').contains(&value.as_bytes()[0]) && value.bytes().all(|b| b.is_ascii_digit())
}

fn is_grpc_name(value: &str) -> bool {
    const NAMES: [&str; 17] = [
        "ok",
        "canceled",
        "cancelled",
        "unknown",
        "invalidargument",
        "deadlineexceeded",
        "notfound",
        "alreadyexists",
        "permissiondenied",
        "resourceexhausted",
        "failedprecondition",
        "aborted",
        "outofrange",
        "unimplemented",
        "internal",
        "unavailable",
        "dataloss",
    ];
    let plain = value.replace('_', "").to_ascii_lowercase();
    plain == "unauthenticated" || NAMES.contains(&plain.as_str())
}
