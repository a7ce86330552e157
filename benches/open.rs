//! Figures of `redline open` in a pseudo-terminal of 200×50, and of lnav on the same file where it is installed:
//! `cargo bench --bench open [-- 40|280|1000]`. Prints, asserts nothing. `REDLINE_BIN` names another program than the one built beside it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use support::{busy, figure, memory, millis, percentile, pty::Terminal, wanted};

const KEYS: usize = 200;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    for (megabytes, name) in [(40, "40 MB"), (280, "280 MB"), (1000, "1000 MB")] {
        if !wanted(name) {
            continue;
        }
        let path = folder.path().join("app.log");
        let lines = write(&path, megabytes << 20);
        println!("{name}, {lines} lines of JSON as bunyan writes them");
        redline(&path);
        filtered(&path);
        if lnav(&path) {
            lnav_keys(&path);
        }
    }
}

/// A file of so many bytes. Returns how many lines that are.
fn write(path: &Path, bytes: u64) -> u64 {
    let first = chrono::DateTime::from_timestamp(1_795_323_600, 0).unwrap();
    let mut file = BufWriter::new(File::create(path).unwrap());
    let (mut n, mut written) = (0, 0);
    while written < bytes {
        let at = (first + chrono::Duration::microseconds(50 * n)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let level = if n % 33 == 0 { 50 } else { 30 };
        let line = format!(
            r#"{{"name":"orders","hostname":"orders-7c9d8b6f5-x{}k9z","pid":7,"level":{level},"msg":"order created in {} ms","time":"{at}","v":0,"order_id":"ord-{n:08}","user_id":"u-{:06}","route":"/orders/{{id}}","trace_id":"{:032x}","span_id":"{:016x}"}}"#,
            n % 3,
            n * 7919 % 3000,
            n * 104_729 % 1_000_000,
            n / 4 + 1,
            n + 1,
        );
        written += line.len() as u64 + 1;
        writeln!(file, "{line}").unwrap();
        n += 1;
    }
    file.flush().unwrap();
    n.unsigned_abs()
}

fn redline(path: &Path) {
    let mut terminal = Terminal::start(&["open", path.to_str().unwrap()]);
    let started = terminal.started;
    let first = terminal.see("the first lines", |screen| screen.contains("order created"));
    let mut while_loading = Vec::new();
    let is_loading = |t: &Terminal| t.text().contains("reading");
    while is_loading(&terminal) && while_loading.len() < KEYS {
        let key = if while_loading.len() % 2 == 0 { "k" } else { "j" };
        while_loading.push(millis(terminal.press(key, Terminal::selected)));
    }
    let loaded = terminal.see("the whole file", |screen| screen.contains(" lines") && !screen.contains("reading"));
    figure("redline: start to first lines", millis(first - started), "ms").note();
    figure("redline: start to all that there is room for", millis(loaded - started), "ms").note();
    figure("redline: processor time until then", millis(busy(terminal.pid())), "ms").note();
    figure("redline: resident", memory(terminal.pid(), "VmRSS"), "MB").note();
    if !while_loading.is_empty() {
        figure("redline: keys while it loads", while_loading.len() as f64, "keys").note();
        figure("redline: a key while it loads, p99", percentile(&mut while_loading, 0.99), "ms").at_most(8.0);
    }
    terminal.quiet(Duration::from_millis(300));
    let mut keys: Vec<f64> = (0..KEYS).map(|n| millis(terminal.press(if n % 2 == 0 { "k" } else { "j" }, Terminal::selected))).collect();
    figure("redline: a key then, p99 of 200", percentile(&mut keys, 0.99), "ms").at_most(8.0);
    let title = terminal.text().lines().nth(2).unwrap_or_default().trim().to_owned();
    println!("        {title}");
}

/// Each letter of a filter is a key, and has all lines looked through anew.
fn filtered(path: &Path) {
    // No spaces, which the prompt has behind each word.
    const WORDS: [&str; 4] = ["ord-0001", "/2\\d+\\sms|pool/", "nothing-has-this", "\"level\":50"];
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "[limits]\nlog_buffer_mib = 1024\n").unwrap();
    let mut terminal = Terminal::start(&["--config", config.path().to_str().unwrap(), "open", path.to_str().unwrap()]);
    terminal.see("the first lines", |screen| screen.contains("order created"));
    terminal.see("the whole file", |screen| screen.contains(" lines") && !screen.contains("reading"));
    let title = terminal.text().lines().nth(2).unwrap_or_default().trim().to_owned();
    println!("        {title}");
    let mut keys = Vec::new();
    for words in WORDS.iter().cycle().take(3 * WORDS.len()) {
        terminal.press("/", |t| t.text());
        let mut typed = "/".to_owned();
        for letter in words.chars() {
            typed.push(letter);
            // Lines may have it as well.
            let is_typed = |t: &Terminal| t.text().lines().last().is_some_and(|prompt| prompt.trim_start().starts_with(&typed));
            keys.push(millis(terminal.press(&letter.to_string(), is_typed)));
            // As fast as anyone types: the search for the letters before is under way.
            terminal.watch(Duration::from_millis(60));
        }
        terminal.type_keys("\x1b");
        terminal.quiet(Duration::from_millis(500));
    }
    figure("redline: keys typed into a filter", keys.len() as f64, "keys").note();
    figure("redline: a key while it filters, p99", percentile(&mut keys, 0.99), "ms").at_most(8.0);
    figure("redline: the same, median", percentile(&mut keys, 0.5), "ms").note();
}

/// Without a terminal it reads and indexes the whole file and answers one question about it: no frame is to be waited for. Says
/// whether it is installed.
fn lnav(path: &Path) -> bool {
    let started = Instant::now();
    let mut command = Command::new("lnav");
    command.args(["-n", "-c", ";SELECT count(*) FROM all_logs"]).arg(path).stdout(Stdio::null()).stdin(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        println!("        lnav is not installed");
        return false;
    };
    let (mut most, mut used) = (0.0_f64, Duration::ZERO);
    while child.try_wait().unwrap().is_none() {
        // It may have ended just now.
        let running = std::fs::read_to_string(format!("/proc/{}/status", child.id())).is_ok_and(|s| s.contains("VmRSS"));
        if running {
            most = most.max(memory(child.id(), "VmRSS"));
            used = used.max(busy(child.id()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    figure("lnav: start to the count of its lines", millis(started.elapsed()), "ms").note();
    figure("lnav: processor time", millis(used), "ms").note();
    figure("lnav: resident at its most", most, "MB").note();
    true
}

/// The same keys as redline's, once the file is indexed.
fn lnav_keys(path: &Path) {
    let mut terminal = Terminal::start_other("lnav", &[path.to_str().unwrap()]);
    terminal.see("the first lines", |screen| screen.contains("order created"));
    terminal.watch(Duration::from_secs(10));
    let mut keys: Vec<f64> = (0..KEYS).map(|n| millis(terminal.press(if n % 2 == 0 { "j" } else { "k" }, Terminal::middle))).collect();
    figure("lnav: a key then, p99 of 200", percentile(&mut keys, 0.99), "ms").note();
    figure("lnav: the same, median", percentile(&mut keys, 0.5), "ms").note();
}
