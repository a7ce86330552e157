//! Lines that are added to a segment: each once, in their places.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::quality::FixedState;

use super::{
    super::{
        row::{LineId, Row, TraceRef, encode},
        show::Rule,
        verdict::{Named, Verdict},
    },
    Segment, size32,
    wanted::Wanted,
};
use crate::model::{log::LogLine, time::Timestamp};

/// What became of lines that were handed to a segment.
pub(in super::super) struct Merged {
    /// How many were new.
    pub new: usize,
    /// From which row on they are, when none belonged before an older line.
    pub appended: Option<usize>,
    /// The first one's arrival.
    first: u64,
    /// What was known of the others, where those have other places now.
    known: Option<Named>,
}

impl Segment {
    /// Adds lines of these streams that belong here, sorted by time and named from `arrival` on; those it has already are
    /// left out. It is still to be found out which of them go on from others, and then to be judged.
    pub(in super::super) fn merge(&mut self, lines: &[LogLine], streams: &[u32], mut arrival: u64, rule: Rule<'_>) -> Merged {
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

    /// Decides on the rows that were added, and again on those of the traces that grew with them, by their first rows.
    pub(in super::super) fn judge(&mut self, merged: &Merged, grown: &[usize], rule: Rule<'_>) {
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

    /// Where all of the first rows are shown and others may not be.
    fn begin_verdict(&mut self, rows: usize, rule: Rule<'_>) {
        if !rule.show.is_all() {
            self.verdict.get_or_insert_with(|| Verdict::all(rows));
        }
    }

    /// Whether the line is among the first `sorted` rows, or among those added after them.
    fn has(&self, sorted: usize, at: Timestamp, hash: u32, stream: u32, text: &str, metadata: &str) -> bool {
        let old = &self.lines.rows[..sorted];
        let from = old.partition_point(|r| r.at < at);
        let same_time = |r: &&Row| r.at == at;
        let mut candidates = old[from..].iter().take_while(same_time).chain(self.lines.rows[sorted..].iter().rev().take_while(same_time));
        candidates.any(|r| r.hash == hash && r.stream == stream && self.text(r) == text && self.metadata(r) == metadata)
    }

    fn note_place(&mut self, place: &'static str) -> u8 {
        let i = self.places.iter().position(|p| *p == place).unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        });
        u8::try_from(i + 1).unwrap_or(0)
    }
}

/// Odd, so that no two copies of a line have the same hash: it alone tells them apart.
const COPY: u32 = 0x9e37_79b1;

fn hash(stream: u32, text: &str, metadata: &str) -> u32 {
    FixedState::default().hash_one((stream, text, metadata)) as u32
}
