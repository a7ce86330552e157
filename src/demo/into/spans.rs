//! OTLP over HTTP to Tempo or Jaeger.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc, time::Duration};

use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{IntoError, Progress, Sink, World, pieces};
use crate::{
    demo::store::{StoredTrace, TraceHint, TraceStore},
    model::{
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
    wire::otlp::TracesData,
};

const PIECE: Duration = Duration::from_secs(10);
/// Traces of one request.
const BATCH: usize = 300;
/// What is larger is left out: Tempo takes 5 MB a trace unless it is told otherwise, and refuses the rest.
const MAX_BYTES: usize = 4_000_000;

/// Writes all traces that begin in a range, and the rare long ones that end in it.
pub(super) async fn write(world: &World, sink: &Sink, range: TimeRange, mut progress: Progress) -> Result<(), IntoError> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))]);
    let store = world.traces.clone();
    let rare = tokio::task::spawn_blocking(move || rare_of(store.as_ref(), range));
    let (ids, rare) = rare.await.map_err(|e| IntoError(e.to_string()))?;
    let (ids, mut traces) = (Arc::new(ids), 0);
    for piece in pieces(range, PIECE) {
        let (store, ids) = (world.traces.clone(), ids.clone());
        let found = tokio::task::spawn_blocking(move || piece_of(store.as_ref(), piece, &ids));
        let mut found = found.await.map_err(|e| IntoError(e.to_string()))?;
        found.extend(rare.iter().filter(|t| piece.contains(end(t))).cloned());
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

/// What is rare in a range: the ids of all of it, and those that a server takes.
fn rare_of(store: &dyn TraceStore, range: TimeRange) -> (HashSet<TraceId>, Vec<StoredTrace>) {
    let (mut ids, mut found) = (HashSet::new(), Vec::new());
    store.rare(&TraceHint::default(), range, &mut |trace| {
        ids.insert(trace.id);
        let fits = trace.spans.iter().map(Message::encoded_len).sum::<usize>() <= MAX_BYTES;
        found.extend(fits.then_some(trace));
        ControlFlow::Continue(())
    });
    (ids, found)
}

fn piece_of(store: &dyn TraceStore, piece: TimeRange, rare: &HashSet<TraceId>) -> Vec<StoredTrace> {
    let mut found = Vec::new();
    store.scan(&TraceHint::default(), piece, &mut |trace| {
        found.extend(Some(trace).filter(|t| !rare.contains(&t.id)));
        ControlFlow::Continue(())
    });
    found
}

/// The last end of a span.
fn end(trace: &StoredTrace) -> Timestamp {
    let spans = trace.spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    Timestamp(spans.map(|s| i64::try_from(s.end_time_unix_nano).unwrap_or(i64::MAX)).max().unwrap_or(0))
}
