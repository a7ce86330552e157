//! A Loki that does as a test wants.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
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
use tokio::{net::TcpListener, sync::broadcast};

use super::{QUERY, UNREAD, client};
use crate::{
    model::{
        backend::Backend,
        time::{Timestamp, nanos},
    },
    source::{http::Endpoint, loki::Loki},
};

/// A Loki: what was written, what the tail sends, and whether it lets one tail.
pub(super) struct Fake {
    pub(super) lines: Mutex<Vec<(i64, String)>>,
    pub(super) tail: broadcast::Sender<Send>,
    /// Status instead of an upgrade.
    pub(super) refuse: Mutex<Option<StatusCode>>,
    /// The only token that is let in to the tail.
    pub(super) token: Mutex<Option<String>>,
    /// What it says of its limits.
    pub(super) limits: Mutex<Value>,
    /// More time than this is refused.
    pub(super) longest: Mutex<Option<Duration>>,
    pub(super) address: Mutex<String>,
    /// Status instead of lines.
    pub(super) broken: Mutex<Option<StatusCode>>,
    /// More seconds than these are not counted, in these words.
    pub(super) counted: Mutex<Option<(i64, &'static str)>>,
    /// Queries, and a sign at each.
    pub(super) asked: Mutex<Vec<String>>,
    pub(super) counts: AtomicU32,
    pub(super) opened: AtomicU32,
    pub(super) closed: AtomicU32,
}

/// What the tail does.
#[derive(Clone)]
pub(super) enum Send {
    Frame(String),
    Cut,
    Close(u16, &'static str),
}

impl Fake {
    pub(super) async fn start() -> (Arc<Self>, Loki) {
        let (fake, endpoint) = Self::listen().await;
        (fake, client(endpoint))
    }

    pub(super) async fn listen() -> (Arc<Self>, Endpoint) {
        let (fake, app) = Self::app();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        *fake.address.lock().unwrap() = uri;
        let endpoint = fake.endpoint();
        (fake, endpoint)
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::new(Backend::Loki, self.address.lock().unwrap().parse().unwrap())
    }

    pub(super) fn looks_back(&self, length: &str) {
        *self.limits.lock().unwrap() = json!({"max_query_lookback": length, "retention_period": "0s"});
    }

    pub(super) fn keeps(&self, length: &str) {
        *self.limits.lock().unwrap() = json!({"max_query_lookback": "0s", "retention_period": length});
    }

    pub(super) fn app() -> (Arc<Self>, Router) {
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
    pub(super) async fn counted(&self, more: u32) {
        let wanted = self.counts.load(Ordering::SeqCst) + more;
        until(|| self.counts.load(Ordering::SeqCst) >= wanted).await;
    }

    /// Waits for a tail.
    pub(super) async fn tailed(&self) {
        until(|| self.tail.receiver_count() > 0).await;
    }

    pub(super) fn write(&self, at: Timestamp, text: &str) {
        self.lines.lock().unwrap().push((at.0, text.to_owned()));
    }

    pub(super) fn send(&self, at: Timestamp, text: &str) {
        let _ = self.tail.send(Send::Frame(json!({"streams": [stream(&[(at.0, text.to_owned())])]}).to_string()));
    }
}

pub(super) fn stream(lines: &[(i64, String)]) -> Value {
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

/// Waits until that is so.
pub(super) async fn until(is: impl Fn() -> bool) {
    let looking = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("in time");
}
