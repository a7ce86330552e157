//! What is missing of a stream of log lines.

use std::ops::Deref;

use super::log::Gap;

/// Gaps by time; those of one reason that touch are one. There may be very many: the newest are kept.
#[derive(Clone, Debug, Default)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    const MOST: usize = 1000;

    /// Returns whether it tells more than was known.
    pub fn add(&mut self, mut gap: Gap) -> bool {
        let same = |known: &Gap| known.reason == gap.reason;
        if self.0.iter().any(|known| same(known) && known.range.start <= gap.range.start && gap.range.end <= known.range.end) {
            return false;
        }
        self.0.retain(|known| {
            let touches = known.reason == gap.reason && known.range.start <= gap.range.end && gap.range.start <= known.range.end;
            if touches {
                gap.range.start = gap.range.start.min(known.range.start);
                gap.range.end = gap.range.end.max(known.range.end);
            }
            !touches
        });
        let place = self.0.partition_point(|known| known.range.start <= gap.range.start);
        self.0.insert(place, gap);
        if self.0.len() > Self::MOST {
            self.0.remove(0);
        }
        true
    }
}

impl Deref for Gaps {
    type Target = [Gap];

    fn deref(&self) -> &[Gap] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{TimeRange, Timestamp};

    fn gap(start: i64, end: i64, reason: &str) -> Gap {
        Gap { range: TimeRange { start: Timestamp(start), end: Timestamp(end) }, reason: reason.to_owned() }
    }

    #[test]
    fn those_that_touch_are_one_and_what_is_known_tells_nothing() {
        let mut gaps = Gaps::default();
        for (told, new) in [((0, 1), true), ((4, 5), true), ((2, 3), true), ((1, 2), true), ((0, 2), false), ((3, 4), true), ((4, 6), true)]
        {
            assert_eq!(gaps.add(gap(told.0, told.1, "gone")), new, "{told:?}");
        }
        assert!(gaps.add(gap(1, 2, "too many")), "of another reason");
        assert_eq!(*gaps, [gap(0, 6, "gone"), gap(1, 2, "too many")]);
    }

    #[test]
    fn of_very_many_the_newest_are_kept() {
        let mut gaps = Gaps::default();
        assert!((0..5000).all(|i| gaps.add(gap(2 * i, 2 * i + 1, "gone"))));
        assert_eq!((gaps.len(), gaps.last()), (Gaps::MOST, Some(&gap(9998, 9999, "gone"))));
    }
}
