//! HTTP to one backend: few requests at a time, bounded bodies, retries where they may help, errors in the reader's words.
//!
//! Dropping the future of a request cancels it; the server then stops working on it.

mod backoff;
mod endpoint;
mod error_text;
mod failure;
mod limit;
mod request;
mod secret;
mod tls;
mod websocket;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
};
use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tracing::{info, warn};
use url::Url;

pub use backoff::{full_jitter, retry_after};
pub use endpoint::{ClientCertificate, Endpoint};
pub use error_text::error_text;
pub use request::{Answer, Request, Unsent};
pub use secret::{Auth, AuthSource, Secret};
pub use websocket::WebSocketRequest;

use crate::model::{
    backend::{Backend, ErrorKind, SourceError},
    time::{Timestamp, nanos},
};
pub use failure::innermost;
use failure::retryable;
use limit::Limit;
use secret::{Credentials, Identity};

/// Requests in flight to one backend; servers queue few of one tenant.
const IN_FLIGHT: usize = 5;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Tries after the first.
const RETRIES: u32 = 2;
/// Redirects followed within the same origin.
const REDIRECTS: u32 = 5;
/// The most of an error's body that is read.
const ERROR_BODY: usize = 64 * 1024;
/// Told after each request how long the answer took, or why there was none. A refused query counts as an answer.
pub type Observer = Arc<dyn Fn(Backend, Result<Duration, &SourceError>) + Send + Sync>;

/// The HTTP client of one backend.
pub struct HttpClient {
    endpoint: Endpoint,
    http: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
    headers: HeaderMap,
    credentials: Credentials,
    permits: Semaphore,
    observer: Observer,
    /// The server's clock minus ours, in nanoseconds.
    skew: AtomicI64,
    /// Its answers say when they were given.
    dated: AtomicBool,
    /// A gateway answered 405 to POST: queries go in the URL.
    only_get: AtomicBool,
    limit: Limit,
}

/// What was heard of the server while it was asked.
#[derive(Default)]
struct Heard {
    /// How long the last attempt took.
    latency: Duration,
    /// The last attempt came as far as a status line.
    status: bool,
    /// Some attempt came as far as a connection.
    connected: bool,
}

/// What an attempt came to, when not an answer.
enum Failed {
    /// Final, or the reason why the last retry was not enough.
    With(SourceError, Option<Duration>),
    Unauthorized(SourceError),
    MethodRefused,
}

/// A client for what is no backend, such as the servers that the demo is written into.
#[expect(clippy::disallowed_methods, reason = "the one place that sets what the others need")]
pub fn plain() -> reqwest::ClientBuilder {
    // Its TLS is that of the process; that it is set already is no error.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder()
}

