//! The families of RED metrics that are known, as data: a new family is a row.

/// Seconds or milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    /// One of it in seconds.
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Milliseconds => 0.001,
        }
    }
}

/// What a family measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rates that a recording rule took.
    Recorded,
    /// Requests as the server counts them.
    Http,
    /// Calls as an RPC server counts them.
    Grpc,
    /// Server and consumer spans, counted by a trace pipeline.
    Spans,
    /// Calls between two services, counted by a trace pipeline.
    Graph,
    /// Requests as a proxy in front of the service counts them.
    Proxy,
}

/// A row of the table. A name that begins with `*` stands for one with any prefix; the row is then one family a prefix.
#[derive(Debug)]
pub struct Known {
    /// Its name in `redline doctor`.
    pub name: &'static str,
    /// What it measures.
    pub kind: Kind,
    /// Counters of requests; a service that several have is counted by the first.
    pub counters: &'static [&'static str],
    /// Histograms (without `_bucket`), native histograms and summaries of durations; the first that a service has is taken.
    pub durations: &'static [&'static str],
    /// Whether the `_count` of the durations counts requests where no counter does.
    pub counts: bool,
    /// Unit of durations whose name does not tell; `None`: the bounds of the buckets do.
    pub unit: Option<Unit>,
    /// Labels of which it has one, where the names alone could mean anything.
    pub marks: &'static [&'static str],
    /// A label and expressions for its values: the first that one matches leaves only requests a service answers.
    pub restrict: Option<(&'static str, &'static [&'static str])>,
    /// Whether services that the first expression does not find are those that a later one does.
    pub restrict_apart: bool,
    /// Labels that name the service in this family, before the usual ones.
    pub services: &'static [&'static str],
    /// Labels that tell failures in this family, before the usual ones.
    pub statuses: &'static [&'static str],
    /// Counters of failures, where no label tells them.
    pub failures: &'static [&'static str],
}

/// What most rows have.
const PLAIN: Known = Known {
    name: "",
    kind: Kind::Http,
    counters: &[],
    durations: &[],
    counts: true,
    unit: Some(Unit::Seconds),
    marks: &[],
    restrict: None,
    restrict_apart: false,
    services: &[],
    statuses: &[],
    failures: &[],
};

const SPANS: Known = Known {
    kind: Kind::Spans,
    marks: &["span_name", "span_kind", "span.name", "operation"],
    restrict: Some(("span_kind", &["(?i:(SPAN_KIND_)?(SERVER|CONSUMER))"])),
    services: &["service_name", "service"],
    statuses: &["status_code", "status.code"],
    ..PLAIN
};

