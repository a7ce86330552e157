//! Finding the RED metrics of a Prometheus nobody described, with a bounded number of questions.

use std::{collections::BTreeSet, time::Duration};

use compact_str::CompactString;
use futures_util::future::{join_all, try_join_all};

use super::{
    Durations, Failures, Family, GivenQuantile, Kind, RedMapping, Requests, StatusRule, Unit,
    families::{ROUTE_LABELS, SERVICE_LABELS, STATUS_LABELS},
    intervals,
    names::{self, Candidate},
    recorded, shown_service,
    status::StatusShape,
};
use crate::{
    model::{
        backend::SourceError,
        labels::{LabelNames, MatchOp, Matcher, quote, selector},
        time::{TimeRange, Timestamp},
    },
    source::Prometheus,
};

/// How far back series are looked for: a service that vanished is still one.
const LOOK_BACK: Duration = Duration::from_secs(3600);
/// A service label has at least this many values if any label of the family has.
const FEWEST: usize = 2;
/// A label with more values names no services.
const MOST: usize = 5000;
/// A recording rule whose last sample is older is not used.
const FRESH: f64 = 150.0;
/// A highest bound above this is no number of seconds.
const MILLISECONDS_FROM: f64 = 600.0;

/// Asks for the known families, and for each that exists for the meaning of its labels: one question, then at most about
/// 20 a family. Of `own` labels, the first that a family has is taken before those that are usual.
///
/// # Errors
/// As any request. What the server refuses is left out and said in the mapping's notes, unless it refuses all.
pub async fn discover(prom: &Prometheus, own: &LabelNames, now: Timestamp) -> Result<RedMapping, SourceError> {
    let server = Server { prom, own, range: TimeRange { start: now - LOOK_BACK, end: now } };
    let mut notes = Vec::new();
    let names = server.metric_names(&mut notes).await?;
    let names: BTreeSet<&str> = names.iter().map(CompactString::as_str).collect();
    let candidates = names::candidates(&names);
    if !candidates.left_out.is_empty() {
        notes.push(format!("{} more families are left out: {}", candidates.left_out.len(), candidates.left_out.join(", ")));
    }
    let mut drafts = server.fresh_rules(recorded::rules(&names), now).await?;
    drafts.extend(try_join_all(candidates.found.iter().map(|c| server.drafts(c, now))).await?.into_iter().flatten());

    let (mut families, mut refused) = (Vec::new(), None);
    for (draft, family) in drafts.iter().zip(join_all(drafts.iter().map(|d| server.family(d))).await) {
        match family {
            Ok(family) => families.extend(family),
            Err(e) if e.is_of_the_question(true) => {
                notes.push(format!("{} is left out: {}", draft.name, e.message));
                refused = Some(e);
            }
            Err(e) => return Err(e),
        }
    }
    if let (true, Some(error)) = (families.is_empty(), refused) {
        return Err(error);
    }
    let mut mapping = RedMapping { families, scrape_interval: None, notes };
    mapping.sort();
    intervals::measure(prom, &mut mapping, now).await?;
    Ok(mapping)
}

/// What is known of a family before its labels are looked at.
struct Draft<'c> {
    name: String,
    kind: Kind,
    requests: Requests,
    durations: Option<Durations>,
    unit: Option<Unit>,
    failures: Vec<String>,
    /// The row of the table, where it is of one.
    candidate: Option<&'c Candidate>,
}

/// The server that is asked.
struct Server<'a> {
    prom: &'a Prometheus,
    own: &'a LabelNames,
    range: TimeRange,
}

