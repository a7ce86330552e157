//! From the lines of a file to log lines: each with its time, with the lines that go on from it, and with the labels of who
//! wrote it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::HashMap;

use super::{
    exported::{self, Exported},
    lines::{RawLine, text},
    origin::{self, Origin},
    pieces::{Piece, Whole},
    ties::Ties,
    writer::{Entry, MOST_BYTES, MOST_LINES, Writer},
};
use crate::{
    log_fields::{
        instant::{Dater, Manner, runtime_prefix},
        level::level,
        trace_id::{self, Patterns, Told},
    },
    model::{
        labels::Labels,
        log::LogLine,
        opened::LineNotes,
        time::{TimeRange, Timestamp},
    },
};

/// Lines without a time that wait for one that has any, before they are taken for lines of a file without.
const WAITING: usize = 200;
/// Writers that are told apart.
const MOST_WRITERS: usize = 10_000;
/// Of whom nothing tells who wrote it, or of one too many to be told apart: the file's own labels.
const UNNAMED: usize = 0;
/// Writers among which the other side of a new one is looked for.
const RECENT: usize = 16;
/// Lines of which the newest tells where a piece of a file begins.
const FIRST: usize = 100;
/// Memory that a line takes beside its text.
const OWN: usize = 48;
/// The label that names the file of a line.
const FILENAME: &str = "filename";
/// Says where the time of a line is from that tells none itself.
const TIME_FROM: &str = "time_from";

/// What stands in for the time of lines in a file that tells none.
pub(super) enum Undated {
    /// The place in the file: this many nanoseconds and the offset.
    Place(i64),
    /// The instant at which the line came.
    Arrival(Box<dyn Fn() -> Timestamp + Send>),
}

impl Undated {
    /// Of the file of a number: those of other files come before or after.
    pub(super) fn place(file: usize) -> Self {
        Self::Place(i64::try_from(file).unwrap_or(0).saturating_mul(1 << 40))
    }
}

/// What is the same for all lines of a file.
pub(super) struct Entries {
    file: Labels,
    own: Patterns,
    dater: Dater,
    undated: Undated,
    range: TimeRange,
    writers: Vec<Writer>,
    /// Writers by what stands before their lines.
    known: HashMap<Box<str>, usize>,
    /// The file that `tail` named last.
    under: String,
    ties: Ties,
    done: Vec<LogLine>,
    weight: usize,
    notes: LineNotes,
    arrived: Timestamp,
    /// Is added to offsets: those of a file that took the place of another one stand behind the other's.
    base: u64,
    reached: Option<Reached>,
}

/// How far the lines go that were finished since this was last asked, also where they are of another window.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    /// The newest of the first ones: one alone may have an odd date.
    pub(super) first: Timestamp,
    pub(super) newest: Timestamp,
    lines: usize,
}

impl Reached {
    fn with(before: Option<Self>, at: Timestamp) -> Self {
        let Self { first, newest, lines } = before.unwrap_or(Self { first: at, newest: at, lines: 0 });
        Self { first: if lines < FIRST { first.max(at) } else { first }, newest: newest.max(at), lines: lines + 1 }
    }
}

impl Entries {
    /// For lines of a file.
    pub(super) fn new(name: &str, own: Patterns, dater: Dater, undated: Undated, range: TimeRange) -> Self {
        let file: Labels = [(FILENAME, name)].into_iter().collect();
        Self {
            writers: vec![Writer::new(Arc::new(file.clone()))],
            known: HashMap::from_iter([("".into(), UNNAMED)]),
            file,
            own,
            dater,
            undated,
            range,
            under: String::new(),
            ties: Ties::default(),
            done: Vec::new(),
            weight: 0,
            notes: LineNotes::default(),
            arrived: Timestamp::ZERO,
            base: 0,
            reached: None,
        }
    }

    /// The dater of these lines.
    pub(super) fn dater(&mut self) -> &mut Dater {
        &mut self.dater
    }

    /// When a line begins that is the beginning of one, not of what goes on from another.
    pub(super) fn begins(&mut self, line: &str) -> Option<Timestamp> {
        if let Some(exported) = exported::read(line) {
            return Some(exported.at);
        }
        let (origin, inner) = with_origin(line);
        let told = if let Some(piece) = Piece::of(inner) {
            if piece.goes_on() { None } else { self.dater.date_of_runtime(inner) }
        } else {
            let writer = self.writer(origin, "");
            self.dater.date(inner, &mut self.writers[writer].manner)
        };
        told.map(|told| told.at)
    }

