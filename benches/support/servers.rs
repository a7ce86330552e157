//! Servers on loopback that answer from memory, each in a thread of its own.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{
        Path, Query, State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use rustix::process::{Pid, Signal, kill_process};

use super::lines;

/// Lines in one message of Loki's tail, at most.
const FRAME: u64 = 100;

/// Runs a server in a thread with a runtime of its own.
fn run(app: Router) -> SocketAddr {
    let (sender, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address.recv().unwrap()
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn form(body: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// A Loki into which 20,000 lines are written each second, from its start until there are so many.
#[derive(Clone, Copy)]
struct Writing {
    start: i64,
    count: u64,
}

impl Writing {
    /// How many lines there are by now.
    fn written(self) -> u64 {
        (((now() - self.start) / lines::EVERY).max(0) as u64).min(self.count)
    }

    fn at(self, n: u64) -> i64 {
        self.start + n as i64 * lines::EVERY
    }
}

/// Starts such a Loki.
pub fn loki(count: u64) -> SocketAddr {
    let app = Router::new()
        .route("/loki/api/v1/tail", get(tail))
        .route("/loki/api/v1/query_range", post(query_range))
        .route("/loki/api/v1/labels", get(|| async { json(r#"{"status":"success","data":["service_name"]}"#.to_owned()) }))
        .route(
            "/loki/api/v1/label/{name}/values",
            get(|| async { json(r#"{"status":"success","data":["orders","checkout","web"]}"#.to_owned()) }),
        );
    run(app.with_state(Writing { start: now(), count }))
}

async fn tail(State(writing): State<Writing>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |mut socket| async move {
        let mut next = writing.written();
        let mut often = tokio::time::interval(Duration::from_millis(5));
        loop {
            tokio::select! {
                _ = often.tick() => {
                    let end = writing.written();
                    while next < end {
                        let to = end.min(next + FRAME);
                        if socket.send(Message::Text(lines::frame(next..to, writing.at(next)).into())).await.is_err() {
                            return;
                        }
                        next = to;
                    }
                }
                message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            }
        }
    })
}

async fn query_range(State(writing): State<Writing>, body: Bytes) -> Response {
    let params = form(&body);
    if params["query"].contains("count_over_time") {
        return json(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_owned());
    }
    let number = |name: &str| params[name].parse::<i64>().unwrap();
    let place = |at: i64| (((at - writing.start + lines::EVERY - 1) / lines::EVERY).max(0) as u64).min(writing.written());
    let (from, to, limit) = (place(number("start")), place(number("end")), number("limit") as u64);
    let backward = params["direction"] == "backward";
    let chosen = if backward { from.max(to.saturating_sub(limit))..to } else { from..to.min(from + limit) };
    let mut out = String::from(r#"{"status":"success","data":{"resultType":"streams","result":["#);
    for n in chosen.clone() {
        if n > chosen.start {
            out.push(',');
        }
        lines::stream(n, writing.at(n), &mut out);
    }
    out.push_str("]}}");
    json(out)
}

/// A Loki whose tail sends these messages as fast as they are taken, once `go` says so.
pub fn flood(frames: Vec<String>, go: tokio::sync::watch::Receiver<bool>) -> SocketAddr {
    let frames: Arc<[Utf8Bytes]> = frames.into_iter().map(Utf8Bytes::from).collect();
    let send = |mut socket: WebSocket, frames: Arc<[Utf8Bytes]>, mut go: tokio::sync::watch::Receiver<bool>| async move {
        let _ = go.wait_for(|g| *g).await;
        for frame in frames.iter() {
            if socket.send(Message::Text(frame.clone())).await.is_err() {
                return;
            }
        }
        // Until the reader has gone.
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let empty = || async { json(r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#.to_owned()) };
    let tail = move |upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(move |socket| send(socket, frames, go)) };
    run(Router::new().route("/loki/api/v1/tail", get(tail)).route("/loki/api/v1/query_range", post(empty)))
}

/// What a Prometheus was asked and has answered.
#[derive(Default)]
pub struct Asked {
    pub queries: AtomicU64,
    /// Those over a range.
    pub ranges: AtomicU64,
    pub bytes: AtomicU64,
}

/// The families that the Prometheus has, in the order of redline's table: a counter and a histogram each.
const FAMILIES: [(&str, &str); 6] = [
    ("http_server_request_duration_seconds_count", "http_server_request_duration_seconds_bucket"),
    ("http_server_requests_seconds_count", "http_server_requests_seconds_bucket"),
    ("http_requests_total", "http_request_duration_seconds_bucket"),
    ("grpc_server_handled_total", "grpc_server_handling_seconds_bucket"),
    ("traces_spanmetrics_calls_total", "traces_spanmetrics_latency_bucket"),
    ("istio_requests_total", "istio_request_duration_milliseconds_bucket"),
];

/// A Prometheus with request counters and histograms of so many services, a sixth of them of each family.
pub fn prometheus(services: usize) -> (SocketAddr, Arc<Asked>) {
    let asked = Arc::new(Asked::default());
    let state = (services, asked.clone());
    let labels = || async {
        let names = ["__name__", "service_name", "http_route", "code", "le", "span_kind", "span_name", "reporter"];
        json(serde_json::json!({"status": "success", "data": names}).to_string())
    };
    let app = Router::new()
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/labels", post(labels))
        .route("/api/v1/query", post(instant))
        .route("/api/v1/query_range", post(range))
        .fallback(|| async { StatusCode::NOT_FOUND });
    (run(app.with_state(state)), asked)
}

type Services = (usize, Arc<Asked>);

async fn label_values(
    State((services, _)): State<Services>,
    Path(name): Path<String>,
    Query(params): Query<HashMap<String, String>>,
) -> Response {
    let of = |i: &usize| {
        let (counter, histogram) = FAMILIES[i % FAMILIES.len()];
        params.get("match[]").is_some_and(|m| m.contains(&format!("\"{counter}\"")) || m.contains(&format!("\"{histogram}\"")))
    };
    let some = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    let values = match name.as_str() {
        "__name__" => FAMILIES.iter().flat_map(|(counter, histogram)| some(&[counter, histogram])).collect(),
        "service_name" => (0..services).filter(of).map(service).collect(),
        "le" => some(&["0.1", "1.0", "10.0", "+Inf"]),
        "span_kind" => some(&["SPAN_KIND_SERVER"]),
        "reporter" => some(&["destination"]),
        _ => some(&["200", "500"]),
    };
    json(format!(r#"{{"status":"success","data":{}}}"#, serde_json::json!(values)))
}

fn service(i: usize) -> String {
    format!("team-{:02}-service-{i:04}", i % 40)
}

/// The labels of a service's element, as redline's queries make them.
fn labels(i: usize) -> String {
    format!(r#"{{"family":"{}","service":"{}"}}"#, i % FAMILIES.len(), service(i))
}

impl Asked {
    fn answered(&self, body: String) -> Response {
        self.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        json(body)
    }
}

async fn instant(State((services, asked)): State<Services>, body: Bytes) -> Response {
    let params = form(&body);
    let query = &params["query"];
    // Scraped every second, so that it may be asked often.
    let counts = query.contains("count_over_time");
    let round = asked.queries.fetch_add(1, Ordering::Relaxed);
    let mut out = String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
    // The buckets of all instances are the same.
    let services = if query.contains("stddev") { 0 } else { services };
    for i in 0..services {
        let comma = if i == 0 { "" } else { "," };
        let value = if counts { 600 } else { (i as u64 * 31 + round) % 1000 };
        let labels = if counts { labels(i).replace("service\":", "service_name\":") } else { labels(i) };
        let _ = write!(out, r#"{comma}{{"metric":{labels},"value":[{},"{value}.0625"]}}"#, params["time"]);
    }
    out.push_str("]}}");
    asked.answered(out)
}

async fn range(State((services, asked)): State<Services>, body: Bytes) -> Response {
    let params = form(&body);
    asked.ranges.fetch_add(1, Ordering::Relaxed);
    let round = asked.queries.fetch_add(1, Ordering::Relaxed);
    let number = |name: &str| params[name].parse::<f64>().unwrap();
    let (start, end, step) = (number("start"), number("end"), number("step"));
    let mut out = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
    for i in 0..services {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, r#"{comma}{{"metric":{},"values":["#, labels(i));
        for point in 0..=((end - start) / step) as u64 {
            let comma = if point == 0 { "" } else { "," };
            let _ = write!(out, r#"{comma}[{},"{}.0625"]"#, start + point as f64 * step, (i as u64 * 31 + point * 7 + round) % 1000);
        }
        out.push_str("]}");
    }
    out.push_str("]}}");
    asked.answered(out)
}

/// A Tempo with one trace, as its second API answers it. Tells when the last byte of an answer was handed to the system.
pub fn tempo(body: Vec<u8>) -> (SocketAddr, Arc<Mutex<Option<Instant>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answered = Arc::new(Mutex::new(None));
    let (told, body) = (answered.clone(), Arc::new(body));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (told, body) = (told.clone(), body.clone());
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    head.extend_from_slice(&buffer[..n]);
                    if !head.ends_with(b"\r\n\r\n") {
                        continue;
                    }
                    let is_trace = head.starts_with(b"GET /api/v2/traces/");
                    let (status, bytes) = if is_trace { ("200 OK", body.as_slice()) } else { ("404 Not Found", b"".as_slice()) };
                    let head_out =
                        format!("HTTP/1.1 {status}\r\nContent-Type: application/protobuf\r\nContent-Length: {}\r\n\r\n", bytes.len());
                    if stream.write_all(head_out.as_bytes()).and_then(|()| stream.write_all(bytes)).is_err() {
                        return;
                    }
                    if is_trace {
                        *told.lock().unwrap() = Some(Instant::now());
                    }
                    head.clear();
                }
            });
        }
    });
    (address, answered)
}

/// An address that takes connections and never answers. It stops the process of this number at the first of them, so
/// that what it draws later is not seen.
pub fn silent() -> (SocketAddr, Arc<AtomicI32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let process = Arc::new(AtomicI32::new(0));
    let stopped = process.clone();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            if let Some(pid) = Pid::from_raw(stopped.swap(0, Ordering::SeqCst)) {
                // It may have ended by itself.
                let _ = kill_process(pid, Signal::STOP);
            }
            held.push(stream);
        }
    });
    (address, process)
}
