//! The Alertmanagers of one environment: one, some that gossip, or some that know nothing of each other.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use compact_str::CompactString;
use futures_util::future::join_all;

use super::{Alertmanager, Lost};
use crate::{
    model::{
        alert_book::AlertmanagerAlerts,
        alertmanagers::{Part, together},
        backend::{ErrorKind, SourceError},
        silence::{SilenceChange, SilenceOutcome, Unseen},
        time::Timestamp,
    },
    source::{
        alerts::{self, Reading},
        http::Observer,
    },
};

/// All Alertmanagers of an environment, at least one.
pub struct Alertmanagers {
    members: Vec<Member>,
}

struct Member {
    name: CompactString,
    client: Alertmanager,
    last: Mutex<Last>,
}

/// What it told last: when it fails, that is still shown beside what the others tell.
#[derive(Default)]
struct Last {
    told: Option<Arc<AlertmanagerAlerts>>,
    peers: Vec<String>,
    peers_told_at: Option<Timestamp>,
    failed: Option<(Timestamp, SourceError)>,
    /// It failed, but has answered a probe since.
    is_back: bool,
}

/// How long one that failed last time, and has not answered a probe since, may hold up what the others tell.
const GRACE: Duration = Duration::from_secs(1);

/// How often each is asked whom it gossips with: the answer holds its whole configuration.
const PEERS: Duration = Duration::from_secs(60);

impl From<Alertmanager> for Alertmanagers {
    fn from(one: Alertmanager) -> Self {
        Self::new(vec![("".into(), one)])
    }
}

impl Alertmanagers {
    /// By their names, in the order in which they are asked.
    pub fn new(members: Vec<(CompactString, Alertmanager)>) -> Self {
        let member = |(name, client)| Member { name, client, last: Mutex::default() };
        Self { members: members.into_iter().map(member).collect() }
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = &Alertmanager> {
        self.members.iter().map(|m| &m.client)
    }

    /// Asks each whether it answers; the observers hear of it.
    pub async fn probe(&self) {
        join_all(self.members.iter().map(async |m| {
            let is_back = m.client.answers().await;
            m.last().is_back = is_back;
        }))
        .await;
    }

    /// What all of them know of alerts, each with what it told last where it fails.
    ///
    /// # Errors
    /// No one of them answers.
    pub async fn alerts(&self, how: Reading<'_>) -> Result<AlertmanagerAlerts, SourceError> {
        if let [one] = self.members.as_slice() {
            let (alerts, silences) = tokio::try_join!(one.client.alerts(), one.client.silences())?;
            return Ok(alerts::of_alertmanager(alerts, silences, how));
        }
        let parts = join_all(self.members.iter().map(|m| m.part(how))).await;
        let failed: Vec<&SourceError> = parts.iter().filter_map(|p| p.failed.as_ref().map(|(_, e)| e)).collect();
        match failed.first() {
            Some(first) if failed.len() == parts.len() => Err((*first).clone()),
            _ => Ok(together(&parts)),
        }
    }

    /// A change with its times fixed by the clock of the first that it is for.
    pub fn settled(&self, change: SilenceChange) -> SilenceChange {
        let is_meant = |m: &&Member| matches!(&change, SilenceChange::Create(new) if new.to.contains(&m.name));
        let by = self.members.iter().find(is_meant).unwrap_or(&self.members[0]);
        change.settled(by.client.http.now())
    }

    /// Does a change of a silence once: at one of those that it is for. `lost` is told when no answer came and the silence is
    /// being looked for.
    pub async fn change(&self, change: SilenceChange, lost: Lost<'_>) -> SilenceOutcome {
        if let [one] = self.members.as_slice() {
            return one.client.change(change, lost).await;
        }
        let to = match &change {
            SilenceChange::Create(new) => self.who_is_meant(new.id.as_deref(), &new.to).await,
            SilenceChange::CreateAgain(sent) => self.who_is_meant(sent.wish.id.as_deref(), &sent.wish.to).await,
            SilenceChange::Expire(id) => self.who_has(id).await,
        };
        match to {
            Ok(to) => self.change_at(&to, change, lost).await,
            Err(error) => SilenceOutcome::Refused(error),
        }
    }

    /// One after the other, until one is not sure to have done nothing. All of them gossip, so that one is enough.
    async fn change_at(&self, to: &[&Member], change: SilenceChange, lost: Lost<'_>) -> SilenceOutcome {
        let mut refused = None;
        for member in to {
            let peers: Vec<&Alertmanager> = to.iter().filter(|m| m.name != member.name).map(|m| &m.client).collect();
            let lost = |error: &SourceError| lost(&self.named(member, error.clone()));
            match member.client.change_among(&peers, change.clone(), &lost).await {
                // A peer would say the same of what is wrong in itself.
                SilenceOutcome::Refused(e) if !e.is_of_the_question(false) => {
                    refused.get_or_insert(self.named(member, e));
                }
                outcome => return self.told_by(member, outcome),
            }
        }
        let none = || self.members[0].client.http.error(ErrorKind::Bug, "there is no Alertmanager to write to");
        SilenceOutcome::Refused(refused.unwrap_or_else(none))
    }

    /// Those that a new silence is for, or those that have the one that is changed.
    async fn who_is_meant(&self, id: Option<&str>, names: &[CompactString]) -> Result<Vec<&Member>, SourceError> {
        match id {
            Some(id) => self.who_has(id).await,
            None => {
                let named: Vec<&Member> = names.iter().filter_map(|name| self.members.iter().find(|m| m.name == *name)).collect();
                // Nobody said which: that it is written to one of several that know nothing of each other is for the user to say.
                let unsaid = || {
                    let what = "none has told its alerts yet, so that it is not known which of them the silence belongs to";
                    self.members[0].client.http.error(ErrorKind::Unreachable, what)
                };
                if named.is_empty() { Err(unsaid()) } else { Ok(named) }
            }
        }
    }

    /// Those that have a silence. One that does not answer may have it too, but one is enough.
    async fn who_has(&self, id: &str) -> Result<Vec<&Member>, SourceError> {
        let asked = join_all(self.members.iter().map(|m| m.client.silence(id))).await;
        let (mut have, mut missing, mut failed) = (Vec::new(), None, None);
        for (member, answer) in self.members.iter().zip(asked) {
            match answer {
                Ok(_) => have.push(member),
                Err(e) if e.kind == ErrorKind::NotFound => drop(missing.get_or_insert(e)),
                Err(e) => drop(failed.get_or_insert_with(|| self.named(member, e))),
            }
        }
        match failed.or(missing) {
            Some(error) if have.is_empty() => Err(error),
            _ => Ok(have),
        }
    }

    fn named(&self, member: &Member, error: SourceError) -> SourceError {
        error.of(&member.name, self.members.len(), self.members.len())
    }

    /// An outcome with the name of who told it.
    fn told_by(&self, member: &Member, outcome: SilenceOutcome) -> SilenceOutcome {
        match outcome {
            SilenceOutcome::Done { mut silence, differences, looked_up, twins } => {
                silence.at = vec![member.name.clone()];
                SilenceOutcome::Done { silence, differences, looked_up, twins }
            }
            SilenceOutcome::Taken { id, unseen: Unseen::Unread(error), twins } => {
                SilenceOutcome::Taken { id, unseen: Unseen::Unread(self.named(member, error)), twins }
            }
            taken @ SilenceOutcome::Taken { .. } => taken,
            SilenceOutcome::NotOver { id, state, error } => SilenceOutcome::NotOver { id, state, error: self.named(member, error) },
            SilenceOutcome::Refused(error) => SilenceOutcome::Refused(self.named(member, error)),
            SilenceOutcome::Lost { sent, error } => SilenceOutcome::Lost { sent, error: self.named(member, error) },
            SilenceOutcome::Unknown { sent, error } => SilenceOutcome::Unknown { sent, error: self.named(member, error) },
        }
    }
}

impl Member {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn part(&self, how: Reading<'_>) -> Part {
        let asked = async { tokio::try_join!(self.client.alerts(), self.client.silences()) };
        let away = {
            let mut last = self.last();
            last.failed.clone().filter(|_| !std::mem::take(&mut last.is_back))
        };
        let answer = match away {
            Some((_, error)) => tokio::time::timeout(GRACE, asked).await.unwrap_or(Err(error)),
            None => asked.await,
        };
        if answer.is_ok() {
            self.read_peers().await;
        }
        let mut last = self.last();
        match answer {
            Ok((alerts, silences)) => {
                last.told = Some(Arc::new(alerts::of_alertmanager(alerts, silences, how)));
                last.failed = None;
            }
            Err(error) => {
                let since = last.failed.as_ref().map_or_else(|| self.client.http.clock().now(), |(since, _)| *since);
                last.failed = Some((since, error.of(&self.name, 1, 1)));
            }
        }
        Part { name: self.name.clone(), peers: last.peers.clone(), told: last.told.clone(), failed: last.failed.clone() }
    }

