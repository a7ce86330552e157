//! Clients of the four backends. They decode into [`crate::model`]; no one else sees their JSON.

pub mod alertmanager;
pub mod alerts;
pub mod http;
mod json;
pub mod loki;
pub mod prometheus;
pub mod tempo;
pub mod trace_id;

use crate::model::{
    alert::AlertBook,
    backend::{Backend, ErrorKind, SourceError},
    labels::LabelNames,
};

pub use alertmanager::Alertmanager;
pub use loki::Loki;
pub use prometheus::Prometheus;
pub use tempo::Tempo;

/// The backends of one environment; `None` has no address.
#[derive(Default)]
pub struct Sources {
    /// What the user says labels mean.
    pub labels: LabelNames,
    /// Metrics and rules.
    pub prometheus: Option<Prometheus>,
    /// Alerts as routed.
    pub alertmanager: Option<Alertmanager>,
    /// Logs.
    pub loki: Option<Loki>,
    /// Traces.
    pub tempo: Option<Tempo>,
}

impl Sources {
    /// Whether the backend has an address.
    pub fn has(&self, backend: Backend) -> bool {
        match backend {
            Backend::Prometheus => self.prometheus.is_some(),
            Backend::Alertmanager => self.alertmanager.is_some(),
            Backend::Loki => self.loki.is_some(),
            Backend::Tempo => self.tempo.is_some(),
        }
    }

    /// Asks a backend something light. How it went is told to the observer.
    pub async fn probe(&self, backend: Backend) {
        // Only whether it answers counts here, and that the observer hears.
        match backend {
            Backend::Prometheus => drop(maybe(self.prometheus.as_ref().map(Prometheus::buildinfo)).await),
            Backend::Alertmanager => drop(maybe(self.alertmanager.as_ref().map(Alertmanager::status)).await),
            Backend::Loki => drop(maybe(self.loki.as_ref().map(Loki::buildinfo)).await),
            Backend::Tempo => drop(maybe(self.tempo.as_ref().map(Tempo::capabilities)).await),
        }
    }

    /// One round of questions for the Alerts view. A half that fails is told in [`AlertBook::missing`].
    pub async fn alert_book(&self) -> AlertBook {
        let prometheus = async {
            let p = self.prometheus.as_ref().ok_or_else(|| not_configured(Backend::Prometheus))?;
            p.rules().await
        };
        let alertmanager = async {
            let am = self.alertmanager.as_ref().ok_or_else(|| not_configured(Backend::Alertmanager))?;
            tokio::try_join!(am.alerts(), am.silences())
        };
        let (from_prometheus, from_alertmanager) = tokio::join!(prometheus, alertmanager);
        let mut missing = Vec::new();
        let mut failed = |e| missing.push(e);
        let rules = from_prometheus.unwrap_or_else(|e| {
            failed(e);
            prometheus::Rules::default()
        });
        let (routed, silences) = from_alertmanager.unwrap_or_else(|e| {
            failed(e);
            Default::default()
        });
        let told = alerts::Told { rules: rules.rules, firing: rules.alerts, routed, silences };
        AlertBook { missing, ..alerts::merge(told, &self.labels.metrics_service) }
    }
}

async fn maybe<F: Future>(asked: Option<F>) -> Option<F::Output> {
    match asked {
        Some(asked) => Some(asked.await),
        None => None,
    }
}

fn not_configured(backend: Backend) -> SourceError {
    SourceError::new(backend, ErrorKind::NotConfigured, "no address")
}
