//! Which families the names of a server's metrics point to. Whether they are what they seem to be is asked later.

use std::collections::BTreeSet;

use super::families::{FAMILIES, Known};

/// Families of one row of the table beyond so many are left out: each costs some questions.
const MOST_PREFIXES: usize = 24;
/// Prefixes of metrics that count requests a program sends, not what it answers.
const CLIENTS: [&str; 6] = ["client", "outgoing", "outbound", "egress", "external", "upstream"];

/// A row of the table whose metrics are there.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The row.
    pub known: &'static Known,
    /// What the row's `*` stands for.
    pub prefix: String,
    /// The counters of requests that there are.
    pub counters: Vec<String>,
    /// The durations that there are.
    pub durations: Vec<Named>,
    /// Counters of failures.
    pub failures: Vec<String>,
}

/// Durations by their name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The name without suffix.
    pub name: String,
    /// Whether there are buckets as series.
    pub classic: bool,
    /// Whether there is a metric with the bare name: a native histogram or a summary.
    pub bare: bool,
}

/// What the names point to, in the order of the table.
#[derive(Debug, Default)]
pub struct Candidates {
    /// These.
    pub found: Vec<Candidate>,
    /// Names of families that are one too many.
    pub left_out: Vec<String>,
}

/// An expression for the names of all metrics of the table.
pub fn pattern() -> String {
    pattern_of(|_| true)
}

/// The same without those that may have any prefix: less for a server to look through.
pub fn exact_pattern() -> String {
    pattern_of(|name| !name.starts_with('*'))
}

fn pattern_of(wanted: fn(&str) -> bool) -> String {
    let mut names = BTreeSet::new();
    for known in FAMILIES {
        names.extend(known.counters.iter().chain(known.failures).filter(|c| wanted(c)).map(|c| expression(c)));
        names.extend(known.durations.iter().filter(|d| wanted(d)).map(|d| format!("{}(_bucket|_count)?", expression(d))));
    }
    names.into_iter().collect::<Vec<_>>().join("|")
}

fn expression(name: &str) -> String {
    match name.strip_prefix('*') {
        Some(rest) => format!(".+{}", regex::escape(rest)),
        None => regex::escape(name),
    }
}

/// The rows that these names have.
pub fn candidates(names: &BTreeSet<&str>) -> Candidates {
    let mut out = Candidates::default();
    for known in FAMILIES {
        let is_pattern = known.counters.iter().any(|c| c.starts_with('*'));
        let prefixes = if is_pattern { prefixes(known, names) } else { vec![String::new()] };
        for (place, prefix) in prefixes.into_iter().enumerate() {
            let Some(candidate) = candidate(known, prefix, names) else { continue };
            if place < MOST_PREFIXES { out.found.push(candidate) } else { out.left_out.push(candidate.name()) }
        }
    }
    drop_lesser(&mut out.found);
    out
}

/// A counter that one row has with its durations is no other row's without.
fn drop_lesser(found: &mut Vec<Candidate>) {
    let whole: BTreeSet<String> = found.iter().filter(|c| !c.durations.is_empty()).flat_map(|c| c.counters.clone()).collect();
    found.retain(|c| !c.durations.is_empty() || c.counters.iter().any(|name| !whole.contains(name)));
}

/// What the row's `*` may stand for: what other rows know by its full name, and requests that are sent, are left out.
fn prefixes(known: &Known, names: &BTreeSet<&str>) -> Vec<String> {
    let exact = |name: &str| FAMILIES.iter().any(|f| f.counters.contains(&name) || f.durations.iter().any(|d| name.starts_with(d)));
    let durations = known.durations.iter().flat_map(|d| [(*d).to_owned(), format!("{d}_count"), format!("{d}_bucket")]);
    let endings: Vec<String> = known.counters.iter().map(|c| (*c).to_owned()).chain(durations).collect();
    let found: BTreeSet<&str> = names
        .iter()
        .filter(|name| !exact(name))
        .filter_map(|name| endings.iter().find_map(|end| name.strip_suffix(end.strip_prefix('*')?)))
        .filter(|prefix| !prefix.is_empty() && !prefix.split(['_', ':']).any(|word| CLIENTS.contains(&word)))
        .filter(|prefix| !prefix.contains(':'))
        .collect();
    found.into_iter().map(str::to_owned).collect()
}

