//! `redline doctor`: asks every backend what it is, and shows what was found and how labels were mapped.

mod print;

use std::{collections::BTreeSet, time::Duration};

use compact_str::CompactString;
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    core::request::label_window,
    model::{
        backend::{Backend, ErrorKind, SourceError},
        labels::{LabelNames, Matcher, selector},
        log_labels::LogLabels,
        time::{TimeRange, TimeWindow, Timestamp},
        trace_source::{Abilities, Ability, PlainQuery, TraceOrigin, TraceQuery},
    },
    red::{self, RedMapping},
    source::{Alertmanager, Alertmanagers, Jaeger, Loki, Prometheus, Sources, Tempo, http::HttpClient, traces::TraceSearch},
    ui::format,
};

/// How far back is looked for what a backend has.
const LOOK_BACK: Duration = Duration::from_secs(3600);

/// Clocks that differ by more make live windows miss the newest data.
const CLOCK_LIMIT: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Each configured backend, in the order of the header.
    pub backends: Vec<Check>,
    /// The RED metrics; `None` without a Prometheus that answers.
    pub red: Option<Result<RedMapping, SourceError>>,
    /// The labels that name services in logs; `None` without a Loki that answers.
    pub logs: Option<Result<LogLabels, SourceError>>,
    /// Services whose lines the configuration says are where there are none.
    pub astray: Vec<String>,
    /// Services with streams that only a label after their first names: that label, and the services.
    pub elsewhere: Vec<(CompactString, Vec<String>)>,
    /// What the configuration says labels mean.
    pub labels: LabelNames,
}

/// Services of the metrics that logs have, with what selects them there, and those that logs have not.
type ByLogs<'a> = (Vec<(&'a str, Vec<Matcher>)>, Vec<&'a str>);

/// One backend.
#[derive(Debug)]
pub struct Check {
    /// Which.
    pub backend: Backend,
    /// Its address, without credentials.
    pub url: String,
    /// How long the first answer took.
    pub latency: Duration,
    /// What it is, or why there is no answer.
    pub found: Result<Found, SourceError>,
    /// The server's clock minus ours in nanoseconds, as far as its answers told; to a second.
    pub clock_skew: i64,
}

/// What a backend is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its version; empty when it does not tell.
    pub version: String,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// What others of its kind can do and it cannot, in words.
    pub lacks: Vec<String>,
}

/// Asks all backends at once.
pub async fn check(sources: &Sources, now: Timestamp) -> Report {
    let (prometheus, alertmanagers, loki, tempo, jaeger) = tokio::join!(
        maybe(sources.prometheus.as_ref(), |p| checked(p.http(), prometheus(p, now))),
        join_all(sources.alertmanager.iter().flat_map(Alertmanagers::each).map(|a| checked(a.http(), alertmanager(a)))),
        maybe(sources.loki.as_ref(), |l| checked(l.http(), loki(l, now))),
        maybe(sources.tempo.as_ref(), |t| checked(t.http(), tempo(t, now))),
        maybe(sources.jaeger.as_ref(), |j| checked(j.http(), jaeger(j, now))),
    );
    let answers = |check: &Option<Check>| check.as_ref().is_some_and(|c| c.found.is_ok());
    let (red, logs) = tokio::join!(
        maybe(sources.prometheus.as_ref().filter(|_| answers(&prometheus)), |p| red::discover(p, &sources.labels, now)),
        maybe(sources.loki.as_ref().filter(|_| answers(&loki)), |l| logs(l, &sources.labels, now)),
    );
    let (logs, astray) = logs.map_or((None, Vec::new()), |(logs, astray)| (Some(logs), astray));
    let logs = logs.map(|found| found.map(|labels| compared(labels, &red)));
    let elsewhere = match (&sources.loki, &logs) {
        (Some(loki), Some(Ok(labels))) => elsewhere(loki, labels, looked_at(now)).await,
        _ => Vec::new(),
    };
    let backends = prometheus.into_iter().chain(alertmanagers).chain(loki).chain(tempo).chain(jaeger).collect();
    Report { backends, red, logs, astray, elsewhere, labels: sources.labels.clone() }
}

