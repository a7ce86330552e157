//! What goes to standard output instead of a screen: the doctor's report, shell completions, the man page.

use std::{
    io::{self, ErrorKind, Write as _},
    sync::Arc,
};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Failure, clients::sources, runtime, terminal::theme_and_keys};
use crate::{
    cli::{Cli, Options, Output},
    clock::Clock,
    config::Loaded,
    doctor,
    source::http::Observer,
    ui::text::is_harmful,
};

/// Checks every backend of the environment; the exit code tells how it went.
pub(super) fn doctor(loaded: &Loaded, options: &Options, output: Output) -> Result<u8, Failure> {
    let (name, environment) = loaded.config.current().ok_or_else(|| Failure::usage("there is no environment to check"))?;
    let (_, _, told) = theme_and_keys(&loaded.config, options, &loaded.theme_folders);
    for warning in loaded.warnings.iter().chain(&told) {
        say(warning);
    }
    let nobody: Observer = Arc::new(|_, _| {});
    let clock = Clock::system();
    let sources = sources(&loaded.config, environment, &nobody, &clock).map_err(Failure::usage)?;
    let report = runtime()?.block_on(doctor::check(&sources, clock.now()));
    match output {
        Output::Text => print(format!("environment \"{name}\"\n\n{}", report.text()).as_bytes())?,
        Output::Json => print(format!("{}\n", report.json()).as_bytes())?,
    };
    Ok(report.exit_code())
}

/// Completions of all options for a shell.
pub(super) fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "redline", &mut text);
    print(&text)
}

/// The man page.
pub(super) fn man() -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(Failure::other)?;
    print(&text)
}

/// Says something on standard error.
pub(super) fn say(what: impl std::fmt::Display) {
    let text = format!("redline: {what}");
    eprintln!("{}", text.lines().map(clean).collect::<Vec<_>>().join("\n"));
}

/// Without what could move a terminal's cursor.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '.' } else { c }).collect()
}

/// Writes to standard output; a reader that has gone, like `head`, is no failure.
pub(super) fn print(text: &[u8]) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::other(format!("standard output: {error}"))),
        _ => Ok(0),
    }
}
