//! What there is: labels, series, volumes.

use std::{collections::BTreeMap, collections::BTreeSet, ops::ControlFlow, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value as JsonValue, json};

use super::{Loki, answers, blocking};
use crate::{
    demo::{
        logql::{
            ast::{Grouping, LogExpr, MetricExpr, RangeExpr, RangeOp},
            ingest,
            matcher::compile,
            metrics::{Steps, Value, evaluate},
            parse_selector,
        },
        server::params::{Params, Refusal},
        store::Direction,
    },
    model::{
        labels::{Labels, Matcher},
        time::TimeRange,
    },
};

type Answer = Result<Json<JsonValue>, Refusal>;

/// Streams that any of the selectors matches; all without selectors.
async fn streams(loki: &Arc<Loki>, params: &Params, selectors: Vec<String>) -> Result<Vec<Arc<Labels>>, Refusal> {
    let (start, end) = params.bounds(loki.clock.now())?;
    let mut parsed = selectors.iter().map(|s| parse_selector(s)).collect::<Result<Vec<_>, _>>()?;
    if parsed.is_empty() {
        parsed.push(Vec::new());
    }
    blocking(loki, move |loki| {
        let mut found = Vec::new();
        for matchers in &parsed {
            found.extend(ingest::streams(loki.logs.as_ref(), &compile(matchers)?, TimeRange { start, end }));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    })
    .await
}

fn one_query(params: &Params) -> Vec<String> {
    params.get("query").map(str::to_owned).into_iter().collect()
}

/// `/loki/api/v1/labels`
pub async fn labels(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let found = streams(&loki, &params, one_query(&params)).await?;
    let names: BTreeSet<&str> = found.iter().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
    Ok(Json(answers::list(names.into_iter().map(str::to_owned).collect())))
}

/// `/loki/api/v1/label/{name}/values`
pub async fn values(State(loki): State<Arc<Loki>>, Path(name): Path<String>, params: Params) -> Answer {
    let found = streams(&loki, &params, one_query(&params)).await?;
    let values: BTreeSet<&str> = found.iter().filter_map(|l| l.get(&name)).collect();
    Ok(Json(answers::list(values.into_iter().map(str::to_owned).collect())))
}

/// `/loki/api/v1/series`
pub async fn series(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let selectors = params.all("match[]").chain(params.all("match")).map(str::to_owned).collect();
    let found = streams(&loki, &params, selectors).await?;
    Ok(Json(json!({"status": "success", "data": found.iter().map(|l| answers::object(l)).collect::<Vec<_>>()})))
}

/// `/loki/api/v1/detected_labels`
pub async fn detected_labels(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let found = streams(&loki, &params, one_query(&params)).await?;
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in found.iter().flat_map(|l| l.iter()) {
        values.entry(name).or_default().insert(value);
    }
    let labels: Vec<JsonValue> = values.iter().map(|(name, values)| json!({"label": name, "cardinality": values.len()})).collect();
    Ok(Json(if labels.is_empty() { json!({}) } else { json!({"detectedLabels": labels}) }))
}

/// `/loki/api/v1/index/stats`: counts lines, where the real one estimates.
pub async fn stats(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let (start, end) = params.bounds(loki.clock.now())?;
    let matchers = parse_selector(params.query())?;
    let (streams, entries, bytes) = blocking(&loki, move |loki| {
        let (mut seen, mut entries, mut bytes, mut text) = (BTreeSet::new(), 0u64, 0u64, String::new());
        let range = (TimeRange { start, end }, Direction::Forward);
        ingest::scan(loki.logs.as_ref(), &matchers, &compile(&matchers)?, None, range, &mut |entry, _, stream| {
            text.clear();
            entry.write_text(&mut text);
            seen.insert(stream);
            (entries, bytes) = (entries + 1, bytes + text.len() as u64);
            ControlFlow::Continue(())
        });
        Ok((seen.len(), entries, bytes))
    })
    .await?;
    Ok(Json(json!({"streams": streams, "chunks": streams, "bytes": bytes, "entries": entries})))
}

/// Bytes of the lines that a selector matches, by the labels it names or by `targetLabels`.
async fn volume_of(loki: &Arc<Loki>, params: &Params, steps: Steps, range: i64) -> Result<Value, Refusal> {
    if params.get("aggregateBy").is_some_and(|by| by != "series") {
        return Err(Refusal::bad("the demo does not support aggregateBy=labels"));
    }
    let matchers: Vec<Matcher> = parse_selector(params.query())?;
    let limit = params.positive("limit", 100)?;
    let labels: Vec<String> = match params.get("targetLabels") {
        Some(targets) => targets.split(',').map(str::to_owned).collect(),
        None => matchers.iter().map(|m| m.name.to_string()).collect(),
    };
    let expr = MetricExpr::Aggregate {
        op: crate::demo::logql::ast::AggregateOp::Sum,
        parameter: None,
        grouping: Grouping { without: false, labels },
        inner: Box::new(MetricExpr::Range(RangeExpr {
            op: RangeOp::Bytes,
            parameter: None,
            log: LogExpr { matchers, stages: Vec::new() },
            unwrap: None,
            range,
            offset: 0,
            grouping: None,
        })),
    };
    let value = blocking(loki, move |loki| Ok(evaluate(loki.logs.as_ref(), &expr, steps)?)).await?;
    let Value::Series(mut series) = value else { return Ok(value) };
    let total = |values: &[Option<f64>]| values.iter().flatten().sum::<f64>();
    series.sort_by(|a, b| total(&b.values).total_cmp(&total(&a.values)));
    series.truncate(limit);
    Ok(Value::Series(series))
}

/// `/loki/api/v1/index/volume`
pub async fn volume(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let (start, end) = params.bounds(loki.clock.now())?;
    let steps = Steps { start: end.0, step: 1, count: 1 };
    let value = volume_of(&loki, &params, steps, (end.0 - start.0).max(1)).await?;
    Ok(Json(answers::instant(value, end.0)))
}

/// `/loki/api/v1/index/volume_range`
pub async fn volume_range(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let (start, end) = params.bounds(loki.clock.now())?;
    let step = params.step(start, end)?;
    let steps = Steps { start: start.0 + step, step, count: ((end.0 - start.0) / step).max(1) as usize };
    let value = volume_of(&loki, &params, steps, step).await?;
    Ok(Json(answers::matrix(value, Steps { start: start.0, ..steps })))
}
