//! TraceQL metrics: `/api/metrics/query_range` and `/api/metrics/query`.

use std::{ops::ControlFlow, sync::Arc};

use axum::{Json, extract::State};
use serde_json::{Value as JsonValue, json};

use super::{
    Params, Refusal, Tempo, blocking,
    search::{LONGEST_TRACE, attribute, begins_before},
};
use crate::{
    demo::{
        grammar::{ParseError, literal},
        store::SpanHint,
        traceql::{
            ast::{Query, Static},
            hint::hint,
            metrics::{Accumulator, Exemplar, Label, Series, Steps},
            parse,
            rows::Rows,
            wanted::wanted,
        },
    },
    model::time::{TimeRange, Timestamp},
};

/// The longest range, as an operator of a shop of this size sets it.
const MAX_RANGE: i64 = 24 * 3_600 * SECOND;
const SECOND: i64 = 1_000_000_000;
/// Samples of a series.
const MAX_INTERVALS: i64 = 10_000;
/// Series of an answer.
const MAX_SERIES: usize = 1_000;
const MAX_EXEMPLARS: usize = 100;
/// Traces that are read for an answer. Of more a part is read, which stands for the rest.
const MAX_TRACES: u64 = 40_000;
/// The same where any span of each may be meant: to make them all takes several times as long.
const MAX_WHOLE: u64 = MAX_TRACES / 4;

/// What was computed, and of how much.
struct Computed {
    series: Vec<Series>,
    traces: u64,
    one_in: u64,
}

/// `GET /api/metrics/query_range`
pub async fn query_range(State(tempo): State<Arc<Tempo>>, params: Params) -> Result<Json<JsonValue>, Refusal> {
    let (start, end) = bounds(&params, tempo.clock.now())?;
    let step = step(&params, start, end)?;
    if start > end {
        return Err(Refusal::bad("end must be greater than start"));
    }
    if step <= 0 {
        return Err(Refusal::bad("step must be greater than 0"));
    }
    if (end - start) / step > MAX_INTERVALS {
        let (step, least) = (Static::Duration(step), Static::Duration((end - start) / MAX_INTERVALS));
        return Err(Refusal::bad(format!("step of {step} is too small, minimum step for given range is {least}")));
    }
    let query = parsed(&params)?;
    longest(start, end)?;
    let exemplars = exemplars(&params, &query);
    let steps = Steps::range(start, end, step);
    let computed = compute(&tempo, query, steps, exemplars).await?;
    let series = |s: &Series| {
        let sample = |(i, value): (usize, &f64)| {
            let mut out = json!({"timestampMs": steps.at(i).to_string()});
            number(&mut out, *value);
            out
        };
        let samples: Vec<JsonValue> = s.values.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(sample).collect();
        let mut out = json!({"labels": labels(&s.labels), "samples": samples});
        if !s.exemplars.is_empty() {
            out["exemplars"] = s.exemplars.iter().map(exemplar).collect();
        }
        out
    };
    Ok(answer(&computed, series))
}

/// `GET /api/metrics/query`: one value of the whole range.
pub async fn query(State(tempo): State<Arc<Tempo>>, params: Params) -> Result<Json<JsonValue>, Refusal> {
    let (start, end) = bounds(&params, tempo.clock.now())?;
    if start >= end {
        return Err(Refusal::bad("compiling query: end must be greater than start"));
    }
    let query = parsed(&params)?;
    longest(start, end)?;
    let computed = compute(&tempo, query, Steps::instant(start, end), 0).await?;
    let series = |s: &Series| {
        let mut out = json!({"labels": labels(&s.labels)});
        number(&mut out, s.values.first().copied().unwrap_or_default());
        out
    };
    Ok(answer(&computed, series))
}

fn answer(computed: &Computed, series: impl Fn(&Series) -> JsonValue) -> Json<JsonValue> {
    // A series without a sample is none.
    let told = computed.series.iter().filter(|s| s.values.iter().any(|v| !v.is_nan()));
    let mut all: Vec<JsonValue> = told.map(series).collect();
    let mut messages = Vec::new();
    if all.len() > MAX_SERIES {
        all.truncate(MAX_SERIES);
        messages.push(format!(
            "Response exceeds maximum series limit of {MAX_SERIES}, a partial response is returned. Warning: the accuracy of each individual value is not guaranteed."
        ));
    }
    if computed.one_in > 1 {
        messages.push(format!("the demo read one trace in {} and counts each as so many", computed.one_in));
    }
    let metrics = json!({"inspectedTraces": computed.traces, "completedJobs": 1, "totalJobs": 1, "totalBlocks": 1});
    let mut out = json!({"series": all, "metrics": metrics});
    if !messages.is_empty() {
        out["status"] = "PARTIAL".into();
        out["message"] = messages.join("; ").into();
    }
    Json(out)
}

