//! Clients of the four backends. They decode into [`crate::model`]; no one else sees their JSON.

pub mod alertmanager;
pub mod alerts;
pub mod file;
pub mod http;
pub mod jaeger;
mod json;
pub mod loki;
mod near;
pub mod otlp;
pub mod prometheus;
pub mod tempo;
pub mod trace_file;
pub mod traces;

use std::{collections::BTreeSet, sync::Arc};

use crate::model::{
    alert::Severities,
    alert_book::{AlertmanagerAlerts, PrometheusAlerts},
    backend::{Backend, ErrorKind, SourceError},
    labels::LabelNames,
    silence::{SilenceChange, SilenceOutcome},
};

pub use alertmanager::{Alertmanager, Alertmanagers};
pub use file::Files;
pub use jaeger::Jaeger;
pub use loki::Loki;
pub use prometheus::Prometheus;
pub use tempo::Tempo;
pub use trace_file::TraceFiles;

/// The backends of one environment; `None` has no address.
#[derive(Default)]
pub struct Sources {
    /// What the user says labels mean.
    pub labels: LabelNames,
    /// How the user says severities are told.
    pub severities: Severities,
    /// Metrics and rules.
    pub prometheus: Option<Prometheus>,
    /// Alerts as routed.
    pub alertmanager: Option<Alertmanagers>,
    /// Logs.
    pub loki: Option<Loki>,
    /// Traces.
    pub tempo: Option<Tempo>,
    /// Traces in its place.
    pub jaeger: Option<Jaeger>,
    /// Traces of files, before those of a server.
    pub trace_files: Option<Arc<TraceFiles>>,
    /// Traces that were not found.
    pub sought: traces::Sought,
    /// Files that are read as logs.
    pub files: Option<Arc<Files>>,
}

impl Sources {
    /// Whether the backend has an address.
    pub fn has(&self, backend: Backend) -> bool {
        match backend {
            Backend::Prometheus => self.prometheus.is_some(),
            Backend::Alertmanager => self.alertmanager.is_some(),
            Backend::Loki => self.loki.is_some(),
            Backend::Tempo => self.tempo.is_some(),
            Backend::Jaeger => self.jaeger.is_some(),
        }
    }

    /// Asks a backend something light. How it went is told to the observer.
    pub async fn probe(&self, backend: Backend) {
        // Only whether it answers counts here, and that the observer hears.
        match backend {
            Backend::Prometheus => drop(maybe(self.prometheus.as_ref().map(greet)).await),
            Backend::Alertmanager => drop(maybe(self.alertmanager.as_ref().map(Alertmanagers::probe)).await),
            Backend::Loki => drop(maybe(self.loki.as_ref().map(Loki::buildinfo)).await),
            Backend::Tempo => drop(maybe(self.tempo.as_ref().map(Tempo::version)).await),
            Backend::Jaeger => drop(maybe(self.jaeger.as_ref().map(Jaeger::services)).await),
        }
    }

    /// What Prometheus knows of alerts. A server that does not tell its rules (some front ends) is asked for its alerts alone.
    ///
    /// # Errors
    /// What the client says, or that there is no address.
    pub async fn prometheus_alerts(&self) -> Result<PrometheusAlerts, SourceError> {
        let prometheus = self.prometheus.as_ref().ok_or_else(|| not_configured(Backend::Prometheus))?;
        let mut notes = Vec::new();
        let (told, tells_rules) = match prometheus.rules().await {
            Ok(told) => (told, true),
            Err(e) => {
                notes.extend(alone(&e)?);
                (prometheus.alerts().await?, false)
            }
        };
        let evaluated = told.rules.iter().filter_map(|rule| rule.last_evaluation).max();
        if let Err(e) = prometheus.set_clock_right(evaluated).await {
            notes.push(format!("{e}: whether clocks differ is not known"));
        }
        notes.extend(skew_note(prometheus.http().clock().correction()));
        let told_at = prometheus.http().now();
        notes.extend(warned(Backend::Prometheus, &told));
        Ok(PrometheusAlerts { notes, tells_rules, ..alerts::of_prometheus(told, told_at, self.reading()) })
    }

