//! Loki: log queries, metric queries, labels, and a live stream that loses nothing.

mod explore;
mod frame;
mod join;
mod known;
mod limits;
mod merge;
mod page;
mod patterns;
mod read;
mod reconcile;
mod ruler;
mod service_labels;
mod size;
mod stream;
mod tail;
mod together;
mod wire;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use compact_str::CompactString;
use reqwest::header::HeaderName;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    http::{Endpoint, HttpClient, Observer, Request},
    json,
    prometheus::{Build, QueryData, matrix},
};
use crate::{
    log_fields::trace_id::Patterns,
    model::{
        backend::{ErrorKind, SourceError},
        log::{LogEvent, LogLine, NewerLines, Older},
        series::Matrix,
        time::{TimeRange, Timestamp, nanos},
    },
    source::prometheus::Enveloped,
};

pub use read::Follow;
use stream::Pace;
pub use wire::Stats;
use wire::{Interner, LogData};

/// Keeps structured metadata and parsed labels apart from the stream's.
const ENCODING: HeaderName = HeaderName::from_static("x-loki-response-encoding-flags");
/// Tails that are open at once: Loki allows its users ten of them, if nobody tells it otherwise.
pub const TAILS: usize = 4;
/// Loki's own limit on the points of a series.
const MAX_POINTS: i64 = 11_000;

/// From which end of the range a limited answer is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The newest lines.
    Backward,
    /// The oldest lines.
    Forward,
}

/// The client of a Loki.
pub struct Loki {
    http: HttpClient,
    pace: Pace,
    /// When the next question of any stream that reads behind its tail may be sent.
    free: Mutex<Instant>,
    /// When the next one of a stream that is not behind may be.
    calm: Mutex<Instant>,
    trace_ids: Patterns,
    /// The most lines that the server hands out at once, as far as it has told.
    cap: AtomicUsize,
    limits: limits::Known,
    shares: known::Shares,
    together: together::Together,
    /// Room for more tails.
    tails: Semaphore,
    ruler: ruler::Absence,
}

impl Loki {
    /// See [`HttpClient::new`].
    ///
    /// # Errors
    /// An endpoint that cannot be used.
    pub fn new(endpoint: Endpoint, observer: Observer) -> Result<Self, SourceError> {
        Ok(Self {
            http: HttpClient::new(endpoint, observer)?,
            pace: Pace::default(),
            free: Mutex::new(Instant::now()),
            trace_ids: Patterns::default(),
            cap: AtomicUsize::new(page::CAP),
            limits: limits::Known::default(),
            shares: known::Shares::default(),
            calm: Mutex::new(Instant::now()),
            together: together::Together::default(),
            tails: Semaphore::new(TAILS),
            ruler: ruler::Absence::default(),
        })
    }

    /// Looks for trace ids in the user's own ways first.
    #[must_use]
    pub fn with_trace_ids(mut self, own: Patterns) -> Self {
        self.trace_ids = own;
        self
    }

