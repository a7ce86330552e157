//! What Alertmanager's API v2 answers.

use std::collections::HashSet;

use serde::Deserialize;

use crate::{
    model::{alert::Routing, labels::Labels, time::Timestamp},
    source::json::{Instant, LabelMap, nullable},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireAlert {
    #[serde(default)]
    annotations: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    fingerprint: String,
    #[serde(default, deserialize_with = "nullable")]
    receivers: Vec<Receiver>,
    #[serde(default)]
    starts_at: Instant,
    #[serde(default, deserialize_with = "nullable")]
    status: AlertStatus,
    #[serde(default, rename = "generatorURL", deserialize_with = "nullable")]
    generator_url: String,
    #[serde(default)]
    labels: LabelMap,
}

#[derive(Debug, Deserialize)]
struct Receiver {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    #[serde(default, deserialize_with = "nullable")]
    silenced_by: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    inhibited_by: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    muted_by: Vec<String>,
}

/// An alert as Alertmanager tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutedAlert {
    /// Labels, external labels of the sender among them.
    pub labels: Labels,
    /// Expanded annotations.
    pub annotations: Labels,
    /// When it began to fire, as the sender told.
    pub starts_at: Timestamp,
    /// Who is told, who is not.
    pub routing: Routing,
    /// A link to its maker.
    pub generator_url: Option<String>,
}

pub fn alerts(data: Vec<WireAlert>) -> Vec<RoutedAlert> {
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(data.len());
    for a in data {
        // The same labels twice are the same alert; one fingerprint of two label sets is a clash of hashes.
        if !seen.insert(a.labels.0.clone()) {
            continue;
        }
        let routing = Routing {
            fingerprints: Some(a.fingerprint).filter(|f| !f.is_empty()).into_iter().collect(),
            silenced_by: a.status.silenced_by,
            inhibited_by: a.status.inhibited_by,
            muted_by: a.status.muted_by,
            receivers: a.receivers.into_iter().map(|r| r.name).collect(),
            holders: Vec::new(),
        };
        out.push(RoutedAlert {
            labels: a.labels.0,
            annotations: a.annotations.0,
            starts_at: a.starts_at.0.unwrap_or_default(),
            routing,
            generator_url: Some(a.generator_url).filter(|u| !u.is_empty()),
        });
    }
    out
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireStatus {
    #[serde(default, deserialize_with = "nullable")]
    version_info: VersionInfo,
    #[serde(default, deserialize_with = "nullable")]
    cluster: Cluster,
}

#[derive(Debug, Default, Deserialize)]
struct VersionInfo {
    #[serde(default)]
    version: String,
}

#[derive(Debug, Default, Deserialize)]
struct Cluster {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default, deserialize_with = "nullable")]
    peers: Vec<Peer>,
}

#[derive(Debug, Deserialize)]
struct Peer {
    #[serde(default)]
    name: String,
}

/// How an Alertmanager is. Its configuration is left out: it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Version; may be empty.
    pub version: String,
    /// `ready`, `settling` or `disabled`.
    pub cluster: String,
    /// The name that it has in its cluster, anew at each start; empty without a cluster.
    pub name: String,
    /// Such names of all in its cluster that it knows to be alive, itself included.
    pub peers: Vec<String>,
}

pub fn status(data: WireStatus) -> Status {
    let Cluster { name, status, peers } = data.cluster;
    Status { version: data.version_info.version, cluster: status, name, peers: peers.into_iter().map(|p| p.name).collect() }
}
