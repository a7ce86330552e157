//! Files as they are: their newest lines first, across all of them, and what is written to them from then on.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
    path::PathBuf,
    time::Duration,
};

use super::{
    backward::Backward,
    entries::Entries,
    grown::Grown,
    input::why,
    teller::{Gone, Teller},
    written,
};
use crate::{
    clock::system_now,
    model::{
        opened::FileState,
        time::{TimeRange, Timestamp},
    },
};

/// Between two looks whether there is more.
const EVERY: Duration = Duration::from_millis(200);
/// A file that was written to this short a while ago may end within a line.
const FRESH: Duration = Duration::from_secs(2);
/// How far lines may be out of order.
const DISORDER: Duration = Duration::from_secs(60);

/// One file.
pub(super) struct Plain {
    path: PathBuf,
    range: TimeRange,
    entries: Entries,
    /// For what is written to it later.
    later: Option<Entries>,
    teller: Teller,
    state: State,
    /// Where begins what was read last, and the newest line.
    first: Timestamp,
    newest: Option<Timestamp>,
    size: u64,
    is_first: bool,
}

enum State {
    New,
    /// Its end is read, and where what comes later begins.
    Reading(Backward, u64),
    /// All is read that is to be of the file, and where what comes later begins.
    Read(File, u64),
    Growing(Box<Grown>),
    Failed,
}

impl Plain {
    /// For the lines of a range. There are two of what makes lines: for what is there, and for what comes later.
    pub(super) fn new(path: PathBuf, range: TimeRange, [entries, later]: [Entries; 2], teller: Teller) -> Self {
        let (first, later) = (Timestamp::LATEST, Some(later));
        Self { path, range, entries, later, teller, state: State::New, first, newest: None, size: 0, is_first: true }
    }

    fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(..))
    }

    fn failed(&mut self, error: &io::Error) -> Result<(), Gone> {
        self.state = State::Failed;
        self.teller.state(FileState::Failed(why(error)))
    }

    fn begin(&mut self) -> Result<(), Gone> {
        match self.opened() {
            Ok(state) => self.state = state,
            Err(e) => self.failed(&e)?,
        }
        Ok(())
    }

    fn opened(&mut self) -> io::Result<State> {
        self.reading(File::open(&self.path)?)
    }

    /// From its end as it is now.
    fn reading(&mut self, file: File) -> io::Result<State> {
        let written = written(&self.path).unwrap_or_else(system_now);
        self.size = file.metadata()?.len();
        let end = if system_now().since(written) < FRESH { end_of_lines(&file, self.size)? } else { self.size };
        self.entries.dater().set_newest(written);
        let mut backward = Backward::new(file, end, &mut self.entries)?;
        if self.range.end + DISORDER < written {
            backward.skip_newer(self.range.end + DISORDER, &mut self.entries)?;
        }
        Ok(State::Reading(backward, end))
    }

    /// Reads one more chunk. Returns the bytes of memory that its lines take.
    fn step(&mut self) -> Result<usize, Gone> {
        let State::Reading(backward, _) = &mut self.state else { return Ok(0) };
        if let Err(e) = backward.step(&mut self.entries) {
            self.interrupted(&e)?;
            return Ok(0);
        }
        let left = backward.end();
        // What comes later stands behind the lines that are read first, the last ones.
        if let Some(later) = self.later.as_mut().filter(|_| std::mem::replace(&mut self.is_first, false)) {
            later.go_on_from(&self.entries);
        }
        if let Some(reached) = self.entries.reached() {
            self.first = reached.first;
            self.newest = self.newest.max(Some(reached.newest));
        }
        let read = self.size.saturating_sub(left);
        let reached = self.newest.filter(|_| !self.first.is_place()).map(|newest| TimeRange::new(self.first, newest));
        let weight = self.teller.tell(&mut self.entries, |file| (file.read, file.left, file.reached) = (read, left, reached))?;
        if left == 0 || !self.first.is_place() && self.first + DISORDER < self.range.start {
            self.stop();
        }
        Ok(weight)
    }

    /// It could not be read on. Of a file that was emptied meanwhile that is read which is written to it now.
    fn interrupted(&mut self, error: &io::Error) -> Result<(), Gone> {
        let State::Reading(backward, end) = std::mem::replace(&mut self.state, State::Failed) else { return Ok(()) };
        let file = backward.into_file();
        let is_emptied = error.kind() == ErrorKind::UnexpectedEof && file.metadata().is_ok_and(|meta| meta.len() < end);
        if !is_emptied {
            return self.failed(error);
        }
        self.entries.begin_anew(end);
        self.later.iter_mut().for_each(|later| later.begin_anew(end));
        (self.first, self.is_first) = (Timestamp::LATEST, true);
        match self.reading(file) {
            Ok(state) => self.state = state,
            Err(e) => return self.failed(&e),
        }
        let size = self.size;
        self.teller.tell(&mut self.entries, |file| (file.size, file.read, file.left) = (Some(size), 0, size))?;
        self.teller.news("was emptied while it was read: its older lines are lost, what is written to it now is read")
    }

    /// Reads no older ones.
    fn stop(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Reading(backward, end) => State::Read(backward.into_file(), end),
            other => other,
        };
    }

    /// Goes on with what comes.
    fn grow(&mut self, follow: bool) -> Result<(), Gone> {
        if !matches!(self.state, State::Read(..)) {
            return Ok(());
        }
        if !follow {
            return self.teller.state(FileState::Ended);
        }
        let Some(later) = self.later.take() else { return Ok(()) };
        // The file that was read: another one may have its name by now.
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Read(file, end) => State::Growing(Box::new(Grown::new(self.path.clone(), file, end, later))),
            other => other,
        };
        self.teller.state(FileState::Following)
    }

    /// Looks for more. Returns whether there may be more than was read.
    fn look(&mut self) -> Result<bool, Gone> {
        let State::Growing(grown) = &mut self.state else { return Ok(false) };
        grown.entries().dater().set_newest(system_now());
        let (more, news) = match grown.look() {
            Ok(found) => found,
            Err(e) => {
                self.failed(&e)?;
                return Ok(false);
            }
        };
        let offset = grown.offset();
        if more || grown.entries().weight() > 0 {
            self.teller.tell(grown.entries(), |file| {
                file.size = Some(offset.max(file.size.unwrap_or(0)));
                file.read = offset.saturating_sub(file.left);
            })?;
        }
        if let Some(news) = news {
            self.teller.news(news)?;
        }
        Ok(more)
    }
}

/// Reads files until nobody listens: lines of up to so many bytes of memory, the newest ones of all files.
pub(super) fn read(mut files: Vec<Plain>, bytes: usize, follow: bool) {
    // It ends when nobody listens.
    let _ = read_all(&mut files, bytes, follow);
}

fn read_all(files: &mut [Plain], bytes: usize, follow: bool) -> Result<(), Gone> {
    for file in &mut *files {
        file.begin()?;
    }
    let mut room = bytes;
    while let Some(file) = files.iter_mut().filter(|f| f.is_reading()).max_by_key(|f| f.first) {
        room = room.saturating_sub(file.step()?);
        if room == 0 {
            files.iter_mut().for_each(Plain::stop);
        }
    }
    for file in &mut *files {
        file.grow(follow)?;
    }
    while files.iter().any(|f| matches!(f.state, State::Growing(_)) && !f.teller.is_unheard()) {
        let mut more = false;
        for file in &mut *files {
            more |= file.look()?;
        }
        if !more {
            std::thread::sleep(EVERY);
        }
    }
    Ok(())
}

/// Where the last line ends that has an end.
fn end_of_lines(file: &File, size: u64) -> io::Result<u64> {
    const PIECE: u64 = 1 << 20;
    let mut end = size;
    while end > 0 {
        let from = end.saturating_sub(PIECE);
        let mut piece = vec![0; usize::try_from(end - from).unwrap_or(0)];
        file.read_exact_at(&mut piece, from)?;
        if let Some(at) = memchr::memrchr(b'\n', &piece) {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}
