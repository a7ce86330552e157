//! Several Alertmanagers as one: each alert in one row with what each of them does about it, each silence once.

use std::{collections::HashMap, sync::Arc};

use compact_str::CompactString;

use super::{
    alert::{Alert, Holder, Routing},
    alert_book::AlertmanagerAlerts,
    backend::SourceError,
    labels::Labels,
    silence::Silence,
    time::Timestamp,
};

/// One of several Alertmanagers, as it answered last.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What it is called.
    pub name: CompactString,
    /// Those with the same number gossip: a silence of one is a silence of all of them.
    pub cluster: usize,
    /// Since when it does not answer, and why. What it told before is still there.
    pub failed: Option<(Timestamp, SourceError)>,
}

/// What one of several told last.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is called.
    pub name: CompactString,
    /// Names of all in its cluster, itself included; a name that two have in common: they gossip.
    pub peers: Vec<String>,
    /// What it told; `None`: nothing yet.
    pub told: Option<Arc<AlertmanagerAlerts>>,
    /// Since when it does not answer, and why.
    pub failed: Option<(Timestamp, SourceError)>,
}

/// All that several told, in the order of the configuration. What one told that does not answer any more is left out where
/// another one of its cluster does: that one knows better.
pub fn together(parts: &[Part]) -> AlertmanagerAlerts {
    let members = members(parts);
    let spoken_for = |m: &Member| m.failed.is_some() && members.iter().any(|other| other.cluster == m.cluster && other.failed.is_none());
    let speaking: Vec<&Part> = parts.iter().zip(&members).filter(|(_, m)| !spoken_for(m)).map(|(part, _)| part).collect();
    let mut out = AlertmanagerAlerts { members, ..AlertmanagerAlerts::default() };
    let mut alerts: HashMap<Labels, usize> = HashMap::new();
    let mut silences: HashMap<String, usize> = HashMap::new();
    for (part, told) in speaking.into_iter().filter_map(|p| Some((p, p.told.as_ref()?))) {
        for alert in &told.alerts {
            let alert = held_by(part, alert);
            match alerts.get(&alert.labels) {
                Some(place) => join(&mut out.alerts[*place], &alert),
                None => {
                    alerts.insert(alert.labels.clone(), out.alerts.len());
                    out.alerts.push(alert);
                }
            }
        }
        for silence in &told.silences {
            let own = Silence { at: vec![part.name.clone()], ..silence.clone() };
            match silences.get(&silence.id) {
                Some(place) => join_silence(&mut out.silences[*place], own),
                None => {
                    silences.insert(silence.id.clone(), out.silences.len());
                    out.silences.push(own);
                }
            }
        }
    }
    out
}

/// Those that have a peer in common are one cluster, by the number of its first.
fn members(parts: &[Part]) -> Vec<Member> {
    let mut clusters: Vec<usize> = (0..parts.len()).collect();
    let gossip = |a: &Part, b: &Part| a.peers.iter().any(|name| !name.is_empty() && b.peers.contains(name));
    for (i, part) in parts.iter().enumerate() {
        for j in (0..i).filter(|j| gossip(part, &parts[*j])) {
            let (kept, gone) = (clusters[i].min(clusters[j]), clusters[i].max(clusters[j]));
            clusters.iter_mut().filter(|c| **c == gone).for_each(|c| *c = kept);
        }
    }
    let member = |(part, cluster): (&Part, usize)| Member { name: part.name.clone(), cluster, failed: part.failed.clone() };
    parts.iter().zip(clusters).map(member).collect()
}

fn held_by(part: &Part, alert: &Alert) -> Alert {
    let routing = alert.routing.clone().unwrap_or_default();
    let holder = Holder {
        name: part.name.clone(),
        silenced_by: routing.silenced_by.clone(),
        inhibited_by: routing.inhibited_by.clone(),
        unanswered: part.failed.as_ref().map(|(since, _)| *since),
    };
    Alert { routing: Some(Routing { holders: vec![holder], ..routing }), ..alert.clone() }
}

