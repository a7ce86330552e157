//! Uses redline as a user would, all of it: the two walks, every command in every view, by the palette, what is typed and
//! chosen after a command, and what is printed without a screen. What the program can ask comes up by itself; there is no
//! list of it here.

use redline::core::command::{COMMANDS, Command, ViewKind};

use crate::{
    record::Recorder,
    support::{
        Terminal,
        walks::{self, LOOKS},
    },
};

const ESC: &str = "\x1b";
const ENTER: &str = "\r";
/// Families of metrics that a service of the shop has at the most, and one round more.
const FAMILIES: usize = 6;

/// What is used beside each other, each on servers of its own: none waits for what another one asks.
pub const PARTS: [fn(&str, &Recorder); 3] = [logs_and_traces, metrics, all_else];

const OF_LOGS_AND_TRACES: [ViewKind; 3] = [ViewKind::Logs, ViewKind::Traces, ViewKind::Waterfall];
const OF_METRICS: [ViewKind; 2] = [ViewKind::Services, ViewKind::Service];

fn logs_and_traces(config: &str, recorder: &Recorder) {
    let args = ["--config", config];
    walks::latency_to_span(&args, LOOKS[0]).keys("q").ended();
    walks::budget_to_span(&args, LOOKS[0]).keys("q").ended();
    every_command(config, &OF_LOGS_AND_TRACES, recorder);
}

fn metrics(config: &str, recorder: &Recorder) {
    every_command(config, &OF_METRICS, recorder);
    service(config, recorder);
}

fn all_else(config: &str, recorder: &Recorder) {
    let views = ViewKind::ALL.into_iter().filter(|v| !OF_LOGS_AND_TRACES.contains(v) && !OF_METRICS.contains(v));
    every_command(config, &views.collect::<Vec<_>>(), recorder);
    query(config, recorder);
    silence(config, recorder);
    without_a_screen(config);
}

fn every_command(config: &str, views: &[ViewKind], recorder: &Recorder) {
    for view in views {
        every_command_of(config, *view, recorder);
    }
}

fn every_command_of(config: &str, view: ViewKind, recorder: &Recorder) {
    let trace = recorder.sent().iter().find_map(|s| s.path.rsplit_once("/traces/").map(|(_, id)| id.to_owned()));
    let mut more = Vec::new();
    if view == ViewKind::Waterfall {
        more.extend(["--trace", trace.as_deref().expect("the walks have opened a trace")]);
    }
    let mut t = open(config, recorder, view, &more);
    for spec in COMMANDS.iter().filter(|s| s.applies(view) && !matches!(s.command, Command::Quit | Command::Suspend)) {
        t.keys(&format!(":{}\r", spec.name));
        recorder.quiet();
        // Back from where it led, or out of what it opened.
        t.keys(ESC);
        recorder.quiet();
    }
    t.signal("TERM");
    t.ended();
}

/// A page of orders, once all that it asks is answered.
fn open(config: &str, recorder: &Recorder, view: ViewKind, more: &[&str]) -> Terminal {
    let args = [&["--config", config, "--view", view.name(), "--service", "orders"], more].concat();
    // Who writes a silence.
    let t = Terminal::start_with(200, 50, &args, &[("USER", "redline")]);
    t.see("redline");
    recorder.quiet();
    t
}

/// Presses these one after the other, each once what the one before led to is answered.
fn press(t: &mut Terminal, recorder: &Recorder, keys: &[&str]) {
    for key in keys {
        t.keys(key);
        recorder.quiet();
    }
}

/// Every family of a service with each period to compare with, as lines and as a heatmap; its breakdown by labels, one of
/// them narrowed to, one left out.
fn service(config: &str, recorder: &Recorder) {
    let mut t = open(config, recorder, ViewKind::Service, &[]);
    t.see("by route");
    for _ in 0..FAMILIES {
        press(&mut t, recorder, &["=", "=", "=", "=", "H", "H"]);
        for label in ["pod", "instance", "status", "method"] {
            press(&mut t, recorder, &["b", label, ENTER]);
        }
        press(&mut t, recorder, &["M"]);
    }
    press(&mut t, recorder, &["b", "status", ENTER, "!", ENTER, ESC]);
    t.signal("TERM");
    t.ended();
}

/// Queries typed with all that is offered for completion, as graph and as table, one the server refuses and one by one of
/// what a graph of each page asks.
fn query(config: &str, recorder: &Recorder) {
    let mut t = open(config, recorder, ViewKind::Query, &[]);
    t.see("PromQL");
    let typed =
        "histogram_quantile(0.9, sum by (le, uri) (rate(http_server_requests_seconds_bucket{application=\"orders\", uri=~\"/.*\"}[5m])))";
    for c in typed.chars() {
        t.keys(c.encode_utf8(&mut [0; 4]));
    }
    press(&mut t, recorder, &[ENTER, "T", "T", "E"]);
    for query in ["up", "sum(rate(", "1 + 1", "topk(3, http_server_requests_seconds_count)", "\"text\"", "absent(nothing)", "up offset 5m"]
    {
        press(&mut t, recorder, &["\x15", query, ENTER, "T", "T", "E"]);
    }
    t.signal("TERM");
    t.ended();
    for view in [ViewKind::Alerts, ViewKind::Services, ViewKind::Service] {
        let mut t = open(config, recorder, view, &[]);
        press(&mut t, recorder, &["E", ENTER, "T", ESC]);
        t.signal("TERM");
        t.ended();
    }
}

/// A silence written, extended, expired and made again.
fn silence(config: &str, recorder: &Recorder) {
    let mut t = open(config, recorder, ViewKind::Alerts, &[]);
    t.see("OrdersPoolSaturated");
    t.select("OrdersPoolSaturated");
    t.keys("s").at("Silence").see("would hit now: 1 of ");
    t.keys("differential").keys(ENTER).see("write this?");
    t.keys("y").see(" is active.");
    press(&mut t, recorder, &["S"]);
    t.at("Silences").see("1 active");
    for (key, asked, done) in [("u", "change ", " is active."), ("X", "expire this", " is expired."), ("u", "again, as ", " is active.")] {
        t.keys(key).see(asked);
        if key == "u" {
            t.keys(ENTER).see("write this?");
        }
        t.keys("y").see(done);
        recorder.quiet();
        if key == "u" {
            t.keys(ESC).at("Silences");
        }
    }
    t.signal("TERM");
    t.ended();
}

fn without_a_screen(config: &str) {
    for report in [&["doctor"][..], &["alerts", "--output", "json"], &["services", "--output", "json"], &["services"]] {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_redline")).args(report).args(["--config", config]).output().unwrap();
        assert!(done.status.code().is_some_and(|c| c < 2), "{report:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
