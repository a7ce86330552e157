//! What a WebSocket client needs of the same backend: address, headers, trust, credentials.

use std::sync::Arc;

use reqwest::header::{ACCEPT, HeaderMap};

use super::{HttpClient, Request, failure::innermost, limit::hold_off, secret::Identity};
use crate::model::backend::{ErrorKind, SourceError};

/// What a WebSocket client needs to connect.
pub struct WebSocketRequest {
    /// `ws://` or `wss://`.
    pub url: String,
    /// Headers, secrets among them.
    pub headers: HeaderMap,
    /// The same trust as for HTTP.
    pub tls: Arc<rustls::ClientConfig>,
    /// Path and parameters for the log, without secrets.
    pub shown: String,
    /// Whose credentials are among the headers.
    identity: Arc<Identity>,
}

impl HttpClient {
    /// The WebSocket handshake's request with the same address, headers and credentials as any other.
    ///
    /// # Errors
    /// The secret cannot be read, the address is no URL for a WebSocket, or the backend limits us.
    pub async fn websocket(&self, request: &Request) -> Result<WebSocketRequest, SourceError> {
        self.not_limited()?;
        let identity = self.credentials.get().await.map_err(|e| self.error(ErrorKind::Secret, e))?;
        let mut built = self
            .build(request, &identity, self.url(&request.path))
            .build()
            .map_err(|e| self.error(ErrorKind::Bug, format!("no request: {}", innermost(&e))))?;
        let scheme = if built.url().scheme() == "https" { "wss" } else { "ws" };
        let url = built.url().as_str().replacen(built.url().scheme(), scheme, 1);
        let shown = format!("{}{}", self.url(&request.path).path(), request.shown_query());
        built.headers_mut().remove(ACCEPT);
        Ok(WebSocketRequest { url, headers: built.headers().clone(), tls: self.tls.clone(), shown, identity })
    }

    /// Whether there are other credentials after a handshake was answered 401: the secret is read again, unless another
    /// request did so meanwhile.
    pub async fn renew_credentials(&self, refused: &WebSocketRequest) -> bool {
        self.credentials.renewable() && matches!(self.credentials.renew(&refused.identity).await, Ok(Some(_)))
    }

    /// Takes note of a handshake that was answered 429: the backend limits us.
    pub fn limited_by(&self, headers: &HeaderMap, message: impl Into<String>) -> SourceError {
        let error = self.error(ErrorKind::RateLimited(hold_off(self.wish(headers))), message);
        self.tell_failure(&error);
        error
    }
}
