//! From the lines of a file to log lines: each with its time, with the lines that go on from it, and with the labels of who
//! wrote it.

use std::sync::Arc;

use foldhash::HashMap;

use super::{
    lines::{RawLine, text},
    origin,
};
use crate::{
    log_fields::{
        cri_prefix,
        instant::{Dater, goes_on, runtime_prefix},
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

/// Lines that are folded into one, and bytes of them.
const MOST_LINES: usize = 2000;
const MOST_BYTES: usize = 1 << 20;
/// Lines without a time that wait for one that has any, before they are taken for lines of a file without.
const WAITING: usize = 200;
/// Writers that are told apart.
const MOST_STREAMS: usize = 10_000;
/// Memory that a line takes beside its text.
const OWN: usize = 48;
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
    streams: Vec<Stream>,
    /// Streams by what stands before their lines.
    known: HashMap<Box<str>, usize>,
    done: Vec<LogLine>,
    weight: usize,
    notes: LineNotes,
    arrived: Timestamp,
    /// Is added to offsets: those of a file that took the place of another one stand behind the other's.
    base: u64,
    reached: Option<(Timestamp, Timestamp)>,
}

/// The lines of one writer.
struct Stream {
    labels: Arc<Labels>,
    told: Told,
    /// The last one, which others may go on from.
    open: Option<Entry>,
    /// Lines without a time, before the first that has one.
    waiting: Vec<Entry>,
    /// The time of the last line that told one, and how many lines since have the same.
    last: Option<Timestamp>,
    ties: i64,
    /// No line told a time for so long that none is expected.
    undated: bool,
    /// A line that a container runtime has cut into parts.
    part: String,
}

/// A line, with those that go on from it.
struct Entry {
    /// Nothing: the time is still to be found.
    at: Option<Timestamp>,
    offset: u64,
    text: String,
    lines: usize,
    time_from: Option<&'static str>,
}

impl Entries {
    /// For lines of a file.
    pub(super) fn new(name: &str, own: Patterns, dater: Dater, undated: Undated, range: TimeRange) -> Self {
        Self {
            file: [("filename", name)].into_iter().collect(),
            own,
            dater,
            undated,
            range,
            streams: Vec::new(),
            known: HashMap::default(),
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

    /// When a line begins that others may go on from.
    pub(super) fn begins(&mut self, line: &str) -> Option<Timestamp> {
        let inner = origin::open(line).map_or(line, |(_, inner)| inner);
        self.dater.date(inner).map(|told| told.at)
    }

    /// Takes a line.
    pub(super) fn line(&mut self, raw: RawLine<'_>) {
        self.notes.lines += 1;
        let text = text(raw, &mut self.notes);
        let (stream, inner) = match origin::open(&text) {
            Some((origin, inner)) => (self.stream(origin), inner),
            None => (self.plain_stream(), &*text),
        };
        if let Some(prefix) = cri_prefix(inner) {
            self.of_runtime(stream, inner, prefix, raw.offset);
        } else if let Some(prefix) = runtime_prefix(inner) {
            let own = &inner[prefix..];
            let (at, begins) = (self.dater.date(inner), own.starts_with('{') || self.dater.date(own).is_some());
            // What has a time of its own, or is an object, reads better without the one before it.
            self.take(stream, if at.is_none() || begins { own } else { inner }, at.map(|told| told.at), raw.offset);
        } else {
            let told = self.dater.date(inner);
            self.notes.unzoned += u64::from(told.is_some_and(|t| !t.zoned));
            self.take(stream, inner, told.map(|t| t.at), raw.offset);
        }
    }

    /// A line as containerd and CRI-O keep it; parts of a long one are put together.
    fn of_runtime(&mut self, stream: usize, line: &str, prefix: usize, offset: u64) {
        let is_part = line.as_bytes()[prefix - 2] == b'P';
        let Some(own) = self.streams.get_mut(stream) else { return };
        let begun = !own.part.is_empty();
        if is_part || begun {
            own.part.push_str(if begun { &line[prefix..] } else { line });
            if is_part && own.part.len() < MOST_BYTES {
                return;
            }
        }
        let whole = std::mem::take(&mut own.part);
        let line = if whole.is_empty() { line } else { &whole };
        let at = self.dater.date(line).map(|told| told.at);
        self.take(stream, if at.is_none() { &line[prefix..] } else { line }, at, offset);
    }

    fn plain_stream(&mut self) -> usize {
        match self.known.get("") {
            Some(stream) => *stream,
            None => self.add_stream("", self.file.clone()),
        }
    }

    fn stream(&mut self, origin: origin::Origin<'_>) -> usize {
        if let Some(stream) = self.known.get(origin.prefix) {
            return *stream;
        }
        if self.streams.len() >= MOST_STREAMS {
            return self.plain_stream();
        }
        let mut labels = self.file.clone();
        origin.labels().for_each(|(name, value)| labels.set(name, value));
        self.add_stream(origin.prefix, labels)
    }

    fn add_stream(&mut self, prefix: &str, labels: Labels) -> usize {
        let told = Told::by_stream(&labels);
        let (open, last, part) = (None, None, String::new());
        self.streams.push(Stream { labels: Arc::new(labels), told, open, waiting: Vec::new(), last, ties: 0, undated: false, part });
        self.known.insert(prefix.into(), self.streams.len() - 1);
        self.streams.len() - 1
    }

    /// A line of a stream with the time that it tells.
    fn take(&mut self, number: usize, text: &str, at: Option<Timestamp>, offset: u64) {
        let offset = self.base.saturating_add(offset);
        let Some(stream) = self.streams.get_mut(number) else { return };
        if at.is_none() && (stream.takes(text) || text.trim().is_empty()) {
            return;
        }
        let dated = at.or(stream.last);
        let time_from = (at.is_none() && dated.is_some()).then_some("line before");
        let entry = Entry { at: dated.map(|at| stream.untied(at)), offset, text: text.to_owned(), lines: 1, time_from };
        let before = stream.open.replace(entry);
        if let Some(entry) = before {
            self.close(number, entry);
        }
        if let Some(at) = at {
            self.date_those_before(number, at);
        }
    }

    /// A line of which all is known that will be.
    fn close(&mut self, number: usize, entry: Entry) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        if entry.at.is_some() || stream.undated {
            self.finish(number, entry);
            return;
        }
        stream.waiting.push(entry);
        if stream.waiting.len() >= WAITING {
            self.give_up_waiting(number);
        }
    }

    /// Lines at the beginning of a file have the time of the first one that tells any.
    fn date_those_before(&mut self, number: usize, first: Timestamp) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        let waiting = std::mem::take(&mut stream.waiting);
        let count = i64::try_from(waiting.len()).unwrap_or(0);
        for (i, entry) in (0..).zip(waiting) {
            let at = Some(Timestamp(first.0.saturating_sub(count - i)));
            self.finish(number, Entry { at, time_from: Some("next line"), ..entry });
        }
    }

    /// No line has told a time.
    fn give_up_waiting(&mut self, number: usize) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        stream.undated = true;
        for entry in std::mem::take(&mut stream.waiting) {
            self.finish(number, entry);
        }
    }

    fn finish(&mut self, number: usize, mut entry: Entry) {
        entry.text.truncate(entry.text.trim_end_matches('\n').len());
        let at = entry.at.unwrap_or_else(|| self.stand_in(entry.offset));
        let (oldest, newest) = self.reached.unwrap_or((at, at));
        self.reached = Some((oldest.min(at), newest.max(at)));
        if entry.at.is_some_and(|at| !self.range.contains(at)) {
            return;
        }
        let Some(stream) = self.streams.get(number) else { return };
        let told = Told::default();
        let found = trace_id::find(&self.own, &told, &stream.told, &entry.text);
        let metadata: Labels = entry.time_from.map(|from| (TIME_FROM, from)).into_iter().collect();
        self.weight += OWN + entry.text.len() + entry.time_from.map_or(0, |from| TIME_FROM.len() + from.len() + 2);
        self.done.push(LogLine {
            at,
            level: level(&told, &stream.told, &entry.text),
            trace: found.trace,
            span: found.span,
            trace_from: found.from,
            metadata,
            text: entry.text.into(),
            stream: stream.labels.clone(),
            // Two lines of a file are two, though they are the same.
            copy: entry.offset as u32,
        });
    }

    /// What a line without a time is put in order by.
    fn stand_in(&mut self, offset: u64) -> Timestamp {
        match &self.undated {
            Undated::Place(first) => {
                self.notes.in_order += 1;
                Timestamp(first.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX)))
            }
            Undated::Arrival(now) => {
                self.notes.arrived += 1;
                self.arrived = now().max(Timestamp(self.arrived.0 + 1));
                self.arrived
            }
        }
    }

    /// Nothing more is known to come: what is open is whole.
    pub(super) fn settle(&mut self) {
        for number in 0..self.streams.len() {
            let part = std::mem::take(&mut self.streams[number].part);
            if let Some(prefix) = cri_prefix(&part) {
                let at = self.dater.date(&part).map(|told| told.at);
                self.take(number, if at.is_none() { &part[prefix..] } else { &part }, at, 0);
            }
            if let Some(entry) = self.streams[number].open.take() {
                self.close(number, entry);
            }
            if !self.streams[number].waiting.is_empty() {
                self.give_up_waiting(number);
            }
        }
    }

    /// What comes next stands before what came: a line without a time has none of those.
    pub(super) fn begin_older(&mut self) {
        for stream in &mut self.streams {
            (stream.last, stream.ties, stream.undated) = (None, 0, false);
        }
    }

    /// What comes next begins at offset 0 again and stands behind what came, which ended at this offset.
    pub(super) fn begin_anew(&mut self, end: u64) {
        self.base = self.base.saturating_add(end);
    }

    /// Whether a line is there that others may still go on from.
    pub(super) fn is_open(&self) -> bool {
        self.streams.iter().any(|s| s.open.is_some() || !s.waiting.is_empty() || !s.part.is_empty())
    }

    /// What is known to be whole, and about how much memory it takes where it is kept.
    pub(super) fn finished(&mut self) -> (Vec<LogLine>, usize) {
        (std::mem::take(&mut self.done), std::mem::take(&mut self.weight))
    }

    /// The oldest and the newest instant of what was finished since this was last asked, also where it is of another window.
    pub(super) fn reached(&mut self) -> Option<(Timestamp, Timestamp)> {
        self.reached.take()
    }

    /// Lines without a time go on from one of this time.
    pub(super) fn go_on_from(&mut self, at: Timestamp) {
        let plain = self.plain_stream();
        if !at.is_place() {
            self.streams[plain].last = Some(at);
        }
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

impl Stream {
    /// Folds a line without a time into the last one, where it goes on from that.
    fn takes(&mut self, text: &str) -> bool {
        let dated = self.last.is_some();
        let Some(open) = &mut self.open else { return false };
        let fits = open.lines < MOST_LINES && open.text.len() + text.len() < MOST_BYTES;
        let belongs = if dated { !is_record(text) } else { goes_on(text) || text.is_empty() };
        if fits && belongs {
            open.text.push('\n');
            open.text.push_str(text);
            open.lines += 1;
        }
        fits && belongs
    }

    /// An instant of its own for each line, so that those of one second stay in their order.
    fn untied(&mut self, at: Timestamp) -> Timestamp {
        self.ties = if self.last == Some(at) { self.ties + 1 } else { 0 };
        self.last = Some(at);
        Timestamp(at.0.saturating_add(self.ties))
    }
}

/// Whether a line is a whole object: none goes on from the line before.
fn is_record(text: &str) -> bool {
    let text = text.trim_end();
    text.len() > 2 && text.starts_with('{') && text.ends_with('}')
}
