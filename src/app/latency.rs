//! How long backends take, as the header tells it: by a figure that is drawn anew only when it would mislead.
//!
//! No two answers take as long as each other, and a header that tells each one would change with every probe though nothing
//! has. A figure stays for as long as answers are about as fast as it says; those that are not have to come in a row.

use std::{cmp::Ordering, time::Duration};

use crate::model::backend::{Backend, Health};

/// An answer is slower or faster when it took so many times as long, or the other way round,
const FACTOR: u32 = 2;
/// and differs by so much: below that it tells of the machine's moods.
const APART: Duration = Duration::from_millis(10);
/// Slower answers in a row that change the figure,
const SLOWER: usize = 2;
/// and faster ones: that a backend is well again is not as urgent.
const FASTER: usize = 4;

/// What is shown of one backend.
#[derive(Clone, Debug)]
struct Shown {
    latency: Duration,
    /// Answers in a row that were all slower than that, or all faster.
    others: Vec<Duration>,
}

impl Shown {
    fn answered(&mut self, took: Duration) {
        let side = compare(took, self.latency);
        if self.others.first().is_some_and(|first| compare(*first, self.latency) != side) {
            self.others.clear();
        }
        let enough = match side {
            Ordering::Equal => return,
            Ordering::Greater => SLOWER,
            Ordering::Less => FASTER,
        };
        self.others.push(took);
        if self.others.len() >= enough {
            self.others.sort_unstable();
            self.latency = self.others[self.others.len() / 2];
            self.others.clear();
        }
    }
}

/// How an answer compares with what is shown; equal: it is not worth telling.
fn compare(took: Duration, shown: Duration) -> Ordering {
    let (short, long) = (took.min(shown), took.max(shown));
    if long - short < APART || long < short * FACTOR { Ordering::Equal } else { took.cmp(&shown) }
}

/// What is shown of each backend.
#[derive(Default)]
pub(super) struct Latencies([Option<Shown>; Backend::ALL.len()]);

impl Latencies {
    /// The health to show once a backend has told of its own.
    pub(super) fn settled(&mut self, backend: Backend, health: Health) -> Health {
        let shown = &mut self.0[backend as usize];
        let Health::Up(took) = health else {
            *shown = None;
            return health;
        };
        let shown = shown.get_or_insert(Shown { latency: took, others: Vec::new() });
        shown.answered(took);
        Health::Up(shown.latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        backend::{ErrorKind, SourceError},
        time::Timestamp,
    };

    /// What is shown after each of these answers, in milliseconds.
    fn shown<const N: usize>(latencies: &mut Latencies, answers: [u64; N]) -> [u128; N] {
        answers.map(|took| match latencies.settled(Backend::Loki, Health::Up(Duration::from_millis(took))) {
            Health::Up(shown) => shown.as_millis(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_figure_stays_while_answers_are_about_as_fast() {
        assert_eq!(shown(&mut Latencies::default(), [4, 1, 9, 2, 13, 3]), [4; 6]);
        assert_eq!(shown(&mut Latencies::default(), [100, 190, 60, 51, 199]), [100; 5]);
        assert_eq!(shown(&mut Latencies::default(), [20, 2000, 25, 1, 1, 1, 800, 18]), [20; 8], "none of them is the rule");
    }

    #[test]
    fn a_backend_that_becomes_slow_shows_it_at_the_second_answer_and_that_it_is_well_again_at_the_fourth() {
        let mut latencies = Latencies::default();
        assert_eq!(shown(&mut latencies, [20, 900, 1100]), [20, 20, 1100]);
        assert_eq!(shown(&mut latencies, [25, 20, 30, 22]), [1100, 1100, 1100, 25]);
    }

    #[test]
    fn one_that_comes_back_shows_its_first_answer() {
        let mut latencies = Latencies::default();
        shown(&mut latencies, [20]);
        let down = Health::Down { since: Timestamp::ZERO, error: SourceError::new(Backend::Loki, ErrorKind::Unreachable, "no") };
        assert_eq!(latencies.settled(Backend::Loki, down.clone()), down);
        assert_eq!(shown(&mut latencies, [300]), [300]);
        assert_eq!(latencies.settled(Backend::Tempo, Health::Up(Duration::ZERO)), Health::Up(Duration::ZERO), "each by itself");
    }
}
