//! Which label a service's lines are under, found as on the screen.

use std::time::Duration;

use tokio::time::timeout;

use super::super::report::say;
use crate::{
    model::{backend::SourceError, labels::selector, log_labels::LogLabels, time::TimeRange},
    red,
    source::{Loki, Sources},
    ui::format,
};

/// Metrics that do not tell their services by then are done without.
const PATIENCE: Duration = Duration::from_secs(5);

/// The labels that name services, in the order of how many services of the metrics they name, as far as these are told.
pub(super) async fn labels(sources: &Sources, loki: &Loki, range: TimeRange) -> Result<LogLabels, SourceError> {
    let services = async {
        let prometheus = sources.prometheus.as_ref()?;
        Some(timeout(PATIENCE, red::discover(prometheus, &sources.labels, prometheus.http().now())).await)
    };
    let (labels, services) = tokio::join!(loki.service_labels(&sources.labels, range), services);
    let labels = labels?;
    let why = match services {
        None => return Ok(labels),
        Some(Ok(Ok(red))) => return Ok(red.ranks(labels)),
        Some(Ok(Err(error))) => error.message,
        Some(Err(_)) => format!("no answer in {}", format::span(PATIENCE)),
    };
    if labels.labels().len() > 1 {
        say(format!("which services the metrics know is not told ({why}): of the labels that may name one, the usual is taken"));
    }
    Ok(labels)
}

/// Says where else lines of the service are.
pub(super) async fn tell_elsewhere(loki: &Loki, labels: &LogLabels, service: &str, range: TimeRange) {
    for matchers in labels.elsewhere(service) {
        let selector = selector(&matchers);
        let bytes = match loki.size(&selector, range, None).await {
            Ok(size) if size.total() == 0 => continue,
            Ok(size) => format::bytes(size.total() as f64),
            // Where no size is told, names are.
            Err(_) => match loki.label_values(&matchers[0].name, Some(&selector), range).await {
                Ok(names) if !names.is_empty() => "lines".to_owned(),
                _ => continue,
            },
        };
        say(format!("{bytes} of {service} under {} alone are not among these: '{selector}' asks for them", matchers[0].name));
    }
}