/// When streams are looked for.
fn looked_at(now: Timestamp) -> TimeRange {
    label_window(TimeWindow::Last(LOOK_BACK), now).range(now)
}

/// Services with streams that only a label after their first names. A Loki that does not tell has none.
async fn elsewhere(loki: &Loki, labels: &LogLabels, range: TimeRange) -> Vec<(CompactString, Vec<String>)> {
    let named = labels.named_by_one();
    let values = join_all(named.iter().map(|(label, matchers)| {
        let selector = selector(matchers);
        async move { loki.label_values(&label.name, Some(&selector), range).await.unwrap_or_default() }
    }));
    let mut out = Vec::new();
    for ((label, _), values) in named.iter().zip(values.await) {
        let is_second = |value: &CompactString| {
            let service = labels.service_of(&[(label.name.as_str(), value.as_str())].into_iter().collect())?.to_owned();
            let is_elsewhere = labels.elsewhere(&service).iter().any(|matchers| matchers.first().is_some_and(|m| m.name == label.name));
            is_elsewhere.then_some(service)
        };
        let services: BTreeSet<String> = values.iter().filter_map(is_second).collect();
        if !services.is_empty() {
            out.push((label.name.clone(), services.into_iter().collect()));
        }
    }
    out
}

/// The labels that name services, and the services that the configuration puts where no lines are.
async fn logs(loki: &Loki, user: &LabelNames, now: Timestamp) -> (Result<LogLabels, SourceError>, Vec<String>) {
    let range = looked_at(now);
    let is_astray = async |(service, matchers): (&String, &Vec<Matcher>)| {
        let name = &matchers.iter().find(|m| m.is_equal())?.name;
        let values = loki.label_values(name, Some(&selector(matchers)), range).await;
        values.is_ok_and(|values| values.is_empty()).then(|| service.clone())
    };
    let (labels, astray) = tokio::join!(loki.service_labels(user, range), join_all(user.logs_services.iter().map(is_astray)));
    (labels, astray.into_iter().flatten().collect())
}

fn compared(labels: LogLabels, red: &Option<Result<RedMapping, SourceError>>) -> LogLabels {
    match red {
        Some(Ok(red)) => red.ranks(labels),
        _ => labels,
    }
}

async fn maybe<'s, T, F: Future>(source: Option<&'s T>, ask: impl FnOnce(&'s T) -> F) -> Option<F::Output> {
    match source {
        Some(source) => Some(ask(source).await),
        None => None,
    }
}

async fn checked(http: &HttpClient, asked: impl Future<Output = Result<(Found, Duration), SourceError>>) -> Check {
    let started = Instant::now();
    let answer = asked.await;
    let latency = answer.as_ref().map_or_else(|_| started.elapsed(), |(_, first)| *first);
    Check { backend: http.backend(), url: http.base().to_string(), latency, found: answer.map(|(found, _)| found), clock_skew: http.skew() }
}

async fn prometheus(p: &Prometheus, now: Timestamp) -> Result<(Found, Duration), SourceError> {
    let started = Instant::now();
    p.query("vector(1)", now).await?;
    let first = started.elapsed();
    let range = TimeRange { start: now - LOOK_BACK, end: now };
    let (build, rules, exemplars, metadata) = tokio::join!(p.buildinfo(), p.rules(), p.exemplars("up", range), p.metadata("up"));
    let build = build.unwrap_or_default();
    let mut capabilities = present(&[("rules", rules.is_ok()), ("exemplars", exemplars.is_ok()), ("metadata", metadata.is_ok())]);
    if !build.application.is_empty() {
        capabilities.insert(0, build.application);
    }
    capabilities.extend(rules.into_iter().flat_map(|rules| rules.warnings));
    Ok((Found { version: build.version, capabilities, lacks: Vec::new() }, first))
}

