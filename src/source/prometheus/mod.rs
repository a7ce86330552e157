//! Prometheus and what speaks its API: Mimir, Thanos, VictoriaMetrics.

mod explore;
mod wire;

use std::time::Duration;

use compact_str::CompactString;

use super::http::{Endpoint, HttpClient, Observer, Request};
use crate::model::{
    alert::Engine,
    backend::{ErrorKind, SourceError},
    explored::Names,
    labels::{Matcher, selector},
    series::{Exemplar, Matrix, Vector},
    time::{TimeRange, Timestamp, nanos},
};

pub(super) use explore::{Data, explored};
pub use wire::{Build, FiringAlert, MetricMetadata, Rules};
pub(super) use wire::{Enveloped, QueryData, RuleGroups, matrix, rules};

/// Prometheus' own limit on the points of a series.
const MAX_POINTS: i64 = 11_000;
/// Values of a label that are asked for to choose from; servers before 3.2 ignore it, so it is enforced here.
const MAX_VALUES: usize = 10_000;
/// Names that are looked through: more than name anything that is looked for.
const MAX_NAMES: usize = 50_000;

/// The client of a Prometheus.
pub struct Prometheus {
    http: HttpClient,
}

impl Prometheus {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        Ok(Self { http: HttpClient::new(endpoint, observer)? })
    }

    /// The HTTP client: its address, its clock.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// An instant query.
    ///
    /// # Errors
    /// As any request; an expression that is a range vector or a string is a bad query.
    pub async fn query(&self, promql: &str, at: Timestamp) -> Result<Vector, SourceError> {
        let request = Request::post("/api/v1/query").param("query", promql).param("time", seconds(at));
        let data: wire::Enveloped<QueryData> = self.data("query", request).await?;
        wire::vector(data).map_err(|e| self.http.error(ErrorKind::BadQuery, e))
    }

    /// A range query. The range is widened to multiples of `step`, and the step to what keeps it below 11 000 points.
    ///
    /// # Errors
    /// As any request.
    pub async fn query_range(&self, promql: &str, range: TimeRange, step: Duration) -> Result<Matrix, SourceError> {
        let (range, step) = aligned(range, step);
        let request = Request::post("/api/v1/query_range")
            .param("query", promql)
            .param("start", seconds(range.start))
            .param("end", seconds(range.end))
            .param("step", step.as_secs_f64().to_string());
        let data: wire::Enveloped<QueryData> = self.data("query_range", request).await?;
        matrix(data, range, step).map_err(|e| self.http.error(ErrorKind::Decode, e))
    }

    /// Exemplars of the series an expression selects. A server that keeps none answers none.
    ///
    /// # Errors
    /// As any request.
    pub async fn exemplars(&self, promql: &str, range: TimeRange) -> Result<Vec<Exemplar>, SourceError> {
        let request = Request::post("/api/v1/query_exemplars")
            .param("query", promql)
            .param("start", seconds(range.start))
            .param("end", seconds(range.end));
        let answer = self.http.send(request).await?;
        if answer.status == 204 {
            return Ok(Vec::new());
        }
        Ok(wire::exemplars(Enveloped::read(&self.http, "query_exemplars", &answer)?.data))
    }

    /// Alerting rules and the alerts of each, in one answer.
    ///
    /// # Errors
    /// As any request.
    pub async fn rules(&self) -> Result<Rules, SourceError> {
        let told = self.data("rules", Request::get("/api/v1/rules").param("type", "alert")).await;
        Ok(wire::rules(told.map_err(not_for_this_tenant)?, Engine::Prometheus))
    }

    /// Pending and firing alerts, without their rules: for servers that do not tell rules.
    ///
    /// # Errors
    /// As any request.
    pub async fn alerts(&self) -> Result<Rules, SourceError> {
        let told = self.data("alerts", Request::get("/api/v1/alerts")).await;
        Ok(wire::alerts(told.map_err(not_for_this_tenant)?))
    }

    /// Values of a label on the series that match (all series without matchers), at most 10 000.
    ///
    /// # Errors
    /// As any request.
    pub async fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<CompactString>, SourceError> {
        let path = format!("/api/v1/label/{}/values", escaped_label(name));
        self.names("label values", Request::get(path), matchers_as(matchers), range).await
    }

    /// Names of the labels of the series that match.
    ///
    /// # Errors
    /// As any request.
    pub async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<CompactString>, SourceError> {
        self.names("label names", Request::post("/api/v1/labels"), matchers_as(matchers), range).await
    }

    /// Names of the labels of the series that a selector matches.
    ///
    /// # Errors
    /// As any request.
    pub async fn labels_of(&self, selector: &str, range: TimeRange) -> Result<Vec<CompactString>, SourceError> {
        self.names("label names", Request::post("/api/v1/labels"), Some(selector.to_owned()), range).await
    }

    async fn names(
        &self,
        what: &'static str,
        request: Request,
        of: Option<String>,
        range: TimeRange,
    ) -> Result<Vec<CompactString>, SourceError> {
        let request = in_range(request, range).param("limit", MAX_NAMES.to_string());
        Ok(self.listed(what, request, of, MAX_NAMES).await?.names)
    }

    /// A list of names, cut at a limit that an old server ignores.
    async fn listed(&self, what: &'static str, request: Request, of: Option<String>, limit: usize) -> Result<Names, SourceError> {
        let request = match of.filter(|selector| !selector.is_empty()) {
            Some(selector) => request.param("match[]", selector),
            None => request,
        };
        let mut data: wire::Enveloped<wire::Names> = self.data(what, request).await?;
        // The server says in words that it cut the list.
        let cut = data.data.0.len() > limit || (data.data.0.len() == limit && !data.warnings.is_empty());
        data.data.0.truncate(limit);
        Ok(Names { names: data.data.0.into_iter().map(|t| t.0).collect(), cut })
    }

    /// Type, help and unit of a metric; empty where this server did not scrape it itself.
    ///
    /// # Errors
    /// As any request.
    pub async fn metadata(&self, metric: &str) -> Result<Vec<MetricMetadata>, SourceError> {
        let request = Request::get("/api/v1/metadata").param("metric", metric);
        let mut data: wire::Enveloped<wire::Metadata> = self.data("metadata", request).await?;
        Ok(data.data.0.remove(metric).unwrap_or_default())
    }

    /// Which program and version answers.
    ///
    /// # Errors
    /// As any request.
    pub async fn buildinfo(&self) -> Result<Build, SourceError> {
        Ok(self.data::<Build>("buildinfo", Request::get("/api/v1/status/buildinfo")).await?.data)
    }

    /// Finds out what time it is there, unless answers say so: some gateways take their date away. `evaluated` is when it
    /// evaluated a rule last: where it does not tell its time, no earlier than that.
    ///
    /// # Errors
    /// Its clock is not known: as any request.
    pub async fn set_clock_right(&self, evaluated: Option<Timestamp>) -> Result<(), SourceError> {
        if self.http.is_dated() {
            return Ok(());
        }
        let told = self.server_time().await;
        let ahead = evaluated.filter(|at| *at > self.http.clock().uncorrected());
        if let Some(now) = told.as_ref().ok().copied().or(ahead) {
            self.http.note_time(now);
        }
        told.map(|_| ())
    }

    /// What `time()` is there. Without an instant to evaluate it at that is now.
    async fn server_time(&self) -> Result<Timestamp, SourceError> {
        let data: wire::Enveloped<QueryData> = self.data("time()", Request::post("/api/v1/query").param("query", "time()")).await?;
        let told = wire::vector(data).map_err(|e| self.http.error(ErrorKind::Decode, e))?;
        let now = told.elements.first().map(|(_, sample)| sample.value).filter(|v| v.is_finite() && *v > 0.0);
        now.map(Timestamp::from_secs_f64).ok_or_else(|| self.http.error(ErrorKind::Decode, "the answer to time() is no time"))
    }

    /// The scrape interval that most targets have; `None` where nothing is scraped.
    ///
    /// # Errors
    /// As any request.
    pub async fn scrape_interval(&self) -> Result<Option<Duration>, SourceError> {
        let request = Request::get("/api/v1/targets").param("state", "active");
        let data: wire::Enveloped<wire::Targets> = self.data("targets", request).await?;
        Ok(wire::usual_interval(&data.data))
    }

    async fn data<T: serde::de::DeserializeOwned + Default>(
        &self,
        what: &'static str,
        request: Request,
    ) -> Result<wire::Enveloped<T>, SourceError> {
        Enveloped::read(&self.http, what, &self.http.send(request).await?)
    }
}

