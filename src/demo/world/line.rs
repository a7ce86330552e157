//! What changes with time alone: levels and steady growth, in pieces.

/// Seconds of a nanosecond.
const NANO: f64 = 1e-9;

/// Pieces by their begin, each with its value there and its growth a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Line(Vec<(i64, f64, f64)>);

impl Line {
    /// A level that changes by so much at instants (nanoseconds).
    pub fn steps(first: f64, changes: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let mut changes: Vec<(i64, f64)> = changes.into_iter().collect();
        changes.sort_by_key(|c| c.0);
        let mut level = first;
        let begin = (i64::MIN, first, 0.0);
        let pieces = changes.into_iter().map(|(at, by)| {
            level += by;
            (at, level, 0.0)
        });
        Self(std::iter::once(begin).chain(pieces).collect())
    }

    /// From zero at an instant, growing by so much a second from each of the following instants on.
    pub fn growing(zero: i64, slopes: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let mut pieces: Vec<(i64, f64, f64)> = Vec::new();
        for (from, slope) in slopes {
            let from = from.max(zero);
            let value = pieces.last().map_or(0.0, |(at, value, slope)| value + slope * (from - at) as f64 * NANO);
            pieces.push((from, value, slope));
        }
        Self(pieces)
    }

    /// Its value at an instant; before the first piece nothing.
    pub fn at(&self, t: i64) -> f64 {
        match self.0.iter().rev().find(|piece| piece.0 <= t) {
            Some(&(_, value, 0.0)) => value,
            Some(&(from, value, slope)) => value + slope * (t - from) as f64 * NANO,
            None => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_level_changes_at_its_instants() {
        let line = Line::steps(2.0, [(10, 1.0), (5, -2.0)]);
        assert_eq!([i64::MIN, 4, 5, 9, 10, i64::MAX].map(|t| line.at(t)), [2.0, 2.0, 0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn growth_goes_on_from_where_the_piece_before_it_ended() {
        let line = Line::growing(SECOND, [(i64::MIN, 2.0), (11 * SECOND, 0.5)]);
        assert_eq!([0, 1, 6, 11, 13].map(|s| line.at(s * SECOND)), [0.0, 0.0, 10.0, 20.0, 21.0]);
    }
}