    /// The HTTP client: its address, its clock.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// At most `limit` lines of the range, its end excluded, by time. Servers cap the limit at 5000 by default.
    ///
    /// # Errors
    /// As any request; a query that counts is a bad query here.
    pub async fn query_range(
        &self,
        logql: &str,
        range: TimeRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<LogLine>, SourceError> {
        self.page(logql, range, limit, direction, &mut Interner::default()).await
    }

    async fn page(
        &self,
        logql: &str,
        range: TimeRange,
        limit: usize,
        direction: Direction,
        interner: &mut Interner,
    ) -> Result<Vec<LogLine>, SourceError> {
        let backward = direction == Direction::Backward;
        let request = Request::post("/loki/api/v1/query_range")
            .param("query", logql)
            .param("start", range.start.to_string())
            .param("end", range.end.to_string())
            .param("limit", limit.to_string())
            .param("direction", if backward { "backward" } else { "forward" })
            .header(ENCODING, "categorize-labels");
        let data: Enveloped<LogData> = self.data("query_range", request).await?;
        match data.data {
            LogData::Streams(streams) => Ok(wire::answered(streams, backward, interner, &self.trace_ids)),
            _ => Err(self.http.error(ErrorKind::BadQuery, "the query gives numbers, not log lines")),
        }
    }

    /// The lines before `range.end` that one page holds, never a part of an instant unless the server hands out no more
    /// of it.
    ///
    /// # Errors
    /// As any request.
    pub async fn older(&self, logql: &str, range: TimeRange) -> Result<Vec<LogEvent>, SourceError> {
        let mut pages = self.backward(range, page::LATER);
        let (lines, gap) = self.one(logql, &mut pages).await?;
        let (reached, older) = match pages.left() {
            // Of the oldest instant all that is known may be there.
            Some(left) => (lines.first().map_or(left.end, |l| l.at.min(left.end)), Older::Left(left.end)),
            None => self.beginning(logql, range, lines.first().map(|l| l.at)).await,
        };
        Ok([LogEvent::History { lines, reached, older }].into_iter().chain(gap.map(LogEvent::Gap)).collect())
    }

    /// The lines from `range.start` on that one page holds, never a part of an instant unless the server hands out no more
    /// of it.
    ///
    /// # Errors
    /// As any request.
    pub async fn newer(&self, logql: &str, range: TimeRange) -> Result<NewerLines, SourceError> {
        let mut pages = self.forward(range, page::LATER);
        let (lines, gap) = self.one(logql, &mut pages).await?;
        Ok(NewerLines { lines, left: pages.left().map(|left| left.start), gap })
    }

    /// When a stream that wants to ask now may: all of them share what one may ask.
    fn turn(&self, now: Instant) -> Instant {
        next_turn(&self.free, now, self.pace.least, Duration::ZERO)
    }

    /// When a stream that is not known to lack anything may look whether it does.
    fn calm_turn(&self, now: Instant) -> Instant {
        // One may follow another at once, so that the search for late lines holds no round up.
        next_turn(&self.calm, now, self.pace.calm, self.pace.calm)
    }

    fn cap(&self) -> usize {
        self.cap.load(Ordering::Relaxed)
    }

    /// Lines of a query that are asked for at once.
    fn lines_at_once(&self, logql: &str) -> usize {
        self.shares.of(logql).lines.min(self.cap())
    }

    fn learn(&self, cap: usize) {
        self.cap.store(cap, Ordering::Relaxed);
    }

    /// A metric query such as `sum by (detected_level) (count_over_time({app="x"}[1m]))`, at multiples of the step.
    ///
    /// # Errors
    /// As any request.
    pub async fn query_matrix(&self, logql: &str, range: TimeRange, step: Duration) -> Result<Matrix, SourceError> {
        let (range, step) = counted(range, step);
        let request = Request::post("/loki/api/v1/query_range")
            .param("query", logql)
            .param("start", range.start.to_string())
            .param("end", range.end.to_string())
            .param("step", step.as_secs_f64().to_string());
        let data: Enveloped<QueryData> = self.data("query_range", request).await?;
        matrix(data, range, step).map_err(|e| self.http.error(ErrorKind::BadQuery, e))
    }

    /// Names of labels, Loki's own left out.
    ///
    /// # Errors
    /// As any request.
    pub async fn label_names(&self, range: TimeRange) -> Result<Vec<CompactString>, SourceError> {
        let mut names = self.names("labels", Request::get("/loki/api/v1/labels"), range).await?;
        names.retain(|n| !wire::is_internal(n));
        Ok(names)
    }

    /// Values of a label, on all streams or on those of a selector.
    ///
    /// # Errors
    /// As any request.
    pub async fn label_values(&self, name: &str, selector: Option<&str>, range: TimeRange) -> Result<Vec<CompactString>, SourceError> {
        let mut request = Request::get(format!("/loki/api/v1/label/{name}/values"));
        if let Some(selector) = selector {
            request = request.param("query", selector);
        }
        self.names("label values", request, range).await
    }

    async fn names(&self, what: &'static str, request: Request, range: TimeRange) -> Result<Vec<CompactString>, SourceError> {
        let request = request.param("start", range.start.to_string()).param("end", range.end.to_string());
        let data: Enveloped<wire::Names> = self.data(what, request).await?;
        Ok(data.data.0.into_iter().map(|t| t.0).collect())
    }

    /// What a selector covers, by the index: lines not yet flushed are not counted.
    ///
    /// # Errors
    /// As any request.
    pub async fn stats(&self, selector: &str, range: TimeRange) -> Result<Stats, SourceError> {
        let request = Request::get("/loki/api/v1/index/stats")
            .param("query", selector)
            .param("start", range.start.to_string())
            .param("end", range.end.to_string());
        let answer = self.http.send(request).await?;
        json::decode(self.http.backend(), "index/stats", &answer.body)
    }

    /// Which version answers; empty on a server built by hand.
    ///
    /// # Errors
    /// As any request.
    pub async fn buildinfo(&self) -> Result<Build, SourceError> {
        let answer = self.http.send(Request::get("/loki/api/v1/status/buildinfo")).await?;
        json::decode(self.http.backend(), "buildinfo", &answer.body)
    }

    /// Whether it can answer queries. Gateways often hide `/ready`, so labels are asked.
    ///
    /// # Errors
    /// As any request.
    pub async fn ready(&self) -> Result<(), SourceError> {
        let now = self.http.now();
        self.label_names(TimeRange::new(now - Duration::from_secs(60), now)).await.map(|_| ())
    }

    async fn data<T: serde::de::DeserializeOwned + Default>(
        &self,
        what: &'static str,
        request: Request,
    ) -> Result<Enveloped<T>, SourceError> {
        Enveloped::read(&self.http, what, &self.http.send(request).await?)
    }

    /// Now, by the server's clock where it differs.
    fn now(&self) -> Timestamp {
        self.http.now()
    }
}

/// The next turn of those that are so far apart on the average, each at most so much earlier than that. `free` is when the next
/// one would be on the average.
fn next_turn(free: &Mutex<Instant>, now: Instant, apart: Duration, early: Duration) -> Instant {
    let mut free = free.lock().unwrap_or_else(PoisonError::into_inner);
    let due = now.max(*free);
    *free = due + apart;
    now.max(due.checked_sub(early).unwrap_or(due))
}

/// The range and the step that count a range's lines.
fn counted(range: TimeRange, step: Duration) -> (TimeRange, Duration) {
    let step = step.max(Duration::from_millis(1)).max(Duration::from_nanos((nanos(range.duration()) / (MAX_POINTS - 3)).unsigned_abs()));
    // A point counts what lies before it: the first one is a step after the start, and the last one may be in the future,
    // so that the newest lines are counted.
    let last = range.end.align_down(step);
    let end = if last < range.end { last + step } else { last };
    (TimeRange { start: range.start.align_down(step) + step, end }, step)
}

#[cfg(test)]
mod tests;
