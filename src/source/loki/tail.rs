//! The tail's WebSocket: opened, read, lost and opened again.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::StreamExt;
use tokio::{
    net::TcpStream,
    sync::{
        SemaphorePermit,
        mpsc::{self, error::TrySendError},
    },
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, WebSocketConfig},
    },
};
use tracing::info;

use super::{
    ENCODING, Loki,
    frame::FrameReader,
    stream::{Input, Link, lost, pause_after},
};
use crate::{
    model::{
        backend::SourceError,
        log::{LogLine, TailState},
    },
    source::http::{Request, WebSocketRequest, error_text},
};

/// 100 entries of 256 KiB fit.
const MAX_MESSAGE: usize = 64 << 20;
/// Loki pings every second.
const SILENCE_AFTER_PING: Duration = Duration::from_secs(10);
/// For servers that do not ping.
const SILENCE: Duration = Duration::from_secs(60);
/// A connection that ended sooner was no success.
const LASTED: Duration = Duration::from_secs(5);
/// Ends of that kind in a row, with the same reason, after which it counts as refused.
const SAME_ENDS: u32 = 5;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no tail.
enum End {
    /// The server does not allow it.
    Refused(String),
    /// It may come back.
    Lost(SourceError),
    /// Nobody listens any more.
    Closed,
}

impl Loki {
    /// Keeps a tail open, once there is room for it. Only lines that are written from now on matter: history is read by queries.
    pub(super) async fn tail(&self, logql: &str, link: &Link, input: &mpsc::Sender<Input>) {
        let Some(_room) = self.room_for_tail(input).await else { return };
        let (mut failures, mut refusals) = (0_u32, 0_u32);
        let mut last_reason = String::new();
        let mut renewed = false;
        loop {
            if input.send(Input::State(TailState::Connecting)).await.is_err() {
                return;
            }
            let started = Instant::now();
            let end = match self.connect(logql, &mut renewed).await {
                Ok(socket) => {
                    renewed = false;
                    link.connected.store(true, Ordering::Relaxed);
                    link.wake.notify_one();
                    let end = match input.send(Input::State(TailState::Connected)).await {
                        Ok(()) => self.listen(socket, link, input).await,
                        Err(_) => End::Closed,
                    };
                    link.connected.store(false, Ordering::Relaxed);
                    // Else the reader would sleep as long as it does beside a tail that runs.
                    link.wake.notify_one();
                    end
                }
                Err(end) => end,
            };
            if started.elapsed() > LASTED {
                refusals = 0;
            }
            let error = match end {
                End::Closed => return,
                End::Refused(reason) => {
                    refusals += 1;
                    if !self.rest(reason, refusals, input).await {
                        return;
                    }
                    continue;
                }
                End::Lost(error) => error,
            };
            failures = if started.elapsed() > LASTED || error.message != last_reason { 1 } else { failures + 1 };
            last_reason.clone_from(&error.message);
            if failures >= SAME_ENDS && started.elapsed() <= LASTED && !is_connect(&error) {
                failures = 0;
                refusals += 1;
                if !self.rest(error.message, refusals, input).await {
                    return;
                }
                continue;
            }
            let wait = pause_after(&error, failures);
            if input.send(Input::State(TailState::Lost { retry_at: self.now() + wait, error })).await.is_err() {
                return;
            }
            sleep(wait).await;
        }
    }

