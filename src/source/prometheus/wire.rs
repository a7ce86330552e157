//! What Prometheus' API answers, and how it becomes the model's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    log_fields::trace_id::loose_trace_id,
    model::{
        alert::{AlertState, Engine, Rule},
        backend::{ErrorKind, SourceError},
        labels::Labels,
        series::{Exemplar, Matrix, Sample, Series, Vector},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
    source::{
        http::{Answer, HttpClient, error_text},
        json::{self, Float, Instant, LabelMap, Point, Text, nullable},
    },
};

/// `{"status", "data", "warnings", "infos"}`.
#[derive(Debug, Deserialize)]
pub struct Enveloped<T> {
    #[serde(default)]
    pub status: String,
    #[serde(default = "Default::default", deserialize_with = "nullable", bound(deserialize = "T: Deserialize<'de> + Default"))]
    pub data: T,
    #[serde(default, deserialize_with = "nullable")]
    pub warnings: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub infos: Vec<String>,
    /// VictoriaMetrics' word for a partial answer.
    #[serde(default, rename = "isPartial")]
    pub is_partial: bool,
}

impl<T> Enveloped<T> {
    pub fn notes(&mut self) -> Vec<String> {
        let mut notes = std::mem::take(&mut self.warnings);
        notes.append(&mut self.infos);
        if self.is_partial {
            notes.push("the answer is partial".to_owned());
        }
        notes
    }
}

impl<T: DeserializeOwned + Default> Enveloped<T> {
    /// Reads an answer to `what`, unless it says itself that it is none.
    pub fn read(http: &HttpClient, what: &str, answer: &Answer) -> Result<Self, SourceError> {
        let envelope: Self = json::decode(http.backend(), what, &answer.body)?;
        if envelope.status != "success" {
            let message = format!("the answer to {what} is no success: {}", error_text(&answer.body));
            return Err(http.error(ErrorKind::Decode, message));
        }
        Ok(envelope)
    }
}

/// The result of a query, by its type.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub enum QueryData {
    Vector(#[serde(deserialize_with = "nullable")] Vec<Element>),
    Matrix(#[serde(deserialize_with = "nullable")] Vec<Line>),
    Scalar(Point),
    String(serde::de::IgnoredAny),
    /// Loki's log lines.
    Streams(serde::de::IgnoredAny),
}

impl Default for QueryData {
    fn default() -> Self {
        Self::Vector(Vec::new())
    }
}

#[derive(Debug, Deserialize)]
pub struct Element {
    #[serde(default)]
    metric: LabelMap,
    value: Option<Point>,
}

#[derive(Debug, Deserialize)]
pub struct Line {
    #[serde(default)]
    metric: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<Point>,
}

const HISTOGRAMS: &str = "native histograms in the result are not shown";

pub fn vector(mut envelope: Enveloped<QueryData>) -> Result<Vector, String> {
    let mut warnings = envelope.notes();
    let elements = match envelope.data {
        QueryData::Vector(elements) => {
            let count = elements.len();
            let shown: Vec<_> = elements.into_iter().filter_map(|e| Some((e.metric.0, e.value?.0))).collect();
            if shown.len() < count {
                warnings.push(HISTOGRAMS.to_owned());
            }
            shown
        }
        QueryData::Scalar(point) => vec![(Labels::new(), point.0)],
        QueryData::Matrix(_) => return Err("the expression is a range vector; put it into a function such as rate()".to_owned()),
        QueryData::String(_) => return Err("the expression is a string, not a number".to_owned()),
        QueryData::Streams(_) => return Err("the query gives log lines, not numbers".to_owned()),
    };
    Ok(Vector { elements, warnings })
}

pub fn matrix(mut envelope: Enveloped<QueryData>, range: TimeRange, step: Duration) -> Result<Matrix, String> {
    let mut warnings = envelope.notes();
    let series = match envelope.data {
        QueryData::Matrix(lines) => {
            if lines.iter().any(|l| l.values.is_empty()) {
                warnings.push(HISTOGRAMS.to_owned());
            }
            let series = |l: Line| Series { labels: l.metric.0, samples: l.values.into_iter().map(|p| p.0).collect() };
            lines.into_iter().filter(|l| !l.values.is_empty()).map(series).collect()
        }
        // Loki's volume over time, while it has one instant only.
        QueryData::Vector(elements) => {
            elements.into_iter().filter_map(|e| Some(Series { labels: e.metric.0, samples: vec![e.value?.0] })).collect()
        }
        // Loki answers a constant this way, with its time in milliseconds.
        QueryData::Scalar(point) => {
            vec![Series { labels: Labels::new(), samples: vec![Sample { at: range.end, value: point.0.value }] }]
        }
        QueryData::Streams(_) => return Err("the query gives log lines, not numbers".to_owned()),
        QueryData::String(_) => return Err("the range query was answered with no matrix".to_owned()),
    };
    Ok(Matrix { series, range, step, warnings })
}

#[derive(Debug, Deserialize)]
pub struct ExemplarSeries {
    #[serde(default, rename = "seriesLabels")]
    series: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    exemplars: Vec<WireExemplar>,
}

#[derive(Debug, Deserialize)]
struct WireExemplar {
    #[serde(default)]
    labels: LabelMap,
    value: Float,
    timestamp: Float,
}

pub fn exemplars(data: Vec<ExemplarSeries>) -> Vec<Exemplar> {
    let mut out = Vec::new();
    for series in data {
        for e in series.exemplars {
            out.push(Exemplar {
                at: Timestamp::from_secs_f64(e.timestamp.0),
                value: e.value.0,
                trace: trace_of(&e.labels.0),
                labels: e.labels.0,
                series: series.series.0.clone(),
            });
        }
    }
    out
}

/// `trace_id`, `traceID`, `TraceID`… as hex or base64.
fn trace_of(labels: &Labels) -> Option<TraceId> {
    let named = |n: &str| matches!(n.to_ascii_lowercase().as_str(), "trace_id" | "traceid" | "trace.id");
    labels.iter().filter(|(n, _)| named(n)).find_map(|(_, v)| loose_trace_id(v))
}

#[derive(Debug, Default, Deserialize)]
pub struct RuleGroups {
    #[serde(default, deserialize_with = "nullable")]
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    name: String,
    #[serde(default)]
    interval: Float,
    #[serde(default, deserialize_with = "nullable")]
    rules: Vec<WireRule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRule {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    duration: Float,
    #[serde(default)]
    keep_firing_for: Float,
    #[serde(default)]
    labels: LabelMap,
    #[serde(default)]
    annotations: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    alerts: Vec<WireAlert>,
    #[serde(default, deserialize_with = "nullable")]
    last_error: String,
    #[serde(default)]
    last_evaluation: Instant,
}

#[derive(Debug, Default, Deserialize)]
pub struct Alerts {
    #[serde(default, deserialize_with = "nullable")]
    alerts: Vec<WireAlert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    #[serde(default)]
    labels: LabelMap,
    #[serde(default)]
    annotations: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    state: String,
    #[serde(default)]
    active_at: Instant,
    #[serde(default)]
    value: Text,
}

/// An alert as Prometheus tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct FiringAlert {
    /// Labels, templates expanded.
    pub labels: Labels,
    /// Annotations, templates expanded.
    pub annotations: Labels,
    /// Firing or pending.
    pub state: AlertState,
    /// When the condition began to hold.
    pub active_at: Timestamp,
    /// The expression's value, where it is told as a number.
    pub value: Option<f64>,
    /// Its rule, when the answer told it.
    pub rule: Option<Arc<Rule>>,
}

/// The rules API's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// All alerting rules.
    pub rules: Vec<Arc<Rule>>,
    /// Their pending and firing alerts.
    pub alerts: Vec<FiringAlert>,
    /// What the server says of its own answer: rules that it does not evaluate, parts that it lacks.
    pub warnings: Vec<String>,
}

