//! Figures of patterns of log lines: `cargo bench --bench patterns`. Prints, asserts nothing.
//!
//! Processor time is that of the one thread that does the work, so that other work on the machine does not count.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{collections::HashMap, sync::Arc, time::Duration};

use redline::{
    log_patterns::{Counting, Windows, form},
    model::{
        labels::Labels,
        log::{Level, LogLine},
        time::{TimeRange, Timestamp},
    },
    store::{Found, LogStore, PatternJob, PatternNews, Show, Sought},
};
use support::{Watch, corpus, figure, memory, millis, wanted};

/// Lines of known statements.
const LINES: u64 = 1_000_000;
/// Lines that arrive between two looks at a live tail of 20,000 lines a second.
const NEW: u64 = 40_000;
/// Room for all of them.
const BUFFER: usize = 2 << 30;
const START: i64 = 1_800_000_000_000_000_000;

fn main() {
    if wanted("corpus") {
        statements();
    }
    if wanted("hostile") {
        hostile();
    }
}

fn statements() {
    let texts: Vec<String> = (0..LINES).map(corpus::text).collect();
    let watch = Watch::start();
    let mut out = String::new();
    let mut bytes = 0;
    for text in &texts {
        form(text, &mut out);
        bytes += out.len();
    }
    let formed = watch.busy();
    figure("forms of lines of mixed formats", LINES as f64 / formed.as_secs_f64(), "lines/s").note();
    assert!(bytes > 0);

    let mut store = store_of(texts.iter().take((LINES - NEW) as usize).map(String::as_str), 0);
    let before = memory(std::process::id(), "VmRSS");
    let watch = Watch::start();
    let PatternNews { found, numbered, .. } = found(&store);
    let busy = watch.busy();
    figure("lines clustered and counted, of mixed formats", (LINES - NEW) as f64 / busy.as_secs_f64(), "lines/s").at_least(200_000.0);
    figure("  memory for it", (memory(std::process::id(), "VmRSS") - before) * 1e6 / (LINES - NEW) as f64, "bytes a line").note();
    store.set_numbered(&numbered);
    drop((found, numbered));

    store.insert(lines(texts.iter().skip((LINES - NEW) as usize).map(String::as_str), LINES - NEW));
    let watch = Watch::start();
    let PatternNews { found, numbered, .. } = self::found(&store);
    figure("  again after 2 s of a tail of 20,000 lines/s", millis(watch.busy()), "ms").note();
    store.set_numbered(&numbered);
    accuracy(&texts, &found);

    let watch = Watch::start();
    store.set_show(Show { only: Some(Arc::new(found.choose(&[0]))), ..Show::default() });
    if let Some(job) = store.filter_job(None) {
        job.run(&|| false, &mut |news| store.take_filtered(&news));
    }
    figure("  the lines of one pattern among a million", millis(watch.wall()), "ms").at_most(150.0);
    assert_eq!(store.shown() as u64, found.patterns[0].seen.count);
}

/// Grouping accuracy as loghub has it: a line is right when the lines of its pattern are the lines of its statement.
fn accuracy(texts: &[String], found: &Found) {
    let mut pairs: HashMap<(usize, usize), u64> = HashMap::new();
    let (mut patterns, mut statements): (HashMap<usize, u64>, HashMap<usize, u64>) = (HashMap::new(), HashMap::new());
    let mut out = String::new();
    for (n, text) in (0..).zip(texts) {
        form(text, &mut out);
        let (pattern, statement) = (found.pattern_of(&out).unwrap(), corpus::statement(n));
        *pairs.entry((pattern, statement)).or_default() += 1;
        *patterns.entry(pattern).or_default() += 1;
        *statements.entry(statement).or_default() += 1;
    }
    let is_right = |(pattern, statement): &(usize, usize), lines: u64| patterns[pattern] == lines && statements[statement] == lines;
    let right: u64 = pairs.iter().filter(|(pair, lines)| is_right(pair, **lines)).map(|(_, lines)| lines).sum();
    figure("grouping accuracy", right as f64 / texts.len() as f64 * 100.0, "%").note();
    figure("  patterns", patterns.len() as f64, "").note();
    figure("  of statements", statements.len() as f64, "").note();
    for ((pattern, statement), lines) in pairs.iter().filter(|(pair, lines)| !is_right(pair, **lines)).take(10) {
        println!("        {lines} lines of statement {statement} in pattern {}", found.patterns[*pattern].template);
    }
}

/// Lines that nobody means well with.
fn hostile() {
    let words = |n: u64| corpus::words(n, 12);
    let store = store_of((0..LINES).map(words), 0);
    let before = memory(std::process::id(), "VmRSS");
    let watch = Watch::start();
    let told = found(&store);
    figure("lines of random words alone, clustered", LINES as f64 / watch.busy().as_secs_f64(), "lines/s").note();
    figure("  memory for it", memory(std::process::id(), "VmRSS") - before, "MB").note();
    figure("  patterns", told.found.patterns.len() as f64, "").note();
    drop((told, store));
    let long = |n: u64| format!("{{\"msg\":\"{}", corpus::words(n, 150_000));
    let store = store_of((0..200).map(long), 0);
    let watch = Watch::start();
    let told = found(&store);
    figure("200 lines of 1 MB clustered", millis(watch.busy()), "ms").note();
    assert!(!told.found.patterns.is_empty());
}

fn lines<T: AsRef<str>>(texts: impl Iterator<Item = T>, first: u64) -> Vec<LogLine> {
    let stream: Arc<Labels> = Arc::new([("app", "shop")].into_iter().collect());
    let line = |(n, text): (u64, T)| LogLine {
        at: Timestamp(START) + Duration::from_micros(50 * n),
        stream: stream.clone(),
        text: text.as_ref().into(),
        level: Level::Info,
        ..LogLine::default()
    };
    (first..).zip(texts).map(line).collect()
}

fn store_of<T: AsRef<str>>(texts: impl Iterator<Item = T>, first: u64) -> LogStore {
    let mut store = LogStore::new(BUFFER);
    let mut texts = texts.peekable();
    let mut first = first;
    while texts.peek().is_some() {
        store.insert(lines(texts.by_ref().take(5000), first));
        first += 5000;
    }
    store
}

fn found(store: &LogStore) -> PatternNews {
    let range = TimeRange::new(Timestamp(START), Timestamp(START) + Duration::from_micros(50 * LINES));
    let middle = range.start + range.duration() / 2;
    let windows = Windows { before: Some(TimeRange::new(range.start, middle)), after: TimeRange::new(middle, range.end) };
    let job = PatternJob {
        sought: Sought::Statements,
        lines: store.snapshot(),
        earlier: None,
        show: Show::default(),
        counting: Counting { range, windows },
    };
    job.run(&|| false).unwrap()
}