/// Rules cannot be asked for in smaller pieces: Mimir refuses them where it evaluates none of a tenant.
fn not_for_this_tenant(error: SourceError) -> SourceError {
    match error.kind {
        ErrorKind::Refused => SourceError { kind: ErrorKind::NotSupported, ..error },
        _ => error,
    }
}

fn in_range(request: Request, range: TimeRange) -> Request {
    request.param("start", seconds(range.start)).param("end", seconds(range.end))
}

/// Start and end on multiples of the step, so that panels do not jitter and caches hit; both ends count as points.
fn aligned(range: TimeRange, step: Duration) -> (TimeRange, Duration) {
    let span = nanos(range.duration());
    let shortest = (span / (MAX_POINTS - 2)).max(1_000_000);
    let mut step = nanos(step).max(1_000_000);
    if step < shortest {
        step = shortest.saturating_add(999_999_999) / 1_000_000_000 * 1_000_000_000;
    }
    let step = Duration::from_nanos(step.unsigned_abs() / 1_000_000 * 1_000_000);
    let end = range.end.align_down(step);
    let start = range.start.align_down(step).min(end);
    (TimeRange { start, end }, step)
}

/// The selector of matchers; none of all series.
fn matchers_as(matchers: &[Matcher]) -> Option<String> {
    (!matchers.is_empty()).then(|| selector(matchers))
}

/// Seconds with milliseconds, exactly.
fn seconds(at: Timestamp) -> String {
    let ms = at.millis();
    format!("{}{}.{:03}", if ms < 0 { "-" } else { "" }, ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
}

/// A label name in a path: names beyond the classic form in Prometheus 3's `U__` escaping.
fn escaped_label(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return name.to_owned();
    }
    let mut out = "U__".to_owned();
    for c in name.chars() {
        match c {
            '_' => out.push_str("__"),
            c if c.is_ascii_alphanumeric() => out.push(c),
            c => out.push_str(&format!("_{:x}_", c as u32)),
        }
    }
    out
}

#[cfg(test)]
mod tests;
