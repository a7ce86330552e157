//! Who calls the service and whom it calls, from the service graph that a trace pipeline counts, or from its span metrics
//! where a span says whom it calls.

use std::{collections::BTreeMap, time::Duration};

use compact_str::CompactString;

use super::ask::table_window;
use crate::{
    model::{
        labels::{Labels, label_name, quote},
        series::Vector,
    },
    red::{
        Durations, Failures, Family, Kind, RedMapping, Requests,
        queries::{promql_duration, tagged},
        shown_service,
    },
    theme::Role,
    ui::{
        format,
        table::{Cell, Column},
    },
    views::Look,
};

/// Left out in this order when the pane is narrow: the duration, then the rate.
pub(super) const COLUMNS: [Column; 4] =
    [Column::text("", 10, 40), Column::number("RATE", 9).drop(1), Column::number("ERRORS", 7), Column::number("P95", 8).drop(2)];

/// The label that tells figures apart in the one answer.
const FIGURE: &str = "figure";
/// What begins the figures of spans of clients; the service graph's are the others.
const SPANS: &str = "spans ";
/// The service graph's counter.
const GRAPH: &str = "traces_service_graph_request_total";
/// The label of a span's kind, and what it is where the span calls another service.
const KIND: &str = "span_kind";
const CALLS: &str = "(?i:(SPAN_KIND_)?(CLIENT|PRODUCER))";
/// Labels that say whom a span calls, the surest first; a dot in one of them is as good as an underscore.
const PEERS: [&str; 9] = [
    "peer_service",
    "server_service_name",
    "db_system_name",
    "db_system",
    "messaging_destination_name",
    "messaging_system",
    "server_address",
    "net_peer_name",
    "rpc_service",
];
/// So many of them are asked for: each makes the question larger.
const MOST_PEERS: usize = 2;

/// The service and another one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub peer: String,
    /// Whether the other one is the caller.
    pub inbound: bool,
    rate: Option<f64>,
    failed: Option<f64>,
    p95: Option<f64>,
    /// Its p95 may be longer, or is not exact.
    mark: &'static str,
    /// Known from spans of clients.
    of_spans: bool,
}

impl Call {
    /// What follows from the family that it is counted by.
    fn complete(&mut self, family: Option<&Family>) {
        // The counter of failures begins with the first one; spans may have nothing that tells them.
        let tells = !self.of_spans || family.is_some_and(|f| f.failures.is_some());
        self.failed = self.failed.or(tells.then_some(0.0));
        if self.p95.is_some_and(|p95| family.is_some_and(|f| f.is_highest_bound(p95))) {
            self.mark = ">";
        }
    }

    fn error_share(&self) -> Option<f64> {
        let rate = self.rate.filter(|r| *r > 0.0)?;
        Some(self.failed? / rate)
    }

    pub(super) fn cell(&self, look: &Look<'_>, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let text = |value: Option<f64>, show: &dyn Fn(f64) -> String, role| {
            Cell::new(value.map_or_else(|| format::MISSING.to_owned(), show), style(role))
        };
        let arrow = match (self.inbound, shared.glyphs.unicode) {
            (true, true) => "← ",
            (false, true) => "→ ",
            (true, false) => "< ",
            (false, false) => "> ",
        };
        match column {
            0 => Cell::new(arrow, style(Role::Dim)).and(self.peer.clone(), shared.service_style(&self.peer)),
            1 => text(self.rate, &format::rate, Role::Text),
            2 => {
                let failing = self.error_share().is_some_and(|s| s >= shared.error_threshold(&self.peer));
                text(self.error_share(), &format::percent, if failing { Role::Bad } else { Role::Text })
            }
            _ => text(self.p95, &|p95| format!("{}{}", self.mark, format::seconds(p95)), Role::Text),
        }
    }
}

/// Spans of those who call, as span metrics count them.
pub(super) struct Clients(Family);

/// Those that a server has.
pub(super) fn spans(red: &RedMapping) -> Option<Clients> {
    let is_meant = |f: &&Family| f.kind == Kind::Spans && f.restrict.starts_with(KIND) && matches!(f.requests, Requests::Counter(_));
    let family = red.families.iter().find(is_meant)?;
    Some(Clients(Family { restrict: format!("{KIND}=~{}", quote(CALLS)), ..family.clone() }))
}

