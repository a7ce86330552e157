//! When a question is asked again: as often as its pane is to be fresh, less often where the backend is slow, fails or limits us.

use std::time::Duration;

use crate::{
    core::request::{Refresh, Response},
    model::backend::{ErrorKind, SourceError},
};

/// A refresh waits at least this many times as long as the last answer took: a slow backend is asked less often.
const BREATHING: u32 = 4;
/// Between two tries of what only someone else can heal: a refused token.
const HEALING: Duration = Duration::from_secs(30);
/// The longest wait between two tries of a failing request.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// How a question ended, as far as asking again depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Well.
    Answered,
    /// Not wholly: the rest of it may come when it is asked again.
    Incomplete,
    /// The backend limits us: it is left alone this long.
    Limited(Duration),
    /// Any other failure.
    Failed {
        /// Asking the same again may help.
        transient: bool,
        /// Time may heal it.
        heals: bool,
        /// 503: the backend has too much to do.
        overloaded: bool,
        /// The answer is larger than what is read.
        huge: bool,
        /// 422: the backend will not answer this, at least not now.
        refused: bool,
    },
}

impl Outcome {
    /// How the question went that got this.
    pub(super) fn of(result: &Result<Response, SourceError>) -> Self {
        match result {
            Ok(Response::Red(mapping)) if mapping.is_incomplete() => Self::Incomplete,
            Ok(_) => Self::Answered,
            Err(e) => match e.hold_off() {
                Some(wait) => Self::Limited(wait),
                None => Self::Failed {
                    transient: e.is_transient(),
                    heals: e.heals(),
                    overloaded: e.kind == ErrorKind::Server(503),
                    huge: matches!(e.kind, ErrorKind::TooLarge(_)),
                    refused: e.kind == ErrorKind::Refused,
                },
            },
        }
    }
}

/// The period of what is asked again on the beat: it was answered, and soon enough to be asked as often.
pub(super) fn on_time(refresh: Refresh, outcome: &Outcome, took: Duration) -> Option<Duration> {
    let (Refresh::Every(every) | Refresh::Fact(every)) = refresh else { return None };
    (*outcome == Outcome::Answered && took * BREATHING <= every).then_some(every)
}

/// How long until any other request is asked again; `None` when it is not. All clients are not to ask at the same instant, and
/// none before a limit is over.
pub(super) fn next_wait(refresh: Refresh, outcome: &Outcome, failures: u32, took: Duration) -> Option<Duration> {
    let every = match refresh {
        Refresh::Once | Refresh::Stream => None,
        Refresh::Every(every) | Refresh::Fact(every) => Some(every),
    };
    let wait = match (outcome, every) {
        (Outcome::Answered, None) | (Outcome::Failed { heals: false, .. }, _) => return None,
        // What is asked once does not get smaller; a window that moves may.
        (Outcome::Failed { huge: true, .. }, _) if refresh == Refresh::Once => return None,
        (Outcome::Answered, Some(every)) => (took * BREATHING).min(MAX_WAIT).max(every),
        (Outcome::Incomplete, every) => (took * BREATHING).max(ever_less_often(failures)).min(every.unwrap_or(MAX_WAIT)),
        (Outcome::Limited(wait), _) => {
            let least = if let Refresh::Every(every) = refresh { every } else { Duration::ZERO };
            return Some(least.max(*wait).mul_f64(1.0 + 0.2 * fastrand::f64()));
        }
        (Outcome::Failed { refused: true, .. }, _) => (HEALING * failures.max(1)).max(every.unwrap_or_default()).min(MAX_WAIT),
        (Outcome::Failed { heals: true, transient: false, .. }, _) if matches!(refresh, Refresh::Fact(_)) => HEALING,
        (Outcome::Failed { transient: false, .. }, None) => HEALING,
        (Outcome::Failed { transient: false, .. }, Some(every)) => every.max(HEALING / 2),
        (Outcome::Failed { transient: true, .. }, _) if matches!(refresh, Refresh::Fact(_)) => soon(failures),
        (Outcome::Failed { transient: true, overloaded: true, .. }, _) => {
            (5 * pause(failures)).max(every.unwrap_or_default()).min(MAX_WAIT)
        }
        (Outcome::Failed { transient: true, .. }, _) => pause(failures).max(took * BREATHING).min(MAX_WAIT),
    };
    Some(wait.mul_f64(0.9 + 0.2 * fastrand::f64()))
}

/// The wait after so many failures in a row: 1 s, 2 s, 4 s … 60 s.
fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}

/// The same where pages wait for the answer: 2 s, 5 s, 10 s … 30 s, however long the failure took to come.
fn soon(failures: u32) -> Duration {
    const WAITS: [u64; 5] = [2, 5, 10, 20, 30];
    Duration::from_secs(WAITS[(failures.max(1) as usize - 1).min(WAITS.len() - 1)])
}

