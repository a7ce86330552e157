//! The instants of an answer.

/// A range cut into steps, or one instant query's whole range. Steps are open at their begin and closed at their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    start: i64,
    end: i64,
    step: i64,
    instant: bool,
}

impl Steps {
    /// A range in nanoseconds, aligned to its step with a whole step before it, as Tempo does.
    pub const fn range(start: i64, end: i64, step: i64) -> Self {
        let floor = start - start.rem_euclid(step);
        let rest = end.rem_euclid(step);
        let end = if rest == 0 { end } else { end + step - rest };
        Self { start: floor - step, end, step, instant: false }
    }

    /// One step as long as the range.
    pub const fn instant(start: i64, end: i64) -> Self {
        Self { start, end, step: end - start, instant: true }
    }

    /// The range that spans begin in.
    pub const fn bounds(&self) -> (i64, i64) {
        (self.start, self.end)
    }

    /// Whether it is an instant query's.
    pub const fn is_instant(&self) -> bool {
        self.instant
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        if self.instant { 1 } else { usize::try_from((self.end - self.start) / self.step).unwrap_or(0) }
    }

    /// Length of one.
    pub fn seconds(&self) -> f64 {
        self.step as f64 / 1e9
    }

    /// The step that an instant (nanoseconds) is in.
    pub fn index(&self, at: i64) -> Option<usize> {
        if at <= self.start || at > self.end {
            return None;
        }
        if self.instant { Some(0) } else { usize::try_from((at - self.start - 1) / self.step).ok() }
    }

    /// The end of a step, which its sample is at, in milliseconds.
    pub fn at(&self, step: usize) -> i64 {
        let ns = if self.instant { self.end } else { self.start + (step as i64 + 1) * self.step };
        ns / 1_000_000
    }
}
