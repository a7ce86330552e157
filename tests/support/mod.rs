//! The real binary in a pseudo-terminal: keys in, screen out. Waits for what is to be seen, never for time.

// Each test is a crate of its own, and uses a part of this.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod core;
pub mod fault;
pub mod feed;
pub mod servers;
pub mod svg;
pub mod walks;

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long anything may take to be seen. A test fails after it; none waits for it.
const PATIENCE: Duration = Duration::from_secs(240);

struct Shown {
    parser: vt100::Parser,
    ended: bool,
    bytes: usize,
}

/// A terminal with the program in it.
pub struct Terminal {
    shown: Arc<(Mutex<Shown>, Condvar)>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts `redline` with arguments on a screen of a size.
    pub fn start(columns: u16, rows: u16, args: &[&str]) -> Self {
        Self::start_with(columns, rows, args, &[])
    }

    /// The same with variables of the environment.
    pub fn start_with(columns: u16, rows: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_redline"), columns, rows, args, env)
    }

    /// Starts another program.
    pub fn start_program(program: &str, columns: u16, rows: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env_clear();
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/bin:/bin"),
            ("HOME", "/nonexistent"),
        ] {
            command.env(name, value);
        }
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let shown = Arc::new((
            Mutex::new(Shown { parser: vt100::Parser::new(cells(rows), cells(columns), 0), ended: false, bytes: 0 }),
            Condvar::new(),
        ));
        let reading = shown.clone();
        std::thread::spawn(move || {
            let (mut buffer, mut pending) = ([0; 16 * 1024], Vec::new());
            loop {
                let n = output.read(&mut buffer).unwrap_or(0);
                pending.extend_from_slice(&buffer[..n]);
                let whole = if n == 0 { pending.len() } else { whole_frames(&pending) };
                let (state, changed) = &*reading;
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.parser.process(&pending[..whole]);
                pending.drain(..whole);
                state.bytes += n;
                state.ended = n == 0;
                changed.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        Self { shown, keys: pair.master.take_writer().unwrap(), child, master: pair.master }
    }

    /// Types keys as they are: `"j"`, `"\r"` for Enter, `"\x1b"` for Esc.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// Waits until the screen fulfils a condition; fails with the screen as it is.
    #[track_caller]
    pub fn wait(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let (state, changed) = &*self.shown;
        let deadline = Instant::now() + PATIENCE;
        let mut state = state.lock().unwrap();
        loop {
            let text = state.parser.screen().contents();
            if condition(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}; the screen is\n{text}");
            assert!(!state.ended, "the program ended while waiting for {what}; the screen was\n{text}");
            state = changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for a text.
    #[track_caller]
    pub fn see(&self, text: &str) -> String {
        self.wait(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until a text is gone.
    #[track_caller]
    pub fn gone(&self, text: &str) -> String {
        self.wait(&format!("{text:?} to go"), |screen| !screen.contains(text))
    }

    /// The row that carries the selection bar, once there is one.
    #[track_caller]
    pub fn selected(&self) -> String {
        let text = self.wait("a selected row", |screen| screen.lines().any(is_selected));
        text.lines().find(|l| is_selected(l)).unwrap().to_owned()
    }

    /// The selected row, once it contains a text.
    #[track_caller]
    pub fn selected_with(&self, text: &str) -> String {
        let screen = self.wait(&format!("the selected row with {text:?}"), |s| s.lines().any(|l| is_selected(l) && l.contains(text)));
        screen.lines().find(|l| is_selected(l) && l.contains(text)).unwrap().to_owned()
    }

    /// Waits until the last crumb of the header is this: the view is on top.
    #[track_caller]
    pub fn at(&mut self, crumb: &str) -> &mut Self {
        self.wait(&format!("the view {crumb}"), |s| last_crumb(s) == Some(crumb));
        self
    }

    /// Waits until a trace is on top: its crumb is its id, cut in the middle.
    #[track_caller]
    pub fn at_trace(&mut self) -> &mut Self {
        self.wait("a trace", |s| last_crumb(s).is_some_and(|c| c.contains('…') && c.len() > 8));
        self
    }

    /// Moves until the selected row contains a text: towards a row that does, which may change its place meanwhile.
    #[track_caller]
    pub fn select(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.wait("a selected row", |s| s.lines().any(is_selected));
            let rows: Vec<&str> = screen.lines().collect();
            let at = rows.iter().position(|l| is_selected(l)).unwrap_or(0);
            if rows[at].contains(text) {
                return rows[at].to_owned();
            }
            assert!(Instant::now() < deadline, "no row with {text:?}; the screen is\n{screen}");
            let above = rows[..at].iter().any(|l| l.starts_with('│') && l.contains(text));
            self.keys(if above { "k" } else { "j" }).taken();
        }
    }

    /// Waits until all keys so far have been taken: what opens after them is seen after them. That the screen has changed
    /// does not tell it: answers change it too.
    #[track_caller]
    pub fn taken(&mut self) -> &mut Self {
        const PALETTE: &str = "Enter runs, Esc closes";
        self.keys(":").see(PALETTE);
        self.keys("\x1b").gone(PALETTE);
        self
    }

    /// The screen now.
    pub fn text(&self) -> String {
        self.shown.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits for a condition that is not on the screen alone.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}; the screen is\n{}", self.text());
            let (state, changed) = &*self.shown;
            drop(changed.wait_timeout(state.lock().unwrap(), Duration::from_millis(20)).unwrap());
        }
    }

    /// Waits until nothing has been drawn for a while: all answers of the screen are in.
    pub fn settled(&self) {
        const QUIET: Duration = Duration::from_millis(1500);
        let (state, changed) = &*self.shown;
        let mut state = state.lock().unwrap();
        loop {
            let bytes = state.bytes;
            let (next, waited) = changed.wait_timeout_while(state, QUIET, |s| s.bytes == bytes && !s.ended).unwrap();
            state = next;
            if waited.timed_out() {
                return;
            }
        }
    }

    /// The cells of the rows from the first that contains a text to the next that contains another.
    pub fn cells(&self, from: &str, to: &str) -> Vec<Vec<vt100::Cell>> {
        let state = self.shown.0.lock().unwrap();
        let screen = state.parser.screen();
        let width = screen.size().1.get();
        let texts: Vec<String> = screen.rows(0, width).collect();
        let first = texts.iter().position(|row| row.contains(from)).unwrap();
        let last = first + texts[first..].iter().position(|row| row.contains(to)).unwrap();
        let row = |row: usize| (0..width).filter_map(|column| screen.cell(u16::try_from(row).unwrap(), column).cloned()).collect();
        (first..last).map(row).collect()
    }

    /// The screen as a picture.
    pub fn picture(&self, palette: &svg::Palette, title: &str) -> String {
        svg::render(self.shown.0.lock().unwrap().parser.screen(), palette, title)
    }

    /// Whether the alternate screen is shown.
    pub fn alternate(&self) -> bool {
        self.shown.0.lock().unwrap().parser.screen().alternate_screen()
    }

    /// The modes of the terminal that are on.
    pub fn modes(&self) -> Vec<&'static str> {
        let tty = self.master.tty_name().unwrap();
        let stty = std::process::Command::new("stty").arg("-a").arg("-F").arg(tty).output().unwrap();
        let stty = String::from_utf8(stty.stdout).unwrap();
        let state = self.shown.0.lock().unwrap();
        let screen = state.parser.screen();
        [
            ("raw", stty.split_whitespace().any(|word| word == "-icanon") || stty.split_whitespace().any(|word| word == "-echo")),
            ("alternate screen", screen.alternate_screen()),
            ("mouse", screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None),
            ("bracketed paste", screen.bracketed_paste()),
            ("hidden cursor", screen.hide_cursor()),
        ]
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect()
    }

    /// Clicks the left button on the first place of a text, some times.
    #[track_caller]
    pub fn click(&mut self, text: &str, times: usize) -> &mut Self {
        let screen = self.see(text);
        let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let column = line[..line.find(text).unwrap()].chars().count() + 1;
        let at = format!("{column};{}", row + 1);
        self.keys(&format!("\x1b[<0;{at}M\x1b[<0;{at}m").repeat(times))
    }

    /// Bytes received so far.
    pub fn bytes(&self) -> usize {
        self.shown.0.lock().unwrap().bytes
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.shown.0.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        {
            let (state, changed) = &*self.shown;
            let deadline = Instant::now() + PATIENCE;
            let mut state = state.lock().unwrap();
            while !state.ended {
                let left = deadline.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "it does not end; the screen is\n{}", state.parser.screen().contents());
                state = changed.wait_timeout(state, left).unwrap().0;
            }
        }
        self.child.wait().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last part of the crumb trail in the header.
fn last_crumb(screen: &str) -> Option<&str> {
    let header = screen.lines().next()?.trim_start().trim_start_matches("redline").trim_start();
    let trail = header.split("   ").find(|part| part.contains('▸') || *part == "Alerts")?;
    trail.rsplit('▸').next().map(str::trim)
}

/// How many bytes there are without the frame that is still being written: half of it would show two screens in one.
fn whole_frames(bytes: &[u8]) -> usize {
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|w| w == mark);
    match (last(b"\x1b[?2026h"), last(b"\x1b[?2026l")) {
        (Some(begin), Some(end)) if end < begin => begin,
        (Some(begin), None) => begin,
        _ => bytes.len(),
    }
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

/// Whether a row of the screen carries the selection bar after its border.
fn is_selected(line: &str) -> bool {
    line.chars().take(2).any(|c| c == '▌')
}
