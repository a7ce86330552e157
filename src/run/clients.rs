//! Clients from the configuration, and themes by name.

use std::{path::PathBuf, sync::Arc};

use compact_str::CompactString;
use secrecy::SecretString;

use crate::{
    clock::Clock,
    config::{AuthConfig, Config, EndpointConfig, Environment, Limits, SecretConfig},
    model::backend::{Backend, SourceError},
    runtime::Environments,
    source::{
        Alertmanager, Alertmanagers, Files, Jaeger, Loki, Prometheus, Sources, Tempo, TraceFiles,
        alertmanager::observers,
        http::{AuthSource, Endpoint, Observer, Secret},
    },
    theme::{self, ColorSupport, Theme},
};

/// What the configuration says of environments and themes.
pub(super) struct Clients {
    pub(super) config: Config,
    pub(super) theme_folders: Vec<PathBuf>,
    pub(super) colors: ColorSupport,
    /// What the backends' own clocks are compared with.
    pub(super) clock: Clock,
    /// Files that are shown in the place of a server's lines.
    pub(super) files: Option<Arc<Files>>,
    /// Traces of files, before those of a server.
    pub(super) trace_files: Option<Arc<TraceFiles>>,
}

impl Environments for Clients {
    fn sources(&self, name: &str, observer: Observer) -> Result<Sources, String> {
        let (files, trace_files) = (self.files.clone(), self.trace_files.clone());
        if (files.is_some() || trace_files.is_some()) && name.is_empty() {
            return Ok(Sources { files, trace_files, ..Sources::default() });
        }
        let environment = self.config.environments.get(name).ok_or_else(|| format!("there is no environment \"{name}\""))?;
        Ok(Sources { files, trace_files, ..sources(&self.config, environment, &observer, &self.clock)? })
    }

    fn theme(&self, name: &str) -> Result<Theme, String> {
        let (theme, problems) = theme::load(name, ":theme", &self.theme_folders);
        match problems.first() {
            Some(problem) => Err(problem.to_string()),
            None => Ok(theme.downgrade(self.colors)),
        }
    }
}

/// The clients of the backends that have an address. Nothing is read from the network.
pub(super) fn sources(config: &Config, environment: &Environment, observer: &Observer, clock: &Clock) -> Result<Sources, String> {
    let endpoint = |backend| environment.backends.get(&backend).map(|e| endpoint(backend, e, &config.limits, clock));
    let told = |e: SourceError| e.to_string();
    let loki = endpoint(Backend::Loki).map(|e| Loki::new(e, observer.clone())).transpose().map_err(told)?;
    Ok(Sources {
        labels: config.labels.clone(),
        severities: config.severities.clone(),
        prometheus: endpoint(Backend::Prometheus).map(|e| Prometheus::new(e, observer.clone())).transpose().map_err(told)?,
        alertmanager: alertmanagers(config, environment, observer, clock).map_err(told)?,
        loki: loki.map(|l| l.with_trace_ids(config.trace_ids.clone())),
        tempo: endpoint(Backend::Tempo).map(|e| Tempo::new(e, observer.clone())).transpose().map_err(told)?,
        jaeger: endpoint(Backend::Jaeger).map(|e| Jaeger::new(e, observer.clone())).transpose().map_err(told)?,
        ..Sources::default()
    })
}

/// All of them, by their names.
fn alertmanagers(
    config: &Config,
    environment: &Environment,
    observer: &Observer,
    clock: &Clock,
) -> Result<Option<Alertmanagers>, SourceError> {
    let all: Vec<&EndpointConfig> =
        environment.backends.get(&Backend::Alertmanager).into_iter().chain(&environment.alertmanagers).collect();
    let names: Vec<CompactString> = all.iter().map(|e| e.called().into()).collect();
    let client = |((config_of_one, name), observer): ((&EndpointConfig, &CompactString), Observer)| {
        let endpoint = endpoint(Backend::Alertmanager, config_of_one, &config.limits, clock);
        Ok((name.clone(), Alertmanager::new(endpoint, observer).map_err(|e| e.of(name, 1, 1))?))
    };
    let made = all.into_iter().zip(&names).zip(observers(&names, observer)).map(client).collect::<Result<Vec<_>, SourceError>>()?;
    Ok((!made.is_empty()).then(|| Alertmanagers::new(made)))
}

fn endpoint(backend: Backend, config: &EndpointConfig, limits: &Limits, clock: &Clock) -> Endpoint {
    Endpoint {
        backend,
        base: config.url.clone(),
        auth: match &config.auth {
            AuthConfig::None => AuthSource::None,
            AuthConfig::Basic { username, password } => AuthSource::Basic { user: username.clone(), password: secret(password) },
            AuthConfig::Bearer(token) => AuthSource::Bearer(secret(token)),
        },
        headers: config.headers.iter().map(|(name, value)| (name.clone(), secret(value))).collect(),
        tenant: config.tenant.clone(),
        ca_file: config.ca_file.clone(),
        client: config.client.clone(),
        insecure_skip_verify: config.insecure_skip_verify,
        timeout: config.timeout,
        max_body: limits.body,
        clock: clock.clone(),
    }
}

fn secret(config: &SecretConfig) -> Secret {
    match config {
        SecretConfig::Env(name) => Secret::Env(name.clone()),
        SecretConfig::File(path) => Secret::File(path.clone()),
        SecretConfig::Command(words) => Secret::Command(words.clone()),
        SecretConfig::Plain(text) => Secret::Value(SecretString::from(text.clone())),
    }
}
