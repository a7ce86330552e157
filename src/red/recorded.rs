//! Recording rules of the RED shape, by the naming that Prometheus recommends: `level:metric:operation`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::GivenQuantile;

/// The name of these families.
pub const NAME: &str = "Recording rules";

/// An expression for the names that may be such rules.
pub const PATTERN: &str = "[a-zA-Z_][a-zA-Z0-9_]*:[a-zA-Z0-9_]+:[a-zA-Z0-9_]+";

/// Words of a metric's name that do not tell what it is about.
const NOISE: [&str; 22] = [
    "request",
    "requests",
    "req",
    "reqs",
    "rq",
    "call",
    "calls",
    "handled",
    "handling",
    "error",
    "errors",
    "failure",
    "failures",
    "failed",
    "total",
    "count",
    "bucket",
    "duration",
    "latency",
    "seconds",
    "milliseconds",
    "ms",
];
/// Words of a metric that counts requests.
const REQUESTS: [&str; 8] = ["request", "requests", "req", "reqs", "rq", "call", "calls", "handled"];
/// Words of one that counts failures.
const FAILURES: [&str; 4] = ["error", "errors", "failure", "failures"];
/// Words of one that measures durations.
const DURATIONS: [&str; 2] = ["duration", "latency"];
/// Words of rules that are not what their other words say.
const OTHER: [&str; 12] =
    ["client", "outgoing", "ratio", "slo", "sli", "objective", "budget", "burn", "success", "size", "sum", "predicted"];

/// Rules that belong together: of one subject, over one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// What they are about and over which window: `http 5m`.
    pub subject: String,
    /// Requests a second.
    pub requests: String,
    /// Failures a second.
    pub failures: Option<String>,
    /// Rates of a histogram's buckets.
    pub buckets: Option<String>,
    /// Quantiles.
    pub quantiles: Vec<GivenQuantile>,
}

/// A rate over a longer window tells too late.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What a name says.
#[derive(Debug, PartialEq)]
enum Says {
    Requests(String),
    Failures(String),
    Buckets(String),
    Quantile(f64),
}

/// The rules among these names, of a subject those over the shortest window first. Where several levels are recorded, the
/// coarsest is taken.
pub fn rules(names: &BTreeSet<&str>) -> Vec<Rules> {
    let mut read: Vec<(&str, usize, String, Says)> = names.iter().filter_map(|name| read(name)).collect();
    read.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(b.0)));
    let mut by_subject: BTreeMap<(String, Duration, String), Rules> = BTreeMap::new();
    for (name, _, subject, says) in &read {
        let Says::Requests(window) = says else { continue };
        let Some(length) = length(window).filter(|l| *l <= LONGEST) else { continue };
        let rules = by_subject.entry((subject.clone(), length, window.clone())).or_default();
        if rules.requests.is_empty() {
            rules.requests = (*name).to_owned();
            rules.subject = format!("{subject} {window}").trim().to_owned();
        }
    }
    for (name, _, subject, says) in read {
        for ((_, _, window), rules) in by_subject.iter_mut().filter(|((of, ..), _)| *of == subject) {
            match &says {
                Says::Failures(over) if over == window => drop(rules.failures.get_or_insert_with(|| name.to_owned())),
                Says::Buckets(over) if over == window => drop(rules.buckets.get_or_insert_with(|| name.to_owned())),
                Says::Quantile(q) if rules.quantiles.iter().all(|g| g.q != *q) => {
                    rules.quantiles.push(GivenQuantile { q: *q, metric: name.to_owned(), label: None });
                }
                _ => {}
            }
        }
    }
    by_subject.into_values().collect()
}