async fn alertmanager(a: &Alertmanager) -> Result<(Found, Duration), SourceError> {
    let started = Instant::now();
    let status = a.status().await?;
    let first = started.elapsed();
    let (alerts, silences) = tokio::join!(a.alerts(), a.silences());
    let mut capabilities = present(&[("alerts", alerts.is_ok()), ("silences", silences.is_ok())]);
    if status.peers.len() > 1 {
        capabilities.push(format!("cluster of {}, {}", status.peers.len(), status.cluster));
    }
    Ok((Found { version: status.version, capabilities, lacks: Vec::new() }, first))
}

async fn loki(l: &Loki, now: Timestamp) -> Result<(Found, Duration), SourceError> {
    let started = Instant::now();
    l.ready().await?;
    let first = started.elapsed();
    let range = TimeRange { start: now - LOOK_BACK, end: now };
    // Any selector does: it is only seen whether the API exists.
    let any = "{service_name=~\".+\"}";
    let (build, stats, volume, rules) = tokio::join!(l.buildinfo(), l.stats(any, range), l.volume(any, range, LOOK_BACK), l.rules());
    let has_ruler = rules.is_ok_and(|told| told.is_some());
    let capabilities = present(&[("labels", true), ("stats", stats.is_ok()), ("volume", volume.is_ok()), ("rules", has_ruler)]);
    Ok((Found { version: build.map(|b| b.version).unwrap_or_default(), capabilities, lacks: Vec::new() }, first))
}

async fn tempo(t: &Tempo, now: Timestamp) -> Result<(Found, Duration), SourceError> {
    let started = Instant::now();
    let version = t.version().await?.to_owned();
    let first = started.elapsed();
    let able = t.abilities(&Ability::ALL).await?;
    // One hit is opened, so that it is known which API gives traces.
    let searched = t.search(&any_trace(now)).await;
    let hit = searched.as_ref().ok().and_then(|found| found.hits.first());
    let opened = maybe(hit, |hit| t.trace(hit.trace, None)).await;
    let api = t.trace_api();
    let mut capabilities: Vec<String> = able.has.iter().map(|ability| ability.name().to_owned()).collect();
    match (opened, api) {
        (Some(Ok(_)), Some(api)) => capabilities.push(format!("trace by id (v{api})")),
        (Some(Ok(_)), None) => capabilities.push("trace by id".to_owned()),
        (Some(Err(error)), _) if error.kind != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let lacks = Ability::ALL.into_iter().filter_map(|ability| able.why_not(ability)).map(str::to_owned).collect();
    Ok((Found { version, capabilities, lacks }, first))
}

async fn jaeger(j: &Jaeger, now: Timestamp) -> Result<(Found, Duration), SourceError> {
    let started = Instant::now();
    let services = j.services().await?;
    let first = started.elapsed();
    let found = j.search(&any_trace(now)).await?;
    if let Some(hit) = found.hits.first() {
        j.trace(hit.trace, None).await?;
    }
    let mut capabilities = vec![format::counted(services.len(), "service")];
    capabilities.extend(j.apis());
    let lacks = Abilities::none(TraceOrigin::Jaeger).why_not(Ability::TraceQl).map(str::to_owned);
    Ok((Found { version: String::new(), capabilities, lacks: lacks.into_iter().collect() }, first))
}

fn any_trace(now: Timestamp) -> TraceSearch {
    let query = TraceQuery { traceql: "{ }".to_owned(), plain: Some(PlainQuery::default()) };
    TraceSearch { query, range: TimeRange { start: now - LOOK_BACK, end: now }, limit: 1 }
}

fn present(all: &[(&str, bool)]) -> Vec<String> {
    all.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()).collect()
}

impl Report {
    /// 0 fine, 1 a check failed, 3 a backend did not answer.
    pub fn exit_code(&self) -> u8 {
        let errors: Vec<&SourceError> = self.errors().collect();
        let silent = |e: &&SourceError| matches!(e.kind, ErrorKind::Unreachable | ErrorKind::Timeout(_));
        if errors.iter().any(silent) { 3 } else { u8::from(!errors.is_empty() || self.backends.is_empty() || !self.warnings().is_empty()) }
    }

