//! A backend that limits us (429) is left alone by everyone who would ask it: another page, a tail, a probe.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(600);

/// How long a backend that limits us is left alone: as long as it wishes, within reason.
pub(super) fn hold_off(wish: Option<Duration>) -> Duration {
    wish.unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST)
}

/// Until when the backend is left alone, and its words.
#[derive(Default)]
pub(super) struct Limit(Mutex<Option<(Instant, String)>>);

impl Limit {
    /// It is left alone this long; no shorter than it was told before.
    pub(super) fn set(&self, rest: Duration, message: &str) {
        let until = Instant::now() + rest;
        let mut limit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.as_ref().is_none_or(|(before, _)| *before < until) {
            *limit = Some((until, message.to_owned()));
        }
    }

    /// How long it is still left alone, if it is.
    pub(super) fn rest(&self) -> Option<(Duration, String)> {
        let limit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, message) = limit.as_ref()?;
        let rest = until.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then(|| (rest, message.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_left_alone_as_long_as_it_wishes_within_reason() {
        for (wish, seconds) in [(None, 30), (Some(3), 30), (Some(90), 90), (Some(86_400), 600)] {
            assert_eq!(hold_off(wish.map(Duration::from_secs)), Duration::from_secs(seconds), "{wish:?}");
        }
    }

    #[test]
    fn a_shorter_limit_does_not_end_a_longer_one() {
        let limit = Limit::default();
        assert_eq!(limit.rest(), None);
        limit.set(Duration::from_secs(600), "long");
        limit.set(Duration::from_secs(30), "short");
        let (rest, words) = limit.rest().unwrap();
        assert!(rest > Duration::from_secs(500) && words == "long", "{rest:?} {words}");
    }
}
