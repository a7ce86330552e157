//! How far the writing is: bars on a terminal, a line now and then elsewhere (in a log, in a pipe).

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::model::time::TimeRange;

/// Between two lines of one server.
const PAUSE: Duration = Duration::from_secs(5);

/// The progress of all servers, shown together.
pub(super) struct Board {
    bars: MultiProgress,
    plain: bool,
}

/// The progress of one of them.
pub(super) struct Progress {
    bar: ProgressBar,
    /// Where lines go when there is no terminal to draw on.
    lines: Option<Lines>,
}

struct Lines {
    name: &'static str,
    said: Instant,
    say: fn(&str),
}

impl Board {
    /// On standard error.
    pub(super) fn new() -> Self {
        Self { bars: MultiProgress::new(), plain: !std::io::stderr().is_terminal() }
    }

    /// One more to follow, over a range of the world's time.
    pub(super) fn add(&self, name: &'static str, range: TimeRange) -> Progress {
        let style =
            ProgressStyle::with_template("{prefix:8} [{bar:40}] {percent:>3} %  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.bars.add(ProgressBar::new(range.duration().as_secs()).with_style(style.progress_chars("=> ")));
        bar.set_prefix(name);
        let lines = self.plain.then(|| Lines { name, said: Instant::now(), say: |line| eprintln!("{line}") });
        Progress { bar, lines }
    }
}

impl Progress {
    /// Says nothing.
    pub(super) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), lines: None }
    }

    /// A stretch more has been written, and all in all so many things.
    pub(super) fn advance(&mut self, stretch: Duration, count: usize, what: &str) {
        self.bar.inc(stretch.as_secs() + 1);
        self.bar.set_message(format!("{count} {what}"));
        if let Some(lines) = self.lines.as_mut().filter(|l| l.said.elapsed() >= PAUSE) {
            lines.said = Instant::now();
            let percent = self.bar.position().min(self.bar.length().unwrap_or(0)) * 100 / self.bar.length().unwrap_or(1).max(1);
            (lines.say)(&format!("{}: {percent} %, {count} {what}", lines.name));
        }
    }

    /// All is written.
    pub(super) fn finish(self) {
        self.bar.finish();
        if let Some(lines) = self.lines {
            (lines.say)(&format!("{}: written, {}", lines.name, self.bar.message()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[test]
    fn without_a_terminal_there_is_a_line_now_and_then_and_one_at_the_end() {
        let long_ago = Instant::now().checked_sub(PAUSE).unwrap();
        let say = |line: &str| SAID.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        let lines = Some(Lines { name: "logs", said: long_ago, say });
        let mut progress = Progress { bar: ProgressBar::hidden(), lines };
        progress.bar.set_length(40);
        progress.advance(Duration::from_secs(9), 50, "lines");
        progress.advance(Duration::from_secs(9), 70, "lines");
        progress.finish();
        assert_eq!(*SAID.lock().unwrap(), ["logs: 25 %, 50 lines", "logs: written, 70 lines"]);
    }
}
