//! Tags: the older way to search, and the lists that search forms are filled from.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value as JsonValue, json};

use super::{Params, Refusal, Tempo, blocking, search::range};
use crate::{
    demo::{
        logql::logfmt,
        store::{StoredTrace, TraceHint},
        traceql::{
            ast::{KINDS, STATUSES},
            rows::{Rows, find},
        },
    },
    wire::otlp::{KeyValue, ResourceSpans, any_value::Value},
};

type Answer = Result<Json<JsonValue>, Refusal>;

/// Properties of spans that are listed beside attributes.
const INTRINSICS: [&str; 8] = ["duration", "kind", "name", "rootName", "rootServiceName", "status", "statusMessage", "traceDuration"];
/// How many traces are read for a list.
const MAX_TRACES: usize = 2000;
/// How many values a list has.
const MAX_VALUES: usize = 10_000;
/// Tags that Tempo keeps in columns of their own: a part of the value is enough for them.
const COLUMNS: [&str; 12] = [
    "service.name",
    "cluster",
    "namespace",
    "pod",
    "container",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "name",
    "http.method",
    "http.url",
];

/// A search by tags: all must be found in a trace.
#[derive(Debug)]
pub struct TagSearch(BTreeMap<String, String>);

impl TagSearch {
    /// From logfmt: `service.name=api status.code=error`.
    ///
    /// # Errors
    /// Text that is not logfmt, a tag set twice.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut tags = BTreeMap::new();
        let mut twice = None;
        let result = logfmt(text, true, &mut |key, value| {
            if tags.insert(key.to_owned(), value.to_owned()).is_some() {
                twice = Some(key.to_owned());
            }
            true
        });
        if let Some(key) = twice {
            return Err(Refusal::bad(format!("invalid tags: tag {key} has been set twice")));
        }
        result.map_err(|at| Refusal::bad(format!("invalid tags: syntax error at pos {at}")))?;
        Ok(Self(tags))
    }

    /// Whether only traces with an error can match.
    pub fn error(&self) -> bool {
        self.0.get("status.code").is_some_and(|v| v == "error")
    }

    /// Whether a trace has all tags.
    pub fn matches(&self, rows: &Rows<'_>, trace: &StoredTrace) -> bool {
        self.0.iter().all(|(key, value)| match key.as_str() {
            "root.service.name" => rows.root_service().is_some_and(|s| s.contains(value.as_str())),
            "root.name" => rows.root_name().is_some_and(|n| n.contains(value.as_str())),
            _ => trace.spans.iter().any(|group| in_group(group, key, value)),
        })
    }
}

fn in_group(group: &ResourceSpans, key: &str, value: &str) -> bool {
    let text = |attributes: &[KeyValue]| match find(attributes, key) {
        Some(Value::String(s)) if COLUMNS.contains(&key) => s.contains(value),
        Some(Value::String(s)) => s == value,
        _ => false,
    };
    let mut spans = group.scope_spans.iter().flat_map(|s| &s.spans);
    match key {
        "name" => spans.any(|s| s.name.contains(value)),
        "status.code" => spans.any(|s| STATUSES.get(s.status.as_ref().map_or(0, |s| s.code) as usize) == Some(&value)),
        "http.status_code" => {
            let code: Option<i64> = value.parse().ok();
            spans.any(|s| matches!(find(&s.attributes, key), Some(Value::Int(n)) if Some(*n) == code) || text(&s.attributes))
        }
        _ => group.resource.as_ref().is_some_and(|r| text(&r.attributes)) || spans.any(|s| text(&s.attributes)),
    }
}

