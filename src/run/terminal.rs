//! The terminal on one's own servers or on the demo's.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Failure, clients::Clients, runtime};
use crate::{
    app::{App, Settings, Shared},
    cli::Options,
    clock::Clock,
    config::{Config, Loaded, Problem, System, nearest},
    core::{
        command::{COMMANDS, Command, ViewKind},
        keymap::Keymap,
        scope::{Scope, ScopeAlert},
        typed::TypedQuery,
    },
    model::{
        labels::{Labels, Matcher},
        time::{TimeRange, TimeWindow, Timestamp},
        trace::TraceId,
    },
    runtime::{self as shell, Setup},
    source::{Files, TraceFiles},
    theme::{self, ColorSupport, Glyphs, Theme},
    time_input,
    views::{
        editor::logql::{Asks, asks},
        logs::Opened,
        query::MAX_QUERIES,
    },
};

/// The window when nothing else is said.
const DEFAULT_WINDOW: Duration = Duration::from_secs(3600);

/// Opens the terminal on the configured environment.
pub(super) fn open(loaded: Loaded, options: &Options, system: &System) -> Result<u8, Failure> {
    let prepared = prepare(loaded, options, system, Clock::system(), FromFiles::default())?;
    let runtime = runtime()?;
    let code = runtime.block_on(prepared.run());
    // Not waited for: a name being looked up or a secret's command may hang.
    runtime.shutdown_background();
    code
}

/// Everything that is checked before the terminal is touched.
pub(super) struct Prepared {
    setup: Setup,
    shared: Shared,
    view: ViewKind,
    scope: Scope,
    queries: Vec<TypedQuery>,
}

impl Prepared {
    /// The words that a command line which reopens a view begins with, after `redline`.
    pub(super) fn reopen_by(&mut self, words: Vec<String>) {
        self.shared.settings.reopen = words;
    }

    /// Says something at first, after what is said already.
    pub(super) fn notice(&mut self, text: &str) {
        self.setup.warnings.push(text.to_owned());
        self.setup.notice.get_or_insert_with(|| text.to_owned());
    }

    pub(super) async fn run(self) -> Result<u8, Failure> {
        let now = self.setup.clock.now();
        let Self { setup, shared, view, scope, queries } = self;
        let make = |size| App::new(shared, view, scope, &queries, now, size);
        shell::run(make, setup).await.map_err(|e| Failure::usage(e.to_string()))
    }
}

/// What was opened is shown on the first page, in the place of what servers have.
#[derive(Default)]
pub(super) struct FromFiles {
    /// Lines.
    pub(super) lines: Option<Arc<Files>>,
    /// Traces.
    pub(super) traces: Option<Arc<TraceFiles>>,
}

/// `from` is shown on the first page.
pub(super) fn prepare(loaded: Loaded, options: &Options, system: &System, clock: Clock, from: FromFiles) -> Result<Prepared, Failure> {
    let FromFiles { lines: files, traces } = from;
    let Loaded { config, warnings, theme_folders, path } = loaded;
    let colors = ColorSupport::detect(&system.vars);
    let (theme, keymap, told) = theme_and_keys(&config, options, &theme_folders);
    let warnings: Vec<Problem> = warnings.into_iter().chain(told).collect();
    let glyphs = match (options.ascii, config.display.ascii) {
        (true, _) | (false, Some(true)) => Glyphs::ASCII,
        (false, Some(false)) => Glyphs::UNICODE,
        (false, None) => Glyphs::for_locale(&system.vars),
    };
    let now = clock.now();
    let mut settings = settings(&config, options, theme::names(&theme_folders), now, path.as_deref(), system)?;
    let environment = config.environment.clone().unwrap_or_default();
    let mut scope = scope(options, &environment, now, settings.zone.0)?;
    if let Some(files) = &files {
        show_files(files, &mut settings, &mut scope, options);
    }
    if let Some(traces) = &traces {
        show_traces(traces, files.is_none(), &mut settings, &mut scope, options);
    }
    let shared = Shared::new(settings, keymap, theme.downgrade(colors), glyphs);
    let view = match (&files, &traces) {
        (Some(_), _) => ViewKind::Logs,
        (None, Some(_)) if options.view.is_none() => {
            if scope.trace.is_some() {
                ViewKind::Waterfall
            } else {
                ViewKind::Traces
            }
        }
        _ => view(options),
    };
    let queries = queries(options, view)?;
    let mouse = config.display.mouse && !options.no_mouse;
    let (max_fps, probe) = (config.limits.max_fps, config.refresh.health);
    let environments = Box::new(Clients { config, theme_folders, colors, clock: clock.clone(), files: files.clone(), trace_files: traces });
    let notice = notice(&warnings);
    let warnings = warnings.iter().map(ToString::to_string).collect();
    let setup =
        Setup { environments, environment, clock, mouse, max_fps, probe, warnings, notice, data_folder: system.data_folder.clone() };
    Ok(Prepared { setup, shared, view, scope, queries })
}

