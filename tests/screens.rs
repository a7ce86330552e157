//! Every page as text and colours, at a small and a large size: `REDLINE_UPDATE=1 cargo test --test screens` writes
//! `tests/screens/`, without the variable what is drawn is compared with it.
//!
//! The core draws what the demo's servers answer to it, asked one after the other at an instant that stands still: no
//! terminal, no waiting, no figure that differs from run to run. A file has the text, then the rows that have other than
//! plain text as letters, one for each style; below them what each letter is in the dark theme and in 16 colours.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Modifier, Style},
};
use redline::{
    app::App,
    clock::Clock,
    core::{
        command::ViewKind,
        msg::{Event, Msg},
        request::{Answer, Request, Response, Subscription},
        scope::Scope,
    },
    demo::{
        rules::{RuleEngine, RuleFile},
        server::{self, DemoStores, Servers},
        world::{Scenario, World},
    },
    logging,
    model::{
        backend::{Backend, Health},
        labels::{LabelNames, MatchOp, Matcher},
        log::{LogEvent, Older, TailState},
        matcher_text,
        silence::Silence,
        time::{TimeWindow, Timestamp},
    },
    runtime::fetch::fetch,
    source::{
        Alertmanager, Loki, Prometheus, Sources, Tempo,
        http::{Endpoint, Observer},
    },
    theme::{self, ColorSupport, Theme},
};
use regex::Regex;
use support::core::shared;
use tokio::sync::mpsc;

/// 2026-11-21T15:03:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_273_380);
const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 50);

struct Held;

impl redline::demo::store::Clock for Held {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// The core, and the demo that answers it.
struct Stage {
    app: App,
    sources: Sources,
    /// What was answered, so that each question is asked once.
    answered: Vec<Subscription>,
    _servers: Servers,
}

impl Stage {
    async fn new() -> Self {
        let clock: Arc<dyn redline::demo::store::Clock> = Arc::new(Held);
        let world = World::new(Scenario::builtin("pool-exhaustion").unwrap(), 1, NOW, clock.clone());
        world.warm_up().unwrap();
        let rules =
            RuleEngine::new(RuleFile::shop().unwrap(), "rules.yml", world.clone(), clock.clone(), NOW - Duration::from_secs(7200)).unwrap();
        let stores = DemoStores { rules: Arc::new(rules), silences: silences(), logs: world.clone(), traces: world };
        let servers = server::serve(stores, clock).await.unwrap();
        let app = App::new(
            shared(&["dark", "light", "terminal"]),
            ViewKind::Alerts,
            Scope::new("demo", TimeWindow::Last(Duration::from_secs(3600))),
            &[],
            NOW,
            LARGE,
        );
        let mut stage = Self { app, sources: sources(&servers), answered: Vec::new(), _servers: servers };
        for (backend, latency) in Backend::ALL.into_iter().zip([12, 8, 21, 9]) {
            stage.send(Event::Health(backend, Health::Up(Duration::from_millis(latency))));
        }
        stage.answer().await;
        stage
    }

    fn send(&mut self, event: Event) {
        self.app.update(Msg { now: NOW, event });
    }

