//! One backend of one environment: address, credentials, TLS.

use std::{
    cell::RefCell,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use super::reader::{Item, Section};
use crate::source::http::ClientCertificate;

/// How to reach one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// What the user calls it, where there are several of its kind.
    pub name: Option<String>,
    /// Base address, http or https, with the path prefix of a proxy if there is one. Never holds credentials.
    pub url: Url,
    /// Credentials.
    pub auth: AuthConfig,
    /// Further request headers, in the order of their names.
    pub headers: Vec<(String, SecretConfig)>,
    /// Sent as `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// PEM file with certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the certificate and the key that we show to the server.
    pub client: Option<ClientCertificate>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// Longest time for one answer.
    pub timeout: Duration,
}

impl EndpointConfig {
    /// An address without credentials.
    pub fn plain(url: Url, timeout: Duration) -> Self {
        let auth = AuthConfig::None;
        Self { name: None, url, auth, headers: Vec::new(), tenant: None, ca_file: None, client: None, insecure_skip_verify: false, timeout }
    }

    /// What one of several is called: by the user, or by where it is.
    pub fn called(&self) -> String {
        let place = || {
            let port = self.url.port().map(|p| format!(":{p}")).unwrap_or_default();
            format!("{}{port}{}", self.url.host_str().unwrap_or_default(), self.url.path().trim_end_matches('/'))
        };
        self.name.clone().unwrap_or_else(place)
    }
}

/// Credentials of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthConfig {
    /// None.
    None,
    /// `Authorization: Basic`.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: SecretConfig,
    },
    /// `Authorization: Bearer`.
    Bearer(SecretConfig),
}

/// Where a secret comes from. The secret itself is never in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretConfig {
    /// An environment variable.
    Env(String),
    /// A file; its last newline does not count.
    File(PathBuf),
    /// A program and its arguments; its standard output without the last newline.
    Command(Vec<String>),
    /// Written in the configuration; only for headers that are no credentials.
    Plain(String),
}

/// What endpoints need from outside their section.
pub struct EndpointContext<'a> {
    /// Folder of the configuration file: relative paths start there.
    pub folder: &'a Path,
    /// For `~/`.
    pub home: Option<&'a Path>,
    /// When the section has no `timeout`.
    pub timeout: Duration,
    /// Files that the endpoints read so far need, with their line and column.
    pub needed: RefCell<Vec<(PathBuf, (usize, usize))>>,
}

/// Limits of any request timeout.
pub const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// Headers that carry credentials, so that a plain value is refused.
const CREDENTIAL_HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

