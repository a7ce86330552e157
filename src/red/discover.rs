//! Finding the RED metrics of a Prometheus nobody described, with a bounded number of questions.

use std::{collections::BTreeSet, time::Duration};

use compact_str::CompactString;
use futures_util::future::try_join_all;

use super::{
    Family, RedMapping, StatusRule,
    families::{FAMILIES, Kind, Known, ROUTE_LABELS, SERVICE_LABELS, STATUS_LABELS, StatusShape},
    shown_service,
};
use crate::{
    model::{
        backend::SourceError,
        labels::{LabelNames, MatchOp, Matcher, quote},
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

/// Asks for the known families, and for each that exists for the meaning of its labels: one question, then at most about
/// 20 a family. Of `own` labels, the first that a family has is taken before those that are usual.
///
/// # Errors
/// As any request; a family whose details fail fails the discovery, so that no half mapping is taken for the whole.
pub async fn discover(prom: &Prometheus, own: &LabelNames, now: Timestamp) -> Result<RedMapping, SourceError> {
    let range = TimeRange { start: now - LOOK_BACK, end: now };
    let names = prom.label_values("__name__", &[Matcher::new("__name__", MatchOp::Regex, all_names())], range).await?;
    let present = |name: &str| names.iter().any(|n| n == name);
    let found = FAMILIES.iter().filter_map(|known| {
        let counter = known.counters.iter().find(|c| present(c))?;
        let histogram = present(&format!("{}_bucket", known.histogram)).then_some(known.histogram);
        Some(family(prom, known, own, counter, histogram, range))
    });
    let mut families: Vec<Family> = try_join_all(found).await?.into_iter().flatten().collect();
    let mut taken = BTreeSet::new();
    for family in &mut families {
        family.services.retain(|s| taken.insert(s.clone()));
    }
    let scrape_interval = match families.first() {
        Some(_) => scrape_interval(prom, &families, now).await?,
        None => None,
    };
    Ok(RedMapping { families, scrape_interval })
}

fn all_names() -> String {
    let names = FAMILIES.iter().flat_map(|f| f.counters.iter().map(|c| (*c).to_owned()).chain([format!("{}_bucket", f.histogram)]));
    names.collect::<Vec<_>>().join("|")
}

/// `None`: no label names its services.
async fn family(
    prom: &Prometheus,
    known: &Known,
    own: &LabelNames,
    counter: &str,
    histogram: Option<&str>,
    range: TimeRange,
) -> Result<Option<Family>, SourceError> {
    let mut series = vec![Matcher::equal("__name__", counter)];
    if known.kind == Kind::Spans {
        series.push(Matcher::new("span_kind", MatchOp::Regex, "SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"));
    }
    let labels = prom.label_names(&series, range).await?;
    let Some((service_label, values)) = service_label(prom, &labels, &own.metrics_service, &series, range).await? else {
        return Ok(None);
    };

    let mut status = None;
    for label in candidates(&own.metrics_status, STATUS_LABELS, &labels).filter(|l| *l != service_label) {
        let values = prom.label_values(label, &series, range).await?;
        if let Some(shape) = StatusShape::of(values.iter().map(CompactString::as_str), known.kind == Kind::Grpc) {
            status = Some(StatusRule { label: label.to_owned(), shape });
            break;
        }
    }

    let mut route_labels = labels.clone();
    if let Some(histogram) = histogram.filter(|h| !counter.starts_with(h)) {
        let of_histogram = prom.label_names(&[Matcher::equal("__name__", format!("{histogram}_bucket"))], range).await?;
        route_labels.retain(|l| of_histogram.contains(l));
    }
    let route_label = candidates(&own.metrics_route, ROUTE_LABELS, &route_labels).next().map(str::to_owned);

    let services: BTreeSet<String> = values.iter().map(|v| shown_service(v).to_owned()).filter(|s| !s.is_empty()).collect();
    Ok(Some(Family {
        name: known.name,
        kind: known.kind,
        counter: counter.to_owned(),
        histogram: histogram.map(str::to_owned),
        unit: known.unit,
        restrict: known.restrict.to_owned(),
        service_label: service_label.to_owned(),
        route_label,
        status,
        services: services.into_iter().collect(),
    }))
}

/// Names that are there, the user's before the usual.
fn candidates<'a>(own: &'a [String], usual: &'a [&'a str], present: &'a [CompactString]) -> impl Iterator<Item = &'a str> {
    own.iter().map(String::as_str).chain(usual.iter().copied()).filter(|name| present.iter().any(|l| l == name))
}

/// The label that names services, with its values. The user's needs no proof; of the usual ones, one that tells services
/// apart is better than one that does not.
async fn service_label<'a>(
    prom: &Prometheus,
    labels: &'a [CompactString],
    own: &'a [String],
    series: &[Matcher],
    range: TimeRange,
) -> Result<Option<(&'a str, Vec<CompactString>)>, SourceError> {
    if let Some(label) = candidates(own, &[], labels).next() {
        return Ok(Some((label, prom.label_values(label, series, range).await?)));
    }
    let mut best = None;
    for label in candidates(&[], SERVICE_LABELS, labels) {
        let values = prom.label_values(label, series, range).await?;
        match values.len() {
            FEWEST..=MOST => return Ok(Some((label, values))),
            1 if best.is_none() => best = Some((label, values)),
            _ => {}
        }
    }
    Ok(best)
}

/// The largest interval of the families, each measured on one service: data that was written, not scraped, knows no
/// target. The series with the most samples in 10 min tells; rounded to what people configure.
async fn scrape_interval(prom: &Prometheus, families: &[Family], now: Timestamp) -> Result<Option<Duration>, SourceError> {
    const SPAN: f64 = 600.0;
    let counts = families.iter().filter_map(|f| {
        let service = f.services.first()?;
        let selector = f.selector(&f.counter, &[f.service_matcher(service)]);
        Some(format!("label_replace(max(count_over_time({selector}[10m])), \"family\", {}, \"\", \"\")", quote(f.name)))
    });
    let query = counts.collect::<Vec<_>>().join(" or ");
    if query.is_empty() {
        return Ok(None);
    }
    let counts = prom.query(&query, now).await?;
    let fewest = counts.elements.iter().map(|(_, s)| s.value).filter(|v| *v >= 2.0).min_by(f64::total_cmp);
    match fewest {
        Some(samples) => Ok(Some(rounded(SPAN / samples))),
        None => prom.scrape_interval().await.or(Ok(None)),
    }
}

/// The configured interval nearest to a measured one.
fn rounded(seconds: f64) -> Duration {
    const USUAL: [u64; 9] = [1, 2, 5, 10, 15, 20, 30, 60, 120];
    let nearest = USUAL.into_iter().min_by(|a, b| (*a as f64 - seconds).abs().total_cmp(&(*b as f64 - seconds).abs()));
    Duration::from_secs(nearest.unwrap_or(15))
}

#[cfg(test)]
mod tests;
