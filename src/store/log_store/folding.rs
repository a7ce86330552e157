//! Which lines go on from others, kept up to date as lines come and go.

use super::{LogStore, Rule, Segment};
use crate::store::folds::{Folds, REACH};

impl LogStore {
    /// Finds out which of a segment's new rows go on from others. Returns the first rows of traces there that grew.
    pub(super) fn fold(&mut self, at: usize) -> Vec<usize> {
        let Some(segment) = self.segments.get(at).filter(|s| s.folded() < s.len()) else { return Vec::new() };
        let before = self.segments[..at].iter().rev().map(Segment::lines);
        let found = Folds::find(segment.lines(), segment.folded(), before);
        self.segments[at].fold(found)
    }

    /// The rows of a segment are others now, or elsewhere: finds out which of them go on, and decides on them again.
    pub(super) fn fold_anew(&mut self, at: usize) {
        self.fold(at);
        let rule = Rule { show: &self.show, streams: &self.streams };
        if let Some(segment) = self.segments.get_mut(at) {
            segment.judge_loose(rule);
        }
    }

    /// Lines of the segments before these changed, so others may go on from them than did: as far as lines reach.
    pub(super) fn fold_again(&mut self, from: usize) {
        let mut rows = 0;
        for at in from..self.segments.len() {
            if rows > REACH {
                return;
            }
            rows = if self.folds_change(at) { 0 } else { rows + self.segments[at].len() };
        }
    }

    fn folds_change(&mut self, at: usize) -> bool {
        let old = self.segments[at].unfold();
        self.fold(at);
        let segment = &mut self.segments[at];
        if segment.fold_back(&old) {
            return false;
        }
        let (new, rule) = (segment.lines().folds.clone(), Rule { show: &self.show, streams: &self.streams });
        segment.forget_numbers(0);
        segment.judge_again(|row, _| old.lead(row).is_some() || new.lead(row).is_some(), rule);
        true
    }

    /// The segments from one on, as far as its traces may reach.
    pub(super) fn within_reach(&self, at: usize) -> impl Iterator<Item = &Segment> {
        let mut rows = 0;
        self.segments.iter().skip(at).enumerate().map_while(move |(n, segment)| {
            let is_near = rows <= REACH;
            rows += if n == 0 { 0 } else { segment.len() };
            is_near.then_some(segment)
        })
    }
}
