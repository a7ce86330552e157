//! Signals of the system: end, hang up, stop and continue, another size.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// End with this exit code: SIGTERM, SIGINT from outside, SIGHUP (the ssh connection dropped).
    End(u8),
    /// SIGTSTP from outside.
    Stop,
    /// SIGCONT: the terminal may look different now.
    Continue,
    /// SIGWINCH: the terminal has another size.
    Resized,
}

/// The signals that are handled.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    stop: Signal,
    resume: Signal,
    window: Signal,
}

impl Signals {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            resume: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            window: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.terminate.recv() => Signalled::End(143),
            _ = self.interrupt.recv() => Signalled::End(130),
            _ = self.hang_up.recv() => Signalled::End(129),
            _ = self.stop.recv() => Signalled::Stop,
            _ = self.resume.recv() => Signalled::Continue,
            _ = self.window.recv() => Signalled::Resized,
        }
    }
}

/// Whether something is there that continues what Ctrl-Z stopped: a shell with job control, which gave us a process group
/// of our own in its session. `ssh host redline`, a command of tmux or of a container have none, and would stay stopped.
pub fn is_under_job_control() -> bool {
    use rustix::process::{getpgid, getpgrp, getppid, getsid};
    let (Ok(session), group) = (getsid(None), getpgrp()) else { return false };
    let Some(parent) = getppid().filter(|_| group != session) else { return false };
    // A wrapper script is of our group, and the shell is above it. A parent of another session has adopted an orphan.
    getpgid(Some(parent)) == Ok(group) || getsid(Some(parent)) == Ok(session)
}

/// Stops the process group as Ctrl-Z would have; returns when the shell continues it.
pub fn stop_here() {
    // The group, so that a wrapper script stops with us. When that is refused there is nothing to stop.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
}
