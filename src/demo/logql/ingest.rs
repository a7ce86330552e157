//! Lines as Loki holds them: what its distributor adds to what shippers sent.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use super::matcher::CompiledMatcher;
use crate::{
    demo::store::{Direction, LogEntry, LogHint, LogStore, Volume},
    model::{
        labels::{Labels, MatchOp, Matcher},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
};

/// Where Loki looks for a service's name (`limits_config.discover_service_name`).
pub const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];
const SERVICE_NAME: &str = "service_name";

/// Stream labels as Loki keeps them: with `service_name`, found in other labels where it was not sent.
pub fn with_service_name(labels: &Arc<Labels>) -> Arc<Labels> {
    if labels.get(SERVICE_NAME).is_some() {
        return labels.clone();
    }
    let mut out = Labels::clone(labels);
    out.set(SERVICE_NAME, service_of(labels).1);
    Arc::new(out)
}

/// The label that names a stream's service, and the name.
fn service_of(labels: &Labels) -> (&'static str, &str) {
    SERVICE_LABELS.iter().chain(&[SERVICE_NAME]).find_map(|l| Some((*l, labels.get(l)?))).unwrap_or(("", "unknown_service"))
}

/// Streams in the range that match, with their `service_name`.
pub fn streams(store: &dyn LogStore, matchers: &[CompiledMatcher], range: TimeRange) -> Vec<Arc<Labels>> {
    let all = store.streams(&[], range);
    all.iter().map(with_service_name).filter(|labels| matchers.iter().all(|m| m.matches_labels(labels))).collect()
}

/// Takes a line, its stream's labels, and a small number that stands for the stream.
pub type Visit<'v> = dyn FnMut(&dyn LogEntry, &Arc<Labels>, usize) -> ControlFlow<()> + 'v;

/// Visits the lines of matching streams with the stream's labels and a small number that stands for the stream.
pub fn scan(
    store: &dyn LogStore,
    matchers: &[Matcher],
    compiled: &[CompiledMatcher],
    trace: Option<TraceId>,
    (range, direction): (TimeRange, Direction),
    visit: &mut Visit<'_>,
) {
    let hint = LogHint { matchers: hint(store, matchers, compiled, range), trace };
    let mut known = Known::default();
    store.scan(&hint, range, direction, &mut |entry| {
        let (number, labels) = known.find(entry.stream(), compiled);
        // Stores may give more than was asked for.
        if entry.at() < range.start || entry.at() >= range.end {
            return ControlFlow::Continue(());
        }
        match labels {
            Some(labels) => visit(entry, labels, number),
            None => ControlFlow::Continue(()),
        }
    });
}

/// How much the matching streams have in a range, in pieces that lie at an instant.
pub fn volume(
    store: &dyn LogStore,
    matchers: &[Matcher],
    compiled: &[CompiledMatcher],
    range: TimeRange,
    visit: &mut dyn FnMut(Timestamp, &Arc<Labels>, Volume),
) {
    let mut known = Known::default();
    store.volume(&hint(store, matchers, compiled, range), range, &mut |at, stream, volume| {
        if let (_, Some(labels)) = known.find(stream, compiled) {
            visit(at, labels, volume);
        }
    });
}

/// Matchers that the store understands: those on `service_name` become one on the label it was found in.
fn hint(store: &dyn LogStore, matchers: &[Matcher], compiled: &[CompiledMatcher], range: TimeRange) -> Vec<Matcher> {
    let (named, mut rest): (Vec<Matcher>, Vec<Matcher>) = matchers.iter().cloned().partition(|m| m.name == SERVICE_NAME);
    if named.is_empty() {
        return rest;
    }
    let raw = store.streams(&rest, range);
    let matching = raw.iter().filter(|l| compiled.iter().all(|m| m.matches_labels(&with_service_name(l))));
    let mut sources: Vec<(&str, &str)> =
        matching.map(|labels| labels.get(SERVICE_NAME).map_or_else(|| service_of(labels), |v| (SERVICE_NAME, v))).collect();
    sources.sort_unstable();
    sources.dedup();
    match sources.as_slice() {
        [] => {}
        [(label, value)] if !label.is_empty() => rest.push(Matcher::equal(*label, *value)),
        [(label, _), ..] if !label.is_empty() && sources.iter().all(|(l, _)| l == label) => {
            let values: Vec<String> = sources.iter().map(|(_, v)| regex::escape(v)).collect();
            rest.push(Matcher::new(*label, MatchOp::Regex, values.join("|")));
        }
        _ => {}
    }
    rest
}

/// Streams that a scan has met. Each is kept alive, so that its address stays its own.
#[derive(Default)]
struct Known {
    by_address: HashMap<usize, usize>,
    by_labels: HashMap<Arc<Labels>, usize>,
    streams: Vec<Stream>,
    last: Option<(usize, usize)>,
}

struct Stream {
    /// `None` when the stream does not match.
    labels: Option<Arc<Labels>>,
    _alive: Arc<Labels>,
}

impl Known {
    fn find(&mut self, raw: &Arc<Labels>, matchers: &[CompiledMatcher]) -> (usize, Option<&Arc<Labels>>) {
        let address = Arc::as_ptr(raw) as usize;
        let number = match self.last.filter(|(a, _)| *a == address) {
            Some((_, number)) => number,
            None => self.by_address.get(&address).copied().unwrap_or_else(|| self.add(raw, address, matchers)),
        };
        self.last = self.by_address.contains_key(&address).then_some((address, number));
        (number, self.streams[number].labels.as_ref())
    }

    fn add(&mut self, raw: &Arc<Labels>, address: usize, matchers: &[CompiledMatcher]) -> usize {
        if let Some(number) = self.by_labels.get(raw) {
            return *number;
        }
        let labels = with_service_name(raw);
        let matches = matchers.iter().all(|m| m.matches_labels(&labels));
        let number = self.streams.len();
        self.by_labels.insert(raw.clone(), number);
        self.by_address.insert(address, number);
        self.streams.push(Stream { labels: matches.then_some(labels), _alive: raw.clone() });
        number
    }
}
