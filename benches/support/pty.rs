//! The program, or another one, in a pseudo-terminal, and the instant at which each of its frames was there as a whole.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    num::NonZeroU16,
    path::PathBuf,
    sync::mpsc,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const COLUMNS: u16 = 200;
const ROWS: u16 = 50;
/// The end of a synchronized update.
const END: &[u8] = b"\x1b[?2026l";
/// How long a frame of a program that marks none may pause.
const PAUSE: Duration = Duration::from_millis(5);
/// How long anything may take to be seen before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program: `REDLINE_BIN`, such as the release's, or the one built beside this benchmark.
pub fn program() -> PathBuf {
    std::env::var_os("REDLINE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_redline").into(), PathBuf::from)
}

/// A terminal of 200×50 with the program in it.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    chunks: mpsc::Receiver<(Instant, Vec<u8>)>,
    /// Read, but not a whole frame yet.
    pending: Vec<u8>,
    parser: vt100::Parser,
    bytes: usize,
    /// Whether the program marks where its frames end.
    marks: bool,
    /// When the program was started.
    pub started: Instant,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    pub fn start(args: &[&str]) -> Self {
        Self::run(CommandBuilder::new(program()), args, true)
    }

    /// Another program, which does not mark where its frames end: they do where nothing more comes.
    pub fn start_other(program: &str, args: &[&str]) -> Self {
        Self::run(CommandBuilder::new(program), args, false)
    }

    fn run(mut command: CommandBuilder, args: &[&str], marks: bool) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 }).unwrap();
        command.args(args);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        let path = command.get_env("PATH").map(OsStr::to_os_string).unwrap_or_default();
        command.env_clear();
        command.env("PATH", path);
        for (name, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8"), ("HOME", "/nonexistent")] {
            command.env(name, value);
        }
        let (sender, chunks) = mpsc::channel();
        let mut output = pair.master.try_clone_reader().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                if sender.send((Instant::now(), buffer[..n].to_vec())).is_err() {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        let cells = |n| NonZeroU16::new(n).unwrap();
        let parser = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        Self { child, keys, chunks, pending: Vec::new(), parser, bytes: 0, marks, started, _master: pair.master }
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for the next whole frame and shows it. Says when its last byte was there; `None`: none came in time.
    pub fn frame(&mut self, within: Duration) -> Option<Instant> {
        if !self.marks {
            return self.burst(within);
        }
        let deadline = Instant::now() + within;
        loop {
            let (at, chunk) = self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
            self.bytes += chunk.len();
            // The end mark may be cut in two.
            let from = self.pending.len().saturating_sub(END.len());
            self.pending.extend_from_slice(&chunk);
            if let Some(end) = self.pending[from..].windows(END.len()).rposition(|w| w == END) {
                let end = from + end + END.len();
                self.parser.process(&self.pending[..end]);
                self.pending.drain(..end);
                return Some(at);
            }
        }
    }

    /// The same of a program that marks no frames.
    fn burst(&mut self, within: Duration) -> Option<Instant> {
        let mut last = None;
        while let Ok((at, chunk)) = self.chunks.recv_timeout(if last.is_some() { PAUSE } else { within }) {
            self.bytes += chunk.len();
            self.parser.process(&chunk);
            last = Some(at);
        }
        last
    }

    /// Waits until the screen fulfils a condition, and says when it did.
    pub fn see(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> Instant {
        let mut at = Instant::now();
        loop {
            let text = self.parser.screen().contents();
            if condition(&text) {
                return at;
            }
            at = self.frame(PATIENCE).unwrap_or_else(|| panic!("waited in vain for {what}; the screen is\n{text}"));
        }
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Types keys as they are.
    pub fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Presses a key that changes what `shows` sees. Says how long until it was seen.
    pub fn press<T: PartialEq>(&mut self, key: &str, shows: impl Fn(&Self) -> T) -> Duration {
        // What was drawn before the key is no answer to it.
        while self.frame(Duration::ZERO).is_some() {}
        let before = shows(self);
        let pressed = Instant::now();
        self.type_keys(key);
        loop {
            let at = self.frame(PATIENCE).unwrap_or_else(|| panic!("{key} changed nothing; the screen is\n{}", self.text()));
            if shows(self) != before {
                return at.saturating_duration_since(pressed);
            }
        }
    }

    /// The rows of the screen without the first and the last ones, in which clocks stand.
    pub fn middle(&self) -> Vec<String> {
        self.parser.screen().rows(0, COLUMNS).skip(3).take(usize::from(ROWS) - 10).collect()
    }

    /// The order of a table and the place of its selection, which stand at the end of its first edge.
    pub fn order_and_place(&self) -> String {
        let text = self.text();
        let edge = text.lines().nth(2).unwrap_or_default();
        edge.chars().rev().take(40).collect()
    }

    /// What stands in the row that carries the selection's bar: the selection stays on it when a refresh moves it.
    pub fn selected_name(&self) -> Option<String> {
        let row = self.parser.screen().rows(0, 40).nth(usize::from(self.selected()?))?;
        row.split_whitespace().find(|word| word.chars().any(char::is_alphabetic)).map(str::to_owned)
    }

    /// The row of the screen that carries the selection's bar.
    pub fn selected(&self) -> Option<u16> {
        let screen = self.parser.screen();
        (0..ROWS).find(|row| (0..3).any(|column| screen.cell(*row, column).is_some_and(|c| c.contents() == "▌")))
    }

    /// Draws whatever comes until nothing has come for a while.
    pub fn quiet(&mut self, length: Duration) {
        while self.frame(length).is_some() {}
    }

    /// Draws whatever comes for a while. Says how many bytes that were.
    pub fn watch(&mut self, length: Duration) -> usize {
        let (before, deadline) = (self.bytes, Instant::now() + length);
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            self.frame(left);
        }
        self.bytes - before
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
