//! Finding the RED metrics of a Prometheus nobody described, with a bounded number of questions.

use std::{collections::BTreeSet, time::Duration};

use compact_str::CompactString;
use futures_util::future::try_join_all;

use super::{
    Durations, FailureCounter, Failures, Family, GivenQuantile, Kind, RedMapping, Requests, StatusRule, Unanswered, Unit,
    families::{Known, ROUTE_LABELS, SERVICE_LABELS, STATUS_LABELS},
    intervals,
    names::{self, Candidate},
    recorded,
    said::Said,
    shown_service,
    status::StatusShape,
};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        labels::{LabelNames, MatchOp, Matcher, quote, selector},
        series::Vector,
        time::{TimeRange, Timestamp},
    },
    source::Prometheus,
};

/// How far back series are looked for: a service that vanished is still one.
const LOOK_BACK: Duration = Duration::from_secs(3600);
/// A service label has at least this many values if any label of the family has.
const FEWEST: usize = 2;
/// A label with more values names no services.
const MOST: usize = 20_000;
/// A recording rule whose last sample is older is not used.
const FRESH: f64 = 150.0;
/// A highest bound above this is no number of seconds.
const MILLISECONDS_FROM: f64 = 600.0;

/// Asks for the known families, and for each that exists for the meaning of its labels: one question, then at most about
/// 20 a family. Of `own` labels, the first that a family has is taken before those that are usual.
///
/// # Errors
/// As any request. What the server does not answer is left out and said in the mapping's notes, unless nothing is left.
pub async fn discover(prom: &Prometheus, own: &LabelNames, now: Timestamp) -> Result<RedMapping, SourceError> {
    let server = Server { prom, own, range: TimeRange { start: now - LOOK_BACK, end: now }, said: Said::default() };
    let names = server.metric_names().await?;
    let names: BTreeSet<&str> = names.iter().map(CompactString::as_str).collect();
    let candidates = names::candidates(&names);
    if !candidates.left_out.is_empty() {
        server.said.note(format!("{} more families are left out: {}", candidates.left_out.len(), candidates.left_out.join(", ")));
    }
    let mut rows = server.fresh_rules(recorded::rules(&names), now).await?;
    rows.extend(try_join_all(candidates.found.iter().map(|c| server.row(c, now))).await?);

    let found = try_join_all(rows.iter().map(|row| server.families(row))).await?;
    let mut families: Vec<Family> = found.into_iter().flatten().collect();
    if let (true, Some(error)) = (families.is_empty(), server.said.error()) {
        return Err(error);
    }
    name_apart(&mut families);
    let mut mapping = RedMapping { families, ..RedMapping::default() };
    mapping.sort();
    intervals::measure(prom, &mut mapping, now, &server.said).await?;
    mapping.notes = server.said.notes();
    mapping.unanswered = server.said.unanswered();
    Ok(mapping)
}

/// What is known of some families before their labels are looked at: different services count and measure differently.
struct Row {
    name: String,
    kind: Kind,
    /// Where requests are counted; a service that several count is counted by the first.
    requests: Vec<Requests>,
    /// Where durations are; the first that has a service is taken.
    durations: Vec<Durations>,
    unit: Option<Unit>,
    failures: Vec<String>,
    /// The row of the table, where it is of one.
    known: Option<&'static Known>,
}

/// What the labels of a counter of requests mean.
struct Roles {
    restrict: String,
    /// The restriction as part of a name, where it is not the usual one.
    apart: String,
    service_label: String,
    services: BTreeSet<String>,
    failures: Option<Failures>,
    labels: Vec<CompactString>,
}

/// The server that is asked.
struct Server<'a> {
    prom: &'a Prometheus,
    own: &'a LabelNames,
    range: TimeRange,
    said: Said,
}

