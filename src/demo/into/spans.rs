//! OTLP over HTTP to Tempo.

use std::{ops::ControlFlow, time::Duration};

use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{IntoError, Progress, Sink, World, pieces};
use crate::{demo::store::TraceHint, model::time::TimeRange, wire::otlp::TracesData};

const PIECE: Duration = Duration::from_secs(10);
/// Traces of one request.
const BATCH: usize = 300;

/// Writes all traces that begin in a range.
pub(super) async fn write(world: &World, sink: &Sink, range: TimeRange, mut progress: Progress) -> Result<(), IntoError> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))]);
    let mut traces = 0;
    for piece in pieces(range, PIECE) {
        let store = world.traces.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            store.scan(&TraceHint::default(), piece, &mut |trace| {
                found.push(trace);
                ControlFlow::Continue(())
            });
            found
        });
        let found = found.await.map_err(|e| IntoError(e.to_string()))?;
        for batch in found.chunks(BATCH) {
            traces += batch.len();
            let data = TracesData { resource_spans: batch.iter().flat_map(|t| t.spans.iter().cloned()).collect() };
            sink.send(&headers, data.encode_to_vec()).await?;
        }
        progress.advance(piece.duration(), traces, "traces");
    }
    progress.finish();
    Ok(())
}
