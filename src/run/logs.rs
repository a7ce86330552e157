//! `redline logs`: log lines on standard output, none lost, none twice, in order.

mod cost;
mod print;
mod services;

use std::{future::pending, io::Write as _, sync::Arc, time::Duration};

use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{Failure, NO_ANSWER, USAGE, clients::sources, report::say, runtime, terminal};
use crate::{
    cli::{LogsArgs, Options},
    clock::Clock,
    config::{Loaded, System},
    core::{request::label_window, scope::Scope},
    logql_parts::without_comment,
    model::{
        backend::{Backend, ErrorKind, SourceError},
        log::{LogEvent, Older, TailState},
        log_labels::LogLabels,
        time::{TimeRange, TimeWindow, Timestamp},
    },
    source::{
        Loki, Sources,
        http::Observer,
        loki::{Follow, TAILS},
        not_configured,
    },
    ui::format,
    views::logs::{
        gaps::reason,
        query::{of_scope, of_trace_at_once},
    },
};
use print::Printer;
use services::Elsewhere;

/// What a reader is told of being behind.
const BEHIND: Duration = Duration::from_secs(30);
/// Between two looks for streams of the service that did not have lines.
const LOOK: Duration = Duration::from_secs(60);
/// How long an interrupted program waits for what it has begun to write.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Prints lines until there are no more, the reader of the pipe has gone, or it is interrupted.
pub(super) fn run(loaded: &Loaded, options: &Options, args: &LogsArgs, system: &System) -> Result<u8, Failure> {
    let config = &loaded.config;
    let (_, environment) = config.current().ok_or_else(|| Failure::usage("there is no environment to ask"))?;
    loaded.warnings.iter().for_each(say);
    let given = given(options, args)?;
    let nobody: Observer = Arc::new(|_, _| {});
    let clock = Clock::system();
    let sources = sources(config, environment, &nobody, &clock).map_err(Failure::usage)?;
    let loki = sources.loki.as_ref().ok_or_else(|| Failure::source(&not_configured(Backend::Loki)))?;
    let offset = config.display.time_zone.offset(clock.now()).0;
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let asked = Asked::new(&sources, loki, offset, options, args, given).await?;
        if let Some(limit) = config.logs.ask_above.filter(|_| !args.yes) {
            cost::check(loki, &asked, limit).await?;
        }
        let printer = Printer::new(args.output, config, &system.vars);
        print(loki, asked, printer).await
    });
    // Not waited for: who reads the pipe may never take what is being written.
    runtime.shutdown_background();
    done.map(|()| 0)
}

/// The query of the command line; `None`: that of a service.
fn given(options: &Options, args: &LogsArgs) -> Result<Option<String>, Failure> {
    let given: Vec<&String> = args.query.iter().chain(&options.queries).collect();
    match given.as_slice() {
        [_] if options.service.is_some() || !options.labels.is_empty() => Err(Failure::usage(
            "LOGQL says which lines, and --service and --label would not narrow it: leave them out, or write them into its selector",
        )),
        [one] => Ok(Some((*one).clone())),
        [] if options.service.is_some() || options.trace.is_some() || !options.labels.is_empty() => Ok(None),
        [] => Err(Failure::usage(
            "which lines? Give LOGQL, such as '{app=\"web\"} |= \"timeout\"', --service NAME, which --label NAME=VALUE narrows, or --trace ID",
        )),
        _ => Err(Failure::usage("more than one query was given: leave out --query")),
    }
}

/// What is asked of Loki.
struct Asked {
    /// No two of them select the same stream.
    queries: Vec<String>,
    range: TimeRange,
    follow: Follow,
    /// Where more of the service may be.
    more: Option<More>,
}

/// The service's streams that may begin to have lines while it is followed.
struct More {
    elsewhere: Elsewhere,
    scope: Scope,
    labels: LogLabels,
}