    /// Whom it gossips with tells where a silence works, and changes seldom. A gateway may not let the question through: then
    /// it is one that stands alone, as far as is known.
    async fn read_peers(&self) {
        let now = self.client.http.clock().now();
        if self.last().peers_told_at.is_some_and(|at| now.since(at) < PEERS) {
            return;
        }
        let status = self.client.status().await;
        let mut last = self.last();
        last.peers_told_at = Some(now);
        if let Ok(status) = status {
            last.peers = status.peers;
        }
    }
}

/// Observers of each of so many by their names, which make one health of all: it is bad as long as one of them fails.
pub fn observers(names: &[CompactString], outer: &Observer) -> Vec<Observer> {
    let failures: Arc<Mutex<Vec<Option<SourceError>>>> = Arc::new(Mutex::new(vec![None; names.len()]));
    let observer = |(i, name): (usize, &CompactString)| -> Observer {
        let (failures, outer, name) = (failures.clone(), outer.clone(), name.clone());
        let all = names.len();
        Arc::new(move |backend, result| {
            let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures[i] = result.err().map(|e| e.clone().of(&name, 1, all));
            let failing = failures.iter().flatten().count();
            // One that limits us is told of when it does so, or it would seem to do so again with each answer of another.
            let other = || failures.iter().flatten().find(|e| e.hold_off().is_none());
            match (failures[i].as_ref().or_else(other), result) {
                (Some(error), _) => outer(backend, Err(&error.clone().failing(failing))),
                (None, result) => outer(backend, result),
            }
        })
    };
    if names.len() == 1 { vec![outer.clone()] } else { names.iter().enumerate().map(observer).collect() }
}

#[cfg(test)]
mod tests;
