//! `redline open`: lines of files and pipes in the Logs view, traces as waterfalls.

use std::{path::PathBuf, sync::Arc};

use super::{
    Failure, log_to_file,
    report::say,
    runtime,
    terminal::{self, FromFiles},
};
use crate::{
    cli::{OpenArgs, Options},
    clock::Clock,
    config::{self, Config, Loaded, Request, System, Zone},
    source::{
        Files, TraceFiles,
        file::{Reading, STANDARD_INPUT},
        trace_file::{self, Expected, Looked},
    },
};

/// Memory for lines: files are there to be looked at, and take no more of it than they have.
const BYTES: usize = 512 << 20;

/// Opens the terminal on files.
pub(super) fn run(args: &OpenArgs, options: &Options, system: &System) -> Result<u8, Failure> {
    let mut loaded = load(options, system)?;
    log_to_file(options, &loaded)?;
    loaded.config.limits.log_buffer = loaded.config.limits.log_buffer.max(room());
    let clock = Clock::system();
    let Sorted { lines, begun, traces, mut told } = sorted(&args.files, Expected::TracesOrLines, &loaded.config.labels.traces_service)?;
    let files = if lines.is_empty() && traces.is_some() {
        None
    } else {
        let (files, problems) = Files::open(&lines, reading(&loaded.config, &clock, begun)).map_err(Failure::usage)?;
        told.extend(problems);
        Some(Arc::new(files))
    };
    let from = FromFiles { lines: files, traces: traces.map(Arc::new) };
    let mut prepared = terminal::prepare(loaded, options, system, clock, from)?;
    if !told.is_empty() {
        prepared.notice(&told.join("; "));
    }
    let runtime = runtime()?;
    let code = runtime.block_on(prepared.run());
    runtime.shutdown_background();
    code
}

/// The traces of paths that are to be nothing else; what could not be read of them is said.
pub(super) fn traces(paths: &[PathBuf], service_attributes: &[String]) -> Result<TraceFiles, Failure> {
    let Sorted { lines, traces, told, .. } = sorted(paths, Expected::Traces, service_attributes)?;
    let no_trace = || {
        let name = lines.first().map(|path| path.display().to_string()).unwrap_or_default();
        Failure::usage(format!("{name} is no trace: OTLP JSON, what Tempo or Jaeger answers and Zipkin's lists are read"))
    };
    let traces = traces.ok_or_else(no_trace)?;
    told.iter().for_each(say);
    Ok(traces)
}

/// What was named, by what it is.
struct Sorted {
    /// Paths of lines.
    lines: Vec<PathBuf>,
    /// What was read of standard input, where that is one of them.
    begun: Vec<u8>,
    traces: Option<TraceFiles>,
    /// What is to be told of traces that could not be read, or not wholly.
    told: Vec<String>,
}

/// Reads those that are traces.
fn sorted(paths: &[PathBuf], expected: Expected, service_attributes: &[String]) -> Result<Sorted, Failure> {
    let (mut lines, mut begun, mut told) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reader, mut names) = (trace_file::Reader::default(), Vec::new());
    for path in dedup(paths) {
        let name = path.to_string_lossy();
        let place = if path.as_os_str() == STANDARD_INPUT { "standard input" } else { &name };
        match trace_file::look(path, expected, || say(format!("waiting for something on {place}; Ctrl-C ends"))) {
            Ok(Looked::Trace(shape, from)) => match reader.read(&name, shape, from) {
                Ok(()) => names.push(name.into()),
                Err(why) => told.push(why),
            },
            Ok(Looked::Other(head)) => {
                begun.extend(head);
                lines.push(path.clone());
            }
            // Whoever reads lines says what is wrong with it.
            Err(_) => lines.push(path.clone()),
        }
    }
    let traces = (!names.is_empty()).then(|| TraceFiles::new(names, reader, service_attributes));
    if traces.is_none() && lines.is_empty() {
        return Err(Failure::usage(told.join("\n")));
    }
    let (traces, notes) = traces.unzip();
    told.extend(notes.into_iter().flatten());
    Ok(Sorted { lines, begun, traces, told })
}

/// The same one twice is one.
fn dedup(paths: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
    paths.iter().enumerate().filter(|(i, path)| !paths[..*i].contains(path)).map(|(_, path)| path)
}

/// The configuration, where there is one: no environment is needed.
fn load(options: &Options, system: &System) -> Result<Loaded, Failure> {
    let urls = options.addresses()?;
    let request = Request { config: options.config.clone(), environment: options.env.clone(), urls, environment_needed: false };
    Ok(config::load(&request, system)?)
}

fn reading(config: &Config, clock: &Clock, begun: Vec<u8>) -> Reading {
    let offset = match config.display.time_zone {
        Zone::Utc => |_| 0,
        Zone::Local => local_offset,
    };
    Reading { trace_ids: config.trace_ids.clone(), offset, clock: clock.clone(), begun }
}

/// Seconds east of UTC when a clock in this place shows so many seconds since 1970. An hour that it shows twice is the first.
fn local_offset(shown: i64) -> i32 {
    use chrono::{DateTime, Local, TimeZone as _};
    let Some(shown) = DateTime::from_timestamp(shown, 0) else { return 0 };
    Local.from_local_datetime(&shown.naive_utc()).earliest().map_or(0, |at| at.offset().local_minus_utc())
}

/// A quarter of the machine's memory at the most, where the system tells how much that is.
fn room() -> usize {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = told.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    total.map_or(BYTES, |kib| BYTES.min(kib.saturating_mul(1024) / 4))
}
