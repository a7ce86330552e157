//! Many traces read one after the other and merged: no more of them are held at a time than are being read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::{
    background,
    source::Sources,
    trace::structure::{Structure, StructureJob, StructureNews},
};

/// Traces that are asked for at the same time: an outage is no time to ask for more.
const AT_ONCE: usize = 4;
/// How far it has come is told as often.
const TELL: Duration = Duration::from_millis(400);

/// Reads and merges the traces of a job and tells how far it has come; the last of the news is done. It ends early where nobody
/// listens, and `None` is a bug of redline's.
pub async fn merge(job: &StructureJob, sources: &Sources, out: mpsc::Sender<StructureNews>) -> Option<()> {
    let mut read = stream::iter(job.traces.iter().copied()).map(|id| async move { (id, sources.trace(id, None).await) }).buffered(AT_ONCE);
    let (mut structure, mut failed) = (Structure::default(), Vec::new());
    let mut told = Instant::now();
    while let Some((id, trace)) = read.next().await {
        match trace {
            Ok(trace) => {
                structure = background::run(move || {
                    structure.add(&trace);
                    structure
                })
                .await?;
            }
            Err(error) => failed.push((id, error.message)),
        }
        if told.elapsed() >= TELL {
            let news;
            (structure, news) = look(structure, &failed, false).await?;
            if out.send(news).await.is_err() {
                return Some(());
            }
            told = Instant::now();
        }
    }
    let (_, news) = look(structure, &failed, true).await?;
    // Where nobody listens any more, nobody misses it.
    let _ = out.send(news).await;
    Some(())
}

async fn look(
    structure: Structure,
    failed: &[(crate::model::trace::TraceId, String)],
    is_done: bool,
) -> Option<(Structure, StructureNews)> {
    let failed = Arc::new(failed.to_vec());
    background::run(move || {
        let (rows, traces) = (Arc::new(structure.rows()), Arc::new(structure.traces().to_vec()));
        (structure, StructureNews { rows, traces, failed, is_done })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trace::TraceId;

    #[tokio::test]
    async fn traces_that_cannot_be_read_are_told_each_with_its_reason() {
        let job = StructureJob { traces: vec![TraceId(1), TraceId(2)] };
        let (out, mut news) = mpsc::channel(4);
        // Nobody is there to be asked.
        assert_eq!(merge(&job, &Sources::default(), out).await, Some(()));
        let last = news.recv().await.unwrap();
        assert_eq!((last.is_done, last.failed.len(), last.rows.len(), last.traces.len()), (true, 2, 0, 0));
        assert!(last.failed[0].0 == TraceId(1) && !last.failed[0].1.is_empty(), "{last:?}");
    }
}
