//! Figures of the program itself, in a pseudo-terminal of 200×50: `cargo bench --bench terminal [-- PART …]`. Prints,
//! asserts nothing. `REDLINE_BIN` names another program than the one built beside it: the release's, the static one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use prost::Message as _;
use support::{
    busy, figure, lines, memory, millis, percentile,
    pty::{Terminal, program},
    servers,
    spans::{TRACE, answer},
    wanted,
};

fn main() {
    for (part, measure) in [
        ("start", start as fn()),
        ("keys", keys),
        ("idle", idle),
        ("memory", dashboard_and_lines),
        ("trace", trace),
        ("services", services),
        ("size", size),
    ] {
        if wanted(part) {
            measure();
        }
    }
}

/// A configuration file of the benchmark's own, gone with the benchmark.
fn config(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

fn section(backend: &str, address: SocketAddr) -> String {
    format!("[environments.bench.{backend}]\nurl = \"http://{address}\"\n")
}

/// From the start of the process to the end of its first frame.
fn start() {
    const RUNS: usize = 200;
    let (address, stop) = servers::silent();
    let backends = ["prometheus", "alertmanager", "loki", "tempo"].map(|b| section(b, address)).concat();
    let config = config(&backends);
    let args = ["--config", config.path().to_str().unwrap()];
    let start = || {
        let mut terminal = Terminal::start(&args);
        let drawn = terminal.frame(Duration::from_secs(30)).expect("a first frame");
        millis(drawn - terminal.started)
    };
    // The disk's time, where the system has forgotten the program's file meanwhile.
    figure("process start to first frame, the first time", start(), "ms").note();
    let mut took: Vec<f64> = (0..RUNS).map(|_| start()).collect();
    let early = (0..10).filter(|_| {
        let mut terminal = Terminal::start(&args);
        stop.store(i32::try_from(terminal.pid()).unwrap(), Ordering::SeqCst);
        terminal.frame(Duration::from_secs(2)).is_none()
    });
    let early = early.count();
    figure("process start to first frame, median of 200", percentile(&mut took, 0.5), "ms").at_most(10.0);
    figure("process start to first frame, p99 of 200", percentile(&mut took, 0.99), "ms").at_most(10.0);
    figure("starts that connect to a backend before the first frame", early as f64, "of 10").at_most(0.0);
}

/// From a key to the frame that shows what it did, while lines stream in.
fn keys() {
    const KEYS: usize = 500;
    let config = config(&format!("[limits]\nlog_buffer_mib = 1024\n{}", section("loki", servers::loki(u64::MAX))));
    let mut terminal = Terminal::start(&["--config", config.path().to_str().unwrap(), "--view", "logs", "--query", "{app=~\".+\"}"]);
    terminal.see("lines", |screen| screen.contains("order created"));
    terminal.watch(Duration::from_secs(3));
    // Away from the newest line, which moves on its own.
    for _ in 0..20 {
        terminal.press("k", Terminal::selected);
    }
    let (before, begin) = (busy(terminal.pid()), Instant::now());
    let mut took = presses(&mut terminal, KEYS, ["k", "j"], Terminal::selected);
    let cpu = (busy(terminal.pid()) - before).as_secs_f64() / begin.elapsed().as_secs_f64();
    figure("key to its frame while 20,000 lines/s stream in, p99 of 500", percentile(&mut took, 0.99), "ms").at_most(8.0);
    figure("  median", percentile(&mut took, 0.5), "ms").note();
    figure("  the longest", percentile(&mut took, 1.0), "ms").note();
    figure("  of a core, meanwhile", cpu * 100.0, "%").note();
    figure("  resident", memory(terminal.pid(), "VmRSS"), "MB").note();
}

/// Ten times one key, ten times the other. Says how long it took until each was seen, in milliseconds.
fn presses<T: PartialEq>(terminal: &mut Terminal, count: usize, keys: [&str; 2], shows: impl Fn(&Terminal) -> T) -> Vec<f64> {
    let mut took = Vec::new();
    for i in 0..count {
        took.push(millis(terminal.press(keys[i / 10 % 2], &shows)));
        // As a held key repeats, at no fixed distance to the frames and to the messages of the tail.
        terminal.watch(Duration::from_micros(15_000 + i as u64 * 7919 % 20_000));
    }
    took
}

/// `redline demo --serve` in a process of its own: the servers of a living shop.
struct Shop {
    child: Child,
    config: String,
}

impl Shop {
    fn open(args: &[&str]) -> Self {
        let mut child =
            Command::new(program()).args(["demo", "--serve"]).args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut config = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while config.matches("url = ").count() < 4 {
            config.push_str(&lines.next().expect("the addresses of the shop").unwrap());
            config.push('\n');
        }
        Self { child, config }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a service's page costs when nobody touches it.
fn idle() {
    const LONG: Duration = Duration::from_secs(60);
    let shop = Shop::open(&[]);
    let config = config(&format!("{}\n[refresh]\npanels = \"5s\"\n", shop.config));
    let path = config.path().to_str().unwrap();
    let mut terminal = Terminal::start(&["--config", path, "--service", "orders"]);
    terminal.see("the page", |screen| screen.contains("p95"));
    terminal.watch(Duration::from_secs(15));
    let before = busy(terminal.pid());
    let bytes = terminal.watch(LONG);
    let cpu = busy(terminal.pid()) - before;
    figure("idle, live page of a service at 5 s: of a core", cpu.as_secs_f64() / LONG.as_secs_f64() * 100.0, "%").at_most(0.3);
    figure("idle, live page of a service at 5 s: bytes to the terminal a second", bytes as f64 / LONG.as_secs_f64(), "B/s").at_most(1000.0);
    drop(terminal);
    let mut terminal = Terminal::start(&["--config", path, "--service", "orders", "--from", "now-40m", "--to", "now-10m"]);
    terminal.see("the page", |screen| screen.contains("p95"));
    terminal.watch(Duration::from_secs(35));
    figure("idle, nothing changes: bytes to the terminal in 30 s", terminal.watch(Duration::from_secs(30)) as f64, "B").at_most(0.0);
}

/// A service's page, and on it the logs: 100,000 lines.
fn dashboard_and_lines() {
    const LINES: u64 = 100_000;
    let shop = Shop::open(&[]);
    let loki = servers::loki(u64::MAX);
    let at = shop.config.find("[environments.demo.loki]").unwrap();
    let end = shop.config[at..].find("\n\n").map_or(shop.config.len(), |n| at + n);
    let text = format!("{}[environments.demo.loki]\nurl = \"http://{loki}\"\n{}", &shop.config[..at], &shop.config[end..]);
    let config = config(&text);
    let mut terminal = Terminal::start(&["--config", config.path().to_str().unwrap(), "--service", "orders"]);
    terminal.see("the page", |screen| screen.contains("p95"));
    terminal.watch(Duration::from_secs(5));
    figure("  resident: the page of a service", memory(terminal.pid(), "VmRSS"), "MB").note();
    terminal.type_keys("3");
    terminal.see("lines", |screen| screen.contains("order created"));
    let raw: usize = (0..1000).map(|n| lines::text(n).len()).sum::<usize>() / 1000;
    terminal.watch(Duration::from_nanos(LINES * lines::EVERY.unsigned_abs()));
    figure("page of a service + 100,000 lines: resident", memory(terminal.pid(), "VmRSS"), "MB").at_most(80.0);
    figure("  raw bytes of 100,000 lines", raw as f64 * LINES as f64 / f64::from(1 << 20), "MB").note();
    println!("        {}", terminal.text().lines().last().unwrap_or_default().trim());
}

/// A trace of 100,000 spans.
fn trace() {
    const SPANS: usize = 100_000;
    let body = answer(SPANS).encode_to_vec();
    let size = body.len();
    let (address, answered) = servers::tempo(body);
    let config = config(&section("tempo", address));
    let mut terminal = Terminal::start(&["--config", config.path().to_str().unwrap(), "--trace", TRACE]);
    let drawn = terminal.see("the waterfall", |screen| screen.contains("GET /step"));
    let answered = answered.lock().unwrap().expect("the trace was asked for");
    figure("trace of 100,000 spans: answer arrived to waterfall drawn", millis(drawn - answered), "ms").at_most(500.0);
    figure("  bytes of the answer", size as f64 / f64::from(1 << 20), "MB").note();
    figure("  processor time so far", millis(busy(terminal.pid())), "ms").note();
    terminal.quiet(Duration::from_secs(2));
    figure("trace of 100,000 spans: resident", memory(terminal.pid(), "VmRSS"), "MB").at_most(150.0);
    figure("trace of 100,000 spans: resident at its most", memory(terminal.pid(), "VmHWM"), "MB").at_most(150.0);
    let mut took = presses(&mut terminal, 200, ["j", "k"], Terminal::selected);
    figure("trace of 100,000 spans: a key, p99 of 200", percentile(&mut took, 0.99), "ms").at_most(8.0);
    figure("  median", percentile(&mut took, 0.5), "ms").note();
}

/// Rate, errors and duration of 1,000 services of six families.
fn services() {
    const LONG: Duration = Duration::from_secs(40);
    let (address, asked) = servers::prometheus(1000);
    let config = config(&format!("[refresh]\npanels = \"2s\"\nsecondary = \"2s\"\n{}", section("prometheus", address)));
    let mut terminal = Terminal::start(&["--config", config.path().to_str().unwrap(), "--view", "services"]);
    let listed = terminal.see("services", |screen| screen.contains("-service-"));
    figure("RED of 1,000 services of six families: process start to the list", millis(listed - terminal.started), "ms").note();
    terminal.watch(Duration::from_secs(5));
    let told = || [&asked.queries, &asked.ranges, &asked.bytes].map(|n| n.load(Ordering::Relaxed) as f64);
    let (before, cpu) = (told(), busy(terminal.pid()));
    terminal.watch(LONG);
    let cpu = busy(terminal.pid()) - cpu;
    let [queries, ranges, bytes] = [0, 1, 2].map(|i| told()[i] - before[i]);
    // Each refresh asks three of them.
    let refreshes = ranges / 3.0;
    figure("  queries a refresh", queries / refreshes, "").at_most(8.0);
    figure("  bytes a refresh", bytes / refreshes / 1024.0, "KB").note();
    figure("  processor time a refresh, trends included", millis(cpu) / refreshes, "ms").at_most(20.0);
    // By name, so that no refresh brings the selected row to an end, where a key does nothing; and away from the first row.
    terminal.type_keys("OOOO");
    terminal.see("the order", |screen| screen.contains("by name"));
    terminal.type_keys("jjjjjjjjjj");
    terminal.quiet(Duration::from_millis(200));
    let mut took = presses(&mut terminal, 200, ["j", "k"], Terminal::selected_name);
    figure("  a key, p99 of 200", percentile(&mut took, 0.99), "ms").at_most(8.0);
    let mut took = presses(&mut terminal, 40, ["O", "O"], Terminal::order_and_place);
    figure("  another order, the longest of 40", percentile(&mut took, 1.0), "ms").at_most(8.0);
    figure("  resident", memory(terminal.pid(), "VmRSS"), "MB").note();
}

/// The program on disk, and whether it needs anything beside it.
fn size() {
    let bytes = fs::read(program()).unwrap();
    let needs_loader = bytes.windows(11).any(|w| w == b"/ld-linux-x" || w == b"/ld-musl-x8");
    figure("size of the program", bytes.len() as f64 / f64::from(1 << 20), "MB").at_most(12.0);
    figure("  shared libraries it needs (1: yes)", f64::from(u8::from(needs_loader)), "").at_most(0.0);
}
