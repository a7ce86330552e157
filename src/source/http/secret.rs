//! Secrets: where they are, when they are read, and that they are read again when they expire.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::{process::Command, sync::Mutex, time::timeout};

use super::{Endpoint, error_text};

const COMMAND_LIMIT: Duration = Duration::from_secs(10);

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
}

/// The secrets of one backend, read at the first use.
pub(super) struct Credentials {
    source: AuthSource,
    read: Mutex<Option<Arc<Auth>>>,
}

impl Credentials {
    pub(super) fn new(source: AuthSource) -> Self {
        Self { source, read: Mutex::new(None) }
    }

    /// Whether reading again may give another secret.
    pub(super) fn renewable(&self) -> bool {
        match &self.source {
            AuthSource::None => false,
            AuthSource::Basic { password, .. } => password.renewable(),
            AuthSource::Bearer(token) => token.renewable(),
        }
    }

    /// The secret; requests that come while it is read wait for the one reading.
    pub(super) async fn get(&self) -> Result<Arc<Auth>, String> {
        let mut read = self.read.lock().await;
        match &*read {
            Some(auth) => Ok(auth.clone()),
            None => Ok(read.insert(Arc::new(self.source.read().await?)).clone()),
        }
    }

    /// Reads again, unless another request already did since `refused` was handed out.
    pub(super) async fn renew(&self, refused: &Arc<Auth>) -> Result<Arc<Auth>, String> {
        let mut read = self.read.lock().await;
        match &*read {
            Some(auth) if !Arc::ptr_eq(auth, refused) => Ok(auth.clone()),
            _ => Ok(read.insert(Arc::new(self.source.read().await?)).clone()),
        }
    }
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
