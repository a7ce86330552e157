//! Alertmanager's API v2.

mod several;
mod silence_wire;
mod wire;
mod write;

use super::{
    http::{Endpoint, HttpClient, Observer, Request},
    json,
};
use crate::model::{backend::SourceError, silence::Silence};

pub use several::{Alertmanagers, observers};
pub use wire::{RoutedAlert, Status};
pub use write::Lost;

/// The client of an Alertmanager.
pub struct Alertmanager {
    http: HttpClient,
    /// When the silences are read after something was written.
    patience: &'static write::Patience,
}

impl Alertmanager {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        Ok(Self { http: HttpClient::new(endpoint, observer)?, patience: &write::PATIENCE })
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
        let (now, told) = (self.http.now(), json::decode::<Vec<_>>(self.http.backend(), "silences", &answer.body)?);
        Ok(told.into_iter().map(|s| silence_wire::silence(s, now)).collect())
    }

    /// One silence.
    ///
    /// # Errors
    /// As any request.
    pub async fn silence(&self, id: &str) -> Result<Silence, SourceError> {
        let answer = self.http.send(Request::get(write::path(id)).thing()).await?;
        Ok(silence_wire::silence(json::decode(self.http.backend(), "silence", &answer.body)?, self.http.now()))
    }

    /// Whether it answers, which the observer hears. The names of its receivers are little where its status holds the whole
    /// configuration, and unlike `/-/healthy` they are behind the same gateway and password as all that it is asked. A gateway
    /// that has no such path (Grafana's own API) has answered, too.
    pub async fn answers(&self) -> bool {
        match self.http.send(Request::get("/api/v2/receivers")).await {
            Ok(_) => true,
            Err(error) => error.is_of_the_question(false),
        }
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
