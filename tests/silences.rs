//! A silence by keys on the embedded demo: written, seen on the alert, extended, expired, made again; and an Alertmanager
//! that takes a write and answers never, or too late.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use support::Terminal;

const ENTER: &str = "\r";
const ESC: &str = "\x1b";
const TAB: &str = "\t";

/// The id that follows a word.
fn id(screen: &str, before: &str) -> String {
    let after = |(at, word): (usize, &str)| screen[at + word.len()..].split_whitespace().next().filter(|w| w.len() == 36);
    screen.match_indices(before).find_map(after).unwrap().to_owned()
}

/// The form on `OrdersPoolSaturated`, its comment typed, up to the question.
fn ask(t: &mut Terminal, comment: &str) {
    t.see("OrdersPoolSaturated");
    t.select("OrdersPoolSaturated");
    t.keys("s").at("Silence").see("would hit now: 1 of ");
    t.keys(comment).see(comment);
    t.keys(ENTER).see("It hits 1 of ");
}

#[test]
fn an_alert_is_silenced_extended_expired_and_silenced_again_by_keys() {
    for (columns, rows) in [(200, 50), (80, 24)] {
        let mut t = Terminal::start_with(columns, rows, &["demo", "--seed", "1"], &[("USER", "ana")]);
        ask(&mut t, "known, being fixed");
        t.keys("y");
        let screen = t.see(" is active.");
        let first = id(&screen, "Silence ");
        t.see("silences  1 alert");
        t.keys(ESC).at("Alerts");
        t.wait("the alert to be silenced", |s| s.lines().any(|l| l.contains("OrdersPoolSaturated") && l.contains("silenced")));
        t.keys("S").at("Silences").see("1 active, 0 pending, 0 expired");
        t.see(&first);
        t.keys("u").see("it ends ");
        t.keys(ENTER).see("write this?");
        t.keys("y");
        assert_eq!(id(&t.see(" is active."), "Silence "), first, "what goes on longer is the same one");
        t.keys(ESC).at("Silences");
        t.keys("X").see("It silences 1 alert: 1 will notify again.");
        t.keys(ESC).gone("will notify again");
        t.keys("X").see("expire this silence?");
        t.keys("y").see(&format!("Silence {first} is expired."));
        t.see("0 active, 0 pending, 1 expired");
        t.keys("u").see(&format!("again, as {first}"));
        t.keys(ENTER).see("write this?");
        t.keys("y");
        assert_ne!(id(&t.see(" is active."), "Silence "), first);
        t.keys(ESC).at("Silences").see("1 active, 0 pending, 1 expired");
        t.keys("q").ended();
    }
}

#[test]
fn the_form_edits_every_operator_and_keeps_what_was_typed() {
    let mut t = Terminal::start_with(200, 50, &["demo", "--seed", "1"], &[("LOGNAME", "bob")]);
    t.see("OrdersPoolSaturated");
    t.select("OrdersPoolSaturated");
    t.keys("s").at("Silence").see("by       bob");
    // Around to the first matcher, whose name goes to all of them and back.
    t.keys(TAB).keys(TAB).keys("\x0f").see("alertname!=\"OrdersPoolSaturated\"");
    t.see("It hits no alert now.");
    t.keys("\x0f").see("alertname=~\"OrdersPoolSaturated\"");
    t.keys("\x15alertname=~\"Orders.*\"").see("alertname=~\"Orders.*\"");
    t.keys("\x10").see("in 4h");
    t.keys(ESC).at("Alerts").see("the draft is kept");
    t.keys("s").at("Silence").see("alertname=~\"Orders.*\"");
    t.resize(30, 8);
    t.see("Nothing is lost");
    t.resize(80, 24);
    t.see("alertname=~\"Orders.*\"");
    t.keys(ENTER).see("a comment is required: say why");
    t.keys("\x1b[200~pasted\nwords\x1b[201~").see("pasted words");
    t.keys(ENTER).see("write this?");
    t.keys(ESC).gone("write this?");
    t.keys("\x03").ended();
}

#[test]
fn read_only_has_no_silences_and_says_why() {
    let mut t = Terminal::start(120, 34, &["demo", "--seed", "1", "--read-only"]);
    t.see("OrdersPoolSaturated");
    for key in ["s", "S"] {
        t.keys(key).see("--read-only: it offers nothing that writes");
        t.keys("j").gone("--read-only");
    }
    assert!(!t.text().contains("s silence"));
    t.keys("?").see("keys of Alerts");
    assert!(!t.text().contains("All silences"));
    t.keys("q").keys("q").ended();
}

