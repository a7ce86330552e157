//! PromQL for RED: the same number of queries for any number of services.
//!
//! Results of all services are labelled `service`, and `family` with the place of their family in the mapping; a service
//! that several families know comes from the preferred one.

use std::{collections::BTreeSet, time::Duration};

use super::{Durations, Failures, Family, Kind, RedMapping, Requests, StatusShape, Unit};
use crate::model::labels::{MatchOp, Matcher, label_name, quote};

/// What of two families may be the same series.
#[derive(Clone, Copy)]
struct SameSeries(fn(&Family, &Family) -> bool);

impl SameSeries {
    const REQUESTS: Self = Self(|a, b| a.requests == b.requests);
    const DURATIONS: Self = Self(|a, b| a.durations == b.durations);

    /// Whether it is the same metric, read the same way.
    fn are_of(self, a: &Family, b: &Family) -> bool {
        (self.0)(a, b) && (&a.restrict, &a.service_label) == (&b.restrict, &b.service_label)
    }

    /// Whether it is the same part of a question: over the same window as well.
    fn is_asked_as(self, a: &Family, b: &Family) -> bool {
        self.are_of(a, b) && a.scrape_interval == b.scrape_interval
    }
}

/// What is asked of all services at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// The resolution: of a range query its step, of an instant none.
    pub step: Duration,
    /// Only these services, for a server that refuses all of them at once.
    pub only: Option<&'a [String]>,
}

impl RedMapping {
    /// Requests a second of each service.
    pub fn services_rate(&self, part: Part<'_>) -> Option<String> {
        let one = |f: &Family, matchers: &[String], window| Some(f.by_service(&f.requests(matchers, window, &[&f.service_label])));
        self.across(part, SameSeries::REQUESTS, one)
    }

    /// Failing requests a second of each service, 0 where none fails; no sample where its family does not tell.
    pub fn services_errors(&self, part: Part<'_>) -> Option<String> {
        let one = |f: &Family, matchers: &[String], window| Some(f.by_service(&f.failing(matchers, window, &[&f.service_label])?));
        self.across(part, SameSeries::REQUESTS, one)
    }

    /// A quantile of each service in seconds; no sample without traffic.
    pub fn services_quantile(&self, q: f64, part: Part<'_>) -> Option<String> {
        self.across(part, SameSeries::DURATIONS, |f, matchers, window| f.services_quantile(q, matchers, window))
    }

    /// The services whose instances have buckets with different bounds, as far as `part` asks: their quantiles are not exact,
    /// as what lies between two bounds of one is in a wider bucket of another. No samples where all have the same.
    pub fn services_mixed_buckets(&self, part: Part<'_>) -> Option<String> {
        self.across(part, SameSeries::DURATIONS, |f, matchers, _| f.services_mixed_buckets(matchers))
    }

    /// `None`: no family can tell it. What is the same series for several families is asked once, of the first of them.
    fn across(&self, part: Part<'_>, same: SameSeries, one: impl Fn(&Family, &[String], Duration) -> Option<String>) -> Option<String> {
        let mut parts = Vec::new();
        for (place, family) in self.families.iter().enumerate() {
            if self.place(family, same) != Some(place) {
                continue;
            }
            let Some(matchers) = self.matchers(family, part.only, same) else { continue };
            let Some(query) = one(family, &matchers, family.rate_window(part.step)) else { continue };
            parts.push(tagged(&query, "family", &place.to_string()));
        }
        (!parts.is_empty()).then(|| parts.join(" or on (service) "))
    }

