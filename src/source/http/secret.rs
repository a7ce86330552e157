//! Secrets: where they are, when they are read, and that they are read again when they expire.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    process::Command,
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{Endpoint, error_text};

const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// A secret that could not be read, or was read again and is refused nonetheless, is left alone this long: each reading may
/// ask someone to touch a key, each refusal may count towards the lock of an account.
const PAUSE: Duration = Duration::from_secs(30);

/// Where a secret is. Nothing is read before the first request needs it.
#[derive(Clone, Debug)]
pub enum Secret {
    /// Given as it is.
    Value(SecretString),
    /// An environment variable.
    Env(String),
    /// A file, without its last line break.
    File(PathBuf),
    /// A program and its arguments; what it prints, without the last line break. It gets no terminal and 10 s.
    Command(Vec<String>),
}

/// Who asks, with secrets still where they are.
#[derive(Clone, Debug)]
pub enum AuthSource {
    /// Nobody.
    None,
    /// HTTP basic.
    Basic {
        /// User, or an instance id.
        user: String,
        /// Password, or a token.
        password: Secret,
    },
    /// `Authorization: Bearer`.
    Bearer(Secret),
}

/// Who asks, secrets read.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Nobody.
    None,
    /// HTTP basic.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// `Authorization: Bearer`.
    Bearer(SecretString),
}

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    /// What could not be read, without the secret.
    pub async fn read(&self) -> Result<SecretString, String> {
        let text = match self {
            Self::Value(secret) => return Ok(secret.clone()),
            Self::Env(name) => std::env::var(name).map_err(|_| format!("the environment variable {name} of its secret is not set"))?,
            Self::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || {
                    std::fs::read_to_string(&path).map_err(|e| format!("the secret's file {}: {e}", path.display()))
                })
                .await
                .map_err(|e| format!("the secret's file was not read: {e}"))??
            }
            Self::Command(argv) => run(argv).await?,
        };
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Err("its secret is empty".to_owned());
        }
        Ok(SecretString::from(text))
    }

    fn renewable(&self) -> bool {
        !matches!(self, Self::Value(_) | Self::Env(_))
    }
}