    /// Presses keys: each character is one, `\r` is Enter and `\x1b` Esc.
    async fn keys(&mut self, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '\r' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            };
            self.send(Event::Key(KeyEvent::from(code)));
            self.answer().await;
        }
    }

    /// Answers what is asked until nothing new is, also what is only asked when a page looks around by itself.
    async fn answer(&mut self) {
        self.answer_what_is_asked().await;
        // Time stands still: what would be due for ever is over after some times.
        for _ in 0..4 {
            if self.app.next_wake().is_some_and(|at| at <= NOW) {
                self.send(Event::Wake);
                self.answer_what_is_asked().await;
            }
        }
    }

    async fn answer_what_is_asked(&mut self) {
        loop {
            let wanted = self.app.subscriptions();
            self.answered.retain(|a| wanted.contains(a));
            let Some(need) = wanted.into_iter().find(|w| !self.answered.contains(w)) else { return };
            self.answered.push(need.clone());
            for response in self.ask(&need.request).await {
                let (slot, request) = (need.slot, Arc::new(need.request.clone()));
                self.send(Event::Answer(Box::new(Answer { slot, request, asked: NOW, result: Ok(response) })));
            }
        }
    }

    async fn ask(&self, request: &Request) -> Vec<Response> {
        let (query, window) = match request {
            Request::LogStream { query, window, .. } => (query, window),
            Request::Filter(job) => {
                let mut parts = Vec::new();
                job.run(&|| false, &mut |part| parts.push(Response::Filtered(part)));
                return parts;
            }
            Request::Structure(job) => {
                let (out, mut news) = mpsc::channel(1000);
                redline::runtime::structure::merge(job, &self.sources, out).await.unwrap();
                return std::iter::from_fn(|| news.try_recv().ok()).filter(|news| news.is_done).map(Response::Structure).collect();
            }
            _ => return vec![fetch(request, &self.sources, NOW).await.unwrap()],
        };
        let (events, mut received) = mpsc::channel(64);
        let loki = self.sources.loki.as_ref().unwrap();
        let following = loki.stream(query.clone(), window.range(NOW), false, events);
        // The history alone: what follows would never come to an end in a world that stands still.
        let receiving = async {
            let mut out = Vec::new();
            while let Some(event) = received.recv().await {
                let is_last = matches!(&event, LogEvent::History { older, .. } if *older != Older::Coming);
                out.push(Response::Log(vec![event]));
                if is_last {
                    break;
                }
            }
            out
        };
        let mut out = tokio::select! {
            () = following => panic!("the stream ended before its history did"),
            out = receiving => out,
        };
        let tail = if window.is_live() { TailState::Connected } else { TailState::Off };
        out.push(Response::Log(vec![LogEvent::Tail(tail)]));
        out
    }

    async fn resize(&mut self, size: (u16, u16)) {
        self.send(Event::Resize(size.0, size.1));
        self.answer().await;
    }

    fn drawn(&mut self, size: (u16, u16), theme: Theme) -> Buffer {
        self.app.theme_switched(theme);
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        self.app.render(buf.area, &mut buf);
        buf
    }

    /// Draws the page at any size, also while none of it has been asked for anew.
    fn bears_any_size(&mut self) {
        for size in [(20, 5), (21, 6), (40, 10), (79, 23), (400, 120), (400, 5), (20, 120)] {
            self.send(Event::Resize(size.0, size.1));
            assert_harmless(&self.drawn(size, Theme::default()));
        }
        for size in [(19, 5), (20, 4), (12, 1), (1, 1)] {
            self.send(Event::Resize(size.0, size.1));
            let text = text(&self.drawn(size, Theme::default()));
            assert!(text.starts_with(&format!("{}×{} is too small", size.0, size.1)[..usize::from(size.0).min(4)]), "{text}");
        }
    }

    /// Pastes five kilobytes with control characters into each text field that these keys open.
    async fn bears_pastes(&mut self, fields: &str) {
        self.resize(SMALL).await;
        for field in fields.chars() {
            self.keys(&field.to_string()).await;
            self.send(Event::Paste("spam\u{1b}[2J\r\n\u{202e}\u{9b}5n ".repeat(256)));
            self.answer().await;
            let buf = self.drawn(SMALL, Theme::default());
            assert!(text(&buf).contains("spam"), "{field} opens a field that takes a paste:\n{}", text(&buf));
            assert_harmless(&buf);
            self.keys("\x1b").await;
        }
    }

    /// Compares the page at both sizes with what is kept.
    async fn page(&mut self, name: &str, stale: &mut Vec<String>) {
        // Records of the log carry the time they were made at.
        let clock = regex::Regex::new(r"\d\d:\d\d:\d\d\.\d{3}").unwrap();
        for size in [SMALL, LARGE] {
            self.resize(size).await;
            let dark = self.drawn(size, theme::load("dark", "", &[]).0);
            let sixteen = self.drawn(size, theme::load("dark", "", &[]).0.downgrade(ColorSupport::Ansi16));
            let name = format!("{name}-{}x{}.txt", size.0, size.1);
            let page = written(&dark, &sixteen);
            let page = if name.starts_with("own-log-") { clock.replace_all(&page, "hh:mm:ss.mmm").into_owned() } else { page };
            if !is_kept(&name, &page) {
                stale.push(name);
            }
        }
    }
}

