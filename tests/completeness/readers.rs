//! Who reads: the stream into the store as the screen does it, and `redline logs`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
};

use redline::{
    model::{
        backend::Backend,
        log::{LogEvent, TailState},
        time::{TimeRange, Timestamp},
    },
    source::{Loki, http::Endpoint},
    store::LogStore,
};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle};

use super::loki::{Line, PATIENCE, RUNTIME, now, pairs};

/// How many differences are shown.
const SHOWN: usize = 5;

/// The same lines, each as often.
pub fn compare(name: &str, lines: &[Line], truth: &[Line]) {
    let mut sorted = lines.to_vec();
    sorted.sort();
    let (mut missing, mut more) = (Vec::new(), Vec::new());
    let (mut ours, mut theirs) = (sorted.iter().peekable(), truth.iter().peekable());
    loop {
        match (ours.peek(), theirs.peek()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => _ = (ours.next(), theirs.next()),
            (Some(a), b) if b.is_none_or(|b| *a < b) => more.extend(ours.next()),
            _ => missing.extend(theirs.next()),
        }
    }
    let some = |lines: &[&Line]| lines.iter().take(SHOWN).map(|l| format!("\n  {l:?}")).collect::<String>();
    assert!(
        missing.is_empty() && more.is_empty(),
        "{name}: {} missing of {}, {} too many{}{}",
        missing.len(),
        truth.len(),
        more.len(),
        some(&missing),
        some(&more)
    );
}

#[derive(Default)]
struct Counted<T> {
    held: Mutex<T>,
    changed: Condvar,
}

impl<T> Counted<T> {
    fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.held.lock().unwrap());
        self.changed.notify_all();
    }

    #[track_caller]
    fn wait_for(&self, what: &str, count: usize, counted: impl Fn(&T) -> usize) {
        let held = self.held.lock().unwrap();
        let held = self.changed.wait_timeout_while(held, PATIENCE, |held| counted(held) < count).unwrap().0;
        assert!(counted(&held) >= count, "{what}: {} of {count} lines", counted(&held));
    }
}

struct Screen {
    store: LogStore,
    recovered: u64,
    dropped: u64,
    connections: usize,
}

/// The store of a screen that follows.
pub struct Stored {
    screen: Arc<Counted<Option<Screen>>>,
    task: JoinHandle<()>,
}

impl Stored {
    pub fn follow(url: &str, query: &str) -> Self {
        let loki = Loki::new(Endpoint::new(Backend::Loki, url.parse().unwrap()), Arc::new(|_, _| {})).unwrap();
        let screen = Arc::new(Counted::default());
        let empty = Screen { store: LogStore::new(1 << 30), recovered: 0, dropped: 0, connections: 0 };
        screen.change(|held| *held = Some(empty));
        let (range, query, shown) =
            (TimeRange { start: Timestamp(now() - 60_000_000_000), end: Timestamp(now()) }, query.to_owned(), screen.clone());
        let task = RUNTIME.spawn(async move {
            let (out, mut events) = mpsc::channel(64);
            let showing = async {
                while let Some(event) = events.recv().await {
                    shown.change(|screen| show(screen.as_mut().unwrap(), event));
                }
            };
            tokio::join!(loki.stream(query, range, true, out), showing);
        });
        Self { screen, task }
    }

    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        self.screen.wait_for("stored", count, |screen| screen.as_ref().map_or(0, |s| s.store.len()));
    }

    /// What the tail told.
    pub fn end(&self) -> String {
        self.task.abort();
        let screen = self.screen.held.lock().unwrap();
        let Screen { recovered, dropped, connections, .. } = screen.as_ref().unwrap();
        format!("{connections} times connected, {dropped} lines dropped that it told of, {recovered} recovered while it was connected")
    }

    pub fn lines(&self) -> Vec<Line> {
        let screen = self.screen.held.lock().unwrap();
        let lines = screen.as_ref().unwrap().store.window(0);
        let own = |pairs: &mut dyn Iterator<Item = (&str, &str)>| pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let lines: Vec<Line> = lines.map(|l| (l.id.at.0, own(&mut l.stream.iter()), own(&mut l.metadata()), l.text.to_owned())).collect();
        assert!(lines.is_sorted_by_key(|l| l.0), "the store is in order");
        lines
    }
}

fn show(screen: &mut Screen, event: LogEvent) {
    match event {
        LogEvent::History { lines, .. } | LogEvent::Lines(lines) => _ = screen.store.insert(lines),
        LogEvent::Tail(TailState::Recovered(n)) => screen.recovered += n,
        LogEvent::Tail(TailState::Dropped(n)) => screen.dropped += n,
        LogEvent::Tail(TailState::Connected) => screen.connections += 1,
        LogEvent::Gap(gap) => panic!("there is no gap: {gap:?}"),
        LogEvent::Tail(_)
        | LogEvent::ReadTo(_)
        | LogEvent::Failed(_)
        | LogEvent::LeftOut { .. }
        | LogEvent::Files(_)
        | LogEvent::Limited(_) => {}
    }
}

/// What a program has printed.
#[derive(Default)]
pub struct Printed {
    pub lines: Vec<Line>,
    pub late: usize,
}

/// `redline logs --follow -o json`.
pub struct Program {
    child: Child,
    printed: Arc<Counted<Printed>>,
}

impl Program {
    pub fn follow(url: &str, query: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_redline"))
            .args(["logs", query, "--follow", "-o", "json", "--since", "2m", "--loki", url])
            .args(more)
            .env_clear()
            .env("HOME", "/nonexistent")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = Arc::new(Counted::<Printed>::default());
        let reading = printed.clone();
        std::thread::spawn(move || {
            let mut newest = 0;
            for line in lines {
                let line: Value = serde_json::from_str(&line.unwrap()).expect("each line is an object");
                let at = line["time"].as_str().unwrap().parse().unwrap();
                let late = line["late"] == true;
                assert_eq!(late, at < newest, "out of order, or late without need: {line}");
                newest = newest.max(at);
                let line = (at, pairs(&line["labels"]), pairs(&line["metadata"]), line["line"].as_str().unwrap().to_owned());
                reading.change(|printed| {
                    printed.lines.push(line);
                    printed.late += usize::from(late);
                });
            }
        });
        Self { child, printed }
    }

    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        self.printed.wait_for("printed", count, |printed| printed.lines.len());
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupt(mut self) -> Printed {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "it ends cleanly");
        std::mem::take(&mut self.printed.held.lock().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
