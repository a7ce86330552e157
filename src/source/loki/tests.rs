mod entries;
mod history;
mod late;
mod refused;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc},
};

use super::{frame::FrameReader, *};
use crate::model::{
    backend::{Backend, ErrorKind, TlsFault},
    log::{Limit, LogEvent, Older, TailState},
    time::TAKEN_IN,
    trace::TraceId,
};
use crate::source::http::{
    AuthSource, Secret,
    testing::{Authority, renew_without_pause, serve_tls},
};

/// A Loki: what was written, what the tail sends, and whether it lets one tail.
struct Fake {
    lines: Mutex<Vec<(i64, String)>>,
    tail: broadcast::Sender<Send>,
    /// Status instead of an upgrade.
    refuse: Mutex<Option<StatusCode>>,
    /// The only token that is let in to the tail.
    token: Mutex<Option<String>>,
    /// What it says of its limits.
    limits: Mutex<Value>,
    /// More time than this is refused.
    longest: Mutex<Option<Duration>>,
    address: Mutex<String>,
    /// Status instead of lines.
    broken: Mutex<Option<StatusCode>>,
    /// More seconds than these are not counted, in these words.
    counted: Mutex<Option<(i64, &'static str)>>,
    /// Queries, and a sign at each.
    asked: Mutex<Vec<String>>,
    counts: AtomicU32,
    opened: AtomicU32,
    closed: AtomicU32,
}

#[derive(Clone)]
enum Send {
    Frame(String),
    Cut,
    Close(u16, &'static str),
}

impl Fake {
    async fn start() -> (Arc<Self>, Loki) {
        let (fake, endpoint) = Self::listen().await;
        (fake, client(endpoint))
    }

    async fn listen() -> (Arc<Self>, Endpoint) {
        let (fake, app) = Self::app();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        *fake.address.lock().unwrap() = uri;
        let endpoint = fake.endpoint();
        (fake, endpoint)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(Backend::Loki, self.address.lock().unwrap().parse().unwrap())
    }

    fn looks_back(&self, length: &str) {
        *self.limits.lock().unwrap() = json!({"max_query_lookback": length, "retention_period": "0s"});
    }

    fn keeps(&self, length: &str) {
        *self.limits.lock().unwrap() = json!({"max_query_lookback": "0s", "retention_period": length});
    }

    fn app() -> (Arc<Self>, Router) {
        let fake = Arc::new(Self {
            lines: Mutex::default(),
            tail: broadcast::channel(64).0,
            refuse: Mutex::default(),
            token: Mutex::default(),
            limits: Mutex::default(),
            longest: Mutex::default(),
            address: Mutex::default(),
            broken: Mutex::default(),
            counted: Mutex::default(),
            asked: Mutex::default(),
            counts: AtomicU32::new(0),
            opened: AtomicU32::new(0),
            closed: AtomicU32::new(0),
        });
        let app = Router::new()
            .route("/loki/api/v1/query_range", post(query_range))
            .route("/loki/api/v1/tail", get(tail))
            .route("/loki/api/v1/drilldown-limits", get(limits))
            .with_state(fake.clone());
        (fake, app)
    }

