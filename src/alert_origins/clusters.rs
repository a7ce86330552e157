//! Alerts that no service graph joins: those that began together and share a label.

use std::{cmp::Reverse, time::Duration};

use foldhash::{HashMap, HashMapExt, HashSet};

use super::{Fact, Origin, Why};
use crate::model::time::Timestamp;

/// Between two alerts of one onset.
const GAP: Duration = Duration::from_secs(300);
/// An onset is no longer than this.
const LONGEST: Duration = Duration::from_secs(1800);
/// Alerts that are worth a fold of their own.
const FEWEST: usize = 3;
/// Labels that name the alert or rank it, not where it is.
const NOT_A_PLACE: [&str; 7] = ["alertname", "severity", "priority", "level", "sev", "alertgroup", "rule_group"];

pub(super) fn clusters(facts: &[Fact<'_>], mut places: Vec<usize>) -> Vec<Origin> {
    places.sort_by(|a, b| (facts[*a].since, facts[*a].labels, a).cmp(&(facts[*b].since, facts[*b].labels, b)));
    let pairs = Pairs::of(facts, &places);
    let all = pairs.counts(&places);
    let (mut out, mut apart, mut names): (Vec<Origin>, Vec<usize>, Taken) = (Vec::new(), Vec::new(), Taken::default());
    for onset in onsets(facts, places) {
        let mut left = onset;
        while left.len() >= FEWEST
            && let Some(shared) = pairs.shared(&pairs.counts(&left), &all)
        {
            let (with, without): (Vec<usize>, Vec<usize>) = left.iter().partition(|i| pairs.of_fact[**i].contains(&shared));
            let (name, value) = pairs.pairs[shared];
            let (from, within) = span(facts, &with);
            out.push(Origin { name: names.unique(format!("{name}={value}")), why: Why::Shared { from, within }, members: with });
            left = without;
        }
        if left.len() >= FEWEST {
            let (from, within) = span(facts, &left);
            out.push(Origin { name: names.unique("one onset".to_owned()), why: Why::Onset { from, within }, members: left });
        } else {
            apart.extend(left);
        }
    }
    if !apart.is_empty() {
        out.push(Origin { name: "others".to_owned(), why: Why::Apart, members: apart });
    }
    out
}

/// Names of earlier onsets: a fold is known by its name.
#[derive(Default)]
struct Taken {
    all: HashSet<String>,
    /// How often each was wished for.
    wished: HashMap<String, usize>,
}

impl Taken {
    /// A name that no earlier onset has.
    fn unique(&mut self, name: String) -> String {
        let mut free = name.clone();
        let wished = self.wished.entry(name.clone()).or_default();
        loop {
            *wished += 1;
            if *wished > 1 {
                free = format!("{name} ({wished})");
            }
            if self.all.insert(free.clone()) {
                return free;
            }
        }
    }
}

/// Alerts in the order of their onset, apart where nothing began for a while.
fn onsets(facts: &[Fact<'_>], places: Vec<usize>) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let since = facts[place].since;
        let goes_on = |onset: &&mut Vec<usize>| {
            let ends = onset.first().zip(onset.last());
            ends.is_some_and(|(first, last)| since.since(facts[*last].since) <= GAP && since.since(facts[*first].since) <= LONGEST)
        };
        match out.last_mut().filter(goes_on) {
            Some(onset) => onset.push(place),
            None => out.push(vec![place]),
        }
    }
    out
}

/// The labels of alerts that may tell where they are, as numbers: they are counted again and again.
struct Pairs<'a> {
    pairs: Vec<(&'a str, &'a str)>,
    /// Of each fact the numbers of its labels.
    of_fact: Vec<Vec<usize>>,
}

/// How many of some alerts have each label.
struct Counts {
    alerts: usize,
    by_pair: Vec<usize>,
}

impl<'a> Pairs<'a> {
    fn of(facts: &[Fact<'a>], places: &[usize]) -> Self {
        let mut out = Self { pairs: Vec::new(), of_fact: vec![Vec::new(); facts.len()] };
        let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
        for place in places {
            let own = facts[*place].labels.iter().filter(|(name, value)| !NOT_A_PLACE.contains(name) && !value.is_empty());
            let number = |pair| {
                *numbers.entry(pair).or_insert_with(|| {
                    out.pairs.push(pair);
                    out.pairs.len() - 1
                })
            };
            out.of_fact[*place] = own.map(number).collect();
        }
        out
    }

    fn counts(&self, places: &[usize]) -> Counts {
        let mut by_pair = vec![0; self.pairs.len()];
        places.iter().flat_map(|place| &self.of_fact[*place]).for_each(|pair| by_pair[*pair] += 1);
        Counts { alerts: places.len(), by_pair }
    }

    /// The label that most of `these` share, if it is enough of them to say something: not one that all others have as well.
    fn shared(&self, these: &Counts, all: &Counts) -> Option<usize> {
        let elsewhere = all.alerts - these.alerts;
        let is_common = |pair: usize| {
            let with = all.by_pair[pair] - these.by_pair[pair];
            elsewhere >= FEWEST && with * 5 >= elsewhere * 4
        };
        let least = FEWEST.max(these.alerts.div_ceil(5));
        let enough = (0..self.pairs.len()).filter(|pair| these.by_pair[*pair] >= least && !is_common(*pair));
        enough.min_by_key(|pair| (Reverse(these.by_pair[*pair] * weight(self.pairs[*pair].0)), self.pairs[*pair]))
    }
}

/// What names a place says more than what names an owner.
fn weight(label: &str) -> usize {
    match label {
        "node" | "host" | "hostname" | "instance" | "device" | "zone" | "availability_zone" | "database" | "topic" => 14,
        "service" | "service_name" | "app" | "application" | "job" | "cluster" | "region" | "pod" => 12,
        "namespace" | "team" | "env" | "environment" | "tenant" | "owner" => 8,
        _ => 10,
    }
}

fn span(facts: &[Fact<'_>], places: &[usize]) -> (Timestamp, Duration) {
    let times = || places.iter().map(|i| facts[*i].since);
    let from = times().min().unwrap_or_default();
    (from, times().max().unwrap_or(from).since(from))
}