/// The same alert of another one: it began when the first was told of it.
fn join(alert: &mut Alert, other: &Alert) {
    alert.since = alert.since.min(other.since);
    alert.generator_url = alert.generator_url.take().or_else(|| other.generator_url.clone());
    if let (Some(routing), Some(theirs)) = (&mut alert.routing, &other.routing) {
        routing.join(theirs);
    }
}

/// The same silence of another one, which may not have heard of its last change.
fn join_silence(silence: &mut Silence, mut other: Silence) {
    if other.updated_at > silence.updated_at {
        std::mem::swap(silence, &mut other);
        std::mem::swap(&mut silence.at, &mut other.at);
    }
    silence.at.extend(other.at);
}

impl AlertmanagerAlerts {
    /// Those that gossip, apart by cluster; none where there is only one Alertmanager.
    pub fn clusters(&self) -> Vec<Vec<&Member>> {
        let mut out: Vec<Vec<&Member>> = Vec::new();
        for member in &self.members {
            match out.iter_mut().find(|c| c[0].cluster == member.cluster) {
                Some(cluster) => cluster.push(member),
                None => out.push(vec![member]),
            }
        }
        out
    }

    /// Whether what no one holds is held by none: of each cluster one answers, and Prometheus sends to all.
    pub fn is_complete(&self) -> bool {
        self.clusters().iter().all(|cluster| cluster.iter().any(|m| m.failed.is_none()))
    }

