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
        (&[name(&trace)], "is a trace without anything to show: no spans"),
        (&[name(&log)], "there is no terminal"),
        (&[], "FILE"),
    ] {
        let (code, error, output) = told(args);
        assert_eq!((code, output.len()), (Some(2), 0), "{args:?}: {error}");
        assert!(error.contains(words), "{args:?}: {error}");
    }
}

/// A trace of two services as OTLP's JSON, a line; a fault in the second span.
fn trace_line(trace: u8) -> String {
    let start = 1_795_323_600_000_000_000_i64 + i64::from(trace) * 60_000_000_000;
    let span = |id: u8, parent: &str, name: &str, from: i64, to: i64, more: &str| {
        let (from, to) = (start + from * 1_000_000, start + to * 1_000_000);
        format!(
            r#"{{"traceId":"{trace:032x}","spanId":"{id:016x}","parentSpanId":"{parent}","name":"{name}","startTimeUnixNano":"{from}","endTimeUnixNano":"{to}"{more}}}"#
        )
    };
    let group = |service: &str, spans: &[String]| {
        format!(
            r#"{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}"#,
            spans.join(",")
        )
    };
    let root = span(1, "", "POST /checkout", 0, 400, "");
    let called: Vec<String> = (0..6_i64)
        .map(|i| span(u8::try_from(i).unwrap() + 2, "0000000000000001", "load item", 10 + i * 50, 50 + i * 50, ",\"status\":{\"code\":2}"))
        .collect();
    format!("{{\"resourceSpans\":[{},{}]}}\n", group("web", &[root]), group("orders", &called))
}

/// What `redline trace` prints on standard output and standard error, and its exit code.
fn trace(args: &[&str], stdin: &[u8]) -> (String, String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redline"))
        .arg("trace")
        .args(args)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&out.stdout), text(&out.stderr), out.status.code().unwrap())
}

#[test]
fn traces_of_a_file_are_a_list_and_one_opens() {
    let folder = Folder::new();
    let path = folder.write("spans.json.gz", gz(&[trace_line(1), trace_line(2)].concat()));
    let mut t = Terminal::start(160, 40, &["open", name(&path)]);
    sees(&t, &["Traces", "failed", "2 found", "POST /checkout", "web"]);
    t.keys("E");
    sees(&t, &["Enter ask"]);
    t.keys(" >> { }\r");
    sees(&t, &["files know no TraceQL: ask for a service"]);
    t.keys("\u{1b}");
    sees(&t, &["Enter waterfall"]);
    t.keys("\r");
    sees(&t, &["orders", "load item"]);
    t.keys("q");
    assert!(t.ended().success());
    let one = folder.write("one.json", trace_line(3));
    let mut t = Terminal::start(160, 40, &["open", name(&one)]);
    sees(&t, &["orders", "load item"]);
    t.keys("q");
    assert!(t.ended().success());
}

#[test]
fn a_trace_is_printed_as_text_and_as_json() {
    let folder = Folder::new();
    let path = folder.write("one.json", trace_line(1));
    let (text, said, code) = trace(&[name(&path), "--width", "100"], b"");
    assert_eq!((said.as_str(), code), ("", 0));
    for part in ["web POST /checkout", "7 spans, 2 services, 6 errors", "critical path 400 ms: orders", "6 × orders load item, p50 40 ms"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100) && !text.contains('\x1b'), "{text}");
    let (piped, _, _) = trace(&["-", "--width", "100"], trace_line(1).as_bytes());
    assert_eq!(piped, text);

    let (json, _, code) = trace(&[name(&path), "-o", "json"], b"");
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, told["duration"].as_i64(), told["start"].as_str()), (0, Some(400_000_000), Some("1795323660000000000")));
    let first = &told["spans"][0];
    assert_eq!((first["service"].as_str(), first["depth"].as_i64(), first["parent_id"].is_null()), (Some("web"), Some(0), true));
    let path_ns: i64 =
        told["critical_path"].as_array().unwrap().iter().map(|p| p["end"].as_i64().unwrap() - p["start"].as_i64().unwrap()).sum();
    assert_eq!(path_ns, 400_000_000, "its parts are the root's duration");
    assert_eq!((told["groups"][0]["count"].as_i64(), told["groups"][0]["total"].as_i64()), (Some(6), Some(240_000_000)));
    let orphans = trace_line(1).replace(r#""parentSpanId":"""#, r#""parentSpanId":"00000000000000ff""#);
    let (text, _, _) = trace(&["-"], orphans.as_bytes());
    assert!(text.contains("1 missing") && text.contains("critical path 400 ms: orders") && !text.contains(",  0.0 %"), "{text}");
    let partial = format!(r#"{{"trace":{},"status":"PARTIAL","message":"it is too big"}}"#, trace_line(1));
    let (text, _, _) = trace(&["-"], partial.as_bytes());
    let (json, said, code) = trace(&["-", "-o", "json"], partial.as_bytes());
    assert!(text.contains("partial: it is too big") && said.contains("not whole: it is too big"), "{text}\n{said}");
    assert!(code == 0 && serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{code} {json}");
    let twice = format!("{}\n{}", trace_line(1), trace_line(1));
    let (text, _, _) = trace(&["-", "--width", "60"], twice.as_bytes());
    let head: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().all(|line| line.chars().count() <= 60) && head.join(" ").contains("duplicates dropped"), "{text}");
}

#[test]
fn what_is_no_trace_or_several_says_what_to_do() {
    let folder = Folder::new();
    let two = folder.write("two.json", [trace_line(1), trace_line(2)].concat());
    let (_, said, code) = trace(&[name(&two)], b"");
    assert!(code == 2 && said.contains("it has 2 traces: name one with --trace ID"), "{code} {said}");
    let (text, _, code) = trace(&[name(&two), "--trace", "2"], b"");
    assert!(code == 0 && text.contains("trace 00000000000000000000000000000002"), "{code} {text}");
    let (_, said, code) = trace(&[name(&two), "--trace", "9"], b"");
    assert!(code == 1 && said.contains("there is no trace 00000000000000000000000000000009"), "{code} {said}");
    let log = folder.write("app.log", "2026-11-22T05:00:01Z INFO starting\n");
    for (args, why) in [(&[name(&log)][..], "is no trace"), (&["no-such"][..], "is no file, and no trace id")] {
        let (_, said, code) = trace(args, b"");
        assert!(code == 2 && said.contains(why), "{code} {said}");
    }
}
