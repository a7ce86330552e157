//! How much there is: `index/stats`, `index/volume` and `index/volume_range`.
//!
//! The real server takes a chunk's bytes for spread evenly over its time, and `index/stats` knows only chunks that have
//! been flushed. Here lines are where they are, and what is older than a chunk may be has been flushed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{Json, extract::State};
use serde_json::json;

use super::{Loki, answers, blocking, discover::Answer};
use crate::{
    demo::{
        logql::{
            ingest,
            matcher::{CompiledMatcher, compile},
            parse_selector,
        },
        server::params::{Params, Refusal},
        store::Volume,
    },
    model::{
        labels::{Labels, MatchOp, Matcher},
        time::{TimeRange, Timestamp},
    },
};

/// `ingester.max_chunk_age`: a stream's chunk is flushed when it is as old as this.
const CHUNK_AGE: i64 = 2 * 3_600_000_000_000;
/// Between two buckets of a range.
const GAP: i64 = 1_000_000;

type Shared = State<std::sync::Arc<Loki>>;

/// `/loki/api/v1/index/stats`
pub async fn stats(State(loki): Shared, params: Params) -> Answer {
    let (start, end) = params.bounds(loki.clock.now())?;
    let matchers = parse_selector(params.query())?;
    let flushed = Timestamp(loki.clock.now().0.div_euclid(CHUNK_AGE) * CHUNK_AGE);
    let (chunks, total) = blocking(&loki, move |loki| {
        let (mut chunks, mut total) = (BTreeMap::<Labels, BTreeSet<i64>>::new(), Volume::default());
        let range = TimeRange { start, end: end.min(flushed) };
        if range.start < range.end {
            ingest::volume(loki.logs.as_ref(), &matchers, &compile(&matchers)?, range, &mut |at, stream, volume| {
                chunks.entry(Labels::clone(stream)).or_default().insert(at.0.div_euclid(CHUNK_AGE));
                total += volume;
            });
        }
        Ok((chunks, total))
    })
    .await?;
    let all: usize = chunks.values().map(BTreeSet::len).sum();
    Ok(Json(json!({"streams": chunks.len(), "chunks": all, "bytes": total.bytes, "entries": total.entries})))
}

/// What is asked of volumes.
struct Question {
    matchers: Vec<Matcher>,
    compiled: Vec<CompiledMatcher>,
    /// The labels that tell series apart; `None` for all.
    labels: Option<Vec<String>>,
    by_series: bool,
    limit: usize,
}

impl Question {
    fn new(params: &Params) -> Result<Self, Refusal> {
        let limit = params.positive_or_zero("limit", 100)?;
        let by_series = match params.get("aggregateBy") {
            None | Some("series") => true,
            Some("labels") => false,
            Some(_) => return Err(Refusal::bad("invalid aggregation option")),
        };
        let targets: Vec<String> = params.get("targetLabels").map(|t| t.split(',').map(str::to_owned).collect()).unwrap_or_default();
        let mut matchers = if params.query() == "{}" { Vec::new() } else { parse_selector(params.query())? };
        let labels = match (targets.is_empty(), matchers.is_empty()) {
            (true, true) => None,
            (true, false) if by_series => Some(matchers.iter().map(|m| m.name.to_string()).collect()),
            (true, false) => None,
            (false, _) => {
                // A stream without a label that is asked for does not count.
                let missing: Vec<&String> = targets.iter().filter(|t| matchers.iter().all(|m| m.name != **t)).collect();
                matchers.extend(missing.into_iter().map(|t| Matcher::new(t.as_str(), MatchOp::Regex, ".+")).collect::<Vec<_>>());
                Some(targets)
            }
        };
        let compiled = compile(&matchers)?;
        Ok(Self { matchers, compiled, labels, by_series, limit: if limit == 0 { 100 } else { limit } })
    }

