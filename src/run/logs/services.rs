//! Which labels a service's lines are under, found as on the screen.

use std::time::Duration;

use tokio::time::timeout;

use super::super::report::say;
use crate::{
    model::{
        backend::SourceError,
        labels::{Matcher, selector},
        log_labels::LogLabels,
        time::TimeRange,
    },
    red,
    source::{Loki, Sources},
    ui::format,
    views::logs::query::STREAMS,
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

/// The service's streams that another label names than the first: those whose lines are read as well, and those that have none
/// yet.
#[derive(Default)]
pub(super) struct Elsewhere {
    service: String,
    /// What selects those that are read.
    pub(super) joined: Vec<Vec<Matcher>>,
    /// What selects those that may begin to have lines.
    rest: Vec<Vec<Matcher>>,
}

impl Elsewhere {
    /// All that there may be of a service.
    pub(super) fn new(labels: &LogLabels, service: &str) -> Self {
        Self { service: service.to_owned(), joined: Vec::new(), rest: labels.elsewhere(service) }
    }

    /// Whether there are any that may begin to have lines.
    pub(super) fn may_grow(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Looks which of the rest have lines in a range by now, says so, and joins them to those that are read as long as these are not
    /// too many. Returns the new ones.
    pub(super) async fn look(&mut self, loki: &Loki, range: TimeRange) -> Vec<Vec<Matcher>> {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        for matchers in std::mem::take(&mut self.rest) {
            let Some(much) = held(loki, &matchers, range).await else {
                rest.push(matchers);
                continue;
            };
            let (selector, name, service) = (selector(&matchers), &matchers[0].name, &self.service);
            // The first label's own streams are one of them.
            if self.joined.len() + 1 < STREAMS {
                say(format!("{service} is also '{selector}', which {name} alone names: {much}"));
                self.joined.push(matchers.clone());
                found.push(matchers);
            } else {
                say(format!(
                    "{much} of {service} under {name} alone are not among these, as no more than {STREAMS} streams are joined: '{selector}' asks for them"
                ));
            }
        }
        self.rest = rest;
        found
    }
}

/// How much there is in a range, in words; `None`: nothing.
async fn held(loki: &Loki, matchers: &[Matcher], range: TimeRange) -> Option<String> {
    let selector = selector(matchers);
    match loki.size(&selector, range, None).await {
        Ok(size) => (size.total() > 0).then(|| format::bytes(size.total() as f64)),
        // Where no size is told, names are.
        Err(_) => match loki.label_values(&matchers.first()?.name, Some(&selector), range).await {
            Ok(names) if !names.is_empty() => Some("lines".to_owned()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_string_contains, path},
    };

    use super::*;
    use crate::{
        model::{backend::Backend, log_labels::ServiceLabel, time::Timestamp},
        source::http::Endpoint,
    };

    #[tokio::test]
    async fn streams_that_other_labels_name_are_joined_once_they_have_lines_as_many_as_are_read_at_once() {
        let server = MockServer::start().await;
        let told = |bytes: u64| {
            let result = format!(r#"{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{bytes}"]}}]}}"#);
            ResponseTemplate::new(200).set_body_raw(format!(r#"{{"status":"success","data":{result}}}"#), "application/json")
        };
        // Of `job` there is nothing at first.
        let nothing = Mock::given(path("/loki/api/v1/index/volume")).and(body_string_contains("query=%7Bjob%3D"));
        nothing.respond_with(told(0)).up_to_n_times(1).mount(&server).await;
        Mock::given(path("/loki/api/v1/index/volume")).respond_with(told(4096)).mount(&server).await;
        let loki = Loki::new(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap();
        let label = |name: &str| ServiceLabel::new(name, vec!["web".into()], &Arc::default());
        let all = ["service_name", "app", "job", "la", "lb", "lc", "ld", "le", "lf", "lg", "lh", "li", "lj"];
        let labels = LogLabels::new(all.map(label).into(), Vec::new());
        let range = TimeRange { start: Timestamp::from_secs(0), end: Timestamp::from_secs(60) };
        let mut elsewhere = Elsewhere::new(&labels, "web");
        let names = |all: &[Vec<Matcher>]| all.iter().map(|m| m[0].name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&elsewhere.look(&loki, range).await), [&["app"], &all[3..]].concat());
        assert!(elsewhere.may_grow());
        assert!(elsewhere.look(&loki, range).await.is_empty(), "a thirteenth stream is told of and left out");
        assert!(!elsewhere.may_grow());
    }
}
