//! What ships lines to Loki: in batches as they are written, each again and again until it is accepted.

use std::{
    sync::{Arc, Condvar, Mutex, mpsc},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};

use super::loki::{PATIENCE, RUNTIME, client, now};

/// Batches a second.
const BATCHES: usize = 5;

/// So many lines in so many streams, this second.
#[derive(Clone, Copy)]
pub struct Load {
    streams: usize,
    rate: usize,
    seconds: usize,
}

pub fn load(streams: usize, rate: usize, seconds: usize) -> Load {
    Load { streams, rate, seconds }
}

#[derive(Default)]
struct Progress {
    /// Lines that Loki has accepted.
    lines: usize,
    /// Batches that are written and not accepted yet.
    waiting: usize,
}

type Shared = Arc<(Mutex<Progress>, Condvar)>;

pub struct Writer {
    run: String,
    loads: mpsc::Sender<Load>,
    shared: Shared,
}

/// A load that is being written.
pub struct Writing {
    shared: Shared,
    load: Load,
    before: usize,
}

impl Writing {
    /// Waits until what is written in so many seconds was accepted.
    pub fn wait_for(&self, seconds: usize) {
        until(&self.shared, |p| p.lines >= self.before + self.load.rate * seconds);
    }
}

impl Writer {
    pub fn start(url: String) -> Self {
        let (loads, received) = mpsc::channel::<Load>();
        let shared = Shared::default();
        let run = now().to_string();
        let (progress, label) = (shared.clone(), run.clone());
        std::thread::spawn(move || {
            let client = client();
            let mut number = 0;
            for load in received {
                for batch in 0..load.seconds * BATCHES {
                    let due = Instant::now() + Duration::from_secs(1) / BATCHES as u32;
                    let body = streams(&label, load, batch, &mut number).to_string();
                    RUNTIME.spawn(push(client.clone(), url.clone(), body, load.rate / BATCHES, progress.clone()));
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            }
        });
        Self { run, loads, shared }
    }

    /// Lines of a stream that is told twice, under another name, are two of one kind to this.
    pub fn query(&self) -> String {
        format!("{{run=\"{}\"}} | drop copy", self.run)
    }

    pub fn write(&self, load: Load) -> Writing {
        let mut progress = self.shared.0.lock().unwrap();
        progress.waiting += load.seconds * BATCHES;
        let before = progress.lines;
        drop(progress);
        self.loads.send(load).unwrap();
        Writing { shared: self.shared.clone(), load, before }
    }

    /// Waits until all is accepted.
    pub fn wait(&self) {
        until(&self.shared, |p| p.waiting == 0);
    }

    pub fn written(&self) -> usize {
        self.shared.0.lock().unwrap().lines
    }
}

fn until(shared: &Shared, done: impl Fn(&Progress) -> bool) {
    let (progress, changed) = &**shared;
    let waited = changed.wait_timeout_while(progress.lock().unwrap(), PATIENCE, |p| !done(p)).unwrap();
    assert!(!waited.1.timed_out(), "{} batches wait", waited.0.waiting);
}

async fn push(client: Client, url: String, body: String, lines: usize, progress: Shared) {
    loop {
        let request = client.post(format!("{url}/loki/api/v1/push")).header("Content-Type", "application/json").body(body.clone());
        if request.send().await.is_ok_and(|answer| answer.status().is_success()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (progress, changed) = &*progress;
    let mut progress = progress.lock().unwrap();
    progress.lines += lines;
    progress.waiting -= 1;
    changed.notify_all();
}

/// A batch: its lines spread over the streams and over the time since the last one. One of each hundred has the instant of the
/// one before it, one is old, one has metadata of its own; the first stream of several is two that differ in a label alone.
fn streams(run: &str, load: Load, batch: usize, number: &mut usize) -> Value {
    let count = load.rate / BATCHES;
    let (end, step) = (now(), 1_000_000_000 / load.rate as i64);
    let mut values = vec![Vec::new(); load.streams];
    let mut last = end;
    for i in 0..count {
        let n = *number;
        *number += 1;
        let at = match n % 100 {
            7 => last,
            11 => end - 8_000_000_000,
            _ => end - step * (count - i) as i64,
        };
        last = at;
        let text = format!("level={} n={n} {}", if n.is_multiple_of(10) { "error" } else { "info" }, "x".repeat(n % 150));
        let metadata = if n % 100 == 13 { json!({"trace_id": format!("{n:032x}")}) } else { json!({}) };
        values[i % load.streams].push(json!([at.to_string(), text, metadata]));
    }
    let mut streams: Vec<Value> = values
        .iter()
        .enumerate()
        .map(|(i, values)| json!({"stream": {"run": run, "app": format!("app-{i}"), "copy": "1"}, "values": values}))
        .collect();
    if batch.is_multiple_of(BATCHES) {
        streams.push(json!({"stream": {"run": run, "app": "app-0", "copy": "2"}, "values": values[0]}));
    }
    json!({"streams": streams})
}
