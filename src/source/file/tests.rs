mod broken;
mod dates;
mod exported;
mod grown;
mod joined;
mod misfits;
mod order;
mod origin;
mod pipes;
mod windows;

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use tokio::time::timeout;

use super::*;
use crate::model::{
    log::{Level, LogLine},
    opened::{Asked, FileState, LineNotes},
    time::TimeWindow,
};

/// As long as anything may take; nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-11-22T05:00:00Z.
const START: i64 = 1_795_323_600;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A named pipe, and its end to write to, which does not wait for who reads.
    fn pipe(&self) -> (PathBuf, File) {
        let path = self.unopened_pipe();
        let writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        (path, writer)
    }

    /// A named pipe that nobody writes to.
    fn unopened_pipe(&self) -> PathBuf {
        let path = self.at("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        path
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.at(name), text).unwrap();
        self.at(name)
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn reading() -> Reading {
    let clock = Clock::from_fn(|| Timestamp::from_secs(START + 86_400));
    Reading { trace_ids: Patterns::default(), offset: |_| 0, clock, begun: Vec::new() }
}

/// What was read so far.
struct Reader {
    files: Files,
    window: TimeWindow,
    bytes: usize,
    reading: u32,
    lines: Vec<LogLine>,
    told: Vec<OpenedFile>,
}

impl Reader {
    fn new(paths: &[PathBuf]) -> Self {
        let (files, problems) = Files::open(paths, reading()).unwrap();
        assert_eq!(problems, [""; 0]);
        Self { files, window: TimeWindow::EVERYTHING, bytes: usize::MAX, reading: 0, lines: Vec::new(), told: Vec::new() }
    }

    /// Reads on until that is so.
    async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        while !is(self) {
            match timeout(PATIENCE, self.files.next(Asked { window: self.window, bytes: self.bytes, reading: self.reading })).await {
                Ok(LogEvent::Lines(lines)) => self.lines.extend(lines),
                Ok(LogEvent::Files(told)) => self.told = told,
                other => panic!("{other:?} while waiting for {what}: {:?} {:?}", self.texts(), self.told),
            }
        }
    }

    async fn loaded(mut self) -> Self {
        self.until("all to be read", |r| !r.told.is_empty() && r.told.iter().all(|f| f.state != FileState::Reading)).await;
        self
    }

    /// The texts by time, as a page has them.
    fn texts(&self) -> Vec<&str> {
        let mut lines: Vec<&LogLine> = self.lines.iter().collect();
        lines.sort_by_key(|line| line.at);
        lines.iter().map(|line| &*line.text).collect()
    }

    fn notes(&self) -> LineNotes {
        let mut notes = LineNotes::default();
        self.told.iter().for_each(|file| notes.add(&file.notes));
        notes
    }

    fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|line| &*line.text == text)
    }
}

fn dated(second: i64, text: &str) -> String {
    let at = chrono::DateTime::from_timestamp(START + second, 0).unwrap();
    format!("{} {text}\n", at.format("%Y-%m-%d %H:%M:%S"))
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
