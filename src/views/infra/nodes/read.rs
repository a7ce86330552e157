//! Whose figures the series of an answer are: exporters name machines by address, Kubernetes by name.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use super::{
    super::{
        section::{Level, Row, Told, sort},
        subject::{Host, Subject, host_of},
    },
    ask::{first_name, is_all},
    machine::{Kube, Machine},
};
use crate::model::{labels::Labels, series::Vector, time::Timestamp};

/// Figures that Kubernetes tells.
const KUBE: [&str; 3] = ["condition", "cordoned", "address"];

/// What tells a machine from others: its cluster, and its exporter's instance or its node's name.
type Place<'v> = (&'v str, &'v str);

pub(super) fn read(vector: &Vector, subject: &Subject, now: Timestamp) -> Vec<Row> {
    let told = Told::new(vector);
    let mut machines: BTreeMap<Place<'_>, Machine<'_>> = BTreeMap::new();
    let mut kubes: BTreeMap<Place<'_>, Kube<'_>> = BTreeMap::new();
    for (figure, series) in told.all() {
        for (labels, value) in series {
            let place = |label: &str| Some((labels.get("cluster").unwrap_or(""), labels.get(label)?));
            if KUBE.contains(&figure) {
                if let Some(place) = place("node") {
                    kubes.entry(place).or_default().take(figure, labels);
                }
            } else if let Some(place) = place("instance") {
                machines.entry(place).or_default().take(figure, labels, *value);
            }
        }
    }
    let hosts = Hosts::new(subject);
    let mut rows = Vec::new();
    let by_address: HashMap<Place<'_>, &str> =
        kubes.iter().filter_map(|((cluster, node), kube)| Some(((*cluster, kube.address?), *node))).collect();
    for ((cluster, instance), machine) in &mut machines {
        let address = host_of(instance);
        let names = [machine.node, hosts.named(address), by_address.get(&(*cluster, address)).copied(), machine.nodename, Some(address)];
        let node = names.into_iter().flatten().find(|name| kubes.contains_key(&(*cluster, *name)));
        machine.kube = node.and_then(|node| kubes.remove(&(*cluster, node)));
        let name = node.or(names.into_iter().flatten().next()).unwrap_or(address);
        rows.extend(row(machine, &hosts, (cluster, name, Some(instance)), now));
    }
    for ((cluster, node), kube) in kubes {
        let machine = Machine::of_kube(node, kube);
        rows.extend(row(&machine, &hosts, (cluster, node, None), now));
    }
    sort(&mut rows);
    rows
}

/// The row of a machine: of one of others, if they were told as well, there is none, and of one that the service has left only
/// where that may be the reason.
fn row(machine: &Machine<'_>, hosts: &Hosts<'_>, place: (&str, &str, Option<&str>), now: Timestamp) -> Option<Row> {
    let (cluster, name, instance) = place;
    let address = machine.kube.as_ref().and_then(|kube| kube.address).or(instance.map(host_of));
    let host = [Some(name), machine.nodename, address].into_iter().flatten().find_map(|name| hosts.find(name));
    if hosts.left_out && host.is_none() {
        return None;
    }
    let mut labels = Labels::new();
    let known = [("cluster", Some(cluster)), ("node", Some(name)), ("instance", instance)];
    for (label, value) in known.into_iter().filter_map(|(label, value)| Some((label, value.filter(|v| !v.is_empty())?))) {
        labels.set(label, value);
    }
    let mut row = Row::new(format!("{cluster}/{}/{name}", instance.unwrap_or("")), name, labels);
    machine.fill(&mut row, host.map(|host| host.pods).filter(|_| hosts.of_service), now);
    let left = host.is_some_and(|host| host.pods == 0 && host.gone > 0);
    (!left || row.level >= Level::Warn).then_some(row)
}

/// The subject's machines by name and address.
struct Hosts<'s> {
    by_name: HashMap<&'s str, &'s Host>,
    of_service: bool,
    /// What is told is of others as well.
    left_out: bool,
}

impl<'s> Hosts<'s> {
    fn new(subject: &'s Subject) -> Self {
        let mut by_name = HashMap::new();
        for host in &subject.hosts {
            for name in [host.name.as_str(), first_name(&host.name), host.address.as_str()] {
                if !name.is_empty() {
                    by_name.entry(name).or_insert(host);
                }
            }
        }
        let of_service = subject.service.is_some();
        Self { by_name, of_service, left_out: of_service && is_all(subject) }
    }

    /// The host of this name, whether it is the whole one or the first of it, or of this address.
    fn find(&self, name: &str) -> Option<&'s Host> {
        self.by_name.get(name).or_else(|| self.by_name.get(first_name(name))).copied()
    }

    /// What a machine of this address, or of this very name, is called.
    fn named(&self, address: &str) -> Option<&'s str> {
        let host = self.by_name.get(address).filter(|host| host.address == address || host.name == address)?;
        // Its own name says more than an address.
        host.name.parse::<IpAddr>().is_err().then_some(host.name.as_str())
    }
}
