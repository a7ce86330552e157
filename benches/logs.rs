//! Figures of log lines: `cargo bench --bench logs`. Prints, asserts nothing.
//!
//! Processor time is that of the one thread that does the work, so that other work on the machine does not count.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{sync::Arc, time::Duration};

use redline::{
    model::{
        backend::Backend,
        labels::Labels,
        log::{Level, LogEvent, LogLine, TailState},
        time::{TimeRange, Timestamp},
        trace::{SpanId, TraceId},
    },
    source::{
        Loki,
        http::{Endpoint, Observer},
    },
    store::{Amount, Condition, LogStore, Order, Pattern, Place, Show, Test},
};
use support::{Watch, figure, lines, memory, millis, servers, wanted};
use tokio::sync::{mpsc, watch};

/// Lines that come through the tail.
const TAILED: u64 = 300_000;
/// Lines that are kept.
const KEPT: u64 = 1_000_000;
/// What `log_buffer_mib` is when nobody sets it.
const BUFFER: usize = 64 << 20;

fn main() {
    // First, while nothing that was freed can be used again without being seen.
    if wanted("keep") {
        keep();
    }
    if wanted("decode") {
        decode();
    }
}

/// From the socket to the store: frames of the tail are read, decoded, joined and kept, all in this thread.
fn decode() {
    let first_at = servers::now();
    let frames: Vec<String> = (0..TAILED).step_by(100).map(|n| lines::frame(n..n + 100, first_at + n as i64 * lines::EVERY)).collect();
    let bytes: usize = frames.iter().map(String::len).sum();
    let (go, gone) = watch::channel(false);
    let address = servers::flood(frames, gone);
    let nobody: Observer = Arc::new(|_, _| ());
    let loki = Loki::new(Endpoint::new(Backend::Loki, format!("http://{address}").parse().unwrap()), nobody).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (busy, wall, lost) = runtime.block_on(async {
        let (out, mut events) = mpsc::channel(64);
        let range = TimeRange::new(Timestamp(first_at) - Duration::from_secs(60), Timestamp(first_at));
        let follow = loki.stream("{app=~\".+\"}".to_owned(), range, true, out);
        let take = async {
            let mut store = LogStore::new(BUFFER);
            let (mut connected, mut complete, mut lost) = (false, false, 0);
            let mut watch = Watch::start();
            while store.arrivals() + lost < TAILED {
                match events.recv().await {
                    Some(LogEvent::Lines(lines)) => _ = store.insert(lines),
                    Some(LogEvent::Tail(TailState::Connected)) => connected = true,
                    Some(LogEvent::Tail(TailState::Dropped(n))) => lost += n,
                    Some(LogEvent::History { .. }) => complete = true,
                    Some(_) => {}
                    None => break,
                }
                if connected && complete && !*go.borrow() {
                    watch = Watch::start();
                    let _ = go.send(true);
                }
            }
            (watch.busy(), watch.wall(), lost)
        };
        tokio::select! { () = follow => unreachable!("the stream lasts as long as it is read"), figures = take => figures }
    });
    let rate = |time: Duration| (TAILED - lost) as f64 / time.as_secs_f64();
    figure("log lines decoded and stored a second of one core", rate(busy), "/s").at_least(500_000.0);
    figure("  the same by the wall clock, the sender beside it", rate(wall), "/s").note();
    figure("  bytes of the tail a line", bytes as f64 / TAILED as f64, "B").note();
    figure("  lines that the reader had no room for", lost as f64, "").note();
}

