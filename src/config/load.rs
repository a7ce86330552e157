//! Finds the file, reads it, and puts the command line over it.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy;
use url::Url;

use super::{
    AuthConfig, Config, ConfigError, DEFAULT_CONFIG, EndpointConfig, Problem,
    file::{self, Applied},
};
use crate::model::backend::Backend;

/// The name of an environment that only the command line describes.
pub const COMMAND_LINE: &str = "command line";

/// The configuration for all users of a machine.
const SYSTEM_CONFIG: &str = "/etc/redline/config.toml";

/// Largest configuration file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What the process knows of its surroundings; tests make their own.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The user's configuration folder of redline.
    pub config_folder: Option<PathBuf>,
    /// The user's data folder of redline: what it keeps for the user.
    pub data_folder: Option<PathBuf>,
    /// The configuration for all users.
    pub system_config: Option<PathBuf>,
}

impl System {
    /// From the process. Variables that are not UTF-8 are left out.
    pub fn from_process() -> Self {
        let vars = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
        let folders = etcetera::choose_base_strategy().ok();
        Self {
            vars,
            home: folders.as_ref().map(|f| f.home_dir().to_owned()),
            data_folder: folders.as_ref().map(|f| f.data_dir().join("redline")),
            config_folder: folders.map(|f| f.config_dir().join("redline")),
            system_config: Some(PathBuf::from(SYSTEM_CONFIG)),
        }
    }

    /// Where `redline init` writes and where the user's file is looked up.
    pub fn user_config(&self) -> Option<PathBuf> {
        self.config_folder.as_ref().map(|folder| folder.join("config.toml"))
    }
}

/// What the command line asks of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--env`.
    pub environment: Option<String>,
    /// `--prometheus` and so on; only of Alertmanager there may be several.
    pub urls: BTreeMap<Backend, Vec<Url>>,
    /// Whether an environment is needed to go on; the demo brings its own.
    pub environment_needed: bool,
}

/// The configuration in effect.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Everything.
    pub config: Config,
    /// The file that was read.
    pub path: Option<PathBuf>,
    /// What to tell, in the order found.
    pub warnings: Vec<Problem>,
    /// Folders of the user's themes, first match wins.
    pub theme_folders: Vec<PathBuf>,
}

/// Finds and reads the configuration.
///
/// # Errors
/// Everything that is wrong in the file or on the command line, at once.
pub fn load(request: &Request, system: &System) -> Result<Loaded, ConfigError> {
    let mut config = Config::default();
    let builtin = file::apply(&mut config, "built-in config.toml", DEFAULT_CONFIG, Path::new(""), None);
    if !builtin.errors.is_empty() {
        return Err(ConfigError(builtin.errors));
    }
    let found = find(request, system)?;
    let mut applied = Applied::default();
    if let Some((path, text)) = &found {
        let folder = path.parent().unwrap_or(Path::new(""));
        applied = file::apply(&mut config, &path.display().to_string(), text, folder, system.home.as_deref());
    }
    let path = found.map(|(path, _)| path);
    choose_environment(&mut config, request, &mut applied);
    override_urls(&mut config, request, &mut applied);
    check_files(&config, path.as_deref(), request, &mut applied);
    if applied.errors.is_empty() && request.environment_needed && config.current().is_none() {
        applied.errors.push(no_environment(&config, path.as_deref(), system));
    }
    if !applied.errors.is_empty() {
        return Err(ConfigError(applied.errors));
    }
    let beside = path.as_deref().and_then(Path::parent).map(Path::to_owned);
    let mut theme_folders: Vec<PathBuf> = beside.into_iter().chain(system.config_folder.clone()).map(|f| f.join("themes")).collect();
    theme_folders.dedup();
    Ok(Loaded { config, path, warnings: applied.warnings, theme_folders })
}

/// The file to read, with its text; `None` when there is none. One that is named must exist.
fn find(request: &Request, system: &System) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let named = request.config.clone().map(|path| (path, "--config"));
    let var = system.vars.get("REDLINE_CONFIG").filter(|v| !v.is_empty());
    if let Some((path, origin)) = named.or_else(|| var.map(|v| (PathBuf::from(v), "$REDLINE_CONFIG"))) {
        let text = read(&path)?;
        let missing = || ConfigError::of(path.display().to_string(), "no such file", format!("It was named by {origin}."));
        return Ok(Some((path.clone(), text.ok_or_else(missing)?)));
    }
    for path in system.user_config().into_iter().chain(system.system_config.clone()) {
        if let Some(text) = read(&path)? {
            return Ok(Some((path, text)));
        }
    }
    Ok(None)
}

/// The text of a file, `None` when it does not exist.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let fail = |message: String, advice: &str| Err(ConfigError::of(path.display().to_string(), message, advice));
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return fail("not a file".to_owned(), "Name a configuration file."),
        Ok(meta) if meta.len() > MAX_FILE => return fail("larger than 1 MiB".to_owned(), "Name a configuration file."),
        _ => {}
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => fail("not UTF-8 text".to_owned(), "Save it as UTF-8."),
        Err(error) => fail(format!("cannot be read: {error}"), "Check its permissions."),
    }
}