    /// The conditions that leave the services asked of a family, none where all are. `None`: it has none of them. The same
    /// series over another window are another part of the question: each names its services or, where those are less, the
    /// other's.
    fn matchers(&self, family: &Family, only: Option<&[String]>, same: SameSeries) -> Option<Vec<String>> {
        let alike = || self.families.iter().filter(|f| same.is_asked_as(f, family));
        let has = |service: &str| alike().any(|f| f.has(service));
        if let Some(only) = only {
            let own: Vec<&str> = only.iter().map(String::as_str).filter(|s| has(s)).collect();
            return (!own.is_empty()).then(|| vec![family.any_of(own, MatchOp::Regex)]);
        }
        let count = |families: &[&Family]| families.iter().map(|f| f.services.len()).sum::<usize>();
        let (own, others): (Vec<&Family>, Vec<&Family>) =
            self.families.iter().filter(|f| same.are_of(f, family)).partition(|f| same.is_asked_as(f, family));
        match (count(&own), count(&others)) {
            (0, _) => None,
            (_, 0) => Some(Vec::new()),
            (own, other) if other <= own => Some(vec![family.any_of(services(&others).into_iter().filter(|s| !has(s)), MatchOp::NotRegex)]),
            _ => Some(vec![family.any_of(services(&own), MatchOp::Regex)]),
        }
    }

    /// Which durations in an answer are of which requests.
    pub fn together(&self) -> Together<'_> {
        let requests = |f: &Family| self.families.iter().filter(|other| SameSeries::REQUESTS.is_asked_as(f, other)).count();
        let place = |f: &Family| (self.place(f, SameSeries::DURATIONS), requests(f) == 1);
        Together { mapping: self, families: self.families.iter().map(place).collect() }
    }

    fn place(&self, family: &Family, same: SameSeries) -> Option<usize> {
        self.families.iter().position(|f| same.is_asked_as(f, family))
    }

    /// The family that shows a service, of those that count its requests as the one that an answer is labelled with.
    pub fn family_at(&self, service: &str, label: &str) -> Option<&Family> {
        self.family_in(service, label.parse().ok()?)
    }

    /// The same by the number that the label is.
    pub fn family_in(&self, service: &str, place: usize) -> Option<&Family> {
        let first = self.families.get(place)?;
        self.families.iter().find(|f| SameSeries::REQUESTS.is_asked_as(f, first) && f.has(service)).or(Some(first))
    }
}

/// Figures of different requests do not belong together.
pub struct Together<'m> {
    mapping: &'m RedMapping,
    /// Of each family the place that its durations are labelled with, and whether no other counts the same requests.
    families: Vec<(Option<usize>, bool)>,
}

impl Together<'_> {
    /// Whether durations in an answer, labelled with a family, are of the requests that are labelled with another.
    pub fn belong(&self, service: &str, requests: Option<usize>, durations: Option<usize>) -> bool {
        let Some(requests) = requests else { return false };
        let place = match self.families.get(requests) {
            Some((place, true)) => *place,
            Some((_, false)) => {
                let shown = self.mapping.family_in(service, requests);
                shown.and_then(|family| self.mapping.place(family, SameSeries::DURATIONS))
            }
            None => None,
        };
        place.is_some() && place == durations
    }

    /// The family that shows a service, as [`RedMapping::family_in`] finds it: not looked for where it can be no other.
    pub fn family(&self, service: &str, requests: usize) -> Option<&Family> {
        match self.families.get(requests)? {
            (_, true) => self.mapping.families.get(requests),
            (_, false) => self.mapping.family_in(service, requests),
        }
    }
}

