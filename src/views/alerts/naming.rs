//! Which service an alert is about: its labels say so, or else the matchers of its expression, or else the series that the
//! expression selects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::exprs::Exprs;
use crate::{
    core::{
        request::{Refresh, Request},
        slot::Slot,
    },
    model::{
        alert::{Alert, AlertState, SERVICE_LABELS},
        alert_book::AlertBook,
        backend::SourceError,
        label_index::LabelIndex,
        labels::Labels,
        series::Vector,
        time::{TimeWindow, Timestamp},
    },
    red::{RedMapping, shown_service},
    views::{Needs, part_of},
};

/// Rules whose series are asked for at once.
const MOST_ASKED: usize = 8;
/// Values of a label that a question names; beyond that it asks for all series of the rule.
const MOST_VALUES: usize = 20;
/// What scrapes a series; it need not be what the series is about.
const JOB: &str = "job";

/// What names services.
pub(super) struct Names<'a> {
    /// Labels that the RED metrics name theirs by, the preferred family's first.
    red: Vec<&'a str>,
    /// The user's labels for it, and the usual ones.
    usual: Vec<&'a str>,
    own: &'a [String],
    /// Services that RED metrics know.
    known: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(red: Option<&'a RedMapping>, own: &'a [String]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for family in red.into_iter().flat_map(|red| &red.families) {
            if !names.contains(&family.service_label.as_str()) {
                names.push(&family.service_label);
            }
        }
        let usual = own.iter().map(String::as_str).chain(SERVICE_LABELS).collect();
        Self { red: names, usual, own, known: red.into_iter().flat_map(RedMapping::services).collect() }
    }

    fn is_known(&self, value: &str) -> bool {
        self.known.contains(shown_service(value))
    }

    /// Names services by the labels that the RED metrics name theirs by: they say most surely what a service is. What no
    /// RED metric knows keeps the name that its own labels or expression give it.
    pub(super) fn name(&self, book: &mut AlertBook, exprs: &Exprs) {
        for alert in &mut book.alerts {
            let service = self.of_red(alert, exprs).or_else(|| match alert.service {
                Some(_) => None,
                None => self.usual_label(&alert.labels).or_else(|| exprs.of(alert)?.label_of(&self.usual)),
            });
            if let Some(service) = service.map(|v| shown_service(v).into()) {
                alert.service = Some(service);
            }
        }
    }

    fn of_red<'b>(&'b self, alert: &'b Alert, exprs: &'b Exprs) -> Option<&'b str> {
        let is_known = |value: &&str| self.is_known(value);
        let labelled = self.red.iter().find_map(|name| alert.labels.get(name).filter(is_known));
        let kept = || alert.service.as_deref().filter(is_known);
        labelled.or_else(kept).or_else(|| exprs.of(alert)?.label_of(&self.red).filter(is_known))
    }

    fn usual_label<'b>(&self, labels: &'b Labels) -> Option<&'b str> {
        self.usual.iter().find_map(|name| labels.get(name).filter(|v| !v.is_empty()))
    }

    /// What a series is about. The job is an exporter's as often as the service's: it counts where RED knows it as one, or
    /// the user says so.
    fn of_series<'b>(&self, labels: &'b Labels) -> Option<&'b str> {
        let told = |name: &&str| labels.get(name).filter(|v| !v.is_empty());
        let red = || self.red.iter().find_map(|name| told(name).filter(|v| self.is_known(v)));
        let known = || self.usual.iter().find_map(|name| told(name).filter(|v| self.is_known(v)));
        let is_sure = |name: &&&str| **name != JOB || self.own.iter().any(|own| own == JOB);
        red().or_else(known).or_else(|| self.usual.iter().filter(is_sure).find_map(told))
    }

    /// What told an alert's service, where that is no label of its own; `series`: what those of its expression tell.
    pub(super) fn told_by(&self, alert: &Alert, exprs: &Exprs, series: &[&str]) -> Option<&'static str> {
        let service = alert.service.as_deref()?;
        let is_it = |value: &str| shown_service(value) == service;
        let all = || self.red.iter().chain(&self.usual);
        let matched = || exprs.of(alert).is_some_and(|read| all().any(|name| read.label_of(&[name]).is_some_and(is_it)));
        match () {
            () if all().any(|name| alert.labels.get(name).is_some_and(is_it)) => None,
            () if matched() => Some("its expression asks for it"),
            () if series == [service] => Some("the series of its expression are its"),
            () => Some("a label in Alertmanager"),
        }
    }
}

/// What the series that expressions select say of services.
#[derive(Default)]
pub(super) struct Selected {
    /// The questions, the worst alert's first.
    asked: Vec<String>,
    /// By the expression that they are about.
    by_expr: HashMap<String, String>,
    told: BTreeMap<String, Slot<Told>>,
}

