//! From the command line to a running program: reads the configuration, then opens the terminal, the demo or a report.

mod alerts;
mod clients;
mod demo;
mod logs;
mod open;
mod passwords;
mod report;
mod services;
mod terminal;
mod trace;

use std::{fmt, path::PathBuf, process::ExitCode};

use clap::Parser as _;

use crate::{
    cli::{Action, Cli, Options},
    config::{self, ConfigError, Loaded, Request, System},
    model::backend::{ErrorKind, SourceError},
};

/// Wrong usage or configuration.
const USAGE: u8 = 2;
/// A backend did not answer.
const NO_ANSWER: u8 = 3;

/// Why the program ends at once, in words for standard error, and its exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn usage(message: impl fmt::Display) -> Self {
        Self { code: USAGE, message: message.to_string() }
    }

    /// A backend gave no answer that can be printed.
    fn source(error: &SourceError) -> Self {
        let code = if error.kind == ErrorKind::NotConfigured { USAGE } else { NO_ANSWER };
        Self { code, message: format!("{error}. {}", error.advice()) }
    }

    /// Another program or the system is in the way.
    fn other(message: impl fmt::Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

/// Runs the program on the process' arguments.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help is asked for, and wrong usage is repeated as it is unless a password may be in it.
        Err(error) if !error.use_stderr() || !passwords::may_be_in(&args) => error.exit(),
        Err(error) => {
            eprint!("{}", passwords::hidden(&error.render().to_string(), &args));
            return ExitCode::from(USAGE);
        }
    };
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report::say(passwords::hidden(&failure.message, &args));
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let system = System::from_process();
    match cli.action {
        None => {
            let loaded = load(&cli.options, &system, true)?;
            log_to_file(&cli.options, &loaded)?;
            terminal::open(loaded, &cli.options, &system)
        }
        Some(Action::Demo(args)) => demo::run(&args, &cli.options, &system),
        Some(Action::Doctor { output }) => {
            let loaded = load(&cli.options, &system, true)?;
            log_to_file(&cli.options, &loaded)?;
            report::doctor(&loaded, &cli.options, output)
        }
        Some(Action::Alerts { output }) => {
            let loaded = load(&cli.options, &system, true)?;
            log_to_file(&cli.options, &loaded)?;
            alerts::alerts(&loaded, &cli.options, output)
        }
        Some(Action::Services { output }) => {
            let loaded = load(&cli.options, &system, true)?;
            log_to_file(&cli.options, &loaded)?;
            services::run(&loaded, &cli.options, output)
        }
        Some(Action::Logs(args)) => {
            let loaded = load(&cli.options, &system, true)?;
            log_to_file(&cli.options, &loaded)?;
            logs::run(&loaded, &cli.options, &args, &system)
        }
        Some(Action::Open(args)) => open::run(&args, &cli.options, &system),
        Some(Action::Trace(args)) => trace::run(&args, &cli.options, &system),
        Some(Action::Init) => init(&system),
        Some(Action::Completions { shell }) => report::completions(shell),
        Some(Action::Man) => report::man(),
    }
}

/// The configuration in effect, the command line over it.
fn load(options: &Options, system: &System, environment_needed: bool) -> Result<Loaded, Failure> {
    let urls = options.addresses()?;
    let environment = if environment_needed { options.env.clone() } else { None };
    let request = Request { config: options.config.clone(), environment, urls, environment_needed };
    Ok(config::load(&request, system)?)
}

fn log_to_file(options: &Options, loaded: &Loaded) -> Result<(), Failure> {
    let file: Option<&PathBuf> = options.log_file.as_ref().or(loaded.config.log_file.as_ref());
    crate::logging::init(file.map(PathBuf::as_path)).map_err(|e| match file {
        Some(path) => Failure::usage(format!("the log file {}: {e}", path.display())),
        None => Failure::other(e),
    })
}

/// Writes the commented configuration where it will be found, never over one that is there.
fn init(system: &System) -> Result<u8, Failure> {
    use std::io::Write as _;
    let path =
        system.user_config().ok_or_else(|| Failure::usage("there is no folder for the configuration: set HOME or XDG_CONFIG_HOME"))?;
    let cannot = |e: std::io::Error| Failure::usage(format!("{}: {e}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!("{} is there already and was not touched", path.display())),
        _ => cannot(e),
    })?;
    file.write_all(config::DEFAULT_CONFIG.as_bytes()).map_err(cannot)?;
    println!("wrote {}; put your addresses into it", path.display());
    Ok(0)
}

/// A runtime for the shell: network and timers on two workers, so that a terminal that blocks stops nothing else.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::other)
}