impl HttpClient {
    /// Prepares the client; no secret is read and nothing is sent.
    ///
    /// # Errors
    /// A CA file that cannot be read, a header that is none, an address that is not http or https.
    pub fn new(mut endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        let backend = endpoint.backend;
        let fail = |message: String| SourceError::new(backend, ErrorKind::NotConfigured, message);
        if !matches!(endpoint.base.scheme(), "http" | "https") || endpoint.base.host_str().is_none() {
            return Err(fail(format!("the address must begin with http:// or https://, not {}:", endpoint.base.scheme())));
        }
        secret::take_userinfo(&mut endpoint);
        let tls = tls::config(&endpoint).map_err(fail)?;
        let mut builder = plain()
            .tls_backend_preconfigured(tls::with_alpn(&tls))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(60))
            .user_agent(concat!("redline/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&endpoint.base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| fail(format!("no HTTP client: {}", innermost(&e))))?;
        let headers = fixed_headers(&endpoint).map_err(fail)?;
        Ok(Self {
            credentials: Credentials::new(&endpoint).map_err(fail)?,
            endpoint,
            http,
            tls: Arc::new(tls),
            headers,
            permits: Semaphore::new(IN_FLIGHT),
            observer,
            skew: AtomicI64::new(0),
            dated: AtomicBool::new(false),
            only_get: AtomicBool::new(false),
            limit: Limit::default(),
        })
    }

    /// Which system this speaks to.
    pub fn backend(&self) -> Backend {
        self.endpoint.backend
    }

    /// The base address, without user and password.
    pub fn base(&self) -> &Url {
        &self.endpoint.base
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        self.endpoint.timeout
    }

    /// Now by the server's clock where it differs from ours by more than 2 s, else by ours.
    pub fn now(&self) -> Timestamp {
        let ours = self.endpoint.clock.uncorrected();
        let skew = self.skew.load(Ordering::Relaxed);
        if skew.unsigned_abs() > 2_000_000_000 { Timestamp(ours.0.saturating_add(skew)) } else { ours }
    }

    /// What times are told by.
    pub fn clock(&self) -> &crate::clock::Clock {
        &self.endpoint.clock
    }

    /// The server's clock minus this machine's in nanoseconds, as its last answer told, to a second; 0 before any.
    pub fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// Whether answers say when they were given. Where a gateway takes that away, the server's clock is to be asked for.
    pub fn is_dated(&self) -> bool {
        self.dated.load(Ordering::Relaxed)
    }

    /// The server's clock shows this now, as it told in an answer.
    pub fn note_time(&self, theirs: Timestamp) {
        let skew = theirs.0.saturating_sub(self.endpoint.clock.uncorrected().0);
        self.skew.store(skew, Ordering::Relaxed);
        // Samples and alerts are dated by the clock of who takes them.
        if self.backend() == Backend::Prometheus {
            self.endpoint.clock.correct(skew);
        }
    }

    /// Whether requests say which tenant asks.
    pub fn names_tenant(&self) -> bool {
        self.endpoint.tenant.is_some()
    }

    /// An error of this backend.
    pub fn error(&self, kind: ErrorKind, message: impl Into<String>) -> SourceError {
        SourceError::new(self.endpoint.backend, kind, message)
    }

    /// Asks, and reads the whole answer. While the backend limits us it is not asked.
    ///
    /// # Errors
    /// Everything but 2xx, in [`ErrorKind`]'s terms; retried inside the timeout where that may help.
    pub async fn send(&self, request: Request) -> Result<Answer, SourceError> {
        self.send_heard(request, &mut Heard::default()).await
    }

    /// The same for what changes something, which is sent once: whether the server may have done it is told with the error.
    ///
    /// # Errors
    /// As [`HttpClient::send`].
    pub async fn send_once(&self, request: Request) -> Result<Answer, Unsent> {
        let mut heard = Heard::default();
        let result = self.send_heard(Request { once: true, ..request }, &mut heard).await;
        result.map_err(|error| {
            let refused = match error.kind {
                ErrorKind::BadQuery | ErrorKind::Refused | ErrorKind::Unauthorized(_) | ErrorKind::RateLimited(_) => true,
                ErrorKind::NotFound | ErrorKind::NotSupported | ErrorKind::Tls(_) | ErrorKind::Secret => true,
                ErrorKind::Server(status) => status < 500,
                _ => false,
            };
            Unsent { taken: heard.connected && !refused, error }
        })
    }

    async fn send_heard(&self, request: Request, heard: &mut Heard) -> Result<Answer, SourceError> {
        let _permit = self.permits.acquire().await.map_err(|_| self.error(ErrorKind::Bug, "the client is closed"))?;
        self.not_limited()?;
        let aside = request.aside;
        let result = self.attempts(request, heard).await;
        match &result {
            Err(e) if aside && e.hold_off().is_none() => {}
            Err(e) if !e.is_of_the_question(heard.status) => self.tell_failure(e),
            // Those that were under way when another one was refused do not end the limit.
            _ if self.limit.rest().is_some() => {}
            _ => (self.observer)(self.backend(), Ok(heard.latency)),
        }
        result
    }

    /// Nothing is learned of a backend that is not asked, so the observer is told nothing.
    fn not_limited(&self) -> Result<(), SourceError> {
        match self.limit.rest() {
            Some((rest, message)) => Err(self.error(ErrorKind::RateLimited(rest), message)),
            None => Ok(()),
        }
    }

    fn tell_failure(&self, e: &SourceError) {
        if let ErrorKind::RateLimited(rest) = e.kind {
            self.limit.set(rest, &e.message);
        }
        (self.observer)(self.backend(), Err(e));
    }

    async fn attempts(&self, mut request: Request, heard: &mut Heard) -> Result<Answer, SourceError> {
        if self.only_get.load(Ordering::Relaxed) && !request.once {
            request.method = Method::GET;
        }
        let mut identity = self.credentials.get().await.map_err(|e| self.error(ErrorKind::Secret, e))?;
        let mut refreshed = false;
        let deadline = Instant::now() + self.endpoint.timeout;
        let mut attempt = 1;
        loop {
            let started = Instant::now();
            heard.status = false;
            let tried = match timeout_at(deadline, self.attempt(&request, &identity, attempt, heard)).await {
                Ok(tried) => tried,
                Err(_) => {
                    let e = self.timed_out();
                    info!(target: "redline::http", "{} {} {} attempt {attempt}: {}", self.backend(), request.method, request.path, e.message);
                    Err(Failed::With(e, None))
                }
            };
            heard.latency = started.elapsed();
            match tried {
                Ok(answer) => return Ok(answer),
                Err(Failed::MethodRefused) => {
                    self.only_get.store(true, Ordering::Relaxed);
                    request.method = Method::GET;
                }
                Err(Failed::Unauthorized(e)) => {
                    if refreshed || !self.credentials.renewable() {
                        return Err(e);
                    }
                    refreshed = true;
                    match self.credentials.renew(&identity).await.map_err(|e| self.error(ErrorKind::Secret, e))? {
                        Some(renewed) => identity = renewed,
                        None => return Err(e),
                    }
                }
                Err(Failed::With(e, wish)) => {
                    let wait = wish.unwrap_or_else(|| full_jitter(attempt));
                    if request.once || attempt > RETRIES || !retryable(&e, wish) || Instant::now() + wait >= deadline {
                        return Err(e);
                    }
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
            }
        }
    }

    /// One attempt, redirects of the same origin included.
    async fn attempt(&self, request: &Request, identity: &Identity, attempt: u32, heard: &mut Heard) -> Result<Answer, Failed> {
        let mut url = self.url(&request.path);
        for _ in 0..=REDIRECTS {
            let started = Instant::now();
            // Until it is known that there was none.
            let before = std::mem::replace(&mut heard.connected, true);
            let sent = self.build(request, identity, url.clone()).send().await;
            let response = match sent {
                Ok(r) => r,
                Err(e) => {
                    heard.connected = before || !e.is_connect();
                    let e = self.unreachable(&e);
                    self.log(request, &url, &e.message, started, 0, attempt);
                    return Err(Failed::With(e, None));
                }
            };
            heard.status = true;
            self.note_clock(response.headers());
            let status = response.status();
            if status.is_redirection() {
                self.log(request, &url, status.as_str(), started, 0, attempt);
                url = self.redirect(&url, &response).map_err(|e| Failed::With(e, None))?;
                continue;
            }
            let answered = self.read(request, response).await;
            let bytes = answered.as_ref().map_or(0, |a| a.body.len());
            self.log(request, &url, status.as_str(), started, bytes, attempt);
            return answered;
        }
        Err(Failed::With(self.error(ErrorKind::Decode, format!("more than {REDIRECTS} redirects")), None))
    }

    fn build(&self, request: &Request, identity: &Identity, mut url: Url) -> reqwest::RequestBuilder {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.params).finish();
        let post = request.method == Method::POST;
        if !post && !form.is_empty() {
            url.set_query(Some(&form));
        }
        let mut headers = self.headers.clone();
        headers.extend(identity.headers.clone());
        for (name, value) in &request.headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut builder = self.http.request(request.method.clone(), url).headers(headers);
        if let Some(body) = &request.json {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        } else if post {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        match &identity.auth {
            Auth::None => builder,
            Auth::Basic { user, password } => builder.basic_auth(user, Some(password.expose_secret())),
            Auth::Bearer(token) => builder.bearer_auth(token.expose_secret()),
        }
    }

    /// Where a redirect leads, if it stays on this server.
    fn redirect(&self, from: &Url, response: &Response) -> Result<Url, SourceError> {
        let target = response.headers().get(LOCATION).and_then(|l| l.to_str().ok()).and_then(|l| from.join(l).ok());
        let message = match target {
            Some(next) if next.origin() == from.origin() && response.status() != StatusCode::SEE_OTHER => return Ok(next),
            Some(next) => format!(
                "redirects to {}{}, which is not followed with credentials; if that is the server, use its address",
                next.origin().ascii_serialization(),
                next.path()
            ),
            None => "redirects to nowhere".to_owned(),
        };
        Err(self.error(ErrorKind::Decode, message))
    }

    async fn read(&self, request: &Request, response: Response) -> Result<Answer, Failed> {
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let wish = self.wish(response.headers());
        if status.is_success() {
            let (body, cut) = self.body(response, request.beginning).await.map_err(|e| Failed::With(e, None))?;
            // No backend answers with a page: a proxy or a login in front of it does, and the backend was not reached.
            if body.trim_ascii_start().starts_with(b"<") {
                let message = format!("the answer to {} is HTML, not JSON: {}", request.path, error_text(&body));
                return Err(Failed::With(self.error(ErrorKind::Decode, message), None));
            }
            return Ok(Answer { status: status.as_u16(), content_type, body, cut });
        }
        if status == StatusCode::METHOD_NOT_ALLOWED && request.method == Method::POST && !request.once {
            return Err(Failed::MethodRefused);
        }
        let body = head(response, ERROR_BODY).await;
        let error = self.status_error(request, status.as_u16(), wish, &body);
        Err(if status == StatusCode::UNAUTHORIZED { Failed::Unauthorized(error) } else { Failed::With(error, wish) })
    }

    /// How long the server asks to be left alone.
    fn wish(&self, headers: &HeaderMap) -> Option<Duration> {
        headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| retry_after(v, self.now()))
    }

    /// The error of an answer that is larger than may be read.
    pub fn too_large(&self) -> SourceError {
        let max = self.endpoint.max_body;
        self.error(ErrorKind::TooLarge(max), format!("the answer is larger than {} MiB", max.div_ceil(1 << 20)))
    }

    /// What may be read of it, and whether there is more: an error, unless its beginning will do.
    async fn body(&self, mut response: Response, beginning: bool) -> Result<(Bytes, bool), SourceError> {
        let max = self.endpoint.max_body;
        let announced = response.content_length().unwrap_or(0);
        if announced > max as u64 && !beginning {
            return Err(self.too_large());
        }
        let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(max).min(max));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > max && beginning => {
                    body.extend_from_slice(&chunk[..max - body.len()]);
                    return Ok((body.freeze(), true));
                }
                Ok(Some(chunk)) if body.len() + chunk.len() > max => return Err(self.too_large()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok((body.freeze(), false)),
                Err(e) => {
                    let message = format!("the connection was lost after {} bytes: {}", body.len(), innermost(&e));
                    return Err(self.error(ErrorKind::Unreachable, message));
                }
            }
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.endpoint.base.clone();
        url.set_path(&format!("{}{path}", self.endpoint.base.path().trim_end_matches('/')));
        url
    }

