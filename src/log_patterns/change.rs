//! What became of statements between two windows, told where chance does not explain it.
//!
//! Counts of two windows of different length are compared by the conditional test: of lines that are written at the same
//! rate, those of one window are a binomial share of all, the share being that window's part of the time. J. Przyborowski
//! and H. Wilenski, *Homogeneity of Results in Testing Samples from Poisson Series*, Biometrika 31 (1940). It is exact for
//! any counts, and says less than chance would allow for small ones.

use std::{cmp::Ordering, time::Duration};

use super::{LinePattern, Seen};
use crate::model::{log::Level, time::TimeRange};

/// The windows that are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    /// How it was, where lines of then are known.
    pub before: Option<TimeRange>,
    /// How it is.
    pub after: TimeRange,
}

/// What became of a statement since the window that is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It was not there.
    New,
    /// It is not there any more.
    Gone,
    /// Its lines a second, as a multiple of what they were.
    Times(f64),
    /// Nothing that is not chance as well, or nothing is known of the window before.
    None,
}

/// Rates that are the same differ this much by chance, in one direction, once in so many times.
const CHANCE: f64 = 1.0 / 200.0;
/// From this factor on, or down to its inverse, a rate counts as changed.
const NOTABLE: f64 = 2.0;
/// A window before that is at least this part of the one after tells by itself that an error was not there.
const LONG_ENOUGH: f64 = 0.5;

impl Windows {
    /// What became of lines. A single line of an error that was never there before is new: who is on call wants to see it,
    /// though it may be chance. Of anything else there must be more than chance explains, and at least twice or half as
    /// much a second as there was.
    pub fn change(&self, seen: &Seen) -> Change {
        let Some([before, after]) = self.seconds() else { return Change::None };
        let share = after / (before + after);
        let all = seen.before + seen.after;
        let times = (seen.after as f64 / after) / (seen.before as f64 / before);
        let chance = match () {
            () if all == 0 => return Change::None,
            () if times >= NOTABLE => at_least(seen.after, all, share),
            () if times <= NOTABLE.recip() => at_least(seen.before, all, 1.0 - share),
            () => return Change::None,
        };
        let is_first_error = seen.before == 0 && seen.level >= Level::Error && before >= after * LONG_ENOUGH;
        match () {
            () if chance > CHANCE && !is_first_error => Change::None,
            () if seen.before == 0 => Change::New,
            () if seen.after == 0 => Change::Gone,
            () => Change::Times(times),
        }
    }

    /// How much the rate of lines changed at the least, up or down, as a logarithm: the lower end of the interval that the
    /// logarithm of the rates' ratio lies in, the counts raised by a half (J. B. S. Haldane, *The estimation and significance
    /// of the logarithm of a ratio of frequencies*, Annals of Human Genetics 20, 1956). Few lines are weak however much they
    /// grew, and so are many that grew a little.
    fn strength(&self, seen: &Seen) -> f64 {
        /// Of the normal distribution, where [`CHANCE`] lies beyond it.
        const QUANTILE: f64 = 2.576;
        let Some([before, after]) = self.seconds() else { return 0.0 };
        let (was, is) = (seen.before as f64 + 0.5, seen.after as f64 + 0.5);
        let error = (was.recip() + is.recip()).sqrt();
        ((is / after) / (was / before)).ln().abs() - QUANTILE * error
    }

    /// How long both are.
    fn seconds(&self) -> Option<[f64; 2]> {
        let seconds = |range: TimeRange| range.duration().max(Duration::from_millis(1)).as_secs_f64();
        Some([seconds(self.before?), seconds(self.after)])
    }
}

/// How likely it is that of so many lines, each with this probability, at least `count` are of one kind: more than are
/// expected.
fn at_least(count: u64, all: u64, probability: f64) -> f64 {
    let gamma = |n: u64| libm::lgamma(n as f64 + 1.0);
    let rest = all - count;
    let log = |times: u64, p: f64| if times == 0 { 0.0 } else { times as f64 * p.ln() };
    let mut term = (gamma(all) - gamma(count) - gamma(rest) + log(count, probability) + log(rest, 1.0 - probability)).exp();
    let odds = probability / (1.0 - probability);
    let mut sum = 0.0;
    // Each is at most half of the one before it, for the count is at least twice of what is expected.
    for n in count..=all {
        sum += term;
        term *= (all - n) as f64 / (n + 1) as f64 * odds;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

impl Change {
    /// Greater is told earlier.
    fn rank(self) -> u8 {
        match self {
            Self::New => 4,
            Self::Times(times) if times > 1.0 => 3,
            Self::Gone => 2,
            Self::Times(_) => 1,
            Self::None => 0,
        }
    }
}

/// New ones first, the worst level on top; then what grew, what is gone, what shrank, each by how much it surely did; the
/// rest by how many lines they are.
pub fn sort(patterns: &mut [LinePattern], windows: &Windows) {
    let key = |p: &LinePattern| {
        let level = if p.change == Change::New { p.seen.level } else { Level::Unknown };
        let strength = if p.change == Change::None { 0.0 } else { windows.strength(&p.seen) };
        (p.change.rank(), level, strength, p.seen.count)
    };
    let order = |a: &(u8, Level, f64, u64), b: &(u8, Level, f64, u64)| -> Ordering {
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3))
    };
    patterns.sort_by(|a, b| order(&key(b), &key(a)).then_with(|| a.template.cmp(&b.template)));
}

