//! `redline trace`: a waterfall as text, or what was computed of it as JSON.

mod json;
mod text;

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Failure, NO_ANSWER, clients::sources, load, log_to_file, open, report, report::say, runtime};
use crate::{
    cli::{Options, Output, TraceArgs},
    clock::Clock,
    config::System,
    model::{
        backend::{ErrorKind, SourceError},
        trace::TraceId,
    },
    source::{Sources, TraceFiles, file::STANDARD_INPUT, http::Observer, traces::NOT_YET},
    theme::Glyphs,
    trace::Trace,
    ui::format,
};

/// Columns where nobody says how many, and output goes to no terminal.
const WIDTH: u16 = 120;
/// Fewer have no room for a bar.
const NARROWEST: u16 = 40;
/// Traces of a file that are named to choose from.
const NAMED: usize = 20;
/// Between two looks for a trace that may not be there yet.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints a trace. The exit code is 1 where there is no such trace.
pub(super) fn run(args: &TraceArgs, options: &Options, system: &System) -> Result<u8, Failure> {
    let trace = match source(&args.source)? {
        Source::File(path) => of_file(path, options, system)?,
        Source::Id(id) => of_server(id, options, system)?,
    };
    let out = match args.output {
        Output::Json => return report::print_json(&json::json(&trace)),
        Output::Text => {
            let told = args.width.map(|w| w.max(NARROWEST));
            let width = told.or_else(terminal_width).unwrap_or(WIDTH);
            let glyphs = if options.ascii { Glyphs::ASCII } else { Glyphs::for_locale(&system.vars) };
            text::text(&trace, width, glyphs)
        }
    };
    report::print(out.as_bytes())
}

enum Source {
    Id(TraceId),
    File(PathBuf),
}

/// A file where there is one of that name, else an id.
fn source(text: &str) -> Result<Source, Failure> {
    if text == STANDARD_INPUT || std::fs::metadata(text).is_ok() {
        return Ok(Source::File(text.into()));
    }
    let id = TraceId::parse(text).map(Source::Id);
    id.ok_or_else(|| Failure::usage(format!("{text} is no file, and no trace id: that is 1 to 32 hexadecimal digits, not all zero")))
}

fn terminal_width() -> Option<u16> {
    let is_terminal = io::stdout().is_terminal();
    crossterm::terminal::size().ok().filter(|_| is_terminal).map(|(width, _)| width.max(NARROWEST))
}

/// The trace of a file: the only one, or the one that --trace names.
fn of_file(path: PathBuf, options: &Options, system: &System) -> Result<Arc<Trace>, Failure> {
    let loaded = load(options, system, false)?;
    log_to_file(options, &loaded)?;
    let files = open::traces(&[path], &loaded.config.labels.traces_service)?;
    let wanted = match &options.trace {
        Some(id) => TraceId::parse(id).ok_or_else(|| Failure::usage(format!("--trace {id} is no trace id")))?,
        None => files.only().ok_or_else(|| Failure::usage(choice(&files)))?,
    };
    let missing = || Failure { code: 1, message: format!("there is no trace {wanted} in it. {}", choice(&files)) };
    files.trace(wanted).ok_or_else(missing)
}

/// The newest traces of a file, to choose from.
fn choice(files: &TraceFiles) -> String {
    let mut hits: Vec<_> = files.all().iter().collect();
    hits.sort_by_key(|h| (std::cmp::Reverse(h.start), h.trace));
    let mut lines = vec![format!("it has {}: name one with --trace ID", format::counted(hits.len(), "trace"))];
    lines.extend(hits.iter().take(NAMED).map(|h| {
        let root = [&h.root_service, &h.root_name].map(|s| s.as_deref().unwrap_or("?"));
        let (at, long) = (format::date_time(h.start, 0), format::nanoseconds(h.duration_ns));
        let failed = h.error_count.filter(|n| *n > 0).map(|n| format!(", {}", format::counted(n as usize, "error"))).unwrap_or_default();
        format!(
            "  {}  {at}  {long}  {} {}, {}{failed}",
            h.trace,
            root[0],
            root[1],
            format::counted(h.span_count.unwrap_or(0) as usize, "span")
        )
    }));
    if hits.len() > NAMED {
        lines.push(format!("  and {} older ones", format::count((hits.len() - NAMED) as u64)));
    }
    lines.join("\n")
}

fn of_server(id: TraceId, options: &Options, system: &System) -> Result<Arc<Trace>, Failure> {
    let loaded = load(options, system, true)?;
    log_to_file(options, &loaded)?;
    let (_, environment) = loaded.config.current().ok_or_else(|| Failure::usage("there is no environment to ask"))?;
    loaded.warnings.iter().for_each(say);
    let nobody: Observer = Arc::new(|_, _| {});
    let sources = sources(&loaded.config, environment, &nobody, &Clock::system()).map_err(Failure::usage)?;
    let runtime = runtime()?;
    let found = runtime.block_on(look_for(&sources, id));
    runtime.shutdown_background();
    found.map_err(|e| failure(&e))
}

/// A trace that was just written is looked for again for a while.
async fn look_for(sources: &Sources, id: TraceId) -> Result<Arc<Trace>, SourceError> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        match sources.trace(id, None).await {
            Err(e) if e.kind == ErrorKind::NotFound && begun.elapsed() < NOT_YET => {
                if !std::mem::replace(&mut told, true) {
                    say(&e);
                }
                sleep(AGAIN).await;
            }
            found => return found,
        }
    }
}

fn failure(e: &SourceError) -> Failure {
    let told = Failure::source(e);
    let code = if e.kind == ErrorKind::NotFound && told.code == NO_ANSWER { 1 } else { told.code };
    Failure { code, ..told }
}