fn text(buf: &Buffer) -> String {
    let rows = buf.content().chunks(usize::from(buf.area.width));
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>() + "\n").collect()
}

#[track_caller]
fn assert_harmless(buf: &Buffer) {
    let harmful = buf.content().iter().find(|c| c.symbol().chars().any(redline::ui::text::is_harmful));
    assert_eq!(harmful, None, "{}", text(buf));
}

fn sources(servers: &Servers) -> Sources {
    let observer: Observer = Arc::new(|_, _| ());
    // A busy machine is no failure.
    let patience = Duration::from_secs(240);
    let endpoint =
        |backend, base: &url::Url| Endpoint { timeout: patience, clock: Clock::from_fn(|| NOW), ..Endpoint::new(backend, base.clone()) };
    Sources {
        prometheus: Some(Prometheus::new(endpoint(Backend::Prometheus, &servers.prometheus), observer.clone()).unwrap()),
        alertmanager: Some(Alertmanager::new(endpoint(Backend::Alertmanager, &servers.alertmanager), observer.clone()).unwrap().into()),
        loki: Some(Loki::new(endpoint(Backend::Loki, &servers.loki), observer.clone()).unwrap()),
        tempo: Some(Tempo::new(endpoint(Backend::Tempo, &servers.tempo), observer).unwrap()),
        labels: LabelNames::default(),
        severities: redline::model::alert::Severities::default(),
        ..Sources::default()
    }
}

/// A screen as text and letters for its styles, which are pairs: in the dark theme and in 16 colours.
fn written(dark: &Buffer, sixteen: &Buffer) -> String {
    let width = usize::from(dark.area.width);
    let mut letters: BTreeMap<(String, String), char> = BTreeMap::new();
    let (mut out, mut map) = (String::new(), String::new());
    for (n, (row, other)) in dark.content().chunks(width).zip(sixteen.content().chunks(width)).enumerate() {
        let text: String = row.iter().map(Cell::symbol).collect();
        assert_eq!(text, other.iter().map(Cell::symbol).collect::<String>(), "the same text in all colours");
        let _ = writeln!(out, "{}", text.trim_end());
        let mut styles = String::new();
        for (a, b) in row.iter().zip(other) {
            let style = (name(a), name(b));
            let next = ('a'..='z').chain('A'..='Z').nth(letters.len()).unwrap();
            styles.push(if style.0.is_empty() && style.1.is_empty() { ' ' } else { *letters.entry(style).or_insert(next) });
        }
        if !styles.trim().is_empty() {
            let _ = writeln!(map, "{:2} {}", n + 1, styles.trim_end());
        }
    }
    let _ = write!(out, "\n{map}\nletter: dark, 16 colours\n");
    let legend: BTreeSet<(char, (String, String))> = letters.into_iter().map(|(style, letter)| (letter, style)).collect();
    for (letter, (dark, sixteen)) in legend {
        let _ = writeln!(out, "{letter}: {dark}, {sixteen}");
    }
    out
}

/// What is to be seen of a cell's style: nothing of the colour of what is blank, nor of the sides of a pane.
fn name(cell: &Cell) -> String {
    let Style { fg, bg, add_modifier, .. } = cell.style();
    let blank = matches!(cell.symbol(), " " | "│") && !add_modifier.contains(Modifier::REVERSED);
    let color = |c: Option<ratatui::style::Color>| c.map(|c| c.to_string()).filter(|c| c != "Reset");
    let mut parts: Vec<String> = color(fg).filter(|_| !blank).into_iter().collect();
    parts.extend(color(bg).map(|c| format!("on {c}")));
    if !blank {
        parts.extend(add_modifier.iter_names().map(|(name, _)| name.to_lowercase()));
    }
    parts.join(" ")
}

