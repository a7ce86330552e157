//! Remote write to Prometheus.

use std::{sync::Arc, time::Duration};

use prost::Message;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{IntoError, Progress, Sink, World, pieces};
use crate::{
    demo::store::{MetricStore, StoredExemplar, StoredSeries},
    model::{
        labels::{Labels, MatchOp, Matcher},
        time::TimeRange,
    },
    wire::remote_write::{Exemplar, Label, MetricMetadata, Sample, TimeSeries, WriteRequest},
};

const PIECE: Duration = Duration::from_secs(300);
/// Series of one request.
const BATCH: usize = 2_000;

/// Writes all samples and exemplars of a range.
pub(super) async fn write(
    world: &World,
    store: &Arc<dyn MetricStore>,
    sink: &Sink,
    range: TimeRange,
    mut progress: Progress,
) -> Result<(), IntoError> {
    let headers = headers();
    send(sink, &headers, WriteRequest { timeseries: Vec::new(), metadata: metadata(world) }).await?;
    let mut samples = 0;
    for piece in pieces(range, PIECE) {
        let store = store.clone();
        // Millisecond stores: the first whole millisecond from the start on, so that no sample is written twice.
        let (start, end) = ((piece.start.0 + 999_999).div_euclid(1_000_000), piece.end.millis());
        let series = tokio::task::spawn_blocking(move || {
            let all = [Matcher::new("__name__", MatchOp::Regex, ".+")];
            let mut series: Vec<TimeSeries> = store.select(&all, start, end).iter().map(samples_of).collect();
            series.extend(store.exemplars(&all, start, end).iter().map(exemplar_of));
            series
        });
        let series = series.await.map_err(|e| IntoError(e.to_string()))?;
        for batch in series.chunks(BATCH) {
            samples += batch.iter().map(|s| s.samples.len()).sum::<usize>();
            send(sink, &headers, WriteRequest { timeseries: batch.to_vec(), metadata: Vec::new() }).await?;
        }
        progress.advance(piece.duration(), samples, "samples");
    }
    progress.finish();
    Ok(())
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
        (HeaderName::from_static("x-prometheus-remote-write-version"), HeaderValue::from_static("0.1.0")),
    ])
}

async fn send(sink: &Sink, headers: &HeaderMap, request: WriteRequest) -> Result<(), IntoError> {
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).map_err(|e| IntoError(e.to_string()))?;
    sink.send(headers, body).await
}

fn metadata(world: &World) -> Vec<MetricMetadata> {
    world
        .metrics
        .metadata()
        .into_iter()
        .map(|m| MetricMetadata {
            metric_type: match m.kind {
                "counter" => 1,
                "gauge" => 2,
                "histogram" => 3,
                "summary" => 5,
                _ => 0,
            },
            metric_family_name: m.family.to_owned(),
            help: m.help.to_owned(),
            unit: m.unit.to_owned(),
        })
        .collect()
}

fn labels(labels: &Labels) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).collect()
}

fn samples_of(series: &StoredSeries) -> TimeSeries {
    let samples = series.samples.iter().map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp }).collect();
    TimeSeries { labels: labels(&series.labels), samples, exemplars: Vec::new() }
}

fn exemplar_of(exemplar: &StoredExemplar) -> TimeSeries {
    let one = Exemplar { labels: labels(&exemplar.labels), value: exemplar.value, timestamp: exemplar.at };
    TimeSeries { labels: labels(&exemplar.series), samples: Vec::new(), exemplars: vec![one] }
}
