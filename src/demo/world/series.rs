//! Which series exist, with which labels, and what of the counts each one shows.

use std::{collections::HashMap, sync::Arc};

use super::{
    block::{BOUNDS, BUCKETS, Layout, SCRAPE, SPAN_PHASE, is_call},
    exporters,
    jobs::Job,
    line::Line,
    model::{Model, Pod, PodId, SECOND},
    rng::hash,
    scenario::Threshold,
    shop::{Family, NODES, OP, Op, OpInfo, Service},
};
use crate::{demo::store::Metadata, model::labels::Labels, wire::otlp::SpanKind};

/// What is scraped, or pushes: its samples share their instants.
#[derive(Clone, Debug)]
pub struct Target {
    /// Offset of its scrapes in nanoseconds.
    pub phase: i64,
    /// Nothing before, nanoseconds.
    pub from: i64,
    /// Nothing after.
    pub until: Option<i64>,
    pub salt: u64,
}

impl Target {
    /// One that is always there.
    pub const fn lasting(phase: i64, salt: u64) -> Self {
        Self { phase, from: i64::MIN, until: None, salt }
    }

    /// The instant of a scrape, unless it is missing: one in 400 is.
    pub fn scrape(&self, slot: i64) -> Option<i64> {
        let at = slot * SCRAPE * SECOND + self.phase;
        (at >= self.from && self.until.is_none_or(|u| at <= u) && !hash(self.salt, slot as u64).is_multiple_of(400)).then_some(at)
    }

    /// The instant at which its series are marked stale.
    pub fn stale_at(&self) -> Option<i64> {
        let step = SCRAPE * SECOND;
        self.until.map(|u| (u - self.phase).div_euclid(step) * step + step + self.phase)
    }
}

/// What of a run is pushed.
#[derive(Clone, Copy, Debug)]
pub enum Pushed {
    /// When, in seconds of the Unix time.
    At,
    /// How long it took, in seconds.
    Duration,
}

/// What a series shows.
#[derive(Clone, Debug)]
pub enum Value {
    /// Cells added up, since its process began.
    Count(Vec<u32>),
    /// Rows of sums added up, in seconds.
    Sum(Vec<u16>),
    /// The same times a factor, on top of a line.
    Along(Line, Vec<u16>, f64),
    /// A native histogram.
    Native(u16),
    /// Cells as they are.
    Gauge(Vec<u32>),
    /// What cells leave of a line, nothing when they take more.
    Rest(Line, Vec<u32>),
    /// A line.
    Line(Line),
    /// A line of whole numbers.
    Whole(Line),
    /// A line, and on top of it the processors that rows of sums keep busy over the last scrapes, times a factor.
    Busy { lasting: Line, work: Vec<u16>, factor: f64, slots: usize },
    /// Periods in which a quota was used up, times a factor: an index into all quotas.
    Throttled(usize, f64),
    /// Seconds that what histograms counted since the last scrape took on average.
    Mean(Vec<u16>),
    /// Always the same.
    Constant(f64),
    /// Bytes of a pod's memory, times a factor.
    Memory(PodId, f64),
    /// Bytes that pods and system leave of a node's memory.
    Available(usize),
    /// What a job pushed at the end of its last run.
    Pushed(Job, Pushed),
    /// A number, and another times the traffic relative to its base.
    Load(f64, f64),
    /// What a probe, which fares as the cells' requests do, shows for a success and for a failure.
    Probe { right: Vec<u32>, wrong: Vec<u32>, shown: [f64; 2] },
}

impl Value {
    /// Whether what it shows depends on what was counted.
    pub const fn is_counted(&self) -> bool {
        !matches!(
            self,
            Self::Constant(_) | Self::Line(_) | Self::Whole(_) | Self::Memory(..) | Self::Available(_) | Self::Load(..) | Self::Pushed(..)
        )
    }
}

/// One series.
#[derive(Debug)]
pub struct Series {
    pub labels: Arc<Labels>,
    pub target: usize,
    pub value: Value,
}

/// All series.
#[derive(Debug, Default)]
pub struct Registry {
    pub targets: Vec<Target>,
    pub series: Vec<Series>,
    pub by_name: HashMap<&'static str, Vec<usize>>,
    /// Bucket series by histogram and bucket: where exemplars hang.
    pub buckets: HashMap<(u16, u8), Vec<usize>>,
}

