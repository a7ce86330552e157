//! `redline demo --into`: the same world written into real servers, history first, then live.
//!
//! Prometheus takes it by remote write (recorded series and `ALERTS` included, as rules do not look back), Loki by its push
//! API, Tempo or Jaeger by OTLP over HTTP. The three are written side by side, as far as they are there.

mod earlier;
mod logs;
mod metrics;
mod progress;
mod spans;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Client, StatusCode, header::HeaderMap};
use url::Url;

use self::progress::{Board, Progress};
use super::store::{Clock, LogStore, MetricStore, TraceStore};
use crate::{
    model::{
        backend::Backend,
        time::{TimeRange, Timestamp},
    },
    source::http::innermost,
};

/// Tries of one batch before it is given up.
const TRIES: u32 = 8;
/// Spans of a trace may come as late as its slowest request: live traces are written this long after they began.
pub const TRACE_DELAY: Duration = Duration::from_secs(20);
/// Between two rounds of live writing.
const ROUND: Duration = Duration::from_secs(1);

/// Where to write.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Base URL of Prometheus, with its remote-write receiver on; no metrics are written where there is none.
    pub prometheus: Option<Url>,
    /// Base URL of Loki; no lines are written where there is none.
    pub loki: Option<Url>,
    /// Base URL of an OTLP receiver over HTTP; no traces are written where there is none.
    pub otlp: Option<Url>,
    /// Whose receiver that is.
    pub receiver: Backend,
}

impl Targets {
    /// The first target that is not on this machine.
    pub fn remote(&self) -> Option<&Url> {
        [&self.prometheus, &self.loki, &self.otlp].into_iter().flatten().find(|url| !is_loopback(url))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// What is written.
#[derive(Clone)]
pub struct World {
    /// Scraped series.
    pub metrics: Arc<dyn MetricStore>,
    /// Scraped and recorded series and `ALERTS`: what is written of the past, which the server's own rules do not see.
    pub past_metrics: Arc<dyn MetricStore>,
    /// Log lines.
    pub logs: Arc<dyn LogStore>,
    /// Traces.
    pub traces: Arc<dyn TraceStore>,
    /// Its clock; one that stands still ends the writing after the history.
    pub clock: Arc<dyn Clock>,
}

/// A batch that a server did not take.
#[derive(Debug)]
pub struct IntoError(String);

impl fmt::Display for IntoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for IntoError {}

/// Writes the history, calls `live`, and goes on until it is dropped; returns after the history when the clock stands still.
///
/// # Errors
/// Which server refused what, in its own words; that Prometheus holds another demo in the time to be written.
pub async fn write(world: World, targets: Targets, history: Duration, live: impl FnOnce()) -> Result<(), IntoError> {
    let client = crate::source::http::plain().timeout(Duration::from_secs(60)).no_proxy().build().map_err(|e| IntoError(e.to_string()))?;
    let sinks = Sinks::new(&client, &targets)?;
    let now = world.clock.now();
    let past = TimeRange { start: now - history, end: now };
    let traces = TimeRange { start: past.start, end: now - TRACE_DELAY };
    if let Some(prometheus) = &targets.prometheus {
        earlier::refuse(&world, &client, prometheus, past).await?;
    }
    let board = Board::new();
    sinks.write(&world, &world.past_metrics, past.start, (past, traces), |what, range| board.add(what, range)).await?;
    live();
    let (mut written, mut traced) = (now, traces.end);
    loop {
        tokio::time::sleep(ROUND).await;
        let now = world.clock.now();
        if now <= written {
            return Ok(());
        }
        let next = TimeRange { start: Timestamp(written.0 + 1), end: now };
        let next_traces = TimeRange { start: Timestamp(traced.0 + 1), end: now - TRACE_DELAY };
        sinks.write(&world, &world.metrics, past.start, (next, next_traces), |_, _| Progress::hidden()).await?;
        (written, traced) = (now, next_traces.end);
    }
}

/// The servers that are there.
struct Sinks {
    metrics: Option<Sink>,
    logs: Option<Sink>,
    spans: Option<Sink>,
}

impl Sinks {
    fn new(client: &Client, targets: &Targets) -> Result<Self, IntoError> {
        let sink = |base: &Option<Url>, path, backend| base.as_ref().map(|base| Sink::new(client, base, path, backend)).transpose();
        Ok(Self {
            metrics: sink(&targets.prometheus, "api/v1/write", Backend::Prometheus)?,
            logs: sink(&targets.loki, "loki/api/v1/push", Backend::Loki)?,
            spans: sink(&targets.otlp, "v1/traces", targets.receiver)?,
        })
    }

    /// Writes a range to each, and that of traces, which are behind.
    async fn write(
        &self,
        world: &World,
        metrics: &Arc<dyn MetricStore>,
        since: Timestamp,
        (range, traces): (TimeRange, TimeRange),
        follow: impl Fn(&'static str, TimeRange) -> Progress,
    ) -> Result<(), IntoError> {
        let to_metrics = self.metrics.as_ref().map(|sink| metrics::write(world, metrics, sink, since, range, follow("metrics", range)));
        let to_logs = self.logs.as_ref().map(|sink| logs::write(world, sink, range, follow("logs", range)));
        let to_spans = self.spans.as_ref().map(|sink| spans::write(world, sink, traces, follow("traces", traces)));
        tokio::try_join!(where_there(to_metrics), where_there(to_logs), where_there(to_spans))?;
        Ok(())
    }
}

async fn where_there(writing: Option<impl Future<Output = Result<(), IntoError>>>) -> Result<(), IntoError> {
    match writing {
        Some(writing) => writing.await,
        None => Ok(()),
    }
}

/// The beginning of what a server said.
fn words(body: &str) -> String {
    body.trim().chars().take(300).collect()
}

/// A range in pieces of at most `piece`, each exclusive at its end but the last.
fn pieces(range: TimeRange, piece: Duration) -> impl Iterator<Item = TimeRange> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        if start > range.end {
            return None;
        }
        let end = Timestamp((start + piece).0 - 1).min(range.end);
        let piece = TimeRange { start, end };
        start = Timestamp(end.0 + 1);
        Some(piece)
    })
}

