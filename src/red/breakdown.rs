//! PromQL for the figures of a service by one of its labels: an answer has no more rows than are read, however many values
//! the label has.

use std::time::Duration;

use super::{Family, queries::tagged};
use crate::model::labels::label_name;

/// So many values that have the most requests, and as many that fail the most, have a row of their own.
pub const MOST: usize = 100;
/// The label of what an answer tells of all values together, and what it tells.
pub const OF_ALL: &str = "of_all";
/// The sum of the figure.
pub const SUM: &str = "sum";
/// How many values there are.
pub const VALUES: &str = "values";

impl Family {
    /// Requests a second of a service by its route label, their sum, and how many values there are. `None`: it has none.
    pub fn rate_by_route(&self, service: &str, window: Duration) -> Option<String> {
        let route = self.route_label.as_deref()?;
        let rate = self.requests(&[self.service_matcher(service)], window, &[route]);
        let sum = tagged(&self.rate_of(service, window), OF_ALL, SUM);
        let values = tagged(&format!("count({rate})"), OF_ALL, VALUES);
        Some(format!("{} or {sum} or {values}", self.of_rows(&rate, route, service, window)))
    }

    /// Failing requests a second of a service by its route label, 0 where none fails, and their sum. `None`: nobody can tell.
    pub fn errors_by_route(&self, service: &str, window: Duration) -> Option<String> {
        let route = self.route_label.as_deref()?;
        if self.failures_lack(std::iter::once(route)).is_some() {
            return None;
        }
        let matchers = [self.service_matcher(service)];
        let failing = self.failing(&matchers, window, &[route])?;
        let sum = tagged(&self.failed(&matchers, window, &[])?, OF_ALL, SUM);
        Some(format!("{} or {sum}", self.of_rows(&format!("({failing})"), route, service, window)))
    }

    /// The 95th percentile of a service in seconds by its route label. `None`: nobody can tell.
    pub fn p95_by_route(&self, service: &str, window: Duration) -> Option<String> {
        let route = self.route_label.as_deref()?;
        if self.durations_lack(std::iter::once(route)).is_some() {
            return None;
        }
        let matchers = [self.service_matcher(service)];
        let query = match self.given(0.95, &matchers) {
            Some(series) => single(&series, &label_name(route)),
            None => self.histogram_quantile(0.95, &matchers, window, &[route])?,
        };
        Some(self.of_rows(&self.in_seconds(&query), route, service, window))
    }

    /// Of the values of a label in an answer those that have a row: the same in all answers of one instant.
    fn of_rows(&self, query: &str, label: &str, service: &str, window: Duration) -> String {
        let matchers = [self.service_matcher(service)];
        let top = |query: String| format!("topk({MOST}, {query})");
        let busiest = top(self.requests(&matchers, window, &[label]));
        let failing = self.failed(&matchers, window, &[label]).filter(|_| self.failures_lack(std::iter::once(label)).is_none());
        let rows = failing.map_or_else(|| busiest.clone(), |failing| format!("{busiest} or {}", top(failing)));
        format!("({query} and on ({}) ({rows}))", label_name(label))
    }
}

/// The values of a label that only one series has; quantiles of several are never put together.
fn single(series: &str, label: &str) -> String {
    format!("(sum by ({label}) ({series}) and on ({label}) count by ({label}) ({series}) == 1)")
}