    /// Waits for so many more counts.
    async fn counted(&self, more: u32) {
        let wanted = self.counts.load(Ordering::SeqCst) + more;
        tokio::time::timeout(Duration::from_secs(60), async {
            while self.counts.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("in time");
    }

    /// Waits for a tail.
    async fn tailed(&self) {
        tokio::time::timeout(Duration::from_secs(60), async {
            while self.tail.receiver_count() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("in time");
    }

    fn write(&self, at: Timestamp, text: &str) {
        self.lines.lock().unwrap().push((at.0, text.to_owned()));
    }

    fn send(&self, at: Timestamp, text: &str) {
        let _ = self.tail.send(Send::Frame(json!({"streams": [stream(&[(at.0, text.to_owned())])]}).to_string()));
    }
}

/// A client that does not wait long.
fn client(endpoint: Endpoint) -> Loki {
    let mut loki = Loki::new(endpoint, Arc::new(|_, _| ())).unwrap();
    let short = Duration::from_millis(20);
    let long = Duration::from_secs(3600);
    loki.pace = Pace { every: long, poll: short, least: short, woken: short, late: long, settle: Duration::ZERO, refused: long };
    loki
}

fn stream(lines: &[(i64, String)]) -> Value {
    let values: Vec<Value> = lines.iter().map(|(at, text)| json!([at.to_string(), text, {"structuredMetadata": {"n": "1"}}])).collect();
    json!({"stream": {"app": "x"}, "values": values})
}

async fn query_range(State(fake): State<Arc<Fake>>, headers: HeaderMap, body: Bytes) -> Response {
    let params: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    fake.asked.lock().unwrap().push(params["query"].clone());
    if let Some(status) = *fake.broken.lock().unwrap() {
        return (status, "no lines here").into_response();
    }
    let number = |name: &str| params[name].parse::<i64>().unwrap();
    let (start, end) = (number("start"), number("end"));
    let longest = fake.longest.lock().unwrap().map_or(i64::MAX, nanos);
    if params["query"] == QUERY && end - start > longest {
        return (StatusCode::BAD_REQUEST, "the query time range exceeds the limit (query length: 1h0m0s, limit: 16m40s)").into_response();
    }
    if params["query"] == "sum(count_over_time({app=\"x\"}\n[1s]))" {
        let seconds = (end - start) / 1_000_000_000 + 1;
        if let Some((_, words)) = fake.counted.lock().unwrap().filter(|(most, _)| *most < seconds) {
            return (StatusCode::BAD_REQUEST, words).into_response();
        }
        let counted = counts(&fake.lines.lock().unwrap(), start, end);
        fake.counts.fetch_add(1, Ordering::SeqCst);
        return counted.to_string().into_response();
    }
    if params["query"] == UNREAD && headers.contains_key("x-loki-response-encoding-flags") {
        return json!({"status": "success", "data": {"resultType": "streams", "result": []}}).to_string().into_response();
    }
    if params["query"] != "{app=\"x\"}" {
        return (StatusCode::BAD_REQUEST, "parse error at line 1").into_response();
    }
    let limit = number("limit") as usize;
    let mut lines: Vec<_> = fake.lines.lock().unwrap().iter().filter(|(at, _)| (start..end).contains(at)).cloned().collect();
    lines.sort();
    if params["direction"] == "backward" {
        lines.reverse();
    }
    lines.truncate(limit);
    json!({"status": "success", "data": {"resultType": "streams", "result": [stream(&lines)]}}).to_string().into_response()
}

/// As a real one, it wants a tenant though it has only one.
async fn limits(State(fake): State<Arc<Fake>>, headers: HeaderMap) -> Response {
    let limits = fake.limits.lock().unwrap().clone();
    match (limits.is_null(), headers.contains_key("x-scope-orgid")) {
        (true, _) => StatusCode::NOT_FOUND.into_response(),
        (false, false) => (StatusCode::UNAUTHORIZED, "no org id").into_response(),
        (false, true) => json!({"limits": limits, "pattern_ingester_enabled": true, "version": "3.7.8"}).to_string().into_response(),
    }
}

/// Lines of each second, the whole second being its last instant.
fn counts(lines: &[(i64, String)], start: i64, end: i64) -> Value {
    let mut seconds = BTreeMap::new();
    let second = |at: i64| (at - 1).div_euclid(1_000_000_000) + 1;
    for (at, _) in lines.iter().filter(|(at, _)| second(*at) >= start / 1_000_000_000 && second(*at) <= end / 1_000_000_000) {
        *seconds.entry(second(*at)).or_insert(0) += 1;
    }
    let values: Vec<Value> = seconds.iter().map(|(second, count)| json!([second, count.to_string()])).collect();
    let result = if values.is_empty() { json!([]) } else { json!([{"metric": {}, "values": values}]) };
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
}

async fn tail(State(fake): State<Arc<Fake>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let sent = headers.get("authorization").and_then(|v| v.to_str().ok());
    if fake.token.lock().unwrap().as_ref().is_some_and(|token| sent != Some(&format!("Bearer {token}"))) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(status) = *fake.refuse.lock().unwrap() {
        return (status, "no tail here").into_response();
    }
    let frames = fake.tail.subscribe();
    fake.opened.fetch_add(1, Ordering::SeqCst);
    upgrade.on_upgrade(|socket| async move {
        serve(socket, frames).await;
        fake.closed.fetch_add(1, Ordering::SeqCst);
    })
}

async fn serve(mut socket: WebSocket, mut frames: broadcast::Receiver<Send>) {
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Ok(Send::Frame(text)) => {
                    let _ = socket.send(Message::Text(text.into())).await;
                }
                Ok(Send::Close(code, reason)) => {
                    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
                    return;
                }
                Ok(Send::Cut) | Err(_) => return,
            },
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
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

const QUERY: &str = "{app=\"x\"}";
/// A real Loki finds no lines for it where labels are to be kept apart, and refuses it elsewhere.
const UNREAD: &str = "{app=\"x\"} |~ \"(\"";

#[tokio::test]
async fn streams_take_turns_in_asking_behind_their_tails() {
    let (_fake, loki) = Fake::start().await;
    let loki = Loki { pace: Pace::default(), ..loki };
    let now = tokio::time::Instant::now();
    let turns: Vec<_> = (0..3).map(|_| loki.turn(now)).collect();
    assert_eq!([turns[1] - turns[0], turns[2] - turns[1]], [loki.pace.least; 2]);
    let later = now + 10 * loki.pace.least;
    assert_eq!(loki.turn(later), later, "nobody waits for turns that nobody took");
}

#[tokio::test]
async fn a_regex_that_cannot_be_read_is_no_empty_history() {
    for live in [false, true] {
        let (_fake, loki) = Fake::start().await;
        let range = last_hour(&loki);
        let mut reader = Reader::open(loki, UNREAD, range, live);
        let LogEvent::Failed(error) = reader.until(|e, _| !matches!(e, LogEvent::Tail(_))).await else { panic!("nothing was said of it") };
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::BadQuery, "parse error at line 1"));
    }
}

#[tokio::test]
async fn dropped_entries_are_recovered_by_asking() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.end, "lost");
    let dropped = json!({"streams": null, "dropped_entries": [{"timestamp": range.end.to_string(), "labels": {"app": "x"}}]});
    let _ = fake.tail.send(Send::Frame(dropped.to_string()));
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Dropped(1))).await;
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Recovered(1))).await;
    assert_eq!(reader.texts, ["lost"]);
}