    /// Takes a line.
    pub(super) fn line(&mut self, raw: RawLine<'_>) {
        self.notes.lines += 1;
        let text = text(raw, &mut self.notes);
        let offset = self.base.saturating_add(raw.offset);
        if let (Undated::Arrival(_), Some(name)) = (&self.undated, origin::named_by_tail(&text)) {
            self.under = name.to_owned();
            return;
        }
        if let Some(exported) = exported::read(&text) {
            self.exported(exported, offset);
            return;
        }
        let (origin, inner) = with_origin(&text);
        if let Some(piece) = Piece::of(inner) {
            let writer = self.writer(origin, piece.side);
            self.piece(writer, piece, offset);
            return;
        }
        let writer = self.writer(origin, "");
        if let Some(prefix) = runtime_prefix(inner) {
            let own = &inner[prefix..];
            let mut sure = Manner::SURE;
            let (at, begins) = (self.dater.date(inner, &mut sure), own.starts_with('{') || self.dater.date(own, &mut sure).is_some());
            // What has a time of its own, or is an object, reads better without the one before it.
            self.take(writer, if at.is_none() || begins { own } else { inner }, at.map(|told| told.at), offset);
        } else {
            let told = self.dater.date(inner, &mut self.writers[writer].manner);
            self.notes.unzoned += u64::from(told.is_some_and(|t| !t.zoned));
            self.take(writer, inner, told.map(|t| t.at), offset);
        }
    }

    /// A line of a container runtime: parts of a long one and lines of a stack trace are put together.
    fn piece(&mut self, number: usize, piece: Piece<'_>, offset: u64) {
        let Some(writer) = self.writers.get_mut(number) else { return };
        writer.touched = Instant::now();
        if writer.whole.as_mut().is_some_and(|whole| whole.add(piece, (MOST_LINES, MOST_BYTES))) {
            return;
        }
        if let Some(before) = writer.whole.replace(Whole::new(piece, offset)) {
            self.take_whole(number, before);
        }
    }

    /// A line that Loki had: its stream is who wrote it.
    fn exported(&mut self, line: Exported, offset: u64) {
        let Exported { at, labels, metadata, line } = line;
        let key = format!("\n{labels}");
        let writer = self.writer_of(&key, |all| labels.iter().for_each(|(name, value)| all.set(name, value)));
        self.take(writer, &line, Some(at), offset);
        if let Some(open) = self.writers.get_mut(writer).and_then(|writer| writer.open.as_mut()) {
            open.metadata = metadata;
        }
    }

    fn take_whole(&mut self, number: usize, whole: Whole) {
        let offset = whole.offset;
        let text = whole.into_text();
        // Also what goes on from a line that is not here.
        let at = self.dater.date_of_runtime(&text).map(|told| told.at);
        self.take(number, &text, at, offset);
    }

    /// Who wrote a line, by what stands before it.
    fn writer(&mut self, origin: Option<Origin<'_>>, side: &str) -> usize {
        let prefix = origin.map_or("", |o| o.prefix);
        let joined;
        let key = match (self.under.as_str(), side) {
            ("", "") => prefix,
            (under, side) => {
                joined = [under, "\n", side, "\n", prefix].concat();
                &joined
            }
        };
        let under = self.under.clone();
        self.writer_of(key, |labels| {
            if !under.is_empty() {
                labels.set(FILENAME, &under);
            }
            origin.into_iter().flat_map(Origin::labels).for_each(|(name, value)| labels.set(name, value));
        })
    }

    /// The writer of a name; a new one has the file's labels and its own.
    fn writer_of(&mut self, key: &str, own: impl FnOnce(&mut Labels)) -> usize {
        if let Some(writer) = self.known.get(key) {
            return *writer;
        }
        if self.writers.len() >= MOST_WRITERS {
            return UNNAMED;
        }
        let mut labels = self.file.clone();
        own(&mut labels);
        // Both sides of one container share their labels.
        let same = self.writers.iter().rev().take(RECENT).find(|w| *w.labels == labels).map(|w| w.labels.clone());
        self.writers.push(Writer::new(same.unwrap_or_else(|| Arc::new(labels))));
        self.known.insert(key.into(), self.writers.len() - 1);
        self.writers.len() - 1
    }

    /// A line of a writer with the time that it tells.
    fn take(&mut self, number: usize, text: &str, at: Option<Timestamp>, offset: u64) {
        let Some(writer) = self.writers.get_mut(number) else { return };
        if at.is_none() && (writer.takes(text) || text.trim().is_empty()) {
            return;
        }
        let told = at.or(writer.last);
        writer.last = told;
        writer.touched = Instant::now();
        let time_from = (at.is_none() && told.is_some()).then_some("line before");
        let came = if let (None, Undated::Arrival(now)) = (told, &self.undated) {
            self.arrived = now().max(Timestamp(self.arrived.0 + 1));
            Some(self.arrived)
        } else {
            None
        };
        let at_own = told.map(|told| (told, self.ties.apart(told)));
        let entry = Entry { at: at_own, came, offset, text: text.to_owned(), lines: 1, time_from, metadata: Labels::default() };
        let before = writer.open.replace(entry);
        if let Some(entry) = before {
            self.close(number, entry);
        }
        if let Some(at) = at {
            self.date_those_before(number, at);
        }
    }

    /// A line of which all is known that will be.
    fn close(&mut self, number: usize, entry: Entry) {
        let Some(writer) = self.writers.get_mut(number) else { return };
        if entry.at.is_some() || writer.undated {
            self.finish(number, entry);
            return;
        }
        writer.waiting.push(entry);
        if writer.waiting.len() >= WAITING {
            self.give_up_waiting(number);
        }
    }