/// The demo's servers in a process of their own.
struct Servers {
    child: Child,
    config: String,
    alertmanager: String,
}

impl Servers {
    fn start() -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_redline")).args(["demo", "--serve", "--seed", "1"]).stdout(Stdio::piped()).spawn().unwrap();
        let (mut config, mut alertmanager, mut urls, mut section) = (String::new(), String::new(), 0, String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            config.push_str(&line);
            config.push('\n');
            if line.starts_with('[') {
                section.clone_from(&line);
            } else if let Some(url) = line.strip_prefix("url = ") {
                urls += 1;
                if section.contains("alertmanager") {
                    alertmanager = url.trim_matches('"').trim_end_matches('/').to_owned();
                }
            }
            if urls == 4 {
                break;
            }
        }
        Self { child, config, alertmanager }
    }

    /// All silences, as the server tells them.
    fn silences(&self) -> Vec<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = redline::source::http::plain().no_proxy().build().unwrap();
        let url = format!("{}/api/v2/silences", self.alertmanager);
        let text = runtime.block_on(async { client.get(url).send().await?.text().await }).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What becomes of a POST on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// It comes through, its answer does not.
    AnswerLost,
    /// It does not come through the first time: the connection is cut.
    CutOnce,
}

/// A proxy before Alertmanager that does this to each POST; returns its address and how many there were.
fn proxy(upstream: &str, way: Way) -> (String, Arc<AtomicUsize>) {
    let upstream = upstream.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = posts.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (upstream, posts) = (upstream.clone(), counted.clone());
            std::thread::spawn(move || forward(client, &upstream, way, &posts));
        }
    });
    (url, posts)
}

/// One request; the connection is not kept.
fn forward(mut client: TcpStream, upstream: &str, way: Way, posts: &AtomicUsize) -> Option<()> {
    let request = read_request(&mut client)?;
    let is_post = request.starts_with(b"POST");
    let nth = if is_post { posts.fetch_add(1, Ordering::Relaxed) } else { 0 };
    if is_post && way == Way::CutOnce && nth == 0 {
        return None;
    }
    let mut server = TcpStream::connect(upstream).ok()?;
    server.write_all(&request).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    if is_post && way == Way::AnswerLost {
        // Until the client gives up.
        let _ = client.read(&mut [0; 1]);
        return None;
    }
    client.write_all(&answer).ok()
}

/// A request with its body, made one after which the server closes.
fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_lowercase();
        if let Some(n) = lower.strip_prefix("content-length:") {
            length = n.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some([format!("{head}connection: close\r\n\r\n").into_bytes(), body].concat())
}

fn through(servers: &Servers, way: Way) -> (Terminal, Arc<AtomicUsize>, tempfile::TempDir) {
    let (url, posts) = proxy(&servers.alertmanager, way);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    // Alertmanager by the proxy, and soon given up.
    let config = servers.config.replace(&format!("url = \"{}/\"", servers.alertmanager), &format!("url = \"{url}\"\ntimeout = \"2s\""));
    assert!(config.contains(&url), "{config}");
    std::fs::write(&path, format!("{config}\n[silences]\nauthor = \"carol\"\n")).unwrap();
    (Terminal::start(160, 40, &["--config", path.to_str().unwrap()]), posts, dir)
}

#[test]
fn a_write_whose_answer_never_comes_is_found_and_is_one_silence() {
    let servers = Servers::start();
    let (mut t, posts, _dir) = through(&servers, Way::AnswerLost);
    ask(&mut t, "answer lost");
    t.keys("y").see("The answer was lost; it was looked up on the server.");
    let screen = t.see(" is active.");
    let silences = servers.silences();
    assert_eq!((silences.len(), posts.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(silences[0]["id"].as_str(), Some(id(&screen, "Silence ").as_str()));
    assert_eq!((&silences[0]["createdBy"], &silences[0]["comment"]), (&Value::from("carol"), &Value::from("answer lost")));
    t.keys("q").ended();
}

#[test]
fn a_write_that_got_lost_is_looked_for_and_offered_again() {
    let servers = Servers::start();
    let (mut t, posts, _dir) = through(&servers, Way::CutOnce);
    ask(&mut t, "cut off");
    t.keys("y").see("No answer came, and the silence is not on the server.");
    assert_eq!((servers.silences().len(), posts.load(Ordering::Relaxed)), (0, 1), "it is not sent again by itself");
    t.keys("y").see(" is active.");
    assert_eq!((servers.silences().len(), posts.load(Ordering::Relaxed)), (1, 2));
    t.keys("q").ended();
}