/// Runs a secret's command. It must not ask on the terminal, which redline draws on: no input, and a session of its own
/// where `setsid` exists, else a background process group, which reading the terminal stops.
async fn run(argv: &[String]) -> Result<String, String> {
    let Some((program, args)) = argv.split_first() else {
        return Err("its secret's command is empty".to_owned());
    };
    let has_setsid = std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|dir| dir.join("setsid").is_file()));
    let mut command = if has_setsid {
        let mut c = Command::new("setsid");
        c.arg(program);
        c
    } else {
        let mut c = Command::new(program);
        c.process_group(0);
        c
    };
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = match timeout(COMMAND_LIMIT, command.output()).await {
        Ok(output) => output.map_err(|e| format!("its secret's command {program}: {e}"))?,
        Err(_) => return Err(format!("its secret's command {program} took longer than {COMMAND_LIMIT:?}")),
    };
    if !output.status.success() {
        return Err(format!("its secret's command {program} failed ({}): {}", output.status, error_text(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("its secret's command {program} printed no text"))
}

impl AuthSource {
    async fn read(&self) -> Result<Auth, String> {
        Ok(match self {
            Self::None => Auth::None,
            Self::Basic { user, password } => Auth::Basic { user: user.clone(), password: password.read().await? },
            Self::Bearer(token) => Auth::Bearer(token.read().await?),
        })
    }

    fn secret(&self) -> Option<&Secret> {
        match self {
            Self::None => None,
            Self::Basic { password, .. } => Some(password),
            Self::Bearer(token) => Some(token),
        }
    }
}

/// Who asks and the configured headers, secrets read.
pub(super) struct Identity {
    pub(super) auth: Auth,
    pub(super) headers: HeaderMap,
}

/// The secrets of one backend, read at the first use.
pub(super) struct Credentials {
    source: AuthSource,
    headers: Vec<(HeaderName, Secret)>,
    held: Mutex<Held>,
    /// Between two readings.
    pub(super) pause: Duration,
}

/// What was read.
#[derive(Default)]
struct Held {
    identity: Option<Arc<Identity>>,
    /// When it was last read again, or could not be read, and why.
    last: Option<(Instant, Result<(), String>)>,
}

impl Credentials {
    /// From what is configured; nothing is read yet.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, String> {
        let name = |name: &String| name.parse::<HeaderName>().map_err(|_| format!("{name:?} is no header name"));
        let headers = endpoint.headers.iter().map(|(n, secret)| Ok((name(n)?, secret.clone()))).collect::<Result<_, String>>()?;
        Ok(Self { source: endpoint.auth.clone(), headers, held: Mutex::default(), pause: PAUSE })
    }

    /// Whether reading again may give another secret.
    pub(super) fn renewable(&self) -> bool {
        self.source.secret().into_iter().chain(self.headers.iter().map(|(_, secret)| secret)).any(Secret::renewable)
    }

    /// The secrets; requests that come while they are read wait for the one reading.
    pub(super) async fn get(&self) -> Result<Arc<Identity>, String> {
        let mut held = self.held.lock().await;
        if let Some(identity) = &held.identity {
            return Ok(identity.clone());
        }
        self.just_read(&held)?;
        let read = self.read_all().await;
        if let Err(e) = &read {
            held.last = Some((Instant::now(), Err(e.clone())));
        }
        Ok(held.identity.insert(Arc::new(read?)).clone())
    }

    /// Reads again, unless another request already did since `refused` was handed out. `None`: that was just done, and what
    /// was read is what is refused.
    pub(super) async fn renew(&self, refused: &Arc<Identity>) -> Result<Option<Arc<Identity>>, String> {
        let mut held = self.held.lock().await;
        if let Some(identity) = held.identity.as_ref().filter(|i| !Arc::ptr_eq(i, refused)) {
            return Ok(Some(identity.clone()));
        }
        if self.just_read(&held)? {
            return Ok(None);
        }
        let read = self.read_all().await;
        held.last = Some((Instant::now(), read.as_ref().map(|_| ()).map_err(Clone::clone)));
        Ok(Some(held.identity.insert(Arc::new(read?)).clone()))
    }

    /// Whether it was read again just now; as an error when that failed.
    fn just_read(&self, held: &Held) -> Result<bool, String> {
        match &held.last {
            Some((at, result)) if at.elapsed() < self.pause => result.clone().map(|()| true),
            _ => Ok(false),
        }
    }

    async fn read_all(&self) -> Result<Identity, String> {
        let mut headers = HeaderMap::new();
        for (name, secret) in &self.headers {
            headers.insert(name.clone(), header_value(name, &secret.read().await?)?);
        }
        Ok(Identity { auth: self.source.read().await?, headers })
    }
}

/// A header's value that no debug output shows.
pub(super) fn header_value(name: &HeaderName, secret: &SecretString) -> Result<HeaderValue, String> {
    let mut value: HeaderValue =
        secret.expose_secret().parse().map_err(|_| format!("the value of header {name} has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Moves `user:password@` out of the address, so that nothing can print it.
pub(super) fn take_userinfo(endpoint: &mut Endpoint) {
    let user = decoded(endpoint.base.username());
    let password = endpoint.base.password().map(decoded);
    if matches!(endpoint.auth, AuthSource::None) && !user.is_empty() {
        let password = Secret::Value(SecretString::from(password.unwrap_or_default()));
        endpoint.auth = AuthSource::Basic { user, password };
    }
    // Only addresses without a host refuse this, and those have no user.
    let _ = endpoint.base.set_username("");
    let _ = endpoint.base.set_password(None);
}

/// Percent-decoding by way of a form's value; `+` is itself in a user's name.
fn decoded(text: &str) -> String {
    let form = format!("v={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(_, v)| v.into_owned())
}
