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
        store::StoredTrace,
        traceql::{
            Expressions,
            ast::{Attribute, Field, Query, STATUSES, Scope, Static},
            eval::Evaluator,
            hint::hint,
            intrinsic, parse,
            rows::{Rows, find},
        },
    },
    wire::otlp::{KeyValue, ResourceSpans, any_value::Value},
};

type Answer = Result<Json<JsonValue>, Refusal>;

/// Properties of spans that are listed beside attributes.
const INTRINSICS: [&str; 20] = [
    "duration",
    "event:name",
    "event:timeSinceStart",
    "instrumentation:name",
    "instrumentation:version",
    "kind",
    "name",
    "rootName",
    "rootServiceName",
    "span:duration",
    "span:kind",
    "span:name",
    "span:status",
    "span:statusMessage",
    "status",
    "statusMessage",
    "trace:duration",
    "trace:rootName",
    "trace:rootService",
    "traceDuration",
];
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

/// Reads what is rare in a range, and its newest traces.
async fn read<T: Send + Default + 'static>(
    tempo: &Arc<Tempo>,
    params: &Params,
    take: impl Fn(&mut T, &Rows<'_>, &[usize]) -> bool + Send + 'static,
) -> Result<T, Refusal> {
    let range = range(params, tempo.clock.now())?;
    let filter = matchers(params.get("q").unwrap_or_default());
    blocking(tempo, move |tempo| {
        let (mut out, mut seen) = (T::default(), 0);
        let evaluator = filter.as_ref().and_then(|f| Evaluator::new(f).ok());
        let mut visit = |trace: StoredTrace| {
            let rows = Rows::new(&trace);
            let all = || (0..rows.spans.len()).collect();
            let spans: Vec<usize> =
                evaluator.as_ref().map_or_else(all, |e| e.select(&rows).into_iter().flat_map(|set| set.spans).collect());
            seen += 1;
            if take(&mut out, &rows, &spans) && seen < MAX_TRACES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let newest = filter.as_ref().map(hint).unwrap_or_default();
        tempo.traces.rare(&newest, range, &mut visit);
        tempo.traces.scan(&newest, range, &mut visit);
        Ok(out)
    })
    .await
}

/// What of a query fits spans one by one: the comparisons of a single filter that are joined by `&&`. Those that are not
/// finished yet are left out; of anything else nothing is, and all spans fit.
fn matchers(query: &str) -> Option<Query> {
    let inner = query.trim().strip_prefix('{')?;
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    if inner.contains(['{', '}']) || inner.contains("||") {
        return None;
    }
    let whole = |part: &&str| parse(&format!("{{ {part} }}")).is_ok();
    let parts: Vec<&str> = inner.split("&&").map(str::trim).filter(|p| !p.is_empty()).filter(whole).collect();
    if parts.is_empty() { None } else { parse(&format!("{{ {} }}", parts.join(" && "))).ok() }
}

/// Names of attributes by their scope, in the order of [`SCOPES`].
type Names = [BTreeSet<String>; 4];

/// Scopes whose names are read from spans. No instrumentation of ours has attributes.
const SCOPES: [&str; 4] = ["resource", "span", "event", "link"];

async fn names(tempo: &Arc<Tempo>, params: &Params) -> Result<Names, Refusal> {
    read(tempo, params, |[resource, span, event, link]: &mut Names, rows, spans| {
        let add = |to: &mut BTreeSet<String>, attributes: &[KeyValue]| {
            for a in attributes {
                if !to.contains(&a.key) {
                    to.insert(a.key.clone());
                }
            }
        };
        for row in spans.iter().map(|s| &rows.spans[*s]) {
            add(resource, row.resource);
            add(span, &row.span.attributes);
            row.span.events.iter().for_each(|e| add(event, &e.attributes));
            row.span.links.iter().for_each(|l| add(link, &l.attributes));
        }
        true
    })
    .await
}

/// The scope that is asked for; all without one.
fn scope(params: &Params) -> Result<Option<&str>, Refusal> {
    let Some(scope) = params.get("scope").filter(|s| *s != "none") else { return Ok(None) };
    let known = SCOPES.contains(&scope) || matches!(scope, "intrinsic" | "instrumentation");
    if known { Ok(Some(scope)) } else { Err(Refusal::bad(format!("invalid scope: {scope}"))) }
}

/// `GET /api/search/tags`
pub async fn tags(State(tempo): State<Arc<Tempo>>, params: Params) -> Answer {
    let wanted = scope(&params)?;
    let names = names(&tempo, &params).await?;
    let all: BTreeSet<String> = match wanted {
        Some("intrinsic") => INTRINSICS.iter().map(|s| (*s).to_owned()).collect(),
        _ => SCOPES.iter().zip(names).filter(|(s, _)| wanted.is_none_or(|w| w == **s)).flat_map(|(_, names)| names).collect(),
    };
    Ok(Json(json!({"tagNames": all, "metrics": {}})))
}

/// `GET /api/v2/search/tags`
pub async fn tags_v2(State(tempo): State<Arc<Tempo>>, params: Params) -> Answer {
    let wanted = scope(&params)?;
    let names = names(&tempo, &params).await?;
    let intrinsic = ("intrinsic", INTRINSICS.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>());
    let scopes = SCOPES.into_iter().zip(names).chain([intrinsic]);
    let chosen = scopes.filter(|(name, tags)| wanted.is_none_or(|w| w == *name) && !tags.is_empty());
    Ok(Json(json!({"scopes": chosen.map(|(name, tags)| json!({"name": name, "tags": tags})).collect::<Vec<_>>(), "metrics": {}})))
}

/// A value and its type.
type Values = BTreeSet<(&'static str, String)>;

fn typed(value: &Static) -> Option<(&'static str, String)> {
    let kind = match value {
        Static::Nil => return None,
        Static::Text(_) => "string",
        Static::Int(_) => "int",
        Static::Float(_) => "float",
        Static::Bool(_) => "bool",
        Static::Duration(_) => "duration",
        Static::Status(_) | Static::Kind(_) => "keyword",
    };
    Some((kind, value.to_string()))
}

/// The values of an attribute or a property, in what it is looked for.
async fn values_of(tempo: &Arc<Tempo>, params: &Params, field: Field) -> Result<Values, Refusal> {
    let expressions = Expressions::default();
    read(tempo, params, move |values: &mut Values, rows, spans| {
        for span in spans {
            values.extend(expressions.all(&field, rows, *span).iter().filter_map(typed));
        }
        values.len() < MAX_VALUES
    })
    .await
}

/// Values that are the same whatever was traced; none of other tags, and an empty list of lengths.
fn fixed(tag: &str) -> Option<Vec<(&'static str, String)>> {
    let keywords = |of: &[&str]| of.iter().map(|k| ("keyword", (*k).to_owned())).collect();
    match tag {
        "status" | "span:status" => Some(keywords(&["ok", "error", "unset"])),
        "kind" | "span:kind" => Some(keywords(&["client", "server", "producer", "consumer", "internal", "unspecified"])),
        "duration" | "span:duration" | "traceDuration" | "trace:duration" => Some(Vec::new()),
        _ => None,
    }
}

/// `GET /api/search/tag/{tag}/values`: the tag has no scope.
pub async fn values(State(tempo): State<Arc<Tempo>>, Path(tag): Path<String>, params: Params) -> Answer {
    let fixed: Option<&[&str]> = match tag.as_str() {
        "status.code" => Some(&["unset", "ok", "error"]),
        "error" => Some(&["true"]),
        _ => None,
    };
    let texts: BTreeSet<String> = match fixed {
        Some(values) => values.iter().map(|v| (*v).to_owned()).collect(),
        None => {
            let plain = || Field::Attribute(Attribute { scope: Scope::Any, name: tag.clone() });
            let field = named(&tag).filter(|f| matches!(f, Field::Intrinsic(_))).unwrap_or_else(plain);
            values_of(&tempo, &params, field).await?.into_iter().map(|(_, v)| v).collect()
        }
    };
    Ok(Json(json!({"tagValues": texts, "metrics": {}})))
}

/// `GET /api/v2/search/tag/{tag}/values`
pub async fn values_v2(State(tempo): State<Arc<Tempo>>, Path(tag): Path<String>, params: Params) -> Answer {
    let values = match fixed(&tag) {
        Some(values) => values,
        None => {
            let unknown =
                || Refusal::bad(format!("please provide a valid tagName: tag name is not valid intrinsic or scoped attribute: {tag}"));
            values_of(&tempo, &params, named(&tag).ok_or_else(unknown)?).await?.into_iter().collect()
        }
    };
    let values: Vec<JsonValue> = values.into_iter().map(|(kind, value)| json!({"type": kind, "value": value})).collect();
    Ok(Json(json!({"tagValues": values, "metrics": {}})))
}

/// What a tag is: a property, or `resource.x`, `span.x`, `.x`, whose name may have any characters.
fn named(tag: &str) -> Option<Field> {
    if let Some(field) = intrinsic(tag) {
        return Some(field);
    }
    let (scope, name) = tag.split_once('.')?;
    let scopes = [Scope::Any, Scope::Resource, Scope::Span, Scope::Event, Scope::Link, Scope::Instrumentation];
    let scope = scopes.into_iter().find(|s| s.as_str() == scope)?;
    Some(Field::Attribute(Attribute { scope, name: name.to_owned() }))
}
