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
    source::{TraceFiles, file::STANDARD_INPUT, http::Observer, traces::NOT_YET},
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
        Output::Json => {
            trace.partial.iter().for_each(|words| say(format!("the trace is not whole: {words}")));
            return report::print_json(&json::json(&trace));
        }
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
        let root: Vec<&str> = [&h.root_service, &h.root_name].into_iter().flatten().map(|s| s.as_str()).collect();
        let root = if root.is_empty() { "no root".to_owned() } else { root.join(" ") };
        let (at, long) = (format::date_time(h.start, 0), format::nanoseconds(h.duration_ns));
        let failed = h.error_count.filter(|n| *n > 0).map(|n| format!(", {}", format::counted(n as usize, "error"))).unwrap_or_default();
        format!("  {}  {at}  {long}  {root}, {}{failed}", h.trace, format::counted(h.span_count.unwrap_or(0) as usize, "span"))
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
    let found = runtime.block_on(look_for(id, || sources.trace(id, None), Instant::now, sleep));
    runtime.shutdown_background();
    found.map_err(|e| failure(&e))
}

/// A trace that was just written is looked for again for a while, from the first time that it was not found.
async fn look_for<T>(
    id: TraceId,
    mut ask: impl AsyncFnMut() -> Result<T, SourceError>,
    now: impl Fn() -> Instant,
    rest: impl AsyncFn(Duration),
) -> Result<T, SourceError> {
    let mut missed = None;
    loop {
        match ask().await {
            Err(e) if e.kind == ErrorKind::NotFound => {
                if missed.is_none() {
                    say(&e);
                }
                if now().duration_since(*missed.get_or_insert_with(&now)) >= NOT_YET {
                    let message = format!("no trace {id}, looked for during {} s", NOT_YET.as_secs());
                    return Err(SourceError { message, ..e });
                }
                rest(AGAIN).await;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::model::backend::Backend;

    const ID: TraceId = TraceId(0xab);

    fn missing() -> SourceError {
        SourceError::new(Backend::Tempo, ErrorKind::NotFound, "trace ab is not there yet, looking again for 5 s")
    }

    /// What is told after so many answers that did not have it, when each takes so long, and how many were asked for.
    async fn looked(misses: usize, took: Duration) -> (Result<(), SourceError>, usize) {
        let (begun, passed, mut asked) = (Instant::now(), Cell::new(Duration::ZERO), 0);
        let pass = |time| passed.set(passed.get() + time);
        let ask = async || {
            asked += 1;
            pass(took);
            if asked > misses { Ok(()) } else { Err(missing()) }
        };
        let found = look_for(ID, ask, || begun + passed.get(), async |time| pass(time)).await;
        (found, asked)
    }

    #[tokio::test]
    async fn a_trace_that_comes_late_is_found_however_long_the_first_answer_took() {
        assert_eq!(looked(3, Duration::ZERO).await, (Ok(()), 4));
        assert_eq!(looked(1, NOT_YET * 2).await, (Ok(()), 2));
    }

    #[tokio::test]
    async fn one_that_never_comes_is_said_to_be_missing_and_why_that_may_be() {
        let (told, asked) = looked(usize::MAX, Duration::ZERO).await;
        let failure = failure(&told.unwrap_err());
        assert_eq!((failure.code, asked), (1, 6));
        assert!(failure.message.contains("no trace 000000000000000000000000000000ab, looked for during 5 s"), "{}", failure.message);
        for why in ["retention", "sampled", "tenant"] {
            assert!(failure.message.contains(why), "{}", failure.message);
        }
        assert!(!failure.message.contains("again"), "{}", failure.message);
    }
}
