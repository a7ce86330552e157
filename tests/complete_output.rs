//! `redline logs`: every line once, in order, for a reader that may be slow or go, and what its exit code tells.

#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The demo's servers in a process of their own.
struct Demo {
    child: Child,
    loki: String,
}

impl Demo {
    fn start() -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_redline")).args(["demo", "--serve", "--seed", "1"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| line == "[environments.demo.loki]").unwrap();
        let loki = lines.next().unwrap().trim_start_matches("url = ").trim_matches('"').to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, loki }
    }

    fn logs(&self, args: &[&str]) -> Command {
        logs(&[&["--loki", &self.loki], args].concat())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn logs(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redline"));
    command.arg("logs").args(args).env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn wrong_usage_is_2_and_no_answer_3() {
    let demo = Demo::start();
    for (args, code, words) in [
        (&[][..], 2, "Give LOGQL, such as"),
        (&["{app="], 2, "Correct the query"),
        (&["{app=\"x\"}", "--eager"], 2, "--follow"),
        (&["{app=\"x\"}", "--service", "web"], 2, "leave them out"),
        (&["--query", "{app=\"x\"}", "--label", "pod=a"], 2, "leave them out"),
        (&["{app=\"x\"}", "--follow", "--from", "10:00", "--to", "10:01"], 2, "leave out one of them"),
    ] {
        let output = demo.logs(args).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    for args in [&["{app=\"x\"}"][..], &["{app=\"x\"}", "--follow"], &["--service", "orders"]] {
        let output = logs(&[&["--loki", "http://127.0.0.1:1"], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", said(&output));
        assert!(said(&output).contains("Check the address"), "{args:?}: {}", said(&output));
    }
    let nothing = demo.logs(&["{service_name=\"orders\"} |= \"never written\"", "--since", "1m"]).output().unwrap();
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(0), 0));
    assert!(said(&nothing).contains("no lines for"), "{}", said(&nothing));
}

#[test]
fn the_lines_of_a_service_are_printed_once_in_order_however_slowly_they_are_taken() {
    let demo = Demo::start();
    let now = chrono::Utc::now();
    let [from, to] = [now - chrono::TimeDelta::minutes(2), now].map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let args = ["--service", "orders", "--from", &from, "--to", &to, "-o", "json"];
    let mut slow = demo.logs(&args).spawn().unwrap();
    let whole = demo.logs(&args).output().unwrap();
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    let lines: Vec<Value> = whole.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let times: Vec<i64> = lines.iter().map(|line| line["time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(lines.len() > 5000 && times.is_sorted(), "{}", lines.len());
    assert!(lines.iter().all(|line| line["labels"]["service_name"] == "orders" && line.get("late").is_none()));
    // It has waited with its first lines all this time.
    let mut taken = Vec::new();
    slow.stdout.take().unwrap().read_to_end(&mut taken).unwrap();
    assert!(slow.wait().unwrap().success());
    assert!(taken == whole.stdout, "what is taken slowly is the same");
    let text = demo.logs(&args[..6]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains(" INFO  orders-"), "{:?}", text.lines().next());
}

#[test]
fn it_ends_cleanly_when_its_reader_goes_and_when_it_is_interrupted() {
    let demo = Demo::start();
    let follow = ["{service_name=~\".+\"}", "--since", "1m", "--follow"];
    for more in [&[][..], &["--eager"]] {
        let mut child = demo.logs(&[&follow[..], more].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()), "the reader has gone after {line:?}");

        let mut child = demo.logs(&[&follow[..], more].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next().unwrap().unwrap();
        assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap().success());
        assert!(lines.all(|line| line.is_ok()));
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    }
    // Where no line comes, writing does not tell that the reader has gone.
    let mut child = demo.logs(&["{service_name=\"nobody\"}", "--follow"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_full_disk_ends_it_with_its_name() {
    let demo = Demo::start();
    for more in [&[][..], &["--follow"], &["--follow", "--eager"]] {
        // More answers than may wait for the writer.
        let args = [&["{service_name=~\".+\"}", "--since", "10m", "--yes"][..], more].concat();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = demo.logs(&args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{more:?}: {}", said(&output));
        assert!(said(&output).contains("standard output: No space left on device"), "{more:?}: {}", said(&output));
    }
}
