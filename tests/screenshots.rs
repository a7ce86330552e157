//! The pictures in `screenshots/`, made from the real program: `REDLINE_UPDATE=1 cargo test --test screenshots` writes
//! them, without the variable they are compared with what the program draws now.
//!
//! The demo runs with a fixed seed and a clock that stands still, so all is the same each time but for how long its
//! own servers took to answer; those figures in the header are left out of the comparison.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use support::{Terminal, svg};

const AT: &str = "2026-11-21T15:03:00Z";

struct Shot {
    name: &'static str,
    title: &'static str,
    size: (u16, u16),
    theme: &'static str,
    /// Keys, each followed by a text to wait for.
    steps: &'static [(&'static str, &'static str)],
}

const SHOTS: &[Shot] =
    &[Shot { name: "alerts", title: "Alerts", size: (140, 40), theme: "dark", steps: &[("", "OrdersLatencyHigh"), ("", "fires")] }];

#[test]
fn the_pictures_are_what_the_program_draws() {
    let update = std::env::var_os("REDLINE_UPDATE").is_some();
    let mut stale = Vec::new();
    for shot in SHOTS {
        let picture = take(shot);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{}.svg", shot.name));
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &picture).unwrap();
        } else if timeless(&std::fs::read_to_string(&path).unwrap_or_default()) != timeless(&picture) {
            stale.push(shot.name);
        }
    }
    assert!(stale.is_empty(), "stale pictures: {stale:?}; REDLINE_UPDATE=1 cargo test --test screenshots renews them, then look at them");
}

fn take(shot: &Shot) -> String {
    let mut t = Terminal::start(shot.size.0, shot.size.1, &["demo", "--at", AT, "--seed", "1", "--theme", shot.theme]);
    for (keys, text) in shot.steps {
        t.keys(keys).see(text);
    }
    t.settled();
    t.picture(if shot.theme == "light" { &svg::LIGHT } else { &svg::DARK }, shot.title)
}

/// The picture without the figures that are measured anew in each run.
fn timeless(picture: &str) -> String {
    let latency = regex::Regex::new(r"(prometheus|alertmanager|loki|tempo|prom|alert) \d+(\.\d)?m?s").unwrap();
    latency.replace_all(picture, "$1").into_owned()
}