/// One server that takes batches.
struct Sink {
    client: Client,
    url: Url,
    backend: Backend,
}

impl Sink {
    fn new(client: &Client, base: &Url, path: &str, backend: Backend) -> Result<Self, IntoError> {
        let url = format!("{}/{path}", base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|e| IntoError(format!("{url}: {e}")))?;
        Ok(Self { client: client.clone(), url, backend })
    }

    /// Sends a batch, again after a while when the server is busy.
    async fn send(&self, headers: &HeaderMap, body: Vec<u8>) -> Result<(), IntoError> {
        let body = bytes::Bytes::from(body);
        for attempt in 1..=TRIES {
            let sent = self.client.post(self.url.clone()).headers(headers.clone()).body(body.clone()).send().await;
            let problem = match sent {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let status = answer.status();
                    let busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                    let problem = format!("{} answered {status}: {}", self.url, words(&answer.text().await.unwrap_or_default()));
                    if !busy {
                        return Err(self.failed(&problem));
                    }
                    problem
                }
                Err(error) => format!("{}: {}", self.url, innermost(&error)),
            };
            if attempt == TRIES {
                return Err(self.failed(&problem));
            }
            tokio::time::sleep(Duration::from_millis(250 << attempt.min(5))).await;
        }
        Ok(())
    }

    fn failed(&self, problem: &str) -> IntoError {
        IntoError(format!("could not write to {}: {problem}", self.backend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(prometheus: &str) -> Targets {
        let url = |u: &str| Some(Url::parse(u).unwrap());
        let (loki, otlp) = (url("http://127.0.0.1:1"), url("http://[::1]:2"));
        Targets { prometheus: url(prometheus), loki, otlp, receiver: Backend::Tempo }
    }

    #[test]
    fn only_this_machine_is_local() {
        assert_eq!(targets("http://localhost:9090").remote(), None);
        for remote in ["http://10.0.0.7:9090", "http://localhost.example.org", "http://prometheus:9090"] {
            assert_eq!(targets(remote).remote().map(Url::as_str), Some(Url::parse(remote).unwrap().as_str()));
        }
    }

    #[test]
    fn pieces_cover_the_range_once() {
        let range = TimeRange { start: Timestamp(5), end: Timestamp(27) };
        let cut: Vec<(i64, i64)> = pieces(range, Duration::from_nanos(10)).map(|p| (p.start.0, p.end.0)).collect();
        assert_eq!(cut, [(5, 14), (15, 24), (25, 27)]);
    }
}