/// Name, number of labels in its level, subject, meaning.
fn read<'n>(name: &&'n str) -> Option<(&'n str, usize, String, Says)> {
    let (level, rest) = name.split_once(':')?;
    let (metric, operation) = rest.rsplit_once(':')?;
    let words: Vec<&str> = metric.split([':', '_']).collect();
    let any = |list: &[&str]| words.iter().any(|w| list.contains(w));
    if any(&OTHER) {
        return None;
    }
    let subject = words.iter().filter(|w| !NOISE.contains(w) && !w.is_empty()).copied().collect::<Vec<_>>().join("_");
    let window = operation.strip_prefix("sum_").unwrap_or(operation).strip_prefix("rate").filter(|w| length(w).is_some());
    let says = match window {
        Some(over) if metric.ends_with("_bucket") => Says::Buckets(over.to_owned()),
        Some(over) if any(&FAILURES) || metric.ends_with("failed") || metric.ends_with("failed_total") => Says::Failures(over.to_owned()),
        Some(over) if any(&REQUESTS) || (any(&DURATIONS) && metric.ends_with("_count")) => Says::Requests(over.to_owned()),
        None if any(&DURATIONS) || any(&REQUESTS) => Says::Quantile(quantile(operation)?),
        _ => return None,
    };
    Some((name, level.split('_').count(), subject, says))
}

/// Of `5m`; nothing said is taken for the shortest.
fn length(window: &str) -> Option<Duration> {
    let unit = match window.chars().last() {
        None => return Some(Duration::ZERO),
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some(_) => return None,
    };
    let number: u64 = window[..window.len() - 1].parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(unit)?))
}

fn is_duration(text: &str) -> bool {
    !text.is_empty() && length(text).is_some()
}

/// `p95`, `p999`, `histogram_quantile95`, `99quantile`, `95percentile`, also with a window: `p95_5m`, `p99_rate5m`.
fn quantile(operation: &str) -> Option<f64> {
    let mut parts = operation.split('_').filter(|p| !p.is_empty() && !is_duration(p.strip_prefix("rate").unwrap_or(p)));
    let digits = parts.find_map(|part| {
        let part = part.trim_start_matches("quantile").trim_end_matches("percentile").trim_end_matches("quantile").trim_end_matches("th");
        let digits = part.strip_prefix(['p', 'q']).unwrap_or(part);
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
    })?;
    format!("0.{digits}").parse().ok().filter(|q: &f64| *q > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Vec<Rules> {
        rules(&names.iter().copied().collect())
    }

    #[test]
    fn rules_of_one_subject_and_window_belong_together() {
        let found = of(&[
            "job:http_requests:rate5m",
            "job_route:http_requests:rate5m",
            "job:http_requests:rate1h",
            "job:http_requests:rate10m",
            "job:http_errors:rate5m",
            "job:http_request_errors:ratio_rate5m",
            "job_le:http_request_duration_seconds_bucket:rate5m",
            "job:http_request_duration_seconds:p95",
            "job:http_request_duration_seconds:histogram_quantile99",
            "service:grpc_server_handled_total:rate1m",
            "job:http_client_requests:rate5m",
            "instance:node_cpu:rate5m",
            "node:request_size:rate5m",
        ]);
        let subjects: Vec<&str> = found.iter().map(|r| r.subject.as_str()).collect();
        assert_eq!(subjects, ["grpc_server 1m", "http 5m", "http 10m"], "the shortest first, and none that tells too late");
        let http = &found[1];
        assert_eq!(http.requests, "job:http_requests:rate5m");
        assert_eq!(http.failures.as_deref(), Some("job:http_errors:rate5m"));
        assert_eq!(http.buckets.as_deref(), Some("job_le:http_request_duration_seconds_bucket:rate5m"));
        let quantiles: Vec<f64> = http.quantiles.iter().map(|q| q.q).collect();
        assert_eq!(quantiles, [0.99, 0.95]);
        assert_eq!((found[2].failures.as_ref(), found[2].buckets.as_ref()), (None, None), "those are of another window");
    }

    #[test]
    fn quantiles_are_read_however_they_are_written() {
        let written = ["p95", "p999", "histogram_quantile95", "99quantile", "95percentile", "p95_5m", "p99_rate5m", "quantile_p50"];
        let read: Vec<Option<f64>> = written.iter().map(|w| quantile(w)).collect();
        assert_eq!(read, [Some(0.95), Some(0.999), Some(0.95), Some(0.99), Some(0.95), Some(0.95), Some(0.99), Some(0.5)]);
        assert_eq!((quantile("rate5m"), quantile("avg"), quantile("max_5m")), (None, None, None));
    }
}
