//! What is written to a file after it was read: it grows, is emptied, or another one takes its place.

use std::{
    fs::{File, Metadata},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{decode::PIECE, entries::Entries, lines::Splitter};

/// A line that nothing is added to for so long is whole, with those that went on from it.
const QUIET: Duration = Duration::from_millis(500);
/// So long a file is read on after another one has its name: programs are told to open that after it is there.
const LINGER: Duration = Duration::from_secs(2);

/// A file that is watched.
pub(super) struct Grown {
    path: PathBuf,
    file: File,
    splitter: Splitter,
    entries: Entries,
    changed: Instant,
    is_gone: bool,
    /// Since when another one has its name.
    replaced: Option<Instant>,
}

impl Grown {
    /// Goes on at an offset.
    pub(super) fn new(path: PathBuf, file: File, offset: u64, entries: Entries) -> Self {
        Self { path, file, splitter: Splitter::new(offset), entries, changed: Instant::now(), is_gone: false, replaced: None }
    }

    /// The lines that came.
    pub(super) fn entries(&mut self) -> &mut Entries {
        &mut self.entries
    }

    /// How far it is read.
    pub(super) fn offset(&self) -> u64 {
        self.splitter.offset()
    }

    /// Reads what came, a piece at a time. Returns whether there may be more, and what has become of the file.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn look(&mut self) -> io::Result<(bool, Option<&'static str>)> {
        let size = self.file.metadata()?.len();
        if size < self.splitter.offset() {
            self.end_line();
            self.begin_anew();
            return Ok((true, Some("was emptied: what is written to it now is read from its beginning")));
        }
        if self.read(size)? {
            return Ok((true, None));
        }
        if self.changed.elapsed() >= QUIET {
            self.end_line();
        }
        self.entries.settle_quiet(QUIET);
        self.look_for_another()
    }

    /// Reads a piece. Returns false where there is none.
    fn read(&mut self, size: u64) -> io::Result<bool> {
        let offset = self.splitter.offset();
        let mut piece = vec![0; usize::try_from(size - offset).unwrap_or(PIECE).min(PIECE)];
        let n = self.file.read_at(&mut piece, offset)?;
        if n > 0 {
            let Self { splitter, entries, .. } = self;
            splitter.feed(&piece[..n], |line| entries.line(line));
            self.changed = Instant::now();
        }
        Ok(n > 0)
    }

    /// What has no end so far gets none.
    fn end_line(&mut self) {
        let Self { splitter, entries, .. } = self;
        splitter.finish(|line| entries.line(line));
        entries.settle();
    }

    fn begin_anew(&mut self) {
        self.entries.begin_anew(self.splitter.offset());
        self.splitter = Splitter::new(0);
    }

    /// Whether the name is another file's by now: one that is rotated goes on under its name.
    fn look_for_another(&mut self) -> io::Result<(bool, Option<&'static str>)> {
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => there,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let news = (!std::mem::replace(&mut self.is_gone, true)).then_some("was removed: waiting for another one of its name");
                return Ok((false, news));
            }
            Err(e) => return Err(e),
        };
        self.is_gone = false;
        if is_same(&there, &self.file.metadata()?) {
            self.replaced = None;
            return Ok((false, None));
        }
        // The writer may not know of the new one yet.
        if self.replaced.get_or_insert_with(Instant::now).elapsed() < LINGER {
            return Ok((false, None));
        }
        // It may be gone again, or not be ours to read yet.
        let Ok(file) = File::open(&self.path) else { return Ok((false, None)) };
        self.replaced = None;
        self.end_line();
        self.file = file;
        self.begin_anew();
        Ok((true, Some("was replaced by another file of its name, which is read from its beginning")))
    }
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}
