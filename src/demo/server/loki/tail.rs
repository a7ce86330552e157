//! Tailing over WebSocket.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    extract::{
        RawQuery, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::HeaderMap,
    response::Response,
};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use super::{
    Loki,
    answers::{Encoding, frame},
    encoding,
};
use crate::{
    demo::server::params::{Params, Refusal},
    demo::{
        grammar::ParseError,
        logql::{
            ast::{Expr, LogExpr},
            entries::{Entry, entries},
            parse,
        },
        store::Direction,
    },
    model::time::{TimeRange, Timestamp},
};

/// Entries in a frame, at most.
const FRAME: usize = 100;
/// How often new lines are looked for.
const POLL: Duration = Duration::from_millis(250);
/// How many new lines one look may find; the next look goes on from there.
const BATCH: usize = 5000;
/// Loki's status for what goes wrong after the handshake.
const INTERNAL: u16 = 1011;
const MAX_DELAY: i64 = 5;

/// What is tailed.
struct Tail {
    query: LogExpr,
    history: Encoding,
    live: Encoding,
    start: Timestamp,
    limit: usize,
    delay: Duration,
}

/// `GET /loki/api/v1/tail`
pub async fn tail(
    State(loki): State<Arc<Loki>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    let params = Params::new(b"", query.unwrap_or_default().as_bytes());
    let expr = parse(params.query())?;
    let limit = params.positive("limit", 100)?;
    let (start, _) = params.bounds(loki.clock.now())?;
    let delay = params.get("delay_for").unwrap_or("0");
    let delay: i64 = delay.parse().map_err(|_| Refusal::bad(format!("strconv.Atoi: parsing {delay:?}: invalid syntax")))?;
    if delay > MAX_DELAY {
        return Err(Refusal::bad(format!("delay_for can't be greater than {MAX_DELAY}")));
    }
    let delay = Duration::from_secs(u64::try_from(delay).unwrap_or(0));
    let history = encoding(&headers);
    // A task of a tail must not keep the server alive.
    let loki = Arc::downgrade(&loki);
    Ok(upgrade.on_upgrade(move |socket| async move {
        match expr {
            Expr::Metric(_) => close(socket, "only log selector is supported").await,
            Expr::Log(query) => {
                let bare = query.stages.is_empty() && history == Encoding::Merged;
                let live = if bare { Encoding::StreamOnly } else { history };
                run(loki, socket, Tail { query, history, live, start, limit, delay }).await;
            }
        }
    }))
}

async fn close(mut socket: WebSocket, reason: &'static str) {
    let frame = CloseFrame { code: INTERNAL, reason: reason.into() };
    if let Err(error) = socket.send(Message::Close(Some(frame))).await {
        log::debug!("demo Loki: closing a tail: {error}");
    }
}

/// Sends history, then new lines until the client leaves or the server stops.
async fn run(loki: Weak<Loki>, mut socket: WebSocket, tail: Tail) {
    let tail = Arc::new(tail);
    let Some(mut next) = loki.upgrade().map(|l| l.clock.now()) else { return };
    let past = TimeRange::new(tail.start, next);
    let Some(mut history) = find(&loki, &tail, past, Direction::Backward, tail.limit).await else { return };
    history.reverse();
    if !send(&mut socket, &history, tail.history).await {
        return;
    }
    let mut ping = interval_at(Instant::now() + Duration::from_secs(1), Duration::from_secs(1));
    let mut poll = interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ping.tick() => {
                if socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
            }
            _ = poll.tick() => {
                let Some(now) = loki.upgrade().map(|l| l.clock.now() - tail.delay) else { return };
                let Some(found) = find(&loki, &tail, TimeRange { start: next, end: now }, Direction::Forward, BATCH).await else { return };
                if !send(&mut socket, &found, tail.live).await {
                    return;
                }
                next = if found.len() == BATCH { found.last().map_or(now, |e| Timestamp(e.at.0 + 1)) } else { next.max(now) };
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// Lines of a range; `None` when the server has stopped.
async fn find(loki: &Weak<Loki>, tail: &Arc<Tail>, range: TimeRange, direction: Direction, limit: usize) -> Option<Vec<Entry>> {
    if range.end <= range.start {
        return Some(Vec::new());
    }
    let (loki, tail) = (loki.upgrade()?, tail.clone());
    let found = tokio::task::spawn_blocking(move || entries(loki.logs.as_ref(), &tail.query, range, direction, limit)).await;
    match found {
        Ok(Ok(entries)) => Some(entries),
        Ok(Err(ParseError { message, .. })) => {
            log::error!("demo Loki: tail: {message}");
            None
        }
        Err(error) => {
            log::error!("demo Loki: tail: {error}");
            None
        }
    }
}

/// Sends entries in frames; false when the client has gone.
async fn send(socket: &mut WebSocket, entries: &[Entry], encoding: Encoding) -> bool {
    for part in entries.chunks(FRAME) {
        if socket.send(Message::Text(frame(part, encoding).to_string().into())).await.is_err() {
            return false;
        }
    }
    true
}
