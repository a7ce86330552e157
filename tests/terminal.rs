//! The terminal is left as it was found, whatever happens, and any size and any input is borne.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;

use support::Terminal;

/// The modes of a terminal that was given back.
const NONE: [&str; 0] = [];

fn demo(columns: u16, rows: u16) -> Terminal {
    let t = Terminal::start(columns, rows, &["demo", "--seed", "1"]);
    t.wait("the first frame", |s| s.contains("Alerts"));
    t
}

#[test]
fn quitting_restores_the_screen() {
    let mut t = demo(100, 30);
    assert_eq!(t.modes(), ["raw", "alternate screen", "mouse", "bracketed paste", "hidden cursor"]);
    assert_eq!(t.keys("q").ended().exit_code(), 0);
    assert_eq!(t.modes(), NONE);
}

#[test]
fn signals_end_it_and_restore_the_screen() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut t = demo(100, 30);
        t.signal(signal);
        assert_eq!(t.ended().exit_code(), code, "{signal}");
        assert_eq!(t.modes(), NONE, "{signal}");
    }
}

/// A shell that starts redline and says when it is in the foreground again.
fn under_a_shell(job_control: &str) -> Terminal {
    let redline = env!("CARGO_BIN_EXE_redline");
    let script = format!("{job_control}; {redline} demo --seed 1; echo the shell goes on; read line; fg; echo the shell ends");
    Terminal::start_program("/bin/sh", 100, 30, &["-c", &script], &[])
}

#[test]
fn ctrl_z_goes_back_to_the_shell_and_fg_returns() {
    let mut t = under_a_shell("set -m");
    t.see("OrdersLatencyHigh");
    t.keys("\x1a");
    t.wait_until("the shell", |t| t.modes() == NONE && t.text().contains("the shell goes on"));
    t.keys("\n");
    t.wait_until("the screen to return", |t| t.modes().len() == 5 && t.text().contains("OrdersLatencyHigh"));
    t.keys("q");
    t.wait_until("the shell", |t| t.modes() == NONE && t.text().contains("the shell ends"));
    t.ended();
}

#[test]
fn ctrl_z_without_a_shell_that_could_continue_it_says_so() {
    let mut alone = demo(100, 30);
    let mut in_its_group = under_a_shell("set +m");
    for t in [&mut alone, &mut in_its_group] {
        t.see("OrdersLatencyHigh");
        t.keys("\x1a").see("no shell with job control");
        t.keys("?").see("keys of Alerts");
        t.keys("\x1b").gone("keys of Alerts");
        t.keys("q");
    }
    alone.ended();
    in_its_group.see("the shell goes on");
}

#[test]
fn the_mouse_selects_opens_goes_back_and_runs_commands() {
    let mut t = demo(120, 36);
    // A row that moves while its list is being filled cannot be hit.
    t.settled();
    t.click("OrdersLatencyHigh", 1).selected_with("OrdersLatencyHigh");
    t.click("OrdersLatencyHigh", 2).at("orders").see("/orders");
    t.click("logs", 1).at("Logs").see(" lines");
    t.click("Alerts", 1).at("Alerts").selected_with("OrdersLatencyHigh");
    t.click("? help", 1).see("keys of Alerts");
    t.click("redline", 1).gone("keys of Alerts");
    t.keys("q").ended();
}

#[test]
fn without_the_mouse_its_modes_are_never_asked_for() {
    let mut t = Terminal::start(100, 30, &["demo", "--seed", "1", "--no-mouse"]);
    t.see("OrdersLatencyHigh");
    assert_eq!(t.modes(), ["raw", "alternate screen", "bracketed paste", "hidden cursor"]);
    assert_eq!(t.keys("q").ended().exit_code(), 0);
    assert_eq!(t.modes(), NONE);
}

#[test]
fn any_size_is_borne() {
    let mut t = demo(200, 50);
    for (columns, rows) in [(80, 24), (20, 5), (400, 120), (1, 1), (40, 10)] {
        t.resize(columns, rows);
    }
    t.wait("the view after the resizes", |s| s.contains("Alerts"));
    t.resize(12, 4);
    t.wait("the too small notice", |s| s.contains("needs 20"));
    t.resize(100, 30);
    t.see("OrdersLatencyHigh");
    t.keys("q").ended();
}

#[test]
fn a_large_paste_is_borne() {
    let mut t = demo(100, 30);
    let paste = format!("\x1b[200~{}\x1b[201~", "spam\u{1b}[31m ".repeat(500));
    t.keys(&paste).see("nothing to paste into");
    t.keys("/").keys(&paste);
    t.wait("the paste in the filter", |s| s.contains("spam"));
    t.keys("\x1b");
    t.see("OrdersLatencyHigh");
    t.keys("q").ended();
}

