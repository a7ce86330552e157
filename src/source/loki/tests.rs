mod entries;
mod fake;
mod fixed;
mod history;
mod joined;
mod late;
mod polled;
mod queries;
mod read;
mod refused;
mod tail;

use std::sync::{Arc, atomic::Ordering};

use axum::http::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;

use self::fake::{Fake, Send};
use super::{frame::FrameReader, *};
use crate::model::{
    backend::{Backend, ErrorKind},
    log::{Limit, LogEvent, Older, TailState},
    time::TAKEN_IN,
    trace::TraceId,
};

const QUERY: &str = "{app=\"x\"}";
/// A real Loki finds no lines for it where labels are to be kept apart, and refuses it elsewhere.
const UNREAD: &str = "{app=\"x\"} |~ \"(\"";

/// A client that does not wait long.
fn client(endpoint: Endpoint) -> Loki {
    let mut loki = Loki::new(endpoint, Arc::new(|_, _| ())).unwrap();
    let short = Duration::from_millis(20);
    let long = Duration::from_secs(3600);
    loki.pace = Pace {
        every: long,
        poll: short,
        calm: short,
        least: short,
        woken: short,
        late: long,
        settle: Duration::ZERO,
        refused: long,
        patience: long,
    };
    loki
}

/// Reads a stream until a test has seen enough.
struct Reader {
    events: mpsc::Receiver<LogEvent>,
    texts: Vec<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    fn open(loki: impl Into<Arc<Loki>>, query: &str, range: TimeRange, live: bool) -> Self {
        let (out, events) = mpsc::channel(16);
        let loki = loki.into();
        let query = query.to_owned();
        Self { events, texts: Vec::new(), task: tokio::spawn(async move { loki.stream(query, range, live, out).await }) }
    }

    /// The next event of which `wanted` is true; lines on the way are noted.
    async fn until(&mut self, wanted: impl Fn(&LogEvent, &[String]) -> bool) -> LogEvent {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await.expect("in time").expect("an event");
            if let LogEvent::History { lines, .. } | LogEvent::Lines(lines) = &event {
                self.texts.extend(lines.iter().map(|l| l.text.to_string()));
            }
            if wanted(&event, &self.texts) {
                return event;
            }
        }
    }

    async fn until_text(&mut self, text: &str) {
        self.until(|_, texts| texts.iter().any(|t| t == text)).await;
    }

    fn sorted(&self) -> Vec<String> {
        let mut texts = self.texts.clone();
        texts.sort();
        texts
    }
}

fn connected(event: &LogEvent, _: &[String]) -> bool {
    *event == LogEvent::Tail(TailState::Connected)
}

fn last_hour(loki: &Loki) -> TimeRange {
    let now = loki.now();
    TimeRange { start: now - Duration::from_secs(3600), end: now }
}

fn decoded(streams: &str, backward: bool) -> Vec<LogLine> {
    let body = format!(r#"{{"status":"success","data":{{"resultType":"streams","result":{streams}}}}}"#);
    let data: Enveloped<LogData> = json::decode(Backend::Loki, "test", body.as_bytes()).unwrap();
    let LogData::Streams(streams) = data.data else { panic!() };
    wire::answered(streams, backward, &mut Interner::default(), &Patterns::default())
}

/// What was asked since the last time, by kind: lines, counts.
fn asked(fake: &Fake) -> (usize, usize) {
    let asked = std::mem::take(&mut *fake.asked.lock().unwrap());
    let counts = asked.iter().filter(|query| query.contains("count_over_time")).count();
    (asked.len() - counts, counts)
}

/// Reads on from where the stream stopped, to the start of its range; with how many questions.
async fn rest_of(loki: &Loki, range: TimeRange, mut before: Timestamp) -> (Vec<LogLine>, Vec<Timestamp>, usize) {
    let (mut read, mut cuts) = (Vec::new(), Vec::new());
    for asked in 1..100 {
        let mut older = Older::Nothing;
        for event in loki.older(QUERY, TimeRange { start: range.start, end: before }).await.unwrap() {
            match event {
                LogEvent::History { lines, older: left, .. } => {
                    read.extend(lines);
                    older = left;
                }
                LogEvent::Gap(gap) => cuts.push(gap.range.start),
                other => panic!("{other:?}"),
            }
        }
        match older {
            Older::Left(next) => before = next,
            _ => return (read, cuts, asked),
        }
    }
    panic!("it reads for ever");
}
