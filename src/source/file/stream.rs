//! What is read from its beginning: pipes as they come, compressed files.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::fd::AsFd,
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
    entries::{Entries, Reached},
    input::{Pipe, why},
    lines::Splitter,
    sniff::{self, Content, HEAD},
    teller::{Gone, Teller},
};
use crate::{
    clock::Clock,
    model::{opened::FileState, time::TimeRange},
};

/// Lines of a pipe are shown this long after they came, where more may come.
const SOON: Duration = Duration::from_millis(30);
/// A line that nothing goes on from for so long is whole.
const QUIET: Duration = Duration::from_millis(300);
/// What ends no line within so many bytes has none: it would be read without end.
const ENDLESS: u64 = 256 << 20;
/// Finished lines of so many bytes are handed on.
const ENOUGH: usize = 256 << 10;

/// A pipe that may say that there is nothing yet, as one does that another program made so: then it is waited for.
pub(in crate::source) struct Patient<F>(pub F);

impl<F: Read + AsFd> Read for Patient<F> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(to) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => waits(&self.0, QUIET)?,
                read => return read,
            };
        }
    }
}

/// Opens what is read once, and reads it.
pub(super) fn once(from: Pipe, entries: Entries, teller: Teller, clock: &Clock) {
    match from.open() {
        Ok((begun, file)) => pipe(begun, file, entries, teller, clock),
        Err(e) => end(teller, FileState::Failed(why(&e))),
    }
}

/// Reads a pipe, of which some was read already, until its writer has gone.
pub(super) fn pipe(begun: Vec<u8>, file: impl Read + AsFd + Send, mut entries: Entries, mut teller: Teller, clock: &Clock) {
    let (mut file, mut head) = (Patient(file), begun);
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
        Content::Text => live(&head, file.0, &mut entries, &mut teller, clock),
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
    let (mut told, mut reached) = (Instant::now(), None::<TimeRange>);
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
        if splitter.unended() > ENDLESS {
            break endless();
        }
        // Also where none of the lines is of the window: how far it is is told, and whether anyone listens is asked.
        if entries.weight() >= ENOUGH || told.elapsed() >= SOON {
            reached = union(reached, entries.reached());
            teller.tell(entries, |file| (file.read, file.reached) = (count.load(Ordering::Relaxed), reached))?;
            told = Instant::now();
        }
    };
    splitter.finish(|line| entries.line(line));
    entries.settle();
    teller.tell(entries, |file| file.read = count.load(Ordering::Relaxed))?;
    Ok(state)
}

fn endless() -> FileState {
    FileState::Failed("no line ended within 256 MiB, so it is not read on: it is no log".to_owned())
}

/// Both times together; those that are places of a file are none.
fn union(known: Option<TimeRange>, more: Option<Reached>) -> Option<TimeRange> {
    let Some(Reached { first, newest, .. }) = more.filter(|more| !more.first.is_place()) else { return known };
    let known = known.unwrap_or(TimeRange { start: first, end: newest });
    Some(TimeRange { start: known.start.min(first), end: known.end.max(newest) })
}

/// Reads lines as they come.
fn live(head: &[u8], mut file: impl Read + AsFd, entries: &mut Entries, teller: &mut Teller, clock: &Clock) -> Result<FileState, Gone> {
    let (mut piece, mut splitter) = (vec![0; PIECE], Splitter::default());
    let mut told = Instant::now();
    splitter.feed(head, |line| entries.line(line));
    let state = loop {
        let has_more = match waits(&file, SOON) {
            Ok(has_more) => has_more,
            Err(e) => break FileState::Failed(why(&e)),
        };
        if !has_more {
            entries.settle_quiet(QUIET);
            teller.tell(entries, |file| file.read = splitter.offset())?;
            entries.dater().set_newest(clock.now());
            if teller.is_unheard() {
                return Err(Gone);
            }
            continue;
        }
        match file.read(&mut piece) {
            Ok(0) => break FileState::Ended,
            Ok(n) => splitter.feed(&piece[..n], |line| entries.line(line)),
            Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(e) => break FileState::Failed(why(&e)),
        }
        if splitter.unended() > ENDLESS {
            break endless();
        }
        // Lines that come without a pause are shown all the same.
        if entries.weight() >= ENOUGH || told.elapsed() >= SOON {
            entries.settle_quiet(QUIET);
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
pub(in crate::source) fn waits(file: &impl AsFd, at_most: Duration) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: at_most.subsec_nanos().into() };
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::fd::BorrowedFd};

    use tokio::sync::mpsc;

    use super::*;
    use crate::{
        log_fields::{instant::Dater, trace_id::Patterns},
        model::{log::LogEvent, opened::OpenedFile, time::Timestamp},
        source::file::{ALL, entries::Undated, teller::Board},
    };

    /// Says before each read that there is nothing yet.
    struct Shy(File, bool);

    impl Read for Shy {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(ErrorKind::WouldBlock.into()) } else { self.0.read(to) }
        }
    }

    impl AsFd for Shy {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    /// The lines of a pipe with these bytes, and how it ended.
    fn read(bytes: &[u8]) -> (Vec<String>, FileState) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let clock = Clock::from_fn(|| Timestamp::from_secs(1_795_323_600));
        let dater = Dater::new(clock.now(), Box::new(|_| 0));
        let entries = Entries::new("-", Patterns::default(), dater, Undated::place(0), ALL);
        let (events, mut received) = mpsc::channel(100);
        let teller = Teller::new(Board::new(vec![OpenedFile::new("-", None)]), 0, events, clock.clone());
        pipe(Vec::new(), Shy(file, false), entries, teller, &clock);
        let (mut lines, mut state) = (Vec::new(), FileState::Reading);
        while let Ok(event) = received.try_recv() {
            match event {
                LogEvent::Lines(more) => lines.extend(more.iter().map(|line| line.text.to_string())),
                LogEvent::Files(told) => state = told[0].state.clone(),
                other => panic!("{other:?}"),
            }
        }
        (lines, state)
    }

    #[test]
    fn a_pipe_that_does_not_block_is_waited_for() {
        let text = b"2026-11-22 05:00:01 one\n2026-11-22 05:00:02 two\n";
        let expected = (["2026-11-22 05:00:01 one", "2026-11-22 05:00:02 two"].map(str::to_owned).to_vec(), FileState::Ended);
        assert_eq!(read(text), expected);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text).unwrap();
        assert_eq!(read(&gz.finish().unwrap()), expected);
    }
}