/// A window that is dragged sends sizes as fast as keys: a key that comes with one is taken when it comes, not with the next.
#[test]
fn a_key_that_comes_with_a_new_size_is_taken() {
    let mut t = demo(100, 30);
    t.keys("/");
    let mut typed = String::new();
    for (i, letter) in ('Q'..='Z').cycle().take(150).enumerate() {
        typed.push(letter);
        if typed.len() > 12 {
            t.keys("\x15");
            typed = letter.to_string();
        }
        t.resize(if i % 2 == 0 { 101 } else { 100 }, 30);
        t.keys(&letter.to_string()).see(&format!(" /{typed}"));
    }
    t.keys("\x03").ended();
}

#[test]
fn random_keys_are_borne() {
    let mut t = demo(100, 30);
    let mut seed = 7_u32;
    for _ in 0..600 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let keys = [
            "j", "k", "G", "g", "\r", "\x1b", "1", "2", "3", "4", "l", "r", "e", "f", " ", "v", "\t", "z", "?", ":", "t", "/", "x", "+",
            "-", "<", ">", "0", "O", "b", "L", "F",
        ];
        t.keys(keys[(seed >> 16) as usize % keys.len()]);
    }
    t.keys("\x1b\x1b\x1b\x1b").keys("\x03");
    assert_eq!(t.ended().exit_code(), 0);
    assert!(!t.alternate());
}

#[test]
fn without_a_terminal_it_says_so() {
    let out = Command::new(env!("CARGO_BIN_EXE_redline")).args(["--prometheus", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("terminal"), "{out:?}");
}

#[tokio::test]
async fn alerts_are_printed_once_and_the_exit_code_tells_how_it_is() {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};
    let server = MockServer::start().await;
    let answer = |alerts: &str| {
        let rules = format!(
            r#"{{"status":"success","data":{{"groups":[{{"name":"g","interval":15,"rules":[{{"type":"alerting","name":"Slow","query":"p95 > 1","alerts":[{alerts}]}}]}}]}}}}"#
        );
        ResponseTemplate::new(200).set_body_raw(rules, "application/json")
    };
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redline"));
        command.arg("alerts").args(args);
        async { tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap() }
    };
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    Mock::given(path("/api/v1/query"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(vector, "application/json"))
        .mount(&server)
        .await;
    let rules = Mock::given(path("/api/v1/rules")).respond_with(answer("")).mount_as_scoped(&server).await;
    let quiet = run(&["--prometheus", &server.uri()]).await;
    assert_eq!(quiet.status.code(), Some(0), "{quiet:?}");
    assert!(String::from_utf8_lossy(&quiet.stdout).starts_with("No firing alerts.  1 rule healthy"), "{quiet:?}");
    drop(rules);
    let firing = r#"{"labels":{"alertname":"Slow","service":"orders","severity":"page"},"state":"firing","activeAt":"2026-08-22T16:00:00Z","value":"2.5e+00"}"#;
    let _rules = Mock::given(path("/api/v1/rules")).respond_with(answer(firing)).mount_as_scoped(&server).await;
    let loud = run(&["--prometheus", &server.uri(), "-o", "json"]).await;
    assert_eq!(loud.status.code(), Some(1), "{loud:?}");
    let told: serde_json::Value = serde_json::from_slice(&loud.stdout).unwrap();
    assert_eq!((&told[0]["name"], &told[0]["value"], &told[0]["threshold"]), (&"Slow".into(), &2.5.into(), &1.0.into()));
    assert_eq!(run(&["--prometheus", &server.uri(), "--service", "web"]).await.status.code(), Some(0));
    let half = run(&["--prometheus", &server.uri(), "--alertmanager", "http://127.0.0.1:1"]).await;
    assert_eq!(half.status.code(), Some(3), "{half:?}");
    assert!(String::from_utf8_lossy(&half.stdout).contains("Slow") && String::from_utf8_lossy(&half.stderr).contains("alertmanager"));
    assert_eq!(run(&["--loki", "http://127.0.0.1:1"]).await.status.code(), Some(2));
}

#[test]
fn an_alert_is_opened_by_its_name() {
    let t = Terminal::start(100, 30, &["demo", "--seed", "1", "--alert", "CheckoutBudgetBurn"]);
    assert!(t.selected_with("firing").contains("CheckoutBudgetBurn"));
    assert!(!t.text().contains("OrdersLatencyHigh"), "{}", t.text());
}