/// A value that is zero is left out.
fn number(out: &mut JsonValue, value: f64) {
    if value != 0.0 {
        out["value"] = value.into();
    }
}

fn labels(labels: &[Label]) -> JsonValue {
    labels.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn exemplar(e: &Exemplar) -> JsonValue {
    let mut out = json!({"labels": labels(&e.labels), "timestampMs": e.at.to_string()});
    number(&mut out, e.value);
    out
}

async fn compute(tempo: &Arc<Tempo>, query: Query, steps: Steps, exemplars: usize) -> Result<Computed, Refusal> {
    blocking(tempo, move |tempo| {
        let mut accumulator = Accumulator::new(&query, steps, exemplars).map_err(|e| refused(&e))?;
        let (hint, (start, end)) = (hint(&query), steps.bounds());
        let range = TimeRange { start: Timestamp(start) - LONGEST_TRACE, end: Timestamp(end) };
        let spans = wanted(&query);
        let most = if spans == SpanHint::default() && !hint.error { MAX_WHOLE } else { MAX_TRACES };
        let one_in = tempo.traces.about(&hint, range).div_ceil(most).max(1);
        let mut traces = 0;
        tempo.traces.sample((&hint, &spans), range, one_in, &mut |trace, weight| {
            traces += 1;
            accumulator.observe(&Rows::new(&trace), weight as f64);
            ControlFlow::Continue(())
        });
        tempo.traces.rare(&hint, range, &mut |trace| {
            let rows = Rows::new(&trace);
            if begins_before(&rows, range.start) {
                accumulator.observe(&rows, 1.0);
            }
            ControlFlow::Continue(())
        });
        Ok(Computed { series: accumulator.finish(), traces, one_in })
    })
    .await
}

fn parsed(params: &Params) -> Result<Query, Refusal> {
    let text = params.get("q").or_else(|| params.get("query")).unwrap_or_default();
    let query = parse(text).map_err(|e| refused(&e))?;
    if query.metrics.is_none() {
        return Err(Refusal::bad("compiling query: not a metrics query"));
    }
    Ok(query)
}

/// Mistakes have their place, and what is refused although it parses has none.
fn refused(error: &ParseError) -> Refusal {
    let parses = error.line == 0 && !error.message.starts_with("syntax error");
    Refusal::bad(if parses { format!("compiling query: {}", error.message) } else { error.to_string() })
}

/// `with (exemplars=5)`, `with (exemplars=false)`, or the parameter.
fn exemplars(params: &Params, query: &Query) -> usize {
    let hinted = query.hints.iter().find(|(name, _)| name == "exemplars").map(|(_, value)| value);
    let asked = match hinted {
        Some(Static::Int(n)) => usize::try_from(*n).unwrap_or(0),
        Some(Static::Bool(false)) => 0,
        _ => params.get("exemplars").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(MAX_EXEMPLARS),
    };
    asked.min(MAX_EXEMPLARS)
}

fn longest(start: i64, end: i64) -> Result<(), Refusal> {
    if end - start > MAX_RANGE {
        let longest = Static::Duration(MAX_RANGE);
        return Err(Refusal::bad(format!("metrics query time range exceeds the maximum allowed duration of {longest}")));
    }
    Ok(())
}

/// `start`, `end` and `since`, nanoseconds; an hour until now without them.
fn bounds(params: &Params, now: Timestamp) -> Result<(i64, i64), Refusal> {
    let since = match params.get("since") {
        Some(text) => literal::prometheus_duration(text).ok_or_else(|| Refusal::bad("could not parse 'since' parameter"))?,
        None => 3_600 * SECOND,
    };
    let end = params.instant("end")?.unwrap_or(now);
    let start = params.instant("start")?.unwrap_or(Timestamp(end.min(now).0.saturating_sub(since)));
    Ok((start.0, end.0))
}

/// `step` in nanoseconds; about 240 steps without it, in whole seconds.
fn step(params: &Params, start: i64, end: i64) -> Result<i64, Refusal> {
    let Some(text) = params.get("step") else {
        let about = (end - start).max(0) / 240;
        let round = |unit: i64| about / unit * unit;
        let step = if round(5 * SECOND) > 0 { round(5 * SECOND) } else { round(SECOND) };
        return Ok(step.max(SECOND));
    };
    let seconds = text.parse::<f64>().ok().map(|s| s * 1e9).filter(|ns| ns.abs() < 9.2e18).map(|ns| ns as i64);
    seconds.or_else(|| literal::go_duration(text)).ok_or_else(|| Refusal::bad(format!("cannot parse {text:?} to a valid duration")))
}
