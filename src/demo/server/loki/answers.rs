//! Bodies of Loki's answers.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use crate::{
    demo::logql::{
        Categories,
        entries::Entry,
        metrics::{Series, Steps, Value},
    },
    model::labels::Labels,
};

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Structured metadata and parsed labels beside each line.
    Categorized,
    /// All labels together, each set a stream of its own.
    Merged,
    /// Only the stream's own labels: what live tailing without a pipeline gives.
    StreamOnly,
}

/// A label set as an object.
pub fn object(labels: &Labels) -> Json {
    Json::Object(labels.iter().map(|(n, v)| (n.to_owned(), v.into())).collect::<Map<_, _>>())
}

/// The stream that an entry belongs to in the answer.
fn stream_of(labels: &Categories, encoding: Encoding) -> Labels {
    if encoding == Encoding::Merged { labels.merged() } else { labels.stream.clone() }
}

/// `[ns, line]`, with a third part when labels are categorized.
fn value_of(entry: &Entry, encoding: Encoding) -> Json {
    let mut value = vec![Json::from(entry.at.0.to_string()), Json::from(entry.text.as_str())];
    if encoding == Encoding::Categorized {
        let mut extra = Map::new();
        for (key, labels) in [("structuredMetadata", &entry.labels.metadata), ("parsed", &entry.labels.parsed)] {
            if !labels.is_empty() {
                extra.insert(key.to_owned(), object(labels));
            }
        }
        value.push(Json::Object(extra));
    }
    Json::Array(value)
}

/// The answer to a log query.
pub fn streams(entries: &[Entry], encoding: Encoding) -> Json {
    let mut order: Vec<(Labels, Vec<Json>)> = Vec::new();
    let mut index: HashMap<Labels, usize> = HashMap::new();
    for entry in entries {
        let labels = stream_of(&entry.labels, encoding);
        let i = *index.entry(labels).or_insert_with_key(|labels| {
            order.push((labels.clone(), Vec::new()));
            order.len() - 1
        });
        order[i].1.push(value_of(entry, encoding));
    }
    let result: Vec<Json> = order.into_iter().map(|(labels, values)| json!({"stream": object(&labels), "values": values})).collect();
    let bytes: usize = entries.iter().map(|e| e.text.len()).sum();
    let mut data = json!({"resultType": "streams", "result": result, "stats": stats(entries.len(), bytes)});
    if encoding == Encoding::Categorized {
        data["encodingFlags"] = json!(["categorize-labels"]);
    }
    json!({"status": "success", "data": data})
}

/// A frame of a tail: each entry is a stream of its own.
pub fn frame(entries: &[Entry], encoding: Encoding) -> Json {
    let streams: Vec<Json> =
        entries.iter().map(|e| json!({"stream": object(&stream_of(&e.labels, encoding)), "values": [value_of(e, encoding)]})).collect();
    if encoding == Encoding::Categorized {
        json!({"streams": streams, "encodingFlags": ["categorize-labels"]})
    } else {
        json!({"streams": streams})
    }
}

/// The part of the statistics that clients look at.
pub fn stats(lines: usize, bytes: usize) -> Json {
    json!({"summary": {
        "bytesProcessedPerSecond": 0, "linesProcessedPerSecond": 0, "totalBytesProcessed": bytes, "totalLinesProcessed": lines,
        "execTime": 0.0, "queueTime": 0.0, "subqueries": 0, "totalEntriesReturned": lines, "splits": 0, "shards": 0,
    }})
}

/// A number as Prometheus writes it.
pub fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        v => v.to_string(),
    }
}

/// Seconds with up to three digits of a fraction.
pub fn seconds(nanoseconds: i64) -> Json {
    let millis = nanoseconds.div_euclid(1_000_000);
    if millis % 1000 == 0 { Json::from(millis / 1000) } else { Json::from(millis as f64 / 1000.0) }
}

fn sorted(mut series: Vec<Series>) -> Vec<Series> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

/// The answer to a metric query over a range.
pub fn matrix(value: Value, steps: Steps) -> Json {
    let series = match value {
        Value::Number(n) => vec![Series { labels: Labels::new(), values: vec![Some(n); steps.count] }],
        Value::Series(series) => sorted(series),
    };
    let point = |(k, v): (usize, &Option<f64>)| v.map(|v| json!([seconds(steps.start + steps.step * k as i64), number(v)]));
    let one = |s: &Series| {
        let values: Vec<Json> = s.values.iter().enumerate().filter_map(point).collect();
        (!values.is_empty()).then(|| json!({"metric": object(&s.labels), "values": values}))
    };
    let result: Vec<Json> = series.iter().filter_map(one).collect();
    json!({"status": "success", "data": {"resultType": "matrix", "result": result, "stats": stats(0, 0)}})
}

/// The answer to a metric query at an instant.
pub fn instant(value: Value, at: i64) -> Json {
    let (kind, result) = match value {
        Value::Number(n) => ("scalar", json!([at.div_euclid(1_000_000), number(n)])),
        Value::Series(series) => {
            let one = |s: Series| {
                s.values.first().copied().flatten().map(|v| json!({"metric": object(&s.labels), "value": [seconds(at), number(v)]}))
            };
            ("vector", sorted(series).into_iter().filter_map(one).collect())
        }
    };
    json!({"status": "success", "data": {"resultType": kind, "result": result, "stats": stats(0, 0)}})
}

/// `{"status","data"}`; an empty list has no `data`.
pub fn list(items: Vec<String>) -> Json {
    if items.is_empty() { json!({"status": "success"}) } else { json!({"status": "success", "data": items}) }
}