impl Clients {
    /// All of them.
    pub(super) fn selector(&self) -> String {
        self.0.selector(self.0.requests.metric(), &[])
    }
}

/// Those of these labels that say whom a span calls.
fn peers(labels: &[CompactString]) -> Vec<&str> {
    let has = |name: &&str| labels.iter().find(|l| l.replace('.', "_") == **name).map(CompactString::as_str);
    PEERS.iter().filter_map(has).take(MOST_PEERS).collect()
}

/// What the service graph's rates are taken over: it has the intervals of the pipeline that writes it, not those of the service.
pub(super) fn graph_window(red: &RedMapping) -> Option<Duration> {
    red.families.iter().filter(|f| f.kind == Kind::Graph).map(table_window).max()
}

/// Rate, failures and p95 of all calls from and to a service, in one question. `over` is the window of the service graph.
pub(super) fn query(service: &str, over: Duration, spans: Option<&Clients>, labels: &[CompactString]) -> String {
    let window = promql_duration(over);
    let name = quote(&format!("(.*/)?{}", regex::escape(service)));
    let both = |metric: &str, by: &str| {
        let side = |side: &str| format!("sum by ({by}) (rate({metric}{{{side}=~{name}}}[{window}]))");
        format!("({} or {})", side("server"), side("client"))
    };
    let quantile = |metric: &str, by: &str| format!("histogram_quantile(0.95, {})", both(metric, by));
    let seconds = "traces_service_graph_request_server_seconds";
    let graph = [
        (both(GRAPH, "client, server"), "rate"),
        (both("traces_service_graph_request_failed_total", "client, server"), "failed"),
        (quantile(&format!("{seconds}_bucket"), "client, server, le"), "p95"),
        // A native histogram has no buckets of its own.
        (quantile(seconds, "client, server"), "p95"),
        (mixed_buckets(&format!("{seconds}_bucket"), &name), "mixed"),
    ];
    let graph = graph.iter().map(|(query, figure)| tagged(query, FIGURE, figure));
    let peers = peers(labels);
    let spans = spans.filter(|_| !peers.is_empty()).into_iter().flat_map(|clients| of_spans(&clients.0, service, &peers));
    let spans = spans.map(|(query, figure)| tagged(&query, FIGURE, &format!("{SPANS}{figure}")));
    graph.chain(spans).collect::<Vec<_>>().join(" or ")
}

/// The calls whose series have buckets with different bounds, as generators of different settings write them.
fn mixed_buckets(buckets: &str, name: &str) -> String {
    let side = |side: &str| format!("count by (client, server, le) ({buckets}{{{side}=~{name}}})");
    format!("stddev by (client, server) ({} or {}) > 0", side("server"), side("client"))
}

/// The same of the spans of clients: those of the service itself by whom they call, and those of others that call it.
fn of_spans(clients: &Family, service: &str, peers: &[&str]) -> Vec<(String, &'static str)> {
    let over = table_window(clients);
    let own = vec![clients.service_matcher(service)];
    let address = quote(&format!("(.*/)?{}([.:].*)?", regex::escape(service)));
    let both = |metric: &str, condition: &str, le: &[&str]| {
        let sum = |matchers: &[String], by: &[&str]| {
            let all: Vec<String> = matchers.iter().cloned().chain((!condition.is_empty()).then(|| condition.to_owned())).collect();
            clients.sum_rate(metric, &all, over, &[by, le].concat())
        };
        let le = le.iter().map(|le| format!(", {le}")).collect::<String>();
        // The surest one overrides the others.
        let callees = peers.iter().rev().fold(sum(&own, peers), |query, peer| named(&query, "server", "$1", peer));
        let callees = named(&format!("sum by (server{le}) ({callees})"), "client", service, "");
        let callers = peers.iter().map(|peer| sum(&[format!("{}=~{address}", label_name(peer))], &[&clients.service_label]));
        let callers = named(&format!("({})", callers.collect::<Vec<_>>().join(" or ")), "client", "$1", &clients.service_label);
        let callers = named(&format!("sum by (client{le}) ({callers})"), "server", service, "");
        format!("({callees} or {callers})")
    };
    let mut out = vec![(both(clients.requests.metric(), "", &[]), "rate")];
    if let Some(Failures::Status(status)) = &clients.failures {
        let condition = format!("{}{}", label_name(&status.label), status.shape.failed());
        out.push((both(clients.requests.metric(), &condition, &[]), "failed"));
    }
    let histogram = match &clients.durations {
        Some(Durations::Classic { buckets, .. }) => Some(both(buckets, "", &["le"])),
        Some(Durations::Native(name)) => Some(both(name, "", &[])),
        Some(Durations::Given(_)) | None => None,
    };
    let scale = clients.unit.seconds();
    out.extend(histogram.map(|h| (format!("histogram_quantile(0.95, {h}) * {scale}"), "p95")));
    out
}