    /// Waits until one more tail may be open, and says where that takes time. `None`: nobody listens.
    async fn room_for_tail(&self, input: &mpsc::Sender<Input>) -> Option<SemaphorePermit<'_>> {
        if let Ok(room) = self.tails.try_acquire() {
            return Some(room);
        }
        input.send(Input::State(TailState::Polled)).await.ok()?;
        self.tails.acquire().await.ok()
    }

    /// Says that lines are polled now, and waits. `false`: nobody listens.
    async fn rest(&self, reason: String, refusals: u32, input: &mpsc::Sender<Input>) -> bool {
        info!(target: "redline::http", "loki tail refused, polling instead: {reason}");
        let rest = self.pace.rest(refusals);
        let state = TailState::Refused { retry_at: self.now() + rest, why: reason };
        let listening = input.send(Input::State(state)).await.is_ok();
        if listening {
            sleep(rest).await;
        }
        listening
    }

    async fn connect(&self, logql: &str, renewed: &mut bool) -> Result<Socket, End> {
        let request = Request::get("/loki/api/v1/tail")
            .param("query", logql)
            .param("start", self.now().to_string())
            .param("limit", "1")
            .param("delay_for", "0")
            .header(ENCODING, "categorize-labels");
        let ws = self.http.websocket(&request).await.map_err(End::Lost)?;
        let mut upgrade = ws.url.as_str().into_client_request().map_err(|e| End::Lost(lost(self, e.to_string())))?;
        upgrade.headers_mut().extend(ws.headers.clone());
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let started = Instant::now();
        let connecting = connect_async_tls_with_config(upgrade, Some(config), true, Some(Connector::Rustls(ws.tls.clone())));
        let result = timeout(self.http.timeout(), connecting).await;
        let (socket, outcome) = match result {
            Ok(Ok((socket, _))) => (Ok(socket), "101".to_owned()),
            Ok(Err(e)) => {
                let text = describe(&e);
                (Err(self.handshake_end(e, &ws, renewed).await), text)
            }
            Err(_) => (Err(End::Lost(lost(self, "the tail was not opened in time"))), "timeout".to_owned()),
        };
        info!(target: "redline::http", "loki WS {} {outcome} {}ms", ws.shown, started.elapsed().as_millis());
        socket
    }

    async fn handshake_end(&self, error: Error, asked: &WebSocketRequest, renewed: &mut bool) -> End {
        let text = describe(&error);
        let Error::Http(response) = error else {
            return End::Lost(self.http.tls_error(&error).unwrap_or_else(|| lost(self, text)));
        };
        match response.status().as_u16() {
            401 if !*renewed => {
                *renewed = true;
                if self.http.renew_credentials(asked).await { End::Lost(lost(self, text)) } else { End::Refused(text) }
            }
            429 => End::Lost(self.http.limited_by(response.headers(), text)),
            500.. => End::Lost(lost(self, text)),
            _ => End::Refused(text),
        }
    }

    async fn listen(&self, mut socket: Socket, link: &Link, input: &mpsc::Sender<Input>) -> End {
        let mut reader = FrameReader::default();
        let mut pinged = false;
        // Lines that had no room in the channel, not told yet.
        let mut dropped = 0;
        loop {
            let silence = if pinged { SILENCE_AFTER_PING } else { SILENCE };
            let message = match timeout(silence, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(e))) => return End::Lost(lost(self, format!("the tail was cut: {}", describe(&e)))),
                Ok(None) => return End::Lost(lost(self, "the tail was cut")),
                Err(_) => return End::Lost(lost(self, format!("no sign of life from the tail for {silence:?}"))),
            };
            let text = match message {
                Message::Text(text) => text,
                Message::Ping(_) => {
                    pinged = true;
                    continue;
                }
                Message::Close(frame) => return self.closed(frame),
                Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let (lines, told) = match reader.read(&text, &self.trace_ids) {
                Ok(read) => read,
                Err(e) => return End::Lost(e),
            };
            if !pass_on(input, lines, told, &mut dropped, link) {
                return End::Closed;
            }
            // In a flood the reader would go on for a hundred messages: megabytes of lines that wait and leave the caches.
            tokio::task::yield_now().await;
        }
    }

    fn closed(&self, frame: Option<CloseFrame>) -> End {
        let reason = frame.map_or_else(String::new, |f| f.reason.to_string());
        if reason.contains("max concurrent tail requests") || reason.contains("only log selector") {
            return End::Refused(reason);
        }
        let why = if reason.is_empty() { "without a reason" } else { &reason };
        End::Lost(lost(self, format!("the server closed the tail: {why}")))
    }
}

/// Never waits: a socket that is not read backs up into the server, which then drops. `false`: nobody listens.
fn pass_on(input: &mpsc::Sender<Input>, lines: Vec<LogLine>, told: u64, dropped: &mut u64, link: &Link) -> bool {
    let count = lines.len() as u64;
    *dropped += told;
    if count > 0 {
        match input.try_send(Input::Tail(lines)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => *dropped += count,
            Err(TrySendError::Closed(_)) => return false,
        }
    }
    if *dropped > 0 && input.try_send(Input::State(TailState::Dropped(*dropped))).is_ok() {
        *dropped = 0;
        link.wake.notify_one();
    }
    true
}

fn is_connect(error: &SourceError) -> bool {
    !error.message.starts_with("the server closed") && !error.message.starts_with("the tail was cut")
}

/// What went wrong, with the words of an answer that is no upgrade.
fn describe(error: &Error) -> String {
    match error {
        Error::Http(response) => {
            let text = error_text(response.body().as_deref().unwrap_or_default());
            let status = response.status();
            if text.is_empty() { format!("answered {status}") } else { format!("answered {}: {text}", status.as_u16()) }
        }
        Error::Io(e) => e.to_string(),
        other => other.to_string(),
    }
}
