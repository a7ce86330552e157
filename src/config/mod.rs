//! The configuration in effect: built-in defaults, one file, the command line.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use crate::{
    log_fields::trace_id::Patterns,
    model::{
        alert::{Alarm, Severities},
        backend::Backend,
        labels::LabelNames,
        slo::Slo,
        time::Timestamp,
    },
};

mod bytes;
pub mod endpoint;
mod file;
mod load;
mod problem;
pub mod reader;
mod slos;

pub use endpoint::{AuthConfig, EndpointConfig, SecretConfig};
pub use load::{COMMAND_LINE, Loaded, Request, System, load};
pub use problem::{ConfigError, Problem, nearest};

/// The commented default configuration, as `redline init` writes it.
pub const DEFAULT_CONFIG: &str = include_str!("../../config.toml");

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// All environments by name.
    pub environments: BTreeMap<String, Environment>,
    /// The environment to open; `None` in a configuration without any.
    pub environment: Option<String>,
    /// How it looks.
    pub display: Display,
    /// How often it asks.
    pub refresh: Refresh,
    /// What bounds it.
    pub limits: Limits,
    /// How log lines are read.
    pub logs: Logs,
    /// What counts as deviating.
    pub thresholds: Thresholds,
    /// Service level objectives.
    pub slos: Vec<Slo>,
    /// Label names that override what redline finds by itself.
    pub labels: LabelNames,
    /// How severities of alerts are told.
    pub severities: Severities,
    /// Which newly firing alerts make themselves heard.
    pub alarm: Alarm,
    /// Who silences are by; `None`: the user's name.
    pub silence_author: Option<String>,
    /// Own ways to find a trace id in a log line.
    pub trace_ids: Patterns,
    /// Key bindings by command name, unchecked.
    pub keys: BTreeMap<String, Binding>,
    /// Where redline's own log is appended.
    pub log_file: Option<PathBuf>,
}

impl Config {
    /// The environment to open, with its name.
    pub fn current(&self) -> Option<(&str, &Environment)> {
        let name = self.environment.as_deref()?;
        self.environments.get(name).map(|e| (name, e))
    }
}

/// The backends of one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// Configured backends.
    pub backends: BTreeMap<Backend, EndpointConfig>,
    /// Further Alertmanagers, where there are several: the first is among the backends.
    pub alertmanagers: Vec<EndpointConfig>,
    /// Where `redline demo --into` sends spans (OTLP over HTTP). Nothing else uses it.
    pub otlp: Option<EndpointConfig>,
}

/// How it looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Display {
    /// Name of the theme; not checked here.
    pub theme: String,
    /// Where it is written.
    pub theme_at: Place,
    /// Zone of times on the screen.
    pub time_zone: Zone,
    /// Whether the mouse works.
    pub mouse: bool,
    /// ASCII glyphs; `None` when the locale decides.
    pub ascii: Option<bool>,
}

/// Zone of times on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    #[default]
    Utc,
    /// The machine's.
    Local,
}

impl Zone {
    /// Seconds east of UTC at an instant, and the name to show: `UTC`, or like `+02:00`.
    pub fn offset(self, at: Timestamp) -> (i32, String) {
        match self {
            Self::Utc => (0, "UTC".to_owned()),
            Self::Local => {
                let offset = *chrono::TimeZone::timestamp_nanos(&chrono::Local, at.0).offset();
                (offset.local_minus_utc(), offset.to_string())
            }
        }
    }
}

/// How often what is on the screen is asked for again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    /// The alerts.
    pub alerts: Duration,
    /// The panes in view; never faster than the data is scraped.
    pub panels: Duration,
    /// Panes of second rank.
    pub secondary: Duration,
    /// The health of each backend.
    pub health: Duration,
}

/// What bounds memory, traffic and frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Log lines kept, in bytes.
    pub log_buffer: usize,
    /// Largest answer that is read, in bytes.
    pub body: usize,
    /// Frames a second while data streams in.
    pub max_fps: u32,
    /// Longest time for one answer, where a backend has no `timeout`.
    pub request_timeout: Duration,
}

/// How log lines are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// A query that would read more bytes than this is asked about first; `None`: none is.
    pub ask_above: Option<u64>,
}

/// What counts as deviating.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// For services without their own.
    pub default: Threshold,
    /// By service.
    pub services: BTreeMap<String, Threshold>,
}

impl Thresholds {
    /// The thresholds of a service.
    pub fn of(&self, service: &str) -> Threshold {
        self.services.get(service).copied().unwrap_or(self.default)
    }
}

/// The thresholds of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Threshold {
    /// Highest ratio of failed requests that is fine, 0..1.
    pub errors: f64,
    /// Highest p95 that is fine.
    pub p95: Duration,
}

/// Keys of a command as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Keys as written, like `ctrl-d` or `g g`; none unbinds the command.
    pub keys: Vec<String>,
    /// Where they are written.
    pub place: Place,
}

/// Where something is written that is only checked later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Line and column, both from 1.
    pub at: (usize, usize),
}

impl Place {
    /// A problem of what is written there.
    pub fn problem(&self, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem { file: self.file.clone(), at: Some(self.at), message: message.into(), advice: advice.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.at.0, self.at.1)
    }
}

#[cfg(test)]
mod tests;