    /// Lines at the beginning of a file have the time of the first one that tells any.
    fn date_those_before(&mut self, number: usize, first: Timestamp) {
        let Some(writer) = self.writers.get_mut(number) else { return };
        let waiting = std::mem::take(&mut writer.waiting);
        let count = i64::try_from(waiting.len()).unwrap_or(0);
        for (i, entry) in (0..).zip(waiting) {
            let own = Timestamp(first.0.saturating_sub(count - i));
            self.finish(number, Entry { at: Some((first, own)), time_from: Some("next line"), ..entry });
        }
    }

    /// No line has told a time.
    fn give_up_waiting(&mut self, number: usize) {
        let Some(writer) = self.writers.get_mut(number) else { return };
        writer.undated = true;
        for entry in std::mem::take(&mut writer.waiting) {
            self.finish(number, entry);
        }
    }

    fn finish(&mut self, number: usize, mut entry: Entry) {
        entry.text.truncate(entry.text.trim_end_matches('\n').len());
        let (told, at) = entry.at.unwrap_or_else(|| {
            let at = self.stand_in(&entry);
            (at, at)
        });
        self.reached = Some(Reached::with(self.reached, told));
        if entry.at.is_some() && !self.range.contains(told) {
            return;
        }
        let Some(writer) = self.writers.get(number) else { return };
        let mut metadata = entry.metadata;
        let said = Told::by_metadata(&metadata);
        let found = trace_id::find(&self.own, &said, &writer.told, &entry.text);
        entry.time_from.into_iter().for_each(|from| metadata.set(TIME_FROM, from));
        self.weight += OWN + entry.text.len() + metadata.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>();
        self.done.push(LogLine {
            at,
            level: level(&said, &writer.told, &entry.text),
            trace: found.trace,
            span: found.span,
            trace_from: found.from,
            metadata,
            text: entry.text.into(),
            stream: writer.labels.clone(),
            // Two lines of a file are two, though they are the same.
            copy: entry.offset as u32,
        });
    }

    /// What a line without a time is put in order by.
    fn stand_in(&mut self, entry: &Entry) -> Timestamp {
        match (&self.undated, entry.came) {
            (Undated::Place(first), _) => {
                self.notes.in_order += 1;
                Timestamp(first.saturating_add(i64::try_from(entry.offset).unwrap_or(i64::MAX)))
            }
            (Undated::Arrival(_), came) => {
                self.notes.arrived += 1;
                came.unwrap_or(self.arrived)
            }
        }
    }

    /// Nothing more is known to come: what is open is whole.
    pub(super) fn settle(&mut self) {
        (0..self.writers.len()).for_each(|number| self.settle_writer(number));
    }

    /// The same of writers that have added nothing for a while, whatever others write.
    pub(super) fn settle_quiet(&mut self, quiet: Duration) {
        for number in 0..self.writers.len() {
            if self.writers[number].is_open() && self.writers[number].touched.elapsed() >= quiet {
                self.settle_writer(number);
            }
        }
    }

    fn settle_writer(&mut self, number: usize) {
        if let Some(whole) = self.writers[number].whole.take() {
            self.take_whole(number, whole);
        }
        if let Some(entry) = self.writers[number].open.take() {
            self.close(number, entry);
        }
        if !self.writers[number].waiting.is_empty() {
            self.give_up_waiting(number);
        }
    }

    /// What comes next is a run of lines that stands before what came: a line without a time has none of those.
    pub(super) fn begin_older(&mut self, run: u64) {
        self.ties.begin_run(run);
        for writer in &mut self.writers {
            (writer.last, writer.undated) = (None, false);
        }
    }

    /// What comes next begins at offset 0 again and stands behind what came, which ended at this offset.
    pub(super) fn begin_anew(&mut self, end: u64) {
        self.base = self.base.saturating_add(end);
    }

    /// What is known to be whole, and about how much memory it takes where it is kept.
    pub(super) fn finished(&mut self) -> (Vec<LogLine>, usize) {
        (std::mem::take(&mut self.done), std::mem::take(&mut self.weight))
    }

    /// How far the lines go that were finished since this was last asked.
    pub(super) fn reached(&mut self) -> Option<Reached> {
        self.reached.take()
    }

    /// What comes next stands behind the lines of these: lines without a time go on from theirs, and those of the same time
    /// come after them.
    pub(super) fn go_on_from(&mut self, before: &Self) {
        self.ties = before.ties.clone();
        self.known = before.known.clone();
        self.writers = before
            .writers
            .iter()
            .map(|w| Writer { last: w.last, undated: w.undated, manner: w.manner, ..Writer::new(w.labels.clone()) })
            .collect();
    }

    /// How much of it there is.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// What the lines are like since this was last asked.
    pub(super) fn notes(&mut self) -> LineNotes {
        std::mem::take(&mut self.notes)
    }
}

/// Who wrote a line, where that stands before it, and the line without.
fn with_origin(text: &str) -> (Option<Origin<'_>>, &str) {
    origin::open(text).map_or((None, text), |(origin, inner)| (Some(origin), inner))
}
