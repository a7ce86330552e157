//! A run of neighbouring lines: their texts in one buffer, their facts in rows sorted by time.

mod wanted;

use std::{hash::BuildHasher, ops::Range, sync::Arc};

use foldhash::quality::FixedState;
use memchr::memmem::Finder;

use self::wanted::Wanted;
use super::{
    counting::Run,
    filtering::Judged,
    folds::{Folds, Found},
    lines::{Lines, Numbers},
    row::{Line, LineId, Row, TraceRef, encode},
    show::{Mark, Rule},
    streams::Streams,
    verdict::{Named, Reach, Verdict},
};
use crate::{
    log_patterns::Kind,
    model::{
        log::{Level, LogLine},
        time::Timestamp,
        trace::TraceId,
    },
};

/// What became of lines that were handed to a segment.
pub(super) struct Merged {
    /// How many were new.
    pub new: usize,
    /// From which row on they are, when none belonged before an older line.
    pub appended: Option<usize>,
    /// The first one's arrival.
    first: u64,
    /// What was known of the others, where those have other places now.
    known: Option<Named>,
}

/// A run of lines.
#[derive(Default)]
pub(super) struct Segment {
    lines: Lines,
    traces: Vec<TraceRef>,
    /// Where trace ids were found: a handful of words.
    places: Vec<&'static str>,
    /// The worst level of all rows.
    worst: Level,
    /// Which rows are shown; `None` where all are.
    verdict: Option<Verdict>,
    /// All arrivals are within.
    arrivals: Range<u64>,
    /// It may have lines that nobody asks for.
    mixed: bool,
    /// Which of its lines are asked for, as far as that was found out.
    wanted: Wanted,
    /// Rows of which it is known whether they go on from others.
    folded: usize,
    /// Lines that were of traces before the rows were put elsewhere: they are to be decided on again.
    loose: Vec<LineId>,
}

/// Rows of a full segment.
pub(super) const ROWS: usize = 4096;
/// Bytes of a full segment.
pub(super) const BYTES: usize = 1 << 20;
/// Trace references that are compared before a new one is noted: lines of a request come together.
const NEIGHBOURS: usize = 8;

impl Segment {
    pub(super) fn first_at(&self) -> Timestamp {
        self.lines.rows.first().map_or(Timestamp::ZERO, |r| r.at)
    }

    /// The time of the first row that has one, not just a place in a file.
    pub(super) fn first_dated(&self) -> Option<Timestamp> {
        let first = self.lines.rows.partition_point(|r| r.at < Timestamp::FIRST);
        self.lines.rows.get(first).map(|r| r.at)
    }

    /// Which rows are shown, as far as that is known.
    pub(super) fn run(&self) -> Run {
        Run { rows: self.lines.rows.clone(), shown: self.verdict.as_ref().map(|v| v.shown().clone()) }
    }

    pub(super) fn last_at(&self) -> Timestamp {
        self.lines.rows.last().map_or(Timestamp::ZERO, |r| r.at)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.rows.len()
    }

    /// Whether it has half of what it may have.
    pub(super) fn is_well_filled(&self) -> bool {
        self.len() >= ROWS / 2 || self.lines.bytes.len() >= BYTES / 2
    }

    /// Forgets the room for more.
    pub(super) fn shrink(&mut self) {
        Arc::make_mut(&mut self.lines.bytes).shrink_to_fit();
        Arc::make_mut(&mut self.lines.rows).shrink_to_fit();
        self.traces.shrink_to_fit();
    }

    /// Memory it uses, in bytes. Room for more that was never written to takes none.
    pub(super) fn size(&self) -> usize {
        self.lines.bytes.len()
            + self.lines.rows.len() * size_of::<Row>()
            + self.lines.numbers.kinds.capacity() * size_of::<Kind>()
            + self.traces.capacity() * size_of::<TraceRef>()
            + self.lines.folds.size()
    }

    /// The numbers of its lines' streams, those of neighbours not repeated.
    pub(super) fn streams(&self) -> impl Iterator<Item = u32> {
        self.lines.rows.chunk_by(|a, b| a.stream == b.stream).map(|same| same[0].stream)
    }