/// The first page is of files. All of their lines are shown unless a window is asked for.
fn show_files(files: &Files, settings: &mut Settings, scope: &mut Scope, options: &Options) {
    let names = files.names();
    let words = std::iter::once("open".to_owned()).chain(names.iter().map(ToString::to_string));
    settings.reopen = words.chain(std::mem::take(&mut settings.reopen)).collect();
    settings.opened = Some(Opened { names, again: files.are_readable_again() });
    // Another environment would take the page of the files away.
    settings.environments.retain(|name| *name == scope.environment);
    if options.since.is_none() && options.from.is_none() {
        scope.window = TimeWindow::EVERYTHING;
    }
}

/// Traces of files are there: alone on the first page, or for the lines on it. All of them are shown unless a window is asked for.
fn show_traces(traces: &TraceFiles, alone: bool, settings: &mut Settings, scope: &mut Scope, options: &Options) {
    settings.traces_opened = true;
    let names = traces.names().iter().map(ToString::to_string);
    if !alone {
        let at = settings.reopen.iter().take_while(|word| !word.starts_with("--")).count();
        settings.reopen.splice(at..at, names);
        return;
    }
    let words = std::iter::once("open".to_owned()).chain(names);
    settings.reopen = words.chain(std::mem::take(&mut settings.reopen)).collect();
    settings.environments.retain(|name| *name == scope.environment);
    if options.since.is_none() && options.from.is_none() {
        // Past, with what is around it: nothing is read anew.
        scope.window = TimeWindow::Fixed(scope.around(traces.range()).window.range(Timestamp::LATEST));
    }
    scope.trace = scope.trace.or(traces.only());
}

/// The theme and the keys that are asked for, and what is wrong with them, which keeps no one from an incident.
pub(super) fn theme_and_keys(config: &Config, options: &Options, theme_folders: &[PathBuf]) -> (Theme, Keymap, Vec<Problem>) {
    let (theme, mut problems) = match &options.theme {
        Some(name) => theme::load(name, "--theme", theme_folders),
        None => theme::load(&config.display.theme, &config.display.theme_at.to_string(), theme_folders),
    };
    let user_keys = config.keys.iter().map(|(name, binding)| (name.clone(), binding.keys.clone())).collect();
    let (keymap, wrong) = Keymap::new(&user_keys);
    problems.extend(wrong.into_iter().filter_map(|wrong| {
        let unknown = wrong.command.parse::<Command>().is_err();
        let near = nearest(&wrong.command, COMMANDS.iter().map(|spec| spec.name)).filter(|_| unknown);
        let advice = near.map_or(wrong.advice, |near| format!("Did you mean `{near}`?"));
        Some(config.keys.get(&wrong.command)?.place.problem(wrong.message, advice))
    }));
    (theme, keymap, problems)
}

/// Words for the footer, which has one line: the log has them all, with whole paths.
fn notice(warnings: &[Problem]) -> Option<String> {
    let mut first = warnings.first()?.clone();
    first.file = Path::new(&first.file).file_name().map_or(first.file.clone(), |name| name.to_string_lossy().into_owned());
    let count = if warnings.len() == 1 { "a warning".to_owned() } else { format!("{} warnings", warnings.len()) };
    Some(format!(":log has {count}: {first}"))
}

