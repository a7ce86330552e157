//! What is read from its beginning: pipes as they come, compressed files.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    decode::{Counted, PIECE, decoded},
    entries::Entries,
    input::why,
    lines::Splitter,
    sniff::{self, Content, HEAD},
    teller::{Gone, Teller},
};
use crate::{clock::Clock, model::opened::FileState};

/// Lines of a pipe are shown this long after they came, where more may come.
const SOON: Duration = Duration::from_millis(30);
/// A line that nothing goes on from for so long is whole.
const QUIET: Duration = Duration::from_millis(300);
/// Finished lines of so many bytes are handed on.
const ENOUGH: usize = 256 << 10;

/// Reads a pipe until its writer has gone.
pub(super) fn pipe(mut file: File, mut entries: Entries, mut teller: Teller, clock: &Clock) {
    let mut head = Vec::new();
    // The first bytes tell whether it is compressed; a writer may take its time for them.
    while head.len() < 4 {
        let mut piece = vec![0; HEAD];
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => head.extend_from_slice(&piece[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return end(teller, FileState::Failed(why(&e))),
        }
    }
    let content = sniff::content(&head);
    let state = match content {
        Content::Other(what) => Ok(FileState::Failed(what.replace("FILE", "-"))),
        Content::Text => live(&head, file, &mut entries, &mut teller, clock),
        Content::Gzip | Content::Zstd => forward(content, io::Cursor::new(head).chain(file), &mut entries, &mut teller),
    };
    if let Ok(state) = state {
        end(teller, state);
    }
}

/// Reads a compressed file.
pub(super) fn file(path: &Path, content: Content, mut entries: Entries, mut teller: Teller) {
    let state = match File::open(path) {
        Ok(file) => forward(content, file, &mut entries, &mut teller),
        Err(e) => Ok(FileState::Failed(why(&e))),
    };
    if let Ok(state) = state {
        end(teller, state);
    }
}

fn end(mut teller: Teller, state: FileState) {
    // Who does not listen any more need not be told.
    let _ = teller.state(state);
}

/// Reads compressed bytes to their end, or as far as they can be read.
fn forward(content: Content, raw: impl Read + Send, entries: &mut Entries, teller: &mut Teller) -> Result<FileState, Gone> {
    let count = Arc::new(AtomicU64::new(0));
    let mut from = decoded(content, Counted::new(raw, count.clone()));
    let (mut piece, mut splitter, mut is_first) = (vec![0; PIECE], Splitter::default(), true);
    let mut told = Instant::now();
    let state = loop {
        let n = match from.read(&mut piece) {
            Ok(0) => break FileState::Ended,
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => break FileState::Failed(format!("what follows cannot be read: {}", why(&e))),
        };
        if let (true, Content::Other(what)) = (std::mem::take(&mut is_first), sniff::text(&piece[..n])) {
            return Ok(FileState::Failed(format!("what is compressed {what}")));
        }
        splitter.feed(&piece[..n], |line| entries.line(line));
        // Also where none of the lines is of the window: how far it is is told, and whether anyone listens is asked.
        if entries.weight() >= ENOUGH || told.elapsed() >= SOON {
            teller.tell(entries, |file| file.read = count.load(Ordering::Relaxed))?;
            told = Instant::now();
        }
    };
    splitter.finish(|line| entries.line(line));
    entries.settle();
    teller.tell(entries, |file| file.read = count.load(Ordering::Relaxed))?;
    Ok(state)
}

/// Reads lines as they come.
fn live(head: &[u8], mut file: File, entries: &mut Entries, teller: &mut Teller, clock: &Clock) -> Result<FileState, Gone> {
    let (mut piece, mut splitter, mut quiet) = (vec![0; PIECE], Splitter::default(), Duration::ZERO);
    let mut told = Instant::now();
    splitter.feed(head, |line| entries.line(line));
    let state = loop {
        let has_more = match waits(&file, SOON) {
            Ok(has_more) => has_more,
            Err(e) => break FileState::Failed(why(&e)),
        };
        if !has_more {
            quiet += SOON;
            if quiet >= QUIET && entries.is_open() {
                entries.settle();
            }
            teller.tell(entries, |file| file.read = splitter.offset())?;
            entries.dater().set_newest(clock.now());
            if teller.is_unheard() {
                return Err(Gone);
            }
            continue;
        }
        quiet = Duration::ZERO;
        match file.read(&mut piece) {
            Ok(0) => break FileState::Ended,
            Ok(n) => splitter.feed(&piece[..n], |line| entries.line(line)),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => break FileState::Failed(why(&e)),
        }
        // Lines that come without a pause are shown all the same.
        if entries.weight() >= ENOUGH || told.elapsed() >= SOON {
            teller.tell(entries, |file| file.read = splitter.offset())?;
            told = Instant::now();
        }
    };
    splitter.finish(|line| entries.line(line));
    entries.settle();
    teller.tell(entries, |file| file.read = splitter.offset())?;
    Ok(state)
}

/// Whether something, or the end, is to be read; waits a moment for it.
fn waits(file: &File, at_most: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: 0, tv_nsec: at_most.subsec_nanos().into() };
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