    /// Adds lines of these streams that belong here, sorted by time and named from `arrival` on; those it has already are
    /// left out. It is still to be found out which of them go on from others, and then to be judged.
    pub(super) fn merge(&mut self, lines: &[LogLine], streams: &[u32], mut arrival: u64, rule: Rule<'_>) -> Merged {
        let before = self.lines.rows.len();
        let (mut in_order, first) = (true, arrival);
        let mut metadata = String::new();
        for (stream, line) in streams.iter().zip(lines) {
            encode(&line.metadata, &mut metadata);
            let hash = hash(*stream, &line.text, &metadata).wrapping_add(line.copy.wrapping_mul(COPY));
            if self.has(before, line.at, hash, *stream, &line.text, &metadata) {
                continue;
            }
            let Ok(offset) = u32::try_from(self.lines.bytes.len()) else { break };
            let bytes = Arc::make_mut(&mut self.lines.bytes);
            bytes.push_str(&line.text);
            bytes.push_str(&metadata);
            in_order &= self.last_at() <= line.at || self.lines.rows.is_empty();
            let row = Row {
                at: line.at,
                arrival_low: arrival as u32,
                arrival_high: (arrival >> 32) as u16,
                level: line.level,
                place: line.trace_from.map_or(0, |place| self.note_place(place)),
                offset,
                text: size32(line.text.len()),
                metadata: size32(metadata.len()),
                stream: *stream,
                hash,
                trace: line.trace.map_or(0, |t| self.note_trace(TraceRef::new(t, line.span))),
            };
            self.push(row);
            arrival += 1;
        }
        self.begin_verdict(before, rule);
        let known = if in_order { None } else { self.put_in_order(before) };
        Merged { new: self.lines.rows.len() - before, appended: in_order.then_some(before), first, known }
    }

    /// Rows were added at the end and belong before others. Returns what was known of the others.
    fn put_in_order(&mut self, from: usize) -> Option<Named> {
        let known = self.verdict.take().map(|v| v.named(&self.lines, from));
        self.loose.extend(self.traced(0..from));
        Arc::make_mut(&mut self.lines.rows).sort_by_key(Row::id);
        self.wanted = Wanted::default();
        self.forget_numbers(0);
        self.unfold();
        known
    }

    /// The lines of traces among these rows.
    fn traced(&self, rows: Range<usize>) -> Vec<LineId> {
        let all = if self.lines.folds.is_empty() { 0..0 } else { rows };
        all.filter(|row| self.lines.folds.lead(*row).is_some()).filter_map(|row| self.lines.rows.get(row)).map(Row::id).collect()
    }

    /// Decides on the rows that were added, and again on those of the traces that grew with them, by their first rows.
    pub(super) fn judge(&mut self, merged: &Merged, grown: &[usize], rule: Rule<'_>) {
        let bytes = rule.show.at_once();
        let loose = std::mem::take(&mut self.loose);
        match (&mut self.verdict, merged.appended, &merged.known) {
            (Some(verdict), Some(from), _) => verdict.extend(&self.lines, from, rule, bytes),
            (verdict, _, Some(known)) => {
                let is_traced = |row: usize, id: LineId| self.lines.folds.lead(row).is_some() || loose.binary_search(&id).is_ok();
                let is_old = |row: usize, id: LineId| id.arrival < merged.first && !is_traced(row, id);
                *verdict = Some(known.placed(&self.lines, rule, is_old, bytes));
            }
            _ => {}
        }
        if !grown.is_empty() {
            let folds = self.lines.folds.clone();
            self.judge_again(|row, _| folds.lead(row).is_some_and(|lead| grown.contains(&lead)), rule);
        }
    }

    /// Decides again on the traces whose lines were put elsewhere, and on those that came of it.
    pub(super) fn judge_loose(&mut self, rule: Rule<'_>) {
        let (loose, folds) = (std::mem::take(&mut self.loose), self.lines.folds.clone());
        if !loose.is_empty() || !folds.is_empty() {
            self.judge_again(|row, id| folds.lead(row).is_some() || loose.binary_search(&id).is_ok(), rule);
        }
    }