impl Server<'_> {
    /// Names that may be of a family. A server that finds the question too large is asked for those without any prefix.
    async fn metric_names(&self) -> Result<Vec<CompactString>, SourceError> {
        let ask = |pattern: String| async move {
            self.prom.label_values("__name__", &[Matcher::new("__name__", MatchOp::Regex, pattern)], self.range).await
        };
        let all = ask(format!("{}|{}", names::pattern(), recorded::PATTERN)).await.map(Some);
        match self.said.alone(all, [Unanswered::Names], || "metrics with a prefix and recording rules were not looked for".to_owned())? {
            Some(names) => Ok(names),
            None => ask(names::exact_pattern()).await,
        }
    }

    /// The rules that have a sample of the last minutes.
    async fn fresh_rules(&self, rules: Vec<recorded::Rules>, now: Timestamp) -> Result<Vec<Row>, SourceError> {
        if rules.is_empty() {
            return Ok(Vec::new());
        }
        let newest =
            |r: &recorded::Rules| format!("label_replace(max(timestamp({})), \"rule\", {}, \"\", \"\")", r.requests, quote(&r.requests));
        let query = rules.iter().map(newest).collect::<Vec<_>>().join(" or ");
        let about = rules.iter().map(|r| Unanswered::Row(recorded_name(r)));
        let newest = self.said.alone(self.prom.query(&query, now).await, about, || "recording rules were not looked at".to_owned())?;
        let oldest = now.0 as f64 / 1e9 - FRESH;
        let fresh: BTreeSet<&str> =
            newest.elements.iter().filter(|(_, s)| s.value >= oldest).filter_map(|(labels, _)| labels.get("rule")).collect();
        Ok(rules.into_iter().filter(|r| fresh.contains(r.requests.as_str())).map(recorded_row).collect())
    }

    /// What a row of the table's names stand for.
    async fn row(&self, candidate: &Candidate, now: Timestamp) -> Result<Row, SourceError> {
        let (mut requests, mut durations) = (Vec::new(), Vec::new());
        for named in &candidate.durations {
            let bare = if named.bare { self.bare(&candidate.name(), &named.name, now).await? } else { Vec::new() };
            requests.extend(bare.iter().filter(|_| candidate.known.counts).filter_map(|d| match d {
                Durations::Native(name) => Some(Requests::Native(name.clone())),
                _ => None,
            }));
            durations.extend(named.classic.then(|| Durations::Classic { buckets: format!("{}_bucket", named.name), bounds: Vec::new() }));
            durations.extend(bare);
        }
        requests.extend(candidate.counters.iter().cloned().map(Requests::Counter));
        Ok(Row {
            name: candidate.name(),
            kind: candidate.known.kind,
            requests,
            durations,
            unit: candidate.known.unit,
            failures: candidate.failures.clone(),
            known: Some(candidate.known),
        })
    }

    /// What a metric without suffix holds: summaries, native histograms, neither, or both where services differ.
    async fn bare(&self, row: &str, name: &str, now: Timestamp) -> Result<Vec<Durations>, SourceError> {
        let series = [Matcher::equal("__name__", name)];
        let asked = match self.prom.query(&format!("count(histogram_count({}))", selector(&series)), now).await {
            // A server that does not know the function has no native histograms.
            Err(e) if e.kind == ErrorKind::BadQuery => Ok(Vector::default()),
            asked => asked,
        };
        let native = self.said.alone(asked, [Unanswered::row(row)], || format!("whether {name} has native histograms is not known"))?;
        let mut found = Vec::new();
        if !native.elements.is_empty() {
            found.push(Durations::Native(name.to_owned()));
        }
        let quantiles = self.prom.label_values("quantile", &series, self.range).await;
        let quantiles = self.said.alone(quantiles, [Unanswered::row(row)], || format!("whether {name} is a summary is not known"))?;
        let given = quantiles.iter().filter_map(|text| {
            let q = text.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
            Some(GivenQuantile { q, metric: name.to_owned(), label: Some(text.to_string()) })
        });
        found.extend(Some(given.collect::<Vec<_>>()).filter(|g| !g.is_empty()).map(Durations::Given));
        Ok(found)
    }

    /// A family for each way in which services are counted and measured.
    async fn families(&self, row: &Row) -> Result<Vec<Family>, SourceError> {
        let (mut families, mut counted) = (Vec::new(), BTreeSet::new());
        for requests in &row.requests {
            let roles = self.roles(row, requests).await;
            let all = self.said.alone(roles, [Unanswered::row(&row.name)], || format!("{} is left out", row.name))?;
            // A native histogram may have classic ones and counters beside it: those are another family.
            let mut natively = BTreeSet::new();
            let native = matches!(requests, Requests::Native(_));
            for mut roles in all {
                let known = if native { &mut natively } else { &mut counted };
                roles.services.retain(|s| known.insert(s.clone()));
                self.measure(row, requests, roles, &mut families).await?;
            }
        }
        Ok(families)
    }

    /// A family for each kind of durations that these services have.
    async fn measure(&self, row: &Row, requests: &Requests, mut roles: Roles, families: &mut Vec<Family>) -> Result<(), SourceError> {
        let native = matches!(requests, Requests::Native(_));
        for durations in row.durations.iter().filter(|d| matches!(d, Durations::Native(_)) == native) {
            if roles.services.is_empty() {
                break;
            }
            let measured = self.measured(row, requests, &roles, durations).await;
            let what = || format!("durations of {} are left out", row.name);
            if let Some(family) = self.said.alone(measured, [Unanswered::row(&row.name)], what)? {
                roles.services.retain(|s| !family.has(s));
                families.push(family);
            }
        }
        if !native && !roles.services.is_empty() {
            families.push(self.family(row, requests, &roles, None, &roles.labels));
        }
        Ok(())
    }

    /// The services that a metric counts, the first ones in the likeliest way. None: no label names them, or it is something
    /// else by the same name.
    async fn roles(&self, row: &Row, requests: &Requests) -> Result<Vec<Roles>, SourceError> {
        let series = Matcher::equal("__name__", requests.metric());
        let labels = self.prom.label_names(std::slice::from_ref(&series), self.range).await?;
        let has = |label: &str| labels.iter().any(|l| l == label);
        if row.known.is_some_and(|k| !k.marks.is_empty() && !k.marks.iter().any(|m| has(m))) {
            return Ok(Vec::new());
        }
        let Some((label, expressions)) = row.known.and_then(|k| k.restrict).filter(|(label, _)| has(label)) else {
            return Ok(self.roles_of(row, requests, None, &labels).await?.into_iter().collect());
        };
        let mut out = Vec::new();
        let all = self.restrictions(label, expressions, &series).await?;
        let most = if row.known.is_some_and(|k| k.restrict_apart) { all.len() } else { 1 };
        for restrict in all.into_iter().take(most) {
            let mut roles = self.roles_of(row, requests, Some(&restrict), &labels).await?;
            if let Some(roles) = roles.as_mut().filter(|_| !out.is_empty()) {
                roles.apart = format!(", {} {}", restrict.name, restrict.value);
            }
            out.extend(roles);
        }
        Ok(out)
    }

    /// Those of the series that a restriction leaves.
    async fn roles_of(
        &self,
        row: &Row,
        requests: &Requests,
        restrict: Option<&Matcher>,
        labels: &[CompactString],
    ) -> Result<Option<Roles>, SourceError> {
        let mut series = vec![Matcher::equal("__name__", requests.metric())];
        series.extend(restrict.cloned());
        let restrict = restrict.map(Matcher::to_string).unwrap_or_default();
        let usual = row.known.map_or(&[][..], |k| k.services);
        let Some((service_label, values)) = self.service_label(labels, usual, &series).await? else { return Ok(None) };
        let failures = self.told_failures(row, labels, service_label, &series).await;
        let failures =
            self.said.alone(failures, [Unanswered::row(&row.name)], || format!("which requests of {} fail is not known", row.name))?;
        let mut services = shown(&values);
        if let Requests::Native(name) = requests {
            let summaries = row.durations.iter().any(|d| matches!(d, Durations::Given(given) if given[0].metric == *name));
            if summaries {
                series.push(Matcher::new("quantile", MatchOp::NotEqual, ""));
                let given = shown(&self.prom.label_values(service_label, &series, self.range).await?);
                services.retain(|s| !given.contains(s));
            }
        }
        let service_label = service_label.to_owned();
        Ok(Some(Roles { restrict, apart: String::new(), service_label, services, failures, labels: labels.to_vec() }))
    }

    /// The family of the services that have these durations; `None`: none has.
    async fn measured(&self, row: &Row, requests: &Requests, roles: &Roles, durations: &Durations) -> Result<Option<Family>, SourceError> {
        let metric = match durations {
            Durations::Native(_) => return Ok(Some(self.family(row, requests, roles, Some(durations.clone()), &roles.labels))),
            Durations::Classic { buckets, .. } => buckets,
            Durations::Given(given) => &given[0].metric,
        };
        let series = [Matcher::equal("__name__", metric.as_str())];
        let labels = self.prom.label_names(&series, self.range).await?;
        if !labels.iter().any(|l| *l == roles.service_label) {
            return Ok(None);
        }
        let mut services = shown(&self.prom.label_values(&roles.service_label, &series, self.range).await?);
        services.retain(|s| roles.services.contains(s));
        if services.is_empty() {
            return Ok(None);
        }
        let durations = match durations {
            Durations::Classic { buckets, .. } => {
                let unknown = || format!("the bounds of {buckets} are not known, nor whether a quantile is the highest it can tell");
                let bounds = self.said.alone(self.bounds(&series).await, [Unanswered::row(&row.name)], unknown)?;
                Durations::Classic { buckets: buckets.clone(), bounds }
            }
            other => other.clone(),
        };
        let measured = self.family(row, requests, roles, Some(durations), &labels);
        Ok(Some(Family { services: services.into_iter().collect(), ..measured }))
    }

    /// A family, still without the distance of its samples. Its route label is on the durations as well.
    fn family(&self, row: &Row, requests: &Requests, roles: &Roles, durations: Option<Durations>, of: &[CompactString]) -> Family {
        let routes = candidates(&self.own.metrics_route, &[], ROUTE_LABELS, &roles.labels);
        let mut routes = routes.filter(|label| *label != roles.service_label && of.iter().any(|l| l == label));
        Family {
            name: format!("{}{}", row.name, roles.apart),
            row: row.name.clone(),
            kind: row.kind,
            unit: unit(durations.as_ref(), row.unit),
            requests: requests.clone(),
            duration_labels: if durations.is_some() { of.to_vec() } else { Vec::new() },
            durations,
            restrict: roles.restrict.clone(),
            service_label: roles.service_label.clone(),
            route_label: routes.next().map(str::to_owned),
            failures: roles.failures.clone(),
            scrape_interval: None,
            services: roles.services.iter().cloned().collect(),
        }
    }

    /// The finite bounds of a histogram. Prometheus 3 writes "1.0" where 2 wrote "1".
    async fn bounds(&self, series: &[Matcher]) -> Result<Vec<f64>, SourceError> {
        let written = self.prom.label_values("le", series, self.range).await?;
        let mut bounds: Vec<f64> = written.iter().filter_map(|le| le.parse().ok()).filter(|b: &f64| b.is_finite()).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        Ok(bounds)
    }

    /// Those of the expressions that a value of the label matches, in their order.
    async fn restrictions(&self, label: &str, expressions: &[&str], series: &Matcher) -> Result<Vec<Matcher>, SourceError> {
        let values = self.prom.label_values(label, std::slice::from_ref(series), self.range).await?;
        let matches = |expression: &str| {
            regex::Regex::new(&format!("^(?:{expression})$")).is_ok_and(|regex| values.iter().any(|v| regex.is_match(v)))
        };
        Ok(expressions.iter().filter(|e| matches(e)).map(|e| Matcher::new(label, MatchOp::Regex, *e)).collect())
    }

    /// The label that names services, with its values. The user's and the row's need no proof; of the usual ones, one that
    /// tells services apart is better than one that does not.
    async fn service_label<'l>(
        &'l self,
        labels: &'l [CompactString],
        row: &'l [&'l str],
        series: &[Matcher],
    ) -> Result<Option<(&'l str, Vec<CompactString>)>, SourceError> {
        for label in candidates(&self.own.metrics_service, row, &[], labels) {
            let values = self.prom.label_values(label, series, self.range).await?;
            if !values.is_empty() {
                return Ok(Some((label, values)));
            }
        }
        let mut best = None;
        for label in candidates(&[], &[], SERVICE_LABELS, labels) {
            let values = self.prom.label_values(label, series, self.range).await?;
            match values.len() {
                FEWEST..=MOST => return Ok(Some((label, values))),
                1 if best.is_none() => best = Some((label, values)),
                0 | 1 => {}
                many => {
                    self.said.note(format!("{label} has {many} values: no name of services, unless [labels] of the configuration says so"))
                }
            }
        }
        Ok(best)
    }

    /// By a label, or else by a counter of failures.
    async fn told_failures(
        &self,
        row: &Row,
        labels: &[CompactString],
        service_label: &str,
        series: &[Matcher],
    ) -> Result<Option<Failures>, SourceError> {
        Ok(match self.status(row, labels, service_label, series).await? {
            Some(rule) => Some(Failures::Status(rule)),
            None => self.failures(row, service_label).await?.map(Failures::Counter),
        })
    }

    async fn status(
        &self,
        row: &Row,
        labels: &[CompactString],
        service_label: &str,
        series: &[Matcher],
    ) -> Result<Option<StatusRule>, SourceError> {
        let first = row.known.map_or(&[][..], |k| k.statuses);
        for label in candidates(&self.own.metrics_status, first, STATUS_LABELS, labels).filter(|l| *l != service_label) {
            let values = self.prom.label_values(label, series, self.range).await?;
            if let Some(shape) = StatusShape::of(label, values.iter().map(CompactString::as_str), row.kind == Kind::Grpc) {
                return Ok(Some(StatusRule { label: label.to_owned(), shape }));
            }
        }
        Ok(None)
    }

    /// The first counter of failures that tells services apart as the requests do.
    async fn failures(&self, row: &Row, service_label: &str) -> Result<Option<FailureCounter>, SourceError> {
        for metric in &row.failures {
            let labels = self.prom.label_names(&[Matcher::equal("__name__", metric.as_str())], self.range).await?;
            if labels.iter().any(|l| l == service_label) {
                return Ok(Some(FailureCounter { metric: metric.clone(), labels }));
            }
        }
        Ok(None)
    }
}

