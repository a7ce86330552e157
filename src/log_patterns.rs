//! Log lines clustered into patterns: which statements write, how much, and what is new since the onset.
//!
//! Lines are masked (`mask`), counted by what is left, and the distinct masked lines are clustered (`drain`) in the order
//! of their bytes: the same lines give the same patterns in any order of arrival.

mod drain;
mod mask;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Duration};

pub use self::drain::Parameters;
use self::{drain::Drain, mask::mask};
use crate::model::{
    log::Level,
    time::{TimeRange, Timestamp},
};

/// Bars of a pattern's trend.
pub const BARS: usize = 20;
/// Distinct masked lines that are told apart; lines beyond them are counted together.
const MAX_DISTINCT: usize = 50_000;
/// Bytes of an example at the most.
const EXAMPLE: usize = 1024;

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
    /// The message of the first one, at most 1 KiB of it.
    pub example: Box<str>,
    /// How many in each twentieth of the range.
    pub trend: [u32; BARS],
}

impl Seen {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.before += other.before;
        self.after += other.after;
        self.level = self.level.max(other.level);
        // Of two that came at one instant the same one is the example, whichever is merged into which.
        if (other.first, &other.example) < (self.first, &self.example) {
            self.example.clone_from(&other.example);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (bar, more) in self.trend.iter_mut().zip(other.trend) {
            *bar = bar.saturating_add(more);
        }
    }
}

/// What became of a pattern since the window that is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It was not there.
    New,
    /// It is not there any more.
    Gone,
    /// Its lines a second, as a multiple of what they were.
    Times(f64),
    /// It is in neither window.
    Neither,
}

/// Lines of one statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Its words, `<*>` for what varies.
    pub template: String,
    /// Its lines.
    pub seen: Seen,
    /// What became of it.
    pub change: Change,
}

/// The two windows that are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    /// How it was.
    pub before: TimeRange,
    /// How it is.
    pub after: TimeRange,
}

/// Counts lines by what is left of them when masked.
pub struct Clusterer {
    range: TimeRange,
    windows: Windows,
    distinct: HashMap<Box<str>, Seen>,
    /// Lines that came when no more could be told apart.
    rest: Option<Seen>,
    masked: String,
}

impl Clusterer {
    /// Nothing yet of the lines of a range; `windows` are compared.
    pub fn new(range: TimeRange, windows: Windows) -> Self {
        Self { range, windows, distinct: HashMap::new(), rest: None, masked: String::new() }
    }

    /// Counts one line by its message.
    pub fn add(&mut self, message: &str, level: Level, at: Timestamp) {
        mask(message, &mut self.masked);
        let is_in = |range: TimeRange| u64::from(range.contains(at));
        let mut trend = [0; BARS];
        trend[self.bar(at)] = 1;
        let mut one = Seen {
            count: 1,
            before: is_in(self.windows.before),
            after: is_in(self.windows.after),
            level,
            first: at,
            last: at,
            example: Box::default(),
            trend,
        };
        let cut = || Box::from(&message[..message.floor_char_boundary(EXAMPLE)]);
        if let Some(seen) = self.distinct.get_mut(self.masked.as_str()) {
            if (at, message) < (seen.first, &*seen.example) {
                one.example = cut();
            } else {
                one.example.clone_from(&seen.example);
            }
            seen.merge(&one);
        } else if self.distinct.len() < MAX_DISTINCT {
            one.example = cut();
            self.distinct.insert(self.masked.as_str().into(), one);
        } else if let Some(rest) = &mut self.rest {
            rest.merge(&one);
        } else {
            one.example = cut();
            self.rest = Some(one);
        }
    }

    /// Lines that are in no pattern: too many differ.
    pub fn rest(&self) -> Option<&Seen> {
        self.rest.as_ref()
    }

    fn bar(&self, at: Timestamp) -> usize {
        let whole = self.range.duration().as_secs_f64();
        let share = at.since(self.range.start).as_secs_f64() / whole.max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "clamped")]
        let bar = (share * BARS as f64).clamp(0.0, (BARS - 1) as f64) as usize;
        bar
    }

    /// The patterns: new ones first, then by how much they grew, gone ones, and last what did not change; each by its count.
    pub fn patterns(&self, parameters: Parameters) -> Vec<Pattern> {
        let mut lines: Vec<(&str, &Seen)> = self.distinct.iter().map(|(masked, seen)| (&**masked, seen)).collect();
        lines.sort_unstable_by_key(|(masked, _)| *masked);
        let mut drain = Drain::new(parameters);
        let mut groups: Vec<Option<Seen>> = Vec::new();
        for (masked, seen) in lines {
            let group = drain.add(masked);
            groups.resize_with(groups.len().max(group + 1), || None);
            match &mut groups[group] {
                Some(sum) => sum.merge(seen),
                none => *none = Some(seen.clone()),
            }
        }
        let told = groups.into_iter().enumerate().filter_map(|(group, seen)| {
            let seen = seen?;
            Some(Pattern { template: drain.template(group), change: self.change(&seen), seen })
        });
        let mut patterns: Vec<Pattern> = told.collect();
        patterns.sort_by(|a, b| order(b.change).total_cmp(&order(a.change)).then(b.seen.count.cmp(&a.seen.count)).then(a.template.cmp(&b.template)));
        patterns
    }

    fn change(&self, seen: &Seen) -> Change {
        let rate = |count: u64, range: TimeRange| {
            let seconds = range.duration().max(Duration::from_secs(1)).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "counts of lines in memory")]
            let rate = count as f64 / seconds;
            rate
        };
        match (seen.before, seen.after) {
            (0, 0) => Change::Neither,
            (0, _) => Change::New,
            (_, 0) => Change::Gone,
            (before, after) => Change::Times(rate(after, self.windows.after) / rate(before, self.windows.before)),
        }
    }
}

/// Greater is told earlier.
fn order(change: Change) -> f64 {
    match change {
        Change::New => f64::INFINITY,
        Change::Times(times) if times >= 2.0 => times,
        Change::Gone => 1.9,
        Change::Times(_) => 1.0,
        Change::Neither => 0.0,
    }
}
