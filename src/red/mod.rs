//! RED metrics without configuration: which families a Prometheus has, which labels mean service, route and status.

pub mod breakdown;
pub mod discover;
mod families;
pub mod figures;
mod intervals;
mod names;
pub mod queries;
mod recorded;
mod said;
mod status;
mod unanswered;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use compact_str::CompactString;

use crate::model::log_labels::LogLabels;
pub use crate::model::service_names::shown_service;
pub use discover::discover;
pub use families::{Kind, Unit};
pub use status::{StatusRule, StatusShape};
pub use unanswered::Unanswered;

/// The interval that is assumed where nothing tells it.
pub const USUAL_SCRAPE: Duration = Duration::from_secs(15);

/// What was found. An empty mapping: the server has no known family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedMapping {
    /// The families that exist, the preferred first.
    pub families: Vec<Family>,
    /// How far apart the samples of most services are; `None`: not known, [`USUAL_SCRAPE`] is assumed.
    pub scrape_interval: Option<Duration>,
    /// What was left out, in words.
    pub notes: Vec<String>,
    /// What may lack something until the server answers again.
    pub unanswered: BTreeSet<Unanswered>,
}

/// A family of metrics as this server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name: "Micrometer". No two families of a mapping have the same.
    pub name: String,
    /// The row of the table of families, or the rules, that it was found by.
    pub row: String,
    /// What it measures.
    pub kind: Kind,
    /// How requests are counted.
    pub requests: Requests,
    /// Where durations are; `None`: it has none.
    pub durations: Option<Durations>,
    /// The labels of the durations: by any other nobody can tell how long which requests took.
    pub duration_labels: Vec<CompactString>,
    /// Unit of the durations.
    pub unit: Unit,
    /// Matchers that leave only requests a service answers; may be empty.
    pub restrict: String,
    /// The label that names the service.
    pub service_label: String,
    /// The label that names the route, on the counter and on the durations.
    pub route_label: Option<String>,
    /// How failures are told; `None`: they are not.
    pub failures: Option<Failures>,
    /// How far apart its samples are: no service of it has them further. Services whose samples are much further apart than
    /// those of others are a family of their own.
    pub scrape_interval: Option<Duration>,
    /// Its services by name, those that a preferred family has as well included. `ns/svc` is `svc`.
    pub services: Arc<[String]>,
}

/// How requests are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requests {
    /// By a counter.
    Counter(String),
    /// By a native histogram of their durations.
    Native(String),
    /// By a recording rule: it and all else of its family are rates already.
    Recorded(String),
}

impl Requests {
    /// The metric's name.
    pub fn metric(&self) -> &str {
        match self {
            Self::Counter(name) | Self::Native(name) | Self::Recorded(name) => name,
        }
    }
}

/// Where durations are.
#[derive(Clone, Debug, PartialEq)]
pub enum Durations {
    /// A histogram of buckets that are series.
    Classic {
        /// Its name with `_bucket`.
        buckets: String,
        /// The finite bounds of its buckets, ascending, in the family's unit.
        bounds: Vec<f64>,
    },
    /// A native histogram.
    Native(String),
    /// Quantiles that someone else took, each of one instance: they are shown as they are and never put together.
    Given(Vec<GivenQuantile>),
}

/// A quantile that a summary or a recording rule has.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenQuantile {
    /// Which, 0 to 1.
    pub q: f64,
    /// The metric.
    pub metric: String,
    /// The value of its label `quantile`, where it has one.
    pub label: Option<String>,
}

impl GivenQuantile {
    /// Whether it is this one.
    fn is(&self, q: f64) -> bool {
        (self.q - q).abs() < 1e-9
    }
}

/// How failures are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failures {
    /// By a label of the requests.
    Status(StatusRule),
    /// By a counter of their own.
    Counter(FailureCounter),
}

/// A counter of failures beside the one of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureCounter {
    /// The metric.
    pub metric: String,
    /// Its labels: by any other nobody can tell which requests failed.
    pub labels: Vec<CompactString>,
}

/// Which family shows a service, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<'a> {
    /// This one.
    pub chosen: &'a Family,
    /// The others that know the service, the preferred first.
    pub others: Vec<&'a Family>,
    /// The reason, in a few words.
    pub why: String,
}

impl RedMapping {
    /// The family that shows a service.
    pub fn family_of(&self, service: &str) -> Option<&Family> {
        self.families_of(service).next()
    }

    /// The other families that know a service, the preferred first.
    pub fn alternatives(&self, service: &str) -> impl Iterator<Item = &Family> {
        self.families_of(service).skip(1)
    }

    /// All families that know a service, the one that shows it first.
    pub fn families_of(&self, service: &str) -> impl Iterator<Item = &Family> {
        self.families.iter().filter(move |f| f.has(service))
    }