#[tokio::test]
async fn a_tail_that_is_cut_or_closed_is_opened_again_and_nothing_is_missed() {
    for end in [Send::Cut, Send::Close(1011, "reached tail max duration limit")] {
        let (fake, loki) = Fake::start().await;
        let range = last_hour(&loki);
        let mut reader = Reader::open(loki, QUERY, range, true);
        reader.until(connected).await;
        fake.send(range.end, "before");
        reader.until_text("before").await;
        let _ = fake.tail.send(end);
        reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Lost { .. }))).await;
        fake.write(range.end, "before");
        fake.write(range.end, "meanwhile");
        reader.until_text("meanwhile").await;
        reader.until(connected).await;
        fake.send(range.end, "after");
        reader.until_text("after").await;
        assert_eq!(reader.sorted(), ["after", "before", "meanwhile"]);
    }
}

#[tokio::test]
async fn where_there_is_no_tail_lines_are_polled() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::NOT_FOUND);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Refused { why, .. }) if why.contains("404"))).await;
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.end, "polled");
    reader.until_text("polled").await;
    assert_eq!(reader.texts, ["polled"]);
}

#[tokio::test]
async fn a_token_that_expires_again_and_again_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("cd {} && echo x >> runs && wc -l < runs | tr -d ' '", dir.path().display());
    let secret = Secret::Command(["sh", "-c", &script].map(str::to_owned).to_vec());
    let (fake, endpoint) = Fake::listen().await;
    let mut loki = client(Endpoint { auth: AuthSource::Bearer(secret), ..endpoint });
    renew_without_pause(&mut loki.http);
    let range = last_hour(&loki);
    *fake.token.lock().unwrap() = Some("1".to_owned());
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    for token in ["2", "3"] {
        *fake.token.lock().unwrap() = Some(token.to_owned());
        let _ = fake.tail.send(Send::Cut);
        let told = reader.until(|e, t| connected(e, t) || matches!(e, LogEvent::Tail(TailState::Refused { .. }))).await;
        assert!(connected(&told, &[]), "token {token}: {told:?}");
    }
}

