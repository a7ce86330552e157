//! A file read from its end: the newest lines are there at once, however large it is, and what there is no room for is not
//! read at all.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::{
    decode::PIECE,
    entries::Entries,
    lines::{RawLine, Splitter, text},
    pieces::Piece,
    ties::{RUNS, is_coarse},
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
    /// Counts down the runs of lines that are read; 0 where their times are too fine to be moved apart.
    run: u64,
}

impl Backward {
    /// For the lines before an offset that is the beginning of a line or the end of the file.
    pub(super) fn new(file: File, end: u64, entries: &mut Entries) -> io::Result<Self> {
        let mut dates = dates(&file, 0, end, entries)?;
        dates.append(&mut self::dates(&file, end.saturating_sub(PIECE as u64), end, entries)?);
        let is_one = end <= FIRST || !dates.iter().all(|at| is_coarse(*at));
        let run = if is_one { 0 } else { (end / CHUNK * 2 + 2).min(RUNS) };
        Ok(Self { file, end, size: FIRST, dated: !dates.is_empty(), run })
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
            // The oldest of several: one alone may have an odd date, and what is too old only makes more be read.
            match dates(&self.file, middle, high, entries)?.into_iter().min() {
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
                None => {
                    let begins = after_first_end(&bytes);
                    break (from + begins as u64, bytes.get(begins..).unwrap_or_default().to_vec());
                }
            }
        };
        entries.begin_older(self.run);
        self.run = self.run.saturating_sub(1);
        let mut splitter = Splitter::new(from);
        splitter.feed(&bytes, |line| entries.line(line));
        splitter.finish(|line| entries.line(line));
        entries.settle();
        (self.end, self.size) = (from, CHUNK);
        Ok(())
    }

    /// Where a line begins that no other one goes on from. Lines of one instant stay together.
    fn begin(&self, bytes: &[u8], entries: &mut Entries) -> Option<usize> {
        let (mut at, mut before, mut cut) = (memchr::memchr(b'\n', bytes)? + 1, None, [false; 2]);
        while at < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
            let line = plain(&bytes[at..end]);
            // Of either side a part may stand before it, as far as that is known.
            let may_begin = !cut.contains(&true);
            if let Some(piece) = Piece::of(&line) {
                cut[usize::from(piece.side == "stderr")] = piece.is_part();
            }
            if !self.dated && !goes_on(&line) {
                return Some(at);
            }
            if let Some(date) = entries.begins(&line) {
                if may_begin && before.is_some_and(|before| before != date) {
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

/// Where to cut what is one line, or one with those that go on from it: between two lines, where it is more than one.
fn after_first_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map(|at| at + 1).filter(|at| *at < bytes.len()).unwrap_or(0)
}

fn bytes(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// The times of the lines a little way from an offset on.
fn dates(file: &File, from: u64, end: u64, entries: &mut Entries) -> io::Result<Vec<Timestamp>> {
    let bytes = bytes(file, from, end.min(from + PIECE as u64))?;
    let begin = if from == 0 { 0 } else { memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1) };
    Ok(bytes[begin..].split(|b| *b == b'\n').filter_map(|line| entries.begins(&plain(line))).collect())
}

fn plain(bytes: &[u8]) -> String {
    text(RawLine { offset: 0, bytes, cut: false }, &mut LineNotes::default()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{
        log_fields::{instant::Dater, trace_id::Patterns},
        source::file::{ALL, entries::Undated},
    };

    #[test]
    fn what_has_no_line_to_begin_with_is_cut_between_two() {
        let mut file = tempfile::tempfile().unwrap();
        let line = format!("\tat {}\n", "x".repeat(100_000));
        let count = usize::try_from(LARGEST).unwrap() / line.len() + 1;
        (0..count).for_each(|_| file.write_all(line.as_bytes()).unwrap());
        let end = file.metadata().unwrap().len();
        let dater = Dater::new(Timestamp::from_secs(1_795_323_600), Box::new(|_| 0));
        let mut entries = Entries::new("x.log", Patterns::default(), dater, Undated::place(0), ALL);
        let mut backward = Backward { file, end, size: LARGEST, dated: true, run: 0 };
        while backward.end() > 0 {
            backward.step(&mut entries).unwrap();
        }
        let (lines, _) = entries.finished();
        assert!(lines.len() > 1 && lines.iter().all(|l| l.text.starts_with("\tat x")), "a line was torn");
        assert_eq!(entries.notes().lines, count as u64);
    }
}
