//! Alertmanager's API v2, reading only.

mod wire;

use super::{
    http::{Endpoint, HttpClient, Observer, Request},
    json,
};
use crate::model::{alert::Silence, backend::SourceError};

pub use wire::{RoutedAlert, Status};

/// The client of an Alertmanager.
pub struct Alertmanager {
    http: HttpClient,
}

impl Alertmanager {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        Ok(Self { http: HttpClient::new(endpoint, observer)? })
    }

    /// The HTTP client: its address, its clock.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// All alerts it holds, silenced and inhibited ones included, each fingerprint once.
    ///
    /// # Errors
    /// As any request.
    pub async fn alerts(&self) -> Result<Vec<RoutedAlert>, SourceError> {
        let answer = self.http.send(Request::get("/api/v2/alerts")).await?;
        Ok(wire::alerts(json::decode(self.http.backend(), "alerts", &answer.body)?))
    }

    /// All silences it remembers, expired ones included.
    ///
    /// # Errors
    /// As any request.
    pub async fn silences(&self) -> Result<Vec<Silence>, SourceError> {
        let answer = self.http.send(Request::get("/api/v2/silences")).await?;
        Ok(wire::silences(json::decode(self.http.backend(), "silences", &answer.body)?))
    }

    /// Its version and cluster.
    ///
    /// # Errors
    /// As any request.
    pub async fn status(&self) -> Result<Status, SourceError> {
        let answer = self.http.send(Request::get("/api/v2/status")).await?;
        Ok(wire::status(json::decode(self.http.backend(), "status", &answer.body)?))
    }
}

#[cfg(test)]
mod tests;