/// A million lines in the store, and filters over them.
fn keep() {
    let pid = std::process::id();
    let streams: Vec<Arc<Labels>> = (0..24).map(|n| Arc::new(lines::labels(n).into_iter().collect())).collect();
    let before = memory(pid, "VmRSS");
    let mut store = LogStore::new(usize::MAX);
    let mut raw = 0;
    for batch in (0..KEPT).step_by(100) {
        let lines: Vec<LogLine> = (batch..batch + 100).map(|n| line(n, &streams)).collect();
        raw += lines.iter().map(|l| l.text.len() + l.metadata.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>()).sum::<usize>();
        store.insert(lines);
    }
    let resident = memory(pid, "VmRSS") - before;
    let megabytes = raw as f64 / f64::from(1 << 20);
    figure("memory of 1,000,000 lines, as a multiple of their raw bytes", resident / megabytes, "×").at_most(1.25);
    figure("  raw bytes: text and metadata", megabytes, "MB").note();
    figure("  what the store counts", store.bytes() as f64 / f64::from(1 << 20), "MB").note();
    for (name, typed) in [
        ("filter 1,000,000 lines: a text that few have", "slow answer"),
        ("filter 1,000,000 lines: a text that most have", "order"),
        ("filter 1,000,000 lines: a text that none has", "deadlock"),
        ("filter 1,000,000 lines: one letter", "z"),
        ("filter 1,000,000 lines: what does not match", "!created"),
        ("filter 1,000,000 lines: a regular expression", "/within \\d+ ms/"),
        ("filter 1,000,000 lines: a regular expression of alternatives", "/\"duration_ms\":2\\d{3}|pool/"),
    ] {
        store.set_show(Show::default());
        let watch = Watch::start();
        show(&mut store, Show { pattern: Pattern::parse(typed).unwrap(), ..Show::default() });
        figure(name, millis(watch.wall()), "ms").at_most(150.0);
        figure("  lines shown", store.shown() as f64, "").note();
    }
    for (name, condition) in [
        ("filter 1,000,000 lines: a value of a field that few have", field("status", "500", Test::Is)),
        ("filter 1,000,000 lines: a value of a field that most have", field("status", "200", Test::Is)),
        ("filter 1,000,000 lines: a number above another", field("duration_ms", "2500", above(2500.0))),
    ] {
        store.set_show(Show::default());
        let watch = Watch::start();
        show(&mut store, Show { conditions: vec![condition], ..Show::default() });
        figure(name, millis(watch.wall()), "ms").at_most(150.0);
        figure("  lines shown", store.shown() as f64, "").note();
    }
    store.set_show(Show::default());
    let watch = Watch::start();
    show(&mut store, Show { level: Level::Error, ..Show::default() });
    figure("filter 1,000,000 lines: errors only", millis(watch.wall()), "ms").at_most(150.0);
}

/// A condition on a field of the JSON that lines are.
fn field(name: &str, value: &str, test: Test) -> Condition {
    Condition { path: name.to_owned(), test, ..Condition::is(Place::Json, name, name.to_owned(), value, true) }
}

fn above(than: f64) -> Test {
    Test::Compares(Order::AtLeast, Amount::Number(than))
}

/// Shows other lines, and waits until all were looked at.
fn show(store: &mut LogStore, show: Show) {
    store.set_show(show);
    if let Some(job) = store.filter_job(None) {
        job.run(&|| false, &mut |news| store.take_filtered(&news));
    }
}

/// A line as the client hands it on.
fn line(n: u64, streams: &[Arc<Labels>]) -> LogLine {
    let text = lines::text(n);
    let id = |name: &str, length: usize| {
        let from = text.find(name).unwrap() + name.len() + 3;
        text[from..from + length].to_owned()
    };
    LogLine {
        at: Timestamp(1_763_712_000_000_000_000 + n as i64 * lines::EVERY),
        stream: streams[(n % 24) as usize].clone(),
        metadata: [("detected_level", lines::level(n))].into_iter().collect(),
        level: Level::parse(lines::level(n)).unwrap(),
        trace: TraceId::parse(&id("trace_id", 32)),
        span: SpanId::parse(&id("span_id", 16)),
        trace_from: Some("JSON field trace_id"),
        copy: 0,
        text: text.into(),
    }
}
