//! Which lines go on from others, kept up to date as lines come and go.

use super::{LogStore, Rule, Segment};
use crate::store::folds::Folds;

impl LogStore {
    /// Finds out which of a segment's new rows go on from others. Returns the first rows of traces there that grew.
    pub(super) fn fold(&mut self, at: usize) -> Vec<usize> {
        let Some(segment) = self.segments.get(at).filter(|s| s.folded() < s.len()) else { return Vec::new() };
        let before = self.segments[..at].iter().rev().map(Segment::lines);
        let found = Folds::find(segment.lines(), segment.folded(), before);
        for (segments, row) in found.from_outside {
            self.segments[at - segments].mark_lead(row);
        }
        let segment = &mut self.segments[at];
        segment.fold(found.folds);
        if let Some(first) = found.grown.iter().min() {
            segment.forget_numbers(*first);
        }
        found.grown
    }

    /// Lines of the segments before these changed, so others may go on from them than did.
    pub(super) fn fold_again(&mut self, from: usize) {
        for at in from..self.segments.len() {
            let old = self.segments[at].unfold();
            self.fold(at);
            let new = self.segments[at].lines().folds.clone();
            if old == new {
                return;
            }
            let rule = Rule { show: &self.show, streams: &self.streams };
            self.segments[at].forget_numbers(0);
            self.segments[at].judge_again(|row| old.lead(row).is_some() || new.lead(row).is_some(), rule);
        }
    }

    /// Finds it out of a segment whose rows are others now, and of those that come after it.
    pub(super) fn fold_anew(&mut self, at: usize) {
        self.fold(at);
        self.fold_again(at + 1);
    }
}
