//! Each backend down, hanging, refusing and lying: its own pane says so, the rest works, and it comes back by itself.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use support::{
    Terminal,
    fault::{Fault, FaultyBackend},
};

/// The demo's servers in a process of their own.
struct Servers {
    child: Child,
    urls: BTreeMap<String, String>,
}

impl Servers {
    fn start() -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_redline")).args(["demo", "--serve", "--seed", "1"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut urls = BTreeMap::new();
        let mut backend = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(section) = line.strip_prefix("[environments.demo.") {
                backend = section.trim_end_matches(']').to_owned();
            } else if let Some(url) = line.strip_prefix("url = ") {
                urls.insert(backend.clone(), url.trim_matches('"').to_owned());
            }
            if urls.len() == 4 {
                break;
            }
        }
        Self { child, urls }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A backend, the view that lives by it, what that view shows when all is well, and how its health is called.
const VIEWS: [(&str, &[&str], &str); 4] = [
    ("prometheus", &["--view", "services"], "checkout"),
    ("alertmanager", &["--view", "alerts"], "OrdersLatencyHigh"),
    ("loki", &["--view", "logs", "--service", "orders"], "orders"),
    ("tempo", &["--view", "traces", "--service", "checkout"], "/checkout"),
];

/// A fault, what its pane says of it, and what the header says of the backend: nothing where only the question is at fault.
const FAULTS: [(Fault, &str, Option<&str>); 7] = [
    (Fault::Down, "was lost", Some("down")),
    (Fault::Status(500), "answered 500", Some("down")),
    (Fault::Status(429), "answered 429", Some("limits us")),
    (Fault::Html, "is HTML, not JSON", Some("down")),
    (Fault::HalfJson, "was lost", Some("down")),
    (Fault::Huge, "is larger than", None),
    (Fault::Hang, "within 2s", Some("down")),
];

#[test]
fn a_backend_that_fails_takes_only_its_own_panes_and_comes_back() {
    let servers = Servers::start();
    std::thread::scope(|scope| {
        for (backend, view, well) in VIEWS {
            let urls = &servers.urls;
            scope.spawn(move || fails_and_comes_back(urls, backend, view, well));
        }
    });
}

fn fails_and_comes_back(urls: &BTreeMap<String, String>, backend: &str, view: &[&str], well: &str) {
    let proxy = FaultyBackend::new(&urls[backend], Fault::None);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    let mut text = String::from("default_environment = \"test\"\n");
    for (name, url) in urls {
        // The others may take their time on a busy machine.
        let (url, timeout) = if name == backend { (&proxy.url, "2s") } else { (url, "60s") };
        text.push_str(&format!("[environments.test.{name}]\nurl = \"{url}\"\ntimeout = \"{timeout}\"\n"));
    }
    std::fs::write(&config, text).unwrap();
    let mut args = vec!["--config", config.to_str().unwrap()];
    args.extend(view);
    // Wide, so that all of what failed has room in the title.
    let mut t = Terminal::start(300, 50, &args);
    t.see(well);
    for (fault, says, health) in FAULTS {
        proxy.set(fault);
        t.keys("R");
        let in_header = |s: &str, what: &str| s.lines().nth(1).is_some_and(|l| l.contains(&format!("{backend} {what}")));
        let is_told = |s: &str| s.contains(says) && health.is_none_or(|h| in_header(s, h));
        let screen = t.wait(&format!("{backend} with {fault:?} to say {says} {health:?}"), is_told);
        if health.is_none() {
            assert!(!in_header(&screen, "down") && !in_header(&screen, "limits"), "{fault:?} is no outage of {backend}:\n{screen}");
        }
        for other in urls.keys().filter(|name| *name != backend) {
            let touched = screen.contains(&format!("{other} down")) || screen.contains(&format!("{other} limits"));
            assert!(!touched, "{fault:?} of {backend} must not touch {other}:\n{screen}");
        }
        proxy.set(Fault::None);
        t.wait(&format!("{backend} to recover from {fault:?}"), |s| {
            s.contains(well) && !s.contains(says) && !in_header(s, "down") && !in_header(s, "limits")
        });
    }
    t.keys("q").ended();
}

#[test]
fn a_trace_that_does_not_exist_says_so_and_what_may_be_wrong() {
    let t = Terminal::start(120, 34, &["demo", "--seed", "1", "--trace", "0123456789abcdef0123456789abcdef"]);
    t.wait("the advice", |s| s.contains("retention"));
}

#[test]
fn a_window_without_data_says_so() {
    let t = Terminal::start(
        120,
        34,
        &["demo", "--seed", "1", "--view", "logs", "--service", "orders", "--from", "2001-01-01T00:00:00Z", "--to", "2001-01-01T01:00:00Z"],
    );
    t.see("No lines");
}
