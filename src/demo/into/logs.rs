//! Push to Loki.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc, time::Duration};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;

use super::{IntoError, Progress, Sink, World, pieces};
use crate::{
    demo::store::{Direction, LogHint},
    model::{
        labels::Labels,
        time::{TimeRange, Timestamp},
    },
};

const PIECE: Duration = Duration::from_secs(10);
/// Bytes of lines in one request.
const BATCH: usize = 1_000_000;

type Map = BTreeMap<String, String>;

#[derive(Serialize)]
struct Push {
    streams: Vec<Stream>,
}

#[derive(Serialize)]
struct Stream {
    stream: Map,
    /// Nanoseconds as text, the line, structured metadata.
    values: Vec<(String, String, Map)>,
}

/// Writes all lines of a range.
pub(super) async fn write(world: &World, sink: &Sink, range: TimeRange, mut progress: Progress) -> Result<(), IntoError> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let mut lines = 0;
    for piece in pieces(range, PIECE) {
        let store = world.logs.clone();
        let pushes = tokio::task::spawn_blocking(move || collect(store.as_ref(), piece)).await.map_err(|e| IntoError(e.to_string()))?;
        for push in pushes {
            lines += push.streams.iter().map(|s| s.values.len()).sum::<usize>();
            let body = serde_json::to_vec(&push).map_err(|e| IntoError(e.to_string()))?;
            sink.send(&headers, body).await?;
        }
        progress.advance(piece.duration(), lines, "lines");
    }
    progress.finish();
    Ok(())
}

/// The lines of a range by stream, in requests of bounded size.
fn collect(store: &dyn crate::demo::store::LogStore, range: TimeRange) -> Vec<Push> {
    let mut pushes = Vec::new();
    let mut streams: BTreeMap<Arc<Labels>, Stream> = BTreeMap::new();
    let mut bytes = 0;
    // The end of a scan is exclusive.
    let range = TimeRange { start: range.start, end: Timestamp(range.end.0 + 1) };
    store.scan(&LogHint::default(), range, Direction::Forward, &mut |entry| {
        let mut text = String::new();
        entry.write_text(&mut text);
        bytes += text.len();
        let stream = streams.entry(entry.stream().clone()).or_insert_with_key(|labels| Stream { stream: map(labels), values: Vec::new() });
        stream.values.push((entry.at().0.to_string(), text, map(&entry.metadata())));
        if bytes >= BATCH {
            bytes = 0;
            pushes.push(Push { streams: std::mem::take(&mut streams).into_values().collect() });
        }
        ControlFlow::Continue(())
    });
    if !streams.is_empty() {
        pushes.push(Push { streams: streams.into_values().collect() });
    }
    pushes
}

fn map(labels: &Labels) -> Map {
    labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}