/// The names of services that label values stand for.
fn shown(values: &[CompactString]) -> BTreeSet<String> {
    values.iter().map(|v| shown_service(v).to_owned()).filter(|s| !s.is_empty()).collect()
}

/// No two families have the same name.
fn name_apart(families: &mut [Family]) {
    let mut taken = BTreeSet::new();
    for family in families {
        let kind = match &family.durations {
            Some(Durations::Native(_)) => ", native histograms",
            Some(Durations::Given(_)) => ", summaries",
            Some(Durations::Classic { .. }) => "",
            None => ", without durations",
        };
        if matches!(family.durations, Some(Durations::Native(_))) || taken.contains(&family.name) {
            family.name.push_str(kind);
        }
        if taken.contains(&family.name) {
            family.name = format!("{} ({})", family.name, family.requests.metric());
        }
        taken.insert(family.name.clone());
    }
}

fn recorded_name(rules: &recorded::Rules) -> String {
    format!("{} ({})", recorded::NAME, rules.subject)
}

fn recorded_row(rules: recorded::Rules) -> Row {
    let name = recorded_name(&rules);
    let buckets = rules.buckets.map(|buckets| Durations::Classic { buckets, bounds: Vec::new() });
    let given = (!rules.quantiles.is_empty()).then_some(Durations::Given(rules.quantiles));
    Row {
        name,
        kind: Kind::Recorded,
        requests: vec![Requests::Recorded(rules.requests)],
        durations: buckets.into_iter().chain(given).collect(),
        unit: None,
        failures: rules.failures.into_iter().collect(),
        known: None,
    }
}