/// Client and server, with the operations at both ends of each kind of call between them.
type Edge = ((&'static str, &'static str), Vec<(Op, Op)>);
pub(super) type Pairs = Vec<(&'static str, String)>;

/// Families with type and help.
const FAMILIES: [(&str, &str, &str, &str); 11] = [
    ("grpc_server_handled_total", "counter", "Total number of RPCs completed on the server, regardless of success or failure.", ""),
    (
        "grpc_server_handling_seconds",
        "histogram",
        "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
        "",
    ),
    ("http_request_duration_seconds", "histogram", "Duration of HTTP requests in seconds", ""),
    ("http_requests_total", "counter", "Total number of requests by method, status and handler.", ""),
    ("http_server_request_duration_seconds", "histogram", "Duration of HTTP server requests.", "seconds"),
    ("http_server_requests_seconds", "histogram", "Duration of HTTP server request handling", ""),
    ("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", ""),
    ("target_info", "gauge", "Target metadata", ""),
    ("traces_spanmetrics_calls_total", "counter", "Total count of the spans", ""),
    ("traces_spanmetrics_latency", "histogram", "Duration of the spans", ""),
    ("traces_service_graph_request_total", "counter", "Total count of requests between two nodes", ""),
];

/// Metadata of all families.
pub fn metadata() -> Vec<Metadata> {
    let mut all: Vec<Metadata> = FAMILIES.iter().map(|&(family, kind, help, unit)| Metadata { family, kind, help, unit }).collect();
    let more = [
        ("traces_service_graph_request_failed_total", "counter", "Total count of failed requests between two nodes"),
        ("traces_service_graph_request_server_seconds", "histogram", "Time for a request between two nodes as seen from the server"),
        ("traces_service_graph_request_client_seconds", "histogram", "Time for a request between two nodes as seen from the client"),
    ];
    all.extend(more.into_iter().chain(exporters::families()).map(|(family, kind, help)| Metadata { family, kind, help, unit: "" }));
    all.extend(BUILD_INFO.iter().map(|family| Metadata {
        family,
        kind: "gauge",
        help: "A metric with a constant '1' value labeled by version",
        unit: "",
    }));
    all.sort_by_key(|m| m.family);
    all
}

const BUILD_INFO: [&str; 8] = [
    "web_build_info",
    "catalog_build_info",
    "cart_build_info",
    "checkout_build_info",
    "orders_build_info",
    "payments_build_info",
    "inventory_build_info",
    "mailer_build_info",
];

impl Registry {
    /// The series of a model.
    pub fn new(model: &Model, layout: &Layout, thresholds: &[Threshold]) -> Self {
        let mut new = Self::default();
        for (id, pod) in model.pods.iter().enumerate() {
            new.pod(layout, pod, id as PodId);
        }
        new.targets.push(Target::lasting(SPAN_PHASE, hash(model.seed, 301)));
        let tempo = new.targets.len() - 1;
        for op in OP.iter().filter(|op| !op.op.is_health()) {
            new.span_metrics(layout, op, tempo);
        }
        new.service_graph(layout, tempo);
        new.exporters(model, layout, thresholds);
        new
    }

    pub(super) fn add(&mut self, name: &'static str, target: usize, labels: &Pairs, value: Value) -> usize {
        let labels: Labels = labels.iter().map(|(n, v)| (*n, v.as_str())).chain([("__name__", name)]).collect();
        self.series.push(Series { labels: Arc::new(labels), target, value });
        let id = self.series.len() - 1;
        self.by_name.entry(name).or_default().push(id);
        id
    }

    /// `_bucket`, `_sum` and `_count` over some histograms.
    fn histogram(
        &mut self,
        [bucket, sum, count]: [&'static str; 3],
        target: usize,
        labels: &Pairs,
        histograms: &[u16],
        le: fn(f64) -> String,
    ) {
        let cells = |upto: usize| -> Vec<u32> {
            histograms.iter().flat_map(|h| (0..=upto).map(move |b| u32::from(*h) * BUCKETS as u32 + b as u32)).collect()
        };
        for b in 0..BUCKETS {
            let mut labels = labels.clone();
            labels.push(("le", BOUNDS.get(b).map_or_else(|| "+Inf".to_owned(), |bound| le(*bound))));
            let id = self.add(bucket, target, &labels, Value::Count(cells(b)));
            for h in histograms {
                self.buckets.entry((*h, b as u8)).or_default().push(id);
            }
        }
        self.add(sum, target, labels, Value::Sum(histograms.to_vec()));
        self.add(count, target, labels, Value::Count(cells(BUCKETS - 1)));
    }

    /// A native histogram, which is one series.
    fn native(&mut self, name: &'static str, target: usize, labels: &Pairs, histogram: u16) {
        let id = self.add(name, target, labels, Value::Native(histogram));
        for bucket in 0..BUCKETS as u8 {
            self.buckets.entry((histogram, bucket)).or_default().push(id);
        }
    }

    fn pod(&mut self, layout: &Layout, pod: &Pod, id: PodId) {
        let info = pod.service.info();
        let from = pod.born + 6 * SECOND;
        self.targets.push(Target { phase: layout.phases[id as usize], from, until: pod.gone, salt: hash(300, u64::from(id)) });
        let target = self.targets.len() - 1;
        let job = if info.family.is_otel() { format!("shop/{}", info.name) } else { info.name.to_owned() };
        let base: Pairs =
            vec![("namespace", "shop".into()), ("job", job), ("instance", format!("{}:{}", pod.ip, info.port)), ("pod", pod.name.clone())];
        self.add("up", target, &base, Value::Constant(1.0));
        self.add("process_start_time_seconds", target, &base, Value::Constant((pod.born / 1_000_000) as f64 / 1000.0));
        let version = [base.clone(), vec![("version", pod.version.clone())]].concat();
        self.add(BUILD_INFO[pod.service as usize], target, &version, Value::Constant(1.0));
        if info.family.is_otel() {
            let target_info = vec![
                ("service_name", info.name.into()),
                ("service_version", pod.version.clone()),
                ("k8s_node_name", NODES[pod.node].0.into()),
            ];
            self.add("target_info", target, &[base.clone(), target_info].concat(), Value::Constant(1.0));
        }
        for op in OP.iter().filter(|op| op.service == pod.service) {
            self.requests(layout, op, id, target, &base);
        }
        self.pool(layout, pod, id, target, &base);
        self.process(layout, pod, id, target, &base);
        self.container(layout, pod, id, target);
    }

    fn requests(&mut self, layout: &Layout, op: &OpInfo, pod: PodId, target: usize, base: &Pairs) {
        let (method, route) = op.name.split_once(' ').unwrap_or(("", op.name));
        let statuses: Vec<(usize, u16)> = (0..3).filter_map(|s| Some((s, layout.own(op.op, s, pod)? as u16))).collect();
        let all: Vec<u16> = statuses.iter().map(|s| s.1).collect();
        let with = |more: &[(&'static str, &str)]| -> Pairs {
            base.iter().cloned().chain(more.iter().map(|(n, v)| (*n, (*v).to_owned()))).collect()
        };
        let name = op.service.info().name;
        match op.service.info().family {
            Family::Otel | Family::OtelNative => {
                for (status, h) in &statuses {
                    let names = [
                        "http_server_request_duration_seconds_bucket",
                        "http_server_request_duration_seconds_sum",
                        "http_server_request_duration_seconds_count",
                    ];
                    let labels = [
                        ("service_name", name),
                        ("http_route", route),
                        ("http_request_method", method),
                        ("http_response_status_code", op.statuses[*status]),
                    ];
                    if op.service.info().family == Family::OtelNative {
                        self.native("http_server_request_duration_seconds", target, &with(&labels), *h);
                    } else {
                        self.histogram(names, target, &with(&labels), &[*h], scraped);
                    }
                }
            }
            Family::Micrometer => {
                for (status, h) in &statuses {
                    let names =
                        ["http_server_requests_seconds_bucket", "http_server_requests_seconds_sum", "http_server_requests_seconds_count"];
                    let outcome = ["SUCCESS", "CLIENT_ERROR", "SERVER_ERROR"][*status];
                    let labels =
                        [("application", name), ("uri", route), ("method", method), ("status", op.statuses[*status]), ("outcome", outcome)];
                    self.histogram(names, target, &with(&labels), &[*h], scraped);
                }
            }
            Family::ClientLibrary if !all.is_empty() => {
                for (status, h) in &statuses {
                    let labels = with(&[("handler", route), ("method", method), ("code", op.statuses[*status])]);
                    self.add("http_requests_total", target, &labels, Value::Count(whole(*h)));
                }
                let names =
                    ["http_request_duration_seconds_bucket", "http_request_duration_seconds_sum", "http_request_duration_seconds_count"];
                self.histogram(names, target, &with(&[("handler", route), ("method", method)]), &all, scraped);
            }
            Family::Grpc if !all.is_empty() => {
                let call = [("grpc_type", "unary"), ("grpc_service", "shop.v1.Inventory"), ("grpc_method", "Reserve")];
                for (status, h) in &statuses {
                    let labels = [with(&call), vec![("grpc_code", op.statuses[*status].to_owned())]].concat();
                    self.add("grpc_server_handled_total", target, &labels, Value::Count(whole(*h)));
                }
                let names =
                    ["grpc_server_handling_seconds_bucket", "grpc_server_handling_seconds_sum", "grpc_server_handling_seconds_count"];
                self.histogram(names, target, &with(&call), &all, scraped);
            }
            _ => {}
        }
    }

    fn span_metrics(&mut self, layout: &Layout, op: &OpInfo, target: usize) {
        for error in [false, true] {
            let Some(h) = layout.span(op.op, error).map(|h| h as u16) else { continue };
            let status = if error { "STATUS_CODE_ERROR" } else { "STATUS_CODE_UNSET" };
            let labels: Pairs = vec![
                ("service", op.service.info().name.into()),
                ("span_name", op.name.into()),
                ("span_kind", format!("SPAN_KIND_{}", kind(op.kind))),
                ("status_code", status.into()),
            ];
            self.add("traces_spanmetrics_calls_total", target, &labels, Value::Count(whole(h)));
            let names = ["traces_spanmetrics_latency_bucket", "traces_spanmetrics_latency_sum", "traces_spanmetrics_latency_count"];
            self.histogram(names, target, &labels, &[h], pushed);
        }
    }

    fn service_graph(&mut self, layout: &Layout, target: usize) {
        let mut edges: Vec<Edge> = Vec::new();
        for op in OP.iter().filter(|op| is_call(op.kind)) {
            let Some(peer) = op.peer else { continue };
            let callee =
                Service::parse(peer).and_then(|s| OP.iter().find(|o| o.service == s && o.name == op.name && o.kind == SpanKind::Server));
            let pair = (op.op, callee.map_or(op.op, |o| o.op));
            let edge = (op.service.info().name, peer);
            match edges.iter_mut().find(|e| e.0 == edge) {
                Some(e) => e.1.push(pair),
                None => edges.push((edge, vec![pair])),
            }
        }
        for ((client, server), pairs) in edges {
            let span = |op: Op, error| layout.span(op, error).map(|h| h as u16);
            let of = |ops: &mut dyn Iterator<Item = Op>| -> Vec<u16> {
                ops.flat_map(|op| [span(op, false), span(op, true)]).flatten().collect()
            };
            let clients = of(&mut pairs.iter().map(|p| p.0));
            let servers = of(&mut pairs.iter().map(|p| p.1));
            let failed: Vec<u32> = pairs.iter().filter_map(|p| span(p.0, true)).flat_map(whole).collect();
            let connection = if Service::parse(server).is_some() {
                ""
            } else if server == "kafka" {
                "messaging_system"
            } else {
                "database"
            };
            let mut labels: Pairs = vec![("client", client.into()), ("server", server.into())];
            if !connection.is_empty() {
                labels.push(("connection_type", connection.into()));
            }
            self.add("traces_service_graph_request_total", target, &labels, Value::Count(clients.iter().flat_map(|h| whole(*h)).collect()));
            self.add("traces_service_graph_request_failed_total", target, &labels, Value::Count(failed));
            let names = [
                "traces_service_graph_request_server_seconds_bucket",
                "traces_service_graph_request_server_seconds_sum",
                "traces_service_graph_request_server_seconds_count",
            ];
            self.histogram(names, target, &labels, &servers, pushed);
            let names = [
                "traces_service_graph_request_client_seconds_bucket",
                "traces_service_graph_request_client_seconds_sum",
                "traces_service_graph_request_client_seconds_count",
            ];
            self.histogram(names, target, &labels, &clients, pushed);
        }
    }
}

/// All cells of a histogram.
pub(super) fn whole(histogram: u16) -> Vec<u32> {
    (0..BUCKETS as u32).map(|b| u32::from(histogram) * BUCKETS as u32 + b).collect()
}

/// A bound as Prometheus 3 stores it after a scrape.
fn scraped(bound: f64) -> String {
    format!("{bound:?}")
}

/// A bound as Tempo's generator writes it.
fn pushed(bound: f64) -> String {
    bound.to_string()
}

const fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "UNSPECIFIED",
        SpanKind::Internal => "INTERNAL",
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
    }
}
