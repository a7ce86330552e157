//! The shell around the core: terminal, timers, tasks. The only place that does IO on the core's behalf.

mod beat;
mod exec;
pub mod fetch;
mod file;
mod health;
mod history;
mod inbox;
mod input;
mod keeper;
mod kept;
mod pacer;
mod retry;
mod screen;
mod secrets;
mod settle;
mod signals;
pub mod structure;

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use self::{
    beat::Beat,
    exec::Exec,
    health::HealthBoard,
    inbox::{Inbox, Next},
    input::Input,
    keeper::Keeper,
    pacer::Pacer,
    screen::Screen,
    signals::{Signalled, Signals},
};
use crate::{
    app::App,
    clock::Clock,
    core::{
        effect::{Effect, KeptQueries},
        msg::{Event, Msg},
    },
    model::backend::Health,
    source::{Sources, http::Observer},
    theme::Theme,
};

/// Makes what the shell cannot know: the clients of an environment, a theme by name.
pub trait Environments {
    /// The clients of an environment. Opening reads no network.
    ///
    /// # Errors
    /// A sentence for the user.
    fn sources(&self, name: &str, observer: Observer) -> Result<Sources, String>;

    /// A theme, fit for this terminal.
    ///
    /// # Errors
    /// A sentence for the user.
    fn theme(&self, name: &str) -> Result<Theme, String>;
}

/// What a run needs.
pub struct Setup {
    /// Clients and themes by name.
    pub environments: Box<dyn Environments>,
    /// The environment to begin with.
    pub environment: String,
    /// The clock.
    pub clock: Clock,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// Frames a second while data streams in.
    pub max_fps: u32,
    /// A backend that was not asked for this long is probed.
    pub probe: Duration,
    /// Warnings of the configuration, for the log.
    pub warnings: Vec<String>,
    /// What the footer says at first.
    pub notice: Option<String>,
    /// The folder of what the user keeps.
    pub data_folder: Option<PathBuf>,
}

/// The exit code of a run whose terminal has gone: 128 and SIGHUP.
const HUNG_UP: u8 = 129;

/// Labels go out of date one after another, never faster than this.
const TICK: Duration = Duration::from_millis(10);

/// Runs until the user quits or a signal ends it. Returns the exit code.
///
/// # Errors
/// When the terminal cannot be used, or is gone.
pub async fn run(make_app: impl FnOnce((u16, u16)) -> App, setup: Setup) -> io::Result<u8> {
    screen::install_panic_hook();
    // Before the terminal is taken: a signal in between must not leave it taken.
    let signals = Signals::new()?;
    let screen = Screen::enter(setup.mouse)?;
    let app = make_app(screen.size());
    let mut shell = Shell::new(app, screen, signals, setup);
    shell.draw()?;
    shell.open_environment();
    shell.turn().await
}

struct Shell {
    app: App,
    screen: Screen,
    setup: Setup,
    exec: Exec,
    context: Option<exec::Context>,
    health: HealthBoard,
    keeper: Keeper,
    pacer: Pacer,
    beat: Beat,
    signals: Signals,
    input: Option<Input>,
    inbox: Inbox,
    input_in: mpsc::Sender<Msg>,
    data_in: mpsc::Sender<Msg>,
    /// When the core was last told of the clock.
    woken: Instant,
    exit: Option<u8>,
    /// Stopped by ourselves: the SIGCONT that follows tells nothing new.
    resumed: bool,
}

impl Shell {
    fn new(app: App, screen: Screen, signals: Signals, setup: Setup) -> Self {
        let (inbox, input_in, data_in) = Inbox::new();
        let input = Input::start(setup.clock.clone(), input_in.clone());
        let health = HealthBoard::new(setup.clock.clone(), setup.probe, data_in.clone());
        let keeper = Keeper::start(setup.data_folder.as_deref(), setup.clock.clone(), data_in.clone());
        let pacer = Pacer::new(setup.max_fps);
        Self {
            app,
            screen,
            setup,
            exec: Exec::default(),
            context: None,
            health,
            keeper,
            pacer,
            beat: Beat::new(Instant::now()),
            signals,
            input: Some(input),
            inbox,
            input_in,
            data_in,
            woken: Instant::now(),
            exit: None,
            resumed: false,
        }
    }

    fn message(&self, event: Event) -> Msg {
        Msg { now: self.setup.clock.now(), event }
    }

    /// Makes the clients of the environment. Before this nothing touches the network.
    fn open_environment(&mut self) {
        self.exec.stop();
        self.keeper.read(&self.setup.environment);
        let made = self.setup.environments.sources(&self.setup.environment, self.health.observer());
        // Without clients the panes say that there is no address: never another environment's data under this name.
        let mut notice = self.setup.notice.take();
        let sources = Arc::new(made.unwrap_or_else(|error| {
            self.setup.warnings.push(error.clone());
            notice = Some(error);
            Sources::default()
        }));
        for backend in self.health.watch(sources.clone()) {
            // Not by the channel, which may be full: nothing would tell it again.
            let none = self.message(Event::Health(backend, Health::NotConfigured));
            self.app.update(none);
        }
        self.context = Some(exec::Context { sources, clock: self.setup.clock.clone(), beat: self.beat, out: self.data_in.clone() });
        for warning in self.setup.warnings.drain(..) {
            tracing::warn!("{warning}");
        }
        if let Some(text) = notice {
            let notice = self.message(Event::Notice(text));
            self.app.update(notice);
        }
    }