    fn errors(&self) -> impl Iterator<Item = &SourceError> {
        let backends = self.backends.iter().filter_map(|c| c.found.as_ref().err());
        let red = self.red.iter().filter_map(|r| r.as_ref().err());
        let logs = self.logs.iter().filter_map(|l| l.as_ref().err());
        backends.chain(red).chain(logs)
    }

    /// What answers but will not do, with what to do about it.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(Ok(red)) = &self.red
            && red.families.is_empty()
        {
            warnings.push("no known RED metrics in Prometheus: Services and Service will be empty".to_owned());
        }
        if let Some(Ok(logs)) = &self.logs {
            if logs.is_empty() {
                warnings.push("no label in Loki names services: set logs_service under [labels] in config.toml".to_owned());
            }
            let advice = |error: &SourceError| error.advice();
            warnings.extend(logs.unread.iter().map(|(name, e)| format!("the values of {name} in Loki: {}. {}", e.message, advice(e))));
        }
        for service in &self.astray {
            warnings.push(format!("no stream in Loki is where config.toml says that {service} is: change it under [logs.services]"));
        }
        warnings.extend(self.unused_labels());
        if self.overlap() == Some(0.0) {
            warnings.push("no service of the metrics has a label in the logs: the way from a service to its logs will be empty".to_owned());
        }
        for check in &self.backends {
            if check.clock_skew.unsigned_abs() > CLOCK_LIMIT.as_nanos() as u64 {
                let seconds = check.clock_skew / 1_000_000_000;
                warnings.push(format!("the clock of {} differs by {seconds} s: set one of them right", check.backend));
            }
        }
        warnings
    }

    /// Labels of the configuration that change nothing because nothing has them.
    fn unused_labels(&self) -> Vec<String> {
        let mut unused = Vec::new();
        let mut check = |key: &str, names: &[String], used: &[&str], why: &str| {
            if !names.is_empty() && !names.iter().any(|name| used.contains(&name.as_str())) {
                unused.push(format!("{key} = {names:?} in config.toml is not used: {why}; what was found is"));
            }
        };
        if let Some(Ok(red)) = &self.red
            && !red.families.is_empty()
        {
            let none = "no RED metric has such a label";
            let services: Vec<&str> = red.families.iter().map(|f| f.service_label.as_str()).collect();
            let routes: Vec<&str> = red.families.iter().filter_map(|f| f.route_label.as_deref()).collect();
            let statuses: Vec<&str> = red.families.iter().filter_map(|f| f.status_label()).collect();
            check("metrics_service", &self.labels.metrics_service, &services, none);
            check("metrics_route", &self.labels.metrics_route, &routes, none);
            check(
                "metrics_status",
                &self.labels.metrics_status,
                &statuses,
                "no RED metric has such a label with values that tell failures",
            );
        }
        if let Some(Ok(logs)) = &self.logs {
            let found: Vec<&str> = logs.labels().iter().map(|label| label.name.as_str()).collect();
            check("logs_service", &self.labels.logs_service, &found, "no stream in Loki has such a label");
        }
        unused
    }

    /// The share (0..1) of the services in the metrics that have logs; `None` when one of the two is not known.
    pub fn overlap(&self) -> Option<f64> {
        let (with, without) = self.services_by_logs()?;
        let all = with.len() + without.len();
        (all > 0).then(|| with.len() as f64 / all as f64)
    }

    fn services_by_logs(&self) -> Option<ByLogs<'_>> {
        let (Some(Ok(red)), Some(Ok(logs))) = (&self.red, &self.logs) else { return None };
        if logs.is_empty() {
            return None;
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for service in red.services() {
            match logs.matchers(service).filter(|_| !self.astray.iter().any(|s| s == service)) {
                Some(matchers) => with.push((service, matchers)),
                None => without.push(service),
            }
        }
        Some((with, without))
    }

    /// The largest difference of a server's clock to ours, in nanoseconds.
    pub fn clock_skew(&self) -> i64 {
        self.backends.iter().map(|c| c.clock_skew).max_by_key(|s| s.unsigned_abs()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
