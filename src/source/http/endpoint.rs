//! Where a backend is and how to speak to it.

use std::{path::PathBuf, time::Duration};

use url::Url;

use super::{AuthSource, Secret};
use crate::{clock::Clock, model::backend::Backend};

/// The bound of a body where nothing else is said.
pub(super) const MAX_BODY: usize = 32 * 1024 * 1024;

/// Where a backend is and how to speak to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Which system answers there.
    pub backend: Backend,
    /// Any prefix of the API's paths. User and password in it become basic auth unless `auth` names something.
    pub base: Url,
    /// Who asks.
    pub auth: AuthSource,
    /// Headers of every request and of the WebSocket handshake.
    pub headers: Vec<(String, Secret)>,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// Certificates (PEM) trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// Certificate chain and key (PEM) that we show to the server.
    pub client: Option<ClientCertificate>,
    /// For a whole answer, retries included.
    pub timeout: Duration,
    /// The largest body that is read, in bytes after decompression.
    pub max_body: usize,
    /// Ours, which the server's is compared with.
    pub clock: Clock,
}

impl Endpoint {
    /// An address without auth, certificates of the system, 10 s, the machine's clock.
    pub fn new(backend: Backend, base: Url) -> Self {
        Self {
            backend,
            base,
            auth: AuthSource::None,
            headers: Vec::new(),
            tenant: None,
            ca_file: None,
            insecure_skip_verify: false,
            client: None,
            timeout: Duration::from_secs(10),
            max_body: MAX_BODY,
            clock: Clock::system(),
        }
    }
}

/// The files of a client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its chain, our own first.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}
