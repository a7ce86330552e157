//! Which lines of a segment are asked for: others are the first to go when room is needed.

use std::sync::Arc;

use super::{
    super::{lines::Judge, show::Rule, verdict::ROW},
    Segment, size32,
};

/// Which lines are asked for, of so many first ones.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    rows: Arc<Vec<u32>>,
    of: usize,
}

impl Segment {
    /// From now on it may have lines that nobody asks for.
    pub(in super::super) fn mix(&mut self) {
        self.mixed = true;
    }

    /// Other lines are asked for.
    pub(in super::super) fn ask_anew(&mut self) {
        (self.mixed, self.wanted) = (true, Wanted::default());
    }

    pub(in super::super) fn is_mixed(&self) -> bool {
        self.mixed
    }

    /// Whether it is known of all lines that are shown. Where those are the lines that are asked for, that is known of them too.
    fn tells_wanted(&self, asked_are_shown: bool) -> bool {
        asked_are_shown && self.verdict.is_some() && self.open() == 0
    }

    /// Whether it is known of each line whether it is asked for.
    pub(in super::super) fn knows_wanted(&self, asked_are_shown: bool) -> bool {
        self.wanted.of == self.len() || self.tells_wanted(asked_are_shown)
    }

    /// Takes from what is shown which lines are asked for, where that is the same, before other lines are shown.
    pub(in super::super) fn note_wanted(&mut self) {
        if let Some(verdict) = self.verdict.as_ref().filter(|_| self.mixed && self.tells_wanted(true)) {
            self.wanted = Wanted { rows: verdict.passing(), of: self.len() };
        }
    }

    /// About how many bytes are of lines that nobody asks for, as far as that is known.
    pub(in super::super) fn spare(&self, asked_are_shown: bool) -> usize {
        let gone = match &self.verdict {
            _ if !self.mixed => 0,
            Some(verdict) if self.tells_wanted(asked_are_shown) => self.len() - verdict.shown().len() - verdict.waiting().1,
            _ => self.wanted.of - self.wanted.rows.len(),
        };
        self.size() / self.len().max(1) * gone
    }

    /// Finds out which lines are asked for, over so many bytes at the most.
    pub(in super::super) fn look_for_wanted(&mut self, asked: Rule<'_>, bytes: &mut usize) {
        let mut judge = Judge::new(&self.lines, asked);
        let Wanted { rows, of } = &mut self.wanted;
        while let Some(row) = self.lines.rows.get(*of).filter(|_| *bytes > 0) {
            if judge.passes(*of) {
                Arc::make_mut(rows).push(size32(*of));
            }
            *bytes = bytes.saturating_sub(row.size() + ROW);
            *of += 1;
        }
    }

    /// Forgets the lines that nobody asks for, once all are known. Returns how many those were.
    pub(in super::super) fn sift(&mut self, asked_are_shown: bool, rule: Rule<'_>) -> usize {
        if asked_are_shown {
            self.note_wanted();
        }
        let gone = self.len() - self.wanted.rows.len();
        self.mixed = false;
        if gone > 0 {
            let kept = self.wanted.rows.clone();
            *self = self.copy_of(kept.iter().map(|row| &self.lines.rows[*row as usize]), rule);
        }
        gone
    }
}
