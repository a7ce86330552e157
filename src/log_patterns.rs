//! Log lines clustered into patterns: which statements write, how much, and what is new since the onset.
//!
//! Each line has a form (`form`, `mask`): what is left of it when all that varies is masked. Distinct forms are numbered
//! (`kinds`) and clustered in the order of their bytes (`drain`), so that the same lines give the same patterns in any
//! order of arrival. What is counted of the lines of a pattern is in [`Seen`].

mod change;
mod drain;
mod form;
mod kinds;
mod line_filter;
mod mask;
mod object;
#[cfg(test)]
mod tests;

pub use self::{
    change::{Change, Windows, sort},
    drain::{Clusters, Parameters, cluster},
    form::form,
    kinds::{Kind, Kinds},
    line_filter::{LineFilter, line_filters},
    mask::WILDCARD,
};
use crate::{
    log_fields::exceptions::Thrown,
    model::{
        log::{Level, ServerPattern},
        time::{TimeRange, Timestamp},
    },
};

/// Bars of a pattern's trend.
pub const BARS: usize = 24;
/// Bytes of an example at the most.
const EXAMPLE: usize = 4096;

/// What is known of lines that are alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// How many.
    pub count: u64,
    /// How many lie in the window that is compared with.
    pub before: u64,
    /// How many lie in the window that is looked at.
    pub after: u64,
    /// The worst level.
    pub level: Level,
    /// When the first one was written.
    pub first: Timestamp,
    /// When the last one was written.
    pub last: Timestamp,
    /// How many in each part of the range.
    pub trend: [u32; BARS],
}

impl Default for Seen {
    fn default() -> Self {
        Self { count: 0, before: 0, after: 0, level: Level::Unknown, first: Timestamp::LATEST, last: Timestamp(i64::MIN), trend: [0; BARS] }
    }
}

impl Seen {
    /// Counts a line of the earlier window, which is compared with and not shown.
    pub fn add_earlier(&mut self, at: Timestamp, level: Level) {
        self.before += 1;
        if self.count == 0 {
            self.level = self.level.max(level);
            self.first = self.first.min(at);
            self.last = self.last.max(at);
        }
    }

    /// Counts what is known of other lines as well.
    pub fn merge(&mut self, other: &Self) {
        if (self.count == 0) == (other.count == 0) {
            self.first = self.first.min(other.first);
            self.last = self.last.max(other.last);
            self.level = self.level.max(other.level);
        } else if self.count == 0 {
            (self.first, self.last, self.level) = (other.first, other.last, other.level);
        }
        self.count += other.count;
        self.before += other.before;
        self.after += other.after;
        for (bar, more) in self.trend.iter_mut().zip(other.trend) {
            *bar = bar.saturating_add(more);
        }
    }

    /// Counts lines of one instant. Returns whether they are the first ones.
    pub fn add(&mut self, at: Timestamp, level: Level, lines: u64, counting: &Counting) -> bool {
        self.count += lines;
        self.level = self.level.max(level);
        self.last = self.last.max(at);
        let is_first = at < self.first;
        self.first = self.first.min(at);
        if counting.windows.before.is_some_and(|w| w.contains(at)) {
            self.before += lines;
        }
        if counting.windows.after.contains(at) {
            self.after += lines;
        }
        let bar = &mut self.trend[counting.bar(at)];
        *bar = bar.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        is_first
    }
}

/// What lines are counted by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counting {
    /// What trends are drawn over.
    pub range: TimeRange,
    /// What is compared.
    pub windows: Windows,
}

impl Counting {
    fn bar(&self, at: Timestamp) -> usize {
        let whole = self.range.duration().as_nanos().max(1);
        let share = at.since(self.range.start).as_nanos() * BARS as u128 / whole;
        usize::try_from(share).unwrap_or(BARS).min(BARS - 1)
    }
}

/// What is known of an exception beside its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct ExceptionFacts {
    /// What was thrown, and what it said when it was seen first.
    pub thrown: Thrown,
    /// Whose lines they are, the most first; without a name where no label tells.
    pub services: Vec<(String, u64)>,
}

/// Lines of one statement, or with one exception.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePattern {
    /// Its words, a wildcard for what varies.
    pub template: String,
    /// A form that belongs to it: it is known by it when it is found again.
    pub form: String,
    /// Its lines.
    pub seen: Seen,
    /// What became of it.
    pub change: Change,
    /// One line of it, where there is one at hand.
    pub example: Box<str>,
    /// The numbers of its forms.
    pub kinds: Vec<Kind>,
    /// What was thrown, where it is an exception.
    pub exception: Option<Box<ExceptionFacts>>,
}

/// What is kept of a line as the example.
pub fn example(text: &str) -> &str {
    cut(text, EXAMPLE)
}

/// As many whole characters as fit into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether a form has the words of a template.
pub fn fits(template: &str, form: &str) -> bool {
    let mut words = form.split(' ');
    template.split(' ').all(|t| words.next().is_some_and(|w| t == WILDCARD || t == w)) && words.next().is_none()
}

/// Whether a line has the texts of a server's pattern, in their order.
pub fn holds(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    for (i, piece) in pattern.split(ServerPattern::ANY).enumerate() {
        match rest.find(piece) {
            Some(0) => rest = &rest[piece.len()..],
            Some(at) if i > 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || pattern.ends_with(ServerPattern::ANY)
}