/// A query whose results have a label made of another, where that has a value; made of none it is the same for all.
fn named(query: &str, label: &str, value: &str, of: &str) -> String {
    let pattern = if of.is_empty() { "" } else { "(.+)" };
    format!("label_replace({query}, {}, {}, {}, {})", quote(label), quote(value), quote(of), quote(pattern))
}

/// The calls in an answer: who calls first, then who is called, the busiest first. Of each side from the service graph,
/// where that knows any: spans of clients name the same ones by their addresses.
pub(super) fn calls(vector: &Vector, service: &str, red: Option<&RedMapping>) -> Vec<Call> {
    let mut by_peer: BTreeMap<(bool, bool, String), Call> = BTreeMap::new();
    for (labels, sample) in vector.elements.iter().filter(|(_, s)| s.value.is_finite()) {
        let Some((inbound, peer)) = peer(labels, service, red) else { continue };
        let figure = labels.get(FIGURE).unwrap_or_default();
        let (of_spans, figure) = figure.strip_prefix(SPANS).map_or((false, figure), |figure| (true, figure));
        let new = || Call { peer: peer.clone(), inbound, rate: None, failed: None, p95: None, mark: "", of_spans };
        let call = by_peer.entry((!inbound, of_spans, peer.clone())).or_insert_with(new);
        // Of two environments' edges between the same two, the sum; the slower one's p95.
        match figure {
            "rate" => call.rate = Some(call.rate.unwrap_or(0.0) + sample.value),
            "failed" => call.failed = Some(call.failed.unwrap_or(0.0) + sample.value),
            "p95" => call.p95 = Some(call.p95.unwrap_or(0.0).max(sample.value)),
            "mixed" => call.mark = "~",
            _ => {}
        }
    }
    let mut out: Vec<Call> = by_peer.into_values().filter(|c| c.rate.is_some()).collect();
    let (spans, graph) = (red.and_then(spans), red.and_then(|red| red.families.iter().find(|f| f.kind == Kind::Graph)));
    for call in &mut out {
        call.complete(if call.of_spans { spans.as_ref().map(|clients| &clients.0) } else { graph });
    }
    for inbound in [true, false] {
        let graph_knows = out.iter().any(|c| c.inbound == inbound && !c.of_spans);
        out.retain(|c| c.inbound != inbound || c.of_spans != graph_knows);
    }
    let rate = |c: &Call| c.rate.unwrap_or(0.0);
    out.sort_by(|a, b| b.inbound.cmp(&a.inbound).then(rate(b).total_cmp(&rate(a))));
    out
}

/// Whether the other one calls, and its name.
fn peer(labels: &Labels, service: &str, red: Option<&RedMapping>) -> Option<(bool, String)> {
    let of = |name: &str| labels.get(name).map(|n| shown_peer(n, red)).filter(|n| !n.is_empty());
    let (client, server) = (of("client")?, of("server")?);
    let inbound = server == service;
    Some((inbound, if inbound { client } else { server }.to_owned()))
}

/// The name of a service, also where its address is told: `orders.shop.svc:8080`.
fn shown_peer<'a>(name: &'a str, red: Option<&RedMapping>) -> &'a str {
    let name = shown_service(name);
    let host = name.split(['.', ':']).next().unwrap_or(name);
    if red.is_some_and(|red| red.family_of(host).is_some()) { host } else { name }
}

