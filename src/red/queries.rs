//! PromQL for RED: the same number of queries for any number of services.
//!
//! Every result is labelled `service`; a service that several families know comes from the preferred one.

use std::time::Duration;

use super::{Family, RedMapping, Unit};
use crate::model::labels::{Matcher, quote};

impl RedMapping {
    /// Requests a second of each service.
    pub fn services_rate(&self, window: Duration) -> Option<String> {
        self.across(|f| Some(f.services_rate(window, NOW)))
    }

    /// Failing requests a second of each service, 0 where none fails.
    pub fn services_errors(&self, window: Duration) -> Option<String> {
        self.across(|f| Some(f.services_errors(window, NOW)))
    }

    /// The 95th percentile of each service in seconds; no sample without traffic.
    pub fn services_p95(&self, window: Duration) -> Option<String> {
        self.across(|f| f.services_p95(window, NOW))
    }

    /// `None`: no family can tell it.
    fn across(&self, one: impl Fn(&Family) -> Option<String>) -> Option<String> {
        let parts: Vec<String> = self.families.iter().filter(|f| !f.services.is_empty()).filter_map(one).collect();
        (!parts.is_empty()).then(|| parts.join(" or "))
    }
}

const NOW: &str = "";

impl Family {
    /// This family with further conditions, those on the route: counter and histogram both have it. Conditions on other
    /// systems' labels (a level, a pod) would leave nothing.
    #[must_use]
    pub fn narrowed(&self, matchers: &[Matcher]) -> Self {
        let mut family = self.clone();
        for matcher in matchers.iter().filter(|m| self.route_label.as_deref() == Some(&m.name)) {
            let and = if family.restrict.is_empty() { "" } else { ", " };
            family.restrict.push_str(&format!("{and}{matcher}"));
        }
        family
    }

    /// Requests a second of a service.
    pub fn rate_of(&self, service: &str, window: Duration) -> String {
        self.requests(&[self.service_matcher(service)], window, NOW, &[])
    }

    /// Requests a second of a service by `class`: `2xx`, `5xx`, or the words of the family. One series without a status.
    pub fn rate_by_status_class(&self, service: &str, window: Duration) -> String {
        let Some(status) = &self.status else {
            return self.rate_of(service, window);
        };
        let (pattern, shown) = status.shape.class();
        let rate = self.requests(&[self.service_matcher(service)], window, NOW, &[&status.label]);
        format!("sum by (class) (label_replace({rate}, \"class\", {}, {}, {}))", quote(shown), quote(&status.label), quote(pattern))
    }

    /// Failing requests a second of a service, 0 where none fails.
    pub fn errors_of(&self, service: &str, window: Duration) -> String {
        self.failures(&[self.service_matcher(service)], window, NOW, &[])
    }

    /// The share of a service's requests that fail, 0 to 1; no sample without traffic.
    pub fn error_ratio(&self, service: &str, window: Duration) -> String {
        format!("({}) / ({} > 0)", self.errors_of(service, window), self.rate_of(service, window))
    }

    /// A quantile of a service's durations in seconds. `None`: the family has no histogram.
    pub fn quantile(&self, q: f64, service: &str, window: Duration) -> Option<String> {
        let buckets = self.buckets(&[self.service_matcher(service)], window, NOW, &["le"])?;
        Some(self.in_seconds(&format!("histogram_quantile({q}, {buckets})")))
    }

    /// Requests a second of a service by its route label. `None`: the family has none.
    pub fn rate_by_route(&self, service: &str, window: Duration) -> Option<String> {
        let route = self.route_label.as_deref()?;
        Some(self.requests(&[self.service_matcher(service)], window, NOW, &[route]))
    }

    /// Failing requests a second of a service by its route label, 0 where none fails.
    pub fn errors_by_route(&self, service: &str, window: Duration) -> Option<String> {
        let route = self.route_label.as_deref()?;
        Some(self.failures(&[self.service_matcher(service)], window, NOW, &[route]))
    }