/// By the name, by what is known of the family, or by the bounds.
fn unit(durations: Option<&Durations>, known: Option<Unit>) -> Unit {
    let (name, highest) = match durations {
        None => return known.unwrap_or(Unit::Seconds),
        Some(Durations::Classic { buckets, bounds }) => (buckets.as_str(), bounds.last().copied()),
        Some(Durations::Native(name)) => (name.as_str(), None),
        Some(Durations::Given(given)) => (given[0].metric.as_str(), None),
    };
    let mut words = name.split(['_', '.', ':']);
    if words.any(|w| w == "seconds") {
        Unit::Seconds
    } else if name.split(['_', '.', ':']).any(|w| matches!(w, "milliseconds" | "ms")) {
        Unit::Milliseconds
    } else if let Some(known) = known {
        known
    } else if highest.is_some_and(|b| b > MILLISECONDS_FROM) {
        Unit::Milliseconds
    } else {
        Unit::Seconds
    }
}

/// Names that are there: the user's before the row's, and those before the usual.
fn candidates<'a>(
    own: &'a [String],
    row: &'a [&'a str],
    usual: &'a [&'a str],
    present: &'a [CompactString],
) -> impl Iterator<Item = &'a str> {
    let all = own.iter().map(String::as_str).chain(row.iter().copied()).chain(usual.iter().copied());
    all.filter(|name| present.iter().any(|l| l == name))
}

#[cfg(test)]
mod tests;
