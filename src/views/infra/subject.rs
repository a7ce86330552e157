//! Whose infrastructure is asked for.

use std::time::Duration;

use compact_str::CompactString;

use crate::model::labels::{Matcher, label_name, quote};

/// A machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Host {
    /// What its node is called; the host of a process' `instance` where no node is known, which may be an address.
    pub name: CompactString,
    /// The node's address; empty where it is not known.
    pub address: CompactString,
    /// How many pods of the service are on it.
    pub pods: usize,
    /// How many were on it and are no more.
    pub gone: usize,
}

/// The host of an `instance`, without its port and the brackets of an address.
pub(super) fn host_of(instance: &str) -> &str {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let host = match instance.rsplit_once(':') {
        // An IPv6 address without brackets has no port.
        Some((host, port)) if is_port(port) && (!host.contains(':') || host.ends_with(']')) => host,
        _ => instance,
    };
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whose infrastructure is asked for: a service's, or everything where none is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Subject {
    /// The service.
    pub service: Option<CompactString>,
    /// The label by which its own metrics name it.
    pub service_label: Option<CompactString>,
    /// Pods that are its own whatever they are called: named by its metrics, or by the span or line that led here.
    pub pods: Vec<CompactString>,
    /// The machines it is on, or that led here; by name.
    pub hosts: Vec<Host>,
    /// Conditions of the scope on what is asked for: namespace, cluster, pod, node.
    pub matchers: Vec<Matcher>,
    /// Window of rates.
    pub over: Duration,
    /// How far back is looked for what is no more.
    pub reach: Duration,
}

impl Subject {
    /// What the scope and the service leave of series that have a pod, to be written between braces.
    pub(super) fn of_pods(&self) -> Vec<String> {
        let pods = self.service.as_deref().map(|service| {
            let exact = self.pods.iter().map(|pod| format!("|{}", regex::escape(pod))).collect::<String>();
            format!("pod=~{}", quote(&format!("{}{exact}", pod_pattern(service))))
        });
        let matchers = self.matchers.iter().map(Matcher::to_string);
        pods.into_iter().chain(matchers).collect()
    }

    /// What the scope leaves of series whose labels are the exporter's own, namespace before all; each with a comma after it.
    pub(super) fn of_exporters(&self) -> String {
        self.matchers.iter().filter(|m| m.name == "cluster").map(|m| format!("{m}, ")).collect()
    }

    /// The conditions on series of the service's own processes, of which any holds: their job, or the label that their
    /// metrics name the service by, or their pod. Without a service there is one: what the scope says.
    pub(super) fn of_processes(&self) -> Vec<String> {
        let Some(service) = self.service.as_deref() else { return vec![self.of_pods().join(", ")] };
        let own = quote(&format!("(.*/)?{}", regex::escape(service)));
        let label = self.service_label.as_deref().filter(|label| *label != "job");
        let named = [Some("job"), label].into_iter().flatten().map(|label| format!("{}=~{own}", label_name(label)));
        let matchers: Vec<String> = self.matchers.iter().map(Matcher::to_string).collect();
        let named = named.map(|own| [&[own], matchers.as_slice()].concat().join(", "));
        [self.of_pods().join(", ")].into_iter().chain(named).collect()
    }
}

/// The names of the pods of a deployment, stateful set, daemon set, job or cron job called like the service, as a regular
/// expression. The letters are those of Kubernetes' random names: `orders-db-0` is no pod of orders.
pub(in crate::views) fn pod_pattern(service: &str) -> String {
    const LETTERS: &str = "[bcdfghjklmnpqrstvwxz2456789]";
    format!("{}(-{LETTERS}{{5,10}}|-[0-9]{{6,10}})?-({LETTERS}{{5}}|[0-9]+)", regex::escape(service))
}

/// What is named like the service or has its name as a word, as a regular expression: `team/orders`, `orders.created`.
pub(super) fn word_pattern(service: &str) -> String {
    format!("(.*[^a-zA-Z0-9])?{}([^a-zA-Z0-9].*)?", regex::escape(service))
}
