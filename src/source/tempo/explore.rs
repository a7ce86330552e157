//! What a Tempo knows beside traces: names of attributes, their values, and TraceQL metrics.

use std::{collections::HashSet, time::Duration};

use compact_str::CompactString;
use serde::Deserialize;

use super::{Request, Tempo, json, wire};
use crate::{
    model::{
        backend::SourceError,
        explored::{Explored, Names, Table, Total, Value},
        labels::quote,
        series::{Matrix, Sample, Series},
        time::{TimeRange, Timestamp},
        trace_source::Ability,
    },
    source::json::{Float, Integer, Text, nullable},
};

/// Names that are kept of an answer.
const MAX_NAMES: usize = 20_000;
/// Series that are kept of an answer.
const MAX_SERIES: usize = 1_000;

#[derive(Deserialize)]
struct ScopedTags {
    #[serde(default, deserialize_with = "nullable")]
    scopes: Vec<Scope>,
}

#[derive(Deserialize)]
struct Scope {
    #[serde(default)]
    name: Text,
    #[serde(default, deserialize_with = "nullable")]
    tags: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tags {
    #[serde(default, deserialize_with = "nullable")]
    tag_names: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedValues {
    #[serde(default, deserialize_with = "nullable")]
    tag_values: Vec<TypedValue>,
}

#[derive(Deserialize)]
struct TypedValue {
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    value: Text,
}

#[derive(Deserialize)]
struct Metrics {
    #[serde(default, deserialize_with = "nullable")]
    series: Vec<Told>,
    #[serde(default)]
    status: Text,
    #[serde(default)]
    message: Text,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default, deserialize_with = "nullable")]
    labels: Vec<wire::Attribute>,
    #[serde(default, deserialize_with = "nullable")]
    samples: Vec<Point>,
    #[serde(default)]
    value: Float,
}

/// A value that is zero is left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    #[serde(default)]
    timestamp_ms: Integer,
    #[serde(default)]
    value: Float,
}

impl Tempo {
    /// Names of attributes with their scopes, of the spans for which conditions in TraceQL are true; without their scopes
    /// (`.name`) where the server does not tell those.
    ///
    /// # Errors
    /// As any request.
    pub async fn tags(&self, traceql: &str, range: TimeRange) -> Result<Names, SourceError> {
        let backend = self.http.backend();
        if !self.is_able(Ability::ScopedTags).await? {
            let answer = self.http.send(Request::get("/api/search/tags")).await?;
            let told: Tags = json::decode(backend, "tags", &answer.body)?;
            return Ok(bounded(told.tag_names.into_iter().map(|Text(name)| attribute("", &name))));
        }
        let request = self.narrowed(Request::get("/api/v2/search/tags"), traceql, range).await?;
        let told: ScopedTags = json::decode(backend, "tags", &self.http.send(request).await?.body)?;
        // What spans have of themselves is known without asking.
        let scopes = told.scopes.into_iter().filter(|s| s.name.0 != "intrinsic");
        Ok(bounded(scopes.flat_map(|s| s.tags.into_iter().map(move |Text(name)| attribute(&s.name.0, &name)))))
    }

    /// Values of an attribute. Numbers and truths are as TraceQL writes them, texts that look like such stand in quotes.
    ///
    /// # Errors
    /// As any request.
    pub async fn tag_values(&self, tag: &str, traceql: &str, range: TimeRange) -> Result<Names, SourceError> {
        let bare = tag.replace('"', "").replace('%', "%25").replace('/', "%2F");
        let request = self.narrowed(Request::get(format!("/api/v2/search/tag/{bare}/values")), traceql, range).await?;
        let told: TypedValues = json::decode(self.http.backend(), "tag values", &self.http.send(request).await?.body)?;
        Ok(bounded(told.tag_values.into_iter().map(literal)))
    }

    /// Servers of an age at which they take a time without ending in a panic are asked for that of the window.
    async fn narrowed(&self, request: Request, traceql: &str, range: TimeRange) -> Result<Request, SourceError> {
        let mut request = request;
        if self.is_able(Ability::Newest).await? {
            request = request
                .param("start", range.start.secs().max(0).to_string())
                .param("end", range.end.secs().saturating_add(1).max(1).to_string());
        }
        Ok(if traceql.is_empty() { request } else { request.param("q", traceql) })
    }

    /// What a TraceQL metrics query gives: over the range where there is a step, else one value of all of it.
    ///
    /// # Errors
    /// As any request.
    pub async fn metrics(&self, traceql: &str, range: TimeRange, step: Option<Duration>) -> Result<Explored, SourceError> {
        let path = if step.is_some() { "/api/metrics/query_range" } else { "/api/metrics/query" };
        let mut request = Request::get(path)
            .param("q", traceql)
            .param("start", range.start.secs().max(0).to_string())
            .param("end", range.end.secs().saturating_add(1).max(1).to_string());
        if let Some(step) = step {
            request = request.param("step", format!("{}s", step.as_secs().max(1)));
        }
        let told: Metrics = json::decode(self.http.backend(), "metrics", &self.http.send(request).await?.body)?;
        let total = Total { series: told.series.len(), cut: false };
        let partial = (told.status.0 == "PARTIAL").then(|| format!("partial: {}", told.message.0));
        let warnings = partial.into_iter().collect();
        let series = told.series.into_iter().take(MAX_SERIES);
        Ok(match step {
            Some(step) => {
                let series = series.map(|s| Series { samples: s.samples.iter().map(sample).collect(), labels: wire::labels(&s.labels) });
                Explored::Graph { matrix: Matrix { series: series.collect(), range, step, warnings }, total }
            }
            None => {
                let rows = series.map(|s| (wire::labels(&s.labels), Value::Number(s.value.0))).collect();
                Explored::Table(Table { rows, total, warnings })
            }
        })
    }
}

fn sample(point: &Point) -> Sample {
    Sample { at: Timestamp::from_millis(point.timestamp_ms.0), value: point.value.0 }
}

fn bounded(names: impl Iterator<Item = CompactString>) -> Names {
    let mut names: Vec<CompactString> = names.take(MAX_NAMES + 1).collect();
    let cut = names.len() > MAX_NAMES;
    names.truncate(MAX_NAMES);
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Names { names, cut }
}

/// An attribute as TraceQL writes it: odd names stand in quotes.
fn attribute(scope: &str, name: &str) -> CompactString {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "{}()=~!<>&|^,\"".contains(c);
    if name.contains(is_odd) || name.is_empty() { format!("{scope}.{}", quote(name)).into() } else { format!("{scope}.{name}").into() }
}

fn literal(TypedValue { kind: Text(kind), value: Text(value) }: TypedValue) -> CompactString {
    let reads_as_other = value.parse::<f64>().is_ok() || matches!(value.as_str(), "true" | "false" | "nil") || value.starts_with('"');
    if kind == "string" && reads_as_other { quote(&value).into() } else { value }
}