/// Whether a page is what is kept; writes it when that is asked for. What differs is printed.
fn is_kept(name: &str, page: &str) -> bool {
    // The demo's Prometheus listens elsewhere in each run, and the link to an alert's rule leads there.
    let page = Regex::new(r"127\.0\.0\.1:\d{5}").unwrap().replace_all(page, "127.0.0.1:00000");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(name);
    if std::env::var_os("REDLINE_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &*page).unwrap();
        return true;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (n, (kept, now)) in kept.lines().zip(page.lines()).enumerate().filter(|(_, (a, b))| a != b).take(3) {
        println!("{name} line {}:\n  kept {kept}\n  now  {now}", n + 1);
    }
    kept == *page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_as_it_was_looked_at_and_bears_any_size_and_paste() {
    let mut stage = Stage::new().await;
    let mut stale = Vec::new();
    // A page, the keys that lead to it from the one before, and the keys that open its text fields.
    for (name, keys, fields) in [
        ("alerts", "", "/:t"),
        ("alert-details", "\t", ""),
        ("help", "\t\t?", ""),
        ("palette", "\x1b:", ""),
        ("time-picker", "\x1bt", ""),
        ("silences", "\x1bS", "/"),
        ("silence", "\x1bs", ""),
        ("silence-review", "pool exhausted, fix is rolling out\r", ""),
        ("services", "\x1b\x1b2", "/"),
        ("service", "\x1b\r", "/"),
        ("service-duration", "\t\t\tv", ""),
        ("service-heatmap", "vH", ""),
        ("query", "H:query\rsum by (uri) (rate(http_server_requests_seconds_count{application=\"orders\"}[5m]))\r", ""),
        ("query-table", "Atopk(3, http_server_requests_seconds_count)\rT", "/E"),
        ("logs", "\x1b\t3", "/E"),
        ("logs-patterns", "P", ""),
        ("logs-exceptions", "X", "/"),
        ("logs-detail", "X/timeout acquiring\rgg\t", ""),
        ("logs-context", "\tc", ""),
        ("logs-conditions", "\x1bApool=orders\r", "A"),
        ("waterfall", "\x1bgg\r", "/"),
        ("compare", "x", ""),
        ("traces", "\x1b\x1b\x1b4", "/E"),
        ("structure", "T", ""),
        ("infra", "\x1b6", "/"),
    ] {
        stage.keys(keys).await;
        stage.page(name, &mut stale).await;
        stage.bears_any_size();
        stage.bears_pastes(fields).await;
    }
    own_log();
    stage.keys("\x1b:log\r").await;
    stage.page("own-log", &mut stale).await;
    assert!(stale.is_empty(), "other than kept: {stale:?}; REDLINE_UPDATE=1 cargo test --test screens keeps them: look at the difference");
}

/// Silences that touch no alert now: one that is to come, one that is over.
fn silences() -> Vec<Silence> {
    let hour = Duration::from_secs(3600);
    let silence = |id: &str, text: &str, starts_at: Timestamp, comment: &str| Silence {
        id: format!("7d8e2f3a-0000-4000-8000-00000000000{id}"),
        matchers: vec![matcher_text::parse(text).unwrap(), Matcher::new("severity", MatchOp::NotEqual, "page")],
        starts_at,
        ends_at: starts_at + 2 * hour,
        updated_at: NOW - 4 * hour,
        created_by: "ana".to_owned(),
        comment: comment.to_owned(),
        ..Silence::default()
    };
    vec![
        silence("1", "alertname=~\"Web.*\"", NOW + hour, "release of web"),
        silence("2", "service=\"mailer\"", NOW - 3 * hour, "provider is down, they know"),
    ]
}

/// A few records of redline's own log.
fn own_log() {
    logging::init(None).unwrap();
    tracing::info!(target: "redline::http", "prometheus GET /api/v1/query_range 200 12ms 3412B attempt 1");
    tracing::warn!(target: "redline::http", "loki GET /loki/api/v1/query_range 429 8ms 25B attempt 1, again in 2 s");
    tracing::error!(target: "redline::http", "tempo GET /api/search connect to 127.0.0.1:3200 refused");
    logging::drain();
}