    /// Which family shows a service, which others could, and why it is this one.
    pub fn choice(&self, service: &str) -> Option<Choice<'_>> {
        let chosen = self.family_of(service)?;
        let others: Vec<&Family> = self.alternatives(service).collect();
        let why = match others.first() {
            None => format!("{} is the only family that has {service}", chosen.name),
            Some(other) => format!("{}: {}", chosen.name, chosen.better_than(other)),
        };
        Some(Choice { chosen, others, why })
    }

    /// All services, each once.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let mut told = foldhash::HashSet::default();
        self.families.iter().flat_map(|f| f.services.iter().map(String::as_str)).filter(move |s| told.insert(*s))
    }

    /// Labels of logs in the order of how many of these services they name; as they are where none is known.
    #[must_use]
    pub fn ranks(&self, labels: LogLabels) -> LogLabels {
        if self.families.is_empty() {
            return labels;
        }
        let services: Vec<&str> = self.services().collect();
        labels.ranked(services.iter().copied())
    }

    /// The preferred first: what tells most of a service, and of those the order that they are in.
    fn sort(&mut self) {
        self.families.sort_by_key(|f| std::cmp::Reverse(f.completeness()));
    }
}

impl Family {
    /// Whether a service is in it.
    pub fn has(&self, service: &str) -> bool {
        self.services.binary_search_by(|s| s.as_str().cmp(service)).is_ok()
    }

    /// The window for rates at a resolution: four scrapes, so that a missed one leaves no gap.
    pub fn rate_window(&self, step: Duration) -> Duration {
        let scrape = self.scrape_interval.unwrap_or(USUAL_SCRAPE);
        (4 * scrape).max(step + scrape)
    }

    /// The counter of failures, and the first of these labels that it lacks: by that label nobody can tell which requests
    /// failed, and no failure that it counts is one less of them.
    pub fn failures_lack<'f, 'l>(&'f self, mut labels: impl Iterator<Item = &'l str>) -> Option<(&'f str, &'l str)> {
        let Some(Failures::Counter(counter)) = &self.failures else { return None };
        let lacks = labels.find(|label| !counter.labels.iter().any(|l| l == label))?;
        Some((&counter.metric, lacks))
    }

    /// The durations' name, and the first of these labels that they lack. Under a condition on it they would be those of all
    /// requests, or of none.
    pub fn durations_lack<'f, 'l>(&'f self, mut labels: impl Iterator<Item = &'l str>) -> Option<(&'f str, &'l str)> {
        let name = match self.durations.as_ref()? {
            Durations::Classic { buckets, .. } => buckets.strip_suffix("_bucket").unwrap_or(buckets),
            Durations::Native(name) => name,
            Durations::Given(given) => &given.first()?.metric,
        };
        if self.is_one_histogram() {
            return None;
        }
        let lacks = labels.find(|label| !self.duration_labels.iter().any(|l| l == label))?;
        Some((name, lacks))
    }

    /// Whether what measures the requests counts them as well, so that both have the same labels.
    pub fn is_one_histogram(&self) -> bool {
        match (&self.durations, &self.requests) {
            (Some(Durations::Classic { buckets, .. }), Requests::Counter(counter)) => {
                buckets.strip_suffix("_bucket").is_some_and(|name| counter.strip_suffix("_count") == Some(name))
            }
            (Some(Durations::Native(durations)), Requests::Native(requests)) => durations == requests,
            _ => false,
        }
    }

    /// Whether it has quantiles that someone else took, and not this one: nobody can tell it.
    pub fn lacks_quantile(&self, q: f64) -> bool {
        matches!(&self.durations, Some(Durations::Given(given)) if given.iter().all(|g| !g.is(q)))
    }

    /// The label that tells failures, where one does.
    pub fn status_label(&self) -> Option<&str> {
        match &self.failures {
            Some(Failures::Status(status)) => Some(&status.label),
            _ => None,
        }
    }

    /// How that label tells them.
    pub fn status_shape(&self) -> Option<StatusShape> {
        match &self.failures {
            Some(Failures::Status(status)) => Some(status.shape),
            _ => None,
        }
    }

    /// How much it tells of a service.
    fn completeness(&self) -> u8 {
        let durations = match self.durations {
            None => 0,
            Some(Durations::Given(_)) => 1,
            Some(Durations::Classic { .. } | Durations::Native(_)) => 2,
        };
        durations + if self.failures.is_some() { 2 } else { 0 }
    }

    /// Why this one, which is preferred, and not another.
    fn better_than(&self, other: &Self) -> String {
        if self.completeness() > other.completeness() {
            let lacks = match (&self.durations, &other.durations) {
                (Some(_), None) => "has no durations",
                (Some(d), Some(Durations::Given(_))) if !matches!(d, Durations::Given(_)) => "has quantiles of single instances only",
                _ => "does not tell failures",
            };
            return format!("{} {lacks}", other.name);
        }
        let (own, others) = (matches!(self.requests, Requests::Native(_)), matches!(other.requests, Requests::Native(_)));
        if own && !others && self.kind == other.kind {
            return format!("more exact than the buckets of {}", other.name);
        }
        match self.kind {
            Kind::Recorded => format!("a recording rule with fresh samples, before {}", other.name),
            Kind::Http | Kind::Grpc if other.kind != self.kind => format!("counted by the service itself, before {}", other.name),
            _ => format!("before {} in the order of families", other.name),
        }
    }
}

/// Names of the families that are looked for.
pub fn known_families() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    let rows = families::FAMILIES.iter().map(|f| f.name).filter(move |name| std::mem::replace(&mut last, name) != *name);
    rows.chain([recorded::NAME])
}

#[cfg(test)]
mod tests;
