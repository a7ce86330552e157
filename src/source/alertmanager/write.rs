//! Writing silences: once, read back, and looked up where the answer was lost.
//!
//! A write is never repeated by the HTTP client. When no answer comes, the server may have taken it, may take it yet, or
//! never saw it: its silences are read until it is found there or enough time has passed, and only then may the user send
//! it again, which looks once more before.
//!
//! Behind a load balancer each request may reach another replica, and a replica hears of a silence some time after the one
//! that took it. So no single look is believed when it does not show what was written: neither that a silence is not
//! there, nor that it is still as it was.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    Alertmanager,
    silence_wire::{self, Posted},
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        silence::{NewSilence, SentSilence, Silence, SilenceChange, SilenceOutcome, SilenceState, Twins, Unseen},
    },
    source::{
        http::{Request, Unsent},
        json,
    },
};

/// When the silences are read, each time so long after the one before.
pub(super) struct Patience {
    /// After an answer was lost: a slow server takes its time.
    pub lost: &'static [Duration],
    /// After a write was taken: replicas hear of it within a second or two, or after the next exchange of all they know.
    pub taken: &'static [Duration],
    /// Around a write that is sent again: for what an earlier try brought about.
    pub again: &'static [Duration],
}

/// As long as a person waits.
pub(super) const PATIENCE: Patience =
    Patience { lost: &[millis(0), millis(1000), millis(2000), millis(4000), millis(8000)], taken: &TAKEN, again: &AGAIN };
const TAKEN: [Duration; 6] = [millis(0), millis(250), millis(500), millis(1000), millis(2000), millis(4000)];
const AGAIN: [Duration; 3] = [millis(0), millis(500), millis(1500)];

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Is told of an answer that was lost.
pub type Lost<'a> = &'a (dyn Fn(&SourceError) + Sync);

/// What a silence was last seen to be, where it was never what it should be.
enum Seen {
    Otherwise(Silence),
    Failed(SourceError),
}

impl Alertmanager {
    /// Does a change. `lost` is told when no answer came and the silence is being looked for.
    pub async fn change(&self, change: SilenceChange, lost: Lost<'_>) -> SilenceOutcome {
        self.change_among(&[], change, lost).await
    }

    /// The same for one of some that gossip: `peers` may have heard of a silence from one that is gone since.
    pub(super) async fn change_among(&self, peers: &[&Self], change: SilenceChange, lost: Lost<'_>) -> SilenceOutcome {
        match change {
            SilenceChange::Create(new) => self.create(peers, new, lost).await,
            SilenceChange::CreateAgain(sent) => self.create_again(peers, sent, lost).await,
            SilenceChange::Expire(id) => self.expire(id, lost).await,
        }
    }

    async fn create(&self, peers: &[&Self], new: NewSilence, lost: Lost<'_>) -> SilenceOutcome {
        self.post(peers, new.resolve(self.http.now()), lost).await
    }

    /// What an earlier try may have brought about is looked for before and after: one that was under way all the time.
    async fn create_again(&self, peers: &[&Self], sent: SentSilence, lost: Lost<'_>) -> SilenceOutcome {
        match self.find(peers, &sent, self.patience.again).await {
            Ok(Some(silence)) => return done(&sent, silence, true),
            Ok(None) => {}
            Err(error) => return SilenceOutcome::Unknown { sent, error },
        }
        let mut outcome = self.post(peers, sent.clone(), lost).await;
        let own = match &outcome {
            SilenceOutcome::Done { silence, .. } => Some(silence.id.clone()),
            SilenceOutcome::Taken { id, .. } => Some(id.clone()),
            _ => None,
        };
        if let (Some(own), SilenceOutcome::Done { twins, .. } | SilenceOutcome::Taken { twins, .. }) = (own, &mut outcome) {
            **twins = self.expire_twins(&sent, &own).await;
        }
        outcome
    }

    /// Two silences of one wish: the other one is expired.
    async fn expire_twins(&self, sent: &SentSilence, own: &str) -> Twins {
        let mut twins = Twins::default();
        for wait in self.patience.again {
            tokio::time::sleep(*wait).await;
            let silences = match self.silences().await {
                Ok(silences) => silences,
                Err(error) => {
                    twins.unread = Some(error);
                    continue;
                }
            };
            twins.unread = None;
            for twin in silences.into_iter().filter(|s| s.id != own && sent.became(s)) {
                // A replica that has not heard of its end shows it a while longer.
                if !twins.expired.contains(&twin.id) {
                    self.expire_twin(twin.id, &mut twins).await;
                }
            }
        }
        twins
    }

    async fn expire_twin(&self, id: String, twins: &mut Twins) {
        twins.left.retain(|(left, _)| *left != id);
        match self.http.send(Request::delete(path(&id)).thing()).await {
            Ok(_) => twins.expired.push(id),
            Err(error) => twins.left.push((id, error)),
        }
    }