#[tokio::test]
async fn a_tail_that_is_limited_waits_as_long_as_all_others() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::TOO_MANY_REQUESTS);
    let (range, loki) = (last_hour(&loki), Arc::new(loki));
    let mut reader = Reader::open(loki.clone(), QUERY, range, true);
    let lost = reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Lost { .. }))).await;
    let LogEvent::Tail(TailState::Lost { retry_at, error }) = lost else { panic!() };
    assert!(error.message.contains("429") && retry_at >= range.end + Duration::from_secs(30), "{retry_at} {error}");
    let refused = loki.query_range(QUERY, range, 1, Direction::Forward).await.unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::RateLimited(_)), "{refused}");
}

#[tokio::test]
async fn more_lines_than_a_round_reads_are_caught_up_with() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::NOT_FOUND);
    let range = last_hour(&loki);
    // What is read again at each turn, the last 15 s, is more than ten pages of 2,000 lines.
    for i in 0..30_000 {
        fake.write(range.end - Duration::from_secs(10) + Duration::from_micros(300 * i), &format!("{i:05}"));
    }
    let mut reader = Reader::open(loki, QUERY, range, true);
    let behind = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::Tail(TailState::Behind(_)));
    assert_ne!(reader.until(behind).await, LogEvent::Tail(TailState::Behind(Duration::ZERO)), "it is told");
    // And that it is over.
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Behind(Duration::ZERO))).await;
    assert_eq!(reader.texts.len(), 30_000, "each once");
    fake.write(range.end, "polled");
    reader.until_text("polled").await;
}

#[tokio::test]
async fn a_reader_gets_all_lines_in_order_and_a_failure_when_there_are_none() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    for i in 0..12_000 {
        fake.write(range.start + Duration::from_millis(i), &i.to_string());
    }
    let (out, mut events) = mpsc::channel(1);
    let mut texts = Vec::new();
    let taking = async {
        while let Some(LogEvent::Lines(lines)) = events.recv().await {
            texts.extend(lines.iter().map(|l| l.text.parse::<u64>().unwrap()));
        }
    };
    let (read, ()) = tokio::join!(loki.read(QUERY, range, Follow::No, out), taking);
    read.unwrap();
    assert_eq!(texts, (0..12_000).collect::<Vec<_>>());
    assert_eq!(asked(&fake), (3, 0));
    *fake.broken.lock().unwrap() = Some(StatusCode::UNAUTHORIZED);
    let (out, _events) = mpsc::channel(1);
    let refused = loki.read(QUERY, range, Follow::InOrder, out).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthorized(401));
}

#[tokio::test]
async fn lines_that_come_late_into_a_fixed_window_are_read_and_those_after_its_end_are_not() {
    let (fake, loki) = Fake::start().await;
    let now = loki.now();
    let range = TimeRange { start: now - Duration::from_secs(5), end: now + Duration::from_secs(5) };
    fake.write(range.start, "old");
    let mut reader = Reader::open(loki, QUERY, range, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.start - Duration::from_secs(1), "before it");
    fake.write(now, "late");
    reader.until_text("late").await;
    assert_eq!(reader.texts, ["old", "late"]);
    assert_eq!(fake.opened.load(Ordering::SeqCst), 0, "no tail is opened");
}