    /// Decides again on some rows: others go on from them now, or none does.
    pub(super) fn judge_again(&mut self, rows: impl Fn(usize, LineId) -> bool, rule: Rule<'_>) {
        self.wanted = Wanted::default();
        let known = self.verdict.take().map(|v| v.named(&self.lines, self.lines.rows.len()));
        self.verdict = known.map(|k| k.placed(&self.lines, rule, |row, id| !rows(row, id), rule.show.at_once()));
    }

    /// Rows from which on it is to be found out whether they go on from others.
    pub(super) fn folded(&self) -> usize {
        self.folded
    }

    /// Takes what was found out of all rows that go on from others. Returns the first rows of traces that grew.
    pub(super) fn fold(&mut self, found: Found) -> Vec<usize> {
        self.folded = self.lines.rows.len();
        if let Some(folds) = found.folds {
            self.lines.folds = Arc::new(folds);
        } else if self.lines.folds.lacks(self.folded) {
            Arc::make_mut(&mut self.lines.folds).reach(self.folded);
        }
        if let Some(first) = found.grown.iter().min() {
            self.forget_numbers(*first);
        }
        found.grown
    }

    /// Forgets which rows go on. Returns what was known.
    pub(super) fn unfold(&mut self) -> Arc<Folds> {
        self.folded = 0;
        std::mem::take(&mut self.lines.folds)
    }

    /// Which rows go on is what was known before, where that is the same. Returns whether it is.
    pub(super) fn fold_back(&mut self, old: &Arc<Folds>) -> bool {
        let is_same = **old == *self.lines.folds;
        if is_same {
            // Whoever looks at the lines elsewhere knows them by these.
            self.lines.folds = old.clone();
        }
        is_same
    }

    /// Forgets the numbers of forms from a row on: they are others now.
    pub(super) fn forget_numbers(&mut self, from: usize) {
        let numbers = &mut self.lines.numbers;
        if numbers.kinds.len() > from {
            Arc::make_mut(&mut numbers.kinds).truncate(from);
        }
        numbers.order += 1;
    }

    /// Where all of the first rows are shown and others may not be.
    fn begin_verdict(&mut self, rows: usize, rule: Rule<'_>) {
        if !rule.show.is_all() {
            self.verdict.get_or_insert_with(|| Verdict::all(rows));
        }
    }

    fn push(&mut self, row: Row) {
        let arrival = row.id().arrival;
        self.arrivals = if self.lines.rows.is_empty() {
            arrival..arrival + 1
        } else {
            self.arrivals.start.min(arrival)..self.arrivals.end.max(arrival + 1)
        };
        self.worst = self.worst.max(row.level);
        Arc::make_mut(&mut self.lines.rows).push(row);
    }

    /// Whether the line is among the first `sorted` rows, or among those added after them.
    fn has(&self, sorted: usize, at: Timestamp, hash: u32, stream: u32, text: &str, metadata: &str) -> bool {
        let old = &self.lines.rows[..sorted];
        let from = old.partition_point(|r| r.at < at);
        let same_time = |r: &&Row| r.at == at;
        let mut candidates = old[from..].iter().take_while(same_time).chain(self.lines.rows[sorted..].iter().rev().take_while(same_time));
        candidates.any(|r| r.hash == hash && r.stream == stream && self.text(r) == text && self.metadata(r) == metadata)
    }

    fn note_trace(&mut self, trace: TraceRef) -> u32 {
        let from = self.traces.len().saturating_sub(NEIGHBOURS);
        let place = self.traces[from..].iter().position(|t| *t == trace).map_or_else(
            || {
                self.traces.push(trace);
                self.traces.len() - 1
            },
            |i| from + i,
        );
        u32::try_from(place + 1).unwrap_or(0)
    }