fn settings(
    config: &Config,
    options: &Options,
    themes: Vec<String>,
    now: Timestamp,
    path: Option<&std::path::Path>,
    system: &System,
) -> Result<Settings, Failure> {
    let mut reopen = Vec::new();
    let addresses = options.addresses()?;
    if let Some(path) = options.config.as_deref().or(path) {
        reopen.extend(["--config".to_owned(), path.display().to_string()]);
    }
    for (backend, url) in addresses.into_iter().flat_map(|(backend, urls)| urls.into_iter().map(move |url| (backend, url))) {
        reopen.extend([format!("--{backend}"), url.to_string()]);
    }
    let thresholds = &config.thresholds;
    Ok(Settings {
        environments: config.environments.keys().cloned().collect(),
        themes,
        refresh_alerts: config.refresh.alerts,
        refresh: config.refresh.panels,
        refresh_slow: config.refresh.secondary,
        zone: config.display.time_zone.offset(now),
        error_threshold: thresholds.default.errors,
        latency_threshold: Some(thresholds.default.p95.as_secs_f64()),
        service_thresholds: thresholds
            .services
            .iter()
            .map(|(name, t)| (name.clone(), (Some(t.errors), Some(t.p95.as_secs_f64()))))
            .collect(),
        slos: config.slos.clone(),
        log_bytes: config.limits.log_buffer,
        ask_above: config.logs.ask_above,
        labels: config.labels.clone(),
        severities: config.severities.clone(),
        trace_ids: config.trace_ids.clone(),
        alarm: config.alarm,
        author: config.silence_author.clone().unwrap_or_else(|| user(system)),
        read_only: options.read_only,
        reopen,
        opened: None,
        traces_opened: false,
    })
}

/// The name of who is logged in.
fn user(system: &System) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| system.vars.get(*name).filter(|v| !v.trim().is_empty()));
    named.cloned().unwrap_or_default()
}

/// The view that the options name, or the one that shows what they are about.
fn view(options: &Options) -> ViewKind {
    options.view.unwrap_or(if options.trace.is_some() {
        ViewKind::Waterfall
    } else if options.logql.iter().any(|q| asks(q) != Asks::Lines) {
        ViewKind::Query
    } else if !options.queries.is_empty() || !options.logql.is_empty() {
        ViewKind::Logs
    } else if options.service.is_some() {
        ViewKind::Service
    } else {
        ViewKind::Alerts
    })
}

/// The queries that the view opens with; for the alerts, the one that is looked for.
fn queries(options: &Options, view: ViewKind) -> Result<Vec<TypedQuery>, Failure> {
    let given = options.queries.len() + options.logql.len();
    let most = if view == ViewKind::Query { MAX_QUERIES } else { 1 };
    if given > most {
        let takes = if most == 1 { "one" } else { "26 at the most" };
        return Err(Failure::usage(format!("--query was given {given} times: the view {} takes {takes}", view.name())));
    }
    if !options.logql.is_empty() && !matches!(view, ViewKind::Query | ViewKind::Logs) {
        return Err(Failure::usage(format!("--logql is for the views query and logs, not for {}", view.name())));
    }
    let promql = options.queries.iter().map(TypedQuery::promql);
    Ok(match view {
        ViewKind::Alerts if given == 0 => options.alert.iter().map(TypedQuery::promql).collect(),
        _ => promql.chain(options.logql.iter().map(TypedQuery::logql)).collect(),
    })
}

/// The scope that the options name.
pub(super) fn scope(options: &Options, environment: &str, now: Timestamp, offset: i32) -> Result<Scope, Failure> {
    let mut scope = Scope::new(environment, window(options, now, offset)?);
    scope.service = options.service.as_deref().map(Into::into);
    scope.matchers = options.labels.iter().map(|(name, value)| Matcher::equal(name.as_str(), value.as_str())).collect();
    if let Some(name) = &options.alert {
        scope.alert = Some(ScopeAlert { name: name.as_str().into(), labels: Labels::new(), onset: None });
    }
    if let Some(id) = &options.trace {
        scope.trace = Some(
            TraceId::parse(id)
                .ok_or_else(|| Failure::usage(format!("--trace {id}: a trace id is 1 to 32 hexadecimal digits, not all zero")))?,
        );
    }
    Ok(scope)
}

/// The window that the options ask for.
pub(super) fn window(options: &Options, now: Timestamp, offset: i32) -> Result<TimeWindow, Failure> {
    let instant =
        |name: &str, text: &str| time_input::parse_instant(text, now, offset).map_err(|e| Failure::usage(format!("--{name} {text}: {e}")));
    match (&options.since, &options.from, &options.to) {
        (Some(since), _, _) => {
            let length = time_input::parse_duration(since).filter(|d| !d.is_zero());
            Ok(TimeWindow::Last(length.ok_or_else(|| Failure::usage(format!("--since {since}: write a duration such as 1h or 30m")))?))
        }
        (None, Some(from), Some(to)) => {
            let (start, end) = (instant("from", from)?, instant("to", to)?);
            if start >= end {
                return Err(Failure::usage("--from must be before --to"));
            }
            Ok(TimeWindow::Fixed(TimeRange { start, end }))
        }
        (None, Some(from), None) => Ok(TimeWindow::Since(instant("from", from)?)),
        (None, None, _) => Ok(TimeWindow::Last(DEFAULT_WINDOW)),
    }
}