    /// The series that a stream counts for.
    fn names(&self, stream: &Labels) -> Vec<Labels> {
        let wanted = stream.iter().filter(|(n, _)| self.labels.as_ref().is_none_or(|l| l.iter().any(|l| l == n)));
        if self.by_series { vec![wanted.collect()] } else { wanted.map(|(n, _)| [(n, "")].into_iter().collect()).collect() }
    }

    /// Bytes by series and bucket; of each bucket the largest series, as many as the limit says.
    fn buckets(&self, loki: &Loki, range: TimeRange, step: i64) -> BTreeMap<Labels, BTreeMap<i64, u64>> {
        let mut buckets: BTreeMap<i64, BTreeMap<Labels, u64>> = BTreeMap::new();
        ingest::volume(loki.logs.as_ref(), &self.matchers, &self.compiled, range, &mut |at, stream, volume| {
            let bucket = buckets.entry(bucket_end(at, range, step)).or_default();
            for name in self.names(stream) {
                *bucket.entry(name).or_default() += volume.bytes;
            }
        });
        let mut series: BTreeMap<Labels, BTreeMap<i64, u64>> = BTreeMap::new();
        for (end, volumes) in buckets {
            let mut volumes: Vec<(Labels, u64)> = volumes.into_iter().collect();
            volumes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            volumes.truncate(self.limit);
            for (name, bytes) in volumes {
                series.entry(name).or_default().insert(end, bytes);
            }
        }
        series
    }
}

/// The end of the bucket that an instant lies in: multiples of the step, a millisecond apart.
fn bucket_end(at: Timestamp, range: TimeRange, step: i64) -> i64 {
    let next = (at.0.div_euclid(step) + 1) * step;
    if next >= range.end.0 { range.end.0 } else { next - GAP }
}

/// Series as the real server gives them: the largest first, and a vector when none has more than one sample.
fn answer(series: BTreeMap<Labels, BTreeMap<i64, u64>>) -> serde_json::Value {
    let mut all: Vec<(Labels, BTreeMap<i64, u64>)> = series.into_iter().collect();
    let first = |s: &BTreeMap<i64, u64>| s.values().next().copied().unwrap_or_default();
    all.sort_by(|a, b| first(&b.1).cmp(&first(&a.1)).then_with(|| a.0.to_string().cmp(&b.0.to_string())));
    let single = all.iter().all(|(_, samples)| samples.len() < 2);
    let one = |(labels, samples): (Labels, BTreeMap<i64, u64>)| {
        let mut points = samples.into_iter().map(|(at, bytes)| json!([answers::seconds(at), bytes.to_string()]));
        let metric = answers::object(&labels);
        if single {
            json!({"metric": metric, "value": points.next()})
        } else {
            json!({"metric": metric, "values": points.collect::<Vec<_>>()})
        }
    };
    let kind = if single { "vector" } else { "matrix" };
    let result: Vec<serde_json::Value> = all.into_iter().map(one).collect();
    json!({"status": "success", "data": {"resultType": kind, "result": result, "stats": answers::stats(0, 0)}})
}

async fn volumes(loki: &std::sync::Arc<Loki>, params: &Params, range: TimeRange, step: i64) -> Answer {
    let question = Question::new(params)?;
    let series = blocking(loki, move |loki| Ok(question.buckets(loki, range, step))).await?;
    Ok(Json(answer(series)))
}

/// `/loki/api/v1/index/volume`
pub async fn volume(State(loki): Shared, params: Params) -> Answer {
    let (start, end) = params.bounds(loki.clock.now())?;
    volumes(&loki, &params, TimeRange { start, end }, i64::MAX / 4).await
}

/// `/loki/api/v1/index/volume_range`
pub async fn volume_range(State(loki): Shared, params: Params) -> Answer {
    let (start, end) = params.bounds(loki.clock.now())?;
    let step = params.step(start, end)?.max(Duration::from_millis(1).as_nanos() as i64);
    volumes(&loki, &params, TimeRange { start, end }, step).await
}