    /// Since when some of several do not answer, and why.
    pub fn failed(&self) -> impl Iterator<Item = (Timestamp, &SourceError)> {
        self.members.iter().filter_map(|m| m.failed.as_ref().map(|(since, error)| (*since, error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        alert::AlertState,
        alert_book::{Told, merge},
        backend::{Backend, ErrorKind},
        silence::SilenceState,
    };

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn alert(name: &str, silenced_by: &[&str], since: i64) -> Alert {
        let silenced_by = silenced_by.iter().map(|s| (*s).to_owned()).collect();
        let routing = Routing { silenced_by, fingerprints: vec![name.to_owned()], ..Routing::default() };
        let labels = [("alertname", name)].into_iter().collect();
        Alert { routing: Some(routing), ..Alert::new(labels, AlertState::Firing, Timestamp::from_secs(since)) }
    }

    fn part(name: &str, peers: &[&str], alerts: Vec<Alert>, silences: Vec<Silence>) -> Part {
        let told = AlertmanagerAlerts { alerts, silences, ..AlertmanagerAlerts::default() };
        let peers = peers.iter().map(|p| (*p).to_owned()).collect();
        Part { name: name.into(), peers, told: Some(Arc::new(told)), failed: None }
    }

    fn failed(part: Part, since: i64) -> Part {
        let error = SourceError::new(Backend::Alertmanager, ErrorKind::Unreachable, "refused");
        Part { failed: Some((Timestamp::from_secs(since), error)), ..part }
    }

    fn states(told: &AlertmanagerAlerts) -> Vec<(String, AlertState)> {
        let book = merge(&Told { alertmanager: Some(told), now: NOW, ..Told::default() });
        book.alerts.iter().map(|a| (a.name().to_owned(), a.state)).collect()
    }

    fn row(name: &str, state: AlertState) -> (String, AlertState) {
        (name.to_owned(), state)
    }

    #[test]
    fn an_alert_of_several_is_one_row_and_silenced_only_where_all_silence_it() {
        let told = together(&[
            part("eu", &[], vec![alert("A", &["s1"], 200), alert("B", &["s2"], 200)], vec![]),
            part("us", &[], vec![alert("A", &[], 100), alert("B", &["s3"], 200), alert("C", &[], 200)], vec![]),
        ]);
        assert_eq!(states(&told), [row("C", AlertState::Firing), row("A", AlertState::Firing), row("B", AlertState::Silenced)]);
        let a = &told.alerts[0];
        assert_eq!(a.since, Timestamp::from_secs(100));
        let routing = a.routing.as_ref().unwrap();
        assert_eq!(routing.silences(), ["s1"], "a silence of one is known, although another one tells it");
        assert!(routing.is_at(&["us".into()]) && !told.alerts[2].routing.as_ref().unwrap().is_at(&["eu".into()]));
    }

    #[test]
    fn a_silence_that_several_have_is_one_as_it_was_changed_last() {
        let silence =
            |updated, state| Silence { id: "s".to_owned(), updated_at: Timestamp::from_secs(updated), state, ..Silence::default() };
        let told = together(&[
            part("a", &["p", "q"], vec![], vec![silence(10, SilenceState::Active)]),
            part("b", &["q", "p"], vec![], vec![silence(20, SilenceState::Expired)]),
        ]);
        assert_eq!((told.silences.len(), told.silences[0].state), (1, SilenceState::Expired));
        assert_eq!(told.silences[0].at.len(), 2);
    }

    #[test]
    fn those_that_gossip_are_one_cluster_whoever_of_them_knows_whom() {
        let told = together(&[
            part("a", &["p"], vec![], vec![]),
            part("other", &["x"], vec![], vec![]),
            part("b", &["q"], vec![], vec![]),
            part("c", &["p", "q"], vec![], vec![]),
            part("alone", &[], vec![], vec![]),
            part("unnamed", &[""], vec![], vec![]),
            part("unnamed too", &[""], vec![], vec![]),
        ]);
        let names = |c: &Vec<&Member>| c.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(" ");
        assert_eq!(told.clusters().iter().map(names).collect::<Vec<_>>(), ["a b c", "other", "alone", "unnamed", "unnamed too"]);
    }

    #[test]
    fn what_one_told_that_does_not_answer_any_more_stays_and_becomes_stale() {
        let eu = part("eu", &[], vec![alert("A", &[], 100), alert("B", &[], 100)], vec![]);
        let us = part("us", &[], vec![alert("B", &[], 100)], vec![]);
        let told = together(&[failed(eu.clone(), 970), us.clone()]);
        assert_eq!(states(&told), [row("A", AlertState::Firing), row("B", AlertState::Firing)], "one failed refresh is no doubt");
        let told = together(&[failed(eu, 900), us]);
        assert_eq!(states(&told), [row("B", AlertState::Firing), row("A", AlertState::Stale)]);
        assert!(!told.is_complete() && told.failed().count() == 1);
    }

    #[test]
    fn who_answers_of_a_cluster_speaks_for_it() {
        let (a, b) = (part("a", &["p", "q"], vec![], vec![]), part("b", &["p", "q"], vec![], vec![]));
        assert!(together(&[a.clone(), failed(b.clone(), 900)]).is_complete());
        assert!(!together(&[failed(a, 900), failed(b, 900)]).is_complete());
    }

    #[test]
    fn what_a_replica_told_before_it_went_away_does_not_contradict_the_one_that_answers() {
        let active = Silence { id: "s".to_owned(), state: SilenceState::Active, ..Silence::default() };
        let expired = Silence { state: SilenceState::Expired, ..active.clone() };
        let a = part("a", &["p", "q"], vec![alert("Silenced", &[], 100), alert("Ended", &[], 100)], vec![active]);
        let b = part("b", &["p", "q"], vec![alert("Silenced", &["s2"], 100)], vec![expired]);
        let told = together(&[failed(a.clone(), 999), b]);
        assert_eq!(states(&told), [row("Silenced", AlertState::Silenced)]);
        assert_eq!(told.silences[0].state, SilenceState::Expired);
        let both_away = together(&[failed(a, 999), failed(part("b", &["p", "q"], vec![], vec![]), 999)]);
        assert_eq!(both_away.alerts.len(), 2, "where no one of them answers, all they told is kept");
    }
}
