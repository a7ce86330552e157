//! The systems that redline reads, how they are, and how they fail.

use std::{fmt, time::Duration};

use super::time::Timestamp;

/// One of the systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// Metrics and rules.
    Prometheus,
    /// Alerts as routed, silenced and inhibited.
    Alertmanager,
    /// Logs.
    Loki,
    /// Traces.
    Tempo,
    /// Traces in the place of Tempo.
    Jaeger,
}

impl Backend {
    /// All, in the order of the header.
    pub const ALL: [Self; 5] = [Self::Prometheus, Self::Alertmanager, Self::Loki, Self::Tempo, Self::Jaeger];

    /// The name on the screen, in the configuration and in errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
            Self::Loki => "loki",
            Self::Tempo => "tempo",
            Self::Jaeger => "jaeger",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a backend is, as the header shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Health {
    /// Not asked yet.
    #[default]
    Unknown,
    /// No address in the configuration.
    NotConfigured,
    /// It answered; how long the last answer took.
    Up(Duration),
    /// It answers, but not all that is asked: it is left alone until then.
    Limited {
        /// When it is asked again.
        until: Timestamp,
        /// Its words.
        error: SourceError,
    },
    /// It did not answer, since when and why.
    Down {
        /// The first failure of this outage.
        since: Timestamp,
        /// The last failure.
        error: SourceError,
    },
}

/// Why a backend gave no answer that can be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceError {
    /// Who failed.
    pub backend: Backend,
    /// What kind of failure, which decides on retries and advice.
    pub kind: ErrorKind,
    /// What happened, in one line, without secrets: "connect to 10.0.0.7:3200 refused".
    pub message: String,
    /// Where there are several of its kind: which one it was.
    pub among: Option<Box<Among>>,
}

/// One of several servers of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Among {
    /// What it is called.
    pub name: String,
    /// How many of them fail, itself included.
    pub failing: usize,
    /// How many there are.
    pub all: usize,
}

/// Kinds of failure.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorKind {
    /// No address in the configuration.
    NotConfigured,
    /// Nothing answered: refused, unresolved, connection lost.
    Unreachable,
    /// Something answered that TLS does not trust, or that does not trust us.
    Tls(TlsFault),
    /// No complete answer within this time.
    Timeout(Duration),
    /// 401 or 403.
    Unauthorized(u16),
    /// 429: it is left alone this long from now on.
    RateLimited(Duration),
    /// The server cannot read the query (400, 422): its own words are in the message.
    BadQuery,
    /// The server reads the query and will not answer it, now or at all (422): too many series, a store that is away. Its own
    /// words are in the message.
    Refused,
    /// The thing asked for does not exist (404 of an id).
    NotFound,
    /// This server cannot do that (404 of an API, an old version).
    NotSupported,
    /// More than the limit in bytes.
    TooLarge(usize),
    /// An answer that cannot be read: HTML of a proxy, half a body, another format.
    Decode,
    /// Any other status.
    Server(u16),
    /// The secret for it could not be read: file, environment or command.
    Secret,
    /// A fault of redline itself; never a reason to end.
    Bug,
}

/// What is wrong with a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The server's certificate is of an authority that is not trusted.
    UnknownIssuer,
    /// The server's certificate is for another name.
    WrongName,
    /// The server's certificate is not valid now.
    WrongTime,
    /// The server wants a certificate of ours, or another one.
    ClientCertificate,
    /// Anything else, such as a server that speaks no TLS.
    Other,
}

impl SourceError {
    /// A new error.
    pub fn new(backend: Backend, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { backend, kind, message: message.into(), among: None }
    }

    /// As one of several of its kind.
    #[must_use]
    pub fn of(self, name: &str, failing: usize, all: usize) -> Self {
        Self { among: Some(Box::new(Among { name: name.to_owned(), failing, all })), ..self }
    }

    /// The same, where so many of several fail.
    #[must_use]
    pub fn failing(mut self, failing: usize) -> Self {
        self.among.iter_mut().for_each(|among| among.failing = failing);
        self
    }

