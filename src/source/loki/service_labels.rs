//! Which labels name services in this Loki.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::Loki;
use crate::model::{
    backend::SourceError,
    log::LogLabels,
    time::{TimeRange, Timestamp},
};

/// Labels that shippers use for the service, the most telling first.
const NAMES: [&str; 12] = [
    "service_name",
    "service",
    "app",
    "application",
    "app_kubernetes_io_name",
    "compose_service",
    "container",
    "k8s_deployment_name",
    "container_name",
    "k8s_container_name",
    "component",
    "job",
];
/// How far back streams count.
const LOOKBACK: Duration = Duration::from_secs(6 * 3600);

impl Loki {
    /// The labels that name services, with their values of the last hours. Of `own` labels, those that exist stand alone.
    ///
    /// # Errors
    /// As any request.
    pub async fn service_labels(&self, own: &[String], now: Timestamp) -> Result<LogLabels, SourceError> {
        let range = TimeRange { start: now - LOOKBACK, end: now };
        let names = self.label_names(range).await?;
        let exists = |name: &&str| names.iter().any(|n| n == name);
        let mut present: Vec<&str> = own.iter().map(String::as_str).filter(exists).collect();
        if present.is_empty() {
            present.extend(NAMES.into_iter().filter(exists));
        }
        let values = present.into_iter().map(async |name| Ok((name.into(), self.label_values(name, None, range).await?)));
        let services = try_join_all(values).await?;
        Ok(LogLabels { services })
    }
}