impl Family {
    /// This family with further conditions on labels that its requests have. What lacks one of them it does not have any more.
    #[must_use]
    pub fn narrowed<'a>(&self, matchers: impl IntoIterator<Item = &'a Matcher>) -> Self {
        let mut family = self.clone();
        for matcher in matchers {
            if self.failures_lack(std::iter::once(matcher.name.as_str())).is_some() {
                family.failures = None;
            }
            if self.durations_lack(std::iter::once(matcher.name.as_str())).is_some() {
                family.durations = None;
            }
            let and = if family.restrict.is_empty() { "" } else { ", " };
            family.restrict.push_str(&format!("{and}{matcher}"));
        }
        family
    }

    /// Requests a second of a service.
    pub fn rate_of(&self, service: &str, window: Duration) -> String {
        self.requests(&[self.service_matcher(service)], window, &[])
    }

    /// Requests a second of a service by `class`: `2xx`, `5xx`, or the words of the family. One series without a status.
    pub fn rate_by_status_class(&self, service: &str, window: Duration) -> String {
        let Some(Failures::Status(status)) = &self.failures else {
            return self.rate_of(service, window);
        };
        let (pattern, shown) = status.shape.class();
        let rate = self.requests(&[self.service_matcher(service)], window, &[&status.label]);
        format!("sum by (class) (label_replace({rate}, \"class\", {}, {}, {}))", quote(shown), quote(&status.label), quote(pattern))
    }

    /// Failing requests a second of a service, 0 where none fails. `None`: the family does not tell.
    pub fn errors_of(&self, service: &str, window: Duration) -> Option<String> {
        self.failing(&[self.service_matcher(service)], window, &[])
    }

    /// The share of a service's requests that fail, 0 to 1; no sample without traffic. `None`: the family does not tell.
    pub fn error_ratio(&self, service: &str, window: Duration) -> Option<String> {
        Some(format!("({}) / ({} > 0)", self.errors_of(service, window)?, self.rate_of(service, window)))
    }

    /// A quantile of a service's durations in seconds; one series for each instance where the family has those only.
    /// `None`: the family does not have it.
    pub fn quantile(&self, q: f64, service: &str, window: Duration) -> Option<String> {
        let matchers = [self.service_matcher(service)];
        let query = match self.given(q, &matchers) {
            Some(series) => series,
            None => self.histogram_quantile(q, &matchers, window, &[])?,
        };
        Some(self.in_seconds(&query))
    }

    /// Has a sample where a service's instances have buckets with different bounds, see [`RedMapping::services_mixed_buckets`].
    pub fn mixed_buckets_of(&self, service: &str) -> Option<String> {
        self.services_mixed_buckets(&[self.service_matcher(service)])
    }

    /// The series whose exemplars show a service's durations; their values are in the family's unit.
    pub fn exemplar_selector(&self, service: &str) -> Option<String> {
        match self.durations.as_ref()? {
            Durations::Classic { buckets: metric, .. } | Durations::Native(metric) => {
                Some(self.selector(metric, &[self.service_matcher(service)]))
            }
            Durations::Given(_) => None,
        }
    }

    /// The condition that leaves one service; `svc` also stands for `ns/svc`.
    pub fn service_matcher(&self, service: &str) -> String {
        format!("{}=~{}", self.service_label_name(), quote(&format!("(.*/)?{}", regex::escape(service))))
    }

    /// The service label as PromQL writes it.
    pub(super) fn service_label_name(&self) -> String {
        label_name(&self.service_label)
    }

    /// A selector of a metric of this family.
    pub fn selector(&self, metric: &str, matchers: &[String]) -> String {
        let restrict = [self.restrict.as_str()].into_iter().filter(|r| !r.is_empty());
        let mut all: Vec<&str> = restrict.chain(matchers.iter().map(String::as_str)).collect();
        let classic = metric.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'));
        let quoted = quote(metric);
        if !classic {
            all.insert(0, &quoted);
        }
        let name = if classic { metric } else { "" };
        if all.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", all.join(", ")) }
    }

    /// The condition that leaves, or leaves out, these services.
    pub(super) fn any_of<'s>(&self, services: impl IntoIterator<Item = &'s str>, op: MatchOp) -> String {
        let names: Vec<String> = services.into_iter().map(regex::escape).collect();
        format!("{}{}{}", self.service_label_name(), op.as_str(), quote(&format!("(.*/)?({})", names.join("|"))))
    }

    /// `sum [by (…)] (rate(counter{…}[window]))`
    pub(super) fn requests(&self, matchers: &[String], window: Duration, by: &[&str]) -> String {
        let sum = self.sum_rate(self.requests.metric(), matchers, window, by);
        if matches!(self.requests, Requests::Native(_)) { format!("histogram_count({sum})") } else { sum }
    }

    /// Where nothing failed there may be no series of failures: 0 stands in for it as long as there are requests that tell.
    pub(super) fn failing(&self, matchers: &[String], window: Duration, by: &[&str]) -> Option<String> {
        let failed = self.failed(matchers, window, by)?;
        Some(match self.failures.as_ref()? {
            Failures::Counter(counter) => {
                let none = format!("{} * 0", self.requests(matchers, window, by));
                if self.kind != Kind::Http {
                    return Some(format!("{failed} or {none}"));
                }
                // A program may count requests and no failures: it tells only if it has the counter, under any condition.
                let on = if by.contains(&self.service_label.as_str()) { self.service_label_name() } else { String::new() };
                let counts = Self { restrict: String::new(), ..self.clone() }.selector(&counter.metric, matchers);
                format!("{failed} or ({none} and on ({on}) {counts})")
            }
            Failures::Status(status) => {
                // Requests without the label do not tell, unless its absence does.
                let telling = match status.shape {
                    StatusShape::Present => matchers.to_vec(),
                    _ => [matchers, &[format!("{}!=\"\"", label_name(&status.label))]].concat(),
                };
                format!("{failed} or {} * 0", self.requests(&telling, window, by))
            }
        })
    }

    /// What failed, as far as anything did.
    pub(super) fn failed(&self, matchers: &[String], window: Duration, by: &[&str]) -> Option<String> {
        Some(match self.failures.as_ref()? {
            Failures::Counter(counter) => self.sum_rate(&counter.metric, matchers, window, by),
            Failures::Status(status) => {
                let condition = format!("{}{}", label_name(&status.label), status.shape.failed());
                self.requests(&[matchers, &[condition]].concat(), window, by)
            }
        })
    }

    /// Services of one name in two namespaces are one, as everywhere; a quantile that is given stands for one instance only.
    fn services_quantile(&self, q: f64, matchers: &[String], window: Duration) -> Option<String> {
        let service = self.service_label.as_str();
        let query = match (self.given(q, matchers), self.durations.as_ref()?) {
            (Some(series), _) => {
                let by = self.service_label_name();
                let value = self.by_service(&format!("sum by ({by}) ({series})"));
                let instances = self.by_service(&format!("count by ({by}) ({series})"));
                format!("({value} and on (service) {instances} == 1)")
            }
            (None, Durations::Classic { buckets, .. }) => {
                let buckets = self.sum_rate(buckets, matchers, window, &[service, "le"]);
                format!("histogram_quantile({q}, sum by (service, le) ({}))", self.named(&buckets))
            }
            (None, Durations::Native(name)) => {
                let sum = self.sum_rate(name, matchers, window, &[service]);
                // Prometheus 2 loses the histograms in label_replace(): there, one of two services of one name is shown.
                let old = format!("max by (service) ({})", self.named(&format!("histogram_quantile({q}, {sum})")));
                format!("(histogram_quantile({q}, {}) or on (service) {old})", self.by_service(&sum))
            }
            (None, Durations::Given(_)) => return None,
        };
        Some(self.in_seconds(&query))
    }

    /// How many series have each bound, which is the same for all where the instances have the same buckets. `1` and `1.0`
    /// are one bound.
    fn services_mixed_buckets(&self, matchers: &[String]) -> Option<String> {
        let Some(Durations::Classic { buckets, .. }) = &self.durations else { return None };
        let counts = format!("count by ({}, le) ({})", self.service_label_name(), self.selector(buckets, matchers));
        let bounds = format!("label_replace({}, \"bound\", \"$1\", \"le\", \"(.+?)([.]0)?\")", self.named(&counts));
        let each = format!("sum by (service, bound) ({bounds})");
        Some(format!("(stddev by (service) ({each}) > 0)"))
    }

    pub(super) fn histogram_quantile(&self, q: f64, matchers: &[String], window: Duration, by: &[&str]) -> Option<String> {
        let histogram = match self.durations.as_ref()? {
            Durations::Classic { buckets, .. } => {
                let by: Vec<&str> = by.iter().copied().chain(["le"]).collect();
                self.sum_rate(buckets, matchers, window, &by)
            }
            Durations::Native(name) => self.sum_rate(name, matchers, window, by),
            Durations::Given(_) => return None,
        };
        Some(format!("histogram_quantile({q}, {histogram})"))
    }

    /// The series of a quantile that someone else took, one for each instance.
    pub(super) fn given(&self, q: f64, matchers: &[String]) -> Option<String> {
        let Some(Durations::Given(given)) = &self.durations else { return None };
        let given = given.iter().find(|g| g.is(q))?;
        let mut all = matchers.to_vec();
        all.extend(given.label.as_ref().map(|label| format!("quantile={}", quote(label))));
        Some(self.selector(&given.metric, &all))
    }

    /// What a recording rule took is a rate already.
    pub(crate) fn sum_rate(&self, metric: &str, matchers: &[String], window: Duration, by: &[&str]) -> String {
        let series = self.selector(metric, matchers);
        let rate = match self.requests {
            Requests::Recorded(_) => series,
            Requests::Counter(_) | Requests::Native(_) => format!("rate({series}[{}])", promql_duration(window)),
        };
        let by: Vec<String> = by.iter().map(|label| label_name(label)).collect();
        if by.is_empty() { format!("sum({rate})") } else { format!("sum by ({}) ({rate})", by.join(", ")) }
    }

    /// Sums by the shown name of the service.
    fn by_service(&self, query: &str) -> String {
        format!("sum by (service) ({})", self.named(query))
    }

    /// `service` becomes the last part of the service label's value.
    fn named(&self, query: &str) -> String {
        format!("label_replace({query}, \"service\", \"$2\", {}, \"(.*/)?(.+)\")", quote(&self.service_label))
    }

    pub(super) fn in_seconds(&self, query: &str) -> String {
        match self.unit {
            Unit::Seconds => query.to_owned(),
            Unit::Milliseconds => format!("{query} / 1000"),
        }
    }
}

