//! Why there was no answer, in the reader's words.

use std::time::Duration;

use reqwest::StatusCode;
use url::Url;

use super::{
    CONNECT, HttpClient, Request, error_text,
    error_text::{cannot_be_read, is_beyond_a_limit, is_query_timeout},
    limit::hold_off,
    tls,
};
use crate::model::backend::{ErrorKind, SourceError};

impl HttpClient {
    pub(super) fn status_error(&self, request: &Request, status: u16, wish: Option<Duration>, body: &[u8]) -> SourceError {
        let kind = match status {
            400 if is_beyond_a_limit(body) => ErrorKind::Refused,
            400 => ErrorKind::BadQuery,
            422 if cannot_be_read(body) => ErrorKind::BadQuery,
            422 => ErrorKind::Refused,
            401 | 403 => ErrorKind::Unauthorized(status),
            404 | 410 => request.missing.clone(),
            429 => ErrorKind::RateLimited(hold_off(wish)),
            503 if is_query_timeout(body) => ErrorKind::Timeout(self.endpoint.timeout),
            other => ErrorKind::Server(other),
        };
        let text = error_text(body);
        let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("no reason given");
        let message = match (&kind, text.is_empty()) {
            (ErrorKind::BadQuery | ErrorKind::Refused, false) => text,
            (_, false) => format!("answered {status}: {text}"),
            (_, true) => format!("answered {status} ({reason}) to {}", request.path),
        };
        self.error(kind, message)
    }

    pub(super) fn timed_out(&self) -> SourceError {
        let limit = self.endpoint.timeout;
        self.error(ErrorKind::Timeout(limit), format!("no complete answer within {limit:?}"))
    }

    pub(super) fn unreachable(&self, e: &reqwest::Error) -> SourceError {
        let at = authority(&self.endpoint.base);
        if let Some(error) = self.tls_error(e) {
            return error;
        }
        let message = if e.is_timeout() {
            format!("no connection to {at} within {CONNECT:?}")
        } else if e.is_connect() {
            format!("connect to {at}: {}", innermost(e))
        } else {
            format!("the connection to {at} was lost: {}", innermost(e))
        };
        self.error(ErrorKind::Unreachable, message)
    }

    /// Why TLS failed, when that is what an error is about.
    pub fn tls_error(&self, e: &(dyn std::error::Error + 'static)) -> Option<SourceError> {
        let (fault, words) = tls::fault(e)?;
        Some(self.error(ErrorKind::Tls(fault), format!("TLS with {}: {words}", authority(&self.endpoint.base))))
    }
}

/// 2xx never comes here; what the retry cannot change is not retried. A backend that limits us is asked again at once only
/// when it says when.
pub(super) fn retryable(e: &SourceError, wish: Option<Duration>) -> bool {
    match e.kind {
        ErrorKind::Unreachable | ErrorKind::Server(502..=504) => true,
        ErrorKind::RateLimited(_) => wish.is_some(),
        _ => false,
    }
}

/// The error at the bottom, which says what happened: "Connection refused (os error 111)".
pub fn innermost(e: &dyn std::error::Error) -> String {
    let mut e = e;
    while let Some(source) = e.source() {
        e = source;
    }
    e.to_string()
}

/// Host and port.
pub(super) fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0))
}
