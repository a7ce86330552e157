//! What all views share: settings, appearance, and what was found out about the backends.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use compact_str::CompactString;
use ratatui::style::Style;

use crate::{
    core::{
        effect::KeptQueries,
        keymap::Keymap,
        request::{Refresh, Response, SlotId},
        slot::Slot,
        typed::Language,
    },
    log_fields::trace_id::Patterns,
    model::{
        alert::{Alarm, Severities},
        backend::{Backend, Health},
        labels::LabelNames,
        log::LogEvent,
        log_labels::LogLabels,
        slo::Slo,
        time::Timestamp,
        trace_source::Abilities,
    },
    red::{RedMapping, shown_service},
    theme::{Glyphs, ServiceColors, Theme},
    views::logs::Opened,
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
    /// Service level objectives.
    pub slos: Vec<Slo>,
    /// Bytes of log lines kept.
    pub log_bytes: usize,
    /// A log query that would read more bytes than this is asked about first; `None`: none is.
    pub ask_above: Option<u64>,
    /// What the user says labels mean.
    pub labels: LabelNames,
    /// How the user says severities are told.
    pub severities: Severities,
    /// The user's own ways to find a trace id in a line.
    pub trace_ids: Patterns,
    /// Which newly firing alerts make themselves heard.
    pub alarm: Alarm,
    /// Who silences are by; empty where nobody says.
    pub author: String,
    /// Nothing that writes to a server is offered.
    pub read_only: bool,
    /// Files that the first page shows in the place of a server's lines.
    pub opened: Option<Opened>,
    /// Traces of files are among what was opened.
    pub traces_opened: bool,
    /// Options to repeat in a command line that reopens a view: `["--config", "x.toml"]`.
    pub reopen: Vec<String>,
}

impl Default for Settings {
    /// As without a configuration.
    fn default() -> Self {
        Self {
            environments: vec!["default".to_owned()],
            themes: Vec::new(),
            refresh_alerts: Duration::from_secs(15),
            refresh: Duration::from_secs(15),
            refresh_slow: Duration::from_secs(60),
            zone: (0, "UTC".to_owned()),
            error_threshold: 0.01,
            latency_threshold: None,
            service_thresholds: BTreeMap::new(),
            slos: Vec::new(),
            log_bytes: 64 << 20,
            ask_above: None,
            labels: LabelNames::default(),
            severities: Severities::default(),
            trace_ids: Patterns::default(),
            alarm: Alarm::default(),
            author: String::new(),
            read_only: false,
            opened: None,
            traces_opened: false,
            reopen: Vec::new(),
        }
    }
}

/// What all views share.
pub struct Shared {
    /// From the configuration.
    pub settings: Settings,
    /// Keys.
    pub keymap: Keymap,
    /// Colours.
    pub theme: Theme,
    /// Which service has which hue.
    pub services: ServiceColors,
    /// Characters.
    pub glyphs: &'static Glyphs,
    /// The RED metrics found; waited for while a visible view wants it.
    pub red: Slot<Arc<RedMapping>>,
    /// The service labels of Loki found; waited for while a visible view wants it.
    pub log_labels: Slot<Arc<LogLabels>>,
    /// What those who are asked for traces can do; waited for while a visible view wants it.
    pub traces: Slot<Arc<Abilities>>,
    /// Health of each backend, in the order of [`Backend::ALL`].
    pub health: [Health; Backend::ALL.len()],
    /// Queries kept by a name, or why they cannot be read; none before the shell has told.
    pub kept: Option<Result<Vec<KeptQueries>, String>>,
    /// Queries that were asked, the newest last, by environment and language.
    pub history: BTreeMap<(CompactString, Language), Vec<String>>,
    /// Attributes that trace searches show as columns.
    pub trace_columns: Vec<String>,
    /// Requests under way, since when.
    pub asked: BTreeMap<SlotId, Timestamp>,
}

impl Shared {
    /// With nothing found out yet.
    pub fn new(settings: Settings, keymap: Keymap, theme: Theme, glyphs: &'static Glyphs) -> Self {
        Self {
            settings,
            keymap,
            theme,
            services: ServiceColors::default(),
            glyphs,
            red: Slot::default(),
            log_labels: Slot::default(),
            traces: Slot::default(),
            // Few have a Jaeger: until it is asked it is not spoken of.
            health: Backend::ALL.map(|b| if b == Backend::Jaeger { Health::NotConfigured } else { Health::Unknown }),
            kept: None,
            history: BTreeMap::new(),
            trace_columns: Vec::new(),
            asked: BTreeMap::new(),
        }
    }

    /// A backend's health.
    pub fn health(&self, backend: Backend) -> &Health {
        &self.health[backend as usize]
    }