    /// What Alertmanager, or several of them, know of alerts.
    ///
    /// # Errors
    /// What the client says, or that there is no address.
    pub async fn alertmanager_alerts(&self) -> Result<AlertmanagerAlerts, SourceError> {
        let alertmanager = self.alertmanager.as_ref().ok_or_else(|| not_configured(Backend::Alertmanager))?;
        alertmanager.alerts(self.reading()).await
    }

    /// What Loki's ruler knows of alerts; nothing where there is none.
    ///
    /// # Errors
    /// A ruler that is there and does not answer.
    pub async fn ruler_alerts(&self) -> Result<PrometheusAlerts, SourceError> {
        let Some(loki) = &self.loki else { return Ok(PrometheusAlerts::default()) };
        let Some(told) = loki.rules().await? else { return Ok(PrometheusAlerts::default()) };
        let notes = warned(Backend::Loki, &told).collect();
        Ok(PrometheusAlerts { notes, ..alerts::of_prometheus(told, loki.http().now(), self.reading()) })
    }

    fn reading(&self) -> alerts::Reading<'_> {
        alerts::Reading { services: &self.labels.metrics_service, severities: &self.severities }
    }
}

/// Why alerts are asked for without their rules, where that is worth a note.
///
/// # Errors
/// The failure itself, of which none of the alerts would be spared.
fn alone(of_rules: &SourceError) -> Result<Option<String>, SourceError> {
    match of_rules.kind {
        ErrorKind::NotSupported => Ok(None),
        ErrorKind::TooLarge(limit) => Ok(Some(format!("rules are larger than {} MiB (body_mib): alerts alone", limit >> 20))),
        ErrorKind::Unauthorized(403) => Ok(Some("rules are forbidden (403): alerts alone".to_owned())),
        _ => Err(of_rules.clone()),
    }
}

/// What a server says of its own answer, once: each of several rulers says it.
fn warned(by: Backend, told: &prometheus::Rules) -> impl Iterator<Item = String> {
    let words: BTreeSet<&str> = told.warnings.iter().map(|w| w.trim()).filter(|w| !w.is_empty()).collect();
    words.into_iter().map(move |words| format!("{by} says: {words}"))
}

/// Whose clock is shown, where this machine's is another one.
fn skew_note(correction: i64) -> Option<String> {
    let apart = std::time::Duration::from_nanos(correction.unsigned_abs());
    let is = if correction > 0 { "behind" } else { "ahead of" };
    (correction != 0).then(|| format!("this machine's clock is {}m {is} prometheus', whose times are shown", (apart.as_secs() + 30) / 60))
}

impl Sources {
    /// A change of a silence with its times fixed by the clock of who gets it.
    pub fn settled(&self, change: SilenceChange) -> SilenceChange {
        match &self.alertmanager {
            Some(alertmanager) => alertmanager.settled(change),
            None => change,
        }
    }

    /// Changes a silence. `lost` is told when no answer came and what was written is being looked up.
    pub async fn change_silence(&self, change: SilenceChange, lost: alertmanager::Lost<'_>) -> SilenceOutcome {
        match &self.alertmanager {
            Some(alertmanager) => alertmanager.change(change, lost).await,
            None => SilenceOutcome::Refused(not_configured(Backend::Alertmanager)),
        }
    }
}

/// Who it is, and what time it is there.
async fn greet(prometheus: &Prometheus) -> Result<(), SourceError> {
    prometheus.buildinfo().await?;
    prometheus.set_clock_right(None).await
}

async fn maybe<F: Future>(asked: Option<F>) -> Option<F::Output> {
    match asked {
        Some(asked) => Some(asked.await),
        None => None,
    }
}

/// The error of a backend without an address.
pub fn not_configured(backend: Backend) -> SourceError {
    SourceError::new(backend, ErrorKind::NotConfigured, format!("{backend} has no address in this environment"))
}

#[cfg(test)]
mod mimir_tests;
#[cfg(test)]
mod recorded_tests;
#[cfg(test)]
mod tests;
