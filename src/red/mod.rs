//! RED metrics without configuration: which families a Prometheus has, which labels mean service, route and status.

pub mod discover;
mod families;
pub mod queries;

use std::time::Duration;

pub use discover::discover;
pub use families::{Kind, StatusShape, Unit};

/// The interval that is assumed where nothing tells it.
pub const USUAL_SCRAPE: Duration = Duration::from_secs(15);

/// What was found. An empty mapping: the server has no known family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedMapping {
    /// The families that exist, the preferred first.
    pub families: Vec<Family>,
    /// How far apart samples are; `None`: not known, [`USUAL_SCRAPE`] is assumed.
    pub scrape_interval: Option<Duration>,
}

/// A family of metrics as this server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name: "Micrometer".
    pub name: &'static str,
    /// What it measures.
    pub kind: Kind,
    /// The counter of requests.
    pub counter: String,
    /// The classic histogram of durations, without `_bucket`; `None`: it has none.
    pub histogram: Option<String>,
    /// Unit of the durations.
    pub unit: Unit,
    /// Matchers that leave only requests a service answers; may be empty.
    pub restrict: String,
    /// The label that names the service.
    pub service_label: String,
    /// The label that names the route, on the counter and on the histogram.
    pub route_label: Option<String>,
    /// How failures are told.
    pub status: Option<StatusRule>,
    /// Its services that no preferred family has, by name. `ns/svc` is `svc`.
    pub services: Vec<String>,
}

/// How a family tells failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRule {
    /// The label.
    pub label: String,
    /// What its values look like.
    pub shape: StatusShape,
}

impl RedMapping {
    /// The family that shows a service.
    pub fn family_of(&self, service: &str) -> Option<&Family> {
        self.families.iter().find(|f| f.services.iter().any(|s| s == service))
    }

    /// All services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.families.iter().flat_map(|f| f.services.iter().map(String::as_str))
    }

    /// The window for rates at a resolution: four scrapes, so that a missed one leaves no gap.
    pub fn rate_window(&self, step: Duration) -> Duration {
        let scrape = self.scrape_interval.unwrap_or(USUAL_SCRAPE);
        (4 * scrape).max(step + scrape)
    }
}

/// Names of the families that are looked for.
pub fn known_families() -> impl Iterator<Item = &'static str> {
    families::FAMILIES.iter().map(|f| f.name)
}

/// The name that is shown for a service label's value: the last part of `ns/svc`.
pub fn shown_service(value: &str) -> &str {
    value.rsplit('/').next().filter(|s| !s.is_empty()).unwrap_or(value)
}
