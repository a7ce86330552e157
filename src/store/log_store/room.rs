//! Room for new lines: those that nobody asks for go first, then the oldest.

use std::sync::Arc;

use foldhash::HashSet;

use super::{LogStore, Rule, Segment};
use crate::{
    log_fields::{is_panic, looks_inner},
    model::{labels::Labels, log::LogLine, time::Timestamp},
    store::folds::MESSAGE,
};

/// Labels that no line has any more may take this part of the room.
const STREAMS: usize = 16;
/// Segments that are looked through for lines that nobody asks for, each time that lines come.
const SIFTED: usize = 4;

impl LogStore {
    /// Whether older lines may be added. A quarter is kept free for new ones: those would otherwise soon drop the old
    /// ones that someone reads.
    pub fn has_room(&self) -> bool {
        let shown = self.show.are_asked(&self.asked);
        let spare: usize = self.segments.iter().map(|s| s.spare(shown)).sum();
        self.dropped == 0 && self.bytes() - spare <= self.most_of_old()
    }

    fn most_of_old(&self) -> usize {
        self.limit / 4 * 3
    }

    /// Leaves out of lines by time what nobody asks for, once there is little room. Returns whether such may be among those that
    /// are left.
    pub(super) fn leave_out(&self, lines: &mut Vec<LogLine>) -> bool {
        if self.asked.is_all() {
            return false;
        }
        let size: usize = lines.iter().map(|line| line.text.len()).sum();
        let is_little = self.bytes() + size > self.most_of_old();
        let mut is_mixed = !is_little;
        if is_little && let Some(first) = lines.first() {
            let mut panicked = self.panicked(first.at);
            lines.retain(|line| {
                // One that goes on from another is asked for where that one is: it is not known yet.
                let goes_on = !panicked.is_empty() && panicked.remove(&line.stream) || looks_inner(&line.text);
                if is_panic(&line.text) {
                    panicked.insert(line.stream.clone());
                }
                let is_asked = self.asked.takes(line);
                is_mixed |= !is_asked && goes_on;
                is_asked || goes_on
            });
        }
        is_mixed
    }

    /// The streams whose last line up to an instant is a panic: its message, which comes next, may look like anything.
    fn panicked(&self, until: Timestamp) -> HashSet<Arc<Labels>> {
        let segments = self.segments[..self.segments.partition_point(|s| s.first_at() <= until)].iter().rev();
        let rows = segments.flat_map(|segment| segment.lines().rows.iter().rev().map(move |row| (segment.lines(), row)));
        let mut seen = HashSet::default();
        let last = rows.skip_while(|(_, row)| row.at > until).take(MESSAGE).filter(|(_, row)| seen.insert(row.stream));
        last.filter(|(lines, row)| is_panic(lines.text(row))).filter_map(|(_, row)| self.streams.get(row.stream).cloned()).collect()
    }

    /// Makes room of lines that nobody asks for. A key waits meanwhile: of most of them a worker has found that out.
    fn sift(&mut self) {
        let (shown, mut bytes) = (self.show.are_asked(&self.asked), self.asked.at_once());
        for _ in 0..SIFTED {
            if self.bytes() <= self.most_of_old() {
                return;
            }
            let known = self.segments.iter().position(|s| s.is_mixed() && s.knows_wanted(shown));
            let Some(at) = known.or_else(|| self.segments.iter().position(Segment::is_mixed)) else { return };
            let [asked, rule] = [&self.asked, &self.show].map(|show| Rule { show, streams: &self.streams });
            let segment = &mut self.segments[at];
            if known.is_none() {
                segment.look_for_wanted(asked, &mut bytes);
                if !segment.knows_wanted(shown) {
                    return;
                }
            }
            if segment.sift(shown, rule) == 0 {
                continue;
            }
            if segment.len() == 0 {
                self.segments.remove(at);
                self.fold_again(at);
            } else {
                self.fold_anew(at);
                self.fold_again(at + 1);
            }
        }
    }

    pub(super) fn evict(&mut self) {
        self.forget_streams();
        self.sift();
        while self.bytes() > self.limit && self.len() > 1 {
            let gone = if self.segments.len() > 1 {
                let first = self.segments.remove(0);
                self.floor = self.floor.max(Some(first.last_at()));
                if self.within_reach(0).any(|s| s.lines().folds.begins_outside()) {
                    self.fold_again(0);
                }
                first.len()
            } else {
                let gone = self.segments[0].halve(Rule { show: &self.show, streams: &self.streams });
                // Lines of the cut's own instant are still taken.
                self.floor = self.floor.max(Some(Timestamp(self.segments[0].first_at().0.saturating_sub(1))));
                self.fold_anew(0);
                gone
            };
            self.dropped += gone as u64;
            self.forget_streams();
        }
    }

    /// Once there is no more room, and only where it matters, for all lines are looked at.
    fn forget_streams(&mut self) {
        if self.bytes() > self.limit && self.streams.size() > self.limit / STREAMS {
            Arc::make_mut(&mut self.streams).keep(self.segments.iter().flat_map(Segment::streams));
        }
    }
}
