//! `redline open`: files and pipes on a real terminal, without a configuration.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use support::Terminal;

const NO_MODES: [&str; 0] = [];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A shell's pipeline, and what it says once redline has given the terminal back.
fn pipeline(writer: &str) -> Terminal {
    let script = format!("{writer} | {} open -; echo back in the shell: $?", env!("CARGO_BIN_EXE_redline"));
    Terminal::start_program("/bin/sh", 120, 30, &["-c", &script], &[])
}

/// Waits until all of these are on the screen at once.
#[track_caller]
fn sees(t: &Terminal, texts: &[&str]) {
    t.wait(&texts.join(", "), |screen| texts.iter().all(|text| screen.contains(text)));
}

#[test]
fn files_are_shown_by_time_filtered_folded_and_followed() {
    let folder = Folder::new();
    let old = "\
2026-11-22T05:00:01Z INFO  starting
2026-11-22T05:00:02Z ERROR it failed
java.lang.IllegalStateException: no luck
\tat com.shop.Pool.take(Pool.java:12)
";
    let [old, new] =
        [folder.write("app.log.1", gz(old)), folder.write("app.log", "2026-11-22T05:00:03Z INFO  in the new file pool=orders\n")];
    let mut t = Terminal::start(160, 40, &["open", name(&old), name(&new)]);
    sees(&t, &["in the new file", "starting", "05:00:02", "app.log.1, app.log", "3 lines", "all times", "following"]);
    t.keys("L");
    sees(&t, &["1 of 3 lines"]);
    t.keys("\x1b[C");
    sees(&t, &["Pool.java:12"]);
    t.keys("\x1b[DLL");
    fs::OpenOptions::new().append(true).open(&new).unwrap().write_all(b"2026-11-22T05:00:04Z WARN  as it grows\n").unwrap();
    sees(&t, &["as it grows", " 4 lines"]);
    t.keys("/failed\r");
    sees(&t, &["1 of 4 lines"]);
    // The lines around it in its file alone, and back.
    t.keys("c");
    sees(&t, &["context", "2 of 4 lines"]);
    t.keys("\x1b");
    sees(&t, &["1 of 4 lines"]);
    assert_eq!(t.keys("q").ended().exit_code(), 0);
    assert_eq!(t.modes(), NO_MODES);
}

#[test]
fn a_pipe_is_read_until_its_writer_ends_and_keys_come_from_the_terminal() {
    let mut t = pipeline("printf '2026-11-22T05:00:01Z INFO first\\n2026-11-22T05:00:02Z ERROR second\\n'");
    sees(&t, &["first", "second", "standard input", "ended", "2 lines"]);
    t.keys("L");
    sees(&t, &["1 of 2 lines"]);
    t.keys("q");
    sees(&t, &["back in the shell: 0"]);
    assert_eq!(t.modes(), NO_MODES);
    t.ended();
}

#[test]
fn a_pipe_that_goes_on_ends_with_redline_and_gives_the_terminal_back() {
    for quit in ["q", "\x03"] {
        let mut t = pipeline("while :; do echo '2026-11-22T05:00:01Z INFO again and again'; done");
        sees(&t, &["again and again", "following"]);
        t.keys(quit);
        sees(&t, &["back in the shell: 0"]);
        assert_eq!(t.modes(), NO_MODES);
        t.ended();
    }
}

#[test]
fn what_is_compressed_is_read_from_a_pipe_as_well() {
    let folder = Folder::new();
    let path = folder.write("app.log.gz", gz("no time in here\n"));
    let mut t = pipeline(&format!("cat {}", name(&path)));
    sees(&t, &["no time in here", "no times: as they came"]);
    t.keys("q");
    sees(&t, &["back in the shell: 0"]);
    t.ended();
}

#[test]
fn what_cannot_be_shown_is_told_without_touching_the_terminal() {
    let folder = Folder::new();
    let trace = folder.write("trace.json", r#"{"resourceSpans":[]}"#);
    let log = folder.write("app.log", "x\n");
    let folder = name(folder.0.path());
    let told = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redline"));
        command.arg("open").args(args).env("HOME", "/nonexistent").stdin(Stdio::null());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap(), output.stdout)
    };
    for (args, words) in [
        (&["/nonexistent/app.log"][..], "/nonexistent/app.log: no such file"),
        (&[folder], "is a directory: name the files in it"),
        (&[name(&trace)], "is a trace: redline open reads logs, not yet traces"),
        (&[name(&log)], "there is no terminal"),
        (&[], "FILE"),
    ] {
        let (code, error, output) = told(args);
        assert_eq!((code, output.len()), (Some(2), 0), "{args:?}: {error}");
        assert!(error.contains(words), "{args:?}: {error}");
    }
}
