//! Where a storm of alerts may come from: along the service graph down to the lowest dependency that is itself bad, and
//! where no graph reaches by common onset and common labels. The order in which alerts arrive changes nothing.

mod clusters;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use compact_str::CompactString;

use crate::model::{labels::Labels, time::Timestamp};

/// What is looked at of an alert.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'a> {
    /// Its service.
    pub service: Option<&'a str>,
    /// Its labels.
    pub labels: &'a Labels,
    /// When it began.
    pub since: Timestamp,
    /// Its rank.
    pub severity: u8,
    /// Whether it still is: what has ended makes no service bad.
    pub is_active: bool,
}

/// Who calls whom, and how the calls went.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Who calls.
    pub client: CompactString,
    /// Who is called.
    pub server: CompactString,
    /// Share of the calls that fail.
    pub failed: Option<f64>,
    /// How many times longer a call takes than before the storm.
    pub slower: Option<f64>,
}

/// A probable origin and what is put down to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// A service, `label=value`, or words.
    pub name: String,
    /// Why these belong together.
    pub why: Why,
    /// The alerts, by their places.
    pub members: Vec<usize>,
}

/// Why alerts are put down to an origin.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It is the lowest bad dependency of these services.
    Dependency {
        /// How many services have alerts that it explains.
        services: usize,
        /// Share of the calls to it that fail, at the worst of its callers.
        failed: f64,
        /// How many times slower it answers than before, at the worst of its callers.
        slower: f64,
    },
    /// It calls nothing that is bad.
    Itself,
    /// They began together and share this label.
    Shared {
        /// When the first began.
        from: Timestamp,
        /// And the last, so much later.
        within: Duration,
    },
    /// They began together.
    Onset {
        /// When the first began.
        from: Timestamp,
        /// And the last, so much later.
        within: Duration,
    },
    /// Nothing joins them.
    Apart,
}

/// A call is bad from these on, and one to a service with alerts of its own already from the second ones.
const BAD: (f64, f64) = (0.05, 2.0);
const BAD_WITH_ALERTS: (f64, f64) = (0.01, 1.3);

impl Edge {
    fn is_bad(&self, (failed, slower): (f64, f64)) -> bool {
        self.failed.is_some_and(|v| v >= failed) || self.slower.is_some_and(|v| v >= slower)
    }
}

