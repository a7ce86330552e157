//! Many traces read one after the other and merged: no more of them are held at a time than are being read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::{
    background,
    model::trace::TraceId,
    source::Sources,
    trace::structure::{StructureJob, StructureNews},
};

/// Traces that are asked for at the same time: an outage is no time to ask for more.
const AT_ONCE: usize = 2;
/// How far it has come is told as often.
const TELL: Duration = Duration::from_millis(400);

/// Reads and merges the traces of a job that are not merged yet, and tells how far it has come; the last of the news is done. It
/// ends early where nobody listens, and `None` is a bug of redline's.
pub async fn merge(job: &Arc<StructureJob>, sources: &Sources, out: mpsc::Sender<StructureNews>) -> Option<()> {
    let look_up = |(id, when)| async move { (id, sources.trace(id, Some(when)).await) };
    let mut read = stream::iter(job.left()).map(look_up).buffered(AT_ONCE);
    let mut failed = Vec::new();
    let mut told = Instant::now();
    while let Some((id, trace)) = read.next().await {
        match trace {
            Ok(trace) => {
                let job = job.clone();
                background::run(move || job.add(&trace)).await?;
            }
            Err(error) => failed.push((id, error.message)),
        }
        if told.elapsed() >= TELL {
            if out.send(look(job, &failed, false).await?).await.is_err() {
                return Some(());
            }
            told = Instant::now();
        }
    }
    // Where nobody listens any more, nobody misses it.
    let _ = out.send(look(job, &failed, true).await?).await;
    Some(())
}

async fn look(job: &Arc<StructureJob>, failed: &[(TraceId, String)], is_done: bool) -> Option<StructureNews> {
    let (job, failed) = (job.clone(), failed.to_vec());
    background::run(move || job.news(failed, is_done)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{
            backend::Backend,
            time::{TimeRange, Timestamp},
        },
        source::{Tempo, http::Endpoint},
    };

    #[tokio::test]
    async fn traces_that_cannot_be_read_are_told_each_with_its_reason() {
        let when = TimeRange::new(Timestamp::ZERO, Timestamp::from_secs(1));
        let job = Arc::new(StructureJob::new(vec![(TraceId(1), when), (TraceId(2), when)]));
        let (out, mut news) = mpsc::channel(4);
        // Nobody is there to be asked.
        assert_eq!(merge(&job, &Sources::default(), out).await, Some(()));
        let last = news.recv().await.unwrap();
        assert_eq!((last.is_done, last.failed.len(), last.rows.len(), last.traces.len()), (true, 2, 0, 0));
        assert!(last.failed[0].0 == TraceId(1) && !last.failed[0].1.is_empty(), "{last:?}");
    }

    #[tokio::test]
    async fn each_trace_is_looked_for_at_its_time() {
        let server = wiremock::MockServer::start().await;
        let span = r#"{"spanId":"0000000000000001","name":"a","startTimeUnixNano":"10000000000000","endTimeUnixNano":"10001000000000"}"#;
        let body = format!(r#"{{"trace":{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}}}"#);
        let whole = wiremock::ResponseTemplate::new(200).set_body_raw(body, "application/json");
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(whole).mount(&server).await;
        let endpoint = Endpoint::new(Backend::Tempo, server.uri().parse().unwrap());
        let sources = Sources { tempo: Some(Tempo::new(endpoint, Arc::new(|_, _| ())).unwrap()), ..Sources::default() };
        let near = TimeRange::new(Timestamp::from_secs(10_000), Timestamp::from_secs(10_001));
        let (out, mut news) = mpsc::channel(4);
        merge(&Arc::new(StructureJob::new(vec![(TraceId(1), near)])), &sources, out).await.unwrap();
        assert_eq!(news.recv().await.unwrap().rows.len(), 1);
        let asked: Vec<_> = server.received_requests().await.unwrap().iter().map(|r| r.url.query().unwrap_or("").to_owned()).collect();
        assert_eq!(asked, ["start=6400&end=13601"]);
    }
}
