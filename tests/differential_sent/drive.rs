//! Uses redline as a user would, all of it: the two walks, then every command in every view, by the palette. What the
//! program can ask comes up by itself; there is no list of it here.

use redline::core::command::{COMMANDS, Command, ViewKind};

use crate::{
    record::Recorder,
    support::{
        Terminal,
        walks::{self, LOOKS},
    },
};

const ESC: &str = "\x1b";

/// Walks, then tries everything, on the servers of a configuration.
pub fn everything(config: &str, recorder: &Recorder) {
    let args = ["--config", config];
    walks::latency_to_span(&args, LOOKS[0]).keys("q").ended();
    let mut t = walks::budget_to_span(&args, LOOKS[0]);
    t.keys("q").ended();
    for view in ViewKind::ALL {
        every_command(config, view, recorder);
    }
    without_a_screen(config);
}

fn every_command(config: &str, view: ViewKind, recorder: &Recorder) {
    let trace = recorder.sent().iter().find_map(|s| s.path.rsplit_once("/traces/").map(|(_, id)| id.to_owned()));
    let mut args = vec!["--config", config, "--view", view.name(), "--service", "orders"];
    if view == ViewKind::Waterfall {
        args.extend(["--trace", trace.as_deref().expect("the walks have opened a trace")]);
    }
    let mut t = Terminal::start(200, 50, &args);
    t.see("redline");
    recorder.quiet();
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

fn without_a_screen(config: &str) {
    for report in [&["doctor"][..], &["alerts", "--output", "json"]] {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_redline")).args(report).args(["--config", config]).output().unwrap();
        assert!(done.status.code().is_some_and(|c| c < 2), "{report:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