/// What an engine tells of its rules.
pub fn rules(mut envelope: Enveloped<RuleGroups>, engine: Engine) -> Rules {
    let mut out = Rules { warnings: envelope.notes(), ..Rules::default() };
    for group in envelope.data.groups {
        // Servers that do not know `type=alert` answer recording rules too.
        for rule in group.rules.into_iter().filter(|r| r.kind == "alerting") {
            let told = Arc::new(Rule {
                group: group.name.clone(),
                name: rule.name,
                query: rule.query,
                engine,
                interval: duration(group.interval),
                hold: duration(rule.duration),
                keep_firing_for: duration(rule.keep_firing_for),
                labels: rule.labels.0,
                annotations: rule.annotations.0,
                error: Some(rule.last_error).filter(|e| !e.is_empty()),
                last_evaluation: rule.last_evaluation.0,
            });
            out.alerts.extend(rule.alerts.into_iter().filter_map(|a| firing(a, Some(told.clone()))));
            out.rules.push(told);
        }
    }
    out
}

/// What an engine tells of alerts alone.
pub fn alerts(mut envelope: Enveloped<Alerts>) -> Rules {
    let warnings = envelope.notes();
    Rules { alerts: envelope.data.alerts.into_iter().filter_map(|a| firing(a, None)).collect(), warnings, ..Rules::default() }
}

/// Grafana says `Alerting` and also lists what is normal.
fn firing(alert: WireAlert, rule: Option<Arc<Rule>>) -> Option<FiringAlert> {
    let state = match alert.state.to_ascii_lowercase().as_str() {
        "firing" | "alerting" | "error" | "nodata" => AlertState::Firing,
        "pending" => AlertState::Pending,
        _ => return None,
    };
    Some(FiringAlert {
        labels: alert.labels.0,
        annotations: alert.annotations.0,
        state,
        active_at: alert.active_at.0.unwrap_or_default(),
        value: alert.value.0.parse().ok(),
        rule,
    })
}

fn duration(seconds: Float) -> Duration {
    Duration::try_from_secs_f64(seconds.0).unwrap_or_default()
}

#[derive(Debug, Default, Deserialize)]
pub struct Names(pub Vec<Text>);

#[derive(Debug, Default, Deserialize)]
pub struct Metadata(pub BTreeMap<String, Vec<MetricMetadata>>);

/// What a metric says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MetricMetadata {
    /// `counter`, `gauge`, `histogram`, `summary`…
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Its help text.
    #[serde(default)]
    pub help: String,
    /// Its unit, mostly empty.
    #[serde(default)]
    pub unit: String,
}

/// Which program answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Build {
    /// `3.5.0`; may be empty on a server built by hand.
    #[serde(default, deserialize_with = "nullable")]
    pub version: String,
    /// `Grafana Mimir`, where the server tells.
    #[serde(default, deserialize_with = "nullable")]
    pub application: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Targets {
    #[serde(default, deserialize_with = "nullable")]
    active_targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    scrape_interval: String,
}

pub fn usual_interval(targets: &Targets) -> Option<Duration> {
    let mut counts: BTreeMap<Duration, usize> = BTreeMap::new();
    for interval in targets.active_targets.iter().filter_map(|t| go_duration(&t.scrape_interval)) {
        *counts.entry(interval).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, n)| *n).map(|(d, _)| d)
}

/// `1m30s`, `500ms`, `1d`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| digits + i);
        let seconds = match &rest[digits..unit_end] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        let number: f64 = rest[..digits].parse().ok()?;
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &rest[unit_end..];
    }
    (!total.is_zero()).then_some(total)
}
