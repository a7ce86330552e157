//! What lines are made of: `detected_labels`, `detected_fields` and the values of one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value as JsonValue, json};

use super::{
    Loki, MAX_ENTRIES, blocking,
    discover::{Answer, one_query, streams},
};
use crate::demo::{
    grammar::literal,
    logql::{
        ast::{Expr, LogExpr},
        detect::{self, Parser},
        entries::{Entry, entries},
        parse,
    },
    server::params::{Params, Refusal},
    store::Direction,
};
use crate::model::time::TimeRange;

type Shared = State<Arc<Loki>>;

/// Labels that are told even when their values look like ids.
const STATIC: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// `/loki/api/v1/detected_labels`
pub async fn detected_labels(State(loki): Shared, params: Params) -> Answer {
    let found = streams(&loki, &params, one_query(&params)).await?;
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in found.iter().flat_map(|l| l.iter()) {
        values.entry(name).or_default().insert(value);
    }
    values.retain(|name, values| STATIC.contains(name) || !are_ids(values));
    let labels: Vec<JsonValue> = values.iter().map(|(name, values)| json!({"label": name, "cardinality": values.len()})).collect();
    Ok(Json(if labels.is_empty() { json!({}) } else { json!({"detectedLabels": labels}) }))
}

/// Whether all values are numbers or UUIDs, flags of 0 and 1 aside.
fn are_ids(values: &BTreeSet<&str>) -> bool {
    let flags = values.len() <= 2 && values.iter().all(|v| *v == "0" || *v == "1");
    !flags && values.iter().all(|v| v.parse::<f64>().is_ok() || is_uuid(v))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|g| g.len());
    lengths.eq([8, 4, 4, 4, 12]) && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The newest lines of a query, as many as `line_limit` says, by stream.
async fn sample(loki: &Arc<Loki>, params: &Params) -> Result<Vec<Entry>, Refusal> {
    let (start, end) = params.bounds(loki.clock.now())?;
    let lines = params.positive("line_limit", 100)?;
    if lines > MAX_ENTRIES {
        return Err(super::too_many_entries(lines));
    }
    let log: LogExpr = match parse(params.query())? {
        Expr::Log(log) => log,
        Expr::Metric(_) => return Err(Refusal::bad("only log selector is supported")),
    };
    let mut found =
        blocking(loki, move |loki| Ok(entries(loki.logs.as_ref(), &log, TimeRange { start, end }, Direction::Backward, lines)?)).await?;
    found.sort_by(|a, b| a.labels.stream.cmp(&b.labels.stream));
    Ok(found)
}

/// What is known of a field.
#[derive(Default)]
struct Field {
    kind: &'static str,
    values: BTreeSet<String>,
    parsers: Vec<&'static str>,
    path: Vec<String>,
}

fn limit_of(params: &Params) -> Result<usize, Refusal> {
    params.positive(if params.get("limit").is_some() { "limit" } else { "field_limit" }, 1000)
}

/// `/loki/api/v1/detected_fields`
pub async fn detected_fields(State(loki): Shared, params: Params) -> Answer {
    let limit = limit_of(&params)?;
    let found = sample(&loki, &params).await?;
    let mut fields: BTreeMap<String, Field> = BTreeMap::new();
    // The type is the oldest line's: each line tells it again.
    let mut see = |name: &str, value: &str, parser: Option<&'static str>, path: Vec<String>| {
        if !fields.contains_key(name) && fields.len() >= limit {
            return;
        }
        let field = fields.entry(name.to_owned()).or_default();
        field.kind = type_of(value);
        field.values.insert(value.to_owned());
        if let Some(parser) = parser.filter(|p| !field.parsers.contains(p)) {
            field.parsers.push(parser);
        }
        if parser == Some(Parser::Json.name()) {
            field.path = path;
        }
    };
    for entry in &found {
        entry.labels.metadata.iter().for_each(|(name, value)| see(name, value, None, Vec::new()));
        let (parser, parsed) = detect::fields(entry);
        parsed.into_iter().for_each(|f| see(&f.name, &f.value, parser.map(Parser::name), f.path));
    }
    let one = |(label, field): (&String, &Field)| {
        let parsers = if field.parsers.is_empty() { JsonValue::Null } else { json!(field.parsers) };
        let mut out = json!({"label": label, "type": field.kind, "cardinality": field.values.len(), "parsers": parsers});
        if !field.path.is_empty() {
            out["jsonPath"] = json!(field.path);
        }
        out
    };
    let list: Vec<JsonValue> = fields.iter().map(one).collect();
    Ok(Json(if list.is_empty() { json!({}) } else { json!({"fields": list, "limit": limit}) }))
}

/// `/loki/api/v1/detected_field/{name}/values`
pub async fn values(State(loki): Shared, Path(name): Path<String>, params: Params) -> Answer {
    let limit = limit_of(&params)?;
    let found = sample(&loki, &params).await?;
    let mut values: Vec<String> = Vec::new();
    for entry in &found {
        if values.len() >= limit {
            break;
        }
        let metadata = entry.labels.metadata.get(&name).map(str::to_owned);
        let parsed = detect::fields(entry).1.into_iter().filter(|f| f.name == name).map(|f| with_unit(f.value));
        for value in metadata.into_iter().chain(parsed) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    Ok(Json(if values.is_empty() { json!({}) } else { json!({"values": values, "limit": limit}) }))
}

/// What a value looks like, as Go's and go-humanize's parsers see it.
fn type_of(value: &str) -> &'static str {
    const FLAGS: [&str; 10] = ["t", "T", "TRUE", "true", "True", "f", "F", "FALSE", "false", "False"];
    match value {
        v if v.parse::<i64>().is_ok() => "int",
        v if v.parse::<f64>().is_ok() => "float",
        v if FLAGS.contains(&v) => "boolean",
        v if literal::go_duration(v).is_some() => "duration",
        v if literal::bytes(v).is_some() => "bytes",
        _ => "string",
    }
}

/// A size in the form that a query takes: `30KB` is `30kB`.
fn with_unit(value: String) -> String {
    match literal::bytes(&value) {
        Some(bytes) if value.ends_with(|c: char| c.is_ascii_alphabetic()) => literal::humanized_bytes(bytes).replace(' ', ""),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_types_that_gos_parsers_give_them() {
        let kinds = ["7", "-7", "1.5", "1e3", "true", "T", "30ms", "1h2m", "30KB", "5 MiB", "x", ""].map(type_of);
        assert_eq!(
            kinds,
            ["int", "int", "float", "float", "boolean", "boolean", "duration", "duration", "bytes", "bytes", "string", "string"]
        );
    }

    #[test]
    fn labels_of_ids_are_told_from_others() {
        let set = |values: &[&'static str]| values.iter().copied().collect::<BTreeSet<&str>>();
        assert!(are_ids(&set(&["7", "8.5", "0b0a7e66-5f7c-4c0e-9d0e-3a1c5f7b2d11"])));
        assert!(!are_ids(&set(&["7", "web"])) && !are_ids(&set(&["0", "1"])) && are_ids(&set(&["0", "2"])));
    }

    #[test]
    fn sizes_are_written_as_queries_take_them() {
        for (from, to) in [("30KB", "30kB"), ("1536B", "1.5kB"), ("30", "30"), ("x", "x"), ("5 MiB", "5.2MB")] {
            assert_eq!(with_unit(from.to_owned()), to);
        }
    }
}