fn services<'f>(families: &[&'f Family]) -> BTreeSet<&'f str> {
    families.iter().flat_map(|f| f.services.iter()).map(String::as_str).collect()
}

/// Where deploys of a service show. Each is a range query; see [`DeployQuery::reads`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployQuery {
    /// PromQL.
    pub query: String,
    /// How a mark is read from its answer.
    pub reads: DeployMark,
}

/// What a deploy looks like in a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployMark {
    /// A series labelled `version` begins after the start of the range.
    Version,
    /// The value changes: Kubernetes' generation of the deployment.
    Change,
    /// The value, a start time, rises: a restart, which may be a deploy.
    Restart,
}

/// The queries for deploy marks of a service, the surest first.
pub fn deploys(service: &str) -> [DeployQuery; 3] {
    let name = regex::escape(service);
    let by_job = format!("job=~{}", quote(&format!("(.*/)?{name}")));
    let build = format!(r#"{{__name__=~".+_build_info", version!="", {by_job}}}"#);
    let target = format!(r#"label_replace(target_info{{service_version!="", {by_job}}}, "version", "$1", "service_version", "(.+)")"#);
    let versions = format!("count by (version) ({build} or {target})");
    let generation = format!("max(kube_deployment_status_observed_generation{{deployment={}}})", quote(service));
    [
        DeployQuery { query: versions, reads: DeployMark::Version },
        DeployQuery { query: generation, reads: DeployMark::Change },
        DeployQuery { query: format!("max(process_start_time_seconds{{{by_job}}})"), reads: DeployMark::Restart },
    ]
}

/// A query whose results have one more label, so that several can be one question.
pub fn tagged(query: &str, label: &str, value: &str) -> String {
    format!("label_replace({query}, {}, {}, \"\", \"\")", quote(label), quote(value))
}

/// `90s`, or `1500ms` where a fraction is meant.
pub fn promql_duration(d: Duration) -> String {
    if d.subsec_millis() == 0 { format!("{}s", d.as_secs().max(1)) } else { format!("{}ms", d.as_millis()) }
}

#[cfg(test)]
mod tests;
