//! What all views share: settings, appearance, and what was found out about the backends.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    core::{
        keymap::Keymap,
        request::{Refresh, SlotId},
        slot::Slot,
    },
    model::{
        backend::{Backend, Health},
        labels::LabelNames,
        log::LogLabels,
        time::Timestamp,
    },
    red::RedMapping,
    theme::{Glyphs, Theme},
};

/// The part of the configuration that the core needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names of all environments.
    pub environments: Vec<String>,
    /// Names of all themes.
    pub themes: Vec<String>,
    /// Between two refreshes of the alerts.
    pub refresh_alerts: Duration,
    /// Between two refreshes of a main pane.
    pub refresh: Duration,
    /// Between two refreshes of a secondary pane.
    pub refresh_slow: Duration,
    /// Offset of shown times from UTC in seconds, and its name.
    pub zone: (i32, String),
    /// Share of failed requests (0..1) from which a service is bad.
    pub error_threshold: f64,
    /// p95 in seconds from which a service is slow; `None` compares with the hour before only.
    pub latency_threshold: Option<f64>,
    /// Thresholds of single services: error share, p95 in seconds.
    pub service_thresholds: BTreeMap<String, (Option<f64>, Option<f64>)>,
    /// Bytes of log lines kept.
    pub log_bytes: usize,
    /// What the user says labels mean.
    pub labels: LabelNames,
    /// Options to repeat in a command line that reopens a view: `["--config", "x.toml"]`.
    pub reopen: Vec<String>,
}

/// What all views share.
pub struct Shared {
    /// From the configuration.
    pub settings: Settings,
    /// Keys.
    pub keymap: Keymap,
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: &'static Glyphs,
    /// The RED metrics found; waited for while a visible view wants it.
    pub red: Slot<Arc<RedMapping>>,
    /// The service labels of Loki found; waited for while a visible view wants it.
    pub log_labels: Slot<Arc<LogLabels>>,
    /// Health of each backend, in the order of [`Backend::ALL`].
    pub health: [Health; 4],
    /// Requests under way, since when.
    pub asked: BTreeMap<SlotId, Timestamp>,
}

impl Shared {
    /// A backend's health.
    pub fn health(&self, backend: Backend) -> &Health {
        &self.health[backend as usize]
    }

    /// How often a main pane of metrics asks again: never faster than its data is scraped.
    pub fn refresh(&self) -> Refresh {
        self.not_faster_than_scraped(self.settings.refresh)
    }

    /// The same for a secondary pane.
    pub fn refresh_slow(&self) -> Refresh {
        self.not_faster_than_scraped(self.settings.refresh_slow)
    }

    fn not_faster_than_scraped(&self, wish: Duration) -> Refresh {
        let scraped = self.red.value().and_then(|red| red.scrape_interval);
        Refresh::Every(wish.max(scraped.unwrap_or_default()))
    }

    /// Error share threshold of a service.
    pub fn error_threshold(&self, service: &str) -> f64 {
        self.settings.service_thresholds.get(service).and_then(|t| t.0).unwrap_or(self.settings.error_threshold)
    }

    /// p95 threshold of a service in seconds.
    pub fn latency_threshold(&self, service: &str) -> Option<f64> {
        self.settings.service_thresholds.get(service).and_then(|t| t.1).or(self.settings.latency_threshold)
    }
}