/// Puts every alert down to one origin: those that explain most come first. Each place is in exactly one of them.
pub fn origins(facts: &[Fact<'_>], edges: &[Edge]) -> Vec<Origin> {
    let graph = Graph::new(facts, edges);
    let mut by_origin: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut others = Vec::new();
    let origin_of = graph.origins();
    for (i, fact) in facts.iter().enumerate() {
        match fact.service.and_then(|s| origin_of.get(s)) {
            Some(origin) => by_origin.entry(origin).or_default().push(i),
            None => others.push(i),
        }
    }
    let mut out: Vec<Origin> = by_origin
        .into_iter()
        .map(|(name, members)| Origin { name: name.to_owned(), why: graph.why(name, &members, facts), members })
        .collect();
    out.extend(clusters::clusters(facts, others));
    out.sort_by_cached_key(|origin| rank(origin, facts));
    out
}

/// What explains several services first, then what explains most alerts, the worst and the earliest.
fn rank(origin: &Origin, facts: &[Fact<'_>]) -> impl Ord + use<> {
    let active = || origin.members.iter().map(|i| &facts[*i]).filter(|f| f.is_active);
    let services = if let Why::Dependency { services, .. } = origin.why { services } else { 0 };
    let worst = active().map(|f| f.severity).min();
    let first = active().map(|f| f.since).min();
    let apart = origin.why == Why::Apart;
    (apart, Reverse(services), Reverse(active().count()), worst, first, origin.name.clone())
}

/// The service graph, and what in it is bad.
struct Graph<'a> {
    /// Services that have alerts, each with the onset of its first.
    alerting: BTreeMap<&'a str, Timestamp>,
    /// Calls by who is called.
    into: BTreeMap<&'a str, Vec<&'a Edge>>,
    /// Whom a service calls and finds bad.
    bad_calls: BTreeMap<&'a str, BTreeSet<&'a str>>,
    nodes: BTreeSet<&'a str>,
}

impl<'a> Graph<'a> {
    fn new(facts: &[Fact<'a>], edges: &'a [Edge]) -> Self {
        let mut alerting: BTreeMap<&'a str, Timestamp> = BTreeMap::new();
        for fact in facts.iter().filter(|f| f.is_active) {
            if let Some(service) = fact.service {
                let first = alerting.entry(service).or_insert(fact.since);
                *first = fact.since.min(*first);
            }
        }
        let mut graph = Self { alerting, into: BTreeMap::new(), bad_calls: BTreeMap::new(), nodes: BTreeSet::new() };
        for edge in edges.iter().filter(|e| e.client != e.server) {
            let (client, server) = (edge.client.as_str(), edge.server.as_str());
            graph.nodes.extend([client, server]);
            graph.into.entry(server).or_default().push(edge);
            let has_alerts = graph.alerting.contains_key(server);
            let is_unmeasured = edge.failed.is_none() && edge.slower.is_none();
            if edge.is_bad(if has_alerts { BAD_WITH_ALERTS } else { BAD }) || (has_alerts && is_unmeasured) {
                graph.bad_calls.entry(client).or_default().insert(server);
            }
        }
        graph
    }

    /// For each service of the graph that has alerts, the origin they are put down to: of the lowest bad dependencies the
    /// one that most services have in common.
    fn origins(&self) -> BTreeMap<&'a str, &'a str> {
        let reach: BTreeMap<&str, BTreeSet<&'a str>> = self.nodes.iter().map(|n| (*n, self.reach(n))).collect();
        let lowest: BTreeMap<&str, &'a str> = self.nodes.iter().filter_map(|n| Some((*n, self.lowest(n, &reach)?))).collect();
        let lowest: BTreeMap<&'a str, BTreeSet<&'a str>> = self
            .alerting
            .keys()
            .filter_map(|s| Some((*s, reach.get(s)?.iter().filter_map(|n| lowest.get(n).copied()).collect())))
            .collect();
        let mut explained: BTreeMap<&str, usize> = BTreeMap::new();
        for origin in lowest.values().flatten() {
            *explained.entry(origin).or_default() += 1;
        }
        let best = |origins: &BTreeSet<&'a str>| {
            let key = |o: &&'a str| (Reverse(explained.get(*o).copied().unwrap_or(0)), self.suspicion(o));
            origins.iter().copied().min_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal))
        };
        lowest.iter().filter_map(|(service, origins)| Some((*service, best(origins)?))).collect()
    }

    /// What a service reaches along calls that are bad, itself included.
    fn reach(&self, from: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::from([from]);
        let mut next = vec![from];
        while let Some(node) = next.pop() {
            for server in self.bad_calls.get(node).into_iter().flatten() {
                if reached.insert(server) {
                    next.push(server);
                }
            }
        }
        reached
    }

    /// Of a service that reaches nothing further, itself; of a circle of such, its most suspicious member.
    fn lowest(&self, node: &str, reach: &BTreeMap<&str, BTreeSet<&'a str>>) -> Option<&'a str> {
        let circle = reach.get(node)?;
        let is_lowest = circle.iter().all(|n| reach.get(n).is_some_and(|r| r.contains(node)));
        let suspect = || {
            let suspicions = circle.iter().map(|n| self.suspicion(n));
            suspicions.min_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)).map(|(.., name)| name)
        };
        is_lowest.then(suspect).flatten()
    }

    /// The worst calls to a service: share failed, times slower.
    fn worst(&self, service: &str) -> (f64, f64) {
        let calls = || self.into.get(service).into_iter().flatten();
        let most = |values: &mut dyn Iterator<Item = f64>| values.filter(|v| v.is_finite()).fold(0.0, f64::max);
        (most(&mut calls().filter_map(|e| e.failed)), most(&mut calls().filter_map(|e| e.slower)))
    }

    /// Orders suspects: the slowest and the most failing first, then the one whose alerts began first.
    fn suspicion(&self, service: &'a str) -> (f64, Timestamp, &'a str) {
        let (failed, slower) = self.worst(service);
        let onset = self.alerting.get(service).copied().unwrap_or(Timestamp(i64::MAX));
        (-(failed * 10.0 + slower), onset, service)
    }

    fn why(&self, origin: &str, members: &[usize], facts: &[Fact<'_>]) -> Why {
        let services: BTreeSet<&str> = members.iter().filter(|i| facts[**i].is_active).filter_map(|i| facts[*i].service).collect();
        if services.iter().all(|s| *s == origin) {
            return Why::Itself;
        }
        let (failed, slower) = self.worst(origin);
        Why::Dependency { services: services.len(), failed, slower }
    }
}