/// Two windows that follow each other.
#[cfg(test)]
pub(super) fn windows(before: u64, after: u64) -> Windows {
    let at = |seconds: u64| crate::model::time::Timestamp::ZERO + Duration::from_secs(seconds);
    Windows { before: Some(TimeRange::new(at(0), at(before))), after: TimeRange::new(at(before), at(before + after)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(before: u64, after: u64, level: Level) -> Seen {
        Seen { count: before + after, before, after, level, ..Seen::default() }
    }

    fn change(windows: Windows, before: u64, after: u64) -> Change {
        windows.change(&seen(before, after, Level::Info))
    }

    #[test]
    fn counts_of_incidents_are_told_apart_from_chance() {
        use Change::{Gone, New, None, Times};
        // A quarter of an hour since the onset, three before.
        let onset = windows(2700, 900);
        for (before, after, expected) in [
            (0, 2911, New),
            (81, 501, Times(501.0 / 27.0)),
            (0, 4, New),
            (0, 3, None),
            (1, 2, None),
            (3, 2, None),
            (40, 0, Gone),
            (15, 0, None),
            (30_000, 10_100, None),
            (30_000, 19_000, None),
            (30_000, 21_000, Times(2.1)),
            (30_000, 4_000, Times(0.4)),
            (9, 6, None),
            (9, 12, Times(4.0)),
            (0, 0, None),
        ] {
            match (change(onset, before, after), expected) {
                (Times(is), Times(wanted)) => assert!((is - wanted).abs() < 1e-9, "{before} and {after}: {is}"),
                (is, wanted) => assert_eq!(is, wanted, "{before} and {after}"),
            }
        }
        // A page of lines that fill a minute against the same of before.
        let minute = windows(60, 60);
        assert_eq!([change(minute, 0, 7), change(minute, 0, 8), change(minute, 7, 0), change(minute, 8, 0)], [None, New, None, Gone]);
        assert_eq!(Windows { before: Option::None, ..onset }.change(&seen(0, 100, Level::Error)), None);
    }

    #[test]
    fn one_error_that_was_never_there_is_new_where_the_time_before_is_long_enough_to_say_so() {
        let first = |windows: Windows, level| windows.change(&seen(0, 1, level));
        assert_eq!((first(windows(600, 600), Level::Error), first(windows(600, 600), Level::Fatal)), (Change::New, Change::New));
        assert_eq!(first(windows(600, 600), Level::Warn), Change::None);
        assert_eq!(first(windows(60, 600), Level::Error), Change::None);
        assert_eq!(windows(600, 600).change(&seen(1, 2, Level::Error)), Change::None);
    }

    #[test]
    fn tails_of_the_binomial_distribution_are_exact() {
        for (count, all, probability, expected) in
            [(5, 5, 0.5, 1.0 / 32.0), (9, 10, 0.5, 11.0 / 1024.0), (2, 3, 0.25, 0.156_25), (3, 4, 0.25, 13.0 / 256.0), (1, 1, 0.01, 0.01)]
        {
            let is = at_least(count, all, probability);
            assert!((is - expected).abs() < 1e-12, "{is} for {expected}");
        }
        assert!(at_least(4_000_000, 10_000_000, 0.2) < 1e-300);
    }

    #[test]
    fn the_surest_change_stands_first() {
        let windows = windows(1800, 1800);
        let pattern = |template: &str, before, after, level| {
            let seen = seen(before, after, level);
            let change = windows.change(&seen);
            LinePattern {
                template: template.to_owned(),
                form: template.to_owned(),
                seen,
                change,
                example: Box::default(),
                kinds: Vec::new(),
                exception: None,
            }
        };
        let mut patterns = vec![
            pattern("more traffic", 20_000, 43_000, Level::Info),
            pattern("many more retries", 4, 200, Level::Warn),
            pattern("some more", 3, 18, Level::Info),
            pattern("new often", 0, 400, Level::Info),
            pattern("new", 0, 30, Level::Info),
            pattern("new errors", 0, 12, Level::Error),
            pattern("one new error", 0, 1, Level::Error),
            pattern("gone often", 900, 0, Level::Info),
            pattern("gone", 9, 0, Level::Info),
            pattern("less", 900, 90, Level::Info),
            pattern("same", 70_000, 70_000, Level::Info),
            pattern("few", 2, 3, Level::Error),
        ];
        patterns.reverse();
        sort(&mut patterns, &windows);
        let told: Vec<&str> = patterns.iter().map(|p| p.template.as_str()).collect();
        assert_eq!(
            told,
            [
                "new errors",
                "one new error",
                "new often",
                "new",
                "many more retries",
                "more traffic",
                "some more",
                "gone often",
                "gone",
                "less",
                "same",
                "few"
            ]
        );
    }

    #[test]
    fn the_same_rates_are_no_change() {
        let mut random = fastrand::Rng::with_seed(20_261_122);
        for (before, after) in [(1800, 1800), (2700, 900), (300, 3300), (60, 7)] {
            for lines in [3, 10, 40, 200, 2000] {
                let windows = windows(before, after);
                let share = after as f64 / (before + after) as f64;
                let told = (0..2000).filter(|_| {
                    let of_after = (0..lines).filter(|_| random.f64() < share).count() as u64;
                    change(windows, lines - of_after, of_after) != Change::None
                });
                let told = told.count();
                assert!(told <= 2000 / 50, "{told} of 2000 times, {lines} lines over {before} s and {after} s");
            }
        }
    }
}
