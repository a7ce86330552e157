//! Which of several Alertmanagers a silence is written to.

use compact_str::CompactString;

use crate::{
    model::{
        alert_book::AlertmanagerAlerts,
        alertmanagers::Member,
        silence::{MatcherSet, Silence},
    },
    ui::format,
};

/// One of those that know nothing of each other, or one of a cluster, which tells its peers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Target {
    /// Names of those that it may be written to, the best first; one of them gets it. Empty: there is only one.
    pub to: Vec<CompactString>,
    /// The same in words, where there is a choice.
    pub words: Option<String>,
    /// Who else has alerts that it hits and goes on telling them, and that who gets it does not answer.
    pub warnings: Vec<String>,
    /// The first name of the next choice.
    pub next: Option<CompactString>,
}

/// What one cluster has of the alerts that are hit.
#[derive(Clone, Copy, Default)]
struct Held {
    hits: usize,
    /// Of these, those that it tells.
    told: usize,
}

impl Target {
    /// Where the silence is that is changed, or what was chosen, or else who tells most of what it hits: written twice, it
    /// is everywhere.
    pub(super) fn of(told: &AlertmanagerAlerts, set: &MatcherSet, changed: Option<&Silence>, chosen: Option<&CompactString>) -> Self {
        let clusters = told.clusters();
        let held = held(told, &clusters, set);
        let has = |names: &[CompactString]| clusters.iter().position(|c| c.iter().any(|m| names.contains(&m.name)));
        let worth = |i: &usize| (answers(&clusters[*i]), held[*i].told, held[*i].hits, std::cmp::Reverse(*i));
        let fixed = changed.and_then(|s| has(&s.at)).or_else(|| has(std::slice::from_ref(chosen?)));
        let Some(place) = fixed.or_else(|| (0..clusters.len()).max_by_key(worth)) else { return Self::default() };
        let mut to: Vec<&&Member> = clusters[place].iter().collect();
        to.sort_by_key(|m| m.failed.is_some());
        let mut warnings = Vec::new();
        if !answers(&clusters[place]) {
            warnings.push(format!("{} does not answer now.", names(&clusters[place])));
        }
        for (other, held) in clusters.iter().zip(&held).enumerate().filter(|(i, (_, h))| *i != place && h.told > 0).map(|(_, o)| o) {
            let told = format::count(held.told as u64);
            warnings.push(format!("{} holds {told} of them too and goes on telling: a silence there is another one.", names(other)));
        }
        let next = &clusters[(place + 1) % clusters.len()];
        Self {
            to: to.iter().map(|m| m.name.clone()).collect(),
            words: (clusters.len() > 1).then(|| names(&clusters[place])),
            warnings,
            next: (clusters.len() > 1 && changed.is_none()).then(|| next[0].name.clone()),
        }
    }
}

fn answers(cluster: &[&Member]) -> bool {
    cluster.iter().any(|m| m.failed.is_none())
}

/// `eu`, or `a or b`: whichever of a cluster gets it tells the others.
fn names(cluster: &[&Member]) -> String {
    cluster.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(" or ")
}

fn held(told: &AlertmanagerAlerts, clusters: &[Vec<&Member>], set: &MatcherSet) -> Vec<Held> {
    let mut out = vec![Held::default(); clusters.len()];
    for alert in told.alerts.iter().filter(|a| set.matches(&a.labels)) {
        for (cluster, held) in clusters.iter().zip(&mut out) {
            let holders = alert.routing.iter().flat_map(|r| &r.holders).filter(|h| cluster.iter().any(|m| m.name == h.name));
            let (mut is_held, mut is_told) = (false, false);
            holders.for_each(|h| (is_held, is_told) = (true, is_told || h.silenced_by.is_empty()));
            held.hits += usize::from(is_held);
            held.told += usize::from(is_told);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        app::testing::routed_alert,
        model::{
            alert::Alert,
            alertmanagers::{Part, together},
            backend::{Backend, ErrorKind, SourceError},
            matcher_text,
            time::Timestamp,
        },
    };

    fn alert(name: &str, silenced_by: &[&str]) -> Alert {
        routed_alert(&[("alertname", name)], silenced_by)
    }

    fn part(name: &str, peer: &str, alerts: Vec<Alert>, answers: bool) -> Part {
        let told = AlertmanagerAlerts { alerts, ..AlertmanagerAlerts::default() };
        let gone = SourceError::new(Backend::Alertmanager, ErrorKind::Unreachable, "gone");
        let failed = (!answers).then_some((Timestamp::ZERO, gone));
        Part { name: name.into(), peers: vec![peer.to_owned()], told: Some(Arc::new(told)), failed }
    }

    fn target(parts: &[Part], changed: Option<&Silence>, chosen: Option<&str>) -> Target {
        let set = MatcherSet::new(&[matcher_text::parse("alertname=A").unwrap()]).unwrap();
        Target::of(&together(parts), &set, changed, chosen.map(CompactString::from).as_ref())
    }

    #[test]
    fn it_goes_to_who_has_the_alert_and_tells_it() {
        let parts = [
            part("eu", "", vec![alert("B", &[])], true),
            part("us", "", vec![alert("A", &["s"])], true),
            part("ap", "", vec![alert("A", &[])], true),
        ];
        let first = target(&parts, None, None);
        assert_eq!((first.to, first.words.as_deref(), first.warnings.len()), (vec!["ap".into()], Some("ap"), 0));
        assert_eq!(first.next.as_deref(), Some("eu"));
        let chosen = target(&parts, None, Some("us"));
        assert_eq!((chosen.to, chosen.next.as_deref()), (vec!["us".into()], Some("ap")));
        assert_eq!(chosen.warnings, ["ap holds 1 of them too and goes on telling: a silence there is another one."]);
        let changed = Silence { at: vec!["eu".into()], ..Silence::default() };
        let of_eu = target(&parts, Some(&changed), Some("us"));
        assert_eq!((of_eu.to, of_eu.next), (vec!["eu".into()], None), "a silence is changed where it is");
    }

    #[test]
    fn of_a_pair_any_one_will_do_and_nothing_is_said_of_it() {
        let of = |a_answers| [part("a", "p", vec![alert("A", &[])], a_answers), part("b", "p", vec![alert("A", &[])], true)];
        assert_eq!(target(&of(true), None, None), Target { to: vec!["a".into(), "b".into()], ..Target::default() });
        assert_eq!(target(&of(false), None, None).to, ["b", "a"], "who answers comes first");
    }

    #[test]
    fn one_that_does_not_answer_is_the_last_choice_and_told_of() {
        let parts = [part("eu", "", vec![alert("A", &[])], false), part("us", "", vec![], true)];
        assert_eq!(target(&parts, None, None).to, ["us"]);
        let chosen = target(&parts, None, Some("eu"));
        assert_eq!((chosen.to, chosen.warnings), (vec!["eu".into()], vec!["eu does not answer now.".to_owned()]));
    }
}