impl EndpointContext<'_> {
    /// Reads one endpoint; `None` when there is no usable address.
    pub fn read(&self, mut section: Section<'_, '_>) -> Option<EndpointConfig> {
        let url_item = section.item("url");
        let url = url_item.as_ref().and_then(read_url);
        let basic = section.section("basic").and_then(|s| self.read_basic(s));
        let bearer = section.item("bearer").and_then(|item| self.read_secret(&item, false));
        let headers = section.section("headers").map(|s| self.read_headers(&s)).unwrap_or_default();
        let tenant = section.item("tenant").and_then(|item| item.string());
        let ca_file = section.item("ca_file").and_then(|item| self.file(&item));
        let client_cert = section.item("client_cert_file").and_then(|item| self.file(&item));
        let client_key = section.item("client_key_file").and_then(|item| self.file(&item));
        let (mut insecure_skip_verify, mut timeout) = (false, self.timeout);
        section.set("insecure_skip_verify", &mut insecure_skip_verify, Item::boolean);
        section.set("timeout", &mut timeout, |item| item.duration(TIMEOUTS));
        let auth = match (basic, bearer) {
            (Some(_), Some(_)) => {
                section.wrong(format!("[{}] has both basic and bearer", section.path()), "Keep the one that the server wants.");
                AuthConfig::None
            }
            (Some((username, password)), None) => AuthConfig::Basic { username, password },
            (None, Some(secret)) => AuthConfig::Bearer(secret),
            (None, None) => AuthConfig::None,
        };
        if client_cert.is_some() != client_key.is_some() {
            let advice = "Write client_cert_file and client_key_file.";
            section.wrong(format!("[{}] has only half of a client certificate", section.path()), advice);
        }
        let client = client_cert.zip(client_key).map(|(cert_file, key_file)| ClientCertificate { cert_file, key_file });
        if url_item.is_none() && !section.has_unknown() {
            section.wrong(format!("[{}] has no url", section.path()), "Write url = \"http://host:port\".");
        }
        section.finish();
        Some(EndpointConfig { name: None, url: url?, auth, headers, tenant, ca_file, client, insecure_skip_verify, timeout })
    }

    fn read_basic(&self, mut section: Section<'_, '_>) -> Option<(String, SecretConfig)> {
        let (username, password) = (section.item("username"), section.item("password"));
        if username.is_none() || password.is_none() {
            let advice = "Write basic = { username = \"name\", password = { file = \"path\" } }.";
            section.wrong(format!("`{}` needs a username and a password", section.path()), advice);
        }
        section.finish();
        let (username, password) = (username?.string(), self.read_secret(&password?, false));
        Some((username?, password?))
    }

    fn read_headers(&self, section: &Section<'_, '_>) -> Vec<(String, SecretConfig)> {
        let mut headers = Vec::new();
        for (name, item) in section.entries() {
            if !is_header_name(name) {
                item.wrong(format!("`{name}` is no header name"), "Use letters, digits and hyphens.");
                continue;
            }
            let plain = !CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str());
            headers.extend(self.read_secret(&item, plain).map(|secret| (name.to_owned(), secret)));
        }
        headers
    }

    /// A secret: a table with one of `env`, `file` and `command`; a string only where `plain` is allowed.
    fn read_secret(&self, item: &Item<'_, '_>, plain: bool) -> Option<SecretConfig> {
        const ADVICE: &str = "Write { env = \"NAME\" }, { file = \"path\" } or { command = [\"pass\", \"show\", \"name\"] }.";
        if let Some(text) = item.as_str() {
            if plain && !text.chars().any(char::is_control) {
                return Some(SecretConfig::Plain(text.to_owned()));
            }
            let why = if plain { "holds control characters" } else { "is a secret in plain text" };
            item.wrong(format!("`{}` {why}", item.path()), ADVICE);
            return None;
        }
        if !item.is_table() {
            item.wrong(format!("`{}` is not a secret", item.path()), ADVICE);
            return None;
        }
        let mut section = item.section()?;
        let env = section.item("env").and_then(|i| i.string()).map(SecretConfig::Env);
        let file = section.item("file").and_then(|i| self.file(&i)).map(SecretConfig::File);
        let command = section.item("command").and_then(|i| i.strings()).map(SecretConfig::Command);
        let mut found: Vec<SecretConfig> = env.into_iter().chain(file).chain(command).filter(|s| !is_empty(s)).collect();
        if found.len() != 1 {
            item.wrong(format!("`{}` needs exactly one of env, file and command", item.path()), ADVICE);
            found.clear();
        }
        section.finish();
        found.pop()
    }

    /// A file that must exist, which is checked once it is known which environment opens.
    fn file(&self, item: &Item<'_, '_>) -> Option<PathBuf> {
        let path = expand(&item.string()?, self.folder, self.home);
        self.needed.borrow_mut().push((path.clone(), item.place().at));
        Some(path)
    }
}

fn is_empty(secret: &SecretConfig) -> bool {
    match secret {
        SecretConfig::Env(name) | SecretConfig::Plain(name) => name.is_empty(),
        SecretConfig::File(path) => path.as_os_str().is_empty(),
        SecretConfig::Command(words) => words.first().is_none_or(String::is_empty),
    }
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A path of the configuration: `~/` is the home folder, relative ones start at the folder of the file.
pub fn expand(text: &str, folder: &Path, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(text),
    }
}

fn read_url(item: &Item<'_, '_>) -> Option<Url> {
    let text = item.string()?;
    match parse_url(&text) {
        Ok(url) => Some(url),
        Err((message, advice)) => {
            item.wrong(format!("`{}` {message}", item.path()), advice);
            None
        }
    }
}

/// A backend's address, or what is wrong with it and what to write. Neither repeats the text: it may hold a password.
pub fn parse_url(text: &str) -> Result<Url, (&'static str, &'static str)> {
    const EXAMPLE: &str = "Write it like http://host:9090.";
    let url = Url::parse(text).map_err(|_| ("is not a URL", EXAMPLE))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(("is not http or https", EXAMPLE));
    }
    // With a slash in it, a password is taken for a path and the user for the host.
    if text.contains('@') {
        return Err(("holds a user name or password", "Write basic = { username = \"name\", password = { env = \"NAME\" } } beside it."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(("has a ? or # part", "Write only scheme, host, port and path."));
    }
    Ok(url)
}
