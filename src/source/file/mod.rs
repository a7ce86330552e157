//! Files and standard input in the place of Loki: their lines as the same events.
//!
//! Reading is done by threads of its own: files that can be are read from their end, so that the newest lines are there at
//! once; compressed ones and pipes from their beginning. A bounded channel lets them wait for a reader that is slower, and a
//! pipe's writer wait for them.

mod backward;
mod decode;
mod entries;
mod exported;
mod grown;
mod input;
mod lines;
mod origin;
mod pieces;
mod plain;
mod sniff;
mod stream;
mod teller;
#[cfg(test)]
mod tests;
mod ties;
mod writer;

use std::path::Path;

use compact_str::CompactString;
use tokio::sync::{Mutex, mpsc};

pub use self::input::STANDARD_INPUT;
pub(super) use self::{
    decode::decoded,
    sniff::{Content, HEAD, content},
    stream::{Patient, waits},
};
use self::{
    entries::{Entries, Undated},
    input::{Input, Source},
    plain::Plain,
    teller::{Board, Teller},
};
use crate::{
    background,
    clock::Clock,
    log_fields::{instant::Dater, trace_id::Patterns},
    model::{
        log::LogEvent,
        opened::{Asked, OpenedFile},
        time::{TimeRange, Timestamp},
    },
};

/// Events that wait for who reads them.
const EVENTS: usize = 32;

/// What is to be known for reading lines.
#[derive(Clone)]
pub struct Reading {
    /// The user's own ways to find trace ids.
    pub trace_ids: Patterns,
    /// Seconds east of UTC, for what a clock in the place of lines without a zone shows.
    pub offset: fn(i64) -> i32,
    /// The clock.
    pub clock: Clock,
    /// What was read of standard input already.
    pub begun: Vec<u8>,
}

/// What was named to be opened.
pub struct Files {
    inputs: Vec<Input>,
    reading: Reading,
    board: Board,
    running: Mutex<Running>,
}

/// What is being read.
#[derive(Default)]
struct Running {
    /// What was asked for of the files that can be read again.
    asked: Option<Asked>,
    files: Option<mpsc::Receiver<LogEvent>>,
    /// Pipes are read once, whatever is asked for.
    pipes: Option<mpsc::Receiver<LogEvent>>,
}

impl Files {
    /// Looks at what paths name; those that cannot be shown are told.
    ///
    /// # Errors
    /// None of them can be shown: why, one a line.
    pub fn open(paths: &[impl AsRef<Path>], reading: Reading) -> Result<(Self, Vec<String>), String> {
        let (mut inputs, mut problems) = (Vec::<Input>::new(), Vec::new());
        for path in paths {
            match Input::open(path.as_ref(), &reading.begun) {
                // The same one twice is one.
                Ok(input) if inputs.iter().any(|known| known.name == input.name) => {}
                Ok(input) => inputs.push(input),
                Err(why) => problems.push(why),
            }
        }
        if inputs.is_empty() {
            return Err(problems.join("\n"));
        }
        let board = Board::new(inputs.iter().map(|i| OpenedFile::new(&i.name, i.size)).collect());
        Ok((Self { inputs, reading, board, running: Mutex::default() }, problems))
    }

    /// Their names.
    pub fn names(&self) -> Vec<CompactString> {
        self.inputs.iter().map(|i| i.name.clone()).collect()
    }

    /// Whether all of them can be read again, for another window.
    pub fn are_readable_again(&self) -> bool {
        !self.inputs.iter().any(|i| matches!(i.source, Source::Pipe(_)))
    }

    /// The next event of the lines that are asked for. Another question begins anew, with what can be read again. May be
    /// dropped and called again without losing anything.
    pub async fn next(&self, asked: Asked) -> LogEvent {
        let mut running = self.running.lock().await;
        if running.pipes.is_none() {
            running.pipes = Some(self.read_pipes());
        }
        if running.asked != Some(asked) {
            running.asked = Some(asked);
            let Asked { window, bytes, .. } = asked;
            running.files = Some(self.read_files(window.range(self.reading.clock.now()), window.is_live(), bytes));
        }
        let Running { files, pipes, .. } = &mut *running;
        tokio::select! {
            Some(event) = received(files) => event,
            Some(event) = received(pipes) => event,
            else => std::future::pending().await,
        }
    }

    fn read_pipes(&self) -> mpsc::Receiver<LogEvent> {
        let (events, received) = mpsc::channel(EVENTS);
        for (index, input) in self.inputs.iter().enumerate() {
            let Source::Pipe(file) = &input.source else { continue };
            let Some(pipe) = file.lock().ok().and_then(|mut file| file.take()) else { continue };
            let clock = self.reading.clock.clone();
            let undated = Undated::Arrival(Box::new(move || clock.now()));
            let entries = self.entries(input, self.reading.clock.now(), undated, ALL);
            let (teller, clock) = (self.teller(index, events.clone()), self.reading.clock.clone());
            background::spawn(move || stream::once(pipe, entries, teller, &clock));
        }
        received
    }

    fn read_files(&self, range: TimeRange, follow: bool, bytes: usize) -> mpsc::Receiver<LogEvent> {
        let (events, received) = mpsc::channel(EVENTS);
        let now = self.reading.clock.now();
        // What is written from now on belongs to a window that goes on.
        let range = if follow { TimeRange { end: Timestamp::LATEST, ..range } } else { range };
        let (mut plain, mut compressed) = (Vec::new(), Vec::new());
        for (index, input) in self.inputs.iter().enumerate() {
            let make = |newest| self.entries(input, newest, Undated::place(index), range);
            let teller = self.teller(index, events.clone());
            match &input.source {
                Source::Pipe(_) => continue,
                Source::Plain(path) => plain.push(Plain::new(path.clone(), range, [make(now), make(now)], teller)),
                Source::Compressed(path, content) => {
                    let newest = written(path).unwrap_or(now);
                    compressed.push((path.clone(), *content, make(newest), teller));
                }
            }
            self.board.change(index, |file| *file = OpenedFile::new(&input.name, input.size));
        }
        background::spawn(move || plain::read(plain, bytes, follow));
        background::spawn(move || {
            compressed.into_iter().for_each(|(path, content, entries, teller)| stream::file(&path, content, entries, teller))
        });
        received
    }

    fn entries(&self, input: &Input, newest: Timestamp, undated: Undated, range: TimeRange) -> Entries {
        let dater = Dater::new(newest, Box::new(self.reading.offset));
        Entries::new(&input.name, self.reading.trace_ids.clone(), dater, undated, range)
    }

    fn teller(&self, index: usize, events: mpsc::Sender<LogEvent>) -> Teller {
        Teller::new(self.board.clone(), index, events, self.reading.clock.clone())
    }
}

/// All times.
const ALL: TimeRange = TimeRange { start: Timestamp(i64::MIN), end: Timestamp::LATEST };

async fn received(from: &mut Option<mpsc::Receiver<LogEvent>>) -> Option<LogEvent> {
    from.as_mut()?.recv().await
}

/// When a file was last written to.
fn written(path: &Path) -> Option<Timestamp> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Timestamp)
}
