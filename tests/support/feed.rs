//! `redline demo --into`: a world written into real servers.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// The program that writes history and then live data, until this is dropped.
pub struct Feed(Child);

impl Feed {
    /// Returns once so much history of a scenario is written.
    pub fn start(config: &str, scenario: &str, history: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_redline"))
            .args(["demo", "--seed", "1", "--into", config, "--scenario", scenario, "--history", history])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|l| l.unwrap().starts_with("live")), "demo --into ended before its history was written");
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
