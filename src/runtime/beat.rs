//! One beat for all questions: what is asked as often is asked together, so that rate, errors and duration are of one instant
//! and drawn in one frame. Each program has a phase of its own, so that those that were started by one page do not ask at once.

use std::time::{Duration, Instant};

/// Periods up to this long are spread over the whole of it.
const SPREAD: Duration = Duration::from_secs(60);

/// The instants at which questions are asked again.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// One of them, for every period.
    origin: Instant,
}

impl Beat {
    /// With a phase by chance.
    pub fn new(now: Instant) -> Self {
        Self { origin: now + SPREAD.mul_f64(fastrand::f64()) }
    }

    /// When a question that was asked at an instant is asked again, `every` so long: the first time three quarters of the
    /// period later at the least, then on the beat.
    pub fn after(&self, asked: Instant, every: Duration) -> Instant {
        let least = asked + every * 3 / 4;
        least + self.until(least, every)
    }

    /// From an instant to the next one of a period.
    fn until(&self, at: Instant, every: Duration) -> Duration {
        let every = every.as_nanos().max(1);
        let rest = match self.origin.checked_duration_since(at) {
            Some(ahead) => ahead.as_nanos() % every,
            None => (every - at.duration_since(self.origin).as_nanos() % every) % every,
        };
        Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    #[test]
    fn questions_of_one_period_are_asked_together_however_they_began() {
        let start = Instant::now();
        let beat = Beat::new(start);
        // The second one half a second after the first, and its answers take their time.
        let (mut first, mut second) = (start, start + Duration::from_millis(500));
        for round in 0..20 {
            (first, second) = (beat.after(first, EVERY), beat.after(second, EVERY));
            if second < first {
                second = beat.after(second, EVERY);
            } else if first < second {
                first = beat.after(first, EVERY);
            }
            assert_eq!(first, second, "round {round}");
        }
        let seldom = beat.after(start, 6 * EVERY);
        assert_eq!(beat.after(seldom, EVERY), seldom + EVERY, "a longer period beats with the shorter one");
    }

    #[test]
    fn no_question_is_asked_much_sooner_than_its_period_says_and_none_is_left_out() {
        let start = Instant::now();
        let beat = Beat::new(start);
        let mut asked = start;
        let first = beat.after(asked, EVERY);
        assert!((EVERY * 3 / 4..EVERY * 7 / 4).contains(&(first - asked)), "{:?}", first - asked);
        asked = first;
        for late in [0, 1, 40, 900] {
            // A busy machine asks late.
            let next = beat.after(asked + Duration::from_millis(late), EVERY);
            assert_eq!(next - asked, EVERY, "late by {late} ms");
            asked = next;
        }
    }
}