/// All families, the preferred first: a service that several know is shown by the first of those that tell most.
pub const FAMILIES: &[Known] = &[
    Known {
        name: "OpenTelemetry HTTP server",
        durations: &[
            "http_server_request_duration_seconds",
            "http_server_request_duration",
            "http.server.request.duration_seconds",
            "http.server.request.duration",
        ],
        ..PLAIN
    },
    Known {
        name: "OpenTelemetry HTTP server before 1.23",
        durations: &["http_server_duration_milliseconds", "http_server_duration", "http.server.duration"],
        unit: None,
        ..PLAIN
    },
    Known { name: "Micrometer", durations: &["http_server_requests_seconds"], ..PLAIN },
    Known {
        name: ".NET (prometheus-net)",
        counters: &["http_requests_received_total"],
        durations: &["http_request_duration_seconds"],
        counts: false,
        ..PLAIN
    },
    Known {
        name: "Prometheus client libraries",
        counters: &["http_requests_total"],
        durations: &["http_request_duration_seconds", "http_requests_duration_seconds", "http_request_duration_milliseconds"],
        failures: &["http_errors_total", "http_requests_errors_total", "http_request_errors_total", "http_requests_failed_total"],
        ..PLAIN
    },
    Known {
        name: "gRPC server",
        kind: Kind::Grpc,
        counters: &["grpc_server_handled_total"],
        durations: &["grpc_server_handling_seconds"],
        statuses: &["grpc_code"],
        ..PLAIN
    },
    Known {
        name: "OpenTelemetry RPC server",
        kind: Kind::Grpc,
        durations: &["rpc_server_call_duration_seconds", "rpc_server_call_duration", "rpc.server.call.duration"],
        ..PLAIN
    },
    Known {
        name: "OpenTelemetry RPC server, older",
        kind: Kind::Grpc,
        durations: &["rpc_server_duration_milliseconds", "rpc_server_duration", "rpc.server.duration"],
        unit: None,
        ..PLAIN
    },
    Known {
        name: "Tempo span metrics",
        counters: &["traces_spanmetrics_calls_total"],
        durations: &["traces_spanmetrics_latency"],
        services: &["service", "service_name"],
        ..SPANS
    },
    Known {
        name: "OpenTelemetry span metrics",
        counters: &["traces_span_metrics_calls_total"],
        durations: &["traces_span_metrics_duration_milliseconds", "traces_span_metrics_duration_seconds"],
        ..SPANS
    },
    Known {
        name: "OpenTelemetry span metrics of Alloy",
        counters: &["traces_spanmetrics_calls_total"],
        durations: &["traces_spanmetrics_duration_milliseconds", "traces_spanmetrics_duration_seconds"],
        ..SPANS
    },
    Known {
        name: "OpenTelemetry span metrics without namespace",
        counters: &["calls_total", "calls"],
        durations: &["duration_milliseconds", "duration_seconds", "duration", "latency"],
        unit: None,
        ..SPANS
    },
    Known {
        name: "Service graph",
        kind: Kind::Graph,
        counters: &["traces_service_graph_request_total"],
        durations: &["traces_service_graph_request_server_seconds"],
        services: &["server"],
        failures: &["traces_service_graph_request_failed_total"],
        ..PLAIN
    },
    Known {
        name: "Istio",
        kind: Kind::Proxy,
        counters: &["istio_requests_total"],
        durations: &["istio_request_duration_milliseconds"],
        restrict: Some(("reporter", &["destination|waypoint", "source"])),
        restrict_apart: true,
        services: &["destination_service_name", "destination_canonical_service", "destination_workload", "destination_app"],
        statuses: &["response_code"],
        ..PLAIN
    },
    Known {
        name: "Linkerd",
        kind: Kind::Proxy,
        counters: &["response_total"],
        durations: &["response_latency_ms"],
        marks: &["direction", "classification"],
        restrict: Some(("direction", &["inbound", "outbound"])),
        services: &["deployment", "statefulset", "daemonset", "workload_name", "dst_deployment"],
        statuses: &["classification"],
        ..PLAIN
    },
    Known {
        name: "Envoy",
        kind: Kind::Proxy,
        counters: &["envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_total"],
        durations: &["envoy_cluster_upstream_rq_time"],
        unit: Some(Unit::Milliseconds),
        services: &["envoy_cluster_name"],
        statuses: &["envoy_response_code_class", "envoy_response_code"],
        ..PLAIN
    },
    Known {
        name: "Traefik",
        kind: Kind::Proxy,
        counters: &["traefik_service_requests_total"],
        durations: &["traefik_service_request_duration_seconds"],
        services: &["exported_service", "service"],
        ..PLAIN
    },
    Known {
        name: "nginx-ingress",
        kind: Kind::Proxy,
        counters: &["nginx_ingress_controller_requests"],
        durations: &["nginx_ingress_controller_request_duration_seconds"],
        services: &["exported_service", "service", "ingress"],
        statuses: &["status"],
        ..PLAIN
    },
    Known {
        name: "HAProxy",
        kind: Kind::Proxy,
        counters: &["haproxy_backend_http_responses_total", "haproxy_backend_http_requests_total"],
        services: &["proxy", "backend"],
        ..PLAIN
    },
    Known {
        name: "Kong",
        kind: Kind::Proxy,
        counters: &["kong_http_requests_total", "kong_http_status"],
        durations: &["kong_request_latency_ms"],
        services: &["exported_service", "service"],
        ..PLAIN
    },
    Known {
        name: "Prometheus client libraries",
        counters: &["*_http_requests_total"],
        durations: &[
            "*_http_request_duration_seconds",
            "*_http_requests_duration_seconds",
            "*_http_request_duration_milliseconds",
            "*_http_requests_duration_milliseconds",
        ],
        failures: &[
            "*_http_errors_total",
            "*_http_requests_errors_total",
            "*_http_request_errors_total",
            "*_http_failures_total",
            "*_http_requests_failures_total",
            "*_http_request_failures_total",
            "*_http_requests_failed_total",
            "*_http_failed_total",
            "*_errors_total",
            "*_failures_total",
            "*_requests_failed_total",
        ],
        ..PLAIN
    },
];

/// Labels that may name a service, the likeliest first.
pub const SERVICE_LABELS: &[&str] = &[
    "service_name",
    "service.name",
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
    "http.route",
    "route",
    "handler",
    "endpoint",
    "path",
    "uri",
    "url",
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
    "http.response.status_code",
    "http_status_code",
    "http.status_code",
    "status_code",
    "code",
    "status",
    "response_code",
    "rpc_grpc_status_code",
    "rpc.grpc.status_code",
    "rpc_response_status_code",
    "grpc_code",
    "error_code",
    "envoy_response_code_class",
    "outcome",
    "classification",
    "error_type",
    "error.type",
    "exception",
    "error",
];