#[derive(Clone, Debug)]
struct Told {
    series: Vec<Labels>,
    index: LabelIndex,
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        self.series == other.series
    }
}

impl From<Vector> for Told {
    fn from(vector: Vector) -> Self {
        let series: Vec<Labels> = vector.elements.into_iter().map(|(labels, _)| labels).collect();
        Self { index: LabelIndex::of(series.iter()), series }
    }
}

impl Selected {
    /// Finds out what is to be asked for alerts whose service nothing else tells, and names those that were told.
    pub(super) fn name(&mut self, book: &mut AlertBook, exprs: &Exprs, names: &Names<'_>) {
        let questions = questions(book, exprs, names);
        self.asked = questions.iter().map(|(_, query)| query.clone()).collect();
        self.by_expr = questions.into_iter().collect();
        let asked: HashSet<&str> = self.asked.iter().map(String::as_str).collect();
        self.told.retain(|query, _| asked.contains(query.as_str()));
        for alert in book.alerts.iter_mut().filter(|a| a.service.is_none()) {
            let service = match self.services_of(alert, names)[..] {
                [one] => one.into(),
                _ => continue,
            };
            alert.service = Some(service);
        }
    }

    /// The services that the series of an alert's expression belong to, as far as these are the alert's.
    pub(super) fn services_of(&self, alert: &Alert, names: &Names<'_>) -> Vec<&str> {
        let query = alert.rule.as_ref().and_then(|rule| self.by_expr.get(&rule.query));
        let Some(told) = query.and_then(|query| self.told.get(query)?.value()) else { return Vec::new() };
        let series = told.index.agreeing(&alert.labels).filter_map(|place| told.series.get(place));
        let services: BTreeSet<&str> = series.filter_map(|labels| names.of_series(labels)).map(shown_service).collect();
        services.into_iter().collect()
    }

    /// The questions, a few at once: those that nothing was answered to come first.
    pub(super) fn questions(&self) -> Vec<&str> {
        let is_open = |query: &str| self.told.get(query).is_none_or(Slot::is_waiting);
        let mut queries: Vec<&str> = self.asked.iter().map(String::as_str).collect();
        queries.sort_by_key(|query| !is_open(query));
        queries.truncate(MOST_ASKED);
        queries
    }

    pub(super) fn ask(&self, refresh: Refresh, window: TimeWindow, needs: &mut Needs<'_>) {
        for query in self.questions() {
            needs.ask("services", part_of(query), Request::Instant { query: query.to_owned(), window }, refresh);
        }
    }

    /// Takes an answer. Returns whether it tells anything new.
    pub(super) fn settle(&mut self, query: &str, at: Timestamp, told: Result<Vector, SourceError>) -> bool {
        let is_asked = self.asked.iter().any(|asked| asked == query);
        is_asked && self.told.entry(query.to_owned()).or_default().settle(at, told.map(Told::from))
    }
}

/// Labels of the alerts of a rule, each with its values and how many alerts have it.
#[derive(Default)]
struct OfRule<'a> {
    alerts: usize,
    labels: BTreeMap<&'a str, (usize, BTreeSet<&'a str>)>,
}

/// For each rule with alerts whose service is not known: which services its series are of, apart by the alerts' labels.
fn questions(book: &AlertBook, exprs: &Exprs, names: &Names<'_>) -> Vec<(String, String)> {
    let mut order: Vec<&Alert> = Vec::new();
    let mut rules: BTreeMap<&str, OfRule<'_>> = BTreeMap::new();
    for alert in book.alerts.iter().filter(|a| a.service.is_none() && a.state != AlertState::Resolved) {
        let Some(rule) = &alert.rule else { continue };
        let of_rule = rules.entry(&rule.query).or_insert_with(|| {
            order.push(alert);
            OfRule::default()
        });
        of_rule.alerts += 1;
        for (name, value) in alert.labels.iter().filter(|(name, _)| *name != "alertname" && rule.labels.get(name).is_none()) {
            let (alerts, values) = of_rule.labels.entry(name).or_default();
            *alerts += 1;
            if values.len() <= MOST_VALUES {
                values.insert(value);
            }
        }
    }
    let question = |alert: &Alert| {
        let rule = alert.rule.as_ref()?;
        let of_rule = rules.get(rule.query.as_str())?;
        let mut by: Vec<&str> = names.red.iter().chain(&names.usual).copied().chain(of_rule.labels.keys().copied()).collect();
        by.sort_unstable();
        by.dedup();
        let told = of_rule.labels.iter().filter(|(_, (alerts, values))| *alerts == of_rule.alerts && values.len() <= MOST_VALUES);
        let only: Vec<(&str, Vec<&str>)> = told.map(|(name, (_, values))| (*name, values.iter().copied().collect())).collect();
        Some((rule.query.clone(), exprs.of(alert)?.series_by(&by, &only)?))
    };
    order.into_iter().filter_map(question).collect()
}