/// Reads the newest traces of a range.
async fn read<T: Send + Default + 'static>(
    tempo: &Arc<Tempo>,
    params: &Params,
    take: impl Fn(&mut T, &StoredTrace) -> bool + Send + 'static,
) -> Result<T, Refusal> {
    let range = range(params, tempo.clock.now())?;
    blocking(tempo, move |tempo| {
        let (mut out, mut seen) = (T::default(), 0);
        tempo.traces.scan(&TraceHint::default(), range, &mut |trace| {
            seen += 1;
            if take(&mut out, &trace) && seen < MAX_TRACES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        Ok(out)
    })
    .await
}

/// Names of attributes: of resources, of spans.
async fn names(tempo: &Arc<Tempo>, params: &Params) -> Result<(BTreeSet<String>, BTreeSet<String>), Refusal> {
    read(tempo, params, |(resource, span): &mut (BTreeSet<String>, BTreeSet<String>), trace| {
        for group in &trace.spans {
            let own = group.scope_spans.iter().flat_map(|s| &s.spans).flat_map(|s| &s.attributes);
            resource.extend(group.resource.iter().flat_map(|r| &r.attributes).map(|a| a.key.clone()));
            span.extend(own.map(|a| a.key.clone()));
        }
        true
    })
    .await
}

/// `GET /api/search/tags`
pub async fn tags(State(tempo): State<Arc<Tempo>>, params: Params) -> Answer {
    let (resource, span) = names(&tempo, &params).await?;
    let all: BTreeSet<String> = resource.into_iter().chain(span).collect();
    Ok(Json(json!({"tagNames": all})))
}

/// `GET /api/v2/search/tags`
pub async fn tags_v2(State(tempo): State<Arc<Tempo>>, params: Params) -> Answer {
    let (resource, span) = names(&tempo, &params).await?;
    let scopes = [
        ("intrinsic", INTRINSICS.iter().map(|s| (*s).to_owned()).collect()),
        ("resource", resource.into_iter().collect::<Vec<_>>()),
        ("span", span.into_iter().collect()),
    ];
    let wanted = params.get("scope").filter(|s| *s != "none").map(str::to_owned);
    if let Some(scope) = wanted.as_ref().filter(|w| scopes.iter().all(|(name, _)| name != w)) {
        return Err(Refusal::bad(format!("invalid scope: {scope}")));
    }
    let chosen = scopes.into_iter().filter(|(name, tags)| wanted.as_ref().is_none_or(|w| w == name) && !tags.is_empty());
    Ok(Json(json!({"scopes": chosen.map(|(name, tags)| json!({"name": name, "tags": tags})).collect::<Vec<_>>()})))
}

/// A value and its type.
type Values = BTreeSet<(&'static str, String)>;

fn add(values: &mut Values, value: Option<&Value>) {
    let typed = match value {
        Some(Value::String(s)) => ("string", s.clone()),
        Some(Value::Int(n)) => ("int", n.to_string()),
        Some(Value::Double(n)) => ("float", n.to_string()),
        Some(Value::Bool(b)) => ("bool", b.to_string()),
        _ => return,
    };
    values.insert(typed);
}

/// The values of a tag: `resource.x`, `span.x`, `.x`, `x`, or an intrinsic.
async fn values_of(tempo: &Arc<Tempo>, params: &Params, tag: String, scoped: bool) -> Result<Values, Refusal> {
    if params.get("q").is_some_and(|q| q.trim() != "{}" && !q.trim().is_empty()) {
        return Err(Refusal::bad("the demo does not support tag values filtered by q"));
    }
    read(tempo, params, move |values: &mut Values, trace| {
        let rows = Rows::new(trace);
        for row in &rows.spans {
            let status = row.span.status.as_ref();
            match tag.as_str() {
                "name" => drop(values.insert(("string", row.span.name.clone()))),
                "statusMessage" => drop(values.insert(("string", status.map(|s| s.message.clone()).unwrap_or_default()))),
                "status" => values.extend(STATUSES.get(status.map_or(0, |s| s.code) as usize).map(|s| ("keyword", (*s).to_owned()))),
                "kind" => values.extend(KINDS.get(row.span.kind as usize).map(|k| ("keyword", (*k).to_owned()))),
                "rootName" => values.extend(rows.root_name().map(|n| ("string", n.to_owned()))),
                "rootServiceName" => values.extend(rows.root_service().map(|n| ("string", n.to_owned()))),
                _ => {
                    let (resource, span, name) = match tag.split_once('.') {
                        Some(("resource", name)) if scoped => (true, false, name),
                        Some(("span", name)) if scoped => (false, true, name),
                        Some(("", name)) if scoped => (true, true, name),
                        _ => (true, true, tag.as_str()),
                    };
                    add(values, find(row.resource, name).filter(|_| resource));
                    add(values, find(&row.span.attributes, name).filter(|_| span));
                }
            }
        }
        values.len() < MAX_VALUES
    })
    .await
}

/// `GET /api/search/tag/{tag}/values`
pub async fn values(State(tempo): State<Arc<Tempo>>, Path(tag): Path<String>, params: Params) -> Answer {
    let values = values_of(&tempo, &params, tag, false).await?;
    let texts: BTreeSet<String> = values.into_iter().map(|(_, v)| v).collect();
    Ok(Json(json!({"tagValues": texts})))
}

/// `GET /api/v2/search/tag/{tag}/values`
pub async fn values_v2(State(tempo): State<Arc<Tempo>>, Path(tag): Path<String>, params: Params) -> Answer {
    let unknown = !tag.contains('.') && !INTRINSICS.contains(&tag.as_str());
    if unknown {
        return Err(Refusal::bad(format!("tag name is not valid intrinsic or scoped attribute: {tag}")));
    }
    let values = values_of(&tempo, &params, tag, true).await?;
    Ok(Json(json!({"tagValues": values.into_iter().map(|(kind, value)| json!({"type": kind, "value": value})).collect::<Vec<_>>()})))
}
