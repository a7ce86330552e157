//! A file read from its end: the newest lines are there at once, however large it is, and what there is no room for is not
//! read at all.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::{
    decode::PIECE,
    entries::Entries,
    lines::{RawLine, Splitter, text},
};
use crate::{
    log_fields::instant::goes_on,
    model::{opened::LineNotes, time::Timestamp},
};

/// Bytes of the first chunk, of those after it, and of one in which no line could be told from the next.
const FIRST: u64 = 512 << 10;
const CHUNK: u64 = 4 << 20;
const LARGEST: u64 = 64 << 20;

/// A file whose lines before `end` are still to be read.
pub(super) struct Backward {
    file: File,
    end: u64,
    size: u64,
    /// Whether its lines tell times.
    dated: bool,
}

impl Backward {
    /// For the lines before an offset that is the beginning of a line or the end of the file.
    pub(super) fn new(file: File, end: u64, entries: &mut Entries) -> io::Result<Self> {
        let mut dated = false;
        for from in [0, end.saturating_sub(PIECE as u64)] {
            dated = dated || first_date(&file, from, end, entries)?.is_some();
        }
        Ok(Self { file, end, size: FIRST, dated })
    }

    /// The file, of which no more is read backward.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Where the lines end that are still to be read.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Passes over lines that are all newer than an instant, if the file is in order.
    pub(super) fn skip_newer(&mut self, than: Timestamp, entries: &mut Entries) -> io::Result<()> {
        let (mut low, mut high) = (0, self.end);
        while self.dated && high - low > CHUNK {
            let middle = low + (high - low) / 2;
            match first_date(&self.file, middle, high, entries)? {
                Some(at) if at > than => high = middle,
                _ => low = middle,
            }
        }
        if high < self.end {
            // The next beginning of a line: what is too new is left out with the others.
            let bytes = self.bytes(high, self.end.min(high + CHUNK))?;
            self.end = memchr::memchr(b'\n', &bytes).map_or(self.end, |at| high + at as u64 + 1);
        }
        Ok(())
    }

    /// Reads the chunk before the ones that were read into `entries`.
    pub(super) fn step(&mut self, entries: &mut Entries) -> io::Result<()> {
        let (from, bytes) = loop {
            let from = self.end.saturating_sub(self.size);
            let bytes = self.bytes(from, self.end)?;
            let begins = if from == 0 { Some(0) } else { self.begin(&bytes, entries) };
            match begins {
                Some(begins) => break (from + begins as u64, bytes.get(begins..).unwrap_or_default().to_vec()),
                None if self.size < LARGEST => self.size *= 4,
                // One line, or one with those that go on from it.
                None => break (from, bytes),
            }
        };
        entries.begin_older();
        let mut splitter = Splitter::new(from);
        splitter.feed(&bytes, |line| entries.line(line));
        splitter.finish(|line| entries.line(line));
        entries.settle();
        (self.end, self.size) = (from, CHUNK);
        Ok(())
    }

    /// Where a line begins that no other one goes on from. Lines of one instant stay together.
    fn begin(&self, bytes: &[u8], entries: &mut Entries) -> Option<usize> {
        let (mut at, mut before) = (memchr::memchr(b'\n', bytes)? + 1, None);
        while at < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
            let line = plain(&bytes[at..end]);
            if !self.dated && !goes_on(&line) {
                return Some(at);
            }
            if let Some(date) = entries.begins(&line) {
                if before.is_some_and(|before| before != date) {
                    return Some(at);
                }
                before = Some(date);
            }
            at = end + 1;
        }
        None
    }

    fn bytes(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        bytes(&self.file, from, to)
    }
}

fn bytes(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// The time of the first line that tells one, a little way from an offset on.
fn first_date(file: &File, from: u64, end: u64, entries: &mut Entries) -> io::Result<Option<Timestamp>> {
    let bytes = bytes(file, from, end.min(from + PIECE as u64))?;
    let begin = if from == 0 { 0 } else { memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1) };
    Ok(bytes[begin..].split(|b| *b == b'\n').find_map(|line| entries.begins(&plain(line))))
}

fn plain(bytes: &[u8]) -> String {
    text(RawLine { offset: 0, bytes, cut: false }, &mut LineNotes::default()).into_owned()
}