impl More {
    /// Looks for them again and again, and has their lines read as well.
    async fn look(mut self, loki: &Loki, start: Timestamp, queries: mpsc::Sender<String>) {
        while self.elsewhere.may_grow() {
            sleep(LOOK).await;
            let found = self.elsewhere.look(loki, TimeRange { start, end: loki.http().now() }).await;
            for matchers in found {
                // The first one is the query of the label that is asked already.
                let query = of_scope(&self.scope, &self.labels, &[matchers]).streams.into_iter().nth(1);
                if let Some(query) = query
                    && queries.send(query).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

impl Asked {
    /// The first answer of any kind tells how far the clocks are apart, and so when now is.
    async fn new(
        sources: &Sources,
        loki: &Loki,
        offset: i32,
        options: &Options,
        args: &LogsArgs,
        given: Option<String>,
    ) -> Result<Self, Failure> {
        let clock = loki.http().clock();
        let scope = terminal::scope(options, "", clock.now(), offset)?;
        if args.follow && matches!(scope.window, TimeWindow::Fixed(_)) {
            return Err(Failure::usage("--follow goes on, --to ends: leave out one of them"));
        }
        let follow = match (args.follow, args.eager) {
            (false, _) => Follow::No,
            (true, false) => Follow::InOrder,
            (true, true) => Follow::AtOnce,
        };
        let mut more = None;
        let queries = match given {
            Some(logql) => {
                loki.ready().await.map_err(|e| failure(&e))?;
                vec![format!("{}{}", without_comment(&logql), scope.trace.map(of_trace_at_once).unwrap_or_default())]
            }
            None => {
                let now = loki.http().now();
                let labels = services::labels(sources, loki, label_window(scope.window, now).range(now)).await.map_err(|e| failure(&e))?;
                if let Some(service) = scope.service.as_ref().filter(|service| labels.matchers(service).is_none()) {
                    say(unnamed(&labels, service));
                }
                let mut elsewhere = scope.service.as_ref().map_or_else(Elsewhere::default, |s| Elsewhere::new(&labels, s));
                elsewhere.look(loki, scope.window.range(now)).await;
                let plan = of_scope(&scope, &labels, &elsewhere.joined);
                for condition in &plan.unapplied {
                    say(format!("{condition} is not a label of logs that redline knows, so it is not applied; LOGQL can say it"));
                }
                more = (follow != Follow::No).then(|| More { elsewhere, scope: scope.clone(), labels });
                plan.streams
            }
        };
        let range = scope.window.range(loki.http().now());
        for query in &queries {
            if let Some(error) = loki.unread(query, range).await {
                return Err(failure(&error));
            }
        }
        Ok(Self { queries, range, follow, more })
    }
}

/// What to do about a service that these logs do not name.
fn unnamed(labels: &LogLabels, service: &str) -> String {
    const NEAREST: usize = 3;
    let near: Vec<String> = labels.nearest(service, NEAREST).into_iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    let near = if near.is_empty() { String::new() } else { format!("; the nearest: {}", near.join(", ")) };
    format!(
        "no label of this Loki names a service {service:?}{near}; redline doctor shows what is named, [logs.services] in config.toml says where it is"
    )
}

/// A query that Loki cannot read is wrong usage; anything else is no answer.
fn failure(error: &SourceError) -> Failure {
    let code = if matches!(error.kind, ErrorKind::BadQuery | ErrorKind::NotConfigured) { USAGE } else { NO_ANSWER };
    Failure { code, message: format!("{error}. {}", error.advice()) }
}

async fn print(loki: &Loki, asked: Asked, mut printer: Printer) -> Result<(), Failure> {
    let Asked { queries, range, follow, more } = asked;
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).map_err(Failure::other)?, signal(SignalKind::terminate()).map_err(Failure::other)?);
    let (chunks, written) = writer();
    let (out, events) = mpsc::channel(1);
    let printing = async {
        // Dropped with it: where nothing can be written any more, nothing more is read.
        let (chunks, mut events) = (chunks, events);
        let mut told = Told::default();
        while let Some(event) = events.recv().await {
            let text = printer.text(&event);
            told.event(event, printer.offset());
            if !text.is_empty() && chunks.send(text).await.is_err() {
                return true;
            }
        }
        told.is_empty_handed(&printer)
    };
    let (add, later) = mpsc::channel(1);
    let looking = async {
        // Dropped at its end: then no more queries can come.
        let add = add;
        if let Some(more) = more {
            more.look(loki, range.start, add).await;
        }
    };
    let reading = async {
        let looked_for_all = async {
            looking.await;
            pending().await
        };
        let (read, some) = select! {
            done = async { tokio::join!(loki.read_all(&queries, later, range, follow, out), printing) } => done,
            never = looked_for_all => never,
        };
        if !some && read.is_ok() && follow == Follow::No {
            let [from, to] = [range.start, range.end].map(|at| format::rfc3339(Timestamp::from_millis(at.millis())));
            say(format!("no lines for {} from {from} to {to}", queries.join(" or ")));
        }
        read
    };
    let done = select! {
        read = reading => Some(read),
        () = reader_gone() => None,
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    match done {
        // A slow reader gets all of it.
        Some(read) => {
            let wrote = select! {
                wrote = written => wrote,
                _ = interrupt.recv() => Ok(Ok(())),
                _ = terminate.recv() => Ok(Ok(())),
            };
            wrote.unwrap_or(Ok(())).map_err(|e| Failure::other(format!("standard output: {e}")))?;
            read.map_err(|e| failure(&e))
        }
        None => {
            let _ = timeout(LAST_WORDS, written).await;
            Ok(())
        }
    }
}

/// Writes to standard output on a thread of its own, which a full pipe may hold up; then tells how it went. A reader that has
/// gone is no failure.
fn writer() -> (mpsc::Sender<Vec<u8>>, oneshot::Receiver<std::io::Result<()>>) {
    let (chunks, mut received) = mpsc::channel::<Vec<u8>>(1);
    let (tell, written) = oneshot::channel();
    std::thread::spawn(move || {
        let mut out = std::io::stdout().lock();
        let mut result = Ok(());
        while let Some(chunk) = received.blocking_recv() {
            result = out.write_all(&chunk).and_then(|()| out.flush());
            if result.is_err() {
                break;
            }
        }
        let gone = result.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe);
        let _ = tell.send(if gone { Ok(()) } else { result });
    });
    (chunks, written)
}

/// Ends once no one reads standard output any more: where no lines come, writing would not tell.
async fn reader_gone() {
    use rustix::event::{PollFd, PollFlags, poll};
    const EVERY: Duration = Duration::from_secs(1);
    loop {
        sleep(EVERY).await;
        let stdout = std::io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let gone = PollFlags::ERR | PollFlags::HUP;
        if poll(&mut fds, Some(&rustix::event::Timespec::default())).is_ok() && fds[0].revents().intersects(gone) {
            return;
        }
    }
}

/// What was said on standard error, so that nothing is said twice.
#[derive(Default)]
struct Told {
    failure: Option<String>,
    /// What is asked again and again and refused.
    left_out: Option<String>,
    behind: bool,
    /// What was said last.
    last: String,
}

impl Told {
    /// Of several streams that say the same one is heard.
    fn once(&mut self, words: String) {
        if self.last != words {
            say(&words);
            self.last = words;
        }
    }

    fn event(&mut self, event: LogEvent, offset: i32) {
        match event {
            LogEvent::Failed(error) => {
                let words = format!("{error}; it is tried again");
                if self.failure.as_ref() != Some(&words) {
                    say(&words);
                    self.failure = Some(words);
                }
            }
            LogEvent::LeftOut { query, error } => {
                let words = format!("the lines of '{query}' are left out until they are handed out: {error}. {}", error.advice());
                if self.left_out.as_ref() != Some(&words) {
                    say(&words);
                    self.left_out = Some(words);
                }
            }
            LogEvent::Gap(gap) => {
                let [from, to] = [gap.range.start, gap.range.end].map(|at| format::date_time(at, offset));
                say(format!("lines are missing from {from} to {to}: {}", gap.reason));
            }
            LogEvent::Tail(state) => self.tail(state),
            LogEvent::History { reached, older: Older::Withheld(limit), .. } => {
                self.once(format!("nothing before {} is handed out: {}", format::date_time(reached, offset), reason(limit)));
            }
            LogEvent::History { .. } | LogEvent::Lines(_) | LogEvent::Files(_) | LogEvent::ReadTo(_) | LogEvent::Limited(_) => {}
        }
    }

    fn tail(&mut self, state: TailState) {
        match state {
            TailState::Behind(by) if by >= BEHIND && !self.behind => {
                self.behind = true;
                say(format!("{} behind, catching up", format::span(by)));
            }
            TailState::Behind(by) if by.is_zero() => {
                if self.behind || self.failure.is_some() || self.left_out.is_some() {
                    say("up to date again");
                }
                *self = Self::default();
            }
            TailState::Refused { why, .. } => self.once(format!("no tail, so lines come some seconds later: {why}")),
            TailState::Lost { error, .. } => self.once(format!("{error}; until the tail is back, lines come some seconds later")),
            TailState::LateUnsought { after, why } => {
                self.once(format!("lines that come more than {} late are not looked for: {why}", format::span(after)));
            }
            TailState::LateSought => self.once("lines that come late are looked for again".to_owned()),
            TailState::Polled => {
                self.once(format!("no more than {TAILS} tails are opened: lines of other streams come some seconds later"))
            }
            TailState::Connected => self.last.clear(),
            TailState::Off | TailState::Connecting | TailState::Dropped(_) | TailState::Recovered(_) | TailState::Behind(_) => {}
        }
    }

    /// Whether something was printed or said.
    fn is_empty_handed(&self, printer: &Printer) -> bool {
        self.failure.is_some() || printer.has_printed()
    }
}