/// `--env`, `default_environment`, or the only one there is.
fn choose_environment(config: &mut Config, request: &Request, applied: &mut Applied) {
    if let Some(name) = &request.environment {
        if config.environments.contains_key(name) {
            config.environment = Some(name.clone());
        } else {
            let advice = file::choose_from(&config.environments, name);
            applied.errors.push(Problem::of("--env", format!("there is no environment \"{name}\""), advice));
        }
    } else if config.environment.is_none() && config.environments.len() == 1 {
        config.environment = config.environments.keys().next().cloned();
    }
}

/// Puts addresses of the command line over the chosen environment, or makes one of them alone.
fn override_urls(config: &mut Config, request: &Request, applied: &mut Applied) {
    if request.urls.is_empty() || !applied.errors.is_empty() {
        return;
    }
    let name = config.environment.get_or_insert_with(|| COMMAND_LINE.to_owned()).clone();
    let environment = config.environments.entry(name.clone()).or_default();
    for (backend, urls) in &request.urls {
        let first = environment.backends.remove(backend).into_iter();
        let further = if *backend == Backend::Alertmanager { std::mem::take(&mut environment.alertmanagers) } else { Vec::new() };
        let before: Vec<EndpointConfig> = first.chain(further).collect();
        // An address that is repeated is one server.
        let once = urls.iter().enumerate().filter(|(i, url)| !urls[..*i].contains(url)).map(|(_, url)| url);
        let mut all = once.map(|url| overridden(&before, url, config.limits.request_timeout)).collect::<Vec<_>>();
        if all.iter().any(|(_, without_credentials)| *without_credentials) {
            let message = format!("another host than in environment \"{name}\", so its credentials and tenant are not sent");
            let advice = "Give the address in config.toml to use them there.";
            applied.warnings.push(Problem::of(format!("--{backend}"), message, advice));
        }
        let further = all.split_off(1.min(all.len())).into_iter().map(|(endpoint, _)| endpoint);
        environment.alertmanagers.extend(further);
        // One of the two is asked for traces: the one that was named last.
        match backend {
            Backend::Tempo => environment.backends.remove(&Backend::Jaeger),
            Backend::Jaeger => environment.backends.remove(&Backend::Tempo),
            _ => None,
        };
        environment.backends.extend(all.pop().map(|(endpoint, _)| (*backend, endpoint)));
    }
}

/// What was configured for an address, and whether what was configured is not for it: at the same host and port it is for
/// all addresses, but a name is for one alone.
fn overridden(before: &[EndpointConfig], url: &Url, timeout: Duration) -> (EndpointConfig, bool) {
    let at_host = || before.iter().find(|e| e.url.origin() == url.origin());
    match before.iter().find(|e| e.url == *url).cloned().or_else(|| Some(EndpointConfig { name: None, ..at_host()?.clone() })) {
        Some(endpoint) => (EndpointConfig { url: url.clone(), ..endpoint }, false),
        None => {
            let (ca_file, timeout) = before.first().map_or((None, timeout), |e| (e.ca_file.clone(), e.timeout));
            (EndpointConfig { ca_file, ..EndpointConfig::plain(url.clone(), timeout) }, before.iter().any(is_personal))
        }
    }
}

/// Whether it holds what another host is not to get, or to be trusted with.
fn is_personal(endpoint: &EndpointConfig) -> bool {
    let EndpointConfig { auth, headers, tenant, client, insecure_skip_verify, .. } = endpoint;
    *auth != AuthConfig::None || !headers.is_empty() || tenant.is_some() || client.is_some() || *insecure_skip_verify
}

/// A missing secret or CA file is an error for the environment that opens, and a warning for others.
fn check_files(config: &Config, path: Option<&Path>, request: &Request, applied: &mut Applied) {
    let name = path.map(|p| p.display().to_string()).unwrap_or_default();
    for needed in std::mem::take(&mut applied.needed) {
        let Err(error) = std::fs::File::open(&needed.path) else { continue };
        let message = format!("{} cannot be read: {}", needed.path.display(), reason(&error));
        let advice = "Create the file, or correct the path; relative paths start at the folder of this file.".to_owned();
        let problem = Problem { file: name.clone(), at: Some(needed.at), message, advice };
        let opens = request.environment_needed && config.environment.as_ref() == Some(&needed.environment);
        if opens { applied.errors.push(problem) } else { applied.warnings.push(problem) }
    }
}

/// Words for an IO error that are the same on every system.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn no_environment(config: &Config, path: Option<&Path>, system: &System) -> Problem {
    let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
    match path {
        Some(path) if names.is_empty() => {
            Problem::of(path.display().to_string(), "no environment in it", "Add one, give --prometheus URL, or try: redline demo")
        }
        Some(path) => {
            let advice = format!("Set default_environment, or give --env with one of: {}.", names.join(", "));
            Problem::of(path.display().to_string(), "several environments and no default", advice)
        }
        None => {
            let place = system.user_config().map_or_else(|| "config.toml".to_owned(), |p| p.display().to_string());
            Problem::of(place, "no configuration", "Write one with: redline init. Or give --prometheus URL, or try: redline demo")
        }
    }
}