    /// The 95th percentile of a service in seconds by its route label.
    pub fn p95_by_route(&self, service: &str, window: Duration) -> Option<String> {
        let route = self.route_label.as_deref()?;
        let buckets = self.buckets(&[self.service_matcher(service)], window, NOW, &[route, "le"])?;
        Some(self.in_seconds(&format!("histogram_quantile(0.95, {buckets})")))
    }

    /// The series whose exemplars show a service's durations; their values are in the family's unit.
    pub fn exemplar_selector(&self, service: &str) -> Option<String> {
        let histogram = self.histogram.as_ref()?;
        Some(self.selector(&format!("{histogram}_bucket"), &[self.service_matcher(service)]))
    }

    /// The condition that leaves one service; `svc` also stands for `ns/svc`.
    pub fn service_matcher(&self, service: &str) -> String {
        format!("{}=~{}", self.service_label, quote(&format!("(.*/)?{}", regex::escape(service))))
    }

    /// A selector of a metric of this family.
    pub fn selector(&self, metric: &str, matchers: &[String]) -> String {
        let restrict = [self.restrict.as_str()].into_iter().filter(|r| !r.is_empty());
        let all: Vec<&str> = restrict.chain(matchers.iter().map(String::as_str)).collect();
        if all.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", all.join(", ")) }
    }

    fn services_rate(&self, window: Duration, offset: &str) -> String {
        self.by_service(&self.requests(&[], window, offset, &[&self.service_label]))
    }

    fn services_errors(&self, window: Duration, offset: &str) -> String {
        self.by_service(&self.failures(&[], window, offset, &[&self.service_label]))
    }

    fn services_p95(&self, window: Duration, offset: &str) -> Option<String> {
        let buckets = self.buckets(&[], window, offset, &[&self.service_label, "le"])?;
        Some(self.in_seconds(&format!("histogram_quantile(0.95, sum by (service, le) ({}))", self.named(&buckets))))
    }

    /// `sum [by (…)] (rate(counter{…}[window] offset …))`
    fn requests(&self, matchers: &[String], window: Duration, offset: &str, by: &[&str]) -> String {
        sum_rate(&self.selector(&self.counter, matchers), window, offset, by)
    }

    /// Where nothing failed there is no series of failures: 0 stands in for it as long as there are requests.
    fn failures(&self, matchers: &[String], window: Duration, offset: &str, by: &[&str]) -> String {
        let none = format!("{} * 0", self.requests(matchers, window, offset, by));
        match &self.status {
            None => none,
            Some(status) => {
                let mut failing = matchers.to_vec();
                failing.push(format!("{}{}", status.label, status.shape.failed()));
                format!("{} or {none}", self.requests(&failing, window, offset, by))
            }
        }
    }

    fn buckets(&self, matchers: &[String], window: Duration, offset: &str, by: &[&str]) -> Option<String> {
        let histogram = self.histogram.as_ref()?;
        Some(sum_rate(&self.selector(&format!("{histogram}_bucket"), matchers), window, offset, by))
    }

    /// Sums by the shown name of the service.
    fn by_service(&self, query: &str) -> String {
        format!("sum by (service) ({})", self.named(query))
    }

    /// `service` becomes the last part of the service label's value.
    fn named(&self, query: &str) -> String {
        format!("label_replace({query}, \"service\", \"$2\", {}, \"(.*/)?(.+)\")", quote(&self.service_label))
    }

    fn in_seconds(&self, query: &str) -> String {
        match self.unit {
            Unit::Seconds => query.to_owned(),
            Unit::Milliseconds => format!("{query} / 1000"),
        }
    }
}

fn sum_rate(selector: &str, window: Duration, offset: &str, by: &[&str]) -> String {
    let rate = format!("rate({selector}[{}]{offset})", promql_duration(window));
    if by.is_empty() { format!("sum({rate})") } else { format!("sum by ({}) ({rate})", by.join(", ")) }
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

/// `90s`, or `1500ms` where a fraction is meant.
fn promql_duration(d: Duration) -> String {
    if d.subsec_millis() == 0 { format!("{}s", d.as_secs().max(1)) } else { format!("{}ms", d.as_millis()) }
}

#[cfg(test)]
mod tests;
