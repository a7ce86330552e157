//! What those who read tell: lines in pieces, and how far they are.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::entries::Entries;
use crate::{
    clock::Clock,
    model::{
        log::{LogEvent, LogLine},
        opened::{FileState, OpenedFile},
    },
};

/// Lines and bytes that are handed on at once: the screen waits for them.
const LINES: usize = 500;
const BYTES: usize = 64 << 10;
/// How often it is told how far a file is read.
const EVERY: Duration = Duration::from_millis(100);

/// Nobody listens any more.
pub(super) struct Gone;

/// How far all files are.
#[derive(Clone)]
pub(super) struct Board(Arc<Mutex<Vec<OpenedFile>>>);

impl Board {
    pub(super) fn new(files: Vec<OpenedFile>) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    pub(super) fn change(&self, index: usize, change: impl FnOnce(&mut OpenedFile)) {
        if let Some(file) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            change(file);
        }
    }

    fn all(&self) -> Vec<OpenedFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Tells of one file.
pub(super) struct Teller {
    board: Board,
    index: usize,
    events: mpsc::Sender<LogEvent>,
    clock: Clock,
    told: Option<Instant>,
}

impl Teller {
    pub(super) fn new(board: Board, index: usize, events: mpsc::Sender<LogEvent>, clock: Clock) -> Self {
        Self { board, index, events, clock, told: None }
    }

    /// Whether nobody listens any more.
    pub(super) fn is_unheard(&self) -> bool {
        self.events.is_closed()
    }

    /// What nobody listens to is not written on the board either, on which others write by then.
    fn heard(&self) -> Result<(), Gone> {
        if self.is_unheard() { Err(Gone) } else { Ok(()) }
    }

    /// Hands on the lines that are finished, the newest pieces first, and changes what is known of the file. Waits where the
    /// reader is slower. Returns the bytes of memory that the lines take.
    pub(super) fn tell(&mut self, entries: &mut Entries, change: impl FnOnce(&mut OpenedFile)) -> Result<usize, Gone> {
        self.heard()?;
        let (lines, weight) = entries.finished();
        let notes = entries.notes();
        self.board.change(self.index, |file| {
            file.notes.add(&notes);
            change(file);
        });
        for piece in pieces(lines).into_iter().rev() {
            self.send(LogEvent::Lines(piece))?;
        }
        if self.told.is_none_or(|told| told.elapsed() >= EVERY) {
            self.tell_all()?;
        }
        Ok(weight)
    }

    /// How it is with the file now: told at once.
    pub(super) fn state(&mut self, state: FileState) -> Result<(), Gone> {
        self.heard()?;
        self.board.change(self.index, |file| file.state = state);
        self.tell_all()
    }

    /// What has become of the file.
    pub(super) fn news(&mut self, what: &str) -> Result<(), Gone> {
        self.heard()?;
        let now = self.clock.now();
        self.board.change(self.index, |file| file.news = Some((now, what.to_owned())));
        self.tell_all()
    }

    fn tell_all(&mut self) -> Result<(), Gone> {
        self.told = Some(Instant::now());
        self.send(LogEvent::Files(self.board.all()))
    }

    fn send(&self, event: LogEvent) -> Result<(), Gone> {
        self.events.blocking_send(event).map_err(|_| Gone)
    }
}

fn pieces(lines: Vec<LogLine>) -> Vec<Vec<LogLine>> {
    let (mut out, mut bytes): (Vec<Vec<LogLine>>, usize) = (Vec::new(), BYTES);
    for line in lines {
        bytes += line.text.len();
        match out.last_mut() {
            Some(piece) if bytes < BYTES && piece.len() < LINES => piece.push(line),
            _ => {
                bytes = line.text.len();
                out.push(vec![line]);
            }
        }
    }
    out
}