    /// Where some of several answer: how many do not, and how many there are.
    pub fn part(&self) -> Option<(usize, usize)> {
        self.among.as_ref().filter(|a| a.failing < a.all).map(|a| (a.failing, a.all))
    }

    /// Whether asking the same again may help.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ErrorKind::Unreachable | ErrorKind::Timeout(_) | ErrorKind::RateLimited(_) => true,
            // A trace that was just written is found a moment later.
            ErrorKind::NotFound => true,
            ErrorKind::Server(status) => status >= 500,
            ErrorKind::Decode => true,
            _ => false,
        }
    }

    /// Whether the answer did not come in time: ours, or that of the server or a gateway.
    pub fn is_too_slow(&self) -> bool {
        matches!(self.kind, ErrorKind::Timeout(_) | ErrorKind::Server(504))
    }

    /// Whether time may heal it: all but a question that is wrong in itself.
    pub fn heals(&self) -> bool {
        !matches!(self.kind, ErrorKind::BadQuery | ErrorKind::NotConfigured | ErrorKind::Bug)
    }

    /// Whether the backend answered and the failure is the question's. One that takes too long is, once a status line came:
    /// a query that runs out of time says nothing of the others.
    pub fn is_of_the_question(&self, status_line: bool) -> bool {
        match self.kind {
            ErrorKind::BadQuery | ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::NotSupported | ErrorKind::TooLarge(_) => true,
            ErrorKind::Timeout(_) => status_line,
            _ => false,
        }
    }

    /// Whether a smaller question may be answered: it was too much, or too slow.
    pub fn is_refusal(&self) -> bool {
        matches!(self.kind, ErrorKind::Refused | ErrorKind::TooLarge(_) | ErrorKind::Timeout(_))
    }

    /// How long a backend that limits us is left alone.
    pub fn hold_off(&self) -> Option<Duration> {
        match self.kind {
            ErrorKind::RateLimited(rest) => Some(rest),
            _ => None,
        }
    }

    /// What the reader can do about it, one sentence.
    pub fn advice(&self) -> &'static str {
        match self.kind {
            ErrorKind::NotConfigured => "Give its address in config.toml or on the command line.",
            ErrorKind::Unreachable => "Check the address, the network and whether it runs.",
            ErrorKind::Tls(TlsFault::UnknownIssuer) => "Give the authority's certificate as ca_file in config.toml.",
            ErrorKind::Tls(TlsFault::WrongName) => "Give the address by a name that the certificate is for.",
            ErrorKind::Tls(TlsFault::WrongTime) => "Renew the server's certificate, or set this machine's clock right.",
            ErrorKind::Tls(TlsFault::ClientCertificate) => {
                "Give a certificate that the server accepts as client_cert_file and client_key_file in config.toml."
            }
            ErrorKind::Tls(TlsFault::Other) => "Check whether the address is https or http, and what is in between.",
            ErrorKind::Timeout(_) => "Ask for less: a shorter window or a narrower selector.",
            ErrorKind::Unauthorized(_) => "Check the credentials and the tenant in config.toml.",
            ErrorKind::RateLimited(_) => "It is asked too much; redline asks less often by itself.",
            ErrorKind::BadQuery => "Correct the query.",
            ErrorKind::Refused => "Ask for less, a shorter window or a narrower selector, or wait until the server is well again.",
            ErrorKind::NotFound => "It may be past the retention, not sampled, not written yet, or of another tenant.",
            ErrorKind::NotSupported => "This server cannot do it; redline doctor shows what it can.",
            ErrorKind::TooLarge(_) => "Ask for less (a shorter window, a narrower selector), or raise body_mib in config.toml.",
            ErrorKind::Decode => "The address may point to a proxy or a login page; redline doctor tells more.",
            ErrorKind::Server(_) => "The server's own log tells why.",
            ErrorKind::Secret => "Check the secret's file, variable or command in config.toml.",
            ErrorKind::Bug => "Please report it; :log has the details.",
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.among {
            Some(among) => write!(f, "{} {}: {}", self.backend, among.name, self.message),
            None => write!(f, "{}: {}", self.backend, self.message),
        }
    }
}

impl std::error::Error for SourceError {}
