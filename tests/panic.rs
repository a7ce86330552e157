//! A panic leaves the terminal as it was found. The program offers no way to be made to panic, so the program here is
//! this test's own executable, started again: the library's loop with a theme that panics when it is loaded.

#![allow(clippy::unwrap_used)]

mod support;

use redline::{
    app::App,
    clock::Clock,
    core::{command::ViewKind, scope::Scope},
    logging,
    model::time::TimeWindow,
    runtime::{self, Environments, Setup},
    source::{Sources, http::Observer},
    theme::Theme,
};
use support::{Terminal, core::shared};

/// Names the log file of the program under test.
const LOG: &str = "REDLINE_TEST_LOG";

struct Panics;

impl Environments for Panics {
    fn sources(&self, _name: &str, _observer: Observer) -> Result<Sources, String> {
        Ok(Sources::default())
    }

    fn theme(&self, name: &str) -> Result<Theme, String> {
        panic!("no such paint: {name}");
    }
}

#[test]
#[ignore = "it is the program that the other tests run"]
fn program() {
    logging::init(std::env::var_os(LOG).as_deref().map(std::path::Path::new)).unwrap();
    let clock = Clock::system();
    let (now, scope) = (clock.now(), Scope::new("demo", TimeWindow::Last(std::time::Duration::from_secs(3600))));
    let app = |size| App::new(shared(&["blue"]), ViewKind::Alerts, scope, &[], now, size);
    let setup = Setup {
        environments: Box::new(Panics),
        environment: "demo".to_owned(),
        clock,
        mouse: true,
        max_fps: 60,
        probe: std::time::Duration::from_secs(30),
        warnings: Vec::new(),
        notice: None,
        data_folder: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(runtime::run(app, setup)).unwrap();
}

fn panicked(env: &[(&str, &str)]) -> String {
    let exe = std::env::current_exe().unwrap();
    let mut t = Terminal::start_program(exe.to_str().unwrap(), 100, 30, &["program", "--exact", "--ignored", "--nocapture"], env);
    t.see("Alerts");
    assert_eq!(t.modes(), ["raw", "alternate screen", "mouse", "bracketed paste", "hidden cursor"]);
    t.keys(":theme\r").see("blue");
    t.keys("\r");
    assert_ne!(t.ended().exit_code(), 0);
    assert_eq!(t.modes(), [""; 0]);
    t.text()
}

#[test]
fn a_panic_restores_the_terminal_and_says_what_and_how_to_keep_a_log() {
    let text = panicked(&[]);
    assert!(text.contains("no such paint: blue"), "{text}");
    assert!(text.contains("redline: this is a bug in redline; --log-file FILE keeps a log"), "{text}");
}

#[test]
fn a_panic_is_written_to_the_log_whose_place_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("redline.log");
    let text = panicked(&[(LOG, log.to_str().unwrap())]);
    // A long path goes on in the next row of the terminal.
    let unwrapped = text.replace('\n', "");
    assert!(unwrapped.contains(&format!("its log is {}", log.display())), "{text}");
    assert!(std::fs::read_to_string(&log).unwrap().contains("no such paint: blue"));
}