    async fn post(&self, peers: &[&Self], sent: SentSilence, lost: Lost<'_>) -> SilenceOutcome {
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
            Ok(Posted { id }) => self.read_back(&sent, id).await,
            Err(Unsent { error, taken: false }) => SilenceOutcome::Refused(error),
            Err(Unsent { error, taken: true }) => {
                lost(&error);
                self.look_up(peers, sent, error).await
            }
        }
    }

    /// Under a new id there is nothing else than what was written; one that was changed may be shown as it was.
    async fn read_back(&self, sent: &SentSilence, id: String) -> SilenceOutcome {
        let is_changed = sent.wish.id.as_ref() == Some(&id);
        let unseen = match self.read_until(&id, self.patience.taken, |s| !is_changed || sent.became(s)).await {
            Ok(silence) => return done(sent, silence, false),
            Err(Seen::Failed(error)) if error.kind == ErrorKind::NotFound => Unseen::Absent,
            Err(Seen::Failed(error)) => Unseen::Unread(error),
            Err(Seen::Otherwise(silence)) => Unseen::Older(sent.differences(&silence)),
        };
        SilenceOutcome::Taken { id, unseen, twins: Box::default() }
    }

    /// Reads a silence until it is as it should be.
    async fn read_until(&self, id: &str, waits: &[Duration], is_so: impl Fn(&Silence) -> bool + Send) -> Result<Silence, Seen> {
        let mut last = Seen::Failed(self.http.error(ErrorKind::Bug, "the silence was not read back"));
        for wait in waits {
            tokio::time::sleep(*wait).await;
            last = match self.silence(id).await {
                Ok(silence) if is_so(&silence) => return Ok(silence),
                Ok(silence) => Seen::Otherwise(silence),
                Err(error) => Seen::Failed(error),
            };
        }
        Err(last)
    }

    async fn look_up(&self, peers: &[&Self], sent: SentSilence, error: SourceError) -> SilenceOutcome {
        match self.find(peers, &sent, self.patience.lost).await {
            Ok(Some(silence)) => done(&sent, silence, true),
            Ok(None) => SilenceOutcome::Lost { sent, error },
            Err(error) => SilenceOutcome::Unknown { sent, error },
        }
    }

    /// What a wish became, looked for each time. That it is nowhere is what the last look says.
    async fn find(&self, peers: &[&Self], sent: &SentSilence, waits: &[Duration]) -> Result<Option<Silence>, SourceError> {
        let mut last = Ok(None);
        for wait in waits {
            tokio::time::sleep(*wait).await;
            last = self.look(peers, sent).await;
            if matches!(last, Ok(Some(_))) {
                break;
            }
        }
        last
    }

    /// That it is nowhere is known only where all answer.
    async fn look(&self, peers: &[&Self], sent: &SentSilence) -> Result<Option<Silence>, SourceError> {
        let (mut found, mut failed) = (None, None);
        for answer in join_all(std::iter::once(&self).chain(peers).map(|one| one.silences())).await {
            match answer {
                Ok(silences) => found = found.or_else(|| silences.into_iter().find(|s| sent.became(s))),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (found, failed) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// Expiring twice is expiring once: a lost answer needs only a look at the silence.
    async fn expire(&self, id: String, lost: Lost<'_>) -> SilenceOutcome {
        let unanswered = match self.http.send_once(Request::delete(path(&id)).thing()).await {
            Err(Unsent { error, taken: false }) => return SilenceOutcome::Refused(error),
            answer => answer.err().map(|unsent| unsent.error),
        };
        unanswered.iter().for_each(lost);
        let waits = if unanswered.is_some() { self.patience.lost } else { self.patience.taken };
        let seen = self.read_until(&id, waits, |s| s.state == SilenceState::Expired).await;
        match (seen, unanswered) {
            (Ok(silence), unanswered) => {
                SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: unanswered.is_some(), twins: Box::default() }
            }
            (Err(seen), Some(error)) => {
                let state = if let Seen::Otherwise(silence) = seen { Some(silence.state) } else { None };
                SilenceOutcome::NotOver { id, state, error }
            }
            (Err(seen), None) => {
                let unseen = match seen {
                    Seen::Otherwise(silence) => Unseen::Older(vec![format!("it is {}", silence.state.as_str())]),
                    Seen::Failed(error) if error.kind == ErrorKind::NotFound => Unseen::Absent,
                    Seen::Failed(error) => Unseen::Unread(error),
                };
                SilenceOutcome::Taken { id, unseen, twins: Box::default() }
            }
        }
    }
}

fn done(sent: &SentSilence, silence: Silence, looked_up: bool) -> SilenceOutcome {
    SilenceOutcome::Done { differences: sent.differences(&silence), silence, looked_up, twins: Box::default() }
}

pub(super) fn path(id: &str) -> String {
    // Ids are UUIDs; what a hostile server calls one must not become another path.
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/api/v2/silence/{id}")
}

#[cfg(test)]
mod tests;