    /// The loop. Signals first, then keys: they never wait behind data.
    async fn turn(&mut self) -> io::Result<u8> {
        loop {
            let settled = self.settle();
            self.exit = self.exit.or(ended(settled)?);
            if let Some(code) = self.exit {
                self.exec.stop();
                self.keeper.finish().await?;
                return Ok(code);
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                signal = self.signals.next() => {
                    let signalled = self.signalled(signal);
                    self.exit = self.exit.or(ended(signalled)?);
                }
                next = self.inbox.next(wake) => match next {
                    Next::Typed(msg) => self.app.update(msg),
                    Next::Wake => self.woken(),
                    Next::Data => self.inbox.deal(|msg| self.app.update(msg)),
                },
            }
        }
    }

    /// After messages: start and stop work, do effects, draw when it is time.
    fn settle(&mut self) -> io::Result<()> {
        for effect in self.app.take_effects() {
            self.effect(effect)?;
        }
        if let Some(context) = &self.context {
            self.exec.reconcile(self.app.subscriptions(), context, Instant::now());
        }
        let now = Instant::now();
        if let Some(urgency) = self.app.take_dirty() {
            self.pacer.mark(urgency, now);
        }
        if self.pacer.due(now).is_some_and(|due| due <= now) {
            self.draw()?;
        }
        if self.input.as_ref().is_some_and(Input::has_ended) {
            self.exit = Some(HUNG_UP);
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        crate::logging::drain();
        let started = Instant::now();
        let app = &self.app;
        self.screen.draw(app.cursor(), |area, buf| app.render(area, buf))?;
        self.pacer.drawn(started, started.elapsed());
        Ok(())
    }

    /// The earlier of: the frame that is due, the label that goes out of date.
    fn next_wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let label = self.app.next_wake().map(|at| (now + at.since(self.setup.clock.now())).max(self.woken + TICK));
        [self.pacer.due(now), label].into_iter().flatten().min()
    }

    fn woken(&mut self) {
        let now = self.setup.clock.now();
        if self.app.next_wake().is_some_and(|at| at <= now + TICK) {
            self.woken = Instant::now();
            let wake = self.message(Event::Wake);
            self.app.update(wake);
        }
    }

    fn effect(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Copy(text) => self.screen.copy(&text)?,
            Effect::Sound(sound, words) => self.screen.sound(sound, &words)?,
            Effect::Quit => self.exit = Some(0),
            Effect::Suspend => self.suspend()?,
            Effect::Write(write) => {
                // Views ask for it only after the environment was opened.
                if let Some(context) = self.context.clone() {
                    exec::write(*write, context);
                }
            }
            Effect::SwitchEnvironment(name) => {
                self.setup.environment = name.to_string();
                self.app.environment_switched(&name);
                self.open_environment();
            }
            Effect::Keep { name, queries } => self.keeper.change(&self.setup.environment, KeptQueries { name, queries }),
            Effect::Remember(query) => self.keeper.remember(&self.setup.environment, query),
            Effect::Forget(name) => self.keeper.change(&self.setup.environment, KeptQueries { name, queries: Vec::new() }),
            Effect::SwitchTheme(name) => match self.setup.environments.theme(&name) {
                Ok(theme) => self.app.theme_switched(theme),
                Err(error) => {
                    let notice = self.message(Event::Notice(error));
                    self.app.update(notice);
                }
            },
        }
        Ok(())
    }

    fn signalled(&mut self, signal: Signalled) -> io::Result<()> {
        match signal {
            Signalled::End(code) => self.exit = Some(code),
            Signalled::Stop => self.suspend()?,
            Signalled::Resized => self.resized()?,
            Signalled::Continue => {
                if !std::mem::take(&mut self.resumed) {
                    self.retake()?;
                }
            }
        }
        Ok(())
    }

    fn resized(&mut self) -> io::Result<()> {
        let (width, height) = crossterm::terminal::size()?;
        self.screen.resize(width, height);
        let resize = self.message(Event::Resize(width, height));
        self.app.update(resize);
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        if !signals::is_under_job_control() {
            let why = "not stopped: no shell with job control is there that could continue redline";
            let notice = self.message(Event::Notice(why.to_owned()));
            self.app.update(notice);
            return Ok(());
        }
        self.input = None;
        screen::leave();
        self.resumed = true;
        signals::stop_here();
        self.retake()
    }

    /// Takes the terminal after a stop, whoever stopped us: modes, size and content may be anyone's.
    fn retake(&mut self) -> io::Result<()> {
        self.input = None;
        screen::leave();
        self.screen.reenter()?;
        self.input = Some(Input::start(self.setup.clock.clone(), self.input_in.clone()));
        let (width, height) = self.screen.size();
        let resize = self.message(Event::Resize(width, height));
        self.app.update(resize);
        Ok(())
    }
}

/// The exit code that something on the terminal ends the run with: one that has gone hangs up, which the signal may say only later.
fn ended(result: io::Result<()>) -> io::Result<Option<u8>> {
    match result {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(Some(HUNG_UP)),
        other => other.map(|()| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_has_gone_is_a_hang_up_and_no_failure() {
        let error = |errno: rustix::io::Errno| Err(io::Error::from(errno));
        assert_eq!(ended(error(rustix::io::Errno::IO)).unwrap(), Some(129));
        assert!(ended(error(rustix::io::Errno::NOSPC)).is_err());
        assert_eq!(ended(Ok(())).unwrap(), None);
    }
}