fn candidate(known: &'static Known, prefix: String, names: &BTreeSet<&str>) -> Option<Candidate> {
    let full = |name: &str| name.replacen('*', &prefix, 1);
    let has = |base: &str, suffix: &str| names.contains(format!("{base}{suffix}").as_str());
    let there = |names: &[&str]| names.iter().map(|name| full(name)).filter(|name| has(name, "")).collect::<Vec<_>>();
    let (mut counters, mut durations) = (there(known.counters), Vec::new());
    for name in known.durations.iter().map(|d| full(d)) {
        if known.counts && has(&name, "_count") {
            counters.push(format!("{name}_count"));
        }
        let named = Named { classic: has(&name, "_bucket"), bare: has(&name, ""), name };
        // Without buckets and quantiles there is nothing to show of them.
        durations.extend((named.classic || named.bare).then_some(named));
    }
    let counted = !counters.is_empty() || (known.counts && durations.iter().any(|d| d.bare));
    let failures = there(known.failures);
    counted.then_some(Candidate { known, prefix, counters, durations, failures })
}

impl Candidate {
    /// The name of the family: the row's, and what its `*` stands for.
    pub fn name(&self) -> String {
        if self.prefix.is_empty() { self.known.name.to_owned() } else { format!("{} ({}_)", self.known.name, self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Vec<String> {
        let show = |c: Candidate| {
            let durations: Vec<&str> = c.durations.iter().map(|d| d.name.as_str()).collect();
            format!("{}: {} | {}", c.name(), c.counters.join(" "), durations.join(" "))
        };
        candidates(&names.iter().copied().collect()).found.into_iter().map(show).collect()
    }

    #[test]
    fn any_prefix_is_a_family_and_what_is_sent_is_none() {
        let names = [
            "shop_http_requests_total",
            "shop_http_request_duration_seconds_bucket",
            "shop_http_request_duration_seconds_count",
            "flask_http_request_duration_seconds_count",
            "outgoing_http_requests_total",
            "my_client_http_requests_total",
            "kong_http_requests_total",
        ];
        assert_eq!(
            found(&names),
            [
                "Kong: kong_http_requests_total | ",
                "Prometheus client libraries (flask_): flask_http_request_duration_seconds_count | ",
                "Prometheus client libraries (shop_): shop_http_requests_total shop_http_request_duration_seconds_count | shop_http_request_duration_seconds",
            ]
        );
    }

    #[test]
    fn a_counter_with_durations_is_one_family_only() {
        let names = ["traces_spanmetrics_calls_total", "traces_spanmetrics_duration_milliseconds_bucket"];
        assert_eq!(
            found(&names),
            ["OpenTelemetry span metrics of Alloy: traces_spanmetrics_calls_total | traces_spanmetrics_duration_milliseconds"]
        );
    }

    #[test]
    fn a_count_of_durations_counts_requests_where_it_is_not_another_ones() {
        let durations = ["http_request_duration_seconds_bucket", "http_request_duration_seconds_count"];
        let plain = "Prometheus client libraries: http_request_duration_seconds_count | http_request_duration_seconds";
        assert_eq!(found(&durations), [plain]);
        let both = [durations[0], durations[1], "http_requests_received_total"];
        let net = ".NET (prometheus-net): http_requests_received_total | http_request_duration_seconds";
        assert_eq!(found(&both), [net, plain]);
    }

    #[test]
    fn too_many_prefixes_are_told() {
        let names: Vec<String> = (0..30).map(|i| format!("app{i:02}_http_requests_total")).collect();
        let all = candidates(&names.iter().map(String::as_str).collect());
        assert_eq!((all.found.len(), all.left_out.len()), (MOST_PREFIXES, 6));
        assert_eq!(all.left_out[0], "Prometheus client libraries (app24_)");
    }

    #[test]
    fn the_names_that_are_asked_for_are_those_that_are_read() {
        let pattern = regex::Regex::new(&format!("^(?:{})$", pattern())).unwrap();
        for name in
            ["http_server_request_duration_seconds_bucket", "http.server.request.duration", "x_y_http_requests_total", "a_failures_total"]
        {
            assert!(pattern.is_match(name), "{name}");
        }
        assert!(!pattern.is_match("httpXserver.request.duration") && !pattern.is_match("go_goroutines"));
    }
}