    fn note_place(&mut self, place: &'static str) -> u8 {
        let i = self.places.iter().position(|p| *p == place).unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        });
        u8::try_from(i + 1).unwrap_or(0)
    }

    /// Cuts off what is too much for one segment, at a place where the time changes. Where lines were only `appended`
    /// from a row on, the older ones stay together; else both halves keep room for more late lines.
    pub(super) fn split(&mut self, appended: Option<usize>, rule: Rule<'_>) -> Option<Self> {
        if self.lines.rows.len() <= ROWS && self.lines.bytes.len() <= BYTES {
            return None;
        }
        let rows = match appended {
            Some(from) => self.rows_within(ROWS, BYTES).max(from),
            None => self.rows_within(ROWS / 2, BYTES / 2),
        };
        let rows = self.between_traces(self.at_change_of_time(rows.max(1)));
        let appended = appended.filter(|from| *from <= rows);
        let mut rest = self.copy(rows..self.lines.rows.len(), rule);
        if rest.lines.rows.is_empty() {
            return None;
        }
        if appended.is_some() {
            // As many lines of that kind will come: growing step by step would copy each of them twice.
            let (bytes, all) = (Arc::make_mut(&mut rest.lines.bytes), Arc::make_mut(&mut rest.lines.rows));
            bytes.reserve((BYTES + BYTES / 16).saturating_sub(bytes.len()));
            all.reserve((rows + rows / 16).saturating_sub(all.len()));
            self.truncate(rows, rule);
        } else {
            *self = self.copy(0..rows, rule);
        }
        Some(rest)
    }

    /// Forgets the last rows, whose texts are the last as well, and the room for more.
    fn truncate(&mut self, rows: usize, rule: Rule<'_>) {
        let (bytes, all) = (Arc::make_mut(&mut self.lines.bytes), Arc::make_mut(&mut self.lines.rows));
        bytes.truncate(all[rows].offset as usize);
        bytes.shrink_to_fit();
        all.truncate(rows);
        all.shrink_to_fit();
        if self.lines.numbers.kinds.len() > rows {
            Arc::make_mut(&mut self.lines.numbers.kinds).truncate(rows);
        }
        self.traces.shrink_to_fit();
        if !self.lines.folds.is_empty() {
            self.loose.extend(self.traced(0..rows));
            let cut = Arc::make_mut(&mut self.lines.folds).truncate(&self.lines.rows);
            cut.into_iter().min().into_iter().for_each(|first| self.forget_numbers(first));
        }
        self.folded = self.folded.min(rows);
        if let Some(verdict) = &mut self.verdict {
            verdict.truncate(&self.lines, rule);
        }
    }

    /// How many rows from the first on have their lines within so many bytes; at least one.
    fn rows_within(&self, rows: usize, bytes: usize) -> usize {
        let sizes = self.lines.rows.iter().take(rows).scan(0, |sum, r| {
            *sum += r.size();
            Some(*sum)
        });
        sizes.take_while(|sum| *sum <= bytes).count().max(1)
    }

    /// The first row from this one on that is not of the instant of the row before it.
    fn at_change_of_time(&self, row: usize) -> usize {
        let Some(last) = row.checked_sub(1).and_then(|i| self.lines.rows.get(i)) else { return row };
        row + self.lines.rows[row..].iter().take_while(|r| r.at == last.at).count()
    }

    /// The same row, or one not far before that no trace goes on over.
    fn between_traces(&self, row: usize) -> usize {
        let cut = self.lines.folds.between(row);
        let is_of_its_instant =
            |row: &usize| *row > 0 && self.lines.rows.get(*row).map(|r| r.at) == self.lines.rows.get(row - 1).map(|r| r.at);
        if cut == 0 || is_of_its_instant(&cut) { row } else { cut }
    }

    /// Forgets its older half. Returns how many lines that were.
    pub(super) fn halve(&mut self, rule: Rule<'_>) -> usize {
        let gone = self.lines.rows.len().div_ceil(2);
        *self = self.copy(gone..self.lines.rows.len(), rule);
        gone
    }

    fn copy(&self, rows: Range<usize>, rule: Rule<'_>) -> Self {
        self.copy_of(self.lines.rows[rows].iter(), rule)
    }

    fn copy_of<'r>(&self, rows: impl ExactSizeIterator<Item = &'r Row> + Clone, rule: Rule<'_>) -> Self {
        let loose = self.traced(0..self.lines.rows.len());
        let mut out = Self { mixed: self.mixed, loose, ..Self::default() };
        out.lines.rows = Arc::new(Vec::with_capacity(rows.len()));
        let mut bytes = String::with_capacity(rows.clone().map(Row::size).sum());
        for row in rows {
            let offset = u32::try_from(bytes.len()).unwrap_or(0);
            bytes.push_str(self.text(row));
            bytes.push_str(self.metadata(row));
            let trace = self.trace(row).map_or(0, |t| out.note_trace(t));
            out.push(Row { offset, trace, ..*row });
        }
        out.lines.bytes = Arc::new(bytes);
        out.lines.numbers.order = self.lines.numbers.order + 1;
        out.places.clone_from(&self.places);
        out.traces.shrink_to_fit();
        out.verdict = self.verdict.as_ref().map(|v| v.named(&self.lines, self.lines.rows.len()).placed(&out.lines, rule, |_, _| true, 0));
        out
    }

    /// Other lines are to be shown. What filters nothing is known at once, the rest is to be looked at.
    pub(super) fn forget_verdict(&mut self, rule: Rule<'_>) {
        self.verdict = match rule.show.is_all() {
            true => None,
            false if rule.show.filters() => Some(Verdict::unknown(&self.lines, rule)),
            false => Some(Verdict::of(&self.lines, 0..self.lines.rows.len(), rule, |_, _| Some(true))),
        };
    }

    /// The screen is held from other lines on; which lines pass stays as it is.
    pub(super) fn hold(&mut self, rule: Rule<'_>) {
        let known = self.verdict.get_or_insert_with(|| Verdict::all(self.lines.rows.len())).named(&self.lines, self.lines.rows.len());
        self.verdict = (!rule.show.is_all()).then(|| known.placed(&self.lines, rule, |_, _| true, 0));
    }

    /// Takes what a worker found out.
    pub(super) fn take(&mut self, judged: &Judged, rule: Rule<'_>) {
        if self.open() > 0 {
            self.verdict = Some(Verdict::from_worker(&self.lines, judged, rule));
        }
    }

    /// How many lines are still to be looked at.
    pub(super) fn open(&self) -> usize {
        self.verdict.as_ref().map_or(0, |v| v.open(self.lines.rows.len()))
    }

    /// Looks at lines onward or back from a row, further than is known already. Returns whether it came to the end.
    pub(super) fn look(&mut self, from: usize, onward: bool, rule: Rule<'_>, reach: &mut Reach) -> bool {
        let rows = self.lines.rows.len();
        let Some(verdict) = &mut self.verdict else {
            reach.lines = reach.lines.saturating_sub(if onward { rows - from } else { from });
            return true;
        };
        verdict.begin(from);
        reach.lines = reach.lines.saturating_sub(verdict.known(from, onward));
        if onward {
            verdict.look_on(&self.lines, rule, reach)
        } else {
            verdict.look_back(&self.lines, rule, reach)
        }
        !verdict.is_open(rows, onward)
    }

    /// The first row that is not before a line.
    pub(super) fn row_of(&self, id: LineId) -> usize {
        self.lines.rows.partition_point(|r| r.id() < id)
    }

    fn shown_rows(&self) -> Option<&[u32]> {
        self.verdict.as_ref().map(|v| v.shown().as_slice())
    }

    /// How many lines are shown.
    pub(super) fn shown(&self) -> usize {
        self.shown_rows().map_or(self.lines.rows.len(), <[u32]>::len)
    }

    /// How many lines a held screen leaves out, and how many of those would be shown.
    pub(super) fn waiting(&self) -> (usize, usize) {
        self.verdict.as_ref().map_or((0, 0), Verdict::waiting)
    }

    /// How many of the shown lines arrived since.
    pub(super) fn shown_since(&self, mark: Mark) -> usize {
        if self.arrivals.end <= mark.arrivals || self.last_at() <= mark.oldest {
            0
        } else if self.arrivals.start >= mark.arrivals && self.first_at() > mark.oldest {
            self.shown()
        } else {
            (0..self.shown()).filter_map(|i| self.shown_row(i)).filter(|row| mark.is_new(row.id())).count()
        }
    }

    fn shown_row(&self, i: usize) -> Option<&Row> {
        self.lines.rows.get(self.row(i)?)
    }

    /// The row of the shown line of a number.
    pub(super) fn row(&self, i: usize) -> Option<usize> {
        match self.shown_rows() {
            None => Some(i),
            Some(shown) => shown.get(i).map(|row| *row as usize),
        }
    }

    /// The number of the line of a row among those shown.
    pub(super) fn shown_place(&self, row: usize) -> Option<usize> {
        match self.shown_rows() {
            None => Some(row),
            Some(shown) => u32::try_from(row).ok().and_then(|row| shown.binary_search(&row).ok()),
        }
    }

    /// How many of the shown lines come before a line.
    pub(super) fn shown_before(&self, id: LineId) -> usize {
        match self.shown_rows() {
            None => self.lines.rows.partition_point(|r| r.id() < id),
            Some(shown) => shown.partition_point(|row| self.lines.rows[*row as usize].id() < id),
        }
    }

    /// The lines of a trace, by its id and the name that it has in texts.
    pub(super) fn lines_of<'a>(&'a self, trace: TraceId, name: &Finder<'_>, streams: &'a Streams) -> Vec<Line<'a>> {
        // Most have none, which is quickly seen of all their texts at once.
        if !self.traces.iter().any(|t| t.trace() == trace) && name.find(self.lines.bytes.as_bytes()).is_none() {
            return Vec::new();
        }
        let is_of = |row: &&Row| self.trace(row).is_some_and(|t| t.trace() == trace) || name.find(self.text(row).as_bytes()).is_some();
        self.lines.rows.iter().filter(is_of).filter_map(|row| self.line_of(row, streams)).collect()
    }

    /// The shown line of a number.
    pub(super) fn line<'a>(&'a self, i: usize, streams: &'a Streams) -> Option<Line<'a>> {
        self.line_of(self.lines.rows.get(self.row(i)?)?, streams)
    }

    fn line_of<'a>(&'a self, row: &'a Row, streams: &'a Streams) -> Option<Line<'a>> {
        let trace = self.trace(row);
        Some(Line {
            id: row.id(),
            stream: streams.get(row.stream)?,
            text: self.text(row),
            level: row.level,
            trace: trace.map(TraceRef::trace),
            span: trace.and_then(TraceRef::span),
            trace_from: (row.place as usize).checked_sub(1).and_then(|i| self.places.get(i)).copied(),
            metadata: self.metadata(row),
        })
    }

    /// No line is worse than this.
    pub(super) fn worst(&self) -> Level {
        self.worst
    }

    /// Its lines as they are now.
    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Takes the numbers of its lines' forms, where the lines are still in the order they were numbered in.
    pub(super) fn set_numbers(&mut self, numbers: &Numbers) {
        if numbers.order == self.lines.numbers.order && numbers.kinds.len() <= self.lines.rows.len() {
            self.lines.numbers = numbers.clone();
        }
    }

    fn text(&self, row: &Row) -> &str {
        self.lines.text(row)
    }

    fn metadata(&self, row: &Row) -> &str {
        self.lines.metadata(row)
    }

    fn trace(&self, row: &Row) -> Option<TraceRef> {
        (row.trace as usize).checked_sub(1).and_then(|i| self.traces.get(i)).copied()
    }
}

/// Odd, so that no two copies of a line have the same hash: it alone tells them apart.
const COPY: u32 = 0x9e37_79b1;

fn hash(stream: u32, text: &str, metadata: &str) -> u32 {
    FixedState::default().hash_one((stream, text, metadata)) as u32
}

fn size32(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