/// Where the calls are from, said where it is not the service graph.
pub(super) fn source(calls: &[Call]) -> &'static str {
    if calls.iter().any(|c| c.of_spans) { "from spans of clients" } else { "" }
}

/// Why there are none.
pub(super) fn none(service: &str, red: Option<&RedMapping>) -> Vec<String> {
    let graph = red.is_some_and(|red| red.families.iter().any(|f| f.kind == Kind::Graph));
    let spans = red.and_then(spans);
    match (graph, spans) {
        (true, _) => vec![format!("No call of {service} in the service graph."), format!("Looked in: {GRAPH}.")],
        (false, Some(spans)) => vec![
            format!("No calls of {service} are known."),
            format!("There is no {GRAPH}, and no client span in {} says whom it calls.", spans.0.requests.metric()),
        ],
        (false, None) => {
            vec!["No calls are known.".to_owned(), format!("There is no {GRAPH} and no span metrics: a trace pipeline writes them.")]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::red_mapping,
        model::{series::Sample, time::Timestamp},
        red::{StatusRule, StatusShape, Unit},
    };

    fn mapping() -> RedMapping {
        let mut red = red_mapping(&["orders", "web"]);
        let mut spans = red.families[0].clone();
        spans.kind = Kind::Spans;
        spans.requests = Requests::Counter("traces_spanmetrics_calls_total".to_owned());
        spans.durations =
            Some(Durations::Classic { buckets: "traces_spanmetrics_duration_milliseconds_bucket".to_owned(), bounds: vec![1.0] });
        spans.unit = Unit::Milliseconds;
        spans.restrict = r#"span_kind=~"(?i:(SPAN_KIND_)?(SERVER|CONSUMER))""#.to_owned();
        spans.service_label = "service_name".to_owned();
        spans.failures = Some(Failures::Status(StatusRule { label: "status_code".to_owned(), shape: StatusShape::SpanStatus }));
        red.families.push(spans);
        red
    }

    fn answer(rows: &[(&str, &str, &str, f64)]) -> Vector {
        let element = |(figure, client, server, value): &(&str, &str, &str, f64)| {
            let labels = [("figure", *figure), ("client", *client), ("server", *server)];
            (labels.into_iter().collect(), Sample { at: Timestamp::ZERO, value: *value })
        };
        Vector { elements: rows.iter().map(element).collect(), warnings: Vec::new() }
    }

    fn told(rows: &[(&str, &str, &str, f64)]) -> Vec<(String, bool, Option<f64>)> {
        let red = mapping();
        calls(&answer(rows), "orders", Some(&red)).into_iter().map(|c| (c.peer, c.inbound, c.rate)).collect()
    }

    #[test]
    fn spans_of_clients_are_asked_for_where_there_are_span_metrics() {
        let red = mapping();
        let labels = |names: &[&str]| names.iter().map(|n| CompactString::from(*n)).collect::<Vec<_>>();
        let ask = |names: &[&str]| query("orders", Duration::from_secs(120), spans(&red).as_ref(), &labels(names));
        let asked = ask(&["span_name", "server_address", "peer.service"]);
        assert!(promql_parser::parser::parse(&asked).is_ok(), "{asked}");
        let clients = r#"span_kind=~"(?i:(SPAN_KIND_)?(CLIENT|PRODUCER))""#;
        assert!(asked.contains(&format!("traces_spanmetrics_calls_total{{{clients}, service_name=~\"(.*/)?orders\"}}")), "{asked}");
        assert!(asked.contains(&format!("{clients}, \"peer.service\"=~\"(.*/)?orders([.:].*)?\"")), "{asked}");
        let surest = asked.find(r#""server", "$1", "peer.service""#);
        assert!(surest > asked.find(r#""server", "$1", "server_address""#), "the surest is put in last: {asked}");
        assert!(asked.contains(r#"status_code="STATUS_CODE_ERROR""#) && asked.contains("* 0.001"), "{asked}");
        assert!(crate::demo::promql::parse(&ask(&PEERS)).is_ok(), "servers bound how large a question may be");
        for without in [ask(&["span_name"]), query("orders", Duration::from_secs(120), None, &labels(&["peer_service"]))] {
            assert!(!without.contains("CLIENT") && promql_parser::parser::parse(&without).is_ok(), "{without}");
        }
    }

    #[test]
    fn what_writes_the_calls_has_intervals_of_its_own() {
        let mut red = mapping();
        red.families[0].scrape_interval = Some(Duration::from_secs(5));
        red.families[1].scrape_interval = Some(Duration::from_secs(60));
        assert_eq!(graph_window(&red), None);
        for seconds in [15, 300] {
            let every = Some(Duration::from_secs(seconds));
            red.families.push(Family { kind: Kind::Graph, scrape_interval: every, ..red.families[0].clone() });
        }
        let over = graph_window(&red).unwrap();
        let asked = query("orders", over, spans(&red).as_ref(), &["peer_service".into()]);
        let (graph, of_spans) = asked.split_once("traces_spanmetrics").unwrap();
        assert!(graph.contains("[1200s]") && !graph.contains("[240s]") && !graph.contains("[120s]"), "{graph}");
        assert!(of_spans.contains("[240s]") && !of_spans.contains("[1200s]") && !of_spans.contains("[120s]"), "{of_spans}");
    }

    #[test]
    fn spans_tell_calls_where_the_service_graph_does_not() {
        // The graph knows who calls, and not whom is called.
        let rows = [
            ("rate", "web", "shop/orders", 5.0),
            ("spans rate", "web", "orders", 7.0),
            ("spans rate", "orders", "postgres:5432", 3.0),
            ("spans rate", "orders", "web.shop.svc:80", 1.0),
            ("spans rate", "orders", "", 9.0),
        ];
        let expected = [("web", true, 5.0), ("postgres:5432", false, 3.0), ("web", false, 1.0)];
        assert_eq!(told(&rows), expected.map(|(peer, inbound, rate)| (peer.to_owned(), inbound, Some(rate))));
        assert_eq!(source(&calls(&answer(&rows), "orders", None)), "from spans of clients");
        assert_eq!(source(&calls(&answer(&rows[..1]), "orders", None)), "");
    }

    #[test]
    fn a_p95_that_is_not_exact_is_marked_and_failures_that_nobody_tells_are_no_zero() {
        let mut red = mapping();
        let durations = Some(Durations::Classic { buckets: "x_bucket".to_owned(), bounds: vec![0.1, 12.8] });
        red.families.push(Family { kind: Kind::Graph, unit: Unit::Seconds, durations, ..red.families[0].clone() });
        red.families[1].failures = None;
        let rows = [
            ("rate", "web", "orders", 5.0),
            ("p95", "web", "orders", 12.8),
            ("mixed", "web", "orders", 1.0),
            ("rate", "cart", "orders", 4.0),
            ("p95", "cart", "orders", 0.3),
            ("mixed", "cart", "orders", 1.0),
            ("spans rate", "orders", "postgres", 3.0),
            ("spans p95", "orders", "postgres", 0.001),
        ];
        let told: Vec<_> =
            calls(&answer(&rows), "orders", Some(&red)).into_iter().map(|c| (c.peer.clone(), c.mark, c.error_share())).collect();
        let expected = [("web", ">", Some(0.0)), ("cart", "~", Some(0.0)), ("postgres", ">", None)];
        assert_eq!(told, expected.map(|(peer, mark, share)| (peer.to_owned(), mark, share)));
        assert!(promql_parser::parser::parse(&query("orders", Duration::from_secs(60), None, &[])).is_ok());
    }

    #[test]
    fn why_there_are_none_is_said() {
        let mut graph = mapping();
        graph.families[1].kind = Kind::Graph;
        let words = |red: Option<&RedMapping>| none("orders", red).join(" ");
        assert!(words(Some(&graph)).contains("No call of orders in the service graph"));
        assert!(words(Some(&mapping())).contains("no client span in traces_spanmetrics_calls_total says whom it calls"));
        assert!(words(Some(&red_mapping(&["orders"]))).contains("no span metrics"));
    }
}
