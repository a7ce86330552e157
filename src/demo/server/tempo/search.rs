//! `/api/search`: by TraceQL, or by tags.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use serde_json::{Value as JsonValue, json};

use super::{Params, Refusal, Tempo, blocking, tags::TagSearch};
use crate::{
    demo::{
        grammar::{ParseError, literal},
        store::{StoredTrace, TraceHint},
        traceql::{
            ast::Static,
            eval::{Evaluator, Selection},
            hint::hint,
            parse,
            rows::Rows,
        },
    },
    model::{
        time::{TimeRange, Timestamp},
        trace::SpanId,
    },
};

const MAX_LIMIT: usize = 262_144;
const MAX_SPANS: usize = 100;
/// Traces may start this long before the range and still reach into it.
pub const LONGEST_TRACE: Duration = Duration::from_secs(300);
/// What is searched when no range is given: what Tempo's ingesters still hold.
pub const RECENT: Duration = Duration::from_secs(15 * 60);

/// A live trace is found once nothing of it has come for this long: `trace_idle_period` and the look for idle ones, 5 s
/// each. Before that it is answered by its id alone.
const IDLE: Duration = Duration::from_secs(10);

struct Request {
    range: TimeRange,
    /// Traces of which something came later are live.
    idle_since: Timestamp,
    limit: usize,
    spans_per_set: usize,
    min_duration: i64,
    max_duration: i64,
}

/// `GET /api/search`
pub async fn search(State(tempo): State<Arc<Tempo>>, params: Params) -> Result<Json<JsonValue>, Refusal> {
    let (query, tags) = (params.get("q").map(str::to_owned), params.get("tags").map(str::to_owned));
    if query.is_some() && tags.is_some() {
        return Err(Refusal::bad("invalid request: can't specify tags and q in the same query"));
    }
    let parsed = query.as_deref().map(parse).transpose().map_err(|e| refused(&e))?;
    let tags = TagSearch::parse(tags.as_deref().unwrap_or_default())?;
    let request = request(&params, tempo.clock.now())?;
    let traces = blocking(&tempo, move |tempo| match &parsed {
        Some(query) => {
            let evaluator = Evaluator::new(query).map_err(|e| refused(&e))?;
            Ok(find(tempo, &request, &hint(query), |trace| by_query(&evaluator, &request, trace)))
        }
        None => {
            let hint = TraceHint { min_duration: 0, error: tags.error(), services: Vec::new() };
            Ok(find(tempo, &request, &hint, |trace| by_tags(&tags, &request, trace)))
        }
    })
    .await?;
    let inspected = traces.len();
    Ok(Json(
        json!({"traces": traces, "metrics": {"inspectedTraces": inspected, "inspectedBytes": "0", "totalBlocks": 1, "completedJobs": 1, "totalJobs": 1}}),
    ))
}

/// Mistakes have their place, and what is refused although it parses has none.
fn refused(error: &ParseError) -> Refusal {
    let parses = error.line == 0 && !error.message.starts_with("syntax error");
    let words = if parses { error.message.clone() } else { error.to_string() };
    Refusal::bad(format!("invalid TraceQL query: {words}"))
}

/// The range of `start` and `end`, whole seconds; the recent past without them.
pub fn range(params: &Params, now: Timestamp) -> Result<TimeRange, Refusal> {
    let second = |name: &str| match params.get(name) {
        Some(text) => {
            text.parse::<u32>().map_err(|_| Refusal::bad(format!("invalid {name}: strconv.ParseInt: parsing {text:?}: value out of range")))
        }
        None => Ok(0),
    };
    let (start, end) = (second("start")?, second("end")?);
    if start == 0 && end == 0 {
        return Ok(TimeRange { start: now - RECENT, end: now });
    }
    if end <= start {
        return Err(Refusal::bad(format!("http parameter start must be before end. received start={start} end={end}")));
    }
    Ok(TimeRange { start: Timestamp::from_secs(start.into()), end: Timestamp::from_secs(end.into()) })
}

fn request(params: &Params, now: Timestamp) -> Result<Request, Refusal> {
    let duration = |name: &str, default: i64| match params.get(name) {
        Some(text) => literal::go_duration(text).ok_or_else(|| Refusal::bad(format!("invalid {name}: time: invalid duration {text:?}"))),
        None => Ok(default),
    };
    let (min_duration, max_duration) = (duration("minDuration", 0)?, duration("maxDuration", i64::MAX)?);
    if min_duration > max_duration {
        return Err(Refusal::bad("invalid maxDuration: must be greater than minDuration"));
    }
    let limit = positive(params, "limit", 20)?;
    if limit > MAX_LIMIT {
        return Err(Refusal::bad(format!("invalid limit: {limit} exceeds {MAX_LIMIT}")));
    }
    let spans_per_set = positive(params, "spss", 3)?;
    if spans_per_set > MAX_SPANS {
        return Err(Refusal::bad(format!("invalid spss: {spans_per_set} exceeds {MAX_SPANS}")));
    }
    Ok(Request { range: range(params, now)?, idle_since: now - IDLE, limit, spans_per_set, min_duration, max_duration })
}

fn positive(params: &Params, name: &str, default: usize) -> Result<usize, Refusal> {
    let Some(text) = params.get(name) else { return Ok(default) };
    let number: i64 = text.parse().map_err(|_| Refusal::bad(format!("invalid {name}: strconv.Atoi: parsing {text:?}: invalid syntax")))?;
    usize::try_from(number).ok().filter(|n| *n > 0).ok_or_else(|| Refusal::bad(format!("invalid {name}: must be a positive number")))
}

