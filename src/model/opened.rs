//! Files and standard input that are read as logs: how far, and what is to be known of their lines.

use compact_str::CompactString;

use super::time::{TimeRange, TimeWindow, Timestamp};

/// What is asked for of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The window; of a live one what is written later comes, too.
    pub window: TimeWindow,
    /// Of files the newest lines are read, as many as take this much memory.
    pub bytes: usize,
    /// Another number is another reading.
    pub reading: u32,
}

/// One file as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedFile {
    /// Its path, `-` for standard input: the label `filename` of its lines.
    pub name: CompactString,
    /// Bytes of it, compressed where it is, once that is known.
    pub size: Option<u64>,
    /// How many of them were read.
    pub read: u64,
    /// The beginning that was not read: there is no room for it, or it is before the window.
    pub left: u64,
    /// The oldest and the newest of the lines that were read, also where they are not of the window.
    pub reached: Option<TimeRange>,
    /// What is being done with it.
    pub state: FileState,
    /// What its lines are like.
    pub notes: LineNotes,
    /// What happened to it, and when.
    pub news: Option<(Timestamp, String)>,
}

impl OpenedFile {
    /// One that nothing was read of.
    pub fn new(name: &str, size: Option<u64>) -> Self {
        let (read, left, notes) = (0, 0, LineNotes::default());
        Self { name: name.into(), size, read, left, reached: None, state: FileState::Reading, notes, news: None }
    }
}

/// What is being done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// What there is of it is read.
    Reading,
    /// All is read, and what is written to it from now on is, too.
    Following,
    /// All is read, and no more can come.
    Ended,
    /// It could not be read to its end: why.
    Failed(String),
}

/// What is to be known of lines, as counts of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineNotes {
    /// All of them, with those that another one was folded into.
    pub lines: u64,
    /// With a time that names no zone: it was taken for one of the zone that is shown.
    pub unzoned: u64,
    /// Without any time: they stand in the order of the file.
    pub in_order: u64,
    /// Without any time: they have the time at which they came.
    pub arrived: u64,
    /// With bytes that are no UTF-8.
    pub not_utf8: u64,
    /// With zero bytes around them, as a file has that was emptied under its writer.
    pub zeros: u64,
    /// Longer than a line may be.
    pub cut: u64,
}

impl LineNotes {
    /// Adds the counts of others.
    pub fn add(&mut self, more: &Self) {
        let Self { lines, unzoned, in_order, arrived, not_utf8, zeros, cut } = more;
        self.lines += lines;
        self.unzoned += unzoned;
        self.in_order += in_order;
        self.arrived += arrived;
        self.not_utf8 += not_utf8;
        self.zeros += zeros;
        self.cut += cut;
    }
}
