//! Remote write to Prometheus.

use std::{sync::Arc, time::Duration};

use prost::Message;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{IntoError, Progress, Sink, World, pieces};
use crate::{
    demo::store::{MetricStore, StoredExemplar, StoredSeries},
    model::{
        labels::{Labels, MatchOp, Matcher},
        time::{TimeRange, Timestamp},
    },
    wire::remote_write::{Exemplar, Label, MetricMetadata, Sample, TimeSeries, WriteRequest},
};

const PIECE: Duration = Duration::from_secs(300);
/// Series of one request.
const BATCH: usize = 2_000;

/// How long after samples exemplars are written: Prometheus takes none of a series that has no sample yet, and what was
/// observed is scraped up to two scrapes later.
const COLLECTED: Duration = Duration::from_secs(30);

/// Writes all samples of a range, and the exemplars of a little earlier, but of nothing before `begin`.
pub(super) async fn write(
    world: &World,
    store: &Arc<dyn MetricStore>,
    sink: &Sink,
    begin: Timestamp,
    range: TimeRange,
    mut progress: Progress,
) -> Result<(), IntoError> {
    let headers = headers();
    send(sink, &headers, WriteRequest { timeseries: Vec::new(), metadata: metadata(world) }).await?;
    let mut samples = 0;
    for piece in pieces(range, PIECE) {
        let store = store.clone();
        let series = tokio::task::spawn_blocking(move || written_with(&*store, piece, begin));
        let series = series.await.map_err(|e| IntoError(e.to_string()))?;
        for batch in series.chunks(BATCH) {
            samples += batch.iter().map(|s| s.samples.len() + s.histograms.len()).sum::<usize>();
            send(sink, &headers, WriteRequest { timeseries: batch.to_vec(), metadata: Vec::new() }).await?;
        }
        progress.advance(piece.duration(), samples, "samples");
    }
    progress.finish();
    Ok(())
}

/// What is written with a piece: its samples, then the exemplars that scrapes have collected by now.
fn written_with(store: &dyn MetricStore, piece: TimeRange, begin: Timestamp) -> Vec<TimeSeries> {
    let all = [Matcher::new("__name__", MatchOp::Regex, ".+")];
    let (start, end) = whole_millis(piece);
    let (from, to) = whole_millis(TimeRange { start: (piece.start - COLLECTED).max(begin), end: piece.end - COLLECTED });
    let mut series: Vec<TimeSeries> = store.select(&all, start, end).iter().map(samples_of).collect();
    series.extend(store.exemplars(&all, from, to).iter().map(exemplar_of));
    series
}

/// Of a millisecond store: from the first whole millisecond on, so that nothing is written twice.
fn whole_millis(range: TimeRange) -> (i64, i64) {
    ((range.start.0 + 999_999).div_euclid(1_000_000), range.end.millis())
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
    let histograms = series.histograms.iter().map(|(at, h)| h.to_wire(*at)).collect();
    TimeSeries { labels: labels(&series.labels), samples, exemplars: Vec::new(), histograms }
}

fn exemplar_of(exemplar: &StoredExemplar) -> TimeSeries {
    let one = Exemplar { labels: labels(&exemplar.labels), value: exemplar.value, timestamp: exemplar.at };
    TimeSeries { labels: labels(&exemplar.series), samples: Vec::new(), exemplars: vec![one], histograms: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::memory::MemStore;

    #[test]
    fn an_exemplar_is_written_once_and_after_a_sample_of_its_series() {
        let mut store = MemStore::default();
        let series: Labels = [("__name__", "x_bucket".to_owned()), ("le", "1.0".to_owned())].into_iter().collect();
        store.push(series.clone(), vec![(305_000, 1.0), (320_000, 2.0)]);
        let exemplar = |at| StoredExemplar { series: Arc::new(series.clone()), labels: Labels::default(), value: 0.5, at };
        // The first is observed in the first piece and scraped in the second; the last is older than what is written.
        store.exemplars = [299_000, 310_000, 9_000].map(exemplar).to_vec();

        let range = TimeRange { start: Timestamp::from_secs(10), end: Timestamp::from_secs(900) };
        let (mut samples, mut observed) = (0, Vec::new());
        for piece in pieces(range, PIECE) {
            for one in written_with(&store, piece, range.start) {
                assert!(one.exemplars.is_empty() || samples > 0, "Prometheus does not know this series yet");
                samples += one.samples.len();
                observed.extend(one.exemplars.iter().map(|e| e.timestamp));
            }
        }
        assert_eq!((samples, observed), (2, vec![299_000, 310_000]));
    }
}