impl Server<'_> {
    /// Names that may be of a family. A server that finds the question too large is asked for those without any prefix.
    async fn metric_names(&self, notes: &mut Vec<String>) -> Result<Vec<CompactString>, SourceError> {
        let ask = |pattern: String| async move {
            self.prom.label_values("__name__", &[Matcher::new("__name__", MatchOp::Regex, pattern)], self.range).await
        };
        match ask(format!("{}|{}", names::pattern(), recorded::PATTERN)).await {
            Err(e) if e.is_of_the_question(true) => {
                notes.push(format!("metrics with a prefix and recording rules were not looked for: {}", e.message));
                ask(names::exact_pattern()).await
            }
            answered => answered,
        }
    }

    /// The rules that have a sample of the last minutes.
    async fn fresh_rules(&self, rules: Vec<recorded::Rules>, now: Timestamp) -> Result<Vec<Draft<'static>>, SourceError> {
        if rules.is_empty() {
            return Ok(Vec::new());
        }
        let newest =
            |r: &recorded::Rules| format!("label_replace(max(timestamp({})), \"rule\", {}, \"\", \"\")", r.requests, quote(&r.requests));
        let query = rules.iter().map(newest).collect::<Vec<_>>().join(" or ");
        let newest = self.prom.query(&query, now).await?;
        let oldest = now.0 as f64 / 1e9 - FRESH;
        let fresh: BTreeSet<&str> =
            newest.elements.iter().filter(|(_, s)| s.value >= oldest).filter_map(|(labels, _)| labels.get("rule")).collect();
        Ok(rules.into_iter().filter(|r| fresh.contains(r.requests.as_str())).map(recorded_draft).collect())
    }

    /// A row of the table is two families where it has native histograms and counters beside them.
    async fn drafts<'c>(&self, candidate: &'c Candidate, now: Timestamp) -> Result<Vec<Draft<'c>>, SourceError> {
        let bare = match candidate.durations.as_ref().filter(|_| candidate.bare) {
            Some(name) => self.bare(name, now).await?,
            None => None,
        };
        let draft = |name, requests, durations| Draft {
            name,
            kind: candidate.known.kind,
            requests,
            durations,
            unit: candidate.known.unit,
            failures: candidate.failures.clone(),
            candidate: Some(candidate),
        };
        let mut out = Vec::new();
        if let (Some(Durations::Native(_)), Some(name)) = (&bare, &candidate.durations) {
            out.push(draft(format!("{}, native histograms", candidate.name()), Requests::Native(name.clone()), bare.clone()));
        }
        if let Some(counter) = &candidate.counter {
            let classic = candidate.durations.as_ref().filter(|_| candidate.classic);
            let durations = match classic {
                Some(name) => Some(Durations::Classic { buckets: format!("{name}_bucket"), bounds: Vec::new() }),
                None => bare.filter(|d| matches!(d, Durations::Given(_))),
            };
            let covered =
                matches!(out.first(), Some(Draft { requests: Requests::Native(name), .. }) if counter.strip_suffix("_count") == Some(name));
            // The `_count` that an older scrape of the same histogram left behind, without its buckets, tells nothing more.
            if !(covered && durations.is_none()) {
                out.push(draft(candidate.name(), Requests::Counter(counter.clone()), durations));
            }
        }
        Ok(out)
    }

    /// What a metric without suffix is: a summary, a native histogram, or neither.
    async fn bare(&self, name: &str, now: Timestamp) -> Result<Option<Durations>, SourceError> {
        let series = [Matcher::equal("__name__", name)];
        let labels = self.prom.label_names(&series, self.range).await?;
        if labels.iter().any(|l| l == "quantile") {
            let quantiles = self.prom.label_values("quantile", &series, self.range).await?;
            let given = quantiles.iter().filter_map(|text| {
                let q = text.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
                Some(GivenQuantile { q, metric: name.to_owned(), label: Some(text.to_string()) })
            });
            return Ok(Some(given.collect::<Vec<_>>()).filter(|g| !g.is_empty()).map(Durations::Given));
        }
        // A server that does not know the function has no native histograms.
        let query = format!("count(histogram_count({}))", selector(&series));
        match self.prom.query(&query, now).await {
            Ok(vector) => Ok((!vector.elements.is_empty()).then(|| Durations::Native(name.to_owned()))),
            Err(e) if e.is_of_the_question(true) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// `None`: no label names its services, or it is something else by the same name.
    async fn family(&self, draft: &Draft<'_>) -> Result<Option<Family>, SourceError> {
        let known = draft.candidate.map(|c| c.known);
        let mut series = vec![Matcher::equal("__name__", draft.requests.metric())];
        let labels = self.prom.label_names(&series, self.range).await?;
        let has = |label: &str| labels.iter().any(|l| l == label);
        if known.is_some_and(|k| !k.marks.is_empty() && !k.marks.iter().any(|m| has(m))) {
            return Ok(None);
        }
        let mut restrict = String::new();
        if let Some((label, expressions)) = known.and_then(|k| k.restrict).filter(|(label, _)| has(label)) {
            let Some(matcher) = self.restriction(label, expressions, &series).await? else { return Ok(None) };
            restrict = matcher.to_string();
            series.push(matcher);
        }
        let usual = known.map_or(&[][..], |k| k.services);
        let Some((service_label, values)) = self.service_label(&labels, usual, &series).await? else { return Ok(None) };
        let (durations, of_durations) = self.durations(draft, service_label).await?;
        let mut routes = labels.clone();
        routes.retain(|l| of_durations.as_ref().is_none_or(|of| of.contains(l)));
        let route_label = candidates(&self.own.metrics_route, &[], ROUTE_LABELS, &routes).find(|l| *l != service_label).map(str::to_owned);
        let failures = match self.status(draft, &labels, service_label, &series).await? {
            Some(rule) => Some(Failures::Status(rule)),
            None => self.failures(draft, service_label).await?.map(Failures::Counter),
        };
        let services: BTreeSet<String> = values.iter().map(|v| shown_service(v).to_owned()).filter(|s| !s.is_empty()).collect();
        Ok((!services.is_empty()).then(|| Family {
            name: draft.name.clone(),
            kind: draft.kind,
            unit: unit(durations.as_ref(), draft.unit),
            requests: draft.requests.clone(),
            durations,
            restrict,
            service_label: service_label.to_owned(),
            route_label,
            failures,
            scrape_interval: None,
            services: services.into_iter().collect(),
        }))
    }

    /// The first of the expressions that a value of the label matches; of one, the proof is that services are found.
    async fn restriction(&self, label: &str, expressions: &[&str], series: &[Matcher]) -> Result<Option<Matcher>, SourceError> {
        let values = self.prom.label_values(label, series, self.range).await?;
        let matches = |expression: &str| {
            regex::Regex::new(&format!("^(?:{expression})$")).is_ok_and(|regex| values.iter().any(|v| regex.is_match(v)))
        };
        Ok(expressions.iter().find(|e| matches(e)).map(|e| Matcher::new(label, MatchOp::Regex, *e)))
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
                _ => {}
            }
        }
        Ok(best)
    }

    async fn status(
        &self,
        draft: &Draft<'_>,
        labels: &[CompactString],
        service_label: &str,
        series: &[Matcher],
    ) -> Result<Option<StatusRule>, SourceError> {
        let row = draft.candidate.map_or(&[][..], |c| c.known.statuses);
        for label in candidates(&self.own.metrics_status, row, STATUS_LABELS, labels).filter(|l| *l != service_label) {
            let values = self.prom.label_values(label, series, self.range).await?;
            if let Some(shape) = StatusShape::of(label, values.iter().map(CompactString::as_str), draft.kind == Kind::Grpc) {
                return Ok(Some(StatusRule { label: label.to_owned(), shape }));
            }
        }
        Ok(None)
    }

    /// The first counter of failures that tells services apart as the requests do.
    async fn failures(&self, draft: &Draft<'_>, service_label: &str) -> Result<Option<String>, SourceError> {
        for counter in &draft.failures {
            let labels = self.prom.label_names(&[Matcher::equal("__name__", counter.as_str())], self.range).await?;
            if labels.iter().any(|l| l == service_label) {
                return Ok(Some(counter.clone()));
            }
        }
        Ok(None)
    }

    /// The durations with the bounds of their buckets, and their labels where those are not the requests'. Durations that
    /// do not tell services apart are none.
    async fn durations(
        &self,
        draft: &Draft<'_>,
        service_label: &str,
    ) -> Result<(Option<Durations>, Option<Vec<CompactString>>), SourceError> {
        let metric = match &draft.durations {
            None | Some(Durations::Native(_)) => return Ok((draft.durations.clone(), None)),
            Some(Durations::Classic { buckets, .. }) => buckets,
            Some(Durations::Given(given)) => &given[0].metric,
        };
        let series = [Matcher::equal("__name__", metric.as_str())];
        let labels = self.prom.label_names(&series, self.range).await?;
        if !labels.iter().any(|l| l == service_label) {
            return Ok((None, None));
        }
        let durations = match &draft.durations {
            Some(Durations::Classic { buckets, .. }) => {
                let mut bounds: Vec<f64> =
                    self.prom.label_values("le", &series, self.range).await?.iter().filter_map(|le| le.parse().ok()).collect();
                bounds.retain(|b: &f64| b.is_finite());
                bounds.sort_by(f64::total_cmp);
                // Prometheus 3 writes "1.0" where 2 wrote "1".
                bounds.dedup();
                Some(Durations::Classic { buckets: buckets.clone(), bounds })
            }
            other => other.clone(),
        };
        Ok((durations, Some(labels)))
    }
}

fn recorded_draft(rules: recorded::Rules) -> Draft<'static> {
    let given = (!rules.quantiles.is_empty()).then_some(Durations::Given(rules.quantiles));
    Draft {
        name: format!("{} ({})", recorded::NAME, rules.subject),
        kind: Kind::Recorded,
        requests: Requests::Recorded(rules.requests),
        durations: rules.buckets.map(|buckets| Durations::Classic { buckets, bounds: Vec::new() }).or(given),
        unit: None,
        failures: rules.failures.into_iter().collect(),
        candidate: None,
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
