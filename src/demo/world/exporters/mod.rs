//! What exporters tell of the same world: containers and pods, nodes, processes, and what services call.

mod cadvisor;
mod kube;
mod node;
mod peers;
mod probe;
mod process;
mod push;

use super::{
    block::Layout,
    model::{Model, SECOND},
    scenario::{Threshold, ThresholdOf},
    series::{Pairs, Registry, Target, Value},
    shop::NODES,
};

pub use self::{
    cadvisor::{PERIODS, Quota, quotas},
    node::{NODE_MEMORY, SYSTEM_MEMORY},
};

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_024.0 * MIB;
/// Days that nodes and databases are up before the world begins.
const UPTIME: i64 = 41 * 86_400 * SECOND;

/// A family's name, type and help.
type Family = (&'static str, &'static str, &'static str);

const FAMILIES: [Family; 5] = [
    ("shop_error_budget_ratio", "gauge", "Share of a service's requests that may fail before its team is told."),
    ("shop_lag_threshold", "gauge", "Events that may wait for a consumer group before its team is told."),
    ("shop_latency_threshold_seconds", "gauge", "p99 of a route, a pod or a call from which on its team is told."),
    ("shop_slow_budget_ratio", "gauge", "Share of a service's requests that may be slow before its team is told."),
    ("up", "gauge", "Whether the last scrape of the target succeeded."),
];

/// Families with type and help.
pub fn families() -> impl Iterator<Item = Family> {
    let exporters: [&'static [Family]; 8] = [
        &FAMILIES,
        cadvisor::FAMILIES,
        kube::FAMILIES,
        node::FAMILIES,
        peers::FAMILIES,
        probe::FAMILIES,
        process::FAMILIES,
        push::FAMILIES,
    ];
    exporters.into_iter().flatten().copied()
}

/// Labels from names and values.
fn pairs(list: &[(&'static str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn with(base: &Pairs, more: &[(&'static str, &str)]) -> Pairs {
    base.iter().cloned().chain(pairs(more)).collect()
}

/// The address of a node.
fn address(node: usize) -> String {
    format!("10.0.0.{}", 11 + node)
}

/// Seconds of the Unix time, whole ones: exporters tell of instants so.
fn unix(at: i64) -> f64 {
    at.div_euclid(SECOND) as f64
}

impl Registry {
    /// The series of all exporters but those in the pods.
    pub(super) fn exporters(&mut self, model: &Model, layout: &Layout, thresholds: &[Threshold]) {
        self.kube(model);
        for node in 0..NODES.len() {
            self.node(model, layout, node);
        }
        self.postgres(model, layout);
        self.redis(model, layout);
        self.kafka(layout);
        self.blackbox(model, layout);
        self.pushgateway();
        if !thresholds.is_empty() {
            self.thresholds(thresholds);
        }
    }

    /// Something that is scraped as long as the world is there.
    fn exporter(&mut self, phase: i64, salt: u64, labels: &Pairs) -> usize {
        self.targets.push(Target::lasting(phase, salt));
        let target = self.targets.len() - 1;
        self.add("up", target, labels, Value::Constant(1.0));
        target
    }

    /// What teams have set, for alerting rules to compare with.
    fn thresholds(&mut self, thresholds: &[Threshold]) {
        let base = pairs(&[("namespace", "monitoring"), ("job", "thresholds"), ("instance", "10.42.0.9:8080")]);
        let target = self.exporter(4 * SECOND, 307, &base);
        for t in thresholds {
            let latency = "shop_latency_threshold_seconds";
            let (metric, labels) = match t.of {
                ThresholdOf::Route => (latency, vec![("scope", "route"), ("service", t.service.as_str()), ("span_name", &t.name)]),
                ThresholdOf::Pod => (latency, vec![("scope", "pod"), ("service", &t.service)]),
                ThresholdOf::Call => (latency, vec![("scope", "call"), ("client", &t.service), ("server", &t.name)]),
                ThresholdOf::Slow => ("shop_slow_budget_ratio", vec![("service", t.service.as_str()), ("le", &t.name)]),
                ThresholdOf::Errors => ("shop_error_budget_ratio", vec![("service", t.service.as_str())]),
                ThresholdOf::Lag => ("shop_lag_threshold", vec![("consumergroup", t.service.as_str())]),
            };
            self.add(metric, target, &with(&base, &labels), Value::Constant(t.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{demo::world::Scenario, model::time::Timestamp};

    #[test]
    fn every_family_of_the_exporters_has_series_and_metadata() {
        let registries = ["cascade", "quiet", "pool-exhaustion"].map(|name| {
            let scenario = Scenario::builtin(name).unwrap();
            let model = Model::new(&scenario, 7, Timestamp::from_secs(1_763_712_007));
            Registry::new(&model, &Layout::new(&model), &scenario.thresholds)
        });
        for (family, ..) in families() {
            assert!(registries.iter().any(|r| r.by_name.contains_key(family)), "{family}");
        }
        let described = super::super::series::metadata();
        for name in registries.iter().flat_map(|r| r.by_name.keys()) {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(described.iter().any(|m| m.family == family || m.family == *name), "{name}");
        }
    }
}
