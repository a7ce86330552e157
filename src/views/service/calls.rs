//! Who calls the service and whom it calls, from the service graph that a trace pipeline counts.

use std::{collections::BTreeMap, time::Duration};

use super::ask::tagged;
use crate::{
    model::{
        labels::{Labels, quote},
        series::Vector,
    },
    red::{queries::promql_duration, shown_service},
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
/// Said where nothing is known.
pub(super) const NONE: [&str; 2] = ["No calls are known.", "Looked for: traces_service_graph_request_total."];

/// The service and another one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub peer: String,
    /// Whether the other one is the caller.
    pub inbound: bool,
    rate: Option<f64>,
    failed: Option<f64>,
    p95: Option<f64>,
}

impl Call {
    fn error_share(&self) -> Option<f64> {
        let rate = self.rate.filter(|r| *r > 0.0)?;
        Some(self.failed.unwrap_or(0.0) / rate)
    }

    pub(super) fn cell(&self, look: &Look<'_>, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let text = |value: Option<f64>, show: fn(f64) -> String, role| {
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
            1 => text(self.rate, format::rate, Role::Text),
            2 => {
                let failing = self.error_share().is_some_and(|s| s >= shared.error_threshold(&self.peer));
                text(self.error_share(), format::percent, if failing { Role::Bad } else { Role::Text })
            }
            _ => text(self.p95, format::seconds, Role::Text),
        }
    }
}

/// Rate, failures and p95 of all calls from and to a service, in one question.
pub(super) fn query(service: &str, over: Duration) -> String {
    let over = promql_duration(over);
    let name = quote(&format!("(.*/)?{}", regex::escape(service)));
    let both = |metric: &str, by: &str| {
        let side = |side: &str| format!("sum by ({by}) (rate({metric}{{{side}=~{name}}}[{over}]))");
        format!("({} or {})", side("server"), side("client"))
    };
    let quantile = |metric: &str, by: &str| format!("histogram_quantile(0.95, {})", both(metric, by));
    let seconds = "traces_service_graph_request_server_seconds";
    [
        tagged(&both("traces_service_graph_request_total", "client, server"), FIGURE, "rate"),
        tagged(&both("traces_service_graph_request_failed_total", "client, server"), FIGURE, "failed"),
        tagged(&quantile(&format!("{seconds}_bucket"), "client, server, le"), FIGURE, "p95"),
        // A native histogram has no buckets of its own.
        tagged(&quantile(seconds, "client, server"), FIGURE, "p95"),
    ]
    .join(" or ")
}

/// The calls in an answer: who calls first, then who is called, the busiest first.
pub(super) fn calls(vector: &Vector, service: &str) -> Vec<Call> {
    let mut by_peer: BTreeMap<(bool, String), Call> = BTreeMap::new();
    for (labels, sample) in vector.elements.iter().filter(|(_, s)| s.value.is_finite()) {
        let Some((inbound, peer)) = peer(labels, service) else { continue };
        let new = || Call { peer: peer.clone(), inbound, rate: None, failed: None, p95: None };
        let call = by_peer.entry((!inbound, peer.clone())).or_insert_with(new);
        // Of two environments' edges between the same two, the sum; the slower one's p95.
        match labels.get(FIGURE) {
            Some("rate") => call.rate = Some(call.rate.unwrap_or(0.0) + sample.value),
            Some("failed") => call.failed = Some(call.failed.unwrap_or(0.0) + sample.value),
            Some("p95") => call.p95 = Some(call.p95.unwrap_or(0.0).max(sample.value)),
            _ => {}
        }
    }
    let mut out: Vec<Call> = by_peer.into_values().filter(|c| c.rate.is_some()).collect();
    let rate = |c: &Call| c.rate.unwrap_or(0.0);
    out.sort_by(|a, b| b.inbound.cmp(&a.inbound).then(rate(b).total_cmp(&rate(a))));
    out
}

/// Whether the other one calls, and its name.
fn peer(labels: &Labels, service: &str) -> Option<(bool, String)> {
    let of = |name: &str| labels.get(name).map(shown_service).filter(|n| !n.is_empty());
    let (client, server) = (of("client")?, of("server")?);
    let inbound = server == service;
    Some((inbound, if inbound { client } else { server }.to_owned()))
}