/// The newest traces for which `matches` gives an answer.
fn find(tempo: &Tempo, request: &Request, hint: &TraceHint, matches: impl Fn(&StoredTrace) -> Option<JsonValue>) -> Vec<JsonValue> {
    let mut found = Vec::new();
    let reach = TimeRange { start: request.range.start - LONGEST_TRACE, end: request.range.end };
    tempo.traces.scan(hint, reach, &mut |trace| {
        found.extend(matches(&trace));
        if found.len() < request.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    // Those that began even before that are the oldest of all.
    if found.len() < request.limit {
        tempo.traces.rare(hint, request.range, &mut |trace| {
            found.extend(if begins_before(&Rows::new(&trace), reach.start) { matches(&trace) } else { None });
            if found.len() < request.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
    found
}

/// Whether a trace begins before an instant.
pub fn begins_before(rows: &Rows<'_>, at: Timestamp) -> bool {
    i64::try_from(rows.start).is_ok_and(|start| start < at.0)
}

/// Whether a trace lies in the range and lasts as long as asked.
fn fits(rows: &Rows<'_>, request: &Request) -> bool {
    let instant = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let overlaps = instant(rows.end) >= request.range.start.0 && instant(rows.start) <= request.range.end.0;
    let duration = rows.duration();
    let idle = instant(rows.end) <= request.idle_since.0;
    !rows.spans.is_empty() && idle && overlaps && duration >= request.min_duration && duration <= request.max_duration
}

fn by_tags(tags: &TagSearch, request: &Request, trace: &StoredTrace) -> Option<JsonValue> {
    let rows = Rows::new(trace);
    (fits(&rows, request) && tags.matches(&rows, trace)).then(|| summary(&rows))
}

fn by_query(evaluator: &Evaluator<'_>, request: &Request, trace: &StoredTrace) -> Option<JsonValue> {
    let rows = Rows::new(trace);
    if !fits(&rows, request) {
        return None;
    }
    let sets: Vec<JsonValue> = evaluator.select(&rows).iter().map(|set| span_set(evaluator, &rows, set, request.spans_per_set)).collect();
    let first = sets.first()?.clone();
    let mut out = summary(&rows);
    out["spanSet"] = first;
    out["spanSets"] = JsonValue::Array(sets);
    out["serviceStats"] = service_stats(&rows);
    Some(out)
}

/// What is told about any trace found.
fn summary(rows: &Rows<'_>) -> JsonValue {
    let mut out = json!({
        "traceID": format!("{:x}", rows.id.0),
        "rootServiceName": rows.root_service().unwrap_or("<root span not yet received>"),
        "startTimeUnixNano": rows.start.to_string(),
    });
    if let Some(name) = rows.root_name() {
        out["rootTraceName"] = name.into();
    }
    let milliseconds = rows.duration() / 1_000_000;
    if milliseconds > 0 {
        out["durationMs"] = milliseconds.into();
    }
    out
}

fn service_stats(rows: &Rows<'_>) -> JsonValue {
    let mut stats: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for row in &rows.spans {
        let (spans, errors) = stats.entry(row.service()).or_default();
        *spans += 1;
        *errors += u32::from(row.span.status.as_ref().is_some_and(|s| s.code == 2));
    }
    let one = |(service, (spans, errors)): (&str, (u32, u32))| {
        let stat = if errors == 0 { json!({"spanCount": spans}) } else { json!({"spanCount": spans, "errorCount": errors}) };
        (service.to_owned(), stat)
    };
    JsonValue::Object(stats.into_iter().map(one).collect())
}

fn span_set(evaluator: &Evaluator<'_>, rows: &Rows<'_>, set: &Selection, limit: usize) -> JsonValue {
    let spans: Vec<JsonValue> = set.spans.iter().take(limit).map(|s| span(evaluator, rows, *s)).collect();
    let mut out = json!({"spans": spans, "matched": set.spans.len()});
    if !set.attributes.is_empty() {
        out["attributes"] = set.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    }
    out
}

fn span(evaluator: &Evaluator<'_>, rows: &Rows<'_>, index: usize) -> JsonValue {
    let row = &rows.spans[index];
    let id = <[u8; 8]>::try_from(row.span.span_id.as_slice()).map(|b| SpanId(u64::from_be_bytes(b)).to_string()).unwrap_or_default();
    let mut out = json!({
        "spanID": id,
        "startTimeUnixNano": row.span.start_time_unix_nano.to_string(),
        "durationNanos": (row.duration() as u64).to_string(),
    });
    if evaluator.shows_name() {
        out["name"] = row.span.name.as_str().into();
    }
    let shown: Vec<JsonValue> = evaluator.shown(rows, index).iter().map(|(key, value)| attribute(key, value)).collect();
    if !shown.is_empty() {
        out["attributes"] = JsonValue::Array(shown);
    }
    out
}

/// A key with a value as Tempo types it.
pub fn attribute(key: &str, value: &Static) -> JsonValue {
    let value = match value {
        Static::Int(n) => json!({"intValue": n.to_string()}),
        Static::Float(n) => json!({"doubleValue": n}),
        Static::Bool(b) => json!({"boolValue": b}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": key, "value": value})
}
