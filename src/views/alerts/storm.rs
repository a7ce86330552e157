//! A storm of alerts: the questions about the service graph, and the probable origins that answers and alerts lead to.

use std::{collections::BTreeMap, time::Duration};

use compact_str::CompactString;

use crate::{
    alert_origins::{self, Edge, Fact, Origin},
    core::{request::Request, slot::Slot},
    model::{
        alert::{Alert, AlertState},
        alert_book::AlertBook,
        series::Vector,
        time::{TimeRange, TimeWindow, Timestamp},
    },
    red::shown_service,
};

/// From so many active alerts on they are folded into origins, unless the user grouped them.
pub(super) const STORM: usize = 20;
/// With fewer left a storm is over: alerts that come and go do not fold and unfold the page.
pub(super) const CALM: usize = 15;
/// The window of rates over the graph.
const RATES: Duration = Duration::from_secs(300);
/// How long before the first alerts of a storm calls were as ever.
const LEAD: Duration = Duration::from_secs(600);
/// Between two alerts of one storm.
const GAP: Duration = Duration::from_secs(300);

/// How calls between services fail, and how long they take now and before the storm.
#[derive(Default)]
pub(super) struct Calls {
    pub(super) failed: Slot<Vector>,
    pub(super) now: Slot<Vector>,
    pub(super) before: Slot<Vector>,
}

/// Whether an alert still is what it says.
pub(super) fn is_active(alert: &Alert) -> bool {
    alert.state != AlertState::Resolved
}

impl Calls {
    /// The questions: three, whatever the number of alerts and services.
    pub(super) fn questions(&self, onset: Timestamp, window: TimeWindow) -> [Request; 3] {
        let before = TimeWindow::Fixed(TimeRange { start: onset - RATES, end: onset });
        let ask = |query: String, window| Request::Instant { query, window };
        [ask(failed_query(), window), ask(slow_query(), window), ask(slow_query(), before)]
    }

    /// Who calls whom; empty where there is no service graph.
    fn edges(&self) -> Vec<Edge> {
        let [failed, now, before] = [&self.failed, &self.now, &self.before].map(by_ends);
        let mut ends: Vec<&(CompactString, CompactString)> = now.keys().chain(failed.keys()).collect();
        ends.sort();
        ends.dedup();
        let edge = |ends: &(CompactString, CompactString)| Edge {
            client: ends.0.clone(),
            server: ends.1.clone(),
            failed: failed.get(ends).copied(),
            slower: now.get(ends).zip(before.get(ends)).map(|(now, before)| now / before).filter(|v| v.is_finite()),
        };
        ends.into_iter().map(edge).collect()
    }

    /// Whether there is a service graph.
    pub(super) fn has_graph(&self) -> bool {
        self.now.value().is_some_and(|v| !v.elements.is_empty()) || self.failed.value().is_some_and(|v| !v.elements.is_empty())
    }
}

fn failed_query() -> String {
    let rate = |name: &str| format!("sum by (client, server) (rate(traces_service_graph_request_{name}[5m]))");
    format!("{} / {}", rate("failed_total"), rate("total"))
}

fn slow_query() -> String {
    let rate = |end: &str| format!("sum by (client, server) (rate(traces_service_graph_request_client_seconds_{end}[5m]))");
    format!("{} / {}", rate("sum"), rate("count"))
}

fn by_ends(slot: &Slot<Vector>) -> BTreeMap<(CompactString, CompactString), f64> {
    let elements = slot.value().map_or(&[][..], |v| &v.elements);
    let ends = |labels: &crate::model::labels::Labels| {
        let end = |name| labels.get(name).filter(|v| !v.is_empty()).map(|v| CompactString::from(shown_service(v)));
        end("client").zip(end("server"))
    };
    let finite = elements.iter().filter(|(_, sample)| sample.value.is_finite());
    finite.filter_map(|(labels, sample)| Some((ends(labels)?, sample.value))).collect()
}

/// An instant before the largest group of alerts that began one after the other, rounded so that it stays the same question.
pub(super) fn before_onset(book: &AlertBook) -> Option<Timestamp> {
    let mut onsets: Vec<Timestamp> = book.alerts.iter().filter(|a| is_active(a)).map(|a| a.since).collect();
    onsets.sort_unstable();
    let groups = onsets.chunk_by(|a, b| b.since(*a) <= GAP);
    let largest = groups.max_by_key(|group| (group.len(), group[0]))?;
    Some((largest[0] - LEAD).align_down(Duration::from_secs(60)))
}

/// The origins of a book's alerts; places are those in the book.
pub(super) fn origins(book: &AlertBook, calls: &Calls) -> Vec<Origin> {
    let facts: Vec<Fact<'_>> = book.alerts.iter().map(fact).collect();
    alert_origins::origins(&facts, &calls.edges())
}

fn fact(alert: &Alert) -> Fact<'_> {
    Fact {
        service: alert.service.as_deref(),
        labels: &alert.labels,
        since: alert.since,
        severity: alert.severity.0,
        is_active: is_active(alert),
    }
}