/// The wait after so many incomplete answers in a row: 5 s, 10 s, 20 s … What is never told is asked no more often than the rest
/// of it in the end.
fn ever_less_often(answers: u32) -> Duration {
    Duration::from_secs(5 << answers.saturating_sub(1).min(12))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::backend::Backend,
        red::{RedMapping, Unanswered},
    };

    const EVERY: Refresh = Refresh::Every(Duration::from_secs(15));

    fn failed(kind: ErrorKind) -> Outcome {
        Outcome::of(&Err(SourceError::new(Backend::Loki, kind, "no")))
    }

    fn about(wait: Option<Duration>, seconds: f64) -> bool {
        wait.is_some_and(|w| (w.as_secs_f64() / seconds - 1.0).abs() <= 0.11)
    }

    fn limited(rest: u64) -> Outcome {
        failed(ErrorKind::RateLimited(Duration::from_secs(rest)))
    }

    #[test]
    fn a_question_is_asked_again_as_its_refresh_says() {
        assert_eq!(next_wait(Refresh::Once, &Outcome::Answered, 0, Duration::ZERO), None);
        for kind in [ErrorKind::BadQuery, ErrorKind::NotConfigured, ErrorKind::Bug] {
            for refresh in [Refresh::Once, EVERY, Refresh::Stream, Refresh::Fact(Duration::from_secs(600))] {
                assert_eq!(next_wait(refresh, &failed(kind.clone()), 1, Duration::ZERO), None, "{kind:?} stays as it is");
            }
        }
        let huge = failed(ErrorKind::TooLarge(32 << 20));
        assert_eq!(next_wait(Refresh::Once, &huge, 1, Duration::ZERO), None, "what is asked once stays as large");
        assert!(about(next_wait(EVERY, &huge, 1, Duration::ZERO), 15.0), "a window moves");
        assert!(
            about(next_wait(Refresh::Stream, &failed(ErrorKind::Unauthorized(401)), 1, Duration::ZERO), 30.0),
            "a token may be renewed"
        );
        assert!(about(next_wait(Refresh::Once, &failed(ErrorKind::Unreachable), 1, Duration::ZERO), 1.0));
        let soon = Duration::from_millis(10);
        assert_eq!(on_time(EVERY, &Outcome::Answered, soon), Some(Duration::from_secs(15)));
        assert_eq!(on_time(Refresh::Once, &Outcome::Answered, soon), None);
        assert_eq!(on_time(EVERY, &failed(ErrorKind::Unreachable), soon), None);
    }

    #[test]
    fn a_slow_or_refusing_backend_is_asked_less_often() {
        assert_eq!(on_time(EVERY, &Outcome::Answered, Duration::from_secs(9)), None);
        assert!(about(next_wait(EVERY, &Outcome::Answered, 0, Duration::from_secs(9)), 36.0));
        assert!(about(next_wait(EVERY, &failed(ErrorKind::Server(500)), 4, Duration::ZERO), 8.0));
        assert!(about(next_wait(EVERY, &failed(ErrorKind::Server(503)), 1, Duration::ZERO), 15.0), "never faster than a good one");
        assert!(about(next_wait(EVERY, &failed(ErrorKind::Server(503)), 4, Duration::ZERO), 40.0));
    }

    #[test]
    fn a_refused_question_is_asked_again_ever_more_slowly() {
        let refused = failed(ErrorKind::Refused);
        for refresh in [EVERY, Refresh::Once, Refresh::Fact(Duration::from_secs(60))] {
            let waits = [1, 2, 3, 9].map(|failures| next_wait(refresh, &refused, failures, Duration::ZERO).unwrap().as_secs_f64());
            let expected = if matches!(refresh, Refresh::Fact(_)) { [60.0, 60.0, 90.0, 120.0] } else { [30.0, 60.0, 90.0, 120.0] };
            assert!(waits.iter().zip(expected).all(|(w, e)| (w / e - 1.0).abs() <= 0.11), "{refresh:?} {waits:?}");
        }
    }

    #[test]
    fn an_incomplete_answer_is_asked_for_again_soon_and_then_ever_more_slowly() {
        let mapping = |unanswered: &[Unanswered]| {
            let unanswered = unanswered.iter().cloned().collect();
            Outcome::of(&Ok(Response::Red(Arc::new(RedMapping { unanswered, ..RedMapping::default() }))))
        };
        let (whole, part) = (mapping(&[]), mapping(&[Unanswered::Names]));
        let fact = Refresh::Fact(Duration::from_secs(600));
        assert!(about(next_wait(fact, &whole, 0, Duration::ZERO), 600.0));
        for (answers, seconds) in [(1, 5.0), (2, 10.0), (5, 80.0), (9, 600.0), (99, 600.0)] {
            assert!(about(next_wait(fact, &part, answers, Duration::ZERO), seconds), "{answers}");
        }
        assert!(about(next_wait(fact, &part, 1, Duration::from_secs(10)), 40.0), "a slow server has time to breathe");
    }

    #[test]
    fn a_backend_that_limits_us_is_left_alone() {
        for rest in [20_u32, 90, 600] {
            for refresh in [Refresh::Once, EVERY, Refresh::Stream, Refresh::Fact(Duration::from_secs(600))] {
                let wait = next_wait(refresh, &limited(rest.into()), 1, Duration::ZERO).unwrap();
                assert!((1.0..=1.2).contains(&(wait.as_secs_f64() / f64::from(rest))), "{rest} {refresh:?} {wait:?}");
            }
        }
    }

    #[test]
    fn what_pages_wait_for_is_tried_again_soon_however_slow_it_failed() {
        let fact = Refresh::Fact(Duration::from_secs(600));
        let timeout = failed(ErrorKind::Timeout(Duration::from_secs(10)));
        for (failures, seconds) in [(1, 2.0), (2, 5.0), (3, 10.0), (4, 20.0), (9, 30.0)] {
            assert!(about(next_wait(fact, &timeout, failures, Duration::from_secs(10)), seconds));
        }
        assert!(about(next_wait(fact, &failed(ErrorKind::Unauthorized(401)), 1, Duration::ZERO), 30.0));
        assert!(about(next_wait(fact, &Outcome::Answered, 0, Duration::ZERO), 600.0));
    }
}
