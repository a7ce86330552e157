//! What `families.toml` says.

use serde::Deserialize;

/// Requests a second of an instance, where a case says nothing.
const OK: f64 = 80.0;
const FAILED: f64 = 20.0;

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Each service.
    pub case: Vec<Case>,
}

/// A service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub service: String,
    pub family: String,
    job: Option<String>,
    instances: Option<usize>,
    ok: Option<f64>,
    failed: Option<f64>,
    pub requests: Option<String>,
    pub durations: Option<String>,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    unit: Unit,
    #[serde(default)]
    pub apart: bool,
    #[serde(default)]
    pub labels: String,
    /// The same requests once more under other labels, which must not be counted.
    pub beside: Option<String>,
    #[serde(default)]
    pub when_ok: String,
    #[serde(default)]
    pub when_failed: String,
    pub failures: Option<String>,
    bounds: Option<Vec<f64>>,
    pub fault: Option<String>,
    /// Seconds between two scrapes, and between those of the last instance.
    scrape: Option<u64>,
    slowest: Option<u64>,
    /// Whether its names are of UTF-8, which Prometheus 2 does not take.
    #[serde(default)]
    utf8: bool,
    pub within: Option<f64>,
    #[serde(default)]
    hand: Hand,
    #[serde(default)]
    expect: Expect,
    #[serde(default)]
    pub flags: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Classic,
    Native,
    Summary,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    #[default]
    S,
    Ms,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hand {
    rate: Option<String>,
    errors: Option<String>,
    p95: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    rate: Option<Expected>,
    errors: Option<Expected>,
    p95: Option<Expected>,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "toml::Value")]
pub enum Expected {
    Value(f64),
    None,
}

impl From<toml::Value> for Expected {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Float(value) => Self::Value(value),
            toml::Value::String(none) if none == "none" => Self::None,
            other => panic!("expect {other:?}: write a number or \"none\""),
        }
    }
}

impl Cases {
    /// The file beside this one, as far as the server can scrape it.
    pub fn read(utf8: bool) -> Self {
        let mut all: Self = toml::from_str(include_str!("families.toml")).unwrap();
        all.case.retain(|case| utf8 || !case.utf8);
        all
    }
}

impl Case {
    pub fn job(&self) -> &str {
        self.job.as_deref().unwrap_or(&self.service)
    }

    pub fn instances(&self) -> usize {
        self.instances.unwrap_or(2)
    }

    /// Seconds between two scrapes of an instance.
    pub fn scraped_every(&self, instance: usize) -> u64 {
        let slowest = self.slowest.filter(|_| instance + 1 == self.instances());
        slowest.or(self.scrape).unwrap_or(1)
    }

    /// Well and failing requests a second of an instance.
    pub fn per_second(&self) -> [f64; 2] {
        let failed = if self.when_failed.is_empty() && self.failures.is_none() { 0.0 } else { FAILED };
        [self.ok.unwrap_or(OK), self.failed.unwrap_or(failed)]
    }

    /// A second in the unit of the durations.
    pub fn second(&self) -> f64 {
        if self.unit == Unit::Ms { 1000.0 } else { 1.0 }
    }

    /// Bounds of the buckets in seconds.
    pub fn bounds(&self) -> &[f64] {
        self.bounds.as_deref().unwrap_or(&[0.05, 0.1, 0.5, 1.0, 2.5])
    }

    /// The figure that follows from what the instances count.
    pub fn expected(&self, field: &str) -> Expected {
        let [ok, failed] = self.per_second();
        let (given, value) = match field {
            "rate" => (&self.expect.rate, (ok + failed) * self.instances() as f64),
            "errors" => (&self.expect.errors, failed / (ok + failed)),
            _ => (&self.expect.p95, 0.75),
        };
        given.clone().unwrap_or(Expected::Value(value))
    }

    /// What a person who knows the family asks.
    pub fn by_hand(&self, field: &str) -> Option<String> {
        let query = match field {
            "rate" => self.hand.rate.as_ref(),
            "errors" => self.hand.errors.as_ref(),
            _ => self.hand.p95.as_ref(),
        };
        let slowest = self.scraped_every(self.instances() - 1);
        query.map(|q| q.replace("$W", &format!("{}s", 4 * slowest)))
    }
}
