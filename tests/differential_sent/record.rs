//! The demo's servers with a listener: every request that redline sends is written down.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use redline::model::backend::Backend;
use url::Url;

/// Names of parameters that say when; redline fills them from its clock.
pub const TIMES: [&str; 3] = ["start", "end", "time"];
/// Headers of the connection, not of the question.
const TRANSPORT: [&str; 7] = ["host", "user-agent", "accept-encoding", "content-length", "content-type", "connection", "traceparent"];

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    pub backend: Backend,
    pub method: String,
    pub path: String,
    /// Of the URL and of the form, in their order.
    pub params: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// What it writes, as JSON.
    pub json: Option<String>,
}

impl Sent {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether it asks for a time or a stretch of it.
    pub fn has_time(&self) -> bool {
        self.params.iter().any(|(name, _)| TIMES.contains(&name.as_str()))
    }

    /// The question without its time: asked again a minute later it is the same.
    fn timeless(&self) -> Self {
        let mut same = self.clone();
        same.params.retain(|(name, _)| !TIMES.contains(&name.as_str()));
        same
    }
}

#[derive(Default)]
struct Heard {
    sent: Vec<Sent>,
    in_flight: usize,
    came: usize,
}

/// Each question once, as it was asked first.
pub fn once(sent: impl IntoIterator<Item = Sent>) -> Vec<Sent> {
    let mut first = BTreeMap::new();
    for sent in sent {
        first.entry(sent.timeless()).or_insert(sent);
    }
    first.into_values().collect()
}

/// Listens at all servers.
#[derive(Clone, Default)]
pub struct Recorder(Arc<(Mutex<Heard>, Condvar)>);

impl Recorder {
    /// The same router, overheard, and without what the real server has not: redline then asks what it asks there.
    pub fn listen(&self, backend: Backend, router: Router, lacks: &Arc<[&'static str]>) -> Router {
        router.layer(from_fn_with_state((self.clone(), backend, lacks.clone()), overhear))
    }

    /// All that was sent, each question once.
    pub fn sent(&self) -> Vec<Sent> {
        once(self.heard().sent.clone())
    }

    /// Returns when every question has been answered and none came for a while.
    pub fn quiet(&self) {
        const PAUSE: Duration = Duration::from_millis(200);
        const PATIENCE: Duration = Duration::from_secs(120);
        let (begun, changed) = (Instant::now(), &self.0.1);
        let mut heard = self.heard();
        loop {
            heard = changed.wait_timeout_while(heard, PATIENCE, |h| h.in_flight > 0).unwrap_or_else(PoisonError::into_inner).0;
            let came = heard.came;
            let (next, waited) = changed.wait_timeout_while(heard, PAUSE, |h| h.came == came).unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() && next.in_flight == 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "redline keeps asking");
            heard = next;
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a question as open until it is answered or dropped.
struct Open(Recorder);

impl Open {
    fn new(recorder: &Recorder) -> Self {
        let mut heard = recorder.heard();
        heard.in_flight += 1;
        heard.came += 1;
        drop(heard);
        recorder.0.1.notify_all();
        Self(recorder.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.heard().in_flight -= 1;
        self.0.0.1.notify_all();
    }
}

/// What newer servers understand at the end of a TraceQL query, and what older ones say of it.
const HINT: &str = "with (most_recent=true)";
const REFUSED: &str = "invalid TraceQL query: parse error at line 1, col 4: syntax error: unexpected IDENTIFIER";

/// Beginnings of paths of newer servers that this Tempo does not know, and the hint where it does not know that.
pub async fn lacking(tempo: &Url) -> Vec<&'static str> {
    const NEWER: [(&str, &str); 3] = [
        ("/api/v2/traces/", "/api/v2/traces/1"),
        ("/api/status/buildinfo", "/api/status/buildinfo"),
        ("/api/metrics/", "/api/metrics/query_range"),
    ];
    let ask = async |path: &str| {
        let client = redline::source::http::plain().build().unwrap();
        client.get(tempo.join(path).unwrap()).send().await.unwrap().text().await.unwrap()
    };
    let mut lacks = Vec::new();
    for (beginning, path) in NEWER {
        if ask(path).await.starts_with("404 page not found") {
            lacks.push(beginning);
        }
    }
    let search: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", &format!("{{}} {HINT}")).finish();
    if ask(&format!("/api/search?{search}")).await.contains("unexpected IDENTIFIER") {
        lacks.push(HINT);
    }
    lacks
}

type Listening = (Recorder, Backend, Arc<[&'static str]>);

async fn overhear(State((recorder, backend, lacks)): State<Listening>, request: Request, next: Next) -> Response {
    let _open = Open::new(&recorder);
    if lacks.iter().any(|path| request.uri().path().starts_with(path)) {
        return (StatusCode::NOT_FOUND, "404 page not found").into_response();
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let pairs = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect::<Vec<_>>();
    let mut params = pairs(parts.uri.query().unwrap_or_default().as_bytes());
    let writes = parts.headers.get("content-type").is_some_and(|kind| kind == "application/json");
    let json = writes.then(|| String::from_utf8(body.to_vec()).unwrap());
    if !writes {
        params.extend(pairs(&body));
    }
    if lacks.contains(&HINT) && params.iter().any(|(name, value)| name == "q" && value.contains(HINT)) {
        return (StatusCode::BAD_REQUEST, REFUSED).into_response();
    }
    let headers = parts.headers.iter().filter(|(name, _)| !TRANSPORT.contains(&name.as_str()));
    let sent = Sent {
        backend,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        params,
        headers: headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect(),
        json,
    };
    recorder.heard().sent.push(sent);
    next.run(Request::from_parts(parts, Body::from(body))).await
}
