//! Fuzz targets of the log parsers, of files as they are read, of traces, of queries as they are typed and of the store, on stable Rust:
//! `REDLINE_FUZZ=30 cargo test --test fuzz` runs all of
//! them for 30 seconds each, two at a time on two cores; without `REDLINE_FUZZ` for a second. Name one to run it alone. A failure
//! tells the seed of its cases: `PROPTEST_RNG_SEED=N` makes them again.
//!
//! A case is a line of `corpus.log` that is changed: cut, repeated, spliced with another, wrapped, with pieces put in that
//! formats are made of. proptest makes the cases and, when one fails, prints the smallest that does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod changes;
mod files;
mod queries;
mod store;
mod traces;
mod words;

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use redline::{
    log_fields::{
        Format, MAX_FIELDS, MAX_LINES, Record, Unfolded,
        exceptions::Thrown,
        instant::{Dater, Manner},
        level::level,
        recognise,
        trace_id::{Patterns, Told, find, find_all},
        unfolded,
    },
    model::{labels::Labels, time::Timestamp},
};

use self::changes::{Change, changed, changes};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}

/// Runs a target on new cases until its time is over.
pub(crate) fn run<S: Strategy>(cases: &S, target: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    const AT_A_TIME: u32 = 200;
    let seconds = setting("REDLINE_FUZZ").unwrap_or(1);
    let seed = setting("PROPTEST_RNG_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut done = 0_u64;
    while Instant::now() < end {
        let rng_seed = RngSeed::Fixed(seed.wrapping_add(done));
        let config = ProptestConfig { cases: AT_A_TIME, failure_persistence: None, rng_seed, ..ProptestConfig::default() };
        let ran = TestRunner::new(config).run(cases, &target);
        ran.unwrap_or_else(|failure| panic!("PROPTEST_RNG_SEED={seed}: {failure}"));
        done += u64::from(AT_A_TIME);
    }
    println!("{done} cases");
}

fn corpus() -> Vec<&'static str> {
    include_str!("corpus.log").split("\n%%\n").filter(|line| !line.is_empty()).collect()
}

/// Runs a target on changed lines of those that are chosen.
fn on_lines(chosen: impl Fn(&Record) -> bool, target: impl Fn(&str) -> Result<(), TestCaseError>) {
    let lines: Vec<&str> = corpus().into_iter().filter(|line| chosen(&recognise(line))).collect();
    assert!(!lines.is_empty(), "the corpus has no such line");
    let cases = (prop::sample::select(lines), changes());
    run(&cases, |(line, changes): (&str, Vec<Change>)| target(&changed(line, &changes, &corpus())));
}

fn parser(format: Format) {
    on_lines(|record| record.formats.contains(&format), holds);
}

/// What is true of any line.
fn holds(line: &str) -> Result<(), TestCaseError> {
    let record = recognise(line);
    prop_assert_eq!(&record, &recognise(line));
    let fields: usize = record.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    let held = fields + record.message.len() + record.rest.iter().map(String::len).sum::<usize>();
    prop_assert!(held <= 3 * line.len() + (MAX_FIELDS << 9), "{} bytes are held of {}", held, line.len());
    let (fields, lines) = (record.fields.len(), record.rest.len());
    let parts = record.formats.len() + 1; // with the head
    prop_assert!(
        fields <= parts * (MAX_FIELDS + 10) && lines <= 2 * MAX_LINES,
        "{} fields, {} lines of {:?}",
        fields,
        lines,
        record.formats
    );
    prop_assert_eq!(words::lost(line, &record), Vec::<String>::new());
    traces(&record)
}

/// What is true of the further lines of any line.
fn traces(record: &Record) -> Result<(), TestCaseError> {
    let rows = unfolded(record);
    prop_assert!(rows.len() <= record.rest.len());
    let Some(trace) = record.stack_trace() else {
        prop_assert_eq!(rows.len(), record.rest.len());
        return Ok(());
    };
    prop_assert_eq!(trace.libraries.len(), record.rest.len());
    let folded: usize = rows.iter().map(|row| if let Unfolded::Libraries(frames) = row { *frames } else { 0 }).sum();
    prop_assert!(folded <= trace.libraries.iter().flatten().sum());
    Ok(())
}

#[test]
fn json() {
    parser(Format::Json);
}

#[test]
fn logfmt() {
    parser(Format::Logfmt);
}

#[test]
fn docker() {
    parser(Format::Docker);
}

#[test]
fn cri() {
    parser(Format::Cri);
}

#[test]
fn syslog() {
    parser(Format::Syslog);
}

#[test]
fn klog() {
    parser(Format::Klog);
}

#[test]
fn access() {
    parser(Format::Access);
}

#[test]
fn nginx_error() {
    parser(Format::NginxError);
}

#[test]
fn dotnet() {
    parser(Format::Dotnet);
}

#[test]
fn text() {
    parser(Format::Text);
}

#[test]
fn stack_traces() {
    on_lines(
        |record| record.stack_trace().is_some(),
        |line| {
            holds(line)?;
            if let Some(thrown) = Thrown::of(line) {
                prop_assert!(thrown.is_in(line));
            }
            Ok(())
        },
    );
}

#[test]
fn levels_and_trace_ids() {
    let (none, labels, own) = (Told::default(), Labels::new(), Patterns::default());
    on_lines(
        |_| true,
        |line| {
            level(&none, &none, line);
            let (first, all) = (find(&own, &none, &none, line), find_all(&own, &labels, &labels, line));
            prop_assert_eq!(first.trace, all.first().and_then(|found| found.trace));
            let mut ids: Vec<_> = all.iter().map(|found| found.trace).collect();
            ids.sort_by_key(|id| id.map(|id| id.0));
            ids.dedup();
            prop_assert_eq!(ids.len(), all.len());
            Ok(())
        },
    );
}

/// A time is one of the years that logs are of, and the same each time; what is put before it by a container runtime is passed.
#[test]
fn times() {
    let newest = Timestamp::from_secs(1_795_323_662);
    on_lines(
        |_| true,
        |line| {
            let date = || Dater::new(newest, Box::new(|_| 3600)).date(line, &mut Manner::default());
            let told = date();
            prop_assert_eq!(told, date());
            prop_assert!(told.is_none_or(|told| told.at.secs() > -86_400), "{:?}", told);
            Ok(())
        },
    );
}
