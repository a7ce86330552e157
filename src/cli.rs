//! The command line.

use std::{collections::BTreeMap, convert::Infallible, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::{
    config::{ConfigError, Problem},
    core::command::ViewKind,
    model::backend::Backend,
};

/// The terminal an on-call engineer opens when paged: alerts, RED, logs and traces with one scope.
#[derive(Clone, Debug, Parser)]
#[command(name = "redline", version, about, max_term_width = 100, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do; without it the terminal opens.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Options of the terminal and of what it reads.
    #[command(flatten)]
    pub options: Options,
}

/// What can be done beside opening the terminal on one's own servers.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// A living shop inside the process, with an incident in it.
    Demo(DemoArgs),
    /// Check every backend and show what was found and how labels were mapped.
    Doctor {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Print the alerts once; the exit code is 1 when any fires, 3 when a backend did not answer. --alert, --service and
    /// --label narrow them.
    Alerts {
        /// How to print them.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Print rate, failures and durations of all services, once.
    Services {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Print log lines, oldest first: none lost, none twice, in order. --since, --from and --to say which.
    Logs(LogsArgs),
    /// Show log files or traces, or with - what is piped in; compressed by gzip or zstd or not. Lines are shown in the Logs view,
    /// several files merged by time, followed as they grow; traces as waterfalls: OTLP JSON, answers of Tempo and Jaeger, Zipkin's
    /// lists. Needs neither a server nor a config.toml.
    Open(OpenArgs),
    /// Print a trace as a waterfall: a trace of the configured server by its id, or the one of a file. What is on the critical path
    /// is solid, idle times are folded, repeated siblings are one line. The exit code is 1 when there is no such trace.
    Trace(TraceArgs),
    /// Write a commented config.toml into the user's configuration folder.
    Init,
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs; the shapes are documented and stable.
    Json,
}

/// Options of `redline logs`.
#[derive(Clone, Debug, Args)]
pub struct LogsArgs {
    /// Which lines, in LogQL; without it those of --service, narrowed by --label.
    #[arg(value_name = "LOGQL")]
    pub query: Option<String>,
    /// Go on with new lines. Each is held back until all before it are known, 10 s at the most.
    #[arg(short, long)]
    pub follow: bool,
    /// Print new lines at once, and those that come after their place was printed marked as late.
    #[arg(long, requires = "follow")]
    pub eager: bool,
    /// Read them however many there are. Without it more than `ask_above` of config.toml (10 GiB by default) is not
    /// begun: what it would read is said, and what would read less.
    #[arg(short, long)]
    pub yes: bool,
    /// How to print them: JSON is one object a line.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Options of `redline open`.
#[derive(Clone, Debug, Args)]
pub struct OpenArgs {
    /// Files of log lines or traces; - is standard input.
    #[arg(required = true, value_name = "FILE|-", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// Options of `redline trace`.
#[derive(Clone, Debug, Args)]
pub struct TraceArgs {
    /// The id of a trace, or a file as `redline open` reads it; - is standard input. Of a file with several --trace ID names one.
    #[arg(value_name = "ID|FILE|-", value_hint = clap::ValueHint::FilePath)]
    pub source: String,
    /// How to print it: JSON is one object, with times in nanoseconds from the start of the trace.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Columns of the text; without it those of the terminal, or 120.
    #[arg(long, value_name = "N")]
    pub width: Option<u16>,
}

/// Options of `redline demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// A built-in scenario, or a file.
    #[arg(long, value_name = "NAME|FILE", default_value = "pool-exhaustion")]
    pub scenario: String,
    /// Another seed makes other requests.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Hold the world's clock at this time.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Only run the servers and print their addresses as a config.toml.
    #[arg(long, conflicts_with = "into")]
    pub serve: bool,
    /// Write the same world into the real servers of this config.toml.
    #[arg(long, value_name = "CONFIG")]
    pub into: Option<PathBuf>,
    /// How much of the past to write. Without it: 30 minutes, or what begins 10 minutes before the onset where that is more.
    #[arg(long, value_name = "DURATION", requires = "into")]
    pub history: Option<String>,
    /// Allow servers that are not on this machine.
    #[arg(long, requires = "into")]
    pub yes_write_to_remote: bool,
}

/// Options of the terminal and of what it reads.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The environment of it.
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// Address of Prometheus.
    #[arg(long, global = true, value_name = "URL", value_parser = address)]
    pub prometheus: Option<Address>,
    /// Address of Alertmanager; repeated for each of several.
    #[arg(long, global = true, value_name = "URL", value_parser = address)]
    pub alertmanager: Vec<Address>,
    /// Address of Loki.
    #[arg(long, global = true, value_name = "URL", value_parser = address)]
    pub loki: Option<Address>,
    /// Address of Tempo.
    #[arg(long, global = true, value_name = "URL", value_parser = address)]
    pub tempo: Option<Address>,
    /// Address of Jaeger, for traces in the place of Tempo.
    #[arg(long, global = true, value_name = "URL", value_parser = address, conflicts_with = "tempo")]
    pub jaeger: Option<Address>,
    /// Show the last so-and-so long: 1h, 30m.
    #[arg(long, global = true, value_name = "DURATION", conflicts_with_all = ["from", "to"])]
    pub since: Option<String>,
    /// Show from this time on.
    #[arg(long, global = true, value_name = "TIME")]
    pub from: Option<String>,
    /// Show until this time.
    #[arg(long, global = true, value_name = "TIME", requires = "from")]
    pub to: Option<String>,
    /// Open this view: alerts, services, logs, traces, service, waterfall, compare, structure, infra, query, silences, silence, log.
    #[arg(long, global = true, value_name = "NAME")]
    pub view: Option<ViewKind>,
    /// Open on this service.
    #[arg(long, global = true, value_name = "NAME")]
    pub service: Option<String>,
    /// Narrow to a label; may be repeated.
    #[arg(long = "label", global = true, value_name = "NAME=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// Open on this alert.
    #[arg(long, global = true, value_name = "NAME")]
    pub alert: Option<String>,
    /// Open this trace.
    #[arg(long, global = true, value_name = "ID")]
    pub trace: Option<String>,
    /// Open with this query: LogQL, TraceQL, or PromQL for the view query, where it may be repeated.
    #[arg(long = "query", global = true, value_name = "QUERY")]
    pub queries: Vec<String>,
    /// Open the view query with this LogQL, or with it beside others; may be repeated. A query of lines opens the view logs.
    #[arg(long = "logql", global = true, value_name = "QUERY")]
    pub logql: Vec<String>,
    /// Theme: dark, light, terminal, or one of your own.
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Offer nothing that writes to a server.
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Leave the mouse to the terminal.
    #[arg(long, global = true)]
    pub no_mouse: bool,
    /// Draw with ASCII characters only.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Append redline's own log to this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// An address, or what is wrong with it and what to write. [`Options::addresses`] tells what is wrong: the parser's own
/// message would repeat the text, and the password that may be in it.
#[derive(Clone, Debug)]
pub struct Address(Result<Url, (&'static str, &'static str)>);

impl Options {
    /// The addresses that were given.
    ///
    /// # Errors
    /// Everything wrong with them, without repeating it.
    pub fn addresses(&self) -> Result<BTreeMap<Backend, Vec<Url>>, ConfigError> {
        let given = [
            (Backend::Prometheus, self.prometheus.as_slice()),
            (Backend::Alertmanager, &self.alertmanager),
            (Backend::Loki, self.loki.as_slice()),
            (Backend::Tempo, self.tempo.as_slice()),
            (Backend::Jaeger, self.jaeger.as_slice()),
        ];
        let (mut urls, mut problems) = (BTreeMap::<Backend, Vec<Url>>::new(), Vec::new());
        for (backend, address) in given.into_iter().flat_map(|(backend, all)| all.iter().map(move |address| (backend, address))) {
            match &address.0 {
                Ok(url) => {
                    let known = urls.entry(backend).or_default();
                    // The same one twice is one.
                    if !known.contains(url) {
                        known.push(url.clone());
                    }
                }
                Err((message, advice)) => {
                    problems.push(Problem::of(format!("--{backend}"), format!("the address {message}"), *advice));
                }
            }
        }
        if problems.is_empty() { Ok(urls) } else { Err(ConfigError(problems)) }
    }
}

fn address(text: &str) -> Result<Address, Infallible> {
    Ok(Address(crate::config::endpoint::parse_url(text)))
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_work_before_and_after_the_action() {
        for args in [["redline", "--view", "logs", "demo"], ["redline", "demo", "--view", "logs"]] {
            let cli = Cli::try_parse_from(args).unwrap();
            assert_eq!(cli.options.view, Some(ViewKind::Logs));
        }
    }

    #[test]
    fn a_wrong_view_address_or_label_says_what_is_right() {
        let view = Cli::try_parse_from(["redline", "--view", "dash"]).unwrap_err().to_string();
        assert!(view.contains("alerts, services, logs"), "{view}");
        let urls = Cli::try_parse_from(["redline", "--loki", "loki:3100", "--tempo", "/x"]).unwrap().options.addresses();
        let expected = "--loki: the address is not http or https. Write it like http://host:9090.\n--tempo: the address is not a URL. Write it like http://host:9090.";
        assert_eq!(urls.unwrap_err().to_string(), expected);
        let label = Cli::try_parse_from(["redline", "--label", "route"]).unwrap_err().to_string();
        assert!(label.contains("NAME=VALUE"), "{label}");
    }
}
