//! Which labels name services in this Loki, by their names and by their values.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use compact_str::CompactString;
use futures_util::{StreamExt as _, future::join_all, stream};
use tokio::time::timeout;

use super::Loki;
use crate::model::{
    backend::SourceError,
    labels::LabelNames,
    log_labels::{LogLabels, ServiceLabel},
    time::TimeRange,
};

/// Labels that shippers use for the service, the most telling first.
const NAMES: [&str; 18] = [
    "service_name",
    "service",
    "app",
    "application",
    "app_name",
    "app_kubernetes_io_name",
    "k8s_app",
    "compose_service",
    "swarm_service",
    "container",
    "k8s_deployment_name",
    "container_name",
    "k8s_container_name",
    "kubernetes_container_name",
    "component",
    "workload",
    "syslog_identifier",
    "job",
];
/// Labels whose values names of services may have as a part.
const NAMESPACES: [&str; 7] =
    ["namespace", "service_namespace", "k8s_namespace_name", "kubernetes_namespace_name", "compose_project", "swarm_stack", "stack"];
/// Words of labels that say something else of a stream.
const ELSE: [&str; 24] = [
    "pod",
    "instance",
    "host",
    "hostname",
    "node",
    "ip",
    "filename",
    "file",
    "path",
    "stream",
    "source",
    "level",
    "severity",
    "cluster",
    "env",
    "environment",
    "region",
    "zone",
    "tenant",
    "id",
    "uid",
    "version",
    "image",
    "trace",
];
/// Labels that nobody knows, beyond so many, are not looked at.
const UNKNOWN: usize = 16;
/// So many questions at once, and no longer, for labels that nobody knows.
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(2);
/// A label with more values, which nobody knows, names no services.
const VALUES: usize = 10_000;

impl Loki {
    /// The labels that name services, with their values in a range. Of the user's labels, those that exist stand alone.
    ///
    /// # Errors
    /// As any request; what is known of some labels is told though others were not read.
    pub async fn service_labels(&self, user: &LabelNames, range: TimeRange) -> Result<LogLabels, SourceError> {
        let names = self.label_names(range).await?;
        let present = |of: &[&str]| -> Vec<CompactString> {
            of.iter().filter(|name| names.iter().any(|n| n == *name)).map(|name| CompactString::from(*name)).collect()
        };
        let own = present(&user.logs_service.iter().map(String::as_str).collect::<Vec<_>>());
        let (usual, unknown) = match own.as_slice() {
            [] => (present(&NAMES), names.iter().filter(|n| may_name(n)).take(UNKNOWN).cloned().collect()),
            _ => (own, Vec::new()),
        };
        let ask = |name| self.values(name, range);
        let (usual, spaces, unknown) = tokio::join!(
            join_all(usual.into_iter().map(ask)),
            join_all(present(&NAMESPACES).into_iter().map(ask)),
            self.unknown(unknown, range)
        );
        let usual_failed = usual.iter().any(|(_, values)| values.is_err());
        let mut unread = Vec::new();
        let mut read = |all: Vec<(CompactString, Result<Vec<CompactString>, SourceError>)>| {
            let mut good = Vec::new();
            for (name, values) in all {
                match values {
                    Ok(values) => good.push((name, values)),
                    Err(error) => unread.push((name, error)),
                }
            }
            good
        };
        let usual = read(usual);
        let namespaces: Arc<BTreeSet<CompactString>> = Arc::new(read(spaces).into_iter().flat_map(|(_, values)| values).collect());
        let label = |(name, values)| ServiceLabel::new(name, values, &namespaces);
        // A namespace that was not read takes nothing away from labels that were.
        let nothing = usual.is_empty() && (usual_failed || unknown.is_empty());
        if let Some((_, error)) = unread.first().filter(|_| nothing) {
            return Err(error.clone());
        }
        let (usual, unknown) = (usual.into_iter().map(label).collect(), unknown.into_iter().map(label).collect());
        let mut found = LogLabels::new(usual, unknown).with_own(user.logs_services.clone()).with_places(&names);
        found.unread = unread;
        Ok(found)
    }

    async fn values(&self, name: CompactString, range: TimeRange) -> (CompactString, Result<Vec<CompactString>, SourceError>) {
        let values = self.label_values(&name, None, range).await;
        (name, values)
    }

    /// Labels that may name services for all that is known: what is not answered soon is done without.
    async fn unknown(&self, names: Vec<CompactString>, range: TimeRange) -> Vec<(CompactString, Vec<CompactString>)> {
        let mut found = Vec::new();
        let reading = async {
            let mut answers = stream::iter(names).map(|name| self.values(name, range)).buffered(AT_ONCE);
            while let Some((name, values)) = answers.next().await {
                found.extend(values.ok().filter(|v| v.len() <= VALUES).map(|values| (name, values)));
            }
        };
        if timeout(PATIENCE, reading).await.is_err() {
            tracing::info!("labels of Loki that are not known to name services were not all read within {PATIENCE:?}");
        }
        found
    }
}

/// Whether a label that nobody knows may name services.
fn may_name(name: &str) -> bool {
    !NAMES.contains(&name) && !NAMESPACES.contains(&name) && !name.split('_').any(|word| ELSE.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests;
