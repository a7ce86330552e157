//! Loki's ruler, which speaks as Prometheus' does. Not every Loki has one, and not everyone may ask it.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

use super::Loki;
use crate::{
    model::{
        alert::Engine,
        backend::{ErrorKind, SourceError},
    },
    source::{
        http::Request,
        prometheus::{RuleGroups, Rules, rules},
    },
};

/// How long one that was not there is not asked for.
const ABSENT: Duration = Duration::from_secs(600);

/// Until when the ruler is not asked for: it was not there.
#[derive(Default)]
pub(super) struct Absence(Mutex<Option<Instant>>);

impl Absence {
    fn holds(&self) -> bool {
        self.0.lock().is_ok_and(|until| until.is_some_and(|until| Instant::now() < until))
    }

    fn note(&self) {
        if let Ok(mut until) = self.0.lock() {
            *until = Some(Instant::now() + ABSENT);
        }
    }
}

impl Loki {
    /// Alerting rules of its ruler and the alerts of each; `None`: there is no ruler for us. That says nothing of Loki's health.
    ///
    /// # Errors
    /// A ruler that is there and does not answer.
    pub async fn rules(&self) -> Result<Option<Rules>, SourceError> {
        if self.ruler.holds() {
            return Ok(None);
        }
        let request = Request::get("/prometheus/api/v1/rules").param("type", "alert").aside();
        match self.data::<RuleGroups>("rules", request).await {
            Ok(told) => Ok(Some(rules(told, Engine::Loki))),
            Err(error) if is_absent(&error) => {
                self.ruler.note();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A proxy that knows no such path answers with its page, and a tenant may not be allowed to read rules.
fn is_absent(error: &SourceError) -> bool {
    match error.kind {
        ErrorKind::NotSupported | ErrorKind::BadQuery | ErrorKind::Unauthorized(_) | ErrorKind::Server(405 | 501) => true,
        ErrorKind::Decode => error.message.contains("is HTML"),
        _ => false,
    }
}
