//! Lines that arrive: each goes to the segment that it belongs to.

use std::sync::Arc;

use super::{LogStore, Rule, Segment};
use crate::model::{log::LogLine, time::Timestamp};

impl LogStore {
    /// Adds lines. Returns how many were new.
    pub fn insert(&mut self, mut lines: Vec<LogLine>) -> usize {
        lines.sort_by_key(|line| line.at);
        let is_mixed = self.leave_out(&mut lines);
        if let Some(floor) = self.floor {
            let before = lines.len();
            lines.retain(|line| line.at > floor);
            self.dropped += (before - lines.len()) as u64;
        }
        let streams: Vec<u32> = lines.iter().map(|line| Arc::make_mut(&mut self.streams).number(&line.stream)).collect();
        let mut new = 0;
        let mut end = lines.len();
        // From the newest to the oldest, so that splitting a segment leaves the places before it as they are.
        while end > 0 {
            let at = lines[end - 1].at;
            let segment = self.segments.partition_point(|s| s.first_at() <= at).saturating_sub(1);
            let from = if segment == 0 { 0 } else { lines[..end].partition_point(|l| l.at < self.segments[segment].first_at()) };
            self.begin_before(at);
            if is_mixed {
                self.segments[segment].mix();
            }
            new += self.insert_into(segment, &lines[from..end], &streams[from..end]);
            end = from;
        }
        self.evict();
        new
    }

    /// Lines that are read backward are each time older than all that are here: they would be sorted into the same ones again
    /// and again, so they get a segment of their own once the first one is well filled.
    fn begin_before(&mut self, at: Timestamp) {
        match self.segments.first_mut() {
            Some(first) if at >= first.first_at() || !first.is_well_filled() => {}
            first => {
                first.into_iter().for_each(Segment::shrink);
                self.segments.insert(0, Segment::default());
            }
        }
    }

    fn insert_into(&mut self, segment: usize, lines: &[LogLine], streams: &[u32]) -> usize {
        let rule = Rule { show: &self.show, streams: &self.streams };
        let merged = self.segments[segment].merge(lines, streams, self.arrivals, rule);
        if merged.new == 0 {
            return 0;
        }
        self.arrivals += merged.new as u64;
        let grown = self.fold(segment);
        let rule = Rule { show: &self.show, streams: &self.streams };
        self.segments[segment].judge(&merged, &grown, rule);
        self.split(segment, merged.appended);
        merged.new
    }

    /// Cuts a segment that has too much.
    fn split(&mut self, segment: usize, mut appended: Option<usize>) {
        let mut at = segment;
        let rule = Rule { show: &self.show, streams: &self.streams };
        while let Some(rest) = self.segments[at].split(appended, rule) {
            // All that was cut off was appended.
            appended = appended.map(|_| 0);
            at += 1;
            self.segments.insert(at, rest);
        }
        if at > segment {
            (segment..=at).for_each(|at| self.fold_anew(at));
        }
        self.fold_again(at + 1);
    }
}