    fn note_clock(&self, headers: &HeaderMap) {
        let Some(date) = headers.get(DATE).and_then(|d| d.to_str().ok()).and_then(|d| chrono::DateTime::parse_from_rfc2822(d).ok()) else {
            return;
        };
        // A date beyond what nanoseconds count, such as of the year 9999, is no clock to go by.
        let Some(theirs) = date.timestamp_nanos_opt().and_then(|t| t.checked_add(nanos(Duration::from_millis(500)))) else { return };
        self.dated.store(true, Ordering::Relaxed);
        self.note_time(Timestamp(theirs));
    }

    fn log(&self, request: &Request, url: &Url, outcome: &str, started: Instant, bytes: usize, attempt: u32) {
        let ms = started.elapsed().as_millis();
        let query = request.shown_query();
        let text = format!("{} {} {}{query} {outcome} {ms}ms {bytes}B attempt {attempt}", self.backend(), request.method, url.path());
        // Statuses below 400 begin so; refusals and the words of a lost connection do not.
        if outcome.starts_with(['2', '3']) { info!(target: "redline::http", "{text}") } else { warn!(target: "redline::http", "{text}") }
    }
}

fn fixed_headers(endpoint: &Endpoint) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(tenant) = &endpoint.tenant {
        let name = HeaderName::from_static("x-scope-orgid");
        headers.insert(name.clone(), secret::header_value(&name, &SecretString::from(tenant.as_str()))?);
    }
    Ok(headers)
}

/// The first bytes of a body; what is lost of an error's text is only text.
async fn head(mut response: Response, max: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(max - body.len())]);
        if body.len() >= max {
            break;
        }
    }
    body
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
