//! Writing silences: once, read back, and looked up where the answer was lost.
//!
//! A write is never repeated by the HTTP client. When no answer comes, the server may have taken it, may take it yet, or
//! never saw it: its silences are read until it is found there or enough time has passed, and only then may the user send
//! it again, which looks once more before.

use std::time::Duration;

use super::{
    Alertmanager,
    silence_wire::{self, Posted},
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        silence::{NewSilence, SentSilence, Silence, SilenceChange, SilenceOutcome, SilenceState},
    },
    source::{
        http::{Request, Unsent},
        json,
    },
};

/// When the silences are read after an answer was lost: a slow server takes its time.
pub(super) const LOOKS: [Duration; 5] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// When what was written is read back: behind a load balancer the next peer may have to hear of it first.
const READS: [Duration; 4] = [Duration::ZERO, Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

/// Is told of an answer that was lost.
pub type Lost<'a> = &'a (dyn Fn(&SourceError) + Sync);

impl Alertmanager {
    /// Does a change. `lost` is told when no answer came and the silence is being looked for.
    pub async fn change(&self, change: SilenceChange, lost: Lost<'_>) -> SilenceOutcome {
        match change {
            SilenceChange::Create(new) => self.create(new, lost).await,
            SilenceChange::CreateAgain(sent) => self.create_again(sent, lost).await,
            SilenceChange::Expire(id) => self.expire(id).await,
        }
    }

    async fn create(&self, new: NewSilence, lost: Lost<'_>) -> SilenceOutcome {
        self.post(new.resolve(self.http.now()), lost).await
    }

    /// What an earlier try may have brought about is looked for before and after: one that was under way all the time.
    async fn create_again(&self, sent: SentSilence, lost: Lost<'_>) -> SilenceOutcome {
        match self.find(&sent).await {
            Ok(Some(silence)) => return done(&sent, silence, true),
            Ok(None) => {}
            Err(error) => return SilenceOutcome::Unknown { sent, error },
        }
        let mut outcome = self.post(sent.clone(), lost).await;
        if let SilenceOutcome::Done { silence, twins, .. } = &mut outcome {
            *twins = self.expire_twins(&sent, &silence.id).await;
        }
        outcome
    }

    /// Two silences of one wish: the other one is expired. What fails here is seen in the list of silences.
    async fn expire_twins(&self, sent: &SentSilence, own: &str) -> Vec<String> {
        let Ok(silences) = self.silences().await else { return Vec::new() };
        let mut expired = Vec::new();
        for twin in silences.into_iter().filter(|s| s.id != own && sent.became(s)) {
            if self.http.send(Request::delete(path(&twin.id))).await.is_ok() {
                expired.push(twin.id);
            }
        }
        expired
    }

    async fn post(&self, sent: SentSilence, lost: Lost<'_>) -> SilenceOutcome {
        let bug = |e: serde_json::Error| self.http.error(ErrorKind::Bug, format!("no JSON of the silence: {e}"));
        let body = match silence_wire::posted(&sent) {
            Ok(body) => body,
            Err(e) => return SilenceOutcome::Refused(bug(e)),
        };
        let answer = self.http.send_once(Request::json("/api/v2/silences", body)).await;
        let posted = answer.and_then(|answer| {
            json::decode::<Posted>(self.http.backend(), "the new silence", &answer.body).map_err(|error| Unsent { error, taken: true })
        });
        match posted {
            Ok(Posted { id }) => match self.read_back(&id).await {
                Ok(silence) => done(&sent, silence, false),
                Err(error) => SilenceOutcome::Unread { id, error },
            },
            Err(Unsent { error, taken: false }) => SilenceOutcome::Refused(error),
            Err(Unsent { error, taken: true }) => {
                lost(&error);
                self.look_up(sent, error).await
            }
        }
    }

    async fn read_back(&self, id: &str) -> Result<Silence, SourceError> {
        let mut last = None;
        for wait in READS {
            tokio::time::sleep(wait).await;
            match self.silence(id).await {
                Ok(silence) => return Ok(silence),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| self.http.error(ErrorKind::Bug, "the silence was not read back")))
    }

    async fn look_up(&self, sent: SentSilence, error: SourceError) -> SilenceOutcome {
        let mut failed = None;
        for wait in self.looks {
            tokio::time::sleep(*wait).await;
            match self.find(&sent).await {
                Ok(Some(silence)) => return done(&sent, silence, true),
                Ok(None) => failed = None,
                Err(e) => failed = Some(e),
            }
        }
        match failed {
            None => SilenceOutcome::Lost { sent, error },
            Some(error) => SilenceOutcome::Unknown { sent, error },
        }
    }

    async fn find(&self, sent: &SentSilence) -> Result<Option<Silence>, SourceError> {
        Ok(self.silences().await?.into_iter().find(|s| sent.became(s)))
    }

    /// Expiring twice is expiring once: a lost answer needs only a look at the silence.
    async fn expire(&self, id: String) -> SilenceOutcome {
        let answer = self.http.send_once(Request::delete(path(&id)).thing()).await;
        let refused = match answer {
            Err(Unsent { error, taken: false }) => return SilenceOutcome::Refused(error),
            answer => answer.err(),
        };
        match (self.read_back(&id).await, refused) {
            (Ok(silence), refused) if silence.state == SilenceState::Expired => {
                SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: refused.is_some(), twins: Vec::new() }
            }
            (Ok(_), refused) => SilenceOutcome::Refused(
                refused.map_or_else(|| self.http.error(ErrorKind::Decode, "took the request, but the silence is not over"), |r| r.error),
            ),
            (Err(_), Some(refused)) => SilenceOutcome::Refused(refused.error),
            (Err(error), None) => SilenceOutcome::Unread { id, error },
        }
    }
}

fn done(sent: &SentSilence, silence: Silence, looked_up: bool) -> SilenceOutcome {
    SilenceOutcome::Done { differences: sent.differences(&silence), silence, looked_up, twins: Vec::new() }
}

pub(super) fn path(id: &str) -> String {
    // Ids are UUIDs; what a hostile server calls one must not become another path.
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/api/v2/silence/{id}")
}

#[cfg(test)]
mod tests;