    /// Queries that were asked in an environment, the newest last.
    pub fn asked_before(&self, environment: &str, language: Language) -> &[String] {
        self.history.get(&(environment.into(), language)).map_or(&[], Vec::as_slice)
    }

    /// The colour of a service, the same in every view; `ns/svc` is `svc`.
    pub fn service_style(&self, service: &str) -> Style {
        self.theme.hue(self.services.index(shown_service(service)))
    }

    /// Labels of logs in the order of how many services of the metrics they name, as far as those are known.
    pub(super) fn ranked(&self, labels: &LogLabels) -> Arc<LogLabels> {
        let labels = labels.clone();
        Arc::new(match self.red.value() {
            Some(red) => red.ranks(labels),
            None => labels,
        })
    }

    /// Puts the labels of logs that are known in that order anew. Returns whether it is another one.
    pub(super) fn rank_log_labels(&mut self) -> bool {
        let Some(known) = self.log_labels.value() else { return false };
        let ranked = self.ranked(known);
        let changed = ranked != *known;
        self.log_labels.amend(|_| ranked);
        changed
    }

    /// Gives hues to the services that an answer shows, before it is shown.
    pub(super) fn learn_services(&mut self, response: &Response) {
        let services = &mut self.services;
        match response {
            Response::PrometheusAlerts(told) => services.learn(told.alerts.iter().filter_map(|a| a.service.as_deref())),
            Response::AlertmanagerAlerts(told) => services.learn(told.alerts.iter().filter_map(|a| a.service.as_deref())),
            Response::Red(red) => services.learn(red.services()),
            Response::Hits(found) => services.learn(found.hits.iter().filter_map(|h| h.root_service.as_deref()).map(shown_service)),
            Response::Trace(trace) => services.learn(trace.resources.iter().map(|r| shown_service(&r.service))),
            Response::Log(events) => {
                let Some(labels) = self.log_labels.value() else { return };
                let pages = events.iter().filter_map(|event| match event {
                    LogEvent::History { lines, .. } | LogEvent::Lines(lines) => Some(lines),
                    _ => None,
                });
                // Lines of a stream often follow each other and share their labels.
                let runs = pages.flat_map(|lines| lines.chunk_by(|a, b| Arc::ptr_eq(&a.stream, &b.stream)));
                let streams = runs.map(|lines| &lines[0].stream);
                let named = streams.filter_map(|stream| labels.service_of(stream));
                services.learn(named);
            }
            _ => {}
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::{red_mapping, test_shared},
        model::{
            log::LogLine,
            log_labels::ServiceLabel,
            trace::{TraceHit, TraceHits, TraceId},
        },
    };

    /// Two names that one hue would fit.
    fn rivals() -> (String, String) {
        let none = ServiceColors::default();
        let other = (0..).map(|i| format!("s{i}")).find(|name| none.index(name) == none.index("orders")).unwrap();
        ("orders".to_owned(), other)
    }

    fn hits(root: &str) -> Response {
        let hit = TraceHit {
            trace: TraceId(1),
            root_service: Some(root.into()),
            root_name: None,
            start: Timestamp::ZERO,
            duration_ns: 1,
            span_count: None,
            error_count: None,
            matched: 1,
            spans: Vec::new(),
        };
        Response::Hits(TraceHits { hits: vec![hit], newest: true, part: None })
    }

    #[test]
    fn two_services_of_any_views_have_two_colours_and_keep_them() {
        let (one, two) = rivals();
        let mut shared = test_shared();
        shared.learn_services(&hits(&one));
        let first = shared.service_style(&one);
        shared.learn_services(&Response::Red(Arc::new(red_mapping(&[&one, &two]))));
        assert_eq!(shared.service_style(&one), first);
        assert_ne!(shared.service_style(&two), first);
        assert_eq!(shared.service_style(&format!("shop/{two}")), shared.service_style(&two), "a log's name for it");
    }

    #[test]
    fn services_of_log_lines_get_colours_as_they_come() {
        let (one, two) = rivals();
        let mut shared = test_shared();
        shared
            .log_labels
            .settle(Timestamp::ZERO, Ok(Arc::new(LogLabels::new(vec![ServiceLabel::new("app", Vec::new(), &Arc::default())], Vec::new()))));
        let line = |service: &str| LogLine {
            at: Timestamp::ZERO,
            stream: Arc::new([("app", service)].into_iter().collect()),
            text: "x".into(),
            level: crate::model::log::Level::Info,
            ..LogLine::default()
        };
        shared.learn_services(&Response::Log(vec![LogEvent::Lines(vec![line(&one), line(&two)])]));
        assert_ne!(shared.service_style(&one), shared.service_style(&two));
    }
}