#[tokio::test]
async fn a_fixed_window_is_read_once_more_when_all_of_it_is_taken_in_and_then_no_more() {
    let (fake, loki) = Fake::start().await;
    let end = loki.now() - TAKEN_IN + Duration::from_millis(500);
    let mut reader = Reader::open(loki, QUERY, TimeRange { start: end - Duration::from_secs(100), end }, false);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    // Too old for the polls, which go back 15 s.
    fake.write(end - Duration::from_secs(40), "very late");
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Off)).await;
    assert_eq!(reader.texts, ["very late"]);
}

#[tokio::test]
async fn reading_that_works_again_is_told_though_nothing_was_written() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::FORBIDDEN);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    *fake.broken.lock().unwrap() = Some(StatusCode::BAD_REQUEST);
    reader.until(|e, _| matches!(e, LogEvent::Failed(_))).await;
    *fake.broken.lock().unwrap() = None;
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Behind(Duration::ZERO))).await;
}

#[tokio::test]
async fn up_to_when_all_was_read_is_told_and_no_further_while_that_fails() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::FORBIDDEN);
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    let told = |e: &LogEvent, _: &[String]| matches!(e, LogEvent::ReadTo(_) | LogEvent::Failed(_));
    let LogEvent::ReadTo(first) = reader.until(|e, _| matches!(e, LogEvent::ReadTo(at) if *at >= range.end)).await else { panic!() };
    *fake.broken.lock().unwrap() = Some(StatusCode::BAD_REQUEST);
    reader.until(|e, _| matches!(e, LogEvent::Failed(_))).await;
    assert!(matches!(reader.until(told).await, LogEvent::Failed(_)), "nothing was read");
    *fake.broken.lock().unwrap() = None;
    let LogEvent::ReadTo(then) = reader.until(|e, _| matches!(e, LogEvent::ReadTo(_))).await else { panic!() };
    assert!(then > first);
}

#[tokio::test]
async fn too_many_tails_are_a_refusal() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    let _ = fake.tail.send(Send::Close(1011, "max concurrent tail requests limit exceeded, count > limit (11 > 10)"));
    reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Refused { .. }))).await;
}

#[tokio::test]
async fn a_wrong_query_is_told_and_ends_the_stream() {
    let (_fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, "{app=", range, false);
    let failed = reader.until(|e, _| matches!(e, LogEvent::Failed(_))).await;
    let LogEvent::Failed(e) = failed else { panic!() };
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadQuery, "parse error at line 1"));
    reader.task.await.unwrap();
}

#[tokio::test]
async fn dropping_the_stream_closes_the_tail() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    drop(reader.events);
    reader.task.await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while fake.closed.load(Ordering::SeqCst) < fake.opened.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_tail_over_tls_trusts_what_queries_trust() {
    let ca = Authority::ours();
    for (name, ca_file, expected) in [
        ("localhost", Some(ca.file()), None),
        ("localhost", None, Some(TlsFault::UnknownIssuer)),
        ("loki.example", Some(ca.file()), Some(TlsFault::WrongName)),
    ] {
        let (fake, app) = Fake::app();
        let port = serve_tls(app, ca.certify(name), None).await;
        let mut endpoint = Endpoint::new(Backend::Loki, format!("https://localhost:{port}").parse().unwrap());
        endpoint.ca_file = ca_file;
        let loki = client(endpoint);
        let link = stream::Link::default();
        let (input, mut inputs) = mpsc::channel(64);
        let state = async {
            loop {
                match inputs.recv().await.unwrap() {
                    stream::Input::State(TailState::Connecting) => {}
                    stream::Input::State(TailState::Connected) => fake.send(loki.now(), "hello"),
                    stream::Input::Tail(lines) => return Ok(lines[0].text.to_string()),
                    stream::Input::State(TailState::Lost { error, .. }) => return Err(error.kind),
                    _ => panic!("something else"),
                }
            }
        };
        let told = tokio::select! {
            () = loki.tail("{app=\"x\"}", &link, &input) => panic!("the tail ended"),
            told = state => told,
        };
        assert_eq!(told, expected.map_or(Ok("hello".to_owned()), |fault| Err(ErrorKind::Tls(fault))), "{name}");
    }
}
